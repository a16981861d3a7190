//! Behaviour over real HTTP on loopback.

mod login;
mod push;
mod server;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use futures::future::BoxFuture;
use sha2::Digest as _;

use super::{NoSecrets, PullSecrets, Registries, RegistryOptions, SecretDocument};
use crate::domain::Repository;
use crate::domain::inventory::{Object, Tag};
use crate::domain::remote::Served;
use crate::domain::workload::Access;
use server::{Answer, Seen, Server};

fn options() -> RegistryOptions {
    // Several tests install it; the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RegistryOptions::default()
}

fn registries() -> Registries {
    Registries::new(options(), Arc::new(NoSecrets))
}

/// A digest of one hex digit, repeated.
fn hex(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn digest_of(body: &str) -> String {
    let hash = sha2::Sha256::digest(body.as_bytes());
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn served(digest: &str) -> Served {
    Served { digest: digest.parse().unwrap() }
}

fn tag(server: &Server, name: &str, access: Access) -> Tag {
    let (path, tag) = name.split_once(':').unwrap();
    let repository = Repository::parse(&format!("{}/{path}", server.host)).unwrap();
    Tag { repository, tag: tag.into(), access: Arc::new(access) }
}

fn object(server: &Server, path: &str, digest: &str) -> Object {
    let repository = Repository::parse(&format!("{}/{path}", server.host)).unwrap();
    Object { repository, digest: digest.parse().unwrap(), access: Arc::default() }
}

fn access(namespace: &str, secrets: &[&str]) -> Access {
    Access {
        namespace: namespace.into(),
        service_account: "default".into(),
        pull_secrets: secrets.iter().map(|name| (*name).into()).collect(),
    }
}

fn basic(user: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:pw-{user}")))
}

/// A cluster in which the secret `NAME` holds the account `NAME` for a host, and the service account has the
/// secret `robot`.
struct Cluster {
    host: String,
    pod_reads: AtomicUsize,
    account_reads: AtomicUsize,
}

impl Cluster {
    fn of(server: &Server) -> Arc<Self> {
        Arc::new(Self { host: server.host.clone(), pod_reads: AtomicUsize::new(0), account_reads: AtomicUsize::new(0) })
    }

    fn document(&self, name: &str) -> SecretDocument {
        let host = if name == "elsewhere" { "other.example.com" } else { &self.host };
        let entry = serde_json::json!({ "username": name, "password": format!("pw-{name}") });
        SecretDocument::DockerConfigJson(serde_json::json!({ "auths": { host: entry } }).to_string().into_bytes())
    }
}

impl PullSecrets for Cluster {
    fn pod_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        self.pod_reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { access.pull_secrets.iter().map(|name| self.document(name)).collect() })
    }

    fn service_account_secrets<'a>(&'a self, _: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        self.account_reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { vec![self.document("robot")] })
    }
}
