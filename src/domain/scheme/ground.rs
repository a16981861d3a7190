//! What an image is built on, or for: platforms, operating systems, languages, regions. Their numbers are versions and
//! names of other things, and never count.

use std::ops::RangeInclusive;

/// Anything that could follow.
const ANY: RangeInclusive<u32> = 0..=u32::MAX;
/// Nothing that follows behind a separator belongs to the word: `amd64-2`.
const ALONE: RangeInclusive<u32> = u32::MAX..=u32::MAX;
/// Releases of Java.
const JAVA: RangeInclusive<u32> = 6..=40;

/// Words with the major versions that they take behind a separator. `debian-12` is a release of Debian, `debian-1` the
/// first build on it. Digits that stick to a word (`alpine3.20`, `jdk17`) always belong to it.
const GROUNDS: [(&str, RangeInclusive<u32>); 91] = [
    // Processors and accelerators.
    ("aarch", ALONE),
    ("amd", ALONE),
    ("arm", ALONE),
    ("armhf", ALONE),
    ("armv", ALONE),
    ("cann", ANY),
    ("cuda", 7..=30),
    ("cudnn", 5..=20),
    ("loong", ALONE),
    ("loongarch", ALONE),
    ("mips", ALONE),
    ("oneapi", ANY),
    ("ppc", ALONE),
    ("riscv", ALONE),
    ("rocm", 3..=20),
    ("trt", ANY),
    // Operating systems.
    ("al", ALONE),
    ("alinux", 2..=9),
    ("alma", 8..=15),
    ("almalinux", 8..=15),
    ("alpine", 2..=9),
    ("amazonlinux", ANY),
    ("amzn", ANY),
    ("azurelinux", 2..=9),
    ("centos", 5..=12),
    ("deb", 7..=30),
    ("debian", 7..=30),
    ("el", 5..=15),
    ("fc", 20..=80),
    ("fedora", 20..=80),
    ("leap", 15..=30),
    ("ltsc", ANY),
    ("macos", 10..=40),
    ("mariner", 1..=9),
    ("nanoserver", 1000..=3000),
    ("ol", 6..=15),
    ("opensuse", ANY),
    ("oraclelinux", 6..=15),
    ("photon", 1..=9),
    ("rhel", 5..=15),
    ("rocky", 8..=15),
    ("rockylinux", 8..=15),
    ("sles", 11..=20),
    ("stream", 8..=15),
    ("ubi", 7..=15),
    ("ubuntu", 10..=50),
    ("win", 7..=3000),
    ("windows", 7..=3000),
    ("windowsservercore", 1000..=3000),
    ("wolfi", ANY),
    // Languages, runtimes and what comes with a version of its own.
    ("amazoncorretto", JAVA),
    ("ansible", 2..=20),
    ("aspnet", 1..=30),
    ("bun", 1..=9),
    ("corretto", JAVA),
    ("deno", 1..=9),
    ("dotnet", 1..=30),
    ("erlang", 18..=50),
    ("ghc", 7..=20),
    ("go", 1..=2),
    ("golang", 1..=2),
    ("graalvm", 17..=40),
    ("gradle", 4..=20),
    ("hadoop", 2..=9),
    ("java", JAVA),
    ("jdk", JAVA),
    ("jre", JAVA),
    ("jvm", JAVA),
    ("kotlin", 1..=9),
    ("liberica", JAVA),
    ("llvm", 3..=40),
    ("lua", 5..=9),
    ("mvn", 3..=9),
    ("net", 5..=30),
    ("node", 4..=60),
    ("nodejs", 4..=60),
    ("openjdk", JAVA),
    ("otp", 18..=50),
    ("perl", 5..=9),
    ("pg", 9..=30),
    ("php", 4..=99),
    ("postgres", 9..=30),
    ("postgresql", 9..=30),
    ("py", 2..=400),
    ("python", 2..=400),
    ("pypy", 2..=400),
    ("ruby", 1..=9),
    ("sapmachine", JAVA),
    ("scala", 2..=9),
    ("semeru", JAVA),
    ("temurin", JAVA),
];

/// Whole words that have digits of their own.
const WHOLE: [&str; 8] = ["i386", "i586", "i686", "s390x", "x64", "x86", "win32", "k8"];

/// The pieces of which the clouds make the names of their regions.
const GEOGRAPHY: [&str; 33] = [
    "northeast",
    "northwest",
    "southeast",
    "southwest",
    "northern",
    "north",
    "south",
    "east",
    "west",
    "central",
    "americas",
    "america",
    "asia",
    "australia",
    "brazil",
    "canada",
    "china",
    "europe",
    "france",
    "germany",
    "india",
    "japan",
    "korea",
    "norway",
    "sweden",
    "uk",
    "us",
    "eu",
    "ap",
    "sa",
    "me",
    "af",
    "ca",
];

/// Data centres by the codes of their airports, always with a digit.
const AIRPORTS: [&str; 18] = [
    "ams", "ash", "blr", "fra", "fsn", "hel", "hil", "iad", "lon", "nbg", "nyc", "sfo", "sgp", "sin", "syd", "tor",
    "waw", "par",
];

