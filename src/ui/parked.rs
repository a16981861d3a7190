//! Where lines that change are drawn: on stderr, with the cursor parked at their beginning.
//!
//! The terminal echoes what is pressed meanwhile where the cursor is. At the end of the lines, which is where they are
//! drawn to, the `^C` that ends a run would begin a new line, and the lines would be taken away one line too low.
//! From their beginning they are erased whole, also when the terminal has another width by now.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::{Term, measure_text_width};
use indicatif::{ProgressDrawTarget, TermLike};

/// More often than this nobody sees.
const PER_SECOND: u8 = 20;

/// The place for lines; nothing is shown without a terminal.
pub(super) fn target(terminal: bool) -> ProgressDrawTarget {
    if !terminal {
        return ProgressDrawTarget::hidden();
    }
    let parked = Parked { term: Term::buffered_stderr(), drawing: Mutex::default() };
    ProgressDrawTarget::term_like_with_hz(Box::new(parked), PER_SECOND)
}

/// How wide a line is.
pub(super) fn columns() -> usize {
    usize::from(Term::stderr().size().1)
}

#[derive(Debug)]
struct Parked {
    term: Term,
    drawing: Mutex<Drawing>,
}

/// What was written since the lines were erased.
#[derive(Debug, Default)]
struct Drawing {
    begun: bool,
    columns: usize,
}

impl Parked {
    /// Erases what is there before the first of the new lines is written.
    fn begin(&self) -> io::Result<MutexGuard<'_, Drawing>> {
        let mut drawing = self.drawing.lock().unwrap_or_else(PoisonError::into_inner);
        if !drawing.begun {
            drawing.begun = true;
            self.term.write_str("\r")?;
            self.term.clear_to_end_of_screen()?;
        }
        Ok(drawing)
    }
}

/// Lines are written one after the other, each filled up to the terminal's width. The moves with which the old ones are
/// looked for and erased one by one have nothing left to do.
impl TermLike for Parked {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        let rest = usize::from(self.width()).saturating_sub(measure_text_width(text));
        self.write_str(&format!("{text}{}", " ".repeat(rest)))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text == "\r" {
            return Ok(());
        }
        self.begin()?.columns += measure_text_width(text);
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let columns = std::mem::take(&mut *self.begin()?).columns;
        let rows = columns.div_ceil(usize::from(self.width()).max(1));
        self.term.write_str("\r")?;
        self.term.move_cursor_up(rows.saturating_sub(1))?;
        self.term.flush()
    }
}
