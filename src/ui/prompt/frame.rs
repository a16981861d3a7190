//! What a prompt looks like at one moment: lines that fit the terminal, and where the cursor stands.

use std::borrow::Cow;

use super::typed::Typed;
use crate::text::printable;
use crate::ui::Palette;
use crate::ui::layout::width;

/// How many rows and columns the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Size {
    /// How many columns a line may take: a full line would leave the cursor between two lines, and terminals differ
    /// in which of them it is then.
    pub(super) fn limit(self) -> usize {
        self.columns.saturating_sub(1)
    }
}

/// Lines and the cursor's place in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) lines: Vec<Line>,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// One line, cut to a limit as it is put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The text with its colours.
    pub(super) painted: String,
    /// How many columns it takes.
    pub(super) width: usize,
    limit: usize,
    full: bool,
}

impl Line {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(super) fn add(&mut self, text: &str) {
        self.painted(text, str::to_owned);
    }

    /// Adds what still fits. The text is made printable here, so that none can be forgotten.
    pub(super) fn painted(&mut self, text: &str, paint: impl Fn(&str) -> String) {
        if self.full || text.is_empty() {
            return;
        }
        let text = printable(text);
        let cut = shortened(&text, self.limit - self.width);
        self.full = matches!(cut, Cow::Owned(_)) || cut.is_empty();
        self.width += width(&cut);
        if !cut.is_empty() {
            self.painted.push_str(&paint(&cut));
        }
    }
}

/// The longest start of a text that takes no more than so many columns.
pub(super) fn clipped(text: &str, room: usize) -> &str {
    if width(text) <= room {
        return text;
    }
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        if width(&text[..next]) > room {
            break;
        }
        end = next;
    }
    &text[..end]
}

/// The text, with `…` at the end where it does not fit.
pub(super) fn shortened(text: &str, room: usize) -> Cow<'_, str> {
    if width(text) <= room {
        return Cow::Borrowed(text);
    }
    match room.checked_sub(1) {
        Some(rest) => Cow::Owned(format!("{}…", clipped(text, rest))),
        None => Cow::Borrowed(""),
    }
}

/// `? Workloads to bump (2 chosen) filt`: the first line of a prompt, and the cursor's column in it. Where there is
/// little room, the title gives way to what is typed.
pub(super) fn head(title: &str, counts: &str, typed: &Typed, limit: usize, palette: Palette) -> (Line, usize) {
    let mut line = Line::new(limit);
    line.painted("? ", |text| palette.hint(text));
    let typed_least = typed.width().min(limit / 2).max(1);
    let room = (limit - line.width).saturating_sub(typed_least + 1);
    let title = printable(title);
    let title = shortened(&title, room);
    line.painted(&title, |text| palette.strong(text));
    if !counts.is_empty() && width(&title) + 1 + width(counts) <= room {
        line.painted(&format!(" {counts}"), |text| palette.quiet(text));
    }
    if !title.is_empty() {
        line.add(" ");
    }
    let (text, column) = typed.visible(limit - line.width);
    let column = line.width + column;
    line.add(&text);
    (line, column.min(limit.saturating_sub(1)))
}

/// The line that stays after an answer.
pub(super) fn told(title: &str, answer: &str, palette: Palette) -> String {
    format!("{}{}   {}", palette.hint("? "), palette.strong(&printable(title)), printable(answer))
}

/// How many rows lines of these widths take on a terminal that has become narrower since they were drawn.
pub(super) fn rows_taken(widths: &[usize], columns: usize) -> usize {
    widths.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_it_would_not_fit() {
        for (parts, limit, expected) in [
            (&["abc", "def"][..], 6, "abcdef"),
            (&["abc", "def"], 5, "abcd…"),
            (&["abc", "def"], 3, "abc"),
            (&["abcdef", "x"], 3, "ab…"),
            (&["大大大"], 5, "大大…"),
            (&["大大大"], 4, "大…"),
            (&["abc"], 1, "…"),
            (&["abc"], 0, ""),
            (&["e\u{301}e\u{301}e\u{301}"], 2, "e\u{301}…"),
        ] {
            let mut line = Line::new(limit);
            for part in parts {
                line.add(part);
            }
            assert_eq!(line.painted, expected, "{parts:?} {limit}");
            assert_eq!(line.width, width(expected));
        }
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        let mut line = Line::new(20);
        line.add("a\u{1b}[2J\nb\u{202e}");
        assert_eq!(line.painted, "a\u{fffd}[2J b\u{fffd}");
        assert!(!told("t\u{1b}", "a\u{9b}", Palette::plain()).contains(['\u{1b}', '\u{9b}']));
    }

    #[test]
    fn the_title_gives_way_to_what_is_typed() {
        for (limit, expected, column) in [
            (60, "? Workloads to bump (2 chosen) shop-web", 39),
            (30, "? Workloads to bump shop-web", 28),
            (19, "? Worklo… shop-web", 18),
            (9, "? W… web", 8),
            (4, "? b", 3),
            (1, "…", 0),
        ] {
            let (line, at) = head("Workloads to bump", "(2 chosen)", &Typed::new("shop-web"), limit, Palette::plain());
            assert_eq!((line.painted.as_str(), at), (expected, column), "{limit}");
            assert!(line.width <= limit);
        }
    }

    #[test]
    fn rows_are_counted_as_they_wrap() {
        for (widths, columns, expected) in
            [(&[][..], 80, 0), (&[0, 79], 80, 2), (&[80, 81, 160], 80, 5), (&[3], 1, 3), (&[3], 0, 3)]
        {
            assert_eq!(rows_taken(widths, columns), expected, "{widths:?} {columns}");
        }
    }
}
