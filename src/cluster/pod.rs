//! A pod's JSON, as much of it as a verdict needs.
//!
//! Unknown fields are skipped without being built, texts are borrowed from the response, and what
//! repeats is interned: a pod of eight kilobytes becomes a few hundred bytes.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::intern::{Interner, Text};
use super::metadata::{MIRROR, Metadata, REVISION};
use crate::domain::workload::{Access, Container, Phase, Pod, PullPolicy, RestartPolicy, Role, State};

#[derive(Deserialize)]
pub(super) struct RawPodList<'b> {
    #[serde(borrow, default)]
    pub(super) items: Option<Vec<RawPod<'b>>>,
}

#[derive(Deserialize)]
pub(super) struct RawPod<'b> {
    #[serde(borrow, default)]
    metadata: Metadata<'b>,
    #[serde(borrow, default)]
    spec: Spec<'b>,
    #[serde(borrow, default)]
    status: Status<'b>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec<'b> {
    #[serde(borrow, default)]
    node_name: Text<'b>,
    #[serde(borrow, default)]
    service_account_name: Text<'b>,
    #[serde(borrow, default)]
    restart_policy: Text<'b>,
    #[serde(borrow, default)]
    image_pull_secrets: Option<Vec<Named<'b>>>,
    #[serde(borrow, default)]
    init_containers: Option<Vec<RawContainer<'b>>>,
    #[serde(borrow, default)]
    containers: Option<Vec<RawContainer<'b>>>,
    #[serde(borrow, default)]
    ephemeral_containers: Option<Vec<RawContainer<'b>>>,
    #[serde(borrow, default)]
    volumes: Option<Vec<Volume<'b>>>,
}

#[derive(Deserialize)]
struct Named<'b> {
    #[serde(borrow, default)]
    name: Text<'b>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContainer<'b> {
    #[serde(borrow, default)]
    name: Text<'b>,
    #[serde(borrow, default)]
    image: Text<'b>,
    #[serde(borrow, default)]
    image_pull_policy: Text<'b>,
    #[serde(borrow, default)]
    restart_policy: Text<'b>,
    #[serde(borrow, default)]
    volume_mounts: Option<Vec<Named<'b>>>,
}

#[derive(Deserialize)]
struct Volume<'b> {
    #[serde(borrow, default)]
    name: Text<'b>,
    #[serde(borrow, default)]
    image: Option<ImageSource<'b>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageSource<'b> {
    #[serde(borrow, default)]
    reference: Text<'b>,
    #[serde(borrow, default)]
    pull_policy: Text<'b>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Status<'b> {
    #[serde(borrow, default)]
    phase: Text<'b>,
    #[serde(borrow, default)]
    reason: Text<'b>,
    #[serde(borrow, default)]
    conditions: Option<Vec<Condition<'b>>>,
    #[serde(borrow, default)]
    init_container_statuses: Option<Vec<ContainerStatus<'b>>>,
    #[serde(borrow, default)]
    container_statuses: Option<Vec<ContainerStatus<'b>>>,
    #[serde(borrow, default)]
    ephemeral_container_statuses: Option<Vec<ContainerStatus<'b>>>,
}

#[derive(Deserialize)]
struct Condition<'b> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'b>,
    #[serde(borrow, default)]
    status: Text<'b>,
    #[serde(borrow, default)]
    reason: Text<'b>,
    #[serde(borrow, default)]
    message: Text<'b>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus<'b> {
    #[serde(borrow, default)]
    name: Text<'b>,
    #[serde(borrow, default, rename = "imageID")]
    image_id: Text<'b>,
    #[serde(borrow, default)]
    image: Text<'b>,
    #[serde(borrow, default)]
    state: Option<RawState<'b>>,
    #[serde(default)]
    last_state: Option<LastState>,
    #[serde(default)]
    restart_count: u32,
    #[serde(borrow, default)]
    volume_mounts: Option<Vec<MountStatus<'b>>>,
}

#[derive(Deserialize)]
struct RawState<'b> {
    #[serde(borrow, default)]
    waiting: Option<Waiting<'b>>,
    #[serde(borrow, default)]
    running: Option<Running<'b>>,
    #[serde(borrow, default)]
    terminated: Option<Terminated<'b>>,
}

