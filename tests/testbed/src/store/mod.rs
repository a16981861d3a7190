//! The state of the simulated cluster: what etcd and the storage layer of the API server are in a real one.
//!
//! Objects are JSON. One counter numbers every change (`resourceVersion`), the changes are remembered for watches, and
//! everything happens under one lock: the bed needs truth and simplicity, and its objects are few or ready-made.

pub mod deletion;
pub mod error;
pub mod object;
pub mod resources;
pub mod selector;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use error::{ApiError, ApiResult};
use object::{Object, is_terminating, items, name, namespace, now, uid};
use resources::ResourceType;

/// How many changes are remembered for watches.
const HISTORY: usize = 50_000;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It is gone; the event carries its last state.
    Deleted,
}

/// A remembered change.
#[derive(Debug, Clone)]
pub struct Event {
    /// The number of the change.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// The resource's key, such as `deployments.apps`.
    pub resource: Arc<str>,
    /// The object afterwards.
    pub object: Arc<Object>,
    /// The object before.
    pub previous: Option<Arc<Object>>,
}

/// Identifies an object: resource key, namespace (empty for cluster-wide ones) and name.
pub type Key = (String, String, String);

type Objects = BTreeMap<(String, String), Arc<Object>>;

#[derive(Debug)]
struct State {
    revision: u64,
    types: Vec<Arc<ResourceType>>,
    objects: HashMap<String, Objects>,
    dependents: HashMap<String, BTreeSet<Key>>,
    history: VecDeque<Event>,
    /// Changes up to this one are forgotten.
    forgotten: u64,
}

/// The store; shared by the server, the controllers and the kubelets.
#[derive(Debug)]
pub struct Store {
    state: Mutex<State>,
    latest: watch::Sender<u64>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store that knows the built-in resources.
    pub fn new() -> Self {
        let state = State {
            revision: 100,
            types: resources::built_in().into_iter().map(Arc::new).collect(),
            objects: HashMap::new(),
            dependents: HashMap::new(),
            history: VecDeque::new(),
            forgotten: 100,
        };
        Self { state: Mutex::new(state), latest: watch::Sender::new(100) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the latest change.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Tells whenever something changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// All served resources.
    pub fn types(&self) -> Vec<Arc<ResourceType>> {
        self.lock().types.clone()
    }

    /// The resource of a path.
    pub fn find_type(&self, group: &str, version: &str, plural: &str) -> Option<Arc<ResourceType>> {
        let state = self.lock();
        state.types.iter().find(|one| one.plural == plural && one.group == group && one.version == version).cloned()
    }

    /// The resource of a key, in any version.
    pub fn type_of_key(&self, key: &str) -> Option<Arc<ResourceType>> {
        let state = self.lock();
        state.types.iter().find(|one| one.key() == key).cloned()
    }

    /// The resource key of a kind in a group, whatever the version.
    pub fn key_of_kind(&self, api_version: &str, kind: &str) -> Option<String> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let state = self.lock();
        state.types.iter().find(|one| one.kind == kind && one.group == group).map(|one| one.key())
    }

    /// One object.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.lock().objects.get(resource)?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// All objects of a resource, ordered by namespace and name, with the number of the latest change.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (u64, Vec<Arc<Object>>) {
        let state = self.lock();
        let found = state.objects.get(resource).map_or_else(Vec::new, |objects| match namespace {
            None => objects.values().cloned().collect(),
            Some(wanted) => objects
                .range((wanted.to_owned(), String::new())..)
                .take_while(|((namespace, _), _)| namespace == wanted)
                .map(|(_, object)| Arc::clone(object))
                .collect(),
        });
        (state.revision, found)
    }

    /// Every object that names the uid as an owner.
    pub fn dependents(&self, owner_uid: &str) -> Vec<(Key, Arc<Object>)> {
        let state = self.lock();
        let Some(keys) = state.dependents.get(owner_uid) else { return Vec::new() };
        keys.iter()
            .filter_map(|key| {
                let object = state.objects.get(&key.0)?.get(&(key.1.clone(), key.2.clone()))?;
                Some((key.clone(), Arc::clone(object)))
            })
            .collect()
    }

