//! The facade itself, lived on whichever bed the environment asks for: what stories take for granted.

use testbed::bed::workload::{PodTemplate, pull_secret};
use testbed::bed::{Bed, container_statuses};
use testbed::gateway::{Authentication, GatewayOptions, Login};
use testbed::image::{Index, Pushable};

fn image_id(pod: &serde_json::Value) -> &str {
    pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_restart_under_if_not_present_keeps_the_old_content() {
    let bed = Bed::start("facade-restart").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let old = bed.push(&registry, "app", "1.0", bed.image("v1")).await;
    let image = registry.image("app", "1.0");
    let template = PodTemplate::new("app", &image).policy("IfNotPresent").on_node("node-a");
    bed.create(&template.deployment("web", 1)).await;
    let before = bed.wait_rolled_out("deployment", "web").await;
    assert!(image_id(&before[0]).ends_with(&old), "{}", image_id(&before[0]));
    bed.push(&registry, "app", "1.0", bed.image("v2")).await;
    let after = bed.restart("deployment", "web").await;
    assert_ne!(before[0]["metadata"]["uid"], after[0]["metadata"]["uid"]);
    assert_eq!(image_id(&before[0]), image_id(&after[0]));
    assert_eq!(bed.normaliser().normalise(image_id(&after[0])), "<registry>/app@<manifest:v1>");
    bed.finish().await;
}

#[tokio::test]
async fn an_imported_image_runs_without_a_registry_and_shows_its_config() {
    let bed = Bed::start("facade-import").await;
    let image = bed.image("by hand");
    let config = image.config_digest();
    let reference = format!("registry.invalid/{}/hand:1.0", bed.name());
    bed.import_image("node-b", image, &reference).await;
    let template = PodTemplate::new("app", &reference).policy("Never").on_node("node-b");
    bed.create(&template.pod("hand")).await;
    let pods = bed.wait_running("app=hand", 1).await;
    assert_eq!(image_id(&pods[0]), config);
    bed.remove_image("node-b", &reference).await;
    bed.finish().await;
}

#[tokio::test]
async fn a_locked_registry_opens_for_the_pull_secret() {
    let bed = Bed::start("facade-locked").await;
    let login = Authentication::Bearer(Login::user("ann", "secret"));
    let registry = bed.gateway(GatewayOptions::new().authentication(login)).await;
    let index = Index::new([bed.image("v1"), bed.image("v1").platform("linux", "s390x", None)]).with_attestations();
    bed.push(&registry, "app", "1.0", &index).await;
    bed.create(&pull_secret("right", &[(&registry.host(), "ann", "secret")])).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    bed.create(&template.pod("without")).await;
    bed.create(&template.pull_secret("right").pod("with")).await;
    let pods = bed.wait_running("app=with", 1).await;
    let digests: Vec<String> = Pushable::from(&index).named_digests().into_iter().map(|named| named.0).collect();
    assert!(digests.iter().any(|digest| image_id(&pods[0]).ends_with(digest)), "{}", image_id(&pods[0]));
    bed.wait_waiting("app=without", &["ErrImagePull", "ImagePullBackOff"]).await;
    assert!(registry.requests().tokens() > 0);
    bed.finish().await;
}

#[tokio::test]
async fn containers_of_every_sort_report_what_they_run() {
    let bed = Bed::start("facade-sorts").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    for name in ["app", "setup", "proxy", "debug"] {
        bed.push(&registry, name, "1.0", bed.image(name)).await;
    }
    let template = PodTemplate::new("app", &registry.image("app", "1.0"))
        .init("setup", &registry.image("setup", "1.0"))
        .sidecar("proxy", &registry.image("proxy", "1.0"));
    bed.create(&template.stateful_set("db", 1)).await;
    bed.wait_rolled_out("statefulset", "db").await;
    bed.add_ephemeral_container("db-0", "debug", &registry.image("debug", "1.0")).await;
    let pods = bed
        .wait_for_pods("the ephemeral container", "app=db", |pods| {
            pods.iter().any(|pod| !pod["status"]["ephemeralContainerStatuses"][0]["state"]["running"].is_null())
        })
        .await;
    let ids: Vec<String> = container_statuses(&pods[0])
        .iter()
        .map(|status| bed.normaliser().normalise(status["imageID"].as_str().unwrap_or_default()))
        .collect();
    let expected = ["setup", "proxy", "app", "debug"].map(|name| format!("<registry>/{name}@<manifest:{name}>"));
    assert_eq!(ids, expected);
    bed.finish().await;
}

#[tokio::test]
async fn owners_of_every_kind_run_complete_and_crash() {
    let bed = Bed::start("facade-owners").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("v1")).await;
    let template = PodTemplate::new("app", &registry.image("app", "1.0"));
    bed.create(&template.daemon_set("everywhere")).await;
    bed.create(&template.replica_set("set", 2)).await;
    bed.create(&template.replication_controller("controller", 1)).await;
    bed.create(&template.clone().that_completes().job("once")).await;
    bed.create(&template.clone().that_crashes().pod("crashing")).await;
    assert_eq!(bed.wait_rolled_out("ds", "everywhere").await.len(), bed.nodes().len());
    bed.wait_rolled_out("rs", "set").await;
    bed.wait_rolled_out("rc", "controller").await;
    bed.wait_for("the job to complete", "job", "once", |job| job["status"]["succeeded"] == 1).await;
    bed.wait_waiting("app=crashing", &["CrashLoopBackOff"]).await;
    bed.finish().await;
}

