//! Errors in the form that a Kubernetes API server gives them: a `Status` object whose wording clients show to people.

use serde_json::{Map, Value, json};

/// A failed request, as the API server tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The HTTP status code.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`.
    pub reason: &'static str,
    /// The sentence that kubectl prints.
    pub message: String,
    /// `details` of the Status object.
    pub details: Value,
    /// `metadata.continue`: how to go on with a list whose state is gone.
    pub continue_token: Option<String>,
}

/// The result of everything that can end in a Status.
pub type ApiResult<T> = Result<T, ApiError>;

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({} {})", self.message, self.code, self.reason)
    }
}

impl std::error::Error for ApiError {}

/// `pods`, `deployments.apps` → what `details` says about it.
fn details(resource: &str, name: &str) -> Map<String, Value> {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let mut details = Map::new();
    if !name.is_empty() {
        details.insert("name".into(), name.into());
    }
    if !group.is_empty() {
        details.insert("group".into(), group.into());
    }
    if !plural.is_empty() {
        details.insert("kind".into(), plural.into());
    }
    details
}

impl ApiError {
    /// An error without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null, continue_token: None }
    }

    /// 400 with the given sentence.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401: the token is nobody's.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 404 for one object.
    pub fn not_found(resource: &str, name: &str) -> Self {
        Self {
            code: 404,
            reason: "NotFound",
            message: format!("{resource} \"{name}\" not found"),
            details: details(resource, name).into(),
            continue_token: None,
        }
    }

    /// 404 for a path that serves nothing.
    pub fn no_such_path() -> Self {
        Self {
            code: 404,
            reason: "NotFound",
            message: "the server could not find the requested resource".into(),
            details: json!({}),
            continue_token: None,
        }
    }

    /// 405 for a verb that the resource has not.
    pub fn method_not_allowed() -> Self {
        Self {
            code: 405,
            reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource".into(),
            details: json!({}),
            continue_token: None,
        }
    }

    /// 409: the object exists.
    pub fn already_exists(resource: &str, name: &str) -> Self {
        Self {
            code: 409,
            reason: "AlreadyExists",
            message: format!("{resource} \"{name}\" already exists"),
            details: details(resource, name).into(),
            continue_token: None,
        }
    }

    /// 409: the object changed meanwhile.
    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        Self {
            code: 409,
            reason: "Conflict",
            message: format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}"),
            details: details(resource, name).into(),
            continue_token: None,
        }
    }

    /// 409 with the wording for an outdated resourceVersion.
    pub fn modified(resource: &str, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 410 for a continue token whose snapshot is gone.
    pub fn expired_continue() -> Self {
        Self::new(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of \
             the results. Continuing with the provided token results in an inconsistent list - objects that were \
             created, modified, or deleted between the time the first chunk was returned and now may show up in the \
             list.",
        )
    }

    /// 410 for a watch that starts before the remembered history.
    pub fn too_old(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// 415 for a patch type that the resource does not take.
    pub fn unsupported_media_type(accepted: &str) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}"),
        )
    }

    /// 422 with one cause for each invalid field: `(path, message)`; a message begins with its kind, such as `Required value`.
    pub fn invalid(kind: &str, group: &str, name: &str, causes: &[(&str, &str)]) -> Self {
        let full_kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let sentences: Vec<String> = causes.iter().map(|(field, message)| format!("{field}: {message}")).collect();
        let list = match sentences.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let reason_of = |message: &str| {
            if message.starts_with("Required value") {
                "FieldValueRequired"
            } else if message.starts_with("Forbidden") {
                "FieldValueForbidden"
            } else if message.starts_with("Duplicate value") {
                "FieldValueDuplicate"
            } else if message.starts_with("Unsupported value") {
                "FieldValueNotSupported"
            } else {
                "FieldValueInvalid"
            }
        };
        let mut detail = Map::new();
        if !name.is_empty() {
            detail.insert("name".into(), name.into());
        }
        if !group.is_empty() {
            detail.insert("group".into(), group.into());
        }
        detail.insert("kind".into(), kind.into());
        detail.insert(
            "causes".into(),
            causes
                .iter()
                .map(|(field, message)| json!({"reason": reason_of(message), "message": message, "field": field}))
                .collect(),
        );
        Self {
            code: 422,
            reason: "Invalid",
            message: format!("{full_kind} \"{name}\" is invalid: {list}"),
            details: detail.into(),
            continue_token: None,
        }
    }

    /// 422 as the real server answers a JSON patch whose `test` failed: without saying which.
    pub fn unprocessable_patch() -> Self {
        Self {
            code: 422,
            reason: "Invalid",
            message: "the server rejected our request due to an error in our request".into(),
            details: json!({}),
            continue_token: None,
        }
    }

    /// 403 with the sentence of the RBAC authorizer.
    pub fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let shown = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        Self {
            code: 403,
            reason: "Forbidden",
            message: format!("{resource}{shown} is forbidden: {why}"),
            details: details(resource, name).into(),
            continue_token: None,
        }
    }

    /// The Status object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        if let Some(token) = &self.continue_token {
            status["metadata"]["continue"] = token.as_str().into();
        }
        status
    }
}
