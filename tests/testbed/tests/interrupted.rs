//! Requests to the simulated API server that are held, cut or refused at the very point that a story names.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testbed::api::faults::{Cut, Fault, RequestMatch};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, DEADLINE};
use testbed::simulated::{Simulated, SimulatedOptions};
use testbed::store::error::ApiError;

const PATH: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// Somebody else than the bed, as the product is.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Client {
    fn new(cluster: &Simulated) -> Self {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(cluster.authority_pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().no_proxy().user_agent("product").tls_certs_only([authority]);
        Self { http: http.build().unwrap(), server: cluster.server_url(), token: cluster.token("admin") }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token)
    }

    async fn get(&self) -> reqwest::Result<StatusCode> {
        self.request(Method::GET, PATH).send().await.map(|answer| answer.status())
    }

    async fn set(&self, image: &str, query: &str) -> reqwest::Result<StatusCode> {
        let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
        let request = self.request(Method::PATCH, &format!("{PATH}{query}"));
        let request = request.header("content-type", "application/json-patch+json").body(patch.to_string());
        request.send().await.map(|answer| answer.status())
    }
}

async fn with_deployment() -> (Simulated, Client) {
    let cluster = Simulated::start(SimulatedOptions { controllers: false, ..SimulatedOptions::default() }).await;
    let deployment = PodTemplate::new("app", "a:1").deployment("web", 1);
    cluster.create("deployments.apps", deployment).unwrap();
    let client = Client::new(&cluster);
    (cluster, client)
}

fn image(cluster: &Simulated) -> String {
    let deployment = cluster.get("deployments.apps", "default", "web").unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
}

fn patches() -> RequestMatch {
    RequestMatch::new("patch", "/apis/apps/v1/")
}

#[tokio::test]
async fn a_patch_waits_before_it_is_carried_out_and_its_tries_do_not() {
    let (cluster, client) = with_deployment().await;
    let mut paused = cluster.pause_at(patches());
    assert_eq!(client.set("a:2", "?dryRun=All").await.unwrap(), 200);
    assert!(!paused.is_reached());
    let patching = tokio::spawn(async move { client.set("a:2", "").await });
    paused.reached().await;
    assert_eq!(image(&cluster), "a:1");
    paused.release();
    assert_eq!(patching.await.unwrap().unwrap(), 200);
    assert_eq!(image(&cluster), "a:2");
}

#[tokio::test]
async fn a_try_can_be_held_too_and_what_changed_meanwhile_counts() {
    let (cluster, client) = with_deployment().await;
    let mut paused = cluster.pause_at(patches().dry_run().user("admin"));
    let trying = tokio::spawn(async move { client.set("a:2", "?dryRun=All").await });
    paused.reached().await;
    cluster.store().delete("deployments.apps", "default", "web", &Default::default()).unwrap();
    paused.release();
    assert_eq!(trying.await.unwrap().unwrap(), 404);
}

#[tokio::test]
async fn a_client_that_is_killed_leaves_what_the_story_says() {
    let (cluster, client) = with_deployment().await;
    for (image_set, is_after, goes_on, expected) in
        [("a:2", false, false, "a:1"), ("a:3", false, true, "a:3"), ("a:4", true, false, "a:4")]
    {
        let mut paused = if is_after { cluster.pause_after(patches()) } else { cluster.pause_at(patches()) };
        let client = client.clone();
        let patching = tokio::spawn(async move { client.set(image_set, "").await });
        paused.reached().await;
        patching.abort();
        tokio::time::sleep(Duration::from_millis(50)).await;
        if goes_on {
            paused.release()
        } else {
            paused.cut()
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(image(&cluster), expected);
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_although_the_patch_was_carried_out() {
    let (cluster, client) = with_deployment().await;
    let cut = |cut| Fault { matching: patches(), cut: Some(cut), times: Some(1), ..Fault::default() };
    cluster.faults().add(cut(Cut::Before));
    assert!(client.set("a:2", "").await.is_err());
    assert_eq!(image(&cluster), "a:1");
    cluster.faults().add(cut(Cut::After));
    assert!(client.set("a:3", "").await.is_err());
    assert_eq!(image(&cluster), "a:3");
    let logged: Vec<u16> = cluster.request_log().all().iter().map(|entry| entry.status).collect();
    assert_eq!(logged, [0, 0]);
    assert_eq!(client.set("a:4", "").await.unwrap(), 200);
}

#[tokio::test]
async fn a_fault_can_begin_after_some_requests_and_end_after_some_more() {
    let (cluster, client) = with_deployment().await;
    let error = ApiError::new(503, "ServiceUnavailable", "the server is currently unable to handle the request");
    let matching = RequestMatch::new("get", PATH);
    cluster.faults().add(Fault { matching, error: Some(error), skipped: 1, times: Some(2), ..Fault::default() });
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(client.get().await.unwrap().as_u16());
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    assert_eq!(client.set("a:2", "").await.unwrap(), 200, "not a get");
}

#[tokio::test]
async fn a_server_that_is_gone_comes_back_on_its_port_with_everything() {
    let bed = Bed::start_with("gone", SimulatedOptions::default()).await;
    let Some(cluster) = bed.simulated() else { return };
    let client = Client::new(cluster);
    let list = format!("/api/v1/namespaces/{}/pods", bed.name());
    let pods = async || client.request(Method::GET, &list).send().await?.json::<Value>().await;
    assert!(pods().await.unwrap()["items"].as_array().unwrap().is_empty());
    let mut paused = cluster.pause_at(RequestMatch::any());
    let waiting = tokio::spawn(client.request(Method::GET, &list).send());
    paused.reached().await;
    cluster.stop_serving().await;
    assert!(waiting.await.unwrap().is_err(), "what waits is cut");
    paused.release();
    assert!(pods().await.unwrap_err().is_connect());
    // The bed itself still gets in, and the controllers work.
    bed.create(&PodTemplate::new("app", "registry.invalid/app:1").deployment("web", 2)).await;
    let made = |pods: &[Value]| pods.len() == 2;
    tokio::time::timeout(DEADLINE, bed.wait_for_pods("pods", "app=web", made)).await.unwrap();
    cluster.resume_serving().await.unwrap();
    assert_eq!(pods().await.unwrap()["items"].as_array().unwrap().len(), 2);
    let held = cluster.pause_at(RequestMatch::any());
    bed.list("pods").await;
    assert!(!held.is_reached(), "the bed's own requests are never meant");
    bed.finish().await;
}
