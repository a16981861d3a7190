//! A pod's status, written as the kubelet writes it.

use serde_json::{Value, json};

use crate::store::object::{flag, items, now, number, text};

use super::container::{Container, Phase};

/// What a pod is in as a whole.
#[derive(Debug, Clone, Default)]
pub struct PodState {
    /// Init containers and sidecars, in order.
    pub init: Vec<Container>,
    /// The containers.
    pub main: Vec<Container>,
    /// Ephemeral containers.
    pub ephemeral: Vec<Container>,
    /// `podIP`.
    pub address: String,
    /// Whether the sandbox was made.
    pub has_sandbox: bool,
    /// Whether the init containers are through.
    pub initialized: bool,
}

/// Whether an init container is a sidecar.
pub fn is_sidecar(spec: &Value) -> bool {
    text(spec, "/restartPolicy") == "Always"
}

/// Whether the container answers its probes: the bed knows `testbed/ready: "false"` and a probe that runs `false`.
fn answers_probes(pod: &Value, spec: &Value) -> bool {
    let annotated = pod["metadata"]["annotations"].get("testbed/ready").and_then(Value::as_str) == Some("false");
    let command = items(spec, "/readinessProbe/exec/command").last().and_then(Value::as_str).unwrap_or_default();
    !annotated && command.rsplit('/').next() != Some("false")
}

fn volume_mounts(spec: &Value, references: &[(String, String)]) -> Vec<Value> {
    items(spec, "/volumeMounts")
        .iter()
        .map(|mount| {
            let mut status = json!({"name": mount["name"], "mountPath": mount["mountPath"]});
            if flag(mount, "/readOnly") {
                status["readOnly"] = true.into();
                status["recursiveReadOnly"] = "Disabled".into();
            }
            if let Some((_, reference)) = references.iter().find(|(volume, _)| mount["name"] == volume.as_str()) {
                status["volumeStatus"] = json!({"image": {"imageRef": reference}});
            }
            status
        })
        .collect()
}

/// Which list of the pod a container stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `initContainers`.
    Init,
    /// `containers`.
    Main,
    /// `ephemeralContainers`.
    Ephemeral,
}

