//! Who is let in: credentials in turn, tokens, and where secrets never go.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::domain::remote::Failure;

const TAG: &str = "app:1";

/// Takes one account, by password with every request.
async fn password_registry(user: &'static str) -> Server {
    Server::start(move |seen| {
        if seen.header("authorization") == basic(user) {
            Answer::digest(&hex('a'))
        } else {
            Answer::status(401).header("www-authenticate", "Basic realm=\"x\"")
        }
    })
    .await
}

/// Issues tokens at `/token` to whom `issues` says, and takes those.
async fn token_registry(issues: impl Fn(&Seen) -> Option<&'static str> + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        if seen.target.starts_with("/token") {
            return match issues(seen) {
                Some(token) => {
                    Answer::body(format!(r#"{{"token":"{token}","expires_in":300}}"#)).after(Duration::from_millis(30))
                }
                None => Answer::status(401),
            };
        }
        if seen.header("authorization").starts_with("Bearer good") {
            return Answer::digest(&hex('a'));
        }
        let path = seen.target.trim_start_matches("/v2/").split("/manifests").next().unwrap_or("");
        let challenge = format!(
            r#"Bearer realm="http://{}/token",service="s",scope="repository:{path}:pull""#,
            seen.header("host")
        );
        Answer::status(401).header("www-authenticate", &challenge)
    })
    .await
}

