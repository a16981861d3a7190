//! The stories that users live through, written once and run on whichever bed `FRESHIMAGE_BED` names.
//!
//! Each pins the exit code and both streams of the real binary.

mod bump;
mod bump_terminal;
mod credentials;
mod economy;
mod hub;
mod imported;
mod mixed;
mod multi_arch;
mod owners;
mod permissions;
mod pinned;
mod reported;
mod roles;
mod runtimes;
mod seed;
mod states;
mod support;
mod troubles;
mod wrapping;
