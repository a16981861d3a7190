//! Image references, as pods write them.
//!
//! The grammar is the one of `distribution/reference`, which kubelets use. `oci-client`'s parser is
//! not taken because it refuses IPv6 hosts, takes any Unicode letter in a tag, and knows only one of
//! Docker Hub's names; a property test holds this one against it wherever both agree on the grammar.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Digest;
use crate::text::is_unprintable;

/// The host that `docker.io` and its other names are folded into.
pub const DOCKER_HUB: &str = "docker.io";

/// A repository in a registry, normalised: Docker Hub's many names are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    /// Host and optional port, such as `docker.io`, `localhost:5000` or `[::1]:5000`.
    pub registry: Arc<str>,
    /// Path below the host, such as `library/nginx`.
    pub path: Arc<str>,
}

/// What a pod asks for. Keeps the text as it was written beside its parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    original: Arc<str>,
    repository: Repository,
    tag: Option<Arc<str>>,
    digest: Option<Digest>,
}

/// How many characters a tag has at most.
pub const TAG_LIMIT: usize = 128;

/// Why a text is no tag. The text itself is not repeated: the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Empty text.
    #[error("the tag is empty")]
    Empty,
    /// More than [`TAG_LIMIT`] characters.
    #[error("the tag is longer than {TAG_LIMIT} characters")]
    Long,
    /// A separator comes first.
    #[error("the tag starts with `{0}`: only a letter, a digit or `_` may come first")]
    Start(char),
    /// A character that no tag has.
    #[error("the tag has the character `{}`: only `a` to `z`, `A` to `Z`, `0` to `9`, `_`, `.` and `-` are allowed",
        named(*.0))]
    Character(char),
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Empty text.
    #[error("the image reference is empty")]
    Empty,
    /// The repository's path breaks the grammar.
    #[error("the repository name is malformed: lower-case letters, digits and separators only")]
    Repository,
    /// The host breaks the grammar.
    #[error("the registry's host is malformed")]
    Host,
    /// The tag breaks the grammar.
    #[error("the tag is malformed: at most 128 letters, digits, `_`, `.` and `-`")]
    Tag,
    /// The part after `@` is no digest.
    #[error("the digest is malformed: {0}")]
    Digest(#[from] super::digest::DigestError),
}

impl Repository {
    /// Parses and normalises a name without tag or digest, as it stands before the `@` of an
    /// `imageID`. `None` if it breaks the grammar.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::normalise(name).ok()
    }

    fn normalise(name: &str) -> Result<Self, ReferenceError> {
        // The first segment is a host only if it cannot be a Docker Hub user's name.
        let (host, path) = match name.split_once('/') {
            Some((first, rest))
                if first.contains(['.', ':'])
                    || first == "localhost"
                    || first.bytes().any(|b| b.is_ascii_uppercase()) =>
            {
                (first, rest)
            }
            _ => (DOCKER_HUB, name),
        };
        if !is_registry_host(host) {
            return Err(ReferenceError::Host);
        }
        if path.len() > 255 || !path.split('/').all(is_path_segment) {
            return Err(ReferenceError::Repository);
        }
        let registry = match host {
            "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            host => host,
        };
        let path =
            if registry == DOCKER_HUB && !path.contains('/') { format!("library/{path}").into() } else { path.into() };
        Ok(Self { registry: registry.into(), path })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.path)
    }
}

impl Reference {
    /// The text as the pod has it.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Whether it names no registry: Docker Hub is meant, or whatever the runtime is set to.
    #[must_use]
    pub fn is_short(&self) -> bool {
        &*self.repository.registry == DOCKER_HUB && !self.name().contains("docker.io/")
    }

