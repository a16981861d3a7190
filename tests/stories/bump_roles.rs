//! Several containers, init containers, sidecars and image volumes of one workload: one patch, one rollout.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::simulated::SimulatedOptions;

use crate::support::{cannot_be_real, ending, freshimage};

const PLACES: [&str; 4] = ["app", "migrate", "proxy", "assets"];

/// A deployment with an image in every place, all of them pushed again since.
async fn stale_everywhere(bed: &Bed, volume: bool) -> Gateway {
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in PLACES {
        let image = bed.image(name).created("2026-11-17T10:00:00Z");
        bed.push(&registry, name, "v9", image).await;
    }
    let mut template = PodTemplate::new("app", &registry.image("app", "v9"))
        .init("migrate", &registry.image("migrate", "v9"))
        .sidecar("proxy", &registry.image("proxy", "v9"));
    if volume {
        template = template.image_volume("assets", &registry.image("assets", "v9"), "/assets");
    }
    bed.create(&template.deployment("shop", 1)).await;
    bed.wait_rolled_out("deployment", "shop").await;
    for name in PLACES {
        let image = bed.image(&format!("new {name}")).created("2026-11-20T10:00:00Z");
        bed.push(&registry, name, "v9", image).await;
    }
    registry
}

fn volumes_reported(reported: bool) -> SimulatedOptions {
    let mut options = SimulatedOptions::default();
    options.kubelet.image_volume_digest = reported;
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_container_that_is_named_changes_in_one_rollout() {
    let bed = Bed::start("roles-all").await;
    let _registry = stale_everywhere(&bed, false).await;
    let bump = ["bump", "deployment/shop", "-c", "app,migrate,proxy", "--to", "tag", "--yes"];
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 3 tags to write, 1 workload to patch, 1 pod to replace

      registry <registry>/migrate
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new migrate>…; nothing is rebuilt

      registry <registry>/proxy
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new proxy>…; nothing is rebuilt

      registry <registry>/app
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new app>…; nothing is rebuilt

      deployment/shop, container migrate (init)   ended
        - image: <registry>/migrate:v9
        + image: <registry>/migrate:v10
        runs <manifest:migrate>…, will run <manifest:new migrate>…
      deployment/shop, container proxy (sidecar)   stale
        - image: <registry>/proxy:v9
        + image: <registry>/proxy:v10
        runs <manifest:proxy>…, will run <manifest:new proxy>…
      deployment/shop, container app   stale
        - image: <registry>/app:v9
        + image: <registry>/app:v10
        runs <manifest:app>…, will run <manifest:new app>…
        1 pod is replaced

    deployment/shop   tagged v10 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new migrate>… and <manifest:new proxy>… and <manifest:new app>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/shop`
    ");
    assert_eq!(bed.list("replicasets").await.len(), 2, "one patch, one rollout");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/shop", "--yes"]).await), @"
    exit 0
    deployment/shop   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:migrate>… and <manifest:proxy>… and <manifest:app>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_names_the_containers_that_run_old_content_change() {
    let bed = Bed::start("roles-old").await;
    let _registry = stale_everywhere(&bed, false).await;
    let ran = freshimage(&bed, &["bump", "--all", "--to", "digest", "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/shop, container proxy (sidecar)   stale
        - image: <registry>/proxy:v9
        + image: <registry>/proxy:v9@<manifest:new proxy>
        runs <manifest:proxy>…, will run <manifest:new proxy>…
      deployment/shop, container app   stale
        - image: <registry>/app:v9
        + image: <registry>/app:v9@<manifest:new app>
        runs <manifest:app>…, will run <manifest:new app>…
        1 pod is replaced

    deployment/shop   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new proxy>… and <manifest:new app>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/shop`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_volume_that_nobody_reports_is_changed_and_not_confirmed() {
    let bed = Bed::start_with("roles-volume", volumes_reported(false)).await;
    let _registry = stale_everywhere(&bed, true).await;
    let bump = ["bump", "deployment/shop", "-c", "app,assets", "--to", "tag", "--yes", "--timeout", "30s"];
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
    exit 12
    --- stdout
    Plan: 2 tags to write, 1 workload to patch, 1 pod to replace

      registry <registry>/app
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new app>…; nothing is rebuilt

      registry <registry>/assets
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new assets>…; nothing is rebuilt

      deployment/shop, container app   stale
        - image: <registry>/app:v9
        + image: <registry>/app:v10
        runs <manifest:app>…, will run <manifest:new app>…
      deployment/shop, image volume assets   unknown
        - reference: <registry>/assets:v9
        + reference: <registry>/assets:v10
        will run <manifest:new assets>…
        1 pod is replaced
        note: container assets: `undo` will not be possible: the runtime tells no digest of what runs now

    deployment/shop   tagged v10 · patched · not confirmed: shop-<id> is unknown: the cluster does not report what an image volume holds (feature gate ImageVolumeWithDigest)
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/shop --to tag=v10 -c app,assets`
    ");
    assert_eq!(bed.list("replicasets").await.len(), 2, "one patch, one rollout");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_volume_that_is_reported_is_confirmed() {
    let bed = Bed::start_with("roles-reported", volumes_reported(true)).await;
    if cannot_be_real(&bed, "kubelet 1.37 does not report the digests of image volumes") {
        return;
    }
    let _registry = stale_everywhere(&bed, true).await;
    assert_snapshot!(freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 3 tags to write, 1 workload to patch, 1 pod to replace

      registry <registry>/proxy
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new proxy>…; nothing is rebuilt

      registry <registry>/app
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new app>…; nothing is rebuilt

      registry <registry>/assets
        + tag: v10   next after v9
        gets the bytes that v9 serves, <manifest:new assets>…; nothing is rebuilt

      deployment/shop, container proxy (sidecar)   stale
        - image: <registry>/proxy:v9
        + image: <registry>/proxy:v10
        runs <manifest:proxy>…, will run <manifest:new proxy>…
      deployment/shop, container app   stale
        - image: <registry>/app:v9
        + image: <registry>/app:v10
        runs <manifest:app>…, will run <manifest:new app>…
      deployment/shop, image volume assets   stale
        - reference: <registry>/assets:v9
        + reference: <registry>/assets:v10
        will run <manifest:new assets>…
        1 pod is replaced
        note: container assets: `undo` will not be possible: the runtime tells no digest of what runs now

    deployment/shop   tagged v10 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new proxy>… and <manifest:new app>… and <manifest:new assets>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/shop", "--yes"]).await), @"
    exit 1
      refused deployment/shop: what ran before the change of container assets has no digest that a registry could be asked for
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/shop: what ran before the change of container assets has no digest that a registry could be asked for
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");
    bed.finish().await;
}
