//! The answer of `diagnose`: one row for each container of each workload, with its verdict and proof.
//!
//! These values are what the table, JSON and YAML print and what `explain` tells in full; the field
//! names are those of the published output and none is ever renamed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::exclusion::LeftOut;
use super::remote::Provenance;
use super::workload::{Container, Manager, OwnerReference, Problem, PullPolicy, Role};
use super::{Digest, Platform};

/// Does it run what its tag stands for now? One word, everywhere the same.
///
/// The order is the order of concern: a workload's verdict is the greatest of its containers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It has ended, and nothing of it runs.
    Ended,
    /// Nothing runs yet.
    Waiting,
    /// Runs what the tag stands for now.
    Fresh,
    /// The same content, published under another digest.
    Rewrapped,
    /// The reference has a digest.
    Pinned,
    /// A rollout to another reference is under way.
    Rolling,
    /// The image was put on the node; no registry can tell.
    Local,
    /// The registry has no such tag.
    Unpublished,
    /// Could not be decided; the reason says why.
    Unknown,
    /// A rollout cannot go on; the old pods keep running.
    Stuck,
    /// Most likely stale: what runs is gone from the registry, so that it can't be proven.
    Suspect,
    /// Replicas run different contents under one reference.
    Mixed,
    /// Runs other content than the tag stands for now, proven.
    Stale,
}

impl Verdict {
    /// Every verdict, from the most to the least worrying.
    pub const ALL: [Self; 13] = [
        Self::Stale,
        Self::Mixed,
        Self::Suspect,
        Self::Stuck,
        Self::Unknown,
        Self::Unpublished,
        Self::Local,
        Self::Rolling,
        Self::Pinned,
        Self::Rewrapped,
        Self::Fresh,
        Self::Waiting,
        Self::Ended,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Waiting => "waiting",
            Self::Fresh => "fresh",
            Self::Rewrapped => "rewrapped",
            Self::Pinned => "pinned",
            Self::Rolling => "rolling",
            Self::Local => "local",
            Self::Unpublished => "unpublished",
            Self::Unknown => "unknown",
            Self::Stuck => "stuck",
            Self::Suspect => "suspect",
            Self::Mixed => "mixed",
            Self::Stale => "stale",
        }
    }

    /// Whether the template asks for another reference than the pod has, and its controller is to replace the pod.
    #[must_use]
    pub fn is_being_replaced(self) -> bool {
        matches!(self, Self::Rolling | Self::Stuck)
    }
}

/// Something worth knowing beside the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The tag moves by design (`latest`, `main`, …).
    FloatingTag,
    /// The tag was pushed again while pods ran it, or names other content than a pinned digest.
    MovedTag,
    /// Every start asks the registry.
    AlwaysPull,
    /// No start ever asks the registry.
    PullNever,
    /// A volume has an image as its source.
    ImageVolume,
    /// A tool or an operator owns the definition.
    GitopsOwned,
    /// The registry no longer has all that the next start needs.
    NextStartFails,
    /// Something adds the container to the pods; no template has it.
    Injected,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Self; 8] = [
        Self::FloatingTag,
        Self::MovedTag,
        Self::AlwaysPull,
        Self::PullNever,
        Self::ImageVolume,
        Self::GitopsOwned,
        Self::NextStartFails,
        Self::Injected,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FloatingTag => "floating-tag",
            Self::MovedTag => "moved-tag",
            Self::AlwaysPull => "always-pull",
            Self::PullNever => "pull-never",
            Self::ImageVolume => "image-volume",
            Self::GitopsOwned => "gitops-owned",
            Self::NextStartFails => "next-start-fails",
            Self::Injected => "injected",
        }
    }

    /// One sentence of advice.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::FloatingTag => {
                "this tag moves by design, so pods that start at different times run different content; use a unique tag for each build"
            }
            Self::MovedTag => "the tag was pushed again under running pods; use a unique tag for each build",
            Self::AlwaysPull => {
                "imagePullPolicy Always makes every start depend on the registry; with unique tags it is not needed"
            }
            Self::PullNever => {
                "imagePullPolicy Never runs whatever the node holds; nothing that is pushed will ever be pulled"
            }
            Self::ImageVolume => {
                "an image volume follows its tag like a container does, and most clusters do not report what it holds"
            }
            Self::GitopsOwned => {
                "another tool owns this definition and may revert a change made here; edit its source instead"
            }
            Self::NextStartFails => {
                "the registry no longer has the whole image, so a node that does not hold it cannot start it; push it again, or bump to content that is there"
            }
            Self::Injected => {
                "no template has this container, it is added to the pods when they are created; change its image where it is injected, and restart the pods"
            }
        }
    }
}

/// Something that would, or would not, bring the new content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// `unique-tag`, `digest`, `restart`, `always-pull`.
    pub kind: RemedyKind,
    /// Whether it brings the content that the tag serves now.
    pub helps: bool,
    /// Why, in one sentence.
    pub why: String,
}

/// The remedies that people try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyKind {
    /// A new tag for the same bytes.
    UniqueTag,
    /// The digest written into the reference.
    Digest,
    /// `kubectl rollout restart`.
    Restart,
    /// `imagePullPolicy: Always` and a restart.
    AlwaysPull,
}

impl RemedyKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::UniqueTag, Self::Digest, Self::Restart, Self::AlwaysPull];
}

