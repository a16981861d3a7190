//! What a node tells: the names under which it holds its images, when it said so, and which runtime it has.

use std::sync::Arc;

use super::Ground;
use super::ladder::{Climb, Decision, Ladder, Outcome, is_child};
use crate::domain::diagnosis::Verdict;
use crate::domain::inventory::Question;
use crate::domain::reference::{DOCKER_HUB, Reference};
use crate::domain::running::Running;
use crate::domain::workload::{NodeStore, State};
use crate::domain::{Digest, Repository};

/// Where the runtime took an image from.
pub(super) enum Source {
    /// From the registry that the reference names, or from Docker Hub where it names none.
    Written,
    /// From this repository: the reference names no registry, and the runtime looks through several.
    Named(Repository),
    /// Perhaps from this one; the node could not be asked for its runtime.
    Doubtful(Repository),
}

impl<'a> Ladder<'a> {
    fn store(&self, node: &Arc<str>) -> Climb<Result<&'a NodeStore, &'a str>> {
        match self.answers.node_stores.get(node) {
            None => Err(vec![Question::NodeStore(Arc::clone(node))]),
            Some(answer) => Ok(answer.as_ref().map_err(String::as_str)),
        }
    }

    /// CRI-O looks a name without a registry up in a list of registries (`unqualified-search-registries`, aliases), and
    /// the status names the one that had it. containerd and Docker always take Docker Hub, and may name any other
    /// repository with the same content.
    pub(super) fn taken_from(&mut self, reference: &Reference, running: &Running) -> Climb<Source> {
        if !reference.is_short() {
            return Ok(Source::Written);
        }
        let shown = || self.subject.container.shown_image.parse::<Reference>().ok();
        let named = match running {
            Running::Manifest { repository, .. } => repository.clone(),
            _ => shown().map(|shown| shown.repository().clone()),
        };
        let Some(named) = named.filter(|named| &*named.registry != DOCKER_HUB) else { return Ok(Source::Written) };
        let Some(node) = &self.subject.pod.node else { return Ok(Source::Doubtful(named)) };
        let asked = format!("node {node}, nodeInfo");
        match self.store(node)? {
            Err(why) => {
                self.note(asked, format!("cannot be read: {why}"));
                Ok(Source::Doubtful(named))
            }
            Ok(store) if store.runtime.starts_with("cri-o://") => {
                self.note(asked, format!("{}; the name without a registry was found in {named}", store.runtime));
                Ok(Source::Named(named))
            }
            Ok(_) => Ok(Source::Written),
        }
    }

    /// Whether the node has this tag without a repo digest beside it, as an import leaves it (and a pull behind the
    /// kubelet's back does too).
    pub(super) fn has_by_tag_alone(&mut self, repository: &Repository, tag: &str, running: &Running) -> Climb<bool> {
        let (Running::Config { .. }, Some(node)) = (running, &self.subject.pod.node) else { return Ok(false) };
        let Ok(store) = self.store(node)? else { return Ok(false) };
        let is_this = |name: &String| is_named(name, repository, tag);
        let alone =
            store.images.iter().any(|names| names.iter().any(is_this) && !names.iter().any(|name| name.contains('@')));
        if alone {
            self.note(
                format!("node {node}, status.images"),
                "has it by its tag alone, without a repo digest".to_owned(),
            );
        }
        Ok(alone)
    }

    /// The pod's node, where it may not have reported yet what was pulled for the container.
    pub(super) fn lagging_node(&self) -> Option<Arc<str>> {
        let node = self.subject.pod.node.as_ref()?;
        let store = self.answers.node_stores.get(node)?.as_ref().ok()?;
        let started = match &self.subject.container.state {
            State::Running { since: Some(since) } => *since,
            _ => self.subject.pod.created?,
        };
        store.lags_behind(started, self.subject.now).then(|| Arc::clone(node))
    }

    /// Step 8: the node's own list of what it holds. Names of one entry are names of one content, so a
    /// digest that stands beside the running one speaks for it.
    pub(super) fn ask_the_node(
        &mut self,
        repository: &Repository,
        running: &Digest,
        served: &Digest,
    ) -> Climb<Option<Decision>> {
        let Some(node) = &self.subject.pod.node else { return Ok(None) };
        let asked = format!("node {node}, status.images");
        let store = match self.store(node)? {
            Err(why) => {
                self.note(asked, format!("cannot be read: {why}"));
                return Ok(None);
            }
            Ok(store) => store,
        };
        let siblings: Vec<(Option<Repository>, Digest)> = store
            .images
            .iter()
            .map(|names| names.iter().filter_map(|name| repo_digest(name)).collect::<Vec<_>>())
            .filter(|digests| digests.iter().any(|(_, digest)| digest == running))
            .flatten()
            .filter(|(_, digest)| digest != running)
            .collect();
        let manifest = self.manifest(repository, served)?.ok();
        let is_served =
            |digest: &Digest| digest == served || manifest.is_some_and(|manifest| is_child(manifest, digest));
        if let Some((_, sibling)) = siblings.iter().find(|(_, digest)| is_served(digest)) {
            self.note(asked, format!("has {} and {} as one image", running.short(12), sibling.short(12)));
            return Ok(Some((Verdict::Rewrapped, Ground::SameInInventory(Arc::clone(node)))));
        }
        self.note(asked, "does not name both digests as one image".to_owned());
        for (place, sibling) in siblings {
            let place = place.unwrap_or_else(|| repository.clone());
            match self.compare_digests(&place, &sibling, repository, served)? {
                Outcome::Same => return Ok(Some((Verdict::Rewrapped, Ground::SameThroughSibling(sibling)))),
                Outcome::Different => {
                    self.describe(repository, Some(served), Some((&place, &sibling)), None, true)?;
                    return Ok(Some((Verdict::Stale, Ground::DifferentThroughSibling(sibling))));
                }
                Outcome::Missing | Outcome::Failed(..) | Outcome::Undecidable(_) => {}
            }
        }
        Ok(None)
    }
}

/// Whether a name in a node's list is this tag.
pub(in crate::domain) fn is_named(name: &str, repository: &Repository, tag: &str) -> bool {
    name.parse::<Reference>().is_ok_and(|name| {
        name.digest().is_none() && name.repository() == repository && name.resolved_tag().as_deref() == Some(tag)
    })
}

/// `repo@sha256:…` of an inventory; names with a tag are no digests.
fn repo_digest(name: &str) -> Option<(Option<Repository>, Digest)> {
    match Running::parse(name) {
        Running::Manifest { repository, digest } => Some((repository, digest)),
        Running::Imported { digest } => Some((None, digest)),
        _ => None,
    }
}
