//! A reader who may do next to nothing: the answer gets poorer and says so, and is never wrong.

use insta::assert_snapshot;
use serde_json::json;
use testbed::bed::workload::{PodTemplate, pull_secret};
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Authentication, Gateway, GatewayOptions, Login};
use testbed::image::Index;

use crate::support::{BINARY, assert_published};

const READER: &str = "pod-reader";

async fn as_reader(bed: &Bed, arguments: &[&str]) -> Ran {
    bed.product(BINARY).kubeconfig(&bed.kubeconfig_for(READER)).args(arguments).run().await
}

/// A fresh and a stale workload, one behind a login, and a bare pod.
async fn with_workloads(bed: &Bed) -> (Gateway, Gateway) {
    let open = bed.gateway(GatewayOptions::new()).await;
    let locked = bed.gateway(GatewayOptions::new()).await;
    let both = |content: &str| [bed.image(content), bed.image(content).platform("linux", "s390x", None)];
    bed.push(&open, "web", "1.0", Index::new(both("web"))).await;
    bed.push(&open, "api", "1.0", Index::new(both("api"))).await;
    bed.push(&locked, "vault", "1.0", bed.image("vault")).await;
    bed.create(&pull_secret("login", &[(&locked.host(), "ann", "secret")])).await;
    bed.create(&PodTemplate::new("app", &open.image("web", "1.0")).deployment("web", 2)).await;
    bed.create(&PodTemplate::new("app", &open.image("api", "1.0")).on_node("node-a").stateful_set("api", 1)).await;
    bed.create(&PodTemplate::new("app", &locked.image("vault", "1.0")).pull_secret("login").daemon_set("vault")).await;
    bed.create(&PodTemplate::new("app", &open.image("web", "1.0")).on_node("node-a").pod("single")).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.wait_rolled_out("statefulset", "api").await;
    bed.wait_rolled_out("daemonset", "vault").await;
    bed.wait_running("app=single", 1).await;
    bed.push(&open, "api", "1.0", Index::new(both("api, next"))).await;
    locked.require(Authentication::Bearer(Login::user("ann", "secret")));
    (open, locked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_to_list_pods_of_one_namespace_is_enough_for_true_verdicts() {
    let bed = Bed::start("reader").await;
    let _registries = with_workloads(&bed).await;
    assert_snapshot!(as_reader(&bed, &["diagnose"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: failed to list pods in namespace `<namespace>`
      caused by: pods is forbidden: User "pod-reader" cannot list resource "pods" in API group "" in the namespace "<namespace>"
    hint: ask for `list` on `pods` in `<namespace>`, or name pods that you may read: `kubectl freshimage diagnose pod/NAME`
    "#);

    bed.allow(READER, &["list"], &["pods"]).await;
    assert_snapshot!(as_reader(&bed, &["diagnose"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/vault   app   <registry-2>/vault:1.0   unknown   2/2   registry `<registry-2>` asks for a login
    pod/single   app   <registry>/web:1.0   fresh   1/1
    replicaset/web-<id>   app   <registry>/web:1.0   fresh   2/2
    statefulset/api   app   <registry>/api:1.0   stale   1/1   re-pushed; IfNotPresent, node holds the old bits
    --- stderr

    1 of 4 workloads runs old content in 1 pod, 1 could not be checked.
    note: daemonsets.apps could not be read (daemonsets.apps is forbidden: User "pod-reader" cannot list resource "daemonsets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: nodes could not be read (nodes is forbidden: User "pod-reader" cannot list resource "nodes" in API group "" at the cluster scope): an image for any platform counts, and no node's own inventory can decide
    note: replicasets.apps could not be read (replicasets.apps is forbidden: User "pod-reader" cannot list resource "replicasets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: secrets could not be read (secrets "login" is forbidden: User "pod-reader" cannot get resource "secrets" in API group "" in the namespace "<namespace>"): registries were asked without their logins
    note: serviceaccounts could not be read (serviceaccounts "default" is forbidden: User "pod-reader" cannot get resource "serviceaccounts" in API group "" in the namespace "<namespace>"): registries were asked without their logins
    note: statefulsets.apps could not be read (statefulsets.apps is forbidden: User "pod-reader" cannot list resource "statefulsets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: workloads could not be read (cronjobs.batch is forbidden: User "pod-reader" cannot list resource "cronjobs" in API group "batch" in the namespace "<namespace>" (and 3 more)): those without pods are not in the answer
    hint: see the proof with `kubectl freshimage explain statefulset/api`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/api`
    "#);
    // What may not be read is not passed over in silence.
    let bumped = as_reader(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await;
    assert_snapshot!(bumped.normalised_stderr(), @r#"
    error: it is refused, so nothing was changed
      caused by: statefulset/api: it cannot be read: statefulsets.apps "api" is forbidden: User "pod-reader" cannot get resource "statefulsets" in API group "apps" in the namespace "<namespace>"
    hint: ask for `get` and `patch` on `statefulsets.apps`
    "#);
    assert_eq!(bumped.code, Some(1));
    let list = as_reader(&bed, &["diagnose", "-o", "json"]).await.json();
    assert_published(&list);
    let problems: Vec<&str> =
        list["problems"].as_array().expect("a list").iter().filter_map(|problem| problem["what"].as_str()).collect();
    let mut once = problems.clone();
    once.dedup();
    assert_eq!(problems, once, "each is said once");

    assert_snapshot!(as_reader(&bed, &["diagnose", "-A"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: failed to list pods in all namespaces
      caused by: pods is forbidden: User "pod-reader" cannot list resource "pods" in API group "" at the cluster scope
    hint: ask for `list` on `pods` in all namespaces, or look at one namespace with `-n NAMESPACE`
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "deployment/web"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: failed to read `deployments.apps/web`
      caused by: deployments.apps "web" is forbidden: User "pod-reader" cannot get resource "deployments" in API group "apps" in the namespace "<namespace>"
    hint: ask for `get` on `deployments.apps`, or look at all pods of the namespace without naming a workload
    "#);
    // A whole type, some of which cannot be told from what may not be read: shown, and never "no pods".
    let types = as_reader(&bed, &["diagnose", "deployments,statefulsets", "-o", "name"]).await;
    assert_snapshot!(types.normalised_stdout(), @r"
    replicaset.apps/web-<id>
    statefulset.apps/api
    ");
    let none = bed.freshimage(BINARY, &["diagnose", "deployments", "-l", "app=nothing"]).await;
    assert_snapshot!(none.normalise(), @r"
    exit 0
    --- stdout
    --- stderr
    No pods found in namespace `<namespace>`.
    ");
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/single"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/single   app   <registry>/web:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    note: nodes could not be read (nodes "node-a" is forbidden: User "pod-reader" cannot get resource "nodes" in API group "" at the cluster scope): an image for any platform counts, and no node's own inventory can decide
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "statefulset/api"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/api   app   <registry>/api:1.0   stale   1/1   re-pushed; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    note: daemonsets.apps could not be read (daemonsets.apps is forbidden: User "pod-reader" cannot list resource "daemonsets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: nodes could not be read (nodes is forbidden: User "pod-reader" cannot list resource "nodes" in API group "" at the cluster scope): an image for any platform counts, and no node's own inventory can decide
    note: replicasets.apps could not be read (replicasets.apps is forbidden: User "pod-reader" cannot list resource "replicasets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: statefulsets.apps could not be read (statefulsets.apps "api" is forbidden: User "pod-reader" cannot get resource "statefulsets" in API group "apps" in the namespace "<namespace>" (and 1 more)): some workloads may be called by what they own
    hint: see the proof with `kubectl freshimage explain statefulset/api`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/api`
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/single", "sts/api"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/single   app   <registry>/web:1.0   fresh   1/1
    statefulset/api   app   <registry>/api:1.0   stale   1/1   re-pushed; IfNotPresent, node holds the old bits
    --- stderr

    1 of 2 workloads runs old content in 1 pod.
    note: daemonsets.apps could not be read (daemonsets.apps is forbidden: User "pod-reader" cannot list resource "daemonsets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: nodes could not be read (nodes is forbidden: User "pod-reader" cannot list resource "nodes" in API group "" at the cluster scope): an image for any platform counts, and no node's own inventory can decide
    note: replicasets.apps could not be read (replicasets.apps is forbidden: User "pod-reader" cannot list resource "replicasets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    note: statefulsets.apps could not be read (statefulsets.apps "api" is forbidden: User "pod-reader" cannot get resource "statefulsets" in API group "apps" in the namespace "<namespace>" (and 1 more)): some workloads may be called by what they own
    hint: see the proof with `kubectl freshimage explain statefulset/api`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/api`
    "#);
    let explained = as_reader(&bed, &["explain", "statefulset/api"]).await.normalise();
    let head = "exit 0\n--- stdout\nstatefulset/api, container app: stale in 1 of 1 pod\n";
    assert!(explained.starts_with(head), "{explained}");
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/nope"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: pods "nope" not found
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/nope", "sts/api"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: pods "nope" not found
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "statefulset/nope", "statefulset/api"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: failed to read `statefulsets.apps/nope`
      caused by: statefulsets.apps "nope" is forbidden: User "pod-reader" cannot get resource "statefulsets" in API group "apps" in the namespace "<namespace>"
    hint: ask for `get` on `statefulsets.apps`, or look at all pods of the namespace without naming a workload
    "#);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_cannot_be_followed_to_their_workload_are_not_taken_for_none() {
    let bed = Bed::start("gap").await;
    let _registries = with_workloads(&bed).await;
    bed.allow(READER, &["list"], &["pods"]).await;
    bed.allow(READER, &["get"], &["deployments"]).await;
    let role = json!({"rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]});
    bed.merge_patch("role", "pod-reader-deployments", &role).await;
    let ran = as_reader(&bed, &["diagnose", "deployment/web", "--fail-on", "unknown"]).await;
    assert_eq!(ran.code, Some(11), "{}", ran.normalise());
    let ran = as_reader(&bed, &["diagnose", "deployment/web", "--no-headers"]).await.normalise();
    let row = "deployment/web   app   <registry>/web:1.0   unknown   -   it has pods, but which ones they are could not be read";
    assert!(ran.contains(row) && ran.contains("\nnote: replicasets.apps could not be read"), "{ran}");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_to_get_one_pod_is_enough_for_that_pod() {
    let bed = Bed::start("getter").await;
    let _registries = with_workloads(&bed).await;
    bed.allow(READER, &["get"], &["pods"]).await;
    bed.merge_patch(
        "role",
        "pod-reader-pods",
        &json!({"rules": [
            {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["single", "api-0"], "verbs": ["get"]},
        ]}),
    )
    .await;
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/single"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/single   app   <registry>/web:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    note: nodes could not be read (nodes "node-a" is forbidden: User "pod-reader" cannot get resource "nodes" in API group "" at the cluster scope): an image for any platform counts, and no node's own inventory can decide
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/api-0", "pod/single"]).await.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/single   app   <registry>/web:1.0   fresh   1/1
    statefulset/api   app   <registry>/api:1.0   stale   1/1   re-pushed; IfNotPresent, node holds the old bits
    --- stderr

    1 of 2 workloads runs old content in 1 pod.
    note: nodes could not be read (nodes "node-a" is forbidden: User "pod-reader" cannot get resource "nodes" in API group "" at the cluster scope): an image for any platform counts, and no node's own inventory can decide
    note: statefulsets.apps could not be read (statefulsets.apps "api" is forbidden: User "pod-reader" cannot get resource "statefulsets" in API group "apps" in the namespace "<namespace>"): some workloads may be called by what they own
    hint: see the proof with `kubectl freshimage explain statefulset/api`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/api`
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose", "pod/other"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: failed to read `pods/other`
      caused by: pods "other" is forbidden: User "pod-reader" cannot get resource "pods" in API group "" in the namespace "<namespace>"
    hint: ask for `get` on `pods`, or for `list`, which is enough as well
    "#);
    assert_snapshot!(as_reader(&bed, &["diagnose"]).await.normalise(), @r#"
    exit 1
    --- stdout
    --- stderr
    error: failed to list pods in namespace `<namespace>`
      caused by: pods is forbidden: User "pod-reader" cannot list resource "pods" in API group "" in the namespace "<namespace>"
    hint: ask for `list` on `pods` in `<namespace>`, or name pods that you may read: `kubectl freshimage diagnose pod/NAME`
    "#);
    bed.finish().await;
}
