//! Why it is so, and what would help: the words of a verdict.

use jiff::Timestamp;

use super::diagnosis::{Content, Finding, Remedy, RemedyKind, Verdict};
use super::verdict::{Ground, Judgement, PinnedTag};
use super::workload::{PullPolicy, Role};

/// `now - then` in kubectl's words: `45s`, `12m`, `5h`, `3d`, `2y`. `None` where `then` tells nothing: a
/// reproducible build's 1970, or a clock in the future.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> Option<String> {
    // Builders that leave the time out write the epoch, or 1980 where a zip file was involved.
    let tells = then.as_second() > 400_000_000;
    let seconds = now.as_second() - then.as_second();
    if !tells || seconds < 0 {
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
pub fn reason(judgement: &Judgement, policy: PullPolicy, since: Option<Timestamp>, now: Timestamp) -> String {
    match (&judgement.verdict, &judgement.ground) {
        (Verdict::Stale, _) => {
            let moved = moved(judgement, now);
            let back =
                direction(judgement.served_content.as_ref(), judgement.running_content.as_ref()) == Direction::Back;
            let cause = match policy {
                PullPolicy::IfNotPresent if back => "IfNotPresent, node holds the newer bits",
                PullPolicy::IfNotPresent => "IfNotPresent, node holds the old bits",
                PullPolicy::Never => "Never, node holds other bits",
                PullPolicy::Always if started_after_build(judgement, since) => {
                    "Always, yet started later: a mirror or cache may serve the old bits"
                }
                PullPolicy::Always => "Always, not restarted since",
            };
            format!("{moved}; {cause}")
        }
        (Verdict::Suspect, _) => "what runs is gone from the registry: most likely stale, not proven".to_owned(),
        (Verdict::Fresh, _) => String::new(),
        (Verdict::Rewrapped, _) => "same content under another digest".to_owned(),
        (Verdict::Pinned, Ground::Pinned(tag)) => match tag {
            PinnedTag::None | PinnedTag::Same => String::new(),
            PinnedTag::Moved => "tag has moved on".to_owned(),
            PinnedTag::Absent => "its tag is not in the registry".to_owned(),
            PinnedTag::NotKnown(why) => format!("tag not checked: {why}"),
        },
        (Verdict::Waiting, Ground::Waits(reason, _)) if !reason.is_empty() => reason.to_string(),
        (Verdict::Waiting, Ground::Ended(reason)) => {
            if reason.is_empty() {
                "ended".to_owned()
            } else {
                reason.to_string()
            }
        }
        (Verdict::Local, Ground::PutOnNode(_)) => "put on the node, no registry can tell".to_owned(),
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
    matches!((built, since), (Some(built), Some(since)) if built.as_second() > 400_000_000 && since.as_second() - built.as_second() > 300)
}

/// What helps against old content, and what does not. A debug container is never started again, so that only what a
/// new one asks for is up to anybody.
#[must_use]
pub fn remedies(verdict: Verdict, policy: PullPolicy, role: Role) -> Vec<Remedy> {
    if !matches!(verdict, Verdict::Stale | Verdict::Suspect | Verdict::Mixed) {
        return Vec::new();
    }
    let remedy = |kind, helps, why: &str| Remedy { kind, helps, why: why.to_owned() };
    let restart = match policy {
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
    if policy != PullPolicy::Always {
        remedies.push(remedy(
            RemedyKind::AlwaysPull,
            true,
            "the registry is asked at every start, and every start needs it from then on",
        ));
    }
    remedies
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
    if volume {
        findings.push(Finding::ImageVolume);
    }
    if managed {
        findings.push(Finding::GitopsOwned);
    }
    findings
}
