//! Tables as `kubectl get` asks for them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::store::object::{Object, flag, items, name, number, text};

use super::request::RequestInfo;
use super::respond::partial;

/// What rows carry besides their cells: `None`, `Metadata` (the default) or `Object`.
pub fn include(info: &RequestInfo) -> &'static str {
    match info.parameter("includeObject") {
        "None" => "None",
        "Object" => "Object",
        _ => "Metadata",
    }
}

type Column = (&'static str, &'static str, i64);

fn columns(resource: &str) -> &'static [Column] {
    match resource {
        "pods" => &[
            ("Ready", "string", 0),
            ("Status", "string", 0),
            ("Restarts", "string", 0),
            ("Age", "string", 0),
            ("IP", "string", 1),
            ("Node", "string", 1),
            ("Nominated Node", "string", 1),
            ("Readiness Gates", "string", 1),
        ],
        "deployments.apps" => &[
            ("Ready", "string", 0),
            ("Up-to-date", "string", 0),
            ("Available", "string", 0),
            ("Age", "string", 0),
            ("Containers", "string", 1),
            ("Images", "string", 1),
            ("Selector", "string", 1),
        ],
        "replicasets.apps" | "replicationcontrollers" => &[
            ("Desired", "integer", 0),
            ("Current", "integer", 0),
            ("Ready", "integer", 0),
            ("Age", "string", 0),
            ("Containers", "string", 1),
            ("Images", "string", 1),
            ("Selector", "string", 1),
        ],
        "statefulsets.apps" => {
            &[("Ready", "string", 0), ("Age", "string", 0), ("Containers", "string", 1), ("Images", "string", 1)]
        }
        "daemonsets.apps" => &[
            ("Desired", "integer", 0),
            ("Current", "integer", 0),
            ("Ready", "integer", 0),
            ("Up-to-date", "integer", 0),
            ("Available", "integer", 0),
            ("Node Selector", "string", 0),
            ("Age", "string", 0),
            ("Containers", "string", 1),
            ("Images", "string", 1),
        ],
        "jobs.batch" => {
            &[("Status", "string", 0), ("Completions", "string", 0), ("Duration", "string", 0), ("Age", "string", 0)]
        }
        "cronjobs.batch" => &[
            ("Schedule", "string", 0),
            ("Timezone", "string", 0),
            ("Suspend", "boolean", 0),
            ("Active", "integer", 0),
            ("Last Schedule", "string", 0),
            ("Age", "string", 0),
        ],
        "nodes" => &[("Status", "string", 0), ("Roles", "string", 0), ("Age", "string", 0), ("Version", "string", 0)],
        "namespaces" => &[("Status", "string", 0), ("Age", "string", 0)],
        "secrets" => &[("Type", "string", 0), ("Data", "string", 0), ("Age", "string", 0)],
        _ => &[("Age", "string", 0)],
    }
}

/// A duration as kubectl shows ages.
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with_rest = |first: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 { format!("{first}{unit}") } else { format!("{first}{unit}{rest}{small}") }
    };
    match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..600 => with_rest(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with_rest(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => with_rest(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        _ => with_rest(days / 365, "y", days % 365, "d"),
    }
}

fn seconds_since(stamp: &str) -> Option<i64> {
    let since: jiff::Timestamp = stamp.parse().ok()?;
    Some(jiff::Timestamp::now().as_second() - since.as_second())
}

fn age(object: &Value) -> Value {
    seconds_since(text(object, "/metadata/creationTimestamp")).map_or_else(|| "<unknown>".into(), human_duration).into()
}

/// What kubectl shows under STATUS for a pod.
fn pod_status(pod: &Value) -> String {
    let mut status = match text(pod, "/status/reason") {
        "" => text(pod, "/status/phase").to_owned(),
        reason => reason.to_owned(),
    };
    let state_reason = |container: &Value| -> Option<String> {
        if let Some(waiting) = container.pointer("/state/waiting") {
            return Some(text(waiting, "/reason").to_owned()).filter(|reason| !reason.is_empty());
        }
        let ended = container.pointer("/state/terminated")?;
        Some(match text(ended, "/reason") {
            "" => format!("ExitCode:{}", number(ended, "/exitCode").unwrap_or(0)),
            reason => reason.to_owned(),
        })
    };
    let init_specs = items(pod, "/spec/initContainers");
    let mut initializing = false;
    for (index, container) in items(pod, "/status/initContainerStatuses").iter().enumerate() {
        let is_sidecar = init_specs.get(index).is_some_and(|spec| text(spec, "/restartPolicy") == "Always");
        let done =
            number(container, "/state/terminated/exitCode") == Some(0) || is_sidecar && flag(container, "/started");
        if done {
            continue;
        }
        status = match state_reason(container) {
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{index}/{}", init_specs.len()),
        };
        initializing = true;
        break;
    }
    if !initializing {
        let mut has_running = false;
        for container in items(pod, "/status/containerStatuses").iter().rev() {
            match state_reason(container) {
                Some(reason) => status = reason,
                None => has_running |= flag(container, "/ready") && container.pointer("/state/running").is_some(),
            }
        }
        if status == "Completed" && has_running {
            status = "Running".into();
        }
    }
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        status = "Terminating".into();
    }
    status
}

