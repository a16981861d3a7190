//! Is a rollout under way? By kubectl's own rules, as far as a verdict needs them.

use super::workload::WorkloadState;

/// Why a rollout to the current template has not replaced all pods yet; `None` if it has, or if the
/// kind does not replace pods at all.
///
/// The rules are those of `kubectl rollout status` (`polymorphichelpers/rollout_status.go`), without
/// availability: a pod that was created from the current template is no old pod, available or not.
#[must_use]
pub fn under_way(state: &WorkloadState) -> Option<&'static str> {
    // Kinds without a count of updated pods (ReplicaSet, CronJob) never replace a pod.
    let updated = state.updated?;
    let unseen = state.observed_generation.is_some_and(|observed| observed < state.generation);
    if !unseen && updated >= state.desired && state.existing <= updated {
        return None;
    }
    Some(if state.paused {
        "the rollout is paused"
    } else if state.on_delete {
        "the new template waits until the pod is deleted (OnDelete)"
    } else if state.stalled {
        "the rollout is stuck (ProgressDeadlineExceeded)"
    } else {
        "a rollout is under way"
    })
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
        assert_eq!(under_way(&WorkloadState { paused: true, ..busy.clone() }), Some("the rollout is paused"));
        assert!(under_way(&WorkloadState { on_delete: true, ..busy.clone() }).unwrap().contains("OnDelete"));
        assert!(under_way(&WorkloadState { stalled: true, ..busy }).unwrap().contains("stuck"));
    }
}
