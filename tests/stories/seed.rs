//! The seed's story: a tag is pushed again, and the cluster goes on running the old content.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;
use testbed::image::Image;

use crate::support::freshimage;

/// An image that serves its content as a page.
fn page(bed: &Bed, content: &str) -> Image {
    bed.image(content).command(["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"])
}

/// Asserts what users of the pods really get to see. Simulated pods serve nothing.
async fn assert_served(bed: &Bed, pods: &[Value], page: &str) {
    if !bed.is_real() {
        return;
    }
    for pod in pods {
        let address = pod["status"]["podIP"].as_str().expect("a running pod has an address");
        let url = format!("http://{address}:8080/");
        // The process listens a moment after its container runs.
        let mut served = None;
        for _ in 0..100 {
            if let Ok(answer) = testbed::client::http_client().get(&url).send().await {
                served = answer.text().await.ok();
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(served.as_deref(), Some(page), "{url}");
    }
}

fn uids(pods: &[Value]) -> Vec<&Value> {
    pods.iter().map(|pod| &pod["metadata"]["uid"]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_pushed_again_under_if_not_present_stays_stale_through_restarts_and_moves() {
    let bed = Bed::start("seed").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let old = page(&bed, "old page").created("2026-11-17T10:00:00Z").revision("1a2b3c");
    bed.push(&registry, "cp-enablement/awesomeapp", "1.0", old).await;
    let image = registry.image("cp-enablement/awesomeapp", "1.0");
    let template = PodTemplate::new("app", &image).policy("IfNotPresent").on_node("node-b");
    bed.create(&template.deployment("awesomeapp", 1)).await;
    bed.wait_rolled_out("deployment", "awesomeapp").await;
    let to_node =
        |node: &str| json!({"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": node}}}}});
    bed.strategic_patch("deployment", "awesomeapp", &to_node("node-a")).await;
    let first = bed.wait_rolled_out("deployment", "awesomeapp").await;
    assert_served(&bed, &first, "old page").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/awesomeapp   app   <registry>/cp-enablement/awesomeapp:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");

    let new = page(&bed, "new page").created("2026-11-20T10:00:00Z").revision("3c4d9e");
    bed.push(&registry, "cp-enablement/awesomeapp", "1.0", new).await;
    let stale = freshimage(&bed, &["diagnose"]).await;
    assert_snapshot!(stale.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/awesomeapp   app   <registry>/cp-enablement/awesomeapp:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/awesomeapp`
    hint: give it a unique tag with `kubectl freshimage bump deployment/awesomeapp`
    ");

    // The restart makes other pods of the same old content.
    let restarted = bed.restart("deployment", "awesomeapp").await;
    assert_ne!(uids(&first), uids(&restarted));
    assert_served(&bed, &restarted, "old page").await;
    assert_eq!(freshimage(&bed, &["diagnose"]).await.normalise(), stale.normalise());
    assert_snapshot!(freshimage(&bed, &["explain", "deployment/awesomeapp"]).await.normalise(), @"
    exit 0
    --- stdout
    deployment/awesomeapp, container app: stale in 1 of 1 pod

      asked for   <registry>/cp-enablement/awesomeapp:1.0
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  <manifest:new page>…  manifest → config <config:new page>…
                  built 2026-11-20 10:00 UTC, revision 3c4d9e
      pods run   <manifest:old page>…  manifest → config <config:old page>…
                  built 2026-11-17 10:00 UTC, revision 1a2b3c
                  awesomeapp-<id> on node-a, created <age> ago
      so   the contents differ (config digests)

      why   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
      no help   `kubectl rollout restart deployment/awesomeapp`: the node gives a
                  new pod the image that it holds; nothing asks the registry again,
                  as long as the pod's credentials are the ones that the image was
                  pulled with
      helps   a unique tag for each build: no node, mirror or cache can answer a
                  tag that was never used with old content (best)
                    kubectl freshimage bump deployment/awesomeapp
                  the digest in the reference:
                  <registry>/cp-enablement/awesomeapp@<manifest:new page>…: a
                  digest names its content; nothing can answer it with other bits
                    kubectl freshimage pin deployment/awesomeapp
                  imagePullPolicy: Always and a restart (not recommended): the
                  registry is asked at every start, and every start needs it from
                  then on
                    kubectl freshimage bump deployment/awesomeapp --to always-pull

      findings   moved-tag: the tag was pushed again under running pods; use a
                  unique tag for each build

      evidence
        HEAD <registry>/cp-enablement/awesomeapp:1.0
          → serves <manifest:new page>
        GET <registry>/cp-enablement/awesomeapp@<manifest:new page>
          → image manifest, config <config:new page>
        GET <registry>/cp-enablement/awesomeapp@<manifest:old page>
          → image manifest, config <config:old page>
        config of the served content
          → <config:new page>, built 2026-11-20 10:00:00Z, revision 3c4d9e
        config of the running content
          → <config:old page>, built 2026-11-17 10:00:00Z, revision 1a2b3c

      digests in full
        served
          <manifest:new page>
        running
          <manifest:old page>
    --- stderr
    ");

    // So does the other node, which held the tag before.
    bed.strategic_patch("deployment", "awesomeapp", &to_node("node-b")).await;
    let moved = bed.wait_rolled_out("deployment", "awesomeapp").await;
    assert_eq!(moved[0]["spec"]["nodeName"], "node-b");
    assert_served(&bed, &moved, "old page").await;
    assert_eq!(freshimage(&bed, &["diagnose"]).await.normalise(), stale.normalise());

    // A pipeline is stopped, and a script is told which workload it is.
    let failing = freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await;
    assert_eq!((failing.code, failing.normalised_stdout()), (Some(10), stale.normalised_stdout()));
    assert_snapshot!(freshimage(&bed, &["diagnose", "-o", "name"]).await.normalise(), @"
    exit 0
    --- stdout
    deployment.apps/awesomeapp
    --- stderr
    ");

    // What helps is a tag that no node has an answer to.
    bed.tag(&registry, "cp-enablement/awesomeapp", "1.0", "1.1").await;
    bed.set_image("deployment", "awesomeapp", "app", &registry.image("cp-enablement/awesomeapp", "1.1")).await;
    let fixed = bed.wait_rolled_out("deployment", "awesomeapp").await;
    assert_served(&bed, &fixed, "new page").await;
    assert_snapshot!(freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/awesomeapp   app   <registry>/cp-enablement/awesomeapp:1.1   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_pushed_again_under_always_is_stale_until_a_restart() {
    let bed = Bed::start("always").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "shop/web", "1.0", page(&bed, "old page").created("2026-11-17T10:00:00Z")).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0")).policy("Always").on_node("node-a");
    bed.create(&template.deployment("web", 2)).await;
    let before = bed.wait_rolled_out("deployment", "web").await;
    // Built now: content that is older than the pods would be blamed on a mirror.
    let new = page(&bed, "new page").created(&jiff::Timestamp::now().to_string());
    bed.push(&registry, "shop/web", "1.0", new).await;
    assert_served(&bed, &before, "old page").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   stale   2/2   re-pushed, built <age> ago; Always, not restarted since
    --- stderr

    1 of 1 workload runs old content in 2 pods.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");
    let item = freshimage(&bed, &["diagnose", "-o", "json"]).await.json()["items"][0].take();
    assert_eq!(item["findings"], json!(["moved-tag", "always-pull"]));
    let restart = item["remedies"].as_array().into_iter().flatten().find(|remedy| remedy["kind"] == "restart");
    assert_eq!(restart.expect("a restart is spoken of")["helps"], true);

    let after = bed.restart("deployment", "web").await;
    assert_served(&bed, &after, "new page").await;
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   fresh   2/2
    --- stderr

    Nothing stale in 1 workload with 2 pods.
    ");
    let item = freshimage(&bed, &["diagnose", "-o", "json"]).await.json()["items"][0].take();
    assert_eq!((&item["findings"], &item["remedies"]), (&json!(["always-pull"]), &json!([])));
    bed.finish().await;
}
