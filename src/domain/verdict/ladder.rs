//! The steps themselves, cheapest first.

use std::sync::Arc;

use super::evidence::short;
use super::node::Source;
use super::pinned::Pin;
use super::{Ground, PinnedTag, Subject};
use crate::domain::content::{self, Comparison, Fetched};
use crate::domain::diagnosis::{Content, Evidence, Verdict};
use crate::domain::inventory::{Answers, Question, Workload};
use crate::domain::reference::Reference;
use crate::domain::remote::{Failure, Manifest};
use crate::domain::rollout::{self, UnderWay};
use crate::domain::running::Running;
use crate::domain::workload::{Phase, PullPolicy, Role, State, WorkloadState};
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
    pub(super) asked: Option<Arc<str>>,
    pub(super) next_start_fails: Option<String>,
    pub(super) evidence: Vec<Evidence>,
}

impl<'a> Ladder<'a> {
    pub(super) fn climb(&mut self) -> Climb<Decision> {
        let container = self.subject.container;
        let mut reference: Reference = match container.image.parse() {
            Ok(reference) => reference,
            Err(error) => return Ok((Verdict::Unknown, Ground::MalformedReference(error.to_string()))),
        };
        if let Some(pinned) = reference.digest().cloned() {
            match self.who_pinned(&reference)? {
                Pin::Template => return self.pinned(&reference, pinned, None),
                Pin::Unknown(why) => return self.pinned(&reference, pinned, Some(why)),
                Pin::EarlierTemplate => {
                    return match self.rolling()? {
                        Some(rolling) => Ok(rolling),
                        None => self.pinned(&reference, pinned, None),
                    };
                }
                Pin::Added(asked) => {
                    self.asked = Some(asked.original().into());
                    reference = asked;
                }
            }
        }
        if let Some(decision) = self.not_decidable_now() {
            return Ok(decision);
        }
        if (self.subject.references_differ || self.subject.last_run)
            && let Some(decision) = self.rolling()?
        {
            return Ok(decision);
        }
        let decision = self.compare_with_tag(&reference)?;
        if self.subject.last_run
            && container.pull_policy == PullPolicy::Always
            && matches!(decision.0, Verdict::Stale | Verdict::Suspect)
        {
            return Ok((Verdict::Ended, Ground::NextRunPulls));
        }
        // A pod that a rollout is about to replace is no finding; most workloads never need this look.
        if matches!(decision.0, Verdict::Stale | Verdict::Suspect | Verdict::Unpublished)
            && let Some(rolling) = self.rolling()?
        {
            return Ok(rolling);
        }
        Ok(decision)
    }

