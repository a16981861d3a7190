//! HTTP to registries and token servers: one request with its deadline, redirects, retries and body cap.
//!
//! Redirects are followed here rather than by the client, because credentials must never travel to
//! another origin, nor any request from https to http.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
};
use http::{Method, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::clients::{Clients, is_loopback};
use super::options::RegistryOptions;
use super::retry::{self, Budget};
use super::secret::Secret;
use super::trouble::Trouble;
use crate::domain::remote::{Document, Failure};

/// As many as `containerd` and `docker` would never need; a loop ends here.
const MAX_REDIRECTS: usize = 5;

/// Bodies of refusals are read only so that the connection can be used again.
const DRAIN_CAP: usize = 16 * 1024;

/// After so many without a single answer, a server is taken to give none.
const DEADLY_TIMEOUTS: u32 = 3;

/// How many requests were sent, retries and redirects included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// HEADs of tags.
    pub heads: u64,
    /// GETs of manifests, configs and lists of tags.
    pub gets: u64,
    /// PUTs, POSTs and DELETEs: what may change a registry, or asks whether it could be changed.
    pub writes: u64,
    /// Requests to token servers.
    pub token_requests: u64,
}

/// What to send.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// The whole value of the `Authorization` header.
    pub(super) authorization: Option<Secret>,
    pub(super) payload: Payload,
    /// The largest body that is read.
    pub(super) cap: usize,
    /// It goes to a token server.
    pub(super) is_token: bool,
}

/// What a request brings along.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Nothing,
    /// A form, already encoded. It may hold a secret.
    Form(Secret),
    /// Exactly these bytes, under this type.
    Document(Arc<Document>),
}

/// What came back, whatever its status.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The last redirect led to another origin: its challenges are not the registry's.
    pub(super) elsewhere: bool,
}

impl Request {
    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no reply.
pub(super) enum Silence {
    /// As it is reported.
    Failure(Failure),
    /// No HTTP answer: what speaks at the other end may be speaking another protocol.
    Broken(String),
}

impl Silence {
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Failure(failure) => failure,
            Self::Broken(cause) => Failure::Unreachable(cause),
        }
    }
}

/// Shared by all hosts.
pub(super) struct Transport {
    clients: Clients,
    origins: Mutex<HashMap<String, Arc<Origin>>>,
    per_host_limit: usize,
    request_timeout: Duration,
    connect_timeout: Duration,
    heads: AtomicU64,
    gets: AtomicU64,
    writes: AtomicU64,
    token_requests: AtomicU64,
}

/// One server: how many requests it gets at a time, until when it asked to be left alone, and whether it is
/// there at all.
struct Origin {
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    paused_until: Option<Instant>,
    answered: bool,
    timeouts: u32,
    dead: Option<Failure>,
}

impl Transport {
    pub(super) fn new(options: &RegistryOptions) -> Self {
        Self {
            clients: Clients::new(options),
            origins: Mutex::default(),
            per_host_limit: options.per_host_limit.max(1),
            request_timeout: options.request_timeout,
            connect_timeout: options.connect_timeout,
            heads: AtomicU64::new(0),
            gets: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            token_requests: AtomicU64::new(0),
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            heads: self.heads.load(Ordering::Relaxed),
            gets: self.gets.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            token_requests: self.token_requests.load(Ordering::Relaxed),
        }
    }

    /// Sends it, follows redirects, tries again what may be tried again.
    pub(super) async fn send(&self, request: Request, budget: &mut Budget) -> Result<Reply, Silence> {
        let mut request = request;
        let mut elsewhere = false;
        for _ in 0..=MAX_REDIRECTS {
            let mut reply = self.patiently(&request, budget).await?;
            reply.elsewhere = elsewhere;
            // A form holds a refresh token: it is not handed on.
            let is_form = matches!(request.payload, Payload::Form(_));
            let Some(target) = redirect(&reply).filter(|_| !is_form) else { return Ok(reply) };
            // The other redirects make a GET of it by custom, and what was to be written would be lost silently.
            if !request.reads() && !matches!(reply.status.as_u16(), 307 | 308) {
                return Err(malformed("it redirects a write to where nothing would be written"));
            }
            let target = request.url.join(target).map_err(|_| malformed("it redirects to an address that is none"))?;
            match (request.url.scheme(), target.scheme()) {
                (_, "https") | ("http", "http") => {}
                _ => return Err(malformed("it redirects from https to something less safe")),
            }
            if target.origin() != request.url.origin() {
                request.authorization = None;
                elsewhere = true;
            }
            request.url = target;
        }
        Err(malformed("it redirects without end"))
    }

    async fn patiently(&self, request: &Request, budget: &mut Budget) -> Result<Reply, Silence> {
        let origin = self.origin(&request.url);
        loop {
            origin.wait_for_pause().await;
            let reply = self.once(request, &origin).await;
            let Some(reason) = retry::reason(&reply) else { return reply };
            match budget.wait_for(&reason) {
                Some(wait) => {
                    if matches!(reason, retry::Reason::Asked(_)) {
                        origin.pause(Instant::now() + wait);
                    } else {
                        tokio::time::sleep(wait).await;
                    }
                }
                None => return retry::give_up(reply),
            }
        }
    }

