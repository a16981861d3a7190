//! The simulated cluster from end to end: what a person does, and what the cluster then reports.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testbed::simulated::{Simulated, SimulatedOptions};
use testbed::store::object::{annotation, items, number, text};

/// Paths to digests and bytes: as much of a registry as a pull needs.
type Shelf = Arc<Mutex<HashMap<String, (String, String)>>>;

fn digest(bytes: &str) -> String {
    let hex: String = Sha256::digest(bytes.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

async fn answer(State(shelf): State<Shelf>, request: Request) -> Response {
    let found = shelf.lock().unwrap().get(request.uri().path()).cloned();
    let (status, digest, body) = match found {
        Some((digest, body)) => (200, digest, body),
        None => (404, String::new(), "{}".to_owned()),
    };
    Response::builder().status(status).header("Docker-Content-Digest", digest).body(body.into()).unwrap()
}

struct Registry {
    shelf: Shelf,
    host: String,
}

impl Registry {
    async fn start() -> Self {
        let shelf = Shelf::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shelf));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shelf, host }
    }

    /// Pushes content under a tag; answers the manifest's digest.
    fn push(&self, repository: &str, tag: &str, content: &str, command: &[&str]) -> String {
        let config =
            json!({"os": "linux", "architecture": "amd64", "config": {"Cmd": command}, "note": content}).to_string();
        let config_digest = digest(&config);
        let manifest =
            json!({"schemaVersion": 2, "config": {"digest": config_digest, "size": config.len()}, "layers": []})
                .to_string();
        let manifest_digest = digest(&manifest);
        let mut shelf = self.shelf.lock().unwrap();
        shelf.insert(format!("/v2/{repository}/blobs/{config_digest}"), (config_digest, config));
        for key in [tag, &manifest_digest] {
            shelf.insert(format!("/v2/{repository}/manifests/{key}"), (manifest_digest.clone(), manifest.clone()));
        }
        manifest_digest
    }

    fn image(&self, rest: &str) -> String {
        format!("{}/{rest}", self.host)
    }
}

fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}},
        },
    })
}

fn is_complete(cluster: &Simulated) -> bool {
    let Some(deployment) = cluster.get("deployments.apps", "default", "web") else { return false };
    let count = |pointer: &str| number(&deployment, pointer).unwrap_or(0);
    count("/status/observedGeneration") == count("/metadata/generation")
        && count("/status/updatedReplicas") == count("/spec/replicas")
        && count("/status/replicas") == count("/spec/replicas")
        && count("/status/availableReplicas") == count("/spec/replicas")
}

fn image_ids(cluster: &Simulated) -> Vec<String> {
    let pods = cluster.list("pods", Some("default"));
    pods.iter().map(|pod| text(pod, "/status/containerStatuses/0/imageID").to_owned()).collect()
}

