//! Rollouts that cannot go on: the old pods run, and no new one may be created.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Effect, Match};

use crate::support::{BINARY, assert_ended, ending, freshimage, image_of, push_again, shop};

/// Allows so many pods in the namespace from now on.
async fn allow_pods(bed: &Bed, count: u32) {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"},
        "spec": {"hard": {"pods": count.to_string()}},
    });
    bed.create(&quota).await;
    // Until it is counted, it refuses everything in other words.
    bed.wait_for("the quota to be counted", "resourcequota", "few", |quota| {
        quota["status"]["hard"] == quota["spec"]["hard"]
    })
    .await;
}

fn is_refused(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "ReplicaFailure" && one["status"] == "True"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_whose_pods_a_quota_refuses_is_stuck() {
    let bed = Bed::start("stuck").await;
    let registry = shop(&bed).await;
    bed.push(&registry, "shop/web", "1.1", bed.image("next")).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 2)).await;
    bed.wait_rolled_out("deployment", "web").await;
    allow_pods(&bed, 2).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("late", 1)).await;
    bed.set_image("deployment", "web", "app", &registry.image("shop/web", "1.1")).await;
    for name in ["web", "late"] {
        bed.wait_for("its pods to be refused", "deployment", name, is_refused).await;
    }
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stuck"]).await.normalise(), @r#"
    exit 10
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/late   app   <registry>/shop/web:1.0   stuck   -   no pod can be created: pods "late-<id>" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2
    deployment/web   app   <registry>/shop/web:1.0   stuck   2/2   the template asks for `<registry>/shop/web:1.1` already; its new pods cannot be created: pods "web-<id>" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2
    --- stderr

    Nothing stale in 2 workloads with 2 pods, 2 rollouts are stuck.
    "#);
    assert_snapshot!(freshimage(&bed, &["diagnose", "deployment/web"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   stuck   2/2   the template asks for `<registry>/shop/web:1.1` already; its new pods cannot be created: pods "web-<id>" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2
    --- stderr

    Nothing stale in 1 workload with 2 pods, 1 rollout is stuck.
    "#);

    bed.merge_patch("deployment", "web", &json!({"spec": {"paused": true}})).await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "deployment/web"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   rolling   2/2   the template asks for `<registry>/shop/web:1.1` already; the rollout is paused
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_events_tell_is_told_to_whoever_may_read_them() {
    let bed = Bed::start("refused-events").await;
    let registry = shop(&bed).await;
    bed.push(&registry, "shop/web", "1.1", bed.image("next")).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.stateful_set("db", 2)).await;
    bed.wait_rolled_out("statefulset", "db").await;
    allow_pods(&bed, 1).await;
    bed.set_image("statefulset", "db", "app", &registry.image("shop/web", "1.1")).await;
    bed.wait_for_event("db", "FailedCreate").await;
    bed.create(&template.job("report")).await;
    bed.wait_for_event("report", "FailedCreate").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    job/report   app   <registry>/shop/web:1.0   stuck   -   no pod can be created: pods "report-<id>" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1
    statefulset/db   app   <registry>/shop/web:1.0   stuck   1/1   the template asks for `<registry>/shop/web:1.1` already; its new pods cannot be created: pods "db-1" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1
    --- stderr

    Nothing stale in 2 workloads with 1 pod, 2 rollouts are stuck.
    "#);

    let user = bed.account("without-events").await;
    bed.allow(&user, &["list"], &["pods", "replicationcontrollers"]).await;
    bed.cluster_allow(&user, "", &["get", "list"], &["nodes"]).await;
    bed.allow_in(&user, "apps", &["get", "list"], &["statefulsets", "replicasets", "deployments", "daemonsets"]).await;
    bed.allow_in(&user, "batch", &["get", "list"], &["jobs", "cronjobs"]).await;
    let ran = bed.product(BINARY).kubeconfig(&bed.kubeconfig_for(&user)).args(&["diagnose"]).run().await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    job/report   app   <registry>/shop/web:1.0   waiting   -   no pod runs yet
    statefulset/db   app   <registry>/shop/web:1.0   rolling   1/1   the template asks for `<registry>/shop/web:1.1` already; a rollout is under way
    --- stderr

    Nothing stale in 2 workloads with 1 pod.
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bump_whose_pods_are_refused_ends_at_once_with_the_reason() {
    let bed = Bed::start("bump-refused").await;
    let registry = shop(&bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.deployment("web", 1)).await;
    bed.create(&template.stateful_set("db", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.wait_rolled_out("statefulset", "db").await;
    push_again(&bed, &registry).await;
    allow_pods(&bed, 1).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "--timeout", "10m"];
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @r#"
    exit 12
    deployment/web   tagged 1.1 · patched · not confirmed: it cannot go on: 0 of 1 updated; its new pods cannot be created: pods "web-<id>" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=1
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/web`
    "#);
    let back = ["bump", "statefulset/db", "--to", "existing=1.1", "--yes", "--rollback", "--timeout", "10m"];
    assert_snapshot!(ending(&freshimage(&bed, &back).await), @r#"
    exit 12
    statefulset/db   taken back: it cannot go on: 0 of 1 updated; its new pods cannot be created: pods "db-0" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1 · not confirmed that it runs what it ran before: it cannot go on: 0 of 1 updated; its new pods cannot be created: pods "db-0" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1
    --- stderr
    hint: wait for it and prove it with `kubectl freshimage undo statefulset/db`
    "#);
    let image = image_of(&bed, "statefulset", "db").await;
    assert_snapshot!(bed.normaliser().normalise(&image), @"<registry>/shop/web:1.0@<manifest:old>");

    // With room for its pods, the same command ends well.
    bed.delete("resourcequota", "few").await;
    bed.wait_rolled_out("deployment", "web").await;
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @"
    exit 0
    deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_started_is_taken_back_to_the_very_template_of_before_and_no_pod_is_replaced() {
    let bed = Bed::start("refused-back").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 2)).await;
    let before = bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    allow_pods(&bed, 2).await;
    let bump = ["bump", "deployment/web", "--to", "tag=1.1", "--yes", "--timeout", "10m"];
    assert_ended(&freshimage(&bed, &bump).await, 12);
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/web", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch

      deployment/web, container app
        - image: <registry>/shop/web:1.1
        + image: <registry>/shop/web:1.0
        will run <manifest:old>…
        2 pods run on, and none is replaced
        note: what it was changed to never started: the template is put back as it was, and no pod is replaced; a new pod gets whatever `<registry>/shop/web:1.0` points to by then

    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    let uids = |pods: &[Value]| pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect::<Vec<_>>();
    assert_eq!(uids(&bed.wait_rolled_out("deployment", "web").await), uids(&before));
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.0"));
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   stale   2/2   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 1
      refused deployment/web: there is nothing left to undo: it runs what it ran before the first change that is known
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: there is nothing left to undo: it runs what it ran before the first change that is known
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");

    // By itself, and for an image that no node can pull.
    bed.delete("resourcequota", "few").await;
    registry.when(Match::any().reference("1.1").from_nodes(), Effect::status(403));
    let back = [&bump[..], &["--rollback"]].concat();
    let ran = freshimage(&bed, &back).await;
    assert_ended(&ran, 12);
    let result = ending(&ran);
    let told =
        " · runs what it ran before, verified · a new pod gets whatever `<registry>/shop/web:1.0` points to by then\n";
    assert!(result.contains(told), "{result}");
    assert_eq!(uids(&bed.wait_rolled_out("deployment", "web").await), uids(&before));
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.0"));

    // With its environment changed meanwhile it is another template: the digest says what its pods are to run.
    assert_ended(&freshimage(&bed, &bump).await, 12);
    let variable =
        json!([{"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "A", "value": "b"}]}]);
    bed.json_patch("deployment", "web", &variable).await;
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    let image = image_of(&bed, "deployment", "web").await;
    assert_snapshot!(bed.normaliser().normalise(&image), @"<registry>/shop/web:1.0@<manifest:old>");
    bed.finish().await;
}
