//! The knobs: which requests are answered otherwise than the registry would, and how.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use futures::StreamExt as _;

use super::record::Asked;
use crate::registry::registry_error;

/// Which requests a rule is for. Everything that is not set matches.
#[derive(Debug, Clone, Default)]
pub struct Match {
    method: Option<Method>,
    repository: Option<String>,
    reference: Option<String>,
    path_part: Option<String>,
    agent_part: Option<String>,
}

impl Match {
    /// Every request, those to the token server included.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Every request about this repository.
    #[must_use]
    pub fn repository(repository: &str) -> Self {
        Self { repository: Some(repository.to_owned()), ..Self::default() }
    }

    /// Every request whose path contains `part`: `/blobs/`, `/tags/list`, `/token`.
    #[must_use]
    pub fn path(part: &str) -> Self {
        Self { path_part: Some(part.to_owned()), ..Self::default() }
    }

    /// The HEADs with which a person's client asks for manifests; nodes go on as before.
    #[must_use]
    pub fn heads_of_manifests() -> Self {
        Self::path("/manifests/").method(Method::HEAD).user_agent("kubectl-freshimage")
    }

    /// Only requests of clients whose `User-Agent` contains `part`.
    #[must_use]
    pub fn user_agent(mut self, part: &str) -> Self {
        self.agent_part = Some(part.to_owned());
        self
    }

    /// Only pulls by the nodes: what a person's client asks stays as it is.
    #[must_use]
    pub fn from_nodes(self) -> Self {
        self.user_agent("containerd")
    }

    /// Only manifests under this tag or digest.
    #[must_use]
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = Some(reference.to_owned());
        self
    }

    /// Only this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    pub(super) fn matches(&self, asked: &Asked) -> bool {
        self.method.as_ref().is_none_or(|method| *method == asked.method)
            && self.repository.as_deref().is_none_or(|repository| asked.repository() == Some(repository))
            && self.reference.as_deref().is_none_or(|reference| asked.reference() == Some(reference))
            && self.agent_part.as_deref().is_none_or(|part| asked.user_agent().contains(part))
            && self.path_part.as_deref().is_none_or(|part| asked.path.contains(part))
    }
}

/// What happens to a request that matches.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Answered as usual, but later.
    Delay(Duration),
    /// This answer instead of the registry's.
    Answer(Answer),
    /// Never answered; the connection stays open.
    Hang,
    /// The connection ends without an answer, and nothing was done.
    HangUp,
    /// The connection ends without an answer, although everything was done.
    HangUpAfter,
    /// The connection ends in the middle of the body.
    CutBody,
    /// `Docker-Content-Digest` names other bytes than those that are served.
    WrongDigest,
    /// `Docker-Content-Digest` is not digest at all.
    GarbageDigest,
    /// No `Docker-Content-Digest`.
    NoDigest,
    /// So many bytes of white space after the body: valid JSON still, and larger than any descriptor announced.
    PaddedBody(usize),
    /// A body of so many bytes without an announced length.
    HugeBody(u64),
}

impl Effect {
    /// An answer of this status with the body in which registries tell errors.
    #[must_use]
    pub fn status(status: u16) -> Answer {
        let status = StatusCode::from_u16(status).expect("a test names a status that exists");
        Answer { status, headers: Vec::new(), body: None }
    }

    /// The page with which a hotel's network answers everything: 200, HTML, "please log in".
    #[must_use]
    pub fn captive_portal() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in</body></html>";
        Self::status(200).header("content-type", "text/html; charset=utf-8").body(page).into()
    }

    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Hang | Self::HangUp)
    }
}

/// A ready answer.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<String>,
}

impl Answer {
    /// Adds a header: `Retry-After`, `ratelimit-remaining`, `WWW-Authenticate`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = name.parse().expect("a test names a valid header");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a test gives a valid header value");
        self.headers.push((name, value));
        self
    }

    /// This body instead of the registry's error JSON.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = match &self.body {
            Some(body) => {
                let mut response = Response::new(Body::from(body.clone()));
                *response.status_mut() = self.status;
                response
            }
            None => {
                let (code, message) = error_words(self.status);
                registry_error(self.status, code, message)
            }
        };
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

