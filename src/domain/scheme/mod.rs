//! Which tag comes next: names for content that has none of its own yet.
//!
//! A tag that is pushed over and over tells nobody what runs. The way out is a new, unique tag, and the best one is
//! the one that the repository's users would have chosen: [`propose`] reads the running tag and its neighbours and
//! goes on as they do. Four schemes are known:
//!
//! | scheme | `1.0` becomes | goes on from |
//! |---|---|---|
//! | `increment` | `1.1` | the highest number between the same text |
//! | `semver` | `1.1` | the highest version of the same prefix, variant and length |
//! | `date` | `2026.11.23` | the present, in the repository's form |
//! | `digest` | `1.0-3f2c1d0a9b8e` | the content itself |
//!
//! Where the image's own labels name a version or a commit that fits, that goes first.
//!
//! How it is found out: `token` reads what each piece of a tag is by its own form (a number, a moment, a commit, what
//! the image is built on), `survey` asks the repository about what that leaves open, and one module for each scheme
//! goes on from there.
//!
//! The list of tags may be short, old or hostile. So a proposal is a series: the caller asks the registry for each
//! candidate until one is free. No candidate is among the listed tags, apart from the one that names its content,
//! and none floats: the counting schemes and `date` write a digit, and `digest` sees to it.

mod content;
mod date;
mod error;
mod ground;
mod increment;
mod label;
mod listing;
mod moment;
mod moment_reader;
mod order;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod real_world;
mod semver;
mod series;
mod survey;
#[cfg(test)]
mod tests;
pub(super) mod token;
mod version;

use jiff::civil::DateTime;

use self::date::Dated;
pub use self::error::SchemeError;
use self::increment::Counted;
pub use self::label::Labels;
use self::listing::Listing;
pub use self::order::by_number;
use self::series::Names;
use self::survey::Course;
use super::Digest;
use super::floating::is_floating;
pub use super::reference::{TagError, check_tag};

/// How a new tag is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// The last number counts up.
    Increment,
    /// The version counts up.
    Semver,
    /// The moment gives the name.
    Date,
    /// The content gives the name.
    Digest,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 4] = [Self::Increment, Self::Semver, Self::Date, Self::Digest];

    /// Its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Increment => "increment",
            Self::Semver => "semver",
            Self::Date => "date",
            Self::Digest => "digest",
        }
    }
}

/// Which scheme is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemeChoice {
    /// The one that the running tag and its repository follow.
    #[default]
    Auto,
    /// [`Scheme::Increment`].
    Increment,
    /// [`Scheme::Semver`].
    Semver,
    /// [`Scheme::Date`].
    Date,
    /// [`Scheme::Digest`].
    Digest,
}

impl SchemeChoice {
    /// Every choice.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Increment, Self::Semver, Self::Date, Self::Digest];

    /// Its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.scheme().map_or("auto", Scheme::as_str)
    }

    /// The scheme that is asked for by name.
    #[must_use]
    pub fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Auto => None,
            Self::Increment => Some(Scheme::Increment),
            Self::Semver => Some(Scheme::Semver),
            Self::Date => Some(Scheme::Date),
            Self::Digest => Some(Scheme::Digest),
        }
    }
}

/// A part of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first number.
    Major,
    /// The second number.
    Minor,
    /// The third number.
    Patch,
}

impl Part {
    /// Every part, the highest first.
    pub const ALL: [Self; 3] = [Self::Major, Self::Minor, Self::Patch];

    /// Its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
        }
    }

    /// Its place in a version, from 0.
    fn place(self) -> usize {
        match self {
            Self::Major => 0,
            Self::Minor => 1,
            Self::Patch => 2,
        }
    }
}

/// What a new tag is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The tag that the workload asks for now, `latest` where none is written.
    pub tag: &'a str,
    /// Every tag of the repository, in no order. May be empty, or lack the running one.
    pub tags: &'a [String],
    /// The content that is to get the name. [`Scheme::Digest`] needs it.
    pub digest: Option<&'a Digest>,
    /// What that content says of itself.
    pub labels: Labels<'a>,
    /// The present time, in UTC.
    pub now: DateTime,
}

/// A name that can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: String,
    /// Why this one, as a part of a sentence that can follow it.
    pub evidence: String,
}

/// A series of new tags and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// How the tags are made: for [`SchemeChoice::Auto`], what was found.
    pub scheme: Scheme,
    /// Up to three existing tags that it goes on from, the newest first.
    pub neighbours: Vec<String>,
    /// What the user should know before choosing it.
    pub warnings: Vec<String>,
    /// What decided, in whole sentences.
    pub reasons: Vec<String>,
    evidence: String,
    /// What the image's own labels propose; free as far as the list tells.
    labelled: Vec<Candidate>,
    names: Names,
    newest: Option<String>,
    /// Listed tags that the image's own labels name.
    claimed: Vec<String>,
}

