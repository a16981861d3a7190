//! From pods and owners to subjects, and from subjects to questions: what is asked, round by round.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::diagnosis::WorkloadName;
use super::inventory::{Answers, Question, Tag, Workload};
use super::reference::Reference;
use super::verdict::{self, Ground, Judgement, Step, Subject};
use super::workload::{Access, Container, Manager, Owner, OwnerReference, Phase, Pod, Role, Snapshot, State};

/// Chains of owners are short; a longer one is a cycle.
const LONGEST_CHAIN: usize = 16;

/// Who owns a pod.
#[derive(Debug, Clone)]
pub struct Ownership {
    /// The controllers above the pod, nearest first. The last one may not have been readable.
    pub chain: Vec<OwnerReference>,
    /// The last of the chain, or the pod itself.
    pub workload: WorkloadName,
    /// Tools that manage the workload's definition from outside.
    pub managers: Vec<Manager>,
    /// What the pod's annotation says of leaving it out, and that of its controllers.
    pub opt_outs: Vec<Arc<str>>,
    /// Controllers with a template of their own, nearest first.
    pub(super) controllers: Vec<Workload>,
}

/// Follows the owner references of a pod up to the top, by UID and never by labels.
#[must_use]
pub fn ownership(pod: &Pod, owners: &HashMap<Arc<str>, Owner>) -> Ownership {
    let mut chain: Vec<OwnerReference> = Vec::new();
    let mut managers = pod.managers.clone();
    // A static pod is controlled by its node, which is no workload: the pod stands for itself.
    let mut next = if pod.mirror { None } else { pod.controller.clone() };
    while let Some(reference) = next {
        if chain.len() == LONGEST_CHAIN {
            break;
        }
        let owner = owners.get(&reference.uid);
        if let Some(owner) = owner
            && !owner.managers.is_empty()
        {
            managers.clone_from(&owner.managers);
        }
        next = owner.and_then(|owner| owner.controller.clone());
        chain.push(reference);
    }
    let workload = chain.last().map_or_else(|| WorkloadName::pod(&pod.name), OwnerReference::workload);
    // A ReplicaSet or Job below something else only carries a copy of that one's template.
    let last = chain.len().saturating_sub(1);
    let controllers: Vec<Workload> = chain
        .iter()
        .enumerate()
        .filter(|(place, reference)| *place == last || !matches!(reference.kind.as_ref(), "ReplicaSet" | "Job"))
        .map(|(_, reference)| Workload { namespace: Arc::clone(&pod.namespace), reference: reference.clone() })
        .collect();
    let annotated = controllers.iter().filter_map(|controller| owners.get(&controller.reference.uid));
    let opt_outs = std::iter::once(&pod.opt_out).chain(annotated.map(|owner| &owner.opt_out));
    let opt_outs = opt_outs.filter(|text| !text.is_empty()).cloned().collect();
    Ownership { chain, workload, managers, opt_outs, controllers }
}

impl Ownership {
    /// Workloads below the top that have a template of their own, nearest to the top first.
    pub fn below_the_top(&self) -> impl Iterator<Item = WorkloadName> + '_ {
        let top = self.chain.last().map(|top| &top.uid);
        let below = self.controllers.iter().filter(move |workload| Some(&workload.reference.uid) != top).rev();
        below.map(|workload| WorkloadName::of(&workload.reference))
    }
}

/// The tags that a pod's containers make it worth asking for, before anything else is known. This lets
/// registries answer while the cluster is still being read.
pub fn first_questions<'a>(
    pod: &'a Pod,
    left_out: impl Fn(&Container) -> bool + 'a,
) -> impl Iterator<Item = Question> + 'a {
    let undecided = !pod.deleting;
    pod.containers.iter().filter(move |_| undecided).filter_map(move |container| {
        if !container.may_run() || left_out(container) {
            return None;
        }
        let reference: Reference = container.image.parse().ok()?;
        if reference.digest().is_some() && reference.tag().is_none() {
            return None;
        }
        let tag = reference.resolved_tag()?;
        Some(Question::Served(Tag { repository: reference.repository().clone(), tag, access: Arc::clone(&pod.access) }))
    })
}

/// A diagnosis in the making: which containers are decided, and what the others wait for.
#[derive(Debug)]
pub struct Inquiry<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) ownerships: Vec<Ownership>,
    /// By pod and container.
    pub(super) judgements: Vec<Vec<Option<Arc<Judgement>>>>,
    references_differ: HashSet<ContainerKey>,
    last_runs: HashSet<Arc<str>>,
    thorough: bool,
    now: Timestamp,
    /// The judgements that rest on an equal digest alone, by what they rest on. In a large cluster nearly all
    /// do, and replicas share them.
    equal: HashMap<EqualKey, Arc<Judgement>>,
}

/// Reference, `imageID`, and whose credentials the tag was asked for with.
type EqualKey = (Arc<str>, Arc<str>, Arc<Access>);

/// One container of one workload.
pub(super) type ContainerKey = (Arc<str>, WorkloadName, Role, Arc<str>);

