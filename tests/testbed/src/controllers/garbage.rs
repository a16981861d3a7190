//! What has to go: the dependents of what is gone, and the contents of a namespace that is being deleted.

use serde_json::Value;

use crate::store::deletion::DeleteOptions;
use crate::store::error::ApiResult;
use crate::store::object::{flag, is_terminating, items, name, namespace, object_at, text, uid};

use super::Context;

/// Whether an owner reference still points to something.
fn exists(context: &Context, dependent_namespace: &str, owner: &Value) -> bool {
    let store = &context.server.store;
    let Some(resource) = store.key_of_kind(text(owner, "/apiVersion"), text(owner, "/kind")) else { return true };
    let namespaced = store.type_of_key(&resource).is_some_and(|kind| kind.namespaced);
    let place = if namespaced { dependent_namespace } else { "" };
    store.get(&resource, place, text(owner, "/name")).is_some_and(|object| uid(object.value()) == text(owner, "/uid"))
}

/// Deletes what depended on an object that is gone, unless another owner is left.
pub fn collect_dependents(context: &Context, gone: &Value) {
    for (key, dependent) in context.server.store.dependents(uid(gone)) {
        let dependent = dependent.value();
        let others = items(dependent, "/metadata/ownerReferences").iter();
        let has_other = others
            .filter(|owner| text(owner, "/uid") != uid(gone))
            .any(|owner| exists(context, namespace(dependent), owner));
        if has_other {
            drop_owner(context, &key.0, dependent, uid(gone));
        } else if !is_terminating(dependent) {
            context.delete(&key.0, dependent);
        }
    }
}

fn drop_owner(context: &Context, resource: &str, dependent: &Value, owner_uid: &str) {
    let _ = context.change(resource, dependent, |object| {
        let metadata = object_at(object, &["metadata"]);
        if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
            owners.retain(|owner| text(owner, "/uid") != owner_uid);
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        }
    });
}

/// Carries out the finalizers that the garbage collector owns.
pub fn finalize(context: &Context, resource: &str, object: &Value) -> ApiResult<()> {
    let has = |finalizer: &str| items(object, "/metadata/finalizers").iter().any(|one| one == finalizer);
    if !is_terminating(object) {
        return Ok(());
    }
    let dependents = context.server.store.dependents(uid(object));
    let finished = if has("orphan") {
        for (key, dependent) in &dependents {
            drop_owner(context, &key.0, dependent.value(), uid(object));
        }
        "orphan"
    } else if has("foregroundDeletion") {
        let mut blocked = false;
        for (key, dependent) in &dependents {
            let dependent = dependent.value();
            blocked |= items(dependent, "/metadata/ownerReferences")
                .iter()
                .any(|owner| text(owner, "/uid") == uid(object) && flag(owner, "/blockOwnerDeletion"));
            if !is_terminating(dependent) {
                let options = DeleteOptions {
                    propagation_policy: (key.0 != "pods").then(|| "Foreground".to_owned()),
                    uid: Some(uid(dependent).to_owned()),
                    ..DeleteOptions::default()
                };
                let _ = context.server.store.delete(&key.0, &key.1, &key.2, &options);
            }
        }
        if blocked {
            return Ok(());
        }
        "foregroundDeletion"
    } else {
        return Ok(());
    };
    context.change(resource, object, |object| {
        let metadata = object_at(object, &["metadata"]);
        if let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
            finalizers.retain(|one| one != finished);
            if finalizers.is_empty() {
                metadata.remove("finalizers");
            }
        }
    })?;
    Ok(())
}

/// Deletes the contents of a namespace that is being deleted, and lets it go when it is empty.
pub fn empty_namespace(context: &Context, object: &Value) -> ApiResult<()> {
    if !is_terminating(object) {
        return Ok(());
    }
    let store = &context.server.store;
    let mut left = 0;
    for kind in store.types().into_iter().filter(|kind| kind.namespaced && !kind.review) {
        for content in store.list(&kind.key(), Some(name(object))).1 {
            left += 1;
            if !is_terminating(content.value()) {
                context.delete(&kind.key(), content.value());
            }
        }
    }
    if left == 0 {
        context.change("namespaces", object, |object| {
            object_at(object, &["spec"]).remove("finalizers");
        })?;
    }
    Ok(())
}
