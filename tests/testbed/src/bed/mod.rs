//! The facade with which a story is written once and lived on both beds.
//!
//! By default each story gets a simulated cluster and registry of its own. With `FRESHIMAGE_BED=real` all stories
//! share one real Kubernetes, which `FRESHIMAGE_BED_DIR/bed.json` describes; they run side by side there, each in a
//! namespace, under a prefix of the registry and with images that no other story has.

mod custom;
mod kubernetes;
mod namespace;
mod normalise;
mod policies;
mod product;
mod real;
mod registries;
mod rights;
mod running;
mod waiting;
pub mod workload;

pub use custom::ROLLOUTS;
pub use kubernetes::{Kubernetes, PatchKind};
pub use namespace::Namespace;
pub use normalise::Normaliser;
pub use policies::{INJECTION, REWRITING};
pub use product::{Product, Ran};
pub use running::Running;
pub use waiting::{DEADLINE, container_statuses, is_running};

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::image::{Layer, Pushable};
use crate::registry::{RegistryServer, RegistryStore};
use crate::simulated::{Simulated, SimulatedOptions};
use real::RealBed;

/// A cluster with a registry, for one story. Dereferences to the story's namespace.
#[derive(Debug)]
pub struct Bed {
    home_namespace: Namespace,
    kubernetes: Arc<Kubernetes>,
    kind: Kind,
    registry: Registry,
    home: TempDir,
    busybox: Option<Layer>,
    mutable: Mutex<Mutable>,
}

#[derive(Debug)]
enum Kind {
    Simulated(Box<Simulated>),
    Real(Box<RealBed>),
}

/// The registry that all gateways of the bed stand in front of.
#[derive(Debug)]
enum Registry {
    Simulated { store: RegistryStore, server: RegistryServer },
    Real(String),
}

#[derive(Debug, Default)]
struct Mutable {
    normaliser: Normaliser,
    namespaces: Vec<String>,
    gateways: usize,
    /// Tokens of the story's own users.
    tokens: BTreeMap<String, String>,
    /// Paths of objects that no namespace takes with it.
    cluster_wide: Vec<String>,
    /// Controllers of the story's own; they end with it.
    tasks: JoinSet<()>,
    /// Directories and files on the real bed's nodes.
    leftovers: Vec<PathBuf>,
}

impl Mutable {
    /// The paths of all that the story made and that has to go with it.
    fn take_objects(&mut self) -> Vec<String> {
        let namespaces = std::mem::take(&mut self.namespaces).into_iter();
        let namespaces = namespaces.map(|name| format!("/api/v1/namespaces/{name}"));
        std::mem::take(&mut self.cluster_wide).into_iter().chain(namespaces).collect()
    }
}

impl Deref for Bed {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.home_namespace
    }
}

impl Bed {
    /// Starts (or joins) the bed that the environment asks for, with a namespace of its own for the story.
    ///
    /// # Panics
    /// The bed cannot be had; the message says why.
    pub async fn start(story: &str) -> Self {
        Self::start_with(story, SimulatedOptions::default()).await
    }

    /// The same with settings for the simulated cluster; the real one ignores them.
    ///
    /// # Panics
    /// See [`Bed::start`].
    pub async fn start_with(story: &str, options: SimulatedOptions) -> Self {
        let kind = match std::env::var("FRESHIMAGE_BED").as_deref() {
            Ok("real") => {
                let directory = std::env::var_os("FRESHIMAGE_BED_DIR").expect("the real bed needs FRESHIMAGE_BED_DIR");
                Kind::Real(Box::new(RealBed::read(Path::new(&directory))))
            }
            _ => Kind::Simulated(Box::new(Simulated::start(options).await)),
        };
        let real_registry = match &kind {
            Kind::Real(real) => real.registry.clone(),
            Kind::Simulated(_) => None,
        };
        let registry = match real_registry {
            Some(host) => Registry::Real(host),
            None => {
                let store = RegistryStore::new();
                let server = store.serve().await.expect("a loopback port can be had");
                Registry::Simulated { store, server }
            }
        };
        let kubernetes = Arc::new(kind.kubernetes("admin"));
        // Six characters, so that every run's names have the same width.
        let run = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{story}-{}", &run[..6]);
        let busybox = match &kind {
            Kind::Real(real) => Some(real.busybox_layer()),
            Kind::Simulated(_) => None,
        };
        let bed = Self {
            home_namespace: Namespace::new(Arc::clone(&kubernetes), &name),
            kubernetes,
            kind,
            registry,
            home: TempDir::new().expect("a temporary directory can be made"),
            busybox,
            mutable: Mutex::default(),
        };
        bed.with(|mutable| {
            mutable.normaliser.text(&name, "namespace");
            mutable.normaliser.text(&bed.kind.access("admin").0, "server");
            mutable.normaliser.text(&bed.home.path().display().to_string(), "home");
            mutable.namespaces.push(name.clone());
        });
        bed.home_namespace.establish(bed.has_controllers()).await;
        bed
    }

