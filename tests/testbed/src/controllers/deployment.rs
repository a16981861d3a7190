//! Deployments: one ReplicaSet for each template, rolled from the old to the new one.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{
    Object, annotation, is_terminating, items, name, number, object_at, safe_hash, text, timestamp,
};
use crate::store::owner_reference;

use super::Context;
use super::pods::{is_paused, label, set_count};
use super::replicas::{available, same_template};

const REVISION: &str = "deployment.kubernetes.io/revision";
const RESOURCE: &str = "replicasets.apps";

fn count(object: &Value, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

fn revision(object: &Value) -> i64 {
    annotation(object, REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// `maxSurge` and `maxUnavailable` in pods: percentages are rounded up and down, and not both may be zero.
fn limits(deployment: &Value) -> (i64, i64) {
    let replicas = count(deployment, "/spec/replicas");
    let resolve =
        |field: &str, round_up: bool| match deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}")) {
            Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
            Some(Value::String(text)) => {
                let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
                (percent * replicas + if round_up { 99 } else { 0 }) / 100
            }
            _ => 0,
        };
    let (surge, unavailable) = (resolve("maxSurge", true), resolve("maxUnavailable", false));
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

fn scale(context: &Context, replica_set: &Value, replicas: i64) -> ApiResult<()> {
    context.change(RESOURCE, replica_set, |object| object["spec"]["replicas"] = replicas.max(0).into())?;
    Ok(())
}

/// Moves a deployment one step on.
pub fn reconcile(context: &Context, deployment: &Value) -> ApiResult<()> {
    if is_terminating(deployment) {
        return Ok(());
    }
    let template = &deployment["spec"]["template"];
    let mut sets = context.children(deployment, RESOURCE);
    sets.sort_by_key(|set| revision(set.value()));
    let is_new = |set: &Arc<Object>| same_template(&set.value()["spec"]["template"], template);
    let mut new = sets.iter().find(|set| is_new(set)).cloned();
    if !is_paused(deployment) {
        let latest = sets.last().map_or(0, |set| revision(set.value()));
        new = Some(match new {
            None => create_set(context, deployment, latest + 1)?,
            // A template that was there before comes back: its set becomes the newest revision.
            Some(set) if revision(set.value()) < latest => context.change(RESOURCE, set.value(), |object| {
                object_at(object, &["metadata", "annotations"])
                    .insert(REVISION.into(), (latest + 1).to_string().into());
            })?,
            Some(set) => set,
        });
    }
    if let Some(new) = &new {
        let current = revision(new.value());
        if annotation(deployment, REVISION) != Some(&current.to_string()) {
            context.change("deployments.apps", deployment, |object| {
                object_at(object, &["metadata", "annotations"]).insert(REVISION.into(), current.to_string().into());
            })?;
        }
    }
    let old: Vec<Arc<Object>> = sets
        .iter()
        .filter(|set| new.as_ref().is_none_or(|new| name(new.value()) != name(set.value())))
        .cloned()
        .collect();
    match &new {
        Some(new) if is_paused(deployment) => {
            let others: i64 = old.iter().map(|set| count(set.value(), "/spec/replicas")).sum();
            if others == 0 {
                scale(context, new.value(), count(deployment, "/spec/replicas"))?;
            }
        }
        Some(new) if text(deployment, "/spec/strategy/type") == "Recreate" => {
            recreate(context, deployment, new.value(), &old)?
        }
        Some(new) => roll(context, deployment, new.value(), &old)?,
        None => {}
    }
    report(context, deployment, new.as_ref().map(|set| name(set.value())))?;
    clean_up(context, deployment, &old);
    Ok(())
}

fn create_set(context: &Context, deployment: &Value, revision: i64) -> ApiResult<Arc<Object>> {
    let mut template = deployment["spec"]["template"].clone();
    let hash = safe_hash(&template);
    label(&mut template, &[("pod-template-hash", &hash)]);
    let mut selector = deployment["spec"]["selector"].clone();
    object_at(&mut selector, &["matchLabels"]).insert("pod-template-hash".into(), hash.as_str().into());
    let replicas = count(deployment, "/spec/replicas");
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", name(deployment)), "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": {
                "deployment.kubernetes.io/desired-replicas": replicas.to_string(),
                "deployment.kubernetes.io/max-replicas": (replicas + limits(deployment).0).to_string(),
                REVISION: revision.to_string(),
            },
            "ownerReferences": [owner_reference(deployment, "apps/v1", "Deployment")],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    });
    if let Some(least) = deployment["spec"].get("minReadySeconds") {
        set["spec"]["minReadySeconds"] = least.clone();
    }
    context.create(RESOURCE, set).map(Object::new)
}

