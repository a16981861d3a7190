//! DaemonSets: one pod on each node that fits.

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{is_terminating, name, number, object_at, text};

use super::Context;
use super::pods::{from_template, is_available, is_finished, is_ready, label, set_count};
use super::revisions::{self, HASH_LABEL};
use super::scheduler::fits_selector;

/// The node to which a daemon's pod is bound by its affinity.
pub fn node_of(pod: &Value) -> &str {
    let term = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0";
    text(pod, &format!("{term}/matchFields/0/values/0"))
}

/// Brings the pods of a DaemonSet to where they should be.
pub fn reconcile(context: &Context, set: &Value) -> ApiResult<()> {
    if is_terminating(set) {
        return Ok(());
    }
    let (_, hash) = revisions::current(context, set, "DaemonSet")?;
    let nodes = context.server.store.list("nodes", None).1;
    let spec = &set["spec"]["template"]["spec"];
    let eligible: Vec<&str> =
        nodes.iter().filter(|node| fits_selector(spec, node.value())).map(|node| name(node.value())).collect();
    let generation = number(set, "/metadata/generation").unwrap_or(1);
    let pods = context.children(set, "pods");
    let mut refused = Ok(());
    for node in &eligible {
        let here: Vec<_> = pods.iter().filter(|pod| node_of(pod.value()) == *node).collect();
        for pod in here.iter().filter(|pod| is_finished(pod.value())) {
            context.delete("pods", pod.value());
        }
        if here.is_empty() && refused.is_ok() {
            refused = create(context, set, node, &hash, generation);
        }
    }
    for pod in pods.iter().filter(|pod| !eligible.contains(&node_of(pod.value())) && !is_terminating(pod.value())) {
        context.delete("pods", pod.value());
    }
    if text(set, "/spec/updateStrategy/type") != "OnDelete" {
        roll(context, set, &hash, eligible.len());
    }
    report(context, set, &hash, &eligible)?;
    refused
}

fn hash_of(pod: &Value) -> &str {
    pod["metadata"]["labels"][HASH_LABEL].as_str().unwrap_or_default()
}

fn roll(context: &Context, set: &Value, hash: &str, nodes: usize) {
    let pods = context.children(set, "pods");
    let unavailable = nodes.saturating_sub(pods.iter().filter(|pod| is_available(pod.value(), set)).count());
    let limit = match &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] {
        Value::String(text) => {
            let percent: usize = text.trim_end_matches('%').parse().unwrap_or(0);
            (percent * nodes).div_ceil(100).max(1)
        }
        other => usize::try_from(other.as_i64().unwrap_or(1)).unwrap_or(1).max(1),
    };
    let mut room = limit.saturating_sub(unavailable);
    for pod in pods.iter().filter(|pod| hash_of(pod.value()) != hash && !is_terminating(pod.value())) {
        // A pod that is not available costs nothing.
        if !is_available(pod.value(), set) {
            context.delete("pods", pod.value());
        } else if room > 0 {
            room -= 1;
            context.delete("pods", pod.value());
        }
    }
}

fn create(context: &Context, set: &Value, node: &str, hash: &str, generation: i64) -> ApiResult<()> {
    let mut pod = from_template(&set["spec"]["template"], set, "apps/v1", "DaemonSet");
    pod["metadata"]["generateName"] = format!("{}-", name(set)).into();
    label(&mut pod, &[(HASH_LABEL, hash), ("pod-template-generation", &generation.to_string())]);
    pod["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}],
    }}});
    let tolerate = |key: &str, effect: &str| json!({"key": key, "operator": "Exists", "effect": effect});
    pod["spec"]["tolerations"] = json!([
        tolerate("node.kubernetes.io/not-ready", "NoExecute"),
        tolerate("node.kubernetes.io/unreachable", "NoExecute"),
        tolerate("node.kubernetes.io/disk-pressure", "NoSchedule"),
        tolerate("node.kubernetes.io/memory-pressure", "NoSchedule"),
        tolerate("node.kubernetes.io/pid-pressure", "NoSchedule"),
        tolerate("node.kubernetes.io/unschedulable", "NoSchedule"),
    ]);
    context.create_pod(set, pod)
}

fn report(context: &Context, set: &Value, hash: &str, eligible: &[&str]) -> ApiResult<()> {
    let pods = context.children(set, "pods");
    let scheduled = eligible.iter().filter(|node| pods.iter().any(|pod| node_of(pod.value()) == **node)).count();
    let ready = pods.iter().filter(|pod| is_ready(pod.value())).count();
    let available = pods.iter().filter(|pod| is_available(pod.value(), set)).count();
    let updated = pods.iter().filter(|pod| hash_of(pod.value()) == hash && !is_terminating(pod.value())).count();
    context.change_status("daemonsets.apps", set, |object| {
        let generation = object["metadata"]["generation"].clone();
        let status = object_at(object, &["status"]);
        status.insert("observedGeneration".into(), generation);
        status.insert("currentNumberScheduled".into(), scheduled.into());
        status.insert("desiredNumberScheduled".into(), eligible.len().into());
        status.insert("numberMisscheduled".into(), 0.into());
        status.insert("numberReady".into(), ready.into());
        set_count(status, "numberAvailable", available);
        set_count(status, "numberUnavailable", eligible.len().saturating_sub(available));
        set_count(status, "updatedNumberScheduled", updated);
    })?;
    Ok(())
}
