//! Owners, against the small server of [`crate::cluster::tests`].

use super::super::tests::{Server, start};
use super::*;

fn reference(api_version: &str, kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference { api_version: api_version.into(), kind: kind.into(), name: name.into(), uid: uid.into() }
}

fn pod(namespace: &str, name: &str, controller: Option<OwnerReference>) -> Pod {
    Pod { namespace: namespace.into(), uid: format!("uid-{name}").into(), ready: false, controller, ..Pod::bare(name) }
}

fn object(name: &str, uid: &str, owner: &str) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"{uid}","ownerReferences":[{owner}]}}}}"#)
}

fn owner(api_version: &str, kind: &str, name: &str, uid: &str) -> String {
    format!(r#"{{"apiVersion":"{api_version}","kind":"{kind}","name":"{name}","uid":"{uid}","controller":true}}"#)
}

fn list(items: &[String]) -> String {
    format!(r#"{{"kind":"PartialObjectMetadataList","metadata":{{}},"items":[{}]}}"#, items.join(","))
}

fn uids(owners: &HashMap<Arc<str>, Owner>) -> Vec<&str> {
    let mut uids: Vec<&str> = owners.keys().map(|uid| &**uid).collect();
    uids.sort_unstable();
    uids
}

fn shop() -> Scope {
    Scope::Namespace("shop".into())
}

const REPLICA_SETS: &str = "/apis/apps/v1/namespaces/shop/replicasets?limit=500";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments?limit=500";

fn usual(server: &Server) {
    server.on(
        REPLICA_SETS,
        200,
        &list(&[
            object("web-1", "rs1", &owner("apps/v1", "Deployment", "web", "d1")),
            object("web-0", "rs0", &owner("apps/v1", "Deployment", "web", "d1")),
            object("api-1", "rs2", &owner("apps/v1", "Deployment", "api", "d2")),
        ]),
    );
    server.on(DEPLOYMENTS, 200, &list(&[object("web", "d1", ""), object("api", "d2", ""), object("idle", "d3", "")]));
}

#[tokio::test]
async fn each_kind_is_listed_once_however_many_pages_come() {
    let (server, cluster) = start().await;
    usual(&server);
    let mut resolver = cluster.owners(&shop(), Expect::Many, &[]);
    resolver.see(&[pod("shop", "a", Some(reference("apps/v1", "ReplicaSet", "web-1", "rs1")))]);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    resolver.see(&[
        pod("shop", "b", Some(reference("apps/v1", "ReplicaSet", "web-1", "rs1"))),
        pod("shop", "c", Some(reference("apps/v1", "ReplicaSet", "api-1", "rs2"))),
        pod("shop", "d", None),
        pod("shop", "e", Some(reference("v1", "Node", "node-a", "n1"))),
    ]);
    let owners = resolver.finish().await.owners;
    assert_eq!(uids(&owners), ["d1", "d2", "rs1", "rs2"], "only those above a pod");
    assert_eq!(owners["rs1"].controller.as_ref().map(|owner| &*owner.uid), Some("d1"));
    assert_eq!(server.requests(), [DEPLOYMENTS, REPLICA_SETS]);
    assert!(cluster.problems().is_empty());
}

#[tokio::test]
async fn nothing_is_asked_for_pods_without_owners() {
    let (server, cluster) = start().await;
    server.on(REPLICA_SETS, 403, r#"{"message":"forbidden","code":403}"#);
    let mut resolver = cluster.owners(&shop(), Expect::Many, &[]);
    resolver.see(&[pod("shop", "d", None)]);
    assert!(resolver.finish().await.owners.is_empty());
    assert!(cluster.problems().is_empty(), "a refusal that costs nothing is not told");
}

#[tokio::test]
async fn few_are_read_one_by_one() {
    let (server, cluster) = start().await;
    let replica_set = object("web-1", "rs1", &owner("apps/v1", "Deployment", "web", "d1"));
    server.on("/apis/apps/v1/namespaces/shop/replicasets/web-1", 200, &replica_set);
    server.on("/apis/apps/v1/namespaces/shop/deployments/web", 200, &object("web", "d1", ""));
    let mut resolver = cluster.owners(&shop(), Expect::Few, &[]);
    resolver.see(&[pod("shop", "a", Some(reference("apps/v1", "ReplicaSet", "web-1", "rs1")))]);
    assert_eq!(uids(&resolver.finish().await.owners), ["d1", "rs1"]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn few_that_turn_out_to_be_many_are_listed() {
    let (server, cluster) = start().await;
    let jobs: Vec<String> = (0..100).map(|n| object(&format!("j{n}"), &format!("j{n}"), "")).collect();
    server.on("/apis/batch/v1/namespaces/shop/jobs?limit=500", 200, &list(&jobs));
    for (n, job) in jobs.iter().enumerate() {
        server.on(&format!("/apis/batch/v1/namespaces/shop/jobs/j{n}"), 200, job);
    }
    let mut resolver = cluster.owners(&shop(), Expect::Few, &[]);
    let pods: Vec<Pod> = (0..100)
        .map(|n| pod("shop", &n.to_string(), Some(reference("batch/v1", "Job", &format!("j{n}"), &format!("j{n}")))))
        .collect();
    resolver.see(&pods);
    assert_eq!(resolver.finish().await.owners.len(), 100);
    assert_eq!(server.requests().len(), FEW + 1);
}

#[tokio::test]
async fn any_kind_can_stand_on_top() {
    let (server, cluster) = start().await;
    server.on(
        "/apis/argoproj.io/v1alpha1",
        200,
        r#"{"resources":[{"name":"rollouts","namespaced":true,"kind":"Rollout","singularName":"rollout"}]}"#,
    );
    server.on("/apis/argoproj.io/v1alpha1/rollouts?limit=500", 200, &list(&[object("web", "r1", "")]));
    let replica_set = object("web-1", "rs1", &owner("argoproj.io/v1alpha1", "Rollout", "web", "r1"));
    server.on("/apis/apps/v1/replicasets?limit=500", 200, &list(&[replica_set]));
    server.on("/apis/apps/v1/deployments?limit=500", 200, &list(&[]));
    let mut resolver = cluster.owners(&Scope::AllNamespaces, Expect::Many, &[]);
    resolver.see(&[pod("shop", "a", Some(reference("apps/v1", "ReplicaSet", "web-1", "rs1")))]);
    assert_eq!(uids(&resolver.finish().await.owners), ["r1", "rs1"]);
}

#[tokio::test]
async fn what_may_not_be_read_is_a_problem_once() {
    let (server, cluster) = start().await;
    let forbidden = r#"{"message":"replicasets.apps is forbidden: User \"dev\" cannot list","code":403}"#;
    server.on(REPLICA_SETS, 403, forbidden);
    server.on(DEPLOYMENTS, 200, &list(&[]));
    let mut resolver = cluster.owners(&shop(), Expect::Many, &[]);
    for n in 0..30 {
        let controller = reference("apps/v1", "ReplicaSet", &format!("web-{n}"), &format!("rs{n}"));
        resolver.see(&[
            pod("shop", "a", Some(controller)),
            pod("shop", "b", Some(reference("example.com/v1", "Odd", "o", "o1"))),
        ]);
    }
    assert!(resolver.finish().await.owners.is_empty());
    let problems: Vec<_> = cluster.problems().into_iter().map(|problem| problem.what).collect();
    assert_eq!(problems, ["odd.example.com", "replicasets.apps"]);
}

#[tokio::test]
async fn an_owner_that_is_gone_is_a_problem_and_one_that_is_new_is_fetched() {
    let (server, cluster) = start().await;
    usual(&server);
    server.on(
        "/apis/apps/v1/namespaces/shop/replicasets/new-1",
        200,
        &object("new-1", "rs9", &owner("apps/v1", "Deployment", "web", "d1")),
    );
    server.on("/apis/apps/v1/namespaces/shop/replicasets/old-1", 200, &object("old-1", "another", ""));
    let mut resolver = cluster.owners(&shop(), Expect::Many, &[]);
    resolver.see(&[
        pod("shop", "a", Some(reference("apps/v1", "ReplicaSet", "new-1", "rs9"))),
        pod("shop", "b", Some(reference("apps/v1", "ReplicaSet", "old-1", "rs8"))),
    ]);
    assert_eq!(uids(&resolver.finish().await.owners), ["d1", "rs9"]);
    assert_eq!(cluster.problems()[0].why, "`old-1` was replaced by another object of that name");
}

#[tokio::test]
async fn a_ring_of_owners_ends() {
    let (server, cluster) = start().await;
    let path = |name: &str| format!("/apis/batch/v1/namespaces/shop/jobs/{name}");
    server.on(&path("a"), 200, &object("a", "a", &owner("batch/v1", "Job", "b", "b")));
    server.on(&path("b"), 200, &object("b", "b", &owner("batch/v1", "Job", "a", "a")));
    let mut resolver = cluster.owners(&shop(), Expect::Few, &[]);
    resolver.see(&[pod("shop", "p", Some(reference("batch/v1", "Job", "a", "a")))]);
    assert_eq!(uids(&resolver.finish().await.owners), ["a", "b"]);
}

#[tokio::test]
async fn many_that_are_missing_cost_one_more_list_and_no_more() {
    let (server, cluster) = start().await;
    server.on(REPLICA_SETS, 200, &list(&[]));
    let late: Vec<String> = (0..40).map(|n| object(&format!("rs{n}"), &format!("rs{n}"), "")).collect();
    server.on(REPLICA_SETS, 200, &list(&late));
    server.on(DEPLOYMENTS, 200, &list(&[]));
    let mut resolver = cluster.owners(&shop(), Expect::Many, &[]);
    for n in 0..100 {
        let controller = reference("apps/v1", "ReplicaSet", &format!("rs{n}"), &format!("rs{n}"));
        resolver.see(&[pod("shop", "a", Some(controller))]);
    }
    assert_eq!(resolver.finish().await.owners.len(), 40);
    assert_eq!(server.requests().len(), 3);
    assert_eq!(cluster.problems()[0].why, "60 objects that pods name as their owners are gone");
}
