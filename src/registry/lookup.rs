//! Answers to questions: which credentials match, in which order they are tried, and what it means when
//! none opens the door.
//!
//! Order: the pod's pull secrets, the local log-in, nobody, and only then (because reading them costs the
//! cluster requests and rights) the service account's secrets. Questions that would try the same
//! credentials are one question: a thousand pods in fifty namespaces ask once for a public image.

use std::sync::{Arc, Mutex, PoisonError};

use super::attempt::{Asker, Found, What};
use super::decode;
use super::document::document;
use super::host::{Host, Right, Scheme};
use super::keyring::Keyring;
use super::local::LocalLogin;
use super::memo::Memo;
use super::options::RegistryOptions;
use super::retry::Budget;
use super::secret::Credential;
use super::token::Tokens;
use super::transport::{Statistics, Transport};
use super::visitor::{Miss, Visitor};
use super::{InCluster, SecretDocument};
use crate::domain::Repository;
use crate::domain::inventory::{Object, Tag};
use crate::domain::local_registry::LocalRegistry;
use crate::domain::remote::{Document, Failure, ImageConfig, Manifest, Served};
use crate::domain::workload::Access;

pub(super) struct Lookups {
    pub(super) options: RegistryOptions,
    cluster: Arc<dyn InCluster>,
    transport: Transport,
    tokens: Tokens,
    pub(super) local: LocalLogin,
    hosts: Mutex<std::collections::HashMap<Arc<str>, Arc<Host>>>,
    pod_keyrings: Memo<PodSecrets, Arc<Keyring>>,
    account_keyrings: Memo<(Arc<str>, Arc<str>), Arc<Keyring>>,
    served: Memo<Key, Result<Served, Failure>>,
    manifests: Memo<Key, Result<Manifest, Failure>>,
    configs: Memo<Key, Result<ImageConfig, Failure>>,
    documents: Memo<Key, Result<Document, Failure>>,
    tags: Memo<Key, Result<Vec<String>, Failure>>,
}

/// Namespace, and names of secrets in it.
type PodSecrets = (Arc<str>, Vec<Arc<str>>);

/// What makes two questions the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    repository: Repository,
    what: What,
    /// Those of the cluster that match; the local ones are the same for all.
    credentials: Vec<Credential>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// Everything but the service account.
    Ordinary,
    /// The service account alone.
    ServiceAccount,
}

/// What the tries of one lookup came to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) refused: usize,
    pub(super) missing: bool,
    /// Nobody was turned away without being asked who it is.
    pub(super) closed: bool,
    pub(super) problem: Option<Failure>,
}

