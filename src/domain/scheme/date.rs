//! `date`: the moment gives the name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::{SignedDuration, ToSpan};

use super::increment::tags;
use super::listing::{Listing, Stream};
use super::moment::{Field, Moment, Resolution, Strength, unix};
use super::series::{Names, Series};
use super::token::{Kind, Moments, Token, read, read_as};
use super::{Proposal, Scheme};
use crate::domain::floating::is_floating;

/// A moment that lies further ahead than this was not written by a clock that is a little fast, or by one in another
/// time zone.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// How many names go on second by second before a number is put behind.
const SECONDS: i64 = 60;

/// A tag, cut at the moment that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dated<'a> {
    /// What stands before the moment.
    pub prefix: &'a str,
    /// The moment.
    pub moment: Moment<'a>,
    /// Which one of the day it is, where that is written.
    pub counter: Option<Counter<'a>>,
    /// What stands after both.
    pub suffix: &'a str,
    /// How it was read.
    read: Moments,
}

/// `-2`: the second of its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counter<'a> {
    /// `-`, `.`, `_`, or with a word: `-r`.
    pub separator: &'a str,
    /// From 1, or from 0.
    pub number: u128,
    /// Digits at least.
    pub width: usize,
}

impl<'a> Dated<'a> {
    /// Reads the first moment in a tag that can hardly be anything else, or the first of all. `None` if it names none.
    pub(super) fn parse(tag: &'a str) -> Option<Self> {
        Self::of(tag, &read(tag), Moments::All)
    }

    /// Reads it as the repository shows: where every time of it is a small number, those count.
    pub(super) fn parse_in(tag: &'a str, listing: &Listing<'_>) -> Option<Self> {
        let dated = Self::parse(tag)?;
        let counted = dated.moment.may_be_counted()
            && dated.relatives(listing).iter().all(|(member, _)| member.moment.may_be_counted());
        if !counted {
            return Some(dated);
        }
        Self::of(tag, &read_as(tag, Moments::Days), Moments::Days)
    }

    /// The same of a tag that is read already.
    fn of(tag: &'a str, tokens: &[Token<'a>], read: Moments) -> Option<Self> {
        // `20.04-20240115` names a day of a release of April.
        let of = |least: Strength| {
            tokens.iter().position(|token| matches!(&token.kind, Kind::Moment(moment) if moment.strength >= least))
        };
        let at = of(Strength::Strong).or_else(|| of(Strength::Weak))?;
        let Kind::Moment(moment) = &tokens[at].kind else { return None };
        let end = tokens[at].end();
        let (counter, suffix) = match Counter::cut(tag, end, &tokens[at + 1..]) {
            Some((counter, end)) => (Some(counter), &tag[end..]),
            None => (None, &tag[end..]),
        };
        Some(Self { prefix: &tag[..tokens[at].start], moment: moment.clone(), counter, suffix, read })
    }

    /// By moment, then by place in the day.
    pub(super) fn rank(&self) -> (DateTime, u128) {
        (self.moment.at, self.counter.map_or(0, |counter| counter.number.saturating_add(1)))
    }

    /// The same image at another moment.
    fn is_relative_of(&self, other: &Self) -> bool {
        (self.prefix, self.suffix) == (other.prefix, other.suffix) && self.moment.is_written_like(&other.moment)
    }

    /// Every tag of the same form, this one included if it is listed.
    pub(super) fn relatives<'b>(&self, listing: &Listing<'b>) -> Vec<(Dated<'b>, &'b str)> {
        let near = listing.tags.iter().filter(|tag| tag.starts_with(self.prefix) && tag.ends_with(self.suffix));
        let dated = near.filter_map(|tag| Some((Dated::of(tag, &read_as(tag, self.read), self.read)?, *tag)));
        dated.filter(|(member, _)| member.is_relative_of(self)).collect()
    }

    /// Whether the repository shows that what reads as a moment is none: the others of its shape are no moments, or
    /// they count from 1 in each month or year.
    pub(super) fn is_refuted(&self, listing: &Listing<'_>) -> bool {
        let members: Vec<Dated<'_>> = self.relatives(listing).into_iter().map(|(member, _)| member).collect();
        let against = listing.tags.iter().filter(|tag| {
            let Some(rest) = tag.strip_prefix(self.prefix) else { return false };
            self.moment.is_shaped_like(rest)
                && !Moment::at(tag, self.prefix.len()).is_some_and(|other| other.is_written_like(&self.moment))
        });
        let against = against.count();
        match self.moment.strength {
            Strength::Strong => against > members.len(),
            Strength::Weak => against > 0 || !self.is_believable(&members),
        }
    }

    /// Whether a form that versions have, too, is one of moments in the light of all that have it.
    fn is_believable(&self, members: &[Dated<'_>]) -> bool {
        let all = || members.iter().map(|member| &member.moment).chain([&self.moment]);
        // `24.10` is a version until there is a `24.04`.
        let separated = !self.moment.text.bytes().all(|byte| byte.is_ascii_digit());
        if self.moment.is_short() && separated && !all().any(Moment::is_padded) {
            return false;
        }
        if all().any(Moment::is_padded) || !self.moment.text.contains('.') {
            return true;
        }
        let mut counts: BTreeMap<(i64, i64), BTreeSet<i64>> = BTreeMap::new();
        let day = self.moment.value(Field::Day).is_some();
        for moment in all() {
            let value = |field| moment.value(field).unwrap_or_default();
            let (upper, lower) = if day { (value(Field::Month), value(Field::Day)) } else { (0, value(Field::Month)) };
            counts.entry((value(Field::Year), upper)).or_default().insert(lower);
        }
        let from_one = |set: &BTreeSet<i64>| set.iter().copied().eq(1..=i64::try_from(set.len()).unwrap_or(0));
        let total: usize = counts.values().map(BTreeSet::len).sum();
        // Twelve months in a row are a year, a few are the releases of one.
        let few = day || counts.values().all(|set| set.len() < 7);
        let several = counts.len() > 1 && total > 2 + usize::from(day) && total > counts.len();
        !(few && several && counts.values().all(from_one))
    }
}

