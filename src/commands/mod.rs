//! One file for each command: short orchestration over the edges. What is decided is decided in
//! [`crate::domain`]; what is printed is written by [`crate::ui`].

mod asking;
pub mod completion;
mod diagnose;
mod explain;
mod look;

use std::future::Future;

pub use diagnose::diagnose;
pub use explain::explain;

use crate::error::{AppError, Kind};
use crate::settings::CommonSettings;
use crate::ui::summary::Place;

/// Runs a command's work until it is done or Ctrl-C is pressed.
fn block_on<T>(work: impl Future<Output = Result<T, AppError>>) -> Result<T, AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| AppError::failed("failed to start").because(error.to_string()))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => {
                Err(AppError { kind: Kind::Interrupted, ..AppError::failed("interrupted; nothing was changed") })
            }
        }
    });
    // Look-ups that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    result
}

/// Where the answer comes from, so that the hints can be copied.
fn place(seen: &look::Seen, common: &CommonSettings) -> Place {
    Place {
        namespace: seen.namespace.clone(),
        default_namespace: seen.default_namespace.clone(),
        flags: common.connection.repeated_flags(),
    }
}
