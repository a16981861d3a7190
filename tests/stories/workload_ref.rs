//! A Rollout that takes its template from a Deployment (`workloadRef`): the Deployment is patched, and what counts is what
//! the Rollout's pods run.

use insta::assert_snapshot;
use serde_json::json;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::Gateway;

use crate::support::{BINARY, ending, freshimage, image_of, push_again, shop};

/// A Rollout with two pods of a Deployment's template, and the tag pushed again since.
async fn referring(bed: &Bed) -> Gateway {
    let registry = shop(bed).await;
    bed.define_rollouts().await;
    bed.run_rollout_controller();
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.deployment("web", 0)).await;
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    bed.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"},
        "spec": {"replicas": 2, "strategy": {"canary": {}}, "workloadRef": reference},
    }))
    .await;
    bed.wait_running("app=web", 2).await;
    push_again(bed, &registry).await;
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_names_change_the_template_and_prove_it_on_the_rollouts_pods() {
    let bed = Bed::start("workload-ref").await;
    let _registry = referring(&bed).await;
    // The Deployment is none of its own.
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    rollout.argoproj.io/shop   app   <registry>/shop/web:1.0   stale   2/2   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 2 pods.
    hint: see the proof with `kubectl freshimage explain rollout.argoproj.io/shop`
    hint: give it a unique tag with `kubectl freshimage bump rollout.argoproj.io/shop`
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "deployment/web"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    rollout.argoproj.io/shop   app   <registry>/shop/web:1.0   stale   2/2   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    ");

    let by_rollout = ["bump", "rollout/shop", "--to", "tag", "--yes"];
    assert_snapshot!(freshimage(&bed, &by_rollout).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 2 pods to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        2 pods are replaced
        note: rollout/shop takes its template from here (workloadRef), and its pods are replaced

    deployment/web   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo rollout.argoproj.io/shop`
    ");
    let image = image_of(&bed, "deployment", "web").await;
    assert_snapshot!(bed.normaliser().normalise(&image), @"<registry>/shop/web:1.1");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");

    let by_deployment = ["bump", "deployment/web", "--to", "tag=1.1", "--yes"];
    assert_snapshot!(ending(&freshimage(&bed, &by_deployment).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo rollout.argoproj.io/shop`
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "rollout/shop", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");

    // Both names are one change.
    let both = ["bump", "rollout/shop", "deployment/web", "--to", "tag=1.1", "--yes"];
    assert_snapshot!(ending(&freshimage(&bed, &both).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo rollout.argoproj.io/shop`
    ");
    assert_eq!(bed.get("deployment", "web").await["spec"]["replicas"], 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_crashes_is_taken_back_where_the_template_is_elsewhere() {
    let bed = Bed::start("workload-back").await;
    let registry = referring(&bed).await;
    let broken = bed.image("broken").created("2026-11-22T10:00:00Z").that_crashes();
    bed.push(&registry, "shop/web", "1.0", broken).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "--rollback", "--timeout", "10m"];
    let ran = freshimage(&bed, &bump).await;
    assert_eq!(ran.code, Some(12), "{}", ran.normalise());
    let result = ending(&ran);
    assert!(result.contains("taken back: it cannot go on: "), "{result}");
    assert!(result.contains(" · runs what it ran before, verified"), "{result}");
    bed.wait_running("app=web", 2).await;
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_list_rollouts_a_deployment_stands_for_itself() {
    let bed = Bed::start("workload-rights").await;
    let _registry = referring(&bed).await;
    let user = bed.account("no-rollouts").await;
    bed.allow(&user, &["get", "list"], &["pods"]).await;
    bed.allow_in(&user, "apps", &["get", "list", "patch"], &["deployments", "replicasets"]).await;
    let kubeconfig = bed.kubeconfig_for(&user);
    let words = ["bump", "deployment/web", "--to", "digest", "--dry-run=client"];
    let ran = bed.product(BINARY).kubeconfig(&kubeconfig).args(&words).run().await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch

      deployment/web, container app   waiting
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.0@<manifest:new>
        will run <manifest:new>…
        no pod runs now
        note: container app: `undo` will not be possible: no pod runs, so there is nothing to go back to
    --- stderr
    Nothing was changed (dry run).
    ");
    // By its own name it needs no list.
    bed.allow_in(&user, "argoproj.io", &["get"], &["rollouts"]).await;
    let words = ["bump", "rollout/shop", "--to", "digest", "--yes"];
    let ran = bed.product(BINARY).kubeconfig(&kubeconfig).args(&words).run().await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo rollout.argoproj.io/shop`
    ");
    bed.finish().await;
}
