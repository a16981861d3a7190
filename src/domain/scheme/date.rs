//! `date`: the day gives the name.

use jiff::civil::Date;

use super::listing::{Listing, Stream};
use super::series::{Names, Series};
use super::{Proposal, Scheme};

/// A tag, cut at the day that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated<'a> {
    /// What stands before the day.
    pub prefix: &'a str,
    /// The day.
    pub day: Date,
    /// `.` or `-`; empty in `20261123`.
    pub separator: &'a str,
    /// Whether months and days are filled up to two digits; `None` where both have two anyway.
    pub padded: Option<bool>,
    /// Which one of the day it is, where that is written.
    pub counter: Option<Counter<'a>>,
    /// What stands after both.
    pub suffix: &'a str,
}

/// `-2`: the second of its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counter<'a> {
    /// `-`, `.` or `_`.
    pub separator: &'a str,
    /// From 1.
    pub number: u128,
    /// Digits at least.
    pub width: usize,
}

impl<'a> Dated<'a> {
    /// Reads the first day in a tag. `None` if it names none.
    pub(super) fn parse(tag: &'a str) -> Option<Self> {
        let mut end = 0;
        while let Some(found) = tag[end..].find(|character: char| character.is_ascii_digit()) {
            let start = end + found;
            end = start + digits(&tag[start..]);
            let dated = Self::at(tag, start);
            if dated.is_some() {
                return dated;
            }
        }
        None
    }

    /// Reads the day that starts at a place, where digits start.
    fn at(tag: &'a str, start: usize) -> Option<Self> {
        let (prefix, text) = tag.split_at(start);
        let first = digits(text);
        let (day, separator, padded, rest) = if first == 8 {
            (calendar_day(&text[..4], &text[4..6], &text[6..8])?, "", None, &text[8..])
        } else {
            let separator = text.get(first..first + 1).filter(|separator| matches!(*separator, "." | "-"))?;
            let (month, rest) = text[first + 1..].split_at(digits(&text[first + 1..]));
            let rest = rest.strip_prefix(separator)?;
            let (date, rest) = rest.split_at(digits(rest));
            // More than three numbers with dots between them are something else.
            if separator == "." && prefix.ends_with('.') {
                return None;
            }
            (calendar_day(&text[..first], month, date)?, separator, padding(month, date)?, rest)
        };
        if rest.starts_with(|character: char| character.is_ascii_alphanumeric()) {
            return None;
        }
        let (counter, suffix) = Counter::cut(rest).map_or((None, rest), |(counter, rest)| (Some(counter), rest));
        Some(Self { prefix, day, separator, padded, counter, suffix })
    }

    /// By day, then by place in the day.
    pub(super) fn rank(&self) -> (Date, u128) {
        (self.day, self.counter.map_or(1, |counter| counter.number))
    }

    /// The same image on another day.
    fn is_relative_of(&self, other: &Self) -> bool {
        (self.prefix, self.separator, self.suffix) == (other.prefix, other.separator, other.suffix)
    }
}

impl<'a> Counter<'a> {
    fn cut(text: &'a str) -> Option<(Self, &'a str)> {
        let separator = text.get(..1).filter(|separator| matches!(*separator, "-" | "." | "_"))?;
        let (number, rest) = text[1..].split_at(digits(&text[1..]));
        let width = if number.starts_with('0') { number.len() } else { 1 };
        let ends_word = !rest.starts_with(|character: char| character.is_ascii_alphanumeric());
        // Of two numbers, as in `-12-30`, neither can be known to count.
        let alone = ends_word && rest.get(1..).is_none_or(|next| digits(next) == 0);
        alone.then_some((Self { separator, number: number.parse().ok()?, width }, rest))
    }
}

