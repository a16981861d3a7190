//! Simulated cluster and registries.
