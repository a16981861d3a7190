//! Who owns the pods, up to the top, while the pods still arrive.
//!
//! The resolver is shown each page of pods. On the first sight of a kind it starts *one* list of that
//! kind's metadata in the same scope, or single requests where only a few objects are named; what
//! comes back may name a controller in turn, and so on until no unseen one is left. References are
//! followed by UID, never by labels.
//!
//! On request, whole kinds are surveyed on the way: their objects come with their templates, also those that no pod
//! names, and the list serves as that of the owners.
//!
//! Nothing here ends a run: a kind that may not be read is a [`Problem`](crate::domain::workload::Problem),
//! and the reference in the pod, which tells kind, name and UID, stays usable.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::intern::Interner;
use super::metadata::{Object, ObjectList};
use super::pages::{self, List};
use super::pods::Scope;
use super::resource::{Resource, group_and_version};
use super::transport::Accept;
use crate::domain::workload::{Listed, Owner, OwnerReference, Pod};

/// With more objects of one kind than this, one list is cheaper than single requests.
const FEW: usize = 12;
/// Where a kind may not be listed, so many of its objects are read one by one.
const MOST_GETS: usize = 500;
/// Chains are two or three long; a longer one than this is a ring.
const DEPTH: usize = 16;

/// How many pods are to be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A namespace, or all of them: owners are listed by kind, `ReplicaSet`s at once.
    Many,
    /// Named pods: owners are read one by one, until they are many after all.
    Few,
}

/// A reference together with its namespace.
type Wanted = (Arc<str>, OwnerReference);

/// Resolves owners in the background; see the module's words. Dropping it ends that.
pub struct OwnerResolver {
    sender: mpsc::UnboundedSender<Wanted>,
    task: JoinHandle<Owners>,
    found: Arc<Mutex<HashMap<Arc<str>, Owner>>>,
    seen: HashSet<Arc<str>>,
}

/// What a resolver has found.
#[derive(Debug, Default)]
pub struct Owners {
    /// Every owner of the pods seen, up to the top, by UID.
    pub owners: HashMap<Arc<str>, Owner>,
    /// Every object of the surveyed kinds, by UID.
    pub listed: HashMap<Arc<str>, Listed>,
}

impl Cluster {
    /// Starts a resolver for the pods of a scope, which also reads the templates of these kinds. Must be called within a
    /// Tokio runtime.
    #[must_use]
    pub fn owners(&self, scope: &Scope, expect: Expect, survey: &[Arc<Resource>]) -> OwnerResolver {
        let (sender, receiver) = mpsc::unbounded_channel();
        let found = Arc::<Mutex<HashMap<Arc<str>, Owner>>>::default();
        let mut work = Work {
            found: Arc::clone(&found),
            cluster: self.clone(),
            scope: scope.clone(),
            expect,
            kinds: HashMap::new(),
            owners: HashMap::new(),
            wanted: HashMap::new(),
            asked: HashSet::new(),
            running: JoinSet::new(),
            survey: survey.iter().map(|resource| (resource.api_version().into(), Arc::clone(&resource.kind))).collect(),
            listed: HashMap::new(),
        };
        for kind in work.survey.clone() {
            work.start_list(kind);
        }
        if expect == Expect::Many {
            // Most pods of most clusters have one; its list goes out beside the first page of pods.
            work.start_list(("apps/v1".into(), "ReplicaSet".into()));
        }
        OwnerResolver { sender, task: tokio::spawn(work.run(receiver)), found, seen: HashSet::new() }
    }
}

impl OwnerResolver {
    /// Takes note of the controllers of these pods. Returns at once.
    pub fn see(&mut self, pods: &[Pod]) {
        for pod in pods {
            // A static pod's owner is its node, which owns nothing in this sense.
            let Some(controller) = pod.controller.as_ref().filter(|owner| !pod.mirror && !is_node(owner)) else {
                continue;
            };
            if self.seen.insert(Arc::clone(&controller.uid)) {
                // The task ends only after this sender.
                let _ = self.sender.send((Arc::clone(&pod.namespace), controller.clone()));
            }
        }
    }

    /// The owners that were found so far, by UID, of the pods seen.
    pub fn so_far(&self) -> MutexGuard<'_, HashMap<Arc<str>, Owner>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what is still under way.
    pub async fn finish(self) -> Owners {
        let Self { sender, task, .. } = self;
        drop(sender);
        task.await.unwrap_or_default()
    }
}

