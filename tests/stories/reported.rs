//! What the cluster itself reports, which the stories check so that a naive comparison would be seen to fail on it,
//! and what the product says that decided.

use serde_json::Value;
use testbed::bed::Bed;

use crate::support::freshimage;

/// `imageID` of the pod's first container, with stable names.
pub(crate) async fn image_id(bed: &Bed, pod: &str) -> String {
    let pod = bed.get("pod", pod).await;
    bed.normaliser().normalise(status(&pod)["imageID"].as_str().unwrap_or_default())
}

/// `status.image` of the pod's first container, with stable names.
pub(crate) async fn shown_image(bed: &Bed, pod: &str) -> String {
    let pod = bed.get("pod", pod).await;
    bed.normaliser().normalise(status(&pod)["image"].as_str().unwrap_or_default())
}

fn status(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

/// Waits until the node lists an image that has all of `names` and none of `not`: it follows within half a minute.
pub(crate) async fn wait_listed(bed: &Bed, node: &str, names: &[&str], not: &[&str]) {
    let fits = |image: &Value| {
        let listed: Vec<&str> = image["names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        names.iter().all(|name| listed.contains(name)) && !not.iter().any(|name| listed.contains(name))
    };
    bed.wait_for(&format!("the node to list {names:?} and not {not:?}"), "node", node, |node| {
        node["status"]["images"].as_array().is_some_and(|images| images.iter().any(fits))
    })
    .await;
}

/// Waits until the nodes' lists count for every pod that runs: a real kubelet reports what it holds up to a minute late,
/// and until then nothing is proven by them.
pub(crate) async fn wait_reported(bed: &Bed) {
    if bed.is_real() {
        tokio::time::sleep(std::time::Duration::from_secs(52)).await;
    }
}

/// A line for each workload: what its first pods run, and what decided their verdict.
pub(crate) async fn proofs(bed: &Bed) -> String {
    let answer = freshimage(bed, &["diagnose", "-o", "json"]).await.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |item: &Value| {
        let group = &item["running"][0];
        format!("{}: {}: {}", text(&item["workload"]["name"]), text(&group["imageID"]), text(&group["proof"]))
    };
    let lines: Vec<String> = answer["items"].as_array().into_iter().flatten().map(line).collect();
    bed.normaliser().normalise(&lines.join("\n"))
}
