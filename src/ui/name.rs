//! `-o name`: one workload a line, to be fed to other commands.

use std::collections::HashSet;
use std::sync::Arc;

use super::names;
use crate::domain::diagnosis::{Item, WorkloadName};

/// `deployment.apps/web`, each workload once, in the order of the items.
#[must_use]
pub fn render(items: &[&Item]) -> String {
    of(items.iter().map(|item| (&item.namespace, &item.workload)))
}

/// The same for any workloads with their namespaces.
pub(super) fn of<'a>(workloads: impl Iterator<Item = (&'a Arc<str>, &'a WorkloadName)>) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for workload in workloads {
        if seen.insert(workload) {
            text.push_str(&names::workload_in_full(workload.1));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;

    #[test]
    fn each_workload_is_named_once() {
        let diagnosis = samples::kinds();
        let items: Vec<_> = diagnosis.items.iter().collect();
        insta::assert_snapshot!(render(&items), @"
        rollout.argoproj.io/web
        pod/shell
        ");
    }
}
