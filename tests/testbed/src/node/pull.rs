//! Pulling over HTTP, as far as it decides what ends up on a node: which digest a tag serves, and which config that is
//! on the node's platform. Layers are not fetched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::store::object::{items, text};

use super::images::Content;
use super::keyring::Credential;
use super::reference::{Reference, is_loopback};

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.docker.distribution.manifest.v2+json";

/// The platform of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`.
    pub architecture: String,
    /// `v7`.
    pub variant: Option<String>,
}

impl Default for Platform {
    fn default() -> Self {
        Self { os: "linux".into(), architecture: "amd64".into(), variant: None }
    }
}

/// What a pull found.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The digest that the tag serves: of the index, if it is one.
    pub top_digest: String,
    /// The content for the platform.
    pub content: Content,
}

/// Why a pull failed, in containerd's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullError {
    /// Whether the registry says that there is no such thing: gRPC's `NotFound`.
    pub not_found: bool,
    /// The message.
    pub message: String,
}

/// Fetches manifests and configs.
#[derive(Debug, Clone)]
pub struct Puller {
    client: reqwest::Client,
    /// Hosts that are answered by others: `docker.io` → `http://127.0.0.1:5001`.
    mirrors: Arc<Mutex<HashMap<String, String>>>,
}

struct Answer {
    status: u16,
    challenge: String,
    body: Vec<u8>,
    digest: Option<String>,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A parameter of a `WWW-Authenticate` challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    Some(rest.split('"').next()?.to_owned())
}

impl Puller {
    /// A puller with stand-ins for some hosts.
    pub fn new(mirrors: HashMap<String, String>) -> Self {
        // Several crates bring rustls; the first one to install its provider wins, and that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .user_agent("containerd/2.4.2")
            .build()
            .expect("a client without special settings can be built");
        Self { client, mirrors: Arc::new(Mutex::new(mirrors)) }
    }

