//! The one look at a cluster and its registries that every command starts from.
//!
//! Everything that can overlap does: nodes and owners are read beside the pods, and tags are asked for
//! as soon as the first page of pods names them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::asking::Asking;
use crate::cluster::{Cluster, ConnectOptions, Expect, PullSecret, Resource, Scope, Selection, Target};
use crate::domain::diagnosis::Diagnosis;
use crate::domain::exclusion::{Exclusions, LeftOut};
use crate::domain::inquiry::{self, Inquiry};
use crate::domain::inventory::{Question, Workload};
use crate::domain::local_registry::LocalRegistry;
use crate::domain::workload::{Access, Container, Listed, Owner, OwnerReference, Pod, Snapshot, WorkloadState};
use crate::domain::{Platform, rollout, standby};
use crate::error::AppError;
use crate::registry::{InCluster, Registries, RegistryOptions, SecretDocument};
use crate::settings::{CommonSettings, Environment, RequestTimeout};
use crate::text::excerpt;
use crate::ui::{Printer, progress};

/// What is to be looked at.
pub(super) struct Request<'a> {
    pub(super) common: &'a CommonSettings,
    pub(super) environment: &'a Environment,
    /// `TYPE/NAME` or `TYPE,TYPE`, as the cluster's edge resolves them; empty for every pod.
    pub(super) words: Vec<String>,
    pub(super) all_namespaces: bool,
    pub(super) labels: Option<String>,
    pub(super) fields: Option<String>,
    /// What is left out; `None` leaves out nothing, whatever annotations say.
    pub(super) exclusions: Option<&'a Exclusions>,
    /// Dates, revisions and contents of everything, not only where a verdict needs them.
    pub(super) thorough: bool,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) diagnosis: Diagnosis,
    /// What it rests on.
    pub(super) snapshot: Snapshot,
    /// The cluster that was asked.
    pub(super) cluster: Cluster,
    /// The registries that were asked, with their answers.
    pub(super) registries: Registries,
    /// The namespace that was looked at; `None` for all.
    pub(super) namespace: Option<String>,
    /// The namespace that a command without `-n` and with the same context would look at.
    pub(super) default_namespace: String,
    pub(super) now: Timestamp,
}

pub(super) async fn look(request: &Request<'_>, printer: &Printer) -> Result<Seen, AppError> {
    let cluster = Cluster::connect(&connect_options(request.common, request.environment)).await?;
    // Not before: a credential plugin may ask something on the same terminal.
    let progress = printer.progress();
    let registries = registries(&cluster, request.common, request.environment)?;
    let namespace = cluster.default_namespace().to_owned();
    let scope = if request.all_namespaces { Scope::AllNamespaces } else { Scope::Namespace(namespace.as_str().into()) };
    let targets = targets(&cluster, request, &scope).await?;
    if targets.is_empty() && !request.words.is_empty() {
        // A selector that no object of the type matches; no target at all would mean every pod.
        let diagnosis = Diagnosis { problems: cluster.problems(), ..Diagnosis::default() };
        return Ok(seen(request, diagnosis, Snapshot::default(), (cluster, registries), Timestamp::now()));
    }
    let (targets, named) = read_named(&cluster, request, targets).await;
    let mut asking = Asking::new(cluster.clone(), registries.clone());
    let mut snapshot = read(&cluster, &mut asking, request, &scope, &targets, |pods| {
        progress.set(progress::line(pods, 0, 0));
    })
    .await?;
    if !targets.is_empty() {
        let owners = std::mem::take(&mut snapshot.owners);
        snapshot.pods.retain(|pod| {
            let ownership = inquiry::ownership(pod, &owners);
            targets.iter().any(|target| is_meant(target, pod, &ownership, &owners))
        });
        snapshot.owners = owners;
        all_found(&targets, &snapshot)?;
        name_as_asked(&targets, &mut snapshot);
        snapshot.listed.extend(named);
    }
    let started = Timestamp::now();
    let mut left_out = leave_out(request, &targets, &mut snapshot);
    let mut inquiry = Inquiry::new(&snapshot, request.thorough, started);
    let pods = snapshot.pods.len();
    let told = |answered, asked| progress.set(progress::line(pods, answered, asked));
    asking.settle(&mut inquiry, told).await;
    let now = Timestamp::now();
    let mut diagnosis = inquiry.report(now, cluster.problems(), asking.known());
    // Where pods were picked by a field, a workload without any among them may well have others.
    if request.fields.is_none() {
        let idle = idle(&cluster, request, &scope, &targets, &snapshot).await;
        let supposed = what_nodes_would_start(&mut asking, &snapshot, &idle, request.thorough, now).await;
        for listed in &idle {
            let mut rows = standby::rows(listed, &supposed);
            if let Some(exclusions) = request.exclusions {
                let named = targets
                    .iter()
                    .any(|target| is_named(request, target) && target.uid() == Some(&listed.owner.itself.uid));
                exclusions.take_out_rows(&mut rows, &listed.owner.opt_out, named, &mut left_out);
            }
            diagnosis.add_idle(rows);
        }
        diagnosis.sort();
    }
    if diagnosis.items.is_empty() && !request.all_namespaces && cluster.lacks_namespace(&namespace).await {
        return Err(AppError::failed(format!("namespace `{}` not found", excerpt(&namespace, 100))));
    }
    diagnosis.summary.left_out = left_out;
    diagnosis.problems = cluster.problems();
    Ok(seen(request, diagnosis, snapshot, (cluster, registries), now))
}

