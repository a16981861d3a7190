mod pushing;

use std::time::{Duration, Instant};

use axum::http::Method;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{Authentication, Authorization, Effect, Gateway, GatewayOptions, Login, Match, Upstream};
use crate::client::{MANIFEST_TYPES, RegistryClient, http_client};
use crate::image::{Image, Index, digest_of};
use crate::registry::RegistryStore;

/// A gateway whose `shop/app:1.0` serves the image "one".
async fn gateway(options: GatewayOptions) -> Gateway {
    let store = RegistryStore::new();
    let gateway = Gateway::start(Upstream::Router(store.router()), options.prefix("story/r1")).await.unwrap();
    let server = store.serve().await.unwrap();
    let client = RegistryClient::new(&server.host());
    client.push("story/r1/shop/app", Some("1.0"), Image::new("one")).await.unwrap();
    gateway
}

async fn ask(gateway: &Gateway, method: Method, path: &str) -> reqwest::Result<Response> {
    let url = format!("{}{path}", gateway.url());
    http_client().request(method, url).header("accept", MANIFEST_TYPES).send().await
}

async fn head(gateway: &Gateway) -> Response {
    ask(gateway, Method::HEAD, "/v2/shop/app/manifests/1.0").await.unwrap()
}

async fn get(gateway: &Gateway) -> Response {
    ask(gateway, Method::GET, "/v2/shop/app/manifests/1.0").await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn any() -> Match {
    Match::any()
}

#[tokio::test]
async fn without_knobs_it_is_the_registry_under_a_prefix() {
    let gateway = gateway(GatewayOptions::new()).await;
    let answer = head(&gateway).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "docker-content-digest"), Image::new("one").digest());
    assert_eq!(header(&answer, "content-length"), Image::new("one").manifest().bytes.len().to_string());
    assert_eq!(digest_of(&get(&gateway).await.bytes().await.unwrap()), Image::new("one").digest());
    let requests = gateway.requests();
    assert_eq!((requests.heads("shop/app", "1.0"), requests.gets("shop/app", "1.0")), (1, 1));
    assert_eq!(requests.all()[0].user_agent(), "testbed");
    assert_eq!(requests.all()[0].authorization, Authorization::None);
    assert_eq!(requests.all()[0].status, Some(StatusCode::OK));
    assert_eq!(requests.writes(), 0);
}

