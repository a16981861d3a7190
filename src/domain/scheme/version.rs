//! Versions, as tags write them.
//!
//! Semantic Versioning 2.0.0 loosely: a `v` in front, one to three numbers, a pre-release in the spellings that
//! occur (`-rc.1`, `-beta2`, `rc1`), a build part behind `_` (tags have no `+`), and a variant (`-alpine3.20`), which
//! that specification knows nothing of.

use super::token::{COUNTERS, PRE_RELEASES};

/// A tag, cut into the parts of a version. Put together again they are the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version<'a> {
    /// The whole.
    pub tag: &'a str,
    /// `v`, `V` or nothing.
    pub prefix: &'a str,
    /// One to three.
    pub numbers: Vec<Number>,
    /// What makes it less than the version.
    pub pre: Option<PreRelease<'a>>,
    /// `_build.5`, with the `_`.
    pub build: &'a str,
    /// `-alpine`, with the `-`.
    pub variant: &'a str,
}

/// A number and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub value: u128,
    /// Digits at least: more than one only where zeros are written in front.
    pub width: usize,
}

/// `-rc.1`: separator, word, gap and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PreRelease<'a> {
    pub separator: &'a str,
    /// Empty for a bare number, as in `1.2.3-4`.
    pub word: &'a str,
    pub gap: &'a str,
    pub number: Option<Number>,
}

/// By the numbers, then by a pre-release's number.
pub(super) type Rank = ([u128; 3], Option<u128>);

impl Number {
    /// Cuts digits off the front of a text. `None` if there are none, or too many.
    fn cut(text: &str) -> Option<(Self, &str)> {
        let end = text.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = text.split_at(end);
        let width = if digits.starts_with('0') { digits.len() } else { 1 };
        Some((Self { value: digits.parse().ok()?, width }, rest))
    }

    /// Another value, written alike.
    pub(super) fn write(self, value: u128) -> String {
        format!("{value:0width$}", width = self.width)
    }
}

impl<'a> Version<'a> {
    /// Reads a tag as a version. `None` if it is none, and for a fourth number.
    pub(super) fn parse(tag: &'a str) -> Option<Self> {
        let (prefix, rest) = tag.split_at(usize::from(tag.starts_with(['v', 'V'])));
        let (first, mut rest) = Number::cut(rest)?;
        let mut numbers = vec![first];
        while let Some(after) = rest.strip_prefix('.').filter(|after| starts_with_digit(after)) {
            if numbers.len() == 3 {
                return None;
            }
            let (number, after) = Number::cut(after)?;
            numbers.push(number);
            rest = after;
        }
        let (pre, rest) = PreRelease::cut(rest).map_or((None, rest), |(pre, rest)| (Some(pre), rest));
        let (build, variant) = rest.split_at(build_length(rest));
        let separated = variant.is_empty() || variant.starts_with(['-', '_', '.']);
        separated.then_some(Self { tag, prefix, numbers, pre, build, variant })
    }

    /// How high it is among versions of as many numbers and the same pre-release word.
    pub(super) fn rank(&self) -> Rank {
        let value = |place: usize| self.numbers.get(place).map_or(0, |number| number.value);
        ([value(0), value(1), value(2)], self.pre.and_then(|pre| pre.number).map(|number| number.value))
    }

    /// The same image in another version, pre-release or not.
    pub(super) fn is_relative_of(&self, other: &Self) -> bool {
        (self.prefix, self.variant) == (other.prefix, other.variant)
    }

    /// Both are releases, or pre-releases of one kind.
    pub(super) fn is_as_ready_as(&self, other: &Self) -> bool {
        match (&self.pre, &other.pre) {
            (None, None) => true,
            (Some(one), Some(other)) => one.word.eq_ignore_ascii_case(other.word),
            _ => false,
        }
    }

    /// Whether the first so many numbers are the other's.
    pub(super) fn agrees_with(&self, other: &Self, count: usize) -> bool {
        let values = |version: &Self| version.numbers.iter().take(count).map(|number| number.value).collect::<Vec<_>>();
        values(self) == values(other)
    }

    /// There is nothing to it but one number.
    pub(super) fn is_plain_number(&self) -> bool {
        self.numbers.len() == 1 && self.pre.is_none() && self.build.is_empty() && self.variant.is_empty()
    }
}

