//! What was changed before, kept in an annotation of the workload itself: what `undo` needs, and by what a second
//! run of a command sees that the first one did its work already.
//!
//! It stands on the workload and not in the template, where it would replace the pods by itself. Each change is a
//! revision; revision 0 is what ran before the first of them that is kept. Revisions make a tree: a change is made on the
//! revision that was in force, and an undo goes back to one without taking anything out of the list. Whether the pods
//! were proven to run a revision is written down as well, so that an interrupted command can be finished, and
//! so that the way back leads to something that ran.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::diagnosis::ContainerName;
use super::template::Definition;
use super::workload::{PullPolicy, Role};
use super::{Digest, Reference};

/// The annotation's key.
pub const ANNOTATION: &str = "kubectl-freshimage/history";

/// More revisions than this are forgotten, oldest first: annotations have a common limit of 256 KiB.
const REMEMBERED: usize = 20;

/// A revision's number; 0 is what was there before.
pub type Revision = u32;

/// What was changed, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Every change and every undo.
    #[serde(default, rename = "changes")]
    pub entries: Vec<Entry>,
}

/// One change of one workload, or one undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number.
    pub revision: Revision,
    /// The revision that was in force before.
    pub on: Revision,
    /// An undo: the revision that it went back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<Revision>,
    /// When it was planned.
    pub at: Timestamp,
    /// Who did it, as the API server knows them; empty where it did not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The command that did it, such as `bump`; what one run changed in several workloads has one name.
    #[serde(default, skip_serializing_if = "Run::is_unknown")]
    pub run: Run,
    /// What was changed.
    pub containers: Vec<Changed>,
    /// The pods were proven to run it.
    #[serde(default)]
    pub proven: bool,
}

/// The run of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// `bump`, `pin`, `undo`.
    pub command: String,
    /// The same for all that one run changed, and for nothing else.
    pub id: String,
    /// How many workloads an undo was to take back; 0 where that was not written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub of: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Run {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
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

/// A pull policy that was changed.
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

    fn place(&self) -> Place {
        (self.role, self.name.clone())
    }
}

/// Kind and name of a container.
pub type Place = (Role, String);

/// What a container asks for in some revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// A reference to exactly that content, if it was known by a digest.
    pub exactly: Option<String>,
    /// The references by which it may be written in the template.
    pub written: Vec<String>,
    /// The pull policy, where one of our changes touched it; the inner `None` says that none was written.
    pub policy: Option<Option<PullPolicy>>,
}

impl Held {
    /// What a change has made.
    #[must_use]
    pub fn of(changed: &Changed) -> Self {
        let exactly = changed.to.parse::<Reference>().ok().map(|reference| match reference.digest() {
            Some(_) => changed.to.clone(),
            None => reference.with_digest(&changed.digest),
        });
        let written = [Some(changed.to.clone()), exactly.clone()].into_iter().flatten().collect();
        Self { exactly, written, policy: None }
    }

    /// What was there before a change.
    fn before(changed: &Changed) -> Self {
        let written = [Some(changed.from.clone()), changed.back.clone()].into_iter().flatten().collect();
        Self { exactly: changed.back.clone(), written, policy: None }
    }
}

impl History {
    /// The history of an object; `None` if it has none, an error if that cannot be read.
    #[must_use]
    pub fn of(definition: &Definition) -> Option<Result<Self, String>> {
        definition.annotation(ANNOTATION).map(Self::parse)
    }

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

    /// The revision that is in force.
    #[must_use]
    pub fn position(&self) -> Revision {
        self.entries.last().map_or(0, |last| last.back_to.unwrap_or(last.revision))
    }

