//! What somebody does not want to hear of: left out by a flag or by the workload's own annotation.

use insta::assert_snapshot;
use serde_json::json;
use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Ran};
use testbed::gateway::{Gateway, GatewayOptions};

use crate::support::{assert_ended, ending, freshimage, image_of};

const ANNOTATION: &str = "kubectl-freshimage/exclude";

/// Two registries in which everything was pushed again: the team's own, and that of others.
struct Scene {
    own: Gateway,
    others: Gateway,
}

impl Scene {
    async fn start(bed: &Bed) -> Self {
        let own = bed.gateway(GatewayOptions::new()).await;
        let others = bed.gateway(GatewayOptions::new()).await;
        for (registry, name) in [(&own, "web"), (&own, "api"), (&others, "proxy"), (&others, "agent")] {
            bed.push(registry, name, "1.0", bed.image(name).created("2026-11-17T10:00:00Z")).await;
        }
        Self { own, others }
    }

    fn web(&self) -> PodTemplate {
        PodTemplate::new("app", &self.own.image("web", "1.0")).container("proxy", &self.others.image("proxy", "1.0"))
    }

    async fn push_again(&self, bed: &Bed) {
        for (registry, name) in
            [(&self.own, "web"), (&self.own, "api"), (&self.others, "proxy"), (&self.others, "agent")]
        {
            bed.push(registry, name, "1.0", bed.image(&format!("{name}, next")).created("2026-11-20T10:00:00Z")).await;
        }
        self.forget();
    }

    fn forget(&self) {
        self.own.forget_requests();
        self.others.forget_requests();
    }

    /// Which repositories were asked for anything.
    fn asked(&self) -> Vec<String> {
        let requests = [self.own.requests(), self.others.requests()];
        let repositories = requests.iter().flat_map(|requests| requests.all()).filter_map(|asked| asked.repository());
        let mut asked: Vec<String> = repositories.map(str::to_owned).collect();
        asked.sort();
        asked.dedup();
        asked
    }
}