impl<'a> Counter<'a> {
    /// Reads the number behind a moment, and where it ends.
    fn cut(tag: &'a str, start: usize, tokens: &[Token<'a>]) -> Option<(Self, usize)> {
        let numbers: Vec<&Token<'a>> = tokens.iter().filter(|token| token.number().is_some()).collect();
        // Of two numbers, as in `-12-99`, neither can be known to count.
        let [token, rest @ ..] = numbers.as_slice() else { return None };
        let number = token.number()?;
        let word = tokens.iter().take_while(|other| other.start < token.start).all(|other| other.kind == Kind::Word);
        let separator = &tag[start..token.start];
        let told = separator.len() == 1 || (number.is_counter() && word);
        let ends = !tag[token.end()..].starts_with(|next: char| next.is_ascii_alphanumeric());
        let alone = rest.first().is_none_or(|next| next.start > token.end() + 1);
        let width = if token.text.starts_with('0') { token.text.len() } else { 1 };
        let counter = Self { separator, number: token.text.parse().ok()?, width };
        (told && ends && alone && separator.starts_with(['-', '.', '_'])).then_some((counter, token.end()))
    }
}

/// Names the moment in the form of the start, or as `2026.11.23`.
pub(super) fn propose(listing: &Listing<'_>, running: Option<&Dated<'_>>, now: DateTime) -> Proposal {
    let members = running.map(|running| running.relatives(listing)).unwrap_or_default();
    let (ahead, members): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(member, _)| member.moment.at.duration_since(now) > AHEAD);
    let stream = Stream::new(members.iter().map(|(member, tag)| (member.rank(), *tag)));
    let neighbours = stream.nearest(listing.running);
    let what = match running.map_or(Resolution::Day, |running| running.moment.resolution()) {
        Resolution::Month => "this month",
        Resolution::Week => "this week",
        Resolution::Day => "today's date",
        _ => "the present time",
    };
    let evidence = match neighbours.as_slice() {
        [] => what.to_owned(),
        [only] => format!("{what}, as {only}"),
        [first, ..] => format!("{what}, as {first} and others"),
    };
    let today = now.date();
    let ahead = ahead.iter().max_by_key(|(member, _)| member.rank());
    let warnings =
        ahead.map(|(_, tag)| format!("`{tag}` is dated after today, {today} in UTC: the new tag reads as older"));
    let series = series(running, &members, now);
    // A month beside a word such as `dev` reads as a line of versions; a whole day does not.
    if running.is_some() && series.first_tag().is_some_and(|first| is_floating(&first)) {
        return propose(listing, None, now);
    }
    let reason = match running {
        Some(running) => format!(
            "`{}` in `{}{}{}` is a moment, {} are of this form",
            running.moment.text,
            running.prefix,
            running.moment.text,
            running.suffix,
            tags(members.len())
        ),
        None => "no tag names a moment that could be followed".to_owned(),
    };
    Proposal {
        reasons: vec![reason],
        neighbours,
        warnings: warnings.into_iter().collect(),
        newest: stream.newest(listing.running),
        ..Proposal::new(Scheme::Date, evidence, Names::counting(series, listing))
    }
}

