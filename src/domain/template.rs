//! A workload's definition as it stands in the cluster: where its pod template asks for images, and how the kind
//! brings a changed template to its pods.
//!
//! Objects are kept as raw JSON. Typed structs drop the fields that they do not know, and a template that went
//! through them would lose what a newer server or a custom resource put there.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::diagnosis::{ContainerName, WorkloadName};
use super::workload::{PullPolicy, Role};

/// A definition, as far as a change needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// What it is called.
    pub workload: WorkloadName,
    /// `metadata.uid`: another object of the same name is somebody else.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Where the pod template is: a JSON pointer, empty for a pod itself.
    pub template: &'static str,
    /// Where the template asks for images, in the order of the document.
    pub slots: Vec<Slot>,
    /// The template's `imagePullSecrets`.
    pub pull_secrets: Vec<Arc<str>>,
    /// The template's `serviceAccountName`.
    pub service_account: Arc<str>,
    /// How the kind brings a changed template to its pods.
    pub replacement: Replacement,
    /// The raw object.
    pub object: Value,
    /// Who makes pods of the template, where that is another object.
    pub runner: Option<Runner>,
}

/// An object that takes its template from another one and makes the pods: an Argo Rollout with `spec.workloadRef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// What it is called.
    pub workload: WorkloadName,
    /// Its `metadata.uid`.
    pub uid: Arc<str>,
    /// Its `spec.replicas`.
    pub replicas: Option<u64>,
}

/// The reference of each container and image volume of a template.
pub type Asks = HashMap<ContainerName, Arc<str>>;

/// One place of a template that asks for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Which container or image volume.
    pub container: ContainerName,
    /// JSON pointer to the container or volume.
    pub pointer: String,
    /// The reference as written.
    pub image: Arc<str>,
    /// The pull policy that is written, if any.
    pub pull_policy: Option<PullPolicy>,
}

impl Slot {
    /// JSON pointer to the reference.
    #[must_use]
    pub fn image_pointer(&self) -> String {
        match self.container.role {
            Role::Volume => format!("{}/image/reference", self.pointer),
            _ => format!("{}/image", self.pointer),
        }
    }

    /// JSON pointer to the pull policy, whether it is there or not.
    #[must_use]
    pub fn policy_pointer(&self) -> String {
        match self.container.role {
            Role::Volume => format!("{}/image/pullPolicy", self.pointer),
            _ => format!("{}/imagePullPolicy", self.pointer),
        }
    }
}

/// How a changed template reaches the pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Replacement {
    /// The controller replaces its pods one after the other.
    Rollout,
    /// The same, but only those from this ordinal on (`spec.updateStrategy.rollingUpdate.partition`).
    Partition {
        /// Pods with a lower ordinal stay as they are.
        from: i64,
    },
    /// Nothing happens until somebody resumes it (`spec.paused`).
    Paused,
    /// A pod gets the new template when somebody deletes it.
    WhenDeleted {
        /// Why: the kind's nature or its strategy.
        because: String,
    },
    /// The next run uses it.
    NextRun {
        /// `spec.suspend`: there is no next run until somebody resumes it.
        suspended: bool,
    },
    /// The kubelet restarts the container within its pod.
    InPlace,
}

impl Replacement {
    /// Whether the pods that run now get the new template without anybody's doing.
    #[must_use]
    pub fn comes_by_itself(&self) -> bool {
        matches!(self, Self::Rollout | Self::Partition { .. } | Self::InPlace)
    }
}

/// Why a definition cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unchangeable {
    /// A Job's template is immutable.
    #[error(
        "the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`"
    )]
    Job,
    /// A static pod's mirror.
    #[error("a static pod is defined by a file on its node; change the image there")]
    StaticPod,
    /// The template is in another object, which is not there.
    #[error("its template is in `{}/{}`, which is not there", .0.kind.to_lowercase(), .0.name)]
    Elsewhere(WorkloadName),
    /// A copy of something else's template.
    #[error("{0} made it and keeps its template; name that one")]
    Controlled(String),
    /// No pod template where one could be.
    #[error("it has no pod template at `.spec.template`; what made its pods decides what they run")]
    NoTemplate,
}

