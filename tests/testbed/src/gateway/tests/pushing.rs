//! What a client meets that gives content another tag.

use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::super::{Authentication, Effect, Gateway, GatewayOptions, ImmutableTags, Login, Match, TagPages};
use super::{ask, gateway, header};
use crate::client::{RegistryClient, http_client};
use crate::image::{Image, Manifest};

fn one() -> Manifest {
    Image::new("one").manifest()
}

fn put(gateway: &Gateway, tag: &str, manifest: &Manifest) -> RequestBuilder {
    let url = format!("{}/v2/shop/app/manifests/{tag}", gateway.url());
    http_client().put(url).header("content-type", &manifest.media_type).body(manifest.bytes.clone())
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn serves(gateway: &Gateway, tag: &str) -> bool {
    ask(gateway, Method::HEAD, &format!("/v2/shop/app/manifests/{tag}")).await.unwrap().status() == StatusCode::OK
}

#[tokio::test]
async fn an_upload_can_be_begun_and_given_up_without_a_trace() {
    let gateway = gateway(GatewayOptions::new()).await;
    let begun = ask(&gateway, Method::POST, "/v2/shop/app/blobs/uploads/").await.unwrap();
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let location = header(&begun, "location").to_owned();
    assert!(location.starts_with("/v2/shop/app/blobs/uploads/"), "{location}");
    assert_eq!(ask(&gateway, Method::DELETE, &location).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(ask(&gateway, Method::DELETE, &location).await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(gateway.requests().writes(), 3);
}

#[tokio::test]
async fn a_push_can_be_refused_where_reading_is_not() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when(Match::path("/manifests/").method(Method::PUT), Effect::status(405));
    let refused = put(&gateway, "2.0", &one()).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.json::<Value>().await.unwrap()["errors"][0]["code"], "UNSUPPORTED");
    assert!(serves(&gateway, "1.0").await && !serves(&gateway, "2.0").await);
}

#[tokio::test]
async fn a_rule_can_overlook_the_first_requests() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when_after(2, Match::any().method(Method::PUT), Effect::status(500));
    for (tag, expected) in [("a", 201), ("b", 201), ("c", 500), ("d", 500)] {
        assert_eq!(status(put(&gateway, tag, &one())).await, expected, "{tag}");
    }
}

#[tokio::test]
async fn immutable_tags_are_refused_in_each_registrys_words() {
    let gateway = gateway(GatewayOptions::new()).await;
    let cases = [
        (ImmutableTags::ecr(), 400, "TAG_INVALID"),
        (ImmutableTags::harbor(), 412, "PRECONDITION"),
        (ImmutableTags::hub(), 403, "DENIED"),
        (ImmutableTags::conflict(), 409, "TAG_IMMUTABLE"),
    ];
    let mut other = one();
    other.bytes.push(b'\n');
    for (rule, expected, code) in cases {
        gateway.set_immutable_tags(Some(rule.clone()));
        for manifest in [&one(), &other] {
            let refused = put(&gateway, "1.0", manifest).send().await.unwrap();
            assert_eq!(refused.status().as_u16(), expected, "{code}");
            assert_eq!(refused.json::<Value>().await.unwrap()["errors"][0]["code"], code);
        }
        assert_eq!(status(put(&gateway, code, &one())).await, 201, "a new tag");
        gateway.set_immutable_tags(Some(rule.clone().accepting_same_content()));
        assert_eq!(status(put(&gateway, "1.0", &one())).await, 201, "what it stands for already");
        assert_eq!(status(put(&gateway, "1.0", &other)).await, expected);
        gateway.set_immutable_tags(Some(rule.only("shop/other")));
        assert_eq!(status(put(&gateway, "1.0", &one())).await, 201, "not there");
    }
    gateway.set_immutable_tags(None);
    assert_eq!(status(put(&gateway, "1.0", &other)).await, 201);
}

/// All pages of the tags, by their links.
async fn pages(gateway: &Gateway, first: &str) -> (Vec<usize>, Vec<String>, Vec<String>) {
    let (mut next, mut sizes, mut tags, mut links) = (first.to_owned(), Vec::new(), Vec::new(), Vec::new());
    loop {
        let answer = http_client().get(format!("{}{next}", gateway.url())).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let link = header(&answer, "link").to_owned();
        let list: Value = answer.json().await.unwrap();
        assert_eq!(list["name"], "shop/app");
        let page: Vec<String> =
            list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
        sizes.push(page.len());
        tags.extend(page);
        if link.is_empty() {
            return (sizes, tags, links);
        }
        let target = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        next = target.trim_start_matches(&gateway.url()).to_owned();
        links.push(target);
    }
}

