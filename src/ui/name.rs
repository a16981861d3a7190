//! `-o name`: one workload a line, to be fed to other commands.

use std::collections::HashSet;

use super::names;
use crate::domain::diagnosis::Item;

/// `deployment.apps/web`, each workload once, in the order of the items.
#[must_use]
pub fn render(items: &[&Item]) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for item in items {
        if seen.insert((&item.namespace, &item.workload)) {
            text.push_str(&names::workload_in_full(&item.workload));
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
