//! What has to be known of the chosen workloads before anything can be planned: their definitions, what their tags
//! serve, and which digests their repositories have.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::super::look::Seen;
use super::choose::{self, Candidate};
use crate::cluster::{Defined, NotDefined};
use crate::domain::diagnosis::{ContainerName, Item};
use crate::domain::exclusion::Exclusions;
use crate::domain::history::{Changed, History};
use crate::domain::inquiry;
use crate::domain::inventory::{Object, Tag};
use crate::domain::plan::change::{Place, Refusal};
use crate::domain::plan::content::{self, Presence, Presences, Run};
use crate::domain::plan::{ContentOf, Skipped};
use crate::domain::remote::{Failure, Manifest};
use crate::domain::template::{Slot, Unchangeable};
use crate::domain::workload::{Access, Container, Manager, Pod, Role, State};
use crate::domain::{Digest, Reference, Repository};
use crate::registry::Registries;
use crate::ui::names;

/// Workloads that are read at once.
const AT_ONCE: usize = 16;

/// A workload, ready to be planned.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) candidate: Candidate,
    pub(super) defined: Defined,
    pub(super) places: Vec<Known>,
    /// Somebody asked for these places; see [`choose::Places`].
    pub(super) asked_for: bool,
    /// See [`choose::Places`].
    pub(super) settled: bool,
    /// What was changed before.
    pub(super) history: History,
    /// It has pods, and all their containers run (or ended, where that is their nature).
    pub(super) steady: bool,
}

/// One place of its template, and what is known of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) slot: Slot,
    pub(super) item: Option<Item>,
    pub(super) reference: Option<Reference>,
    pub(super) access: Arc<Access>,
    pub(super) served: Result<Digest, String>,
    pub(super) runs: Vec<Run>,
    pub(super) presences: Presences,
    pub(super) last: Option<Changed>,
}

impl Gathered {
    /// Whether the pods run what the last change brought: then it is proven by now, though no command waited for it.
    pub(super) fn last_is_proven(&self) -> bool {
        let Some(pending) = self.history.pending() else { return false };
        self.steady
            && pending.containers.iter().all(|changed| {
                let item = self.candidate.items.iter().find(|item| changed.is_of(&item.container));
                let runs = item.map(content::runs).unwrap_or_default();
                matches!(runs.as_slice(), [Run { digest: Some(digest), .. }] if *digest == changed.digest)
            })
    }

    /// Tools that own the definition, each once.
    pub(super) fn managers(&self) -> Vec<Manager> {
        let of_items = self.candidate.items.iter().flat_map(|item| &item.managers);
        let mut managers: Vec<Manager> = of_items.chain(&self.defined.managers).cloned().collect();
        managers.sort();
        managers.dedup();
        managers
    }

    pub(super) fn place<'a>(&'a self, known: &'a Known) -> Place<'a> {
        Place {
            slot: &known.slot,
            reference: known.reference.clone(),
            replacement: &self.defined.definition.replacement,
            item: known.item.as_ref(),
            served: known.served.clone(),
            runs: known.runs.clone(),
            presences: known.presences.clone(),
            last: known.last.as_ref(),
            settled: self.settled,
        }
    }
}

/// Gathers for all of them at once; what cannot be changed is a row with its reason.
pub(super) async fn gather(
    seen: &Seen,
    candidates: Vec<Candidate>,
    proposed: bool,
    containers: &[String],
    exclusions: &Exclusions,
    content: ContentOf,
) -> (Vec<Gathered>, Vec<Skipped>) {
    let each = candidates.into_iter().map(|candidate| one(seen, candidate, proposed, containers, exclusions, content));
    let results: Vec<_> = stream::iter(each).buffered(AT_ONCE).collect().await;
    let (mut gathered, mut skipped) = (Vec::<Gathered>::new(), Vec::new());
    for (one, left_out) in results {
        // Two that take their template from the same object are one change.
        let is_same = |other: &Gathered| {
            one.as_ref().is_some_and(|one| one.defined.definition.uid == other.defined.definition.uid)
        };
        if gathered.iter().any(is_same) {
            continue;
        }
        gathered.extend(one);
        skipped.extend(left_out);
    }
    (gathered, skipped)
}

