//! The ConfigMap in which a local cluster says what its registry is called outside.
//!
//! It is read only when a registry could not be reached, and once. Few clusters have it, and few users may read it: that
//! is no gap in the answer, so neither is told.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::transport::Accept;
use crate::domain::local_registry::LocalRegistry;

const PATH: &str = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting";

/// What was read, if it was.
pub(super) type Cell = OnceCell<Option<Arc<LocalRegistry>>>;

#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "localRegistryHosting.v1", default)]
    hosting: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Hosting {
    host: Option<String>,
    host_from_cluster_network: Option<String>,
    host_from_container_runtime: Option<String>,
    help: Option<String>,
}

impl Cluster {
    /// What the cluster says of its local registry; read when it is first asked for.
    pub async fn local_registry(&self) -> Option<Arc<LocalRegistry>> {
        let read = || async {
            let body = self.inner.transport.get(PATH, Accept::Whole).await.ok()?;
            match hosting(&body) {
                Ok(found) => found.map(Arc::new),
                Err(why) => {
                    let why = format!("`local-registry-hosting` in namespace `kube-public`: {why}");
                    self.inner.problems.add("configmaps", &why);
                    None
                }
            }
        };
        self.inner.local_registry.get_or_init(read).await.clone()
    }

    /// The same, where it was read already.
    #[must_use]
    pub fn local_registry_if_read(&self) -> Option<Arc<LocalRegistry>> {
        self.inner.local_registry.get().cloned().flatten()
    }
}

fn hosting(body: &[u8]) -> Result<Option<LocalRegistry>, String> {
    let map: ConfigMap = decode(body).map_err(|failure: Failure| failure.why())?;
    let Some(text) = map.data.and_then(|data| data.hosting) else { return Ok(None) };
    let Hosting { host, host_from_cluster_network: network, host_from_container_runtime: runtime, help } =
        serde_saphyr::from_str(&text)
            .map_err(|_| "its `localRegistryHosting.v1` is not what it should be".to_owned())?;
    let inside = [
        ("hostFromClusterNetwork", network.as_deref().unwrap_or_default()),
        ("hostFromContainerRuntime", runtime.as_deref().unwrap_or_default()),
    ];
    LocalRegistry::new(host.as_deref().unwrap_or_default(), &inside, help.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Option<LocalRegistry>, String> {
        hosting(serde_json::json!({"data": {"localRegistryHosting.v1": yaml}}).to_string().as_bytes())
    }

    #[test]
    fn what_local_clusters_write_is_understood() {
        let kind = "host: \"localhost:5001\"\nhostFromContainerRuntime: \"kind-registry:5000\"\nhostFromClusterNetwork: \"kind-registry:5000\"\nhelp: \"https://kind.example.com/registry\"\n";
        let found = read(kind).unwrap().unwrap();
        assert_eq!((&*found.host, found.is_called("kind-registry:5000")), ("localhost:5001", true));
        assert_eq!(found.help.as_deref(), Some("https://kind.example.com/registry"));
        let more = read("host: localhost:5001\nhostFromClusterNetwork: k3d-reg:5000\nfuture: [1, 2]\n").unwrap();
        assert!(more.unwrap().is_called("k3d-reg:5000"));
        for nothing in ["{}", "host: localhost:5001", "host: ''\nhostFromClusterNetwork: k3d-reg:5000"] {
            assert_eq!(read(nothing), Ok(None), "{nothing}");
        }
        assert_eq!(hosting(b"{\"data\":null}"), Ok(None));
        assert_eq!(hosting(b"{\"data\":{\"other\":\"x\"}}"), Ok(None));
    }

    #[test]
    fn what_is_malformed_is_said_without_being_repeated() {
        for (yaml, words) in [
            ("hunter2", "is not what it should be"),
            ("host: [hunter2]", "is not what it should be"),
            ("host: &a [*a, *a", "is not what it should be"),
            ("host: http://localhost:5001", "its `host` is no registry's host"),
        ] {
            let why = read(yaml).unwrap_err();
            assert!(why.contains(words) && !why.contains("hunter2"), "{yaml}: {why}");
        }
    }
}
