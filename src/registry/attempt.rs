//! One try for one thing with one credential: the request, the log-in that it needs, and the check that the
//! answer is what was asked for.

use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256, Sha512};
use tokio::time::Instant;

use super::challenge;
use super::decode::{MANIFEST_TYPES, check_json};
use super::host::{Alone, Host, Scheme};
use super::retry::Budget;
use super::secret::{Credential, Secret, basic};
use super::token::{NoToken, Tokens};
use super::transport::{Reply, Request, Silence, Transport};
use crate::domain::remote::Failure;
use crate::domain::{Digest, Repository};
use crate::text::excerpt;

/// The largest manifest; the distribution specification lets registries refuse larger ones.
const MANIFEST_CAP: usize = 4 * 1024 * 1024;

/// The largest config; real ones stay below 100 kB.
const CONFIG_CAP: usize = 8 * 1024 * 1024;

/// A token that was held for longer than this may have been valid when it was taken and not any more.
const SURELY_FRESH: std::time::Duration = std::time::Duration::from_secs(10);

/// What to look up in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum What {
    Tag(std::sync::Arc<str>),
    Manifest(Digest),
    Config(Digest),
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// A tag's digest.
    Digest(Digest),
    /// A document whose bytes are those of the digest.
    Document { body: Vec<u8>, content_type: Option<String> },
}

/// Why a try found nothing.
#[derive(Debug)]
pub(super) enum Miss {
    /// 401 or no token: another credential may do.
    Refused,
    /// 403, which does not ask for a log-in: another credential may do all the same.
    Forbidden,
    /// 404: another credential may see more.
    Missing,
    /// No credential will change it.
    Failed(Failure),
}

impl From<Silence> for Miss {
    fn from(silence: Silence) -> Self {
        Self::Failed(silence.failure())
    }
}

/// One registry, and what is shared by all of them.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) transport: &'a Transport,
    pub(super) tokens: &'a Tokens,
    pub(super) host: &'a Host,
    pub(super) repository: &'a Repository,
    pub(super) what: &'a What,
}

