use super::*;
use crate::domain::workload::Phase;

fn pod(uid: &str, state: State, restarts: u32) -> Pod {
    Pod {
        phase: Phase::Pending,
        ready: false,
        containers: vec![Container {
            image: "registry.example.com/app:1.1".into(),
            state,
            ran_before: restarts > 0,
            restarts,
            ..Container::bare("app")
        }],
        ..Pod::bare(uid)
    }
}

fn waiting(reason: &str, message: &str) -> State {
    State::Waiting { reason: reason.into(), message: message.into() }
}

/// When a pod that is in these states, each from its second on, is given up; it is looked at every two seconds.
fn given_up(states: &[(u64, State, u32)], in_place: bool) -> Option<u64> {
    given_up_by(Impasse::default(), states, in_place)
}

fn given_up_by(mut impasse: Impasse, states: &[(u64, State, u32)], in_place: bool) -> Option<u64> {
    let state = WorkloadState { desired: 1, existing: 2, updated: Some(1), ..WorkloadState::default() };
    (0..=400).step_by(2).find(|second| {
        let (_, now, restarts) = states.iter().rfind(|(from, ..)| from <= second).unwrap();
        let pods = [pod("web-1", now.clone(), *restarts)];
        let look = Look { at: Duration::from_secs(*second), state: &state, pods: &pods };
        impasse.see(look, in_place, |_| true).is_some()
    })
}

#[test]
fn what_stands_is_given_up_and_what_passes_is_waited_for() {
    let pull = |message: &str| waiting("ErrImagePull", message);
    let back_off = |message: &str| waiting("ImagePullBackOff", message);
    let crash = || waiting("CrashLoopBackOff", "back-off 10s restarting failed container");
    let config = |message: &str| waiting("CreateContainerConfigError", message);
    let running = || State::Running { since: None };
    let ended = || State::Terminated { reason: "Error".into(), exit_code: 1 };
    let absent = "failed to pull image \"registry.example.com/app:1.1\": registry.example.com/app:1.1: not found";
    let away = "failed to do request: Head \"https://registry.example.com/v2/app\": dial tcp 10.0.0.1:443: connect: connection refused";
    let named =
        "failed to resolve reference \"registry.example.com/timeout:1.1\": registry.example.com/timeout:1.1: not found";
    let one = |state: State| vec![(0, state, 0)];
    for (name, states, expected) in [
        ("it starts", one(waiting("ContainerCreating", "")), None),
        ("it runs", one(running()), None),
        ("no such image", one(pull(absent)), Some(6)),
        ("no such image, called like a fault that passes", one(pull(named)), Some(6)),
        ("said once, then held back without a word", vec![(0, pull(absent), 0), (2, back_off(""), 0)], Some(6)),
        ("held back without a word, said later", vec![(0, back_off(""), 0), (4, pull(absent), 0)], Some(6)),
        ("not allowed", one(back_off("ErrImagePull: 403 Forbidden")), Some(6)),
        ("no reason is told", one(back_off("Back-off pulling image")), Some(46)),
        ("the registry is away", one(pull(away)), None),
        ("it is away, and held back", vec![(0, pull(away), 0), (2, back_off(""), 0)], None),
        ("it comes back without the image", vec![(0, pull(away), 0), (20, pull(absent), 0)], Some(26)),
        ("it heals in time", vec![(0, pull(absent), 0), (4, running(), 0)], None),
        ("it fails, starts, and fails", vec![(0, pull(absent), 0), (4, running(), 0), (6, pull(absent), 0)], Some(12)),
        ("i/o timeout", one(pull("read tcp: i/o timeout, and then not found")), None),
        ("no name of an image", one(waiting("InvalidImageName", "")), Some(6)),
        ("never pulled", one(waiting("ErrImageNeverPull", "")), Some(6)),
        ("a Secret is missing", one(config("secret \"login\" not found")), Some(6)),
        ("a Secret is late", one(config("failed to sync secret cache: timed out waiting for the condition")), None),
        ("it crashed once and is tried again", vec![(0, ended(), 0), (2, running(), 1)], None),
        ("it crashed twice, and then runs", vec![(0, ended(), 1), (2, crash(), 1), (12, running(), 2)], None),
        (
            "it crashed three times",
            vec![(0, crash(), 1), (10, running(), 2), (12, ended(), 2), (14, crash(), 2)],
            Some(14),
        ),
    ] {
        assert_eq!(given_up(&states, false), expected, "{name}");
    }
    assert_eq!(
        given_up(&[(0, crash(), 7), (2, running(), 7)], true),
        None,
        "the old program crashed, the new one runs"
    );
    assert_eq!(given_up(&[(0, crash(), 7), (4, crash(), 9)], true), Some(4), "the new one crashes too");
}

