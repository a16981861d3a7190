//! References with a digest: they never go stale, but their tag may move on without them.

use insta::assert_snapshot;
use serde_json::json;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;
use testbed::image::Index;

use crate::support::freshimage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_digest_is_never_stale_though_its_tag_moves_on() {
    let bed = Bed::start("pinned").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let wrapped = |content: &str| Index::new([bed.image(content)]).with_attestations();
    for repository in ["no-tag", "same", "moved", "rewrapped", "removed"] {
        let digest = bed.push(&registry, repository, "1.0", wrapped(repository)).await;
        let image = match repository {
            "no-tag" => format!("{}/no-tag@{digest}", registry.host()),
            _ => format!("{}@{digest}", registry.image(repository, "1.0")),
        };
        bed.create(&PodTemplate::new("app", &image).deployment(repository, 1)).await;
        bed.wait_rolled_out("deployment", repository).await;
    }
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/moved   app   <registry>/moved:1.0@<index:moved>   pinned   1/1
    deployment/no-tag   app   <registry>/no-tag@<index:no-tag>   pinned   1/1
    deployment/removed   app   <registry>/removed:1.0@<index:removed>   pinned   1/1
    deployment/rewrapped   app   <registry>/rewrapped:1.0@<index:rewrapped>   pinned   1/1
    deployment/same   app   <registry>/same:1.0@<index:same>   pinned   1/1
    --- stderr

    Nothing stale in 5 workloads with 5 pods.
    ");

    for repository in ["no-tag", "moved"] {
        bed.push(&registry, repository, "1.0", wrapped(&format!("newer {repository}"))).await;
    }
    bed.push(&registry, "rewrapped", "1.0", wrapped("rewrapped").annotation("build", "2").named("rewrapped again"))
        .await;
    bed.delete_manifest(&registry, "removed", &wrapped("removed").digest()).await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale,suspect,unknown"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/moved   app   <registry>/moved:1.0@<index:moved>   pinned   1/1   tag has moved on
    deployment/no-tag   app   <registry>/no-tag@<index:no-tag>   pinned   1/1
    deployment/removed   app   <registry>/removed:1.0@<index:removed>   pinned   1/1   registry `<registry>` no longer has the pinned digest
    deployment/rewrapped   app   <registry>/rewrapped:1.0@<index:rewrapped>   pinned   1/1
    deployment/same   app   <registry>/same:1.0@<index:same>   pinned   1/1
    --- stderr

    Nothing stale in 5 workloads with 5 pods, 1 could not be started again.
    ");
    let answer = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    for item in answer["items"].as_array().into_iter().flatten() {
        let expected = match item["workload"]["name"].as_str() {
            Some("moved") => json!(["moved-tag"]),
            Some("removed") => json!(["next-start-fails"]),
            _ => json!([]),
        };
        assert_eq!(item["findings"], expected, "{item:#}");
    }
    // A restart changes nothing of it.
    bed.restart("deployment", "moved").await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "deployment/moved"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/moved   app   <registry>/moved:1.0@<index:moved>   pinned   1/1   tag has moved on
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    bed.finish().await;
}
