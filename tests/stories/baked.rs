//! Images that came onto a node behind the kubelet's back: node images, air-gapped loaders, pre-pulls. They have their tag
//! and no repo digest, exactly as an import leaves them; what runs is told by its config all the same.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;
use testbed::image::Index;

use crate::reported::{image_id, wait_listed};
use crate::support::{assert_ended, freshimage, push_again, shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_was_baked_into_a_node_is_stale_once_its_tag_moved() {
    let bed = Bed::start("baked").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    bed.bake_image("node-a", &image).await;
    bed.create(&PodTemplate::new("app", &image).on_node("node-a").pod("web")).await;
    bed.wait_running("app=web", 1).await;
    assert_eq!(image_id(&bed, "web").await, "<config:old>", "the same picture as after an import");
    wait_listed(&bed, "node-a", &[&image], &[]).await;
    let gate = ["diagnose", "--fail-on", "stale,mixed,suspect,unknown"];
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/web   app   <registry>/shop/web:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");

    push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/web   app   <registry>/shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain pod/web`
    hint: give it a unique tag with `kubectl freshimage bump pod/web`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_baked_node_beside_one_that_pulls_serves_two_contents() {
    let bed = Bed::start("half-baked").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let index = |content: &str| {
        let image = bed.image(content);
        Index::new([image.clone().platform("linux", "s390x", None), image]).with_attestations().named(content)
    };
    bed.push(&registry, "app", "1.0", index("old")).await;
    let image = registry.image("app", "1.0");
    bed.bake_image("node-a", &image).await;
    bed.push(&registry, "app", "1.0", index("new")).await;
    bed.create(&PodTemplate::new("app", &image).daemon_set("app")).await;
    bed.wait_rolled_out("daemonset", "app").await;
    let gate = ["diagnose", "--fail-on", "mixed"];
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/app   app   <registry>/app:1.0   mixed   1/2   node-a runs other bits than node-b
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain daemonset/app`
    hint: give it a unique tag with `kubectl freshimage bump daemonset/app`
    ");
    // The proof holds where the registry never had what was loaded.
    bed.import_image("node-a", bed.image("made by hand"), &image).await;
    bed.restart("daemonset", "app").await;
    let ran = freshimage(&bed, &gate).await;
    assert_ended(&ran, 10);
    assert_snapshot!(ran.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/app   app   <registry>/app:1.0   mixed   1/2   node-a runs other bits than node-b
    ");
    bed.finish().await;
}
