//! The process's environment, read once and passed on as a value.

use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Everything that a run takes from its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `HOME`, or `USERPROFILE` where there is none.
    pub home: Option<PathBuf>,
    /// `PATH`, where credential helpers are looked for.
    pub path: Option<OsString>,
    /// `KUBECONFIG`, a list of files.
    pub kubeconfig: Option<OsString>,
    /// `DOCKER_CONFIG`, a folder.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`, a file.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `HTTPS_PROXY`, or in small letters.
    pub https_proxy: Option<Secret>,
    /// `HTTP_PROXY`, or in small letters.
    pub http_proxy: Option<Secret>,
    /// `ALL_PROXY`, or in small letters.
    pub all_proxy: Option<Secret>,
    /// `NO_PROXY`, or in small letters.
    pub no_proxy: Option<String>,
    /// `KUBERNETES_SERVICE_HOST`: this runs in a pod.
    pub service_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`.
    pub service_port: Option<String>,
    /// `POD_NAMESPACE`.
    pub pod_namespace: Option<String>,
    /// `FRESHIMAGE_REGISTRY_MIRRORS`.
    pub registry_mirrors: Option<String>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and neither empty nor `0`.
    pub force_color: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// stdin is a terminal.
    pub stdin_is_terminal: bool,
    /// What stdout is.
    pub stdout: Terminal,
    /// What stderr is.
    pub stderr: Terminal,
}

/// What one of the output streams is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    /// It is a terminal.
    pub is_terminal: bool,
    /// How many columns it has, where that is known.
    pub width: Option<usize>,
}

/// A text that must not end up in a log: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

impl Environment {
    /// Whether somebody can be asked: there is a terminal to read from, and one to draw on.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.stdin_is_terminal && self.stderr.is_terminal && self.term.as_deref() != Some("dumb")
    }

    /// Reads the process's own.
    #[must_use]
    pub fn read() -> Self {
        let mut environment = Self::from_variables(|name| std::env::var_os(name));
        environment.stdin_is_terminal = std::io::stdin().is_terminal();
        let stdout_terminal = std::io::stdout().is_terminal();
        let stderr_terminal = std::io::stderr().is_terminal();
        let width = |columns: Option<(terminal_size::Width, terminal_size::Height)>| {
            columns.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
        };
        environment.stdout =
            Terminal { is_terminal: stdout_terminal, width: width(terminal_size::terminal_size_of(std::io::stdout())) };
        environment.stderr =
            Terminal { is_terminal: stderr_terminal, width: width(terminal_size::terminal_size_of(std::io::stderr())) };
        environment
    }

    /// Takes the variables from a function; both streams count as pipes.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let raw = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| raw(name).map(PathBuf::from);
        // A variable that is not UTF-8 cannot be any of the texts below; it counts as not set.
        let text = |name: &str| raw(name).and_then(|value| value.into_string().ok());
        let either = |name: &str| text(name).or_else(|| text(&name.to_ascii_lowercase()));
        Self {
            home: path("HOME").or_else(|| path("USERPROFILE")),
            path: raw("PATH"),
            kubeconfig: raw("KUBECONFIG"),
            docker_config: path("DOCKER_CONFIG"),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            https_proxy: either("HTTPS_PROXY").map(Secret::new),
            http_proxy: either("HTTP_PROXY").map(Secret::new),
            all_proxy: either("ALL_PROXY").map(Secret::new),
            no_proxy: either("NO_PROXY"),
            service_host: text("KUBERNETES_SERVICE_HOST"),
            service_port: text("KUBERNETES_SERVICE_PORT"),
            pod_namespace: text("POD_NAMESPACE"),
            registry_mirrors: text("FRESHIMAGE_REGISTRY_MIRRORS"),
            no_color: raw("NO_COLOR").is_some(),
            force_color: raw("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            term: text("TERM"),
            stdin_is_terminal: false,
            stdout: Terminal::default(),
            stderr: Terminal::default(),
        }
    }
}
