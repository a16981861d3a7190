//! Registries in trouble: each a row with its reason, and no row harms another.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::gateway::{Effect, Gateway, GatewayOptions, Match};

use crate::support::{assert_published, freshimage};

struct Registries {
    /// Answers, but not everything well.
    main: Gateway,
    /// Goes down.
    down: Gateway,
    /// Goes silent.
    silent: Gateway,
}

/// What is pushed, in which registry it is, and what will happen to it.
const REPOSITORIES: [&str; 9] =
    ["fresh", "stale", "gone", "denied", "limited", "portal", "lying", "broken", "slow-but-sure"];

/// Pods that all run well, before anything goes wrong.
async fn in_good_times(bed: &Bed) -> Registries {
    let main = bed.gateway(GatewayOptions::new()).await;
    let down = bed.gateway(GatewayOptions::new()).await;
    let silent = bed.gateway(GatewayOptions::new()).await;
    let places = REPOSITORIES.iter().map(|name| (&main, *name)).chain([(&down, "down"), (&silent, "silent")]);
    let mut names = Vec::new();
    for (registry, name) in places {
        bed.push(registry, name, "1.0", bed.image(name).created("2025-03-17T10:00:00Z")).await;
        bed.create(&PodTemplate::new("app", &registry.image(name, "1.0")).on_node("node-a").pod(name)).await;
        names.push(name);
    }
    for name in names {
        bed.wait_running(&format!("app={name}"), 1).await;
    }
    Registries { main, down, silent }
}

async fn then_trouble(bed: &Bed, registries: &Registries) {
    let Registries { main, down, silent } = registries;
    bed.push(main, "stale", "1.0", bed.image("stale, next").created("2025-03-20T10:00:00Z")).await;
    let gone = bed.image("gone").created("2025-03-17T10:00:00Z").digest();
    bed.delete_manifest(main, "gone", &gone).await;
    main.when(Match::repository("denied"), Effect::status(403));
    main.when(Match::repository("limited"), Effect::status(429).header("Retry-After", "3600"));
    main.when(Match::repository("portal"), Effect::captive_portal());
    main.when(Match::repository("lying"), Effect::WrongDigest);
    main.when(Match::repository("broken"), Effect::status(500));
    main.when(Match::repository("slow-but-sure"), Effect::Delay(Duration::from_millis(200)));
    silent.when(Match::any(), Effect::Hang);
    down.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trouble_is_a_row_with_its_reason_and_harms_no_other() {
    let bed = Bed::start("troubles").await;
    let registries = in_good_times(&bed).await;
    assert_eq!(freshimage(&bed, &["diagnose", "--fail-on", "stale,unknown"]).await.code, Some(0));
    then_trouble(&bed, &registries).await;

    let diagnose = async |arguments: &[&str]| {
        // Long enough for a busy machine, and shorter than the default.
        freshimage(&bed, &[&["diagnose", "--request-timeout", "4s"], arguments].concat()).await
    };
    assert_snapshot!(diagnose(&["--fail-on", "unknown"]).await.normalise(), @"
    exit 11
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/broken   app   <registry>/broken:1.0   unknown   1/1   registry `<registry>` answered with status 500
    pod/denied   app   <registry>/denied:1.0   unknown   1/1   registry `<registry>` denies anonymous access
    pod/down   app   <registry-2>/down:1.0   unknown   1/1   registry `<registry-2>` cannot be reached: connection refused
    pod/fresh   app   <registry>/fresh:1.0   fresh   1/1
    pod/gone   app   <registry>/gone:1.0   unpublished   1/1   the registry has no such tag
    pod/limited   app   <registry>/limited:1.0   unknown   1/1   registry `<registry>` limits the rate, try again in <age>
    pod/lying   app   <registry>/lying:1.0   unknown   1/1   registry `<registry>` names a digest for the tag that it does not have
    pod/portal   app   <registry>/portal:1.0   unknown   1/1   registry `<registry>` gave a malformed answer: a web page instead of the manifest
    pod/silent   app   <registry-3>/silent:1.0   unknown   1/1   registry `<registry-3>` did not answer within <age>
    pod/slow-but-sure   app   <registry>/slow-but-sure:1.0   fresh   1/1
    pod/stale   app   <registry>/stale:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 11 workloads runs old content in 1 pod, 1 runs an image that no registry has, 1 could not be started again, 7 could not be checked.
    hint: see the proof with `kubectl freshimage explain pod/stale`
    hint: give it a unique tag with `kubectl freshimage bump pod/stale`
    ");
    let ran = diagnose(&["--fail-on", "stale,unknown", "-o", "json"]).await;
    assert_eq!(ran.code, Some(10), "what is proven stale weighs more than what could not be checked");
    let list = ran.json();
    assert_published(&list);
    let verdict = |name: &str| {
        let items = list["items"].as_array().expect("a list").iter();
        let of_name: Vec<&Value> = items.filter(|item| item["workload"]["name"] == name).collect();
        assert_eq!(of_name.len(), 1, "{name}");
        of_name[0]["verdict"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(verdict("fresh"), "fresh");
    assert_eq!(verdict("slow-but-sure"), "fresh");
    assert_eq!(verdict("stale"), "stale");
    assert_eq!(verdict("gone"), "unpublished");
    for name in ["denied", "limited", "portal", "lying", "broken", "down", "silent"] {
        assert_eq!(verdict(name), "unknown", "{name}");
    }
    assert_eq!(list["summary"]["unknown"], 7);

    // A registry that comes back is believed again.
    registries.down.restart().await.expect("its port is still free");
    registries.main.heal();
    registries.silent.heal();
    assert_snapshot!(diagnose(&[]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/broken   app   <registry>/broken:1.0   fresh   1/1
    pod/denied   app   <registry>/denied:1.0   fresh   1/1
    pod/down   app   <registry-2>/down:1.0   fresh   1/1
    pod/fresh   app   <registry>/fresh:1.0   fresh   1/1
    pod/gone   app   <registry>/gone:1.0   unpublished   1/1   the registry has no such tag
    pod/limited   app   <registry>/limited:1.0   fresh   1/1
    pod/lying   app   <registry>/lying:1.0   fresh   1/1
    pod/portal   app   <registry>/portal:1.0   fresh   1/1
    pod/silent   app   <registry-3>/silent:1.0   fresh   1/1
    pod/slow-but-sure   app   <registry>/slow-but-sure:1.0   fresh   1/1
    pod/stale   app   <registry>/stale:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 11 workloads runs old content in 1 pod, 1 runs an image that no registry has.
    hint: see the proof with `kubectl freshimage explain pod/stale`
    hint: give it a unique tag with `kubectl freshimage bump pod/stale`
    ");
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_asks_for_patience_for_a_moment_gets_it() {
    let bed = Bed::start("patience").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("v1")).await;
    bed.create(&PodTemplate::new("app", &registry.image("app", "1.0")).pod("web")).await;
    bed.wait_running("app=web", 1).await;
    registry.forget_requests();
    registry.when_next(1, Match::repository("app"), Effect::status(429).header("Retry-After", "1"));
    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/web   app   <registry>/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 1 workload with 1 pod.
    ");
    let requests = registry.requests();
    let times: Vec<Duration> =
        requests.all().iter().filter(|asked| asked.method == "HEAD").map(|asked| asked.at).collect();
    assert_eq!(times.len(), 2, "{requests:?}");
    assert!(times[1] - times[0] >= Duration::from_secs(1), "it came back too soon: {times:?}");
    bed.finish().await;
}
