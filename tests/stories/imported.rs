//! Images that were put on a node by hand: what runs has no repository, and often no registry can tell.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;
use testbed::image::{Image, Index};

use crate::reported::{image_id, wait_listed};
use crate::support::freshimage;

async fn import(bed: &Bed, name: &str, policy: &str, image: &Image, reference: &str) {
    bed.import_image("node-a", image, reference).await;
    bed.create(&PodTemplate::new("app", reference).policy(policy).on_node("node-a").pod(name)).await;
    bed.wait_running(&format!("app={name}"), 1).await;
    // Runtimes know an imported image by its config alone.
    assert_eq!(image_id(bed, name).await, format!("<config:{}>", image.name()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_image_is_judged_by_its_config_like_any_other() {
    let bed = Bed::start("imported").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let image = |content: &str| bed.image(content);

    // What the tag serves is what was imported: as a manifest, in an index, in Docker's types.
    bed.push(&registry, "equal", "1.0", image("equal")).await;
    import(&bed, "equal", "IfNotPresent", &image("equal"), &registry.image("equal", "1.0")).await;
    let other_platform = image("in index").platform("linux", "s390x", None);
    bed.push(&registry, "index", "1.0", Index::new([other_platform, image("in index")]).with_attestations()).await;
    import(&bed, "in-index", "IfNotPresent", &image("in index"), &registry.image("index", "1.0")).await;
    bed.push(&registry, "docker", "1.0", image("docker").docker_types()).await;
    import(&bed, "docker-types", "Never", &image("docker"), &registry.image("docker", "1.0")).await;

    // The tag serves something else, or nothing, or there is nobody to ask.
    bed.push(&registry, "other", "1.0", image("released")).await;
    import(&bed, "other", "IfNotPresent", &image("tried out"), &registry.image("other", "1.0")).await;
    bed.push(&registry, "other", "2.0", image("released")).await;
    import(&bed, "other-never", "Never", &image("tried out too"), &registry.image("other", "2.0")).await;
    import(&bed, "absent", "IfNotPresent", &image("absent"), &registry.image("absent", "1.0")).await;
    let nowhere = format!("registry.invalid/{}/app:1.0", bed.name());
    import(&bed, "nowhere", "IfNotPresent", &image("nowhere"), &nowhere).await;

    for (name, tag) in [("other", "1.0"), ("other", "2.0"), ("absent", "1.0")] {
        wait_listed(&bed, "node-a", &[&registry.image(name, tag)], &[]).await;
    }
    wait_listed(&bed, "node-a", &[&nowhere], &[]).await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/absent   app   <registry>/absent:1.0   local   1/1   loaded on the node; the registry has no such tag
    pod/docker-types   app   <registry>/docker:1.0   fresh   1/1
    pod/equal   app   <registry>/equal:1.0   fresh   1/1
    pod/in-index   app   <registry>/index:1.0   fresh   1/1
    pod/nowhere   app   registry.invalid/<namespace>/app:1.0   unknown   1/1   registry `registry.invalid` cannot be reached: the host name cannot be resolved
    pod/other   app   <registry>/other:1.0   suspect   1/1   differs from what the tag serves, and the registry does not have it: most likely stale
    pod/other-never   app   <registry>/other:2.0   suspect   1/1   differs from what the tag serves, and the registry does not have it: most likely stale
    --- stderr

    2 of 7 workloads most likely run old content, which cannot be proven, 1 runs an image that no registry has, 1 could not be checked.
    hint: see what is known with `kubectl freshimage explain pod/other`
    hint: give it a unique tag with `kubectl freshimage bump pod/other`
    ");
    let explained = freshimage(&bed, &["explain", "pod/other"]).await.normalised_stdout();
    assert!(explained.contains("<config:tried out>"), "{explained}");
    assert!(explained.contains("is not in the repository"), "{explained}");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pulled_image_that_lost_its_names_is_judged_by_its_content() {
    let bed = Bed::start("nameless").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in ["kept", "moved"] {
        let digest = bed.push(&registry, name, "1.0", bed.image(name)).await;
        let image = registry.image(name, "1.0");
        let template = PodTemplate::new("app", &image).policy("IfNotPresent").on_node("node-a");
        bed.create(&template.pod(&format!("{name}-before"))).await;
        bed.wait_running(&format!("app={name}-before"), 1).await;
        // Whoever cleans nodes by hand removes repo digests too; the next pod reports the bare config.
        let repo_digest = format!("{}/{name}@{digest}", registry.host());
        bed.remove_image("node-a", &repo_digest).await;
        bed.create(&template.pod(&format!("{name}-after"))).await;
        bed.wait_running(&format!("app={name}-after"), 1).await;
        assert_eq!(image_id(&bed, &format!("{name}-after")).await, format!("<config:{name}>"));
        // And then the tag.
        bed.remove_image("node-a", &image).await;
    }
    bed.push(&registry, "moved", "1.0", bed.image("moved on")).await;
    // As soon as the node lists what came last, it has forgotten the others.
    bed.push(&registry, "last", "1.0", bed.image("last")).await;
    let last = registry.image("last", "1.0");
    bed.create(&PodTemplate::new("app", &last).on_node("node-a").pod("last")).await;
    bed.wait_running("app=last", 1).await;
    wait_listed(&bed, "node-a", &[&last], &[]).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/kept-after   app   <registry>/kept:1.0   fresh   1/1
    pod/kept-before   app   <registry>/kept:1.0   fresh   1/1
    pod/last   app   <registry>/last:1.0   fresh   1/1
    pod/moved-after   app   <registry>/moved:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/moved-before   app   <registry>/moved:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    2 of 5 workloads run old content in 2 pods.
    hint: see the proof with `kubectl freshimage explain pod/moved-after`
    hint: give it a unique tag with `kubectl freshimage bump pod/moved-after`
    ");
    bed.finish().await;
}