    /// The changes after a number, or 410 if they are forgotten.
    pub fn events_after(&self, revision: u64) -> ApiResult<Vec<Event>> {
        let state = self.lock();
        if revision < state.forgotten {
            return Err(ApiError::too_old(revision, state.forgotten));
        }
        let start = state.history.partition_point(|event| event.revision <= revision);
        Ok(state.history.range(start..).cloned().collect())
    }

    /// Forgets the history, so that watches from earlier numbers are told 410.
    pub fn forget_history(&self) {
        let mut state = self.lock();
        state.history.clear();
        state.forgotten = state.revision;
    }

    /// Stores a new object: sets uid, creation time, generation and resourceVersion.
    pub fn create(&self, resource: &str, mut object: Value) -> ApiResult<Arc<Object>> {
        let mut state = self.lock();
        let (namespace, name) = (namespace(&object).to_owned(), name(&object).to_owned());
        if state.objects.get(resource).is_some_and(|all| all.contains_key(&(namespace, name.clone()))) {
            return Err(ApiError::already_exists(resource, &name));
        }
        let has_generation = state.types.iter().any(|one| one.key() == resource && one.has_generation());
        let metadata = object::object_at(&mut object, &["metadata"]);
        // A job comes with its uid, for its labels carry it.
        metadata.entry("uid").or_insert_with(|| uuid::Uuid::new_v4().to_string().into());
        metadata.insert("creationTimestamp".into(), now().into());
        if has_generation {
            metadata.insert("generation".into(), 1.into());
        }
        Ok(state.put(resource, object, Change::Added, &self.latest))
    }

    /// Stores ready-made objects as they are (but for the resourceVersion) and without history: for load.
    pub fn load(&self, resource: &str, objects: Vec<Value>) {
        let mut state = self.lock();
        for mut object in objects {
            state.revision += 1;
            object["metadata"]["resourceVersion"] = state.revision.to_string().into();
            state.index(resource, &object);
            let key = (namespace(&object).to_owned(), name(&object).to_owned());
            state.objects.entry(resource.to_owned()).or_default().insert(key, Object::new(object));
        }
        state.history.clear();
        state.forgotten = state.revision;
        self.latest.send_replace(state.revision);
    }

    /// Changes an object under the lock. No difference, no change. `edit` must not call the store.
    ///
    /// The generation counts up as [`counts`] says, and an object that waits for its finalizers goes when the last
    /// one is gone.
    pub fn update(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value) -> ApiResult<()>,
    ) -> ApiResult<Arc<Object>> {
        let mut state = self.lock();
        let key = (namespace.to_owned(), name.to_owned());
        let before = state
            .objects
            .get(resource)
            .and_then(|objects| objects.get(&key))
            .cloned()
            .ok_or_else(|| ApiError::not_found(resource, name))?;
        let mut after = before.value().clone();
        edit(&mut after)?;
        for field in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
            match before.value()["metadata"].get(field) {
                Some(kept) => after["metadata"][field] = kept.clone(),
                None => drop(object::object_at(&mut after, &["metadata"]).remove(field)),
            }
        }
        if after == *before.value() {
            return Ok(before);
        }
        if let Some(generation) = object::number(&after, "/metadata/generation")
            && counts(resource, before.value(), &after)
        {
            after["metadata"]["generation"] = json!(generation + 1);
        }
        let grace_is_over = object::number(&after, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) == 0;
        if is_terminating(&after)
            && grace_is_over
            && items(&after, "/metadata/finalizers").is_empty()
            && (resource != "namespaces" || items(&after, "/spec/finalizers").is_empty())
        {
            return Ok(state.remove(resource, &key, Some(after), &self.latest));
        }
        Ok(state.put(resource, after, Change::Modified, &self.latest))
    }
}

