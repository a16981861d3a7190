//! Names without a registry on CRI-O, which looks them up in a list of registries. Only simulated: the real bed's nodes
//! run containerd.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::simulated::Runtime;

use crate::support::{assert_ended, cannot_be_real, ending, freshimage, image_of, push_again, shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_name_is_judged_by_the_registry_in_which_the_runtime_found_it() {
    let bed = Bed::start("short-names").await;
    if cannot_be_real(&bed, "the nodes of the real bed run containerd") {
        bed.finish().await;
        return;
    }
    let registry = shop(&bed).await;
    let cluster = bed.simulated().expect("it is not the real one");
    for (node, runtime) in [("node-a", Runtime::CriO), ("node-b", Runtime::CriO128)] {
        cluster.node(node).set_runtime(runtime);
        cluster.node(node).search_short_names_in(&registry.host());
        bed.create(&PodTemplate::new("app", "shop/web:1.0").on_node(node).deployment(&format!("on-{node}"), 1)).await;
        bed.wait_rolled_out("deployment", &format!("on-{node}")).await;
    }
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/on-node-a   app   shop/web:1.0   fresh   1/1
    deployment/on-node-b   app   shop/web:1.0   fresh   1/1
    --- stderr

    Nothing stale in 2 workloads with 2 pods.
    ");
    push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/on-node-a   app   shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    deployment/on-node-b   app   shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    2 of 2 workloads run old content in 2 pods.
    hint: see the proof with `kubectl freshimage explain deployment/on-node-a`
    hint: give it a unique tag with `kubectl freshimage bump deployment/on-node-a`
    ");
    let bumped = freshimage(&bed, &["bump", "deployment/on-node-a", "--to", "tag", "--yes"]).await;
    assert_ended(&bumped, 0);
    assert_snapshot!(ending(&bumped), @"
    exit 0
    deployment/on-node-a   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/on-node-a`
    ");
    assert_eq!(image_of(&bed, "deployment", "on-node-a").await, registry.image("shop/web", "1.1"));
    bed.finish().await;
}
