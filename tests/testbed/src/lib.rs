//! Simulated cluster and registries.
pub mod api;
pub mod controllers;
pub mod load;
pub mod node;
pub mod simulated;
pub mod store;
