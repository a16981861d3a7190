//! Lists of tags, in pages as registries give them, and tags that only the gateway knows.
//!
//! The gateway makes the pages itself from the upstream's whole list: the registries behind it differ in whether they
//! make any, and a story shall not notice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::BODY_LIMIT;

/// How a list of tags is cut in pages.
#[derive(Debug, Clone, Default)]
pub struct TagPages {
    size: Option<usize>,
    most: Option<usize>,
    ignores_n: bool,
    absolute: bool,
}

impl TagPages {
    /// Everything in one page, unless the client asks for less with `n`.
    #[must_use]
    pub fn whole() -> Self {
        Self::default()
    }

    /// So many tags in a page if the client does not say `n`.
    #[must_use]
    pub fn of(size: usize) -> Self {
        Self { size: Some(size), ..Self::default() }
    }

    /// Never more than so many in a page, whatever `n` says.
    #[must_use]
    pub fn at_most(mut self, most: usize) -> Self {
        self.most = Some(most);
        self
    }

    /// Takes no notice of `n`.
    #[must_use]
    pub fn ignoring_n(mut self) -> Self {
        self.ignores_n = true;
        self
    }

    /// Names the next page by a whole URL instead of a path.
    #[must_use]
    pub fn absolute_links(mut self) -> Self {
        self.absolute = true;
        self
    }
}

/// What the gateway knows about tags beyond the upstream.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pages: Mutex<TagPages>,
    /// For each repository its tags that stand for another tag or digest upstream.
    aliases: Mutex<HashMap<String, BTreeMap<String, String>>>,
}

impl Tags {
    pub(super) fn set_pages(&self, pages: TagPages) {
        *self.pages.lock().unwrap_or_else(PoisonError::into_inner) = pages;
    }

    fn aliases(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<String, String>>> {
        self.aliases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_aliases(&self, repository: &str, target: &str, tags: impl IntoIterator<Item = String>) {
        let mut aliases = self.aliases();
        let of_repository = aliases.entry(repository.to_owned()).or_default();
        of_repository.extend(tags.into_iter().map(|tag| (tag, target.to_owned())));
    }

    /// What an alias stands for.
    pub(super) fn target(&self, repository: &str, tag: &str) -> Option<String> {
        self.aliases().get(repository)?.get(tag).cloned()
    }

    /// A tag that was pushed is the upstream's from then on.
    pub(super) fn forget_alias(&self, repository: &str, tag: &str) {
        if let Some(of_repository) = self.aliases().get_mut(repository) {
            of_repository.remove(tag);
        }
    }

    /// One page of the upstream's whole list.
    pub(super) async fn page(
        &self,
        repository: &str,
        query: &str,
        here: &str,
        whole: Response<Body>,
    ) -> Response<Body> {
        if whole.status() != StatusCode::OK {
            return whole;
        }
        let (mut head, body) = whole.into_parts();
        let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        let list: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let upstream = list["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let aliases = self.aliases().get(repository).cloned().unwrap_or_default();
        let all: BTreeSet<String> = upstream.chain(aliases.into_keys()).collect();

        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let parameter = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|pair| pair.0 == name).map(|pair| pair.1.to_owned()).next_back()
        };
        let asked = parameter("n").filter(|_| !pages.ignores_n).and_then(|number| number.parse().ok());
        let size = asked.or(pages.size).unwrap_or(usize::MAX).min(pages.most.unwrap_or(usize::MAX));
        let last = parameter("last").unwrap_or_default();
        let mut rest = all.into_iter().filter(|tag| last.is_empty() || *tag > last);
        let page: Vec<String> = rest.by_ref().take(size).collect();

        head.headers.remove(header::LINK);
        if let Some(last) = page.last()
            && rest.next().is_some()
        {
            let base = if pages.absolute { here } else { "" };
            let link = format!("<{base}/v2/{repository}/tags/list?last={last}&n={size}>; rel=\"next\"");
            let link = HeaderValue::from_str(&link).expect("tags are valid in headers");
            head.headers.insert(header::LINK, link);
        }
        let body = json!({"name": repository, "tags": page}).to_string();
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        Response::from_parts(head, Body::from(body))
    }
}
