//! What is left out: by `--exclude`, or by an annotation with which a workload opts out.
//!
//! What is left out is taken out of the snapshot before anything is judged, so that no registry is asked for it, no row
//! shows it, and nothing counts or changes it. `--exclude` always holds. The annotation gives way to whoever asks for the
//! very thing by its name: a workload that opts out as a whole, or one of its containers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::diagnosis::Item;
use super::glob::matches;
use super::inquiry::{ContainerKey, Ownership, container_key, ownership};
use super::reference::Reference;
use super::template::{Definition, Slot};
use super::workload::{Owner, Pod};

/// The annotation of a workload, or of its pods: `true` for all of it, or the names of containers.
pub const ANNOTATION: &str = "kubectl-freshimage/exclude";

/// What a pattern is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The name of a container or image volume.
    Container,
    /// The workload's kind.
    Kind,
    /// The namespace.
    Namespace,
    /// The image, as it is written or in full.
    Image,
}

impl Key {
    /// Every key.
    pub const ALL: [Self; 4] = [Self::Container, Self::Kind, Self::Namespace, Self::Image];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Kind => "kind",
            Self::Namespace => "namespace",
            Self::Image => "image",
        }
    }
}

/// `--exclude KEY=PATTERN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What is compared.
    pub key: Key,
    /// With what; `*` is any number of characters.
    pub pattern: String,
}

/// What a run leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// `--exclude`.
    pub rules: Vec<Rule>,
    /// Containers that are asked for by their names, `-c`.
    pub wanted: Vec<String>,
}

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// By the command line.
    Flag,
    /// By the workload's own annotation.
    Annotation,
}

/// One container, or one place of a template.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where.
    pub namespace: &'a str,
    /// The workload's kind.
    pub kind: &'a str,
    /// The container's name.
    pub container: &'a str,
    /// The reference as written.
    pub image: &'a str,
    /// What the annotation says on the workload and on its pods; empty where it is not there.
    pub opt_outs: &'a [Arc<str>],
    /// The workload was asked for by its name.
    pub named: bool,
}

/// How many containers of workloads were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// By the command line.
    pub by_flag: usize,
    /// By the annotation alone.
    pub by_annotation: usize,
    /// Not left out, though the annotation says so, for they were named.
    pub kept: usize,
}

impl LeftOut {
    /// All that were.
    #[must_use]
    pub fn total(self) -> usize {
        self.by_flag + self.by_annotation
    }
}

impl Rule {
    fn fits(&self, subject: &Subject<'_>) -> bool {
        match self.key {
            Key::Container => matches(&self.pattern, subject.container),
            Key::Kind => matches(&self.pattern.to_lowercase(), &subject.kind.to_lowercase()),
            Key::Namespace => matches(&self.pattern, subject.namespace),
            Key::Image => self.fits_image(subject.image),
        }
    }

    /// The image as it is written, or its full name with or without what comes behind it.
    fn fits_image(&self, image: &str) -> bool {
        if matches(&self.pattern, image) {
            return true;
        }
        let Ok(reference) = image.parse::<Reference>() else { return false };
        let name = reference.repository().to_string();
        let rest = image.strip_prefix(reference.name()).unwrap_or_default();
        matches(&self.pattern, &name) || matches(&self.pattern, &format!("{name}{rest}"))
    }
}

/// What an annotation says of a container of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Nothing,
    /// The workload is out as a whole.
    All,
    /// This container is.
    This,
}

fn says(annotation: &str, container: &str) -> Says {
    match annotation.trim() {
        "" | "false" => Says::Nothing,
        "true" => Says::All,
        names if names.split(',').any(|name| matches(name.trim(), container)) => Says::This,
        _ => Says::Nothing,
    }
}

impl Exclusions {
    /// Why a container is left out, if it is.
    #[must_use]
    pub fn why(&self, subject: &Subject<'_>) -> Option<Why> {
        if self.rules.iter().any(|rule| rule.fits(subject)) {
            return Some(Why::Flag);
        }
        let wanted = self.wanted.iter().any(|name| name == subject.container);
        match annotated(subject) {
            Says::All if !subject.named && !wanted => Some(Why::Annotation),
            Says::This if !wanted => Some(Why::Annotation),
            _ => None,
        }
    }

