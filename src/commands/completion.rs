//! Completion scripts, and the answers that kubectl asks for.
//!
//! kubectl completes a plugin by running `kubectl_complete-freshimage` from PATH with the words behind the plugin's
//! name, the last of which is being typed; it reads lines of `value<TAB>description` and a last line `:N` with a
//! directive (cobra's; 4 is "no file names"). It does not filter, so this does.

use std::ffi::OsString;

use clap::CommandFactory;
use clap_complete::aot;

use crate::cli::{Cli, Shell};

/// The word that asks for completions: `kubectl-freshimage __complete diagnose --on`.
pub const COMPLETE: &str = "__complete";

/// cobra's `ShellCompDirectiveNoFileComp`.
const NO_FILES: &str = ":4";
/// cobra's `ShellCompDirectiveNoSpace`, beside the one above: more follows a comma.
const NO_FILES_NO_SPACE: &str = ":6";

/// The program that kubectl asks; it hands the question on.
const KUBECTL_SCRIPT: &str = r#"#!/bin/sh
# Lets kubectl complete `kubectl freshimage …`. kubectl looks for this file by its name, in PATH:
#
#   kubectl freshimage completion kubectl > ~/.local/bin/kubectl_complete-freshimage
#   chmod +x ~/.local/bin/kubectl_complete-freshimage
exec kubectl-freshimage __complete "$@"
"#;

/// What stands above the other scripts.
const INSTALL: &str = "\
# Completes `kubectl-freshimage …`. For `kubectl freshimage …` kubectl asks a program of its own; install it with
#   kubectl freshimage completion kubectl > ~/.local/bin/kubectl_complete-freshimage
#   chmod +x ~/.local/bin/kubectl_complete-freshimage
# (any folder on PATH will do)
";

/// The script for a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let generator = match shell {
        Shell::Kubectl => return KUBECTL_SCRIPT.to_owned(),
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
        Shell::Powershell => aot::Shell::PowerShell,
        Shell::Elvish => aot::Shell::Elvish,
    };
    let mut command = Cli::command().bin_name("kubectl-freshimage");
    let mut script = Vec::new();
    aot::generate(generator, &mut command, "kubectl-freshimage", &mut script);
    // The generator for bash names the branches of a program with a hyphen in two ways (seen in clap_complete 4.6.11);
    // they have to be the same for any branch to be taken.
    let script = String::from_utf8_lossy(&script).replace("kubectl__subcmd__freshimage", "kubectl__freshimage");
    // zsh reads `#compdef` from the very first line.
    match script.strip_prefix("#compdef kubectl-freshimage\n") {
        Some(rest) => format!("#compdef kubectl-freshimage\n{INSTALL}{rest}"),
        None => format!("{INSTALL}{script}"),
    }
}

/// The answer to kubectl: candidates for the last word, then the directive. Types and names from the cluster have
/// their place here once they are asked for.
#[must_use]
pub fn complete(words: &[OsString]) -> String {
    let mut arguments = vec![OsString::from("kubectl-freshimage")];
    arguments.extend_from_slice(words);
    if words.is_empty() {
        arguments.push(OsString::new());
    }
    let current = arguments.last().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let place = arguments.len() - 1;
    // No folder: file names are kubectl's to complete, and it was told not to.
    let candidates = clap_complete::engine::complete(&mut Cli::command(), arguments, place, None).unwrap_or_default();
    let mut lines = Vec::new();
    for candidate in candidates.iter().filter(|candidate| !candidate.is_hide_set()) {
        let value = candidate.get_value().to_string_lossy();
        // Flags are offered once somebody starts to type one, as kubectl does.
        if !value.starts_with(&current) || (value.starts_with('-') && !current.starts_with('-')) {
            continue;
        }
        match candidate.get_help() {
            Some(help) => {
                let help = help.to_string();
                lines.push(format!("{value}\t{}", help.lines().next().unwrap_or_default()));
            }
            None => lines.push(value.into_owned()),
        }
    }
    lines.push(if current.contains(',') { NO_FILES_NO_SPACE } else { NO_FILES }.to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        complete(&words).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn commands_flags_and_their_values_are_offered() {
        assert_eq!(
            answers(&[""]),
            ["diagnose", "explain", "bump", "pin", "undo", "history", "next-tag", "completion", ":4"]
        );
        assert_eq!(answers(&["ex"]), ["explain", ":4"]);
        assert_eq!(answers(&["diagnose", "--on"]), ["--only", ":4"]);
        assert_eq!(answers(&["diagnose", "-o", ""]), ["json", "yaml", "name", "wide", ":4"]);
        assert_eq!(answers(&["diagnose", "--output=j"]), ["--output=json", ":4"]);
        assert_eq!(answers(&["diagnose", "--only", "st"]), ["stale", "stuck", ":4"]);
        assert_eq!(answers(&["diagnose", "--fail-on", "stale,mo"]), ["stale,moved-tag", ":6"]);
        assert_eq!(answers(&["bump", "--scheme", "s"]), ["semver", ":4"]);
        assert_eq!(answers(&["completion", "b"]), ["bash", ":4"]);
        assert_eq!(answers(&["-n", "shop", "dia"]), ["diagnose", ":4"]);
    }

    #[test]
    fn nothing_to_offer_is_only_the_directive() {
        assert_eq!(answers(&["diagnose", "x"]), [":4"]);
        assert_eq!(answers(&["no-such-command", ""]).last().unwrap(), ":4");
    }

    #[test]
    fn every_candidate_has_a_description_on_one_line() {
        let text = complete(&["diagnose".into(), "--".into()]);
        for line in text.lines().filter(|line| line.starts_with('-')) {
            assert_eq!(line.split('\t').count(), 2, "{line}");
        }
    }
}
