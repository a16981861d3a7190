use serde_json::{Value, json};

use super::super::{Left, admission};
use super::*;
use crate::domain::Digest;
use crate::domain::diagnosis::Verdict;
use crate::domain::patch;

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

fn deployment(annotations: Option<Value>) -> Arc<Definition> {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-1"},
        "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
            {"name": "app", "image": "reg.example.com/app:1.0", "imagePullPolicy": "IfNotPresent"},
            {"name": "side", "image": "reg.example.com/side:3"},
        ]}}},
    });
    if let Some(annotations) = annotations {
        object["metadata"]["annotations"] = annotations;
    }
    Arc::new(Definition::read(object).unwrap())
}

fn change(definition: &Definition, place: usize, new_image: &str) -> Change {
    let slot = definition.slots[place].clone();
    Change {
        container: slot.container.clone(),
        verdict: Some(Verdict::Stale),
        image: slot.image.clone(),
        pod_image: None,
        running: vec![digest('a')],
        served_digest: Some(digest('5')),
        new_image: new_image.to_owned(),
        digest: digest('5'),
        pull_policy: None,
        done: false,
        given: false,
        back: Some(format!("{}@{}", slot.image, digest('a'))),
        no_way_back: None,
        warnings: Vec::new(),
        slot,
    }
}

fn around(definition: &Arc<Definition>) -> Around<'_> {
    let now = "2026-11-23T12:00:00Z".parse().unwrap();
    Around {
        definition,
        managers: &[],
        pods: 2,
        cause: "kubectl freshimage bump",
        author: Box::leak(Box::default()),
        last_is_proven: false,
        now,
    }
}

#[test]
fn several_containers_are_one_patch_that_tests_before_it_changes() {
    let definition = deployment(Some(json!({"team": "a"})));
    let changes =
        vec![change(&definition, 0, "reg.example.com/app:1.1"), change(&definition, 1, "reg.example.com/side:4")];
    let target = target(&around(&definition), changes);
    let text = serde_json::to_string(&target.patch).unwrap();
    let kinds: Vec<&str> = target
        .patch
        .iter()
        .map(|operation| match operation {
            Operation::Test { .. } => "test",
            _ => "change",
        })
        .collect();
    assert_eq!(kinds, [vec!["test"; 6], vec!["change"; 4]].concat(), "{text}");
    let changed = patch::applied(&definition.object, &target.patch).unwrap();
    assert_eq!(changed.pointer("/spec/template/spec/containers/0/image").unwrap(), "reg.example.com/app:1.1");
    assert_eq!(changed.pointer("/spec/template/spec/containers/1/image").unwrap(), "reg.example.com/side:4");
    let annotations = &changed["metadata"]["annotations"];
    assert_eq!(annotations["team"], "a");
    assert_eq!(
        annotations[CHANGE_CAUSE],
        "kubectl freshimage bump: app to reg.example.com/app:1.1, side to reg.example.com/side:4"
    );
    let history = History::parse(annotations[history::ANNOTATION].as_str().unwrap()).unwrap();
    assert_eq!(history.entries[0].containers[0].back, Some(format!("reg.example.com/app:1.0@{}", digest('a'))));
    assert_eq!(changed.pointer("/spec/template/metadata"), definition.object.pointer("/spec/template/metadata"));
}

#[test]
fn an_object_without_annotations_gets_some_and_whoever_was_quicker_keeps_theirs() {
    let definition = deployment(None);
    let target = target(&around(&definition), vec![change(&definition, 0, "reg.example.com/app:1.1")]);
    assert!(patch::applied(&definition.object, &target.patch).is_ok());
    let quicker = deployment(Some(json!({"team": "a"})));
    assert!(patch::applied(&quicker.object, &target.patch).is_err());
}

