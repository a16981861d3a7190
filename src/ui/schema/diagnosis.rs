//! `docs/output.schema.json`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::diagnosis::{Content, Diagnosis, Finding, Item, RemedyKind, Verdict};
use crate::domain::workload::{Manager, Problem, PullPolicy, Role};
use crate::ui::{json, samples};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/output.schema.json")).unwrap()
}

fn document(diagnosis: &Diagnosis) -> Value {
    let items: Vec<&Item> = diagnosis.items.iter().collect();
    serde_json::from_str(&json::render(diagnosis, &items).unwrap()).unwrap()
}

fn validate<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Vec<Result<(), String>> {
    super::validate(&schema(), documents)
}

/// The story with every field in its first item that can be there.
fn full() -> Diagnosis {
    let mut full = samples::story();
    full.problems = vec![Problem { what: "nodes".to_owned(), why: "forbidden".to_owned() }];
    let item = &mut full.items[0];
    item.judged_as = Some("reg.example.com/app:1.0".into());
    item.next_start_fails = Some("registry `reg.example.com` has no tag `1.0`".to_owned());
    item.managers = vec![Manager { tool: "Helm".to_owned(), name: "shop".to_owned() }];
    item.injected_by = Some("Istio");
    let content = item.served.as_mut().unwrap();
    content.provenance.version = Some("1.0.3".to_owned());
    let platform = content.platform.as_mut().unwrap();
    platform.variant = Some("v2".to_owned());
    platform.os_version = Some("10.0.20348".to_owned());
    item.running[0].hint = Some("try again".into());
    full
}

/// The story with as little as can be known in its first item.
fn sparse() -> Diagnosis {
    let mut sparse = samples::story();
    let group = &mut sparse.items[0].running[0];
    group.since = None;
    group.digest = None;
    group.content = Some(Content::default());
    sparse
}

fn documents() -> Vec<Value> {
    [samples::story(), samples::kinds(), samples::hostile(), full(), sparse(), Diagnosis::default()]
        .iter()
        .map(document)
        .collect()
}

#[test]
fn every_answer_is_valid() {
    let documents = documents();
    assert_eq!(validate(&documents), vec![Ok(()); documents.len()]);
}

#[test]
fn a_broken_document_is_refused() {
    let full = document(&full());
    for (pointer, value) in [
        ("/apiVersion", json!("kubectl-freshimage/v2")),
        ("/kind", json!("List")),
        ("/items", Value::Null),
        ("/items/0/verdict", json!("old")),
        ("/items/0/container/type", json!("pause")),
        ("/items/0/servedDigest", json!("sha256:9c1e4f01")),
        ("/items/0/served/created", json!("yesterday, Z")),
        ("/items/0/served/created", json!("2026-11-20T14:05:00+01:00")),
        ("/items/0/served/platform/os", json!(1)),
        ("/items/0/findings", json!(["moved"])),
        ("/items/0/findings", json!(["moved-tag", "moved-tag"])),
        ("/items/0/remedies/0/kind", json!("rollback")),
        ("/items/0/remedies/0/helps", json!("no")),
        ("/items/0/managers", json!([])),
        ("/items/0/running/0/verdict", json!("Stale")),
        ("/items/0/running/0/pullPolicy", json!("always")),
        ("/items/0/running/0/since", Value::Null),
        ("/items/0/podCounts/total", json!(-1)),
        ("/summary/fresh", json!("1")),
        ("/problems/0", json!("nodes")),
    ] {
        let mut broken = full.clone();
        *broken.pointer_mut(pointer).unwrap() = value.clone();
        assert!(validate([&broken])[0].is_err(), "{pointer}: {value}");
    }
    for (pointer, field) in
        [("", "summary"), ("/items/0", "verdict"), ("/items/0/running/0", "pods"), ("/summary", "waiting")]
    {
        let mut broken = full.clone();
        broken.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
        assert!(validate([&broken])[0].is_err(), "{pointer} without {field}");
    }
}

#[test]
fn fields_may_be_added() {
    let mut document = document(&full());
    document["items"][0]["running"][0]["later"] = json!("more");
    assert_eq!(validate([&document]), [Ok(())]);
}

#[test]
fn its_words_are_the_words_of_the_program() {
    fn words(all: &[impl Serialize]) -> Value {
        json!(all)
    }
    let definitions = &schema()["$defs"];
    for (name, expected) in [
        ("verdict", words(&Verdict::ALL)),
        ("finding", words(&Finding::ALL)),
        ("remedyKind", words(&RemedyKind::ALL)),
        ("containerType", words(&Role::ALL)),
        ("pullPolicy", words(&PullPolicy::ALL)),
    ] {
        assert_eq!(definitions[name]["enum"], expected, "{name}");
    }
}

#[test]
fn its_fields_are_those_that_are_printed_and_the_required_ones_are_always_there() {
    super::assert_fields(&schema(), &documents());
}
