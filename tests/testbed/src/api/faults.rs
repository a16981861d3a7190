//! What was asked, and answers that are wrong or late on purpose.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::store::error::ApiError;

use super::request::RequestInfo;

/// One request of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The verb, such as `list`.
    pub verb: String,
    /// The path without the query.
    pub path: String,
    /// The query, decoded, in the order of names.
    pub query: BTreeMap<String, String>,
    /// `Accept`.
    pub accept: String,
    /// The user who asked.
    pub user: String,
    /// The status that was answered.
    pub status: u16,
}

/// All requests since the start or the last reset.
#[derive(Debug, Default)]
pub struct RequestLog(Mutex<Vec<Logged>>);

impl RequestLog {
    pub(crate) fn add(&self, entry: Logged) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// The requests so far.
    pub fn all(&self) -> Vec<Logged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often each verb and path was asked for.
    pub fn counts(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for entry in self.all() {
            *counts.entry((entry.verb, entry.path)).or_insert(0) += 1;
        }
        counts
    }

    /// How often a verb was asked for on paths that begin so.
    pub fn count(&self, verb: &str, path_prefix: &str) -> usize {
        self.all().iter().filter(|entry| entry.verb == verb && entry.path.starts_with(path_prefix)).count()
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A fault on some paths.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    /// Paths that begin so.
    pub path_prefix: String,
    /// Only this verb, or every one.
    pub verb: Option<String>,
    /// Wait before anything else.
    pub delay: Duration,
    /// Answer this instead.
    pub error: Option<ApiError>,
    /// Only for so many requests, or for ever.
    pub times: Option<usize>,
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds one.
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Removes all.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What applies to this request; counts it.
    pub(crate) fn take(&self, info: &RequestInfo) -> (Duration, Option<ApiError>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = (Duration::ZERO, None);
        for fault in faults.iter_mut() {
            let applies = info.path.starts_with(&fault.path_prefix)
                && fault.verb.as_ref().is_none_or(|verb| *verb == info.verb)
                && fault.times != Some(0);
            if !applies {
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            found.0 = found.0.max(fault.delay);
            if found.1.is_none() {
                found.1.clone_from(&fault.error);
            }
        }
        found
    }
}
