//! `digest`: the content gives the name.
//!
//! The name is the running tag and twelve hex digits: enough that no two contents of a repository ever meet, short
//! enough to be read out. The same content always gets the same name.

use super::date::calendar_day;
use super::series::Names;
use super::{Proposal, Scheme, SchemeError};
use crate::domain::Digest;
use crate::domain::floating::is_floating;

/// How many hex digits of the content stand in its name.
const DIGITS: usize = 12;

/// Names the content after itself, on the base of the running tag.
///
/// Where the name would float for want of a digit (`main-abcdefabcdef`), the algorithm's name stands between:
/// `main-sha256-abcdefabcdef`.
pub(super) fn propose(running: &str, digest: Option<&Digest>) -> Result<Proposal, SchemeError> {
    let digest = digest.ok_or(SchemeError::NoDigest)?;
    let hex = digest.hex().get(..DIGITS).unwrap_or_else(|| digest.hex());
    let name = match base(running) {
        "" => hex.to_owned(),
        base => format!("{base}-{hex}"),
    };
    let name = if is_floating(&name) { format!("{}-{}-{hex}", base(running), digest.algorithm()) } else { name };
    Ok(Proposal {
        scheme: Scheme::Digest,
        evidence: "named after its content".to_owned(),
        neighbours: Vec::new(),
        warnings: Vec::new(),
        names: Names::Only(name),
        newest: None,
    })
}

/// What is kept of a running tag: all but an older content's name. `latest` says nothing worth keeping.
fn base(tag: &str) -> &str {
    if is_hex(tag) && (tag.len() == 64 || (tag.len() == DIGITS && has_letter(tag))) {
        return "";
    }
    let base = match content_suffix(tag) {
        Some(base) => ["-sha256", "-sha512"].iter().find_map(|infix| base.strip_suffix(infix)).unwrap_or(base),
        None => tag,
    };
    if base == "latest" { "" } else { base }
}

/// What stands before the name of a content, if the tag is of this scheme. Twelve decimal digits can be a content's,
/// too, unless they read as a minute.
fn content_suffix(tag: &str) -> Option<&str> {
    let (base, hex) = tag.rsplit_once('-')?;
    (!base.is_empty() && hex.len() == DIGITS && is_hex(hex) && !is_minute(hex)).then_some(base)
}

/// What stands before the name of a content or a commit: nothing in those counts, whatever digits they have. `None` if
/// the tag is named after neither.
pub(super) fn before_content(tag: &str) -> Option<&str> {
    if (is_hex(tag) && tag.len() == 64) || (is_commit(tag) && has_letter(tag)) {
        return Some("");
    }
    if content_suffix(tag).is_some() {
        return Some(base(tag));
    }
    let (base, last) = tag.rsplit_once(['-', '_', '.'])?;
    // `git describe` writes a `g` before the commit.
    let commit = last.strip_prefix('g').unwrap_or(last);
    let mixed = has_letter(commit) && commit.bytes().any(|byte| byte.is_ascii_digit());
    (is_commit(commit) && mixed).then_some(base)
}

fn is_commit(text: &str) -> bool {
    (7..=40).contains(&text.len()) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn has_letter(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `202611231845`.
fn is_minute(digits: &str) -> bool {
    let number = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u8>().ok());
    digits.get(..4).is_some_and(|year| calendar_day(year, &digits[4..6], &digits[6..8]).is_some())
        && number(8, 10).is_some_and(|hour| hour < 24)
        && number(10, 12).is_some_and(|minute| minute < 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_content_is_no_part_of_the_base() {
        for (tag, expected) in [
            ("1.0", "1.0"),
            ("1.0-0123456789ab", "1.0"),
            ("1.0-012345678912", "1.0"),
            ("build-202611231845", "build-202611231845"),
            ("latest", ""),
            ("latest-0123456789ab", ""),
            ("0123456789ab", ""),
            ("012345678912", "012345678912"),
            ("main", "main"),
            ("main-sha256-abcdefabcdef", "main"),
            ("main-3f2c1d0", "main-3f2c1d0"),
            ("3f2c1d0", "3f2c1d0"),
        ] {
            assert_eq!(base(tag), expected, "{tag}");
        }
    }

    #[test]
    fn commits_and_contents_are_told_from_counts() {
        for (tag, expected) in [
            ("3f2c1d0", Some("")),
            ("abcdefa", Some("")),
            ("1234567", None),
            ("sha-3f2c1d0", Some("sha")),
            ("v1.2.3-5-gabc4def", Some("v1.2.3-5")),
            ("1.0-0123456789ab", Some("1.0")),
            ("main-sha256-abcdefabcdef", Some("main")),
            ("20261123-3f2c1d0", Some("20261123")),
            ("1.0-defaced", None),
            ("1.2.3-beta2", None),
            ("build-202611231845", None),
            ("3f2c", None),
            ("1.0", None),
        ] {
            assert_eq!(before_content(tag), expected, "{tag}");
        }
        assert_eq!(before_content(&"1".repeat(64)), Some(""));
    }
}
