//! The new tags: the exact bytes of a manifest under one more name.

use std::sync::Arc;

use super::super::look;
use super::{Applying, access_of};
use crate::domain::Digest;
use crate::domain::inventory::{Object, Tag};
use crate::domain::outcome::TagState;
use crate::domain::plan::{Plan, Tagging};
use crate::domain::remote::{Document, Failure, PushFailure};
use crate::domain::workload::Access;
use crate::error::AppError;
use crate::registry::Registries;

/// The tag does not hold what was planned.
pub(super) fn is_lacking(state: &TagState) -> bool {
    !matches!(state, TagState::Existed | TagState::Written)
}

impl Applying<'_> {
    /// Writes every tag of the plan; whether all of them hold what was planned. What each new tag is to hold was read
    /// before the first one is written.
    pub(super) async fn write_tags(&self, plan: &Plan) -> Result<bool, AppError> {
        if plan.tags_to_write().next().is_none() {
            return Ok(true);
        }
        let line = self.live.line("registry");
        line.set("writing the tags");
        let registries = look::registries(self.cluster, self.common, self.environment)?;
        let read = plan.tags.iter().map(|tagging| async {
            let access = access(plan, tagging);
            let object = Object {
                repository: tagging.repository.clone(),
                digest: tagging.digest.clone(),
                access: Arc::clone(&access),
            };
            let document = if tagging.exists { None } else { Some(registries.document(&object).await) };
            (access, document)
        });
        let read = futures::future::join_all(read).await;
        let unread = read.iter().position(|(_, document)| matches!(document, Some(Err(_))));
        if let (Some(place), false) = (unread, self.settings.keep_going)
            && let Some(Err(failure)) = &read[place].1
        {
            let why = clause(&plan.tags[place], failure);
            self.tag(place, TagState::Failed(why));
            return Ok(false);
        }
        let mut good = true;
        for (place, (access, document)) in read.into_iter().enumerate() {
            let Some(document) = document else { continue };
            let tagging = &plan.tags[place];
            let state = match document {
                Ok(document) => self.write_tag(&registries, place, tagging, access, &document).await,
                Err(failure) => TagState::Failed(clause(tagging, &failure)),
            };
            let lacking = is_lacking(&state);
            self.tag(place, state);
            good &= !lacking;
            if lacking && !self.settings.keep_going {
                break;
            }
        }
        Ok(good)
    }

    /// Looks once more, writes, and looks whether it is there. Between the look and the write somebody else may take the
    /// name; registries know no condition for that, so the last look tells.
    async fn write_tag(
        &self,
        registries: &Registries,
        place: usize,
        tagging: &Tagging,
        access: Arc<Access>,
        document: &Document,
    ) -> TagState {
        let tag = Tag { repository: tagging.repository.clone(), tag: tagging.tag.as_str().into(), access };
        match registries.served_now(&tag).await {
            Ok(served) if served.digest == tagging.digest => return TagState::Existed,
            Ok(served) => return TagState::Taken(served.digest),
            Err(Failure::NotFound) => {}
            Err(failure) => return TagState::Failed(clause(tagging, &failure)),
        }
        self.tag(place, TagState::Writing);
        let written = registries.put_tag(&tag, document).await;
        let found = registries.served_now(&tag).await;
        became(tagging, written, found.map(|served| served.digest))
    }

    fn tag(&self, place: usize, state: TagState) {
        self.journal.write(|outcome| {
            if let Some(tag) = outcome.tags.get_mut(place) {
                *tag = state;
            }
        });
    }
}

/// What became of a tag, by the answer to its write and by the look that came after.
fn became(tagging: &Tagging, written: Result<(), PushFailure>, found: Result<Digest, Failure>) -> TagState {
    match (found, written) {
        (Ok(digest), _) if digest == tagging.digest => TagState::Written,
        // It stored something, and that is not what was sent.
        (Ok(_), Err(failure @ PushFailure::OtherDigest(_))) => TagState::Failed(told(tagging, &failure)),
        // The name was free a moment ago.
        (Ok(digest), _) => TagState::Taken(digest),
        (Err(failure), Ok(())) => TagState::Unknown(format!("it was written, and then {}", clause(tagging, &failure))),
        (Err(look), Err(PushFailure::Failure(failure))) if look != Failure::NotFound && is_silence(&failure) => {
            TagState::Unknown(format!("it was sent, and {}", clause(tagging, &failure)))
        }
        (Err(_), Err(failure)) => TagState::Failed(told(tagging, &failure)),
    }
}

/// Whether nobody knows what was done.
fn is_silence(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable(_) | Failure::UnreachableAt { .. } | Failure::TimedOut(_) | Failure::Malformed(_) => true,
        Failure::Status(status) => *status >= 500,
        _ => false,
    }
}

fn told(tagging: &Tagging, failure: &PushFailure) -> String {
    let why = format!("registry `{}` {}", tagging.repository.registry, failure.clause());
    match failure.hint() {
        Some(hint) => format!("{why}; {hint}"),
        None => why,
    }
}

/// With whose credentials the tag's content is read: those of a workload that needs it.
fn access(plan: &Plan, tagging: &Tagging) -> Arc<Access> {
    let needs = plan.targets.iter().find(|target| target.changes.iter().any(|change| change.needs(tagging)));
    needs.map(access_of).unwrap_or_default()
}

fn clause(tagging: &Tagging, failure: &Failure) -> String {
    format!("registry `{}` {}", tagging.repository.registry, failure.clause())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_said_to_be_missing_only_where_that_is_known() {
        let digest = |letter: &str| -> Digest { format!("sha256:{}", letter.repeat(64)).parse().unwrap() };
        let tagging = Tagging {
            repository: "reg.example.com/app:1".parse::<crate::domain::Reference>().unwrap().repository().clone(),
            tag: "1.1".to_owned(),
            digest: digest("a"),
            exists: false,
            evidence: None,
        };
        let lost = || Failure::Unreachable("connection refused".to_owned());
        let immutable = || PushFailure::Immutable(String::new());
        for (written, found, word) in [
            (Ok(()), Ok(digest("a")), "Written"),
            (Err(lost().into()), Ok(digest("a")), "Written"),
            (Ok(()), Ok(digest("b")), "Taken"),
            (Err(immutable()), Ok(digest("b")), "Taken"),
            (Err(PushFailure::OtherDigest(digest("b"))), Ok(digest("b")), "Failed"),
            (Ok(()), Err(lost()), "Unknown"),
            (Ok(()), Err(Failure::NotFound), "Unknown"),
            (Err(lost().into()), Err(lost()), "Unknown"),
            (Err(Failure::Status(502).into()), Err(lost()), "Unknown"),
            (Err(lost().into()), Err(Failure::NotFound), "Failed"),
            (Err(Failure::Denied { tried: 1 }.into()), Err(lost()), "Failed"),
            (Err(immutable()), Err(lost()), "Failed"),
        ] {
            let told = format!("{written:?} {found:?}");
            let state = format!("{:?}", became(&tagging, written, found));
            assert!(state.starts_with(word), "{told}: {state}");
        }
    }
}
