//! Makes outputs of two runs on two beds equal: what is random gets a stable name.
//!
//! The names are other than the originals in width, so that columns would not be aligned any more; three spaces stand
//! between the cells of every line instead. How columns are aligned is the business of other tests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};

static DIGEST: LazyLock<Regex> = LazyLock::new(|| pattern(r"(sha256:)?\b([0-9a-f]{64})\b|sha256:([0-9a-f]{6,63})\b"));
static POD: LazyLock<Regex> = LazyLock::new(|| {
    // Kubernetes draws names from these characters, so that no words come out.
    // A pod's name ends in five of them. Before these stands the hash of its template: a number of up to ten digits, each
    // written as one of ten characters, so that one in a thousand hashes has seven of them or less.
    pattern(r"-(?:(?:[bcdf456789]{4,10}-)?[bcdfghjklmnpqrstvwxz2456789]{5}|[bcdf456789]{6,10})\b")
});
static JOB: LazyLock<Regex> = LazyLock::new(|| pattern(r"-\d{8}\b"));
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"));
static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:\d+(?:\.\d+)?(?:ms|[ydhms]))+\b"));
static UUID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"));
static GAP: LazyLock<Regex> = LazyLock::new(|| pattern(r" {3,}"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is fixed and valid")
}

/// What is known to be random in one bed.
#[derive(Debug, Clone, Default)]
pub struct Normaliser {
    texts: BTreeMap<String, String>,
    digests: BTreeMap<String, String>,
}

impl Normaliser {
    /// Shows `text` as `<name>`.
    pub fn text(&mut self, text: &str, name: &str) {
        self.texts.insert(text.to_owned(), format!("<{name}>"));
    }

    /// Shows a digest, with `sha256:` or without, whole or cut, as `<name>`. The first name stays.
    pub fn digest(&mut self, digest: &str, name: &str) {
        let hex = digest.trim_start_matches("sha256:").to_owned();
        self.digests.entry(hex).or_insert_with(|| name.to_owned());
    }

    /// The text with stable names.
    #[must_use]
    pub fn normalise(&self, text: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(|line| cells(&self.rename(line)).join("   ")).collect();
        lines.join("\n")
    }

    fn rename(&self, line: &str) -> String {
        let mut line = DIGEST.replace_all(line, |found: &Captures<'_>| self.digest_name(found)).into_owned();
        // Longest first: a host may be the beginning of another text.
        let mut texts: Vec<_> = self.texts.iter().collect();
        texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        for (text, name) in texts {
            line = line.replace(text, name);
        }
        let line = UUID.replace_all(&line, "<uid>");
        let line = TIME.replace_all(&line, |found: &Captures<'_>| recent(&found[0]));
        let line = POD.replace_all(&line, "-<id>");
        let line = JOB.replace_all(&line, "-<minute>");
        AGE.replace_all(&line, "<age>").into_owned()
    }

    fn digest_name(&self, found: &Captures<'_>) -> String {
        let prefix = found.get(1).map_or("", |prefix| prefix.as_str());
        if let Some(whole) = found.get(2) {
            let name = self.digests.get(whole.as_str()).map_or("unknown digest", String::as_str);
            // Bare hex and a prefixed digest are told apart: runtimes report both, and they mean different things.
            return if prefix.is_empty() { format!("<hex {name}>") } else { format!("<{name}>") };
        }
        let start = found.get(3).map_or("", |cut| cut.as_str());
        let name = self.digests.iter().find(|(hex, _)| hex.starts_with(start));
        name.map_or_else(|| "<unknown digest>".to_owned(), |(_, name)| format!("<{name}>"))
    }
}

/// Times of this run are random, those written into images are not.
fn recent(text: &str) -> String {
    let near = text
        .parse::<Timestamp>()
        .is_ok_and(|time| Timestamp::now().duration_since(time).abs() < SignedDuration::from_hours(24));
    if near { "<time>".to_owned() } else { text.to_owned() }
}

/// The cells of a line; its indentation belongs to the first.
fn cells(line: &str) -> Vec<&str> {
    let indentation = line.len() - line.trim_start().len();
    let mut cells = Vec::new();
    let mut start = 0;
    for gap in GAP.find_iter(line).filter(|gap| gap.start() >= indentation) {
        cells.push(&line[start..gap.start()]);
        start = gap.end();
    }
    cells.push(&line[start..]);
    cells
}

#[cfg(test)]
mod tests {
    use super::Normaliser;

    fn normaliser() -> Normaliser {
        let mut normaliser = Normaliser::default();
        normaliser.text("127.0.0.1:34567", "registry");
        normaliser.text("story-x1y2z3", "namespace");
        normaliser.digest(&format!("sha256:{}", "ab".repeat(32)), "index:v1");
        normaliser
    }

    #[test]
    fn known_digests_get_their_names_whole_bare_or_cut() {
        let hex = "ab".repeat(32);
        let text = format!("sha256:{hex} {hex} sha256:abababab… sha256:{}", "cd".repeat(32));
        assert_eq!(normaliser().normalise(&text), "<index:v1> <hex index:v1> <index:v1>… <unknown digest>");
    }

    #[test]
    fn generated_names_ages_and_hosts_are_replaced() {
        let text =
            "web-6d4f9c7b8d-x2x5l in story-x1y2z3 runs 127.0.0.1:34567/app:1.0 since 3d4h, built 2026-01-02T03:04:05Z";
        assert_eq!(
            normaliser().normalise(text),
            "web-<id> in <namespace> runs <registry>/app:1.0 since <age>, built 2026-01-02T03:04:05Z"
        );
        assert_eq!(normaliser().normalise("replicaset/web-6d4f9c7b8d and web-1"), "replicaset/web-<id> and web-1");
        assert_eq!(normaliser().normalise("web-5d7799c, web-5d7799c-x2x5l"), "web-<id>, web-<id>", "a short hash");
    }

    #[test]
    fn ordinary_words_are_no_generated_names() {
        let text = "deployment/awesomeapp-front daemon-sidecar my-registry kubectl-freshimage";
        assert_eq!(normaliser().normalise(text), text);
    }

    #[test]
    fn the_cells_of_a_table_stay_apart() {
        let text = "POD                    AGE   IMAGE\nweb-6d4f9c7b8d-x2x5l   12s   127.0.0.1:34567/app:1.0\nend";
        assert_eq!(normaliser().normalise(text), "POD   AGE   IMAGE\nweb-<id>   <age>   <registry>/app:1.0\nend");
    }
}
