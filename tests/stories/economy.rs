//! How little is asked: one HEAD for each distinct reference, and nothing else where all is well.

use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::image::Index;

use crate::support::freshimage;

fn by_method(registry: &Gateway) -> (usize, usize) {
    let requests = registry.requests();
    (requests.count(|asked| asked.method == "HEAD"), requests.count(|asked| asked.method == "GET"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_pods_cost_one_head_for_each_distinct_reference() {
    let bed = Bed::start("economy").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let second = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("app")).await;
    bed.push(&registry, "app", "1.1", bed.image("app, next")).await;
    let both = [bed.image("tools"), bed.image("tools").platform("linux", "s390x", None)];
    bed.push(&registry, "tools", "1.0", Index::new(both).with_attestations()).await;
    bed.push(&second, "app", "1.0", bed.image("another app")).await;

    let (app, next) = (registry.image("app", "1.0"), registry.image("app", "1.1"));
    let (tools, elsewhere) = (registry.image("tools", "1.0"), second.image("app", "1.0"));
    for (name, template) in [
        ("one", PodTemplate::new("app", &app).container("tools", &tools)),
        ("two", PodTemplate::new("app", &app).sidecar("tools", &tools)),
        ("three", PodTemplate::new("app", &next)),
        ("four", PodTemplate::new("app", &elsewhere)),
    ] {
        bed.create(&template.deployment(name, 3)).await;
    }
    for name in ["one", "two", "three", "four"] {
        bed.wait_rolled_out("deployment", name).await;
    }
    registry.forget_requests();
    second.forget_requests();

    let list = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    assert_eq!(list["summary"]["pods"], 12);
    assert_eq!(list["summary"]["images"], 4);
    assert_eq!(list["summary"]["fresh"], 4);
    assert_eq!(registry.requests().heads("app", "1.0"), 1);
    assert_eq!(registry.requests().heads("app", "1.1"), 1);
    assert_eq!(registry.requests().heads("tools", "1.0"), 1);
    assert_eq!(by_method(&registry), (3, 0));
    assert_eq!(by_method(&second), (1, 0));

    // One tag moves: its two contents are read, and of the rest nothing more than before.
    bed.push(&registry, "app", "1.1", bed.image("app, after next")).await;
    registry.forget_requests();
    let list = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    assert_eq!((&list["summary"]["stale"], &list["summary"]["fresh"]), (&1.into(), &3.into()));
    let requests = registry.requests();
    assert_eq!(requests.count(|asked| asked.method == "HEAD"), 3);
    let read = |what: &str| requests.count(|asked| asked.method == "GET" && asked.path.starts_with(what));
    assert_eq!((read("/v2/app/manifests/sha256:"), read("/v2/app/blobs/"), read("/v2/tools/")), (2, 2, 0));
    bed.finish().await;
}