fn join(list: &[Value], pointer: &str) -> String {
    list.iter().map(|item| text(item, pointer)).collect::<Vec<_>>().join(",")
}

fn or_none(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}

fn selector(object: &Value) -> Value {
    text(&super::write::scale_of(object), "/status/selector").to_owned().into()
}

fn cells(resource: &str, object: &Value) -> Vec<Value> {
    let count = |pointer: &str| number(object, pointer).unwrap_or(0);
    let containers = items(object, "/spec/template/spec/containers");
    let (names, images): (Value, Value) = (join(containers, "/name").into(), join(containers, "/image").into());
    let ready_of = |ready: i64, all: i64| -> Value { format!("{ready}/{all}").into() };
    let mut row: Vec<Value> = vec![name(object).into()];
    row.extend(match resource {
        "pods" => {
            let statuses = items(object, "/status/containerStatuses");
            let ready = statuses.iter().filter(|status| flag(status, "/ready")).count();
            let restarts: i64 = statuses.iter().filter_map(|status| number(status, "/restartCount")).sum();
            vec![
                format!("{ready}/{}", items(object, "/spec/containers").len()).into(),
                pod_status(object).into(),
                restarts.to_string().into(),
                age(object),
                or_none(text(object, "/status/podIP")),
                or_none(text(object, "/spec/nodeName")),
                "<none>".into(),
                "<none>".into(),
            ]
        }
        "deployments.apps" => vec![
            ready_of(count("/status/readyReplicas"), count("/spec/replicas")),
            count("/status/updatedReplicas").to_string().into(),
            count("/status/availableReplicas").to_string().into(),
            age(object),
            names,
            images,
            selector(object),
        ],
        "replicasets.apps" | "replicationcontrollers" => vec![
            count("/spec/replicas").into(),
            count("/status/replicas").into(),
            count("/status/readyReplicas").into(),
            age(object),
            names,
            images,
            selector(object),
        ],
        "statefulsets.apps" => {
            vec![ready_of(count("/status/readyReplicas"), count("/spec/replicas")), age(object), names, images]
        }
        "daemonsets.apps" => vec![
            count("/status/desiredNumberScheduled").into(),
            count("/status/currentNumberScheduled").into(),
            count("/status/numberReady").into(),
            count("/status/updatedNumberScheduled").into(),
            count("/status/numberAvailable").into(),
            "<none>".into(),
            age(object),
            names,
            images,
        ],
        "jobs.batch" => {
            let condition = items(object, "/status/conditions").iter().rev().find(|one| text(one, "/status") == "True");
            let status = condition.map_or("Running", |one| text(one, "/type"));
            let duration = seconds_since(text(object, "/status/startTime")).unwrap_or(0)
                - seconds_since(text(object, "/status/completionTime")).unwrap_or(0);
            vec![
                status.into(),
                ready_of(count("/status/succeeded"), count("/spec/completions")),
                human_duration(duration).into(),
                age(object),
            ]
        }
        "cronjobs.batch" => vec![
            text(object, "/spec/schedule").into(),
            or_none(text(object, "/spec/timeZone")),
            if flag(object, "/spec/suspend") { "True".into() } else { "False".into() },
            items(object, "/status/active").len().into(),
            seconds_since(text(object, "/status/lastScheduleTime"))
                .map_or_else(|| "<none>".into(), human_duration)
                .into(),
            age(object),
        ],
        "nodes" => {
            let ready = items(object, "/status/conditions").iter().find(|one| text(one, "/type") == "Ready");
            let is_ready = ready.is_some_and(|one| text(one, "/status") == "True");
            vec![
                if is_ready { "Ready".into() } else { "NotReady".into() },
                "<none>".into(),
                age(object),
                text(object, "/status/nodeInfo/kubeletVersion").into(),
            ]
        }
        "namespaces" => vec![text(object, "/status/phase").into(), age(object)],
        "secrets" => vec![
            text(object, "/type").into(),
            object["data"].as_object().map_or(0, serde_json::Map::len).to_string().into(),
            age(object),
        ],
        _ => vec![age(object)],
    });
    row
}

/// The table of some objects; a watch names the columns only once.
pub fn table(resource: &str, objects: &[Arc<Object>], metadata: Value, include: &str, with_columns: bool) -> Value {
    let definition = |name: &str, kind: &str, format: &str, priority: i64| json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority});
    let mut definitions = Vec::new();
    if with_columns {
        definitions.push(definition("Name", "string", "name", 0));
        definitions
            .extend(columns(resource).iter().map(|(name, kind, priority)| definition(name, kind, "", *priority)));
    }
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let shown = match include {
                "None" => Value::Null,
                "Object" => object.value().clone(),
                _ => partial(object.value()),
            };
            json!({"cells": cells(resource, object.value()), "object": shown})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows,
    })
}
