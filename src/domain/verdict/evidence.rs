//! What the ladder looks at on its way: answers taken out of the heap, noted as evidence, and made into what both
//! contents tell of themselves.

use std::sync::Arc;

use super::ladder::{Climb, Ladder};
use crate::domain::content::{self, Fetched};
use crate::domain::diagnosis::{Content, Evidence};
use crate::domain::inventory::{Object, Question, Tag};
use crate::domain::remote::{Failure, Manifest, Provenance};
use crate::domain::{Digest, Repository};

impl<'a> Ladder<'a> {
    pub(super) fn served(&mut self, repository: &Repository, tag: &Arc<str>) -> Climb<Result<Digest, Failure>> {
        let key =
            Tag { repository: repository.clone(), tag: Arc::clone(tag), access: Arc::clone(&self.subject.pod.access) };
        let asked = format!("HEAD {repository}:{tag}");
        match self.answers.served.get(&key) {
            None => Err(vec![Question::Served(key)]),
            Some(Ok(served)) => {
                self.note(asked, format!("serves {}", served.digest));
                self.served = Some(served.digest.clone());
                Ok(Ok(served.digest.clone()))
            }
            Some(Err(failure)) => {
                self.note(asked, format!("registry {}", failure.clause()));
                Ok(Err(failure.clone()))
            }
        }
    }

    pub(super) fn object(&self, repository: &Repository, digest: &Digest) -> Object {
        Object { repository: repository.clone(), digest: digest.clone(), access: Arc::clone(&self.subject.pod.access) }
    }

    pub(super) fn manifest(
        &mut self,
        repository: &Repository,
        digest: &Digest,
    ) -> Climb<Result<&'a Manifest, Failure>> {
        let object = self.object(repository, digest);
        let Some(answer) = self.answers.manifests.get(&object) else { return Err(vec![Question::Manifest(object)]) };
        let told = match answer {
            Ok(Manifest::Index { children, .. }) => {
                let images = content::runnable(children).count();
                let attestations = children.len() - images;
                match attestations {
                    0 => format!("index of {}", count(images, "image")),
                    _ => format!("index of {} and {}", count(images, "image"), count(attestations, "attestation")),
                }
            }
            Ok(Manifest::Image { config, .. }) => format!("image manifest, config {config}"),
            Ok(Manifest::Incomparable(what)) => what.clone(),
            Err(failure) => format!("registry {}", failure.clause()),
        };
        self.note(format!("GET {repository}@{digest}"), told);
        Ok(answer.as_ref().map_err(Clone::clone))
    }

    /// Fills in what both contents tell of themselves. `needed` says that the verdict's words want it;
    /// otherwise it is asked for only in a thorough look.
    pub(super) fn describe(
        &mut self,
        repository: &Repository,
        served: Option<&Digest>,
        running: Option<(&Repository, &Digest)>,
        running_config: Option<&Digest>,
        needed: bool,
    ) -> Climb<()> {
        if !needed && !self.subject.thorough {
            return Ok(());
        }
        let mut questions = Vec::new();
        let served_content = match served {
            Some(digest) => self.content(repository, digest, &mut questions),
            None => None,
        };
        let running_content = match (running, running_config) {
            (Some((place, digest)), _) => self.content(place, digest, &mut questions),
            (None, Some(config)) => {
                Some(Content { config_digest: Some(config.clone()), ..Content::default() }).map(|mut content| {
                    content.provenance = self.provenance(repository, config, &mut questions).unwrap_or_default();
                    content
                })
            }
            (None, None) => None,
        };
        if !questions.is_empty() {
            return Err(questions);
        }
        let own = running_content.as_ref().and_then(|content| {
            let place = running.map_or(repository, |(place, _)| place);
            let config = self.answers.configs.get(&self.object(place, content.config_digest.as_ref()?))?;
            config.as_ref().ok()?.platform.clone().or_else(|| content.platform.clone())
        });
        self.running_platform = own.or_else(|| self.subject.platform.cloned());
        for (content, which) in [(&served_content, "served"), (&running_content, "running")] {
            if let Some(content) = content
                && let Some(config) = &content.config_digest
            {
                let told = told(&content.provenance);
                self.evidence.push(Evidence {
                    asked: format!("config of the {which} content"),
                    answer: format!("{config}{told}"),
                });
            }
        }
        self.contents = (served_content, running_content);
        Ok(())
    }

    fn content(&self, repository: &Repository, digest: &Digest, questions: &mut Vec<Question>) -> Option<Content> {
        let object = self.object(repository, digest);
        let manifest = match self.answers.manifests.get(&object) {
            None => {
                questions.push(Question::Manifest(object));
                return None;
            }
            Some(answer) => answer.as_ref().ok()?,
        };
        let fetched = Fetched { repository, digest, manifest };
        let chosen = match content::chosen(fetched, self.subject.platform, self.answers, &self.subject.pod.access) {
            Ok(Some(chosen)) => chosen,
            Ok(None) => {
                return Some(Content { index: matches!(manifest, Manifest::Index { .. }), ..Content::default() });
            }
            Err(more) => {
                questions.extend(more);
                return None;
            }
        };
        let mut provenance = self.provenance(repository, chosen.config, questions).unwrap_or_default();
        for further in [Some(chosen.annotations), chosen.wrapping].into_iter().flatten() {
            provenance.created = provenance.created.or(further.created);
            provenance.revision = provenance.revision.or_else(|| further.revision.clone());
            provenance.version = provenance.version.or_else(|| further.version.clone());
        }
        Some(Content {
            index: chosen.index,
            platform: chosen.platform.cloned(),
            config_digest: Some(chosen.config.clone()),
            provenance,
        })
    }

    fn provenance(
        &self,
        repository: &Repository,
        config: &Digest,
        questions: &mut Vec<Question>,
    ) -> Option<Provenance> {
        let object = self.object(repository, config);
        match self.answers.configs.get(&object) {
            None => {
                questions.push(Question::Config(object));
                None
            }
            Some(answer) => answer.as_ref().ok().map(|config| config.provenance.clone()),
        }
    }

    /// The ladder is climbed anew after each round of answers, and a step may look at a manifest twice.
    pub(super) fn note(&mut self, asked: String, answer: String) {
        let evidence = Evidence { asked, answer };
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }
}

pub(super) fn short(repository: &Repository, digest: &Digest) -> String {
    format!("{repository}@{}", digest.short(12))
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn told(provenance: &Provenance) -> String {
    let mut told = String::new();
    if let Some(created) = provenance.created {
        told.push_str(&format!(", built {}", created.strftime("%Y-%m-%d %H:%M:%SZ")));
    }
    if let Some(revision) = &provenance.revision {
        told.push_str(&format!(", revision {revision}"));
    }
    if let Some(version) = &provenance.version {
        told.push_str(&format!(", version {version}"));
    }
    told
}
