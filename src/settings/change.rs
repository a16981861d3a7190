//! Runs of the commands that change something, validated.

use std::time::Duration;

use super::targets::single;
use super::{CommonSettings, Environment, RequestTimeout, Selection, Target, exclusions, given, parse_duration};
use crate::cli::{self, ContentName, DocumentFormat, DryRun, PartName, PlanFormat, SchemeName};
use crate::domain::Reference;
use crate::domain::exclusion::Exclusions;
use crate::domain::floating::is_floating;
use crate::domain::history::Revision;
use crate::domain::plan::{ContentOf, Given, To};
use crate::domain::reference::check_tag;
use crate::error::AppError;
use crate::text::{excerpt, shell_word};

/// A run of `bump` or `pin`.
#[derive(Debug, Clone)]
pub struct BumpSettings {
    /// What every command has.
    pub common: CommonSettings,
    /// Which workloads.
    pub selection: Selection,
    /// `--all`.
    pub all: bool,
    /// `-A`.
    pub all_namespaces: bool,
    /// `-l`.
    pub label_selector: Option<String>,
    /// `-c`, or the containers that `--set` names; empty is every container that needs it.
    pub containers: Vec<String>,
    /// `--exclude`.
    pub exclusions: Exclusions,
    /// `--to` or `--set`; `None` is to be asked for.
    pub to: Option<To>,
    /// `--scheme`.
    pub scheme: SchemeName,
    /// `--bump`.
    pub part: Option<PartName>,
    /// `--content`.
    pub content: ContentOf,
    /// How it is carried out.
    pub applying: ApplySettings,
    /// `bump` or `pin`.
    pub command: &'static str,
}

/// A run of `undo`.
#[derive(Debug, Clone)]
pub struct UndoSettings {
    /// What every command has.
    pub common: CommonSettings,
    /// Which workloads.
    pub selection: Selection,
    /// `-A`.
    pub all_namespaces: bool,
    /// `-l`.
    pub label_selector: Option<String>,
    /// `--run`.
    pub run: Option<String>,
    /// `--to-revision`.
    pub to_revision: Option<Revision>,
    /// How it is carried out.
    pub applying: ApplySettings,
}

/// A run of `history`.
#[derive(Debug, Clone)]
pub struct HistorySettings {
    /// What every command has.
    pub common: CommonSettings,
    /// Which workload.
    pub target: Target,
    /// `-o`; a table if `None`.
    pub format: Option<DocumentFormat>,
}

/// A run of `next-tag`.
#[derive(Debug, Clone)]
pub struct NextTagSettings {
    /// What every command has.
    pub common: CommonSettings,
    /// The image as given.
    pub image: String,
    /// `--scheme`.
    pub scheme: SchemeName,
    /// `--bump`.
    pub part: Option<PartName>,
    /// `--explain`.
    pub explain: bool,
}

/// How a change is carried out.
#[derive(Debug, Clone)]
pub struct ApplySettings {
    /// `--dry-run`.
    pub dry_run: DryRun,
    /// `--yes`.
    pub yes: bool,
    /// Somebody can be asked.
    pub interactive: bool,
    /// `--force`.
    pub force: bool,
    /// `--keep-going`.
    pub keep_going: bool,
    /// `--timeout`, for each workload.
    pub timeout: Duration,
    /// `--settle`: how long new containers have to run without being started again.
    pub settle: Duration,
    /// Not `--no-wait`.
    pub wait: bool,
    /// `--rollback`.
    pub rollback: bool,
    /// `--max-parallel`.
    pub max_parallel: usize,
    /// `--field-manager`.
    pub field_manager: String,
    /// `-o`; text if `None`.
    pub format: Option<PlanFormat>,
}

