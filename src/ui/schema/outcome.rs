//! `docs/outcome.schema.json`.

use serde_json::{Value, json};

use crate::cli::DocumentFormat;
use crate::domain::diagnosis::Verdict;
use crate::domain::outcome::{Cleared, End, Outcome, TagState, TargetState};
use crate::domain::patch::Operation;
use crate::domain::plan::Plan;
use crate::domain::verification::{Confirmation, Other};
use crate::error::{AppError, Kind};
use crate::exit::Exit;
use crate::ui::printer::Captured;
use crate::ui::summary::Place;
use crate::ui::{Printer, outcome, plan_samples as samples};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/outcome.schema.json")).unwrap()
}

fn validate<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Vec<Result<(), String>> {
    super::validate(&schema(), documents)
}

fn text(begun: Option<(&Plan, &Outcome)>, ended: Result<End, &AppError>, format: DocumentFormat) -> String {
    let data = Captured::default();
    let printer = Printer::to_writers(Box::new(data.clone()), Box::new(Captured::default()));
    let place = Place { default_namespace: "shop".to_owned(), ..Place::default() };
    outcome::print_document(&printer, &outcome::document(begun, ended, &place), format).unwrap();
    data.text()
}

fn document(begun: Option<(&Plan, &Outcome)>, ended: Result<End, &AppError>) -> Value {
    serde_json::from_str(&text(begun, ended, DocumentFormat::Json)).unwrap()
}

/// Every state of a tag.
fn tag_states() -> Vec<TagState> {
    let why = || "registry `reg.example.com` denies access".to_owned();
    vec![
        TagState::Untouched,
        TagState::Existed,
        TagState::Writing,
        TagState::Written,
        TagState::Taken(samples::other()),
        TagState::Unknown(why()),
        TagState::Failed(why()),
    ]
}

/// Every state of a workload.
fn target_states() -> Vec<TargetState> {
    let why = || "its pods start again and again".to_owned();
    let other = Other {
        pod: "awesomeapp-2".into(),
        container: "app".into(),
        verdict: Verdict::Stale,
        why: "the contents differ".to_owned(),
        asks_anew: true,
    };
    let confirmation = Confirmation { confirmed: 1, pods: 2, others: vec![other], watched: 2 };
    vec![
        TargetState::Untouched,
        TargetState::Patching,
        TargetState::Patched { already: false },
        TargetState::Patched { already: true },
        TargetState::Changed(why()),
        TargetState::NotPatched(why()),
        TargetState::Confirmed {
            already: false,
            confirmation: Confirmation { confirmed: 2, pods: 2, others: Vec::new(), watched: 2 },
        },
        TargetState::Unconfirmed { why: why(), confirmation },
        TargetState::Overtaken { why: why(), gone: false },
        TargetState::TakingBack { why: why(), answered: false },
        TargetState::TakenBack {
            why: why(),
            problem: Some("its pods could not be read".to_owned()),
            note: Some("no pod was replaced".to_owned()),
        },
    ]
}

/// What became of a plan whose tags and targets are all in one state.
fn all(plan: &Plan, tag: &TagState, target: &TargetState) -> Outcome {
    let cleared = match target {
        TargetState::TakenBack { .. } => Cleared { deleted: vec!["db-1".into()], left: Some("db-0".into()) },
        _ => Cleared::default(),
    };
    Outcome {
        tags: vec![tag.clone(); plan.tags.len()],
        targets: vec![target.clone(); plan.targets.len()],
        cleared: vec![cleared; plan.targets.len()],
    }
}

fn error() -> AppError {
    AppError::failed("a part of it is refused")
        .because("deployment/web: forbidden")
        .hint("`--keep-going` does the rest")
}

fn documents() -> Vec<Value> {
    let mut documents = vec![document(None, Err(&error())), document(None, Ok(End::Done))];
    let mut removes = samples::undo(false);
    removes.targets[0].patch.push(Operation::Remove { path: "/spec/template".to_owned() });
    removes.targets[0].rollout.keeps_pods = true;
    for plan in [samples::story(), samples::kinds(), samples::done(), samples::hostile(), removes, Plan::default()] {
        for tag in tag_states() {
            let outcome = all(&plan, &tag, &TargetState::Untouched);
            documents.push(document(Some((&plan, &outcome)), Ok(End::Failed)));
        }
        for (state, end) in target_states().iter().zip(End::ALL.iter().cycle()) {
            let outcome = all(&plan, &TagState::Written, state);
            documents.push(document(Some((&plan, &outcome)), Ok(*end)));
        }
    }
    documents
}

#[test]
fn every_outcome_is_valid() {
    let documents = documents();
    assert_eq!(validate(&documents), vec![Ok(()); documents.len()]);
}

