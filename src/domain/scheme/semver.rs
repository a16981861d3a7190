//! `semver`: the version counts up.

use super::date::Dated;
use super::increment::tags;
use super::listing::{Listing, Stream, counted_on_from};
use super::series::{Names, Series};
use super::version::{PreRelease, Rank, Version};
use super::{Part, Proposal, Scheme, SchemeError};
use crate::domain::floating::is_floating;

/// Goes on from the highest version of the start's stream.
pub(super) fn propose(listing: &Listing<'_>, start: &str, part: Option<Part>) -> Result<Proposal, SchemeError> {
    let running = Version::parse(start).ok_or_else(|| SchemeError::NoVersion(start.to_owned()))?;
    let relatives = relatives(listing, &running);
    let longer = extending(&relatives, &running).map(|version| version.numbers.len()).max();
    let length = longer.unwrap_or(running.numbers.len());
    let place = part.map_or(length - 1, Part::place);
    if let Some(part) = part.filter(|part| part.place() >= length) {
        return Err(SchemeError::NoPart { tag: start.to_owned(), part });
    }
    // Whoever runs 1.2.3 beside 2.0.0 keeps the old line alive: the next one stays in what does not count up.
    let line = place.min(running.numbers.len());
    let members: Vec<&Version<'_>> = relatives
        .iter()
        .filter(|version| version.numbers.len() == length && version.is_as_ready_as(&running))
        .collect();
    let in_line = members.iter().copied().filter(|version| version.agrees_with(&running, line));
    let own = longer.is_none().then_some(&running);
    let highest = in_line.chain(own).max_by_key(|version| version.rank()).unwrap_or(&running);
    let released = relatives
        .iter()
        .filter(|version| version.numbers.len() == length && version.pre.is_none())
        .max_by_key(|version| version.rank());
    let form = if longer.is_some() { highest } else { &running };
    let step = Step { form, highest, released, place };
    let series = match &form.pre {
        None => step.release(highest.rank()),
        Some(pre) if part.is_some() => step.first_pre_release(pre),
        Some(pre) => Ok(step.next_pre_release(pre)),
    }?;
    // What the line comes after belongs to it, what comes after the line does not.
    let so_far = members.iter().filter(|version| version.rank() <= highest.rank());
    let stream: Stream<'_, Rank> = Stream::new(so_far.map(|version| (version.rank(), version.tag)));
    let neighbours = stream.nearest(listing.running);
    let mut evidence = counted_on_from(start, &neighbours);
    if longer.is_some() {
        evidence = format!("{evidence}; {start} moves along with these");
    }
    let reason = format!(
        "`{}` is a version, {} of the same prefix, variant and length go before the next one",
        form.tag,
        tags(stream.len())
    );
    Ok(Proposal {
        reasons: vec![reason],
        neighbours,
        warnings: step.warnings(listing.running, part),
        newest: stream.newest(listing.running),
        ..Proposal::new(Scheme::Semver, evidence, Names::counting(series, listing))
    })
}

/// The longer versions that a short one moves along with, `20.1.0` for `20`: the highest, and how many there are.
pub(super) fn extended<'a>(listing: &Listing<'a>, running: &Version<'_>) -> Option<(&'a str, usize)> {
    let relatives = relatives(listing, running);
    let longest = extending(&relatives, running).map(|version| version.numbers.len()).max()?;
    let highest = extending(&relatives, running).filter(|version| version.numbers.len() == longest);
    let highest = highest.max_by_key(|version| version.rank())?;
    Some((highest.tag, extending(&relatives, running).count()))
}

/// Every version of the same image. A day would be far above every version; it can be one only if the running one is a
/// day or starts with a year.
fn relatives<'a>(listing: &Listing<'a>, running: &Version<'_>) -> Vec<Version<'a>> {
    let is_day = |tag: &str| Dated::parse(tag).is_some_and(|dated| !dated.moment.is_short());
    let dated = is_of_this_century(running) || is_day(running.tag);
    let readable = listing.tags.iter().filter(|tag| dated || !is_day(tag));
    readable.filter_map(|tag| Version::parse(tag)).filter(|version| version.is_relative_of(running)).collect()
}

fn is_of_this_century(version: &Version<'_>) -> bool {
    (2000..2100).contains(&version.rank().0[0])
}

