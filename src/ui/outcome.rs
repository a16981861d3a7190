//! What became of a plan: a line for each workload, and the one command that goes on or goes back.

use super::summary::{self, Place};
use super::{Palette, Printer, names, plan as page};
use crate::cli::PlanFormat;
use crate::domain::outcome::{Outcome, TagState, TargetState, go_on};
use crate::domain::plan::{Plan, Tagging, Target};
use crate::domain::template::Replacement;
use crate::domain::verification::Confirmation;
use crate::error::AppError;
use crate::text::{printable, shell_word};

/// Tells the outcome: results to stdout (to stderr where stdout got a document), hints to stderr.
///
/// # Errors
/// If stdout cannot be written.
pub fn print(
    printer: &Printer,
    plan: &Plan,
    outcome: &Outcome,
    format: Option<PlanFormat>,
    place: &Place,
) -> Result<(), AppError> {
    if format.is_some() {
        printer.message(&results(plan, outcome, place, printer.message_palette()));
    } else {
        printer.data("\n")?;
        printer.data(&printer.folded(&results(plan, outcome, place, printer.data_palette())))?;
    }
    for hint in hints(plan, outcome, place) {
        printer.message(&format!("{} {hint}\n", printer.message_palette().hint("hint:")));
    }
    Ok(())
}

/// Tells what an interruption left, as an error that says how to go on.
#[must_use]
pub fn interrupted(printer: &Printer, begun: Option<&(std::sync::Arc<Plan>, Outcome)>, place: &Place) -> AppError {
    let Some((plan, outcome)) = begun.filter(|(_, outcome)| outcome.changed_anything()) else {
        return AppError::failed("interrupted; nothing was changed");
    };
    printer.message(&results(plan, outcome, place, printer.message_palette()));
    let mut error = AppError::failed("interrupted in the middle; the lines above say what was changed");
    for hint in hints(plan, outcome, place) {
        error = error.hint(hint);
    }
    error
}

