//! The controllers of a cluster in one event-driven loop: each change in the store names the objects that have to be
//! looked at again, and each look is a plain function from what is to what should be. No clock, hence milliseconds.

pub mod cronjob;
pub mod daemonset;
pub mod deployment;
pub mod garbage;
pub mod job;
pub mod pods;
pub mod replicas;
pub mod revisions;
pub mod scheduler;
pub mod statefulset;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::fields::{self, Manager};
use crate::api::write;
use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{self, Object, controller_of, items, name, namespace, number, text, uid};
use crate::store::{Change, Event, Key};

/// What a controller works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// The server, of which the controllers are clients.
    pub server: Arc<ApiServer>,
}

impl Context {
    fn manager(subresource: &str) -> Manager {
        Manager { name: "kube-controller-manager".into(), operation: "Update", subresource: subresource.into() }
    }

    /// Creates an object of a resource.
    pub fn create(&self, resource: &str, object: Value) -> ApiResult<Value> {
        let kind = self.server.store.type_of_key(resource).ok_or_else(ApiError::no_such_path)?;
        write::create_object(&self.server, &kind, object, &Self::manager(""), false)
    }

    /// Changes an object if `edit` makes a difference.
    pub fn change(&self, resource: &str, object: &Value, edit: impl FnOnce(&mut Value)) -> ApiResult<Arc<Object>> {
        self.change_as(&Self::manager(""), resource, object, edit)
    }

    /// Changes the status of an object if `edit` makes a difference.
    pub fn change_status(
        &self,
        resource: &str,
        object: &Value,
        edit: impl FnOnce(&mut Value),
    ) -> ApiResult<Arc<Object>> {
        self.change_as(&Self::manager("status"), resource, object, edit)
    }

    fn change_as(
        &self,
        manager: &Manager,
        resource: &str,
        object: &Value,
        edit: impl FnOnce(&mut Value),
    ) -> ApiResult<Arc<Object>> {
        self.server.store.update(resource, namespace(object), name(object), |current| {
            let before = current.clone();
            edit(current);
            if *current != before {
                fields::note_update(&before, current, manager);
            }
            Ok(())
        })
    }

    /// Creates a pod and says in an event of its owner whether that was possible.
    pub fn create_pod(&self, owner: &Value, pod: Value) -> ApiResult<()> {
        let created = self.create("pods", pod);
        let (reason, message) = match &created {
            Ok(pod) => ("SuccessfulCreate", format!("create Pod {} successful", name(pod))),
            Err(error) => ("FailedCreate", format!("Error creating: {}", error.message)),
        };
        self.tell(owner, reason, &message);
        created.map(drop)
    }

    /// An event; what was said before is counted.
    fn tell(&self, owner: &Value, reason: &str, message: &str) {
        let now = object::timestamp(jiff::Timestamp::now());
        let hash = object::safe_hash(&json!([uid(owner), reason, message]));
        let event_name = format!("{}.{hash}", name(owner));
        if let Some(known) = self.server.store.get("events", namespace(owner), &event_name) {
            let counted = self.change("events", known.value(), |event| {
                event["count"] = (number(event, "/count").unwrap_or(1) + 1).into();
                event["lastTimestamp"] = now.into();
            });
            // Nobody waits for an event.
            drop(counted);
            return;
        }
        let kind = if reason.starts_with("Failed") { "Warning" } else { "Normal" };
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": event_name, "namespace": namespace(owner)},
            "involvedObject": {
                "apiVersion": owner["apiVersion"], "kind": owner["kind"], "namespace": namespace(owner),
                "name": name(owner), "uid": uid(owner),
            },
            "reason": reason, "message": message, "type": kind, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now, "eventTime": null,
        });
        drop(self.create("events", event));
    }

    /// Deletes an object as a client would, gracefully.
    pub fn delete(&self, resource: &str, object: &Value) {
        let options = crate::store::deletion::DeleteOptions { uid: Some(uid(object).to_owned()), ..Default::default() };
        // It may be gone or replaced already, and then there is nothing to do.
        let _ = self.server.store.delete(resource, namespace(object), name(object), &options);
    }

    /// The objects of a resource whose controller is `owner`.
    pub fn children(&self, owner: &Value, resource: &str) -> Vec<Arc<Object>> {
        self.server
            .store
            .dependents(uid(owner))
            .into_iter()
            .filter(|(key, object)| {
                key.0 == resource
                    && controller_of(object.value()).is_some_and(|controller| text(controller, "/uid") == uid(owner))
            })
            .map(|(_, object)| object)
            .collect()
    }
}

