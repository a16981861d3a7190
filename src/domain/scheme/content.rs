//! Names after a content: the commit that it was built from where the image tells it, or else its own digest.
//!
//! `digest` is the running tag and twelve hex digits: enough that no two contents of a repository ever meet, short
//! enough to be read out. The same content always gets the same name. Whatever commit the running tag names is another
//! content's, so it makes room for the new name.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::DateTime;

use super::increment::{Counted, Role};
use super::listing::Listing;
use super::series::Names;
use super::survey::Course;
use super::token::{COMMIT_WORDS, Kind, Token, has_letter, is_hex, read};
use super::{Proposal, Scheme, Situation};
use crate::domain::Digest;
use crate::domain::floating::is_floating;

/// How many hex digits of the content stand in its name.
const DIGITS: usize = 12;

/// What says in a name that a content follows, and not a commit.
const ALGORITHMS: [&str; 2] = ["sha256", "sha512"];

/// A tag, cut at the commit or content that it is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// What stands before it.
    pub before: &'a str,
    /// Its hex digits.
    pub commit: &'a str,
    /// What stands after it.
    pub after: &'a str,
}

impl<'a> Named<'a> {
    /// Cuts at the last commit that the tag shows by itself. Twelve decimal digits can be a content's, too, unless they
    /// read as a minute.
    pub(super) fn parse(tag: &'a str) -> Option<Self> {
        let tokens = read(tag);
        let commit = tokens.iter().rfind(|token| token.is_commit());
        let content = || {
            let last = tokens.last().filter(|token| token.end() == tag.len() && token.number().is_some())?;
            (last.text.len() == DIGITS && tag[..last.start].ends_with('-')).then_some(last)
        };
        let token = commit.or_else(content)?;
        Some(Self::at(tag, token))
    }

    fn at(tag: &'a str, token: &Token<'_>) -> Self {
        Self { before: &tag[..token.start], commit: &tag[token.start..token.end()], after: &tag[token.end()..] }
    }

    /// Cuts at a word that is a commit only as the repository shows: one without any letter (`4521873`), or a short
    /// one. Others have a commit of that length in its place.
    pub(super) fn by_evidence(tag: &'a str, listing: &Listing<'_>) -> Option<Self> {
        let mut words = Vec::new();
        for word in tag.split(is_separator) {
            let start = words.last().map_or(0, |(start, word): &(usize, &str)| start + word.len() + 1);
            words.push((start, word));
        }
        let hex = words.into_iter().rev().filter(|(_, word)| {
            (4..=40).contains(&word.len()) && is_hex(word) && word.bytes().any(|byte| byte.is_ascii_digit())
        });
        let cut = |(start, word): (usize, &'a str)| {
            let end = start + word.len();
            Self { before: &tag[..start], commit: word, after: &tag[end..] }
        };
        hex.map(cut).find(|named| named.is_hex_elsewhere(listing))
    }

    /// Whether other tags have hex digits in the same place, and enough of them.
    fn is_hex_elsewhere(&self, listing: &Listing<'_>) -> bool {
        let (mut mixed, mut decimal) = (0, 0);
        let skeleton = |text: &str| text.split(is_separator).map(mask_word).collect::<Vec<_>>();
        let (before, after) = (skeleton(self.before), skeleton(self.after));
        let own = format!("{}{}{}", self.before, self.commit, self.after);
        for tag in listing.tags.iter().filter(|tag| **tag != own && tag.len() >= self.commit.len()) {
            let words: Vec<&str> = tag.split(is_separator).collect();
            if words.len() != before.len() + after.len() - 1 {
                continue;
            }
            let place = before.len() - 1;
            let (front, word, back) = (&words[..place], words[place], &words[place + 1..]);
            let same =
                |words: &[&str], masks: &[String]| words.iter().zip(masks).all(|(word, own)| mask_word(word) == *own);
            if word.len() != self.commit.len() || !is_hex(word) || !same(front, &before) || !same(back, &after[1..]) {
                continue;
            }
            if has_letter(word) && word.bytes().any(|byte| byte.is_ascii_digit()) { mixed += 1 } else { decimal += 1 }
        }
        // Of seven hex digits one commit in thirty has no letter; shorter ones need a second witness.
        let least = if self.commit.len() < 7 { 2 } else { 1 };
        mixed >= least && decimal <= mixed * 3
    }

