//! The Kubernetes API by plain HTTP and JSON: no types that could hide what a server really sent.

use std::path::Path;

use reqwest::{Certificate, Method, StatusCode};
use serde_json::{Value, json};

use crate::client::Failure;

/// One user's access to one API server.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    server: String,
    token: String,
    http: reqwest::Client,
}

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 7396.
    Merge,
    /// RFC 6902.
    Json,
    /// Kubernetes' own, which merges lists by their keys.
    Strategic,
}

impl PatchKind {
    fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

impl Kubernetes {
    /// Access to `server` with a bearer token.
    #[must_use]
    pub fn new(server: &str, token: &str, ca_file: Option<&Path>) -> Self {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().no_proxy().user_agent("testbed");
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            let authority = Certificate::from_pem(&pem).expect("the bed's authority is a certificate");
            builder = builder.tls_certs_only([authority]);
        }
        Self {
            server: server.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            http: builder.build().expect("the client's settings are fixed and valid"),
        }
    }

    /// The API server's URL.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// One request; the answer as JSON.
    ///
    /// # Errors
    /// Anything but a success, with the server's words.
    pub async fn request(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<Value, Failure> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.server)).bearer_auth(&self.token);
        if let Some((content_type, body)) = body {
            request = request.header("content-type", content_type).body(body.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
        }
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        let told = told["message"].as_str().unwrap_or(&text);
        Err(Failure { message: format!("{method} {path}: {status}: {told}"), status: Some(status) })
    }

    /// Reads an object or a list.
    ///
    /// # Errors
    /// See [`Kubernetes::request`].
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.request(Method::GET, path, None).await
    }

    /// Reads an object that may be absent.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.get(path).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.status == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates an object in the collection `path`.
    ///
    /// # Errors
    /// See [`Kubernetes::request`].
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        self.request(Method::POST, path, Some(("application/json", object))).await
    }

    /// Replaces the object at `path`.
    ///
    /// # Errors
    /// See [`Kubernetes::request`].
    pub async fn replace(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        self.request(Method::PUT, path, Some(("application/json", object))).await
    }

    /// Patches the object (or subresource) at `path`.
    ///
    /// # Errors
    /// See [`Kubernetes::request`].
    pub async fn patch(&self, path: &str, kind: PatchKind, patch: &Value) -> Result<Value, Failure> {
        self.request(Method::PATCH, path, Some((kind.content_type(), patch))).await
    }

    /// Deletes the object at `path`, with what it owns, in the background.
    ///
    /// # Errors
    /// See [`Kubernetes::request`].
    pub async fn delete(&self, path: &str, grace_seconds: Option<u32>) -> Result<Value, Failure> {
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        if let Some(seconds) = grace_seconds {
            options["gracePeriodSeconds"] = json!(seconds);
        }
        self.request(Method::DELETE, path, Some(("application/json", &options))).await
    }
}

/// Where objects of a kind live: `/apis/apps/v1`, `deployments`, and whether below a namespace.
pub(super) fn resource(kind: &str) -> (String, String, bool) {
    let mut parts = kind.rsplitn(2, '/');
    if let (Some(plural), Some(group_version)) = (parts.next(), parts.next()) {
        return (api_root(group_version), plural.to_owned(), true);
    }
    let lower = kind.to_lowercase();
    let singular = match lower.as_str() {
        "deploy" => "deployment",
        "sts" => "statefulset",
        "ds" => "daemonset",
        "rs" => "replicaset",
        "rc" => "replicationcontroller",
        "cj" => "cronjob",
        "sa" => "serviceaccount",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    let (group_version, namespaced) = match singular {
        "deployment" | "statefulset" | "daemonset" | "replicaset" | "controllerrevision" => ("apps/v1", true),
        "job" | "cronjob" => ("batch/v1", true),
        "role" | "rolebinding" => ("rbac.authorization.k8s.io/v1", true),
        "clusterrole" | "clusterrolebinding" => ("rbac.authorization.k8s.io/v1", false),
        "customresourcedefinition" => ("apiextensions.k8s.io/v1", false),
        "namespace" | "node" => ("v1", false),
        _ => ("v1", true),
    };
    (api_root(group_version), format!("{singular}s"), namespaced)
}

/// The same for an object by its own `apiVersion` and `kind`.
pub(super) fn resource_of(object: &Value) -> (String, String, bool) {
    let kind = object["kind"].as_str().expect("an object says its kind").to_lowercase();
    let group_version = object["apiVersion"].as_str().expect("an object says its apiVersion");
    let (_, plural, namespaced) = resource(&format!("{kind}s"));
    (api_root(group_version), plural, namespaced)
}

fn api_root(group_version: &str) -> String {
    if group_version.contains('/') { format!("/apis/{group_version}") } else { format!("/api/{group_version}") }
}
