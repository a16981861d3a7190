//! The stories that users live through, written once and run on whichever bed `FRESHIMAGE_BED` names.
//!
//! Each pins the exit code and both streams of the real binary.

mod mixed;
mod owners;
mod roles;
mod seed;
mod support;
