//! What the same command does again: each command that changes something, cut off in each way while its pods start, and
//! given once more, and once more. It is one change, however often it is given, and one `undo` takes it back.

use std::fmt::Write as _;

use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Gateway, GatewayOptions};

use crate::support::{BINARY, assert_ended, freshimage, image_of, say};

/// How the first run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Not,
    Kill,
    Interrupt,
    Terminate,
    HangUp,
    Timeout,
    NoWait,
}

const CUTS: [(Cut, &str); 7] = [
    (Cut::Not, "to its end"),
    (Cut::Kill, "kill -9"),
    (Cut::Interrupt, "Ctrl-C"),
    (Cut::Terminate, "SIGTERM"),
    (Cut::HangUp, "SIGHUP"),
    (Cut::Timeout, "--timeout"),
    (Cut::NoWait, "--no-wait"),
];

/// One cell of the table: a workload whose tag was pushed again, with a repository of its own.
struct Cell<'a> {
    bed: &'a Bed,
    registry: &'a Gateway,
    cut: Cut,
    name: String,
    old: String,
    new: String,
}

impl<'a> Cell<'a> {
    async fn set(bed: &'a Bed, registry: &'a Gateway, cut: Cut, there: bool) -> Self {
        let name = format!("{cut:?}").to_lowercase();
        let repository = format!("shop/{name}");
        let image = |content: &str, day: u8| bed.image(content).created(&format!("2026-11-{day}T10:00:00Z"));
        bed.push(registry, &repository, "0.9", image("older", 10)).await;
        let old = bed.push(registry, &repository, "1.0", image("old", 17)).await;
        let mut deployment = PodTemplate::new("app", &registry.image(&repository, "1.0")).deployment(&name, 1);
        // Long enough that the pods still start when the run is cut off.
        deployment["spec"]["minReadySeconds"] = json!(2);
        bed.create(&deployment).await;
        bed.wait_rolled_out("deployment", &name).await;
        let new = bed.push(registry, &repository, "1.0", image("new", 20)).await;
        if there {
            bed.push(registry, &repository, "1.1", image("new", 20)).await;
        }
        Self { bed, registry, cut, name, old, new }
    }

    fn image(&self, tag: &str) -> String {
        self.registry.image(&format!("shop/{}", self.name), tag)
    }

    async fn run(&self, words: &[String]) -> Ran {
        self.bed.product(BINARY).args(&words.iter().map(String::as_str).collect::<Vec<_>>()).run().await
    }

    /// The first run, and how it has to end.
    async fn first_run(&self, words: &[String]) -> (Ran, Option<i32>) {
        let more: &[&str] = match self.cut {
            Cut::Timeout => &["--timeout", "1s"],
            Cut::NoWait => &["--no-wait"],
            _ => &[],
        };
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let before = self.history().await;
        let mut running = self.bed.product(BINARY).args(&words).spawn();
        let ends = match self.cut {
            Cut::Not | Cut::NoWait => Some(0),
            Cut::Timeout => Some(12),
            Cut::Kill => None,
            Cut::Interrupt | Cut::Terminate | Cut::HangUp => Some(130),
        };
        if ends.is_none_or(|code| code == 130) {
            let patched = |object: &Value| of(object) != before;
            self.bed.wait_for("its patch", "deployment", &self.name, patched).await;
            match self.cut {
                Cut::Kill => running.kill(),
                Cut::Interrupt => running.interrupt().await,
                Cut::Terminate => running.terminate().await,
                _ => running.hang_up().await,
            }
        }
        (running.wait().await, ends)
    }

    async fn history(&self) -> Value {
        of(&self.bed.get("deployment", &self.name).await)
    }

    /// How often its pods were replaced, and how many changes are written down.
    async fn changes(&self) -> (usize, usize) {
        let sets = self.bed.list_selected("replicaset", &format!("app={}", self.name)).await;
        let history: Value = serde_json::from_str(self.history().await.as_str().unwrap_or("{}")).expect("it is JSON");
        (sets.len(), history["changes"].as_array().map_or(0, Vec::len))
    }

    /// The digest that its pods are proven to run, by the product's own look.
    async fn runs(&self, digest: &str) -> bool {
        self.bed
            .pods(&format!("app={}", self.name))
            .await
            .iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .all(|pod| {
                let id = pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default();
                id.contains(digest)
            })
    }

    /// `bump` in one of its ways: once, again, once more, and back.
    async fn bump(&self, way: &[&str]) -> Result<(), String> {
        let target = format!("deployment/{}", self.name);
        let way = way.iter().map(|word| word.replace("{1.1}", &self.image("1.1")));
        let words: Vec<String> = way.chain([target.clone(), "--yes".to_owned()]).collect();
        let (first, ends) = self.first_run(&words).await;
        let told =
            |what: &str, ran: &Ran| format!("{:?}: {what}\n{}\n{}", self.cut, first.normalise(), ran.normalise());
        if first.code != ends {
            return Err(told("the first run ended otherwise", &first));
        }
        for again in ["the second run", "the third run"] {
            let ran = self.run(&words).await;
            if ran.code != Some(0) || !ran.stdout.contains("verified: 1 of 1 pod") {
                return Err(told(&format!("{again} did not finish it"), &ran));
            }
            if self.changes().await != (2, 1) {
                return Err(told(&format!("{again} made another change: {:?}", self.changes().await), &ran));
            }
        }
        if !self.runs(&self.new).await {
            return Err(format!("{:?}: its pods do not run the new content", self.cut));
        }
        let back = self.run(&["undo".to_owned(), target, "--yes".to_owned()]).await;
        match back.code == Some(0) && self.runs(&self.old).await {
            true => Ok(()),
            false => Err(told("undo did not bring the old content back", &back)),
        }
    }

