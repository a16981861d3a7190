//! What a run is to do: raw flags and the environment, made into one validated struct for each command.
//!
//! Everything here is pure: the environment is an argument ([`Environment`]), so that each rule can be
//! tested without touching the process.

mod change;
mod environment;
mod exclude;
mod mirrors;
mod targets;
mod timeout;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use change::{ApplySettings, BumpSettings, HistorySettings, NextTagSettings, UndoSettings};
pub use environment::{Environment, Secret, Terminal};
pub use targets::{Selection, Target};
pub use timeout::{parse_duration, parse_timeout};

use exclude::exclusions;
use mirrors::mirrors;

use crate::cli::{self, ColorWhen, DocumentFormat, OutputFormat, SortKey};
use crate::domain::diagnosis::{Finding, Verdict};
use crate::domain::exclusion::Exclusions;
use crate::error::AppError;
use crate::fail_on::FailOn;
use crate::text::shell_word;

/// How to reach the cluster: kubectl's flags as they were given; empty ones count as not given, as kubectl
/// has it.
#[derive(Debug, Clone, Default)]
pub struct ConnectionSettings {
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `--kubeconfig`.
    pub kubeconfig: Option<String>,
    /// `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<Secret>,
    /// `--as`.
    pub impersonate: Option<String>,
    /// `--as-group`, in order.
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`.
    pub impersonate_uid: Option<String>,
    /// `--certificate-authority`.
    pub certificate_authority: Option<String>,
    /// `--client-certificate`.
    pub client_certificate: Option<String>,
    /// `--client-key`.
    pub client_key: Option<String>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: bool,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--request-timeout`; `None` where it was not given.
    pub request_timeout: Option<RequestTimeout>,
}

/// `--request-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTimeout {
    /// `0`: a request may take as long as it takes.
    Never,
    /// After this long.
    After(Duration),
}

/// How registries are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Hosts, with their port where one was given, that may be asked by plain http or with an unverifiable
    /// certificate.
    pub insecure: BTreeSet<String>,
    /// `--registry-mirror`: where to ask instead of a host, as a base URL or another host.
    pub given_mirrors: BTreeMap<String, String>,
    /// `FRESHIMAGE_REGISTRY_MIRRORS`: the same, unless the flag says otherwise.
    pub usual_mirrors: BTreeMap<String, String>,
}

impl RegistrySettings {
    fn new(flags: &cli::Registries, environment: &Environment) -> Result<Self, AppError> {
        let usual = environment.registry_mirrors.as_deref().unwrap_or_default().split(',').map(str::trim);
        Ok(Self {
            insecure: flags.insecure_registry.iter().map(|host| registry_host(host)).collect::<Result<_, _>>()?,
            given_mirrors: mirrors("--registry-mirror", flags.registry_mirror.iter().map(String::as_str))?,
            usual_mirrors: mirrors("FRESHIMAGE_REGISTRY_MIRRORS", usual.filter(|pair| !pair.is_empty()))?,
        })
    }

    /// Where to ask instead of a host; what comes later goes before.
    pub fn mirrors(&self) -> impl Iterator<Item = (&String, &String)> {
        self.usual_mirrors.iter().chain(&self.given_mirrors)
    }
}

/// What every command has.
#[derive(Debug, Clone, Default)]
pub struct CommonSettings {
    /// How to reach the cluster.
    pub connection: ConnectionSettings,
    /// How registries are asked.
    pub registries: RegistrySettings,
}

/// How the answer of `diagnose` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The table, with or without its wide columns.
    Table {
        /// `-o wide`.
        wide: bool,
    },
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Names of workloads.
    Name,
}

