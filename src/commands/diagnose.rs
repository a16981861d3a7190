//! `diagnose`: do my pods run what their tags stand for now?

use super::look::{Request, look};
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{DiagnoseSettings, Environment, Format, Selection};
use crate::ui::{Printer, json, name, shown, summary, table, yaml};

/// Looks, prints the answer, and returns the code that `--fail-on` asks for.
///
/// # Errors
/// When the cluster cannot be reached, or the pods or workloads that were asked for cannot be read.
pub fn diagnose(settings: &DiagnoseSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let request = Request {
        common: &settings.common,
        environment,
        words: words(&settings.selection),
        all_namespaces: settings.all_namespaces,
        labels: settings.label_selector.clone(),
        fields: settings.field_selector.clone(),
        thorough: false,
    };
    let seen = super::block_on(look(&request, printer))?;
    let items = shown::shown(&seen.diagnosis.items, &settings.only, settings.sort_by);
    let text = match settings.format {
        Format::Table { wide } => {
            let options = table::Options {
                wide,
                namespaces: settings.all_namespaces,
                headers: !settings.no_headers,
                width: printer.width(),
                palette: printer.data_palette(),
                now: seen.now,
            };
            table::render(&items, &options)
        }
        Format::Json => json::render(&seen.diagnosis, &items)?,
        Format::Yaml => yaml::render(&seen.diagnosis, &items)?,
        Format::Name => name::render(&items),
    };
    printer.data(&text)?;
    let place = super::place(&seen, &settings.common);
    printer.message(&summary::render(&seen.diagnosis, &place, printer.message_palette()));
    Ok(settings.fail_on.judge(&seen.diagnosis))
}

fn words(selection: &Selection) -> Vec<String> {
    match selection {
        Selection::All => Vec::new(),
        Selection::Types(kinds) => vec![kinds.join(",")],
        Selection::Named(targets) => targets.iter().map(|target| format!("{}/{}", target.kind, target.name)).collect(),
    }
}
