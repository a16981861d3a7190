//! clap's errors in the form that all our errors have: one line, then the way out.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use crate::error::AppError;

/// Translates a parse error. `None` for what clap calls an error but is none: help and version.
#[must_use]
pub fn usage_error(error: &clap::Error, arguments: &[OsString]) -> Option<AppError> {
    let text = |kind| error.get(kind).map(words).unwrap_or_default();
    let argument = text(ContextKind::InvalidArg);
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default().to_owned();
    let value = text(ContextKind::InvalidValue);
    let mut result = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return None;
        }
        ErrorKind::UnknownArgument if flag.starts_with('-') => AppError::usage(format!("unknown flag `{flag}`")),
        ErrorKind::UnknownArgument => AppError::usage(format!("unexpected argument `{argument}`")),
        ErrorKind::InvalidSubcommand => {
            AppError::usage(format!("unknown command `{}`", text(ContextKind::InvalidSubcommand)))
        }
        ErrorKind::InvalidValue if value.is_empty() => AppError::usage(format!("`{flag}` needs a value")),
        ErrorKind::InvalidValue => AppError::usage(format!("`{flag}` does not know `{value}`")),
        ErrorKind::ArgumentConflict => {
            let prior = text(ContextKind::PriorArg);
            if prior.is_empty() || prior == argument {
                AppError::usage(format!("`{flag}` can be given only once"))
            } else {
                AppError::usage(format!("`{flag}` cannot be used with `{prior}`"))
            }
        }
        ErrorKind::MissingRequiredArgument => AppError::usage(format!("missing {}", argument_list(&argument))),
        ErrorKind::TooManyValues => AppError::usage(format!("`{flag}` has one value too many: `{value}`")),
        _ => AppError::usage(first_line(error)),
    };
    let suggestion = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue]
        .into_iter()
        .map(text)
        // A letter or two resemble everything.
        .find(|suggestion| !suggestion.is_empty() && (value.is_empty() || value.chars().count() > 2));
    if let Some(suggestion) = suggestion {
        result = result.hint(format!("did you mean `{suggestion}`?"));
    } else {
        let valid = text(ContextKind::ValidValue);
        if !valid.is_empty() {
            result = result.hint(format!("it knows {valid}"));
        }
    }
    Some(result.hint(format!("see `{} --help`", command_of(arguments))))
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::None | ContextValue::Bool(_) => String::new(),
        ContextValue::Strings(list) => list.join(", "),
        ContextValue::StyledStrs(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn argument_list(argument: &str) -> String {
    let names: Vec<_> = argument
        .split(", ")
        .map(|name| format!("`{}`", name.trim_end_matches("...").trim_matches(['<', '>', '[', ']'])))
        .collect();
    names.join(" and ")
}

/// `kubectl freshimage diagnose` where that command was asked for: the error itself does not always tell.
fn command_of(arguments: &[OsString]) -> String {
    let commands = Cli::command();
    let name = arguments
        .iter()
        .skip(1)
        .find_map(|argument| commands.get_subcommands().find(|command| argument == command.get_name()));
    match name {
        Some(command) => format!("kubectl freshimage {}", command.get_name()),
        None => "kubectl freshimage".to_owned(),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
