//! What the API server makes of a planned reference: a mutating policy or webhook may store another one. It may name another
//! host, as mirrors are set; other content than planned, or the old image put back, is refused before anything is written.

use super::{Change, Left, Target, assemble};
use crate::domain::Reference;
use crate::domain::history::{self, Changed, History};
use crate::domain::patch::Operation;
use crate::domain::template::Asks;

/// Why a change would come to nothing, if the API server stores these references.
#[must_use]
pub fn denied(target: &Target, stored: &Asks) -> Option<Left> {
    target.changes.iter().filter(|change| !change.done).find_map(|change| {
        let image = stored.get(&change.container)?;
        if keeps(image, change) {
            return None;
        }
        let container = &change.container.name;
        let reason = match *image == change.image {
            true => format!("container {container}: a policy or webhook of the cluster puts `{image}` back"),
            false => format!(
                "container {container}: a policy or webhook of the cluster makes `{image}` of `{}`",
                change.new_image
            ),
        };
        Some(Left::new(reason).hint(
            "change that policy or exempt the workload from it; `kubectl get mutatingwebhookconfigurations,\
             mutatingadmissionpolicies` lists what rewrites objects",
        ))
    })
}

/// What the template asks for once the target's patch is in force, as far as the dry run has told.
#[must_use]
pub fn expected(target: &Target) -> Asks {
    let mut asks = target.definition.asks();
    for change in &target.changes {
        asks.insert(change.container.clone(), change.new_image.as_str().into());
    }
    let entry = assemble::written_history(&target.patch).and_then(|mut history| history.entries.pop());
    for changed in entry.into_iter().flat_map(|entry| entry.containers) {
        if let Some(image) = asks.iter_mut().find(|(container, _)| changed.is_of(container)).map(|(_, image)| image) {
            *image = changed.to.into();
        }
    }
    asks
}

/// Whether a stored reference still asks for the planned content: by its digest, or by the planned tag, on whatever host.
fn keeps(stored: &str, change: &Change) -> bool {
    if *stored == *change.new_image {
        return true;
    }
    let (Ok(stored), Ok(planned)) = (stored.parse::<Reference>(), change.new_image.parse::<Reference>()) else {
        return false;
    };
    match stored.digest() {
        Some(digest) => *digest == change.digest,
        None => planned.digest().is_none() && stored.resolved_tag() == planned.resolved_tag(),
    }
}

/// The target as the API server will store it: an admission webhook may make other references of the new ones. They are
/// what a later run finds, so that the history has to name them.
#[must_use]
pub fn as_stored(mut target: Target, stored: &Asks) -> Target {
    let other = |changed: &Changed| {
        let found = stored.iter().find(|(container, _)| changed.is_of(container));
        found.map(|(_, image)| image.to_string()).filter(|image| *image != changed.to)
    };
    let place = assemble::annotation(history::ANNOTATION);
    for operation in &mut target.patch {
        let Operation::Add { path, value } = operation else { continue };
        let history = value.as_str().filter(|_| *path == place).map(History::parse);
        let Some(Ok(mut history)) = history else { continue };
        for changed in history.entries.last_mut().into_iter().flat_map(|entry| &mut entry.containers) {
            if let Some(image) = other(changed) {
                let (container, to) = (&changed.name, &changed.to);
                target.warnings.push(format!("container {container}: the API server makes `{image}` of `{to}`"));
                changed.to = image;
            }
        }
        *value = history.text().into();
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plan_samples::{deployment, old, served};

    #[test]
    fn what_is_stored_has_to_ask_for_the_planned_content() {
        let (served, old) = (served(), old());
        let pinned = |image: &str| format!("{image}@{served}");
        let other = format!("reg.example.com/shop/web:1.1@{old}");
        let by_tag = deployment("1.1", served.clone());
        let by_digest = deployment(&format!("1.0@{served}"), served.clone());
        let image = |plan: &crate::domain::plan::Plan| plan.targets[0].changes[0].image.to_string();
        let planned = by_tag.targets[0].changes[0].new_image.clone();
        let rewritten = "container app: a policy or webhook of the cluster makes";
        for (plan, stored, expected) in [
            (&by_tag, planned, None),
            (&by_tag, "mirror.example.com/cache/shop/web:1.1".to_owned(), None),
            (&by_tag, pinned("reg.example.com/shop/web:1.1"), None),
            (&by_tag, pinned("mirror.example.com/web"), None),
            (&by_tag, other, Some(rewritten)),
            (&by_tag, "reg.example.com/shop/web:1.2".to_owned(), Some(rewritten)),
            (&by_tag, "reg.example.com/shop/web".to_owned(), Some(rewritten)),
            (&by_tag, "UPPER//".to_owned(), Some(rewritten)),
            (&by_tag, image(&by_tag), Some("puts `")),
            (&by_digest, "mirror.example.com/shop/web:1.0".to_owned(), Some(rewritten)),
            (&by_digest, pinned("mirror.example.com/shop/web:1.0"), None),
        ] {
            let target = &plan.targets[0];
            let mut asks = target.definition.asks();
            asks.insert(target.changes[0].container.clone(), stored.as_str().into());
            let denied = denied(target, &asks).map(|left| left.reason);
            match expected {
                None => assert_eq!(denied, None, "{stored}"),
                Some(words) => assert!(denied.as_ref().is_some_and(|why| why.contains(words)), "{stored}: {denied:?}"),
            }
        }
    }
}
