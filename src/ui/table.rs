//! The table: made like kubectl's, three spaces between columns, no borders, one row for each container.
//!
//! Into a pipe it is never cut. On a terminal that is too narrow the last column gives way: it wraps, and where
//! too little would be left for it, each WHY moves to a line of its own below its row. Images lose their host and path
//! from the left, `…/awesomeapp:1.0`. Names and verdicts are never touched.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

use super::layout::{paint_at, shorten_image, width, wrap};
use super::{Palette, names};
use crate::domain::Digest;
use crate::domain::diagnosis::{Item, Verdict};
use crate::text::printable;

/// What kubectl prints where there is nothing.
const NONE: &str = "<none>";
/// Spaces between columns.
const GAP: usize = 3;
/// A WHY that would wrap into less than this is easier to read below its row.
const LEAST_WHY: usize = 28;
/// How far a WHY is indented below its row.
const INDENT: usize = 2;

/// How the table is to look.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// With digests, nodes, policy, age and findings; never cut, as kubectl's.
    pub wide: bool,
    /// NAMESPACE is the first column.
    pub namespaces: bool,
    /// With heads.
    pub headers: bool,
    /// The terminal's width; `None` never cuts.
    pub width: Option<usize>,
    /// Colours of the verdicts.
    pub palette: Palette,
    /// What AGE counts from.
    pub now: Timestamp,
}

struct Column {
    head: &'static str,
    cell: fn(&Item, Timestamp) -> String,
}

const IMAGE: &str = "IMAGE";
const VERDICT: &str = "VERDICT";
const WHY: &str = "WHY";

fn columns(options: &Options) -> Vec<Column> {
    let column = |head, cell| Column { head, cell };
    let mut columns: Vec<Column> = Vec::new();
    if options.namespaces {
        columns.push(column("NAMESPACE", |item, _| printable(&item.namespace).into_owned()));
    }
    columns.push(column("WORKLOAD", |item, _| names::workload(&item.workload)));
    columns.push(column("CONTAINER", |item, _| names::container(&item.container)));
    columns.push(column(IMAGE, |item, _| or_none(printable(&item.image).into_owned())));
    columns.push(column(VERDICT, |item, _| item.verdict.as_str().to_owned()));
    columns.push(column("PODS", |item, _| names::pods(item.pods)));
    if options.wide {
        columns.push(column("RUNNING", |item, _| running(item)));
        columns.push(column("SERVED", |item, _| or_none(item.served_digest.as_ref().map(short).unwrap_or_default())));
        columns.push(column("NODES", |item, _| {
            distinct(item.running.iter().flat_map(|group| &group.nodes).map(|node| printable(node).into_owned()))
        }));
        columns.push(column("POLICY", |item, _| {
            distinct(item.running.iter().map(|group| group.pull_policy.as_str().to_owned()))
        }));
        columns.push(column("AGE", |item, now| {
            let oldest = item.running.iter().filter_map(|group| group.since).min();
            or_none(oldest.map(|since| names::age(since, now)).unwrap_or_default())
        }));
        columns.push(column("FINDINGS", |item, _| {
            distinct(item.findings.iter().map(|finding| finding.as_str().to_owned()))
        }));
    }
    columns.push(column(WHY, |item, _| why(item)));
    columns
}

/// A fresh row needs no words; its reason is in the JSON and in `explain`.
fn why(item: &Item) -> String {
    if item.verdict == Verdict::Fresh { String::new() } else { printable(item.reason.trim()).into_owned() }
}

fn running(item: &Item) -> String {
    distinct(item.running.iter().filter_map(|group| group.digest.as_ref()).map(short))
}

fn short(digest: &Digest) -> String {
    digest.short(12).to_owned()
}

fn distinct(texts: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    or_none(seen.join(","))
}

fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}

/// Renders the items in the order given; nothing at all if there is none.
#[must_use]
pub fn render(items: &[&Item], options: &Options) -> String {
    if items.is_empty() {
        return String::new();
    }
    let columns = columns(options);
    let heads: Vec<&str> = columns.iter().map(|column| column.head).collect();
    let mut rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|column| (column.cell)(item, options.now)).collect()).collect();
    let place = |head: &str| heads.iter().position(|known| *known == head).unwrap_or_default();
    let below = match options.width {
        Some(limit) if !options.wide => fit(&mut rows, &heads, place(IMAGE), limit, options.headers),
        _ => None,
    };
    let shown = if below.is_some() { heads.len() - 1 } else { heads.len() };

    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if options.headers {
        table.set_header(&heads[..shown]);
    }
    for row in &rows {
        table.add_row(&row[..shown]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    let mut lines = table.lines();
    let mut text = String::new();
    let mut push = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    if options.headers {
        lines.next().iter().for_each(|line| push(line));
    }
    let verdict_at: usize =
        widths(&rows, &heads, options.headers)[..place(VERDICT)].iter().map(|width| width + GAP).sum();
    for (item, row) in items.iter().zip(&rows) {
        let height = row[..shown].iter().map(|cell| cell.lines().count()).max().unwrap_or_default().max(1);
        for (position, line) in lines.by_ref().take(height).enumerate() {
            if position == 0 {
                let word = item.verdict.as_str();
                push(&paint_at(&line, verdict_at, word, |word| options.palette.verdict(item.verdict, word)));
            } else {
                push(&line);
            }
        }
        if let (Some(limit), Some(why)) = (below, row.last()) {
            for line in wrap(why, limit.saturating_sub(INDENT)) {
                push(&format!("{:INDENT$}{line}", ""));
            }
        }
    }
    text
}

/// The widest line of each column.
fn widths(rows: &[Vec<String>], heads: &[&str], headers: bool) -> Vec<usize> {
    heads
        .iter()
        .enumerate()
        .map(|(column, head)| {
            let head = if headers { width(head) } else { 0 };
            rows.iter().flat_map(|row| row[column].lines()).map(width).max().unwrap_or_default().max(head)
        })
        .collect()
}

/// Makes the rows fit into `limit` columns. `Some(limit)` says that WHY, the last column, goes below its row.
fn fit(rows: &mut [Vec<String>], heads: &[&str], image: usize, limit: usize, headers: bool) -> Option<usize> {
    let why = heads.len() - 1;
    let natural = widths(rows, heads, headers);
    let total: usize = natural.iter().map(|width| width + GAP).sum::<usize>() - GAP;
    if total <= limit {
        return None;
    }
    let others: usize =
        natural.iter().enumerate().filter(|(at, _)| *at != image && *at != why).map(|(_, width)| width + GAP).sum();
    let least_why = natural[why].min(LEAST_WHY);
    let shorten = |rows: &mut [Vec<String>], room: usize| {
        for row in rows.iter_mut() {
            row[image] = shorten_image(&row[image], room);
        }
        widths(rows, heads, headers)[image]
    };
    let room = limit.saturating_sub(others + GAP + least_why);
    let mut shortened = rows.to_vec();
    let image_width = shorten(&mut shortened, room);
    if image_width <= room {
        rows.clone_from_slice(&shortened);
        let why_width = limit - others - image_width - GAP;
        for row in rows.iter_mut() {
            row[why] = wrap(&row[why], why_width).join("\n");
        }
        return None;
    }
    shorten(rows, limit.saturating_sub(others));
    Some(limit)
}

#[cfg(test)]
mod tests;
