//! Writing tags: whose log-in is shown, for what tokens are asked, and what becomes of the bytes.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::domain::remote::{Document, Failure, PushFailure};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

fn image() -> Document {
    // White space that no serialiser would write: it has to stay.
    let bytes = format!("{{ \"config\" :\n\t{{\"digest\": \"{}\"}} }}\n", hex('c')).into_bytes();
    Document { bytes, media_type: OCI.to_owned() }
}

fn puts(server: &Server) -> Vec<Seen> {
    server.seen().into_iter().filter(|seen| seen.method == "PUT").collect()
}

#[tokio::test]
async fn the_bytes_are_written_as_they_were_read() {
    for (media_type, body) in [
        (OCI, "{ \"config\":{\"digest\":\"x\"},\n \"layers\":[] }"),
        ("application/vnd.docker.distribution.manifest.v2+json", "{\"config\": {} , \"b\":1,\"a\":2}"),
        ("application/vnd.oci.image.index.v1+json", "{\n  \"manifests\" : [ ]\n}\n"),
    ] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "PUT" => created(seen),
            _ => Answer::body(body).header("content-type", media_type),
        })
        .await;
        let registries = registries();
        let document = registries.document(&object(&server, "team/app", &digest_of(body))).await.unwrap();
        assert_eq!((document.bytes.as_slice(), document.media_type.as_str()), (body.as_bytes(), media_type));
        registries.put_tag(&tag(&server, "team/app:1.0-new", Access::default()), &document).await.unwrap();
        let [put] = puts(&server).try_into().unwrap();
        assert_eq!(put.target, "/v2/team/app/manifests/1.0-new");
        assert_eq!((put.body.as_str(), put.header("content-type")), (body, media_type));
        let statistics = registries.statistics();
        assert_eq!((statistics.gets, statistics.writes), (1, 1));
    }
}

#[tokio::test]
async fn a_tag_can_be_asked_for_anew() {
    let heads = AtomicU32::new(0);
    let server = Server::start(move |_| match heads.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::digest(&hex('a')),
        _ => Answer::digest(&hex('b')),
    })
    .await;
    let (registries, tag) = (registries(), tag(&server, "app:1", Access::default()));
    assert_eq!(registries.served(&tag).await, Ok(served(&hex('a'))));
    assert_eq!(registries.served_now(&tag).await, Ok(served(&hex('b'))));
    assert_eq!(registries.served(&tag).await, Ok(served(&hex('a'))));
}

#[tokio::test]
async fn pull_secrets_never_write() {
    let takes_secrets = Server::start(|seen| match seen.header("authorization") {
        known if known == basic("member") && seen.method == "PUT" => created(seen),
        known if known == basic("member") => Answer::digest(&hex('a')),
        _ => Answer::status(401).header("www-authenticate", WANTS_LOGIN),
    })
    .await;
    for server in [takes_secrets, scoped_registry().await] {
        let (_home, registries) = logged_in(&server, &[]);
        let tag = tag(&server, "app:1", access("ns", &["member"]));
        assert_eq!(registries.served(&tag).await, Ok(served(&hex('a'))));
        assert_eq!(registries.put_tag(&tag, &image()).await, Err(PushFailure::Failure(Failure::LoginRequired)));
        let puts = puts(&server);
        assert!(!puts.is_empty() && puts.iter().all(|put| !put.header("authorization").contains(&basic("member"))));
        let pushes = server.seen().into_iter().filter(|seen| seen.target.contains("push"));
        assert!(pushes.into_iter().all(|seen| seen.header("authorization").is_empty()));
    }
}

#[tokio::test]
async fn the_local_login_writes_first_and_nobody_after_it() {
    // Whoever is right; nobody is let in where an account is wrong.
    for (right, accounts, expected, tries) in [
        ("anna", vec![("", "anna")], Ok(()), vec!["anna"]),
        ("anna", vec![("/app", "wrong"), ("", "anna")], Ok(()), vec!["wrong", "anna"]),
        ("", vec![("", "wrong")], Ok(()), vec!["wrong", ""]),
        ("", vec![], Ok(()), vec![""]),
        ("x", vec![], Err(Failure::LoginRequired), vec![""]),
        ("x", vec![("", "wrong")], Err(Failure::Denied { tried: 1 }), vec!["wrong", ""]),
        ("x", vec![("/app", "a"), ("", "b")], Err(Failure::Denied { tried: 2 }), vec!["a", "b", ""]),
    ] {
        let of = |name: &str| if name.is_empty() { String::new() } else { basic(name) };
        let taken = of(right);
        let server = Server::start(move |seen| match seen.header("authorization") == taken {
            true if seen.method == "PUT" => created(seen),
            true => Answer::status(200),
            false => Answer::status(401).header("www-authenticate", WANTS_LOGIN),
        })
        .await;
        let (_home, registries) = logged_in(&server, &accounts);
        let answer = registries.put_tag(&tag(&server, "app:1", access("ns", &["member"])), &image()).await;
        assert_eq!(answer, expected.map_err(PushFailure::Failure), "{accounts:?}");
        let shown: Vec<_> = puts(&server).iter().map(|put| put.header("authorization").to_owned()).collect();
        assert_eq!(shown, tries.into_iter().map(of).collect::<Vec<_>>(), "{accounts:?}");
    }
}

