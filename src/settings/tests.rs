//! The rules of the command line, from words to settings.

use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_variables(|name| {
        pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    })
}

fn parse(command: &str, words: &[&str]) -> Result<Cli, AppError> {
    let arguments: Vec<OsString> =
        ["kubectl-freshimage", command].iter().chain(words).map(|word| OsString::from(*word)).collect();
    Cli::try_parse_from(&arguments).map_err(|error| cli::usage_error(&error, &arguments).unwrap())
}

fn diagnose_in(environment: &Environment, words: &[&str]) -> Result<DiagnoseSettings, AppError> {
    let cli = parse("diagnose", words)?;
    let Command::Diagnose(flags) = cli.command else { panic!("another command") };
    DiagnoseSettings::new(flags, cli.connection, environment)
}

fn diagnose(words: &[&str]) -> Result<DiagnoseSettings, AppError> {
    diagnose_in(&Environment::default(), words)
}

fn explain(words: &[&str]) -> Result<ExplainSettings, AppError> {
    let cli = parse("explain", words)?;
    let Command::Explain(flags) = cli.command else { panic!("another command") };
    ExplainSettings::new(flags, cli.connection, &Environment::default())
}

fn target(kind: &str, name: &str) -> Target {
    Target { kind: kind.to_owned(), name: name.to_owned() }
}

#[test]
fn workloads_are_named_as_for_kubectl() {
    let selection = |words: &[&str]| diagnose(words).unwrap().selection;
    assert_eq!(selection(&[]), Selection::All);
    assert_eq!(selection(&["deploy"]), Selection::Types(vec!["deploy".to_owned()]));
    assert_eq!(selection(&["deploy,sts"]), Selection::Types(vec!["deploy".to_owned(), "sts".to_owned()]));
    assert_eq!(
        selection(&["deploy/web", "sts/db"]),
        Selection::Named(vec![target("deploy", "web"), target("sts", "db")])
    );
    assert_eq!(
        selection(&["deploy", "web", "api"]),
        Selection::Named(vec![target("deploy", "web"), target("deploy", "api")])
    );
    assert_eq!(
        selection(&["deploy,sts", "web"]),
        Selection::Named(vec![target("deploy", "web"), target("sts", "web")])
    );
    assert_eq!(selection(&["deploy/web", "deploy/web"]), Selection::Named(vec![target("deploy", "web")]));
}

#[test]
fn what_contradicts_itself_is_said_and_nothing_is_done() {
    for (words, message) in [
        (&["deploy", "web/x"][..], "cannot mix TYPE/NAME with other arguments: `deploy`"),
        (&["deploy/web", "api"], "cannot mix TYPE/NAME with other arguments: `api`"),
        (&["deploy/"], "`deploy/` does not have the form TYPE/NAME"),
        (&["a/b/c"], "`a/b/c` does not have the form TYPE/NAME"),
        (&["deploy,"], "`deploy,` has an empty type"),
        (&["-A", "deploy/web"], "a workload cannot be named across all namespaces"),
        (&["-l", "a=b", "deploy/web"], "`--selector` cannot be combined with names"),
        (&["--field-selector", "a=b", "deploy", "web"], "`--field-selector` cannot be combined with names"),
        (&["--as-group", "g"], "`--as-group` and `--as-uid` need `--as`"),
        (&["--request-timeout", "soon"], "`--request-timeout` cannot be read: `soon`"),
        (&["--insecure-registry", "http://a"], "`--insecure-registry` needs a host, not `http://a`"),
        (&["--only", "rotten"], "`--only` does not know `rotten`"),
        (&["--fail-on", "stale,rotten"], "`--fail-on` does not know `rotten`"),
        (&["-o", "xml"], "`--output` does not know `xml`"),
        (&["--namespaces", "a"], "unknown flag `--namespaces`"),
        (&["-n"], "`--namespace` needs a value"),
        (&["-o"], "`--output` needs a value"),
        (&["-o", "json", "-o", "yaml"], "`--output` can be given only once"),
    ] {
        let error = diagnose(words).unwrap_err();
        assert_eq!(error.message, message, "{words:?}");
        assert_eq!(error.exit(), crate::exit::Exit::Usage);
        assert!(!error.hints.is_empty(), "{words:?} has no way out");
    }
}

#[test]
fn a_wrong_word_gets_the_right_one_as_a_hint() {
    assert_eq!(diagnose(&["--only", "stal"]).unwrap_err().hints[0], "did you mean `stale`?");
    assert_eq!(diagnose(&["--namespaces", "a"]).unwrap_err().hints[0], "did you mean `--namespace`?");
    assert_eq!(diagnose(&["--namespaces", "a"]).unwrap_err().hints[1], "see `kubectl freshimage diagnose --help`");
    let error = parse("diagnos", &[]).unwrap_err();
    assert_eq!(error.message, "unknown command `diagnos`");
    assert_eq!(error.hints, ["did you mean `diagnose`?", "see `kubectl freshimage --help`"]);
}

