//! The steps themselves, cheapest first.

use std::sync::Arc;

use super::evidence::short;
use super::{Ground, PinnedTag, Subject};
use crate::domain::content::{self, Comparison, Fetched};
use crate::domain::diagnosis::{Content, Evidence, Verdict};
use crate::domain::inventory::{Answers, Question};
use crate::domain::reference::Reference;
use crate::domain::remote::{Failure, Manifest};
use crate::domain::rollout;
use crate::domain::running::Running;
use crate::domain::workload::{Phase, PullPolicy, Role, State};
use crate::domain::{Digest, Platform, Repository};

/// `Err` holds the questions that come next.
pub(super) type Climb<T> = Result<T, Vec<Question>>;
pub(super) type Decision = (Verdict, Ground);

pub(super) struct Ladder<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) answers: &'a Answers,
    pub(super) served: Option<Digest>,
    pub(super) contents: (Option<Content>, Option<Content>),
    pub(super) running_platform: Option<Platform>,
    pub(super) tag_moved: bool,
    pub(super) evidence: Vec<Evidence>,
}

impl<'a> Ladder<'a> {
    pub(super) fn climb(&mut self) -> Climb<Decision> {
        let container = self.subject.container;
        let reference: Reference = match container.image.parse() {
            Ok(reference) => reference,
            Err(error) => return Ok((Verdict::Unknown, Ground::MalformedReference(error.to_string()))),
        };
        if let Some(pinned) = reference.digest() {
            return self.pinned(&reference, pinned.clone());
        }
        if let Some(ground) = self.not_decidable_now() {
            return Ok((Verdict::Waiting, ground));
        }
        if self.subject.references_differ
            && let Some(decision) = self.rolling()?
        {
            return Ok(decision);
        }
        let decision = self.compare_with_tag(&reference)?;
        // A pod that a rollout is about to replace is no finding; most workloads never need this look.
        if matches!(decision.0, Verdict::Stale | Verdict::Suspect | Verdict::Unpublished)
            && let Some(rolling) = self.rolling()?
        {
            return Ok(rolling);
        }
        Ok(decision)
    }

    fn pinned(&mut self, reference: &Reference, pinned: Digest) -> Climb<Decision> {
        let Some(tag) = reference.tag() else { return Ok((Verdict::Pinned, Ground::Pinned(PinnedTag::None))) };
        let repository = reference.repository();
        let served = match self.served(repository, &tag.into())? {
            Ok(served) => served,
            Err(Failure::NotFound) => return Ok((Verdict::Pinned, Ground::Pinned(PinnedTag::Absent))),
            Err(failure) => {
                let why = format!("registry `{}` {}", repository.registry, failure.clause());
                return Ok((Verdict::Pinned, Ground::Pinned(PinnedTag::NotKnown(why))));
            }
        };
        if served == pinned {
            return Ok((Verdict::Pinned, Ground::Pinned(PinnedTag::Same)));
        }
        let tag = match self.compare_digests(repository, &pinned, repository, &served)? {
            Outcome::Same => PinnedTag::Same,
            Outcome::Different => PinnedTag::Moved,
            Outcome::Missing => PinnedTag::NotKnown("the pinned digest is no longer in the registry".to_owned()),
            Outcome::Failed(failure, repository) => {
                PinnedTag::NotKnown(format!("registry `{}` {}", repository.registry, failure.clause()))
            }
            Outcome::Undecidable(why) => PinnedTag::NotKnown(why),
        };
        self.tag_moved = tag == PinnedTag::Moved;
        Ok((Verdict::Pinned, Ground::Pinned(tag)))
    }