/// `name container verdict` of each item.
fn rows(ran: &Ran) -> Vec<String> {
    let list = ran.json();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().expect("a list").iter();
    items
        .map(|item| {
            let words = [&item["workload"]["name"], &item["container"]["name"], &item["verdict"]];
            words.map(word).join(" ")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_excluded_is_not_asked_for_not_shown_not_counted_and_not_changed() {
    let bed = Bed::start("exclude").await;
    let scene = Scene::start(&bed).await;
    bed.create(&scene.web().deployment("web", 1)).await;
    bed.create(&PodTemplate::new("agent", &scene.others.image("agent", "1.0")).daemon_set("agent")).await;
    bed.wait_rolled_out("deployment", "web").await;
    bed.wait_rolled_out("daemonset", "agent").await;
    scene.push_again(&bed).await;
    let own = format!("image={}/*", scene.own.host());
    let exact = format!("image={}", scene.others.image("proxy", "1.0"));
    let namespace = format!("namespace={}*", bed.namespace().name());
    let (agent, app, proxy) = ("agent agent stale", "web app stale", "web proxy stale");
    for (exclude, expected, excluded, asked) in [
        ("container=proxy", &[agent, app][..], 1, &["agent", "web"][..]),
        ("kind=daemonset", &[app, proxy], 1, &["proxy", "web"]),
        ("kind=D*", &[], 3, &[]),
        (&own, &[agent, proxy], 1, &["agent", "proxy"]),
        (&exact, &[agent, app], 1, &["agent", "web"]),
        (&namespace, &[], 3, &[]),
        ("container=proxy,kind=DaemonSet", &[app], 2, &["web"]),
        ("container=Proxy,kind=Deploy,namespace=other,image=web", &[agent, app, proxy], 0, &["agent", "proxy", "web"]),
    ] {
        scene.forget();
        let ran = freshimage(&bed, &["diagnose", "--fail-on", "stale", "--exclude", exclude, "-o", "json"]).await;
        assert_eq!(rows(&ran), expected, "{exclude}");
        assert_eq!(ran.json()["summary"]["excluded"], excluded, "{exclude}");
        assert_eq!(scene.asked(), asked, "{exclude}");
        assert_eq!(ran.code, Some(if expected.is_empty() { 0 } else { 10 }), "{exclude}");
    }
    assert_snapshot!(freshimage(&bed, &["diagnose", "--exclude", "container=p*"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    daemonset/agent   agent   <registry-2>/agent:1.0   stale   2/2   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    deployment/web   app   <registry>/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    2 of 2 workloads run old content in 3 pods.
    1 container excluded by `--exclude`.
    hint: see the proof with `kubectl freshimage explain daemonset/agent --exclude 'container=p*'`
    hint: give it a unique tag with `kubectl freshimage bump daemonset/agent --exclude 'container=p*'`
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "--exclude", "kind=*"]).await.normalise(), @"
    exit 0
    --- stdout
    --- stderr
    Nothing is left to look at.
    3 containers excluded by `--exclude`.
    ");
    assert_snapshot!(freshimage(&bed, &["diagnose", "--exclude", "istio-proxy"]).await.normalise(), @"
    exit 2
    --- stdout
    --- stderr
    error: `--exclude` needs KEY=PATTERN, not `istio-proxy`
    hint: it knows container, kind, namespace and image, as in `--exclude container=istio-proxy,namespace=kube-*`
    ");
    let ran = freshimage(&bed, &["explain", "deployment/web", "--exclude", "container=proxy", "-o", "json"]).await;
    assert_eq!(rows(&ran), [app]);
    let ran = freshimage(&bed, &["explain", "deployment/web", "--exclude", "kind=Deployment"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 1
    --- stdout
    --- stderr
    error: there is nothing to explain: all of `deployment/web` is excluded
    hint: leave out `--exclude`, or name a container with `-c`
    ");

    let others = format!("image={}/*", scene.others.host());
    let bump = |more: &'static [&'static str]| [&["bump", "--to", "tag", "--yes", "--exclude"], more].concat();
    assert_ended(&freshimage(&bed, &[&bump(&[])[..], &["kind=*", "deployment/web"]].concat()).await, 1);
    // Flags that contradict each other are wrong usage; that they do may show in the cluster only.
    let ran = freshimage(&bed, &bump(&["container=proxy", "deployment/web", "-c", "proxy"])).await;
    assert_ended(&ran, 2);
    let ran = freshimage(&bed, &[&bump(&[])[..], &[others.as_str(), "deployment/web", "-c", "proxy"]].concat()).await;
    assert_ended(&ran, 1);
    assert!(ran.stderr.contains("container `proxy` is excluded by `--exclude`"), "{}", ran.normalise());
    let ran = freshimage(&bed, &[&bump(&[])[..], &[others.as_str(), "--all"]].concat()).await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:web, next>… · no restart in <age>
    --- stderr
    2 containers excluded by `--exclude`.
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let template = bed.get("deployment", "web").await["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(template[0]["image"], scene.own.image("web", "1.1"));
    assert_eq!(template[1]["image"], scene.others.image("proxy", "1.0"), "what is excluded stays");
    assert_eq!(image_of(&bed, "daemonset", "agent").await, scene.others.image("agent", "1.0"));
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_can_opt_out_and_is_told_of_where_it_is_named() {
    let bed = Bed::start("opt-out").await;
    let scene = Scene::start(&bed).await;
    let mut web = scene.web().deployment("web", 1);
    web["metadata"]["annotations"] = json!({ANNOTATION: "proxy"});
    let mut api = PodTemplate::new("app", &scene.own.image("api", "1.0")).stateful_set("api", 1);
    api["metadata"]["annotations"] = json!({ANNOTATION: "true"});
    // This one says it of its pods.
    let agent = PodTemplate::new("agent", &scene.others.image("agent", "1.0")).annotation(ANNOTATION, "true");
    for object in [&web, &api, &agent.daemon_set("agent")] {
        bed.create(object).await;
    }
    bed.wait_rolled_out("deployment", "web").await;
    bed.wait_rolled_out("statefulset", "api").await;
    bed.wait_rolled_out("daemonset", "agent").await;
    scene.push_again(&bed).await;

    assert_snapshot!(freshimage(&bed, &["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    deployment/web   app   <registry>/web:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    3 containers excluded by the annotation `kubectl-freshimage/exclude`.
    hint: see the proof with `kubectl freshimage explain deployment/web`
    hint: give it a unique tag with `kubectl freshimage bump deployment/web`
    ");
    assert_eq!(scene.asked(), ["web"], "nobody asks a registry for what opts out");
    let ran = freshimage(&bed, &["diagnose", "statefulset,daemonset", "--fail-on", "stale", "-o", "json"]).await;
    assert_eq!((rows(&ran), ran.code), (vec![], Some(0)), "types are no names");
    assert_eq!(ran.json()["summary"]["excluded"], 2);

    // By name it is there, with a word about it; a container that opts out has to be named itself.
    assert_snapshot!(freshimage(&bed, &["diagnose", "statefulset/api"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    statefulset/api   app   <registry>/api:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    note: 1 container is in the answer because it was named, though the annotation `kubectl-freshimage/exclude` excludes it
    hint: see the proof with `kubectl freshimage explain statefulset/api`
    hint: give it a unique tag with `kubectl freshimage bump statefulset/api`
    ");
    let ran = freshimage(&bed, &["explain", "deployment/web", "-o", "json"]).await;
    assert_eq!(rows(&ran), ["web app stale"]);
    let ran = freshimage(&bed, &["explain", "deployment/web", "-c", "proxy", "-o", "json"]).await;
    assert_eq!(rows(&ran), ["web proxy stale"]);

    let ran = freshimage(&bed, &["bump", "--all", "--to", "tag", "--yes"]).await;
    assert_snapshot!(ending(&ran), @"
    exit 0
    deployment/web   tagged 1.1 · patched · rolled out 1/1 · verified: 1 of 1 pod runs <manifest:web, next>… · no restart in <age>
    --- stderr
    3 containers excluded by the annotation `kubectl-freshimage/exclude`.
    hint: back with `kubectl freshimage undo deployment/web`
    ");
    let containers = bed.get("deployment", "web").await["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers[1]["image"], scene.others.image("proxy", "1.0"));
    assert_eq!(image_of(&bed, "statefulset", "api").await, scene.own.image("api", "1.0"));
    assert_ended(&freshimage(&bed, &["bump", "statefulset/api", "--to", "tag", "--yes"]).await, 0);
    assert_eq!(image_of(&bed, "statefulset", "api").await, scene.own.image("api", "1.1"));
    assert_ended(&freshimage(&bed, &["undo", "statefulset/api", "--yes"]).await, 0);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_for_debugging_is_shown_and_fails_nothing() {
    let bed = Bed::start("debug").await;
    let scene = Scene::start(&bed).await;
    bed.create(&PodTemplate::new("app", &scene.own.image("web", "1.0")).on_node("node-a").pod("web")).await;
    bed.wait_running("app=web", 1).await;
    bed.add_ephemeral_container("web", "debugger", &scene.own.image("api", "1.0")).await;
    let statuses =
        |pod: &serde_json::Value| pod["status"]["ephemeralContainerStatuses"][0]["state"]["running"].is_object();
    bed.wait_for("the debugger to run", "pod", "web", statuses).await;
    bed.push(&scene.own, "api", "1.0", bed.image("api, next").created("2026-11-20T10:00:00Z")).await;
    let ran = freshimage(&bed, &["diagnose", "--fail-on", "stale,moved-tag"]).await;
    assert_snapshot!(ran.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/web   app   <registry>/web:1.0   fresh   1/1
    pod/web   debugger (ephemeral)   <registry>/api:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    1 of 1 workload runs old content in 1 pod.
    hint: see the proof with `kubectl freshimage explain pod/web`
    ");
    bed.finish().await;
}
