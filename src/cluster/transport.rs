//! Requests to the API server: within a deadline, with few retries, and with errors that say why.
//!
//! kube's own retry (15 tries, up to 1000 s apart) is switched off. Here a request that the server
//! turned away for the moment (429, 503) or that was cut is tried again for a few seconds. A connection
//! that could never be made is not tried again: a wrong address should be told at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::failure::Failure;

/// Pauses before the second, third and fourth try.
const PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(2)];
/// The longest `Retry-After` that is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// An error's body is a few hundred bytes; more is of no use to anybody.
const ERROR_BODY: usize = 64 * 1024;

/// A server that sends nothing for so long is gone; it ends its own requests after 60 seconds.
const SILENCE: Duration = Duration::from_secs(90);

/// What an answer should look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accept {
    /// The object as it is.
    Whole,
    /// Its metadata only. A server that cannot do that sends the whole object, of which only the
    /// metadata will be decoded.
    Metadata,
    /// A list of metadata.
    MetadataList,
    /// All groups and resources in one answer (Kubernetes 1.27 and later; others send a list of groups).
    Discovery,
}

impl Accept {
    fn header(self) -> &'static str {
        match self {
            Self::Whole => "application/json",
            Self::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
            Self::MetadataList => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
            Self::Discovery => {
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
            }
        }
    }
}

/// What is sent along with a request that is no GET.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) method: Method,
    pub(super) media_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// The one connection pool of a run.
pub(super) struct Transport {
    client: kube::Client,
    /// Host and port, for messages.
    server: String,
    request_timeout: Option<Duration>,
    /// An answer was had before: the address is right, and a failed connection may pass.
    reached: AtomicBool,
}

impl Transport {
    pub(super) fn new(client: kube::Client, server: String, request_timeout: Option<Duration>) -> Self {
        Self { client, server, request_timeout, reached: AtomicBool::new(false) }
    }

    /// The whole body of an answer.
    pub(super) async fn get(&self, path: &str, accept: Accept) -> Result<Vec<u8>, Failure> {
        self.read(path, accept, |_| {}).await
    }

    /// The answer to a request that may change something. It is tried again like any other, so whoever calls this
    /// sends what can be sent twice: a patch that tests what it changes is refused the second time, and the
    /// object tells that the first one arrived.
    pub(super) async fn send(&self, path: &str, content: &Content) -> Result<Vec<u8>, Failure> {
        self.exchange(path, Accept::Whole, Some(content), |_| {}).await
    }

    /// The whole body of an answer, shown to `peek` while it grows: the caller may find what it needs to
    /// go on long before the end.
    pub(super) async fn read(
        &self,
        path: &str,
        accept: Accept,
        peek: impl FnMut(&[u8]) + Send,
    ) -> Result<Vec<u8>, Failure> {
        self.exchange(path, accept, None, peek).await
    }

    async fn exchange(
        &self,
        path: &str,
        accept: Accept,
        content: Option<&Content>,
        mut peek: impl FnMut(&[u8]) + Send,
    ) -> Result<Vec<u8>, Failure> {
        let deadline = self.request_timeout.map(|after| (Instant::now() + after, after));
        let mut pauses = PAUSES.into_iter();
        loop {
            let attempt = self.attempt(path, accept, content, &mut peek);
            let outcome = match deadline {
                None => attempt.await,
                Some((end, after)) => timeout_at(end, attempt)
                    .await
                    .unwrap_or_else(|_| Err((Failure::TimedOut { server: self.server.clone(), after }, None))),
            };
            let (failure, asked) = match outcome {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            let Some(pause) = pauses.next().filter(|_| self.may_pass(&failure)) else {
                return Err(failure);
            };
            let pause = asked.unwrap_or(pause);
            // First the length: a wait of centuries has no place on the clock.
            if pause > PATIENCE || deadline.is_some_and(|(end, _)| Instant::now() + pause >= end) {
                return Err(failure);
            }
            sleep(pause).await;
        }
    }

    /// One try; the error carries the pause that the server asks for.
    async fn attempt(
        &self,
        path: &str,
        accept: Accept,
        content: Option<&Content>,
        peek: &mut (impl FnMut(&[u8]) + Send),
    ) -> Result<Vec<u8>, (Failure, Option<Duration>)> {
        let request = Request::builder().uri(path).header(header::ACCEPT, accept.header());
        let request = match content {
            None => request.body(Body::empty()),
            Some(content) => request
                .method(&content.method)
                .header(header::CONTENT_TYPE, content.media_type)
                .body(Body::from(content.body.clone())),
        };
        let request = request.map_err(|error| (Failure::Malformed(format!("`{path}` is no path: {error}")), None))?;
        let sent = |error: &kube::Error| (Failure::sent(&self.server, error), None);
        let silent = || (Failure::TimedOut { server: self.server.clone(), after: SILENCE }, None);
        let response = timeout(SILENCE, self.client.send(request)).await.map_err(|_| silent())?;
        let response = response.map_err(|error| sent(&error))?;
        self.reached.store(true, Ordering::Relaxed);
        let status = response.status();
        if matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED) {
            let body = collect(response, usize::MAX, peek).await.map_err(|error| sent(&error))?;
            return body.ok_or_else(silent);
        }
        let pause = retry_after(response.headers());
        let body = collect(response, ERROR_BODY, &mut |_: &[u8]| {}).await.ok().flatten().unwrap_or_default();
        Err((Failure::answered(status, &body), pause))
    }

    fn may_pass(&self, failure: &Failure) -> bool {
        match failure {
            Failure::Refused(refusal) => matches!(refusal.code, 429 | 503 | 504),
            Failure::ConnectionRefused { .. } => self.reached.load(Ordering::Relaxed),
            Failure::Unreachable { cut, .. } => *cut || self.reached.load(Ordering::Relaxed),
            Failure::TimedOut { .. } | Failure::Malformed(_) | Failure::Credentials(_) => false,
        }
    }
}

/// Reads a body into one buffer, without a second copy of it at the end. `None`: the server fell silent.
async fn collect(
    response: Response<Body>,
    limit: usize,
    peek: &mut (impl FnMut(&[u8]) + Send),
) -> Result<Option<Vec<u8>>, kube::Error> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    loop {
        let Ok(frame) = timeout(SILENCE, body.frame()).await else { return Ok(None) };
        let Some(frame) = frame else { break };
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
            peek(&bytes);
        }
        if bytes.len() > limit {
            break;
        }
    }
    Ok(Some(bytes))
}

/// `Retry-After` in seconds; the API server knows no other form.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// A path segment, encoded; names come from the command line.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    // Dots alone would be taken for steps in the path.
    match encoded.as_str() {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => encoded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_segment() {
        assert_eq!(segment("web-1.a:b"), "web-1.a:b");
        assert_eq!(segment("../../x?y#z"), "..%2F..%2Fx%3Fy%23z");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
