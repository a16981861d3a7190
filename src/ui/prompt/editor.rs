//! A line of text to edit, taken only if it passes a check.

use super::frame::{Frame, Line, Size, head, told};
use super::key::Key;
use super::typed::{Effect, Typed};
use super::{Answer, Question, Step};
use crate::text::printable;
use crate::ui::Palette;
use crate::ui::layout::wrap;

/// The text as it stands.
pub(super) struct Editor<'a> {
    title: String,
    typed: Typed,
    check: &'a dyn Fn(&str) -> Result<(), String>,
    /// Why the text was not taken.
    refusal: Option<String>,
}

impl<'a> Editor<'a> {
    pub(super) fn new(title: &str, initial: &str, check: &'a dyn Fn(&str) -> Result<(), String>) -> Self {
        Self { title: title.to_owned(), typed: Typed::new(initial), check, refusal: None }
    }

    /// The refusal in full as far as there is room: cut at the end it would not tell why.
    fn below(&self, size: Size) -> Vec<Line> {
        let room = size.rows.saturating_sub(1);
        let texts = match &self.refusal {
            Some(refusal) => wrap(&printable(refusal), size.limit()),
            None => vec!["enter: go on · esc: leave".to_owned()],
        };
        texts
            .iter()
            .take(room)
            .map(|text| {
                let mut line = Line::new(size.limit());
                line.add(text);
                line
            })
            .collect()
    }
}

impl Question for Editor<'_> {
    type Given = String;

    fn press(&mut self, key: Key) -> Step<String> {
        match key {
            Key::Escape => return Step::Leave(Answer::Escaped),
            Key::Control('c') => return Step::Leave(Answer::Interrupted),
            Key::Control('d') if self.typed.is_empty() => return Step::Leave(Answer::Interrupted),
            Key::Enter => {
                let text = self.typed.text();
                match (self.check)(&text) {
                    Ok(()) => return Step::Leave(Answer::Given(text)),
                    Err(why) => self.refusal = Some(why),
                }
            }
            other => {
                // It stays until the text is another one.
                if self.typed.press(other) == Effect::Changed {
                    self.refusal = None;
                }
            }
        }
        Step::Stay
    }

    fn frame(&mut self, size: Size) -> Frame {
        let (line, column) = head(&self.title, "", &self.typed, size.limit(), Palette::plain());
        let mut lines = vec![line];
        lines.extend(self.below(size));
        Frame { lines, row: 0, column }
    }

    fn told(&self, given: &String, _: Size) -> String {
        told(&self.title, given, Palette::plain())
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        if text.contains(' ') { Err("a tag has no spaces in it, so that this is none".to_owned()) } else { Ok(()) }
    }

    fn drawn(editor: &mut Editor<'_>, rows: usize, columns: usize) -> (Vec<String>, usize) {
        let frame = editor.frame(Size { rows, columns });
        (frame.lines.into_iter().map(|line| line.painted).collect(), frame.column)
    }

    #[test]
    fn each_key_leads_on() {
        for (initial, pressed, expected) in [
            ("1.0", &[Key::Enter][..], Some(Answer::Given("1.0".to_owned()))),
            ("1.0", &[Key::Character('a'), Key::Enter], Some(Answer::Given("1.0a".to_owned()))),
            ("1.0", &[Key::Home, Key::Delete, Key::Enter], Some(Answer::Given(".0".to_owned()))),
            ("1 0", &[Key::Enter], None),
            ("1 ", &[Key::Enter, Key::Backspace, Key::Enter], Some(Answer::Given("1".to_owned()))),
            ("1.0", &[Key::Escape], Some(Answer::Escaped)),
            ("1.0", &[Key::Control('c')], Some(Answer::Interrupted)),
            ("1.0", &[Key::Control('d')], None),
            ("1.0", &[Key::Control('u'), Key::Control('d')], Some(Answer::Interrupted)),
            ("1.0", &[Key::Tab, Key::Up, Key::PageDown], None),
        ] {
            let mut editor = Editor::new("New tag", initial, &check);
            assert_eq!(keys(&mut editor, pressed), expected, "{initial:?} {pressed:?}");
        }
    }

    #[test]
    fn a_refusal_says_why_until_the_text_is_another_one() {
        let mut editor = Editor::new("New tag", "1 0", &check);
        let hint = "enter: go on · esc: leave";
        assert_eq!(drawn(&mut editor, 24, 80).0, ["? New tag 1 0", hint]);
        keys(&mut editor, &[Key::Enter, Key::Left]);
        let why = "a tag has no spaces in it, so that this is none";
        assert_eq!(drawn(&mut editor, 24, 80), (vec!["? New tag 1 0".to_owned(), why.to_owned()], 12));
        keys(&mut editor, &[Key::Backspace]);
        assert_eq!(drawn(&mut editor, 24, 80).0, ["? New tag 10", hint]);
    }

    #[test]
    fn narrow_and_tiny_terminals_will_do() {
        let mut editor = Editor::new("New tag", "2026-11-20 main", &check);
        keys(&mut editor, &[Key::Enter]);
        let (lines, column) = drawn(&mut editor, 3, 20);
        assert_eq!(lines, ["? New tag -20 main", "a tag has no spaces", "in it, so that this"]);
        assert_eq!(column, 18);
        assert_eq!(drawn(&mut editor, 1, 20).0.len(), 1);
    }

    #[test]
    fn the_answer_is_told() {
        let editor = Editor::new("New tag", "", &check);
        assert_eq!(editor.told(&"1.0".to_owned(), Size { rows: 24, columns: 80 }), "? New tag   1.0");
    }
}
