//! Replicas of one workload on two nodes that hold different content under one reference.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::GatewayOptions;

use crate::support::freshimage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_added_on_a_new_node_after_a_push_makes_the_workload_mixed() {
    let bed = Bed::start("mixed").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let old = bed.image("v1").created("2025-03-17T10:00:00Z");
    bed.push(&registry, "shop/web", "1.0", old).await;
    let apart = json!([{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }]);
    let template =
        PodTemplate::new("app", &registry.image("shop/web", "1.0")).field("topologySpreadConstraints", apart);
    bed.create(&template.deployment("web", 1)).await;
    let first = bed.wait_rolled_out("deployment", "web").await;
    let held = first[0]["spec"]["nodeName"].as_str().expect("a running pod has a node").to_owned();

    let new = bed.image("v2").created("2025-03-20T10:00:00Z");
    bed.push(&registry, "shop/web", "1.0", new).await;
    bed.merge_patch("deployment", "web", &json!({"spec": {"replicas": 2}})).await;
    let pods = bed.wait_rolled_out("deployment", "web").await;
    let nodes: Vec<&str> = pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str()).collect();
    let other = nodes.iter().find(|node| **node != held).expect("the second pod is on the other node");
    bed.name_text(&held, "first node");
    bed.name_text(other, "second node");

    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/shop/web:1.0   mixed   1/2   <first node> runs older bits than <second node>
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "-o", "wide"]).await.normalised_stdout(), @"
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   RUNNING   SERVED   NODES   POLICY   AGE   FINDINGS   WHY
    deployment/web   app   <registry>/shop/web:1.0   mixed   1/2   <manifest:v1>,<manifest:v2>   <manifest:v2>   <first node>,<second node>   IfNotPresent   <age>   moved-tag   <first node> runs older bits than <second node>
    ");
    assert_snapshot!(freshimage(&bed, &["explain", "deployment/web"]).await.normalise(), @"
    exit 0
    --- stdout
    deployment/web, container app: mixed, 1 of 2 pods runs old content

      asked for   <registry>/shop/web:1.0
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  <manifest:v2>…  manifest → config <config:v2>…
                  built 2025-03-20 10:00 UTC
      pods run   <manifest:v1>…  manifest  stale
                  → config <config:v1>…
                  built 2025-03-17 10:00 UTC
                  web-<id> on <first node>, created <age> ago
      so   the contents differ (config digests)
      pods run   <manifest:v2>…  manifest  fresh
                  → config <config:v2>…
                  built 2025-03-20 10:00 UTC
                  web-<id> on <second node>, created <age> ago
      so   the running digest is the one that the tag serves

      why   <first node> runs older bits than <second node>
      no help   `kubectl rollout restart deployment/web`: the node gives a new pod
                  the image that it holds; nothing asks the registry again, as long
                  as the pod's credentials are the ones that the image was pulled
                  with
      helps   a unique tag for each build: no node, mirror or cache can answer a
                  tag that was never used with old content (best)
                    kubectl freshimage bump deployment/web
                  the digest in the reference:
                  <registry>/shop/web@<manifest:v2>…: a digest names its
                  content; nothing can answer it with other bits
                    kubectl freshimage pin deployment/web
                  imagePullPolicy: Always and a restart (not recommended): the
                  registry is asked at every start, and every start needs it from
                  then on
                    kubectl freshimage bump deployment/web --to always-pull

      findings   moved-tag: the tag was pushed again under running pods; use a
                  unique tag for each build

      evidence
        for web-<id>
          HEAD <registry>/shop/web:1.0
            → serves <manifest:v2>
          GET <registry>/shop/web@<manifest:v2>
            → image manifest, config <config:v2>
          GET <registry>/shop/web@<manifest:v1>
            → image manifest, config <config:v1>
          config of the served content
            → <config:v2>, built 2025-03-20 10:00:00Z
          config of the running content
            → <config:v1>, built 2025-03-17 10:00:00Z
        for web-<id>
          HEAD <registry>/shop/web:1.0
            → serves <manifest:v2>
          config of the served content
            → <config:v2>, built 2025-03-20 10:00:00Z
          config of the running content
            → <config:v2>, built 2025-03-20 10:00:00Z

      digests in full
        served and running
          <manifest:v2>
        running
          <manifest:v1>
    --- stderr
    ");
    assert_eq!(freshimage(&bed, &["diagnose", "--fail-on", "stale"]).await.code, Some(10));

    let ran = freshimage(&bed, &["diagnose", "-o", "json"]).await;
    let list = ran.json();
    let yaml = freshimage(&bed, &["diagnose", "-o", "yaml"]).await.stdout;
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).expect("the answer is YAML"), list);
    let item = &list["items"][0];
    assert_eq!(item["verdict"], "mixed");
    assert_eq!(item["podCounts"], json!({"matching": 1, "total": 2}));
    assert_eq!(item["findings"], json!(["moved-tag"]));
    let groups: Vec<Value> = item["running"].as_array().expect("groups").clone();
    let told = |group: &Value| {
        let digest = bed.normaliser().normalise(group["digest"].as_str().unwrap_or_default());
        (group["verdict"].clone(), group["nodes"].clone(), group["pods"].as_array().map_or(0, Vec::len), digest)
    };
    assert_eq!(
        groups.iter().map(told).collect::<Vec<_>>(),
        [
            (json!("stale"), json!([held]), 1, "<manifest:v1>".to_owned()),
            (json!("fresh"), json!([other]), 1, "<manifest:v2>".to_owned()),
        ]
    );
    assert_eq!(list["summary"]["mixed"], 1);
    assert_eq!(list["summary"]["stalePods"], 1);
    bed.finish().await;
}