/// A run of `diagnose`.
#[derive(Debug, Clone)]
pub struct DiagnoseSettings {
    /// What every command has.
    pub common: CommonSettings,
    /// What to look at.
    pub selection: Selection,
    /// `-A`.
    pub all_namespaces: bool,
    /// `-l`.
    pub label_selector: Option<String>,
    /// `--field-selector`.
    pub field_selector: Option<String>,
    /// `--exclude`.
    pub exclusions: Exclusions,
    /// `-o`.
    pub format: Format,
    /// `--no-headers`.
    pub no_headers: bool,
    /// `--sort-by`.
    pub sort_by: Option<SortKey>,
    /// `--only`; empty shows all.
    pub only: BTreeSet<Verdict>,
    /// `--fail-on`.
    pub fail_on: FailOn,
}

/// A run of `explain`.
#[derive(Debug, Clone)]
pub struct ExplainSettings {
    /// What every command has.
    pub common: CommonSettings,
    /// Which workload.
    pub target: Target,
    /// `-c`.
    pub container: Option<String>,
    /// `--exclude`.
    pub exclusions: Exclusions,
    /// `-o`; a page of text if `None`.
    pub format: Option<DocumentFormat>,
}

impl CommonSettings {
    fn new(
        connection: cli::Connection,
        registries: &cli::Registries,
        environment: &Environment,
    ) -> Result<Self, AppError> {
        let request_timeout = match given(connection.request_timeout) {
            Some(text) => Some(parse_timeout(&text)?),
            None => None,
        };
        let connection = ConnectionSettings {
            namespace: given(connection.namespace),
            context: given(connection.context),
            cluster: given(connection.cluster),
            user: given(connection.user),
            kubeconfig: given(connection.kubeconfig),
            server: given(connection.server),
            token: given(connection.token).map(Secret::new),
            impersonate: given(connection.impersonate),
            impersonate_groups: connection.impersonate_groups,
            impersonate_uid: given(connection.impersonate_uid),
            certificate_authority: given(connection.certificate_authority),
            client_certificate: given(connection.client_certificate),
            client_key: given(connection.client_key),
            insecure_skip_tls_verify: connection.insecure_skip_tls_verify,
            tls_server_name: given(connection.tls_server_name),
            request_timeout,
        };
        if connection.impersonate.is_none()
            && (!connection.impersonate_groups.is_empty() || connection.impersonate_uid.is_some())
        {
            return Err(AppError::usage("`--as-group` and `--as-uid` need `--as`").hint("add `--as USER`"));
        }
        if connection.insecure_skip_tls_verify && connection.certificate_authority.is_some() {
            return Err(AppError::usage(
                "`--certificate-authority` has no meaning beside `--insecure-skip-tls-verify`",
            )
            .hint("leave one of them out"));
        }
        Ok(Self { connection, registries: RegistrySettings::new(registries, environment)? })
    }

    /// The flags without which a command that is hinted at would look elsewhere, ready to be copied into a POSIX shell. No
    /// secrets: whoever gave a token knows how to give it again.
    #[must_use]
    pub fn repeated_flags(&self) -> String {
        let connection = &self.connection;
        let flags = [
            ("user", &connection.user),
            ("as", &connection.impersonate),
            ("as-uid", &connection.impersonate_uid),
            ("client-certificate", &connection.client_certificate),
            ("client-key", &connection.client_key),
        ];
        let groups = connection.impersonate_groups.iter().map(|group| ("as-group", group.clone()));
        let connection = flags
            .into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| (name, value.clone())))
            .chain(groups);
        let insecure = self.registries.insecure.iter().map(|host| ("insecure-registry", host.clone()));
        let mirrors = &self.registries.given_mirrors;
        let mirrors = mirrors.iter().map(|(host, place)| ("registry-mirror", format!("{host}={place}")));
        let given = connection.chain(insecure).chain(mirrors);
        let given = given.map(|(name, value)| format!("--{name} {}", shell_word(&value)));
        let cluster = Some(self.cluster_flags()).filter(|flags| !flags.is_empty());
        cluster.into_iter().chain(given).collect::<Vec<_>>().join(" ")
    }

    /// Those of them that say which cluster it is, and not who asks: kubectl knows them too.
    #[must_use]
    pub fn cluster_flags(&self) -> String {
        let connection = &self.connection;
        let flags = [
            ("kubeconfig", &connection.kubeconfig),
            ("context", &connection.context),
            ("cluster", &connection.cluster),
            ("server", &connection.server),
            ("certificate-authority", &connection.certificate_authority),
            ("tls-server-name", &connection.tls_server_name),
        ];
        let given =
            flags.into_iter().filter_map(|(name, value)| Some(format!("--{name} {}", shell_word(value.as_ref()?))));
        given.collect::<Vec<_>>().join(" ")
    }
}

