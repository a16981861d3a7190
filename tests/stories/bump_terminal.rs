//! `bump` with a person at the terminal: what is asked, what is left behind, and who leaves.

use std::io;

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::terminal::{Ended, Terminal, keys};
use tokio::task::block_in_place;

use crate::support::BINARY;

/// Wide enough for every line of these stories, whatever the registry is called.
const SIZE: (usize, usize) = (60, 200);

/// Stale deployments, each with an image of its own that has the tags 0.9 and 1.0.
async fn shop(story: &str, names: &[&str]) -> (Bed, Gateway) {
    let bed = Bed::start(story).await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in names {
        let repository = format!("shop/{name}");
        let image = |content: &str| bed.image(&format!("{content} {name}")).named(&format!("{content}-{name}"));
        bed.push(&registry, &repository, "0.9", image("older")).await;
        bed.push(&registry, &repository, "1.0", image("old")).await;
        bed.create(&PodTemplate::new("app", &registry.image(&repository, "1.0")).deployment(name, 1)).await;
    }
    for name in names {
        bed.wait_rolled_out("deployment", name).await;
        let image = bed.image(&format!("new {name}")).named(&format!("new-{name}"));
        bed.push(&registry, &format!("shop/{name}"), "1.0", image).await;
    }
    (bed, registry)
}

/// Starts the product with its data in a file, so that the screen holds what is said beside it.
fn start(bed: &Bed, words: &[&str]) -> Terminal {
    let command = bed.product(BINARY).args(words).into_command();
    blocking(|| Terminal::start(&command, SIZE.0, SIZE.1))
}

/// The terminal's kit waits in its calls, and the bed lives on meanwhile.
fn blocking<T>(act: impl FnOnce() -> io::Result<T>) -> T {
    block_in_place(act).unwrap_or_else(|error| panic!("{error}"))
}

fn wait(terminal: &mut Terminal, text: &str) {
    blocking(|| terminal.wait_for(text));
}

/// Waits for each text before it presses the keys beside it.
fn press(terminal: &mut Terminal, steps: &[(&str, &str)]) {
    for (text, pressed) in steps {
        wait(terminal, text);
        blocking(|| terminal.press(pressed));
    }
}

fn end(terminal: Terminal) -> Ended {
    let ended = blocking(|| terminal.end());
    assert!(ended.is_as_found(), "{ended:?}");
    ended
}

fn driven(bed: &Bed, words: &[&str], steps: &[(&str, &str)]) -> Ended {
    let mut terminal = start(bed, words);
    press(&mut terminal, steps);
    end(terminal)
}

async fn container(bed: &Bed, name: &str) -> Value {
    bed.get("deployment", name).await["spec"]["template"]["spec"]["containers"][0].clone()
}

