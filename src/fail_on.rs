//! `--fail-on`: which verdicts and findings end a run with a code of their own.

use std::collections::BTreeSet;

use crate::domain::diagnosis::{Diagnosis, Finding, Item, Verdict};
use crate::domain::workload::Role;
use crate::exit::Exit;

/// What a script does not want to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailOn {
    /// Verdicts of a container, or of a group of its pods.
    pub verdicts: BTreeSet<Verdict>,
    /// Findings beside the verdict.
    pub findings: BTreeSet<Finding>,
}

impl FailOn {
    /// The exit code for an answer; it counts every item, whatever `--only` shows of them, except for containers that
    /// somebody added to a running pod to look into it: they go with it, and no deployment brings them.
    ///
    /// [`Exit::Unchecked`] only where `unknown` is the only thing that was hit: a proven finding weighs more than
    /// an open question.
    #[must_use]
    pub fn judge(&self, diagnosis: &Diagnosis) -> Exit {
        // Nothing that was checked is no all-clear: a selector with a typo in it, a registry that asks for a login. To
        // exclude everything is somebody's choice.
        let asks = !self.verdicts.is_empty() || !self.findings.is_empty();
        let chosen = diagnosis.items.is_empty() && diagnosis.summary.left_out.total() > 0;
        let mut unchecked = asks && !chosen && !diagnosis.items.iter().any(|item| item.verdict != Verdict::Unknown);
        for item in diagnosis.items.iter().filter(|item| item.container.role != Role::Ephemeral) {
            if item.findings.iter().any(|finding| self.findings.contains(finding)) {
                return Exit::Found;
            }
            for verdict in verdicts_of(item).filter(|verdict| self.verdicts.contains(verdict)) {
                if verdict != Verdict::Unknown {
                    return Exit::Found;
                }
                unchecked = true;
            }
        }
        if unchecked { Exit::Unchecked } else { Exit::Done }
    }
}

/// The item's own verdict and those of its groups: `mixed` hides that some of the pods are `stale`.
fn verdicts_of(item: &Item) -> impl Iterator<Item = Verdict> {
    std::iter::once(item.verdict).chain(item.running.iter().map(|group| group.verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;

    fn on(verdicts: &[Verdict], findings: &[Finding]) -> FailOn {
        FailOn { verdicts: verdicts.iter().copied().collect(), findings: findings.iter().copied().collect() }
    }

    #[test]
    fn what_was_not_asked_for_does_not_fail() {
        assert_eq!(FailOn::default().judge(&samples::story()), Exit::Done);
        assert_eq!(on(&[Verdict::Waiting], &[Finding::PullNever]).judge(&samples::story()), Exit::Done);
    }

    #[test]
    fn a_group_inside_a_mixed_workload_counts() {
        let mut diagnosis = samples::story();
        diagnosis.items.retain(|item| item.verdict == Verdict::Mixed);
        assert_eq!(on(&[Verdict::Stale], &[]).judge(&diagnosis), Exit::Found);
        assert_eq!(on(&[Verdict::Mixed], &[]).judge(&diagnosis), Exit::Found);
    }

    #[test]
    fn a_finding_counts_like_a_verdict() {
        assert_eq!(on(&[], &[Finding::MovedTag]).judge(&samples::story()), Exit::Found);
    }

    #[test]
    fn unknown_alone_has_a_code_of_its_own() {
        let both = on(&[Verdict::Unknown, Verdict::Stale], &[]);
        assert_eq!(both.judge(&samples::story()), Exit::Found);
        let mut diagnosis = samples::story();
        diagnosis.items.retain(|item| item.verdict == Verdict::Unknown);
        assert_eq!(both.judge(&diagnosis), Exit::Unchecked);
        assert_eq!(on(&[Verdict::Stale], &[]).judge(&diagnosis), Exit::Unchecked, "nothing else was checked");
    }

    #[test]
    fn a_container_for_debugging_does_not_count() {
        let mut diagnosis = samples::story();
        diagnosis.items.truncate(1);
        diagnosis.items[0].container.role = Role::Ephemeral;
        assert_eq!(on(&Verdict::ALL, &Finding::ALL).judge(&diagnosis), Exit::Done);
    }

    #[test]
    fn where_nothing_was_checked_nothing_is_clear() {
        assert_eq!(FailOn::default().judge(&Diagnosis::default()), Exit::Done);
        assert_eq!(on(&[Verdict::Stale], &[]).judge(&Diagnosis::default()), Exit::Unchecked);
    }
}
