//! Values that the server fills in when an object is written, as far as they can be seen by a client of ours.

use serde_json::{Value, json};

use crate::node::reference::Reference;
use crate::store::object::{default_to, items, object_at, text};

/// The pull policy of a container that names none: it is fixed when the object is written, from the tag of that moment.
pub fn pull_policy(image: &str) -> &'static str {
    match Reference::parse(image) {
        Ok(reference) if reference.digest.is_some() && reference.explicit_tag.is_none() => "IfNotPresent",
        Ok(reference) if reference.explicit_tag.as_deref().unwrap_or("latest") == "latest" => "Always",
        _ => "IfNotPresent",
    }
}

fn each(value: &mut Value, key: &str, mut action: impl FnMut(&mut Value)) {
    if let Some(list) = value.get_mut(key).and_then(Value::as_array_mut) {
        list.iter_mut().for_each(&mut action);
    }
}

fn container(container: &mut Value, ephemeral: bool) {
    let policy = pull_policy(text(container, "/image"));
    default_to(container, "imagePullPolicy", policy);
    default_to(container, "terminationMessagePath", "/dev/termination-log");
    default_to(container, "terminationMessagePolicy", "File");
    default_to(container, "resources", json!({}));
    if ephemeral {
        return;
    }
    each(container, "ports", |port| default_to(port, "protocol", "TCP"));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            for (field, value) in
                [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
            {
                default_to(probe, field, value);
            }
            if let Some(get) = probe.get_mut("httpGet") {
                default_to(get, "scheme", "HTTP");
                default_to(get, "path", "/");
            }
        }
    }
    each(container, "env", |variable| {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            default_to(field, "apiVersion", "v1");
        }
    });
}

/// Defaults of a pod's spec, in a pod or a template.
pub fn pod_spec(spec: &mut Value) {
    each(spec, "containers", |one| container(one, false));
    each(spec, "initContainers", |one| container(one, false));
    each(spec, "ephemeralContainers", |one| container(one, true));
    each(spec, "volumes", |volume| {
        if let Some(image) = volume.get_mut("image") {
            let policy = pull_policy(text(image, "/reference"));
            default_to(image, "pullPolicy", policy);
        }
        for kind in ["configMap", "secret", "projected"] {
            if let Some(source) = volume.get_mut(kind) {
                default_to(source, "defaultMode", 420);
            }
        }
    });
    default_to(spec, "restartPolicy", "Always");
    default_to(spec, "dnsPolicy", "ClusterFirst");
    default_to(spec, "terminationGracePeriodSeconds", 30);
    default_to(spec, "schedulerName", "default-scheduler");
    default_to(spec, "securityContext", json!({}));
    let account = match (text(spec, "/serviceAccountName"), text(spec, "/serviceAccount")) {
        ("", given) => given.to_owned(),
        (given, _) => given.to_owned(),
    };
    if !account.is_empty() {
        default_to(spec, "serviceAccountName", account.clone());
        default_to(spec, "serviceAccount", account);
    }
}

fn template(spec: &mut Value) {
    object_at(spec, &["template", "metadata"]);
    pod_spec(
        spec["template"]
            .as_object_mut()
            .map_or(&mut Value::Null, |template| template.entry("spec").or_insert_with(|| json!({}))),
    );
}

/// Labels of the template become the selector of the old kinds that allow to leave it out.
fn selector_from_template(object: &mut Value) {
    if let Some(labels) = object.pointer("/spec/template/metadata/labels").cloned() {
        default_to(&mut object["spec"], "selector", labels.clone());
        default_to(&mut object["metadata"], "labels", labels);
    }
}