fn is_node(owner: &OwnerReference) -> bool {
    &*owner.api_version == "v1" && &*owner.kind == "Node"
}

/// apiVersion and kind.
type Kind = (Arc<str>, Arc<str>);

#[derive(Default)]
struct KindState {
    /// A list was started.
    listed: bool,
    /// And once more, in the end.
    listed_again: bool,
    /// How many single requests were made.
    gets: usize,
    /// Why the kind may not be listed; its objects are read one by one then.
    unlisted: Option<String>,
    /// A refusal that holds for every object of the kind.
    closed: Option<String>,
    /// The server's name for it.
    name: String,
}

enum Done {
    Listed { kind: Kind, name: String, result: Result<Vec<(Arc<str>, Owner)>, Failure> },
    Surveyed { kind: Kind, name: String, result: Result<Vec<Listed>, Failure> },
    Got { wanted: Wanted, name: String, result: Result<Option<Owner>, Failure> },
}

struct Work {
    /// Those that are wanted and were read, for who does not wait for all.
    found: Arc<Mutex<HashMap<Arc<str>, Owner>>>,
    cluster: Cluster,
    scope: Scope,
    expect: Expect,
    kinds: HashMap<Kind, KindState>,
    /// Everything that was read, wanted or not.
    owners: HashMap<Arc<str>, Owner>,
    /// Every reference that leads to a pod, by UID, with its height above the pod.
    wanted: HashMap<Arc<str>, (Wanted, usize)>,
    /// What was asked for by name, whatever came of it.
    asked: HashSet<Arc<str>>,
    running: JoinSet<Done>,
    /// Kinds that are listed with their templates.
    survey: HashSet<Kind>,
    listed: HashMap<Arc<str>, Listed>,
}

impl Work {
    async fn run(mut self, mut receiver: mpsc::UnboundedReceiver<Wanted>) -> Owners {
        let mut open = true;
        while open || !self.running.is_empty() || self.chase() {
            tokio::select! {
                more = receiver.recv(), if open => match more {
                    Some(wanted) => self.want(wanted, 0),
                    None => open = false,
                },
                Some(done) = self.running.join_next() => {
                    if let Ok(done) = done {
                        self.take(done);
                    }
                }
            }
        }
        self.note_unsurveyed();
        let wanted = self.wanted;
        self.owners.retain(|uid, _| wanted.contains_key(uid));
        Owners { owners: self.owners, listed: self.listed }
    }

    /// Kinds that no pod named and that may not be listed hide workloads without pods: said once for all of them.
    fn note_unsurveyed(&self) {
        let wanted: HashSet<Kind> = self
            .wanted
            .values()
            .map(|((_, reference), _)| (Arc::clone(&reference.api_version), Arc::clone(&reference.kind)))
            .collect();
        let hidden = |kind: &&Kind| {
            let told = self.kinds.get(*kind).is_some_and(|state| state.closed.is_some());
            !(told && wanted.contains(*kind))
        };
        let mut hidden: Vec<&KindState> =
            self.survey.iter().filter(hidden).filter_map(|kind| self.kinds.get(kind)).collect();
        hidden.sort_by(|a, b| a.name.cmp(&b.name));
        for why in hidden.into_iter().filter_map(|state| state.unlisted.as_ref().or(state.closed.as_ref())) {
            self.cluster.inner.problems.add("workloads", why);
        }
    }

    fn want(&mut self, wanted: Wanted, height: usize) {
        let reference = &wanted.1;
        if height > DEPTH || is_node(reference) || self.wanted.contains_key(&reference.uid) {
            return;
        }
        let kind = (Arc::clone(&reference.api_version), Arc::clone(&reference.kind));
        let uid = Arc::clone(&reference.uid);
        self.wanted.insert(Arc::clone(&uid), (wanted.clone(), height));
        if self.expect == Expect::Many && &*kind.1 == "ReplicaSet" {
            // What stands above it is a Deployment nearly always: no need to wait for its own list.
            self.start_list((Arc::clone(&kind.0), "Deployment".into()));
        }
        if self.owners.contains_key(&uid) {
            self.climb(&uid);
            return;
        }
        let expect = self.expect;
        let state = self.kinds.entry(kind.clone()).or_default();
        if let Some(why) = &state.closed {
            self.cluster.inner.problems.add(&state.name, why);
            return;
        }
        if state.listed {
            // It will be looked for when the list is complete, or in the end.
        } else if expect == Expect::Many || state.gets >= FEW {
            self.start_list(kind);
        } else {
            self.start_get(wanted);
        }
    }

