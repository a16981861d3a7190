//! How a server takes changes: patches, what they may touch, and what the controllers and kubelets then do. Lived on
//! whichever bed the environment asks for, so that the simulated one can be held against the real one.

use reqwest::Method;
use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, PatchKind};
use testbed::client::Failure;

const MANAGER: &str = "kubectl-freshimage";
const IMAGE: &str = "/spec/template/spec/containers/0/image";
const REFUSED: &str = "the server rejected our request due to an error in our request";

async fn json_patch(bed: &Bed, path: &str, patch: &Value) -> Result<Value, Failure> {
    bed.kubernetes().patch(path, PatchKind::Json, patch).await
}

fn code(result: &Result<Value, Failure>) -> u16 {
    result.as_ref().map_or_else(|failure| failure.status.map_or(0, |status| status.as_u16()), |_| 200)
}

/// A Deployment of no pods, so that nothing but the test changes it.
async fn with_deployment(story: &str) -> (Bed, String, Value) {
    let bed = Bed::start(story).await;
    let mut deployment = PodTemplate::new("app", "registry.invalid/app:1").deployment("web", 0);
    deployment["metadata"]["annotations"] = json!({"k": "v"});
    bed.create(&deployment).await;
    let settled = |object: &Value| {
        object["status"]["observedGeneration"] == 1
            && object["status"]["conditions"].as_array().map(Vec::len) == Some(2)
    };
    let object = bed.wait_for("the controller's look", "deployment", "web", settled).await;
    let path = bed.path("deployment", Some("web"));
    (bed, path, object)
}

#[tokio::test]
async fn a_json_patch_is_carried_out_whole_or_refused() {
    let (bed, path, object) = with_deployment("changes-json").await;
    let (uid, version) = (&object["metadata"]["uid"], &object["metadata"]["resourceVersion"]);
    // Each of them leaves the object as it is, so that the resourceVersion holds for all.
    let cases = [
        ("a test that holds", 200, json!([{"op": "test", "path": "/spec/replicas", "value": 0}])),
        ("a test that does not", 422, json!([{"op": "test", "path": "/spec/replicas", "value": 7}])),
        ("the own uid", 200, json!([{"op": "test", "path": "/metadata/uid", "value": uid}])),
        ("another uid", 422, json!([{"op": "test", "path": "/metadata/uid", "value": "other"}])),
        ("the version", 200, json!([{"op": "test", "path": "/metadata/resourceVersion", "value": version}])),
        ("null for an absent field", 200, json!([{"op": "test", "path": "/metadata/annotations/no", "value": null}])),
        ("no value for one", 200, json!([{"op": "test", "path": "/metadata/annotations/no"}])),
        ("null below an absent parent", 422, json!([{"op": "test", "path": "/metadata/no/no", "value": null}])),
        ("null for a present field", 422, json!([{"op": "test", "path": "/metadata/annotations/k", "value": null}])),
        ("an index too far", 422, json!([{"op": "test", "path": "/spec/template/spec/containers/5", "value": null}])),
        (
            "an absent parent",
            422,
            json!([{"op": "add", "path": "/spec/template/metadata/annotations/x", "value": "y"}]),
        ),
        ("removing the absent", 422, json!([{"op": "remove", "path": "/metadata/annotations/no"}])),
        ("an unknown operation", 422, json!([{"op": "frob", "path": "/metadata/annotations/no"}])),
        ("nothing", 200, json!([])),
        ("no list", 400, json!({"op": "add"})),
        ("an old version", 409, json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}])),
        ("this version", 200, json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": version}])),
        ("a changed uid", 422, json!([{"op": "replace", "path": "/metadata/uid", "value": "other"}])),
        ("a changed name", 400, json!([{"op": "replace", "path": "/metadata/name", "value": "other"}])),
        ("no image", 422, json!([{"op": "replace", "path": IMAGE, "value": ""}])),
        (
            "one that fails late",
            422,
            json!([
                {"op": "replace", "path": IMAGE, "value": "registry.invalid/app:2"},
                {"op": "test", "path": "/metadata/annotations/k", "value": "w"},
            ]),
        ),
    ];
    for (what, expected, patch) in &cases {
        let result = json_patch(&bed, &path, patch).await;
        assert_eq!(code(&result), *expected, "{what}: {result:?}");
        if let Err(failure) = result
            && patch[0]["op"] == "test"
        {
            assert!(failure.message.ends_with(REFUSED), "{what}: {failure}");
        }
        let now = bed.get("deployment", "web").await;
        assert_eq!(now["metadata"]["resourceVersion"], *version, "{what}");
    }
    let missing = bed.path("deployment", Some("none"));
    assert_eq!(code(&json_patch(&bed, &missing, &cases[1].2).await), 404);
    let outdated = json_patch(&bed, &path, &cases[15].2).await.unwrap_err();
    assert!(outdated.message.ends_with("please apply your changes to the latest version and try again"), "{outdated}");
    bed.finish().await;
}

