//! `-o json` and `-o yaml` of what is carried out: one document, however it ends.

use http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Effect, Gateway, Match};
use testbed::terminal::{Terminal, keys};
use tokio::task::block_in_place;

use crate::support::{BINARY, assert_ended, assert_published, freshimage, image_of, push_again, shop};

async fn stale(bed: &Bed, names: &[&str]) -> Gateway {
    let registry = shop(bed).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0"));
    for name in names {
        bed.create(&template.deployment(name, 1)).await;
    }
    for name in names {
        bed.wait_rolled_out("deployment", name).await;
    }
    push_again(bed, &registry).await;
    registry
}

/// The one document that a run printed, as its schema says, without the patches: they hold times and names of runs.
fn document(ran: &Ran) -> Value {
    patchless(ran.json(), ran.code)
}

fn patchless(mut document: Value, code: Option<i32>) -> Value {
    assert_published(&document);
    assert_eq!(document["kind"], "Outcome");
    assert_eq!(document["exitCode"], json!(code));
    for target in document["targets"].as_array_mut().expect("a list") {
        target.as_object_mut().expect("an object").remove("patch");
    }
    document
}

/// The exit code, the document and stderr.
fn told(bed: &Bed, ran: &Ran) -> String {
    let text = bed.normaliser().normalise(&format!("{:#}", document(ran)));
    format!("exit {}\n{text}\n--- stderr\n{}", ran.code.unwrap_or(-1), ran.normalised_stderr())
}

