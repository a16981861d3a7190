//! ControllerRevisions: how StatefulSets and DaemonSets remember their templates.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{Object, name, number, safe_hash, text};
use crate::store::owner_reference;

use super::Context;
use super::pods::label;

const RESOURCE: &str = "controllerrevisions.apps";

/// The label by which pods tell their revision.
pub const HASH_LABEL: &str = "controller-revision-hash";

/// The revision of the owner's current template, made if it is new. Answers its name and its hash.
pub fn current(context: &Context, owner: &Value, kind: &str) -> ApiResult<(String, String)> {
    let template = &owner["spec"]["template"];
    let mut data = template.clone();
    data["$patch"] = "replace".into();
    let data = json!({"spec": {"template": data}});
    let all = context.children(owner, RESOURCE);
    let latest = all.iter().filter_map(|one| number(one.value(), "/revision")).max().unwrap_or(0);
    if let Some(known) = all.iter().find(|one| one.value()["data"] == data) {
        if number(known.value(), "/revision").unwrap_or(0) < latest {
            context.change(RESOURCE, known.value(), |object| object["revision"] = (latest + 1).into())?;
        }
        let hash = text(known.value(), "/metadata/labels/controller-revision-hash");
        return Ok((name(known.value()).to_owned(), hash.rsplit('-').next().unwrap_or_default().to_owned()));
    }
    let hash = safe_hash(template);
    let revision_name = format!("{}-{hash}", name(owner));
    let mut revision = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": revision_name, "namespace": owner["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner_reference(owner, "apps/v1", kind)],
        },
        "revision": latest + 1, "data": data,
    });
    label(&mut revision, &[(HASH_LABEL, &hash)]);
    context.create(RESOURCE, revision)?;
    Ok((revision_name, hash))
}

/// The template that a revision of this name kept.
pub fn template_of(context: &Context, owner: &Value, revision: &str) -> Option<Value> {
    let all: Vec<Arc<Object>> = context.children(owner, RESOURCE);
    let found = all.iter().find(|one| name(one.value()) == revision)?;
    let mut template = found.value()["data"]["spec"]["template"].clone();
    template.as_object_mut()?.remove("$patch");
    Some(template)
}
