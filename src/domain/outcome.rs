//! What became of a plan, kept while it is carried out: whoever stops it half way, or finds the API server gone, is told
//! exactly what was changed, what was not, and what is not known.

use std::sync::Arc;

use super::Digest;
use super::floating::is_floating;
use super::plan::{Change, Plan, Target};
use super::verification::Confirmation;

/// What became of a plan so far. The places are those of the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For each tag.
    pub tags: Vec<TagState>,
    /// For each target.
    pub targets: Vec<TargetState>,
    /// For each target: the pods that held it up.
    pub cleared: Vec<Cleared>,
    /// Why nothing was begun, or nothing more.
    pub stopped: Option<String>,
}

/// What became of pods that held up their StatefulSet ([`super::blocking`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Those that were deleted.
    pub deleted: Vec<Arc<str>>,
    /// The one that somebody else has to delete.
    pub left: Option<Arc<str>>,
}

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagState {
    /// Nothing was sent.
    Untouched,
    /// It was there with the planned content.
    Existed,
    /// It is being written: sent, not answered.
    Writing,
    /// It was written and serves the planned content.
    Written,
    /// Somebody else gave the name to other content.
    Taken(Digest),
    /// It was sent, and whether it is there is not known; why.
    Unknown(String),
    /// It was not written; why.
    Failed(String),
}

/// What became of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetState {
    /// Nothing was sent.
    Untouched,
    /// The patch was sent, and is not answered.
    Patching,
    /// It is as planned; how its pods are is not known (yet).
    Patched {
        /// It was so before.
        already: bool,
    },
    /// It is not any more as it was looked at; nothing was changed.
    Changed(String),
    /// The patch was not carried out; why.
    NotPatched(String),
    /// Every pod that was to be replaced runs the planned content, proven.
    Confirmed {
        /// It was patched before.
        already: bool,
        /// The proof in numbers.
        confirmation: Confirmation,
    },
    /// It is patched, and the new content was not proven to run; why.
    Unconfirmed {
        /// In one sentence.
        why: String,
        /// What is known of its pods.
        confirmation: Confirmation,
    },
    /// The new content did not come to run, and the workload is being taken back: the patch back was sent.
    TakingBack {
        /// Why the new content did not come to run.
        why: String,
        /// The API server has answered: it is taken back, and what its pods run is not proven yet.
        answered: bool,
    },
    /// The new content did not come to run, and the workload was taken back to what ran before.
    TakenBack {
        /// Why the new content did not come to run.
        why: String,
        /// Whether the old content was proven to run again; if not, why not.
        problem: Option<String>,
        /// What somebody should know of it.
        note: Option<String>,
    },
}

impl Outcome {
    /// Nothing done yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let tag = |exists| if exists { TagState::Existed } else { TagState::Untouched };
        Self {
            tags: plan.tags.iter().map(|tagging| tag(tagging.exists)).collect(),
            targets: vec![TargetState::Untouched; plan.targets.len()],
            cleared: vec![Cleared::default(); plan.targets.len()],
            stopped: None,
        }
    }

    /// Something is in force that was not before, in the registry or the cluster, as far as is known.
    #[must_use]
    pub fn changed_anything(&self) -> bool {
        self.tags.iter().any(|tag| matches!(tag, TagState::Written | TagState::Writing | TagState::Unknown(_)))
            || self.targets.iter().any(TargetState::is_applied_now)
    }
}

impl TargetState {
    /// The workload is patched by this run, or may be.
    #[must_use]
    pub fn is_applied_now(&self) -> bool {
        matches!(
            self,
            Self::Patching
                | Self::Patched { already: false }
                | Self::Confirmed { already: false, .. }
                | Self::Unconfirmed { .. }
                | Self::TakingBack { .. }
                | Self::TakenBack { .. }
        )
    }

    /// It is as planned and proven, or was never to be proven.
    #[must_use]
    pub fn is_good(&self, waits: bool) -> bool {
        match self {
            Self::Confirmed { .. } => true,
            Self::Patched { .. } => !waits,
            _ => false,
        }
    }
}

/// How a run with this outcome ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything that was planned is in force, and proven where that was asked for.
    Done,
    /// Something could not be done.
    Failed,
    /// Something is applied, and not confirmed.
    Unconfirmed,
    /// Somebody else was quicker, and nothing was applied.
    Refused,
}

/// How the run ends. `waits`: the new content was to be proven. `refused`: a part of what was asked for was left out of
/// the plan.
#[must_use]
pub fn end(outcome: &Outcome, waits: bool, refused: bool) -> End {
    let any = |is: fn(&TargetState) -> bool| outcome.targets.iter().any(is);
    let applied = any(TargetState::is_applied_now);
    if outcome.targets.iter().any(|state| state.is_applied_now() && !state.is_good(waits)) {
        return End::Unconfirmed;
    }
    let taken = outcome.tags.iter().any(|tag| matches!(tag, TagState::Taken(_)));
    if taken || any(|state| matches!(state, TargetState::Changed(_))) {
        return if applied { End::Unconfirmed } else { End::Refused };
    }
    if outcome.stopped.is_some() || refused || outcome.targets.iter().any(|state| !state.is_good(waits)) {
        return End::Failed;
    }
    End::Done
}

/// The command that goes on with a target in this state. Once it is being taken back, that is what there is to finish.
#[must_use]
pub fn go_on_from(target: &Target, state: &TargetState) -> Option<(&'static str, Vec<String>)> {
    match state {
        TargetState::TakingBack { .. } | TargetState::TakenBack { .. } => Some(("undo", Vec::new())),
        _ => go_on(target),
    }
}

