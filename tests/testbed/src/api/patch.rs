//! The patches that merge: JSON merge patch, and Kubernetes' strategic merge patch.

use serde_json::{Map, Value};

/// The field by which a list's items are told apart in a strategic merge; lists not named here are replaced.
pub fn merge_key(field: &str, sample: Option<&Value>) -> Option<&'static str> {
    let has = |key: &str| sample.is_some_and(|item| item.get(key).is_some());
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => Some("name"),
        "ports" if has("containerPort") => Some("containerPort"),
        "ports" if has("port") => Some("port"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        "taints" => Some("key"),
        "addresses" if has("type") => Some("type"),
        _ => None,
    }
}

/// Applies a JSON merge patch (RFC 7386).
pub fn merge_patch(object: &mut Value, patch: &Value) {
    json_patch::merge(object, patch);
}

/// Applies a strategic merge patch.
pub fn strategic_merge_patch(object: &mut Value, patch: &Value) {
    if let Value::Object(patch) = patch {
        if !object.is_object() {
            *object = Value::Object(Map::new());
        }
        if let Value::Object(object) = object {
            merge_objects(object, patch);
        }
    }
}

fn merge_objects(object: &mut Map<String, Value>, patch: &Map<String, Value>) {
    if patch.get("$patch").is_some_and(|directive| directive == "replace") {
        object.clear();
    }
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        object.retain(|key, _| kept.iter().any(|one| one == key.as_str()));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let removed = value.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(list)) = object.get_mut(field) {
                list.retain(|item| !removed.contains(item));
            }
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        match value {
            Value::Null => {
                object.remove(key);
            }
            Value::Object(inner) => {
                if inner.get("$patch").is_some_and(|directive| directive == "delete") {
                    object.remove(key);
                    continue;
                }
                let target = object.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                strategic_merge_patch(target, value);
            }
            Value::Array(items) => {
                let current = object.remove(key).and_then(|value| match value {
                    Value::Array(list) => Some(list),
                    _ => None,
                });
                object.insert(key.clone(), Value::Array(merge_lists(key, current.unwrap_or_default(), items)));
            }
            other => {
                object.insert(key.clone(), other.clone());
            }
        }
    }
    for (key, order) in patch {
        if let (Some(field), Some(order)) = (key.strip_prefix("$setElementOrder/"), order.as_array()) {
            reorder(field, object.get_mut(field), order);
        }
    }
}

fn merge_lists(field: &str, mut current: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    if field == "finalizers" {
        let added = patch.iter().filter(|item| !current.contains(item)).cloned().collect::<Vec<_>>();
        current.extend(added);
        return current;
    }
    let replaces = patch.iter().any(|item| item.get("$patch").is_some_and(|directive| directive == "replace"));
    let plain = |items: &[Value]| items.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
    if replaces {
        return plain(patch);
    }
    let sample = patch.iter().chain(current.first()).find(|item| item.is_object());
    let Some(merge_key) = merge_key(field, sample) else { return plain(patch) };
    for item in patch {
        let identity = item.get(merge_key);
        let position = current.iter().position(|existing| existing.get(merge_key) == identity);
        let deletes = item.get("$patch").is_some_and(|directive| directive == "delete");
        match position {
            Some(index) if deletes => drop(current.remove(index)),
            Some(index) => strategic_merge_patch(&mut current[index], item),
            None if deletes => {}
            None => {
                let mut added = Value::Object(Map::new());
                strategic_merge_patch(&mut added, item);
                current.push(added);
            }
        }
    }
    current
}

fn reorder(field: &str, list: Option<&mut Value>, order: &[Value]) {
    let Some(Value::Array(list)) = list else { return };
    let Some(key) = merge_key(field, list.first()) else { return };
    // Items that the order does not name stay behind those that it names.
    list.sort_by_key(|item| order.iter().position(|one| one.get(key) == item.get(key)).unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_strategic_merge_finds_containers_by_name() {
        let mut object = json!({"spec": {"containers": [
            {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}]}, {"name": "side", "image": "s:1"},
        ]}});
        let patch = json!({"spec": {"containers": [{"name": "side", "image": "s:2"}]}});
        strategic_merge_patch(&mut object, &patch);
        assert_eq!(object["spec"]["containers"][1], json!({"name": "side", "image": "s:2"}));
        assert_eq!(object["spec"]["containers"][0]["env"][0]["value"], "1");
    }

    #[test]
    fn a_strategic_merge_that_names_a_missing_container_adds_one() {
        let mut object = json!({"containers": [{"name": "app", "image": "a:1"}]});
        strategic_merge_patch(&mut object, &json!({"containers": [{"name": "gone", "image": "g:2"}]}));
        assert_eq!(object["containers"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn directives_delete_replace_and_order() {
        let mut object = json!({"containers": [{"name": "a"}, {"name": "b"}], "finalizers": ["x", "y"], "args": ["1"]});
        let patch = json!({
            "containers": [{"name": "a", "$patch": "delete"}, {"name": "c"}],
            "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}],
            "$deleteFromPrimitiveList/finalizers": ["x"],
            "args": ["2", "3"],
        });
        strategic_merge_patch(&mut object, &patch);
        let expected = json!({"containers": [{"name": "c"}, {"name": "b"}], "finalizers": ["y"], "args": ["2", "3"]});
        assert_eq!(object, expected);
    }

    #[test]
    fn null_removes_a_field_in_both_merges() {
        let mut object = json!({"metadata": {"annotations": {"a": "1", "b": "2"}}});
        strategic_merge_patch(&mut object, &json!({"metadata": {"annotations": {"a": null}}}));
        merge_patch(&mut object, &json!({"metadata": {"annotations": {"b": null}}}));
        assert_eq!(object, json!({"metadata": {"annotations": {}}}));
    }
}