/// The whole answer.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Sorted by namespace, workload and the container's place in the pod.
    pub items: Vec<Item>,
    /// Counts over all items, whatever is shown of them.
    pub summary: Summary,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// One container of one workload.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Namespace.
    pub namespace: Arc<str>,
    /// The controller at the top of the chain of owners, or the pod itself.
    pub workload: WorkloadName,
    /// Which container, and of what kind.
    pub container: ContainerName,
    /// The reference as written in the pods. While a rollout changes it, the newest pod's.
    pub image: Arc<str>,
    /// The reference that was judged, where it is another one: without the digest that something added on the pod's way,
    /// or with the registry that the runtime found a short name in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_as: Option<Arc<str>>,
    /// The worst of the pods', or `mixed`.
    pub verdict: Verdict,
    /// One sentence, fit for the table.
    pub reason: String,
    /// What the tag serves now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_digest: Option<Digest>,
    /// What the served content tells of itself; asked for only where something is stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<Content>,
    /// Beside the verdict.
    pub findings: Vec<Finding>,
    /// The reason behind `next-start-fails`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_start_fails: Option<String>,
    /// What would help and what would not; empty where nothing is to be done.
    pub remedies: Vec<Remedy>,
    /// The tools behind `gitops-owned`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<Manager>,
    /// Who is known to add it to the pods, with the finding `injected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected_by: Option<&'static str>,
    /// The pods, grouped by what they run.
    pub running: Vec<Group>,
    /// Pods that the verdict speaks of (for `mixed`: those that are stale), and all pods.
    #[serde(rename = "podCounts")]
    pub pods: PodCounts,
    /// Nothing of it runs: the verdict is about its last run, or about what a node would start.
    #[serde(skip)]
    pub idle: bool,
    /// The workload that has its template, where that is one below the top: what an operator makes of its custom resource.
    #[serde(skip)]
    pub template_in: Option<WorkloadName>,
}

impl Item {
    /// Whether the container was added to the pods on their way, so that no change of the workload changes it.
    #[must_use]
    pub fn is_injected(&self) -> bool {
        self.findings.contains(&Finding::Injected)
    }
}

/// `2/3` of the table's PODS column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PodCounts {
    /// Pods that the verdict speaks of.
    pub matching: usize,
    /// All pods of the workload that have this container.
    pub total: usize,
}

/// A workload's name; `replicaset.apps/web` in kubectl's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadName {
    /// `apps/v1`.
    pub api_version: Arc<str>,
    /// `Deployment`.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl WorkloadName {
    /// Of a pod by itself.
    #[must_use]
    pub fn pod(name: &Arc<str>) -> Self {
        Self { api_version: "v1".into(), kind: "Pod".into(), name: Arc::clone(name) }
    }

    /// Of what an owner reference names.
    #[must_use]
    pub fn of(reference: &OwnerReference) -> Self {
        Self {
            api_version: Arc::clone(&reference.api_version),
            kind: Arc::clone(&reference.kind),
            name: Arc::clone(&reference.name),
        }
    }
}

/// A container's name and kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ContainerName {
    /// The container's, or the volume's.
    pub name: Arc<str>,
    /// Its kind.
    #[serde(rename = "type")]
    pub role: Role,
}

impl ContainerName {
    /// Whether it is this container of a pod.
    #[must_use]
    pub fn is_of(&self, container: &Container) -> bool {
        self.role == container.role && self.name == container.name
    }
}

/// What a digest stands for on one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The digest is an index's.
    pub index: bool,
    /// The platform that was chosen from the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The identity of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<Digest>,
    /// When and of what it was built.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// Pods of one workload that run the same.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Of these pods.
    pub verdict: Verdict,
    /// One sentence, fit for the table.
    pub reason: String,
    /// The reference as these pods have it.
    pub image: Arc<str>,
    /// The digest in `imageID`, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// As reported.
    #[serde(rename = "imageID")]
    pub image_id: Arc<str>,
    /// What the running content tells of itself; asked for only where it is stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Their names, sorted; none where no pod runs and the nodes hold what a start would take.
    pub pods: Vec<Arc<str>>,
    /// The nodes they are on, sorted, each once.
    pub nodes: Vec<Arc<str>>,
    /// Their pull policy.
    pub pull_policy: PullPolicy,
    /// When the oldest of these pods was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What decided.
    pub proof: String,
    /// What would help to decide, where nothing could be and something can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Cow<'static, str>>,
    /// Every digest that was asked, where, and what it proved, in order.
    pub evidence: Vec<Evidence>,
}

/// One step of the ladder, as `explain` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What was looked at: `HEAD reg.example.com/app:1.0`, `node node-a, status.images`.
    pub asked: String,
    /// What it answered.
    pub answer: String,
}

/// Counts over a diagnosis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Distinct workloads.
    pub workloads: usize,
    /// Distinct pods.
    pub pods: usize,
    /// Distinct references.
    pub images: usize,
    /// Pods in which at least one container is stale.
    pub stale_pods: usize,
    /// Pods of which a container fails to start or crashes again and again, by the kubelet's reason.
    pub failing_pods: BTreeMap<String, usize>,
    /// Workloads by their verdict.
    pub by_verdict: BTreeMap<Verdict, usize>,
    /// Containers of workloads that are in no count and no item.
    pub left_out: LeftOut,
}

impl Summary {
    /// How many workloads have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.by_verdict.get(&verdict).copied().unwrap_or_default()
    }
}

impl Serialize for Summary {
    /// A flat object with every verdict in it, zeros too: a script must not have to guess.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("workloads", &self.workloads)?;
        map.serialize_entry("pods", &self.pods)?;
        map.serialize_entry("images", &self.images)?;
        map.serialize_entry("stalePods", &self.stale_pods)?;
        map.serialize_entry("failingPods", &self.failing_pods.values().sum::<usize>())?;
        map.serialize_entry("excluded", &self.left_out.total())?;
        for verdict in Verdict::ALL {
            map.serialize_entry(verdict.as_str(), &self.count(verdict))?;
        }
        map.end()
    }
}
