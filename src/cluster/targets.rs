//! `TYPE/NAME`, `TYPE NAME…`, `TYPE,TYPE`: what the arguments of a command mean.

use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::Cluster;
use super::failure::Failure;
use super::pods::{Scope, get_failed};
use super::resource::{Resource, Word};
use crate::domain::workload::Owner;
use crate::error::AppError;
use crate::text::excerpt;

/// Requests for single objects that are under way at once.
const AT_ONCE: usize = 16;
/// What `all` means here: every kind of the table that runs pods.
const ALL: [&str; 8] = [
    "pods",
    "deployments.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "replicasets.apps",
    "replicationcontrollers",
    "jobs.batch",
    "cronjobs.batch",
];

/// One thing that the command line names.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its type.
    pub resource: Arc<Resource>,
    /// Where it is; empty for a type in all namespaces and for kinds that live in none.
    pub namespace: Arc<str>,
    /// Its name; none for all objects of the type.
    pub name: Option<Arc<str>>,
    /// The object itself. None for all of a type, for pods, which [`Cluster::pods`] reads anyway, and for
    /// what may not be read.
    pub owner: Option<Owner>,
    /// Why a named object may not be read. The pods may name it all the same; if none does, this is the
    /// end of the run.
    pub refused: Option<AppError>,
}

impl Target {
    /// It is about pods themselves.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        &*self.resource.kind == "Pod" && self.resource.group.is_empty()
    }

    /// The object's UID, where it was read.
    #[must_use]
    pub fn uid(&self) -> Option<&Arc<str>> {
        self.owner.as_ref().map(|owner| &owner.itself.uid)
    }
}

/// A type and perhaps a name, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    kind: Word,
    name: Option<String>,
}

impl Cluster {
    /// Finds what the arguments mean. Named objects are read (404 is an error in kubectl's words, 403 leaves
    /// the name alone), but pods are left to [`Cluster::pods`]. No arguments mean no targets.
    ///
    /// # Errors
    /// For arguments that make no sense, unknown types, and objects that cannot be read.
    pub async fn resolve(&self, arguments: &[String], scope: &Scope) -> Result<Vec<Target>, AppError> {
        let named = parse(arguments)?;
        if *scope == Scope::AllNamespaces && named.iter().any(|named| named.name.is_some()) {
            return Err(AppError::usage("a resource cannot be retrieved by name across all namespaces")
                .hint("name its namespace with `-n` instead of `-A`"));
        }
        let mut targets = Vec::with_capacity(named.len());
        for named in named {
            let resource = Arc::new(self.resource_of_word(&named.kind).await?);
            let namespace = if resource.namespaced { scope.namespace().unwrap_or_default() } else { "" };
            targets.push(Target {
                namespace: namespace.into(),
                name: named.name.map(Into::into),
                owner: None,
                refused: None,
                resource,
            });
        }
        let read = stream::iter(targets).map(|target| self.complete(target)).buffered(AT_ONCE);
        read.collect::<Vec<_>>().await.into_iter().collect()
    }

    /// The objects of a type that match a selector, each with its owner; for `TYPE -l SELECTOR`.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn list_targets(
        &self,
        resource: &Arc<Resource>,
        labels: Option<&str>,
        scope: &Scope,
    ) -> Result<Vec<Target>, AppError> {
        let listed = self.list_owners(resource, scope, labels).await;
        let owners = listed.map_err(|failure: Failure| {
            let forbidden = failure.is_forbidden();
            let error = failure.into_error(format!("failed to list {} {}", resource.full_name(), scope.words()));
            if forbidden {
                error.hint(format!("name them instead, which needs only `get` on `{}`", resource.full_name()))
            } else {
                error
            }
        })?;
        Ok(owners
            .into_iter()
            .map(|(namespace, owner)| Target {
                resource: Arc::clone(resource),
                namespace,
                name: Some(Arc::clone(&owner.itself.name)),
                owner: Some(owner),
                refused: None,
            })
            .collect())
    }

    async fn complete(&self, target: Target) -> Result<Target, AppError> {
        let Some(name) = target.name.clone().filter(|_| !target.is_pod()) else {
            return Ok(target);
        };
        let what = target.resource.full_name();
        match self.get_owner(&target.resource, Some(&target.namespace), &name).await {
            Ok(owner) => Ok(Target { owner: Some(owner), ..target }),
            Err(failure) if failure.is_forbidden() => {
                self.inner.problems.add(&what, &failure.why());
                let refused = get_failed(failure, &what, &name).hint(format!(
                    "ask for `get` on `{what}`, or look at all pods of the namespace without naming a workload"
                ));
                Ok(Target { refused: Some(refused), ..target })
            }
            Err(failure) => Err(get_failed(failure, &what, &name)),
        }
    }

    async fn resource_of_word(&self, word: &Word) -> Result<Resource, AppError> {
        let shown = excerpt(word.as_str(), 100);
        let found = self.inner.discovery.word(&self.inner.transport, word).await;
        let found = found.map_err(|failure| failure.into_error(format!("failed to find out what `{shown}` is")))?;
        found.ok_or_else(|| {
            AppError::failed(format!("the server doesn't have a resource type \"{shown}\""))
                .hint("`kubectl api-resources` lists those that it has")
        })
    }
}

