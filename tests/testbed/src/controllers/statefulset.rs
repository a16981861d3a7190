//! StatefulSets: pods with ordinals, made in order and replaced from the last to the first.

use std::sync::Arc;

use serde_json::Value;

use crate::store::error::ApiResult;
use crate::store::object::{Object, is_terminating, name, number, object_at, text};

use super::Context;
use super::pods::{from_template, is_available, is_finished, is_ready, label, set_count};
use super::revisions::{self, HASH_LABEL};

fn revision_of(pod: &Value) -> &str {
    pod["metadata"]["labels"][HASH_LABEL].as_str().unwrap_or_default()
}

/// Moves a StatefulSet one step on.
pub fn reconcile(context: &Context, set: &Value) -> ApiResult<()> {
    if is_terminating(set) {
        return Ok(());
    }
    let (update, _) = revisions::current(context, set, "StatefulSet")?;
    let current = match text(set, "/status/currentRevision") {
        "" => update.clone(),
        known => known.to_owned(),
    };
    let stepped = step(context, set, &current, &update);
    report(context, set, current, &update)?;
    stepped
}

fn step(context: &Context, set: &Value, current: &str, update: &str) -> ApiResult<()> {
    let wanted = number(set, "/spec/replicas").unwrap_or(1);
    let first = number(set, "/spec/ordinals/start").unwrap_or(0);
    let ordered = text(set, "/spec/podManagementPolicy") != "Parallel";
    let rolling = text(set, "/spec/updateStrategy/type") != "OnDelete";
    let partition = if rolling { number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0) } else { 0 };
    let pods = context.children(set, "pods");
    let find = |ordinal: i64| -> Option<&Arc<Object>> {
        let wanted = format!("{}-{ordinal}", name(set));
        pods.iter().find(|pod| name(pod.value()) == wanted)
    };
    for ordinal in first..first + wanted {
        match find(ordinal) {
            None => {
                let revision = if ordinal < first + partition { current } else { update };
                create(context, set, ordinal, revision)?;
                if ordered {
                    return Ok(());
                }
            }
            Some(pod) if is_finished(pod.value()) => {
                context.delete("pods", pod.value());
                return Ok(());
            }
            Some(pod) if ordered && !is_available(pod.value(), set) => return Ok(()),
            Some(_) => {}
        }
    }
    let surplus: Vec<_> = pods
        .iter()
        .filter(|pod| {
            let ordinal = name(pod.value()).rsplit('-').next().and_then(|text| text.parse::<i64>().ok());
            ordinal.is_some_and(|ordinal| ordinal >= first + wanted || ordinal < first)
        })
        .collect();
    if let Some(pod) = surplus.iter().max_by_key(|pod| name(pod.value()).len()) {
        if !is_terminating(pod.value()) {
            context.delete("pods", pod.value());
        }
        return Ok(());
    }
    if rolling {
        let most = number(set, "/spec/updateStrategy/rollingUpdate/maxUnavailable").unwrap_or(1);
        let all: Vec<_> = (first..first + wanted).map(find).collect();
        let unavailable = all.iter().filter(|pod| pod.is_none_or(|pod| !is_available(pod.value(), set))).count();
        let mut left = most - i64::try_from(unavailable).unwrap_or(i64::MAX);
        let old = all.iter().skip(usize::try_from(partition).unwrap_or(0)).rev().flatten();
        let old = old.filter(|pod| revision_of(pod.value()) != update && !is_terminating(pod.value()));
        // What goes in order has got here only if every pod is available. Otherwise old pods that are down go first.
        let (down, up): (Vec<&Arc<Object>>, Vec<_>) = old.partition(|pod| !is_available(pod.value(), set));
        for pod in down {
            context.delete("pods", pod.value());
        }
        for pod in up {
            if left <= 0 {
                break;
            }
            context.delete("pods", pod.value());
            left -= 1;
        }
    }
    Ok(())
}

fn create(context: &Context, set: &Value, ordinal: i64, revision: &str) -> ApiResult<()> {
    let template = revisions::template_of(context, set, revision).unwrap_or_else(|| set["spec"]["template"].clone());
    let mut pod = from_template(&template, set, "apps/v1", "StatefulSet");
    let pod_name = format!("{}-{ordinal}", name(set));
    pod["metadata"]["name"] = pod_name.as_str().into();
    pod["metadata"]["generateName"] = format!("{}-", name(set)).into();
    pod["spec"]["hostname"] = pod_name.as_str().into();
    if !text(set, "/spec/serviceName").is_empty() {
        pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    }
    label(
        &mut pod,
        &[
            ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
            (HASH_LABEL, revision),
            ("statefulset.kubernetes.io/pod-name", &pod_name),
        ],
    );
    context.create_pod(set, pod)
}

fn report(context: &Context, set: &Value, mut current: String, update: &str) -> ApiResult<()> {
    let pods: Vec<_> = context.children(set, "pods").into_iter().filter(|pod| !is_finished(pod.value())).collect();
    let wanted = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    let ready = pods.iter().filter(|pod| is_ready(pod.value())).count();
    let available = pods.iter().filter(|pod| is_available(pod.value(), set)).count();
    let of = |revision: &str| {
        pods.iter().filter(|pod| revision_of(pod.value()) == revision && !is_terminating(pod.value())).count()
    };
    let updated = of(update);
    if updated == wanted && ready == wanted && pods.len() == wanted {
        current = update.to_owned();
    }
    let of_current = of(&current);
    context.change_status("statefulsets.apps", set, |object| {
        let generation = object["metadata"]["generation"].clone();
        let status = object_at(object, &["status"]);
        status.insert("observedGeneration".into(), generation);
        status.insert("replicas".into(), pods.len().into());
        status.insert("collisionCount".into(), 0.into());
        status.insert("availableReplicas".into(), available.into());
        set_count(status, "readyReplicas", ready);
        set_count(status, "updatedReplicas", updated);
        set_count(status, "currentReplicas", of_current);
        status.insert("currentRevision".into(), current.as_str().into());
        status.insert("updateRevision".into(), update.into());
    })?;
    Ok(())
}
