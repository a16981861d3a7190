//! From changed places to one patch for each workload, and from workloads to the plan.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::change::Name;
use super::{Change, Plan, Rollout, Skipped, Tagging, Target};
use crate::domain::history::{self, Changed, Entry, History, PolicyBefore, Run};
use crate::domain::patch::{Operation, token};
use crate::domain::template::{Definition, Replacement};
use crate::domain::workload::{Manager, PullPolicy};
use crate::domain::{Reference, Repository};

/// kubectl's annotation that says why a revision came to be; `kubectl rollout history` shows it.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// What `kubectl apply` leaves on whatever a manifest made.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Where a workload's own annotations are.
const ANNOTATIONS: &str = "/metadata/annotations";

/// kubectl's annotation of a template that replaces the pods.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Everything about one workload but its changes.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    /// The definition that was read.
    pub definition: &'a Arc<Definition>,
    /// Tools that own it.
    pub managers: &'a [Manager],
    /// Pods that run now.
    pub pods: usize,
    /// The command, for the change's cause.
    pub cause: &'a str,
    /// Who changes it.
    pub author: &'a Author,
    /// Its pods run what its last change brought, all of them: that one is proven by now.
    pub last_is_proven: bool,
    /// Now.
    pub now: Timestamp,
}

/// Who makes a change, and in which run of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Author {
    /// The user, as the API server knows them; empty where it did not say.
    pub by: String,
    /// The run.
    pub run: Run,
}

impl Around<'_> {
    /// An entry of the history with these changes, not proven yet; the history gives it its number.
    #[must_use]
    pub fn entry(&self, containers: Vec<Changed>) -> Entry {
        Entry {
            revision: 0,
            on: 0,
            back_to: None,
            at: self.now,
            by: self.author.by.clone(),
            run: self.author.run.clone(),
            containers,
            proven: false,
        }
    }
}

/// The target that makes these changes.
#[must_use]
pub fn target(around: &Around<'_>, changes: Vec<Change>) -> Target {
    let (history, unreadable) = history_of(around.definition);
    let pending: Vec<&Change> = changes.iter().filter(|change| !change.done).collect();
    let patch = if pending.is_empty() {
        Vec::new()
    } else {
        let entry = around.entry(pending.iter().map(|change| changed(change)).collect());
        let history = if around.last_is_proven { history.proven() } else { history };
        let history = history.noticing(&entry.containers, around.now);
        let cause =
            format!("{}: {}", around.cause, pending.iter().map(|change| told(change)).collect::<Vec<_>>().join(", "));
        patch(around.definition, &pending, &history.with(entry), &cause, around.now)
    };
    let mut warnings: Vec<String> = changes.iter().flat_map(|change| change.warnings.clone()).collect();
    warnings.extend(unreadable);
    for change in pending.iter().filter(|change| change.no_way_back.is_some()) {
        let why = change.no_way_back.as_deref().unwrap_or_default();
        warnings.push(format!("container {}: `undo` will not be possible: {why}", change.container.name));
    }
    warnings.sort();
    warnings.dedup();
    assembled(around, changes, patch, warnings)
}

/// A target with its patch.
pub(super) fn assembled(
    around: &Around<'_>,
    changes: Vec<Change>,
    patch: Vec<Operation>,
    mut warnings: Vec<String>,
) -> Target {
    if !patch.is_empty() {
        warnings.extend(of_manifest(around.definition));
    }
    warnings.extend(of_replacement(&around.definition.replacement));
    if around.definition.runner.is_some() {
        let runs_as = around.definition.runs_as();
        let name = format!("{}/{}", runs_as.kind.to_lowercase(), runs_as.name);
        warnings.push(format!("{name} takes its template from here (workloadRef), and its pods are replaced"));
    }
    Target {
        namespace: Arc::clone(&around.definition.namespace),
        workload: around.definition.workload.clone(),
        changes,
        patch,
        rollout: Rollout { replacement: around.definition.replacement.clone(), pods: around.pods, keeps_pods: false },
        managers: around.managers.to_vec(),
        warnings,
        definition: Arc::clone(around.definition),
    }
}