pub(super) fn container_key(pod: &Pod, workload: &WorkloadName, container: &Container) -> ContainerKey {
    (Arc::clone(&pod.namespace), workload.clone(), container.role, Arc::clone(&container.name))
}

/// The pods of the last run of each CronJob of which nothing runs, by UID: the next run starts from the same template,
/// so that what the last one ran tells what it will start.
fn last_runs(pods: &[Pod], ownerships: &[Ownership]) -> HashSet<Arc<str>> {
    let mut runs: HashMap<(&Arc<str>, &WorkloadName), Vec<&Pod>> = HashMap::new();
    for (pod, ownership) in pods.iter().zip(ownerships) {
        let of_cron_job =
            &*ownership.workload.kind == "CronJob" && ownership.workload.api_version.starts_with("batch/");
        if of_cron_job {
            runs.entry((&pod.namespace, &ownership.workload)).or_default().push(pod);
        }
    }
    let mut last = HashSet::new();
    for pods in runs.into_values().filter(|pods| !pods.iter().any(|pod| is_live(pod))) {
        let newest = pods.iter().filter(|pod| !pod.deleting).max_by_key(|pod| pod.created);
        let run = newest.map(|pod| &pod.controller);
        last.extend(pods.iter().filter(|pod| Some(&pod.controller) == run).map(|pod| Arc::clone(&pod.uid)));
    }
    last
}

/// Pods that have ended or are going away say nothing of a workload that has others.
#[must_use]
pub fn is_live(pod: &Pod) -> bool {
    !pod.deleting && !matches!(pod.phase, Phase::Succeeded | Phase::Failed)
}

impl<'a> Inquiry<'a> {
    /// Starts over all pods of a snapshot. `thorough` asks for dates and contents everywhere.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, thorough: bool, now: Timestamp) -> Self {
        let ownerships: Vec<Ownership> = snapshot.pods.iter().map(|pod| ownership(pod, &snapshot.owners)).collect();
        let mut images: HashMap<ContainerKey, &Arc<str>> = HashMap::new();
        let mut references_differ = HashSet::new();
        for (pod, ownership) in snapshot.pods.iter().zip(&ownerships) {
            for container in &pod.containers {
                let key = container_key(pod, &ownership.workload, container);
                let wanted = ownership.controllers.iter().find_map(|controller| {
                    let state = &snapshot.listed.get(&controller.reference.uid)?.state;
                    state.asks_for(container.role, &container.name)
                });
                if wanted.is_some_and(|wanted| *wanted != container.image) {
                    references_differ.insert(key);
                    continue;
                }
                match images.get(&key) {
                    Some(image) if **image != container.image => {
                        references_differ.insert(key);
                    }
                    Some(_) => {}
                    None => {
                        images.insert(key, &container.image);
                    }
                }
            }
        }
        let judgements = snapshot.pods.iter().map(|pod| vec![None; pod.containers.len()]).collect();
        let last_runs = last_runs(&snapshot.pods, &ownerships);
        Self { snapshot, ownerships, judgements, references_differ, last_runs, thorough, now, equal: HashMap::new() }
    }

    /// Whether the pod is of the last run of something that runs again, with nothing running since.
    pub(super) fn is_last_run(&self, pod: &Pod) -> bool {
        self.last_runs.contains(&pod.uid)
    }

    /// Judges whatever the answers suffice for; returns what is to be asked next. Empty: all is decided.
    pub fn advance(&mut self, answers: &Answers) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        for ((pod, ownership), slots) in self.snapshot.pods.iter().zip(&self.ownerships).zip(&mut self.judgements) {
            let platform = pod.node.as_ref().and_then(|node| self.snapshot.nodes.get(node));
            for (container, slot) in pod.containers.iter().zip(slots.iter_mut()) {
                if slot.is_some() {
                    continue;
                }
                let differ = !self.references_differ.is_empty()
                    && self.references_differ.contains(&container_key(pod, &ownership.workload, container));
                let key = || (Arc::clone(&container.image), Arc::clone(&container.image_id), Arc::clone(&pod.access));
                // What else could decide: nothing runs, the pod goes, or a rollout changes the reference.
                let runs = matches!(container.state, State::Running { .. })
                    && !pod.deleting
                    && !matches!(pod.phase, Phase::Succeeded | Phase::Failed);
                let plain = runs && !differ && !self.thorough;
                if plain && let Some(judgement) = self.equal.get(&key()) {
                    *slot = Some(Arc::clone(judgement));
                    continue;
                }
                let subject = Subject {
                    pod,
                    container,
                    platform,
                    controllers: &ownership.controllers,
                    listed: &self.snapshot.listed,
                    references_differ: differ,
                    last_run: self.last_runs.contains(&pod.uid),
                    thorough: self.thorough,
                    now: self.now,
                };
                match verdict::judge(&subject, answers) {
                    Step::Decided(judgement) => {
                        let judgement: Arc<Judgement> = Arc::from(judgement);
                        if plain && judgement.ground == Ground::EqualDigest {
                            self.equal.insert(key(), Arc::clone(&judgement));
                        }
                        *slot = Some(judgement);
                    }
                    Step::Ask(more) => questions.extend(more),
                }
            }
        }
        questions
    }
}
