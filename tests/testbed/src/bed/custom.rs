//! A kind that Kubernetes does not know and that owns pods, as Argo's Rollout does: its definition, and a controller for
//! it that is a client of the API, so that it works on both beds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kubernetes::{Kubernetes, PatchKind};
use super::namespace::{Namespace, passed};
use super::{Bed, DEADLINE};
use crate::client::Failure;
use crate::store::object::{controller_of, flag, name, number, safe_hash, text, uid};

/// How [`Namespace`]'s methods call the objects of [`Bed::define_rollouts`].
pub const ROLLOUTS: &str = "argoproj.io/v1alpha1/rollouts";

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The label by which the controller tells the pods of templates apart.
const HASH_LABEL: &str = "rollouts-pod-template-hash";

const PAUSE: Duration = Duration::from_millis(100);

impl Bed {
    /// Teaches the cluster a namespaced kind of any form, with a status of its own, and waits until it is served. It
    /// stays for the stories that come after. Answers how [`Namespace`]'s methods call its objects.
    pub async fn define_kind(&self, group: &str, version: &str, kind: &str, short_names: &[&str]) -> String {
        let singular = kind.to_lowercase();
        let plural = format!("{singular}s");
        let versions = json!([{
            "name": version, "served": true, "storage": true, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        }]);
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced", "versions": versions,
                "names": {"kind": kind, "plural": plural, "singular": singular, "shortNames": short_names},
            },
        });
        if self.kubernetes().create(DEFINITIONS, &definition).await.is_err() {
            // Another story was first, and may have left the status out.
            let path = format!("{DEFINITIONS}/{plural}.{group}");
            passed(self.kubernetes().patch(&path, PatchKind::Merge, &json!({"spec": {"versions": versions}})).await);
        }
        let started = Instant::now();
        let objects = format!("{group}/{version}/{plural}");
        loop {
            let served = self.kubernetes().get(&format!("/apis/{group}/{version}")).await.is_ok_and(|list| {
                let resources = list["resources"].as_array().cloned().unwrap_or_default();
                resources.iter().any(|resource| resource["name"] == format!("{plural}/status"))
            });
            if served && self.kubernetes().get(&self.path(&objects, None)).await.is_ok() {
                return objects;
            }
            assert!(started.elapsed() < DEADLINE, "waited in vain for {objects} to be served");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Teaches the cluster [`ROLLOUTS`]. Nothing acts on them until [`Bed::run_rollout_controller`].
    pub async fn define_rollouts(&self) {
        self.define_kind("argoproj.io", "v1alpha1", "Rollout", &["ro"]).await;
    }

    /// Acts on the rollouts of the story's namespace until the bed is dropped: one ReplicaSet for each template, the new
    /// one scaled up and then the old ones down. The status is in Argo's form, `observedGeneration` a text and all.
    pub fn run_rollout_controller(&self) {
        let namespace = Namespace::new(Arc::new(self.kubernetes().clone()), self.name());
        self.with(|mutable| {
            mutable.tasks.spawn(async move {
                loop {
                    // A failure (the object changed meanwhile, the server is away) needs no more than another round.
                    let _ = round(&namespace).await;
                    tokio::time::sleep(PAUSE).await;
                }
            })
        });
    }
}

