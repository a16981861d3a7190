//! A question that only a clear yes answers with yes.

use super::frame::{Frame, Line, Size};
use super::key::Key;
use super::look::Look;
use super::{Answer, Question, Step};
use crate::text::printable;
use crate::ui::Palette;
use crate::ui::layout::{shortened, width, wrap};

const CHOICES: &str = "(y/N)";

/// The question.
pub(super) struct Confirmation {
    title: String,
    look: Look,
}

impl Confirmation {
    pub(super) fn new(title: &str, palette: Palette) -> Self {
        Self { title: printable(title).into_owned(), look: Look::new(palette) }
    }

    /// A line of the question, painted: the first begins with the mark, the last ends with the choices.
    fn line(&self, text: &str, limit: usize) -> Line {
        let mut line = Line::new(limit);
        let mut rest = text;
        if let Some(title) = rest.strip_prefix("? ") {
            line.painted("?", |_| self.look.asking());
            line.add(" ");
            rest = title;
        }
        match rest.strip_suffix(CHOICES) {
            Some(title) => {
                line.painted(title, |text| self.look.title(text));
                line.painted(CHOICES, |text| self.look.hint(text));
            }
            None => line.painted(rest, |text| self.look.title(text)),
        }
        line
    }
}

impl Question for Confirmation {
    type Given = bool;

    fn press(&mut self, key: Key) -> Step<bool> {
        Step::Leave(match key {
            Key::Character('y' | 'Y') => Answer::Given(true),
            Key::Character('n' | 'N') | Key::Enter => Answer::Given(false),
            Key::Escape => Answer::Escaped,
            Key::Control('c' | 'd') => Answer::Interrupted,
            _ => return Step::Stay,
        })
    }

    /// Over as many lines as there are: what is asked must not be cut as long as there is room for it.
    fn frame(&mut self, size: Size) -> Frame {
        let limit = size.limit();
        let mut texts = wrap(&format!("? {} {CHOICES}", self.title), limit);
        if texts.len() > size.rows {
            let last = limit.saturating_sub(width(CHOICES) + 1);
            texts.truncate(size.rows.max(1));
            if let Some(text) = texts.last_mut() {
                *text = format!("{} {CHOICES}", shortened(&format!("{text}…"), last));
            }
        }
        let lines: Vec<Line> = texts.iter().map(|text| self.line(text, limit)).collect();
        let column = lines.last().map_or(0, |line| line.width + 1).min(limit);
        Frame { row: lines.len().saturating_sub(1), lines, column }
    }

    fn told(&self, given: &bool, _: Size) -> String {
        self.look.told_yes_or_no(&self.title, *given)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (pressed, expected) in [
            (&[Key::Character('y')][..], Some(Answer::Given(true))),
            (&[Key::Character('Y')], Some(Answer::Given(true))),
            (&[Key::Character('n')], Some(Answer::Given(false))),
            (&[Key::Enter], Some(Answer::Given(false))),
            (&[Key::Character('j'), Key::Character(' '), Key::Tab, Key::Down], None),
            (&[Key::Escape], Some(Answer::Escaped)),
            (&[Key::Control('c')], Some(Answer::Interrupted)),
            (&[Key::Control('d')], Some(Answer::Interrupted)),
        ] {
            assert_eq!(keys(&mut Confirmation::new("Go on?", Palette::plain()), pressed), expected, "{pressed:?}");
        }
    }

    #[test]
    fn what_is_asked_is_wrapped_and_cut_only_where_there_is_no_room() {
        for (rows, columns, expected, row, column) in [
            (24, 80, &["? Change 2 workloads in `shop`? (y/N)"][..], 0, 38),
            (3, 20, &["? Change 2", "workloads in", "`shop`? (y/N)"], 2, 14),
            (2, 20, &["? Change 2", "workloads in… (y/N)"], 1, 19),
            (1, 20, &["? Change 2… (y/N)"], 0, 18),
        ] {
            let frame =
                Confirmation::new("Change 2 workloads in `shop`?", Palette::plain()).frame(Size { rows, columns });
            let lines: Vec<_> = frame.lines.iter().map(|line| line.painted.as_str()).collect();
            assert_eq!((lines.as_slice(), frame.row, frame.column), (expected, row, column), "{rows} {columns}");
        }
    }

    #[test]
    fn the_answer_is_told() {
        let size = Size { rows: 24, columns: 80 };
        assert_eq!(Confirmation::new("Go on?", Palette::plain()).told(&true, size), "✔ Go on? · yes");
        assert_eq!(Confirmation::new("Go on?", Palette::plain()).told(&false, size), "✔ Go on? · no");
    }
}