#[test]
fn one_workload_is_explained_at_a_time() {
    assert_eq!(explain(&["deploy/web"]).unwrap().target, target("deploy", "web"));
    assert_eq!(explain(&["deploy", "web", "-c", "app"]).unwrap().target, target("deploy", "web"));
    assert_eq!(explain(&["deploy/web", "deploy/api"]).unwrap_err().message, "`explain` takes one workload");
    assert_eq!(explain(&["deploy"]).unwrap_err().message, "no name was given for `deploy`");
    assert_eq!(explain(&[]).unwrap_err().message, "missing `TYPE/NAME`");
}

#[test]
fn timeouts_have_kubectls_syntax() {
    let after = |milliseconds| Some(RequestTimeout::After(Duration::from_millis(milliseconds)));
    for (text, expected) in [
        ("0", Some(RequestTimeout::Never)),
        ("0s", Some(RequestTimeout::Never)),
        ("30", after(30_000)),
        ("30s", after(30_000)),
        ("1m30s", after(90_000)),
        ("1.5h", after(5_400_000)),
        ("500ms", after(500)),
        ("", None),
        ("s", None),
        ("-1", None),
        ("1d", None),
        ("1m30", None),
        ("99999h", None),
        ("1..5s", None),
    ] {
        assert_eq!(parse_timeout(text).ok(), expected, "{text}");
    }
}

#[test]
fn verdicts_and_findings_are_told_apart() {
    let settings = diagnose(&["--fail-on", "stale,moved-tag", "--fail-on", "unknown", "--only", "mixed"]).unwrap();
    assert_eq!(settings.fail_on.verdicts, [Verdict::Unknown, Verdict::Stale].into());
    assert_eq!(settings.fail_on.findings, [Finding::MovedTag].into());
    assert_eq!(settings.only, [Verdict::Mixed].into());
}

/// The mirrors that hold, of a variable and of flags.
fn mirrors_of(variable: &str, flags: &[&str]) -> Result<Vec<(String, String)>, AppError> {
    let words: Vec<&str> = flags.iter().flat_map(|flag| ["--registry-mirror", flag]).collect();
    let settings = diagnose_in(&environment(&[("FRESHIMAGE_REGISTRY_MIRRORS", variable)]), &words)?;
    let holding: BTreeMap<_, _> = settings.common.registries.mirrors().map(|(a, b)| (a.clone(), b.clone())).collect();
    Ok(holding.into_iter().collect())
}

#[test]
fn a_mirror_is_a_url_or_a_host_and_the_flag_goes_first() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(host, place)| ((*host).to_owned(), (*place).to_owned())).collect()
    };
    for (variable, flags, expected) in [
        ("", &[][..], &[][..]),
        (
            "docker.io=http://127.0.0.1:5001/, Quay.io=https://m",
            &[],
            &[("docker.io", "http://127.0.0.1:5001"), ("quay.io", "https://m")],
        ),
        ("a:1=http://b", &["a:1=http://c", "d:1=http://e/f/"], &[("a:1", "http://c"), ("d:1", "http://e/f")]),
        ("", &["k3d-reg:5000=localhost:5001"], &[("k3d-reg:5000", "localhost:5001")]),
        ("", &["index.docker.io=https://m"], &[("docker.io", "https://m")]),
        ("", &["a:1=http://c", "a:1=http://c/"], &[("a:1", "http://c")]),
        ("", &["[::1]:5000=http://[::1]:5001"], &[("[::1]:5000", "http://[::1]:5001")]),
    ] {
        assert_eq!(mirrors_of(variable, flags).unwrap(), pairs(expected), "{variable} {flags:?}");
    }
}

