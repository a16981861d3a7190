//! What became of a plan: a line for each workload, and the one command that goes on or goes back; or a document.

mod document;

pub use document::{Document, document, print_document};

use super::layout::{hanging, width_unpainted};
use super::plan::Options;
use super::summary::{self, Place};
use super::{Palette, Printer, names, plan as page};
use crate::cli::PlanFormat;
use crate::domain::outcome::{Cleared, Outcome, TagState, TargetState, go_on_from};
use crate::domain::plan::{Plan, Target, undo};
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
        printer.message(&results(plan, outcome, &beside(printer, place), UNWAITED));
    } else {
        let options = Options { width: printer.width(), palette: printer.data_palette(), place };
        printer.data("\n")?;
        printer.data(&results(plan, outcome, &options, UNWAITED))?;
    }
    for hint in hints(plan, outcome, place) {
        printer.message(&format!("{} {hint}\n", printer.message_palette().hint("hint:")));
    }
    Ok(())
}

/// Where the text of an interruption says what was changed.
const ABOVE: &str = "; the lines above say what was changed";

/// Tells what an interruption left, as an error that says how to go on.
#[must_use]
pub fn interrupted(printer: &Printer, begun: Option<&(std::sync::Arc<Plan>, Outcome)>, place: &Place) -> AppError {
    let Some((plan, outcome)) = begun.filter(|(_, outcome)| outcome.changed_anything()) else {
        return AppError::failed("interrupted; nothing was changed");
    };
    printer.message(&results(plan, outcome, &beside(printer, place), "the wait was interrupted"));
    let mut error = AppError::failed(format!("interrupted in the middle{ABOVE}"));
    for hint in hints(plan, outcome, place) {
        error = error.hint(hint);
    }
    error
}

/// How text on stderr looks.
fn beside<'a>(printer: &Printer, place: &'a Place) -> Options<'a> {
    Options { width: printer.message_width(), palette: printer.message_palette(), place }
}

/// What is said of a workload that is patched where nobody asked for more.
const UNWAITED: &str = "not waited for";

