//! The log-in of whoever runs the plugin: Docker's `config.json` and the containers tools' `auth.json`,
//! with the credential helpers that they name.
//!
//! These files may run programs (`credsStore`, `credHelpers`): they belong to the user. A pull secret that
//! names a helper is another matter and never gets here.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::helper;
use super::keyring::{entries, split_location};
use super::memo::Memo;
use super::options::Environment;
use super::secret::Credential;
use crate::domain::Repository;
use crate::domain::reference::DOCKER_HUB;

/// The key under which Docker and its helpers keep Docker Hub's log-in.
const HUB_SERVER: &str = "https://index.docker.io/v1/";

/// The local log-ins; files are read, and helpers run, only when a registry is asked, and once.
pub(super) struct LocalLogin {
    environment: Environment,
    files: OnceCell<Vec<File>>,
    helpers: Memo<(String, String), Result<Option<Credential>, String>>,
}

/// What the local log-in has for a repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) credentials: Vec<Credential>,
    /// Why a helper that is named for this registry gave no answer.
    pub(super) problem: Option<String>,
}

#[derive(Debug, Default)]
struct File {
    /// Host and path of each key, normalised.
    entries: Vec<(String, Credential)>,
    helpers: HashMap<String, String>,
    store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Document {
    auths: Map<String, Value>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

impl LocalLogin {
    pub(super) fn new(environment: Environment) -> Self {
        Self { environment, files: OnceCell::new(), helpers: Memo::default() }
    }

    /// Everything that matches, in the order of the files.
    pub(super) async fn matching(&self, repository: &Repository) -> Found {
        let mut found = Found::default();
        let files = self.files.get_or_init(|| async {
            let mut files = Vec::new();
            for path in self.environment.auth_files() {
                files.extend(read(&path).await);
            }
            files
        });
        for file in files.await {
            if let Some((helper, server)) = file.helper(repository) {
                match self.ask(helper, server).await {
                    Ok(credential) => found.add(credential),
                    Err(problem) => found.problem = found.problem.or(Some(problem)),
                }
            }
            for credential in file.matching(repository) {
                found.add(Some(credential));
            }
        }
        found
    }

    async fn ask(&self, helper: &str, server: String) -> Result<Option<Credential>, String> {
        let path = self.environment.path.clone();
        let key = (helper.to_owned(), server.clone());
        self.helpers.get(key, || async move { helper::get(helper, &server, path.as_deref()).await }).await
    }
}

impl Found {
    fn add(&mut self, credential: Option<Credential>) {
        if let Some(credential) = credential
            && !self.credentials.contains(&credential)
        {
            self.credentials.push(credential);
        }
    }
}

impl File {
    fn of(document: Document) -> Self {
        let mut entries: Vec<(String, Credential)> =
            entries(document.auths).map(|(key, credential)| (normalise(&key), credential)).collect();
        // The most specific first, as the containers tools do: `host/team/app`, `host/team`, `host`.
        entries.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        let helpers = document.cred_helpers.into_iter().map(|(key, helper)| (normalise(&key), helper)).collect();
        Self { entries, helpers, store: document.creds_store.filter(|store| !store.is_empty()) }
    }

    fn matching(&self, repository: &Repository) -> impl Iterator<Item = Credential> {
        let name = repository.to_string();
        self.entries
            .iter()
            .filter(move |(key, _)| {
                name.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .map(|(_, credential)| credential.clone())
    }

    /// The helper that answers for the repository, and the server to ask it for. A helper of the registry
    /// outweighs the general store.
    fn helper(&self, repository: &Repository) -> Option<(&str, String)> {
        let host = &*repository.registry;
        let helper = self.helpers.get(host).or(self.store.as_ref())?;
        let server = if host == DOCKER_HUB { HUB_SERVER } else { host };
        Some((helper, server.to_owned()))
    }
}

async fn read(path: &Path) -> Option<File> {
    let bytes = tokio::fs::read(path).await.ok()?;
    Some(File::of(serde_json::from_slice(&bytes).ok()?))
}

/// One spelling for every key that means the same registry.
fn normalise(key: &str) -> String {
    let Some((host, path)) = split_location(key) else { return key.to_owned() };
    let path = path.trim_end_matches('/');
    let path = if matches!(path, "/v1" | "/v2") { "" } else { path };
    let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { DOCKER_HUB } else { host };
    format!("{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(document: Value) -> File {
        File::of(serde_json::from_value(document).unwrap())
    }

    fn users(file: &File, image: &str) -> Vec<String> {
        file.matching(&Repository::parse(image).unwrap())
            .map(|credential| match credential {
                Credential::Basic { user, .. } => user.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    fn login(user: &str) -> Value {
        json!({ "username": user, "password": "pw" })
    }

    #[test]
    fn keys_match_whole_segments_the_longest_first() {
        let file = file(json!({ "auths": {
            "reg.example.com": login("host"),
            "reg.example.com/team": login("team"),
            "reg.example.com/te": login("no"),
            "https://index.docker.io/v1/": login("hub"),
            "https://old.example.com/v2/": login("old"),
            "empty.example.com": {},
        }}));
        assert_eq!(users(&file, "reg.example.com/team/app"), ["team", "host"]);
        assert_eq!(users(&file, "nginx"), ["hub"]);
        assert_eq!(users(&file, "old.example.com/app"), ["old"]);
        assert_eq!(users(&file, "empty.example.com/app"), [""; 0]);
        assert_eq!(users(&file, "reg.example.com.evil.org/app"), [""; 0]);
    }

    #[test]
    fn a_registrys_own_helper_outweighs_the_store() {
        let file = file(json!({ "credsStore": "desktop", "credHelpers": { "gcr.io": "gcloud" } }));
        let asked = |image: &str| file.helper(&Repository::parse(image).unwrap()).map(|(h, s)| (h.to_owned(), s));
        assert_eq!(asked("gcr.io/p/app"), Some(("gcloud".to_owned(), "gcr.io".to_owned())));
        assert_eq!(asked("nginx"), Some(("desktop".to_owned(), HUB_SERVER.to_owned())));
        assert_eq!(asked("reg.example.com/app"), Some(("desktop".to_owned(), "reg.example.com".to_owned())));
    }

    #[tokio::test]
    async fn all_files_are_asked_in_order() {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, user: &str| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, json!({ "auths": { "r.example.com": login(user) } }).to_string()).unwrap();
        };
        write(".docker/config.json", "docker");
        write("own.json", "own");
        write("run/containers/auth.json", "runtime");
        write(".config/containers/auth.json", "config");
        let environment = Environment {
            registry_auth_file: Some(home.path().join("own.json")),
            xdg_runtime_dir: Some(home.path().join("run")),
            home: Some(home.path().to_owned()),
            ..Environment::default()
        };
        let found = LocalLogin::new(environment).matching(&Repository::parse("r.example.com/app").unwrap()).await;
        let users: Vec<_> = found.credentials.iter().map(|credential| format!("{credential:?}")).collect();
        let order = ["docker", "own", "runtime", "config"];
        assert!(users.len() == 4 && users.iter().zip(order).all(|(shown, user)| shown.contains(user)), "{users:?}");
    }
}
