//! Which moment a text starts with.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;

use super::moment::{Field, Moment, Piece, Strength, digits};

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
            4 => reader.clone().week(before, Field::WeekYear, 4).or_else(|| reader.long_day(before)),
            2 if is_start(before) => reader
                .clone()
                .week(before, Field::ShortWeekYear, 2)
                .or_else(|| reader.clone().day_first())
                .or_else(|| reader.short_day(text.get(2..3)?)),
            _ => None,
        }
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

    /// `2024-W03`, `2024w3`, and `24w03`, where a letter may say which one of the week it is.
    fn week(mut self, before: &str, year: Field, digits_of_year: usize) -> Option<Moment<'a>> {
        self.field(year, digits_of_year, false)?;
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
        let letter = self.rest().get(..1).filter(|letter| matches!(*letter, "a" | "b" | "c" | "d"));
        if year == Field::ShortWeekYear && letter.is_some() && self.rest()[1..].is_empty() {
            self.text(1)?;
        }
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
    let short = moment.value(Field::ShortWeekYear).map(|year| 2000 + year);
    let date = if let Some(year) = moment.value(Field::WeekYear).or(short).filter(|year| (2000..2100).contains(year)) {
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
