//! What comes next, as tables.

use jiff::civil::{DateTime, date};

use super::*;
use crate::domain::floating::is_floating;

/// A minute before the day's end: whatever reads it in another time zone is found out.
const NOW: DateTime = date(2026, 11, 25).at(23, 59, 7, 0);

/// The digits that a name shows are `3f2c1d0a9b8e`.
fn content() -> Digest {
    Digest::from_sha256_hex(&format!("3f2c1d0a9b8e{}", "5".repeat(52))).unwrap()
}

fn owned(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

fn ask(choice: SchemeChoice, part: Option<Part>, tag: &str, tags: &[String]) -> Result<Proposal, SchemeError> {
    propose(choice, part, &Situation { tag, tags, digest: Some(&content()), labels: Labels::default(), now: NOW })
}

fn proposal(choice: SchemeChoice, part: Option<Part>, tag: &str, tags: &[&str]) -> Proposal {
    ask(choice, part, tag, &owned(tags)).unwrap_or_else(|error| panic!("{tag} in {tags:?}: {error}"))
}

fn candidates(proposal: &Proposal, count: usize) -> Vec<String> {
    (0..count).map(|place| proposal.candidate(place).unwrap().tag).collect()
}

fn first(choice: SchemeChoice, part: Option<Part>, tag: &str, tags: &[&str]) -> String {
    proposal(choice, part, tag, tags).candidate(0).unwrap().tag
}

#[test]
fn increment_counts_the_last_number_up() {
    for (tag, tags, expected) in [
        ("v7", &[] as &[&str], "v8"),
        ("build-41", &[], "build-42"),
        ("v007", &[], "v008"),
        ("v099", &[], "v100"),
        ("v999", &[], "v1000"),
        ("7", &[], "8"),
        ("0", &[], "1"),
        ("1.0", &[], "1.1"),
        ("r12-alpine", &[], "r13-alpine"),
        ("v7-alpine3.20", &["v8-alpine3.20", "v30-alpine3.21"], "v9-alpine3.20"),
        ("build-41-amd64", &["build-50", "build-45-arm64"], "build-42-amd64"),
        ("v7", &["v7", "v9", "v8"], "v10"),
        ("v7", &["w9", "v9-alpine", "v1.9", "V9"], "v8"),
        ("v007", &["v012"], "v013"),
        ("v9", &["v010"], "v11"),
        // A day is no count, unless the running tag is one.
        ("7", &["20261120"], "8"),
        ("20261119", &["20261120"], "20261121"),
        ("latest", &["v1", "v2", "main", "1.0", "1.1", "1.2"], "v3"),
        // The name of an older content or commit is no number.
        ("build-7-0123456789ab", &[], "build-8"),
        ("build-7-3f2c1d0", &["build-8"], "build-9"),
        ("build-7-3f2c1d0", &["build-4"], "build-8"),
        ("3f2c1d0", &["v1", "v2"], "v3"),
        ("v2-latest", &[], "v3"),
    ] {
        assert_eq!(first(SchemeChoice::Increment, None, tag, tags), expected, "{tag} in {tags:?}");
    }
}

#[test]
fn numbers_are_compared_as_numbers() {
    let tags: Vec<String> = (1..=10).map(|number| format!("v{number}")).collect();
    let text_newest = tags.iter().max().unwrap();
    assert_eq!(text_newest, "v9", "a sort by text shows the mistake");
    let proposal = ask(SchemeChoice::Auto, None, "v9", &tags).unwrap();
    assert_eq!(candidates(&proposal, 3), ["v11", "v12", "v13"]);
    assert_eq!(proposal.newest.as_deref(), Some("v10"));
    assert_eq!(proposal.neighbours, ["v10", "v9", "v8"]);
    assert_eq!(proposal.evidence, "next by the repository's own scheme (v10, v9, v8)");

    let versions = owned(&["1.2.9", "1.2.10", "1.2.2"]);
    let proposal = ask(SchemeChoice::Auto, None, "1.2.9", &versions).unwrap();
    assert_eq!((proposal.candidate(0).unwrap().tag.as_str(), proposal.newest.as_deref()), ("1.2.11", Some("1.2.10")));
}

#[test]
fn semver_counts_the_last_part_or_the_one_that_is_asked_for_up() {
    use Part::{Major, Minor, Patch};
    for (part, tag, tags, expected) in [
        (None, "1", &[] as &[&str], "2"),
        (None, "v7", &[], "v8"),
        (None, "1.0", &[], "1.1"),
        (None, "1.2.3", &[], "1.2.4"),
        (None, "v1.2.3", &["1.2.9"], "v1.2.4"),
        (None, "1.02", &[], "1.03"),
        (Some(Minor), "1.02.03", &[], "1.03.00"),
        (None, "24.04", &[], "24.05"),
        (Some(Patch), "1.2.3", &[], "1.2.4"),
        (Some(Minor), "1.2.3", &[], "1.3.0"),
        (Some(Major), "1.2.3", &[], "2.0.0"),
        (Some(Major), "v1.2", &[], "v2.0"),
        (Some(Minor), "v1.2", &[], "v1.3"),
        (Some(Major), "7", &[], "8"),
        // The stream: the same prefix, variant and length.
        (None, "1.2.3", &["1.2.10", "1.2.9"], "1.2.11"),
        (None, "1.2.3", &["2.0.0", "1.3.0"], "1.2.4"),
        (None, "1.2", &["2.0", "1.7"], "1.8"),
        (Some(Minor), "1.2.3", &["2.0.0", "1.7.0"], "1.8.0"),
        (Some(Major), "1.2.3", &["2.0.0", "1.7.0"], "3.0.0"),
        (Some(Minor), "1.2.3", &["1.4.7"], "1.5.0"),
        (None, "1.2.3", &["v1.2.9", "1.2.8-alpine", "1.2.7.6", "1.3", "1.2.9-rc.1"], "1.2.4"),
        (None, "1.2.3-alpine", &["1.2.9", "1.2.5-alpine", "1.2.8-alpine3.20"], "1.2.6-alpine"),
        (None, "1.2.3-slim-bookworm", &[], "1.2.4-slim-bookworm"),
        (Some(Minor), "1.2.3-alpine3.20", &[], "1.3.0-alpine3.20"),
        (None, "1.2.3_5", &["1.2.4_7"], "1.2.5_5"),
        (None, "1.2.3_build.5-slim", &[], "1.2.4_build.5-slim"),
        (None, "1.2.3", &["2026.11.20"], "1.2.4"),
        (None, "2026.11.19", &["2026.11.20"], "2026.11.21"),
        (None, "1.0-0123456789ab", &["1.0", "1.1"], "1.2"),
        (None, "1.5-0123456789ab", &["1.0", "1.1"], "1.6"),
        (None, "v1.2.3-5-gabc4def", &[], "v1.2.4"),
        // Pre-releases.
        (None, "1.2.3-rc.1", &[], "1.2.3-rc.2"),
        (None, "1.2.3-rc1", &[], "1.2.3-rc2"),
        (None, "1.2.3-rc.09", &[], "1.2.3-rc.10"),
        (None, "1.2.3-rc.9", &["1.2.3-rc.10", "1.2.3-beta.11", "1.2.3-rc.12-slim"], "1.2.3-rc.11"),
        (None, "1.2.3-rc.1", &["1.2.4-rc.1", "1.3.0-rc.7"], "1.2.4-rc.2"),
        (None, "1.2.3-beta2", &["1.2.3-beta.3"], "1.2.3-beta4"),
        (None, "1.2.3-beta", &[], "1.2.3-beta.1"),
        (None, "1.2.3-beta", &["1.2.3-beta1"], "1.2.3-beta2"),
        (None, "1.2.3beta", &[], "1.2.3beta1"),
        (None, "1.2.3-SNAPSHOT", &[], "1.2.3-SNAPSHOT.1"),
        (None, "1.2.3-rc.1-alpine", &["1.2.3-rc.5"], "1.2.3-rc.2-alpine"),
        (None, "1.2.3-4", &["1.2.3-5"], "1.2.3-6"),
        (Some(Patch), "1.2.3-rc.4", &[], "1.2.4-rc.1"),
        (Some(Minor), "1.2.3-rc.4", &["1.3.0"], "1.4.0-rc.1"),
        (Some(Minor), "1.2.3-beta", &[], "1.3.0-beta"),
        (Some(Major), "1.2.3-4", &[], "2.0.0-1"),
        (Some(Minor), "3.13.0a7-slim", &[], "3.14.0a1-slim"),
        // A short version beside longer ones moves along with them.
        (None, "1.2", &["1.2.0", "1.2.1", "1.3.5", "1.1"], "1.2.2"),
        (None, "1.2", &["1.3", "1.3.5"], "1.4"),
        (None, "1", &["1.2", "1.3", "1.2.7"], "1.2.8"),
        (None, "1", &["1.2", "1.3"], "1.4"),
        (Some(Patch), "1.2", &["1.2.0", "1.2.1"], "1.2.2"),
        (Some(Minor), "1.2", &["1.2.0", "1.3.0", "2.0.0"], "1.4.0"),
        (Some(Major), "1.2", &["1.2.0", "2.4.0"], "3.0.0"),
        (None, "1.2-alpine", &["1.2.0", "1.2.4-alpine", "1.2.5-rc.1-alpine"], "1.2.5-alpine"),
        (None, "3.13-rc", &["3.13.0rc1", "3.13.0"], "3.13.0rc2"),
        // Where the running tag floats, the repository's own versions go on.
        (None, "latest", &["1.0", "1.1", "v1", "v2", "v3"], "1.2"),
    ] {
        assert_eq!(first(SchemeChoice::Semver, part, tag, tags), expected, "{part:?} of {tag} in {tags:?}");
    }
}

#[test]
fn the_same_part_counts_on_where_a_candidate_is_taken() {
    use Part::{Major, Minor};
    for (part, tag, expected) in [
        (None, "1.2.3", ["1.2.4", "1.2.5", "1.2.6"]),
        (Some(Minor), "1.2.3", ["1.3.0", "1.4.0", "1.5.0"]),
        (Some(Major), "v1.2-slim", ["v2.0-slim", "v3.0-slim", "v4.0-slim"]),
        (None, "1.2.3-beta", ["1.2.3-beta.1", "1.2.3-beta.2", "1.2.3-beta.3"]),
        (Some(Minor), "1.2.3-rc.4", ["1.3.0-rc.1", "1.3.0-rc.2", "1.3.0-rc.3"]),
        (Some(Minor), "1.2.3-beta", ["1.3.0-beta", "1.3.0-beta.1", "1.3.0-beta.2"]),
    ] {
        assert_eq!(candidates(&proposal(SchemeChoice::Semver, part, tag, &[]), 3), expected, "{part:?} of {tag}");
    }
}

#[test]
fn date_names_today_in_the_form_that_is_followed() {
    for (tag, tags, expected) in [
        ("2026.11.23", &[] as &[&str], ["2026.11.25", "2026.11.25-2", "2026.11.25-3"]),
        ("2026-11-23", &[], ["2026-11-25", "2026-11-25-2", "2026-11-25-3"]),
        ("20261123", &[], ["20261125", "20261125-2", "20261125-3"]),
        ("v2026.11.23", &[], ["v2026.11.25", "v2026.11.25-2", "v2026.11.25-3"]),
        ("nightly-20261123", &[], ["nightly-20261125", "nightly-20261125-2", "nightly-20261125-3"]),
        ("2026.11.23-alpine", &[], ["2026.11.25-alpine", "2026.11.25-2-alpine", "2026.11.25-3-alpine"]),
        ("2026.11.23-2", &[], ["2026.11.25", "2026.11.25-2", "2026.11.25-3"]),
        // Today's own.
        ("2026.11.25", &[], ["2026.11.25-2", "2026.11.25-3", "2026.11.25-4"]),
        ("2026.11.25-2", &[], ["2026.11.25-3", "2026.11.25-4", "2026.11.25-5"]),
        ("2026.11.23", &["2026.11.25", "2026.11.25-2"], ["2026.11.25-3", "2026.11.25-4", "2026.11.25-5"]),
        ("2026.11.23", &["2026.11.25-9"], ["2026.11.25-10", "2026.11.25-11", "2026.11.25-12"]),
        ("2026.11.23", &["v2026.11.25", "20261125"], ["2026.11.25", "2026.11.25-2", "2026.11.25-3"]),
        // Streams that number the first one, too.
        ("20261123.4", &["20261123.1"], ["20261125.1", "20261125.2", "20261125.3"]),
        ("20261123.04", &["20261123.01"], ["20261125.01", "20261125.02", "20261125.03"]),
        ("20261123-3f2c1d0", &["20261124-4f2c1d0"], ["20261125", "20261125-2", "20261125-3"]),
        // Nothing to follow.
        ("1.0", &["1.1"], ["2026.11.25", "2026.11.25-2", "2026.11.25-3"]),
        ("latest", &[], ["2026.11.25", "2026.11.25-2", "2026.11.25-3"]),
        ("latest", &["2026-11-20", "2026-11-21", "20261122"], ["2026-11-25", "2026-11-25-2", "2026-11-25-3"]),
    ] {
        assert_eq!(candidates(&proposal(SchemeChoice::Date, None, tag, tags), 3), expected, "{tag} in {tags:?}");
    }
}

#[test]
fn a_day_is_padded_as_the_running_tag_or_else_the_repository_does() {
    let today = date(2026, 7, 3);
    for (tag, tags, expected) in [
        ("2026.6.30", &[] as &[&str], "2026.7.3"),
        ("2026.06.30", &[], "2026.07.03"),
        ("2025.11.30", &[], "2026.07.03"),
        ("2025.11.30", &["2026.5.3"], "2026.7.3"),
        ("2025.11.30", &["2026.05.03"], "2026.07.03"),
        ("2026.6.30", &["2026.05.03"], "2026.7.3"),
        ("20251130", &["2026.5.3"], "20260703"),
        ("2025-11-30", &["2026-6-1"], "2026-7-3"),
    ] {
        let situation =
            Situation { tag, tags: &owned(tags), digest: None, labels: Labels::default(), now: today.at(12, 0, 0, 0) };
        let proposal = propose(SchemeChoice::Date, None, &situation).unwrap();
        assert_eq!(proposal.candidate(0).unwrap().tag, expected, "{tag} in {tags:?}");
    }
}

#[test]
fn digest_names_the_content_on_the_base_of_the_running_tag() {
    for (tag, expected) in [
        ("1.0", "1.0-3f2c1d0a9b8e"),
        ("1.0-0123456789ab", "1.0-3f2c1d0a9b8e"),
        ("1.0-3f2c1d0a9b8e", "1.0-3f2c1d0a9b8e"),
        ("latest", "3f2c1d0a9b8e"),
        ("0123456789ab", "3f2c1d0a9b8e"),
        ("main", "main-3f2c1d0a9b8e"),
    ] {
        let proposal = proposal(SchemeChoice::Digest, None, tag, &["1.0", "1.0-3f2c1d0a9b8e"]);
        assert_eq!(proposal.candidate(0).unwrap().tag, expected, "{tag}");
        assert_eq!(proposal.candidate(1), Err(SchemeError::Taken(expected.to_owned())), "{tag}");
        assert_eq!((proposal.evidence.as_str(), proposal.newest.as_deref()), ("named after its content", None));
    }
}

#[test]
fn a_content_without_a_digit_in_front_gets_no_floating_name() {
    let digest = Digest::from_sha256_hex(&"abcdef".repeat(11)[..64]).unwrap();
    for (tag, expected) in [
        ("main", "main-sha256-abcdefabcdef"),
        ("main-sha256-fedcbafedcba", "main-sha256-abcdefabcdef"),
        ("latest", "abcdefabcdef"),
        ("alpine", "alpine-abcdefabcdef"),
        ("1.0", "1.0-abcdefabcdef"),
    ] {
        let situation = Situation { tag, tags: &[], digest: Some(&digest), labels: Labels::default(), now: NOW };
        let name = propose(SchemeChoice::Digest, None, &situation).unwrap().candidate(0).unwrap().tag;
        assert_eq!(name, expected, "{tag}");
        assert!(!is_floating(&name), "{tag}");
    }
}

#[test]
fn auto_follows_the_running_tag_and_then_the_repository() {
    let sha = "3".repeat(64);
    for (tag, tags, scheme, expected) in [
        ("2026.11.23", &[] as &[&str], Scheme::Date, "2026.11.25"),
        ("nightly-20261123", &[], Scheme::Date, "nightly-20261125"),
        ("1.2.3-20261123", &[], Scheme::Date, "1.2.3-20261125"),
        ("1.0", &[], Scheme::Semver, "1.1"),
        ("v1.2.3", &[], Scheme::Semver, "v1.2.4"),
        ("1.27-alpine", &[], Scheme::Semver, "1.28-alpine"),
        ("1.2.3-rc.1", &[], Scheme::Semver, "1.2.3-rc.2"),
        ("7-alpine3.20", &[], Scheme::Semver, "8-alpine3.20"),
        ("20", &["20.1.0", "20.1.1"], Scheme::Semver, "20.1.2"),
        ("2026.11.3", &["2026.11.0", "2026.11.4", "2026.10.9"], Scheme::Semver, "2026.11.5"),
        ("2026.11.0", &["2026.11.1", "2026.12.1"], Scheme::Semver, "2026.11.2"),
        ("latest", &["2026.11.0", "2026.11.1", "2026.11.2"], Scheme::Semver, "2026.11.3"),
        ("2026.11.3", &["1.0.0", "2026.11.4"], Scheme::Date, "2026.11.25"),
        ("build-41", &[], Scheme::Increment, "build-42"),
        ("v7", &[], Scheme::Increment, "v8"),
        ("7", &[], Scheme::Increment, "8"),
        ("r12-alpine", &[], Scheme::Increment, "r13-alpine"),
        ("build-41-amd64", &[], Scheme::Increment, "build-42-amd64"),
        ("1.2.3.4", &[], Scheme::Increment, "1.2.3.5"),
        ("4f2c1d0", &[], Scheme::Digest, "3f2c1d0a9b8e"),
        ("main-4f2c1d0", &[], Scheme::Digest, "main-3f2c1d0a9b8e"),
        (sha.as_str(), &[], Scheme::Digest, "3f2c1d0a9b8e"),
        ("1.0-0123456789ab", &["1.0", "1.1"], Scheme::Digest, "1.0-3f2c1d0a9b8e"),
        // Nothing counts in the tag: the repository tells.
        ("latest", &[], Scheme::Digest, "3f2c1d0a9b8e"),
        ("latest", &["main", "edge"], Scheme::Digest, "3f2c1d0a9b8e"),
        ("latest", &["latest", "1.0"], Scheme::Semver, "1.1"),
        ("latest", &["1.0", "alpine"], Scheme::Digest, "3f2c1d0a9b8e"),
        ("latest", &["1.0", "build-7"], Scheme::Digest, "3f2c1d0a9b8e"),
        ("latest", &["1.0", "1.1", "build-7"], Scheme::Semver, "1.2"),
        ("latest", &["build-6", "build-7", "build-8", "1.0", "1.1"], Scheme::Increment, "build-9"),
        ("latest", &["v9", "v10"], Scheme::Increment, "v11"),
        ("latest", &["1", "1.2", "1.2.3"], Scheme::Semver, "1.2.4"),
        ("latest", &["1.2.3", "1.2.4-rc.1", "1.2.4-rc.2"], Scheme::Semver, "1.2.4"),
        ("latest", &["1.2.4-rc.1", "1.2.4-rc.2"], Scheme::Semver, "1.2.4-rc.3"),
        ("latest", &["2026.11.20", "2026.11.21", "1.0"], Scheme::Date, "2026.11.25"),
        ("latest", &["3f2c1d0", "4f2c1d0", "5f2c1d0", "1.0", "1.1"], Scheme::Digest, "3f2c1d0a9b8e"),
        ("latest", &["1.0", "1.1", "1.0-alpine", "1.1-alpine", "1.2-alpine"], Scheme::Semver, "1.2"),
        ("latest-alpine", &["1.0", "1.1", "1.2", "1.0-alpine", "1.1-alpine"], Scheme::Semver, "1.2-alpine"),
        ("main-alpine", &["r1-alpine", "r2-alpine", "1.0", "1.1", "1.2"], Scheme::Increment, "r3-alpine"),
        ("alpine", &["7", "8"], Scheme::Increment, "9"),
        ("latest-amd64", &[], Scheme::Digest, "latest-amd64-3f2c1d0a9b8e"),
        ("jdk17", &[], Scheme::Digest, "jdk17-3f2c1d0a9b8e"),
    ] {
        let proposal = proposal(SchemeChoice::Auto, None, tag, tags);
        assert_eq!(proposal.scheme, scheme, "{tag} in {tags:?}");
        assert_eq!(proposal.candidate(0).unwrap().tag, expected, "{tag} in {tags:?}");
    }
}

#[test]
fn a_part_asks_for_a_version() {
    assert_eq!(first(SchemeChoice::Auto, Some(Part::Major), "v7", &[]), "v8");
    assert_eq!(first(SchemeChoice::Auto, Some(Part::Minor), "latest", &["1.0", "v1", "v2", "v3"]), "1.1");
    for scheme in [SchemeChoice::Increment, SchemeChoice::Date, SchemeChoice::Digest] {
        let error = ask(scheme, Some(Part::Minor), "1.0", &[]).unwrap_err();
        assert_eq!(error.to_string(), format!("the scheme `{}` has no parts that could be bumped", scheme.as_str()));
    }
}

#[test]
fn the_evidence_names_the_neighbours() {
    for (choice, tag, tags, evidence, newest) in [
        (
            SchemeChoice::Auto,
            "1.0",
            &["1.0", "0.8", "0.9"] as &[&str],
            "next by the repository's own scheme (1.0, 0.9, 0.8)",
            None,
        ),
        (SchemeChoice::Auto, "1.0", &[], "next after 1.0", None),
        (
            SchemeChoice::Auto,
            "v1",
            &["v2", "v3", "v4", "v3"],
            "next by the repository's own scheme (v4, v3, v1)",
            Some("v4"),
        ),
        (SchemeChoice::Auto, "latest", &["1.0", "1.1"], "next by the repository's own scheme (1.1, 1.0)", Some("1.1")),
        (
            SchemeChoice::Auto,
            "1.2",
            &["1.2.0", "1.2.1", "1.1"],
            "next by the repository's own scheme (1.2.1, 1.2.0); 1.2 moves along with these",
            Some("1.2.1"),
        ),
        (SchemeChoice::Increment, "v7-0123456789ab", &[], "next after v7", None),
        (SchemeChoice::Semver, "1.0-0123456789ab", &[], "next after 1.0", None),
        (SchemeChoice::Increment, "v7", &["v007"], "next by the repository's own scheme (v7, v007)", None),
        (SchemeChoice::Date, "latest", &[], "today's date", None),
        (SchemeChoice::Date, "2026.11.20", &[], "today's date, as 2026.11.20", None),
        (
            SchemeChoice::Date,
            "2026.11.20",
            &["2026.11.21"],
            "today's date, as 2026.11.21 and others",
            Some("2026.11.21"),
        ),
        (SchemeChoice::Digest, "1.0", &["1.0", "1.1"], "named after its content", None),
    ] {
        let proposal = proposal(choice, None, tag, tags);
        assert_eq!((proposal.evidence.as_str(), proposal.newest.as_deref()), (evidence, newest), "{tag} in {tags:?}");
    }
}

#[test]
fn the_user_is_warned_of_what_the_new_tag_does_not_mend() {
    for (choice, tag, tags, warning) in [
        (SchemeChoice::Auto, "latest", &["latest", "main"] as &[&str], Some("every tag of the repository floats")),
        (SchemeChoice::Auto, "latest", &[], None),
        (SchemeChoice::Auto, "latest", &["latest", "1.0"], None),
        (SchemeChoice::Auto, "1.2.3-rc.1", &["1.2.3"], Some("`1.2.3` is released")),
        (SchemeChoice::Auto, "1.2.3-rc.1", &["1.2.2"], None),
        (SchemeChoice::Auto, "1.2.3", &["2.0.0"], None),
        (SchemeChoice::Auto, "1.2.3", &["1.9.0"], None),
        (SchemeChoice::Auto, "v9", &["v10"], None),
        (SchemeChoice::Date, "2026.11.23", &["2026.12.01"], Some("`2026.12.01` is dated after today")),
        (SchemeChoice::Date, "2026.11.23", &["2026.11.25"], None),
    ] {
        let warnings = proposal(choice, None, tag, tags).warnings;
        match warning {
            Some(start) => assert!(warnings.len() == 1 && warnings[0].starts_with(start), "{tag}: {warnings:?}"),
            None => assert_eq!(warnings, [""; 0], "{tag} in {tags:?}"),
        }
    }
}

#[test]
fn what_cannot_go_on_says_why_and_has_a_way_out() {
    let huge = format!("v{}", "9".repeat(40));
    let last = format!("v{}", u128::MAX);
    for (choice, part, tag, message) in [
        (SchemeChoice::Increment, None, "alpine", "the tag `alpine` has no number that could count up".to_owned()),
        (SchemeChoice::Increment, None, "java-17", "the tag `java-17` has no number that could count up".to_owned()),
        (SchemeChoice::Increment, None, "latest", "the tag `latest` has no number that could count up".to_owned()),
        (
            SchemeChoice::Increment,
            None,
            "sha-3f2c1d0",
            "the tag `sha-3f2c1d0` has no number that could count up".to_owned(),
        ),
        (SchemeChoice::Semver, None, "3f2c1d0", "the tag `3f2c1d0` is no version of one to three numbers".to_owned()),
        (SchemeChoice::Increment, None, &huge, format!("the number in the tag `{huge}` is too large to count up")),
        (SchemeChoice::Increment, None, &last, format!("the number in the tag `{last}` is too large to count up")),
        (SchemeChoice::Semver, None, &last, format!("the number in the tag `{last}` is too large to count up")),
        (SchemeChoice::Semver, None, "1.2.3.4", "the tag `1.2.3.4` is no version of one to three numbers".to_owned()),
        (SchemeChoice::Semver, None, "latest", "the tag `latest` is no version of one to three numbers".to_owned()),
        (SchemeChoice::Semver, Some(Part::Patch), "1.0", "the version `1.0` has no patch part".to_owned()),
        (SchemeChoice::Semver, Some(Part::Minor), "v1", "the version `v1` has no minor part".to_owned()),
        (SchemeChoice::Auto, None, "1 0", TagError::Character(' ').to_string()),
        (SchemeChoice::Auto, None, "", TagError::Empty.to_string()),
    ] {
        let error = ask(choice, part, tag, &[]).unwrap_err();
        assert_eq!(error.to_string(), message, "{tag}");
        assert!(!error.hint().is_empty());
    }
    let unnamed = Situation { tag: "1.0", tags: &[], digest: None, labels: Labels::default(), now: NOW };
    assert_eq!(propose(SchemeChoice::Digest, None, &unnamed), Err(SchemeError::NoDigest));
}

#[test]
fn a_name_that_no_registry_would_take_is_not_proposed() {
    let nines = format!("v{}9", "x".repeat(126));
    let full = "x".repeat(120);
    assert_eq!(proposal(SchemeChoice::Increment, None, &nines, &[]).candidate(0), Err(SchemeError::TooLong(129)));
    assert_eq!(proposal(SchemeChoice::Digest, None, &full, &[]).candidate(0), Err(SchemeError::TooLong(133)));
    let dated = format!("2026.11.23-{}", "x".repeat(117));
    let proposal = proposal(SchemeChoice::Date, None, &dated, &[]);
    assert_eq!(proposal.candidate(0).unwrap().tag.len(), 128);
    assert_eq!(proposal.candidate(1), Err(SchemeError::TooLong(130)));
    assert_eq!(ask(SchemeChoice::Auto, None, &"1".repeat(129), &[]), Err(TagError::Long.into()));
}

#[test]
fn a_number_that_runs_out_ends_the_candidates() {
    let proposal = proposal(SchemeChoice::Increment, None, &format!("v{}", u128::MAX - 2), &[]);
    assert_eq!(proposal.candidate(1).unwrap().tag, format!("v{}", u128::MAX));
    assert_eq!(proposal.candidate(2), Err(SchemeError::TooLarge(format!("v{}", u128::MAX))));
}

#[test]
fn what_is_no_tag_for_people_is_not_counted() {
    let signature = format!("sha256-{}.sig", "a1".repeat(32));
    let tags = owned(&["latest", &signature, "no tag", "../v9", "v\u{202e}9", ""]);
    let proposal = ask(SchemeChoice::Auto, None, "latest", &tags).unwrap();
    assert_eq!(proposal.scheme, Scheme::Digest);
    assert_eq!(proposal.warnings.len(), 1, "only `latest` is left");
}

#[test]
fn ten_thousand_tags_are_read_once() {
    let mut tags: Vec<String> = (0..10_000).map(|number| format!("{}.{}.{}", number % 7, number / 7, number)).collect();
    tags.extend((0..10_000).map(|number| format!("build-{number}")));
    assert_eq!(ask(SchemeChoice::Auto, None, "6.1427.9", &tags).unwrap().candidate(0).unwrap().tag, "6.1427.9996");
    assert_eq!(ask(SchemeChoice::Auto, None, "build-1", &tags).unwrap().candidate(0).unwrap().tag, "build-10000");
    assert_eq!(ask(SchemeChoice::Auto, None, "latest", &tags).unwrap().candidate(0).unwrap().tag, "6.1427.9996");
}

#[test]
fn tens_of_thousands_of_families_are_read_once() {
    let mut tags: Vec<String> = (0..30_000).map(|number| format!("pr-{}-build-{}", number / 3, number % 3)).collect();
    tags.extend((0..3_000).map(|number| format!("main-{:07x}", number * 40_503 + 5)));
    // A square of these numbers takes minutes: whoever breaks that will notice.
    for (running, expected) in [
        ("pr-77-build-2", "pr-77-build-3"),
        ("latest", "3f2c1d0a9b8e"),
        ("main", "main-3f2c1d0a9b8e"),
        ("main-0009e3c", "main-3f2c1d0a9b8e"),
        ("1.0", "1.1"),
    ] {
        assert_eq!(ask(SchemeChoice::Auto, None, running, &tags).unwrap().candidate(0).unwrap().tag, expected);
    }
}

#[test]
fn each_word_is_there_once() {
    let words: Vec<_> = SchemeChoice::ALL.iter().map(|choice| choice.as_str()).collect();
    assert_eq!(words, ["auto", "increment", "semver", "date", "digest"]);
    assert_eq!(SchemeChoice::ALL.iter().filter_map(|choice| choice.scheme()).collect::<Vec<_>>(), Scheme::ALL);
    assert_eq!(Part::ALL.map(Part::as_str), ["major", "minor", "patch"]);
}
