//! The core stays pure, and no file grows out of hand.

use std::path::{Path, PathBuf};

use crate::program::project_file;

/// What would make a verdict depend on more than its arguments, each with what it would bring in.
const FORBIDDEN: &[(&str, &str)] = &[
    ("kube::", "Kubernetes"),
    ("k8s_openapi", "Kubernetes"),
    ("reqwest", "HTTP"),
    ("hyper", "HTTP"),
    ("oci_distribution", "a registry's client"),
    ("tokio", "asynchronous work"),
    ("async fn", "asynchronous work"),
    (".await", "asynchronous work"),
    ("std::env", "the environment"),
    ("std::fs", "files"),
    ("std::process", "processes"),
    ("std::thread", "threads"),
    ("std::net::Tcp", "the network"),
    ("std::net::Udp", "the network"),
    ("std::net::ToSocketAddrs", "the network"),
    ("SystemTime", "a clock"),
    ("Instant", "a clock"),
    ("Zoned::now", "a clock"),
    ("Timestamp::now", "a clock"),
    ("println!", "a terminal"),
    ("eprint", "a terminal"),
    ("std::io", "streams"),
    ("crate::cluster", "an edge"),
    ("crate::registry", "an edge"),
    ("crate::ui", "an edge"),
    ("crate::commands", "an edge"),
    ("crate::settings", "an edge"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The code without comments and unit tests: what is only spoken of does no harm, and a test may compare with
/// another library's answer.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines: Vec<&str> =
        text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
    lines.join("\n")
}

#[test]
fn the_domain_knows_nothing_but_its_arguments() {
    let files = sources(&project_file("src/domain"));
    assert!(files.len() > 5, "the domain has moved: this test looks at nothing");
    for path in files {
        let code = code(&path);
        for (word, what) in FORBIDDEN {
            // A word, not a part of one: `Instant` is not in `Instantiated`.
            let found = code.match_indices(word).find(|(at, _)| {
                let before = code[..*at].chars().next_back();
                let after = code[at + word.len()..].chars().next();
                let part_of_word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
                let starts_word = word.starts_with(|c: char| c.is_alphanumeric());
                let whole = matches!(*word, "Instant" | "SystemTime" | "hyper" | "tokio" | "reqwest");
                !((starts_word && part_of_word(before)) || (whole && part_of_word(after)))
            });
            if let Some((at, _)) = found {
                let line = code[..at].lines().count().max(1);
                panic!("{}:{line}: `{word}` brings {what} into the domain", path.display());
            }
        }
    }
}

#[test]
fn only_what_prints_names_the_streams() {
    for path in sources(&project_file("src")) {
        if path.ends_with("ui/printer.rs")
            || path.ends_with("ui/parked.rs")
            || path.components().any(|part| part.as_os_str() == "prompt")
            || path.ends_with("settings/environment.rs")
        {
            continue;
        }
        let code = code(&path);
        for word in ["io::stdout", "io::stderr", "Term::", "println!(", "eprintln!("] {
            assert!(!code.contains(word), "{} uses {word}", path.display());
        }
    }
}

#[test]
fn the_program_itself_is_an_address_and_not_a_place() {
    let main = std::fs::read_to_string(project_file("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 20);
}
