//! Kinds of objects and the words for them.
//!
//! The well-known workload kinds stand in a table, so that an ordinary run needs no discovery; every
//! other word and kind is asked for once.

use std::fmt;
use std::sync::Arc;

use super::transport::segment;

/// A type of objects that the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// `apps`, empty for the core group.
    pub group: Arc<str>,
    /// `v1`.
    pub version: Arc<str>,
    /// `Deployment`.
    pub kind: Arc<str>,
    /// `deployments`.
    pub plural: Arc<str>,
    /// `deployment`; may be empty.
    pub singular: Arc<str>,
    /// `deploy`.
    pub short_names: Vec<Arc<str>>,
    /// Its objects live in namespaces.
    pub namespaced: bool,
}

/// kind, group, version, plural, singular, short name.
const WELL_KNOWN: [(&str, &str, &str, &str, &str, &str); 9] = [
    ("Pod", "", "v1", "pods", "pod", "po"),
    ("Deployment", "apps", "v1", "deployments", "deployment", "deploy"),
    ("StatefulSet", "apps", "v1", "statefulsets", "statefulset", "sts"),
    ("DaemonSet", "apps", "v1", "daemonsets", "daemonset", "ds"),
    ("ReplicaSet", "apps", "v1", "replicasets", "replicaset", "rs"),
    ("ReplicationController", "", "v1", "replicationcontrollers", "replicationcontroller", "rc"),
    ("Job", "batch", "v1", "jobs", "job", ""),
    ("CronJob", "batch", "v1", "cronjobs", "cronjob", "cj"),
    ("Node", "", "v1", "nodes", "node", "no"),
];

impl Resource {
    /// The kinds of the table.
    pub(super) fn well_known() -> impl Iterator<Item = Self> {
        WELL_KNOWN.into_iter().map(|(kind, group, version, plural, singular, short)| Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: singular.into(),
            short_names: if short.is_empty() { Vec::new() } else { vec![short.into()] },
            namespaced: kind != "Node",
        })
    }

    /// The kinds of the table that have a pod template and stand for themselves. ReplicaSets are left out: nearly all of
    /// them are a Deployment's, and there are ten of them for each.
    #[must_use]
    pub fn with_template() -> Vec<Arc<Self>> {
        Self::well_known().filter(|kind| !matches!(&*kind.kind, "Pod" | "Node" | "ReplicaSet")).map(Arc::new).collect()
    }

    /// By the words of an owner reference.
    pub(super) fn well_known_kind(api_version: &str, kind: &str) -> Option<Self> {
        Self::well_known().find(|resource| resource.api_version() == api_version && &*resource.kind == kind)
    }

    /// By a word of the command line.
    pub(super) fn well_known_word(word: &Word) -> Option<Self> {
        Self::well_known().find(|resource| word.means(resource))
    }

    /// `apps/v1`, `v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, `pods`: the server's own words for it in messages.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.to_string() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Path of a collection; `None` for all namespaces.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", segment(&self.version))
        } else {
            format!("/apis/{}/{}", segment(&self.group), segment(&self.version))
        };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{}/{}", segment(namespace), segment(&self.plural)),
            None => format!("{root}/{}", segment(&self.plural)),
        }
    }

    /// Path of one object.
    pub(super) fn object_path(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{}", self.path(namespace), segment(name))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.full_name())
    }
}

/// A type as it is typed: `deployments`, `deploy`, `deployments.apps`, `deployments.v1.apps`, `Deployment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    text: String,
}

impl Word {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_ascii_lowercase() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn means(&self, resource: &Resource) -> bool {
        let (name, rest) =
            self.text.split_once('.').map_or((self.text.as_str(), None), |(name, rest)| (name, Some(rest)));
        let named = name == &*resource.plural
            || (!resource.singular.is_empty() && name == &*resource.singular)
            || resource.short_names.iter().any(|short| name == &**short)
            || resource.kind.eq_ignore_ascii_case(name);
        let placed = match rest {
            None => true,
            Some(rest) => {
                rest == &*resource.group
                    || match rest.split_once('.') {
                        Some((version, group)) => version == &*resource.version && group == &*resource.group,
                        None => resource.group.is_empty() && rest == &*resource.version,
                    }
            }
        };
        named && placed
    }
}

/// Splits `apps/v1` into its group and version.
pub(super) fn group_and_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectls_words_are_understood() {
        for (word, kind) in [
            ("deployments", "Deployment"),
            ("deployment", "Deployment"),
            ("deploy", "Deployment"),
            ("Deployment", "Deployment"),
            ("deployments.apps", "Deployment"),
            ("deploy.v1.apps", "Deployment"),
            ("deployments.v1.apps", "Deployment"),
            ("po", "Pod"),
            ("pods.v1", "Pod"),
            ("pods.v1.", "Pod"),
            ("sts", "StatefulSet"),
            ("rs", "ReplicaSet"),
            ("rc", "ReplicationController"),
            ("cj", "CronJob"),
            ("jobs.batch", "Job"),
            ("no", "Node"),
        ] {
            let found = Resource::well_known_word(&Word::new(word)).map(|resource| resource.kind);
            assert_eq!(found.as_deref(), Some(kind), "{word}");
        }
        for word in ["deployments.v1beta1.apps", "deployments.example.com", "pods.apps", "rollouts", ""] {
            assert_eq!(Resource::well_known_word(&Word::new(word)), None, "{word}");
        }
    }

    #[test]
    fn paths_are_built_by_scope() {
        let deployments = Resource::well_known_kind("apps/v1", "Deployment").unwrap();
        assert_eq!(deployments.path(Some("shop")), "/apis/apps/v1/namespaces/shop/deployments");
        assert_eq!(deployments.path(None), "/apis/apps/v1/deployments");
        let nodes = Resource::well_known_kind("v1", "Node").unwrap();
        assert_eq!(nodes.object_path(Some("shop"), "a b"), "/api/v1/nodes/a%20b");
    }
}
