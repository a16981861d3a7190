//! get, list and watch.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{Object, name, namespace};
use crate::store::resources::ResourceType;
use crate::store::selector::{FieldSelector, LabelSelector};
use crate::store::{Change, Event};

use super::ApiServer;
use super::request::RequestInfo;
use super::respond::{Form, Piece, form_of, json_response, list_response, partial, watch_response};
use super::{table, write};

/// Lists of which a client has had the first pages: the later ones must show the same state.
#[derive(Debug, Default)]
pub struct Pages(Mutex<PageCache>);

#[derive(Debug, Default)]
struct PageCache {
    lists: HashMap<String, Arc<Vec<Arc<Object>>>>,
    order: VecDeque<String>,
}

impl Pages {
    fn keep(&self, key: String, list: &Arc<Vec<Arc<Object>>>) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.lists.insert(key.clone(), Arc::clone(list)).is_none() {
            cache.order.push_back(key);
        }
        if cache.order.len() > 64
            && let Some(oldest) = cache.order.pop_front()
        {
            cache.lists.remove(&oldest);
        }
    }

    fn find(&self, key: &str) -> Option<Arc<Vec<Arc<Object>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).lists.get(key).cloned()
    }

    /// Forgets all, so that the next `continue` is answered with 410.
    pub fn expire(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = PageCache::default();
    }
}

/// What a list or watch is narrowed to.
#[derive(Debug, Clone)]
pub struct Filter {
    labels: LabelSelector,
    fields: FieldSelector,
    name: Option<String>,
}

impl Filter {
    /// Reads the selectors of a request.
    pub fn of(info: &RequestInfo, resource: &str) -> ApiResult<Self> {
        Ok(Self {
            labels: LabelSelector::parse(info.parameter("labelSelector"))?,
            fields: FieldSelector::parse(info.parameter("fieldSelector"), resource)?,
            name: info.name.clone(),
        })
    }

    /// Whether the object is asked for.
    pub fn matches(&self, object: &Value) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name(object))
            && (self.labels.is_empty() || self.labels.matches(object.pointer("/metadata/labels")))
            && (self.fields.is_empty() || self.fields.matches(object))
    }
}

fn form(info: &RequestInfo) -> ApiResult<Form> {
    form_of(&info.accept).ok_or_else(|| {
        ApiError::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf, application/cbor",
        )
    })
}

/// One object.
pub fn get(server: &ApiServer, info: &RequestInfo, resource: &ResourceType) -> ApiResult<Response> {
    let form = form(info)?;
    let key = resource.key();
    let wanted = info.name.as_deref().unwrap_or_default();
    let namespace = if resource.namespaced { info.namespace.as_deref().unwrap_or_default() } else { "" };
    let object = server.store.get(&key, namespace, wanted).ok_or_else(|| ApiError::not_found(&key, wanted))?;
    if info.subresource == "scale" {
        return Ok(json_response(info, 200, &write::scale_of(object.value())));
    }
    Ok(match form {
        Form::Plain => json_response(info, 200, object.value()),
        Form::Partial => json_response(info, 200, &partial(object.value())),
        Form::Table => {
            let revision = object.value()["metadata"]["resourceVersion"].clone();
            let table = table::table(&key, &[object], json!({"resourceVersion": revision}), table::include(info), true);
            json_response(info, 200, &table)
        }
    })
}

struct Page {
    items: Vec<Arc<Object>>,
    metadata: Value,
}

fn continue_token(revision: i64, last: &Value) -> String {
    let start = format!("{}/{}\u{0}", namespace(last), name(last));
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).to_string())
}