fn seen(
    request: &Request<'_>,
    diagnosis: Diagnosis,
    snapshot: Snapshot,
    (cluster, registries): (Cluster, Registries),
    now: Timestamp,
) -> Seen {
    let namespace = cluster.default_namespace().to_owned();
    Seen {
        diagnosis,
        snapshot,
        cluster,
        registries,
        namespace: (!request.all_namespaces).then(|| namespace.clone()),
        default_namespace: namespace,
        now,
    }
}

/// The registries as they are now: answers are kept for as long as this lives.
pub(super) fn registries(
    cluster: &Cluster,
    common: &CommonSettings,
    environment: &Environment,
) -> Result<Registries, AppError> {
    Ok(Registries::new(registry_options(common, environment)?, Arc::new(Surroundings(cluster.clone()))))
}

async fn targets(cluster: &Cluster, request: &Request<'_>, scope: &Scope) -> Result<Vec<Target>, AppError> {
    let targets = cluster.resolve(&request.words, scope).await?;
    let Some(labels) = &request.labels else { return Ok(targets) };
    // With a type, a selector picks objects of that type; pods are selected while they are listed.
    let mut selected = Vec::new();
    for target in targets {
        if target.is_pod() || target.name.is_some() {
            selected.push(target);
        } else {
            selected.extend(cluster.list_targets(&target.resource, Some(labels), scope).await?);
        }
    }
    Ok(selected)
}

/// Reads pods, nodes and owners, each as soon as it can be.
async fn read(
    cluster: &Cluster,
    asking: &mut Asking,
    request: &Request<'_>,
    scope: &Scope,
    targets: &[Target],
    progress: impl Fn(usize),
) -> Result<Snapshot, AppError> {
    let named_pods: Vec<Arc<str>> =
        targets.iter().filter(|target| target.is_pod()).filter_map(|target| target.name.clone()).collect();
    let only_named_pods = !targets.is_empty() && named_pods.len() == targets.len();
    let pods_alone = targets.iter().all(Target::is_pod);
    let selection = Selection {
        scope: scope.clone(),
        labels: request.labels.clone().filter(|_| pods_alone),
        fields: request.fields.clone(),
        names: if only_named_pods { named_pods } else { Vec::new() },
    };
    let expect = if only_named_pods { Expect::Few } else { Expect::Many };
    let mut owners = cluster.owners(scope, expect, &survey(request, targets));
    // Pods whose owners are not known yet, by their place: these may opt out.
    let mut waiting: Vec<usize> = Vec::new();
    let nodes = (!only_named_pods).then(|| {
        let cluster = cluster.clone();
        tokio::spawn(async move { cluster.nodes().await })
    });
    let mut pods = cluster.pods(&selection);
    let mut snapshot = Snapshot::default();
    while let Some(page) = pods.next().await {
        let page = page?;
        owners.see(&page);
        waiting.extend(snapshot.pods.len()..snapshot.pods.len() + page.len());
        snapshot.pods.extend(page);
        // Where only some of the pods are meant, the others' tags are nobody's business.
        if pods_alone {
            let known = owners.so_far();
            waiting.retain(|place| !ask_early(&snapshot.pods[*place], &known, request.exclusions, asking));
        }
        progress(snapshot.pods.len());
    }
    let owners = owners.finish().await;
    (snapshot.owners, snapshot.listed) = (owners.owners, owners.listed);
    snapshot.nodes = match nodes {
        Some(nodes) => nodes.await.unwrap_or_default(),
        None => nodes_of(cluster, &snapshot.pods).await,
    };
    Ok(snapshot)
}

