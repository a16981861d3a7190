//! Moments, as tags write them: days, months, weeks, times of day and Unix times, each in many forms.
//!
//! A form is a row of fields with text between them. Whatever is read can be written again for another moment.

use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
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
    /// Reads the moment that starts at a place, where digits start.
    pub(super) fn at(tag: &'a str, start: usize) -> Option<Self> {
        let (before, text) = tag.split_at(start);
        if before.ends_with(|last: char| last.is_ascii_digit()) {
            return None;
        }
        let reader = Reader { text, at: 0, pieces: Vec::new() };
        match digits(text) {
            14 | 17 => reader.compact(&[4, 2, 2, 2, 2, 2, 3]),
            12 => reader.compact(&[4, 2, 2, 2, 2]),
            10 => reader.clone().compact(&[4, 2, 2, 2]).or_else(|| reader.unix(0)),
            13 => reader.unix(3),
            16 => reader.unix(6),
            19 => reader.unix(9),
            8 => reader.compact(&[4, 2, 2]),
            6 => reader.clone().compact(&[4, 2]).or_else(|| reader.short_day("")),
            4 => reader.clone().week(before).or_else(|| reader.long_day(before)),
            2 if is_start(before) => reader.clone().day_first().or_else(|| reader.short_day(text.get(2..3)?)),
            _ => None,
        }
    }

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
            Field::Year | Field::ShortYear | Field::WeekYear | Field::Month => Resolution::Month,
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

/// Reads from the front of a text.
#[derive(Debug, Clone)]
struct Reader<'a> {
    text: &'a str,
    at: usize,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn field(&mut self, field: Field, digits: usize, loose: bool) -> Option<()> {
        let value = self.rest().get(..digits)?;
        if digits == 0 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.pieces.push(Piece::Field { field, digits, value: value.parse().ok()?, loose });
        self.at += digits;
        Some(())
    }

    fn text(&mut self, length: usize) -> Option<()> {
        let text = self.rest().get(..length)?;
        if length > 0 {
            self.pieces.push(Piece::Text(text));
        }
        self.at += length;
        Some(())
    }

    /// `20240115`, and on to milliseconds.
    fn compact(mut self, widths: &[usize]) -> Option<Moment<'a>> {
        const FIELDS: [Field; 7] =
            [Field::Year, Field::Month, Field::Day, Field::Hour, Field::Minute, Field::Second, Field::Milli];
        for (field, width) in FIELDS.into_iter().zip(widths) {
            if digits(self.rest()) == 0 {
                break;
            }
            self.field(field, *width, false)?;
        }
        match widths.len() {
            2 => self.finish(Strength::Weak),
            3 => self.finish_with_time(Strength::Strong),
            _ => self.finish(Strength::Strong),
        }
    }

    fn unix(mut self, scale: u32) -> Option<Moment<'a>> {
        if !self.text.starts_with('1') {
            return None;
        }
        self.field(Field::Unix(scale), 10 + usize::try_from(scale).ok()?, false)?;
        self.finish(Strength::Strong)
    }

    /// `2024-W03`, `2024w3`.
    fn week(mut self, before: &str) -> Option<Moment<'a>> {
        self.field(Field::WeekYear, 4, false)?;
        let separator = usize::from(self.rest().starts_with(['-', '.', '_']));
        let word = self.rest()[separator..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let letters = self.rest().get(separator..separator + word)?;
        if !["w", "wk", "week", "kw", "cw"].iter().any(|known| known.eq_ignore_ascii_case(letters)) {
            return None;
        }
        let more = usize::from(self.rest()[separator + word..].starts_with(['-', '.', '_']) && word > 1);
        self.text(separator + word + more)?;
        let width = digits(self.rest());
        self.field(Field::Week, width, true).filter(|()| width <= 2 && !ends_in_version(before))?;
        self.finish(Strength::Strong)
    }

    /// `2024-01-15`, `2024.1.5`, `2024.12`.
    fn long_day(mut self, before: &str) -> Option<Moment<'a>> {
        self.field(Field::Year, 4, false)?;
        let separator = self.rest().get(..1).filter(|text| matches!(*text, "-" | "." | "_"))?;
        // More than three numbers with dots between them are something else.
        if separator == "." && ends_in_version(before) {
            return None;
        }
        self.text(1)?;
        let width = digits(self.rest());
        self.field(Field::Month, width, true).filter(|()| width <= 2)?;
        let day = self.rest().strip_prefix(separator).map_or(0, digits);
        if day == 0 {
            return self.finish(Strength::Weak);
        }
        self.text(1)?;
        self.field(Field::Day, day, true).filter(|()| day <= 2)?;
        // `2024.04.1` is the first fix of a release of April.
        if let [.., Piece::Field { digits: 2, value: ..10, .. }, _, Piece::Field { digits: 1, .. }] = self.pieces[..]
            && separator == "."
        {
            return None;
        }
        let strength = if separator == "." { Strength::Weak } else { Strength::Strong };
        self.finish_with_time(strength)
    }

    /// `24.01.31`, `240131`, `24.04`.
    fn short_day(mut self, separator: &str) -> Option<Moment<'a>> {
        let length = separator.len();
        if !matches!(separator, "" | "." | "-" | "_") {
            return None;
        }
        self.field(Field::ShortYear, 2, false)?;
        self.text(length)?;
        self.field(Field::Month, 2, false)?;
        let more = self.rest().strip_prefix(separator).map_or(0, digits);
        if more == 2 {
            self.text(length)?;
            self.field(Field::Day, 2, false)?;
        } else if more > 0 || separator.is_empty() {
            return None;
        }
        // Four numbers are a version.
        if separator == "." && self.rest().strip_prefix('.').is_some_and(|next| digits(next) > 0) {
            return None;
        }
        if more == 2 { self.finish_with_time(Strength::Weak) } else { self.finish(Strength::Weak) }
    }

    /// `15.01.2024`, or `01.15.2024` where the first cannot be.
    fn day_first(self) -> Option<Moment<'a>> {
        let separator = self.text.get(2..3).filter(|text| matches!(*text, "-" | "." | "_"))?;
        let read = |order: [Field; 2]| {
            let mut reader = self.clone();
            for field in order {
                reader.field(field, 2, false)?;
                reader.rest().strip_prefix(separator)?;
                reader.text(1)?;
            }
            let width = digits(reader.rest());
            reader.field(Field::Year, 4, false).filter(|()| width == 4)?;
            reader.finish_with_time(Strength::Weak)
        };
        read([Field::Day, Field::Month]).or_else(|| read([Field::Month, Field::Day]))
    }

    fn finish_with_time(self, strength: Strength) -> Option<Moment<'a>> {
        self.clone().time().and_then(|reader| reader.finish(Strength::Strong)).or_else(|| self.finish(strength))
    }

    /// `T10.30.00Z`, `-1030`, `.133158`.
    fn time(mut self) -> Option<Self> {
        let told = self.rest().starts_with(['T', 't']);
        let separated = told || self.rest().starts_with(['-', '.', '_']);
        self.text(usize::from(separated)).filter(|()| separated)?;
        let width = digits(self.rest());
        match width {
            4 | 6 | 9 => {
                for (field, width) in [(Field::Hour, 2), (Field::Minute, 2), (Field::Second, 2), (Field::Milli, 3)] {
                    if digits(self.rest()) > 0 {
                        self.field(field, width, false)?;
                    }
                }
            }
            2 => {
                self.field(Field::Hour, 2, false)?;
                let separator = self.rest().get(..1).filter(|text| matches!(*text, "-" | "." | "_" | "h"));
                let minutes = separator.is_some() && digits(&self.rest()[1..]) == 2;
                if !minutes && !told {
                    return None;
                }
                if minutes {
                    self.text(1)?;
                    self.field(Field::Minute, 2, false)?;
                    if self.rest().get(..1) == separator && digits(&self.rest()[1..]) == 2 {
                        self.text(1)?;
                        self.field(Field::Second, 2, false)?;
                    }
                }
            }
            _ => return None,
        }
        let seconds = matches!(self.pieces.last(), Some(Piece::Field { field: Field::Second, .. }));
        if seconds && self.rest().starts_with(['.', '-', '_']) && digits(&self.rest()[1..]) == 3 {
            self.text(1)?;
            self.field(Field::Milli, 3, false)?;
        }
        let zone = ["Z", "z", "UTC", "utc"].iter().find(|zone| self.rest().starts_with(**zone));
        self.text(zone.map_or(0, |zone| zone.len()))?;
        Some(self)
    }

    fn finish(self, strength: Strength) -> Option<Moment<'a>> {
        if self.rest().starts_with(|next: char| next.is_ascii_alphanumeric()) {
            return None;
        }
        let text = &self.text[..self.at];
        let mut moment = Moment { text, pieces: self.pieces, at: DateTime::MIN, strength };
        moment.at = instant(&moment)?;
        Some(moment)
    }
}

