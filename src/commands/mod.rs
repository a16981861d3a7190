//! One file for each command: short orchestration over the edges. What is decided is decided in
//! [`crate::domain`]; what is printed is written by [`crate::ui`].

mod apply;
mod asking;
mod bump;
pub mod completion;
mod diagnose;
mod explain;
mod history;
mod look;
mod naming;
mod next_tag;
mod undo;

use std::future::Future;

pub use bump::bump;
pub use diagnose::diagnose;
pub use explain::explain;
pub use history::history;
pub use next_tag::next_tag;
pub use undo::undo;

use crate::domain::exclusion::{Exclusions, Key};
use crate::domain::history::Run;
use crate::domain::outcome::End;
use crate::error::{AppError, Kind};
use crate::exit::Exit;
use crate::settings::{ApplySettings, CommonSettings};
use crate::text::shell_word;
use crate::ui::summary::Place;
use crate::ui::{Printer, outcome, prompt};
use apply::Journal;

/// Runs a command's work until it is done or Ctrl-C is pressed.
fn block_on<T>(work: impl Future<Output = Result<T, AppError>>) -> Result<T, AppError> {
    block_on_or(work, || AppError::failed("interrupted; nothing was changed"))
}

/// The same for work that changes something: Ctrl-C leaves the terminal as it was and tells how far it got. However it
/// ends, a script that asked for a document gets one, and only one.
fn block_on_change(
    work: impl Future<Output = Result<End, AppError>>,
    journal: &Journal,
    settings: &ApplySettings,
    printer: &Printer,
) -> Result<Exit, AppError> {
    let ended = block_on_or(work, || {
        prompt::restore_terminal();
        stopped(journal, printer)
    });
    let printed = match settings.outcome_format() {
        Some(format) if !matches!(&ended, Err(error) if error.kind == Kind::Usage) => {
            let begun = journal.read();
            let begun = begun.as_ref().map(|(plan, outcome)| (&**plan, outcome));
            let document = outcome::document(begun, ended.as_ref().copied(), &journal.read_place());
            outcome::print_document(printer, &document, format)
        }
        _ => Ok(()),
    };
    let end = ended?;
    printed.map(|()| end.into())
}

/// How a run ends that somebody stopped, with a signal or while it asked: it tells how far it got.
fn stopped(journal: &Journal, printer: &Printer) -> AppError {
    AppError {
        kind: Kind::Interrupted,
        ..outcome::interrupted(printer, journal.read().as_ref(), &journal.read_place())
    }
}

fn block_on_or<T>(
    work: impl Future<Output = Result<T, AppError>>,
    interrupted: impl FnOnce() -> AppError,
) -> Result<T, AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| AppError::failed("failed to start").because(error.to_string()))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            () = told_to_stop() => Err(AppError { kind: Kind::Interrupted, ..interrupted() }),
        }
    });
    // Look-ups that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    result
}

/// Ctrl-C; elsewhere than on Windows also `kill`, which a job that runs out of time gets, and the end of the terminal.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminated), Ok(mut hung_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
                _ = hung_up.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A run of a command, with a name that no other run has.
fn new_run(command: &str) -> Run {
    use std::hash::{BuildHasher as _, Hasher as _};
    // The standard library's hasher is seeded at random; that is all the chance that a name needs.
    let chance = std::collections::hash_map::RandomState::new().build_hasher().finish();
    Run { command: command.to_owned(), id: format!("{chance:016x}")[..10].to_owned(), of: 0 }
}

/// The same, with what the next command is to leave out of a workload too.
fn place_without(seen: &look::Seen, common: &CommonSettings, exclusions: &Exclusions) -> Place {
    let mut place = place(seen, common);
    for rule in exclusions.rules.iter().filter(|rule| matches!(rule.key, Key::Container | Key::Image)) {
        let word = format!("{}={}", rule.key.as_str(), rule.pattern);
        let gap = if place.flags.is_empty() { "" } else { " " };
        place.flags.push_str(&format!("{gap}--exclude {}", shell_word(&word)));
    }
    place
}

/// The same for what changes something: what had to be forced has to be forced again.
fn place_of_change(seen: &look::Seen, common: &CommonSettings, applying: &ApplySettings) -> Place {
    let mut place = place(seen, common);
    if applying.force {
        place.flags = format!("{} --force", place.flags).trim_start().to_owned();
    }
    place
}

/// Where the answer comes from, so that the hints can be copied.
fn place(seen: &look::Seen, common: &CommonSettings) -> Place {
    Place {
        namespace: seen.namespace.clone(),
        // A hint without the namespace that was said with `-n` would look in the context's.
        default_namespace: match &common.connection.namespace {
            Some(_) => String::new(),
            None => seen.default_namespace.clone(),
        },
        flags: common.repeated_flags(),
        cluster: common.cluster_flags(),
    }
}
