//! Do new containers go on running? Each is watched from the moment it was first seen running, so that most of that time
//! passes while others still start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Applying;
use crate::domain::inquiry;
use crate::domain::plan::Target;
use crate::domain::workload::{Pod, Role, State};

/// What looks at the pods over some time tell.
pub(super) enum Steadiness {
    /// They run on.
    Steady,
    /// Some were started again, or do not run.
    Restarts,
    /// They could not be read.
    Unseen,
}

/// The pods whose changed containers run: each as it was first seen so, and when.
#[derive(Debug, Default)]
pub(super) struct Watched(HashMap<Arc<str>, (Instant, Pod)>);

impl Watched {
    /// One more look. What was started again begins anew; what is gone is forgotten.
    pub(super) fn see(&mut self, target: &Target, pods: &[Pod], now: Instant) {
        let mut seen = HashMap::with_capacity(pods.len());
        for pod in pods.iter().filter(|pod| inquiry::is_live(pod) && runs_on(target, pod, pod)) {
            let first = self.0.remove(&pod.uid).filter(|(_, first)| runs_on(target, first, pod));
            seen.insert(Arc::clone(&pod.uid), first.unwrap_or_else(|| (now, pod.clone())));
        }
        self.0 = seen;
    }

    /// How much longer the youngest has to run.
    fn left(&self, settle: Duration, now: Instant) -> Duration {
        let youngest = self.0.values().map(|(since, _)| now.duration_since(*since)).min();
        settle.saturating_sub(youngest.unwrap_or_default())
    }

    fn has_all(&self, pods: &[Pod]) -> bool {
        pods.iter().all(|pod| self.0.contains_key(&pod.uid))
    }

    /// Whether all that is watched runs on. A pod that was scaled away meanwhile is no trouble.
    fn runs_on(&self, target: &Target, pods: &[Pod]) -> bool {
        pods.iter().all(|pod| self.0.get(&pod.uid).is_none_or(|(_, first)| runs_on(target, first, pod)))
    }
}

impl Applying<'_> {
    /// Whether the containers that changed run for long enough, without having been started again.
    pub(super) async fn steadiness(&self, target: &Target, watched: &mut Watched) -> Steadiness {
        if !target.rollout.replacement.comes_by_itself() {
            return Steadiness::Steady;
        }
        let Some((pods, _)) = self.pods(target).await else { return Steadiness::Unseen };
        watched.see(target, &pods, Instant::now());
        if !watched.has_all(&pods) {
            return Steadiness::Restarts;
        }
        sleep(watched.left(self.settle(target), Instant::now())).await;
        let Some((pods, _)) = self.pods(target).await else { return Steadiness::Unseen };
        if watched.runs_on(target, &pods) { Steadiness::Steady } else { Steadiness::Restarts }
    }

    /// How long containers are watched for restarts.
    pub(super) fn settle(&self, target: &Target) -> Duration {
        self.settings.settle.max(Duration::from_secs(target.definition.min_ready_seconds()))
    }
}

/// Whether a pod's changed containers were not started anew between two looks. What ends by its nature may have.
fn runs_on(target: &Target, pod: &Pod, later: &Pod) -> bool {
    target.changes.iter().filter(|change| matches!(change.container.role, Role::Container | Role::Sidecar)).all(
        |change| {
            let state = |pod: &Pod| {
                let found = pod.containers.iter().find(|container| change.container.is_of(container));
                found.map(|container| (container.state.clone(), container.restarts))
            };
            let (before, after) = (state(pod), state(later));
            before == after && matches!(after, Some((State::Running { .. }, _)))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workload::Container;
    use crate::ui::plan_samples as samples;

    fn pod(uid: &str, state: State, restarts: u32) -> Pod {
        let target = &samples::story().targets[0];
        let container = Container {
            image: "reg.example.com/app:1.1".into(),
            state,
            ran_before: restarts > 0,
            restarts,
            ..Container::bare(&target.changes[0].container.name)
        };
        Pod { containers: vec![container], ..Pod::bare(uid) }
    }

    #[test]
    fn each_pod_is_watched_from_when_it_was_first_seen_running() {
        let plan = samples::story();
        let target = &plan.targets[0];
        let running = || State::Running { since: None };
        let starting = || State::Waiting { reason: "ContainerCreating".into(), message: "".into() };
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let settle = Duration::from_secs(10);
        let left = |watched: &Watched, second| watched.left(settle, at(second)).as_secs();
        let mut watched = Watched::default();
        let (first, second) = (pod("a", running(), 0), pod("b", starting(), 0));
        watched.see(target, &[first.clone(), second.clone()], at(0));
        assert!(!watched.has_all(&[first.clone(), second]), "one does not run yet");
        assert_eq!(left(&watched, 4), 6);
        let both = [first.clone(), pod("b", running(), 0)];
        watched.see(target, &both, at(4));
        assert!(watched.has_all(&both));
        assert_eq!(left(&watched, 4), 10, "the youngest counts");
        watched.see(target, &both, at(8));
        assert_eq!((left(&watched, 8), left(&watched, 14), left(&watched, 60)), (6, 0, 0));
        assert!(watched.runs_on(target, &both));
        assert!(watched.runs_on(target, &both[..1]), "scaled away");
        let again = [first.clone(), pod("b", running(), 1)];
        assert!(!watched.runs_on(target, &again), "started again");
        assert!(!watched.runs_on(target, &[first, pod("b", starting(), 0)]));
        watched.see(target, &again, at(20));
        assert_eq!(left(&watched, 20), 10, "what was started again begins anew");
    }
}
