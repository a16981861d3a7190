//! Registries that do not take a tag, or not as it is sent: said before any workload is patched.

use http::Method;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Authentication, Effect, Gateway, ImmutableTags, Login, Match};

use crate::support::{assert_ended, freshimage, image_of, log_in, push_again, shop};

const BUMP: [&str; 5] = ["bump", "deployment/web", "--to", "tag", "--yes"];

fn put() -> Match {
    Match::repository("shop/web").reference("1.1").method(Method::PUT)
}

/// A stale deployment.
async fn stale(bed: &Bed) -> Gateway {
    let registry = shop(bed).await;
    bed.create(&PodTemplate::new("app", &registry.image("shop/web", "1.0")).deployment("web", 1)).await;
    bed.wait_rolled_out("deployment", "web").await;
    push_again(bed, &registry).await;
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_takes_no_tag_is_named_and_nothing_is_patched() {
    let bed = Bed::start("no-tag").await;
    let registry = stale(&bed).await;
    let before = bed.get("deployment", "web").await["spec"].clone();
    let refused = |status: u16, body: &str| Effect::from(Effect::status(status).body(body));
    for (effect, words) in [
        (
            refused(405, r#"{"errors":[{"code":"UNSUPPORTED","message":"a mirror is read only"}]}"#),
            "a mirror is read only",
        ),
        (refused(415, ""), "status 415"),
        (refused(500, ""), "status 500"),
        (
            refused(400, r#"{"errors":[{"code":"MANIFEST_INVALID","message":"no \u001b[31mthanks"}]}"#),
            "MANIFEST_INVALID",
        ),
        (refused(403, r#"{"errors":[{"code":"DENIED"}]}"#), "push"),
        (Effect::HangUp, "cannot be reached"),
        (Effect::captive_portal(), "1.1"),
    ] {
        let rule = registry.when(put(), effect);
        let ran = freshimage(&bed, &BUMP).await;
        registry.forgive(rule);
        assert_ended(&ran, 1);
        let told = ran.normalise();
        assert!(told.contains("tag 1.1 in <registry>/shop/web   not "), "{told}");
        assert!(told.contains(words), "{words}: {told}");
        assert!(
            told.contains("deployment/web   not changed: its tag `1.1` was not written") || told.contains("not begun"),
            "{told}"
        );
        assert!(!told.contains('\u{1b}'), "{told}");
        assert_eq!(bed.get("deployment", "web").await["spec"], before, "{told}");
    }
    // Nothing of it is in the way once the registry takes it.
    assert_ended(&freshimage(&bed, &BUMP).await, 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_is_taken_between_the_look_and_the_write_is_never_overwritten_where_tags_are_immutable() {
    let bed = Bed::start("immutable").await;
    let registry = stale(&bed).await;
    for (kind, rule) in [
        ("ecr", ImmutableTags::ecr()),
        ("harbor", ImmutableTags::harbor()),
        ("hub", ImmutableTags::hub()),
        ("conflict", ImmutableTags::conflict()),
    ] {
        registry.set_immutable_tags(Some(rule));
        let name = format!("7.0-{kind}");
        let to = format!("tag={name}");
        let matching = Match::repository("shop/web").reference(&name).method(Method::PUT);
        let mut write = registry.pause_at(matching);
        let running =
            bed.product(crate::support::BINARY).args(&["bump", "deployment/web", "--to", &to, "--yes"]).spawn();
        write.reached().await;
        // Somebody else is quicker.
        let other = bed.push(&registry, "shop/web", &name, bed.image(&format!("other {kind}"))).await;
        write.release();
        let ran = running.wait().await;
        let told = ran.normalise();
        assert_eq!(ran.code, Some(13), "{told}");
        assert!(told.contains(&format!("tag {name} in <registry>/shop/web   refused: somebody gave it to")), "{told}");
        assert_eq!(image_of(&bed, "deployment", "web").await, registry.image("shop/web", "1.0"), "{told}");
        let door = bed.side_door();
        let held = door.manifest(&registry.upstream_repository("shop/web"), &name).await.expect("it is there");
        assert_eq!(held.digest(), other, "{kind}");
    }
    // A tag that nobody has is written all the same, and one with this very content is no obstacle.
    assert_ended(&freshimage(&bed, &BUMP).await, 0);
    assert_ended(&freshimage(&bed, &["bump", "deployment/web", "--to", "tag=1.1", "--yes"]).await, 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_is_lost_is_found_to_have_arrived() {
    let bed = Bed::start("lost-answer").await;
    let registry = stale(&bed).await;
    registry.when_next(1, put(), Effect::HangUpAfter);
    let ran = freshimage(&bed, &BUMP).await;
    assert_ended(&ran, 0);
    assert!(ran.stdout.contains("tagged 1.1 · patched"), "{}", ran.stdout);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_pull_is_told_before_anything_is_written() {
    let bed = Bed::start("reader").await;
    let registry = stale(&bed).await;
    let login = || Login::user("reader", "secret").reader("reader");
    for authentication in [Authentication::Basic(login()), Authentication::Bearer(login())] {
        registry.require(authentication);
        log_in(&bed, &registry, "reader", "secret");
        registry.forget_requests();
        let ran = freshimage(&bed, &BUMP).await;
        let told = ran.normalise();
        assert_ended(&ran, 1);
        assert!(told.contains("error: it is refused, so nothing was changed"), "{told}");
        assert!(told.contains("does not let the local login push"), "{told}");
        assert!(told.contains("`--to digest`"), "{told}");
        assert!(!told.contains("secret"), "{told}");
        assert_eq!(registry.requests().count(|asked| asked.method == Method::PUT), 0);
    }
    // The digest needs no right to push; the pods run on with what their node pulled with nobody's login.
    registry.require(Authentication::None);
    let ran = bed.product(crate::support::BINARY).args(&["pin", "deployment/web", "--yes"]).run().await;
    assert_ended(&ran, 0);
    bed.finish().await;
}
