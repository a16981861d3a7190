//! Which tag the content is to have: proposed by the core, and looked for in the registry until one fits.

use std::sync::Arc;

use jiff::civil::DateTime;

use crate::domain::inventory::{Object, Tag};
use crate::domain::plan::change::{Name, Refusal};
use crate::domain::remote::{Failure, Manifest, Provenance};
use crate::domain::scheme::{self, Labels, Part, Proposal, SchemeChoice, Situation};
use crate::domain::workload::Access;
use crate::domain::{Digest, Repository};
use crate::registry::Registries;

/// So many names that are taken in a row mean that something else is wrong.
const TRIES: usize = 50;

/// A name that is wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) repository: &'a Repository,
    pub(super) access: &'a Arc<Access>,
    /// The tag that is asked for now.
    pub(super) tag: &'a str,
    /// The content that is to get the name, where that is known.
    pub(super) digest: Option<&'a Digest>,
    pub(super) scheme: SchemeChoice,
    pub(super) part: Option<Part>,
    /// In UTC.
    pub(super) now: DateTime,
    /// Names that the same plan gives to other content.
    pub(super) given: Vec<String>,
    /// A tag that holds the content already will do: a run that was interrupted wrote it, or somebody else did.
    pub(super) reuse: bool,
}

/// A name that was found and what it was found by.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: Name,
    pub(super) proposal: Proposal,
    /// How many tags the repository lists.
    pub(super) listed: usize,
}

/// The next tag by a scheme.
pub(super) async fn proposed(registries: &Registries, wanted: &Wanted<'_>) -> Result<Found, Refusal> {
    let (tags, provenance) =
        futures::join!(registries.tags(wanted.repository, wanted.access), provenance(registries, wanted));
    let (tags, unlisted) = match tags {
        Ok(tags) if wanted.reuse || tags.iter().any(|tag| **tag == *wanted.tag) => (tags, None),
        Ok(tags) => (tags, Some(format!("the repository has no tag `{}`", wanted.tag))),
        Err(Failure::NotFound) if wanted.reuse || wanted.digest.is_some() => (Vec::new(), None),
        Err(Failure::NotFound) => {
            let Repository { registry, path } = wanted.repository;
            (Vec::new(), Some(format!("registry `{registry}` lists no tags for `{path}`")))
        }
        // A name is free if the registry says so when asked for it; the list only tells where to begin.
        Err(failure) => {
            let host = &wanted.repository.registry;
            (
                Vec::new(),
                Some(format!("the repository's tags could not be listed: registry `{host}` {}", failure.clause())),
            )
        }
    };
    let labels = Labels { version: provenance.version.as_deref(), revision: provenance.revision.as_deref() };
    let situation = Situation { tag: wanted.tag, tags: &tags, digest: wanted.digest, labels, now: wanted.now };
    let proposal = scheme::propose(wanted.scheme, wanted.part, &situation).map_err(refused)?;
    let mut warnings = proposal.warnings.clone();
    warnings.extend(unlisted);
    let (tag, holds, evidence) = first_free(registries, wanted, &proposal).await?;
    let name = Name { tag, holds, evidence: Some(evidence), warnings };
    Ok(Found { name, proposal, listed: tags.len() })
}

/// The first candidate that is free, or holds the content already; what it holds, and why this one.
async fn first_free(
    registries: &Registries,
    wanted: &Wanted<'_>,
    proposal: &Proposal,
) -> Result<(String, Option<Digest>, String), Refusal> {
    if let (true, Some(digest)) = (wanted.reuse, wanted.digest) {
        for holder in proposal.holders() {
            if holds(registries, wanted, holder).await?.as_ref() == Some(digest) {
                return Ok((holder.to_owned(), Some(digest.clone()), "it holds this content already".to_owned()));
            }
        }
    }
    for place in 0..TRIES {
        let candidate = proposal.candidate(place).map_err(refused)?;
        if wanted.given.contains(&candidate.tag) {
            continue;
        }
        match holds(registries, wanted, &candidate.tag).await? {
            None => return Ok((candidate.tag, None, candidate.evidence)),
            Some(held)
                if (wanted.reuse || proposal.scheme == scheme::Scheme::Digest) && wanted.digest == Some(&held) =>
            {
                return Ok((candidate.tag, Some(held), candidate.evidence));
            }
            Some(_) => {}
        }
    }
    Err(Refusal {
        reason: format!("the next {TRIES} names by this scheme are taken"),
        hint: Some("give it a name with `--to tag=NAME`".to_owned()),
    })
}

