//! The simulated registry: what a `docker-registry` is to the real bed.
//!
//! The storage and the distribution API are `ferro-oci-server`'s: it keeps untagged manifests, deletes by digest,
//! serves Docker's types unchanged and tells digests on `HEAD`. Two things that the real registry does and it does
//! not are added here, because a client that gets them wrong must fail on this bed too:
//! a manifest whose type the client did not `Accept` is not served (a manifest list then answers with its
//! linux/amd64 child, anything else with 404), and the tags of a repository that does not exist are a 404.
//! It has no faults and no logins; the [gateway](crate::gateway) in front of it has.
//! Unlike a real registry it shares blobs among all repositories, so a push never needs a mount.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::gateway::listener::Listener;

/// Larger than any body of the test bed; a bound only so that a mistake ends in an error.
const BODY_LIMIT: usize = 64 << 20;

/// An empty registry in memory; clones share the content.
#[derive(Debug, Clone)]
pub struct RegistryStore {
    router: Router,
}

impl Default for RegistryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RegistryStore {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        let state = AppState::new(Arc::new(InMemoryBlobStore::new()), Arc::new(InMemoryRegistryMeta::new()));
        let inner = router(state);
        let router = inner.clone().layer(middleware::from_fn(move |request, next| {
            let inner = inner.clone();
            async move { as_the_real_one(inner, request, next).await }
        }));
        Self { router }
    }

    /// The registry's API, to be served or to be put behind a gateway.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves the registry on a free loopback port, without logins and faults.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn serve(&self) -> io::Result<RegistryServer> {
        Ok(RegistryServer { listener: Listener::start(self.router(), None).await? })
    }
}

/// A served [`RegistryStore`]; dropping it ends it.
#[derive(Debug)]
pub struct RegistryServer {
    listener: Listener,
}

impl RegistryServer {
    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address().to_string()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }
}

async fn as_the_real_one(inner: Router, request: Request, next: Next) -> Response<Body> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path().to_owned();
    if reads && path.contains("/manifests/") {
        let accepted: Vec<String> = request
            .headers()
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|kind| kind.split(';').next())
            .map(|kind| kind.trim().to_owned())
            .collect();
        let method = request.method().clone();
        let response = next.run(request).await;
        return negotiated(inner, &method, &path, &accepted, response).await;
    }
    let response = next.run(request).await;
    if reads && path.ends_with("/tags/list") && response.status() == StatusCode::OK {
        return known_repository(response).await;
    }
    response
}

/// docker-registry 2.8 looks for exact media types: `*/*` does not count as accepting an index.
async fn negotiated(
    inner: Router,
    method: &Method,
    path: &str,
    accepted: &[String],
    response: Response<Body>,
) -> Response<Body> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let by_digest = path.contains("/manifests/sha256:");
    if response.status() != StatusCode::OK || accepted.iter().any(|accepted| accepted == kind) {
        return response;
    }
    match kind {
        "application/vnd.oci.image.index.v1+json" | "application/vnd.oci.image.manifest.v1+json" => {
            let name = if kind.contains("index") { "index" } else { "manifest" };
            registry_error(
                StatusCode::NOT_FOUND,
                "MANIFEST_UNKNOWN",
                &format!("OCI {name} found, but accept header does not support OCI {name}s"),
            )
        }
        "application/vnd.docker.distribution.manifest.list.v2+json" if !by_digest => {
            let Some(child) = amd64_child(inner.clone(), path).await else {
                return response;
            };
            let repository = path.split("/manifests/").next().unwrap_or_default();
            ask(inner, method.clone(), &format!("{repository}/manifests/{child}")).await
        }
        _ => response,
    }
}

async fn amd64_child(inner: Router, path: &str) -> Option<String> {
    let list = ask(inner, Method::GET, path).await;
    let bytes = axum::body::to_bytes(list.into_body(), BODY_LIMIT).await.ok()?;
    let list: Value = serde_json::from_slice(&bytes).ok()?;
    let children = list["manifests"].as_array()?;
    let child = children
        .iter()
        .find(|child| child["platform"]["os"] == "linux" && child["platform"]["architecture"] == "amd64")?;
    child["digest"].as_str().map(str::to_owned)
}

async fn ask(inner: Router, method: Method, path: &str) -> Response<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    match path.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    inner.oneshot(request).await.unwrap_or_else(|never| match never {})
}

async fn known_repository(response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let list: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if list["tags"].as_array().is_none_or(Vec::is_empty) {
        return registry_error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry");
    }
    Response::from_parts(head, Body::from(bytes))
}

/// An answer in the shape in which registries tell errors.
pub(crate) fn registry_error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({"errors": [{"code": code, "message": message}]}).to_string();
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
