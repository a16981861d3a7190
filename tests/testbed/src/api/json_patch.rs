//! JSON patches (RFC 6902) as the real server carries them out. Its library takes liberties that clients can see: a
//! `test` of an absent field passes against null, `replace` makes an absent field, and an index may count from the end.

use serde_json::{Map, Value};

use crate::store::error::{ApiError, ApiResult};

/// An operation could not be carried out. Which one and why is not told to the client, by the real server neither.
#[derive(Debug)]
struct Failed;

/// Applies the patch as a whole or not at all.
pub fn apply(object: &mut Value, patch: &Value) -> ApiResult<()> {
    let Some(operations) = patch.as_array() else {
        let kind = match patch {
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            _ => "bool",
        };
        return Err(ApiError::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp"
        )));
    };
    let mut patched = object.clone();
    for operation in operations {
        carry_out(&mut patched, operation).map_err(|Failed| ApiError::unprocessable_patch())?;
    }
    *object = patched;
    Ok(())
}

fn carry_out(document: &mut Value, operation: &Value) -> Result<(), Failed> {
    let part = |name: &str| operation.get(name).and_then(Value::as_str).ok_or(Failed);
    let path = part("path")?;
    let value = operation.get("value").cloned().unwrap_or_default();
    match part("op")? {
        "add" => add(document, path, value),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            let (parent, key) = parent(document, path)?;
            match parent {
                Parent::Fields(fields) => drop(fields.insert(key, value)),
                Parent::Items(items) => {
                    let at = index(&key, items.len())?;
                    *items.get_mut(at).ok_or(Failed)? = value;
                }
            }
            Ok(())
        }
        "test" => {
            // Null and absent are one to the library, but only below a parent that is there.
            let found = look(document, path)?;
            if found.unwrap_or_default() == value { Ok(()) } else { Err(Failed) }
        }
        "copy" => {
            let copied = look(document, part("from")?)?.unwrap_or_default();
            add(document, path, copied)
        }
        "move" => {
            let moved = remove(document, part("from")?)?;
            add(document, path, moved)
        }
        _ => Err(Failed),
    }
}

enum Parent<'a> {
    Fields(&'a mut Map<String, Value>),
    Items(&'a mut Vec<Value>),
}

/// What holds the last step of the path, and that step. The document itself has no parent and cannot be addressed.
fn parent<'a>(document: &'a mut Value, path: &str) -> Result<(Parent<'a>, String), Failed> {
    let mut steps: Vec<String> =
        path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let last = steps.pop().ok_or(Failed)?;
    let mut current = document;
    for step in steps {
        current = match current {
            Value::Object(fields) => fields.get_mut(&step).ok_or(Failed)?,
            Value::Array(items) => {
                let at = index(&step, items.len())?;
                items.get_mut(at).ok_or(Failed)?
            }
            _ => return Err(Failed),
        };
    }
    match current {
        Value::Object(fields) => Ok((Parent::Fields(fields), last)),
        Value::Array(items) => Ok((Parent::Items(items), last)),
        _ => Err(Failed),
    }
}

fn index(step: &str, length: usize) -> Result<usize, Failed> {
    let number: i64 = step.parse().map_err(|_| Failed)?;
    let length = i64::try_from(length).map_err(|_| Failed)?;
    usize::try_from(if number < 0 { length + number } else { number }).map_err(|_| Failed)
}

fn look(document: &mut Value, path: &str) -> Result<Option<Value>, Failed> {
    let (parent, key) = parent(document, path)?;
    match parent {
        Parent::Fields(fields) => Ok(fields.get(&key).cloned()),
        Parent::Items(items) => {
            let at = index(&key, items.len())?;
            items.get(at).cloned().map(Some).ok_or(Failed)
        }
    }
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Failed> {
    let (parent, key) = parent(document, path)?;
    match parent {
        Parent::Fields(fields) => drop(fields.insert(key, value)),
        Parent::Items(items) => {
            let at = if key == "-" { items.len() } else { index(&key, items.len())? };
            if at > items.len() {
                return Err(Failed);
            }
            items.insert(at, value);
        }
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, Failed> {
    let (parent, key) = parent(document, path)?;
    match parent {
        Parent::Fields(fields) => fields.remove(&key).ok_or(Failed),
        Parent::Items(items) => {
            let at = index(&key, items.len())?;
            if at < items.len() { Ok(items.remove(at)) } else { Err(Failed) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_do_what_the_real_server_was_seen_to_do() {
        let document = json!({"a": {"b": 1, "gone": null}, "list": [{"x": 1}, {"x": 2}]});
        let cases = [
            (json!([{"op": "test", "path": "/a/none", "value": null}]), true),
            (json!([{"op": "test", "path": "/a/none"}]), true),
            (json!([{"op": "test", "path": "/a/none", "value": 1}]), false),
            (json!([{"op": "test", "path": "/a/b", "value": null}]), false),
            (json!([{"op": "test", "path": "/a/b", "value": 1.0}]), false),
            (json!([{"op": "test", "path": "/none/b", "value": null}]), false),
            (json!([{"op": "test", "path": "", "value": document}]), false),
            (json!([{"op": "test", "path": "/list/2", "value": null}]), false),
            (json!([{"op": "test", "path": "/list/-1/x", "value": 2}]), true),
            (json!([{"op": "replace", "path": "/a/none", "value": 1}]), true),
            (json!([{"op": "replace", "path": "/list/2", "value": 1}]), false),
            (json!([{"op": "add", "path": "/list/-", "value": 1}]), true),
            (json!([{"op": "add", "path": "/list/3", "value": 1}]), false),
            (json!([{"op": "add", "path": "/none/b", "value": 1}]), false),
            (json!([{"op": "remove", "path": "/a/none"}]), false),
            (json!([{"op": "copy", "from": "/a/b", "path": "/a/c"}]), true),
            (json!([{"op": "move", "from": "/a/none", "path": "/a/c"}]), false),
            (json!([{"op": "frob", "path": "/a/b"}]), false),
            (json!([{"op": "add", "value": 1}]), false),
            (json!([]), true),
        ];
        for (patch, passes) in cases {
            assert_eq!(apply(&mut document.clone(), &patch).is_ok(), passes, "{patch}");
        }
    }

    #[test]
    fn a_failing_test_is_unprocessable_and_changes_nothing() {
        let mut object = json!({"image": "a:1"});
        let patch = json!([
            {"op": "replace", "path": "/image", "value": "a:2"}, {"op": "test", "path": "/image", "value": "a:1"},
        ]);
        let error = apply(&mut object, &patch).unwrap_err();
        assert_eq!((error.code, error.reason), (422, "Invalid"));
        assert_eq!(object["image"], "a:1");
    }

    #[test]
    fn steps_are_unescaped_and_a_patch_is_a_list() {
        let mut object = json!({"annotations": {}});
        apply(&mut object, &json!([{"op": "add", "path": "/annotations/a~1b~0c", "value": "1"}])).unwrap();
        assert_eq!(object, json!({"annotations": {"a/b~c": "1"}}));
        assert_eq!(apply(&mut object, &json!({})).unwrap_err().code, 400);
    }
}