    /// Step 2: what cannot be judged, because nothing runs or nothing is reported.
    fn not_decidable_now(&self) -> Option<Ground> {
        let Subject { pod, container, .. } = self.subject;
        if pod.deleting {
            return Some(Ground::Deleting);
        }
        // Whoever ends a pod from outside, after its node was lost or shut down, leaves what its containers said last.
        let over = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
        match &container.state {
            State::Unreported => Some(Ground::NotStarted),
            State::Terminated { reason, .. } => Some(Ground::Ended(Arc::clone(reason))),
            State::Waiting { reason, message } => {
                // Between two crashes `imageID` is the last run's, and the next start takes the same image
                // from the node; under `Always` it asks the registry first, so nothing is known of it.
                let crashing = reason.as_ref() == "CrashLoopBackOff"
                    && container.ran_before
                    && container.pull_policy != PullPolicy::Always
                    && !container.image_id.is_empty();
                (!crashing || over).then(|| Ground::Waits(Arc::clone(reason), Arc::clone(message)))
            }
            State::Running { .. } if over => Some(Ground::Ended("".into())),
            State::Running { .. } if container.image_id.is_empty() && container.role != Role::Volume => {
                Some(Ground::NotStarted)
            }
            State::Running { .. } => None,
        }
    }

    fn rolling(&mut self) -> Climb<Option<Decision>> {
        let container = self.subject.container;
        for workload in self.subject.controllers {
            let Some(answer) = self.answers.workloads.get(workload) else {
                return Err(vec![Question::Workload(workload.clone())]);
            };
            let Ok(state) = answer else { continue };
            let Some(wanted) = state.asks_for(container.role, &container.name) else { continue };
            if *wanted == container.image {
                continue;
            }
            if let Some(how) = rollout::under_way(state) {
                self.note(
                    format!("{} {}, template", workload.reference.kind.to_lowercase(), workload.reference.name),
                    format!("asks for {wanted}; {how}"),
                );
                return Ok(Some((Verdict::Rolling, Ground::Rollout(Arc::clone(wanted), how))));
            }
        }
        Ok(None)
    }

    /// Steps 3 to 9.
    fn compare_with_tag(&mut self, reference: &Reference) -> Climb<Decision> {
        let container = self.subject.container;
        let running = Running::parse(&container.image_id);
        if container.role == Role::Volume && running == Running::Absent {
            return Ok((Verdict::Unknown, Ground::VolumeNotReported));
        }
        let never = container.pull_policy == PullPolicy::Never;
        let node_local = running.is_node_local() || never;
        let repository = reference.repository();
        // Pinned references were decided before, so there is a tag.
        let Some(tag) = reference.resolved_tag() else { return Ok((Verdict::Pinned, Ground::Pinned(PinnedTag::None))) };
        let served = match self.served(repository, &tag)? {
            Ok(served) => served,
            // A pulled image may run under `Never` too: that the registry did not answer tells nothing of it.
            Err(failure)
                if running.is_node_local()
                    || (never && failure == Failure::NotFound)
                    || self.was_imported(reference, &running)? =>
            {
                return Ok((Verdict::Local, Ground::PutOnNode(Some((failure, repository.clone())))));
            }
            Err(Failure::NotFound) => return Ok((Verdict::Unpublished, Ground::NoSuchTag)),
            Err(failure) => return Ok((Verdict::Unknown, Ground::Registry(failure, repository.clone()))),
        };
        match &running {
            Running::Absent => Ok((Verdict::Waiting, Ground::NotStarted)),
            Running::Malformed => Ok((Verdict::Unknown, Ground::UnknownForm)),
            Running::Config { digest, .. } => self.compare_config(reference, &running, digest, &served),
            Running::Imported { digest } => self.compare_manifest(repository, None, digest, &served, node_local),
            Running::Manifest { repository: from, digest } => {
                self.compare_manifest(repository, from.as_ref(), digest, &served, node_local)
            }
        }
    }

