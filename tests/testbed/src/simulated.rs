//! A whole simulated cluster in this process: API server, controllers, scheduler, and nodes with their kubelets.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::api::faults::{Faults, RequestLog, RequestMatch};
use crate::api::rbac::User;
use crate::api::{ApiServer, write};
use crate::controllers::{self, Context};
use crate::gateway::listener::Listener;
pub use crate::node::images::Runtime;
use crate::node::kubelet;
use crate::node::pull::Platform;
pub use crate::node::{KubeletOptions, Node};
use crate::pause::{Paused, Point};
use crate::store::Store;
use crate::store::error::{ApiError, ApiResult};
use crate::store::object::object_at;
use crate::tls;

/// What the cluster is to be like.
#[derive(Debug, Clone)]
pub struct SimulatedOptions {
    /// Names and platforms of the nodes; `node-a` and `node-b` by default.
    pub nodes: Vec<(String, Platform)>,
    /// `host:port` that answers for Docker Hub.
    pub hub: Option<String>,
    /// How the kubelets behave; `hub` is added to its mirrors.
    pub kubelet: KubeletOptions,
    /// Namespaces besides those that every cluster has.
    pub namespaces: Vec<String>,
    /// Whether controllers and kubelets run; without them only the server does.
    pub controllers: bool,
}

impl Default for SimulatedOptions {
    fn default() -> Self {
        let nodes = ["node-a", "node-b"].map(|name| (name.to_owned(), Platform::default()));
        Self {
            nodes: nodes.into(),
            hub: None,
            kubelet: KubeletOptions::default(),
            namespaces: Vec::new(),
            controllers: true,
        }
    }
}

/// A running cluster; dropping it stops everything.
#[derive(Debug)]
pub struct Simulated {
    plain: Listener,
    secure: Mutex<Listener>,
    address: SocketAddr,
    authority_pem: String,
    authority_file: tempfile::NamedTempFile,
    server: Arc<ApiServer>,
    nodes: Vec<Node>,
    tasks: Vec<JoinHandle<()>>,
}

fn other(error: ApiError) -> io::Error {
    io::Error::other(error)
}

impl Simulated {
    /// Starts a cluster on a free port of loopback.
    ///
    /// # Panics
    /// If loopback has no free port, or the options name a node twice.
    pub async fn start(options: SimulatedOptions) -> Self {
        Self::try_start(options).await.expect("loopback has free ports")
    }

    /// The same, for callers that have something to tell when it fails.
    pub async fn try_start(options: SimulatedOptions) -> io::Result<Self> {
        let server = ApiServer::new(Arc::new(Store::new()));
        let certified = tls::certify(&[], &["h2", "http/1.1"]).map_err(io::Error::other)?;
        let plain = Listener::start(server.router(), None).await?;
        let secure = Listener::start(server.router(), Some(certified.server)).await?;
        let mut kubelet = options.kubelet.clone();
        if let Some(hub) = &options.hub {
            let base = if hub.contains("://") { hub.clone() } else { format!("http://{hub}") };
            kubelet.mirrors.insert("docker.io".into(), base);
        }
        let mut authority_file = tempfile::NamedTempFile::new()?;
        authority_file.write_all(certified.ca_pem.as_bytes())?;
        let mut simulated = Self {
            address: secure.address(),
            plain,
            secure: Mutex::new(secure),
            authority_pem: certified.ca_pem,
            authority_file,
            server,
            nodes: Vec::new(),
            tasks: Vec::new(),
        };
        for namespace in
            ["default", "kube-public", "kube-system"].into_iter().chain(options.namespaces.iter().map(String::as_str))
        {
            simulated.create("namespaces", json!({"metadata": {"name": namespace}})).map_err(other)?;
        }
        for (index, (name, platform)) in options.nodes.iter().enumerate() {
            let number = u8::try_from(index + 1).map_err(io::Error::other)?;
            let node = Node::register(&simulated.server, name, number, platform.clone(), &kubelet).map_err(other)?;
            simulated.nodes.push(node);
        }
        if options.controllers {
            let context = Context { server: Arc::clone(&simulated.server) };
            simulated.tasks.push(tokio::spawn(controllers::run(context)));
            for node in &simulated.nodes {
                simulated.tasks.push(tokio::spawn(kubelet::run(node.clone())));
            }
        }
        Ok(simulated)
    }

    /// `https://127.0.0.1:PORT`, which kubeconfigs name: kubectl sends no token over plain http.
    pub fn server_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// `http://127.0.0.1:PORT`: the same server for clients that don't mind, the bed's own among them.
    pub fn plain_url(&self) -> String {
        format!("http://{}", self.plain.address())
    }

