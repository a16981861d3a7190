//! A whole answer onto both streams: data to stdout in the format asked for, the rest to stderr.

use jiff::Timestamp;

use super::summary::{self, Place};
use super::{Printer, explain, json, name, shown, table, yaml};
use crate::cli::DocumentFormat;
use crate::domain::diagnosis::{Diagnosis, Item};
use crate::error::AppError;
use crate::settings::{DiagnoseSettings, ExplainSettings, Format};

/// A page is easiest to read at this width, however wide the terminal is.
const PAGE: usize = 100;
/// What a page is laid out for where there is no terminal.
const PIPE: usize = 80;

/// The answer of `diagnose`. A document says everything itself, so that beside it stderr stays silent; beside names
/// only what could not be read is said.
///
/// # Errors
/// If stdout cannot be written.
pub fn diagnosis(
    printer: &Printer,
    diagnosis: &Diagnosis,
    settings: &DiagnoseSettings,
    place: &Place,
    now: Timestamp,
) -> Result<(), AppError> {
    let items = shown::shown(&diagnosis.items, &settings.only, settings.sort_by);
    match settings.format {
        Format::Json => printer.data(&json::render(diagnosis, &items)?),
        Format::Yaml => printer.data(&yaml::render(diagnosis, &items)?),
        Format::Name => {
            printer.data(&name::render(&items))?;
            problems(printer, diagnosis);
            Ok(())
        }
        Format::Table { wide } => {
            let options = table::Options {
                wide,
                namespaces: settings.all_namespaces,
                headers: !settings.no_headers,
                width: printer.width(),
                palette: printer.data_palette(),
                now,
            };
            let rows = table::render(&items, &options);
            printer.data(&rows)?;
            // A blank line sets the summary apart where both end up on one terminal.
            let gap = if rows.is_empty() { "" } else { "\n" };
            printer.message(&format!("{gap}{}", summary::render(diagnosis, place, printer.message_palette())));
            Ok(())
        }
    }
}

/// The answer of `explain`: one section for each of the diagnosis' items, or only for the container asked for.
///
/// # Errors
/// If there is no such container, or stdout cannot be written.
pub fn explanation(
    printer: &Printer,
    diagnosis: &Diagnosis,
    settings: &ExplainSettings,
    place: &Place,
    now: Timestamp,
) -> Result<(), AppError> {
    let wanted = settings.container.as_deref();
    let items: Vec<&Item> =
        diagnosis.items.iter().filter(|item| wanted.is_none_or(|name| item.container.name.as_ref() == name)).collect();
    if let (Some(container), true, false) = (wanted, items.is_empty(), diagnosis.items.is_empty()) {
        let mut names: Vec<_> = diagnosis.items.iter().map(|item| format!("`{}`", item.container.name)).collect();
        names.dedup();
        return Err(AppError::failed(format!("there is no container `{container}`"))
            .hint(format!("it has {}", names.join(", "))));
    }
    match settings.format {
        Some(DocumentFormat::Json) => printer.data(&json::render(diagnosis, &items)?),
        Some(DocumentFormat::Yaml) => printer.data(&yaml::render(diagnosis, &items)?),
        None => {
            let width = printer.width().unwrap_or(PIPE).min(PAGE);
            printer.data(&explain::render(
                &items,
                &explain::Options { width, palette: printer.data_palette(), now, place },
            ))?;
            for line in summary::left_out(diagnosis.summary.left_out, printer.message_palette()) {
                printer.message(&format!("{line}\n"));
            }
            problems(printer, diagnosis);
            Ok(())
        }
    }
}

fn problems(printer: &Printer, diagnosis: &Diagnosis) {
    for line in summary::problems(diagnosis, printer.message_palette()) {
        printer.message(&format!("{line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::settings::Environment;
    use crate::ui::printer::Captured;
    use crate::ui::samples;

    fn said(write: impl FnOnce(&Printer) -> Result<(), AppError>) -> (Result<(), AppError>, String, String) {
        let (data, messages) = (Captured::default(), Captured::default());
        let printer = Printer::to_writers(Box::new(data.clone()), Box::new(messages.clone()));
        let result = write(&printer);
        (result, data.text(), messages.text())
    }

    fn diagnosed(words: &[&str], answer: &Diagnosis) -> (String, String) {
        let cli = Cli::try_parse_from(["kubectl-freshimage", "diagnose"].iter().chain(words)).unwrap();
        let Command::Diagnose(flags) = cli.command else { panic!("another command") };
        let settings = DiagnoseSettings::new(flags, cli.connection, &Environment::default()).unwrap();
        let place = Place {
            namespace: Some("shop".to_owned()),
            default_namespace: "shop".to_owned(),
            flags: settings.common.repeated_flags(),
            ..Place::default()
        };
        let (result, data, messages) = said(|printer| diagnosis(printer, answer, &settings, &place, samples::now()));
        result.unwrap();
        (data, messages)
    }

    fn explained(words: &[&str]) -> (Result<(), AppError>, String, String) {
        let cli = Cli::try_parse_from(["kubectl-freshimage", "explain", "deploy/a"].iter().chain(words)).unwrap();
        let Command::Explain(flags) = cli.command else { panic!("another command") };
        let settings = ExplainSettings::new(flags, cli.connection, &Environment::default()).unwrap();
        let place = Place { default_namespace: "shop".to_owned(), ..Place::default() };
        said(|printer| explanation(printer, &samples::kinds(), &settings, &place, samples::now()))
    }

    #[test]
    fn the_summary_counts_all_whatever_is_shown() {
        let (data, messages) = diagnosed(&["--only", "fresh", "--no-headers"], &samples::story());
        assert_eq!(data.lines().count(), 1);
        assert!(messages.starts_with("\n2 of 4 workloads run old content"), "{messages}");
    }

    #[test]
    fn documents_come_without_a_word_beside_them() {
        for format in ["json", "yaml", "name"] {
            let (data, messages) = diagnosed(&["-o", format], &samples::story());
            assert!(!data.is_empty());
            assert_eq!(messages, "", "{format}");
        }
    }

    #[test]
    fn no_pods_is_an_empty_table_and_a_sentence() {
        let nothing = (String::new(), "No pods found in namespace `shop`.\n".to_owned());
        assert_eq!(diagnosed(&[], &Diagnosis::default()), nothing);
    }

    #[test]
    fn one_container_can_be_explained_alone() {
        let (result, data, _) = explained(&["-c", "proxy"]);
        assert_eq!(result, Ok(()));
        assert!(data.starts_with("rollout.argoproj.io/web, container proxy (sidecar): waiting\n"), "{data}");
        assert_eq!(data.matches("asked for").count(), 1);
    }

    #[test]
    fn a_container_that_is_not_there_is_said_with_those_that_are() {
        let (result, data, _) = explained(&["-c", "nginx"]);
        let error = result.unwrap_err();
        assert_eq!(error.message, "there is no container `nginx`");
        assert_eq!(error.hints, ["it has `migrate`, `proxy`, `app`, `models`, `debugger`"]);
        assert_eq!(data, "");
    }
}
