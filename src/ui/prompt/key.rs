//! Keys, and how they are told out of the bytes that a terminal sends for them.
//!
//! A decoder of our own: `console` reads Ctrl-A as Home, takes the start of an arrow key that arrives in two pieces for
//! Esc, and leaves the rest of a sequence that it does not know to be read as typed text.

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    /// Ctrl and a small letter.
    Control(char),
    Enter,
    Escape,
    Backspace,
    Delete,
    Tab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// Takes a terminal's bytes one by one.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    /// Esc alone, or the start of a sequence: only the time tells.
    Escape,
    /// After `ESC [`, with the first number that came.
    Sequence { number: Option<u8>, more: bool },
    /// After `ESC O`.
    Application,
    /// A character that is not whole yet.
    Character { bytes: [u8; 4], length: usize, needed: usize },
}

impl Decoder {
    /// The key that this byte completes.
    pub(super) fn byte(&mut self, byte: u8) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Start => self.first(byte),
            State::Escape => match byte {
                b'[' => self.wait(State::Sequence { number: None, more: false }),
                b'O' => self.wait(State::Application),
                0x1b => {
                    self.state = State::Escape;
                    Some(Key::Escape)
                }
                // Alt and a letter, which means nothing here. Ctrl-C always means the same.
                0x20.. => None,
                _ => self.first(byte),
            },
            State::Sequence { number, more } => match byte {
                b'0'..=b'9' if !more => {
                    let number = number.unwrap_or_default().saturating_mul(10).saturating_add(byte - b'0');
                    self.wait(State::Sequence { number: Some(number), more })
                }
                0x20..=0x3f => self.wait(State::Sequence { number, more: true }),
                b'~' => numbered(number),
                0x40..=0x7e => lettered(byte),
                _ => self.first(byte),
            },
            State::Application => match byte {
                0x20.. => lettered(byte),
                _ => self.first(byte),
            },
            State::Character { mut bytes, length, needed } => {
                if byte & 0b1100_0000 != 0b1000_0000 {
                    return self.first(byte);
                }
                bytes[length] = byte;
                let length = length + 1;
                if length < needed {
                    return self.wait(State::Character { bytes, length, needed });
                }
                let text = std::str::from_utf8(&bytes[..length]).ok()?;
                text.chars().next().map(Key::Character)
            }
        }
    }

    /// Nothing came for a while: an Esc that was no start of anything was the key.
    #[cfg(any(unix, test))]
    pub(super) fn pause(&mut self) -> Option<Key> {
        (std::mem::take(&mut self.state) == State::Escape).then_some(Key::Escape)
    }

    fn wait(&mut self, state: State) -> Option<Key> {
        self.state = state;
        None
    }

    fn first(&mut self, byte: u8) -> Option<Key> {
        let needed = match byte {
            0x1b => return self.wait(State::Escape),
            b'\r' | b'\n' => return Some(Key::Enter),
            b'\t' => return Some(Key::Tab),
            0x08 | 0x7f => return Some(Key::Backspace),
            0x01..=0x1a => return Some(Key::Control(char::from(byte - 1 + b'a'))),
            0x20..=0x7e => return Some(Key::Character(char::from(byte))),
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return None,
        };
        self.wait(State::Character { bytes: [byte, 0, 0, 0], length: 1, needed })
    }
}

fn lettered(byte: u8) -> Option<Key> {
    match byte {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        b'M' => Some(Key::Enter),
        _ => None,
    }
}

fn numbered(number: Option<u8>) -> Option<Key> {
    match number? {
        1 | 7 => Some(Key::Home),
        3 => Some(Key::Delete),
        4 | 8 => Some(Key::End),
        5 => Some(Key::PageUp),
        6 => Some(Key::PageDown),
        _ => None,
    }
}

