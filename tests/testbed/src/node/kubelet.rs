//! The kubelet: one task for each pod of the node, which brings the containers from what is to what should be, and
//! tells the server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::fields;
use crate::store::deletion::DeleteOptions;
use crate::store::object::{is_terminating, items, name, namespace, number, text, uid};
use crate::store::{Change, Event};

use super::container::{Container, Ending, Phase, ending};
use super::reference::Reference;
use super::status::{PodState, is_sidecar, phase, pod_status};
use super::{Node, images::Content, keyring, kubelet_manager};

/// Runs the kubelet of a node until the task is aborted.
pub async fn run(node: Node) {
    let store = Arc::clone(&node.inner.server.store);
    let mut changes = store.subscribe();
    let mut workers: HashMap<String, Arc<Notify>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let (mut seen, existing) = store.list("pods", None);
    let mut start = |pod: &Value, workers: &mut HashMap<String, Arc<Notify>>| {
        let notify = Arc::new(Notify::new());
        workers.insert(uid(pod).to_owned(), Arc::clone(&notify));
        let worker = Worker {
            node: node.clone(),
            namespace: namespace(pod).to_owned(),
            name: name(pod).to_owned(),
            uid: uid(pod).to_owned(),
            state: PodState::default(),
            retry: None,
        };
        tasks.spawn(worker.run(notify));
    };
    for pod in existing.iter().filter(|pod| text(pod.value(), "/spec/nodeName") == node.name()) {
        start(pod.value(), &mut workers);
    }
    loop {
        changes.borrow_and_update();
        let events = store.events_after(seen).unwrap_or_default();
        seen = events.last().map_or(seen, |event| event.revision);
        for Event { change, resource, object, .. } in &events {
            let pod = object.value();
            if &**resource != "pods" || text(pod, "/spec/nodeName") != node.name() {
                continue;
            }
            if *change == Change::Deleted {
                if let Some(notify) = workers.remove(uid(pod)) {
                    notify.notify_one();
                }
                // Somebody deleted the mirror of a static pod: the manifest is still there, so it comes back.
                if let Some(manifest) = node.static_manifest(pod) {
                    let _ = node.create_mirror(manifest);
                }
            } else if let Some(notify) = workers.get(uid(pod)) {
                notify.notify_one();
            } else {
                start(pod, &mut workers);
            }
        }
        if events.is_empty() && changes.changed().await.is_err() {
            return;
        }
    }
}

struct Worker {
    node: Node,
    namespace: String,
    name: String,
    uid: String,
    state: PodState,
    /// When something has to be looked at again although nothing changed.
    retry: Option<Instant>,
}

/// Whether a container may go on, or is held up.
enum Image {
    Ready(Reference, Content),
    Waiting,
}

impl Worker {
    fn pod(&self) -> Option<Value> {
        let pod = self.node.inner.server.store.get("pods", &self.namespace, &self.name)?;
        (uid(pod.value()) == self.uid).then(|| pod.value().clone())
    }

