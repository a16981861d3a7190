//! The closed loop: from stale to proven fresh, and back.

use insta::assert_snapshot;
use serde_json::Value;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;

use crate::support::freshimage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_deployment_is_bumped_to_a_unique_tag_and_back() {
    let bed = Bed::start("bump").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "shop/web", "0.9", bed.image("older").created("2026-11-10T10:00:00Z")).await;
    bed.push(&registry, "shop/web", "1.0", bed.image("old").created("2026-11-17T10:00:00Z")).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 2)).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.push(&registry, "shop/web", "1.0", bed.image("new").created("2026-11-20T10:00:00Z")).await;
    bed.restart("deployment", "web").await;

    let before = bed.get("deployment", "web").await;
    let dry = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--dry-run=server"]).await;
    assert_snapshot!(dry.normalise(), @"
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
    --- stderr
    Nothing was changed (dry run); the API server accepts every patch of the plan.
    ");
    assert_eq!(bed.get("deployment", "web").await["spec"], before["spec"]);

    let bumped = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await;
    assert_snapshot!(bumped.normalise(), @"
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

    deployment/web   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_snapshot!(freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: nothing to change, 1 workload to make sure of

      deployment/web, container app   fresh
          image: <registry>/shop/web:1.1
        as planned already; runs <manifest:new>… and goes on running it
        2 pods are looked at

    deployment/web   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.1   fresh   2/2
    --- stderr

    Nothing stale in 1 workload with 2 pods.
    ");
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/web", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      deployment/web, container app
        - image: <registry>/shop/web:1.1
        + image: <registry>/shop/web:1.0@<manifest:old>
        will run <manifest:old>…
        2 pods are replaced

    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/web", "--yes"]).await.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/web: there is nothing left to undo: it runs what it ran before the first change that is known
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: there is nothing left to undo: it runs what it ran before the first change that is known
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");
    let _: Value = bed.get("deployment", "web").await;
    bed.finish().await;
}
