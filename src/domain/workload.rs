//! What the cluster runs, as far as a verdict needs it: pods, their containers, who owns them.
//!
//! Texts that repeat over thousands of pods (namespaces, images, node names, `imageID`s) are shared
//! `Arc<str>`s: ten thousand pods fit into a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Platform;
use super::diagnosis::WorkloadName;
use super::tools::{self, Injector};

/// Everything that was read from a cluster before the first verdict.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The selected pods.
    pub pods: Vec<Pod>,
    /// Controllers by UID, as far as they could be read.
    pub owners: HashMap<Arc<str>, Owner>,
    /// Nodes by name, as far as they could be read.
    pub nodes: HashMap<Arc<str>, Platform>,
    /// Workloads with a template by UID, where whole kinds were looked at.
    pub listed: HashMap<Arc<str>, Listed>,
    /// What could not be read, each said once.
    pub problems: Vec<Problem>,
}

/// A part of the picture that is missing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// Which resource, such as `nodes` or `replicasets.apps`.
    pub what: String,
    /// Why, in the server's words made clean.
    pub why: String,
}

/// One pod.
#[derive(Debug, Clone)]
pub struct Pod {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// `status.reason`, such as `Evicted`; empty mostly.
    pub reason: Arc<str>,
    /// The condition `Ready`.
    pub ready: bool,
    /// The revision of its controller's template that it was made from (label `controller-revision-hash`); empty for kinds
    /// without.
    pub revision: Arc<str>,
    /// `metadata.resourceVersion`, kept where there is a revision: with it a pod is deleted as it was looked at.
    pub resource_version: Arc<str>,
    /// Why no node takes it, if that was tried: the message of the condition `PodScheduled`.
    pub unschedulable: Option<Arc<str>>,
    /// `spec.restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// `spec.nodeName`.
    pub node: Option<Arc<str>>,
    /// The owner reference with `controller: true`.
    pub controller: Option<OwnerReference>,
    /// A static pod's mirror (annotation `kubernetes.io/config.mirror`); its owner is the node.
    pub mirror: bool,
    /// Whose credentials pull its images.
    pub access: Arc<Access>,
    /// Who else manages this object, for pods without a controller.
    pub managers: Vec<Manager>,
    /// What its own annotation says of leaving it out; empty where it is not there.
    pub opt_out: Arc<str>,
    /// Tools that have left a mark on it while they added containers to it.
    pub injectors: Vec<&'static Injector>,
    /// Containers of every kind, and image volumes, in the order of the spec.
    pub containers: Vec<Container>,
}

impl Pod {
    /// Whether a container of it that has ended is started again, by the kubelet's rules.
    #[must_use]
    pub fn starts_again(&self, container: &Container) -> bool {
        let State::Terminated { exit_code, .. } = &container.state else { return false };
        let failed = *exit_code != 0;
        match (container.role, self.restart_policy) {
            (Role::Ephemeral, _) => false,
            (Role::Sidecar, _) => true,
            (Role::Init, RestartPolicy::Always) | (_, RestartPolicy::OnFailure) => failed,
            (_, RestartPolicy::Always) => true,
            (_, RestartPolicy::Never) => false,
        }
    }
}

/// `spec.restartPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Whatever ends is started again.
    #[default]
    Always,
    /// What fails is started again.
    OnFailure,
    /// Nothing is.
    Never,
}

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Accepted, not all containers started.
    Pending,
    /// Bound and started.
    Running,
    /// All containers ended well and stay so.
    Succeeded,
    /// All containers ended, one at least badly.
    Failed,
    /// Not told, or a word that is new.
    Unknown,
}

