//! What clients ask first: version, groups, resources, and as much OpenAPI as kubectl needs to trust the server's
//! validation.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::store::Store;
use crate::store::resources::ResourceType;

/// What `/version` answers.
pub fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "emulationMajor": "1", "emulationMinor": "37",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "36",
        "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.0", "compiler": "gc", "platform": "linux/amd64",
    })
}

type Groups = BTreeMap<String, BTreeMap<String, Vec<Arc<ResourceType>>>>;

fn groups(store: &Store) -> Groups {
    let mut groups = Groups::new();
    for one in store.types() {
        groups.entry(one.group.clone()).or_default().entry(one.version.clone()).or_default().push(one);
    }
    groups
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// `/api`.
pub fn core_versions() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    })
}

fn group(name: &str, versions: &BTreeMap<String, Vec<Arc<ResourceType>>>) -> Value {
    let listed: Vec<Value> = versions
        .keys()
        .rev()
        .map(|version| json!({"groupVersion": group_version(name, version), "version": version}))
        .collect();
    json!({"name": name, "versions": listed, "preferredVersion": listed.first()})
}

/// `/apis`.
pub fn group_list(store: &Store) -> Value {
    let listed: Vec<Value> = groups(store)
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, versions)| group(name, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
}

/// `/apis/GROUP`.
pub fn one_group(store: &Store, name: &str) -> Option<Value> {
    let groups = groups(store);
    let mut answer = group(name, groups.get(name)?);
    answer["kind"] = "APIGroup".into();
    answer["apiVersion"] = "v1".into();
    Some(answer)
}

fn subresource_kind(one: &ResourceType, subresource: &str) -> (Value, Vec<&'static str>) {
    let own = json!({"group": one.group, "version": one.version, "kind": one.kind});
    match subresource {
        "scale" => (json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}), vec!["get", "patch", "update"]),
        _ => (own, vec!["get", "patch", "update"]),
    }
}

/// `/api/v1`, `/apis/GROUP/VERSION`.
pub fn resource_list(store: &Store, group: &str, version: &str) -> Option<Value> {
    let groups = groups(store);
    let types = groups.get(group)?.get(version)?;
    let mut resources = Vec::new();
    for one in types {
        let mut entry = json!({
            "name": one.plural, "singularName": one.singular, "namespaced": one.namespaced, "kind": one.kind,
            "verbs": one.verbs(),
        });
        if !one.short_names.is_empty() {
            entry["shortNames"] = json!(one.short_names);
        }
        if !one.categories.is_empty() {
            entry["categories"] = json!(one.categories);
        }
        resources.push(entry);
        for subresource in &one.subresources {
            let (kind, verbs) = subresource_kind(one, subresource);
            let mut entry = json!({
                "name": format!("{}/{subresource}", one.plural), "singularName": "", "namespaced": one.namespaced,
                "kind": kind["kind"], "verbs": verbs,
            });
            if subresource == "scale" {
                entry["group"] = kind["group"].clone();
                entry["version"] = kind["version"].clone();
            }
            resources.push(entry);
        }
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version(group, version), "resources": resources,
    }))
}

/// `/api` or `/apis` as one aggregated document.
pub fn aggregated(store: &Store, core: bool) -> Value {
    let mut listed = Vec::new();
    for (name, versions) in groups(store).iter().filter(|(name, _)| name.is_empty() == core) {
        let versions: Vec<Value> = versions
            .iter()
            .rev()
            .map(|(version, types)| {
                let resources: Vec<Value> = types.iter().map(|one| aggregated_resource(one)).collect();
                json!({"version": version, "resources": resources, "freshness": "Current"})
            })
            .collect();
        let metadata =
            if core { json!({"creationTimestamp": null}) } else { json!({"name": name, "creationTimestamp": null}) };
        listed.push(json!({"metadata": metadata, "versions": versions}));
    }
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": listed})
}

fn aggregated_resource(one: &ResourceType) -> Value {
    let mut entry = json!({
        "resource": one.plural,
        "responseKind": {"group": one.group, "version": one.version, "kind": one.kind},
        "scope": if one.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": one.singular,
        "verbs": one.verbs(),
    });
    if !one.short_names.is_empty() {
        entry["shortNames"] = json!(one.short_names);
    }
    if !one.categories.is_empty() {
        entry["categories"] = json!(one.categories);
    }
    if !one.subresources.is_empty() {
        entry["subresources"] = one
            .subresources
            .iter()
            .map(|subresource| {
                let (kind, verbs) = subresource_kind(one, subresource);
                json!({"subresource": subresource, "responseKind": kind, "verbs": verbs})
            })
            .collect();
    }
    entry
}

/// `/openapi/v3`.
pub fn openapi_paths(store: &Store) -> Value {
    let mut paths = serde_json::Map::new();
    for (name, versions) in groups(store) {
        for version in versions.keys() {
            let path = if name.is_empty() { format!("api/{version}") } else { format!("apis/{name}/{version}") };
            paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}")}));
        }
    }
    json!({"paths": paths})
}

/// `/openapi/v3/apis/GROUP/VERSION`: says for each kind that a patch takes `fieldValidation` and `dryRun`, which is
/// what kubectl looks up before it leaves the validation to the server.
pub fn openapi(store: &Store, group: &str, version: &str) -> Option<Value> {
    let groups = groups(store);
    let types = groups.get(group)?.get(version)?;
    let prefix = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let mut paths = serde_json::Map::new();
    for one in types {
        let scope = if one.namespaced { "/namespaces/{namespace}" } else { "" };
        let parameter =
            |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        paths.insert(
            format!("{prefix}{scope}/{}/{{name}}", one.plural),
            json!({"patch": {
                "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": {"group": one.group, "version": one.version, "kind": one.kind},
            }}),
        );
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.37.2"},
        "paths": paths, "components": {"schemas": {}},
    }))
}