/// The longer versions that the running one is short for.
fn extending<'a, 'b>(
    relatives: &'b [Version<'a>],
    running: &'b Version<'_>,
) -> impl Iterator<Item = &'b Version<'a>> + use<'a, 'b> {
    let count = running.numbers.len();
    let counted = running.pre.is_some_and(|pre| pre.number.is_some());
    relatives.iter().filter(move |version| {
        !counted
            && version.numbers.len() > count
            && version.is_as_ready_as(running)
            && version.agrees_with(running, count)
    })
}

/// What one version more takes.
struct Step<'a, 'b> {
    /// How it is written.
    form: &'b Version<'a>,
    /// What it comes after.
    highest: &'b Version<'a>,
    /// The highest release of the image.
    released: Option<&'b Version<'a>>,
    /// The number that counts.
    place: usize,
}

impl Step<'_, '_> {
    fn release(&self, (numbers, _): Rank) -> Result<Series, SchemeError> {
        let zeros: String =
            self.form.numbers.iter().skip(self.place + 1).map(|number| format!(".{}", number.write(0))).collect();
        let mut before = self.core(&numbers, self.place);
        if self.place > 0 {
            before.push('.');
        }
        Ok(Series {
            first: Vec::new(),
            before,
            start: self.bumped(numbers)?,
            width: self.form.numbers.get(self.place).map_or(1, |number| number.width),
            after: format!("{zeros}{}", self.rest()),
        })
    }

    /// The pre-release's own number counts up, for as long as the version is not out.
    fn next_pre_release(&self, pre: &PreRelease<'_>) -> Series {
        let (numbers, number) = self.highest.rank();
        let core = self.core(&numbers, self.form.numbers.len());
        self.pre_releases(&core, pre, number.map_or(1, |number| number.saturating_add(1)), Vec::new())
    }

    /// The first pre-release of the next version, after all that are out or on their way.
    fn first_pre_release(&self, pre: &PreRelease<'_>) -> Result<Series, SchemeError> {
        let numbers = self.released.map_or([0; 3], |version| version.rank().0).max(self.highest.rank().0);
        let mut next = numbers;
        next[self.place] = self.bumped(numbers)?;
        next[self.place + 1..].fill(0);
        let core = self.core(&next, self.form.numbers.len());
        let bare = || format!("{core}{}{}{}", pre.separator, pre.word, self.rest());
        let bare = if pre.number.is_none() { vec![bare()] } else { Vec::new() };
        let bare = bare.into_iter().filter(|tag| !is_floating(tag)).collect();
        Ok(self.pre_releases(&core, pre, 1, bare))
    }

    fn pre_releases(&self, core: &str, pre: &PreRelease<'_>, start: u128, first: Vec<String>) -> Series {
        let counted = [Some(*pre), self.highest.pre].into_iter().flatten().find(|pre| pre.number.is_some());
        let gap = match counted {
            Some(counted) => counted.gap,
            None if pre.separator.is_empty() => "",
            None => ".",
        };
        Series {
            first,
            before: format!("{core}{}{}{gap}", pre.separator, pre.word),
            start,
            width: counted.and_then(|pre| pre.number).map_or(1, |number| number.width),
            after: self.rest(),
        }
    }

    fn bumped(&self, numbers: [u128; 3]) -> Result<u128, SchemeError> {
        numbers[self.place].checked_add(1).ok_or_else(|| SchemeError::TooLarge(self.highest.tag.to_owned()))
    }

    /// The prefix and the first so many numbers.
    fn core(&self, numbers: &[u128; 3], count: usize) -> String {
        let written = self.form.numbers.iter().zip(numbers).take(count).map(|(form, value)| form.write(*value));
        format!("{}{}", self.form.prefix, written.collect::<Vec<_>>().join("."))
    }

    fn rest(&self) -> String {
        format!("{}{}", self.form.build, self.form.variant)
    }

    fn warnings(&self, running: &str, part: Option<Part>) -> Vec<String> {
        let mut warnings = Vec::new();
        let highest = self.highest;
        if let Some(released) = self.released.filter(|released| released.rank().0 >= highest.rank().0)
            && self.form.pre.is_some()
            && part.is_none()
        {
            warnings.push(format!(
                "`{}` is released: a further pre-release of `{}` reads as older; name a part to start the next version",
                released.tag, highest.tag
            ));
        }
        // Another major version is other software; whoever keeps an old line alive has to hear of it.
        let older = |version: &Version<'_>| version.numbers.len() > 1 && version.rank().0[0] < highest.rank().0[0];
        if Version::parse(running).is_some_and(|version| older(&version)) {
            warnings.push(format!(
                "the next tag comes after `{}`, and the running `{running}` is of an older line",
                highest.tag
            ));
        }
        warnings
    }
}
