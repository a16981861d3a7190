//! Managed fields: who set what, in the notation `FieldsV1`, and server-side apply on top of it (in a simple form:
//! the lists known to the strategic merge have keys, every other list is one value).

use serde_json::{Map, Value, json};

use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{items, now, object_at, text};

use super::patch::{merge_key, strategic_merge_patch};

/// Fields that belong to the server and are never managed.
const SERVER_FIELDS: &[&str] = &[
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The fields that `value` sets.
pub fn fields_of(value: &Value) -> Value {
    let mut top = Map::new();
    for (key, inner) in value.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                let kept: Map<String, Value> = inner
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| !SERVER_FIELDS.contains(&key.as_str()))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                if !kept.is_empty() {
                    top.insert("f:metadata".into(), fields(key, &Value::Object(kept), false));
                }
            }
            _ => {
                top.insert(format!("f:{key}"), fields(key, inner, false));
            }
        }
    }
    Value::Object(top)
}

fn item_key(field: &str, item: &Value) -> Option<String> {
    let key = merge_key(field, Some(item))?;
    let identity = item.get(key)?;
    Some(format!("k:{}", json!({ key: identity })))
}

/// Marks an item of a difference that was in the list before, or labels and annotations that were there: only what
/// changed in them counts, and not they themselves.
const KNOWN_ITEM: &str = "$known";

fn fields(field: &str, value: &Value, is_item: bool) -> Value {
    let mut set = Map::new();
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            let known = inner.get(KNOWN_ITEM).and_then(Value::as_str);
            if known.is_none() && (is_item || matches!(field, "labels" | "annotations")) {
                set.insert(".".into(), json!({}));
            }
            for (key, value) in inner.iter().filter(|(key, _)| *key != KNOWN_ITEM && known != Some(key.as_str())) {
                set.insert(format!("f:{key}"), fields(key, value, false));
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let keyed: Option<Vec<(String, &Value)>> =
                list.iter().map(|item| item_key(field, item).map(|key| (key, item))).collect();
            if let Some(keyed) = keyed {
                if list.iter().all(|item| item.get(KNOWN_ITEM).is_none()) {
                    set.insert(".".into(), json!({}));
                }
                for (key, item) in keyed {
                    set.insert(key, fields("", item, true));
                }
            }
        }
        _ => {}
    }
    Value::Object(set)
}

fn merge_sets(into: &mut Value, other: &Value) {
    let Some(other) = other.as_object() else { return };
    if !into.is_object() {
        *into = json!({});
    }
    if let Some(into) = into.as_object_mut() {
        for (key, value) in other {
            merge_sets(into.entry(key.clone()).or_insert_with(|| json!({})), value);
        }
    }
}

/// Takes the leaves of `other` out of `from`; true when nothing is left.
fn subtract(from: &mut Value, other: &Value) -> bool {
    let (Some(from), Some(other)) = (from.as_object_mut(), other.as_object()) else { return true };
    if from.is_empty() {
        return true;
    }
    for (key, taken) in other {
        let is_leaf_taken = taken.as_object().is_none_or(Map::is_empty);
        let gone = match from.get_mut(key) {
            Some(_) if is_leaf_taken => true,
            Some(inner) => subtract(inner, taken),
            None => false,
        };
        if gone {
            from.remove(key);
        }
    }
    from.is_empty()
}

/// The part of `after` that differs from `before`.
fn difference(field: &str, before: Option<&Value>, after: &Value) -> Option<Value> {
    match (before, after) {
        (Some(before), after) if before == after => None,
        (Some(Value::Object(before)), Value::Object(after)) => {
            let mut changed: Map<String, Value> = after
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), difference(key, before.get(key), value)?)))
                .collect();
            if matches!(field, "labels" | "annotations") && !changed.is_empty() {
                changed.insert(KNOWN_ITEM.to_owned(), "".into());
            }
            (!changed.is_empty()).then_some(Value::Object(changed))
        }
        (Some(Value::Array(before)), Value::Array(list)) if list.iter().all(|item| item_key(field, item).is_some()) => {
            let changed: Vec<Value> = list
                .iter()
                .filter_map(|item| {
                    let twin = before.iter().find(|one| item_key(field, one) == item_key(field, item));
                    let mut changed = difference("", twin, item)?;
                    if let (Some(key), Some(changed)) = (merge_key(field, Some(item)), changed.as_object_mut()) {
                        changed.insert(key.to_owned(), item[key].clone());
                        if twin.is_some() {
                            changed.insert(KNOWN_ITEM.to_owned(), key.into());
                        }
                    }
                    Some(changed)
                })
                .collect();
            (!changed.is_empty()).then_some(Value::Array(changed))
        }
        (_, after) => Some(after.clone()),
    }
}

