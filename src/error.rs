//! Errors that end a run: what failed, why, and the way out.
//!
//! An image that cannot be checked is no error but a row with a reason.

use crate::exit::Exit;

/// What ends a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppError {
    /// Decides the exit code.
    pub kind: Kind,
    /// What failed: lower case, no full stop, names in backticks.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// Ways out.
    pub hints: Vec<String>,
}

/// The kinds of failure that a script can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line asks for something impossible.
    Usage,
    /// Anything else.
    Failed,
    /// What was to be changed is not any more as it was looked at.
    Refused,
    /// Ctrl-C.
    Interrupted,
}

impl AppError {
    /// Something failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// The command line is wrong.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, ..Self::failed(message) }
    }

    /// Adds a cause; causes that repeat the message are left out by the caller.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code that it ends in.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.kind {
            Kind::Usage => Exit::Usage,
            Kind::Failed => Exit::Failed,
            Kind::Refused => Exit::Refused,
            Kind::Interrupted => Exit::Interrupted,
        }
    }
}