impl Definition {
    /// Reads an object.
    ///
    /// # Errors
    /// Why its images cannot be changed.
    pub fn read(object: Value) -> Result<Self, Unchangeable> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        if let ("apps/v1", "ReplicaSet") | ("v1", "ReplicationController") = (api_version, kind) {
            // A Deployment's old ReplicaSets are its history.
            let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            let controller = owners.into_iter().flatten().find(|owner| owner["controller"] == Value::Bool(true));
            if let Some(controller) = controller {
                let text = |field: &str| controller[field].as_str().unwrap_or_default();
                return Err(Unchangeable::Controlled(format!("`{}/{}`", text("kind").to_lowercase(), text("name"))));
            }
        }
        let template = match (api_version, kind) {
            ("v1", "Pod") if object.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some() => {
                return Err(Unchangeable::StaticPod);
            }
            ("v1", "Pod") => "",
            (batch, "Job") if batch.starts_with("batch/") => return Err(Unchangeable::Job),
            (batch, "CronJob") if batch.starts_with("batch/") => "/spec/jobTemplate/spec/template",
            _ => "/spec/template",
        };
        let spec = format!("{template}/spec");
        if object.pointer(&format!("{spec}/containers")).and_then(Value::as_array).is_none() {
            let reference = |field: &str| text(&format!("/spec/workloadRef/{field}"));
            return Err(match (reference("apiVersion"), reference("kind"), reference("name")) {
                (_, "", _) | (_, _, "") => Unchangeable::NoTemplate,
                (api_version, kind, name) => Unchangeable::Elsewhere(WorkloadName {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    name: name.into(),
                }),
            });
        }
        let pod = object.pointer(&spec).unwrap_or(&Value::Null);
        let secrets = pod["imagePullSecrets"].as_array().into_iter().flatten();
        Ok(Self {
            namespace: text("/metadata/namespace").into(),
            workload: WorkloadName {
                api_version: api_version.into(),
                kind: kind.into(),
                name: text("/metadata/name").into(),
            },
            uid: text("/metadata/uid").into(),
            resource_version: text("/metadata/resourceVersion").to_owned(),
            template,
            slots: slots(&spec, pod),
            pull_secrets: secrets.filter_map(|secret| secret["name"].as_str()).map(Into::into).collect(),
            service_account: pod["serviceAccountName"].as_str().unwrap_or("default").into(),
            replacement: replacement(api_version, kind, &object),
            object,
            runner: None,
        })
    }

    /// The same where the pods are those of `runner`, which only takes the template from here.
    #[must_use]
    pub fn run_by(self, runner: &Value) -> Self {
        let text = |pointer: &str| runner.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        Self {
            replacement: replacement(api_version, kind, runner),
            runner: Some(Runner {
                workload: WorkloadName {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    name: text("/metadata/name").into(),
                },
                uid: text("/metadata/uid").into(),
                replicas: runner["spec"]["replicas"].as_u64(),
            }),
            ..self
        }
    }

    /// The workload whose pods run the template.
    #[must_use]
    pub fn runs_as(&self) -> &WorkloadName {
        self.runner.as_ref().map_or(&self.workload, |runner| &runner.workload)
    }

    /// Its UID.
    #[must_use]
    pub fn runs_as_uid(&self) -> &Arc<str> {
        self.runner.as_ref().map_or(&self.uid, |runner| &runner.uid)
    }

    /// The slot of a container.
    #[must_use]
    pub fn slot(&self, container: &ContainerName) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.container == *container)
    }

    /// What each place asks for.
    #[must_use]
    pub fn asks(&self) -> Asks {
        self.slots.iter().map(|slot| (slot.container.clone(), Arc::clone(&slot.image))).collect()
    }

    /// How many pods it is to have, where it says so.
    #[must_use]
    pub fn wanted_pods(&self) -> Option<usize> {
        if let Some(runner) = &self.runner {
            return runner.replicas.and_then(|count| usize::try_from(count).ok());
        }
        let count =
            self.object["spec"]["replicas"].as_u64().or(self.object["status"]["desiredNumberScheduled"].as_u64());
        count.and_then(|count| usize::try_from(count).ok())
    }

    /// `spec.minReadySeconds`.
    #[must_use]
    pub fn min_ready_seconds(&self) -> u64 {
        self.object["spec"]["minReadySeconds"].as_u64().unwrap_or_default()
    }

    /// Whether somebody keeps its images by server-side apply: the next apply of theirs meets the field's new manager.
    #[must_use]
    pub fn applied_by(&self) -> Option<&str> {
        let managers = self.object["metadata"]["managedFields"].as_array()?;
        let applies =
            |entry: &&Value| entry["operation"] == "Apply" && entry["fieldsV1"].to_string().contains("\"f:image\"");
        managers.iter().find(applies).and_then(|entry| entry["manager"].as_str())
    }

    /// An annotation of the object itself.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.object["metadata"]["annotations"].get(key)?.as_str()
    }

    /// The same annotation of the object and of its pod template.
    pub fn everywhere(&self, key: &str) -> impl Iterator<Item = &str> {
        let of_pods = self.object.pointer(&format!("{}/metadata/annotations", self.template));
        let of_pods = of_pods.and_then(|annotations| annotations.get(key)?.as_str());
        self.annotation(key).into_iter().chain(of_pods.filter(|_| !self.template.is_empty()))
    }

    /// Whether it has annotations at all: a JSON patch cannot add to what is not there.
    #[must_use]
    pub fn has_annotations(&self) -> bool {
        self.object["metadata"]["annotations"].is_object()
    }
}

