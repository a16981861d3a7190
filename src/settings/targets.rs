//! Which workloads are meant: `TYPE/NAME…`, `TYPE NAME…` or `TYPE`, as kubectl reads them.

use crate::error::AppError;
use crate::text::shell_word;

/// What the arguments select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// No argument: every pod.
    All,
    /// Types alone: all of them.
    Types(Vec<String>),
    /// Named workloads, in the order given, each once.
    Named(Vec<Target>),
}

/// One workload by type and name. The type is as typed (`deploy`, `deployments.v1.apps`); the cluster's
/// discovery tells what it means.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Type, as typed.
    pub kind: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

impl Selection {
    /// Reads the arguments.
    ///
    /// # Errors
    /// A usage error where the two forms are mixed, or a part is empty.
    pub fn parse(arguments: &[String]) -> Result<Self, AppError> {
        let Some((first, rest)) = arguments.split_first() else { return Ok(Self::All) };
        if arguments.iter().any(|argument| argument.contains('/')) {
            return slashed(arguments);
        }
        let kinds = types(first)?;
        if rest.is_empty() {
            return Ok(Self::Types(kinds));
        }
        if let Some(empty) = rest.iter().find(|name| name.trim().is_empty()) {
            return Err(AppError::usage(format!("a name cannot be empty: `{empty}`")));
        }
        let mut targets = Vec::new();
        for kind in &kinds {
            for name in rest {
                push_once(&mut targets, Target { kind: kind.clone(), name: name.clone() });
            }
        }
        Ok(Self::Named(targets))
    }

    /// Names stand for themselves: nothing else may pick beside them.
    ///
    /// # Errors
    /// A usage error that says which flag contradicts them.
    pub(super) fn check_beside(
        &self,
        all_namespaces: bool,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<(), AppError> {
        if !matches!(self, Self::Named(_)) {
            return Ok(());
        }
        if all_namespaces {
            return Err(AppError::usage("a workload cannot be named across all namespaces")
                .hint("name its namespace with `-n` instead of `-A`"));
        }
        if labels.is_some() {
            return Err(AppError::usage("`--selector` cannot be combined with names")
                .hint("leave out `--selector`, or the names"));
        }
        if fields.is_some() {
            return Err(AppError::usage("`--field-selector` cannot be combined with names")
                .hint("leave out `--field-selector`, or the names"));
        }
        Ok(())
    }

    /// The arguments as the cluster's edge resolves them.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Types(kinds) => vec![kinds.join(",")],
            Self::Named(targets) => targets.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The one workload that `explain` or `history` is about.
pub(super) fn single(arguments: &[String], command: &str) -> Result<Target, AppError> {
    let example = |what: &str| format!("name it as in `kubectl freshimage {command} {what}`");
    match Selection::parse(arguments)? {
        Selection::Named(mut targets) if targets.len() == 1 => Ok(targets.remove(0)),
        Selection::Named(targets) => Err(AppError::usage(format!("`{command}` takes one workload"))
            .hint(example(&shell_word(&targets[0].to_string())))),
        Selection::Types(kinds) => Err(AppError::usage(format!("no name was given for `{}`", kinds.join(",")))
            .hint(example(&format!("{}/NAME", shell_word(&kinds[0]))))),
        Selection::All => Err(AppError::usage("no workload was named").hint(example("TYPE/NAME"))),
    }
}

fn slashed(arguments: &[String]) -> Result<Selection, AppError> {
    let mut targets = Vec::new();
    for argument in arguments {
        let target = match argument.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
                Target { kind: kind.to_owned(), name: name.to_owned() }
            }
            Some(_) => {
                return Err(AppError::usage(format!("`{argument}` does not have the form TYPE/NAME"))
                    .hint("write one type, one slash and one name"));
            }
            None => {
                return Err(AppError::usage(format!("cannot mix TYPE/NAME with other arguments: `{argument}`"))
                    .hint("write each as TYPE/NAME, or one TYPE followed by names"));
            }
        };
        if target.kind.contains(',') {
            return Err(
                AppError::usage(format!("`{argument}` names several types")).hint("write each as TYPE/NAME of its own")
            );
        }
        push_once(&mut targets, target);
    }
    Ok(Selection::Named(targets))
}

fn types(argument: &str) -> Result<Vec<String>, AppError> {
    let kinds: Vec<String> = argument.split(',').map(|kind| kind.trim().to_owned()).collect();
    if kinds.iter().any(String::is_empty) {
        return Err(AppError::usage(format!("`{argument}` has an empty type"))
            .hint("write types like `deployment,statefulset`"));
    }
    Ok(kinds)
}

fn push_once(targets: &mut Vec<Target>, target: Target) {
    if !targets.contains(&target) {
        targets.push(target);
    }
}