#[test]
fn whatever_was_changed_meanwhile_is_refused() {
    let definition = deployment(Some(json!({})));
    let target = target(&around(&definition), vec![change(&definition, 0, "reg.example.com/app:1.1")]);
    for (pointer, value) in [
        ("/metadata/uid", "u-2"),
        ("/spec/template/spec/containers/0/name", "sidecar"),
        ("/spec/template/spec/containers/0/image", "reg.example.com/app:9"),
    ] {
        let mut object = definition.object.clone();
        *object.pointer_mut(pointer).unwrap() = value.into();
        assert!(patch::applied(&object, &target.patch).is_err(), "{pointer}");
    }
    let mut object = definition.object.clone();
    object["metadata"]["annotations"][history::ANNOTATION] = "{}".into();
    assert!(patch::applied(&object, &target.patch).is_err(), "another bump was quicker");
    object = definition.object.clone();
    object["spec"]["replicas"] = 7.into();
    object["metadata"]["annotations"]["team"] = "b".into();
    assert!(patch::applied(&object, &target.patch).is_ok(), "what has nothing to do with it stays");
}

#[test]
fn pulling_always_restarts_and_a_run_to_come_needs_none() {
    let definition = deployment(Some(json!({})));
    let mut always = change(&definition, 0, "reg.example.com/app:1.0");
    always.pull_policy = Some(PullPolicy::Always);
    let changed =
        patch::applied(&definition.object, &target(&around(&definition), vec![always.clone()]).patch).unwrap();
    assert_eq!(changed.pointer("/spec/template/spec/containers/0/imagePullPolicy").unwrap(), "Always");
    assert_eq!(changed["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT], "2026-11-23T12:00:00Z");
    let mut object = definition.object.clone();
    object["apiVersion"] = "batch/v1".into();
    object["kind"] = "CronJob".into();
    object["spec"] = json!({"jobTemplate": {"spec": object["spec"].take()}});
    let cron_job = Arc::new(Definition::read(object).unwrap());
    always.slot = cron_job.slots[0].clone();
    let changed = patch::applied(&cron_job.object, &target(&around(&cron_job), vec![always]).patch).unwrap();
    let template = &changed["spec"]["jobTemplate"]["spec"]["template"];
    assert_eq!(template["spec"]["containers"][0]["imagePullPolicy"], "Always");
    assert!(template["metadata"].get("annotations").is_none());
}

#[test]
fn what_is_done_has_nothing_to_patch() {
    let definition = deployment(Some(json!({})));
    let mut done = change(&definition, 0, "reg.example.com/app:1.0");
    done.done = true;
    assert!(target(&around(&definition), vec![done.clone()]).patch.is_empty());
    let both = target(&around(&definition), vec![done, change(&definition, 1, "reg.example.com/side:4")]);
    let text = serde_json::to_string(&both.patch).unwrap();
    assert!(text.contains("containers/1") && !text.contains("containers/0"), "{text}");
}

fn name(tag: &str, holds: Option<Digest>) -> (Repository, Name) {
    let repository = Repository::parse("reg.example.com/app").unwrap();
    (repository, Name { tag: tag.to_owned(), holds, evidence: None, warnings: Vec::new() })
}

#[test]
fn one_image_in_many_workloads_is_one_tag_and_one_name_is_for_one_content() {
    let definition = deployment(Some(json!({})));
    let bump = |digest: Digest| {
        let mut change = change(&definition, 0, "reg.example.com/app:1.1");
        change.digest = digest;
        target(&around(&definition), vec![change])
    };
    let names = [name("1.1", None)];
    let many = plan(vec![bump(digest('5')), bump(digest('5')), bump(digest('5'))], &names, Vec::new());
    assert_eq!((many.tags.len(), many.targets.len(), many.refusals().count()), (1, 3, 0));
    let mut two = plan(vec![bump(digest('5')), bump(digest('6'))], &names, Vec::new());
    assert_eq!((two.targets.len(), two.refusals().count()), (1, 1));
    // Whoever is left out later takes the tag along that nobody needs then.
    two.refuse(|_| Some(Left::new("no")));
    assert_eq!((two.tags.len(), two.targets.len(), two.refusals().count()), (0, 0, 2));
    let existing = plan(vec![bump(digest('5'))], &[name("1.1", Some(digest('5')))], Vec::new());
    assert_eq!((existing.tags.len(), existing.tags_to_write().count()), (1, 0));
}

#[test]
fn what_should_be_known_before_is_said_with_the_target() {
    let mut object = deployment(None).object.clone();
    object["spec"]["paused"] = true.into();
    let paused = Arc::new(Definition::read(object).unwrap());
    let mut lost = change(&paused, 0, "reg.example.com/app:1.1");
    lost.back = None;
    lost.no_way_back = Some("what runs now is not in the repository any more".to_owned());
    let warnings = target(&around(&paused), vec![lost]).warnings;
    assert!(warnings[0].contains("`undo` will not be possible"), "{warnings:?}");
    assert!(warnings[1].contains("paused"), "{warnings:?}");
    let broken = deployment(Some(json!({history::ANNOTATION: "{"})));
    let warnings = target(&around(&broken), vec![change(&broken, 0, "reg.example.com/app:1.1")]).warnings;
    assert!(warnings[0].contains("cannot be read and is written anew"), "{warnings:?}");
    let applied = deployment(Some(json!({LAST_APPLIED: "{}"})));
    let warnings = target(&around(&applied), vec![change(&applied, 0, "reg.example.com/app:1.1")]).warnings;
    assert!(warnings[0].contains("change the image in its manifest too"), "{warnings:?}");
    let mut object = deployment(None).object.clone();
    object["metadata"]["managedFields"] = json!([{
        "manager": "kubectl",
        "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}},
    }]);
    let applied = Arc::new(Definition::read(object).unwrap());
    let warnings = target(&around(&applied), vec![change(&applied, 0, "reg.example.com/app:1.1")]).warnings;
    assert_eq!(
        warnings[0],
        "`kubectl` manages the image by server-side apply: change it in its manifest too, or the next apply ends in a \
         conflict"
    );
}

#[test]
fn what_the_server_makes_of_a_reference_is_what_a_later_run_finds() {
    let definition = deployment(Some(json!({})));
    let planned = target(&around(&definition), vec![change(&definition, 0, "reg.example.com/app:1.1")]);
    let mut stored = definition.asks();
    let rewritten = format!("reg.example.com/app:1.1@{}", digest('5'));
    stored.insert(definition.slots[0].container.clone(), rewritten.as_str().into());
    let stored = admission::as_stored(planned.clone(), &stored);
    assert!(stored.warnings[0].contains("the API server makes"), "{:?}", stored.warnings);
    let changed = patch::applied(&definition.object, &stored.patch).unwrap();
    let history = History::parse(changed["metadata"]["annotations"][history::ANNOTATION].as_str().unwrap()).unwrap();
    assert_eq!(history.entries[0].containers[0].to, rewritten);
    let expected = admission::expected(&stored);
    assert_eq!(expected[&definition.slots[0].container].as_ref(), rewritten);
    assert_eq!(expected[&definition.slots[1].container], definition.slots[1].image);
    let image = changed.pointer("/spec/template/spec/containers/0/image").unwrap();
    assert_eq!(image, "reg.example.com/app:1.1", "what is asked for stays");
    let mut plain = definition.asks();
    plain.insert(definition.slots[0].container.clone(), "reg.example.com/app:1.1".into());
    assert_eq!(admission::as_stored(planned.clone(), &plain).patch, planned.patch);
}

#[test]
fn a_first_annotation_of_somebody_else_is_kept_and_no_hindrance() {
    let definition = deployment(None);
    let patch = target(&around(&definition), vec![change(&definition, 0, "reg.example.com/app:1.1")]).patch;
    assert_eq!(rebased(&patch, &definition), patch, "nothing happened meanwhile");
    let now = deployment(Some(json!({"team": "a"})));
    let changed = patch::applied(&now.object, &rebased(&patch, &now)).unwrap();
    assert_eq!(changed.pointer("/spec/template/spec/containers/0/image").unwrap(), "reg.example.com/app:1.1");
    let annotations = &changed["metadata"]["annotations"];
    assert_eq!(annotations["team"], "a");
    assert!(annotations[history::ANNOTATION].is_string());
    // Another bump that was quicker is not overwritten.
    let now = deployment(Some(json!({(history::ANNOTATION): "{}"})));
    assert!(patch::applied(&now.object, &rebased(&patch, &now)).is_err());
}
