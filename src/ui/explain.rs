//! `explain`: one page that convinces a sceptic. What is asked for, what the tag serves, what the pods run, which
//! look-up proved what, why it is so, and what helps.

use jiff::Timestamp;

use super::layout::wrap;
use super::{Palette, names};
use crate::domain::Digest;
use crate::domain::diagnosis::{Content, Group, Item, PodCounts, Remedy, RemedyKind, Verdict};
use crate::text::printable;

/// How the page is to look.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Lines are broken at this width; words never are.
    pub width: usize,
    /// Colours.
    pub palette: Palette,
    /// What ages count from.
    pub now: Timestamp,
}

/// Width of the labels and the indents beside them.
const LABEL: usize = 12;
const INDENT: usize = 2;
/// More names than this are counted instead.
const NAMES: usize = 4;

/// A section for each container, in the order given.
#[must_use]
pub fn render(items: &[&Item], options: &Options) -> String {
    let sections: Vec<String> = items.iter().map(|item| section(item, options)).collect();
    sections.join("\n")
}

fn section(item: &Item, options: &Options) -> String {
    let mut page = Page { lines: Vec::new(), options: *options };
    page.lines.push(head(item, options.palette));
    page.gap();

    let policy = item.running.first().map(|group| group.pull_policy);
    page.field("asked for", &printable(&item.image));
    if let Some(policy) = policy {
        page.more(&format!("imagePullPolicy {} (set when the pod was created)", policy.as_str()));
    }
    match &item.served_digest {
        Some(digest) => {
            page.identity("tag serves", identity(digest, item.served.as_ref()), "");
            page.more(&built(item.served.as_ref()));
        }
        None if item.verdict == Verdict::Pinned => page.field("tag serves", "not asked: the digest decides"),
        None => page.field("tag serves", "not known"),
    }
    let several = item.running.len() > 1;
    for group in &item.running {
        page.group(item, group, several);
    }
    page.gap();
    page.field("why", &printable(&item.reason));
    page.remedies(item);
    page.hints(item);
    page.findings(item);
    page.evidence(item, several);
    page.digests(item);
    page.finish()
}

fn head(item: &Item, palette: Palette) -> String {
    let kind = if item.container.role == crate::domain::workload::Role::Volume { "image volume" } else { "container" };
    let subject = format!("{}, {kind} {}", names::workload(&item.workload), names::container(&item.container));
    let subject = subject.replace(" (volume)", "");
    let verdict = palette.verdict(item.verdict, item.verdict.as_str());
    let PodCounts { matching, total } = item.pods;
    let all = names::counted(total, "pod", "pods");
    let extent = match item.verdict {
        _ if total == 0 => String::new(),
        Verdict::Mixed => format!(", {matching} of {all} {} old content", if matching == 1 { "runs" } else { "run" }),
        _ => format!(" in {matching} of {all}"),
    };
    format!("{}: {verdict}{extent}", palette.strong(&subject))
}

/// `sha256:9c1e4f0123…  index, linux/amd64`, and the content behind it, `config sha256:77aa01fe77…`.
fn identity(digest: &Digest, content: Option<&Content>) -> (String, Option<String>) {
    let mut text = short(digest);
    let Some(content) = content else { return (text, None) };
    text.push_str(if content.index { "  index" } else { "  manifest" });
    if let Some(platform) = &content.platform {
        text.push_str(&format!(", {}", printable(&platform.to_string())));
    }
    (text, content.config_digest.as_ref().map(|config| format!("config {}", short(config))))
}

fn short(digest: &Digest) -> String {
    format!("{}…", digest.short(10))
}

/// `built 2026-11-20 14:05 UTC, revision 3c4d9e`; empty where nothing is told.
fn built(content: Option<&Content>) -> String {
    let Some(provenance) = content.map(|content| &content.provenance) else { return String::new() };
    let mut parts = Vec::new();
    if let Some(created) = provenance.created {
        parts.push(format!("built {}", created.strftime("%Y-%m-%d %H:%M UTC")));
    }
    if let Some(version) = &provenance.version {
        parts.push(format!("version {}", printable(version)));
    }
    if let Some(revision) = &provenance.revision {
        parts.push(format!("revision {}", printable(revision)));
    }
    parts.join(", ")
}

fn listed(names: &[std::sync::Arc<str>], singular: &str, plural: &str) -> String {
    let few: Vec<_> = names.iter().take(NAMES).map(|name| printable(name)).collect();
    if names.len() <= NAMES {
        return few.join(", ");
    }
    format!("{} and {}", few.join(", "), names::counted(names.len() - NAMES, singular, plural))
}