fn page(server: &ApiServer, info: &RequestInfo, resource: &ResourceType) -> ApiResult<Page> {
    let key = resource.key();
    let filter = Filter::of(info, &key)?;
    let number = |name: &str| -> ApiResult<usize> {
        match info.parameter(name) {
            "" => Ok(0),
            text => text
                .parse()
                .map_err(|_| ApiError::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))),
        }
    };
    let limit = number("limit")?;
    let token = info.parameter("continue");
    let cache_key = |revision: u64| {
        format!("{revision} {} {} {}", info.path, info.parameter("labelSelector"), info.parameter("fieldSelector"))
    };
    let latest = || {
        let (revision, all) = server.store.list(&key, info.namespace.as_deref());
        let kept: Vec<Arc<Object>> = all.into_iter().filter(|object| filter.matches(object.value())).collect();
        (revision, Arc::new(kept))
    };
    let (revision, list, start) = if token.is_empty() {
        let (revision, list) = latest();
        (revision, list, 0)
    } else {
        let invalid =
            |why: &str| ApiError::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let decoded =
            URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|error| invalid(&error.to_string()))?;
        let decoded: Value = serde_json::from_slice(&decoded).map_err(|error| invalid(&error.to_string()))?;
        let after = decoded["start"].as_str().unwrap_or_default().trim_end_matches('\u{0}').to_owned();
        let (revision, list) = match u64::try_from(decoded["rv"].as_i64().unwrap_or(-1)) {
            // A token that was handed out with a 410: go on in whatever the state is now.
            Err(_) => latest(),
            Ok(revision) => match server.pages.find(&cache_key(revision)) {
                Some(list) => (revision, list),
                None => return Err(expired(&after)),
            },
        };
        let (after_namespace, after_name) = after.split_once('/').unwrap_or(("", &after));
        let start = list.partition_point(|object| {
            (namespace(object.value()), name(object.value())) <= (after_namespace, after_name)
        });
        (revision, list, start)
    };
    let end = if limit == 0 { list.len() } else { list.len().min(start + limit) };
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if end < list.len() && end > 0 {
        server.pages.keep(cache_key(revision), &list);
        metadata["continue"] = continue_token(i64::try_from(revision).unwrap_or(0), list[end - 1].value()).into();
        // With a selector the real server does not know how many remain.
        if info.parameter("labelSelector").is_empty() && info.parameter("fieldSelector").is_empty() {
            metadata["remainingItemCount"] = (list.len() - end).into();
        }
    }
    Ok(Page { items: list[start..end].to_vec(), metadata })
}

/// 410, with a token to go on inconsistently.
fn expired(after: &str) -> ApiError {
    let mut error = ApiError::expired_continue();
    let token = json!({"v": "meta.k8s.io/v1", "rv": -1, "start": format!("{after}\u{0}")});
    error.continue_token = Some(URL_SAFE_NO_PAD.encode(token.to_string()));
    error
}

/// A list.
pub fn list(server: &ApiServer, info: &RequestInfo, resource: &ResourceType) -> ApiResult<Response> {
    let form = form(info)?;
    let page = page(server, info, resource)?;
    let (kind, api_version) = match form {
        Form::Partial => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        _ => (format!("{}List", resource.kind), resource.api_version()),
    };
    let head = json!({"kind": kind, "apiVersion": api_version, "metadata": page.metadata});
    Ok(match form {
        Form::Table => {
            let table = table::table(&resource.key(), &page.items, page.metadata, table::include(info), true);
            json_response(info, 200, &table)
        }
        Form::Partial => list_response(
            info,
            &head,
            page.items.iter().map(|object| Piece::Plain(partial(object.value()).to_string().into())),
        ),
        // Items of custom resources carry kind and apiVersion, those of the built-in ones do not.
        Form::Plain if resource.custom => {
            list_response(info, &head, page.items.iter().map(|object| Piece::Plain(object.value().to_string().into())))
        }
        Form::Plain => list_response(info, &head, page.items.iter().map(|object| Piece::Item(object))),
    })
}

struct Watcher {
    key: String,
    namespace: Option<String>,
    filter: Filter,
    form: Form,
    include: &'static str,
    kind: String,
    api_version: String,
    shown_table: bool,
}

impl Watcher {
    fn line(&mut self, change: &str, object: &Arc<Object>) -> Bytes {
        let shown = match self.form {
            Form::Plain => object.value().clone(),
            Form::Partial => partial(object.value()),
            Form::Table => {
                // Only the first table of a watch names its columns.
                let first = !std::mem::replace(&mut self.shown_table, true);
                let revision = object.value()["metadata"]["resourceVersion"].clone();
                let metadata = json!({"resourceVersion": revision});
                table::table(&self.key, std::slice::from_ref(object), metadata, self.include, first)
            }
        };
        let mut line = json!({"type": change, "object": shown}).to_string();
        line.push('\n');
        line.into()
    }

