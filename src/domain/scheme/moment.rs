//! Moments, as tags write them: days, months, weeks, times of day and Unix times, each in many forms.
//!
//! A form is a row of fields with text between them. Whatever is read can be written again for another moment.

use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// A part of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Field {
    Year,
    /// `24`.
    ShortYear,
    Month,
    Day,
    /// The year that an ISO week is of.
    WeekYear,
    /// The same in two digits.
    ShortWeekYear,
    Week,
    Hour,
    Minute,
    Second,
    Milli,
    /// Seconds since 1970, or so many digits finer.
    Unix(u32),
}

/// What a moment is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Piece<'a> {
    Field {
        field: Field,
        /// Digits that are written.
        digits: usize,
        value: i64,
        /// It may be one digit or two: there is text on both sides.
        loose: bool,
    },
    Text(&'a str),
}

impl Piece<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Field { digits, .. } => *digits,
            Self::Text(text) => text.len(),
        }
    }
}

/// How much a form says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::domain) enum Strength {
    /// Versions and counts look like that, too: `24.04`, `2024.12.1`, `202412`.
    Weak,
    /// Hardly anything else looks like that: `20240115`, `2024-01-15T10.30.00`.
    Strong,
}

/// How fine a form is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resolution {
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Finer,
}

/// A moment and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Moment<'a> {
    /// As it stands in the tag.
    pub text: &'a str,
    pub pieces: Vec<Piece<'a>>,
    /// Its first instant, in UTC.
    pub at: DateTime,
    pub strength: Strength,
}

impl<'a> Moment<'a> {
    /// The day alone, without the time behind it.
    pub(super) fn without_time(mut self) -> Self {
        let is_time = |piece: &Piece<'_>| matches!(piece, Piece::Field { field: Field::Hour, .. });
        let Some(time) = self.pieces.iter().position(is_time).filter(|place| *place > 1) else { return self };
        self.pieces.truncate(time);
        if matches!(self.pieces.last(), Some(Piece::Text(_))) {
            self.pieces.pop();
        }
        let length: usize = self.pieces.iter().map(Piece::length).sum();
        let at = self.at.date().to_datetime(jiff::civil::Time::midnight());
        Self { text: &self.text[..length], at, ..self }
    }

    /// Whether the time may as well be a count that is filled up with zeros: `20240115-0001`.
    pub(super) fn may_be_counted(&self) -> bool {
        let is_hour = |piece: &Piece<'_>| matches!(piece, Piece::Field { field: Field::Hour, .. });
        let Some(hour) = self.pieces.iter().position(is_hour).filter(|hour| *hour > 0) else { return false };
        let zero = |piece: &Piece<'_>| matches!(piece, Piece::Field { value: 0, .. });
        let separated = matches!(self.pieces[hour - 1], Piece::Text(text) if !text.eq_ignore_ascii_case("t"));
        separated && self.pieces[hour..].len() > 1 && self.pieces[hour..self.pieces.len() - 1].iter().all(zero)
    }

    /// The same fields with the same text between them.
    pub(super) fn is_written_like(&self, other: &Self) -> bool {
        let same = |(one, other): (&Piece<'_>, &Piece<'_>)| match (one, other) {
            (Piece::Text(one), Piece::Text(other)) => one == other,
            (Piece::Field { field, loose, .. }, Piece::Field { field: other, loose: other_loose, .. }) => {
                (field, loose) == (other, other_loose)
            }
            _ => false,
        };
        self.pieces.len() == other.pieces.len() && self.pieces.iter().zip(&other.pieces).all(same)
    }

    /// Whether text has digits and separators in the same places, whatever they say.
    pub(super) fn is_shaped_like(&self, mut text: &str) -> bool {
        for piece in &self.pieces {
            let end = match piece {
                Piece::Text(own) if text.starts_with(own) => own.len(),
                Piece::Text(_) => return false,
                Piece::Field { loose: true, .. } => digits(text),
                Piece::Field { digits, .. } => (*digits).min(self::digits(text)),
            };
            if matches!(piece, Piece::Field { digits, loose, .. } if end == 0 || (!loose && end != *digits) || (*loose && end > 2))
            {
                return false;
            }
            text = &text[end..];
        }
        !text.starts_with(|next: char| next.is_ascii_alphanumeric())
    }

