//! What is bumped, what is shown beforehand, and what is left alone.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Namespace};
use testbed::gateway::Gateway;

use crate::support::{assert_ended, cannot_be_real, ending, freshimage, image_of, push_again, shop};

/// Deployments that run what the tag stood for before.
async fn stale(bed: &Bed, names: &[&str]) -> Gateway {
    let registry = shop(bed).await;
    create_in(bed, &registry, names).await;
    push_again(bed, &registry).await;
    registry
}

async fn create_in(namespace: &Namespace, registry: &Gateway, names: &[&str]) {
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    for name in names {
        namespace.create(&template.deployment(name, 1)).await;
    }
    for name in names {
        namespace.wait_rolled_out("deployment", name).await;
    }
}

fn patches(bed: &Bed, dry: bool) -> usize {
    let log = bed.simulated().map(|cluster| cluster.request_log().all()).unwrap_or_default();
    let of_user = |path: &str| path.starts_with("/apis/apps/v1/namespaces/");
    let entries =
        log.iter().filter(|entry| entry.verb == "patch" && of_user(&entry.path) && !entry.path.ends_with("/status"));
    entries.filter(|entry| entry.query.get("dryRun").is_some_and(|value| value == "All") == dry).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_of_the_client_asks_nobody_and_one_of_the_server_writes_nothing() {
    let bed = Bed::start("choice-dry").await;
    let registry = stale(&bed, &["web"]).await;
    let before = bed.get("deployment", "web").await["metadata"]["generation"].clone();
    let (dry, real) = (patches(&bed, true), patches(&bed, false));
    registry.forget_requests();
    let client = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--dry-run=client"]).await;
    assert_ended(&client, 0);
    assert_eq!(registry.requests().writes(), 0, "not even an upload is begun");
    assert_eq!((patches(&bed, true), patches(&bed, false)), (dry, real));

    let server = freshimage(&bed, &["bump", "deployment/web", "--to", "tag", "--dry-run=server"]).await;
    assert_eq!((server.code, server.normalised_stdout()), (client.code, client.normalised_stdout()));
    if !bed.is_real() {
        assert_eq!((patches(&bed, true), patches(&bed, false)), (dry + 1, real));
    }
    let requests = registry.requests();
    assert_eq!(requests.count(|asked| asked.method == http::Method::PUT), 0);
    let begun = requests.count(|asked| asked.method == http::Method::POST && asked.path.ends_with("/blobs/uploads/"));
    let cancelled =
        requests.count(|asked| asked.method == http::Method::DELETE && asked.path.contains("/blobs/uploads/"));
    assert_eq!((begun, cancelled), (1, 1), "the right to push is tried by an upload that is cancelled");
    assert_eq!(bed.get("deployment", "web").await["metadata"]["generation"], before);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_say_what_then_happens() {
    let bed = Bed::start("choice-output").await;
    let _registry = stale(&bed, &["web"]).await;
    let plan = async |format: &str| {
        let ran = freshimage(&bed, &["bump", "deployment/web", "-o", format, "--to", "tag", "--dry-run=client"]).await;
        assert_ended(&ran, 0);
        ran
    };
    let json = plan("json").await;
    let document = json.json();
    assert_eq!(document["kind"], "Plan");
    let yaml: Value = serde_saphyr::from_str(&plan("yaml").await.stdout).expect("the plan is YAML");
    // Each run has its own time in the patch.
    let timeless = |document: &Value| {
        let mut document = document.clone();
        for operation in document["targets"][0]["patch"].as_array_mut().expect("a patch") {
            if operation["path"].as_str().is_some_and(|path| path.ends_with("~1history")) {
                operation["value"] = json!("the history");
            }
        }
        document
    };
    assert_eq!(timeless(&yaml), timeless(&document));
    assert_eq!(plan("name").await.stdout, "deployment.apps/web\n");
    let diff = plan("diff").await.normalised_stdout();
    let changed = diff.lines().filter(|line| line.starts_with(['+', '-']) && !line.contains("history"));
    assert_snapshot!(changed.collect::<Vec<_>>().join("\n"), @r#"
    --- live/<namespace>/deployment.apps/web
    +++ planned/<namespace>/deployment.apps/web
    +   kubernetes.io/change-cause: "kubectl freshimage bump: app to <registry>/shop/web:1.1"
    -   - image: <registry>/shop/web:1.0
    +   - image: <registry>/shop/web:1.1
    "#);

    let before = bed.get("deployment", "web").await;
    let patch: json_patch::Patch =
        serde_json::from_value(document["targets"][0]["patch"].clone()).expect("the plan has a JSON patch");
    let mut planned = before.clone();
    let edits = patch.0.into_iter().filter(|operation| !matches!(operation, json_patch::PatchOperation::Test(_)));
    json_patch::patch(&mut planned, &edits.collect::<Vec<_>>()).expect("the patch fits");
    let applied = freshimage(&bed, &["bump", "deployment/web", "-o", "json", "--to", "tag", "--yes"]).await;
    assert_ended(&applied, 0);
    let outcome = timeless(&applied.json());
    assert_eq!((&outcome["kind"], &outcome["result"]), (&json!("Outcome"), &json!("done")));
    for (name, value) in timeless(&document)["targets"][0].as_object().expect("a target") {
        assert_eq!(outcome["targets"][0][name], *value, "the outcome has what the plan had");
    }
    assert_snapshot!(applied.normalised_stderr(), @"
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(bed.get("deployment", "web").await["spec"], planned["spec"]);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_a_label_or_all_pick_what_runs_old_content() {
    let bed = Bed::start("choice-all").await;
    let registry = shop(&bed).await;
    // All run before the push: what starts after it may land on a node that pulls the new content.
    create_in(&bed, &registry, &["web", "api"]).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).stateful_set("db", 1)).await;
    bed.wait_rolled_out("statefulset", "db").await;
    push_again(&bed, &registry).await;
    // The pods' labels do for pods; with a type, the type's own objects are selected, as kubectl does.
    bed.merge_patch("deployment", "api", &json!({"metadata": {"labels": {"app": "api"}}})).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "0.9")).deployment("fresh", 1)).await;
    bed.wait_rolled_out("deployment", "fresh").await;
    let names = async |words: &[&str]| {
        let rest = ["-o", "name", "--to", "tag", "--dry-run=client"];
        let ran = freshimage(&bed, &[&["bump"], words, &rest].concat()).await;
        assert_ended(&ran, 0);
        ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--all"]).await, ["deployment.apps/api", "deployment.apps/web", "statefulset.apps/db"]);
    assert_eq!(names(&["deployments"]).await, ["deployment.apps/api", "deployment.apps/web"]);
    assert_eq!(names(&["sts,ds"]).await, ["statefulset.apps/db"]);
    assert_eq!(names(&["-l", "app=api"]).await, ["deployment.apps/api"]);
    assert_eq!(names(&["deploy", "fresh", "web"]).await, ["deployment.apps/fresh", "deployment.apps/web"]);
    assert_snapshot!(freshimage(&bed, &["bump", "-l", "app=fresh", "--to", "tag", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    --- stderr
    Nothing that was selected runs old content in namespace `<namespace>`. A workload that is named is bumped all the same.
    ");
    assert_snapshot!(ending(&freshimage(&bed, &["bump", "deploy", "-l", "app in (web, api)", "--to", "tag", "--yes"]).await), @"
    exit 0
    deployment/api   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/api`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_is_not_there_is_refused_with_those_that_are() {
    let bed = Bed::start("choice-container").await;
    let registry = stale(&bed, &["web"]).await;
    let ran = freshimage(&bed, &["bump", "deployment/web", "-c", "sidecar", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/web: there is no container `sidecar` in its template
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: there is no container `sidecar` in its template
    hint: it has `app`
    ");
    assert_snapshot!(freshimage(&bed, &["bump", "deployment/nope", "--to", "tag", "--yes"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: deployments.apps "nope" not found
    "#);
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refusal_stops_all_unless_the_rest_is_wanted() {
    let bed = Bed::start("choice-refusal").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).job("import")).await;
    bed.wait_running("app=import", 1).await;
    create_in(&bed, &registry, &["web"]).await;
    push_again(&bed, &registry).await;
    let bump = ["bump", "deployment/web", "job/import", "--to", "tag", "--yes"];
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
    exit 1
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

      refused job/import: the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`
    --- stderr
    error: a part of it is refused, so nothing was changed
      caused by: job/import: the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`
    hint: `--keep-going` does the rest
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.0"));
    let writes = registry.requests().count(|asked| asked.method == http::Method::PUT);
    assert_eq!(writes, 0);
    let rest = freshimage(&bed, &[&bump[..], &["--keep-going"]].concat()).await;
    assert_snapshot!(ending(&rest), @"
    exit 1
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_ended(&rest, 1);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_tool_will_put_back_needs_force() {
    let bed = Bed::start("choice-gitops").await;
    let registry = shop(&bed).await;
    let mut deployment = PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1);
    deployment["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"});
    bed.create(&deployment).await;
    let mut helm = PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("chart", 1);
    helm["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "store"});
    helm["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    bed.create(&helm).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.wait_rolled_out("deployment", "chart").await;
    push_again(&bed, &registry).await;
    let bump = ["bump", "deployment/web", "deployment/chart", "--to", "tag", "--yes"];
    assert_snapshot!(freshimage(&bed, &bump).await.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/chart: Helm release `store` owns it and will put the image back at its next upgrade
      caused by: deployment/web: Argo CD application `shop` owns it and will put the image back
    hint: change it in the values or the chart of the release too, or say `--force`
    hint: change it in the repository that the application is made from too, or say `--force`
    ");
    assert_eq!(registry.requests().writes(), 0);
    assert_snapshot!(freshimage(&bed, &[&bump[..], &["--force"]].concat()).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 2 workloads to patch, 2 pods to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/chart, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced
        note: Helm release `store` owns it and will put the image back at its next upgrade; change it in the values or the chart of the release too

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced
        note: Argo CD application `shop` owns it and will put the image back; change it in the repository that the application is made from too

    deployment/chart   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/chart deployment/web --force`
    ");
    let undo = freshimage(&bed, &["undo", "deployment/web", "--yes"]).await;
    assert_snapshot!(undo.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: Argo CD application `shop` owns it and will put the image back
    hint: change it in the repository that the application is made from too, or say `--force`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_for_another_namespace_can_be_copied() {
    let bed = Bed::start("choice-namespace").await;
    let registry = shop(&bed).await;
    let other = bed.extra_namespace("other").await;
    create_in(&other, &registry, &["web"]).await;
    push_again(&bed, &registry).await;
    let ran = freshimage(&bed, &["bump", "deployment/web", "-n", other.name(), "--to", "tag", "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
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

    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web -n <other namespace>`
    ");
    let undo = freshimage(&bed, &["undo", "deployment/web", "-n", other.name(), "--yes"]).await;
    assert_snapshot!(ending(&undo), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    if !cannot_be_real(&bed, "all namespaces are those of other stories too") {
        let everywhere = freshimage(&bed, &["bump", "-A", "-l", "app=web", "--to", "tag", "--yes"]).await;
        assert_snapshot!(ending(&everywhere), @"
        exit 0
        --- stderr
        Nothing that was selected runs old content. A workload that is named is bumped all the same.
        ");
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_that_was_rewritten_on_its_way_is_judged_at_the_pod_and_changed_in_the_template() {
    let bed = Bed::start("choice-rewritten").await;
    let registry = stale(&bed, &["web"]).await;
    // As a webhook would have it: the pod asks a mirror for what the template asks the registry for.
    bed.push(&registry, "mirror/web", "1.0", bed.image("old").created("2026-11-17T10:00:00Z")).await;
    let pods = bed.pods("app=web").await;
    let pod = pods[0]["metadata"]["name"].as_str().expect("a pod has a name");
    let mirrored = registry.image("mirror/web", "1.0");
    bed.set_image("pod", pod, "app", &mirrored).await;
    bed.wait_for_pods("the pod to run the mirror's", "app=web", |pods| {
        pods.iter().all(|pod| {
            pod["status"]["containerStatuses"][0]["image"].as_str().is_some_and(|image| image.contains("mirror/"))
                && testbed::bed::is_running(pod)
        })
    })
    .await;
    bed.push(&registry, "mirror/web", "1.0", bed.image("new").created("2026-11-20T10:00:00Z")).await;
    let ran = freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        its pods ask for <registry>/mirror/web:1.0: something rewrites it on its way
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    bed.finish().await;
}