/// The history that is written on a workload, and what to say if it cannot be read.
pub(super) fn history_of(definition: &Definition) -> (History, Option<String>) {
    match History::of(definition) {
        None => (History::default(), None),
        Some(Ok(history)) => (history, None),
        Some(Err(why)) => (
            History::default(),
            Some(format!("its annotation `{}` cannot be read and is written anew: {why}", history::ANNOTATION)),
        ),
    }
}

/// What the next apply of a manifest makes of a change, and the way out.
fn of_manifest(definition: &Definition) -> Option<String> {
    if let Some(manager) = definition.applied_by() {
        return Some(format!(
            "`{manager}` manages the image by server-side apply: change it in its manifest too, or the next apply ends in a conflict"
        ));
    }
    definition.annotation(LAST_APPLIED).is_some().then(|| {
        "it was made with `kubectl apply`: change the image in its manifest too, or the next one puts it back"
            .to_owned()
    })
}

/// What somebody should know of the way in which a change reaches the pods.
fn of_replacement(replacement: &Replacement) -> Option<String> {
    Some(match replacement {
        Replacement::Rollout | Replacement::NextRun { suspended: false } | Replacement::InPlace => return None,
        Replacement::Partition { from } => {
            format!("its partition keeps the pods below ordinal {from} as they are")
        }
        Replacement::Paused => "its rollout is paused: no pod is replaced until it is resumed".to_owned(),
        Replacement::WhenDeleted { because } => {
            format!("{because}: a pod gets the new image when you delete it")
        }
        Replacement::NextRun { suspended: true } => {
            "it is suspended: no run uses the new image until it is resumed".to_owned()
        }
    })
}

fn changed(change: &Change) -> Changed {
    Changed {
        name: change.container.name.to_string(),
        role: change.container.role,
        from: change.image.to_string(),
        to: change.new_image.clone(),
        digest: change.digest.clone(),
        back: change.back.clone(),
        policy: change.pull_policy.map(|_| PolicyBefore { before: change.slot.pull_policy }),
    }
}

fn told(change: &Change) -> String {
    match change.pull_policy {
        Some(policy) => format!("{} to imagePullPolicy {}", change.container.name, policy.as_str()),
        None => format!("{} to {}", change.container.name, change.new_image),
    }
}

/// Tests first, so that a changed object is refused as a whole.
pub(super) fn patch(
    definition: &Definition,
    changes: &[&Change],
    history: &History,
    cause: &str,
    now: Timestamp,
) -> Vec<Operation> {
    let mut tests = vec![Operation::test("/metadata/uid", &*definition.uid)];
    let mut edits = Vec::new();
    for change in changes {
        let slot = &change.slot;
        tests.push(Operation::test(format!("{}/name", slot.pointer), &*slot.container.name));
        tests.push(Operation::test(slot.image_pointer(), &*slot.image));
        if change.new_image != *slot.image {
            edits.push(Operation::replace(slot.image_pointer(), change.new_image.as_str()));
        }
        if let Some(policy) = change.pull_policy {
            let before = slot.pull_policy.map_or(Value::Null, |policy| policy.as_str().into());
            tests.push(Operation::test(slot.policy_pointer(), before));
            edits.push(Operation::add(slot.policy_pointer(), policy.as_str()));
        }
    }
    // The same reference brings other content only to a pod that starts anew.
    let unmoved = changes.iter().all(|change| change.new_image == *change.slot.image);
    if unmoved && !definition.template.is_empty() && !matches!(definition.replacement, Replacement::NextRun { .. }) {
        edits.extend(restart(definition, now));
    }
    let before = definition.annotation(history::ANNOTATION).map_or(Value::Null, Into::into);
    if definition.has_annotations() {
        tests.push(Operation::test(annotation(history::ANNOTATION), before));
    } else {
        tests.push(Operation::test(ANNOTATIONS, Value::Null));
        edits.push(Operation::add(ANNOTATIONS, json!({})));
    }
    edits.push(Operation::add(annotation(history::ANNOTATION), history.text()));
    edits.push(Operation::add(annotation(CHANGE_CAUSE), cause));
    tests.extend(edits);
    tests
}

