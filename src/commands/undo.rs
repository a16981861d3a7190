//! `undo`: back to exactly the content that ran before the last change.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::apply::{Applying, Journal, access_of, as_it_was};
use super::bump::{carry_on, not_defined, presence, right_to_ask_for};
use super::look::{Request, Seen, look};
use crate::cluster::{Defined, NotDefined};
use crate::domain::Reference;
use crate::domain::diagnosis::WorkloadName;
use crate::domain::outcome::End;
use crate::domain::plan::assemble::{Around, Author};
use crate::domain::plan::content::Presence;
use crate::domain::plan::undo::{self, NoWayBack, Undo};
use crate::domain::plan::{Plan, Skipped, Target};
use crate::domain::workload::Manager;
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{Environment, Selection, UndoSettings};
use crate::ui::Printer;
use crate::ui::live::Live;

/// Runs `undo`.
///
/// # Errors
/// When the cluster cannot be reached, what was named is not there, or there is no way back.
pub fn undo(settings: &UndoSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let journal = Journal::default();
    super::block_on_change(run(settings, environment, printer, &journal), &journal, &settings.applying, printer)
}

async fn run(
    settings: &UndoSettings,
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
        exclusions: None,
        thorough: false,
    };
    let seen = look(&request, printer).await?;
    let place = super::place_of_change(&seen, &settings.common, &settings.applying);
    journal.place(&place);
    let named = matches!(settings.selection, Selection::Named(_));
    let progress = printer.progress();
    progress.set("reading workloads");
    let found = workloads(&seen).into_iter().map(|one| async {
        let defined = defined(&seen, &one, settings).await;
        (one, defined)
    });
    let found = stream::iter(found).buffered(AT_ONCE).collect::<Vec<_>>();
    let (by, found) = futures::join!(seen.cluster.whoami(), found);
    let mut author = Author { by, run: super::new_run("undo") };
    let unfinished = match settings.to_revision {
        Some(_) => BTreeSet::new(),
        None => undo::unfinished(found.iter().filter_map(|(_, defined)| Some(&*defined.as_ref().ok()?.definition))),
    };
    // What was taken back by an earlier run is only made sure of.
    let goes_back = |(one, defined): &&(Named, Result<Defined, Way>)| {
        let Ok(defined) = defined else { return false };
        let around = one.around(defined, &author, seen.now);
        undo::once_more(&around, &unfinished).is_none()
            && matches!(undo::undo(&around, settings.to_revision), Ok(Undo::Back(_)))
    };
    author.run.of = found.iter().filter(goes_back).count();
    let backs = found.into_iter().map(|(one, defined)| {
        let (seen, author, unfinished) = (&seen, &author, &unfinished);
        async move {
            let back = match defined {
                Ok(defined) => back(seen, &one.around(&defined, author, seen.now), settings, unfinished).await,
                Err(why) => Err(why),
            };
            (one, back)
        }
    });
    let mut backs = std::pin::pin!(stream::iter(backs).buffered(AT_ONCE));
    let mut plan = Plan::default();
    while let Some((one, back)) = backs.next().await {
        match back {
            Ok(target) => plan.targets.push(target),
            // Where nobody named it, what was never changed is nobody's concern.
            Err(Way::None(_)) if !named => {}
            Err(Way::None(reason) | Way::Other(reason)) => plan.skipped.push(Skipped {
                namespace: one.namespace,
                workload: one.workload,
                container: None,
                reason: reason.0,
                hint: reason.1,
                refused: true,
                changed: false,
            }),
        }
    }
    progress.finish();
    if plan.targets.is_empty() && plan.skipped.is_empty() {
        let what = match &settings.run {
            Some(run) => format!("nothing to undo: no workload there was changed last by the run `{run}`"),
            None => "nothing to undo: no workload there has a change that could be taken back".to_owned(),
        };
        return Err(AppError::failed(what));
    }
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

/// Workloads that are read at once.
const AT_ONCE: usize = 16;

/// Why there is no way back, and what would help.
type Reason = (String, Option<String>);

enum Way {
    /// There is nothing to take back.
    None(Reason),
    /// There is, and it cannot be done.
    Other(Reason),
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

impl Named {
    fn around<'a>(&'a self, defined: &'a Defined, author: &'a Author, now: Timestamp) -> Around<'a> {
        Around {
            definition: &defined.definition,
            managers: &defined.managers,
            pods: self.pods,
            cause: undo::CAUSE,
            author,
            last_is_proven: false,
            now,
        }
    }
}

/// The definition of one workload, with all that own it.
async fn defined(seen: &Seen, named: &Named, settings: &UndoSettings) -> Result<Defined, Way> {
    let unread = |why: NotDefined| match why {
        // Jobs and bare mirrors were never changed by anybody.
        NotDefined::Unchangeable(_) => Way::None((not_defined(&why), None)),
        _ => Way::Other((not_defined(&why), right_to_ask_for(&why))),
    };
    let mut defined = seen.cluster.definition(&named.namespace, &named.workload).await.map_err(unread)?;
    let mut managers = named.managers.clone();
    managers.extend(defined.managers.iter().filter(|manager| !named.managers.contains(manager)).cloned());
    defined.managers = managers;
    match &settings.run {
        Some(run) if !undo::is_of_run(&defined.definition, run) => {
            Err(Way::None((format!("its last change is not of the run `{run}`"), None)))
        }
        _ => Ok(defined),
    }
}

/// The way back of one workload, if its content is still to be had.
async fn back(
    seen: &Seen,
    around: &Around<'_>,
    settings: &UndoSettings,
    unfinished: &BTreeSet<String>,
) -> Result<Target, Way> {
    if let Some(target) = undo::once_more(around, unfinished) {
        return Ok(target);
    }
    let target = match undo::undo(around, settings.to_revision) {
        Ok(Undo::Back(target)) => {
            let (cluster, registries) = (&seen.cluster, seen.registries.clone());
            as_it_was(cluster, registries, around, settings.to_revision, &seen.snapshot).await.unwrap_or(target)
        }
        Ok(Undo::DoneAlready(target)) => return Ok(target),
        Err(why) => {
            let hint = match &why {
                NoWayBack::NoRevision(_) => "`kubectl freshimage history` lists the revisions that are kept",
                _ => "`kubectl rollout history` and `kubectl rollout undo` know the revisions that others made",
            };
            let reason = (why.to_string(), Some(hint.to_owned()));
            return Err(match why {
                NoWayBack::NeverChanged | NoWayBack::NothingLeft => Way::None(reason),
                _ => Way::Other(reason),
            });
        }
    };
    for change in &target.changes {
        let Ok(reference) = change.new_image.parse::<Reference>() else { continue };
        let presence = presence(&seen.registries, reference.repository(), &change.digest, access_of(&target)).await;
        match presence {
            Presence::Index | Presence::Image => {}
            Presence::Absent => {
                return Err(Way::Other((
                    format!(
                        "what ran before in container {} ({}…) is gone from registry `{}`",
                        change.container.name,
                        change.digest.short(12),
                        reference.repository().registry
                    ),
                    Some("push that build again, or bump to a tag that is there: `--to existing=NAME`".to_owned()),
                )));
            }
            Presence::Unknown(why) => {
                return Err(Way::Other((
                    format!("could not check whether what ran before is still there: {why}"),
                    None,
                )));
            }
        }
    }
    Ok(target)
}
