use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::domain::diagnosis::Verdict;
use crate::domain::verification::Other;
use crate::error::Kind;
use crate::text::is_unprintable;
use crate::ui::plan_samples as samples;
use crate::ui::printer::Captured;

fn place() -> Place {
    Place {
        namespace: Some("shop".to_owned()),
        default_namespace: "shop".to_owned(),
        flags: String::new(),
        ..Place::default()
    }
}

fn told(plan: &Plan, outcome: &Outcome, width: Option<usize>) -> String {
    let place = place();
    let mut text = results(plan, outcome, &Options { width, palette: Palette::plain(), place: &place }, UNWAITED);
    for hint in hints(plan, outcome, &place) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

fn of(confirmed: usize, pods: usize) -> Confirmation {
    let other = |number: usize| Other {
        pod: format!("awesomeapp-{number}").into(),
        container: "app".into(),
        verdict: Verdict::Stale,
        why: "the contents differ".to_owned(),
        asks_anew: true,
    };
    Confirmation { confirmed, pods, others: (confirmed..pods).map(other).collect(), watched: 0 }
}

/// What became of the story, with its tag written.
fn story(state: TargetState) -> Outcome {
    Outcome { tags: vec![TagState::Written], targets: vec![state], ..Outcome::default() }
}

fn unconfirmed(why: &str, confirmation: Confirmation) -> TargetState {
    TargetState::Unconfirmed { why: why.to_owned(), confirmation }
}

#[test]
fn each_end_of_a_workload_has_its_words() {
    let plan = samples::story();
    let hanging = "it was not done within 300s: 1 of 2 updated; awesomeapp-7: ImagePullBackOff: Back-off pulling image";
    let states = [
        TargetState::Confirmed { already: false, confirmation: of(2, 2) },
        TargetState::Confirmed { already: true, confirmation: of(2, 2) },
        TargetState::Confirmed { already: false, confirmation: of(0, 0) },
        TargetState::Untouched,
        TargetState::Patching,
        TargetState::Patched { already: false },
        TargetState::Patched { already: true },
        TargetState::Changed("its container app asks for `reg.example.com/app:2.0` by now".to_owned()),
        TargetState::NotPatched("forbidden: user `dev` cannot patch resource `deployments`".to_owned()),
        unconfirmed(hanging, of(1, 2)),
        unconfirmed("its pods could not be read", Confirmation::default()),
        TargetState::TakenBack { why: "its pods start again and again".to_owned(), problem: None, note: None },
        TargetState::TakenBack {
            why: "it crashes".to_owned(),
            problem: Some("its pods could not be read".to_owned()),
            note: None,
        },
    ];
    let text: Vec<String> = states.into_iter().map(|state| told(&plan, &story(state), None)).collect();
    assert_snapshot!(text.join("\n"), @"
    deployment/awesomeapp   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run sha256:9c1e4f019c1e…
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · as planned already · rolled out 2/2 · verified: 2 of 2 pods run sha256:9c1e4f019c1e…

    deployment/awesomeapp   tagged 1.1 · patched · no pod runs now
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · not begun
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`

    deployment/awesomeapp   tagged 1.1 · the patch was sent and not answered: it may be changed
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · patched · not waited for
    hint: wait for it and prove it with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · as planned already

    deployment/awesomeapp   tagged 1.1 · refused: its container app asks for `reg.example.com/app:2.0` by now; it was not patched
    hint: look at it again, then try it anew with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`

    deployment/awesomeapp   tagged 1.1 · not changed: forbidden: user `dev` cannot patch resource `deployments`
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`

    deployment/awesomeapp   tagged 1.1 · patched · 1 of 2 pods got the new content · not confirmed: it was not done within 300s: 1 of 2 updated; awesomeapp-7: ImagePullBackOff: Back-off pulling image
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · patched · not confirmed: its pods could not be read
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · taken back: its pods start again and again · runs what it ran before, verified

    deployment/awesomeapp   tagged 1.1 · taken back: it crashes · not confirmed that it runs what it ran before: its pods could not be read
    hint: wait for it and prove it with `kubectl freshimage undo deployment/awesomeapp`
    ");
}

#[test]
fn each_end_of_a_tag_has_its_words() {
    let plan = samples::story();
    let states = [
        TagState::Untouched,
        TagState::Existed,
        TagState::Writing,
        TagState::Taken(samples::other()),
        TagState::Failed("registry `reg.example.com` denies access".to_owned()),
    ];
    let text: Vec<String> = states
        .into_iter()
        .map(|state| {
            let not_patched = TargetState::NotPatched("its tag `1.1` was not written".to_owned());
            told(&plan, &Outcome { tags: vec![state], targets: vec![not_patched], ..Outcome::default() }, None)
        })
        .collect();
    assert_snapshot!(text.join("\n"), @"
    tag 1.1 in reg.example.com/cp-enablement/awesomeapp   not begun; nothing was written
    deployment/awesomeapp   not changed: its tag `1.1` was not written
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`

    deployment/awesomeapp   not changed: its tag `1.1` was not written
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`

    tag 1.1 in reg.example.com/cp-enablement/awesomeapp   was sent and not answered: it may be there
    deployment/awesomeapp   not changed: its tag `1.1` was not written
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`

    tag 1.1 in reg.example.com/cp-enablement/awesomeapp   refused: somebody gave it to sha256:cc22dd33cc22… meanwhile
    deployment/awesomeapp   not changed: its tag `1.1` was not written
    hint: look at it again, then try it anew with `kubectl freshimage bump deployment/awesomeapp --to tag`

    tag 1.1 in reg.example.com/cp-enablement/awesomeapp   not written: registry `reg.example.com` denies access
    deployment/awesomeapp   not changed: its tag `1.1` was not written
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    ");
}

#[test]
fn on_a_narrow_terminal_the_parts_stand_below_the_name() {
    let plan = samples::story();
    let confirmed = story(TargetState::Confirmed { already: false, confirmation: of(2, 2) });
    assert_snapshot!(told(&plan, &confirmed, Some(80)), @"
    deployment/awesomeapp
      tagged 1.1 · patched · rolled out 2/2
      verified: 2 of 2 pods run sha256:9c1e4f019c1e…
    hint: back with `kubectl freshimage undo deployment/awesomeapp`
    ");
    let hanging = unconfirmed("it was not done within 300s: 1 of 2 updated; awesomeapp-7: ErrImagePull", of(1, 2));
    assert_snapshot!(told(&plan, &story(hanging), Some(60)), @"
    deployment/awesomeapp
      tagged 1.1 · patched · 1 of 2 pods got the new content
      not confirmed: it was not done within 300s: 1 of 2
        updated; awesomeapp-7: ErrImagePull
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`
    ");
}

#[test]
fn what_stays_old_by_the_kind_s_nature_is_said() {
    let plan = samples::kinds();
    let confirmed = |at: usize, confirmation: Confirmation| {
        let mut outcome = Outcome::of(&plan);
        outcome.targets[at] = TargetState::Confirmed { already: false, confirmation };
        let text =
            results(&plan, &outcome, &Options { width: None, palette: Palette::plain(), place: &place() }, UNWAITED);
        text.lines().find(|line| line.contains("patched")).unwrap().to_owned()
    };
    let text = [
        confirmed(1, of(1, 3)),
        confirmed(3, of(0, 0)),
        confirmed(6, of(1, 1)),
        confirmed(7, of(0, 0)),
        confirmed(7, of(0, 1)),
    ];
    assert_snapshot!(text.join("\n"), @"
    statefulset/db   patched · rolled out 1/3 · verified: 1 of 3 pods run sha256:9c1e4f019c1e… · its partition keeps 2 old pods
    deployment/empty   patched · no pod runs now
    pod/shell   patched · rolled out 1/1 · verified: 1 of 1 pod runs sha256:9c1e4f019c1e…
    cronjob/nightly   patched · the next run uses it
    cronjob/nightly   patched · the next run uses it
    ");
}

#[test]
fn the_way_on_and_back_can_be_copied_from_anywhere() {
    let plan = samples::story();
    let elsewhere = Place {
        namespace: None,
        default_namespace: "default".to_owned(),
        flags: "--context prod".to_owned(),
        ..Place::default()
    };
    let hints = hints(&plan, &story(unconfirmed("it crashes", of(0, 2))), &elsewhere);
    assert_eq!(
        hints,
        [
            "go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1 -n shop --context prod`",
            "back with `kubectl freshimage undo deployment/awesomeapp -n shop --context prod`",
        ]
    );
}

#[test]
fn many_workloads_get_one_hint_of_each_kind() {
    let all = |names: &[&str], state: &TargetState| {
        let plan = samples::deployments(names);
        let outcome =
            Outcome { tags: vec![TagState::Written], targets: vec![state.clone(); names.len()], ..Outcome::default() };
        hints(&plan, &outcome, &place()).join("\n")
    };
    let confirmed = TargetState::Confirmed { already: false, confirmation: of(2, 2) };
    let hanging = unconfirmed("it crashes", of(0, 2));
    let text =
        [all(&["a", "b"], &confirmed), all(&["a", "b", "c"], &hanging), all(&["a", "b", "c", "d", "e", "f"], &hanging)];
    assert_snapshot!(text.join("\n\n"), @"
    back with `kubectl freshimage undo deployment/a deployment/b`

    go on with `kubectl freshimage bump deployment/a deployment/b deployment/c --to tag=1.1`
    back with `kubectl freshimage undo deployment/a deployment/b deployment/c`

    go on with `kubectl freshimage bump deployment/a --to tag=1.1`, and so with the other 5 workloads
    back with `kubectl freshimage undo deployment/a`, and so with the other 5 workloads
    ");
}

#[test]
fn pods_that_held_a_workload_up_are_told_and_the_one_that_somebody_else_has_to_delete() {
    let plan = samples::story();
    let cleared = |deleted: &[&str], left: Option<&str>| Cleared {
        deleted: deleted.iter().map(|pod| Arc::from(*pod)).collect(),
        left: left.map(Arc::from),
    };
    let confirmed = TargetState::Confirmed { already: false, confirmation: of(2, 2) };
    let back = TargetState::TakenBack { why: "it crashes".to_owned(), problem: None, note: None };
    let ends = [
        (confirmed, cleared(&["db-1"], None)),
        (back, cleared(&["db-2", "db-1", "db-0"], None)),
        (unconfirmed("db-1 is not ready", of(0, 2)), cleared(&["db-2"], Some("db-1"))),
    ];
    let text = ends.map(|(state, cleared)| told(&plan, &Outcome { cleared: vec![cleared], ..story(state) }, None));
    assert_snapshot!(text.join("\n"), @"
    deployment/awesomeapp   tagged 1.1 · patched · rolled out 2/2 · verified: 2 of 2 pods run sha256:9c1e4f019c1e… · db-1 blocked it and was deleted
    hint: back with `kubectl freshimage undo deployment/awesomeapp`

    deployment/awesomeapp   tagged 1.1 · taken back: it crashes · runs what it ran before, verified · db-2, db-1 and db-0 blocked it and were deleted

    deployment/awesomeapp   tagged 1.1 · patched · not confirmed: db-1 is not ready · db-2 blocked it and was deleted
    hint: first delete the pod that blocks it: `kubectl delete pod db-1`
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`
    ");
    let elsewhere =
        Place { flags: "--context prod --force".to_owned(), cluster: "--context prod".to_owned(), ..place() };
    let outcome = Outcome { cleared: vec![cleared(&[], Some("db-1"))], ..story(unconfirmed("no", of(0, 2))) };
    let elsewhere = Place { default_namespace: "default".to_owned(), ..elsewhere };
    assert_snapshot!(hints(&plan, &outcome, &elsewhere)[0], @"first delete the pod that blocks it: `kubectl delete pod db-1 -n shop --context prod`");
}

#[test]
fn what_failed_comes_before_what_only_has_to_be_waited_for() {
    let mut plan = samples::deployments(&["a", "b"]);
    plan.targets[1].namespace = "other".into();
    let outcome = Outcome {
        tags: vec![TagState::Written],
        targets: vec![TargetState::Patched { already: false }, TargetState::NotPatched("forbidden".to_owned())],
        ..Outcome::default()
    };
    assert_eq!(
        hints(&plan, &outcome, &place()),
        [
            "go on with `kubectl freshimage bump deployment/b --to tag=1.1 -n other`, and so with the other workload",
            "back with `kubectl freshimage undo deployment/a`",
        ]
    );
}

#[test]
fn there_is_no_way_back_where_there_is_none() {
    let mut plan = samples::story();
    plan.targets[0].changes[0].back = None;
    plan.targets[0].changes[0].no_way_back = Some("the runtime tells no digest".to_owned());
    let hanging = story(unconfirmed("it crashes", of(0, 2)));
    assert_eq!(hints(&plan, &hanging, &place()).len(), 1);
    assert_eq!(
        hints(&samples::undo(false), &hanging, &place()),
        ["go on with `kubectl freshimage undo deployment/awesomeapp`"],
        "what went wrong on the way back"
    );
}

#[test]
fn an_interruption_says_what_is_in_force() {
    let plan = Arc::new(samples::story());
    let interrupted = |outcome: Option<Outcome>| {
        let messages = Captured::default();
        let printer = Printer::to_writers(Box::new(Captured::default()), Box::new(messages.clone()));
        let begun = outcome.map(|outcome| (Arc::clone(&plan), outcome));
        let error = interrupted(&printer, begun.as_ref(), &place());
        printer.error(&AppError { kind: Kind::Interrupted, ..error });
        messages.text()
    };
    assert_snapshot!(interrupted(None), @"error: interrupted; nothing was changed");
    assert_snapshot!(interrupted(Some(Outcome::of(&plan))), @"error: interrupted; nothing was changed");
    assert_snapshot!(interrupted(Some(story(TargetState::Untouched))), @"
    deployment/awesomeapp   tagged 1.1 · not begun
    error: interrupted in the middle; the lines above say what was changed
    hint: go on with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    ");
    assert_snapshot!(interrupted(Some(story(TargetState::Patched { already: false }))), @"
    deployment/awesomeapp   tagged 1.1 · patched · the wait was interrupted
    error: interrupted in the middle; the lines above say what was changed
    hint: wait for it and prove it with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1`
    hint: back with `kubectl freshimage undo deployment/awesomeapp`
    ");
}

#[test]
fn a_document_on_stdout_is_left_alone() {
    let (data, messages) = (Captured::default(), Captured::default());
    let printer = Printer::to_writers(Box::new(data.clone()), Box::new(messages.clone()));
    let outcome = story(TargetState::Confirmed { already: false, confirmation: of(2, 2) });
    print(&printer, &samples::story(), &outcome, Some(PlanFormat::Json), &place()).unwrap();
    assert_eq!(data.text(), "");
    assert!(messages.text().starts_with("deployment/awesomeapp   tagged 1.1 · patched · "), "{}", messages.text());
    print(&printer, &samples::story(), &outcome, None, &place()).unwrap();
    assert!(data.text().starts_with("\ndeployment/awesomeapp   tagged 1.1 · "), "{}", data.text());
}

#[test]
fn nothing_from_outside_steers_the_terminal() {
    let plan = samples::hostile();
    let trick = "\u{1b}[2J\u{9b}31m\u{202e}\nforged".to_owned();
    let states = [
        TargetState::Confirmed { already: false, confirmation: of(2, 2) },
        TargetState::Changed(trick.clone()),
        TargetState::NotPatched(trick.clone()),
        unconfirmed(&trick, of(1, 2)),
        TargetState::TakenBack { why: trick.clone(), problem: Some(trick.clone()), note: Some(trick.clone()) },
    ];
    for state in states {
        for tag in [TagState::Written, TagState::Failed(trick.clone())] {
            let outcome = Outcome {
                tags: vec![tag; plan.tags.len()],
                targets: vec![state.clone(); plan.targets.len()],
                ..Outcome::default()
            };
            for width in [None, Some(40)] {
                let text = told(&plan, &outcome, width);
                let bad = text.chars().find(|character| *character != '\n' && is_unprintable(*character));
                assert_eq!(bad, None, "{text:?}");
            }
        }
    }
}
