//! Rows over small clusters: what is counted, what is mixed, who owns what.

use std::collections::HashMap;

use super::*;
use crate::domain::Platform;
use crate::domain::diagnosis::RemedyKind;
use crate::domain::inventory::{Answers, Question};
use crate::domain::remote::{Child, Failure, ImageConfig, Manifest, Provenance, Served};
use crate::domain::workload::{
    Asked, Manager, NodeStore, Owner, OwnerReference, Phase, PullPolicy, Snapshot, State, WorkloadState,
};

const IMAGE: &str = "reg.example.com/app:1.0";
/// What the template of the workload `rolls` asks for.
const NEXT: &str = "reg.example.com/app:2.0";

fn hex(letter: char) -> Digest {
    Digest::from_sha256_hex(&letter.to_string().repeat(64)).unwrap()
}

fn reference(kind: &str, name: &str) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        name: name.into(),
        uid: format!("{kind}/{name}").into(),
    }
}

fn owner(kind: &str, name: &str, controller: Option<OwnerReference>) -> Owner {
    Owner { itself: reference(kind, name), controller, managers: Vec::new(), opt_out: "".into() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// A running pod; `runs` is the letter of the digest in its `imageID`.
fn pod(name: &str, node: &str, runs: char, controller: Option<OwnerReference>) -> Pod {
    Pod {
        created: Some(at(0)),
        node: Some(node.into()),
        controller,
        containers: vec![Container {
            image: IMAGE.into(),
            image_id: format!("reg.example.com/app@{}", hex(runs)).into(),
            shown_image: IMAGE.into(),
            ..Container::bare("app")
        }],
        ..Pod::bare(name)
    }
}

/// The tag serves `a`; every digest is a plain manifest whose config is the digest of the next letter;
/// `a` and `b` share theirs. The config of `a` was built at 100 s, of `9` at 200 s, all others at 0 s. All are for
/// linux/amd64, but `e` is an index of `c` for that and of `d` for arm64.
fn diagnose(snapshot: &Snapshot) -> Diagnosis {
    let mut answers = Answers::default();
    let mut inquiry = Inquiry::new(snapshot, false, at(600));
    loop {
        let questions = inquiry.advance(&answers);
        if questions.is_empty() {
            return inquiry.report(at(86_400 * 3), snapshot.problems.clone(), &answers);
        }
        for question in questions {
            match question {
                Question::Served(tag) => {
                    answers.served.insert(tag, Ok(Served { digest: hex('a') }));
                }
                Question::Manifest(object) => {
                    let letter = object.digest.hex().chars().next().unwrap();
                    let config = if letter == 'b' { 'a' } else { letter };
                    let manifest = Manifest::Image { config: hex(config), provenance: Provenance::default() };
                    let child = |letter, architecture| Child {
                        digest: hex(letter),
                        platform: Some(Platform::new("linux", architecture)),
                        attestation: false,
                    };
                    let answer = match letter {
                        'e' => Ok(Manifest::Index {
                            children: vec![child('c', "amd64"), child('d', "arm64")],
                            provenance: Provenance::default(),
                        }),
                        'f' => Err(Failure::NotFound),
                        _ => Ok(manifest),
                    };
                    answers.manifests.insert(object, answer);
                }
                Question::Config(object) => {
                    let seconds =
                        [('a', 100), ('9', 200)].into_iter().find(|(letter, _)| object.digest == hex(*letter));
                    let created = Some(at(seconds.map_or(0, |(_, seconds)| seconds)));
                    let provenance = Provenance { created, ..Provenance::default() };
                    let platform =
                        Some(Platform::new("linux", if object.digest == hex('d') { "arm64" } else { "amd64" }));
                    answers.configs.insert(object, Ok(ImageConfig { provenance, platform }));
                }
                Question::Present(object) => {
                    answers.presences.insert(object, Ok(()));
                }
                Question::NodeStore(node) => {
                    answers.node_stores.insert(node, Ok(NodeStore::default()));
                }
                Question::Workload(workload) => {
                    let state = match &*workload.reference.name {
                        "rolls" => Ok(WorkloadState {
                            template: vec![Asked {
                                role: Role::Container,
                                name: "app".into(),
                                image: NEXT.into(),
                                pull_policy: PullPolicy::IfNotPresent,
                            }],
                            desired: 2,
                            existing: 3,
                            updated: Some(1),
                            ..WorkloadState::default()
                        }),
                        _ => Err("forbidden".to_owned()),
                    };
                    answers.workloads.insert(workload, state);
                }
            }
        }
    }
}

fn deployment(pods: Vec<Pod>) -> Snapshot {
    let set = owner("ReplicaSet", "web-1", Some(reference("Deployment", "web")));
    let owners: HashMap<Arc<str>, Owner> = [set, owner("Deployment", "web", None)]
        .into_iter()
        .map(|owner| (Arc::clone(&owner.itself.uid), owner))
        .collect();
    Snapshot { pods, owners, ..Snapshot::default() }
}

fn web(name: &str, node: &str, runs: char) -> Pod {
    pod(name, node, runs, Some(reference("ReplicaSet", "web-1")))
}

fn only(diagnosis: Diagnosis) -> Item {
    assert_eq!(diagnosis.items.len(), 1, "{diagnosis:#?}");
    diagnosis.items.into_iter().next().unwrap()
}

#[test]
fn stale_replicas_make_one_row_of_the_deployment_at_the_top() {
    let diagnosis = diagnose(&deployment(vec![web("web-1-x", "node-a", 'c'), web("web-1-y", "node-b", 'c')]));
    assert_eq!(
        (diagnosis.summary.workloads, diagnosis.summary.stale_pods, diagnosis.summary.count(Verdict::Stale)),
        (1, 2, 1)
    );
    let item = only(diagnosis);
    assert_eq!(
        (item.workload.kind.as_ref(), item.workload.name.as_ref(), item.verdict),
        ("Deployment", "web", Verdict::Stale)
    );
    assert_eq!((item.pods.matching, item.pods.total, item.running.len()), (2, 2, 1));
    assert_eq!(item.reason, "re-pushed, built 2d ago; IfNotPresent, node holds the old bits");
    assert_eq!(item.findings, [Finding::MovedTag]);
    assert!(!item.remedies.iter().find(|remedy| remedy.kind == RemedyKind::Restart).unwrap().helps);
}

#[test]
fn replicas_with_different_contents_are_mixed_with_the_nodes_of_each() {
    let item = only(diagnose(&deployment(vec![
        web("web-1-x", "node-a", 'a'),
        web("web-1-y", "node-b", 'c'),
        web("web-1-z", "node-c", 'b'),
    ])));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total), (Verdict::Mixed, 1, 3));
    assert_eq!(item.reason, "node-b runs older bits than node-a, node-c");
}

