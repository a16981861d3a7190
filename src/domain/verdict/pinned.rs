//! References with a digest: who pinned them, how their tag stands, and whether the registry still has what they name.

use std::sync::Arc;

use super::ladder::{Climb, Decision, Ladder, Outcome};
use super::{Ground, PinnedTag};
use crate::domain::content;
use crate::domain::diagnosis::Verdict;
use crate::domain::inventory::Question;
use crate::domain::reference::Reference;
use crate::domain::remote::{Failure, Manifest};
use crate::domain::{Digest, Repository};

/// Where the digest in a pod's reference comes from.
pub(super) enum Pin {
    /// From the template, or there is none.
    Template,
    /// Something on the pod's way added it (k8s-digester, policy-controller, Knative, Kyverno): the pod is to be judged
    /// by this reference, which is what the template asks for.
    Added(Reference),
    /// From a template before the one of now.
    EarlierTemplate,
    /// The template cannot be read; why.
    Unknown(String),
}

impl Ladder<'_> {
    /// A digest that only the pod has pins nothing: the next pod gets another one.
    pub(super) fn who_pinned(&mut self, pod: &Reference) -> Climb<Pin> {
        let container = self.subject.container;
        let mut unreadable = None;
        for workload in self.subject.controllers {
            let state = match self.state(workload)? {
                Ok(state) => state,
                Err(why) => {
                    unreadable = Some(format!("its template cannot be read: {why}"));
                    continue;
                }
            };
            let Some(wanted) = state.asks_for(container.role, &container.name) else { continue };
            let Ok(template) = wanted.parse::<Reference>() else { continue };
            if template.digest().is_some() {
                return Ok(Pin::Template);
            }
            let Some(tag) = template.resolved_tag() else { return Ok(Pin::Template) };
            if pod.tag().is_some_and(|own| *own != *tag) {
                return Ok(Pin::EarlierTemplate);
            }
            self.note(
                format!("{} {}, template", workload.reference.kind.to_lowercase(), workload.reference.name),
                format!("asks for {wanted}, without a digest: the pod's was added when it was created"),
            );
            // Whatever added the digest may have changed the registry too; that one is where the pod's image is from.
            return Ok(match pod.with_tag(&tag).parse() {
                Ok(asked) => Pin::Added(asked),
                Err(_) => Pin::Template,
            });
        }
        Ok(unreadable.map_or(Pin::Template, Pin::Unknown))
    }

    /// Step 1. `unreadable` says why it is not known whether the template pins the digest.
    pub(super) fn pinned(
        &mut self,
        reference: &Reference,
        pinned: Digest,
        unreadable: Option<String>,
    ) -> Climb<Decision> {
        let repository = reference.repository();
        let tag = match reference.tag() {
            None => PinnedTag::None,
            Some(tag) => match self.served(repository, &tag.into())? {
                Ok(served) if served == pinned => PinnedTag::Same,
                Ok(served) => self.compare_pinned(repository, &pinned, &served)?,
                Err(Failure::NotFound) => PinnedTag::Absent,
                Err(failure) => PinnedTag::NotKnown(format!("registry `{}` {}", repository.registry, failure.clause())),
            },
        };
        if tag != PinnedTag::Same {
            self.check_presence(repository, &pinned)?;
        }
        self.check_next_start(repository, &pinned)?;
        self.tag_moved = tag == PinnedTag::Moved;
        match unreadable.filter(|_| self.tag_moved) {
            Some(why) => Ok((Verdict::Unknown, Ground::PinnedByWhom(why))),
            None => Ok((Verdict::Pinned, Ground::Pinned(tag))),
        }
    }

    fn compare_pinned(&mut self, repository: &Repository, pinned: &Digest, served: &Digest) -> Climb<PinnedTag> {
        Ok(match self.compare_digests(repository, pinned, repository, served)? {
            Outcome::Same => PinnedTag::Same,
            Outcome::Different => PinnedTag::Moved,
            Outcome::Missing => PinnedTag::NotKnown("the pinned digest is no longer in the registry".to_owned()),
            Outcome::Failed(failure, repository) => {
                PinnedTag::NotKnown(format!("registry `{}` {}", repository.registry, failure.clause()))
            }
            Outcome::Undecidable(why) => PinnedTag::NotKnown(why),
        })
    }

    /// Whether the registry still has the pinned digest.
    fn check_presence(&mut self, repository: &Repository, pinned: &Digest) -> Climb<()> {
        let object = self.object(repository, pinned);
        let gone = match self.answers.manifests.get(&object) {
            Some(answer) => matches!(answer, Err(Failure::NotFound)),
            None => match self.answers.presences.get(&object) {
                None => return Err(vec![Question::Present(object)]),
                Some(answer) => {
                    let told = match answer {
                        Ok(()) => "is there".to_owned(),
                        Err(failure) => format!("registry {}", failure.clause()),
                    };
                    self.note(format!("HEAD {repository}@{pinned}"), told);
                    matches!(answer, Err(Failure::NotFound))
                }
            },
        };
        if gone {
            self.next_start_fails = Some(format!("registry `{}` no longer has the pinned digest", repository.registry));
        }
        Ok(())
    }

    /// Whether a node of this platform that does not hold the image can start it. Of an index that nobody had to read,
    /// only a thorough look knows: it costs a GET, and registries limit those.
    pub(super) fn check_next_start(&mut self, repository: &Repository, digest: &Digest) -> Climb<()> {
        if self.next_start_fails.is_some() {
            return Ok(());
        }
        let object = self.object(repository, digest);
        let manifest = match self.answers.manifests.get(&object) {
            None if self.subject.thorough => return Err(vec![Question::Manifest(object)]),
            None => return Ok(()),
            Some(Ok(manifest)) => manifest,
            Some(Err(Failure::NotFound)) => {
                let registry = &repository.registry;
                self.next_start_fails =
                    Some(format!("registry `{registry}` names {} and does not have it", digest.short(12)));
                return Ok(());
            }
            Some(Err(_)) => return Ok(()),
        };
        let (Manifest::Index { children, .. }, Some(platform)) = (manifest, self.subject.platform) else {
            return Ok(());
        };
        let access = Arc::clone(&self.subject.pod.access);
        match content::lacks(repository, children, platform, self.answers, &access) {
            Err(questions) => Err(questions),
            Ok(lacking) => {
                self.next_start_fails = lacking;
                Ok(())
            }
        }
    }
}
