//! Do my pods really run what their image tags stand for now? A kubectl plugin that proves the answer.
//!
//! # The map
//!
//! | module | is |
//! |---|---|
//! | [`domain`] | the pure core: references, digests, what runs, what a registry says, the verdict; next tags, plans, patches, what became of them; no I/O, no clock |
//! | [`cluster`] | the edge to Kubernetes: connect, read pods, owners, nodes and definitions, patch |
//! | [`registry`] | the edge to OCI registries: transport, tokens, credentials, look-ups, new tags |
//! | [`ui`] | what is printed: table, page, plan, outcome, JSON, YAML, names, summary, progress, errors; what is asked; the only place that writes to the streams |
//! | [`commands`] | one file or folder for each command: short orchestration over the edges; `apply` carries out plans |
//! | [`cli`] | the raw command line, in kubectl's words |
//! | [`settings`] | raw flags and the environment, made into one validated struct for each command |
//! | [`fail_on`] | which answers end a run with a code of their own |
//! | [`error`], [`exit`] | what ends a run, and with which code |
//! | [`text`] | text from outside, made fit for a terminal |
//!
//! # The flow
//!
//! Each arrow carries a plain value that can be printed and tested:
//!
//! ```text
//! command line + environment ─→ settings
//! settings ─→ cluster ─Snapshot→ inventory ─questions→ registry ─answers→ verdict ─Diagnosis→ ui
//!                                    ↑                              │
//!                                    └──────── more questions ──────┘
//! ```
//!
//! A change goes on from the verdict:
//!
//! ```text
//! Diagnosis ─candidates→ definitions + names ─→ plan ─Plan→ ui
//!                                                     └──→ check ─→ tags ─→ patches ─→ wait ─→ prove ─Outcome→ ui
//!                                                                                        ↑       │
//!                                                                                        └─ undo ┘
//! ```
//!
//! The plan is the only thing that is carried out, and the outcome is kept in a journal while that is done, so that
//! an interruption at any moment can say what is in force. The proof is the diagnosis once more, against the planned
//! content.
//!
//! A look-up that failed is data, a row with its reason, never the end of a run. The core names the next questions
//! and the edges answer them, so that each step is paid for only where the one before did not decide.

pub mod cli;
pub mod cluster;
pub mod commands;
pub mod domain;
pub mod error;
pub mod exit;
pub mod fail_on;
pub mod registry;
pub mod settings;
pub mod text;
pub mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use cli::{Cli, ColorWhen, Command};
use error::AppError;
use exit::Exit;
use settings::{
    BumpSettings, DiagnoseSettings, Environment, ExplainSettings, HistorySettings, NextTagSettings, UndoSettings,
};
use ui::Printer;

/// Runs the process's own command line in its own environment.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    run_with(&arguments, &Environment::read()).into()
}

fn run_with(arguments: &[OsString], environment: &Environment) -> Exit {
    // kubectl's question comes before any parsing: its words are unfinished by nature.
    if arguments.get(1).is_some_and(|word| word == commands::completion::COMPLETE) {
        let printer = Printer::new(ColorWhen::Never, environment);
        return ended(&printer, print(&printer, &commands::completion::complete(&arguments[2..])));
    }
    match Cli::try_parse_from(arguments) {
        Ok(cli) => {
            let printer = Printer::new(cli.general.color, environment);
            let result = dispatch(cli, environment, &printer);
            ended(&printer, result)
        }
        Err(error) => {
            let printer = Printer::new(color_asked(arguments), environment);
            ended(&printer, refused(&error, arguments, &printer))
        }
    }
}

/// `--color` out of words that could not be parsed: the error itself is to be coloured as asked.
fn color_asked(arguments: &[OsString]) -> ColorWhen {
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let asked = words.iter().enumerate().find_map(|(place, word)| match word.strip_prefix("--color")? {
        "" => words.get(place + 1).map(|value| value.to_string()),
        value => value.strip_prefix('=').map(str::to_owned),
    });
    asked.and_then(|value| ColorWhen::from_str(&value, false).ok()).unwrap_or_default()
}

fn dispatch(cli: Cli, environment: &Environment, printer: &Printer) -> Result<Exit, AppError> {
    match cli.command {
        Command::Diagnose(flags) => {
            let settings = DiagnoseSettings::new(flags, cli.connection, environment)?;
            commands::diagnose(&settings, environment, printer)
        }
        Command::Explain(flags) => {
            let settings = ExplainSettings::new(flags, cli.connection, environment)?;
            commands::explain(&settings, environment, printer)
        }
        Command::Bump(flags) => {
            let settings = BumpSettings::new(flags, cli.connection, environment)?;
            commands::bump(&settings, environment, printer)
        }
        Command::Pin(flags) => {
            let settings = BumpSettings::pin(flags, cli.connection, environment)?;
            commands::bump(&settings, environment, printer)
        }
        Command::Undo(flags) => {
            let settings = UndoSettings::new(flags, cli.connection, environment)?;
            commands::undo(&settings, environment, printer)
        }
        Command::History(flags) => {
            let settings = HistorySettings::new(flags, cli.connection, environment)?;
            commands::history(&settings, environment, printer)
        }
        Command::NextTag(flags) => {
            let settings = NextTagSettings::new(flags, cli.connection, environment)?;
            commands::next_tag(&settings, environment, printer)
        }
        Command::Completion(flags) => print(printer, &commands::completion::script(flags.shell)),
    }
}

/// Help and version are answers; everything else that the parser refuses is a usage error.
fn refused(error: &clap::Error, arguments: &[OsString], printer: &Printer) -> Result<Exit, AppError> {
    if let Some(error) = cli::usage_error(error, arguments) {
        return Err(error);
    }
    if error.use_stderr() {
        printer.message(&error.render().to_string());
        return Ok(Exit::Usage);
    }
    print(printer, &error.render().to_string())
}

fn print(printer: &Printer, text: &str) -> Result<Exit, AppError> {
    printer.data(text)?;
    Ok(Exit::Done)
}

fn ended(printer: &Printer, result: Result<Exit, AppError>) -> Exit {
    result.unwrap_or_else(|error| {
        printer.error(&error);
        error.exit()
    })
}
