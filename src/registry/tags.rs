//! The names of all tags of a repository, page by page to the end.

use std::collections::HashSet;

use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use url::Url;

use super::attempt::check_status;
use super::decode::json;
use super::link;
use super::refusal::Refusal;
use super::retry::Budget;
use super::secret::Credential;
use super::transport::{Payload, Reply, Request};
use super::visitor::{Miss, Visitor};
use crate::domain::Reference;

/// The largest page; a thousand tags of the longest kind are an eighth of a MiB.
const PAGE_CAP: usize = 4 * 1024 * 1024;

/// More than any repository has. A list that goes on is generated.
const MOST_TAGS: usize = 200_000;

/// As many pages as that takes with a hundred on each, which is what a registry gives that heeds no wish.
const MOST_PAGES: usize = 2_000;

/// How many tags a page is to have. Docker Hub gives a hundred unless it is asked, others everything at once.
const PAGE_SIZE: &str = "n=1000";

#[derive(Deserialize)]
struct Page {
    name: Option<IgnoredAny>,
    tags: Option<Vec<Value>>,
}

pub(super) fn first_page(visitor: &Visitor<'_>) -> Url {
    let mut url = visitor.url("tags/list");
    url.set_query(Some(PAGE_SIZE));
    url
}

pub(super) fn request(url: Url) -> Request {
    Request {
        method: Method::GET,
        url,
        accept: "application/json",
        authorization: None,
        payload: Payload::Nothing,
        cap: PAGE_CAP,
        is_token: false,
    }
}

/// Reads on from the answer to the first page, with the credential that got it.
pub(super) async fn walk(
    visitor: &Visitor<'_>,
    first: Reply,
    credential: Option<&Credential>,
    budget: &mut Budget,
) -> Result<Vec<String>, Miss> {
    let mut url = first_page(visitor);
    let mut reply = first;
    // Some refuse the number of tags rather than take it as the wish that it is. A 404 that does not name the
    // repository may be such a refusal.
    if reply.status == 400 || (reply.status == 404 && !Refusal::of(&reply).knows_no_repository()) {
        let mut plain = url.clone();
        plain.set_query(None);
        let again = visitor.ask(request(plain.clone()), credential, budget).await?;
        if again.status.is_success() {
            (url, reply) = (plain, again);
        }
    }
    let mut way = Way { asked: HashSet::from([url.clone()]), here: url };
    let mut tags = Tags::default();
    loop {
        let page = check_status(reply)?;
        tags.add(&page.body)?;
        let Some(link) = link::next(&page.headers) else { return Ok(tags.in_order) };
        let next = way.follow(link)?;
        reply = visitor.ask(request(next), credential, budget).await?;
    }
}

/// The pages so far.
struct Way {
    here: Url,
    asked: HashSet<Url>,
}

impl Way {
    fn follow(&mut self, link: &str) -> Result<Url, Miss> {
        let next = self.here.join(link);
        let next = next.map_err(|_| Miss::malformed("its list of tags goes on at an address that is none"))?;
        if next.origin() != self.here.origin() {
            return Err(Miss::malformed("its list of tags goes on at another registry"));
        }
        if !self.asked.insert(next.clone()) {
            return Err(Miss::malformed("its list of tags goes in circles"));
        }
        if self.asked.len() > MOST_PAGES {
            return Err(Miss::malformed(format!("its list of tags has more than {MOST_PAGES} pages")));
        }
        self.here = next.clone();
        Ok(next)
    }
}

#[derive(Default)]
struct Tags {
    in_order: Vec<String>,
    known: HashSet<String>,
}

impl Tags {
    fn add(&mut self, body: &[u8]) -> Result<(), Miss> {
        let page: Page = json(body, "list of tags").map_err(Miss::malformed)?;
        if page.name.is_none() && page.tags.is_none() {
            return Err(Miss::malformed("the list of tags has neither a name nor tags"));
        }
        for tag in page.tags.unwrap_or_default() {
            // What cannot stand in a reference cannot be what anybody means by a tag.
            let Value::String(tag) = tag else { continue };
            if is_tag(&tag) && self.known.insert(tag.clone()) {
                self.in_order.push(tag);
            }
        }
        if self.in_order.len() > MOST_TAGS {
            return Err(Miss::malformed(format!("its list of tags has more than {MOST_TAGS}")));
        }
        Ok(())
    }
}

/// Whether a reference could name it, by the one grammar that there is for references.
fn is_tag(text: &str) -> bool {
    format!("name:{text}").parse().is_ok_and(|reference: Reference| reference.tag() == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::remote::Failure;

    #[test]
    fn what_is_no_tag_and_what_is_there_already_is_left_out() {
        let mut tags = Tags::default();
        tags.add(br#"{"name":"app","tags":["b","a","","-x","a/b","1@sha256:x","a:b",7,null,"a b","b"]}"#).unwrap();
        tags.add(format!(r#"{{"tags":["{}","{}","c","a"]}}"#, "x".repeat(128), "x".repeat(129)).as_bytes()).unwrap();
        tags.add(br#"{"name":"app","tags":null}"#).unwrap();
        assert_eq!(tags.in_order, ["b", "a", &"x".repeat(128), "c"]);
    }

    #[test]
    fn a_list_that_is_none_or_has_no_end_is_malformed() {
        let endless: Vec<_> = (0..=MOST_TAGS).map(|number| number.to_string()).collect();
        for (body, cause) in [
            ("{}".to_owned(), "the list of tags has neither a name nor tags"),
            ("<html>".to_owned(), "a web page instead of the list of tags"),
            (r#"{"tags":7}"#.to_owned(), "the list of tags lacks what every list of tags has"),
            (serde_json::json!({ "tags": endless }).to_string(), "its list of tags has more than 200000"),
        ] {
            let failure = Tags::default().add(body.as_bytes()).unwrap_err();
            assert!(matches!(&failure, Miss::Failed(Failure::Malformed(told)) if told == cause), "{failure:?}");
        }
    }

    #[test]
    fn the_way_through_a_list_has_an_end() {
        let here = Url::parse("https://r.example.com/v2/app/tags/list").unwrap();
        let mut way = Way { asked: HashSet::from([here.clone()]), here };
        for page in 1..MOST_PAGES {
            assert!(way.follow(&format!("?last={page}")).is_ok());
        }
        for (link, cause) in [
            ("?last=x", "its list of tags has more than 2000 pages"),
            ("/v2/app/tags/list?last=1", "its list of tags goes in circles"),
            ("http://r.example.com/v2/app/tags/list", "its list of tags goes on at another registry"),
            ("https://r.example.com:444/v2/app/tags/list", "its list of tags goes on at another registry"),
            ("https://[", "its list of tags goes on at an address that is none"),
        ] {
            let failure = way.follow(link).unwrap_err();
            assert!(matches!(&failure, Miss::Failed(Failure::Malformed(told)) if told == cause), "{failure:?}");
        }
    }
}