    /// In the end: what a complete list did not hold was created after it was read, or is gone. A few
    /// are asked for, many are worth one more list. Returns whether there is something to wait for.
    fn chase(&mut self) -> bool {
        let mut missing: HashMap<Kind, Vec<Wanted>> = HashMap::new();
        for (uid, (wanted, _)) in &self.wanted {
            if !self.owners.contains_key(uid) && !self.asked.contains(uid) {
                let kind = (Arc::clone(&wanted.1.api_version), Arc::clone(&wanted.1.kind));
                missing.entry(kind).or_default().push(wanted.clone());
            }
        }
        for (kind, missing) in missing {
            let state = self.kinds.entry(kind.clone()).or_default();
            if state.closed.is_some() {
                continue;
            }
            if state.unlisted.is_some() {
                // One tells whether the others may be read.
                let few = if state.gets == 0 { 1 } else { MOST_GETS.saturating_sub(state.gets) };
                let rest = missing.len().saturating_sub(few);
                if state.gets > 0 && rest > 0 {
                    let why = format!("{} of them are not read one by one: too many", rest);
                    self.cluster.inner.problems.add(&state.name, &why);
                    self.asked.extend(missing.iter().skip(few).map(|wanted| Arc::clone(&wanted.1.uid)));
                }
                for wanted in missing.into_iter().take(few) {
                    self.start_get(wanted);
                }
                continue;
            }
            if missing.len() > FEW && !state.listed_again {
                state.listed_again = true;
                state.listed = false;
                self.start_list(kind);
                continue;
            }
            if missing.len() > FEW {
                let why = format!("{} objects that pods name as their owners are gone", missing.len());
                self.cluster.inner.problems.add(&state.name, &why);
                self.asked.extend(missing.into_iter().map(|wanted| wanted.1.uid));
                continue;
            }
            for wanted in missing {
                self.start_get(wanted);
            }
        }
        !self.running.is_empty()
    }

    /// An owner that is wanted is there; its controller is wanted too.
    fn climb(&mut self, uid: &Arc<str>) {
        let Some(((namespace, _), height)) = self.wanted.get(uid) else { return };
        let (namespace, height) = (Arc::clone(namespace), height + 1);
        let Some(owner) = self.owners.get(uid).cloned() else { return };
        let controller = owner.controller.clone();
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(uid), owner);
        if let Some(controller) = controller {
            self.want((namespace, controller), height);
        }
    }

    fn start_list(&mut self, kind: Kind) {
        let state = self.kinds.entry(kind.clone()).or_default();
        if state.listed {
            return;
        }
        state.listed = true;
        let (cluster, scope) = (self.cluster.clone(), self.scope.clone());
        let whole = self.survey.contains(&kind);
        self.running.spawn(async move {
            if whole {
                let (name, result) = match cluster.resource_of(&kind.0, &kind.1).await {
                    Ok(resource) => (resource.full_name(), cluster.list_workloads(&resource, &scope, None).await),
                    Err(failure) => (unknown_name(&kind), Err(failure)),
                };
                return Done::Surveyed { kind, name, result };
            }
            let (name, result) = match cluster.resource_of(&kind.0, &kind.1).await {
                Ok(resource) => (resource.full_name(), cluster.list_owners(&resource, &scope, None).await),
                Err(failure) => (unknown_name(&kind), Err(failure)),
            };
            Done::Listed { kind, name, result }
        });
    }

    fn start_get(&mut self, wanted: Wanted) {
        let kind = (Arc::clone(&wanted.1.api_version), Arc::clone(&wanted.1.kind));
        self.kinds.entry(kind.clone()).or_default().gets += 1;
        self.asked.insert(Arc::clone(&wanted.1.uid));
        let cluster = self.cluster.clone();
        self.running.spawn(async move {
            let (namespace, reference) = &wanted;
            let (name, result) = match cluster.resource_of(&kind.0, &kind.1).await {
                Ok(resource) => {
                    let owner = cluster.get_owner(&resource, Some(namespace), &reference.name).await;
                    // Another object of the same name is somebody else.
                    let owner = owner.map(|owner| Some(owner).filter(|owner| owner.itself.uid == reference.uid));
                    (resource.full_name(), owner)
                }
                Err(failure) => (unknown_name(&kind), Err(failure)),
            };
            Done::Got { wanted, name, result }
        });
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Surveyed { kind, name, result } => {
                let owners = result.map(|listed| {
                    let owners = listed.iter().map(|one| (Arc::clone(&one.namespace), one.owner.clone())).collect();
                    self.listed.extend(listed.into_iter().map(|one| (Arc::clone(&one.owner.itself.uid), one)));
                    owners
                });
                self.take(Done::Listed { kind, name, result: owners });
            }
            Done::Listed { kind, name, result } => {
                let mut refused = false;
                let closed = match result {
                    Ok(owners) => {
                        self.owners.extend(owners.into_iter().map(|(_, owner)| (Arc::clone(&owner.itself.uid), owner)));
                        None
                    }
                    Err(failure) => {
                        refused = failure.is_forbidden();
                        Some(failure.why())
                    }
                };
                let state = self.kinds.entry(kind.clone()).or_default();
                state.name = name;
                if refused {
                    // Whoever may not list may well read what is named.
                    state.unlisted = closed;
                } else {
                    state.closed = closed;
                }
                self.settle(&kind);
            }
            Done::Got { wanted, name, result } => {
                let reference = &wanted.1;
                match result {
                    Ok(Some(owner)) => {
                        let uid = Arc::clone(&owner.itself.uid);
                        self.owners.insert(Arc::clone(&uid), owner);
                        self.climb(&uid);
                    }
                    Ok(None) => {
                        let why = format!("`{}` was replaced by another object of that name", reference.name);
                        self.cluster.inner.problems.add(&name, &why);
                    }
                    Err(failure) => {
                        let kind = (Arc::clone(&reference.api_version), Arc::clone(&reference.kind));
                        let state = self.kinds.entry(kind).or_default();
                        // The refusal of the list came first, and says the same of all of them.
                        let why = state.unlisted.clone().unwrap_or_else(|| failure.why());
                        if failure.is_forbidden() {
                            state.name.clone_from(&name);
                            state.closed = Some(why.clone());
                        }
                        self.cluster.inner.problems.add(&name, &why);
                    }
                }
            }
        }
    }

    /// A list is complete: follow what was waiting for it.
    fn settle(&mut self, kind: &Kind) {
        let waiting: Vec<Arc<str>> = self
            .wanted
            .iter()
            .filter(|(_, ((_, reference), _))| reference.api_version == kind.0 && reference.kind == kind.1)
            .map(|(uid, _)| Arc::clone(uid))
            .collect();
        let closed = self.kinds.get(kind).and_then(|state| state.closed.clone().map(|why| (state.name.clone(), why)));
        for uid in waiting {
            if self.owners.contains_key(&uid) {
                self.climb(&uid);
            } else if let Some((name, why)) = &closed {
                self.cluster.inner.problems.add(name, why);
            }
        }
    }
}

