//! Requests and answers: how many, how large, how long, and where to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::*;
use crate::domain::remote::{Failure, Manifest};

#[tokio::test]
async fn a_hundred_askers_are_one_head() {
    let server = Server::start(|_| Answer::digest(&hex('a')).after(Duration::from_millis(20))).await;
    let registries = Registries::new(options(), Cluster::of(&server));
    // Different namespaces, and secrets that match nothing: still one question.
    let asks = (0..100).map(|number| {
        let access = access(&format!("ns-{}", number % 10), if number % 2 == 0 { &["elsewhere"] } else { &[] });
        let (registries, tag) = (registries.clone(), tag(&server, "app:1.0", access));
        async move { registries.served(&tag).await }
    });
    for answer in futures::future::join_all(asks).await {
        assert_eq!(answer, Ok(served(&hex('a'))));
    }
    assert_eq!(server.lines(), ["HEAD /v2/app/manifests/1.0"]);
    assert_eq!((registries.statistics().heads, registries.statistics().gets), (1, 0));
    let seen = &server.seen()[0];
    for media_type in ["oci.image.index", "oci.image.manifest", "docker.distribution.manifest.list", "manifest.v2"] {
        assert!(seen.header("accept").contains(media_type), "{seen:?}");
    }
    assert!(seen.header("user-agent").starts_with("kubectl-freshimage/"));
}

#[tokio::test]
async fn without_the_header_the_bytes_are_the_digest() {
    let body = r#"{"schemaVersion":2}"#;
    for refused in [200, 400, 404, 405, 501] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            // What stands beside a refusal is no digest of anything.
            "HEAD" if refused != 200 => Answer::status(refused).header("docker-content-digest", &hex('e')),
            "HEAD" => Answer::status(refused),
            _ => Answer::body(body),
        })
        .await;
        assert_eq!(registries().served(&tag(&server, "app:1", Access::default())).await, Ok(served(&digest_of(body))));
        assert_eq!(server.lines(), ["HEAD /v2/app/manifests/1", "GET /v2/app/manifests/1"]);
        assert_eq!(server.seen()[1].header("accept-encoding"), "identity");
    }
}

#[tokio::test]
async fn a_refused_head_is_its_own_answer() {
    for (status, failure) in [
        (401, Failure::LoginRequired),
        (403, Failure::Denied { tried: 0 }),
        (418, Failure::Status(418)),
        (429, Failure::RateLimited { retry_after: Some(3600), remaining: None }),
        (500, Failure::Status(500)),
    ] {
        let server = Server::start(move |_| Answer::status(status).header("retry-after", "3600")).await;
        assert_eq!(registries().served(&tag(&server, "app:1", Access::default())).await, Err(failure));
        assert_eq!(server.lines(), ["HEAD /v2/app/manifests/1"], "{status}");
    }
}

#[tokio::test]
async fn what_a_head_did_not_find_is_missing_only_if_a_get_says_so() {
    for (head, get, failure) in [
        (404, 404, Failure::NotFound),
        (405, 404, Failure::NotFound),
        (404, 401, Failure::LoginRequired),
        (404, 403, Failure::Denied { tried: 0 }),
        (404, 500, Failure::Status(500)),
        (501, 405, Failure::Status(405)),
        (404, 429, Failure::RateLimited { retry_after: Some(3600), remaining: None }),
    ] {
        let server = Server::start(move |seen| {
            Answer::status(if seen.method == "HEAD" { head } else { get }).header("retry-after", "3600")
        })
        .await;
        assert_eq!(registries().served(&tag(&server, "app:1", Access::default())).await, Err(failure));
        assert_eq!(server.lines(), ["HEAD /v2/app/manifests/1", "GET /v2/app/manifests/1"], "{head} {get}");
    }
}

#[tokio::test]
async fn what_is_no_digest_or_no_manifest_is_malformed() {
    for (header, body, expected) in [
        (Some("sha256:abc"), "", "`sha256:abc` as the digest of the tag"),
        (None, "<html>log in</html>", "a web page instead of the manifest"),
        (None, "", "the manifest is no JSON object"),
    ] {
        let server = Server::start(move |_| match header {
            Some(header) => Answer::digest(header),
            None => Answer::body(body),
        })
        .await;
        let answer = registries().served(&tag(&server, "app:1", Access::default())).await;
        assert_eq!(answer, Err(Failure::Malformed(expected.to_owned())));
    }
}

