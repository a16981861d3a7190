use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::domain::plan::Change;
use crate::domain::plan::assemble::{self, Around, Author};
use crate::domain::workload::{Container, OwnerReference, State};

const OLD: &str = "reg.example.com/db:1.0";
const BROKEN: &str = "reg.example.com/db:1.1";

/// A StatefulSet whose template asks for the broken image, and the way back or forth from there.
fn target(spec: Value, back: bool) -> Target {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "uid": "u-db", "generation": 2},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "app", "image": BROKEN}]}}},
        "status": {"observedGeneration": 2, "currentRevision": "db-a", "updateRevision": "db-b"},
    });
    object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let definition = Arc::new(Definition::read(object).unwrap());
    let slot = definition.slots[0].clone();
    let change = Change {
        container: slot.container.clone(),
        verdict: None,
        image: Arc::clone(&slot.image),
        pod_image: None,
        running: Vec::new(),
        served_digest: None,
        new_image: "reg.example.com/db:1.2".to_owned(),
        digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
        pull_policy: None,
        done: false,
        given: false,
        back: None,
        no_way_back: (!back).then(|| "nothing runs".to_owned()),
        warnings: Vec::new(),
        slot,
    };
    let around = Around {
        definition: &definition,
        managers: &[],
        pods: 3,
        cause: "undo",
        author: &Author::default(),
        last_is_proven: false,
        now: Timestamp::UNIX_EPOCH,
    };
    assemble::target(&around, vec![change])
}

/// A pod of a revision; what it lacks to be ready, if it does.
fn pod(name: &str, revision: &str, trouble: Option<(&str, &str)>) -> Pod {
    let state = match trouble {
        None => State::Running { since: None },
        Some((reason, message)) => State::Waiting { reason: reason.into(), message: message.into() },
    };
    let restarts = if matches!(trouble, Some(("CrashLoopBackOff", _))) { 2 } else { 0 };
    Pod {
        uid: format!("u-{name}").into(),
        ready: trouble.is_none(),
        revision: revision.into(),
        resource_version: "1".into(),
        controller: Some(OwnerReference {
            api_version: "apps/v1".into(),
            kind: "StatefulSet".into(),
            name: "db".into(),
            uid: "u-db".into(),
        }),
        containers: vec![Container {
            image: if revision == "db-b" { BROKEN } else { OLD }.into(),
            state,
            ran_before: restarts > 0,
            restarts,
            ..Container::bare("app")
        }],
        ..Pod::bare(name)
    }
}

const CRASHES: Option<(&str, &str)> = Some(("CrashLoopBackOff", "back-off 10s restarting"));
const GONE: Option<(&str, &str)> = Some(("ImagePullBackOff", "manifest unknown"));
const AWAY: Option<(&str, &str)> = Some(("ImagePullBackOff", "dial tcp: connection refused"));
const STARTS: Option<(&str, &str)> = Some(("ContainerCreating", ""));

fn state() -> WorkloadState {
    WorkloadState {
        generation: 3,
        observed_generation: Some(3),
        desired: 3,
        update_revision: Some("db-c".into()),
        current_revision: Some("db-a".into()),
        ..WorkloadState::default()
    }
}

#[test]
fn what_does_not_run_for_sure_goes_and_on_the_way_back_whatever_is_taken_back_and_not_ready() {
    for (name, pod, forth, back) in [
        ("ready", pod("db-2", "db-b", None), false, false),
        ("crashes", pod("db-2", "db-b", CRASHES), true, true),
        ("cannot be pulled", pod("db-2", "db-b", GONE), true, true),
        ("cannot be pulled for now", pod("db-2", "db-b", AWAY), false, true),
        ("starts", pod("db-2", "db-b", STARTS), false, true),
        ("never gets ready", Pod { ready: false, ..pod("db-2", "db-b", None) }, false, true),
        ("is new and crashes", pod("db-2", "db-c", CRASHES), false, false),
        ("ran before and starts", pod("db-1", "db-a", STARTS), false, false),
        ("ran before and crashes", pod("db-1", "db-a", CRASHES), true, true),
        ("is deleted already", Pod { deleting: true, ..pod("db-2", "db-b", CRASHES) }, false, false),
        ("has ended", Pod { phase: Phase::Failed, ..pod("db-2", "db-b", CRASHES) }, false, false),
        ("is somebody else's", Pod { controller: None, ..pod("db-2", "db-b", CRASHES) }, false, false),
        ("has no revision", pod("db-2", "", CRASHES), false, false),
        ("is one too many", pod("db-3", "db-b", CRASHES), false, false),
    ] {
        for (goes_back, expected) in [(false, forth), (true, back)] {
            let target = target(json!({}), goes_back);
            assert_eq!(target.goes_back(), goes_back);
            let sequence = Sequence::of(&target).unwrap().seen(&state()).unwrap();
            assert_eq!(sequence.is_to_go(&pod, &target), expected, "{name}, back {goes_back}");
        }
    }
}

#[test]
fn what_was_rolled_out_and_broke_later_goes_with_the_change() {
    let target = target(json!({}), true);
    let done = WorkloadState { current_revision: Some("db-b".into()), ..state() };
    let sequence = Sequence::of(&target).unwrap().seen(&done).unwrap();
    assert!(sequence.is_to_go(&pod("db-2", "db-b", STARTS), &target));
}

