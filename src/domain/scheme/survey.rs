//! `auto`: which scheme the running tag follows, or else its repository.

use std::collections::BTreeMap;

use super::content::before_content;
use super::date::Dated;
use super::increment::Counted;
use super::listing::Listing;
use super::semver;
use super::version::Version;
use super::{Scheme, SchemeError};
use crate::domain::floating::is_floating;

/// Tags that go on from each other. Where two families are as large, the one that stands first here is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family<'a> {
    Versions { prefix: &'a str, variant: &'a str },
    Days { prefix: &'a str, separator: &'a str, suffix: &'a str },
    Counts { before: &'a str, after: &'a str },
    Contents,
}

impl<'a> Family<'a> {
    /// The family that a tag is of by its own form. `None` if it floats, or nothing in it counts.
    fn of(tag: &'a str) -> Option<Self> {
        if is_floating(tag) {
            return None;
        }
        if before_content(tag).is_some() {
            return Some(Self::Contents);
        }
        if let Some(Dated { prefix, separator, suffix, .. }) = Dated::parse(tag) {
            return Some(Self::Days { prefix, separator, suffix });
        }
        if let Some(version) = Version::parse(tag).filter(|version| !version.is_plain_number()) {
            return Some(Self::Versions { prefix: version.prefix, variant: version.variant });
        }
        let counted = Counted::parse(tag).filter(|counted| counted.own && counted.number().is_some())?;
        Some(Self::Counts { before: counted.before, after: counted.after })
    }

    fn scheme(&self) -> Scheme {
        match self {
            Self::Versions { .. } => Scheme::Semver,
            Self::Days { .. } => Scheme::Date,
            Self::Counts { .. } => Scheme::Increment,
            Self::Contents => Scheme::Digest,
        }
    }

    /// What its members end in, such as `-alpine`.
    fn ending(&self) -> &'a str {
        match self {
            Self::Versions { variant: ending, .. }
            | Self::Days { suffix: ending, .. }
            | Self::Counts { after: ending, .. } => ending,
            Self::Contents => "",
        }
    }

    /// The member that the next tag comes after.
    fn highest(&self, members: &[&'a str]) -> Option<&'a str> {
        let members = members.iter().copied();
        match self {
            Self::Versions { .. } => highest_version(members.filter_map(Version::parse).collect()),
            Self::Days { .. } => members.max_by_key(|tag| Dated::parse(tag).map(|dated| dated.rank())),
            Self::Counts { .. } => members.max_by_key(|tag| Counted::parse(tag).and_then(|counted| counted.number())),
            Self::Contents => None,
        }
    }
}

/// The highest release, or pre-release where there is none, of the length that most have.
fn highest_version(versions: Vec<Version<'_>>) -> Option<&str> {
    let released = versions.iter().any(|version| version.pre.is_none());
    let mut lengths: BTreeMap<usize, Vec<&Version<'_>>> = BTreeMap::new();
    for version in versions.iter().filter(|version| version.pre.is_none() == released) {
        lengths.entry(version.numbers.len()).or_default().push(version);
    }
    let (_, most) = lengths.into_iter().max_by_key(|(length, versions)| (versions.len(), *length))?;
    most.into_iter().max_by_key(|version| version.rank()).map(|version| version.tag)
}

/// The scheme of the running tag, or else of the repository, and the tag that it goes on from.
pub(super) fn scheme<'a>(listing: &Listing<'a>) -> (Scheme, &'a str) {
    let running = listing.running;
    let of_their_own = listing.tags.iter().filter(|tag| **tag != running && !is_floating(tag)).count();
    let least = if of_their_own == 1 { 1 } else { 2 };
    let found = match Family::of(running) {
        Some(family) => Some((family.scheme(), running)),
        None => leading(listing, least, |_| true),
    };
    let Some((scheme, start)) = found else {
        return (Scheme::Digest, running);
    };
    // A count or a day by its own form can still be a version in the light of its neighbours.
    let version = Version::parse(start).filter(|version| match scheme {
        Scheme::Increment => semver::is_extended(listing, version),
        Scheme::Date => semver::is_counted_by_month(listing, version),
        Scheme::Semver | Scheme::Digest => false,
    });
    (version.map_or(scheme, |_| Scheme::Semver), start)
}

/// The tag that a scheme goes on from: the running one without the name of an older content, or the repository's
/// highest where the running one floats.
///
/// # Errors
/// If the scheme needs one and neither will do.
pub(super) fn start<'a>(scheme: Scheme, listing: &Listing<'a>) -> Result<&'a str, SchemeError> {
    let running = before_content(listing.running).unwrap_or(listing.running);
    let fits = match scheme {
        Scheme::Increment => Counted::parse(running).is_some(),
        Scheme::Semver => Version::parse(running).is_some(),
        Scheme::Date => Dated::parse(running).is_some(),
        Scheme::Digest => true,
    };
    if fits {
        return Ok(running);
    }
    let replaceable = running.is_empty() || is_floating(running) || scheme == Scheme::Date;
    let found = if replaceable { leading(listing, 1, |family| family.scheme() == scheme) } else { None };
    match (found, scheme) {
        (Some((_, start)), _) => Ok(start),
        (None, Scheme::Increment) => Err(SchemeError::NoNumber(listing.running.to_owned())),
        (None, Scheme::Semver) => Err(SchemeError::NoVersion(listing.running.to_owned())),
        (None, Scheme::Date | Scheme::Digest) => Ok(running),
    }
}

/// The scheme that most tags follow, and the tag that its next one comes after. Only families with enough members
/// count. One that ends as the running tag does (`main-alpine`) goes before all others: `1.1` would promise its users
/// another variant.
fn leading<'a>(
    listing: &Listing<'a>,
    least: usize,
    allowed: impl Fn(&Family<'_>) -> bool,
) -> Option<(Scheme, &'a str)> {
    let mut families: BTreeMap<Family<'_>, Vec<&str>> = BTreeMap::new();
    for tag in listing.tags.iter().filter(|tag| **tag != listing.running) {
        if let Some(family) = Family::of(tag).filter(&allowed) {
            families.entry(family).or_default().push(tag);
        }
    }
    let ending = listing.running.trim_start_matches(|character: char| character.is_ascii_alphanumeric());
    families.retain(|_, members| members.len() >= least);
    let followers = |scheme: Scheme| -> usize {
        families.iter().filter(|(family, _)| family.scheme() == scheme).map(|(_, members)| members.len()).sum()
    };
    let weight = |family: &Family<'_>, members: &[&str]| {
        let same_ending = family.ending() == ending;
        (same_ending && !ending.is_empty(), followers(family.scheme()), same_ending, members.len())
    };
    // Backwards, because the last one of equals is taken.
    let (family, members) = families.iter().rev().max_by_key(|(family, members)| weight(family, members))?;
    Some((family.scheme(), family.highest(members).unwrap_or(listing.running)))
}
