//! The stories that users live through, written once and run on whichever bed `FRESHIMAGE_BED` names.
//!
//! Each pins the exit code and both streams of the real binary.

mod imported;
mod mixed;
mod multi_arch;
mod owners;
mod pinned;
mod reported;
mod roles;
mod seed;
mod states;
mod support;
mod wrapping;
