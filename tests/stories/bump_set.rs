//! `--set`: containers get the images that somebody names, in one rollout that is checked, proven and undone.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::{PodTemplate, pull_secret};
use testbed::gateway::{Asked, Authentication, Authorization, Gateway, GatewayOptions, Login};
use testbed::image::Index;

use crate::support::{assert_ended, ending, freshimage};

/// A deployment with three containers, and a second build of each of their images in another repository.
async fn shop(bed: &Bed) -> Gateway {
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in ["web", "proxy", "migrate", "assets"] {
        bed.push(&registry, &format!("shop/{name}"), "1.0", bed.image(name).named(name)).await;
        let next = format!("next {name}");
        bed.push(&registry, &format!("next/{name}"), "2.0", bed.image(&next).named(&next)).await;
    }
    let image = |name: &str| registry.image(&format!("shop/{name}"), "1.0");
    let template = PodTemplate::new("app", &image("web")).container("proxy", &image("proxy"));
    bed.create(&template.init("migrate", &image("migrate")).deployment("web", 2)).await;
    bed.wait_rolled_out("deployment", "web").await;
    registry
}

fn set(registry: &Gateway, container: &str, repository: &str, tag: &str) -> String {
    format!("--set={container}={}", registry.image(repository, tag))
}

async fn changes(bed: &Bed) -> usize {
    let object = bed.get("deployment", "web").await;
    let Some(text) = object["metadata"]["annotations"]["kubectl-freshimage/history"].as_str() else { return 0 };
    let history: Value = serde_json::from_str(text).expect("it is JSON");
    history["changes"].as_array().map(Vec::len).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_containers_get_their_images_in_one_rollout_and_go_back() {
    let bed = Bed::start("set").await;
    let registry = shop(&bed).await;
    let (app, proxy) = (set(&registry, "app", "next/web", "2.0"), set(&registry, "proxy", "next/proxy", "2.0"));
    let migrate = set(&registry, "migrate", "next/migrate", "2.0");
    let bump = ["bump", "deployment/web", "--yes", &app, &proxy, &migrate];
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      deployment/web, container migrate (init)   ended
        - image: <registry>/shop/migrate:1.0
        + image: <registry>/next/migrate:2.0
        runs <manifest:migrate>…, will run <manifest:next migrate>…
      deployment/web, container app   fresh
        - image: <registry>/shop/web:1.0
        + image: <registry>/next/web:2.0
        runs <manifest:web>…, will run <manifest:next web>…
      deployment/web, container proxy   fresh
        - image: <registry>/shop/proxy:1.0
        + image: <registry>/next/proxy:2.0
        runs <manifest:proxy>…, will run <manifest:next proxy>…
        2 pods are replaced

    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:next migrate>… and <manifest:next web>… and <manifest:next proxy>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(bed.list("replicasets").await.len(), 2, "one patch, one rollout");
    let after = bed.get("deployment", "web").await;
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @"
    exit 0
    deployment/web   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:next migrate>… and <manifest:next web>… and <manifest:next proxy>… · no restart in <age>
    --- stderr
    ");
    assert_eq!(bed.get("deployment", "web").await["spec"], after["spec"]);
    assert_eq!(changes(&bed).await, 1);
    assert_snapshot!(freshimage(&bed, &["undo", "deployment/web", "--yes"]).await.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      deployment/web, container migrate (init)
        - image: <registry>/next/migrate:2.0
        + image: <registry>/shop/migrate:1.0@<manifest:migrate>
        will run <manifest:migrate>…
      deployment/web, container app
        - image: <registry>/next/web:2.0
        + image: <registry>/shop/web:1.0@<manifest:web>
        will run <manifest:web>…
      deployment/web, container proxy
        - image: <registry>/next/proxy:2.0
        + image: <registry>/shop/proxy:1.0@<manifest:proxy>
        will run <manifest:proxy>…
        2 pods are replaced

    deployment/web   patched · rolled out 2/2 · verified: 2 of 2 pods run <manifest:migrate>… and <manifest:web>… and <manifest:proxy>… · no restart in <age>
    --- stderr
    ");
    assert_eq!(registry.requests().writes(), 0);

    // Whoever does not wait is told how to go on with the same images.
    let unwaited = freshimage(&bed, &["bump", "deployment/web", "--yes", "--no-wait", &app, &proxy]).await;
    assert_snapshot!(unwaited.normalised_stderr(), @"
    hint: wait for it and prove it with `kubectl freshimage bump deployment/web --set app=<registry>/next/web:2.0 --set proxy=<registry>/next/proxy:2.0`
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let hint = unwaited.stderr.lines().next().and_then(|line| line.split('`').nth(1)).expect("a command");
    let words: Vec<&str> = hint.strip_prefix("kubectl freshimage ").expect("it is ours").split(' ').collect();
    assert_snapshot!(ending(&freshimage(&bed, &[&words[..], &["--yes"]].concat()).await), @"
    exit 0
    deployment/web   as planned already · rolled out 2/2 · verified: 2 of 2 pods run <manifest:next web>… and <manifest:next proxy>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_or_could_not_start_is_refused_before_anything_is_written() {
    let bed = Bed::start("set-refused").await;
    let registry = shop(&bed).await;
    let elsewhere = bed.image("elsewhere").platform("linux", "s390x", None);
    bed.push(&registry, "next/foreign", "2.0", Index::new([elsewhere]).named("foreign")).await;
    bed.tag(&registry, "next/web", "2.0", "main").await;
    let before = bed.get("deployment", "web").await["spec"].clone();
    let good = set(&registry, "proxy", "next/proxy", "2.0");
    let bump = async |container: &str, repository: &str, tag: &str| {
        let bad = set(&registry, container, repository, tag);
        freshimage(&bed, &["bump", "deployment/web", "--yes", &good, &bad]).await
    };
    let mut told = Vec::new();
    for (container, repository, tag) in [
        ("web", "next/web", "2.0"),
        ("app", "next/web", "7.7"),
        ("app", "next/nothing", "1"),
        ("app", "next/foreign", "2.0"),
    ] {
        let ran = bump(container, repository, tag).await;
        assert_ended(&ran, 1);
        told.push(ran.normalised_stderr());
    }
    let gone = format!("{}@sha256:{}", registry.image("next/web", "2.0"), "5".repeat(64));
    let ran = freshimage(&bed, &["bump", "deployment/web", "--yes", &format!("--set=app={gone}")]).await;
    assert_ended(&ran, 1);
    told.push(ran.normalised_stderr());
    assert_snapshot!(told.join("\n"), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: there is no container `web` in its template
    hint: it has `migrate`, `app`, `proxy`

    error: a part of it is refused, so nothing was changed
      caused by: deployment/web, container app: registry `<registry>` has no tag `7.7` in `next/web`
    hint: `--keep-going` does the rest

    error: a part of it is refused, so nothing was changed
      caused by: deployment/web, container app: registry `<registry>` has no tag `1` in `next/nothing`
    hint: `--keep-going` does the rest

    error: it is refused, so nothing was changed
      caused by: deployment/web: container app could not start: the index has no image for linux/amd64
    hint: push the image for every platform that the workload's nodes have

    error: it is refused, so nothing was changed
      caused by: deployment/web, container app: registry `<registry>` has no <unknown digest>… in `next/web`
    ");
    assert_eq!(bed.get("deployment", "web").await["spec"], before);
    assert_eq!(changes(&bed).await, 0);

    // What moves by design is somebody's own will.
    let floating = set(&registry, "app", "next/web", "main");
    let dry = freshimage(&bed, &["bump", "deployment/web", "--dry-run=server", &floating]).await;
    assert_snapshot!(dry.normalise(), @"
    exit 0
    --- stdout
    Plan: 1 workload to patch, 2 pods to replace

      deployment/web, container app   fresh
        - image: <registry>/shop/web:1.0
        + image: <registry>/next/web:main
        runs <manifest:web>…, will run <manifest:next web>…
        2 pods are replaced
        note: `main` moves by design: what the pods run will depend on when they start
    --- stderr
    Nothing was changed (dry run); the API server accepts every patch of the plan.
    ");
    let usage = freshimage(&bed, &["bump", "deployment/web", "--yes", "--to", "tag", &good]).await;
    assert_snapshot!(usage.normalise(), @"
    exit 2
    --- stdout
    --- stderr
    error: `--set` cannot be combined with `--to`
    hint: leave out `--to`: `--set` names each container and its image
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_volume_is_named_like_a_container() {
    let bed = Bed::start("set-volume").await;
    let registry = shop(&bed).await;
    let image = registry.image("shop/assets", "1.0");
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    bed.create(&template.image_volume("assets", &image, "/assets").deployment("shelf", 1)).await;
    let assets = set(&registry, "assets", "next/assets", "2.0");
    let ran = freshimage(&bed, &["bump", "deployment/shelf", "--dry-run=server", &assets, "-o", "json"]).await;
    assert_ended(&ran, 0);
    let plan = ran.json();
    let change = &plan["targets"][0]["changes"][0];
    assert_eq!(change["container"], json!({"name": "assets", "type": "volume"}));
    assert_eq!(change["newImage"], registry.image("next/assets", "2.0").as_str());
    bed.finish().await;
}

/// Whether a request bears this user's password.
fn is_by(asked: &Asked, name: &str) -> bool {
    matches!(&asked.authorization, Authorization::Basic { user, .. } if user == name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_registry_is_asked_with_the_workload_s_own_secrets_and_no_other_s() {
    let bed = Bed::start("set-private").await;
    let private = |user: &str| GatewayOptions::new().authentication(Authentication::Basic(Login::user(user, "reads")));
    let (here, there) = (bed.gateway(private("ann")).await, bed.gateway(private("bob")).await);
    bed.push(&here, "shop/web", "1.0", bed.image("old").named("old")).await;
    bed.push(&there, "other/web", "2.0", bed.image("new").named("new")).await;
    let logins = [(&*here.host(), "ann", "reads"), (&*there.host(), "bob", "reads")];
    bed.create(&pull_secret("both", &logins)).await;
    let template = PodTemplate::new("app", &here.image("shop/web", "1.0")).pull_secret("both");
    bed.create(&template.deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    let bump = ["bump", "deployment/web", "--yes", &set(&there, "app", "other/web", "2.0")];
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(here.requests().count(|asked| is_by(asked, "bob")), 0);
    assert_eq!(there.requests().count(|asked| is_by(asked, "ann")), 0);
    assert!(there.requests().count(|asked| is_by(asked, "bob")) > 0);
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}
