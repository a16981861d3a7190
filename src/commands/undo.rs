//! `undo`: back to exactly the content that ran before the last change.

use std::sync::Arc;

use super::apply::{Applying, Journal, access_of};
use super::bump::{carry_on, not_defined, presence};
use super::look::{Request, Seen, look};
use crate::domain::Reference;
use crate::domain::diagnosis::WorkloadName;
use crate::domain::inventory::Workload;
use crate::domain::plan::assemble::Around;
use crate::domain::plan::content::Presence;
use crate::domain::plan::undo::{self, Undo};
use crate::domain::plan::{Plan, Skipped, Target};
use crate::domain::rollout::{self, Progress};
use crate::domain::template::Replacement;
use crate::domain::workload::Manager;
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{Environment, UndoSettings};
use crate::ui::Printer;
use crate::ui::live::Live;

/// Runs `undo`.
///
/// # Errors
/// When the cluster cannot be reached, what was named is not there, or there is no way back.
pub fn undo(settings: &UndoSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let journal = Journal::default();
    super::block_on_change(run(settings, environment, printer, &journal), &journal, printer)
}

async fn run(
    settings: &UndoSettings,
    environment: &Environment,
    printer: &Printer,
    journal: &Journal,
) -> Result<Exit, AppError> {
    let request = Request {
        common: &settings.common,
        environment,
        words: settings.targets.iter().map(ToString::to_string).collect(),
        all_namespaces: false,
        labels: None,
        fields: None,
        thorough: false,
    };
    let seen = look(&request, printer).await?;
    let place = super::place(&seen, &settings.common);
    journal.place(&place);
    let mut plan = Plan::default();
    for named in workloads(&seen) {
        match back(&seen, &named).await {
            Ok(target) => plan.targets.push(target),
            Err((reason, hint)) => plan.skipped.push(Skipped {
                namespace: named.namespace,
                workload: named.workload,
                container: None,
                reason,
                hint,
                refused: true,
                changed: false,
            }),
        }
    }
    let live = Live::start(printer.live());
    let applying = Applying {
        cluster: &seen.cluster,
        registries: &seen.registries,
        snapshot: &seen.snapshot,
        common: &settings.common,
        environment,
        settings: &settings.applying,
        live: &live,
        journal,
    };
    carry_on(&applying, plan, &place, printer).await
}

/// A workload that was named.
struct Named {
    namespace: Arc<str>,
    workload: WorkloadName,
    managers: Vec<Manager>,
    pods: usize,
}

fn workloads(seen: &Seen) -> Vec<Named> {
    let mut named: Vec<Named> = Vec::new();
    for item in &seen.diagnosis.items {
        let same = |other: &&mut Named| other.namespace == item.namespace && other.workload == item.workload;
        match named.iter_mut().find(same) {
            Some(other) => other.pods = other.pods.max(item.pods.total),
            None => named.push(Named {
                namespace: Arc::clone(&item.namespace),
                workload: item.workload.clone(),
                managers: item.managers.clone(),
                pods: item.pods.total,
            }),
        }
    }
    named
}

/// The way back of one workload, if its content is still to be had.
async fn back(seen: &Seen, named: &Named) -> Result<Target, (String, Option<String>)> {
    let defined =
        seen.cluster.definition(&named.namespace, &named.workload).await.map_err(|why| (not_defined(&why), None))?;
    let mut managers = named.managers.clone();
    managers.extend(defined.managers.iter().filter(|manager| !named.managers.contains(manager)).cloned());
    let definition = defined.definition;
    let workload = Workload::of(&named.namespace, &named.workload, definition.runs_as_uid());
    let under_way = match seen.cluster.workload(&workload).await {
        Ok(state) => matches!(
            rollout::progress(&definition.replacement, &named.workload.kind, &state),
            Progress::Waiting(_) | Progress::Failed(_)
        ),
        Err(_) => false,
    };
    // Pods that nobody replaces: as long as they ask for another reference, the last step back has not arrived.
    let waits = matches!(definition.replacement, Replacement::Paused | Replacement::WhenDeleted { .. });
    let asks_otherwise = seen.diagnosis.items.iter().any(|item| {
        item.namespace == named.namespace
            && item.workload == named.workload
            && definition.slot(&item.container).is_some_and(|slot| slot.image != item.image)
    });
    let under_way = under_way || (waits && asks_otherwise);
    let now = seen.now;
    let around = Around { definition: &definition, managers: &managers, pods: named.pods, cause: undo::CAUSE, now };
    let target = match undo::undo(&around, under_way) {
        Ok(Undo::Back(target)) => target,
        Ok(Undo::DoneAlready(target)) => return Ok(target),
        Err(why) => {
            let hint = "`kubectl rollout history` and `kubectl rollout undo` know the revisions that others made";
            return Err((why.to_string(), Some(hint.to_owned())));
        }
    };
    for change in &target.changes {
        let Ok(reference) = change.new_image.parse::<Reference>() else { continue };
        let presence = presence(&seen.registries, reference.repository(), &change.digest, access_of(&target)).await;
        match presence {
            Presence::Index | Presence::Image => {}
            Presence::Absent => {
                return Err((
                    format!(
                        "what ran before in container {} ({}…) is gone from registry `{}`",
                        change.container.name,
                        change.digest.short(12),
                        reference.repository().registry
                    ),
                    Some("push that build again, or bump to a tag that is there: `--to existing=NAME`".to_owned()),
                ));
            }
            Presence::Unknown(why) => {
                return Err((format!("whether what ran before is still there is not known: {why}"), None));
            }
        }
    }
    Ok(target)
}