    pub(super) fn resolution(&self) -> Resolution {
        let of = |field: Field| match field {
            Field::Year | Field::ShortYear | Field::WeekYear | Field::ShortWeekYear | Field::Month => Resolution::Month,
            Field::Week => Resolution::Week,
            Field::Day => Resolution::Day,
            Field::Hour => Resolution::Hour,
            Field::Minute => Resolution::Minute,
            Field::Second | Field::Unix(0) => Resolution::Second,
            Field::Milli | Field::Unix(_) => Resolution::Finer,
        };
        self.fields().map(|(field, ..)| of(field)).max().unwrap_or(Resolution::Day)
    }

    /// How many digits finer than a second a Unix time is; `None` if it is another form.
    pub(super) fn unix(&self) -> Option<u32> {
        self.fields().find_map(|(field, ..)| if let Field::Unix(scale) = field { Some(scale) } else { None })
    }

    /// There is a year of two digits in it.
    pub(in crate::domain) fn is_short(&self) -> bool {
        self.fields().any(|(field, ..)| field == Field::ShortYear)
    }

    /// There is a field in it that is filled up with a zero.
    pub(super) fn is_padded(&self) -> bool {
        let padded = |(field, digits, value)| matches!(field, Field::Month | Field::Day) && digits == 2 && value < 10;
        self.fields().any(padded)
    }

    /// A field's value.
    pub(super) fn value(&self, wanted: Field) -> Option<i64> {
        self.fields().find(|(field, ..)| *field == wanted).map(|(.., value)| value)
    }

    fn fields(&self) -> impl Iterator<Item = (Field, usize, i64)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field { field, digits, value, .. } => Some((*field, *digits, *value)),
            Piece::Text(_) => None,
        })
    }

    /// Whether a field that may have one digit is filled up to two. `None` if its value tells nothing.
    pub(super) fn fills_up(&self, wanted: Field) -> Option<bool> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Field { field, digits, value, loose: true } if *field == wanted && *value < 10 => Some(*digits > 1),
            _ => None,
        })
    }

    /// The first instant of the same month, week, day … as a moment.
    pub(super) fn floor(&self, now: DateTime) -> DateTime {
        let date = now.date();
        let at = |hour, minute, second, nanosecond| date.at(hour, minute, second, nanosecond);
        match self.resolution() {
            Resolution::Month => date.first_of_month().to_datetime(jiff::civil::Time::midnight()),
            Resolution::Week => {
                let back = i64::from(date.weekday().to_monday_zero_offset());
                date.saturating_sub(back.days()).to_datetime(jiff::civil::Time::midnight())
            }
            Resolution::Day => at(0, 0, 0, 0),
            Resolution::Hour => at(now.hour(), 0, 0, 0),
            Resolution::Minute => at(now.hour(), now.minute(), 0, 0),
            Resolution::Second => at(now.hour(), now.minute(), now.second(), 0),
            Resolution::Finer => now,
        }
    }

    /// Another moment in the same form. `fills_up` says of a field whether it is filled up to two digits.
    pub(super) fn write(&self, at: DateTime, fills_up: impl Fn(Field) -> bool) -> String {
        let week = at.date().iso_week_date();
        let mut text = String::new();
        for piece in &self.pieces {
            let (field, digits, loose) = match piece {
                Piece::Text(own) => {
                    text.push_str(own);
                    continue;
                }
                Piece::Field { field, digits, loose, .. } => (*field, *digits, *loose),
            };
            let value = match field {
                Field::Year => i64::from(at.year()),
                Field::ShortYear => i64::from(at.year()) % 100,
                Field::Month => i64::from(at.month()),
                Field::Day => i64::from(at.day()),
                Field::WeekYear => i64::from(week.year()),
                Field::ShortWeekYear => i64::from(week.year()) % 100,
                Field::Week => i64::from(week.week()),
                Field::Hour => i64::from(at.hour()),
                Field::Minute => i64::from(at.minute()),
                Field::Second => i64::from(at.second()),
                Field::Milli => i64::from(at.millisecond()),
                Field::Unix(scale) => unix(at, scale),
            };
            let width = if loose { 1 + usize::from(fills_up(field)) } else { digits };
            text.push_str(&format!("{value:0width$}"));
        }
        text
    }
}

/// An instant in UTC as a Unix time.
pub(super) fn unix(at: DateTime, scale: u32) -> i64 {
    let timestamp = at.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
    match scale {
        0 => timestamp.as_second(),
        3 => timestamp.as_millisecond(),
        6 => timestamp.as_microsecond(),
        _ => i64::try_from(timestamp.as_nanosecond()).unwrap_or(i64::MAX),
    }
}

pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
