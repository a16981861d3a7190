//! The checked-in completion scripts are the ones that the program prints.

use crate::program::{project_file, run, text_of};

const SCRIPTS: &[(&str, &str)] = &[
    ("bash", "completions/kubectl-freshimage.bash"),
    ("zsh", "completions/_kubectl-freshimage"),
    ("fish", "completions/kubectl-freshimage.fish"),
    ("kubectl", "completions/kubectl_complete-freshimage"),
];

#[test]
fn the_checked_in_scripts_are_the_printed_ones() {
    for (shell, path) in SCRIPTS {
        let ended = run(&["completion", shell]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert!(text_of(path) == ended.stdout, "{path} is out of date: run `make completions`");
    }
}

#[test]
#[cfg(unix)]
fn kubectls_script_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let script = project_file("completions/kubectl_complete-freshimage");
    assert_eq!(std::fs::metadata(script).unwrap().permissions().mode() & 0o111, 0o111);
}

/// The way that kubectl goes: the script finds the program on PATH.
#[test]
#[cfg(unix)]
fn kubectls_script_answers_in_kubectls_terms() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_kubectl-freshimage"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = std::process::Command::new(project_file("completions/kubectl_complete-freshimage"))
        .args(["diagnose", "--only", "s"])
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @"
    stale	runs other content than the tag stands for now, proven
    suspect	most likely stale: the registry does not have what runs, so it can't be proven
    stuck	a rollout cannot go on; the old pods keep running
    :4
    ");
}

/// bash itself, as far as it can be asked without a terminal.
#[test]
#[cfg(unix)]
fn bashs_script_completes_flags_and_their_values() {
    for (words, expected) in [
        (&["ex"][..], "explain"),
        (&["diagnose", "--on"], "--only"),
        (&["diagnose", "--output", "j"], "json"),
        (&["completion", "z"], "zsh"),
    ] {
        let question = format!(
            "source {script}; COMP_WORDS=(kubectl-freshimage {words}); COMP_CWORD={place}; \
             _kubectl__freshimage kubectl-freshimage {current} {before}; echo \"${{COMPREPLY[@]}}\"",
            script = project_file("completions/kubectl-freshimage.bash").display(),
            words = words.join(" "),
            place = words.len(),
            current = words[words.len() - 1],
            before = if words.len() > 1 { words[words.len() - 2] } else { "kubectl-freshimage" },
        );
        let output = std::process::Command::new("bash").args(["-c", &question]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected, "{words:?}");
    }
}

#[test]
fn no_script_offers_what_kubectl_asks_for_itself() {
    for (shell, _) in &SCRIPTS[..3] {
        assert!(!run(&["completion", shell]).stdout.contains("__complete"));
    }
}
