//! Waiting for a rollout: by kubectl's own rules, with a line that says how far it is and what holds it up, and no longer
//! than it can help.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::standing::Standing;
use super::steadiness::Watched;
use super::{Applying, Seen, workload_of};
use crate::cluster::{Expect, Scope, Selection};
use crate::domain::blocking::Sequence;
use crate::domain::impasse::{self, Impasse, Look};
use crate::domain::inquiry;
use crate::domain::plan::{Change, Target};
use crate::domain::rollout::{self, Progress};
use crate::domain::template::{Asks, Replacement};
use crate::domain::verification;
use crate::domain::workload::{Container, Owner, Pod, State, WorkloadState};
use crate::text::excerpt;
use crate::ui::live::Line;

/// Between two looks at the workload, at least and at most.
const PAUSE: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// Between two looks at its pods, where nothing happens.
const PODS_EVERY: Duration = Duration::from_secs(2);
/// The same where more of them run by now.
const PODS_AGAIN: Duration = Duration::from_millis(400);

/// The starts of the containers that change, by pod and container: an image that changes in place starts them anew.
pub(in crate::commands) type Starts = HashMap<(Arc<str>, Arc<str>), Start>;

/// What a workload was like before it was patched.
#[derive(Debug, Default)]
pub(in crate::commands) struct Before {
    starts: Starts,
    /// When an event last said that its pods cannot be created: what it says is none of the new template's.
    refused: Option<Timestamp>,
}

/// One start of a container. Times are told in whole seconds: a container that is started anew within the second of its
/// first start is told by its image, or by having run before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Start {
    since: Option<Timestamp>,
    image_id: Arc<str>,
    ran_before: bool,
}

impl Start {
    fn of(container: &Container) -> Self {
        let since = match &container.state {
            State::Running { since } => *since,
            _ => None,
        };
        Self { since, image_id: Arc::clone(&container.image_id), ran_before: container.ran_before }
    }
}

impl Applying<'_> {
    /// What a workload is like before it is patched.
    pub(super) async fn before(&self, target: &Target) -> Before {
        let starts = self.starts(target).await;
        let tell = matches!(&*target.definition.runs_as().kind, "DaemonSet" | "StatefulSet");
        let refused = if tell { self.cluster.refused(&workload_of(target)).await } else { None };
        Before { starts, refused: refused.map(|refused| refused.last) }
    }

    /// When the containers run since, for workloads whose pods stay.
    async fn starts(&self, target: &Target) -> Starts {
        if target.rollout.replacement != Replacement::InPlace {
            return Starts::new();
        }
        let pods = self.pods(target).await.map(|(pods, _)| pods).unwrap_or_default();
        pods.iter()
            .flat_map(|pod| {
                pod.containers
                    .iter()
                    .map(|container| ((Arc::clone(&pod.name), Arc::clone(&container.name)), Start::of(container)))
            })
            .collect()
    }

    /// Waits until every pod that is to be replaced was. The error is why that did not come to pass.
    pub(super) async fn follow(
        &self,
        target: &Target,
        already: bool,
        seen: &Seen,
        deadline: Instant,
        watched: &mut Watched,
        line: &Line,
    ) -> Result<(), String> {
        let workload = workload_of(target);
        let in_place = target.rollout.replacement == Replacement::InPlace;
        let begun = Instant::now();
        let mut impasse = Impasse::resumed(already);
        let mut hanging: Option<String> = None;
        let mut looked_at_pods: Option<Instant> = None;
        let mut count = None;
        let sequence = Sequence::of(target);
        loop {
            let mut state = self.cluster.workload(&workload).await;
            let progress = match &state {
                Ok(state) => {
                    changed_meanwhile(target, &seen.asks, state)?;
                    rollout::progress(&target.rollout.replacement, &target.definition.runs_as().kind, state)
                }
                Err(why) => {
                    if let Standing::Otherwise { why, gone: true } = self.standing(target, &seen.asks).await {
                        return Err(why);
                    }
                    // The server may come back.
                    Progress::Waiting(why.clone())
                }
            };
            let now = state.as_ref().ok().map(|state| (state.updated, state.ready, state.available));
            let every = if now == count { PODS_EVERY } else { PODS_AGAIN };
            let due = looked_at_pods.is_none_or(|at| at.elapsed() >= every);
            let mut stuck = None;
            if progress != Progress::Done && (due || progress == Progress::AskPods) {
                (looked_at_pods, count) = (Some(Instant::now()), now);
                if let Ok(state) = &mut state {
                    self.note_events(target, &seen.before, state).await;
                }
                if let Some((pods, _)) = self.all_pods(target).await {
                    watched.see(target, &pods, Instant::now());
                    let live: Vec<Pod> = pods.iter().filter(|pod| inquiry::is_live(pod)).cloned().collect();
                    if let Ok(state) = &state {
                        let look = Look { at: begun.elapsed(), state, pods: &pods };
                        stuck = impasse.see(look, in_place, |pod| is_new(target, pod));
                        hanging = state.refused.as_ref().map(|why| rollout::refusal(&excerpt(why, 300)));
                    }
                    hanging = hanging.or_else(|| impasse::hanging(&live));
                    let sequence = state.as_ref().ok().and_then(|state| sequence.as_ref()?.seen(state));
                    if let Some(sequence) = sequence {
                        let told = self.clear(target, &sequence, &pods, seen.place).await?;
                        hanging = told.or(hanging);
                    }
                    let replaced = |pod: &Pod| is_replaced(target, pod, already, &seen.before.starts);
                    if progress == Progress::AskPods && !live.is_empty() && live.iter().all(replaced) {
                        return Ok(());
                    }
                }
            }
            let how_far = match progress {
                Progress::Done => return Ok(()),
                Progress::Failed(why) => return Err(with(&why, hanging.as_deref())),
                Progress::Waiting(how_far) => how_far,
                Progress::AskPods => "its pods do not run the new image yet".to_owned(),
            };
            if let Some(stuck) = stuck {
                return Err(format!("it cannot go on: {how_far}; {stuck}"));
            }
            line.set(&with(&how_far, hanging.as_deref()));
            let pause = (begun.elapsed() / 20).clamp(PAUSE[0], PAUSE[1]);
            if Instant::now() + pause >= deadline {
                let seconds = self.settings.timeout.as_secs();
                return Err(with(&format!("it was not done within {seconds}s: {how_far}"), hanging.as_deref()));
            }
            sleep(pause).await;
        }
    }

    /// Adds what only events tell of a workload: that its new pods are refused.
    async fn note_events(&self, target: &Target, before: &Before, state: &mut WorkloadState) {
        if rollout::events_tell_refusals(&target.definition.runs_as().kind, state) {
            let refused = self.cluster.refused(&workload_of(target)).await;
            let since = refused.filter(|refused| before.refused.is_none_or(|last| refused.last > last));
            state.refused = since.map(|refused| refused.why);
        }
    }

    /// The living pods of a target, and who owns them. `None`: they could not be read.
    pub(super) async fn pods(&self, target: &Target) -> Option<(Vec<Pod>, HashMap<Arc<str>, Owner>)> {
        let (mut pods, owners) = self.all_pods(target).await?;
        pods.retain(inquiry::is_live);
        Some((pods, owners))
    }

    /// The same with those that have ended or go away.
    async fn all_pods(&self, target: &Target) -> Option<(Vec<Pod>, HashMap<Arc<str>, Owner>)> {
        let scope = Scope::Namespace(Arc::clone(&target.namespace));
        let mut selection = Selection::all(scope.clone());
        if target.definition.template.is_empty() {
            selection.names = vec![Arc::clone(&target.workload.name)];
        } else {
            selection.labels = labels(target);
        }
        let mut owners = self.cluster.owners(&scope, Expect::Few, &[]);
        let mut pages = self.cluster.pods(&selection);
        let mut pods = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.ok()?;
            owners.see(&page);
            pods.extend(page);
        }
        let owners = owners.finish().await.owners;
        pods.retain(|pod| verification::belongs(pod, &owners, target));
        Some((pods, owners))
    }
}

