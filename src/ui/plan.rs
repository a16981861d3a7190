//! A plan, before it is carried out: a page for people, documents for scripts, a diff of the objects.

use serde::Serialize;

use super::summary::Place;
use super::{Palette, Printer, json, name, names, yaml};
use crate::cli::PlanFormat;
use crate::domain::Reference;
use crate::domain::patch;
use crate::domain::plan::{Change, Plan, Skipped, Tagging, Target, assemble};
use crate::domain::template::Replacement;
use crate::error::AppError;
use crate::text::printable;

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
        None => printer.folded(&page(plan, place, printer.data_palette())),
    })
}

/// The page.
#[must_use]
pub fn page(plan: &Plan, place: &Place, palette: Palette) -> String {
    let mut lines = vec![palette.strong(&sentence(plan))];
    for tagging in &plan.tags {
        lines.push(String::new());
        lines.extend(tag_lines(plan, tagging, palette));
    }
    for target in &plan.targets {
        lines.push(String::new());
        lines.extend(target_lines(target, place, palette));
    }
    if !plan.skipped.is_empty() {
        lines.push(String::new());
        for skipped in &plan.skipped {
            let word = if skipped.refused { palette.error("refused") } else { palette.quiet("skipped") };
            lines.push(format!("  {word}   {}", skipped_words(skipped)));
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
    let pods = |is: fn(&Replacement) -> bool| -> usize {
        patched.iter().filter(|target| is(&target.rollout.replacement)).map(|target| target.rollout.pods).sum()
    };
    let replaced = pods(|replacement| matches!(replacement, Replacement::Rollout | Replacement::Partition { .. }));
    if replaced > 0 {
        parts.push(format!("{} to replace", names::counted(replaced, "pod", "pods")));
    }
    let restarted = pods(|replacement| *replacement == Replacement::InPlace);
    if restarted > 0 {
        parts.push(format!("{} to restart in place", names::counted(restarted, "pod", "pods")));
    }
    format!("Plan: {}", parts.join(", "))
}

fn tag_lines(plan: &Plan, tagging: &Tagging, palette: Palette) -> Vec<String> {
    let source = plan
        .targets
        .iter()
        .flat_map(|target| &target.changes)
        .find(|change| change.needs(tagging))
        .and_then(|change| {
            let reference: Reference = change.image.parse().ok()?;
            let served = change.served_digest.as_ref() == Some(&tagging.digest);
            reference.resolved_tag().filter(|_| served).map(|tag| format!("the bytes that {tag} serves"))
        })
        .unwrap_or_else(|| "the bytes that run now".to_owned());
    let what = if tagging.exists {
        "holds this content already; nothing is written".to_owned()
    } else {
        format!("{source}; nothing is pulled or rebuilt")
    };
    let mut lines = vec![
        format!("  {}  {}", palette.quiet("registry"), printable(&tagging.repository.to_string())),
        format!("            tag {} → {}…  ({})", printable(&tagging.tag), tagging.digest.short(12), printable(&what)),
    ];
    if let Some(evidence) = &tagging.evidence {
        lines.push(format!("            {}", palette.quiet(&printable(evidence))));
    }
    lines
}

fn target_lines(target: &Target, place: &Place, palette: Palette) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &target.changes {
        let verdict = change.verdict.map(|verdict| format!("   {}", palette.verdict(verdict, verdict.as_str())));
        lines.push(format!(
            "  {}, container {}{}",
            palette.strong(&in_place(target, place)),
            names::container(&change.container),
            verdict.unwrap_or_default()
        ));
        lines.extend(change_lines(change, palette));
    }
    lines.push(format!("    {}", rollout_words(target)));
    for warning in &target.warnings {
        lines.push(format!("    {} {}", palette.hint("note:"), printable(warning)));
    }
    if let Some((reason, hint)) = owned_elsewhere(target) {
        lines.push(format!("    {} {reason}; {hint}", palette.hint("note:")));
    }
    if target.changes.iter().any(assemble::is_not_recommended) {
        lines.push(format!(
            "    {} with imagePullPolicy: Always every start of a pod needs the registry from now on; a unique tag does not (not recommended)",
            palette.hint("note:")
        ));
    }
    lines
}

fn change_lines(change: &Change, palette: Palette) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(pod_image) = &change.pod_image {
        lines.push(format!("    the pods ask for {}: something rewrites it on its way", printable(pod_image)));
    }
    if change.done {
        lines.push(format!("    image: {}   as planned already", printable(&change.image)));
    } else if *change.image == *change.new_image {
        lines.push(format!("      image: {}", printable(&change.image)));
    } else {
        lines.push(palette.removed(&format!("    - image: {}", printable(&change.image))));
        lines.push(palette.added(&format!("    + image: {}", printable(&change.new_image))));
    }
    if let Some(policy) = change.pull_policy {
        if let Some(before) = change.slot.pull_policy {
            lines.push(palette.removed(&format!("    - imagePullPolicy: {}", before.as_str())));
        }
        lines.push(palette.added(&format!("    + imagePullPolicy: {}", policy.as_str())));
    }
    let running: Vec<String> = change.running.iter().map(|digest| format!("{}…", digest.short(12))).collect();
    let will = format!("{}…", change.digest.short(12));
    lines.push(if running.is_empty() {
        format!("    will run {will}")
    } else if running.len() == 1 && running[0] == will {
        format!("    runs {will} and goes on running it")
    } else {
        format!("    runs {}, will run {will}", running.join(" and "))
    });
    lines
}

fn rollout_words(target: &Target) -> String {
    let pods = target.rollout.pods;
    let counted = names::counted(pods, "pod", "pods");
    let verb = |one: &'static str, many: &'static str| if pods == 1 { one } else { many };
    if target.patch.is_empty() {
        return format!("{counted} to be looked at");
    }
    match &target.rollout.replacement {
        Replacement::Rollout | Replacement::Partition { .. } if pods == 0 => "no pod runs now".to_owned(),
        Replacement::Rollout | Replacement::Partition { .. } => format!("{counted} {} replaced", verb("is", "are")),
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
    let manager = target.managers.first()?;
    let (what, source) = match manager.tool.as_str() {
        "Argo CD" => ("application", "the repository that the application is made from"),
        "Flux" => ("object", "the repository that it is made from"),
        _ => ("release", "the values or the chart of the release"),
    };
    let name = printable(&manager.name).into_owned();
    Some((
        format!("{} {what} `{name}` owns it and will put the image back", manager.tool),
        format!("change it in {source} too, or say `--force`"),
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
    format!("{}: {}. Go back to what ran before?", names::workload(&target.workload), printable(why))
}

/// What is said where nobody named a workload and none runs old content.
#[must_use]
pub fn nothing_to_do(place: &Place) -> String {
    let place = place.namespace.as_ref().map(|namespace| format!(" in namespace `{}`", printable(namespace)));
    format!("Nothing runs old content{}. A workload that is named is bumped all the same.\n", place.unwrap_or_default())
}

/// A line beside the plan.
#[must_use]
pub fn note(text: &str, palette: Palette) -> String {
    format!("{} {}\n", palette.hint("note:"), printable(text))
}

/// The workload, with its namespace where that is not the one that a command would look at.
#[must_use]
pub fn in_place(target: &Target, place: &Place) -> String {
    let name = names::workload(&target.workload);
    if *target.namespace == *place.default_namespace {
        name
    } else {
        format!("{}/{name}", printable(&target.namespace))
    }
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