fn count(server: &Server, start: &str) -> usize {
    server.lines().iter().filter(|line| line.starts_with(start)).count()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_the_second_request_brings_it_unasked() {
    let server = token_registry(|_| Some("good")).await;
    let registries = registries();
    let asks = (0..50).map(|number| {
        let (registries, tag) = (registries.clone(), tag(&server, &format!("app:{number}"), Access::default()));
        async move { registries.served(&tag).await }
    });
    assert!(futures::future::join_all(asks).await.iter().all(|answer| *answer == Ok(served(&hex('a')))));
    assert_eq!(count(&server, "GET /token"), 1, "{:?}", server.lines());
    assert_eq!(count(&server, "HEAD"), 51, "one 401 for the registry, then one for each");
    assert_eq!(registries.statistics().token_requests, 1);
    let token_request = server.lines().into_iter().find(|line| line.contains("/token")).unwrap();
    assert_eq!(token_request, "GET /token?service=s&scope=repository%3Aapp%3Apull");

    // Another repository: a token of its own, and no second 401.
    registries.served(&tag(&server, "other:1", Access::default())).await.unwrap();
    assert_eq!((count(&server, "GET /token"), count(&server, "HEAD")), (2, 52));
}

#[tokio::test]
async fn the_right_secret_may_be_the_second() {
    let server = password_registry("right").await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let tag_of = |name: &str| tag(&server, name, access("ns", &["wrong", "elsewhere", "right"]));
    assert_eq!(registries.served(&tag_of(TAG)).await, Ok(served(&hex('a'))));
    assert_eq!(count(&server, "HEAD"), 3, "nobody, wrong, right");
    // From then on the wrong one comes last.
    assert_eq!(registries.served(&tag_of("app:2")).await, Ok(served(&hex('a'))));
    assert_eq!(count(&server, "HEAD"), 4);
}

#[tokio::test]
async fn the_right_secret_may_be_the_second_where_tokens_are_issued() {
    let server = token_registry(|seen| (seen.header("authorization") == basic("right")).then_some("good")).await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let tag = tag(&server, TAG, access("ns", &["wrong", "right"]));
    assert_eq!(registries.served(&tag).await, Ok(served(&hex('a'))));
    assert_eq!((count(&server, "GET /token"), count(&server, "HEAD")), (2, 2));
}

#[tokio::test]
async fn refusals_say_whether_anything_was_tried() {
    let server = password_registry("nobody").await;
    let cluster = Cluster::of(&server);
    let registries = Registries::new(options(), Arc::clone(&cluster) as Arc<dyn InCluster>);
    let no_account = Access { service_account: "".into(), ..access("ns", &[]) };
    assert_eq!(registries.served(&tag(&server, TAG, no_account)).await, Err(Failure::LoginRequired));
    let two = Access { service_account: "".into(), ..access("ns", &["a", "b"]) };
    assert_eq!(registries.served(&tag(&server, TAG, two)).await, Err(Failure::Denied { tried: 2 }));
    assert_eq!(cluster.account_reads.load(Ordering::Relaxed), 0);
    // With the service account's on top.
    let answer = registries.served(&tag(&server, TAG, access("ns", &["a", "b"]))).await;
    assert_eq!(answer, Err(Failure::Denied { tried: 3 }));
    assert_eq!(cluster.account_reads.load(Ordering::Relaxed), 1);
    assert_eq!(cluster.pod_reads.load(Ordering::Relaxed), 1, "one reading for one set of names");
}

#[tokio::test]
async fn the_service_account_is_asked_only_when_all_else_was_denied() {
    let server = password_registry("robot").await;
    let cluster = Cluster::of(&server);
    let registries = Registries::new(options(), Arc::clone(&cluster) as Arc<dyn InCluster>);
    for name in ["app:1", "app:2"] {
        let answer = registries.served(&tag(&server, name, access("ns", &["wrong"]))).await;
        assert_eq!(answer, Ok(served(&hex('a'))));
    }
    assert_eq!(cluster.account_reads.load(Ordering::Relaxed), 1);

    let open = Server::start(|_| Answer::digest(&hex('a'))).await;
    let cluster = Cluster::of(&open);
    let registries = Registries::new(options(), Arc::clone(&cluster) as Arc<dyn InCluster>);
    registries.served(&tag(&open, TAG, access("ns", &[]))).await.unwrap();
    let missing = Server::start(|_| Answer::status(404)).await;
    assert_eq!(registries.served(&tag(&missing, TAG, access("ns", &[]))).await, Err(Failure::NotFound));
    assert_eq!(cluster.account_reads.load(Ordering::Relaxed), 0);
    assert_eq!((count(&missing, "HEAD"), count(&missing, "GET")), (1, 1), "nothing matches: one try, made sure of");
}

#[tokio::test]
async fn a_bad_secret_does_not_hide_a_public_image() {
    // As Docker Hub does it: a wrong password gets no token, nobody gets one.
    let server = token_registry(|seen| seen.header("authorization").is_empty().then_some("good")).await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let answer = registries.served(&tag(&server, TAG, access("ns", &["expired"]))).await;
    assert_eq!(answer, Ok(served(&hex('a'))));
}

#[tokio::test]
async fn absence_is_believed_only_of_who_may_look() {
    // Hides what is private: 404 to nobody and to strangers.
    let server = Server::start(|seen| match seen.header("authorization") {
        known if known == basic("member") => Answer::digest(&hex('a')),
        bad if bad == basic("expired") => Answer::status(401).header("www-authenticate", "Basic realm=x"),
        _ => Answer::status(404),
    })
    .await;
    for (secrets, expected) in [
        (vec!["stranger", "member"], Ok(served(&hex('a')))),
        (vec!["stranger"], Err(Failure::NotFound)),
        (vec!["expired", "member"], Ok(served(&hex('a')))),
        (vec!["expired"], Err(Failure::Denied { tried: 1 })),
        (vec!["expired", "stranger"], Err(Failure::NotFound)),
        (vec![], Err(Failure::NotFound)),
    ] {
        let registries = Registries::new(options(), Cluster::of(&server));
        let access = Access { service_account: "".into(), ..access("ns", &secrets) };
        assert_eq!(registries.served(&tag(&server, TAG, access)).await, expected, "{secrets:?}");
    }
}

#[tokio::test]
async fn the_local_login_follows_and_may_hold_an_identity_token() {
    let server = token_registry(|seen| {
        let form = "grant_type=refresh_token&client_id=kubectl-freshimage&refresh_token=re%26fresh";
        (seen.method == "POST" && seen.body.starts_with(form)).then_some("good")
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let config = serde_json::json!({ "auths": { &server.host: { "auth": "MDA6", "identitytoken": "re&fresh" } } });
    std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let mut options = options();
    options.environment.docker_config = Some(home.path().to_owned());
    let registries = Registries::new(options, Cluster::of(&server));
    assert_eq!(registries.served(&tag(&server, TAG, access("ns", &["wrong"]))).await, Ok(served(&hex('a'))));
}

#[tokio::test]
async fn a_missing_helper_matters_only_where_nothing_else_opens() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.json"), r#"{"credsStore":"absent"}"#).unwrap();
    let with_helper = || {
        let mut options = options();
        options.environment.docker_config = Some(home.path().to_owned());
        Registries::new(options, Arc::new(NoCluster))
    };
    let open = Server::start(|_| Answer::digest(&hex('a'))).await;
    assert!(with_helper().served(&tag(&open, TAG, Access::default())).await.is_ok());
    let closed = password_registry("anna").await;
    let cause = "credential helper `docker-credential-absent` is not on the PATH".to_owned();
    let answer = with_helper().served(&tag(&closed, TAG, Access::default())).await;
    assert_eq!(answer, Err(Failure::Login(cause)));
}

#[tokio::test]
async fn a_redirect_elsewhere_loses_the_credential() {
    let elsewhere = Server::start(|_| Answer::body(r#"{"os":"linux"}"#)).await;
    let target = format!("http://{}/blob", elsewhere.host);
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/here" => Answer::status(307).header("location", &target),
        _ if seen.header("authorization") != basic("anna") => {
            Answer::status(401).header("www-authenticate", "Basic realm=x")
        }
        _ => Answer::status(307).header("location", "/here"),
    })
    .await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let mut object = object(&server, "app", &digest_of(r#"{"os":"linux"}"#));
    object.access = Arc::new(access("ns", &["anna"]));
    assert!(registries.config(&object).await.is_ok());
    let same_origin = server.seen().into_iter().find(|seen| seen.target == "/here").unwrap();
    assert_eq!(same_origin.header("authorization"), basic("anna"));
    assert_eq!(elsewhere.seen().len(), 1);
    assert_eq!(elsewhere.seen()[0].header("authorization"), "");
}

#[tokio::test]
async fn a_redirect_in_circles_ends() {
    let server = Server::start(|seen| Answer::status(302).header("location", &seen.target)).await;
    let answer = registries().served(&tag(&server, TAG, Access::default())).await;
    assert_eq!(answer, Err(Failure::Malformed("it redirects without end".to_owned())));
    assert_eq!(server.lines().len(), 6);
}

#[tokio::test]
async fn a_challenge_from_elsewhere_gets_no_credential() {
    let thief = Server::start(|seen| {
        let challenge = format!(r#"Bearer realm="http://{}/token",service="s""#, seen.header("host"));
        Answer::status(401).header("www-authenticate", &challenge)
    })
    .await;
    let target = format!("http://{}/v2/app/manifests/1", thief.host);
    let server = Server::start(move |_| Answer::status(307).header("location", &target)).await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let answer = registries.served(&tag(&server, TAG, access("ns", &["anna"]))).await;
    assert!(matches!(answer, Err(Failure::Denied { .. })), "{answer:?}");
    assert!(thief.seen().iter().all(|seen| seen.header("authorization").is_empty()), "{:?}", thief.seen());
}

#[tokio::test]
async fn an_unsafe_token_server_gets_nothing() {
    let challenge = r#"Bearer realm="http://auth.example.com/token",service="s""#;
    let server = Server::start(move |_| Answer::status(401).header("www-authenticate", challenge)).await;
    let registries = Registries::new(options(), Cluster::of(&server));
    let access = Access { service_account: "".into(), ..access("ns", &["anna"]) };
    let answer = registries.served(&tag(&server, TAG, access)).await;
    let cause = "the token server `auth.example.com` would be asked without encryption".to_owned();
    assert_eq!(answer, Err(Failure::Login(cause)));
    assert_eq!(registries.statistics().token_requests, 0);
}

#[tokio::test]
async fn a_broken_token_server_is_named() {
    let challenge = |seen: &Seen| format!(r#"Bearer realm="http://{}/token""#, seen.header("host"));
    for (answer, cause) in [
        (Answer::status(500), "token server `127.0.0.1` answered with status 500"),
        (Answer::body("<html>"), "token server `127.0.0.1` answered without a token"),
        (Answer::body("{}"), "token server `127.0.0.1` answered without a token"),
    ] {
        let server = Server::start(move |seen| match seen.target.starts_with("/token") {
            true => answer.clone(),
            false => Answer::status(401).header("www-authenticate", &challenge(seen)),
        })
        .await;
        let registries = registries();
        for name in ["app:1", "app:2", "app:3"] {
            let answer = registries.served(&tag(&server, name, Access::default())).await;
            assert_eq!(answer, Err(Failure::Login(cause.to_owned())));
        }
        assert_eq!(registries.statistics().token_requests, 1, "one failure answers all");
    }
}

#[tokio::test]
async fn a_registry_that_changes_its_mind_is_followed() {
    let moved = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&moved);
    let server = Server::start(move |seen| {
        let (realm, token) = if now.load(Ordering::Relaxed) { ("new", "new") } else { ("old", "old") };
        if let Some(asked) = seen.target.strip_prefix("/token/") {
            return Answer::body(format!(r#"{{"access_token":"{}"}}"#, asked.split('?').next().unwrap_or("")));
        }
        if seen.header("authorization") == format!("Bearer {token}") {
            return Answer::digest(&hex('a'));
        }
        let challenge = format!(r#"Bearer realm="http://{}/token/{realm}""#, seen.header("host"));
        Answer::status(401).header("www-authenticate", &challenge)
    })
    .await;
    let registries = registries();
    assert!(registries.served(&tag(&server, "app:1", Access::default())).await.is_ok());
    moved.store(true, Ordering::Relaxed);
    assert!(registries.served(&tag(&server, "app:2", Access::default())).await.is_ok());
}

#[tokio::test]
async fn an_expired_token_is_not_used() {
    let server = Server::start(|seen| {
        if seen.target.starts_with("/token") {
            return Answer::body(r#"{"token":"good","expires_in":1}"#);
        }
        if seen.header("authorization") == "Bearer good" {
            return Answer::digest(&hex('a'));
        }
        let challenge = format!(r#"Bearer realm="http://{}/token""#, seen.header("host"));
        Answer::status(401).header("www-authenticate", &challenge)
    })
    .await;
    let registries = registries();
    for (name, tokens) in [("app:1", 1), ("app:2", 1), ("app:3", 2)] {
        if tokens == 2 {
            tokio::time::sleep(Duration::from_millis(800)).await;
        }
        registries.served(&tag(&server, name, Access::default())).await.unwrap();
        assert_eq!(registries.statistics().token_requests, tokens, "{name}");
    }
}
