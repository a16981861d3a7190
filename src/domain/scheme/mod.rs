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
//! | `date` | `2026.11.23` | today, in the repository's form |
//! | `digest` | `1.0-3f2c1d0a9b8e` | the content itself |
//!
//! The list of tags may be short, old or hostile. So a proposal is a series: the caller asks the registry for each
//! candidate until one is free. No candidate is among the listed tags, apart from the one that names its content,
//! and none floats: the counting schemes and `date` write a digit, and `digest` sees to it.

mod content;
mod date;
mod error;
mod increment;
mod listing;
mod order;
#[cfg(test)]
mod properties;
mod semver;
mod series;
mod survey;
#[cfg(test)]
mod tests;
mod version;

use jiff::civil::Date;

pub use self::error::SchemeError;
use self::listing::Listing;
pub use self::order::by_number;
use self::series::Names;
use super::Digest;
pub use super::reference::{TagError, check_tag};

/// How a new tag is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// The last number counts up.
    Increment,
    /// The version counts up.
    Semver,
    /// The day gives the name.
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
    /// The day, in UTC.
    pub today: Date,
}

/// A series of new tags and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// How the tags are made: for [`SchemeChoice::Auto`], what was found.
    pub scheme: Scheme,
    /// Why this tag, as a part of a sentence that can follow it.
    pub evidence: String,
    /// Up to three existing tags that it goes on from, the newest first.
    pub neighbours: Vec<String>,
    /// What the user should know before choosing it.
    pub warnings: Vec<String>,
    names: Names,
    newest: Option<String>,
}

impl Proposal {
    /// The candidate of a place: 0 is the best, the others are for when the registry has those before already.
    ///
    /// # Errors
    /// If the tag would be too long or its number too large, or if the content's own name is taken.
    pub fn candidate(&self, place: usize) -> Result<String, SchemeError> {
        self.names.candidate(place)
    }

    /// The highest listed tag of the stream, if it is above the running one or the running one is not of it. It may
    /// hold the content already.
    #[must_use]
    pub fn newest(&self) -> Option<&str> {
        self.newest.as_deref()
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
    let (scheme, start) = match asked {
        Some(scheme) => (scheme, survey::start(scheme, &listing)?),
        None => survey::scheme(&listing),
    };
    let mut proposal = match scheme {
        Scheme::Increment => increment::propose(&listing, start)?,
        Scheme::Semver => semver::propose(&listing, start, part)?,
        Scheme::Date => date::propose(&listing, start, situation.today),
        Scheme::Digest => content::propose(situation.tag, situation.digest)?,
    };
    if listing.only_floating() {
        proposal.warnings.push(
            "every tag of the repository floats: each push to one changes what running workloads pull next; \
             give each build a unique tag"
                .to_owned(),
        );
    }
    Ok(proposal)
}