async fn restart(cluster: &Simulated) {
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": uuid::Uuid::new_v4().to_string()}}}}});
    let url = format!("{}/apis/apps/v1/namespaces/default/deployments/web", cluster.plain_url());
    let answer = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = answer
        .patch(url)
        .bearer_auth(cluster.token("admin"))
        .header("Content-Type", "application/strategic-merge-patch+json")
        .body(patch.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

async fn eventually(cluster: &Simulated, condition: impl FnMut(&Simulated) -> bool) {
    assert!(cluster.wait_until(Duration::from_secs(10), condition).await, "{:#?}", cluster.list("pods", None));
}

fn provide_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test]
async fn a_restart_under_if_not_present_keeps_the_old_content_and_one_under_always_brings_the_new() {
    provide_tls();
    let registry = Registry::start().await;
    let cluster = Simulated::start(SimulatedOptions::default()).await;
    let old = registry.push("team/app", "1.0", "old", &[]);
    cluster.create("deployments.apps", deployment(&registry.image("team/app:1.0"), 2)).unwrap();
    eventually(&cluster, is_complete).await;
    let running_old = vec![registry.image(&format!("team/app@{old}")); 2];
    assert_eq!(image_ids(&cluster), running_old);

    let new = registry.push("team/app", "1.0", "new", &[]);
    restart(&cluster).await;
    eventually(&cluster, |cluster| is_complete(cluster) && cluster.list("pods", None).len() == 2).await;
    let restarted = cluster.list("pods", None);
    assert!(restarted.iter().all(|pod| annotation(pod, "kubectl.kubernetes.io/restartedAt").is_some()));
    assert_eq!(image_ids(&cluster), running_old);

    cluster
        .store()
        .update("deployments.apps", "default", "web", |object| {
            object["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
            Ok(())
        })
        .unwrap();
    eventually(&cluster, |cluster| is_complete(cluster) && cluster.list("pods", None).len() == 2).await;
    assert_eq!(image_ids(&cluster), vec![registry.image(&format!("team/app@{new}")); 2]);
    cluster.stop().await;
}

#[tokio::test]
async fn pods_that_cannot_start_say_why_in_the_kubelets_words() {
    provide_tls();
    let registry = Registry::start().await;
    let cluster = Simulated::start(SimulatedOptions::default()).await;
    registry.push("tools/crash", "1", "crash", &["/bin/busybox", "false"]);
    let missing = registry.image("no/such:1");
    for (name, image) in
        [("nopull", missing.as_str()), ("crash", &registry.image("tools/crash:1")), ("badname", "Bad/NAME:1")]
    {
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": image}]}});
        cluster.create("pods", pod).unwrap();
    }
    let waiting = |cluster: &Simulated, name: &str| {
        let pod = cluster.get("pods", "default", name).unwrap();
        let state = "/status/containerStatuses/0/state/waiting";
        (text(&pod, &format!("{state}/reason")).to_owned(), text(&pod, &format!("{state}/message")).to_owned())
    };
    eventually(&cluster, |cluster| waiting(cluster, "nopull").0 == "ImagePullBackOff").await;
    assert_eq!(
        waiting(&cluster, "nopull").1,
        format!(
            "Back-off pulling image \"{missing}\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack \
             image \"{missing}\": failed to resolve image: {missing}: not found"
        )
    );
    eventually(&cluster, |cluster| waiting(cluster, "crash").0 == "CrashLoopBackOff").await;
    let crash = cluster.get("pods", "default", "crash").unwrap();
    assert_eq!(number(&crash, "/status/containerStatuses/0/lastState/terminated/exitCode"), Some(1));
    assert!(text(&crash, "/status/containerStatuses/0/imageID").contains("tools/crash@sha256:"));
    eventually(&cluster, |cluster| waiting(cluster, "badname").0 == "InvalidImageName").await;
}

#[tokio::test]
async fn every_kind_of_owner_brings_its_pods_to_run_and_takes_them_away() {
    provide_tls();
    let registry = Registry::start().await;
    let cluster = Simulated::start(SimulatedOptions::default()).await;
    registry.push("app", "1", "app", &[]);
    registry.push("once", "1", "once", &["/bin/busybox", "true"]);
    let template = |image: &str| json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": registry.image(image)}]}});
    let selector = json!({"matchLabels": {"app": "x"}});
    let spec = json!({"replicas": 2, "selector": selector, "template": template("app:1"), "serviceName": "db"});
    cluster.create("statefulsets.apps", json!({"metadata": {"name": "db"}, "spec": spec})).unwrap();
    let spec = json!({"selector": selector, "template": template("app:1")});
    cluster.create("daemonsets.apps", json!({"metadata": {"name": "agent"}, "spec": spec})).unwrap();
    let mut once = template("once:1");
    once["spec"]["restartPolicy"] = "Never".into();
    let spec = json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": once}}});
    cluster.create("cronjobs.batch", json!({"metadata": {"name": "report"}, "spec": spec})).unwrap();
    cluster.run_cron_job("default", "report").unwrap();
    cluster
        .node("node-a")
        .add_static_pod(&json!({"metadata": {"name": "static"}, "spec": template("app:1")["spec"]}))
        .unwrap();
    eventually(&cluster, |cluster| {
        let pods = cluster.list("pods", None);
        let in_phase = |phase: &str| pods.iter().filter(|pod| text(pod, "/status/phase") == phase).count();
        in_phase("Running") == 5 && in_phase("Succeeded") == 1
    })
    .await;
    let mirror = cluster.get("pods", "default", "static-node-a").unwrap();
    assert_eq!(text(&mirror, "/metadata/ownerReferences/0/kind"), "Node");
    eventually(&cluster, |cluster| {
        let job = cluster.list("jobs.batch", None).pop().unwrap();
        items(&job, "/status/conditions").iter().any(|one| text(one, "/type") == "Complete")
    })
    .await;

    let options = testbed::store::deletion::DeleteOptions::default();
    cluster.store().delete("namespaces", "", "default", &options).unwrap();
    eventually(&cluster, |cluster| cluster.get("namespaces", "", "default").is_none()).await;
}

#[tokio::test]
async fn pages_show_one_state_until_they_expire() {
    provide_tls();
    let cluster = Simulated::start(SimulatedOptions { controllers: false, ..SimulatedOptions::default() }).await;
    for number in 0..5 {
        let map = json!({"metadata": {"name": format!("map-{number}")}});
        cluster.create("configmaps", map).unwrap();
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |query: &str| -> (u16, Value) {
        let url = format!("{}/api/v1/namespaces/default/configmaps?{query}", cluster.plain_url());
        let answer = client.get(url).bearer_auth(cluster.token("admin")).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let (_, first) = get("limit=2").await;
    assert_eq!(number(&first, "/metadata/remainingItemCount"), Some(4));
    let token = text(&first, "/metadata/continue").to_owned();
    let options = testbed::store::deletion::DeleteOptions::default();
    cluster.store().delete("configmaps", "default", "map-4", &options).unwrap();
    let (_, rest) = get(&format!("limit=10&continue={token}")).await;
    assert_eq!(items(&rest, "/items").len(), 4);

    cluster.expire_pages();
    let (status, expired) = get(&format!("limit=2&continue={token}")).await;
    assert_eq!((status, text(&expired, "/reason")), (410, "Expired"));
    let token = text(&expired, "/metadata/continue").to_owned();
    let (status, rest) = get(&format!("limit=10&continue={token}")).await;
    assert_eq!((status, items(&rest, "/items").len()), (200, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_are_refused_are_tried_now_and_then_and_not_without_a_pause() {
    let cluster = Simulated::start(SimulatedOptions::default()).await;
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    cluster.create("resourcequotas", quota).unwrap();
    let labels = json!({"app": "web"});
    let set = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}},
        },
    });
    cluster.create("replicasets.apps", set).unwrap();
    let refused = |cluster: &Simulated| {
        let set = cluster.get("replicasets.apps", "default", "web").unwrap();
        !items(&set, "/status/conditions").is_empty()
    };
    assert!(cluster.wait_until(Duration::from_secs(10), refused).await);
    let before = cluster.store().revision();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let changes = cluster.store().revision() - before;
    assert!(changes < 100, "{changes} changes");
    cluster.stop().await;
}
