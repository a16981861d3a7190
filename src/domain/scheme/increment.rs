//! `increment`: the last number counts up.

use super::date::Dated;
use super::listing::{Listing, Stream, counted_on_from};
use super::series::{Names, Series};
use super::{Proposal, Scheme, SchemeError};

/// Words whose number is a version of what the image is built on or for, never a count of its own:
/// `build-41-amd64` counts 41, and `v7-alpine3.20` counts 7.
const GROUNDS: [&str; 34] = [
    "aarch", "alpine", "amd", "arm", "armv", "centos", "cuda", "debian", "dotnet", "el", "fedora", "go", "golang",
    "java", "jdk", "jre", "loong", "ltsc", "mips", "node", "openjdk", "pg", "php", "ppc", "py", "python", "rhel",
    "riscv", "rocm", "ruby", "temurin", "ubi", "ubuntu", "win",
];

/// The same for words that start with a number's neighbour.
const WHOLE_GROUNDS: [&str; 5] = ["i386", "i686", "s390x", "x64", "x86"];

/// A tag, cut at the number that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted<'a> {
    /// What stands before the number.
    pub before: &'a str,
    /// The number's digits.
    pub digits: &'a str,
    /// What stands after it.
    pub after: &'a str,
    /// The number is the image's own count, as far as its name tells.
    pub own: bool,
}

impl<'a> Counted<'a> {
    /// Cuts at the last number that is the image's own, or at the last one of all. `None` without any digit.
    pub(super) fn parse(tag: &'a str) -> Option<Self> {
        let last = Self::cut(tag, tag.len())?;
        let mut next = Some(last);
        while let Some(counted) = next {
            if counted.own {
                return next;
            }
            next = Self::cut(tag, counted.before.len());
        }
        Some(last)
    }

    /// Cuts at the last number before a place.
    fn cut(tag: &'a str, limit: usize) -> Option<Self> {
        let end = tag[..limit].rfind(|character: char| character.is_ascii_digit())? + 1;
        let start = tag[..end].trim_end_matches(|character: char| character.is_ascii_digit()).len();
        let own = !belongs_to_ground(tag, start, end);
        Some(Self { before: &tag[..start], digits: &tag[start..end], after: &tag[end..], own })
    }

    /// The number. `None` if it is too large.
    pub(super) fn number(&self) -> Option<u128> {
        self.digits.parse().ok()
    }
}

fn belongs_to_ground(tag: &str, start: usize, end: usize) -> bool {
    let word_start = tag[..start].rfind(['-', '_']).map_or(0, |separator| separator + 1);
    let word_end = tag[end..].find(['-', '_']).map_or(tag.len(), |separator| end + separator);
    let word = tag[word_start..word_end].to_ascii_lowercase();
    let letters = word.split(|character: char| !character.is_ascii_lowercase()).next().unwrap_or_default();
    // `x86_64` and `x86-64` are two words by their separators.
    let of_x86 = word == "64" && tag[..word_start].to_ascii_lowercase().trim_end_matches(['-', '_']).ends_with("x86");
    of_x86 || GROUNDS.contains(&letters) || WHOLE_GROUNDS.contains(&word.as_str())
}

/// Goes on from the highest number between the texts of the start.
pub(super) fn propose(listing: &Listing<'_>, start: &str) -> Result<Proposal, SchemeError> {
    let running = Counted::parse(start).ok_or_else(|| SchemeError::NoNumber(start.to_owned()))?;
    let too_large = || SchemeError::TooLarge(start.to_owned());
    let number = running.number().ok_or_else(too_large)?;
    let dated = Dated::parse(start).is_some();
    let stream = Stream::new(listing.tags.iter().filter_map(|tag| {
        let member =
            Counted::parse(tag).filter(|member| (member.before, member.after) == (running.before, running.after))?;
        // A day written as one number would be far above every count.
        let rank = member.number().filter(|_| dated || Dated::parse(tag).is_none())?;
        Some((rank, *tag))
    }));
    let highest = stream.highest().copied().unwrap_or_default().max(number);
    let neighbours = stream.nearest(listing.running);
    let series = Series {
        first: None,
        before: running.before.to_owned(),
        start: highest.checked_add(1).ok_or_else(too_large)?,
        width: running.digits.len(),
        after: running.after.to_owned(),
    };
    Ok(Proposal {
        scheme: Scheme::Increment,
        evidence: counted_on_from(start, &neighbours),
        neighbours,
        warnings: Vec::new(),
        names: Names::counting(series, listing),
        newest: stream.newest(listing.running),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_the_image_itself_counts() {
        for (tag, before, digits, after) in [
            ("v7", "v", "7", ""),
            ("1.0", "1.", "0", ""),
            ("r12-alpine", "r", "12", "-alpine"),
            ("v7-alpine3.20", "v", "7", "-alpine3.20"),
            ("build-41-amd64", "build-", "41", "-amd64"),
            ("build-41-arm64v8", "build-", "41", "-arm64v8"),
            ("build-41-x86_64", "build-", "41", "-x86_64"),
            ("41-linux-x86-64", "", "41", "-linux-x86-64"),
            ("build-64", "build-", "64", ""),
            ("v7-JDK17", "v", "7", "-JDK17"),
            // Nothing else counts, and the user asked for it.
            ("alpine3.20", "alpine3.", "20", ""),
            ("latest-amd64", "latest-amd", "64", ""),
        ] {
            let counted = Counted::parse(tag).unwrap();
            assert_eq!((counted.before, counted.digits, counted.after), (before, digits, after), "{tag}");
        }
        assert_eq!(Counted::parse("main-alpine"), None);
        assert!(!Counted::parse("latest-amd64").unwrap().own);
    }
}
