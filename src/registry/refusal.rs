//! Why a registry did not take what was to be written, as far as it says so.

use serde::Deserialize;
use serde_json::Value;

use super::transport::Reply;
use crate::domain::Repository;
use crate::domain::remote::{Failure, PushFailure};
use crate::text::excerpt;

/// As much of the registry's own words as a person reads.
const WORDS: usize = 240;

/// The body in which registries tell errors. Some write numbers as codes, and none must be left out for that.
#[derive(Deserialize)]
struct Body {
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: Value,
}

/// An answer other than a success.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    /// The first code, as it is written.
    code: String,
    /// Codes and messages in full, as they came; empty if the registry says nothing.
    said: String,
}

impl Refusal {
    pub(super) fn of(reply: &Reply) -> Self {
        let (code, said) = read(&reply.body);
        Self { status: reply.status.as_u16(), code, said }
    }

    /// Codes and messages, fit for a terminal.
    fn words(&self) -> String {
        excerpt(&self.said, WORDS)
    }

    /// Whether it is because the tag is there and may not be changed. There is no code for that: registries use what
    /// status they like, and tell it in words.
    pub(super) fn is_immutability(&self, repository: &Repository, tag: &str) -> bool {
        if !matches!(self.status, 400 | 403 | 405 | 409 | 412) {
            return false;
        }
        // Names are no words: `team/immutable-app` may be denied for any reason.
        let is_name = |word: &&str| word.contains('/') || *word == &*repository.path || *word == tag;
        let is_split = |character: char| !character.is_alphanumeric() && !"/._-".contains(character);
        let words: Vec<&str> = self.said.split(is_split).filter(|word| !is_name(word) && !word.is_empty()).collect();
        let words = words.join(" ").to_lowercase();
        let says = |phrase: &str| words.contains(phrase);
        // "Immutable" and "immutability"; the second is a code in one word.
        says("immutab")
            || says("alreadyexists")
            || says("already exists")
            || says("cannot be overwritten")
            || says("cannot overwrite")
            || says("does not allow updating")
            // Where it is about rights, what is locked is more likely an account.
            || (self.status != 403 && words.split(' ').any(|word| word.trim_matches('.') == "locked"))
    }

    /// Whether a 404 is about what the manifest refers to rather than about the repository.
    pub(super) fn lacks_content(&self) -> bool {
        self.code.starts_with("MANIFEST_") || self.code.starts_with("BLOB_")
    }

    /// Whether it says that the repository is not there.
    pub(super) fn knows_no_repository(&self) -> bool {
        self.code == "NAME_UNKNOWN"
    }

    /// As a clause that follows "registry `host` …".
    pub(super) fn clause(&self) -> String {
        match self.words().as_str() {
            "" => format!("answered with status {}", self.status),
            words => format!("answered with status {}: {words}", self.status),
        }
    }

    pub(super) fn failure(&self, repository: &Repository, tag: &str) -> PushFailure {
        if self.is_immutability(repository, tag) {
            PushFailure::Immutable(self.words())
        } else if (400..500).contains(&self.status) {
            PushFailure::Refused { status: self.status, words: self.words() }
        } else {
            PushFailure::Failure(Failure::Status(self.status))
        }
    }
}

/// The first code, and all that is said.
fn read(body: &[u8]) -> (String, String) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if let Ok(body) = serde_json::from_slice::<Body>(body) {
        let said = body.errors.iter().map(|error| match (text(&error.code), text(&error.message)) {
            (code, message) if code.is_empty() || message.is_empty() => code + &message,
            (code, message) => format!("{code}: {message}"),
        });
        let code = body.errors.first().map(|error| text(&error.code)).unwrap_or_default();
        return (code, said.filter(|said| !said.is_empty()).collect::<Vec<_>>().join("; "));
    }
    // Plain text is said too; a page or another document is for machines.
    let plain = String::from_utf8_lossy(body);
    let is_document = plain.trim_start().starts_with(['<', '{', '[']) || serde_json::from_slice::<Value>(body).is_ok();
    (String::new(), if is_document { String::new() } else { plain.into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal::of(&Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
            elsewhere: false,
        })
    }

    fn error(code: &str, message: &str) -> String {
        json!({ "errors": [{ "code": code, "message": message, "detail": { "name": "immutable" } }] }).to_string()
    }

    #[test]
    fn a_tag_that_may_not_be_changed_is_told_in_many_ways() {
        let repository = Repository::parse("r.example.com/locked/immutable").unwrap();
        for (status, code, message, immutable) in [
            (
                400,
                "TAG_INVALID",
                "The image tag '1' already exists in the 'app' repository and cannot be overwritten",
                true,
            ),
            (400, "ImageTagAlreadyExistsException", "", true),
            (412, "PRECONDITION", "Failed to process request due to 'app:1 configured as immutable'", true),
            (409, "UNKNOWN", "tag is immutable and cannot be overwritten", true),
            (409, "TAG_IMMUTABLE", "", true),
            (403, "DENIED", "repository has tag immutability enabled", true),
            (405, "UNSUPPORTED", "the target object is locked.", true),
            (400, "UNKNOWN", "Repository does not allow updating assets: docker", true),
            (405, "UNSUPPORTED", "The operation is unsupported.", false),
            (403, "DENIED", "requested access to the resource is denied", false),
            (403, "DENIED", "access to locked/immutable is denied", false),
            (403, "DENIED", "your account is locked", false),
            (405, "UNSUPPORTED", "blocked by policy", false),
            (409, "CONFLICT", "", false),
            (500, "UNKNOWN", "tag is immutable", false),
        ] {
            let refusal = refusal(status, &error(code, message));
            assert_eq!(refusal.is_immutability(&repository, "1"), immutable, "{status} {code} {message}");
        }
        let late = format!("{} is immutable", "very ".repeat(100));
        assert!(refusal(400, &error("UNKNOWN", &late)).is_immutability(&repository, "1"));
        let tag = refusal(403, &error("DENIED", "access to immutable:already-locked is denied"));
        assert!(!tag.is_immutability(&Repository::parse("r.example.com/immutable").unwrap(), "already-locked"));
    }

    #[test]
    fn the_words_of_a_registry_are_cleaned_and_cut() {
        for (body, words) in [
            (error("UNSUPPORTED", "no\u{1b}[31m\nway"), "UNSUPPORTED: no\u{fffd}[31m way"),
            (json!({ "errors": [{ "code": 7 }, { "message": "x" }, "y"] }).to_string(), ""),
            (json!({ "errors": [{ "code": 7 }, { "message": "x" }, {}] }).to_string(), "7; x"),
            (json!({ "errors": [] }).to_string(), ""),
            (json!({ "message": "other shape" }).to_string(), ""),
            ("<html>405</html>".to_owned(), ""),
            ("null".to_owned(), ""),
            (" method not allowed\n".to_owned(), "method not allowed"),
            (String::new(), ""),
        ] {
            assert_eq!(refusal(405, &body).words(), words, "{body}");
        }
        assert_eq!(refusal(405, &error("X", &"y".repeat(9000))).words().chars().count(), WORDS);
        assert_eq!(refusal(405, "").clause(), "answered with status 405");
        assert_eq!(refusal(405, "no").clause(), "answered with status 405: no");
    }
}
