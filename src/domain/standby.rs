//! Workloads without pods: scaled to nothing, between two runs, not started yet.
//!
//! Nothing runs, so nothing is old; but a node that holds the tag with other content than it serves now starts that
//! content the next time. So each node's inventory is judged as if a pod had just started there: pods are supposed, the
//! ladder climbs as for any other, and what it finds becomes the rows of the workload.

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnosis::{ContainerName, Diagnosis, Item, PodCounts, Verdict, WorkloadName};
use super::reference::Reference;
use super::running::Running;
use super::verdict::is_named;
use super::workload::{
    Asked, Container, Listed, NodeStore, Phase, Pod, PullPolicy, RestartPolicy, Role, Snapshot, State, WorkloadState,
};

/// Whether a node's inventory could tell anything: some start of the workload asks no registry.
#[must_use]
pub fn depends_on_nodes(state: &WorkloadState) -> bool {
    state.existing == 0 && state.template.iter().any(starts_from_node)
}

fn starts_from_node(asked: &Asked) -> bool {
    asked.pull_policy != PullPolicy::Always
        && matches!(asked.role, Role::Container | Role::Init | Role::Sidecar)
        && asked.image.parse::<Reference>().is_ok_and(|reference| reference.digest().is_none())
}

/// The pods that would run if each node started one now from what it holds. Nodes that hold none of the images are left
/// out: they would pull what the tag serves.
#[must_use]
pub fn supposed(idle: &[&Listed], stores: &HashMap<Arc<str>, Result<NodeStore, String>>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for listed in idle {
        let uid = &listed.owner.itself.uid;
        snapshot.owners.insert(Arc::clone(uid), super::workload::Owner { controller: None, ..listed.owner.clone() });
        snapshot.listed.insert(Arc::clone(uid), (*listed).clone());
        for (node, store) in stores {
            let Ok(store) = store else { continue };
            let held = listed.state.template.iter().filter(|asked| starts_from_node(asked));
            let containers: Vec<Container> = held.filter_map(|asked| container(asked, store)).collect();
            if !containers.is_empty() {
                snapshot.pods.push(pod(listed, node, containers));
            }
        }
    }
    snapshot
}

/// The container that would be started from what the node holds; `None` if it holds no such tag, or holds it without
/// any digest that could be compared.
fn container(asked: &Asked, store: &NodeStore) -> Option<Container> {
    let reference: Reference = asked.image.parse().ok()?;
    let tag = reference.resolved_tag()?;
    let names =
        store.images.iter().find(|names| names.iter().any(|name| is_named(name, reference.repository(), &tag)))?;
    let digests = || names.iter().filter(|name| matches!(Running::parse(name), Running::Manifest { .. }));
    let own = |name: &&String| matches!(Running::parse(name), Running::Manifest { repository: Some(own), .. } if own == *reference.repository());
    let image_id = digests().find(own).or_else(|| digests().next())?;
    Some(Container {
        name: Arc::clone(&asked.name),
        role: asked.role,
        image: Arc::clone(&asked.image),
        pull_policy: asked.pull_policy,
        state: State::Running { since: None },
        ran_before: false,
        restarts: 0,
        image_id: image_id.as_str().into(),
        shown_image: "".into(),
    })
}

fn pod(listed: &Listed, node: &Arc<str>, containers: Vec<Container>) -> Pod {
    Pod {
        namespace: Arc::clone(&listed.namespace),
        name: Arc::clone(node),
        uid: format!("{}@{node}", listed.owner.itself.uid).into(),
        created: None,
        opt_out: "".into(),
        deleting: false,
        phase: Phase::Running,
        reason: "".into(),
        ready: true,
        revision: "".into(),
        resource_version: "".into(),
        unschedulable: None,
        restart_policy: RestartPolicy::Always,
        node: Some(Arc::clone(node)),
        controller: Some(listed.owner.itself.clone()),
        mirror: false,
        access: Arc::new(listed.state.access.clone()),
        managers: Vec::new(),
        injectors: Vec::new(),
        containers,
    }
}

