//! ReplicaSets and ReplicationControllers: as many pods as asked for.

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{is_terminating, name, number, object_at, timestamp};
use crate::store::selector::LabelSelector;

use super::Context;
use super::pods::{by_dispensability, from_template, is_active, is_available, is_ready, set_count};

/// Brings the pods of a ReplicaSet or ReplicationController to the wanted number.
pub fn reconcile(context: &Context, resource: &str, owner: &Value) -> ApiResult<()> {
    let (api_version, kind) =
        if resource == "replicasets.apps" { ("apps/v1", "ReplicaSet") } else { ("v1", "ReplicationController") };
    let all = context.children(owner, "pods");
    let (active, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|pod| is_active(pod.value()));
    let terminating = others.iter().filter(|pod| is_terminating(pod.value())).count();
    let wanted = usize::try_from(number(owner, "/spec/replicas").unwrap_or(1)).unwrap_or(0);

    let mut refused = None;
    if !is_terminating(owner) {
        for _ in active.len()..wanted {
            let mut pod = from_template(&owner["spec"]["template"], owner, api_version, kind);
            pod["metadata"]["generateName"] = format!("{}-", name(owner)).into();
            if let Err(error) = context.create_pod(owner, pod) {
                refused = Some(error.message);
                break;
            }
        }
        if active.len() > wanted {
            for pod in by_dispensability(active.clone()).iter().take(active.len() - wanted) {
                context.delete("pods", pod.value());
            }
        }
    }

    // Counted anew, for pods were made or deleted just now.
    let current = context.children(owner, "pods");
    let active: Vec<_> = current.iter().filter(|pod| is_active(pod.value())).collect();
    let ready = active.iter().filter(|pod| is_ready(pod.value())).count();
    let available = active.iter().filter(|pod| is_available(pod.value(), owner)).count();
    let labelled = LabelSelector::from_object(&serde_json::json!({
        "matchLabels": owner["spec"]["template"]["metadata"]["labels"],
    }));
    let fully_labelled = active.iter().filter(|pod| labelled.matches(pod.value().pointer("/metadata/labels"))).count();
    context.change_status(resource, owner, |object| {
        let generation = object["metadata"]["generation"].clone();
        let status = object_at(object, &["status"]);
        status.insert("replicas".into(), active.len().into());
        set_count(status, "fullyLabeledReplicas", fully_labelled);
        set_count(status, "readyReplicas", ready);
        set_count(status, "availableReplicas", available);
        if kind == "ReplicaSet" {
            status.insert("terminatingReplicas".into(), terminating.into());
        }
        status.insert("observedGeneration".into(), generation);
        let before = status.remove("conditions");
        if let Some(message) = refused {
            // The first message stays, as with the real controller: each one names another pod, and a condition that changed
            // with each try would be the reason for the next one.
            let known = before.filter(|before| before[0]["reason"] == "FailedCreate");
            let condition = || {
                let now = timestamp(jiff::Timestamp::now());
                json!([{
                    "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message,
                    "lastTransitionTime": now,
                }])
            };
            status.insert("conditions".into(), known.unwrap_or_else(condition));
        }
    })?;
    Ok(())
}

/// The available pods that a ReplicaSet reports.
pub fn available(replica_set: &Value) -> usize {
    usize::try_from(number(replica_set, "/status/availableReplicas").unwrap_or(0)).unwrap_or(0)
}

/// Whether the pod template asks for the same as another one, the hash label aside.
pub fn same_template(left: &Value, right: &Value) -> bool {
    let strip = |template: &Value| {
        let mut template = template.clone();
        let labels = object_at(&mut template, &["metadata", "labels"]);
        labels.remove("pod-template-hash");
        if labels.is_empty() {
            object_at(&mut template, &["metadata"]).remove("labels");
        }
        object_at(&mut template, &["metadata"]).remove("creationTimestamp");
        template
    };
    strip(left) == strip(right)
}
