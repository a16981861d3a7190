//! Lists, page by page, with the next page on its way while this one is decoded.
//!
//! The server writes a list's metadata, and with it the token of the next page, before the items. So
//! the next request goes out as soon as the first bytes of an answer are there. At most three pages are
//! in memory, whoever is slower: two on their way and one being decoded.
//!
//! A `continue` token lives as long as the server keeps that state of its store, five minutes. When it
//! is too old, the server's 410 brings a token that goes on at the same place in the newest state; that
//! one is taken, so that no object comes twice. A server that offers none is asked for the whole list
//! again in one piece, and the reader is told to leave out what it already has.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use url::form_urlencoded::Serializer;

use super::failure::Failure;
use super::transport::{Accept, Transport};

/// Objects in a page. The server's own lists by pages are made for this number (kubectl's too).
const PAGE: u32 = 500;
/// A list's metadata is some hundred bytes; nobody needs to look for it further than this.
const HEAD: usize = 16 * 1024;
/// Pages in memory.
const HELD: usize = 3;

/// The raw body of one page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) body: Vec<u8>,
    /// The list was started over: objects that were seen before may come again.
    pub(super) again: bool,
    /// Room for another page when this one is dropped.
    _room: OwnedSemaphorePermit,
}

/// What to list.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) path: String,
    pub(super) labels: Option<String>,
    pub(super) fields: Option<String>,
    pub(super) accept: Accept,
}

impl List {
    pub(super) fn of(path: String, accept: Accept) -> Self {
        Self { path, labels: None, fields: None, accept }
    }

    pub(super) fn url(&self, limit: bool, token: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        if limit {
            query.append_pair("limit", &PAGE.to_string());
        }
        for (name, value) in
            [("labelSelector", self.labels.as_deref()), ("fieldSelector", self.fields.as_deref()), ("continue", token)]
        {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        format!("{}?{}", self.path, query.finish())
    }
}

/// Starts to read; the first request goes out at once. Dropping the receiver ends it.
pub(super) fn read(transport: Arc<Transport>, list: List) -> mpsc::Receiver<Result<Page, Failure>> {
    read_holding(transport, list, HELD)
}

/// The same with another number of pages in memory; with one, nothing is fetched ahead.
pub(super) fn read_holding(
    transport: Arc<Transport>,
    list: List,
    held: usize,
) -> mpsc::Receiver<Result<Page, Failure>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let failed = match run(&transport, &list, held, &sender).await {
            Ok(()) => return,
            Err(failure) => failure,
        };
        // Whoever no longer listens needs no error either.
        let _ = sender.send(Err(failed)).await;
    });
    receiver
}

async fn run(
    transport: &Arc<Transport>,
    list: &List,
    held: usize,
    sender: &mpsc::Sender<Result<Page, Failure>>,
) -> Result<(), Failure> {
    let source = Source { transport: Arc::clone(transport), list, room: Arc::new(Semaphore::new(held)) };
    let mut fetch = Fetch::start(&source, true, None);
    let mut again = false;
    loop {
        let early = match fetch.token.take() {
            Some(token) => token.await.ok(),
            None => None,
        };
        let mut next = early.as_ref().and_then(Option::as_ref).map(|token| Fetch::start(&source, true, Some(token)));
        let (body, room) = match fetch.body().await {
            Ok(whole) => whole,
            Err(failure) => match failure.expired() {
                Some(refusal) if fetch.paged && fetch.continued => {
                    fetch = match &refusal.go_on {
                        Some(token) => Fetch::start(&source, true, Some(token)),
                        None => {
                            again = true;
                            Fetch::start(&source, false, None)
                        }
                    };
                    continue;
                }
                _ => return Err(failure),
            },
        };
        if early.is_none() {
            // The metadata did not come first; look for it in the whole.
            next = token_of(&body).map(|token| Fetch::start(&source, true, Some(&token)));
        }
        if sender.send(Ok(Page { body, again, _room: room })).await.is_err() {
            return Ok(());
        }
        match next {
            Some(next) => fetch = next,
            None => return Ok(()),
        }
    }
}

struct Source<'l> {
    transport: Arc<Transport>,
    list: &'l List,
    room: Arc<Semaphore>,
}