/// One container, or one image volume, of a pod.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its name, or the volume's.
    pub name: Arc<str>,
    /// Where in the pod it stands.
    pub role: Role,
    /// `image` as the pod's spec has it (after admission), or the volume's `image.reference`.
    pub image: Arc<str>,
    /// The pod's own policy: its default was fixed when the pod was created.
    pub pull_policy: PullPolicy,
    /// What it does now.
    pub state: State,
    /// The last run's end, `lastState.terminated`, exists: it ran before.
    pub ran_before: bool,
    /// `restartCount`.
    pub restarts: u32,
    /// `imageID`, or the volume's `imageRef`; empty where none is reported.
    pub image_id: Arc<str>,
    /// `image` of the status: the reference that the runtime shows, which may be another one with the same content.
    pub shown_image: Arc<str>,
}

/// Waiting for these is no trouble: every start goes through them.
pub const ORDINARY: [&str; 3] = ["", "ContainerCreating", "PodInitializing"];

impl Container {
    /// Whether its state lets it be judged at all: it runs, or it crashes again and again. The verdict
    /// looks closer; this only keeps references of containers that never ran from being asked for.
    #[must_use]
    pub fn may_run(&self) -> bool {
        let pinned = self.image.contains('@');
        match &self.state {
            State::Running { .. } => pinned || !self.image_id.is_empty(),
            State::Waiting { .. } => pinned || (self.ran_before && !self.image_id.is_empty()),
            State::Unreported | State::Terminated { .. } => pinned,
        }
    }

    /// Why it fails to start, or to go on running, in the kubelet's words. Between two attempts kubelets tell one of two
    /// states; both have one name here.
    #[must_use]
    pub fn failing(&self) -> Option<&str> {
        match &self.state {
            State::Waiting { reason, .. } if ORDINARY.contains(&&**reason) => None,
            State::Waiting { reason, .. } if &**reason == "ErrImagePull" => Some("ImagePullBackOff"),
            State::Waiting { reason, .. } => Some(reason),
            State::Terminated { exit_code, .. } if *exit_code != 0 && self.restarts > 0 => Some("CrashLoopBackOff"),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Container {
    /// A container that runs, of which nothing else is told.
    pub(crate) fn bare(name: &str) -> Self {
        Self {
            name: name.into(),
            role: Role::Container,
            image: "".into(),
            pull_policy: PullPolicy::IfNotPresent,
            state: State::Running { since: None },
            ran_before: false,
            restarts: 0,
            image_id: "".into(),
            shown_image: "".into(),
        }
    }
}

#[cfg(test)]
impl Pod {
    /// A pod of the namespace `shop` that runs and is ready, of which nothing else is told; its UID is its name.
    pub(crate) fn bare(name: &str) -> Self {
        Self {
            namespace: "shop".into(),
            name: name.into(),
            uid: name.into(),
            created: None,
            deleting: false,
            phase: Phase::Running,
            reason: "".into(),
            ready: true,
            revision: "".into(),
            resource_version: "".into(),
            unschedulable: None,
            restart_policy: RestartPolicy::Always,
            node: None,
            controller: None,
            mirror: false,
            access: Arc::default(),
            managers: Vec::new(),
            opt_out: "".into(),
            injectors: Vec::new(),
            containers: Vec::new(),
        }
    }
}

/// What kind of container it is; the words of the JSON output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An init container that runs to its end.
    Init,
    /// An init container with `restartPolicy: Always`, which goes on running.
    Sidecar,
    /// An ordinary container.
    Container,
    /// Added to a running pod, `kubectl debug`.
    Ephemeral,
    /// A volume with an image as its source.
    Volume,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Init, Self::Sidecar, Self::Container, Self::Ephemeral, Self::Volume];
}

/// `imagePullPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum PullPolicy {
    /// Every start asks the registry.
    Always,
    /// A start asks nobody if the node holds the reference.
    IfNotPresent,
    /// No start ever asks.
    Never,
}

impl PullPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Always, Self::IfNotPresent, Self::Never];

    /// Kubernetes' own word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// `state` of a container status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is no status for it (yet).
    Unreported,
    /// `waiting`, with its reason (`ContainerCreating`, `ImagePullBackOff`, `CrashLoopBackOff`) and message.
    Waiting {
        /// `reason`, empty where not told.
        reason: Arc<str>,
        /// `message`, empty where not told.
        message: Arc<str>,
    },
    /// `running`, since when.
    Running {
        /// `startedAt`.
        since: Option<Timestamp>,
    },
    /// `terminated`.
    Terminated {
        /// `reason`, such as `Completed` or `Error`.
        reason: Arc<str>,
        /// `exitCode`.
        exit_code: i32,
    },
}

