//! Who may do what: grants to users of a bed, in a namespace or everywhere, and users of a story's own.
//!
//! A real server follows changed roles a moment later. Every grant here is waited for, so that a story may go on at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kubernetes::Kubernetes;
use super::namespace::{Namespace, passed};
use super::{Bed, DEADLINE, Kind};

const API: &str = "/apis/rbac.authorization.k8s.io/v1";

/// How long a withdrawn right may still be seen: another grant may give it too, and then it never goes.
const LINGERS: Duration = Duration::from_secs(10);

/// What is granted, and to whom.
#[derive(Debug)]
struct Grant<'a> {
    user: &'a str,
    api_group: &'a str,
    verbs: &'a [&'a str],
    resources: &'a [&'a str],
}

impl Grant<'_> {
    /// One name for each user, group and set of resources, so that a second grant takes the place of the first.
    fn name(&self) -> String {
        let parts = [self.user, self.api_group, &self.resources.join("-")];
        parts.map(|part| part.replace([':', '/'], ".")).join("-").replace("--", "-")
    }

    fn role(&self, kind: &str, name: &str) -> Value {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name},
            "rules": [{"apiGroups": [self.api_group], "resources": self.resources, "verbs": self.verbs}],
        })
    }

    fn binding(&self, kind: &str, name: &str) -> Value {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"), "metadata": {"name": name},
            "subjects": [{"kind": "User", "name": self.user, "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"},
        })
    }

    /// Whether the server's authorizer gives all of it in a namespace (or in the cluster, for an empty one), or any.
    async fn is_in_force(&self, kubernetes: &Kubernetes, namespace: &str, wholly: bool) -> bool {
        for resource in self.resources {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            for verb in self.verbs {
                let review = json!({
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                    "spec": {"user": self.user, "resourceAttributes": {
                        "namespace": namespace, "verb": verb, "group": self.api_group, "resource": resource,
                        "subresource": subresource,
                    }},
                });
                let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
                let answer = passed(kubernetes.create(path, &review).await);
                if (answer["status"]["allowed"] == true) != wholly {
                    return !wholly;
                }
            }
        }
        wholly
    }

    async fn wait_in_force(&self, kubernetes: &Kubernetes, namespace: &str) {
        let started = Instant::now();
        while !self.is_in_force(kubernetes, namespace, true).await {
            assert!(started.elapsed() < DEADLINE, "waited in vain for a right: {self:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn wait_gone(&self, kubernetes: &Kubernetes, namespace: &str) {
        let started = Instant::now();
        while started.elapsed() < LINGERS && self.is_in_force(kubernetes, namespace, false).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Namespace {
    /// Allows a user to `verbs` on `resources` of the core group in this namespace.
    pub async fn allow(&self, user: &str, verbs: &[&str], resources: &[&str]) {
        self.allow_in(user, "", verbs, resources).await;
    }

    /// Allows a user to `verbs` on `resources` of an API group (`apps`) in this namespace. The same resources named
    /// again: these verbs instead of the earlier ones.
    pub async fn allow_in(&self, user: &str, api_group: &str, verbs: &[&str], resources: &[&str]) {
        let grant = Grant { user, api_group, verbs, resources };
        self.create_or_replace(&grant.role("Role", &grant.name())).await;
        self.create_or_replace(&grant.binding("Role", &grant.name())).await;
        grant.wait_in_force(self.kubernetes(), self.name()).await;
    }

    /// Takes back what [`Namespace::allow_in`] gave for these resources, all verbs of it.
    ///
    /// # Panics
    /// It never gave anything.
    pub async fn withdraw(&self, user: &str, api_group: &str, resources: &[&str]) {
        let name = Grant { user, api_group, verbs: &[], resources }.name();
        let role = self.get("role", &name).await;
        let verbs: Vec<&str> =
            role["rules"][0]["verbs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.delete("rolebinding", &name).await;
        self.delete("role", &name).await;
        Grant { user, api_group, verbs: &verbs, resources }.wait_gone(self.kubernetes(), self.name()).await;
    }
}

impl Bed {
    /// Makes a user of this story's own, who may do nothing yet, and tells the name by which rights are given. Rights in
    /// the whole cluster are for such users: `pod-reader` is shared by all stories of the real bed.
    pub async fn account(&self, name: &str) -> String {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        self.create(&account).await;
        let user = format!("system:serviceaccount:{}:{name}", self.name());
        let token = match &self.kind {
            Kind::Simulated(cluster) => cluster.token(&user),
            Kind::Real(_) => {
                let path = format!("{}/token", self.path("serviceaccount", Some(name)));
                let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
                let made = passed(self.kubernetes().create(&path, &request).await);
                made["status"]["token"].as_str().expect("the server made a token").to_owned()
            }
        };
        self.with(|mutable| mutable.tokens.insert(user.clone(), token));
        user
    }

    /// Allows a user to `verbs` on `resources` of an API group everywhere, until the story ends.
    pub async fn cluster_allow(&self, user: &str, api_group: &str, verbs: &[&str], resources: &[&str]) {
        let grant = Grant { user, api_group, verbs, resources };
        let name = format!("{}-{}", self.name(), grant.name());
        self.create_or_replace(&grant.role("ClusterRole", &name)).await;
        self.create_or_replace(&grant.binding("ClusterRole", &name)).await;
        self.with(|mutable| {
            for plural in ["clusterrolebindings", "clusterroles"] {
                mutable.cluster_wide.push(format!("{API}/{plural}/{name}"));
            }
        });
        grant.wait_in_force(self.kubernetes(), "").await;
    }

    /// Takes back what [`Bed::cluster_allow`] gave for these resources.
    ///
    /// # Panics
    /// It never gave anything.
    pub async fn cluster_withdraw(&self, user: &str, api_group: &str, resources: &[&str]) {
        let name = format!("{}-{}", self.name(), Grant { user, api_group, verbs: &[], resources }.name());
        let role = self.get("clusterrole", &name).await;
        let verbs: Vec<&str> =
            role["rules"][0]["verbs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.delete("clusterrolebinding", &name).await;
        self.delete("clusterrole", &name).await;
        Grant { user, api_group, verbs: &verbs, resources }.wait_gone(self.kubernetes(), "").await;
    }
}
