//! What follows from a changed image, for every kind of workload. Lived on whichever bed the environment asks for, so
//! that the simulated one can be held against the real one.

use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, PatchKind, ROLLOUTS, is_running};
use testbed::client::{Failure, RegistryClient};
use testbed::gateway::{Effect, Gateway, GatewayOptions, Match};

/// A registry with `app:1.0` and `app:2.0`.
async fn with_two_images(story: &str) -> (Bed, Gateway, PodTemplate) {
    let bed = Bed::start(story).await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("v1")).await;
    bed.push(&registry, "app", "2.0", bed.image("v2")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    (bed, registry, template)
}

fn status(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

/// The manifests that the pods run, by the names of the images.
fn contents(bed: &Bed, pods: &[Value]) -> Vec<String> {
    let shown = |pod| bed.normaliser().normalise(status(pod)["imageID"].as_str().unwrap_or_default());
    pods.iter().map(|pod| shown(pod).replace("<registry>/app@<manifest:", "").replace('>', "")).collect()
}

fn uids(pods: &[Value]) -> Vec<&Value> {
    pods.iter().map(|pod| &pod["metadata"]["uid"]).collect()
}

fn count(object: &Value, field: &str) -> u64 {
    object["status"][field].as_u64().unwrap_or(0)
}

fn is_observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// Long enough for a controller to do what it should not do.
async fn let_time_pass() {
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
}

#[tokio::test]
async fn a_pod_whose_image_changes_restarts_that_container_in_place() {
    let (bed, registry, template) = with_two_images("rolls-pod").await;
    let template = template.container("side", &registry.image("app", "1.0")).on_node("node-a");
    bed.create(&template.pod("single")).await;
    let before = bed.wait_running("app=single", 1).await.remove(0);
    bed.set_image("pod", "single", "app", &registry.image("app", "2.0")).await;
    let is_new = |pod: &Value| is_running(pod) && status(pod)["containerID"] != status(&before)["containerID"];
    let after = bed.wait_for("its new container", "pod", "single", is_new).await;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["metadata"]["generation"], 2);
    assert_eq!(after["status"]["observedGeneration"], 2);
    assert_eq!(contents(&bed, &[before.clone(), after.clone()]), ["v1", "v2"]);
    assert_eq!(status(&after)["image"], registry.image("app", "2.0"));
    assert_eq!(status(&after)["restartCount"], 1);
    let ended = &status(&after)["lastState"]["terminated"];
    assert_eq!(ended["containerID"], status(&before)["containerID"]);
    assert!(!status(&after)["state"]["running"]["startedAt"].is_null());
    assert_eq!(
        after["status"]["containerStatuses"][1], before["status"]["containerStatuses"][1],
        "the other one stays"
    );
    bed.finish().await;
}

#[tokio::test]
async fn a_pod_whose_new_image_is_not_there_has_lost_the_old_one_until_it_is_put_back() {
    let (bed, registry, template) = with_two_images("rolls-lost").await;
    bed.create(&template.pod("single")).await;
    bed.wait_running("app=single", 1).await;
    bed.set_image("pod", "single", "app", &registry.image("app", "none")).await;
    let pods = bed.wait_waiting("app=single", &["ErrImagePull", "ImagePullBackOff"]).await;
    assert_eq!(status(&pods[0])["restartCount"], 0, "{:#}", pods[0]);
    assert_eq!(pods[0]["status"]["phase"], "Running");
    assert!(!status(&pods[0])["lastState"]["terminated"].is_null(), "{:#}", pods[0]);
    bed.set_image("pod", "single", "app", &registry.image("app", "1.0")).await;
    let pods = bed.wait_running("app=single", 1).await;
    assert_eq!(contents(&bed, &pods), ["v1"]);
    assert_eq!(status(&pods[0])["restartCount"], 1);
    bed.finish().await;
}

async fn replace(bed: &Bed, kind: &str, name: &str, pointer: &str, value: Value) -> Result<Value, Failure> {
    let patch = json!([{"op": "add", "path": pointer, "value": value}]);
    bed.kubernetes().patch(&bed.path(kind, Some(name)), PatchKind::Json, &patch).await
}