impl State {
    fn put(&mut self, resource: &str, mut object: Value, change: Change, latest: &watch::Sender<u64>) -> Arc<Object> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let key = (namespace(&object).to_owned(), name(&object).to_owned());
        let previous = self.objects.get(resource).and_then(|objects| objects.get(&key)).cloned();
        if let Some(previous) = &previous {
            self.unindex(resource, previous.value());
        }
        self.index(resource, &object);
        if resource == "customresourcedefinitions.apiextensions.k8s.io" {
            self.serve_definition(previous.as_deref().map(Object::value), Some(&object));
        }
        let object = Object::new(object);
        self.objects.entry(resource.to_owned()).or_default().insert(key, Arc::clone(&object));
        self.remember(resource, change, Arc::clone(&object), previous, latest);
        object
    }

    fn remove(
        &mut self,
        resource: &str,
        key: &(String, String),
        last_state: Option<Value>,
        latest: &watch::Sender<u64>,
    ) -> Arc<Object> {
        let previous = self.objects.get_mut(resource).and_then(|objects| objects.remove(key));
        let mut last =
            last_state.or_else(|| previous.as_ref().map(|object| object.value().clone())).unwrap_or_default();
        if let Some(previous) = &previous {
            self.unindex(resource, previous.value());
        }
        if resource == "customresourcedefinitions.apiextensions.k8s.io" {
            self.serve_definition(Some(&last), None);
        }
        self.revision += 1;
        last["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let last = Object::new(last);
        self.remember(resource, Change::Deleted, Arc::clone(&last), previous, latest);
        last
    }

    fn remember(
        &mut self,
        resource: &str,
        change: Change,
        object: Arc<Object>,
        previous: Option<Arc<Object>>,
        latest: &watch::Sender<u64>,
    ) {
        let event = Event { revision: self.revision, change, resource: resource.into(), object, previous };
        self.history.push_back(event);
        while self.history.len() > HISTORY {
            if let Some(event) = self.history.pop_front() {
                self.forgotten = event.revision;
            }
        }
        latest.send_replace(self.revision);
    }

    fn index(&mut self, resource: &str, object: &Value) {
        let key = (resource.to_owned(), namespace(object).to_owned(), name(object).to_owned());
        for owner in items(object, "/metadata/ownerReferences") {
            self.dependents.entry(object::text(owner, "/uid").to_owned()).or_default().insert(key.clone());
        }
    }

    fn unindex(&mut self, resource: &str, object: &Value) {
        let key = (resource.to_owned(), namespace(object).to_owned(), name(object).to_owned());
        for owner in items(object, "/metadata/ownerReferences") {
            if let Some(keys) = self.dependents.get_mut(object::text(owner, "/uid")) {
                keys.remove(&key);
            }
        }
    }

    /// Serves what a definition says now instead of what it said before.
    fn serve_definition(&mut self, before: Option<&Value>, after: Option<&Value>) {
        for old in before.map(resources::of_definition).unwrap_or_default() {
            self.types.retain(|one| **one != old);
        }
        for new in after.map(resources::of_definition).unwrap_or_default() {
            if !self.types.iter().any(|one| **one == new) {
                self.types.push(Arc::new(new));
            }
        }
    }
}

/// Whether the change counts for the generation: of the spec, and with Deployments also of the annotations, other than
/// the one that their controller writes with the status.
pub fn counts(resource: &str, before: &Value, after: &Value) -> bool {
    let annotations = |object: &Value| {
        let mut annotations = object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        annotations.remove("deployment.kubernetes.io/revision");
        annotations
    };
    spec_differs(resource, before, after)
        || (resource == "deployments.apps" && annotations(before) != annotations(after))
}

/// Being bound to a node is no difference.
fn spec_differs(resource: &str, before: &Value, after: &Value) -> bool {
    let (before, after) = (&before["spec"], &after["spec"]);
    if before == after {
        return false;
    }
    let without_node = |spec: &Value| {
        let mut spec = spec.clone();
        spec.as_object_mut().map(|fields| fields.remove("nodeName"));
        spec
    };
    resource != "pods" || without_node(before) != without_node(after)
}

/// The controller's owner reference to `owner`.
pub fn owner_reference(owner: &Value, api_version: &str, kind: &str) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}