    /// Whether it is left out of what is looked at because of this pod and its owners. For a pod whose owners are all
    /// known, or none of whose owners will be.
    #[must_use]
    pub fn leaves_out(&self, pod: &Pod, above: &Ownership, container: &str, image: &str) -> bool {
        let subject = subject(pod, above, container, image, false);
        self.why(&subject).is_some()
    }

    /// Takes out of the pods what is left out. `named` says whether a pod's workload was asked for by its name.
    pub fn take_out(
        &self,
        pods: &mut Vec<Pod>,
        owners: &HashMap<Arc<str>, Owner>,
        named: impl Fn(&Pod, &Ownership) -> bool,
    ) -> LeftOut {
        let mut whys: BTreeMap<Why, HashSet<ContainerKey>> = BTreeMap::new();
        let mut kept: HashSet<ContainerKey> = HashSet::new();
        pods.retain_mut(|pod| {
            let above = ownership(pod, owners);
            if self.rules.is_empty() && above.opt_outs.is_empty() {
                return true;
            }
            let named = !above.opt_outs.is_empty() && named(pod, &above);
            let fates: Vec<Option<Why>> = pod
                .containers
                .iter()
                .map(|container| {
                    let subject = subject(pod, &above, &container.name, &container.image, named);
                    let why = self.why(&subject);
                    let key = || container_key(pod, &above.workload, container);
                    match why {
                        Some(why) => {
                            whys.entry(why).or_default().insert(key());
                        }
                        None if annotated(&subject) != Says::Nothing => {
                            kept.insert(key());
                        }
                        None => {}
                    }
                    why
                })
                .collect();
            let mut fates = fates.into_iter();
            let before = pod.containers.len();
            pod.containers.retain(|_| fates.next().flatten().is_none());
            before == 0 || !pod.containers.is_empty()
        });
        let by_flag = whys.remove(&Why::Flag).unwrap_or_default();
        let by_annotation = whys.remove(&Why::Annotation).unwrap_or_default();
        LeftOut { by_annotation: by_annotation.difference(&by_flag).count(), by_flag: by_flag.len(), kept: kept.len() }
    }

    /// Why a place of a template is left out, if it is.
    #[must_use]
    pub fn of_slot(&self, definition: &Definition, slot: &Slot, named: bool) -> Option<Why> {
        let opt_outs: Vec<Arc<str>> = definition.everywhere(ANNOTATION).map(Into::into).collect();
        self.why(&Subject {
            namespace: &definition.namespace,
            kind: &definition.workload.kind,
            container: &slot.container.name,
            image: &slot.image,
            opt_outs: &opt_outs,
            named,
        })
    }

    /// The same for the rows of a workload that has no pods; `opt_out` is what its annotation says.
    pub fn take_out_rows(&self, rows: &mut Vec<Item>, opt_out: &Arc<str>, named: bool, left_out: &mut LeftOut) {
        let opt_outs = std::slice::from_ref(opt_out);
        rows.retain(|row| {
            let subject = Subject {
                namespace: &row.namespace,
                kind: &row.workload.kind,
                container: &row.container.name,
                image: &row.image,
                opt_outs,
                named,
            };
            let why = self.why(&subject);
            match why {
                Some(Why::Flag) => left_out.by_flag += 1,
                Some(Why::Annotation) => left_out.by_annotation += 1,
                None => left_out.kept += usize::from(annotated(&subject) != Says::Nothing),
            }
            why.is_none()
        });
    }
}

fn subject<'a>(pod: &'a Pod, above: &'a Ownership, container: &'a str, image: &'a str, named: bool) -> Subject<'a> {
    Subject {
        namespace: &pod.namespace,
        kind: &above.workload.kind,
        container,
        image,
        opt_outs: &above.opt_outs,
        named,
    }
}

