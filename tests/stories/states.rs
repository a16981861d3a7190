//! Pods that do not simply run: nothing is claimed of what cannot be known.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, container_statuses};
use testbed::gateway::GatewayOptions;

use crate::support::freshimage;

fn waits_for(pod: &Value, reason: &str) -> bool {
    container_statuses(pod).iter().any(|status| status["state"]["waiting"]["reason"] == reason)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_cannot_be_scheduled_or_cannot_pull_waits() {
    let bed = Bed::start("waiting").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("app")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    bed.create(&template.on_node("node-of-dreams").deployment("unschedulable", 1)).await;
    bed.wait_for_pods("an unschedulable pod", "app=unschedulable", |pods| {
        pods.iter().any(|pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable")
    })
    .await;
    bed.create(&PodTemplate::new("app", &registry.image("app", "2.0")).deployment("absent", 1)).await;
    bed.wait_waiting("app=absent", &["ImagePullBackOff"]).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/absent   app   <registry>/app:2.0   waiting   1/1   ImagePullBackOff
    deployment/unschedulable   app   <registry>/app:1.0   waiting   1/1   the container has not started yet
    --- stderr

    Nothing stale in 2 workloads with 2 pods, 1 pod is in ImagePullBackOff.
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_in_a_crash_loop_is_judged_by_its_last_run_unless_the_next_one_pulls() {
    let bed = Bed::start("crashing").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("broken").created("2026-11-17T10:00:00Z")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0")).that_crashes();
    bed.create(&template.clone().policy("IfNotPresent").deployment("keeps", 1)).await;
    bed.create(&template.policy("Always").deployment("pulls", 1)).await;
    let both_wait = async || {
        bed.wait_for_pods("both pods to wait for their next start", "", |pods| {
            pods.len() == 2 && pods.iter().all(|pod| waits_for(pod, "CrashLoopBackOff"))
        })
        .await;
    };
    both_wait().await;
    bed.push(&registry, "app", "1.0", bed.image("mended").created("2026-11-20T10:00:00Z")).await;
    both_wait().await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/keeps   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    deployment/pulls   app   <registry>/app:1.0   waiting   1/1   CrashLoopBackOff
    --- stderr

    1 of 2 workloads runs old content in 1 pod, 2 pods are in CrashLoopBackOff.
    hint: see the proof with `kubectl freshimage explain deployment/keeps`
    hint: give it a unique tag with `kubectl freshimage bump deployment/keeps`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_is_not_judged() {
    let bed = Bed::start("ended").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in ["job", "setup", "app"] {
        bed.push(&registry, name, "1.0", bed.image(name)).await;
    }
    bed.create(&PodTemplate::new("work", &registry.image("job", "1.0")).that_completes().job("report")).await;
    bed.wait_for("the job to complete", "job", "report", |job| job["status"]["succeeded"] == 1).await;
    let template =
        PodTemplate::new("app", &registry.image("app", "1.0")).init("setup", &registry.image("setup", "1.0"));
    bed.create(&template.deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   setup (init)   <registry>/setup:1.0   ended   1/1   Completed
    deployment/web   app   <registry>/app:1.0   fresh   1/1
    job/report   work   <registry>/job:1.0   ended   1/1   Completed
    --- stderr

    Nothing stale in 2 workloads with 2 pods.
    ");

    for name in ["job", "setup"] {
        bed.push(&registry, name, "1.0", bed.image(&format!("newer {name}"))).await;
    }
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   setup (init)   <registry>/setup:1.0   ended   1/1   Completed
    deployment/web   app   <registry>/app:1.0   fresh   1/1
    job/report   work   <registry>/job:1.0   ended   1/1   Completed
    --- stderr

    Nothing stale in 2 workloads with 2 pods.
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_a_rollout_is_about_to_replace_are_rolling() {
    let bed = Bed::start("rolling").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("first")).await;
    bed.push(&registry, "app", "1.1", bed.image("second")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    for name in ["paused", "hanging", "behind"] {
        bed.create(&template.deployment(name, 2)).await;
    }
    for name in ["paused", "hanging", "behind"] {
        bed.wait_rolled_out("deployment", name).await;
    }
    // The old tag goes on, so that the pods would be stale if nobody were about to replace them.
    bed.push(&registry, "app", "1.0", bed.image("first again")).await;
    bed.merge_patch("deployment", "paused", &json!({"spec": {"paused": true}})).await;
    bed.set_image("deployment", "paused", "app", &registry.image("app", "1.1")).await;
    bed.set_image("deployment", "hanging", "app", &registry.image("app", "9.9")).await;
    let hanging = |pods: &[Value]| pods.len() == 3 && pods.iter().any(|pod| waits_for(pod, "ImagePullBackOff"));
    bed.wait_for_pods("the new pod to wait", "app=hanging", hanging).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/behind   app   <registry>/app:1.0   stale   2/2   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    deployment/hanging   app   <registry>/app:9.9   rolling   2/3   the template asks for `<registry>/app:9.9` already; a rollout is under way; 1 pod waits: ImagePullBackOff
    deployment/paused   app   <registry>/app:1.0   rolling   2/2   the template asks for `<registry>/app:1.1` already; the rollout is paused
    --- stderr

    1 of 3 workloads runs old content in 2 pods, 1 pod is in ImagePullBackOff.
    hint: see the proof with `kubectl freshimage explain deployment/behind`
    hint: give it a unique tag with `kubectl freshimage bump deployment/behind`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_being_deleted_is_not_judged() {
    let bed = Bed::start("terminating").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("first")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    let mut pod = template.pod("held");
    pod["metadata"]["finalizers"] = json!(["testbed.example/held"]);
    bed.create(&pod).await;
    bed.create(&template.deployment("web", 1)).await;
    bed.wait_running("app=held", 1).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.push(&registry, "app", "1.0", bed.image("second")).await;
    bed.delete("pod", "held").await;
    // The finalizer holds the object after its container has ended.
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/held   app   <registry>/app:1.0   waiting   1/1   the pod is being deleted
    --- stderr

    1 of 2 workloads runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");
    bed.json_patch("pod", "held", &json!([{"op": "remove", "path": "/metadata/finalizers"}])).await;
    bed.finish().await;
}
