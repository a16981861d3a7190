//! HTTP clients by how much trust a server needs: most share one, so that connections and the system's
//! certificates are shared too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Client};
use url::{Host, Url};

use super::options::{Environment, RegistryOptions};

/// Built when first needed: loading the system's certificates takes longer than many a lookup.
pub(super) struct Clients {
    built: Mutex<HashMap<Trust, Client>>,
    private: Mutex<HashMap<String, bool>>,
    environment: Environment,
    insecure: Vec<String>,
    user_agent: String,
    connect_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Trust {
    /// Plain http on this machine: no proxy, no certificates.
    Loopback,
    /// https on this machine: no proxy.
    LoopbackTls,
    /// The system's authorities.
    System,
    /// Those and the ones that the user filed under this host.
    Private(String),
    /// Whoever answers.
    Anyone { loopback: bool },
}

impl Clients {
    pub(super) fn new(options: &RegistryOptions) -> Self {
        Self {
            built: Mutex::default(),
            private: Mutex::default(),
            environment: options.environment.clone(),
            insecure: options.insecure_registries.clone(),
            user_agent: options.user_agent.clone(),
            connect_timeout: options.connect_timeout,
        }
    }

    /// The client for a server; the error is a clause for a person.
    pub(super) fn client(&self, url: &Url) -> Result<Client, String> {
        let host = host_and_port(url);
        let loopback = is_loopback(url);
        let trust = match (loopback, url.scheme()) {
            _ if self.insecure.contains(&host) => Trust::Anyone { loopback },
            (true, "http") => Trust::Loopback,
            (_, "https") if self.has_private(&host) => Trust::Private(host),
            (true, _) => Trust::LoopbackTls,
            (false, _) => Trust::System,
        };
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = built.get(&trust) {
            return Ok(client.clone());
        }
        let client = self.build(&trust, loopback)?;
        built.insert(trust, client.clone());
        Ok(client)
    }

    fn build(&self, trust: &Trust, loopback: bool) -> Result<Client, String> {
        let mut builder = Client::builder()
            .user_agent(&self.user_agent)
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if loopback {
            builder = builder.no_proxy();
        }
        builder = match trust {
            Trust::Loopback => builder.tls_certs_only([]),
            Trust::LoopbackTls | Trust::System => builder,
            Trust::Anyone { .. } => builder.tls_danger_accept_invalid_certs(true),
            Trust::Private(host) => builder.tls_certs_merge(certificates(&self.environment, host)?),
        };
        builder.build().map_err(|_| "TLS cannot be set up on this machine".to_owned())
    }

    fn has_private(&self, host: &str) -> bool {
        let mut private = self.private.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = private.get(host) {
            return *known;
        }
        let found = !certificate_files(&self.environment, host).is_empty();
        private.insert(host.to_owned(), found);
        found
    }
}

fn certificate_files(environment: &Environment, host: &str) -> Vec<std::path::PathBuf> {
    environment
        .certificate_folders(host)
        .into_iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"))
        .collect()
}

fn certificates(environment: &Environment, host: &str) -> Result<Vec<Certificate>, String> {
    let mut found = Vec::new();
    for path in certificate_files(environment, host) {
        let read = std::fs::read(&path).ok().and_then(|pem| Certificate::from_pem_bundle(&pem).ok());
        // A certificate that was put there and cannot be used is said, rather than a failed handshake later.
        found.extend(read.ok_or_else(|| format!("the certificate file `{}` cannot be read", path.display()))?);
    }
    Ok(found)
}

/// As a registry is named in a reference: the port only where it is not the scheme's own.
fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// This machine, as container tools see it: they speak plain http to it and never ask a proxy.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
