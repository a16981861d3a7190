//! Tags that cannot be moved once they exist, refused in the words of registries that have such tags.

use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::registry::registry_error;

/// Whose words refuse a push to a tag that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Ecr,
    Harbor,
    Hub,
    Conflict,
}

/// How a gateway keeps existing tags from being pushed again.
#[derive(Debug, Clone)]
pub struct ImmutableTags {
    words: Words,
    repository: Option<String>,
    accepts_same: bool,
}

impl ImmutableTags {
    fn new(words: Words) -> Self {
        Self { words, repository: None, accepts_same: false }
    }

    /// As Amazon's registry: 400 `TAG_INVALID`.
    #[must_use]
    pub fn ecr() -> Self {
        Self::new(Words::Ecr)
    }

    /// As Harbor: 412 `PRECONDITION`.
    #[must_use]
    pub fn harbor() -> Self {
        Self::new(Words::Harbor)
    }

    /// As Docker Hub: 403 `DENIED`.
    #[must_use]
    pub fn hub() -> Self {
        Self::new(Words::Hub)
    }

    /// As others do: 409 with a code of no standard.
    #[must_use]
    pub fn conflict() -> Self {
        Self::new(Words::Conflict)
    }

    /// Only in this repository.
    #[must_use]
    pub fn only(mut self, repository: &str) -> Self {
        self.repository = Some(repository.to_owned());
        self
    }

    /// Takes a push of what the tag stands for already. Amazon's and Harbor's refuse that too.
    #[must_use]
    pub fn accepting_same_content(mut self) -> Self {
        self.accepts_same = true;
        self
    }

    fn refusal(&self, repository: &str, tag: &str) -> Response<Body> {
        match self.words {
            Words::Ecr => registry_error(
                StatusCode::BAD_REQUEST,
                "TAG_INVALID",
                &format!(
                    "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten \
                     because the tag is immutable."
                ),
            ),
            Words::Harbor => registry_error(
                StatusCode::PRECONDITION_FAILED,
                "PRECONDITION",
                &format!("Failed to process request due to '{repository}:{tag}' configured as immutable."),
            ),
            Words::Hub => registry_error(
                StatusCode::FORBIDDEN,
                "DENIED",
                &format!("This tag is immutable and cannot be updated: {repository}:{tag}"),
            ),
            Words::Conflict => {
                registry_error(StatusCode::CONFLICT, "TAG_IMMUTABLE", &format!("tag {tag} exists and is immutable"))
            }
        }
    }
}

/// The rule in force, if there is one.
#[derive(Debug, Default)]
pub(super) struct Immutability(Mutex<Option<ImmutableTags>>);

impl Immutability {
    pub(super) fn set(&self, rule: Option<ImmutableTags>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    /// The rule, if it is about this repository.
    pub(super) fn of(&self, repository: &str) -> Option<ImmutableTags> {
        let rule = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        rule.filter(|rule| rule.repository.as_deref().is_none_or(|only| only == repository))
    }
}

impl ImmutableTags {
    /// The refusal of a push of `pushed` to a tag that stands for `present`, if it is one.
    pub(super) fn judge(&self, repository: &str, tag: &str, present: &str, pushed: &str) -> Option<Response<Body>> {
        (!(self.accepts_same && present == pushed)).then(|| self.refusal(repository, tag))
    }
}