/// The names of the present that come after those that are listed.
fn series(running: Option<&Dated<'_>>, members: &[(Dated<'_>, &str)], now: DateTime) -> Series {
    let plain = Moment::at("2000.01.01", 0);
    let Some((form, prefix, suffix)) = running
        .map(|running| (&running.moment, running.prefix, running.suffix))
        .or_else(|| plain.as_ref().map(|form| (form, "", "")))
    else {
        return Series::default();
    };
    let last = members.iter().map(|(member, _)| member.moment.at).max();
    let fills_up = |field| fills_up(running, members, field);
    if let Some(scale) = form.unix() {
        let after_last = last.map_or(0, |last| unix(last, scale).saturating_add(1));
        let start = unix(now, scale).max(after_last);
        let start = u128::try_from(start).unwrap_or_default();
        return Series { before: prefix.to_owned(), start, width: 1, after: suffix.to_owned(), ..Series::default() };
    }
    // A clock that is ahead does not make the next tag an older one.
    let floor = form.floor(now);
    let at = last.filter(|last| *last > floor).unwrap_or(floor);
    let named = |at: DateTime| format!("{prefix}{}", form.write(at, fills_up));
    let counters = Counters::of(members, at, running);
    if form.resolution() >= Resolution::Second && counters.form.is_none() {
        let from = if last == Some(at) { 1 } else { 0 };
        let first = (from..SECONDS).filter_map(|step| at.checked_add(step.seconds()).ok());
        let first = first.map(|at| format!("{}{suffix}", named(at))).collect();
        return Series { first, before: format!("{}-", named(at)), start: 2, width: 1, after: suffix.to_owned() };
    }
    let form = counters.form.unwrap_or(Counter { separator: "-", number: 2, width: 1 });
    Series {
        first: if counters.bare { vec![format!("{}{suffix}", named(at))] } else { Vec::new() },
        before: format!("{}{}", named(at), form.separator),
        start: counters.start,
        width: form.width,
        after: suffix.to_owned(),
    }
}

/// Whether months and days are filled up to two digits: as the running tag does it, or else the newest tag that tells.
fn fills_up(running: Option<&Dated<'_>>, members: &[(Dated<'_>, &str)], field: Field) -> bool {
    let other = if field == Field::Month { Field::Day } else { Field::Month };
    let tells = |member: &Dated<'_>, field| member.moment.fills_up(field);
    let newest = |field| {
        let told = members.iter().filter(|(member, _)| tells(member, field).is_some());
        told.max_by_key(|(member, _)| member.rank()).and_then(|(member, _)| tells(member, field))
    };
    let own = |field| running.and_then(|running| tells(running, field));
    own(field).or_else(|| own(other)).or_else(|| newest(field)).or_else(|| newest(other)).unwrap_or(true)
}

/// How the tags of one day are told apart.
struct Counters<'a> {
    form: Option<Counter<'a>>,
    /// The first of the day has no number, and is free.
    bare: bool,
    start: u128,
}

