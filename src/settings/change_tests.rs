use std::ffi::OsString;

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::settings::Terminal;

fn terminal() -> Environment {
    let stderr = Terminal { is_terminal: true, width: Some(80) };
    Environment { stdin_is_terminal: true, stderr, ..Environment::default() }
}

fn parsed(environment: &Environment, words: &[&str]) -> Result<BumpSettings, AppError> {
    let arguments: Vec<OsString> =
        ["kubectl-freshimage"].iter().chain(words).map(|word| OsString::from(*word)).collect();
    let cli = Cli::try_parse_from(&arguments).map_err(|error| cli::usage_error(&error, &arguments).unwrap())?;
    match cli.command {
        Command::Bump(flags) => BumpSettings::new(flags, cli.connection, environment),
        Command::Pin(flags) => BumpSettings::pin(flags, cli.connection, environment),
        Command::Undo(flags) => {
            UndoSettings::new(flags, cli.connection, environment).map(|_| panic!("it was to be refused"))
        }
        _ => panic!("another command"),
    }
}

fn refused(environment: &Environment, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let error = parsed(environment, &words).unwrap_err();
    assert_eq!(error.exit(), crate::exit::Exit::Usage, "{line}");
    error.message
}

#[test]
fn every_way_is_understood() {
    for (text, expected) in [
        ("tag", To::Tag(None)),
        ("tag=1.4.2", To::Tag(Some("1.4.2".to_owned()))),
        ("existing=main", To::Existing("main".to_owned())),
        ("digest", To::Digest),
        ("always-pull", To::AlwaysPull),
    ] {
        let settings = parsed(&Environment::default(), &["bump", "deploy/web", "--yes", "--to", text]).unwrap();
        assert_eq!(settings.to, Some(expected), "{text}");
    }
    assert_eq!(parsed(&Environment::default(), &["pin", "deploy/web", "--yes"]).unwrap().to, Some(To::Digest));
}

#[test]
fn containers_are_given_images_of_any_repository() {
    let set = ["app=reg.example.com:5000/shop/web:2.0", "proxy=web", "models=reg.example.com/m@sha256:"];
    let digest = format!("{}{}", set[2], "5".repeat(64));
    let words = ["bump", "deploy/web", "sts/db", "--yes", "--set", set[0], "--set", set[1], "--set", &digest];
    let settings = parsed(&Environment::default(), &words).unwrap();
    assert_eq!(settings.containers, ["app", "proxy", "models"]);
    let to = settings.to.unwrap();
    for (container, image) in [
        ("app", Some("reg.example.com:5000/shop/web:2.0")),
        ("proxy", Some("web")),
        ("models", digest.strip_prefix("models=")),
        ("other", None),
    ] {
        assert_eq!(to.given(container).map(Reference::original), image, "{container}");
    }
}

#[test]
fn a_container_and_its_image_leave_nothing_else_to_be_said() {
    let nobody = Environment::default();
    for (line, word) in [
        ("bump deploy/web --yes --set app=a:1 --to tag", "`--set` cannot be combined with `--to`"),
        ("bump deploy/web --yes --set app=a:1 --scheme semver", "with `--scheme`"),
        ("bump deploy/web --yes --set app=a:1 --bump minor", "with `--bump`"),
        ("bump deploy/web --yes --set app=a:1 --content served", "with `--content`"),
        ("bump deploy/web --yes --set app=a:1 -c app", "with `--container`"),
        ("bump --all --yes --set app=a:1", "with `--all`"),
        ("bump --yes --set app=a:1", "`--set` requires the name of a workload"),
        ("bump deployments --yes --set app=a:1", "`--set` requires the name of a workload"),
        ("bump -l app=web --yes --set app=a:1", "`--set` requires the name of a workload"),
        ("bump deploy/web -A --yes --set app=a:1", "across all namespaces"),
        ("bump deploy/web --yes --set app=a:1 --set app=a:1", "`--set` names container `app` twice"),
        ("bump deploy/web --yes --set app", "`--set` expects CONTAINER=IMAGE, got `app`"),
        ("bump deploy/web --yes --set =a:1", "got `=a:1`"),
        ("bump deploy/web --yes --set *=a:1", "got `*=a:1`"),
        ("bump deploy/web --yes --set reg.example.com/a:1", "got `reg.example.com/a:1`"),
        ("bump deploy/web --yes --set app=", "invalid image for `--set app`: ``"),
        ("bump deploy/web --yes --set app=A:1", "invalid image for `--set app`: `A:1`"),
        ("bump deploy/web --yes --set app=a:1,proxy=b:2", "invalid image for `--set app`: `a:1,proxy=b:2`"),
        ("bump deploy/web --yes --set app=a@sha256:12", "invalid image for `--set app`: `a@sha256:12`"),
        ("bump deploy/web --set app=a:1", "`--yes` is required without an interactive terminal"),
    ] {
        assert!(refused(&nobody, line).contains(word), "{line}: {}", refused(&nobody, line));
    }
    assert!(parsed(&terminal(), &["bump", "deploy/web", "--set", "app=a:1"]).is_ok());
}

#[test]
fn ways_that_make_no_sense_are_refused() {
    let nobody = Environment::default();
    for (text, word) in [
        ("latest", "does not know `latest`"),
        ("tag=latest", "moves by design"),
        ("tag=", "cannot have ``"),
        ("tag=a/b", "cannot have `a/b`"),
        ("existing", "needs a name"),
        ("digest=sha256:1", "does not know"),
    ] {
        assert!(refused(&nobody, &format!("bump deploy/web --yes --to {text}")).contains(word), "{text}");
    }
}

