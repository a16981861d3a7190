//! A list to pick one or many rows from, with a filter that is typed.

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;

use super::frame::{Frame, Line, Size, head};
use super::key::Key;
use super::look::Look;
use super::typed::{Effect, Typed};
use super::{Answer, Question, Row, Step};
use crate::text::printable;
use crate::ui::Palette;
use crate::ui::layout::{shortened, width};
use crate::ui::names::counted;

/// Columns in front of a label: `> `, and `> [ ] ` where many can be chosen.
const MARKS: usize = 2;
const MARKS_OF_MANY: usize = 6;
/// Columns between a label and its note.
const GAP: usize = 2;
/// More columns than this are no longer read as one row.
const LABEL: usize = 60;
/// So much of a note is seen beside a label that is too long; shorter, and the label would tell nothing any more.
const NOTE: usize = 20;
const LEAST_LABEL: usize = 16;

/// The list as it stands.
pub(super) struct Picker {
    title: String,
    rows: Vec<Row>,
    look: Look,
    many: bool,
    matcher: SkimMatcherV2,
    filter: Typed,
    /// The rows that match the filter, the best match first.
    shown: Vec<usize>,
    /// Which of `shown` the keys act on.
    current: usize,
    /// Which of `shown` is drawn first.
    top: usize,
    /// How many rows there is room for.
    height: usize,
    chosen: Vec<bool>,
    /// Enter was pressed before anything was chosen.
    refused: bool,
}

impl Picker {
    pub(super) fn one(title: &str, rows: &[Row], palette: Palette) -> Self {
        Self::new(title, rows, palette, false)
    }

    pub(super) fn many(title: &str, rows: &[Row], palette: Palette) -> Self {
        Self::new(title, rows, palette, true)
    }

    fn new(title: &str, rows: &[Row], palette: Palette, many: bool) -> Self {
        // Printable from the start, because widths are counted before anything is drawn.
        let rows: Vec<Row> = rows
            .iter()
            .map(|row| Row {
                label: printable(&row.label).into_owned(),
                note: printable(&row.note).into_owned(),
                verdict: row.verdict,
            })
            .collect();
        Self {
            title: title.to_owned(),
            look: Look::new(palette),
            many,
            matcher: SkimMatcherV2::default(),
            filter: Typed::default(),
            shown: (0..rows.len()).collect(),
            current: 0,
            top: 0,
            height: 1,
            chosen: vec![false; rows.len()],
            refused: false,
            rows,
        }
    }

    /// Rows that contain what is typed; only if there is none of them, those that have its letters in that order.
    /// Otherwise `stale` would show a `statefulset` too, and choosing all would choose it.
    fn filter(&mut self) {
        let pattern = self.filter.text();
        // Small letters stand for capitals as well, as they do for the matcher.
        let folded = |text: &str| if pattern == pattern.to_lowercase() { text.to_lowercase() } else { text.to_owned() };
        let score = |text: &str| {
            let score = self.matcher.fuzzy_match(text, &pattern)?;
            Some((folded(text).contains(&pattern), score))
        };
        let mut scored: Vec<(usize, (bool, i64))> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(index, row)| Some((index, score(&row.label).max(score(&row.note))?)))
            .collect();
        if scored.iter().any(|(_, (contains, _))| *contains) {
            scored.retain(|(_, (contains, _))| *contains);
        }
        if !pattern.is_empty() {
            scored.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
        }
        self.shown = scored.into_iter().map(|(index, _)| index).collect();
        self.current = 0;
        self.top = 0;
    }

    fn go(&mut self, to: usize) {
        self.current = to.min(self.shown.len().saturating_sub(1));
        self.scroll();
    }

    fn scroll(&mut self) {
        let lowest = self.shown.len().saturating_sub(self.height);
        self.top = self.top.clamp(self.current.saturating_sub(self.height - 1), self.current).min(lowest);
    }

    /// Chooses all shown rows, or none of them if all of them are chosen already.
    fn toggle_shown(&mut self) {
        let all = self.shown.iter().all(|index| self.chosen[*index]);
        for index in &self.shown {
            self.chosen[*index] = !all;
        }
    }

    fn picked(&self) -> Vec<usize> {
        if self.many {
            (0..self.rows.len()).filter(|index| self.chosen[*index]).collect()
        } else {
            self.shown.get(self.current).copied().into_iter().collect()
        }
    }

    /// `(3 of 40, 2 chosen)`: what a filter hides may be chosen all the same.
    fn counts(&self) -> String {
        let mut parts = Vec::new();
        if !self.filter.is_empty() {
            parts.push(format!("{} of {}", self.shown.len(), self.rows.len()));
        } else if self.rows.len() > self.height {
            parts.push(format!("{} of {}", self.current + 1, counted(self.rows.len(), "row", "rows")));
        }
        let chosen = self.chosen.iter().filter(|chosen| **chosen).count();
        if chosen > 0 {
            parts.push(format!("{chosen} chosen"));
        }
        if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
    }

    /// The column of the notes: behind the longest label, as long as the notes are still seen there.
    fn label_width(&self, limit: usize) -> usize {
        let longest = |text: fn(&Row) -> &str| self.rows.iter().map(|row| width(text(row))).max().unwrap_or_default();
        let marks = if self.many { MARKS_OF_MANY } else { MARKS };
        let note = longest(|row| &row.note).min(NOTE);
        let room = limit.saturating_sub(marks + GAP + note).max(LEAST_LABEL);
        longest(|row| &row.label).min(LABEL).min(room)
    }

    fn line(&self, position: usize, index: usize, label_width: usize, limit: usize) -> Line {
        let row = &self.rows[index];
        let current = position == self.current;
        let mut line = Line::new(limit);
        if current {
            line.painted(">", |_| self.look.current());
        } else {
            line.add(" ");
        }
        line.add(" ");
        if self.many {
            line.painted("[ ]", |_| self.look.choice(self.chosen[index]));
            line.add(" ");
        }
        let label = if row.note.is_empty() { (&*row.label).into() } else { shortened(&row.label, label_width) };
        if current {
            line.painted(&label, |text| self.look.label(text));
        } else {
            line.add(&label);
        }
        if !row.note.is_empty() {
            // A note that would be cut in the common column begins before it.
            let marks = if self.many { MARKS_OF_MANY } else { MARKS };
            let room = limit.saturating_sub(marks + GAP + width(&row.note));
            let column = label_width.min(room).max(width(&label));
            line.add(&" ".repeat(column - width(&label) + GAP));
            line.painted(&row.note, |text| self.look.note(row.verdict, text));
        }
        line
    }

    fn below(&self, limit: usize) -> Line {
        let mut line = Line::new(limit);
        if self.refused {
            line.painted("✘", |_| self.look.refusing());
            line.add(" ");
            line.painted("choose at least one with the space bar", |text| self.look.refusal(text));
        } else if self.many {
            let hint = "space: choose · enter: go on · esc: leave · type to filter · ctrl-a: all";
            line.painted(hint, |text| self.look.hint(text));
        } else {
            line.painted("enter: go on · esc: leave · type to filter", |text| self.look.hint(text));
        }
        line
    }
}

