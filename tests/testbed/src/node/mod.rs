//! Nodes.
pub mod reference;