#[tokio::test]
async fn a_reader_may_do_what_was_allowed_and_no_more() {
    let bed = Bed::start("facade-reader").await;
    let other = bed.extra_namespace("other").await;
    bed.allow("pod-reader", &["list"], &["pods"]).await;
    let reader = bed.kubernetes_for("pod-reader");
    assert!(reader.get(&bed.path("pods", None)).await.is_ok());
    for path in [other.path("pods", None), bed.path("pods", Some("web")), "/api/v1/nodes".to_owned()] {
        let refused = reader.get(&path).await.expect_err("nothing allows it");
        assert_eq!(refused.status.map(|status| status.as_u16()), Some(403), "{refused}");
    }
    bed.finish().await;
}

#[tokio::test]
async fn nodes_pull_over_tls_and_follow_redirects_of_blobs() {
    let bed = Bed::start("facade-tls").await;
    // The simulated nodes trust no authority of a test's: for them plain http has to do.
    let options = if bed.is_real() { GatewayOptions::new().tls() } else { GatewayOptions::new() };
    let registry = bed.gateway(options).await;
    registry.redirect_blobs(true);
    bed.push(&registry, "app", "1.0", bed.image("v1")).await;
    bed.create(&PodTemplate::new("app", &registry.image("app", "1.0")).pod("web")).await;
    bed.wait_running("app=web", 1).await;
    assert!(registry.requests_elsewhere().count(|asked| asked.blob().is_some()) > 0);
    bed.finish().await;
}

#[tokio::test]
async fn a_registry_that_is_down_comes_back() {
    let bed = Bed::start("facade-down").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "app", "1.0", bed.image("v1")).await;
    registry.stop().await;
    bed.create(&PodTemplate::new("app", &registry.image("app", "1.0")).pod("web")).await;
    bed.wait_waiting("app=web", &["ErrImagePull", "ImagePullBackOff"]).await;
    registry.restart().await.unwrap();
    bed.wait_running("app=web", 1).await;
    bed.finish().await;
}

#[tokio::test]
async fn the_product_runs_with_nothing_but_what_a_story_gives_it() {
    let bed = Bed::start("facade-product").await;
    let script = "env | cut -d= -f1 | sort | tr '\\n' ' '; cat; pwd >&2; cat $KUBECONFIG >&2; exit 3";
    let ran = bed.product("/bin/sh").args(&["-c", script]).env("EXTRA", "1").stdin("from stdin\n").run().await;
    assert_eq!(ran.code, Some(3));
    // `PWD`, `SHLVL` and the like are the shell's own.
    for name in ["EXTRA", "HOME", "KUBECONFIG", "PATH"] {
        assert!(ran.stdout.contains(name), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("CARGO"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("from stdin\n"), "{}", ran.stdout);
    let text = ran.normalise();
    assert!(text.starts_with("exit 3\n--- stdout\n"), "{text}");
    assert!(text.contains("--- stderr\n<home>\n"), "{text}");
    assert!(text.contains("\"namespace\":\"<namespace>\"") && text.contains("\"server\":\"<server>\""), "{text}");
    bed.finish().await;
}
