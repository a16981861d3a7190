//! Why a connection failed, in words for a person.
//!
//! The HTTP stack nests its errors four deep and prints them for programmers; what a person needs is the
//! innermost fact: the name is unknown, nobody listens, the certificate is not trusted.

use std::error::Error;
use std::io::ErrorKind;

use crate::text::excerpt;

/// What became of a request that got no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no connection to be had; trying again now would end the same way.
    Connect(String),
    /// The connection broke, or what came over it was no HTTP; the next try may do better.
    Broken(String),
}

impl Trouble {
    pub(super) fn of(error: &reqwest::Error, connect_seconds: u64) -> Self {
        let cause = cause(error);
        if error.is_connect() && error.is_timeout() {
            return Self::Connect(format!("no connection within {connect_seconds}s"));
        }
        match cause {
            Some(Cause::Reset(text)) => Self::Broken(text),
            Some(Cause::Fixed(text)) => Self::Connect(text),
            None if error.is_builder() => Self::Connect("the address is not usable".to_owned()),
            None if error.is_connect() => Self::Connect(excerpt(&innermost(error), 160)),
            None => Self::Broken(format!("the connection broke: {}", excerpt(&innermost(error), 160))),
        }
    }
}

enum Cause {
    Fixed(String),
    Reset(String),
}

fn cause(error: &reqwest::Error) -> Option<Cause> {
    let mut chain = Chain(Some(error));
    chain.find_map(|error| {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(Cause::Fixed(tls_words(tls)));
        }
        let io = error.downcast_ref::<std::io::Error>()?;
        Some(match io.kind() {
            ErrorKind::ConnectionRefused => Cause::Fixed("connection refused".to_owned()),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                Cause::Fixed("there is no route to the host".to_owned())
            }
            ErrorKind::PermissionDenied => Cause::Fixed("this machine does not allow the connection".to_owned()),
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                Cause::Reset("the connection was reset".to_owned())
            }
            ErrorKind::UnexpectedEof => Cause::Reset("the connection was closed before the answer".to_owned()),
            // What the resolver fails with has no kind of its own.
            _ if io.to_string().starts_with("failed to lookup address information") => {
                Cause::Fixed("the host name cannot be resolved".to_owned())
            }
            _ => return None,
        })
    })
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::{CertificateError, Error as Tls};
    match error {
        Tls::InvalidCertificate(problem) => {
            let why = match problem {
                CertificateError::UnknownIssuer => "is signed by an authority that is not trusted here",
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "is for another host name"
                }
                CertificateError::Revoked => "is revoked",
                other => return format!("its certificate is not accepted: {}", excerpt(&other.to_string(), 120)),
            };
            format!("its certificate {why}")
        }
        Tls::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        other => format!("TLS failed: {}", excerpt(&other.to_string(), 120)),
    }
}

/// An error and all that it stems from. `io::Error` hides what it wraps from `source`, so both ways are
/// walked.
struct Chain<'a>(Option<&'a (dyn Error + 'static)>);

impl<'a> Iterator for Chain<'a> {
    type Item = &'a (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let error = self.0?;
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        self.0 = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
        Some(error)
    }
}

/// The text at the bottom. The client's own errors are left out: they spell out addresses, and those that a
/// redirect led to are signed.
fn innermost(error: &reqwest::Error) -> String {
    let below = Chain(Some(error)).filter(|error| !error.is::<reqwest::Error>());
    below.last().map_or_else(|| "no further reason was given".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn trouble(url: &str) -> Trouble {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // No proxy: what is to be seen is this machine's own failure.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Trouble::of(&client.get(url).send().await.unwrap_err(), 5)
    }

    /// The address of a server that says the same to everybody, then hangs up.
    async fn saying(bytes: &'static [u8]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(bytes).await;
            }
        });
        address.to_string()
    }

    #[tokio::test]
    async fn the_innermost_fact_is_told() {
        let unknown = trouble("http://no-such-host.invalid/").await;
        assert_eq!(unknown, Trouble::Connect("the host name cannot be resolved".to_owned()));
        let plain = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert_eq!(trouble(&format!("https://{plain}/")).await, Trouble::Connect("it does not speak TLS".to_owned()));
        let other = saying(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        let Trouble::Broken(cause) = trouble(&format!("http://{other}/path?signature=secret")).await else {
            panic!("it may be a passing fault");
        };
        assert!(cause.starts_with("the connection broke: ") && !cause.contains("secret"), "{cause}");
    }
}
