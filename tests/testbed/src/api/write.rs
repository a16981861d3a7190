//! create, update, patch, delete and deletecollection.

use axum::response::Response;
use serde_json::{Value, json};

use crate::store::counts;
use crate::store::deletion::{DeleteOptions, Deleted};
use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{items, name, number, object_at, random_suffix, text, uid};
use crate::store::resources::ResourceType;
use crate::store::selector::LabelSelector;

use super::fields::{self, Manager};
use super::read::Filter;
use super::request::RequestInfo;
use super::respond::{Form, form_of, json_response, partial};
use super::{ApiServer, admission, defaults, json_patch, patch as patches};

fn decode(body: &[u8]) -> ApiResult<Value> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}")))
}

fn respond(info: &RequestInfo, status: u16, object: &Value) -> Response {
    match form_of(&info.accept) {
        Some(Form::Partial) => json_response(info, status, &partial(object)),
        _ => json_response(info, status, object),
    }
}

fn manager(info: &RequestInfo, operation: &'static str) -> Manager {
    Manager { name: info.field_manager(), operation, subresource: info.subresource.clone() }
}

/// The namespace under which the store keeps the object of this request.
fn namespace_of(info: &RequestInfo, resource: &ResourceType) -> String {
    if resource.namespaced { info.namespace.clone().unwrap_or_default() } else { String::new() }
}

fn check_type(resource: &ResourceType, object: &mut Value) -> ApiResult<()> {
    if !object.is_object() {
        return Err(ApiError::bad_request("the object provided is not a JSON object"));
    }
    if text(object, "/kind").is_empty() {
        object["kind"] = resource.kind.as_str().into();
    }
    if text(object, "/apiVersion").is_empty() {
        object["apiVersion"] = resource.api_version().into();
    }
    let (kind, version) = (text(object, "/kind"), text(object, "/apiVersion"));
    if kind != resource.kind || version != resource.api_version() {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({version}) and kind ({kind}) do not match the expected API version ({}) and kind ({})",
            resource.api_version(),
            resource.kind
        )));
    }
    Ok(())
}

/// Stores a new object; used by requests and by the controllers, which are clients too.
pub fn create_object(
    server: &ApiServer,
    resource: &ResourceType,
    mut object: Value,
    manager: &Manager,
    dry_run: bool,
) -> ApiResult<Value> {
    let key = resource.key();
    if name(&object).is_empty() && !text(&object, "/metadata/generateName").is_empty() {
        let generated = format!("{}{}", text(&object, "/metadata/generateName"), random_suffix(5));
        object_at(&mut object, &["metadata"]).insert("name".into(), generated.into());
    }
    if name(&object).is_empty() {
        return Err(ApiError::invalid(
            &resource.kind,
            &resource.group,
            "",
            &[("metadata.name", "Required value: name or generateName is required")],
        ));
    }
    let metadata = object_at(&mut object, &["metadata"]);
    for field in
        ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"]
    {
        metadata.remove(field);
    }
    let is_mirror = object.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some();
    if resource.subresources.iter().any(|one| one == "status") && !is_mirror && key != "nodes" {
        object_at(&mut object, &[]).remove("status");
    }
    defaults::apply(&key, &mut object);
    admission::admit_new(&server.store, resource, &mut object)?;
    admission::validate(resource, None, &object)?;
    if items(&object, "/metadata/managedFields").is_empty() {
        fields::note_update(&Value::Null, &mut object, manager);
    }
    // A job's uid is given by admission, for its labels carry it.
    let given_uid = uid(&object).to_owned();
    if dry_run {
        let metadata = object_at(&mut object, &["metadata"]);
        metadata.insert("creationTimestamp".into(), crate::store::object::now().into());
        metadata.entry("uid").or_insert_with(|| uuid::Uuid::new_v4().to_string().into());
        return match server.store.get(&key, crate::store::object::namespace(&object), name(&object)) {
            Some(_) => Err(ApiError::already_exists(&key, name(&object))),
            None => Ok(object),
        };
    }
    let stored = server.store.create(&key, object)?;
    debug_assert!(given_uid.is_empty() || given_uid == uid(stored.value()));
    if key == "namespaces" {
        furnish_namespace(server, name(stored.value()))?;
    }
    Ok(stored.value().clone())
}

