//! `increment`: a number counts up.
//!
//! Which number that is, the tag's own words tell (`-r3`, `_build5`, `.45`), or else the repository: where other tags
//! differ in one place only, that place counts. Versions of what the image is built on or for never do.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{Listing, Stream, counted_on_from};
use super::series::{Names, Series};
use super::token::{Kind, Token, is_hex, read, read_without_moments};
use super::{Proposal, Scheme, SchemeError};

/// A tag, cut at the number that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted<'a> {
    /// What stands before the number.
    pub before: &'a str,
    /// The number's digits.
    pub digits: &'a str,
    /// What stands after it.
    pub after: &'a str,
    /// What kind of number it is.
    pub role: Role,
}

/// What a number that counts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The last one of the version that the tag starts with, or has alone.
    Version,
    /// A pre-release's.
    PreRelease,
    /// A count of builds or packages.
    Count,
}

impl<'a> Counted<'a> {
    /// Cuts at the number that counts. `None` if none does. Without a list only the tag itself is asked.
    pub(super) fn parse(tag: &'a str, tokens: &[Token<'_>], listing: Option<&Listing<'_>>) -> Option<Self> {
        let main = main_row(tokens);
        let mut fallback = None;
        for (at, token) in tokens.iter().enumerate().rev() {
            let Some(number) = token.number().filter(|number| number.place + 1 == number.of) else { continue };
            let cut = |role| Self {
                before: &tag[..token.start],
                digits: &tag[token.start..token.end()],
                after: &tag[token.end()..],
                role,
            };
            let counted = cut(Role::Count);
            let siblings = || listing.map_or(0, |listing| counted.siblings(listing).count());
            if is_year(counted.digits) && number.of == 1 && !number.is_counter() {
                let counts = |tag: &str| counted.middle(tag).is_some_and(|digits| !is_year(digits));
                if !listing.is_some_and(|listing| listing.tags.iter().any(|tag| counts(tag))) {
                    continue;
                }
            }
            if main.is_some_and(|(start, _)| at == start + number.of - 1) {
                return Some(cut(Role::Version));
            }
            if number.inner {
                continue;
            }
            if number.is_pre_release() && !number.is_counter() {
                return Some(cut(Role::PreRelease));
            }
            let told = number.is_counter() || number.label.is_empty();
            if told || (number.joint == Some(".") && number.of == 1 && main.is_some()) {
                return Some(counted);
            }
            // `scala2.12`, `kafka-3.6.1`: another software's version. Nobody fills those up with zeros, as GitVersion
            // does it in `PullRequest0012.5`.
            if number.of > 1 {
                let filled = at.checked_sub(1).is_some_and(|first| tokens[first].text.starts_with('0'));
                if filled && number.joint == Some("") && tokens[at - 1].text.len() > 2 {
                    return Some(counted);
                }
                continue;
            }
            let axis = || listing.is_some_and(|listing| is_axis(tag, tokens, at, listing));
            if siblings() > 0 && !axis() {
                return Some(counted);
            }
            if main.is_none() && !axis() {
                fallback = fallback.or(Some(counted));
            }
        }
        fallback
    }

    /// Cuts at the number that counts, days being numbers like others.
    pub(super) fn of_any_number(tag: &'a str, listing: &Listing<'_>) -> Option<Self> {
        Self::parse(tag, &read_without_moments(tag), Some(listing))
    }

    /// The number. `None` if it is too large.
    pub(super) fn number(&self) -> Option<u128> {
        self.digits.parse().ok()
    }

    /// The digits that another tag has in the same place, if it differs there only.
    pub(super) fn middle<'b>(&self, tag: &'b str) -> Option<&'b str> {
        let middle = tag.strip_prefix(self.before)?.strip_suffix(self.after)?;
        (!middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_digit())).then_some(middle)
    }

    /// The other tags that differ in this place only.
    fn siblings<'b>(&self, listing: &'b Listing<'_>) -> impl Iterator<Item = &'b str> {
        let counted = *self;
        let tags = listing.tags.iter().copied();
        tags.filter(move |tag| counted.middle(tag).is_some_and(|middle| middle != counted.digits))
    }
}