/// One entry of `containerStatuses`.
pub fn container_status(pod: &Value, spec: &Value, container: &Container, kind: Kind) -> Value {
    let running = container.is_running();
    let state = match &container.phase {
        Phase::Waiting(reason, message) => {
            let mut waiting = json!({"reason": reason});
            if !message.is_empty() {
                waiting["message"] = message.as_str().into();
            }
            json!({"waiting": waiting})
        }
        Phase::Running(since) => json!({"running": {"startedAt": since}}),
        Phase::Terminated(state) => json!({"terminated": state}),
    };
    let ready = match kind {
        Kind::Main => running && answers_probes(pod, spec),
        Kind::Init if is_sidecar(spec) => running,
        Kind::Init => container.exit_code() == Some(0),
        Kind::Ephemeral => false,
    };
    let image = if container.id.is_empty() { text(spec, "/image") } else { container.image.as_str() };
    let mut status = json!({
        "name": container.name, "image": image, "imageID": container.image_id, "ready": ready,
        "restartCount": container.restarts, "state": state,
        "lastState": container.last.as_ref().map_or_else(|| json!({}), |last| json!({"terminated": last})),
    });
    if kind != Kind::Ephemeral {
        status["started"] = (running && !matches!(kind, Kind::Init if !is_sidecar(spec))).into();
    }
    if !container.id.is_empty() {
        status["containerID"] = container.id.as_str().into();
        status["resources"] = spec.get("resources").cloned().unwrap_or_else(|| json!({}));
        status["user"] = json!({"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}});
    }
    let mounts = volume_mounts(spec, &container.volume_references);
    if !mounts.is_empty() {
        status["volumeMounts"] = mounts.into();
    }
    status
}

/// The phase of a pod from its containers.
pub fn phase(pod: &Value, state: &PodState) -> &'static str {
    let restart_policy = text(pod, "/spec/restartPolicy");
    let init_failed = state.init.iter().zip(items(pod, "/spec/initContainers")).any(|(container, spec)| {
        !is_sidecar(spec) && container.exit_code().is_some_and(|code| code != 0) && restart_policy == "Never"
    });
    if init_failed {
        return "Failed";
    }
    if !state.initialized || state.main.iter().any(|container| container.id.is_empty()) {
        return "Pending";
    }
    let codes: Vec<Option<i64>> = state.main.iter().map(Container::exit_code).collect();
    if codes.iter().all(Option::is_some) {
        let all_good = codes.iter().all(|code| *code == Some(0));
        match restart_policy {
            "Never" => return if all_good { "Succeeded" } else { "Failed" },
            "OnFailure" if all_good => return "Succeeded",
            _ => {}
        }
    }
    "Running"
}

/// The whole status; what the status had before gives the times of conditions.
pub fn pod_status(pod: &Value, state: &PodState, host_address: &str) -> Value {
    let before = &pod["status"];
    let is_mirror = pod.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some();
    let phase = phase(pod, state);
    let list = |specs: &str, containers: &[Container], kind: Kind| -> Vec<Value> {
        items(pod, specs)
            .iter()
            .zip(containers)
            .map(|(spec, container)| container_status(pod, spec, container, kind))
            .collect()
    };
    let init = list("/spec/initContainers", &state.init, Kind::Init);
    let main = list("/spec/containers", &state.main, Kind::Main);
    let ephemeral = list("/spec/ephemeralContainers", &state.ephemeral, Kind::Ephemeral);

    let unready: Vec<&str> =
        main.iter().filter(|status| !flag(status, "/ready")).map(|status| text(status, "/name")).collect();
    let uninitialized: Vec<&str> =
        init.iter().filter(|status| !flag(status, "/ready")).map(|status| text(status, "/name")).collect();
    let finished = matches!(phase, "Succeeded" | "Failed");
    let completed = (phase == "Succeeded").then_some("PodCompleted");
    let (ready, ready_reason, ready_message) = match (finished, unready.is_empty() && !main.is_empty()) {
        (true, _) => (false, completed.unwrap_or("PodFailed"), String::new()),
        (false, true) if state.initialized => (true, "", String::new()),
        _ => (false, "ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))),
    };
    let mut conditions = Vec::new();
    let mut condition = |kind: &str, is_true: bool, reason: &str, message: &str| {
        let status = if is_true { "True" } else { "False" };
        let known = items(before, "/conditions").iter().find(|one| text(one, "/type") == kind);
        let since = match known {
            Some(known) if text(known, "/status") == status => known["lastTransitionTime"].clone(),
            _ => now().into(),
        };
        let mut one = json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
        if !is_mirror {
            one["observedGeneration"] = pod["metadata"]["generation"].clone();
        }
        if !reason.is_empty() {
            one["reason"] = reason.into();
        }
        if !message.is_empty() {
            one["message"] = message.into();
        }
        conditions.push(one);
    };
    if finished {
        condition("PodReadyToStartContainers", false, "PodSandboxNotReady", "pod sandbox is not ready");
    } else if state.has_sandbox {
        condition("PodReadyToStartContainers", true, "", "");
    } else {
        condition("PodReadyToStartContainers", false, "PodSandboxNotReady", "no pod sandbox exists");
    }
    if state.initialized {
        condition("Initialized", true, completed.unwrap_or_default(), "");
    } else {
        let message = format!("containers with incomplete status: [{}]", uninitialized.join(" "));
        condition("Initialized", false, "ContainersNotInitialized", &message);
    }
    condition("Ready", ready, ready_reason, &ready_message);
    condition("ContainersReady", ready, ready_reason, &ready_message);
    condition("PodScheduled", true, "", "");

    let mut status = json!({
        "phase": phase, "conditions": conditions, "hostIP": host_address, "hostIPs": [{"ip": host_address}],
        "startTime": before.get("startTime").cloned().unwrap_or_else(|| now().into()),
        "containerStatuses": main, "resources": {},
    });
    if let Some(class) = before.get("qosClass") {
        status["qosClass"] = class.clone();
    }
    if !is_mirror && number(pod, "/metadata/generation").is_some() {
        status["observedGeneration"] = pod["metadata"]["generation"].clone();
    }
    if state.has_sandbox {
        status["podIP"] = state.address.as_str().into();
        status["podIPs"] = json!([{"ip": state.address}]);
    }
    if !init.is_empty() {
        status["initContainerStatuses"] = init.into();
    }
    if !ephemeral.is_empty() {
        status["ephemeralContainerStatuses"] = ephemeral.into();
    }
    status
}
