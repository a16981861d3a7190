//! From judgements to rows: one for each container of each workload.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Digest;
use super::diagnosis::{ContainerName, Diagnosis, Finding, Group, Item, PodCounts, Summary, Verdict, WorkloadName};
use super::explanation::{self, Direction};
use super::inquiry::{ContainerKey, Inquiry, Ownership, container_key, is_live};
use super::inventory::Answers;
use super::origin::{Origin, Templates};
use super::reference::Reference;
use super::tools;
use super::verdict::{Ground, Judgement};
use super::workload::{Container, Owner, Pod, Problem, Role};

/// One judged container of one pod.
struct Judged<'a> {
    pod: &'a Pod,
    container: &'a Container,
    judgement: &'a Judgement,
    ownership: &'a Ownership,
    /// Place of the container in its pod, for the order of rows.
    place: usize,
    /// Nothing runs, and the pod stands for what the next run starts.
    last_run: bool,
}

impl Judged<'_> {
    /// The reference that the verdict is about.
    fn asked(&self) -> &Arc<str> {
        self.judgement.asked.as_ref().unwrap_or(&self.container.image)
    }
}

impl Inquiry<'_> {
    /// Puts the judgements together, when [`Inquiry::advance`] has nothing to ask any more. A container that is
    /// undecided even then would be a fault of ours; it is `unknown` and not left out.
    #[must_use]
    pub fn report(&self, now: Timestamp, problems: Vec<Problem>, answers: &Answers) -> Diagnosis {
        let mut rows: HashMap<ContainerKey, Vec<Judged<'_>>> = HashMap::new();
        let mut images: BTreeSet<&Arc<str>> = BTreeSet::new();
        let mut stale_pods: HashSet<&Arc<str>> = HashSet::new();
        let mut failing_pods: BTreeMap<String, usize> = BTreeMap::new();
        let undecided = Judgement::undecided("its look-ups came to no end");
        for ((pod, ownership), slots) in self.snapshot.pods.iter().zip(&self.ownerships).zip(&self.judgements) {
            let last_run = self.is_last_run(pod);
            let failing = pod.containers.iter().filter(|container| container.role != Role::Ephemeral);
            if let Some(why) = failing.filter(|_| is_live(pod)).find_map(Container::failing) {
                *failing_pods.entry(why.to_owned()).or_default() += 1;
            }
            for (place, (container, slot)) in pod.containers.iter().zip(slots).enumerate() {
                let judgement = slot.as_deref().unwrap_or(&undecided);
                images.insert(&container.image);
                let key = container_key(pod, &ownership.workload, container);
                rows.entry(key).or_default().push(Judged { pod, container, judgement, ownership, place, last_run });
            }
        }
        let mut ordered: Vec<(usize, Item)> = Vec::with_capacity(rows.len());
        let templates = Templates { listed: &self.snapshot.listed, answers };
        for mut judged in rows.into_values() {
            let place = lowest_place(&judged);
            let old: Vec<&Arc<str>> =
                judged.iter().filter(|one| is_other(one.judgement)).map(|one| &one.pod.uid).collect();
            let item = self.with_origin(item(&mut judged, now), &judged[0], &templates);
            if matches!(item.verdict, Verdict::Stale | Verdict::Mixed) && !item.idle {
                stale_pods.extend(old);
            }
            ordered.push((place, item));
        }
        ordered.sort_by(|(place, a), (other_place, b)| {
            (&a.namespace, &a.workload.kind, &a.workload.name, &a.workload.api_version, place, &a.container).cmp(&(
                &b.namespace,
                &b.workload.kind,
                &b.workload.name,
                &b.workload.api_version,
                other_place,
                &b.container,
            ))
        });
        let items: Vec<Item> = ordered.into_iter().map(|(_, item)| item).collect();
        let summary = Summary {
            pods: self.snapshot.pods.len(),
            images: images.len(),
            stale_pods: stale_pods.len(),
            failing_pods,
            ..summary(&items)
        };
        Diagnosis { items, summary, problems }
    }
}

