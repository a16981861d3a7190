//! Questions to a person at a terminal: pick, edit, confirm.
//!
//! Each question is a plain state that takes keys and says what it looks like; one loop reads and draws. All of
//! it is drawn on stderr, because stdout is for data, and one line stays that tells the answer.
//!
//! The look is that of `dialoguer`. The states are our own: it has no list to filter and pick many from, its line cannot
//! be left with Esc, and on Ctrl-C it sends the process a signal and leaves its lines and a hidden cursor behind.

mod confirmation;
mod editor;
mod frame;
mod key;
mod keyboard;
mod look;
mod mode;
mod picker;
mod screen;
mod typed;

use std::io;

use confirmation::Confirmation;
use editor::Editor;
use frame::{Frame, Size};
use key::Key;
use keyboard::{Input, Keyboard};
use picker::Picker;
use screen::Screen;

pub use screen::restore_terminal;

use super::Palette;
use crate::domain::diagnosis::Verdict;
use crate::error::AppError;

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<T> {
    /// With an answer.
    Given(T),
    /// With Esc: back, or out of it.
    Escaped,
    /// With Ctrl-C, with Ctrl-D where nothing is typed, or because the terminal is gone.
    Interrupted,
}

impl<T> Answer<T> {
    /// The same ending, with another form of the answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Given(given) => Answer::Given(change(given)),
            Self::Escaped => Answer::Escaped,
            Self::Interrupted => Answer::Interrupted,
        }
    }
}

/// One row of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// What it is, `deployment/web`. The answer is told with it.
    pub label: String,
    /// What is to be known about it, `stale 3d`; may be empty.
    pub note: String,
    /// Gives the note its colour.
    pub verdict: Option<Verdict>,
}

/// Lets pick rows, at least one. What is typed filters the list.
///
/// # Errors
/// If there is no row, or the terminal cannot be read or written.
pub fn pick_many(title: &str, rows: &[Row], palette: Palette) -> io::Result<Answer<Vec<usize>>> {
    some(rows)?;
    run(Picker::many(title, rows, palette))
}

/// Lets pick one row. What is typed filters the list.
///
/// # Errors
/// If there is no row, or the terminal cannot be read or written.
pub fn pick_one(title: &str, rows: &[Row], palette: Palette) -> io::Result<Answer<usize>> {
    some(rows)?;
    let answer = run(Picker::one(title, rows, palette))?;
    Ok(answer.map(|picked| picked.first().copied().unwrap_or_default()))
}

/// Lets pick one of many names. What is typed filters the list.
///
/// # Errors
/// If there is no name, or the terminal cannot be read or written.
pub fn pick_name(title: &str, names: &[String], palette: Palette) -> io::Result<Answer<usize>> {
    let rows: Vec<Row> = names.iter().map(|name| Row { label: name.clone(), ..Row::default() }).collect();
    pick_one(title, &rows, palette)
}

/// Lets edit a line. A text that `check` refuses is not taken, and why is shown below it.
///
/// # Errors
/// If the terminal cannot be read or written.
pub fn edit_line(
    title: &str,
    initial: &str,
    check: &dyn Fn(&str) -> Result<(), String>,
    palette: Palette,
) -> io::Result<Answer<String>> {
    run(Editor::new(title, initial, check, palette))
}

/// Asks for a yes; Enter alone is a no.
///
/// # Errors
/// If the terminal cannot be read or written.
pub fn confirm(title: &str, palette: Palette) -> io::Result<Answer<bool>> {
    run(Confirmation::new(title, palette))
}

/// Runs a prompt on a thread where blocking is allowed, for async callers. If the caller is dropped meanwhile (Ctrl-C
/// from outside, a timeout), the prompt ends and the terminal is as it was before.
///
/// # Errors
/// If the terminal cannot be read or written.
pub async fn ask<T: Send + 'static>(
    prompt: impl FnOnce() -> io::Result<Answer<T>> + Send + 'static,
) -> Result<Answer<T>, AppError> {
    let mut asked = Asked { prompt: tokio::task::spawn_blocking(prompt), answered: false };
    let answer = (&mut asked.prompt).await;
    asked.answered = true;
    let failed = |cause: String| AppError::failed("failed to ask on the terminal").because(cause);
    answer.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

/// A prompt on its thread, which goes on there when nobody waits for it any more unless it is told.
struct Asked<T> {
    prompt: tokio::task::JoinHandle<io::Result<Answer<T>>>,
    answered: bool,
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        if !self.answered {
            // In case it has not begun yet.
            self.prompt.abort();
            restore_terminal();
        }
    }
}

/// A question as a plain state.
trait Question {
    /// The answer's form.
    type Given;

    fn press(&mut self, key: Key) -> Step<Self::Given>;

    /// What it looks like: no more lines than the terminal has rows, none wider than [`Size::limit`].
    fn frame(&mut self, size: Size) -> Frame;

    /// The line that stays.
    fn told(&self, given: &Self::Given, size: Size) -> String;
}

/// What a key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step<T> {
    Stay,
    Leave(Answer<T>),
}

fn some(rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is nothing to choose from"));
    }
    Ok(())
}

fn run<Q: Question>(mut question: Q) -> io::Result<Answer<Q::Given>> {
    let screen = Screen::open()?;
    let mut keyboard = Keyboard::default();
    let mut drawn = None;
    loop {
        let size = screen.size();
        if drawn != Some(size) {
            if !screen.draw(&question.frame(size))? {
                return Ok(Answer::Interrupted);
            }
            drawn = Some(size);
        }
        match keyboard.read()? {
            Input::Key(key) => match question.press(key) {
                Step::Stay => drawn = None,
                Step::Leave(answer) => {
                    if let Answer::Given(given) = &answer {
                        screen.finish(&question.told(given, size))?;
                    }
                    return Ok(answer);
                }
            },
            Input::Nothing if screen.is_open() => {}
            Input::Nothing | Input::Closed => return Ok(Answer::Interrupted),
        }
    }
}

/// Presses keys until one of them leaves.
#[cfg(test)]
fn keys<Q: Question>(question: &mut Q, pressed: &[Key]) -> Option<Answer<Q::Given>> {
    pressed.iter().find_map(|key| match question.press(*key) {
        Step::Stay => None,
        Step::Leave(answer) => Some(answer),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_rows_is_an_error_and_no_trap() {
        assert_eq!(pick_many("a", &[], Palette::plain()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(pick_one("a", &[], Palette::plain()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(pick_name("a", &[], Palette::plain()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn what_a_prompt_says_is_handed_on() {
        assert_eq!(ask(|| Ok(Answer::Given(1))).await, Ok(Answer::Given(1)));
        assert_eq!(ask::<()>(|| Ok(Answer::Escaped)).await, Ok(Answer::Escaped));
        let error = ask::<()>(|| Err(io::Error::other("gone"))).await.unwrap_err();
        assert_eq!((error.message.as_str(), error.causes), ("failed to ask on the terminal", vec!["gone".to_owned()]));
    }
}
