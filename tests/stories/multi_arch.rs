//! Indexes for several platforms with attestations beside them, in both families of media types.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::image::{Index, Platform};

use crate::support::freshimage;

type Wrap = fn(Index) -> Index;

fn index(bed: &Bed, here: &str, elsewhere: &str) -> Index {
    Index::new([bed.image(elsewhere).platform("linux", "s390x", None), bed.image(here)])
        .named(&format!("{here}+{elsewhere}"))
}

/// A pod for each of the changes to come.
async fn start_pods(bed: &Bed, registry: &Gateway, types: &str, wrap: Wrap) {
    let image = |case: &str| format!("{types}-{case}");
    for case in ["kept", "here", "elsewhere", "attestations"] {
        let name = image(case);
        let mut first = index(bed, &name, &name);
        if case != "attestations" {
            first = first.with_attestations();
        }
        bed.push(registry, &name, "1.0", wrap(first)).await;
        let template = PodTemplate::new("app", &registry.image(&name, "1.0")).policy("IfNotPresent");
        bed.create(&template.pod(&name)).await;
    }
    for case in ["kept", "here", "elsewhere", "attestations"] {
        bed.wait_running(&format!("app={}", image(case)), 1).await;
    }
}

/// Pushes each tag again, with a change in one place.
async fn change(bed: &Bed, registry: &Gateway, types: &str, wrap: Wrap) {
    let name = |case: &str| format!("{types}-{case}");
    let here = index(bed, "changed here", &name("here")).with_attestations();
    bed.push(registry, &name("here"), "1.0", wrap(here)).await;
    let elsewhere = index(bed, &name("elsewhere"), "changed elsewhere").with_attestations();
    bed.push(registry, &name("elsewhere"), "1.0", wrap(elsewhere)).await;
    let attestations = index(bed, &name("attestations"), &name("attestations")).with_attestations();
    bed.push(registry, &name("attestations"), "1.0", wrap(attestations)).await;
}

async fn story(types: &str, wrap: Wrap) -> [String; 2] {
    let bed = Bed::start(types).await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    start_pods(&bed, &registry, types, wrap).await;
    let before = freshimage(&bed, &["diagnose"]).await.normalise();
    change(&bed, &registry, types, wrap).await;
    let after = freshimage(&bed, &["diagnose"]).await.normalise();
    let explained = freshimage(&bed, &["explain", &format!("pod/{types}-here")]).await.normalised_stdout();
    assert!(explained.contains("index of 2 images and 2 attestations"), "{explained}");
    assert!(explained.contains("<config:changed here>"), "{explained}");
    let platform = Platform::of_this_machine();
    assert!(explained.contains(&format!("index, {}/{}", platform.os, platform.architecture)), "{explained}");
    bed.finish().await;
    [before, after]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oci_index_is_stale_only_where_the_nodes_own_platform_changed() {
    let [before, after] = story("oci", |index| index).await;
    assert_snapshot!(before, @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/oci-attestations   app   <registry>/oci-attestations:1.0   fresh   1/1
    pod/oci-elsewhere   app   <registry>/oci-elsewhere:1.0   fresh   1/1
    pod/oci-here   app   <registry>/oci-here:1.0   fresh   1/1
    pod/oci-kept   app   <registry>/oci-kept:1.0   fresh   1/1
    --- stderr

    Nothing stale in 4 workloads with 4 pods.
    ");
    assert_snapshot!(after, @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/oci-attestations   app   <registry>/oci-attestations:1.0   rewrapped   1/1   same content under another digest
    pod/oci-elsewhere   app   <registry>/oci-elsewhere:1.0   rewrapped   1/1   same content under another digest
    pod/oci-here   app   <registry>/oci-here:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/oci-kept   app   <registry>/oci-kept:1.0   fresh   1/1
    --- stderr

    1 of 4 workloads runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain pod/oci-here`
    hint: give it a unique tag with `kubectl freshimage bump pod/oci-here`
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_docker_manifest_list_is_stale_only_where_the_nodes_own_platform_changed() {
    let [before, after] = story("docker", Index::docker_types).await;
    assert_snapshot!(before, @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/docker-attestations   app   <registry>/docker-attestations:1.0   fresh   1/1
    pod/docker-elsewhere   app   <registry>/docker-elsewhere:1.0   fresh   1/1
    pod/docker-here   app   <registry>/docker-here:1.0   fresh   1/1
    pod/docker-kept   app   <registry>/docker-kept:1.0   fresh   1/1
    --- stderr

    Nothing stale in 4 workloads with 4 pods.
    ");
    assert_snapshot!(after, @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/docker-attestations   app   <registry>/docker-attestations:1.0   rewrapped   1/1   same content under another digest
    pod/docker-elsewhere   app   <registry>/docker-elsewhere:1.0   rewrapped   1/1   same content under another digest
    pod/docker-here   app   <registry>/docker-here:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/docker-kept   app   <registry>/docker-kept:1.0   fresh   1/1
    --- stderr

    1 of 4 workloads runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain pod/docker-here`
    hint: give it a unique tag with `kubectl freshimage bump pod/docker-here`
    ");
}