/// Who makes a change, and how.
#[derive(Debug, Clone)]
pub struct Manager {
    /// `fieldManager`.
    pub name: String,
    /// `Update` or `Apply`.
    pub operation: &'static str,
    /// `status`, or empty.
    pub subresource: String,
}

fn is_entry_of(entry: &Value, manager: &Manager) -> bool {
    text(entry, "/manager") == manager.name
        && text(entry, "/operation") == manager.operation
        && text(entry, "/subresource") == manager.subresource
}

fn put_entry(object: &mut Value, manager: &Manager, set: Value, replaces: bool) {
    let api_version = object["apiVersion"].clone();
    let mut entries = items(object, "/metadata/managedFields").to_vec();
    for entry in &mut entries {
        if !is_entry_of(entry, manager) && manager.operation == "Update" {
            subtract(&mut entry["fieldsV1"], &set);
        }
    }
    entries.retain(|entry| {
        is_entry_of(entry, manager) || entry["fieldsV1"].as_object().is_some_and(|set| !set.is_empty())
    });
    if let Some(entry) = entries.iter_mut().find(|entry| is_entry_of(entry, manager)) {
        if replaces {
            entry["fieldsV1"] = set;
        } else {
            merge_sets(&mut entry["fieldsV1"], &set);
        }
        entry["time"] = now().into();
    } else {
        let mut entry = json!({
            "manager": manager.name, "operation": manager.operation, "apiVersion": api_version,
            "time": now(), "fieldsType": "FieldsV1", "fieldsV1": set,
        });
        if !manager.subresource.is_empty() {
            entry["subresource"] = manager.subresource.as_str().into();
        }
        entries.push(entry);
    }
    object_at(object, &["metadata"]).insert("managedFields".into(), entries.into());
}

/// Notes that `manager` made `after` out of `before` (null for a new object).
pub fn note_update(before: &Value, after: &mut Value, manager: &Manager) {
    if before.is_object() && items(before, "/metadata/managedFields") != items(after, "/metadata/managedFields") {
        // A client that empties or edits the entries gets its way, as on the real server.
        return;
    }
    let before_fields = before.is_object().then_some(before);
    let Some(changed) = difference("", before_fields, after) else { return };
    let set = fields_of(&changed);
    if set.as_object().is_some_and(|set| !set.is_empty()) {
        put_entry(after, manager, set, false);
    }
}

/// The dotted paths at which another manager owns what `applied` would change.
fn conflicts(path: &str, owned: &Value, changed: &Value, found: &mut Vec<String>) {
    let (Some(owned), Some(changed)) = (owned.as_object(), changed.as_object()) else { return };
    for (key, inner) in changed {
        let Some(theirs) = owned.get(key) else { continue };
        if key == "." {
            continue;
        }
        let step = match key.strip_prefix("k:") {
            Some(identity) => {
                let shown = identity.trim_matches(|letter| letter == '{' || letter == '}').replacen("\":", "=", 1);
                format!("[{}]", shown.trim_start_matches('"'))
            }
            None => format!(".{}", key.trim_start_matches("f:")),
        };
        let path = format!("{path}{step}");
        if inner.as_object().is_none_or(Map::is_empty) {
            found.push(path);
        } else {
            conflicts(&path, theirs, inner, found);
        }
    }
}

/// Removes the leaves of a field set from an object.
fn remove_fields(field: &str, value: &mut Value, set: &Value) {
    let Some(set) = set.as_object() else { return };
    for (key, inner) in set {
        let is_leaf = inner.as_object().is_none_or(Map::is_empty);
        if let Some(name) = key.strip_prefix("f:") {
            if is_leaf {
                if let Some(value) = value.as_object_mut() {
                    value.remove(name);
                }
            } else if let Some(child) = value.get_mut(name) {
                remove_fields(name, child, inner);
            }
        } else if key.starts_with("k:")
            && let Some(list) = value.as_array_mut()
        {
            if inner.get(".").is_some() {
                list.retain(|item| item_key(field, item).as_deref() != Some(key));
            } else if let Some(item) = list.iter_mut().find(|item| item_key(field, item).as_deref() == Some(key)) {
                remove_fields("", item, inner);
            }
        }
    }
}

