//! The scene of the fault table: two workloads of one stale image, somebody with no more rights than `bump` needs, and a
//! look at everything that a run may change.

use std::collections::BTreeMap;
use std::path::PathBuf;

use testbed::bed::workload::PodTemplate;
use testbed::bed::{Bed, Product, Ran};
use testbed::gateway::{Gateway, GatewayOptions};
use testbed::image::Index;
use testbed::simulated::Runtime;

use crate::support::BINARY;

/// The image's repository.
pub(crate) const REPOSITORY: &str = "shop/web";
/// The tag that every run of the table writes.
pub(crate) const NEW_TAG: &str = "1.1";
/// The annotation that says that we changed a workload.
pub(crate) const HISTORY: &str = "kubectl-freshimage/history";

/// Two deployments, `shop` and `web`, whose tag was pushed again.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) bed: Bed,
    pub(crate) registry: Gateway,
    /// Who runs the product.
    pub(crate) user: String,
    kubeconfig: PathBuf,
    /// What 1.0 serves, and the new tag is to hold.
    pub(crate) new: String,
    /// What the pods reported before anything was done.
    pub(crate) ran_before: String,
}

/// Everything that a run may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// Each tag of the repository with its digest.
    pub(crate) tags: BTreeMap<String, String>,
    /// Each workload; none if it is gone.
    pub(crate) workloads: BTreeMap<&'static str, Option<Workload>>,
}

/// What of a workload may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    /// The tag or digest behind the repository's name.
    pub(crate) image: String,
    /// Names of the template's containers.
    pub(crate) containers: Vec<String>,
    /// `spec.replicas`.
    pub(crate) replicas: u64,
    /// Our annotation.
    pub(crate) history: Option<String>,
}

/// The workloads' names.
pub(crate) const WORKLOADS: [&str; 2] = ["shop", "web"];

impl Scene {
    /// Sets the scene. Its nodes report what runs in a form that only the registry can tell to be the index's, so that
    /// the proof needs the registry too.
    pub(crate) async fn set(story: &str) -> Self {
        let bed = Bed::start(story).await;
        if let Some(cluster) = bed.simulated() {
            cluster.nodes().iter().for_each(|node| node.set_runtime(Runtime::CriOPlatform));
        }
        let registry = bed.gateway(GatewayOptions::new()).await;
        let index = |content: &str, created: &str| {
            let image = bed.image(content).created(created);
            Index::new([image.clone().platform("linux", "s390x", None), image]).named(content)
        };
        bed.push(&registry, REPOSITORY, "0.9", index("older", "2026-11-10T10:00:00Z")).await;
        bed.push(&registry, REPOSITORY, "1.0", index("old", "2026-11-17T10:00:00Z")).await;
        for name in WORKLOADS {
            bed.create(&PodTemplate::new("app", &registry.image(REPOSITORY, "1.0")).deployment(name, 1)).await;
        }
        let mut ran_before = String::new();
        for name in WORKLOADS {
            let pods = bed.wait_rolled_out("deployment", name).await;
            ran_before = pods[0]["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default().to_owned();
        }
        let new = bed.push(&registry, REPOSITORY, "1.0", index("new", "2026-11-20T10:00:00Z")).await;
        let user = bed.account("somebody").await;
        bed.allow_in(&user, "apps", &["get", "list"], &["deployments", "replicasets"]).await;
        bed.allow_in(&user, "apps", &["patch"], &["deployments"]).await;
        bed.allow(&user, &["get", "list"], &["pods"]).await;
        bed.cluster_allow(&user, "", &["get", "list"], &["nodes"]).await;
        let kubeconfig = bed.kubeconfig_for(&user);
        Self { bed, registry, user, kubeconfig, new, ran_before }
    }

    /// The product in this scene, with these words.
    pub(crate) fn product(&self, words: &[&str]) -> Product {
        self.bed.product(BINARY).kubeconfig(&self.kubeconfig).args(words)
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Ran {
        self.product(words).run().await
    }

    /// How everything is now.
    pub(crate) async fn state(&self) -> State {
        let repository = self.registry.upstream_repository(REPOSITORY);
        let door = self.bed.side_door();
        let mut tags = BTreeMap::new();
        for tag in door.tags(&repository).await.expect("the registry lists its tags") {
            let manifest = door.manifest(&repository, &tag).await.expect("a tag stands for something");
            tags.insert(tag, manifest.digest());
        }
        let mut workloads = BTreeMap::new();
        for name in WORKLOADS {
            workloads.insert(name, self.workload(name).await);
        }
        State { tags, workloads }
    }

    pub(crate) async fn workload(&self, name: &str) -> Option<Workload> {
        let object = self.bed.find("deployment", name).await?;
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let image = text(&containers[0]["image"]);
        let repository = self.registry.image(REPOSITORY, "");
        Some(Workload {
            image: image.strip_prefix(&repository).unwrap_or(&image).to_owned(),
            containers: containers.iter().map(|container| text(&container["name"])).collect(),
            replicas: object["spec"]["replicas"].as_u64().unwrap_or_default(),
            history: object["metadata"]["annotations"][HISTORY].as_str().map(str::to_owned),
        })
    }

    /// The digest that a workload's pods report, if it is one.
    pub(crate) async fn runs(&self, name: &str) -> Vec<String> {
        let mut ids: Vec<String> = self
            .bed
            .wait_rolled_out("deployment", name)
            .await
            .iter()
            .map(|pod| pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default().to_owned())
            .collect();
        ids.dedup();
        ids
    }
}

impl State {
    /// Whether we changed a workload that is still there.
    pub(crate) fn is_patched(&self, name: &str) -> bool {
        self.workloads[name].as_ref().is_some_and(|workload| workload.history.is_some())
    }
}

/// What the run said in the end of a workload.
pub(crate) fn said<'r>(ran: &'r Ran, name: &str) -> Option<&'r str> {
    let start = format!("deployment/{name}   ");
    ran.stdout.lines().chain(ran.stderr.lines()).filter_map(|line| line.strip_prefix(&start)).next_back()
}

