//! The registry behind a gateway, in the same process or over HTTP, under a prefix of its own.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use tower::ServiceExt as _;

use super::BODY_LIMIT;
use crate::client::{MANIFEST_TYPES, http_client};
use crate::registry::registry_error;

/// Which registry a gateway stands in front of.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// The simulated one's router.
    Router(Router),
    /// A real one, by its `host:port`, plain http.
    Http(String),
}

#[derive(Debug)]
pub(super) struct Backend {
    upstream: Upstream,
    /// What stands before each repository's name upstream, with a slash in the end, or nothing.
    prefix: String,
    http: reqwest::Client,
}

impl Backend {
    pub(super) fn new(upstream: Upstream, prefix: &str) -> Self {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_matches('/')) };
        Self { upstream, prefix, http: http_client() }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Asks the registry; names are the client's in the request and in the answer's headers.
    pub(super) async fn ask(&self, parts: Parts, body: Bytes) -> Response<Body> {
        let target = self.upstream_path(parts.uri.path_and_query().map_or("/", |path| path.as_str()));
        let mut response = match &self.upstream {
            Upstream::Router(router) => {
                let mut request = Request::from_parts(parts, Body::from(body));
                let Ok(uri) = target.parse() else {
                    return StatusCode::BAD_REQUEST.into_response();
                };
                *request.uri_mut() = uri;
                router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
            }
            Upstream::Http(host) => match self.forward(&format!("http://{host}{target}"), parts, body).await {
                Ok(response) => response,
                Err(error) => {
                    registry_error(StatusCode::BAD_GATEWAY, "UNKNOWN", &format!("the bed's registry: {error}"))
                }
            },
        };
        self.translate_headers(response.headers_mut());
        response
    }

    /// The digest that a tag or digest stands for.
    pub(super) async fn digest(&self, repository: &str, reference: &str) -> Option<String> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = Request::head(path).header(header::ACCEPT, MANIFEST_TYPES).body(()).ok()?;
        let answer = self.ask(request.into_parts().0, Bytes::new()).await;
        let digest = answer.headers().get("docker-content-digest")?.to_str().ok()?.to_owned();
        answer.status().is_success().then_some(digest)
    }

    fn upstream_path(&self, path: &str) -> String {
        match path.strip_prefix("/v2/") {
            Some(rest) if !rest.is_empty() && !rest.starts_with(['_', '?']) => {
                let rest = rest.replace("&from=", &format!("&from={}", self.prefix));
                format!("/v2/{}{rest}", self.prefix)
            }
            _ => path.to_owned(),
        }
    }

    async fn forward(&self, url: &str, parts: Parts, body: Bytes) -> reqwest::Result<Response<Body>> {
        let mut headers = parts.headers;
        for name in [header::HOST, header::CONNECTION, header::AUTHORIZATION, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let answer = self.http.request(parts.method, url).headers(headers).body(body).send().await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        response.headers_mut().remove(header::CONNECTION);
        response.headers_mut().remove(header::TRANSFER_ENCODING);
        let bytes = answer.bytes().await?;
        debug_assert!(bytes.len() <= BODY_LIMIT, "larger than anything the bed holds");
        *response.body_mut() = Body::from(bytes);
        Ok(response)
    }

    /// `Location` and `Link` name the registry's host and the prefixed repository: both become the client's.
    fn translate_headers(&self, headers: &mut HeaderMap) {
        for name in [header::LOCATION, header::LINK] {
            let Some(text) = headers.get(&name).and_then(|value| value.to_str().ok()) else {
                continue;
            };
            let mut text = text.to_owned();
            if let Some(start) = text.find("http://")
                && let Some(path) = text[start + 7..].find('/')
            {
                text.replace_range(start..start + 7 + path, "");
            }
            let text = text.replace(&format!("/v2/{}", self.prefix), "/v2/");
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}