impl BumpSettings {
    /// Validates the raw flags of `bump`.
    ///
    /// # Errors
    /// A usage error that says which flags contradict each other, cannot be read, or are missing where nobody can be
    /// asked.
    pub fn new(flags: cli::Bump, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        let images = images(&flags)?;
        let to = match images.is_empty() {
            true => given(flags.to).map(|text| way(&text)).transpose()?,
            false => Some(To::Set(images)),
        };
        if !matches!(to, None | Some(To::Tag(None))) && (flags.scheme.is_some() || flags.bump.is_some()) {
            return Err(AppError::usage("`--scheme` and `--bump` are for a proposed tag")
                .hint("leave them out, or choose `--to tag`"));
        }
        let content = content(flags.content.unwrap_or_default());
        if content == ContentOf::Running && matches!(to, Some(To::Existing(_) | To::AlwaysPull)) {
            return Err(AppError::usage("`--content running` has no meaning with this `--to`")
                .hint("choose `--to tag` or `--to digest`"));
        }
        check_part(flags.scheme, flags.bump)?;
        let common = CommonSettings::new(connection, &flags.registries, environment)?;
        let applying = ApplySettings::new(flags.applying, environment)?;
        Self::validated(Self {
            scheme: flags.scheme.unwrap_or(SchemeName::Auto),
            part: flags.bump,
            ..Self::selected(flags.selected, common, to, content, applying, "bump")?
        })
    }

    /// Validates the raw flags of `pin`.
    ///
    /// # Errors
    /// As for `bump`.
    pub fn pin(flags: cli::Pin, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        let common = CommonSettings::new(connection, &flags.registries, environment)?;
        let applying = ApplySettings::new(flags.applying, environment)?;
        let to = Some(To::Digest);
        Self::validated(Self::selected(flags.selected, common, to, content(flags.content), applying, "pin")?)
    }

    fn selected(
        flags: cli::Selected,
        common: CommonSettings,
        to: Option<To>,
        content: ContentOf,
        applying: ApplySettings,
        command: &'static str,
    ) -> Result<Self, AppError> {
        let selection = Selection::parse(&flags.targets)?;
        selection.check_beside(flags.all_namespaces, flags.selector.as_deref(), None)?;
        no_names_beside_all(flags.all, &selection)?;
        let containers = match &to {
            Some(To::Set(given)) => given.iter().map(|given| given.container.clone()).collect(),
            _ => flags.container,
        };
        Ok(Self {
            common,
            selection,
            all: flags.all,
            all_namespaces: flags.all_namespaces,
            label_selector: given(flags.selector),
            exclusions: exclusions(&flags.exclude, containers.clone())?,
            containers,
            to,
            scheme: SchemeName::Auto,
            part: None,
            content,
            applying,
            command,
        })
    }

    /// Where nobody can be asked, everything has to be given.
    fn validated(self) -> Result<Self, AppError> {
        let applying = &self.applying;
        let (to, containers) = match &self.to {
            Some(To::Set(given)) => {
                let words = given.iter().map(|given| format!("{}={}", given.container, given.image.original()));
                (words.map(|word| format!(" --set {}", shell_word(&word))).collect(), &[][..])
            }
            _ if self.command == "pin" => (String::new(), &self.containers[..]),
            Some(To::Digest) => (" --to digest".to_owned(), &self.containers[..]),
            Some(To::AlwaysPull) => (" --to always-pull".to_owned(), &self.containers[..]),
            _ => (" --to tag".to_owned(), &self.containers[..]),
        };
        let typed = Typed {
            verb: self.command,
            selection: &self.selection,
            all: self.all,
            all_namespaces: self.all_namespaces,
            labels: self.label_selector.as_deref(),
            containers,
        };
        let example = format!("{}{to}", typed.command(&self.common));
        let says_which = self.selection != Selection::All || self.all || self.label_selector.is_some();
        let asks = applying.interactive && !applying.yes;
        if !asks && !says_which {
            return Err(AppError::usage("no workload was named")
                .hint(format!("name it, or pass `--all` for everything that runs old content: `{example} --yes`")));
        }
        if !asks && self.to.is_none() {
            let when = if applying.yes { "with `--yes`" } else { "without an interactive terminal" };
            return Err(AppError::usage(format!("`--to` is required {when}"))
                .hint(format!("for a new unique tag: `{example} --yes`"))
                .hint("`kubectl freshimage bump --help` lists the other ways"));
        }
        applying.can_go_on(&example)?;
        Ok(self)
    }
}