/// A line for each tag that is not as planned, and for each workload. `unwaited` is said of one that is patched and of
/// whose pods nothing is known.
#[must_use]
pub fn results(plan: &Plan, outcome: &Outcome, options: &Options<'_>, unwaited: &str) -> String {
    let palette = options.palette;
    let mut lines = Vec::new();
    for (tagging, state) in plan.tags.iter().zip(&outcome.tags) {
        if let Some(words) = tag_words(state, palette) {
            let name = format!("tag {} in {}", printable(&tagging.tag), printable(&tagging.repository.to_string()));
            lines.extend(beside_name(&palette.strong(&name), &[words], options.width));
        }
    }
    for (place, (target, state)) in plan.targets.iter().zip(&outcome.targets).enumerate() {
        let tags = tags_of(plan, outcome, target);
        let name = palette.strong(&page::in_place(target, options.place));
        let mut parts = target_words(target, state, &tags, unwaited, palette);
        parts.extend(outcome.cleared.get(place).and_then(cleared_words));
        lines.extend(beside_name(&name, &parts, options.width));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A name and what is said of it: on one line if there is room, else below it.
fn beside_name(name: &str, parts: &[String], limit: Option<usize>) -> Vec<String> {
    const BETWEEN: &str = " · ";
    let line = format!("{name}   {}", parts.join(BETWEEN));
    let Some(limit) = limit.filter(|limit| width_unpainted(&line) > *limit) else { return vec![line] };
    let mut lines = vec![name.to_owned()];
    let mut rest = String::new();
    for part in parts {
        if !rest.is_empty() && 2 + width_unpainted(&rest) + width_unpainted(BETWEEN) + width_unpainted(part) > limit {
            lines.extend(hanging(2, &std::mem::take(&mut rest), Some(limit)));
        }
        let between = if rest.is_empty() { "" } else { BETWEEN };
        rest = format!("{rest}{between}{part}");
    }
    lines.extend(hanging(2, &rest, Some(limit)));
    lines
}

fn tag_words(state: &TagState, palette: Palette) -> Option<String> {
    Some(match state {
        TagState::Existed | TagState::Written => return None,
        TagState::Untouched => "not begun; nothing was written".to_owned(),
        TagState::Writing => "was sent and not answered: it may be there".to_owned(),
        TagState::Taken(other) => {
            format!("{}: somebody gave it to {}… meanwhile", palette.error("refused"), other.short(12))
        }
        TagState::Unknown(why) => format!("{}: {}", palette.error("not proven to be there"), printable(why)),
        TagState::Failed(why) => format!("{}: {}", palette.error("not written"), printable(why)),
    })
}

/// The new tags that a target needed and that were written in this run.
fn tags_of(plan: &Plan, outcome: &Outcome, target: &Target) -> Vec<String> {
    let written = plan.tags.iter().zip(&outcome.tags).filter(|(_, state)| **state == TagState::Written);
    let mut tags: Vec<String> = written
        .filter(|(tagging, _)| target.changes.iter().any(|change| change.needs(tagging)))
        .map(|(tagging, _)| printable(&tagging.tag).into_owned())
        .collect();
    // One name in several repositories is said once.
    tags.dedup();
    tags
}

fn target_words(
    target: &Target,
    state: &TargetState,
    tags: &[String],
    unwaited: &str,
    palette: Palette,
) -> Vec<String> {
    let mut parts = Vec::new();
    if !tags.is_empty() {
        parts.push(format!("tagged {}", tags.join(", ")));
    }
    match state {
        TargetState::Untouched => parts.push("not begun".to_owned()),
        TargetState::Patching => parts.push("the patch was sent and not answered: it may be changed".to_owned()),
        TargetState::Patched { already: true } => parts.push("as planned already".to_owned()),
        TargetState::Patched { already: false } => parts.push(format!("patched · {unwaited}")),
        TargetState::Changed(why) => {
            parts.push(format!("{}: {}; it was not patched", palette.error("refused"), printable(why)));
        }
        TargetState::NotPatched(why) => parts.push(format!("{}: {}", palette.error("not changed"), printable(why))),
        TargetState::Confirmed { already, confirmation } => {
            parts.push(if *already { "as planned already" } else { "patched" }.to_owned());
            parts.extend(confirmed(target, confirmation));
        }
        TargetState::Unconfirmed { why, confirmation } => {
            parts.push(if target.patch.is_empty() { "as planned already" } else { "patched" }.to_owned());
            if confirmation.confirmed > 0 {
                // What crashes again and again does not run, and has the content all the same.
                parts.push(format!("{} of {} got the new content", confirmation.confirmed, pods(confirmation)));
            }
            parts.push(format!("{}: {}", palette.error("not confirmed"), printable(why)));
        }
        TargetState::Overtaken { why, .. } => {
            parts.push(format!("patched · {}: {}", palette.error("not confirmed"), printable(why)));
        }
        TargetState::TakingBack { why, answered } => {
            parts.push(format!("{}: {}", palette.error("being taken back"), printable(why)));
            parts.push(match answered {
                true => "patched back; what its pods run is not proven yet".to_owned(),
                false => "the patch back was sent and not answered".to_owned(),
            });
        }
        TargetState::TakenBack { why, problem, note } => {
            parts.push(format!("{}: {}", palette.error("taken back"), printable(why)));
            parts.push(match problem {
                None => "runs what it ran before, verified".to_owned(),
                Some(problem) => {
                    format!(
                        "{} that it runs what it ran before: {}",
                        palette.error("not confirmed"),
                        printable(problem)
                    )
                }
            });
            parts.extend(note.as_ref().map(|note| printable(note).into_owned()));
        }
    }
    parts
}

fn cleared_words(cleared: &Cleared) -> Option<String> {
    let names: Vec<_> = cleared.deleted.iter().map(|pod| printable(pod)).collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(format!("{name} blocked it and was deleted")),
        [start @ .., last] => Some(format!("{} and {last} blocked it and were deleted", start.join(", "))),
    }
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
    let mut parts = vec![
        format!("rolled out {}/{}", confirmation.confirmed, confirmation.pods),
        format!("verified: {} of {} {verb} {}", confirmation.confirmed, pods(confirmation), digests.join(" and ")),
    ];
    if confirmation.watched > 0 {
        parts.push(format!("no restart in {}s", confirmation.watched));
    }
    let left = confirmation.pods.saturating_sub(confirmation.confirmed);
    match target.rollout.replacement {
        Replacement::Partition { .. } if left > 0 => {
            parts.push(format!("its partition keeps {}", names::counted(left, "old pod", "old pods")));
        }
        Replacement::NextRun { .. } if left > 0 => {
            parts.push(format!("{} to their end as they are", names::counted(left, "pod runs", "pods run")));
        }
        _ => {}
    }
    parts
}

/// More workloads than this are not named in one command.
const NAMED: usize = 5;

/// The commands that go on and back. Many workloads get one of each kind.
#[must_use]
pub fn hints(plan: &Plan, outcome: &Outcome, place: &Place) -> Vec<String> {
    let mut hints = stood_before(plan, outcome, place);
    let mut onward = Commands::default();
    let mut back = Commands::default();
    for (target, state) in plan.targets.iter().zip(&outcome.targets) {
        if let Some((reason, verb, rest)) = way_on(plan, outcome, target, state) {
            onward.add((reason, REASONS[reason]), verb, target, rest);
        }
        if can_be_undone(target, state) {
            back.add((0, "back with"), "undo", target, String::new());
        }
    }
    hints.extend(onward.hints(place));
    hints.extend(all_back(plan, &back, place).or_else(|| back.hints(place)));
    hints
}

/// What somebody else has to delete first.
fn stood_before(plan: &Plan, outcome: &Outcome, place: &Place) -> Vec<String> {
    let left = plan.targets.iter().zip(&outcome.cleared).filter_map(|(target, cleared)| {
        let words = format!("delete pod {}", shell_word(&printable(cleared.left.as_deref()?)));
        Some(format!("first delete the pod that blocks it: `{}`", summary::kubectl(&words, &target.namespace, place)))
    });
    left.collect()
}

/// What goes on with a target: why, as a place in [`REASONS`], the verb, and the words behind the workload's name.
fn way_on(
    plan: &Plan,
    outcome: &Outcome,
    target: &Target,
    state: &TargetState,
) -> Option<(usize, &'static str, String)> {
    let mut reason = reason_to_go_on(state)?;
    let (verb, mut rest) = go_on_from(target, state)?;
    // A name that somebody else took stays taken.
    if needs_another_name(plan, outcome, target) {
        reason = 1;
        rest.iter_mut().filter(|word| word.starts_with("tag=")).for_each(|word| *word = "tag".to_owned());
    }
    Some((reason, verb, rest.iter().map(|word| format!(" {}", shell_word(&printable(word)))).collect()))
}

/// The word for a target in a command.
fn word_of(target: &Target) -> String {
    // Whoever makes the pods leads to the template, also for somebody who may not list such objects.
    shell_word(&names::workload(target.definition.runs_as())).into_owned()
}

/// Many workloads, or those of several namespaces, go back by the run that changed them.
fn all_back(plan: &Plan, back: &Commands<'_>, place: &Place) -> Option<String> {
    let workloads: usize = back.all.iter().map(|same| same.workloads.len()).sum();
    let first = back.all.first()?;
    if back.all.len() == 1 && workloads <= NAMED {
        return None;
    }
    let run = plan.targets.iter().find_map(|target| undo::run_of(&target.patch))?;
    let everywhere = back.all.iter().any(|same| same.namespace != first.namespace);
    // With `-A` there is no namespace to be named.
    let (words, namespace) = match everywhere {
        true => (format!("undo --all -A --run {run}"), place.default_namespace.as_str()),
        false => (format!("undo --all --run {run}"), first.namespace),
    };
    Some(format!("back with `{}`", summary::command(&words, namespace, place)))
}

/// What is said of a command that goes on, the most urgent first.
const REASONS: [&str; 3] = ["go on with", "look at it again, then try it anew with", "wait for it and prove it with"];

/// Why a command would have to go on, as a place in [`REASONS`].
fn reason_to_go_on(state: &TargetState) -> Option<usize> {
    match state {
        TargetState::Untouched
        | TargetState::Patching
        | TargetState::Unconfirmed { .. }
        | TargetState::NotPatched(_) => Some(0),
        TargetState::Changed(_) | TargetState::Overtaken { gone: false, .. } => Some(1),
        TargetState::Patched { already: false } | TargetState::TakingBack { .. } => Some(2),
        TargetState::TakenBack { problem: Some(_), .. } => Some(2),
        TargetState::Patched { already: true }
        | TargetState::Confirmed { .. }
        | TargetState::Overtaken { gone: true, .. }
        | TargetState::TakenBack { problem: None, .. } => None,
    }
}

fn needs_another_name(plan: &Plan, outcome: &Outcome, target: &Target) -> bool {
    let taken = plan.tags.iter().zip(&outcome.tags).filter(|(_, state)| matches!(state, TagState::Taken(_)));
    taken.map(|(tagging, _)| tagging).any(|tagging| target.changes.iter().any(|change| change.needs(tagging)))
}

fn can_be_undone(target: &Target, state: &TargetState) -> bool {
    state.is_applied_now()
        && !matches!(
            state,
            TargetState::TakenBack { .. } | TargetState::TakingBack { .. } | TargetState::Overtaken { .. }
        )
        && target.changes.iter().all(|change| change.done || change.back.is_some())
        && target.changes.iter().any(|change| change.back.is_some())
}

/// Commands that differ in nothing but the names of workloads are one.
#[derive(Default)]
struct Commands<'a> {
    all: Vec<Same<'a>>,
}

