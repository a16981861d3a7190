//! Policies and webhooks that rewrite references of workloads: one that puts the old image back is found before anything is
//! written, one that names another host is no hindrance, to the way back neither.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_puts_the_old_image_back_is_found_before_a_tag_is_written() {
    let bed = Bed::start("policy-back").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    bed.create(&PodTemplate::new("app", &image).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    bed.rewrite(&registry.image("shop/web", "1.1"), &image).await;
    let before = bed.get("deployment", "web").await["metadata"]["annotations"].clone();
    for words in [&["--yes"][..], &["--dry-run=server"]] {
        let ran = freshimage(&bed, &[&["bump", "deployment/web", "--to", "tag"], words].concat()).await;
        insta::allow_duplicates! { assert_snapshot!(ran.normalised_stderr(), @"
        error: it is refused, so nothing was changed
          caused by: deployment/web: container app: a policy or webhook of the cluster puts `<registry>/shop/web:1.0` back
        hint: change that policy or exempt the workload from it; `kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies` lists what rewrites objects
        "); }
        assert_ended(&ran, 1);
    }
    // Other content in the place of what is planned is no better.
    bed.rewrite(&registry.image("shop/web", "1.1"), &registry.image("shop/web", "0.9")).await;
    let ran = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ran.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: container app: a policy or webhook of the cluster makes `<registry>/shop/web:0.9` of `<registry>/shop/web:1.1`
    hint: change that policy or exempt the workload from it; `kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies` lists what rewrites objects
    ");
    assert_ended(&ran, 1);
    assert_eq!(registry.requests().count(|asked| asked.method == http::Method::PUT), 0, "no tag is written");
    assert_eq!(bed.get("deployment", "web").await["metadata"]["annotations"], before, "and no history");
    assert_eq!(image_of(&bed, "deployment", "web").await, image);

    // A digest is out of its reach.
    assert_ended(&freshimage(&bed, &["pin", "deployment/web", "--yes"]).await, 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_names_another_host_hinders_neither_the_change_nor_the_way_back() {
    let bed = Bed::start("policy-host").await;
    let registry = shop(&bed).await;
    // What is written to the origin comes to its mirror by itself.
    let mirror = |tag: &str| registry.image("mirror/web", tag);
    for (tag, image, day) in [("0.9", "older", 10), ("1.0", "old", 17)] {
        bed.push(&registry, "mirror/web", tag, bed.image(image).created(&format!("2026-11-{day}T10:00:00Z"))).await;
    }
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;
    bed.push(&registry, "shop/web", "1.1", bed.image("new").created("2026-11-20T10:00:00Z")).await;
    bed.push(&registry, "mirror/web", "1.1", bed.image("new").created("2026-11-20T10:00:00Z")).await;
    bed.rewrite(&registry.image("shop/web", ""), &mirror("")).await;
    let ran = freshimage(&bed, &["bump", "deployment/web", "--to", "existing=1.1", "--yes"]).await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, mirror("1.1"));
    let back = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(ending(&back), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}
