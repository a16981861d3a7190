//! Registries that answer for every reference of the load, after a fixed latency, and count what they were asked.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::node::pull::sha256;

use super::LoadOptions;

/// One reference of the load.
#[derive(Debug, Clone)]
pub struct LoadImage {
    /// `127.0.0.1:40001/team-3/service-17:1.0`.
    pub reference: String,
    /// The digest that the pods run.
    pub running_digest: String,
    /// Whether the tag serves something else by now.
    pub is_stale: bool,
}

#[derive(Debug, Default)]
struct Shelf {
    /// By repository and digest or tag: digest and bytes.
    manifests: HashMap<(String, String), (String, Bytes)>,
    blobs: HashMap<String, Bytes>,
}

#[derive(Debug, Default)]
struct Counter {
    by_kind: BTreeMap<String, usize>,
    tags: HashMap<String, usize>,
}

#[derive(Debug)]
struct Registry {
    host: String,
    shelf: Shelf,
    options: LoadOptions,
    counter: Arc<Mutex<Counter>>,
}

/// The running registries; dropped, they stop.
#[derive(Debug)]
pub struct Registries {
    /// All references; the last one is the sidecar's.
    pub images: Vec<LoadImage>,
    /// Where the counts are.
    pub control: SocketAddr,
    counter: Arc<Mutex<Counter>>,
    tasks: Vec<JoinHandle<()>>,
}

fn build(generation: usize, number: usize) -> (Bytes, String, Bytes, String) {
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": format!("2026-11-{:02}T08:00:00Z", 10 + generation),
        "config": {"Entrypoint": ["/app"], "Labels": {"org.opencontainers.image.revision": format!("{number:07x}{generation}")}},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = Bytes::from(config.to_string());
    let config_digest = sha256(&config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len()},
        "layers": [],
    });
    let manifest = Bytes::from(manifest.to_string());
    let digest = sha256(&manifest);
    (manifest, digest, config, config_digest)
}

impl Registries {
    /// Starts them on free ports of loopback.
    pub async fn start(options: &LoadOptions) -> io::Result<Self> {
        let counter: Arc<Mutex<Counter>> = Arc::default();
        let mut listeners = Vec::new();
        for _ in 0..options.registries.max(1) {
            listeners.push(tokio::net::TcpListener::bind("127.0.0.1:0").await?);
        }
        let hosts: Vec<String> = listeners
            .iter()
            .map(|listener| listener.local_addr().map(|address| address.to_string()))
            .collect::<Result<_, _>>()?;
        let mut shelves: Vec<Shelf> = hosts.iter().map(|_| Shelf::default()).collect();
        let mut images = Vec::new();
        for number in 0..=options.images {
            let is_sidecar = number == options.images;
            let place = number % hosts.len();
            let repository =
                if is_sidecar { "mesh/proxy".to_owned() } else { format!("team-{}/service-{number}", number % 10) };
            // Spread over namespaces and registries alike, as re-pushes are: a prime strides through the hundreds.
            let is_stale = !is_sidecar && (number / 100 + (number % 100) * 37) % 100 < options.stale_percent;
            let (old_manifest, old_digest, old_config, old_config_digest) = build(0, number);
            let (new_manifest, new_digest, new_config, new_config_digest) = build(1, number);
            let shelf = &mut shelves[place];
            let served = if is_stale {
                (new_digest.clone(), new_manifest.clone())
            } else {
                (old_digest.clone(), old_manifest.clone())
            };
            shelf.manifests.insert((repository.clone(), "1.0".into()), served);
            shelf.manifests.insert((repository.clone(), old_digest.clone()), (old_digest.clone(), old_manifest));
            if is_stale {
                shelf.manifests.insert((repository.clone(), new_digest.clone()), (new_digest, new_manifest));
            }
            shelf.blobs.insert(old_config_digest, old_config);
            shelf.blobs.insert(new_config_digest, new_config);
            images.push(LoadImage {
                reference: format!("{}/{repository}:1.0", hosts[place]),
                running_digest: old_digest,
                is_stale,
            });
        }
        let mut tasks = Vec::new();
        for ((listener, shelf), host) in listeners.into_iter().zip(shelves).zip(hosts) {
            let registry = Registry { host, shelf, options: options.clone(), counter: Arc::clone(&counter) };
            let router = axum::Router::new().fallback(answer).with_state(Arc::new(registry));
            tasks.push(tokio::spawn(async move {
                let _ = axum::serve(listener, router).await;
            }));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let control = listener.local_addr()?;
        let router = axum::Router::new()
            .route("/counts", axum::routing::get(counts))
            .route("/reset", axum::routing::post(reset))
            .with_state(Arc::clone(&counter));
        tasks.push(tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        }));
        Ok(Self { images, control, counter, tasks })
    }

    /// Starts counting anew.
    pub fn forget(&self) {
        *self.counter.lock().unwrap_or_else(PoisonError::into_inner) = Counter::default();
    }

    /// What was asked so far.
    pub fn counts(&self) -> Value {
        counts_of(&self.counter)
    }
}

