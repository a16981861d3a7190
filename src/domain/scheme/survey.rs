//! `auto`: which scheme the running tag follows, or else its repository.

use std::collections::BTreeMap;

use super::content::{Named, mask};
use super::date::Dated;
use super::increment::{Counted, Role};
use super::listing::Listing;
use super::moment::Strength;
use super::order::by_number;
use super::semver;
use super::token::{Kind, Token, read, read_without_moments};
use super::version::Version;
use super::{Scheme, SchemeError, content, moment_reader};
use crate::domain::floating::{is_floating, line};

/// How a tag goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Course<'a> {
    /// By its version.
    Version(&'a str),
    /// By one of its numbers.
    Count(Counted<'a>),
    /// By the moment that it names.
    Day(Dated<'a>),
    /// By the commit that it names.
    Commit(Named<'a>),
    /// In no way of its own: by the content.
    Content,
}

/// What a tag goes on by in the light of its repository, and the tag that this is said of: a short one may move along
/// with longer ones. `None` if nothing in it does.
pub(super) fn course<'a>(listing: &Listing<'a>, tag: &'a str) -> Option<(Course<'a>, &'a str)> {
    let mut tokens = read(tag);
    let found = |course| Some((course, tag));
    if let Some(counted) = repackaged(tag, &tokens, listing) {
        return found(Course::Count(counted));
    }
    if tokens.iter().any(Token::is_commit) || Named::parse(tag).is_some() {
        return Named::parse(tag).and_then(|named| found(Course::Commit(named)));
    }
    if let Some(dated) = Dated::parse_in(tag, listing) {
        // Digits can be a commit's without any letter as well as a Unix time, or a day before there were images.
        let doubtful = dated.moment.unix().is_some() || dated.moment.at.year() < 2013;
        let named = if doubtful { Named::by_evidence(tag, listing) } else { None };
        if let Some(named) = named.filter(|_| dated.relatives(listing).len() < 2) {
            return found(Course::Commit(named));
        }
        let weak = dated.moment.strength == Strength::Weak;
        let version = Version::parse(tag).filter(|_| weak);
        let is_short = version.is_some_and(|version| semver::extended(listing, &version).is_some());
        if !is_short && !dated.is_refuted(listing) {
            return found(Course::Day(dated));
        }
        tokens = read_without_moments(tag);
    }
    if let Some(named) = Named::by_evidence(tag, listing) {
        return found(Course::Commit(named));
    }
    let counted = Counted::parse(tag, &tokens, Some(listing)).filter(|counted| counted.number().is_some())?;
    if counted.role == Role::Version
        && let Some(longer) = packaged(listing, tag)
    {
        return Some(longer);
    }
    let version = Version::parse(tag).filter(|version| match counted.role {
        Role::Version => !version.is_plain_number() || semver::extended(listing, version).is_some(),
        Role::PreRelease => version.pre.is_some_and(|pre| pre.number.is_some()),
        Role::Count => false,
    });
    found(if version.is_some() { Course::Version(tag) } else { Course::Count(counted) })
}

/// The count of packages of one version of another project, where that version shows a commit or a day, too:
/// `1.32.8-fb6452e-ls197`, `1.0.20260223-r0-ls120`.
fn repackaged<'a>(tag: &'a str, tokens: &[Token<'_>], listing: &Listing<'_>) -> Option<Counted<'a>> {
    let last = tokens.last().filter(|token| token.number().is_some_and(|number| number.is_counter()))?;
    let commit = tokens.iter().any(Token::is_commit);
    let moment = tokens.iter().find(|token| matches!(token.kind, Kind::Moment(_)));
    if !commit && moment.is_none() {
        return None;
    }
    let counted = Counted::parse(tag, std::slice::from_ref(last), None)?;
    let siblings = listing.tags.iter().filter(|other| **other != tag && counted.middle(other).is_some()).count();
    let version = tokens.iter().find_map(|token| token.number()).is_some_and(|number| number.of > 1);
    let inside = moment.is_some_and(|moment| moment_reader::ends_in_version(&tag[..moment.start]));
    let proven = if commit { version && siblings > 0 } else { inside || siblings > 0 };
    proven.then_some(counted)
}

/// The highest package of a version without a count of its own, such as `2.1.3-debian-12-r3` for `2.1.3` and `2.1`, if
/// there are more of those than of versions that the tag is short for.
fn packaged<'a>(listing: &Listing<'a>, tag: &'a str) -> Option<(Course<'a>, &'a str)> {
    let mut families: BTreeMap<String, Vec<(&'a str, Counted<'a>)>> = BTreeMap::new();
    for longer in listing.tags.iter().copied() {
        if !begins_with(longer, tag) || is_floating(longer) {
            continue;
        }
        let tokens = read(longer);
        if tokens.iter().any(Token::is_commit) || tokens.iter().any(|token| matches!(token.kind, Kind::Moment(_))) {
            continue;
        }
        if let Some(counted) = Counted::parse(longer, &tokens, None).filter(|counted| counted.role == Role::Count) {
            families.entry(mask(longer)).or_default().push((longer, counted));
        }
    }
    let version = Version::parse(tag);
    // `1` beside `2` and `3` is a count, whatever else begins with it.
    let alike = if version.as_ref().is_some_and(Version::is_plain_number) {
        listing.tags.iter().filter(|other| **other != tag && mask(other) == mask(tag)).count()
    } else {
        0
    };
    let extended = version.as_ref().and_then(|version| semver::extended(listing, version));
    let (_, family) = families.into_iter().rev().max_by_key(|(_, family)| family.len())?;
    if extended.is_some_and(|(_, count)| count > family.len()) || alike >= family.len().max(1) {
        return None;
    }
    let (highest, counted) = family
        .into_iter()
        .filter(|(_, counted)| counted.number().is_some())
        .max_by(|(a, _), (b, _)| by_number(a, b))?;
    Some((Course::Count(counted), highest))
}

