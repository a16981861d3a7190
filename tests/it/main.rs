//! The program as a whole: the real executable, and the files of the project that must agree with the code.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod architecture;
mod command_line;
mod completions;
#[cfg(unix)]
mod credential_plugin;
mod documents;
mod plugin;
mod program;
#[cfg(unix)]
mod terminal;