/// Fills in the defaults of an object of the given resource.
pub fn apply(resource: &str, object: &mut Value) {
    if !object["spec"].is_object() && !matches!(resource, "pods" | "namespaces") && !object["spec"].is_null() {
        return;
    }
    match resource {
        "namespaces" => {
            let name = text(object, "/metadata/name").to_owned();
            object_at(object, &["metadata", "labels"]).insert("kubernetes.io/metadata.name".into(), name.into());
            object_at(object, &["spec"]).entry("finalizers").or_insert_with(|| json!(["kubernetes"]));
            object_at(object, &["status"]).entry("phase").or_insert_with(|| "Active".into());
        }
        "secrets" => {
            default_to(object, "type", "Opaque");
            fold_string_data(object);
        }
        "pods" => {
            let spec = &mut object["spec"];
            pod_spec(spec);
            default_to(spec, "serviceAccountName", "default");
            let account = spec["serviceAccountName"].clone();
            default_to(spec, "serviceAccount", account);
            default_to(spec, "enableServiceLinks", true);
            default_to(spec, "preemptionPolicy", "PreemptLowerPriority");
            default_to(spec, "priority", 0);
            let quality = quality_of_service(spec);
            let status = object_at(object, &["status"]);
            status.entry("phase").or_insert_with(|| "Pending".into());
            status.entry("qosClass").or_insert_with(|| quality.into());
        }
        "replicationcontrollers" => {
            selector_from_template(object);
            default_to(&mut object["spec"], "replicas", 1);
            template(&mut object["spec"]);
        }
        "replicasets.apps" => {
            default_to(&mut object["spec"], "replicas", 1);
            template(&mut object["spec"]);
        }
        "deployments.apps" => deployment(&mut object["spec"]),
        "statefulsets.apps" => {
            let spec = &mut object["spec"];
            default_to(spec, "replicas", 1);
            default_to(spec, "podManagementPolicy", "OrderedReady");
            default_to(spec, "revisionHistoryLimit", 10);
            default_to(
                spec,
                "persistentVolumeClaimRetentionPolicy",
                json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
            );
            default_to(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
            if text(spec, "/updateStrategy/type") == "RollingUpdate" {
                object_at(spec, &["updateStrategy", "rollingUpdate"]).entry("partition").or_insert_with(|| 0.into());
            }
            template(spec);
        }
        "daemonsets.apps" => {
            let spec = &mut object["spec"];
            default_to(spec, "revisionHistoryLimit", 10);
            default_to(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
            if text(spec, "/updateStrategy/type") == "RollingUpdate" {
                let rolling = object_at(spec, &["updateStrategy", "rollingUpdate"]);
                rolling.entry("maxSurge").or_insert_with(|| 0.into());
                rolling.entry("maxUnavailable").or_insert_with(|| 1.into());
            }
            template(spec);
        }
        "jobs.batch" => job(&mut object["spec"]),
        "cronjobs.batch" => {
            let spec = &mut object["spec"];
            default_to(spec, "concurrencyPolicy", "Allow");
            default_to(spec, "suspend", false);
            default_to(spec, "successfulJobsHistoryLimit", 3);
            default_to(spec, "failedJobsHistoryLimit", 1);
            object_at(spec, &["jobTemplate", "metadata"]);
            object_at(spec, &["jobTemplate", "spec"]);
            template(&mut spec["jobTemplate"]["spec"]);
        }
        _ => {}
    }
}

fn deployment(spec: &mut Value) {
    default_to(spec, "replicas", 1);
    default_to(spec, "revisionHistoryLimit", 10);
    default_to(spec, "progressDeadlineSeconds", 600);
    default_to(spec, "strategy", json!({}));
    default_to(&mut spec["strategy"], "type", "RollingUpdate");
    if text(spec, "/strategy/type") == "RollingUpdate" {
        let rolling = object_at(spec, &["strategy", "rollingUpdate"]);
        rolling.entry("maxSurge").or_insert_with(|| "25%".into());
        rolling.entry("maxUnavailable").or_insert_with(|| "25%".into());
    }
    template(spec);
}

fn job(spec: &mut Value) {
    if spec.get("completions").is_none() && spec.get("parallelism").is_none() {
        default_to(spec, "completions", 1);
    }
    default_to(spec, "parallelism", 1);
    default_to(spec, "backoffLimit", 6);
    default_to(spec, "completionMode", "NonIndexed");
    default_to(spec, "suspend", false);
    default_to(spec, "manualSelector", false);
    default_to(spec, "podReplacementPolicy", "TerminatingOrFailed");
    template(spec);
}

fn quality_of_service(spec: &Value) -> &'static str {
    let asks = |container: &Value, what: &str| {
        container.pointer(&format!("/resources/{what}")).and_then(Value::as_object).is_some_and(|map| !map.is_empty())
    };
    let containers = items(spec, "/containers");
    let guaranteed = |container: &Value| {
        let limits = &container["resources"]["limits"];
        let requests = container.pointer("/resources/requests").unwrap_or(limits);
        limits.get("cpu").is_some() && limits.get("memory").is_some() && requests == limits
    };
    if !containers.is_empty() && containers.iter().all(guaranteed) {
        "Guaranteed"
    } else if containers.iter().any(|one| asks(one, "requests") || asks(one, "limits")) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

/// `stringData` of a secret is written into `data` and not kept.
fn fold_string_data(secret: &mut Value) {
    use base64::Engine;
    let Some(Value::Object(given)) = secret.as_object_mut().and_then(|secret| secret.remove("stringData")) else {
        return;
    };
    let data = object_at(secret, &["data"]);
    for (key, value) in given {
        let encoded = base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default());
        data.insert(key, encoded.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_policy_follows_the_tag_of_the_moment() {
        assert_eq!(pull_policy("nginx"), "Always");
        assert_eq!(pull_policy("127.0.0.1:5000/app:latest"), "Always");
        assert_eq!(pull_policy("127.0.0.1:5000/app"), "Always");
        assert_eq!(pull_policy("127.0.0.1:5000/app:1.0"), "IfNotPresent");
        let digest = format!("app@sha256:{}", "a".repeat(64));
        assert_eq!(pull_policy(&digest), "IfNotPresent");
    }

    #[test]
    fn the_pull_policy_of_an_existing_object_does_not_follow_its_tag() {
        let mut pod = json!({"spec": {"containers": [{"name": "a", "image": "app:latest"}]}});
        apply("pods", &mut pod);
        pod["spec"]["containers"][0]["image"] = "app:1.0".into();
        apply("pods", &mut pod);
        assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], "Always");
    }
}