#[test]
fn a_broken_outcome_is_refused() {
    let plan = samples::kinds();
    let outcome = all(&plan, &TagState::Taken(samples::other()), &target_states()[7]);
    let full = document(Some((&plan, &outcome)), Err(&error()));
    assert_eq!(validate([&full]), [Ok(())]);
    for (pointer, value) in [
        ("/apiVersion", json!("kubectl-freshimage/v2")),
        ("/kind", json!("Plan")),
        ("/result", json!("ok")),
        ("/exitCode", json!(2)),
        ("/error", json!("it failed")),
        ("/error/causes", json!("why")),
        ("/tags/0/state", json!("there")),
        ("/tags/0/holds", json!("sha256:9c1e4f01")),
        ("/targets", Value::Null),
        ("/targets/0/state", json!("ready")),
        ("/targets/0/changed", json!("yes")),
        ("/targets/0/why", Value::Null),
        ("/targets/0/confirmation/pods", json!(-1)),
        ("/targets/0/confirmation/others/0/verdict", json!("old")),
        ("/targets/0/goOn", json!(["bump"])),
        ("/targets/0/changes", json!([])),
        ("/skipped/0/refused", json!(1)),
    ] {
        let mut broken = full.clone();
        *broken.pointer_mut(pointer).unwrap() = value.clone();
        assert!(validate([&broken])[0].is_err(), "{pointer}: {value}");
    }
    for (pointer, field) in [("", "result"), ("", "targets"), ("/targets/0", "state"), ("/error", "hints")] {
        let mut broken = full.clone();
        broken.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
        assert!(validate([&broken])[0].is_err(), "{pointer} without {field}");
    }
}

#[test]
fn fields_may_be_added() {
    let mut document = document(None, Err(&error()));
    document["error"]["later"] = json!("more");
    assert_eq!(validate([&document]), [Ok(())]);
}

#[test]
fn its_words_are_the_words_of_the_program() {
    let schema = schema();
    assert_eq!(schema["properties"]["result"]["enum"], json!(End::ALL.map(End::as_str)));
    let mut codes: Vec<u8> = End::ALL.iter().map(|end| Exit::from(*end).code()).collect();
    codes.dedup();
    assert_eq!(schema["properties"]["exitCode"]["enum"], json!(codes));
    for (name, words, states) in [
        ("tagState", &TagState::WORDS[..], tag_states().iter().map(TagState::as_str).collect::<Vec<_>>()),
        ("targetState", &TargetState::WORDS[..], target_states().iter().map(TargetState::as_str).collect()),
    ] {
        assert_eq!(words, states);
        assert_eq!(schema["$defs"][name]["enum"], json!(words));
    }
}

#[test]
fn its_fields_are_those_that_are_printed_and_the_required_ones_are_always_there() {
    super::assert_fields(&schema(), &documents());
}

#[test]
fn a_plan_that_was_carried_out_has_every_field_of_the_plan() {
    let plan: Value = serde_json::from_str(include_str!("../../../docs/plan.schema.json")).unwrap();
    let (of_plan, of_outcome) = (&plan["$defs"], &schema()["$defs"]);
    for (name, definition) in of_plan.as_object().unwrap() {
        if !matches!(name.as_str(), "tagging" | "target") {
            assert_eq!(definition, &of_outcome[name], "{name}");
            continue;
        }
        for (field, definition) in definition["properties"].as_object().unwrap() {
            assert_eq!(definition, &of_outcome[name]["properties"][field], "{name}: {field}");
        }
    }
}

