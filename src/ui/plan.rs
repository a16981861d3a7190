//! A plan, before it is carried out: a page for people, documents for scripts, a diff of the objects.

use serde::Serialize;

use super::layout::hanging;
use super::summary::Place;
use super::{Palette, Printer, json, name, names, yaml};
use crate::cli::{DryRun, PlanFormat};
use crate::domain::Reference;
use crate::domain::blocking::Sequence;
use crate::domain::patch;
use crate::domain::plan::change::Name;
use crate::domain::plan::{Change, Plan, Skipped, Tagging, Target, assemble};
use crate::domain::scheme::Proposal;
use crate::domain::template::Replacement;
use crate::domain::tools;
use crate::domain::workload::Role;
use crate::error::AppError;
use crate::text::printable;

/// How text for people is to look.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Prose is broken at this width; references and commands never are. `None`: no terminal, nothing is broken.
    pub width: Option<usize>,
    /// Colours.
    pub palette: Palette,
    /// Where the command looks, and where hinted commands do.
    pub place: &'a Place,
}

/// The frame that scripts rely on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    plan: &'a Plan,
}

/// Writes the plan to stdout in the format asked for.
///
/// # Errors
/// If stdout cannot be written.
pub fn print(printer: &Printer, plan: &Plan, format: Option<PlanFormat>, place: &Place) -> Result<(), AppError> {
    let document = Document { api_version: "kubectl-freshimage/v1", kind: "Plan", plan };
    printer.data(&match format {
        Some(PlanFormat::Json) => json::document(&document)?,
        Some(PlanFormat::Yaml) => yaml::document(&document)?,
        Some(PlanFormat::Name) => name::of(plan.targets.iter().map(|target| (&target.namespace, &target.workload))),
        Some(PlanFormat::Diff) => diff(plan)?,
        None => page(plan, &Options { width: printer.width(), palette: printer.data_palette(), place }),
    })
}

/// Shows the page to somebody who is asked about it, beside a document on stdout.
pub fn show(printer: &Printer, plan: &Plan, place: &Place) {
    printer
        .message(&page(plan, &Options { width: printer.message_width(), palette: printer.message_palette(), place }));
}

/// The page.
#[must_use]
pub fn page(plan: &Plan, options: &Options<'_>) -> String {
    let palette = options.palette;
    let mut lines = vec![palette.strong(&sentence(plan))];
    for tagging in &plan.tags {
        lines.push(String::new());
        lines.extend(tag_lines(plan, tagging, options));
    }
    for target in &plan.targets {
        lines.push(String::new());
        lines.extend(target_lines(target, options));
    }
    if !plan.skipped.is_empty() {
        lines.push(String::new());
        for skipped in &plan.skipped {
            let word = if skipped.refused { palette.error("refused") } else { palette.quiet("skipped") };
            lines.extend(hanging(2, &format!("{word} {}", skipped_words(skipped)), options.width));
        }
    }
    lines.join("\n") + "\n"
}

/// `Plan: 1 tag to write, 1 workload to patch, 2 pods to replace`.
fn sentence(plan: &Plan) -> String {
    let patched: Vec<&Target> = plan.targets_to_patch().collect();
    let tags = plan.tags_to_write().count();
    if patched.is_empty() && tags == 0 {
        return match plan.targets.len() {
            0 => "Plan: nothing to change".to_owned(),
            count => {
                format!("Plan: nothing to change, {} to make sure of", names::counted(count, "workload", "workloads"))
            }
        };
    }
    let mut parts = Vec::new();
    if tags > 0 {
        parts.push(format!("{} to write", names::counted(tags, "tag", "tags")));
    }
    parts.push(format!("{} to patch", names::counted(patched.len(), "workload", "workloads")));
    let (mut replaced, mut restarted) = (0, 0);
    for target in &patched {
        match target.rollout.replacement {
            _ if target.rollout.keeps_pods => {}
            Replacement::Rollout => replaced += target.rollout.pods,
            Replacement::Partition { from } => {
                replaced += target.rollout.pods.saturating_sub(usize::try_from(from).unwrap_or_default());
            }
            Replacement::InPlace => restarted += target.rollout.pods,
            Replacement::Paused | Replacement::WhenDeleted { .. } | Replacement::NextRun { .. } => {}
        }
    }
    if replaced > 0 {
        parts.push(format!("{} to replace", names::counted(replaced, "pod", "pods")));
    }
    if restarted > 0 {
        parts.push(format!("{} to restart in place", names::counted(restarted, "pod", "pods")));
    }
    format!("Plan: {}", parts.join(", "))
}

