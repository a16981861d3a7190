//! Does the new content run? The ladder of [`super::verdict`] climbed once more, against the planned digest.
//!
//! A tag says what it serves now, which may have moved since, and a pinned reference is never asked what runs. So
//! the pods that were read after the rollout are looked at as if each asked for a tag of its own that serves
//! the planned digest: whatever proves `fresh` in a diagnosis proves here that the change arrived.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::diagnosis::Verdict;
use super::inquiry::{self, Inquiry, is_live};
use super::inventory::{Answers, Tag};
use super::plan::{Change, Target};
use super::reference::Reference;
use super::remote::Served;
use super::verdict::Judgement;
use super::workload::{Container, Owner, Pod, Role, Snapshot, State};

/// What became of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// Pods that run the planned content in every container that changed.
    pub confirmed: usize,
    /// Pods of the workload that are alive.
    pub pods: usize,
    /// The others, each with what it was found to be and why.
    pub others: Vec<Other>,
    /// For so many seconds no new container was started again.
    pub watched: u64,
}

/// A pod that was not proven to run the planned content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// Its name.
    pub pod: Arc<str>,
    /// Which container.
    pub container: Arc<str>,
    /// What it was found to be.
    pub verdict: Verdict,
    /// What decided, in one sentence.
    pub why: String,
    /// It asks for the new reference: it is no old pod, and holds other content all the same.
    pub asks_anew: bool,
}

/// What is looked at, and what is known of it beforehand.
#[derive(Debug)]
pub struct Verification {
    /// The pods of the target, each as if every place that changed asked for a tag of its own.
    pub snapshot: Snapshot,
    /// What these tags serve: what was planned.
    pub answers: Answers,
    /// For each of the snapshot's, which of its containers ask for the new reference.
    anew: Vec<Vec<bool>>,
    /// How many containers of a pod are to run something else.
    changes: usize,
}

/// Makes the question out of what was read after the rollout.
#[must_use]
pub fn verification(snapshot: &Snapshot, target: &Target) -> Verification {
    let mut verification = Verification {
        snapshot: Snapshot { nodes: snapshot.nodes.clone(), ..Snapshot::default() },
        answers: Answers::default(),
        anew: Vec::new(),
        changes: target.changes.len(),
    };
    let ours = |pod: &&Pod| is_live(pod) && belongs(pod, &snapshot.owners, target);
    for pod in snapshot.pods.iter().filter(ours) {
        // Without its owner no template is asked for: what is planned is known.
        let mut pod = Pod { controller: None, ..pod.clone() };
        let mut anew = Vec::new();
        pod.containers.retain_mut(|container| match change_of(target, container) {
            None => false,
            Some(change) => {
                anew.push(asks_anew(container, change));
                ask(&mut verification.answers, &pod.access, container, change);
                true
            }
        });
        verification.snapshot.pods.push(pod);
        verification.anew.push(anew);
    }
    verification
}

/// Whether a pod's container came from the new template, as far as its reference and its pull policy tell.
fn asks_anew(container: &Container, change: &Change) -> bool {
    let policy = change.pull_policy.or(change.slot.pull_policy);
    asks_for(&container.image, change) && policy.is_none_or(|policy| container.pull_policy == policy)
}

/// Whether a pod's reference is the new one, perhaps with a digest that was added on its way.
fn asks_for(image: &str, change: &Change) -> bool {
    if *image == *change.new_image {
        return true;
    }
    let (Ok(asked), Ok(wanted)) = (image.parse::<Reference>(), change.new_image.parse::<Reference>()) else {
        return false;
    };
    let same_tag = asked.tag().is_none_or(|tag| wanted.resolved_tag().as_deref() == Some(tag));
    let tagless = asked.tag().is_none() && asked.digest() != Some(&change.digest);
    asked.digest().is_some()
        && wanted.digest().is_none()
        && asked.repository() == wanted.repository()
        && same_tag
        && !tagless
}

fn ask(answers: &mut Answers, access: &Arc<super::workload::Access>, container: &mut Container, change: &Change) {
    // What ended well was started from an image all the same.
    if container.role == Role::Init
        && matches!(container.state, State::Terminated { .. })
        && !container.image_id.is_empty()
    {
        container.state = State::Running { since: None };
    }
    let Ok(reference) = change.new_image.parse::<Reference>() else { return };
    // One tag for each content, so that two plans for one repository do not meet.
    let tag: Arc<str> = format!("planned-{}", change.digest.hex().get(..40).unwrap_or_default()).into();
    container.image = format!("{}:{tag}", reference.repository()).into();
    let key = Tag { repository: reference.repository().clone(), tag, access: Arc::clone(access) };
    answers.served.insert(key, Ok(Served { digest: change.digest.clone() }));
}

impl Verification {
    /// Counts, when [`Inquiry::advance`] has nothing to ask any more.
    #[must_use]
    pub fn confirmation(&self, inquiry: &Inquiry<'_>) -> Confirmation {
        let mut confirmation = Confirmation::default();
        for ((pod, slots), anew) in self.snapshot.pods.iter().zip(&inquiry.judgements).zip(&self.anew) {
            confirmation.count(pod, slots, anew, self.changes);
        }
        confirmation
    }
}

impl Confirmation {
    /// The pods among the others, each once.
    #[must_use]
    pub fn other_pods(&self) -> usize {
        self.pods.saturating_sub(self.confirmed)
    }

    fn count(&mut self, pod: &Pod, slots: &[Option<Arc<Judgement>>], anew: &[bool], changes: usize) {
        self.pods += 1;
        let mut good = true;
        for ((container, slot), asks_anew) in pod.containers.iter().zip(slots).zip(anew) {
            let (verdict, why) = match slot {
                Some(judgement) => (judgement.verdict, judgement.ground.proof()),
                None => (Verdict::Unknown, "its look-ups came to no end".to_owned()),
            };
            if !matches!(verdict, Verdict::Fresh | Verdict::Rewrapped) {
                good = false;
                let (pod, container) = (Arc::clone(&pod.name), Arc::clone(&container.name));
                self.others.push(Other { pod, container, verdict, why, asks_anew: *asks_anew });
            }
        }
        // A pod without the container was made from another template.
        if pod.containers.len() < changes {
            good = false;
            if self.others.last().is_none_or(|other| other.pod != pod.name) {
                self.others.push(Other {
                    pod: Arc::clone(&pod.name),
                    container: "".into(),
                    verdict: Verdict::Unknown,
                    why: "it lacks a container that was changed".to_owned(),
                    asks_anew: false,
                });
            }
        }
        self.confirmed += usize::from(good);
    }
}

/// Whether a pod belongs to a target: by UID, up the chain of its owners.
#[must_use]
pub fn belongs(pod: &Pod, owners: &HashMap<Arc<str>, Owner>, target: &Target) -> bool {
    let uid = target.definition.runs_as_uid();
    pod.uid == *uid || inquiry::ownership(pod, owners).chain.iter().any(|owner| owner.uid == *uid)
}

fn change_of<'t>(target: &'t Target, container: &Container) -> Option<&'t Change> {
    target.changes.iter().find(|change| change.container.is_of(container))
}

#[cfg(test)]
#[path = "verification_tests.rs"]
mod tests;