    fn bookmark(&self, revision: u64, ends_initial_events: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if ends_initial_events {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (kind, api_version) = match self.form {
            Form::Partial => ("PartialObjectMetadata", "meta.k8s.io/v1"),
            _ => (self.kind.as_str(), self.api_version.as_str()),
        };
        let object = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        let mut line = json!({"type": "BOOKMARK", "object": object}).to_string();
        line.push('\n');
        line.into()
    }

    /// What a change looks like through the filter.
    fn event(&mut self, event: &Event) -> Option<Bytes> {
        let object = event.object.value();
        let elsewhere = self.namespace.as_deref().is_some_and(|wanted| wanted != namespace(object));
        if *event.resource != *self.key || elsewhere {
            return None;
        }
        let matched = event.previous.as_ref().is_some_and(|previous| self.filter.matches(previous.value()));
        let matches = event.change != Change::Deleted && self.filter.matches(object);
        let change = match (matched, matches) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some(self.line(change, &event.object))
    }
}

/// A watch.
pub fn watch(server: &ApiServer, info: &RequestInfo, resource: &ResourceType) -> ApiResult<Response> {
    let key = resource.key();
    let mut watcher = Watcher {
        filter: Filter::of(info, &key)?,
        namespace: if resource.namespaced { info.namespace.clone() } else { None },
        form: form(info)?,
        include: table::include(info),
        kind: resource.kind.clone(),
        api_version: resource.api_version(),
        shown_table: false,
        key,
    };
    let bookmarks = info.is_set("allowWatchBookmarks");
    let asked = match info.parameter("resourceVersion") {
        "" | "0" => None,
        text => Some(text.parse::<u64>().map_err(|_| {
            ApiError::bad_request(format!("resourceVersion: Invalid value: \"{text}\": must be an unsigned integer"))
        })?),
    };
    let wants_initial = match info.parameter("sendInitialEvents") {
        "" => asked.is_none(),
        text => text == "true",
    };
    let mut first = Vec::new();
    let from = if wants_initial {
        let (revision, all) = server.store.list(&watcher.key, watcher.namespace.as_deref());
        let wanted: Vec<_> = all.iter().filter(|object| watcher.filter.matches(object.value())).collect();
        for object in wanted {
            first.push(watcher.line("ADDED", object));
        }
        if info.is_set("sendInitialEvents") && bookmarks {
            first.push(watcher.bookmark(revision, true));
        }
        revision
    } else {
        asked.unwrap_or_else(|| server.store.revision())
    };
    let seconds = info.parameter("timeoutSeconds").parse::<u64>().ok().filter(|seconds| *seconds > 0).unwrap_or(1800);
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let store = Arc::clone(&server.store);
    let changes = store.subscribe();

    // The state of the stream: what is next to be sent, up to which change everything was seen.
    let state = (watcher, VecDeque::from(first), from, changes, false);
    let stream = futures::stream::unfold(state, move |(mut watcher, mut ready, mut seen, mut changes, ended)| {
        let store = Arc::clone(&store);
        async move {
            loop {
                if let Some(line) = ready.pop_front() {
                    return Some((line, (watcher, ready, seen, changes, ended)));
                }
                if ended {
                    return None;
                }
                changes.borrow_and_update();
                match store.events_after(seen) {
                    Ok(events) => {
                        seen = events.last().map_or(seen, |event| event.revision);
                        ready.extend(events.iter().filter_map(|event| watcher.event(event)));
                    }
                    Err(error) => {
                        let line = format!("{}\n", json!({"type": "ERROR", "object": error.status()}));
                        return Some((line.into(), (watcher, ready, seen, changes, true)));
                    }
                }
                if !ready.is_empty() {
                    continue;
                }
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return None },
                    () = tokio::time::sleep_until(until) => {
                        let last = watcher.bookmark(seen, false);
                        return bookmarks.then_some((last, (watcher, ready, seen, changes, true)));
                    }
                }
            }
        }
    });
    Ok(watch_response(stream))
}
