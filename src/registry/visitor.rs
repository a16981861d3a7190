//! One request to a registry with the log-in that the registry is known to want, or asks for in its answer.

use http::StatusCode;
use tokio::time::Instant;
use url::Url;

use super::challenge;
use super::host::{Alone, Host, Right, Scheme};
use super::retry::Budget;
use super::secret::{Credential, Secret, basic};
use super::token::{NoToken, Tokens};
use super::transport::{Reply, Request, Silence, Transport};
use crate::domain::Repository;
use crate::domain::remote::Failure;

/// A token that was held for longer than this may have been valid when it was taken and not any more.
const SURELY_FRESH: std::time::Duration = std::time::Duration::from_secs(10);

/// Why a try came to nothing.
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

impl Miss {
    pub(super) fn malformed(cause: impl Into<String>) -> Self {
        Self::Failed(Failure::Malformed(cause.into()))
    }
}

/// Who goes to one repository, and what for; what is known of the registry is shared by all.
#[derive(Clone, Copy)]
pub(super) struct Visitor<'a> {
    pub(super) transport: &'a Transport,
    pub(super) tokens: &'a Tokens,
    pub(super) host: &'a Host,
    pub(super) repository: &'a Repository,
    pub(super) right: Right,
}

impl Visitor<'_> {
    /// An address of the repository.
    pub(super) fn url(&self, rest: &str) -> Url {
        let mut url = self.host.base();
        let path = format!("{}/v2/{}/{rest}", url.path().trim_end_matches('/'), self.repository.path);
        url.set_path(&path);
        url
    }

    /// The first request to a registry: no credential, and the place to find it may have to be found out.
    pub(super) async fn open(
        &self,
        request: impl Fn() -> Request,
        alone: Alone<'_>,
        budget: &mut Budget,
    ) -> Result<Reply, Silence> {
        // What speaks another protocol will do so on the second try as well.
        budget.broken_is_final = self.host.has_next_base();
        let mut reply = self.transport.send(request(), budget).await;
        let wrong_protocol = |reply: &Result<Reply, Silence>| match reply {
            Ok(reply) => reply.status == StatusCode::BAD_REQUEST,
            Err(Silence::Broken(_)) => true,
            Err(Silence::Failure(failure)) => matches!(failure, Failure::Unreachable(_)),
        };
        if wrong_protocol(&reply) && self.host.next_base() {
            match self.transport.send(request(), budget).await {
                Err(_) => self.host.previous_base(),
                better => reply = better,
            }
        }
        budget.broken_is_final = false;
        if matches!(reply, Err(Silence::Broken(_))) {
            reply = self.transport.send(request(), budget).await;
        }
        if let Ok(reply) = &reply {
            self.learn(reply);
        }
        alone.done();
        reply
    }

    /// A request without any log-in, for what its answer teaches.
    pub(super) async fn knock(&self, request: Request, budget: &mut Budget) -> Result<Reply, Silence> {
        let reply = self.transport.send(request, budget).await?;
        self.learn(&reply);
        Ok(reply)
    }

    /// A request with the log-in that the registry wants, as far as a credential goes.
    pub(super) async fn ask(
        &self,
        request: Request,
        credential: Option<&Credential>,
        budget: &mut Budget,
    ) -> Result<Reply, Miss> {
        let scheme = self.host.scheme(self.right);
        let (authorization, since) = self.authorization(scheme.as_ref(), credential, None, budget).await?;
        let sent = authorization.clone();
        let reply = self.transport.send(Request { authorization, ..request.clone() }, budget).await?;
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
        let (authorization, _) = self.authorization(wanted.as_ref(), credential, not_before, budget).await?;
        if authorization.is_none() || authorization == sent {
            return Ok(reply);
        }
        Ok(self.transport.send(Request { authorization, ..request }, budget).await?)
    }

    /// A request with the log-in that is known; its answer teaches nothing.
    pub(super) async fn tell(
        &self,
        request: Request,
        credential: Option<&Credential>,
        budget: &mut Budget,
    ) -> Result<Reply, Miss> {
        let scheme = self.host.scheme(self.right);
        let (authorization, _) = self.authorization(scheme.as_ref(), credential, None, budget).await?;
        Ok(self.transport.send(Request { authorization, ..request }, budget).await?)
    }

    /// Takes up the challenge of a 401, if it is the registry's own.
    fn learn(&self, reply: &Reply) -> Option<Scheme> {
        if reply.status != StatusCode::UNAUTHORIZED || reply.elsewhere {
            return None;
        }
        let headers = reply.headers.get_all(http::header::WWW_AUTHENTICATE).iter();
        let challenge = challenge::choose(headers.filter_map(|value| value.to_str().ok()));
        let scheme = Scheme::of(challenge?, self.repository, self.right);
        self.host.learn(self.right, scheme.clone());
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
}
