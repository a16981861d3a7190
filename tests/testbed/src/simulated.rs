//! Placeholder for the simulated cluster, which is written beside this: the same names, nothing behind them.

use std::path::Path;

/// Settings of a simulated cluster.
#[derive(Debug, Clone, Default)]
pub struct SimulatedOptions {}

/// How a node reports what it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// containerd.
    Containerd,
    /// CRI-O.
    CriO,
    /// CRI-O 1.28.
    CriO128,
    /// Docker.
    Docker,
}

/// A simulated cluster.
#[derive(Debug)]
pub struct Simulated {
    node: Node,
}

/// A simulated node.
#[derive(Debug)]
pub struct Node {}

impl Simulated {
    /// Starts a cluster.
    pub async fn start(_options: SimulatedOptions) -> Self {
        Self { node: Node {} }
    }

    /// The API server's URL.
    pub fn server_url(&self) -> String {
        String::new()
    }

    /// The token of a user.
    pub fn token(&self, _user: &str) -> String {
        String::new()
    }

    /// The API server's authority.
    pub fn ca_file(&self) -> Option<&Path> {
        None
    }

    /// A node.
    pub fn node(&self, _name: &str) -> &Node {
        &self.node
    }
}

impl Node {
    /// Puts an image on the node.
    pub async fn import(&self, _reference: &str, _archive: &[u8]) {}

    /// Removes a reference from the node.
    pub async fn remove(&self, _reference: &str) {}

    /// Changes the runtime.
    pub fn set_runtime(&self, _runtime: Runtime) {}
}
