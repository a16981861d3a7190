//! Simulated cluster and registries for the tests, the demo and the load measurements; and the facade with which the
//! same stories run on a real Kubernetes.

pub mod api;
pub mod bed;
pub mod bench;
pub mod client;
pub mod controllers;
pub mod demo;
pub mod gateway;
pub mod image;
pub mod load;
pub mod node;
pub mod pause;
pub mod registry;
pub mod simulated;
pub mod store;
#[cfg(unix)]
pub mod terminal;
mod tls;