/// What was typed, so that a hint repeats it.
struct Typed<'a> {
    verb: &'a str,
    selection: &'a Selection,
    all: bool,
    all_namespaces: bool,
    labels: Option<&'a str>,
    containers: &'a [String],
}

impl Typed<'_> {
    /// The command, with `TYPE/NAME` where nothing says which workload.
    fn command(&self, common: &CommonSettings) -> String {
        let mut words = vec!["kubectl freshimage".to_owned(), self.verb.to_owned()];
        words.extend(self.selection.words().iter().map(|word| shell_word(word).into_owned()));
        if self.all {
            words.push("--all".to_owned());
        }
        if self.all_namespaces {
            words.push("-A".to_owned());
        }
        if let Some(labels) = self.labels {
            words.extend(["-l".to_owned(), shell_word(labels).into_owned()]);
        }
        if words.len() == 2 {
            words.push("TYPE/NAME".to_owned());
        }
        if !self.containers.is_empty() {
            words.extend(["-c".to_owned(), shell_word(&self.containers.join(",")).into_owned()]);
        }
        if let Some(namespace) = &common.connection.namespace {
            words.extend(["-n".to_owned(), shell_word(namespace).into_owned()]);
        }
        words.extend(Some(common.repeated_flags()).filter(|flags| !flags.is_empty()));
        words.join(" ")
    }
}

impl UndoSettings {
    /// Validates the raw flags of `undo`.
    ///
    /// # Errors
    /// A usage error.
    pub fn new(flags: cli::Undo, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        let common = CommonSettings::new(connection, &flags.registries, environment)?;
        let selection = Selection::parse(&flags.targets)?;
        let label_selector = given(flags.selector);
        selection.check_beside(flags.all_namespaces, label_selector.as_deref(), None)?;
        let typed = Typed {
            verb: "undo",
            selection: &selection,
            all: flags.all,
            all_namespaces: flags.all_namespaces,
            labels: label_selector.as_deref(),
            containers: &[],
        };
        let example = typed.command(&common);
        no_names_beside_all(flags.all, &selection)?;
        if selection == Selection::All && !flags.all && label_selector.is_none() {
            return Err(AppError::usage("no workload was named")
                .hint(format!("name it as in `{example}`, or take everything back with `--all`")));
        }
        let one = matches!(&selection, Selection::Named(targets) if targets.len() == 1);
        if flags.to_revision.is_some() && !one {
            return Err(AppError::usage("`--to-revision` is for one workload, named as TYPE/NAME")
                .hint("each workload counts its own revisions: `kubectl freshimage history TYPE/NAME` lists them"));
        }
        if flags.to_revision.is_some() && flags.run.is_some() {
            return Err(
                AppError::usage("`--to-revision` cannot be combined with `--run`").hint("leave out one of them")
            );
        }
        let applying = ApplySettings::new(flags.applying, environment)?;
        applying.can_go_on(&example)?;
        Ok(Self {
            common,
            selection,
            all_namespaces: flags.all_namespaces,
            label_selector,
            run: given(flags.run),
            to_revision: flags.to_revision,
            applying,
        })
    }
}

impl HistorySettings {
    /// Validates the raw flags of `history`.
    ///
    /// # Errors
    /// A usage error.
    pub fn new(flags: cli::History, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        Ok(Self {
            common: CommonSettings::new(connection, &cli::Registries::default(), environment)?,
            target: single(&flags.target, "history")?,
            format: flags.output,
        })
    }
}

