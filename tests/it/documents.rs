//! Tables in the documents say what the code says.

use kubectl_freshimage::domain::diagnosis::{Finding, Verdict};
use kubectl_freshimage::domain::scheme::{Labels, Scheme, SchemeChoice, Situation, propose};
use kubectl_freshimage::exit::Exit;

use crate::program::text_of;

/// The cells of the rows of the table whose head starts with `head`.
fn table(document: &str, head: &str) -> Vec<Vec<String>> {
    document
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {head} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

#[test]
fn exit_codes_are_the_codes_of_the_program() {
    let expected: Vec<Vec<String>> =
        Exit::ALL.iter().map(|(exit, meaning)| vec![exit.code().to_string(), (*meaning).to_owned()]).collect();
    assert_eq!(table(&text_of("README.md"), "code"), expected);
    let explained: Vec<Vec<String>> =
        table(&text_of("docs/exit-codes.md"), "code").into_iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(explained, expected);
}

#[test]
fn verdicts_are_the_verdicts_of_the_program() {
    let expected: Vec<String> = Verdict::ALL.iter().map(|verdict| format!("`{}`", verdict.as_str())).collect();
    for path in ["README.md", "docs/verdicts.md"] {
        let words: Vec<String> = table(&text_of(path), "verdict").into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(words, expected, "{path}");
    }
}

#[test]
fn the_help_of_diagnose_names_every_verdict_and_finding() {
    let help = crate::program::run(&["diagnose", "--help"]).stdout;
    let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
    let names =
        Verdict::ALL.iter().map(|verdict| verdict.as_str()).chain(Finding::ALL.iter().map(|finding| finding.as_str()));
    for name in names {
        assert!(words.contains(&name), "{name}");
    }
}

#[test]
fn the_meaning_of_a_verdict_is_the_same_in_completion_and_readme() {
    for (row, verdict) in table(&text_of("README.md"), "verdict").iter().zip(Verdict::ALL) {
        assert_eq!(row[1], kubectl_freshimage::cli::verdict_meaning(verdict));
    }
}

#[test]
fn findings_are_the_findings_of_the_program() {
    let rows = table(&text_of("docs/verdicts.md"), "finding");
    let expected: Vec<Vec<String>> = Finding::ALL
        .iter()
        .map(|finding| vec![format!("`{}`", finding.as_str()), finding.advice().to_owned()])
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_field_of_the_schemas_is_in_the_page_about_output() {
    fn fields(schema: &serde_json::Value, found: &mut Vec<String>) {
        for (name, child) in schema.as_object().into_iter().flatten() {
            if name == "properties" {
                found.extend(child.as_object().unwrap().keys().cloned());
            }
            fields(child, found);
        }
    }
    let page = text_of("docs/output.md");
    for schema in ["docs/output.schema.json", "docs/plan.schema.json", "docs/outcome.schema.json"] {
        let mut names = Vec::new();
        fields(&serde_json::from_str(&text_of(schema)).unwrap(), &mut names);
        names.retain(|name| !Verdict::ALL.iter().any(|verdict| verdict.as_str() == name));
        assert!(names.len() > 35, "{schema} has another form: this test looks at nothing");
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "docs/output.md does not speak of `{name}` of {schema}");
        }
    }
}

#[test]
fn schemes_are_the_schemes_of_the_program_and_their_examples_come_true() {
    let rows = table(&text_of("docs/bump.md"), "scheme");
    let words: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(words, Scheme::ALL.map(Scheme::as_str));
    let digest = format!("sha256:3f2c1d0a9b8e{}", "0".repeat(52)).parse().unwrap();
    let now = "2026-11-23T10:30:07".parse().unwrap();
    for (row, scheme) in rows.iter().zip([1, 2, 3, 4].map(|place| SchemeChoice::ALL[place])) {
        let examples: Vec<&str> = row[2].split('`').filter(|part| !part.contains(' ') && !part.is_empty()).collect();
        assert!(!examples.is_empty(), "{row:?}");
        for pair in examples.chunks(2) {
            let tags = [pair[0].to_owned()];
            let labels = Labels::default();
            let situation = Situation { tag: pair[0], tags: &tags, digest: Some(&digest), labels, now };
            let next = propose(scheme, None, &situation).unwrap().candidate(0).unwrap().tag;
            assert_eq!(next, pair[1], "`{}` by {}", pair[0], scheme.as_str());
        }
    }
}

#[test]
fn ways_are_those_of_the_help() {
    let help = crate::program::run(&["bump", "--help"]).stdout;
    for row in table(&text_of("docs/bump.md"), "`--to`") {
        let way = row[0].trim_matches('`');
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{way} "))), "{way}");
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    // As GitHub makes anchors of headings.
    let slug = |heading: &str| -> String {
        let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
    };
    let pages = ["bump", "exit-codes", "output", "permissions", "verdicts"].map(|page| format!("docs/{page}.md"));
    for path in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).into_iter().chain(pages) {
        let text = text_of(&path);
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { format!("{folder}{file}") };
            assert!(crate::program::project_file(&file).exists(), "{path} links to {target}");
            let headings = |text: &str| {
                text.lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| slug(line.trim_start_matches('#')) == anchor)
            };
            assert!(anchor.is_empty() || headings(&text_of(&file)), "{path} links to {target}");
        }
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(text_of("CHANGELOG.md").contains(&format!("## [{version}]")), "no entry for {version}");
}
