//! Shapes as a Kubernetes 1.37 API server with containerd nodes sends them, cut down to what is decoded
//! and a little of what must be skipped.

use super::*;

fn pod(json: &str) -> Pod {
    serde_json::from_str::<RawPod<'_>>(json).unwrap().convert(&mut Interner::default())
}

fn container<'p>(pod: &'p Pod, name: &str) -> &'p Container {
    pod.containers.iter().find(|container| &*container.name == name).unwrap()
}

const RICH: &str = r#"{
 "apiVersion": "v1", "kind": "Pod",
 "metadata": {
  "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"apiVersion\":\"v1\"}\n"},
  "creationTimestamp": "2026-11-23T18:05:12Z", "generation": 2, "name": "rich", "namespace": "shop",
  "resourceVersion": "586", "uid": "f816449e-1cc8-43d8-9bc3-77fa7b533f22",
  "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"k:{\"name\":\"app\"}": {".": {}}}}}]
 },
 "spec": {
  "containers": [{"image": "127.0.0.1:5000/tools/aux:1", "imagePullPolicy": "IfNotPresent", "name": "app", "resources": {},
    "volumeMounts": [{"mountPath": "/data", "name": "data"}, {"mountPath": "/t", "name": "kube-api-access", "readOnly": true}]}],
  "ephemeralContainers": [{"image": "127.0.0.1:5000/tools/side:1", "imagePullPolicy": "Always", "name": "debug", "targetContainerName": "app"}],
  "initContainers": [
    {"image": "127.0.0.1:5000/tools/once:1", "imagePullPolicy": "Never", "name": "first"},
    {"image": "127.0.0.1:5000/tools/side:1", "imagePullPolicy": "IfNotPresent", "name": "mesh", "restartPolicy": "Always"}],
  "imagePullSecrets": [{"name": "one"}, {"name": "two"}, {}],
  "nodeName": "node-b", "serviceAccountName": "default", "restartPolicy": "Always",
  "volumes": [{"image": {"pullPolicy": "IfNotPresent", "reference": "127.0.0.1:5000/tools/data:1"}, "name": "data"},
    {"name": "kube-api-access", "projected": {"sources": [{"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}]
 },
 "status": {
  "containerStatuses": [{"image": "127.0.0.1:5000/tools/aux:1", "imageID": "127.0.0.1:5000/tools/aux@sha256:7041", "lastState": {},
    "name": "app", "ready": true, "restartCount": 3, "state": {"running": {"startedAt": "2026-11-23T18:05:15Z"}},
    "volumeMounts": [{"mountPath": "/data", "name": "data"VOLUME_STATUS}]}],
  "ephemeralContainerStatuses": [{"imageID": "127.0.0.1:5000/tools/side@sha256:a674", "lastState": {}, "name": "debug",
    "state": {"running": {"startedAt": "2026-11-23T18:05:17Z"}}}],
  "initContainerStatuses": [
    {"imageID": "127.0.0.1:5000/tools/once@sha256:27a0", "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}, "name": "first",
      "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-11-23T18:05:14Z", "reason": "Completed"}}},
    {"imageID": "127.0.0.1:5000/tools/side@sha256:a674", "lastState": {}, "name": "mesh", "state": {"running": {"startedAt": null}}}],
  "phase": "Running", "qosClass": "BestEffort"
 }
}"#;

#[test]
fn every_role_is_found_with_its_own_status() {
    let pod = pod(&RICH.replace("VOLUME_STATUS", ""));
    let rows: Vec<_> = pod
        .containers
        .iter()
        .map(|c| (c.role, &*c.name, &*c.image, c.pull_policy, &*c.image_id, c.ran_before))
        .collect();
    assert_eq!(
        rows,
        [
            (
                Role::Init,
                "first",
                "127.0.0.1:5000/tools/once:1",
                PullPolicy::Never,
                "127.0.0.1:5000/tools/once@sha256:27a0",
                true
            ),
            (
                Role::Sidecar,
                "mesh",
                "127.0.0.1:5000/tools/side:1",
                PullPolicy::IfNotPresent,
                "127.0.0.1:5000/tools/side@sha256:a674",
                false
            ),
            (
                Role::Container,
                "app",
                "127.0.0.1:5000/tools/aux:1",
                PullPolicy::IfNotPresent,
                "127.0.0.1:5000/tools/aux@sha256:7041",
                false
            ),
            (
                Role::Ephemeral,
                "debug",
                "127.0.0.1:5000/tools/side:1",
                PullPolicy::Always,
                "127.0.0.1:5000/tools/side@sha256:a674",
                false
            ),
            (Role::Volume, "data", "127.0.0.1:5000/tools/data:1", PullPolicy::IfNotPresent, "", false),
        ]
    );
    let running = State::Running { since: "2026-11-23T18:05:15Z".parse().ok() };
    assert_eq!(container(&pod, "app").state, running);
    assert_eq!((container(&pod, "app").restarts, container(&pod, "mesh").restarts), (3, 0));
    assert_eq!(container(&pod, "data").state, running, "the volume lives with the container that mounts it");
    assert_eq!(container(&pod, "mesh").state, State::Running { since: None });
    assert_eq!(container(&pod, "first").state, State::Terminated { reason: "Completed".into(), exit_code: 0 });
    assert_eq!(pod.access.pull_secrets, ["one".into(), "two".into()]);
    assert_eq!(
        (&*pod.access.service_account, pod.node.as_deref(), pod.phase),
        ("default", Some("node-b"), Phase::Running)
    );
    assert!(!pod.deleting && !pod.mirror && pod.controller.is_none() && pod.created.is_some());
}

#[test]
fn why_no_node_takes_a_pod_is_kept() {
    let of = |conditions: &str| {
        let json = format!(r#"{{"metadata":{{"name":"a"}},"spec":{{}},"status":{{"conditions":[{conditions}]}}}}"#);
        pod(&json).unschedulable.as_deref().map(ToOwned::to_owned)
    };
    let scheduled = r#"{"type":"PodScheduled","status":"True","lastProbeTime":null}"#;
    let refused =
        r#"{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/2 nodes\nare available"}"#;
    assert_eq!(of(scheduled), None);
    assert_eq!(
        of(&format!("{scheduled},{refused}")).as_deref(),
        Some("0/2 nodes\nare available"),
        "made fit where it is shown"
    );
}

#[test]
fn an_image_volume_is_told_by_the_container_that_mounts_it() {
    let status = r#", "volumeStatus": {"image": {"imageRef": "127.0.0.1:5000/tools/data@sha256:beef"}}"#;
    let pod = pod(&RICH.replace("VOLUME_STATUS", status));
    assert_eq!(&*container(&pod, "data").image_id, "127.0.0.1:5000/tools/data@sha256:beef");
}

#[test]
fn an_image_volume_that_nobody_mounts_is_unreported() {
    let pod = pod(
        r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"c"}],"volumes":[{"name":"v","image":{"reference":"v"}}]},
           "status":{"containerStatuses":[{"name":"c","state":{"running":{}},"volumeMounts":[{"name":"other"}]}]}}"#,
    );
    assert_eq!(container(&pod, "v").state, State::Unreported);
    assert_eq!(container(&pod, "v").pull_policy, PullPolicy::Always);
}

