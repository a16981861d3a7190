//! `metadata` of any object, as little of it as tells who owns it.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::intern::{Interner, Text};
use super::resource::Resource;
use crate::domain::exclusion;
use crate::domain::tools::{self, INJECTORS, Injector, KEEPERS, Keeper, Key, Mark, Name, Only};
use crate::domain::workload::{Manager, Owner, OwnerReference};

#[derive(Deserialize)]
pub(super) struct ObjectList<'b> {
    /// `null` is what some servers write for none.
    #[serde(borrow, default)]
    pub(super) items: Option<Vec<Object<'b>>>,
}

#[derive(Deserialize)]
pub(super) struct Object<'b> {
    #[serde(borrow, default)]
    pub(super) metadata: Metadata<'b>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'b> {
    #[serde(borrow, default)]
    pub(super) name: Text<'b>,
    #[serde(borrow, default)]
    pub(super) namespace: Text<'b>,
    #[serde(borrow, default)]
    pub(super) uid: Text<'b>,
    #[serde(borrow, default)]
    pub(super) resource_version: Text<'b>,
    #[serde(borrow, default)]
    pub(super) creation_timestamp: Text<'b>,
    #[serde(borrow, default)]
    pub(super) deletion_timestamp: Text<'b>,
    #[serde(default)]
    pub(super) generation: Option<i64>,
    #[serde(borrow, default)]
    pub(super) labels: Marks<'b>,
    #[serde(borrow, default)]
    pub(super) annotations: Marks<'b>,
    #[serde(borrow, default)]
    pub(super) owner_references: Option<Vec<Reference<'b>>>,
    #[serde(borrow, default)]
    pub(super) managed_fields: Option<Vec<ManagedFields<'b>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference<'b> {
    #[serde(borrow, default)]
    api_version: Text<'b>,
    #[serde(borrow, default)]
    kind: Text<'b>,
    #[serde(borrow, default)]
    name: Text<'b>,
    #[serde(borrow, default)]
    uid: Text<'b>,
    #[serde(default)]
    controller: Option<bool>,
}

/// Labels or annotations, as far as somebody here asks for them: of the many that pods have, few are kept.
#[derive(Default)]
pub(super) struct Marks<'b>(Vec<(&'static str, Text<'b>)>);

impl<'b> Marks<'b> {
    /// The value under a key; empty where there is none.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(own, _)| *own == key).map_or("", |(_, value)| value)
    }
}

/// A static pod's mirror.
pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
/// The revision of its controller's template that a pod was made from.
pub(super) const REVISION: &str = "controller-revision-hash";
/// A node's operating system.
pub(super) const OS: &str = "kubernetes.io/os";
/// A node's architecture.
pub(super) const ARCH: &str = "kubernetes.io/arch";
/// A Windows node's build.
pub(super) const WINDOWS_BUILD: &str = "node.kubernetes.io/windows-build";

/// The keys that anybody here asks for.
static KEYS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| tools::keys().chain([MIRROR, REVISION, OS, ARCH, WINDOWS_BUILD, exclusion::ANNOTATION]).collect());

impl<'b, 'de: 'b> Deserialize<'de> for Marks<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Marks<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of texts")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Marks::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut marks = Marks::default();
                while let Some(key) = entries.next_key::<Text<'de>>()? {
                    match KEYS.get(&*key) {
                        Some(key) => marks.0.push((key, entries.next_value()?)),
                        None => drop(entries.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(marks)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[derive(Deserialize)]
pub(super) struct ManagedFields<'b> {
    #[serde(borrow, default)]
    manager: Text<'b>,
}

impl Metadata<'_> {
    /// The reference with `controller: true`.
    pub(super) fn controller(&self, interner: &mut Interner) -> Option<OwnerReference> {
        let reference = self.owner_references.iter().flatten().find(|reference| reference.controller == Some(true))?;
        Some(OwnerReference {
            api_version: interner.text(&reference.api_version),
            kind: interner.text(&reference.kind),
            name: interner.text(&reference.name),
            uid: interner.text(&reference.uid),
        })
    }

    /// What [`exclusion::ANNOTATION`] says.
    pub(super) fn opt_out(&self, interner: &mut Interner) -> Arc<str> {
        interner.text(self.annotations.get(exclusion::ANNOTATION))
    }

    /// Who keeps rewriting the object from outside the cluster, as the marks on it tell.
    pub(super) fn managers(&self) -> Vec<Manager> {
        let named = |keeper: &Keeper| {
            let name = keeper.marks.iter().find_map(|mark| self.name_by(mark))?;
            Some(Manager { tool: keeper.tool.to_owned(), name })
        };
        KEEPERS.iter().filter_map(named).collect()
    }

    /// What a tool calls the object, if this mark of it is there and counts.
    fn name_by(&self, mark: &Mark) -> Option<String> {
        let value = self.value(mark.key);
        let counts = match mark.only {
            Only::Always => true,
            Only::Begins(text) => value.starts_with(text),
            Only::WrittenBy(manager) => self.is_written_by(manager),
            Only::Without(keys) => keys.iter().all(|key| self.value(*key).is_empty()),
        };
        let name = match mark.name {
            _ if value.is_empty() || !counts => "",
            Name::Value => value,
            Name::BeforeColon => value.split(':').next().unwrap_or_default(),
            Name::Of(key) => self.value(key),
            Name::Object => &self.name,
            Name::ImageStreamTag => return image_stream_tag(value),
        };
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn value(&self, key: Key) -> &str {
        match key {
            Key::Label(key) => self.labels.get(key),
            Key::Annotation(key) => self.annotations.get(key),
        }
    }

    /// The tools that have left a mark on a pod while they added containers to it.
    pub(super) fn injectors(&self) -> Vec<&'static Injector> {
        let marked = INJECTORS.iter().filter(|(key, _)| !self.value(*key).is_empty());
        marked.map(|(_, injector)| injector).collect()
    }

    fn is_written_by(&self, prefix: &str) -> bool {
        self.managed_fields.iter().flatten().any(|fields| fields.manager.starts_with(prefix))
    }

    /// As the owner of others. The list's type says what it is; its items need not.
    pub(super) fn owner(&self, resource: &Resource, interner: &mut Interner) -> Owner {
        Owner {
            itself: OwnerReference {
                api_version: interner.text(&resource.api_version()),
                kind: Arc::clone(&resource.kind),
                name: interner.text(&self.name),
                uid: interner.text(&self.uid),
            },
            controller: self.controller(interner),
            managers: self.managers(),
            opt_out: self.opt_out(interner),
        }
    }
}