#[test]
fn each_state_says_what_is_known_and_how_it_goes_on() {
    let plan = samples::story();
    let mut lines = Vec::new();
    for state in target_states() {
        let outcome = all(&plan, &TagState::Written, &state);
        let mut told = document(Some((&plan, &outcome)), Ok(End::Done))["targets"][0].take();
        let fields = told.as_object_mut().unwrap();
        for field in ["namespace", "workload", "changes", "patch", "rollout"] {
            fields.remove(field).unwrap();
        }
        lines.push(told.to_string());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"changed":false,"goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"untouched"}
    {"changed":true,"goBack":"kubectl freshimage undo deployment/awesomeapp","goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"patching"}
    {"changed":true,"goBack":"kubectl freshimage undo deployment/awesomeapp","goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"patched"}
    {"changed":false,"state":"unchanged"}
    {"changed":false,"goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"refused","why":"its pods start again and again"}
    {"changed":false,"goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"notPatched","why":"its pods start again and again"}
    {"changed":true,"confirmation":{"confirmed":2,"others":[],"pods":2,"watched":2},"goBack":"kubectl freshimage undo deployment/awesomeapp","state":"confirmed"}
    {"changed":true,"confirmation":{"confirmed":1,"others":[{"asksAnew":true,"container":"app","pod":"awesomeapp-2","verdict":"stale","why":"the contents differ"}],"pods":2,"watched":2},"goBack":"kubectl freshimage undo deployment/awesomeapp","goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"unconfirmed","why":"its pods start again and again"}
    {"changed":true,"goOn":"kubectl freshimage bump deployment/awesomeapp --to tag=1.1","state":"overtaken","why":"its pods start again and again"}
    {"answered":false,"changed":true,"goOn":"kubectl freshimage undo deployment/awesomeapp","state":"takingBack","why":"its pods start again and again"}
    {"changed":true,"deletedPods":["db-1"],"goOn":"kubectl freshimage undo deployment/awesomeapp","heldUpBy":"db-0","note":"no pod was replaced","problem":"its pods could not be read","state":"takenBack","why":"its pods start again and again"}
    "#);
    let mut lines = Vec::new();
    for state in tag_states() {
        let outcome = all(&plan, &state, &TargetState::NotPatched("its tag was not written".to_owned()));
        let told = document(Some((&plan, &outcome)), Ok(End::Failed));
        let tag = &told["tags"][0];
        lines.push(format!("{} {} {} {}", tag["state"], tag["holds"], tag["why"], told["targets"][0]["goOn"]));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "untouched" null null "kubectl freshimage bump deployment/awesomeapp --to tag=1.1"
    "existed" null null "kubectl freshimage bump deployment/awesomeapp --to tag=1.1"
    "writing" null null "kubectl freshimage bump deployment/awesomeapp --to tag=1.1"
    "written" null null "kubectl freshimage bump deployment/awesomeapp --to tag=1.1"
    "taken" "sha256:cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33" null "kubectl freshimage bump deployment/awesomeapp --to tag"
    "unknown" null "registry `reg.example.com` denies access" "kubectl freshimage bump deployment/awesomeapp --to tag=1.1"
    "failed" null "registry `reg.example.com` denies access" "kubectl freshimage bump deployment/awesomeapp --to tag=1.1"
    "#);
}

#[test]
fn what_was_as_planned_before_is_not_said_to_be_changed() {
    let (done, story) = (samples::done(), samples::story());
    let unconfirmed = &target_states()[7];
    for (plan, state, changed) in [
        (&done, unconfirmed, false),
        (&story, unconfirmed, true),
        (&done, &target_states()[9], true),
        (&story, &TargetState::Patched { already: false }, true),
        (&story, &TargetState::NotPatched(String::new()), false),
    ] {
        let outcome = all(plan, &TagState::Existed, state);
        let told = document(Some((plan, &outcome)), Ok(End::Unconfirmed));
        assert_eq!(told["targets"][0]["changed"], changed, "{state:?}");
    }
}

#[test]
fn what_ended_the_run_is_told_as_on_a_terminal() {
    let plan = samples::story();
    let untouched = Outcome::of(&plan);
    let interrupted = |outcome: &Outcome| {
        let quiet = Printer::to_writers(Box::new(Captured::default()), Box::new(Captured::default()));
        let begun = (std::sync::Arc::new(plan.clone()), outcome.clone());
        let error = outcome::interrupted(&quiet, Some(&begun), &Place::default());
        AppError { kind: Kind::Interrupted, ..error }
    };
    let patched = all(&plan, &TagState::Written, &TargetState::Patched { already: false });
    let refused = AppError { kind: Kind::Refused, ..error().because("\u{1b}[2J\u{202e}gone") };
    let failed = AppError::failed("failed to reach the API server: connection refused").because("connection refused");
    let mut lines = Vec::new();
    for (outcome, error) in [
        (None, &failed),
        (Some(&untouched), &refused),
        (Some(&untouched), &interrupted(&untouched)),
        (Some(&patched), &interrupted(&patched)),
    ] {
        let told = document(outcome.map(|outcome| (&plan, outcome)), Err(error));
        assert_eq!(told["targets"].as_array().unwrap().len(), usize::from(outcome.is_some()));
        lines.push(format!("{} {} {}", told["result"], told["exitCode"], told["error"]));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "failed" 1 {"causes":["connection refused"],"hints":[],"message":"failed to reach the API server"}
    "refused" 13 {"causes":["deployment/web: forbidden","�[2J�gone"],"hints":["`--keep-going` does the rest"],"message":"a part of it is refused"}
    "interrupted" 130 {"causes":[],"hints":[],"message":"interrupted; nothing was changed"}
    "interrupted" 130 {"causes":[],"hints":["wait for it and prove it with `kubectl freshimage bump deployment/awesomeapp --to tag=1.1 -n shop`","back with `kubectl freshimage undo deployment/awesomeapp -n shop`"],"message":"interrupted in the middle"}
    "#);
}

#[test]
fn yaml_says_the_same_and_nothing_steers_the_terminal() {
    let plan = samples::hostile();
    let trick = "\u{1b}[2J\u{9b}31m\u{202e}\nforged".to_owned();
    let outcome = all(&plan, &TagState::Failed(trick.clone()), &TargetState::NotPatched(trick.clone()));
    let error = AppError::failed(trick.clone()).because(trick.clone()).hint(trick);
    let begun = Some((&plan, &outcome));
    let (json, yaml) = (text(begun, Err(&error), DocumentFormat::Json), text(begun, Err(&error), DocumentFormat::Yaml));
    for text in [&json, &yaml] {
        let bad = text.chars().find(|character| *character != '\n' && crate::text::is_unprintable(*character));
        assert_eq!(bad, None, "{text}");
    }
    let (json, yaml): (Value, Value) = (serde_json::from_str(&json).unwrap(), serde_saphyr::from_str(&yaml).unwrap());
    assert_eq!(json, yaml);
}
