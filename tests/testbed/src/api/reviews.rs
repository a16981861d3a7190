//! What may I do? The reviews that a client creates and that are answered on the spot.

use axum::response::Response;
use serde_json::{Value, json};

use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{items, text};
use crate::store::resources::ResourceType;

use super::ApiServer;
use super::rbac::{self, Attributes, User};
use super::request::RequestInfo;
use super::respond::json_response;

/// Answers a review.
pub fn answer(
    server: &ApiServer,
    info: &RequestInfo,
    user: &User,
    resource: &ResourceType,
    body: &[u8],
) -> ApiResult<Response> {
    if info.verb != "create" {
        return Err(ApiError::method_not_allowed());
    }
    if info.content_type.contains("protobuf") {
        return Err(ApiError::unsupported_media_type("application/json (the simulated server reads no protobuf)"));
    }
    let mut review: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}")))?;
    review["kind"] = resource.kind.as_str().into();
    review["apiVersion"] = resource.api_version().into();
    review["status"] = match resource.plural.as_str() {
        "selfsubjectaccessreviews" => access(server, user, &review["spec"])?,
        "subjectaccessreviews" => {
            let groups: Vec<&str> = items(&review, "/spec/groups").iter().filter_map(Value::as_str).collect();
            access(server, &User::new(text(&review, "/spec/user"), &groups), &review["spec"])?
        }
        "selfsubjectrulesreviews" => {
            let rules = rbac::rules(&server.store, user, text(&review, "/spec/namespace"));
            let (paths, resources): (Vec<Value>, Vec<Value>) =
                rules.into_iter().partition(|rule| rule.get("nonResourceURLs").is_some());
            json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
        }
        _ => json!({"userInfo": {"username": user.name, "groups": user.groups}}),
    };
    Ok(json_response(info, 201, &review))
}

/// Whether a user may do what a review asks about; the reason names what allows it, as far as the bed knows.
fn access(server: &ApiServer, user: &User, spec: &Value) -> ApiResult<Value> {
    let asked = &spec["resourceAttributes"];
    let path = &spec["nonResourceAttributes"];
    if asked.is_object() == path.is_object() {
        let message =
            "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(ApiError::invalid("", "authorization.k8s.io", "", &[("spec", message)]));
    }
    if path.is_object() {
        let allowed = rbac::allows_path(&server.store, user, text(path, "/verb"), text(path, "/path"));
        return Ok(json!({"allowed": allowed}));
    }
    let attributes = Attributes {
        verb: text(asked, "/verb").into(),
        group: text(asked, "/group").into(),
        resource: text(asked, "/resource").into(),
        subresource: text(asked, "/subresource").into(),
        namespace: text(asked, "/namespace").into(),
        name: text(asked, "/name").into(),
    };
    Ok(json!({"allowed": rbac::allows(&server.store, user, &attributes)}))
}
