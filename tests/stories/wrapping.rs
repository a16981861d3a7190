//! One content under several digests: what makes every comparison of two digest strings cry stale.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::image::Index;

use crate::reported::{image_id, proofs, shown_image, wait_listed, wait_reported};
use crate::support::freshimage;

/// Starts a bare pod on node-a that asks the registry.
async fn start(bed: &Bed, name: &str, image: &str) {
    bed.create(&PodTemplate::new("app", image).policy("Always").on_node("node-a").pod(name)).await;
    bed.wait_running(&format!("app={name}"), 1).await;
}

/// Three indexes around one image of this content, which differ in their annotations alone; by their digests.
fn indexes(bed: &Bed, content: &str) -> [Index; 3] {
    let mut indexes = [1, 2, 3]
        .map(|build| Index::new([bed.image(content)]).with_attestations().annotation("build", &build.to_string()));
    indexes.sort_by_key(Index::digest);
    let [low, middle, high] = indexes;
    [low.named("low"), middle.named("middle"), high.named("high")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_content_under_several_references_on_a_node_is_never_stale() {
    let bed = Bed::start("twins").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let image = bed.image("twin");
    bed.push(&registry, "a/app", "1.0", &image).await;
    bed.push(&registry, "b/multi", "v1", Index::new([image.clone()])).await;
    bed.push(&registry, "c/copy", "v1", image.annotation("note", "copied").named("copy")).await;
    for (pod, reference) in [("plain", ("a/app", "1.0")), ("multi", ("b/multi", "v1")), ("copy", ("c/copy", "v1"))] {
        start(&bed, pod, &registry.image(reference.0, reference.1)).await;
    }
    // The runtime names the first's repository for all of them, and digests that neither `v1` serves.
    for pod in ["plain", "multi", "copy"] {
        assert_eq!(shown_image(&bed, pod).await, "<registry>/a/app:1.0");
        assert_eq!(image_id(&bed, pod).await, "<registry>/a/app@<manifest:twin>");
    }
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale,mixed,suspect,unknown"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/copy   app   <registry>/c/copy:v1   rewrapped   1/1   same content under another digest
    pod/multi   app   <registry>/b/multi:v1   fresh   1/1
    pod/plain   app   <registry>/a/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 3 workloads with 3 pods.
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "-o", "wide"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   RUNNING   SERVED   NODES   POLICY   AGE   FINDINGS   WHY
    pod/copy   app   <registry>/c/copy:v1   rewrapped   1/1   <manifest:twin>   <manifest:copy>   node-a   Always   <age>   always-pull   same content under another digest
    pod/multi   app   <registry>/b/multi:v1   fresh   1/1   <manifest:twin>   <index:twin>   node-a   Always   <age>   always-pull
    pod/plain   app   <registry>/a/app:1.0   fresh   1/1   <manifest:twin>   <manifest:twin>   node-a   Always   <age>   always-pull
    ");

    assert_snapshot!(proofs(&bed).await, @"
    copy: <registry>/a/app@<manifest:twin>: the running digest differs, but it holds the same content (equal config digests)
    multi: <registry>/a/app@<manifest:twin>: the running digest is a child of the index that the tag serves
    plain: <registry>/a/app@<manifest:twin>: the running digest is the one that the tag serves
    ");

    // And where the content behind one of them really changes, that one is stale and the others are not.
    bed.push(
        &registry,
        "b/multi",
        "v1",
        Index::new([bed.image("another").created(&jiff::Timestamp::now().to_string())]),
    )
    .await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/copy   app   <registry>/c/copy:v1   rewrapped   1/1   same content under another digest
    pod/multi   app   <registry>/b/multi:v1   stale   1/1   re-pushed, built <age> ago; Always, not restarted since
    pod/plain   app   <registry>/a/app:1.0   fresh   1/1
    --- stderr

    1 of 3 workloads runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain pod/multi`
    hint: give it a unique tag with `kubectl freshimage bump pod/multi`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_content_pushed_under_three_index_digests_is_never_stale_in_any_order() {
    let bed = Bed::start("rewrap").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    for (name, order) in [("up", [0, 1, 2]), ("down", [2, 1, 0]), ("across", [1, 2, 0])] {
        let repository = format!("c/{name}");
        let indexes = indexes(&bed, name);
        for (time, place) in order.into_iter().enumerate() {
            bed.push(&registry, &repository, "v1", &indexes[place]).await;
            start(&bed, &format!("{name}-{time}"), &registry.image(&repository, "v1")).await;
        }
    }
    // The smallest digest that the node has at the time is reported, whatever the tag served.
    let mut reported = Vec::new();
    for name in ["up", "down", "across"] {
        for time in 0..3 {
            let pod = format!("{name}-{time}");
            reported.push(format!("{pod} {}", image_id(&bed, &pod).await));
        }
    }
    assert_snapshot!(reported.join("\n"), @"
    up-0 <registry>/c/up@<index:low>
    up-1 <registry>/c/up@<index:low>
    up-2 <registry>/c/up@<index:low>
    down-0 <registry>/c/down@<index:high>
    down-1 <registry>/c/down@<index:middle>
    down-2 <registry>/c/down@<index:low>
    across-0 <registry>/c/across@<index:middle>
    across-1 <registry>/c/across@<index:middle>
    across-2 <registry>/c/across@<index:low>
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale,mixed,suspect,unknown"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/across-0   app   <registry>/c/across:v1   rewrapped   1/1   same content under another digest
    pod/across-1   app   <registry>/c/across:v1   rewrapped   1/1   same content under another digest
    pod/across-2   app   <registry>/c/across:v1   fresh   1/1
    pod/down-0   app   <registry>/c/down:v1   rewrapped   1/1   same content under another digest
    pod/down-1   app   <registry>/c/down:v1   rewrapped   1/1   same content under another digest
    pod/down-2   app   <registry>/c/down:v1   fresh   1/1
    pod/up-0   app   <registry>/c/up:v1   rewrapped   1/1   same content under another digest
    pod/up-1   app   <registry>/c/up:v1   rewrapped   1/1   same content under another digest
    pod/up-2   app   <registry>/c/up:v1   rewrapped   1/1   same content under another digest
    --- stderr

    Nothing stale in 9 workloads with 9 pods.
    ");
    bed.finish().await;
}

fn repo_digest(registry: &Gateway, repository: &str, index: &Index) -> String {
    format!("{}/{repository}@{}", registry.host(), index.digest())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_gone_from_the_registry_is_judged_by_what_the_node_has() {
    let bed = Bed::start("gone").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let pull = async |repository: &str, index: &Index, pod: &str| {
        bed.push(&registry, repository, "v1", index).await;
        start(&bed, pod, &registry.image(repository, "v1")).await;
    };

    // The node pulled both the digest that runs and the one that is served.
    let both = indexes(&bed, "both");
    pull("both", &both[0], "both-0").await;
    pull("both", &both[2], "both-1").await;
    // The node never pulled what is served, but another wrapping that is still in the registry.
    let through = indexes(&bed, "through");
    pull("through", &through[0], "through-0").await;
    pull("through", &through[1], "through-1").await;
    bed.push(&registry, "through", "v1", &through[2]).await;
    // The node knows nothing but the digest that is gone.
    let alone = indexes(&bed, "alone");
    pull("alone", &alone[0], "alone").await;
    bed.push(&registry, "alone", "v1", &alone[2]).await;
    // The node forgot the reference that the pod still reports.
    let forgotten = indexes(&bed, "forgotten");
    pull("forgotten", &forgotten[0], "forgotten-0").await;
    pull("forgotten", &forgotten[2], "forgotten-1").await;
    bed.remove_image("node-a", &repo_digest(&registry, "forgotten", &forgotten[0])).await;
    // Other content, as far as anybody knew.
    let other = Index::new([bed.image("other")]);
    pull("other", &other, "other").await;
    bed.push(&registry, "other", "v1", Index::new([bed.image("newer")])).await;

    let gone = [
        ("both", &both[0]),
        ("through", &through[0]),
        ("alone", &alone[0]),
        ("forgotten", &forgotten[0]),
        ("other", &other),
    ];
    for (repository, index) in gone {
        bed.delete_manifest(&registry, repository, &index.digest()).await;
    }
    let name = |repository: &str, index: &Index| repo_digest(&registry, repository, index);
    wait_listed(&bed, "node-a", &[&name("both", &both[0]), &name("both", &both[2])], &[]).await;
    wait_listed(&bed, "node-a", &[&name("through", &through[0]), &name("through", &through[1])], &[]).await;
    wait_listed(&bed, "node-a", &[&name("alone", &alone[0])], &[]).await;
    wait_listed(&bed, "node-a", &[&name("forgotten", &forgotten[2])], &[&name("forgotten", &forgotten[0])]).await;
    wait_listed(&bed, "node-a", &[&name("other", &other)], &[]).await;
    wait_reported(&bed).await;

    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/alone   app   <registry>/alone:v1   suspect   1/1   what runs is gone from the registry: most likely stale, not proven
    pod/both-0   app   <registry>/both:v1   rewrapped   1/1   same content under another digest
    pod/both-1   app   <registry>/both:v1   rewrapped   1/1   same content under another digest
    pod/forgotten-0   app   <registry>/forgotten:v1   suspect   1/1   what runs is gone from the registry: most likely stale, not proven
    pod/forgotten-1   app   <registry>/forgotten:v1   suspect   1/1   what runs is gone from the registry: most likely stale, not proven
    pod/other   app   <registry>/other:v1   suspect   1/1   what runs is gone from the registry: most likely stale, not proven
    pod/through-0   app   <registry>/through:v1   rewrapped   1/1   same content under another digest
    pod/through-1   app   <registry>/through:v1   rewrapped   1/1   same content under another digest
    --- stderr

    4 of 8 workloads most likely run old content, which cannot be proven.
    hint: see what is known with `kubectl freshimage explain pod/alone`
    hint: give it a unique tag with `kubectl freshimage bump pod/alone`
    ");
    assert_snapshot!(proofs(&bed).await, @"
    alone: <registry>/alone@<index:low>: what runs is no longer in the registry, so its content can't be compared; most likely the tag was pushed again
    both-0: <registry>/both@<index:low>: node node-a has the running digest and what the tag serves as names of one image
    both-1: <registry>/both@<index:low>: node node-a has the running digest and what the tag serves as names of one image
    forgotten-0: <registry>/forgotten@<index:low>: what runs is no longer in the registry, so its content can't be compared; most likely the tag was pushed again
    forgotten-1: <registry>/forgotten@<index:low>: what runs is no longer in the registry, so its content can't be compared; most likely the tag was pushed again
    other: <registry>/other@<index:other>: what runs is no longer in the registry, so its content can't be compared; most likely the tag was pushed again
    through-0: <registry>/through@<index:low>: the node has the same image as <index:middle>, which holds the content that the tag serves
    through-1: <registry>/through@<index:low>: the node has the same image as <index:middle>, which holds the content that the tag serves
    ");
    bed.finish().await;
}