/// The command that goes on with a target: its words behind `kubectl freshimage`, without the workload's name, and
/// those that come after it. It asks for the very content that was planned, and not for what a tag serves by then.
#[must_use]
pub fn go_on(target: &Target) -> Option<(&'static str, Vec<String>)> {
    if target.goes_back() {
        return Some(("undo", Vec::new()));
    }
    let mut ways: Vec<(String, bool)> = target.changes.iter().filter_map(way).collect();
    ways.dedup();
    let (to, running) = match ways.as_slice() {
        [one] => one.clone(),
        [] => return None,
        // Each gets its own name again: what was tagged for it is found by its content.
        several => ("tag".to_owned(), several.iter().any(|(_, running)| *running)),
    };
    let mut words = vec!["--to".to_owned(), to];
    if running {
        words.extend(["--content".to_owned(), "running".to_owned()]);
    }
    if target.changes.len() < target.definition.slots.len() {
        let names: Vec<&str> = target.changes.iter().map(|change| &*change.container.name).collect();
        words.extend(["-c".to_owned(), names.join(",")]);
    }
    Some(("bump", words))
}

/// The `--to` that leads to the same reference again, and whether it takes `--content running`.
fn way(change: &Change) -> Option<(String, bool)> {
    let served = change.served_digest.as_ref() == Some(&change.digest);
    let running = !served && change.running.contains(&change.digest);
    if change.new_image.contains('@') {
        return Some(("digest".to_owned(), running));
    }
    let reference: super::Reference = change.new_image.parse().ok()?;
    let tag = reference.resolved_tag()?;
    let unmoved = *change.new_image == *change.image;
    if change.pull_policy.is_some() || (unmoved && (!change.done || is_floating(&tag))) {
        return Some(("always-pull".to_owned(), false));
    }
    // A tag that holds something else again was there already.
    let word = if served || running { "tag" } else { "existing" };
    Some((format!("{word}={tag}"), running))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(targets: &[TargetState], waits: bool) -> End {
        end(&Outcome { targets: targets.to_vec(), ..Outcome::default() }, waits, false)
    }

    #[test]
    fn the_end_is_told_by_the_worst_that_is_in_force() {
        let confirmed = TargetState::Confirmed { already: false, confirmation: Confirmation::default() };
        let before = TargetState::Confirmed { already: true, confirmation: Confirmation::default() };
        let unconfirmed =
            TargetState::Unconfirmed { why: "it crashes".to_owned(), confirmation: Confirmation::default() };
        let changed = TargetState::Changed("its image is another".to_owned());
        let failed = TargetState::NotPatched("forbidden".to_owned());
        let back = TargetState::TakenBack { why: "it crashes".to_owned(), problem: None, note: None };
        let patched = TargetState::Patched { already: false };
        for (targets, waits, expected) in [
            (vec![confirmed.clone()], true, End::Done),
            (vec![before.clone()], true, End::Done),
            (vec![patched.clone()], false, End::Done),
            (vec![patched.clone()], true, End::Unconfirmed),
            (vec![TargetState::Patching], true, End::Unconfirmed),
            (vec![confirmed.clone(), unconfirmed.clone()], true, End::Unconfirmed),
            (vec![back], true, End::Unconfirmed),
            (vec![changed.clone()], true, End::Refused),
            (vec![before, changed.clone()], true, End::Refused),
            (vec![confirmed.clone(), changed], true, End::Unconfirmed),
            (vec![failed.clone()], true, End::Failed),
            (vec![confirmed.clone(), failed], true, End::Failed),
            (vec![confirmed.clone(), TargetState::Untouched], true, End::Failed),
            (vec![], true, End::Done),
        ] {
            assert_eq!(ended(&targets, waits), expected, "{targets:?}");
        }
        let all = Outcome { targets: vec![confirmed], ..Outcome::default() };
        assert_eq!(end(&all, true, true), End::Failed, "a part was left out");
        assert_eq!(end(&Outcome { stopped: Some("no".to_owned()), ..Outcome::default() }, true, false), End::Failed);
    }

    #[test]
    fn what_goes_on_asks_for_the_content_that_was_planned() {
        use crate::ui::plan_samples::{self as samples, deployment, old, served};
        let other = samples::other();
        let pinned = |digest: &Digest| format!("1.0@{digest}");
        for (plan, expected) in [
            (samples::story(), "bump --to tag=1.1"),
            (samples::done(), "bump --to tag=1.1"),
            (deployment("1.1", old()), "bump --to tag=1.1 --content running"),
            (deployment("0.9", other), "bump --to existing=0.9"),
            (deployment(&pinned(&served()), served()), "bump --to digest"),
            (deployment(&pinned(&old()), old()), "bump --to digest --content running"),
            (deployment("1.0", served()), "bump --to always-pull"),
            (samples::undo(false), "undo"),
            (samples::undo(true), "undo"),
        ] {
            let (verb, words) = go_on(&plan.targets[0]).unwrap();
            assert_eq!(format!("{verb} {}", words.join(" ")).trim(), expected);
        }
        let mut plan = samples::kinds();
        plan.targets[0].changes.truncate(3);
        let (_, words) = go_on(&plan.targets[0]).unwrap();
        assert_eq!(
            words,
            ["--to", "tag", "-c", "migrate,proxy,app"],
            "several ways, and not every place of the template"
        );
    }
}
