//! Runs the product's binary as a person would, in an environment that holds nothing but what a story says.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::normalise::Normaliser;
use super::running::Running;

/// One run of the product, being prepared.
#[derive(Debug)]
pub struct Product {
    command: Command,
    input: Vec<u8>,
    deadline: Duration,
    normaliser: Normaliser,
}

impl Product {
    pub(super) fn new(binary: &Path, kubeconfig: &Path, home: &Path, path: &str, normaliser: Normaliser) -> Self {
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("HOME", home)
            .env("KUBECONFIG", kubeconfig)
            .env("PATH", path)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self { command, input: Vec::new(), deadline: Duration::from_secs(120), normaliser }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Uses another kubeconfig.
    #[must_use]
    pub fn kubeconfig(self, path: &Path) -> Self {
        self.env("KUBECONFIG", path)
    }

    /// Another working directory than the empty home.
    #[must_use]
    pub fn current_dir(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// What the product reads on stdin; nothing if it is not said.
    #[must_use]
    pub fn stdin(mut self, text: &str) -> Self {
        self.input = text.as_bytes().to_vec();
        self
    }

    /// The command, for a story that runs it on a terminal of its own.
    #[must_use]
    pub fn into_command(self) -> std::process::Command {
        self.command.into_std()
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// It cannot be started, or it does not end within two minutes.
    pub async fn run(self) -> Ran {
        self.spawn().wait().await
    }

    /// Starts it, for a story that acts in the middle of the run.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let started = Instant::now();
        let child = self.command.spawn().unwrap_or_else(|error| panic!("cannot run the product: {error}"));
        Running::new(child, self.input, started, self.deadline, self.normaliser)
    }
}

/// What a run of the product gave.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it: 9 after a kill, 2 after an interrupt that it did not catch.
    pub signal: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
    pub(super) normaliser: Normaliser,
}

impl Ran {
    /// Exit code and both streams with stable names for everything random, for snapshots that hold on both beds.
    #[must_use]
    pub fn normalise(&self) -> String {
        let code = self.code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let streams = [("stdout", &self.stdout), ("stderr", &self.stderr)]
            .map(|(name, text)| format!("--- {name}\n{}", self.normaliser.normalise(text)));
        format!("exit {code}\n{}{}", streams[0], streams[1])
    }

    /// stdout with stable names.
    #[must_use]
    pub fn normalised_stdout(&self) -> String {
        self.normaliser.normalise(&self.stdout)
    }

    /// stderr with stable names.
    #[must_use]
    pub fn normalised_stderr(&self) -> String {
        self.normaliser.normalise(&self.stderr)
    }

    /// stdout as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON ({error}):\n{}\n{}", self.stdout, self.stderr))
    }
}

/// The `PATH` that a run gets: the bed's kubectl, if it has one, and where systems keep their own tools.
pub(super) fn search_path(kubectl: Option<&PathBuf>) -> String {
    let own = kubectl.and_then(|kubectl| kubectl.parent()).map(|directory| format!("{}:", directory.display()));
    format!("{}/usr/local/bin:/usr/bin:/bin", own.unwrap_or_default())
}