/// The workload's own selector; it only makes the list short, owners decide.
fn labels(target: &Target) -> Option<String> {
    let selector = &target.definition.object["spec"]["selector"];
    let labels = match selector.get("matchLabels") {
        Some(labels) => labels,
        None if &*target.workload.api_version == "v1" => selector,
        None => return None,
    };
    let pairs: Option<Vec<String>> =
        labels.as_object()?.iter().map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    pairs.filter(|pairs| !pairs.is_empty()).map(|pairs| pairs.join(","))
}

/// Whoever changes the template while it rolls out decides what will run.
fn changed_meanwhile(target: &Target, asks: &Asks, state: &WorkloadState) -> Result<(), String> {
    for change in &target.changes {
        let container = &change.container;
        if let (Some(image), Some(ours)) = (state.asks_for(container.role, &container.name), asks.get(container))
            && image != ours
        {
            return Err(format!("somebody changed its container {} to `{image}` meanwhile", container.name));
        }
    }
    Ok(())
}

/// Whether a container of the pod asks for what was planned for it.
fn asks_anew(change: &Change, container: &Container) -> bool {
    // Where something rewrites references on their way, another one than before is what can be seen.
    match &change.pod_image {
        None => *container.image == *change.new_image,
        Some(before) => container.image != *before,
    }
}

/// Whether a pod was made from the new template.
fn is_new(target: &Target, pod: &Pod) -> bool {
    target.changes.iter().all(|change| {
        let found = pod.containers.iter().find(|container| change.container.is_of(container));
        found.is_some_and(|container| asks_anew(change, container))
    })
}

/// Whether a pod was made from the new template, or restarted its container with it, and runs it.
fn is_replaced(target: &Target, pod: &Pod, already: bool, before: &Starts) -> bool {
    target.changes.iter().all(|change| {
        let found = pod.containers.iter().find(|container| change.container.is_of(container));
        let Some(container) = found else { return false };
        if !matches!(container.state, State::Running { .. }) {
            return false;
        }
        let started = before.get(&(Arc::clone(&pod.name), Arc::clone(&container.name)));
        asks_anew(change, container)
            && !container.image_id.is_empty()
            && (already || started.is_none_or(|started| *started != Start::of(container)))
    })
}

fn with(text: &str, hanging: Option<&str>) -> String {
    match hanging {
        Some(hanging) => format!("{text}; {hanging}"),
        None => text.to_owned(),
    }
}
