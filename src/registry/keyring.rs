//! Which credentials of pull secrets match an image: the kubelet's keyring
//! (`pkg/credentialprovider`), rule by rule.
//!
//! All secrets of a pod form one keyring. Keys are tried in reverse lexical order, which puts the longer
//! of two with the same beginning first; entries under one key keep the order of the secrets. *Every*
//! match is a candidate, not only the best.

use std::collections::HashMap;

use serde::Deserialize;

use super::secret::{Credential, Secret, decode_basic};
use crate::domain::Repository;
use crate::domain::glob::matches;
use crate::domain::reference::DOCKER_HUB;

/// The key that stands for Docker Hub when no other matches, as `docker login` has written it since ever.
const DEFAULT_KEY: &str = "index.docker.io";

/// A pull secret's document.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretDocument {
    /// `.dockerconfigjson` of a `kubernetes.io/dockerconfigjson` secret.
    DockerConfigJson(Vec<u8>),
    /// `.dockercfg` of a `kubernetes.io/dockercfg` secret.
    DockerCfg(Vec<u8>),
}

impl std::fmt::Debug for SecretDocument {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::DockerConfigJson(_) => "DockerConfigJson(***)",
            Self::DockerCfg(_) => "DockerCfg(***)",
        })
    }
}

/// One entry of `auths`. Unknown fields and wrong types of unused ones do no harm.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Entry {
    /// What the entry amounts to; an empty entry (a `credsStore` leaves such behind) is nothing.
    pub(super) fn credential(&self) -> Option<Credential> {
        let given = |field: &Option<String>| field.as_deref().filter(|text| !text.is_empty()).map(Secret::new);
        if let Some(token) = given(&self.registrytoken) {
            return Some(Credential::Bearer(token));
        }
        if let Some(token) = given(&self.identitytoken) {
            return Some(Credential::Identity(token));
        }
        // `auth` outweighs the plain fields, as it does for the kubelet.
        if let Some((user, password)) = self.auth.as_deref().and_then(decode_basic) {
            return Credential::of_parts(&user, &password);
        }
        Credential::of_parts(self.username.as_deref().unwrap_or(""), self.password.as_deref().unwrap_or(""))
    }
}

/// Reads a map of entries leniently: an entry that is no object is left out, the others stay.
pub(super) fn entries(map: serde_json::Map<String, serde_json::Value>) -> impl Iterator<Item = (String, Credential)> {
    map.into_iter().filter_map(|(key, value)| Some((key, Entry::deserialize(value).ok()?.credential()?)))
}

/// The credentials of a pod's, or a service account's, pull secrets.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    /// In the order in which they are tried.
    keys: Vec<Key>,
    credentials: HashMap<String, Vec<Credential>>,
}

#[derive(Debug)]
struct Key {
    text: String,
    host: String,
    port: String,
    path: String,
}

impl Keyring {
    /// Reads the documents; what cannot be read is left out, since the kubelet goes on without it too.
    pub(super) fn of(documents: &[SecretDocument]) -> Self {
        let mut keyring = Self::default();
        for document in documents {
            let Some(map) = auths(document) else { continue };
            for (location, credential) in entries(map) {
                keyring.add(&location, credential);
            }
        }
        keyring.keys.sort_by(|a, b| b.text.cmp(&a.text));
        keyring
    }

