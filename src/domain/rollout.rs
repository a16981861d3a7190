//! Is a rollout under way? By kubectl's own rules, as far as a verdict needs them.

use super::template::Replacement;
use super::workload::WorkloadState;

/// How a rollout stands that has not replaced all pods yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnderWay {
    /// It goes on, or waits for somebody's doing; which of them.
    Rolling(&'static str),
    /// It cannot go on; why.
    Stuck(String),
}

/// How a rollout to the current template stands that has not replaced all pods yet; `None` if it has, or if the kind does
/// not replace pods at all.
///
/// The rules are those of `kubectl rollout status` (`polymorphichelpers/rollout_status.go`), without
/// availability: a pod that was created from the current template is no old pod, available or not.
#[must_use]
pub fn under_way(state: &WorkloadState) -> Option<UnderWay> {
    // Kinds without a count of updated pods (ReplicaSet, CronJob) never replace a pod.
    let updated = state.updated?;
    let unseen = state.is_unseen();
    if !unseen && updated >= state.desired && state.existing <= updated {
        return None;
    }
    Some(if state.paused {
        UnderWay::Rolling("the rollout is paused")
    } else if state.on_delete {
        UnderWay::Rolling("the new template waits until the pod is deleted (OnDelete)")
    } else if unseen {
        // What the status says is about the template before.
        UnderWay::Rolling("a rollout is under way")
    } else if let Some(why) = &state.refused {
        UnderWay::Stuck(refusal(why))
    } else if state.stalled {
        UnderWay::Stuck("it made no progress within its deadline (ProgressDeadlineExceeded)".to_owned())
    } else {
        UnderWay::Rolling("a rollout is under way")
    })
}

/// Says that pods cannot be created; why, in the words of whoever refuses them.
#[must_use]
pub fn refusal(why: &str) -> String {
    format!("its new pods cannot be created: {why}")
}

/// Whether only events can tell that the pods of an object of this kind cannot be created: its status has no condition
/// for it.
#[must_use]
pub fn events_tell_refusals(kind: &str, state: &WorkloadState) -> bool {
    matches!(kind, "DaemonSet" | "StatefulSet" | "Job") && state.refused.is_none()
}

/// How far a rollout is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Every pod that is to be replaced was, and is available.
    Done,
    /// Not yet; how far it is.
    Waiting(String),
    /// It will not get there by itself; why.
    Failed(String),
    /// The object does not count its pods: only they can tell.
    AskPods,
}