/// What a remedy is called; no command is named that does not exist.
fn remedy_name(remedy: &Remedy, item: &Item) -> String {
    match remedy.kind {
        RemedyKind::UniqueTag => "a unique tag for each build".to_owned(),
        RemedyKind::Digest => {
            let name = without_tag(&item.image);
            let digest = item.served_digest.as_ref().map_or_else(|| "sha256:…".to_owned(), short);
            format!("the digest in the reference: {}@{digest}", printable(name))
        }
        RemedyKind::Restart => format!("`kubectl rollout restart {}`", names::workload(&item.workload)),
        RemedyKind::AlwaysPull => {
            let advice = if remedy.helps { " (not recommended)" } else { "" };
            format!("imagePullPolicy: Always and a restart{advice}")
        }
    }
}

/// The reference without tag and digest. A colon in the host is a port's and stands before a slash.
fn without_tag(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}

struct Page {
    lines: Vec<String>,
    options: Options,
}

impl Page {
    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// A label and its text; nothing if there is no text.
    fn field(&mut self, label: &str, text: &str) {
        let mut label = label;
        for line in wrap_keeping_gaps(text, self.options.width.saturating_sub(INDENT + LABEL)) {
            let padded = self.options.palette.quiet(&format!("{label:LABEL$}"));
            self.lines.push(format!("{:INDENT$}{padded}{line}", ""));
            label = "";
        }
    }

    /// Another line under the field before.
    fn more(&mut self, text: &str) {
        self.field("", text);
    }

    /// A digest and its content on one line if there is room, else on two.
    fn identity(&mut self, label: &str, (digest, config): (String, Option<String>), verdict: &str) {
        let room = self.options.width.saturating_sub(INDENT + LABEL);
        let config = config.map(|config| format!("→ {config}")).unwrap_or_default();
        let line = format!("{digest} {config}");
        let digest = format!("{digest}  {verdict}");
        if verdict.is_empty() && super::layout::width(&line) <= room {
            self.field(label, &line);
        } else {
            self.field(label, &digest);
            self.more(&config);
        }
    }

    fn group(&mut self, item: &Item, group: &Group, several: bool) {
        let what = match &group.digest {
            Some(digest) => identity(digest, group.content.as_ref()),
            None if group.image_id.is_empty() => ("nothing that is reported yet".to_owned(), None),
            None => (printable(&group.image_id).into_owned(), None),
        };
        let verdict =
            if several { self.options.palette.verdict(group.verdict, group.verdict.as_str()) } else { String::new() };
        self.identity("pods run", what, &verdict);
        self.more(&built(group.content.as_ref()));
        if group.image != item.image {
            self.more(&format!("asked for as {}", printable(&group.image)));
        }
        let mut whereabouts = listed(&group.pods, "more", "more");
        if !group.nodes.is_empty() {
            whereabouts.push_str(&format!(" on {}", listed(&group.nodes, "more node", "more nodes")));
        }
        if let Some(since) = group.since {
            let age = names::age(since, self.options.now);
            let oldest = if group.pods.len() > 1 { "the oldest " } else { "" };
            whereabouts.push_str(&format!(", {oldest}created {age} ago"));
        }
        self.more(&whereabouts);
        self.field("so", &printable(&group.proof));
    }

    fn remedies(&mut self, item: &Item) {
        for (helps, label) in [(false, "no help"), (true, "helps")] {
            let mut label = label;
            for remedy in item.remedies.iter().filter(|remedy| remedy.helps == helps) {
                self.field(label, &format!("{}: {}", remedy_name(remedy, item), printable(&remedy.why)));
                label = "";
            }
        }
    }

    /// What would help to decide.
    fn hints(&mut self, item: &Item) {
        let mut hints: Vec<&str> = Vec::new();
        for hint in item.running.iter().filter_map(|group| group.hint) {
            if !hints.contains(&hint) {
                self.field("helps", hint);
                hints.push(hint);
            }
        }
    }

    fn findings(&mut self, item: &Item) {
        if item.findings.is_empty() && item.managers.is_empty() {
            return;
        }
        self.gap();
        let mut label = "findings";
        for finding in &item.findings {
            self.field(label, &format!("{}: {}", finding.as_str(), finding.advice()));
            label = "";
        }
        let mut label = "managed by";
        for manager in &item.managers {
            self.field(label, &format!("{} ({})", printable(&manager.tool), printable(&manager.name)));
            label = "";
        }
    }