/// The same patch for an object to which somebody has given its first annotation since: what the patch would have made
/// is there, and must be neither refused for that nor overwritten.
#[must_use]
pub fn rebased(patch: &[Operation], now: &Definition) -> Vec<Operation> {
    let is_there = |path: &str| now.object.pointer(path).is_some_and(Value::is_object);
    let mut operations = Vec::with_capacity(patch.len());
    for operation in patch {
        match operation {
            Operation::Test { path, value: Value::Null } if is_there(path) => {
                if path == ANNOTATIONS {
                    operations.push(Operation::test(annotation(history::ANNOTATION), Value::Null));
                }
            }
            Operation::Add { path, value } if *value == json!({}) && is_there(path) => {}
            other => operations.push(other.clone()),
        }
    }
    operations
}

/// The history that a patch writes.
pub(super) fn written_history(patch: &[Operation]) -> Option<History> {
    let place = annotation(history::ANNOTATION);
    patch.iter().find_map(|operation| match operation {
        Operation::Add { path, value } if *path == place => History::parse(value.as_str()?).ok(),
        _ => None,
    })
}

pub(super) fn annotation(key: &str) -> String {
    format!("{ANNOTATIONS}/{}", token(key))
}

/// What `kubectl rollout restart` does.
fn restart(definition: &Definition, now: Timestamp) -> Vec<Operation> {
    let metadata = format!("{}/metadata", definition.template);
    let annotations = format!("{metadata}/annotations");
    let mut operations = Vec::new();
    for place in [&metadata, &annotations] {
        if !definition.object.pointer(place).is_some_and(Value::is_object) {
            operations.push(Operation::test(place, Value::Null));
            operations.push(Operation::add(place, json!({})));
        }
    }
    let moment = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    operations.push(Operation::add(format!("{annotations}/{}", token(RESTARTED_AT)), moment));
    operations
}

/// The plan of these targets. `names` are the tags that were found for them, by repository. A workload whose tag another
/// one needs for other content is refused.
#[must_use]
pub fn plan(targets: Vec<Target>, names: &[(Repository, Name)], skipped: Vec<Skipped>) -> Plan {
    let mut plan = Plan { skipped, ..Plan::default() };
    for target in targets {
        let mut tags = plan.tags.clone();
        match targets_tags(&target, names, &mut tags) {
            Ok(()) => {
                plan.tags = tags;
                plan.targets.push(target);
            }
            Err(reason) => plan.skipped.push(Skipped {
                namespace: target.namespace,
                workload: target.workload,
                container: None,
                reason,
                hint: Some("bump the workloads one after the other, each to a name of its own".to_owned()),
                refused: true,
                changed: false,
            }),
        }
    }
    plan
}

fn targets_tags(target: &Target, names: &[(Repository, Name)], tags: &mut Vec<Tagging>) -> Result<(), String> {
    for change in target.changes.iter().filter(|change| !change.done) {
        let Ok(reference) = change.new_image.parse::<Reference>() else { continue };
        let (Some(tag), None) = (reference.tag(), reference.digest()) else { continue };
        let found = names.iter().find(|(repository, name)| repository == reference.repository() && name.tag == tag);
        let Some((_, name)) = found else { continue };
        match tags.iter().find(|other| other.repository == *reference.repository() && other.tag == tag) {
            Some(other) if other.digest != change.digest => {
                return Err(format!("the tag `{tag}` is needed for other content by another workload of this plan"));
            }
            Some(_) => {}
            None => tags.push(Tagging {
                repository: reference.repository().clone(),
                tag: tag.to_owned(),
                digest: change.digest.clone(),
                exists: name.holds.is_some(),
                evidence: name.evidence.clone(),
            }),
        }
    }
    Ok(())
}

/// Whether a policy is worth a word of warning before it is set.
#[must_use]
pub fn is_not_recommended(change: &Change) -> bool {
    change.pull_policy == Some(PullPolicy::Always)
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
