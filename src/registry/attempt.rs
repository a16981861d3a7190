//! One try to read one thing with one credential, and the check that the answer is what was asked for.

use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256, Sha512};

use super::decode::{MANIFEST_TYPES, check_json};
use super::host::Alone;
use super::retry::Budget;
use super::secret::Credential;
use super::tags;
use super::transport::{Payload, Reply, Request};
use super::visitor::{Miss, Visitor};
use crate::domain::Digest;
use crate::domain::remote::Failure;
use crate::text::excerpt;

/// The largest manifest; the distribution specification lets registries refuse larger ones.
const MANIFEST_CAP: usize = 4 * 1024 * 1024;

/// The largest config; real ones stay below 100 kB.
const CONFIG_CAP: usize = 8 * 1024 * 1024;

/// What to look up in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum What {
    Tag(std::sync::Arc<str>),
    Tags,
    Manifest(Digest),
    Config(Digest),
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// A tag's digest.
    Digest(Digest),
    /// The names of all tags.
    Tags(Vec<String>),
    /// A document whose bytes are those of the digest.
    Document { body: Vec<u8>, content_type: Option<String> },
}

/// Who reads, and what.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) visitor: Visitor<'a>,
    pub(super) what: &'a What,
}

impl Asker<'_> {
    /// The first request to a registry: no credential, and the place to find it may have to be found out.
    pub(super) async fn open(&self, alone: Alone<'_>, budget: &mut Budget) -> Result<Found, Miss> {
        let reply = self.visitor.open(|| self.request(self.first_method()), alone, budget).await?;
        self.judge(reply, None, budget).await
    }

    /// A request to a registry that has answered before, with the log-in that it is known to want.
    pub(super) async fn ask(&self, credential: Option<&Credential>, budget: &mut Budget) -> Result<Found, Miss> {
        let reply = self.visitor.ask(self.request(self.first_method()), credential, budget).await?;
        self.judge(reply, credential, budget).await
    }

    fn request(&self, method: Method) -> Request {
        let (place, accept, cap) = match self.what {
            What::Tag(tag) => (format!("manifests/{tag}"), MANIFEST_TYPES.as_str(), MANIFEST_CAP),
            What::Tags => return tags::request(tags::first_page(&self.visitor)),
            What::Manifest(digest) => (format!("manifests/{digest}"), MANIFEST_TYPES.as_str(), MANIFEST_CAP),
            What::Config(digest) => (format!("blobs/{digest}"), "*/*", CONFIG_CAP),
        };
        let url = self.visitor.url(&place);
        Request { method, url, accept, authorization: None, payload: Payload::Nothing, cap, is_token: false }
    }

    fn first_method(&self) -> Method {
        if matches!(self.what, What::Tag(_)) { Method::HEAD } else { Method::GET }
    }

    /// What a reply means, once everything that a log-in can do was done.
    async fn judge(&self, reply: Reply, credential: Option<&Credential>, budget: &mut Budget) -> Result<Found, Miss> {
        match self.what {
            What::Tag(_) => self.digest(reply, credential, budget).await.map(Found::Digest),
            What::Tags => tags::walk(&self.visitor, reply, credential, budget).await.map(Found::Tags),
            What::Manifest(digest) | What::Config(digest) => document(check_status(reply)?, digest),
        }
    }

    async fn digest(&self, reply: Reply, credential: Option<&Credential>, budget: &mut Budget) -> Result<Digest, Miss> {
        if !is_no_answer_to_head(reply.status)
            && let Some(digest) = told_digest(&check_status(reply)?).map_err(Miss::Failed)?
        {
            return Ok(digest);
        }
        let reply = check_status(self.visitor.ask(self.request(Method::GET), credential, budget).await?)?;
        check_json(&reply.body).map_err(Miss::malformed)?;
        Digest::from_sha256_hex(&hex(&Sha256::digest(&reply.body))).map_err(|error| Miss::malformed(error.to_string()))
    }
}

/// Whether a status says of a HEAD alone that it came to nothing. Some registries and caches know no HEAD, and say so in
/// one of these ways; "not found" above all is to be believed only of a GET: what is absent may be written.
fn is_no_answer_to_head(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 404 | 405 | 501)
}

/// The digest that the registry tells beside its answer.
pub(super) fn told_digest(reply: &Reply) -> Result<Option<Digest>, Failure> {
    let Some(told) = reply.header("docker-content-digest").map(str::trim) else { return Ok(None) };
    let no_digest = |_| Failure::Malformed(format!("`{}` as the digest of the tag", excerpt(told, 80)));
    told.parse().map(Some).map_err(no_digest)
}

/// Whether the bytes are those that the digest names.
pub(super) fn names(digest: &Digest, bytes: &[u8]) -> bool {
    let hash = match digest.algorithm() {
        "sha512" => hex(&Sha512::digest(bytes)),
        _ => hex(&Sha256::digest(bytes)),
    };
    hash == digest.hex()
}

pub(super) fn check_status(reply: Reply) -> Result<Reply, Miss> {
    match reply.status.as_u16() {
        200..=299 => Ok(reply),
        401 => Err(Miss::Refused),
        403 => Err(Miss::Forbidden),
        404 => Err(Miss::Missing),
        status => Err(Miss::Failed(Failure::Status(status))),
    }
}

fn document(reply: Reply, digest: &Digest) -> Result<Found, Miss> {
    let content_type = reply.header("content-type").map(str::to_owned);
    if !names(digest, &reply.body) {
        // A page that a proxy put in between is the likelier cause than a forgery: say so if it is one.
        check_json(&reply.body).map_err(Miss::malformed)?;
        return Err(Miss::malformed(format!("the content of {} has another digest", digest.short(12))));
    }
    Ok(Found::Document { body: reply.body, content_type })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
