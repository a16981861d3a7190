//! The pods that were asked for, page by page.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, Stream};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::intern::Interner;
use super::pages::{self, List, Page};
use super::pod::{RawPod, RawPodList};
use super::transport::{Accept, Transport, segment};
use crate::domain::workload::Pod;
use crate::error::AppError;
use crate::text::excerpt;

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One namespace.
    Namespace(Arc<str>),
    /// `--all-namespaces`.
    AllNamespaces,
}

impl Scope {
    /// The namespace, unless it is all of them.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(name) => Some(name),
            Self::AllNamespaces => None,
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Namespace(name) => format!("in namespace `{}`", excerpt(name, 100)),
            Self::AllNamespaces => "in all namespaces".to_owned(),
        }
    }
}

/// Which pods.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Where.
    pub scope: Scope,
    /// `--selector`, as it was given; the server understands it.
    pub labels: Option<String>,
    /// `--field-selector`, likewise.
    pub fields: Option<String>,
    /// These pods and no others, by name. They are read one by one, which the right to get or to list is
    /// enough for.
    pub names: Vec<Arc<str>>,
}

impl Selection {
    /// Every pod of a scope.
    #[must_use]
    pub fn all(scope: Scope) -> Self {
        Self { scope, labels: None, fields: None, names: Vec::new() }
    }
}

/// What lives as long as one read.
#[derive(Default)]
struct Reading {
    interner: Interner,
    /// Pods that were given out; only for a list that has to start over.
    seen: HashSet<Arc<str>>,
}

/// Requests for single pods that are under way at once.
const AT_ONCE: usize = 16;

impl Cluster {
    /// The selected pods, a page at a time, the first request sent at once. No pod comes twice, even
    /// if the server loses the thread in the middle (after five minutes, see the module `pages`); what changes meanwhile may be
    /// told as it was or as it is, as in any list that is read while the cluster works.
    ///
    /// Must be called within a Tokio runtime. After an error nothing more comes.
    pub fn pods(&self, selection: &Selection) -> impl Stream<Item = Result<Vec<Pod>, AppError>> + Send + Unpin + use<> {
        if selection.names.is_empty() { self.list_pods(selection).boxed() } else { self.named_pods(selection).boxed() }
    }

    fn list_pods(&self, selection: &Selection) -> impl Stream<Item = Result<Vec<Pod>, AppError>> + Send + use<> {
        let path = match selection.scope.namespace() {
            Some(namespace) => format!("/api/v1/namespaces/{}/pods", segment(namespace)),
            None => "/api/v1/pods".to_owned(),
        };
        let list = List {
            labels: selection.labels.clone(),
            fields: selection.fields.clone(),
            ..List::of(path, Accept::Whole)
        };
        let pages = pages::read(Arc::clone(&self.inner.transport), list);
        let scope = selection.scope.clone();
        let state = Some((pages, Arc::new(Mutex::new(Reading::default()))));
        stream::unfold(state, move |state| {
            let scope = scope.clone();
            async move {
                let (mut pages, reading) = state?;
                match next(&mut pages, &reading).await? {
                    Ok(pods) => Some((Ok(pods), Some((pages, reading)))),
                    Err(failure) => Some((Err(list_failed(failure, &scope)), None)),
                }
            }
        })
    }

    fn named_pods(&self, selection: &Selection) -> impl Stream<Item = Result<Vec<Pod>, AppError>> + Send + use<> {
        let namespace = selection.scope.namespace().unwrap_or(self.default_namespace()).to_owned();
        let mut names: VecDeque<Arc<str>> = VecDeque::new();
        for name in &selection.names {
            if !names.contains(name) {
                names.push_back(Arc::clone(name));
            }
        }
        let reading = Arc::new(Mutex::new(Reading::default()));
        let transport = Arc::clone(&self.inner.transport);
        let gets = stream::iter(names).map(move |name| {
            let (transport, reading) = (Arc::clone(&transport), Arc::clone(&reading));
            let namespace = namespace.clone();
            async move { named_pod(&transport, &namespace, &name, &reading).await.map(|pod| vec![pod]) }.boxed()
        });
        gets.buffered(AT_ONCE)
    }
}

