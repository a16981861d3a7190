use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::domain::Digest;
use crate::domain::history::{Entry, PolicyBefore};
use crate::domain::patch;
use crate::domain::plan::assemble::Author;
use crate::domain::workload::{PullPolicy, Role};

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

fn changed(from: &str, to: &str, content: char, back: Option<&str>) -> Changed {
    Changed {
        name: "app".to_owned(),
        role: Role::Container,
        from: from.to_owned(),
        to: to.to_owned(),
        digest: digest(content),
        back: back.map(str::to_owned),
        policy: None,
    }
}

fn entry(changed: Changed, proven: bool) -> Entry {
    Entry {
        revision: 0,
        on: 0,
        back_to: None,
        at: "2026-11-23T11:00:00Z".parse().unwrap(),
        by: "ann".to_owned(),
        run: Run::default(),
        containers: vec![changed],
        proven,
    }
}

fn back(tag: &str, letter: char) -> String {
    format!("app:{tag}@{}", digest(letter))
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

fn undone(object: &Value, to: Option<Revision>) -> Result<Undo, NoWayBack> {
    let definition = Arc::new(Definition::read(object.clone()).unwrap());
    let around = Around {
        definition: &definition,
        managers: &[],
        pods: 1,
        cause: "kubectl freshimage undo",
        author: &Author::default(),
        last_is_proven: false,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
    };
    undo(&around, to)
}

fn after(object: &Value) -> Value {
    after_to(object, None)
}

fn after_to(object: &Value, to: Option<Revision>) -> Value {
    match undone(object, to).unwrap() {
        Undo::Back(target) => patch::applied(object, &target.patch).unwrap(),
        Undo::DoneAlready(target) => panic!("there is a way back: {target:?}"),
    }
}

fn image(object: &Value) -> &str {
    object.pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap()
}

/// What a proof writes down.
fn proven(object: &Value) -> Value {
    let definition = Definition::read(object.clone()).unwrap();
    let history = History::parse(definition.annotation(history::ANNOTATION).unwrap()).unwrap();
    let mut object = object.clone();
    object["metadata"]["annotations"][history::ANNOTATION] = history.proven().text().into();
    object
}

/// 1.0 with content a, bumped to 1.1 with b and to 1.2 with c.
fn twice(first: bool, second: bool) -> Value {
    let history = History::default()
        .with(entry(changed("app:1.0", "app:1.1", 'b', Some(&back("1.0", 'a'))), first))
        .with(entry(changed("app:1.1", "app:1.2", 'c', Some(&back("1.1", 'b'))), second));
    object("app:1.2", Some(&history))
}

#[test]
fn two_bumps_are_taken_back_one_after_the_other_and_then_there_is_nothing_left() {
    let once = after(&twice(true, true));
    assert_eq!(image(&once), back("1.1", 'b'));
    // An undo that was not proven is finished first, and goes no further.
    let Ok(Undo::DoneAlready(target)) = undone(&once, None) else { panic!("it is to be finished") };
    assert_eq!((target.patch.len(), target.changes[0].done, &target.changes[0].digest), (0, true, &digest('b')));
    let none = after(&proven(&once));
    assert_eq!(image(&none), back("1.0", 'a'));
    assert!(matches!(undone(&none, None), Ok(Undo::DoneAlready(_))));
    assert_eq!(undone(&proven(&none), None).unwrap_err(), NoWayBack::NothingLeft);
}

#[test]
fn changes_that_never_ran_are_skipped_on_the_way_back() {
    let Ok(Undo::Back(target)) = undone(&twice(false, false), None) else { panic!("there is a way back") };
    assert_eq!(target.changes[0].new_image, back("1.0", 'a'));
    assert_eq!(target.warnings, ["it takes 2 changes back: 2 of them were never proven to run"]);
    assert_eq!(image(&after(&twice(true, false))), back("1.1", 'b'));
}

#[test]
fn every_revision_can_be_reached_and_left_again() {
    let object = twice(true, true);
    let first = after_to(&object, Some(0));
    assert_eq!(image(&first), back("1.0", 'a'));
    let forward = after_to(&proven(&first), Some(2));
    assert_eq!(image(&forward), back("1.2", 'c'));
    assert_eq!(image(&after(&proven(&forward))), back("1.1", 'b'));
    assert!(matches!(undone(&object, Some(2)), Ok(Undo::DoneAlready(_))), "it is there");
    assert_eq!(undone(&object, Some(7)).unwrap_err(), NoWayBack::NoRevision(7));
}

#[test]
fn why_there_is_no_way_back_is_said() {
    let one = |back: Option<&str>| History::default().with(entry(changed("app:1.0", "app:1.1", 'b', back), true));
    assert_eq!(undone(&object("app:1.1", None), None).unwrap_err(), NoWayBack::NeverChanged);
    assert_eq!(undone(&object("app:1.1", Some(&History::default())), None).unwrap_err(), NoWayBack::NeverChanged);
    let unknown = object("app:1.1", Some(&one(None)));
    assert_eq!(undone(&unknown, None).unwrap_err(), NoWayBack::NoDigest("app".to_owned()));
    let history = one(Some(&back("1.0", 'a')));
    assert!(matches!(undone(&object("app:7", Some(&history)), None), Err(NoWayBack::ChangedSince { .. })));
    let mut other = object("app:1.1", Some(&history));
    other["spec"]["template"]["spec"]["containers"][0]["name"] = "main".into();
    assert_eq!(undone(&other, None).unwrap_err(), NoWayBack::ContainerGone("app".to_owned()));
    other["metadata"]["annotations"][history::ANNOTATION] = "{".into();
    assert!(matches!(undone(&other, None), Err(NoWayBack::Unreadable(_))));
}

#[test]
fn a_pull_policy_goes_back_too() {
    for (before, expected) in [(Some(PullPolicy::IfNotPresent), Some("IfNotPresent")), (None, None)] {
        let mut always = changed("app:1.0", "app:1.0", 'b', Some(&back("1.0", 'a')));
        always.policy = Some(PolicyBefore { before });
        let mut now = object("app:1.0", Some(&History::default().with(entry(always, true))));
        now["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
        let back_again = after(&now);
        assert_eq!(image(&back_again), back("1.0", 'a'));
        let policy = back_again.pointer("/spec/template/spec/containers/0/imagePullPolicy").and_then(Value::as_str);
        assert_eq!(policy, expected);
    }
}

#[test]
fn a_proof_is_written_down_for_the_change_that_it_is_of() {
    let object = twice(true, false);
    let definition = Definition::read(object.clone()).unwrap();
    let Ok(Undo::Back(target)) = undone(&twice(false, false), Some(0)) else { panic!("there is a way back") };
    assert_eq!(mark_proven(&definition, &target.changes), None, "that is other content");
    let mut ours = target.changes.clone();
    ours[0].digest = digest('c');
    let marked = patch::applied(&object, &mark_proven(&definition, &ours).unwrap()).unwrap();
    assert_eq!(marked, proven(&object));
    assert_eq!(mark_proven(&Definition::read(marked).unwrap(), &ours), None, "it is marked");
}

#[test]
fn what_admission_made_of_an_undo_is_not_taken_for_somebodys_change() {
    let once = after(&twice(true, true));
    let mut mirrored = proven(&once);
    let rewritten = format!("mirror.example.com/{}", back("1.1", 'b'));
    let mut history =
        History::parse(mirrored["metadata"]["annotations"][history::ANNOTATION].as_str().unwrap()).unwrap();
    history.entries.last_mut().unwrap().containers[0].to.clone_from(&rewritten);
    mirrored["metadata"]["annotations"][history::ANNOTATION] = history.text().into();
    mirrored["spec"]["template"]["spec"]["containers"][0]["image"] = rewritten.into();
    assert_eq!(image(&after(&mirrored)), back("1.0", 'a'));
}

#[test]
fn what_was_never_proven_can_be_put_back_as_it_was_written() {
    let change = |proven| entry(changed("app:1.0", "app:1.1", 'b', Some(&back("1.0", 'a'))), proven);
    let written = |object: &Value, to: Option<Revision>| {
        let definition = Arc::new(Definition::read(object.clone()).unwrap());
        let around = Around {
            definition: &definition,
            managers: &[],
            pods: 1,
            cause: "kubectl freshimage undo",
            author: &Author::default(),
            last_is_proven: false,
            now: "2026-11-23T12:00:00Z".parse().unwrap(),
        };
        as_it_was(&around, to)
    };
    let unproven = object("app:1.1", Some(&History::default().with(change(false))));
    let target = written(&unproven, None).unwrap();
    assert_eq!((&*target.changes[0].new_image, &target.changes[0].digest), ("app:1.0", &digest('a')));
    let after = patch::applied(&unproven, &target.patch).unwrap();
    assert_eq!(image(&after), "app:1.0");
    // An interrupted one is finished like any other, by the content that it is to have.
    assert!(written(&after, None).is_none());
    match undone(&after, None).unwrap() {
        Undo::DoneAlready(again) => {
            assert_eq!((&*again.changes[0].new_image, &again.changes[0].digest), ("app:1.0", &digest('a')));
            assert!(again.changes[0].done);
        }
        Undo::Back(target) => panic!("it is there: {target:?}"),
    }
    let proven = proven(&after);
    assert_eq!(undone(&proven, None).unwrap_err(), NoWayBack::NothingLeft);

    assert!(written(&object("app:1.1", Some(&History::default().with(change(true)))), None).is_none());
    assert!(written(&object("app:1.2", Some(&History::default().with(change(false)))), None).is_none());
    assert!(written(&object("app:1.1", None), None).is_none());
    // Past several that never ran, and not past one that did.
    let next = entry(changed("app:1.1", "app:1.2", 'c', Some(&back("1.1", 'b'))), false);
    let never = object("app:1.2", Some(&History::default().with(change(false)).with(next.clone())));
    assert_eq!(written(&never, None).unwrap().changes[0].new_image, "app:1.0");
    let once = object("app:1.2", Some(&History::default().with(change(true)).with(next)));
    assert_eq!(written(&once, None).unwrap().changes[0].new_image, "app:1.1");
    assert!(written(&once, Some(0)).is_none());
}

/// A definition whose history has a bump of this run, and then perhaps an undo of that one.
fn of_runs(bump: (&str, &str), undo: Option<(&str, &str, usize, bool)>) -> Arc<Definition> {
    let (run, at) = bump;
    let first = Entry {
        at: at.parse().unwrap(),
        run: Run { command: "bump".to_owned(), id: run.to_owned(), of: 0 },
        ..entry(changed("app:1.0", "app:1.1", 'b', Some(&back("1.0", 'a'))), true)
    };
    let mut history = History::default().with(first);
    let mut image = "app:1.1".to_owned();
    if let Some((id, at, of, proven)) = undo {
        image = back("1.0", 'a');
        history = history.with(Entry {
            back_to: Some(0),
            at: at.parse().unwrap(),
            run: Run { command: "undo".to_owned(), id: id.to_owned(), of },
            ..entry(changed("app:1.1", &image, 'a', None), proven)
        });
    }
    Arc::new(Definition::read(object(&image, Some(&history))).unwrap())
}

#[test]
fn an_undo_of_several_workloads_that_was_stopped_is_finished_and_takes_nothing_further_back() {
    let (ten, eleven, noon) = ("2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z");
    let bumped = |at| of_runs(("b", at), None);
    let undone = |of, proven| of_runs(("b", ten), Some(("u", eleven, of, proven)));
    for (what, definitions, expected) in [
        ("all are back", vec![undone(2, true), undone(2, true)], vec![]),
        ("one is not proven", vec![undone(2, true), undone(2, false)], vec!["u"]),
        ("one was not begun", vec![undone(2, true), bumped(ten)], vec!["u"]),
        ("the other was changed afterwards", vec![undone(2, true), bumped(noon)], vec![]),
        ("one alone was taken back", vec![undone(1, true), bumped(ten)], vec![]),
        ("the other is not named any more", vec![undone(2, true)], vec![]),
        ("written by an older version", vec![undone(0, true), bumped(ten)], vec![]),
        ("nothing was changed", vec![Arc::new(Definition::read(object("app:1.0", None)).unwrap())], vec![]),
    ] {
        let found = unfinished(definitions.iter().map(|definition| &**definition));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{what}");
        let author = Author::default();
        let around = |definition| Around {
            definition,
            managers: &[],
            pods: 1,
            cause: CAUSE,
            author: &author,
            last_is_proven: false,
            now: noon.parse().unwrap(),
        };
        let again = once_more(&around(&definitions[0]), &found);
        assert_eq!(again.is_some(), !expected.is_empty(), "{what}");
        if let Some(target) = again {
            assert!(target.patch.is_empty(), "{what}");
            assert_eq!(
                target.warnings,
                ["the last undo of several workloads was interrupted: this one is back already and goes no further"]
            );
        }
    }
    let bumped = bumped(ten);
    assert!(is_of_run(&bumped, "b") && !is_of_run(&bumped, "u"));
    let (proven, pending) = (undone(2, true), undone(2, false));
    assert!(!is_of_run(&proven, "b"), "it is back, and that is proven");
    assert!(is_of_run(&pending, "b"), "the same `undo --run` finishes it");
}
