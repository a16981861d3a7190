//! Containers of every role: init, sidecar, ephemeral, and images as volumes.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::simulated::SimulatedOptions;

use crate::support::{cannot_be_real, freshimage};

/// Kubelet 1.37 does not fill `volumeStatus`, whatever its feature gates say; the simulated one can do both.
fn volumes_reported(reported: bool) -> SimulatedOptions {
    let mut options = SimulatedOptions::default();
    options.kubelet.image_volume_digest = reported;
    options
}

/// A pod with a container of every role, all of them running or over.
async fn with_every_role(bed: &Bed) -> Gateway {
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in ["app", "migrate", "proxy", "shell", "assets"] {
        bed.push(&registry, name, "1.0", bed.image(name)).await;
    }
    let template = PodTemplate::new("app", &registry.image("app", "1.0"))
        .image_volume("assets", &registry.image("assets", "1.0"), "/assets")
        .init("migrate", &registry.image("migrate", "1.0"))
        .sidecar("proxy", &registry.image("proxy", "1.0"))
        .on_node("node-a");
    bed.create(&template.stateful_set("shop", 1)).await;
    bed.wait_rolled_out("statefulset", "shop").await;
    bed.add_ephemeral_container("shop-0", "shell", &registry.image("shell", "1.0")).await;
    bed.wait_for_pods("the ephemeral container", "app=shop", |pods| {
        pods.iter().any(|pod| !pod["status"]["ephemeralContainerStatuses"][0]["state"]["running"].is_null())
    })
    .await;
    registry
}

fn verdicts(list: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().expect("a list").iter();
    items
        .map(|item| (text(&item["container"]["name"]), text(&item["container"]["type"]), text(&item["verdict"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_has_its_own_row_and_a_stale_sidecar_is_stale_alone() {
    let bed = Bed::start_with("roles", volumes_reported(false)).await;
    let registry = with_every_role(&bed).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/shop   migrate (init)   <registry>/migrate:1.0   ended   1/1   Completed
    statefulset/shop   proxy (sidecar)   <registry>/proxy:1.0   fresh   1/1
    statefulset/shop   app   <registry>/app:1.0   fresh   1/1
    statefulset/shop   shell (ephemeral)   <registry>/shell:1.0   fresh   1/1
    statefulset/shop   assets (volume)   <registry>/assets:1.0   unknown   1/1   the cluster does not report what an image volume holds (feature gate ImageVolumeWithDigest)
    --- stderr

    Nothing stale in 1 workload with 1 pod, not everything could be checked.
    hint: see what was tried with `kubectl freshimage explain statefulset/shop`
    ");

    bed.push(&registry, "proxy", "1.0", bed.image("proxy, next").created("2025-03-20T10:00:00Z")).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/shop   migrate (init)   <registry>/migrate:1.0   ended   1/1   Completed
    statefulset/shop   proxy (sidecar)   <registry>/proxy:1.0   stale   1/1   tag went back to a build of <age> ago; IfNotPresent, node holds the newer bits
    statefulset/shop   app   <registry>/app:1.0   fresh   1/1
    statefulset/shop   shell (ephemeral)   <registry>/shell:1.0   fresh   1/1
    statefulset/shop   assets (volume)   <registry>/assets:1.0   unknown   1/1   the cluster does not report what an image volume holds (feature gate ImageVolumeWithDigest)
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain statefulset/shop`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/shop`
    ");
    let list = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    let expected = [
        ("migrate", "init", "ended"),
        ("proxy", "sidecar", "stale"),
        ("app", "container", "fresh"),
        ("shell", "ephemeral", "fresh"),
        ("assets", "volume", "unknown"),
    ];
    assert_eq!(verdicts(&list), expected.map(|(name, role, verdict)| (name.into(), role.into(), verdict.into())));
    assert_eq!(list["summary"]["stale"], 1);
    assert_eq!(list["summary"]["workloads"], 1);
    let volume = &list["items"][4];
    assert_eq!(volume["findings"], json!(["image-volume"]));
    assert_snapshot!(volume["reason"].as_str().unwrap_or_default(), @"the cluster does not report what an image volume holds (feature gate ImageVolumeWithDigest)");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_volume_is_judged_where_the_kubelet_reports_what_it_holds() {
    let bed = Bed::start_with("volumes", volumes_reported(true)).await;
    if cannot_be_real(&bed, "kubelet 1.37 never fills volumeStatus") {
        bed.finish().await;
        return;
    }
    let registry = with_every_role(&bed).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/shop   migrate (init)   <registry>/migrate:1.0   ended   1/1   Completed
    statefulset/shop   proxy (sidecar)   <registry>/proxy:1.0   fresh   1/1
    statefulset/shop   app   <registry>/app:1.0   fresh   1/1
    statefulset/shop   shell (ephemeral)   <registry>/shell:1.0   fresh   1/1
    statefulset/shop   assets (volume)   <registry>/assets:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    bed.push(&registry, "assets", "1.0", bed.image("assets, next").created("2025-03-20T10:00:00Z")).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/shop   migrate (init)   <registry>/migrate:1.0   ended   1/1   Completed
    statefulset/shop   proxy (sidecar)   <registry>/proxy:1.0   fresh   1/1
    statefulset/shop   app   <registry>/app:1.0   fresh   1/1
    statefulset/shop   shell (ephemeral)   <registry>/shell:1.0   fresh   1/1
    statefulset/shop   assets (volume)   <registry>/assets:1.0   stale   1/1   tag went back to a build of <age> ago; IfNotPresent, node holds the newer bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain statefulset/shop`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/shop`
    ");
    bed.finish().await;
}