#[tokio::test]
async fn pushes_tags_lists_and_deletes_pass_through() {
    let gateway = gateway(GatewayOptions::new()).await;
    let client = RegistryClient::new(&gateway.host());
    let index = Index::new([Image::new("two")]).with_attestations();
    let digest = client.push("shop/app", Some("2.0"), &index).await.unwrap();
    client.tag("shop/app", "2.0", "2.1").await.unwrap();
    assert_eq!(client.tags("shop/app").await.unwrap(), ["1.0", "2.0", "2.1"]);
    client.delete_manifest("shop/app", &digest).await.unwrap();
    assert_eq!(client.manifest("shop/app", "2.1").await.unwrap_err().status, Some(StatusCode::NOT_FOUND));
    assert_eq!(
        client.manifest("shop/app", &Image::new("two").digest()).await.unwrap().digest(),
        Image::new("two").digest()
    );
    assert_eq!(client.tags("shop/none").await.unwrap_err().status, Some(StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn an_index_is_served_only_to_who_accepts_it() {
    let gateway = gateway(GatewayOptions::new()).await;
    let client = RegistryClient::new(&gateway.host());
    let amd64 = Image::new("two").platform("linux", "amd64", None);
    client.push("shop/app", Some("oci"), Index::new([amd64.clone()])).await.unwrap();
    client.push("shop/app", Some("docker"), Index::new([amd64.clone()]).docker_types()).await.unwrap();
    let narrow = "application/vnd.docker.distribution.manifest.v2+json";
    let ask = |tag: &str| {
        let url = format!("{}/v2/shop/app/manifests/{tag}", gateway.url());
        http_client().head(url).header("accept", narrow).send()
    };
    assert_eq!(ask("oci").await.unwrap().status(), StatusCode::NOT_FOUND);
    let child = ask("docker").await.unwrap();
    assert_eq!(header(&child, "docker-content-digest"), amd64.docker_types().digest());
}

#[tokio::test]
async fn a_status_comes_as_often_as_was_said_with_its_headers() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when_next(2, Match::repository("shop/app"), Effect::status(429).header("Retry-After", "7"));
    for _ in 0..2 {
        let answer = get(&gateway).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (429, "7"));
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], "TOOMANYREQUESTS");
    }
    assert_eq!(head(&gateway).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn rules_are_for_what_they_match_and_can_be_taken_back() {
    let gateway = gateway(GatewayOptions::new()).await;
    let no_head = gateway.when(any().method(Method::HEAD), Effect::status(405));
    gateway.when(Match::repository("shop/other").reference("1.0"), Effect::status(500));
    assert_eq!(head(&gateway).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get(&gateway).await.status(), StatusCode::OK);
    gateway.forgive(no_head);
    assert_eq!(head(&gateway).await.status(), StatusCode::OK);
    let other = ask(&gateway, Method::GET, "/v2/shop/other/manifests/1.0").await.unwrap();
    assert_eq!(other.status(), StatusCode::INTERNAL_SERVER_ERROR);
    gateway.heal();
    let other = ask(&gateway, Method::GET, "/v2/shop/other/manifests/1.0").await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn latency_and_delays_add_up_and_requests_overlap() {
    let gateway = gateway(GatewayOptions::new().latency(Duration::from_millis(60))).await;
    gateway.when(Match::path("/manifests/"), Effect::Delay(Duration::from_millis(60)));
    let started = Instant::now();
    futures::future::join_all((0..5).map(|_| head(&gateway))).await;
    assert!(started.elapsed() >= Duration::from_millis(120));
    assert_eq!(gateway.max_in_flight(), 5);
    gateway.forget_requests();
    assert_eq!((gateway.max_in_flight(), gateway.requests().all().len()), (0, 0));
}

#[tokio::test]
async fn digests_can_be_wrong_garbage_or_missing() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when_next(1, any(), Effect::NoDigest);
    assert_eq!(header(&head(&gateway).await, "docker-content-digest"), "");
    gateway.when_next(1, any(), Effect::GarbageDigest);
    assert_eq!(header(&head(&gateway).await, "docker-content-digest"), "sha256:not-a-digest");
    gateway.when_next(1, any(), Effect::WrongDigest);
    let wrong = get(&gateway).await;
    assert!(header(&wrong, "docker-content-digest").starts_with("sha256:"));
    assert_ne!(header(&wrong, "docker-content-digest"), Image::new("one").digest());
    assert_eq!(digest_of(&wrong.bytes().await.unwrap()), Image::new("one").digest());
}

#[tokio::test]
async fn bodies_can_be_cut_padded_or_huge() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when_next(1, any(), Effect::CutBody);
    assert!(get(&gateway).await.bytes().await.is_err());
    gateway.when_next(1, any(), Effect::PaddedBody(1000));
    let whole = Image::new("one").manifest().bytes.len();
    assert_eq!(get(&gateway).await.bytes().await.unwrap().len(), whole + 1000);
    gateway.when_next(1, any(), Effect::HugeBody(10 << 20));
    let huge = get(&gateway).await;
    assert_eq!(huge.content_length(), None);
    assert_eq!(huge.bytes().await.unwrap().len(), 10 << 20);
}

#[tokio::test]
async fn a_captive_portal_answers_html_with_200() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when(any(), Effect::captive_portal());
    let answer = get(&gateway).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(header(&answer, "content-type").starts_with("text/html"));
}

#[tokio::test]
async fn a_hanging_request_never_ends_and_the_others_do() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.when(any().method(Method::HEAD), Effect::Hang);
    let hanging = tokio::time::timeout(Duration::from_millis(200), head(&gateway));
    assert!(hanging.await.is_err());
    assert_eq!(get(&gateway).await.status(), StatusCode::OK);
    assert_eq!(gateway.requests().all()[0].status, None);
}

