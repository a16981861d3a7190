//! What the server does to an object before it is stored, and what it refuses: service accounts and their pull secrets,
//! and the validation that a client of ours can run into.

use serde_json::{Value, json};

use crate::bed::{INJECTION, REWRITING};
use crate::store::Store;
use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{items, name, namespace, now, object_at, random_suffix, text, uid};
use crate::store::resources::ResourceType;
use crate::store::selector::LabelSelector;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Admission of a new object.
pub fn admit_new(store: &Store, resource: &ResourceType, object: &mut Value) -> ApiResult<()> {
    let key = resource.key();
    if resource.namespaced {
        let wanted = namespace(object).to_owned();
        let found = store.get("namespaces", "", &wanted).ok_or_else(|| ApiError::not_found("namespaces", &wanted))?;
        if text(found.value(), "/status/phase") == "Terminating" {
            let why = format!("unable to create new content in namespace {wanted} because it is being terminated");
            return Err(ApiError::forbidden(&key, name(object), &why));
        }
    }
    match key.as_str() {
        "pods" => {
            inject(store, object);
            admit_pod(store, object)?;
            admit_by_quota(store, object)
        }
        "deployments.apps" => {
            let rewriting = rewriting(store, &key, namespace(object));
            rewrite(object, rewriting.as_ref());
            Ok(())
        }
        "resourcequotas" => {
            object["status"] = json!({"hard": object["spec"]["hard"], "used": {}});
            Ok(())
        }
        "jobs.batch" => {
            label_job(object);
            Ok(())
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            establish(object);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What a mutating policy adds to the pods of a namespace that asks for it.
fn inject(store: &Store, pod: &mut Value) {
    let Some(namespace) = store.get("namespaces", "", namespace(pod)) else { return };
    let asked = namespace.value()["metadata"]["annotations"][INJECTION].as_str().unwrap_or_default();
    let Ok(injection) = serde_json::from_str::<Value>(asked) else { return };
    if let Some(containers) = pod["spec"]["containers"].as_array_mut() {
        containers.push(injection["container"].clone());
    }
    if let [key, value] = items(&injection, "/label") {
        object_at(pod, &["metadata", "labels"]).insert(key.as_str().unwrap_or_default().into(), value.clone());
    }
    super::defaults::apply("pods", pod);
}

/// Which part of the references of a namespace's Deployments a mutating policy replaces, and by what.
pub fn rewriting(store: &Store, key: &str, namespace: &str) -> Option<(String, String)> {
    let namespace = (key == "deployments.apps").then(|| store.get("namespaces", "", namespace))??;
    serde_json::from_str(namespace.value()["metadata"]["annotations"][REWRITING].as_str()?).ok()
}

/// What such a policy makes of a Deployment.
pub fn rewrite(object: &mut Value, rewriting: Option<&(String, String)>) {
    let Some((from, to)) = rewriting else { return };
    let containers = object.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        container["image"] = text(container, "/image").replace(from, to).into();
    }
}

/// The service account's part of a pod: its pull secrets where the pod has none, and the token's volume.
fn admit_pod(store: &Store, pod: &mut Value) -> ApiResult<()> {
    let is_mirror = pod.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some();
    if is_mirror {
        return Ok(());
    }
    let account_name = text(pod, "/spec/serviceAccountName").to_owned();
    let account = store.get("serviceaccounts", namespace(pod), &account_name).ok_or_else(|| {
        let why = format!(
            "error looking up service account {}/{account_name}: serviceaccount \"{account_name}\" not found",
            namespace(pod)
        );
        ApiError::forbidden("pods", name(pod), &why)
    })?;
    if items(pod, "/spec/imagePullSecrets").is_empty()
        && let Some(secrets) = account.value().get("imagePullSecrets")
    {
        pod["spec"]["imagePullSecrets"] = secrets.clone();
    }
    if pod.pointer("/spec/automountServiceAccountToken") != Some(&json!(false)) {
        mount_token(pod);
    }
    let spec = object_at(pod, &["spec"]);
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    if let Some(list) = tolerations.as_array_mut() {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            if !list.iter().any(|one| text(one, "/key") == key || text(one, "/key").is_empty()) {
                list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
    Ok(())
}

/// Quotas on the number of pods. Those that go away count until they are gone.
fn admit_by_quota(store: &Store, pod: &Value) -> ApiResult<()> {
    for quota in store.list("resourcequotas", Some(namespace(pod))).1 {
        for resource in ["pods", "count/pods"] {
            let hard = &quota.value()["spec"]["hard"][resource];
            let Some(hard) = hard.as_u64().or_else(|| hard.as_str()?.parse().ok()) else { continue };
            let counts =
                |pod: &Value| resource == "count/pods" || !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
            let pods = store.list("pods", Some(namespace(pod))).1;
            let used = pods.iter().filter(|pod| counts(pod.value())).count() as u64;
            if used >= hard {
                let quota = name(quota.value());
                let why = format!(
                    "exceeded quota: {quota}, requested: {resource}=1, used: {resource}={used}, limited: {resource}={hard}"
                );
                return Err(ApiError::forbidden("pods", name(pod), &why));
            }
        }
    }
    Ok(())
}

fn mount_token(pod: &mut Value) {
    let volume = format!("kube-api-access-{}", random_suffix(5));
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let mounts = object_at(container, &[]).entry("volumeMounts").or_insert_with(|| json!([]));
            if let Some(mounts) = mounts.as_array_mut()
                && !mounts.iter().any(|mount| text(mount, "/mountPath") == TOKEN_PATH)
            {
                mounts.push(json!({"name": volume, "readOnly": true, "mountPath": TOKEN_PATH}));
                mounted = true;
            }
        }
    }
    if !mounted {
        return;
    }
    let volumes = object_at(pod, &["spec"]).entry("volumes").or_insert_with(|| json!([]));
    if let Some(volumes) = volumes.as_array_mut() {
        volumes.push(json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]}}));
    }
}