#[tokio::test]
async fn tags_come_in_pages_of_the_size_that_is_asked_for_or_set() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.add_tags("shop/app", "1.0", (0..4).map(|number| format!("1.0-{number}")));
    let list = "/v2/shop/app/tags/list";
    let all = ["1.0", "1.0-0", "1.0-1", "1.0-2", "1.0-3"];
    let cases = [
        (TagPages::whole(), "", vec![5]),
        (TagPages::whole(), "?n=2", vec![2, 2, 1]),
        (TagPages::of(3), "", vec![3, 2]),
        (TagPages::of(3), "?n=4", vec![4, 1]),
        (TagPages::of(5), "", vec![5]),
        (TagPages::of(3).at_most(3), "?n=100", vec![3, 2]),
        (TagPages::of(4).ignoring_n(), "?n=1", vec![4, 1]),
        (TagPages::of(4).absolute_links(), "", vec![4, 1]),
    ];
    for (rule, query, expected) in cases {
        gateway.set_tag_pages(rule.clone());
        let (sizes, tags, links) = pages(&gateway, &format!("{list}{query}")).await;
        assert_eq!(sizes, expected, "{rule:?} {query}");
        assert_eq!(tags, all, "{rule:?} {query}");
        let absolute = format!("{rule:?}").contains("absolute: true");
        assert!(links.iter().all(|link| link.starts_with("http") == absolute), "{links:?}");
    }
    let nothing = ask(&gateway, Method::GET, "/v2/shop/none/tags/list").await.unwrap();
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn added_tags_serve_what_they_were_added_for_until_they_are_pushed() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.add_tags("shop/app", "1.0", (0..5000).map(|number| format!("build-{number}")));
    let head = ask(&gateway, Method::HEAD, "/v2/shop/app/manifests/build-4711").await.unwrap();
    assert_eq!(header(&head, "docker-content-digest"), one().digest());
    assert_eq!(gateway.requests().heads("shop/app", "build-4711"), 1, "as it was asked");
    let client = RegistryClient::new(&gateway.host());
    assert_eq!(client.tags("shop/app").await.unwrap().len(), 5001);
    client.push("shop/app", Some("build-4711"), Image::new("two")).await.unwrap();
    let head = ask(&gateway, Method::HEAD, "/v2/shop/app/manifests/build-4711").await.unwrap();
    assert_eq!(header(&head, "docker-content-digest"), Image::new("two").digest());
    assert_eq!(client.tags("shop/app").await.unwrap().len(), 5001);
    gateway.set_immutable_tags(Some(ImmutableTags::ecr()));
    assert_eq!(status(put(&gateway, "build-1", &one())).await, 400);
}

#[tokio::test]
async fn a_reader_by_password_may_not_push() {
    let login = Login::user("ann", "secret").and_user("rob", "secret").reader("rob").and_user("pia", "secret");
    let login = Authentication::Basic(login.rights("pia", &["pull", "push"]));
    let gateway = gateway(GatewayOptions::new().authentication(login)).await;
    for (user, pushes, uploads, deletes) in [("ann", 201, 202, 204), ("pia", 201, 202, 403), ("rob", 403, 403, 403)] {
        let url = format!("{}/v2/shop/app", gateway.url());
        let with = |request: RequestBuilder| request.basic_auth(user, Some("secret"));
        let manifest = http_client().get(format!("{url}/manifests/1.0")).header("accept", one().media_type);
        assert_eq!(status(with(manifest)).await, 200, "{user}");
        let refused = with(put(&gateway, "2.0", &one())).send().await.unwrap();
        assert_eq!(refused.status().as_u16(), pushes, "{user}");
        if pushes == 403 {
            assert_eq!(refused.json::<Value>().await.unwrap()["errors"][0]["code"], "DENIED");
        }
        let begun = with(http_client().post(format!("{url}/blobs/uploads/"))).send().await.unwrap();
        assert_eq!(begun.status().as_u16(), uploads, "{user}");
        let location = match header(&begun, "location") {
            "" => "/v2/shop/app/blobs/uploads/any".to_owned(),
            location => location.to_owned(),
        };
        let given_up = with(http_client().delete(format!("{}{location}", gateway.url())));
        assert_eq!(status(given_up).await, deletes, "{user}");
    }
}

