//! Which rows are shown, and in which order. Counts and exit codes never depend on it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::cli::SortKey;
use crate::domain::diagnosis::{Item, Verdict};

/// The items that `--only` leaves (all if it is empty), sorted by `--sort-by`; without it, and among equals, in
/// the answer's own order.
#[must_use]
pub fn shown<'a>(items: &'a [Item], only: &BTreeSet<Verdict>, sort_by: Option<SortKey>) -> Vec<&'a Item> {
    let mut shown: Vec<&Item> = items.iter().filter(|item| only.is_empty() || only.contains(&item.verdict)).collect();
    match sort_by {
        None => {}
        Some(SortKey::Workload) => {
            shown.sort_by(|left, right| (&left.namespace, &left.workload).cmp(&(&right.namespace, &right.workload)));
        }
        Some(SortKey::Verdict) => shown.sort_by_key(|item| Reverse(item.verdict)),
        Some(SortKey::Image) => shown.sort_by(|left, right| left.image.cmp(&right.image)),
        Some(SortKey::Pods) => shown.sort_by_key(|item| Reverse(item.pods.total)),
        Some(SortKey::Age) => shown.sort_by_key(|item| {
            let since = item.running.iter().filter_map(|group| group.since).min();
            (since.is_none(), since)
        }),
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples;

    fn names(only: &[Verdict], sort_by: Option<SortKey>) -> Vec<String> {
        let diagnosis = samples::story();
        shown(&diagnosis.items, &only.iter().copied().collect(), sort_by)
            .into_iter()
            .map(|item| item.workload.name.to_string())
            .collect()
    }

    #[test]
    fn the_answers_own_order_stays_unless_another_is_asked_for() {
        assert_eq!(names(&[], None), ["awesomeapp", "api", "db", "report"]);
        assert_eq!(names(&[], Some(SortKey::Verdict)), ["awesomeapp", "api", "report", "db"]);
        assert_eq!(names(&[], Some(SortKey::Pods)), ["api", "db", "awesomeapp", "report"]);
        assert_eq!(
            names(&[], Some(SortKey::Workload)),
            ["awesomeapp", "api", "db", "report"].map(sorted_place).map(str::to_owned)
        );
        assert_eq!(names(&[], Some(SortKey::Age)).last().unwrap(), "report");
    }

    /// Deployments `api`, `awesomeapp`, then the stateful set and the cron job by their API versions and kinds.
    fn sorted_place(name: &str) -> &str {
        match name {
            "awesomeapp" => "api",
            "api" => "awesomeapp",
            other => other,
        }
    }

    #[test]
    fn only_leaves_the_verdicts_that_were_asked_for() {
        assert_eq!(names(&[Verdict::Stale, Verdict::Unknown], None), ["awesomeapp", "report"]);
        assert!(names(&[Verdict::Local], None).is_empty());
    }
}