/// What the controllers put into every namespace. Here it is there at once, so that nobody has to wait for it.
fn furnish_namespace(server: &ApiServer, namespace: &str) -> ApiResult<()> {
    for (resource, kind, object_name) in
        [("serviceaccounts", "ServiceAccount", "default"), ("configmaps", "ConfigMap", "kube-root-ca.crt")]
    {
        let object = json!({
            "apiVersion": "v1", "kind": kind, "metadata": {"name": object_name, "namespace": namespace},
        });
        match server.store.create(resource, object) {
            Ok(_) => {}
            Err(error) if error.reason == "AlreadyExists" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// POST.
pub fn create(server: &ApiServer, info: &RequestInfo, resource: &ResourceType, body: &[u8]) -> ApiResult<Response> {
    if info.content_type.contains("protobuf") {
        // `kubectl create deployment` and the like send it; `kubectl create -f` and `apply` send JSON.
        return Err(ApiError::unsupported_media_type("application/json (the simulated server reads no protobuf)"));
    }
    let mut object = decode(body)?;
    if info.name.is_some() {
        return Err(ApiError::method_not_allowed());
    }
    check_type(resource, &mut object)?;
    if !text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    if resource.namespaced {
        let wanted = info.namespace.clone().unwrap_or_default();
        let given = text(&object, "/metadata/namespace");
        if !given.is_empty() && given != wanted {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        object_at(&mut object, &["metadata"]).insert("namespace".into(), wanted.into());
    } else {
        object_at(&mut object, &["metadata"]).remove("namespace");
    }
    let stored = create_object(server, resource, object, &manager(info, "Update"), info.dry_run()?)?;
    Ok(respond(info, 201, &stored))
}

/// Which part of `after` a request to this subresource may change; the rest stays as it was.
fn keep_parts(subresource: &str, resource: &ResourceType, before: &Value, after: &mut Value) {
    let keep = |after: &mut Value, field: &str| match before.get(field) {
        Some(value) => after[field] = value.clone(),
        None => drop(object_at(after, &[]).remove(field)),
    };
    match subresource {
        "status" => {
            keep(after, "spec");
            for field in ["labels", "annotations", "ownerReferences", "finalizers"] {
                match before["metadata"].get(field) {
                    Some(value) => after["metadata"][field] = value.clone(),
                    None => drop(object_at(after, &["metadata"]).remove(field)),
                }
            }
        }
        "ephemeralcontainers" => {
            let given = after["spec"]["ephemeralContainers"].clone();
            let before_spec = before["spec"].clone();
            after["spec"] = before_spec;
            if !given.is_null() {
                after["spec"]["ephemeralContainers"] = given;
            }
            keep(after, "status");
        }
        _ if resource.subresources.iter().any(|one| one == "status") => keep(after, "status"),
        _ => {}
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        match before["metadata"].get(field) {
            Some(value) => after["metadata"][field] = value.clone(),
            None => drop(object_at(after, &["metadata"]).remove(field)),
        }
    }
}

/// Changes an object as a client: `edit` makes the new state out of the old one.
pub fn change_object(
    server: &ApiServer,
    info: &RequestInfo,
    resource: &ResourceType,
    operation: &'static str,
    dry_run: bool,
    edit: impl FnOnce(&mut Value) -> ApiResult<()>,
) -> ApiResult<Value> {
    let key = resource.key();
    let wanted = info.name.clone().unwrap_or_default();
    let namespace = namespace_of(info, resource);
    let manager = manager(info, operation);
    let rewriting = admission::rewriting(&server.store, &key, &namespace);
    let change = |object: &mut Value| -> ApiResult<()> {
        let before = object.clone();
        edit(object)?;
        let given_uid = uid(object);
        if !given_uid.is_empty() && given_uid != uid(&before) {
            if info.verb == "patch" {
                let why = format!("Invalid value: \"{given_uid}\": field is immutable");
                return Err(ApiError::invalid(&resource.kind, &resource.group, &wanted, &[("metadata.uid", &why)]));
            }
            let why =
                format!("Precondition failed: UID in precondition: {given_uid}, UID in object meta: {}", uid(&before));
            return Err(ApiError::conflict(&key, &wanted, &why));
        }
        let version = text(object, "/metadata/resourceVersion");
        if !version.is_empty() && version != text(&before, "/metadata/resourceVersion") {
            return Err(ApiError::modified(&key, &wanted));
        }
        if name(object) != wanted {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({wanted})",
                name(object)
            )));
        }
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            object["metadata"][field] = before["metadata"][field].clone();
        }
        keep_parts(&info.subresource, resource, &before, object);
        defaults::apply(&key, object);
        admission::rewrite(object, rewriting.as_ref());
        admission::validate(resource, Some(&before), object)?;
        if operation == "Update" {
            fields::note_update(&before, object, &manager);
        }
        Ok(())
    };
    if dry_run {
        let current = server.store.get(&key, &namespace, &wanted).ok_or_else(|| ApiError::not_found(&key, &wanted))?;
        let mut object = current.value().clone();
        change(&mut object)?;
        if counts(&key, current.value(), &object)
            && let Some(generation) = number(&object, "/metadata/generation")
        {
            object["metadata"]["generation"] = (generation + 1).into();
        }
        return Ok(object);
    }
    Ok(server.store.update(&key, &namespace, &wanted, change)?.value().clone())
}