/// Why what is in force is none of the states that are wanted, or not what the run said.
pub(crate) fn untruth(ran: &Ran, before: &State, after: &State, new: &str) -> Option<String> {
    for (tag, digest) in &before.tags {
        if after.tags.get(tag) != Some(digest) {
            return Some(format!("the tag {tag} was changed"));
        }
    }
    for (tag, digest) in &after.tags {
        let planned = tag == NEW_TAG && digest == new;
        if !planned && !before.tags.contains_key(tag) {
            return Some(format!("there is a tag {tag} with {digest}"));
        }
    }
    let is_tagged = after.tags.contains_key(NEW_TAG);
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    if all.contains("interrupted; nothing was changed") && *before != *after {
        return Some("it said that nothing was changed".to_owned());
    }
    if (all.contains(&format!("tagged {NEW_TAG}")) || all.contains("it was written")) && !is_tagged {
        return Some("it said that the tag was written".to_owned());
    }
    let not_tagged = format!("tag {NEW_TAG} in ");
    let not_tagged = all.lines().find(|line| line.starts_with(&not_tagged) && !line.contains("be there"));
    if not_tagged.is_some_and(|line| !line.contains("it was written")) && is_tagged {
        return Some("it said that the tag was not written".to_owned());
    }
    for (name, was) in &before.workloads {
        let (Some(was), Some(is)) = (was, &after.workloads[name]) else { continue };
        if (&is.containers, is.replicas) != (&was.containers, was.replicas) {
            return Some(format!("{name} has other containers or replicas"));
        }
        if is.image == NEW_TAG && (is.history.is_none() || !is_tagged) {
            return Some(format!("{name} asks for the new tag without its history or its tag"));
        }
        let patched = is.history.is_some();
        let words = said(ran, name).unwrap_or("");
        let wrong = if words.contains("may be changed") {
            false
        } else if words.contains("refused") || words.contains("not changed") || words.contains("not begun") {
            patched || is.image == NEW_TAG
        } else if words.contains("patched") || words.contains("as planned") {
            !patched
        } else {
            ran.code.is_some() && patched
        };
        if wrong {
            return Some(format!("of {name} it said `{words}`"));
        }
    }
    None
}
