//! Writing: a manifest under a new tag, and the question whether that would be let.
//!
//! Who writes is the user: with the log-in of this machine, then without any. The pull secrets of the cluster are
//! never shown to a registry for this, even where it would take them: they were given to pull, and whoever may read
//! them through the cluster has not been given the right to push.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::LOCATION;

use super::attempt::{names, told_digest};
use super::host::{Host, Right};
use super::lookup::{Lookups, Tally};
use super::refusal::Refusal;
use super::retry::Budget;
use super::secret::Credential;
use super::transport::{Payload, Reply, Request, Silence};
use super::visitor::{Miss, Visitor};
use crate::domain::Repository;
use crate::domain::inventory::Tag;
use crate::domain::remote::{Document, Failure, PushFailure, PushRight};

/// Answers to writes are short.
const ANSWER_CAP: usize = 1024 * 1024;

impl Lookups {
    pub(super) async fn put_tag(&self, tag: &Tag, document: &Document) -> Result<(), PushFailure> {
        let payload = Payload::Document(Arc::new(document.clone()));
        let put = |visitor: &Visitor<'_>| {
            let url = visitor.url(&format!("manifests/{}", tag.tag));
            Request { method: Method::PUT, url, payload: payload.clone(), ..request(visitor) }
        };
        let admitted = |reply: &Reply| admitted(reply, |refusal| refusal.is_immutability(&tag.repository, &tag.tag));
        let (reply, _) = self.as_pusher(&tag.repository, put, admitted).await?;
        if !reply.status.is_success() {
            let failure = Refusal::of(&reply).failure(&tag.repository, &tag.tag);
            // The write whose connection broke may have been done before it was repeated: then the tag that may not
            // be changed is the very one that was to be.
            let is_done = matches!(failure, PushFailure::Immutable(_))
                && self.served_now(tag).await.is_ok_and(|served| names(&served.digest, &document.bytes));
            return if is_done { Ok(()) } else { Err(failure) };
        }
        match told_digest(&reply)? {
            Some(digest) if !names(&digest, &document.bytes) => Err(PushFailure::OtherDigest(digest)),
            _ => Ok(()),
        }
    }

    /// Begins an upload, which needs the same right as a tag and changes nothing, and ends it at once.
    pub(super) async fn may_push(&self, repository: &Repository) -> PushRight {
        let begin = |visitor: &Visitor<'_>| Request {
            method: Method::POST,
            url: visitor.url("blobs/uploads/"),
            ..request(visitor)
        };
        match self.as_pusher(repository, begin, |reply| admitted(reply, |_| false)).await {
            Ok((reply, credential)) if reply.status.is_success() => {
                self.cancel(repository, &reply, credential.as_ref()).await;
                PushRight::Granted
            }
            Ok((reply, _)) => PushRight::Unknown(Refusal::of(&reply).clause()),
            Err(failure @ (Failure::Denied { .. } | Failure::LoginRequired)) => PushRight::Denied(failure),
            // A push may create it; and who may not may be answered the same.
            Err(failure) => PushRight::Unknown(PushFailure::Failure(failure).clause()),
        }
    }

    /// Ends an upload. Where that fails, the registry ends it some time. Nothing is learned from the answer: many
    /// want the right to delete for this, which nothing else needs.
    async fn cancel(&self, repository: &Repository, reply: &Reply, credential: Option<&Credential>) {
        let Ok(host) = self.host(&repository.registry) else { return };
        let visitor = self.visitor(&host, repository, Right::Push);
        let base = visitor.url("blobs/uploads/");
        let location = reply.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let upload = location.filter(|_| !reply.elsewhere).and_then(|location| base.join(location).ok());
        let Some(url) = upload.filter(|upload| upload.origin() == base.origin()) else { return };
        let end = Request { method: Method::DELETE, url, ..request(&visitor) };
        // No second try, and no wait for one.
        let _ = visitor.tell(end, credential, &mut Budget::new(Duration::ZERO)).await;
    }

    /// The first answer that is more than a refusal of whoever asks, and who asked.
    async fn as_pusher(
        &self,
        repository: &Repository,
        request: impl Fn(&Visitor<'_>) -> Request,
        admitted: impl Fn(&Reply) -> Result<(), Miss>,
    ) -> Result<(Reply, Option<Credential>), Failure> {
        let host = self.host(&repository.registry)?;
        self.as_pusher_at(&host, repository, request, admitted).await.map_err(|failure| host.told(failure))
    }

    async fn as_pusher_at(
        &self,
        host: &Host,
        repository: &Repository,
        request: impl Fn(&Visitor<'_>) -> Request,
        admitted: impl Fn(&Reply) -> Result<(), Miss>,
    ) -> Result<(Reply, Option<Credential>), Failure> {
        let visitor = self.visitor(host, repository, Right::Push);
        let mut budget = Budget::new(self.options.retry_budget);
        let local = self.local.matching(&host.called(repository)).await;
        let mut tally = Tally { problem: local.problem.map(Failure::Login), ..Tally::default() };
        let mut credentials = local.credentials;
        // The way to log in is found out by a request that writes nothing: the log-in comes first.
        let opening = host.opening().await;
        if let Some(alone) = opening {
            visitor.open(|| knock(&visitor), alone, &mut budget).await.map_err(Silence::failure)?;
        } else if host.scheme(Right::Push).is_none() && !credentials.is_empty() {
            visitor.knock(knock(&visitor), &mut budget).await.map_err(Silence::failure)?;
        }
        host.order(&mut credentials);
        for credential in credentials.iter().map(Some).chain([None]) {
            // Who was let in and saw nothing has seen more than nobody would.
            if credential.is_none() && tally.missing {
                break;
            }
            let answer = visitor.ask(request(&visitor), credential, &mut budget).await;
            match answer.and_then(|reply| admitted(&reply).map(|()| reply)) {
                Ok(reply) => return Ok((reply, credential.cloned())),
                Err(Miss::Refused | Miss::Forbidden) if credential.is_some() => tally.refused += 1,
                Err(Miss::Refused) => {}
                Err(Miss::Forbidden) => tally.closed = true,
                Err(Miss::Missing) => tally.missing |= credential.is_some() || tally.refused == 0,
                // A token server may fail for one account only.
                Err(Miss::Failed(failure @ Failure::Login(_))) => tally.problem = tally.problem.or(Some(failure)),
                Err(Miss::Failed(failure)) => return Err(failure),
            }
        }
        Err(tally.failure())
    }
}

/// A request without content, to be filled in.
fn request(visitor: &Visitor<'_>) -> Request {
    Request {
        method: Method::GET,
        url: visitor.host.base(),
        accept: "application/json",
        authorization: None,
        payload: Payload::Nothing,
        cap: ANSWER_CAP,
        is_token: false,
    }
}

/// The request that every registry answers with the log-in that it wants.
fn knock(visitor: &Visitor<'_>) -> Request {
    let mut request = request(visitor);
    let path = format!("{}/v2/", request.url.path().trim_end_matches('/'));
    request.url.set_path(&path);
    request
}

/// Whether an answer is more than a refusal of whoever asked. What is `settled` would be so for anybody.
fn admitted(reply: &Reply, settled: impl Fn(&Refusal) -> bool) -> Result<(), Miss> {
    match reply.status.as_u16() {
        401 => Err(Miss::Refused),
        403 if !settled(&Refusal::of(reply)) => Err(Miss::Forbidden),
        404 if !Refusal::of(reply).lacks_content() => Err(Miss::Missing),
        _ => Ok(()),
    }
}
