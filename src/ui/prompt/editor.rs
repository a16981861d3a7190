//! A line of text to edit, taken only if it passes a check.

use super::frame::{Frame, Line, Size, head};
use super::key::Key;
use super::look::Look;
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
    look: Look,
    /// Why the text was not taken.
    refusal: Option<String>,
}

impl<'a> Editor<'a> {
    pub(super) fn new(
        title: &str,
        initial: &str,
        check: &'a dyn Fn(&str) -> Result<(), String>,
        palette: Palette,
    ) -> Self {
        Self { title: title.to_owned(), typed: Typed::new(initial), check, look: Look::new(palette), refusal: None }
    }

    /// The refusal in full as far as there is room: cut at the end it would not tell why.
    fn below(&self, size: Size) -> Vec<Line> {
        let (limit, room) = (size.limit(), size.rows.saturating_sub(1));
        let Some(refusal) = &self.refusal else {
            let mut line = Line::new(limit);
            line.painted("enter: go on · esc: leave", |text| self.look.hint(text));
            return std::iter::once(line).take(room).collect();
        };
        let texts = wrap(&printable(refusal), limit.saturating_sub(2));
        let line = |(number, text): (usize, &String)| {
            let mut line = Line::new(limit);
            line.painted(if number == 0 { "✘" } else { " " }, |mark| {
                if number == 0 { self.look.refusing() } else { mark.to_owned() }
            });
            line.add(" ");
            line.painted(text, |text| self.look.refusal(text));
            line
        };
        texts.iter().enumerate().take(room).map(line).collect()
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
        let (line, column) = head(&self.title, "", &self.typed, size.limit(), &self.look);
        let mut lines = vec![line];
        lines.extend(self.below(size));
        Frame { lines, row: 0, column }
    }

    fn told(&self, given: &String, _: Size) -> String {
        self.look.told(&self.title, given)
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
            let mut editor = Editor::new("New tag", initial, &check, Palette::plain());
            assert_eq!(keys(&mut editor, pressed), expected, "{initial:?} {pressed:?}");
        }
    }

    #[test]
    fn a_refusal_says_why_until_the_text_is_another_one() {
        let mut editor = Editor::new("New tag", "1 0", &check, Palette::plain());
        let hint = "enter: go on · esc: leave";
        assert_eq!(drawn(&mut editor, 24, 80).0, ["? New tag › 1 0", hint]);
        keys(&mut editor, &[Key::Enter, Key::Left]);
        let why = "a tag has no spaces in it, so that this is none";
        assert_eq!(drawn(&mut editor, 24, 80), (vec!["? New tag › 1 0".to_owned(), format!("✘ {why}")], 14));
        keys(&mut editor, &[Key::Backspace]);
        assert_eq!(drawn(&mut editor, 24, 80).0, ["? New tag › 10", hint]);
    }

    #[test]
    fn narrow_and_tiny_terminals_will_do() {
        let mut editor = Editor::new("New tag", "2026-11-20 main", &check, Palette::plain());
        keys(&mut editor, &[Key::Enter]);
        let (lines, column) = drawn(&mut editor, 3, 20);
        assert_eq!(lines, ["? New tag -20 main", "✘ a tag has no", "  spaces in it, so"]);
        assert_eq!(column, 18);
        assert_eq!(drawn(&mut editor, 1, 20).0.len(), 1);
    }

    #[test]
    fn the_answer_is_told() {
        let editor = Editor::new("New tag", "", &check, Palette::plain());
        assert_eq!(editor.told(&"1.0".to_owned(), Size { rows: 24, columns: 80 }), "✔ New tag · 1.0");
    }
}
