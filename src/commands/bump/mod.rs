//! `bump` and `pin`: choose, plan, show, do, wait, prove.

mod choose;
mod gather;
mod planning;
mod questions;

use std::sync::Arc;

pub(super) use gather::{not_defined, presence, right_to_ask_for};

use super::apply::{self, Applying, Journal};
use super::look::{Request, Seen, look};
use crate::cli::{DryRun, PartName, SchemeName};
use crate::domain::blocking;
use crate::domain::outcome::{End, Outcome, end};
use crate::domain::plan::assemble::Author;
use crate::domain::plan::{Left, Plan, Skipped, Target, To, admission};
use crate::domain::scheme::{Part, SchemeChoice};
use crate::domain::template::Asks;
use crate::error::{AppError, Kind};
use crate::exit::Exit;
use crate::settings::{ApplySettings, BumpSettings, Environment, Selection};
use crate::ui::live::Live;
use crate::ui::prompt::{self, Answer};
use crate::ui::summary::{Place, left_out};
use crate::ui::{Printer, outcome, plan as page};
use choose::Candidate;
use planning::Wish;

/// Runs `bump` or `pin`.
///
/// # Errors
/// When the cluster cannot be reached, what was named is not there, or a part of what was asked for is refused.
pub fn bump(settings: &BumpSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let journal = Journal::default();
    super::block_on_change(run(settings, environment, printer, &journal), &journal, &settings.applying, printer)
}

async fn run(
    settings: &BumpSettings,
    environment: &Environment,
    printer: &Printer,
    journal: &Journal,
) -> Result<End, AppError> {
    let request = Request {
        common: &settings.common,
        environment,
        words: settings.selection.words(),
        all_namespaces: settings.all_namespaces,
        labels: settings.label_selector.clone(),
        fields: None,
        exclusions: Some(&settings.exclusions),
        thorough: false,
    };
    let seen = look(&request, printer).await?;
    let place = super::place_of_change(&seen, &settings.common, &settings.applying);
    journal.place(&place);
    for line in left_out(seen.diagnosis.summary.left_out, printer.message_palette()) {
        printer.message(&format!("{line}\n"));
    }
    let candidates = match choose_workloads(settings, &seen, printer).await? {
        Answer::Given(candidates) => candidates,
        Answer::Escaped => return Ok(left(printer)),
        Answer::Interrupted => return Err(super::stopped(journal, printer)),
    };
    if candidates.is_empty()
        && matches!(settings.selection, Selection::Named(_))
        && seen.diagnosis.summary.left_out.total() > 0
    {
        return Err(AppError::failed("everything that was named is excluded")
            .hint("name a container with `--container`, or leave out `--exclude`"));
    }
    if candidates.is_empty() {
        printer.message(&page::nothing_to_do(&place));
        return Ok(End::Done);
    }
    // Gone before anything is asked: no question stands among lines that move.
    let progress = printer.progress();
    progress.set("what is to be changed is looked at");
    let gathering = gather::gather(
        &seen,
        candidates,
        settings.to == Some(To::Tag(None)) || settings.to.is_none(),
        &settings.containers,
        &settings.exclusions,
        settings.content,
    );
    let ((gathered, skipped), by) = futures::join!(gathering, seen.cluster.whoami());
    let author = Author { by, run: super::new_run(settings.command) };
    let mut wish = Wish {
        to: settings.to.clone().unwrap_or(To::Tag(None)),
        content: settings.content,
        scheme: scheme_choice(settings.scheme),
        part: settings.part.map(part),
        cause: format!("kubectl freshimage {}", settings.command),
        author: author.clone(),
        now: seen.now,
    };
    let mut needed = planning::needed(&gathered, &wish);
    planning::find(&seen.registries, &mut needed, &wish).await;
    progress.finish();
    if settings.to.is_none() && !gathered.is_empty() {
        match questions::way(&seen.registries, &gathered, &mut wish, &mut needed, printer).await? {
            Answer::Given(()) => {}
            Answer::Escaped => return Ok(left(printer)),
            Answer::Interrupted => return Err(super::stopped(journal, printer)),
        }
    }
    let plan = planning::plan(&gathered, skipped, &needed, &wish);
    let live = Live::start(printer.live());
    let applying = Applying {
        cluster: &seen.cluster,
        registries: &seen.registries,
        snapshot: &seen.snapshot,
        author: &author,
        common: &settings.common,
        environment,
        settings: &settings.applying,
        live: &live,
        journal,
    };
    carry_on(&applying, plan, &place, printer).await
}

/// The workloads that are meant, or that somebody picks.
async fn choose_workloads(
    settings: &BumpSettings,
    seen: &Seen,
    printer: &Printer,
) -> Result<Answer<Vec<Candidate>>, AppError> {
    let named = matches!(settings.selection, Selection::Named(_));
    let mut candidates = choose::candidates(&seen.diagnosis, named);
    if named {
        return Ok(Answer::Given(candidates));
    }
    candidates.retain(choose::is_worth_it);
    let said = settings.all || settings.label_selector.is_some() || settings.selection != Selection::All;
    if said || !asks(&settings.applying) {
        return Ok(Answer::Given(candidates));
    }
    candidates.retain(|candidate| candidate.items.iter().any(choose::runs_old));
    // What nobody can change here is no choice; where there is nothing else, the plan says why.
    let can = |candidate: &Candidate| candidate.items.iter().any(choose::can_be_replaced);
    if !candidates.iter().any(can) {
        return Ok(Answer::Given(candidates));
    }
    candidates.retain(can);
    questions::workloads(candidates, seen, printer.message_palette()).await
}

/// Somebody is asked what is not said.
fn asks(applying: &ApplySettings) -> bool {
    applying.interactive && !applying.yes
}