fn tag_lines(plan: &Plan, tagging: &Tagging, options: &Options<'_>) -> Vec<String> {
    let palette = options.palette;
    let tag = printable(&tagging.tag);
    let digest = tagging.digest.short(12);
    let mut lines = vec![format!("  registry {}", palette.strong(&printable(&tagging.repository.to_string())))];
    if tagging.exists {
        lines.push(format!("      tag: {tag}"));
        lines.push(format!("    it holds {digest}… already, so nothing is written"));
        return lines;
    }
    let evidence = tagging.evidence.as_ref().map(|evidence| format!("   {}", palette.quiet(&printable(evidence))));
    lines.push(format!("{}{}", palette.added(&format!("    + tag: {tag}")), evidence.unwrap_or_default()));
    let source = match tag_of(plan, tagging) {
        Some(served) => format!("the bytes that {} serves", printable(&served)),
        None => "the bytes that run now".to_owned(),
    };
    lines.extend(hanging(4, &format!("gets {source}, {digest}…; nothing is rebuilt"), options.width));
    lines
}

/// The tag that serves now what the new one is to hold.
fn tag_of(plan: &Plan, tagging: &Tagging) -> Option<String> {
    let change = plan.targets.iter().flat_map(|target| &target.changes).find(|change| change.needs(tagging))?;
    let reference: Reference = change.image.parse().ok()?;
    let served = change.served_digest.as_ref() == Some(&tagging.digest);
    reference.resolved_tag().filter(|_| served).map(|tag| tag.to_string())
}

fn target_lines(target: &Target, options: &Options<'_>) -> Vec<String> {
    let palette = options.palette;
    let mut lines = Vec::new();
    let name = palette.strong(&in_place(target, options.place));
    for change in &target.changes {
        let verdict = change.verdict.map(|verdict| format!("   {}", palette.verdict(verdict, verdict.as_str())));
        lines.push(format!("  {name}, {}{}", place_words(change), verdict.unwrap_or_default()));
        lines.extend(change_lines(change, options));
    }
    lines.push(format!("    {}", rollout_words(target)));
    let mut note = |text: &str| lines.extend(hanging(4, &format!("{} {text}", palette.hint("note:")), options.width));
    for warning in &target.warnings {
        note(&printable(warning));
    }
    if let Some((reason, hint)) = owner(target) {
        note(&format!("{reason}; {hint}"));
    }
    if target.changes.iter().any(assemble::is_not_recommended) {
        note(
            "not recommended: from now on every start of a pod needs the registry; with a unique tag (`--to tag`) it does not",
        );
    }
    lines
}

/// `container app`, `image volume models`.
fn place_words(change: &Change) -> String {
    match change.container.role {
        Role::Volume => format!("image volume {}", printable(&change.container.name)),
        _ => format!("container {}", names::container(&change.container)),
    }
}

fn change_lines(change: &Change, options: &Options<'_>) -> Vec<String> {
    let palette = options.palette;
    let mut lines = Vec::new();
    let image = printable(&change.image);
    // An image volume has its reference a level deeper.
    let (field, policy_field) = match change.container.role {
        Role::Volume => ("reference", "pullPolicy"),
        _ => ("image", "imagePullPolicy"),
    };
    if *change.image == *change.new_image {
        lines.push(format!("      {field}: {image}"));
    } else {
        lines.push(palette.removed(&format!("    - {field}: {image}")));
        lines.push(palette.added(&format!("    + {field}: {}", printable(&change.new_image))));
    }
    if let Some(policy) = change.pull_policy {
        if let Some(before) = change.slot.pull_policy {
            lines.push(palette.removed(&format!("    - {policy_field}: {}", before.as_str())));
        }
        lines.push(palette.added(&format!("    + {policy_field}: {}", policy.as_str())));
    }
    if let Some(pod_image) = &change.pod_image {
        lines.push(format!("    its pods ask for {}: something rewrites it on its way", printable(pod_image)));
    }
    lines.extend(hanging(4, &content_words(change), options.width));
    lines
}

/// What the pods run, and what they are to run.
fn content_words(change: &Change) -> String {
    let mut running: Vec<String> = change.running.iter().map(|digest| format!("{}…", digest.short(12))).collect();
    running.dedup();
    let planned = format!("{}…", change.digest.short(12));
    let words = match running.as_slice() {
        [] if change.done => format!("has to run {planned}"),
        [] => format!("will run {planned}"),
        [one] if *one == planned => format!("runs {planned} and goes on running it"),
        _ => format!("runs {}, will run {planned}", running.join(" and ")),
    };
    if change.done { format!("as planned already; {words}") } else { words }
}

fn rollout_words(target: &Target) -> String {
    let pods = target.rollout.pods;
    let counted = names::counted(pods, "pod", "pods");
    let verb = |one: &'static str, many: &'static str| if pods == 1 { one } else { many };
    match &target.rollout.replacement {
        Replacement::NextRun { .. } if target.patch.is_empty() => "the next run uses it".to_owned(),
        _ if pods == 0 => "no pod runs now".to_owned(),
        _ if target.patch.is_empty() => format!("{counted} {} looked at", verb("is", "are")),
        _ if target.rollout.keeps_pods => format!("{counted} {} on, and none is replaced", verb("runs", "run")),
        Replacement::Rollout => format!("{counted} {} replaced", verb("is", "are")),
        Replacement::Partition { from } => format!("the pods from ordinal {from} on are replaced"),
        Replacement::InPlace => "the container is restarted in its pod".to_owned(),
        Replacement::Paused | Replacement::WhenDeleted { .. } => {
            format!("{counted} {} on for now", verb("runs", "run"))
        }
        Replacement::NextRun { .. } => "the next run uses it".to_owned(),
    }
}

