//! `metadata` of any object, as little of it as tells who owns it.

use std::sync::Arc;

use serde::Deserialize;

use super::intern::{Interner, Text};
use super::resource::Resource;
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
    pub(super) creation_timestamp: Text<'b>,
    #[serde(borrow, default)]
    pub(super) deletion_timestamp: Text<'b>,
    #[serde(default)]
    pub(super) generation: Option<i64>,
    #[serde(borrow, default)]
    pub(super) labels: Option<Labels<'b>>,
    #[serde(borrow, default)]
    pub(super) annotations: Option<Annotations<'b>>,
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

#[derive(Deserialize, Default)]
pub(super) struct Labels<'b> {
    #[serde(borrow, default, rename = "app.kubernetes.io/instance")]
    instance: Text<'b>,
    #[serde(borrow, default, rename = "kustomize.toolkit.fluxcd.io/name")]
    kustomization: Text<'b>,
    #[serde(borrow, default, rename = "helm.toolkit.fluxcd.io/name")]
    flux_release: Text<'b>,
    #[serde(borrow, default, rename = "kubernetes.io/os")]
    pub(super) os: Text<'b>,
    #[serde(borrow, default, rename = "kubernetes.io/arch")]
    pub(super) arch: Text<'b>,
    #[serde(borrow, default, rename = "node.kubernetes.io/windows-build")]
    pub(super) windows_build: Text<'b>,
}

#[derive(Deserialize, Default)]
pub(super) struct Annotations<'b> {
    #[serde(borrow, default, rename = "argocd.argoproj.io/tracking-id")]
    argo: Text<'b>,
    #[serde(borrow, default, rename = "meta.helm.sh/release-name")]
    release: Text<'b>,
    #[serde(borrow, default, rename = "kubernetes.io/config.mirror")]
    pub(super) mirror: Text<'b>,
    #[serde(borrow, default, rename = "kubectl-freshimage/exclude")]
    opt_out: Text<'b>,
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

    /// What [`exclusion::ANNOTATION`](crate::domain::exclusion::ANNOTATION) says.
    pub(super) fn opt_out(&self, interner: &mut Interner) -> Arc<str> {
        self.annotations.as_ref().map(|annotations| interner.text(&annotations.opt_out)).unwrap_or_default()
    }

    /// Who keeps rewriting the object from outside the cluster.
    pub(super) fn managers(&self) -> Vec<Manager> {
        let mut managers = Vec::new();
        let mut add = |tool: &str, name: &str| {
            if !name.is_empty() {
                managers.push(Manager { tool: tool.to_owned(), name: name.to_owned() });
            }
        };
        if let Some(annotations) = &self.annotations {
            // `application:group/kind:namespace/name`
            add("Argo CD", annotations.argo.split(':').next().unwrap_or_default());
        }
        if let Some(labels) = &self.labels {
            let argo = self.annotations.as_ref().is_some_and(|annotations| !annotations.argo.is_empty());
            if !argo && self.is_written_by("argocd") {
                // The label is everybody's; only together with Argo CD's own hand it names an application.
                add("Argo CD", &labels.instance);
            }
            add("Flux", &labels.kustomization);
            add("Flux", &labels.flux_release);
        }
        if let Some(annotations) = &self.annotations {
            // Flux's releases are Helm's too; the one who would revert is Flux.
            let flux = self.labels.as_ref().is_some_and(|labels| !labels.flux_release.is_empty());
            if !flux {
                add("Helm", &annotations.release);
            }
        }
        managers
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

#[cfg(test)]
mod tests {
    use super::*;

    fn managers(json: &str) -> Vec<(String, String)> {
        let metadata: Metadata<'_> = serde_json::from_str(json).unwrap();
        metadata.managers().into_iter().map(|manager| (manager.tool, manager.name)).collect()
    }

    #[test]
    fn gitops_tools_are_known_by_what_they_leave() {
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
        ] {
            let expected: Vec<(String, String)> =
                expected.into_iter().map(|(tool, name): (&str, &str)| (tool.to_owned(), name.to_owned())).collect();
            assert_eq!(managers(json), expected, "{json}");
        }
    }

    #[test]
    fn the_annotation_with_which_a_workload_opts_out_is_read() {
        let key = crate::domain::exclusion::ANNOTATION;
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
