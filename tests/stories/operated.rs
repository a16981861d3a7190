//! Workloads that something else keeps: an operator by its custom resource, and tools that leave a mark.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;

use crate::support::{assert_ended, ending, freshimage, image_of, push_again, shop};

fn marked(mut object: Value, field: &str, key: &str, value: &str) -> Value {
    object["metadata"][field][key] = json!(value);
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_an_operator_keeps_is_changed_under_its_own_name_and_with_force_only() {
    let bed = Bed::start("operated").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/web", "1.0");
    let databases = bed.define_kind("example.com", "v1", "Database", &[]).await;
    let database = json!({
        "apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "main"}, "spec": {"size": 1},
    });
    let database = bed
        .kubernetes()
        .create(&bed.path(&databases, None), &database)
        .await
        .expect("the kind is served, so an object of it can be made");
    let mut deployment = PodTemplate::new("app", &image).deployment("web", 1);
    deployment["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "example.com/v1", "kind": "Database", "name": "main",
        "uid": database["metadata"]["uid"], "controller": true,
    }]);
    bed.create(&deployment).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(&bed, &registry).await;

    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    database.example.com/main   app   <registry>/shop/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain database.example.com/main`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web --force`
    ");
    let list = freshimage(&bed, &["diagnose", "-o", "json"]).await.json();
    let item = &list["items"][0];
    assert_eq!(item["managers"], json!([{"tool": "operator", "name": "database.example.com/main"}]));
    assert_eq!(item["findings"], json!(["moved-tag", "gitops-owned"]));
    let explained = freshimage(&bed, &["explain", "database/main"]).await;
    for text in [
        "  template    in deployment/web\n",
        "freshimage bump deployment/web --force\n",
        "operator (database.example.com/main)",
    ] {
        assert!(explained.stdout.contains(text), "{text}: {}", explained.stdout);
    }
    let top = freshimage(&bed, &["bump", "database/main", "--to", "tag", "--yes"]).await;
    assert_ended(&top, 1);
    assert_snapshot!(top.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: database.example.com/main: it has no pod template; its pods are made from `deployment/web`
    hint: name that one, with `--force`: its operator may put the image back
    ");
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    let refused = freshimage(&bed, &bump).await;
    assert_ended(&refused, 1);
    assert_snapshot!(refused.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: the operator of `database.example.com/main` owns it and will put the image back
    hint: change it in that object too, or say `--force`
    ");
    assert_eq!(registry.requests().writes(), 0);
    assert_eq!(image_of(&bed, "deployment", "web").await, image);

    assert_snapshot!(ending(&freshimage(&bed, &[&bump[..], &["--force"]].concat()).await), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web --force`
    ");
    assert_ne!(image_of(&bed, "deployment", "web").await, image);
    let undo = ["undo", "deployment/web", "--yes"];
    assert_ended(&freshimage(&bed, &undo).await, 1);
    assert_snapshot!(ending(&freshimage(&bed, &[&undo[..], &["--force"]].concat()).await), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_that_put_images_back_are_named_and_need_force() {
    let bed = Bed::start("kept").await;
    let registry = shop(&bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    let triggers = r#"[{"from":{"kind":"ImageStreamTag","name":"web:latest"},"fieldPath":"spec.template.spec.containers[0].image"}]"#;
    for (name, field, key, value) in [
        ("addon", "labels", "addonmanager.kubernetes.io/mode", "Reconcile"),
        ("exists", "labels", "addonmanager.kubernetes.io/mode", "EnsureExists"),
        ("fleet", "annotations", "objectset.rio.cattle.io/id", "default-shop-web"),
        ("kapp", "labels", "kapp.k14s.io/app", "1700000000000"),
        ("openshift", "annotations", "image.openshift.io/triggers", triggers),
        ("vela", "labels", "app.oam.dev/name", "shop"),
    ] {
        bed.create(&marked(template.deployment(name, 1), field, key, value)).await;
        bed.wait_rolled_out("deployment", name).await;
    }
    push_again(&bed, &registry).await;
    let ran = freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await;
    assert_ended(&ran, 1);
    assert_snapshot!(ran.normalised_stderr(), @"
    error: a part of it is refused, so nothing was changed
      caused by: deployment/addon: addon-manager's add-on `addon` owns it and will put the image back
      caused by: deployment/fleet: Fleet bundle `default-shop-web` owns it and will put the image back
      caused by: deployment/kapp: kapp app `1700000000000` owns it and will put the image back at its next deploy
      caused by: deployment/openshift: OpenShift image stream tag `web:latest` owns it and will put the image back
      caused by: deployment/vela: KubeVela application `shop` owns it and will put the image back
    hint: change it in its manifest on the control plane's node too, or say `--force`
    hint: change it in the repository that the bundle is made from too, or say `--force`
    hint: change it in the files that the app is deployed from too, or say `--force`
    hint: change it in the image stream too, or say `--force`
    hint: change it in the application too, or say `--force`
    hint: `--keep-going` does the rest
    ");
    for name in ["addon", "exists", "fleet", "kapp", "openshift", "vela"] {
        assert_eq!(image_of(&bed, "deployment", name).await, registry.image("shop/web", "1.0"), "{name}");
    }
    let free = freshimage(&bed, &["bump", "deployment/exists", "--to", "tag", "--yes"]).await;
    assert_ended(&free, 0);
    bed.finish().await;
}