#[test]
fn every_state_of_a_container_is_told() {
    for (status, expected, ran_before) in [
        ("", State::Unreported, false),
        (
            r#"{"name":"c","state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"x\""}},"imageID":""}"#,
            State::Waiting { reason: "ImagePullBackOff".into(), message: "Back-off pulling image \"x\"".into() },
            false,
        ),
        (
            r#"{"name":"c","state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}"#,
            State::Waiting { reason: "CrashLoopBackOff".into(), message: "".into() },
            true,
        ),
        (r#"{"name":"c","state":{}}"#, State::Waiting { reason: "".into(), message: "".into() }, false),
        (r#"{"name":"c"}"#, State::Unreported, false),
        (r#"{"name":"other","state":{"running":{}}}"#, State::Unreported, false),
        (
            r#"{"name":"c","state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}"#,
            State::Terminated { reason: "OOMKilled".into(), exit_code: 137 },
            false,
        ),
    ] {
        let pod = pod(&format!(
            r#"{{"metadata":{{"name":"p"}},"spec":{{"containers":[{{"name":"c","image":"i:1"}}]}},"status":{{"containerStatuses":[{status}]}}}}"#
        ));
        assert_eq!(pod.containers[0].state, expected, "{status}");
        assert_eq!(pod.containers[0].ran_before, ran_before, "{status}");
    }
}

#[test]
fn a_status_belongs_to_its_own_list() {
    // An init container and a container may not share a name, but an old status may linger in the wrong list.
    let pod = pod(
        r#"{"metadata":{},"spec":{"initContainers":[{"name":"a","image":"a:1"}],"containers":[{"name":"b","image":"b:1"}]},
           "status":{"containerStatuses":[{"name":"a","imageID":"wrong","state":{"running":{}}}]}}"#,
    );
    assert_eq!(container(&pod, "a").state, State::Unreported);
    assert_eq!(&*container(&pod, "a").image_id, "");
}

#[test]
fn a_terminating_pod_and_a_mirror_are_recognised() {
    let dying = pod(
        r#"{"metadata":{"name":"dying","deletionTimestamp":"2026-11-23T18:07:10Z"},"spec":{},"status":{"phase":"Strange"}}"#,
    );
    assert!(dying.deleting);
    assert_eq!(dying.phase, Phase::Unknown);
    let mirror = pod(
        r#"{"metadata":{"name":"static-node-a","annotations":{"kubernetes.io/config.mirror":"73ab","kubernetes.io/config.source":"file"},
           "ownerReferences":[{"apiVersion":"v1","controller":true,"kind":"Node","name":"node-a","uid":"31aa"}]},"spec":{"nodeName":"node-a"}}"#,
    );
    assert!(mirror.mirror);
    assert_eq!(mirror.controller.map(|owner| owner.kind.to_string()).as_deref(), Some("Node"));
}

