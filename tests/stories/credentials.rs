//! Registries that ask for a login, and the credentials that a kubelet would use.

use insta::assert_snapshot;
use serde_json::json;
use testbed::bed::Bed;
use testbed::bed::workload::{PodTemplate, pull_secret};
use testbed::gateway::{Asked, Authentication, Authorization, Gateway, GatewayOptions, Login};

use crate::support::freshimage;

const RIGHT: &str = "correct-horse-battery";
const WRONG: &str = "hunter2-was-changed";

/// Neither in plain text nor as it stands in secrets and headers.
fn assert_keeps_quiet(text: &str) {
    for (user, password) in [("ann", RIGHT), ("bob", WRONG)] {
        let encoded = pull_secret("any", &[("any", user, password)])["data"][".dockerconfigjson"].to_string();
        let basic = basic(user, password);
        for secret in [password, encoded.trim_matches('"'), &basic] {
            assert!(!text.contains(secret), "a credential is shown:\n{text}");
        }
    }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

/// Pods that run already when the registry begins to ask for a login: what they run is known, and whether their
/// secrets still open the registry is for the product to find out.
async fn behind_a_login(bed: &Bed, authentication: Authentication) -> Gateway {
    let registry = bed.gateway(GatewayOptions::new()).await;
    bed.push(&registry, "team/app", "1.0", bed.image("v1").created("2025-03-17T10:00:00Z")).await;
    let host = registry.host();
    bed.create(&pull_secret("right", &[(&host, "ann", RIGHT)])).await;
    bed.create(&pull_secret("wrong", &[(&host, "bob", WRONG)])).await;
    for (account, secret) in [("puller", Some("right")), ("later", None)] {
        let mut object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
        if let Some(secret) = secret {
            object["imagePullSecrets"] = json!([{"name": secret}]);
        }
        bed.create(&object).await;
    }
    let template = PodTemplate::new("app", &registry.image("team/app", "1.0")).on_node("node-a");
    let pods = [
        ("right", template.clone().pull_secret("right")),
        ("wrong", template.clone().pull_secret("wrong")),
        ("right-second", template.clone().pull_secret("wrong").pull_secret("right")),
        ("by-account", template.clone().service_account("puller")),
        ("by-account-later", template.clone().service_account("later")),
        ("missing", template.clone().pull_secret("missing")),
        ("none", template),
    ];
    for (name, template) in &pods {
        bed.create(&template.pod(name)).await;
    }
    for (name, _) in &pods {
        bed.wait_running(&format!("app={name}"), 1).await;
    }
    let secrets = json!({"imagePullSecrets": [{"name": "right"}]});
    bed.merge_patch("serviceaccount", "later", &secrets).await;
    registry.require(authentication);
    registry.forget_requests();
    registry
}

/// Tokens are asked for once for each credential, and a password goes nowhere but to the token server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bearer_registry_opens_for_every_pod_whose_secret_is_right() {
    let bed = Bed::start("bearer").await;
    let registry = behind_a_login(&bed, Authentication::Bearer(Login::user("ann", RIGHT))).await;
    let ran = freshimage(&bed, &["diagnose"]).await;
    assert_keeps_quiet(&(ran.stdout.clone() + &ran.stderr));
    assert_snapshot!(ran.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/by-account   app   <registry>/team/app:1.0   fresh   1/1
    pod/by-account-later   app   <registry>/team/app:1.0   fresh   1/1
    pod/missing   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` asks for a login
    pod/none   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` asks for a login
    pod/right   app   <registry>/team/app:1.0   fresh   1/1
    pod/right-second   app   <registry>/team/app:1.0   fresh   1/1
    pod/wrong   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` denied access with the credential that matches
    --- stderr

    Nothing stale in 7 workloads with 7 pods, 3 could not be checked.
    note: secrets could not be read (secrets "missing" not found in namespace `<namespace>`): registries were asked without their logins
    hint: see what was tried with `kubectl freshimage explain pod/missing`
    "#);
    let requests = registry.requests();
    let tokens_for = |wanted: &dyn Fn(&Authorization) -> bool| {
        requests.count(|asked| asked.path == testbed::gateway::TOKEN_PATH && wanted(&asked.authorization))
    };
    let is = |name: &'static str| move |who: &Authorization| matches!(who, Authorization::Basic { user, .. } if user == name);
    assert_eq!(tokens_for(&is("ann")), 1);
    assert_eq!(tokens_for(&is("bob")), 1);
    let leaks = |asked: &Asked| {
        asked.path != testbed::gateway::TOKEN_PATH && matches!(asked.authorization, Authorization::Basic { .. })
    };
    assert_eq!(requests.count(leaks), 0);
    assert_eq!(requests.count(|asked| asked.method == "GET" && asked.repository().is_some()), 0);

    // Where contents have to be compared, the same credentials open the manifests and the configs.
    bed.push(&registry, "team/app", "1.0", bed.image("v2").created("2025-03-20T10:00:00Z")).await;
    let ran = freshimage(&bed, &["diagnose"]).await;
    assert_snapshot!(ran.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/by-account   app   <registry>/team/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/by-account-later   app   <registry>/team/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/missing   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` asks for a login
    pod/none   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` asks for a login
    pod/right   app   <registry>/team/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/right-second   app   <registry>/team/app:1.0   stale   1/1   re-pushed, built <age> ago; IfNotPresent, node holds the old bits
    pod/wrong   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` denied access with the credential that matches
    --- stderr

    4 of 7 workloads run old content in 4 pods, 3 could not be checked.
    note: secrets could not be read (secrets "missing" not found in namespace `<namespace>`): registries were asked without their logins
    hint: see the proof with `kubectl freshimage explain pod/by-account`
    hint: give it a unique tag with `kubectl freshimage bump pod/by-account`
    "#);
    for arguments in [
        &["diagnose", "-o", "json"][..],
        &["diagnose", "-o", "yaml"],
        &["diagnose", "-o", "wide"],
        &["explain", "pod/right"],
        &["explain", "pod/wrong"],
        &["explain", "pod/none"],
    ] {
        let ran = freshimage(&bed, arguments).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_keeps_quiet(&(ran.stdout + &ran.stderr));
    }
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_basic_registry_opens_for_secrets_and_then_for_the_local_login() {
    let bed = Bed::start("basic").await;
    let registry = behind_a_login(&bed, Authentication::Basic(Login::user("ann", RIGHT))).await;
    let ran = freshimage(&bed, &["diagnose"]).await;
    assert_keeps_quiet(&(ran.stdout.clone() + &ran.stderr));
    assert_snapshot!(ran.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/by-account   app   <registry>/team/app:1.0   fresh   1/1
    pod/by-account-later   app   <registry>/team/app:1.0   fresh   1/1
    pod/missing   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` asks for a login
    pod/none   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` asks for a login
    pod/right   app   <registry>/team/app:1.0   fresh   1/1
    pod/right-second   app   <registry>/team/app:1.0   fresh   1/1
    pod/wrong   app   <registry>/team/app:1.0   unknown   1/1   registry `<registry>` denied access with the credential that matches
    --- stderr

    Nothing stale in 7 workloads with 7 pods, 3 could not be checked.
    note: secrets could not be read (secrets "missing" not found in namespace `<namespace>`): registries were asked without their logins
    hint: see what was tried with `kubectl freshimage explain pod/missing`
    "#);
    let explained = freshimage(&bed, &["explain", "pod/wrong"]).await;
    assert_keeps_quiet(&(explained.stdout.clone() + &explained.stderr));
    assert_snapshot!(explained.normalise(), @"
    exit 0
    --- stdout
    pod/wrong, container app: unknown in 1 of 1 pod

      asked for   <registry>/team/app:1.0
                  imagePullPolicy IfNotPresent (set when the pod was created)
      tag serves  not known
      pods run   <manifest:v1>…
                  wrong on node-a, created <age> ago
      so   registry `<registry>` denied access with the credential that
                  matches

      why   registry `<registry>` denied access with the credential that
                  matches
      helps   check the imagePullSecrets and the local login

      evidence
        HEAD <registry>/team/app:1.0
          → registry denied access with the credential that matches

      digests in full
        running
          <manifest:v1>
    --- stderr
    ");

    // What `docker login` leaves behind, for whatever the pods' own secrets do not open.
    let docker = bed.home().join(".docker");
    std::fs::create_dir_all(&docker).expect("the home is ours to write");
    let login = json!({"auths": {registry.host(): {"auth": basic("ann", RIGHT)}}});
    std::fs::write(docker.join("config.json"), login.to_string()).expect("the home is ours to write");
    let ran = freshimage(&bed, &["diagnose"]).await;
    assert_keeps_quiet(&(ran.stdout.clone() + &ran.stderr));
    assert_snapshot!(ran.normalise(), @r#"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/by-account   app   <registry>/team/app:1.0   fresh   1/1
    pod/by-account-later   app   <registry>/team/app:1.0   fresh   1/1
    pod/missing   app   <registry>/team/app:1.0   fresh   1/1
    pod/none   app   <registry>/team/app:1.0   fresh   1/1
    pod/right   app   <registry>/team/app:1.0   fresh   1/1
    pod/right-second   app   <registry>/team/app:1.0   fresh   1/1
    pod/wrong   app   <registry>/team/app:1.0   fresh   1/1
    --- stderr

    Nothing stale in 7 workloads with 7 pods.
    note: secrets could not be read (secrets "missing" not found in namespace `<namespace>`): registries were asked without their logins
    "#);
    bed.finish().await;
}

/// The kubelet pulls with the secrets too: the pods here were never anything but locked out or let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_whose_secret_opens_nothing_waits_and_harms_no_other_row() {
    let bed = Bed::start("locked").await;
    let login = Authentication::Bearer(Login::user("ann", RIGHT));
    let registry = bed.gateway(GatewayOptions::new().authentication(login)).await;
    bed.push(&registry, "team/app", "1.0", bed.image("v1")).await;
    bed.create(&pull_secret("right", &[(&registry.host(), "ann", RIGHT)])).await;
    bed.create(&pull_secret("wrong", &[(&registry.host(), "bob", WRONG)])).await;
    let template = PodTemplate::new("app", &registry.image("team/app", "1.0")).on_node("node-a");
    bed.create(&template.clone().pull_secret("wrong").pull_secret("right").pod("right-second")).await;
    bed.wait_running("app=right-second", 1).await;
    bed.create(&template.clone().pull_secret("wrong").pod("wrong")).await;
    bed.wait_waiting("app=wrong", &["ImagePullBackOff"]).await;
    let ran = freshimage(&bed, &["diagnose", "--only", "fresh,waiting"]).await;
    // The kubelet's own message swings between the two while it retries.
    let text = ran.normalise().replace("ErrImagePull", "ImagePullBackOff");
    assert_keeps_quiet(&text);
    assert_snapshot!(text, @"
    exit 0
    --- stdout
    WORKLOAD   CONTAINER   IMAGE   VERDICT   PODS   WHY
    pod/right-second   app   <registry>/team/app:1.0   fresh   1/1
    pod/wrong   app   <registry>/team/app:1.0   waiting   1/1   ImagePullBackOff
    --- stderr

    Nothing stale in 2 workloads with 2 pods, 1 pod is in ImagePullBackOff.
    ");
    bed.finish().await;
}
