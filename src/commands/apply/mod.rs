//! A plan is carried out: checked, written to the registry, patched, waited for, proven, and taken back if it must be.
//!
//! The journal says at every moment what was changed, so that an interruption can tell it.

mod back;
mod check;
mod clear;
mod follow;
mod former;
mod patching;
mod prove;
mod ready;
mod standing;
mod steadiness;
mod tags;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::Instant;

pub(super) use check::check;
pub(super) use former::as_it_was;
pub(super) use ready::ready;

use crate::cluster::{Cluster, Patching};
use crate::domain::inventory::Workload;
use crate::domain::outcome::{Cleared, Outcome, TargetState};
use crate::domain::plan::assemble::Author;
use crate::domain::plan::{Plan, Target, admission, undo};
use crate::domain::template::{Asks, Definition};
use crate::domain::verification::Confirmation;
use crate::domain::workload::{Access, Snapshot};
use crate::error::AppError;
use crate::registry::Registries;
use crate::settings::{ApplySettings, CommonSettings, Environment};
use crate::ui::live::Live;
use crate::ui::summary::Place;
use standing::Standing;
use steadiness::{Steadiness, Watched};

/// The same where nobody wants to wait.
const UNWAITED: Duration = Duration::from_secs(20);
/// Before what could not be seen is looked at again.
const AGAIN: Duration = Duration::from_millis(500);

/// What is carried out, and how far it is. Whoever holds it can tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    begun: Option<(Arc<Plan>, Outcome)>,
    place: Place,
}

impl Journal {
    /// Begins: this plan is what is carried out, unless something ends the run before.
    pub(super) fn begin(&self, plan: &Arc<Plan>) {
        self.lock().begun = Some((Arc::clone(plan), Outcome::of(plan)));
    }

    /// Where hinted commands look.
    pub(super) fn place(&self, place: &Place) {
        self.lock().place = place.clone();
    }

    /// Where hinted commands look.
    pub(super) fn read_place(&self) -> Place {
        self.lock().place.clone()
    }

    /// The plan and what became of it; `None` before it has begun.
    pub(super) fn read(&self) -> Option<(Arc<Plan>, Outcome)> {
        self.lock().begun.clone()
    }

    fn write(&self, change: impl FnOnce(&mut Outcome)) {
        if let Some((_, outcome)) = self.lock().begun.as_mut() {
            change(outcome);
        }
    }

    fn target(&self, place: usize, state: TargetState) {
        self.write(|outcome| {
            if let Some(target) = outcome.targets.get_mut(place) {
                *target = state;
            }
        });
    }