/// kubectl's grammar: either all arguments are `TYPE/NAME`, or the first one is `TYPE[,TYPE…]` and the
/// others are names.
fn parse(arguments: &[String]) -> Result<Vec<Named>, AppError> {
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.trim()).collect();
    if arguments.iter().any(|argument| argument.is_empty()) {
        return Err(AppError::usage("an argument is empty"));
    }
    if arguments.iter().any(|argument| argument.contains('/')) {
        return arguments.iter().flat_map(|argument| argument.split(',')).map(combined).collect();
    }
    let Some((kinds, names)) = arguments.split_first() else {
        return Ok(Vec::new());
    };
    let mut named = Vec::new();
    for kind in kinds.split(',').filter(|kind| !kind.is_empty()) {
        let kinds = if kind == "all" { ALL.to_vec() } else { vec![kind] };
        for kind in kinds.into_iter().map(Word::new) {
            if names.is_empty() {
                named.push(Named { kind: kind.clone(), name: None });
            }
            // `deployment a,b` is no list for kubectl either, but nobody can mean a name with a comma.
            for name in names.iter().flat_map(|name| name.split(',')).filter(|name| !name.is_empty()) {
                named.push(Named { kind: kind.clone(), name: Some(name.to_owned()) });
            }
        }
    }
    if named.is_empty() {
        return Err(AppError::usage(format!("`{}` names no resource type", excerpt(kinds, 100))));
    }
    if !names.is_empty() && kinds.split(',').any(|kind| kind == "all") {
        return Err(AppError::usage("`all` cannot be combined with names").hint("write TYPE/NAME"));
    }
    Ok(named)
}

fn combined(argument: &str) -> Result<Named, AppError> {
    let shown = excerpt(argument, 100);
    let Some((kind, name)) = argument.split_once('/') else {
        return Err(AppError::usage(format!("`{shown}` stands beside arguments of the form TYPE/NAME"))
            .hint(format!("write TYPE/{shown}, or TYPE NAME… for names of one type")));
    };
    if kind.is_empty() || name.is_empty() || name.contains('/') {
        return Err(
            AppError::usage(format!("`{shown}` is not of the form TYPE/NAME")).hint("it looks like `deployment/web`")
        );
    }
    Ok(Named { kind: Word::new(kind), name: Some(name.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Vec<(String, Option<String>)>, String> {
        let arguments: Vec<String> = line.split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect();
        let named = parse(&arguments).map_err(|error| error.message)?;
        Ok(named.into_iter().map(|named| (named.kind.as_str().to_owned(), named.name)).collect())
    }

    #[test]
    fn kubectls_forms_are_understood() {
        let some = |kind: &str, name: &str| (kind.to_owned(), Some(name.to_owned()));
        let every = |kind: &str| (kind.to_owned(), None);
        for (line, expected) in [
            ("", vec![]),
            ("deployments", vec![every("deployments")]),
            ("deploy,sts", vec![every("deploy"), every("sts")]),
            ("deploy web api", vec![some("deploy", "web"), some("deploy", "api")]),
            ("deploy,sts web", vec![some("deploy", "web"), some("sts", "web")]),
            ("deploy web,api", vec![some("deploy", "web"), some("deploy", "api")]),
            ("deploy/web sts/db", vec![some("deploy", "web"), some("sts", "db")]),
            ("deploy/web,sts/db", vec![some("deploy", "web"), some("sts", "db")]),
            ("Deployments.v1.apps/web", vec![some("deployments.v1.apps", "web")]),
        ] {
            assert_eq!(parsed(line), Ok(expected), "{line}");
        }
        assert_eq!(parsed("all").unwrap().len(), ALL.len());
    }

    #[test]
    fn arguments_that_make_no_sense_are_refused() {
        for line in
            ["deploy/web api", "deploy deploy/web", "deploy/", "/web", "deploy/a/b", "deploy/a,", ",", "all web"]
        {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