    /// Each look-up with its answer.
    fn evidence(&mut self, item: &Item, several: bool) {
        if item.running.iter().all(|group| group.evidence.is_empty()) {
            return;
        }
        self.gap();
        self.block("evidence");
        for group in item.running.iter().filter(|group| !group.evidence.is_empty()) {
            let mut indent = 2 * INDENT;
            if several {
                self.indented(indent, &format!("for {}", listed(&group.pods, "more", "more")));
                indent += INDENT;
            }
            for evidence in &group.evidence {
                self.indented(indent, &printable(&evidence.asked));
                self.indented(indent + INDENT, &format!("→ {}", printable(&evidence.answer)));
            }
        }
    }

    /// Short digests are for reading; these are for copying.
    fn digests(&mut self, item: &Item) {
        let mut digests: Vec<(&str, &Digest)> = Vec::new();
        let served = item.served_digest.iter().map(|digest| ("served", digest));
        let running = item.running.iter().filter_map(|group| group.digest.as_ref()).map(|digest| ("running", digest));
        for (what, digest) in served.chain(running) {
            match digests.iter_mut().find(|(_, known)| *known == digest) {
                Some((known_as, _)) if *known_as != what => *known_as = "served and running",
                Some(_) => {}
                None => digests.push((what, digest)),
            }
        }
        if digests.is_empty() {
            return;
        }
        self.gap();
        self.block("digests in full");
        for (what, digest) in digests {
            self.indented(2 * INDENT, what);
            self.indented(3 * INDENT, digest.as_str());
        }
    }

    fn block(&mut self, label: &str) {
        self.lines.push(format!("{:INDENT$}{}", "", self.options.palette.quiet(label)));
    }

    fn indented(&mut self, indent: usize, text: &str) {
        for line in wrap(text, self.options.width.saturating_sub(indent)) {
            self.lines.push(format!("{:indent$}{line}", ""));
        }
    }