/// The kinds of which every workload is meant, with or without pods.
fn survey(request: &Request<'_>, targets: &[Target]) -> Vec<Arc<Resource>> {
    if request.fields.is_some() || request.labels.is_some() {
        return Vec::new();
    }
    if request.words.is_empty() {
        return Resource::with_template();
    }
    let whole = targets.iter().filter(|target| target.name.is_none() && !target.is_pod());
    whole.map(|target| Arc::clone(&target.resource)).collect()
}

/// Asks for a pod's tags if it is known who owns it, and whether they are left out.
fn ask_early(
    pod: &Pod,
    owners: &HashMap<Arc<str>, Owner>,
    exclusions: Option<&Exclusions>,
    asking: &mut Asking,
) -> bool {
    let ownership = inquiry::ownership(pod, owners);
    if ownership.chain.last().is_some_and(|top| !owners.contains_key(&top.uid)) {
        return false;
    }
    let left_out = |container: &Container| {
        exclusions.is_some_and(|some| some.leaves_out(pod, &ownership, &container.name, &container.image))
    };
    for question in inquiry::first_questions(pod, left_out) {
        asking.ask(question);
    }
    true
}

/// Takes out what is left out.
fn leave_out(request: &Request<'_>, targets: &[Target], snapshot: &mut Snapshot) -> LeftOut {
    let Some(exclusions) = request.exclusions else { return LeftOut::default() };
    let owners = std::mem::take(&mut snapshot.owners);
    let named = |pod: &Pod, ownership: &inquiry::Ownership| {
        targets.iter().any(|target| is_named(request, target) && is_meant(target, pod, ownership, &owners))
    };
    let left_out = exclusions.take_out(&mut snapshot.pods, &owners, named);
    snapshot.owners = owners;
    left_out
}

/// Whether the command line has its name; a selector finds names too.
fn is_named(request: &Request<'_>, target: &Target) -> bool {
    request.labels.is_none() && target.name.is_some()
}

/// The platforms of these pods' nodes.
pub(super) async fn nodes_of(cluster: &Cluster, pods: &[Pod]) -> HashMap<Arc<str>, Platform> {
    let mut names: Vec<Arc<str>> = pods.iter().filter_map(|pod| pod.node.clone()).collect();
    names.sort();
    names.dedup();
    cluster.nodes_named(&names).await
}

/// What was named has to be there. An object that was read is; one that may not be read has to be named by a
/// pod at least, and a pod has to be among those that were listed.
fn all_found(targets: &[Target], snapshot: &Snapshot) -> Result<(), AppError> {
    for target in targets {
        let Some(name) = target.name.as_ref().filter(|_| target.owner.is_none()) else { continue };
        if snapshot
            .pods
            .iter()
            .any(|pod| is_meant(target, pod, &inquiry::ownership(pod, &snapshot.owners), &snapshot.owners))
        {
            continue;
        }
        let missing = || AppError::failed(format!("{} \"{name}\" not found", target.resource.full_name()));
        return Err(target.refused.clone().unwrap_or_else(missing));
    }
    Ok(())
}