    /// The authority of the server's certificate.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// A file with the authority of the server's certificate; it goes with the cluster.
    pub fn ca_file(&self) -> Option<&Path> {
        Some(self.authority_file.path())
    }

    /// A bearer token of the user, who is made if unknown and may then do what bindings allow.
    pub fn token(&self, user: &str) -> String {
        if !self.server.knows_token(user) {
            self.server.add_user(user, User::new(user, &[]));
        }
        user.to_owned()
    }

    /// The text of a kubeconfig for the user.
    pub fn kubeconfig(&self, user: &str, namespace: &str) -> String {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "testbed",
            "clusters": [{"name": "testbed", "cluster": {
                "server": self.server_url(), "certificate-authority-data": STANDARD.encode(&self.authority_pem),
            }}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user, "namespace": namespace}}],
        });
        // JSON is YAML.
        format!("{config:#}\n")
    }

    /// Writes a kubeconfig for the user.
    pub fn write_kubeconfig(&self, path: &Path, user: &str, namespace: &str) -> io::Result<()> {
        std::fs::write(path, self.kubeconfig(user, namespace))
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name() == name).expect("the caller names a node of its own options")
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the API server was asked.
    pub fn request_log(&self) -> &Arc<RequestLog> {
        &self.server.log
    }

    /// Faults of the API server.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.server.faults
    }

    /// Holds the next request that matches before anything is done about it. Faults and rights count as they are when
    /// it goes on; it is not carried out if the server was stopped meanwhile.
    pub fn pause_at(&self, matching: RequestMatch) -> Paused {
        self.server.pauses.add(matching, Point::Before)
    }

    /// Holds the answer to the next request that matches: it is carried out, and its client does not know.
    pub fn pause_after(&self, matching: RequestMatch) -> Paused {
        self.server.pauses.add(matching, Point::After)
    }

    /// Closes the port that kubeconfigs name and cuts every connection there. Objects, controllers and kubelets go on,
    /// and so does the bed's own access.
    pub async fn stop_serving(&self) {
        self.server.is_down.store(true, Ordering::SeqCst);
        self.secure.lock().await.stop().await;
    }

    /// Serves on the same port again.
    ///
    /// # Errors
    /// The port was taken meanwhile.
    pub async fn resume_serving(&self) -> io::Result<()> {
        self.server.is_down.store(false, Ordering::SeqCst);
        self.secure.lock().await.restart().await
    }

    /// The objects.
    pub fn store(&self) -> &Arc<Store> {
        &self.server.store
    }

    /// The server itself.
    pub fn server(&self) -> &Arc<ApiServer> {
        &self.server
    }

    /// Lets all `continue` tokens expire: the next page is answered with 410.
    pub fn expire_pages(&self) {
        self.server.pages.expire();
    }

    /// Creates an object as `kubectl create` would, by its resource key (`pods`, `deployments.apps`).
    pub fn create(&self, resource: &str, mut object: Value) -> ApiResult<Value> {
        let kind = self.server.store.type_of_key(resource).ok_or_else(ApiError::no_such_path)?;
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = kind.kind.as_str().into();
        if kind.namespaced {
            object_at(&mut object, &["metadata"]).entry("namespace").or_insert_with(|| "default".into());
        }
        let manager = crate::api::fields::Manager {
            name: "kubectl-create".into(),
            operation: "Update",
            subresource: String::new(),
        };
        write::create_object(&self.server, &kind, object, &manager, false)
    }

    /// An object as it is now.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.server.store.get(resource, namespace, name).map(|object| object.value().clone())
    }

    /// All objects of a resource, of one namespace or all.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Value> {
        self.server.store.list(resource, namespace).1.iter().map(|object| object.value().clone()).collect()
    }

    /// Makes a CronJob run now.
    pub fn run_cron_job(&self, namespace: &str, name: &str) -> ApiResult<()> {
        let run = uuid::Uuid::new_v4().to_string();
        self.server.store.update("cronjobs.batch", namespace, name, |object| {
            object_at(object, &["metadata", "annotations"]).insert(controllers::cronjob::RUN.into(), run.into());
            Ok(())
        })?;
        Ok(())
    }

    /// Waits until the condition holds for the store, at most so long; tells whether it came.
    pub async fn wait_until(&self, at_most: std::time::Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let until = tokio::time::Instant::now() + at_most;
        let mut changes = self.server.store.subscribe();
        loop {
            changes.borrow_and_update();
            if condition(self) {
                return true;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(until) => return condition(self),
            }
        }
    }

    /// Stops everything, and waits until it has stopped.
    pub async fn stop(mut self) {
        self.plain.stop().await;
        self.secure.get_mut().stop().await;
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // An aborted task ends with an error that says so.
            let _ = task.await;
        }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
