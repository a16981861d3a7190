//! What else the server knows: asked only for words and kinds that the table of [`super::resource`] lacks.
//!
//! A kind of an owner reference needs one group's list; a word of the command line needs them all, which
//! modern servers send in one answer. Each is asked for once a run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::failure::Failure;
use super::resource::{Resource, Word, group_and_version};
use super::transport::{Accept, Transport, segment};

type Cell = Arc<OnceCell<Result<Vec<Resource>, Failure>>>;

/// The answers so far.
#[derive(Default)]
pub(super) struct Discovery {
    everything: OnceCell<Result<Vec<Resource>, Failure>>,
    groups: Mutex<HashMap<String, Cell>>,
}

impl Discovery {
    /// The type of an owner reference's kind. `None`: the server has no such kind.
    pub(super) async fn kind(
        &self,
        transport: &Transport,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Resource>, Failure> {
        if let Some(known) = Resource::well_known_kind(api_version, kind) {
            return Ok(Some(known));
        }
        let cell = {
            let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(groups.entry(api_version.to_owned()).or_default())
        };
        let resources = cell.get_or_init(|| group_version(transport, api_version)).await;
        match resources {
            Ok(resources) => Ok(resources.iter().find(|resource| &*resource.kind == kind).cloned()),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure.clone()),
        }
    }

    /// The type of a word. `None`: the server has no such type.
    pub(super) async fn word(&self, transport: &Transport, word: &Word) -> Result<Option<Resource>, Failure> {
        if let Some(known) = Resource::well_known_word(word) {
            return Ok(Some(known));
        }
        match self.everything.get_or_init(|| everything(transport)).await {
            Ok(resources) => Ok(resources.iter().find(|resource| word.means(resource)).cloned()),
            Err(failure) => Err(failure.clone()),
        }
    }
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: Arc<str>,
    #[serde(default)]
    singular_name: Option<Arc<str>>,
    #[serde(default)]
    namespaced: bool,
    kind: Arc<str>,
    #[serde(default)]
    short_names: Vec<Arc<str>>,
}

async fn group_version(transport: &Transport, api_version: &str) -> Result<Vec<Resource>, Failure> {
    let (group, version) = group_and_version(api_version);
    let path = if group.is_empty() {
        format!("/api/{}", segment(version))
    } else {
        format!("/apis/{}/{}", segment(group), segment(version))
    };
    let body = transport.get(&path, Accept::Whole).await?;
    let list: ResourceList = decode(&body)?;
    let (group, version): (Arc<str>, Arc<str>) = (group.into(), version.into());
    Ok(list
        .resources
        .into_iter()
        // `deployments/status` and the like are no types.
        .filter(|listed| !listed.name.contains('/'))
        .map(|listed| Resource {
            group: Arc::clone(&group),
            version: Arc::clone(&version),
            kind: listed.kind,
            plural: listed.name,
            singular: listed.singular_name.unwrap_or_default(),
            short_names: listed.short_names,
            namespaced: listed.namespaced,
        })
        .collect())
}

/// Either form of `/apis`: `items` of an aggregated answer, `groups` of an old server's.
#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<AggregatedGroup>,
    #[serde(default)]
    groups: Vec<ListedGroup>,
}

#[derive(Deserialize)]
struct AggregatedGroup {
    #[serde(default)]
    metadata: GroupMetadata,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize, Default)]
struct GroupMetadata {
    #[serde(default)]
    name: Arc<str>,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: Arc<str>,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: Arc<str>,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: Arc<str>,
    #[serde(default)]
    singular_resource: Arc<str>,
    #[serde(default)]
    short_names: Vec<Arc<str>>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: Arc<str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedGroup {
    versions: Vec<ListedVersion>,
    #[serde(default)]
    preferred_version: Option<ListedVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedVersion {
    group_version: String,
}

/// Every type outside the core group (whose workload kinds the table has), best version first.
async fn everything(transport: &Transport) -> Result<Vec<Resource>, Failure> {
    let (core, groups) = futures::join!(group_version(transport, "v1"), transport.get("/apis", Accept::Discovery));
    let groups: Groups = decode(&groups?)?;
    let mut resources = core?;
    for group in groups.items {
        for version in group.versions {
            resources.extend(version.resources.into_iter().filter_map(|listed| {
                Some(Resource {
                    group: Arc::clone(&group.metadata.name),
                    version: Arc::clone(&version.version),
                    kind: listed.response_kind?.kind,
                    plural: listed.resource,
                    singular: listed.singular_resource,
                    short_names: listed.short_names,
                    namespaced: &*listed.scope == "Namespaced",
                })
            }));
        }
    }
    let versions = groups.groups.into_iter().flat_map(|group| {
        let preferred = group.preferred_version.map(|version| version.group_version);
        let others = group.versions.into_iter().map(|version| version.group_version);
        let others: Vec<String> = others.filter(|version| preferred.as_ref() != Some(version)).collect();
        preferred.into_iter().chain(others)
    });
    let versions: Vec<String> = versions.collect();
    let lists = futures::future::join_all(versions.iter().map(|version| group_version(transport, version))).await;
    // An aggregated API whose server is down must not hide all others.
    resources.extend(lists.into_iter().flatten().flatten());
    Ok(resources)
}

pub(super) fn decode<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Malformed(crate::text::excerpt(&error.to_string(), 200)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregated_answer_is_understood() {
        let body = br#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"argoproj.io"},"versions":[
            {"version":"v1alpha1","resources":[{"resource":"rollouts","responseKind":{"group":"","version":"","kind":"Rollout"},
             "scope":"Namespaced","singularResource":"rollout","shortNames":["ro"],"verbs":["get"],
             "subresources":[{"subresource":"status"}]}],"freshness":"Current"},
            {"version":"v1beta1","freshness":"Stale"}]}]}"#;
        let groups: Groups = decode(body).unwrap();
        assert_eq!(&*groups.items[0].versions[0].resources[0].short_names[0], "ro");
        assert!(groups.items[0].versions[1].resources.is_empty());
    }

    #[test]
    fn an_old_servers_answer_is_understood() {
        let body =
            br#"{"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],
            "preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}"#;
        let groups: Groups = decode(body).unwrap();
        assert_eq!(groups.groups[0].versions[0].group_version, "apps/v1");
    }
}
