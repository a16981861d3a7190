//! What has been learned of one registry: where it answers, how it wants to be logged in to, which
//! credentials it refused, and whether it is there at all.
//!
//! The first request to a registry goes alone and without a credential. Its answer teaches the log-in, so
//! that every later request brings what is needed at once: one 401 for a registry, not one for each
//! reference, and no `GET /v2/` that an open registry would answer for nothing.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
use url::Url;

use super::challenge::{Bearer, Challenge};
use super::clients::is_loopback;
use super::options::RegistryOptions;
use super::outside::Outside;
use super::secret::Credential;
use crate::domain::Repository;
use crate::domain::reference::DOCKER_HUB;
use crate::domain::remote::Failure;

pub(super) struct Host {
    /// Where it may answer, the likeliest first.
    bases: Vec<Url>,
    /// Where that is, if not where its name says.
    outside: Option<Outside>,
    state: Mutex<State>,
    first: AsyncMutex<()>,
}

#[derive(Default)]
struct State {
    base: usize,
    asked: bool,
    pull: Option<Scheme>,
    push: Option<Scheme>,
    refused: HashSet<Credential>,
}

/// The right to be the only one that asks a registry.
pub(super) struct Alone<'a> {
    host: &'a Host,
    _guard: AsyncMutexGuard<'a, ()>,
}

impl Alone<'_> {
    /// There was an answer, or there will be none: the others may go.
    pub(super) fn done(self) {
        self.host.state().asked = true;
    }
}

/// What a visit is for. Registries grant an account that may only read no token that includes writing, or one that
/// they then refuse: what is learned for the one is never asked for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Pull,
    Push,
}

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Scope },
}

/// What tokens are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Each repository its own, under a prefix where a proxy stands in front, with these actions.
    Repository { prefix: String, actions: String },
    /// The same for all; some public registries have but one.
    Fixed(String),
}

impl Scheme {
    /// Generalises the challenge that one repository got.
    pub(super) fn of(challenge: Challenge, repository: &Repository, right: Right) -> Self {
        let Challenge::Bearer(Bearer { realm, service, scope }) = challenge else { return Self::Basic };
        let scope = match scope {
            None => Scope::Repository { prefix: String::new(), actions: "pull".to_owned() },
            Some(scope) => repository_scope(&scope, &repository.path).unwrap_or(Scope::Fixed(scope)),
        };
        let scheme = Self::Bearer { realm, service, scope };
        match right {
            Right::Pull => scheme,
            Right::Push => scheme.for_push(),
        }
    }

    /// The same with the actions that a push needs; some registries name no more than `pull` in any challenge.
    fn for_push(mut self) -> Self {
        if let Self::Bearer { scope: Scope::Repository { actions, .. }, .. } = &mut self {
            for needed in ["pull", "push"] {
                if !actions.split(',').any(|action| action == needed || action == "*") {
                    actions.push(',');
                    actions.push_str(needed);
                }
            }
        }
        self
    }

    /// The token that a repository needs; `None` if the registry takes passwords.
    pub(super) fn wanted(&self, repository: &Repository) -> Option<Bearer> {
        let Self::Bearer { realm, service, scope } = self else { return None };
        let scope = match scope {
            Scope::Repository { prefix, actions } => format!("repository:{prefix}{}:{actions}", repository.path),
            Scope::Fixed(scope) => scope.clone(),
        };
        Some(Bearer { realm: realm.clone(), service: service.clone(), scope: Some(scope) })
    }
}

fn repository_scope(scope: &str, path: &str) -> Option<Scope> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let prefix = name.strip_suffix(path).filter(|prefix| prefix.is_empty() || prefix.ends_with('/'))?;
    Some(Scope::Repository { prefix: prefix.to_owned(), actions: actions.to_owned() })
}

impl Host {
    pub(super) fn new(name: &str, options: &RegistryOptions) -> Result<Self, Failure> {
        match options.mirrors.get(name) {
            Some(place) => Self::at(name, place, None, options),
            None => Ok(Self::answering(addresses(name, options)?, None)),
        }
    }