impl Proposal {
    fn new(scheme: Scheme, evidence: String, names: Names) -> Self {
        Self {
            scheme,
            neighbours: Vec::new(),
            warnings: Vec::new(),
            reasons: Vec::new(),
            evidence,
            labelled: Vec::new(),
            names,
            newest: None,
            claimed: Vec::new(),
        }
    }

    /// The candidate of a place: 0 is the best, the others are for when the registry has those before already.
    ///
    /// # Errors
    /// If the tag would be too long or its number too large, or if the content's own name is taken.
    pub fn candidate(&self, place: usize) -> Result<Candidate, SchemeError> {
        if let Some(labelled) = self.labelled.get(place) {
            return Ok(labelled.clone());
        }
        let mut place = place - self.labelled.len();
        loop {
            let tag = self.names.candidate(place)?;
            if !self.labelled.iter().any(|labelled| labelled.tag == tag) {
                return Ok(Candidate { tag, evidence: self.evidence.clone() });
            }
            place += 1;
        }
    }

    /// Listed tags that may hold the content already: those that it names itself, and the highest of the stream, if
    /// that is above the running one or the running one is not of it.
    pub fn holders(&self) -> impl Iterator<Item = &str> {
        self.claimed.iter().chain(&self.newest).map(String::as_str)
    }
}

/// Proposes the next tags for the situation. A part is one of `semver`: with [`SchemeChoice::Auto`] it asks for that.
///
/// # Errors
/// If the scheme cannot go on from the running tag; [`SchemeError::hint`] has the way out.
pub fn propose(choice: SchemeChoice, part: Option<Part>, situation: &Situation<'_>) -> Result<Proposal, SchemeError> {
    check_tag(situation.tag)?;
    let listing = Listing::new(situation.tag, situation.tags);
    let asked = match (choice.scheme(), part) {
        (None, Some(_)) => Some(Scheme::Semver),
        (Some(scheme), Some(_)) if scheme != Scheme::Semver => return Err(SchemeError::Partless(scheme)),
        (scheme, _) => scheme,
    };
    let start = match asked {
        Some(scheme) => survey::start(scheme, &listing)?,
        None => String::new(),
    };
    let (course, start) = match asked {
        None => survey::scheme(&listing),
        Some(Scheme::Increment) => match Counted::of_any_number(&start, &listing) {
            Some(counted) => (Course::Count(counted), start.as_str()),
            None => return Err(SchemeError::NoNumber(situation.tag.to_owned())),
        },
        Some(Scheme::Semver) => (Course::Version(&start), start.as_str()),
        Some(Scheme::Date) => (Dated::parse(&start).map_or(Course::Content, Course::Day), start.as_str()),
        Some(Scheme::Digest) => (Course::Content, situation.tag),
    };
    let mut proposal = match (&course, asked) {
        (Course::Version(start), _) => semver::propose(&listing, start, part)?,
        (Course::Count(counted), _) => increment::propose(&listing, start, counted)?,
        (Course::Day(dated), _) => date::propose(&listing, Some(dated), situation.now),
        (Course::Content, Some(Scheme::Date)) => date::propose(&listing, None, situation.now),
        (Course::Commit(_) | Course::Content, _) => content::propose(&listing, &course, situation),
    };
    if part.is_none() && asked != Some(Scheme::Digest) {
        proposal.add_labelled(label::names(situation.labels, &course, start, &listing, situation.now), &listing);
    }
    if proposal.labelled.is_empty() && proposal.names == Names::Nameless {
        return Err(SchemeError::NoDigest);
    }
    if listing.only_floating() {
        proposal.warnings.push(
            "every tag of the repository floats: each push to one changes what running workloads pull next; \
             give each build a unique tag"
                .to_owned(),
        );
    }
    Ok(proposal)
}

impl Proposal {
    fn add_labelled(&mut self, names: Vec<Candidate>, listing: &Listing<'_>) {
        for name in names {
            if is_floating(&name.tag) {
                continue;
            }
            if !listing.tags.contains(&name.tag.as_str()) {
                self.reasons.insert(0, format!("{}, and `{}` is not listed", name.evidence, name.tag));
                self.labelled.push(name);
            } else if name.tag != listing.running {
                self.claimed.push(name.tag);
            }
        }
    }
}
