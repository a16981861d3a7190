//! EDGE: what registries say now. Turns the domain's questions about tags, manifests and configs into as
//! few requests as they can be answered with, and every way of failing into a reason that a person
//! understands.
//!
//! Why an own transport: the credentials of pull secrets must be tried one after the other, each token
//! fetched once, a HEAD must stay a HEAD (Docker Hub counts GETs) unless it is one that came to nothing, and
//! `Retry-After` be heeded; the libraries at hand do none of these.
//!
//! ```text
//! lookup           one answer per question: which credentials match, in which order they are tried
//!  ├ push          new tags: with the user's own log-in alone    refusal         what a registry says against it
//!  ├ keyring       pull secrets, matched as the kubelet does     local, helper   the user's own log-in
//!  ├ attempt       one try with one credential, its answer checked
//!  │  ├ tags, link        lists of tags, page by page
//!  │  └ decode, document  manifests and configs, read or as they are stored
//!  └ visitor       one request, with the log-in that is wanted
//!     ├ host       what was learned of a registry: address, log-in, refused credentials
//!     │  └ outside    where it answers if it has another name here
//!     ├ challenge, token
//!     └ transport  deadlines, redirects, caps                   retry, clients, trouble
//! ```

mod attempt;
mod challenge;
mod clients;
mod decode;
mod document;
mod helper;
mod host;
mod keyring;
mod link;
mod local;
mod lookup;
mod memo;
mod options;
mod outside;
mod push;
mod refusal;
mod retry;
mod secret;
mod tags;
#[cfg(test)]
mod tests;
mod token;
mod transport;
mod trouble;
mod visitor;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::domain::Repository;
use crate::domain::inventory::{Object, Tag};
use crate::domain::local_registry::LocalRegistry;
use crate::domain::remote::{Document, Failure, ImageConfig, Manifest, PushFailure, PushRight, Served};
use crate::domain::workload::Access;

pub use keyring::SecretDocument;
pub use options::{Environment, RegistryOptions};
pub use transport::Statistics;

/// What the cluster knows of registries: pull secrets, and another name.
///
/// Secrets that cannot be read are left out; who reads them reports that. Each is asked for at most once
/// for each set of names.
pub trait InCluster: Send + Sync {
    /// The pod's own `imagePullSecrets`, in their order.
    fn pod_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>>;

    /// The service account's `imagePullSecrets`; asked only when everything else was denied.
    fn service_account_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>>;

    /// What the cluster's own registry is called outside; asked only when a registry cannot be reached.
    fn local_registry(&self) -> BoxFuture<'_, Option<Arc<LocalRegistry>>> {
        Box::pin(std::future::ready(None))
    }

    /// The same, where that is known without asking.
    fn local_registry_if_known(&self) -> Option<Arc<LocalRegistry>> {
        None
    }
}

/// No cluster: no secrets, and no other names.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCluster;

impl InCluster for NoCluster {
    fn pod_secrets<'a>(&'a self, _: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn service_account_secrets<'a>(&'a self, _: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        Box::pin(std::future::ready(Vec::new()))
    }
}

/// All registries of a run. Cheap to clone; clones share connections, tokens and answers.
///
/// An answer is kept for as long as a `Registries` lives: one diagnosis sees one state of each tag. Who
/// wants to know again makes a new one, or asks with [`Registries::served_now`].
#[derive(Clone)]
pub struct Registries(Arc<lookup::Lookups>);

impl Registries {
    /// Nothing is read or connected to before the first question.
    #[must_use]
    pub fn new(options: RegistryOptions, secrets: Arc<dyn InCluster>) -> Self {
        Self(Arc::new(lookup::Lookups::new(options, secrets)))
    }

    /// What a tag stands for now.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn served(&self, tag: &Tag) -> Result<Served, Failure> {
        self.0.served(tag).await
    }

    /// A manifest, its bytes checked against the digest.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn manifest(&self, object: &Object) -> Result<Manifest, Failure> {
        self.0.manifest(object).await
    }

    /// Whether a manifest is there: a HEAD, which registries do not count against a limit.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it is gone; any other failure says why that is not known.
    pub async fn present(&self, object: &Object) -> Result<(), Failure> {
        self.0.present(object).await
    }

    /// An image's config, its bytes checked against the digest.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn config(&self, object: &Object) -> Result<ImageConfig, Failure> {
        self.0.config(object).await
    }

    /// What a tag stands for at this moment, whatever was answered before.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn served_now(&self, tag: &Tag) -> Result<Served, Failure> {
        self.0.served_now(tag).await
    }

    /// A manifest as it is stored, its bytes checked against the digest.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn document(&self, object: &Object) -> Result<Document, Failure> {
        self.0.document(object).await
    }

    /// Makes a tag stand for these bytes, which the repository has already. The tag's credentials of the cluster are
    /// not used: it is the user who writes, with the log-in of this machine or none.
    ///
    /// # Errors
    /// Why the tag does not stand for them now, as far as the registry has told. Where there was no answer, it may.
    pub async fn put_tag(&self, tag: &Tag, document: &Document) -> Result<(), PushFailure> {
        self.0.put_tag(tag, document).await
    }

    /// The names of all tags of a repository, each once, in the registry's order.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn tags(&self, repository: &Repository, access: &Access) -> Result<Vec<String>, Failure> {
        self.0.tags(repository, access).await
    }

    /// Whether the user may write tags to a repository, asked with the same log-in and without writing anything.
    pub async fn may_push(&self, repository: &Repository) -> PushRight {
        self.0.may_push(repository).await
    }

    /// The requests sent so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registries").field("statistics", &self.statistics()).finish_non_exhaustive()
    }
}