impl Inquiry<'_> {
    /// Adds where the container comes from: that may be no template at all, or not that of the top.
    fn with_origin(&self, mut item: Item, newest: &Judged<'_>, templates: &Templates<'_>) -> Item {
        let controllers = &newest.ownership.controllers;
        match templates.origin(newest.pod, newest.container, controllers) {
            Origin::Injected => {
                item.findings.push(Finding::Injected);
                item.injected_by = tools::injector_of(&newest.pod.injectors, &newest.container.name);
                if !item.remedies.is_empty() {
                    item.reason.push_str(&explanation::injected_reason(item.injected_by));
                    item.remedies = explanation::remedies_of_injected(item.remedies, item.injected_by);
                }
            }
            Origin::Template(holder) if holder != item.workload => {
                let reference = controllers.iter().map(|above| &above.reference);
                let owner = reference
                    .filter(|reference| WorkloadName::of(reference) == holder)
                    .find_map(|reference| self.snapshot.owners.get(&reference.uid));
                if let Some(operator) = owner.and_then(Owner::operator) {
                    if item.managers.is_empty() {
                        item.findings.push(Finding::GitopsOwned);
                    }
                    item.managers.push(operator);
                }
                item.template_in = Some(holder);
            }
            Origin::Template(_) | Origin::NotKnown => {}
        }
        item.findings.sort();
        item
    }
}

