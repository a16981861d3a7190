//! A sidecar that the cluster adds to every pod of the story's namespace, as meshes do it.
//!
//! On the real bed a mutating admission policy adds it; the simulated server does what such a policy would do where the
//! namespace carries [`INJECTION`].

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kubernetes::PatchKind;
use super::namespace::passed;
use super::workload::PodTemplate;
use super::{Bed, DEADLINE};

/// The annotation of a simulated namespace that says what is added to its pods.
pub const INJECTION: &str = "testbed.example.com/injection";

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
const PAUSE: Duration = Duration::from_millis(200);

impl Bed {
    /// From now on every new pod of the namespace gets this container and this label, whose key may hold a slash. Called
    /// again, it gets what was said last.
    pub async fn inject(&self, container: &str, image: &str, label: (&str, &str)) {
        if !self.is_real() {
            let injection = json!({"container": {"name": container, "image": image}, "label": [label.0, label.1]});
            let patch = json!({"metadata": {"annotations": {INJECTION: injection.to_string()}}});
            let path = format!("/api/v1/namespaces/{}", self.name());
            passed(self.kubernetes().patch(&path, PatchKind::Merge, &patch).await);
            return;
        }
        let name = format!("inject-{}", self.name());
        let expression = format!(
            "[JSONPatch{{op: \"add\", path: \"/spec/containers/-\", value: Object.spec.containers{{name: \"{container}\", \
             image: \"{image}\"}}}}, JSONPatch{{op: \"add\", path: \"/metadata/labels/{}\", value: \"{}\"}}]",
            label.0.replace('/', "~1"),
            label.1
        );
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail", "reinvocationPolicy": "Never",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.name()}},
                    "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
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
        // The API server takes a moment to act on it.
        let probe = PodTemplate::new("probe", "probe:1").pod("probe");
        let path = format!("{}?dryRun=All", self.path("pod", None));
        let started = Instant::now();
        loop {
            let admitted = passed(self.kubernetes().create(&path, &probe).await);
            let added = |one: &Value| one["name"] == container && one["image"] == image;
            if admitted["spec"]["containers"].as_array().is_some_and(|all| all.iter().any(added)) {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "waited in vain for {name} to be in force: {admitted:#}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
