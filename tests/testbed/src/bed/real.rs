//! What the scripts that bring up the real bed tell about it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::image::Layer;

/// `bed.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RealBed {
    pub(super) server: String,
    pub(super) ca_file: PathBuf,
    pub(super) tokens: BTreeMap<String, String>,
    /// None where only the control plane runs.
    pub(super) registry: Option<String>,
    #[serde(default)]
    pub(super) control_plane_only: bool,
    pub(super) busybox: PathBuf,
    #[serde(default)]
    pub(super) kubectl: Option<PathBuf>,
    pub(super) nodes: Vec<RealNode>,
}

/// One node of the real bed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RealNode {
    pub(super) name: String,
    ctr: Vec<String>,
    #[serde(default)]
    pub(super) hosts_dir: Option<PathBuf>,
    #[serde(default)]
    pub(super) static_pod_dir: Option<PathBuf>,
}

impl RealBed {
    pub(super) fn read(directory: &Path) -> Self {
        let path = directory.join("bed.json");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("cannot understand {}: {error}", path.display()))
    }

    /// The layer with the static busybox, packed once for each story's process.
    pub(super) fn busybox_layer(&self) -> Layer {
        let bytes = std::fs::read(&self.busybox)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", self.busybox.display()));
        Layer::of_files([("bin/busybox", &bytes[..], 0o755)])
    }

    pub(super) fn node(&self, name: &str) -> &RealNode {
        let node = self.nodes.iter().find(|node| node.name == name);
        node.unwrap_or_else(|| panic!("the bed has no node {name}"))
    }

    /// Tells every node's containerd how to reach a gateway; returns what is to be removed in the end.
    pub(super) fn announce_registry(&self, host: &str, url: &str, ca_pem: Option<&str>) -> Vec<PathBuf> {
        let mut made = Vec::new();
        for directory in self.nodes.iter().filter_map(|node| node.hosts_dir.as_ref()) {
            let directory = directory.join(host);
            std::fs::create_dir_all(&directory)
                .unwrap_or_else(|error| panic!("cannot make {}: {error}", directory.display()));
            let mut toml =
                format!("server = \"{url}\"\n\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
            if let Some(pem) = ca_pem {
                let authority = directory.join("ca.pem");
                std::fs::write(&authority, pem).expect("the directory was just made");
                toml.push_str(&format!("  ca = \"{}\"\n", authority.display()));
            }
            std::fs::write(directory.join("hosts.toml"), toml).expect("the directory was just made");
            made.push(directory);
        }
        made
    }
}

impl RealNode {
    /// Runs the node's `ctr` with these arguments and this input; gives its output.
    pub(super) async fn ctr(&self, arguments: &[&str], input: &[u8]) -> String {
        let (program, leading) = self.ctr.split_first().expect("bed.json names the ctr of each node");
        let mut child = Command::new(program)
            .args(leading)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
        let mut stdin = child.stdin.take().expect("it was piped");
        let input = input.to_vec();
        // Written beside the reading, so that neither side waits for the other with a full pipe.
        let writing = tokio::spawn(async move { stdin.write_all(&input).await });
        let output = child.wait_with_output().await.expect("a started process can be waited for");
        // ctr may end before it read everything; then its own words say why.
        let _ = writing.await;
        assert!(
            output.status.success(),
            "ctr {arguments:?} on {}: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
