//! Pushes images over the OCI distribution API, the same way on both beds.
//!
//! Not the product's registry code on purpose: a test that used that would prove it with itself.

use std::fmt;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::image::{Blob, Manifest, Pushable};

/// All the media types that a manifest may have.
pub const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Why a push or another request failed: what was tried, and what came back.
#[derive(Debug)]
pub struct Failure {
    /// The sentence for the test's output.
    pub message: String,
    /// The status, if there was an answer.
    pub status: Option<StatusCode>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self { message, status: None }
    }
}

/// An HTTP client for loopback: no proxy, no redirects followed, ring as the crypto provider.
#[must_use]
pub fn http_client() -> reqwest::Client {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("testbed")
        .build()
        .expect("a client without special settings can always be made")
}

/// A registry's client with or without a login.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    base: String,
    http: reqwest::Client,
    login: Option<(String, String)>,
}

impl RegistryClient {
    /// A client for `host:port`, plain http.
    #[must_use]
    pub fn new(host: &str) -> Self {
        Self { base: format!("http://{host}"), http: http_client(), login: None }
    }

    /// With a name and a password, used for Basic and at token servers alike.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Pushes blobs, then children, then the manifest, under `tag` or under its digest alone; what is there already
    /// is not sent again. Returns the digest.
    ///
    /// # Errors
    /// The registry refused a part, or could not be reached.
    pub async fn push(
        &self,
        repository: &str,
        tag: Option<&str>,
        content: impl Into<Pushable>,
    ) -> Result<String, Failure> {
        let (manifest, children) = content.into().parts();
        for (child, blobs) in children {
            for blob in blobs {
                self.push_blob(repository, &blob).await?;
            }
            if let Some(child) = child {
                self.put_manifest(repository, &child.digest(), &child).await?;
            }
        }
        let digest = manifest.digest();
        self.put_manifest(repository, tag.unwrap_or(&digest), &manifest).await?;
        Ok(digest)
    }

    async fn push_blob(&self, repository: &str, blob: &Blob) -> Result<(), Failure> {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest);
        let there = self.send(|| self.request(Method::HEAD, &path)).await?;
        if there.status() == StatusCode::OK {
            return Ok(());
        }
        let start = format!("/v2/{repository}/blobs/uploads/");
        let started = expect(self.send(|| self.request(Method::POST, &start)).await?, "start an upload").await?;
        let location = started.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={}", blob.digest);
        let upload = || {
            self.request(Method::PUT, &target)
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(blob.bytes.to_vec())
        };
        expect(self.send(upload).await?, "upload a blob").await?;
        Ok(())
    }

    /// Puts a manifest's exact bytes under a tag or digest.
    ///
    /// # Errors
    /// The registry refused it, or could not be reached.
    pub async fn put_manifest(&self, repository: &str, reference: &str, manifest: &Manifest) -> Result<(), Failure> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let put =
            || self.request(Method::PUT, &path).header(CONTENT_TYPE, &manifest.media_type).body(manifest.bytes.clone());
        expect(self.send(put).await?, &format!("put the manifest {reference}")).await?;
        Ok(())
    }

    /// Reads a manifest's exact bytes.
    ///
    /// # Errors
    /// It is not there, or the registry could not be reached.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest, Failure> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let get = || self.request(Method::GET, &path).header("accept", MANIFEST_TYPES);
        let answer = expect(self.send(get).await?, &format!("get the manifest {reference}")).await?;
        let media_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.to_owned();
        Ok(Manifest { media_type, bytes: answer.bytes().await?.to_vec() })
    }

    /// Gives what `from` (tag or digest) stands for the tag `to` too: the same bytes, the same digest.
    ///
    /// # Errors
    /// `from` is not there, or the registry refused.
    pub async fn tag(&self, repository: &str, from: &str, to: &str) -> Result<(), Failure> {
        let manifest = self.manifest(repository, from).await?;
        self.put_manifest(repository, to, &manifest).await
    }

    /// Deletes a manifest by its digest, and with it the tags that stand for it.
    ///
    /// # Errors
    /// It is not there, or the registry does not delete.
    pub async fn delete_manifest(&self, repository: &str, digest: &str) -> Result<(), Failure> {
        let path = format!("/v2/{repository}/manifests/{digest}");
        expect(self.send(|| self.request(Method::DELETE, &path)).await?, &format!("delete {digest}")).await?;
        Ok(())
    }

    /// The tags of a repository.
    ///
    /// # Errors
    /// There is no such repository, or the registry could not be reached.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, Failure> {
        let path = format!("/v2/{repository}/tags/list");
        let answer = expect(self.send(|| self.request(Method::GET, &path)).await?, "list tags").await?;
        let list: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        let tags = list["tags"].as_array().cloned().unwrap_or_default();
        Ok(tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // Upload locations may be absolute.
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.http.request(method, url)
    }

    /// Sends a request, and once more with what the challenge asks for.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Failure> {
        let answer = request().send().await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some((user, password)) = &self.login else {
            return Ok(answer);
        };
        let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")));
        let Some(rest) = challenge.strip_prefix("Bearer ") else {
            return Ok(request().header(AUTHORIZATION, basic).send().await?);
        };
        let field = |name: &str| {
            let start = rest.find(&format!("{name}=\""))? + name.len() + 2;
            Some(&rest[start..start + rest[start..].find('"')?])
        };
        let (realm, service, scope) =
            (field("realm").unwrap_or(""), field("service").unwrap_or(""), field("scope").unwrap_or(""));
        let url = format!("{realm}?service={service}&scope={scope}");
        let answer = self.http.get(url).header(AUTHORIZATION, basic).send().await?;
        let answer = expect(answer, "get a token").await?;
        let token: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        let bearer = format!("Bearer {}", token["token"].as_str().unwrap_or_default());
        Ok(request().header(AUTHORIZATION, bearer).send().await?)
    }
}

/// Passes a success on and makes anything else an error that says what the server said.
async fn expect(answer: Response, what: &str) -> Result<Response, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let url = answer.url().clone();
    let body = answer.text().await.unwrap_or_default();
    Err(Failure { message: format!("cannot {what}: {status} from {url}: {body}"), status: Some(status) })
}