/// The first trigger that is not paused: `[{"from":{"kind":"ImageStreamTag","name":"web:latest"},"paused":"false"}]`.
fn image_stream_tag(triggers: &str) -> Option<String> {
    let triggers: Vec<serde_json::Value> = serde_json::from_str(triggers).ok()?;
    let paused = |trigger: &&serde_json::Value| {
        let said = [&trigger["paused"], &trigger["pause"]];
        said.into_iter().any(|value| value == "true" || value == true)
    };
    let active = triggers.iter().find(|trigger| !paused(trigger))?;
    active["from"]["name"].as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managers(json: &str) -> Vec<(String, String)> {
        let metadata: Metadata<'_> = serde_json::from_str(json).unwrap();
        metadata.managers().into_iter().map(|manager| (manager.tool, manager.name)).collect()
    }

    #[test]
    fn tools_that_put_things_back_are_known_by_what_they_leave() {
        for (json, expected) in [
            (r"{}", vec![]),
            (r#"{"labels":null,"annotations":null,"ownerReferences":null,"managedFields":null}"#, vec![]),
            (
                r#"{"annotations":{"argocd.argoproj.io/tracking-id":"shop:apps/Deployment:shop/web"}}"#,
                vec![("Argo CD", "shop")],
            ),
            (r#"{"labels":{"app.kubernetes.io/instance":"web"}}"#, vec![]),
            (
                r#"{"labels":{"app.kubernetes.io/instance":"web"},"managedFields":[{"manager":"argocd-controller"}]}"#,
                vec![("Argo CD", "web")],
            ),
            (r#"{"labels":{"app.kubernetes.io/instance":"web"},"managedFields":[{"manager":"kubectl"}]}"#, vec![]),
            (r#"{"labels":{"kustomize.toolkit.fluxcd.io/name":"apps"}}"#, vec![("Flux", "apps")]),
            (
                r#"{"labels":{"helm.toolkit.fluxcd.io/name":"web"},"annotations":{"meta.helm.sh/release-name":"web"}}"#,
                vec![("Flux", "web")],
            ),
            (r#"{"annotations":{"meta.helm.sh/release-name":"web"}}"#, vec![("Helm", "web")]),
            (
                r#"{"annotations":{"meta.helm.sh/release-name":"web","objectset.rio.cattle.io/id":"default-shop-web"}}"#,
                vec![("Fleet", "default-shop-web")],
            ),
            (r#"{"labels":{"fleet.cattle.io/bundle-id":"shop"}}"#, vec![("Fleet", "shop")]),
            (
                r#"{"annotations":{"objectset.rio.cattle.io/id":"","objectset.rio.cattle.io/owner-name":"coredns",
                    "objectset.rio.cattle.io/owner-gvk":"k3s.cattle.io/v1, Kind=Addon"}}"#,
                vec![("K3s", "coredns")],
            ),
            (
                r#"{"annotations":{"objectset.rio.cattle.io/id":"cluster-create","objectset.rio.cattle.io/owner-name":"c-1",
                    "objectset.rio.cattle.io/owner-gvk":"management.cattle.io/v3, Kind=Cluster"}}"#,
                vec![("Rancher", "c-1")],
            ),
            (
                r#"{"annotations":{"image.openshift.io/triggers":"[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"web:latest\"}}]"}}"#,
                vec![("OpenShift", "web:latest")],
            ),
            (
                r#"{"annotations":{"image.openshift.io/triggers":"[{\"from\":{\"name\":\"a:1\"},\"paused\":\"true\"},{\"from\":{\"name\":\"b:1\"},\"paused\":false}]"}}"#,
                vec![("OpenShift", "b:1")],
            ),
            (
                r#"{"annotations":{"image.openshift.io/triggers":"[{\"from\":{\"name\":\"a:1\"},\"paused\":true}]"}}"#,
                vec![],
            ),
            (r#"{"annotations":{"image.openshift.io/triggers":"what?"}}"#, vec![]),
            (r#"{"labels":{"kapp.k14s.io/app":"1700000000000"}}"#, vec![("kapp", "1700000000000")]),
            (
                r#"{"name":"web","annotations":{"kapp.k14s.io/identity":"v1;shop/apps/Deployment/web;apps/v1"}}"#,
                vec![("kapp", "web")],
            ),
            (
                r#"{"name":"dns","labels":{"addonmanager.kubernetes.io/mode":"Reconcile"}}"#,
                vec![("addon-manager", "dns")],
            ),
            (r#"{"name":"dns","labels":{"addonmanager.kubernetes.io/mode":"EnsureExists"}}"#, vec![]),
            (
                r#"{"name":"web","annotations":{"configmanagement.gke.io/managed":"enabled","configsync.gke.io/resource-id":"apps_deployment_shop_web"}}"#,
                vec![("Config Sync", "apps_deployment_shop_web")],
            ),
            (
                r#"{"name":"web","annotations":{"configmanagement.gke.io/managed":"enabled"}}"#,
                vec![("Config Sync", "web")],
            ),
            (
                r#"{"annotations":{"configmanagement.gke.io/managed":"disabled","configsync.gke.io/resource-id":"apps_deployment_shop_web"}}"#,
                vec![],
            ),
            (r#"{"labels":{"crossplane.io/composite":"shop-x7k2p"}}"#, vec![("Crossplane", "shop-x7k2p")]),
            (r#"{"labels":{"app.oam.dev/name":"shop"}}"#, vec![("KubeVela", "shop")]),
            (r#"{"labels":{"olm.owner":"etcdoperator.v0.9.4"}}"#, vec![("OLM", "etcdoperator.v0.9.4")]),
            (
                r#"{"labels":{"kapp.k14s.io/app":"17"},"annotations":{"argocd.argoproj.io/tracking-id":"shop:x"}}"#,
                vec![("Argo CD", "shop"), ("kapp", "17")],
            ),
        ] {
            let expected: Vec<(String, String)> =
                expected.into_iter().map(|(tool, name): (&str, &str)| (tool.to_owned(), name.to_owned())).collect();
            assert_eq!(managers(json), expected, "{json}");
        }
    }

    #[test]
    fn the_annotation_with_which_a_workload_opts_out_is_read() {
        let key = exclusion::ANNOTATION;
        for (annotations, expected) in [
            (serde_json::json!({ key: "true" }), "true"),
            (serde_json::json!({ key: "proxy,app" }), "proxy,app"),
            (serde_json::json!({ key: null }), ""),
            (serde_json::json!({ "other": "true" }), ""),
            (serde_json::json!(null), ""),
        ] {
            let json = serde_json::json!({ "annotations": annotations }).to_string();
            let metadata: Metadata<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!(&*metadata.opt_out(&mut Interner::default()), expected, "{json}");
        }
    }

    #[test]
    fn injectors_are_known_by_the_marks_on_pods() {
        for (json, expected) in [
            ("{}", vec![]),
            (
                r#"{"annotations":{"sidecar.istio.io/status":"{}","vault.hashicorp.com/agent-inject-status":"injected"}}"#,
                vec!["Istio", "Vault"],
            ),
            (r#"{"labels":{"sidecar.opentelemetry.io/injected":"shop.otel"}}"#, vec!["OpenTelemetry"]),
            (r#"{"labels":{"sidecar.istio.io/status":"{}"},"annotations":{"other":"x"}}"#, vec![]),
        ] {
            let metadata: Metadata<'_> = serde_json::from_str(json).unwrap();
            let tools: Vec<&str> = metadata.injectors().into_iter().map(|injector| injector.tool).collect();
            assert_eq!(tools, expected, "{json}");
        }
    }

    #[test]
    fn only_the_controller_owns() {
        let metadata: Metadata<'_> = serde_json::from_str(
            r#"{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"c","uid":"1"},
                {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"2","controller":true}]}"#,
        )
        .unwrap();
        let controller = metadata.controller(&mut Interner::default()).unwrap();
        assert_eq!((&*controller.kind, &*controller.uid), ("ReplicaSet", "2"));
    }
}
