//! Before the first write: would everything be accepted? One refusal here, and nothing is written at all.

use futures::{StreamExt as _, stream};

use super::super::look;
use super::Applying;
use crate::cluster::{NotPatched, Patching, Review};
use crate::domain::Repository;
use crate::domain::plan::{Plan, Target};
use crate::domain::remote::PushRight;
use crate::error::AppError;

/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// What the API server and the registries said beforehand.
#[derive(Debug, Default)]
pub(in crate::commands) struct Checked {
    /// For each target: why it would be refused, and what would help.
    pub(in crate::commands) refused: Vec<Option<(String, Option<String>)>>,
    /// What could not be made sure of, each once.
    pub(in crate::commands) notes: Vec<String>,
}

/// Lets the API server judge each patch, and asks each registry whether it would take a tag.
pub(in crate::commands) async fn check(applying: &Applying<'_>, plan: &Plan) -> Result<Checked, AppError> {
    let (rights, patches) = futures::join!(push_rights(applying, plan), patches(applying, plan));
    let rights = rights?;
    let mut checked = Checked::default();
    for (target, (patch, note)) in plan.targets.iter().zip(patches) {
        let denied = plan
            .tags_to_write()
            .filter(|tagging| target.changes.iter().any(|change| change.needs(tagging)))
            .find_map(|tagging| match rights.iter().find(|(repository, _)| *repository == tagging.repository) {
                Some((repository, PushRight::Denied(failure))) => Some((
                    format!(
                        "the tag `{}` cannot be written: registry `{}` {}",
                        tagging.tag,
                        repository.registry,
                        failure.clause()
                    ),
                    Some(
                        "log in to the registry with an account that may push, or pin the digest, which writes nothing there: `--to digest`"
                            .to_owned(),
                    ),
                )),
                _ => None,
            });
        checked.refused.push(patch.or(denied));
        checked.notes.extend(note);
    }
    for (repository, right) in &rights {
        if let PushRight::Unknown(why) = right {
            checked.notes.push(format!(
                "whether registry `{}` takes a new tag is not known beforehand: {why}",
                repository.registry
            ));
        }
    }
    checked.notes.sort();
    checked.notes.dedup();
    Ok(checked)
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

type Judged = (Option<(String, Option<String>)>, Option<String>);

async fn patches(applying: &Applying<'_>, plan: &Plan) -> Vec<Judged> {
    stream::iter(&plan.targets).map(|target| judge(applying, target)).buffered(AT_ONCE).collect().await
}

async fn judge(applying: &Applying<'_>, target: &Target) -> Judged {
    if target.patch.is_empty() {
        return (None, None);
    }
    let how = Patching { manager: &applying.settings.field_manager, dry_run: true };
    let cluster = applying.cluster;
    let why = match cluster.patch(&target.namespace, &target.workload, &target.patch, how).await {
        Ok(_) => return (None, None),
        Err(why) => why,
    };
    match why {
        NotPatched::Conflict(words) => match applying.difference(target).await {
            Some(difference) => (Some((difference, Some("look at it again and repeat the command".to_owned()))), None),
            None => (Some((format!("the API server refuses the patch: {words}"), None)), None),
        },
        NotPatched::Missing => (Some(("it is gone".to_owned(), None)), None),
        NotPatched::Forbidden(words) => {
            let resource = crate::ui::names::workload_in_full(&target.workload);
            let hint = format!("ask for `patch` on `{}`", resource.split('/').next().unwrap_or_default());
            (Some((words, Some(hint))), None)
        }
        NotPatched::Refused(words) | NotPatched::Silence(words) => {
            (Some((format!("the API server refuses the patch: {words}"), None)), None)
        }
        // What it would do cannot be tried; the right to do it can be asked for.
        NotPatched::NoDryRun(words) => match cluster.may("patch", &target.namespace, &target.workload).await {
            Review::Denied => (Some((format!("patching it is not allowed ({words})"), None)), None),
            Review::Allowed | Review::Unknown => (
                None,
                Some(format!(
                    "{}: could not be tried beforehand: {words}",
                    crate::ui::names::workload(&target.workload)
                )),
            ),
        },
    }
}