    /// What stands before without the word that announces a commit (`sha-`, the `g` of `git describe`) and the count
    /// of commits in front of that; nothing in it is left of the other build.
    fn base(&self) -> String {
        let before = without_commits(self.before);
        let trimmed = before.trim_end_matches(is_separator);
        let (front, word) = trimmed.rsplit_once(is_separator).unwrap_or(("", trimmed));
        let announces =
            |word: &str| COMMIT_WORDS.iter().chain(&ALGORITHMS).any(|known| known.eq_ignore_ascii_case(word));
        if !announces(word) {
            return before;
        }
        let separators = before.len() - trimmed.len();
        let front =
            if self.is_described() { front.rsplit_once(is_separator).map_or(front, |(front, _)| front) } else { front };
        match (front, separators) {
            ("", _) => String::new(),
            (front, _) => format!("{front}-"),
        }
    }

    /// `v1.2.3-4-g3f2c1d0`.
    fn is_described(&self) -> bool {
        let count = self.before.strip_suffix('g').and_then(|before| before.strip_suffix(is_separator));
        let word = count.and_then(|before| before.rsplit_once(['-', '.']));
        word.is_some_and(|(front, count)| {
            !count.is_empty()
                && count.bytes().all(|byte| byte.is_ascii_digit())
                && front.bytes().any(|byte| byte.is_ascii_digit())
        })
    }

    /// What stands after it in another build's name.
    fn rest(&self) -> String {
        let after = without_commits(self.after);
        ["-dirty", ".dirty", "-modified"].iter().find_map(|mark| after.strip_suffix(mark)).unwrap_or(&after).to_owned()
    }

    /// The name of the content in its place.
    fn with_content(&self, digest: &Digest) -> Renamed {
        let base = self.base();
        let base = if base.trim_end_matches(is_separator) == "latest" { String::new() } else { base };
        let renamed = Renamed { before: base, hex: short(digest).to_owned(), after: self.rest() };
        if !is_floating(&renamed.to_string()) {
            return renamed;
        }
        Renamed { hex: format!("{}-{}", digest.algorithm(), renamed.hex), ..renamed }
    }

    /// The name of another commit in its place, as long as the one that is there. `None` if it is none.
    pub(super) fn with_revision(&self, revision: &str) -> Option<Renamed> {
        let revision = revision.trim().to_ascii_lowercase();
        let named = is_hex(self.commit) && self.commit.len() <= 40 && is_hex(&revision);
        let short = revision.get(..self.commit.len()).filter(|_| named && revision.len() >= 7)?;
        let before = if self.is_described() { format!("{}g", self.base()) } else { without_commits(self.before) };
        Some(Renamed { before, hex: short.to_owned(), after: self.rest() })
    }
}

/// A tag with another content's name in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renamed {
    before: String,
    hex: String,
    after: String,
}

impl fmt::Display for Renamed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}{}", self.before, self.hex, self.after)
    }
}

