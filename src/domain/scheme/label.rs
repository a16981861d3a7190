//! What the image says of itself: its labels name a version or a commit, and where that fits the scheme of the
//! repository it is the best name.

use std::borrow::Cow;

use jiff::civil::DateTime;

use super::Candidate;
use super::content::mask;
use super::date::Dated;
use super::increment::{Counted, Role};
use super::listing::Listing;
use super::survey::Course;
use super::token::read;
use super::version::Version;

/// The labels of an image that can name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    /// `org.opencontainers.image.version`.
    pub version: Option<&'a str>,
    /// `org.opencontainers.image.revision`.
    pub revision: Option<&'a str>,
}

/// The names that the labels give in the form of what is gone on from, the best first. Listed ones are among them: they
/// may hold the content already.
pub(super) fn names(
    labels: Labels<'_>,
    course: &Course<'_>,
    start: &str,
    listing: &Listing<'_>,
    now: DateTime,
) -> Vec<Candidate> {
    let version = labels.version.map(str::trim).filter(|label| !label.is_empty()).and_then(|label| {
        // Tags have no `+`; where one stands is told by what fits.
        let spellings = [Cow::Borrowed(label), label.replace('+', "-").into(), label.replace('+', "_").into()];
        let tag = spellings.iter().find_map(|label| fitted(label, course, start, listing))?;
        Some(Candidate { tag, evidence: format!("the image's own label says version {label}") })
    });
    let revision = labels.revision.map(str::trim).and_then(|revision| {
        let Course::Commit(named) = course else { return None };
        let tag = named.with_revision(revision)?.go_on(listing, now);
        let short = revision.get(..12).unwrap_or(revision);
        Some(Candidate { tag, evidence: format!("the image's own label says revision {short}") })
    });
    version.into_iter().chain(revision).filter(|name| super::check_tag(&name.tag).is_ok()).collect()
}

fn fitted(label: &str, course: &Course<'_>, start: &str, listing: &Listing<'_>) -> Option<String> {
    match course {
        Course::Version(_) => version(label, start),
        Course::Count(counted) => count(label, counted, start, listing),
        Course::Day(dated) => day(label, dated, listing),
        Course::Commit(_) => (mask(label) == mask(start)).then(|| label.to_owned()),
        Course::Content => None,
    }
}

/// A later version of the same length, with the prefix and the variant that the repository's have.
fn version(label: &str, start: &str) -> Option<String> {
    let (own, said) = (Version::parse(start)?, Version::parse(label)?);
    let fits = said.numbers.len() == own.numbers.len()
        && said.is_as_ready_as(&own)
        && said.build.is_empty() == own.build.is_empty()
        && (said.variant.is_empty() || said.variant == own.variant);
    if !fits || said.rank() <= own.rank() {
        return None;
    }
    let core = &label[said.prefix.len()..label.len() - said.variant.len()];
    Some(format!("{}{core}{}", own.prefix, own.variant))
}

/// A higher count, or the first package of a later version.
fn count(label: &str, counted: &Counted<'_>, start: &str, listing: &Listing<'_>) -> Option<String> {
    let plain = matches!(counted.before, "" | "v" | "V") && counted.after.is_empty();
    let digits = match counted.middle(label) {
        None if plain => {
            Some(label.trim_start_matches(['v', 'V'])).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        }
        digits => digits,
    };
    if let Some(number) = digits.and_then(|digits| digits.parse::<u128>().ok()) {
        let others = listing.tags.iter().filter_map(|tag| counted.middle(tag)?.parse::<u128>().ok());
        let highest = others.chain(counted.number()).max()?;
        let width = counted.digits.len();
        return (number > highest).then(|| format!("{}{number:0width$}{}", counted.before, counted.after));
    }
    if mask(label) == mask(start) && super::by_number(label, start).is_gt() {
        return Some(label.to_owned());
    }
    if counted.role != Role::Count {
        return None;
    }
    let (said, own) = (Version::parse(label)?, leading_version(counted.before)?);
    let later = said.variant.is_empty()
        && said.pre.is_none()
        && said.build.is_empty()
        && said.numbers.len() == own.numbers.len()
        && said.rank() > own.rank();
    if !later {
        return None;
    }
    let before = format!("{}{}{}", own.prefix, &label[said.prefix.len()..], &counted.before[own.tag.len()..]);
    // Packages count from what those of other versions began with.
    let form = mask(start);
    let firsts = listing.tags.iter().filter(|tag| mask(tag) == form).filter_map(|tag| {
        let counted = Counted::parse(tag, &read(tag), None)?;
        counted.number()
    });
    let first = firsts.min().filter(|first| *first < 2).unwrap_or(1);
    let taken = listing.tags.iter().filter_map(|tag| {
        let digits = tag.strip_prefix(before.as_str())?.strip_suffix(counted.after)?;
        digits.parse::<u128>().ok()
    });
    let number = taken.max().map_or(first, |taken| taken.saturating_add(1));
    let width = if counted.digits.starts_with('0') { counted.digits.len() } else { 1 };
    Some(format!("{before}{number:0width$}{}", counted.after))
}

/// The version that a text starts with.
fn leading_version(text: &str) -> Option<Version<'_>> {
    let prefix = usize::from(text.starts_with(['v', 'V']));
    let numbers = text[prefix..].bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    Version::parse(text[..prefix + numbers].trim_end_matches('.'))
}

/// A later moment in the same form.
fn day(label: &str, dated: &Dated<'_>, listing: &Listing<'_>) -> Option<String> {
    let members = dated.relatives(listing);
    let highest = members.iter().map(|(member, _)| member.rank()).chain([dated.rank()]).max()?;
    let whole = format!("{}{label}{}", dated.prefix, dated.suffix);
    [label, &whole].into_iter().find_map(|tag| {
        let said = Dated::parse(tag)?;
        let fits = (said.prefix, said.suffix) == (dated.prefix, dated.suffix)
            && said.moment.is_written_like(&dated.moment)
            && said.rank() > highest;
        fits.then(|| tag.to_owned())
    })
}
