//! Registries and caches that answer a HEAD wrongly while a GET works: what is there is neither absent nor free.

use http::Method;
use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Effect, Gateway, Match};

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

/// HEADs and GETs of a tag.
fn asked(registry: &Gateway, tag: &str) -> (usize, usize) {
    let requests = registry.requests();
    let count = |method: Method| requests.count(|one| one.method == method && one.reference() == Some(tag));
    (count(Method::HEAD), count(Method::GET))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_head_does_not_find_is_asked_for_once_more_before_it_is_unpublished() {
    let bed = Bed::start("bad-heads").await;
    let registry = shop(&bed).await;
    bed.push(&registry, "shop/gone", "1.0", bed.image("gone")).await;
    for name in ["web", "gone"] {
        let image = registry.image(&format!("shop/{name}"), "1.0");
        bed.create(&PodTemplate::new("app", &image).deployment(name, 1)).await;
        bed.wait_rolled_out("deployment", name).await;
    }
    push_again(&bed, &registry).await;
    bed.delete_manifest(&registry, "shop/gone", &bed.image("gone").digest()).await;
    for status in [404, 405, 400, 501] {
        registry.when(Match::heads_of_manifests(), Effect::status(status));
        registry.forget_requests();
        let ran = freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await;
        registry.heal();
        insta::allow_duplicates! {
            assert_snapshot!(ran.normalise(), @"
            exit 10
            --- stdout
            WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
            deployment/gone   app   <registry>/shop/gone:1.0   unpublished   1/1   the registry has no such tag
            deployment/web   app   <registry>/shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
            --- stderr

            1 of 2 workloads runs old content in 1 pod, 1 runs an image that no registry has.
            hint: see the proof with `kubectl freshimage explain deployment/web`
            hint: give it a unique tag with `kubectl freshimage bump deployment/web`
            ");
        }
        assert_eq!(asked(&registry, "1.0"), (2, 2), "{status}: each of the two tags once by either way");
    }
    // A refusal is an answer: it is not asked again in another way.
    for status in [401, 403, 429] {
        registry.when(Match::heads_of_manifests(), Effect::status(status).header("Retry-After", "3600"));
        registry.forget_requests();
        let list = freshimage(&bed, &["diagnose", "deployment/web", "-o", "json"]).await.json();
        registry.heal();
        assert_eq!(list["items"][0]["verdict"], "unknown", "{status}");
        assert_eq!(asked(&registry, "1.0").1, 0, "{status}");
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_a_head_does_not_find_is_not_free() {
    let bed = Bed::start("lying-heads").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    // Not in the list of tags, and not to be found by a HEAD: only a GET tells that it is somebody's.
    let taken = bed.push(&registry, "shop/web", "1.1", bed.image("somebody's")).await;
    let list = Effect::status(200).body(r#"{"name":"shop/web","tags":["0.9","1.0"]}"#);
    registry.when(Match::path("/tags/list"), list);
    registry.when(Match::heads_of_manifests(), Effect::status(404));

    let ran = freshimage(&bed, &["next-tag", &registry.image("shop/web", "1.0")]).await;
    assert_ended(&ran, 0);
    assert_eq!(ran.stdout, "1.2\n");

    let named = freshimage(&bed, &["bump", "deployment/web", "--to", "tag=1.1", "--yes"]).await;
    assert_ended(&named, 1);
    assert!(named.normalised_stderr().contains("`1.1`"), "{}", named.normalise());

    let ran = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   tagged 1.2 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.2"));
    let upstream = registry.upstream_repository("shop/web");
    let held = bed.side_door().manifest(&upstream, "1.1").await.expect("it is there");
    assert_eq!(held.digest(), taken, "it is what it was");
    bed.finish().await;
}