    /// Registry and path.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag that is written; `None` where there is none.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The tag that a runtime resolves: the written one, or `latest` where there is neither tag nor
    /// digest. `None` for a digest alone.
    #[must_use]
    pub fn resolved_tag(&self) -> Option<Arc<str>> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(Arc::clone(tag)),
            (None, None) => Some("latest".into()),
            (None, Some(_)) => None,
        }
    }

    /// The name in front of tag and digest, as it is written.
    #[must_use]
    pub fn name(&self) -> &str {
        let rest = self.original.split_once('@').map_or(&*self.original, |(rest, _)| rest);
        match &self.tag {
            Some(tag) => &rest[..rest.len() - tag.len() - 1],
            None => rest,
        }
    }

    /// The same name with another tag, and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> String {
        format!("{}:{tag}", self.name())
    }

    /// The same name with a digest; the tag stays for the reader.
    #[must_use]
    pub fn with_digest(&self, digest: &Digest) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}@{digest}", self.name()),
            None => format!("{}@{digest}", self.name()),
        }
    }

    /// The digest that is written, if the reference is pinned.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        // A colon after the last slash starts a tag; one before it belongs to a port.
        let name_end = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[name_end..].split_once(':') {
            Some((last, tag)) => (&rest[..name_end + last.len()], Some(tag)),
            None => (rest, None),
        };
        if tag.is_some_and(|tag| check_tag(tag).is_err()) {
            return Err(ReferenceError::Tag);
        }
        let repository = Repository::normalise(name)?;
        Ok(Self { original: text.into(), repository, tag: tag.map(Into::into), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.original)
    }
}

/// Whether a text may be a tag.
///
/// # Errors
/// [`TagError`] names the first thing that is wrong.
pub fn check_tag(tag: &str) -> Result<(), TagError> {
    let allowed = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
    let first = tag.chars().next().ok_or(TagError::Empty)?;
    if let Some(other) = tag.chars().find(|character| !allowed(character)) {
        return Err(TagError::Character(other));
    }
    if matches!(first, '.' | '-') {
        return Err(TagError::Start(first));
    }
    if tag.len() > TAG_LIMIT { Err(TagError::Long) } else { Ok(()) }
}

/// The character itself, or its number where it cannot be seen.
fn named(character: char) -> String {
    if character.is_whitespace() || is_unprintable(character) {
        format!("U+{:04X}", u32::from(character))
    } else {
        character.to_string()
    }
}

/// Alphanumerics, joined by one `.`, one or two `_`, or any number of `-`.
fn is_path_segment(segment: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = segment.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    alphanumeric(first)
        && alphanumeric(last)
        && bytes.split(alphanumeric).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
        })
}