#[test]
fn where_nobody_can_be_asked_everything_has_to_be_said() {
    let nobody = Environment::default();
    for (line, word) in [
        ("bump", "no workload was named"),
        ("bump deploy/web", "`--to` is required without an interactive terminal"),
        ("bump deploy/web --to tag", "`--yes` is required without an interactive terminal"),
        ("bump --to tag --yes", "no workload was named"),
        ("bump deploy/web --yes", "`--to` is required with `--yes`"),
        ("pin deploy/web", "`--yes` is required without an interactive terminal"),
        ("undo deploy/web", "`--yes` is required without an interactive terminal"),
        ("undo", "no workload was named"),
        ("undo --all deployments", "cannot be combined"),
        ("undo deployments --to-revision 1 --yes", "for one workload"),
        ("undo deploy/web -A", "across all namespaces"),
    ] {
        assert!(refused(&nobody, line).contains(word), "{line}");
    }
    for line in [
        "bump deploy/web --to tag --yes",
        "bump deploy/web --to tag --dry-run",
        "bump --all --to tag --yes",
        "bump deployments --to digest --yes",
        "bump -l app=web --to digest --yes",
        "pin deploy/web --dry-run=server",
    ] {
        assert!(parsed(&nobody, &line.split(' ').collect::<Vec<_>>()).is_ok(), "{line}");
    }
    // With `--yes` nothing is asked on a terminal either.
    assert!(refused(&terminal(), "bump --yes --to tag").contains("no workload was named"));
    assert!(refused(&terminal(), "bump deploy/web --yes").contains("`--to` is required with `--yes`"));
    for line in ["bump", "bump deploy/web", "bump --to tag", "pin", "pin deploy/web"] {
        assert!(parsed(&terminal(), &line.split(' ').collect::<Vec<_>>()).is_ok(), "{line}");
    }
}

#[test]
fn a_hint_repeats_what_was_typed() {
    for (line, expected) in [
        ("bump deploy/worker", "kubectl freshimage bump deploy/worker --to tag --yes"),
        (
            "bump deploy worker other -n shop",
            "kubectl freshimage bump deploy/worker deploy/other -n shop --to tag --yes",
        ),
        ("bump", "kubectl freshimage bump TYPE/NAME --to tag --yes"),
        ("bump --all --context prod -c app", "kubectl freshimage bump --all -c app --context prod --to tag --yes"),
        ("bump -l app=web --to digest", "kubectl freshimage bump -l app=web --to digest --dry-run=client"),
        (
            "pin sts/db --as ann --as-group ops",
            "kubectl freshimage pin sts/db --as ann --as-group ops --dry-run=client",
        ),
        ("undo sts/db -n shop", "kubectl freshimage undo sts/db -n shop --dry-run=client"),
        ("undo", "kubectl freshimage undo TYPE/NAME"),
        ("bump deploy/web --set app=a:1", "kubectl freshimage bump deploy/web --set app=a:1 --dry-run=client"),
    ] {
        let error = parsed(&Environment::default(), &line.split(' ').collect::<Vec<_>>()).unwrap_err();
        assert!(error.hints[0].contains(&format!("`{expected}`")), "{line}: {:?}", error.hints);
    }
}

#[test]
fn contradictions_are_refused() {
    for (line, word) in [
        ("bump deploy/web --all", "`--all` cannot be combined with names or types"),
        ("bump deploy/web -A", "across all namespaces"),
        ("bump deploy/web -l a=b", "`--selector` cannot be combined with names"),
        ("bump deploy/web --to digest --scheme semver", "are for a proposed tag"),
        ("bump deploy/web --to tag=1 --bump minor", "are for a proposed tag"),
        ("bump deploy/web --to always-pull --content running", "`--content running` has no meaning"),
        ("bump deploy/web --no-wait --rollback", "has to wait"),
        ("bump deploy/web --no-wait --settle 5s", "`--settle` cannot be combined with `--no-wait`"),
        ("bump deploy/web --scheme date --bump minor", "`--bump` can only be used with `--scheme semver`"),
        ("bump deploy/web -c app --exclude container=a*", "container `app` is both named and excluded"),
        ("undo deploy/web --to-revision 1 --run x", "`--to-revision` cannot be combined with `--run`"),
        ("bump deploy/web --settle soon", "`--settle` cannot be read"),
        ("bump deploy/web --timeout soon", "`--timeout` cannot be read"),
        ("bump deploy/web --max-parallel 0", "changes nothing"),
        ("bump deploy/web --dry-run=maybe", "`--dry-run` does not know `maybe`"),
    ] {
        assert!(refused(&terminal(), line).contains(word), "{line}: {}", refused(&terminal(), line));
    }
}

#[test]
fn a_dry_run_without_a_value_asks_nobody() {
    let run = |words: &[&str]| parsed(&terminal(), words).unwrap().applying.dry_run;
    assert_eq!(run(&["bump", "deploy/web"]), DryRun::None);
    assert_eq!(run(&["bump", "--dry-run", "deploy/web"]), DryRun::Client);
    assert_eq!(run(&["bump", "deploy/web", "--dry-run=server"]), DryRun::Server);
}
