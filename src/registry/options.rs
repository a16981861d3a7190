//! What the registries' edge has to be told: nothing here reads the process environment, so that every
//! behaviour can be tested side by side.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Deadline of a single request, from its start to the end of the body.
    pub request_timeout: Duration,
    /// Deadline for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Where the local log-in is found.
    pub environment: Environment,
    /// Hosts (with port) whose certificate is not checked and that may answer in plain http.
    pub insecure_registries: Vec<String>,
    /// Where a registry answers this machine, by the host that pods name: a base URL, or another host that is asked as
    /// any is.
    pub mirrors: HashMap<String, String>,
    /// `User-Agent` of every request.
    pub user_agent: String,
    /// How many requests may be under way to one host at a time.
    pub per_host_limit: usize,
    /// The longest time that a lookup waits, all in all, for a registry that asks to wait.
    pub retry_budget: Duration,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(5),
            environment: Environment::default(),
            insecure_registries: Vec::new(),
            mirrors: HashMap::new(),
            user_agent: concat!("kubectl-freshimage/", env!("CARGO_PKG_VERSION")).to_owned(),
            // HEADs are small, and a large cluster's tags lie in few registries: with half as many, the last page's
            // tags are waited for twice as long.
            per_host_limit: 32,
            retry_budget: Duration::from_secs(5),
        }
    }
}

/// The part of the environment that the container tools agree on. The default is an empty one: no local
/// log-in at all.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `DOCKER_CONFIG`: the folder of Docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`: a file of the `auth.json` kind.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `HOME`, or what stands for it.
    pub home: Option<PathBuf>,
    /// `PATH`, where credential helpers are looked for.
    pub path: Option<OsString>,
    /// Folders that hold `HOST/*.crt` beside those in the home folder.
    pub certificate_dirs: Vec<PathBuf>,
}

impl Environment {
    /// Where the container tools look for private authorities on a whole machine.
    #[must_use]
    pub fn system_certificate_dirs() -> Vec<PathBuf> {
        vec!["/etc/docker/certs.d".into(), "/etc/containers/certs.d".into()]
    }

    fn config_home(&self) -> Option<PathBuf> {
        self.xdg_config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))
    }

    fn docker_home(&self) -> Option<PathBuf> {
        self.docker_config.clone().or_else(|| Some(self.home.as_ref()?.join(".docker")))
    }

    /// The files that a log-in may have been written to, in the order in which they are asked.
    pub(super) fn auth_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = [
            self.docker_home().map(|folder| folder.join("config.json")),
            self.registry_auth_file.clone(),
            self.xdg_runtime_dir.as_ref().map(|folder| folder.join("containers/auth.json")),
            self.config_home().map(|folder| folder.join("containers/auth.json")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut seen = std::collections::HashSet::new();
        files.retain(|file| seen.insert(file.clone()));
        files
    }

    /// The folders in which a private authority's certificates for this host may lie.
    pub(super) fn certificate_folders(&self, host: &str) -> Vec<PathBuf> {
        let own = [self.docker_home(), self.config_home().map(|folder| folder.join("containers"))];
        let own = own.into_iter().flatten().map(|folder| folder.join("certs.d"));
        self.certificate_dirs.iter().cloned().chain(own).map(|folder| folder.join(host)).collect()
    }
}
