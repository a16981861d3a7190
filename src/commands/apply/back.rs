//! Going back by itself, where the new content did not come to run.

use tokio::time::Instant;

use jiff::Timestamp;

use super::super::look;
use super::{Applying, Seen};
use crate::domain::outcome::TargetState;
use crate::domain::plan::assemble::Around;
use crate::domain::plan::undo::{self, Undo};
use crate::domain::plan::{Target, former};
use crate::domain::verification::Confirmation;
use crate::domain::workload::Snapshot;
use crate::ui::live::Line;

impl Applying<'_> {
    /// Undoes the target's change, waits and proves that the old content runs again.
    pub(in crate::commands) async fn take_back(
        &self,
        target: &Target,
        why: String,
        confirmation: Confirmation,
        place: usize,
        line: &Line,
    ) -> TargetState {
        let stays = |problem: String| TargetState::Unconfirmed {
            why: format!("{why}; and it could not be taken back: {problem}"),
            confirmation: confirmation.clone(),
        };
        let defined = match self.cluster.definition(&target.namespace, target.definition.runs_as()).await {
            Ok(defined) => defined,
            Err(problem) => return stays(super::super::bump::not_defined(&problem)),
        };
        let around = Around {
            definition: &defined.definition,
            managers: &target.managers,
            pods: target.rollout.pods,
            cause: undo::CAUSE,
            author: self.author,
            last_is_proven: false,
            now: Timestamp::now(),
        };
        let back = match undo::undo(&around, None) {
            Ok(Undo::Back(back)) => back,
            Ok(Undo::DoneAlready(_)) => return stays("it is taken back already".to_owned()),
            Err(problem) => return stays(problem.to_string()),
        };
        let back = self.keeping_pods(target, &around).await.unwrap_or(back);
        let note = former::caution(&back);
        let before = self.before(&back).await;
        // Whoever stops it from here on is told that it may be taken back already.
        let going = |answered| TargetState::TakingBack { why: why.clone(), answered };
        self.journal.target(place, going(false));
        let asks = match self.patch(&back, self.patience()).await {
            Ok(asks) => asks,
            Err(TargetState::Changed(problem) | TargetState::NotPatched(problem)) => return stays(problem),
            Err(_) => return going(false),
        };
        self.journal.target(place, going(true));
        let deadline = Instant::now() + self.settings.timeout;
        match self.wait_and_prove(&back, false, &Seen { place, before, asks }, deadline, line).await {
            TargetState::Confirmed { .. } => TargetState::TakenBack { why, problem: None, note },
            TargetState::Unconfirmed { why: problem, .. } => {
                TargetState::TakenBack { why, problem: Some(problem), note }
            }
            _ => {
                let problem = Some("what its pods run was not proven".to_owned());
                TargetState::TakenBack { why, problem, note }
            }
        }
    }

    /// The same way back, where no pod has to be replaced for it.
    async fn keeping_pods(&self, target: &Target, around: &Around<'_>) -> Option<Target> {
        let (pods, owners) = self.pods(target).await?;
        let registries = look::registries(self.cluster, self.common, self.environment).ok()?;
        let snapshot = Snapshot { pods, owners, ..Snapshot::default() };
        super::as_it_was(self.cluster, registries, around, None, &snapshot).await
    }
}
