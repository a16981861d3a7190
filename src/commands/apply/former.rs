//! Back to the very template whose pods run on, where that can be.

use super::super::look;
use super::prove::confirm;
use crate::cluster::Cluster;
use crate::domain::history::Revision;
use crate::domain::plan::assemble::Around;
use crate::domain::plan::{Target, former, undo};
use crate::domain::verification::belongs;
use crate::domain::workload::{OwnerReference, Snapshot};
use crate::registry::Registries;

/// The way back that replaces no pod, if there is one. `snapshot` has the workload's pods, and who owns them.
pub(in crate::commands) async fn as_it_was(
    cluster: &Cluster,
    registries: Registries,
    around: &Around<'_>,
    to: Option<Revision>,
    snapshot: &Snapshot,
) -> Option<Target> {
    let target = undo::as_it_was(around, to)?;
    let pods: Vec<_> = snapshot.pods.iter().filter(|pod| belongs(pod, &snapshot.owners, &target)).cloned().collect();
    let mut sets: Vec<&OwnerReference> = pods.iter().filter_map(|pod| pod.controller.as_ref()).collect();
    sets.sort();
    sets.dedup();
    for set in sets.into_iter().filter(|set| &*set.kind == "ReplicaSet") {
        let Some(object) = cluster.object(&target.namespace, &set.workload()).await else { continue };
        let Some(kept) = former::kept_pods(&target, &object, &pods) else { continue };
        let (count, nodes) = (kept.len(), look::nodes_of(cluster, &kept).await);
        let seen = Snapshot { pods: kept, owners: snapshot.owners.clone(), nodes, ..Snapshot::default() };
        let confirmation = confirm(cluster, registries, &seen, &target).await;
        return former::kept(target, count, &confirmation);
    }
    None
}
