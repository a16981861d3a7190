//! Answers made by hand, for the tests of the renderers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::diagnosis::{
    ContainerName, Content, Diagnosis, Evidence, Finding, Group, Item, PodCounts, Remedy, RemedyKind, Summary, Verdict,
    WorkloadName,
};
use crate::domain::exclusion::LeftOut;
use crate::domain::remote::Provenance;
use crate::domain::workload::{Manager, PullPolicy, Role};
use crate::domain::{Digest, Platform};

/// When these answers are looked at.
pub(crate) fn now() -> Timestamp {
    time("2026-11-23T12:00:00Z")
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn digest(pattern: &str) -> Digest {
    Digest::from_sha256_hex(&pattern.repeat(64 / pattern.len())).unwrap()
}

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn content(index: bool, config: &str, created: &str, revision: &str) -> Content {
    Content {
        index,
        platform: index.then(|| Platform::new("linux", "amd64")),
        config_digest: Some(digest(config)),
        provenance: Provenance { created: Some(time(created)), revision: Some(revision.to_owned()), version: None },
    }
}

fn evidence(asked: &str, answer: &str) -> Evidence {
    Evidence { asked: asked.to_owned(), answer: answer.to_owned() }
}

fn item(workload: (&str, &str, &str), container: (&str, Role), image: &str, verdict: Verdict) -> Item {
    Item {
        namespace: "shop".into(),
        workload: WorkloadName { api_version: workload.0.into(), kind: workload.1.into(), name: workload.2.into() },
        container: ContainerName { name: container.0.into(), role: container.1 },
        image: image.into(),
        verdict,
        reason: String::new(),
        served_digest: None,
        served: None,
        judged_as: None,
        idle: false,
        next_start_fails: None,
        findings: Vec::new(),
        remedies: Vec::new(),
        managers: Vec::new(),
        injected_by: None,
        template_in: None,
        running: Vec::new(),
        pods: PodCounts::default(),
    }
}

fn group(item: &Item, verdict: Verdict, running: &Digest, pods: &[&str], nodes: &[&str]) -> Group {
    Group {
        verdict,
        reason: String::new(),
        image: Arc::clone(&item.image),
        digest: Some(running.clone()),
        image_id: format!("reg.example.com/app@{running}").into(),
        content: None,
        pods: names(pods),
        nodes: names(nodes),
        pull_policy: PullPolicy::IfNotPresent,
        since: Some(time("2026-11-20T12:00:00Z")),
        proof: String::new(),
        hint: None,
        evidence: Vec::new(),
    }
}

fn diagnosis(items: Vec<Item>, summary: Summary) -> Diagnosis {
    Diagnosis { items, summary, problems: Vec::new() }
}

/// The four rows of the product's picture.
pub(crate) fn story() -> Diagnosis {
    let summary = Summary {
        workloads: 4,
        pods: 9,
        images: 4,
        stale_pods: 3,
        failing_pods: BTreeMap::new(),
        by_verdict: [(Verdict::Stale, 1), (Verdict::Mixed, 1), (Verdict::Fresh, 1), (Verdict::Unknown, 1)].into(),
        left_out: LeftOut::default(),
    };
    diagnosis(vec![awesomeapp(), api(), database(), report()], summary)
}

fn awesomeapp() -> Item {
    let image = "cp-enablement/awesomeapp:1.0";
    let (served, old) = (digest("9c1e4f01"), digest("2bd0a7c3"));
    let mut stale = item(("apps/v1", "Deployment", "awesomeapp"), ("app", Role::Container), image, Verdict::Stale);
    stale.reason = "re-pushed 3d ago; IfNotPresent, node holds the old bits".to_owned();
    stale.served_digest = Some(served.clone());
    stale.served = Some(content(true, "77aa01fe", "2026-11-20T14:05:00Z", "3c4d9e"));
    stale.findings = vec![Finding::MovedTag];
    stale.pods = PodCounts { matching: 2, total: 2 };
    let remedy = |kind, helps, why: &str| Remedy { kind, helps, why: why.to_owned() };
    stale.remedies = vec![
        remedy(RemedyKind::Restart, false, "node-a holds this tag and answers from its store again"),
        remedy(RemedyKind::UniqueTag, true, "no cache can answer it with old bits"),
        remedy(RemedyKind::Digest, true, "names the bytes themselves"),
        remedy(RemedyKind::AlwaysPull, true, "every start then needs the registry"),
    ];
    let mut old_pods =
        group(&stale, Verdict::Stale, &old, &["awesomeapp-5d9c-x2k8p", "awesomeapp-5d9c-z9q4m"], &["node-a"]);
    old_pods.reason.clone_from(&stale.reason);
    old_pods.content = Some(content(false, "0f83c2aa", "2026-11-17T09:30:00Z", "1a2b3c"));
    old_pods.proof = "the contents differ (config digests), both were read from the registry".to_owned();
    old_pods.evidence = vec![
        evidence("HEAD docker.io/cp-enablement/awesomeapp:1.0", "sha256:9c1e4f019c1e…, an index: not what runs"),
        evidence(
            "GET docker.io/cp-enablement/awesomeapp@sha256:2bd0a7c32bd0…",
            "config sha256:0f83c2aa0f83…: other content than the tag's",
        ),
    ];
    stale.running = vec![old_pods];
    stale
}

fn api() -> Item {
    let (served, old) = (digest("aa00bb11"), digest("cc22dd33"));
    let image = "cp-enablement/api:latest";
    let mut mixed = item(("apps/v1", "Deployment", "api"), ("app", Role::Container), image, Verdict::Mixed);
    mixed.reason = "node-b runs older bits than node-a, node-c".to_owned();
    mixed.served_digest = Some(served.clone());
    mixed.findings = vec![Finding::FloatingTag, Finding::GitopsOwned];
    mixed.managers = vec![Manager { tool: "Argo CD".to_owned(), name: "shop".to_owned() }];
    mixed.pods = PodCounts { matching: 1, total: 3 };
    let head = evidence("HEAD docker.io/cp-enablement/api:latest", "sha256:aa00bb11aa00…");
    let mut stale = group(&mixed, Verdict::Stale, &old, &["api-1"], &["node-b"]);
    stale.proof = "the contents differ (config digests)".to_owned();
    stale.evidence = vec![
        head.clone(),
        evidence("GET docker.io/cp-enablement/api@sha256:cc22dd33cc22…", "other content than the tag's"),
    ];
    let mut fresh = group(&mixed, Verdict::Fresh, &served, &["api-2", "api-3"], &["node-a", "node-c"]);
    fresh.proof = "the tag serves this very digest".to_owned();
    fresh.since = Some(time("2026-11-22T12:00:00Z"));
    fresh.evidence = vec![head];
    mixed.running = vec![stale, fresh];
    mixed
}

fn database() -> Item {
    let served = digest("5f6e7d8c");
    let mut fresh =
        item(("apps/v1", "StatefulSet", "db"), ("postgres", Role::Container), "postgres:17.2", Verdict::Fresh);
    fresh.reason = "runs what the tag serves".to_owned();
    fresh.served_digest = Some(served.clone());
    fresh.pods = PodCounts { matching: 3, total: 3 };
    let mut pods = group(&fresh, Verdict::Fresh, &served, &["db-0", "db-1", "db-2"], &["node-a", "node-b", "node-c"]);
    pods.proof = "the tag serves this very digest".to_owned();
    pods.evidence = vec![evidence("HEAD docker.io/library/postgres:17.2", "sha256:5f6e7d8c5f6e…, what runs")];
    fresh.running = vec![pods];
    fresh
}

fn report() -> Item {
    let mut unknown = item(
        ("batch/v1", "CronJob", "report"),
        ("job", Role::Container),
        "reg.example.com/tools/report:head",
        Verdict::Unknown,
    );
    unknown.reason = "registry `reg.example.com` asks for a login".to_owned();
    unknown
}

/// Every kind of container, a CRD, a bare pod, several namespaces, a workload with several containers.
pub(crate) fn kinds() -> Diagnosis {
    let mut items = Vec::new();
    for (name, role) in
        [("migrate", Role::Init), ("proxy", Role::Sidecar), ("app", Role::Container), ("models", Role::Volume)]
    {
        items.push(item(
            ("argoproj.io/v1alpha1", "Rollout", "web"),
            (name, role),
            "quay.io/team/web:2",
            Verdict::Waiting,
        ));
    }
    let mut debugged = item(("v1", "Pod", "shell"), ("debugger", Role::Ephemeral), "", Verdict::Local);
    debugged.namespace = "default".into();
    debugged.reason = "the image was put on the node".to_owned();
    items.push(debugged);
    let summary = Summary {
        workloads: 2,
        pods: 1,
        images: 1,
        stale_pods: 0,
        failing_pods: BTreeMap::new(),
        by_verdict: [(Verdict::Waiting, 1), (Verdict::Local, 1)].into(),
        left_out: LeftOut::default(),
    };
    diagnosis(items, summary)
}

/// What a server may send to trick a terminal, and characters two columns wide.
pub(crate) fn hostile() -> Diagnosis {
    let mut first = item(
        ("apps/v1", "Deployment", "web\u{1b}[2J"),
        ("app\u{7f}\u{9b}", Role::Container),
        "reg/\u{202e}gpj.ppa:1",
        Verdict::Unknown,
    );
    first.reason = "said \u{1b}]0;owned\u{7} and\nforged a line".to_owned();
    let running = group(&first, Verdict::Unknown, &digest("ab"), &["\u{1b}[31mpod"], &["node\u{85}"]);
    first.running = vec![Group {
        image_id: "\u{1b}[31m".into(),
        proof: "\u{9b}31m".to_owned(),
        hint: None,
        evidence: vec![evidence("\u{1b}c", "\u{200b}\u{feff}\u{ad}\u{e0041}")],
        digest: None,
        ..running
    }];
    let mut second = item(("apps/v1", "Deployment", "倉庫"), ("app", Role::Container), "reg/größe:大", Verdict::Stale);
    second.reason = "wide characters keep their columns".to_owned();
    diagnosis(vec![first, second], Summary { workloads: 2, ..Summary::default() })
}