/// Reads the workloads that were named in full: their templates tell a rollout of which no new pod is there yet. A
/// Deployment without pods that only holds the template of Rollouts means these.
async fn read_named(
    cluster: &Cluster,
    request: &Request<'_>,
    targets: Vec<Target>,
) -> (Vec<Target>, Vec<(Arc<str>, Listed)>) {
    if request.labels.is_some() {
        return (targets, Vec::new());
    }
    let read = targets.into_iter().map(|target| async move {
        let Some(owner) = target.owner.clone() else { return (vec![target], None) };
        let workload = Workload { namespace: Arc::clone(&target.namespace), reference: owner.itself.clone() };
        let Ok(state) = cluster.workload_and_events(&workload).await else { return (vec![target], None) };
        let listed = Listed { namespace: workload.namespace, owner, state };
        let rollouts = if holds_a_template(&listed) {
            cluster.rollouts_of(&listed.namespace, &listed.owner.itself.workload()).await
        } else {
            Vec::new()
        };
        if rollouts.is_empty() {
            return (vec![target], Some((Arc::clone(&listed.owner.itself.uid), listed)));
        }
        let means = rollouts.into_iter().map(|(resource, rollout)| Target {
            resource,
            namespace: rollout.namespace,
            name: Some(Arc::clone(&rollout.owner.itself.name)),
            owner: Some(rollout.owner),
            refused: None,
        });
        (means.collect(), None)
    });
    let (targets, listed): (Vec<_>, Vec<_>) = futures::future::join_all(read).await.into_iter().unzip();
    let mut targets: Vec<Target> = targets.into_iter().flatten().collect();
    let mut seen = HashSet::new();
    targets.retain(|target| target.uid().is_none_or(|uid| seen.insert(Arc::clone(uid))));
    (targets, listed.into_iter().flatten().collect())
}

/// Whether it may be one that a Rollout takes its template from: scaled to nothing.
fn holds_a_template(listed: &Listed) -> bool {
    let WorkloadState { desired, existing, .. } = listed.state;
    let itself = &listed.owner.itself;
    &*itself.kind == "Deployment" && itself.api_version.starts_with("apps/") && desired == 0 && existing == 0
}

/// Deployments that only hold the template of a Rollout with pods are no workloads of their own.
async fn leave_out_templates(cluster: &Cluster, rollouts: &HashSet<Arc<str>>, idle: Vec<Listed>) -> Vec<Listed> {
    let mut kept = Vec::new();
    for listed in idle {
        let is_template = rollouts.contains(&listed.namespace)
            && holds_a_template(&listed)
            && !cluster.rollouts_of(&listed.namespace, &listed.owner.itself.workload()).await.is_empty();
        if !is_template {
            kept.push(listed);
        }
    }
    kept
}

/// Those above a pod that a target of the command line names, or that are of the type that it names.
fn meant<'a>(target: &'a Target, ownership: &'a inquiry::Ownership) -> impl Iterator<Item = &'a OwnerReference> {
    ownership.chain.iter().filter(|owner| match target.uid() {
        Some(uid) => owner.uid == *uid,
        None => {
            let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
            *owner.kind == *target.resource.kind
                && *group == *target.resource.group
                && target.name.as_ref().is_none_or(|name| *name == owner.name)
        }
    })
}

/// Whether a target of the command line means this pod: itself, something above it, or, where a whole type is asked
/// for, something that may stand above it and cannot be read.
fn is_meant(target: &Target, pod: &Pod, ownership: &inquiry::Ownership, owners: &HashMap<Arc<str>, Owner>) -> bool {
    if target.is_pod() {
        return target.name.as_ref().is_none_or(|name| *name == pod.name);
    }
    let named = meant(target, ownership).next().is_some();
    // These seldom stand for themselves. To leave such pods out would look like there were none.
    let may_go_on = |top: &OwnerReference| matches!(&*top.kind, "ReplicaSet" | "Job") && !owners.contains_key(&top.uid);
    named || (target.name.is_none() && ownership.chain.last().is_some_and(may_go_on))
}

/// Whoever asks for a Deployment below an operator's custom resource gets it under its own name, and may change it: it
/// has the template, and the operator is one of those who put it back.
fn name_as_asked(targets: &[Target], snapshot: &mut Snapshot) {
    let mut asked: HashSet<Arc<str>> = HashSet::new();
    for ownership in snapshot.pods.iter().map(|pod| inquiry::ownership(pod, &snapshot.owners)) {
        for target in targets {
            asked.extend(meant(target, &ownership).map(|owner| Arc::clone(&owner.uid)));
        }
    }
    for uid in asked {
        if let Some(owner) = snapshot.owners.get_mut(&uid)
            && let Some(operator) = owner.operator()
        {
            owner.managers.push(operator);
            owner.controller = None;
        }
    }
}

