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
    /// The status that was answered; 0 if the connection was cut instead.
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

/// Which requests are meant. What the bed itself asks (as stories do through their namespaces) never is, so that counts
/// are the product's.
#[derive(Debug, Clone, Default)]
pub struct RequestMatch {
    verb: Option<String>,
    path_prefix: String,
    user: Option<String>,
    dry_run: Option<bool>,
}

impl RequestMatch {
    /// Requests of this verb (`get`, `list`, `patch`, …) on paths that begin so, tries by `dryRun` left out.
    #[must_use]
    pub fn new(verb: &str, path_prefix: &str) -> Self {
        Self {
            verb: Some(verb.to_owned()),
            path_prefix: path_prefix.to_owned(),
            dry_run: Some(false),
            ..Self::default()
        }
    }

    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Only tries by `dryRun`.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = Some(true);
        self
    }

    /// Only this user's.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        self.user = Some(name.to_owned());
        self
    }

    pub(crate) fn matches(&self, info: &RequestInfo, user: &str) -> bool {
        info.user_agent != "testbed"
            && info.path.starts_with(&self.path_prefix)
            && self.verb.as_ref().is_none_or(|verb| *verb == info.verb)
            && self.user.as_ref().is_none_or(|name| name == user)
            && self.dry_run.is_none_or(|dry| dry != info.parameter("dryRun").is_empty())
    }
}

/// Where a connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before anything was done.
    Before,
    /// After the request was carried out.
    After,
}

/// What goes wrong with some requests.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    /// The requests.
    pub matching: RequestMatch,
    /// Wait before anything else.
    pub delay: Duration,
    /// Answer this instead.
    pub error: Option<ApiError>,
    /// End the connection.
    pub cut: Option<Cut>,
    /// The first requests that match and are left alone.
    pub skipped: usize,
    /// Only for so many requests after those, or for ever.
    pub times: Option<usize>,
}

/// What applies to one request.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) delay: Duration,
    pub(crate) error: Option<ApiError>,
    pub(crate) cut: Option<Cut>,
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
    pub(crate) fn take(&self, info: &RequestInfo, user: &str) -> Taken {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Taken::default();
        for fault in faults.iter_mut().filter(|fault| fault.times != Some(0) && fault.matching.matches(info, user)) {
            if fault.skipped > 0 {
                fault.skipped -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            taken.delay = taken.delay.max(fault.delay);
            if taken.error.is_none() {
                taken.error.clone_from(&fault.error);
            }
            taken.cut = taken.cut.or(fault.cut);
        }
        taken
    }
}
