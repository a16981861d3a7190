//! The credentials that the kubelet would use: pull secrets of a pod and of its service account.
//!
//! Each secret and each service account is asked for once a run, whoever needs it first. What they
//! hold is handed on as raw bytes, without ever being printed; which credential fits which registry is
//! the keyring's matter.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::transport::{Accept, segment};
use crate::domain::workload::Access;

/// One pull secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PullSecret {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// `kubernetes.io/dockerconfigjson` or the older `kubernetes.io/dockercfg`.
    pub kind: String,
    /// The decoded document.
    pub document: Vec<u8>,
}

impl fmt::Debug for PullSecret {
    /// Without the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PullSecret({}/{}, {})", self.namespace, self.name, self.kind)
    }
}

type Key = (Arc<str>, Arc<str>);
type Cells<T> = Mutex<HashMap<Key, Arc<OnceCell<T>>>>;

/// What was asked for so far.
#[derive(Default)]
pub(super) struct Secrets {
    secrets: Cells<Option<Arc<PullSecret>>>,
    accounts: Cells<Vec<Arc<str>>>,
}

fn cell<T>(cells: &Cells<T>, key: Key) -> Arc<OnceCell<T>> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(key).or_insert_with(|| Arc::new(OnceCell::new())))
}

#[derive(Deserialize)]
struct Secret {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    data: Option<SecretData>,
}

#[derive(Deserialize)]
struct SecretData {
    #[serde(rename = ".dockerconfigjson", default)]
    config_json: Option<String>,
    #[serde(rename = ".dockercfg", default)]
    config: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAccount {
    #[serde(default)]
    image_pull_secrets: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Arc<str>,
}

impl Cluster {
    /// The secrets in the pod's `imagePullSecrets`, in their order, as far as they can be read.
    pub async fn pull_secrets_of_pod(&self, access: &Access) -> Vec<Arc<PullSecret>> {
        self.pull_secrets(&access.namespace, &access.pull_secrets).await
    }

    /// The secrets of the pod's service account, likewise. The kubelet gets them through the pod, into
    /// which they are written when it is created; an account that was given one later matters to the
    /// next pod.
    pub async fn pull_secrets_of_service_account(&self, access: &Access) -> Vec<Arc<PullSecret>> {
        let account =
            if access.service_account.is_empty() { "default".into() } else { Arc::clone(&access.service_account) };
        let cell = cell(&self.inner.secrets.accounts, (Arc::clone(&access.namespace), Arc::clone(&account)));
        let names = cell.get_or_init(|| self.service_account(&access.namespace, &account)).await;
        self.pull_secrets(&access.namespace, names).await
    }

    async fn pull_secrets(&self, namespace: &Arc<str>, names: &[Arc<str>]) -> Vec<Arc<PullSecret>> {
        let gets = names.iter().map(|name| async move {
            let cell = cell(&self.inner.secrets.secrets, (Arc::clone(namespace), Arc::clone(name)));
            cell.get_or_init(|| self.secret(namespace, name)).await.clone()
        });
        futures::future::join_all(gets).await.into_iter().flatten().collect()
    }

    async fn secret(&self, namespace: &Arc<str>, name: &Arc<str>) -> Option<Arc<PullSecret>> {
        let path = format!("/api/v1/namespaces/{}/secrets/{}", segment(namespace), segment(name));
        let read = async {
            let body = self.inner.transport.get(&path, Accept::Whole).await?;
            document(&body)
        };
        match read.await {
            Ok((kind, document)) => {
                Some(Arc::new(PullSecret { namespace: Arc::clone(namespace), name: Arc::clone(name), kind, document }))
            }
            Err(failure) => {
                let why = match failure {
                    Failure::Malformed(why) => format!("`{name}` in namespace `{namespace}`: {why}"),
                    other if other.is_not_found() => format!("{} in namespace `{namespace}`", other.why()),
                    other => other.why(),
                };
                self.inner.problems.add("secrets", &why);
                None
            }
        }
    }

    async fn service_account(&self, namespace: &str, name: &str) -> Vec<Arc<str>> {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", segment(namespace), segment(name));
        let read = async {
            let body = self.inner.transport.get(&path, Accept::Whole).await?;
            decode::<ServiceAccount>(&body)
        };
        match read.await {
            Ok(account) => {
                let names = account.image_pull_secrets.unwrap_or_default().into_iter().map(|named| named.name);
                names.filter(|name| !name.is_empty()).collect()
            }
            Err(failure) => {
                // An account that is gone since has nothing to give.
                if !failure.is_not_found() {
                    self.inner.problems.add("serviceaccounts", &failure.why());
                }
                Vec::new()
            }
        }
    }
}

fn document(body: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    // The parser's own words could quote the secret.
    let secret: Secret =
        serde_json::from_slice(body).map_err(|_| Failure::Malformed("the server's answer is no secret".to_owned()))?;
    let data = secret.data.and_then(|data| match secret.kind.as_str() {
        "kubernetes.io/dockercfg" => data.config,
        _ => data.config_json.or(data.config),
    });
    let Some(data) = data else {
        return Err(Failure::Malformed("it is no pull secret: it has no `.dockerconfigjson`".to_owned()));
    };
    let document =
        STANDARD.decode(data.trim()).map_err(|_| Failure::Malformed("its document is not base64".to_owned()))?;
    Ok((secret.kind, document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_pull_secrets_are_read() {
        let json = br#"{"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="}}"#;
        assert_eq!(document(json).unwrap(), ("kubernetes.io/dockerconfigjson".to_owned(), b"{}".to_vec()));
        let old = br#"{"type":"kubernetes.io/dockercfg","data":{".dockercfg":"e30="}}"#;
        assert_eq!(document(old).unwrap().1, b"{}");
    }

    #[test]
    fn what_is_no_pull_secret_is_said_without_its_content() {
        for body in [
            &br#"{"type":"Opaque","data":{"password":"aHVudGVyMg=="}}"#[..],
            br#"{"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"hunter2!"}}"#,
            br#"{"type":"x","data":"hunter2"}"#,
            br#"{"type":"x"}"#,
        ] {
            let why = document(body).unwrap_err().why();
            assert!(!why.contains("hunter2") && !why.contains("aHVud"), "{why}");
        }
    }
}