impl Renamed {
    /// The name with the present time and the next count in it. A count that several commits share is the line that
    /// they are of, and stays.
    pub(super) fn go_on(&self, listing: &Listing<'_>, now: DateTime) -> String {
        if let Some(before) = at_present(&self.before, now) {
            return Self { before, ..self.clone() }.to_string();
        }
        if let Some(after) = at_present(&self.after, now) {
            return Self { after, ..self.clone() }.to_string();
        }
        let name = self.to_string();
        let tokens = read(&name);
        let own = self.before.len()..self.before.len() + self.hex.len();
        let others: Vec<Token<'_>> = tokens.iter().filter(|token| !own.contains(&token.start)).cloned().collect();
        let counted = Counted::parse(&name, &others, None)
            .filter(|counted| counted.role != Role::PreRelease && !counted.before.ends_with('.'));
        let Some((counted, number)) = counted.and_then(|counted| Some((counted, counted.number()?))) else {
            return name;
        };
        let place = tokens.iter().position(|token| token.start == counted.before.len());
        let mine = mask(&Self { hex: "abcdef0".to_owned(), ..self.clone() }.to_string());
        let mut counts: BTreeMap<u128, usize> = BTreeMap::new();
        for tag in listing.tags.iter().filter(|tag| mask(tag) == mine) {
            let count = place.and_then(|place| read(tag).get(place)?.text.parse().ok());
            *counts.entry(count.unwrap_or_default()).or_default() += 1;
        }
        // Of a version there has to be proof that it counts builds.
        let is_line =
            counts.values().any(|commits| *commits > 1) || (counted.role == Role::Version && counts.len() < 2);
        if is_line {
            return name;
        }
        let next = counts.keys().copied().max().unwrap_or_default().max(number).saturating_add(1);
        format!("{}{next:0width$}{}", counted.before, counted.after, width = counted.digits.len())
    }
}

/// A text with the present in place of the moment in it.
fn at_present(text: &str, now: DateTime) -> Option<String> {
    let tokens = read(text);
    let (token, moment) = tokens.iter().find_map(|token| match &token.kind {
        Kind::Moment(moment) => Some((token, moment)),
        _ => None,
    })?;
    let written = moment.write(moment.floor(now), |field| moment.fills_up(field).unwrap_or(true));
    Some(format!("{}{written}{}", &text[..token.start], &text[token.end()..]))
}

/// Names the content after itself, on the base of the running tag.
///
/// Where the name would float for want of a digit (`main-abcdefabcdef`), the algorithm's name stands between:
/// `main-sha256-abcdefabcdef`.
pub(super) fn propose(listing: &Listing<'_>, course: &Course<'_>, situation: &Situation<'_>) -> Proposal {
    let running = listing.running;
    let evidence = "named after its content".to_owned();
    let named = Named::parse(running).or_else(|| Named::by_evidence(running, listing));
    let name = situation.digest.map(|digest| match (&named, course) {
        (Some(named), Course::Commit(_)) => named.with_content(digest).go_on(listing, situation.now),
        (Some(named), _) => named.with_content(digest).to_string(),
        (None, _) => appended(running, digest),
    });
    let mut proposal = Proposal::new(Scheme::Digest, evidence, name.map_or(Names::Nameless, Names::Only));
    proposal.reasons.push(match course {
        Course::Commit(named) => format!(
            "`{}` in `{}{}{}` is a commit or a content: what comes next only the image itself can tell",
            named.commit, named.before, named.commit, named.after
        ),
        _ => format!("nothing in `{running}` or around it counts"),
    });
    proposal
}

fn appended(running: &str, digest: &Digest) -> String {
    let hex = short(digest);
    if running == "latest" {
        return hex.to_owned();
    }
    let name = format!("{running}-{hex}");
    if is_floating(&name) { format!("{running}-{}-{hex}", digest.algorithm()) } else { name }
}

fn short(digest: &Digest) -> &str {
    digest.hex().get(..DIGITS).unwrap_or_else(|| digest.hex())
}

/// What is left of a tag when nothing names a content or a commit in it: nothing in those counts, whatever digits they
/// have. `None` if the tag is named after neither.
pub(super) fn without_content(tag: &str, listing: &Listing<'_>) -> Option<String> {
    let named = Named::parse(tag).or_else(|| Named::by_evidence(tag, listing))?;
    let base = named.base();
    let (base, rest) = (base.trim_end_matches(is_separator), named.rest());
    let rest = if base.is_empty() { rest.trim_start_matches(is_separator) } else { &rest };
    Some(format!("{base}{rest}"))
}

/// A text without the commits in it, and without a separator of each.
fn without_commits(text: &str) -> String {
    let mut left = String::new();
    let mut at = 0;
    for token in read(text).iter().filter(|token| token.is_commit()) {
        left.push_str(&text[at..token.start]);
        at = token.end() + usize::from(text[token.end()..].starts_with(is_separator));
    }
    left.push_str(&text[at..]);
    left
}

