//! Load: thousands of pods of realistic size and registries that answer after a while, to measure clients with.

pub mod real;
pub mod registries;
pub mod synthetic;

use std::time::Duration;

/// How much load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Pods in all.
    pub pods: usize,
    /// Distinct references besides the sidecar's.
    pub images: usize,
    /// Registries over which the references are spread.
    pub registries: usize,
    /// How long each registry takes for an answer.
    pub latency: Duration,
    /// Deployments (each with one ReplicaSet).
    pub deployments: usize,
    /// Namespaces.
    pub namespaces: usize,
    /// Nodes.
    pub nodes: usize,
    /// Of a hundred references, how many were pushed again since their pods were started.
    pub stale_percent: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            pods: 10_000,
            images: 1_000,
            registries: 10,
            latency: Duration::from_millis(20),
            deployments: 1_000,
            namespaces: 10,
            nodes: 40,
            stale_percent: 5,
        }
    }
}