    async fn run(mut self, notify: Arc<Notify>) {
        loop {
            let Some(pod) = self.pod() else { return };
            if is_terminating(&pod) {
                self.terminate(&pod, &notify).await;
                return;
            }
            self.retry = None;
            if matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed") {
                notify.notified().await;
                continue;
            }
            self.prepare(&pod);
            self.sync(&pod).await;
            self.publish();
            match self.retry {
                None => notify.notified().await,
                Some(time) => {
                    tokio::select! {
                        () = notify.notified() => {}
                        () = tokio::time::sleep_until(time) => {}
                    }
                }
            }
        }
    }

    /// Makes the list of containers, and adds the ephemeral ones that came later.
    fn prepare(&mut self, pod: &Value) {
        let has_init = !items(pod, "/spec/initContainers").is_empty();
        if self.state.main.is_empty() {
            let waiting = if has_init { "PodInitializing" } else { "ContainerCreating" };
            let make = |pointer: &str| -> Vec<Container> {
                items(pod, pointer).iter().map(|spec| Container::new(text(spec, "/name"), waiting)).collect()
            };
            self.state.init = make("/spec/initContainers");
            self.state.main = make("/spec/containers");
            self.state.initialized = !has_init;
            self.publish();
            self.state.address = self.node.next_pod_address();
            self.state.has_sandbox = true;
        }
        for spec in items(pod, "/spec/ephemeralContainers").iter().skip(self.state.ephemeral.len()) {
            self.state.ephemeral.push(Container::new(text(spec, "/name"), "ContainerCreating"));
        }
    }

    fn wake_at(&mut self, time: Instant) {
        self.retry = Some(self.retry.map_or(time, |known| known.min(time)));
    }

    async fn sync(&mut self, pod: &Value) {
        let now = Instant::now();
        for container in self.state.init.iter_mut().chain(&mut self.state.main).chain(&mut self.state.ephemeral) {
            if let Some((time, code)) = container.ends
                && time <= now
            {
                container.end(code);
            }
        }
        let restart_policy = text(pod, "/spec/restartPolicy").to_owned();
        let mut initialized = true;
        let init_specs = items(pod, "/spec/initContainers");
        for (index, spec) in init_specs.iter().enumerate() {
            let mut container = self.state.init[index].clone();
            if !is_sidecar(spec) && container.exit_code() == Some(0) {
                continue;
            }
            let policy = if is_sidecar(spec) {
                "Always"
            } else if restart_policy == "Never" {
                "Never"
            } else {
                "OnFailure"
            };
            self.drive(pod, spec, &mut container, policy, !is_sidecar(spec)).await;
            let passed = if is_sidecar(spec) { container.is_running() } else { container.exit_code() == Some(0) };
            self.state.init[index] = container;
            if !passed {
                initialized = false;
                break;
            }
        }
        self.state.initialized |= initialized;
        for (index, spec) in items(pod, "/spec/ephemeralContainers").iter().enumerate() {
            let mut container = self.state.ephemeral[index].clone();
            self.drive(pod, spec, &mut container, "Never", false).await;
            self.state.ephemeral[index] = container;
        }
        if self.state.initialized {
            for (index, spec) in items(pod, "/spec/containers").iter().enumerate() {
                let mut container = self.state.main[index].clone();
                self.drive(pod, spec, &mut container, &restart_policy, false).await;
                self.state.main[index] = container;
            }
        }
        if matches!(phase(pod, &self.state), "Succeeded" | "Failed") {
            for container in &mut self.state.init {
                container.end(0);
            }
        }
        let ends: Vec<Instant> = self
            .state
            .init
            .iter()
            .chain(&self.state.main)
            .chain(&self.state.ephemeral)
            .flat_map(|container| [container.ends.map(|(time, _)| time), container.retry_at])
            .flatten()
            .collect();
        for time in ends {
            self.wake_at(time);
        }
    }

    /// Brings one container a step on.
    async fn drive(
        &mut self,
        pod: &Value,
        spec: &Value,
        container: &mut Container,
        restart_policy: &str,
        is_init: bool,
    ) {
        let now = Instant::now();
        let image = text(spec, "/image");
        if container.is_running() {
            if container.started_from == image {
                return;
            }
            // The image of a running pod was changed: the container is replaced at once.
            container.end(137);
            // Its end is to be seen while the new image is being waited for.
            if let Phase::Terminated(state) = &container.phase {
                container.last = Some(state.clone());
            }
        } else if let Some(code) = container.exit_code() {
            let restarts = restart_policy == "Always" || restart_policy == "OnFailure" && code != 0;
            if !restarts {
                return;
            }
            // The first restart comes at once; from then on the waiting time doubles.
            let nominal = 10_u64 << container.restarts.saturating_sub(1).clamp(0, 5);
            if container.restarts > 0 {
                let factor = u32::try_from(nominal.min(300) / 10).unwrap_or(30);
                container.retry_at = Some(now + self.node.inner.options.restart_back_off * factor);
                if let Phase::Terminated(state) = &container.phase {
                    container.last = Some(state.clone());
                }
                let nominal = match nominal.min(300) {
                    300 => "5m0s".to_owned(),
                    seconds if seconds >= 60 => format!("{}m{}s", seconds / 60, seconds % 60),
                    seconds => format!("{seconds}s"),
                };
                let message = format!(
                    "back-off {nominal} restarting failed container={} pod={}_{}({})",
                    container.name, self.name, self.namespace, self.uid
                );
                container.phase = Phase::Waiting("CrashLoopBackOff".into(), message);
                return;
            }
        }
        if let Some(time) = container.retry_at {
            if time > now {
                self.back_off_pull(container, image);
                return;
            }
            container.retry_at = None;
        }
        let Image::Ready(reference, content) = self.ensure(pod, image, text(spec, "/imagePullPolicy"), container).await
        else {
            return;
        };
        if !self.ensure_volumes(pod, spec, container).await {
            return;
        }
        let runtime = self.node.runtime();
        {
            let images = self.node.images();
            container.image = images.shown_image(runtime, &reference, &content.config_digest);
            container.image_id = images.image_id(runtime, &reference, &content.config_digest);
        }
        container.started_from = image.to_owned();
        let ending = if is_sidecar(spec) { Ending::Never } else { ending(pod, spec, &content.command, is_init) };
        container.start(runtime.scheme(), ending);
    }

    /// `ErrImagePull` turns into `ImagePullBackOff` when the kubelet looks again.
    fn back_off_pull(&self, container: &mut Container, image: &str) {
        if container.failed_pulls > 0
            && let Phase::Waiting(reason, _) = &container.phase
            && reason == "ErrImagePull"
        {
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {}", container.pull_message);
            container.phase = Phase::Waiting("ImagePullBackOff".into(), message);
        }
    }

    /// The image of a container, pulled if the policy says so.
    async fn ensure(&mut self, pod: &Value, image: &str, policy: &str, container: &mut Container) -> Image {
        let reference = match self.node.resolve(image) {
            Ok(reference) => reference,
            Err(why) => {
                let message = format!("Failed to apply default image tag \"{image}\": {why}");
                container.phase = Phase::Waiting("InvalidImageName".into(), message);
                return Image::Waiting;
            }
        };
        let inner = Arc::clone(&self.node.inner);
        let credentials = keyring::credentials(&inner.server.store, pod, &reference);
        let fingerprints: Vec<String> = credentials.iter().map(keyring::Credential::fingerprint).collect();
        let (present, must_verify) = {
            let images = self.node.images();
            let verify = inner.options.verify_pull_credentials && images.must_verify(&reference, &fingerprints);
            (images.find(&reference).cloned(), verify)
        };
        match (present, policy) {
            (Some(content), "IfNotPresent" | "Never") if !must_verify => return Image::Ready(reference, content),
            (_, "Never") => {
                let message = format!("Container image \"{image}\" is not present with pull policy of Never");
                container.phase = Phase::Waiting("ErrImageNeverPull".into(), message);
                return Image::Waiting;
            }
            _ => {}
        }
        // Every credential that fits is tried in turn; without any the pull is anonymous.
        let attempts: Vec<Option<&keyring::Credential>> =
            if credentials.is_empty() { vec![None] } else { credentials.iter().map(Some).collect() };
        let mut errors = Vec::new();
        for credential in attempts {
            match inner.puller.pull(&reference, &inner.platform, credential).await {
                Ok(pulled) => {
                    let fingerprint = credential.map(keyring::Credential::fingerprint);
                    self.node.images().add_pulled(
                        &reference,
                        &pulled.top_digest,
                        &pulled.content,
                        fingerprint.as_deref(),
                    );
                    self.node.update_status();
                    container.failed_pulls = 0;
                    return Image::Ready(reference, pulled.content);
                }
                Err(error) => errors.push(error),
            }
        }
        let messages: Vec<String> = errors
            .iter()
            .map(|error| {
                if error.not_found {
                    format!("rpc error: code = NotFound desc = {}", error.message)
                } else {
                    error.message.clone()
                }
            })
            .collect();
        container.pull_message = match messages.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        container.phase = Phase::Waiting("ErrImagePull".into(), container.pull_message.clone());
        let factor = 1_u32 << container.failed_pulls.min(5);
        container.failed_pulls += 1;
        container.retry_at = Some(Instant::now() + inner.options.pull_back_off * factor);
        // Soon after, the kubelet looks again and says that it waits.
        self.wake_at(Instant::now() + Duration::from_millis(50));
        Image::Waiting
    }

    /// Pulls the image volumes that a container mounts, and notes what they hold.
    async fn ensure_volumes(&mut self, pod: &Value, spec: &Value, container: &mut Container) -> bool {
        let mut references = Vec::new();
        for volume in items(pod, "/spec/volumes").iter().filter(|volume| volume.get("image").is_some()) {
            let mounted = items(spec, "/volumeMounts").iter().any(|mount| mount["name"] == volume["name"]);
            if !mounted {
                continue;
            }
            let (wanted, policy) = (text(volume, "/image/reference"), text(volume, "/image/pullPolicy"));
            let Image::Ready(_, content) = self.ensure(pod, wanted, policy, container).await else { return false };
            if self.node.inner.options.image_volume_digest {
                references.push((text(volume, "/name").to_owned(), content.config_digest));
            }
        }
        container.volume_references = references;
        true
    }

    fn publish(&self) {
        let store = &self.node.inner.server.store;
        let host = self.node.host_address();
        // The pod may be gone; then nobody wants its status.
        let _ = store.update("pods", &self.namespace, &self.name, |pod| {
            if uid(pod) != self.uid {
                return Ok(());
            }
            let before = pod.clone();
            pod["status"] = pod_status(pod, &self.state, &host);
            if *pod != before {
                fields::note_update(&before, pod, &kubelet_manager("status"));
            }
            Ok(())
        });
    }

    /// Stops the containers and lets the pod go. It takes as long as a `preStop` hook sleeps; the annotation
    /// `testbed/ignores-sigterm` makes it take the whole grace period.
    async fn terminate(&mut self, pod: &Value, notify: &Notify) {
        let started = Instant::now();
        let stubborn = pod.pointer("/metadata/annotations/testbed~1ignores-sigterm").is_some();
        let sleeps = items(pod, "/spec/containers")
            .iter()
            .filter_map(|spec| number(spec, "/lifecycle/preStop/sleep/seconds"))
            .max()
            .unwrap_or(0);
        loop {
            // Another, shorter deletion may come while this one waits.
            let Some(current) = self.pod() else { return };
            let grace = number(&current, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
            let wait = if stubborn { grace } else { sleeps.min(grace) };
            let until = started + Duration::from_secs(u64::try_from(wait).unwrap_or(0));
            if until <= Instant::now() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = notify.notified() => {}
            }
        }
        for container in self.state.main.iter_mut().chain(&mut self.state.init).chain(&mut self.state.ephemeral) {
            container.end(137);
        }
        if !self.state.main.is_empty() {
            self.publish();
        }
        let options = DeleteOptions { uid: Some(self.uid.clone()), ..DeleteOptions::immediately() };
        let _ = self.node.inner.server.store.delete("pods", &self.namespace, &self.name, &options);
    }
}
