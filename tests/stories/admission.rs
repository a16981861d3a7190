//! A digest that something adds to pods on their way (k8s-digester, policy-controller, Knative, Kyverno) pins nothing: the
//! template asks for a tag, and so does the next pod. Here the pods are changed as admission would have changed them.

use insta::assert_snapshot;
use serde_json::Value;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;

use crate::support::{assert_ended, ending, freshimage, push_again, shop};

/// Gives a pod's container the image that admission would have given it, and waits until it runs.
async fn admitted(bed: &Bed, pod: &Value, image: &str) {
    let name = pod["metadata"]["name"].as_str().expect("a pod has a name");
    let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap_or_default();
    let before = restarts(&bed.get("pod", name).await);
    bed.set_image("pod", name, "app", image).await;
    bed.wait_for("the container to run its new image", "pod", name, |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        restarts(pod) > before && status["state"]["running"].is_object() && status["ready"] == true
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_was_added_to_the_pods_does_not_pin_them() {
    let bed = Bed::start("admission").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    bed.create(&PodTemplate::new("app", &image).on_node("node-a").deployment("web", 2)).await;
    let pods = bed.wait_rolled_out("deployment", "web").await;
    let old = bed.image("old").created("2026-11-17T10:00:00Z").digest();
    admitted(&bed, &pods[0], &format!("{image}@{old}")).await;
    admitted(&bed, &pods[1], &format!("{}@{old}", image.trim_end_matches(":1.0"))).await;
    let gate = ["diagnose", "--fail-on", "stale,mixed,suspect,unknown"];
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0@<manifest:old>   fresh   2/2
    --- stderr

    Nothing stale in 1 workload with 2 pods.
    ");

    let new = push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0@<manifest:old>   stale   2/2   re-pushed, built <age> ago; its digest was added when the pod was created
    --- stderr

    1 of 1 workload runs old content in 2 pods.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");
    let explained = freshimage(&bed, &["explain", "deployment/web"]).await.normalised_stdout();
    assert!(explained.contains("judged as  ") && explained.contains("without a digest"), "{explained}");

    // One ReplicaSet may run two builds.
    admitted(&bed, &pods[1], &format!("{image}@{new}")).await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0@<manifest:old>   mixed   1/2   web-<id> runs older bits than the others
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");

    let bumped = freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await;
    assert_ended(&bumped, 0);
    assert_snapshot!(ending(&bumped), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_of_the_template_pins_and_one_of_unknown_origin_does_not_hide_a_moved_tag() {
    let bed = Bed::start("origin").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    let old = bed.image("old").created("2026-11-17T10:00:00Z").digest();
    bed.create(&PodTemplate::new("app", &format!("{image}@{old}")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    let ran = freshimage(&bed, &["diagnose", "--fail-on", "stale,unknown"]).await;
    assert_ended(&ran, 0);
    assert_snapshot!(ran.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0@<manifest:old>   pinned   1/1   tag has moved on
    ");
    // Whoever may not read the template cannot know that it is the template's.
    bed.allow("pod-reader", &["list"], &["pods"]).await;
    let product = bed.product(crate::support::BINARY).kubeconfig(&bed.kubeconfig_for("pod-reader"));
    let ran = product.args(&["diagnose", "--fail-on", "stale,unknown"]).run().await;
    assert_ended(&ran, 11);
    assert_snapshot!(ran.normalised_stdout(), @r#"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    replicaset/web-<id>   app   <registry>/shop/web:1.0@<manifest:old>   unknown   1/1   the pod's digest is not what its tag serves, and whether the template pins it is not known: its template cannot be read: replicasets.apps "web-<id>" is forbidden: User "pod-reader" cannot get resource "replicasets" in API group "apps" in the namespace "<namespace>"
    "#);
    bed.finish().await;
}
