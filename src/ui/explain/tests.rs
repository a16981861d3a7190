//! The page, word for word.

use super::*;
use crate::domain::diagnosis::Diagnosis;
use crate::ui::samples;

fn here() -> Place {
    Place {
        namespace: Some("shop".to_owned()),
        default_namespace: "shop".to_owned(),
        flags: String::new(),
        ..Place::default()
    }
}

fn page(diagnosis: &Diagnosis, place: usize) -> String {
    let options = Options { width: 80, palette: Palette::plain(), now: samples::now(), place: &here() };
    render(&[&diagnosis.items[place]], &options)
}

#[test]
fn the_story_is_proven_step_by_step() {
    insta::assert_snapshot!(page(&samples::story(), 0), @"
    deployment/awesomeapp, container app: stale in 2 of 2 pods

      asked for   cp-enablement/awesomeapp:1.0
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  sha256:9c1e4f019c…  index, linux/amd64 → config sha256:77aa01fe77…
                  built 2026-11-20 14:05 UTC, revision 3c4d9e
      pods run    sha256:2bd0a7c32b…  manifest → config sha256:0f83c2aa0f…
                  built 2026-11-17 09:30 UTC, revision 1a2b3c
                  awesomeapp-5d9c-x2k8p, awesomeapp-5d9c-z9q4m on node-a, the oldest
                  created 3d ago
      so          the contents differ (config digests), both were read from the
                  registry

      why         re-pushed 3d ago; IfNotPresent, node holds the old bits
      no help     `kubectl rollout restart deployment/awesomeapp`: node-a holds this
                  tag and answers from its store again
      helps       a unique tag for each build: no cache can answer it with old bits
                    kubectl freshimage bump deployment/awesomeapp
                  the digest in the reference:
                  cp-enablement/awesomeapp@sha256:9c1e4f019c…: names the bytes
                  themselves
                    kubectl freshimage pin deployment/awesomeapp
                  imagePullPolicy: Always and a restart (not recommended): every
                  start then needs the registry
                    kubectl freshimage bump deployment/awesomeapp --to always-pull

      findings    moved-tag: the tag was pushed again under running pods; use a
                  unique tag for each build

      evidence
        HEAD docker.io/cp-enablement/awesomeapp:1.0
          → sha256:9c1e4f019c1e…, an index: not what runs
        GET docker.io/cp-enablement/awesomeapp@sha256:2bd0a7c32bd0…
          → config sha256:0f83c2aa0f83…: other content than the tag's

      digests in full
        served
          sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01
        running
          sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3
    ");
}

#[test]
fn replicas_that_differ_are_told_apart() {
    insta::assert_snapshot!(page(&samples::story(), 1), @"
    deployment/api, container app: mixed, 1 of 3 pods runs old content

      asked for   cp-enablement/api:latest
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  sha256:aa00bb11aa…
      pods run    sha256:cc22dd33cc…  stale
                  api-1 on node-b, created 3d ago
      so          the contents differ (config digests)
      pods run    sha256:aa00bb11aa…  fresh
                  api-2, api-3 on node-a, node-c, the oldest created 24h ago
      so          the tag serves this very digest

      why         node-b runs older bits than node-a, node-c

      findings    floating-tag: this tag moves by design, so pods that start at
                  different times run different content; use a unique tag for each
                  build
                  gitops-owned: another tool owns this definition and may revert a
                  change made here; edit its source instead
      managed by  Argo CD (shop)

      evidence
        for api-1
          HEAD docker.io/cp-enablement/api:latest
            → sha256:aa00bb11aa00…
          GET docker.io/cp-enablement/api@sha256:cc22dd33cc22…
            → other content than the tag's
        for api-2, api-3
          HEAD docker.io/cp-enablement/api:latest
            → sha256:aa00bb11aa00…

      digests in full
        served and running
          sha256:aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11
        running
          sha256:cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33
    ");
}

#[test]
fn a_fresh_one_says_why_it_is_believed() {
    insta::assert_snapshot!(page(&samples::story(), 2), @"
    statefulset/db, container postgres: fresh in 3 of 3 pods

      asked for   postgres:17.2
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  sha256:5f6e7d8c5f…
      pods run    sha256:5f6e7d8c5f…
                  db-0, db-1, db-2 on node-a, node-b, node-c, the oldest created 3d
                  ago
      so          the tag serves this very digest

      why         runs what the tag serves

      evidence
        HEAD docker.io/library/postgres:17.2
          → sha256:5f6e7d8c5f6e…, what runs

      digests in full
        served and running
          sha256:5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c
    ");
}

#[test]
fn an_open_question_says_what_would_help() {
    let mut diagnosis = samples::story();
    let mut group = diagnosis.items[2].running[0].clone();
    group.hint = crate::domain::remote::Failure::LoginRequired.hint();
    diagnosis.items[3].reason.clone_into(&mut group.proof);
    group.evidence.clear();
    (group.verdict, group.image) = (Verdict::Unknown, diagnosis.items[3].image.clone());
    diagnosis.items[3].running = vec![group.clone(), group];
    insta::assert_snapshot!(page(&diagnosis, 3), @"
    cronjob/report, container job: unknown

      asked for   reg.example.com/tools/report:head
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  not known
      pods run    sha256:5f6e7d8c5f…  unknown
                  db-0, db-1, db-2 on node-a, node-b, node-c, the oldest created 3d
                  ago
      so          registry `reg.example.com` asks for a login
      pods run    sha256:5f6e7d8c5f…  unknown
                  db-0, db-1, db-2 on node-a, node-b, node-c, the oldest created 3d
                  ago
      so          registry `reg.example.com` asks for a login

      why         registry `reg.example.com` asks for a login
      helps       log in with `docker login`, or give the pods an imagePullSecret

      digests in full
        running
          sha256:5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c
    ");
}

#[test]
fn hostile_text_cannot_steer_the_terminal() {
    let text = page(&samples::hostile(), 0);
    assert!(!text.chars().any(|character| character != '\n' && crate::text::is_unprintable(character)), "{text:?}");
}

#[test]
fn colours_change_no_letter() {
    let diagnosis = samples::story();
    let items: Vec<_> = diagnosis.items.iter().collect();
    let with = |palette| render(&items, &Options { width: 80, palette, now: samples::now(), place: &here() });
    assert_eq!(anstream::adapter::strip_str(&with(Palette::new(true))).to_string(), with(Palette::plain()));
}

#[test]
fn what_helps_is_a_command_that_can_be_copied() {
    let mut item = samples::story().items.remove(0);
    let commands = |item: &Item| -> Vec<String> {
        let text =
            render(&[item], &Options { width: 80, palette: Palette::plain(), now: samples::now(), place: &here() });
        text.lines().map(str::trim).filter(|line| line.starts_with("kubectl freshimage")).map(str::to_owned).collect()
    };
    assert_eq!(
        commands(&item),
        [
            "kubectl freshimage bump deployment/awesomeapp",
            "kubectl freshimage pin deployment/awesomeapp",
            "kubectl freshimage bump deployment/awesomeapp --to always-pull",
        ]
    );
    item.namespace = "other".into();
    assert_eq!(commands(&item)[0], "kubectl freshimage bump deployment/awesomeapp -n other");
    // Nothing that cannot be changed.
    item.workload.api_version = "batch/v1".into();
    item.workload.kind = "Job".into();
    assert!(commands(&item).is_empty());
}

#[test]
fn the_name_is_what_stands_before_tag_and_digest() {
    assert_eq!(without_tag("localhost:5000/app"), "localhost:5000/app");
    assert_eq!(without_tag("localhost:5000/app:1.0@sha256:00"), "localhost:5000/app");
    assert_eq!(without_tag("app:1"), "app");
}

#[test]
fn a_tag_beside_a_digest_that_was_asked_for_is_not_called_unasked() {
    let mut diagnosis = samples::story();
    let item = &mut diagnosis.items[2];
    (item.verdict, item.served_digest) = (Verdict::Pinned, None);
    assert!(page(&diagnosis, 2).contains("tag serves  not known"));
    diagnosis.items[2].image = format!("app@sha256:{}", "a".repeat(64)).into();
    assert!(page(&diagnosis, 2).contains("tag serves  not asked: the digest decides"));
}
