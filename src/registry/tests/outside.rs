//! Registries that have another name outside the cluster.

use super::*;
use crate::domain::local_registry::LocalRegistry;
use crate::domain::remote::{Document, Failure, PushRight};

/// A cluster that calls a registry by a name that nobody reaches here, and says where it is. Its secret `NAME` holds the
/// account `NAME` for that name, and the service account has the secret `robot`.
struct LocalCluster {
    inside: String,
    hosting: Option<Arc<LocalRegistry>>,
    reads: AtomicUsize,
}

impl LocalCluster {
    fn at(place: &str, help: &str) -> Arc<Self> {
        let inside = dead();
        let hosting = LocalRegistry::new(place, &[("hostFromContainerRuntime", &inside)], help).unwrap();
        Arc::new(Self { inside, hosting: hosting.map(Arc::new), reads: AtomicUsize::new(0) })
    }

    fn tag(&self, path: &str, secrets: &[&str]) -> Tag {
        let repository = Repository::parse(&format!("{}/{path}", self.inside)).unwrap();
        Tag { repository, tag: "1".into(), access: Arc::new(access("ns", secrets)) }
    }

    fn document(&self, name: &str) -> SecretDocument {
        let entry = serde_json::json!({ "username": name, "password": format!("pw-{name}") });
        SecretDocument::DockerConfigJson(
            serde_json::json!({ "auths": { &self.inside: entry } }).to_string().into_bytes(),
        )
    }
}

impl InCluster for LocalCluster {
    fn pod_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        Box::pin(async { access.pull_secrets.iter().map(|name| self.document(name)).collect() })
    }

    fn service_account_secrets<'a>(&'a self, _: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        Box::pin(async { vec![self.document("robot")] })
    }

    fn local_registry(&self) -> BoxFuture<'_, Option<Arc<LocalRegistry>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(self.hosting.clone()))
    }
}

/// A host at which nobody listens.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn open() -> Server {
    Server::start(|_| Answer::digest(&hex('a'))).await
}

/// A registry that lets nobody in.
async fn locked() -> Server {
    Server::start(|_| Answer::status(401).header("www-authenticate", WANTS_LOGIN)).await
}

/// Who knocked, each once.
fn visitors(server: &Server) -> Vec<String> {
    let mut seen: Vec<String> = server.seen().iter().map(|seen| seen.header("authorization").to_owned()).collect();
    seen.sort();
    seen.dedup();
    seen
}

fn mirrored(cluster: &LocalCluster, place: &str) -> RegistryOptions {
    RegistryOptions { mirrors: [(cluster.inside.clone(), place.to_owned())].into(), ..options() }
}

#[tokio::test]
async fn a_registry_that_nobody_reaches_is_asked_where_the_cluster_says_it_is() {
    let server = open().await;
    let cluster = LocalCluster::at(&server.host, "");
    let registries = Registries::new(options(), Arc::clone(&cluster) as Arc<dyn InCluster>);
    for path in ["shop/web", "shop/api", "shop/db"] {
        assert_eq!(registries.served(&cluster.tag(path, &[])).await, Ok(served(&hex('a'))), "{path}");
    }
    assert_eq!(server.lines()[0], "HEAD /v2/shop/web/manifests/1");
    assert_eq!((server.lines().len(), cluster.reads.load(Ordering::Relaxed)), (3, 1));
}

