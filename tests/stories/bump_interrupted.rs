//! A run that is killed or interrupted half way, on both beds: what it said is so, the same command finishes it, and
//! `undo` takes it back. At which request each thing may happen is the table of `bump_faults`.

use std::time::Duration;

use http::Method;
use testbed::gateway::{Effect, Match};

use crate::bump_faults_scene::{NEW_TAG, REPOSITORY, Scene, WORKLOADS, said, untruth};

const BUMP: [&str; 6] = ["bump", "deployment/shop", "deployment/web", "--to", "tag", "--yes"];

/// Where the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The tag is written, and not looked at yet.
    Tagged,
    /// The workloads are patched, and their pods pull.
    Waiting,
    /// The pods run, and are looked at.
    Proving,
}

/// What ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It can do nothing about it.
    Kill,
    /// Ctrl-C.
    Interrupt,
    /// Its terminal is closed.
    HangUp,
}

async fn live(step: Step, cut: Cut) {
    let scene = Scene::set("cut").await;
    let before = scene.state().await;
    let of_tag = |method| Match::repository(REPOSITORY).reference(NEW_TAG).method(method);
    let written = (step == Step::Tagged).then(|| scene.registry.pause_after(of_tag(Method::PUT)));
    if step == Step::Waiting {
        let pulls = Match::repository(REPOSITORY).reference(NEW_TAG).from_nodes();
        scene.registry.when(pulls, Effect::Delay(Duration::from_secs(3)));
    }
    let mut running = scene.product(&BUMP).spawn();
    match written {
        Some(mut written) => {
            written.reached().await;
            written.release();
        }
        None => {
            for name in WORKLOADS {
                let image = scene.registry.image(REPOSITORY, NEW_TAG);
                let asks = |object: &serde_json::Value| {
                    object["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str()
                };
                scene.bed.wait_for("its patch", "deployment", name, asks).await;
            }
            if step == Step::Proving {
                // No longer: the run looks for two seconds whether the pods stay, and old ones go in their own time.
                let replaced = |object: &serde_json::Value| {
                    let status = &object["status"];
                    status["observedGeneration"] == object["metadata"]["generation"]
                        && status["updatedReplicas"] == 1
                        && status["replicas"] == 1
                        && status["availableReplicas"] == 1
                };
                scene.bed.wait_for("its rollout", "deployment", "web", replaced).await;
            }
        }
    }
    match cut {
        Cut::Kill => running.kill(),
        Cut::Interrupt => running.interrupt().await,
        Cut::HangUp => running.hang_up().await,
    }
    let kill = cut == Cut::Kill;
    let ran = running.wait().await;
    scene.registry.heal();
    let after = scene.state().await;
    let told = format!("{step:?}, {cut:?}\n{}", ran.normalise());
    assert_eq!(ran.code, (!kill).then_some(130), "{told}");
    assert_eq!(untruth(&ran, &before, &after, &scene.new), None, "{told}");
    if !kill {
        assert!(ran.stderr.contains("error: interrupted"), "{told}");
    }

    let second = scene.run(&BUMP).await;
    assert_eq!(second.code, Some(0), "{told}\nthen\n{}", second.normalise());
    for name in WORKLOADS {
        let words = said(&second, name).unwrap_or_default();
        assert!(words.contains("verified: 1 of 1 pod"), "{told}\nthen\n{}", second.normalise());
    }
    let finished = scene.state().await;
    assert_eq!(finished.tags.get(NEW_TAG), Some(&scene.new), "{told}");
    assert_eq!(finished.tags.len(), before.tags.len() + 1, "{told}");

    let undone = scene.run(&["undo", "deployment/shop", "deployment/web", "--yes"]).await;
    assert_eq!(undone.code, Some(0), "{told}\nthen\n{}", undone.normalise());
    for name in WORKLOADS {
        assert_eq!(scene.runs(name).await, [scene.ran_before.as_str()], "{told}");
    }
    scene.bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_leaves_what_a_second_one_finishes() {
    futures::join!(live(Step::Tagged, Cut::Kill), live(Step::Waiting, Cut::Kill), live(Step::Proving, Cut::Kill));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_interrupted_says_what_it_left_and_a_second_one_finishes_it() {
    futures::join!(
        live(Step::Tagged, Cut::Interrupt),
        live(Step::Waiting, Cut::Interrupt),
        live(Step::Proving, Cut::Interrupt)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_terminal_is_closed_says_what_it_left_and_a_second_one_finishes_it() {
    live(Step::Waiting, Cut::HangUp).await;
}