/// Tags that go on from each other. Where two families are as large, the one that stands first here is chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Family<'a> {
    Versions { prefix: &'a str, variant: &'a str },
    Days { prefix: &'a str, form: String, suffix: &'a str },
    Counts { form: String, after: &'a str },
    Contents { form: String, after: &'a str },
}

impl<'a> Family<'a> {
    /// The family that a tag is of by its own form. `None` if it floats, or nothing in it counts.
    fn of(tag: &'a str) -> Option<Self> {
        if is_floating(tag) {
            return None;
        }
        if let Some(named) = Named::parse(tag) {
            return Some(Self::Contents { form: mask(tag), after: named.after });
        }
        let tokens = read(tag);
        if let Some(dated) = Dated::parse(tag) {
            let form = mask_digits(dated.moment.text);
            return Some(Self::Days { prefix: dated.prefix, form, suffix: dated.suffix });
        }
        let counted = Counted::parse(tag, &tokens, None).filter(|counted| counted.number().is_some())?;
        if counted.role != Role::Count
            && let Some(version) = Version::parse(tag).filter(|version| !version.is_plain_number())
        {
            return Some(Self::Versions { prefix: version.prefix, variant: version.variant });
        }
        Some(Self::Counts { form: mask(tag), after: counted.after })
    }

    fn scheme(&self) -> Scheme {
        match self {
            Self::Versions { .. } => Scheme::Semver,
            Self::Days { .. } => Scheme::Date,
            Self::Counts { .. } => Scheme::Increment,
            Self::Contents { .. } => Scheme::Digest,
        }
    }

    /// What its members end in, such as `-alpine`.
    fn ending(&self) -> &'a str {
        match self {
            Self::Versions { variant: ending, .. }
            | Self::Days { suffix: ending, .. }
            | Self::Counts { after: ending, .. }
            | Self::Contents { after: ending, .. } => ending,
        }
    }

    /// The member that the next tag comes after.
    fn highest(&self, members: &[&'a str]) -> Option<&'a str> {
        let members = members.iter().copied();
        match self {
            Self::Versions { .. } => highest_version(members.filter_map(Version::parse).collect()),
            Self::Days { .. } => members.max_by_key(|tag| Dated::parse(tag).map(|dated| dated.rank())),
            Self::Counts { .. } | Self::Contents { .. } => members.max_by(|one, other| by_number(one, other)),
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

/// How the running tag goes on, or else the repository, and the tag that this is said of.
pub(super) fn scheme<'a>(listing: &Listing<'a>) -> (Course<'a>, &'a str) {
    let running = listing.running;
    let content = (Course::Content, running);
    if !is_floating(running) {
        return match course(listing, running) {
            Some(found) => found,
            None => by_neighbours(listing).unwrap_or(content),
        };
    }
    let begun = begun(listing).and_then(|start| course(listing, start));
    begun
        .or_else(|| unfinished(running))
        .or_else(|| by_line(listing))
        .or_else(|| by_neighbours(listing))
        .unwrap_or(content)
}

/// The highest of the builds that a floating tag stands for by its name, `main-42` for `main`.
fn begun<'a>(listing: &Listing<'a>) -> Option<&'a str> {
    let begins = |tag: &str| begins_with(tag, listing.running);
    listing
        .tags
        .iter()
        .any(|tag| begins(tag) && !is_floating(tag))
        .then(|| leading(listing, 1, |_| true))
        .flatten()
        .map(|(_, start)| start)
        .filter(|start| begins(start))
}

/// Whether a tag is another with something behind a separator.
fn begins_with(tag: &str, other: &str) -> bool {
    let rest = tag.strip_prefix(other).filter(|_| !other.is_empty());
    rest.is_some_and(|rest| rest.starts_with(['-', '_', '.']))
}

fn by_neighbours<'a>(listing: &Listing<'a>) -> Option<(Course<'a>, &'a str)> {
    let own = listing.tags.iter().filter(|tag| **tag != listing.running && !is_floating(tag)).count();
    let (_, start) = leading(listing, if own == 1 { 1 } else { 2 }, |_| true)?;
    course(listing, start)
}

/// `1.25-latest` moves along with 1.25.3.
fn by_line<'a>(listing: &Listing<'a>) -> Option<(Course<'a>, &'a str)> {
    let line = line(listing.running)?;
    let prefix = line.len() - line.trim_start_matches(['v', 'V']).len();
    let spellings = [line.to_owned(), line[prefix..].to_owned(), format!("v{}", &line[prefix..])];
    let highest = spellings.iter().find_map(|line| semver::extended(listing, &Version::parse(line)?))?;
    course(listing, highest.0)
}