    /// A registry that answers at another place than where its name says.
    pub(super) fn at(
        name: &str,
        place: &str,
        help: Option<String>,
        options: &RegistryOptions,
    ) -> Result<Self, Failure> {
        let (outside, bases) = Outside::of(name, place, help, options)?;
        Ok(Self::answering(bases, Some(outside)))
    }

    fn answering(bases: Vec<Url>, outside: Option<Outside>) -> Self {
        Self { bases, outside, state: Mutex::default(), first: AsyncMutex::default() }
    }

    /// Whether it is asked at another place than where its name says.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.outside.is_some()
    }

    /// Whether the cluster's credentials for its name may be shown to it.
    pub(super) fn takes_pull_secrets(&self) -> bool {
        self.outside.as_ref().is_none_or(|outside| outside.takes_pull_secrets)
    }

    /// What a repository is called where it is asked; the local login goes by that.
    pub(super) fn called<'a>(&self, repository: &'a Repository) -> Cow<'a, Repository> {
        match &self.outside {
            Some(outside) => Cow::Owned(outside.repository(repository)),
            None => Cow::Borrowed(repository),
        }
    }

    /// A failure in the words of whoever asks for it by its name.
    pub(super) fn told(&self, failure: Failure) -> Failure {
        match &self.outside {
            Some(outside) => outside.told(failure),
            None => failure,
        }
    }

    /// Where requests go.
    pub(super) fn base(&self) -> Url {
        let index = self.state().base;
        // The index only ever comes from `next_base`.
        self.bases[index].clone()
    }

    /// Goes on to the next place where it may answer.
    pub(super) fn next_base(&self) -> bool {
        let mut state = self.state();
        let more = state.base + 1 < self.bases.len();
        state.base += usize::from(more);
        more
    }

    /// Back to the place before: the next one was worse.
    pub(super) fn previous_base(&self) {
        let mut state = self.state();
        state.base = state.base.saturating_sub(1);
    }

    /// Whether there is another place where it may answer.
    pub(super) fn has_next_base(&self) -> bool {
        self.state().base + 1 < self.bases.len()
    }

    /// Waits until the registry was asked once. Who gets [`Alone`] is the first, and goes alone as long as
    /// it holds it; a first that is cancelled hands that on.
    pub(super) async fn opening(&self) -> Option<Alone<'_>> {
        if self.state().asked {
            return None;
        }
        let guard = self.first.lock().await;
        let asked = self.state().asked;
        (!asked).then_some(Alone { host: self, _guard: guard })
    }

    /// How to log in for this, as far as it is known. Whoever knows how to pull knows how to push.
    pub(super) fn scheme(&self, right: Right) -> Option<Scheme> {
        let state = self.state();
        match right {
            Right::Pull => state.pull.clone(),
            Right::Push => state.push.clone().or_else(|| Some(state.pull.clone()?.for_push())),
        }
    }

    pub(super) fn learn(&self, right: Right, scheme: Scheme) {
        let mut state = self.state();
        match right {
            Right::Pull => state.pull = Some(scheme),
            Right::Push => state.push = Some(scheme),
        }
    }

    /// A credential did not open a repository. It will be tried last from now on: the answer would be the
    /// same in most cases, and accounts get locked for trying.
    pub(super) fn refused(&self, credential: &Credential) {
        self.state().refused.insert(credential.clone());
    }

    /// Those not refused so far, then the others; within both, the order stays.
    pub(super) fn order(&self, credentials: &mut [Credential]) {
        let state = self.state();
        credentials.sort_by_key(|credential| state.refused.contains(credential));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a registry of this name may answer, the likeliest first.
pub(super) fn addresses(name: &str, options: &RegistryOptions) -> Result<Vec<Url>, Failure> {
    let host = if name == DOCKER_HUB { "registry-1.docker.io" } else { name };
    let url = |scheme: &str| {
        Url::parse(&format!("{scheme}://{host}"))
            .map_err(|_| Failure::Unreachable("its name is no host name".to_owned()))
    };
    let (http, https) = (url("http")?, url("https")?);
    Ok(if is_loopback(&http) {
        vec![http, https]
    } else if options.insecure_registries.iter().any(|insecure| insecure == name) {
        vec![https, http]
    } else {
        vec![https]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_sought_where_container_tools_seek_it() {
        let mut options = RegistryOptions { insecure_registries: vec!["in.example.com".into()], ..Default::default() };
        options.mirrors.insert("m.example.com".into(), "http://127.0.0.1:1/m/".into());
        for (name, expected) in [
            ("docker.io", vec!["https://registry-1.docker.io/"]),
            ("reg.example.com:8443", vec!["https://reg.example.com:8443/"]),
            ("localhost:5000", vec!["http://localhost:5000/", "https://localhost:5000/"]),
            ("127.1.2.3", vec!["http://127.1.2.3/", "https://127.1.2.3/"]),
            ("[::1]:5000", vec!["http://[::1]:5000/", "https://[::1]:5000/"]),
            ("in.example.com", vec!["https://in.example.com/", "http://in.example.com/"]),
            ("m.example.com", vec!["http://127.0.0.1:1/m/"]),
        ] {
            let found = Host::new(name, &options).unwrap().bases;
            assert_eq!(found.iter().map(Url::as_str).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn one_challenge_teaches_the_scope_of_every_repository() {
        let repository = |path: &str| Repository::parse(&format!("r.example.com/{path}")).unwrap();
        for (scope, wanted) in [
            (Some("repository:a/b:pull"), "repository:c/d:pull"),
            (Some("repository:a/b:pull,push"), "repository:c/d:pull,push"),
            (None, "repository:c/d:pull"),
            (Some("repository:proxy/a/b:pull"), "repository:proxy/c/d:pull"),
            (Some("repository:xa/b:pull"), "repository:xa/b:pull"),
            (Some("aws"), "aws"),
        ] {
            let bearer = Bearer { realm: "https://t".into(), service: None, scope: scope.map(Into::into) };
            let scheme = Scheme::of(Challenge::Bearer(bearer), &repository("a/b"), Right::Pull);
            let scope_of_other = scheme.wanted(&repository("c/d")).and_then(|bearer| bearer.scope);
            assert_eq!(scope_of_other.as_deref(), Some(wanted), "{scope:?}");
        }
    }

    #[test]
    fn what_a_push_needs_is_asked_for_pushes_alone() {
        let repository = Repository::parse("r.example.com/a/b").unwrap();
        let host = Host::new("r.example.com", &RegistryOptions::default()).unwrap();
        let learn = |right: Right, scope: &str| {
            let bearer = Bearer { realm: "https://t".into(), service: None, scope: Some(scope.to_owned()) };
            host.learn(right, Scheme::of(Challenge::Bearer(bearer), &repository, right));
        };
        let wanted = |right| Some(host.scheme(right)?.wanted(&repository)?.scope.unwrap());
        assert_eq!((wanted(Right::Pull), wanted(Right::Push)), (None, None));
        for (right, scope, pull, push) in [
            (Right::Push, "repository:a/b:pull,push", None, "repository:a/b:pull,push"),
            (Right::Push, "repository:a/b:push", None, "repository:a/b:push,pull"),
            (Right::Pull, "repository:a/b:pull", Some("repository:a/b:pull"), "repository:a/b:push,pull"),
            (Right::Push, "repository:a/b:*", Some("repository:a/b:pull"), "repository:a/b:*"),
            (Right::Push, "repository:p/a/b:pull", Some("repository:a/b:pull"), "repository:p/a/b:pull,push"),
            (Right::Push, "aws", Some("repository:a/b:pull"), "aws"),
        ] {
            learn(right, scope);
            assert_eq!((wanted(Right::Pull).as_deref(), wanted(Right::Push).as_deref()), (pull, Some(push)), "{scope}");
        }
    }

    #[test]
    fn a_push_takes_over_what_pulls_have_taught() {
        let repository = Repository::parse("r.example.com/a/b").unwrap();
        let host = Host::new("r.example.com", &RegistryOptions::default()).unwrap();
        let bearer =
            Bearer { realm: "https://t".into(), service: None, scope: Some("repository:proxy/a/b:pull".to_owned()) };
        host.learn(Right::Pull, Scheme::of(Challenge::Bearer(bearer), &repository, Right::Pull));
        let wanted = host.scheme(Right::Push).and_then(|scheme| scheme.wanted(&repository)?.scope);
        assert_eq!(wanted.as_deref(), Some("repository:proxy/a/b:pull,push"));
    }
}
