//! What holds for every list of tags, however odd.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::domain::floating::is_floating;

/// Tags that are nearly of a scheme, and tags that are nothing.
fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[vV]?[0-9]{1,2}(\\.[0-9]{1,2}){0,3}([-_.]?(rc|beta|a|dev)?[-.]?[0-9]{0,2})?(_[0-9])?(-alpine|-3)?",
        4 => "(v|nightly-|1\\.)?2026[.-]?(11|7|07|12)[.-]?(2[3-6]|3|03)([-._][0-3]{1,2}){0,2}(-alpine|-5)?",
        3 => "(build-|v|r|x86_|alpine)?0{0,2}[0-9]{1,3}(-alpine3\\.20|-amd64|\\.)?",
        2 => "(1\\.0-|main-|sha-|main-sha256-)?[0-9a-f]{7,13}",
        2 => "(latest|main|edge|nightly|dev)(-alpine|-amd64|\\.x)?",
        1 => "[0-9]{37,41}|[0-9]\\.[0-9]{37,41}|340282366920938463463374607431768211455",
        1 => "[a-z0-9_.-]{120,130}",
        2 => "[A-Za-z0-9_.-]{0,12}",
        2 => ".{0,20}",
    ]
}

fn any_part() -> impl Strategy<Value = Option<Part>> {
    prop::option::weighted(0.3, prop::sample::select(&Part::ALL[..]))
}

/// Every commit that tags name, as far as their own form tells.
fn commits<'a>(tags: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    tags.flat_map(|tag| token::read(tag)).filter(|token| token.is_commit()).map(|token| token.text).collect()
}

/// Forms of moments in the words of `strftime`, and how long each lasts in seconds.
fn any_form() -> impl Strategy<Value = (&'static str, i64)> {
    const DAY: i64 = 86_400;
    prop::sample::select(vec![
        ("%Y.%m.%d", DAY),
        ("%Y-%m-%d", DAY),
        ("%Y_%m_%d", DAY),
        ("%Y%m%d", DAY),
        ("%Y.%-m.%-d", DAY),
        ("%Y-%-m-%d", DAY),
        ("%y.%m.%d", DAY),
        ("%y-%m-%d", DAY),
        ("%y%m%d", DAY),
        ("%d.%m.%Y", DAY),
        ("%Y.%m", 31 * DAY),
        ("%Y-%m", 31 * DAY),
        ("%Y%m", 31 * DAY),
        ("%G-W%V", 7 * DAY),
        ("%G.w%V", 7 * DAY),
        ("%Y%m%d%H", 3_600),
        ("%Y%m%d%H%M", 60),
        ("%Y%m%d-%H%M", 60),
        ("%Y-%m-%d-%H-%M", 60),
        ("%Y%m%d%H%M%S", 1),
        ("%Y%m%d.%H%M%S", 1),
        ("%Y%m%dT%H%M%SZ", 1),
        ("%Y-%m-%dT%H.%M.%S", 1),
        ("%Y-%m-%dT%H-%M-%SZ", 1),
        ("%s", 1),
    ])
}

