//! Settings that hold from a gateway's start to its end; everything else is a knob.

use std::time::Duration;

use super::authentication::Authentication;

/// What a gateway is to be like.
#[derive(Debug, Clone, Default)]
pub struct GatewayOptions {
    pub(crate) prefix: Option<String>,
    pub(super) tls: bool,
    pub(super) names: Vec<String>,
    pub(super) latency: Duration,
    pub(super) authentication: Authentication,
}

impl GatewayOptions {
    /// Plain http, no login, no faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// TLS with a certificate of an authority of the gateway's own, see [`Gateway::ca_pem`](super::Gateway::ca_pem).
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// One more host name in the certificate.
    #[must_use]
    pub fn host_name(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// How long every answer takes.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The login from the start on.
    #[must_use]
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// What stands before the repositories' names upstream. Gateways with one prefix show the same repositories.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = Some(prefix.to_owned());
        self
    }
}
