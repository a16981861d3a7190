//! What a registry said, in the words that a verdict needs: a digest, a manifest, a config, or why
//! there is no answer.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Digest, Platform};

/// The answer to a HEAD of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Digest of what the tag names now: an index or a single image manifest.
    pub digest: Digest,
}

/// A manifest, as far as identity needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// An OCI index or a Docker manifest list.
    Index {
        /// Its children in the order of the document, attestations included.
        children: Vec<Child>,
        /// What its annotations tell.
        provenance: Provenance,
    },
    /// One platform's image (OCI manifest or Docker schema 2).
    Image {
        /// Digest of the config blob: the identity of the content.
        config: Digest,
        /// What its annotations tell.
        provenance: Provenance,
    },
    /// Something that has no config digest to compare, such as Docker schema 1; the text says what.
    Incomparable(String),
}

/// A manifest as it is stored: what has to be sent again byte by byte to give it another tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The bytes that its digest names.
    pub bytes: Vec<u8>,
    /// Its media type, without parameters.
    pub media_type: String,
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The child manifest's digest.
    pub digest: Digest,
    /// What it is built for; `None` where the index does not tell.
    pub platform: Option<Platform>,
    /// It describes another child (platform `unknown/unknown` or the annotation
    /// `vnd.docker.reference.type`) and is never run.
    pub attestation: bool,
}

/// When and of what something was built, as far as it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Provenance {
    /// The config's `created`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// `org.opencontainers.image.revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// `org.opencontainers.image.version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Whether a `created` tells when something was built. Reproducible builds write a fixed moment (year 1, 1970, 1980) that
/// says nothing about the image's age; nothing real is older than container images are.
#[must_use]
pub fn is_build_time(created: Timestamp) -> bool {
    const FIRST_CONTAINER_IMAGES: i64 = 1_356_998_400; // 2013-01-01
    created.as_second() >= FIRST_CONTAINER_IMAGES
}

/// Why a registry gave no usable answer. Messages from outside are cut short and stripped of control
/// characters before they get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// 404: the repository, tag or digest is not there.
    NotFound,
    /// 401 without any credential to offer.
    LoginRequired,
    /// 401 or 403 for every credential that matched, or 403 where none did; how many were tried.
    Denied {
        /// Number of credentials that were refused; 0 where there was none to offer.
        tried: usize,
    },
    /// 429, also after the retries.
    RateLimited {
        /// Seconds that the registry asks to wait.
        retry_after: Option<u64>,
        /// The allowance left, as the registry words it (`ratelimit-remaining`).
        remaining: Option<String>,
    },
    /// No connection: name unknown, refused, reset, TLS.
    Unreachable(String),
    /// No connection at the other place where it is asked.
    UnreachableAt {
        /// Host and port of that place.
        host: String,
        /// Why.
        cause: String,
        /// What the cluster says about the place, if it named it.
        help: Option<String>,
    },
    /// No answer within this many seconds.
    TimedOut(u64),
    /// Another status.
    Status(u16),
    /// An answer that is not what a registry answers.
    Malformed(String),
    /// The token server or credential helper failed.
    Login(String),
}

impl Failure {
    /// What happened, as a clause that follows "registry `host` …".
    #[must_use]
    pub fn clause(&self) -> String {
        match self {
            Self::NotFound => "does not have it".to_owned(),
            Self::LoginRequired => "asks for a login".to_owned(),
            Self::Denied { tried: 0 } => "denies anonymous access".to_owned(),
            Self::Denied { tried: 1 } => "denied access with the credential that matches".to_owned(),
            Self::Denied { tried } => {
                format!("denied access with each of the {tried} credentials that match")
            }
            Self::RateLimited { retry_after, remaining } => {
                let mut clause = "limits the rate".to_owned();
                if let Some(seconds) = retry_after {
                    clause.push_str(&format!(", try again in {seconds}s"));
                }
                if let Some(remaining) = remaining {
                    clause.push_str(&format!(" (left: {remaining})"));
                }
                clause
            }
            Self::Unreachable(cause) => format!("cannot be reached: {cause}"),
            Self::UnreachableAt { host, cause, .. } => format!("cannot be reached at `{host}`: {cause}"),
            Self::TimedOut(seconds) => format!("did not answer within {seconds}s"),
            Self::Status(status) => format!("answered with status {status}"),
            Self::Malformed(cause) => format!("gave a malformed answer: {cause}"),
            Self::Login(cause) => format!("could not be logged in to: {cause}"),
        }
    }

