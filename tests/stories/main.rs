//! The stories that users live through, written once and run on whichever bed `FRESHIMAGE_BED` names.
//!
//! Each pins the exit code and both streams of the real binary.

mod imported;
mod multi_arch;
mod pinned;
mod reported;
mod seed;
mod states;
mod support;
mod wrapping;
