//! The words that flags accept.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::domain::diagnosis::{Finding, Verdict};

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--output` of `diagnose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Every fact, as JSON
    Json,
    /// Every fact, as YAML
    Yaml,
    /// Names of workloads alone, one a line
    Name,
    /// The table with digests, nodes, policy, age and findings
    Wide,
}

/// `--output` of `explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// Every fact, as JSON
    Json,
    /// Every fact, as YAML
    Yaml,
}

/// `--output` of the commands that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// The outcome, or with --dry-run the plan, as JSON
    Json,
    /// The outcome, or with --dry-run the plan, as YAML
    Yaml,
    /// What would change in the objects, as a diff
    Diff,
    /// Names of the workloads alone, one a line
    Name,
}

/// `--dry-run`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// It is done
    #[default]
    None,
    /// The plan is printed
    Client,
    /// The plan is printed, and the API server has judged each patch
    Server,
}

/// `--content`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ContentName {
    /// What the tag stands for now
    #[default]
    Served,
    /// What the pods run now
    Running,
}

/// `--scheme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemeName {
    /// The one that the repository's tags follow
    Auto,
    /// A number that counts up
    Increment,
    /// A version
    Semver,
    /// The day
    Date,
    /// The content's digest
    Digest,
}

/// `--bump`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    /// 1.4.2 → 2.0.0
    Major,
    /// 1.4.2 → 1.5.0
    Minor,
    /// 1.4.2 → 1.4.3
    Patch,
}

/// `--sort-by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SortKey {
    /// By namespace and workload
    Workload,
    /// Worst first
    Verdict,
    /// By the reference as written
    Image,
    /// Most pods first
    Pods,
    /// Oldest pods first
    Age,
}

/// The argument of `completion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// The program that kubectl itself asks for completions of a plugin
    Kubectl,
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// PowerShell
    Powershell,
    /// Elvish
    Elvish,
}

fn verdict_values() -> impl Iterator<Item = PossibleValue> {
    Verdict::ALL.into_iter().map(|verdict| PossibleValue::new(verdict.as_str()).help(verdict_meaning(verdict)))
}

/// Accepts verdicts.
pub(super) fn verdict() -> PossibleValuesParser {
    PossibleValuesParser::new(verdict_values())
}

/// Accepts verdicts and findings.
pub(super) fn verdict_or_finding() -> PossibleValuesParser {
    let findings = Finding::ALL.into_iter().map(|finding| PossibleValue::new(finding.as_str()));
    PossibleValuesParser::new(verdict_values().chain(findings))
}

/// One line for each verdict, as completion and the README show it.
#[must_use]
pub fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Stale => "runs other content than the tag stands for now, proven",
        Verdict::Mixed => "replicas run different contents under one reference",
        Verdict::Suspect => "most likely stale: the registry does not have what runs, so it can't be proven",
        Verdict::Unknown => "could not be decided; the reason says why",
        Verdict::Unpublished => "the registry has no such tag",
        Verdict::Local => "the image was loaded on the node, and no registry has anything to compare it with",
        Verdict::Stuck => "a rollout cannot go on; the old pods keep running",
        Verdict::Rolling => "a rollout to another reference is under way",
        Verdict::Pinned => "the reference has a digest",
        Verdict::Rewrapped => "the same content, published under another digest; counts as fresh",
        Verdict::Fresh => "runs what the tag stands for now",
        Verdict::Waiting => "nothing runs yet that could be judged",
        Verdict::Ended => "it has ended, and nothing of it runs",
    }
}
