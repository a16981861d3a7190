//! A tag, read piece by piece: what each number and word in it is, as far as its own form tells.
//!
//! What only the repository can tell (`4521873` is a commit, `24.04` a month) is found out by whoever has the list.

use super::ground;
use super::moment::Moment;

/// Words whose number counts builds, whatever stands around them.
pub(super) const COUNTERS: [&str; 45] = [
    "attempt",
    "b",
    "bld",
    "bn",
    "build",
    "buildnumber",
    "ce",
    "ci",
    "cu",
    "dfsg",
    "dist",
    "ee",
    "eks",
    "eksbuild",
    "ent",
    "fix",
    "gke",
    "hotfix",
    "it",
    "iteration",
    "job",
    "k",
    "k3s",
    "ls",
    "n",
    "no",
    "p",
    "patch",
    "pipeline",
    "pkg",
    "pl",
    "pr",
    "r",
    "rancher",
    "rebuild",
    "rel",
    "release",
    "respin",
    "rev",
    "revision",
    "run",
    "sp",
    "tag",
    "u",
    "update",
];

/// Words that make what follows a version a pre-release. Others (`-alpine`, `-slim`) are variants.
pub(super) const PRE_RELEASES: [&str; 14] = [
    "a",
    "alpha",
    "b",
    "beta",
    "canary",
    "dev",
    "m",
    "milestone",
    "next",
    "nightly",
    "pre",
    "preview",
    "rc",
    "snapshot",
];

/// Words that say that a commit follows.
pub(super) const COMMIT_WORDS: [&str; 5] = ["sha", "git", "commit", "g", "gitsha"];

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) enum Kind<'a> {
    /// Letters.
    Word,
    /// Digits that may count.
    Number(Number<'a>),
    /// A day, a time, a week.
    Moment(Moment<'a>),
    /// The name of a commit or of a content, or another name that a machine made up.
    Commit,
    /// What the image is built on or for, with its version.
    Ground,
}

/// What stands around a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) struct Number<'a> {
    /// The word in front of the whole row, glued to it or with one separator between.
    pub label: &'a str,
    /// All that is glued to it in front: `k3s` of `k3s1`, where the label is `s`.
    pub head: &'a str,
    /// Letters and then another number are glued to it behind: it is a part of a name.
    pub inner: bool,
    /// What stands between the label and the group; `None` without a label.
    pub joint: Option<&'a str>,
    /// Which one it is in a row of numbers with dots between them, from 0.
    pub place: usize,
    /// How many numbers that row has.
    pub of: usize,
}

/// A piece and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Token<'a> {
    pub start: usize,
    pub text: &'a str,
    pub kind: Kind<'a>,
}

impl Token<'_> {
    pub(in crate::domain) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn number(&self) -> Option<&Number<'_>> {
        if let Kind::Number(number) = &self.kind { Some(number) } else { None }
    }

    pub(super) fn is_commit(&self) -> bool {
        self.kind == Kind::Commit
    }
}

impl Number<'_> {
    /// Its word says that it counts builds.
    pub(in crate::domain) fn is_counter(&self) -> bool {
        COUNTERS.iter().any(|word| word.eq_ignore_ascii_case(self.label) || word.eq_ignore_ascii_case(self.head))
    }

    /// Its word makes it a pre-release's.
    pub(in crate::domain) fn is_pre_release(&self) -> bool {
        PRE_RELEASES.iter().any(|word| word.eq_ignore_ascii_case(self.label))
    }
}

/// Which moments are read: the repository may show that what looks like one is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moments {
    All,
    /// Days without a time behind them: `20240115-0001` is the first of a day.
    Days,
    None,
}

/// Reads a tag. Between the pieces there are separators only.
pub(in crate::domain) fn read(tag: &str) -> Vec<Token<'_>> {
    read_as(tag, Moments::All)
}

/// The same where the repository has shown that no number is a moment.
pub(super) fn read_without_moments(tag: &str) -> Vec<Token<'_>> {
    read_as(tag, Moments::None)
}

