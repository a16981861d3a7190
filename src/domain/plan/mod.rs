//! What is to be changed, as one value: the preview shows it, `--dry-run` prints it, and applying carries it out.
//!
//! [`content`] says which content a place of a template is to get and what it ran before, [`change`] which reference
//! that makes, [`readiness`] whether the nodes can start it, [`assemble`] puts the places of one workload into one patch
//! and the workloads into one plan, [`undo`] plans the way back, and
//! [`former`] tells when it replaces no pod. Whatever has to be asked of a cluster or a registry is an argument.

pub mod assemble;
pub mod change;
pub mod content;
pub mod former;
pub mod readiness;
pub mod undo;

use std::sync::Arc;

use serde::Serialize;

use super::diagnosis::{ContainerName, Verdict, WorkloadName};
use super::patch::Operation;
use super::template::{Definition, Replacement, Slot};
use super::workload::{Manager, PullPolicy};
use super::{Digest, Repository};

/// How a place of a template is to ask for the content from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A tag that is written for it: proposed, or of this name.
    Tag(Option<String>),
    /// A tag that is there, whatever it holds.
    Existing(String),
    /// The tag that it has, and the digest.
    Digest,
    /// The same reference with `imagePullPolicy: Always`, and a restart.
    AlwaysPull,
}

/// Which content is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentOf {
    /// What the tag serves now.
    Served,
    /// What the pods run now.
    Running,
}

/// The whole plan.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What is to be written in registries, each tag once however many workloads need it.
    pub tags: Vec<Tagging>,
    /// The workloads to patch.
    pub targets: Vec<Target>,
    /// What was looked at and stays as it is.
    pub skipped: Vec<Skipped>,
}

/// A tag to be written: the same bytes under one more name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tagging {
    /// Where: `reg.example.com/shop/web`.
    #[serde(serialize_with = "displayed")]
    pub repository: Repository,
    /// The new tag.
    pub tag: String,
    /// What it is to hold: an index or an image manifest.
    pub digest: Digest,
    /// It holds that already, so that nothing is to be written.
    pub exists: bool,
    /// Why this name, where it was proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// A workload to be patched, in one patch.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Which.
    pub workload: WorkloadName,
    /// Its containers and image volumes that change.
    pub changes: Vec<Change>,
    /// The JSON patch; empty where everything is as planned already.
    pub patch: Vec<Operation>,
    /// How the change reaches the pods.
    pub rollout: Rollout,
    /// Tools that own the definition and will put it back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<Manager>,
    /// What somebody should know before it is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The definition that the patch was made for.
    #[serde(skip)]
    pub definition: Arc<Definition>,
}

/// How a change reaches the pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// In which way.
    #[serde(flatten)]
    pub replacement: Replacement,
    /// Pods that run now.
    pub pods: usize,
    /// They are of the template that it goes back to, and none of them is replaced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keeps_pods: bool,
}

/// One place of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which container or image volume.
    pub container: ContainerName,
    /// What it was found to be, if pods run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The reference as written in the template.
    pub image: Arc<str>,
    /// The pods' reference where something rewrote it on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_image: Option<Arc<str>>,
    /// What the pods run, each digest once.
    pub running: Vec<Digest>,
    /// What the reference's tag serves now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_digest: Option<Digest>,
    /// The new reference.
    pub new_image: String,
    /// The content that it brings, and that every new pod has to run in the end.
    pub digest: Digest,
    /// The new pull policy, where it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// The template asks for that already.
    pub done: bool,
    /// A reference to exactly what ran before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_way_back: Option<String>,
    /// What somebody should know before it is done.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// Where in the template.
    #[serde(skip)]
    pub slot: Slot,
}

/// Something that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Which workload.
    pub workload: WorkloadName,
    /// Which container, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerName>,
    /// Why.
    pub reason: String,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// It was asked for and cannot be done: then nothing is done at all, unless `--keep-going`.
    pub refused: bool,
    /// Somebody changed it since it was looked at.
    #[serde(skip)]
    pub changed: bool,
}

/// Why a target is left out of a plan after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// One sentence.
    pub reason: String,
    /// What would help.
    pub hint: Option<String>,
    /// It is not any more as it was looked at.
    pub changed: bool,
}

impl Left {
    /// For a reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None, changed: false }
    }

    /// With a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Plan {
    /// What was asked for and cannot be done.
    pub fn refusals(&self) -> impl Iterator<Item = &Skipped> {
        self.skipped.iter().filter(|skipped| skipped.refused)
    }

    /// Whether there is nothing to do and nothing to make sure of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The tags that have to be written.
    pub fn tags_to_write(&self) -> impl Iterator<Item = &Tagging> {
        self.tags.iter().filter(|tagging| !tagging.exists)
    }

    /// The workloads that have to be patched.
    pub fn targets_to_patch(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| !target.patch.is_empty())
    }

    /// Leaves targets out for a reason that was found later, and the tags that nobody needs then.
    pub fn refuse(&mut self, mut refused: impl FnMut(&Target) -> Option<Left>) {
        let mut kept = Vec::with_capacity(self.targets.len());
        for target in std::mem::take(&mut self.targets) {
            match refused(&target) {
                None => kept.push(target),
                Some(Left { reason, hint, changed }) => self.skipped.push(Skipped {
                    namespace: target.namespace,
                    workload: target.workload,
                    container: None,
                    reason,
                    hint,
                    refused: true,
                    changed,
                }),
            }
        }
        self.targets = kept;
        let needed = |tagging: &Tagging| {
            self.targets.iter().flat_map(|target| &target.changes).any(|change| change.needs(tagging))
        };
        self.tags.retain(needed);
    }
}

impl Target {
    /// Whether it is a way back. `bump` says of each place by what it is undone, or why it cannot be; `undo` has neither.
    #[must_use]
    pub fn goes_back(&self) -> bool {
        self.changes.iter().all(|change| change.back.is_none() && change.no_way_back.is_none())
    }
}

impl Change {
    /// Whether its new reference is that tag.
    #[must_use]
    pub fn needs(&self, tagging: &Tagging) -> bool {
        self.new_image.parse::<super::Reference>().is_ok_and(|reference| {
            *reference.repository() == tagging.repository
                && reference.digest().is_none()
                && reference.tag() == Some(tagging.tag.as_str())
        })
    }
}

fn displayed<S: serde::Serializer>(repository: &Repository, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(repository)
}
