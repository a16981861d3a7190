//! What all controllers do with pods: make them from a template, and count them.

use serde_json::{Value, json};

use crate::store::object::{Object, flag, is_terminating, items, number, object_at, text};
use crate::store::owner_reference;

/// A pod from the template at `template`, owned by `owner`; the caller names it.
pub fn from_template(template: &Value, owner: &Value, api_version: &str, kind: &str) -> Value {
    let mut metadata = json!({
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner, api_version, kind)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// Adds labels to an object.
pub fn label(object: &mut Value, labels: &[(&str, &str)]) {
    let map = object_at(object, &["metadata", "labels"]);
    for (key, value) in labels {
        map.insert((*key).to_owned(), (*value).into());
    }
}

/// Whether a condition of the pod is true.
pub fn has_condition(pod: &Value, kind: &str) -> bool {
    items(pod, "/status/conditions").iter().any(|one| text(one, "/type") == kind && text(one, "/status") == "True")
}

/// Whether the pod is ready and not on its way out.
pub fn is_ready(pod: &Value) -> bool {
    has_condition(pod, "Ready") && !is_terminating(pod)
}

/// Whether the pod has been ready for as long as its owner's `minReadySeconds` asks.
pub fn is_available(pod: &Value, owner: &Value) -> bool {
    let least = number(owner, "/spec/minReadySeconds").unwrap_or(0);
    let ready = items(pod, "/status/conditions").iter().find(|one| text(one, "/type") == "Ready");
    let since: Option<jiff::Timestamp> = ready.and_then(|one| text(one, "/lastTransitionTime").parse().ok());
    is_ready(pod)
        && (least == 0 || since.is_some_and(|since| jiff::Timestamp::now().as_second() - since.as_second() >= least))
}

/// Whether the pod has come to its end.
pub fn is_finished(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether the pod counts for its controller.
pub fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !is_terminating(pod)
}

/// The pods in the order in which a controller lets go of them: not placed, not ready, youngest first.
pub fn by_dispensability(mut pods: Vec<std::sync::Arc<Object>>) -> Vec<std::sync::Arc<Object>> {
    pods.sort_by_key(|pod| {
        let pod = pod.value();
        let age = text(pod, "/metadata/creationTimestamp").to_owned();
        (!text(pod, "/spec/nodeName").is_empty(), is_ready(pod), std::cmp::Reverse(age))
    });
    pods
}

/// A number of a status, which the real API leaves out when it is zero.
pub fn set_count(status: &mut serde_json::Map<String, Value>, field: &str, count: usize) {
    if count == 0 {
        status.remove(field);
    } else {
        status.insert(field.to_owned(), count.into());
    }
}

/// Whether a rollout is held.
pub fn is_paused(object: &Value) -> bool {
    flag(object, "/spec/paused")
}