fn annotated(subject: &Subject<'_>) -> Says {
    subject.opt_outs.iter().map(|text| says(text, subject.container)).max().unwrap_or(Says::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        let (word, pattern) = text.split_once('=').unwrap();
        let key = Key::ALL.into_iter().find(|key| key.as_str() == word).unwrap();
        Rule { key, pattern: pattern.to_owned() }
    }

    fn exclusions(rules: &[&str], wanted: &[&str]) -> Exclusions {
        Exclusions {
            rules: rules.iter().map(|text| rule(text)).collect(),
            wanted: wanted.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    const WEB: Subject<'static> = Subject {
        namespace: "shop",
        kind: "Deployment",
        container: "app",
        image: "nginx:1.27",
        opt_outs: &[],
        named: false,
    };

    #[test]
    fn a_rule_leaves_out_what_its_pattern_fits() {
        for (rules, subject, excluded) in [
            (&[][..], WEB, false),
            (&["container=app"][..], WEB, true),
            (&["container=a*"], WEB, true),
            (&["container=istio-proxy"], WEB, false),
            (&["container=istio-proxy", "container=app"], WEB, true),
            (&["container=App"], WEB, false),
            (&["kind=Deployment"], WEB, true),
            (&["kind=deployment"], WEB, true),
            (&["kind=*Job"], Subject { kind: "CronJob", ..WEB }, true),
            (&["kind=Job"], Subject { kind: "CronJob", ..WEB }, false),
            (&["namespace=shop"], WEB, true),
            (&["namespace=kube-*"], WEB, false),
            (&["namespace=kube-*"], Subject { namespace: "kube-system", ..WEB }, true),
            (&["image=nginx:1.27"], WEB, true),
            (&["image=nginx"], WEB, false),
            (&["image=nginx*"], WEB, true),
            (&["image=docker.io/library/nginx"], WEB, true),
            (&["image=docker.io/library/nginx:1.27"], WEB, true),
            (&["image=docker.io/library/*"], WEB, true),
            (&["image=docker.io/*"], WEB, true),
            (&["image=*:1.27"], WEB, true),
            (&["image=docker.io/library/nginx"], Subject { image: "nginx", ..WEB }, true),
            (&["image=docker.io/library/nginx"], Subject { image: "index.docker.io/library/nginx:1", ..WEB }, true),
            (&["image=reg:5000/a"], Subject { image: "reg:5000/a:1@sha256:x", ..WEB }, false),
            (&["image=reg:5000/a*"], Subject { image: "reg:5000/a:1@sha256:x", ..WEB }, true),
            (&["image=quay.io/*"], WEB, false),
            (&["image=*"], Subject { image: "no reference", ..WEB }, true),
        ] {
            let why = exclusions(rules, &[]).why(&subject);
            assert_eq!(why, excluded.then_some(Why::Flag), "{rules:?} {subject:?}");
        }
    }

    #[test]
    fn an_annotation_opts_out_as_a_whole_or_by_container() {
        for (texts, container, excluded) in [
            (&["true"][..], "app", true),
            (&[" true "], "app", true),
            (&["false"], "app", false),
            (&[""], "app", false),
            (&["app"], "app", true),
            (&["proxy, app"], "app", true),
            (&["proxy"], "app", false),
            (&["istio-*"], "istio-proxy", true),
            (&["TRUE"], "app", false),
            (&["proxy", "app"], "app", true),
            (&["false", "true"], "app", true),
        ] {
            let opt_outs: Vec<Arc<str>> = texts.iter().map(|text| (*text).into()).collect();
            let subject = Subject { container, opt_outs: &opt_outs, ..WEB };
            let why = Exclusions::default().why(&subject);
            assert_eq!(why, excluded.then_some(Why::Annotation), "{texts:?} {container}");
        }
    }

    #[test]
    fn what_is_named_is_kept_against_the_annotation_and_not_against_the_flag() {
        let (all, one): ([Arc<str>; 1], [Arc<str>; 1]) = (["true".into()], ["app".into()]);
        let both: [Arc<str>; 2] = ["true".into(), "app".into()];
        for (rules, wanted, opt_outs, named, expected) in [
            (&[][..], &[][..], &all[..], false, Some(Why::Annotation)),
            (&[], &[], &all, true, None),
            (&[], &["app"], &all, false, None),
            (&[], &[], &one, true, Some(Why::Annotation)),
            (&[], &["app"], &one, true, None),
            (&[], &["other"], &one, true, Some(Why::Annotation)),
            (&[], &[], &both, true, Some(Why::Annotation)),
            (&["container=app"], &["app"], &[], true, Some(Why::Flag)),
            (&["container=app"], &[], &all, true, Some(Why::Flag)),
        ] {
            let subject = Subject { opt_outs, named, ..WEB };
            let why = exclusions(rules, wanted).why(&subject);
            assert_eq!(why, expected, "{rules:?} {wanted:?} {opt_outs:?} {named}");
        }
    }
}