    fn add(&mut self, location: &str, credential: Credential) {
        let Some((host, path)) = split_location(location) else { return };
        // `/v1/` and `/v2/` name the API, not a repository. Without the last slash they are a path, which
        // is how the kubelet sees it too.
        let path = match path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/v2/")) {
            Some(rest) => format!("/{rest}"),
            None => path.to_owned(),
        };
        let path = if path == "/" { String::new() } else { path };
        let text = format!("{host}{path}");
        let slot = self.credentials.entry(text.clone()).or_default();
        if slot.is_empty() {
            let (name, port) = split_port(host);
            self.keys.push(Key { text, host: name.to_owned(), port: port.to_owned(), path });
        }
        if !slot.contains(&credential) {
            slot.push(credential);
        }
    }

    /// All credentials that match, in the order in which they are tried.
    pub(super) fn matching(&self, repository: &Repository) -> Vec<Credential> {
        let (host, port) = split_port(&repository.registry);
        let path = format!("/{}", repository.path);
        let mut found: Vec<Credential> = Vec::new();
        for key in &self.keys {
            if key.port == port && host_matches(&key.host, host) && path.starts_with(&key.path) {
                for credential in self.credentials.get(&key.text).into_iter().flatten() {
                    // The same account under two keys is one try.
                    if !found.contains(credential) {
                        found.push(credential.clone());
                    }
                }
            }
        }
        if found.is_empty() && &*repository.registry == DOCKER_HUB {
            found.extend(self.credentials.get(DEFAULT_KEY).into_iter().flatten().cloned());
        }
        found
    }
}

fn auths(document: &SecretDocument) -> Option<serde_json::Map<String, serde_json::Value>> {
    use serde_json::{Map, Value};
    match document {
        SecretDocument::DockerCfg(bytes) => serde_json::from_slice(bytes).ok(),
        SecretDocument::DockerConfigJson(bytes) => {
            let mut document: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
            match document.remove("auths")? {
                Value::Object(map) => Some(map),
                _ => None,
            }
        }
    }
}

/// Host (with port) and path of a key, with or without a scheme. Query, fragment and user are no part of
/// either. A generic URL parser is of no use here: `*` is no host for it.
pub(super) fn split_location(location: &str) -> Option<(&str, &str)> {
    let rest = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://")).unwrap_or(location);
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (!host.is_empty() && !host.contains(char::is_whitespace)).then_some((host, path))
}

fn split_port(host: &str) -> (&str, &str) {
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').unwrap_or(""));
    }
    host.split_once(':').unwrap_or((host, ""))
}