impl Drop for Registries {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn counts_of(counter: &Mutex<Counter>) -> Value {
    let counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
    json!({
        "requests": counter.by_kind,
        "distinctTags": counter.tags.len(),
        "tagsAskedMoreThanOnce": counter.tags.values().filter(|count| **count > 1).count(),
        "total": counter.by_kind.values().sum::<usize>(),
    })
}

async fn counts(State(counter): State<Arc<Mutex<Counter>>>) -> axum::Json<Value> {
    axum::Json(counts_of(&counter))
}

async fn reset(State(counter): State<Arc<Mutex<Counter>>>) -> axum::Json<Value> {
    let before = counts_of(&counter);
    *counter.lock().unwrap_or_else(PoisonError::into_inner) = Counter::default();
    axum::Json(before)
}

async fn answer(State(registry): State<Arc<Registry>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let is_head = request.method() == http::Method::HEAD;
    let (kind, found) = registry.find(&path);
    {
        let mut counter = registry.counter.lock().unwrap_or_else(PoisonError::into_inner);
        *counter.by_kind.entry(format!("{} {kind}", request.method())).or_insert(0) += 1;
        if kind == "tag" {
            *counter.tags.entry(format!("{}{path}", registry.host)).or_insert(0) += 1;
        }
    }
    if !registry.options.latency.is_zero() {
        tokio::time::sleep(registry.options.latency).await;
    }
    let (status, content_type, digest, bytes) = match found {
        Some((content_type, digest, bytes)) => (200, content_type, digest, bytes),
        None if kind == "base" => (200, "application/json", String::new(), Bytes::from_static(b"{}")),
        None => {
            let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
            (404, "application/json", String::new(), Bytes::from_static(body.as_bytes()))
        }
    };
    let mut response = Response::builder()
        .status(status)
        .header("Docker-Distribution-Api-Version", "registry/2.0")
        .header("Content-Type", content_type)
        .header("Content-Length", bytes.len());
    if !digest.is_empty() {
        response = response.header("Docker-Content-Digest", digest);
    }
    let body = if is_head { axum::body::Body::empty() } else { axum::body::Body::from(bytes) };
    response.body(body).expect("the headers are valid by construction")
}

impl Registry {
    fn find(&self, path: &str) -> (&'static str, Option<(&'static str, String, Bytes)>) {
        let Some(rest) = path.strip_prefix("/v2/") else { return ("other", None) };
        if rest.is_empty() {
            return ("base", None);
        }
        if let Some((repository, key)) = rest.split_once("/manifests/") {
            let kind = if key.starts_with("sha256:") { "digest" } else { "tag" };
            let found = self.shelf.manifests.get(&(repository.to_owned(), key.to_owned()));
            let found = found
                .map(|(digest, bytes)| ("application/vnd.oci.image.manifest.v1+json", digest.clone(), bytes.clone()));
            return (kind, found);
        }
        if let Some((_, digest)) = rest.split_once("/blobs/") {
            let found = self.shelf.blobs.get(digest);
            return ("blob", found.map(|bytes| ("application/octet-stream", digest.to_owned(), bytes.clone())));
        }
        ("other", None)
    }
}