/// Words that may stand around a moment, a commit or a count.
fn any_frame() -> impl Strategy<Value = (String, String)> {
    let before = prop::sample::select(vec!["", "", "v", "nightly-", "main-", "web-", "RELEASE.", "build-"]);
    let after = prop::sample::select(vec![
        "",
        "",
        "-alpine",
        "-amd64",
        "-alpine3.20",
        "-ubuntu-22.04",
        "-us-east-1",
        "-java-17",
    ]);
    (before, after).prop_map(|(before, after)| (before.to_owned(), after.to_owned()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// The present in the form of the repository, whatever form that is.
    #[test]
    fn moments_go_on_with_the_present(
        (form, lasts) in any_form(),
        (before, after) in any_frame(),
        ages in prop::collection::vec(1_i64..400, 3..9),
    ) {
        // `v` and `.` in front are of versions where the year has two digits.
        prop_assume!(!form.starts_with("%y") && !form.starts_with("%d") || matches!(before.as_str(), "" | "web-" | "main-"));
        let now = jiff::Timestamp::from_second(1_795_689_007).unwrap();
        let at = |age: i64| {
            let at = now - jiff::SignedDuration::from_secs(age * lasts * 3 % (14 * 365 * 86_400) + age.signum() * lasts * 2);
            format!("{before}{}{after}", at.to_zoned(jiff::tz::TimeZone::UTC).strftime(form))
        };
        // Both 9 and 10 are there, so that padding can be told.
        let mut tags: Vec<String> = ages.iter().map(|age| at(*age)).collect();
        if lasts >= 86_400 {
            tags.push(format!("{before}{}{after}", date(2026, 5, 9).strftime(form)));
        }
        let running = tags[0].clone();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let situation = Situation { tag: &running, tags: &tags, digest: None, labels: Labels::default(), now };
        let proposal = propose(SchemeChoice::Auto, None, &situation);
        prop_assert_eq!(proposal.map(|proposal| proposal.candidate(0).unwrap().tag), Ok(at(0)), "{:?}", tags);
    }

    /// A commit that the image does not name is in no candidate, whatever the others look like.
    #[test]
    fn no_candidate_names_another_commit(
        (before, after) in any_frame(),
        commits in prop::collection::vec("[0-9a-f]{40}", 4..9),
        length in 7_usize..=40,
        revision in prop::option::of("[0-9a-f]{40}"),
    ) {
        prop_assume!(before != "v");
        let short = |commit: &str| commit[..length].to_owned();
        // `nightly-abcdefa` would float for want of a digit.
        prop_assume!(revision.as_ref().is_none_or(|revision| short(revision).bytes().any(|byte| byte.is_ascii_digit())));
        let mixed = commits.iter().filter(|commit| {
            short(commit).bytes().any(|byte| byte.is_ascii_alphabetic())
                && short(commit).bytes().any(|byte| byte.is_ascii_digit())
        });
        prop_assume!(mixed.count() * 2 > commits.len());
        let tags: Vec<String> = commits.iter().map(|commit| format!("{before}{}{after}", short(commit))).collect();
        let digest = Digest::from_sha256_hex(&"77aa01bc".repeat(8)).unwrap();
        let labels = Labels { version: None, revision: revision.as_deref() };
        for running in &tags {
            let situation =
                Situation { tag: running, tags: &tags, digest: Some(&digest), labels, now: date(2026, 11, 25).at(9, 0, 0, 0) };
            let proposal = propose(SchemeChoice::Auto, None, &situation).unwrap();
            let tag = proposal.candidate(0).unwrap().tag;
            match &revision {
                Some(revision) => prop_assert_eq!(tag, format!("{before}{}{after}", short(revision)), "{}", running),
                None => prop_assert!(tag.contains("77aa01bc77aa"), "{} in {:?}", tag, tags),
            }
        }
    }

    /// What counts is the one place where tags differ, and the next is above all of them.
    #[test]
    fn the_place_where_tags_differ_counts(
        (before, after) in any_frame(),
        package in prop::option::of("(1\\.4\\.2|v1\\.27\\.4|16\\.7)(-r|-debian-12-r|_build|-build\\.|-eksbuild\\.|-ls|-ce\\.|-web|-)"),
        counts in prop::collection::btree_set(0_u32..500, 2..9),
        others in prop::collection::vec("(1\\.4\\.3|2\\.0\\.0|1\\.4\\.1)(-r|-debian-12-r|_build)[0-9]{1,2}", 0..4),
    ) {
        let before = package.unwrap_or(if before.is_empty() { before } else { format!("{before}r") });
        let mut tags: Vec<String> = counts.iter().map(|count| format!("{before}{count}{after}")).collect();
        let next = format!("{before}{}{after}", counts.last().unwrap() + 1);
        // A plain number may be short for other versions.
        tags.extend(others.into_iter().filter(|_| !before.is_empty()));
        for running in &tags[..counts.len()] {
            let now = date(2026, 11, 25).at(9, 0, 0, 0);
            let situation = Situation { tag: running, tags: &tags, digest: None, labels: Labels::default(), now };
            let proposal = propose(SchemeChoice::Auto, None, &situation);
            prop_assert_eq!(proposal.map(|proposal| proposal.candidate(0).unwrap().tag), Ok(next.clone()), "{:?}", tags);
        }
    }

    /// Of the tags that differ from the proposed one in a single number, each is lower.
    #[test]
    fn the_next_one_comes_after_every_tag_of_its_stream(
        tag in any_tag(),
        tags in prop::collection::vec(any_tag(), 0..12),
    ) {
        let now = date(2026, 11, 25).at(9, 0, 0, 0);
        let situation = Situation { tag: &tag, tags: &tags, digest: None, labels: Labels::default(), now };
        let Ok(proposal) = propose(SchemeChoice::Auto, None, &situation) else { return Ok(()) };
        let Ok(next) = proposal.candidate(0) else { return Ok(()) };
        let pieces = |tag: &str, digits: bool| -> Vec<String> {
            let split = tag.split(|character: char| character.is_ascii_digit() != digits);
            split.filter(|text| !text.is_empty()).map(str::to_owned).collect()
        };
        let numbers = |tag: &str| pieces(tag, true).iter().map(|digits| digits.parse().unwrap_or(0)).collect::<Vec<u128>>();
        for neighbour in &proposal.neighbours {
            let other = proposal.scheme == Scheme::Date || pieces(neighbour, false) != pieces(&next.tag, false);
            let before = numbers(neighbour) < numbers(&next.tag);
            prop_assert!(other || before, "{} is not before {}", neighbour, next.tag);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_candidate_is_a_new_valid_and_fixed_name(
        tag in any_tag(),
        mut tags in prop::collection::vec(any_tag(), 0..12),
        choice in prop::sample::select(&SchemeChoice::ALL[..]),
        part in any_part(),
        hex in "([a-f]{64}|[0-9a-f]{64})",
        listed_already in 0_usize..3,
    ) {
        let digest = Digest::from_sha256_hex(&hex).unwrap();
        let ask = |tags: &[String]| {
            propose(choice, part, &Situation { tag: &tag, tags, digest: Some(&digest), labels: Labels::default(), now: date(2026, 11, 25).at(9, 0, 0, 0) })
        };
        // A repository that has the first candidates already is the hard one.
        if let Ok(proposal) = ask(&tags) {
            tags.extend((0..listed_already).filter_map(|place| proposal.candidate(place).ok()).map(|candidate| candidate.tag));
        }
        let Ok(proposal) = ask(&tags) else {
            return Ok(());
        };
        let mut seen = Vec::new();
        for candidate in (0..5).map_while(|place| proposal.candidate(place).ok()).map(|candidate| candidate.tag) {
            prop_assert_eq!(check_tag(&candidate), Ok(()));
            prop_assert!(!is_floating(&candidate), "{}", candidate);
            prop_assert!(!seen.contains(&candidate), "{} twice", candidate);
            let listed = tags.contains(&candidate) || candidate == tag;
            prop_assert!(proposal.scheme == Scheme::Digest || !listed, "{} is listed", candidate);
            let foreign = commits(tags.iter().chain([&tag])).into_iter().find(|commit| candidate.contains(commit));
            prop_assert_eq!(foreign.filter(|commit| !hex.starts_with(commit)), None, "in {}", candidate);
            seen.push(candidate);
        }
        prop_assert!(proposal.scheme != Scheme::Digest || seen.len() <= 1);
        prop_assert!(proposal.neighbours.len() <= 3);
        prop_assert!(proposal.neighbours.iter().all(|neighbour| *neighbour == tag || tags.contains(neighbour)));
        prop_assert!(!proposal.evidence.contains("()"), "{}", proposal.evidence);
        let listed = |newest: &str| newest != tag && tags.iter().any(|listed| listed == newest);
        prop_assert!(proposal.holders().all(listed));
    }

    #[test]
    fn the_order_of_the_list_changes_nothing(
        tag in any_tag(),
        tags in prop::collection::vec(any_tag(), 0..12),
        choice in prop::sample::select(&SchemeChoice::ALL[..]),
        part in any_part(),
    ) {
        let reversed: Vec<String> = tags.iter().rev().cloned().collect();
        let ask = |tags: &[String]| {
            propose(choice, part, &Situation { tag: &tag, tags, digest: None, labels: Labels::default(), now: date(2026, 11, 25).at(9, 0, 0, 0) })
        };
        prop_assert_eq!(ask(&tags), ask(&reversed));
    }
}