/// Part by part between the dots, the same number on both sides: `*.example.com` is no
/// `a.b.example.com`.
fn host_matches(pattern: &str, host: &str) -> bool {
    pattern.split('.').count() == host.split('.').count()
        && pattern.split('.').zip(host.split('.')).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;

    fn document(keys: &[(&str, &str)]) -> SecretDocument {
        let auths: serde_json::Map<_, _> = keys
            .iter()
            .map(|(key, user)| {
                let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:pw"));
                ((*key).to_owned(), serde_json::json!({ "auth": auth }))
            })
            .collect();
        SecretDocument::DockerConfigJson(serde_json::json!({ "auths": auths }).to_string().into_bytes())
    }

    fn users(keyring: &Keyring, image: &str) -> Vec<String> {
        let repository = Repository::parse(image).unwrap();
        keyring
            .matching(&repository)
            .into_iter()
            .map(|credential| match credential {
                Credential::Basic { user, .. } => user.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_key_matches_as_it_does_for_the_kubelet() {
        for (key, image, matches) in [
            ("reg.example.com", "reg.example.com/app", true),
            ("reg.example.com", "reg.example.com:5000/app", false),
            ("reg.example.com:5000", "reg.example.com:5000/app", true),
            ("reg.example.com:5000", "reg.example.com/app", false),
            ("https://reg.example.com", "reg.example.com/app", true),
            ("http://reg.example.com/", "reg.example.com/app", true),
            ("https://reg.example.com/v1/", "reg.example.com/app", true),
            ("https://reg.example.com/v2/", "reg.example.com/app", true),
            ("https://reg.example.com/v2", "reg.example.com/app", false),
            ("https://reg.example.com/v2/team", "reg.example.com/team/app", true),
            ("reg.example.com/team", "reg.example.com/team/app", true),
            // A plain prefix, not one of whole segments.
            ("reg.example.com/te", "reg.example.com/team/app", true),
            ("reg.example.com/other", "reg.example.com/team/app", false),
            ("*.example.com", "reg.example.com/app", true),
            ("*.example.com", "a.reg.example.com/app", false),
            ("*.example.com", "example.com/app", false),
            ("*.*.example.com", "a.reg.example.com/app", true),
            ("r*g.example.com", "reg.example.com/app", true),
            ("*.example.com:5000", "reg.example.com:5000/app", true),
            ("*.example.com/team", "reg.example.com/team/app", true),
            ("*", "reg.example.com/app", false),
            ("*.dkr.ecr.*.amazonaws.com", "123.dkr.ecr.eu-central-1.amazonaws.com/app", true),
            ("localhost:5000", "localhost:5000/app", true),
            ("[::1]:5000", "[::1]:5000/app", true),
            ("user@reg.example.com", "reg.example.com/app", true),
            ("docker.io", "nginx", true),
            ("https://index.docker.io/v1/", "nginx", true),
            ("index.docker.io", "index.docker.io/team/app", true),
            ("https://index.docker.io/v1/", "reg.example.com/app", false),
            ("docker.io/library", "nginx", true),
            ("docker.io/team", "nginx", false),
            ("", "nginx", false),
            ("https://", "nginx", false),
        ] {
            let keyring = Keyring::of(&[document(&[(key, "anna")])]);
            assert_eq!(users(&keyring, image) == ["anna"], matches, "{key} for {image}");
        }
    }

    #[test]
    fn longer_keys_come_first_and_all_matches_follow() {
        let keyring = Keyring::of(&[
            document(&[("reg.example.com", "host"), ("*.example.com", "glob")]),
            document(&[("reg.example.com/team", "team"), ("reg.example.com", "second")]),
            document(&[("reg.example.com/team/app", "app"), ("https://reg.example.com/v2/", "third")]),
        ]);
        assert_eq!(users(&keyring, "reg.example.com/team/app"), ["app", "team", "host", "second", "third", "glob"]);
        assert_eq!(users(&keyring, "reg.example.com/x"), ["host", "second", "third", "glob"]);
    }

    #[test]
    fn the_default_key_serves_docker_hub_only_where_nothing_else_matches() {
        let keyring = Keyring::of(&[document(&[("https://index.docker.io/v1/", "old"), ("docker.io/team", "new")])]);
        assert_eq!(users(&keyring, "docker.io/team/app"), ["new"]);
        assert_eq!(users(&keyring, "nginx"), ["old"]);
    }

    #[test]
    fn broken_documents_and_entries_are_left_out() {
        let keyring = Keyring::of(&[
            SecretDocument::DockerConfigJson(b"{".to_vec()),
            SecretDocument::DockerConfigJson(br#"{"auths": []}"#.to_vec()),
            SecretDocument::DockerCfg(br#"{"reg.example.com": {"username": "cfg", "password": "x"}, "b": 7}"#.to_vec()),
            SecretDocument::DockerConfigJson(
                br#"{"auths": {"reg.example.com": {"auth": "!"}, "other": {}}, "credsStore": "must-not-run"}"#.to_vec(),
            ),
        ]);
        assert_eq!(users(&keyring, "reg.example.com/app"), ["cfg"]);
        assert!(!format!("{:?}", SecretDocument::DockerCfg(b"geheim".to_vec())).contains("geheim"));
    }

    #[test]
    fn tokens_are_told_from_passwords() {
        for (entry, expected) in [
            (serde_json::json!({ "registrytoken": "t" }), Some(Credential::Bearer(Secret::new("t")))),
            (serde_json::json!({ "auth": "MDA6", "identitytoken": "t" }), Some(Credential::Identity(Secret::new("t")))),
            (
                serde_json::json!({ "username": "<token>", "password": "t" }),
                Some(Credential::Identity(Secret::new("t"))),
            ),
            (serde_json::json!({ "email": "a@b" }), None),
        ] {
            assert_eq!(Entry::deserialize(&entry).unwrap().credential(), expected, "{entry}");
        }
    }
}
