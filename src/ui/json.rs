//! `-o json`: every fact, in a frame that scripts rely on. Fields may be added, none is ever renamed.

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::domain::diagnosis::{Diagnosis, Item, Summary};
use crate::domain::workload::Problem;
use crate::error::AppError;

/// What JSON and YAML have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: &'a [&'a Item],
    summary: &'a Summary,
    problems: &'a [Problem],
}

impl<'a> Document<'a> {
    pub(super) fn new(diagnosis: &'a Diagnosis, items: &'a [&'a Item]) -> Self {
        Self {
            api_version: "kubectl-freshimage/v1",
            kind: "DiagnosisList",
            items,
            summary: &diagnosis.summary,
            problems: &diagnosis.problems,
        }
    }
}

/// The items that are shown, and the summary over all of them, indented as kubectl does.
///
/// # Errors
/// None that is known: the document has plain values and text keys only.
pub fn render(diagnosis: &Diagnosis, items: &[&Item]) -> Result<String, AppError> {
    document(&Document::new(diagnosis, items))
}

/// Any document of ours.
pub(super) fn document(document: &impl Serialize) -> Result<String, AppError> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    document
        .serialize(&mut serializer)
        .map_err(|error| AppError::failed("failed to write the answer as JSON").because(error.to_string()))?;
    bytes.push(b'\n');
    Ok(escape_unprintable(&String::from_utf8_lossy(&bytes)))
}

/// JSON leaves DEL, the C1 control characters and the bidirectional ones as they are, and a terminal obeys them. As
/// `\u` escapes they are the same text to every parser. All of them can only stand in strings.
fn escape_unprintable(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && crate::text::is_unprintable(character) {
            // Two escapes for what is beyond the first plane.
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;

    fn rendered(diagnosis: &Diagnosis) -> String {
        render(diagnosis, &diagnosis.items.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_frame_and_every_field_have_their_names() {
        let mut diagnosis = samples::story();
        diagnosis.items.truncate(1);
        insta::assert_snapshot!(rendered(&diagnosis), @r#"
        {
            "apiVersion": "kubectl-freshimage/v1",
            "kind": "DiagnosisList",
            "items": [
                {
                    "namespace": "shop",
                    "workload": {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "name": "awesomeapp"
                    },
                    "container": {
                        "name": "app",
                        "type": "container"
                    },
                    "image": "cp-enablement/awesomeapp:1.0",
                    "verdict": "stale",
                    "reason": "re-pushed 3d ago; IfNotPresent, node holds the old bits",
                    "servedDigest": "sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01",
                    "served": {
                        "index": true,
                        "platform": {
                            "os": "linux",
                            "architecture": "amd64"
                        },
                        "configDigest": "sha256:77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe77aa01fe",
                        "created": "2026-11-20T14:05:00Z",
                        "revision": "3c4d9e"
                    },
                    "findings": [
                        "moved-tag"
                    ],
                    "remedies": [
                        {
                            "kind": "restart",
                            "helps": false,
                            "why": "node-a holds this tag and answers from its store again"
                        },
                        {
                            "kind": "unique-tag",
                            "helps": true,
                            "why": "no cache can answer it with old bits"
                        },
                        {
                            "kind": "digest",
                            "helps": true,
                            "why": "names the bytes themselves"
                        },
                        {
                            "kind": "always-pull",
                            "helps": true,
                            "why": "every start then needs the registry"
                        }
                    ],
                    "running": [
                        {
                            "verdict": "stale",
                            "reason": "re-pushed 3d ago; IfNotPresent, node holds the old bits",
                            "image": "cp-enablement/awesomeapp:1.0",
                            "digest": "sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3",
                            "imageID": "reg.example.com/app@sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3",
                            "content": {
                                "index": false,
                                "configDigest": "sha256:0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa0f83c2aa",
                                "created": "2026-11-17T09:30:00Z",
                                "revision": "1a2b3c"
                            },
                            "pods": [
                                "awesomeapp-5d9c-x2k8p",
                                "awesomeapp-5d9c-z9q4m"
                            ],
                            "nodes": [
                                "node-a"
                            ],
                            "pullPolicy": "IfNotPresent",
                            "since": "2026-11-20T12:00:00Z",
                            "proof": "the contents differ (config digests), both were read from the registry",
                            "evidence": [
                                {
                                    "asked": "HEAD docker.io/cp-enablement/awesomeapp:1.0",
                                    "answer": "sha256:9c1e4f019c1e…, an index: not what runs"
                                },
                                {
                                    "asked": "GET docker.io/cp-enablement/awesomeapp@sha256:2bd0a7c32bd0…",
                                    "answer": "config sha256:0f83c2aa0f83…: other content than the tag's"
                                }
                            ]
                        }
                    ],
                    "podCounts": {
                        "matching": 2,
                        "total": 2
                    }
                }
            ],
            "summary": {
                "workloads": 4,
                "pods": 9,
                "images": 4,
                "stalePods": 3,
                "failingPods": 0,
                "excluded": 0,
                "stale": 1,
                "mixed": 1,
                "suspect": 0,
                "stuck": 0,
                "unknown": 1,
                "unpublished": 0,
                "local": 0,
                "rolling": 0,
                "pinned": 0,
                "rewrapped": 0,
                "fresh": 1,
                "waiting": 0,
                "ended": 0
            },
            "problems": []
        }
        "#);
    }

    #[test]
    fn an_empty_answer_is_an_empty_list() {
        let diagnosis = Diagnosis::default();
        let value: serde_json::Value = serde_json::from_str(&rendered(&diagnosis)).unwrap();
        assert_eq!(value["items"], serde_json::json!([]));
        assert_eq!(value["problems"], serde_json::json!([]));
        assert_eq!(value["summary"]["stale"], 0);
    }

    #[test]
    fn nothing_is_ever_null() {
        for diagnosis in [samples::story(), samples::kinds(), samples::hostile()] {
            assert!(!rendered(&diagnosis).contains("null"));
        }
    }

    #[test]
    fn hostile_text_is_escaped_and_comes_back_whole() {
        let diagnosis = samples::hostile();
        let text = rendered(&diagnosis);
        assert!(!text.chars().any(|character| character != '\n' && crate::text::is_unprintable(character)));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["items"][0]["image"], diagnosis.items[0].image.as_ref());
        assert_eq!(value["items"][0]["reason"], diagnosis.items[0].reason);
        assert_eq!(escape_unprintable("\u{e0041}\u{ad}"), r"\udb40\udc41\u00ad");
    }
}
