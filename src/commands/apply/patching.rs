//! One patch, and what its answer means: carried out, refused because somebody was quicker, or not known.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Applying;
use crate::cluster::{NotDefined, NotPatched, Patching};
use crate::domain::history;
use crate::domain::outcome::TargetState;
use crate::domain::patch::Operation;
use crate::domain::plan::{Target, admission, assemble};
use crate::domain::template::{Asks, Definition};

/// So many times a patch is sent again where the object is still as it was looked at.
const TRIES: usize = 5;
/// So long an object is looked for to tell why its patch would be refused.
const A_WHILE: Duration = Duration::from_secs(5);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);

impl Applying<'_> {
    /// Sends the target's patch until it is known what became of it: what the template asks for then, which admission may
    /// have made of the plan's references. The error is the state that it ends in. An API server that does not answer is
    /// waited for until `end`.
    pub(super) async fn patch(&self, target: &Target, end: Instant) -> Result<Asks, TargetState> {
        let how = Patching { manager: &self.settings.field_manager, dry_run: false };
        let mut patch = target.patch.clone();
        let mut conflicts = 0;
        loop {
            let answer = self.cluster.patch(&target.namespace, &target.workload, &patch, how).await;
            let (words, is_final) = match answer {
                Ok(object) => return Ok(Definition::read(object).map(|stored| stored.asks()).unwrap_or_default()),
                Err(NotPatched::Missing) => return Err(TargetState::Changed("it is gone".to_owned())),
                Err(NotPatched::Forbidden(words) | NotPatched::Refused(words) | NotPatched::NoDryRun(words)) => {
                    (words, true)
                }
                Err(NotPatched::Conflict(words)) => {
                    conflicts += 1;
                    (words, conflicts >= TRIES)
                }
                Err(NotPatched::Silence(words)) => (words, Instant::now() >= end),
            };
            let Some(now) = self.look_again(target, end).await else {
                // Nobody answers: it may be patched.
                return Err(TargetState::Patching);
            };
            let now = match now {
                Ok(now) => now,
                Err(NotDefined::Missing) => return Err(TargetState::Changed("it is gone".to_owned())),
                Err(why) => return Err(TargetState::Changed(super::super::bump::not_defined(&why))),
            };
            // Also after a refusal: a request whose connection was cut was sent again, and the first may have arrived.
            if is_in_force(target, &now) {
                // Somebody may have changed it since.
                return Ok(admission::expected(target));
            }
            if let Some(difference) = difference(target, &now) {
                return Err(TargetState::Changed(difference));
            }
            if is_final {
                return Err(TargetState::NotPatched(words));
            }
            patch = assemble::rebased(&target.patch, &now);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is other than it was when the plan was made; `None` if nothing is that the patch tests.
    pub(super) async fn difference(&self, target: &Target) -> Option<String> {
        match self.look_again(target, Instant::now() + A_WHILE).await? {
            Ok(now) => difference(target, &now),
            Err(NotDefined::Missing) => Some("it is gone".to_owned()),
            Err(why) => Some(super::super::bump::not_defined(&why)),
        }
    }

    /// `None`: no answer.
    async fn look_again(&self, target: &Target, end: Instant) -> Option<Result<Arc<Definition>, NotDefined>> {
        loop {
            match self.cluster.definition(&target.namespace, target.definition.runs_as()).await {
                Err(NotDefined::Unreadable(_) | NotDefined::Forbidden { .. }) if Instant::now() + PAUSE < end => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(NotDefined::Unreadable(_) | NotDefined::Forbidden { .. }) => return None,
                other => return Some(other.map(|defined| defined.definition)),
            }
        }
    }
}

/// Whether the object is as the patch makes it. The history that it writes is this run's own and tells it from any other
/// change to the same references.
fn is_in_force(target: &Target, now: &Definition) -> bool {
    let history = target.patch.iter().find_map(|operation| match operation {
        Operation::Add { path, value } if path.ends_with("~1history") => value.as_str(),
        _ => None,
    });
    now.uid == target.definition.uid && history.is_some() && now.annotation(history::ANNOTATION) == history
}

/// What is other than when the plan was made, of all that the patch tests.
fn difference(target: &Target, now: &Definition) -> Option<String> {
    if now.uid != target.definition.uid {
        return Some("it was deleted, and another object has its name".to_owned());
    }
    for change in &target.changes {
        let name = &change.container.name;
        match now.slots.iter().find(|slot| slot.pointer == change.slot.pointer) {
            Some(slot) if slot.container != change.container => {
                return Some(format!("its template has another container in the place of {name}"));
            }
            None => return Some(format!("its template has no container {name} any more")),
            Some(slot) if slot.image != change.image => {
                return Some(format!("its container {name} asks for `{}` by now", slot.image));
            }
            Some(slot) if slot.pull_policy != change.slot.pull_policy => {
                return Some(format!("the pull policy of its container {name} was changed"));
            }
            Some(_) => {}
        }
    }
    let before = target.definition.annotation(history::ANNOTATION);
    (now.annotation(history::ANNOTATION) != before).then(|| "another bump or undo of it was quicker".to_owned())
}
