//! `-o yaml`: the document of [`super::json`] in YAML.

use super::json::Document;
use crate::domain::diagnosis::{Diagnosis, Item};
use crate::error::AppError;
use crate::text::is_unprintable;

/// The items that are shown, and the summary over all of them.
///
/// # Errors
/// None that is known: the document has plain values and text keys only.
pub fn render(diagnosis: &Diagnosis, items: &[&Item]) -> Result<String, AppError> {
    document(&Document::new(diagnosis, items))
}

/// Any document of ours.
pub(super) fn document(document: &impl serde::Serialize) -> Result<String, AppError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(document, options)
        .map(|yaml| escape_unprintable(&yaml))
        .map_err(|error| AppError::failed("failed to write the answer as YAML").because(error.to_string()))
}

/// The serialiser escapes control characters but not the bidirectional and invisible ones. Where such a character
/// is left, its line's value is written anew in double quotes. Each value stands on one line and no key is from
/// outside.
fn escape_unprintable(yaml: &str) -> String {
    if !yaml.chars().any(|character| character != '\n' && is_unprintable(character)) {
        return yaml.to_owned();
    }
    yaml.lines()
        .map(|line| if line.chars().any(is_unprintable) { requoted(line) } else { line.to_owned() } + "\n")
        .collect()
}

fn requoted(line: &str) -> String {
    let mut value_at = line.len() - line.trim_start().len();
    while line[value_at..].starts_with("- ") {
        value_at += 2;
    }
    let key_length = line[value_at..].find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or_default();
    if line[value_at + key_length..].starts_with(": ") {
        value_at += key_length + 2;
    }
    let (before, value) = line.split_at(value_at);
    let quoted = |quote| value.strip_prefix(quote).and_then(|value: &str| value.strip_suffix(quote));
    let content = if let Some(escaped) = quoted('"') {
        escaped.to_owned()
    } else {
        let plain = quoted('\'').map_or_else(|| value.to_owned(), |text| text.replace("''", "'"));
        plain.replace('\\', "\\\\").replace('"', "\\\"")
    };
    let mut text = format!("{before}\"");
    for character in content.chars() {
        if is_unprintable(character) {
            text.push_str(&match u32::from(character) {
                code @ 0..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            });
        } else {
            text.push(character);
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;

    fn rendered(diagnosis: &Diagnosis) -> String {
        render(diagnosis, &diagnosis.items.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_frame_is_the_same_as_in_json() {
        let mut diagnosis = samples::story();
        diagnosis.items.truncate(1);
        insta::assert_snapshot!(rendered(&diagnosis), @r#"
        apiVersion: kubectl-freshimage/v1
        kind: DiagnosisList
        items:
        - namespace: shop
          workload:
            apiVersion: apps/v1
            kind: Deployment
            name: awesomeapp
          container:
            name: app
            type: container
          image: cp-enablement/awesomeapp:1.0
          verdict: stale
          reason: re-pushed 3d ago; IfNotPresent, node holds the old bits
          servedDigest: sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01
          served:
            index: true
            platform:
              os: linux
              architecture: amd64
            configDigest: sha256:77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe
            created: "2026-11-20T14:05:00Z"
            revision: 3c4d9e
          findings:
          - moved-tag
          remedies:
          - kind: restart
            helps: false
            why: node-a holds this tag and answers from its store again
          - kind: unique-tag
            helps: true
            why: no cache can answer it with old bits
          - kind: digest
            helps: true
            why: names the bytes themselves
          - kind: always-pull
            helps: true
            why: every start then needs the registry
          running:
          - verdict: stale
            reason: re-pushed 3d ago; IfNotPresent, node holds the old bits
            image: cp-enablement/awesomeapp:1.0
            digest: sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3
            imageID: reg.example.com/app@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3
            content:
              index: false
              configDigest: sha256:0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa
              created: "2026-11-17T09:30:00Z"
              revision: 1a2b3c
            pods:
            - awesomeapp-5d9c-x2k8p
            - awesomeapp-5d9c-z9q4m
            nodes:
            - node-a
            pullPolicy: IfNotPresent
            since: "2026-11-20T12:00:00Z"
            proof: the contents differ (config digests), both were read from the registry
            evidence:
            - asked: HEAD docker.io/cp-enablement/awesomeapp:1.0
              answer: "sha256:9c1e4f019c1e…, an index: not what runs"
            - asked: GET docker.io/cp-enablement/awesomeapp@sha256:2bd0a7c32bd0…
              answer: "config sha256:0f83c2aa0f83…: other content than the tag's"
          podCounts:
            matching: 2
            total: 2
        summary:
          workloads: 4
          pods: 9
          images: 4
          stalePods: 3
          failingPods: 0
          excluded: 0
          stale: 1
          mixed: 1
          suspect: 0
          stuck: 0
          unknown: 1
          unpublished: 0
          local: 0
          rolling: 0
          pinned: 0
          rewrapped: 0
          fresh: 1
          waiting: 0
          ended: 0
        problems: []
        "#);
    }

    #[test]
    fn it_reads_back_as_the_same_document_as_json() {
        for diagnosis in [samples::story(), samples::kinds(), samples::hostile(), Diagnosis::default()] {
            let items: Vec<_> = diagnosis.items.iter().collect();
            let json: serde_json::Value =
                serde_json::from_str(&crate::ui::json::render(&diagnosis, &items).unwrap()).unwrap();
            let yaml: serde_json::Value = serde_saphyr::from_str(&rendered(&diagnosis)).unwrap();
            assert_eq!(yaml, json);
        }
    }

    #[test]
    fn a_value_is_quoted_anew_whatever_its_form() {
        for (line, expected) in [
            ("- image: a\u{202e}b", r#"- image: "a\u202eb""#),
            ("  - a\u{202e}\"\\b", r#"  - "a\u202e\"\\b""#),
            ("key: 'it''s\u{200b}'", r#"key: "it's\u200b""#),
            ("key: \"\\e\u{200b}\"", r#"key: "\e\u200b""#),
            ("key: a\u{e0041}", r#"key: "a\U000e0041""#),
        ] {
            assert_eq!(requoted(line), expected);
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        let text = rendered(&samples::hostile());
        assert!(!text.chars().any(|character| character != '\n' && is_unprintable(character)), "{text:?}");
    }
}
