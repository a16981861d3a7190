use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::history::{self, Changed, Entry, History, Run};
use crate::domain::plan::assemble::{Around, Author};
use crate::domain::plan::undo;
use crate::domain::template::Definition;
use crate::domain::workload::{Container, OwnerReference, Role};

const OLD: &str = "reg.example.com/app:1.0";
const NEW: &str = "reg.example.com/app:1.1";

/// A Deployment with two pods after a change, and the way back as it was written.
fn way_back(kind: &str) -> Target {
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64)).parse().unwrap();
    let changed = Changed {
        name: "app".to_owned(),
        role: Role::Container,
        from: OLD.to_owned(),
        to: NEW.to_owned(),
        digest: digest("b"),
        back: Some(format!("{OLD}@sha256:{}", "a".repeat(64))),
        policy: None,
    };
    let entry = Entry {
        revision: 0,
        on: 0,
        back_to: None,
        at: Timestamp::UNIX_EPOCH,
        by: String::new(),
        run: Run::default(),
        containers: vec![changed],
        proven: false,
    };
    let history = History::default().with(entry).text();
    let object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-web", "annotations": {history::ANNOTATION: history}},
        "spec": {"replicas": 2, "template": template_of(NEW, json!({"app": "web"}))},
    });
    let definition = Arc::new(Definition::read(object).unwrap());
    let around = Around {
        definition: &definition,
        managers: &[],
        pods: 3,
        cause: undo::CAUSE,
        author: &Author::default(),
        last_is_proven: false,
        now: Timestamp::UNIX_EPOCH,
    };
    undo::as_it_was(&around, None).unwrap()
}

fn template_of(image: &str, labels: Value) -> Value {
    json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}})
}

/// The ReplicaSet of before.
fn set() -> Value {
    let mut template = template_of(OLD, json!({"app": "web", "pod-template-hash": "abc"}));
    template["metadata"]["creationTimestamp"] = Value::Null;
    json!({
        "metadata": {"name": "web-abc", "uid": "u-abc", "ownerReferences": [{"controller": true, "uid": "u-web"}]},
        "spec": {"replicas": 2, "template": template},
    })
}

fn pod(name: &str, set: &str, ready: bool, state: State) -> Pod {
    Pod {
        uid: format!("u-{name}").into(),
        ready,
        controller: Some(OwnerReference {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            name: set.into(),
            uid: format!("u-{set}").into(),
        }),
        containers: vec![Container { image: OLD.into(), state, ..Container::bare("app") }],
        ..Pod::bare(name)
    }
}

fn old(name: &str) -> Pod {
    pod(name, "abc", true, State::Running { since: None })
}

fn new(state: State) -> Pod {
    pod("new", "def", false, state)
}

fn waiting(reason: &str) -> State {
    State::Waiting { reason: reason.into(), message: "".into() }
}

#[test]
fn old_pods_that_are_all_there_are_kept_where_the_new_content_never_started() {
    let (one, two) = (|| old("one"), || old("two"));
    let mut crashed = new(waiting("CrashLoopBackOff"));
    crashed.containers[0].restarts = 1;
    for (name, pods, expected) in [
        ("no new pod", vec![one(), two()], Some(2)),
        ("one that cannot pull", vec![one(), two(), new(waiting("ImagePullBackOff"))], Some(2)),
        ("one without a node", vec![one(), two(), new(State::Unreported)], Some(2)),
        ("one that runs", vec![one(), two(), new(State::Running { since: None })], None),
        ("one that has crashed", vec![one(), two(), crashed], None),
        ("an old one was replaced", vec![one(), new(waiting("ErrImagePull"))], None),
        ("an old one goes away", vec![one(), Pod { deleting: true, ..two() }], None),
        ("an old one is not ready", vec![one(), Pod { ready: false, ..two() }], None),
        ("none", vec![], None),
    ] {
        let kept = kept_pods(&way_back("Deployment"), &set(), &pods);
        assert_eq!(kept.map(|pods| pods.len()), expected, "{name}");
    }
}

#[test]
fn only_the_very_template_of_before_is_taken_up_again() {
    let pods = [old("one"), old("two")];
    let mut others = Vec::new();
    for (pointer, value) in [
        ("/spec/template/spec/containers/0/image", json!("reg.example.com/app:0.9")),
        ("/spec/template/spec/containers/0/env", json!([])),
        ("/spec/template/metadata/annotations", json!({"kubectl.kubernetes.io/restartedAt": "2026"})),
        ("/spec/template/metadata/labels/app", json!("other")),
        ("/metadata/ownerReferences/0/uid", json!("u-other")),
        ("/metadata/ownerReferences/0/controller", json!(false)),
    ] {
        let mut other = set();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        other.pointer_mut(parent).unwrap()[field] = value;
        others.push((pointer, other));
    }
    assert!(kept_pods(&way_back("Deployment"), &set(), &pods).is_some());
    for (pointer, other) in others {
        assert!(kept_pods(&way_back("Deployment"), &other, &pods).is_none(), "{pointer}");
    }
    assert!(kept_pods(&way_back("StatefulSet"), &set(), &pods).is_none(), "it replaces the pod before it makes one");
}

#[test]
fn what_they_run_has_to_be_proven_and_what_a_tag_means_later_is_said() {
    let confirmed = |confirmed, pods| Confirmation { confirmed, pods, ..Confirmation::default() };
    for (confirmation, expected) in [(confirmed(2, 2), true), (confirmed(1, 2), false), (confirmed(0, 0), false)] {
        assert_eq!(kept(way_back("Deployment"), 2, &confirmation).is_some(), expected, "{confirmation:?}");
    }
    let target = kept(way_back("Deployment"), 2, &confirmed(2, 2)).unwrap();
    assert_eq!((target.rollout.pods, target.rollout.keeps_pods), (2, true));
    assert_eq!(target.changes[0].new_image, OLD);
    assert_eq!(
        target.warnings,
        [
            "what it was changed to never started: the template is put back as it was, and no pod is replaced; a new pod gets whatever `reg.example.com/app:1.0` points to by then"
        ]
    );
    let mut pinned = target.clone();
    pinned.changes[0].new_image = format!("{OLD}@sha256:{}", "a".repeat(64));
    assert_eq!(caution(&pinned), None);
    assert_eq!(caution(&way_back("Deployment")), None, "nothing is kept");
}
