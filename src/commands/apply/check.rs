//! Before the first write: would everything be accepted? One refusal here, and nothing is written at all.

use futures::{StreamExt as _, stream};

use super::super::look;
use super::Applying;
use crate::cluster::{NotPatched, Patching, Review};
use crate::domain::Repository;
use crate::domain::blocking;
use crate::domain::diagnosis::WorkloadName;
use crate::domain::plan::{Left, Plan, Tagging, Target, admission};
use crate::domain::remote::{PushFailure, PushRight};
use crate::domain::template::{Asks, Definition};
use crate::error::AppError;

/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// What the API server and the registries said beforehand.
#[derive(Debug, Default)]
pub(in crate::commands) struct Checked {
    /// For each target: why it would be refused.
    pub(in crate::commands) refused: Vec<Option<Left>>,
    /// For each target that would be accepted and was tried: what the server would store.
    pub(in crate::commands) stored: Vec<Option<Asks>>,
    /// What could not be made sure of, each once.
    pub(in crate::commands) notes: Vec<String>,
}

/// Lets the API server judge each patch, and asks each registry whether it would take a tag.
pub(in crate::commands) async fn check(applying: &Applying<'_>, plan: &Plan) -> Result<Checked, AppError> {
    let (rights, patches, deletions) =
        futures::join!(push_rights(applying, plan), patches(applying, plan), deletions(applying, plan));
    let rights = rights?;
    let mut checked = Checked::default();
    for (target, judged) in plan.targets.iter().zip(patches) {
        let denied = || {
            let needed =
                plan.tags_to_write().filter(|tagging| target.changes.iter().any(|change| change.needs(tagging)));
            needed.filter_map(|tagging| cannot_be_written(tagging, &rights)).next()
        };
        checked.refused.push(judged.refused.or_else(denied));
        checked.stored.push(judged.stored);
        checked.notes.extend(judged.note);
    }
    for (repository, right) in &rights {
        if let PushRight::Unknown(why) = right {
            checked.notes.push(format!(
                "whether registry `{}` takes a new tag is not known beforehand: {why}",
                repository.registry
            ));
        }
    }
    checked.notes.extend(deletions);
    checked.notes.sort();
    checked.notes.dedup();
    Ok(checked)
}

/// Why a tag cannot be written.
fn cannot_be_written(tagging: &Tagging, rights: &[(Repository, PushRight)]) -> Option<Left> {
    let (repository, right) = rights.iter().find(|(repository, _)| *repository == tagging.repository)?;
    let PushRight::Denied(failure) = right else { return None };
    let why = PushFailure::from(failure.clone()).clause();
    let reason = format!("the tag `{}` cannot be written: registry `{}` {why}", tagging.tag, repository.registry);
    Some(Left::new(reason).hint(
        "log in to the registry with an account that may push, or pin the digest, which writes nothing there: `--to digest`",
    ))
}

/// Which pods will have to be deleted and may not be.
async fn deletions(applying: &Applying<'_>, plan: &Plan) -> Vec<String> {
    let asked = plan.targets.iter().map(|target| async move {
        let pod = blocking::foreseen(target, applying.snapshot).into_iter().next()?;
        let review = applying.cluster.may("delete", &target.namespace, &WorkloadName::pod(&pod.name)).await;
        let name = crate::ui::names::workload(&target.workload);
        (review == Review::Denied)
            .then(|| format!("{name}: you are not allowed to delete {}; somebody else has to", pod.name))
    });
    stream::iter(asked).buffered(AT_ONCE).filter_map(std::future::ready).collect().await
}

async fn push_rights(applying: &Applying<'_>, plan: &Plan) -> Result<Vec<(Repository, PushRight)>, AppError> {
    let registries = look::registries(applying.cluster, applying.common, applying.environment)?;
    let mut repositories: Vec<Repository> = plan.tags_to_write().map(|tagging| tagging.repository.clone()).collect();
    repositories.sort();
    repositories.dedup();
    let asked = repositories.into_iter().map(|repository| {
        let registries = registries.clone();
        async move {
            let right = registries.may_push(&repository).await;
            (repository, right)
        }
    });
    Ok(stream::iter(asked).buffered(AT_ONCE).collect().await)
}

/// What the API server says of one patch.
#[derive(Debug, Default)]
struct Judged {
    refused: Option<Left>,
    stored: Option<Asks>,
    note: Option<String>,
}

impl From<Left> for Judged {
    fn from(refused: Left) -> Self {
        Self { refused: Some(refused), ..Self::default() }
    }
}

async fn patches(applying: &Applying<'_>, plan: &Plan) -> Vec<Judged> {
    stream::iter(&plan.targets).map(|target| judge(applying, target)).buffered(AT_ONCE).collect().await
}

async fn judge(applying: &Applying<'_>, target: &Target) -> Judged {
    if target.patch.is_empty() {
        return Judged::default();
    }
    let how = Patching { manager: &applying.settings.field_manager, dry_run: true };
    let cluster = applying.cluster;
    let why = match cluster.patch(&target.namespace, &target.workload, &target.patch, how).await {
        Ok(object) => {
            let stored = Definition::read(object).ok().map(|definition| definition.asks());
            let refused = stored.as_ref().and_then(|stored| admission::denied(target, stored));
            return Judged { refused, stored, ..Judged::default() };
        }
        Err(why) => why,
    };
    match why {
        NotPatched::Conflict(words) => match applying.difference(target).await {
            Some(difference) => {
                Left { changed: true, ..Left::new(difference) }.hint("look at it again and repeat the command").into()
            }
            None => Left::new(format!("the API server refuses the patch: {words}")).into(),
        },
        NotPatched::Missing => Left { changed: true, ..Left::new("it is gone") }.into(),
        NotPatched::Forbidden(words) => {
            let resource = cluster.type_name(&target.workload).await;
            Left::new(words).hint(format!("ask for `patch` on `{resource}`")).into()
        }
        NotPatched::Refused(words) => Left::new(format!("the API server refuses the patch: {words}")).into(),
        NotPatched::Silence(words) => {
            Left::new(format!("whether the API server takes the patch is not known: {words}")).into()
        }
        // What it would do cannot be tried; the right to do it can be asked for.
        NotPatched::NoDryRun(words) => match cluster.may("patch", &target.namespace, &target.workload).await {
            Review::Denied => Left::new(format!("patching it is not allowed ({words})")).into(),
            Review::Allowed | Review::Unknown => {
                let name = crate::ui::names::workload(&target.workload);
                let note = format!("{name}: could not be tried beforehand: {words}");
                Judged { note: Some(note), ..Judged::default() }
            }
        },
    }
}
