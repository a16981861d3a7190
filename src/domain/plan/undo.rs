//! The way back: exactly the content that ran before, by digest, since the tag means something else by now.
//!
//! An undo that was written and not proven yet is finished before anything else; one step further back takes another
//! `undo`. Without a revision that is asked for, the way leads to the nearest one that was proven to run.

use std::collections::{BTreeMap, BTreeSet};

use super::assemble::{self, Around};
use super::{Change, Target};
use crate::domain::Reference;
use crate::domain::history::{self, Changed, Entry, Held, History, PolicyBefore, Revision, Run};
use crate::domain::patch::Operation;
use crate::domain::template::{Definition, Slot};

/// The change-cause of every way back, whoever asked for it.
pub const CAUSE: &str = "kubectl freshimage undo";

/// Why there is nothing to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// We never changed it.
    #[error("it was never changed by `bump` or `pin`")]
    NeverChanged,
    /// Everything was taken back before.
    #[error("there is nothing left to undo: it runs what it ran before the first change that is known")]
    NothingLeft,
    /// The annotation was changed by somebody.
    #[error("its annotation `{annotation}` cannot be read: {0}", annotation = history::ANNOTATION)]
    Unreadable(String),
    /// There is no such revision.
    #[error("its history has no revision {0}")]
    NoRevision(Revision),
    /// Somebody changed the template since.
    #[error(
        "container {container} asks for `{now}` by now, not for `{then}` as after the last change: somebody changed it since"
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
    #[error("what ran before the change of container {0} has no digest that a registry could be asked for")]
    NoDigest(String),
}

/// What an undo would do.
#[derive(Debug, Clone)]
pub enum Undo {
    /// It goes back.
    Back(Target),
    /// It is as asked for already, and was not proven yet: this target has nothing to patch and everything to make sure
    /// of.
    DoneAlready(Target),
}

/// Plans the way back, to a revision or to the last one that was proven.
///
/// # Errors
/// Why there is none.
pub fn undo(around: &Around<'_>, to: Option<Revision>) -> Result<Undo, NoWayBack> {
    way_back(around, to, false)
}

/// The runs of `undo` that were stopped half way, by their names: not proven everywhere, or some of these workloads are
/// still as they were before it. Whoever gives the same command again finishes it, and takes nothing further back.
#[must_use]
pub fn unfinished<'d>(definitions: impl Iterator<Item = &'d Definition>) -> BTreeSet<String> {
    let histories: Vec<History> = definitions
        .filter_map(|definition| History::of(definition)?.ok())
        .filter(|history| !history.entries.is_empty())
        .collect();
    let lasts = || histories.iter().filter_map(|history| Some((history, history.entries.last()?)));
    let undos = || lasts().map(|(_, last)| last).filter(|last| last.back_to.is_some() && !last.run.id.is_empty());
    let is_unfinished = |run: &Run| {
        let of_run = || undos().filter(|last| last.run.id == run.id);
        let begun = of_run().map(|last| last.at).min();
        let left = |(history, last): (&History, &Entry)| {
            last.run.id != run.id && Some(last.at) < begun && history.way_back().is_some()
        };
        of_run().any(|last| !last.proven) || (of_run().count() < run.of && lasts().any(left))
    };
    undos().map(|last| &last.run).filter(|run| is_unfinished(run)).map(|run| run.id.clone()).collect()
}

/// What the last undo did, made sure of once more, if it is of one of these runs.
#[must_use]
pub fn once_more(around: &Around<'_>, runs: &BTreeSet<String>) -> Option<Target> {
    let history = History::of(around.definition)?.ok()?;
    let last = history.entries.last().filter(|last| last.back_to.is_some() && runs.contains(&last.run.id))?;
    finish(around, last).ok()
}

/// The same with the references as they were written, without the digest: for what was never proven to run, and only where
/// that brings back the very template whose pods run on ([`super::former`]). `None` where it is not that simple.
#[must_use]
pub fn as_it_was(around: &Around<'_>, to: Option<Revision>) -> Option<Target> {
    let history = History::of(around.definition)?.ok()?;
    let last = history.entries.last()?;
    let to = to.or_else(|| history.way_back())?;
    if last.back_to.is_some() || !history.is_unproven_since(to) {
        return None;
    }
    match way_back(around, Some(to), true) {
        Ok(Undo::Back(target)) => Some(target),
        _ => None,
    }
}

