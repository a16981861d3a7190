//! What a gateway was asked: the proof that the product asks little, once, and politely.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine as _;

/// How a request identified itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Not at all.
    None,
    /// Name and password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Bearer(String),
    /// Something else, as it was sent.
    Other(String),
}

impl Authorization {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Self::None;
        };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let (scheme, rest) = text.split_once(' ').unwrap_or((&text, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.to_owned());
        }
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(rest)
            && let Ok(pair) = String::from_utf8(bytes)
            && let Some((user, password)) = pair.split_once(':')
        {
            return Self::Basic { user: user.to_owned(), password: password.to_owned() };
        }
        Self::Other(text)
    }
}

/// One request as it arrived, before any knob touched it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path without the query.
    pub path: String,
    /// The query, empty if there was none.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Who asked.
    pub authorization: Authorization,
    /// When, counted from the gateway's start.
    pub at: Duration,
    /// The status that was answered; none while the answer is outstanding (or when it hung forever).
    pub status: Option<StatusCode>,
}

impl Asked {
    pub(crate) fn new(parts: &Parts, at: Duration) -> Self {
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            authorization: Authorization::of(&parts.headers),
            at,
            status: None,
        }
    }

    /// A header's text, empty if it was not sent.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(", ")
    }

    /// `User-Agent`.
    #[must_use]
    pub fn user_agent(&self) -> String {
        self.header("user-agent")
    }

    /// `Accept`.
    #[must_use]
    pub fn accept(&self) -> String {
        self.header("accept")
    }

    /// `Host`.
    #[must_use]
    pub fn host(&self) -> String {
        self.header("host")
    }

    /// The repository, if the path is about one.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        Some(split(&self.path)?.0)
    }

    /// The tag or digest of a manifest request.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        match split(&self.path)? {
            (_, "manifests", reference) => Some(reference),
            _ => None,
        }
    }

    /// Whether it asks for a repository's tags.
    #[must_use]
    pub fn is_tag_list(&self) -> bool {
        split(&self.path).is_some_and(|(_, word, rest)| (word, rest) == ("tags", "list"))
    }

    /// The digest of a blob request.
    #[must_use]
    pub fn blob(&self) -> Option<&str> {
        match split(&self.path)? {
            (_, "blobs", digest) if !digest.starts_with("uploads") => Some(digest),
            _ => None,
        }
    }
}

/// `/v2/<repository>/<manifests|blobs|tags|referrers>/<rest>` in its three parts.
fn split(path: &str) -> Option<(&str, &str, &str)> {
    let path = path.strip_prefix("/v2/")?;
    // The last match, since a repository's own name may hold such a word.
    let words = ["manifests", "blobs", "tags", "referrers"].into_iter();
    let (at, word) = words.filter_map(|word| Some((path.rfind(&format!("/{word}/"))?, word))).max()?;
    Some((&path[..at], word, &path[at + word.len() + 2..]))
}

/// The requests so far, as a value of its own: a later request does not change it.
#[derive(Debug, Clone)]
pub struct Requests(Vec<Asked>);

impl Requests {
    /// All requests in the order of their arrival.
    #[must_use]
    pub fn all(&self) -> &[Asked] {
        &self.0
    }

    /// How many requests there were that `matches`.
    pub fn count(&self, matches: impl Fn(&Asked) -> bool) -> usize {
        self.0.iter().filter(|asked| matches(asked)).count()
    }

    /// `HEAD`s of one manifest.
    #[must_use]
    pub fn heads(&self, repository: &str, reference: &str) -> usize {
        self.manifests(&Method::HEAD, repository, reference)
    }

    /// `GET`s of one manifest.
    #[must_use]
    pub fn gets(&self, repository: &str, reference: &str) -> usize {
        self.manifests(&Method::GET, repository, reference)
    }

    /// Requests that change something.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.count(|asked| !matches!(asked.method, Method::GET | Method::HEAD) && asked.path.starts_with("/v2/"))
    }

    /// Requests to the token server.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.count(|asked| asked.path == super::TOKEN_PATH)
    }

    fn manifests(&self, method: &Method, repository: &str, reference: &str) -> usize {
        self.count(|asked| {
            asked.method == method && asked.repository() == Some(repository) && asked.reference() == Some(reference)
        })
    }
}

/// Where requests are written down.
#[derive(Debug)]
pub(crate) struct Record {
    started: Instant,
    asked: Mutex<Vec<Asked>>,
    forgotten: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Record {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            asked: Mutex::default(),
            forgotten: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    /// Writes the request down; the guard counts it as being answered until it is dropped.
    pub(crate) fn begin(self: &Arc<Self>, parts: &Parts) -> (Asked, InFlight) {
        let asked = Asked::new(parts, self.started.elapsed());
        let mut all = self.lock();
        all.push(asked.clone());
        let place = all.len() - 1;
        drop(all);
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        (asked, InFlight { record: Arc::clone(self), place })
    }

    pub(crate) fn requests(&self) -> Requests {
        let all = self.lock();
        Requests(all[self.forgotten.load(Ordering::SeqCst)..].to_vec())
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    /// Leaves the requests before now out of what is told. They are kept, so that an outstanding answer finds its place.
    pub(crate) fn forget(&self) {
        self.forgotten.store(self.lock().len(), Ordering::SeqCst);
        self.most_in_flight.store(self.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight {
    record: Arc<Record>,
    place: usize,
}

impl InFlight {
    pub(crate) fn answered(&self, status: StatusCode) {
        if let Some(asked) = self.record.lock().get_mut(self.place) {
            asked.status = Some(status);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.record.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
