//! Who owns a pod: every kind of controller, one that Kubernetes does not know, and none.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, DEADLINE};
use testbed::gateway::{Gateway, GatewayOptions};

use crate::support::freshimage;

const ROLLOUTS: &str = "argoproj.io/v1alpha1/rollouts";

/// Teaches the cluster a kind that it does not have, and makes one object of it.
async fn create_rollout(bed: &Bed, name: &str) -> Value {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.argoproj.io"},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout", "shortNames": ["ro"]},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    });
    // Another story of this bed may have been first.
    let _ = bed.kubernetes().create(&bed.path("customresourcedefinition", None), &definition).await;
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name}, "spec": {"replicas": 1},
    });
    let started = Instant::now();
    loop {
        // A new kind is served a moment after it was accepted.
        match bed.kubernetes().create(&bed.path(ROLLOUTS, None), &rollout).await {
            Ok(made) => return made,
            Err(failure) => assert!(started.elapsed() < DEADLINE, "the new kind is not served: {failure}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn owned_by(mut object: Value, owner: &Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true,
    }]);
    object
}

/// One workload of every kind, all running `app:1.0`; the sequence is the one of the names.
async fn with_every_owner(bed: &Bed) -> Gateway {
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("v1").created("2025-03-17T10:00:00Z")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    bed.create(&template.deployment("web", 2)).await;
    bed.create(&template.stateful_set("db", 1)).await;
    bed.create(&template.daemon_set("agent")).await;
    bed.create(&template.replica_set("bare", 1)).await;
    bed.create(&template.replication_controller("old", 1)).await;
    bed.create(&template.job("import")).await;
    bed.create(&template.pod("single")).await;
    // As `kubectl create job --from=cronjob/report` does it.
    let cron_job = bed.create(&template.cron_job("report", "0 0 1 1 *")).await;
    bed.create(&owned_by(template.job("report-now"), &cron_job)).await;
    let rollout = create_rollout(bed, "canary").await;
    bed.create(&owned_by(template.replica_set("canary-1", 1), &rollout)).await;
    bed.create(&template.replica_set("lost", 1)).await;

    bed.wait_rolled_out("deployment", "web").await;
    bed.wait_rolled_out("statefulset", "db").await;
    bed.wait_rolled_out("daemonset", "agent").await;
    for name in ["bare", "canary-1", "lost"] {
        bed.wait_rolled_out("replicaset", name).await;
    }
    bed.wait_rolled_out("replicationcontroller", "old").await;
    for name in ["import", "report-now", "single"] {
        bed.wait_running(&format!("app={name}"), 1).await;
    }
    bed.delete_orphaning("replicaset", "lost").await;
    bed.wait_for_pods("the orphan", "app=lost", |pods| {
        pods.len() == 1 && pods[0]["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_owner_is_found_up_to_the_top() {
    let bed = Bed::start("owners").await;
    let registry = with_every_owner(&bed).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    let mirror = bed.run_static_pod("node-a", &template.pod("proxy")).await;
    assert_eq!(mirror, "proxy-node-a");
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/app:1.0   fresh   1/1
    daemonset/agent   app   <registry>/app:1.0   fresh   2/2
    deployment/web   app   <registry>/app:1.0   fresh   2/2
    job/import   app   <registry>/app:1.0   fresh   1/1
    pod/lost-<id>   app   <registry>/app:1.0   fresh   1/1
    pod/proxy-node-a   app   <registry>/app:1.0   fresh   1/1
    pod/single   app   <registry>/app:1.0   fresh   1/1
    replicaset/bare   app   <registry>/app:1.0   fresh   1/1
    replicationcontroller/old   app   <registry>/app:1.0   fresh   1/1
    rollout.argoproj.io/canary   app   <registry>/app:1.0   fresh   1/1
    statefulset/db   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 11 workloads with 13 pods.
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "-o", "name"]).await.normalised_stdout(), @"
    cronjob.batch/report
    daemonset.apps/agent
    deployment.apps/web
    job.batch/import
    pod/lost-<id>
    pod/proxy-node-a
    pod/single
    replicaset.apps/bare
    replicationcontroller/old
    rollout.argoproj.io/canary
    statefulset.apps/db
    ");

    bed.push(&registry, "app", "1.0", bed.image("v2").created("2025-03-20T10:00:00Z")).await;
    let ran = freshimage(&bed, &["diagnose"]).await;
    assert_snapshot!(ran.normalised_stderr(), @"

    11 of 11 workloads run old content in 13 pods.
    hint: see the proof with `kubectl freshimage explain cronjob/report`
    hint: give it a unique tag with `kubectl freshimage bump cronjob/report`
    ");
    let list = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    let items = list["items"].as_array().expect("a list");
    assert!(items.iter().all(|item| item["verdict"] == "stale"), "{}", ran.stdout);
    let cron_job = items.iter().find(|item| item["workload"]["kind"] == "CronJob").expect("a row for the CronJob");
    assert_eq!(cron_job["workload"], json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "report"}));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workloads_are_named_as_for_kubectl() {
    let bed = Bed::start("named").await;
    let _registry = with_every_owner(&bed).await;
    let diagnose = async |arguments: &[&str]| freshimage(&bed, &[&["diagnose"], arguments].concat()).await;

    let one = diagnose(&["deployment/web"]).await;
    assert_snapshot!(one.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/app:1.0   fresh   2/2
    --- stderr

    Nothing stale in 1 workload with 2 pods.
    ");
    for words in
        [&["deploy", "web"][..], &["deployments.apps/web"], &["Deployment", "web"], &["deploy/web", "deploy/web"]]
    {
        assert_eq!(diagnose(words).await.normalise(), one.normalise(), "{words:?}");
    }
    assert_snapshot!(diagnose(&["sts,ds"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/agent   app   <registry>/app:1.0   fresh   2/2
    statefulset/db   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 2 workloads with 3 pods.
    ");
    assert_snapshot!(diagnose(&["deploy/web", "cj/report", "po/single"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/app:1.0   fresh   1/1
    deployment/web   app   <registry>/app:1.0   fresh   2/2
    pod/single   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 3 workloads with 4 pods.
    ");
    assert_snapshot!(diagnose(&["rc", "old"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    replicationcontroller/old   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    // Below the top: the row keeps the name of the top, and only these pods are in it.
    assert_snapshot!(diagnose(&["job/report-now"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    assert_snapshot!(diagnose(&["pods", "-l", "app in (single, lost)"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/lost-<id>   app   <registry>/app:1.0   fresh   1/1
    pod/single   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 2 workloads with 2 pods.
    ");

    let canary = diagnose(&["ro"]).await;
    assert_snapshot!(canary.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    rollout.argoproj.io/canary   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    for words in [&["rollout/canary"][..], &["rollouts.argoproj.io", "canary"], &["rs/canary-1"]] {
        assert_eq!(diagnose(words).await.normalise(), canary.normalise(), "{words:?}");
    }

    assert_snapshot!(diagnose(&["deployment/nope"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: deployments.apps "nope" not found
    "#);
    assert_snapshot!(diagnose(&["pod/nope"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: pods "nope" not found
    "#);
    assert_snapshot!(diagnose(&["gizmo/web"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: the server doesn't have a resource type "gizmo"
    hint: `kubectl api-resources` lists those that it has
    "#);
    assert_snapshot!(diagnose(&["deployment/"]).await.normalise(), @"
    exit 2
    --- stdout
    --- stderr
    error: `deployment/` does not have the form TYPE/NAME
    hint: write one type, one slash and one name
    ");
    assert_snapshot!(diagnose(&["-A", "deployment/web"]).await.normalise(), @"
    exit 2
    --- stdout
    --- stderr
    error: a workload cannot be named across all namespaces
    hint: name its namespace with `-n` instead of `-A`
    ");
    bed.finish().await;
}
