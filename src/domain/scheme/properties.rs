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
