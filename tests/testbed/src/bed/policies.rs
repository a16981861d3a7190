//! What the cluster makes of the objects of the story's namespace: a sidecar in every pod, as meshes add it, or other
//! references in Deployments, as policies write them.
//!
//! On the real bed a mutating admission policy does it; the simulated server does what such a policy would do where the
//! namespace carries [`INJECTION`] or [`REWRITING`].

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kubernetes::PatchKind;
use super::namespace::passed;
use super::workload::PodTemplate;
use super::{Bed, DEADLINE};

/// The annotation of a simulated namespace that says what is added to its pods.
pub const INJECTION: &str = "testbed.example.com/injection";

/// The annotation of a simulated namespace that says which part of a reference is replaced by what.
pub const REWRITING: &str = "testbed.example.com/rewriting";

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
const PAUSE: Duration = Duration::from_millis(200);

impl Bed {
    /// From now on every new pod of the namespace gets this container and this label, whose key may hold a slash. Called
    /// again, it gets what was said last.
    pub async fn inject(&self, container: &str, image: &str, label: (&str, &str)) {
        if !self.is_real() {
            let injection = json!({"container": {"name": container, "image": image}, "label": [label.0, label.1]});
            self.annotate(INJECTION, &injection).await;
            return;
        }
        let expression = format!(
            "[JSONPatch{{op: \"add\", path: \"/spec/containers/-\", value: Object.spec.containers{{name: \"{container}\", \
             image: \"{image}\"}}}}, JSONPatch{{op: \"add\", path: \"/metadata/labels/{}\", value: \"{}\"}}]",
            label.0.replace('/', "~1"),
            label.1
        );
        let policy = "inject";
        self.mutate(policy, &["CREATE"], ("", "pods"), &expression).await;
        let probe = PodTemplate::new("probe", "probe:1").pod("probe");
        let added = |one: &Value| one["name"] == container && one["image"] == image;
        self.wait_for_policy(policy, "pod", &probe, |admitted| {
            admitted["spec"]["containers"].as_array().is_some_and(|all| all.iter().any(added))
        })
        .await;
    }

    /// From now on Deployments of the namespace get `to` in the place of `from` in the references of their containers. Called
    /// again, it gets what was said last.
    pub async fn rewrite(&self, from: &str, to: &str) {
        if !self.is_real() {
            self.annotate(REWRITING, &json!([from, to])).await;
            return;
        }
        let image = "object.spec.template.spec.containers[0].image";
        let expression = format!(
            "[JSONPatch{{op: \"replace\", path: \"/spec/template/spec/containers/0/image\", \
             value: {image}.replace(\"{from}\", \"{to}\")}}]"
        );
        let policy = "rewrite";
        self.mutate(policy, &["CREATE", "UPDATE"], ("apps", "deployments"), &expression).await;
        let probe = PodTemplate::new("probe", from).deployment("probe", 1);
        self.wait_for_policy(policy, "deployment", &probe, |admitted| {
            admitted["spec"]["template"]["spec"]["containers"][0]["image"] == to
        })
        .await;
    }

    async fn annotate(&self, key: &str, value: &Value) {
        let patch = json!({"metadata": {"annotations": {key: value.to_string()}}});
        let path = format!("/api/v1/namespaces/{}", self.name());
        passed(self.kubernetes().patch(&path, PatchKind::Merge, &patch).await);
    }

    /// A policy of the real cluster that changes objects of the story's namespace.
    async fn mutate(&self, kind: &str, operations: &[&str], (group, resource): (&str, &str), expression: &str) {
        let name = format!("{kind}-{}", self.name());
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail", "reinvocationPolicy": "Never",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.name()}},
                    "resourceRules": [{
                        "apiGroups": [group], "apiVersions": ["v1"], "operations": operations, "resources": [resource],
                    }],
                },
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name}, "spec": {"policyName": name},
        });
        for (plural, object) in [("mutatingadmissionpolicies", &policy), ("mutatingadmissionpolicybindings", &binding)]
        {
            let path = format!("{GROUP}/{plural}/{name}");
            match self.kubernetes().find(&path).await {
                Ok(Some(_)) => {
                    let spec = json!({"spec": object["spec"]});
                    passed(self.kubernetes().patch(&path, PatchKind::Merge, &spec).await);
                }
                _ => {
                    passed(self.kubernetes().create(&format!("{GROUP}/{plural}"), object).await);
                    self.with(|mutable| mutable.cluster_wide.push(path));
                }
            }
        }
    }

    /// The API server takes a moment to act on a policy: until it does with a probe that is not stored.
    async fn wait_for_policy(&self, policy: &str, kind: &str, probe: &Value, acts: impl Fn(&Value) -> bool) {
        let path = format!("{}?dryRun=All", self.path(kind, None));
        let started = Instant::now();
        loop {
            let admitted = passed(self.kubernetes().create(&path, probe).await);
            if acts(&admitted) {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "waited in vain for {policy} to be in force: {admitted:#}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
