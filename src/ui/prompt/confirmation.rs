//! A question that only a clear yes answers with yes.

use super::frame::{Frame, Line, Size, shortened, told};
use super::key::Key;
use super::{Answer, Question, Step};
use crate::text::printable;
use crate::ui::Palette;
use crate::ui::layout::{width, wrap};

const CHOICES: &str = "(y/N)";

/// The question.
pub(super) struct Confirmation {
    title: String,
}

impl Confirmation {
    pub(super) fn new(title: &str) -> Self {
        Self { title: printable(title).into_owned() }
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
        let lines: Vec<Line> = texts
            .iter()
            .map(|text| {
                let mut line = Line::new(limit);
                line.add(text);
                line
            })
            .collect();
        let column = lines.last().map_or(0, |line| line.width + 1).min(limit);
        Frame { row: lines.len().saturating_sub(1), lines, column }
    }

    fn told(&self, given: &bool, _: Size) -> String {
        told(&self.title, if *given { "yes" } else { "no" }, Palette::plain())
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
            assert_eq!(keys(&mut Confirmation::new("Go on?"), pressed), expected, "{pressed:?}");
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
            let frame = Confirmation::new("Change 2 workloads in `shop`?").frame(Size { rows, columns });
            let lines: Vec<_> = frame.lines.iter().map(|line| line.painted.as_str()).collect();
            assert_eq!((lines.as_slice(), frame.row, frame.column), (expected, row, column), "{rows} {columns}");
        }
    }

    #[test]
    fn the_answer_is_told() {
        let size = Size { rows: 24, columns: 80 };
        assert_eq!(Confirmation::new("Go on?").told(&true, size), "? Go on?   yes");
        assert_eq!(Confirmation::new("Go on?").told(&false, size), "? Go on?   no");
    }
}
