//! `next-tag`: the next unique tag of an image, for scripts.

use std::sync::Arc;

use jiff::Timestamp;

use super::look;
use super::naming::{self, Wanted};
use crate::domain::inventory::Tag;
use crate::domain::reference::Reference;
use crate::domain::workload::Access;
use crate::error::AppError;
use crate::exit::Exit;
use crate::registry::{NoCluster, Registries};
use crate::settings::{Environment, NextTagSettings};
use crate::ui::{Printer, plan as page};

/// Prints the tag alone; what decided goes where messages go.
///
/// # Errors
/// When the image cannot be parsed, the registry does not answer, or the scheme has no next tag.
pub fn next_tag(settings: &NextTagSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let reference: Reference = settings.image.parse().map_err(|error| {
        AppError::usage(format!("`{}` is no image", crate::text::excerpt(&settings.image, 200)))
            .because(format!("{error}"))
            .hint("write it as in a pod: `reg.example.com/shop/web:1.4`")
    })?;
    let scheme = super::bump::scheme_choice(settings.scheme);
    let part = settings.part.map(super::bump::part);
    let registries = Registries::new(look::registry_options(&settings.common, environment)?, Arc::new(NoCluster));
    let access = Arc::new(Access::default());
    let tag = reference.resolved_tag().unwrap_or_else(|| "latest".into());
    let found = super::block_on(async {
        // A name that is made of a part of the version needs to know nothing of the content.
        let key =
            Tag { repository: reference.repository().clone(), tag: Arc::clone(&tag), access: Arc::clone(&access) };
        let digest = match (reference.digest(), part) {
            (Some(digest), _) => Some(digest.clone()),
            (None, None) => registries.served(&key).await.ok().map(|served| served.digest),
            (None, Some(_)) => None,
        };
        let wanted = Wanted {
            repository: reference.repository(),
            access: &access,
            tag: &tag,
            digest: digest.as_ref(),
            scheme,
            part,
            now: Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime(),
            given: Vec::new(),
            reuse: false,
        };
        naming::proposed(&registries, &wanted).await.map_err(|refusal| {
            let error = AppError::failed(format!("failed to find the next tag for `{}`", reference.original()))
                .because(refusal.reason);
            match refusal.hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })
    })?;
    if settings.explain {
        printer.message(&page::why(&found.name, &found.proposal, found.listed, printer.message_palette()));
    }
    for warning in &found.name.warnings {
        printer.message(&page::note(warning, printer.message_palette()));
    }
    printer.data(&format!("{}\n", found.name.tag))?;
    Ok(Exit::Done)
}