    fn with<T>(&self, change: impl FnOnce(&mut Mutable) -> T) -> T {
        change(&mut self.mutable.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this is the real bed.
    #[must_use]
    pub fn is_real(&self) -> bool {
        matches!(self.kind, Kind::Real(_))
    }

    /// Whether anything acts on the objects: a control plane alone, as the measurements use it, only keeps them.
    fn has_controllers(&self) -> bool {
        !matches!(&self.kind, Kind::Real(real) if real.control_plane_only)
    }

    /// The simulated cluster, for what only it can do (another runtime, failing requests); none on the real bed.
    #[must_use]
    pub fn simulated(&self) -> Option<&Simulated> {
        match &self.kind {
            Kind::Simulated(cluster) => Some(cluster),
            Kind::Real(_) => None,
        }
    }

    /// The story's namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.home_namespace
    }

    /// Makes one more namespace, shown as `<purpose>` in normalised outputs.
    pub async fn extra_namespace(&self, purpose: &str) -> Namespace {
        let name = format!("{}-{purpose}", self.home_namespace.name());
        self.with(|mutable| {
            mutable.namespaces.push(name.clone());
            mutable.normaliser.text(&name, &format!("{purpose} namespace"));
        });
        let namespace = Namespace::new(Arc::clone(&self.kubernetes), &name);
        namespace.establish(self.has_controllers()).await;
        namespace
    }

    /// The names of the nodes.
    #[must_use]
    pub fn nodes(&self) -> Vec<String> {
        match &self.kind {
            Kind::Simulated(_) => vec!["node-a".to_owned(), "node-b".to_owned()],
            Kind::Real(real) => real.nodes.iter().map(|node| node.name.clone()).collect(),
        }
    }

    /// Where a node looks for static pods, on the real bed if it has that set.
    #[must_use]
    pub fn static_pod_dir(&self, node: &str) -> Option<PathBuf> {
        match &self.kind {
            Kind::Simulated(_) => None,
            Kind::Real(real) => real.node(node).static_pod_dir.clone(),
        }
    }

    /// Runs a pod on a node from a manifest there, without the API server's leave, and waits until its mirror says that
    /// it runs. Returns the mirror's name.
    ///
    /// # Panics
    /// The node takes no static pods, or the pod does not start.
    pub async fn run_static_pod(&self, node: &str, pod: &Value) -> String {
        let mut pod = pod.clone();
        pod["metadata"]["namespace"] = json!(self.home_namespace.name());
        let name = format!("{}-{node}", pod["metadata"]["name"].as_str().expect("the pod has a name"));
        match &self.kind {
            Kind::Simulated(cluster) => {
                cluster.node(node).add_static_pod(&pod).expect("a test runs a sound pod");
            }
            Kind::Real(_) => {
                let directory = self.static_pod_dir(node).expect("the bed's nodes take static pods");
                let file = format!("{}-{name}.json", self.home_namespace.name());
                // Kubelets overlook names that begin with a dot, so none reads half a manifest.
                let unfinished = directory.join(format!(".{file}"));
                std::fs::write(&unfinished, pod.to_string()).expect("the bed is ours to write");
                std::fs::rename(&unfinished, directory.join(&file)).expect("the bed is ours to write");
                self.with(|mutable| mutable.leftovers.push(directory.join(file)));
            }
        }
        self.home_namespace.wait_for("the static pod to run", "pod", &name, is_running).await;
        name
    }

    /// An empty directory that is the product's `HOME`.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The API as another user of the bed sees it.
    #[must_use]
    pub fn kubernetes_for(&self, user: &str) -> Kubernetes {
        self.kind.kubernetes_with(self.access(user))
    }

    /// Server, token and authority for a user.
    fn access(&self, user: &str) -> (String, String, Option<PathBuf>) {
        match self.with(|mutable| mutable.tokens.get(user).cloned()) {
            Some(token) => {
                let (server, _, authority) = self.kind.access("admin");
                (server, token, authority)
            }
            None => self.kind.access(user),
        }
    }

    /// A kubeconfig of the administrator, with the story's namespace as the context's.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_for("admin")
    }