/// Whose credentials may be used to ask for an image: those that the kubelet would use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Access {
    /// Namespace of the pod, where its secrets are.
    pub namespace: Arc<str>,
    /// `spec.serviceAccountName`.
    pub service_account: Arc<str>,
    /// Names in `spec.imagePullSecrets`, in their order.
    pub pull_secrets: Vec<Arc<str>>,
}

/// One `ownerReferences` entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerReference {
    /// `apps/v1`.
    pub api_version: Arc<str>,
    /// `ReplicaSet`.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Arc<str>,
}

impl OwnerReference {
    /// What it is called.
    #[must_use]
    pub fn workload(&self) -> WorkloadName {
        WorkloadName {
            api_version: Arc::clone(&self.api_version),
            kind: Arc::clone(&self.kind),
            name: Arc::clone(&self.name),
        }
    }
}

/// A controller that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Itself, as its children name it.
    pub itself: OwnerReference,
    /// Who controls it in turn.
    pub controller: Option<OwnerReference>,
    /// Who keeps rewriting it from outside the cluster.
    pub managers: Vec<Manager>,
    /// What its annotation says of leaving it out; empty where it is not there.
    pub opt_out: Arc<str>,
}

impl Owner {
    /// The custom resource above it, by which an operator keeps rewriting its template. What only carries a copy of the
    /// template above it is kept by nobody in this sense.
    #[must_use]
    pub fn operator(&self) -> Option<Manager> {
        let above = self.controller.as_ref()?;
        let (group, _) = above.api_version.split_once('/').unwrap_or_default();
        let is_copy = matches!(&*self.itself.kind, "Pod" | "ReplicaSet" | "ReplicationController" | "Job");
        if is_copy || matches!(group, "" | "apps" | "batch") {
            return None;
        }
        let name = format!("{}.{group}/{}", above.kind.to_lowercase(), above.name);
        Some(Manager { tool: tools::OPERATOR.to_owned(), name })
    }
}

/// A tool that owns an object's definition and may revert changes to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manager {
    /// `Argo CD`, `Flux`, `Helm`, `operator`; all of them stand in [`tools::KEEPERS`].
    pub tool: String,
    /// What the tool calls it: application, kustomization, release, custom resource.
    pub name: String,
}

/// The newest state of a controller, read only where a verdict hangs on it: does its template ask for
/// something else than the pods run, and is it being rolled out?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadState {
    /// What its pod template asks for.
    pub template: Vec<Asked>,
    /// The object that the template is taken from, where that is another one (Argo Rollouts' `workloadRef`).
    pub template_of: Option<WorkloadName>,
    /// Whose credentials pull the images of pods that are made from the template.
    pub access: Access,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: Option<i64>,
    /// How many pods there should be: `spec.replicas`, `status.desiredNumberScheduled`.
    pub desired: i64,
    /// Pods that exist: `status.replicas`, `status.currentNumberScheduled`.
    pub existing: i64,
    /// `status.updatedReplicas`, `status.updatedNumberScheduled`; `None` where the kind does not count it.
    pub updated: Option<i64>,
    /// `status.availableReplicas`, `status.numberAvailable`.
    pub available: i64,
    /// `spec.paused`.
    pub paused: bool,
    /// The update strategy is `OnDelete`: nothing is replaced until somebody deletes it.
    pub on_delete: bool,
    /// The `Progressing` condition's reason is `ProgressDeadlineExceeded`.
    pub stalled: bool,
    /// The message of the condition `ReplicaFailure`, or of an event that says the same: pods cannot be created.
    pub refused: Option<String>,
    /// `status.readyReplicas`, `status.numberReady`.
    pub ready: i64,
    /// `spec.updateStrategy.rollingUpdate.partition`.
    pub partition: i64,
    /// `status.updateRevision`: the revision of the newest template, as pods bear it.
    pub update_revision: Option<Arc<str>>,
    /// `status.currentRevision`: the one that all pods were made from when a rollout ended last.
    pub current_revision: Option<Arc<str>>,
    /// It has run to its end (a Job's condition `Complete` or `Failed`).
    pub finished: bool,
    /// `status.phase`, where the kind has one (Argo Rollouts), with `status.message`.
    pub phase: Option<(String, String)>,
}

