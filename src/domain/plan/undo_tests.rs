use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::domain::Digest;
use crate::domain::history::{PolicyBefore, Record};
use crate::domain::patch;
use crate::domain::workload::{PullPolicy, Role};

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

fn record(from: &str, to: &str, back: Option<&str>) -> Record {
    Record {
        at: "2026-11-23T11:00:00Z".parse().unwrap(),
        containers: vec![Changed {
            name: "app".to_owned(),
            role: Role::Container,
            from: from.to_owned(),
            to: to.to_owned(),
            digest: digest('5'),
            back: back.map(str::to_owned),
            policy: None,
        }],
    }
}

fn object(image: &str, history: Option<&History>) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "annotations": {}},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image, "imagePullPolicy": "IfNotPresent"}]}}},
    });
    if let Some(history) = history {
        object["metadata"]["annotations"][history::ANNOTATION] = history.text().into();
    }
    object
}

fn undone(object: &Value, under_way: bool) -> Result<Undo, NoWayBack> {
    let definition = Arc::new(Definition::read(object.clone()).unwrap());
    let around = Around {
        definition: &definition,
        managers: &[],
        pods: 1,
        cause: "kubectl freshimage undo",
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
    };
    undo(&around, under_way)
}

fn after(object: &Value) -> Value {
    match undone(object, false).unwrap() {
        Undo::Back(target) => patch::applied(object, &target.patch).unwrap(),
        Undo::DoneAlready(target) => panic!("there is a way back: {target:?}"),
    }
}

fn image(object: &Value) -> &str {
    object.pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap()
}

#[test]
fn two_bumps_are_taken_back_one_after_the_other_and_then_there_is_nothing_left() {
    let back = |tag: &str, letter| format!("app:{tag}@{}", digest(letter));
    let history = History::default().with(record("app:1.0", "app:1.1", Some(&back("1.0", 'a')))).with(record(
        "app:1.1",
        "app:1.2",
        Some(&back("1.1", 'b')),
    ));
    let twice = object("app:1.2", Some(&history));
    let once = after(&twice);
    assert_eq!(image(&once), back("1.1", 'b'));
    // The template asks for the same content as after the first bump, by its digest.
    assert!(matches!(undone(&once, true), Ok(Undo::DoneAlready(_))), "an interrupted undo is finished first");
    let none = after(&once);
    assert_eq!(image(&none), back("1.0", 'a'));
    let Ok(Undo::DoneAlready(target)) = undone(&none, false) else { panic!("nothing is left") };
    assert_eq!((target.patch.len(), target.changes[0].done, &target.changes[0].digest), (0, true, &digest('a')));
}

#[test]
fn why_there_is_no_way_back_is_said() {
    let history = History::default().with(record("app:1.0", "app:1.1", None));
    assert_eq!(undone(&object("app:1.1", None), false).unwrap_err(), NoWayBack::NeverChanged);
    assert_eq!(undone(&object("app:1.1", Some(&History::default())), false).unwrap_err(), NoWayBack::NeverChanged);
    assert_eq!(undone(&object("app:1.1", Some(&history)), false).unwrap_err(), NoWayBack::NoDigest("app".to_owned()));
    let history = History::default().with(record("app:1.0", "app:1.1", Some(&format!("app:1.0@{}", digest('a')))));
    assert!(matches!(undone(&object("app:7", Some(&history)), false), Err(NoWayBack::ChangedSince { .. })));
    let mut other = object("app:1.1", Some(&history));
    other["spec"]["template"]["spec"]["containers"][0]["name"] = "main".into();
    assert_eq!(undone(&other, false).unwrap_err(), NoWayBack::ContainerGone("app".to_owned()));
    other["metadata"]["annotations"][history::ANNOTATION] = "{".into();
    assert!(matches!(undone(&other, false), Err(NoWayBack::Unreadable(_))));
}

#[test]
fn a_pull_policy_goes_back_too() {
    for (before, expected) in [(Some(PullPolicy::IfNotPresent), Some("IfNotPresent")), (None, None)] {
        let mut record = record("app:1.0", "app:1.0", Some(&format!("app:1.0@{}", digest('a'))));
        record.containers[0].policy = Some(PolicyBefore { before });
        let mut now = object("app:1.0", Some(&History::default().with(record)));
        now["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
        let back = after(&now);
        assert_eq!(image(&back), format!("app:1.0@{}", digest('a')));
        let policy = back.pointer("/spec/template/spec/containers/0/imagePullPolicy").and_then(Value::as_str);
        assert_eq!(policy, expected);
    }
}