#[test]
fn what_an_earlier_run_left_gets_another_try() {
    let absent = "failed to pull image: not found";
    let pull = || waiting("ErrImagePull", absent);
    let back_off = || waiting("ImagePullBackOff", absent);
    let crash = || waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container");
    let running = || State::Running { since: None };
    for (name, states, expected) in [
        ("held back, then it starts", vec![(0, back_off(), 0), (280, running(), 0)], None),
        ("held back for ever", vec![(0, back_off(), 0)], Some(306)),
        ("tried again in vain", vec![(0, back_off(), 0), (40, pull(), 0), (44, back_off(), 0)], Some(46)),
        ("a failure of this time", vec![(0, waiting("ContainerCreating", ""), 0), (4, pull(), 0)], Some(10)),
        ("it crashed before, and runs now", vec![(0, crash(), 7), (200, running(), 8)], None),
        ("it goes on crashing", vec![(0, crash(), 7), (100, crash(), 8), (200, crash(), 9)], Some(200)),
    ] {
        assert_eq!(given_up_by(Impasse::resumed(true), &states, false), expected, "{name}");
    }
    let refused = WorkloadState { refused: Some("exceeded quota".to_owned()), ..WorkloadState::default() };
    let mut impasse = Impasse::resumed(true);
    let mut see =
        |second| impasse.see(Look { at: Duration::from_secs(second), state: &refused, pods: &[] }, false, |_| true);
    assert_eq!((0..305).find(|second| see(*second).is_some()), None, "there may be room by now");
    assert!(see(305).is_some());
}

#[test]
fn only_new_pods_that_stay_count() {
    let state = WorkloadState::default();
    let old = pod("old", waiting("InvalidImageName", ""), 0);
    let going = Pod { deleting: true, ..pod("going", waiting("InvalidImageName", ""), 0) };
    let pods = [old, going];
    let mut impasse = Impasse::default();
    for second in 0..60 {
        let look = Look { at: Duration::from_secs(second), state: &state, pods: &pods };
        assert_eq!(impasse.see(look, false, |pod| &*pod.name != "old"), None);
    }
    for second in [60, 65] {
        let look = Look { at: Duration::from_secs(second), state: &state, pods: &pods };
        let stuck = impasse.see(look, false, |_| true);
        assert_eq!(stuck.as_deref(), (second == 65).then_some("old: InvalidImageName"));
    }
}

/// When a workload whose pods are refused is given up. `going` says until when an old pod goes away, and `counts` from
/// when on there is one more.
fn refused(why: &str, going: u64, counts: u64) -> Option<u64> {
    let mut impasse = Impasse::default();
    (0..=120).step_by(2).find(|second| {
        let existing = if *second >= counts { 3 } else { 2 };
        let refused = Some(why.to_owned());
        let state = WorkloadState { desired: 3, existing, updated: Some(0), refused, ..WorkloadState::default() };
        let pods = [Pod { deleting: *second < going, ..pod("old", State::Running { since: None }, 0) }];
        let look = Look { at: Duration::from_secs(*second), state: &state, pods: &pods };
        impasse.see(look, false, |_| false).is_some()
    })
}

#[test]
fn a_refusal_is_given_up_once_its_controller_has_tried_again_with_nothing_moving() {
    let quota = "pods \"web-1\" is forbidden: exceeded quota: few";
    for (name, why, going, counts, expected) in [
        ("nothing moves", quota, 0, 0, Some(6)),
        ("an old pod made room", quota, 20, 0, Some(42)),
        ("one more was created", quota, 0, 4, Some(14)),
        ("a webhook is away", "Internal error occurred: failed calling webhook \"a\": connection refused", 0, 0, None),
        ("a webhook refuses", "admission webhook \"a\" denied the request: no", 0, 0, Some(6)),
    ] {
        assert_eq!(refused(why, going, counts), expected, "{name}");
    }
    let mut impasse = Impasse::default();
    let unseen = WorkloadState {
        generation: 2,
        observed_generation: Some(1),
        refused: Some(quota.to_owned()),
        ..WorkloadState::default()
    };
    for second in [0, 60] {
        let look = Look { at: Duration::from_secs(second), state: &unseen, pods: &[] };
        assert_eq!(impasse.see(look, false, |_| true), None, "the controller has not seen the change yet");
    }
}

#[test]
fn a_container_that_waits_or_crashed_is_told_and_one_that_starts_is_not() {
    let ended = |reason: &str, exit_code| State::Terminated { reason: reason.into(), exit_code };
    for (state, expected) in [
        (State::Unreported, None),
        (State::Running { since: None }, None),
        (waiting("", ""), None),
        (waiting("ContainerCreating", ""), None),
        (waiting("CrashLoopBackOff", "back-off 10s"), Some("CrashLoopBackOff: back-off 10s")),
        (waiting("ErrImagePull", ""), Some("ErrImagePull")),
        (ended("Completed", 0), None),
        (ended("Error", 1), Some("Error, exit code 1")),
    ] {
        assert_eq!(trouble(&state).as_deref(), expected, "{state:?}");
    }
    let unschedulable = Some("0/2 nodes are available".into());
    let pods = [Pod { unschedulable, ..pod("web-1", State::Unreported, 0) }];
    assert_eq!(hanging(&pods).as_deref(), Some("web-1: Unschedulable: 0/2 nodes are available"));
}
