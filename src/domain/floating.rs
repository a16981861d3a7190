//! Tags that move by design.

use super::scheme::token::{Kind, Number, Token, read};

/// Names that registries' users re-push on purpose. Compared without case, as whole words between `-`,
/// `.` and `_`: `main-alpine` floats as `main` does, `maintenance-3` does not.
const FLOATING: [&str; 26] = [
    "latest",
    "head",
    "canary",
    "main",
    "master",
    "trunk",
    "edge",
    "nightly",
    "dev",
    "devel",
    "develop",
    "development",
    "stable",
    "testing",
    "unstable",
    "next",
    "current",
    "snapshot",
    "rolling",
    "staging",
    "prod",
    "production",
    "bleeding",
    "lts",
    "mainline",
    "tip",
];

/// Those that say where a version was promoted to, and not that it is unfinished: `1.2.3-stable` is a release.
const PROMOTIONS: [&str; 10] =
    ["current", "lts", "main", "mainline", "master", "prod", "production", "stable", "staging", "testing"];

/// Branches: a number beside one counts its builds, `42-main`. A number beside any other names a line, `22-latest`.
const BRANCHES: [&str; 7] = ["develop", "development", "head", "main", "master", "tip", "trunk"];

/// Whether a tag floats by its name: a word such as `latest` stands in it, alone or with a line of versions (`v2-latest`,
/// `1.25-stable`) or what the image is built on (`edge-alpine3.20`). A day, a commit, a count or a whole version makes
/// it the name of one build (`nightly-2026-11-23`, `main-42`), for which nothing can be said.
#[must_use]
pub fn is_floating(tag: &str) -> bool {
    let words = || tag.split(['-', '.', '_']);
    if !words().any(is_floating_word) {
        return false;
    }
    if !tag.bytes().any(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let tokens = read(tag);
    let latest = words().any(|word| word.eq_ignore_ascii_case("latest"));
    !tokens.is_empty() && !(0..tokens.len()).any(|at| names_a_build(tag, &tokens, at, latest))
}

/// The line of versions that a floating tag follows: `1.25` of `1.25-latest`.
pub(super) fn line(tag: &str) -> Option<&str> {
    let behind =
        |rest: &str| rest.strip_prefix(['v', 'V']).unwrap_or(rest).starts_with(|first: char| first.is_ascii_digit());
    let (front, last) = tag.rsplit_once(['-', '_', '.'])?;
    let (first, back) = tag.split_once(['-', '_', '.'])?;
    let line = if is_floating_word(last) { front } else { Some(back).filter(|_| is_floating_word(first))? };
    (behind(line) && is_floating(tag)).then_some(line)
}

/// Whether a piece of a floating tag is of one build only.
fn names_a_build(tag: &str, tokens: &[Token<'_>], at: usize, latest: bool) -> bool {
    let number = match &tokens[at].kind {
        Kind::Commit => return true,
        // `24.04` is a line as often as a month.
        Kind::Moment(moment) => return !(moment.is_short() && moment.text.contains('.') && moment.text.len() < 6),
        Kind::Word | Kind::Ground => return false,
        Kind::Number(number) if number.place > 0 => return false,
        Kind::Number(number) => number,
    };
    let floating = tokens.iter().position(|token| token.kind == Kind::Word && is_floating_word(token.text));
    let word = floating.map_or("", |place| tokens[place].text);
    let before = floating.is_some_and(|place| at < place);
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    let own = matches!(number.label, "" | "v" | "V") || is_floating_word(number.label);
    match number.of {
        1 if own => counts_alone(tag, &tokens[at], number, before, is(&BRANCHES), latest),
        1 => number.is_counter() || number.is_pre_release() || !latest,
        _ if !own => number.is_counter(),
        // A whole version is of one build, unless it is unfinished.
        3.. => {
            if before {
                is(&PROMOTIONS)
            } else {
                !latest
            }
        }
        _ => false,
    }
}

/// Whether a number without a word of its own counts builds.
fn counts_alone(tag: &str, token: &Token<'_>, number: &Number<'_>, before: bool, branch: bool, latest: bool) -> bool {
    let line = matches!(number.label, "v" | "V") || tag[token.end()..].starts_with(".x");
    if line {
        return false;
    }
    if !before {
        return true;
    }
    token.text.len() > 4 || (branch && !latest)
}

fn is_floating_word(word: &str) -> bool {
    FLOATING.iter().any(|floating| word.eq_ignore_ascii_case(floating))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_float_and_versions_do_not() {
        for tag in [
            "latest",
            "HEAD",
            "main",
            "main-alpine",
            "edge",
            "Nightly",
            "lts-alpine",
            // With a line of versions.
            "v2-latest",
            "1.25-latest",
            "v2-stable",
            "1.27-stable",
            "latest-api1.7.1",
            "stable-v2",
            "22-latest",
            "2022-latest",
            "2.x-dev",
            "v1.5.x-head",
            "master-1.2",
            "24.04-edge",
            "latest-1.2.3",
            "latest-foo2",
            "3-dev",
            // Unfinished versions.
            "1.2.3-SNAPSHOT",
            "3.12.1-dev",
            "1.2.3-nightly",
            "v1.3.0-latest",
            // With what the image is built on or for.
            "latest-amd64",
            "latest-arm64v8",
            "edge-alpine3.20",
            "stable-alpine3.17",
            "latest-ubuntu-22.04",
            "main-java-17",
            "main-us-east-1",
            "latest-windowsservercore-1809",
            "lts-jdk17",
            "2.x-latest-x86_64",
        ] {
            assert!(is_floating(tag), "{tag}");
        }
        for tag in [
            "1.0",
            "v7",
            "maintenance",
            "alpine",
            "3f2c1d",
            "maintenance-3",
            "v2",
            "",
            "nightly-2026-11-23",
            "nightly-20240115",
            "stable-20240115",
            "20240115-latest",
            "nightly-2024-W03",
            "dev-1704067200",
            "master-202401151030",
            "latest-2024.12",
            "main-3f2c1d0",
            "cb1299d-snapshot",
            "main-550e8400-e29b-41d4-a716-446655440000",
            "v2.8-3f2c1d0-head",
            "main-42",
            "42-main",
            "latest-42",
            "main-42-us-east-1",
            "dev-build41",
            "main-r3",
            "1.2.3-canary.5",
            "main.42",
            "3.12.1-r0-dev",
            "main-abcdefabcdef12",
            "main-web42",
            "1234567-latest",
            "1.2.3-stable",
            "dev-1.2.3",
            "stable-4.10.2",
            "2.426.2-lts-jdk17",
            "1.2.3-prod",
            "latest-\u{e9}1",
        ] {
            assert!(!is_floating(tag), "{tag}");
        }
    }

    #[test]
    fn a_floating_tag_may_follow_a_line() {
        for (tag, expected) in [
            ("1.25-latest", Some("1.25")),
            ("v2-stable", Some("v2")),
            ("latest-1.2", Some("1.2")),
            ("latest", None),
            ("latest-alpine3.20", None),
            ("main-42", None),
            ("1.25", None),
        ] {
            assert_eq!(line(tag), expected, "{tag}");
        }
    }
}
