//! The repository's tags, and the stream that a new one joins.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::check_tag;
use crate::domain::floating::is_floating;

/// How many existing tags are shown beside a new one.
const NEIGHBOURS: usize = 3;

/// The running tag and all others, without what registries should not have listed.
pub(super) struct Listing<'a> {
    /// What the workload asks for.
    pub running: &'a str,
    /// Each tag once, the running one included, in an order that does not depend on the registry's.
    pub tags: Vec<&'a str>,
    only_floating: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn new(running: &'a str, tags: &'a [String]) -> Self {
        let usable = |tag: &&str| check_tag(tag).is_ok() && !is_attachment(tag);
        let mut listed: BTreeSet<&str> = tags.iter().map(String::as_str).filter(usable).collect();
        let only_floating = !listed.is_empty() && listed.iter().all(|tag| is_floating(tag));
        listed.insert(running);
        Self { running, tags: listed.into_iter().collect(), only_floating }
    }

    /// There are tags, and all of them float.
    pub(super) fn only_floating(&self) -> bool {
        self.only_floating
    }
}

/// Signatures and other attachments of a content, which lie beside it under the name of its digest
/// (`sha256-….sig`): names for machines.
fn is_attachment(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else {
        return false;
    };
    let hex = rest.split('.').next().unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The tags that a new one goes on from, the highest rank first.
pub(super) struct Stream<'a, Rank> {
    members: Vec<(Rank, &'a str)>,
}

impl<'a, Rank: Ord> Stream<'a, Rank> {
    pub(super) fn new(members: impl IntoIterator<Item = (Rank, &'a str)>) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        members.sort_by(|one, other| Reverse(one).cmp(&Reverse(other)));
        Self { members }
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The rank of the highest.
    pub(super) fn highest(&self) -> Option<&Rank> {
        self.members.first().map(|(rank, _)| rank)
    }

    /// The highest, unless the running one is as high.
    pub(super) fn newest(&self, running: &str) -> Option<String> {
        let (rank, tag) = self.members.first()?;
        let reached = self.members.iter().any(|(other, member)| *member == running && other >= rank);
        (!reached).then(|| (*tag).to_owned())
    }

    /// The highest ones, and the running one among them if it is of the stream.
    pub(super) fn nearest(&self, running: &str) -> Vec<String> {
        let mut nearest: Vec<&str> = self.members.iter().take(NEIGHBOURS).map(|(_, tag)| *tag).collect();
        if !nearest.contains(&running) && self.members.iter().any(|(_, tag)| *tag == running) {
            nearest.pop();
            nearest.push(running);
        }
        nearest.into_iter().map(str::to_owned).collect()
    }
}

/// What existing tags prove of a new one.
pub(super) fn counted_on_from(start: &str, neighbours: &[String]) -> String {
    match neighbours {
        [] => format!("next after {start}"),
        [only] => format!("next after {only}"),
        several => format!("next by the repository's own scheme ({})", several.join(", ")),
    }
}