    /// What would help, where something general can be said.
    #[must_use]
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        if let Self::UnreachableAt { help: Some(help), .. } = self {
            return Some(format!("the cluster says about this registry: {help}").into());
        }
        let hint = match self {
            Self::NotFound | Self::Status(_) | Self::Malformed(_) => None,
            Self::LoginRequired | Self::Denied { tried: 0 } => {
                Some("log in with `docker login`, or give the pods an imagePullSecret")
            }
            Self::Denied { .. } => Some("check the imagePullSecrets and the local login"),
            Self::RateLimited { .. } => Some("log in for a higher limit, or try again later"),
            Self::Unreachable(_) => Some(
                "check that this machine reaches the registry, as the nodes do; if it has another name outside the cluster, give it with `--registry-mirror HOST=URL`",
            ),
            Self::UnreachableAt { .. } => Some("give the place where it answers with `--registry-mirror HOST=URL`"),
            Self::TimedOut(_) => Some("try again with a longer `--request-timeout`"),
            Self::Login(_) => Some("check the credential helper or token server that the message names"),
        };
        hint.map(Cow::Borrowed)
    }
}

/// Why a tag could not be written. As in [`Failure`], a registry's own words are cleaned and cut before they get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushFailure {
    /// As for reading; only the user's own log-ins count as tried.
    Failure(Failure),
    /// The tag is there and may not be changed; how the registry puts it.
    Immutable(String),
    /// The registry does not take the manifest, or any.
    Refused {
        /// The status of its answer.
        status: u16,
        /// How it puts it; may be empty.
        words: String,
    },
    /// It took the manifest, and names another digest than that of the bytes that were sent.
    OtherDigest(Digest),
}

impl From<Failure> for PushFailure {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl PushFailure {
    /// What happened, as a clause that follows "registry `host` …".
    #[must_use]
    pub fn clause(&self) -> String {
        let with_words = |clause: String, words: &str| match words {
            "" => clause,
            words => format!("{clause}: {words}"),
        };
        match self {
            Self::Failure(Failure::NotFound) => "does not have the repository".to_owned(),
            Self::Failure(Failure::LoginRequired) => "asks for a login before it lets anybody push".to_owned(),
            Self::Failure(Failure::Denied { tried: 0 }) => "lets nobody push without a login".to_owned(),
            Self::Failure(Failure::Denied { tried: 1 }) => "does not let the local login push".to_owned(),
            Self::Failure(Failure::Denied { tried }) => format!("lets none of the {tried} local logins push"),
            Self::Failure(other) => other.clause(),
            Self::Immutable(words) => with_words("does not let the tag be changed".to_owned(), words),
            Self::Refused { status, words } => with_words(format!("refused the manifest with status {status}"), words),
            Self::OtherDigest(digest) => format!("stored other content than was sent: {}", digest.short(12)),
        }
    }

    /// What would help, where something general can be said.
    #[must_use]
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Failure(Failure::LoginRequired | Failure::Denied { .. }) => {
                Some("log in with `docker login` as an account that may push; pull secrets are not used for it")
            }
            Self::Failure(other) => return other.hint(),
            Self::Immutable(_) => Some("choose a tag that does not exist yet, or pin the digest"),
            Self::Refused { .. } => {
                Some("if it is a mirror or a cache, push to the registry behind it; or pin the digest")
            }
            Self::OtherDigest(_) => Some("do not use the tag: pin the digest"),
        };
        hint.map(Cow::Borrowed)
    }
}

/// Whether the user may write to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushRight {
    /// The registry would take content.
    Granted,
    /// It does not let the local log-in write; as [`PushFailure::Failure`] tells it.
    Denied(Failure),
    /// It cannot be told without writing; why, as a clause that follows "registry `host` …".
    Unknown(String),
}

/// A config blob, as far as an explanation needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// `created` and the labels.
    pub provenance: Provenance,
    /// What it was built for.
    pub platform: Option<Platform>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_push_says_who_was_refused_and_what_would_help() {
        let login = Some("log in with `docker login` as an account that may push; pull secrets are not used for it");
        let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        for (failure, clause, hint) in [
            (Failure::LoginRequired.into(), "asks for a login before it lets anybody push", login),
            (Failure::Denied { tried: 0 }.into(), "lets nobody push without a login", login),
            (Failure::Denied { tried: 1 }.into(), "does not let the local login push", login),
            (Failure::Denied { tried: 2 }.into(), "lets none of the 2 local logins push", login),
            (Failure::NotFound.into(), "does not have the repository", None),
            (Failure::Status(500).into(), "answered with status 500", None),
            (
                PushFailure::Immutable("TAG_IMMUTABLE".to_owned()),
                "does not let the tag be changed: TAG_IMMUTABLE",
                Some("choose a tag that does not exist yet, or pin the digest"),
            ),
            (
                PushFailure::Refused { status: 405, words: String::new() },
                "refused the manifest with status 405",
                Some("if it is a mirror or a cache, push to the registry behind it; or pin the digest"),
            ),
            (
                PushFailure::OtherDigest(digest),
                "stored other content than was sent: sha256:abababababab",
                Some("do not use the tag: pin the digest"),
            ),
        ] {
            assert_eq!((failure.clause().as_str(), failure.hint().as_deref()), (clause, hint));
        }
    }
}
