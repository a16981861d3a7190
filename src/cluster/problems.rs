//! What could not be read, each resource said once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::workload::Problem;
use crate::text::excerpt;

/// By resource: the first reason, and how many other reasons there were.
#[derive(Debug, Default)]
pub(super) struct Problems {
    by_resource: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Problems {
    pub(super) fn add(&self, what: &str, why: &str) {
        let mut by_resource = self.by_resource.lock().unwrap_or_else(PoisonError::into_inner);
        let reasons = by_resource.entry(excerpt(what, 150)).or_default();
        let why = excerpt(why, 300);
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }

    pub(super) fn list(&self) -> Vec<Problem> {
        let by_resource = self.by_resource.lock().unwrap_or_else(PoisonError::into_inner);
        by_resource
            .iter()
            .map(|(what, reasons)| {
                let first = reasons.first().map_or("", String::as_str);
                let why = match reasons.len() {
                    0 | 1 => first.to_owned(),
                    more => format!("{first} (and {} more)", more - 1),
                };
                Problem { what: what.clone(), why }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_is_said_once() {
        let problems = Problems::default();
        for (what, why) in [("nodes", "a"), ("secrets", "x"), ("nodes", "a"), ("secrets", "y"), ("secrets", "z")] {
            problems.add(what, why);
        }
        let list: Vec<_> = problems.list().into_iter().map(|problem| (problem.what, problem.why)).collect();
        assert_eq!(list, [("nodes".to_owned(), "a".to_owned()), ("secrets".to_owned(), "x (and 2 more)".to_owned())]);
    }
}
