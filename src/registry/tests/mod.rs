//! Behaviour over real HTTP on loopback.

mod login;
mod outside;
mod probe;
mod push;
mod server;
mod tags;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use futures::future::BoxFuture;
use sha2::Digest as _;

use super::{InCluster, NoCluster, Registries, RegistryOptions, SecretDocument};
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
    Registries::new(options(), Arc::new(NoCluster))
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

impl InCluster for Cluster {
    fn pod_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        self.pod_reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { access.pull_secrets.iter().map(|name| self.document(name)).collect() })
    }

    fn service_account_secrets<'a>(&'a self, _: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        self.account_reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { vec![self.document("robot")] })
    }
}

const WANTS_LOGIN: &str = "Basic realm=\"x\"";

fn created(seen: &Seen) -> Answer {
    Answer::status(201).header("docker-content-digest", &digest_of(&seen.body))
}

/// Logged in locally with the account `NAME` for each place, and a cluster whose secret holds the account `member`.
fn logged_in(server: &Server, accounts: &[(&str, &str)]) -> (tempfile::TempDir, Registries) {
    let home = tempfile::tempdir().unwrap();
    let auths: serde_json::Map<_, _> = accounts
        .iter()
        .map(|(place, name)| {
            let entry = serde_json::json!({ "username": name, "password": format!("pw-{name}") });
            (format!("{}{place}", server.host), entry)
        })
        .collect();
    std::fs::write(home.path().join("config.json"), serde_json::json!({ "auths": auths }).to_string()).unwrap();
    let mut options = options();
    options.environment.docker_config = Some(home.path().to_owned());
    let registries = Registries::new(options, Cluster::of(server));
    (home, registries)
}

/// Asks for tokens whose name is the account and the scope, and takes those that allow what is asked. The account
/// `reader` gets no more than `pull`, whatever it asks for; and ending an upload takes the right to delete.
async fn scoped_registry() -> Server {
    Server::start(|seen| {
        if let Some(query) = seen.target.strip_prefix("/token?") {
            let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let (who, scope) = (seen.header("authorization"), &query["scope"]);
            let granted = if who == basic("reader") { scope.replace(",push", "") } else { scope.clone() };
            return Answer::body(serde_json::json!({ "token": format!("{who}|{granted}") }).to_string());
        }
        let place = seen.target.trim_start_matches("/v2/");
        let path = ["/manifests/", "/blobs/"].iter().find_map(|kind| Some(place.split_once(kind)?.0));
        let (action, challenged, answer) = match seen.method.as_str() {
            "PUT" => ("push", "pull,push", created(seen)),
            "POST" => ("push", "pull,push", Answer::status(202).header("location", &format!("{}x", seen.target))),
            "DELETE" => ("delete", "delete", Answer::status(204)),
            _ => ("pull", "pull", Answer::digest(&hex('a'))),
        };
        let scope = path.map(|path| format!("repository:{path}:"));
        if let (Some(scope), Some(token)) = (&scope, seen.header("authorization").strip_prefix("Bearer "))
            && let Some((who, granted)) = token.split_once('|')
            && ["anna", "member", "reader"].iter().any(|name| who == basic(name))
            && granted.strip_prefix(scope).is_some_and(|granted| granted.split(',').any(|other| other == action))
        {
            return answer;
        }
        let scope = scope.map(|scope| format!(",scope=\"{scope}{challenged}\"")).unwrap_or_default();
        let realm = format!("Bearer realm=\"http://{}/token\",service=\"s\"{scope}", seen.header("host"));
        Answer::status(401).header("www-authenticate", &realm)
    })
    .await
}

/// The scopes of the tokens that were asked for.
fn scopes(server: &Server) -> Vec<String> {
    let scope_of = |seen: Seen| {
        let query = seen.target.strip_prefix("/token?")?;
        let (_, scope) = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "scope")?;
        Some(scope.strip_prefix("repository:")?.to_owned())
    };
    server.seen().into_iter().filter_map(scope_of).collect()
}