/// How far a rollout to the newest template is, by the rules of `kubectl rollout status`: nothing counts before the
/// controller has seen the template (`observedGeneration`).
#[must_use]
pub fn progress(replacement: &Replacement, kind: &str, state: &WorkloadState) -> Progress {
    match replacement {
        Replacement::Rollout | Replacement::Partition { .. } => {}
        Replacement::InPlace => return Progress::AskPods,
        // Nothing comes of itself.
        Replacement::Paused | Replacement::WhenDeleted { .. } | Replacement::NextRun { .. } => return Progress::Done,
    }
    let WorkloadState { desired, existing, available, ready, .. } = *state;
    if state.is_unseen() {
        return Progress::Waiting("its controller has not seen the change yet".to_owned());
    }
    if state.stalled {
        return Progress::Failed("it made no progress within its deadline (ProgressDeadlineExceeded)".to_owned());
    }
    match state.phase.as_ref().map(|(phase, message)| (phase.as_str(), message)) {
        Some(("Degraded" | "Error" | "Failed", message)) => {
            return Progress::Failed(format!("it is degraded: {message}"));
        }
        Some(("Paused", message)) => return Progress::Waiting(format!("it is paused: {message}")),
        _ => {}
    }
    let Some(updated) = state.updated else { return Progress::AskPods };
    let waiting = |count: i64, of: i64, word: &str| Progress::Waiting(format!("{count} of {of} {word}"));
    match kind {
        "StatefulSet" => {
            let wanted = (desired - state.partition).max(0);
            if updated < wanted {
                waiting(updated, wanted, "updated")
            } else if ready < desired {
                waiting(ready, desired, "ready")
            } else if state.partition == 0 && state.revisions_differ() {
                waiting(updated, desired, "updated")
            } else {
                Progress::Done
            }
        }
        "DaemonSet" if updated >= desired => {
            if available < desired {
                waiting(available, desired, "available")
            } else {
                Progress::Done
            }
        }
        _ if updated < desired => waiting(updated, desired, "updated"),
        _ if existing > updated => Progress::Waiting(format!("{} old left", existing - updated)),
        _ if available < updated => waiting(available, updated, "available"),
        _ => Progress::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(generation: i64, observed: i64, desired: i64, existing: i64, updated: Option<i64>) -> WorkloadState {
        WorkloadState {
            generation,
            observed_generation: Some(observed),
            desired,
            existing,
            updated,
            ..WorkloadState::default()
        }
    }

    #[test]
    fn a_rollout_is_over_only_when_no_old_pod_is_left() {
        for (name, state, over) in [
            ("done", state(2, 2, 3, 3, Some(3)), true),
            ("not seen by the controller yet", state(3, 2, 3, 3, Some(3)), false),
            ("one updated", state(2, 2, 3, 4, Some(1)), false),
            ("old ones left", state(2, 2, 3, 4, Some(3)), false),
            ("scaled to nothing", state(2, 2, 0, 0, Some(0)), true),
            ("a kind that replaces nothing", state(2, 1, 3, 3, None), true),
        ] {
            assert_eq!(under_way(&state).is_none(), over, "{name}");
        }
    }

    #[test]
    fn what_holds_a_rollout_up_is_said() {
        let busy = state(2, 2, 3, 3, Some(0));
        let refused = WorkloadState { refused: Some("exceeded quota".to_owned()), ..busy.clone() };
        let stalled = WorkloadState { stalled: true, ..busy.clone() };
        let rolling = UnderWay::Rolling;
        let stuck = |why: &str| Some(UnderWay::Stuck(why.to_owned()));
        let deadline = "it made no progress within its deadline (ProgressDeadlineExceeded)";
        let quota = "its new pods cannot be created: exceeded quota";
        let on_delete = "the new template waits until the pod is deleted (OnDelete)";
        for (name, state, expected) in [
            ("nothing", busy.clone(), Some(rolling("a rollout is under way"))),
            ("paused", WorkloadState { paused: true, ..refused.clone() }, Some(rolling("the rollout is paused"))),
            ("OnDelete", WorkloadState { on_delete: true, ..refused.clone() }, Some(rolling(on_delete))),
            ("refused", refused.clone(), stuck(quota)),
            ("too late", stalled.clone(), stuck(deadline)),
            ("refused and too late", WorkloadState { stalled: true, ..refused.clone() }, stuck(quota)),
            (
                "said of the template before",
                WorkloadState { generation: 3, stalled: true, ..refused.clone() },
                Some(rolling("a rollout is under way")),
            ),
            ("refused beyond what is wanted", WorkloadState { updated: Some(3), ..refused }, None),
        ] {
            assert_eq!(under_way(&state), expected, "{name}");
        }
    }

    #[test]
    fn a_rollout_is_done_by_the_rules_of_kubectl() {
        let available = |state: WorkloadState, available, ready| WorkloadState { available, ready, ..state };
        let old_revision =
            WorkloadState { update_revision: Some("web-2".into()), ..available(state(2, 2, 3, 3, Some(3)), 3, 3) };
        let phase = |phase: &str| WorkloadState {
            phase: Some((phase.to_owned(), "why".to_owned())),
            ..available(state(2, 2, 3, 3, Some(3)), 3, 3)
        };
        let done = Progress::Done;
        let waiting = |text: &str| Progress::Waiting(text.to_owned());
        for (kind, state, expected) in [
            ("Deployment", available(state(2, 2, 3, 3, Some(3)), 3, 3), done.clone()),
            (
                "Deployment",
                available(state(3, 2, 3, 3, Some(3)), 3, 3),
                waiting("its controller has not seen the change yet"),
            ),
            ("Deployment", available(state(2, 2, 3, 4, Some(1)), 3, 3), waiting("1 of 3 updated")),
            ("Deployment", available(state(2, 2, 3, 4, Some(3)), 3, 3), waiting("1 old left")),
            ("Deployment", available(state(2, 2, 3, 3, Some(3)), 2, 2), waiting("2 of 3 available")),
            ("Deployment", state(2, 2, 0, 0, Some(0)), done.clone()),
            ("StatefulSet", available(state(2, 2, 3, 3, Some(3)), 3, 3), done.clone()),
            ("StatefulSet", available(state(2, 2, 3, 3, Some(3)), 3, 2), waiting("2 of 3 ready")),
            ("StatefulSet", old_revision.clone(), waiting("3 of 3 updated")),
            ("StatefulSet", WorkloadState { partition: 2, updated: Some(1), ..old_revision.clone() }, done.clone()),
            (
                "StatefulSet",
                WorkloadState { partition: 1, updated: Some(1), ..old_revision },
                waiting("1 of 2 updated"),
            ),
            ("DaemonSet", available(state(2, 2, 2, 2, Some(1)), 2, 2), waiting("1 of 2 updated")),
            ("DaemonSet", available(state(2, 2, 2, 2, Some(2)), 1, 1), waiting("1 of 2 available")),
            ("DaemonSet", available(state(2, 2, 2, 2, Some(2)), 2, 2), done.clone()),
            ("Rollout", phase("Healthy"), done.clone()),
            ("Rollout", phase("Paused"), waiting("it is paused: why")),
            ("Rollout", phase("Degraded"), Progress::Failed("it is degraded: why".to_owned())),
            ("Database", state(2, 2, 3, 3, None), Progress::AskPods),
        ] {
            assert_eq!(progress(&Replacement::Rollout, kind, &state), expected, "{kind} {state:?}");
        }
        let stalled = WorkloadState { stalled: true, ..state(2, 2, 3, 4, Some(1)) };
        assert!(matches!(progress(&Replacement::Rollout, "Deployment", &stalled), Progress::Failed(_)));
        for replacement in [Replacement::Paused, Replacement::NextRun { suspended: false }] {
            assert_eq!(progress(&replacement, "Deployment", &stalled), Progress::Done);
        }
        assert_eq!(progress(&Replacement::InPlace, "Pod", &state(1, 1, 0, 0, None)), Progress::AskPods);
    }
}