    /// Step 2: what cannot be judged, because nothing runs or nothing is reported.
    fn not_decidable_now(&self) -> Option<Decision> {
        let Subject { pod, container, .. } = self.subject;
        if pod.deleting {
            return Some((Verdict::Waiting, Ground::Deleting));
        }
        let waits = |ground| Some((Verdict::Waiting, ground));
        let known = !container.image_id.is_empty();
        // Whoever ends a pod from outside, after its node was lost or shut down, leaves what its containers said last.
        if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
            let reason = match &container.state {
                State::Terminated { reason, .. } if !reason.is_empty() => reason,
                State::Waiting { reason, .. } if pod.reason.is_empty() => reason,
                _ => &pod.reason,
            };
            let stands = self.subject.last_run && known;
            return (!stands).then(|| (Verdict::Ended, Ground::Ended(Arc::clone(reason))));
        }
        // Between two runs `imageID` is the last one's, and the next start takes the same image from the node; under
        // `Always` it asks the registry first, so nothing is known of it.
        let keeps = container.pull_policy != PullPolicy::Always && known;
        match &container.state {
            State::Unreported => waits(Ground::NotStarted),
            State::Terminated { reason, .. } if pod.starts_again(container) => {
                (!keeps).then(|| (Verdict::Waiting, Ground::Waits(Arc::clone(reason), "".into())))
            }
            State::Terminated { .. } if self.subject.last_run && known => None,
            State::Terminated { reason, .. } => Some((Verdict::Ended, Ground::Ended(Arc::clone(reason)))),
            State::Waiting { reason, .. } if reason.as_ref() == "CrashLoopBackOff" && container.ran_before && keeps => {
                None
            }
            State::Waiting { reason, message } => waits(Ground::Waits(Arc::clone(reason), Arc::clone(message))),
            State::Running { .. } if !known && container.role != Role::Volume => waits(Ground::NotStarted),
            State::Running { .. } => None,
        }
    }

    /// The template and rollout of a controller; the error says why it cannot be read.
    pub(super) fn state(&self, workload: &Workload) -> Climb<Result<&'a WorkloadState, &'a str>> {
        let listed = self.subject.listed.get(&workload.reference.uid);
        // A list does not follow to where the template is.
        if let Some(listed) =
            listed.filter(|listed| listed.state.template_of.is_none() || !listed.state.template.is_empty())
        {
            return Ok(Ok(&listed.state));
        }
        match self.answers.workloads.get(workload) {
            None => Err(vec![Question::Workload(workload.clone())]),
            Some(answer) => Ok(answer.as_ref().map_err(String::as_str)),
        }
    }

    fn rolling(&mut self) -> Climb<Option<Decision>> {
        let container = self.subject.container;
        let asked = self.asked.clone().unwrap_or_else(|| Arc::clone(&container.image));
        for workload in self.subject.controllers {
            let Ok(state) = self.state(workload)? else { continue };
            let Some(wanted) = state.asks_for(container.role, &container.name) else { continue };
            if *wanted == asked || *wanted == container.image {
                continue;
            }
            let (verdict, how) = match self.replaced_how(workload, state)? {
                Some(UnderWay::Rolling(how)) => (Verdict::Rolling, how.to_owned()),
                Some(UnderWay::Stuck(why)) => (Verdict::Stuck, why),
                None => continue,
            };
            self.note(
                format!("{} {}, template", workload.reference.kind.to_lowercase(), workload.reference.name),
                format!("asks for {wanted}; {how}"),
            );
            return Ok(Some((verdict, Ground::Rollout(Arc::clone(wanted), how))));
        }
        Ok(None)
    }

    fn replaced_how(&self, workload: &Workload, state: &WorkloadState) -> Climb<Option<UnderWay>> {
        if self.subject.last_run {
            return Ok(Some(UnderWay::Rolling("the next run uses it")));
        }
        let how = rollout::under_way(state);
        let open = matches!(how, Some(UnderWay::Rolling(_))) && !state.paused && !state.on_delete;
        if !open || !rollout::events_tell_refusals(&workload.reference.kind, state) {
            return Ok(how);
        }
        // A list does not tell events.
        match self.answers.workloads.get(workload) {
            None => Err(vec![Question::Workload(workload.clone())]),
            Some(Ok(state)) => Ok(rollout::under_way(state)),
            Some(Err(_)) => Ok(how),
        }
    }

    /// Steps 3 to 9.
    fn compare_with_tag(&mut self, reference: &Reference) -> Climb<Decision> {
        let container = self.subject.container;
        let running = Running::parse(&container.image_id);
        if container.role == Role::Volume && running == Running::Absent {
            return Ok((Verdict::Unknown, Ground::VolumeNotReported));
        }
        // Pinned references were decided before, so there is a tag.
        let Some(tag) = reference.resolved_tag() else { return Ok((Verdict::Pinned, Ground::Pinned(PinnedTag::None))) };
        let (repository, doubtful) = match self.taken_from(reference, &running)? {
            Source::Written => (reference.repository().clone(), None),
            Source::Named(named) => {
                self.asked = Some(format!("{named}:{tag}").into());
                (named, None)
            }
            Source::Doubtful(named) => (reference.repository().clone(), Some(named)),
        };
        let decision = self.compare_with(&repository, &tag, &running)?;
        match doubtful {
            Some(named) if !matches!(decision.0, Verdict::Fresh | Verdict::Rewrapped | Verdict::Waiting) => {
                Ok((Verdict::Unknown, Ground::ShortName(named)))
            }
            _ => Ok(decision),
        }
    }

    fn compare_with(&mut self, repository: &Repository, tag: &Arc<str>, running: &Running) -> Climb<Decision> {
        let served = match self.served(repository, tag)? {
            Ok(served) => served,
            Err(failure) => {
                // The name of an imported image proves that it was. Every other form may be that of an image that was
                // pulled: it is local only where the registry answers that there is nothing to compare it with.
                let local = matches!(running, Running::Imported { .. })
                    || (failure == Failure::NotFound
                        && (running.is_node_local() || self.has_by_tag_alone(repository, tag, running)?));
                if local {
                    return Ok((Verdict::Local, Ground::PutOnNode(Some((failure, repository.clone())))));
                }
                if failure == Failure::NotFound {
                    self.next_start_fails = Some(format!("registry `{}` has no tag `{tag}`", repository.registry));
                    return Ok((Verdict::Unpublished, Ground::NoSuchTag));
                }
                return Ok((Verdict::Unknown, Ground::Registry(failure, repository.clone())));
            }
        };
        let decision = match running {
            Running::Absent => (Verdict::Waiting, Ground::NotStarted),
            Running::Malformed => (Verdict::Unknown, Ground::UnknownForm),
            Running::Config { digest, .. } => self.compare_config(repository, digest, &served)?,
            Running::Imported { digest } => self.compare_manifest(repository, None, digest, &served, true)?,
            Running::Manifest { repository: from, digest } => {
                self.compare_manifest(repository, from.as_ref(), digest, &served, false)?
            }
        };
        self.check_next_start(repository, &served)?;
        Ok(decision)
    }

    fn compare_config(&mut self, repository: &Repository, config: &Digest, served: &Digest) -> Climb<Decision> {
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
                self.describe(repository, Some(served), None, Some(config), true)?;
                // A missing repo digest proves no import: node images and pre-pulls leave none. What the registry still
                // has, it served once.
                if self.answers.configs.get(&self.object(repository, config)) == Some(&Err(Failure::NotFound)) {
                    self.note(format!("GET {}", short(repository, config)), "is not in the repository".to_owned());
                    return Ok((Verdict::Suspect, Ground::NeverServed));
                }
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
        imported: bool,
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
        if let (Outcome::Missing, false, Some(node)) = (&failure, imported, self.lagging_node()) {
            return Ok((Verdict::Unknown, Ground::NodeLags(node)));
        }
        match failure {
            Outcome::Failed(failure, repository) => Ok((Verdict::Unknown, Ground::Registry(failure, repository))),
            Outcome::Undecidable(why) => Ok((Verdict::Unknown, Ground::Undecidable(why))),
            _ if imported => Ok((Verdict::Local, Ground::PutOnNode(None))),
            _ => {
                self.describe(repository, Some(served), None, None, true)?;
                Ok((Verdict::Suspect, Ground::Gone))
            }
        }
    }

    /// Compares the content of two digests, wherever they are.
    pub(super) fn compare_digests(
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
pub(super) enum Outcome {
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
pub(super) fn is_child(manifest: &Manifest, digest: &Digest) -> bool {
    match manifest {
        Manifest::Index { children, .. } => content::runnable(children).any(|child| child.digest == *digest),
        _ => false,
    }
}
