//! The stories that users live through, written once and run on whichever bed `FRESHIMAGE_BED` names.
//!
//! Each pins the exit code and both streams of the real binary.

mod admission;
mod baked;
mod bump;
mod bump_away;
mod bump_choice;
mod bump_faults;
mod bump_faults_scene;
mod bump_interrupted;
mod bump_kinds;
mod bump_many;
mod bump_meanwhile;
mod bump_private;
mod bump_registries;
mod bump_roles;
mod bump_terminal;
mod bump_trouble;
mod bump_ways;
mod credentials;
mod economy;
mod hub;
mod idle;
mod imported;
mod lagging;
mod mixed;
mod multi_arch;
mod next_start;
mod next_tag;
mod owners;
mod permissions;
mod pinned;
mod reported;
mod roles;
mod runtimes;
mod seed;
mod short_names;
mod states;
mod stuck;
mod support;
mod troubles;
mod workload_ref;
mod wrapping;
