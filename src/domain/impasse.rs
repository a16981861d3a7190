//! When waiting longer cannot help: the new pods cannot be created, cannot pull their image, or crash again and again.
//!
//! Clusters try everything again for ever, and much of what fails at first comes right by itself: a registry that restarts,
//! a webhook that is away, a quota that is exceeded until an old pod has gone. So nothing is taken for impossible before it
//! has stood for a while, or where its own words say that somebody else is away.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::rollout;
use super::workload::{Container, ORDINARY, Pod, State, WorkloadState};
use crate::text::excerpt;

/// How long a reason that does not pass by itself has to stand.
const STANDS: Duration = Duration::from_secs(5);
/// The same for a pull that fails without a word of why: the kubelet has tried it three times by then.
const STANDS_UNEXPLAINED: Duration = Duration::from_secs(45);
/// The same for what an earlier run has left: it may be mended by now, and clusters try again after five minutes at most.
const STANDS_FROM_BEFORE: Duration = Duration::from_secs(305);
/// A program that waits for another one may well crash at its first start or two.
const CRASHES: u32 = 2;

/// What one look at a workload saw.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// How long after the first look.
    pub at: Duration,
    /// How far the rollout is, and whether its pods are refused.
    pub state: &'a WorkloadState,
    /// The workload's pods, those that go away too.
    pub pods: &'a [Pod],
}

/// What the looks at one workload have seen so far.
#[derive(Debug, Default)]
pub struct Impasse {
    /// Nothing was changed before the first look: what that one sees is from before.
    resumed: bool,
    looked: bool,
    refused: Option<Refused>,
    held: HashMap<(Arc<str>, Arc<str>), Held>,
    /// Restarts that were counted at the first look at a container that may not be new.
    restarts: HashMap<(Arc<str>, Arc<str>), u32>,
}

#[derive(Debug)]
struct Refused {
    since: Duration,
    moved: Duration,
    counts: Counts,
    from_before: bool,
}

/// The numbers of pods that exist, are updated, are available and are ready.
type Counts = (i64, Option<i64>, i64, i64);

#[derive(Debug, Clone, Copy)]
struct Held {
    since: Duration,
    kind: Kind,
    from_before: bool,
    /// The last look saw it wait for its next try.
    backs_off: bool,
}

/// What a reason for not starting tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It passes by itself.
    Passing,
    /// It does not say.
    Unexplained,
    /// It stays until somebody changes something.
    Lasting,
}

impl Impasse {
    /// For a change that an earlier run may have made: somebody may have mended since what held it up.
    #[must_use]
    pub fn resumed(resumed: bool) -> Self {
        Self { resumed, ..Self::default() }
    }

    /// Takes note of a look. `is_new` tells the pods that were made from the new template, or that changed in place,
    /// which `in_place` says. `Some`: why it cannot go on.
    pub fn see(&mut self, look: Look<'_>, in_place: bool, is_new: impl Fn(&Pod) -> bool) -> Option<String> {
        let from_before = self.resumed && !self.looked;
        self.looked = true;
        let refused = self.refusal(look, from_before);
        let mut held = HashMap::new();
        let mut stuck = None;
        for pod in look.pods.iter().filter(|pod| !pod.deleting && is_new(pod)) {
            for container in &pod.containers {
                let key = (Arc::clone(&pod.uid), Arc::clone(&container.name));
                let counts = in_place || self.resumed;
                let before = if counts { *self.restarts.entry(key.clone()).or_insert(container.restarts) } else { 0 };
                let crashes = is_waiting(container, "CrashLoopBackOff") && container.restarts >= before + CRASHES;
                let backs_off = is_waiting(container, "ImagePullBackOff");
                let now = kind(container).map(|kind| {
                    let now = Held { since: look.at, kind, from_before, backs_off };
                    merged(self.held.get(&key).copied(), now, is_waiting(container, "ErrImagePull"))
                });
                let lasts = now.is_some_and(|held| held.stands(look.at));
                if let Some(now) = now {
                    held.insert(key, now);
                }
                if (crashes || lasts) && stuck.is_none() {
                    stuck = trouble(&container.state).map(|why| format!("{}: {why}", pod.name));
                }
            }
        }
        self.held = held;
        refused.or(stuck)
    }

    /// A controller tries again after twice the time, so that a refusal stands only once that has passed since anything
    /// moved: an old pod that went away may have made room.
    fn refusal(&mut self, look: Look<'_>, from_before: bool) -> Option<String> {
        let state = look.state;
        let seen = state.observed_generation.is_none_or(|observed| observed >= state.generation);
        let Some(why) = state.refused.as_ref().filter(|why| seen && !is_passing(why)) else {
            self.refused = None;
            return None;
        };
        let counts = (state.existing, state.updated, state.available, state.ready);
        let at = look.at;
        let refused = self.refused.get_or_insert(Refused { since: at, moved: at, counts, from_before });
        if refused.counts != counts || look.pods.iter().any(|pod| pod.deleting) {
            (refused.counts, refused.moved) = (counts, at);
        }
        let stands = if refused.from_before { STANDS_FROM_BEFORE } else { STANDS };
        let patience = (refused.moved - refused.since) + stands;
        (at >= refused.moved + patience).then(|| rollout::refusal(&excerpt(why, 300)))
    }
}