/// A page on its way. Its task ends when it is dropped.
struct Fetch {
    /// The next page's token, or that there is none; nothing comes if that is known only in the end.
    token: Option<oneshot::Receiver<Option<String>>>,
    task: JoinHandle<Result<(Vec<u8>, OwnedSemaphorePermit), Failure>>,
    paged: bool,
    continued: bool,
}

impl Fetch {
    fn start(source: &Source<'_>, paged: bool, token: Option<&str>) -> Self {
        let url = source.list.url(paged, token);
        let accept = source.list.accept;
        let (sender, receiver) = oneshot::channel();
        let mut sender = Some(sender);
        let transport = Arc::clone(&source.transport);
        let room = Arc::clone(&source.room);
        let task = tokio::spawn(async move {
            // The semaphore is never closed.
            let room = room.acquire_owned().await.map_err(|error| Failure::Malformed(error.to_string()))?;
            let body = transport
                .read(&url, accept, |bytes| {
                    if sender.is_none() {
                        return;
                    }
                    if let Some(token) = token_in_head(bytes) {
                        if let Some(sender) = sender.take() {
                            let _ = sender.send(token);
                        }
                    } else if bytes.len() > HEAD {
                        sender = None;
                    }
                })
                .await?;
            Ok((body, room))
        });
        Self { token: Some(receiver), task, paged, continued: token.is_some() }
    }

    async fn body(&mut self) -> Result<(Vec<u8>, OwnedSemaphorePermit), Failure> {
        match (&mut self.task).await {
            Ok(result) => result,
            Err(error) => Err(Failure::Malformed(format!("reading it failed: {error}"))),
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Deserialize)]
struct Head {
    metadata: Option<ListMetadata>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    token: Option<String>,
    #[serde(default, rename = "remainingItemCount")]
    remaining: Option<u64>,
}

/// The token as soon as the beginning of a list tells it: `Some(None)` is "this is the last page".
fn token_in_head(bytes: &[u8]) -> Option<Option<String>> {
    Some(head_of(bytes)?.token.filter(|token| !token.is_empty()))
}

/// How many objects come after this page, as far as the server tells before its items; it does not where a selector
/// picks them.
pub(super) fn remaining(body: &[u8]) -> u64 {
    head_of(body).and_then(|head| head.remaining).unwrap_or(0)
}

fn head_of(bytes: &[u8]) -> Option<ListMetadata> {
    const ITEMS: &[u8] = b"\"items\"";
    let head = &bytes[..bytes.len().min(HEAD)];
    let end = head.windows(ITEMS.len()).position(|window| window == ITEMS)?;
    let mut object = head[..end].trim_ascii_end().strip_suffix(b",")?.to_vec();
    object.push(b'}');
    let head: Head = serde_json::from_slice(&object).ok()?;
    head.metadata
}

fn token_of(body: &[u8]) -> Option<String> {
    let head: Head = serde_json::from_slice(body).ok()?;
    head.metadata?.token.filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_known_before_the_items() {
        let compact = br#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":"abc","remainingItemCount":9},"items":[{"#;
        assert_eq!(token_in_head(compact), Some(Some("abc".to_owned())));
        assert_eq!((remaining(compact), remaining(b"{\"metadata\":{},\"items\":[]}"), remaining(b"[]")), (9, 0, 0));
        let pretty = b"{\n \"metadata\": {\n  \"resourceVersion\": \"1\"\n },\n \"items\": [";
        assert_eq!(token_in_head(pretty), Some(None));
        assert_eq!(token_in_head(b"{\"kind\":\"PodList\",\"metadata\":{\"contin"), None);
        assert_eq!(token_in_head(b"{\"items\":[],\"metadata\":{\"continue\":\"abc\"}}"), None);
        assert_eq!(token_of(b"{\"items\":[],\"metadata\":{\"continue\":\"abc\"}}"), Some("abc".to_owned()));
    }

    #[test]
    fn selectors_are_encoded() {
        let list = List {
            labels: Some("app in (a, b),!x".to_owned()),
            fields: Some("spec.nodeName=n1".to_owned()),
            ..List::of("/api/v1/pods".to_owned(), Accept::Whole)
        };
        assert_eq!(
            list.url(true, Some("a=")),
            "/api/v1/pods?limit=500&labelSelector=app+in+%28a%2C+b%29%2C%21x&fieldSelector=spec.nodeName%3Dn1&continue=a%3D"
        );
    }
}