#[test]
fn a_mirror_that_cannot_be_read_is_said_without_its_password() {
    let userinfo = "the URL of `--registry-mirror` must not contain a user name or password";
    for (pair, message) in [
        ("docker.io", "`--registry-mirror` needs HOST=URL, not `docker.io`"),
        ("=http://a", "`--registry-mirror` needs a registry's host, not ``"),
        ("http://a=http://b", "`--registry-mirror` needs a registry's host, not `http://a`"),
        ("a/b=http://b", "`--registry-mirror` needs a registry's host, not `a/b`"),
        ("a=", "the URL of `--registry-mirror` for `a` cannot be read"),
        ("a=ftp://b", "the URL of `--registry-mirror` for `a` cannot be read"),
        ("a=http://", "the URL of `--registry-mirror` for `a` cannot be read"),
        ("a=http://b?c=hunter2", "the URL of `--registry-mirror` for `a` cannot be read"),
        ("a=b/c", "the URL of `--registry-mirror` for `a` cannot be read"),
        ("a=http://anna:hunter2@b", userinfo),
        ("a=http://hunter2@b", userinfo),
        ("http://anna:hunter2@a=b", userinfo),
        ("anna:hunter2@a", userinfo),
    ] {
        let error = mirrors_of("", &[pair]).unwrap_err();
        assert_eq!(error.message, message, "{pair}");
        assert!(!error.hints.is_empty() && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let twice = mirrors_of("", &["a=http://b", "a=http://c"]).unwrap_err();
    assert_eq!(twice.message, "`--registry-mirror` has two places for `a`");
    let variable = mirrors_of("a=http://anna:hunter2@b", &[]).unwrap_err();
    assert_eq!(variable.message, "the URL of `FRESHIMAGE_REGISTRY_MIRRORS` must not contain a user name or password");
}

#[test]
fn exclusions_are_pairs_of_a_key_and_a_pattern() {
    let rules = |words: &[&str]| {
        let words: Vec<&str> = words.iter().flat_map(|word| ["--exclude", word]).collect();
        diagnose(&words).map(|settings| {
            let rules = settings.exclusions.rules.into_iter();
            rules.map(|rule| format!("{}={}", rule.key.as_str(), rule.pattern)).collect::<Vec<_>>()
        })
    };
    assert_eq!(rules(&[]).unwrap(), [""; 0]);
    assert_eq!(
        rules(&["container=istio-*, namespace=kube-*", "image=docker.io/*", "kind = Job"]).unwrap(),
        ["container=istio-*", "namespace=kube-*", "image=docker.io/*", "kind=Job"]
    );
    for (word, message) in [
        ("istio-proxy", "`--exclude` needs KEY=PATTERN, not `istio-proxy`"),
        ("container=a,b", "`--exclude` needs KEY=PATTERN, not `b`"),
        ("pod=web", "`--exclude` does not know `pod`"),
        ("=web", "`--exclude` does not know ``"),
        ("Container=web", "`--exclude` does not know `Container`"),
        ("container=", "`--exclude container=` needs a pattern"),
    ] {
        let error = rules(&[word]).unwrap_err();
        assert_eq!(error.message, message);
        assert!(!error.hints.is_empty(), "{word}");
    }
    let explained = explain(&["deploy/web", "-c", "app", "--exclude", "container=proxy"]).unwrap();
    assert_eq!((explained.exclusions.rules.len(), explained.exclusions.wanted), (1, vec!["app".to_owned()]));
}

#[test]
fn empty_flags_count_as_not_given() {
    let settings = diagnose(&["-n", "", "--context", ""]).unwrap();
    assert_eq!(settings.common.connection.namespace, None);
    assert_eq!(settings.common.connection.context, None);
}

#[test]
fn a_token_is_not_in_the_debug_text() {
    let settings = diagnose(&["--token", "hunter2"]).unwrap();
    assert_eq!(settings.common.connection.token.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn colours_follow_flag_then_environment_then_terminal() {
    for (when, pairs, terminal, expected) in [
        (ColorWhen::Auto, &[][..], true, true),
        (ColorWhen::Auto, &[], false, false),
        (ColorWhen::Auto, &[("TERM", "dumb")], true, false),
        (ColorWhen::Auto, &[("NO_COLOR", "1")], true, false),
        (ColorWhen::Auto, &[("NO_COLOR", "")], true, true),
        (ColorWhen::Auto, &[("CLICOLOR_FORCE", "1")], false, true),
        (ColorWhen::Auto, &[("CLICOLOR_FORCE", "0")], false, false),
        (ColorWhen::Auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true, false),
        (ColorWhen::Always, &[("NO_COLOR", "1")], false, true),
        (ColorWhen::Never, &[("CLICOLOR_FORCE", "1")], true, false),
    ] {
        assert_eq!(colored(when, &environment(pairs), terminal), expected, "{when:?} {pairs:?} {terminal}");
    }
}

#[test]
fn flags_may_stand_before_and_behind_the_command() {
    let cli = Cli::try_parse_from(["kubectl-freshimage", "-n", "a", "diagnose", "--context", "c"]).unwrap();
    assert_eq!(cli.connection.namespace.as_deref(), Some("a"));
    assert_eq!(cli.connection.context.as_deref(), Some("c"));
}

#[test]
fn a_hinted_command_looks_at_the_same_cluster() {
    let flags = |words: &[&str]| diagnose(words).unwrap().common.repeated_flags();
    assert_eq!(flags(&["--token", "hunter2"]), "");
    assert_eq!(flags(&["--context", "arn:aws:eks/prod", "--as", "dev"]), "--context arn:aws:eks/prod --as dev");
    assert_eq!(flags(&["--kubeconfig", "/my files/it's"]), r"--kubeconfig '/my files/it'\''s'");
    let words = ["--as", "dev", "--context", "prod", "--insecure-registry", "in.example.com"];
    assert_eq!(diagnose(&words).unwrap().common.cluster_flags(), "--context prod");
    let registries =
        ["--registry-mirror", "k3d-reg:5000=http://localhost:5001/", "--insecure-registry", "in.example.com"];
    assert_eq!(
        flags(&registries),
        "--insecure-registry in.example.com --registry-mirror k3d-reg:5000=http://localhost:5001"
    );
}
