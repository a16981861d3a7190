//! Whether the user may write, asked without writing.

use super::*;
use crate::domain::remote::{Document, Failure, PushRight};

fn repository(server: &Server) -> Repository {
    Repository::parse(&format!("{}/team/app", server.host)).unwrap()
}

#[tokio::test]
async fn an_upload_is_begun_and_ended_and_its_token_serves_the_write() {
    let server = scoped_registry().await;
    let (_home, registries) = logged_in(&server, &[("", "anna")]);
    registries.served(&tag(&server, "team/app:1", Access::default())).await.unwrap();
    assert_eq!(registries.may_push(&repository(&server)).await, PushRight::Granted);
    let manifest = Document { bytes: b"{}".to_vec(), media_type: "application/x".to_owned() };
    registries.put_tag(&tag(&server, "team/app:2", Access::default()), &manifest).await.unwrap();
    // Ending the upload was not let, and has not taught anybody to ask for the right to delete.
    assert_eq!(scopes(&server), ["team/app:pull", "team/app:pull,push"]);
    let deletes = server.lines().into_iter().filter(|line| line.starts_with("DELETE"));
    assert_eq!(deletes.collect::<Vec<_>>(), ["DELETE /v2/team/app/blobs/uploads/x"]);
    let posts: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "POST").collect();
    assert_eq!(posts.len(), 1);
    assert_eq!((posts[0].target.as_str(), posts[0].header("content-length")), ("/v2/team/app/blobs/uploads/", "0"));
    assert_eq!(registries.statistics().writes, 3);
}

#[tokio::test]
async fn an_upload_is_ended_with_the_login_that_began_it_and_only_at_the_registry() {
    let foreign = Server::start(|_| Answer::status(204)).await;
    let foreign_location = format!("http://{}/v2/team/app/blobs/uploads/x", foreign.host);
    for (location, ended) in [
        (Some("/v2/team/app/blobs/uploads/x?state=1".to_owned()), Some("DELETE /v2/team/app/blobs/uploads/x?state=1")),
        (Some("x".to_owned()), Some("DELETE /v2/team/app/blobs/uploads/x")),
        (Some(foreign_location), None),
        (Some("http://[".to_owned()), None),
        (None, None),
    ] {
        let server = Server::start(move |seen| match (seen.method.as_str(), &location) {
            _ if seen.header("authorization") != basic("anna") => {
                Answer::status(401).header("www-authenticate", WANTS_LOGIN)
            }
            ("POST", Some(location)) => Answer::status(202).header("location", location),
            ("POST", None) => Answer::status(202),
            _ => Answer::status(500),
        })
        .await;
        let (_home, registries) = logged_in(&server, &[("/team", "wrong"), ("", "anna")]);
        assert_eq!(registries.may_push(&repository(&server)).await, PushRight::Granted);
        let deletes: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "DELETE").collect();
        assert!(deletes.iter().all(|seen| seen.header("authorization") == basic("anna")));
        assert_eq!(deletes.first().map(|seen| format!("{} {}", seen.method, seen.target)).as_deref(), ended);
        assert_eq!(deletes.len(), usize::from(ended.is_some()));
    }
    assert!(foreign.seen().is_empty());
}

#[tokio::test]
async fn what_cannot_be_told_without_writing_is_unknown() {
    let unknown = |clause: &str| PushRight::Unknown(clause.to_owned());
    let error = r#"{"errors":[{"code":"X","message":"no\u001b"}]}"#;
    for (status, accounts, expected) in [
        (401, vec![], PushRight::Denied(Failure::LoginRequired)),
        (401, vec![("", "anna")], PushRight::Denied(Failure::Denied { tried: 1 })),
        (403, vec![], PushRight::Denied(Failure::Denied { tried: 0 })),
        (403, vec![("", "anna")], PushRight::Denied(Failure::Denied { tried: 1 })),
        (404, vec![], unknown("does not have the repository")),
        (405, vec![("", "anna")], unknown("answered with status 405: X: no\u{fffd}")),
        (500, vec![], unknown("answered with status 500: X: no\u{fffd}")),
        (302, vec![], unknown("gave a malformed answer: it redirects a write to where nothing would be written")),
    ] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "POST" => Answer::saying(status, error).header("location", "/elsewhere"),
            _ => Answer::status(200),
        })
        .await;
        let (_home, registries) = logged_in(&server, &accounts);
        assert_eq!(registries.may_push(&repository(&server)).await, expected, "{status} {accounts:?}");
        assert!(!server.lines().iter().any(|line| line.starts_with("DELETE")));
    }
}

#[tokio::test]
async fn pull_secrets_and_read_only_accounts_are_no_right_to_write() {
    let server = scoped_registry().await;
    for (accounts, expected) in [
        (vec![], PushRight::Denied(Failure::LoginRequired)),
        (vec![("", "reader")], PushRight::Denied(Failure::Denied { tried: 1 })),
    ] {
        let (_home, registries) = logged_in(&server, &accounts);
        registries.served(&tag(&server, "team/app:1", access("ns", &["member"]))).await.unwrap();
        assert_eq!(registries.may_push(&repository(&server)).await, expected);
    }
}
