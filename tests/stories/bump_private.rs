//! A registry with a login: pods pull by a secret that may only pull, and only the user's own login may write a tag.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::{PodTemplate, pull_secret};
use testbed::gateway::{Asked, Authentication, Authorization, Gateway, GatewayOptions, Login, TOKEN_PATH};

use crate::support::{assert_ended, ending, freshimage, image_of, log_in, push_again, shop_with};

/// `ann` may everything, `bob` may pull.
fn login() -> Login {
    Login::user("ann", "writes").and_user("bob", "reads").reader("bob")
}

/// A stale deployment whose pods pull as `bob`.
async fn stale_and_private(bed: &Bed, authentication: Authentication) -> Gateway {
    let registry = shop_with(bed, GatewayOptions::new().authentication(authentication)).await;
    bed.create(&pull_secret("reader", &[(&registry.host(), "bob", "reads")])).await;
    let template = PodTemplate::new("app", &registry.image("shop/web", "1.0")).pull_secret("reader");
    bed.create(&template.deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(bed, &registry).await;
    registry
}

/// Whether it tries to write as somebody, by name or by the scope of a token that is asked for.
fn writes_as(asked: &Asked, name: &str) -> bool {
    let is_name = matches!(&asked.authorization, Authorization::Basic { user, .. } if user == name);
    let writes = match asked.path.as_str() {
        TOKEN_PATH => asked.query.contains("push"),
        _ => !matches!(asked.method, http::Method::GET | http::Method::HEAD),
    };
    is_name && writes
}

async fn nothing_is_written(bed: &Bed, registry: &Gateway) {
    let tags = bed.side_door().tags(&registry.upstream_repository("shop/web")).await;
    let mut tags = tags.expect("the registry lists its tags");
    tags.sort();
    assert_eq!(tags, ["0.9", "1.0"]);
    assert_eq!(image_of(bed, "deployment", "web").await, registry.image("shop/web", "1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_local_login_writes_to_a_registry_with_names_and_passwords() {
    let bed = Bed::start("private-basic").await;
    let registry = stale_and_private(&bed, Authentication::Basic(login())).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    assert_snapshot!(freshimage(&bed, &bump).await.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: the tag `1.1` cannot be written: registry `<registry>` asks for a login before it lets anybody push
    hint: log in to the registry with an account that may push, or pin the digest, which writes nothing there: `--to digest`
    ");
    nothing_is_written(&bed, &registry).await;
    assert_eq!(registry.requests().count(|asked| writes_as(asked, "bob")), 0, "the pull secret is for pulling");
    log_in(&bed, &registry, "bob", "reads");
    assert_snapshot!(freshimage(&bed, &bump).await.normalised_stderr(), @"
    error: it is refused, so nothing was changed
      caused by: deployment/web: the tag `1.1` cannot be written: registry `<registry>` does not let the local login push
    hint: log in to the registry with an account that may push, or pin the digest, which writes nothing there: `--to digest`
    ");
    nothing_is_written(&bed, &registry).await;
    assert!(registry.requests().count(|asked| writes_as(asked, "bob")) > 0, "the login was tried");

    registry.forget_requests();
    log_in(&bed, &registry, "ann", "writes");
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(registry.requests().count(|asked| writes_as(asked, "bob")), 0);
    assert!(registry.requests().count(|asked| writes_as(asked, "ann")) > 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_local_login_writes_to_a_registry_with_tokens() {
    let bed = Bed::start("private-token").await;
    let registry = stale_and_private(&bed, Authentication::Bearer(login())).await;
    let bump = ["bump", "deployment/web", "--to", "tag", "--yes"];
    registry.forget_requests();
    assert_snapshot!(freshimage(&bed, &bump).await.normalise(), @"
    exit 1
    --- stdout
    Plan: nothing to change

      refused deployment/web: the tag `1.1` cannot be written: registry `<registry>` asks for a login before it lets anybody push
    --- stderr
    error: it is refused, so nothing was changed
      caused by: deployment/web: the tag `1.1` cannot be written: registry `<registry>` asks for a login before it lets anybody push
    hint: log in to the registry with an account that may push, or pin the digest, which writes nothing there: `--to digest`
    ");
    nothing_is_written(&bed, &registry).await;
    assert_eq!(registry.requests().count(|asked| writes_as(asked, "bob")), 0, "the pull secret is for pulling");
    // A pin writes nothing there, and needs no more than what the pods may.
    assert_ended(&freshimage(&bed, &["pin", "deployment/web", "--dry-run=server"]).await, 0);

    log_in(&bed, &registry, "ann", "writes");
    assert_snapshot!(ending(&freshimage(&bed, &bump).await), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:new>… · no restart in <age>
    --- stderr
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    assert_eq!(registry.requests().count(|asked| writes_as(asked, "bob")), 0);
    assert_snapshot!(ending(&freshimage(&bed, &["undo", "deployment/web", "--yes"]).await), @"
    exit 0
    deployment/web   patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:old>… · no restart in <age>
    --- stderr
    ");
    bed.finish().await;
}
