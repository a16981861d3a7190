//! Runs the product's binary as a person would, in an environment that holds nothing but what a story says.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::normalise::Normaliser;

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

    /// Runs it to its end.
    ///
    /// # Panics
    /// It cannot be started, or it does not end within two minutes.
    pub async fn run(mut self) -> Ran {
        let started = std::time::Instant::now();
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("cannot run the product: {error}"));
        let mut stdin = child.stdin.take().expect("it was piped");
        let input = std::mem::take(&mut self.input);
        // A product that ends without reading is no mistake of the story's.
        let writing = tokio::spawn(async move { stdin.write_all(&input).await });
        let output = tokio::time::timeout(self.deadline, child.wait_with_output())
            .await
            .unwrap_or_else(|_| panic!("the product did not end within {:?}", self.deadline))
            .expect("a started process can be waited for");
        writing.abort();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
            normaliser: self.normaliser,
        }
    }
}

/// What a run of the product gave.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
    normaliser: Normaliser,
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
