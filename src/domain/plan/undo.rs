//! The way back: exactly the content that ran before our last change, by digest, since the tag means something else
//! by now.

use jiff::Timestamp;

use super::assemble::{self, Around};
use super::{Change, Target};
use crate::domain::Reference;
use crate::domain::history::{self, Changed, History};
use crate::domain::patch::Operation;
use crate::domain::template::Definition;

/// The change-cause of every way back, whoever asked for it.
pub const CAUSE: &str = "kubectl freshimage undo";

/// Why there is nothing to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// We never changed it.
    #[error("it was never changed by `bump` or `pin`")]
    NeverChanged,
    /// The annotation was changed by somebody.
    #[error("its annotation `{annotation}` cannot be read: {0}", annotation = history::ANNOTATION)]
    Unreadable(String),
    /// Somebody changed the template since.
    #[error(
        "container {container} asks for `{now}` by now, not for `{then}` as after the last bump: somebody changed it since"
    )]
    ChangedSince {
        /// Which.
        container: String,
        /// What it asks for.
        now: String,
        /// What it was left with.
        then: String,
    },
    /// The container or volume is gone.
    #[error("container {0} is not in the template any more")]
    ContainerGone(String),
    /// What ran before was never known by a digest.
    #[error("what ran before the last bump of container {0} has no digest that a registry could be asked for")]
    NoDigest(String),
}

/// What an undo would do.
#[derive(Debug, Clone)]
pub enum Undo {
    /// It goes back by one change.
    Back(Target),
    /// The change before was taken back already, and that may not have reached the pods yet: this target has nothing
    /// to patch and everything to make sure of.
    DoneAlready(Target),
}

/// Plans the way back. `under_way` says that a rollout has not replaced all pods yet: an `undo` that was interrupted is
/// then finished, and no further step back is taken.
///
/// # Errors
/// Why there is none.
pub fn undo(around: &Around<'_>, under_way: bool) -> Result<Undo, NoWayBack> {
    let definition = around.definition;
    let text = definition.annotation(history::ANNOTATION).ok_or(NoWayBack::NeverChanged)?;
    let history = History::parse(text).map_err(NoWayBack::Unreadable)?;
    if let Some(undone) = history.undone.as_ref().filter(|_| under_way || history.changes.is_empty()) {
        let mut changes = Vec::new();
        for changed in &undone.containers {
            let back = back_of(changed)?;
            changes.push(change(definition, changed, &[&back], &back)?);
        }
        return Ok(Undo::DoneAlready(assemble::assembled(around, changes, Vec::new(), Vec::new())));
    }
    let (Some(record), Some(rest)) = (history.changes.last(), history.without_last()) else {
        return Err(NoWayBack::NeverChanged);
    };
    let mut changes = Vec::new();
    for changed in &record.containers {
        // The last step back left the content of this change under its digest.
        let undone = history.undone.iter().flat_map(|undone| &undone.containers);
        let left = undone.filter(|other| (other.role, &other.name) == (changed.role, &changed.name));
        let mut left: Vec<&str> = left.filter_map(|undone| undone.back.as_deref()).collect();
        left.push(&changed.to);
        changes.push(change(definition, changed, &left, &back_of(changed)?)?);
    }
    let told: Vec<String> =
        changes.iter().map(|change| format!("{} to {}", change.container.name, change.new_image)).collect();
    let cause = format!("{}: {}", around.cause, told.join(", "));
    let patch = patch(around, &changes, &record.containers, &rest, &cause, around.now);
    Ok(Undo::Back(assemble::assembled(around, changes, patch, Vec::new())))
}

fn back_of(changed: &Changed) -> Result<String, NoWayBack> {
    changed.back.clone().ok_or_else(|| NoWayBack::NoDigest(changed.name.clone()))
}

/// A change from what the place has to hold now, one of `left`, to the way back.
fn change(definition: &Definition, changed: &Changed, left: &[&str], back: &str) -> Result<Change, NoWayBack> {
    let slot = definition
        .slots
        .iter()
        .find(|slot| changed.is_of(&slot.container))
        .ok_or_else(|| NoWayBack::ContainerGone(changed.name.clone()))?;
    if !left.contains(&&*slot.image) {
        return Err(NoWayBack::ChangedSince {
            container: changed.name.clone(),
            now: slot.image.to_string(),
            then: changed.to.clone(),
        });
    }
    let digest = back.parse::<Reference>().ok().and_then(|reference| reference.digest().cloned());
    let digest = digest.ok_or_else(|| NoWayBack::NoDigest(changed.name.clone()))?;
    Ok(Change {
        container: slot.container.clone(),
        verdict: None,
        image: std::sync::Arc::clone(&slot.image),
        pod_image: None,
        running: Vec::new(),
        served_digest: None,
        new_image: back.to_owned(),
        digest,
        pull_policy: changed.policy.and_then(|policy| policy.before).filter(|before| slot.pull_policy != Some(*before)),
        done: *slot.image == *back,
        back: None,
        no_way_back: None,
        warnings: Vec::new(),
        slot: slot.clone(),
    })
}

fn patch(
    around: &Around<'_>,
    changes: &[Change],
    before: &[Changed],
    history: &History,
    cause: &str,
    now: Timestamp,
) -> Vec<Operation> {
    let pending: Vec<&Change> = changes.iter().collect();
    let mut operations = assemble::patch(around.definition, &pending, history, cause, now);
    // A policy that was not written before is taken away again; the server fills its default in.
    for (change, changed) in changes.iter().zip(before) {
        if changed.policy.is_some_and(|policy| policy.before.is_none()) && change.slot.pull_policy.is_some() {
            operations.push(Operation::Remove { path: change.slot.policy_pointer() });
        }
    }
    operations
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