/// Gives a job the selector and the labels by which it knows its pods. They carry the job's uid, so it gets one here.
fn label_job(job: &mut Value) {
    let job_uid = uuid::Uuid::new_v4().to_string();
    let job_name = name(job).to_owned();
    object_at(job, &["metadata"]).insert("uid".into(), job_uid.as_str().into());
    if job["spec"]["manualSelector"] == json!(true) {
        return;
    }
    for path in [&["spec", "template", "metadata", "labels"][..], &["metadata", "labels"][..]] {
        let labels = object_at(job, path);
        for (key, value) in [
            ("batch.kubernetes.io/controller-uid", &job_uid),
            ("batch.kubernetes.io/job-name", &job_name),
            ("controller-uid", &job_uid),
            ("job-name", &job_name),
        ] {
            labels.insert(key.into(), value.as_str().into());
        }
    }
    job["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": job_uid}});
}

/// A definition is served at once.
fn establish(definition: &mut Value) {
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()});
    let names = &mut definition["spec"]["names"];
    if names.get("singular").is_none() {
        names["singular"] = text(names, "/kind").to_lowercase().into();
    }
    if names.get("listKind").is_none() {
        names["listKind"] = format!("{}List", text(names, "/kind")).into();
    }
    let stored: Vec<Value> = items(definition, "/spec/versions")
        .iter()
        .filter(|version| version["storage"] == json!(true))
        .map(|version| version["name"].clone())
        .collect();
    definition["status"] = json!({
        "acceptedNames": definition["spec"]["names"], "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            !bytes.is_empty()
                && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
                && bytes[0] != b'-'
                && bytes[bytes.len() - 1] != b'-'
        })
}

/// Validation of what is about to be stored; `before` is the object that it replaces.
pub fn validate(resource: &ResourceType, before: Option<&Value>, object: &Value) -> ApiResult<()> {
    let mut causes: Vec<(String, String)> = Vec::new();
    let wanted = name(object);
    if resource.group != "rbac.authorization.k8s.io" && !is_subdomain(wanted) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                    must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        causes.push(("metadata.name".into(), format!("Invalid value: \"{wanted}\": {rule}")));
    }
    let key = resource.key();
    let template = match key.as_str() {
        "pods" => Some(("spec", &object["spec"])),
        "deployments.apps"
        | "replicasets.apps"
        | "statefulsets.apps"
        | "daemonsets.apps"
        | "jobs.batch"
        | "replicationcontrollers" => Some(("spec.template.spec", &object["spec"]["template"]["spec"])),
        "cronjobs.batch" => {
            Some(("spec.jobTemplate.spec.template.spec", &object["spec"]["jobTemplate"]["spec"]["template"]["spec"]))
        }
        _ => None,
    };
    if let Some((path, spec)) = template {
        validate_pod_spec(path, spec, &mut causes);
    }
    if matches!(key.as_str(), "deployments.apps" | "replicasets.apps" | "statefulsets.apps" | "daemonsets.apps") {
        validate_selector(before, object, &mut causes);
    }
    if let Some(before) = before {
        validate_change(&key, before, object, &mut causes);
    }
    if causes.is_empty() {
        return Ok(());
    }
    let causes: Vec<(&str, &str)> = causes.iter().map(|(field, message)| (field.as_str(), message.as_str())).collect();
    Err(ApiError::invalid(&resource.kind, &resource.group, wanted, &causes))
}