/// Who owns the definition and will put it back, and the way out.
#[must_use]
pub fn owned_elsewhere(target: &Target) -> Option<(String, String)> {
    owner(target).map(|(reason, way_out)| (reason, format!("{way_out}, or say `--force`")))
}

fn owner(target: &Target) -> Option<(String, String)> {
    let manager = target.managers.first()?;
    let (keeps, when, source) = match tools::keeper(&manager.tool) {
        Some(keeper) => (keeper.keeps, keeper.when, keeper.source),
        None => (manager.tool.as_str(), "", "its source"),
    };
    Some((
        format!("{} `{}` owns it and will put the image back{when}", printable(keeps), printable(&manager.name)),
        format!("change it in {source} too"),
    ))
}

/// `deployment/web, container app: why`.
#[must_use]
pub fn skipped_words(skipped: &Skipped) -> String {
    let container = skipped.container.as_ref().map(|container| format!(", container {}", names::container(container)));
    format!("{}{}: {}", names::workload(&skipped.workload), container.unwrap_or_default(), printable(&skipped.reason))
}

/// What is asked before it is done.
#[must_use]
pub fn question(plan: &Plan) -> String {
    let owned: Vec<String> = plan
        .targets_to_patch()
        .filter(|target| !target.managers.is_empty())
        .map(|target| names::workload(&target.workload))
        .collect();
    match owned.len() {
        0 => "Apply?".to_owned(),
        _ => format!("Apply, although {} will be put back by its owner?", owned.join(", ")),
    }
}

/// What is asked when the new content did not come to run.
#[must_use]
pub fn way_back_question(target: &Target, why: &str) -> String {
    let clears = Sequence::of(target).map_or("", |_| ", and delete a pod that blocks it");
    format!("{}: {}. Go back to what ran before{clears}?", names::workload(&target.workload), printable(why))
}

/// What is said where nobody named a workload and none runs old content.
#[must_use]
pub fn nothing_to_do(place: &Place) -> String {
    let place = place.namespace.as_ref().map(|namespace| format!(" in namespace `{}`", printable(namespace)));
    format!(
        "Nothing that was selected runs old content{}. A workload that is named is bumped all the same.\n",
        place.unwrap_or_default()
    )
}

/// What is said after a plan that is not carried out.
#[must_use]
pub fn dry_run(how: DryRun) -> &'static str {
    match how {
        DryRun::Server => "Nothing was changed (dry run); the API server accepts every patch of the plan.\n",
        DryRun::Client | DryRun::None => "Nothing was changed (dry run).\n",
    }
}

/// A line beside the plan.
#[must_use]
pub fn note(text: &str, palette: Palette) -> String {
    format!("{} {}\n", palette.hint("note:"), printable(text))
}

/// Which tags decided about a name, and why.
#[must_use]
pub fn why(name: &Name, proposal: &Proposal, listed: usize, palette: Palette) -> String {
    let mut lines = vec![palette.strong(&format!("{}, by the scheme `{}`", name.tag, proposal.scheme.as_str()))];
    let mut line = |label: &str, text: &str| {
        lines.push(format!("  {}  {}", palette.quiet(&format!("{label:<10}")), printable(text)));
    };
    let listed = if listed == 1 { "1 tag".to_owned() } else { format!("{listed} tags") };
    line(
        "decided by",
        &match proposal.neighbours.as_slice() {
            [] => format!("none of the repository's {listed}"),
            some => format!("{} of the repository's {listed}", some.join(", ")),
        },
    );
    for reason in &proposal.reasons {
        line("because", reason);
    }
    line("so", name.evidence.as_deref().unwrap_or_default());
    lines.push(String::new());
    lines.join("\n")
}

/// The workload, with its namespace where that is not the one that is looked at.
#[must_use]
pub fn in_place(target: &Target, place: &Place) -> String {
    let name = names::workload(&target.workload);
    let here = place.namespace.as_ref().unwrap_or(&place.default_namespace);
    if *target.namespace == **here { name } else { format!("{}/{name}", printable(&target.namespace)) }
}

/// What would change in the objects, as `kubectl diff` shows it.
fn diff(plan: &Plan) -> Result<String, AppError> {
    let mut text = String::new();
    for target in plan.targets_to_patch() {
        let before = &target.definition.object;
        let after = patch::applied(before, &target.patch)
            .map_err(|why| AppError::failed("failed to work out what would change").because(why))?;
        let (before, after) = (shown(before)?, shown(&after)?);
        let name = format!("{}/{}", printable(&target.namespace), names::workload_in_full(&target.workload));
        let changes = similar::TextDiff::from_lines(&before, &after);
        text.push_str(
            &changes
                .unified_diff()
                .context_radius(3)
                .header(&format!("live/{name}"), &format!("planned/{name}"))
                .to_string(),
        );
    }
    Ok(text)
}

/// An object without what its users do not write.
fn shown(object: &serde_json::Value) -> Result<String, AppError> {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    yaml::document(&object)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
