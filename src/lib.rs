//! kubectl-freshimage: do my pods really run what their tags now stand for?

pub mod cluster;
pub mod domain;
pub mod error;
pub mod exit;
pub mod registry;
pub mod text;