#[test]
fn different_contents_on_one_node_are_told_by_pod() {
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), web("web-1-y", "node-a", 'c')])));
    assert_eq!((item.verdict, item.reason.as_str()), (Verdict::Mixed, "web-1-y runs older bits than the others"));
}

#[test]
fn two_old_contents_are_mixed_and_one_old_content_is_stale() {
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'c'), web("web-1-y", "node-b", '7')])));
    assert_eq!((item.verdict, item.pods.matching), (Verdict::Mixed, 2));
}

#[test]
fn the_same_content_under_other_digests_is_not_mixed() {
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), web("web-1-y", "node-b", 'b')])));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total), (Verdict::Rewrapped, 2, 2));
}

#[test]
fn what_is_not_proven_is_not_mixed() {
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), web("web-1-y", "node-b", 'f')])));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total), (Verdict::Suspect, 1, 2));
}

#[test]
fn pods_that_go_or_are_done_count_only_where_there_is_no_other() {
    let mut going = web("web-1-y", "node-b", 'c');
    going.deleting = true;
    let mut evicted = web("web-1-z", "node-b", 'c');
    evicted.phase = Phase::Failed;
    evicted.containers[0].state = State::Terminated { reason: "Error".into(), exit_code: 1 };
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), going.clone(), evicted])));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total, item.reason.as_str()), (Verdict::Fresh, 1, 1, ""));
    let item = only(diagnose(&deployment(vec![going])));
    assert_eq!((item.verdict, item.pods.total), (Verdict::Waiting, 1));
}

