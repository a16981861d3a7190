//! Which tag the content is to have: proposed by the core, and looked for in the registry until one fits.

use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::inventory::Tag;
use crate::domain::plan::change::{Name, Refusal};
use crate::domain::remote::Failure;
use crate::domain::scheme::{self, Part, SchemeChoice, Situation};
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
    pub(super) today: Date,
    /// Names that the same plan gives to other content.
    pub(super) given: Vec<String>,
    /// A tag that holds the content already will do: a run that was interrupted wrote it, or somebody else did.
    pub(super) reuse: bool,
}

/// The next tag by a scheme.
pub(super) async fn proposed(registries: &Registries, wanted: &Wanted<'_>) -> Result<Name, Refusal> {
    let (tags, unlisted) = match registries.tags(wanted.repository, wanted.access).await {
        Ok(tags) => (tags, None),
        Err(Failure::NotFound) => (Vec::new(), None),
        // A name is free if the registry says so when asked for it; the list only tells where to begin.
        Err(failure) => {
            let host = &wanted.repository.registry;
            (
                Vec::new(),
                Some(format!("the repository's tags could not be listed: registry `{host}` {}", failure.clause())),
            )
        }
    };
    let situation = Situation { tag: wanted.tag, tags: &tags, digest: wanted.digest, today: wanted.today };
    let proposal = scheme::propose(wanted.scheme, wanted.part, &situation).map_err(refused)?;
    let mut warnings = proposal.warnings.clone();
    warnings.extend(unlisted);
    let name = |tag: String, holds: Option<Digest>, evidence: &str| Name {
        tag,
        holds,
        evidence: Some(evidence.to_owned()),
        warnings: warnings.clone(),
    };
    if let (true, Some(newest), Some(digest)) = (wanted.reuse, proposal.newest(), wanted.digest)
        && holds(registries, wanted, newest).await?.as_ref() == Some(digest)
    {
        return Ok(name(newest.to_owned(), Some(digest.clone()), "it holds this content already"));
    }
    for place in 0..TRIES {
        let candidate = proposal.candidate(place).map_err(refused)?;
        if wanted.given.contains(&candidate) {
            continue;
        }
        match holds(registries, wanted, &candidate).await? {
            None => return Ok(name(candidate, None, &proposal.evidence)),
            Some(held)
                if (wanted.reuse || proposal.scheme == scheme::Scheme::Digest) && wanted.digest == Some(&held) =>
            {
                return Ok(name(candidate, Some(held), &proposal.evidence));
            }
            Some(_) => {}
        }
    }
    Err(Refusal {
        reason: format!("the next {TRIES} names by this scheme are taken"),
        hint: Some("give it a name with `--to tag=NAME`".to_owned()),
    })
}

/// A tag that was given a name by somebody: what it holds now.
pub(super) async fn named(registries: &Registries, wanted: &Wanted<'_>, tag: &str) -> Result<Name, Refusal> {
    let holds = holds(registries, wanted, tag).await?;
    Ok(Name { tag: tag.to_owned(), holds, evidence: None, warnings: Vec::new() })
}

/// What a tag holds; `None`: it is free, for a GET says 404 too.
async fn holds(registries: &Registries, wanted: &Wanted<'_>, tag: &str) -> Result<Option<Digest>, Refusal> {
    let key = Tag { repository: wanted.repository.clone(), tag: tag.into(), access: Arc::clone(wanted.access) };
    match registries.served_now(&key).await {
        Ok(served) => Ok(Some(served.digest)),
        Err(Failure::NotFound) => Ok(None),
        Err(failure) => Err(Refusal {
            reason: format!(
                "whether the tag `{tag}` is free is not known: registry `{}` {}",
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
