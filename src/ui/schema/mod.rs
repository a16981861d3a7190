//! The schemas in `docs/` are written by hand: these tests hold them against what is really printed.

mod diagnosis;
mod outcome;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a real validator says of these documents.
fn validate<'a>(schema: &Value, documents: impl IntoIterator<Item = &'a Value>) -> Vec<Result<(), String>> {
    let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
    compiler.enable_format_assertions();
    compiler.add_resource("schema.json", schema.clone()).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    documents.into_iter().map(|document| schemas.validate(document, index).map_err(|error| error.to_string())).collect()
}

/// Asserts that the schema describes each field that is ever printed and no other, and requires those that always are.
fn assert_fields(schema: &Value, documents: &[Value]) {
    let mut seen = BTreeMap::new();
    for document in documents {
        look(schema, schema, "#", document, &mut seen);
    }
    let objects: BTreeSet<String> = schema["$defs"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, definition)| definition["type"] == "object")
        .map(|(name, _)| format!("#/$defs/{name}"))
        .chain(["#".to_owned()])
        .collect();
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), objects, "each object of the schema is printed");
    for (place, objects) in seen {
        let definition = schema.pointer(&place[1..]).unwrap();
        let described = definition["properties"].as_object().unwrap();
        let required = definition["required"].as_array().unwrap();
        let ever = objects.iter().flatten().cloned().collect::<BTreeSet<String>>();
        let always = objects.into_iter().reduce(|left, right| &left & &right).unwrap();
        assert_eq!(described.keys().cloned().collect::<BTreeSet<_>>(), ever, "{place}");
        assert_eq!(
            required.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
            always,
            "{place}"
        );
        assert_eq!(definition["additionalProperties"], true, "{place}");
        for (name, field) in described {
            let target = field["$ref"].as_str().and_then(|target| schema.pointer(&target[1..]));
            let description = field.get("description").or_else(|| target?.get("description"));
            assert!(description.is_some_and(Value::is_string), "{place} does not say what {name} is");
        }
    }
}

/// Walks through a document along the schema and collects, for each object of the schema, the fields of each value.
fn look(schema: &Value, node: &Value, place: &str, value: &Value, seen: &mut BTreeMap<String, Vec<BTreeSet<String>>>) {
    if let Some(target) = node["$ref"].as_str() {
        return look(schema, schema.pointer(&target[1..]).unwrap(), target, value, seen);
    }
    match value {
        Value::Object(fields) => {
            seen.entry(place.to_owned()).or_default().push(fields.keys().cloned().collect());
            for (name, value) in fields {
                look(schema, &node["properties"][name], &format!("{place}/properties/{name}"), value, seen);
            }
        }
        Value::Array(values) => {
            for value in values {
                look(schema, &node["items"], &format!("{place}/items"), value, seen);
            }
        }
        _ => {}
    }
}
