//! The pod that holds a StatefulSet up for ever.
//!
//! A StatefulSet that goes through its pods in order (`podManagementPolicy: OrderedReady`, the default) stands still
//! before one that is not ready. It touches no other pod, and it does not replace that one either, whatever its template says by
//! then. So what a broken template has left stays, also after the template is mended or taken back, until somebody deletes
//! the pod; Kubernetes calls that a forced rollback. Here is decided which pod that is, and whether it is ours to delete.

use std::collections::HashMap;
use std::sync::Arc;

use super::impasse;
use super::plan::{Plan, Target};
use super::template::{Definition, Replacement};
use super::workload::{Phase, Pod, Snapshot, WorkloadState};

/// How a StatefulSet goes through its pods, and to which revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Its UID.
    uid: Arc<str>,
    /// The ordinal of its first pod.
    first: i64,
    /// How many pods it is to have.
    count: i64,
    /// So many of the first pods are not replaced.
    kept: i64,
    /// The revision that is rolled out; `None` if it is to be made yet, so that no pod bears it.
    update: Option<Arc<str>>,
    /// The revision of the last rollout that ended.
    current: Option<Arc<str>>,
}

impl Sequence {
    /// The sequence of a target as it will be once the target is patched; `None` where the controller does not go in order, or
    /// replaces nothing by itself.
    #[must_use]
    pub fn of(target: &Target) -> Option<Self> {
        let definition = &target.definition;
        let set = (&*definition.workload.api_version, &*definition.workload.kind) == ("apps/v1", "StatefulSet");
        let spec = &definition.object["spec"];
        // `Recreate` deletes the old pods whatever they do.
        let rolling = matches!(spec["updateStrategy"]["type"].as_str(), None | Some("RollingUpdate"));
        if !set || !rolling || definition.runner.is_some() || spec["podManagementPolicy"] == "Parallel" {
            return None;
        }
        let kept = match definition.replacement {
            Replacement::Rollout => 0,
            Replacement::Partition { .. } => {
                spec["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or_default()
            }
            _ => return None,
        };
        let status = |field: &str| definition.object["status"][field].as_str().map(Into::into);
        Some(Self {
            uid: Arc::clone(&definition.uid),
            first: spec["ordinals"]["start"].as_i64().unwrap_or_default(),
            count: spec["replicas"].as_i64().unwrap_or(1),
            kept,
            update: if target.patch.is_empty() { status("updateRevision") } else { None },
            current: status("currentRevision"),
        })
    }

    /// The same as its controller has it now; `None` before it has seen the newest template.
    #[must_use]
    pub fn seen(&self, state: &WorkloadState) -> Option<Self> {
        let update = state.update_revision.clone().filter(|_| !state.is_unseen())?;
        Some(Self {
            count: state.desired,
            kept: state.partition,
            update: Some(update),
            current: state.current_revision.clone(),
            ..self.clone()
        })
    }

    /// The pod that it stands still before: the first that is not ready. One that is missing or goes away is none, for its
    /// controller makes it anew.
    #[must_use]
    pub fn stands_before<'p>(&self, pods: &'p [Pod]) -> Option<&'p Pod> {
        let of_place: HashMap<i64, &Pod> =
            pods.iter().filter(|pod| self.has(pod)).filter_map(|pod| Some((self.place(pod)?, pod))).collect();
        for place in 0..self.count {
            let pod = of_place.get(&place)?;
            if !pod.ready || pod.deleting {
                return Some(*pod).filter(|pod| !pod.deleting && !has_ended(pod));
            }
        }
        None
    }

    /// Whether it waits for this pod in vain, and the pod may be deleted for that: it is not ready, it would be replaced if
    /// it were, and it does not run for sure. On the way back it is enough that it is of what is taken back.
    #[must_use]
    pub fn is_to_go(&self, pod: &Pod, target: &Target) -> bool {
        let old = !pod.revision.is_empty() && self.update.as_ref() != Some(&pod.revision);
        let replaced = self.place(pod).is_some_and(|place| (self.kept..self.count).contains(&place));
        let down = !pod.ready && !pod.deleting && !has_ended(pod);
        let taken_back = || {
            let is_other = self.current.as_ref() != Some(&pod.revision);
            target.goes_back() && (is_other || asks_for_what_goes(pod, target))
        };
        self.has(pod) && old && replaced && down && (impasse::is_broken(pod) || taken_back())
    }

    fn has(&self, pod: &Pod) -> bool {
        pod.controller.as_ref().is_some_and(|controller| controller.uid == self.uid)
    }

    fn place(&self, pod: &Pod) -> Option<i64> {
        Some(ordinal(&pod.name)? - self.first)
    }
}

/// The number at the end of a StatefulSet's pod.
#[must_use]
pub fn ordinal(pod: &str) -> Option<i64> {
    pod.rsplit_once('-')?.1.parse().ok()
}

/// What its controller is about to delete or has seen to its end it makes anew by itself.
fn has_ended(pod: &Pod) -> bool {
    matches!(pod.phase, Phase::Succeeded | Phase::Failed)
}

/// Whether a pod asks for a reference that the patch takes away.
fn asks_for_what_goes(pod: &Pod, target: &Target) -> bool {
    target.changes.iter().filter(|change| *change.image != *change.new_image).any(|change| {
        let asks = pod.containers.iter().find(|container| change.container.is_of(container));
        asks.is_some_and(|container| container.image == change.image)
    })
}

/// The pods that will have to be deleted, as far as that can be seen now, in their order.
#[must_use]
pub fn foreseen<'p>(target: &Target, snapshot: &'p Snapshot) -> Vec<&'p Pod> {
    let Some(sequence) = Sequence::of(target).filter(|_| is_settled(target)) else { return Vec::new() };
    let mut pods: Vec<&Pod> = snapshot.pods.iter().filter(|pod| sequence.is_to_go(pod, target)).collect();
    pods.sort_by_key(|pod| ordinal(&pod.name));
    pods
}

/// Says so beforehand.
pub fn foresee(plan: &mut Plan, snapshot: &Snapshot) {
    for target in &mut plan.targets {
        let names: Vec<&str> = foreseen(target, snapshot).into_iter().map(|pod| &*pod.name).collect();
        let warning = match names.as_slice() {
            [] => continue,
            [name] => {
                format!("{name} is not ready and blocks its StatefulSet: it will be deleted, so that it is recreated")
            }
            [start @ .., last] => format!(
                "{} and {last} are not ready and block their StatefulSet: they will be deleted, so that they are recreated",
                start.join(", ")
            ),
        };
        target.warnings.push(warning);
    }
}

/// Whether the revisions in its status are those of its template, where that is not patched any more.
fn is_settled(target: &Target) -> bool {
    let number =
        |definition: &Definition, field: &str| definition.object.pointer(field).and_then(serde_json::Value::as_i64);
    let definition = &target.definition;
    !target.patch.is_empty()
        || number(definition, "/status/observedGeneration") >= number(definition, "/metadata/generation")
}

#[cfg(test)]
#[path = "blocking_tests.rs"]
mod tests;