#[test]
fn a_pod_that_waits_is_said_beside_the_verdict_of_the_others() {
    let mut waiting = web("web-1-y", "node-b", 'c');
    waiting.containers[0].state = State::Waiting { reason: "ImagePullBackOff".into(), message: "".into() };
    waiting.containers[0].image_id = "".into();
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), waiting])));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total), (Verdict::Fresh, 1, 2));
    assert_eq!(item.reason, "1 pod waits: ImagePullBackOff");
}

#[test]
fn an_owner_that_cannot_be_read_still_names_the_workload() {
    let mut snapshot = deployment(vec![web("web-1-x", "node-a", 'a')]);
    snapshot.owners.clear();
    let item = only(diagnose(&snapshot));
    assert_eq!((item.workload.kind.as_ref(), item.workload.name.as_ref()), ("ReplicaSet", "web-1"));
}

#[test]
fn bare_and_static_pods_stand_for_themselves() {
    let mut mirror = pod("etcd-node-a", "node-a", 'a', Some(reference("Node", "node-a")));
    mirror.mirror = true;
    let diagnosis = diagnose(&Snapshot { pods: vec![mirror, pod("tool", "node-a", 'a', None)], ..Snapshot::default() });
    let names: Vec<(&str, &str)> =
        diagnosis.items.iter().map(|item| (item.workload.kind.as_ref(), item.workload.name.as_ref())).collect();
    assert_eq!(names, [("Pod", "etcd-node-a"), ("Pod", "tool")]);
}

#[test]
fn a_cycle_of_owners_ends() {
    let a = owner("A", "a", Some(reference("B", "b")));
    let b = owner("B", "b", Some(reference("A", "a")));
    let owners = [a, b].into_iter().map(|owner| (Arc::clone(&owner.itself.uid), owner)).collect();
    let snapshot =
        Snapshot { pods: vec![pod("x", "node-a", 'a', Some(reference("A", "a")))], owners, ..Snapshot::default() };
    assert_eq!(only(diagnose(&snapshot)).verdict, Verdict::Fresh);
}

#[test]
fn who_manages_the_top_is_a_finding() {
    let mut snapshot = deployment(vec![web("web-1-x", "node-a", 'a')]);
    let manager = Manager { tool: "Argo CD".to_owned(), name: "shop".to_owned() };
    snapshot.owners.get_mut("Deployment/web").unwrap().managers.push(manager.clone());
    let item = only(diagnose(&snapshot));
    assert_eq!(
        (item.findings.as_slice(), item.managers.as_slice()),
        ([Finding::GitopsOwned].as_slice(), [manager].as_slice())
    );
}

#[test]
fn the_row_of_a_rollout_shows_the_new_reference_though_all_pods_are_of_one_second() {
    for (old, new) in [("x", "y"), ("y", "x")] {
        let [mut leaving, mut coming] = [pod(old, "node-a", 'c', None), pod(new, "node-a", 'a', None)];
        coming.containers[0].image = NEXT.into();
        for pod in [&mut leaving, &mut coming] {
            pod.controller = Some(reference("StatefulSet", "rolls"));
        }
        let item = only(diagnose(&Snapshot { pods: vec![leaving, coming], ..Snapshot::default() }));
        assert_eq!((item.verdict, &*item.image, item.pods.matching), (Verdict::Rolling, NEXT, 1));
    }
}