#[test]
fn managers_are_told_only_for_pods_without_a_controller() {
    let annotations = r#""annotations":{"meta.helm.sh/release-name":"web"}"#;
    let orphan = pod(&format!(r#"{{"metadata":{{"name":"p",{annotations}}}}}"#));
    assert_eq!(orphan.managers.len(), 1);
    let owned = pod(&format!(
        r#"{{"metadata":{{"name":"p",{annotations},"ownerReferences":[{{"apiVersion":"batch/v1","kind":"Job","name":"j","uid":"u","controller":true}}]}}}}"#
    ));
    assert!(owned.managers.is_empty());
}

#[test]
fn null_is_what_some_writers_put_for_nothing() {
    let pod = pod(r#"{"metadata":{"name":"p","labels":null,"annotations":null,"ownerReferences":null},
           "spec":{"containers":null,"initContainers":null,"volumes":null,"imagePullSecrets":null,"nodeName":null},
           "status":{"containerStatuses":null,"phase":null}}"#);
    assert!(pod.containers.is_empty() && pod.node.is_none());
    assert!(serde_json::from_str::<RawPodList<'_>>(r#"{"items":null}"#).unwrap().items.is_none());
}

#[test]
fn the_default_policy_follows_the_tag() {
    for (image, policy) in [
        ("app", PullPolicy::Always),
        ("app:latest", PullPolicy::Always),
        ("app:1", PullPolicy::IfNotPresent),
        ("reg.example.com:5000/app", PullPolicy::Always),
        ("reg.example.com:5000/app:1", PullPolicy::IfNotPresent),
        ("app@sha256:abc", PullPolicy::IfNotPresent),
        ("app:latest@sha256:abc", PullPolicy::IfNotPresent),
    ] {
        assert_eq!(pull_policy("", image), policy, "{image}");
    }
    assert_eq!(pull_policy("Always", "app:1"), PullPolicy::Always);
}

#[test]
fn what_repeats_over_pods_is_shared() {
    let mut interner = Interner::default();
    let json = RICH.replace("VOLUME_STATUS", "");
    let raw: RawPod<'_> = serde_json::from_str(&json).unwrap();
    let (one, two) = (raw.convert(&mut interner), raw.convert(&mut interner));
    assert!(Arc::ptr_eq(&one.access, &two.access));
    assert!(Arc::ptr_eq(&one.containers[0].image, &two.containers[0].image));
    assert!(Arc::ptr_eq(&one.containers[0].image_id, &two.containers[0].image_id));
}
