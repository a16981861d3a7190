//! Plans made by hand, for the tests of what is said of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::samples::{digest, now};
use crate::domain::diagnosis::{Verdict, WorkloadName};
use crate::domain::plan::assemble::{self, Around, Author};
use crate::domain::plan::former;
use crate::domain::plan::undo::{self, Undo};
use crate::domain::plan::{Change, Plan, Skipped, Tagging, Target};
use crate::domain::template::Definition;
use crate::domain::verification::Confirmation;
use crate::domain::workload::{Manager, PullPolicy};
use crate::domain::{Digest, Reference, patch};

/// What the tag serves in these plans.
pub(crate) fn served() -> Digest {
    digest("9c1e4f01")
}

/// What the pods run.
pub(crate) fn old() -> Digest {
    digest("2bd0a7c3")
}

/// Neither of them.
pub(crate) fn other() -> Digest {
    digest("cc22dd33")
}

/// A definition in the namespace `shop`; `pod` is the template's spec, `more` the rest of `spec`.
fn definition(kind: (&str, &str), name: &str, pod: &Value, more: Value) -> Arc<Definition> {
    let (api_version, kind) = kind;
    let mut spec = more;
    match kind {
        "Pod" => spec = pod.clone(),
        "CronJob" => spec["jobTemplate"] = json!({"spec": {"template": {"spec": pod}}}),
        _ => spec["template"] = json!({"metadata": {"labels": {"app": name}}, "spec": pod}),
    }
    let metadata = json!({"name": name, "namespace": "shop", "uid": "u-1", "resourceVersion": "7",
        "annotations": {"team": "a"}, "managedFields": [{"manager": "somebody"}]});
    let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec,
        "status": {"replicas": 2}});
    Arc::new(Definition::read(object).unwrap())
}

/// A pod template's spec with one container.
fn one(image: &str) -> Value {
    json!({"containers": [{"name": "app", "image": image, "imagePullPolicy": "IfNotPresent"}]})
}

/// A stale place that gets the served content under another reference.
fn change(definition: &Definition, place: usize, new_image: &str) -> Change {
    let slot = definition.slots[place].clone();
    let reference: Reference = slot.image.parse().unwrap();
    Change {
        container: slot.container.clone(),
        verdict: Some(Verdict::Stale),
        image: Arc::clone(&slot.image),
        pod_image: None,
        running: vec![old()],
        served_digest: Some(served()),
        new_image: new_image.to_owned(),
        digest: served(),
        pull_policy: None,
        done: *slot.image == *new_image,
        back: Some(reference.with_digest(&old())),
        no_way_back: None,
        warnings: Vec::new(),
        slot,
    }
}

fn target(definition: &Arc<Definition>, pods: usize, managers: &[Manager], changes: Vec<Change>) -> Target {
    assemble::target(
        &Around {
            definition,
            managers,
            pods,
            cause: "kubectl freshimage bump",
            author: &Author::default(),
            last_is_proven: false,
            now: now(),
        },
        changes,
    )
}

fn tagging(repository: &str, tag: &str) -> Tagging {
    let reference: Reference = repository.parse().unwrap();
    Tagging {
        repository: reference.repository().clone(),
        tag: tag.to_owned(),
        digest: served(),
        exists: false,
        evidence: Some("next by the repository's own scheme (1.0, 0.9, 0.8)".to_owned()),
    }
}

const APPS: &str = "apps/v1";
const IMAGE: &str = "reg.example.com/cp-enablement/awesomeapp";

/// The product's picture: one deployment, one new tag.
pub(crate) fn story() -> Plan {
    deployments(&["awesomeapp"])
}

/// Deployments of one image: one new tag for all of them.
pub(crate) fn deployments(names: &[&str]) -> Plan {
    let targets = names.iter().map(|name| {
        let definition = definition((APPS, "Deployment"), name, &one(&format!("{IMAGE}:1.0")), json!({}));
        target(&definition, 2, &[], vec![change(&definition, 0, &format!("{IMAGE}:1.1"))])
    });
    Plan { tags: vec![tagging(IMAGE, "1.1")], targets: targets.collect(), skipped: Vec::new() }
}

