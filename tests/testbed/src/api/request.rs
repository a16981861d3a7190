//! What a request asks for: verb, resource, namespace, name and parameters, read from its method and path.

use std::collections::HashMap;

use http::{HeaderMap, Method};

use crate::store::error::{ApiError, ApiResult};

/// A request, understood.
#[derive(Debug, Clone, Default)]
pub struct RequestInfo {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `pods`; empty where the path names no resource.
    pub plural: String,
    /// `status`, `scale`, or empty.
    pub subresource: String,
    /// The namespace, if the path has one.
    pub namespace: Option<String>,
    /// The object's name, if the path has one.
    pub name: Option<String>,
    /// The query's parameters.
    pub query: HashMap<String, String>,
    /// The path without the query.
    pub path: String,
    /// The method.
    pub method: Method,
    /// `Accept`.
    pub accept: String,
    /// `Content-Type` without parameters.
    pub content_type: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// Whether `Accept-Encoding` allows gzip.
    pub gzip: bool,
}

fn header(headers: &HeaderMap, name: http::header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl RequestInfo {
    /// Reads method, path, query and headers.
    pub fn parse(method: &Method, uri: &http::Uri, headers: &HeaderMap) -> ApiResult<Self> {
        let query = reqwest::Url::parse(&format!("http://server{uri}"))
            .map(|url| url.query_pairs().into_owned().collect())
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        let mut info = Self {
            query,
            path: uri.path().to_owned(),
            method: method.clone(),
            accept: header(headers, http::header::ACCEPT).to_owned(),
            content_type: header(headers, http::header::CONTENT_TYPE)
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            user_agent: header(headers, http::header::USER_AGENT).to_owned(),
            gzip: header(headers, http::header::ACCEPT_ENCODING).contains("gzip"),
            ..Self::default()
        };
        let segments: Vec<&str> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
        let rest = match segments.as_slice() {
            ["api", version, rest @ ..] => {
                info.version = (*version).to_owned();
                rest
            }
            ["apis", group, version, rest @ ..] => {
                info.group = (*group).to_owned();
                info.version = (*version).to_owned();
                rest
            }
            _ => &[],
        };
        let rest = match rest {
            ["namespaces", namespace, "status" | "finalize"] => {
                info.namespace = Some((*namespace).to_owned());
                rest
            }
            ["namespaces", namespace, plural, ..] if !plural.is_empty() => {
                info.namespace = Some((*namespace).to_owned());
                &rest[2..]
            }
            other => other,
        };
        if let Some(plural) = rest.first() {
            info.plural = (*plural).to_owned();
        }
        info.name = rest.get(1).map(|name| (*name).to_owned());
        info.subresource = rest.get(2).map(|subresource| (*subresource).to_owned()).unwrap_or_default();
        info.verb = info.verb_of(method).to_owned();
        Ok(info)
    }

    fn verb_of(&self, method: &Method) -> &'static str {
        let watches = self.is_set("watch");
        match (method.as_str(), self.name.is_some()) {
            ("GET" | "HEAD", _) if watches && !self.plural.is_empty() => "watch",
            ("GET" | "HEAD", true) => "get",
            ("GET" | "HEAD", false) if self.plural.is_empty() => "get",
            ("GET" | "HEAD", false) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            _ => "unsupported",
        }
    }

    /// A parameter's text, empty if it is absent.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Whether a parameter is `true` or `1`.
    pub fn is_set(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }

    /// Whether nothing is to be stored. Another value than `All` is an error.
    pub fn dry_run(&self) -> ApiResult<bool> {
        match self.parameter("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let message = format!("Unsupported value: [\"{other}\"]: supported values: \"All\"");
                Err(ApiError::invalid(self.options_kind(), "meta.k8s.io", "", &[("dryRun", &message)]))
            }
        }
    }

    fn options_kind(&self) -> &'static str {
        match self.verb.as_str() {
            "create" => "CreateOptions",
            "update" => "UpdateOptions",
            "patch" => "PatchOptions",
            _ => "DeleteOptions",
        }
    }

    /// Who says that it makes the change: the parameter, or the first part of the user agent.
    pub fn field_manager(&self) -> String {
        match self.parameter("fieldManager") {
            "" => self.user_agent.split('/').next().unwrap_or_default().to_owned(),
            given => given.to_owned(),
        }
    }

    /// The resource's key, such as `deployments.apps`.
    pub fn resource_key(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: Method, uri: &str) -> RequestInfo {
        RequestInfo::parse(&method, &uri.parse().unwrap(), &HeaderMap::new()).unwrap()
    }

    #[test]
    fn paths_are_read_as_the_real_server_reads_them() {
        let info = parse(Method::GET, "/apis/apps/v1/namespaces/shop/deployments/web/scale?pretty=false");
        assert_eq!((info.verb.as_str(), info.resource_key().as_str()), ("get", "deployments.apps"));
        assert_eq!((info.namespace.as_deref(), info.name.as_deref()), (Some("shop"), Some("web")));
        assert_eq!(info.subresource, "scale");

        let info = parse(Method::GET, "/api/v1/namespaces/shop");
        assert_eq!((info.plural.as_str(), info.name.as_deref()), ("namespaces", Some("shop")));

        let info = parse(Method::GET, "/api/v1/namespaces/shop/pods?watch=1");
        assert_eq!((info.verb.as_str(), info.plural.as_str()), ("watch", "pods"));

        assert_eq!(parse(Method::DELETE, "/api/v1/namespaces/shop/pods").verb, "deletecollection");
        assert_eq!(parse(Method::GET, "/apis/apps/v1").plural, "");
    }
}