/// The `Scale` of a workload.
pub fn scale_of(object: &Value) -> Value {
    let selector = &object["spec"]["selector"];
    let labels = selector.get("matchLabels").unwrap_or(selector);
    let terms: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let metadata = &object["metadata"];
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": number(object, "/spec/replicas").unwrap_or(0)},
        "status": {"replicas": number(object, "/status/replicas").unwrap_or(0), "selector": terms.join(",")},
    })
}

/// PUT.
pub fn update(server: &ApiServer, info: &RequestInfo, resource: &ResourceType, body: &[u8]) -> ApiResult<Response> {
    let mut given = decode(body)?;
    if info.name.is_none() {
        return Err(ApiError::method_not_allowed());
    }
    if info.subresource == "scale" {
        let after = change_object(server, info, resource, "Update", info.dry_run()?, |object| {
            object["spec"]["replicas"] = given["spec"]["replicas"].clone();
            Ok(())
        })?;
        return Ok(respond(info, 200, &scale_of(&after)));
    }
    check_type(resource, &mut given)?;
    let after = change_object(server, info, resource, "Update", info.dry_run()?, |object| {
        if items(&given, "/metadata/managedFields").is_empty() {
            given["metadata"]["managedFields"] = object["metadata"]["managedFields"].clone();
        }
        *object = given;
        Ok(())
    })?;
    Ok(respond(info, 200, &after))
}

/// PATCH.
pub fn patch(server: &ApiServer, info: &RequestInfo, resource: &ResourceType, body: &[u8]) -> ApiResult<Response> {
    const ALL: &str = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    let dry_run = info.dry_run()?;
    if info.content_type == "application/apply-patch+yaml" {
        return apply(server, info, resource, body, dry_run);
    }
    let document = decode(body)?;
    let edit = |object: &mut Value| -> ApiResult<()> {
        match info.content_type.as_str() {
            "application/json-patch+json" => json_patch::apply(object, &document),
            "application/merge-patch+json" => {
                patches::merge_patch(object, &document);
                Ok(())
            }
            "application/strategic-merge-patch+json" if !resource.custom => {
                patches::strategic_merge_patch(object, &document);
                Ok(())
            }
            _ if resource.custom => Err(ApiError::unsupported_media_type(ALL)),
            _ => Err(ApiError::unsupported_media_type(&format!("{ALL}, application/strategic-merge-patch+json"))),
        }
    };
    if info.subresource == "scale" {
        let after = change_object(server, info, resource, "Update", dry_run, |object| {
            let mut scale = scale_of(object);
            edit(&mut scale)?;
            object["spec"]["replicas"] = scale["spec"]["replicas"].clone();
            Ok(())
        })?;
        return Ok(respond(info, 200, &scale_of(&after)));
    }
    let after = change_object(server, info, resource, "Update", dry_run, edit)?;
    Ok(respond(info, 200, &after))
}

