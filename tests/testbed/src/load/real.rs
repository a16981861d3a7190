//! The same load in a real API server: to measure against kubectl. No kubelets are needed, the statuses are patched.

use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::store::object::{name, namespace, object_at, text, uid};

use super::LoadOptions;
use super::registries::LoadImage;
use super::synthetic;

/// How many requests are under way at once.
const PARALLEL: usize = 48;

/// What can go wrong on the way.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Access to an API server.
#[derive(Debug, Clone)]
pub struct Access {
    client: reqwest::Client,
    server: String,
    token: String,
}

fn named<'a>(config: &'a Value, list: &str, wanted: &str, field: &str) -> Option<&'a Value> {
    let entries = config.get(list)?.as_array()?;
    entries.iter().find(|entry| text(entry, "/name") == wanted)?.get(field)
}

impl Access {
    /// Reads the current context of a kubeconfig that has a token.
    pub fn from_kubeconfig(path: &Path) -> Result<Self, Failure> {
        use base64::Engine;
        let config: Value = serde_saphyr::from_str(&std::fs::read_to_string(path)?)?;
        let context =
            named(&config, "contexts", text(&config, "/current-context"), "context").ok_or("no current context")?;
        let cluster = named(&config, "clusters", text(context, "/cluster"), "cluster").ok_or("no such cluster")?;
        let user = named(&config, "users", text(context, "/user"), "user").ok_or("no such user")?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().no_proxy().user_agent("testbed");
        let authority = match (text(cluster, "/certificate-authority-data"), text(cluster, "/certificate-authority")) {
            ("", "") => None,
            ("", file) => Some(std::fs::read(path.parent().unwrap_or(Path::new("")).join(file))?),
            (data, _) => Some(base64::engine::general_purpose::STANDARD.decode(data)?),
        };
        if let Some(pem) = authority {
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&pem)?]);
        }
        Ok(Self {
            client: builder.build()?,
            server: text(cluster, "/server").trim_end_matches('/').to_owned(),
            token: text(user, "/token").to_owned(),
        })
    }

    async fn send(&self, method: reqwest::Method, path: &str, kind: &str, body: &Value) -> Result<Value, Failure> {
        let response = self
            .client
            .request(method, format!("{}{path}", self.server))
            .bearer_auth(&self.token)
            .header("Content-Type", kind)
            .body(body.to_string())
            .send()
            .await?;
        let status = response.status();
        let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
        if status.is_success() { Ok(answer) } else { Err(format!("{path}: {}", text(&answer, "/message")).into()) }
    }

    /// Lists all pods as JSON, 500 a page, and throws them away: how many pages and bytes that is. Nobody who reads
    /// them all can be faster.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn bare_list(&self) -> Result<(usize, usize), Failure> {
        let (mut pages, mut bytes, mut token) = (0, 0, String::new());
        loop {
            let url = format!("{}/api/v1/pods?limit=500&continue={token}", self.server);
            let response =
                self.client.get(url).bearer_auth(&self.token).header("Accept", "application/json").send().await?;
            let body = response.error_for_status()?.bytes().await?;
            pages += 1;
            bytes += body.len();
            // It stands in the list's metadata, before the items.
            let head = String::from_utf8_lossy(&body[..body.len().min(4096)]).into_owned();
            match head.split_once("\"continue\":\"").and_then(|(_, rest)| rest.split_once('"')) {
                Some((next, _)) if !next.is_empty() => next.clone_into(&mut token),
                _ => return Ok((pages, bytes)),
            }
        }
    }

    async fn create(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        let mut object = object.clone();
        let metadata = object_at(&mut object, &["metadata"]);
        for field in ["uid", "creationTimestamp", "generation", "managedFields"] {
            metadata.remove(field);
        }
        self.send(reqwest::Method::POST, path, "application/json", &object).await
    }

    async fn set_status(&self, path: &str, object: &Value) -> Result<(), Failure> {
        let path = format!("{path}/{}/status", name(object));
        let patch = json!({"status": object["status"]});
        self.send(reqwest::Method::PATCH, &path, "application/merge-patch+json", &patch).await?;
        Ok(())
    }
}

/// Creates the load; answers how many pods there are.
pub async fn create(access: &Access, options: &LoadOptions, images: &[LoadImage]) -> Result<usize, Failure> {
    for name in synthetic::namespaces(options) {
        access
            .create("/api/v1/namespaces", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await?;
    }
    for node in synthetic::nodes(options) {
        access.create("/api/v1/nodes", &node).await?;
        access.set_status("/api/v1/nodes", &node).await?;
    }
    let images = Arc::new(images.to_vec());
    let created: Vec<usize> = stream::iter(0..options.deployments.max(1))
        .map(|number| {
            let (access, images, options) = (access.clone(), Arc::clone(&images), options.clone());
            async move { tokio::spawn(async move { create_workload(&access, &options, &images, number).await }).await? }
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    Ok(created.iter().sum())
}

/// One workload: the owners' uids are the server's, so they come one after the other.
async fn create_workload(
    access: &Access,
    options: &LoadOptions,
    images: &[LoadImage],
    number: usize,
) -> Result<usize, Failure> {
    let mut workload = synthetic::workload(options, images, number);
    let place = namespace(&workload.deployment).to_owned();
    let deployments = format!("/apis/apps/v1/namespaces/{place}/deployments");
    let sets = format!("/apis/apps/v1/namespaces/{place}/replicasets");
    let pods = format!("/api/v1/namespaces/{place}/pods");
    let deployment = access.create(&deployments, &workload.deployment).await?;
    access.set_status(&deployments, &workload.deployment).await?;
    workload.replica_set["metadata"]["ownerReferences"][0]["uid"] = uid(&deployment).into();
    let set = access.create(&sets, &workload.replica_set).await?;
    access.set_status(&sets, &workload.replica_set).await?;
    for pod in &mut workload.pods {
        pod["metadata"]["ownerReferences"][0]["uid"] = uid(&set).into();
        access.create(&pods, pod).await?;
        access.set_status(&pods, pod).await?;
    }
    Ok(workload.pods.len())
}
