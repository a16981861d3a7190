//! As much of a terminal as a prompt needs: text, line ends, the cursor's moves, erasing. Colours are passed over.

/// The lines as a person sees them.
#[derive(Debug, Clone)]
pub struct Screen {
    rows: usize,
    columns: usize,
    /// A character that takes two columns is followed by an empty cell.
    cells: Vec<Vec<Option<char>>>,
    row: usize,
    /// Equal to `columns` behind a full line: the next character begins a new one.
    column: usize,
    cursor_visible: bool,
    state: State,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Text,
    Escape,
    Sequence(String),
    Character(Vec<u8>),
}

impl Screen {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let cells = vec![vec![Some(' '); columns]; rows];
        Self { rows, columns, cells, row: 0, column: 0, cursor_visible: true, state: State::Text }
    }

    /// Its lines, without the spaces and empty lines at the ends.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<String> =
            self.cells.iter().map(|line| line.iter().flatten().collect::<String>().trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Whether the cursor is seen.
    #[must_use]
    pub fn cursor_visible(&self) -> bool {
        self.cursor_visible
    }

    /// The cursor's row and column, from 0.
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        (self.row, self.column.min(self.columns - 1))
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn resize(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.cells.resize(rows, Vec::new());
        for line in &mut self.cells {
            line.resize(columns, Some(' '));
        }
        self.row = self.row.min(rows - 1);
        self.column = self.column.min(columns - 1);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.state = match (std::mem::take(&mut self.state), byte) {
            (State::Text, 0x1b) => State::Escape,
            (State::Text, b'\r') => {
                self.column = 0;
                State::Text
            }
            (State::Text, b'\n') => {
                self.line_feed();
                State::Text
            }
            (State::Text, 0x08) => {
                self.column = self.column.saturating_sub(1);
                State::Text
            }
            (State::Text, 0x20..=0x7e) => {
                self.put(char::from(byte));
                State::Text
            }
            (State::Text, 0x80..) => State::Character(vec![byte]),
            (State::Text, _) => State::Text,
            (State::Escape, b'[') => State::Sequence(String::new()),
            (State::Escape, _) => State::Text,
            (State::Sequence(numbers), 0x40..=0x7e) => {
                self.sequence(&numbers, char::from(byte));
                State::Text
            }
            (State::Sequence(mut numbers), _) => {
                numbers.push(char::from(byte));
                State::Sequence(numbers)
            }
            (State::Character(mut bytes), _) => {
                bytes.push(byte);
                match std::str::from_utf8(&bytes) {
                    Ok(text) => {
                        text.chars().for_each(|character| self.put(character));
                        State::Text
                    }
                    Err(_) if bytes.len() < 4 => State::Character(bytes),
                    Err(_) => {
                        self.put('\u{fffd}');
                        State::Text
                    }
                }
            }
        };
    }

    fn put(&mut self, character: char) {
        let width = width(character);
        if self.column + width > self.columns {
            self.column = 0;
            self.line_feed();
        }
        self.cells[self.row][self.column] = Some(character);
        if width == 2 && self.column + 1 < self.columns {
            self.cells[self.row][self.column + 1] = None;
        }
        self.column += width;
    }

    fn line_feed(&mut self) {
        if self.row + 1 < self.rows {
            self.row += 1;
        } else {
            self.cells.remove(0);
            self.cells.push(vec![Some(' '); self.columns]);
        }
    }

    fn sequence(&mut self, numbers: &str, letter: char) {
        let first: usize = numbers.split(';').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let count = first.max(1);
        match letter {
            'A' => self.row = self.row.saturating_sub(count),
            'B' => self.row = (self.row + count).min(self.rows - 1),
            'C' => self.column = (self.column + count).min(self.columns - 1),
            'D' => self.column = self.column.min(self.columns - 1).saturating_sub(count),
            'J' => {
                self.erase_line(first);
                let others = match first {
                    0 => self.row + 1..self.rows,
                    1 => 0..self.row,
                    _ => 0..self.rows,
                };
                for line in &mut self.cells[others] {
                    line.fill(Some(' '));
                }
            }
            'K' => self.erase_line(first),
            'h' if numbers == "?25" => self.cursor_visible = true,
            'l' if numbers == "?25" => self.cursor_visible = false,
            _ => {}
        }
    }

    fn erase_line(&mut self, what: usize) {
        let column = self.column.min(self.columns - 1);
        let cells = match what {
            0 => column..self.columns,
            1 => 0..column + 1,
            _ => 0..self.columns,
        };
        self.cells[self.row][cells].fill(Some(' '));
    }
}

/// The wide characters that a test is likely to use.
fn width(character: char) -> usize {
    match u32::from(character) {
        0x300..=0x36f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xff60 => 2,
        0x1_f300..=0x1_faff | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_a_terminal_shows() {
        for (written, expected, cursor) in [
            ("ab\r\nc", "ab\nc", (1, 1)),
            ("abcdef", "abcde\nf", (1, 1)),
            ("abcde", "abcde", (0, 4)),
            ("abcde\r\nf", "abcde\nf", (1, 1)),
            ("a\r\nb\r\nc\r\nd", "b\nc\nd", (2, 1)),
            ("ab\rc", "cb", (0, 1)),
            ("a\r\nb\r\nc\u{1b}[2A\r\u{1b}[Jx", "x", (0, 1)),
            ("abc\u{1b}[2D\u{1b}[K", "a", (0, 1)),
            ("abc\u{1b}[2K", "", (0, 3)),
            ("a\u{1b}[31mb\u{1b}[0m\u{1b}[1C\u{1b}[1Bc", "ab\n   c", (1, 4)),
            ("大大大", "大大\n大", (1, 2)),
            ("a\u{8}b", "b", (0, 1)),
        ] {
            let mut screen = Screen::new(3, 5);
            written.bytes().for_each(|byte| screen.byte(byte));
            assert_eq!((screen.text().as_str(), screen.cursor()), (expected, cursor), "{written:?}");
        }
    }

    #[test]
    fn the_cursor_is_seen_until_it_is_hidden() {
        let mut screen = Screen::new(3, 5);
        for (written, visible) in [("a", true), ("\u{1b}[?25l", false), ("a\u{1b}[?1h", false), ("\u{1b}[?25h", true)] {
            written.bytes().for_each(|byte| screen.byte(byte));
            assert_eq!(screen.cursor_visible(), visible, "{written:?}");
        }
    }
}
