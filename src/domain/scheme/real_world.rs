//! What repositories of the real world go on with: the table in `real_world.txt`.

use jiff::civil::date;

use super::*;

/// A case of the table of real repositories: the running tag, the next one, and what is listed.
struct Case<'a> {
    running: &'a str,
    next: &'a str,
    tags: Vec<String>,
    labels: Labels<'a>,
}

impl<'a> Case<'a> {
    fn all() -> Vec<Self> {
        let lines = include_str!("real_world.txt").lines();
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(Self::read).collect()
    }

    fn read(line: &'a str) -> Self {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [running, next, _why, listed] = columns[..] else { panic!("{line}") };
        let mut case = Self { running, next, tags: vec![running.to_owned()], labels: Labels::default() };
        for word in listed.split_whitespace().filter(|word| *word != "-") {
            match word.split_once('=') {
                Some(("version", version)) => case.labels.version = Some(version),
                Some(("revision", revision)) => case.labels.revision = Some(revision),
                Some(_) => panic!("{line}"),
                None => case.tags.push(word.to_owned()),
            }
        }
        case
    }

    fn propose(&self) -> Result<Proposal, SchemeError> {
        let digest = Digest::from_sha256_hex(&format!("3f2c1d0a9b8e{}", "5".repeat(52))).unwrap();
        propose(
            SchemeChoice::Auto,
            None,
            &Situation {
                tag: self.running,
                tags: &self.tags,
                digest: Some(&digest),
                labels: self.labels,
                now: date(2026, 11, 26).at(10, 30, 7, 0),
            },
        )
    }
}

#[test]
fn repositories_of_the_real_world_go_on_as_their_maintainers_would() {
    let cases = Case::all();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = case.propose().and_then(|proposal| proposal.candidate(0));
            let found = found.map_or_else(|error| error.to_string(), |candidate| candidate.tag);
            (found != case.next).then(|| format!("{} → {found}, not {}", case.running, case.next))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n  {}", wrong.len(), cases.len(), wrong.join("\n  "));
}