#[tokio::test]
async fn it_goes_down_and_comes_back_on_the_same_port() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.stop().await;
    let refused = ask(&gateway, Method::GET, "/v2/").await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    gateway.restart().await.unwrap();
    assert_eq!(head(&gateway).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn basic_login_lets_in_who_knows_the_password() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.require(Authentication::Basic(Login::user("ann", "secret").and_user("bob", "x").only("bob", "shop/other")));
    let answer = head(&gateway).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&answer, "www-authenticate").starts_with("Basic "));
    let client = RegistryClient::new(&gateway.host());
    let status = |client: RegistryClient| async move {
        client.manifest("shop/app", "1.0").await.err().and_then(|failure| failure.status)
    };
    assert_eq!(status(client.clone().login("ann", "secret")).await, None);
    assert_eq!(status(client.clone().login("ann", "wrong")).await, Some(StatusCode::UNAUTHORIZED));
    assert_eq!(status(client.login("bob", "x")).await, Some(StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn bearer_tokens_hold_for_a_scope_and_a_while() {
    let login = Login::user("ann", "secret").anonymous("open/app").lifetime(Duration::from_millis(300));
    let gateway = gateway(GatewayOptions::new().authentication(Authentication::Bearer(login))).await;
    let answer = head(&gateway).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(&answer, "www-authenticate"),
        format!("Bearer realm=\"{}/token\",service=\"testbed\",scope=\"repository:shop/app:pull\"", gateway.url())
    );
    let client = RegistryClient::new(&gateway.host()).login("ann", "secret");
    client.push("shop/app", Some("2.0"), Image::new("two")).await.unwrap();

    let token = |query: &str| {
        let request = http_client().get(format!("{}/token?service=testbed&scope={query}", gateway.url()));
        async move { request.send().await.unwrap().json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned() }
    };
    let with = |token: String, repository: &str| {
        let url = format!("{}/v2/{repository}/manifests/1.0", gateway.url());
        async move {
            let answer =
                http_client().get(url).header("accept", MANIFEST_TYPES).bearer_auth(token).send().await.unwrap();
            (answer.status().as_u16(), header(&answer, "www-authenticate").to_owned())
        }
    };
    let open = token("repository%3Aopen%2Fapp%3Apull").await;
    assert_eq!(with(open.clone(), "open/app").await.0, 404, "let in, and nothing there");
    let (status, challenge) = with(open.clone(), "shop/app").await;
    assert_eq!(status, 401);
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    tokio::time::sleep(Duration::from_millis(350)).await;
    let (status, challenge) = with(open, "open/app").await;
    assert_eq!(status, 401);
    assert!(challenge.contains("invalid_token"), "{challenge}");
    assert!(gateway.requests().tokens() > 1);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post_at_another_address() {
    let login = Login::default().identity_token("refresh me").realm_elsewhere();
    let gateway = gateway(GatewayOptions::new().authentication(Authentication::Bearer(login))).await;
    let challenge = header(&head(&gateway).await, "www-authenticate").to_owned();
    let realm = challenge.split('"').nth(1).unwrap();
    assert!(!realm.contains(&gateway.host()), "{realm}");
    let form = "grant_type=refresh_token&refresh_token=refresh+me&service=testbed&scope=repository%3Ashop%2Fapp%3Apull";
    let answer: Value = http_client().post(realm).body(form).send().await.unwrap().json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let url = format!("{}/v2/shop/app/manifests/1.0", gateway.url());
    let answer = http_client().get(&url).header("accept", MANIFEST_TYPES).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!((gateway.requests().tokens(), gateway.requests_elsewhere().tokens()), (0, 1));
    gateway.revoke_tokens();
    let answer = http_client().get(&url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn blobs_can_be_redirected_to_another_host_which_sees_the_headers() {
    let gateway = gateway(GatewayOptions::new()).await;
    gateway.redirect_blobs(true);
    let digest = Image::new("one").config_digest();
    let answer = ask(&gateway, Method::GET, &format!("/v2/shop/app/blobs/{digest}")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    let target = header(&answer, "location").to_owned();
    let blob = http_client().get(&target).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(digest_of(&blob), digest);
    let elsewhere = gateway.requests_elsewhere();
    assert_eq!(elsewhere.count(|asked| asked.blob() == Some(&digest)), 1);
    assert_eq!(elsewhere.all()[0].authorization, Authorization::None);
}

#[tokio::test]
async fn tls_is_spoken_with_the_authority_that_it_names() {
    let gateway = gateway(GatewayOptions::new().tls().host_name("registry.example.com")).await;
    let untrusting = ask(&gateway, Method::GET, "/v2/").await;
    assert!(untrusting.is_err());
    let authority = reqwest::Certificate::from_pem(gateway.ca_pem().unwrap().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .resolve("registry.example.com", gateway.address())
        .build()
        .unwrap();
    let port = gateway.address().port();
    let url = format!("https://registry.example.com:{port}/v2/shop/app/manifests/1.0");
    let answer = client.get(url).header("accept", MANIFEST_TYPES).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(gateway.requests().all()[0].host(), format!("registry.example.com:{port}"));
}

#[tokio::test]
async fn a_registry_over_http_is_as_good_as_one_in_the_process() {
    let store = RegistryStore::new();
    let server = store.serve().await.unwrap();
    let options = GatewayOptions::new().prefix("story/r2");
    let gateway = Gateway::start(Upstream::Http(server.host()), options).await.unwrap();
    let client = RegistryClient::new(&gateway.host());
    client.push("shop/app", Some("1.0"), Image::new("one")).await.unwrap();
    let answer = head(&gateway).await;
    assert_eq!(header(&answer, "docker-content-digest"), Image::new("one").digest());
    assert_eq!(header(&answer, "content-length"), Image::new("one").manifest().bytes.len().to_string());
    let direct = RegistryClient::new(&server.host());
    assert_eq!(direct.tags("story/r2/shop/app").await.unwrap(), ["1.0"]);
}
