//! Is the workload still as planned? Pods that run the planned content prove nothing of an object that was deleted, or
//! that asks for something else by now: its controller is only not that far yet.

use std::sync::Arc;

use super::Applying;
use crate::cluster::NotDefined;
use crate::domain::plan::Target;
use crate::domain::template::{Asks, Definition};

/// How a target stands.
pub(super) enum Standing {
    /// It asks for what was planned.
    AsPlanned(Arc<Definition>),
    /// It is gone or was changed.
    Otherwise {
        /// How.
        why: String,
        /// The object is not there any more.
        gone: bool,
    },
    /// Nobody answers; why.
    Unseen(String),
}

impl Applying<'_> {
    /// Looks at the object once more. `asks` is what its template asked for after the patch.
    pub(super) async fn standing(&self, target: &Target, asks: &Asks) -> Standing {
        match self.cluster.definition(&target.namespace, target.definition.runs_as()).await {
            Ok(defined) => match otherwise(target, asks, &defined.definition) {
                None => Standing::AsPlanned(defined.definition),
                Some(why) => Standing::Otherwise { why, gone: defined.definition.uid != target.definition.uid },
            },
            Err(NotDefined::Missing) => Standing::Otherwise { why: "it was deleted meanwhile".to_owned(), gone: true },
            Err(NotDefined::Unchangeable(why)) => Standing::Otherwise { why: why.to_string(), gone: false },
            Err(NotDefined::Unreadable(why) | NotDefined::Forbidden { why, .. }) => Standing::Unseen(why),
        }
    }
}

fn otherwise(target: &Target, asks: &Asks, now: &Definition) -> Option<String> {
    if now.uid != target.definition.uid {
        return Some("it was deleted meanwhile, and another object has its name".to_owned());
    }
    target.changes.iter().find_map(|change| {
        let name = &change.container.name;
        match now.slot(&change.container) {
            None => Some(format!("somebody removed its container {name} meanwhile")),
            Some(slot) if asks.get(&change.container).is_some_and(|ours| *ours != slot.image) => {
                Some(format!("somebody changed its container {name} to `{}` meanwhile", slot.image))
            }
            Some(_) => None,
        }
    })
}
