//! The terminal while a prompt has it, and the way back to how it was found.
//!
//! There is one terminal, and whoever ends the process has to be able to give it back while the prompt waits for a key
//! on another thread. That is why what is open is kept in one place for the whole process.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::Duration;

use console::Term;

use super::frame::{Frame, Size, rows_taken};
use super::mode::Mode;

static OPEN: Mutex<Option<Terminal>> = Mutex::new(None);
/// One prompt after the other: one that nobody waits for any more must not take the next one's keys.
static TURN: Mutex<()> = Mutex::new(());
static HOOK: Once = Once::new();

/// Longer than this, whoever draws is stuck, and the process must be able to end.
const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(5);

/// A terminal that says no size.
const USUAL: Size = Size { rows: 24, columns: 80 };

struct Terminal {
    term: Term,
    mode: Mode,
    drawn: Option<Drawn>,
}

/// What is to be erased.
struct Drawn {
    widths: Vec<usize>,
    row: usize,
    column: usize,
}

/// A prompt's hold on the terminal; dropping it gives it back.
pub(super) struct Screen {
    term: Term,
    _turn: MutexGuard<'static, ()>,
}

impl Screen {
    /// Takes the terminal, once it is this prompt's turn.
    pub(super) fn open() -> io::Result<Self> {
        HOOK.call_once(tidy_up_on_panic);
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // One write for a whole frame, so that it does not flicker. On Windows some of the steps are calls that would
        // overtake what waits to be written.
        let term = if cfg!(windows) { Term::stderr() } else { Term::buffered_stderr() };
        let mut open = lock().ok_or_else(|| io::Error::from(io::ErrorKind::ResourceBusy))?;
        *open = Some(Terminal { term: term.clone(), mode: Mode::raw()?, drawn: None });
        Ok(Self { term, _turn: turn })
    }

    pub(super) fn size(&self) -> Size {
        let size = self.term.size_checked();
        size.map_or(USUAL, |(rows, columns)| Size { rows: usize::from(rows), columns: usize::from(columns) })
    }

    /// Whether the prompt still has the terminal.
    pub(super) fn is_open(&self) -> bool {
        // Locked is open: somebody who closes it is seen the next time.
        lock().is_none_or(|open| open.is_some())
    }

    /// Draws over what was drawn before. `false` if the terminal has been given back already.
    pub(super) fn draw(&self, frame: &Frame) -> io::Result<bool> {
        match lock().as_mut().and_then(|open| open.as_mut()) {
            Some(terminal) => terminal.draw(frame, self.size()).map(|()| true),
            None => Ok(false),
        }
    }

    /// Gives the terminal back and leaves a line in the prompt's place.
    pub(super) fn finish(self, line: &str) -> io::Result<()> {
        restore_terminal();
        writeln!(&self.term, "{line}")?;
        self.term.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Gives the terminal back, whoever has it: the prompt's lines are erased, the cursor is seen, and keys are read and
/// echoed as before. The prompt itself ends as interrupted. To be called before the process ends while a prompt may
/// be waiting; without a prompt it does nothing.
pub fn restore_terminal() {
    // Locked until it is done: who comes second must not end the process before.
    if let Some(mut open) = lock()
        && let Some(mut terminal) = open.take()
    {
        terminal.close();
    }
}

/// Where a panic ends the process at once, nothing is dropped; and its message is to be read on a clean terminal.
fn tidy_up_on_panic() {
    let told_by = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore_terminal();
        told_by(panic);
    }));
}

fn lock() -> Option<MutexGuard<'static, Option<Terminal>>> {
    let mut waited = Duration::ZERO;
    loop {
        match OPEN.try_lock() {
            Ok(open) => return Some(open),
            Err(TryLockError::Poisoned(poisoned)) => return Some(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) if waited >= PATIENCE => return None,
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
        }
    }
}

impl Terminal {
    /// Each step for itself: a terminal that cannot be drawn on any more may still be set right.
    fn close(&mut self) {
        // First what does not wait for anybody to read it.
        let _ = self.mode.reset();
        let _ = self.erase(self.term.size_checked().map_or(USUAL.columns, |size| usize::from(size.1)));
        let _ = self.term.show_cursor();
        let _ = self.term.flush();
    }

    fn draw(&mut self, frame: &Frame, size: Size) -> io::Result<()> {
        self.term.hide_cursor()?;
        self.erase(size.columns)?;
        for (row, line) in frame.lines.iter().enumerate() {
            let end = if row == 0 { "" } else { "\r\n" };
            write!(self.term, "{end}{}", line.painted)?;
        }
        // Noted before the cursor moves: if that fails, these are the lines to erase all the same.
        self.drawn = Some(Drawn {
            widths: frame.lines.iter().map(|line| line.width).collect(),
            row: frame.row,
            column: frame.column,
        });
        self.term.move_cursor_up(frame.lines.len().saturating_sub(frame.row + 1))?;
        write!(self.term, "\r")?;
        self.term.move_cursor_right(frame.column)?;
        self.term.show_cursor()?;
        self.term.flush()
    }

    fn erase(&mut self, columns: usize) -> io::Result<()> {
        let Some(drawn) = self.drawn.take() else { return Ok(()) };
        let above = rows_taken(&drawn.widths[..drawn.row.min(drawn.widths.len())], columns);
        self.term.move_cursor_up(above + drawn.column / columns.max(1))?;
        write!(self.term, "\r")?;
        self.term.clear_to_end_of_screen()
    }
}