#[derive(Deserialize)]
struct Waiting<'b> {
    #[serde(borrow, default)]
    reason: Text<'b>,
    #[serde(borrow, default)]
    message: Text<'b>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running<'b> {
    #[serde(borrow, default)]
    started_at: Text<'b>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated<'b> {
    #[serde(borrow, default)]
    reason: Text<'b>,
    #[serde(default)]
    exit_code: i32,
}

#[derive(Deserialize)]
struct LastState {
    #[serde(default)]
    terminated: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MountStatus<'b> {
    #[serde(borrow, default)]
    name: Text<'b>,
    #[serde(borrow, default)]
    volume_status: Option<VolumeStatus<'b>>,
}

#[derive(Deserialize)]
struct VolumeStatus<'b> {
    #[serde(borrow, default)]
    image: Option<ImageVolumeStatus<'b>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageVolumeStatus<'b> {
    #[serde(borrow, default)]
    image_ref: Text<'b>,
}

impl RawPod<'_> {
    pub(super) fn uid(&self) -> &str {
        &self.metadata.uid
    }

    pub(super) fn convert(&self, interner: &mut Interner) -> Pod {
        let metadata = &self.metadata;
        let controller = metadata.controller(interner);
        let namespace = interner.text(&metadata.namespace);
        let pull_secrets = self.spec.image_pull_secrets.iter().flatten().filter(|secret| !secret.name.is_empty());
        let access = Access {
            namespace: Arc::clone(&namespace),
            service_account: interner.text(&self.spec.service_account_name),
            pull_secrets: pull_secrets.map(|secret| interner.text(&secret.name)).collect(),
        };
        let revision = metadata.labels.get(REVISION);
        Pod {
            namespace,
            name: (*metadata.name).into(),
            uid: (*metadata.uid).into(),
            created: metadata.creation_timestamp.parse().ok(),
            deleting: !metadata.deletion_timestamp.is_empty(),
            phase: phase(&self.status.phase),
            reason: interner.text(&self.status.reason),
            ready: self.is_ready(),
            revision: interner.text(revision),
            resource_version: if revision.is_empty() { interner.text("") } else { (*metadata.resource_version).into() },
            unschedulable: self.unschedulable(interner),
            restart_policy: restart_policy(&self.spec.restart_policy),
            node: Some(&*self.spec.node_name).filter(|name| !name.is_empty()).map(|name| interner.text(name)),
            mirror: !metadata.annotations.get(MIRROR).is_empty(),
            access: interner.access(access),
            managers: if controller.is_some() { Vec::new() } else { metadata.managers() },
            injectors: metadata.injectors(),
            controller,
            opt_out: metadata.opt_out(interner),
            containers: self.containers(interner),
        }
    }

    fn is_ready(&self) -> bool {
        let mut conditions = self.status.conditions.iter().flatten();
        conditions.any(|condition| &*condition.kind == "Ready" && &*condition.status == "True")
    }

    fn unschedulable(&self, interner: &mut Interner) -> Option<Arc<str>> {
        let mut conditions = self.status.conditions.iter().flatten();
        let condition = conditions.find(|condition| &*condition.reason == "Unschedulable")?;
        Some(interner.text(&condition.message))
    }

    fn containers(&self, interner: &mut Interner) -> Vec<Container> {
        let (spec, status) = (&self.spec, &self.status);
        let lists = [
            (&spec.init_containers, &status.init_container_statuses, Role::Init),
            (&spec.containers, &status.container_statuses, Role::Container),
            (&spec.ephemeral_containers, &status.ephemeral_container_statuses, Role::Ephemeral),
        ];
        let mut containers = Vec::with_capacity(spec.containers.as_ref().map_or(1, Vec::len));
        for (specs, statuses, role) in lists {
            for raw in specs.iter().flatten() {
                let status = statuses.iter().flatten().find(|status| *status.name == *raw.name);
                let role = if role == Role::Init && &*raw.restart_policy == "Always" { Role::Sidecar } else { role };
                containers.push(Container {
                    name: interner.text(&raw.name),
                    role,
                    image: interner.text(&raw.image),
                    pull_policy: pull_policy(&raw.image_pull_policy, &raw.image),
                    state: status.map_or(State::Unreported, |status| status.state(interner)),
                    ran_before: status.is_some_and(ContainerStatus::ran_before),
                    restarts: status.map_or(0, |status| status.restart_count),
                    image_id: interner.text(status.map_or("", |status| &status.image_id)),
                    shown_image: interner.text(status.map_or("", |status| &status.image)),
                });
            }
        }
        for volume in spec.volumes.iter().flatten() {
            if let Some(source) = &volume.image {
                containers.push(self.image_volume(volume, source, interner));
            }
        }
        containers
    }

    /// An image volume has no status of its own: the containers that mount it tell.
    fn image_volume(&self, volume: &Volume<'_>, source: &ImageSource<'_>, interner: &mut Interner) -> Container {
        let (spec, status) = (&self.spec, &self.status);
        let lists = [
            (&spec.init_containers, &status.init_container_statuses),
            (&spec.containers, &status.container_statuses),
            (&spec.ephemeral_containers, &status.ephemeral_container_statuses),
        ];
        let mounting = lists.into_iter().flat_map(|(specs, statuses)| {
            specs
                .iter()
                .flatten()
                .filter(|raw| raw.volume_mounts.iter().flatten().any(|mount| *mount.name == *volume.name))
                .filter_map(|raw| statuses.iter().flatten().find(|status| *status.name == *raw.name))
        });
        let mounting: Vec<&ContainerStatus<'_>> = mounting.collect();
        let image_ref = mounting
            .iter()
            .flat_map(|status| status.volume_mounts.iter().flatten())
            .filter(|mount| *mount.name == *volume.name)
            .filter_map(|mount| Some(&*mount.volume_status.as_ref()?.image.as_ref()?.image_ref))
            .find(|image_ref| !image_ref.is_empty());
        let mut states = mounting.iter().map(|status| status.state(interner)).collect::<Vec<_>>();
        // One that runs speaks for the volume; else one that ran; else the one that waits for it.
        states.sort_by_key(|state| match state {
            State::Running { .. } => 0,
            State::Terminated { .. } => 1,
            State::Waiting { .. } => 2,
            State::Unreported => 3,
        });
        let state = match states.into_iter().next() {
            Some(State::Waiting { .. } | State::Unreported) | None if image_ref.is_some() => {
                State::Running { since: None }
            }
            Some(state) => state,
            None => State::Unreported,
        };
        Container {
            name: interner.text(&volume.name),
            role: Role::Volume,
            image: interner.text(&source.reference),
            pull_policy: pull_policy(&source.pull_policy, &source.reference),
            state,
            ran_before: mounting.iter().any(|status| status.ran_before()),
            restarts: 0,
            image_id: interner.text(image_ref.unwrap_or_default()),
            shown_image: interner.text(""),
        }
    }
}

