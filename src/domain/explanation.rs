//! Why it is so, and what would help: the words of a verdict.

use jiff::Timestamp;

use super::diagnosis::{Content, Finding, Remedy, RemedyKind, Verdict};
use super::remote::{Failure, is_build_time};
use super::verdict::{Ground, Judgement, PinnedTag};
use super::workload::{PullPolicy, Role};

/// `now - then` in kubectl's units, the largest alone as a sentence wants it: `45s`, `12m`, `5h`, `3d`, `2y`. `None` where
/// `then` tells nothing: a reproducible build's 1970, or a clock in the future.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.as_second() - then.as_second();
    if !is_build_time(then) || seconds < 0 {
        return None;
    }
    let (minute, hour, day, year) = (60, 3_600, 86_400, 31_536_000);
    Some(match seconds {
        s if s < 2 * minute => format!("{s}s"),
        s if s < 2 * hour => format!("{}m", s / minute),
        s if s < 2 * day => format!("{}h", s / hour),
        s if s < 2 * year => format!("{}d", s / day),
        s => format!("{}y", s / year),
    })
}

/// How the served content stands to the running one in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The tag moved on.
    Forward,
    /// The tag went back to an older build.
    Back,
    /// The build times do not tell.
    NotKnown,
}

/// Compares build times.
#[must_use]
pub fn direction(served: Option<&Content>, running: Option<&Content>) -> Direction {
    let created = |content: Option<&Content>| content.and_then(|content| content.provenance.created);
    match (created(served), created(running)) {
        (Some(served), Some(running)) if served > running => Direction::Forward,
        (Some(served), Some(running)) if served < running => Direction::Back,
        _ => Direction::NotKnown,
    }
}

/// The table's WHY of a group of pods with one verdict: short, in the order of what matters.
#[must_use]
pub fn reason(
    judgement: &Judgement,
    policy: PullPolicy,
    pinned_on_its_way: bool,
    since: Option<Timestamp>,
    now: Timestamp,
) -> String {
    match (&judgement.verdict, &judgement.ground) {
        (Verdict::Stale, _) => {
            let moved = moved(judgement, now);
            let back =
                direction(judgement.served_content.as_ref(), judgement.running_content.as_ref()) == Direction::Back;
            let cause = match policy {
                _ if pinned_on_its_way => "its digest was added when the pod was created",
                PullPolicy::IfNotPresent if back => "IfNotPresent, node holds the newer bits",
                PullPolicy::IfNotPresent => "IfNotPresent, node holds the old bits",
                PullPolicy::Never => "Never, node holds other bits",
                PullPolicy::Always if started_after_build(judgement, since) => {
                    "Always, but started before the push, or a mirror serves old bits"
                }
                PullPolicy::Always => "Always, not restarted since",
            };
            format!("{moved}; {cause}")
        }
        (Verdict::Suspect, Ground::NeverServed) => {
            "differs from what the tag serves, and the registry does not have it: most likely stale".to_owned()
        }
        (Verdict::Suspect, _) => "what runs is gone from the registry: most likely stale, not proven".to_owned(),
        (Verdict::Fresh, _) => String::new(),
        (Verdict::Rewrapped, _) => "same content under another digest".to_owned(),
        (Verdict::Pinned, Ground::Pinned(tag)) if judgement.next_start_fails.is_none() => match tag {
            PinnedTag::None | PinnedTag::Same => String::new(),
            PinnedTag::Moved => "tag has moved on".to_owned(),
            PinnedTag::Absent => "its tag is not in the registry".to_owned(),
            PinnedTag::NotKnown(why) => format!("tag not checked: {why}"),
        },
        (Verdict::Waiting, Ground::Waits(reason, _)) if !reason.is_empty() => reason.to_string(),
        (Verdict::Ended, Ground::Ended(reason)) => reason.to_string(),
        (Verdict::Local, Ground::PutOnNode(Some((Failure::NotFound, _)))) => {
            "loaded on the node; the registry has no such tag".to_owned()
        }
        (Verdict::Local, Ground::PutOnNode(_)) => "loaded on the node; nothing to compare it with".to_owned(),
        (Verdict::Pinned, _) => judgement.next_start_fails.clone().unwrap_or_default(),
        (_, ground) => ground.proof(),
    }
}

