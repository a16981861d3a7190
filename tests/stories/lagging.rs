//! What a node says that it holds is up to a minute old: until it has reported, it decides nothing.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;
use testbed::image::Index;

use crate::reported::wait_listed;
use crate::support::{assert_ended, freshimage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_not_reported_since_the_start_is_asked_again_in_a_minute() {
    let bed = Bed::start("lagging").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let mut indexes =
        [1, 2].map(|build| Index::new([bed.image("app")]).annotation("build", &build.to_string()).with_attestations());
    indexes.sort_by_key(Index::digest);
    let [low, high] = indexes.map(|index| index.named("index"));
    let image = registry.image("app", "v1");
    let start = async |name: &str| {
        bed.create(&PodTemplate::new("app", &image).policy("Always").on_node("node-a").pod(name)).await;
        bed.wait_running(&format!("app={name}"), 1).await;
    };
    bed.push(&registry, "app", "v1", &low).await;
    start("first").await;
    bed.delete("pod", "first").await;
    if let Some(cluster) = bed.simulated() {
        cluster.node("node-a").hold_reports(true);
    }
    // The same content in another wrapping; the runtime reports the smaller digest of both, which is gone.
    bed.push(&registry, "app", "v1", &high).await;
    start("second").await;
    bed.delete_manifest(&registry, "app", &low.digest()).await;
    let gate = ["diagnose", "pod/second", "--fail-on", "stale,suspect,unknown"];
    let ran = freshimage(&bed, &gate).await;
    assert_ended(&ran, 11);
    assert_snapshot!(ran.normalise(), @"
    exit 11
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/second   app   <registry>/app:v1   unknown   1/1   what runs is no longer in the registry, and node node-a has not reported its images since the container started; ask again in a minute
    --- stderr

    1 workload could not be checked.
    hint: see what was tried with `kubectl freshimage explain pod/second`
    ");

    if let Some(cluster) = bed.simulated() {
        cluster.node("node-a").hold_reports(false);
    }
    let repo_digest = |index: &Index| format!("{}/app@{}", registry.host(), index.digest());
    wait_listed(&bed, "node-a", &[&repo_digest(&low), &repo_digest(&high)], &[]).await;
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut ran = freshimage(&bed, &gate).await;
    while ran.code == Some(11) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_secs(2)).await;
        ran = freshimage(&bed, &gate).await;
    }
    assert_ended(&ran, 0);
    assert_snapshot!(ran.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/second   app   <registry>/app:v1   rewrapped   1/1   same content under another digest
    ");
    bed.finish().await;
}