impl DiagnoseSettings {
    /// Validates the raw flags of `diagnose`.
    ///
    /// # Errors
    /// A usage error that says which flags contradict each other or cannot be read.
    pub fn new(flags: cli::Diagnose, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        let selection = Selection::parse(&flags.targets)?;
        selection.check_beside(flags.all_namespaces, flags.selector.as_deref(), flags.field_selector.as_deref())?;
        Ok(Self {
            common: CommonSettings::new(connection, &flags.registries, environment)?,
            selection,
            all_namespaces: flags.all_namespaces,
            label_selector: given(flags.selector),
            field_selector: given(flags.field_selector),
            exclusions: exclusions(&flags.exclude, Vec::new())?,
            format: match flags.output {
                None => Format::Table { wide: false },
                Some(OutputFormat::Wide) => Format::Table { wide: true },
                Some(OutputFormat::Json) => Format::Json,
                Some(OutputFormat::Yaml) => Format::Yaml,
                Some(OutputFormat::Name) => Format::Name,
            },
            no_headers: flags.no_headers,
            sort_by: flags.sort_by,
            only: flags.only.iter().filter_map(|word| verdict_named(word)).collect(),
            fail_on: FailOn {
                verdicts: flags.fail_on.iter().filter_map(|word| verdict_named(word)).collect(),
                findings: flags.fail_on.iter().filter_map(|word| finding_named(word)).collect(),
            },
        })
    }
}

impl ExplainSettings {
    /// Validates the raw flags of `explain`.
    ///
    /// # Errors
    /// A usage error that says what cannot be read.
    pub fn new(flags: cli::Explain, connection: cli::Connection, environment: &Environment) -> Result<Self, AppError> {
        Ok(Self {
            common: CommonSettings::new(connection, &flags.registries, environment)?,
            target: targets::single(&flags.target, "explain")?,
            exclusions: exclusions(&flags.exclude, flags.container.iter().cloned().collect())?,
            container: given(flags.container),
            format: flags.output,
        })
    }
}

/// Whether a stream gets colours: the flag decides, then `NO_COLOR` (if not empty), then `CLICOLOR_FORCE` (if neither
/// empty nor `0`), then whether it is a terminal that is not `dumb`.
#[must_use]
pub fn colored(when: ColorWhen, environment: &Environment, terminal: bool) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if environment.no_color => false,
        ColorWhen::Auto if environment.force_color => true,
        ColorWhen::Auto => terminal && environment.term.as_deref() != Some("dumb"),
    }
}

fn given(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.is_empty())
}

fn verdict_named(word: &str) -> Option<Verdict> {
    Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word)
}

fn finding_named(word: &str) -> Option<Finding> {
    Finding::ALL.into_iter().find(|finding| finding.as_str() == word)
}

/// A host with an optional port, in lower case; a scheme or path would never match any reference.
fn registry_host(text: &str) -> Result<String, AppError> {
    let host = text.trim();
    if host.is_empty() || host.contains(['/', ' ', '@']) {
        return Err(AppError::usage(format!("`--insecure-registry` needs a host, not `{host}`"))
            .hint("write it as in an image's name: `registry.example.com:5000`"));
    }
    Ok(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