impl NextTagSettings {
    /// Validates the raw flags of `next-tag`.
    ///
    /// # Errors
    /// A usage error.
    pub fn new(flags: cli::NextTag, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        check_part(flags.scheme, flags.bump)?;
        Ok(Self {
            common: CommonSettings::new(connection, &flags.registries, environment)?,
            image: flags.image,
            scheme: flags.scheme.unwrap_or(SchemeName::Auto),
            part: flags.bump,
            explain: flags.explain,
        })
    }
}

/// Only versions have parts.
fn check_part(scheme: Option<SchemeName>, part: Option<PartName>) -> Result<(), AppError> {
    match (scheme, part) {
        (Some(SchemeName::Increment | SchemeName::Date | SchemeName::Digest), Some(_)) => {
            Err(AppError::usage("`--bump` can only be used with `--scheme semver`")
                .hint("leave out `--bump` or `--scheme`"))
        }
        _ => Ok(()),
    }
}

fn no_names_beside_all(all: bool, selection: &Selection) -> Result<(), AppError> {
    if all && *selection != Selection::All {
        return Err(
            AppError::usage("`--all` cannot be combined with names or types").hint("leave out `--all`, or the names")
        );
    }
    Ok(())
}

/// `--settle` where it is not given: a program that crashes at its start counts as available for a moment.
const SETTLE: Duration = Duration::from_secs(2);

/// `--timeout 0`.
const FOR_EVER: Duration = Duration::from_secs(366 * 24 * 3600);

impl ApplySettings {
    fn new(flags: cli::Applying, environment: &Environment) -> Result<Self, AppError> {
        // As for kubectl, zero is without end; a deadline has to be some number all the same.
        let timeout = match parse_duration("--timeout", &flags.timeout)? {
            RequestTimeout::After(timeout) => timeout,
            RequestTimeout::Never => FOR_EVER,
        };
        let settle = match flags.settle.as_deref().map(|text| parse_duration("--settle", text)).transpose()? {
            None => SETTLE,
            Some(RequestTimeout::After(settle)) => settle,
            Some(RequestTimeout::Never) => Duration::ZERO,
        };
        if flags.no_wait && flags.settle.is_some() {
            return Err(AppError::usage("`--settle` cannot be combined with `--no-wait`").hint("leave out one of them"));
        }
        if flags.no_wait && flags.rollback {
            return Err(AppError::usage("`--rollback` has to wait for what would make it go back")
                .hint("leave out `--no-wait`"));
        }
        if flags.max_parallel == 0 {
            return Err(AppError::usage("`--max-parallel 0` changes nothing").hint("say how many at once: 1 or more"));
        }
        if flags.field_manager.is_empty() || flags.field_manager.len() > 128 {
            return Err(AppError::usage("`--field-manager` needs a name of at most 128 characters"));
        }
        Ok(Self {
            dry_run: flags.dry_run,
            yes: flags.yes,
            interactive: environment.is_interactive(),
            force: flags.force,
            keep_going: flags.keep_going,
            timeout,
            settle,
            wait: !flags.no_wait,
            rollback: flags.rollback,
            max_parallel: usize::from(flags.max_parallel),
            field_manager: flags.field_manager,
            format: flags.output,
        })
    }

    /// The format of the one document that tells the outcome; `None` where the plan is what is printed, or text is.
    #[must_use]
    pub fn outcome_format(&self) -> Option<DocumentFormat> {
        match self.format {
            _ if self.dry_run != DryRun::None => None,
            Some(PlanFormat::Json) => Some(DocumentFormat::Json),
            Some(PlanFormat::Yaml) => Some(DocumentFormat::Yaml),
            Some(PlanFormat::Diff | PlanFormat::Name) | None => None,
        }
    }

    fn can_go_on(&self, example: &str) -> Result<(), AppError> {
        if self.yes || self.interactive || self.dry_run != DryRun::None {
            return Ok(());
        }
        Err(AppError::usage("`--yes` is required without an interactive terminal")
            .hint(format!("pass `--yes`, or see the plan alone with `{example} --dry-run=client`")))
    }
}

