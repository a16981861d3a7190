//! New content that does not come to run, old content that is gone, and somebody else at the same workload.

use insta::assert_snapshot;
use serde_json::Value;
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Effect, Gateway, Match};

use crate::reported::wait_reported;
use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

/// A deployment whose tag stands for a build by now that crashes.
async fn about_to_crash(bed: &Bed) -> Gateway {
    let registry = shop(bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 2)).await;
    bed.wait_rolled_out("deployment", "web").await;
    // Without a digest of what runs there is no way back to it.
    bed.wait_for_pods("the digests of what runs", "app=web", |pods| {
        let told =
            |pod: &Value| pod["status"]["containerStatuses"][0]["imageID"].as_str().is_some_and(|id| id.contains('@'));
        pods.iter().all(told)
    })
    .await;
    let broken = bed.image("broken").created("2026-11-20T10:00:00Z").that_crashes();
    bed.push(&registry, "shop/web", "1.0", broken).await;
    registry
}

/// The ending without what depends on the moment: how far it was, and the words of the kubelet.
fn calm(ran: &Ran) -> String {
    let lines = ending(ran).lines().map(calm_line).collect::<Vec<_>>();
    lines.join("\n") + "\n"
}

fn calm_line(line: &str) -> String {
    let parts = line.split(" · ").filter(|part| !part.ends_with(" got the new content"));
    let parts = parts.map(|part| match part.split_once("it cannot go on: ") {
        Some((start, _)) => format!("{start}it cannot go on: …"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(" · ")
}

/// The command that a hint begins with these words for.
fn command(ran: &Ran, words: &str) -> Vec<String> {
    let start = format!("hint: {words} `kubectl freshimage ");
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix(&start));
    let line = line.unwrap_or_else(|| panic!("no hint `{words}`:\n{}", ran.normalise()));
    line.trim_end_matches('`').split(' ').map(str::to_owned).collect()
}

fn history(object: &Value) -> Value {
    let text = object["metadata"]["annotations"]["kubectl-freshimage/history"].as_str().expect("it has a history");
    serde_json::from_str(text).expect("the history is JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_crashes_is_taken_back() {
    let bed = Bed::start("trouble-back").await;
    let registry = about_to_crash(&bed).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "--rollback", "--timeout", "10m"];
    let ran = freshimage(&bed, &bump).await;
    // It is not waited for the end of the time: three crashes are enough.
    assert_ended(&ran, 12);
    let result = ending(&ran);
    assert!(result.contains("deployment/web   tagged 1.1 · taken back: "), "{result}");
    assert!(result.ends_with(" · runs what it ran before, verified\n--- stderr\n"), "{result}");
    let image = image_of(&bed, "deployment", "web").await;
    assert_snapshot!(bed.normaliser().normalise(&image), @"<registry>/shop/web:1.0@<manifest:old>");
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0@<manifest:old>   pinned   2/2   tag has moved on
    ");
    drop(registry);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_crashes_is_kept_with_the_commands_to_go_on_and_back() {
    let bed = Bed::start("trouble-kept").await;
    let registry = about_to_crash(&bed).await;
    let ran = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes", "--timeout", "10m"]).await;
    assert_ended(&ran, 12);
    assert!(!ran.stdout.contains("note: "), "{}", ran.normalise());
    assert_snapshot!(ran.normalised_stderr(), @"
    hint: go on with `kubectl freshimage bump deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let crashed = ["CrashLoopBackOff", "Error, exit code 1", "the container has ended: Error"];
    assert!(ran.stdout.contains("deployment/web   tagged 1.1 · patched · "), "{}", ran.stdout);
    assert!(crashed.iter().any(|why| ran.stdout.contains(why)), "{}", ran.stdout);
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.1"));
    let on = command(&ran, "go on with");
    let on: Vec<&str> = on.iter().map(String::as_str).chain(["--yes", "--timeout", "5s"]).collect();
    let again = freshimage(&bed, &on).await;
    assert_ended(&again, 12);
    assert!(again.stdout.contains("as planned already · "), "{}", again.stdout);
    assert_eq!(history(&bed.get("deployment", "web").await)["changes"].as_array().map(Vec::len), Some(1));
    let back = command(&ran, "back with");
    let back: Vec<&str> = back.iter().map(String::as_str).chain(["--yes"]).collect();
    assert_snapshot!(ending(&freshimage(&bed, &back).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_crashes_while_it_is_watched_is_not_verified() {
    let bed = Bed::start("trouble-settle").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    let late = bed.image("late").created("2026-11-20T10:00:00Z").that_crashes_after(5);
    bed.push(&registry, "shop/web", "1.0", late).await;
    let bump = ["bump", "deployment/web", "--to", "tag=1.1", "--yes", "--settle", "10s", "--timeout", "20s"];
    let ran = freshimage(&bed, &bump).await;
    assert_ended(&ran, 12);
    let result = ending(&ran);
    assert!(
        result.contains("deployment/web   tagged 1.1 · patched · ") && result.contains("not confirmed: "),
        "{result}"
    );
    assert_eq!(history(&bed.get("deployment", "web").await)["changes"][0]["proven"], false);
    let back = freshimage(&bed, &["undo", "deployment/web", "--yes", "--settle", "4s"]).await;
    assert_ended(&back, 0);
    assert!(back.stdout.ends_with(" · no restart in 4s\n"), "{}", back.normalise());
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_cannot_pull_is_shown_with_its_reason() {
    let bed = Bed::start("trouble-pull").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    registry.when(Match::any().reference("1.1").from_nodes(), Effect::status(403));
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "--timeout", "10m"];
    let ran = freshimage(&bed, &bump).await;
    assert_snapshot!(calm(&ran), @"
    exit 12
    deployment/web   tagged 1.1 · patched · not confirmed: it cannot go on: …
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert!(ran.stdout.contains("ImagePullBackOff: ") || ran.stdout.contains("ErrImagePull: "), "{}", ran.stdout);
    registry.heal();
    let again = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ending(&again), @"
    exit 0
    deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_whose_content_is_gone_touches_nothing() {
    let bed = Bed::start("trouble-gone").await;
    let registry = bed.gateway(testbed::gateway::GatewayOptions::new()).await;
    let old = bed.push(&registry, "shop/web", "1.0", bed.image("old").created("2026-11-17T10:00:00Z")).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await, 0);
    bed.delete_manifest(&registry, "shop/web", &old).await;
    let before = bed.get("deployment", "web").await;
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/web", "--yes"]).await.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/web: what ran before in container app (<manifest:old>…) is gone from registry `<registry>`
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: what ran before in container app (<manifest:old>…) is gone from registry `<registry>`
    hint: push that build again, or bump to a tag that is there: `--to existing=NAME`
    ");
    let after = bed.get("deployment", "web").await;
    assert_eq!(
        (&after["spec"], &after["metadata"]["annotations"]),
        (&before["spec"], &before["metadata"]["annotations"])
    );

    // The same is known before a bump, and said.
    let newest = bed.image("newest").created("2026-11-22T10:00:00Z");
    let new = bed.push(&registry, "shop/web", "1.1", newest).await;
    assert_ne!(old, new);
    let running = bed.image("new").created("2026-11-20T10:00:00Z").digest();
    bed.delete_manifest(&registry, "shop/web", &running).await;
    wait_reported(&bed).await;
    let bumped = freshimage(&bed, &["bump", "deployment/web", "--to", "digest", "--yes"]).await;
    assert_snapshot!(bumped.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app   suspect
        - image: <registry>/shop/web:1.1
        + image: <registry>/shop/web:1.1@<manifest:newest>
        runs <manifest:new>…, will run <manifest:newest>…
        1 pod is replaced
        note: container app: `undo` will not be possible: what runs now is not in the repository any more

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:newest>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_of_what_somebody_changed_since_is_refused() {
    let bed = Bed::start("trouble-changed").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    let never = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(never.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: it was never changed by `bump` or `pin`
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");
    push_again(&bed, &registry).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await, 0);
    bed.set_image("deployment", "web", "app", &registry.image("shop/web", "0.9")).await;
    bed.wait_rolled_out("deployment", "web").await;
    let ran = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/web: container app asks for `<registry>/shop/web:0.9` by now, not for `<registry>/shop/web:1.1` as after the last change: somebody changed it since
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: container app asks for `<registry>/shop/web:0.9` by now, not for `<registry>/shop/web:1.1` as after the last change: somebody changed it since
    hint: `kubectl rollout history` and `kubectl rollout undo` know the revisions that others made
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "0.9"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_bump_at_once_one_wins_and_no_record_is_lost() {
    let bed = Bed::start("trouble-two").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    let (one, other) = tokio::join!(freshimage(&bed, &bump), freshimage(&bed, &bump));
    let codes = [one.code, other.code];
    assert!(codes.contains(&Some(0)), "{}\n{}", one.normalise(), other.normalise());
    for ran in [one, other] {
        let done_already = ran.code == Some(0);
        let told = done_already || (ran.code == Some(13) && ran.stderr.contains("by now"));
        let told = told || (ran.code == Some(13) && ran.stdout.contains("it was not patched"));
        assert!(told, "{}", ran.normalise());
    }
    let changes = history(&bed.get("deployment", "web").await)["changes"].clone();
    assert_eq!(changes.as_array().map(Vec::len), Some(1), "{changes:#}");
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.1"));
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_second_is_refused_and_told_what_was_changed() {
    let bed = Bed::start("trouble-second").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    // The first has its plan and is about to write its tag.
    let mut paused = registry.pause_at(Match::any().method(http::Method::PUT).reference("1.1"));
    let first = bed.product(crate::support::BINARY).args(&["bump", "deployment/web", "--to", "tag", "--yes"]).spawn();
    paused.reached().await;
    assert_ended(&freshimage(&bed, &["pin", "deployment/web", "--yes"]).await, 0);
    let pinned = image_of(&bed, "deployment", "web").await;
    paused.release();
    let first = first.wait().await;
    assert_snapshot!(first.normalise(), @"
    exit 13
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    deployment/web   tagged 1.1 · refused: its container app asks for `<registry>/shop/web:1.0@<manifest:new>` by now; it was not patched
    --- stderr
    hint: look at it again, then try it anew with `kubectl freshimage bump deployment/web --to tag=1.1`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, pinned);
    let changes = history(&bed.get("deployment", "web").await)["changes"].clone();
    assert_eq!(changes.as_array().map(Vec::len), Some(1), "{changes:#}");
    bed.finish().await;
}