#[tokio::test]
async fn a_token_holds_no_more_than_its_user_may() {
    let login = Login::user("ann", "secret").and_user("rob", "secret").reader("rob").anonymous("shop/app");
    let gateway = gateway(GatewayOptions::new().authentication(Authentication::Bearer(login))).await;
    let token = async |user: &str| {
        let url = format!("{}/token?service=testbed&scope=repository%3Ashop%2Fapp%3Apull%2Cpush", gateway.url());
        let request = http_client().get(url);
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:secret"));
        let request = if user.is_empty() { request } else { request.header("authorization", format!("Basic {basic}")) };
        request.send().await.unwrap().json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    };
    for (user, pushes) in [("ann", true), ("rob", false), ("", false)] {
        let token = token(user).await;
        let get = http_client().get(format!("{}/v2/shop/app/manifests/1.0", gateway.url()));
        assert_eq!(status(get.header("accept", one().media_type).bearer_auth(&token)).await, 200, "{user}");
        let answer = put(&gateway, "2.0", &one()).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), if pushes { 201 } else { 401 }, "{user}");
        if !pushes {
            let challenge = header(&answer, "www-authenticate");
            let expected = "scope=\"repository:shop/app:pull,push\",error=\"insufficient_scope\"";
            assert!(challenge.ends_with(expected), "{challenge}");
            assert_eq!(answer.json::<Value>().await.unwrap()["errors"][0]["code"], "UNAUTHORIZED");
        }
    }
    let bare = ask(&gateway, Method::POST, "/v2/shop/app/blobs/uploads/").await.unwrap();
    assert!(header(&bare, "www-authenticate").ends_with(",scope=\"repository:shop/app:pull,push\""));
    let bare = ask(&gateway, Method::DELETE, "/v2/shop/app/blobs/uploads/any").await.unwrap();
    assert!(header(&bare, "www-authenticate").ends_with(",scope=\"repository:shop/app:delete\""));
}

#[tokio::test]
async fn a_paused_push_waits_and_what_changed_meanwhile_counts() {
    let gateway = gateway(GatewayOptions::new()).await;
    let mut paused = gateway.pause_at(Match::repository("shop/app").method(Method::PUT));
    let pushing = tokio::spawn(put(&gateway, "2.0", &one()).send());
    paused.reached().await;
    assert!(paused.is_reached() && !serves(&gateway, "2.0").await);
    gateway.require(Authentication::Basic(Login::user("ann", "secret")));
    paused.release();
    assert_eq!(pushing.await.unwrap().unwrap().status(), StatusCode::UNAUTHORIZED);
    gateway.require(Authentication::None);
    assert_eq!(status(put(&gateway, "2.0", &one())).await, 201, "a pause is for one request");
}

#[tokio::test]
async fn a_push_whose_client_was_killed_is_carried_out_or_not_as_the_story_says() {
    let gateway = gateway(GatewayOptions::new()).await;
    let killed_at = async |mut paused: crate::pause::Paused, tag: &str, goes_on: bool| {
        let pushing = tokio::spawn(put(&gateway, tag, &one()).send());
        paused.reached().await;
        pushing.abort();
        // The server shall have seen that nobody is there any more.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if goes_on {
            paused.release()
        } else {
            paused.cut()
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        serves(&gateway, tag).await
    };
    let puts = || Match::any().method(Method::PUT);
    assert!(!killed_at(gateway.pause_at(puts()), "a", false).await);
    assert!(killed_at(gateway.pause_at(puts()), "b", true).await);
    assert!(killed_at(gateway.pause_after(puts()), "c", false).await);
}

#[tokio::test]
async fn connections_can_end_without_an_answer_before_or_after() {
    let gateway = gateway(GatewayOptions::new()).await;
    let puts = || Match::any().method(Method::PUT);
    gateway.when_next(1, puts(), Effect::HangUp);
    assert!(put(&gateway, "a", &one()).send().await.is_err());
    gateway.when_next(1, puts(), Effect::HangUpAfter);
    assert!(put(&gateway, "b", &one()).send().await.is_err());
    let mut paused = gateway.pause_after(puts());
    let pushing = tokio::spawn(put(&gateway, "c", &one()).send());
    paused.reached().await;
    assert!(serves(&gateway, "c").await, "it is carried out already");
    paused.cut();
    assert!(pushing.await.unwrap().is_err());
    assert!(!serves(&gateway, "a").await && serves(&gateway, "b").await);
    assert_eq!(status(put(&gateway, "d", &one())).await, 201);
}

#[tokio::test]
async fn a_registry_that_stops_does_not_carry_out_what_waits() {
    let gateway = gateway(GatewayOptions::new()).await;
    let mut paused = gateway.pause_at(Match::any().method(Method::PUT));
    let pushing = tokio::spawn(put(&gateway, "2.0", &one()).send());
    paused.reached().await;
    gateway.stop().await;
    assert!(pushing.await.unwrap().is_err());
    paused.release();
    tokio::time::sleep(Duration::from_millis(50)).await;
    gateway.restart().await.unwrap();
    assert!(!serves(&gateway, "2.0").await);
    let forgotten = gateway.pause_at(Match::any());
    drop(forgotten);
    assert!(serves(&gateway, "1.0").await, "a pause that was let go of holds nothing");
}