impl Lookups {
    pub(super) fn new(options: RegistryOptions, cluster: Arc<dyn InCluster>) -> Self {
        Self {
            transport: Transport::new(&options),
            local: LocalLogin::new(options.environment.clone()),
            options,
            cluster,
            tokens: Tokens::default(),
            hosts: Mutex::default(),
            pod_keyrings: Memo::default(),
            account_keyrings: Memo::default(),
            served: Memo::default(),
            manifests: Memo::default(),
            configs: Memo::default(),
            documents: Memo::default(),
            tags: Memo::default(),
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.transport.statistics()
    }

    pub(super) async fn served(&self, tag: &Tag) -> Result<Served, Failure> {
        self.served_with(&self.served, tag).await
    }

    pub(super) async fn served_now(&self, tag: &Tag) -> Result<Served, Failure> {
        self.served_with(&Memo::default(), tag).await
    }

    async fn served_with(&self, memo: &Memo<Key, Result<Served, Failure>>, tag: &Tag) -> Result<Served, Failure> {
        let read = |found| match found {
            Found::Digest(digest) => Ok(Served { digest }),
            _ => Err("something else where a digest was asked for".to_owned()),
        };
        self.answer(memo, &tag.repository, What::Tag(Arc::clone(&tag.tag)), &tag.access, read).await
    }

    pub(super) async fn manifest(&self, object: &Object) -> Result<Manifest, Failure> {
        let what = What::Manifest(object.digest.clone());
        let read = |found| decode::manifest(body(&found)?, content_type(&found));
        self.answer(&self.manifests, &object.repository, what, &object.access, read).await
    }

    pub(super) async fn present(&self, object: &Object) -> Result<(), Failure> {
        // The path takes a tag or a digest, and so does the memo: a digest is no tag.
        let what = What::Tag(object.digest.as_str().into());
        let read = |found| match found {
            Found::Digest(digest) => Ok(Served { digest }),
            _ => Err("something else where a digest was asked for".to_owned()),
        };
        self.answer(&self.served, &object.repository, what, &object.access, read).await.map(drop)
    }

    pub(super) async fn config(&self, object: &Object) -> Result<ImageConfig, Failure> {
        let what = What::Config(object.digest.clone());
        let read = |found| decode::config(body(&found)?);
        self.answer(&self.configs, &object.repository, what, &object.access, read).await
    }

    pub(super) async fn document(&self, object: &Object) -> Result<Document, Failure> {
        let what = What::Manifest(object.digest.clone());
        let read = |found| match found {
            Found::Document { body, content_type } => document(body, content_type.as_deref()),
            _ => Err("something else where a document was asked for".to_owned()),
        };
        self.answer(&self.documents, &object.repository, what, &object.access, read).await
    }

    pub(super) async fn tags(&self, repository: &Repository, access: &Access) -> Result<Vec<String>, Failure> {
        let read = |found| match found {
            Found::Tags(tags) => Ok(tags),
            _ => Err("something else where tags were asked for".to_owned()),
        };
        self.answer(&self.tags, repository, What::Tags, access, read).await
    }

    async fn answer<T: Clone>(
        &self,
        memo: &Memo<Key, Result<T, Failure>>,
        repository: &Repository,
        what: What,
        access: &Access,
        read: impl Fn(Found) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let of_pod = self.pod_keyring(access).await.matching(repository);
        let key = |credentials: &[Credential], stage| Key {
            repository: repository.clone(),
            what: what.clone(),
            credentials: credentials.to_vec(),
            stage,
        };
        let ask = |key: Key| {
            let read = &read;
            memo.get(key.clone(), move || async move {
                self.look_up(&key).await.and_then(|found| read(found).map_err(Failure::Malformed))
            })
        };
        let first = ask(key(&of_pod, Stage::Ordinary)).await;
        let tried = match &first {
            Err(Failure::LoginRequired | Failure::Login(_)) => 0,
            Err(Failure::Denied { tried }) => *tried,
            _ => return first,
        };
        if self.host(&repository.registry).is_ok_and(|host| !host.takes_pull_secrets()) {
            return first;
        }
        let mut of_account = self.account_keyring(access).await.matching(repository);
        of_account.retain(|credential| !of_pod.contains(credential));
        if of_account.is_empty() {
            return first;
        }
        match ask(key(&of_account, Stage::ServiceAccount)).await {
            Err(Failure::Denied { tried: more }) => Err(Failure::Denied { tried: tried + more }),
            other => other,
        }
    }

    /// Asks where the registry is said to be; where nobody answers there, at the place that the cluster may know.
    async fn look_up(&self, key: &Key) -> Result<Found, Failure> {
        let name = &key.repository.registry;
        let host = self.host(name)?;
        let found = self.look_up_at(key, &host).await.map_err(|failure| host.told(failure));
        if !matches!(found, Err(Failure::Unreachable(_) | Failure::TimedOut(_))) {
            return found;
        }
        match self.elsewhere(name, &host).await {
            Some(other) => self.look_up_at(key, &other).await.map_err(|failure| other.told(failure)),
            None => found,
        }
    }

    async fn look_up_at(&self, key: &Key, host: &Host) -> Result<Found, Failure> {
        let mut budget = Budget::new(self.options.retry_budget);
        let mut tally = Tally::default();
        let mut credentials = if host.takes_pull_secrets() { key.credentials.clone() } else { Vec::new() };
        if key.stage == Stage::Ordinary {
            let local = self.local.matching(&host.called(&key.repository)).await;
            let new = |other: &Credential| !credentials.contains(other);
            let more: Vec<Credential> = local.credentials.into_iter().filter(new).collect();
            credentials.extend(more);
            tally.problem = local.problem.map(Failure::Login);
        }
        let asker = Asker { visitor: self.visitor(host, &key.repository, Right::Pull), what: &key.what };
        // Nobody is the first to ask where the way to log in is not known yet: an open registry answers,
        // any other teaches it.
        let mut anonymous_seen_missing = None;
        let opening = host.opening().await;
        if opening.is_some() || (host.scheme(Right::Pull).is_none() && !credentials.is_empty()) {
            let outcome = match opening {
                Some(alone) => asker.open(alone, &mut budget).await,
                None => asker.ask(None, &mut budget).await,
            };
            match outcome {
                Ok(found) => return Ok(found),
                Err(Miss::Failed(failure)) => return Err(failure),
                Err(Miss::Missing) => anonymous_seen_missing = Some(true),
                // With a token, nobody may yet be let in.
                Err(Miss::Refused | Miss::Forbidden)
                    if matches!(host.scheme(Right::Pull), Some(Scheme::Bearer { .. })) => {}
                Err(Miss::Refused) => anonymous_seen_missing = Some(false),
                Err(Miss::Forbidden) => {
                    anonymous_seen_missing = Some(false);
                    tally.closed = true;
                }
            }
        }
        host.order(&mut credentials);
        for credential in &credentials {
            match asker.ask(Some(credential), &mut budget).await {
                Ok(found) => return Ok(found),
                Err(Miss::Refused | Miss::Forbidden) => {
                    host.refused(credential);
                    tally.refused += 1;
                }
                Err(Miss::Missing) => tally.missing = true,
                // A token server may fail for one account only.
                Err(Miss::Failed(failure @ Failure::Login(_))) => tally.problem = tally.problem.or(Some(failure)),
                Err(Miss::Failed(failure)) => return Err(failure),
            }
        }
        // Who was let in and saw nothing has seen more than nobody would.
        if key.stage == Stage::Ordinary && !tally.missing {
            let missing = match anonymous_seen_missing {
                Some(missing) => missing,
                None => match asker.ask(None, &mut budget).await {
                    Ok(found) => return Ok(found),
                    Err(Miss::Missing) => true,
                    Err(Miss::Refused) => false,
                    Err(Miss::Forbidden) => {
                        tally.closed = true;
                        false
                    }
                    Err(Miss::Failed(failure @ Failure::Login(_))) => return Err(tally.problem.unwrap_or(failure)),
                    Err(Miss::Failed(failure)) => return Err(failure),
                },
            };
            // Registries that hide what is private answer nobody with 404: where an account was refused,
            // that is no proof of absence.
            tally.missing = missing && tally.refused == 0;
        }
        Err(tally.failure())
    }

    pub(super) fn visitor<'a>(&'a self, host: &'a Host, repository: &'a Repository, right: Right) -> Visitor<'a> {
        Visitor { transport: &self.transport, tokens: &self.tokens, host, repository, right }
    }

    pub(super) fn host(&self, name: &Arc<str>) -> Result<Arc<Host>, Failure> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(name) {
            return Ok(Arc::clone(host));
        }
        // What was learned before need not be found out again.
        let known = self.cluster.local_registry_if_known().filter(|known| self.is_meant(known, name));
        let host = match known {
            Some(known) => Host::at(name, &known.host, known.help.clone(), &self.options)?,
            None => Host::new(name, &self.options)?,
        };
        let host = Arc::new(host);
        hosts.insert(Arc::clone(name), Arc::clone(&host));
        Ok(host)
    }

    /// Where a registry that nobody reaches by its name answers, if the cluster knows that.
    async fn elsewhere(&self, name: &Arc<str>, host: &Host) -> Option<Arc<Host>> {
        if host.is_elsewhere() {
            return None;
        }
        let known = self.cluster.local_registry().await.filter(|known| self.is_meant(known, name))?;
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = hosts.get(name).filter(|other| other.is_elsewhere()) {
            return Some(Arc::clone(other));
        }
        let other = Arc::new(Host::at(name, &known.host, known.help.clone(), &self.options).ok()?);
        hosts.insert(Arc::clone(name), Arc::clone(&other));
        Some(other)
    }

    /// What the user says of a registry goes before what the cluster does.
    fn is_meant(&self, known: &LocalRegistry, name: &str) -> bool {
        known.is_called(name) && !self.options.mirrors.contains_key(name)
    }

    async fn pod_keyring(&self, access: &Access) -> Arc<Keyring> {
        if access.pull_secrets.is_empty() {
            return Arc::default();
        }
        let key = (Arc::clone(&access.namespace), access.pull_secrets.clone());
        self.pod_keyrings.get(key, || async { keyring(self.cluster.pod_secrets(access).await) }).await
    }

    async fn account_keyring(&self, access: &Access) -> Arc<Keyring> {
        if access.service_account.is_empty() {
            return Arc::default();
        }
        let key = (Arc::clone(&access.namespace), Arc::clone(&access.service_account));
        self.account_keyrings.get(key, || async { keyring(self.cluster.service_account_secrets(access).await) }).await
    }
}

impl Tally {
    pub(super) fn failure(self) -> Failure {
        match (self.missing, self.refused, self.problem) {
            (true, _, _) => Failure::NotFound,
            (false, 0, Some(problem)) => problem,
            (false, 0, None) if !self.closed => Failure::LoginRequired,
            (false, tried, _) => Failure::Denied { tried },
        }
    }
}

fn keyring(documents: Vec<SecretDocument>) -> Arc<Keyring> {
    Arc::new(Keyring::of(&documents))
}

fn body(found: &Found) -> Result<&[u8], String> {
    match found {
        Found::Document { body, .. } => Ok(body),
        _ => Err("something else where a document was asked for".to_owned()),
    }
}

fn content_type(found: &Found) -> Option<&str> {
    match found {
        Found::Document { content_type, .. } => content_type.as_deref(),
        _ => None,
    }
}
