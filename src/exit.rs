//! How a run ends. The table in the README is held against this one by a test.

use std::process::ExitCode;

use crate::domain::outcome::End;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked is done.
    Done = 0,
    /// It failed; the error is on stderr.
    Failed = 1,
    /// The command line is wrong; nothing was done.
    Usage = 2,
    /// A `--fail-on` finding.
    Found = 10,
    /// Something could not be checked, and `--fail-on unknown` asked for that.
    Unchecked = 11,
    /// The change is made, and it was not proven that the new content runs.
    Unconfirmed = 12,
    /// Somebody else changed the object meanwhile; nothing was applied.
    Refused = 13,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every code with its meaning, in the words of the README.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Done, "done"),
        (Self::Failed, "failed"),
        (Self::Usage, "wrong usage"),
        (Self::Found, "a `--fail-on` finding"),
        (Self::Unchecked, "something could not be checked: `--fail-on unknown` asked, or it was everything"),
        (Self::Unconfirmed, "applied, but not confirmed"),
        (Self::Refused, "refused: the object or tag changed meanwhile; nothing was applied"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<End> for Exit {
    fn from(end: End) -> Self {
        match end {
            End::Done | End::Declined => Self::Done,
            End::Failed => Self::Failed,
            End::Unconfirmed => Self::Unconfirmed,
            End::Refused => Self::Refused,
            End::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
