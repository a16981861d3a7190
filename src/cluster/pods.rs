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
use super::metadata::ObjectList;
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
/// With fewer pods to come than this, one list is as fast as several.
const MANY: u64 = 2_000;
/// A namespace's own list has to bring as many pods as this on average, or it costs more than it saves.
const WORTH_A_LIST: u64 = 50;
/// Lists of namespaces that are under way at once.
const NAMESPACES_AT_ONCE: usize = 4;

/// A page of pods, or what ended the list.
type Pods = Result<Vec<Pod>, AppError>;

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
        let everywhere = selection.scope == Scope::AllNamespaces && list.labels.is_none() && list.fields.is_none();
        let (sender, receiver) = mpsc::channel(1);
        let (cluster, scope) = (self.clone(), selection.scope.clone());
        tokio::spawn(async move {
            if let Err(failure) = cluster.send_pods(list, everywhere, &sender).await {
                // Whoever no longer listens needs no error either.
                let _ = sender.send(Err(list_failed(failure, &scope))).await;
            }
        });
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|page| (page, receiver)) })
    }

    /// Sends the pods of a list, a page at a time, until there are no more or nobody listens.
    async fn send_pods(&self, list: List, everywhere: bool, sender: &mpsc::Sender<Pods>) -> Result<(), Failure> {
        let reading = Arc::new(Mutex::new(Reading::default()));
        let cluster = self.clone();
        let mut namespaces = everywhere.then(|| tokio::spawn(async move { cluster.namespaces().await }));
        let mut pages = pages::read(Arc::clone(&self.inner.transport), list);
        while let Some(page) = pages.recv().await {
            let page = page?;
            let remaining = pages::remaining(&page.body);
            let pods = converted(page, &reading, false).await?;
            if sender.send(Ok(pods)).await.is_err() {
                return Ok(());
            }
            if let Some(namespaces) = namespaces.take()
                && remaining >= MANY
                && let Ok(Ok(names)) = namespaces.await
                && (2..=remaining / WORTH_A_LIST).contains(&(names.len() as u64))
            {
                drop(pages);
                return self.send_side_by_side(names, &reading, sender).await;
            }
        }
        Ok(())
    }

    /// Reads namespaces beside each other: a server with several cores encodes them at the same time, while the pages
    /// of one list come strictly one after the other.
    async fn send_side_by_side(
        &self,
        namespaces: Vec<String>,
        reading: &Arc<Mutex<Reading>>,
        sender: &mpsc::Sender<Pods>,
    ) -> Result<(), Failure> {
        let lists = stream::iter(namespaces).map(|namespace| {
            let list = List::of(format!("/api/v1/namespaces/{}/pods", segment(&namespace)), Accept::Whole);
            // Lazily: a list starts when one before it has ended. No page ahead, for that is what the others are.
            let transport = Arc::clone(&self.inner.transport);
            stream::once(async move { pages::read_holding(transport, list, 1) }).flat_map(|pages| {
                stream::unfold(pages, |mut pages| async { pages.recv().await.map(|page| (page, pages)) })
            })
        });
        let mut pages = Box::pin(lists.map(Box::pin).flatten_unordered(NAMESPACES_AT_ONCE));
        while let Some(page) = pages.next().await {
            // What the first page of all namespaces held comes again.
            let pods = converted(page?, reading, true).await?;
            if sender.send(Ok(pods)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The names of all namespaces. No problem is recorded: this only makes it faster.
    async fn namespaces(&self) -> Result<Vec<String>, Failure> {
        let list = List::of("/api/v1/namespaces".to_owned(), Accept::MetadataList);
        let mut pages = pages::read(Arc::clone(&self.inner.transport), list);
        let mut names = Vec::new();
        while let Some(page) = pages.recv().await {
            let page = page?;
            let list: ObjectList<'_> = decode(&page.body)?;
            names.extend(list.items.iter().flatten().map(|object| object.metadata.name.to_string()));
        }
        names.sort();
        names.dedup();
        Ok(names)
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

/// Decodes a page; ten milliseconds of computing are nothing for a thread that others wait for.
async fn converted(page: Page, reading: &Arc<Mutex<Reading>>, known: bool) -> Result<Vec<Pod>, Failure> {
    let reading = Arc::clone(reading);
    let decoded = tokio::task::spawn_blocking(move || convert(&page, &reading, known)).await;
    decoded.unwrap_or_else(|error| Err(Failure::Malformed(format!("decoding it failed: {error}"))))
}

fn convert(page: &Page, reading: &Mutex<Reading>, known: bool) -> Result<Vec<Pod>, Failure> {
    let list: RawPodList<'_> = decode(&page.body)?;
    let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
    let Reading { interner, seen } = &mut *reading;
    let mut pods = Vec::with_capacity(list.items.as_ref().map_or(0, Vec::len));
    for raw in list.items.iter().flatten() {
        if (known || page.again) && seen.contains(raw.uid()) {
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
