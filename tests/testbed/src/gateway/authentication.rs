//! Logins: none, Basic, or Bearer with a token server, as real registries ask for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use serde_json::json;

use super::record::{Asked, Authorization};
use crate::registry::registry_error;

/// Where a gateway's token server answers.
pub const TOKEN_PATH: &str = "/token";

/// Who may read and write.
#[derive(Debug, Clone, Default)]
pub struct Login {
    users: Vec<(String, String)>,
    limited: Vec<(String, String)>,
    rights: Vec<(String, Vec<String>)>,
    identity_tokens: Vec<String>,
    anonymous: Vec<String>,
    lifetime: Option<Duration>,
    elsewhere: bool,
}

impl Login {
    /// A user who may do everything with every repository.
    #[must_use]
    pub fn user(name: &str, password: &str) -> Self {
        Self::default().and_user(name, password)
    }

    /// One more user who may do everything with every repository.
    #[must_use]
    pub fn and_user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Limits a user to one repository (may be said several times).
    #[must_use]
    pub fn only(mut self, name: &str, repository: &str) -> Self {
        self.limited.push((name.to_owned(), repository.to_owned()));
        self
    }

    /// Leaves a user only these rights, of `pull`, `push` and `delete`. As with the registries' own, whoever pushes asks
    /// for `pull` and `push`, and ending an upload is a `delete`.
    #[must_use]
    pub fn rights(mut self, name: &str, actions: &[&str]) -> Self {
        self.rights.retain(|rights| rights.0 != name);
        self.rights.push((name.to_owned(), actions.iter().map(|action| (*action).to_owned()).collect()));
        self
    }

    /// A user who may only pull.
    #[must_use]
    pub fn reader(self, name: &str) -> Self {
        self.rights(name, &["pull"])
    }

    /// Lets everybody read this repository; `*` stands for all. For Bearer only.
    #[must_use]
    pub fn anonymous(mut self, repository: &str) -> Self {
        self.anonymous.push(repository.to_owned());
        self
    }

    /// An identity (refresh) token that is exchanged for access by `POST`, as credential helpers keep it.
    #[must_use]
    pub fn identity_token(mut self, token: &str) -> Self {
        self.identity_tokens.push(token.to_owned());
        self
    }

    /// How long tokens live; five minutes if it is not said.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Puts the token server on another host and port than the registry.
    #[must_use]
    pub fn realm_elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    fn knows(&self, name: &str, password: &str) -> bool {
        self.users.iter().any(|user| user.0 == name && user.1 == password)
    }

    fn allows(&self, who: Option<&str>, repository: &str, action: &str) -> bool {
        match who {
            None => action == "pull" && self.anonymous.iter().any(|open| open == "*" || open == repository),
            Some(name) => {
                let mut limits = self.limited.iter().filter(|limit| limit.0 == name).peekable();
                let may = self
                    .rights
                    .iter()
                    .filter(|rights| rights.0 == name)
                    .all(|rights| rights.1.iter().any(|one| one == action));
                may && (limits.peek().is_none() || limits.any(|limit| limit.1 == repository))
            }
        }
    }
}

/// What a gateway asks of its clients.
#[derive(Debug, Clone, Default)]
pub enum Authentication {
    /// Nothing.
    #[default]
    None,
    /// Name and password with every request.
    Basic(Login),
    /// A token from the token server.
    Bearer(Login),
}

#[derive(Debug)]
struct Grant {
    until: Instant,
    /// Repository and action.
    scopes: Vec<(String, String)>,
}

/// The door: what is asked now, and the tokens given out.
#[derive(Debug, Default)]
pub(super) struct Door {
    asks: Mutex<Authentication>,
    grants: Mutex<HashMap<String, Grant>>,
}

impl Door {
    pub(super) fn require(&self, authentication: Authentication) {
        *self.asks.lock().unwrap_or_else(PoisonError::into_inner) = authentication;
    }