/// `re-pushed, built 3d ago`, as far as it is known.
fn moved(judgement: &Judgement, now: Timestamp) -> String {
    let served = judgement.served_content.as_ref();
    let built = served.and_then(|content| content.provenance.created).and_then(|created| age(created, now));
    match (direction(served, judgement.running_content.as_ref()), built) {
        (Direction::Back, Some(built)) => format!("tag went back to a build of {built} ago"),
        (Direction::Back, None) => "tag went back to an older build".to_owned(),
        (_, Some(built)) => format!("re-pushed, built {built} ago"),
        (_, None) => "re-pushed".to_owned(),
    }
}

/// A pod that was created clearly after the served content was built should have pulled it. Where the tag went back to
/// an older build this tells nothing: every pod is younger than that.
fn started_after_build(judgement: &Judgement, since: Option<Timestamp>) -> bool {
    if direction(judgement.served_content.as_ref(), judgement.running_content.as_ref()) != Direction::Forward {
        return false;
    }
    let built = judgement.served_content.as_ref().and_then(|content| content.provenance.created);
    // A build is pushed some time after it was made; five minutes keep ordinary pipelines out.
    matches!((built, since), (Some(built), Some(since)) if is_build_time(built) && since.as_second() - built.as_second() > 300)
}

/// What helps against old content, and what does not. A debug container is never started again, so that only what a
/// new one asks for is up to anybody.
#[must_use]
pub fn remedies(verdict: Verdict, policy: PullPolicy, role: Role, pinned_on_its_way: bool) -> Vec<Remedy> {
    if !matches!(verdict, Verdict::Stale | Verdict::Suspect | Verdict::Mixed) {
        return Vec::new();
    }
    let remedy = |kind, helps, why: &str| Remedy { kind, helps, why: why.to_owned() };
    let restart = match policy {
        _ if pinned_on_its_way => remedy(
            RemedyKind::Restart,
            true,
            "whatever added the digest to the pod asks what the tag serves when a new pod is created",
        ),
        PullPolicy::Always => remedy(
            RemedyKind::Restart,
            true,
            "with Always a new pod asks the registry again, unless a mirror or cache answers for it with the old content",
        ),
        PullPolicy::IfNotPresent => remedy(
            RemedyKind::Restart,
            false,
            "the node gives a new pod the image that it holds; nothing asks the registry again, as long as the pod's credentials are the ones that the image was pulled with",
        ),
        PullPolicy::Never => remedy(
            RemedyKind::Restart,
            false,
            "with Never no start asks the registry; the node runs what was put on it",
        ),
    };
    let mut remedies = vec![
        remedy(
            RemedyKind::UniqueTag,
            true,
            "no node, mirror or cache can answer a tag that was never used with old content (best)",
        ),
        remedy(RemedyKind::Digest, true, "a digest names its content; nothing can answer it with other bits"),
    ];
    if role == Role::Ephemeral {
        return remedies;
    }
    remedies.push(restart);
    if policy != PullPolicy::Always && !pinned_on_its_way {
        remedies.push(remedy(
            RemedyKind::AlwaysPull,
            true,
            "the registry is asked at every start, and every start needs it from then on",
        ));
    }
    remedies
}

/// The end of a stale row's WHY, where no template has the container.
#[must_use]
pub fn injected_reason(injector: Option<&str>) -> String {
    match injector {
        Some(tool) => format!("; injected by {tool}"),
        None => "; injected, no template has it".to_owned(),
    }
}