    /// A kubeconfig of another user of the bed: `pod-reader` and a story's [own](Bed::account) may do nothing until
    /// [`Namespace::allow`] says so.
    #[must_use]
    pub fn kubeconfig_for(&self, user: &str) -> PathBuf {
        let (server, token, authority) = self.access(user);
        let mut cluster = json!({"server": server});
        if let Some(path) = authority {
            cluster["certificate-authority"] = json!(path);
        }
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "story",
            "clusters": [{"name": "bed", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "story", "context": {
                "cluster": "bed", "user": user, "namespace": self.home_namespace.name(),
            }}],
        });
        // JSON is YAML, so that no YAML writer is needed here.
        let path = self.home.path().join(format!("kubeconfig-{}", user.replace(':', "-")));
        let config = config.to_string();
        // A run that is under way may be reading it.
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&config) {
            std::fs::write(&path, config).expect("the home is ours to write");
        }
        path
    }

    /// Gives names to the digests of an image that was not pushed with [`Bed::push`].
    pub fn name_digests(&self, content: &Pushable) {
        self.with(|mutable| {
            for (digest, name) in content.named_digests() {
                mutable.normaliser.digest(&digest, &name);
            }
        });
    }

    /// Shows `text` as `<name>` in normalised outputs.
    pub fn name_text(&self, text: &str, name: &str) {
        self.with(|mutable| mutable.normaliser.text(text, name));
    }

    /// What outputs of this bed are normalised with.
    #[must_use]
    pub fn normaliser(&self) -> Normaliser {
        self.with(|mutable| mutable.normaliser.clone())
    }

    /// The product, ready to be given arguments.
    #[must_use]
    pub fn product(&self, binary: impl AsRef<Path>) -> Product {
        let kubectl = match &self.kind {
            Kind::Simulated(_) => None,
            Kind::Real(real) => real.kubectl.as_ref(),
        };
        let path = product::search_path(kubectl);
        Product::new(binary.as_ref(), &self.kubeconfig(), self.home.path(), &path, self.normaliser())
    }

    /// Runs the product with these arguments.
    pub async fn freshimage(&self, binary: impl AsRef<Path>, arguments: &[&str]) -> Ran {
        self.product(binary).args(arguments).run().await
    }

    /// Ends the story: its namespaces are deleted. Dropping does the same, less politely.
    pub async fn finish(self) {
        self.with(|mutable| mutable.tasks.abort_all());
        // First, for a kubelet makes the mirror of a static pod anew as long as its manifest is there.
        remove(self.with(|mutable| std::mem::take(&mut mutable.leftovers)));
        for path in self.with(Mutable::take_objects) {
            // Whatever is left is the bed's to remove in its end; a story that passed shall not fail here.
            let _ = self.kubernetes.delete(&path, None).await;
        }
    }
}

fn remove(leftovers: Vec<PathBuf>) {
    for path in leftovers {
        // What is gone already needs no removing.
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let (objects, leftovers) =
            self.with(|mutable| (mutable.take_objects(), std::mem::take(&mut mutable.leftovers)));
        remove(leftovers);
        let Kind::Real(_) = &self.kind else { return };
        if objects.is_empty() {
            return;
        }
        // A thread with a runtime of its own: a drop cannot wait within the runtime that it may be called from.
        let kubernetes = self.kind.kubernetes("admin");
        let cleaning = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                for path in objects {
                    let _ = kubernetes.delete(&path, None).await;
                }
            });
        });
        let _ = cleaning.join();
    }
}

impl Kind {
    /// Server, token and authority for a user.
    fn access(&self, user: &str) -> (String, String, Option<PathBuf>) {
        match self {
            Self::Simulated(cluster) => {
                (cluster.server_url(), cluster.token(user), cluster.ca_file().map(Path::to_path_buf))
            }
            Self::Real(real) => {
                let token = real.tokens.get(user).unwrap_or_else(|| panic!("the bed has no user {user}"));
                (real.server.clone(), token.clone(), Some(real.ca_file.clone()))
            }
        }
    }

    fn kubernetes(&self, user: &str) -> Kubernetes {
        self.kubernetes_with(self.access(user))
    }

    fn kubernetes_with(&self, (server, token, authority): (String, String, Option<PathBuf>)) -> Kubernetes {
        match self {
            // The way in that stays open when the server is stopped for everybody else.
            Self::Simulated(cluster) => Kubernetes::new(&cluster.plain_url(), &token, None),
            Self::Real(_) => Kubernetes::new(&server, &token, authority.as_deref()),
        }
    }
}
