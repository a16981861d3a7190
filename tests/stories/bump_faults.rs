//! Nothing half done: whatever happens at whichever step of a bump, the cluster and the registry are in a state that the
//! run named, the same command finishes the work, and `undo` takes it back.
//!
//! One table: each step of a run, each thing that may happen in that moment. The runs are cut by the simulated bed at
//! the very request; what can be cut on the real bed too is in `bump_interrupted`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use testbed::api::faults::RequestMatch;
use testbed::bed::{Ran, Running};
use testbed::gateway::{Effect, Match};
use testbed::pause::Paused;
use tokio::sync::Semaphore;

use crate::bump_faults_scene::{NEW_TAG, REPOSITORY, Scene, State, WORKLOADS, said, untruth};
use crate::support::say;

/// Cases that run side by side.
const AT_ONCE: usize = 16;

/// Where a run is when something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The tag was sent, and never arrives.
    TagSent,
    /// The tag is written, and the answer never arrives.
    TagUnanswered,
    /// The tag is written, and no workload is patched.
    Tagged,
    /// One patch was sent, and never arrives; the other one goes its way.
    PatchSent,
    /// One patch is carried out, and the answer never arrives.
    PatchUnanswered,
    /// The first of two workloads is patched, the second not yet.
    FirstPatched,
    /// Both are patched, and the nodes still pull.
    Waiting,
    /// The new pods run, and the proof is under way.
    Proving,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Interrupt,
    Terminate,
    HangUp,
    ServerGone,
    RegistryGone,
    Deleted,
    Changed,
    Forbidden,
}

const STEPS: [(Step, &str); 8] = [
    (Step::TagSent, "tag sent, lost on its way"),
    (Step::TagUnanswered, "tag written, not answered"),
    (Step::Tagged, "tag written, nothing patched"),
    (Step::PatchSent, "patch sent, lost on its way"),
    (Step::PatchUnanswered, "patch carried out, not answered"),
    (Step::FirstPatched, "first of two patched"),
    (Step::Waiting, "waiting for the pods"),
    (Step::Proving, "proving what they run"),
];

const FAULTS: [(Fault, &str); 9] = [
    (Fault::Kill, "kill -9"),
    (Fault::Interrupt, "Ctrl-C"),
    (Fault::Terminate, "SIGTERM"),
    (Fault::HangUp, "SIGHUP"),
    (Fault::ServerGone, "API server gone and back"),
    (Fault::RegistryGone, "registry gone and back"),
    (Fault::Deleted, "object deleted"),
    (Fault::Changed, "object changed"),
    (Fault::Forbidden, "right withdrawn"),
];

/// One cell of the table.
#[derive(Debug, Clone, Copy)]
struct Case {
    step: Step,
    fault: Fault,
}