fn recreate(context: &Context, deployment: &Value, new: &Value, old: &[Arc<Object>]) -> ApiResult<()> {
    let mut remaining = 0;
    for set in old {
        scale(context, set.value(), 0)?;
        remaining += context.children(set.value(), "pods").len();
    }
    if remaining == 0 { scale(context, new, count(deployment, "/spec/replicas")) } else { Ok(()) }
}

fn roll(context: &Context, deployment: &Value, new: &Value, old: &[Arc<Object>]) -> ApiResult<()> {
    let wanted = count(deployment, "/spec/replicas");
    let (surge, unavailable) = limits(deployment);
    let of_old: i64 = old.iter().map(|set| count(set.value(), "/spec/replicas")).sum();
    let mut of_new = count(new, "/spec/replicas");
    if of_new > wanted {
        scale(context, new, wanted)?;
        of_new = wanted;
    } else if of_new < wanted {
        let room = (wanted + surge - of_old - of_new).max(0);
        let next = of_new + room.min(wanted - of_new);
        if next != of_new {
            scale(context, new, next)?;
            of_new = next;
        }
    }
    // How many pods of the old sets may go, without falling under the wanted number of available ones.
    let new_available = i64::try_from(available(new)).unwrap_or(0).min(of_new);
    let must_be_available = wanted - unavailable;
    let mut may_go = of_old + of_new - must_be_available - (of_new - new_available);
    // Those that are not available anyway go first, and they take nothing away.
    for healthy_too in [false, true] {
        for set in old {
            let Some(current) =
                context.server.store.get(RESOURCE, text(set.value(), "/metadata/namespace"), name(set.value()))
            else {
                continue;
            };
            let replicas = count(current.value(), "/spec/replicas");
            let broken = replicas - i64::try_from(available(current.value())).unwrap_or(0).min(replicas);
            let candidates = if healthy_too { replicas } else { broken };
            let going = candidates.min(may_go).max(0);
            if going > 0 {
                scale(context, current.value(), replicas - going)?;
                may_go -= going;
            }
        }
    }
    Ok(())
}