/// How many bytes of a text, which starts with a word, tell what the image is built on or for. 0 if none do.
pub(super) fn length(text: &str) -> usize {
    let word = &text[..run(text, |byte| byte.is_ascii_alphanumeric())];
    let lower = word.to_ascii_lowercase();
    let letters = &lower[..run(&lower, |byte| byte.is_ascii_alphabetic())];
    let rest = &text[word.len()..];
    if letters.is_empty() {
        return 0;
    }
    // `cu118` is a CUDA, `CU11` a cumulative update.
    if letters == "cu" && word.len() == 5 {
        return word.len();
    }
    if WHOLE.contains(&lower.as_str()) {
        // `x86_64` and `x86-64` are two words by their separators.
        let more = lower == "x86" && matches!(rest.get(..3), Some("_64" | "-64")) && ends_word(&rest[3..]);
        return word.len() + if more { 3 } else { 0 };
    }
    let digits = word.len() > letters.len();
    if is_place(letters) {
        let direction = GEOGRAPHY[..10].iter().any(|piece| letters.contains(piece));
        // `us-east-1a`: the number may stand apart, and a letter may name the zone.
        return match digits {
            true => word.len(),
            false if direction => word.len() + numbered(rest, 1..=9).map_or(0, |end| end + zone(&rest[end..])),
            false => 0,
        };
    }
    if AIRPORTS.contains(&letters) && word.len() == letters.len() + 1 && digits {
        return word.len();
    }
    let Some((_, majors)) = GROUNDS.iter().find(|(ground, _)| *ground == letters) else {
        return 0;
    };
    if digits {
        let more = if word.ends_with(|last: char| last.is_ascii_digit()) { dotted(rest) } else { 0 };
        return word.len() + more;
    }
    if letters == "arm" && matches!(rest.get(..3), Some("-v6" | "-v7" | "-v8" | "_v7")) {
        return word.len() + 3;
    }
    word.len() + numbered(rest, majors.clone()).unwrap_or(0)
}

/// The length of `-12` or `_2.12`, if its first number is one of these.
fn numbered(text: &str, majors: RangeInclusive<u32>) -> Option<usize> {
    let number = text.strip_prefix(['-', '_'])?;
    let first = run(number, |byte| byte.is_ascii_digit());
    let major: u32 = number[..first].parse().ok()?;
    let end = 1 + first + dotted(&number[first..]);
    let zone = zone(&text[end..]);
    (majors.contains(&major) && ends_word(&text[end + zone..])).then_some(end)
}

/// The letter of an availability zone.
fn zone(text: &str) -> usize {
    usize::from(text.starts_with(|first: char| first.is_ascii_lowercase()) && ends_word(&text[1..]))
}

/// The length of `.20.1`.
fn dotted(text: &str) -> usize {
    let mut end = 0;
    while text[end..].starts_with('.') {
        let digits = run(&text[end + 1..], |byte| byte.is_ascii_digit());
        if digits == 0 || !ends_word(&text[end + 1 + digits..]) {
            break;
        }
        end += 1 + digits;
    }
    end
}

/// Whether a word is made of pieces of geography alone: `west`, `northeast`, `westeurope`, `eastus`.
fn is_place(letters: &str) -> bool {
    let mut rest = letters;
    while let Some(piece) = GEOGRAPHY.iter().find(|piece| rest.starts_with(**piece)) {
        rest = &rest[piece.len()..];
    }
    rest.is_empty()
}

fn run(text: &str, of: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| of(*byte)).count()
}

fn ends_word(rest: &str) -> bool {
    !rest.starts_with(|character: char| character.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_is_built_on_or_for_is_known_with_its_numbers() {
        for (text, expected) in [
            ("alpine3.20-5", "alpine3.20"),
            ("alpine-3.20", "alpine-3.20"),
            ("ubuntu-22.04", "ubuntu-22.04"),
            ("ubuntu-41", "ubuntu-41"),
            ("debian-12-r3", "debian-12"),
            ("debian-1.0", "debian"),
            ("java-17", "java-17"),
            ("jdk17-slim", "jdk17"),
            ("amd64-2", "amd64"),
            ("arm64v8", "arm64v8"),
            ("arm-v7-2", "arm-v7"),
            ("x86_64", "x86_64"),
            ("x86-64-2", "x86-64"),
            ("py310cu118", "py310cu118"),
            ("scala_2.12-java11", "scala_2.12"),
            ("ltsc2022", "ltsc2022"),
            ("windowsservercore-1809", "windowsservercore-1809"),
            ("us-east-1", ""),
            ("east-1", "east-1"),
            ("east-1a", "east-1a"),
            ("west1", "west1"),
            ("eastus2", "eastus2"),
            ("northeast1", "northeast1"),
            ("fra1", "fra1"),
            ("el8", "el8"),
            ("node-1000", "node"),
            ("linux-42", ""),
            ("build-41", ""),
            ("web2", ""),
            ("r3", ""),
            ("7", ""),
        ] {
            assert_eq!(&text[..length(text)], expected, "{text}");
        }
    }
}