    /// `undo` of the second of two changes: however it is cut off, it takes back that one, and then the first.
    async fn undo(&self) -> Result<(), String> {
        let target = format!("deployment/{}", self.name);
        for way in ["tag=1.1", "existing=0.9"] {
            let ran = self.run(&words(&["bump", &target, "--yes", "--to", way])).await;
            if ran.code != Some(0) {
                return Err(format!("{:?}: bump failed\n{}", self.cut, ran.normalise()));
            }
        }
        let undo = words(&["undo", &target, "--yes"]);
        let (first, ends) = self.first_run(&undo).await;
        let told =
            |what: &str, ran: &Ran| format!("{:?}: {what}\n{}\n{}", self.cut, first.normalise(), ran.normalise());
        if first.code != ends {
            return Err(told("the first run ended otherwise", &first));
        }
        if self.cut != Cut::Not {
            let ran = self.run(&undo).await;
            if ran.code != Some(0) || !ran.stdout.contains("verified: 1 of 1 pod") {
                return Err(told("the second run did not finish it", &ran));
            }
        }
        if !self.runs(&self.new).await || self.changes().await.1 != 3 {
            return Err(told("more or less than one change was taken back", &first));
        }
        let further = self.run(&undo).await;
        if further.code != Some(0) || !self.runs(&self.old).await || self.changes().await.1 != 4 {
            return Err(told("the next one did not take the first change back", &further));
        }
        let nothing = self.run(&undo).await;
        match nothing.code == Some(1) && nothing.stderr.contains("nothing left to undo") {
            true => Ok(()),
            false => Err(told("there was something left to undo", &nothing)),
        }
    }
}

/// One row of the table: the command, cut off in each way at the same time.
async fn row(story: &str, command: &str, way: &[&str]) {
    let bed = Bed::start(story).await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let cells = CUTS.map(|(cut, _)| {
        let (bed, registry) = (&bed, &registry);
        async move {
            let there = way.iter().any(|word| word.contains("1.1"));
            let cell = Cell::set(bed, registry, cut, there).await;
            match way {
                [] => cell.undo().await,
                way => cell.bump(way).await,
            }
        }
    });
    let results = futures::future::join_all(cells).await;
    let good = results.iter().filter(|result| result.is_ok()).count();
    let cuts = CUTS.map(|(_, name)| name).join(", ");
    say(&format!("again: {command:<32} {good}/{}  (first run: {cuts})\n", CUTS.len()));
    let mut failures = String::new();
    for why in results.into_iter().filter_map(Result::err) {
        // Writing to a String cannot fail.
        let _ = writeln!(failures, "=== {command}, {why}");
    }
    assert!(failures.is_empty(), "{failures}");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bump_to_a_new_tag_is_one_change() {
    row("again-tag", "bump --to tag", &["bump", "--to", "tag"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_one_change() {
    row("again-pin", "pin", &["pin"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bump_to_a_tag_that_is_there_is_one_change() {
    row("again-existing", "bump --to existing", &["bump", "--to", "existing=1.1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bump_to_another_pull_policy_is_one_change() {
    row("again-always", "bump --to always-pull", &["bump", "--to", "always-pull"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bump_to_given_images_is_one_change() {
    row("again-set", "bump --set", &["bump", "--set", "app={1.1}"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_takes_one_change_back() {
    row("again-undo", "undo", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_of_two_workloads_takes_one_change_of_each_back() {
    let bed = Bed::start("again-two").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    for (tag, content, day) in [("0.9", "older", 10), ("1.0", "old", 17), ("1.1", "new", 20)] {
        bed.push(&registry, "shop/web", tag, bed.image(content).created(&format!("2026-11-{day}T10:00:00Z"))).await;
    }
    let names = ["deployment/first", "deployment/second"];
    for name in ["first", "second"] {
        bed.create(&PodTemplate::new("app", &registry.image("shop/web", "0.9")).deployment(name, 1)).await;
        bed.wait_rolled_out("deployment", name).await;
    }
    for tag in ["existing=1.0", "existing=1.1"] {
        let ran = freshimage(&bed, &["bump", names[0], names[1], "--to", tag, "--yes"]).await;
        assert_ended(&ran, 0);
    }
    let undo = ["undo", names[0], names[1], "--max-parallel", "1", "--yes"];
    let mut running = bed.product(BINARY).args(&undo).spawn();
    let before = of(&bed.get("deployment", "first").await);
    bed.wait_for("its way back", "deployment", "first", |object| of(object) != before).await;
    running.kill();
    running.wait().await;
    let again = freshimage(&bed, &undo).await;
    assert_ended(&again, 0);
    for name in ["first", "second"] {
        let image = image_of(&bed, "deployment", name).await;
        assert!(image.starts_with(&registry.image("shop/web", "1.0@")), "{name}: {image}\n{}", again.normalise());
    }
    // Given once more it goes back one more.
    assert_ended(&freshimage(&bed, &undo).await, 0);
    for name in ["first", "second"] {
        let image = image_of(&bed, "deployment", name).await;
        assert!(image.starts_with(&registry.image("shop/web", "0.9@")), "{name}: {image}");
    }
    bed.finish().await;
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What is written down of a workload's changes.
fn of(object: &Value) -> Value {
    object["metadata"]["annotations"]["kubectl-freshimage/history"].clone()
}
