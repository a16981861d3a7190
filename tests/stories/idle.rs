//! Workloads of which nothing runs: scaled to nothing, between two runs, not started yet.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;

use crate::reported::wait_listed;
use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

async fn complete(bed: &Bed, job: &str) {
    bed.run_cron_job("report", job).await;
    bed.wait_for("the run to complete", "job", job, |job| job["status"]["succeeded"] == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cron_job_is_listed_before_its_first_run_and_judged_by_its_last_one() {
    let bed = Bed::start("between-runs").await;
    let registry = shop(&bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0")).that_completes().on_node("node-a");
    bed.create(&template.cron_job("report", "0 0 1 1 *")).await;
    let gate = ["diagnose", "--fail-on", "stale,mixed,suspect,unknown"];
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/shop/web:1.0   waiting   -   no pod is left of its last run
    --- stderr

    Nothing stale in 1 workload with 0 pods.
    ");
    complete(&bed, "report-first").await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/shop/web:1.0   fresh   1/1
    ");

    push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/shop/web:1.0   stale   1/1   last run: re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload would start old content.
    hint: see the proof with `kubectl freshimage explain cronjob/report`
    hint: give it a unique tag with `kubectl freshimage bump cronjob/report`
    ");
    let bumped = freshimage(&bed, &["bump", "cronjob/report", "--to", "tag", "--yes"]).await;
    assert_ended(&bumped, 0);
    assert_snapshot!(ending(&bumped), @"
    exit 0
    cronjob/report   tagged 1.1 · patched · the next run uses it
    --- stderr
    hint: back with `kubectl freshimage undo cronjob/report`
    ");
    // The last run is that of the template before.
    assert_snapshot!(freshimage(&bed, &gate).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/shop/web:1.0   rolling   1/1   the template asks for `<registry>/shop/web:1.1` already; the next run uses it
    ");
    complete(&bed, "report-second").await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/shop/web:1.1   fresh   1/1
    ");

    let undone = freshimage(&bed, &["undo", "cronjob/report", "--yes"]).await;
    assert_ended(&undone, 0);
    let old = bed.image("old").created("2026-11-17T10:00:00Z").digest();
    assert!(image_of(&bed, "cronjob", "report").await.ends_with(&old));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_without_pods_is_judged_by_what_the_nodes_would_start() {
    let bed = Bed::start("idle").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    let template = PodTemplate::new("app", &image).on_node("node-a");
    for (name, template) in [("keeps", template.clone()), ("pulls", template.clone().policy("Always"))] {
        bed.create(&template.deployment(name, 1)).await;
        bed.wait_rolled_out("deployment", name).await;
        bed.merge_patch("deployment", name, &json!({"spec": {"replicas": 0}})).await;
        bed.wait_for_pods("its pods to go", &format!("app={name}"), <[Value]>::is_empty).await;
    }
    bed.create(&PodTemplate::new("app", &image).on_node("nowhere").daemon_set("elsewhere")).await;
    bed.create(&template.stateful_set("empty", 0)).await;
    wait_listed(&bed, "node-a", &[&image], &[]).await;
    let gate = ["diagnose", "--fail-on", "stale,mixed,suspect,unknown"];
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/elsewhere   app   <registry>/shop/web:1.0   waiting   -   no pod runs (0 desired)
    deployment/keeps   app   <registry>/shop/web:1.0   waiting   -   no pod runs (0 desired)
    deployment/pulls   app   <registry>/shop/web:1.0   waiting   -   no pod runs (0 desired)
    statefulset/empty   app   <registry>/shop/web:1.0   waiting   -   no pod runs (0 desired)
    --- stderr

    Nothing stale in 4 workloads with 0 pods.
    ");
    push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &gate).await.normalise(), @"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/elsewhere   app   <registry>/shop/web:1.0   stale   -   no pod runs (0 desired); node-a would start old bits
    deployment/keeps   app   <registry>/shop/web:1.0   stale   -   no pod runs (0 desired); node-a would start old bits
    deployment/pulls   app   <registry>/shop/web:1.0   waiting   -   no pod runs (0 desired)
    statefulset/empty   app   <registry>/shop/web:1.0   stale   -   no pod runs (0 desired); node-a would start old bits
    --- stderr

    3 of 4 workloads would start old content.
    hint: see the proof with `kubectl freshimage explain daemonset/elsewhere`
    hint: give it a unique tag with `kubectl freshimage bump daemonset/elsewhere`
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "statefulsets"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/empty   app   <registry>/shop/web:1.0   stale   -   no pod runs (0 desired); node-a would start old bits
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "-l", "app=nothing"]).await.normalise(), @"
    exit 0
    --- stdout
    --- stderr
    No pods found in namespace `<namespace>`.
    ");
    let explained = freshimage(&bed, &["explain", "deployment/keeps"]).await.normalised_stdout();
    assert!(explained.contains("nodes hold  "), "{explained}");

    let bumped = freshimage(&bed, &["bump", "deployment/keeps", "--to", "tag", "--yes"]).await;
    assert_ended(&bumped, 0);
    assert_snapshot!(ending(&bumped), @"
    exit 0
    deployment/keeps   tagged 1.1 · patched · no pod runs now
    --- stderr
    hint: back with `kubectl freshimage undo deployment/keeps`
    ");
    bed.merge_patch("deployment", "keeps", &json!({"spec": {"replicas": 1}})).await;
    bed.wait_rolled_out("deployment", "keeps").await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "deployment/keeps"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/keeps   app   <registry>/shop/web:1.1   fresh   1/1
    ");
    bed.finish().await;
}