impl Question for Picker {
    type Given = Vec<usize>;

    fn press(&mut self, key: Key) -> Step<Vec<usize>> {
        self.refused = false;
        let last = self.shown.len().saturating_sub(1);
        match key {
            Key::Escape => return Step::Leave(Answer::Escaped),
            Key::Control('c') => return Step::Leave(Answer::Interrupted),
            Key::Control('d') if self.filter.is_empty() => return Step::Leave(Answer::Interrupted),
            Key::Enter => {
                let picked = self.picked();
                if !picked.is_empty() {
                    return Step::Leave(Answer::Given(picked));
                }
                self.refused = self.many;
            }
            Key::Character(' ') if self.many => {
                if let Some(index) = self.shown.get(self.current) {
                    self.chosen[*index] = !self.chosen[*index];
                }
            }
            Key::Control('a') | Key::Tab => {
                if self.many {
                    self.toggle_shown();
                }
            }
            // Round and round, so that the last row is one key away.
            Key::Up | Key::Control('p') => self.go(self.current.checked_sub(1).unwrap_or(last)),
            Key::Down | Key::Control('n') => self.go(if self.current >= last { 0 } else { self.current + 1 }),
            Key::PageUp => self.go(self.current.saturating_sub(self.height)),
            Key::PageDown => self.go(self.current + self.height),
            Key::Home => self.go(0),
            Key::End => self.go(last),
            other => {
                if self.filter.press(other) == Effect::Changed {
                    self.filter();
                }
            }
        }
        Step::Stay
    }

    fn frame(&mut self, size: Size) -> Frame {
        let limit = size.limit();
        // The rows come first, then what is typed, then the hint.
        let (with_head, with_hint) = (size.rows >= 2, size.rows >= 3);
        self.height = size.rows.saturating_sub(usize::from(with_head) + usize::from(with_hint)).max(1);
        self.scroll();
        let mut frame = Frame::default();
        if with_head {
            let (line, column) = head(&self.title, &self.counts(), &self.filter, limit, &self.look);
            frame.column = column;
            frame.lines.push(line);
        }
        let label_width = self.label_width(limit);
        for (position, index) in self.shown.iter().enumerate().skip(self.top).take(self.height) {
            frame.lines.push(self.line(position, *index, label_width, limit));
        }
        if self.shown.is_empty() {
            let mut line = Line::new(limit);
            line.painted("  nothing matches", |text| self.look.hint(text));
            frame.lines.push(line);
        }
        if with_hint {
            frame.lines.push(self.below(limit));
        } else if self.refused {
            frame.lines.pop();
            frame.lines.push(self.below(limit));
        }
        frame
    }

    fn told(&self, picked: &Vec<usize>, size: Size) -> String {
        let names: Vec<&str> = picked.iter().map(|index| self.rows[*index].label.as_str()).collect();
        // Each takes a column at least, so that no more of them need to be tried.
        let most = names.len().min(size.limit()).max(1);
        let text = |count: usize| match names.len() - count {
            0 => names.join(", "),
            more => format!("{}, and {more} more", names[..count].join(", ")),
        };
        let taken = width(&printable(&self.title)) + width("✔  · ");
        let count = (1..=most).rev().find(|count| taken + width(&text(*count)) <= size.limit()).unwrap_or(1);
        self.look.told(&self.title, &text(count))
    }
}

#[cfg(test)]
mod tests;
