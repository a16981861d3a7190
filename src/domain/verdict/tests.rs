//! The ladder over small worlds: a registry, a node's inventory and a pod, answered question by question.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::inventory::{Question, Tag};
use crate::domain::remote::{Child, Failure, ImageConfig, Manifest, Provenance, Served};
use crate::domain::workload::{
    Asked, NodeStore, OwnerReference, Phase, PullPolicy, RestartPolicy, Role, State, WorkloadState,
};
use crate::domain::{Platform, Repository};

const APP: &str = "reg.example.com/team/app";

fn digest(name: &str) -> Digest {
    // FNV over the name, spread out: readable names, well-formed digests.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    Digest::from_sha256_hex(&format!("{hash:016x}").repeat(4)).unwrap()
}

fn amd64() -> Platform {
    Platform::new("linux", "amd64")
}

fn image(config: &str) -> Manifest {
    Manifest::Image { config: digest(config), provenance: Provenance::default() }
}

fn index(children: &[(&str, &str)]) -> Manifest {
    let child = |(name, platform): &(&str, &str)| {
        let mut parts = platform.split('/');
        let mut platform = Platform::new(parts.next().unwrap(), parts.next().unwrap());
        platform.variant = parts.next().map(ToOwned::to_owned);
        Child { digest: digest(name), attestation: platform.os == "unknown", platform: Some(platform) }
    };
    Manifest::Index { children: children.iter().map(child).collect(), provenance: Provenance::default() }
}

/// What the edges would answer. Whatever is not put in is a 404.
#[derive(Default, Clone)]
struct World {
    tags: HashMap<String, Result<Digest, Failure>>,
    manifests: HashMap<(String, Digest), Result<Manifest, Failure>>,
    configs: HashMap<Digest, ImageConfig>,
    nodes: HashMap<String, Result<NodeStore, String>>,
    workload: Option<WorkloadState>,
}