fn slots(spec: &str, pod: &Value) -> Vec<Slot> {
    let list = |field: &'static str| pod[field].as_array().into_iter().flatten().enumerate();
    let name = |item: &Value| -> Arc<str> { item["name"].as_str().unwrap_or_default().into() };
    let container = |field: &'static str, (place, item): (usize, &Value)| {
        let role = match (field, item["restartPolicy"].as_str()) {
            ("initContainers", Some("Always")) => Role::Sidecar,
            ("initContainers", _) => Role::Init,
            _ => Role::Container,
        };
        Some(Slot {
            container: ContainerName { name: name(item), role },
            pointer: format!("{spec}/{field}/{place}"),
            image: item["image"].as_str()?.into(),
            pull_policy: policy(&item["imagePullPolicy"]),
        })
    };
    let volume = |(place, item): (usize, &Value)| {
        Some(Slot {
            container: ContainerName { name: name(item), role: Role::Volume },
            pointer: format!("{spec}/volumes/{place}"),
            image: item["image"]["reference"].as_str()?.into(),
            pull_policy: policy(&item["image"]["pullPolicy"]),
        })
    };
    let init = list("initContainers").filter_map(|item| container("initContainers", item));
    let ordinary = list("containers").filter_map(|item| container("containers", item));
    init.chain(ordinary).chain(list("volumes").filter_map(volume)).collect()
}

fn policy(value: &Value) -> Option<PullPolicy> {
    PullPolicy::ALL.into_iter().find(|policy| value.as_str() == Some(policy.as_str()))
}