async fn round(namespace: &Namespace) -> Result<(), Failure> {
    let rollouts = namespace.try_list(ROLLOUTS, "").await?;
    let sets = namespace.try_list("replicasets", "").await?;
    for rollout in rollouts.iter().filter(|rollout| rollout["metadata"]["deletionTimestamp"].is_null()) {
        let template = referenced(namespace, rollout).await?;
        let own = |set: &&Value| controller_of(set).is_some_and(|owner| text(owner, "/uid") == uid(rollout));
        step(namespace, rollout, template.as_ref(), &sets.iter().filter(own).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// The deployment that `spec.workloadRef` takes the template from.
async fn referenced(namespace: &Namespace, rollout: &Value) -> Result<Option<Value>, Failure> {
    match text(rollout, "/spec/workloadRef/name") {
        "" => Ok(None),
        name => namespace.kubernetes().find(&namespace.path("deployment", Some(name))).await,
    }
}

fn count(object: &Value, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

async fn step(
    namespace: &Namespace,
    rollout: &Value,
    template: Option<&Value>,
    sets: &[&Value],
) -> Result<(), Failure> {
    let kubernetes = namespace.kubernetes();
    let as_written = rollout;
    let mut rollout = rollout.clone();
    if let Some(template) = template {
        rollout["spec"]["template"] = template["spec"]["template"].clone();
    }
    let rollout = &rollout;
    let hash = safe_hash(&rollout["spec"]["template"]);
    let wanted = number(rollout, "/spec/replicas").unwrap_or(1);
    let paused = flag(rollout, "/spec/paused");
    let (new, old): (Vec<&Value>, Vec<&Value>) =
        sets.iter().partition(|set| set["metadata"]["labels"][HASH_LABEL] == hash.as_str());
    let new = new.first().copied();
    match new {
        _ if paused => {}
        None => {
            kubernetes.create(&namespace.path("replicaset", None), &replica_set(rollout, &hash, wanted)).await?;
        }
        Some(new) if count(new, "/spec/replicas") != wanted => scale(kubernetes, namespace, new, wanted).await?,
        Some(new) if count(new, "/status/availableReplicas") >= wanted => {
            for set in old.iter().filter(|set| count(set, "/spec/replicas") > 0) {
                scale(kubernetes, namespace, set, 0).await?;
            }
        }
        Some(_) => {}
    }

    let sum = |pointer: &str| sets.iter().map(|set| count(set, pointer)).sum::<i64>();
    let replicas = sum("/status/replicas");
    let updated = new.map_or(0, |set| count(set, "/status/replicas"));
    let of_new_available = new.map_or(0, |set| count(set, "/status/availableReplicas"));
    let is_complete = replicas == wanted && updated == wanted && of_new_available == wanted;
    let phase = match (paused, is_complete) {
        (true, _) => "Paused",
        (false, true) => "Healthy",
        (false, false) => "Progressing",
    };
    let mut status = json!({
        "observedGeneration": count(rollout, "/metadata/generation").to_string(), "phase": phase,
        "currentPodHash": hash, "replicas": replicas, "updatedReplicas": updated,
        "readyReplicas": sum("/status/readyReplicas"), "availableReplicas": sum("/status/availableReplicas"),
    });
    if let Some(template) = template {
        status["workloadObservedGeneration"] = count(template, "/metadata/generation").to_string().into();
    }
    if as_written["status"] != status {
        let path = format!("{}/status", namespace.path(ROLLOUTS, Some(name(rollout))));
        // Only onto what was looked at: a template that changed meanwhile is not observed.
        let version = rollout["metadata"]["resourceVersion"].clone();
        let patch = json!({"metadata": {"resourceVersion": version}, "status": status});
        kubernetes.patch(&path, PatchKind::Merge, &patch).await?;
    }
    Ok(())
}

async fn scale(kubernetes: &Kubernetes, namespace: &Namespace, set: &Value, replicas: i64) -> Result<(), Failure> {
    let path = namespace.path("replicaset", Some(name(set)));
    kubernetes.patch(&path, PatchKind::Merge, &json!({"spec": {"replicas": replicas}})).await.map(drop)
}

fn replica_set(rollout: &Value, hash: &str, replicas: i64) -> Value {
    let mut template = rollout["spec"]["template"].clone();
    template["metadata"]["labels"][HASH_LABEL] = json!(hash);
    let labels = template["metadata"]["labels"].clone();
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", name(rollout)), "labels": labels,
            "ownerReferences": [{
                "apiVersion": rollout["apiVersion"], "kind": rollout["kind"], "name": name(rollout), "uid": uid(rollout),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    })
}
