//! The forms in which other runtimes than today's containerd report what runs. Only simulated: the real bed's nodes run
//! containerd.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;
use testbed::image::{Image, Index};
use testbed::node::images::Content;
use testbed::node::pull::Platform;
use testbed::simulated::{Runtime, SimulatedOptions};

use crate::support::{cannot_be_real, freshimage};

/// A node for each runtime; on the last two the image is put by hand.
const NODES: [(&str, Runtime); 7] = [
    ("containerd-16", Runtime::Containerd16),
    ("crio", Runtime::CriO),
    ("crio-128", Runtime::CriO128),
    ("crio-platform", Runtime::CriOPlatform),
    ("docker", Runtime::Docker),
    ("docker-built", Runtime::Docker),
    ("kind-loaded", Runtime::Containerd24),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_runtimes_image_id_is_understood() {
    let nodes = NODES.map(|(name, _)| (name.to_owned(), Platform::default()));
    let bed =
        Bed::start_with("runtimes", SimulatedOptions { nodes: nodes.into(), ..SimulatedOptions::default() }).await;
    if cannot_be_real(&bed, "the nodes of the real bed run containerd 2") {
        bed.finish().await;
        return;
    }
    let cluster = bed.simulated().expect("it is not the real one");
    for (name, runtime) in NODES {
        cluster.node(name).set_runtime(runtime);
    }
    let registry = bed.gateway(GatewayOptions::new()).await;
    // Another platform comes first, so that nobody gets by with the first child.
    let index = |image: Image| {
        Index::new([image.clone().platform("linux", "s390x", None), image]).with_attestations().named("v1")
    };
    let old = bed.image("v1").created("2025-03-17T10:00:00Z");
    bed.push(&registry, "app", "1.0", index(old.clone())).await;
    let image = registry.image("app", "1.0");
    let by_hand = Content::new(&old.config_digest(), &old.digest());
    cluster.node("docker-built").import_content(&image, &by_hand).expect("the reference is sound");
    cluster.node("kind-loaded").import_as_kind(&image, &by_hand, "2026-11-23").expect("the reference is sound");
    for (name, _) in NODES {
        bed.create(&PodTemplate::new("app", &image).on_node(name).pod(name)).await;
    }
    let mut reported = Vec::new();
    for (name, _) in NODES {
        let pods = bed.wait_running(&format!("app={name}"), 1).await;
        let id = pods[0]["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default();
        reported.push(format!("{name}: {}", bed.normaliser().normalise(id)));
    }
    assert_snapshot!(reported.join("\n"), @"
    containerd-16: <registry>/app@<index:v1>
    crio: <registry>/app@<index:v1>
    crio-128: <hex config:v1>
    crio-platform: <registry>/app@<manifest:v1>
    docker: docker-pullable://<registry>/app@<index:v1>
    docker-built: docker://<config:v1>
    kind-loaded: docker.io/library/import-2026-11-23@<manifest:v1>
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/containerd-16   app   <registry>/app:1.0   fresh   1/1
    pod/crio   app   <registry>/app:1.0   fresh   1/1
    pod/crio-128   app   <registry>/app:1.0   fresh   1/1
    pod/crio-platform   app   <registry>/app:1.0   fresh   1/1
    pod/docker   app   <registry>/app:1.0   fresh   1/1
    pod/docker-built   app   <registry>/app:1.0   fresh   1/1
    pod/kind-loaded   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 7 workloads with 7 pods.
    ");

    // The same content in a new wrapping is not stale, whatever form the old one is reported in.
    bed.push(&registry, "app", "1.0", index(old).annotation("build", "2").named("v1, build 2")).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/containerd-16   app   <registry>/app:1.0   rewrapped   1/1   same content under another digest
    pod/crio   app   <registry>/app:1.0   rewrapped   1/1   same content under another digest
    pod/crio-128   app   <registry>/app:1.0   fresh   1/1
    pod/crio-platform   app   <registry>/app:1.0   fresh   1/1
    pod/docker   app   <registry>/app:1.0   rewrapped   1/1   same content under another digest
    pod/docker-built   app   <registry>/app:1.0   fresh   1/1
    pod/kind-loaded   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 7 workloads with 7 pods.
    ");

    let new = bed.image("v2").created("2025-03-20T10:00:00Z");
    bed.push(&registry, "app", "1.0", index(new).named("v2")).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/containerd-16   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/crio   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/crio-128   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/crio-platform   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/docker   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/docker-built   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/kind-loaded   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    7 of 7 workloads run old content in 7 pods.
    hint: see the proof with `kubectl freshimage explain pod/containerd-16`
    hint: give it a unique tag with `kubectl freshimage bump pod/containerd-16`
    ");
    bed.finish().await;
}
