//! What was changed before, kept in an annotation of the workload itself: what `undo` needs, and by what a second
//! run of a command sees that the first one did its work already.
//!
//! It stands on the workload and not in the template, where it would replace the pods by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Digest;
use super::diagnosis::ContainerName;
use super::workload::{PullPolicy, Role};

/// The annotation's key.
pub const ANNOTATION: &str = "kubectl-freshimage/history";

/// More changes than this are forgotten, oldest first: annotations have a common limit of 256 KiB.
const REMEMBERED: usize = 10;

/// The changes that can be undone, oldest first, and the one that was undone last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Changes that are in force.
    #[serde(default)]
    pub changes: Vec<Record>,
    /// The change that the last `undo` took back; none once something else was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Record>,
}

/// One change of one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was planned.
    pub at: Timestamp,
    /// What was changed.
    pub containers: Vec<Changed>,
}

/// One place of the template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Name of the container or volume.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub role: Role,
    /// The reference before, as it was written.
    pub from: String,
    /// The reference afterwards.
    pub to: String,
    /// The content that it was to bring: the top-level digest.
    pub digest: Digest,
    /// A reference, with a digest, to exactly what ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
    /// The pull policy before, where it was changed; the inner `None` says that none was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyBefore>,
}

/// A pull policy that was changed to `Always`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyBefore {
    /// What was written before.
    pub before: Option<PullPolicy>,
}

impl Changed {
    /// Whether it is about this container.
    #[must_use]
    pub fn is_of(&self, container: &ContainerName) -> bool {
        self.role == container.role && *self.name == *container.name
    }
}

impl History {
    /// Reads the annotation's text.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The annotation's text.
    #[must_use]
    pub fn text(&self) -> String {
        // Plain values with text keys can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// With one more change.
    #[must_use]
    pub fn with(&self, record: Record) -> Self {
        let mut changes = self.changes.clone();
        changes.push(record);
        let surplus = changes.len().saturating_sub(REMEMBERED);
        changes.drain(..surplus);
        Self { changes, undone: None }
    }

    /// With the last change taken back; `None` if there is none.
    #[must_use]
    pub fn without_last(&self) -> Option<Self> {
        let mut changes = self.changes.clone();
        let undone = changes.pop()?;
        Some(Self { changes, undone: Some(undone) })
    }

    /// What the last change did to a container.
    #[must_use]
    pub fn last(&self, container: &ContainerName) -> Option<&Changed> {
        self.changes.last()?.containers.iter().find(|changed| changed.is_of(container))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(second: i64) -> Record {
        Record {
            at: Timestamp::from_second(second).unwrap(),
            containers: vec![Changed {
                name: "app".to_owned(),
                role: Role::Container,
                from: "a:1".to_owned(),
                to: "a:2".to_owned(),
                digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
                back: Some(format!("a:1@sha256:{}", "b".repeat(64))),
                policy: None,
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut history = History::default().with(record(1)).with(record(2));
        history.changes[0].containers[0].policy = Some(PolicyBefore { before: Some(PullPolicy::IfNotPresent) });
        history.changes[0].containers[0].back = None;
        assert_eq!(History::parse(&history.text()), Ok(history));
        assert!(History::parse("{").is_err());
        assert!(History::parse(r#"{"changes":[{"at":"now"}]}"#).is_err());
    }

    #[test]
    fn taking_back_twice_goes_back_two_changes() {
        let history = History::default().with(record(1)).with(record(2));
        let once = history.without_last().unwrap();
        assert_eq!((once.changes.len(), once.undone.as_ref().map(|undone| undone.at.as_second())), (1, Some(2)));
        let twice = once.without_last().unwrap();
        assert_eq!((twice.changes.len(), twice.undone.as_ref().map(|undone| undone.at.as_second())), (0, Some(1)));
        assert_eq!(twice.without_last(), None);
        assert_eq!(twice.with(record(3)).undone, None);
    }

    #[test]
    fn old_changes_are_forgotten() {
        let history = (0..30).fold(History::default(), |history, second| history.with(record(second)));
        assert_eq!((history.changes.len(), history.changes[0].at.as_second()), (REMEMBERED, 20));
    }
}
