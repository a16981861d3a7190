//! What is said on stderr behind the table: the sum of it, what could not be read, and where to go on.

use super::{Palette, names};
use crate::domain::diagnosis::{Diagnosis, Item, Summary, Verdict};
use crate::domain::exclusion::{ANNOTATION, LeftOut};
use crate::domain::workload::Role;
use crate::text::{excerpt, printable, shell_word};

/// Where the answer was looked for, so that the hints can be copied.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The namespace that was looked at; `None` with `-A`.
    pub namespace: Option<String>,
    /// The namespace that a command without `-n` would look at.
    pub default_namespace: String,
    /// Flags that the next command needs too, such as `--context prod`; empty mostly.
    pub flags: String,
    /// Those of them that say which cluster it is, for commands of kubectl itself; empty mostly.
    pub cluster: String,
}

/// All of it; each line ends in a line end.
#[must_use]
pub fn render(diagnosis: &Diagnosis, place: &Place, palette: Palette) -> String {
    let mut lines = vec![sentence(diagnosis, place)];
    lines.extend(left_out(diagnosis.summary.left_out, palette));
    lines.extend(problems(diagnosis, palette));
    if let Some((item, what)) = worth_explaining(diagnosis) {
        lines.push(format!("{} {what} with `{}`", palette.hint("hint:"), explain_command(item, place)));
        let same = |other: &&Item| other.namespace == item.namespace && other.workload == item.workload;
        if let Some(command) = diagnosis.items.iter().filter(same).find_map(|item| bump_command(item, place)) {
            lines.push(format!("{} give it a unique tag with `{command}`", palette.hint("hint:")));
        }
    }
    lines.join("\n") + "\n"
}

/// What is not in the answer because somebody wants it so, and what is there all the same.
#[must_use]
pub fn left_out(left_out: LeftOut, palette: Palette) -> Vec<String> {
    let mut lines = Vec::new();
    let count = |number: usize| names::counted(number, "container", "containers");
    let (flag, annotation) = ("by `--exclude`", format!("by the annotation `{ANNOTATION}`"));
    match (left_out.by_flag, left_out.by_annotation) {
        (0, 0) => {}
        (flagged, 0) => lines.push(format!("{} excluded {flag}.", count(flagged))),
        (0, annotated) => lines.push(format!("{} excluded {annotation}.", count(annotated))),
        (flagged, annotated) => {
            let (flagged, annotated) = (names::thousands(flagged), names::thousands(annotated));
            lines.push(format!("{} excluded, {flagged} {flag} and {annotated} {annotation}.", count(left_out.total())));
        }
    }
    if left_out.kept > 0 {
        let is = if left_out.kept == 1 { "is" } else { "are" };
        let words = "in the answer because it was named, though the annotation";
        lines.push(format!(
            "{} {} {is} {words} `{ANNOTATION}` excludes {}",
            palette.hint("note:"),
            count(left_out.kept),
            if left_out.kept == 1 { "it" } else { "them" }
        ));
    }
    lines
}

