//! Definitions that `kubectl apply` made: what the plan says of the next apply is what the next apply does. With the real
//! kubectl, also against the simulated cluster where this machine has one.

use std::path::Path;

use insta::assert_snapshot;
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};
use testbed::gateway::Gateway;

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

const MANIFEST: &str = "deployment.json";

async fn kubectl(bed: &Bed, arguments: &[&str]) -> Ran {
    bed.product("kubectl").args(arguments).run().await
}

/// Whether there is no kubectl to live this story with; says so.
#[expect(clippy::print_stdout, reason = "whoever reads the output of the tests shall see what was left out")]
fn has_no_kubectl(bed: &Bed) -> bool {
    let none = !bed.is_real()
        && !["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|place| Path::new(place).join("kubectl").exists());
    if none {
        println!("not lived: there is no kubectl here");
    }
    none
}

/// Writes the manifest with this tag.
fn write(bed: &Bed, registry: &Gateway, tag: &str) {
    let mut object = PodTemplate::new("app", &registry.image("shop/web", tag)).on_node("node-a").deployment("web", 1);
    object["metadata"]["namespace"] = bed.name().into();
    std::fs::write(bed.home().join(MANIFEST), object.to_string()).expect("the home is ours to write");
}

/// A deployment that was applied, and whose tag was pushed again.
async fn applied(bed: &Bed, apply: &[&str]) -> Gateway {
    let registry = shop(bed).await;
    write(bed, &registry, "1.0");
    assert_ended(&kubectl(bed, apply).await, 0);
    bed.wait_rolled_out("deployment", "web").await;
    push_again(bed, &registry).await;
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_side_apply_of_the_old_manifest_ends_in_the_conflict_that_the_plan_told() {
    let bed = Bed::start("applied-server").await;
    if has_no_kubectl(&bed) {
        return bed.finish().await;
    }
    let apply = ["apply", "--server-side", "-f", MANIFEST];
    let registry = applied(&bed, &apply).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
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
        note: `kubectl` manages the image by server-side apply: change it in its manifest too, or the next apply ends in a conflict

    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let conflict = kubectl(&bed, &apply).await;
    assert_ended(&conflict, 1);
    let words = ["conflict", "kubectl-freshimage", ".spec.template.spec.containers[name=\"app\"].image"];
    assert!(words.iter().all(|word| conflict.stderr.contains(word)), "{}", conflict.normalise());
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.1"));
    write(&bed, &registry, "1.1");
    assert_ended(&kubectl(&bed, &apply).await, 0);
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @"
    exit 0
    deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_apply_of_the_old_manifest_puts_it_back_as_the_plan_told() {
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    let undo = ["undo", "deployment/web", "--yes"];
    let told =
        "note: it was made with `kubectl apply`: change the image in its manifest too, or the next one puts it back";
    for commands in [&[&bump[..]][..], &[&bump[..], &undo[..]]] {
        let bed = Bed::start("applied-client").await;
        if has_no_kubectl(&bed) {
            return bed.finish().await;
        }
        let apply = ["apply", "-f", MANIFEST];
        let registry = applied(&bed, &apply).await;
        let written = registry.image("shop/web", "1.0");
        for command in commands {
            let ran = freshimage(&bed, command).await;
            assert_ended(&ran, 0);
            assert!(ran.stdout.contains(told), "{}", ran.normalise());
            assert_ne!(image_of(&bed, "deployment", "web").await, written);
        }
        assert_ended(&kubectl(&bed, &apply).await, 0);
        assert_eq!(image_of(&bed, "deployment", "web").await, written);
        bed.wait_rolled_out("deployment", "web").await;

        // What was put back is what ran before the next change.
        assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "digest", "--yes"]).await, 0);
        assert_ended(&freshimage(&bed, &undo).await, 0);
        let old = bed.image("old").created("2026-11-17T10:00:00Z").digest();
        assert_eq!(image_of(&bed, "deployment", "web").await, format!("{written}@{old}"));
        bed.finish().await;
    }
}
