//! The stories that users live through, written once and run on whichever bed `FRESHIMAGE_BED` names.
//!
//! Each pins the exit code and both streams of the real binary.

mod credentials;
mod economy;
mod hub;
mod mixed;
mod owners;
mod permissions;
mod roles;
mod runtimes;
mod seed;
mod support;
mod troubles;