    fn finish(self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// Our own double spaces set parts apart; a text that fits keeps them.
fn wrap_keeping_gaps(text: &str, limit: usize) -> Vec<String> {
    let text = text.trim();
    if !text.is_empty() && super::layout::width(&anstream::adapter::strip_str(text).to_string()) <= limit {
        return vec![text.to_owned()];
    }
    wrap(text, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnosis::Diagnosis;
    use crate::ui::samples;

    fn page(diagnosis: &Diagnosis, place: usize) -> String {
        let options = Options { width: 80, palette: Palette::plain(), now: samples::now() };
        render(&[&diagnosis.items[place]], &options)
    }

    #[test]
    fn the_story_is_proven_step_by_step() {
        insta::assert_snapshot!(page(&samples::story(), 0), @"
        deployment/awesomeapp, container app: stale in 2 of 2 pods

          asked for   cp-enablement/awesomeapp:1.0
                      imagePullPolicy IfNotPresent (set when the pod was created)
          tag serves  sha256:9c1e4f019c…  index, linux/amd64 → config sha256:77aa01fe77…
                      built 2026-11-20 14:05 UTC, revision 3c4d9e
          pods run    sha256:2bd0a7c32b…  manifest → config sha256:0f83c2aa0f…
                      built 2026-11-17 09:30 UTC, revision 1a2b3c
                      awesomeapp-5d9c-x2k8p, awesomeapp-5d9c-z9q4m on node-a, the oldest
                      created 3d ago
          so          the contents differ (config digests), both were read from the
                      registry

          why         re-pushed 3d ago; IfNotPresent, node holds the old bits
          no help     `kubectl rollout restart deployment/awesomeapp`: node-a holds this
                      tag and answers from its store again
          helps       a unique tag for each build: no cache can answer it with old bits
                      the digest in the reference:
                      cp-enablement/awesomeapp@sha256:9c1e4f019c…: names the bytes
                      themselves
                      imagePullPolicy: Always and a restart (not recommended): every
                      start then needs the registry

          findings    moved-tag: the tag was pushed again under running pods; use a
                      unique tag for each build

          evidence
            HEAD docker.io/cp-enablement/awesomeapp:1.0
              → sha256:9c1e4f019c1e…, an index: not what runs
            GET docker.io/cp-enablement/awesomeapp@sha256:2bd0a7c32bd0…
              → config sha256:0f83c2aa0f83…: other content than the tag's

          digests in full
            served
              sha256:9c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f019c1e4f01
            running
              sha256:2bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c32bd0a7c3
        ");
    }

    #[test]
    fn replicas_that_differ_are_told_apart() {
        insta::assert_snapshot!(page(&samples::story(), 1), @"
        deployment/api, container app: mixed, 1 of 3 pods runs old content

          asked for   cp-enablement/api:latest
                      imagePullPolicy IfNotPresent (set when the pod was created)
          tag serves  sha256:aa00bb11aa…
          pods run    sha256:cc22dd33cc…  stale
                      api-1 on node-b, created 3d ago
          so          the contents differ (config digests)
          pods run    sha256:aa00bb11aa…  fresh
                      api-2, api-3 on node-a, node-c, the oldest created 24h ago
          so          the tag serves this very digest

          why         node-b runs older bits than node-a, node-c

          findings    floating-tag: this tag moves by design, so pods that start at
                      different times run different content; use a unique tag for each
                      build
                      gitops-owned: another tool owns this definition and may revert a
                      change made here; edit its source instead
          managed by  Argo CD (shop)

          evidence
            for api-1
              HEAD docker.io/cp-enablement/api:latest
                → sha256:aa00bb11aa00…
              GET docker.io/cp-enablement/api@sha256:cc22dd33cc22…
                → other content than the tag's
            for api-2, api-3
              HEAD docker.io/cp-enablement/api:latest
                → sha256:aa00bb11aa00…

          digests in full
            served and running
              sha256:aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11
            running
              sha256:cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33cc22dd33
        ");
    }

    #[test]
    fn a_fresh_one_says_why_it_is_believed() {
        insta::assert_snapshot!(page(&samples::story(), 2), @"
        statefulset/db, container postgres: fresh in 3 of 3 pods

          asked for   postgres:17.2
                      imagePullPolicy IfNotPresent (set when the pod was created)
          tag serves  sha256:5f6e7d8c5f…
          pods run    sha256:5f6e7d8c5f…
                      db-0, db-1, db-2 on node-a, node-b, node-c, the oldest created 3d
                      ago
          so          the tag serves this very digest

          why         runs what the tag serves

          evidence
            HEAD docker.io/library/postgres:17.2
              → sha256:5f6e7d8c5f6e…, what runs

          digests in full
            served and running
              sha256:5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c
        ");
    }

    #[test]
    fn an_open_question_says_what_would_help() {
        let mut diagnosis = samples::story();
        let mut group = diagnosis.items[2].running[0].clone();
        group.hint = crate::domain::remote::Failure::LoginRequired.hint();
        diagnosis.items[3].reason.clone_into(&mut group.proof);
        group.evidence.clear();
        (group.verdict, group.image) = (Verdict::Unknown, diagnosis.items[3].image.clone());
        diagnosis.items[3].running = vec![group.clone(), group];
        insta::assert_snapshot!(page(&diagnosis, 3), @"
        cronjob/report, container job: unknown

          asked for   reg.example.com/tools/report:head
                      imagePullPolicy IfNotPresent (set when the pod was created)
          tag serves  not known
          pods run    sha256:5f6e7d8c5f…  unknown
                      db-0, db-1, db-2 on node-a, node-b, node-c, the oldest created 3d
                      ago
          so          registry `reg.example.com` asks for a login
          pods run    sha256:5f6e7d8c5f…  unknown
                      db-0, db-1, db-2 on node-a, node-b, node-c, the oldest created 3d
                      ago
          so          registry `reg.example.com` asks for a login

          why         registry `reg.example.com` asks for a login
          helps       log in with `docker login`, or give the pods an imagePullSecret

          digests in full
            running
              sha256:5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c5f6e7d8c
        ");
    }

    #[test]
    fn hostile_text_cannot_steer_the_terminal() {
        let text = page(&samples::hostile(), 0);
        assert!(!text.chars().any(|character| character != '\n' && crate::text::is_unprintable(character)), "{text:?}");
    }

    #[test]
    fn colours_change_no_letter() {
        let diagnosis = samples::story();
        let items: Vec<_> = diagnosis.items.iter().collect();
        let with = |palette| render(&items, &Options { width: 80, palette, now: samples::now() });
        assert_eq!(anstream::adapter::strip_str(&with(Palette::new(true))).to_string(), with(Palette::plain()));
    }

    #[test]
    fn no_command_is_named_that_does_not_exist() {
        let diagnosis = samples::story();
        let text = (0..4).map(|place| page(&diagnosis, place)).collect::<String>();
        assert!(!text.contains("freshimage bump") && !text.contains("freshimage pin"));
    }

    #[test]
    fn the_name_is_what_stands_before_tag_and_digest() {
        assert_eq!(without_tag("localhost:5000/app"), "localhost:5000/app");
        assert_eq!(without_tag("localhost:5000/app:1.0@sha256:00"), "localhost:5000/app");
        assert_eq!(without_tag("app:1"), "app");
    }
}