#[tokio::test]
async fn of_pods_only_images_may_change_and_of_jobs_not_even_they() {
    let (bed, registry, template) = with_two_images("rolls-fixed").await;
    let image = registry.image("app", "2.0");
    bed.create(&template.pod("single")).await;
    bed.create(&template.job("once")).await;
    for (field, value) in [("command", json!(["/bin/busybox"])), ("imagePullPolicy", json!("Always"))] {
        let refused = replace(&bed, "pod", "single", &format!("/spec/containers/0/{field}"), value).await.unwrap_err();
        let words = "Pod \"single\" is invalid: spec: Forbidden: pod updates may not change fields other than";
        assert!(refused.message.contains(words), "{refused}");
        assert_eq!(refused.status.map(|status| status.as_u16()), Some(422));
    }
    let spaced = replace(&bed, "pod", "single", "/spec/containers/0/image", json!(" a")).await.unwrap_err();
    assert!(spaced.message.contains("must not have leading or trailing whitespace"), "{spaced}");
    let refused =
        replace(&bed, "job", "once", "/spec/template/spec/containers/0/image", json!(image)).await.unwrap_err();
    assert!(refused.message.contains("Job.batch \"once\" is invalid: spec.template: Invalid value: "), "{refused}");
    assert!(refused.message.ends_with(": field is immutable"), "{refused}");
    replace(&bed, "pod", "single", "/metadata/annotations", json!({"a": "b"})).await.unwrap();
    replace(&bed, "job", "once", "/metadata/annotations", json!({"a": "b"})).await.unwrap();
    bed.finish().await;
}

#[tokio::test]
async fn a_cron_jobs_new_template_is_for_the_next_job() {
    let (bed, registry, template) = with_two_images("rolls-cron").await;
    bed.create(&template.cron_job("report", "0 0 1 1 *")).await;
    bed.run_cron_job("report", "report-1").await;
    bed.set_image("cronjob", "report", "app", &registry.image("app", "2.0")).await;
    bed.run_cron_job("report", "report-2").await;
    for (job, content) in [("report-1", "v1"), ("report-2", "v2")] {
        let pods = bed.wait_running(&format!("job-name={job}"), 1).await;
        assert_eq!(contents(&bed, &pods), [content]);
    }
    bed.finish().await;
}

#[tokio::test]
async fn replica_sets_and_controllers_keep_their_pods_and_make_new_ones_from_the_new_template() {
    let (bed, registry, template) = with_two_images("rolls-sets").await;
    bed.create(&template.replica_set("set", 2)).await;
    bed.create(&template.replication_controller("old", 2)).await;
    for (kind, name) in [("replicaset", "set"), ("replicationcontroller", "old")] {
        let selector = format!("app={name}");
        let before = bed.wait_rolled_out(kind, name).await;
        bed.set_image(kind, name, "app", &registry.image("app", "2.0")).await;
        bed.wait_for("the controller's look", kind, name, is_observed).await;
        let_time_pass().await;
        let kept = bed.wait_running(&selector, 2).await;
        assert_eq!(uids(&kept), uids(&before));
        let gone = kept[0]["metadata"]["name"].as_str().unwrap();
        bed.delete("pod", gone).await;
        let renewed = |pods: &[Value]| {
            pods.len() == 2 && pods.iter().all(|pod| is_running(pod) && pod["metadata"]["name"] != gone)
        };
        let mixed = bed.wait_for_pods("the new pod", &selector, renewed).await;
        let mut contents = contents(&bed, &mixed);
        contents.sort();
        assert_eq!(contents, ["v1", "v2"]);
    }
    bed.finish().await;
}

