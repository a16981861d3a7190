use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::inventory::Question;
use crate::domain::plan::assemble::{self, Around, Author};
use crate::domain::remote::{Manifest, Provenance};
use crate::domain::template::Definition;
use crate::domain::workload::{OwnerReference, Phase};
use crate::domain::{Digest, diagnosis::ContainerName};

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

fn target() -> Target {
    let definition = Definition::read(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-web"},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "reg.example.com/app:1.0"}]}}},
    }))
    .unwrap();
    let slot = definition.slots[0].clone();
    let change = Change {
        container: ContainerName { name: "app".into(), role: Role::Container },
        verdict: None,
        image: slot.image.clone(),
        pod_image: None,
        running: Vec::new(),
        served_digest: None,
        new_image: "reg.example.com/app:1.1".to_owned(),
        digest: digest('5'),
        pull_policy: None,
        done: false,
        given: false,
        back: None,
        no_way_back: None,
        warnings: Vec::new(),
        slot,
    };
    let definition = Arc::new(definition);
    let around = Around {
        definition: &definition,
        managers: &[],
        pods: 1,
        cause: "bump",
        author: &Author::default(),
        last_is_proven: false,
        now: Timestamp::UNIX_EPOCH,
    };
    assemble::target(&around, vec![change])
}

fn pod(name: &str, owner: &str, image_id: &str, state: State) -> Pod {
    Pod {
        uid: format!("u-{name}").into(),
        controller: Some(OwnerReference {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: "web".into(),
            uid: owner.into(),
        }),
        containers: vec![Container {
            // A webhook rewrote it: what counts is what runs.
            image: "mirror.example.com/app:1.1".into(),
            state,
            image_id: image_id.into(),
            ..Container::bare("app")
        }],
        ..Pod::bare(name)
    }
}

fn confirmed(pods: Vec<Pod>) -> (Confirmation, Vec<Question>) {
    let target = target();
    let snapshot = Snapshot { pods, ..Snapshot::default() };
    let mut verification = verification(&snapshot, &target);
    let mut answers = std::mem::take(&mut verification.answers);
    let mut inquiry = Inquiry::new(&verification.snapshot, false, Timestamp::UNIX_EPOCH);
    let mut all = Vec::new();
    loop {
        let questions = inquiry.advance(&answers);
        if questions.is_empty() {
            return (verification.confirmation(&inquiry), all);
        }
        for question in questions {
            all.push(question.clone());
            match question {
                Question::Manifest(object) => {
                    let config = if object.digest == digest('9') { digest('5') } else { object.digest.clone() };
                    let provenance = Provenance::default();
                    answers.manifests.insert(object, Ok(Manifest::Image { config, provenance }));
                }
                Question::Config(object) => {
                    answers.configs.insert(object, Err(crate::domain::remote::Failure::NotFound));
                }
                other => panic!("nobody needs {other:?}"),
            }
        }
    }
}

fn running() -> State {
    State::Running { since: None }
}

#[test]
fn a_pod_is_confirmed_by_content_and_its_tag_is_not_asked() {
    let equal = pod("a", "u-web", &format!("reg.example.com/app@{}", digest('5')), running());
    let (confirmation, questions) = confirmed(vec![equal]);
    assert_eq!((confirmation.confirmed, confirmation.pods, questions.len()), (1, 1, 0));
    // The planned digest is an image with the config that another manifest has too.
    let rewrapped = pod("a", "u-web", &format!("reg.example.com/app@{}", digest('9')), running());
    let (confirmation, questions) = confirmed(vec![rewrapped]);
    assert_eq!((confirmation.confirmed, confirmation.others.len()), (1, 0));
    assert!(!questions.iter().any(|question| matches!(question, Question::Served(_))));
}

#[test]
fn whatever_is_not_proven_is_not_confirmed() {
    let old = pod("old", "u-web", &format!("reg.example.com/app@{}", digest('7')), running());
    let waits = State::Waiting { reason: "ImagePullBackOff".into(), message: "no such tag".into() };
    let hanging = pod("hanging", "u-web", "", waits);
    let (confirmation, _) = confirmed(vec![old, hanging]);
    assert_eq!((confirmation.confirmed, confirmation.pods), (0, 2));
    assert_eq!(confirmation.others[0].verdict, Verdict::Stale);
    assert!(confirmation.others[1].why.contains("ImagePullBackOff: no such tag"), "{:?}", confirmation.others);
    assert_eq!(confirmation.other_pods(), 2);
}

#[test]
fn pods_of_others_and_those_that_go_do_not_count() {
    let id = format!("reg.example.com/app@{}", digest('7'));
    let going = Pod { deleting: true, ..pod("going", "u-web", &id, running()) };
    let over = Pod { phase: Phase::Failed, ..pod("over", "u-web", &id, running()) };
    let (confirmation, questions) = confirmed(vec![pod("other", "u-api", &id, running()), going, over]);
    assert_eq!((confirmation, questions.len()), (Confirmation::default(), 0));
}

#[test]
fn a_pod_of_another_template_is_not_confirmed() {
    let mut without = pod("a", "u-web", "", running());
    without.containers[0].name = "other".into();
    let (confirmation, _) = confirmed(vec![without]);
    assert_eq!(
        (confirmation.confirmed, confirmation.others[0].why.as_str()),
        (0, "it lacks a container that was changed")
    );
}

#[test]
fn an_old_pod_is_told_from_a_new_one_that_holds_other_content() {
    let other = format!("reg.example.com/app@{}", digest('7'));
    let mut new = pod("new", "u-web", &other, running());
    new.containers[0].image = "reg.example.com/app:1.1".into();
    let mut old = pod("old", "u-web", &other, running());
    old.containers[0].image = "reg.example.com/app:1.0".into();
    let (confirmation, _) = confirmed(vec![new, old]);
    let told: Vec<_> = confirmation.others.iter().map(|other| (&*other.pod, other.verdict, other.asks_anew)).collect();
    assert_eq!(told, [("new", Verdict::Stale, true), ("old", Verdict::Stale, false)]);
}