impl ContainerStatus<'_> {
    fn state(&self, interner: &mut Interner) -> State {
        let Some(state) = &self.state else { return State::Unreported };
        if let Some(running) = &state.running {
            return State::Running { since: running.started_at.parse::<Timestamp>().ok() };
        }
        if let Some(terminated) = &state.terminated {
            return State::Terminated { reason: interner.text(&terminated.reason), exit_code: terminated.exit_code };
        }
        if let Some(waiting) = &state.waiting {
            return State::Waiting { reason: interner.text(&waiting.reason), message: interner.text(&waiting.message) };
        }
        // `state: {}` is how the API says "waiting" when there is nothing to say about it.
        State::Waiting { reason: interner.text(""), message: interner.text("") }
    }

    fn ran_before(&self) -> bool {
        self.last_state.as_ref().is_some_and(|last| last.terminated.is_some())
    }
}

fn phase(text: &str) -> Phase {
    match text {
        "Pending" => Phase::Pending,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Unknown,
    }
}

fn restart_policy(text: &str) -> RestartPolicy {
    match text {
        "OnFailure" => RestartPolicy::OnFailure,
        "Never" => RestartPolicy::Never,
        _ => RestartPolicy::Always,
    }
}

/// The API server fills the policy in when the pod is created; where it is missing, by the same rule.
pub(super) fn pull_policy(text: &str, image: &str) -> PullPolicy {
    match text {
        "Always" => PullPolicy::Always,
        "IfNotPresent" => PullPolicy::IfNotPresent,
        "Never" => PullPolicy::Never,
        _ => default_pull_policy(image),
    }
}

/// `Always` for `latest` and for no tag at all; a digest is never pulled twice.
fn default_pull_policy(image: &str) -> PullPolicy {
    if image.contains('@') {
        return PullPolicy::IfNotPresent;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        None | Some((_, "latest")) => PullPolicy::Always,
        Some(_) => PullPolicy::IfNotPresent,
    }
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