impl From<Answer> for Effect {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

fn error_words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => ("UNAUTHORIZED", "authentication required"),
        403 => ("DENIED", "requested access to the resource is denied"),
        404 => ("MANIFEST_UNKNOWN", "manifest unknown"),
        405 => ("UNSUPPORTED", "the operation is unsupported"),
        429 => ("TOOMANYREQUESTS", "you have reached your pull rate limit"),
        _ => ("UNKNOWN", "unknown error"),
    }
}

#[derive(Debug)]
struct Rule {
    number: u64,
    matching: Match,
    effect: Effect,
    skipped: u32,
    left: Option<u32>,
}

/// The rules of one gateway. The rule that was added last is asked first.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Mutex<(u64, Vec<Rule>)>,
}

impl Rules {
    pub(super) fn add(&self, matching: Match, effect: Effect, times: Option<u32>) -> u64 {
        self.push(Rule { number: 0, matching, effect, skipped: 0, left: times })
    }

    /// Adds a rule that is not for the first requests that match.
    pub(super) fn add_after(&self, skipped: u32, matching: Match, effect: Effect) -> u64 {
        self.push(Rule { number: 0, matching, effect, skipped, left: None })
    }

    fn push(&self, rule: Rule) -> u64 {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.0 += 1;
        let number = rules.0;
        rules.1.push(Rule { number, ..rule });
        number
    }

    pub(super) fn remove(&self, number: u64) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).1.retain(|rule| rule.number != number);
    }

    pub(super) fn clear(&self) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).1.clear();
    }

    /// All delays that match, and the newest other effect that does.
    pub(super) fn take(&self, asked: &Asked) -> (Duration, Option<Effect>) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delay = Duration::ZERO;
        let mut taken = None;
        for rule in rules.1.iter_mut().rev().filter(|rule| rule.left != Some(0) && rule.matching.matches(asked)) {
            if rule.skipped > 0 {
                rule.skipped -= 1;
                continue;
            }
            match &rule.effect {
                Effect::Delay(longer) => delay += *longer,
                _ if taken.is_some() => continue,
                effect => taken = Some(effect.clone()),
            }
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
        }
        (delay, taken)
    }
}

/// Bends the registry's answer.
pub(super) async fn bend(effect: &Effect, response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let digest = HeaderName::from_static("docker-content-digest");
    match effect {
        Effect::Delay(_) | Effect::Answer(_) | Effect::Hang | Effect::HangUp => {}
        Effect::HangUpAfter => return crate::pause::cut(),
        Effect::WrongDigest => {
            let other = crate::image::digest_of(b"other bytes than those served");
            head.headers.insert(digest, HeaderValue::from_str(&other).expect("hex is a valid header value"));
        }
        Effect::GarbageDigest => {
            head.headers.insert(digest, HeaderValue::from_static("sha256:not-a-digest"));
        }
        Effect::NoDigest => {
            head.headers.remove(digest);
            head.headers.remove(header::ETAG);
        }
        Effect::CutBody => {
            let bytes = whole(body).await;
            let half = bytes.slice(..bytes.len() / 2);
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len().max(1)));
            let cut = futures::stream::once(async {
                // The half that was sent shall arrive before the connection ends.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::other("cut by the test bed"))
            });
            return Response::from_parts(head, Body::from_stream(futures::stream::iter([Ok(half)]).chain(cut)));
        }
        Effect::PaddedBody(padding) => {
            let mut bytes = whole(body).await.to_vec();
            bytes.resize(bytes.len() + padding, b' ');
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            return Response::from_parts(head, Body::from(bytes));
        }
        Effect::HugeBody(size) => {
            head.headers.remove(header::CONTENT_LENGTH);
            let chunk = Bytes::from(vec![b' '; 64 << 10]);
            let chunks = size.div_ceil(chunk.len() as u64);
            let chunks = futures::stream::iter(0..chunks).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
            return Response::from_parts(head, Body::from_stream(chunks));
        }
    }
    Response::from_parts(head, body)
}

async fn whole(body: Body) -> Bytes {
    axum::body::to_bytes(body, super::BODY_LIMIT).await.unwrap_or_default()
}
