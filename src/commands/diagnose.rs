//! `diagnose`: do my pods run what their tags stand for now?

use super::look::{Request, look};
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{DiagnoseSettings, Environment};
use crate::ui::{Printer, answer};

/// Looks, prints the answer, and returns the code that `--fail-on` asks for.
///
/// # Errors
/// When the cluster cannot be reached, or the pods or workloads that were asked for cannot be read.
pub fn diagnose(settings: &DiagnoseSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let request = Request {
        common: &settings.common,
        environment,
        words: settings.selection.words(),
        all_namespaces: settings.all_namespaces,
        labels: settings.label_selector.clone(),
        fields: settings.field_selector.clone(),
        exclusions: Some(&settings.exclusions),
        thorough: false,
    };
    let seen = super::block_on(look(&request, printer))?;
    let place = super::place_without(&seen, &settings.common, &settings.exclusions);
    answer::diagnosis(printer, &seen.diagnosis, settings, &place, seen.now)?;
    Ok(settings.fail_on.judge(&seen.diagnosis))
}