impl<'a> PreRelease<'a> {
    fn cut(text: &'a str) -> Option<(Self, &'a str)> {
        let (separator, rest) = text.split_at(usize::from(text.starts_with(['-', '_', '.'])));
        let (word, rest) = rest.split_at(rest.bytes().take_while(u8::is_ascii_alphabetic).count());
        let known = PRE_RELEASES.iter().any(|known| known.eq_ignore_ascii_case(word));
        let bare_number = word.is_empty() && separator == "-";
        if !(known || bare_number) {
            return None;
        }
        let gap = usize::from(rest.starts_with(['-', '.']) && !word.is_empty());
        let (gap, digits) = rest.split_at(gap);
        match Number::cut(digits).filter(|(_, after)| ends_word(after)) {
            Some((number, after)) => Some((Self { separator, word, gap, number: Some(number) }, after)),
            // A single letter that sticks to the version says too little: `7b` is no beta.
            None if word.is_empty() || (separator.is_empty() && word.len() == 1) || !ends_word(rest) => None,
            None => Some((Self { separator, word, gap: "", number: None }, rest)),
        }
    }
}

/// `_5` and `_build.5` are a build; any other word behind a `_` starts a variant.
fn build_length(text: &str) -> usize {
    let Some(build) = text.strip_prefix('_') else { return 0 };
    let (word, rest) = build.split_at(build.bytes().take_while(u8::is_ascii_alphabetic).count());
    let counts = word.is_empty() || COUNTERS.iter().any(|known| known.eq_ignore_ascii_case(word));
    let digits = starts_with_digit(rest.strip_prefix('.').unwrap_or(rest));
    if counts && digits { text.find('-').unwrap_or(text.len()) } else { 0 }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|character: char| character.is_ascii_digit())
}

fn ends_word(rest: &str) -> bool {
    !rest.starts_with(|character: char| character.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts, with `|` between them.
    fn parts(tag: &str) -> Option<String> {
        let version = Version::parse(tag)?;
        let numbers: Vec<String> = version.numbers.iter().map(|number| number.write(number.value)).collect();
        let pre = version.pre.map_or_else(String::new, |pre| {
            let number = pre.number.map_or_else(String::new, |number| number.write(number.value));
            format!("{},{},{},{number}", pre.separator, pre.word, pre.gap)
        });
        Some(format!("{}|{}|{pre}|{}|{}", version.prefix, numbers.join("."), version.build, version.variant))
    }

    #[test]
    fn a_tag_is_cut_into_the_parts_of_a_version() {
        for (tag, expected) in [
            ("1", "|1|||"),
            ("v1", "v|1|||"),
            ("1.0", "|1.0|||"),
            ("24.04", "|24.04|||"),
            ("v1.2.3", "v|1.2.3|||"),
            ("1.2.3-rc.1", "|1.2.3|-,rc,.,1||"),
            ("1.2.3-rc1", "|1.2.3|-,rc,,1||"),
            ("1.2.3-beta-2", "|1.2.3|-,beta,-,2||"),
            ("1.2.3-RC.01", "|1.2.3|-,RC,.,01||"),
            ("1.2.3-alpha", "|1.2.3|-,alpha,,||"),
            ("1.2.3rc1", "|1.2.3|,rc,,1||"),
            ("3.13.0a7-slim", "|3.13.0|,a,,7||-slim"),
            ("1.2.3.M2", "|1.2.3|.,M,,2||"),
            ("1.2.3-SNAPSHOT", "|1.2.3|-,SNAPSHOT,,||"),
            ("1.2.3-4", "|1.2.3|-,,,4||"),
            ("1.2.3-4-alpine", "|1.2.3|-,,,4||-alpine"),
            ("1.2.3-alpine", "|1.2.3|||-alpine"),
            ("1.2.3-alpine3.20", "|1.2.3|||-alpine3.20"),
            ("1.2.3-slim-bookworm", "|1.2.3|||-slim-bookworm"),
            ("1.2.3-rc.1-alpine", "|1.2.3|-,rc,.,1||-alpine"),
            ("1.2.3-alpine-rc1", "|1.2.3|||-alpine-rc1"),
            ("1.2.3_5", "|1.2.3||_5|"),
            ("1.2.3_build.5-slim", "|1.2.3||_build.5|-slim"),
            ("1.2.3-rc.1_build.5", "|1.2.3|-,rc,.,1|_build.5|"),
            ("1.2.3_linux_amd64", "|1.2.3|||_linux_amd64"),
            ("1.2.3_alpine", "|1.2.3|||_alpine"),
            ("1.2.3-dev-3f2c1d0", "|1.2.3|-,dev,,||-3f2c1d0"),
            ("1.2.3-devel", "|1.2.3|||-devel"),
            ("1.2.3.Final", "|1.2.3|||.Final"),
        ] {
            assert_eq!(parts(tag).as_deref(), Some(expected), "{tag}");
        }
    }

    #[test]
    fn what_is_no_version_is_not_read_as_one() {
        let long = format!("1.{}", "9".repeat(40));
        for tag in ["", "v", "1.2.3.4", "7b", "7b-instruct", "1.1.1w", "main", "vv1", "build-1", "latest", &long] {
            assert_eq!(parts(tag), None, "{tag}");
        }
    }
}
