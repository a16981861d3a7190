//! The history of a workload: a table made like kubectl's, or a document.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

use super::{Printer, json, names, yaml};
use crate::cli::DocumentFormat;
use crate::domain::diagnosis::WorkloadName;
use crate::domain::history::{Entry, History};
use crate::error::AppError;
use crate::text::printable;

/// `-o json` and `-o yaml`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    namespace: &'a str,
    workload: &'a WorkloadName,
    /// The revision in force.
    current: u32,
    /// Where `undo` would go; absent where there is nothing to take back.
    #[serde(skip_serializing_if = "Option::is_none")]
    way_back: Option<u32>,
    entries: &'a [Entry],
}

/// Prints the history.
///
/// # Errors
/// If stdout cannot be written.
pub fn print(
    printer: &Printer,
    namespace: &str,
    workload: &WorkloadName,
    history: &History,
    format: Option<DocumentFormat>,
    now: Timestamp,
) -> Result<(), AppError> {
    let document = || Document {
        api_version: "kubectl-freshimage/v1",
        kind: "History",
        namespace,
        workload,
        current: history.position(),
        way_back: history.way_back(),
        entries: &history.entries,
    };
    match format {
        Some(DocumentFormat::Json) => printer.data(&json::document(&document())?),
        Some(DocumentFormat::Yaml) => printer.data(&yaml::document(&document())?),
        None if history.entries.is_empty() => {
            printer.message(&format!("{} was never changed by bump or pin.\n", names::workload(workload)));
            Ok(())
        }
        None => printer.data(&table(history, now)),
    }
}

const HEADS: [&str; 8] = ["REVISION", "AGE", "BY", "CHANGE", "CONTAINER", "FROM", "TO", "PROVEN"];

/// A row for each container of each change, oldest first.
fn table(history: &History, now: Timestamp) -> String {
    let mut rows: Vec<[String; 8]> = vec![HEADS.map(str::to_owned)];
    for entry in &history.entries {
        for changed in &entry.containers {
            rows.push([
                revision(history, entry),
                names::age(entry.at, now),
                if entry.by.is_empty() { "<unknown>".to_owned() } else { printable(&entry.by).into_owned() },
                change(entry),
                printable(&changed.name).into_owned(),
                printable(&changed.from).into_owned(),
                printable(&changed.to).into_owned(),
                if entry.proven { "yes" } else { "no" }.to_owned(),
            ]);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for row in &rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The number that `--to-revision` takes; `*` marks the one in force. An undo is none.
fn revision(history: &History, entry: &Entry) -> String {
    match entry.back_to {
        Some(_) => "-".to_owned(),
        None if history.position() == entry.revision => format!("{} *", entry.revision),
        None => entry.revision.to_string(),
    }
}

fn change(entry: &Entry) -> String {
    match entry.back_to {
        Some(revision) => format!("undo to {revision}"),
        None if entry.run.command.is_empty() => "<unknown>".to_owned(),
        None => printable(&entry.run.command).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::history::{Changed, Run};
    use crate::domain::workload::Role;

    #[test]
    fn each_change_is_a_row_and_the_one_in_force_is_marked() {
        let digest = |letter: &str| format!("sha256:{}", letter.repeat(64)).parse().unwrap();
        let changed = |from: &str, to: &str| Changed {
            name: "app".to_owned(),
            role: Role::Container,
            from: from.to_owned(),
            to: to.to_owned(),
            digest: digest("a"),
            back: None,
            policy: None,
        };
        let entry = |command: &str, changed: Changed, proven, back_to| Entry {
            revision: 0,
            on: 0,
            back_to,
            at: "2026-11-20T10:00:00Z".parse().unwrap(),
            by: if command.is_empty() { String::new() } else { "ann".to_owned() },
            run: Run { command: command.to_owned(), id: "r".to_owned(), of: 0 },
            containers: vec![changed],
            proven,
        };
        let history = History::default()
            .with(entry("bump", changed("app:1.0", "app:1.1"), true, None))
            .with(entry("", changed("app:1.1", "app:1.2"), false, None))
            .with(entry("undo", changed("app:1.2", "app:1.1"), true, Some(1)));
        insta::assert_snapshot!(table(&history, "2026-11-23T10:00:00Z".parse().unwrap()), @"
        REVISION   AGE   BY          CHANGE      CONTAINER   FROM      TO        PROVEN
        1 *        3d    ann         bump        app         app:1.0   app:1.1   yes
        2          3d    <unknown>   <unknown>   app         app:1.1   app:1.2   no
        -          3d    ann         undo to 1   app         app:1.2   app:1.1   yes
        ");
    }
}
