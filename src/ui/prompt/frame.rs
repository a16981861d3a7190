//! What a prompt looks like at one moment: lines that fit the terminal, and where the cursor stands.

use std::borrow::Cow;

use super::look::Look;
use super::typed::Typed;
use crate::text::printable;
use crate::ui::layout::{shortened, width};

/// On fewer columns than this, what is decoration is left out.
const NARROW: usize = 25;

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

/// `? Workloads to bump (2 chosen) › filt`: the first line of a prompt, and the cursor's column in it. Where there is
/// little room, the title gives way to what is typed, and the mark between them is left out.
pub(super) fn head(title: &str, counts: &str, typed: &Typed, limit: usize, look: &Look) -> (Line, usize) {
    let mut line = Line::new(limit);
    line.painted("?", |_| look.asking());
    line.add(" ");
    let mark = if limit < NARROW { "" } else { "›" };
    let typed_least = typed.width().min(limit / 2).max(1);
    let room = (limit - line.width).saturating_sub(typed_least + 1 + 2 * width(mark));
    let title = printable(title);
    let title = shortened(&title, room);
    line.painted(&title, |text| look.title(text));
    if !counts.is_empty() && width(&title) + 1 + width(counts) <= room {
        line.painted(&format!(" {counts}"), |text| look.hint(text));
    }
    if !title.is_empty() {
        line.add(" ");
    }
    if !mark.is_empty() {
        line.painted(mark, |_| look.typing());
        line.add(" ");
    }
    let (text, column) = typed.visible(limit - line.width);
    let column = line.width + column;
    line.add(&text);
    (line, column.min(limit.saturating_sub(1)))
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
    }

    #[test]
    fn the_title_gives_way_to_what_is_typed() {
        let look = Look::new(crate::ui::Palette::plain());
        for (limit, expected, column) in [
            (60, "? Workloads to bump (2 chosen) › shop-web", 41),
            (30, "? Workloads to bu… › shop-web", 29),
            (19, "? Worklo… shop-web", 18),
            (9, "? W… web", 8),
            (4, "? b", 3),
            (1, "?", 0),
        ] {
            let (line, at) = head("Workloads to bump", "(2 chosen)", &Typed::new("shop-web"), limit, &look);
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
