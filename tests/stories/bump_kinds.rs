//! Every kind of workload is bumped in its own way: replaced, restarted in place, at its next run, when somebody deletes
//! its pods, or not at all. What is not done by itself is said before, and is no success.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, ROLLOUTS};
use testbed::gateway::Gateway;

use crate::support::{assert_ended, delete_pods, ending, freshimage, image_of, push_again, shop};

/// A workload that runs what the tag stood for before.
async fn stale(bed: &Bed, kind: &str, make: impl FnOnce(PodTemplate) -> Value) -> Gateway {
    let registry = shop(bed).await;
    let object = make(PodTemplate::new("app", &registry.image("shop/web", "1.0")));
    let name = object["metadata"]["name"].as_str().expect("a workload has a name").to_owned();
    bed.create(&object).await;
    bed.wait_rolled_out(kind, &name).await;
    push_again(bed, &registry).await;
    registry
}

async fn bump(bed: &Bed, workload: &str) -> testbed::bed::Ran {
    freshimage(bed, &["bump", workload, "--to", "tag", "--yes"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_deployment_says_so_before_and_is_finished_after_it_is_resumed() {
    let bed = Bed::start("kind-paused").await;
    let _registry = stale(&bed, "deployment", |template| template.deployment("web", 2)).await;
    bed.merge_patch("deployment", "web", &json!({"spec": {"paused": true}})).await;
    assert_snapshot!(bump(&bed, "deployment/web").await.normalise(), @"
    exit 12
    --- stdout
    Plan: 1 tag to write, 1 workload to patch

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        2 pods run on for now
        note: its rollout is paused: no pod is replaced until it is resumed

    deployment/web   tagged 1.1 · patched · not confirmed: its rollout is paused, and its pods run on as they were
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    bed.merge_patch("deployment", "web", &json!({"spec": {"paused": false}})).await;
    let again = bump(&bed, "deployment/web").await;
    assert_snapshot!(ending(&again), @"
    exit 0
    deployment/web   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stateful_set_is_rolled_out() {
    let bed = Bed::start("kind-stateful").await;
    let _registry = stale(&bed, "statefulset", |template| template.stateful_set("db", 2)).await;
    assert_snapshot!(ending(&bump(&bed, "statefulset/db").await), @"
    exit 0
    statefulset/db   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo statefulset/db`
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "sts/db", "--yes"]).await), @"
    exit 0
    statefulset/db   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_partition_of_a_stateful_set_keeps_its_pods_and_is_said_before() {
    let bed = Bed::start("kind-partition").await;
    let _registry = stale(&bed, "statefulset", |template| {
        let mut set = template.stateful_set("db", 3);
        set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
        set
    })
    .await;
    assert_snapshot!(bump(&bed, "statefulset/db").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      statefulset/db, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        the pods from ordinal 2 on are replaced
        note: its partition keeps the pods below ordinal 2 as they are

    statefulset/db   tagged 1.1 · patched · rolled out 1/3 · verified: 1 of 3 pods run <manifest:new>… · no restart in <age> · its partition keeps 2 old pods
    --- stderr
    hint: back with `kubectl freshimage undo statefulset/db`
    ");
    let no_partition = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}});
    bed.merge_patch("statefulset", "db", &no_partition).await;
    assert_snapshot!(ending(&bump(&bed, "statefulset/db").await), @"
    exit 0
    statefulset/db   as planned already · rolled out 3/3 · verified: 3 of 3 pods run <manifest:new>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_set_is_rolled_out() {
    let bed = Bed::start("kind-daemon").await;
    let _registry = stale(&bed, "daemonset", |template| template.daemon_set("agent")).await;
    assert_snapshot!(ending(&bump(&bed, "daemonset/agent").await), @"
    exit 0
    daemonset/agent   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo daemonset/agent`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_delete_waits_for_somebody_who_deletes_the_pods() {
    let bed = Bed::start("kind-on-delete").await;
    let on_delete = |mut set: Value| {
        set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        set
    };
    let registry = stale(&bed, "daemonset", |template| on_delete(template.daemon_set("agent"))).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "0.9"));
    bed.create(&on_delete(template.stateful_set("db", 2))).await;
    bed.wait_rolled_out("statefulset", "db").await;

    assert_snapshot!(bump(&bed, "daemonset/agent").await.normalise(), @"
    exit 12
    --- stdout
    Plan: 1 tag to write, 1 workload to patch

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      daemonset/agent, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        2 pods run on for now
        note: its update strategy is OnDelete: a pod gets the new image when you delete it

    daemonset/agent   tagged 1.1 · patched · not confirmed: 2 pods run on as they were until somebody deletes them
    --- stderr
    hint: go on with `kubectl freshimage bump daemonset/agent --to tag=1.1`
    hint: back with `kubectl freshimage undo daemonset/agent`
    ");
    let existing = &["bump", "statefulset/db", "--to", "existing=1.1", "--yes"];
    assert_snapshot!(ending(&freshimage(&bed, existing).await), @"
    exit 12
    statefulset/db   patched · not confirmed: 2 pods run on as they were until somebody deletes them
    --- stderr
    hint: go on with `kubectl freshimage bump statefulset/db --to existing=1.1`
    hint: back with `kubectl freshimage undo statefulset/db`
    ");
    delete_pods(&bed, "").await;
    assert_snapshot!(ending(&bump(&bed, "daemonset/agent").await), @"
    exit 0
    daemonset/agent   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>…
    --- stderr
    ");
    assert_snapshot!(ending(&freshimage(&bed, existing).await), @"
    exit 0
    statefulset/db   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>…
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_replica_set_keeps_its_pods_until_they_are_deleted() {
    let bed = Bed::start("kind-set").await;
    let _registry = stale(&bed, "replicaset", |template| template.replica_set("bare", 2)).await;
    assert_snapshot!(bump(&bed, "replicaset/bare").await.normalise(), @"
    exit 12
    --- stdout
    Plan: 1 tag to write, 1 workload to patch

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      replicaset/bare, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        2 pods run on for now
        note: a ReplicaSet does not replace its pods: a pod gets the new image when you delete it

    replicaset/bare   tagged 1.1 · patched · not confirmed: 2 pods run on as they were until somebody deletes them
    --- stderr
    hint: go on with `kubectl freshimage bump replicaset/bare --to tag=1.1`
    hint: back with `kubectl freshimage undo replicaset/bare`
    ");
    delete_pods(&bed, "app=bare").await;
    assert_snapshot!(ending(&bump(&bed, "replicaset/bare").await), @"
    exit 0
    replicaset/bare   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>…
    --- stderr
    ");

    // A step back that has not arrived is not followed by another one.
    assert_ended(&freshimage(&bed, &["bump", "rs/bare", "--to", "existing=0.9", "--yes"]).await, 12);
    delete_pods(&bed, "app=bare").await;
    bed.wait_rolled_out("replicaset", "bare").await;
    let undo = async || ending(&freshimage(&bed, &["undo", "rs/bare", "--yes"]).await);
    assert_snapshot!(undo().await, @"
    exit 12
    replicaset/bare   patched · not confirmed: 2 pods run on as they were until somebody deletes them
    --- stderr
    hint: go on with `kubectl freshimage undo replicaset/bare`
    ");
    assert_snapshot!(undo().await, @"
    exit 12
    replicaset/bare   as planned already · not confirmed: 2 pods run on as they were until somebody deletes them
    --- stderr
    hint: go on with `kubectl freshimage undo replicaset/bare`
    ");
    let image = image_of(&bed, "replicaset", "bare").await;
    assert_snapshot!(bed.normaliser().normalise(&image), @"<registry>/shop/web:1.1@<manifest:new>");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replication_controller_keeps_its_pods_until_they_are_deleted() {
    let bed = Bed::start("kind-controller").await;
    let _registry = stale(&bed, "replicationcontroller", |template| template.replication_controller("old", 1)).await;
    assert_snapshot!(ending(&bump(&bed, "rc/old").await), @"
    exit 12
    replicationcontroller/old   tagged 1.1 · patched · not confirmed: 1 pod runs on as it was until somebody deletes it
    --- stderr
    hint: go on with `kubectl freshimage bump replicationcontroller/old --to tag=1.1`
    hint: back with `kubectl freshimage undo replicationcontroller/old`
    ");
    delete_pods(&bed, "app=old").await;
    assert_snapshot!(ending(&bump(&bed, "rc/old").await), @"
    exit 0
    replicationcontroller/old   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>…
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_pod_is_restarted_in_place() {
    let bed = Bed::start("kind-pod").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).pod("single")).await;
    let before = bed.wait_running("app=single", 1).await;
    push_again(&bed, &registry).await;
    assert_snapshot!(bump(&bed, "pod/single").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to restart in place

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      pod/single, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        the container is restarted in its pod

    pod/single   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo pod/single`
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "pod/single", "--yes"]).await), @"
    exit 0
    pod/single   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    assert_eq!(bed.get("pod", "single").await["metadata"]["uid"], before[0]["metadata"]["uid"]);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pod_that_runs_lets_nobody_change_is_refused() {
    let bed = Bed::start("kind-pod-refused").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    bed.create(&PodTemplate::new("app", &image).init("setup", &image).pod("single")).await;
    bed.wait_running("app=single", 1).await;
    push_again(&bed, &registry).await;
    for (way, container) in [("always-pull", "app"), ("digest", "setup")] {
        let ran = freshimage(&bed, &["bump", "pod/single", "-c", container, "--to", way, "--yes"]).await;
        match way {
            "digest" => assert_snapshot!(ran.normalised_stderr(), @"
            error: it is refused, so nothing was changed
              caused by: pod/single, container setup (init): an init container of a pod that runs does not run again
            hint: delete the pod and create it again with the new reference
            "),
            _ => assert_snapshot!(ran.normalised_stderr(), @"
            error: it is refused, so nothing was changed
              caused by: pod/single, container app: the pull policy of a pod that runs cannot be changed
            hint: choose `--to tag` or `--to digest`, which restart the container in place
            "),
        }
        assert_ended(&ran, 1);
    }
    let mirror = bed.run_static_pod("node-a", &PodTemplate::new("app", &image).pod("proxy")).await;
    let ran = freshimage(&bed, &["pin", &format!("pod/{mirror}"), "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused pod/proxy-node-a: a static pod is defined by a file on its node; change the image there
    --- stderr
    error: it is refused, so nothing was changed
      caused by: pod/proxy-node-a: a static pod is defined by a file on its node; change the image there
    ");
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cron_job_uses_it_at_its_next_run() {
    let bed = Bed::start("kind-cron").await;
    let registry = shop(&bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.cron_job("report", "0 0 1 1 *")).await;
    bed.run_cron_job("report", "report-first").await;
    bed.wait_running("app=report", 1).await;
    push_again(&bed, &registry).await;
    assert_snapshot!(bump(&bed, "cronjob/report").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      cronjob/report, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        the next run uses it

    cronjob/report   tagged 1.1 · patched · the next run uses it
    --- stderr
    hint: back with `kubectl freshimage undo cronjob/report`
    ");
    bed.delete("job", "report-first").await;
    bed.wait_for_pods("the first run to be gone", "app=report", <[Value]>::is_empty).await;
    bed.run_cron_job("report", "report-second").await;
    bed.wait_running("app=report", 1).await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "cronjob/report"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    cronjob/report   app   <registry>/shop/web:1.1   fresh   1/1
    ");
    assert_snapshot!(ending(&bump(&bed, "cronjob/report").await), @"
    exit 0
    cronjob/report   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>…
    --- stderr
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "cronjob/report", "--yes"]).await), @"
    exit 0
    cronjob/report   patched · the next run uses it
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_refused_with_the_way_out_and_nothing_is_written() {
    let bed = Bed::start("kind-job").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).job("import")).await;
    bed.wait_running("app=import", 1).await;
    push_again(&bed, &registry).await;
    // Its controller counts what runs in its own time, which is no change of ours.
    let ours = |job: Value| (job["spec"].clone(), job["metadata"]["annotations"].clone());
    let before = ours(bed.get("job", "import").await);
    assert_snapshot!(bump(&bed, "job/import").await.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused job/import: the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`
    --- stderr
    error: it is refused, so nothing was changed
      caused by: job/import: the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`
    ");
    assert_eq!(registry.requests().writes(), 0);
    assert_eq!(ours(bed.get("job", "import").await), before);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_kubernetes_does_not_know_is_bumped_by_its_template() {
    let bed = Bed::start("kind-rollout").await;
    bed.define_rollouts().await;
    bed.run_rollout_controller();
    let _registry = stale(&bed, ROLLOUTS, |template| template.rollout("canary", 2)).await;
    assert_snapshot!(bump(&bed, "rollout.argoproj.io/canary").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 2 pods to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      rollout.argoproj.io/canary, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        2 pods are replaced

    rollout.argoproj.io/canary   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo rollout.argoproj.io/canary`
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "ro/canary", "--yes"]).await), @"
    exit 0
    rollout.argoproj.io/canary   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.merge_patch(ROLLOUTS, "canary", &json!({"spec": {"paused": true}})).await;
    let paused = freshimage(&bed, &["bump", "ro/canary", "--to", "tag=1.1", "--yes"]).await;
    assert_snapshot!(ending(&paused), @"
    exit 12
    rollout.argoproj.io/canary   patched · not confirmed: its rollout is paused, and its pods run on as they were
    --- stderr
    hint: go on with `kubectl freshimage bump rollout.argoproj.io/canary --to tag=1.1`
    hint: back with `kubectl freshimage undo rollout.argoproj.io/canary`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_without_pods_is_changed_and_has_nothing_to_prove() {
    let bed = Bed::start("kind-idle").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("asleep", 0)).await;
    bed.wait_rolled_out("deployment", "asleep").await;
    push_again(&bed, &registry).await;
    assert_snapshot!(bump(&bed, "deployment/asleep").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/asleep, container app   waiting
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        will run <manifest:new>…
        no pod runs now
        note: container app: `undo` will not be possible: no pod runs, so there is nothing to go back to

    deployment/asleep   tagged 1.1 · patched · no pod runs now
    --- stderr
    ");
    assert_eq!(image_of(&bed, "deployment", "asleep").await, registry.image("shop/web", "1.1"));
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/asleep", "--yes"]).await.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/asleep: what ran before the change of container app has no digest that a registry could be asked for
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/asleep: what ran before the change of container app has no digest that a registry could be asked for
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");
    bed.finish().await;
}
