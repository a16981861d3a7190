//! The pure core: what is known, what it proves, and what would help.
//!
//! Nothing here does I/O, reads a clock or the environment, prints, or knows Kubernetes or HTTP
//! types; time is an argument. A test scans this folder for forbidden imports.

pub mod blocking;
pub mod content;
pub mod diagnosis;
pub mod digest;
pub mod exclusion;
pub mod explanation;
pub mod floating;
pub mod glob;
pub mod history;
pub mod impasse;
pub mod inquiry;
pub mod inventory;
pub mod local_registry;
pub mod origin;
pub mod outcome;
pub mod patch;
pub mod plan;
pub mod platform;
pub mod reference;
pub mod remote;
pub mod report;
pub mod rollout;
pub mod running;
pub mod scheme;
pub mod standby;
pub mod template;
pub mod tools;
pub mod verdict;
pub mod verification;
pub mod workload;

pub use digest::Digest;
pub use platform::Platform;
pub use reference::{Reference, Repository};
