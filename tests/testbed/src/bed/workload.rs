//! Makes the JSON of workloads: a pod's spec first, then whatever shall own it.

use serde_json::{Value, json};

/// A pod's spec under construction.
#[derive(Debug, Clone)]
pub struct PodTemplate {
    spec: Value,
    annotations: Value,
}

impl PodTemplate {
    /// A pod with one container. No pull policy is written: the API server's default applies.
    #[must_use]
    pub fn new(container: &str, image: &str) -> Self {
        let spec = json!({
            // One second and not none: with none the object is gone before its container is.
            "terminationGracePeriodSeconds": 1,
            "containers": [],
        });
        Self { spec, annotations: json!({}) }.container(container, image)
    }

    /// One more container.
    #[must_use]
    pub fn container(self, name: &str, image: &str) -> Self {
        self.push("containers", json!({"name": name, "image": image}))
    }

    /// An init container that ends at once.
    #[must_use]
    pub fn init(self, name: &str, image: &str) -> Self {
        self.push("initContainers", json!({"name": name, "image": image, "command": ["/bin/busybox", "true"]}))
    }

    /// A sidecar: an init container that keeps running.
    #[must_use]
    pub fn sidecar(self, name: &str, image: &str) -> Self {
        self.push("initContainers", json!({"name": name, "image": image, "restartPolicy": "Always"}))
    }

    /// An image as a volume, mounted in the first container.
    #[must_use]
    pub fn image_volume(mut self, name: &str, image: &str, mount_path: &str) -> Self {
        let mount = json!({"name": name, "mountPath": mount_path});
        match self.spec["containers"][0]["volumeMounts"].as_array_mut() {
            Some(mounts) => mounts.push(mount),
            None => self.spec["containers"][0]["volumeMounts"] = json!([mount]),
        }
        self.push("volumes", json!({"name": name, "image": {"reference": image}}))
    }

    /// The pull policy of the container that was added last.
    #[must_use]
    pub fn policy(self, policy: &str) -> Self {
        self.last("imagePullPolicy", json!(policy))
    }

    /// What the container that was added last runs.
    #[must_use]
    pub fn command(self, command: &[&str]) -> Self {
        self.last("command", json!(command))
    }

    /// The last container ends at once and well.
    #[must_use]
    pub fn that_completes(self) -> Self {
        self.command(&["/bin/busybox", "true"])
    }

    /// The last container ends at once and badly.
    #[must_use]
    pub fn that_crashes(self) -> Self {
        self.command(&["/bin/busybox", "false"])
    }

    /// Lets the scheduler choose this node only.
    #[must_use]
    pub fn on_node(self, node: &str) -> Self {
        self.field("nodeSelector", json!({"kubernetes.io/hostname": node}))
    }

    /// Binds the pod to the node without the scheduler.
    #[must_use]
    pub fn bound_to_node(self, node: &str) -> Self {
        self.field("nodeName", json!(node))
    }

    /// One more pull secret.
    #[must_use]
    pub fn pull_secret(self, name: &str) -> Self {
        self.push("imagePullSecrets", json!({"name": name}))
    }

    /// The service account.
    #[must_use]
    pub fn service_account(self, name: &str) -> Self {
        self.field("serviceAccountName", json!(name))
    }

    /// `Always`, `OnFailure` or `Never`.
    #[must_use]
    pub fn restart_policy(self, policy: &str) -> Self {
        self.field("restartPolicy", json!(policy))
    }

    /// An annotation of the template.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations[key] = json!(value);
        self
    }

    /// Any other field of the spec.
    #[must_use]
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.spec[key] = value;
        self
    }

    fn push(mut self, list: &str, item: Value) -> Self {
        match self.spec[list].as_array_mut() {
            Some(items) => items.push(item),
            None => self.spec[list] = json!([item]),
        }
        if list.ends_with("ontainers") {
            self.spec["testbedLast"] = json!(list);
        }
        self
    }

    /// Sets a field of the container that was added last, in whichever list that was.
    fn last(mut self, key: &str, value: Value) -> Self {
        let list = self.spec["testbedLast"].as_str().unwrap_or("containers").to_owned();
        let container = self.spec[&list].as_array_mut().and_then(|items| items.last_mut());
        container.expect("a template has a container")[key] = value;
        self
    }

    fn finished_spec(&self) -> Value {
        let mut spec = self.spec.clone();
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("testbedLast");
        }
        spec
    }

    fn template(&self, name: &str) -> Value {
        let mut metadata = json!({"labels": {"app": name}});
        if self.annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
            metadata["annotations"] = self.annotations.clone();
        }
        json!({"metadata": metadata, "spec": self.finished_spec()})
    }

    /// A bare pod.
    #[must_use]
    pub fn pod(&self, name: &str) -> Value {
        let mut pod = self.template(name);
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!(name);
        pod
    }

    /// A Deployment.
    #[must_use]
    pub fn deployment(&self, name: &str, replicas: u32) -> Value {
        self.owned("apps/v1", "Deployment", name, json!({"replicas": replicas}))
    }

    /// A ReplicaSet without a Deployment.
    #[must_use]
    pub fn replica_set(&self, name: &str, replicas: u32) -> Value {
        self.owned("apps/v1", "ReplicaSet", name, json!({"replicas": replicas}))
    }

    /// A StatefulSet whose pods start side by side.
    #[must_use]
    pub fn stateful_set(&self, name: &str, replicas: u32) -> Value {
        let spec = json!({"replicas": replicas, "serviceName": name, "podManagementPolicy": "Parallel"});
        self.owned("apps/v1", "StatefulSet", name, spec)
    }

    /// A DaemonSet.
    #[must_use]
    pub fn daemon_set(&self, name: &str) -> Value {
        self.owned("apps/v1", "DaemonSet", name, json!({}))
    }

    /// A ReplicationController.
    #[must_use]
    pub fn replication_controller(&self, name: &str, replicas: u32) -> Value {
        let mut controller = self.owned("v1", "ReplicationController", name, json!({"replicas": replicas}));
        controller["spec"]["selector"] = json!({"app": name});
        controller
    }

    /// One of [`ROLLOUTS`](super::ROLLOUTS).
    #[must_use]
    pub fn rollout(&self, name: &str, replicas: u32) -> Value {
        self.owned("argoproj.io/v1alpha1", "Rollout", name, json!({"replicas": replicas}))
    }

    /// A Job of one pod that is tried once.
    #[must_use]
    pub fn job(&self, name: &str) -> Value {
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": self.clone().restart_policy("Never").template(name)},
        })
    }

    /// A CronJob; `schedule` as in crontabs.
    #[must_use]
    pub fn cron_job(&self, name: &str, schedule: &str) -> Value {
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
            "spec": {"schedule": schedule, "jobTemplate": {"spec": self.job(name)["spec"]}},
        })
    }

    fn owned(&self, api_version: &str, kind: &str, name: &str, mut spec: Value) -> Value {
        spec["selector"] = json!({"matchLabels": {"app": name}});
        spec["template"] = self.template(name);
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec})
    }
}

/// A pull secret of type `kubernetes.io/dockerconfigjson`; the keys are hosts, URLs, globs or paths.
#[must_use]
pub fn pull_secret(name: &str, logins: &[(&str, &str, &str)]) -> Value {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let mut auths = json!({});
    for (key, user, password) in logins {
        auths[*key] = json!({
            "username": user, "password": password, "auth": base64.encode(format!("{user}:{password}")),
        });
    }
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "metadata": {"name": name},
        "data": {".dockerconfigjson": base64.encode(json!({"auths": auths}).to_string())},
    })
}