/// A document without what the plan says as well, each part on a line.
fn in_short(bed: &Bed, document: &Value) -> String {
    let mut lines = vec![format!("{} {}", document["exitCode"], document["result"])];
    let kept = ["state", "changed", "why", "answered", "problem", "confirmation", "goOn", "goBack", "reason", "hint"];
    for (list, name) in [("tags", "/tag"), ("targets", "/workload/name"), ("skipped", "/workload/name")] {
        for one in document[list].as_array().expect("a list") {
            let mut line = format!("{list} {}", one.pointer(name).expect("a name"));
            for field in kept.iter().filter(|field| !one[**field].is_null()) {
                line.push_str(&format!(" {field}={}", one[*field]));
            }
            lines.push(line);
        }
    }
    if !document["error"].is_null() {
        lines.push(format!("error {:#}", document["error"]));
    }
    bed.normaliser().normalise(&(lines.join("\n") + "\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_everything_is_one_document() {
    let bed = Bed::start("outcome").await;
    let registry = stale(&bed, &["web"]).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "-o", "json"];
    assert_snapshot!(told(&bed, &freshimage(&bed, &bump).await), @r#"
    exit 0
    {
      "apiVersion": "kubectl-freshimage/v1",
      "exitCode": 0,
      "kind": "Outcome",
      "result": "done",
      "skipped": [],
      "tags": [
        {
          "digest": "<manifest:new>",
          "evidence": "next by the repository's own scheme (1.0, 0.9)",
          "exists": false,
          "repository": "<registry>/shop/web",
          "state": "written",
          "tag": "1.1"
        }
      ],
      "targets": [
        {
          "changed": true,
          "changes": [
            {
              "back": "<registry>/shop/web:1.0@<manifest:old>",
              "container": {
                "name": "app",
                "type": "container"
              },
              "digest": "<manifest:new>",
              "done": false,
              "image": "<registry>/shop/web:1.0",
              "newImage": "<registry>/shop/web:1.1",
              "running": [
                "<manifest:old>"
              ],
              "servedDigest": "<manifest:new>",
              "verdict": "stale"
            }
          ],
          "confirmation": {
            "confirmed": 1,
            "others": [],
            "pods": 1,
            "watched": 2
          },
          "goBack": "kubectl freshimage undo deployment/web",
          "namespace": "<namespace>",
          "rollout": {
            "kind": "rollout",
            "pods": 1
          },
          "state": "confirmed",
          "workload": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "web"
          }
        }
      ]
    }
    --- stderr
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    hint: back with `kubectl freshimage undo deployment/web`
    "#);
    let again = freshimage(&bed, &bump).await;
    assert_snapshot!(in_short(&bed, &document(&again)), @r#"
    0 "done"
    targets "web" state="confirmed" changed=false confirmation={"confirmed":1,"others":[],"pods":1,"watched":2}
    "#);
    assert_snapshot!(again.normalised_stderr(), @"deployment/web   as planned already · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>");

    // The same in YAML, and on the way back.
    let undo = freshimage(&bed, &["undo", "deployment/web", "--yes", "--no-wait", "-o", "yaml"]).await;
    let yaml: Value = serde_saphyr::from_str(&undo.stdout).expect("it is YAML");
    assert_snapshot!(in_short(&bed, &patchless(yaml, undo.code)), @r#"
    0 "done"
    targets "web" state="patched" changed=true goOn="kubectl freshimage undo deployment/web"
    "#);
    assert_snapshot!(undo.normalised_stderr(), @"
    deployment/web   patched · not waited for
    hint: wait for it and prove it with `kubectl freshimage undo deployment/web`
    ");
    assert_ended(&freshimage(&bed, &["undo", "deployment/web", "--yes", "-o", "json"]).await, 0);
    assert_eq!(registry.requests().count(|asked| asked.method == Method::PUT), 1);

    // Neither a diff nor names are a document.
    let pin = freshimage(&bed, &["pin", "deployment/web", "--yes", "-o", "name"]).await;
    assert_eq!((pin.code, pin.stdout.as_str()), (Some(0), "deployment.apps/web\n"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_it_before_anything_is_written_is_in_the_document() {
    let bed = Bed::start("outcome-early").await;
    let registry = stale(&bed, &["web"]).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).job("import")).await;
    bed.wait_running("app=import", 1).await;
    registry.forget_requests();
    let before = bed.get("deployment", "web").await["metadata"]["generation"].clone();
    let bump = ["bump", "deployment/web", "job/import", "--to", "tag", "--yes", "-o", "json"];
    let refused = freshimage(&bed, &bump).await;
    assert_snapshot!(in_short(&bed, &document(&refused)), @r#"
    1 "failed"
    tags "1.1" state="untouched"
    targets "web" state="untouched" changed=false goOn="kubectl freshimage bump deployment/web --to tag=1.1"
    skipped "import" reason="the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`"
    error {
      "causes": [
        "job/import: the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`"
      ],
      "hints": [
        "`--keep-going` does the rest"
      ],
      "message": "a part of it is refused, so nothing was changed"
    }
    "#);
    assert_snapshot!(refused.normalised_stderr(), @"
    error: a part of it is refused, so nothing was changed
      caused by: job/import: the template of a Job cannot be changed; delete it and create it again from its manifest: `kubectl replace --force -f FILE`
    hint: `--keep-going` does the rest
    ");
    let nothing = freshimage(&bed, &["bump", "daemonsets", "--to", "tag", "--yes", "-o", "json"]).await;
    assert_snapshot!(told(&bed, &nothing), @r#"
    exit 0
    {
      "apiVersion": "kubectl-freshimage/v1",
      "exitCode": 0,
      "kind": "Outcome",
      "result": "done",
      "skipped": [],
      "tags": [],
      "targets": []
    }
    --- stderr
    Nothing that was selected runs old content in namespace `<namespace>`. A workload that is named is bumped all the same.
    "#);
    let nothing = freshimage(&bed, &["undo", "--all", "--yes", "-o", "json"]).await;
    assert_snapshot!(told(&bed, &nothing), @r#"
    exit 1
    {
      "apiVersion": "kubectl-freshimage/v1",
      "error": {
        "causes": [],
        "hints": [],
        "message": "nothing to undo: no workload there has a change that could be taken back"
      },
      "exitCode": 1,
      "kind": "Outcome",
      "result": "failed",
      "skipped": [],
      "tags": [],
      "targets": []
    }
    --- stderr
    error: nothing to undo: no workload there has a change that could be taken back
    "#);
    let missing = freshimage(&bed, &["bump", "deployment/nope", "--to", "tag", "--yes", "-o", "json"]).await;
    assert_snapshot!(told(&bed, &missing), @r#"
    exit 1
    {
      "apiVersion": "kubectl-freshimage/v1",
      "error": {
        "causes": [],
        "hints": [],
        "message": "deployments.apps \"nope\" not found"
      },
      "exitCode": 1,
      "kind": "Outcome",
      "result": "failed",
      "skipped": [],
      "tags": [],
      "targets": []
    }
    --- stderr
    error: deployments.apps "nope" not found
    "#);
    // Nobody listens there.
    let words = ["bump", "deployment/web", "--to", "tag", "--yes", "--server", "https://127.0.0.1:1", "-o", "json"];
    let ran = freshimage(&bed, &words).await;
    let silent = document(&ran);
    assert_eq!((&silent["result"], &silent["targets"]), (&json!("failed"), &json!([])));
    let message = silent["error"]["message"].as_str().expect("a message");
    assert!(ran.stderr.starts_with(&format!("error: {message}\n")), "{silent:#}\n{}", ran.stderr);
    // What cannot be read is told as text alone, and a dry run has its plan alone.
    for words in [&["bump", "deployment/web", "--yes", "-o", "json"][..], &["undo", "a/b/c", "--yes", "-o", "json"]] {
        let ran = bed.freshimage(BINARY, words).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
    }
    let dry = freshimage(&bed, &["bump", "deployment/web", "--to", "tag=0.9", "--dry-run=server", "-o", "json"]).await;
    assert_eq!((dry.code, &dry.json()["kind"]), (Some(1), &json!("Plan")));
    assert_eq!(bed.get("deployment", "web").await["metadata"]["generation"], before);
    assert_eq!(registry.requests().count(|asked| asked.method == Method::PUT), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_does_not_come_to_run_is_told_with_the_way_on_and_back() {
    let bed = Bed::start("outcome-crash").await;
    let registry = shop(&bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    let broken = bed.image("broken").created("2026-11-20T10:00:00Z").that_crashes();
    bed.push(&registry, "shop/web", "1.0", broken).await;
    let crash = ["bump", "deployment/web", "--to", "tag", "--yes", "--timeout", "10m", "-o", "json"];
    let mut kept = document(&freshimage(&bed, &crash).await);
    let target = kept["targets"][0].as_object_mut().expect("an object");
    // How it crashes is the kubelet's to say, and whether the old pod is still there is a question of the moment.
    assert!(target.remove("why").is_some_and(|why| why.as_str().is_some_and(|why| !why.is_empty())));
    let confirmation = target.remove("confirmation").expect("what is known of its pods");
    assert!(confirmation["pods"].as_u64() > Some(0), "{confirmation}");
    assert_snapshot!(in_short(&bed, &kept), @r#"
    12 "unconfirmed"
    tags "1.1" state="written"
    targets "web" state="unconfirmed" changed=true goOn="kubectl freshimage bump deployment/web --to tag=1.1" goBack="kubectl freshimage undo deployment/web"
    "#);
    // The command is one that a shell takes.
    let back = kept["targets"][0]["goBack"].as_str().expect("a way back").to_owned();
    let words: Vec<&str> = back.strip_prefix("kubectl freshimage ").expect("a command").split(' ').collect();
    let undone = document(&freshimage(&bed, &[&words[..], &["--yes", "-o", "json"]].concat()).await);
    assert_eq!((&undone["result"], &undone["targets"][0]["state"]), (&json!("done"), &json!("confirmed")));

    let rollback = ["bump", "deployment/web", "--to", "tag=2.0", "--yes", "--rollback", "-o", "json"];
    let mut taken_back = document(&freshimage(&bed, &rollback).await);
    assert!(taken_back["targets"][0].as_object_mut().is_some_and(|target| target.remove("why").is_some()));
    assert_snapshot!(in_short(&bed, &taken_back), @r#"
    12 "unconfirmed"
    tags "2.0" state="written"
    targets "web" state="takenBack" changed=true
    "#);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_was_quicker_is_in_the_document() {
    let bed = Bed::start("outcome-refused").await;
    let registry = stale(&bed, &["web"]).await;
    let mut write = registry.pause_at(Match::repository("shop/web").reference("1.1").method(Method::PUT));
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "-o", "json"];
    let running = bed.product(BINARY).args(&bump).spawn();
    write.reached().await;
    bed.set_image("deployment", "web", "app", &registry.image("shop/web", "0.9")).await;
    write.release();
    let ran = running.wait().await;
    assert_snapshot!(in_short(&bed, &document(&ran)), @r#"
    13 "refused"
    tags "1.1" state="written"
    targets "web" state="refused" changed=false why="its container app asks for `<registry>/shop/web:0.9` by now" goOn="kubectl freshimage bump deployment/web --to tag=1.1"
    "#);
    assert_snapshot!(ran.normalised_stderr(), @"
    deployment/web   tagged 1.1 · refused: its container app asks for `<registry>/shop/web:0.9` by now; it was not patched
    hint: look at it again, then try it anew with `kubectl freshimage bump deployment/web --to tag=1.1`
    ");
    assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "0.9"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interruption_leaves_a_whole_document() {
    let bed = Bed::start("outcome-cut").await;
    let registry = stale(&bed, &["web"]).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes", "-o", "json"];
    // Before anything is written.
    let mut write = registry.pause_at(Match::path("/blobs/uploads/").method(Method::POST));
    let running = bed.product(BINARY).args(&bump).spawn();
    write.reached().await;
    running.interrupt().await;
    let ran = running.wait().await;
    write.release();
    assert_snapshot!(told(&bed, &ran), @r#"
    exit 130
    {
      "apiVersion": "kubectl-freshimage/v1",
      "error": {
        "causes": [],
        "hints": [],
        "message": "interrupted; nothing was changed"
      },
      "exitCode": 130,
      "kind": "Outcome",
      "result": "interrupted",
      "skipped": [],
      "tags": [],
      "targets": []
    }
    --- stderr
    error: interrupted; nothing was changed
    "#);
    // In the middle of the rollout.
    let pulls = Match::repository("shop/web").reference("1.1").from_nodes();
    registry.when(pulls, Effect::Delay(std::time::Duration::from_secs(3)));
    let running = bed.product(BINARY).args(&bump).spawn();
    let image = registry.image("shop/web", "1.1");
    let asks = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str();
    bed.wait_for("its patch", "deployment", "web", asks).await;
    running.interrupt().await;
    let ran = running.wait().await;
    registry.heal();
    let mut cut = document(&ran);
    // The answer to the patch may be on its way.
    let state = cut["targets"][0]["state"].take();
    assert!(["patching", "patched"].iter().any(|word| state == *word), "{state}");
    assert_eq!(cut["targets"][0]["changed"], true);
    assert_eq!((&cut["exitCode"], &cut["error"]["message"]), (&json!(130), &json!("interrupted in the middle")));
    assert!(ran.stderr.contains("error: interrupted in the middle; the lines above"), "{}", ran.stderr);
    assert_ended(&freshimage(&bed, &bump).await, 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_asked_sees_the_plan_beside_the_document() {
    let bed = Bed::start("outcome-asked").await;
    let _registry = stale(&bed, &["web"]).await;
    let mut answers = Vec::new();
    for (steps, code) in
        [(&[("? Apply?", "n")][..], 0), (&[("? Apply?", keys::CTRL_C)], 130), (&[("? Apply?", "y")], 0)]
    {
        let command = bed.product(BINARY).args(&["bump", "deployment/web", "--to", "tag", "-o", "json"]).into_command();
        let ended = block_in_place(|| {
            let mut terminal = Terminal::start(&command, 60, 200)?;
            for (text, pressed) in steps {
                terminal.wait_for(text)?;
                terminal.press(pressed)?;
            }
            terminal.end()
        })
        .expect("a terminal");
        assert!(ended.is_as_found(), "{ended:?}");
        assert_eq!(ended.code, code, "{ended:?}");
        let document: Value = serde_json::from_str(&ended.stdout).expect("one document");
        answers.push(in_short(&bed, &patchless(document, Some(code))));
        answers.push(bed.normaliser().normalise(&ended.screen));
    }
    assert_snapshot!(answers.join("\n"), @r#"
    0 "declined"
    tags "1.1" state="untouched"
    targets "web" state="untouched" changed=false goOn="kubectl freshimage bump deployment/web --to tag=1.1"

    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    ✔ Apply? · no
    Nothing was changed.
    130 "interrupted"
    tags "1.1" state="untouched"
    targets "web" state="untouched" changed=false goOn="kubectl freshimage bump deployment/web --to tag=1.1"
    error {
      "causes": [],
      "hints": [],
      "message": "interrupted; nothing was changed"
    }

    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    error: interrupted; nothing was changed
    0 "done"
    tags "1.1" state="written"
    targets "web" state="confirmed" changed=true confirmation={"confirmed":1,"others":[],"pods":1,"watched":2} goBack="kubectl freshimage undo deployment/web"

    Plan: 1 tag to write, 1 workload to patch, 1 pod to replace

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new>…; nothing is rebuilt

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old>…, will run <manifest:new>…
        1 pod is replaced

    ✔ Apply? · yes
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    hint: back with `kubectl freshimage undo deployment/web`
    "#);
    bed.finish().await;
}