    fn cleared(&self, place: usize, note: impl FnOnce(&mut Cleared)) {
        self.write(|outcome| {
            if let Some(cleared) = outcome.cleared.get_mut(place) {
                note(cleared);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was seen of a workload around its patch.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its place in the plan.
    place: usize,
    /// What it was like before.
    before: follow::Before,
    /// What its template asks for after the patch.
    asks: Asks,
}

/// Everything that carrying out a plan needs.
#[derive(Clone, Copy)]
pub(super) struct Applying<'a> {
    pub(super) cluster: &'a Cluster,
    /// The registries of the look that the plan rests on, with their answers.
    pub(super) registries: &'a Registries,
    /// What was seen of the cluster then.
    pub(super) snapshot: &'a Snapshot,
    /// Who makes the change.
    pub(super) author: &'a Author,
    pub(super) common: &'a CommonSettings,
    pub(super) environment: &'a Environment,
    pub(super) settings: &'a ApplySettings,
    pub(super) live: &'a Live,
    pub(super) journal: &'a Journal,
}

impl Applying<'_> {
    /// Carries out the plan that the journal was begun with. What went wrong is in the outcome.
    ///
    /// # Errors
    /// Only when it cannot even begin.
    pub(super) async fn carry_out(&self, plan: &Arc<Plan>) -> Result<Outcome, AppError> {
        if self.write_tags(plan).await? || self.settings.keep_going {
            let names: Vec<String> =
                plan.targets.iter().map(|target| crate::ui::names::workload(&target.workload)).collect();
            self.live.expect(&names);
            let places: Vec<usize> = (0..plan.targets.len()).collect();
            let mut running = stream::iter(places)
                .map(|place| async move { self.change(plan, place).await })
                .buffer_unordered(self.settings.max_parallel);
            while running.next().await.is_some() {}
            drop(running);
            self.live.clear();
        }
        Ok(self.journal.read().map(|(_, outcome)| outcome).unwrap_or_default())
    }

    /// One workload, from its patch to the proof.
    async fn change(&self, plan: &Plan, place: usize) {
        let target = &plan.targets[place];
        if let Some(why) = self.why_not(plan, target) {
            self.journal.target(place, TargetState::NotPatched(why));
            return;
        }
        let line = self.live.workload(&crate::ui::names::workload(&target.workload));
        line.set("patching");
        let already = target.patch.is_empty();
        let before = self.before(target).await;
        let mut asks = target.definition.asks();
        if !already {
            self.journal.target(place, TargetState::Patching);
            match self.patch(target, self.patience()).await {
                Ok(stored) => {
                    asks = stored;
                    // Where it could not be tried beforehand, this is the first to tell.
                    if let Some(denied) = admission::denied(target, &asks) {
                        let confirmation = Confirmation::default();
                        self.journal.target(place, TargetState::Unconfirmed { why: denied.reason, confirmation });
                        return;
                    }
                }
                Err(state) => {
                    self.journal.target(place, state);
                    return;
                }
            }
        }
        self.journal.target(place, TargetState::Patched { already });
        if !self.settings.wait {
            return;
        }
        let deadline = Instant::now() + self.settings.timeout;
        let seen = Seen { place, before, asks };
        let mut state = self.wait_and_prove(target, already, &seen, deadline, &line).await;
        if matches!(state, TargetState::Unconfirmed { .. })
            && let Standing::Otherwise { why, gone } = self.standing(target, &seen.asks).await
        {
            state = TargetState::Overtaken { why, gone };
        }
        let state = match state {
            TargetState::Unconfirmed { why, confirmation }
                if self.settings.rollback && target.rollout.replacement.comes_by_itself() =>
            {
                line.set("going back");
                self.take_back(target, why, confirmation, place, &line).await
            }
            state => state,
        };
        self.journal.target(place, state);
    }

    /// Until when an API server that does not answer is waited for before it is said that nobody knows what became of a
    /// patch.
    pub(super) fn patience(&self) -> Instant {
        let patience = if self.settings.wait { self.settings.timeout } else { UNWAITED.min(self.settings.timeout) };
        Instant::now() + patience
    }

    /// Why a workload is not patched: its tag could not be written, or another workload was refused before it.
    fn why_not(&self, plan: &Plan, target: &Target) -> Option<String> {
        let (_, outcome) = self.journal.read()?;
        let missing = plan.tags.iter().zip(&outcome.tags).find(|(tagging, state)| {
            tags::is_lacking(state) && target.changes.iter().any(|change| change.needs(tagging))
        });
        if let Some((tagging, _)) = missing {
            return Some(format!("its tag `{}` was not written", tagging.tag));
        }
        let stops = |state: &TargetState| matches!(state, TargetState::Changed(_) | TargetState::NotPatched(_));
        (!self.settings.keep_going && outcome.targets.iter().any(stops))
            .then(|| "it was left alone after another one was refused".to_owned())
    }

    /// Waits for the pods, proves what they run, and looks once more whether they go on running it: a program that
    /// crashes at its start counts as available for a moment.
    pub(super) async fn wait_and_prove(
        &self,
        target: &Target,
        already: bool,
        seen: &Seen,
        deadline: Instant,
        line: &crate::ui::live::Line,
    ) -> TargetState {
        let mut watched = Watched::default();
        loop {
            if let Err(why) = self.follow(target, already, seen, deadline, &mut watched, line).await {
                let confirmation = self.prove(target).await.unwrap_or_default();
                return TargetState::Unconfirmed { why, confirmation };
            }
            line.set("proving what the pods run");
            let (not_yet, confirmation) = match self.prove_and_watch(target, deadline, &mut watched).await {
                Err(Early::Ended(state)) => return state,
                Err(Early::NotYet(why)) => (why, Confirmation::default()),
                // Last of all, so that nothing but the end lies between this look and the answer.
                Ok(mut confirmation) => match self.standing(target, &seen.asks).await {
                    Standing::Otherwise { why, .. } => return TargetState::Unconfirmed { why, confirmation },
                    Standing::Unseen(why) => (why, confirmation),
                    Standing::AsPlanned(now) => {
                        let hidden = confirmation.pods == 0
                            && target.rollout.replacement.comes_by_itself()
                            && now.wanted_pods().is_some_and(|wanted| wanted > 0);
                        if !hidden {
                            if target.rollout.replacement.comes_by_itself() {
                                confirmation.watched = self.settle(target).as_secs();
                            }
                            if confirmation.confirmed > 0 {
                                self.note_proof(target, &now).await;
                            }
                            return TargetState::Confirmed { already, confirmation };
                        }
                        ("none of its pods could be seen".to_owned(), confirmation)
                    }
                },
            };
            if Instant::now() >= deadline {
                let confirmation = self.prove(target).await.unwrap_or(confirmation);
                return TargetState::Unconfirmed { why: not_yet, confirmation };
            }
            line.set(&not_yet);
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// What ends the proof before it is one.
enum Early {
    /// It is known how the target ends.
    Ended(TargetState),
    /// It may come right yet; why not now.
    NotYet(String),
}

impl Applying<'_> {
    /// Proves what the pods run while they are watched: it costs no time of its own.
    async fn prove_and_watch(
        &self,
        target: &Target,
        deadline: Instant,
        watched: &mut Watched,
    ) -> Result<Confirmation, Early> {
        let unconfirmed = |why, confirmation| Early::Ended(TargetState::Unconfirmed { why, confirmation });
        let proven = async {
            let confirmation = self.prove_patiently(target, deadline).await;
            let confirmation = confirmation.map_err(|why| unconfirmed(why, Confirmation::default()))?;
            match prove::lacking(target, &confirmation) {
                None => Ok(confirmation),
                Some(why) => Err(unconfirmed(why, confirmation)),
            }
        };
        let steady = async {
            match self.steadiness(target, watched).await {
                Steadiness::Steady => Ok(()),
                Steadiness::Restarts => Err(Early::NotYet("its pods start again and again".to_owned())),
                Steadiness::Unseen => Err(Early::NotYet("its pods could not be read".to_owned())),
            }
        };
        let (confirmation, ()) = futures::try_join!(proven, steady)?;
        Ok(confirmation)
    }

    /// Writes down that the last change is proven. Where that cannot be done, nothing is lost but the note: the next
    /// command proves it again.
    async fn note_proof(&self, target: &Target, now: &Definition) {
        let Some(patch) = undo::mark_proven(now, &target.changes) else { return };
        let how = Patching { manager: &self.settings.field_manager, dry_run: false };
        let _ = self.cluster.patch(&target.namespace, &target.workload, &patch, how).await;
    }

    /// The targets whose new content did not come to run and that can be taken back, each with the reason.
    pub(super) fn failed(&self, plan: &Plan, outcome: &Outcome) -> Vec<(usize, String)> {
        let states = outcome.targets.iter().enumerate();
        states
            .filter_map(|(place, state)| match state {
                TargetState::Unconfirmed { why, .. } => {
                    let comes = plan.targets[place].rollout.replacement.comes_by_itself();
                    comes.then(|| (place, why.clone()))
                }
                _ => None,
            })
            .collect()
    }

    /// Takes one of them back.
    pub(super) async fn take_back_now(&self, plan: &Plan, place: usize) {
        let Some((_, outcome)) = self.journal.read() else { return };
        if let TargetState::Unconfirmed { why, confirmation } = outcome.targets[place].clone() {
            let target = &plan.targets[place];
            let line = self.live.line(&crate::ui::names::workload(&target.workload));
            let state = self.take_back(target, why, confirmation, place, &line).await;
            self.journal.target(place, state);
        }
    }
}

/// Whose pods the target's are, as the cluster's edge asks for its state.
fn workload_of(target: &Target) -> Workload {
    Workload::of(&target.namespace, target.definition.runs_as(), target.definition.runs_as_uid())
}

/// Whose credentials its images are pulled with, as its template says.
pub(super) fn access_of(target: &Target) -> Arc<Access> {
    Arc::new(Access {
        namespace: Arc::clone(&target.namespace),
        service_account: Arc::clone(&target.definition.service_account),
        pull_secrets: target.definition.pull_secrets.clone(),
    })
}