impl<'a> Counters<'a> {
    fn of(members: &[(Dated<'a>, &str)], at: DateTime, running: Option<&Dated<'a>>) -> Self {
        let numbered: Vec<(DateTime, Counter<'a>)> =
            members.iter().filter_map(|(member, _)| Some((member.moment.at, member.counter?))).collect();
        let newest = numbered.iter().max_by_key(|(at, counter)| (*at, counter.number)).map(|(_, counter)| *counter);
        let form = running.and_then(|running| running.counter).or(newest);
        let has_bare = members.iter().any(|(member, _)| member.counter.is_none());
        let lowest = numbered.iter().map(|(_, counter)| counter.number).min();
        // Behind a dot the first has its number, too; so it has where nothing else is known of several.
        let all = !has_bare
            && form.is_some_and(|form| {
                form.width > 1 || form.separator == "." || form.separator.len() > 1 || numbered.len() > 1
            });
        let second = lowest.filter(|lowest| *lowest < 2).map_or(2, |_| 1);
        let today = members.iter().filter(|(member, _)| member.moment.at == at);
        let last = today.map(|(member, _)| member.counter.map(|counter| counter.number)).max();
        let (bare, start) = match last {
            Some(Some(last)) => (false, last.saturating_add(1)),
            Some(None) => (false, second),
            None if all && runs_on(&numbered) => {
                (false, newest.map_or(1, |_| numbered.iter().map(|(_, one)| one.number).max().unwrap_or(0) + 1))
            }
            None if all
                && lowest.is_some_and(|lowest| lowest < 2 || form.is_some_and(|form| form.separator == ".")) =>
            {
                (false, lowest.map_or(1, |lowest| lowest.min(1)))
            }
            None => (true, second),
        };
        Self { form, bare, start }
    }
}

/// Whether the numbers go on from day to day, as those of a CI do: `2026.9.20.123`, `2026.9.21.124`.
fn runs_on(numbered: &[(DateTime, Counter<'_>)]) -> bool {
    let mut days: BTreeMap<DateTime, (u128, u128)> = BTreeMap::new();
    for (at, counter) in numbered {
        let range = days.entry(*at).or_insert((counter.number, counter.number));
        *range = (range.0.min(counter.number), range.1.max(counter.number));
    }
    let ranges: Vec<(u128, u128)> = days.into_values().collect();
    let rises = ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
    // Nobody builds so often on one day that a single high number could be the last of it.
    rises && (ranges.len() > 1 || ranges.first().is_some_and(|(lowest, _)| *lowest > 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts, with `|` between them.
    fn parts(tag: &str) -> Option<String> {
        let dated = Dated::parse(tag)?;
        let counter =
            dated.counter.map_or_else(String::new, |c| format!("{}{:0width$}", c.separator, c.number, width = c.width));
        Some(format!("{}|{}|{counter}|{}", dated.prefix, dated.moment.text, dated.suffix))
    }

    #[test]
    fn a_tag_is_cut_at_its_moment() {
        for (tag, expected) in [
            ("2026.11.23", "|2026.11.23||"),
            ("v2026.11.23", "v|2026.11.23||"),
            ("2026.11.23-2", "|2026.11.23|-2|"),
            ("2026-11-23-2", "|2026-11-23|-2|"),
            ("20261123.4", "|20261123|.4|"),
            ("20261123.04", "|20261123|.04|"),
            ("20240112-r3", "|20240112|-r3|"),
            ("2026.9.20.123", "|2026.9.20|.123|"),
            ("nightly-20261123-slim", "nightly-|20261123||-slim"),
            ("2026.11.23-2-alpine", "|2026.11.23|-2|-alpine"),
            ("2026.11.23-alpine3.20", "|2026.11.23||-alpine3.20"),
            ("2026.11.23-12-30", "|2026.11.23-12-30||"),
            ("2026.11.23-12-99", "|2026.11.23||-12-99"),
            ("build-10-2026-11-23", "build-10-|2026-11-23||"),
            ("1.2.3-20261123", "1.2.3-|20261123||"),
            ("2023.3.20240108.0", "2023.3.|20240108|.0|"),
            ("99999999-20261123", "99999999-|20261123||"),
            ("4.8.1-20240109-windowsservercore-ltsc2022", "4.8.1-|20240109||-windowsservercore-ltsc2022"),
            ("RELEASE.2024-01-16T16-07-38Z", "RELEASE.|2024-01-16T16-07-38Z||"),
        ] {
            assert_eq!(parts(tag).as_deref(), Some(expected), "{tag}");
        }
    }
}
