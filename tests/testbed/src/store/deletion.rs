//! Deleting: at once, gracefully (pods), or when the finalizers are gone.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{ApiError, ApiResult};
use super::object::{self, Object, is_terminating, items, number, object_at, text};
use super::{Change, Store};

/// What a delete request may ask for.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// `gracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// `propagationPolicy`: `Background`, `Foreground` or `Orphan`.
    pub propagation_policy: Option<String>,
    /// `preconditions.uid`.
    pub uid: Option<String>,
    /// `preconditions.resourceVersion`.
    pub resource_version: Option<String>,
}

impl DeleteOptions {
    /// Without waiting, as the kubelet deletes a pod that has stopped.
    pub fn immediately() -> Self {
        Self { grace_period_seconds: Some(0), ..Self::default() }
    }

    /// Reads a `DeleteOptions` object.
    pub fn from_object(options: &Value) -> Self {
        let given = |pointer: &str| match text(options, pointer) {
            "" => None,
            value => Some(value.to_owned()),
        };
        Self {
            grace_period_seconds: number(options, "/gracePeriodSeconds"),
            propagation_policy: given("/propagationPolicy").or_else(|| {
                options
                    .get("orphanDependents")
                    .and_then(Value::as_bool)
                    .filter(|orphan| *orphan)
                    .map(|_| "Orphan".into())
            }),
            uid: given("/preconditions/uid"),
            resource_version: given("/preconditions/resourceVersion"),
        }
    }
}

/// What became of the object.
#[derive(Debug)]
pub enum Deleted {
    /// It is gone.
    Gone(Arc<Object>),
    /// It carries a deletion timestamp and stays for now.
    Terminating(Arc<Object>),
}

impl Store {
    /// Deletes an object as the API server does.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str, options: &DeleteOptions) -> ApiResult<Deleted> {
        let mut state = self.lock();
        let key = (namespace.to_owned(), name.to_owned());
        let before = state
            .objects
            .get(resource)
            .and_then(|objects| objects.get(&key))
            .cloned()
            .ok_or_else(|| ApiError::not_found(resource, name))?;
        check_preconditions(resource, name, before.value(), options)?;

        let mut after = before.value().clone();
        let grace = if resource == "pods" { pod_grace(&after, options) } else { 0 };
        let finalizer = match options.propagation_policy.as_deref() {
            Some("Foreground") => Some("foregroundDeletion"),
            Some("Orphan") => Some("orphan"),
            _ => None,
        };
        if let Some(finalizer) = finalizer {
            let metadata = object_at(&mut after, &["metadata"]);
            let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
            if let Some(list) = finalizers.as_array_mut()
                && !list.iter().any(|one| one == finalizer)
            {
                list.push(finalizer.into());
            }
        }
        let held = !items(&after, "/metadata/finalizers").is_empty()
            || resource == "namespaces" && !items(&after, "/spec/finalizers").is_empty();
        if grace == 0 && !held {
            return Ok(Deleted::Gone(state.remove(resource, &key, None, &self.latest)));
        }

        let shorter = number(&after, "/metadata/deletionGracePeriodSeconds").is_none_or(|current| grace < current);
        if !is_terminating(&after) || shorter {
            let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(grace);
            let generation = number(&after, "/metadata/generation");
            let metadata = object_at(&mut after, &["metadata"]);
            if !metadata.contains_key("deletionTimestamp")
                && let Some(generation) = generation
            {
                metadata.insert("generation".into(), (generation + 1).into());
            }
            metadata.insert("deletionTimestamp".into(), object::timestamp(until).into());
            metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
            if resource == "namespaces" {
                object_at(&mut after, &["status"]).insert("phase".into(), "Terminating".into());
            }
        }
        if after == *before.value() {
            return Ok(Deleted::Terminating(before));
        }
        Ok(Deleted::Terminating(state.put(resource, after, Change::Modified, &self.latest)))
    }
}

/// A pod that never reached a node, or has finished, has nothing to wait for.
fn pod_grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let finished = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    if text(pod, "/spec/nodeName").is_empty() || finished {
        return 0;
    }
    options.grace_period_seconds.or_else(|| number(pod, "/spec/terminationGracePeriodSeconds")).unwrap_or(30).max(0)
}

fn check_preconditions(resource: &str, name: &str, object: &Value, options: &DeleteOptions) -> ApiResult<()> {
    let mismatch = |field: &str, wanted: &str, actual: &str| {
        let why = format!("Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {actual}");
        Err(ApiError::conflict(resource, name, &why))
    };
    if let Some(wanted) = &options.uid
        && wanted != object::uid(object)
    {
        return mismatch("UID", wanted, object::uid(object));
    }
    if let Some(wanted) = &options.resource_version
        && wanted != text(object, "/metadata/resourceVersion")
    {
        return mismatch("ResourceVersion", wanted, text(object, "/metadata/resourceVersion"));
    }
    Ok(())
}
