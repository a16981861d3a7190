//! Simulated cluster and registries.

pub mod client;
pub mod gateway;
pub mod image;
pub mod registry;