#[test]
fn one_old_index_on_nodes_of_two_platforms_is_not_mixed() {
    let pods = || vec![web("web-1-x", "node-a", 'e'), web("web-1-y", "node-b", 'e')];
    let mut snapshot = deployment(pods());
    for (node, architecture) in [("node-a", "amd64"), ("node-b", "arm64")] {
        snapshot.nodes.insert(node.into(), Platform::new("linux", architecture));
    }
    let item = only(diagnose(&snapshot));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total), (Verdict::Stale, 2, 2));
    let configs: Vec<_> = item
        .running
        .iter()
        .map(|group| group.content.as_ref().and_then(|content| content.config_digest.clone()))
        .collect();
    assert_eq!(configs, [Some(hex('c')), Some(hex('d'))]);
    // The same where the runtimes report the images of the index.
    let pods = vec![web("web-1-x", "node-a", 'c'), web("web-1-y", "node-b", 'd')];
    assert_eq!(only(diagnose(&deployment(pods))).verdict, Verdict::Stale);
}

#[test]
fn an_old_index_and_its_image_are_not_mixed_where_the_platform_is_not_known() {
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'e'), web("web-1-y", "node-b", 'c')])));
    assert_eq!((item.verdict, item.pods.matching), (Verdict::Stale, 2));
}

#[test]
fn a_tag_that_went_back_is_told_in_the_right_direction() {
    let mut pods = vec![web("web-1-x", "node-a", '9')];
    pods[0].created = Some(at(1_000));
    let item = only(diagnose(&deployment(pods.clone())));
    assert_eq!(item.reason, "tag went back to a build of 2d ago; IfNotPresent, node holds the newer bits");
    pods[0].containers[0].pull_policy = PullPolicy::Always;
    let item = only(diagnose(&deployment(pods)));
    assert_eq!(item.reason, "tag went back to a build of 2d ago; Always, not restarted since");
}

#[test]
fn an_ended_pod_of_another_reference_does_not_speak_for_those_that_run() {
    let mut ended = web("web-1-y", "node-b", 'c');
    ended.phase = Phase::Failed;
    ended.containers[0].image = format!("{IMAGE}@{}", hex('c')).into();
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), ended])));
    assert_eq!((item.verdict, item.pods.matching, item.pods.total), (Verdict::Fresh, 1, 1));
}

#[test]
fn what_another_references_tag_serves_is_not_told_of_the_rows() {
    let mut coming = web("web-1-y", "node-b", 'c');
    coming.created = Some(at(10));
    coming.containers[0].image = NEXT.into();
    coming.containers[0].image_id = "".into();
    coming.containers[0].state = State::Waiting { reason: "ImagePullBackOff".into(), message: "".into() };
    let item = only(diagnose(&deployment(vec![web("web-1-x", "node-a", 'a'), coming])));
    assert_eq!((&*item.image, item.served_digest, item.served), (NEXT, None, None));
}

#[test]
fn many_nodes_are_counted_and_not_listed() {
    let fresh = (0..50).map(|number| web(&format!("web-1-{number}"), &format!("node-{number:02}"), 'a'));
    let item = only(diagnose(&deployment(fresh.chain([web("web-1-x", "node-x", 'c')]).collect())));
    assert_eq!(item.reason, "node-x runs older bits than node-00, node-01, node-02 and 47 more");
}

#[test]
fn a_debug_container_is_not_told_to_restart() {
    let mut debugged = web("web-1-x", "node-a", 'c');
    debugged.containers[0].role = Role::Ephemeral;
    let item = only(diagnose(&deployment(vec![debugged])));
    let kinds: Vec<RemedyKind> = item.remedies.iter().map(|remedy| remedy.kind).collect();
    assert_eq!(
        (item.verdict, kinds.as_slice()),
        (Verdict::Stale, [RemedyKind::UniqueTag, RemedyKind::Digest].as_slice())
    );
}

#[test]
fn what_never_came_to_an_end_is_unknown_and_not_left_out() {
    let snapshot = deployment(vec![web("web-1-x", "node-a", 'a')]);
    let item = only(Inquiry::new(&snapshot, false, at(600)).report(at(0), Vec::new(), &Answers::default()));
    assert_eq!((item.verdict, item.reason.as_str()), (Verdict::Unknown, "its look-ups came to no end"));
}