/// What the content says of itself: on its index, its manifest or its config, whatever says it first. Nothing if it is
/// not asked for or cannot be read; it only makes the name a better one.
async fn provenance(registries: &Registries, wanted: &Wanted<'_>) -> Provenance {
    let mut told = Provenance::default();
    let Some(digest) = wanted.digest.filter(|_| wanted.part.is_none() && wanted.scheme != SchemeChoice::Digest) else {
        return told;
    };
    let object = |digest: &Digest| Object {
        repository: wanted.repository.clone(),
        digest: digest.clone(),
        access: Arc::clone(wanted.access),
    };
    let add = |told: &mut Provenance, more: Provenance| {
        told.version = told.version.take().or(more.version);
        told.revision = told.revision.take().or(more.revision);
    };
    let mut manifest = registries.manifest(&object(digest)).await;
    if let Ok(Manifest::Index { children, provenance }) = manifest {
        add(&mut told, provenance);
        let Some(child) = children.iter().find(|child| !child.attestation) else { return told };
        manifest = registries.manifest(&object(&child.digest)).await;
    }
    if let Ok(Manifest::Image { config, provenance }) = manifest {
        add(&mut told, provenance);
        if let Ok(config) = registries.config(&object(&config)).await {
            add(&mut told, config.provenance);
        }
    }
    told
}

/// A tag that was given a name by somebody: what it holds now.
pub(super) async fn named(registries: &Registries, wanted: &Wanted<'_>, tag: &str) -> Result<Name, Refusal> {
    let holds = holds(registries, wanted, tag).await?;
    Ok(Name { tag: tag.to_owned(), holds, evidence: None, warnings: Vec::new() })
}

/// A reference that was given by somebody: what it stands for now. It has to be there.
pub(super) async fn given(
    registries: &Registries,
    repository: &Repository,
    access: &Arc<Access>,
    tag: &str,
    digest: Option<&Digest>,
) -> Result<Name, Refusal> {
    let (what, found) = match digest {
        Some(digest) => {
            let object = Object { repository: repository.clone(), digest: digest.clone(), access: Arc::clone(access) };
            let found = registries.manifest(&object).await.map(|_| digest.clone());
            (format!("{}…", digest.short(12)), found)
        }
        None => {
            let key = Tag { repository: repository.clone(), tag: tag.into(), access: Arc::clone(access) };
            (format!("tag `{tag}`"), registries.served_now(&key).await.map(|served| served.digest))
        }
    };
    let Repository { registry, path } = repository;
    match found {
        Ok(digest) => Ok(Name { tag: tag.to_owned(), holds: Some(digest), evidence: None, warnings: Vec::new() }),
        Err(Failure::NotFound) => {
            Err(Refusal { reason: format!("registry `{registry}` has no {what} in `{path}`"), hint: None })
        }
        Err(failure) => Err(Refusal {
            reason: format!(
                "whether there is a {what} in `{path}` is not known: registry `{registry}` {}",
                failure.clause()
            ),
            hint: failure.hint().map(Into::into),
        }),
    }
}

/// What a tag holds; `None`: it is free, for a GET says 404 too.
async fn holds(registries: &Registries, wanted: &Wanted<'_>, tag: &str) -> Result<Option<Digest>, Refusal> {
    let key = Tag { repository: wanted.repository.clone(), tag: tag.into(), access: Arc::clone(wanted.access) };
    match registries.served_now(&key).await {
        Ok(served) => Ok(Some(served.digest)),
        Err(Failure::NotFound) => Ok(None),
        Err(failure) => Err(Refusal {
            reason: format!(
                "could not check whether tag `{tag}` exists: registry `{}` {}",
                wanted.repository.registry,
                failure.clause()
            ),
            hint: failure.hint().map(Into::into),
        }),
    }
}

fn refused(error: scheme::SchemeError) -> Refusal {
    Refusal { hint: Some(error.hint().to_owned()), reason: error.to_string() }
}
