//! A registry that the nodes know by another name than this machine, as in every local cluster.

use insta::assert_snapshot;
use testbed::bed::workload::{PodTemplate, pull_secret};
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Authentication, Gateway, Login};

use crate::support::{BINARY, assert_ended, assert_published, ending, freshimage, image_of, log_in, push_again, shop};

const READER: &str = "pod-reader";

/// A stale deployment whose registry has a name inside.
async fn stale_inside(bed: &Bed) -> (Gateway, String) {
    let registry = shop(bed).await;
    let inside = bed.name_inside(&registry);
    let image = format!("{inside}/shop/web:1.0");
    bed.create(&PodTemplate::new("app", &image).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(bed, &registry).await;
    registry.forget_requests();
    (registry, inside)
}

/// The first item's words; how a name that resolves nowhere is told differs from machine to machine.
async fn unknown(bed: &Bed, arguments: &[&str]) -> (Ran, String) {
    let ran = bed.product(BINARY).args(arguments).run().await;
    let list = ran.json();
    assert_published(&list);
    assert_eq!(list["items"][0]["verdict"], "unknown", "{list:#}");
    let hint = list["items"][0]["running"][0]["hint"].as_str().unwrap_or_default().to_owned();
    (ran, hint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cluster_says_of_its_registry_is_enough_to_diagnose_bump_and_undo() {
    let bed = Bed::start("inside").await;
    let (registry, inside) = stale_inside(&bed).await;

    // Nobody knows yet, and that nothing is said in the cluster is nothing worth a note.
    let (ran, hint) = unknown(&bed, &["diagnose", "-o", "json"]).await;
    assert_eq!(
        hint,
        "check that this machine reaches the registry, as the nodes do; if it has another name outside the cluster, \
         give it with `--registry-mirror HOST=URL`"
    );
    assert_eq!(ran.json()["problems"].as_array().map(Vec::len), Some(0));
    assert_eq!(registry.requests().all().len(), 0);

    // Nobody listens at the place that it names: its own help is passed on.
    let hosting = |host: &str| {
        format!("host: \"{host}\"\nhostFromContainerRuntime: \"{inside}\"\nhelp: \"https://help.example.com/local\"\n")
    };
    bed.publish_local_registry(&hosting("localhost:1")).await;
    let (ran, hint) = unknown(&bed, &["explain", "deployment/web", "-o", "json"]).await;
    assert_eq!(hint, "the cluster says about this registry: https://help.example.com/local");
    assert_eq!(
        ran.json()["items"][0]["reason"],
        format!("registry `{inside}` cannot be reached at `localhost:1`: connection refused")
    );

    // What no registry could be is not asked.
    bed.publish_local_registry(&hosting("http://anna:secret@localhost/")).await;
    let ran = freshimage(&bed, &["diagnose", "-o", "json"]).await;
    let told = ran.json()["problems"].to_string();
    assert!(told.contains("configmaps") && told.contains("its `host` is no registry's host"), "{told}");
    assert!(!told.contains("secret"), "{told}");
    bed.publish_local_registry(&hosting(&registry.host())).await;
    // Who may not read it is told how to help oneself, and nothing else.
    bed.allow(READER, &["list"], &["pods"]).await;
    let ran = bed.product(BINARY).kubeconfig(&bed.kubeconfig_for(READER)).args(&["diagnose", "-o", "json"]).run().await;
    let list = ran.json();
    assert_eq!(list["items"][0]["verdict"], "unknown");
    assert!(list["items"][0]["running"][0]["hint"].as_str().is_some_and(|hint| hint.contains("--registry-mirror")));
    let problems = list["problems"].as_array().expect("a list");
    assert!(!problems.iter().any(|problem| problem["what"] == "configmaps"), "{problems:?}");

    if let Some(cluster) = bed.simulated() {
        cluster.request_log().reset();
    }
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry inside>/shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");
    if let Some(cluster) = bed.simulated() {
        assert_eq!(cluster.request_log().count("get", "/api/v1/namespaces/kube-public/"), 1);
    }
    let ran = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry inside>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry inside>/shop/web:1.0
        + image: <registry inside>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, format!("{inside}/shop/web:1.1"));
    if let Some(cluster) = bed.simulated() {
        assert_eq!(cluster.request_log().count("get", "/api/v1/namespaces/kube-public/"), 2, "once a run");
    }
    let upstream = registry.upstream_repository("shop/web");
    let held = bed.side_door().manifest(&upstream, "1.1").await.expect("it was written");
    assert_eq!(held.digest(), bed.image("new").created("2026-11-20T10:00:00Z").digest());
    let ran = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_is_given_holds_for_every_command_and_is_repeated_in_hints() {
    let bed = Bed::start("mirror").await;
    let (registry, inside) = stale_inside(&bed).await;
    let mirror = format!("{inside}={}", registry.url());
    let with = async |arguments: &[&str]| {
        bed.product(BINARY).args(arguments).args(&["--registry-mirror", &mirror]).run().await
    };
    assert_snapshot!(with(&["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry inside>/shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/web --registry-mirror <registry inside>=http://<registry>`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web --registry-mirror <registry inside>=http://<registry>`
    ");
    let ran = with(&["next-tag", &format!("{inside}/shop/web:1.0")]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "1.1\n"));
    let explained = with(&["explain", "deployment/web", "-o", "json"]).await;
    assert_eq!(explained.json()["items"][0]["verdict"], "stale");
    let ran = with(&["bump", "deployment/web", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web --registry-mirror <registry inside>=http://<registry>`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, format!("{inside}/shop/web:1.1"));
    assert_ended(&with(&["undo", "deployment/web", "--yes"]).await, 0);
    assert_ended(&with(&["pin", "deployment/web", "--yes"]).await, 0);
    let pinned = image_of(&bed, "deployment", "web").await;
    assert!(pinned.starts_with(&format!("{inside}/shop/web")) && pinned.contains("@sha256:"), "{pinned}");

    // What holds a password is refused, and not repeated.
    let secret = format!("{inside}=http://anna:hunter2@{}", registry.host());
    let ran = freshimage(&bed, &["diagnose", "--registry-mirror", &secret]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 2
    --- stdout
    --- stderr
    error: the URL of `--registry-mirror` must not contain a user name or password
    hint: log in with `docker login` to the host that the URL names
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_login_for_a_mirror_is_that_of_the_place_and_a_tag_is_written_with_it_alone() {
    let bed = Bed::start("mirror-login").await;
    let (registry, inside) = stale_inside(&bed).await;
    bed.create(&pull_secret("regcred", &[(&inside, "puller", "pull")])).await;
    let image = format!("{inside}/shop/web:1.0");
    bed.create(&PodTemplate::new("app", &image).pull_secret("regcred").deployment("api", 1)).await;
    bed.wait_rolled_out("deployment", "api").await;
    registry.require(Authentication::Basic(Login::user("anna", "push").and_user("puller", "pull").reader("puller")));
    let mirror = format!("{inside}={}", registry.url());
    let with = async |arguments: &[&str]| {
        bed.product(BINARY).args(arguments).args(&["--registry-mirror", &mirror]).run().await
    };
    // On this machine, the cluster's own secret opens what it opens inside; it writes nothing.
    let ran = with(&["diagnose", "-o", "json"]).await;
    let verdict = |place: usize| ran.json()["items"][place]["verdict"].clone();
    assert!(verdict(0) != "unknown" && verdict(1) == "unknown", "{}", ran.normalise());
    let bump = ["bump", "deployment/api", "--to", "tag=2.0", "--yes"];
    assert_ended(&with(&bump).await, 1);
    assert_eq!(registry.requests().count(|asked| asked.method == http::Method::PUT), 0);
    log_in(&bed, &registry, "anna", "push");
    let ran = with(&["diagnose", "-o", "json"]).await;
    assert_eq!(ran.json()["summary"]["unknown"], 0, "{}", ran.normalise());
    // The nodes pull with the pod's own secret.
    assert_ended(&with(&bump).await, 0);
    assert_eq!(image_of(&bed, "deployment", "api").await, format!("{inside}/shop/web:2.0"));
    bed.finish().await;
}
