//! Why a request to the API server brought nothing, in words for people.
//!
//! kube's own errors print `Debug` text and the same cause three times over; here they are sorted into
//! the few kinds that a person can act on, once, at the edge.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use serde::Deserialize;

use crate::error::AppError;
use crate::text::excerpt;

/// How much of a server's own words is shown.
const WORDS: usize = 300;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered, but not with what was asked for.
    Refused(Box<Refusal>),
    /// Nobody listens there.
    ConnectionRefused { server: String },
    /// Anything else that kept the connection from being made or cut it.
    Unreachable { server: String, why: String, cut: bool },
    /// `--request-timeout` ran out.
    TimedOut { server: String, after: Duration },
    /// The answer is not what the API promises.
    Malformed(String),
    /// The credentials could not be had.
    Credentials(String),
}

/// A `Status` of the API server, or what stands in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) message: String,
    /// A 410 in the middle of paging offers a token to go on with.
    pub(super) go_on: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
    metadata: StatusMetadata,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusMetadata {
    #[serde(rename = "continue")]
    go_on: Option<String>,
}

impl Failure {
    /// From an answer with an error status.
    pub(super) fn answered(code: http::StatusCode, body: &[u8]) -> Self {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let message = if status.message.is_empty() {
            // A proxy in between, which knows nothing of `Status`.
            let words = excerpt(&String::from_utf8_lossy(&body[..body.len().min(2_000)]), 120);
            let code = format!("the server answered {code}");
            if words.is_empty() || words.starts_with('<') { code } else { format!("{code}: {words}") }
        } else {
            excerpt(&status.message, WORDS)
        };
        Self::Refused(Box::new(Refusal {
            code: code.as_u16(),
            reason: status.reason,
            message,
            go_on: status.metadata.go_on.filter(|token| !token.is_empty()),
        }))
    }

    /// What the server would answer if it had been asked.
    pub(super) fn missing(message: impl AsRef<str>) -> Self {
        let message = excerpt(message.as_ref(), WORDS);
        Self::Refused(Box::new(Refusal { code: 404, reason: "NotFound".to_owned(), message, go_on: None }))
    }

    /// From an error of the client, which knows no `Status`.
    pub(super) fn sent(server: &str, error: &kube::Error) -> Self {
        if let kube::Error::Auth(error) = error {
            return Self::Credentials(excerpt(&error.to_string(), WORDS));
        }
        let mut innermost: &(dyn StdError + 'static) = error;
        let mut cut = false;
        loop {
            if let Some(failure) = recognise(server, innermost) {
                return failure;
            }
            let text = innermost.to_string();
            cut |= text.contains("connection closed") || text.contains("connection reset") || text.contains("EOF");
            match next(innermost) {
                Some(source) => innermost = source,
                None => break,
            }
        }
        Self::Unreachable { server: server.to_owned(), why: excerpt(&innermost.to_string(), WORDS), cut }
    }

    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 403)
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 404)
    }

    /// The object is not any more as the request took it to be: a conflict, or a `test` of a JSON patch that failed. The
    /// server words the latter like any other request that it cannot process.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(refusal) if matches!(refusal.code, 409 | 422))
    }

    /// The answer never came, so that nobody knows whether the request was carried out.
    pub(super) fn is_silence(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::ConnectionRefused { .. } | Self::Malformed(_)
        ) || matches!(self, Self::Refused(refusal) if refusal.code >= 500)
    }

    /// An admission webhook cannot say beforehand what it would do.
    pub(super) fn knows_no_dry_run(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.message.contains("does not support dry run"))
    }

    /// The snapshot behind a `continue` token is gone.
    pub(super) fn expired(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) if refusal.code == 410 || refusal.reason == "Expired" => Some(refusal),
            _ => None,
        }
    }

    /// One sentence, without control characters.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Refused(refusal) if refusal.code == 401 => {
                "the server does not accept these credentials (401 Unauthorized)".to_owned()
            }
            Self::Refused(refusal) => refusal.message.clone(),
            Self::ConnectionRefused { server } => {
                format!("the connection to the server {server} was refused")
            }
            Self::Unreachable { server, why, .. } => format!("cannot talk to the server {server}: {why}"),
            Self::TimedOut { server, after } => {
                format!("the server {server} did not answer within {}", seconds(*after))
            }
            Self::Malformed(why) => format!("the server's answer cannot be read: {why}"),
            Self::Credentials(why) => format!("no credentials: {why}"),
        }
    }

    /// The end of a run: what failed, why, and the way out if there is one for everybody. The caller
    /// adds hints that depend on what was asked.
    pub(super) fn into_error(self, message: impl Into<String>) -> AppError {
        let error = AppError::failed(message).because(self.why());
        match self {
            Self::Refused(refusal) if refusal.code == 401 => error
                .hint("log in again, or choose other credentials with `--context` or `--user`; `kubectl config get-contexts` lists them"),
            Self::ConnectionRefused { .. } => error
                .hint("is the cluster running, and is this its address? `kubectl config view --minify` shows what is used; `--context` chooses another"),
            Self::TimedOut { .. } => error.hint("give it more time with `--request-timeout`"),
            Self::Unreachable { .. } => {
                error.hint("check the server's address and the network: `kubectl config view --minify` shows what is used")
            }
            Self::Refused(_) | Self::Malformed(_) | Self::Credentials(_) => error,
        }
    }
}