#[tokio::test]
async fn tokens_for_pulls_and_for_pushes_are_kept_apart() {
    let server = scoped_registry().await;
    let (_home, registries) = logged_in(&server, &[("", "anna")]);
    let tag_of = |name: &str| tag(&server, name, Access::default());
    registries.served(&tag_of("app:1")).await.unwrap();
    registries.put_tag(&tag_of("app:2"), &image()).await.unwrap();
    registries.put_tag(&tag_of("app:3"), &image()).await.unwrap();
    registries.served_now(&tag_of("app:2")).await.unwrap();
    registries.served(&tag_of("other:1")).await.unwrap();
    registries.put_tag(&tag_of("other:2"), &image()).await.unwrap();
    assert_eq!(scopes(&server), ["app:pull", "app:pull,push", "other:pull", "other:pull,push"]);
    let puts = puts(&server);
    assert_eq!(puts.len(), 3, "the token for pulls was not tried");
    assert!(puts.iter().all(|put| put.header("authorization").ends_with("pull,push")));
}

#[tokio::test]
async fn a_push_may_come_first_and_pulls_ask_for_no_more_than_they_need() {
    let server = scoped_registry().await;
    let (_home, registries) = logged_in(&server, &[("", "anna")]);
    registries.put_tag(&tag(&server, "app:1", Access::default()), &image()).await.unwrap();
    registries.served(&tag(&server, "app:1", Access::default())).await.unwrap();
    let scopes = scopes(&server);
    let (first, others) = scopes.split_first().unwrap();
    assert!(first == "app:pull,push" && others.iter().all(|scope| scope == "app:pull"), "{scopes:?}");
    assert_eq!(server.lines()[0], "GET /v2/", "what teaches the log-in writes nothing");
    assert_eq!(puts(&server).len(), 1);
}