impl World {
    fn tag(mut self, tag: &str, name: &str) -> Self {
        self.tags.insert(format!("{APP}:{tag}"), Ok(digest(name)));
        self
    }
    fn failing_tag(mut self, tag: &str, failure: Failure) -> Self {
        self.tags.insert(format!("{APP}:{tag}"), Err(failure));
        self
    }
    fn manifest(self, name: &str, manifest: Manifest) -> Self {
        self.manifest_in(APP, name, manifest)
    }
    fn manifest_in(mut self, repository: &str, name: &str, manifest: Manifest) -> Self {
        self.manifests.insert((repository.to_owned(), digest(name)), Ok(manifest));
        self
    }
    fn failing_manifest(mut self, name: &str, failure: Failure) -> Self {
        self.manifests.insert((APP.to_owned(), digest(name)), Err(failure));
        self
    }
    fn node(mut self, names: &[&[&str]]) -> Self {
        let entry = |names: &&[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let images = names.iter().map(entry).collect();
        self.nodes.insert("node-a".to_owned(), Ok(NodeStore { images, ..NodeStore::default() }));
        self
    }

    fn answer(&self, question: Question, answers: &mut Answers) {
        match question {
            Question::Served(tag) => {
                let answer = self.tags.get(&format!("{}:{}", tag.repository, tag.tag)).cloned();
                let answer = answer.unwrap_or(Err(Failure::NotFound)).map(|digest| Served { digest });
                answers.served.insert(tag, answer);
            }
            Question::Manifest(object) => {
                let answer = self.manifests.get(&(object.repository.to_string(), object.digest.clone())).cloned();
                answers.manifests.insert(object, answer.unwrap_or(Err(Failure::NotFound)));
            }
            Question::Config(object) => {
                let has = |manifest: &Result<Manifest, Failure>| matches!(manifest, Ok(Manifest::Image { config, .. }) if *config == object.digest);
                let bare = self
                    .manifests
                    .values()
                    .any(has)
                    .then(|| ImageConfig { provenance: Provenance::default(), platform: None });
                let answer = self.configs.get(&object.digest).cloned().or(bare).ok_or(Failure::NotFound);
                answers.configs.insert(object, answer);
            }
            Question::Present(object) => {
                let answer = self.manifests.get(&(object.repository.to_string(), object.digest.clone()));
                let answer = answer
                    .map_or(Err(Failure::NotFound), |manifest| manifest.as_ref().map(|_| ()).map_err(Clone::clone));
                answers.presences.insert(object, answer);
            }
            Question::NodeStore(node) => {
                let answer = self.nodes.get(node.as_ref()).cloned().unwrap_or(Ok(NodeStore::default()));
                answers.node_stores.insert(node, answer);
            }
            Question::Workload(workload) => {
                answers.workloads.insert(workload, self.workload.clone().ok_or_else(|| "forbidden".to_owned()));
            }
        }
    }
}

fn pod(image: &str, image_id: &str) -> Pod {
    Pod {
        uid: "u1".into(),
        node: Some("node-a".into()),
        containers: vec![Container { image: image.into(), image_id: image_id.into(), ..Container::bare("app") }],
        ..Pod::bare("web-1")
    }
}

/// Climbs to the end; counts the questions that were asked.
fn settle_with(world: &World, pod: &Pod, platform: Option<&Platform>, controllers: &[Workload]) -> (Judgement, usize) {
    climbed(world, pod, platform, controllers, |_| {})
}

fn climbed(
    world: &World,
    pod: &Pod,
    platform: Option<&Platform>,
    controllers: &[Workload],
    change: impl Fn(&mut Subject<'_>),
) -> (Judgement, usize) {
    let listed = HashMap::new();
    let mut answers = Answers::default();
    let mut asked = 0;
    for _ in 0..20 {
        let mut subject = Subject {
            pod,
            container: &pod.containers[0],
            platform,
            controllers,
            listed: &listed,
            references_differ: false,
            last_run: false,
            thorough: false,
            now: Timestamp::UNIX_EPOCH,
        };
        change(&mut subject);
        match judge(&subject, &answers) {
            Step::Decided(judgement) => return (*judgement, asked),
            Step::Ask(questions) => {
                assert!(!questions.is_empty(), "asks nothing and decides nothing");
                for question in questions.into_iter().collect::<std::collections::BTreeSet<_>>() {
                    assert!(!answers.has(&question), "asks again: {question:?}");
                    asked += 1;
                    world.answer(question, &mut answers);
                }
            }
        }
    }
    panic!("the ladder has no end");
}

fn settle(world: &World, pod: &Pod) -> Judgement {
    settle_with(world, pod, Some(&amd64()), &[]).0
}

fn reported(repository: &str, name: &str) -> String {
    format!("{repository}@{}", digest(name))
}

/// Two builds, each as an index of two platforms and an attestation.
fn two_builds() -> World {
    World::default()
        .tag("1.0", "new index")
        .manifest(
            "new index",
            index(&[("new amd64", "linux/amd64"), ("new arm64", "linux/arm64/v8"), ("new att", "unknown/unknown")]),
        )
        .manifest("new amd64", image("new config"))
        .manifest("new arm64", image("new arm config"))
        .manifest("old index", index(&[("old amd64", "linux/amd64"), ("old arm64", "linux/arm64/v8")]))
        .manifest("old amd64", image("old config"))
        .manifest("old arm64", image("old arm config"))
}

#[test]
fn every_step_of_the_ladder_decides_what_it_should() {
    let world = two_builds;
    let app = format!("{APP}:1.0");
    let rewrapped =
        || world().manifest("wrapping", index(&[("new amd64", "linux/amd64"), ("new arm64", "linux/arm64/v8")]));
    let single = || World::default().tag("1.0", "plain").manifest("plain", image("config"));
    #[rustfmt::skip]
    let rows: Vec<(&str, World, String, Verdict)> = vec![
        ("equal digest", world(), reported(APP, "new index"), Verdict::Fresh),
        ("platform manifest of the served index", world(), reported(APP, "new amd64"), Verdict::Fresh),
        ("the same in another repository's name", world(), reported("reg.example.com/other", "new amd64"), Verdict::Fresh),
        ("bare config digest", world(), digest("new config").to_string(), Verdict::Fresh),
        ("64 hex digits of CRI-O", world(), digest("new config").hex().to_owned(), Verdict::Fresh),
        ("config of a single manifest", single(), digest("config").to_string(), Verdict::Fresh),
        ("docker, pulled", world(), format!("docker-pullable://{}", reported(APP, "new index")), Verdict::Fresh),
        ("docker, built here, equal", world(), format!("docker://{}", digest("new config")), Verdict::Fresh),
        ("an older index of the same images", rewrapped(), reported(APP, "wrapping"), Verdict::Rewrapped),
        ("the same, known in another repository only",
            world().manifest_in("reg.example.com/other", "wrapping", index(&[("new amd64", "linux/amd64")]))
                .manifest_in("reg.example.com/other", "new amd64", image("new config")),
            reported("reg.example.com/other", "wrapping"), Verdict::Rewrapped),
        ("a plain manifest of the served config", single().manifest("compressed otherwise", image("config")), reported(APP, "compressed otherwise"), Verdict::Rewrapped),
        ("only the other platform was rebuilt",
            world().manifest("half", index(&[("new amd64", "linux/amd64"), ("old arm64", "linux/arm64")])),
            reported(APP, "half"), Verdict::Rewrapped),
        ("old index", world(), reported(APP, "old index"), Verdict::Stale),
        ("old platform manifest", world(), reported(APP, "old amd64"), Verdict::Stale),
        ("old config", world(), digest("old config").to_string(), Verdict::Stale),
        ("old single manifest", single().manifest("before", image("other")), reported(APP, "before"), Verdict::Stale),
        ("the tag lost the node's platform",
            World::default().tag("1.0", "arm only").manifest("arm only", index(&[("a", "linux/arm64")])).manifest("a", image("ca"))
                .manifest("old", image("co")), reported(APP, "old"), Verdict::Stale),
        ("gone everywhere", world(), reported(APP, "vanished"), Verdict::Suspect),
        ("gone, but the node names both as one image",
            world().node(&[&[&reported(APP, "vanished"), &reported(APP, "new index"), &app]]),
            reported(APP, "vanished"), Verdict::Rewrapped),
        ("gone, but the node names it beside a child of the served index",
            world().node(&[&[&reported("x.io/y", "vanished"), &reported("x.io/z", "new amd64")]]),
            reported("x.io/y", "vanished"), Verdict::Rewrapped),
        ("gone, named apart on the node",
            world().node(&[&[&reported(APP, "vanished")], &[&reported(APP, "new index")]]),
            reported(APP, "vanished"), Verdict::Suspect),
        ("gone, but a sibling on the node is still served and the same",
            rewrapped().node(&[&[&reported(APP, "vanished"), &reported(APP, "wrapping")]]),
            reported(APP, "vanished"), Verdict::Rewrapped),
        ("gone, but a sibling on the node is still served and differs",
            world().node(&[&[&reported(APP, "vanished"), &reported(APP, "old index")]]),
            reported(APP, "vanished"), Verdict::Stale),
        ("the running manifest is denied", world().failing_manifest("old index", Failure::Denied { tried: 1 }), reported(APP, "old index"), Verdict::Unknown),
        ("the running manifest is denied, but the node knows",
            world().failing_manifest("old index", Failure::Denied { tried: 1 }).node(&[&[&reported(APP, "old index"), &reported(APP, "new index")]]),
            reported(APP, "old index"), Verdict::Rewrapped),
        ("the served manifest cannot be read", world().failing_manifest("new index", Failure::TimedOut(5)), reported(APP, "old index"), Verdict::Unknown),
        ("a child of the served index cannot be read", world().failing_manifest("new amd64", Failure::TimedOut(5)), reported(APP, "old index"), Verdict::Unknown),
        ("schema 1 is served", World::default().tag("1.0", "v1").manifest("v1", Manifest::Incomparable("Docker schema 1".into())), digest("x").to_string(), Verdict::Unknown),
        ("docker, built here, other", world(), format!("docker://{}", digest("mine")), Verdict::Suspect),
        ("docker, loaded without its repo digest", world(), format!("docker://{}", digest("old config")), Verdict::Stale),
        ("imported, content that no registry has", world().node(&[&[&app]]), digest("mine").to_string(), Verdict::Suspect),
        ("baked into the node, content that the registry served", world().node(&[&[&app]]), digest("old config").to_string(), Verdict::Stale),
        ("64 hex digits of CRI-O, other content", world(), digest("old config").hex().to_owned(), Verdict::Stale),
        ("imported, equal content", world().node(&[&[&app]]), digest("new config").to_string(), Verdict::Fresh),
        ("imported, the registry wants a login", World::default().failing_tag("1.0", Failure::LoginRequired).node(&[&[&app]]), digest("mine").to_string(), Verdict::Unknown),
        ("imported, the registry cannot be reached", World::default().failing_tag("1.0", Failure::Unreachable("refused".into())).node(&[&[&app]]), digest("mine").to_string(), Verdict::Unknown),
        ("imported, tag absent", World::default().node(&[&[&app]]), digest("mine").to_string(), Verdict::Local),
        ("bare config, pulled by its inventory", world().node(&[&[&app, &reported(APP, "old index")]]), digest("old config").to_string(), Verdict::Stale),
        ("bare config, tag absent, nothing known of the node", World::default(), digest("mine").to_string(), Verdict::Unpublished),
        ("kind load, not in the registry", world(), reported("docker.io/library/import-2026-11-23", "mine"), Verdict::Local),
        ("kind load of the pushed manifest", world(), reported("docker.io/library/import-2026-11-23", "new amd64"), Verdict::Fresh),
        ("tag absent", World::default(), reported(APP, "old index"), Verdict::Unpublished),
        ("tag absent, built here", World::default(), format!("docker://{}", digest("mine")), Verdict::Local),
        ("tag denied, built here", World::default().failing_tag("1.0", Failure::LoginRequired), format!("docker://{}", digest("mine")), Verdict::Unknown),
        ("tag denied, kind load", World::default().failing_tag("1.0", Failure::LoginRequired), reported("docker.io/library/import-2026-11-23", "mine"), Verdict::Local),
        ("rate limited", World::default().failing_tag("1.0", Failure::RateLimited { retry_after: None, remaining: None }), reported(APP, "x"), Verdict::Unknown),
        ("unknown form of imageID", world(), "what:ever".to_owned(), Verdict::Unknown),
        ("nothing reported", world(), String::new(), Verdict::Waiting),
    ];
    for (name, world, image_id, expected) in rows {
        let judgement = settle(&world, &pod(&app, &image_id));
        assert_eq!(judgement.verdict, expected, "{name}: {:?} {:#?}", judgement.ground, judgement.evidence);
    }
}

#[test]
fn a_digest_that_the_registry_names_and_does_not_have_is_called_that() {
    let world = World::default().tag("1.0", "promised").manifest("v1", image("v1"));
    for image_id in [reported(APP, "v1"), digest("config").to_string()] {
        let judgement = settle(&world, &pod(&format!("{APP}:1.0"), &image_id));
        assert_eq!(judgement.verdict, Verdict::Unknown, "{image_id}");
        assert_eq!(
            judgement.ground.proof(),
            "registry `reg.example.com` names a digest for the tag that it does not have",
            "{image_id}"
        );
    }
}

#[test]
fn the_common_case_costs_one_question() {
    let (judgement, asked) =
        settle_with(&two_builds(), &pod(&format!("{APP}:1.0"), &reported(APP, "new index")), Some(&amd64()), &[]);
    assert_eq!((judgement.verdict, asked), (Verdict::Fresh, 1));
}

#[test]
fn an_equal_child_of_both_indexes_needs_no_child_manifest() {
    let world = two_builds().manifest("wrapping", index(&[("new amd64", "linux/amd64")]));
    let (judgement, asked) =
        settle_with(&world, &pod(&format!("{APP}:1.0"), &reported(APP, "wrapping")), Some(&amd64()), &[]);
    // HEAD, the served index, the running index; and a HEAD of the child, which a next start needs.
    assert_eq!((judgement.verdict, asked), (Verdict::Rewrapped, 4));
}

#[test]
fn a_pinned_reference_is_never_stale() {
    let world = two_builds();
    for (tag, name, ground, moved) in [
        ("", "old index", PinnedTag::None, false),
        (":1.0", "new index", PinnedTag::Same, false),
        (":1.0", "new amd64", PinnedTag::Same, false),
        (":1.0", "old index", PinnedTag::Moved, true),
        (":2.0", "old index", PinnedTag::Absent, false),
        (":1.0", "vanished", PinnedTag::NotKnown("the pinned digest is no longer in the registry".to_owned()), false),
    ] {
        let judgement = settle(&world, &pod(&format!("{APP}{tag}@{}", digest(name)), &reported(APP, name)));
        assert_eq!(
            (judgement.verdict, &judgement.ground, judgement.tag_moved),
            (Verdict::Pinned, &Ground::Pinned(ground), moved),
            "{tag} {name}"
        );
    }
}

#[test]
fn nothing_is_said_of_what_does_not_run() {
    let world = two_builds();
    let base = pod(&format!("{APP}:1.0"), &reported(APP, "old index"));
    let with = |change: &dyn Fn(&mut Pod)| {
        let mut pod = base.clone();
        change(&mut pod);
        settle(&world, &pod)
    };
    let waiting = |reason: &str| State::Waiting { reason: reason.into(), message: "".into() };
    assert_eq!(with(&|pod| pod.deleting = true).ground, Ground::Deleting);
    assert_eq!(with(&|pod| pod.containers[0].state = State::Unreported).verdict, Verdict::Waiting);
    assert_eq!(with(&|pod| pod.containers[0].state = waiting("ImagePullBackOff")).verdict, Verdict::Waiting);
    let ended = |exit_code| State::Terminated { reason: "Completed".into(), exit_code };
    let once = |pod: &mut Pod, exit_code| {
        pod.restart_policy = RestartPolicy::Never;
        pod.containers[0].state = ended(exit_code);
    };
    assert_eq!(with(&|pod| once(pod, 0)).verdict, Verdict::Ended);
    assert_eq!(with(&|pod| once(pod, 1)).verdict, Verdict::Ended);
    // A container that is about to be started again is judged like one in a crash loop.
    assert_eq!(with(&|pod| pod.containers[0].state = ended(0)).verdict, Verdict::Stale);
    assert_eq!(
        with(&|pod| {
            pod.containers[0].state = ended(1);
            pod.containers[0].pull_policy = PullPolicy::Always;
        })
        .verdict,
        Verdict::Waiting
    );
    assert_eq!(with(&|pod| pod.containers[0].image_id = "".into()).verdict, Verdict::Waiting);
    assert_eq!(with(&|pod| pod.containers[0].image = "Not A Reference".into()).verdict, Verdict::Unknown);
}

#[test]
fn a_crash_loop_is_judged_by_its_last_run_unless_the_next_start_asks_the_registry() {
    let world = two_builds();
    let mut pod = pod(&format!("{APP}:1.0"), &reported(APP, "old index"));
    pod.containers[0].state = State::Waiting { reason: "CrashLoopBackOff".into(), message: "".into() };
    assert_eq!(settle(&world, &pod).verdict, Verdict::Waiting);
    pod.containers[0].ran_before = true;
    assert_eq!(settle(&world, &pod).verdict, Verdict::Stale);
    pod.containers[0].pull_policy = PullPolicy::Always;
    assert_eq!(settle(&world, &pod).verdict, Verdict::Waiting);
}

#[test]
fn an_image_volume_without_a_report_is_unknown_and_never_fresh() {
    let mut pod = pod(&format!("{APP}:1.0"), "");
    pod.containers[0].role = Role::Volume;
    let judgement = settle(&two_builds(), &pod);
    assert_eq!((judgement.verdict, judgement.ground), (Verdict::Unknown, Ground::VolumeNotReported));
    pod.containers[0].image_id = reported(APP, "new index").into();
    assert_eq!(settle(&two_builds(), &pod).verdict, Verdict::Fresh);
}

#[test]
fn policy_never_proves_no_import() {
    let mut pod = pod(&format!("{APP}:1.0"), &reported(APP, "vanished"));
    pod.containers[0].pull_policy = PullPolicy::Never;
    assert_eq!(settle(&two_builds(), &pod).verdict, Verdict::Suspect);
    pod.containers[0].image_id = digest("mine").as_str().into();
    assert_eq!(settle(&two_builds(), &pod).verdict, Verdict::Suspect);
    pod.containers[0].image_id = reported(APP, "old index").into();
    assert_eq!(settle(&two_builds(), &pod).verdict, Verdict::Stale);
}

#[test]
fn an_old_pod_of_a_rollout_under_way_is_rolling() {
    let reference = OwnerReference {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: "web".into(),
        uid: "d1".into(),
    };
    let controllers = [Workload { namespace: "shop".into(), reference }];
    let pod = pod(&format!("{APP}:1.0"), &reported(APP, "old index"));
    let asks = |image: &str, updated| WorkloadState {
        template: vec![Asked {
            role: Role::Container,
            name: "app".into(),
            image: image.into(),
            pull_policy: PullPolicy::IfNotPresent,
        }],
        desired: 2,
        existing: 2,
        updated: Some(updated),
        ..WorkloadState::default()
    };
    let same = format!("{APP}:1.0");
    let next = format!("{APP}:1.1");
    let refused = |state| WorkloadState { refused: Some("exceeded quota: few".to_owned()), ..state };
    for (name, state, expected) in [
        ("the template asks for another reference", Some(asks(&next, 1)), Verdict::Rolling),
        ("its new pods are refused", Some(refused(asks(&next, 1))), Verdict::Stuck),
        ("it is paused and refused", Some(WorkloadState { paused: true, ..refused(asks(&next, 1)) }), Verdict::Rolling),
        ("more pods of the same reference are refused", Some(refused(asks(&same, 1))), Verdict::Stale),
        ("the rollout is over, a webhook rewrites pods", Some(asks(&next, 2)), Verdict::Stale),
        ("a restart with the same reference", Some(asks(&same, 1)), Verdict::Stale),
        ("the controller may not be read", None, Verdict::Stale),
    ] {
        let world = World { workload: state, ..two_builds() };
        assert_eq!(settle_with(&world, &pod, Some(&amd64()), &controllers).0.verdict, expected, "{name}");
    }
}

#[test]
fn without_the_nodes_platform_only_what_holds_for_every_platform_is_said() {
    let half = two_builds().manifest("half", index(&[("new amd64", "linux/amd64"), ("old arm64", "linux/arm64")]));
    for (name, expected) in [("old index", Verdict::Stale), ("half", Verdict::Unknown), ("old amd64", Verdict::Stale)] {
        let judgement = settle_with(&half, &pod(&format!("{APP}:1.0"), &reported(APP, name)), None, &[]).0;
        assert_eq!(judgement.verdict, expected, "{name}: {:?}", judgement.ground);
    }
}

#[test]
fn the_variant_of_a_32_bit_arm_node_is_not_guessed() {
    let arm = Platform::new("linux", "arm");
    let world = World::default()
        .tag("1.0", "new")
        .manifest("new", index(&[("v6 new", "linux/arm/v6"), ("v7 same", "linux/arm/v7")]))
        .manifest("old", index(&[("v6 old", "linux/arm/v6"), ("v7 same", "linux/arm/v7")]))
        .manifest("v6 new", image("c6 new"))
        .manifest("v6 old", image("c6 old"))
        .manifest("v7 same", image("c7"));
    let judgement = settle_with(&world, &pod(&format!("{APP}:1.0"), &reported(APP, "old")), Some(&arm), &[]).0;
    assert_eq!(judgement.verdict, Verdict::Unknown, "{:?}", judgement.ground);
}

#[test]
fn an_emulated_image_is_compared_on_its_own_platform() {
    let mut world = two_builds().manifest("loaded", image("new arm config"));
    let config = ImageConfig { provenance: Provenance::default(), platform: Some(Platform::new("linux", "arm64")) };
    world.configs.insert(digest("new arm config"), config);
    let judgement = settle(&world, &pod(&format!("{APP}:1.0"), &reported(APP, "loaded")));
    assert_eq!(judgement.verdict, Verdict::Rewrapped, "{:?}", judgement.ground);
}

/// One of three builds, each with its own content on two platforms, wrapped in one of several ways.
#[derive(Debug, Clone, Copy)]
struct Published {
    build: u8,
    wrapping: u8,
}

impl Published {
    fn name(self) -> String {
        match self.wrapping {
            0 => self.child("amd64"),
            wrapping => format!("index {wrapping} of {}", self.build),
        }
    }
    fn child(self, architecture: &str) -> String {
        format!("{architecture} of {}", self.build)
    }
    fn put(self, world: World) -> World {
        let (amd, arm) = (self.child("amd64"), self.child("arm64"));
        let mut children = vec![(amd.as_str(), "linux/amd64"), (arm.as_str(), "linux/arm64/v8")];
        let attestation = format!("attestation {}", self.wrapping);
        children.push((&attestation, "unknown/unknown"));
        let world =
            world.manifest(&amd, image(&format!("config {amd}"))).manifest(&arm, image(&format!("config {arm}")));
        if self.wrapping == 0 { world } else { world.manifest(&self.name(), index(&children)) }
    }
}

prop_compose! {
    fn published()(build in 0_u8..3, wrapping in 0_u8..4) -> Published { Published { build, wrapping } }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn equal_content_is_never_stale_and_other_content_never_fresh(
        served in published(),
        running in published(),
        form in 0_u8..6,
        deleted in any::<bool>(),
        broken in prop::option::of((any::<prop::sample::Index>(), 0_u8..3)),
        inventory in 0_u8..4,
        platform_known in any::<bool>(),
        never in any::<bool>(),
    ) {
        let mut world = running.put(served.put(World::default().tag("1.0", &served.name())));
        if deleted && running.name() != served.name() {
            world.manifests.remove(&(APP.to_owned(), digest(&running.name())));
        }
        if let Some((which, kind)) = &broken {
            let mut keys: Vec<_> = world.manifests.keys().cloned().collect();
            keys.sort();
            let key = which.get(&keys).clone();
            let failure = [Failure::NotFound, Failure::Denied { tried: 1 }, Failure::Unreachable("reset".into())][usize::from(*kind)].clone();
            world.manifests.insert(key, Err(failure));
        }
        let entry = [reported(APP, &running.name()), reported(APP, &running.child("amd64"))];
        let also = reported(APP, &served.name());
        let names: Vec<&str> = match inventory {
            0 => vec![],
            1 => vec![&entry[0]],
            2 => vec![&entry[0], &entry[1]],
            _ if served.build == running.build => vec![&entry[0], &entry[1], &also],
            _ => vec![&entry[0]],
        };
        let world = world.node(&[&names]);
        let config = digest(&format!("config {}", running.child("amd64")));
        let image_id = match form {
            0 | 1 => reported(APP, &running.name()),
            2 => reported("elsewhere.example.com/copy", &running.name()),
            3 => config.to_string(),
            4 => config.hex().to_owned(),
            _ => format!("docker-pullable://{}", reported(APP, &running.child("amd64"))),
        };
        let mut pod = pod(&format!("{APP}:1.0"), &image_id);
        if never { pod.containers[0].pull_policy = PullPolicy::Never; }
        let platform = amd64();
        let judgement = settle_with(&world, &pod, platform_known.then_some(&platform), &[]).0;
        if served.build == running.build {
            prop_assert!(!matches!(judgement.verdict, Verdict::Stale), "{judgement:#?}");
        } else {
            prop_assert!(!matches!(judgement.verdict, Verdict::Fresh | Verdict::Rewrapped), "{judgement:#?}");
        }
        if broken.is_none() && !deleted && platform_known && form != 2 {
            let expected = if served.build == running.build { [Verdict::Fresh, Verdict::Rewrapped] } else { [Verdict::Stale, Verdict::Stale] };
            prop_assert!(expected.contains(&judgement.verdict), "{judgement:#?}");
        }
    }

    #[test]
    fn an_answer_that_failed_is_never_a_verdict_on_content(kind in 0_u8..8, running in published(), form in 0_u8..3) {
        let failure = [
            Failure::NotFound, Failure::LoginRequired, Failure::Denied { tried: 2 }, Failure::Status(500),
            Failure::RateLimited { retry_after: Some(5), remaining: None }, Failure::Unreachable("refused".into()),
            Failure::TimedOut(20), Failure::Malformed("html".into()),
        ][usize::from(kind)].clone();
        let world = running.put(World::default().failing_tag("1.0", failure));
        let image_id = match form {
            0 => reported(APP, &running.name()),
            1 => digest("config").to_string(),
            _ => format!("docker://{}", digest("config")),
        };
        let verdict = settle(&world, &pod(&format!("{APP}:1.0"), &image_id)).verdict;
        prop_assert!(matches!(verdict, Verdict::Unknown | Verdict::Unpublished | Verdict::Local), "{verdict:?}");
    }
}

#[test]
fn questions_name_the_repository_as_written_and_not_as_reported() {
    let pod = pod(&format!("{APP}:1.0"), &reported("reg.example.com/other", "x"));
    let subject = Subject {
        pod: &pod,
        container: &pod.containers[0],
        platform: None,
        controllers: &[],
        references_differ: false,
        listed: &HashMap::new(),
        last_run: false,
        now: Timestamp::UNIX_EPOCH,
        thorough: false,
    };
    let expected = Question::Served(Tag {
        repository: Repository::parse(APP).unwrap(),
        tag: "1.0".into(),
        access: Arc::default(),
    });
    assert_eq!(judge(&subject, &Answers::default()), Step::Ask(vec![expected]));
}

#[test]
fn an_index_without_images_cannot_be_compared() {
    for served in [index(&[]), index(&[("att", "unknown/unknown")])] {
        let world = World::default().tag("1.0", "empty").manifest("empty", served).manifest("old", image("co"));
        for image_id in [reported(APP, "old"), digest("co").to_string()] {
            let judgement = settle(&world, &pod(&format!("{APP}:1.0"), &image_id));
            assert_eq!(judgement.verdict, Verdict::Unknown, "{image_id}: {:?}", judgement.ground);
        }
    }
}

#[test]
fn a_config_that_cannot_be_read_does_not_make_an_emulated_image_stale() {
    let world = two_builds().manifest("loaded", image("new arm config"));
    let judgement = settle(&world, &pod(&format!("{APP}:1.0"), &reported(APP, "loaded")));
    assert_eq!(judgement.verdict, Verdict::Rewrapped, "{:?}", judgement.ground);
    let world = world.failing_manifest("new arm64", Failure::TimedOut(5));
    let judgement = settle(&world, &pod(&format!("{APP}:1.0"), &reported(APP, "loaded")));
    assert_eq!(judgement.verdict, Verdict::Unknown, "{:?}", judgement.ground);
}

#[test]
fn a_config_digest_of_the_nodes_platform_needs_no_other_platforms() {
    let mut world = two_builds().failing_manifest("new arm64", Failure::NotFound);
    let config = ImageConfig { provenance: Provenance::default(), platform: Some(amd64()) };
    world.configs.insert(digest("old config"), config);
    let pod = pod(&format!("{APP}:1.0"), digest("old config").as_str());
    let (judgement, asked) = settle_with(&world, &pod, Some(&amd64()), &[]);
    // HEAD, the index, its image for the node, both configs.
    assert_eq!((judgement.verdict, asked), (Verdict::Stale, 5), "{:?}", judgement.ground);
}

#[test]
fn policy_never_does_not_turn_a_failed_answer_into_a_verdict() {
    let mut pod = pod(&format!("{APP}:1.0"), &reported(APP, "old index"));
    pod.containers[0].pull_policy = PullPolicy::Never;
    for (failure, expected) in [
        (Failure::NotFound, Verdict::Unpublished),
        (Failure::TimedOut(5), Verdict::Unknown),
        (Failure::LoginRequired, Verdict::Unknown),
    ] {
        let world = two_builds().failing_tag("1.0", failure);
        assert_eq!(settle(&world, &pod).verdict, expected);
    }
}

#[test]
fn a_pod_that_is_over_runs_nothing_whatever_its_containers_say() {
    for phase in [Phase::Succeeded, Phase::Failed] {
        let mut pod = pod(&format!("{APP}:1.0"), &reported(APP, "old index"));
        pod.phase = phase;
        assert_eq!(settle(&two_builds(), &pod).verdict, Verdict::Ended);
    }
}

#[test]
fn a_variant_that_one_index_leaves_out_does_not_make_other_content() {
    let arm = Platform::new("linux", "arm");
    for (ours, theirs) in [("linux/arm", "linux/arm/v7"), ("linux/arm/v7", "linux/arm")] {
        let world = World::default()
            .tag("1.0", "new")
            .manifest("new", index(&[("child", theirs)]))
            .manifest("old", index(&[("child", ours)]))
            .manifest("child", image("config"));
        for platform in [Some(&arm), None] {
            let judgement = settle_with(&world, &pod(&format!("{APP}:1.0"), &reported(APP, "old")), platform, &[]).0;
            assert_eq!(judgement.verdict, Verdict::Rewrapped, "{ours} {platform:?}: {:?}", judgement.ground);
        }
    }
}

#[test]
fn an_index_of_too_many_images_is_not_compared() {
    let many = |word: &str| {
        let names: Vec<String> = (0..20_000).map(|number| format!("{word} {number}")).collect();
        index(&names.iter().map(|name| (name.as_str(), "linux/amd64")).collect::<Vec<_>>())
    };
    let world = World::default().tag("1.0", "new").manifest("new", many("new")).manifest("old", many("old"));
    for image_id in [reported(APP, "old"), digest("config").to_string()] {
        let (judgement, asked) = settle_with(&world, &pod(&format!("{APP}:1.0"), &image_id), None, &[]);
        assert_eq!(judgement.verdict, Verdict::Unknown, "{:?}", judgement.ground);
        assert!(asked < 10, "{asked}");
    }
}

#[test]
fn the_inventorys_evidence_names_what_the_inventory_names() {
    let world = two_builds().node(&[&[&reported("x.io/y", "vanished"), &reported("x.io/z", "new amd64")]]);
    let judgement = settle(&world, &pod(&format!("{APP}:1.0"), &reported("x.io/y", "vanished")));
    let told = &judgement.evidence.last().unwrap().answer;
    assert!(told.contains(digest("new amd64").short(12)) && !told.contains(digest("new index").short(12)), "{told}");
}

#[test]
fn a_bare_digest_that_the_tag_serves_is_fresh_whatever_it_is_a_digest_of() {
    for name in ["new index", "new amd64"] {
        for image_id in [digest(name).to_string(), format!("docker://{}", digest(name))] {
            let judgement = settle(&two_builds(), &pod(&format!("{APP}:1.0"), &image_id));
            assert_eq!(judgement.verdict, Verdict::Fresh, "{image_id}: {:?}", judgement.ground);
        }
    }
}

fn state_asking_for(image: &str) -> WorkloadState {
    WorkloadState {
        template: vec![Asked {
            role: Role::Container,
            name: "app".into(),
            image: image.into(),
            pull_policy: PullPolicy::IfNotPresent,
        }],
        ..WorkloadState::default()
    }
}

fn deployment() -> [Workload; 1] {
    [Workload {
        namespace: "shop".into(),
        reference: OwnerReference {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: "web".into(),
            uid: "u-web".into(),
        },
    }]
}

#[test]
fn a_digest_that_only_the_pod_has_pins_nothing() {
    let (old, new) = (digest("old index"), digest("new index"));
    let tagged = format!("{APP}:1.0");
    let rows = [
        // the pod asks for, the template asks for, what is judged
        (format!("{tagged}@{old}"), tagged.clone(), Verdict::Stale, Some(tagged.clone())),
        (format!("{APP}@{old}"), tagged.clone(), Verdict::Stale, Some(tagged.clone())),
        (format!("{tagged}@{new}"), tagged.clone(), Verdict::Fresh, Some(tagged.clone())),
        (format!("{tagged}@{old}"), format!("{tagged}@{old}"), Verdict::Pinned, None),
        (format!("{APP}@{old}"), format!("{APP}@{new}"), Verdict::Pinned, None),
        // A mutation of the registry beside the digest: the pod's own registry is asked.
        (format!("{tagged}@{old}"), "app:1.0".to_owned(), Verdict::Stale, Some(tagged.clone())),
        // The template before this one pinned it.
        (format!("{tagged}@{old}"), format!("{APP}:2.0"), Verdict::Pinned, None),
    ];
    for (image, template, expected, asked) in rows {
        let running = if image.contains(old.as_str()) { "old index" } else { "new index" };
        let world = World { workload: Some(state_asking_for(&template)), ..two_builds() };
        let pod = pod(&image, &reported(APP, running));
        let judgement = settle_with(&world, &pod, Some(&amd64()), &deployment()).0;
        assert_eq!(judgement.verdict, expected, "{image} of {template}: {:?}", judgement.ground);
        assert_eq!(judgement.asked.as_deref(), asked.as_deref(), "{image} of {template}");
    }
}

#[test]
fn a_digest_whose_origin_cannot_be_read_is_no_pin_once_its_tag_moved() {
    let moved = pod(&format!("{APP}:1.0@{}", digest("old index")), &reported(APP, "old index"));
    let judgement = settle_with(&two_builds(), &moved, Some(&amd64()), &deployment()).0;
    assert_eq!(judgement.verdict, Verdict::Unknown, "{:?}", judgement.ground);
    let same = pod(&format!("{APP}:1.0@{}", digest("new index")), &reported(APP, "new index"));
    assert_eq!(settle_with(&two_builds(), &same, Some(&amd64()), &deployment()).0.verdict, Verdict::Pinned);
    // Nobody is above a bare pod: its own spec pins.
    assert_eq!(settle(&two_builds(), &moved).verdict, Verdict::Pinned);
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

#[test]
fn a_node_that_has_not_reported_since_the_start_proves_nothing() {
    // The container started at 0. When the node reported last, and when it is asked.
    for (heartbeat, now, expected) in [
        (Some(-5), 10, Verdict::Unknown),
        (Some(20), 25, Verdict::Unknown),
        (Some(31), 35, Verdict::Suspect),
        (Some(-200), 60, Verdict::Suspect),
        (Some(-400), 60, Verdict::Unknown),
        (None, 10, Verdict::Unknown),
        (None, 60, Verdict::Suspect),
    ] {
        let store = NodeStore {
            images: vec![vec![reported(APP, "vanished")]],
            heartbeat: heartbeat.map(second),
            ..NodeStore::default()
        };
        let mut world = two_builds();
        world.nodes.insert("node-a".to_owned(), Ok(store));
        let mut pod = pod(&format!("{APP}:1.0"), &reported(APP, "vanished"));
        pod.containers[0].state = State::Running { since: Some(second(0)) };
        let judgement = settle_at(&world, &pod, second(now));
        assert_eq!(judgement.verdict, expected, "{heartbeat:?} {now}: {:?}", judgement.ground);
    }
}

fn settle_at(world: &World, pod: &Pod, now: Timestamp) -> Judgement {
    climbed(world, pod, Some(&amd64()), &[], |subject| subject.now = now).0
}

#[test]
fn a_short_name_is_judged_by_the_registry_in_which_cri_o_found_it() {
    let taken = "reg.example.com/team/app";
    let node = |runtime: &str| {
        let mut world = two_builds();
        world.tags.insert("docker.io/library/app:1.0".to_owned(), Ok(digest("new index")));
        for (name, manifest) in [("new index", "new amd64"), ("new amd64", "new amd64")] {
            let manifest = match name {
                "new index" => index(&[(manifest, "linux/amd64")]),
                _ => image("new config"),
            };
            world = world.manifest_in("docker.io/library/app", name, manifest);
        }
        world.nodes.insert("node-a".to_owned(), Ok(NodeStore { runtime: runtime.into(), ..NodeStore::default() }));
        world
    };
    let pod = pod("app:1.0", &reported(taken, "old index"));
    let found = settle(&node("cri-o://1.31.2"), &pod);
    assert_eq!((found.verdict, found.asked.as_deref()), (Verdict::Stale, Some("reg.example.com/team/app:1.0")));
    // containerd may name any repository with the same content.
    let hub = settle(&node("containerd://2.4.2"), &pod);
    assert_eq!((hub.verdict, hub.asked), (Verdict::Stale, None));
    let mut unreadable = node("");
    unreadable.nodes.insert("node-a".to_owned(), Err("forbidden".to_owned()));
    assert!(matches!(settle(&unreadable, &pod).ground, Ground::ShortName(_)));
    // CRI-O 1.28 reports a bare config; the status shows the name in full.
    let mut shown = pod.clone();
    shown.containers[0].image_id = digest("old config").hex().into();
    shown.containers[0].shown_image = format!("{taken}:1.0").into();
    assert_eq!(settle(&node("cri-o://1.28.4"), &shown).asked.as_deref(), Some("reg.example.com/team/app:1.0"));
}

#[test]
fn what_the_next_start_lacks_is_said() {
    let tagged = format!("{APP}:1.0");
    let pinned = |name: &str| format!("{APP}@{}", digest(name));
    let lacking_child = || {
        World::default()
            .tag("1.0", "new index")
            .manifest("new index", index(&[("new amd64", "linux/amd64"), ("new arm64", "linux/arm64")]))
            .manifest("new arm64", image("new arm config"))
            .manifest("old", image("old config"))
    };
    let arm_only = || {
        World::default()
            .tag("1.0", "arm")
            .manifest("arm", index(&[("new arm64", "linux/arm64")]))
            .manifest("new arm64", image("new arm config"))
            .manifest("old", image("old config"))
    };
    let rows: Vec<(&str, World, String, String, Option<&str>)> = vec![
        (
            "a pinned digest that is gone",
            World::default(),
            pinned("vanished"),
            reported(APP, "vanished"),
            Some("no longer has the pinned digest"),
        ),
        ("a pinned digest that is there", two_builds(), pinned("old index"), reported(APP, "old index"), None),
        (
            "a pinned digest that is gone, beside its tag",
            two_builds(),
            format!("{tagged}@{}", digest("vanished")),
            reported(APP, "vanished"),
            Some("no longer has the pinned digest"),
        ),
        ("a tag that is gone", World::default(), tagged.clone(), reported(APP, "old index"), Some("has no tag `1.0`")),
        (
            "a digest that the registry names and lacks",
            World::default().tag("1.0", "promised"),
            tagged.clone(),
            reported(APP, "v1"),
            Some("does not have it"),
        ),
        (
            "the index's image for the node is gone",
            lacking_child(),
            tagged.clone(),
            reported(APP, "old"),
            Some("for linux/amd64"),
        ),
        (
            "the index has none for the node",
            arm_only(),
            tagged.clone(),
            reported(APP, "old"),
            Some("has no image for linux/amd64"),
        ),
        ("all is there", two_builds(), tagged.clone(), reported(APP, "old index"), None),
        (
            "nothing is asked more where the digests are equal",
            lacking_child(),
            tagged.clone(),
            reported(APP, "new index"),
            None,
        ),
    ];
    for (name, world, image, image_id, expected) in rows {
        let judgement = settle(&world, &pod(&image, &image_id));
        let told = judgement.next_start_fails.as_deref();
        match expected {
            None => assert_eq!(told, None, "{name}"),
            Some(words) => assert!(told.is_some_and(|told| told.contains(words)), "{name}: {judgement:#?}"),
        }
    }
    let thorough =
        climbed(&lacking_child(), &pod(&tagged, &reported(APP, "new index")), Some(&amd64()), &[], |subject| {
            subject.thorough = true;
        });
    assert!(thorough.0.next_start_fails.is_some(), "a thorough look reads the index");
}

#[test]
fn a_last_run_stands_for_the_next_one() {
    let mut world = two_builds();
    let mut ended = pod(&format!("{APP}:1.0"), &reported(APP, "old index"));
    ended.phase = Phase::Succeeded;
    ended.containers[0].state = State::Terminated { reason: "Completed".into(), exit_code: 0 };
    let last = |world: &World, pod: &Pod| {
        climbed(world, pod, Some(&amd64()), &deployment(), |subject| subject.last_run = true).0
    };
    world.workload = Some(state_asking_for(&format!("{APP}:1.0")));
    assert_eq!(last(&world, &ended).verdict, Verdict::Stale);
    let mut always = ended.clone();
    always.containers[0].pull_policy = PullPolicy::Always;
    assert_eq!(last(&world, &always).ground, Ground::NextRunPulls);
    let fresh = Pod {
        containers: vec![Container { image_id: reported(APP, "new index").into(), ..ended.containers[0].clone() }],
        ..ended.clone()
    };
    assert_eq!(last(&world, &fresh).verdict, Verdict::Fresh);
    world.workload = Some(state_asking_for(&format!("{APP}:1.1")));
    assert_eq!(last(&world, &ended).verdict, Verdict::Rolling);
}
