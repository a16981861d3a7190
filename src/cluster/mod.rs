//! The edge to Kubernetes: how the cluster is reached, and what is read from it.
//!
//! What is read is decoded as little as possible and turned into the plain values of [`crate::domain`] at once; the one
//! thing that is ever written is the JSON patch of a plan (module `write`). Only two things end a run: no connection, and no right to read the pods (or
//! the object) that were asked for. Whatever else is refused makes the answer poorer and is told once, by
//! [`Cluster::problems`].
//!
//! ```text
//! environment, kubeconfig, proxy, credential_plugin → connect → transport (deadline, few retries)
//! resource (well-known kinds) ← discovery (the others)          pages (lists, the next page on its way)
//! targets (arguments)   pods, pod (the decoder)   metadata → owners, nodes   secrets, local_registry   workload_state
//! ```

mod connect;
mod credential_plugin;
mod discovery;
mod environment;
mod events;
mod failure;
mod intern;
mod kubeconfig;
mod local_registry;
mod metadata;
mod nodes;
mod owners;
mod pages;
mod pod;
mod pods;
mod problems;
mod proxy;
mod resource;
mod secrets;
mod targets;
mod transport;
mod workload_state;
mod write;

use std::sync::Arc;

pub use self::environment::{ConnectOptions, Environment};
pub use self::owners::{Expect, OwnerResolver, Owners};
pub use self::pods::{Scope, Selection};
pub use self::resource::Resource;
pub use self::secrets::PullSecret;
pub use self::targets::Target;
pub use self::write::{Defined, NotDefined, NotPatched, Patching, Review};

use crate::domain::workload::Problem;
use crate::error::AppError;

/// A cluster that can be asked. Clones share the connections and what was learnt so far.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Arc<transport::Transport>,
    namespace: String,
    discovery: discovery::Discovery,
    secrets: secrets::Secrets,
    local_registry: local_registry::Cell,
    problems: problems::Problems,
}

impl Cluster {
    /// Prepares the connection that the flags, the environment and the kubeconfig describe. Nothing is
    /// sent before the first question, except by a credential plugin.
    ///
    /// # Errors
    /// When they describe none, or one that cannot work.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, AppError> {
        let (transport, namespace) = connect::connect(options).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                transport: Arc::new(transport),
                namespace,
                discovery: discovery::Discovery::default(),
                secrets: secrets::Secrets::default(),
                local_registry: local_registry::Cell::default(),
                problems: problems::Problems::default(),
            }),
        })
    }

    /// `--namespace`, or the context's, or the pod's own, or `default`.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// What could not be read so far, each resource once.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        self.inner.problems.list()
    }
}

#[cfg(test)]
mod tests;
