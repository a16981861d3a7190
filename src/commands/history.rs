//! `history`: what was changed in a workload, by whom, and whether it was proven to run.

use crate::cluster::{Cluster, Scope};
use crate::domain::diagnosis::WorkloadName;
use crate::domain::history::{self, History};
use crate::error::AppError;
use crate::exit::Exit;
use crate::settings::{Environment, HistorySettings};
use crate::ui::{self, Printer};

/// Reads one workload and prints its history.
///
/// # Errors
/// When the cluster cannot be reached, or the workload or its history cannot be read.
pub fn history(settings: &HistorySettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    super::block_on(run(settings, environment, printer))
}

async fn run(settings: &HistorySettings, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    let cluster = Cluster::connect(&super::look::connect_options(&settings.common, environment)).await?;
    let namespace = cluster.default_namespace().to_owned();
    let scope = Scope::Namespace(namespace.as_str().into());
    let targets = cluster.resolve(&[settings.target.to_string()], &scope).await?;
    // One word of the form TYPE/NAME names one object.
    let Some(target) = targets.into_iter().next() else {
        return Err(AppError::failed(format!("`{}` names nothing", settings.target)));
    };
    if let Some(refused) = target.refused {
        return Err(refused);
    }
    let workload = WorkloadName {
        api_version: target.resource.api_version().into(),
        kind: std::sync::Arc::clone(&target.resource.kind),
        name: target.name.unwrap_or_default(),
    };
    let defined = cluster
        .definition(&namespace, &workload)
        .await
        .map_err(|why| AppError::failed(format!("{}: {}", settings.target, super::bump::not_defined(&why))))?;
    let history = match History::of(&defined.definition) {
        None => History::default(),
        Some(Ok(history)) => history,
        Some(Err(why)) => {
            return Err(AppError::failed(format!("failed to read the history of `{}`", settings.target))
                .because(format!("its annotation `{}` is malformed: {why}", history::ANNOTATION)));
        }
    };
    ui::history::print(printer, &namespace, &workload, &history, settings.format, jiff::Timestamp::now())?;
    Ok(Exit::Done)
}
