//! The way back after the first surprise: again, after an interruption, past what never ran, and for many at once.

use insta::assert_snapshot;
use serde_json::Value;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::Gateway;

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

async fn deploy(bed: &Bed, registry: &Gateway, name: &str) {
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.on_node("node-a").deployment(name, 1)).await;
    bed.wait_rolled_out("deployment", name).await;
}

/// The kept changes of a workload.
async fn changes(bed: &Bed, name: &str) -> Vec<Value> {
    let object = bed.get("deployment", name).await;
    let text = object["metadata"]["annotations"]["kubectl-freshimage/history"].as_str().expect("a history");
    let history: Value = serde_json::from_str(text).expect("it is JSON");
    history["changes"].as_array().cloned().expect("a list")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_was_not_waited_for_is_finished_before_one_more_step_back() {
    let bed = Bed::start("undo-once").await;
    let registry = shop(&bed).await;
    deploy(&bed, &registry, "web").await;
    push_again(&bed, &registry).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await, 0);
    let newest = bed.image("newest").created("2026-11-22T10:00:00Z");
    bed.push(&registry, "shop/web", "1.1", newest).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "digest", "--yes"]).await, 0);
    assert!(changes(&bed, "web").await.iter().all(|change| change["proven"] == true));

    let unwaited = freshimage(&bed, &["undo", "deployment/web", "--yes", "--no-wait"]).await;
    assert_snapshot!(ending(&unwaited), @"
    exit 0
    deployment/web   patched · not waited for
    --- stderr
    hint: wait for it and prove it with `kubectl freshimage undo deployment/web`
    ");
    bed.wait_rolled_out("deployment", "web").await;
    let once = image_of(&bed, "deployment", "web").await;
    // The hint of the run before, after its rollout has ended.
    let finished = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(finished.normalise(), @"
    exit 0
    --- stdout
    Plan: nothing to change, 1 workload to make sure of

      deployment/web, container app
          image: <registry>/shop/web:1.1@<manifest:new>
        as planned already; has to run <manifest:new>…
        1 pod is looked at
        note: the last undo was not proven yet: it is finished, and nothing more is taken back

    deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, once, "one change was taken back, and not two");

    // Somebody restarts it: that is no interrupted undo.
    bed.start_restart("deployment", "web").await;
    let further = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(ending(&further), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 1
      refused deployment/web: there is nothing left to undo: it runs what it ran before the first change that is known
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: there is nothing left to undo: it runs what it ran before the first change that is known
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_twice_is_one_change() {
    let bed = Bed::start("bump-twice").await;
    let registry = shop(&bed).await;
    bed.push(&registry, "shop/side", "2.0", bed.image("side")).await;
    bed.push(&registry, "shop/init", "3.0", bed.image("init")).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"))
        .container("side", &registry.image("shop/side", "2.0"))
        .init("migrate", &registry.image("shop/init", "3.0"));
    bed.create(&template.on_node("node-a").deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    assert_ended(&freshimage(&bed, &bump).await, 0);
    let after = bed.get("deployment", "web").await;
    registry.forget_requests();
    let again = freshimage(&bed, &bump).await;
    assert_ended(&again, 0);
    assert_snapshot!(ending(&again), @"
    exit 0
    deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… and <manifest:side>… · no restart in <age>
    --- stderr
    ");
    assert_ended(&freshimage(&bed, &bump).await, 0);
    let now = bed.get("deployment", "web").await;
    assert_eq!((&now["spec"], &now["metadata"]["annotations"]), (&after["spec"], &after["metadata"]["annotations"]));
    assert_eq!(registry.requests().writes(), 0);

    // Whoever names a container wants a new name for it, once.
    let side = ["bump", "deployment/web", "--to", "tag", "--yes", "-c", "side"];
    assert_ended(&freshimage(&bed, &side).await, 0);
    let after = bed.get("deployment", "web").await["spec"].clone();
    assert_eq!(after["template"]["spec"]["containers"][1]["image"], registry.image("shop/side", "2.1").as_str());
    assert_ended(&freshimage(&bed, &side).await, 0);
    assert_ended(&freshimage(&bed, &bump).await, 0);
    assert_eq!(bed.get("deployment", "web").await["spec"], after);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_skips_what_never_ran_and_every_revision_can_be_reached() {
    let bed = Bed::start("undo-good").await;
    let registry = shop(&bed).await;
    deploy(&bed, &registry, "web").await;
    for (content, pushed, new) in [("bad", "1.0", "tag=1.1"), ("bad again", "1.1", "tag=1.2")] {
        let image = bed.image(content).created("2026-11-20T10:00:00Z").that_crashes();
        bed.push(&registry, "shop/web", pushed, image).await;
        let words = ["bump", "deployment/web", "--to", new, "--yes", "--timeout", "4s"];
        assert_ended(&freshimage(&bed, &words).await, 12);
    }
    let back = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(back.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app
        - image: <registry>/shop/web:1.2
        + image: <registry>/shop/web:1.0@<manifest:old>
        will run <manifest:old>…
        1 pod is replaced
        note: it takes 2 changes back: 2 of them were never proven to run

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    let old = bed.image("old").created("2026-11-17T10:00:00Z").digest();
    assert!(image_of(&bed, "deployment", "web").await.ends_with(&old));
    let listed = freshimage(&bed, &["history", "deployment/web"]).await;
    assert_ended(&listed, 0);
    assert_snapshot!(listed.normalised_stdout(), @"
    REVISION   AGE   BY   CHANGE   CONTAINER   FROM   TO   PROVEN
    1   <age>   admin   bump   app   <registry>/shop/web:1.0   <registry>/shop/web:1.1   no
    2   <age>   admin   bump   app   <registry>/shop/web:1.1   <registry>/shop/web:1.2   no
    -   <age>   admin   undo to 0   app   <registry>/shop/web:1.2   <registry>/shop/web:1.0@<manifest:old>   yes
    ");
    let nothing = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_ended(&nothing, 1);

    let forward = freshimage(&bed, &["undo", "deployment/web", "--to-revision", "1", "--yes", "--no-wait"]).await;
    assert_ended(&forward, 0);
    let home = freshimage(&bed, &["undo", "deployment/web", "--to-revision", "0", "--yes"]).await;
    assert_ended(&home, 0);
    assert!(image_of(&bed, "deployment", "web").await.ends_with(&old));
    let unknown = freshimage(&bed, &["undo", "deployment/web", "--to-revision", "9", "--yes"]).await;
    assert_snapshot!(ending(&unknown), @"
    exit 1
      refused deployment/web: its history has no revision 9
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: its history has no revision 9
    hint: `kubectl freshimage history` lists the revisions that are kept
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_takes_back_what_one_run_changed() {
    let bed = Bed::start("undo-all").await;
    let registry = shop(&bed).await;
    for name in ["api", "web"] {
        deploy(&bed, &registry, name).await;
    }
    push_again(&bed, &registry).await;
    // Somebody else's change stays.
    assert_ended(&freshimage(&bed, &["pin", "deployment/api", "--yes"]).await, 0);
    let pinned = image_of(&bed, "deployment", "api").await;
    let here = freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await;
    assert_ended(&here, 0);
    let run = changes(&bed, "web").await[0]["run"]["id"].as_str().expect("a run").to_owned();
    bed.name_text(&run, "run");
    let back = freshimage(&bed, &["undo", "--all", "--run", &run, "--yes"]).await;
    assert_ended(&back, 0);
    assert_snapshot!(ending(&back), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    assert_eq!(image_of(&bed, "deployment", "api").await, pinned);
    let nothing = freshimage(&bed, &["undo", "--all", "--run", &run, "--yes"]).await;
    assert_snapshot!(nothing.normalised_stderr(), @"error: nothing to undo: no workload there was changed last by the run `<run>`");
    // By type, whatever run it was.
    let all = freshimage(&bed, &["undo", "deployments", "--yes"]).await;
    assert_ended(&all, 0);
    assert_snapshot!(ending(&all), @"
    exit 0
    deployment/api   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_is_stopped_half_way_says_so_and_undo_finishes_it() {
    let bed = Bed::start("undo-stopped").await;
    let registry = shop(&bed).await;
    deploy(&bed, &registry, "web").await;
    let crashing = bed.image("new").created("2026-11-20T10:00:00Z").that_crashes();
    bed.push(&registry, "shop/web", "1.0", crashing).await;
    let words = ["bump", "deployment/web", "--to", "tag", "--yes", "--rollback", "--timeout", "5s"];
    let running = bed.product(crate::support::BINARY).args(&words).spawn();
    let old = bed.image("old").created("2026-11-17T10:00:00Z").digest();
    bed.wait_for("the patch back", "deployment", "web", |deployment| {
        let image = deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        image.ends_with(&old)
    })
    .await;
    running.terminate().await;
    let ran = running.wait().await;
    // It may have been quicker than the signal.
    if ran.code == Some(130) {
        assert!(ran.stderr.contains("being taken back"), "{}", ran.normalise());
        assert!(
            ran.stderr.contains("undo deployment/web`") && !ran.stderr.contains("bump deployment/web"),
            "{}",
            ran.normalise()
        );
    }
    let finished = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    let said = if ran.code == Some(130) { 0 } else { 1 };
    assert_ended(&finished, said);
    assert!(image_of(&bed, "deployment", "web").await.ends_with(&old));
    bed.finish().await;
}