/// A line for each tag that is not as planned, and for each workload.
#[must_use]
pub fn results(plan: &Plan, outcome: &Outcome, place: &Place, palette: Palette) -> String {
    let mut lines = Vec::new();
    for (tagging, state) in plan.tags.iter().zip(&outcome.tags) {
        lines.extend(tag_line(tagging, state, palette));
    }
    for (target, state) in plan.targets.iter().zip(&outcome.targets) {
        let tags = tags_of(plan, outcome, target);
        let name = palette.strong(&page::in_place(target, place));
        lines.push(format!("{name}   {}", target_words(target, state, &tags, palette)));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn tag_line(tagging: &Tagging, state: &TagState, palette: Palette) -> Option<String> {
    let words = match state {
        TagState::Existed | TagState::Written => return None,
        TagState::Untouched => "was not written".to_owned(),
        TagState::Writing => "was sent and not answered: it may be there".to_owned(),
        TagState::Taken(other) => {
            format!("{}: somebody gave it to {}… meanwhile", palette.error("refused"), other.short(12))
        }
        TagState::Failed(why) => format!("{}: {}", palette.error("not written"), printable(why)),
    };
    Some(format!("tag {} in {}   {words}", printable(&tagging.tag), printable(&tagging.repository.to_string())))
}

/// The new tags that a target needed and that were written in this run.
fn tags_of(plan: &Plan, outcome: &Outcome, target: &Target) -> Vec<String> {
    let written = plan.tags.iter().zip(&outcome.tags).filter(|(_, state)| **state == TagState::Written);
    written
        .filter(|(tagging, _)| target.changes.iter().any(|change| change.needs(tagging)))
        .map(|(tagging, _)| printable(&tagging.tag).into_owned())
        .collect()
}

fn target_words(target: &Target, state: &TargetState, tags: &[String], palette: Palette) -> String {
    let mut parts = Vec::new();
    if !tags.is_empty() {
        parts.push(format!("tagged {}", tags.join(", ")));
    }
    match state {
        TargetState::Untouched => parts.push("not begun; nothing was changed".to_owned()),
        TargetState::Patching => parts.push("the patch was sent and not answered: it may be changed".to_owned()),
        TargetState::Patched { already: true } => parts.push("as planned already".to_owned()),
        TargetState::Patched { already: false } => parts.push("patched · not waited for".to_owned()),
        TargetState::Changed(why) => {
            parts.push(format!("{}: {}; nothing was changed", palette.error("refused"), printable(why)));
        }
        TargetState::NotPatched(why) => parts.push(format!("{}: {}", palette.error("not changed"), printable(why))),
        TargetState::Confirmed { already, confirmation } => {
            parts.push(if *already { "as planned already" } else { "patched" }.to_owned());
            parts.extend(confirmed(target, confirmation));
        }
        TargetState::Unconfirmed { why, confirmation } => {
            parts.push("patched".to_owned());
            if confirmation.confirmed > 0 {
                parts.push(format!("{} of {} run the new content", confirmation.confirmed, pods(confirmation)));
            }
            parts.push(format!("{}: {}", palette.error("not confirmed"), printable(why)));
        }
        TargetState::TakenBack { why, problem } => {
            parts.push(format!("{}: {}", palette.error("taken back"), printable(why)));
            parts.push(match problem {
                None => "runs what it ran before, verified".to_owned(),
                Some(problem) => format!("{}: {}", palette.error("not confirmed"), printable(problem)),
            });
        }
    }
    parts.join(" · ")
}

fn pods(confirmation: &Confirmation) -> String {
    names::counted(confirmation.pods, "pod", "pods")
}

fn confirmed(target: &Target, confirmation: &Confirmation) -> Vec<String> {
    if confirmation.pods == 0 {
        return vec![match target.rollout.replacement {
            Replacement::NextRun { .. } => "the next run uses it".to_owned(),
            _ => "no pod runs now".to_owned(),
        }];
    }
    if let (Replacement::NextRun { .. }, 0) = (&target.rollout.replacement, confirmation.confirmed) {
        return vec!["the next run uses it".to_owned()];
    }
    let digests: Vec<String> = {
        let mut digests: Vec<&str> = target.changes.iter().map(|change| change.digest.short(12)).collect();
        digests.dedup();
        digests.iter().map(|digest| format!("{digest}…")).collect()
    };
    let verb = if confirmation.pods == 1 { "runs" } else { "run" };
    vec![
        format!("rolled out {}/{}", confirmation.confirmed, confirmation.pods),
        format!("verified: {} of {} {verb} {}", confirmation.confirmed, pods(confirmation), digests.join(" and ")),
    ]
}

/// The commands that go on and back. Many workloads get one of each kind.
#[must_use]
pub fn hints(plan: &Plan, outcome: &Outcome, place: &Place) -> Vec<String> {
    let mut hints = Vec::new();
    let states = || plan.targets.iter().zip(&outcome.targets);
    let words = |target: &Target| shell_word(&names::workload(&target.workload)).into_owned();
    let unfinished = states().find(|(_, state)| {
        matches!(
            state,
            TargetState::Untouched
                | TargetState::Patching
                | TargetState::Unconfirmed { .. }
                | TargetState::NotPatched(_)
        ) || matches!(state, TargetState::Changed(_))
    });
    let unwaited = states().find(|(_, state)| matches!(state, TargetState::Patched { already: false }));
    if let Some((target, state)) = unfinished.or(unwaited)
        && !outcome.targets.iter().all(|state| matches!(state, TargetState::TakenBack { .. }))
        && let Some(command) = go_on(target)
    {
        let command: Vec<String> = command.iter().map(|word| shell_word(word).into_owned()).collect();
        let verb = match state {
            TargetState::Changed(_) => "look at it again, then try it anew with",
            TargetState::Patched { .. } => "wait for it and prove it with",
            _ => "go on with",
        };
        hints.push(format!("{verb} `{}`", summary::command(&command.join(" "), &target.namespace, place)));
    }
    let applied: Vec<&Target> = states()
        .filter(|(target, state)| {
            state.is_applied_now()
                && !matches!(state, TargetState::TakenBack { .. })
                && target.changes.iter().all(|change| change.done || change.back.is_some())
                && target.changes.iter().any(|change| change.back.is_some())
        })
        .map(|(target, _)| target)
        .collect();
    if let Some(first) = applied.first() {
        let same: Vec<String> =
            applied.iter().filter(|target| target.namespace == first.namespace).map(|target| words(target)).collect();
        let shown = if same.len() > 5 { vec![words(first)] } else { same };
        hints.push(format!(
            "back with `{}`",
            summary::command(&format!("undo {}", shown.join(" ")), &first.namespace, place)
        ));
    }
    hints
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