#[tokio::test]
async fn an_account_that_may_only_read_is_denied_and_goes_on_reading() {
    let server = scoped_registry().await;
    let (_home, registries) = logged_in(&server, &[("", "reader")]);
    let tag_of = |name: &str| tag(&server, name, Access::default());
    let denied = Err(PushFailure::Failure(Failure::Denied { tried: 1 }));
    assert_eq!(registries.put_tag(&tag_of("app:1"), &image()).await, denied);
    assert_eq!(registries.served(&tag_of("app:1")).await, Ok(served(&hex('a'))));
    assert_eq!(registries.served(&tag_of("other:1")).await, Ok(served(&hex('a'))));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_registry() {
    let error = |code: &str, message: &str| serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    let refused = |status, words: &str| PushFailure::Refused { status, words: words.to_owned() };
    for (status, body, expected, requests) in [
        (
            400,
            error("TAG_INVALID", "the tag '1' already exists and cannot be overwritten"),
            PushFailure::Immutable("TAG_INVALID: the tag '1' already exists and cannot be overwritten".to_owned()),
            2,
        ),
        (403, error("DENIED", "tag is immutable"), PushFailure::Immutable("DENIED: tag is immutable".to_owned()), 2),
        (405, error("UNSUPPORTED", "read-only mirror"), refused(405, "UNSUPPORTED: read-only mirror"), 1),
        (415, serde_json::Value::Null, refused(415, ""), 1),
        (404, error("MANIFEST_BLOB_UNKNOWN", "no blob"), refused(404, "MANIFEST_BLOB_UNKNOWN: no blob"), 1),
        (404, error("NAME_UNKNOWN", "no name"), Failure::NotFound.into(), 1),
        (403, error("DENIED", "no"), Failure::Denied { tried: 0 }.into(), 1),
        (500, error("UNKNOWN", "tag is immutable"), Failure::Status(500).into(), 1),
    ] {
        let answer = Answer::saying(status, body.to_string());
        let server = Server::start(move |seen| match seen.method.as_str() {
            "PUT" => answer.clone(),
            _ => Answer::digest(&hex('a')),
        })
        .await;
        let registries = registries();
        let failure = registries.put_tag(&tag(&server, "app:1", Access::default()), &image()).await;
        assert_eq!(failure, Err(expected), "{status}");
        // To knock, to write, and what the tag is now where it may not be changed.
        assert_eq!(server.lines().len(), 1 + requests, "{:?}", server.lines());
    }
}

#[tokio::test]
async fn a_registry_that_stored_other_bytes_is_not_believed() {
    for (header, expected) in [
        (Some(hex('b')), Err(PushFailure::OtherDigest(hex('b').parse().unwrap()))),
        (
            Some("sha256:abc".to_owned()),
            Err(Failure::Malformed("`sha256:abc` as the digest of the tag".to_owned()).into()),
        ),
        (None, Ok(())),
    ] {
        let server = Server::start(move |_| match &header {
            Some(header) => Answer::status(201).header("docker-content-digest", header),
            None => Answer::status(204),
        })
        .await;
        assert_eq!(registries().put_tag(&tag(&server, "app:1", Access::default()), &image()).await, expected);
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_repeated() {
    for fault in [Answer::cut(), Answer::status(503), Answer::status(429).header("retry-after", "0")] {
        let left = AtomicU32::new(2);
        let server = Server::start(move |seen| match seen.method.as_str() {
            "PUT" if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() => {
                fault.clone()
            }
            "PUT" => created(seen),
            _ => Answer::status(200),
        })
        .await;
        assert_eq!(registries().put_tag(&tag(&server, "app:1", Access::default()), &image()).await, Ok(()));
        let puts = puts(&server);
        assert_eq!(puts.len(), 3);
        assert!(puts.iter().all(|put| put.body.as_bytes() == image().bytes));
    }
}

#[tokio::test]
async fn a_tag_that_the_lost_write_made_unchangeable_is_written() {
    let (first, stored) = (AtomicU32::new(1), digest_of(std::str::from_utf8(&image().bytes).unwrap()));
    let server = Server::start(move |seen| match seen.method.as_str() {
        "PUT" if first.swap(0, Ordering::Relaxed) == 1 => Answer::cut(),
        "PUT" => Answer::saying(409, "the tag is immutable"),
        _ => Answer::digest(&stored),
    })
    .await;
    assert_eq!(registries().put_tag(&tag(&server, "app:1", Access::default()), &image()).await, Ok(()));
}

#[tokio::test]
async fn a_write_is_redirected_whole_or_not_at_all() {
    let elsewhere = Server::start(created).await;
    let target = format!("http://{}/there", elsewhere.host);
    for (status, place, expected) in [
        (307, "/here".to_owned(), Ok(())),
        (308, target.clone(), Ok(())),
        (301, "/here".to_owned(), Err("it redirects a write to where nothing would be written")),
        (302, "/here".to_owned(), Err("it redirects a write to where nothing would be written")),
        (303, target.clone(), Err("it redirects a write to where nothing would be written")),
    ] {
        let asked_before = elsewhere.seen().len();
        let server = Server::start(move |seen| match (seen.header("authorization"), seen.target.as_str()) {
            ("", _) => Answer::status(401).header("www-authenticate", WANTS_LOGIN),
            (_, "/here") => created(seen),
            _ => Answer::status(status).header("location", &place),
        })
        .await;
        let (_home, registries) = logged_in(&server, &[("", "anna")]);
        let answer = registries.put_tag(&tag(&server, "app:1", Access::default()), &image()).await;
        let expected = expected.map_err(|cause: &str| Failure::Malformed(cause.to_owned()).into());
        assert_eq!(answer, expected, "{status}");
        let here: Vec<_> = server.seen().into_iter().filter(|seen| seen.target == "/here").collect();
        let there = elsewhere.seen().split_off(asked_before);
        for seen in here.iter().chain(&there) {
            assert_eq!((seen.method.as_str(), seen.body.as_bytes()), ("PUT", image().bytes.as_slice()));
            assert_eq!(seen.header("content-type"), OCI);
        }
        assert!(here.iter().all(|seen| seen.header("authorization") == basic("anna")));
        assert!(there.iter().all(|seen| seen.header("authorization").is_empty()));
        assert_eq!(
            (here.len(), there.len()),
            match status {
                307 => (1, 0),
                308 => (0, 1),
                _ => (0, 0),
            }
        );
    }
}

#[tokio::test]
async fn an_identity_token_writes_whatever_was_read_before() {
    for reads_first in [true, false] {
        let server = Server::start(|seen| match (seen.method.as_str(), seen.header("authorization")) {
            ("POST", _) if seen.body.contains("refresh_token=fresh") => Answer::body(r#"{"access_token":"good"}"#),
            ("PUT", "Bearer good") => created(seen),
            // Everybody may read.
            ("HEAD", _) => Answer::digest(&hex('a')),
            _ => {
                let realm = format!("Bearer realm=\"http://{}/token\"", seen.header("host"));
                Answer::status(401).header("www-authenticate", &realm)
            }
        })
        .await;
        let home = tempfile::tempdir().unwrap();
        let config = serde_json::json!({ "auths": { &server.host: { "auth": "MDA6", "identitytoken": "fresh" } } });
        std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();
        let mut options = options();
        options.environment.docker_config = Some(home.path().to_owned());
        let registries = Registries::new(options, Arc::new(NoCluster));
        let tag = tag(&server, "app:1", Access::default());
        if reads_first {
            assert_eq!(registries.served(&tag).await, Ok(served(&hex('a'))));
        }
        assert_eq!(registries.put_tag(&tag, &image()).await, Ok(()), "{reads_first}");
        let form = server.seen().into_iter().find(|seen| seen.method == "POST").unwrap().body;
        assert!(form.contains("scope=repository%3Aapp%3Apull%2Cpush"), "{form}");
    }
}