/// A tag with a mark for each commit, moment and number.
pub(super) fn mask(tag: &str) -> String {
    let mut masked = String::new();
    let mut at = 0;
    for token in read(tag) {
        masked.push_str(&tag[at..token.start]);
        match token.kind {
            Kind::Commit => masked.push('\u{1}'),
            Kind::Moment(_) => masked.push('\u{2}'),
            Kind::Number(_) => masked.push('\u{3}'),
            Kind::Word | Kind::Ground => masked.push_str(token.text),
        }
        at = token.end();
    }
    masked.push_str(&tag[at..]);
    masked
}

/// A word with a mark for its digits.
fn mask_word(word: &str) -> String {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        "\u{3}".to_owned()
    } else {
        word.to_owned()
    }
}

fn is_separator(character: char) -> bool {
    matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_content_or_commit_makes_room() {
        let digest = Digest::from_sha256_hex(&format!("3f2c1d0a9b8e{}", "5".repeat(52))).unwrap();
        for (tag, expected) in [
            ("1.0", "1.0-3f2c1d0a9b8e"),
            ("1.0-0123456789ab", "1.0-3f2c1d0a9b8e"),
            ("1.0-012345678912", "1.0-3f2c1d0a9b8e"),
            ("build-202611231845", "build-202611231845-3f2c1d0a9b8e"),
            ("latest", "3f2c1d0a9b8e"),
            ("latest-0123456789ab", "3f2c1d0a9b8e"),
            ("0123456789ab", "3f2c1d0a9b8e"),
            ("012345678912", "012345678912-3f2c1d0a9b8e"),
            ("main", "main-3f2c1d0a9b8e"),
            ("main-sha256-abcdefabcdef", "main-3f2c1d0a9b8e"),
            ("main-4f2c1d0", "main-3f2c1d0a9b8e"),
            ("4f2c1d0", "3f2c1d0a9b8e"),
            ("4f2c1d0-amd64", "3f2c1d0a9b8e-amd64"),
            ("cb1299d-snapshot", "3f2c1d0a9b8e-snapshot"),
            ("sha-4f2c1d0", "3f2c1d0a9b8e"),
            ("web-sha4f2c1d0", "web-3f2c1d0a9b8e"),
            ("v1.2.3-4-g4f2c1d0", "v1.2.3-3f2c1d0a9b8e"),
            ("v1.2.3-4-g4f2c1d0-dirty", "v1.2.3-3f2c1d0a9b8e"),
            ("v1.6.0-beta.0.12.g4f2c1d0", "v1.6.0-beta.0-3f2c1d0a9b8e"),
            ("4f2c1d0-5f2c1d0", "3f2c1d0a9b8e"),
        ] {
            let name = Named::parse(tag)
                .map_or_else(|| appended(tag, &digest), |named| named.with_content(&digest).to_string());
            assert_eq!(name, expected, "{tag}");
        }
    }

    #[test]
    fn the_images_own_commit_takes_the_place_of_another() {
        let revision = "abcdef0123456789abcdef0123456789abcdef01";
        for (tag, revision, expected) in [
            ("main-3f2c1d0", revision, Some("main-abcdef0")),
            ("sha-3f2c1d0", revision, Some("sha-abcdef0")),
            ("3f2c1d0-amd64", revision, Some("abcdef0-amd64")),
            ("v1.2.3-4-g3f2c1d0a", revision, Some("v1.2.3-gabcdef01")),
            ("main-3f2c1d0", "abcdef", None),
            ("main-3f2c1d0", "v1.2.3", None),
            ("main-3f2c1d0123", "abcdef0", None),
            ("550e8400-e29b-41d4-a716-446655440000", revision, None),
        ] {
            let named = Named::parse(tag).unwrap();
            assert_eq!(named.with_revision(revision).map(|named| named.to_string()).as_deref(), expected, "{tag}");
        }
    }
}
