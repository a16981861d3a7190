//! What others do between the plan and the patch. What does not concern the change is no hindrance; what does is refused,
//! and never overwritten. The write of the tag is held, which comes after every look and before every patch.

use futures::future::join_all;
use http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Effect, Gateway, Match};

use crate::support::{BINARY, assert_ended, ending, freshimage, image_of, push_again, shop};

fn of_tag(method: Method) -> Match {
    Match::repository("shop/web").reference("1.1").method(method)
}

/// Stale workloads, each rolled out.
async fn stale(bed: &Bed, names: &[&str], make: impl Fn(&PodTemplate, &str) -> Value) -> Gateway {
    let registry = shop(bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    for name in names {
        bed.create(&make(&template, name)).await;
    }
    for name in names {
        let kind = if *name == "noted" { "statefulset" } else { "deployment" };
        bed.wait_rolled_out(kind, name).await;
    }
    push_again(bed, &registry).await;
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_concern_the_change_is_no_hindrance_and_is_kept() {
    let bed = Bed::start("benign").await;
    let names = ["labelled", "noted", "scaled", "tuned"];
    let registry = stale(&bed, &names, |template, name| match name {
        "noted" => template.stateful_set(name, 1),
        _ => template.deployment(name, 1),
    })
    .await;
    let mut write = registry.pause_at(of_tag(Method::PUT));
    let words = ["bump", "deployment/labelled", "statefulset/noted", "deployment/scaled", "deployment/tuned"];
    let running = bed.product(BINARY).args(&words).args(&["--to", "tag", "--yes"]).spawn();
    write.reached().await;
    bed.merge_patch("deployment", "labelled", &json!({"metadata": {"labels": {"team": "a"}}})).await;
    // Its first annotation: nobody's controller writes one there.
    bed.merge_patch("statefulset", "noted", &json!({"metadata": {"annotations": {"note": "mine"}}})).await;
    // As an autoscaler does.
    bed.merge_patch("deployment", "scaled", &json!({"spec": {"replicas": 3}})).await;
    let tuned = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "workingDir": "/"}]}}}});
    bed.strategic_patch("deployment", "tuned", &tuned).await;
    write.release();
    let ran = running.wait().await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/labelled   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    deployment/scaled   tagged 1.1 · patched · rolled out 3/3 · verified: 3 of 3 pods run <manifest:new>… · no restart in <age>
    deployment/tuned   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    statefulset/noted   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/labelled deployment/scaled deployment/tuned statefulset/noted`
    ");
    assert_eq!(bed.get("deployment", "labelled").await["metadata"]["labels"]["team"], "a");
    assert_eq!(bed.get("statefulset", "noted").await["metadata"]["annotations"]["note"], "mine");
    assert_eq!(bed.get("deployment", "scaled").await["spec"]["replicas"], 3);
    let tuned = bed.get("deployment", "tuned").await;
    assert_eq!(tuned["spec"]["template"]["spec"]["containers"][0]["workingDir"], "/");
    for (kind, name) in
        [("deployment", "labelled"), ("statefulset", "noted"), ("deployment", "scaled"), ("deployment", "tuned")]
    {
        assert_eq!(image_of(&bed, kind, name).await, registry.image("shop/web", "1.1"), "{name}");
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_changed_in_what_the_patch_is_about_is_left_alone() {
    let bed = Bed::start("harmful").await;
    let names = ["crowded", "gone", "made-anew", "renamed", "switched"];
    let registry = stale(&bed, &names, |template, name| template.deployment(name, 1)).await;
    let mut write = registry.pause_at(of_tag(Method::PUT));
    let targets: Vec<String> = names.iter().map(|name| format!("deployment/{name}")).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let product = bed.product(BINARY).args(&["bump"]).args(&targets);
    let running = product.args(&["--to", "tag", "--yes", "--keep-going"]).spawn();
    write.reached().await;
    let (old, other) = (registry.image("shop/web", "1.0"), registry.image("shop/web", "0.9"));
    let first =
        json!([{"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "first", "image": old}}]);
    bed.json_patch("deployment", "crowded", &first).await;
    bed.delete("deployment", "gone").await;
    bed.delete("deployment", "made-anew").await;
    bed.create(&PodTemplate::new("app", &old).deployment("made-anew", 1)).await;
    let name = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "main"}]);
    bed.json_patch("deployment", "renamed", &name).await;
    bed.set_image("deployment", "switched", "app", &other).await;
    let kept = ["crowded", "made-anew", "renamed", "switched"];
    let specs = async || join_all(kept.map(|name| bed.get("deployment", name))).await;
    let before: Vec<Value> = specs().await.iter().map(|object| object["spec"].clone()).collect();
    write.release();
    let ran = running.wait().await;
    assert_snapshot!(ending(&ran), @"
    exit 13
    deployment/crowded   tagged 1.1 · refused: its template has another container in the place of app; it was not patched
    deployment/gone   tagged 1.1 · refused: it is gone; it was not patched
    deployment/made-anew   tagged 1.1 · refused: it was deleted, and another object has its name; it was not patched
    deployment/renamed   tagged 1.1 · refused: its template has another container in the place of app; it was not patched
    deployment/switched   tagged 1.1 · refused: its container app asks for `<registry>/shop/web:0.9` by now; it was not patched
    --- stderr
    hint: look at it again, then try it anew with `kubectl freshimage bump deployment/crowded deployment/gone deployment/made-anew deployment/renamed deployment/switched --to tag=1.1`
    ");
    for (object, before) in specs().await.iter().zip(&before) {
        assert_eq!(object["spec"], *before);
        assert!(object["metadata"]["annotations"]["kubectl-freshimage/history"].is_null(), "{object:#}");
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_somebody_else_gets_around_the_write_is_refused_and_nothing_is_patched() {
    let bed = Bed::start("taken").await;
    let registry = stale(&bed, &["web"], |template, name| template.deployment(name, 1)).await;
    let before = bed.get("deployment", "web").await["spec"].clone();
    // Before its last look, which comes after the question whether the registry takes a push; and after its write.
    let upload = Match::path("/blobs/uploads/").method(Method::POST);
    for (tag, is_written) in [("2.0", false), ("2.1", true)] {
        let mut pause = if is_written {
            let matching = Match::repository("shop/web").reference(tag).method(Method::PUT);
            registry.pause_after(matching)
        } else {
            registry.pause_at(upload.clone())
        };
        let to = format!("tag={tag}");
        let running = bed.product(BINARY).args(&["bump", "deployment/web", "--to", &to, "--yes"]).spawn();
        pause.reached().await;
        let other = bed.push(&registry, "shop/web", tag, bed.image("other")).await;
        pause.release();
        let ran = running.wait().await;
        assert_ended(&ran, 13);
        let told = ran.normalise();
        assert!(told.contains(&format!("tag {tag} in <registry>/shop/web   refused: somebody gave it to")), "{told}");
        let held = bed.side_door().manifest(&registry.upstream_repository("shop/web"), tag).await;
        assert_eq!(held.expect("it is there").digest(), other, "{told}");
        assert_eq!(bed.get("deployment", "web").await["spec"], before, "{told}");
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_lies_about_what_it_stored_is_not_believed() {
    let bed = Bed::start("lying").await;
    let registry = stale(&bed, &["web"], |template, name| template.deployment(name, 1)).await;
    let before = bed.get("deployment", "web").await["spec"].clone();
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    // It names another digest when it stores, and ever after.
    let at_write = registry.when(of_tag(Method::PUT), Effect::WrongDigest);
    registry.when_after(2, of_tag(Method::HEAD), Effect::WrongDigest);
    let ran = freshimage(&bed, &bump).await;
    assert_snapshot!(ending(&ran), @"
    exit 1
    tag 1.1 in <registry>/shop/web   not written: registry `<registry>` stored other content than was sent: <unknown digest>; do not use the tag: pin the digest
    deployment/web   not begun
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/web --to tag=1.1`
    ");
    assert_eq!(bed.get("deployment", "web").await["spec"], before);
    registry.forgive(at_write);
    registry.heal();
    assert_ended(&freshimage(&bed, &bump).await, 0);
    bed.finish().await;
}