impl Held {
    fn stands(self, now: Duration) -> bool {
        let stood = now.saturating_sub(self.since);
        match self.kind {
            Kind::Passing => false,
            Kind::Unexplained | Kind::Lasting if self.from_before => stood >= STANDS_FROM_BEFORE,
            Kind::Unexplained => stood >= STANDS_UNEXPLAINED,
            Kind::Lasting => stood >= STANDS,
        }
    }
}

/// What is known of a container that still waits: what was said before stands until something else is. `pulled` says that
/// it is no longer waiting for its next try: that one failed, too.
fn merged(before: Option<Held>, now: Held, pulled: bool) -> Held {
    match before {
        Some(held) if held.from_before && held.backs_off && pulled => now,
        Some(held) if now.kind == held.kind || now.kind == Kind::Unexplained => {
            Held { backs_off: now.backs_off, ..held }
        }
        // Older kubelets say why only for a moment.
        Some(held) if held.kind == Kind::Unexplained => Held { kind: now.kind, backs_off: now.backs_off, ..held },
        _ => now,
    }
}

/// Whether a pod does not run for sure, and will not by itself: it crashes again and again, or its image cannot be had.
#[must_use]
pub fn is_broken(pod: &Pod) -> bool {
    pod.containers.iter().any(|container| {
        let State::Waiting { reason, message } = &container.state else { return false };
        match &**reason {
            "CrashLoopBackOff" => container.restarts >= CRASHES,
            "InvalidImageName" | "ErrImageNeverPull" => true,
            "ErrImagePull" | "ImagePullBackOff" => !is_passing(message),
            _ => false,
        }
    })
}

fn is_waiting(container: &Container, wanted: &str) -> bool {
    matches!(&container.state, State::Waiting { reason, .. } if &**reason == wanted)
}

/// What its reason tells, where a container cannot be started; `None` where it can, or where nothing speaks against it.
fn kind(container: &Container) -> Option<Kind> {
    let State::Waiting { reason, message } = &container.state else { return None };
    let passing = is_passing(message);
    match &**reason {
        "InvalidImageName" | "ErrImageNeverPull" => Some(Kind::Lasting),
        "CreateContainerConfigError" if !passing => Some(Kind::Lasting),
        "ErrImagePull" | "ImagePullBackOff" if passing => Some(Kind::Passing),
        "ErrImagePull" | "ImagePullBackOff" if has_any(message, &LASTING) => Some(Kind::Lasting),
        "ErrImagePull" | "ImagePullBackOff" => Some(Kind::Unexplained),
        _ => None,
    }
}

/// Words of registries and runtimes for what is not there or not allowed.
const LASTING: [&str; 9] = [
    "not found",
    "manifest unknown",
    "name unknown",
    "unauthorized",
    "denied",
    "forbidden",
    "authorization failed",
    "no basic auth credentials",
    "no match for platform",
];

/// Words of whoever found somebody else away, busy or late.
const PASSING: [&str; 19] = [
    "timeout",
    "timed out",
    "deadline exceeded",
    "connection refused",
    "connection reset",
    "no such host",
    "no route to host",
    "server misbehaving",
    "unexpected eof",
    "tls handshake",
    "too many requests",
    "toomanyrequests",
    "internal server error",
    "internal error",
    "bad gateway",
    "service unavailable",
    "failed calling webhook",
    "status unknown for quota",
    "qps exceeded",
];

fn is_passing(message: &str) -> bool {
    has_any(message, &PASSING)
}

/// Whether a message has one of these words outside of names: an image may be called `timeout`.
fn has_any(message: &str, words: &[&str]) -> bool {
    let is_name = |word: &str| {
        let inner = word.trim_end_matches([':', ',', '.']);
        word != "i/o" && inner.contains(['"', '`', ':', '/'])
    };
    let text = message.split_whitespace().filter(|word| !is_name(word));
    let text = text.collect::<Vec<_>>().join(" ").to_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// The pod that hangs, and why.
#[must_use]
pub fn hanging(pods: &[Pod]) -> Option<String> {
    pods.iter().find_map(|pod| {
        let why = pod.containers.iter().find_map(|container| trouble(&container.state));
        let unscheduled = || Some(format!("Unschedulable: {}", excerpt(pod.unschedulable.as_ref()?, 160)));
        why.or_else(unscheduled).map(|why| format!("{}: {why}", pod.name))
    })
}

/// Why a container does not run. Between two starts of one that crashes, kubelets tell either of the two.
fn trouble(state: &State) -> Option<String> {
    match state {
        State::Waiting { reason, message } if !ORDINARY.contains(&&**reason) => {
            let message = if message.is_empty() { String::new() } else { format!(": {}", excerpt(message, 160)) };
            Some(format!("{}{message}", excerpt(reason, 60)))
        }
        State::Terminated { reason, exit_code } if *exit_code != 0 => {
            Some(format!("{}, exit code {exit_code}", excerpt(reason, 60)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "impasse_tests.rs"]
mod tests;