fn way_back(around: &Around<'_>, to: Option<Revision>, as_written: bool) -> Result<Undo, NoWayBack> {
    let definition = around.definition;
    let history = History::of(definition).ok_or(NoWayBack::NeverChanged)?.map_err(NoWayBack::Unreadable)?;
    let position = history.position();
    if let Some(pending) = history.pending()
        && pending.back_to.is_some()
        && to.is_none_or(|to| to == position)
    {
        return finish(around, pending).map(Undo::DoneAlready);
    }
    let to = match to {
        Some(to) => to,
        None if history.entries.is_empty() => return Err(NoWayBack::NeverChanged),
        None => history.way_back().ok_or(NoWayBack::NothingLeft)?,
    };
    let mut now = history.held_at(position).unwrap_or_default();
    // What an undo has written, admission may have made another reference of.
    for changed in
        history.entries.last().filter(|last| last.back_to.is_some()).into_iter().flat_map(|last| &last.containers)
    {
        if let Some(held) = now.get_mut(&(changed.role, changed.name.clone())) {
            held.written.push(changed.to.clone());
        }
    }
    let then = history.held_at(to).ok_or(NoWayBack::NoRevision(to))?;
    let mut changes = Vec::new();
    let mut policies = Vec::new();
    for ((role, name), wanted) in &then {
        let Some(held) = now.get(&(*role, name.clone())) else { continue };
        if to != position
            && held.exactly == wanted.exactly
            && held.written == wanted.written
            && held.policy == wanted.policy
        {
            continue;
        }
        let slot = slot(definition, name, |slot| slot.container.role == *role && *slot.container.name == **name)?;
        let mut change = change(slot, held, wanted)?;
        if let Some(written) = wanted.written.first().filter(|_| as_written) {
            change.new_image.clone_from(written);
        }
        if to == position {
            // It may be written by its tag as well.
            change.new_image = slot.image.to_string();
            change.done = true;
        }
        changes.push(change);
        policies.push(wanted.policy);
    }
    if changes.is_empty() {
        return Err(NoWayBack::NothingLeft);
    }
    if to == position {
        return Ok(Undo::DoneAlready(assemble::assembled(around, changes, Vec::new(), Vec::new())));
    }
    let warnings = taken_back(&history, position, to);
    let patch = patch(around, &changes, &policies, &history, to);
    Ok(Undo::Back(assemble::assembled(around, changes, patch, warnings)))
}

/// The undo before was written, and nobody knows yet what its pods run.
fn finish(around: &Around<'_>, pending: &Entry) -> Result<Target, NoWayBack> {
    let mut changes = Vec::new();
    for changed in &pending.containers {
        let slot = slot(around.definition, &changed.name, |slot| changed.is_of(&slot.container))?;
        let held = Held { policy: None, ..Held::of(changed) };
        let mut change = change(slot, &held, &held)?;
        // It may be written by its tag as well.
        change.new_image = slot.image.to_string();
        change.done = true;
        changes.push(change);
    }
    let note = match pending.proven {
        true => "the last undo of several workloads was interrupted: this one is back already and goes no further"
            .to_owned(),
        false => "the last undo was not proven yet: it is finished, and nothing more is taken back".to_owned(),
    };
    Ok(assemble::assembled(around, changes, Vec::new(), vec![note]))
}

/// More than one change is worth a word.
fn taken_back(history: &History, position: Revision, to: Revision) -> Vec<String> {
    let between = |entry: &&Entry| entry.back_to.is_none() && entry.revision > to && entry.revision <= position;
    let unproven = history.entries.iter().filter(between).filter(|entry| !entry.proven).count();
    let count = history.entries.iter().filter(between).count();
    match (count, unproven) {
        (0 | 1, _) => Vec::new(),
        (_, 0) => vec![format!("it takes {count} changes back")],
        (_, 1) => vec![format!("it takes {count} changes back: one of them was never proven to run")],
        (_, unproven) => vec![format!("it takes {count} changes back: {unproven} of them were never proven to run")],
    }
}

fn slot<'d>(definition: &'d Definition, name: &str, is: impl Fn(&Slot) -> bool) -> Result<&'d Slot, NoWayBack> {
    definition.slots.iter().find(|slot| is(slot)).ok_or_else(|| NoWayBack::ContainerGone(name.to_owned()))
}

