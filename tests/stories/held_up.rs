//! A StatefulSet that goes in order stands still before a pod that is not ready: what a broken image has left holds it up,
//! also on the way back and on the way to a good one, until the pod is deleted.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};
use testbed::gateway::Gateway;

use crate::support::{BINARY, assert_ended, ending, freshimage, image_of, shop};

/// A StatefulSet of two pods that go in order; the tag that it asks for stands for a build by now that crashes.
async fn about_to_crash(bed: &Bed, spec: &Value) -> Gateway {
    let registry = shop(bed).await;
    let mut set = PodTemplate::new("app", &registry.image("shop/web", "1.0")).stateful_set("db", 2);
    set["spec"]["podManagementPolicy"] = json!("OrderedReady");
    // Without these seconds each start of the crashing program would count, and the next pod would be replaced.
    set["spec"]["minReadySeconds"] = json!(3);
    set["spec"].as_object_mut().expect("it is one").extend(spec.as_object().expect("it is one").clone());
    bed.create(&set).await;
    bed.wait_rolled_out("statefulset", "db").await;
    let broken = bed.image("broken").created("2026-11-20T10:00:00Z").that_crashes();
    bed.push(&registry, "shop/web", "1.0", broken).await;
    registry
}

/// Changes it to that build, which does not come to run.
async fn break_it(bed: &Bed) {
    let bump = ["bump", "statefulset/db", "--to", "tag=1.1", "--yes", "--timeout", "10m"];
    assert_ended(&freshimage(bed, &bump).await, 12);
}

