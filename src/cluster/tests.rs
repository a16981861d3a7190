//! The edge against a small HTTP server on loopback: what is asked, in which order, and what is made of
//! the answers.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::domain::inventory::Workload;
use crate::domain::workload::{Access, OwnerReference};

/// Answers by path and query; each request takes the next answer of its path, the last one stays.
#[derive(Default)]
pub(super) struct Server {
    answers: Mutex<HashMap<String, Vec<(u16, String)>>>,
    requests: Mutex<Vec<String>>,
    heads: Mutex<Vec<String>>,
}

impl Server {
    pub(super) fn on(&self, path: &str, status: u16, body: &str) {
        self.answers.lock().unwrap().entry(path.to_owned()).or_default().push((status, body.to_owned()));
    }

    /// Paths that were asked for, sorted.
    pub(super) fn requests(&self) -> Vec<String> {
        let mut requests = self.requests.lock().unwrap().clone();
        requests.sort();
        requests
    }

    fn answer(&self, path: &str) -> (u16, String) {
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(path) {
            Some(list) if list.len() > 1 => list.remove(0),
            Some(list) => list[0].clone(),
            None => {
                (404, format!(r#"{{"kind":"Status","message":"{path} not found","reason":"NotFound","code":404}}"#))
            }
        }
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let Ok(read @ 1..) = stream.read(&mut chunk).await else { return };
            buffer.extend_from_slice(&chunk[..read]);
            while let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(buffer.drain(..end + 4).collect()).unwrap();
                let path = head.split(' ').nth(1).unwrap().to_owned();
                self.requests.lock().unwrap().push(path.clone());
                self.heads.lock().unwrap().push(head.to_lowercase());
                let (status, body) = self.answer(&path);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn options(server: &str) -> ConnectOptions {
    ConnectOptions { server: Some(server.to_owned()), namespace: Some("shop".to_owned()), ..ConnectOptions::default() }
}

pub(super) async fn start() -> (Arc<Server>, Cluster) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::new(Server::default());
    let accepting = Arc::clone(&server);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&accepting).serve(stream));
        }
    });
    install_provider();
    let cluster = Cluster::connect(&options(&format!("http://{address}"))).await.unwrap();
    (server, cluster)
}

fn install_provider() {
    // The second test to come finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn shop() -> Scope {
    Scope::Namespace("shop".into())
}

fn pod(name: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"uid-{name}"}},"spec":{{"containers":[{{"name":"c","image":"i:1"}}]}}}}"#
    )
}