impl Case {
    /// With which codes the run may end; none is a signal.
    fn ends(self) -> &'static [Option<i32>] {
        let tagging = matches!(self.step, Step::TagSent | Step::TagUnanswered | Step::Tagged);
        match self.fault {
            Fault::Kill => &[None],
            Fault::Interrupt | Fault::Terminate | Fault::HangUp => &[Some(130)],
            Fault::ServerGone => &[Some(0)],
            // Away for longer than a write is tried again.
            Fault::RegistryGone if tagging => &[Some(0), Some(1)],
            Fault::RegistryGone => &[Some(0)],
            // The other workload is patched at the same time, or is left alone because of this one.
            Fault::Deleted | Fault::Changed if tagging => &[Some(12), Some(13)],
            Fault::Deleted | Fault::Changed => &[Some(12)],
            Fault::Forbidden => match self.step {
                Step::PatchUnanswered => &[Some(0)],
                Step::Waiting | Step::Proving => &[Some(12)],
                _ => &[Some(1)],
            },
        }
    }

    /// The command. It is the same the second time.
    fn command(self) -> Vec<&'static str> {
        let mut words = vec!["bump", "deployment/shop", "deployment/web", "--to", "tag", "--yes", "--timeout"];
        // Who may not look any more waits until the end.
        let blind = self.fault == Fault::Forbidden && matches!(self.step, Step::Waiting | Step::Proving);
        words.push(if blind { "8s" } else { "60s" });
        if self.step == Step::FirstPatched {
            words.extend(["--max-parallel", "1"]);
        }
        words
    }

    /// The whole case; the error says what is not as it should be.
    async fn live(self) -> Result<(), String> {
        let scene = Scene::set("faults").await;
        let before = scene.state().await;
        let (ran, after) = self.first_run(&scene).await;
        let told = |what: &str| format!("{what}\n{}", ran.normalise());
        if !self.ends().contains(&ran.code) {
            return Err(told(&format!("ended with {:?} and not one of {:?}", ran.code, self.ends())));
        }
        if let Some(why) = untruth(&ran, &before, &after, &scene.new) {
            return Err(told(&format!("{why}: {after:?}")));
        }
        // What somebody deleted or changed is nothing that could be taken back.
        let hints = ran.stderr.lines().filter(|line| line.starts_with("hint:"));
        if matches!(self.fault, Fault::Deleted | Fault::Changed)
            && hints.clone().any(|hint| hint.contains("undo") && hint.contains("deployment/web"))
        {
            return Err(told("a hint that would not work"));
        }
        self.second_run(&scene).await.map_err(|why| format!("{why}\nfirst run:\n{}", ran.normalise()))?;
        self.undo(&scene).await.map_err(|why| format!("{why}\nfirst run:\n{}", ran.normalise()))?;
        scene.bed.finish().await;
        Ok(())
    }

    async fn first_run(self, scene: &Scene) -> (Ran, State) {
        let hold = Hold::prepare(self.step, scene);
        let mut running = scene.product(&self.command()).spawn();
        let held = hold.reached(self.step, scene).await;
        self.strike(scene, &mut running).await;
        held.let_go(self.step);
        self.heal(scene).await;
        let ran = running.wait().await;
        scene.registry.heal();
        (ran, scene.state().await)
    }

    async fn strike(self, scene: &Scene, running: &mut Running) {
        let bed = &scene.bed;
        match self.fault {
            Fault::Kill => {
                running.kill();
                while !running.has_ended() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            Fault::Interrupt => running.interrupt().await,
            Fault::Terminate => running.terminate().await,
            Fault::HangUp => running.hang_up().await,
            Fault::ServerGone => bed.simulated().expect("the table is simulated").stop_serving().await,
            Fault::RegistryGone => scene.registry.stop().await,
            Fault::Deleted => bed.delete("deployment", "web").await,
            Fault::Changed => {
                let image = scene.registry.image(REPOSITORY, "0.9");
                bed.set_image("deployment", "web", "app", &image).await;
            }
            Fault::Forbidden if matches!(self.step, Step::Waiting | Step::Proving) => {
                bed.withdraw(&scene.user, "apps", &["deployments", "replicasets"]).await;
            }
            Fault::Forbidden => bed.withdraw(&scene.user, "apps", &["deployments"]).await,
        }
        if matches!(self.fault, Fault::Interrupt | Fault::Terminate | Fault::HangUp) {
            // What it waits for is not to come before it has heard.
            let mut left = 400;
            while !running.has_ended() && left > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                left -= 1;
            }
        }
    }

    async fn heal(self, scene: &Scene) {
        let away = Duration::from_millis(1_500);
        match self.fault {
            Fault::ServerGone => {
                tokio::time::sleep(away).await;
                let cluster = scene.bed.simulated().expect("the table is simulated");
                cluster.resume_serving().await.expect("nobody took its port");
            }
            Fault::RegistryGone => {
                tokio::time::sleep(away).await;
                scene.registry.restart().await.expect("nobody took its port");
            }
            _ => {}
        }
    }

    /// The same command once more: it finishes, or says that it is done already.
    async fn second_run(self, scene: &Scene) -> Result<(), String> {
        if self.fault == Fault::Forbidden {
            scene.bed.allow_in(&scene.user, "apps", &["get", "list"], &["deployments", "replicasets"]).await;
            scene.bed.allow_in(&scene.user, "apps", &["patch"], &["deployments"]).await;
        }
        let before = scene.state().await;
        let ran = scene.run(&self.command()).await;
        let after = scene.state().await;
        let told = |what: &str| Err(format!("the second run {what}\n{}\n{after:?}", ran.normalise()));
        if self.fault == Fault::Deleted {
            if ran.code != Some(1) || !ran.stderr.contains("\"web\" not found") || before != after {
                return told("did not say that the object is gone");
            }
            // Without it there is nothing in the way.
            let rest = scene.run(&["bump", "deployment/shop", "--to", "tag", "--yes"]).await;
            return if rest.code == Some(0) { Ok(()) } else { Err(format!("the rest is stuck\n{}", rest.normalise())) };
        }
        if ran.code != Some(0) {
            return told("did not finish");
        }
        for name in WORKLOADS {
            if !said(&ran, name).is_some_and(|words| words.contains("verified: 1 of 1 pod")) {
                return told("proved nothing");
            }
            let changed = self.fault == Fault::Changed && name == "web";
            if !changed && after.workloads[name].as_ref().is_none_or(|workload| workload.image != NEW_TAG) {
                return told("left something undone");
            }
        }
        if after.tags.get(NEW_TAG) != Some(&scene.new) {
            return told("wrote another tag");
        }
        Ok(())
    }

    /// The way back of everything that was patched.
    async fn undo(self, scene: &Scene) -> Result<(), String> {
        let state = scene.state().await;
        let mut names: Vec<&str> = WORKLOADS.into_iter().filter(|name| state.is_patched(name)).collect();
        // What somebody else made of it is theirs: the same command again leaves it alone, and so does the way back.
        let theirs = state.workloads["web"].as_ref().is_some_and(|workload| workload.image == "0.9");
        if self.fault == Fault::Changed && theirs && names.contains(&"web") {
            names.retain(|name| *name != "web");
            let ran = scene.run(&["undo", "deployment/web", "--yes"]).await;
            if ran.code != Some(1) || !ran.stderr.contains("somebody changed it since") {
                return Err(format!("undo of what somebody changed\n{}", ran.normalise()));
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let targets: Vec<String> = names.iter().map(|name| format!("deployment/{name}")).collect();
        let mut words = vec!["undo", "--yes"];
        words.extend(targets.iter().map(String::as_str));
        let ran = scene.run(&words).await;
        if ran.code != Some(0) {
            return Err(format!("undo failed\n{}", ran.normalise()));
        }
        for name in names {
            let runs = scene.runs(name).await;
            let changed = self.fault == Fault::Changed && name == "web";
            let good = if changed {
                scene.workload(name).await.is_some_and(|workload| workload.image.starts_with("0.9@"))
            } else {
                runs == [scene.ran_before.as_str()]
            };
            if !good {
                return Err(format!("after undo {name} runs {runs:?}\n{}", ran.normalise()));
            }
        }
        Ok(())
    }
}

/// What keeps a run at its step.
enum Hold {
    Registry(Paused),
    Server(Paused),
    /// The moment is seen from outside.
    Nothing,
}

fn put() -> Match {
    Match::repository(REPOSITORY).reference(NEW_TAG).method(Method::PUT)
}

impl Hold {
    fn prepare(step: Step, scene: &Scene) -> Self {
        let cluster = scene.bed.simulated().expect("the table is simulated");
        let patch = || {
            let path = format!("/apis/apps/v1/namespaces/{}/deployments/web", scene.bed.name());
            RequestMatch::new("patch", &path).user(&scene.user)
        };
        match step {
            Step::TagSent => Self::Registry(scene.registry.pause_at(put())),
            Step::TagUnanswered | Step::Tagged => Self::Registry(scene.registry.pause_after(put())),
            Step::PatchSent => Self::Server(cluster.pause_at(patch())),
            Step::PatchUnanswered => Self::Server(cluster.pause_after(patch())),
            Step::FirstPatched | Step::Proving => Self::Nothing,
            Step::Waiting => {
                let pulls = Match::repository(REPOSITORY).reference(NEW_TAG).from_nodes();
                scene.registry.when(pulls, Effect::Delay(Duration::from_secs(2)));
                Self::Nothing
            }
        }
    }

    async fn reached(self, step: Step, scene: &Scene) -> Self {
        match (self, step) {
            (Self::Registry(mut put), Step::Tagged) => {
                put.reached().await;
                // The look whether it is there comes after the answer.
                let look = Match::repository(REPOSITORY).reference(NEW_TAG).method(Method::HEAD);
                let mut look = scene.registry.pause_at(look);
                put.release();
                look.reached().await;
                Self::Registry(look)
            }
            (Self::Registry(mut paused), _) => {
                paused.reached().await;
                Self::Registry(paused)
            }
            (Self::Server(mut paused), _) => {
                paused.reached().await;
                Self::Server(paused)
            }
            (Self::Nothing, Step::FirstPatched) => {
                patched(scene, &["shop"]).await;
                Self::Nothing
            }
            (Self::Nothing, Step::Proving) => {
                patched(scene, &WORKLOADS).await;
                // The nodes are looked at once before the plan, and then for the proof.
                let look = RequestMatch::new("get", "/api/v1/nodes/").user(&scene.user);
                let cluster = scene.bed.simulated().expect("the table is simulated");
                let mut look = cluster.pause_at(look);
                look.reached().await;
                Self::Server(look)
            }
            (Self::Nothing, _) => {
                patched(scene, &WORKLOADS).await;
                Self::Nothing
            }
        }
    }

    fn let_go(self, step: Step) {
        match (self, step) {
            (Self::Registry(paused) | Self::Server(paused), Step::Tagged | Step::Proving) => paused.release(),
            (Self::Registry(paused) | Self::Server(paused), _) => paused.cut(),
            (Self::Nothing, _) => {}
        }
    }
}

/// Waits until these workloads ask for the new tag.
async fn patched(scene: &Scene, names: &[&str]) {
    for name in names {
        let image = scene.registry.image(REPOSITORY, NEW_TAG);
        scene
            .bed
            .wait_for("its patch", "deployment", name, |object| {
                object["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str()
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_whichever_step_nothing_is_half_done() {
    if std::env::var("FRESHIMAGE_BED").is_ok_and(|bed| bed == "real") {
        say("only simulated: requests to a real API server cannot be cut in their midst\n");
        return;
    }
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let wanted = std::env::var("FRESHIMAGE_FAULT").unwrap_or_default();
    let mut cases = Vec::new();
    for (row, (step, _)) in STEPS.into_iter().enumerate() {
        for (fault, _) in FAULTS {
            if !format!("{step:?} {fault:?}").contains(&wanted) {
                continue;
            }
            let gate = Arc::clone(&gate);
            let case = Case { step, fault };
            cases.push((
                row,
                case,
                tokio::spawn(async move {
                    let _permit = gate.acquire().await;
                    case.live().await
                }),
            ));
        }
    }
    let mut counts = [(0, 0); STEPS.len()];
    let mut failures = String::new();
    for (row, case, task) in cases {
        let result = task.await.unwrap_or_else(|panic| Err(panic.to_string()));
        counts[row].1 += 1;
        match result {
            Ok(()) => counts[row].0 += 1,
            Err(why) => {
                // Writing to a String cannot fail.
                let _ = writeln!(failures, "=== {:?} × {:?}\n{why}", case.step, case.fault);
            }
        }
    }
    let mut table = String::from("faults of bump, by step\n");
    for ((_, step), (passed, total)) in STEPS.into_iter().zip(counts) {
        let _ = writeln!(table, "  {step:<32} {passed}/{total}");
    }
    let passed: i32 = counts.iter().map(|(passed, _)| passed).sum();
    let total: i32 = counts.iter().map(|(_, total)| total).sum();
    let faults = FAULTS.map(|(_, name)| name).join(", ");
    let _ = writeln!(table, "  {:<32} {passed}/{total}  (each with {faults})", "all");
    say(&table);
    assert!(failures.is_empty(), "{failures}");
}
