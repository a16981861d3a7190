//! `-o json` and `-o yaml`: the plan with what became of each part of it, and what ended the run, in one document.

use std::sync::Arc;

use serde::Serialize;

use super::super::errors::Told;
use super::super::summary::{self, Place};
use super::super::{Printer, json, yaml};
use super::{ABOVE, can_be_undone, way_on, word_of};
use crate::cli::DocumentFormat;
use crate::domain::Digest;
use crate::domain::outcome::{End, Outcome, TagState, TargetState};
use crate::domain::plan::{Plan, Skipped, Tagging, Target};
use crate::domain::verification::Confirmation;
use crate::error::{AppError, Kind};
use crate::exit::Exit;

/// The frame that scripts rely on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    result: &'static str,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Told>,
    tags: Vec<TagOutcome<'a>>,
    targets: Vec<TargetOutcome<'a>>,
    skipped: &'a [Skipped],
}

/// A tag of the plan, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TagOutcome<'a> {
    #[serde(flatten)]
    tagging: &'a Tagging,
    state: &'static str,
    /// What it holds instead of what was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<&'a Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

/// A workload of the plan, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetOutcome<'a> {
    #[serde(flatten)]
    target: &'a Target,
    state: &'static str,
    /// This run has patched it, or may have.
    changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    /// Of one that is being taken back: the API server has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<bool>,
    /// Of one that was taken back: why the old content is not proven to run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    /// Of one that was taken back: what somebody should know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<&'a Confirmation>,
    /// Pods that held up their StatefulSet and were deleted.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    deleted_pods: &'a [Arc<str>],
    /// The pod that holds it up, and that somebody else has to delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_up_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    go_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    go_back: Option<String>,
}

/// The document of a run that came to this end, or was ended by this error. `begun` is its plan and what became of
/// that; `None` where the run ended before it had one.
#[must_use]
pub fn document<'a>(
    begun: Option<(&'a Plan, &'a Outcome)>,
    ended: Result<End, &AppError>,
    place: &Place,
) -> Document<'a> {
    let (result, exit, error) = match ended {
        Ok(end) => (end, Exit::from(end), None),
        Err(error) => (end_of(error.kind), error.exit(), Some(told(error))),
    };
    let mut document = Document {
        api_version: "kubectl-freshimage/v1",
        kind: "Outcome",
        result: result.as_str(),
        exit_code: exit.code(),
        error,
        tags: Vec::new(),
        targets: Vec::new(),
        skipped: &[],
    };
    if let Some((plan, outcome)) = begun {
        document.tags = plan.tags.iter().zip(&outcome.tags).map(|(tagging, state)| tag(tagging, state)).collect();
        document.targets = plan
            .targets
            .iter()
            .zip(&outcome.targets)
            .zip(&outcome.cleared)
            .map(|((one, state), cleared)| {
                let held_up_by = cleared.left.as_deref();
                TargetOutcome { deleted_pods: &cleared.deleted, held_up_by, ..target(plan, outcome, one, state, place) }
            })
            .collect();
        document.skipped = &plan.skipped;
    }
    document
}

/// Writes the document to stdout.
///
/// # Errors
/// If stdout cannot be written.
pub fn print_document(printer: &Printer, document: &Document<'_>, format: DocumentFormat) -> Result<(), AppError> {
    printer.data(&match format {
        DocumentFormat::Json => json::document(document)?,
        DocumentFormat::Yaml => yaml::document(document)?,
    })
}

fn end_of(kind: Kind) -> End {
    match kind {
        Kind::Usage | Kind::Failed => End::Failed,
        Kind::Refused => End::Refused,
        Kind::Interrupted => End::Interrupted,
    }
}

/// In a document no lines stand above.
fn told(error: &AppError) -> Told {
    let mut told = Told::of(error);
    if let Some(short) = told.message.strip_suffix(ABOVE) {
        told.message = short.to_owned();
    }
    told
}

fn tag<'a>(tagging: &'a Tagging, state: &'a TagState) -> TagOutcome<'a> {
    let (holds, why) = match state {
        TagState::Taken(digest) => (Some(digest), None),
        TagState::Unknown(why) | TagState::Failed(why) => (None, Some(why.as_str())),
        TagState::Untouched | TagState::Existed | TagState::Writing | TagState::Written => (None, None),
    };
    TagOutcome { tagging, state: state.as_str(), holds, why }
}

fn target<'a>(
    plan: &Plan,
    outcome: &Outcome,
    target: &'a Target,
    state: &'a TargetState,
    place: &Place,
) -> TargetOutcome<'a> {
    let command = |verb: &str, rest: &str| {
        summary::command(&format!("{verb} {}{rest}", word_of(target)), &target.namespace, place)
    };
    let mut told = TargetOutcome {
        target,
        state: state.as_str(),
        changed: state.has_changed(target),
        why: None,
        answered: None,
        problem: None,
        note: None,
        confirmation: None,
        deleted_pods: &[],
        held_up_by: None,
        go_on: way_on(plan, outcome, target, state).map(|(_, verb, rest)| command(verb, &rest)),
        go_back: can_be_undone(target, state).then(|| command("undo", "")),
    };
    match state {
        TargetState::Untouched | TargetState::Patching | TargetState::Patched { .. } => {}
        TargetState::Changed(why) | TargetState::NotPatched(why) | TargetState::Overtaken { why, .. } => {
            told.why = Some(why);
        }
        TargetState::Confirmed { confirmation, .. } => told.confirmation = Some(confirmation),
        TargetState::Unconfirmed { why, confirmation } => {
            told.why = Some(why);
            told.confirmation = Some(confirmation);
        }
        TargetState::TakingBack { why, answered } => {
            told.why = Some(why);
            told.answered = Some(*answered);
        }
        TargetState::TakenBack { why, problem, note } => {
            told.why = Some(why);
            told.problem = problem.as_deref();
            told.note = note.as_deref();
        }
    }
    told
}
