//! Which workloads, and which of their containers.

use std::sync::Arc;

use crate::domain::diagnosis::{ContainerName, Diagnosis, Finding, Item, Verdict, WorkloadName};
use crate::domain::exclusion::Exclusions;
use crate::domain::floating::is_floating;
use crate::domain::history::History;
use crate::domain::origin;
use crate::domain::plan::change::Refusal;
use crate::domain::reference::Reference;
use crate::domain::template::{Definition, Slot};
use crate::domain::workload::Role;

/// A workload with its rows.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) namespace: Arc<str>,
    pub(super) workload: WorkloadName,
    pub(super) items: Vec<Item>,
    /// It was asked for by its name.
    pub(super) named: bool,
}

impl Candidate {
    /// The worst of its rows.
    pub(super) fn worst(&self) -> Option<&Item> {
        self.items.iter().max_by_key(|item| item.verdict)
    }

    /// The row of a container.
    pub(super) fn item(&self, container: &ContainerName) -> Option<&Item> {
        self.items.iter().find(|item| item.container == *container)
    }

    /// Pods that run now.
    pub(super) fn pods(&self) -> usize {
        self.items.iter().map(|item| item.pods.total).max().unwrap_or_default()
    }
}

/// The rows by workload, in the order of the diagnosis.
pub(super) fn candidates(diagnosis: &Diagnosis, named: bool) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for item in &diagnosis.items {
        let same =
            |candidate: &&mut Candidate| candidate.namespace == item.namespace && candidate.workload == item.workload;
        match candidates.iter_mut().find(same) {
            Some(candidate) => candidate.items.push(item.clone()),
            None => candidates.push(Candidate {
                namespace: Arc::clone(&item.namespace),
                workload: item.workload.clone(),
                items: vec![item.clone()],
                named,
            }),
        }
    }
    candidates
}

/// Whether a row runs content that somebody wants replaced.
pub(super) fn runs_old(item: &Item) -> bool {
    matches!(item.verdict, Verdict::Stale | Verdict::Mixed | Verdict::Suspect)
}

/// Whether a row runs what its reference stands for, and that is nothing that moves by design.
fn is_settled(item: &Item) -> bool {
    match item.verdict {
        Verdict::Fresh | Verdict::Rewrapped => true,
        Verdict::Pinned => !item.findings.contains(&Finding::MovedTag),
        _ => false,
    }
}

/// Whether a change of the workload could replace it.
pub(super) fn can_be_replaced(item: &Item) -> bool {
    runs_old(item) && item.container.role != Role::Ephemeral && !item.is_injected()
}

/// Whether a workload is worth a look where nobody named it. One that is rolling may be what an interrupted run left.
pub(super) fn is_worth_it(candidate: &Candidate) -> bool {
    candidate.items.iter().any(|item| runs_old(item) || item.verdict.is_being_replaced())
}

/// Places of a template, and what is left out of it.
#[derive(Debug, Default)]
pub(super) struct Places<'d> {
    pub(super) slots: Vec<&'d Slot>,
    /// Somebody named these, or they run old content: if one cannot be changed, that is a refusal.
    pub(super) asked_for: bool,
    /// These are as they should be: they are shown, proven and left alone.
    pub(super) settled: bool,
    /// Containers that run old content and are not in the template, each with the reason.
    pub(super) elsewhere: Vec<(ContainerName, Refusal)>,
}

/// Why no change of the template changes a container that its pods have.
fn not_in_the_template(item: &Item) -> Refusal {
    let (reason, hint) = match item.container.role {
        Role::Ephemeral => (
            "a debug container runs what it was started with".to_owned(),
            "start another one with `kubectl debug`; it ends with its pod".to_owned(),
        ),
        _ if item.is_injected() => origin::injected_words(item.injected_by),
        _ => (
            "the template does not have it, or no longer".to_owned(),
            "change it where it comes from, and restart the pods".to_owned(),
        ),
    };
    Refusal { reason, hint: Some(hint) }
}

/// Which places are to be changed.
///
/// # Errors
/// Why none can be, with the way out.
pub(super) fn places<'d>(
    candidate: &Candidate,
    definition: &'d Definition,
    history: &History,
    proposed: bool,
    containers: &[String],
    exclusions: &Exclusions,
) -> Result<Places<'d>, Refusal> {
    let excluded = |slot: &Slot| exclusions.of_slot(definition, slot, candidate.named);
    if !containers.is_empty() {
        let slots: Vec<&Slot> = definition
            .slots
            .iter()
            .filter(|slot| containers.iter().any(|name| **name == *slot.container.name))
            .collect();
        if let Some(missing) = containers.iter().find(|name| !slots.iter().any(|slot| *slot.container.name == ***name))
        {
            if let Some(item) = candidate.items.iter().find(|item| *item.container.name == **missing) {
                let Refusal { reason, hint } = not_in_the_template(item);
                return Err(Refusal { reason: format!("container `{missing}`: {reason}"), hint });
            }
            let names: Vec<String> = definition.slots.iter().map(|slot| format!("`{}`", slot.container.name)).collect();
            return Err(Refusal {
                reason: format!("there is no container `{missing}` in its template"),
                hint: Some(format!("it has {}", names.join(", "))),
            });
        }
        if let Some(slot) = slots.iter().find(|slot| excluded(slot).is_some()) {
            let name = &slot.container.name;
            return Err(Refusal {
                reason: format!("container `{name}` is excluded by `--exclude`"),
                hint: Some("leave it out of `--exclude`, or do not name it".to_owned()),
            });
        }
        return Ok(Places { slots, asked_for: true, ..Places::default() });
    }
    let mut places = Places { asked_for: true, ..Places::default() };
    for item in &candidate.items {
        let slot = definition.slot(&item.container);
        let ours = slot.is_some_and(|slot| history.last(&slot.container).is_some_and(|last| last.to == *slot.image));
        match (runs_old(item), item.verdict.is_being_replaced() && ours, slot) {
            (true, _, Some(slot)) | (_, true, Some(slot)) => places.slots.push(slot),
            (true, _, None) => places.elsewhere.push((item.container.clone(), not_in_the_template(item))),
            _ => {}
        }
    }
    places.slots.retain(|slot| excluded(slot).is_none());
    // To change something else instead would leave what is old as it is, and call that a success.
    if places.slots.is_empty() && places.elsewhere.is_empty() && candidate.named {
        let all: Vec<&Slot> = definition.slots.iter().filter(|slot| excluded(slot).is_none()).collect();
        if all.is_empty() && !definition.slots.is_empty() {
            let way_out = "name a container with `--container`, or leave out `--exclude`".to_owned();
            return Err(Refusal {
                reason: "every container of its template is excluded".to_owned(),
                hint: Some(way_out),
            });
        }
        // Nothing is old: what moves by design comes first, then everything.
        let floats = |slot: &&Slot| {
            let reference: Option<Reference> = slot.image.parse().ok();
            reference.is_some_and(|reference| {
                reference.digest().is_none() && reference.resolved_tag().is_some_and(|tag| is_floating(&tag))
            })
        };
        places.slots = all.iter().copied().filter(floats).collect();
        places.asked_for = !places.slots.is_empty() || all.len() == 1;
        if places.slots.is_empty() {
            places.slots = all;
            // What runs the right content under a name that stays needs no other one: else every further run of the same
            // command would find it one.
            let settled = |slot: &&Slot| candidate.item(&slot.container).is_some_and(is_settled);
            if proposed && places.slots.iter().any(settled) {
                places.settled = true;
                places.slots.retain(settled);
            }
        }
    }
    Ok(places)
}