/// Where the row of numbers starts that is the image's own version: the one that the tag starts with, or the first
/// with a dot in it.
fn main_row(tokens: &[Token<'_>]) -> Option<(usize, usize)> {
    let row = |at: usize| tokens[at].number().filter(|number| number.place == 0).map(|number| (at, number.of));
    let prefixed = matches!(tokens, [word, ..] if word.kind == Kind::Word && word.text.eq_ignore_ascii_case("v"));
    let first = usize::from(prefixed);
    let leading = (first < tokens.len()).then(|| row(first)).flatten();
    leading.or_else(|| (0..tokens.len()).filter_map(row).find(|(_, of)| *of > 1))
}

/// `2022`, where it stands alone: the name of a product rather than a count.
fn is_year(digits: &str) -> bool {
    digits.len() == 4 && digits.starts_with("20")
}

/// Whether a number names variants of each build: `41-gpu1`, `41-gpu2`, `42-gpu1`, `42-gpu2`. Then each build has the
/// same ones.
fn is_axis(tag: &str, tokens: &[Token<'_>], at: usize, listing: &Listing<'_>) -> bool {
    let Some(build) = tokens[..at].iter().rev().find(|token| token.number().is_some()) else {
        return false;
    };
    let (own, texts) = (&tokens[at], [&tag[..build.start], &tag[build.end()..tokens[at].start]]);
    let after = &tag[own.end()..];
    let mut variants: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for other in &listing.tags {
        let Some(rest) = other.strip_prefix(texts[0]) else { continue };
        let (number, rest) = rest.split_at(digits(rest));
        let Some(rest) = rest.strip_prefix(texts[1]) else { continue };
        let (variant, rest) = rest.split_at(digits(rest));
        if !number.is_empty() && !variant.is_empty() && rest == after {
            variants.entry(number).or_default().insert(variant);
        }
    }
    let mut sets = variants.values();
    let first = sets.next().filter(|set| set.len() > 1 && variants.len() > 1);
    first.is_some_and(|first| sets.all(|set| set == first))
}

/// Goes on from the highest number between the texts of the start.
pub(super) fn propose(listing: &Listing<'_>, start: &str, counted: &Counted<'_>) -> Result<Proposal, SchemeError> {
    let too_large = || SchemeError::TooLarge(start.to_owned());
    let number = counted.number().ok_or_else(too_large)?;
    let is_moment = |tag: &str| {
        let place = counted.before.len();
        read(tag)
            .iter()
            .any(|token| token.start <= place && place < token.end() && matches!(token.kind, Kind::Moment(_)))
    };
    let dated = is_moment(start);
    let hex = commit_lengths(listing, counted);
    let stream = Stream::new(listing.tags.iter().filter_map(|tag| {
        let digits = counted.middle(tag)?;
        // A day written as one number, or a commit that happens to have no letter, would be far above every count.
        let commit = hex.contains(&digits.len()) && digits.len() != counted.digits.len();
        let rank: u128 = digits.parse().ok().filter(|_| !commit && (dated || !is_moment(tag)))?;
        Some((rank, *tag))
    }));
    let highest = stream.highest().copied().unwrap_or_default().max(number);
    let neighbours = stream.nearest(listing.running);
    let series = Series {
        first: Vec::new(),
        before: counted.before.to_owned(),
        start: highest.checked_add(1).ok_or_else(too_large)?,
        width: counted.digits.len(),
        after: counted.after.to_owned(),
    };
    let evidence = counted_on_from(start, &neighbours);
    let reason = format!("`{}N{}`: N counts, {} go on there", counted.before, counted.after, tags(stream.len()));
    Ok(Proposal {
        reasons: vec![reason],
        neighbours,
        newest: stream.newest(listing.running),
        ..Proposal::new(Scheme::Increment, evidence, Names::counting(series, listing))
    })
}

/// How long the commits are that stand in the place of the number elsewhere.
fn commit_lengths(listing: &Listing<'_>, counted: &Counted<'_>) -> BTreeSet<usize> {
    let middle = |tag: &&str| {
        let middle = tag.strip_prefix(counted.before)?.strip_suffix(counted.after)?;
        let commit = middle.len() >= 7 && is_hex(middle) && middle.bytes().any(|byte| byte.is_ascii_alphabetic());
        commit.then_some(middle.len())
    };
    listing.tags.iter().filter_map(middle).collect()
}

/// `1 tag`, `3 tags`.
pub(super) fn tags(count: usize) -> String {
    if count == 1 { "1 tag".to_owned() } else { format!("{count} tags") }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_image_itself_counts() {
        for (tag, tags, expected) in [
            ("v7", &[] as &[&str], "v|7|"),
            ("1.0", &[], "1.|0|"),
            ("r12-alpine", &[], "r|12|-alpine"),
            ("v7-alpine3.20", &[], "v|7|-alpine3.20"),
            ("build-41-amd64", &[], "build-|41|-amd64"),
            ("build-41-arm64v8", &[], "build-|41|-arm64v8"),
            ("build-41-x86_64", &[], "build-|41|-x86_64"),
            ("41-linux-x86-64", &[], "|41|-linux-x86-64"),
            ("build-64", &[], "build-|64|"),
            ("v7-JDK17", &[], "v|7|-JDK17"),
            ("build-41-ubuntu-22.04", &[], "build-|41|-ubuntu-22.04"),
            ("main-42-us-east-1", &[], "main-|42|-us-east-1"),
            ("2.1.3-debian-12-r3", &[], "2.1.3-debian-12-r|3|"),
            ("1.0.0_build5", &[], "1.0.0_build|5|"),
            ("1.4.2-ls41", &[], "1.4.2-ls|41|"),
            ("v1.27.4-eksbuild.2", &[], "v1.27.4-eksbuild.|2|"),
            ("16.7.2-ce.0", &[], "16.7.2-ce.|0|"),
            ("v1.28.5-rke2r1-amd64", &[], "v1.28.5-rke2r|1|-amd64"),
            ("8u392-b08-jre", &[], "8u392-b|08|-jre"),
            ("7.5.3-1-ubi8", &[], "7.5.3-|1|-ubi8"),
            ("v1.16.3-debian-1.0", &[], "v1.16.3-debian-1.|0|"),
            ("0.39.0-kafka-3.6.1", &[], "0.39.|0|-kafka-3.6.1"),
            ("alpine3.18-v16.7.0", &[], "alpine3.18-v16.7.|0|"),
            ("2022-CU11-ubuntu-22.04", &[], "2022-CU|11|-ubuntu-22.04"),
            // An unknown word: the list tells.
            ("1.2.3-web5", &[], "1.2.|3|-web5"),
            ("1.2.3-web5", &["1.2.3-web4"], "1.2.3-web|5|"),
            ("41-gpu2", &["41-gpu1", "42-gpu1", "42-gpu2"], "|41|-gpu2"),
            ("web-41-shard-2", &["web-41-shard-1", "web-42-shard-1", "web-42-shard-2"], "web-|41|-shard-2"),
            ("pr-12-build-2", &["pr-12-build-1", "pr-13-build-1", "pr-13-build-2"], "pr-12-build-|2|"),
            ("build-2024", &["build-2023"], "build-|2024|"),
            ("web-2024", &["web-1999"], "web-|2024|"),
        ] {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let listing = Listing::new(tag, &tags);
            let counted = Counted::parse(tag, &read(tag), Some(&listing)).unwrap_or_else(|| panic!("{tag}"));
            assert_eq!(format!("{}|{}|{}", counted.before, counted.digits, counted.after), expected, "{tag}");
        }
    }

    #[test]
    fn what_an_image_is_built_on_or_for_never_counts() {
        for tag in
            ["alpine3.20", "latest-amd64", "java-17", "us-east-1", "jdk17", "main-alpine", "2022-RTM", "web-2024"]
        {
            assert_eq!(Counted::parse(tag, &read(tag), None), None, "{tag}");
        }
    }
}
