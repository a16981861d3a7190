//! Containers that no template has: a mesh or an agent adds them to the pods when they are created.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::Gateway;

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

const LABEL: (&str, &str) = ("dapr.io/sidecar-injected", "true");

/// A registry with the app and a sidecar that is added to every pod from now on, in its first build.
async fn shop_with_sidecar(bed: &Bed, container: &str) -> Gateway {
    let registry = shop(bed).await;
    bed.push(&registry, "mesh/proxy", "1.0", bed.image("proxy").created("2026-11-16T10:00:00Z")).await;
    bed.inject(container, &registry.image("mesh/proxy", "1.0"), LABEL).await;
    registry
}

/// A new build of the sidecar under its old tag.
async fn push_sidecar_again(bed: &Bed, registry: &Gateway) {
    bed.push(registry, "mesh/proxy", "1.0", bed.image("proxy-2").created("2026-11-19T10:00:00Z")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_that_something_injects_is_not_what_a_bump_of_the_workload_changes() {
    let bed = Bed::start("injected").await;
    let registry = shop_with_sidecar(&bed, "daprd").await;
    let image = registry.image("shop/web", "1.0");
    bed.create(&PodTemplate::new("app", &image).on_node("node-a").deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_sidecar_again(&bed, &registry).await;

    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   fresh   1/1
    deployment/web   daprd   <registry>/mesh/proxy:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits; injected by Dapr
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    ");
    assert_ended(&freshimage(&bed, &["diagnose", "deployment/web", "--fail-on", "injected"]).await, 10);
    let list = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    assert_eq!(list["items"][0]["injectedBy"], serde_json::Value::Null);
    assert_eq!(list["items"][1]["injectedBy"], "Dapr");
    let explained = freshimage(&bed, &["explain", "deployment/web"]).await.normalised_stdout();
    let (_, sidecar) = explained.split_once("container daprd").expect("a section for the sidecar");
    let (why, _) = sidecar.split_once("  evidence").expect("the proof");
    assert_snapshot!(why.split_once("  why").expect("the reason").1, @"
     re-pushed, built <age> ago; IfNotPresent, node holds the old bits;
                injected by Dapr
    no help   `kubectl rollout restart deployment/web`: a new pod gets what is
                injected by then: that is other content only if the image was
                changed where Dapr is configured
    helps   a unique tag for each build: set it where Dapr is configured, then
                restart the pods: no node, mirror or cache can answer a tag that
                was never used with old content (best)
                the digest in the reference:
                <registry>/mesh/proxy@<manifest:proxy-2>…: set it where Dapr
                is configured, then restart the pods: a digest names its content;
                nothing can answer it with other bits

    findings   moved-tag: the tag was pushed again under running pods; use a
                unique tag for each build
                injected: no template has this container, it is added to the pods
                when they are created; change its image where it is injected, and
                restart the pods
    injected by Dapr
    ");

    for words in [
        &["bump", "deployment/web", "--to", "tag", "--yes"][..],
        &["pin", "deployment/web", "--yes"],
        &["bump", "deployment/web", "--container", "daprd", "--to", "tag", "--yes"],
    ] {
        let refused = freshimage(&bed, words).await;
        assert_ended(&refused, 1);
        assert!(refused.stderr.contains("Dapr injects it; no template has it"), "{}", refused.normalise());
        assert!(refused.stderr.contains("hint: set the image where Dapr is configured"), "{}", refused.normalise());
    }
    assert_snapshot!(freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: nothing to change

      skipped deployment/web, container daprd: Dapr injects it; no template has it
    --- stderr
    ");
    assert_eq!(registry.requests().writes(), 0);
    assert_eq!(image_of(&bed, "deployment", "web").await, image);

    // With an old container of its own, that one is changed, and nothing is said of the other.
    push_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
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

      skipped deployment/web, container daprd: Dapr injects it; no template has it

    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let after = freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await;
    assert_ended(&after, 10);

    // What helps: the image is changed where it is injected, and the pods are created anew.
    bed.push(&registry, "mesh/proxy", "1.1", bed.image("proxy-2").created("2026-11-19T10:00:00Z")).await;
    bed.inject("daprd", &registry.image("mesh/proxy", "1.1"), LABEL).await;
    bed.restart("deployment", "web").await;
    assert_ended(&freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await, 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_injects_is_not_guessed_and_other_kinds_have_no_copy_of_their_template() {
    let bed = Bed::start("injected-kinds").await;
    let registry = shop_with_sidecar(&bed, "logger").await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.stateful_set("db", 1)).await;
    bed.create(&template.daemon_set("agent")).await;
    bed.wait_rolled_out("statefulset", "db").await;
    bed.wait_rolled_out("daemonset", "agent").await;
    push_sidecar_again(&bed, &registry).await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/agent   app   <registry>/shop/web:1.0   fresh   2/2
    daemonset/agent   logger   <registry>/mesh/proxy:1.0   stale   2/2   re-pushed, built <age> ago; IfNotPresent, node holds the old bits; injected, no template has it
    statefulset/db   app   <registry>/shop/web:1.0   fresh   1/1
    statefulset/db   logger   <registry>/mesh/proxy:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits; injected, no template has it
    --- stderr

    2 of 2 workloads run old content in 3 pods.
    hint: see the proof with `kubectl freshimage explain daemonset/agent`
    ");
    let refused = freshimage(&bed, &["bump", "statefulset/db", "daemonset/agent", "--to", "digest", "--yes"]).await;
    assert_snapshot!(ending(&refused), @"
    exit 1
      refused daemonset/agent, container logger: something injects it into the pods; no template has it
      refused statefulset/db, container logger: something injects it into the pods; no template has it
    --- stderr
    error: it is refused, so nothing was changed
      caused by: daemonset/agent, container logger: something injects it into the pods; no template has it
      caused by: statefulset/db, container logger: something injects it into the pods; no template has it
    hint: set the image where it is injected, then restart the pods: new ones get what is injected then
    ");
    bed.finish().await;
}