fn page(token: &str, items: &[String]) -> String {
    format!(
        r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{"continue":"{token}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

async fn names(cluster: &Cluster, selection: &Selection) -> Result<Vec<String>, AppError> {
    let mut pods = cluster.pods(selection);
    let mut names = Vec::new();
    while let Some(page) = pods.next().await {
        names.extend(page?.into_iter().map(|pod| pod.name.to_string()));
    }
    Ok(names)
}

const PODS: &str = "/api/v1/namespaces/shop/pods?limit=500";
const FORBIDDEN: &str = r#"{"kind":"Status","message":"pods is forbidden: User \"dev\" cannot list resource \"pods\"","reason":"Forbidden","code":403}"#;

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let (server, cluster) = start().await;
    server.on(PODS, 200, &page("t1", &[pod("a"), pod("b")]));
    server.on(&format!("{PODS}&continue=t1"), 200, &page("t2", &[pod("c")]));
    server.on(&format!("{PODS}&continue=t2"), 200, &page("", &[pod("d")]));
    assert_eq!(names(&cluster, &Selection::all(shop())).await.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(server.requests().len(), 3);
    let head = server.heads.lock().unwrap()[0].clone();
    assert!(head.contains("user-agent: kubectl-freshimage/"), "{head}");
    assert!(!head.contains("gzip"), "no compression on loopback: {head}");
}

#[tokio::test]
async fn metadata_after_the_items_is_found_too() {
    let (server, cluster) = start().await;
    server.on(PODS, 200, &format!(r#"{{"items":[{}],"metadata":{{"continue":"t1"}}}}"#, pod("a")));
    server.on(&format!("{PODS}&continue=t1"), 200, &format!(r#"{{"items":[{}],"metadata":{{}}}}"#, pod("b")));
    assert_eq!(names(&cluster, &Selection::all(shop())).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn an_expired_page_goes_on_where_it_was() {
    let (server, cluster) = start().await;
    server.on(PODS, 200, &page("t1", &[pod("a")]));
    server.on(&format!("{PODS}&continue=t1"), 410, r#"{"reason":"Expired","code":410,"metadata":{"continue":"t9"}}"#);
    server.on(&format!("{PODS}&continue=t9"), 200, &page("", &[pod("b")]));
    assert_eq!(names(&cluster, &Selection::all(shop())).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn without_a_way_on_the_list_starts_over_and_no_pod_comes_twice() {
    let (server, cluster) = start().await;
    server.on(PODS, 200, &page("t1", &[pod("a")]));
    server.on(&format!("{PODS}&continue=t1"), 410, r#"{"reason":"Expired","code":410}"#);
    server.on("/api/v1/namespaces/shop/pods?", 200, &page("", &[pod("a"), pod("b")]));
    assert_eq!(names(&cluster, &Selection::all(shop())).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn a_large_cluster_is_read_by_namespaces_and_no_pod_is_lost_or_comes_twice() {
    let (server, cluster) = start().await;
    let in_namespace = |namespace: &str, name: &str| pod(name).replace("shop", namespace);
    let first = page("t1", &[in_namespace("a", "a1"), in_namespace("b", "b1")]);
    server.on(
        "/api/v1/pods?limit=500",
        200,
        &first.replace("\"continue\"", "\"remainingItemCount\":2000,\"continue\""),
    );
    let namespaces = r#"{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}},{"metadata":{"name":"empty"}}]}"#;
    server.on("/api/v1/namespaces?limit=500", 200, namespaces);
    let list = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods?limit=500");
    server.on(&list("a"), 200, &page("", &[in_namespace("a", "a1")]));
    server.on(&list("b"), 200, &page("t2", &[in_namespace("b", "b1"), in_namespace("b", "b2")]));
    server.on(&format!("{}&continue=t2", list("b")), 200, &page("", &[in_namespace("b", "b3")]));
    server.on(&list("empty"), 200, &page("", &[]));
    let mut read = names(&cluster, &Selection::all(Scope::AllNamespaces)).await.unwrap();
    read.sort();
    assert_eq!(read, ["a1", "b1", "b2", "b3"]);
}

#[tokio::test]
async fn a_large_cluster_whose_namespaces_may_not_be_listed_is_read_in_one_list() {
    let (server, cluster) = start().await;
    let first = page("t1", &[pod("a")]).replace("\"continue\"", "\"remainingItemCount\":2000,\"continue\"");
    server.on("/api/v1/pods?limit=500", 200, &first);
    server.on("/api/v1/namespaces?limit=500", 403, FORBIDDEN);
    server.on("/api/v1/pods?limit=500&continue=t1", 200, &page("", &[pod("b")]));
    assert_eq!(names(&cluster, &Selection::all(Scope::AllNamespaces)).await.unwrap(), ["a", "b"]);
    assert_eq!(cluster.problems(), []);
}

#[tokio::test]
async fn forbidden_pods_end_the_run_with_a_way_out() {
    let (server, cluster) = start().await;
    server.on(PODS, 403, FORBIDDEN);
    server.on("/api/v1/pods?limit=500", 403, FORBIDDEN);
    let error = names(&cluster, &Selection::all(shop())).await.unwrap_err();
    assert_eq!(error.message, "failed to list pods in namespace `shop`");
    assert_eq!(error.causes, ["pods is forbidden: User \"dev\" cannot list resource \"pods\""]);
    assert!(error.hints[0].contains("diagnose pod/NAME"), "{error:?}");
    let error = names(&cluster, &Selection::all(Scope::AllNamespaces)).await.unwrap_err();
    assert!(error.hints[0].contains("-n NAMESPACE"), "{error:?}");
}

#[tokio::test]
async fn a_forbidden_pod_ends_the_run_with_a_way_out() {
    let (server, cluster) = start().await;
    server.on("/api/v1/namespaces/shop/pods/a", 403, &FORBIDDEN.replace("list", "get"));
    server.on("/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Da", 403, FORBIDDEN);
    let error = names(&cluster, &Selection { names: vec!["a".into()], ..Selection::all(shop()) }).await.unwrap_err();
    assert_eq!(error.message, "failed to read `pods/a`");
    assert_eq!(error.causes, ["pods is forbidden: User \"dev\" cannot get resource \"pods\""]);
    assert_eq!(error.hints, ["ask for `get` on `pods`, or for `list`, which is enough as well"]);
}

#[tokio::test]
async fn a_pod_that_may_only_be_listed_is_found_in_the_list() {
    let (server, cluster) = start().await;
    let named = async |name: &str| {
        let selection = Selection { names: vec![name.into()], ..Selection::all(shop()) };
        names(&cluster, &selection).await.map_err(|error| error.message)
    };
    for name in ["a", "b", "c%2Cd%3De"] {
        server.on(&format!("/api/v1/namespaces/shop/pods/{name}"), 403, FORBIDDEN);
    }
    let list = "/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3D";
    server.on(&format!("{list}a"), 200, &page("", &[pod("a")]));
    server.on(&format!("{list}b"), 200, r#"{"metadata":{},"items":null}"#);
    // A comma in a name must not become a second condition, nor the answer to it another pod.
    server.on(&format!("{list}c%5C%2Cd%5C%3De"), 200, &page("", &[pod("c")]));
    assert_eq!(named("a").await.unwrap(), ["a"]);
    assert_eq!(named("b").await.unwrap_err(), "pods \"b\" not found");
    assert_eq!(named("c,d=e").await.unwrap_err(), "pods \"c,d=e\" not found");
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let (server, cluster) = start().await;
    server.on(PODS, 429, r#"{"message":"too many requests","code":429}"#);
    server.on(PODS, 503, "");
    server.on(PODS, 200, &page("", &[pod("a")]));
    assert_eq!(names(&cluster, &Selection::all(shop())).await.unwrap(), ["a"]);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_server_that_asks_for_centuries_is_not_waited_for() {
    install_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = format!("HTTP/1.1 429 X\r\nretry-after: {}\r\ncontent-length: 0\r\n\r\n", u64::MAX);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let options =
        ConnectOptions { request_timeout: Some(Duration::from_secs(30)), ..options(&format!("http://{address}")) };
    let cluster = Cluster::connect(&options).await.unwrap();
    let error = names(&cluster, &Selection::all(shop())).await.unwrap_err();
    assert_eq!(error.causes, ["the server answered 429 Too Many Requests"]);
}

#[tokio::test]
async fn nobody_listening_is_told_at_once_in_kubectls_words() {
    install_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let cluster = Cluster::connect(&options(&format!("http://{address}"))).await.unwrap();
    let error = names(&cluster, &Selection::all(shop())).await.unwrap_err();
    assert_eq!(error.causes, [format!("the connection to the server {address} was refused")]);
    assert!(error.hints[0].starts_with("is the cluster running"), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_request_timeout() {
    install_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options =
        ConnectOptions { request_timeout: Some(Duration::from_millis(50)), ..options(&format!("http://{address}")) };
    let cluster = Cluster::connect(&options).await.unwrap();
    let error = names(&cluster, &Selection::all(shop())).await.unwrap_err();
    assert_eq!(error.causes, [format!("the server {address} did not answer within 0.05s")]);
    drop(listener);
}

#[tokio::test]
async fn named_pods_are_read_one_by_one() {
    let (server, cluster) = start().await;
    server.on("/api/v1/namespaces/shop/pods/a", 200, &pod("a"));
    server.on(
        "/api/v1/namespaces/shop/pods/b",
        404,
        r#"{"message":"pods \"b\" not found","reason":"NotFound","code":404}"#,
    );
    let of =
        |list: &[&str]| Selection { names: list.iter().map(|name| (*name).into()).collect(), ..Selection::all(shop()) };
    assert_eq!(names(&cluster, &of(&["a", "a"])).await.unwrap(), ["a"]);
    assert_eq!(names(&cluster, &of(&["a", "b"])).await.unwrap_err().message, "pods \"b\" not found");
}

#[tokio::test]
async fn targets_are_found_by_kubectls_words() {
    let (server, cluster) = start().await;
    server.on(
        "/apis/apps/v1/namespaces/shop/deployments/web",
        200,
        r#"{"metadata":{"name":"web","uid":"d1","annotations":{"argocd.argoproj.io/tracking-id":"store:apps/Deployment:shop/web"}}}"#,
    );
    let resolve = async |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        cluster.resolve(&words, &shop()).await
    };
    let targets = resolve(&["deploy/web", "pod/web-1"]).await.unwrap();
    let owner = targets[0].owner.as_ref().unwrap();
    assert_eq!((&*owner.itself.uid, &*owner.managers[0].name), ("d1", "store"));
    assert!(targets[1].is_pod() && targets[1].owner.is_none());
    assert_eq!(server.requests(), ["/apis/apps/v1/namespaces/shop/deployments/web"], "no discovery for known words");
    let all = resolve(&["deployments,statefulsets"]).await.unwrap();
    assert!(all.iter().all(|target| target.name.is_none()) && all.len() == 2);
    server.on("/api/v1", 200, r#"{"resources":[]}"#);
    server.on(
        "/apis",
        200,
        r#"{"items":[{"metadata":{"name":"argoproj.io"},"versions":[{"version":"v1alpha1","resources":[{"resource":"rollouts",
          "responseKind":{"kind":"Rollout"},"scope":"Namespaced","singularResource":"rollout","shortNames":["ro"]}]}]}]}"#,
    );
    let rollouts = resolve(&["ro"]).await.unwrap();
    assert_eq!(rollouts[0].resource.full_name(), "rollouts.argoproj.io");
    let error = resolve(&["nonsense"]).await.unwrap_err();
    assert_eq!(error.message, "the server doesn't have a resource type \"nonsense\"");
    let words = ["deploy/web".to_owned()];
    assert_eq!(cluster.resolve(&words, &Scope::AllNamespaces).await.unwrap_err().kind, crate::error::Kind::Usage);
}

#[tokio::test]
async fn a_selector_with_a_type_lists_objects_of_that_type() {
    let (server, cluster) = start().await;
    server.on(
        "/apis/apps/v1/namespaces/shop/deployments?limit=500&labelSelector=tier%3Dfront",
        200,
        r#"{"metadata":{},"items":[{"metadata":{"name":"web","uid":"d1"}}]}"#,
    );
    let resource = Arc::new(Resource::well_known_kind("apps/v1", "Deployment").unwrap());
    let targets = cluster.list_targets(&resource, Some("tier=front"), &shop()).await.unwrap();
    assert_eq!(targets[0].uid().map(|uid| &**uid), Some("d1"));
}

#[tokio::test]
async fn nodes_that_may_not_be_read_are_said_once() {
    let (server, cluster) = start().await;
    let forbidden = r#"{"message":"nodes is forbidden: User \"dev\" cannot list resource \"nodes\"","code":403}"#;
    server.on("/api/v1/nodes?limit=500", 403, forbidden);
    server.on("/api/v1/nodes/n1", 403, forbidden);
    assert!(cluster.nodes().await.is_empty());
    assert!(cluster.nodes_named(&["n1".into()]).await.is_empty());
    assert!(cluster.node_store("n1").await.unwrap_err().contains("forbidden"));
    assert_eq!(cluster.problems().len(), 1);
    assert_eq!(cluster.problems()[0].what, "nodes");
}

#[tokio::test]
async fn a_nodes_images_are_told_by_content() {
    let (server, cluster) = start().await;
    server.on(
        "/api/v1/nodes/n1",
        200,
        r#"{"status":{"images":[{"names":["a@sha256:1","b:1"],"sizeBytes":1},{"names":null},{"names":["c:1"]}]}}"#,
    );
    assert_eq!(cluster.node_store("n1").await.unwrap().images, [vec!["a@sha256:1", "b:1"], vec!["c:1"]]);
}

#[tokio::test]
async fn each_secret_is_read_once() {
    let (server, cluster) = start().await;
    server.on(
        "/api/v1/namespaces/shop/secrets/regcred",
        200,
        r#"{"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="}}"#,
    );
    server.on(
        "/api/v1/namespaces/shop/serviceaccounts/builder",
        200,
        r#"{"imagePullSecrets":[{"name":"regcred"},{"name":"gone"}]}"#,
    );
    server.on("/api/v1/namespaces/shop/secrets/gone", 404, r#"{"message":"secrets \"gone\" not found","code":404}"#);
    let access = Access {
        namespace: "shop".into(),
        service_account: "builder".into(),
        pull_secrets: vec!["regcred".into(), "gone".into()],
    };
    for _ in 0..2 {
        let (of_pod, of_account) =
            futures::join!(cluster.pull_secrets_of_pod(&access), cluster.pull_secrets_of_service_account(&access));
        assert_eq!(of_pod.len(), 1);
        assert_eq!(of_pod, of_account);
        assert_eq!(of_pod[0].document, b"{}");
    }
    assert_eq!(server.requests().len(), 3);
    assert_eq!(cluster.problems()[0].why, "secrets \"gone\" not found in namespace `shop`");
}

#[tokio::test]
async fn a_rollout_that_points_at_a_deployment_is_followed() {
    let (server, cluster) = start().await;
    server.on("/apis/argoproj.io/v1alpha1", 200, r#"{"resources":[{"name":"rollouts","namespaced":true,"kind":"Rollout"},{"name":"rollouts/status","namespaced":true,"kind":"Rollout"}]}"#);
    server.on(
        "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web",
        200,
        r#"{"metadata":{"generation":2},"spec":{"replicas":3,"workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}},"status":{"observedGeneration":"2"}}"#,
    );
    server.on(
        "/apis/apps/v1/namespaces/shop/deployments/web",
        200,
        r#"{"spec":{"replicas":0,"template":{"spec":{"containers":[{"name":"c","image":"c:1"}]}}}}"#,
    );
    let reference = OwnerReference {
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Rollout".into(),
        name: "web".into(),
        uid: "r1".into(),
    };
    let mut workload = Workload { namespace: "shop".into(), reference };
    let state = cluster.workload(&workload).await.unwrap();
    assert_eq!((state.desired, state.observed_generation, state.template.len()), (3, Some(2), 1));
    assert_eq!(state.template_of.as_ref().map(|name| (&*name.kind, &*name.name)), Some(("Deployment", "web")));
    workload.reference.kind = "Nonsense".into();
    assert_eq!(
        cluster.workload(&workload).await.unwrap_err(),
        "the server doesn't have the kind `Nonsense` of `argoproj.io/v1alpha1`"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_an_error_in_words() {
    let (server, cluster) = start().await;
    server.on(PODS, 200, "<html>log in here</html>");
    let error = names(&cluster, &Selection::all(shop())).await.unwrap_err();
    assert!(error.causes[0].starts_with("the server's answer cannot be read: "), "{error:?}");
    let (server, cluster) = start().await;
    server.on(PODS, 200, &page("", &[r#"{"metadata":{"name":7}}"#.to_owned()]));
    let error = names(&cluster, &Selection::all(shop())).await.unwrap_err();
    assert!(error.causes[0].contains("expected a text"), "{error:?}");
}
