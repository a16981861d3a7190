//! The scheduler: a node for each pod that has none, spread as evenly as possible.

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{controller_of, flag, is_terminating, items, name, namespace, now, object_at, text};

use super::Context;
use super::daemonset::node_of;
use super::pods::is_finished;

/// Whether a node has the labels that the pod's spec selects.
pub fn fits_selector(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    spec["nodeSelector"].as_object().into_iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

/// Binds a pod to a node.
pub fn schedule(context: &Context, pod: &Value) -> ApiResult<()> {
    if !text(pod, "/spec/nodeName").is_empty() || is_terminating(pod) || is_finished(pod) {
        return Ok(());
    }
    let store = &context.server.store;
    let nodes = store.list("nodes", None).1;
    let bound_to = node_of(pod);
    let candidates: Vec<&str> = nodes
        .iter()
        .map(|node| node.value())
        .filter(|node| fits_selector(&pod["spec"], node))
        .filter(|node| bound_to.is_empty() || bound_to == name(node))
        .filter(|node| !flag(node, "/spec/unschedulable") || !bound_to.is_empty())
        .map(name)
        .collect();
    let pods = store.list("pods", None).1;
    let owner = controller_of(pod).map(|owner| text(owner, "/uid").to_owned());
    let load = |node: &str| {
        let here = pods.iter().map(|other| other.value()).filter(|other| text(other, "/spec/nodeName") == node);
        let (mut siblings, mut all) = (0, 0);
        for other in here.filter(|other| !is_finished(other)) {
            all += 1;
            let same_owner = owner.is_some() && controller_of(other).map(|one| text(one, "/uid")) == owner.as_deref();
            if same_owner && namespace(other) == namespace(pod) {
                siblings += 1;
            }
        }
        (siblings, all)
    };
    let condition = |status: &str| {
        let mut condition = json!({
            "type": "PodScheduled", "status": status, "lastProbeTime": null, "lastTransitionTime": now(),
            "observedGeneration": pod["metadata"]["generation"],
        });
        if status == "False" {
            let all = nodes.len();
            condition["reason"] = "Unschedulable".into();
            condition["message"] = format!(
                "0/{all} nodes are available: {all} node(s) didn't match Pod's node affinity/selector. preemption: \
                 0/{all} nodes are available: {all} Preemption is not helpful for scheduling."
            )
            .into();
        }
        condition
    };
    match candidates.into_iter().min_by_key(|node| (load(node), (*node).to_owned())) {
        Some(node) => {
            context.change("pods", pod, |object| {
                if text(object, "/spec/nodeName").is_empty() {
                    object["spec"]["nodeName"] = node.into();
                    object_at(object, &["status"]).insert("conditions".into(), json!([condition("True")]));
                }
            })?;
        }
        None if items(pod, "/status/conditions").is_empty() => {
            context.change_status("pods", pod, |object| {
                object_at(object, &["status"]).insert("conditions".into(), json!([condition("False")]));
            })?;
        }
        None => {}
    }
    Ok(())
}
