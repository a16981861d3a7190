//! Out of the way with a pod that holds its StatefulSet up for ever.

use std::sync::Arc;

use super::Applying;
use crate::cluster::NotPatched;
use crate::domain::blocking::Sequence;
use crate::domain::plan::Target;
use crate::domain::workload::Pod;

impl Applying<'_> {
    /// Deletes the pod that a StatefulSet stands still before, if that is ours to do, and gives what there is to be said of
    /// it. The error is that it has to go and may not be deleted.
    pub(super) async fn clear(
        &self,
        target: &Target,
        sequence: &Sequence,
        pods: &[Pod],
        place: usize,
    ) -> Result<Option<String>, String> {
        let Some(pod) = sequence.stands_before(pods).filter(|pod| sequence.is_to_go(pod, target)) else {
            return Ok(None);
        };
        match self.cluster.delete_pod(pod).await {
            Ok(()) => {
                self.journal.cleared(place, |cleared| {
                    // The same name may hold it up again.
                    if !cleared.deleted.contains(&pod.name) {
                        cleared.deleted.push(Arc::clone(&pod.name));
                    }
                });
                Ok(Some(format!("{} blocked it and is being deleted", pod.name)))
            }
            Err(NotPatched::Forbidden(why) | NotPatched::Refused(why) | NotPatched::NoDryRun(why)) => {
                self.journal.cleared(place, |cleared| cleared.left = Some(Arc::clone(&pod.name)));
                Err(format!("{} is not ready and blocks its StatefulSet; it could not be deleted: {why}", pod.name))
            }
            // It has changed or is gone, or nobody answers: the next look tells.
            Err(NotPatched::Conflict(_) | NotPatched::Missing | NotPatched::Silence(_)) => Ok(None),
        }
    }
}
