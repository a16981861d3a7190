//! Nodes: what is on them, and the kubelets that run pods on them.

pub mod archive;
pub mod container;
pub mod images;
pub mod keyring;
pub mod kubelet;
pub mod pull;
pub mod reference;
pub mod status;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::fields::{self, Manager};
use crate::store::error::ApiResult;
use crate::store::object::{name, now, object_at, safe_hash, uid};

use images::{Content, ImageStore, Runtime};
use pull::{Platform, Puller};
use reference::Reference;

/// How the kubelets of a cluster behave.
#[derive(Debug, Clone)]
pub struct KubeletOptions {
    /// Waiting time before a container that failed is started for the third time; it doubles. Ten seconds in truth.
    pub restart_back_off: Duration,
    /// Waiting time before a failed pull is tried again; it doubles. Ten seconds in truth.
    pub pull_back_off: Duration,
    /// Whether the statuses tell what image volumes hold (`ImageVolumeWithDigest`). The real 1.37 leaves it out even with
    /// the gate on; a story that runs on both beds switches it off.
    pub image_volume_digest: bool,
    /// Whether an image that was pulled with other credentials is asked for again (`KubeletEnsureSecretPulledImages`).
    pub verify_pull_credentials: bool,
    /// Hosts that are answered by others: `docker.io` → `http://127.0.0.1:5001`.
    pub mirrors: HashMap<String, String>,
}

impl Default for KubeletOptions {
    fn default() -> Self {
        Self {
            restart_back_off: Duration::from_secs(10),
            pull_back_off: Duration::from_secs(2),
            image_volume_digest: true,
            verify_pull_credentials: true,
            mirrors: HashMap::new(),
        }
    }
}

/// A node; cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    number: u8,
    platform: Platform,
    runtime: RwLock<Runtime>,
    silent: AtomicBool,
    short_names: RwLock<Option<String>>,
    images: Mutex<ImageStore>,
    static_pods: Mutex<HashMap<String, Value>>,
    next_address: Mutex<u16>,
    server: Arc<ApiServer>,
    puller: Puller,
    options: KubeletOptions,
}

