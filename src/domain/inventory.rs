//! Which questions a verdict may ask, and the answers so far.
//!
//! The ladder of [`super::verdict`] never looks anything up: it names the next questions, the edges
//! answer them, and it is asked again. So each step is paid for only where the one before did not decide,
//! and the whole of it can be tested without a registry.

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnosis::WorkloadName;
use super::remote::{Failure, ImageConfig, Manifest, Served};
use super::workload::{Access, NodeStore, OwnerReference, WorkloadState};
use super::{Digest, Repository};

/// A tag of a repository, asked for with somebody's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// Where.
    pub repository: Repository,
    /// The tag.
    pub tag: Arc<str>,
    /// With whose credentials.
    pub access: Arc<Access>,
}

/// A manifest or blob of a repository, asked for with somebody's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Where.
    pub repository: Repository,
    /// What.
    pub digest: Digest,
    /// With whose credentials.
    pub access: Arc<Access>,
}

/// A controller to be read in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workload {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Which.
    pub reference: OwnerReference,
}

impl Workload {
    /// A workload by its name, and the UID that it had when it was read.
    #[must_use]
    pub fn of(namespace: &Arc<str>, name: &WorkloadName, uid: &Arc<str>) -> Self {
        Self {
            namespace: Arc::clone(namespace),
            reference: OwnerReference {
                api_version: Arc::clone(&name.api_version),
                kind: Arc::clone(&name.kind),
                name: Arc::clone(&name.name),
                uid: Arc::clone(uid),
            },
        }
    }
}

/// One thing to find out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// HEAD of a tag.
    Served(Tag),
    /// GET of a manifest by digest.
    Manifest(Object),
    /// HEAD of a manifest by digest: is it still there?
    Present(Object),
    /// GET of a config blob.
    Config(Object),
    /// What a node holds, and when it said so.
    NodeStore(Arc<str>),
    /// Template and rollout of a controller.
    Workload(Workload),
}

/// The answers so far. A failure is an answer too.
#[derive(Debug, Default)]
pub struct Answers {
    /// By tag.
    pub served: HashMap<Tag, Result<Served, Failure>>,
    /// By digest.
    pub manifests: HashMap<Object, Result<Manifest, Failure>>,
    /// By digest; `Err` of [`Failure::NotFound`] says that it is gone.
    pub presences: HashMap<Object, Result<(), Failure>>,
    /// By digest.
    pub configs: HashMap<Object, Result<ImageConfig, Failure>>,
    /// By node; the error says why it cannot be read.
    pub node_stores: HashMap<Arc<str>, Result<NodeStore, String>>,
    /// By controller; the error says why it cannot be read.
    pub workloads: HashMap<Workload, Result<WorkloadState, String>>,
}

impl Answers {
    /// Whether the question has its answer.
    #[must_use]
    pub fn has(&self, question: &Question) -> bool {
        match question {
            Question::Served(tag) => self.served.contains_key(tag),
            Question::Manifest(object) => self.manifests.contains_key(object),
            Question::Present(object) => self.presences.contains_key(object),
            Question::Config(object) => self.configs.contains_key(object),
            Question::NodeStore(node) => self.node_stores.contains_key(node),
            Question::Workload(workload) => self.workloads.contains_key(workload),
        }
    }
}