async fn one(
    seen: &Seen,
    candidate: Candidate,
    proposed: bool,
    containers: &[String],
    exclusions: &Exclusions,
    content: ContentOf,
) -> (Option<Gathered>, Vec<Skipped>) {
    let named = candidate.named;
    let leave = |container: Option<ContainerName>, refusal: Refusal, refused: bool| Skipped {
        namespace: Arc::clone(&candidate.namespace),
        workload: candidate.workload.clone(),
        container,
        reason: refusal.reason,
        hint: refusal.hint,
        refused,
        changed: false,
    };
    let defined = match seen.cluster.definition(&candidate.namespace, &candidate.workload).await {
        Ok(defined) => defined,
        Err(why) => {
            let below = templates_below(seen, &candidate);
            let refusal = match (&why, below.is_empty()) {
                (NotDefined::Unchangeable(Unchangeable::NoTemplate), false) => Refusal {
                    reason: format!("it has no pod template; its pods are made from {}", below.join(" and ")),
                    hint: Some("name that one, with `--force`: its operator may put the image back".to_owned()),
                },
                _ => Refusal { reason: not_defined(&why), hint: right_to_ask_for(&why) },
            };
            // What cannot be read may well be what was to be changed: nothing may pass for done.
            let refused = named || matches!(why, NotDefined::Unreadable(_) | NotDefined::Forbidden { .. });
            return (None, vec![leave(None, refusal, refused)]);
        }
    };
    let definition = Arc::clone(&defined.definition);
    let history = History::of(&definition).and_then(Result::ok).unwrap_or_default();
    let places = match choose::places(&candidate, &definition, &history, proposed, containers, exclusions) {
        Ok(places) => places,
        Err(refusal) => return (None, vec![leave(None, refusal, true)]),
    };
    let mut skipped: Vec<Skipped> = places
        .elsewhere
        .iter()
        .map(|(container, why)| leave(Some(container.clone()), why.clone(), named && places.slots.is_empty()))
        .collect();
    if places.slots.is_empty() {
        if skipped.is_empty() && named {
            skipped.push(leave(
                None,
                Refusal { reason: "its template asks for no image".to_owned(), hint: None },
                true,
            ));
        }
        return (None, skipped);
    }
    let access = access(seen, &candidate, &defined);
    let known = futures::future::join_all(places.slots.iter().map(|slot| {
        let item = candidate.item(&slot.container).cloned();
        let last = history.last(&slot.container).cloned();
        know(&seen.registries, (*slot).clone(), item, last, Arc::clone(&access), content)
    }))
    .await;
    let (asked_for, settled) = (places.asked_for, places.settled);
    let steady = is_steady(seen, &candidate);
    (Some(Gathered { candidate, defined, places: known, asked_for, settled, history, steady }), skipped)
}

/// The workloads with templates between a custom resource and its pods.
fn templates_below(seen: &Seen, candidate: &Candidate) -> Vec<String> {
    let of_candidate = seen.snapshot.pods.iter().filter(|pod| pod.namespace == candidate.namespace);
    let ownerships = of_candidate.map(|pod| inquiry::ownership(pod, &seen.snapshot.owners));
    let ours = ownerships.filter(|ownership| ownership.workload == candidate.workload);
    let mut below: Vec<String> = ours
        .flat_map(|ownership| ownership.below_the_top().map(|name| names::workload(&name)).collect::<Vec<_>>())
        .map(|name| format!("`{name}`"))
        .collect();
    below.sort();
    below.dedup();
    below
}

/// Why there is nothing to change, in one sentence.
pub(in crate::commands) fn not_defined(why: &NotDefined) -> String {
    match why {
        NotDefined::Unchangeable(why) => why.to_string(),
        NotDefined::Missing => "it is gone".to_owned(),
        NotDefined::Unreadable(why) | NotDefined::Forbidden { why, .. } => format!("it cannot be read: {why}"),
    }
}

/// What somebody who may not read a workload has to ask for.
pub(in crate::commands) fn right_to_ask_for(why: &NotDefined) -> Option<String> {
    match why {
        NotDefined::Forbidden { resource, .. } => Some(format!("ask for `get` and `patch` on `{resource}`")),
        _ => None,
    }
}

