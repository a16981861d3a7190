//! Candidates, one after the other.

use std::collections::HashSet;

use super::SchemeError;
use super::listing::Listing;
use crate::domain::reference::TAG_LIMIT;

/// Where candidates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    /// As many as it takes.
    Counting {
        /// All of them.
        series: Series,
        /// The ones that are listed.
        taken: HashSet<String>,
    },
    /// The content has one name.
    Only(String),
    /// The content would have a name if it were known.
    Nameless,
}

/// Names, and then a number that counts up between two texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Series {
    /// Names that come before the counted ones.
    pub first: Vec<String>,
    /// What stands before the number.
    pub before: String,
    /// The first number.
    pub start: u128,
    /// Digits at least, filled up with zeros.
    pub width: usize,
    /// What stands after the number.
    pub after: String,
}

impl Names {
    /// The series without what is listed. Its members' numbers are below `start` already; this holds for tags, too,
    /// that read as members of another stream.
    pub(super) fn counting(series: Series, listing: &Listing<'_>) -> Self {
        let first: HashSet<&str> = series.first.iter().map(String::as_str).collect();
        let taken = |tag: &&str| tag.starts_with(&series.before) || first.contains(tag);
        let taken = listing.tags.iter().copied().filter(taken).map(str::to_owned).collect();
        Self::Counting { series, taken }
    }

    pub(super) fn candidate(&self, place: usize) -> Result<String, SchemeError> {
        let tag = match self {
            Self::Nameless => return Err(SchemeError::NoDigest),
            Self::Only(tag) if place > 0 => return Err(SchemeError::Taken(tag.clone())),
            Self::Only(tag) => tag.clone(),
            Self::Counting { series, taken } => {
                let free = |tag: &Result<String, SchemeError>| !tag.as_ref().is_ok_and(|tag| taken.contains(tag));
                series.tags().filter(free).nth(place).unwrap_or_else(|| Err(series.too_large()))?
            }
        };
        // Its characters are those of tags; only the length can be wrong.
        if tag.len() > TAG_LIMIT { Err(SchemeError::TooLong(tag.len())) } else { Ok(tag) }
    }
}

impl Series {
    /// The first of its names.
    pub(super) fn first_tag(&self) -> Option<String> {
        self.tags().next()?.ok()
    }

    fn tags(&self) -> impl Iterator<Item = Result<String, SchemeError>> {
        let counted = (0_u128..).map(|step| {
            let number = self.start.checked_add(step).ok_or_else(|| self.too_large())?;
            Ok(self.tag(number))
        });
        self.first.iter().cloned().map(Ok).chain(counted)
    }

    fn tag(&self, number: u128) -> String {
        format!("{}{number:0width$}{}", self.before, self.after, width = self.width)
    }

    fn too_large(&self) -> SchemeError {
        SchemeError::TooLarge(self.tag(u128::MAX))
    }
}