fn validate_pod_spec(path: &str, spec: &Value, causes: &mut Vec<(String, String)>) {
    if items(spec, "/containers").is_empty() {
        causes.push((format!("{path}.containers"), "Required value".into()));
    }
    let mut seen = Vec::new();
    for list in ["containers", "initContainers"] {
        for (index, container) in items(spec, &format!("/{list}")).iter().enumerate() {
            let field = |name: &str| format!("{path}.{list}[{index}].{name}");
            let container_name = text(container, "/name");
            if container_name.is_empty() {
                causes.push((field("name"), "Required value".into()));
            } else if seen.contains(&container_name) {
                causes.push((field("name"), format!("Duplicate value: \"{container_name}\"")));
            }
            seen.push(container_name);
            if text(container, "/image").is_empty() {
                causes.push((field("image"), "Required value".into()));
            } else if path == "spec" && text(container, "/image") != text(container, "/image").trim() {
                let message = "must not have leading or trailing whitespace";
                causes.push((field("image"), format!("Invalid value: \"{}\": {message}", text(container, "/image"))));
            }
            let policy = text(container, "/imagePullPolicy");
            if !matches!(policy, "Always" | "IfNotPresent" | "Never") {
                let message = format!(
                    "Unsupported value: \"{policy}\": supported values: \"Always\", \"IfNotPresent\", \"Never\""
                );
                causes.push((field("imagePullPolicy"), message));
            }
        }
    }
}

fn validate_selector(before: Option<&Value>, object: &Value, causes: &mut Vec<(String, String)>) {
    let selector = &object["spec"]["selector"];
    if selector.is_null() {
        causes.push(("spec.selector".into(), "Required value".into()));
        return;
    }
    let labels = object.pointer("/spec/template/metadata/labels");
    if !LabelSelector::from_object(selector).matches(labels) {
        let shown = labels.cloned().unwrap_or_else(|| json!({}));
        let message = format!("Invalid value: {shown}: `selector` does not match template `labels`");
        causes.push(("spec.template.metadata.labels".into(), message));
    }
    if before.is_some_and(|before| before["spec"]["selector"] != *selector) {
        causes.push(("spec.selector".into(), format!("Invalid value: {selector}: field is immutable")));
    }
}

fn validate_change(key: &str, before: &Value, after: &Value, causes: &mut Vec<(String, String)>) {
    match key {
        "pods" => {
            let mut allowed = before["spec"].clone();
            for list in ["containers", "initContainers"] {
                let images = items(after, &format!("/spec/{list}"));
                for (index, container) in
                    allowed.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().enumerate()
                {
                    if let Some(image) = images.get(index).and_then(|other| other.get("image")) {
                        container["image"] = image.clone();
                    }
                }
            }
            for field in [
                "activeDeadlineSeconds",
                "tolerations",
                "terminationGracePeriodSeconds",
                "nodeName",
                "ephemeralContainers",
            ] {
                match after["spec"].get(field) {
                    Some(value) => allowed[field] = value.clone(),
                    None => drop(object_at(&mut allowed, &[]).remove(field)),
                }
            }
            if allowed != after["spec"] {
                let message = "Forbidden: pod updates may not change fields other than \
                               `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                               `spec.tolerations` (only additions to existing tolerations),\
                               `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
                causes.push(("spec".into(), message.into()));
            }
        }
        "jobs.batch" if before["spec"]["template"] != after["spec"]["template"] => {
            let message = format!("Invalid value: {}: field is immutable", after["spec"]["template"]);
            causes.push(("spec.template".into(), message));
        }
        "statefulsets.apps" => {
            let mut allowed = before["spec"].clone();
            for field in [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
                "selector",
            ] {
                match after["spec"].get(field) {
                    Some(value) => allowed[field] = value.clone(),
                    None => drop(object_at(&mut allowed, &[]).remove(field)),
                }
            }
            if allowed != after["spec"] {
                let message = "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', \
                               'template', 'updateStrategy', 'revisionHistoryLimit', \
                               'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
                causes.push(("spec".into(), message.into()));
            }
        }
        _ => {}
    }
    if !uid(before).is_empty() && !uid(after).is_empty() && uid(before) != uid(after) {
        causes.push(("metadata.uid".into(), format!("Invalid value: \"{}\": field is immutable", uid(after))));
    }
}