#[tokio::test]
async fn the_cluster_is_not_asked_while_registries_answer() {
    let server = open().await;
    let cluster = LocalCluster::at("127.0.0.1:1", "");
    let registries = Registries::new(options(), Arc::clone(&cluster) as Arc<dyn InCluster>);
    registries.served(&tag(&server, "app:1", Access::default())).await.unwrap();
    // What the user says goes first, even where it leads nowhere.
    let registries = Registries::new(mirrored(&cluster, &dead()), Arc::clone(&cluster) as Arc<dyn InCluster>);
    assert!(registries.served(&cluster.tag("app", &[])).await.is_err());
    let registries = Registries::new(mirrored(&cluster, &server.host), Arc::clone(&cluster) as Arc<dyn InCluster>);
    assert_eq!(registries.served(&cluster.tag("app", &[])).await, Ok(served(&hex('a'))));
    assert_eq!(cluster.reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn where_it_cannot_be_reached_there_either_the_failure_names_the_place_and_its_help() {
    let refused = || "connection refused".to_owned();
    let place = dead();
    let cluster = LocalCluster::at(&place, "https://help.example.com\u{1b}");
    let registries = Registries::new(options(), Arc::clone(&cluster) as Arc<dyn InCluster>);
    let failure = registries.served(&cluster.tag("app", &[])).await.unwrap_err();
    assert_eq!(failure.clause(), format!("cannot be reached at `{place}`: connection refused"));
    let hint = "the cluster says about this registry: https://help.example.com\u{fffd}";
    assert_eq!(failure.hint().as_deref(), Some(hint));

    let by_flag = Registries::new(mirrored(&cluster, &format!("http://{place}")), Arc::clone(&cluster) as _);
    let expected = Failure::UnreachableAt { host: place, cause: refused(), help: None };
    assert_eq!(by_flag.served(&cluster.tag("app", &[])).await, Err(expected));

    // One that the cluster says nothing about.
    let other = Tag { repository: Repository::parse(&format!("{}/app", dead())).unwrap(), ..cluster.tag("app", &[]) };
    let failure = registries.served(&other).await.unwrap_err();
    assert_eq!(failure, Failure::Unreachable(refused()));
    assert!(failure.hint().unwrap().ends_with("give it with `--registry-mirror HOST=URL`"));
}

#[tokio::test]
async fn pull_secrets_go_to_no_third_place() {
    let server = locked().await;
    let port = server.host.rsplit_once(':').unwrap().1.to_owned();
    // The same server by an address that counts as another machine's.
    let foreign = format!("http://0.0.0.0:{port}");
    for (place, expected) in
        [(server.host.clone(), vec![String::new(), basic("member"), basic("robot")]), (foreign, vec![String::new()])]
    {
        let server_before = server.seen().len();
        let cluster = LocalCluster::at("127.0.0.1:1", "");
        let registries = Registries::new(mirrored(&cluster, &place), Arc::clone(&cluster) as Arc<dyn InCluster>);
        let answer = registries.served(&cluster.tag("app", &["member"])).await;
        let mut found: Vec<String> =
            server.seen()[server_before..].iter().map(|seen| seen.header("authorization").to_owned()).collect();
        found.sort();
        found.dedup();
        let mut expected = expected;
        expected.sort();
        assert_eq!(found, expected, "{place}");
        let tried = if expected.len() > 1 { Failure::Denied { tried: 2 } } else { Failure::LoginRequired };
        assert_eq!(answer, Err(tried), "{place}");
    }
}

#[tokio::test]
async fn the_local_login_is_that_of_the_place_that_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let server = locked().await;
    let cluster = LocalCluster::at(&server.host, "");
    let entry = |name: &str| serde_json::json!({ "username": name, "password": format!("pw-{name}") });
    let auths = serde_json::json!({ "auths": { &server.host: entry("outside"), &cluster.inside: entry("inside") } });
    std::fs::write(home.path().join("config.json"), auths.to_string()).unwrap();
    let mut by_flag = mirrored(&cluster, &format!("http://{}", server.host));
    by_flag.environment.docker_config = Some(home.path().to_owned());
    let mut by_cluster = options();
    by_cluster.environment.docker_config = Some(home.path().to_owned());
    for options in [by_flag, by_cluster] {
        let registries = Registries::new(options, Arc::clone(&cluster) as Arc<dyn InCluster>);
        let tag = Tag { access: Arc::default(), ..cluster.tag("app", &[]) };
        assert_eq!(registries.served(&tag).await, Err(Failure::Denied { tried: 1 }));
        assert_eq!(registries.may_push(&tag.repository).await, PushRight::Denied(Failure::Denied { tried: 1 }));
        let document = Document { media_type: "application/json".into(), bytes: b"{}".to_vec() };
        assert!(registries.put_tag(&tag, &document).await.is_err());
    }
    assert_eq!(visitors(&server), [String::new(), basic("outside")]);
}
