//! JSON patches (RFC 6902) as values: what is tested, and what is changed only if all tests pass.
//!
//! A strategic patch that names a container which is gone adds one, and a merge patch replaces lists as a whole. A
//! JSON patch names places in lists; the `test` operations in front make sure that what stands there is still what
//! was looked at, so that a changed object is refused and never overwritten.

use serde::Serialize;
use serde_json::Value;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// The place holds this value, or the whole patch is refused.
    Test {
        /// JSON pointer.
        path: String,
        /// Expected; null also fits what is not there.
        value: Value,
    },
    /// The place, which has to exist, gets this value.
    Replace {
        /// JSON pointer.
        path: String,
        /// New.
        value: Value,
    },
    /// The place, whose parent has to exist, gets this value.
    Add {
        /// JSON pointer.
        path: String,
        /// New.
        value: Value,
    },
    /// The place, which has to exist, goes away.
    Remove {
        /// JSON pointer.
        path: String,
    },
}

impl Operation {
    /// A `test`.
    #[must_use]
    pub fn test(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Test { path: path.into(), value: value.into() }
    }

    /// A `replace`.
    #[must_use]
    pub fn replace(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Replace { path: path.into(), value: value.into() }
    }

    /// An `add`.
    #[must_use]
    pub fn add(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Add { path: path.into(), value: value.into() }
    }

    /// It makes sure that something is not there, and it is not.
    fn is_absence(&self, object: &Value) -> bool {
        matches!(self, Self::Test { path, value: Value::Null } if object.pointer(path).is_none())
    }
}

/// The patch as it is sent.
#[must_use]
pub fn document(operations: &[Operation]) -> Value {
    // Texts, numbers and plain objects: nothing in them can fail to be written.
    serde_json::to_value(operations).unwrap_or_default()
}

/// What an object would be with the patch, for a preview.
///
/// # Errors
/// Which operation does not fit, in the words of the JSON patch library.
pub fn applied(object: &Value, operations: &[Operation]) -> Result<Value, String> {
    // The library knows no `test` of what is not there; the API server does.
    let told: Vec<Operation> = operations.iter().filter(|operation| !operation.is_absence(object)).cloned().collect();
    let patch: json_patch::Patch = serde_json::from_value(document(&told)).map_err(|error| error.to_string())?;
    let mut changed = object.clone();
    json_patch::patch(&mut changed, &patch).map_err(|error| error.to_string())?;
    Ok(changed)
}

/// A key as one token of a JSON pointer.
#[must_use]
pub fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_are_written_as_the_rfc_has_them() {
        let operations = [
            Operation::test("/a", "1"),
            Operation::replace("/a", "2"),
            Operation::add("/b", json!({"c": 1})),
            Operation::Remove { path: "/d".to_owned() },
        ];
        assert_eq!(
            document(&operations),
            json!([
                {"op": "test", "path": "/a", "value": "1"},
                {"op": "replace", "path": "/a", "value": "2"},
                {"op": "add", "path": "/b", "value": {"c": 1}},
                {"op": "remove", "path": "/d"},
            ])
        );
    }

    #[test]
    fn a_preview_is_refused_where_the_server_would_refuse() {
        let object = json!({"image": "a:1", "metadata": {"annotations": {"x/y": "1"}}});
        let fine = [Operation::test("/image", "a:1"), Operation::replace("/image", "a:2")];
        assert_eq!(applied(&object, &fine).unwrap()["image"], "a:2");
        let changed = [Operation::test("/image", "b:1"), Operation::replace("/image", "a:2")];
        assert!(applied(&object, &changed).is_err());
        let absent = [Operation::test("/spec", Value::Null), Operation::add("/spec", json!({}))];
        assert_eq!(applied(&object, &absent).unwrap()["spec"], json!({}));
        assert!(applied(&json!({"spec": {"replicas": 1}}), &absent).is_err());
        let annotation = format!("/metadata/annotations/{}", token("x/y"));
        assert_eq!(
            applied(&object, &[Operation::replace(annotation, "2")]).unwrap()["metadata"]["annotations"]["x/y"],
            "2"
        );
    }
}