/// The workloads without pods that are meant, each once: those that were named, and all of the kinds that were surveyed.
async fn idle(
    cluster: &Cluster,
    request: &Request<'_>,
    scope: &Scope,
    targets: &[Target],
    snapshot: &Snapshot,
) -> Vec<Listed> {
    let ownerships: Vec<_> = snapshot.pods.iter().map(|pod| inquiry::ownership(pod, &snapshot.owners)).collect();
    let is_rollout =
        |above: &&OwnerReference| &*above.kind == "Rollout" && above.api_version.starts_with("argoproj.io/");
    let rollouts = snapshot.pods.iter().zip(&ownerships);
    let rollouts: HashSet<Arc<str>> = rollouts
        .filter(|(_, ownership)| ownership.chain.last().as_ref().is_some_and(is_rollout))
        .map(|(pod, _)| Arc::clone(&pod.namespace))
        .collect();
    let mut busy: HashSet<Arc<str>> =
        ownerships.into_iter().flat_map(|ownership| ownership.chain).map(|above| above.uid).collect();
    let mut idle = Vec::new();
    for target in targets {
        let Some(owner) = &target.owner else { continue };
        if !busy.insert(Arc::clone(&owner.itself.uid)) {
            continue;
        }
        if let Some(listed) = snapshot.listed.get(&owner.itself.uid) {
            idle.push(listed.clone());
            continue;
        }
        let workload = Workload { namespace: Arc::clone(&target.namespace), reference: owner.itself.clone() };
        if let Ok(state) = cluster.workload(&workload).await {
            idle.push(Listed { namespace: workload.namespace, owner: owner.clone(), state });
        }
    }
    let selected = match &request.labels {
        Some(labels) if targets.is_empty() => cluster.workloads(&Resource::with_template(), scope, labels).await,
        _ => snapshot.listed.values().cloned().collect(),
    };
    // What says that it has pods has some that were not selected, or could not be followed to it.
    let surveyed = |listed: &Listed| listed.state.existing == 0 && listed.stands_for_itself();
    idle.extend(
        selected.into_iter().filter(|listed| surveyed(listed) && busy.insert(Arc::clone(&listed.owner.itself.uid))),
    );
    let mut idle = leave_out_templates(cluster, &rollouts, idle).await;
    for listed in &mut idle {
        let WorkloadState { desired, existing, finished, .. } = listed.state;
        let told = rollout::events_tell_refusals(&listed.owner.itself.kind, &listed.state);
        if told && existing == 0 && desired > 0 && !finished {
            let workload =
                Workload { namespace: Arc::clone(&listed.namespace), reference: listed.owner.itself.clone() };
            listed.state.refused = cluster.refused(&workload).await.map(|refused| refused.why);
        }
    }
    idle
}

/// More nodes than this are not asked for what they hold.
const MOST_NODES: usize = 100;

/// What the nodes would start for workloads without pods, from what they hold.
async fn what_nodes_would_start(
    asking: &mut Asking,
    snapshot: &Snapshot,
    idle: &[Listed],
    thorough: bool,
    now: Timestamp,
) -> Diagnosis {
    let idle: Vec<&Listed> = idle.iter().filter(|listed| standby::depends_on_nodes(&listed.state)).collect();
    if idle.is_empty() {
        return Diagnosis::default();
    }
    let mut nodes: Vec<Arc<str>> = snapshot.nodes.keys().cloned().collect();
    nodes.sort();
    nodes.truncate(MOST_NODES);
    let answers = asking.answers(nodes.into_iter().map(Question::NodeStore)).await;
    let mut supposed = standby::supposed(&idle, &answers.node_stores);
    supposed.nodes.clone_from(&snapshot.nodes);
    let mut inquiry = Inquiry::new(&supposed, thorough, now);
    asking.settle(&mut inquiry, |_, _| {}).await;
    inquiry.report(now, Vec::new(), asking.known())
}