#[tokio::test]
async fn a_stateful_set_leaves_the_pods_below_its_partition_alone() {
    let (bed, registry, template) = with_two_images("rolls-part").await;
    let mut set = template.stateful_set("db", 3);
    set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    bed.create(&set).await;
    let before = bed.wait_rolled_out("statefulset", "db").await;
    bed.set_image("statefulset", "db", "app", &registry.image("app", "2.0")).await;
    let is_done =
        |set: &Value| is_observed(set) && count(set, "updatedReplicas") == 1 && count(set, "readyReplicas") == 3;
    let set = bed.wait_for("the last pod's update", "statefulset", "db", is_done).await;
    assert_eq!(count(&set, "currentReplicas"), 2);
    assert_ne!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    let_time_pass().await;
    let pods = bed.wait_running("app=db", 3).await;
    assert_eq!(contents(&bed, &pods), ["v1", "v1", "v2"]);
    assert_eq!(uids(&pods)[..2], uids(&before)[..2]);
    let hash = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"].clone();
    assert_eq!(
        [hash(&pods[0]), hash(&pods[2])],
        [set["status"]["currentRevision"].clone(), set["status"]["updateRevision"].clone()]
    );
    bed.merge_patch("statefulset", "db", &json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}))
        .await;
    let pods = bed.wait_rolled_out("statefulset", "db").await;
    assert_eq!(contents(&bed, &pods), ["v2", "v2", "v2"]);
    bed.finish().await;
}

#[tokio::test]
async fn a_stateful_set_in_order_never_replaces_a_pod_that_is_not_ready() {
    let (bed, registry, template) = with_two_images("rolls-held").await;
    for (name, policy) in [("ordered", "OrderedReady"), ("parallel", "Parallel")] {
        let mut set = template.stateful_set(name, 2);
        set["spec"]["podManagementPolicy"] = json!(policy);
        bed.create(&set).await;
        let before = bed.wait_rolled_out("statefulset", name).await;
        bed.set_image("statefulset", name, "app", &registry.image("app", "absent")).await;
        let selector = format!("app={name}");
        let broken = bed.wait_waiting(&selector, &["ErrImagePull", "ImagePullBackOff"]).await;
        assert_eq!((broken.len(), &uids(&broken)[..1]), (2, &uids(&before)[..1]), "{name}");
        bed.set_image("statefulset", name, "app", &registry.image("app", "2.0")).await;
        if policy == "OrderedReady" {
            bed.wait_for("the new template to be seen", "statefulset", name, is_observed).await;
            let_time_pass().await;
            assert_eq!(uids(&bed.pods(&selector).await), uids(&broken), "{name}");
            bed.delete("pod", "ordered-1").await;
        }
        assert_eq!(contents(&bed, &bed.wait_rolled_out("statefulset", name).await), ["v2", "v2"], "{name}");
    }
    bed.finish().await;
}

#[tokio::test]
async fn under_on_delete_nothing_happens_until_somebody_deletes() {
    let (bed, registry, template) = with_two_images("rolls-delete").await;
    for mut object in [template.stateful_set("db", 2), template.daemon_set("agent")] {
        object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        bed.create(&object).await;
    }
    bed.wait_rolled_out("statefulset", "db").await;
    bed.wait_rolled_out("daemonset", "agent").await;
    for (kind, name, updated) in
        [("statefulset", "db", "updatedReplicas"), ("daemonset", "agent", "updatedNumberScheduled")]
    {
        let selector = format!("app={name}");
        let before = bed.wait_running(&selector, 2).await;
        bed.set_image(kind, name, "app", &registry.image("app", "2.0")).await;
        let is_seen = |object: &Value| is_observed(object) && count(object, updated) == 0;
        bed.wait_for("the controller's look", kind, name, is_seen).await;
        let_time_pass().await;
        assert_eq!(uids(&bed.wait_running(&selector, 2).await), uids(&before));
        for (round, pod) in before.iter().enumerate() {
            bed.delete("pod", pod["metadata"]["name"].as_str().unwrap()).await;
            let is_next = |object: &Value| count(object, updated) == round as u64 + 1;
            bed.wait_for("one more new pod", kind, name, is_next).await;
            let is_there = |pods: &[Value]| pods.len() == 2 && pods.iter().all(is_running);
            bed.wait_for_pods("two pods", &selector, is_there).await;
        }
        assert_eq!(contents(&bed, &bed.wait_running(&selector, 2).await), ["v2", "v2"]);
    }
    let_time_pass().await;
    let set = bed.get("statefulset", "db").await;
    assert_eq!((count(&set, "updatedReplicas"), count(&set, "readyReplicas")), (2, 2));
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    bed.finish().await;
}

