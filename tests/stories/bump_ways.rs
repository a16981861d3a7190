//! The ways in which a workload asks for its content from now on, which content is meant, and the way back of each.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_tag_is_created_if_free_used_if_it_holds_the_same_and_refused_if_it_holds_another() {
    let bed = Bed::start("way-tag").await;
    let registry = shop(&bed).await;
    for name in ["web", "api", "shelf"] {
        bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment(name, 1)).await;
    }
    for name in ["web", "api", "shelf"] {
        bed.wait_rolled_out("deployment", name).await;
    }
    push_again(&bed, &registry).await;
    let free = freshimage(&bed, &["bump", "deployment/web", "--to", "tag=spring-sale", "--yes"]).await;
    assert_snapshot!(free.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: spring-sale
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:spring-sale
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    deployment/web   tagged spring-sale · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let same = freshimage(&bed, &["bump", "deployment/api", "--to", "tag=spring-sale", "--yes"]).await;
    assert_snapshot!(same.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
          tag: spring-sale
        it holds <manifest:new>… already, so nothing is written

      deployment/api, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:spring-sale
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    deployment/api   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/api`
    ");
    registry.forget_requests();
    let other = freshimage(&bed, &["bump", "deployment/shelf", "--to", "tag=0.9", "--yes"]).await;
    assert_snapshot!(other.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/shelf, container app: the tag `0.9` is taken: it holds <manifest:older>…
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/shelf, container app: the tag `0.9` is taken: it holds <manifest:older>…
    hint: choose another name, or switch to what it holds with `--to existing=0.9`
    ");
    assert_eq!(registry.requests().writes(), 0);
    assert_eq!(image_of(&bed, "deployment", "shelf").await, registry.image("shop/web", "1.0"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_is_there_is_switched_to_whatever_it_holds() {
    let bed = Bed::start("way-existing").await;
    let registry = shop(&bed).await;
    bed.tag(&registry, "shop/web", "0.9", "stable").await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    let bump = async |name: &str| {
        let way = format!("existing={name}");
        freshimage(&bed, &["bump", "deployment/web", "--to", &way, "--yes"]).await
    };
    assert_snapshot!(bump("7.7").await.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/web, container app: the repository has no tag `7.7`
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web, container app: the repository has no tag `7.7`
    ");
    assert_snapshot!(bump("0.9").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:0.9
        runs <manifest:old>…, will run <manifest:older>…
        1 pod is replaced

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:older>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_snapshot!(bump("stable").await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app   fresh
        - image: <registry>/shop/web:0.9
        + image: <registry>/shop/web:stable
        runs <manifest:older>… and goes on running it
        1 pod is replaced
        note: `stable` moves by design: what the pods run will depend on when they start

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:older>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_keeps_the_tag_for_the_reader_and_is_undone() {
    let bed = Bed::start("way-digest").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 2)).await;
    bed.wait_rolled_out("deployment", "web").await;
    let new = push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &["pin", "deployment/web", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.0@<manifest:new>
        runs <manifest:old>…, will run <manifest:new>…
        2 pods are replaced

    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, format!("{}@{new}", registry.image("shop/web", "1.0")));
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0@<manifest:new>   pinned   2/2
    ");
    let again = freshimage(&bed, &["bump", "deployment/web", "--to", "digest", "--yes"]).await;
    assert_snapshot!(ending(&again), @"
    exit 0
    deployment/web   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:old>… · no restart in <age>
    --- stderr
    ");
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn always_pull_is_not_recommended_restarts_and_is_undone_with_its_policy() {
    let bed = Bed::start("way-pull").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    let bump = &["bump", "deployment/web", "--to", "always-pull", "--yes"];
    assert_snapshot!(freshimage(&bed, bump).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app   stale
          image: <registry>/shop/web:1.0
        - imagePullPolicy: IfNotPresent
        + imagePullPolicy: Always
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced
        note: not recommended: from now on every start of a pod needs the registry; with a unique tag (`--to tag`) it does not

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let template = bed.get("deployment", "web").await["spec"]["template"].clone();
    assert_eq!(template["spec"]["containers"][0]["imagePullPolicy"], "Always");
    assert!(template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_string(), "{template}");
    assert_snapshot!(ending(&freshimage(&bed, bump).await), @"
    exit 0
    deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/web", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.0@<manifest:old>
        - imagePullPolicy: Always
        + imagePullPolicy: IfNotPresent
        will run <manifest:old>…
        1 pod is replaced

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    let template = bed.get("deployment", "web").await["spec"]["template"].clone();
    assert_eq!(template["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");

    // The tag moved again: the policy is there, and a restart is all that is lacking.
    bed.set_image("deployment", "web", "app", &registry.image("shop/web", "1.0")).await;
    bed.merge_patch(
        "deployment",
        "web",
        &json!({"spec": {"template": {"spec": {"containers": [
            {"name": "app", "image": registry.image("shop/web", "1.0"), "imagePullPolicy": "Always"},
        ]}}}}),
    )
    .await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.push(&registry, "shop/web", "1.0", bed.image("newest").created("2026-11-22T10:00:00Z")).await;
    assert_snapshot!(freshimage(&bed, bump).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app   stale
          image: <registry>/shop/web:1.0
        runs <manifest:new>…, will run <manifest:newest>…
        1 pod is replaced

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:newest>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_gets_a_name_or_a_pin_before_it_is_lost() {
    let bed = Bed::start("way-running").await;
    let registry = shop(&bed).await;
    for name in ["web", "api"] {
        bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment(name, 1)).await;
        bed.wait_rolled_out("deployment", name).await;
    }
    push_again(&bed, &registry).await;
    let named = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--content", "running", "--yes"]).await;
    assert_snapshot!(named.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that run now, <manifest:old>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>… and goes on running it
        1 pod is replaced

    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let pinned = freshimage(&bed, &["pin", "deployment/api", "--content", "running", "--yes"]).await;
    assert_snapshot!(pinned.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/api, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.0@<manifest:old>
        runs <manifest:old>… and goes on running it
        1 pod is replaced

    deployment/api   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/api`
    ");
    // What runs is named once: the next free name is for what is served.
    let served = freshimage(&bed, &["bump", "deployment/api", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ending(&served), @"
    exit 0
    deployment/api   tagged 1.2 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/api`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_workload_that_is_named_leaves_its_floating_tag() {
    let bed = Bed::start("way-floating").await;
    let registry = shop(&bed).await;
    bed.tag(&registry, "shop/web", "1.0", "latest").await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "latest")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    assert_snapshot!(freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    --- stderr
    Nothing that was selected runs old content in namespace `<namespace>`. A workload that is named is bumped all the same.
    ");
    let dry = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--dry-run=client"]).await;
    assert_snapshot!(dry.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
          tag: 1.0
        it holds <manifest:old>… already, so nothing is written

      deployment/web, container app   fresh
        - image: <registry>/shop/web:latest
        + image: <registry>/shop/web:1.0
        runs <manifest:old>… and goes on running it
        1 pod is replaced
    --- stderr
    Nothing was changed (dry run).
    ");
    let served = bed.image("old").created("2026-11-17T10:00:00Z").digest();
    bed.name_text(&served["sha256:".len()..][..12], "its digits");
    let bumped = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--scheme", "digest", "--yes"]).await;
    assert_snapshot!(ending(&bumped), @"
    exit 0
    deployment/web   tagged <its digits> · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:<its digits>   fresh   1/1
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bumps_are_undone_one_after_the_other() {
    let bed = Bed::start("way-twice").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await, 0);
    bed.push(&registry, "shop/web", "1.1", bed.image("newest").created("2026-11-22T10:00:00Z")).await;
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await, 0);
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.2"));
    let undo = async || freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(undo().await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app
        - image: <registry>/shop/web:1.2
        + image: <registry>/shop/web:1.1@<manifest:new>
        will run <manifest:new>…
        1 pod is replaced

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(undo().await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 1 pod to replace

      deployment/web, container app
        - image: <registry>/shop/web:1.1@<manifest:new>
        + image: <registry>/shop/web:1.0@<manifest:old>
        will run <manifest:old>…
        1 pod is replaced

    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    assert_snapshot!(ending(&undo().await), @"
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
async fn replicas_of_different_content_are_made_whole() {
    let bed = Bed::start("way-mixed").await;
    let registry = shop(&bed).await;
    let apart = json!([{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }]);
    let template =
        PodTemplate::new("app", &registry.image("shop/web", "1.0")).field("topologySpreadConstraints", apart);
    bed.create(&template.deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    bed.merge_patch("deployment", "web", &json!({"spec": {"replicas": 2}})).await;
    bed.wait_rolled_out("deployment", "web").await;
    let unclear = freshimage(&bed, &["pin", "deployment/web", "--content", "running", "--yes"]).await;
    assert_snapshot!(unclear.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web, container app: its pods run 2 different contents, and which one is meant cannot be told
    ");
    assert_snapshot!(freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 2 pods to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   mixed
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>… and <manifest:new>…, will run <manifest:new>…
        2 pods are replaced

    deployment/web   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.1   fresh   2/2
    ");
    let history = bed.get("deployment", "web").await["metadata"]["annotations"]["kubectl-freshimage/history"].clone();
    let history: Value = serde_json::from_str(history.as_str().expect("a history")).expect("it is JSON");
    assert_eq!(history["changes"].as_array().map(Vec::len), Some(1), "{history:#}");
    bed.finish().await;
}