    fn compare_config(
        &mut self,
        reference: &Reference,
        running: &Running,
        config: &Digest,
        served: &Digest,
    ) -> Climb<Decision> {
        let repository = reference.repository();
        // With containerd below it, Docker reports the digest of a manifest in this form.
        if config == served {
            self.describe(repository, Some(served), Some((repository, served)), None, false)?;
            return Ok((Verdict::Fresh, Ground::EqualDigest));
        }
        let manifest = match self.manifest(repository, served)? {
            Ok(manifest) => manifest,
            Err(Failure::NotFound) => {
                return Ok((Verdict::Unknown, Ground::Undecidable(served_but_absent(repository))));
            }
            Err(failure) => return Ok((Verdict::Unknown, Ground::Registry(failure, repository.clone()))),
        };
        if is_child(manifest, config) {
            self.describe(repository, Some(served), Some((repository, config)), None, false)?;
            return Ok((Verdict::Fresh, Ground::ChildOfIndex));
        }
        let fetched = Fetched { repository, digest: served, manifest };
        let access = &self.subject.pod.access;
        match content::contains_config(config, fetched, self.subject.platform, self.answers, access) {
            Comparison::Ask(questions) => Err(questions),
            Comparison::Same => {
                self.note(format!("config digest of {}", short(repository, served)), "the one that runs".to_owned());
                self.describe(repository, Some(served), None, Some(config), false)?;
                Ok((Verdict::Fresh, Ground::EqualConfig))
            }
            Comparison::Different => {
                self.note(
                    format!("config digests of {}", short(repository, served)),
                    "none is the one that runs".to_owned(),
                );
                let never = self.subject.container.pull_policy == PullPolicy::Never;
                if never || running.is_node_local() || self.was_imported(reference, running)? {
                    return Ok((Verdict::Local, Ground::PutOnNode(None)));
                }
                self.describe(repository, Some(served), None, Some(config), true)?;
                Ok((Verdict::Stale, Ground::DifferentConfig))
            }
            Comparison::Undecidable(why) => Ok((Verdict::Unknown, Ground::Undecidable(why))),
            Comparison::Failed(failure, repository) => Ok((Verdict::Unknown, Ground::Registry(failure, repository))),
        }
    }

    fn compare_manifest(
        &mut self,
        repository: &Repository,
        from: Option<&Repository>,
        running: &Digest,
        served: &Digest,
        node_local: bool,
    ) -> Climb<Decision> {
        if running == served {
            self.describe(repository, Some(served), Some((repository, running)), None, false)?;
            return Ok((Verdict::Fresh, Ground::EqualDigest));
        }
        let failure = match self.manifest(repository, served)? {
            Ok(manifest) => {
                if is_child(manifest, running) {
                    self.describe(repository, Some(served), Some((repository, running)), None, false)?;
                    return Ok((Verdict::Fresh, Ground::ChildOfIndex));
                }
                // Untagged manifests usually stay where they were pushed; the runtime may name another
                // repository with the same content, so both are asked.
                let mut outcome = Outcome::Missing;
                let mut asked: Vec<&Repository> = Vec::new();
                for place in [Some(repository), from].into_iter().flatten() {
                    if asked.contains(&place) {
                        continue;
                    }
                    asked.push(place);
                    match self.compare_digests(place, running, repository, served)? {
                        Outcome::Same => {
                            self.describe(repository, Some(served), Some((place, running)), None, false)?;
                            return Ok((Verdict::Rewrapped, Ground::SameContent(place.clone())));
                        }
                        Outcome::Different => {
                            self.describe(repository, Some(served), Some((place, running)), None, true)?;
                            return Ok((Verdict::Stale, Ground::DifferentContent));
                        }
                        // A place that has it but cannot tell weighs more than one that lacks it.
                        Outcome::Missing => {}
                        other => outcome = other,
                    }
                }
                outcome
            }
            Err(Failure::NotFound) => Outcome::Undecidable(served_but_absent(repository)),
            Err(failure) => Outcome::Failed(failure, repository.clone()),
        };
        if let Some(decision) = self.ask_the_node(repository, running, served)? {
            return Ok(decision);
        }
        match failure {
            Outcome::Failed(failure, repository) => Ok((Verdict::Unknown, Ground::Registry(failure, repository))),
            Outcome::Undecidable(why) => Ok((Verdict::Unknown, Ground::Undecidable(why))),
            _ if node_local => Ok((Verdict::Local, Ground::PutOnNode(None))),
            _ => {
                self.describe(repository, Some(served), None, None, true)?;
                Ok((Verdict::Suspect, Ground::Gone))
            }
        }
    }