/// Server-side apply of `applied` onto `object` (null for a new one).
pub fn apply(object: &mut Value, applied: &Value, manager: &Manager, force: bool) -> ApiResult<()> {
    let before = object.clone();
    let set = fields_of(applied);
    if before.is_object() {
        let mut result = before.clone();
        strategic_merge_patch(&mut result, applied);
        let changed = difference("", Some(&before), &result).map(|changed| fields_of(&changed)).unwrap_or_default();
        let mut sentences = Vec::new();
        let mut causes = Vec::new();
        let mut entries = items(&before, "/metadata/managedFields").to_vec();
        for entry in entries.iter_mut().filter(|entry| text(entry, "/manager") != manager.name) {
            let mut paths = Vec::new();
            conflicts("", &entry["fieldsV1"], &changed, &mut paths);
            if paths.is_empty() {
                continue;
            }
            if force {
                subtract(&mut entry["fieldsV1"], &changed);
                continue;
            }
            let who = format!("\"{}\" using {}", text(entry, "/manager"), text(entry, "/apiVersion"));
            for path in &paths {
                causes.push(
                    json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": path}),
                );
            }
            sentences.push(match paths.as_slice() {
                [only] => format!("conflict with {who}: {only}"),
                many => format!("conflicts with {who}:\n- {}", many.join("\n- ")),
            });
        }
        if !causes.is_empty() {
            let count = causes.len();
            let word = if count == 1 { "conflict" } else { "conflicts" };
            let mut error =
                ApiError::new(409, "Conflict", format!("Apply failed with {count} {word}: {}", sentences.join("\n")));
            error.details = json!({"causes": causes});
            return Err(error);
        }
        // What this manager applied before and does not apply any more goes, unless somebody else owns it too.
        if let Some(previous) = entries.iter().find(|entry| is_entry_of(entry, manager)) {
            let mut dropped = previous["fieldsV1"].clone();
            subtract(&mut dropped, &set);
            for entry in entries.iter().filter(|entry| !is_entry_of(entry, manager)) {
                subtract(&mut dropped, &entry["fieldsV1"]);
            }
            remove_fields("", &mut result, &dropped);
        }
        result["metadata"]["managedFields"] = entries.into();
        *object = result;
    } else {
        *object = json!({});
        strategic_merge_patch(object, applied);
    }
    put_entry(object, manager, set, true);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(name: &str, operation: &'static str) -> Manager {
        Manager { name: name.into(), operation, subresource: String::new() }
    }

    fn deployment(image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
    }

    #[test]
    fn fields_are_written_as_the_real_server_writes_them() {
        let set = fields_of(&deployment("a:1"));
        assert_eq!(
            set["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"app\"}"],
            json!({".": {}, "f:image": {}, "f:name": {}})
        );
    }

    #[test]
    fn applying_over_another_managers_field_is_a_conflict_until_forced() {
        let mut object = deployment("a:1");
        note_update(&Value::Null, &mut object, &manager("kubectl-create", "Update"));
        let error = apply(&mut object, &deployment("a:2"), &manager("us", "Apply"), false).unwrap_err();
        assert_eq!(
            error.message,
            "Apply failed with 1 conflict: conflict with \"kubectl-create\" using apps/v1: \
             .spec.template.spec.containers[name=\"app\"].image"
        );
        apply(&mut object, &deployment("a:2"), &manager("us", "Apply"), true).unwrap();
        assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "a:2");
        assert_eq!(items(&object, "/metadata/managedFields").len(), 2);
    }

    #[test]
    fn an_item_that_is_still_applied_stays_although_some_of_its_fields_go() {
        let mut object = Value::Null;
        let mut with_policy = deployment("a:1");
        with_policy["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
        apply(&mut object, &with_policy, &manager("us", "Apply"), false).unwrap();
        apply(&mut object, &deployment("a:1"), &manager("us", "Apply"), false).unwrap();
        assert_eq!(object["spec"]["template"]["spec"]["containers"], json!([{"name": "app", "image": "a:1"}]));
    }

    #[test]
    fn a_field_that_is_no_longer_applied_goes() {
        let mut object = Value::Null;
        let mut with_label = deployment("a:1");
        with_label["metadata"]["labels"] = json!({"a": "1", "b": "2"});
        apply(&mut object, &with_label, &manager("us", "Apply"), false).unwrap();
        let mut without = with_label.clone();
        without["metadata"]["labels"] = json!({"a": "1"});
        apply(&mut object, &without, &manager("us", "Apply"), false).unwrap();
        assert_eq!(object["metadata"]["labels"], json!({"a": "1"}));
    }
}
