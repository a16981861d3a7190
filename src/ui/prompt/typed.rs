//! A line of text that is being typed, with the keys that shells have for it.

use super::key::Key;
use crate::text::is_unprintable;
use crate::ui::layout::{clipped, width};

/// The text and where the cursor stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    text: Vec<char>,
    cursor: usize,
}

/// What a key did to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Changed,
    Moved,
    /// The key is none of these.
    Nothing,
}

impl Typed {
    /// A text to begin with, the cursor behind it. What could steer the terminal is left out, as it is from what is
    /// typed or pasted.
    pub(super) fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().filter(|character| !is_unprintable(*character)).collect();
        Self { cursor: text.len(), text }
    }

    pub(super) fn text(&self) -> String {
        self.text.iter().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn press(&mut self, key: Key) -> Effect {
        let length = self.text.len();
        let to = match key {
            Key::Left | Key::Control('b') => self.cursor.saturating_sub(1),
            Key::Right | Key::Control('f') => (self.cursor + 1).min(length),
            Key::Home | Key::Control('a') => 0,
            Key::End | Key::Control('e') => length,
            Key::Character(character) => {
                if is_unprintable(character) {
                    return Effect::Moved;
                }
                self.text.insert(self.cursor, character);
                self.cursor += 1;
                return Effect::Changed;
            }
            Key::Backspace => return self.remove(self.cursor.saturating_sub(1), self.cursor),
            Key::Delete | Key::Control('d') => return self.remove(self.cursor, (self.cursor + 1).min(length)),
            Key::Control('u') => return self.remove(0, self.cursor),
            Key::Control('k') => return self.remove(self.cursor, length),
            Key::Control('w') => return self.remove(self.start_of_word(), self.cursor),
            _ => return Effect::Nothing,
        };
        self.cursor = to;
        Effect::Moved
    }

    fn remove(&mut self, from: usize, to: usize) -> Effect {
        if from == to {
            return Effect::Moved;
        }
        self.text.drain(from..to);
        self.cursor = from;
        Effect::Changed
    }

    fn start_of_word(&self) -> usize {
        let before = &self.text[..self.cursor];
        let end = before.iter().rposition(|character| *character != ' ').map_or(0, |at| at + 1);
        before[..end].iter().rposition(|character| *character == ' ').map_or(0, |at| at + 1)
    }

    /// How many columns it takes with the cursor behind it.
    pub(super) fn width(&self) -> usize {
        width(&self.text()) + 1
    }

    /// The part around the cursor that fits into so many columns, and the cursor's column in it.
    pub(super) fn visible(&self, room: usize) -> (String, usize) {
        let between = |from: usize, to: usize| self.text[from..to].iter().collect::<String>();
        let mut from = 0;
        while from < self.cursor && width(&between(from, self.cursor)) + 1 > room {
            from += 1;
        }
        let text = between(from, self.text.len());
        (clipped(&text, room).to_owned(), width(&between(from, self.cursor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, keys: &[Key]) -> (String, usize) {
        let mut typed = Typed::new(text);
        for key in keys {
            typed.press(*key);
        }
        (typed.text(), typed.cursor)
    }

    #[test]
    fn it_is_edited_as_in_a_shell() {
        use Key::*;
        for (text, keys, expected, cursor) in [
            ("", &[Character('a'), Character('大')][..], "a大", 2),
            ("ab", &[Left, Character('x')], "axb", 2),
            ("ab", &[Backspace, Backspace, Backspace], "", 0),
            ("äb", &[Home, Delete, Delete, Delete], "", 0),
            ("ab", &[Control('a'), Right, Right, Right, Left, Control('k')], "a", 1),
            ("ab", &[Left, Control('u'), End], "b", 1),
            ("one two  ", &[Control('w')], "one ", 4),
            ("one", &[Control('w'), Control('w')], "", 0),
            ("ab", &[Home, Control('d')], "b", 0),
            ("a\u{1b}[2Jb\n", &[Character('\u{202e}')], "a[2Jb", 5),
        ] {
            assert_eq!(after(text, keys), (expected.to_owned(), cursor), "{text:?} {keys:?}");
        }
    }

    #[test]
    fn a_key_tells_whether_it_changed_the_text() {
        let mut typed = Typed::new("a");
        for (key, effect) in [
            (Key::Left, Effect::Moved),
            (Key::Backspace, Effect::Moved),
            (Key::Delete, Effect::Changed),
            (Key::Character('b'), Effect::Changed),
            (Key::Up, Effect::Nothing),
            (Key::Enter, Effect::Nothing),
            (Key::Control('c'), Effect::Nothing),
        ] {
            assert_eq!(typed.press(key), effect, "{key:?}");
        }
    }

    #[test]
    fn the_part_around_the_cursor_is_seen() {
        for (text, keys, room, expected, column) in [
            ("abcdef", &[][..], 10, "abcdef", 6),
            ("abcdef", &[], 4, "def", 3),
            ("abcdef", &[Key::Home], 4, "abcd", 0),
            ("abcdef", &[Key::Left, Key::Left], 4, "bcde", 3),
            ("大大大", &[], 4, "大", 2),
            ("大大大", &[Key::Home], 5, "大大", 0),
            ("abc", &[], 1, "", 0),
            ("abc", &[], 0, "", 0),
        ] {
            let mut typed = Typed::new(text);
            for key in keys {
                typed.press(*key);
            }
            assert_eq!(typed.visible(room), (expected.to_owned(), column), "{text} {keys:?} {room}");
        }
    }
}
