//! An API server or a registry that goes away and does not come back in time: what was done is said, and what is not
//! known is said to be so. The same command goes on when it is back. What comes back in time is in `bump_faults`.

use std::time::Duration;

use insta::assert_snapshot;
use testbed::api::faults::RequestMatch;
use testbed::bed::Ran;
use testbed::gateway::{Effect, Match};

use crate::bump_faults_scene::{NEW_TAG, REPOSITORY, Scene};
use crate::support::{assert_ended, cannot_be_real, ending};

const BUMP: [&str; 7] = ["bump", "deployment/shop", "deployment/web", "--to", "tag", "--yes", "--timeout"];

async fn bump(scene: &Scene, timeout: &str) -> Ran {
    scene.product(&BUMP).args(&[timeout]).run().await
}

async fn patched(scene: &Scene) {
    let image = scene.registry.image(REPOSITORY, NEW_TAG);
    for name in ["shop", "web"] {
        let asks =
            |object: &serde_json::Value| object["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str();
        scene.bed.wait_for("its patch", "deployment", name, asks).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_stays_away_while_the_pods_start_leaves_them_unconfirmed() {
    let scene = Scene::set("away-wait").await;
    if cannot_be_real(&scene.bed, "the real API server is everybody's") {
        return scene.bed.finish().await;
    }
    let cluster = scene.bed.simulated().expect("it is not the real one");
    scene.bed.name_text(cluster.server_url().trim_start_matches("https://"), "api-server");
    let pulls = Match::repository(REPOSITORY).reference(NEW_TAG).from_nodes();
    scene.registry.when(pulls, Effect::Delay(Duration::from_secs(2)));
    let running = scene.product(&BUMP).args(&["5s"]).spawn();
    patched(&scene).await;
    cluster.stop_serving().await;
    let ran = running.wait().await;
    assert_snapshot!(ending(&ran), @"
    exit 12
    deployment/shop   tagged 1.1 · patched · not confirmed: it was not done within <age>: the connection to the server <api-server> was refused
    deployment/web   tagged 1.1 · patched · not confirmed: it was not done within <age>: the connection to the server <api-server> was refused
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/shop deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/shop deployment/web`
    ");
    cluster.resume_serving().await.expect("nobody took its port");
    scene.registry.heal();
    assert_ended(&bump(&scene, "60s").await, 0);
    scene.bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_nobody_knows_the_end_of_is_said_to_be_one() {
    let scene = Scene::set("away-patch").await;
    if cannot_be_real(&scene.bed, "the real API server is everybody's") {
        return scene.bed.finish().await;
    }
    let cluster = scene.bed.simulated().expect("it is not the real one");
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", scene.bed.name());
    let mut answer = cluster.pause_after(RequestMatch::new("patch", &path));
    let running = scene.product(&BUMP).args(&["5s"]).spawn();
    answer.reached().await;
    cluster.stop_serving().await;
    answer.cut();
    let ran = running.wait().await;
    assert_eq!(ran.code, Some(12), "{}", ran.normalise());
    let told = ending(&ran);
    let of_web: Vec<&str> = told.lines().filter(|line| line.contains("deployment/web")).collect();
    assert_snapshot!(of_web.join("\n"), @"
    deployment/web   tagged 1.1 · the patch was sent and not answered: it may be changed
    hint: go on with `kubectl freshimage bump deployment/shop deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/shop deployment/web`
    ");
    cluster.resume_serving().await.expect("nobody took its port");
    assert_ended(&bump(&scene, "60s").await, 0);
    scene.bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_stays_away_during_the_proof_leaves_it_open() {
    let scene = Scene::set("away-proof").await;
    if cannot_be_real(&scene.bed, "the real nodes report a digest that needs no registry to be compared") {
        return scene.bed.finish().await;
    }
    let cluster = scene.bed.simulated().expect("it is not the real one");
    let running = scene.product(&BUMP).args(&["5s"]).spawn();
    patched(&scene).await;
    // The nodes are looked at once before the plan, and then for the proof.
    let mut look = cluster.pause_at(RequestMatch::new("get", "/api/v1/nodes/"));
    let mut other = cluster.pause_at(RequestMatch::new("get", "/api/v1/nodes/"));
    look.reached().await;
    other.reached().await;
    scene.registry.stop().await;
    look.release();
    other.release();
    let ran = running.wait().await;
    assert_snapshot!(ending(&ran), @"
    exit 12
    deployment/shop   tagged 1.1 · patched · not confirmed: shop-<id> is unknown: registry `<registry>` cannot be reached: connection refused
    deployment/web   tagged 1.1 · patched · not confirmed: web-<id> is unknown: registry `<registry>` cannot be reached: connection refused
    --- stderr
    hint: go on with `kubectl freshimage bump deployment/shop deployment/web --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/shop deployment/web`
    ");
    scene.registry.restart().await.expect("nobody took its port");
    assert_ended(&bump(&scene, "60s").await, 0);
    scene.bed.finish().await;
}
