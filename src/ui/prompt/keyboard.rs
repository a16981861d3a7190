//! Reads keys, in the mode that [`super::mode`] has set.

use std::io;

#[cfg(unix)]
use super::key::Decoder;
use super::key::Key;

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Key(Key),
    /// No key yet.
    Nothing,
    /// There will be none any more.
    #[cfg_attr(not(unix), expect(dead_code, reason = "`console` has an error for it"))]
    Closed,
}

/// The keys of stdin.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    #[cfg(unix)]
    decoder: Decoder,
}

#[cfg(unix)]
impl Keyboard {
    /// Waits for a short while. One byte at a time: what was typed ahead is for who reads next.
    pub(super) fn read(&mut self) -> io::Result<Input> {
        use rustix::io::Errno;

        let mut byte = [0];
        let key = match rustix::io::read(io::stdin(), &mut byte) {
            // Either nothing came for a while, or the terminal has hung up, which it tells by refusing this.
            Ok(0) if rustix::termios::tcgetattr(io::stdin()).is_err() => return Ok(Input::Closed),
            Ok(0) => self.decoder.pause(),
            Ok(_) => self.decoder.byte(byte[0]),
            Err(Errno::INTR) => None,
            // Another program has left stdin in a mode in which a read does not wait.
            Err(Errno::AGAIN) => {
                std::thread::sleep(std::time::Duration::from_millis(50));
                self.decoder.pause()
            }
            Err(Errno::IO | Errno::NXIO) => return Ok(Input::Closed),
            Err(error) => return Err(error.into()),
        };
        Ok(key.map_or(Input::Nothing, Input::Key))
    }
}

#[cfg(not(unix))]
impl Keyboard {
    /// Waits for the next key.
    pub(super) fn read(&mut self) -> io::Result<Input> {
        let terminal = console::Term::stderr();
        if !terminal.is_term() {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "standard error is no terminal"));
        }
        let key = super::key::from_console(&terminal.read_key_raw()?);
        Ok(key.map_or(Input::Nothing, Input::Key))
    }
}