/// A real day of this century.
pub(super) fn calendar_day(year: &str, month: &str, day: &str) -> Option<Date> {
    if year.len() != 4 || !year.starts_with("20") || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// What a month and a day tell of padding. `None` if they contradict each other.
fn padding(month: &str, day: &str) -> Option<Option<bool>> {
    let padded = month.starts_with('0') || day.starts_with('0');
    let bare = month.len() == 1 || day.len() == 1;
    match (padded, bare) {
        (true, true) => None,
        (false, false) => Some(None),
        _ => Some(Some(padded)),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Names the day in the form of the start, or as `2026.11.23`.
pub(super) fn propose(listing: &Listing<'_>, start: &str, today: Date) -> Proposal {
    let running = Dated::parse(start);
    let mut members: Vec<(Dated<'_>, &str)> = Vec::new();
    if let Some(running) = &running {
        let dated = listing.tags.iter().filter_map(|tag| Some((Dated::parse(tag)?, *tag)));
        members.extend(dated.filter(|(member, _)| member.is_relative_of(running)));
    }
    let form = Form::of(running.as_ref(), &members, today);
    let stream = Stream::new(members.iter().map(|(member, tag)| (member.rank(), *tag)));
    let neighbours = stream.nearest(listing.running);
    let evidence = match neighbours.as_slice() {
        [] => "today's date".to_owned(),
        [only] => format!("today's date, as {only}"),
        [first, ..] => format!("today's date, as {first} and others"),
    };
    let mut warnings = Vec::new();
    if let (Some((day, _)), Some(newest)) = (stream.highest(), neighbours.first())
        && *day > today
    {
        warnings.push(format!("`{newest}` is dated after today, {today} in UTC: the new tag reads as older"));
    }
    Proposal {
        scheme: Scheme::Date,
        evidence,
        neighbours,
        warnings,
        names: Names::counting(form.series(&members, today), listing),
        newest: stream.newest(listing.running),
    }
}

/// How the day is written.
struct Form<'a> {
    /// Up to the end of the day.
    named: String,
    counter: Counter<'a>,
    suffix: &'a str,
}

impl<'a> Form<'a> {
    fn of(running: Option<&Dated<'a>>, members: &[(Dated<'a>, &str)], today: Date) -> Self {
        let newest = |told: fn(&Dated<'a>) -> bool| {
            let others = members.iter().map(|(member, _)| member).filter(|member| told(member));
            running.filter(|running| told(running)).or_else(|| others.max_by_key(|member| member.rank()))
        };
        let padded = newest(|member| member.padded.is_some()).and_then(|member| member.padded).unwrap_or(true);
        let counter = newest(|member| member.counter.is_some()).and_then(|member| member.counter);
        let (prefix, separator, suffix) =
            running.map_or(("", ".", ""), |running| (running.prefix, running.separator, running.suffix));
        let width = if padded || separator.is_empty() { 2 } else { 1 };
        let (year, month, day) = (today.year(), today.month(), today.day());
        Self {
            named: format!("{prefix}{year:04}{separator}{month:0width$}{separator}{day:0width$}"),
            counter: counter.unwrap_or(Counter { separator: "-", number: 1, width: 1 }),
            suffix,
        }
    }

    /// Today's names that come after those that are listed. The first of a day has no number, unless the stream
    /// numbers its first ones, too (`20261123.1`).
    fn series(&self, members: &[(Dated<'_>, &str)], today: Date) -> Series {
        let last = members.iter().filter(|(member, _)| member.day == today).map(|(member, _)| member.rank().1).max();
        let numbered = members.iter().filter_map(|(member, _)| member.counter).map(|counter| counter.number);
        let numbered = numbered.filter(|number| *number < 2).min();
        let (first, start) = match (last, numbered) {
            (Some(last), _) => (None, last.saturating_add(1)),
            (None, Some(number)) => (None, number),
            (None, None) => (Some(format!("{}{}", self.named, self.suffix)), 2),
        };
        Series {
            first,
            before: format!("{}{}", self.named, self.counter.separator),
            start,
            width: self.counter.width,
            after: self.suffix.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts, with `|` between them.
    fn parts(tag: &str) -> Option<String> {
        let dated = Dated::parse(tag)?;
        let counter =
            dated.counter.map_or_else(String::new, |c| format!("{}{:0width$}", c.separator, c.number, width = c.width));
        let padded = match dated.padded {
            None => "either",
            Some(true) => "padded",
            Some(false) => "bare",
        };
        Some(format!("{}|{}|{}|{padded}|{counter}|{}", dated.prefix, dated.day, dated.separator, dated.suffix))
    }

    #[test]
    fn a_tag_is_cut_at_its_day() {
        for (tag, expected) in [
            ("2026.11.23", "|2026-11-23|.|either||"),
            ("2026-11-23", "|2026-11-23|-|either||"),
            ("20261123", "|2026-11-23||either||"),
            ("v2026.11.23", "v|2026-11-23|.|either||"),
            ("2026.7.3", "|2026-07-03|.|bare||"),
            ("2026.07.13", "|2026-07-13|.|padded||"),
            ("2026.11.23-2", "|2026-11-23|.|either|-2|"),
            ("2026-11-23-2", "|2026-11-23|-|either|-2|"),
            ("20261123.4", "|2026-11-23||either|.4|"),
            ("20261123.04", "|2026-11-23||either|.04|"),
            ("nightly-20261123-slim", "nightly-|2026-11-23||either||-slim"),
            ("2026.11.23-2-alpine", "|2026-11-23|.|either|-2|-alpine"),
            ("2026.11.23-alpine3.20", "|2026-11-23|.|either||-alpine3.20"),
            ("2026.11.23-12-30", "|2026-11-23|.|either||-12-30"),
            ("build-10-2026-11-23", "build-10-|2026-11-23|-|either||"),
            ("1.2.3-20261123", "1.2.3-|2026-11-23||either||"),
            ("2024.02.29", "|2024-02-29|.|padded||"),
            ("99999999-20261123", "99999999-|2026-11-23||either||"),
        ] {
            assert_eq!(parts(tag).as_deref(), Some(expected), "{tag}");
        }
    }

    #[test]
    fn only_real_days_of_this_century_are_dates() {
        for tag in [
            "",
            "1.0",
            "2026.11",
            "2026.02.30",
            "2025.02.29",
            "20261323",
            "19991231",
            "2100.01.01",
            "202611231",
            "2026112",
            "2026.07.3",
            "2026-11.23",
            "1.2026.11.23",
            "2026.11.23rc1",
            "20261123abc",
            "2026.007.1",
        ] {
            assert_eq!(parts(tag), None, "{tag}");
        }
    }
}
