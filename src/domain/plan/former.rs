//! A way back that replaces no pod: the new content never started, and every pod of the template from before runs on.
//!
//! Then the template is put back exactly as it was, so that the Deployment takes up the ReplicaSet again that has those pods.
//! A reference with a digest would be a template of its own, whose pods would have to be made, and may be refused like those of
//! the change. Whatever has started once may have cost an old pod, also between two looks: a pod that is made anew by its tag alone
//! could run something else, so that this is no case for it.

use serde_json::Value;

use super::Target;
use crate::domain::inquiry::is_live;
use crate::domain::patch;
use crate::domain::workload::{Pod, State};
use crate::domain::{Reference, verification::Confirmation};

/// The pods that run on, if the target's patch makes the template of this ReplicaSet and no pod has to be made for it. What they run
/// is to be proven yet.
#[must_use]
pub fn kept_pods(target: &Target, set: &Value, pods: &[Pod]) -> Option<Vec<Pod>> {
    let definition = &target.definition;
    let deployment = (&*definition.workload.api_version, &*definition.workload.kind) == ("apps/v1", "Deployment");
    let owners = set["metadata"]["ownerReferences"].as_array()?;
    let owned = owners.iter().any(|owner| owner["controller"] == true && owner["uid"] == *definition.uid);
    let after = patch::applied(&definition.object, &target.patch).ok()?;
    let same = template(&after) == template(set);
    if !deployment || definition.runner.is_some() || !owned || !same {
        return None;
    }
    let uid = set["metadata"]["uid"].as_str()?;
    let is_of_set = |pod: &&Pod| pod.controller.as_ref().is_some_and(|controller| *controller.uid == *uid);
    let (old, new): (Vec<&Pod>, Vec<&Pod>) = pods.iter().filter(|pod| is_live(pod)).partition(is_of_set);
    let wanted = definition.wanted_pods()?;
    let all = wanted > 0 && old.len() >= wanted && old.iter().all(|pod| pod.ready);
    (all && !new.iter().any(|pod| has_started(pod, target))).then(|| old.into_iter().cloned().collect())
}

/// The target that keeps these pods, if it is proven that they run what it goes back to.
#[must_use]
pub fn kept(mut target: Target, pods: usize, confirmation: &Confirmation) -> Option<Target> {
    if confirmation.confirmed != pods || confirmation.pods != pods {
        return None;
    }
    (target.rollout.pods, target.rollout.keeps_pods) = (pods, true);
    let mut note =
        "what it was changed to never started: the template is put back as it was, and no pod is replaced".to_owned();
    if let Some(caution) = caution(&target) {
        note = format!("{note}; {caution}");
    }
    target.warnings.push(note);
    Some(target)
}

/// What the references that are put back as they were mean for a pod that is made later.
#[must_use]
pub fn caution(target: &Target) -> Option<String> {
    let is_loose = |image: &&str| image.parse::<Reference>().is_ok_and(|reference| reference.digest().is_none());
    let mut images: Vec<&str> = target.changes.iter().map(|change| &*change.new_image).filter(is_loose).collect();
    images.dedup();
    let images: Vec<String> = images.into_iter().map(|image| format!("`{image}`")).collect();
    (target.rollout.keeps_pods && !images.is_empty())
        .then(|| format!("a new pod gets whatever {} points to by then", images.join(" and ")))
}

/// An object's pod template without what a ReplicaSet adds to it.
fn template(object: &Value) -> Value {
    let mut template = object["spec"]["template"].clone();
    if let Some(metadata) = template["metadata"].as_object_mut() {
        metadata.retain(|_, value| !value.is_null());
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
    }
    template
}

/// Whether a container that changes has ever been started.
fn has_started(pod: &Pod, target: &Target) -> bool {
    pod.containers.iter().filter(|container| target.changes.iter().any(|change| change.container.is_of(container))).any(
        |container| {
            container.ran_before
                || container.restarts > 0
                || matches!(container.state, State::Running { .. } | State::Terminated { .. })
        },
    )
}

#[cfg(test)]
#[path = "former_tests.rs"]
mod tests;
