//! Before anything is written: can the nodes start what is planned?

use futures::{StreamExt as _, stream};

use super::super::asking::Asking;
use super::{Applying, access_of};
use crate::domain::plan::readiness::{self, Nodes};
use crate::domain::plan::{Left, Plan, Target};

/// Targets that are looked at at once.
const AT_ONCE: usize = 16;

/// For each target, why its pods could not start.
pub(in crate::commands) async fn ready(applying: &Applying<'_>, plan: &Plan) -> Vec<Option<Left>> {
    stream::iter(&plan.targets).map(|target| lacking(applying, target)).buffered(AT_ONCE).collect().await
}

async fn lacking(applying: &Applying<'_>, target: &Target) -> Option<Left> {
    let nodes = readiness::nodes(applying.snapshot, target);
    let access = access_of(target);
    let mut asking = Asking::new(applying.cluster.clone(), applying.registries.clone());
    let mut questions = Vec::new();
    loop {
        let answers = asking.answers(questions).await;
        match readiness::lacks(target, &nodes, answers, &access) {
            Err(more) => questions = more,
            Ok(lacking) => {
                let hint = match &nodes {
                    Nodes::Each(_) => "push the image for every platform that the workload's nodes have",
                    Nodes::Some(_) => "push the image for the platforms that the nodes have",
                };
                return lacking.map(|why| Left::new(why).hint(hint));
            }
        }
    }
}
