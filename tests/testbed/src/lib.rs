//! Simulated cluster and registries.

pub mod bed;
pub mod client;
pub mod gateway;
pub mod image;
pub mod registry;
pub mod simulated;