    /// Makes every token that was given out worthless.
    pub(super) fn revoke(&self) {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn asks(&self) -> Authentication {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the request in, or tells the answer that keeps it out.
    pub(super) fn enter(&self, asked: &Asked, here: &str, elsewhere: &str) -> Result<(), Box<Response<Body>>> {
        // What a method needs, in the words of scopes.
        let (action, actions) = match asked.method {
            Method::GET | Method::HEAD => ("pull", "pull"),
            Method::DELETE => ("delete", "delete"),
            _ => ("push", "pull,push"),
        };
        match self.asks() {
            Authentication::None => Ok(()),
            Authentication::Basic(login) => {
                let Authorization::Basic { user, password } = &asked.authorization else {
                    return Err(challenge("Basic realm=\"testbed\"", "authentication required"));
                };
                if !login.knows(user, password) {
                    return Err(challenge("Basic realm=\"testbed\"", "authentication required"));
                }
                match asked.repository() {
                    Some(repository) if !login.allows(Some(user), repository, action) => Err(Box::new(registry_error(
                        StatusCode::FORBIDDEN,
                        "DENIED",
                        "requested access to the resource is denied",
                    ))),
                    _ => Ok(()),
                }
            }
            Authentication::Bearer(login) => {
                let realm = if login.elsewhere { elsewhere } else { here };
                let mut challenge_text = format!("Bearer realm=\"{realm}{TOKEN_PATH}\",service=\"testbed\"");
                if let Some(repository) = asked.repository() {
                    challenge_text.push_str(&format!(",scope=\"repository:{repository}:{actions}\""));
                }
                let Authorization::Bearer(token) = &asked.authorization else {
                    return Err(challenge(&challenge_text, "authentication required"));
                };
                let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(grant) = grants.get(token).filter(|grant| grant.until > Instant::now()) else {
                    challenge_text.push_str(",error=\"invalid_token\"");
                    return Err(challenge(&challenge_text, "authentication required"));
                };
                let Some(repository) = asked.repository() else {
                    return Ok(());
                };
                if grant.scopes.iter().any(|scope| scope.0 == repository && scope.1 == action) {
                    return Ok(());
                }
                challenge_text.push_str(",error=\"insufficient_scope\"");
                Err(challenge(&challenge_text, "requested access to the resource is denied"))
            }
        }
    }

    /// Answers a request to the token server, by `GET` with Basic or without anything, or by `POST` with a form.
    pub(super) fn token(&self, asked: &Asked, body: &[u8]) -> Response<Body> {
        let Authentication::Bearer(login) = self.asks() else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let form = if asked.method == Method::POST { body } else { asked.query.as_bytes() };
        let fields = parse_form(&String::from_utf8_lossy(form));
        let field = |name: &str| fields.iter().find(|field| field.0 == name).map_or("", |field| field.1.as_str());
        let denied = || challenge("Basic realm=\"testbed\"", "incorrect username or password");

        let who = if asked.method == Method::POST {
            match field("grant_type") {
                "refresh_token" if login.identity_tokens.iter().any(|token| token == field("refresh_token")) => {
                    Some("<token>".to_owned())
                }
                "password" if login.knows(field("username"), field("password")) => Some(field("username").to_owned()),
                _ => return *denied(),
            }
        } else {
            match &asked.authorization {
                Authorization::None => None,
                Authorization::Basic { user, password } if login.knows(user, password) => Some(user.clone()),
                _ => return *denied(),
            }
        };
        let mut scopes = Vec::new();
        for scope in fields.iter().filter(|field| field.0 == "scope").flat_map(|field| field.1.split(' ')) {
            let mut parts = scope.splitn(3, ':');
            if let (Some("repository"), Some(repository), Some(actions)) = (parts.next(), parts.next(), parts.next()) {
                for action in actions.split(',').filter(|action| login.allows(who.as_deref(), repository, action)) {
                    scopes.push((repository.to_owned(), action.to_owned()));
                }
            }
        }
        let lifetime = login.lifetime.unwrap_or(Duration::from_secs(300));
        let token = format!("token-{}", uuid::Uuid::new_v4().simple());
        let grant = Grant { until: Instant::now() + lifetime, scopes };
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), grant);
        let mut answer = json!({
            "access_token": token,
            "expires_in": lifetime.as_secs().max(1),
            "issued_at": jiff::Timestamp::now().to_string(),
        });
        if asked.method != Method::POST {
            answer["token"] = json!(token);
        }
        axum::Json(answer).into_response()
    }
}

fn challenge(text: &str, message: &str) -> Box<Response<Body>> {
    let mut response = registry_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
    let value = HeaderValue::from_str(text).expect("repository names are valid in headers");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    Box::new(response)
}

/// `a=b&c=d` with percent and plus escapes.
fn parse_form(text: &str) -> Vec<(String, String)> {
    let unescape = |part: &str| {
        let bytes = part.as_bytes();
        let mut plain = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let escaped = (bytes[at] == b'%').then(|| part.get(at + 1..at + 3)).flatten();
            match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    plain.push(byte);
                    at += 3;
                }
                None => {
                    plain.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&plain).into_owned()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (unescape(key), unescape(value)))
        .collect()
}