    /// Whether a bare config digest belongs to an image that was put on the node: a pull always leaves a
    /// repo digest beside the tag in the node's inventory, an import leaves the tag alone.
    fn was_imported(&mut self, reference: &Reference, running: &Running) -> Climb<bool> {
        let (Running::Config { .. }, Some(node)) = (running, &self.subject.pod.node) else { return Ok(false) };
        let images = match self.answers.node_images.get(node) {
            None => return Err(vec![Question::NodeImages(Arc::clone(node))]),
            Some(Err(_)) => return Ok(false),
            Some(Ok(images)) => images,
        };
        let is_this = |name: &String| {
            name.parse::<Reference>().is_ok_and(|name| {
                name.repository() == reference.repository() && name.resolved_tag() == reference.resolved_tag()
            })
        };
        let imported =
            images.iter().any(|names| names.iter().any(is_this) && !names.iter().any(|name| name.contains('@')));
        if imported {
            self.note(
                format!("node {node}, status.images"),
                "has it by its tag alone: imported, not pulled".to_owned(),
            );
        }
        Ok(imported)
    }

    /// Step 8: the node's own list of what it holds. Names of one entry are names of one content, so a
    /// digest that stands beside the running one speaks for it.
    fn ask_the_node(&mut self, repository: &Repository, running: &Digest, served: &Digest) -> Climb<Option<Decision>> {
        let Some(node) = &self.subject.pod.node else { return Ok(None) };
        let asked = format!("node {node}, status.images");
        let images = match self.answers.node_images.get(node) {
            None => return Err(vec![Question::NodeImages(Arc::clone(node))]),
            Some(Err(why)) => {
                self.note(asked, format!("cannot be read: {why}"));
                return Ok(None);
            }
            Some(Ok(images)) => images,
        };
        let siblings: Vec<(Option<Repository>, Digest)> = images
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

    /// Compares the content of two digests, wherever they are.
    fn compare_digests(
        &mut self,
        place: &Repository,
        running: &Digest,
        repository: &Repository,
        served: &Digest,
    ) -> Climb<Outcome> {
        let ours = match self.manifest(place, running)? {
            Ok(manifest) => Fetched { repository: place, digest: running, manifest },
            Err(Failure::NotFound) => return Ok(Outcome::Missing),
            Err(failure) => return Ok(Outcome::Failed(failure, place.clone())),
        };
        let theirs = match self.manifest(repository, served)? {
            Ok(manifest) => Fetched { repository, digest: served, manifest },
            Err(Failure::NotFound) => return Ok(Outcome::Undecidable(served_but_absent(repository))),
            Err(failure) => return Ok(Outcome::Failed(failure, repository.clone())),
        };
        let access = &self.subject.pod.access;
        match content::compare(ours, theirs, self.subject.platform, self.answers, access) {
            Comparison::Ask(questions) => Err(questions),
            Comparison::Same => Ok(Outcome::Same),
            Comparison::Different => Ok(Outcome::Different),
            Comparison::Undecidable(why) => Ok(Outcome::Undecidable(why)),
            // The index is there and its child is not: what ran cannot be read any more.
            Comparison::Failed(Failure::NotFound, failed) if failed == *place && place != repository => {
                Ok(Outcome::Missing)
            }
            Comparison::Failed(Failure::NotFound, _) => {
                Ok(Outcome::Undecidable("an index in the registry lacks one of its images".to_owned()))
            }
            Comparison::Failed(failure, repository) => Ok(Outcome::Failed(failure, repository)),
        }
    }
}

/// How two digests compare.
enum Outcome {
    Same,
    Different,
    /// The running one is not there.
    Missing,
    Failed(Failure, Repository),
    Undecidable(String),
}

/// The registry named a digest for the tag and then did not have it: a header that lies, a replication that is half
/// done, or a tag that moved between the two requests.
fn served_but_absent(repository: &Repository) -> String {
    format!("registry `{}` names a digest for the tag that it does not have", repository.registry)
}

/// Whether it is an index, and this one of its images.
fn is_child(manifest: &Manifest, digest: &Digest) -> bool {
    match manifest {
        Manifest::Index { children, .. } => content::runnable(children).any(|child| child.digest == *digest),
        _ => false,
    }
}

/// `repo@sha256:…` of an inventory; names with a tag are no digests.
fn repo_digest(name: &str) -> Option<(Option<Repository>, Digest)> {
    match Running::parse(name) {
        Running::Manifest { repository, digest } => Some((repository, digest)),
        Running::Imported { digest } => Some((None, digest)),
        _ => None,
    }
}
