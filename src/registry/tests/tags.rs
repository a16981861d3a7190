//! Lists of tags: page by page, and no further than to their registry.

use super::*;
use crate::domain::remote::Failure;

fn repository(server: &Server) -> Repository {
    Repository::parse(&format!("{}/team/app", server.host)).unwrap()
}

async fn tags_of(server: &Server) -> Result<Vec<String>, Failure> {
    registries().tags(&repository(server), &Access::default()).await
}

fn page(tags: &[&str]) -> Answer {
    Answer::body(serde_json::json!({ "name": "team/app", "tags": tags }).to_string())
}

fn malformed<T>(cause: &str) -> Result<T, Failure> {
    Err(Failure::Malformed(cause.to_owned()))
}

#[tokio::test]
async fn a_full_page_is_followed_by_the_next() {
    for absolute in [false, true] {
        let server = Server::start(move |seen| {
            let origin = if absolute { format!("http://{}", seen.header("host")) } else { String::new() };
            let link = |query: &str| format!("<{origin}/v2/team/app/tags/list?{query}>; rel=\"next\"");
            match seen.target.rsplit_once('?').unwrap().1 {
                "n=1000" => page(&["1", "2"]).header("link", &link("last=2&n=1000")),
                "last=2&n=1000" => page(&["3", "2"]).header("link", &link("last=3&n=1000")),
                _ => page(&["4", "not a tag"]),
            }
        })
        .await;
        let registries = registries();
        for _ in 0..2 {
            let tags = registries.tags(&repository(&server), &Access::default()).await.unwrap();
            assert_eq!(tags, ["1", "2", "3", "4"]);
        }
        let list = "GET /v2/team/app/tags/list";
        let asked = [format!("{list}?n=1000"), format!("{list}?last=2&n=1000"), format!("{list}?last=3&n=1000")];
        assert_eq!(server.lines(), asked, "once, however often the list is wanted");
        assert_eq!(registries.statistics().gets, 3);
    }
}

#[tokio::test]
async fn a_list_that_does_not_end_is_not_read_for_ever() {
    let circle = |seen: &Seen| page(&["1"]).header("link", &format!("<{}>; rel=next", seen.target));
    let server = Server::start(circle).await;
    assert_eq!(tags_of(&server).await, malformed("its list of tags goes in circles"));
    assert_eq!(server.lines().len(), 1);

    let server = Server::start(|_| Answer::body(vec![b' '; 5 * 1024 * 1024])).await;
    assert_eq!(tags_of(&server).await, malformed("it is larger than 4 MiB"));
}

#[tokio::test]
async fn a_list_that_goes_on_elsewhere_is_not_followed() {
    let foreign = Server::start(|_| page(&["2"])).await;
    for link in [format!("http://{}/v2/team/app/tags/list", foreign.host), format!("//{}/x", foreign.host)] {
        let server = Server::start(move |seen| match seen.header("authorization") == basic("anna") {
            true => page(&["1"]).header("link", &format!("<{link}>; rel=next")),
            false => Answer::status(401).header("www-authenticate", WANTS_LOGIN),
        })
        .await;
        let registries = Registries::new(options(), Cluster::of(&server));
        let answer = registries.tags(&repository(&server), &access("ns", &["anna"])).await;
        assert_eq!(answer, malformed("its list of tags goes on at another registry"));
    }
    assert!(foreign.seen().is_empty());
}

#[tokio::test]
async fn a_registry_that_refuses_a_number_of_tags_is_asked_without() {
    let error = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
    for (refusal, plain, expected, requests) in [
        (Answer::saying(400, error("PAGINATION_NUMBER_INVALID")), page(&["1"]), Ok(vec!["1".to_owned()]), 2),
        (Answer::status(404), page(&["1"]), Ok(vec!["1".to_owned()]), 2),
        (Answer::status(404), Answer::status(404), Err(Failure::NotFound), 2),
        (Answer::status(404), Answer::status(500), Err(Failure::NotFound), 2),
        (Answer::saying(404, error("NAME_UNKNOWN")), page(&["1"]), Err(Failure::NotFound), 1),
        (Answer::status(400), Answer::status(400), Err(Failure::Status(400)), 2),
        (Answer::status(405), page(&["1"]), Err(Failure::Status(405)), 1),
    ] {
        let server = Server::start(move |seen| match seen.target.ends_with("?n=1000") {
            true => refusal.clone(),
            false => plain.clone(),
        })
        .await;
        assert_eq!(tags_of(&server).await, expected);
        // Bad requests on this machine are tried over TLS too: those do not get as far as being seen.
        assert_eq!(server.lines().len(), requests, "{:?}", server.lines());
    }
}

#[tokio::test]
async fn a_repository_without_tags_has_none() {
    for body in [r#"{"name":"team/app","tags":null}"#, r#"{"name":"team/app"}"#, r#"{"tags":[]}"#] {
        let server = Server::start(move |_| Answer::body(body)).await;
        assert_eq!(tags_of(&server).await, Ok(Vec::new()), "{body}");
    }
}

#[tokio::test]
async fn tags_are_listed_with_whose_secret_may_pull() {
    let server = Server::start(|seen| match seen.header("authorization") == basic("right") {
        true if seen.target.contains("last") => page(&["2"]),
        true => page(&["1"]).header("link", "</v2/team/app/tags/list?last=1>; rel=\"next\""),
        false => Answer::status(401).header("www-authenticate", WANTS_LOGIN),
    })
    .await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let answer = registries.tags(&repository(&server), &access("ns", &["wrong", "right"])).await;
    assert_eq!(answer, Ok(vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(server.lines().len(), 4, "nobody, wrong, right, and right once more");
    let closed = registries.tags(&repository(&server), &access("other", &["wrong"])).await;
    // The service account's secret is tried after the pod's.
    assert_eq!(closed, Err(Failure::Denied { tried: 2 }));
}
