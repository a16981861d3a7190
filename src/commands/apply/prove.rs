//! The proof: what the pods run now, by the ladder of the diagnosis.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::super::asking::Asking;
use super::super::look;
use super::Applying;
use crate::cluster::Cluster;
use crate::domain::blocking::ordinal;
use crate::domain::diagnosis::Verdict;
use crate::domain::inquiry::Inquiry;
use crate::domain::plan::Target;
use crate::domain::template::Replacement;
use crate::domain::verification::{self, Confirmation, Other};
use crate::domain::workload::Snapshot;
use crate::registry::Registries;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// A registry that does not answer, or a status that comes late, gets so long.
const PATIENCE: Duration = Duration::from_secs(15);

impl Applying<'_> {
    /// Looks once. The error is why nothing could be looked at.
    pub(super) async fn prove(&self, target: &Target) -> Result<Confirmation, String> {
        let Some((pods, owners)) = self.pods(target).await else {
            return Err("its pods could not be read".to_owned());
        };
        let nodes = look::nodes_of(self.cluster, &pods).await;
        let snapshot = Snapshot { pods, owners, nodes, ..Snapshot::default() };
        let registries =
            look::registries(self.cluster, self.common, self.environment).map_err(|error| error.message)?;
        Ok(confirm(self.cluster, registries, &snapshot, target).await)
    }

    /// Looks again for a while where something is not known yet; what is proven, either way, needs no second look.
    pub(super) async fn prove_patiently(&self, target: &Target, deadline: Instant) -> Result<Confirmation, String> {
        let soon = Instant::now() + PATIENCE;
        let deadline = deadline.max(Instant::now() + PAUSE);
        loop {
            let result = self.prove(target).await;
            let settled = match &result {
                Ok(confirmation) => is_settled(target, confirmation),
                Err(_) => false,
            };
            // A server that is away is waited for like one that is away during the rollout.
            let end = if result.is_ok() { soon.min(deadline) } else { deadline };
            if settled || Instant::now() + PAUSE >= end {
                return result;
            }
            sleep(PAUSE).await;
        }
    }
}

/// What pods that were read run, as far as it is what was planned.
pub(super) async fn confirm(
    cluster: &Cluster,
    registries: Registries,
    snapshot: &Snapshot,
    target: &Target,
) -> Confirmation {
    let mut verification = verification::verification(snapshot, target);
    let answers = std::mem::take(&mut verification.answers);
    let mut asking = Asking::knowing(cluster.clone(), registries, answers);
    let mut inquiry = Inquiry::new(&verification.snapshot, false, Timestamp::now());
    asking.settle(&mut inquiry, |_, _| {}).await;
    verification.confirmation(&inquiry)
}

/// Whether another look would tell nothing else: it is proven, or proven not to be, or waits for somebody's doing.
fn is_settled(target: &Target, confirmation: &Confirmation) -> bool {
    if lacking(target, confirmation).is_none() {
        return true;
    }
    let others = &confirmation.others;
    match target.rollout.replacement.comes_by_itself() {
        true => others.iter().all(|other| other.verdict == Verdict::Stale),
        false => others.iter().any(|other| !other.asks_anew || other.verdict == Verdict::Stale),
    }
}

/// What is lacking to the proof that every pod that was to be replaced runs the planned content; `None`: nothing.
pub(super) fn lacking(target: &Target, confirmation: &Confirmation) -> Option<String> {
    let told = |other: &Other| format!("{} is {}: {}", other.pod, other.verdict.as_str(), other.why);
    match &target.rollout.replacement {
        // What runs now ends by itself.
        Replacement::NextRun { .. } => None,
        Replacement::Paused | Replacement::WhenDeleted { .. } => {
            // A pod that asks for the new reference was replaced already, and holds something else.
            match confirmation.others.iter().find(|other| other.asks_anew) {
                Some(other) => Some(told(other)),
                None if confirmation.others.is_empty() => missing(target, confirmation.pods),
                None => Some(stays(&target.rollout.replacement, confirmation.other_pods())),
            }
        }
        Replacement::Partition { from } => confirmation
            .others
            .iter()
            .find(|other| ordinal(&other.pod).is_none_or(|ordinal| ordinal >= *from))
            .map(told),
        Replacement::Rollout | Replacement::InPlace => confirmation.others.first().map(told),
    }
}

/// Pods that were deleted and are not there again prove nothing.
fn missing(target: &Target, pods: usize) -> Option<String> {
    let wanted = target.definition.wanted_pods()?;
    (pods < wanted)
        .then(|| format!("{pods} of {} so far", crate::ui::names::counted(wanted, "pod is there", "pods are there")))
}

fn stays(replacement: &Replacement, pods: usize) -> String {
    match (replacement, pods) {
        (Replacement::Paused, _) => "its rollout is paused, and its pods run on as they were".to_owned(),
        (_, 1) => "1 pod runs on as it was until somebody deletes it".to_owned(),
        _ => format!("{} pods run on as they were until somebody deletes them", crate::ui::names::thousands(pods)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::domain::plan::assemble::{self, Around, Author};
    use crate::domain::template::Definition;

    fn replica_set() -> Target {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "bare", "namespace": "shop", "uid": "u"},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": "app:1.1"}]}}},
        });
        let definition = Arc::new(Definition::read(object).unwrap());
        let around = Around {
            definition: &definition,
            managers: &[],
            pods: 2,
            cause: "bump",
            author: &Author::default(),
            last_is_proven: false,
            now: Timestamp::UNIX_EPOCH,
        };
        assemble::target(&around, Vec::new())
    }

    fn other(verdict: Verdict, asks_anew: bool) -> Other {
        let why = "the contents differ".to_owned();
        Other { pod: "bare-1".into(), container: "app".into(), verdict, why, asks_anew }
    }

    #[test]
    fn pods_that_somebody_has_to_delete_are_told_from_those_that_are_gone_and_those_that_are_new() {
        let target = replica_set();
        let found =
            |confirmed, pods, others: &[Other]| Confirmation { confirmed, pods, others: others.to_vec(), watched: 0 };
        let (old, behind) = (other(Verdict::Stale, false), other(Verdict::Stale, true));
        let starting = other(Verdict::Waiting, true);
        for (confirmation, expected, settled) in [
            (found(2, 2, &[]), None, true),
            (found(0, 0, &[]), Some("0 of 2 pods are there so far"), false),
            (found(1, 1, &[]), Some("1 of 2 pods are there so far"), false),
            (
                found(0, 2, &[old.clone(), old.clone()]),
                Some("2 pods run on as they were until somebody deletes them"),
                true,
            ),
            (found(1, 2, &[old]), Some("1 pod runs on as it was until somebody deletes it"), true),
            (found(1, 2, &[behind]), Some("bare-1 is stale: the contents differ"), true),
            (found(1, 2, &[starting]), Some("bare-1 is waiting: the contents differ"), false),
        ] {
            assert_eq!(lacking(&target, &confirmation).as_deref(), expected, "{confirmation:?}");
            assert_eq!(is_settled(&target, &confirmation), settled, "{confirmation:?}");
        }
    }
}
