//! The two streams: data to stdout, everything that is said beside it to stderr.
//!
//! Nothing else in the program writes to them. A reader who has seen enough (`| head`) closes the pipe: then the
//! rest is dropped without a word and the run ends with the exit code that it would have had anyway.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::layout::fold;
use super::{Palette, Progress, errors};
use crate::cli::ColorWhen;
use crate::error::AppError;
use crate::settings::{Environment, Terminal, colored};

/// Writes to stdout and stderr.
pub struct Printer {
    streams: Mutex<Streams>,
    data_palette: Palette,
    message_palette: Palette,
    stdout: Terminal,
    stderr: Terminal,
}

struct Streams {
    data: Box<dyn Write + Send>,
    messages: Box<dyn Write + Send>,
    /// Nobody reads the data any more.
    closed: bool,
}

impl Printer {
    /// The process's own streams.
    #[must_use]
    pub fn new(when: ColorWhen, environment: &Environment) -> Self {
        let data_colored = colored(when, environment, environment.stdout.is_terminal);
        let messages_colored = colored(when, environment, environment.stderr.is_terminal);
        // Where there is colour, an old Windows console has to be told about it. Where there is none, plain bytes
        // pass through untouched.
        let data: Box<dyn Write + Send> = if data_colored {
            Box::new(anstream::AutoStream::new(io::stdout(), anstream::ColorChoice::Always))
        } else {
            Box::new(io::stdout())
        };
        let messages: Box<dyn Write + Send> = if messages_colored {
            Box::new(anstream::AutoStream::new(io::stderr(), anstream::ColorChoice::Always))
        } else {
            Box::new(io::stderr())
        };
        Self {
            streams: Mutex::new(Streams { data, messages, closed: false }),
            data_palette: Palette::new(data_colored),
            message_palette: Palette::new(messages_colored),
            stdout: environment.stdout,
            stderr: environment.stderr,
        }
    }

    /// Two writers instead, for tests.
    #[must_use]
    pub fn to_writers(data: Box<dyn Write + Send>, messages: Box<dyn Write + Send>) -> Self {
        Self {
            streams: Mutex::new(Streams { data, messages, closed: false }),
            data_palette: Palette::plain(),
            message_palette: Palette::plain(),
            stdout: Terminal::default(),
            stderr: Terminal::default(),
        }
    }

    /// Colours of what goes to stdout.
    #[must_use]
    pub fn data_palette(&self) -> Palette {
        self.data_palette
    }

    /// Colours of what goes to stderr.
    #[must_use]
    pub fn message_palette(&self) -> Palette {
        self.message_palette
    }

    /// How wide stdout is; `None` if it is no terminal, and then nothing must be cut.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.stdout.width.filter(|_| self.stdout.is_terminal)
    }

    /// A text for stdout with its lines as wide as there is room, whole words in each. What is no terminal gets them whole.
    #[must_use]
    pub fn folded(&self, text: &str) -> String {
        self.width().map_or_else(|| text.to_owned(), |limit| fold(text, limit))
    }

    /// Writes what was asked for, to stdout. The text has been made printable by its renderer.
    ///
    /// # Errors
    /// If it cannot be written (the disk is full). A closed pipe is no error.
    pub fn data(&self, text: &str) -> Result<(), AppError> {
        let mut streams = self.lock();
        if streams.closed {
            return Ok(());
        }
        match streams.data.write_all(text.as_bytes()).and_then(|()| streams.data.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                streams.closed = true;
                Ok(())
            }
            Err(error) => Err(AppError::failed("failed to write to standard output").because(error.to_string())),
        }
    }

    /// Says something beside the data, to stderr. If that cannot be written, there is nowhere left to say so.
    pub fn message(&self, text: &str) {
        let mut streams = self.lock();
        let _ = streams.messages.write_all(text.as_bytes()).and_then(|()| streams.messages.flush());
    }

    /// Says what failed, why, and the way out.
    pub fn error(&self, error: &AppError) {
        self.message(&errors::render(error, self.message_palette));
    }

    /// A line on stderr that tells how far it got; silent if stderr is no terminal.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::start(self.stderr.is_terminal)
    }

    /// Whether lines that change may be shown on stderr.
    #[must_use]
    pub fn live(&self) -> bool {
        self.stderr.is_terminal
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A writer that keeps what was written, for tests.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn data_and_messages_go_their_own_ways() {
        let (data, messages) = (Captured::default(), Captured::default());
        let printer = Printer::to_writers(Box::new(data.clone()), Box::new(messages.clone()));
        printer.data("rows\n").unwrap();
        printer.message("note\n");
        assert_eq!((data.text().as_str(), messages.text().as_str()), ("rows\n", "note\n"));
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_end() {
        let messages = Captured::default();
        let printer = Printer::to_writers(Box::new(Fails(io::ErrorKind::BrokenPipe)), Box::new(messages.clone()));
        assert_eq!(printer.data("rows"), Ok(()));
        assert_eq!(printer.data("more rows"), Ok(()));
        assert_eq!(messages.text(), "");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let printer = Printer::to_writers(Box::new(Fails(io::ErrorKind::StorageFull)), Box::new(Captured::default()));
        assert_eq!(printer.data("rows").unwrap_err().message, "failed to write to standard output");
    }

    #[test]
    fn what_is_no_terminal_has_no_width() {
        let pipe = Environment { stdout: Terminal { is_terminal: false, width: Some(80) }, ..Environment::default() };
        assert_eq!(Printer::new(ColorWhen::Auto, &pipe).width(), None);
        let screen = Environment { stdout: Terminal { is_terminal: true, width: Some(80) }, ..Environment::default() };
        assert_eq!(Printer::new(ColorWhen::Auto, &screen).width(), Some(80));
    }
}