struct Same<'a> {
    reason: (usize, &'static str),
    verb: &'static str,
    namespace: &'a str,
    workloads: Vec<String>,
    rest: String,
}

impl<'a> Commands<'a> {
    fn add(&mut self, reason: (usize, &'static str), verb: &'static str, target: &'a Target, rest: String) {
        let workload = word_of(target);
        let namespace = &*target.namespace;
        let same = self
            .all
            .iter_mut()
            .find(|same| (same.reason, same.verb, same.namespace, &same.rest) == (reason, verb, namespace, &rest));
        match same {
            Some(same) => same.workloads.push(workload),
            None => self.all.push(Same { reason, verb, namespace, workloads: vec![workload], rest }),
        }
    }

    /// The most urgent of them, and how many workloads it does not speak of.
    fn hints(&self, place: &Place) -> Option<String> {
        let first = self.all.iter().min_by_key(|same| same.reason.0)?;
        let shown = if first.workloads.len() > NAMED { &first.workloads[..1] } else { &first.workloads[..] };
        let command = format!("{} {}{}", first.verb, shown.join(" "), first.rest);
        let hint = format!("{} `{}`", first.reason.1, summary::command(&command, first.namespace, place));
        let others = self.all.iter().map(|same| same.workloads.len()).sum::<usize>() - shown.len();
        Some(match others {
            0 => hint,
            1 => format!("{hint}, and so with the other workload"),
            _ => format!("{hint}, and so with the other {} workloads", names::thousands(others)),
        })
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