    /// One more stand-in.
    pub fn add_mirror(&self, host: &str, base: &str) {
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), base.to_owned());
    }

    fn base(&self, host: &str) -> String {
        match self.mirrors.lock().unwrap_or_else(PoisonError::into_inner).get(host) {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None if is_loopback(host) => format!("http://{host}"),
            None if host == "docker.io" => "https://registry-1.docker.io".to_owned(),
            None => format!("https://{host}"),
        }
    }

    async fn request(&self, method: &str, url: &str, authorization: Option<&str>) -> Result<Answer, String> {
        let method = method.parse::<reqwest::Method>().map_err(|error| error.to_string())?;
        let verb = if method == reqwest::Method::HEAD { "Head" } else { "Get" };
        let mut request = self.client.request(method, url).header("Accept", ACCEPT);
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let response = request.send().await.map_err(|error| {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            format!("failed to do request: {verb} \"{url}\": {cause}")
        })?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer {
            status: response.status().as_u16(),
            challenge: header("WWW-Authenticate").unwrap_or_default(),
            digest: header("Docker-Content-Digest"),
            body: response.bytes().await.map_err(|error| error.to_string())?.to_vec(),
        })
    }

    /// The `Authorization` with which a challenge is answered.
    async fn authorize(
        &self,
        challenge: &str,
        repository: &str,
        credential: Option<&Credential>,
    ) -> Result<String, String> {
        let basic = credential.map(|one| format!("Basic {}", one.fingerprint()));
        if challenge.to_ascii_lowercase().starts_with("basic") {
            return basic.ok_or_else(|| "no basic auth credentials".to_owned());
        }
        let realm = parameter(challenge, "realm").ok_or("no realm in the challenge")?;
        let mut url = reqwest::Url::parse(&realm).map_err(|error| error.to_string())?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = parameter(challenge, "service") {
                query.append_pair("service", &service);
            }
            let scope = parameter(challenge, "scope").unwrap_or_else(|| format!("repository:{repository}:pull"));
            query.append_pair("scope", &scope);
        }
        let answer = self.request("GET", url.as_str(), basic.as_deref()).await?;
        if answer.status != 200 {
            return Err(format!(
                "failed to authorize: failed to fetch oauth token: unexpected status from GET request to {url}: {}",
                answer.status
            ));
        }
        let token: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let text = match text(&token, "/token") {
            "" => text(&token, "/access_token"),
            token => token,
        };
        Ok(format!("Bearer {text}"))
    }

    /// Resolves and fetches what a reference stands for on the platform.
    pub async fn pull(
        &self,
        reference: &Reference,
        platform: &Platform,
        credential: Option<&Credential>,
    ) -> Result<Pulled, PullError> {
        let full = reference.normalized();
        let failed = |not_found: bool, why: String| PullError {
            not_found,
            message: format!("failed to pull and unpack image \"{full}\": {why}"),
        };
        let base = format!("{}/v2/{}", self.base(&reference.host), reference.repository);
        let url = format!("{base}/manifests/{}", reference.manifest_key());
        let unresolved = |why: String| failed(false, format!("failed to resolve image: {why}"));

        let mut authorization = None;
        let mut head = self.request("HEAD", &url, None).await.map_err(unresolved)?;
        if head.status == 401 {
            let denied = |why: String| {
                let sentence = "pull access denied, repository does not exist or may require authorization";
                unresolved(format!("{sentence}: authorization failed: {why}"))
            };
            let answer = self.authorize(&head.challenge, &reference.repository, credential).await.map_err(denied)?;
            head = self.request("HEAD", &url, Some(&answer)).await.map_err(unresolved)?;
            authorization = Some(answer);
        }
        let refuse = |status: u16| match status {
            404 => failed(true, format!("failed to resolve image: {full}: not found")),
            401 | 403 => failed(
                false,
                "failed to resolve image: pull access denied, repository does not exist or may require authorization: \
                 server message: insufficient_scope: authorization failed"
                    .to_owned(),
            ),
            other => {
                let reason =
                    http::StatusCode::from_u16(other).ok().and_then(|code| code.canonical_reason()).unwrap_or("");
                failed(
                    false,
                    format!("failed to resolve image: unexpected status from HEAD request to {url}: {other} {reason}"),
                )
            }
        };
        if head.status != 200 {
            return Err(refuse(head.status));
        }
        let key = head.digest.clone().unwrap_or_else(|| reference.manifest_key().to_owned());
        let top = self
            .get(&format!("{base}/manifests/{key}"), authorization.as_deref())
            .await
            .map_err(|why| failed(false, why))?;
        let top_digest = sha256(&top);
        let document: Value = serde_json::from_slice(&top).map_err(|error| failed(false, error.to_string()))?;
        let (manifest_digest, manifest) = if document.get("manifests").is_some() {
            let child = choose(&document, platform)
                .ok_or_else(|| failed(true, format!("no match for platform in manifest {top_digest}: not found")))?;
            let bytes = self
                .get(&format!("{base}/manifests/{child}"), authorization.as_deref())
                .await
                .map_err(|why| failed(false, why))?;
            let manifest = serde_json::from_slice(&bytes).map_err(|error| failed(false, error.to_string()))?;
            (child, manifest)
        } else {
            (top_digest.clone(), document)
        };
        let config_digest = text(&manifest, "/config/digest").to_owned();
        let size = items(&manifest, "/layers").iter().filter_map(|layer| layer["size"].as_u64()).sum::<u64>()
            + manifest["config"]["size"].as_u64().unwrap_or(0);
        // The entrypoint decides how a simulated container ends. A registry that has no blobs is good enough without.
        let config: Value = match self.get(&format!("{base}/blobs/{config_digest}"), authorization.as_deref()).await {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(_) => Value::Null,
        };
        let command = command_of(&config);
        Ok(Pulled { top_digest, content: Content { config_digest, manifest_digest, size, command } })
    }

    async fn get(&self, url: &str, authorization: Option<&str>) -> Result<Vec<u8>, String> {
        let answer = self.request("GET", url, authorization).await?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("unexpected status from GET request to {url}: {}", answer.status))
        }
    }
}

/// What an image runs: entrypoint and command of its config.
pub(super) fn command_of(config: &Value) -> Vec<String> {
    ["/config/Entrypoint", "/config/Cmd"]
        .iter()
        .flat_map(|pointer| items(config, pointer))
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The digest of the child for the platform; attestations are for no platform.
pub(super) fn choose(index: &Value, platform: &Platform) -> Option<String> {
    let fitting: Vec<&Value> = items(index, "/manifests")
        .iter()
        .filter(|child| {
            text(child, "/platform/os") == platform.os && text(child, "/platform/architecture") == platform.architecture
        })
        .collect();
    let exact = fitting
        .iter()
        .find(|child| platform.variant.as_deref().is_none_or(|variant| text(child, "/platform/variant") == variant));
    let found = exact.or(fitting.first())?;
    Some(text(found, "/digest").to_owned())
}