fn left(printer: &Printer) -> End {
    printer.message("Nothing was changed.\n");
    End::Declined
}

/// Shows a plan and carries it out, as far as the settings say. `undo` ends here too.
pub(super) async fn carry_on(
    applying: &Applying<'_>,
    mut plan: Plan,
    place: &Place,
    printer: &Printer,
) -> Result<End, AppError> {
    let settings = applying.settings;
    if !settings.force && !asks(settings) && settings.dry_run == DryRun::None {
        plan.refuse(|target| page::owned_elsewhere(target).map(|(reason, hint)| Left::new(reason).hint(hint)));
    }
    if !plan.targets.is_empty() {
        let progress = printer.progress();
        progress.set("reading images");
        let mut lacking = apply::ready(applying, &plan).await.into_iter();
        progress.finish();
        plan.refuse(|_| lacking.next().flatten());
    }
    let mut notes = Vec::new();
    if settings.dry_run != DryRun::Client && !plan.targets.is_empty() {
        let progress = printer.progress();
        progress.set("whether it would be accepted is asked beforehand");
        let checked = apply::check(applying, &plan).await?;
        progress.finish();
        notes = checked.notes;
        let judged = |target: Target, stored: Option<Asks>| match stored {
            Some(stored) => admission::as_stored(target, &stored),
            None => target,
        };
        plan.targets = std::mem::take(&mut plan.targets)
            .into_iter()
            .zip(checked.stored)
            .map(|(target, stored)| judged(target, stored))
            .collect();
        let mut refused = checked.refused.into_iter();
        plan.refuse(|_| refused.next().flatten());
    }
    blocking::foresee(&mut plan, applying.snapshot);
    let plan = Arc::new(plan);
    applying.journal.begin(&plan);
    // A document tells the plan and what became of it, in the end.
    let told_later = settings.outcome_format().is_some();
    if !told_later {
        page::print(printer, &plan, settings.format, place)?;
    }
    for note in &notes {
        printer.message(&page::note(note, printer.message_palette()));
    }
    let refused = plan.refusals().next().is_some();
    if refused && !settings.keep_going {
        return Err(refusal(&plan));
    }
    if settings.dry_run != DryRun::None {
        if settings.format.is_none() {
            printer.message(page::dry_run(settings.dry_run));
        }
        return Ok(if refused { End::Failed } else { End::Done });
    }
    if plan.is_empty() {
        return Ok(if refused { End::Failed } else { End::Done });
    }
    if asks(settings) && plan.targets_to_patch().next().is_some() {
        let (question, palette) = (page::question(&plan), printer.message_palette());
        if told_later {
            page::show(printer, &plan, place);
        }
        if told_later || printer.width().is_some() {
            // The page above is on the same terminal.
            printer.message("\n");
        }
        match prompt::ask(move || prompt::confirm(&question, palette)).await? {
            Answer::Given(true) => {}
            Answer::Given(false) | Answer::Escaped => return Ok(left(printer)),
            Answer::Interrupted => return Err(super::stopped(applying.journal, printer)),
        }
    }
    let outcome = applying.carry_out(&plan).await?;
    let outcome = offer_way_back(applying, &plan, outcome, printer).await?;
    outcome::print(printer, &plan, &outcome, settings.format, place)?;
    Ok(end(&outcome, settings.wait, refused))
}

/// Somebody who can be asked decides whether what did not come to run is taken back.
async fn offer_way_back(
    applying: &Applying<'_>,
    plan: &Arc<Plan>,
    outcome: Outcome,
    printer: &Printer,
) -> Result<Outcome, AppError> {
    if !asks(applying.settings) || applying.settings.rollback {
        return Ok(outcome);
    }
    let failed = applying.failed(plan, &outcome);
    let palette = printer.message_palette();
    for (place, why) in failed {
        let question = page::way_back_question(&plan.targets[place], &why);
        match prompt::ask(move || prompt::confirm(&question, palette)).await? {
            Answer::Given(true) => applying.take_back_now(plan, place).await,
            Answer::Given(false) | Answer::Escaped => {}
            Answer::Interrupted => return Err(super::stopped(applying.journal, printer)),
        }
    }
    Ok(applying.journal.read().map(|(_, outcome)| outcome).unwrap_or(outcome))
}

/// Everything that was refused, as one error: nothing was written.
fn refusal(plan: &Plan) -> AppError {
    let refused: Vec<&Skipped> = plan.refusals().collect();
    let kind = if refused.iter().any(|skipped| skipped.changed) { Kind::Refused } else { Kind::Failed };
    let part = if plan.targets.is_empty() { "it" } else { "a part of it" };
    let mut error = AppError { kind, ..AppError::failed(format!("{part} is refused, so nothing was changed")) };
    for skipped in &refused {
        error = error.because(page::skipped_words(skipped));
    }
    for skipped in &refused {
        if let Some(hint) = &skipped.hint {
            error = error.hint(hint.clone());
        }
    }
    if !plan.targets.is_empty() {
        error = error.hint("`--keep-going` does the rest");
    }
    error
}

/// The core's word for a flag's.
pub(super) fn scheme_choice(name: SchemeName) -> SchemeChoice {
    match name {
        SchemeName::Auto => SchemeChoice::Auto,
        SchemeName::Increment => SchemeChoice::Increment,
        SchemeName::Semver => SchemeChoice::Semver,
        SchemeName::Date => SchemeChoice::Date,
        SchemeName::Digest => SchemeChoice::Digest,
    }
}

/// The core's word for a flag's.
pub(super) fn part(name: PartName) -> Part {
    match name {
        PartName::Major => Part::Major,
        PartName::Minor => Part::Minor,
        PartName::Patch => Part::Patch,
    }
}