/// The UIDs of its pods, by ordinal.
async fn uids(bed: &Bed) -> Vec<String> {
    let pods = bed.wait_for_pods("its pods", "app=db", |pods| pods.len() == 2).await;
    pods.iter().map(|pod| pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Without how far it was and what the kubelet says, which depend on the moment.
fn calm(ran: &Ran) -> String {
    let text = ending(ran);
    let line = |line: &str| match (line.split_once("it cannot go on: "), line.split_once(" · runs what it ran")) {
        (Some((start, _)), Some((_, end))) => format!("{start}it cannot go on: … · runs what it ran{end}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_deletes_the_pod_that_a_stateful_set_would_wait_for_for_ever_and_says_so_before() {
    let bed = Bed::start("held-undo").await;
    let _registry = about_to_crash(&bed, &json!({})).await;
    let before = uids(&bed).await;
    break_it(&bed).await;
    let broken = uids(&bed).await;
    assert_eq!(broken[0], before[0], "the other pod is not replaced");
    assert_snapshot!(freshimage(&bed, &["undo", "statefulset/db", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      statefulset/db, container app
        - image: <registry>/shop/web:1.1
        + image: <registry>/shop/web:1.0@<manifest:old>
        will run <manifest:old>…
        2 pods are replaced
        note: db-1 is not ready and blocks its StatefulSet: it will be deleted, so that it is recreated

    statefulset/db   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age> · db-1 blocked it and was deleted
    --- stderr
    ");
    let after = uids(&bed).await;
    assert_ne!(after[1], broken[1]);
    let image = image_of(&bed, "statefulset", "db").await;
    assert_snapshot!(bed.normaliser().normalise(&image), @"<registry>/shop/web:1.0@<manifest:old>");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateful_set_is_taken_back_with_the_pod_that_holds_it_up() {
    let bed = Bed::start("held-back").await;
    let _registry = about_to_crash(&bed, &json!({})).await;
    let bump = ["bump", "statefulset/db", "--to", "tag=1.1", "--yes", "--rollback", "--timeout", "10m"];
    assert_snapshot!(calm(&freshimage(&bed, &bump).await), @"
    exit 12
    statefulset/db   tagged 1.1 · taken back: it cannot go on: … · runs what it ran before, verified · db-1 blocked it and was deleted
    --- stderr
    ");
    bed.wait_rolled_out("statefulset", "db").await;
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_delete_pods_is_told_the_command_and_the_same_undo_finishes_it() {
    let bed = Bed::start("held-rights").await;
    let _registry = about_to_crash(&bed, &json!({})).await;
    break_it(&bed).await;
    let user = bed.account("changer").await;
    bed.allow(&user, &["list"], &["pods", "events"]).await;
    bed.allow_in(&user, "apps", &["get", "list", "patch"], &["statefulsets"]).await;
    bed.cluster_allow(&user, "", &["get", "list"], &["nodes"]).await;
    let kubeconfig = bed.kubeconfig_for(&user);
    let undo = || bed.product(BINARY).kubeconfig(&kubeconfig).args(&["undo", "statefulset/db", "--yes"]).run();
    let stopped = undo().await;
    assert_snapshot!(ending(&stopped), @r#"
    exit 12
    statefulset/db   patched · 1 of 2 pods got the new content · not confirmed: db-1 is not ready and blocks its StatefulSet; it could not be deleted: pods "db-1" is forbidden: User "system:serviceaccount:<namespace>:changer" cannot delete resource "pods" in API group "" in the namespace "<namespace>"
    --- stderr
    note: statefulset/db: you are not allowed to delete db-1; somebody else has to
    hint: first delete the pod that blocks it: `kubectl delete pod db-1`
    hint: go on with `kubectl freshimage undo statefulset/db`
    "#);
    let again = undo().await;
    assert_ended(&again, 12);
    assert!(again.stdout.contains("not confirmed: db-1 is not ready"), "{}", again.normalise());
    // What the hint says.
    bed.delete("pod", "db-1").await;
    assert_snapshot!(ending(&undo().await), @"
    exit 0
    statefulset/db   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bump_to_a_good_image_deletes_what_a_broken_one_has_left() {
    let bed = Bed::start("held-on").await;
    let registry = about_to_crash(&bed, &json!({})).await;
    break_it(&bed).await;
    let broken = uids(&bed).await;
    bed.wait_for_pods("a third crash", "app=db", |pods| {
        pods.iter().any(|pod| {
            let status = &pod["status"]["containerStatuses"][0];
            status["restartCount"].as_u64() >= Some(2) && status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        })
    })
    .await;
    let bump = ["bump", "statefulset/db", "--to", "digest", "--yes"];
    let newest = bed.image("newest").created("2026-11-22T10:00:00Z");
    bed.push(&registry, "shop/web", "1.1", newest).await;
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      statefulset/db, container app   stale
        - image: <registry>/shop/web:1.1
        + image: <registry>/shop/web:1.1@<manifest:newest>
        runs <manifest:broken>… and <manifest:old>…, will run <manifest:newest>…
        2 pods are replaced
        note: db-1 is not ready and blocks its StatefulSet: it will be deleted, so that it is recreated

    statefulset/db   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:newest>… · no restart in <age> · db-1 blocked it and was deleted
    --- stderr
    hint: back with `kubectl freshimage undo statefulset/db`
    ");
    assert_ne!(uids(&bed).await[1], broken[1]);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_and_pods_that_start_side_by_side_and_on_delete_get_what_they_need_and_no_more() {
    let partition = json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}});
    let bed = Bed::start("held-part").await;
    let _registry = about_to_crash(&bed, &partition).await;
    let before = uids(&bed).await;
    break_it(&bed).await;
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "statefulset/db", "--yes"]).await), @"
    exit 0
    statefulset/db   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age> · db-1 blocked it and was deleted
    --- stderr
    ");
    assert_eq!(uids(&bed).await[0], before[0], "what the partition keeps is kept");
    bed.finish().await;

    // Its controller replaces them by itself.
    let bed = Bed::start("held-parallel").await;
    let _registry = about_to_crash(&bed, &json!({"podManagementPolicy": "Parallel"})).await;
    break_it(&bed).await;
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "statefulset/db", "--yes"]).await), @"
    exit 0
    statefulset/db   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;

    // Whoever chose that deletes the pods.
    let bed = Bed::start("held-on-delete").await;
    let _registry = about_to_crash(&bed, &json!({"updateStrategy": {"type": "OnDelete"}})).await;
    break_it(&bed).await;
    bed.delete("pod", "db-1").await;
    bed.wait_waiting("app=db", &["CrashLoopBackOff"]).await;
    let broken = uids(&bed).await;
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "statefulset/db", "--yes"]).await), @"
    exit 12
    statefulset/db   patched · 1 of 2 pods got the new content · not confirmed: 1 pod runs on as it was until somebody deletes it
    --- stderr
    hint: go on with `kubectl freshimage undo statefulset/db`
    ");
    assert_eq!(uids(&bed).await, broken);
    bed.finish().await;
}