fn lowest_place(judged: &[Judged<'_>]) -> usize {
    judged.iter().map(|one| one.place).min().unwrap_or_default()
}

/// How many workloads have which verdict.
fn summary(items: &[Item]) -> Summary {
    let mut worst: BTreeMap<(&Arc<str>, &WorkloadName), Verdict> = BTreeMap::new();
    for item in items {
        let verdict = worst.entry((&item.namespace, &item.workload)).or_insert(item.verdict);
        *verdict = (*verdict).max(item.verdict);
    }
    let workloads = worst.len();
    let mut by_verdict = BTreeMap::new();
    for verdict in worst.into_values() {
        *by_verdict.entry(verdict).or_insert(0) += 1;
    }
    Summary { workloads, by_verdict, ..Summary::default() }
}

fn item(judged: &mut [Judged<'_>], now: Timestamp) -> Item {
    // Newest first: its reference, policy and served digest stand for the row. Pods that are being replaced
    // come last, for the times of creation tell no order within a second.
    judged.sort_by(|a, b| {
        let rank = |one: &Judged<'_>| {
            (is_live(one.pod), one.last_run, !one.judgement.verdict.is_being_replaced(), one.pod.created)
        };
        (rank(b), &a.pod.name).cmp(&(rank(a), &b.pod.name))
    });
    let groups = groups(judged, now);
    // Live pods come first; where there are none, the last run of what runs again.
    let live = judged.iter().filter(|one| is_live(one.pod)).count();
    let last = judged.iter().filter(|one| one.last_run).count();
    let speaking = match (live, last) {
        (0, 0) => &*judged,
        (0, last) => &judged[..last],
        (live, _) => &judged[..live],
    };
    // A row exists because at least one container was judged.
    let newest = &speaking[0];
    let (verdict, mut reason) = verdict(speaking, &groups);
    if newest.last_run && live == 0 && !reason.is_empty() && !verdict.is_being_replaced() {
        reason.insert_str(0, "last run: ");
    }
    let matching = match verdict {
        Verdict::Mixed => speaking.iter().filter(|one| is_other(one.judgement)).count(),
        Verdict::Fresh | Verdict::Rewrapped => count(speaking, &[Verdict::Fresh, Verdict::Rewrapped]),
        other => count(speaking, &[other]),
    };
    let reference: Option<Reference> = newest.asked().parse().ok();
    let tag = reference.as_ref().and_then(|reference| match reference.digest() {
        Some(_) => None,
        None => reference.resolved_tag(),
    });
    let managers = newest.ownership.managers.clone();
    let policy = newest.container.pull_policy;
    let findings: BTreeSet<Finding> = speaking
        .iter()
        .flat_map(|one| {
            explanation::findings(
                one.judgement,
                tag.as_deref(),
                one.container.pull_policy,
                one.container.role == Role::Volume,
                !managers.is_empty(),
            )
        })
        .collect();
    // Pods of another reference tell what another tag serves.
    let of_this_image = || judged.iter().filter(|one| one.asked() == newest.asked());
    Item {
        namespace: Arc::clone(&newest.pod.namespace),
        workload: newest.ownership.workload.clone(),
        container: ContainerName { name: Arc::clone(&newest.container.name), role: newest.container.role },
        image: Arc::clone(&newest.container.image),
        judged_as: newest.judgement.asked.clone(),
        verdict,
        reason,
        served_digest: of_this_image().find_map(|one| one.judgement.served.clone()),
        served: of_this_image().find_map(|one| one.judgement.served_content.clone()),
        next_start_fails: speaking.iter().find_map(|one| one.judgement.next_start_fails.clone()),
        findings: findings.into_iter().collect(),
        remedies: explanation::remedies(verdict, policy, newest.container.role, is_pinned_on_its_way(newest)),
        managers,
        running: groups,
        injected_by: None,
        template_in: None,
        pods: PodCounts { matching, total: speaking.len() },
        idle: newest.last_run && live == 0,
    }
}

/// Something on the pod's way added a digest that its template does not have.
fn is_pinned_on_its_way(judged: &Judged<'_>) -> bool {
    judged.judgement.asked.is_some() && judged.container.image.contains('@')
}

/// Proven to run other content than the tag serves.
fn is_other(judgement: &Judgement) -> bool {
    matches!(content_of(judgement), Some(ContentKey::Other(..)))
}

fn count(judged: &[Judged<'_>], verdicts: &[Verdict]) -> usize {
    judged.iter().filter(|one| verdicts.contains(&one.judgement.verdict)).count()
}

fn groups(judged: &[Judged<'_>], now: Timestamp) -> Vec<Group> {
    // One index is another content on each platform, and the policy is part of the reason.
    type Key<'a> = (std::cmp::Reverse<Verdict>, &'a Arc<str>, &'a Arc<str>, String, Option<&'a Digest>, &'static str);
    let mut grouped: BTreeMap<Key<'_>, Vec<&Judged<'_>>> = BTreeMap::new();
    for one in judged {
        let proof = one.judgement.ground.proof();
        let config = one.judgement.running_content.as_ref().and_then(|content| content.config_digest.as_ref());
        let key = (
            std::cmp::Reverse(one.judgement.verdict),
            &one.container.image,
            &one.container.image_id,
            proof,
            config,
            one.container.pull_policy.as_str(),
        );
        grouped.entry(key).or_default().push(one);
    }
    grouped
        .into_iter()
        .map(|((_, image, image_id, proof, ..), members)| {
            let first = members[0];
            let since = members.iter().filter_map(|one| one.pod.created).min();
            let latest = members.iter().filter_map(|one| one.pod.created).max();
            let mut pods: Vec<Arc<str>> = members.iter().map(|one| Arc::clone(&one.pod.name)).collect();
            pods.sort();
            let nodes: BTreeSet<Arc<str>> = members.iter().filter_map(|one| one.pod.node.clone()).collect();
            let running = super::running::Running::parse(image_id);
            Group {
                verdict: first.judgement.verdict,
                reason: explanation::reason(
                    first.judgement,
                    first.container.pull_policy,
                    is_pinned_on_its_way(first),
                    latest,
                    now,
                ),
                image: Arc::clone(image),
                digest: running.digest().cloned(),
                image_id: Arc::clone(image_id),
                content: first.judgement.running_content.clone(),
                pods,
                nodes: nodes.into_iter().collect(),
                pull_policy: first.container.pull_policy,
                since,
                proof,
                hint: first.judgement.ground.hint(),
                evidence: first.judgement.evidence.clone(),
            }
        })
        .collect()
}

/// The identity of what a pod runs, if it was told apart from others: replicas are `mixed` only where
/// two contents are proven different.
fn content_of(judgement: &Judgement) -> Option<ContentKey<'_>> {
    match judgement.verdict {
        Verdict::Fresh | Verdict::Rewrapped => Some(ContentKey::Served),
        // That no registry has what runs does not make it the same: the config digests were compared.
        Verdict::Suspect if judgement.ground != Ground::NeverServed => None,
        Verdict::Stale | Verdict::Suspect => {
            let config = judgement.running_content.as_ref().and_then(|content| content.config_digest.as_ref());
            let platform = judgement.running_platform.as_ref();
            Some(ContentKey::Other(
                platform.map(|platform| (&*platform.os, &*platform.architecture, platform.normal_variant())),
                config,
            ))
        }
        _ => None,
    }
}

/// Whether two of these are proven to be different: one is served and another is not, or two are for one platform
/// and have different configs. One old index has another config on each platform, and where one of both is not known
/// nothing is proven.
fn differ(keys: &BTreeSet<ContentKey<'_>>) -> bool {
    let mut old: HashMap<ToldPlatform<'_>, &Digest> = HashMap::new();
    let two_for_one_platform = keys.iter().any(|key| match key {
        ContentKey::Other(Some(platform), Some(config)) => old.insert(*platform, config).is_some(),
        _ => false,
    });
    two_for_one_platform || (keys.len() > 1 && keys.contains(&ContentKey::Served))
}

/// Operating system, architecture and variant.
type ToldPlatform<'a> = (&'a str, &'a str, Option<&'a str>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum ContentKey<'a> {
    Served,
    Other(Option<ToldPlatform<'a>>, Option<&'a Digest>),
}

fn verdict(judged: &[Judged<'_>], groups: &[Group]) -> (Verdict, String) {
    let mut contents: HashMap<&Arc<str>, BTreeSet<ContentKey<'_>>> = HashMap::new();
    for one in judged {
        if let Some(key) = content_of(one.judgement) {
            contents.entry(one.asked()).or_default().insert(key);
        }
    }
    if contents.values().any(differ) {
        return (Verdict::Mixed, mixed_reason(judged, groups));
    }
    let worst = judged.iter().map(|one| one.judgement.verdict).max().unwrap_or(Verdict::Unknown);
    let names: HashSet<&Arc<str>> = judged.iter().map(|one| &one.pod.name).collect();
    let speaks = |group: &&Group| group.verdict == worst && group.pods.iter().any(|pod| names.contains(pod));
    let mut reason = groups.iter().find(speaks).map_or_else(String::new, |group| group.reason.clone());
    // Pods that run nothing do not change the verdict, but whoever looks wants to know of them.
    if !matches!(worst, Verdict::Waiting | Verdict::Ended) {
        let live: BTreeSet<&Arc<str>> = judged.iter().filter(|one| is_live(one.pod)).map(|one| &one.pod.name).collect();
        for group in groups.iter().filter(|group| group.verdict == Verdict::Waiting) {
            let waiting = group.pods.iter().filter(|pod| live.contains(pod)).count();
            if waiting > 0 {
                let separator = if reason.is_empty() { "" } else { "; " };
                let word = if waiting == 1 { "pod waits" } else { "pods wait" };
                reason.push_str(&format!("{separator}{waiting} {word}: {}", group.reason));
            }
        }
    }
    (worst, reason)
}

fn mixed_reason(judged: &[Judged<'_>], groups: &[Group]) -> String {
    let nodes_of = |fits: &dyn Fn(Verdict) -> bool| -> BTreeSet<&Arc<str>> {
        groups.iter().filter(|group| fits(group.verdict)).flat_map(|group| &group.nodes).collect()
    };
    let is_good = |verdict: Verdict| matches!(verdict, Verdict::Fresh | Verdict::Rewrapped);
    let is_old = |verdict: Verdict| matches!(verdict, Verdict::Stale | Verdict::Suspect);
    let stale = nodes_of(&is_old);
    let fresh = nodes_of(&is_good);
    if !groups.iter().any(|group| is_good(group.verdict)) {
        return "the pods run different contents, none of them what the tag serves".to_owned();
    }
    let word = judged.iter().find(|one| is_other(one.judgement)).map(|one| {
        explanation::direction(one.judgement.served_content.as_ref(), one.judgement.running_content.as_ref())
    });
    let word = match word {
        Some(Direction::Forward) => "older",
        Some(Direction::Back) => "newer",
        _ => "other",
    };
    let list = |nodes: &BTreeSet<&Arc<str>>| few(&nodes.iter().map(|node| node.as_ref()).collect::<Vec<&str>>());
    if stale.is_empty() || fresh.is_empty() || !stale.is_disjoint(&fresh) {
        let pods: Vec<&str> = groups
            .iter()
            .filter(|group| is_old(group.verdict))
            .flat_map(|group| group.pods.iter().map(|pod| pod.as_ref()))
            .collect();
        let verb = if pods.len() == 1 { "runs" } else { "run" };
        return format!("{} {verb} {word} bits than the others", few(&pods));
    }
    let verb = if stale.len() == 1 { "runs" } else { "run" };
    format!("{} {verb} {word} bits than {}", list(&stale), list(&fresh))
}

/// At most three names, then a count.
pub(super) fn few(names: &[&str]) -> String {
    match names {
        [a, b, c, _, ..] => format!("{a}, {b}, {c} and {} more", names.len() - 3),
        few => few.join(", "),
    }
}