/// The rows of a workload without pods. `supposed` is the diagnosis of what the nodes would start.
#[must_use]
pub fn rows(listed: &Listed, supposed: &Diagnosis) -> Vec<Item> {
    let state = &listed.state;
    let owner = &listed.owner.itself;
    let workload = owner.workload();
    let refused;
    let (verdict, why) = match (state, &*owner.kind) {
        // It says that it has pods: what could not be read stands between them and it.
        (WorkloadState { existing: 1.., .. }, _) => {
            (Verdict::Unknown, "it has pods, but which ones they are could not be read")
        }
        (WorkloadState { finished: true, .. }, _) => (Verdict::Ended, "it has ended, and its pods are gone"),
        (WorkloadState { refused: Some(why), desired: 1.., .. }, _) => {
            refused = format!("no pod can be created: {why}");
            (Verdict::Stuck, refused.as_str())
        }
        (_, "CronJob") => (Verdict::Waiting, "no pod is left of its last run"),
        (WorkloadState { desired: 0, .. }, _) => (Verdict::Waiting, "no pod runs (0 desired)"),
        _ => (Verdict::Waiting, "no pod runs yet"),
    };
    let row = |asked: &Asked| {
        let container = ContainerName { name: Arc::clone(&asked.name), role: asked.role };
        let bare = Item {
            namespace: Arc::clone(&listed.namespace),
            workload: workload.clone(),
            container: container.clone(),
            image: Arc::clone(&asked.image),
            judged_as: None,
            verdict,
            reason: why.to_owned(),
            served_digest: None,
            served: None,
            findings: Vec::new(),
            next_start_fails: None,
            remedies: Vec::new(),
            managers: listed.owner.managers.clone(),
            injected_by: None,
            template_in: None,
            running: Vec::new(),
            pods: PodCounts::default(),
            idle: true,
        };
        let found = supposed.items.iter().find(|item| {
            item.namespace == listed.namespace && item.workload == workload && item.container == container
        });
        match found.filter(|_| verdict == Verdict::Waiting) {
            Some(found) => as_started(bare, found, why),
            None => bare,
        }
    };
    state.template.iter().map(row).collect()
}

/// The row of a workload of which a node would start old content. What the other nodes hold is no concern of anybody
/// who has not scheduled it there.
fn as_started(bare: Item, found: &Item, why: &str) -> Item {
    let old = |verdict| matches!(verdict, Verdict::Stale | Verdict::Suspect);
    let groups: Vec<_> = found.running.iter().filter(|group| old(group.verdict)).cloned().collect();
    let Some(worst) = groups.iter().map(|group| group.verdict).max() else { return bare };
    let mut nodes: Vec<&str> = groups.iter().flat_map(|group| &group.nodes).map(|node| &**node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let certainty = if worst == Verdict::Stale { "" } else { "most likely " };
    Item {
        verdict: worst,
        reason: format!("{why}; {} would start {certainty}old bits", super::report::few(&nodes)),
        served_digest: found.served_digest.clone(),
        served: found.served.clone(),
        findings: found.findings.clone(),
        next_start_fails: found.next_start_fails.clone(),
        remedies: found.remedies.clone(),
        running: groups
            .into_iter()
            .map(|group| super::diagnosis::Group { pods: Vec::new(), since: None, ..group })
            .collect(),
        ..bare
    }
}

impl Diagnosis {
    /// Adds the rows of a workload without pods.
    pub fn add_idle(&mut self, items: Vec<Item>) {
        if let Some(worst) = items.iter().map(|item| item.verdict).max() {
            self.summary.workloads += 1;
            *self.summary.by_verdict.entry(worst).or_insert(0) += 1;
            self.items.extend(items);
        }
    }

    /// By namespace and workload; the containers of a workload stay in their order.
    pub fn sort(&mut self) {
        let key = |item: &Item| {
            let WorkloadName { api_version, kind, name } = item.workload.clone();
            (Arc::clone(&item.namespace), kind, name, api_version)
        };
        self.items.sort_by_cached_key(key);
    }
}
