//! Simulated cluster and registries.
pub mod api;
pub mod node;
pub mod store;