#[tokio::test]
async fn a_document_is_what_its_digest_says() {
    let manifest = format!(r#"{{"config":{{"digest":"{}"}}}}"#, hex('c'));
    let (right, config) = (digest_of(&manifest), r#"{"os":"linux","architecture":"amd64"}"#);
    let server = Server::start(move |seen| match seen.target.split_once("/v2/app/") {
        Some((_, blob)) if blob.starts_with("blobs/") => Answer::body(config),
        _ => Answer::body(manifest.clone()),
    })
    .await;
    let registries = registries();
    let found = registries.manifest(&object(&server, "app", &right)).await;
    assert!(matches!(&found, Ok(Manifest::Image { config, .. }) if config.as_str() == hex('c')), "{found:?}");
    let wrong = registries.manifest(&object(&server, "app", &hex('b'))).await;
    assert_eq!(wrong, Err(Failure::Malformed("the content of sha256:bbbbbbbbbbbb has another digest".to_owned())));
    let found = registries.config(&object(&server, "app", &digest_of(config))).await.unwrap();
    assert_eq!(found.platform.unwrap().to_string(), "linux/amd64");
    assert!(registries.config(&object(&server, "app", &hex('b'))).await.is_err());
}

#[tokio::test]
async fn a_body_ends_at_its_cap() {
    let server = Server::start(|_| Answer::body(vec![b' '; 5 * 1024 * 1024])).await;
    let answer = registries().manifest(&object(&server, "app", &hex('a'))).await;
    assert_eq!(answer, Err(Failure::Malformed("it is larger than 4 MiB".to_owned())));
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for_but_not_for_ever() {
    let left = AtomicU32::new(1);
    let server =
        Server::start(move |_| match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) {
            Ok(_) => Answer::status(429).header("retry-after", "1"),
            Err(_) => Answer::digest(&hex('a')),
        })
        .await;
    let start = Instant::now();
    assert_eq!(registries().served(&tag(&server, "app:1", Access::default())).await, Ok(served(&hex('a'))));
    assert!(start.elapsed() >= Duration::from_secs(1) && server.lines().len() == 2);

    let server =
        Server::start(|_| Answer::status(429).header("retry-after", "3600").header("ratelimit-remaining", "0;w=21600"))
            .await;
    let answer = registries().served(&tag(&server, "app:1", Access::default())).await;
    let limited = Failure::RateLimited { retry_after: Some(3600), remaining: Some("0;w=21600".to_owned()) };
    assert_eq!(answer, Err(limited));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn what_passes_is_tried_again_twice() {
    for (fault, failure) in [
        (Answer::status(503), Failure::Status(503)),
        (Answer::status(429), Failure::RateLimited { retry_after: None, remaining: None }),
    ] {
        let server = Server::start(move |_| fault.clone()).await;
        assert_eq!(registries().served(&tag(&server, "app:1", Access::default())).await, Err(failure));
        assert_eq!(server.lines().len(), 3);
    }
    let left = AtomicU32::new(2);
    let server = Server::start(move |seen| {
        let cut = seen.target.contains("flaky")
            && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if cut { Answer::cut() } else { Answer::digest(&hex('a')) }
    })
    .await;
    let registries = registries();
    for name in ["app:1", "flaky:1"] {
        let answer = registries.served(&tag(&server, name, Access::default())).await;
        assert_eq!(answer, Ok(served(&hex('a'))), "{name}");
    }
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn a_registry_that_never_answers_is_not_waited_for_by_everybody() {
    let server = Server::start(|_| Answer::status(200).after(Duration::from_secs(60))).await;
    let options = RegistryOptions { request_timeout: Duration::from_millis(300), per_host_limit: 16, ..options() };
    let registries = Registries::new(options, Arc::new(NoCluster));
    let asks = (0..60).map(|number| {
        let (registries, tag) = (registries.clone(), tag(&server, &format!("app{number}:1"), Access::default()));
        tokio::spawn(async move { registries.served(&tag).await })
    });
    for answer in futures::future::join_all(asks).await {
        assert_eq!(answer.unwrap(), Err(Failure::TimedOut(1)));
    }
    // The first alone, then as many as may be under way at a time. It takes three to give up: one more may take the
    // place of the second before the third is through.
    let heads = registries.statistics().heads;
    assert!((17..=18).contains(&heads), "{heads}");
}

#[tokio::test]
async fn a_slow_answer_harms_no_other() {
    let server = Server::start(|seen| {
        let slow = seen.target.contains("slow");
        Answer::digest(&hex('a')).after(Duration::from_millis(if slow { 5000 } else { 0 }))
    })
    .await;
    let options = RegistryOptions { request_timeout: Duration::from_secs(1), ..options() };
    let registries = Registries::new(options, Arc::new(NoCluster));
    let (slow, quick) = (tag(&server, "slow:1", Access::default()), tag(&server, "quick:1", Access::default()));
    let (slow, quick) = tokio::join!(registries.served(&slow), registries.served(&quick));
    assert_eq!((slow, quick), (Err(Failure::TimedOut(1)), Ok(served(&hex('a')))));
}

#[tokio::test]
async fn a_registry_that_is_down_is_found_out_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let registries = registries();
    for number in 0..20 {
        let repository = Repository::parse(&format!("{host}/app{number}")).unwrap();
        let tag = Tag { repository, tag: "1".into(), access: Arc::default() };
        assert_eq!(registries.served(&tag).await, Err(Failure::Unreachable("connection refused".to_owned())));
    }
    // Plain http and https, once each.
    assert_eq!(registries.statistics().heads, 2);
}

#[tokio::test]
async fn no_more_than_the_limit_are_under_way() {
    let (under_way, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (a, b) = (Arc::clone(&under_way), Arc::clone(&most));
    let server = Server::start(move |_| {
        b.fetch_max(a.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let a = Arc::clone(&a);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            a.fetch_sub(1, Ordering::SeqCst);
        });
        Answer::digest(&hex('a')).after(Duration::from_millis(15))
    })
    .await;
    let registries = Registries::new(RegistryOptions { per_host_limit: 3, ..options() }, Arc::new(NoCluster));
    let asks = (0..30).map(|number| {
        let (registries, tag) = (registries.clone(), tag(&server, &format!("app{number}:1"), Access::default()));
        async move { registries.served(&tag).await }
    });
    assert!(futures::future::join_all(asks).await.iter().all(Result::is_ok));
    assert!(most.load(Ordering::SeqCst) <= 3 && most.load(Ordering::SeqCst) > 1, "{most:?}");
    assert_eq!(registries.statistics().heads, 30);
}

#[tokio::test]
async fn a_mirror_answers_for_its_registry() {
    let server = Server::start(|_| Answer::digest(&hex('a'))).await;
    let mut options = options();
    options.mirrors.insert("docker.io".to_owned(), format!("http://{}/hub", server.host).parse().unwrap());
    let registries = Registries::new(options, Arc::new(NoCluster));
    let tag = Tag { repository: Repository::parse("nginx").unwrap(), tag: "1".into(), access: Arc::default() };
    assert_eq!(registries.served(&tag).await, Ok(served(&hex('a'))));
    assert_eq!(server.lines(), ["HEAD /hub/v2/library/nginx/manifests/1"]);
}

#[tokio::test]
async fn https_on_loopback_is_found_and_its_certificate_judged() {
    let _ = options();
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Server::run(Some(acceptor), |_| Answer::digest(&hex('a'))).await;
    let tag = tag(&server, "app:1", Access::default());

    let insecure = RegistryOptions { insecure_registries: vec![server.host.clone()], ..options() };
    assert_eq!(Registries::new(insecure, Arc::new(NoCluster)).served(&tag).await, Ok(served(&hex('a'))));

    // The authority that the user filed for this host.
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("certs.d").join(&server.host);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ca.crt"), certified.cert.pem()).unwrap();
    let mut private = options();
    private.environment.docker_config = Some(home.path().to_owned());
    assert_eq!(Registries::new(private, Arc::new(NoCluster)).served(&tag).await, Ok(served(&hex('a'))));

    let mut stranger = options();
    stranger.mirrors.insert(server.host.clone(), format!("https://{}", server.host).parse().unwrap());
    let answer = Registries::new(stranger, Arc::new(NoCluster)).served(&tag).await;
    let why = "its certificate is signed by an authority that is not trusted here";
    let failure = Failure::UnreachableAt { host: server.host.clone(), cause: why.to_owned(), help: None };
    assert_eq!(answer, Err(failure));
}
