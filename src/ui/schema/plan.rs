//! `docs/plan.schema.json`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::PlanFormat;
use crate::domain::diagnosis::Verdict;
use crate::domain::patch::Operation;
use crate::domain::plan::Plan;
use crate::domain::template::Replacement;
use crate::domain::workload::{PullPolicy, Role};
use crate::ui::printer::Captured;
use crate::ui::summary::Place;
use crate::ui::{Printer, plan, plan_samples as samples};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/plan.schema.json")).unwrap()
}

fn document(plan: &Plan) -> Value {
    let data = Captured::default();
    let printer = Printer::to_writers(Box::new(data.clone()), Box::new(Captured::default()));
    plan::print(&printer, plan, Some(PlanFormat::Json), &Place::default()).unwrap();
    serde_json::from_str(&data.text()).unwrap()
}

fn validate<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Vec<Result<(), String>> {
    super::validate(&schema(), documents)
}

fn documents() -> Vec<Value> {
    // An `undo` takes away the pull policy that was not written before.
    let mut removes = samples::undo(false);
    removes.targets[0].patch.push(Operation::Remove { path: "/spec/template".to_owned() });
    let plans = [
        samples::story(),
        samples::kinds(),
        samples::done(),
        samples::undo(true),
        samples::kept(),
        samples::hostile(),
        removes,
        Plan::default(),
    ];
    plans.iter().map(document).collect()
}

#[test]
fn every_plan_is_valid() {
    let documents = documents();
    assert_eq!(validate(&documents), vec![Ok(()); documents.len()]);
}

#[test]
fn a_broken_plan_is_refused() {
    let kinds = document(&samples::kinds());
    for (pointer, value) in [
        ("/apiVersion", json!("kubectl-freshimage/v2")),
        ("/kind", json!("DiagnosisList")),
        ("/targets", Value::Null),
        ("/tags/0/digest", json!("sha256:9c1e4f01")),
        ("/tags/0/exists", json!("no")),
        ("/targets/0/changes", json!([])),
        ("/targets/0/changes/1/verdict", json!("old")),
        ("/targets/0/changes/2/pullPolicy", json!("always")),
        ("/targets/0/changes/1/back", Value::Null),
        ("/targets/0/changes/1/running", json!([samples::old(), samples::old()])),
        ("/targets/0/patch/0/op", json!("move")),
        ("/targets/0/warnings", json!([])),
        ("/targets/1/rollout/kind", json!("recreate")),
        ("/targets/1/rollout/from", json!("2")),
        ("/skipped/0/refused", json!(1)),
    ] {
        let mut broken = kinds.clone();
        *broken.pointer_mut(pointer).unwrap() = value.clone();
        assert!(validate([&broken])[0].is_err(), "{pointer}: {value}");
    }
    for (pointer, field) in [("", "tags"), ("/targets/0", "rollout"), ("/targets/0/changes/0", "done")] {
        let mut broken = kinds.clone();
        broken.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
        assert!(validate([&broken])[0].is_err(), "{pointer} without {field}");
    }
}

#[test]
fn fields_may_be_added() {
    let mut document = document(&samples::story());
    document["targets"][0]["rollout"]["later"] = json!("more");
    assert_eq!(validate([&document]), [Ok(())]);
}

#[test]
fn its_words_are_the_words_of_the_program() {
    fn words(all: &[impl Serialize]) -> Value {
        json!(all)
    }
    let schema = schema();
    for (name, expected) in [
        ("verdict", words(&Verdict::ALL)),
        ("containerType", words(&Role::ALL)),
        ("pullPolicy", words(&PullPolicy::ALL)),
    ] {
        assert_eq!(schema["$defs"][name]["enum"], expected, "{name}");
    }
    let kinds = [
        Replacement::Rollout,
        Replacement::Partition { from: 1 },
        Replacement::Paused,
        Replacement::WhenDeleted { because: String::new() },
        Replacement::NextRun { suspended: false },
        Replacement::InPlace,
    ];
    let kinds: Vec<Value> = kinds.iter().map(|kind| json!(kind)["kind"].clone()).collect();
    assert_eq!(schema["$defs"]["rollout"]["properties"]["kind"]["enum"], json!(kinds));
}

#[test]
fn its_fields_are_those_that_are_printed_and_the_required_ones_are_always_there() {
    super::assert_fields(&schema(), &documents());
}

#[test]
fn nothing_is_null_but_what_a_patch_expects_not_to_be_there() {
    fn nulls(value: &Value, place: &str, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(place.to_owned()),
            Value::Array(values) => values.iter().for_each(|value| nulls(value, place, found)),
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| nulls(value, &format!("{place}/{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    documents().iter().for_each(|document| nulls(document, "", &mut found));
    found.dedup();
    assert_eq!(found, ["/targets/patch/value"]);
}