/// One deployment that gets this reference and content, while it runs the old and its tag serves the new.
pub(crate) fn deployment(new_image: &str, content: Digest) -> Plan {
    let definition = definition((APPS, "Deployment"), "awesomeapp", &one(&format!("{IMAGE}:1.0")), json!({}));
    let new_image = format!("{IMAGE}:{new_image}");
    let change = Change { digest: content, done: false, ..change(&definition, 0, &new_image) };
    Plan { targets: vec![target(&definition, 2, &[], vec![change])], ..Plan::default() }
}

/// Every kind of workload, each with what is peculiar to it.
pub(crate) fn kinds() -> Plan {
    let single = |kind: (&str, &str), name: &str, pods: usize, more: Value| {
        let definition = definition(kind, name, &one("reg.example.com/shop/db:17"), more);
        target(&definition, pods, &[], vec![change(&definition, 0, "reg.example.com/shop/db:18")])
    };
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    let targets = vec![
        several(),
        single((APPS, "StatefulSet"), "db", 3, json!({"updateStrategy": {"rollingUpdate": {"partition": 2}}})),
        single((APPS, "Deployment"), "asleep", 0, json!({"paused": true})),
        single((APPS, "Deployment"), "empty", 0, json!({})),
        single((APPS, "DaemonSet"), "agent", 1, on_delete),
        single((APPS, "ReplicaSet"), "bare", 2, json!({})),
        single(("v1", "Pod"), "shell", 1, json!({})),
        single(("batch/v1", "CronJob"), "nightly", 0, json!({"suspend": true})),
        single(("argoproj.io/v1alpha1", "Rollout"), "front", 2, json!({})),
    ];
    let tags = vec![
        Tagging { exists: true, evidence: None, ..tagging("reg.example.com/shop/db", "18") },
        Tagging { digest: old(), evidence: None, ..tagging("reg.example.com/shop/models", "7-content") },
    ];
    Plan { tags, targets, skipped: skipped() }
}

/// Several containers and an image volume of one workload that Helm owns, each with something to be said.
fn several() -> Target {
    let pod = json!({
        "initContainers": [{"name": "migrate", "image": "reg.example.com/shop/migrate:3"},
            {"name": "proxy", "image": "reg.example.com/mesh/proxy:2", "restartPolicy": "Always"}],
        "containers": [{"name": "app", "image": "reg.example.com/shop/web:1.0", "imagePullPolicy": "IfNotPresent"}],
        "volumes": [{"name": "models", "image": {"reference": "reg.example.com/shop/models:7"}}],
    });
    let definition = definition((APPS, "Deployment"), "web", &pod, json!({}));
    let mut migrate = change(&definition, 0, &format!("reg.example.com/shop/migrate:3@{}", served()));
    migrate.verdict = None;
    migrate.running = Vec::new();
    migrate.served_digest = None;
    migrate.back = None;
    migrate.no_way_back = Some("no pod runs, so there is nothing to go back to".to_owned());
    let mut proxy = change(&definition, 1, "reg.example.com/mesh/proxy:2");
    proxy.verdict = Some(Verdict::Fresh);
    proxy.running = vec![served()];
    let mut app = change(&definition, 2, "reg.example.com/shop/web:1.0");
    app.pull_policy = Some(PullPolicy::Always);
    app.done = false;
    app.pod_image = Some("mirror.example.com/shop/web:1.0".into());
    app.running.push(other());
    app.verdict = Some(Verdict::Mixed);
    let mut models = change(&definition, 3, "reg.example.com/shop/models:7-content");
    models.digest = old();
    let helm = Manager { tool: "Helm".to_owned(), name: "shop".to_owned() };
    target(&definition, 2, &[helm], vec![migrate, proxy, app, models])
}

