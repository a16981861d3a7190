//! `next-tag`: one tag that is free, and nothing else on stdout.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::gateway::{Effect, Gateway, GatewayOptions, Match, TagPages};

use crate::support::{assert_ended, freshimage};

/// A repository whose tags all serve one image.
async fn with_tags(bed: &Bed, tags: &[&str]) -> Gateway {
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", tags[0], bed.image("app")).await;
    for tag in &tags[1..] {
        bed.tag(&registry, "app", tags[0], tag).await;
    }
    registry
}

async fn next(bed: &Bed, registry: &Gateway, tag: &str, flags: &[&str]) -> String {
    let ran = freshimage(bed, &[&["next-tag", &registry.image("app", tag)], flags].concat()).await;
    assert_ended(&ran, 0);
    ran.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tag_alone_is_printed_for_scripts_and_ten_comes_after_nine() {
    let bed = Bed::start("next-ten").await;
    let registry = with_tags(&bed, &["v8", "v9", "v10", "latest"]).await;
    let ran = freshimage(&bed, &["next-tag", &registry.image("app", "v9")]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    v11
    --- stderr
    ");
    // As text, `v9` would be the newest, and `v10` would be proposed once more.
    assert_eq!(next(&bed, &registry, "v10", &[]).await, "v11\n");
    assert_eq!(next(&bed, &registry, "latest", &[]).await, "v11\n");
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_scheme_goes_on_in_its_own_way() {
    let bed = Bed::start("next-schemes").await;
    let tags = ["1.4.2", "v1.0-alpine", "build-41", "v007", "2026.11.22", "20261122", "stable"];
    let registry = with_tags(&bed, &tags).await;
    for (tag, flags, expected) in [
        ("1.4.2", &[][..], "1.4.3"),
        ("1.4.2", &["--bump", "minor"], "1.5.0"),
        ("1.4.2", &["--scheme", "semver", "--bump", "major"], "2.0.0"),
        ("v1.0-alpine", &[], "v1.1-alpine"),
        ("build-41", &[], "build-42"),
        ("v007", &["--scheme", "increment"], "v008"),
    ] {
        assert_eq!(next(&bed, &registry, tag, flags).await, format!("{expected}\n"), "{tag} {flags:?}");
    }
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for (tag, form) in [("2026.11.22", "%Y.%m.%d"), ("20261122", "%Y%m%d")] {
        let expected = format!("{}\n", today.strftime(form));
        assert_eq!(next(&bed, &registry, tag, &[]).await, expected);
        assert_eq!(next(&bed, &registry, tag, &["--scheme", "date"]).await, expected);
    }
    let digits = &bed.image("app").digest()["sha256:".len()..][..12];
    assert_eq!(next(&bed, &registry, "1.4.2", &["--scheme", "digest"]).await, format!("1.4.2-{digits}\n"));
    // The same content always gets the same tag, there or not.
    bed.tag(&registry, "app", "1.4.2", &format!("1.4.2-{digits}")).await;
    assert_eq!(next(&bed, &registry, "1.4.2", &["--scheme", "digest"]).await, format!("1.4.2-{digits}\n"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_build_of_a_day_gets_a_number() {
    let bed = Bed::start("next-day").await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().strftime("%Y.%m.%d").to_string();
    let registry = with_tags(&bed, &[&today]).await;
    assert_eq!(next(&bed, &registry, &today, &[]).await, format!("{today}-2\n"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_tags_are_read_to_the_last_page() {
    let bed = Bed::start("next-thousands").await;
    let registry = with_tags(&bed, &["v1"]).await;
    registry.add_tags("app", "v1", (2..=5000).map(|number| format!("v{number}")));
    registry.set_tag_pages(TagPages::of(100).at_most(500));
    assert_eq!(next(&bed, &registry, "v1", &[]).await, "v5001\n");
    let lists = registry.requests().count(|asked| asked.is_tag_list());
    assert!((10..=51).contains(&lists), "{lists} pages");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_cannot_be_had_is_said_beside_the_tag() {
    let bed = Bed::start("next-unlisted").await;
    let registry = with_tags(&bed, &["v1", "v2", "v3"]).await;
    registry.when(Match::path("/tags/list"), Effect::status(405));
    let ran = freshimage(&bed, &["next-tag", &registry.image("app", "v1")]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    v4
    --- stderr
    note: the repository's tags could not be listed: registry `<registry>` answered with status 405
    ");
    registry.stop().await;
    let ran = freshimage(&bed, &["next-tag", &registry.image("app", "v1")]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 1
    --- stdout
    --- stderr
    error: failed to find the next tag for `<registry>/app:v1`
      caused by: could not check whether tag `v2` exists: registry `<registry>` cannot be reached: connection refused
    hint: check that this machine reaches the registry, as the nodes do; if it has another name outside the cluster, give it with `--registry-mirror HOST=URL`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_next_tag_the_error_says_why() {
    let bed = Bed::start("next-none").await;
    let registry = with_tags(&bed, &["latest", "stable"]).await;
    let run = async |arguments: &[&str]| freshimage(&bed, &[&["next-tag"], arguments].concat()).await.normalise();
    assert_snapshot!(run(&["Not An Image"]).await, @"
    exit 2
    --- stdout
    --- stderr
    error: `Not An Image` is no image
      caused by: the repository name is malformed: lower-case letters, digits and separators only
    hint: write it as in a pod: `reg.example.com/shop/web:1.4`
    ");
    assert_snapshot!(run(&[&registry.image("app", "stable"), "--scheme", "increment"]).await, @"
    exit 1
    --- stdout
    --- stderr
    error: failed to find the next tag for `<registry>/app:stable`
      caused by: the tag `stable` has no number that could count up
    hint: choose another scheme: `date` and `digest` work with every tag
    ");
    let digits = &bed.image("app").digest()["sha256:".len()..][..12];
    bed.name_text(digits, "its digits");
    assert_snapshot!(run(&[&registry.image("app", "latest")]).await, @"
    exit 0
    --- stdout
    <its digits>
    --- stderr
    note: every tag of the repository floats: each push to one changes what running workloads pull next; give each build a unique tag
    ");
    assert_snapshot!(run(&[&registry.image("absent", "1.0")]).await, @"
    exit 0
    --- stdout
    1.1
    --- stderr
    note: registry `<registry>` lists no tags for `absent`
    ");
    assert_snapshot!(run(&[&registry.image("app", "4.2")]).await, @"
    exit 0
    --- stdout
    4.3
    --- stderr
    note: every tag of the repository floats: each push to one changes what running workloads pull next; give each build a unique tag
    note: the repository has no tag `4.2`
    ");
    let digits = "9".repeat(39);
    assert_snapshot!(run(&[&registry.image("app", &format!("v{digits}"))]).await.replace(&digits, "<39 digits>"), @"
    exit 1
    --- stdout
    --- stderr
    error: failed to find the next tag for `<registry>/app:v<39 digits>`
      caused by: the name would be made of the image's digest, which is not known
    hint: push the tag that you name, or choose another scheme: `increment`, `semver` or `date`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repository_shows_what_counts_and_explain_says_so() {
    let bed = Bed::start("next-counts").await;
    let packages = ["2.1.3-debian-12-r3", "2.1.3-debian-12-r2", "2.1.3-debian-12-r1", "2.1.4-debian-12-r0", "2.1.3"];
    let registry = with_tags(&bed, &packages).await;
    let ran = freshimage(&bed, &["next-tag", "--explain", &registry.image("app", "2.1.3-debian-12-r3")]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    2.1.3-debian-12-r4
    --- stderr
    2.1.3-debian-12-r4, by the scheme `increment`
      decided by  2.1.3-debian-12-r3, 2.1.3-debian-12-r2, 2.1.3-debian-12-r1 of the repository's 5 tags
      because   `2.1.3-debian-12-rN`: N counts, 3 tags go on there
      so   next by the repository's own scheme (2.1.3-debian-12-r3, 2.1.3-debian-12-r2, 2.1.3-debian-12-r1)
    ");
    assert_eq!(next(&bed, &registry, "2.1.3", &[]).await, "2.1.3-debian-12-r4\n");
    let others =
        ["build-41-ubuntu-22.04", "build-41-debian-12", "main-42-us-east-1", "v2-latest", "2024.12", "dev-1704067200"];
    registry.add_tags("app", "2.1.3", others.map(str::to_owned));
    assert_eq!(next(&bed, &registry, "build-41-ubuntu-22.04", &[]).await, "build-42-ubuntu-22.04\n");
    assert_eq!(next(&bed, &registry, "main-42-us-east-1", &[]).await, "main-43-us-east-1\n");
    let before = jiff::Timestamp::now().as_second();
    let unix = next(&bed, &registry, "dev-1704067200", &[]).await;
    let unix: i64 = unix.trim().strip_prefix("dev-").unwrap().parse().unwrap();
    assert!((before..before + 600).contains(&unix), "{unix} after {before}");
    let month = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().strftime("%Y.%m\n").to_string();
    assert_eq!(next(&bed, &registry, "2024.12", &[]).await, month);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_images_own_labels_go_first_and_no_commit_is_made_up() {
    let bed = Bed::start("next-labels").await;
    let revision = "abcdef0123456789abcdef0123456789abcdef01";
    let registry = bed.gateway(GatewayOptions::new()).await;
    let image = bed.image("app").version("1.5.0").revision(revision);
    let plain = bed.image("no labels");
    let digits = plain.digest()["sha256:".len()..][..12].to_owned();
    for tag in ["1.4.2", "main-9b61e86"] {
        bed.push(&registry, "app", tag, image.clone()).await;
    }
    for tag in ["1.4.1", "main-cb1299d", "main-1234567"] {
        bed.push(&registry, "app", tag, plain.clone()).await;
    }
    for (tag, flags, expected) in [
        ("1.4.2", &[][..], "1.5.0"),
        ("1.4.2", &["--bump", "patch"], "1.4.3"),
        ("1.4.1", &[], "1.4.3"),
        ("main-9b61e86", &[], "main-abcdef0"),
        ("main-cb1299d", &[], &format!("main-{digits}")),
        // No letter is in it, and the others show that it is a commit.
        ("main-1234567", &[], &format!("main-{digits}")),
    ] {
        assert_eq!(next(&bed, &registry, tag, flags).await, format!("{expected}\n"), "{tag} {flags:?}");
    }
    // What the labels name is taken by other content: the next one of the scheme.
    bed.tag(&registry, "app", "1.4.1", "1.5.0").await;
    assert_eq!(next(&bed, &registry, "1.4.2", &[]).await, "1.4.3\n");
    assert_eq!(registry.requests().writes(), 0);
    bed.finish().await;
}