/// Whether a workload has pods and none of them waits or crashes.
fn is_steady(seen: &Seen, candidate: &Candidate) -> bool {
    let ours = |pod: &&Pod| {
        pod.namespace == candidate.namespace
            && inquiry::is_live(pod)
            && inquiry::ownership(pod, &seen.snapshot.owners).workload == candidate.workload
    };
    let mut pods = seen.snapshot.pods.iter().filter(ours).peekable();
    let runs = |container: &Container| match container.role {
        Role::Container | Role::Sidecar => matches!(container.state, State::Running { .. }),
        Role::Init | Role::Ephemeral | Role::Volume => true,
    };
    pods.peek().is_some() && pods.all(|pod| pod.containers.iter().all(runs))
}

/// Whose credentials its images are pulled with: a pod's, or else those that the template names.
fn access(seen: &Seen, candidate: &Candidate, defined: &Defined) -> Arc<Access> {
    let of_pod = seen.snapshot.pods.iter().find(|pod| {
        pod.namespace == candidate.namespace
            && inquiry::ownership(pod, &seen.snapshot.owners).workload == candidate.workload
    });
    match of_pod {
        Some(pod) => Arc::clone(&pod.access),
        None => Arc::new(Access {
            namespace: Arc::clone(&candidate.namespace),
            service_account: Arc::clone(&defined.definition.service_account),
            pull_secrets: defined.definition.pull_secrets.clone(),
        }),
    }
}

async fn know(
    registries: &Registries,
    slot: Slot,
    item: Option<Item>,
    last: Option<Changed>,
    access: Arc<Access>,
    content: ContentOf,
) -> Known {
    let runs = item.as_ref().map(content::runs).unwrap_or_default();
    let reference = reference_of(&slot, item.as_ref());
    let Some(parsed) = &reference else {
        let served = Err("its image reference cannot be parsed".to_owned());
        return Known { slot, item, reference, access, served, runs, presences: BTreeMap::new(), last };
    };
    let served = served(registries, parsed, &access).await;
    let mut digests: Vec<Digest> = runs.iter().filter_map(|run| run.digest.clone()).collect();
    if content == ContentOf::Running {
        digests.extend(served.as_ref().ok().cloned());
    }
    digests.sort();
    digests.dedup();
    let asked = digests.into_iter().map(|digest| {
        let access = Arc::clone(&access);
        async move {
            let presence = presence(registries, parsed.repository(), &digest, access).await;
            (digest, presence)
        }
    });
    let presences = futures::future::join_all(asked).await.into_iter().collect();
    Known { slot, item, reference, access, served, runs, presences, last }
}

/// The reference of a place. A name without a registry means the one in which the pods' runtime found it.
fn reference_of(slot: &Slot, item: Option<&Item>) -> Option<Reference> {
    let written: Reference = slot.image.parse().ok()?;
    let found = item.and_then(|item| item.judged_as.as_deref()?.parse::<Reference>().ok());
    let other = found.filter(|found| {
        written.is_short()
            && !found.is_short()
            && written.digest().is_none()
            && found.tag() == written.resolved_tag().as_deref()
    });
    Some(other.unwrap_or(written))
}

/// What a reference's tag serves now; a digest without a tag stands for itself.
async fn served(registries: &Registries, reference: &Reference, access: &Arc<Access>) -> Result<Digest, String> {
    let Some(tag) = reference.resolved_tag() else {
        return reference.digest().cloned().ok_or_else(|| "it has neither a tag nor a digest".to_owned());
    };
    let host = &reference.repository().registry;
    let key = Tag { repository: reference.repository().clone(), tag: Arc::clone(&tag), access: Arc::clone(access) };
    match registries.served(&key).await {
        Ok(served) => Ok(served.digest),
        Err(Failure::NotFound) => {
            Err(format!("registry `{host}` has no tag `{tag}` in `{}`", reference.repository().path))
        }
        Err(failure) => Err(format!("registry `{host}` {}", failure.clause())),
    }
}

/// What a repository says of a digest.
pub(in crate::commands) async fn presence(
    registries: &Registries,
    repository: &Repository,
    digest: &Digest,
    access: Arc<Access>,
) -> Presence {
    let object = Object { repository: repository.clone(), digest: digest.clone(), access };
    match registries.manifest(&object).await {
        Ok(Manifest::Index { .. }) => Presence::Index,
        Ok(Manifest::Image { .. } | Manifest::Incomparable(_)) => Presence::Image,
        Err(Failure::NotFound) => Presence::Absent,
        Err(failure) => Presence::Unknown(format!("registry `{}` {}", repository.registry, failure.clause())),
    }
}
