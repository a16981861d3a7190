//! How an error is told: what failed, why, the way out.

use serde::Serialize;

use super::Palette;
use crate::error::AppError;
use crate::text::printable;

/// An error as it is told: each text once, fit for a terminal.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// What failed.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// Ways out.
    pub hints: Vec<String>,
}

impl Told {
    /// The texts of an error. Libraries tend to repeat their cause in their own message.
    #[must_use]
    pub fn of(error: &AppError) -> Self {
        let mut chain = without_repetition(&error.message, &error.causes).into_iter();
        let mut hints: Vec<String> = Vec::new();
        for hint in &error.hints {
            let hint = printable(hint.trim()).into_owned();
            if !hint.is_empty() && !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        Self { message: chain.next().unwrap_or_default(), causes: chain.collect(), hints }
    }
}

/// ```text
/// error: failed to list pods in namespace `shop`
///   caused by: pods is forbidden
/// hint: ask for `list` on `pods`
/// ```
#[must_use]
pub fn render(error: &AppError, palette: Palette) -> String {
    let Told { message, causes, hints } = Told::of(error);
    let mut lines = vec![format!("{} {message}", palette.error("error:"))];
    lines.extend(causes.iter().map(|cause| format!("  {} {cause}", palette.quiet("caused by:"))));
    lines.extend(hints.iter().map(|hint| format!("{} {hint}", palette.hint("hint:"))));
    lines.join("\n") + "\n"
}

fn without_repetition(message: &str, causes: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = std::iter::once(message)
        .chain(causes.iter().map(String::as_str))
        .map(|text| printable(text.trim()).trim_end_matches('.').trim().to_owned())
        .collect();
    // From the innermost outwards, so that `a: b: c`, `b: c`, `c` becomes `a`, `b`, `c`.
    for inner in (1..chain.len()).rev() {
        let cause = chain[inner].clone();
        if cause.is_empty() {
            continue;
        }
        for outer in &mut chain[..inner] {
            if let Some(rest) = outer.strip_suffix(&cause).and_then(|rest| rest.trim_end().strip_suffix(':')) {
                *outer = rest.trim_end().to_owned();
            }
        }
    }
    let mut told: Vec<String> = Vec::new();
    for text in chain {
        if !text.is_empty() && !told.iter().any(|outer| outer.contains(&text)) {
            told.push(text);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_why_and_the_way_out() {
        let error = AppError::failed("failed to list pods in namespace `shop`")
            .because("pods is forbidden: user `dev` cannot list resource `pods`.")
            .hint("ask for `list` on `pods` in `shop`")
            .hint("ask for `list` on `pods` in `shop`");
        insta::assert_snapshot!(render(&error, Palette::plain()), @"
        error: failed to list pods in namespace `shop`
          caused by: pods is forbidden: user `dev` cannot list resource `pods`
        hint: ask for `list` on `pods` in `shop`
        ");
    }

    #[test]
    fn what_is_said_twice_is_told_once() {
        let error = AppError::failed("failed to reach the API server: connect error: connection refused")
            .because("connect error: connection refused")
            .because("connection refused")
            .because("connection refused (os error 111)");
        insta::assert_snapshot!(render(&error, Palette::plain()), @"
        error: failed to reach the API server
          caused by: connect error
          caused by: connection refused
          caused by: connection refused (os error 111)
        ");
    }

    #[test]
    fn text_from_a_server_cannot_steer_the_terminal() {
        let error = AppError::failed("failed").because("\u{1b}[2Jgone\nerror: all is well").hint("\u{202e}abc");
        insta::assert_snapshot!(render(&error, Palette::plain()), @"
        error: failed
          caused by: �[2Jgone error: all is well
        hint: �abc
        ");
    }
}