fn clean_up(context: &Context, deployment: &Value, old: &[Arc<Object>]) {
    let limit = usize::try_from(number(deployment, "/spec/revisionHistoryLimit").unwrap_or(10)).unwrap_or(10);
    let empty: Vec<_> = old
        .iter()
        .filter(|set| count(set.value(), "/spec/replicas") == 0 && count(set.value(), "/status/replicas") == 0)
        .collect();
    for set in empty.iter().take(empty.len().saturating_sub(limit)) {
        context.delete(RESOURCE, set.value());
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

/// Puts a condition into a list; the times tell when it was renewed and when its status changed.
fn put_condition(conditions: &mut Vec<Value>, mut new: Value, progressed: bool) {
    let now = timestamp(jiff::Timestamp::now());
    let previous = conditions.iter().position(|one| one["type"] == new["type"]);
    let before = previous.map(|index| conditions[index].clone());
    let same = |field: &str| before.as_ref().is_some_and(|before| before[field] == new[field]);
    let renewed = !(same("status") && same("reason") && same("message")) || progressed;
    let updated = match &before {
        Some(before) if !renewed => before["lastUpdateTime"].clone(),
        _ => now.as_str().into(),
    };
    let changed = match &before {
        Some(before) if same("status") => before["lastTransitionTime"].clone(),
        _ => now.as_str().into(),
    };
    new["lastUpdateTime"] = updated;
    new["lastTransitionTime"] = changed;
    match previous {
        Some(index) => conditions[index] = new,
        None => conditions.push(new),
    }
}

fn report(context: &Context, deployment: &Value, new_name: Option<&str>) -> ApiResult<()> {
    let sets = context.children(deployment, RESOURCE);
    let sum = |pointer: &str| -> i64 { sets.iter().map(|set| count(set.value(), pointer)).sum() };
    let new = new_name.and_then(|wanted| sets.iter().find(|set| name(set.value()) == wanted));
    let wanted = count(deployment, "/spec/replicas");
    let (replicas, ready) = (sum("/status/replicas"), sum("/status/readyReplicas"));
    let available = sum("/status/availableReplicas");
    let updated = new.map_or(0, |set| count(set.value(), "/status/replicas"));
    let new_available = new.map_or(0, |set| count(set.value(), "/status/availableReplicas"));
    let terminating = sum("/status/terminatingReplicas");
    let complete = updated == wanted && replicas == wanted && available == wanted && new_available == wanted;
    let (_, unavailable) = limits(deployment);
    let has_minimum = available >= wanted - unavailable;
    let shown = new_name.unwrap_or_default().to_owned();

    context.change_status("deployments.apps", deployment, |object| {
        let before = object["status"].clone();
        let generation = object["metadata"]["generation"].clone();
        let deadline = count(object, "/spec/progressDeadlineSeconds");
        let paused = is_paused(object);
        let status = object_at(object, &["status"]);
        status.insert("observedGeneration".into(), generation);
        let to_count = |number: i64| usize::try_from(number).unwrap_or(0);
        set_count(status, "replicas", to_count(replicas));
        set_count(status, "updatedReplicas", to_count(updated));
        set_count(status, "readyReplicas", to_count(ready));
        set_count(status, "availableReplicas", to_count(available));
        set_count(status, "unavailableReplicas", to_count((wanted.max(replicas)) - available));
        status.insert("terminatingReplicas".into(), terminating.into());
        let mut conditions = items(&before, "/conditions").to_vec();
        let available_condition = if has_minimum {
            condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            condition(
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        put_condition(&mut conditions, available_condition, false);
        let progressing = if paused {
            (!complete).then(|| condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"))
        } else if complete {
            let message = format!("ReplicaSet \"{shown}\" has successfully progressed.");
            Some(condition("Progressing", "True", "NewReplicaSetAvailable", &message))
        } else {
            let moved = ["updatedReplicas", "readyReplicas", "availableReplicas", "replicas"]
                .iter()
                .any(|field| before.get(*field) != status.get(*field));
            let message = format!("ReplicaSet \"{shown}\" is progressing.");
            let next = condition("Progressing", "True", "ReplicaSetUpdated", &message);
            let last = conditions.iter().find(|one| text(one, "/type") == "Progressing");
            let is_late = last.is_some_and(|one| {
                let since: Option<jiff::Timestamp> = text(one, "/lastUpdateTime").parse().ok();
                let same_set = text(one, "/message").contains(&format!("\"{shown}\""))
                    && text(one, "/reason") != "NewReplicaSetAvailable";
                let is_late_already = text(one, "/reason") == "ProgressDeadlineExceeded";
                let waited = |since: jiff::Timestamp| jiff::Timestamp::now().as_second() - since.as_second();
                same_set && (is_late_already || since.is_some_and(|since| waited(since) > deadline))
            });
            if is_late && !moved {
                let message = format!("ReplicaSet \"{shown}\" has timed out progressing.");
                Some(condition("Progressing", "False", "ProgressDeadlineExceeded", &message))
            } else {
                put_condition(&mut conditions, next, moved);
                None
            }
        };
        if let Some(progressing) = progressing {
            put_condition(&mut conditions, progressing, false);
        }
        conditions.retain(|one| text(one, "/type") != "ReplicaFailure");
        let failed = |set: &&Arc<Object>| !items(set.value(), "/status/conditions").is_empty();
        if let Some(failed) = new.filter(failed).or_else(|| sets.iter().find(failed)) {
            conditions.extend(items(failed.value(), "/status/conditions").iter().cloned());
        }
        status.insert("conditions".into(), conditions.into());
    })?;
    Ok(())
}
