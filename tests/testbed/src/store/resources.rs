//! Which resources the server has: the built-in ones, and those that CustomResourceDefinitions add at run time.

use serde_json::Value;

use super::object::{flag, items, text};

/// One resource of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version in which it is served.
    pub version: String,
    /// `deployments`.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// `Deployment`.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// `deploy`.
    pub short_names: Vec<String>,
    /// `all`.
    pub categories: Vec<String>,
    /// `status`, `scale`, …
    pub subresources: Vec<String>,
    /// Whether it was added by a CustomResourceDefinition.
    pub custom: bool,
    /// Whether it is only created and never stored, as access reviews are.
    pub review: bool,
}

impl ResourceType {
    /// The name that tells resources of all groups apart: `pods`, `deployments.apps`.
    pub fn key(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The verbs that discovery shows.
    pub fn verbs(&self) -> Vec<&'static str> {
        if self.review {
            vec!["create"]
        } else if self.plural == "namespaces" {
            vec!["create", "delete", "get", "list", "patch", "update", "watch"]
        } else {
            vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        }
    }

    /// Whether a change of its spec counts up `metadata.generation`.
    pub fn has_generation(&self) -> bool {
        self.custom
            || matches!(self.group.as_str(), "apps" | "batch") && self.plural != "controllerrevisions"
            || matches!(self.plural.as_str(), "pods" | "replicationcontrollers")
    }
}

/// `(group, version, plural, kind, namespaced, short names, categories, subresources)`.
type Row = (&'static str, &'static str, &'static str, &'static str, bool, &'static str, &'static str, &'static str);

const BUILT_IN: &[Row] = &[
    ("", "v1", "configmaps", "ConfigMap", true, "cm", "", ""),
    ("", "v1", "endpoints", "Endpoints", true, "ep", "", ""),
    ("", "v1", "events", "Event", true, "ev", "", ""),
    ("", "v1", "limitranges", "LimitRange", true, "limits", "", ""),
    ("", "v1", "namespaces", "Namespace", false, "ns", "", "status"),
    ("", "v1", "nodes", "Node", false, "no", "", "status"),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, "pvc", "", "status"),
    ("", "v1", "persistentvolumes", "PersistentVolume", false, "pv", "", "status"),
    ("", "v1", "pods", "Pod", true, "po", "all", "status ephemeralcontainers"),
    ("", "v1", "podtemplates", "PodTemplate", true, "", "", ""),
    ("", "v1", "replicationcontrollers", "ReplicationController", true, "rc", "all", "status scale"),
    ("", "v1", "resourcequotas", "ResourceQuota", true, "quota", "", "status"),
    ("", "v1", "secrets", "Secret", true, "", "", ""),
    ("", "v1", "serviceaccounts", "ServiceAccount", true, "sa", "", ""),
    ("", "v1", "services", "Service", true, "svc", "all", "status"),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", true, "", "", ""),
    ("apps", "v1", "daemonsets", "DaemonSet", true, "ds", "all", "status"),
    ("apps", "v1", "deployments", "Deployment", true, "deploy", "all", "status scale"),
    ("apps", "v1", "replicasets", "ReplicaSet", true, "rs", "all", "status scale"),
    ("apps", "v1", "statefulsets", "StatefulSet", true, "sts", "all", "status scale"),
    ("batch", "v1", "cronjobs", "CronJob", true, "cj", "all", "status"),
    ("batch", "v1", "jobs", "Job", true, "", "all", "status"),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false, "", "", ""),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false, "", "", ""),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true, "", "", ""),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", true, "", "", ""),
    (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        false,
        "crd crds",
        "api-extensions",
        "status",
    ),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false, "", "", ""),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false, "", "", ""),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false, "", "", ""),
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false, "", "", ""),
];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The resources of a fresh cluster.
pub fn built_in() -> Vec<ResourceType> {
    BUILT_IN
        .iter()
        .map(|(group, version, plural, kind, namespaced, short_names, categories, subresources)| ResourceType {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
            plural: (*plural).to_owned(),
            singular: kind.to_lowercase(),
            kind: (*kind).to_owned(),
            namespaced: *namespaced,
            short_names: words(short_names),
            categories: words(categories),
            subresources: words(subresources),
            custom: false,
            review: group.starts_with("auth"),
        })
        .collect()
}

/// The resources that a CustomResourceDefinition adds: one for each served version.
pub fn of_definition(definition: &Value) -> Vec<ResourceType> {
    let strings = |pointer: &str| -> Vec<String> {
        items(definition, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = text(definition, "/spec/names/kind");
    let singular = match text(definition, "/spec/names/singular") {
        "" => kind.to_lowercase(),
        given => given.to_owned(),
    };
    items(definition, "/spec/versions")
        .iter()
        .filter(|version| flag(version, "/served"))
        .map(|version| ResourceType {
            group: text(definition, "/spec/group").to_owned(),
            version: text(version, "/name").to_owned(),
            plural: text(definition, "/spec/names/plural").to_owned(),
            singular: singular.clone(),
            kind: kind.to_owned(),
            namespaced: text(definition, "/spec/scope") == "Namespaced",
            short_names: strings("/spec/names/shortNames"),
            categories: strings("/spec/names/categories"),
            subresources: version
                .get("subresources")
                .and_then(Value::as_object)
                .map(|subresources| subresources.keys().cloned().collect())
                .unwrap_or_default(),
            custom: true,
            review: false,
        })
        .collect()
}
