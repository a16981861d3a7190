//! `explain`: one page that convinces a sceptic. What is asked for, what the tag serves, what the pods run, which
//! look-up proved what, why it is so, and what helps.

use jiff::Timestamp;

use super::layout::wrap;
use super::summary::{self, Place};
use super::{Palette, names};
use crate::domain::diagnosis::{Content, Group, Item, PodCounts, Remedy, RemedyKind, Verdict};
use crate::domain::{Digest, Reference};
use crate::text::{printable, shell_word};

/// How the page is to look.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Lines are broken at this width; words never are.
    pub width: usize,
    /// Colours.
    pub palette: Palette,
    /// What ages count from.
    pub now: Timestamp,
    /// Where hinted commands look.
    pub place: &'a Place,
}

/// Width of the labels and the indents beside them.
const LABEL: usize = 12;
const INDENT: usize = 2;
/// More names than this are counted instead.
const NAMES: usize = 4;

/// A section for each container, in the order given.
#[must_use]
pub fn render(items: &[&Item], options: &Options<'_>) -> String {
    let sections: Vec<String> = items.iter().map(|item| section(item, options)).collect();
    sections.join("\n")
}

fn section(item: &Item, options: &Options<'_>) -> String {
    let mut page = Page { lines: Vec::new(), options: *options };
    page.lines.push(head(item, options.palette));
    page.gap();

    let policy = item.running.first().map(|group| group.pull_policy);
    page.field("asked for", &printable(&item.image));
    if let Some(policy) = policy {
        page.more(&format!("imagePullPolicy {} (set when the pod was created)", policy.as_str()));
    }
    if let Some(judged) = &item.judged_as {
        let why = match item.image.contains('@') {
            true => "the template has no digest",
            false => "where the runtime found it",
        };
        page.field("judged as", &format!("{} ({why})", printable(judged)));
    }
    match &item.served_digest {
        Some(digest) => {
            page.identity("tag serves", identity(digest, item.served.as_ref()), "");
            page.more(&built(item.served.as_ref()));
        }
        // A digest without a tag has nothing to look up.
        None if item.image.parse::<Reference>().is_ok_and(|reference| reference.resolved_tag().is_none()) => {
            page.field("tag serves", "not asked: the digest decides");
        }
        None => page.field("tag serves", "not known"),
    }
    let several = item.running.len() > 1;
    for group in &item.running {
        page.group(item, group, several);
    }
    page.gap();
    page.field("why", &printable(&item.reason));
    if let Some(holder) = &item.template_in {
        page.field("template", &format!("in {}", names::workload(holder)));
    }
    if let Some(why) = &item.next_start_fails {
        page.field("next start", &format!("fails where no node holds the image: {}", printable(why)));
    }
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

/// The command that applies a remedy, where there is one for what the item is.
fn remedy_command(remedy: &Remedy, item: &Item, place: &Place) -> Option<String> {
    let kind = (&*item.workload.api_version, &*item.workload.kind);
    if summary::is_fixed(item) {
        return None;
    }
    let words = match remedy.kind {
        RemedyKind::UniqueTag => summary::change_words("bump", item),
        RemedyKind::Digest => summary::change_words("pin", item),
        RemedyKind::AlwaysPull if remedy.helps && kind != ("v1", "Pod") => {
            format!("{} --to always-pull", summary::change_words("bump", item))
        }
        RemedyKind::AlwaysPull | RemedyKind::Restart => return None,
    };
    Some(summary::command(&words, &item.namespace, place))
}

/// What a remedy is called.
fn remedy_name(remedy: &Remedy, item: &Item) -> String {
    match remedy.kind {
        RemedyKind::UniqueTag => "a unique tag for each build".to_owned(),
        RemedyKind::Digest => {
            let name = without_tag(&item.image);
            let digest = item.served_digest.as_ref().map_or_else(|| "sha256:…".to_owned(), short);
            format!("the digest in the reference: {}@{digest}", printable(name))
        }
        RemedyKind::Restart if restarts(item) => {
            format!("`kubectl rollout restart {}`", shell_word(&names::workload(&item.workload)))
        }
        // Nobody makes another of a bare pod that is deleted.
        RemedyKind::Restart if &*item.workload.kind == "Pod" => "creating the pod anew".to_owned(),
        RemedyKind::Restart => "deleting the pods, for new ones".to_owned(),
        RemedyKind::AlwaysPull => {
            let advice = if remedy.helps { " (not recommended)" } else { "" };
            format!("imagePullPolicy: Always and a restart{advice}")
        }
    }
}

/// The kinds that `kubectl rollout restart` takes.
fn restarts(item: &Item) -> bool {
    &*item.workload.api_version == "apps/v1"
        && matches!(&*item.workload.kind, "Deployment" | "StatefulSet" | "DaemonSet")
}

/// The reference without tag and digest. A colon in the host is a port's and stands before a slash.
fn without_tag(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}

struct Page<'a> {
    lines: Vec<String>,
    options: Options<'a>,
}

impl Page<'_> {
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

    /// A command under the field before: one line, so that it can be copied.
    fn command(&mut self, command: &str) {
        self.lines.push(format!("{:width$}{}", "", self.options.palette.strong(command), width = 2 * INDENT + LABEL));
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
        // What no pod runs is what the nodes hold for the next one.
        self.identity(if group.pods.is_empty() { "nodes hold" } else { "pods run" }, what, &verdict);
        self.more(&built(group.content.as_ref()));
        if group.image != item.image {
            self.more(&format!("asked for as {}", printable(&group.image)));
        }
        let mut whereabouts = listed(&group.pods, "more", "more");
        if !group.nodes.is_empty() {
            whereabouts.push_str(&format!(" on {}", listed(&group.nodes, "more node", "more nodes")));
        }
        let mut whereabouts = whereabouts.trim_start().to_owned();
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
                if let Some(command) = remedy_command(remedy, item, self.options.place) {
                    self.command(&command);
                }
                label = "";
            }
        }
    }

    /// What would help to decide.
    fn hints(&mut self, item: &Item) {
        let mut hints: Vec<&str> = Vec::new();
        for hint in item.running.iter().filter_map(|group| group.hint.as_deref()) {
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
        if let Some(tool) = item.injected_by {
            self.field("injected by", tool);
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
                // Never broken: an address or digest in two parts cannot be copied.
                self.lines.push(format!("{:indent$}{}", "", printable(&evidence.asked)));
                self.lines.push(format!("{:indent$}→ {}", "", printable(&evidence.answer), indent = indent + INDENT));
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
    if !text.is_empty() && super::layout::width_unpainted(text) <= limit {
        return vec![text.to_owned()];
    }
    wrap(text, limit)
}

#[cfg(test)]
mod tests;
