//! What the command line accepts, refuses and explains.

use crate::program::run;

#[test]
fn help_is_an_answer_and_fits_eighty_columns() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["diagnose", "--help"],
        &["explain", "-h"],
        &["bump", "--help"],
        &["pin", "-h"],
        &["undo", "-h"],
        &["next-tag", "-h"],
        &["completion", "--help"],
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        for line in ended.stdout.lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
        assert!(ended.stdout.contains("Examples:\n"));
        assert!(ended.stdout.contains("Usage: kubectl freshimage"));
    }
}

#[test]
fn no_help_names_a_command_that_does_not_exist() {
    let ended = run(&["--help"]);
    let listed: Vec<_> = ended
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, ["diagnose", "explain", "bump", "pin", "undo", "history", "next-tag", "completion"]);
}

#[test]
fn nothing_asked_is_wrong_usage() {
    let ended = run(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("Usage: kubectl freshimage COMMAND"));
}

#[test]
fn the_version_is_the_crates() {
    let ended = run(&["--version"]);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.stdout, format!("kubectl-freshimage {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_says_the_way_out() {
    let ended = run(&["diagnose", "--onyl", "stale"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(ended.stderr, @"
    error: unknown flag `--onyl`
    hint: did you mean `--only`?
    hint: see `kubectl freshimage diagnose --help`
    ");
}

#[test]
fn contradictions_are_refused_before_anything_is_asked() {
    let ended = run(&["diagnose", "-A", "deployment/web"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(ended.stderr, @"
    error: a workload cannot be named across all namespaces
    hint: name its namespace with `-n` instead of `-A`
    ");
}

#[test]
fn colour_can_be_forced_and_forbidden() {
    assert!(!run(&["diagnos"]).stderr.contains('\u{1b}'));
    assert!(run(&["--color", "always", "diagnos"]).stderr.starts_with("\u{1b}["));
    assert!(run(&["diagnos", "--color=always"]).stderr.starts_with("\u{1b}["));
    assert!(run(&["diagnose", "-A", "a/b", "--color=always"]).stderr.starts_with("\u{1b}["));
}

/// `kubectl freshimage … | head -1`: the rest is dropped without a word.
#[test]
#[cfg(unix)]
fn a_reader_who_has_seen_enough_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-freshimage"))
        .args(["completion", "bash"])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
