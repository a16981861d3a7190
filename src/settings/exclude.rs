//! `--exclude KEY=PATTERN`.

use crate::domain::exclusion::{Exclusions, Key, Rule};
use crate::error::AppError;
use crate::text::excerpt;

const HINT: &str =
    "it knows container, kind, namespace and image, as in `--exclude container=istio-proxy,namespace=kube-*`";

/// Reads the flags; `wanted` are containers that are asked for by name.
pub(super) fn exclusions(words: &[String], wanted: Vec<String>) -> Result<Exclusions, AppError> {
    let rules = words.iter().map(|word| rule(word.trim())).collect::<Result<Vec<_>, _>>()?;
    let leaves_out = |name: &&String| {
        rules.iter().any(|rule| rule.key == Key::Container && crate::domain::glob::matches(&rule.pattern, name))
    };
    if let Some(name) = wanted.iter().find(leaves_out) {
        return Err(AppError::usage(format!("container `{name}` is both named and excluded"))
            .hint("leave it out of `--exclude`, or do not name it"));
    }
    Ok(Exclusions { rules, wanted })
}

fn rule(word: &str) -> Result<Rule, AppError> {
    let Some((name, pattern)) = word.split_once('=').map(|(name, pattern)| (name.trim(), pattern.trim())) else {
        return Err(AppError::usage(format!("`--exclude` needs KEY=PATTERN, not `{}`", excerpt(word, 100))).hint(HINT));
    };
    let Some(key) = Key::ALL.into_iter().find(|key| key.as_str() == name) else {
        return Err(AppError::usage(format!("`--exclude` does not know `{}`", excerpt(name, 100))).hint(HINT));
    };
    if pattern.is_empty() {
        return Err(AppError::usage(format!("`--exclude {name}=` needs a pattern"))
            .hint(format!("write what is to be left out: `--exclude {name}=*` is everything")));
    }
    Ok(Rule { key, pattern: pattern.to_owned() })
}