/// The first instant that is meant. `None` if there is no such day or time in this century.
fn instant(moment: &Moment<'_>) -> Option<DateTime> {
    let value = |field, default| moment.value(field).unwrap_or(default);
    if let Some(scale) = moment.unix() {
        let value = value(Field::Unix(scale), 0);
        let timestamp = match scale {
            0 => Timestamp::from_second(value).ok()?,
            3 => Timestamp::from_millisecond(value).ok()?,
            6 => Timestamp::from_microsecond(value).ok()?,
            _ => Timestamp::from_nanosecond(i128::from(value)).ok()?,
        };
        return Some(timestamp.to_zoned(TimeZone::UTC).datetime());
    }
    let small = |field, default| i8::try_from(value(field, default)).ok();
    let date = if let Some(year) = moment.value(Field::WeekYear).filter(|year| (2000..2100).contains(year)) {
        let week = small(Field::Week, 0)?;
        ISOWeekDate::new(i16::try_from(year).ok()?, week, Weekday::Monday).ok()?.date()
    } else {
        let year = match moment.value(Field::ShortYear) {
            Some(short) => Some(2000 + short).filter(|year| (2010..2050).contains(year))?,
            None => Some(value(Field::Year, 0)).filter(|year| (2000..2100).contains(year))?,
        };
        Date::new(i16::try_from(year).ok()?, small(Field::Month, 1)?, small(Field::Day, 1)?).ok()?
    };
    let time = jiff::civil::Time::new(
        small(Field::Hour, 0)?,
        small(Field::Minute, 0)?,
        small(Field::Second, 0)?,
        i32::try_from(value(Field::Milli, 0) * 1_000_000).ok()?,
    );
    Some(date.to_datetime(time.ok()?))
}

/// Whether a number can be the first of a tag: only separators or a `v` before it.
fn is_start(before: &str) -> bool {
    matches!(before, "" | "v" | "V") || before.ends_with(['-', '_'])
}

/// `1.` in front: what follows is the rest of a version.
pub(super) fn ends_in_version(before: &str) -> bool {
    before.strip_suffix('.').is_some_and(|before| before.ends_with(|last: char| last.is_ascii_digit()))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
