//! What the nodes are, and what they hold.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use serde::Deserialize;

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::metadata::{ARCH, Metadata, OS, Object, ObjectList, WINDOWS_BUILD};
use super::pages::{self, List};
use super::transport::{Accept, segment};
use crate::domain::Platform;
use crate::domain::workload::{ImageNames, NodeStore};
use crate::text::printable;

/// Requests for single nodes that are under way at once.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeStatus {
    images: Option<Vec<NodeImage>>,
    conditions: Option<Vec<Condition>>,
    node_info: NodeInfo,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    last_heartbeat_time: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    container_runtime_version: String,
}

#[derive(Deserialize)]
struct NodeImage {
    #[serde(default)]
    names: Option<ImageNames>,
}

impl Cluster {
    /// The platform of every node, from the labels that each kubelet sets. What may not be read is a
    /// problem, once, and verdicts do without.
    pub async fn nodes(&self) -> HashMap<Arc<str>, Platform> {
        match self.list_nodes().await {
            Ok(nodes) => nodes,
            Err(failure) => {
                self.inner.problems.add("nodes", &failure.why());
                HashMap::new()
            }
        }
    }

    /// The platforms of these nodes only, where a few pods were named.
    pub async fn nodes_named(&self, names: &[Arc<str>]) -> HashMap<Arc<str>, Platform> {
        let gets = stream::iter(names.to_vec()).map(|name| async move {
            let path = format!("/api/v1/nodes/{}", segment(&name));
            let result = match self.inner.transport.get(&path, Accept::Metadata).await {
                Ok(body) => decode::<Object<'_>>(&body).map(|object| platform(&object.metadata)),
                Err(failure) => Err(failure),
            };
            (name, result)
        });
        let mut nodes = HashMap::new();
        let mut gets = Box::pin(gets.buffer_unordered(AT_ONCE));
        while let Some((name, result)) = gets.next().await {
            match result {
                Ok(Some(platform)) => {
                    nodes.insert(name, platform);
                }
                Ok(None) => {}
                Err(failure) => {
                    self.inner.problems.add("nodes", &failure.why());
                    if failure.is_forbidden() {
                        break;
                    }
                }
            }
        }
        nodes
    }

    /// What a node holds, and when it said so.
    ///
    /// # Errors
    /// Why it cannot be read, in one sentence.
    pub async fn node_store(&self, node: &str) -> Result<NodeStore, String> {
        let path = format!("/api/v1/nodes/{}", segment(node));
        let read = async {
            let body = self.inner.transport.get(&path, Accept::Whole).await?;
            decode::<Node>(&body)
        };
        let Node { status } = read.await.map_err(|failure| {
            if failure.is_forbidden() {
                self.inner.problems.add("nodes", &failure.why());
            }
            failure.why()
        })?;
        let names = |image: NodeImage| image.names;
        let clean = |names: ImageNames| names.into_iter().map(|name| printable(&name).into_owned()).collect();
        let ready = status.conditions.iter().flatten().find(|condition| condition.kind == "Ready");
        Ok(NodeStore {
            images: status.images.into_iter().flatten().filter_map(names).map(clean).collect(),
            heartbeat: ready.and_then(|ready| ready.last_heartbeat_time.as_deref()?.parse().ok()),
            runtime: printable(&status.node_info.container_runtime_version).into(),
        })
    }

    async fn list_nodes(&self) -> Result<HashMap<Arc<str>, Platform>, Failure> {
        let list = List::of("/api/v1/nodes".to_owned(), Accept::MetadataList);
        let mut pages = pages::read(Arc::clone(&self.inner.transport), list);
        let mut nodes = HashMap::new();
        while let Some(page) = pages.recv().await {
            let page = page?;
            let list: ObjectList<'_> = decode(&page.body)?;
            for object in list.items.iter().flatten() {
                if let Some(platform) = platform(&object.metadata) {
                    nodes.insert((*object.metadata.name).into(), platform);
                }
            }
        }
        Ok(nodes)
    }
}

fn platform(metadata: &Metadata<'_>) -> Option<Platform> {
    let label = |key: &str| Some(metadata.labels.get(key)).filter(|value| !value.is_empty());
    let (os, architecture) = (label(OS)?, label(ARCH)?);
    Some(Platform { os_version: label(WINDOWS_BUILD).map(ToOwned::to_owned), ..Platform::new(os, architecture) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_the_platform() {
        let of = |json: &str| platform(&serde_json::from_str::<Metadata<'_>>(json).unwrap());
        assert_eq!(
            of(r#"{"labels":{"kubernetes.io/os":"linux","kubernetes.io/arch":"arm64"}}"#),
            Some(Platform::new("linux", "arm64"))
        );
        let windows = of(
            r#"{"labels":{"kubernetes.io/os":"windows","kubernetes.io/arch":"amd64","node.kubernetes.io/windows-build":"10.0.20348"}}"#,
        );
        assert_eq!(windows.unwrap().os_version.as_deref(), Some("10.0.20348"));
        assert_eq!(of(r#"{"labels":{"kubernetes.io/os":"linux"}}"#), None);
        assert_eq!(of("{}"), None);
    }
}
