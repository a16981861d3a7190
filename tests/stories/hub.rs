//! Docker Hub's short names. Only simulated: the real bed's nodes have no way out, and nothing here may play Docker Hub
//! for them.

use insta::assert_snapshot;
use testbed::bed::Bed;
use testbed::bed::workload::PodTemplate;
use testbed::client::RegistryClient;
use testbed::gateway::{Gateway, GatewayOptions, Upstream};
use testbed::registry::RegistryStore;
use testbed::simulated::SimulatedOptions;

use crate::support::{BINARY, cannot_be_real};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_names_of_an_official_image_are_one_reference() {
    let store = RegistryStore::new();
    let hub = Gateway::start(Upstream::Router(store.router()), GatewayOptions::new()).await.expect("a free port");
    let options = SimulatedOptions { hub: Some(hub.host()), ..SimulatedOptions::default() };
    let bed = Bed::start_with("hub", options).await;
    if cannot_be_real(&bed, "the nodes of the real bed do not take a registry of ours for Docker Hub") {
        bed.finish().await;
        return;
    }
    let side_door = RegistryClient::new(&hub.host());
    let push = async |content: &str, created: &str| {
        let image = bed.image(content).created(created);
        bed.name_digests(&(&image).into());
        side_door.push("library/nginx", Some("latest"), image).await.expect("the registry takes it");
    };
    push("nginx", "2025-03-17T10:00:00Z").await;
    let names = [
        "nginx",
        "library/nginx",
        "docker.io/library/nginx",
        "index.docker.io/library/nginx:latest",
        "docker.io/nginx",
    ];
    for (number, image) in names.iter().enumerate() {
        let name = format!("web-{}", number + 1);
        bed.create(&PodTemplate::new("app", image).policy("IfNotPresent").on_node("node-a").pod(&name)).await;
        bed.wait_running(&format!("app={name}"), 1).await;
    }
    hub.forget_requests();
    let diagnose = async |arguments: &[&str]| {
        let mirrors = format!("docker.io={}", hub.url());
        // Without a flag, so that no hint has to repeat it.
        bed.product(BINARY).env("FRESHIMAGE_REGISTRY_MIRRORS", mirrors).args(arguments).run().await
    };
    assert_snapshot!(diagnose(&["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/web-1   app   nginx   fresh   1/1
    pod/web-2   app   library/nginx   fresh   1/1
    pod/web-3   app   docker.io/library/nginx   fresh   1/1
    pod/web-4   app   index.docker.io/library/nginx:latest   fresh   1/1
    pod/web-5   app   docker.io/nginx   fresh   1/1
    --- stderr

    Nothing stale in 5 workloads with 5 pods.
    ");
    assert_eq!(hub.requests().heads("library/nginx", "latest"), 1);
    assert_eq!(hub.requests().count(|asked| asked.method == "GET"), 0);

    push("nginx, next", "2025-03-20T10:00:00Z").await;
    hub.forget_requests();
    assert_snapshot!(diagnose(&["diagnose"]).await.normalise(), @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/web-1   app   nginx   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/web-2   app   library/nginx   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/web-3   app   docker.io/library/nginx   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/web-4   app   index.docker.io/library/nginx:latest   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/web-5   app   docker.io/nginx   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    --- stderr

    5 of 5 workloads run old content in 5 pods.
    hint: see the proof with `kubectl freshimage explain pod/web-1`
    hint: give it a unique tag with `kubectl freshimage bump pod/web-1`
    ");
    assert_eq!(hub.requests().heads("library/nginx", "latest"), 1);
    assert_snapshot!(diagnose(&["explain", "pod/web-1"]).await.normalise(), @"
    exit 0
    --- stdout
    pod/web-1, container app: stale in 1 of 1 pod

      asked for   nginx
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  <manifest:nginx, next>…  manifest → config <config:nginx, next>…
                  built 2025-03-20 10:00 UTC
      pods run   <manifest:nginx>…  manifest → config <config:nginx>…
                  built 2025-03-17 10:00 UTC
                  web-1 on node-a, created <age> ago
      so   the contents differ (config digests)

      why   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
      no help   creating the pod anew: the node gives a new pod the image that it
                  holds; nothing asks the registry again, as long as the pod's
                  credentials are the ones that the image was pulled with
      helps   a unique tag for each build: no node, mirror or cache can answer a
                  tag that was never used with old content (best)
                    kubectl freshimage bump pod/web-1
                  the digest in the reference: nginx@<manifest:nginx, next>…: a digest
                  names its content; nothing can answer it with other bits
                    kubectl freshimage pin pod/web-1
                  imagePullPolicy: Always and a restart (not recommended): the
                  registry is asked at every start, and every start needs it from
                  then on

      findings   floating-tag: this tag moves by design, so pods that start at
                  different times run different content; use a unique tag for each
                  build
                  moved-tag: the tag was pushed again under running pods; use a
                  unique tag for each build

      evidence
        HEAD docker.io/library/nginx:latest
          → serves <manifest:nginx, next>
        GET docker.io/library/nginx@<manifest:nginx, next>
          → image manifest, config <config:nginx, next>
        GET docker.io/library/nginx@<manifest:nginx>
          → image manifest, config <config:nginx>
        config of the served content
          → <config:nginx, next>, built 2025-03-20 10:00:00Z
        config of the running content
          → <config:nginx>, built 2025-03-17 10:00:00Z

      digests in full
        served
          <manifest:nginx, next>
        running
          <manifest:nginx>
    --- stderr
    ");
    bed.finish().await;
}