/// Whether a text is a registry's host as it stands in a reference, with or without a port.
#[must_use]
pub fn is_registry_host(host: &str) -> bool {
    let port_is_fine = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else {
            return false;
        };
        let port = after.strip_prefix(':');
        return address.parse::<std::net::Ipv6Addr>().is_ok() && (after.is_empty() || port.is_some_and(port_is_fine));
    }
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(label) && port.is_none_or(port_is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_name_of_docker_hub_is_one_repository() {
        for text in [
            "nginx",
            "library/nginx",
            "docker.io/nginx",
            "docker.io/library/nginx",
            "index.docker.io/library/nginx",
            "registry-1.docker.io/library/nginx",
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.repository().to_string(), "docker.io/library/nginx", "{text}");
            assert_eq!(reference.resolved_tag().as_deref(), Some("latest"), "{text}");
            assert_eq!((reference.tag(), reference.original()), (None, text));
        }
    }

    #[test]
    fn the_parts_of_a_reference_are_told_apart() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        for (text, repository, tag, pinned) in [
            ("cp-enablement/awesomeapp:1.0".to_owned(), "docker.io/cp-enablement/awesomeapp", Some("1.0"), false),
            ("localhost/app".to_owned(), "localhost/app", None, false),
            ("localhost:5000/app:v1".to_owned(), "localhost:5000/app", Some("v1"), false),
            ("reg.example.com:8443/team/app".to_owned(), "reg.example.com:8443/team/app", None, false),
            ("[::1]:5000/app:v1".to_owned(), "[::1]:5000/app", Some("v1"), false),
            ("app:5000".to_owned(), "docker.io/library/app", Some("5000"), false),
            ("Registry/app:1".to_owned(), "Registry/app", Some("1"), false),
            (format!("reg.example.com/app@{digest}"), "reg.example.com/app", None, true),
            (format!("reg.example.com/app:1.0@{digest}"), "reg.example.com/app", Some("1.0"), true),
            ("a__b/c---d.e_f:X_-.9".to_owned(), "docker.io/a__b/c---d.e_f", Some("X_-.9"), false),
        ] {
            let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (reference.repository().to_string().as_str(), reference.tag(), reference.digest().is_some()),
                (repository, tag, pinned),
                "{text}"
            );
        }
    }

    #[test]
    fn another_tag_or_digest_keeps_the_name_as_it_is_written() {
        let digest: Digest = format!("sha256:{}", "a1".repeat(32)).parse().unwrap();
        for (text, tagged, pinned) in [
            ("nginx", "nginx:1.1", format!("nginx@{digest}")),
            ("docker.io/nginx:1.0", "docker.io/nginx:1.1", format!("docker.io/nginx:1.0@{digest}")),
            ("localhost:5000/app", "localhost:5000/app:1.1", format!("localhost:5000/app@{digest}")),
            ("localhost:5000/app:1.0", "localhost:5000/app:1.1", format!("localhost:5000/app:1.0@{digest}")),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(
                (reference.with_tag("1.1").as_str(), reference.with_digest(&digest)),
                (tagged, pinned),
                "{text}"
            );
        }
        let other = format!("sha256:{}", "b2".repeat(32));
        let reference: Reference = format!("a.example.com/app:1.0@{other}").parse().unwrap();
        assert_eq!(reference.name(), "a.example.com/app");
        assert_eq!(reference.with_digest(&digest), format!("a.example.com/app:1.0@{digest}"));
    }

    #[test]
    fn a_malformed_tag_is_told_what_is_wrong_with_it() {
        let long = "x".repeat(TAG_LIMIT + 1);
        for (tag, error) in [
            ("", "the tag is empty"),
            (long.as_str(), "the tag is longer than 128 characters"),
            (".1", "the tag starts with `.`: only"),
            ("-1", "the tag starts with `-`: only"),
            ("1+2", "the tag has the character `+`: only"),
            ("größe", "the tag has the character `ö`: only"),
            ("1 0", "the tag has the character `U+0020`: only"),
            ("1\u{202e}0", "the tag has the character `U+202E`: only"),
            ("a:b", "the tag has the character `:`: only"),
        ] {
            let found = check_tag(tag).unwrap_err().to_string();
            assert!(found.starts_with(error), "{tag}: {found}");
        }
        for tag in ["1", "_", "X_-.9", &long[1..]] {
            assert_eq!(check_tag(tag), Ok(()), "{tag}");
        }
    }

    #[test]
    fn a_digest_alone_resolves_no_tag() {
        let reference: Reference = format!("app@sha256:{}", "a".repeat(64)).parse().unwrap();
        assert_eq!(reference.resolved_tag(), None);
    }

    #[test]
    fn malformed_references_say_which_part_is_wrong() {
        for (text, error) in [
            ("", ReferenceError::Empty),
            ("App", ReferenceError::Repository),
            ("a//b", ReferenceError::Repository),
            ("a/b_", ReferenceError::Repository),
            ("a___b", ReferenceError::Repository),
            ("a..b", ReferenceError::Repository),
            ("app:", ReferenceError::Tag),
            ("app:-x", ReferenceError::Tag),
            ("app:größe", ReferenceError::Tag),
            ("reg.example.com:/app", ReferenceError::Host),
            ("[::1/app", ReferenceError::Host),
            ("-reg.example.com/app", ReferenceError::Host),
            ("app@sha256:abc", ReferenceError::Digest(super::super::digest::DigestError::Hex)),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap_err(), error, "{text}");
        }
        assert_eq!(format!("app:{}", "x".repeat(129)).parse::<Reference>().unwrap_err(), ReferenceError::Tag);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = text.parse::<Reference>();
        }

        #[test]
        fn it_agrees_with_the_oci_parser(
            host in prop::option::of("([a-z]{1,5}\\.[a-z]{2,3}|localhost)(:[0-9]{1,4})?"),
            path in "[a-z0-9]{1,4}([._-]|__)?[a-z0-9]{1,4}(/[a-z0-9]{1,6}){0,2}",
            tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}"),
            hex in prop::option::of("[0-9a-f]{64}"),
        ) {
            let mut text = host.map_or_else(String::new, |host| format!("{host}/"));
            text.push_str(&path);
            if let Some(tag) = &tag { text.push_str(&format!(":{tag}")); }
            if let Some(hex) = &hex { text.push_str(&format!("@sha256:{hex}")); }
            let ours: Reference = text.parse().unwrap();
            let theirs: oci_distribution::Reference = text.parse().unwrap();
            prop_assert_eq!(ours.repository().registry.as_ref(), theirs.registry());
            prop_assert_eq!(ours.repository().path.as_ref(), theirs.repository());
            let tag = ours.resolved_tag();
            prop_assert_eq!(tag.as_deref(), theirs.tag());
            prop_assert_eq!(ours.digest().map(Digest::as_str), theirs.digest());
            prop_assert_eq!(ours.original(), text.as_str());
        }
    }
}