/// The key as `console` names it, where the bytes themselves cannot be had.
#[cfg(any(not(unix), test))]
pub(super) fn from_console(key: &console::Key) -> Option<Key> {
    match key {
        console::Key::Char(character) => match u32::from(*character) {
            0x7f => Some(Key::Backspace),
            code @ 0x01..=0x1a => Decoder::default().byte(u8::try_from(code).ok()?),
            0..0x20 => None,
            _ => Some(Key::Character(*character)),
        },
        console::Key::CtrlC => Some(Key::Control('c')),
        console::Key::Enter => Some(Key::Enter),
        console::Key::Escape => Some(Key::Escape),
        console::Key::Backspace => Some(Key::Backspace),
        console::Key::Del => Some(Key::Delete),
        console::Key::Tab => Some(Key::Tab),
        console::Key::ArrowUp => Some(Key::Up),
        console::Key::ArrowDown => Some(Key::Down),
        console::Key::ArrowLeft => Some(Key::Left),
        console::Key::ArrowRight => Some(Key::Right),
        console::Key::Home => Some(Key::Home),
        console::Key::End => Some(Key::End),
        console::Key::PageUp => Some(Key::PageUp),
        console::Key::PageDown => Some(Key::PageDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys: Vec<Key> = bytes.iter().filter_map(|byte| decoder.byte(*byte)).collect();
        keys.extend(decoder.pause());
        keys
    }

    #[test]
    fn each_sequence_is_one_key() {
        use Key::*;
        let table: &[(&[u8], &[Key])] = &[
            (b"a ~", &[Character('a'), Character(' '), Character('~')]),
            ("ö大🦀".as_bytes(), &[Character('ö'), Character('大'), Character('🦀')]),
            (b"\r\n\t", &[Enter, Enter, Tab]),
            (b"\x08\x7f", &[Backspace, Backspace]),
            (b"\x01\x03\x04\x15", &[Control('a'), Control('c'), Control('d'), Control('u')]),
            (b"\x1b", &[Escape]),
            (b"\x1b\x1b", &[Escape, Escape]),
            (b"\x1b\x1b[A", &[Escape, Up]),
            (b"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", &[Up, Down, Right, Left, Home, End]),
            (b"\x1bOA\x1bOB\x1bOH\x1bOF", &[Up, Down, Home, End]),
            (b"\x1b[1~\x1b[3~\x1b[4~\x1b[5~\x1b[6~\x1b[7~\x1b[8~", &[Home, Delete, End, PageUp, PageDown, Home, End]),
            (b"\x1b[1;5C\x1b[3;2~", &[Right, Delete]),
        ];
        for (bytes, expected) in table {
            assert_eq!(keys(bytes), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_swallowed_whole() {
        let table: &[&[u8]] = &[
            b"\x1b[15~x",
            b"\x1b[200~x",
            b"\x1b[<0;12;40mx",
            b"\x1b[?1;2cx",
            b"\x1bOPx",
            b"\x1bfx",
            b"\x00\x1c\x1fx",
            b"\xffx",
            b"\xc3x",
            b"\xe0\x80\x80x",
            b"\x1b[999999999999~x",
        ];
        for bytes in table {
            assert_eq!(keys(bytes), [Key::Character('x')], "{bytes:?}");
        }
    }

    #[test]
    fn ctrl_c_is_heard_in_the_middle_of_anything() {
        for before in [&b""[..], b"\x1b", b"\x1b[", b"\x1b[1;", b"\x1bO", b"\xf0\x9f"] {
            let bytes = [before, b"\x03"].concat();
            assert_eq!(keys(&bytes), [Key::Control('c')], "{bytes:?}");
        }
    }

    #[test]
    fn half_a_sequence_is_no_key() {
        for bytes in [&b"\x1b["[..], b"\x1b[1", b"\x1bO", b"\xf0\x9f"] {
            assert_eq!(keys(bytes), [], "{bytes:?}");
        }
    }

    #[test]
    fn the_keys_of_console_are_the_same_keys() {
        use console::Key as Theirs;
        for (theirs, ours) in [
            (Theirs::Char('a'), Some(Key::Character('a'))),
            (Theirs::Char('\u{1}'), Some(Key::Control('a'))),
            (Theirs::Char('\u{7f}'), Some(Key::Backspace)),
            (Theirs::Char('\u{1c}'), None),
            (Theirs::CtrlC, Some(Key::Control('c'))),
            (Theirs::Del, Some(Key::Delete)),
            (Theirs::PageDown, Some(Key::PageDown)),
            (Theirs::Shift, None),
        ] {
            assert_eq!(from_console(&theirs), ours, "{theirs:?}");
        }
    }
}