/// The same with these moments.
pub(super) fn read_as(tag: &str, moments: Moments) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < tag.len() && tag.is_ascii() {
        let rest = &tag[at..];
        let word = run(rest, |byte| byte.is_ascii_alphanumeric());
        if word == 0 {
            at += 1;
            continue;
        }
        let starts = at == 0 || !tag.as_bytes()[at - 1].is_ascii_alphanumeric();
        let token = starts.then(|| whole(tag, at, word, moments)).flatten().unwrap_or_else(|| part(tag, at, moments));
        at = token.end();
        tokens.push(token);
    }
    group(tag, &mut tokens);
    tokens
}

/// A piece that takes a whole word, or more.
fn whole(tag: &str, start: usize, word: usize, moments: Moments) -> Option<Token<'_>> {
    let rest = &tag[start..];
    let token = |start: usize, length: usize, kind| Token { start, text: &tag[start..start + length], kind };
    if let Some(length) = uuid(rest) {
        return Some(token(start, length, Kind::Commit));
    }
    let ground = ground::length(rest);
    // `deb0a0a` is a commit, whatever it begins with.
    if ground > 0 && !(is_hex(&rest[..word]) && is_commit(&rest[..word])) {
        return Some(token(start, ground, Kind::Ground));
    }
    let text = &rest[..word];
    if moments != Moments::None && Moment::at(tag, start).is_some() {
        return None;
    }
    let before = last_word(&tag[..start]);
    let announced = COMMIT_WORDS.iter().any(|known| known.eq_ignore_ascii_case(before)) && (7..=64).contains(&word);
    // `git describe` writes a `g` before the commit, others write `sha` or `v`.
    let glued = COMMIT_WORDS.iter().chain(&["v", "r", "h", "rev"]).find_map(|known| {
        let hex =
            text.get(..known.len()).filter(|start| start.eq_ignore_ascii_case(known)).map(|_| &text[known.len()..])?;
        let bare = COMMIT_WORDS.contains(known) && (7..=64).contains(&hex.len()) && is_hex(hex);
        (bare || is_commit(hex)).then_some(known.len())
    });
    if let Some(length) = glued {
        return Some(token(start + length, word - length, Kind::Commit));
    }
    let alone = word == tag.len() && (7..=40).contains(&word) && is_hex(text) && has_letter(text) && !is_month(text);
    (is_commit(text) || (announced && is_hex(text)) || alone).then(|| token(start, word, Kind::Commit))
}

/// A run of letters, a run of digits or a moment.
fn part(tag: &str, start: usize, moments: Moments) -> Token<'_> {
    let rest = &tag[start..];
    let digits = run(rest, |byte| byte.is_ascii_digit());
    if digits == 0 {
        let letters = run(rest, |byte| byte.is_ascii_alphabetic());
        return Token { start, text: &rest[..letters], kind: Kind::Word };
    }
    let moment = Moment::at(tag, start).filter(|_| moments != Moments::None);
    let moment = moment.map(|moment| if moments == Moments::Days { moment.without_time() } else { moment });
    if let Some(moment) = moment {
        return Token { start, text: moment.text, kind: Kind::Moment(moment) };
    }
    let number = Number { label: "", head: "", inner: false, joint: None, place: 0, of: 1 };
    Token { start, text: &rest[..digits], kind: Kind::Number(number) }
}

/// Tells each number its row and its word.
fn group<'a>(tag: &'a str, tokens: &mut [Token<'a>]) {
    let mut at = 0;
    while at < tokens.len() {
        let is_number = |token: &Token<'_>| token.number().is_some();
        let mut end = at + 1;
        if is_number(&tokens[at]) {
            while tokens.get(end).is_some_and(is_number) && &tag[tokens[end - 1].end()..tokens[end].start] == "." {
                end += 1;
            }
        }
        let word = at.checked_sub(1).map(|before| &tokens[before]).filter(|token| token.kind == Kind::Word);
        let joint = word.map(|word| &tag[word.end()..tokens[at].start]).filter(|joint| joint.len() < 2);
        let label = word.filter(|_| joint.is_some()).map_or("", |word| word.text);
        let front = &tag[..tokens[at].start];
        let head = &front[front.trim_end_matches(|last: char| last.is_ascii_alphanumeric()).len()..];
        let behind = &tag[tokens[end - 1].end()..];
        let behind = &behind[..run(behind, |byte| byte.is_ascii_alphanumeric())];
        let inner = behind.bytes().any(|byte| byte.is_ascii_digit());
        for (place, token) in tokens[at..end].iter_mut().enumerate() {
            if let Kind::Number(number) = &mut token.kind {
                *number = Number { label, head, inner, joint, place, of: end - at };
            }
        }
        at = end;
    }
}

