//! Bearer tokens: fetched once for each (token server, service, scope, credential), kept until they expire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::challenge::Bearer;
use super::retry::Budget;
use super::secret::{Credential, Secret, basic};
use super::transport::{Payload, Request, Transport, may_have_secrets};
use crate::domain::remote::Failure;
use crate::text::excerpt;

/// No token is as long; a server that sends more is none.
const TOKEN_CAP: usize = 1024 * 1024;

/// What the specification says of a token that does not tell.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// Nobody needs a token for longer, and a lifetime of centuries would overflow the clock.
const MAX_LIFETIME: u64 = 24 * 60 * 60;

/// For how long a failed attempt is the answer for all who ask for the same token.
const FAILURE_LIFETIME: Duration = Duration::from_secs(30);

/// A token, and since when it is held.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: Secret,
    pub(super) since: Instant,
}

/// Why there is no token.
#[derive(Debug, Clone)]
pub(super) enum NoToken {
    /// The token server does not take the credential, or grants nobody without one.
    Refused,
    /// It did not do its work.
    Failed(Failure),
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    /// Realm, service and scope.
    wanted: Bearer,
    credential: Option<Credential>,
}

struct Held {
    token: Result<Token, NoToken>,
    until: Instant,
}

type Slot = Arc<tokio::sync::Mutex<Option<Held>>>;

/// The tokens of a run.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<Key, Slot>>);

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<f64>,
}

impl Tokens {
    /// The token for a scope, of the cache or of its server. `registry` is who asked for it. A token held
    /// since before `not_before` is one that the registry has refused.
    pub(super) async fn get(
        &self,
        transport: &Transport,
        registry: &Url,
        wanted: &Bearer,
        credential: Option<&Credential>,
        not_before: Option<Instant>,
        budget: &mut Budget,
    ) -> Result<Token, NoToken> {
        let key = Key { wanted: wanted.clone(), credential: credential.cloned() };
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(key).or_default())
        };
        // Whoever comes while it is being fetched waits here and finds it.
        let mut slot = slot.lock().await;
        if let Some(held) = slot.as_ref()
            && held.until > Instant::now()
            && held.token.as_ref().map_or(true, |token| not_before.is_none_or(|not_before| token.since >= not_before))
        {
            return held.token.clone();
        }
        let fetched = fetch(transport, registry, wanted, credential, budget).await;
        let (token, lifetime) = match fetched {
            Ok((token, lifetime)) => (Ok(token), lifetime),
            Err(error) => (Err(error), FAILURE_LIFETIME),
        };
        *slot = Some(Held { token: token.clone(), until: Instant::now() + lifetime });
        token
    }
}

async fn fetch(
    transport: &Transport,
    registry: &Url,
    wanted: &Bearer,
    credential: Option<&Credential>,
    budget: &mut Budget,
) -> Result<(Token, Duration), NoToken> {
    let since = Instant::now();
    let realm = Url::parse(&wanted.realm)
        .map_err(|_| failed(format!("the token server's address `{}` is none", excerpt(&wanted.realm, 100))))?;
    let server = excerpt(realm.host_str().unwrap_or_default(), 100);
    if !may_have_secrets(&realm, registry) {
        return Err(failed(format!("the token server `{server}` would be asked without encryption")));
    }
    let request = request(realm, wanted, credential);
    let reply = transport.send(request, budget).await.map_err(|silence| match silence.failure() {
        limited @ Failure::RateLimited { .. } => NoToken::Failed(limited),
        other => failed(format!("token server `{server}` {}", other.clause())),
    })?;
    match reply.status.as_u16() {
        200..=299 => {}
        401 | 403 => return Err(NoToken::Refused),
        // How OAuth servers refuse a refresh token (RFC 6749, 5.2).
        400 if matches!(credential, Some(Credential::Identity(_))) => return Err(NoToken::Refused),
        status => return Err(failed(format!("token server `{server}` answered with status {status}"))),
    }
    let no_token = || failed(format!("token server `{server}` answered without a token"));
    let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| no_token())?;
    let secret = [answer.token, answer.access_token].into_iter().flatten().find(|token| !token.is_empty());
    let secret = Secret::new(&secret.ok_or_else(no_token)?);
    Ok((Token { secret, since }, lifetime(answer.expires_in)))
}

/// How long it is used: a little shorter than it is valid, since clocks and ways differ.
fn lifetime(expires_in: Option<f64>) -> Duration {
    let valid = match expires_in {
        // Nonsense is what a server says that does not know; the cast saturates.
        Some(seconds) if seconds >= 1.0 => Duration::from_secs((seconds as u64).min(MAX_LIFETIME)),
        _ => DEFAULT_LIFETIME,
    };
    valid - (valid / 4).min(Duration::from_secs(10))
}

/// GET with the password as the Docker token specification has it; POST of the refresh token as its OAuth
/// sister has it.
fn request(realm: Url, wanted: &Bearer, credential: Option<&Credential>) -> Request {
    let about = [("service", wanted.service.as_deref()), ("scope", wanted.scope.as_deref())];
    let about = about.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let mut request = Request {
        method: Method::GET,
        url: realm,
        accept: "application/json",
        authorization: None,
        payload: Payload::Nothing,
        cap: TOKEN_CAP,
        is_token: true,
    };
    match credential {
        Some(Credential::Identity(token)) => {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("grant_type", "refresh_token")
                .append_pair("client_id", "kubectl-freshimage")
                .append_pair("refresh_token", token.expose())
                .extend_pairs(about)
                .finish();
            request.method = Method::POST;
            request.payload = Payload::Form(Secret::new(&form));
        }
        Some(Credential::Basic { user, password }) => {
            request.url.query_pairs_mut().extend_pairs(about);
            request.authorization = Some(Secret::new(&format!("Basic {}", basic(user, password).expose())));
        }
        // A bearer token is shown to the registry itself and never exchanged.
        Some(Credential::Bearer(_)) | None => {
            request.url.query_pairs_mut().extend_pairs(about);
        }
    }
    request
}

fn failed(cause: String) -> NoToken {
    NoToken::Failed(Failure::Login(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_given_up_before_it_expires() {
        for (told, seconds) in [
            (None, 50.0),
            (Some(300.0), 290.0),
            (Some(4.0), 3.0),
            (Some(0.0), 50.0),
            (Some(-5.0), 50.0),
            (Some(1e300), 86_390.0),
            (Some(f64::NAN), 50.0),
        ] {
            assert!((lifetime(told).as_secs_f64() - seconds).abs() < 0.01, "{told:?}");
        }
    }

    #[test]
    fn the_query_of_the_realm_is_kept() {
        let realm = Url::parse("https://t.example.com/token?account=x").unwrap();
        let wanted =
            Bearer { realm: String::new(), service: Some("a b".into()), scope: Some("repository:a:pull".into()) };
        let request = request(realm, &wanted, None);
        assert_eq!(request.url.query(), Some("account=x&service=a+b&scope=repository%3Aa%3Apull"));
    }
}
