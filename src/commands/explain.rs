//! `explain`: the whole evidence for one workload.

use super::look::{Request, look};
use crate::cli::DocumentFormat;
use crate::domain::diagnosis::Item;
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{Environment, ExplainSettings};
use crate::ui::{Printer, explain as page, json, summary, yaml};

/// The page's width where stdout is no terminal.
const WIDTH: usize = 100;

/// Looks at one workload and tells everything that was asked and answered.
///
/// # Errors
/// When the cluster cannot be reached, the workload cannot be read or has nothing to explain, or the
/// container is none of its.
pub fn explain(settings: &ExplainSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let target = format!("{}/{}", settings.target.kind, settings.target.name);
    let request = Request {
        common: &settings.common,
        environment,
        words: vec![target.clone()],
        all_namespaces: false,
        labels: None,
        fields: None,
        thorough: true,
    };
    let seen = super::block_on(look(&request, printer))?;
    if seen.diagnosis.items.is_empty() {
        return Err(AppError::failed(format!("there is nothing to explain: no pod belongs to `{target}`")));
    }
    let wanted = |item: &&Item| settings.container.as_ref().is_none_or(|name| *item.container.name == **name);
    let items: Vec<&Item> = seen.diagnosis.items.iter().filter(wanted).collect();
    if items.is_empty() {
        let names: Vec<String> = seen.diagnosis.items.iter().map(|item| format!("`{}`", item.container.name)).collect();
        let wanted = settings.container.as_deref().unwrap_or_default();
        return Err(AppError::usage(format!("`{target}` has no container `{wanted}`"))
            .hint(format!("its containers are {}", names.join(", "))));
    }
    let text = match settings.format {
        Some(DocumentFormat::Json) => json::render(&seen.diagnosis, &items)?,
        Some(DocumentFormat::Yaml) => yaml::render(&seen.diagnosis, &items)?,
        None => {
            let options = page::Options {
                width: printer.width().unwrap_or(WIDTH),
                palette: printer.data_palette(),
                now: seen.now,
            };
            page::render(&items, &options)
        }
    };
    printer.data(&text)?;
    let notes = summary::problems(&seen.diagnosis, printer.message_palette());
    if !notes.is_empty() {
        printer.message(&(notes.join("\n") + "\n"));
    }
    Ok(Exit::Done)
}