/// `30s`, `1.5s`.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

/// The next error in the chain. An `io::Error` hides the one that it wraps from `source`.
fn next<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return Some(inner);
    }
    error.source()
}

fn recognise(server: &str, error: &(dyn StdError + 'static)) -> Option<Failure> {
    let unreachable = |why: String, cut| Some(Failure::Unreachable { server: server.to_owned(), why, cut });
    if let Some(error) = error.downcast_ref::<kube::client::AuthError>() {
        return Some(Failure::Credentials(excerpt(&error.to_string(), WORDS)));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return unreachable(tls_words(error), false);
    }
    let error = error.downcast_ref::<io::Error>()?;
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return None;
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Failure::ConnectionRefused { server: server.to_owned() }),
        io::ErrorKind::TimedOut => unreachable("no answer in time".to_owned(), false),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            unreachable("the connection was cut".to_owned(), true)
        }
        _ => None,
    }
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "its certificate is signed by an authority that the kubeconfig does not trust".to_owned()
        }
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "its certificate is for another name; `--tls-server-name` tells which one to expect".to_owned(),
        other => excerpt(&format!("TLS: {other}"), WORDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_the_servers_words() {
        let body = br#"{"kind":"Status","metadata":{},"status":"Failure","message":"deployments.apps \"nope\" not found","reason":"NotFound","code":404}"#;
        let failure = Failure::answered(http::StatusCode::NOT_FOUND, body);
        assert!(failure.is_not_found());
        assert_eq!(failure.why(), "deployments.apps \"nope\" not found");
    }

    #[test]
    fn an_expired_page_offers_a_way_on() {
        let body =
            br#"{"kind":"Status","metadata":{"continue":"abc"},"message":"too old","reason":"Expired","code":410}"#;
        let failure = Failure::answered(http::StatusCode::GONE, body);
        assert_eq!(failure.expired().and_then(|refusal| refusal.go_on.as_deref()), Some("abc"));
    }

    #[test]
    fn a_proxys_page_is_not_shown_as_markup() {
        let failure = Failure::answered(http::StatusCode::BAD_GATEWAY, b"<html><h1>502</h1></html>");
        assert_eq!(failure.why(), "the server answered 502 Bad Gateway");
        let failure = Failure::answered(http::StatusCode::BAD_GATEWAY, b"upstream \x1b[31mdown");
        assert_eq!(failure.why(), "the server answered 502 Bad Gateway: upstream \u{fffd}[31mdown");
    }

    #[test]
    fn the_hint_fits_the_kind() {
        let unauthorized = Failure::answered(http::StatusCode::UNAUTHORIZED, br#"{"message":"Unauthorized"}"#);
        let error = unauthorized.into_error("failed to list pods in namespace `shop`");
        assert_eq!(error.causes, ["the server does not accept these credentials (401 Unauthorized)"]);
        assert!(error.hints[0].starts_with("log in again"));
    }
}