/// `1.2.3-SNAPSHOT` floats, and still goes on as a pre-release of 1.2.3.
fn unfinished(running: &str) -> Option<(Course<'_>, &str)> {
    let version = Version::parse(running)?;
    (version.pre.is_some() && version.numbers.len() > 2).then_some((Course::Version(running), running))
}

/// The tag that a scheme goes on from: the running one without the name of an older content, or the repository's
/// highest where the running one floats.
///
/// # Errors
/// If the scheme needs one and neither will do.
pub(super) fn start(scheme: Scheme, listing: &Listing<'_>) -> Result<String, SchemeError> {
    let stripped = content::without_content(listing.running, listing);
    let running = stripped.as_deref().unwrap_or(listing.running);
    // What goes on from a floating tag would float as well, but for the line that it follows.
    let unfinished = Version::parse(running).is_some_and(|version| version.pre.is_some());
    let running = line(running).filter(|_| !unfinished).unwrap_or(running);
    let fits = match scheme {
        Scheme::Increment => !is_floating(running) && Counted::of_any_number(running, listing).is_some(),
        Scheme::Semver => Version::parse(running).is_some_and(|version| !is_floating(running) || version.pre.is_some()),
        Scheme::Date => !is_floating(running) && Dated::parse(running).is_some(),
        Scheme::Digest => true,
    };
    if fits {
        return Ok(running.to_owned());
    }
    let replaceable = running.is_empty() || is_floating(running) || scheme == Scheme::Date;
    let found = if replaceable { leading(listing, 1, |family| family.scheme() == scheme) } else { None };
    match (found, scheme) {
        (Some((_, start)), _) => Ok(start.to_owned()),
        (None, Scheme::Increment) => Err(SchemeError::NoNumber(listing.running.to_owned())),
        (None, Scheme::Semver) => Err(SchemeError::NoVersion(listing.running.to_owned())),
        (None, Scheme::Date | Scheme::Digest) => Ok(running.to_owned()),
    }
}

/// Words of tags that are made for a while and for somebody: nobody goes on from those.
const PASSING: [&str; 17] = [
    "buildcache",
    "bugfix",
    "cache",
    "dependabot",
    "feat",
    "feature",
    "fix",
    "merge",
    "mr",
    "pr",
    "pull",
    "renovate",
    "scratch",
    "temp",
    "test",
    "tmp",
    "wip",
];

/// The scheme that most tags follow, and the tag that its next one comes after. Only families with enough members
/// count. One that the running tag begins (`main-41` for `main`) goes before all others, and then one that ends as the
/// running tag does (`main-alpine`): `1.1` would promise its users another variant.
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
    let is_begun = |members: &[&str]| members.iter().all(|tag| begins_with(tag, listing.running));
    families.retain(|_, members| members.len() >= least || is_begun(members));
    let mut followers: BTreeMap<Scheme, usize> = BTreeMap::new();
    for (family, members) in &families {
        *followers.entry(family.scheme()).or_default() += members.len();
    }
    let weight = |family: &Family<'_>, members: &[&str]| {
        let same_ending = family.ending() == ending;
        let passing = members.first().is_some_and(|tag| is_passing(tag));
        let all = followers.get(&family.scheme()).copied().unwrap_or_default();
        (is_begun(members), !passing, same_ending && !ending.is_empty(), all, same_ending, members.len())
    };
    // Backwards, because the last one of equals is taken.
    let (family, members) = families.iter().rev().max_by_key(|(family, members)| weight(family, members))?;
    Some((family.scheme(), family.highest(members).unwrap_or(listing.running)))
}

fn is_passing(tag: &str) -> bool {
    tag.split(['-', '_', '.']).any(|word| PASSING.iter().any(|passing| passing.eq_ignore_ascii_case(word)))
}

/// A text with a mark for each digit.
fn mask_digits(text: &str) -> String {
    text.chars().map(|character| if character.is_ascii_digit() { '#' } else { character }).collect()
}