#[tokio::test]
async fn a_paused_deployment_rolls_when_it_is_resumed() {
    let (bed, registry, template) = with_two_images("rolls-pause").await;
    bed.create(&template.deployment("web", 2)).await;
    let before = bed.wait_rolled_out("deployment", "web").await;
    bed.merge_patch("deployment", "web", &json!({"spec": {"paused": true}})).await;
    bed.set_image("deployment", "web", "app", &registry.image("app", "2.0")).await;
    let is_seen = |object: &Value| is_observed(object) && count(object, "updatedReplicas") == 0;
    let paused = bed.wait_for("the controller's look", "deployment", "web", is_seen).await;
    let conditions = paused["status"]["conditions"].as_array().unwrap();
    let progressing = conditions.iter().find(|one| one["type"] == "Progressing").unwrap();
    assert_eq!((&progressing["status"], &progressing["reason"]), (&json!("Unknown"), &json!("DeploymentPaused")));
    let_time_pass().await;
    assert_eq!(bed.list_selected("replicaset", "app=web").await.len(), 1);
    assert_eq!(uids(&bed.wait_running("app=web", 2).await), uids(&before));
    bed.merge_patch("deployment", "web", &json!({"spec": {"paused": false}})).await;
    assert_eq!(contents(&bed, &bed.wait_rolled_out("deployment", "web").await), ["v2", "v2"]);
    bed.finish().await;
}

#[tokio::test]
async fn a_deployment_that_cannot_get_its_new_image_keeps_the_old_pods_and_says_that_it_is_late() {
    let (bed, registry, template) = with_two_images("rolls-late").await;
    let mut deployment = template.deployment("web", 2);
    deployment["spec"]["progressDeadlineSeconds"] = json!(2);
    deployment["spec"]["minReadySeconds"] = json!(1);
    bed.create(&deployment).await;
    let before = bed.wait_rolled_out("deployment", "web").await;
    bed.set_image("deployment", "web", "app", &registry.image("app", "none")).await;
    let reason = |object: &Value| {
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().find(|one| one["type"] == "Progressing").map_or(Value::Null, |one| one["reason"].clone())
    };
    let is_late = |object: &Value| is_observed(object) && reason(object) == "ProgressDeadlineExceeded";
    let late = bed.wait_for("the deadline", "deployment", "web", is_late).await;
    let fields = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"];
    assert_eq!(fields.map(|field| count(&late, field)), [3, 1, 2, 2, 1]);
    let pods = bed.wait_for_pods("the old pods", "app=web", |pods| pods.len() == 3).await;
    for old in &before {
        assert!(pods.iter().any(|pod| is_running(pod) && pod["metadata"]["uid"] == old["metadata"]["uid"]));
    }
    bed.set_image("deployment", "web", "app", &registry.image("app", "1.0")).await;
    let pods = bed.wait_rolled_out("deployment", "web").await;
    assert_eq!(uids(&pods), uids(&before), "the old set is taken up again");
    bed.finish().await;
}

#[tokio::test]
async fn a_pod_counts_as_available_when_it_was_ready_long_enough() {
    let (bed, registry, template) = with_two_images("rolls-min").await;
    for (mut object, kind, ready, available) in [
        (template.deployment("web", 1), "deployment", "readyReplicas", "availableReplicas"),
        (template.stateful_set("web", 1), "statefulset", "readyReplicas", "availableReplicas"),
        (template.daemon_set("web"), "daemonset", "numberReady", "numberAvailable"),
    ] {
        object["spec"]["minReadySeconds"] = json!(4);
        bed.create(&object).await;
        bed.wait_for("a ready pod that is not available", kind, "web", |object| {
            count(object, ready) > 0 && count(object, available) == 0
        })
        .await;
        bed.wait_for("an available pod", kind, "web", |object| count(object, available) > 0).await;
        bed.delete(kind, "web").await;
    }
    drop(registry);
    bed.finish().await;
}