impl Asker<'_> {
    /// The first request to a registry: no credential, and the place to find it may have to be found out.
    pub(super) async fn open(&self, alone: Alone<'_>, budget: &mut Budget) -> Result<Found, Miss> {
        // What speaks another protocol will do so on the second try as well.
        budget.broken_is_final = self.host.has_next_base();
        let mut reply = self.send(self.first_method(), None, budget).await;
        let wrong_protocol = |reply: &Result<Reply, Silence>| match reply {
            Ok(reply) => reply.status == StatusCode::BAD_REQUEST,
            Err(Silence::Broken(_)) => true,
            Err(Silence::Failure(failure)) => matches!(failure, Failure::Unreachable(_)),
        };
        if wrong_protocol(&reply) && self.host.next_base() {
            match self.send(self.first_method(), None, budget).await {
                Err(_) => self.host.previous_base(),
                better => reply = better,
            }
        }
        budget.broken_is_final = false;
        if matches!(reply, Err(Silence::Broken(_))) {
            reply = self.send(self.first_method(), None, budget).await;
        }
        if let Ok(reply) = &reply {
            self.learn(reply);
        }
        alone.done();
        self.judge(reply?, None, budget).await
    }

    /// A request to a registry that has answered before, with the log-in that it is known to want.
    pub(super) async fn ask(&self, credential: Option<&Credential>, budget: &mut Budget) -> Result<Found, Miss> {
        let reply = self.ask_with_login(self.first_method(), credential, budget).await?;
        self.judge(reply, credential, budget).await
    }

    async fn ask_with_login(
        &self,
        method: Method,
        credential: Option<&Credential>,
        budget: &mut Budget,
    ) -> Result<Reply, Miss> {
        let scheme = self.host.scheme();
        let (authorization, since) = self.authorization(scheme.as_ref(), credential, None, budget).await?;
        let reply = self.send(method.clone(), authorization, budget).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        // Once more if the registry wants something else than was thought, or if the token has aged. What this
        // very reply asks for counts: another repository may have taught the host another thing meanwhile.
        let wanted = self.learn(&reply).or_else(|| scheme.clone());
        let aged = since.is_some_and(|since| since.elapsed() > SURELY_FRESH);
        if wanted == scheme && !aged {
            return Ok(reply);
        }
        let not_before = aged.then(Instant::now);
        let (authorization, since) = self.authorization(wanted.as_ref(), credential, not_before, budget).await?;
        if authorization.is_none() && since.is_none() {
            return Ok(reply);
        }
        Ok(self.send(method, authorization, budget).await?)
    }

    /// Takes up the challenge of a 401, if it is the registry's own.
    fn learn(&self, reply: &Reply) -> Option<Scheme> {
        if reply.status != StatusCode::UNAUTHORIZED || reply.elsewhere {
            return None;
        }
        let headers = reply.headers.get_all(http::header::WWW_AUTHENTICATE).iter();
        let challenge = challenge::choose(headers.filter_map(|value| value.to_str().ok()));
        let scheme = Scheme::of(challenge?, self.repository);
        self.host.learn(scheme.clone());
        Some(scheme)
    }

    /// The `Authorization` header, and since when its token is held.
    async fn authorization(
        &self,
        scheme: Option<&Scheme>,
        credential: Option<&Credential>,
        not_before: Option<Instant>,
        budget: &mut Budget,
    ) -> Result<(Option<Secret>, Option<Instant>), Miss> {
        let bearer = |token: &Secret| Some(Secret::new(&format!("Bearer {}", token.expose())));
        if let Some(Credential::Bearer(token)) = credential {
            return Ok((bearer(token), None));
        }
        if let Some(wanted) = scheme.and_then(|scheme| scheme.wanted(self.repository)) {
            let base = self.host.base();
            let token = self.tokens.get(self.transport, &base, &wanted, credential, not_before, budget).await;
            return match token {
                Ok(token) => Ok((bearer(&token.secret), Some(token.since))),
                Err(NoToken::Refused) => Err(Miss::Refused),
                Err(NoToken::Failed(failure)) => Err(Miss::Failed(failure)),
            };
        }
        match credential {
            None => Ok((None, None)),
            Some(Credential::Basic { user, password }) => {
                Ok((Some(Secret::new(&format!("Basic {}", basic(user, password).expose()))), None))
            }
            // A refresh token is worth nothing where no token server is.
            Some(Credential::Identity(_) | Credential::Bearer(_)) => Err(Miss::Refused),
        }
    }

    async fn send(&self, method: Method, authorization: Option<Secret>, budget: &mut Budget) -> Result<Reply, Silence> {
        let (kind, name, accept, cap) = match self.what {
            What::Tag(tag) => ("manifests", &**tag, MANIFEST_TYPES.as_str(), MANIFEST_CAP),
            What::Manifest(digest) => ("manifests", digest.as_str(), MANIFEST_TYPES.as_str(), MANIFEST_CAP),
            What::Config(digest) => ("blobs", digest.as_str(), "*/*", CONFIG_CAP),
        };
        let mut url = self.host.base();
        let path = format!("{}/v2/{}/{kind}/{name}", url.path().trim_end_matches('/'), self.repository.path);
        url.set_path(&path);
        self.transport
            .send(Request { method, url, accept, authorization, form: None, cap, is_token: false }, budget)
            .await
    }

    fn first_method(&self) -> Method {
        if matches!(self.what, What::Tag(_)) { Method::HEAD } else { Method::GET }
    }

    /// What a reply means, once everything that a log-in can do was done.
    async fn judge(&self, reply: Reply, credential: Option<&Credential>, budget: &mut Budget) -> Result<Found, Miss> {
        let What::Tag(_) = self.what else { return self.document(check_status(reply)?) };
        // Some registries know no HEAD, and some do not tell the digest: the bytes do.
        if !matches!(reply.status.as_u16(), 405 | 501) {
            let reply = check_status(reply)?;
            if let Some(digest) = reply.header("docker-content-digest") {
                let digest = digest.trim();
                return digest
                    .parse()
                    .map(Found::Digest)
                    .map_err(|_| malformed(format!("`{}` as the digest of the tag", excerpt(digest, 80))));
            }
        }
        let reply = check_status(self.ask_with_login(Method::GET, credential, budget).await?)?;
        check_json(&reply.body).map_err(malformed)?;
        let digest = Digest::from_sha256_hex(&hex(&Sha256::digest(&reply.body)));
        digest.map(Found::Digest).map_err(|error| malformed(error.to_string()))
    }

    fn document(&self, reply: Reply) -> Result<Found, Miss> {
        let (What::Manifest(digest) | What::Config(digest)) = self.what else {
            return Err(malformed("a document where a digest was asked for".to_owned()));
        };
        let content_type = reply.header("content-type").map(str::to_owned);
        let hash = match digest.algorithm() {
            "sha512" => hex(&Sha512::digest(&reply.body)),
            _ => hex(&Sha256::digest(&reply.body)),
        };
        if hash != digest.hex() {
            // A page that a proxy put in between is the likelier cause than a forgery: say so if it is one.
            check_json(&reply.body).map_err(malformed)?;
            return Err(malformed(format!("the content of {} has another digest", digest.short(12))));
        }
        Ok(Found::Document { body: reply.body, content_type })
    }
}

fn check_status(reply: Reply) -> Result<Reply, Miss> {
    match reply.status.as_u16() {
        200..=299 => Ok(reply),
        401 => Err(Miss::Refused),
        403 => Err(Miss::Forbidden),
        404 => Err(Miss::Missing),
        status => Err(Miss::Failed(Failure::Status(status))),
    }
}

fn malformed(cause: String) -> Miss {
    Miss::Failed(Failure::Malformed(cause))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