#[test]
fn it_stands_still_before_the_first_pod_that_is_not_ready() {
    let target = target(json!({}), true);
    let sequence = Sequence::of(&target).unwrap().seen(&state()).unwrap();
    let (zero, one, two) = (pod("db-0", "db-a", None), pod("db-1", "db-a", None), pod("db-2", "db-b", CRASHES));
    let going = Pod { deleting: true, ..two.clone() };
    let starting = pod("db-1", "db-c", STARTS);
    for (name, pods, expected) in [
        ("the last", vec![two.clone(), zero.clone(), one.clone()], Some("db-2")),
        ("one before it", vec![zero.clone(), starting, two.clone()], Some("db-1")),
        ("a pod is missing", vec![zero.clone(), two.clone()], None),
        ("it goes away", vec![zero.clone(), one.clone(), going], None),
        ("none", vec![zero, one, pod("db-2", "db-b", None)], None),
    ] {
        assert_eq!(sequence.stands_before(&pods).map(|pod| &*pod.name), expected, "{name}");
    }
}

#[test]
fn only_who_goes_in_order_and_replaces_pods_stands_still() {
    let partition = json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}});
    for (name, spec, in_order) in [
        ("by default", json!({}), true),
        ("said", json!({"podManagementPolicy": "OrderedReady"}), true),
        ("a partition", partition.clone(), true),
        ("all at once", json!({"podManagementPolicy": "Parallel"}), false),
        ("all old ones at first", json!({"updateStrategy": {"type": "Recreate"}}), false),
        ("when they are deleted", json!({"updateStrategy": {"type": "OnDelete"}}), false),
    ] {
        assert_eq!(Sequence::of(&target(spec, true)).is_some(), in_order, "{name}");
    }
    // What a partition keeps would be made anew from the old revision.
    let target = target(partition, true);
    let state = WorkloadState { partition: 2, ..state() };
    let sequence = Sequence::of(&target).unwrap().seen(&state).unwrap();
    assert!(sequence.is_to_go(&pod("db-2", "db-b", CRASHES), &target));
    assert!(!sequence.is_to_go(&pod("db-1", "db-b", CRASHES), &target));
}

#[test]
fn ordinals_may_begin_anywhere() {
    let target = target(json!({"ordinals": {"start": 5}}), true);
    let sequence = Sequence::of(&target).unwrap().seen(&state()).unwrap();
    let pods = [pod("db-5", "db-a", None), pod("db-6", "db-b", CRASHES)];
    assert_eq!(sequence.stands_before(&pods).map(|pod| &*pod.name), Some("db-6"));
    assert!(sequence.is_to_go(&pods[1], &target));
    assert!(!sequence.is_to_go(&pod("db-2", "db-b", CRASHES), &target));
}

#[test]
fn nothing_is_known_before_the_controller_has_seen_the_template() {
    let sequence = Sequence::of(&target(json!({}), true)).unwrap();
    assert_eq!(sequence.seen(&WorkloadState { observed_generation: Some(2), ..state() }), None);
    assert_eq!(sequence.seen(&WorkloadState { update_revision: None, ..state() }), None);
}

#[test]
fn what_will_be_deleted_is_said_beforehand() {
    let foreseen = |target: Target, pods: Vec<Pod>| {
        let mut plan = Plan { targets: vec![target], ..Plan::default() };
        foresee(&mut plan, &Snapshot { pods, ..Snapshot::default() });
        plan.targets
            .remove(0)
            .warnings
            .into_iter()
            .filter(|warning| warning.contains("will be deleted"))
            .collect::<Vec<_>>()
    };
    let broken = || vec![pod("db-10", "db-b", CRASHES), pod("db-2", "db-b", CRASHES), pod("db-0", "db-a", None)];
    let large = || json!({"replicas": 11});
    assert_eq!(
        foreseen(target(json!({}), true), broken()),
        ["db-2 is not ready and blocks its StatefulSet: it will be deleted, so that it is recreated"]
    );
    assert!(foreseen(target(large(), true), broken())[0].starts_with("db-2 and db-10 are not ready and block "));
    assert!(foreseen(target(json!({"podManagementPolicy": "Parallel"}), true), broken()).is_empty());
    assert!(foreseen(target(json!({}), false), vec![pod("db-2", "db-b", STARTS)]).is_empty());
    // A way back that is patched already has its revision in the status, once its controller has seen it.
    let mut patched = target(json!({}), true);
    patched.patch.clear();
    assert!(foreseen(patched.clone(), broken()).is_empty(), "db-b is the revision that is rolled out");
    let mut object = patched.definition.object.clone();
    object["status"]["updateRevision"] = "db-c".into();
    patched.definition = Arc::new(Definition::read(object.clone()).unwrap());
    assert_eq!(foreseen(patched.clone(), broken()).len(), 1);
    object["metadata"]["generation"] = 3.into();
    patched.definition = Arc::new(Definition::read(object).unwrap());
    assert!(foreseen(patched, broken()).is_empty());
}
