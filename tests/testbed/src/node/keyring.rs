//! The credentials of a pod's pull secrets, chosen as the kubelet's keyring does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::store::Store;
use crate::store::object::{items, namespace, text};

use super::reference::Reference;

/// A user name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Credential {
    /// Tells credentials apart in the records of pulls.
    pub fn fingerprint(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.username, self.password))
    }
}

fn decode(entry: &Value) -> Option<Credential> {
    let (username, password) = (text(entry, "/username"), text(entry, "/password"));
    if !username.is_empty() {
        return Some(Credential { username: username.into(), password: password.into() });
    }
    let decoded = String::from_utf8(STANDARD.decode(text(entry, "/auth")).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(Credential { username: username.into(), password: password.trim_matches('\0').into() })
}

/// Whether a key of a docker config is for the repository: globs in each part of the host, the path as a prefix.
fn key_matches(key: &str, reference: &Reference) -> bool {
    let key = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let path = path.trim_start_matches("v1").trim_start_matches("v2").trim_matches('/');
    let is_hub = |host: &str| matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io");
    let part_matches = |pattern: &str, part: &str| match pattern.split_once('*') {
        None => pattern == part,
        Some((head, tail)) => part.len() >= head.len() + tail.len() && part.starts_with(head) && part.ends_with(tail),
    };
    let patterns: Vec<&str> = host.split('.').collect();
    let parts: Vec<&str> = reference.host.split('.').collect();
    let host_matches = is_hub(host) && is_hub(&reference.host)
        || patterns.len() == parts.len()
            && patterns.iter().zip(&parts).all(|(pattern, part)| part_matches(pattern, part));
    host_matches && reference.repository.starts_with(path)
}

/// The credentials of the pod's pull secrets that fit the reference, in the order in which they are tried.
pub fn credentials(store: &Store, pod: &Value, reference: &Reference) -> Vec<Credential> {
    let mut found: Vec<(String, Credential)> = Vec::new();
    for secret_name in items(pod, "/spec/imagePullSecrets") {
        let Some(secret) = store.get("secrets", namespace(pod), text(secret_name, "/name")) else { continue };
        for (field, wrapped) in [(".dockerconfigjson", true), (".dockercfg", false)] {
            let Some(encoded) = secret.value()["data"].get(field).and_then(Value::as_str) else { continue };
            let Ok(bytes) = STANDARD.decode(encoded) else { continue };
            let Ok(config) = serde_json::from_slice::<Value>(&bytes) else { continue };
            let entries = if wrapped { config["auths"].clone() } else { config };
            for (key, entry) in entries.as_object().into_iter().flatten() {
                if key_matches(key, reference)
                    && let Some(credential) = decode(entry)
                {
                    found.push((key.clone(), credential));
                }
            }
        }
    }
    // Keys in reverse order, so that longer ones come before their prefixes; equal keys in the order of the secrets.
    found.sort_by(|left, right| right.0.cmp(&left.0));
    found.into_iter().map(|(_, credential)| credential).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_hosts_globs_urls_and_paths() {
        let reference = Reference::parse("reg.example.com/team/app:1").unwrap();
        for key in ["reg.example.com", "*.example.com", "https://reg.example.com/v1/", "reg.example.com/team"] {
            assert!(key_matches(key, &reference), "{key}");
        }
        for key in ["example.com", "*.com", "reg.example.com/other", "reg.example.com:5000"] {
            assert!(!key_matches(key, &reference), "{key}");
        }
        let hub = Reference::parse("nginx").unwrap();
        assert!(key_matches("https://index.docker.io/v1/", &hub));
    }
}
