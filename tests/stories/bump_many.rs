//! Many workloads with one image: one tag, one look at it, and all of them patched and proven.

use std::collections::BTreeSet;

use http::Method;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;

use crate::support::{assert_ended, freshimage, push_again, shop};

const MANY: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_workloads_with_one_image_get_one_tag() {
    let bed = Bed::start("many").await;
    let registry = shop(&bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    let names: Vec<String> = (1..=MANY).map(|number| format!("web-{number}")).collect();
    for name in &names {
        bed.create(&template.deployment(name, 1)).await;
    }
    for name in &names {
        bed.wait_rolled_out("deployment", name).await;
    }
    push_again(&bed, &registry).await;
    registry.forget_requests();
    let bump = ["bump", "--all", "--to", "tag", "--yes", "--max-parallel", "25"];
    let ran = freshimage(&bed, &bump).await;
    assert_ended(&ran, 0);
    assert!(
        ran.stdout.starts_with("Plan: 1 tag to write, 50 workloads to patch, 50 pods to replace\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stdout.matches(" · verified: 1 of 1 pod runs ").count(), MANY, "{}", ran.stdout);
    assert_eq!(ran.stderr.matches("hint:").count(), 1, "{}", ran.stderr);

    let requests = registry.requests();
    assert_eq!(requests.count(|asked| asked.method == Method::PUT && asked.reference().is_some()), 1);
    // The product's own look-ups: a few for the plan and the tag, and a few for each proof at most.
    let own = requests.count(|asked| !asked.user_agent().contains("containerd"));
    assert!(own <= 20 + 4 * MANY, "{own} requests to the registry");
    let images: BTreeSet<String> = bed
        .list("deployments")
        .await
        .iter()
        .filter_map(|object| object.pointer("/spec/template/spec/containers/0/image")?.as_str().map(str::to_owned))
        .collect();
    assert_eq!(images, BTreeSet::from([registry.image("shop/web", "1.1")]));

    // All of them once more: nothing to write, everything proven.
    registry.forget_requests();
    let again = freshimage(&bed, &["bump", "deployments", "--to", "tag", "--yes"]).await;
    assert_ended(&again, 0);
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}