/// One pod by its name, with whichever right there is: to get it, or to list.
async fn named_pod(
    transport: &Transport,
    namespace: &str,
    name: &str,
    reading: &Mutex<Reading>,
) -> Result<Pod, AppError> {
    let pods = format!("/api/v1/namespaces/{}/pods", segment(namespace));
    let convert = |raw: &RawPod<'_>| {
        let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        raw.convert(&mut reading.interner)
    };
    let failed = |failure| get_failed(failure, "pods", name);
    let refused = match transport.get(&format!("{pods}/{}", segment(name)), Accept::Whole).await {
        Ok(body) => return decode::<RawPod<'_>>(&body).map(|raw| convert(&raw)).map_err(failed),
        Err(failure) if failure.is_forbidden() => failure,
        Err(failure) => return Err(failed(failure)),
    };
    let list = List { fields: Some(field("metadata.name", name)), ..List::of(pods, Accept::Whole) };
    let body = match transport.get(&list.url(false, None), Accept::Whole).await {
        Ok(body) => body,
        Err(failure) if failure.is_forbidden() => {
            return Err(failed(refused).hint("ask for `get` on `pods`, or for `list`, which is enough as well"));
        }
        Err(failure) => return Err(failed(failure)),
    };
    let list: RawPodList<'_> = decode(&body).map_err(failed)?;
    let pod = list.items.iter().flatten().map(convert).find(|pod| *pod.name == *name);
    // In the words of a server that may say so.
    pod.ok_or_else(|| failed(Failure::missing(format!("pods \"{name}\" not found"))))
}

/// A field selector for one value; what has a meaning of its own in a selector is escaped.
fn field(name: &str, value: &str) -> String {
    let mut selector = format!("{name}=");
    for character in value.chars() {
        if matches!(character, '\\' | ',' | '=') {
            selector.push('\\');
        }
        selector.push(character);
    }
    selector
}

async fn next(
    pages: &mut mpsc::Receiver<Result<Page, Failure>>,
    reading: &Arc<Mutex<Reading>>,
) -> Option<Result<Vec<Pod>, Failure>> {
    let page = match pages.recv().await? {
        Ok(page) => page,
        Err(failure) => return Some(Err(failure)),
    };
    let reading = Arc::clone(reading);
    // Ten milliseconds of computing: not on a thread that others wait for.
    let decoded = tokio::task::spawn_blocking(move || convert(&page, &reading)).await;
    Some(decoded.unwrap_or_else(|error| Err(Failure::Malformed(format!("decoding it failed: {error}")))))
}

fn convert(page: &Page, reading: &Mutex<Reading>) -> Result<Vec<Pod>, Failure> {
    let list: RawPodList<'_> = decode(&page.body)?;
    let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
    let Reading { interner, seen } = &mut *reading;
    let mut pods = Vec::with_capacity(list.items.as_ref().map_or(0, Vec::len));
    for raw in list.items.iter().flatten() {
        if page.again && seen.contains(raw.uid()) {
            continue;
        }
        let pod = raw.convert(interner);
        seen.insert(Arc::clone(&pod.uid));
        pods.push(pod);
    }
    Ok(pods)
}

fn list_failed(failure: Failure, scope: &Scope) -> AppError {
    let forbidden = failure.is_forbidden();
    let error = failure.into_error(format!("failed to list pods {}", scope.words()));
    match scope {
        _ if !forbidden => error,
        Scope::AllNamespaces => {
            error.hint("ask for `list` on `pods` in all namespaces, or look at one namespace with `-n NAMESPACE`")
        }
        Scope::Namespace(namespace) => error.hint(format!(
            "ask for `list` on `pods` in `{}`, or name pods that you may read: `kubectl freshimage diagnose pod/NAME`",
            excerpt(namespace, 100)
        )),
    }
}

/// A named object that cannot be read: kubectl's words for one that is not there.
pub(super) fn get_failed(failure: Failure, what: &str, name: &str) -> AppError {
    if failure.is_not_found() {
        return AppError::failed(failure.why());
    }
    failure.into_error(format!("failed to read `{what}/{}`", excerpt(name, 100)))
}