/// The same remedies for a container that no template has: the image is to be changed where it is injected.
#[must_use]
pub fn remedies_of_injected(remedies: Vec<Remedy>, injector: Option<&str>) -> Vec<Remedy> {
    let place =
        injector.map_or_else(|| "where it is injected".to_owned(), |tool| format!("where {tool} is configured"));
    let moved = |remedy: Remedy| match remedy.kind {
        RemedyKind::UniqueTag | RemedyKind::Digest => {
            Some(Remedy { why: format!("set it {place}, then restart the pods: {}", remedy.why), ..remedy })
        }
        RemedyKind::Restart if !remedy.helps => Some(Remedy {
            why: format!(
                "a new pod gets what is injected by then: that is other content only if the image was changed {place}"
            ),
            ..remedy
        }),
        RemedyKind::Restart => Some(remedy),
        RemedyKind::AlwaysPull => None,
    };
    remedies.into_iter().filter_map(moved).collect()
}

/// What is worth knowing beside the verdict.
#[must_use]
pub fn findings(
    judgement: &Judgement,
    tag: Option<&str>,
    policy: PullPolicy,
    volume: bool,
    managed: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if tag.is_some_and(super::floating::is_floating) {
        findings.push(Finding::FloatingTag);
    }
    if judgement.tag_moved || matches!(judgement.verdict, Verdict::Stale | Verdict::Mixed) {
        findings.push(Finding::MovedTag);
    }
    match policy {
        PullPolicy::Always => findings.push(Finding::AlwaysPull),
        PullPolicy::Never => findings.push(Finding::PullNever),
        PullPolicy::IfNotPresent => {}
    }
    if judgement.next_start_fails.is_some() {
        findings.push(Finding::NextStartFails);
    }
    if volume {
        findings.push(Finding::ImageVolume);
    }
    if managed {
        findings.push(Finding::GitopsOwned);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reference::Repository;
    use crate::domain::remote::{Failure, Provenance};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn built(text: &str) -> Option<Content> {
        let provenance = Provenance { created: Some(at(text)), ..Provenance::default() };
        Some(Content { provenance, ..Content::default() })
    }

    fn judged(verdict: Verdict, ground: Ground) -> Judgement {
        Judgement { verdict, ground, ..Judgement::undecided("") }
    }

    #[test]
    fn ages_are_kubectls_and_meaningless_times_have_none() {
        for (then, expected) in [
            ("2026-11-23T11:59:15Z", Some("45s")),
            ("2026-11-23T11:48:00Z", Some("12m")),
            ("2026-11-23T07:00:00Z", Some("5h")),
            ("2026-11-20T11:00:00Z", Some("3d")),
            ("2023-11-20T11:00:00Z", Some("3y")),
            ("1970-01-01T00:00:00Z", None),
            ("1980-01-01T00:00:00Z", None),
            ("2026-11-23T12:00:01Z", None),
        ] {
            assert_eq!(age(at(then), at(NOW)).as_deref(), expected, "{then}");
        }
    }

    #[test]
    fn a_stale_pods_reason_says_what_happened_and_what_keeps_the_old_bits() {
        let new = "2026-11-20T11:00:00Z";
        let old = "2026-11-17T11:00:00Z";
        for (policy, served, running, since, expected) in [
            (PullPolicy::IfNotPresent, new, old, old, "re-pushed, built 3d ago; IfNotPresent, node holds the old bits"),
            (PullPolicy::Never, new, old, old, "re-pushed, built 3d ago; Never, node holds other bits"),
            (PullPolicy::Always, new, old, old, "re-pushed, built 3d ago; Always, not restarted since"),
            (
                PullPolicy::Always,
                new,
                old,
                "2026-11-22T11:00:00Z",
                "re-pushed, built 3d ago; Always, but started before the push, or a mirror serves old bits",
            ),
            (
                PullPolicy::IfNotPresent,
                old,
                new,
                old,
                "tag went back to a build of 6d ago; IfNotPresent, node holds the newer bits",
            ),
            (
                PullPolicy::IfNotPresent,
                "1970-01-01T00:00:00Z",
                "1970-01-01T00:00:00Z",
                old,
                "re-pushed; IfNotPresent, node holds the old bits",
            ),
        ] {
            let judgement = Judgement {
                served_content: built(served),
                running_content: built(running),
                ..judged(Verdict::Stale, Ground::DifferentContent)
            };
            assert_eq!(reason(&judgement, policy, false, Some(at(since)), at(NOW)), expected);
        }
    }

    #[test]
    fn other_verdicts_say_the_one_thing_that_matters() {
        let repository = Repository::parse("reg.example.com/app").unwrap();
        for (verdict, ground, expected) in [
            (Verdict::Fresh, Ground::EqualDigest, ""),
            (Verdict::Pinned, Ground::Pinned(PinnedTag::Moved), "tag has moved on"),
            (Verdict::Waiting, Ground::Waits("ImagePullBackOff".into(), "a long story".into()), "ImagePullBackOff"),
            (Verdict::Ended, Ground::Ended("Completed".into()), "Completed"),
            (Verdict::Unpublished, Ground::NoSuchTag, "the registry has no such tag"),
            (
                Verdict::Unknown,
                Ground::Registry(Failure::TimedOut(20), repository),
                "registry `reg.example.com` did not answer within 20s",
            ),
        ] {
            assert_eq!(reason(&judged(verdict, ground), PullPolicy::IfNotPresent, false, None, at(NOW)), expected);
        }
    }

    #[test]
    fn a_restart_helps_only_where_it_asks_the_registry() {
        for (policy, helps) in
            [(PullPolicy::Always, true), (PullPolicy::IfNotPresent, false), (PullPolicy::Never, false)]
        {
            let remedies = remedies(Verdict::Stale, policy, Role::Container, false);
            let restart = remedies.iter().find(|remedy| remedy.kind == RemedyKind::Restart).unwrap();
            assert_eq!(restart.helps, helps, "{policy:?}");
            assert_eq!(remedies.iter().any(|remedy| remedy.kind == RemedyKind::AlwaysPull), !helps, "{policy:?}");
            assert_eq!(remedies[0].kind, RemedyKind::UniqueTag, "the best one first");
        }
        for verdict in [Verdict::Fresh, Verdict::Rewrapped, Verdict::Pinned, Verdict::Waiting, Verdict::Unknown] {
            assert_eq!(remedies(verdict, PullPolicy::IfNotPresent, Role::Container, false), [], "{verdict:?}");
        }
    }

    #[test]
    fn an_injected_container_is_changed_where_it_is_injected() {
        for (policy, restart) in [(PullPolicy::Always, true), (PullPolicy::IfNotPresent, false)] {
            let usual = remedies(Verdict::Stale, policy, Role::Container, false);
            let remedies = remedies_of_injected(usual, Some("Istio"));
            let told: Vec<_> = remedies.iter().map(|remedy| (remedy.kind, remedy.helps)).collect();
            let expected = [(RemedyKind::UniqueTag, true), (RemedyKind::Digest, true), (RemedyKind::Restart, restart)];
            assert_eq!(told, expected, "{policy:?}");
            assert!(remedies[0].why.starts_with("set it where Istio is configured, then restart the pods: "));
        }
        assert_eq!(remedies_of_injected(Vec::new(), None), []);
    }

    #[test]
    fn findings_stand_beside_any_verdict() {
        let fresh = judged(Verdict::Fresh, Ground::EqualDigest);
        assert_eq!(findings(&fresh, Some("1.0"), PullPolicy::IfNotPresent, false, false), []);
        assert_eq!(
            findings(&fresh, Some("latest"), PullPolicy::Always, true, true),
            [Finding::FloatingTag, Finding::AlwaysPull, Finding::ImageVolume, Finding::GitopsOwned]
        );
        let moved = Judgement { tag_moved: true, ..judged(Verdict::Pinned, Ground::Pinned(PinnedTag::Moved)) };
        assert_eq!(findings(&moved, None, PullPolicy::Never, false, false), [Finding::MovedTag, Finding::PullNever]);
    }
}