/// What could not be read, each once, with what that takes from the answer.
#[must_use]
pub fn problems(diagnosis: &Diagnosis, palette: Palette) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for problem in &diagnosis.problems {
        let what = printable(&problem.what);
        let line = format!(
            "{} {what} could not be read ({}): {}",
            palette.hint("note:"),
            excerpt(problem.why.trim_end_matches('.'), 200),
            effect(&what)
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// What is missing from the answer when a resource may not be read.
fn effect(resource: &str) -> &'static str {
    match resource.split('.').next().unwrap_or_default() {
        "nodes" => "an image for any platform counts, and no node's own inventory can decide",
        "secrets" | "serviceaccounts" => "registries were asked without their logins",
        "pods" => "they are not in the answer",
        "workloads" => "those without pods are not in the answer",
        "configmaps" => "every registry was asked by the name that pods use",
        _ => "some workloads may be called by what they own",
    }
}

fn sentence(diagnosis: &Diagnosis, place: &Place) -> String {
    let summary = &diagnosis.summary;
    if summary.workloads == 0 && summary.left_out.total() > 0 {
        return "Nothing is left to look at.".to_owned();
    }
    if summary.workloads == 0 {
        return match &place.namespace {
            Some(namespace) => format!("No pods found in namespace `{}`.", printable(namespace)),
            None => "No pods found.".to_owned(),
        };
    }
    let all = names::counted(summary.workloads, "workload", "workloads");
    let of_all = |count: usize| format!("{} of {all}", names::thousands(count));
    let verb = |count: usize| if count == 1 { "runs" } else { "run" };
    let idle = workloads(diagnosis, |item| item.idle && is_old(item.verdict));
    let stale = (summary.count(Verdict::Stale) + summary.count(Verdict::Mixed)).saturating_sub(idle);
    let suspect = summary.count(Verdict::Suspect);
    let unknown = summary.count(Verdict::Unknown);
    let homeless = summary.count(Verdict::Local) + summary.count(Verdict::Unpublished);

    let mut parts = Vec::new();
    if idle > 0 {
        let all = if stale > 0 { names::thousands(idle) } else { of_all(idle) };
        parts.push(format!("{all} would start old content"));
    }
    if stale > 0 {
        let pods = names::counted(summary.stale_pods, "pod", "pods");
        parts.insert(0, format!("{} {} old content in {pods}", of_all(stale), verb(stale)));
        if suspect > 0 {
            parts.push(format!(
                "{} most likely {}",
                names::thousands(suspect),
                if suspect == 1 { "does" } else { "do" }
            ));
        }
    } else if suspect > 0 {
        parts.push(format!("{} most likely {} old content, which cannot be proven", of_all(suspect), verb(suspect)));
    } else if idle == 0 && unknown == summary.workloads && !is_checked_in_part(diagnosis) {
        return match unknown {
            1 => format!("{all} could not be checked."),
            _ => format!("None of {all} could be checked."),
        };
    } else if idle == 0 {
        parts.push(format!("Nothing stale in {all} with {}", names::counted(summary.pods, "pod", "pods")));
    }
    if homeless > 0 {
        let images = if homeless == 1 { "an image" } else { "images" };
        parts.push(format!("{} {} {images} that no registry has", names::thousands(homeless), verb(homeless)));
    }
    let lost = workloads(diagnosis, |item| item.next_start_fails.is_some() && item.verdict != Verdict::Unpublished);
    if lost > 0 {
        parts.push(format!("{} could not be started again", names::thousands(lost)));
    }
    let stuck = summary.count(Verdict::Stuck);
    if stuck > 0 {
        let rollouts = if stuck == 1 { "rollout is" } else { "rollouts are" };
        parts.push(format!("{} {rollouts} stuck", names::thousands(stuck)));
    }
    parts.extend(failing(summary));
    if unknown > 0 {
        parts.push(if unknown == summary.workloads {
            "not everything could be checked".to_owned()
        } else {
            format!("{} could not be checked", names::thousands(unknown))
        });
    }
    parts.join(", ") + "."
}

/// `3 pods are in CrashLoopBackOff or ImagePullBackOff`.
fn failing(summary: &Summary) -> Option<String> {
    let pods: usize = summary.failing_pods.values().sum();
    let reasons: Vec<_> = summary.failing_pods.keys().map(|reason| excerpt(reason, 60)).collect();
    let are = if pods == 1 { "is" } else { "are" };
    (pods > 0).then(|| format!("{} {are} in {}", names::counted(pods, "pod", "pods"), reasons.join(" or ")))
}

fn is_old(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Stale | Verdict::Mixed)
}

/// How many workloads have such a row.
fn workloads(diagnosis: &Diagnosis, fits: impl Fn(&Item) -> bool) -> usize {
    let mut found: Vec<_> =
        diagnosis.items.iter().filter(|item| fits(item)).map(|item| (&item.namespace, &item.workload)).collect();
    found.sort();
    found.dedup();
    found.len()
}

/// A workload counts as unknown for one container of several; the others may well have been proven fresh.
fn is_checked_in_part(diagnosis: &Diagnosis) -> bool {
    let proven = [Verdict::Fresh, Verdict::Rewrapped, Verdict::Pinned];
    diagnosis.items.iter().any(|item| proven.contains(&item.verdict))
}

/// The first item, in the order of the answer, that somebody would want to understand.
fn worth_explaining(diagnosis: &Diagnosis) -> Option<(&Item, &'static str)> {
    let first = |verdicts: &[Verdict]| diagnosis.items.iter().find(|item| verdicts.contains(&item.verdict));
    first(&[Verdict::Stale, Verdict::Mixed])
        .map(|item| (item, "see the proof"))
        .or_else(|| first(&[Verdict::Suspect]).map(|item| (item, "see what is known")))
        .or_else(|| first(&[Verdict::Unknown]).map(|item| (item, "see what was tried")))
}

fn explain_command(item: &Item, place: &Place) -> String {
    command(&format!("explain {}", shell_word(&names::workload(&item.workload))), &item.namespace, place)
}

/// What helps against old content; not for what cannot be changed.
fn bump_command(item: &Item, place: &Place) -> Option<String> {
    let old = matches!(item.verdict, Verdict::Stale | Verdict::Mixed | Verdict::Suspect);
    (old && !is_fixed(item)).then(|| command(&change_words("bump", item), &item.namespace, place))
}

/// Whether no change of the workload brings the container another image: a Job's template is immutable, and a debug
/// container or an injected one is in no template.
pub(super) fn is_fixed(item: &Item) -> bool {
    &*item.workload.kind == "Job" || item.container.role == Role::Ephemeral || item.is_injected()
}