fn content(name: ContentName) -> ContentOf {
    match name {
        ContentName::Served => ContentOf::Served,
        ContentName::Running => ContentOf::Running,
    }
}

/// How `--set` is given, for hints.
const A_SET: &str = " --set app=reg.example.com/shop/web:1.4.2";

/// `--set`, which leaves nothing else to be said.
fn images(flags: &cli::Bump) -> Result<Vec<Given>, AppError> {
    let Some(first) = flags.set.first() else { return Ok(Vec::new()) };
    let beside = [
        ("--to", flags.to.is_some()),
        ("--scheme", flags.scheme.is_some()),
        ("--bump", flags.bump.is_some()),
        ("--content", flags.content.is_some()),
        ("--container", !flags.selected.container.is_empty()),
        ("--all", flags.selected.all),
    ];
    if let Some((flag, _)) = beside.iter().find(|(_, given)| *given) {
        return Err(AppError::usage(format!("`--set` cannot be combined with `{flag}`"))
            .hint(format!("leave out `{flag}`: `--set` names each container and its image")));
    }
    if !matches!(Selection::parse(&flags.selected.targets)?, Selection::Named(_)) {
        return Err(AppError::usage("`--set` requires the name of a workload")
            .hint(format!("name them, as in `kubectl freshimage bump TYPE/NAME --set {}`", shell_word(first))));
    }
    let mut images: Vec<Given> = Vec::new();
    for word in &flags.set {
        let given = image(word)?;
        if images.iter().any(|other| other.container == given.container) {
            return Err(AppError::usage(format!("`--set` names container `{}` twice", given.container))
                .hint("give each container one image"));
        }
        images.push(given);
    }
    Ok(images)
}

/// `CONTAINER=IMAGE`.
fn image(word: &str) -> Result<Given, AppError> {
    let container = |name: &str| {
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        !name.is_empty() && name.chars().all(allowed)
    };
    let Some((name, image)) = word.split_once('=').filter(|(name, _)| container(name)) else {
        return Err(AppError::usage(format!("`--set` expects CONTAINER=IMAGE, got `{}`", excerpt(word, 100)))
            .hint(format!("write it as in `{}`", A_SET.trim_start())));
    };
    match image.parse::<Reference>() {
        Ok(image) => Ok(Given { container: name.to_owned(), image }),
        Err(error) => Err(AppError::usage(format!("invalid image for `--set {name}`: `{}`", excerpt(image, 200)))
            .because(error.to_string())),
    }
}

/// `--to`.
fn way(text: &str) -> Result<To, AppError> {
    let (word, name) = match text.split_once('=') {
        Some((word, name)) => (word, Some(name)),
        None => (text, None),
    };
    let named = |name: &str| match check_tag(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(error) => Err(AppError::usage(format!("`--to {word}` cannot have `{name}`")).because(error.to_string())),
    };
    match (word, name) {
        ("tag", None) => Ok(To::Tag(None)),
        ("tag", Some(name)) if is_floating(name) => Err(AppError::usage(format!(
            "`{name}` is a name that moves by design: it would be re-pushed like the last one"
        ))
        .hint("choose a name that stays, or let one be proposed with `--to tag`")),
        ("tag", Some(name)) => Ok(To::Tag(Some(named(name)?))),
        ("existing", Some(name)) => Ok(To::Existing(named(name)?)),
        ("existing", None) => Err(AppError::usage("`--to existing` needs a name").hint("write `--to existing=1.4.2`")),
        ("digest", None) => Ok(To::Digest),
        ("always-pull", None) => Ok(To::AlwaysPull),
        _ => Err(AppError::usage(format!("`--to` does not know `{text}`"))
            .hint("it knows tag, tag=NAME, digest, existing=NAME and always-pull")),
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