/// A word that no person chose: a commit, abbreviated or not, a content's digest, a random name.
fn is_commit(word: &str) -> bool {
    let (letters, digits) = (has_letter(word), word.bytes().any(|byte| byte.is_ascii_digit()));
    match word.len() {
        64 if is_hex(word) => true,
        7..=40 if is_hex(word) && digits && letters => !is_month(word),
        8..=40 if is_hex(word) && letters => true,
        6 if is_hex(word) && alternations(word) > 1 => true,
        10..=64 => digits && letters && alternations(word) > 4,
        _ => false,
    }
}

/// `dec2024` has hex digits only, and is a month.
fn is_month(word: &str) -> bool {
    let year = word.get(3..).unwrap_or_default();
    word.get(..3).is_some_and(|month| ["dec", "feb"].iter().any(|known| known.eq_ignore_ascii_case(month)))
        && year.len() == 4
        && year.starts_with("20")
}

/// How often letters and digits take turns.
fn alternations(word: &str) -> usize {
    word.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count()
}

/// The length of a UUID.
fn uuid(text: &str) -> Option<usize> {
    let mut rest = text.get(..36)?.split('-');
    let parts = [8, 4, 4, 4, 12];
    let all = parts.iter().all(|length| rest.next().is_some_and(|part| part.len() == *length && is_hex(part)));
    (all && !text[36..].starts_with(|next: char| next.is_ascii_alphanumeric())).then_some(36)
}

