//! Why there is no next tag, and the way out.

use super::{Part, Scheme, TagError};
use crate::domain::reference::TAG_LIMIT;

/// Why there is no next tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The running tag is none.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// Nothing to count.
    #[error("the tag `{0}` has no number that could count up")]
    NoNumber(String),
    /// Not readable as a version.
    #[error("the tag `{0}` is no version of one to three numbers")]
    NoVersion(String),
    /// The version is too short.
    #[error("the version `{tag}` has no {} part", part.as_str())]
    NoPart {
        /// The version.
        tag: String,
        /// What it lacks.
        part: Part,
    },
    /// A part was asked of a scheme that has none.
    #[error("the scheme `{}` has no parts that could be bumped", .0.as_str())]
    Partless(Scheme),
    /// Beyond what is counted with.
    #[error("the number in the tag `{0}` is too large to count up")]
    TooLarge(String),
    /// The tag would break the registry's limit.
    #[error("the next tag would have {0} characters, and a tag has {TAG_LIMIT} at most")]
    TooLong(usize),
    /// The content gives the name, and is not known.
    #[error("the name would be made of the image's digest, which is not known")]
    NoDigest,
    /// The content has one name only.
    #[error("the tag `{0}`, the only one that is named after this content, is taken")]
    Taken(String),
}

impl SchemeError {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Tag(_) => "name the new tag yourself",
            Self::NoNumber(_) => "choose another scheme: `date` and `digest` work with every tag",
            Self::NoVersion(_) => "choose another scheme: `increment` takes any number, `date` and `digest` every tag",
            Self::NoPart { .. } => "bump a part that the version has, or leave the part out",
            Self::Partless(_) => "leave the part out, or choose the scheme `semver`",
            Self::TooLarge(_) => "choose another scheme: `date` and `digest` need no number",
            Self::TooLong(_) => "name the new tag yourself, with fewer characters",
            Self::NoDigest => "push the tag that you name, or choose another scheme: `increment`, `semver` or `date`",
            Self::Taken(_) => "choose another scheme, or name the new tag yourself",
        }
    }
}