async fn image(bed: &Bed, name: &str) -> String {
    bed.normaliser().normalise(container(bed, name).await["image"].as_str().expect("a container has an image"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_picks_names_looks_says_yes_and_sees_the_proof() {
    let (bed, _registry) = shop("asked", &["api", "web", "worker"]).await;
    let command = bed.product(BINARY).args(&["bump"]).into_command();
    let mut terminal = blocking(|| Terminal::start_whole(&command, SIZE.0, SIZE.1));
    press(&mut terminal, &[("[ ] deployment/worker", "web"), ("(1 of 3)", " ")]);
    press(&mut terminal, &[("1 chosen", keys::CTRL_U), ("[ ] deployment/api", " ")]);
    wait(&mut terminal, "2 chosen");
    assert_snapshot!(bed.normaliser().normalise(&terminal.screen().text()), @"
    ? Workloads to bump (2 chosen) ›
    > [x] deployment/api   stale <age>
      [x] deployment/web   stale <age>
      [ ] deployment/worker  stale <age>
    space: choose · enter: go on · esc: leave · type to filter · ctrl-a: all
    ");
    press(&mut terminal, &[("2 chosen", keys::ENTER)]);
    wait(&mut terminal, "imagePullPolicy");
    assert_snapshot!(bed.normaliser().normalise(&terminal.screen().text()), @"
    ✔ Workloads to bump · deployment/api, deployment/web
    ? New reference ›
    > a new tag for each of 2 images   next by each repository's own scheme
      a new tag for each, under names of my own  one question for each
      the digest of each of 2 images   pinned
      imagePullPolicy: Always and a restart   not recommended
    enter: go on · esc: leave · type to filter
    ");
    press(&mut terminal, &[("under names of my own", keys::DOWN), ("> a new tag for each, under", keys::ENTER)]);
    // Somebody's own name, one that moves by design, one that has other content, and the proposed one.
    press(&mut terminal, &[("Tag in shop/api › 1.1", "\u{15}latest\r"), ("moves by design", "\u{15}0.9\r")]);
    wait(&mut terminal, "holds other content");
    press(&mut terminal, &[("shop/api › 0.9", "-fixed\r"), ("Tag in shop/web › 1.1", keys::ENTER)]);
    press(&mut terminal, &[("? Apply?", "y")]);
    let ended = end(terminal);
    assert_eq!(ended.code, 0);
    assert_snapshot!(bed.normaliser().normalise(&ended.screen), @"
    ✔ Workloads to bump · deployment/api, deployment/web
    ✔ New reference · a new tag for each, under names of my own
    ✔ Tag in shop/api · 0.9
    note: the tag `0.9` is there already and holds other content
    ✔ Tag in shop/api · 0.9-fixed
    ✔ Tag in shop/web · 1.1
    Plan: 2 tags to write, 2 workloads to patch, 2 pods to replace

      registry <registry>/shop/api
        + tag: 0.9-fixed
        gets the bytes that 1.0 serves, <manifest:new-api>…; nothing is rebuilt

      registry <registry>/shop/web
        + tag: 1.1   next by the repository's own scheme (1.0, 0.9)
        gets the bytes that 1.0 serves, <manifest:new-web>…; nothing is rebuilt

      deployment/api, container app   stale
        - image: <registry>/shop/api:1.0
        + image: <registry>/shop/api:0.9-fixed
        runs <manifest:old-api>…, will run <manifest:new-api>…
        1 pod is replaced

      deployment/web, container app   stale
        - image: <registry>/shop/web:1.0
        + image: <registry>/shop/web:1.1
        runs <manifest:old-web>…, will run <manifest:new-web>…
        1 pod is replaced

    ✔ Apply? · yes

    deployment/api   tagged 0.9-fixed · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new-api>… · no restart in <age>
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new-web>… · no restart in <age>
    hint: back with `kubectl freshimage undo deployment/api deployment/web`
    ");
    assert_eq!(image(&bed, "api").await, "<registry>/shop/api:0.9-fixed");
    assert_eq!(image(&bed, "web").await, "<registry>/shop/web:1.1");
    assert_eq!(image(&bed, "worker").await, "<registry>/shop/worker:1.0");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_is_offered_with_its_label_and_taken() {
    let (bed, registry) = shop("ways", &["digest", "existing", "always", "tag"]).await;
    for name in ["digest", "existing", "always", "tag"] {
        // What moves by design is there, and never offered.
        bed.tag(&registry, &format!("shop/{name}"), "1.0", "latest").await;
        bed.tag(&registry, &format!("shop/{name}"), "1.0", "1.0.1-rc").await;
    }
    let mut terminal = start(&bed, &["bump", "deployment/existing"]);
    press(&mut terminal, &[("type to filter", "another"), ("(1 of 4)", keys::CTRL_U)]);
    wait(&mut terminal, "imagePullPolicy");
    assert_snapshot!(bed.normaliser().normalise(&terminal.screen().text()), @"
    ? New reference ›
    > existing:1.1   next by the repository's own scheme (1.0, 0.9)
      existing:1.0@<manifest:new-existing>…   pinned
      another tag that is there   2 to choose from
      imagePullPolicy: Always and a restart  not recommended
    enter: go on · esc: leave · type to filter
    ");
    press(&mut terminal, &[("imagePullPolicy", "another"), ("(1 of 4)", keys::ENTER)]);
    wait(&mut terminal, "? Tag ›");
    assert_snapshot!(bed.normaliser().normalise(&terminal.screen().text()), @"
    ✔ New reference · another tag that is there
    ? Tag ›
    > 1.0.1-rc
      0.9
    enter: go on · esc: leave · type to filter
    ");
    press(&mut terminal, &[("> 1.0.1-rc", keys::ENTER), ("? Apply?", "y")]);
    let ended = end(terminal);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_snapshot!(bed.normaliser().normalise(&ended.screen), @"
    ✔ New reference · another tag that is there
    ✔ Tag · 1.0.1-rc
    ✔ Apply? · yes
    hint: back with `kubectl freshimage undo deployment/existing`
    ");
    assert_eq!(image(&bed, "existing").await, "<registry>/shop/existing:1.0.1-rc");

    let ended = driven(
        &bed,
        &["bump", "deployment/digest"],
        &[("imagePullPolicy", "pinned"), ("(1 of 4)", keys::ENTER), ("? Apply?", "y")],
    );
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(image(&bed, "digest").await, "<registry>/shop/digest:1.0@<manifest:new-digest>");

    let ended = driven(
        &bed,
        &["bump", "deployment/always"],
        &[("not recommended", keys::UP), ("> imagePullPolicy", keys::ENTER), ("? Apply?", "y")],
    );
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("note: not recommended"), "{}", ended.stdout);
    assert_eq!(container(&bed, "always").await["imagePullPolicy"], "Always");
    assert_eq!(image(&bed, "always").await, "<registry>/shop/always:1.0");

    // What is said on the command line is not asked.
    let ended = driven(&bed, &["bump", "deployment/tag", "--to", "tag=2.0"], &[("? Apply?", "n")]);
    assert_snapshot!(bed.normaliser().normalise(&ended.screen), @"
    ✔ Apply? · no
    Nothing was changed.
    ");
    assert_eq!((ended.code, image(&bed, "tag").await.as_str()), (0, "<registry>/shop/tag:1.0"));
    let ended = driven(&bed, &["bump", "deployment/tag", "--to", "tag=2.0"], &[("? Apply?", "y")]);
    assert_eq!((ended.code, image(&bed, "tag").await.as_str()), (0, "<registry>/shop/tag:2.0"));

    let ended = driven(&bed, &["bump"], &[]);
    assert_snapshot!(bed.normaliser().normalise(&ended.screen), @"Nothing that was selected runs old content in namespace `<namespace>`. A workload that is named is bumped all the same.");
    assert_eq!(ended.code, 0);
    bed.finish().await;
}

/// The way to each prompt, and what is seen when it is there.
const PROMPTS: &[(&[(&str, &str)], &str)] = &[
    (&[], "[ ] deployment/web"),
    (&[("[ ] deployment/web", " "), ("1 chosen", keys::ENTER)], "? New reference"),
    (
        &[
            ("[ ] deployment/web", " "),
            ("1 chosen", keys::ENTER),
            ("imagePullPolicy", "another"),
            ("(1 of 4)", keys::ENTER),
        ],
        "? Tag ›",
    ),
    (
        &[("[ ] deployment/web", " "), ("1 chosen", keys::ENTER), ("imagePullPolicy", keys::ENTER)],
        "? Tag in shop/web › 1.1",
    ),
    (
        &[
            ("[ ] deployment/web", " "),
            ("1 chosen", keys::ENTER),
            ("imagePullPolicy", keys::ENTER),
            ("? Tag in shop/web › 1.1", keys::ENTER),
        ],
        "? Apply?",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_at_any_prompt_leaves_everything_as_it_was() {
    let (bed, registry) = shop("leaving", &["web"]).await;
    let before = bed.get("deployment", "web").await["metadata"].clone();
    for (steps, shown) in PROMPTS {
        for how in ["escape", "ctrl-c", "INT", "TERM"] {
            let mut terminal = start(&bed, &["bump"]);
            press(&mut terminal, steps);
            wait(&mut terminal, shown);
            let (code, said) = match how {
                "escape" => (0, "Nothing was changed."),
                _ => (130, "error: interrupted; nothing was changed"),
            };
            blocking(|| match how {
                "escape" => terminal.press(keys::ESCAPE),
                "ctrl-c" => terminal.press(keys::CTRL_C),
                signal => terminal.signal(signal),
            });
            let ended = end(terminal);
            assert_eq!(ended.code, code, "{how} at {shown}: {ended:?}");
            assert!(ended.screen.ends_with(said), "{how} at {shown}:\n{}", ended.screen);
            assert_eq!(ended.screen.matches(said).count(), 1, "{how} at {shown}:\n{}", ended.screen);
            assert!(!ended.screen.contains("? "), "{how} at {shown}:\n{}", ended.screen);
        }
    }
    // The object is as it was but for what its own controller writes.
    let after = bed.get("deployment", "web").await["metadata"].clone();
    assert_eq!((&after["generation"], &after["annotations"]), (&before["generation"], &before["annotations"]));
    // Whether it may push was asked beforehand, but no name was written.
    assert_eq!(registry.requests().count(|asked| asked.method == "PUT"), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_while_it_waits_says_what_was_changed() {
    let (bed, registry) = shop("waiting", &["api", "web"]).await;
    for name in ["api", "web"] {
        let crash = bed.image(&format!("crash {name}")).named(&format!("crash-{name}")).that_crashes();
        bed.push(&registry, &format!("shop/{name}"), "1.0", crash).await;
    }
    for (how, name) in [("ctrl-c", "api"), ("TERM", "web")] {
        let target = format!("deployment/{name}");
        let mut terminal = start(&bed, &["bump", &target, "--to", "tag"]);
        press(&mut terminal, &[("? Apply?", "y")]);
        // Kubelets tell one or the other of a container between two starts.
        let hangs = |text: &str| text.contains("CrashLoopBackOff") || text.contains("Error, exit code 1");
        blocking(|| terminal.wait_until("the reason", |screen| hangs(&screen.text())));
        blocking(|| match how {
            "ctrl-c" => terminal.press(keys::CTRL_C),
            signal => terminal.signal(signal),
        });
        let ended = end(terminal);
        assert_eq!(ended.code, 130, "{ended:?}");
        let expected = format!(
            "✔ Apply? · yes\n\
             {target}   tagged 1.1 · patched · the wait was interrupted\n\
             error: interrupted in the middle; the lines above say what was changed\n\
             hint: wait for it and prove it with `kubectl freshimage bump {target} --to tag=1.1`\n\
             hint: back with `kubectl freshimage undo {target}`"
        );
        assert_eq!(ended.screen.trim_start(), expected);
        assert_eq!(image(&bed, name).await, format!("<registry>/shop/{name}:1.1"));
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_fails_asks_whether_to_go_back() {
    let (bed, registry) = shop("failing", &["back", "kept", "left"]).await;
    for name in ["back", "kept", "left"] {
        let crash = bed.image(&format!("crash {name}")).named(&format!("crash-{name}")).that_crashes();
        bed.push(&registry, &format!("shop/{name}"), "1.0", crash).await;
    }
    let words = |name: &str| format!("deployment/{name}");
    let bump = |name: &str, answer: &str| {
        let steps = [("? Apply?", "y"), ("Go back to what ran before?", answer)];
        driven(&bed, &["bump", &words(name), "--to", "tag", "--timeout", "6s"], &steps)
    };
    let back = bump("back", "y");
    assert_eq!(back.code, 12, "{back:?}");
    assert!(
        back.stdout.contains("taken back: ") && back.stdout.contains("runs what it ran before, verified"),
        "{back:?}"
    );
    assert_eq!(image(&bed, "back").await, "<registry>/shop/back:1.0@<manifest:old-back>");

    let kept = bump("kept", "n");
    assert_eq!(kept.code, 12, "{kept:?}");
    assert!(kept.stdout.contains("not confirmed: "), "{kept:?}");
    assert!(kept.screen.contains("back with `kubectl freshimage undo deployment/kept`"), "{kept:?}");
    assert_eq!(image(&bed, "kept").await, "<registry>/shop/kept:1.1");

    let left = bump("left", keys::CTRL_C);
    assert_eq!(left.code, 130, "{left:?}");
    assert!(left.screen.contains("back with `kubectl freshimage undo deployment/left`"), "{left:?}");
    assert_eq!(image(&bed, "left").await, "<registry>/shop/left:1.1");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_owns_is_changed_after_a_yes_only() {
    let (bed, _registry) = shop("owned", &["web"]).await;
    let tracking = json!({"metadata": {"annotations": {
        "argocd.argoproj.io/tracking-id": format!("shop:apps/Deployment:{}/web", bed.name()),
    }}});
    bed.merge_patch("deployment", "web", &tracking).await;
    let question = "? Apply, although deployment/web will be put back by its owner?";
    let words = ["bump", "deployment/web", "--to", "tag"];
    let ended = driven(&bed, &words, &[(question, keys::ENTER)]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_snapshot!(bed.normaliser().normalise(&ended.screen), @"
    ✔ Apply, although deployment/web will be put back by its owner? · no
    Nothing was changed.
    ");
    assert!(ended.stdout.contains("Argo CD application `shop` owns it"), "{}", ended.stdout);
    assert_eq!(image(&bed, "web").await, "<registry>/shop/web:1.0");
    let ended = driven(&bed, &words, &[(question, "y")]);
    assert_eq!((ended.code, image(&bed, "web").await.as_str()), (0, "<registry>/shop/web:1.1"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_terminal_will_do_and_a_dumb_one_is_none() {
    let (bed, _registry) = shop("narrow", &["web"]).await;
    let dumb = bed.product(BINARY).args(&["bump"]).env("TERM", "dumb").into_command();
    let ended = end(blocking(|| Terminal::start(&dumb, 24, 80)));
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.screen.contains("no workload was named"), "{ended:?}");

    let command = bed.product(BINARY).args(&["bump"]).into_command();
    let mut terminal = blocking(|| Terminal::start(&command, 6, 20));
    press(&mut terminal, &[("[ ] deplo", " "), ("[x] deplo", keys::ENTER), ("> web:1.1", keys::ENTER)]);
    wait(&mut terminal, "1.1");
    // It is drawn anew in the middle of a question.
    blocking(|| terminal.resize(24, 80));
    press(&mut terminal, &[("Tag in shop/web › 1.1", keys::ENTER), ("? Apply?", "y")]);
    let ended = end(terminal);
    assert_eq!((ended.code, image(&bed, "web").await.as_str()), (0, "<registry>/shop/web:1.1"), "{ended:?}");
    bed.finish().await;
}
