//! The terminal's mode: how its keys reach the program.

#[cfg(unix)]
mod unix {
    use std::io;

    use rustix::termios::{OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// The mode that was found, to go back to.
    pub(in crate::ui::prompt) struct Mode {
        found: Termios,
    }

    impl Mode {
        /// Makes each key arrive at once, unechoed, and Ctrl-C as a key. `console` would do so for each key by
        /// itself, so that a Ctrl-C between two of them would be a signal again and typed text would be echoed.
        ///
        /// A read waits for a tenth of a second at most: so it can be noticed that the prompt is over or the
        /// terminal has another size.
        pub(in crate::ui::prompt) fn raw() -> io::Result<Self> {
            let found = tcgetattr(io::stdin())?;
            let mut raw = found.clone();
            raw.make_raw();
            // Others may print meanwhile, and `\n` is to mean to them what it meant before.
            raw.output_modes = found.output_modes;
            raw.special_codes[SpecialCodeIndex::VMIN] = 0;
            raw.special_codes[SpecialCodeIndex::VTIME] = 1;
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
            Ok(Self { found })
        }

        pub(in crate::ui::prompt) fn reset(&self) -> io::Result<()> {
            Ok(tcsetattr(io::stdin(), OptionalActions::Now, &self.found)?)
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    /// Nothing to go back to: `console` sets the mode for each key by itself.
    pub(in crate::ui::prompt) struct Mode;

    impl Mode {
        pub(in crate::ui::prompt) fn raw() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::ui::prompt) fn reset(&self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(not(unix))]
pub(super) use elsewhere::Mode;
#[cfg(unix)]
pub(super) use unix::Mode;
