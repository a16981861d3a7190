//! From what is known to the plan: names are looked for, the core decides the rest.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::naming::{self, Wanted};
use super::gather::{Gathered, Known};
use crate::domain::diagnosis::ContainerName;
use crate::domain::plan::assemble::{self, Around, Author};
use crate::domain::plan::change::{self, Name, Refusal};
use crate::domain::plan::{ContentOf, Plan, Skipped, Target, To};
use crate::domain::scheme::{Part, SchemeChoice};
use crate::domain::workload::{Access, Role};
use crate::domain::{Digest, Repository};
use crate::registry::Registries;

/// How everything is to be changed.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) to: To,
    pub(super) content: ContentOf,
    pub(super) scheme: SchemeChoice,
    pub(super) part: Option<Part>,
    /// The command, for a change's cause.
    pub(super) cause: String,
    pub(super) author: Author,
    pub(super) now: Timestamp,
}

impl Wish {
    /// The present time, in UTC.
    pub(super) fn utc(&self) -> jiff::civil::DateTime {
        self.now.to_zoned(jiff::tz::TimeZone::UTC).datetime()
    }
}

/// A name that some places need: one for each tag of a repository and each content of it.
#[derive(Debug, Clone)]
pub(super) struct Needed {
    pub(super) repository: Repository,
    /// The tag that is asked for now.
    pub(super) tag: Arc<str>,
    /// The content that is to get the name, or that is given by its digest; none where a tag that is there is switched to.
    pub(super) digest: Option<Digest>,
    pub(super) access: Arc<Access>,
    /// What was found.
    pub(super) found: Option<Result<Name, Refusal>>,
}

/// Which names are needed, each once.
pub(super) fn needed(gathered: &[Gathered], wish: &Wish) -> Vec<Needed> {
    let mut needed: Vec<Needed> = Vec::new();
    if !matches!(wish.to, To::Tag(_) | To::Existing(_) | To::Set(_)) {
        return needed;
    }
    for (one, known) in gathered.iter().flat_map(|one| one.places.iter().map(move |known| (one, known))) {
        let Some(key) = key(one, known, wish) else { continue };
        if !needed.iter().any(|other| other.is_for(&key, known, wish)) {
            let (repository, tag, digest) = key;
            needed.push(Needed { repository, tag, digest, access: Arc::clone(&known.access), found: None });
        }
    }
    needed
}

/// A repository, the tag that is asked for or given, and the content.
type Key = (Repository, Arc<str>, Option<Digest>);

/// Whose name a place needs; `None` where it needs none, or cannot get one.
fn key(one: &Gathered, known: &Known, wish: &Wish) -> Option<Key> {
    if let Some(given) = wish.to.given(&known.slot.container.name) {
        let tag = given.resolved_tag().unwrap_or_default();
        return Some((given.repository().clone(), tag, given.digest().cloned()));
    }
    let reference = known.reference.as_ref()?;
    let tag = reference.resolved_tag().unwrap_or_else(|| "latest".into());
    if let To::Existing(_) = wish.to {
        return Some((reference.repository().clone(), tag, None));
    }
    let place = one.place(known);
    let digest = change::wanted(&place, wish.content).ok()?;
    if wish.to == To::Tag(None) && change::is_done(&place, &digest) {
        return None;
    }
    Some((reference.repository().clone(), tag, Some(digest)))
}

/// Looks for the names that were not found yet. Two contents of one repository may be offered the same one: then the
/// later of them is offered the next.
pub(super) async fn find(registries: &Registries, needed: &mut [Needed], wish: &Wish) {
    let looks = needed.iter().map(|need| async {
        match &need.found {
            Some(found) => found.clone(),
            None => look(registries, need, wish, Vec::new()).await,
        }
    });
    let found = futures::future::join_all(looks).await;
    for (need, found) in needed.iter_mut().zip(found) {
        need.found = Some(found);
    }
    if wish.to != To::Tag(None) {
        return;
    }
    for place in 1..needed.len() {
        let (before, rest) = needed.split_at_mut(place);
        let need = &mut rest[0];
        let given: Vec<String> = before
            .iter()
            .filter(|other| other.repository == need.repository && other.digest != need.digest)
            .filter_map(|other| Some(other.found.as_ref()?.as_ref().ok()?.tag.clone()))
            .collect();
        if matches!(&need.found, Some(Ok(name)) if given.contains(&name.tag)) {
            need.found = Some(look(registries, need, wish, given).await);
        }
    }
}