fn skipped() -> Vec<Skipped> {
    let skip = |kind: (&str, &str), name: &str, reason: &str, refused: bool| Skipped {
        namespace: "shop".into(),
        workload: WorkloadName { api_version: kind.0.into(), kind: kind.1.into(), name: name.into() },
        container: None,
        reason: reason.to_owned(),
        hint: None,
        refused,
        changed: false,
    };
    let mut aside =
        skip((APPS, "Deployment"), "web", "it is not in the template: something adds it to the pods", false);
    aside.container = several().changes.first().map(|change| change.container.clone());
    let mut taken = skip((APPS, "Deployment"), "api", "the tag `1.1` is taken: it holds cc22dd33cc22…", true);
    taken.hint = Some("choose another name".to_owned());
    vec![aside, taken, skip(("batch/v1", "Job"), "import", "the template of a Job cannot be changed", true)]
}

/// Everything is as planned already.
pub(crate) fn done() -> Plan {
    let definition = definition((APPS, "Deployment"), "awesomeapp", &one(&format!("{IMAGE}:1.1")), json!({}));
    let mut change = change(&definition, 0, &format!("{IMAGE}:1.1"));
    change.verdict = Some(Verdict::Fresh);
    change.running = vec![served()];
    Plan { targets: vec![target(&definition, 2, &[], vec![change])], ..Plan::default() }
}

/// The way back from [`story`]; `again` is the same once more, when nothing is left to be changed.
pub(crate) fn undo(again: bool) -> Plan {
    let back = |definition: &Arc<Definition>| {
        let cause = "kubectl freshimage undo";
        match undo::undo(
            &Around {
                definition,
                managers: &[],
                pods: 2,
                cause,
                author: &Author::default(),
                last_is_proven: false,
                now: now(),
            },
            None,
        )
        .unwrap()
        {
            Undo::Back(target) | Undo::DoneAlready(target) => target,
        }
    };
    let after = |target: &Target| {
        Arc::new(Definition::read(patch::applied(&target.definition.object, &target.patch).unwrap()).unwrap())
    };
    let mut target = back(&after(&story().targets[0]));
    if again {
        target = back(&after(&target));
    }
    Plan { targets: vec![target], ..Plan::default() }
}

/// The same back to the template as it was, whose pods run on.
pub(crate) fn kept() -> Plan {
    let mut plan = undo(false);
    let target = &mut plan.targets[0];
    target.changes[0].new_image = format!("{IMAGE}:1.0");
    let all = Confirmation { confirmed: 2, pods: 2, ..Confirmation::default() };
    *target = former::kept(target.clone(), 2, &all).unwrap();
    plan
}

/// What a server may send to trick a terminal, in every text that comes from outside.
pub(crate) fn hostile() -> Plan {
    let trick = "\u{1b}]0;owned\u{7}\u{202e}\nforged";
    let mut plan = kinds();
    for tagging in &mut plan.tags {
        tagging.tag.push_str(trick);
        tagging.evidence = Some(trick.to_owned());
    }
    for target in &mut plan.targets {
        let mut definition = (*target.definition).clone();
        definition.object["metadata"]["annotations"] = json!({trick: trick});
        target.definition = Arc::new(definition);
        target.patch.clear();
        target.patch.push(patch::Operation::add("/metadata/annotations/x", trick));
        target.namespace = trick.into();
        target.workload.name = trick.into();
        target.warnings.push(trick.to_owned());
        target.managers = vec![Manager { tool: trick.to_owned(), name: trick.to_owned() }];
        for change in &mut target.changes {
            change.container.name = trick.into();
            change.image = trick.into();
            change.new_image.push_str(trick);
            change.pod_image = Some(trick.into());
        }
    }
    for skipped in &mut plan.skipped {
        skipped.workload.kind = trick.into();
        skipped.reason = trick.to_owned();
    }
    plan
}