    /// One request on the wire. The deadline counts from when its turn has come.
    async fn once(&self, request: &Request, origin: &Origin) -> Result<Reply, Silence> {
        let client =
            self.clients.client(&request.url).map_err(|cause| Silence::Failure(Failure::Unreachable(cause)))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        // Digests are of the bytes as they are stored, not as they are packed for the way.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &request.authorization {
            let mut value = HeaderValue::from_str(authorization.expose()).map_err(|_| {
                Silence::Failure(Failure::Login("the credential holds characters that cannot be sent".to_owned()))
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = client.request(request.method.clone(), request.url.clone()).headers(headers);
        builder = match &request.payload {
            Payload::Nothing if request.reads() => builder,
            // Some front ends refuse a write that does not tell its length.
            Payload::Nothing => builder.header(CONTENT_LENGTH, 0),
            Payload::Form(form) => {
                builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.expose().to_owned())
            }
            Payload::Document(document) => {
                let media_type = HeaderValue::from_str(&document.media_type)
                    .map_err(|_| malformed("the media type holds characters that cannot be sent"))?;
                builder.header(CONTENT_TYPE, media_type).body(document.bytes.clone())
            }
        };
        let Ok(_permit) = origin.permits.acquire().await else {
            return Err(Silence::Broken("the program is ending".to_owned()));
        };
        if let Some(failure) = origin.dead() {
            return Err(Silence::Failure(failure));
        }
        let counter = match (request.is_token, &request.method) {
            (true, _) => &self.token_requests,
            (false, &Method::HEAD) => &self.heads,
            (false, _) if !request.reads() => &self.writes,
            (false, _) => &self.gets,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let exchange = async {
            let mut response = builder.send().await.map_err(|error| self.silence(&error))?;
            let status = response.status();
            let cap = if status.is_success() { request.cap } else { DRAIN_CAP };
            let mut body = Vec::new();
            // `Content-Length` may be missing or lie: what counts is what comes.
            while let Some(chunk) = match response.chunk().await {
                Ok(chunk) => chunk,
                Err(_) if !status.is_success() => None,
                Err(error) => return Err(self.silence(&error)),
            } {
                if body.len() + chunk.len() > cap {
                    if status.is_success() {
                        return Err(malformed(&format!("it is larger than {} MiB", cap.div_ceil(1024 * 1024))));
                    }
                    break;
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Reply { status, headers: std::mem::take(response.headers_mut()), body, elsewhere: false })
        };
        let outcome = match tokio::time::timeout(self.request_timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Silence::Failure(Failure::TimedOut(self.request_timeout.as_secs().max(1)))),
        };
        origin.note(&outcome);
        outcome
    }

    fn silence(&self, error: &reqwest::Error) -> Silence {
        match Trouble::of(error, self.connect_timeout.as_secs()) {
            Trouble::Connect(cause) => Silence::Failure(Failure::Unreachable(cause)),
            Trouble::Broken(cause) => Silence::Broken(cause),
        }
    }

    fn origin(&self, url: &Url) -> Arc<Origin> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = origins.entry(url.origin().ascii_serialization()).or_insert_with(|| {
            Arc::new(Origin { permits: Semaphore::new(self.per_host_limit), state: Mutex::default() })
        });
        Arc::clone(origin)
    }
}

impl Origin {
    /// A server that asks to wait asks everybody, not only the one whose request it refused.
    fn pause(&self, until: Instant) {
        let mut state = self.state();
        state.paused_until = state.paused_until.max(Some(until));
    }

    /// Remembers a server that never answered anybody: a thousand references to a registry that is down
    /// must not wait for it a thousand times. Once it has answered, each request stands for itself.
    fn note(&self, outcome: &Result<Reply, Silence>) {
        let mut state = self.state();
        match outcome {
            Ok(_) => state.answered = true,
            Err(Silence::Failure(failure)) if !state.answered => {
                // A slow answer may be the fault of what was asked for, so that takes more than one.
                state.timeouts += u32::from(matches!(failure, Failure::TimedOut(_)));
                if matches!(failure, Failure::Unreachable(_)) || state.timeouts >= DEADLY_TIMEOUTS {
                    state.dead = Some(failure.clone());
                }
            }
            Err(_) => {}
        }
    }

    fn dead(&self) -> Option<Failure> {
        let state = self.state();
        if state.answered { None } else { state.dead.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for_pause(&self) {
        let until = self.state().paused_until;
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }
}

fn redirect(reply: &Reply) -> Option<&str> {
    if matches!(reply.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        reply.headers.get(LOCATION)?.to_str().ok()
    } else {
        None
    }
}

fn malformed(cause: &str) -> Silence {
    Silence::Failure(Failure::Malformed(cause.to_owned()))
}

/// Whether a secret may be sent there on behalf of a registry: over https, on this machine, or to the very
/// host that is itself spoken to in plain http.
pub(super) fn may_have_secrets(target: &Url, registry: &Url) -> bool {
    match target.scheme() {
        "https" => true,
        "http" => is_loopback(target) || (registry.scheme() == "http" && registry.host() == target.host()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_only_where_nobody_listens_in() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (target, registry, may) in [
            ("https://auth.example.com/token", "https://reg.example.com", true),
            ("https://auth.example.com/token", "http://reg.example.com", true),
            ("http://auth.example.com/token", "https://reg.example.com", false),
            ("http://reg.example.com/token", "https://reg.example.com", false),
            ("http://reg.example.com:8080/token", "http://reg.example.com", true),
            ("http://auth.example.com/token", "http://reg.example.com", false),
            ("http://127.0.0.1:5001/token", "https://reg.example.com", true),
            ("http://localhost.example.com/token", "https://reg.example.com", false),
            ("ftp://reg.example.com/token", "http://reg.example.com", false),
        ] {
            assert_eq!(may_have_secrets(&url(target), &url(registry)), may, "{target} for {registry}");
        }
    }
}