pub(super) fn connect_options(common: &CommonSettings, environment: &Environment) -> ConnectOptions {
    let connection = &common.connection;
    let secret = |secret: &Option<crate::settings::Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let path = |text: &Option<String>| text.as_ref().map(Into::into);
    ConnectOptions {
        kubeconfig: path(&connection.kubeconfig),
        context: connection.context.clone(),
        cluster: connection.cluster.clone(),
        user: connection.user.clone(),
        server: connection.server.clone(),
        token: secret(&connection.token),
        namespace: connection.namespace.clone(),
        impersonate_user: connection.impersonate.clone(),
        impersonate_groups: connection.impersonate_groups.clone(),
        impersonate_uid: connection.impersonate_uid.clone(),
        insecure_skip_tls_verify: connection.insecure_skip_tls_verify,
        certificate_authority: path(&connection.certificate_authority),
        client_certificate: path(&connection.client_certificate),
        client_key: path(&connection.client_key),
        tls_server_name: connection.tls_server_name.clone(),
        request_timeout: match connection.request_timeout {
            Some(RequestTimeout::After(time)) => Some(time),
            Some(RequestTimeout::Never) | None => None,
        },
        environment: crate::cluster::Environment {
            kubeconfig: environment.kubeconfig.clone(),
            home: environment.home.clone(),
            https_proxy: secret(&environment.https_proxy),
            http_proxy: secret(&environment.http_proxy),
            no_proxy: environment.no_proxy.clone(),
            service_host: environment.service_host.clone(),
            service_port: environment.service_port.clone(),
            pod_namespace: environment.pod_namespace.clone(),
            service_account: None,
        },
    }
}

/// A day: `--request-timeout 0` means "as long as it takes", and a deadline has to be some number.
const NEVER: Duration = Duration::from_secs(86_400);

pub(super) fn registry_options(
    common: &CommonSettings,
    environment: &Environment,
) -> Result<RegistryOptions, AppError> {
    let mut options = RegistryOptions {
        environment: crate::registry::Environment {
            docker_config: environment.docker_config.clone(),
            registry_auth_file: environment.registry_auth_file.clone(),
            xdg_runtime_dir: environment.xdg_runtime_dir.clone(),
            xdg_config_home: environment.xdg_config_home.clone(),
            home: environment.home.clone(),
            path: environment.path.clone(),
            certificate_dirs: crate::registry::Environment::system_certificate_dirs(),
        },
        insecure_registries: common.registries.insecure.iter().cloned().collect(),
        mirrors: common.registries.mirrors().map(|(host, place)| (host.clone(), place.clone())).collect(),
        ..RegistryOptions::default()
    };
    match common.connection.request_timeout {
        Some(RequestTimeout::After(time)) => options.request_timeout = time,
        Some(RequestTimeout::Never) => options.request_timeout = NEVER,
        None => {}
    }
    Ok(options)
}

/// What the cluster knows, as the registries' edge wants it.
struct Surroundings(Cluster);

impl InCluster for Surroundings {
    fn pod_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        Box::pin(
            async move { self.0.pull_secrets_of_pod(access).await.iter().map(|secret| document(secret)).collect() },
        )
    }

    fn service_account_secrets<'a>(&'a self, access: &'a Access) -> BoxFuture<'a, Vec<SecretDocument>> {
        Box::pin(async move {
            self.0.pull_secrets_of_service_account(access).await.iter().map(|secret| document(secret)).collect()
        })
    }

    fn local_registry(&self) -> BoxFuture<'_, Option<Arc<LocalRegistry>>> {
        Box::pin(self.0.local_registry())
    }

    fn local_registry_if_known(&self) -> Option<Arc<LocalRegistry>> {
        self.0.local_registry_if_read()
    }
}

fn document(secret: &PullSecret) -> SecretDocument {
    match secret.kind.as_str() {
        "kubernetes.io/dockercfg" => SecretDocument::DockerCfg(secret.document.clone()),
        _ => SecretDocument::DockerConfigJson(secret.document.clone()),
    }
}