fn replacement(api_version: &str, kind: &str, object: &Value) -> Replacement {
    let spec = &object["spec"];
    let on_delete = || Replacement::WhenDeleted { because: "its update strategy is OnDelete".to_owned() };
    match (api_version, kind) {
        ("v1", "Pod") => Replacement::InPlace,
        ("v1", "ReplicationController") | ("apps/v1", "ReplicaSet") => {
            Replacement::WhenDeleted { because: format!("a {kind} does not replace its pods") }
        }
        ("apps/v1", "StatefulSet" | "DaemonSet") if spec["updateStrategy"]["type"] == "OnDelete" => on_delete(),
        ("apps/v1", "StatefulSet") => match spec["updateStrategy"]["rollingUpdate"]["partition"].as_i64() {
            Some(from) if from > 0 => Replacement::Partition { from },
            _ => Replacement::Rollout,
        },
        (batch, "CronJob") if batch.starts_with("batch/") => {
            Replacement::NextRun { suspended: spec["suspend"] == Value::Bool(true) }
        }
        _ if spec["paused"] == Value::Bool(true) => Replacement::Paused,
        _ => Replacement::Rollout,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(api_version: &str, kind: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": api_version, "kind": kind, "spec": spec,
            "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
        })
    }

    fn pod() -> Value {
        json!({
            "serviceAccountName": "robot", "imagePullSecrets": [{"name": "s1"}],
            "initContainers": [
                {"name": "migrate", "image": "m:1"},
                {"name": "proxy", "image": "p:1", "restartPolicy": "Always", "imagePullPolicy": "Always"},
            ],
            "containers": [{"name": "app", "image": "a:1"}, {"name": "bare"}],
            "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "models", "image": {"reference": "v:1", "pullPolicy": "Never"}}],
        })
    }

    #[test]
    fn every_place_that_asks_for_an_image_is_found_with_its_pointer() {
        let object = workload("apps/v1", "Deployment", &json!({"template": {"spec": pod()}}));
        let definition = Definition::read(object).unwrap();
        let found: Vec<_> = definition
            .slots
            .iter()
            .map(|slot| (&*slot.container.name, slot.container.role, slot.image_pointer(), slot.pull_policy))
            .collect();
        let at = |rest: &str| format!("/spec/template/spec/{rest}");
        assert_eq!(
            found,
            [
                ("migrate", Role::Init, at("initContainers/0/image"), None),
                ("proxy", Role::Sidecar, at("initContainers/1/image"), Some(PullPolicy::Always)),
                ("app", Role::Container, at("containers/0/image"), None),
                ("models", Role::Volume, at("volumes/1/image/reference"), Some(PullPolicy::Never)),
            ]
        );
        assert_eq!(definition.slots[3].policy_pointer(), at("volumes/1/image/pullPolicy"));
        assert_eq!((&*definition.service_account, definition.pull_secrets.len()), ("robot", 1));
    }

    #[test]
    fn each_kind_says_how_a_change_reaches_its_pods() {
        let when = |because: &str| Replacement::WhenDeleted { because: because.to_owned() };
        for (api_version, kind, more, expected) in [
            ("apps/v1", "Deployment", json!({}), Replacement::Rollout),
            ("apps/v1", "Deployment", json!({"paused": true}), Replacement::Paused),
            ("apps/v1", "StatefulSet", json!({}), Replacement::Rollout),
            (
                "apps/v1",
                "StatefulSet",
                json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}),
                Replacement::Partition { from: 2 },
            ),
            (
                "apps/v1",
                "StatefulSet",
                json!({"updateStrategy": {"type": "OnDelete"}}),
                when("its update strategy is OnDelete"),
            ),
            (
                "apps/v1",
                "DaemonSet",
                json!({"updateStrategy": {"type": "OnDelete"}}),
                when("its update strategy is OnDelete"),
            ),
            ("apps/v1", "ReplicaSet", json!({}), when("a ReplicaSet does not replace its pods")),
            ("v1", "ReplicationController", json!({}), when("a ReplicationController does not replace its pods")),
            ("argoproj.io/v1alpha1", "Rollout", json!({}), Replacement::Rollout),
            ("argoproj.io/v1alpha1", "Rollout", json!({"paused": true}), Replacement::Paused),
        ] {
            let mut spec = more;
            spec["template"] = json!({"spec": pod()});
            let definition = Definition::read(workload(api_version, kind, &spec)).unwrap();
            assert_eq!(definition.replacement, expected, "{kind}");
        }
        let spec = json!({"suspend": true, "jobTemplate": {"spec": {"template": {"spec": pod()}}}});
        let cron_job = Definition::read(workload("batch/v1", "CronJob", &spec)).unwrap();
        assert_eq!(cron_job.replacement, Replacement::NextRun { suspended: true });
        assert!(cron_job.slots[0].pointer.starts_with("/spec/jobTemplate/spec/template/spec/initContainers/0"));
        let bare = Definition::read(workload("v1", "Pod", &pod())).unwrap();
        assert_eq!(
            (bare.replacement, bare.slots[2].image_pointer()),
            (Replacement::InPlace, "/spec/containers/0/image".to_owned())
        );
    }

    #[test]
    fn a_definition_says_how_many_pods_it_is_to_have() {
        let mut set = workload("apps/v1", "ReplicaSet", &json!({"replicas": 3, "template": {"spec": pod()}}));
        assert_eq!(Definition::read(set.clone()).unwrap().wanted_pods(), Some(3));
        set["spec"]["replicas"] = Value::Null;
        assert_eq!(Definition::read(set.clone()).unwrap().wanted_pods(), None);
        set["status"] = json!({"desiredNumberScheduled": 2});
        assert_eq!(Definition::read(set).unwrap().wanted_pods(), Some(2));
    }

    #[test]
    fn a_replica_set_of_a_deployment_is_no_workload_of_its_own() {
        let mut set = workload("apps/v1", "ReplicaSet", &json!({"template": {"spec": pod()}}));
        assert!(Definition::read(set.clone()).is_ok());
        set["metadata"]["ownerReferences"] = json!([{"kind": "Deployment", "name": "web", "controller": true}]);
        assert_eq!(Definition::read(set), Err(Unchangeable::Controlled("`deployment/web`".to_owned())));
    }

    #[test]
    fn server_side_apply_is_known_by_the_manager_of_the_image() {
        let mut object = workload("apps/v1", "Deployment", &json!({"template": {"spec": pod()}}));
        assert_eq!(Definition::read(object.clone()).unwrap().applied_by(), None);
        let fields =
            json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}});
        object["metadata"]["managedFields"] = json!([
            {"manager": "kubectl-create", "operation": "Update", "fieldsV1": fields},
            {"manager": "kubectl", "operation": "Apply", "fieldsV1": fields},
        ]);
        assert_eq!(Definition::read(object).unwrap().applied_by(), Some("kubectl"));
    }

    #[test]
    fn a_template_that_another_object_runs_is_rolled_out_by_that_one() {
        let spec = json!({"replicas": 0, "paused": true, "template": {"spec": pod()}});
        let own = Definition::read(workload("apps/v1", "Deployment", &spec)).unwrap();
        assert_eq!((&*own.runs_as().kind, &**own.runs_as_uid(), own.wanted_pods()), ("Deployment", "u", Some(0)));
        let mut rollout = workload("argoproj.io/v1alpha1", "Rollout", &json!({"replicas": 2}));
        rollout["metadata"]["uid"] = "r".into();
        let run = own.run_by(&rollout);
        assert_eq!((&*run.runs_as().kind, &**run.runs_as_uid(), run.wanted_pods()), ("Rollout", "r", Some(2)));
        assert_eq!((&*run.workload.kind, &*run.uid, &run.replacement), ("Deployment", "u", &Replacement::Rollout));
        rollout["spec"]["paused"] = true.into();
        assert_eq!(run.run_by(&rollout).replacement, Replacement::Paused);
    }

    #[test]
    fn what_cannot_be_changed_says_why() {
        let template = json!({"template": {"spec": pod()}});
        assert_eq!(Definition::read(workload("batch/v1", "Job", &template)), Err(Unchangeable::Job));
        assert_eq!(
            Definition::read(workload("example.com/v1", "Database", &json!({"size": 3}))),
            Err(Unchangeable::NoTemplate)
        );
        let reference = json!({"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}});
        assert_eq!(
            Definition::read(workload("argoproj.io/v1alpha1", "Rollout", &reference)),
            Err(Unchangeable::Elsewhere(WorkloadName {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                name: "web".into(),
            }))
        );
        let mut mirror = workload("v1", "Pod", &pod());
        mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        assert_eq!(Definition::read(mirror), Err(Unchangeable::StaticPod));
        for nonsense in
            [json!(null), json!([]), json!({"spec": 1}), json!({"spec": {"template": {"spec": {"containers": 1}}}})]
        {
            assert_eq!(Definition::read(nonsense), Err(Unchangeable::NoTemplate));
        }
    }
}
