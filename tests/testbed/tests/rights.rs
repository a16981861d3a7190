//! Rights that are given and taken back, on whichever bed the environment asks for.

use serde_json::{Value, json};
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Kubernetes, PatchKind};

async fn may(client: &Kubernetes, namespace: &str, verb: &str, group: &str, resource: &str) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"namespace": namespace, "verb": verb, "group": group, "resource": resource}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = client.create(path, &review).await.unwrap_or_else(|failure| panic!("{failure}"));
    answer["status"]["allowed"] == true
}

async fn code(client: &Kubernetes, path: &str) -> u16 {
    match client.patch(path, PatchKind::Json, &json!([])).await {
        Ok(_) => 200,
        Err(failure) => failure.status.map_or(0, |status| status.as_u16()),
    }
}

#[tokio::test]
async fn rights_of_a_group_come_and_go_at_once_and_reviews_tell() {
    let bed = Bed::start("rights-group").await;
    let other = bed.extra_namespace("other").await;
    bed.create(&PodTemplate::new("app", "registry.invalid/app:1").deployment("web", 0)).await;
    let web = bed.path("deployment", Some("web"));
    let eve = bed.account("eve").await;
    let client = bed.kubernetes_for(&eve);
    assert_eq!(code(&client, &web).await, 403);
    bed.allow_in(&eve, "apps", &["get", "patch"], &["deployments", "deployments/scale"]).await;
    assert_eq!(code(&client, &web).await, 200);
    assert!(client.get(&format!("{web}/scale")).await.is_ok());
    let cases = [
        (bed.name(), "patch", "apps", "deployments", true),
        (bed.name(), "get", "apps", "deployments", true),
        (bed.name(), "delete", "apps", "deployments", false),
        (bed.name(), "patch", "apps", "statefulsets", false),
        (bed.name(), "patch", "", "deployments", false),
        (other.name(), "patch", "apps", "deployments", false),
        ("", "patch", "apps", "deployments", false),
    ];
    for (namespace, verb, group, resource, expected) in cases {
        assert_eq!(may(&client, namespace, verb, group, resource).await, expected, "{verb} {resource} in {namespace}");
    }
    bed.allow_in(&eve, "apps", &["get"], &["deployments", "deployments/scale"]).await;
    bed.withdraw(&eve, "apps", &["deployments", "deployments/scale"]).await;
    assert_eq!(code(&client, &web).await, 403);
    bed.finish().await;
}

#[tokio::test]
async fn rights_in_the_whole_cluster_end_with_the_story() {
    let bed = Bed::start("rights-wide").await;
    let eve = bed.account("eve").await;
    let client = bed.kubernetes_for(&eve);
    assert!(client.get("/api/v1/nodes").await.is_err());
    bed.cluster_allow(&eve, "", &["get", "list"], &["nodes", "pods"]).await;
    bed.cluster_allow(&eve, "apps", &["list"], &["deployments"]).await;
    for path in ["/api/v1/nodes", "/api/v1/pods", "/apis/apps/v1/deployments"] {
        assert!(client.get(path).await.is_ok(), "{path}");
    }
    bed.cluster_withdraw(&eve, "", &["nodes", "pods"]).await;
    assert!(client.get("/api/v1/nodes").await.is_err());
    let kubeconfig = std::fs::read_to_string(bed.kubeconfig_for(&eve)).expect("it was written");
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).expect("it is JSON");
    assert_eq!(kubeconfig["users"][0]["name"], eve.as_str());
    let roles = bed.path("clusterroles", None);
    let (name, admin) = (bed.name().to_owned(), bed.kubernetes_for("admin"));
    if bed.is_real() {
        bed.finish().await;
        let left = admin.get(&roles).await.expect("the administrator may");
        assert!(!left.to_string().contains(&name));
    }
}