/// `bump deployment/web`, or what changes the workload that has the template below an operator's custom resource.
pub(super) fn change_words(verb: &str, item: &Item) -> String {
    let named = item.template_in.as_ref().unwrap_or(&item.workload);
    let force = if item.template_in.is_some() { " --force" } else { "" };
    format!("{verb} {}{force}", shell_word(&names::workload(named)))
}

/// A command of ours that looks at the same place, ready to be copied.
#[must_use]
pub fn command(words: &str, namespace: &str, place: &Place) -> String {
    composed(&format!("freshimage {words}"), namespace, &place.flags, place)
}

/// The same for one of kubectl's own, whoever gives it.
#[must_use]
pub fn kubectl(words: &str, namespace: &str, place: &Place) -> String {
    composed(words, namespace, &place.cluster, place)
}

fn composed(words: &str, namespace: &str, flags: &str, place: &Place) -> String {
    let mut command = format!("kubectl {words}");
    if namespace != place.default_namespace {
        command.push_str(&format!(" -n {}", shell_word(&printable(namespace))));
    }
    if !flags.is_empty() {
        command.push_str(&format!(" {}", printable(flags)));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workload::Problem;
    use crate::ui::samples;

    fn place() -> Place {
        Place {
            namespace: Some("shop".to_owned()),
            default_namespace: "shop".to_owned(),
            flags: String::new(),
            ..Place::default()
        }
    }

    fn counts(pods: usize, stale_pods: usize, verdicts: &[(Verdict, usize)]) -> String {
        let summary = Summary {
            workloads: verdicts.iter().map(|(_, count)| count).sum(),
            pods,
            images: 1,
            stale_pods,
            by_verdict: verdicts.iter().copied().collect(),
            ..Summary::default()
        };
        sentence(&Diagnosis { summary, ..Diagnosis::default() }, &place())
    }

    #[test]
    fn the_story_ends_in_a_hint() {
        insta::assert_snapshot!(render(&samples::story(), &place(), Palette::plain()), @"
        2 of 4 workloads run old content in 3 pods, 1 could not be checked.
        hint: see the proof with `kubectl freshimage explain deployment/awesomeapp`
        hint: give it a unique tag with `kubectl freshimage bump deployment/awesomeapp`
        ");
    }

    #[test]
    fn the_hint_can_be_copied_from_anywhere() {
        let elsewhere = Place {
            namespace: None,
            default_namespace: "default".to_owned(),
            flags: "--context prod".to_owned(),
            ..Place::default()
        };
        let text = render(&samples::story(), &elsewhere, Palette::plain());
        assert!(
            text.contains("`kubectl freshimage explain deployment/awesomeapp -n shop --context prod`\n")
                && text.ends_with("`kubectl freshimage bump deployment/awesomeapp -n shop --context prod`\n"),
            "{text}"
        );
    }

    #[test]
    fn the_hint_runs_nothing_that_a_name_says() {
        let mut diagnosis = samples::story();
        for item in &mut diagnosis.items {
            item.workload.kind = "Job".into();
            item.workload.name = "x; touch y #".into();
        }
        let text = render(&diagnosis, &place(), Palette::plain());
        assert!(text.ends_with("`kubectl freshimage explain 'job/x; touch y #'`\n"), "{text}");
    }

    #[test]
    fn the_hint_names_what_can_be_changed() {
        let hint = |change: &dyn Fn(&mut Item)| {
            let mut diagnosis = samples::story();
            diagnosis.items.truncate(1);
            change(&mut diagnosis.items[0]);
            let text = render(&diagnosis, &place(), Palette::plain());
            text.lines().find(|line| line.contains("unique tag")).map(ToOwned::to_owned)
        };
        assert_eq!(hint(&|item| item.findings.push(crate::domain::diagnosis::Finding::Injected)), None);
        let below = |item: &mut Item| {
            item.template_in = Some(item.workload.clone());
            item.workload.name = "main".into();
        };
        assert_eq!(
            hint(&below).as_deref(),
            Some("hint: give it a unique tag with `kubectl freshimage bump deployment/awesomeapp --force`")
        );
        // The container of the workload that can be changed is reason enough.
        let mut diagnosis = samples::story();
        diagnosis.items.truncate(1);
        let mut injected = diagnosis.items[0].clone();
        injected.findings.push(crate::domain::diagnosis::Finding::Injected);
        diagnosis.items.insert(0, injected);
        assert!(render(&diagnosis, &place(), Palette::plain()).contains("bump deployment/awesomeapp`"));
    }

    #[test]
    fn every_sentence_has_its_right_numbers() {
        use Verdict::{Fresh, Local, Mixed, Stale, Suspect, Unknown, Unpublished};
        for (text, expected) in [
            (counts(40, 0, &[(Fresh, 14)]), "Nothing stale in 14 workloads with 40 pods."),
            (counts(1, 0, &[(Fresh, 1)]), "Nothing stale in 1 workload with 1 pod."),
            (
                counts(4, 0, &[(Fresh, 3), (Unknown, 1)]),
                "Nothing stale in 4 workloads with 4 pods, 1 could not be checked.",
            ),
            (counts(1, 0, &[(Unknown, 1)]), "1 workload could not be checked."),
            (counts(2, 0, &[(Unknown, 2)]), "None of 2 workloads could be checked."),
            (counts(2, 2, &[(Stale, 1)]), "1 of 1 workload runs old content in 2 pods."),
            (counts(9, 1, &[(Mixed, 1), (Fresh, 2)]), "1 of 3 workloads runs old content in 1 pod."),
            (
                counts(9, 3, &[(Stale, 2), (Suspect, 1), (Local, 1)]),
                "2 of 4 workloads run old content in 3 pods, 1 most likely does, 1 runs an image that no registry has.",
            ),
            (
                counts(9, 0, &[(Suspect, 2), (Unpublished, 2)]),
                "2 of 4 workloads most likely run old content, which cannot be proven, 2 run images that no registry has.",
            ),
            (counts(0, 0, &[]), "No pods found in namespace `shop`."),
        ] {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn pods_that_fail_are_counted_with_their_reasons() {
        let told = |failing: &[(&str, usize)]| {
            let failing_pods = failing.iter().map(|(reason, pods)| ((*reason).to_owned(), *pods)).collect();
            let by_verdict = [(Verdict::Waiting, 1)].into();
            let summary = Summary { workloads: 1, pods: 4, failing_pods, by_verdict, ..Summary::default() };
            sentence(&Diagnosis { summary, ..Diagnosis::default() }, &place())
        };
        assert_eq!(told(&[]), "Nothing stale in 1 workload with 4 pods.");
        assert_eq!(
            told(&[("ImagePullBackOff", 1)]),
            "Nothing stale in 1 workload with 4 pods, 1 pod is in ImagePullBackOff."
        );
        assert_eq!(
            told(&[("CrashLoopBackOff", 2), ("ImagePullBackOff", 1)]),
            "Nothing stale in 1 workload with 4 pods, 3 pods are in CrashLoopBackOff or ImagePullBackOff."
        );
    }

    #[test]
    fn what_is_left_out_is_counted_with_its_reason() {
        let lines = |by_flag, by_annotation, kept| {
            left_out(LeftOut { by_flag, by_annotation, kept }, Palette::plain()).join("\n")
        };
        for (text, expected) in [
            (lines(0, 0, 0), ""),
            (lines(1, 0, 0), "1 container excluded by `--exclude`."),
            (lines(0, 2, 0), "2 containers excluded by the annotation `kubectl-freshimage/exclude`."),
            (
                lines(2, 1, 0),
                "3 containers excluded, 2 by `--exclude` and 1 by the annotation `kubectl-freshimage/exclude`.",
            ),
            (
                lines(0, 0, 1),
                "note: 1 container is in the answer because it was named, though the annotation `kubectl-freshimage/exclude` excludes it",
            ),
        ] {
            assert_eq!(text, expected);
        }
        let left_out = LeftOut { by_flag: 1, ..LeftOut::default() };
        let summary = Summary { left_out, ..Summary::default() };
        let text = render(&Diagnosis { summary, ..Diagnosis::default() }, &place(), Palette::plain());
        assert_eq!(text, "Nothing is left to look at.\n1 container excluded by `--exclude`.\n");
    }

    #[test]
    fn a_workload_that_was_checked_in_part_was_checked() {
        let mut diagnosis = samples::story();
        diagnosis.items.retain(|item| matches!(item.verdict, Verdict::Fresh | Verdict::Unknown));
        diagnosis.summary =
            Summary { workloads: 1, pods: 1, by_verdict: [(Verdict::Unknown, 1)].into(), ..Summary::default() };
        assert_eq!(
            sentence(&diagnosis, &place()),
            "Nothing stale in 1 workload with 1 pod, not everything could be checked."
        );
    }

    #[test]
    fn what_could_not_be_read_is_said_once() {
        let problem =
            Problem { what: "nodes".to_owned(), why: "forbidden: user `dev` cannot list resource `nodes`.".to_owned() };
        let diagnosis = Diagnosis { problems: vec![problem.clone(), problem], ..Diagnosis::default() };
        insta::assert_snapshot!(problems(&diagnosis, Palette::plain()).join("\n"), @"note: nodes could not be read (forbidden: user `dev` cannot list resource `nodes`): an image for any platform counts, and no node's own inventory can decide");
    }
}
