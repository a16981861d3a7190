//! `explain`: the whole evidence for one workload.

use super::look::{Request, look};
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{Environment, ExplainSettings};
use crate::ui::{Printer, answer};

/// Looks at one workload and tells everything that was asked and answered.
///
/// # Errors
/// When the cluster cannot be reached, the workload cannot be read or has nothing to explain, or the
/// container is none of its.
pub fn explain(settings: &ExplainSettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let target = settings.target.to_string();
    let request = Request {
        common: &settings.common,
        environment,
        words: vec![target.clone()],
        all_namespaces: false,
        labels: None,
        fields: None,
        exclusions: Some(&settings.exclusions),
        thorough: true,
    };
    let seen = super::block_on(look(&request, printer))?;
    if seen.diagnosis.items.is_empty() && seen.diagnosis.summary.left_out.total() > 0 {
        return Err(AppError::failed(format!("there is nothing to explain: all of `{target}` is excluded"))
            .hint("leave out `--exclude`, or name a container with `-c`"));
    }
    if seen.diagnosis.items.is_empty() {
        return Err(AppError::failed(format!("there is nothing to explain: no pod belongs to `{target}`")));
    }
    let place = super::place_without(&seen, &settings.common, &settings.exclusions);
    answer::explanation(printer, &seen.diagnosis, settings, &place, seen.now)?;
    Ok(Exit::Done)
}