/// The word that a text ends with, before one separator.
fn last_word(before: &str) -> &str {
    let before = before.strip_suffix(['-', '_', '.']).unwrap_or(before);
    before.rsplit(['-', '_', '.']).next().unwrap_or_default()
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn has_letter(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn run(text: &str, of: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| of(*byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each piece is: `w`ord, `n`umber, `m`oment, `c`ommit, `g`round.
    fn kinds(tag: &str) -> String {
        let letter = |token: &Token<'_>| match token.kind {
            Kind::Word => 'w',
            Kind::Number(_) => 'n',
            Kind::Moment(_) => 'm',
            Kind::Commit => 'c',
            Kind::Ground => 'g',
        };
        read(tag).iter().map(|token| format!("{}:{}", letter(token), token.text)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_piece_is_told_what_it_is() {
        for (tag, expected) in [
            ("v1.2.3-rc.1", "w:v n:1 n:2 n:3 w:rc n:1"),
            ("2.1.3-debian-12-r3", "n:2 n:1 n:3 g:debian-12 w:r n:3"),
            ("v1.28.5-rke2r1", "w:v n:1 n:28 n:5 w:rke n:2 w:r n:1"),
            ("8u392-b08-jre", "n:8 w:u n:392 w:b n:08 g:jre"),
            ("cb1299d-snapshot", "c:cb1299d w:snapshot"),
            ("main-3f2c1d0", "w:main c:3f2c1d0"),
            ("main-1234567", "w:main n:1234567"),
            ("sha-1234567", "w:sha c:1234567"),
            ("sha3f2c1d0", "c:3f2c1d0"),
            ("v1.2.3-4-g1234567", "w:v n:1 n:2 n:3 n:4 c:1234567"),
            ("abcdefa", "c:abcdefa"),
            ("1.0-defaced", "n:1 n:0 w:defaced"),
            ("3f2c1d", "c:3f2c1d"),
            ("550e8400-e29b-41d4-a716-446655440000", "c:550e8400-e29b-41d4-a716-446655440000"),
            ("01HMV8Z5K3QX7RJ2", "c:01HMV8Z5K3QX7RJ2"),
            ("dec2024", "w:dec n:2024"),
            ("RELEASE.2024-01-16T16-07-38Z.fips", "w:RELEASE m:2024-01-16T16-07-38Z w:fips"),
            ("2023.3.20240108.0", "n:2023 n:3 m:20240108 n:0"),
            ("8.9-1028.1705483837", "n:8 n:9 n:1028 m:1705483837"),
            ("main-42-us-east-1a", "w:main n:42 w:us g:east-1a"),
            ("4.14.0-202401151553.p0.g3f2c1d0.assembly", "n:4 n:14 n:0 m:202401151553 w:p n:0 c:3f2c1d0 w:assembly"),
            ("20240115-3f2c1d0", "m:20240115 c:3f2c1d0"),
            ("1.2.3-beta2", "n:1 n:2 n:3 w:beta n:2"),
            ("v1.32.8.7639-fb6452ebf-ls197", "w:v n:1 n:32 n:8 n:7639 c:fb6452ebf w:ls n:197"),
            ("", ""),
            ("..-", ""),
            ("v\u{e9}1", ""),
        ] {
            assert_eq!(kinds(tag), expected, "{tag}");
        }
        assert_eq!(kinds(&"1".repeat(64)), format!("c:{}", "1".repeat(64)));
    }

    #[test]
    fn moments_are_read_in_every_form() {
        for (tag, expected) in [
            ("20261123", "20261123 2026-11-23T00:00:00"),
            ("2026.11.23", "2026.11.23 2026-11-23T00:00:00"),
            ("v2026-9-01", "2026-9-01 2026-09-01T00:00:00"),
            ("2026_07_03-slim", "2026_07_03 2026-07-03T00:00:00"),
            ("2026.11.23-2", "2026.11.23 2026-11-23T00:00:00"),
            ("2024.12", "2024.12 2024-12-01T00:00:00"),
            ("202412", "202412 2024-12-01T00:00:00"),
            ("2024-W03", "2024-W03 2024-01-15T00:00:00"),
            ("2024w3", "2024w3 2024-01-15T00:00:00"),
            ("24.01.31", "24.01.31 2024-01-31T00:00:00"),
            ("240131", "240131 2024-01-31T00:00:00"),
            ("24.04", "24.04 2024-04-01T00:00:00"),
            ("15.01.2024", "15.01.2024 2024-01-15T00:00:00"),
            ("01-31-2024", "01-31-2024 2024-01-31T00:00:00"),
            ("2024-01-15T10.30.00", "2024-01-15T10.30.00 2024-01-15T10:30:00"),
            ("2021-01-28.133158", "2021-01-28.133158 2021-01-28T13:31:58"),
            ("20240115T103000Z", "20240115T103000Z 2024-01-15T10:30:00"),
            ("20240115-1030", "20240115-1030 2024-01-15T10:30:00"),
            ("20240115103000", "20240115103000 2024-01-15T10:30:00"),
            ("2024011510", "2024011510 2024-01-15T10:00:00"),
            ("RELEASE.2024-01-16T16-07-38Z", "2024-01-16T16-07-38Z 2024-01-16T16:07:38"),
            ("dev-1704067200", "1704067200 2024-01-01T00:00:00"),
            ("dev-1704067200123", "1704067200123 2024-01-01T00:00:00.123"),
        ] {
            let tokens = read(tag);
            let moment = tokens.iter().find_map(|token| match &token.kind {
                Kind::Moment(moment) => Some(moment),
                _ => None,
            });
            let moment = moment.unwrap_or_else(|| panic!("{tag}: {tokens:?}"));
            assert_eq!(format!("{} {}", moment.text, moment.at), expected, "{tag}");
            assert!(moment.is_shaped_like(moment.text), "{tag}");
        }
    }

    #[test]
    fn only_real_moments_are_moments() {
        for tag in [
            "1.0",
            "2026.02.30",
            "2025.02.29",
            "20261323",
            "19991231",
            "2100.01.01",
            "202611231",
            "2026112",
            "1.2026.11.23",
            "2026.11.23rc1",
            "20261123abc",
            "2026.007.1",
            "2024.04.1",
            "2024.13",
            "202413",
            "2024-W54",
            "1.24.04",
            "23.8.9.54",
            "20240115x",
            "9704067200",
        ] {
            let found = read(tag).into_iter().find(|token| matches!(token.kind, Kind::Moment(_)));
            assert_eq!(found, None, "{tag}");
        }
    }
}