impl WorkloadState {
    /// Whether a rollout has not ended yet, by its revisions.
    #[must_use]
    pub fn revisions_differ(&self) -> bool {
        self.update_revision.is_some() && self.update_revision != self.current_revision
    }

    /// Whether its controller has not seen the newest template yet: what the status says is about one before.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        self.observed_generation.is_some_and(|observed| observed < self.generation)
    }

    /// What the template asks for under this name, if it has such a container.
    #[must_use]
    pub fn asks_for(&self, role: Role, name: &str) -> Option<&Arc<str>> {
        self.template.iter().find(|asked| asked.role == role && asked.name.as_ref() == name).map(|asked| &asked.image)
    }
}

/// What a pod template asks for in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What kind of container it is.
    pub role: Role,
    /// Name of the container or volume.
    pub name: Arc<str>,
    /// The reference as written.
    pub image: Arc<str>,
    /// The pull policy as written, or what the API server would fill in.
    pub pull_policy: PullPolicy,
}

/// A workload with a template, as a list of its kind shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Itself, and who is above it.
    pub owner: Owner,
    /// Its template and rollout.
    pub state: WorkloadState,
}

impl Listed {
    /// Whether nothing above it is a workload with a template of its own: a Job below a CronJob, or a ReplicaSet below a
    /// Deployment, only carries a copy.
    #[must_use]
    pub fn stands_for_itself(&self) -> bool {
        let above = self.owner.controller.as_ref();
        above.is_none_or(|above| !above.api_version.starts_with("apps/") && !above.api_version.starts_with("batch/"))
    }
}

/// The names of one image in a node's inventory (`status.images[].names`): tags and repo digests of one
/// content.
pub type ImageNames = Vec<String>;

/// What a node says that it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeStore {
    /// `status.images`: at most 50 images with at most 5 names each, so that absence proves nothing.
    pub images: Vec<ImageNames>,
    /// `lastHeartbeatTime` of the `Ready` condition: the list was written no later than this.
    pub heartbeat: Option<Timestamp>,
    /// `nodeInfo.containerRuntimeVersion`, such as `cri-o://1.31.2`.
    pub runtime: Arc<str>,
}

impl NodeStore {
    /// The kubelet reads its runtime's images this often (`imageCacheUpdateInterval`).
    const CACHE_SECONDS: i64 = 30;
    /// A change is reported with the next status, ten seconds later by default; with as much to spare.
    const REPORT_SECONDS: i64 = 20;
    /// A kubelet with nothing new to say reports every five minutes.
    const SILENCE_SECONDS: i64 = 360;

    /// Whether the list may be too old to hold what was pulled for a container that started at `started`.
    ///
    /// A report that follows the start by the age of the kubelet's cache holds it. So does an older report once enough
    /// time has passed: the kubelet would have reported a change by then, unless it has fallen silent altogether.
    #[must_use]
    pub fn lags_behind(&self, started: Timestamp, now: Timestamp) -> bool {
        let seconds = |from: Timestamp, to: Timestamp| to.as_second() - from.as_second();
        let Some(heartbeat) = self.heartbeat else {
            return seconds(started, now) < Self::CACHE_SECONDS + Self::REPORT_SECONDS;
        };
        if seconds(started, heartbeat) > Self::CACHE_SECONDS {
            return false;
        }
        seconds(started, now) < Self::CACHE_SECONDS + Self::REPORT_SECONDS
            || seconds(heartbeat, now) > Self::SILENCE_SECONDS
    }
}