    /// A change of this number; undos have numbers, and are no revisions that anybody could go back to.
    #[must_use]
    pub fn change(&self, revision: Revision) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.revision == revision && entry.back_to.is_none())
    }

    /// The last entry, if its content was not proven to run yet.
    #[must_use]
    pub fn pending(&self) -> Option<&Entry> {
        self.entries.last().filter(|last| !last.proven)
    }

    /// The changes that made a revision, from the first on.
    fn line(&self, revision: Revision) -> Vec<&Entry> {
        let mut line = Vec::new();
        let mut next = revision;
        while let Some(entry) = self.change(next) {
            line.push(entry);
            // Numbers only grow; anything else was not written by us, and would be a ring.
            if entry.on >= entry.revision {
                break;
            }
            next = entry.on;
        }
        line.reverse();
        line
    }

    /// Where an undo goes: the nearest revision before the one in force that was proven to run, or what was there before
    /// the first. `None`: nothing is left to take back.
    #[must_use]
    pub fn way_back(&self) -> Option<Revision> {
        let line = self.line(self.position());
        let before = line.split_last()?.1;
        Some(before.iter().rev().find(|entry| entry.proven).map_or(0, |entry| entry.revision))
    }

    /// Whether nothing that was changed since a revision was ever proven to run.
    #[must_use]
    pub fn is_unproven_since(&self, revision: Revision) -> bool {
        let line = self.line(self.position());
        let mut since = line.iter().filter(|entry| entry.revision > revision).peekable();
        since.peek().is_some() && since.all(|entry| !entry.proven)
    }

    /// Whether a revision was proven to run. What was there before the first change was there.
    #[must_use]
    pub fn is_proven(&self, revision: Revision) -> bool {
        revision == 0 || self.change(revision).is_some_and(|entry| entry.proven)
    }

    /// What each place that was ever changed asks for in a revision. `None`: there is no such revision any more.
    #[must_use]
    pub fn held_at(&self, revision: Revision) -> Option<BTreeMap<Place, Held>> {
        if revision != 0 && self.change(revision).is_none() {
            return None;
        }
        let mut held: BTreeMap<Place, Held> = BTreeMap::new();
        // The first mention of a place, and the first of its policy, tell what was there before.
        let changes = || self.entries.iter().flat_map(|entry| &entry.containers);
        for changed in changes() {
            held.entry(changed.place()).or_insert_with(|| Held::before(changed));
        }
        for (place, held) in &mut held {
            let first = changes().find(|changed| changed.place() == *place && changed.policy.is_some());
            held.policy = first.and_then(|changed| changed.policy).map(|policy| policy.before);
        }
        for changed in self.line(revision).into_iter().flat_map(|entry| &entry.containers) {
            let before = held.get(&changed.place()).and_then(|held| held.policy);
            // A change that touches the policy sets it to `Always`, and only an undo puts it back.
            let policy = if changed.policy.is_some() { Some(Some(PullPolicy::Always)) } else { before };
            held.insert(changed.place(), Held { policy, ..Held::of(changed) });
        }
        Some(held)
    }

    /// What the change in force did to a container, whichever change of the line that was.
    #[must_use]
    pub fn last(&self, container: &ContainerName) -> Option<&Changed> {
        let line = self.line(self.position());
        line.into_iter().rev().find_map(|entry| entry.containers.iter().find(|changed| changed.is_of(container)))
    }

    /// The number of the next entry.
    #[must_use]
    pub fn next_revision(&self) -> Revision {
        self.entries.last().map_or(1, |last| last.revision.saturating_add(1))
    }

    /// With one more entry; the numbers are given here.
    #[must_use]
    pub fn with(&self, entry: Entry) -> Self {
        let entry = Entry { revision: self.next_revision(), on: self.position(), ..entry };
        let mut entries = self.entries.clone();
        entries.push(entry);
        let surplus = entries.len().saturating_sub(REMEMBERED);
        entries.drain(..surplus);
        Self { entries }
    }

    /// With what somebody else has changed in the meantime, as far as these changes are made on it: a revision like any
    /// other, which ran, so that the way back leads to it and not past it.
    #[must_use]
    pub fn noticing(&self, changes: &[Changed], at: Timestamp) -> Self {
        let held = self.held_at(self.position()).unwrap_or_default();
        let undone = self.entries.last().filter(|last| last.back_to.is_some());
        let ours = |changed: &Changed, held: &Held| {
            // What an undo has written, admission may have made another reference of.
            let mut undone = undone.into_iter().flat_map(|last| &last.containers);
            held.written.contains(&changed.from)
                || undone.any(|ours| ours.place() == changed.place() && ours.to == changed.from)
        };
        let others = changes.iter().filter_map(|changed| {
            let known = held.get(&changed.place()).filter(|held| !ours(changed, held))?;
            let digest = changed.back.as_ref()?.parse::<Reference>().ok()?.digest()?.clone();
            Some(Changed {
                name: changed.name.clone(),
                role: changed.role,
                from: known.written.first()?.clone(),
                to: changed.from.clone(),
                digest,
                back: known.exactly.clone(),
                policy: None,
            })
        });
        let containers: Vec<Changed> = others.collect();
        if containers.is_empty() {
            return self.clone();
        }
        let (by, run) = (String::new(), Run::default());
        self.with(Entry { revision: 0, on: 0, back_to: None, at, by, run, containers, proven: true })
    }

    /// With the last entry marked as proven.
    #[must_use]
    pub fn proven(&self) -> Self {
        let mut entries = self.entries.clone();
        if let Some(last) = entries.last_mut() {
            last.proven = true;
        }
        Self { entries }
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