/// A kind whose plural nobody could tell.
fn unknown_name(kind: &Kind) -> String {
    let (group, _) = group_and_version(&kind.0);
    if group.is_empty() { kind.1.to_lowercase() } else { format!("{}.{group}", kind.1.to_lowercase()) }
}

impl Cluster {
    /// The type of an owner reference's kind.
    pub(super) async fn resource_of(&self, api_version: &str, kind: &str) -> Result<Resource, Failure> {
        let found = self.inner.discovery.kind(&self.inner.transport, api_version, kind).await?;
        found.ok_or_else(|| Failure::missing(format!("the server doesn't have the kind `{kind}` of `{api_version}`")))
    }

    /// The objects of a type with their namespaces.
    pub(super) async fn list_owners(
        &self,
        resource: &Resource,
        scope: &Scope,
        labels: Option<&str>,
    ) -> Result<Vec<(Arc<str>, Owner)>, Failure> {
        let list = List {
            labels: labels.map(ToOwned::to_owned),
            ..List::of(resource.path(scope.namespace()), Accept::MetadataList)
        };
        let mut pages = pages::read(Arc::clone(&self.inner.transport), list);
        let mut interner = Interner::default();
        let mut owners = Vec::new();
        while let Some(page) = pages.recv().await {
            let page = page?;
            if page.again {
                owners.clear();
            }
            let list: ObjectList<'_> = decode(&page.body)?;
            for object in list.items.iter().flatten() {
                let owner = object.metadata.owner(resource, &mut interner);
                owners.push((interner.text(&object.metadata.namespace), owner));
            }
        }
        Ok(owners)
    }

    pub(super) async fn get_owner(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Owner, Failure> {
        let body = self.inner.transport.get(&resource.object_path(namespace, name), Accept::Metadata).await?;
        let object: Object<'_> = decode(&body)?;
        Ok(object.metadata.owner(resource, &mut Interner::default()))
    }
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
