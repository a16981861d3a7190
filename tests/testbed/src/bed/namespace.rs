//! One namespace of a bed, with the operations of which stories are told.
//!
//! All of them panic where the cluster refuses: for a story that is a failed assertion, and the panic says what the
//! server said. Stories about refusals use [`Namespace::kubernetes`].

use std::sync::Arc;

use serde_json::{Value, json};

use super::kubernetes::{Kubernetes, PatchKind, resource, resource_of};
use crate::client::Failure;

/// A namespace and the administrator's access to it.
#[derive(Debug, Clone)]
pub struct Namespace {
    kubernetes: Arc<Kubernetes>,
    name: String,
}

impl Namespace {
    pub(super) fn new(kubernetes: Arc<Kubernetes>, name: &str) -> Self {
        Self { kubernetes, name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The API as it is.
    #[must_use]
    pub fn kubernetes(&self) -> &Kubernetes {
        &self.kubernetes
    }

    /// The API path of an object of this namespace (or of the cluster, for cluster-wide kinds). `kind` is a kind or
    /// kubectl's name for it, or `group/version/plural` for others; no `name` gives the collection.
    #[must_use]
    pub fn path(&self, kind: &str, name: Option<&str>) -> String {
        self.path_of(resource(kind), name)
    }

    fn path_of(&self, (root, plural, namespaced): (String, String, bool), name: Option<&str>) -> String {
        let space = if namespaced { format!("/namespaces/{}", self.name) } else { String::new() };
        let name = name.map(|name| format!("/{name}")).unwrap_or_default();
        format!("{root}{space}/{plural}{name}")
    }

    /// Creates an object.
    pub async fn create(&self, object: &Value) -> Value {
        passed(self.kubernetes.create(&self.path_of(resource_of(object), None), object).await)
    }

    /// Creates an object, or replaces the one of that name.
    pub async fn create_or_replace(&self, object: &Value) -> Value {
        let name = object["metadata"]["name"].as_str().expect("the object has a name");
        let path = self.path_of(resource_of(object), Some(name));
        match passed(self.kubernetes.find(&path).await) {
            None => self.create(object).await,
            Some(present) => {
                let mut object = object.clone();
                object["metadata"]["resourceVersion"] = present["metadata"]["resourceVersion"].clone();
                passed(self.kubernetes.replace(&path, &object).await)
            }
        }
    }

    /// Reads an object.
    pub async fn get(&self, kind: &str, name: &str) -> Value {
        passed(self.kubernetes.get(&self.path(kind, Some(name))).await)
    }

    /// Reads an object that may be absent.
    pub async fn find(&self, kind: &str, name: &str) -> Option<Value> {
        passed(self.kubernetes.find(&self.path(kind, Some(name))).await)
    }

    /// The objects of a kind.
    pub async fn list(&self, kind: &str) -> Vec<Value> {
        self.list_selected(kind, "").await
    }

    /// The objects of a kind that have these labels.
    pub async fn list_selected(&self, kind: &str, selector: &str) -> Vec<Value> {
        passed(self.try_list(kind, selector).await)
    }

    pub(super) async fn try_list(&self, kind: &str, selector: &str) -> Result<Vec<Value>, Failure> {
        let mut path = self.path(kind, None);
        if !selector.is_empty() {
            path.push_str(&format!("?labelSelector={}", selector.replace('=', "%3D").replace(',', "%2C")));
        }
        let list = self.kubernetes.get(&path).await?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Pods with these labels, by name.
    pub async fn pods(&self, selector: &str) -> Vec<Value> {
        let mut pods = self.list_selected("pods", selector).await;
        pods.sort_by_key(|pod| pod["metadata"]["name"].to_string());
        pods
    }

    /// Patches an object with RFC 7396.
    pub async fn merge_patch(&self, kind: &str, name: &str, patch: &Value) -> Value {
        passed(self.kubernetes.patch(&self.path(kind, Some(name)), PatchKind::Merge, patch).await)
    }

    /// Patches an object with RFC 6902.
    pub async fn json_patch(&self, kind: &str, name: &str, patch: &Value) -> Value {
        passed(self.kubernetes.patch(&self.path(kind, Some(name)), PatchKind::Json, patch).await)
    }

    /// Patches an object with Kubernetes' own merge.
    pub async fn strategic_patch(&self, kind: &str, name: &str, patch: &Value) -> Value {
        passed(self.kubernetes.patch(&self.path(kind, Some(name)), PatchKind::Strategic, patch).await)
    }

    /// Patches an object's status with RFC 7396.
    pub async fn merge_patch_status(&self, kind: &str, name: &str, patch: &Value) -> Value {
        let path = format!("{}/status", self.path(kind, Some(name)));
        passed(self.kubernetes.patch(&path, PatchKind::Merge, patch).await)
    }

    /// Deletes an object and, in the background, what it owns.
    pub async fn delete(&self, kind: &str, name: &str) {
        passed(self.kubernetes.delete(&self.path(kind, Some(name)), None).await);
    }

    /// Deletes an object and leaves what it owns behind as orphans.
    pub async fn delete_orphaning(&self, kind: &str, name: &str) {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"});
        let body = Some(("application/json", &options));
        passed(self.kubernetes.request(reqwest::Method::DELETE, &self.path(kind, Some(name)), body).await);
    }

    /// Deletes an object that shall take so long to go.
    pub async fn delete_with_grace(&self, kind: &str, name: &str, seconds: u32) {
        passed(self.kubernetes.delete(&self.path(kind, Some(name)), Some(seconds)).await);
    }

    /// Gives a container of a workload's template (or of a pod) another image, as `kubectl set image` does.
    pub async fn set_image(&self, kind: &str, name: &str, container: &str, image: &str) {
        let plural = resource(kind).1;
        if kind.contains('/') {
            // Kinds of others know no merging of lists.
            let object = self.get(kind, name).await;
            let containers = object["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
            let index = containers.iter().position(|one| one["name"] == container);
            let index = index.unwrap_or_else(|| panic!("{plural}/{name} has no container {container}"));
            let path = format!("/spec/template/spec/containers/{index}/image");
            self.json_patch(kind, name, &json!([{"op": "replace", "path": path, "value": image}])).await;
            return;
        }
        let spec = json!({"containers": [{"name": container, "image": image}]});
        let patch = match plural.as_str() {
            "pods" => json!({"spec": spec}),
            "cronjobs" => json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}),
            _ => json!({"spec": {"template": {"spec": spec}}}),
        };
        self.strategic_patch(kind, name, &patch).await;
    }

    /// Makes a job of a CronJob's template now, as `kubectl create job --from=cronjob/…` does.
    pub async fn run_cron_job(&self, cron_job: &str, job: &str) -> Value {
        let owner = self.get("cronjob", cron_job).await;
        let template = &owner["spec"]["jobTemplate"];
        let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), json!("manual"));
        let mut metadata = json!({"name": job, "annotations": annotations, "ownerReferences": [{
            "apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job, "uid": owner["metadata"]["uid"],
            "controller": true,
        }]});
        if let Some(labels) = template["metadata"].get("labels") {
            metadata["labels"] = labels.clone();
        }
        self.create(&json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"],
        }))
        .await
    }

    /// What `kubectl rollout restart` does, without waiting.
    pub async fn start_restart(&self, kind: &str, name: &str) {
        // Finer than kubectl's seconds, so that two restarts in one second are two.
        let now = jiff::Timestamp::now().to_string();
        let annotations = json!({"kubectl.kubernetes.io/restartedAt": now});
        let patch = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        self.strategic_patch(kind, name, &patch).await;
    }

    /// What `kubectl rollout restart` does, until the new pods run and the old ones are gone.
    pub async fn restart(&self, kind: &str, name: &str) -> Vec<Value> {
        self.start_restart(kind, name).await;
        self.wait_rolled_out(kind, name).await
    }

    /// Adds an ephemeral container to a pod, as `kubectl debug` does.
    pub async fn add_ephemeral_container(&self, pod: &str, name: &str, image: &str) {
        let path = format!("{}/ephemeralcontainers", self.path("pods", Some(pod)));
        let patch = json!({"spec": {"ephemeralContainers": [{"name": name, "image": image}]}});
        passed(self.kubernetes.patch(&path, PatchKind::Strategic, &patch).await);
    }

    /// Makes the namespace and, where somebody makes it, waits for what pods need there.
    pub(super) async fn establish(&self, controlled: bool) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}});
        passed(self.kubernetes.create("/api/v1/namespaces", &namespace).await);
        if controlled {
            self.wait_for("the default service account", "serviceaccount", "default", |_| true).await;
        }
    }
}

pub(super) fn passed<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure}"))
}