#[tokio::test]
async fn a_new_image_that_crashes_or_cannot_be_pulled_holds_up_its_rollout() {
    let (bed, registry, template) = with_two_images("rolls-bad").await;
    bed.push(&registry, "app", "crashing", bed.image("bad").that_crashes()).await;
    registry.when(Match::repository("app").reference("2.0").from_nodes(), Effect::status(500));
    for (name, tag, least, reasons) in [
        // Without the seconds each start of the crashing container would count, and the old pod would go.
        ("crashing", "crashing", 3, &["CrashLoopBackOff"][..]),
        ("pulling", "2.0", 0, &["ErrImagePull", "ImagePullBackOff"][..]),
    ] {
        let mut deployment = template.deployment(name, 1);
        deployment["spec"]["minReadySeconds"] = json!(least);
        bed.create(&deployment).await;
        let old = bed.wait_rolled_out("deployment", name).await;
        bed.set_image("deployment", name, "app", &registry.image("app", tag)).await;
        let pods = bed.wait_waiting(&format!("app={name}"), reasons).await;
        assert!(
            pods.iter().any(|pod| pod["metadata"]["uid"] == old[0]["metadata"]["uid"] && is_running(pod)),
            "{name}"
        );
    }
    // Whoever is no node still gets an answer.
    let manifest = RegistryClient::new(&registry.host()).manifest("app", "2.0").await;
    assert!(manifest.is_ok(), "{manifest:?}");
    registry.heal();
    let pods = bed.wait_rolled_out("deployment", "pulling").await;
    assert_eq!(contents(&bed, &pods), ["v2"]);
    bed.finish().await;
}

#[tokio::test]
async fn a_kind_of_others_rolls_by_a_controller_of_its_own() {
    let (bed, registry, template) = with_two_images("rolls-other").await;
    bed.define_rollouts().await;
    bed.run_rollout_controller();
    bed.create(&template.rollout("canary", 2)).await;
    let before = bed.wait_rolled_out(ROLLOUTS, "canary").await;
    assert_eq!(contents(&bed, &before), ["v1", "v1"]);

    let path = bed.path(ROLLOUTS, Some("canary"));
    let strategic = json!({"spec": {"template": {"spec": {"containers": []}}}});
    let refused = bed.kubernetes().patch(&path, PatchKind::Strategic, &strategic).await.unwrap_err();
    assert_eq!(refused.status.map(|status| status.as_u16()), Some(415));
    let image = registry.image("app", "2.0");
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
    let dry = bed.kubernetes().patch(&format!("{path}?dryRun=All"), PatchKind::Json, &patch).await.unwrap();
    assert_eq!(dry["metadata"]["generation"], 2);
    let_time_pass().await;
    assert_eq!(uids(&bed.wait_running("app=canary", 2).await), uids(&before));
    bed.json_patch(ROLLOUTS, "canary", &patch).await;
    let pods = bed.wait_rolled_out(ROLLOUTS, "canary").await;
    assert_eq!(contents(&bed, &pods), ["v2", "v2"]);
    let rollout = bed.get(ROLLOUTS, "canary").await;
    assert_eq!(rollout["status"]["observedGeneration"], "2");
    let sets = bed.list_selected("replicaset", "app=canary").await;
    assert_eq!(sets.len(), 2);
    assert!(sets.iter().all(|set| set["metadata"]["ownerReferences"][0]["kind"] == "Rollout"));

    bed.set_image(ROLLOUTS, "canary", "app", &registry.image("app", "1.0")).await;
    assert_eq!(contents(&bed, &bed.wait_rolled_out(ROLLOUTS, "canary").await), ["v1", "v1"]);
    assert_eq!(bed.list_selected("replicaset", "app=canary").await.len(), 2, "the old set is taken up again");
    bed.delete(ROLLOUTS, "canary").await;
    bed.wait_for_pods("nothing", "app=canary", <[Value]>::is_empty).await;
    bed.finish().await;
}