fn managers(object: &Value) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry["manager"].as_str()).collect()
}

#[tokio::test]
async fn a_dry_run_answers_as_if_and_changes_nothing() {
    let (bed, path, before) = with_deployment("changes-dry").await;
    let patch = json!([
        {"op": "replace", "path": IMAGE, "value": "registry.invalid/app:2"},
        {"op": "add", "path": "/metadata/annotations/by", "value": "us"},
    ]);
    let as_if = json_patch(&bed, &format!("{path}?dryRun=All&fieldManager={MANAGER}"), &patch).await.unwrap();
    assert_eq!(as_if.pointer(IMAGE), Some(&json!("registry.invalid/app:2")));
    assert_eq!(as_if["metadata"]["generation"], 2);
    assert_eq!(as_if["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert!(managers(&as_if).contains(&MANAGER), "{as_if:#}");
    assert_eq!(bed.get("deployment", "web").await, before);
    let odd = json_patch(&bed, &format!("{path}?dryRun=Some"), &patch).await;
    assert_eq!(code(&odd), 422, "{odd:?}");

    let after = json_patch(&bed, &format!("{path}?fieldManager={MANAGER}"), &patch).await.unwrap();
    assert_eq!(after["metadata"]["generation"], 2);
    assert_ne!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    let entries = after["metadata"]["managedFields"].as_array().unwrap();
    let ours = entries.iter().find(|entry| entry["manager"] == MANAGER).unwrap();
    assert_eq!(ours["operation"], "Update");
    assert_eq!(
        ours["fieldsV1"],
        json!({
            "f:metadata": {"f:annotations": {"f:by": {}}},
            "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}},
        })
    );
    let theirs = entries.iter().find(|entry| entry["manager"] == "testbed").unwrap();
    let container = &theirs["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"app\"}"];
    assert!(container["f:name"].is_object() && container["f:image"].is_null(), "{theirs:#}");
    bed.finish().await;
}

#[tokio::test]
async fn an_edit_of_an_old_state_is_a_conflict() {
    let (bed, path, before) = with_deployment("changes-old").await;
    bed.merge_patch("deployment", "web", &json!({"metadata": {"annotations": {"k": "w"}}})).await;
    let put = bed.kubernetes().replace(&path, &before).await;
    assert_eq!(code(&put), 409, "{put:?}");
    let mut other = before.clone();
    other["metadata"]["uid"] = json!("other");
    other["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let put = bed.kubernetes().replace(&path, &other).await;
    assert_eq!(code(&put), 409, "{put:?}");
    let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "other"}});
    let deleted = bed.kubernetes().request(Method::DELETE, &path, Some(("application/json", &body))).await;
    assert_eq!(code(&deleted), 409, "{deleted:?}");
    bed.finish().await;
}