/// Server-side apply: creates what is missing.
fn apply(
    server: &ApiServer,
    info: &RequestInfo,
    resource: &ResourceType,
    body: &[u8],
    dry_run: bool,
) -> ApiResult<Response> {
    if info.parameter("fieldManager").is_empty() {
        return Err(ApiError::invalid(
            "PatchOptions",
            "meta.k8s.io",
            "",
            &[("fieldManager", "Required value: is required for apply patch")],
        ));
    }
    let mut applied = decode(body)?;
    check_type(resource, &mut applied)?;
    let wanted = info.name.clone().unwrap_or_default();
    let namespace = namespace_of(info, resource);
    let metadata = object_at(&mut applied, &["metadata"]);
    metadata.remove("managedFields");
    metadata.insert("name".into(), wanted.as_str().into());
    if resource.namespaced {
        metadata.insert("namespace".into(), namespace.as_str().into());
    }
    let manager = manager(info, "Apply");
    if server.store.get(&resource.key(), &namespace, &wanted).is_none() {
        let mut object = Value::Null;
        fields::apply(&mut object, &applied, &manager, true)?;
        let stored = create_object(server, resource, object, &manager, dry_run)?;
        return Ok(respond(info, 201, &stored));
    }
    let after = change_object(server, info, resource, "Apply", dry_run, |object| {
        fields::apply(object, &applied, &manager, info.is_set("force"))
    })?;
    Ok(respond(info, 200, &after))
}

fn delete_options(info: &RequestInfo, body: &[u8]) -> ApiResult<(DeleteOptions, bool)> {
    let given = if body.is_empty() { json!({}) } else { decode(body)? };
    let mut options = DeleteOptions::from_object(&given);
    if let Ok(seconds) = info.parameter("gracePeriodSeconds").parse() {
        options.grace_period_seconds = Some(seconds);
    }
    if !info.parameter("propagationPolicy").is_empty() {
        options.propagation_policy = Some(info.parameter("propagationPolicy").to_owned());
    }
    let dry_run = info.dry_run()? || !items(&given, "/dryRun").is_empty();
    Ok((options, dry_run))
}

/// DELETE of one object.
pub fn delete(server: &ApiServer, info: &RequestInfo, resource: &ResourceType, body: &[u8]) -> ApiResult<Response> {
    let (options, dry_run) = delete_options(info, body)?;
    let key = resource.key();
    let wanted = info.name.clone().unwrap_or_default();
    let namespace = namespace_of(info, resource);
    let current = server.store.get(&key, &namespace, &wanted).ok_or_else(|| ApiError::not_found(&key, &wanted))?;
    if dry_run {
        return Ok(respond(info, 200, current.value()));
    }
    let deleted = server.store.delete(&key, &namespace, &wanted, &options)?;
    Ok(match deleted {
        Deleted::Terminating(object) => respond(info, 200, object.value()),
        Deleted::Gone(object) if key == "pods" => respond(info, 200, object.value()),
        Deleted::Gone(object) => {
            let mut details = json!({"name": wanted, "kind": resource.plural, "uid": uid(object.value())});
            if !resource.group.is_empty() {
                details["group"] = resource.group.as_str().into();
            }
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            json_response(info, 200, &status)
        }
    })
}

/// DELETE of all objects that the selectors match.
pub fn delete_collection(
    server: &ApiServer,
    info: &RequestInfo,
    resource: &ResourceType,
    body: &[u8],
) -> ApiResult<Response> {
    let (options, dry_run) = delete_options(info, body)?;
    LabelSelector::parse(info.parameter("labelSelector"))?;
    let key = resource.key();
    let filter = Filter::of(info, &key)?;
    let (revision, all) = server.store.list(&key, info.namespace.as_deref());
    let mut deleted = Vec::new();
    for object in all.iter().filter(|object| filter.matches(object.value())) {
        let namespace = crate::store::object::namespace(object.value());
        if !dry_run {
            match server.store.delete(&key, namespace, name(object.value()), &options) {
                Ok(_) => {}
                Err(error) if error.reason == "NotFound" => continue,
                Err(error) => return Err(error),
            }
        }
        deleted.push(object.value().clone());
    }
    let list = json!({
        "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(),
        "metadata": {"resourceVersion": revision.to_string()}, "items": deleted,
    });
    Ok(json_response(info, 200, &list))
}