/// A change from what the place has to hold now to what it held then.
fn change(slot: &Slot, now: &Held, then: &Held) -> Result<Change, NoWayBack> {
    let name = || slot.container.name.to_string();
    if !now.written.iter().chain(&then.exactly).any(|written| **written == *slot.image) {
        return Err(NoWayBack::ChangedSince {
            container: name(),
            now: slot.image.to_string(),
            then: now.written.first().cloned().unwrap_or_default(),
        });
    }
    let back = then.exactly.clone().ok_or_else(|| NoWayBack::NoDigest(name()))?;
    let digest = back.parse::<Reference>().ok().and_then(|reference| reference.digest().cloned());
    let digest = digest.ok_or_else(|| NoWayBack::NoDigest(name()))?;
    Ok(Change {
        container: slot.container.clone(),
        verdict: None,
        image: std::sync::Arc::clone(&slot.image),
        pod_image: None,
        running: Vec::new(),
        served_digest: None,
        done: *slot.image == *back,
        new_image: back,
        digest,
        pull_policy: then.policy.flatten().filter(|before| slot.pull_policy != Some(*before)),
        given: false,
        back: None,
        no_way_back: None,
        warnings: Vec::new(),
        slot: slot.clone(),
    })
}

fn patch(
    around: &Around<'_>,
    changes: &[Change],
    policies: &[Option<Option<crate::domain::workload::PullPolicy>>],
    history: &History,
    to: Revision,
) -> Vec<Operation> {
    let removed =
        |change: &Change, policy: &Option<Option<_>>| *policy == Some(None) && change.slot.pull_policy.is_some();
    let containers = changes
        .iter()
        .zip(policies)
        .map(|(change, policy)| Changed {
            name: change.container.name.to_string(),
            role: change.container.role,
            from: change.image.to_string(),
            to: change.new_image.clone(),
            digest: change.digest.clone(),
            back: None,
            policy: (change.pull_policy.is_some() || removed(change, policy))
                .then_some(PolicyBefore { before: change.slot.pull_policy }),
        })
        .collect();
    let entry = Entry { back_to: Some(to), ..around.entry(containers) };
    let told: Vec<String> =
        changes.iter().map(|change| format!("{} to {}", change.container.name, change.new_image)).collect();
    let cause = format!("{}: {}", around.cause, told.join(", "));
    let pending: Vec<&Change> = changes.iter().collect();
    let mut operations = assemble::patch(around.definition, &pending, &history.with(entry), &cause, around.now);
    // A policy that was not written before is taken away again; the server fills its default in.
    for (change, policy) in changes.iter().zip(policies) {
        if removed(change, policy) {
            operations.push(Operation::Remove { path: change.slot.policy_pointer() });
        }
    }
    operations
}

/// Whether the last entry of an object's history was written by this run, or takes back what it wrote and is not proven.
#[must_use]
pub fn is_of_run(definition: &Definition, run: &str) -> bool {
    History::of(definition).and_then(Result::ok).is_some_and(|history| {
        let Some(last) = history.entries.last() else { return false };
        let taken_back = || history.change(last.on).is_some_and(|change| change.run.id == run);
        last.run.id == run || (last.back_to.is_some() && !last.proven && taken_back())
    })
}

/// The run that a patch writes into the history.
#[must_use]
pub fn run_of(patch: &[Operation]) -> Option<String> {
    let mut history = assemble::written_history(patch)?;
    Some(history.entries.pop()?.run.id).filter(|id| !id.is_empty())
}

/// The patch that marks the last entry of the history as proven; `None` where it is, or where somebody has changed it.
#[must_use]
pub fn mark_proven(definition: &Definition, changes: &[Change]) -> Option<Vec<Operation>> {
    let text = definition.annotation(history::ANNOTATION)?;
    let history = History::of(definition)?.ok()?;
    let pending = history.pending()?;
    // What was proven has to be what the entry speaks of.
    let asked: BTreeMap<_, _> = changes.iter().map(|change| (&*change.container.name, &change.digest)).collect();
    let same = pending.containers.iter().all(|changed| asked.get(&*changed.name) == Some(&&changed.digest));
    same.then(|| {
        vec![
            Operation::test("/metadata/uid", &*definition.uid),
            Operation::test(assemble::annotation(history::ANNOTATION), text),
            Operation::add(assemble::annotation(history::ANNOTATION), history.proven().text()),
        ]
    })
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