async fn look(registries: &Registries, need: &Needed, wish: &Wish, given: Vec<String>) -> Result<Name, Refusal> {
    let wanted = need.wanted(wish, given);
    match &wish.to {
        To::Tag(Some(name)) | To::Existing(name) => naming::named(registries, &wanted, name).await,
        To::Set(_) => naming::given(registries, &need.repository, &need.access, &need.tag, need.digest.as_ref()).await,
        _ => naming::proposed(registries, &wanted).await.map(|found| found.name),
    }
}

impl Needed {
    /// Whether a place needs this one. Each workload reads what it is given with its own secrets.
    fn is_for(&self, key: &Key, known: &Known, wish: &Wish) -> bool {
        let (repository, tag, digest) = key;
        (&self.repository, &self.tag, &self.digest) == (repository, tag, digest)
            && (!matches!(wish.to, To::Set(_)) || self.access == known.access)
    }

    /// The name as it is looked for. `given` are names that the plan gives to other content.
    pub(super) fn wanted<'a>(&'a self, wish: &Wish, given: Vec<String>) -> Wanted<'a> {
        Wanted {
            repository: &self.repository,
            access: &self.access,
            tag: &self.tag,
            digest: self.digest.as_ref(),
            scheme: wish.scheme,
            part: wish.part,
            now: wish.utc(),
            given,
            reuse: true,
        }
    }
}

/// The plan.
pub(super) fn plan(gathered: &[Gathered], mut skipped: Vec<Skipped>, needed: &[Needed], wish: &Wish) -> Plan {
    let mut targets = Vec::new();
    for one in gathered {
        let (target, left_out) = target(one, needed, wish);
        targets.extend(target);
        skipped.extend(left_out);
    }
    let names: Vec<(Repository, Name)> = needed
        .iter()
        .filter(|_| matches!(wish.to, To::Tag(_)))
        .filter_map(|need| Some((need.repository.clone(), need.found.as_ref()?.as_ref().ok()?.clone())))
        .collect();
    assemble::plan(targets, &names, skipped)
}

/// Whether a name that is given an image means a container, and not the image volume that has it too.
fn is_hidden(one: &Gathered, known: &Known) -> bool {
    let same = |other: &Known| {
        other.slot.container.name == known.slot.container.name && other.slot.container.role != Role::Volume
    };
    known.slot.container.role == Role::Volume && one.places.iter().any(same)
}

fn target(one: &Gathered, needed: &[Needed], wish: &Wish) -> (Option<Target>, Vec<Skipped>) {
    let mut changes = Vec::new();
    let mut refusals: Vec<(ContainerName, Refusal)> = Vec::new();
    for known in &one.places {
        if matches!(wish.to, To::Set(_)) && is_hidden(one, known) {
            continue;
        }
        let name = key(one, known, wish).and_then(|key| needed.iter().find(|need| need.is_for(&key, known, wish)));
        let name = match name.and_then(|need| need.found.as_ref()) {
            Some(Err(refusal)) => {
                refusals.push((known.slot.container.clone(), refusal.clone()));
                continue;
            }
            Some(Ok(name)) => Some(name),
            None => None,
        };
        match change::change(&one.place(known), &wish.to, wish.content, name) {
            Ok(change) => changes.push(change),
            Err(refusal) => refusals.push((known.slot.container.clone(), refusal)),
        }
    }
    // Where nobody named the containers, those that cannot be changed do not keep the others from it.
    let refused = one.asked_for || (one.candidate.named && changes.is_empty());
    let skipped = refusals
        .into_iter()
        .map(|(container, refusal)| Skipped {
            namespace: Arc::clone(&one.candidate.namespace),
            workload: one.candidate.workload.clone(),
            container: Some(container),
            reason: refusal.reason,
            hint: refusal.hint,
            refused,
            changed: false,
        })
        .collect();
    if changes.is_empty() {
        return (None, skipped);
    }
    let managers = one.managers();
    let around = Around {
        definition: &one.defined.definition,
        managers: &managers,
        pods: one.candidate.pods(),
        cause: &wish.cause,
        author: &wish.author,
        last_is_proven: one.last_is_proven(),
        now: wish.now,
    };
    (Some(assemble::target(&around, changes)), skipped)
}
