//! Label and field selectors, parsed and matched as the API server does.

use serde_json::Value;

use super::error::{ApiError, ApiResult};
use super::object::{self, text};

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    /// `key in (a,b)`, `key=a`.
    In(String, Vec<String>),
    /// `key notin (a,b)`, `key!=a`: also true where the label is missing.
    NotIn(String, Vec<String>),
    /// `key`.
    Exists(String),
    /// `!key`.
    Absent(String),
}

/// A parsed label selector; the empty one matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

/// Splits at commas outside of parentheses.
fn split_outside_parentheses(input: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, letter) in input.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&input[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&input[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

impl LabelSelector {
    /// Parses the text of a `labelSelector` parameter.
    pub fn parse(input: &str) -> ApiResult<Self> {
        split_outside_parentheses(input).into_iter().map(Self::requirement).collect::<ApiResult<_>>().map(Self)
    }

    fn requirement(part: &str) -> ApiResult<Requirement> {
        let bad = || ApiError::bad_request(format!("unable to parse requirement: found '{part}'"));
        let is_key = |key: &str| {
            !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
        };
        let requirement = if let Some((head, list)) = part.split_once('(') {
            let list = list.strip_suffix(')').ok_or_else(bad)?;
            let values = list.split(',').map(|value| value.trim().to_owned()).collect();
            let mut words = head.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some(key), Some("in"), None) => Requirement::In(key.to_owned(), values),
                (Some(key), Some("notin"), None) => Requirement::NotIn(key.to_owned(), values),
                _ => return Err(bad()),
            }
        } else if let Some((key, value)) = part.split_once("!=") {
            Requirement::NotIn(key.trim().to_owned(), vec![value.trim().to_owned()])
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            Requirement::In(key.trim().to_owned(), vec![value.trim().to_owned()])
        } else if let Some(key) = part.strip_prefix('!') {
            Requirement::Absent(key.trim().to_owned())
        } else {
            Requirement::Exists(part.to_owned())
        };
        let (Requirement::In(key, _)
        | Requirement::NotIn(key, _)
        | Requirement::Exists(key)
        | Requirement::Absent(key)) = &requirement;
        if is_key(key) { Ok(requirement) } else { Err(bad()) }
    }

    /// A selector as workloads carry it in their spec: `matchLabels` and `matchExpressions`.
    pub fn from_object(selector: &Value) -> Self {
        let mut requirements = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in labels {
                requirements.push(Requirement::In(key.clone(), vec![value.as_str().unwrap_or_default().to_owned()]));
            }
        }
        for expression in object::items(selector, "/matchExpressions") {
            let key = text(expression, "/key").to_owned();
            let values = object::items(expression, "/values").iter().filter_map(Value::as_str).map(str::to_owned);
            requirements.push(match text(expression, "/operator") {
                "In" => Requirement::In(key, values.collect()),
                "NotIn" => Requirement::NotIn(key, values.collect()),
                "Exists" => Requirement::Exists(key),
                _ => Requirement::Absent(key),
            });
        }
        Self(requirements)
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the labels (an object, or null) satisfy every requirement.
    pub fn matches(&self, labels: Option<&Value>) -> bool {
        let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|label| values.iter().any(|value| value == label)),
            Requirement::NotIn(key, values) => label(key).is_none_or(|label| values.iter().all(|value| value != label)),
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        })
    }
}

/// A parsed field selector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Parses the text of a `fieldSelector` parameter; a field that the resource does not offer is an error.
    pub fn parse(input: &str, resource: &str) -> ApiResult<Self> {
        let offered: &[&str] = match resource {
            "pods" => &[
                "metadata.name",
                "metadata.namespace",
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "spec.hostNetwork",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
            ],
            "events" => &[
                "metadata.name",
                "metadata.namespace",
                "involvedObject.kind",
                "involvedObject.name",
                "involvedObject.namespace",
                "involvedObject.uid",
                "reason",
                "type",
            ],
            "secrets" => &["metadata.name", "metadata.namespace", "type"],
            "namespaces" => &["metadata.name", "status.phase"],
            "nodes" => &["metadata.name", "spec.unschedulable"],
            "jobs.batch" => &["metadata.name", "metadata.namespace", "status.successful"],
            "replicationcontrollers" | "replicasets.apps" => {
                &["metadata.name", "metadata.namespace", "status.replicas"]
            }
            _ => &["metadata.name", "metadata.namespace"],
        };
        let mut terms = Vec::new();
        for part in input.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (field, equal, value) = if let Some((field, value)) = part.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, true, value)
            } else {
                return Err(ApiError::bad_request(format!("invalid selector: '{input}'; can't understand '{part}'")));
            };
            if !offered.contains(&field) {
                return Err(ApiError::bad_request(format!("field label not supported: {field}")));
            }
            terms.push((format!("/{}", field.replace('.', "/")), equal, value.to_owned()));
        }
        Ok(Self(terms))
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the object satisfies every term.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, equal, wanted)| {
            let actual = match object.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                None | Some(Value::Null) => String::new(),
                Some(other) => other.to_string(),
            };
            (actual == *wanted) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, labels: Value) -> bool {
        LabelSelector::parse(selector).unwrap().matches(Some(&labels))
    }

    #[test]
    fn equality_and_set_based_requirements_are_joined_by_and() {
        let labels = json!({"app": "web", "tier": "front"});
        assert!(matches("app=web,tier in (front, back)", labels.clone()));
        assert!(matches("app==web,tier notin (back),!canary,app", labels.clone()));
        assert!(!matches("app=web,tier notin (front,back)", labels.clone()));
        assert!(!matches("app!=web", labels));
    }

    #[test]
    fn a_missing_label_satisfies_only_the_negative_requirements() {
        assert!(matches("app!=web,app notin (a),!app", json!({})));
        assert!(!matches("app", json!({})));
        assert!(LabelSelector::parse("app!=web").unwrap().matches(None));
    }

    #[test]
    fn the_empty_selector_matches_everything() {
        assert!(matches("", json!({"app": "web"})));
    }

    #[test]
    fn nonsense_is_a_bad_request() {
        assert_eq!(LabelSelector::parse("app in web").unwrap_err().code, 400);
        assert_eq!(LabelSelector::parse("a b").unwrap_err().code, 400);
    }

    #[test]
    fn a_workloads_selector_takes_labels_and_expressions() {
        let selector = LabelSelector::from_object(&json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "track", "operator": "NotIn", "values": ["canary"]}],
        }));
        assert!(selector.matches(Some(&json!({"app": "web"}))));
        assert!(!selector.matches(Some(&json!({"app": "web", "track": "canary"}))));
    }

    #[test]
    fn fields_are_compared_as_text_and_unknown_ones_are_refused() {
        let pod = json!({"metadata": {"name": "a"}, "spec": {"nodeName": "node-a"}, "status": {"phase": "Running"}});
        assert!(FieldSelector::parse("spec.nodeName=node-a,status.phase!=Failed", "pods").unwrap().matches(&pod));
        assert!(!FieldSelector::parse("metadata.name=b", "pods").unwrap().matches(&pod));
        let refused = FieldSelector::parse("spec.image=a", "pods").unwrap_err();
        assert_eq!(refused.message, "field label not supported: spec.image");
    }
}