/// Looks at everything once, and then at whatever changes, until the task is aborted.
pub async fn run(context: Context) {
    let store = Arc::clone(&context.server.store);
    let mut changes = store.subscribe();
    let mut seen = store.revision();
    let mut waiting: BTreeSet<Key> = BTreeSet::new();
    for kind in store.types() {
        for object in store.list(&kind.key(), None).1 {
            waiting.insert((kind.key(), namespace(object.value()).to_owned(), name(object.value()).to_owned()));
        }
    }
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        while let Some(key) = waiting.pop_first() {
            reconcile(&context, &key);
        }
        // Work that makes work must not keep the task from being aborted: the end of its story would wait for it for ever.
        tokio::task::yield_now().await;
        changes.borrow_and_update();
        let events = match store.events_after(seen) {
            Ok(events) => events,
            Err(_) => {
                seen = store.revision();
                continue;
            }
        };
        if let Some(last) = events.last() {
            seen = last.revision;
            for event in &events {
                note(&context, event, &mut waiting);
            }
            continue;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            _ = tick.tick() => {
                // Deadlines of rollouts pass without any change, and so do the seconds for which a pod has to be ready;
                // and what a quota refused is tried again.
                for resource in ["deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps"] {
                    for object in store.list(resource, None).1 {
                        let object = object.value();
                        let again = resource != "replicasets.apps" || !items(object, "/status/conditions").is_empty();
                        if again || object["spec"].get("minReadySeconds").is_some() {
                            waiting.insert((resource.into(), namespace(object).to_owned(), name(object).to_owned()));
                        }
                    }
                }
            }
        }
    }
}

/// Which objects an event concerns: itself, its owners, and what hangs on the cluster's state.
fn note(context: &Context, event: &Event, waiting: &mut BTreeSet<Key>) {
    let store = &context.server.store;
    let object = event.object.value();
    let here = namespace(object).to_owned();
    waiting.insert((event.resource.to_string(), here.clone(), name(object).to_owned()));
    for owner in items(object, "/metadata/ownerReferences") {
        if let Some(resource) = store.key_of_kind(text(owner, "/apiVersion"), text(owner, "/kind")) {
            let namespaced = store.type_of_key(&resource).is_some_and(|kind| kind.namespaced);
            let place = if namespaced { here.clone() } else { String::new() };
            waiting.insert((resource, place, text(owner, "/name").to_owned()));
        }
    }
    if event.change == Change::Deleted {
        garbage::collect_dependents(context, object);
        if !here.is_empty() {
            waiting.insert(("namespaces".into(), String::new(), here));
        }
    }
    let labels_changed = event.previous.as_ref().is_none_or(|before| {
        before.value()["metadata"]["labels"] != object["metadata"]["labels"] || before.value()["spec"] != object["spec"]
    });
    if &*event.resource == "nodes" && (labels_changed || event.change == Change::Deleted) {
        for resource in ["daemonsets.apps", "pods"] {
            for object in store.list(resource, None).1 {
                let key = (namespace(object.value()).to_owned(), name(object.value()).to_owned());
                waiting.insert((resource.into(), key.0, key.1));
            }
        }
    }
}

fn reconcile(context: &Context, key: &Key) {
    let Some(object) = context.server.store.get(&key.0, &key.1, &key.2) else { return };
    let object = object.value();
    let outcome = match key.0.as_str() {
        "namespaces" => garbage::empty_namespace(context, object),
        "pods" => scheduler::schedule(context, object),
        "deployments.apps" => deployment::reconcile(context, object),
        "replicasets.apps" | "replicationcontrollers" => replicas::reconcile(context, &key.0, object),
        "statefulsets.apps" => statefulset::reconcile(context, object),
        "daemonsets.apps" => daemonset::reconcile(context, object),
        "jobs.batch" => job::reconcile(context, object),
        "cronjobs.batch" => cronjob::reconcile(context, object),
        _ => Ok(()),
    };
    // A failure (an object gone meanwhile, a namespace that is being deleted) needs no retry: its cause makes an event.
    let _ = outcome;
    let _ = garbage::finalize(context, &key.0, object);
}