impl Node {
    /// A node that is registered with the server; its kubelet is started by [`kubelet::run`].
    pub fn register(
        server: &Arc<ApiServer>,
        name: &str,
        number: u8,
        platform: Platform,
        options: &KubeletOptions,
    ) -> ApiResult<Self> {
        let inner = Inner {
            name: name.to_owned(),
            number,
            platform,
            runtime: RwLock::default(),
            silent: AtomicBool::new(false),
            short_names: RwLock::default(),
            images: Mutex::default(),
            static_pods: Mutex::default(),
            next_address: Mutex::new(1),
            server: Arc::clone(server),
            puller: Puller::new(options.mirrors.clone()),
            options: options.clone(),
        };
        let node = Self { inner: Arc::new(inner) };
        server.store.create("nodes", node.object())?;
        Ok(node)
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// From now on, `base` answers for a host.
    pub fn add_mirror(&self, host: &str, base: &str) {
        self.inner.puller.add_mirror(host, base);
    }

    /// The runtime whose forms the node reports.
    pub fn runtime(&self) -> Runtime {
        *self.inner.runtime.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the runtime; pods that are started from now on report in its form.
    pub fn set_runtime(&self, runtime: Runtime) {
        *self.inner.runtime.write().unwrap_or_else(PoisonError::into_inner) = runtime;
        self.update_status();
    }

    /// Looks names without a registry up in this one and not in Docker Hub, as CRI-O does by its
    /// `unqualified-search-registries`.
    pub fn search_short_names_in(&self, host: &str) {
        *self.inner.short_names.write().unwrap_or_else(PoisonError::into_inner) = Some(host.to_owned());
    }

    /// The reference that a pod's image stands for on this node.
    fn resolve(&self, image: &str) -> Result<Reference, String> {
        let reference = Reference::parse(image)?;
        let short_names = self.inner.short_names.read().unwrap_or_else(PoisonError::into_inner);
        match &*short_names {
            Some(host) if reference.host == "docker.io" && !image.contains("docker.io/") => {
                Reference::parse(&format!("{host}/{image}"))
            }
            _ => Ok(reference),
        }
    }

    fn images(&self) -> MutexGuard<'_, ImageStore> {
        self.inner.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The references on the node with the config digests of their contents.
    pub fn references(&self) -> Vec<(String, String)> {
        self.images().references().iter().map(|(reference, config)| (reference.clone(), config.clone())).collect()
    }

    /// Puts the image of an OCI layout (a tar archive) on the node as `ctr images import` does.
    ///
    /// # Panics
    /// If the archive is none, or the reference: both come from a test.
    pub async fn import(&self, reference: &str, archive: &[u8]) {
        let content = archive::content_of(archive, &self.inner.platform).expect("a test imports a sound OCI layout");
        self.import_content(reference, &content).expect("a test imports under a sound reference");
    }

    /// Puts content on the node as `ctr images import` does.
    pub fn import_content(&self, reference: &str, content: &Content) -> Result<(), String> {
        self.images().import(&Reference::parse(reference)?, content);
        self.update_status();
        Ok(())
    }

    /// Puts content on the node as `kind load` does; `date` is `YYYY-MM-DD`.
    pub fn import_as_kind(&self, reference: &str, content: &Content, date: &str) -> Result<(), String> {
        self.images().import_as_kind(&Reference::parse(reference)?, content, date);
        self.update_status();
        Ok(())
    }

    /// Removes a reference (a tag or a repo digest) as `ctr images rm` does.
    pub async fn remove(&self, reference: &str) -> bool {
        let removed = self.images().remove(reference);
        self.update_status();
        removed
    }

    /// Pulls a reference as `crictl pull` does: without any pod.
    pub async fn pull(&self, reference: &str) -> Result<(), String> {
        let reference = Reference::parse(reference)?;
        let pulled =
            self.inner.puller.pull(&reference, &self.inner.platform, None).await.map_err(|error| error.message)?;
        self.images().add_pulled(&reference, &pulled.top_digest, &pulled.content, None);
        self.update_status();
        Ok(())
    }

    /// Pulls a reference as `ctr images pull` does, behind the kubelet's back: the tag is there, without a repo digest.
    pub async fn bake(&self, reference: &str) -> Result<(), String> {
        let parsed = Reference::parse(reference)?;
        let pulled =
            self.inner.puller.pull(&parsed, &self.inner.platform, None).await.map_err(|error| error.message)?;
        self.import_content(reference, &pulled.content)
    }

    /// Runs a pod from a manifest on the node; the server sees its mirror.
    pub fn add_static_pod(&self, manifest: &Value) -> ApiResult<Value> {
        let mut pod = manifest.clone();
        let hash = safe_hash(manifest);
        let metadata = object_at(&mut pod, &["metadata"]);
        let mirror = format!("{}-{}", metadata.get("name").and_then(Value::as_str).unwrap_or_default(), self.name());
        metadata.insert("name".into(), mirror.as_str().into());
        metadata.entry("namespace").or_insert_with(|| "default".into());
        let annotations = object_at(&mut pod, &["metadata", "annotations"]);
        for (key, value) in [
            ("kubernetes.io/config.hash", hash.clone()),
            ("kubernetes.io/config.mirror", hash),
            ("kubernetes.io/config.seen", jiff::Timestamp::now().to_string()),
            ("kubernetes.io/config.source", "file".to_owned()),
        ] {
            annotations.insert(key.into(), value.into());
        }
        let node = self.inner.server.store.get("nodes", "", self.name());
        let node_uid = node.map(|node| uid(node.value()).to_owned()).unwrap_or_default();
        pod["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "Node", "name": self.name(), "uid": node_uid, "controller": true}]);
        pod["spec"]["nodeName"] = self.name().into();
        pod["spec"]["tolerations"] = json!([{"operator": "Exists", "effect": "NoExecute"}]);
        pod["apiVersion"] = "v1".into();
        pod["kind"] = "Pod".into();
        let key = format!("{}/{mirror}", pod["metadata"]["namespace"].as_str().unwrap_or_default());
        self.static_pods().insert(key, pod.clone());
        self.create_mirror(pod)
    }

    fn create_mirror(&self, pod: Value) -> ApiResult<Value> {
        let kind =
            self.inner.server.store.type_of_key("pods").ok_or_else(crate::store::error::ApiError::no_such_path)?;
        crate::api::write::create_object(&self.inner.server, &kind, pod, &kubelet_manager(""), false)
    }

    fn static_pods(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        self.inner.static_pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a static pod's manifest away; `mirror` is the name that the server knows.
    pub fn remove_static_pod(&self, namespace: &str, mirror: &str) {
        self.static_pods().remove(&format!("{namespace}/{mirror}"));
        let options = crate::store::deletion::DeleteOptions::default();
        // It may be gone already.
        let _ = self.inner.server.store.delete("pods", namespace, mirror, &options);
    }

    fn host_address(&self) -> String {
        format!("10.88.0.{}", 10 + self.inner.number)
    }

    fn next_pod_address(&self) -> String {
        let mut next = self.inner.next_address.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        format!("10.88.{}.{}", self.inner.number * 8 + u8::try_from(*next / 250).unwrap_or(7), *next % 250 + 1)
    }

    fn object(&self) -> Value {
        let platform = &self.inner.platform;
        let mut labels = json!({
            "kubernetes.io/hostname": self.name(), "kubernetes.io/os": platform.os,
            "kubernetes.io/arch": platform.architecture, "beta.kubernetes.io/os": platform.os,
            "beta.kubernetes.io/arch": platform.architecture,
        });
        if let Some(variant) = &platform.variant {
            labels["testbed/variant"] = variant.as_str().into();
        }
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name(), "labels": labels},
            "spec": {},
            "status": self.status(),
        })
    }

    fn status(&self) -> Value {
        let platform = &self.inner.platform;
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": self.heartbeat(), "lastTransitionTime": now(),
            })
        };
        let resources = json!({"cpu": "4", "ephemeral-storage": "100Gi", "memory": "16Gi", "pods": "250"});
        json!({
            "addresses": [
                {"type": "InternalIP", "address": self.host_address()}, {"type": "Hostname", "address": self.name()},
            ],
            "allocatable": resources, "capacity": resources,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": self.images().status_images(),
            "nodeInfo": {
                "architecture": platform.architecture, "bootID": "", "containerRuntimeVersion": self.runtime().version(),
                "kernelVersion": "6.1.0", "kubeProxyVersion": "", "kubeletVersion": "v1.37.2", "machineID": "",
                "operatingSystem": platform.os, "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "",
            },
        })
    }

    /// When the node says that it reported. A real kubelet reports what it holds up to a minute after it has changed; here
    /// that is done at once, and dated as late as the real one would, so that no story has to wait for it.
    fn heartbeat(&self) -> String {
        let ahead = if self.inner.silent.load(Ordering::Relaxed) { 0 } else { 60 };
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Reports the node's images no more, as in the minute before a kubelet does; or again.
    pub fn hold_reports(&self, hold: bool) {
        // Reported a last time, dated now.
        self.inner.silent.store(hold, Ordering::Relaxed);
        self.report();
    }

    /// Brings `status.images`, the heartbeat and the runtime's version up to date.
    fn update_status(&self) {
        if !self.inner.silent.load(Ordering::Relaxed) {
            self.report();
        }
    }

    fn report(&self) {
        let heartbeat = self.heartbeat();
        let images = self.images().status_images();
        let version = self.runtime().version();
        // A node that was deleted has no status to bring up to date.
        let _ = self.inner.server.store.update("nodes", "", self.name(), |node| {
            let before = node.clone();
            node["status"]["images"] = images.into();
            for condition in node["status"]["conditions"].as_array_mut().into_iter().flatten() {
                condition["lastHeartbeatTime"] = heartbeat.as_str().into();
            }
            node["status"]["nodeInfo"]["containerRuntimeVersion"] = version.into();
            if *node != before {
                fields::note_update(&before, node, &kubelet_manager("status"));
            }
            Ok(())
        });
    }

    /// Whether the mirror pod of this name belongs to a manifest on the node.
    fn static_manifest(&self, pod: &Value) -> Option<Value> {
        let key = format!("{}/{}", crate::store::object::namespace(pod), name(pod));
        self.static_pods().get(&key).cloned()
    }
}

fn kubelet_manager(subresource: &str) -> Manager {
    Manager { name: "kubelet".into(), operation: "Update", subresource: subresource.into() }
}
