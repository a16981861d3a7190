//! What runs today and cannot be started tomorrow: the registry no longer has the whole image.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::image::{Image, Index};

use crate::support::{assert_ended, ending, freshimage, image_of};

/// An index of the image for the nodes and for another platform.
fn index(image: &Image) -> Index {
    Index::new([image.clone().platform("linux", "s390x", None), image.clone()]).with_attestations()
}

/// The registry keeps the index and loses its image for the nodes.
async fn lose_image(bed: &Bed, registry: &Gateway, repository: &str, image: &Image) {
    bed.delete_manifest(registry, repository, &image.digest()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_next_start_would_not_find_is_a_finding() {
    let bed = Bed::start("next-start").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let pinned = bed.push(&registry, "pinned", "1.0", bed.image("pinned")).await;
    bed.push(&registry, "tag", "1.0", bed.image("tag")).await;
    let other = bed.push(&registry, "tag", "2.0", bed.image("other")).await;
    let (old, new) = (bed.image("old"), bed.image("new"));
    bed.push(&registry, "child", "1.0", index(&old).named("old")).await;
    let digest = format!("{}/pinned@{pinned}", registry.host());
    for (name, image) in
        [("pinned", &digest), ("tag", &registry.image("tag", "1.0")), ("child", &registry.image("child", "1.0"))]
    {
        bed.create(&PodTemplate::new("app", image).on_node("node-a").deployment(name, 1)).await;
        bed.wait_rolled_out("deployment", name).await;
    }
    bed.push(&registry, "child", "1.0", index(&new).named("new")).await;
    bed.delete_manifest(&registry, "pinned", &pinned).await;
    bed.delete_manifest(&registry, "tag", &bed.image("tag").digest()).await;
    assert_ne!(other, pinned);
    lose_image(&bed, &registry, "child", &new).await;

    let ran = freshimage(&bed, &["diagnose", "--fail-on", "next-start-fails"]).await;
    assert_ended(&ran, 10);
    assert_snapshot!(ran.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/child   app   <registry>/child:1.0   unknown   1/1   an index in the registry lacks one of its images
    deployment/pinned   app   <registry>/pinned@<manifest:pinned>   pinned   1/1   registry `<registry>` no longer has the pinned digest
    deployment/tag   app   <registry>/tag:1.0   unpublished   1/1   the registry has no such tag
    --- stderr

    Nothing stale in 3 workloads with 3 pods, 1 runs an image that no registry has, 2 could not be started again, 1 could not be checked.
    hint: see what was tried with `kubectl freshimage explain deployment/child`
    ");
    let answer = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    let reasons: Vec<String> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| format!("{}: {}", item["workload"]["name"], item["nextStartFails"]))
        .collect();
    assert_snapshot!(bed.normaliser().normalise(&reasons.join("\n")), @r#"
    "child": "the index's image for linux/amd64, <manifest:new>, is gone"
    "pinned": "registry `<registry>` no longer has the pinned digest"
    "tag": "registry `<registry>` has no tag `1.0`"
    "#);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_where_the_nodes_could_not_start_it() {
    let bed = Bed::start("incomplete").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let (old, new) = (bed.image("old"), bed.image("new"));
    bed.push(&registry, "app", "1.0", index(&old).named("old")).await;
    let image = registry.image("app", "1.0");
    bed.create(&PodTemplate::new("app", &image).on_node("node-a").deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    // No image for the nodes at all.
    let foreign = Index::new([new.clone().platform("linux", "s390x", None)]).named("foreign");
    bed.push(&registry, "app", "1.0", foreign).await;
    registry.forget_requests();
    let commands = [&["bump", "deployment/web", "--to", "tag", "--yes"][..], &["pin", "deployment/web", "--yes"]];
    let refused = async || {
        let (bumped, pinned) = (freshimage(&bed, commands[0]).await, freshimage(&bed, commands[1]).await);
        assert_eq!((bumped.code, ending(&bumped)), (pinned.code, ending(&pinned)));
        ending(&bumped)
    };
    assert_snapshot!(refused().await, @"
    exit 1
      refused deployment/web: container app could not start: the index has no image for linux/amd64
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: container app could not start: the index has no image for linux/amd64
    hint: push the image for every platform that the workload's nodes have
    ");
    // An image that is gone.
    bed.push(&registry, "app", "1.0", index(&new).named("new")).await;
    lose_image(&bed, &registry, "app", &new).await;
    assert_snapshot!(refused().await, @"
    exit 1
      refused deployment/web: container app could not start: the index's image for linux/amd64, <manifest:new>, is gone
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: container app could not start: the index's image for linux/amd64, <manifest:new>, is gone
    hint: push the image for every platform that the workload's nodes have
    ");
    assert_eq!(registry.requests().writes(), 0);
    assert_eq!(image_of(&bed, "deployment", "web").await, image);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_way_back_to_an_index_that_lost_its_image() {
    let bed = Bed::start("no-way-back").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let (old, new) = (bed.image("old"), bed.image("new"));
    bed.push(&registry, "app", "1.0", index(&old).named("old")).await;
    bed.create(&PodTemplate::new("app", &registry.image("app", "1.0")).on_node("node-a").deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.push(&registry, "app", "1.0", index(&new).named("new")).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await, 0);
    let bumped = image_of(&bed, "deployment", "web").await;
    lose_image(&bed, &registry, "app", &old).await;
    let ran = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_ended(&ran, 1);
    assert_snapshot!(ending(&ran), @"
    exit 1
      refused deployment/web: container app could not start: the index's image for linux/amd64, <manifest:old>, is gone
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: container app could not start: the index's image for linux/amd64, <manifest:old>, is gone
    hint: push the image for every platform that the workload's nodes have
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, bumped);
    bed.finish().await;
}
