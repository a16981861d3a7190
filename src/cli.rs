//! The command line: raw flags in kubectl's words, nothing decided.
//!
//! Whoever knows kubectl knows these flags: what kubectl has keeps its name and its meaning, and what is
//! ours says in full words what it does. [`crate::settings`] turns the raw values into validated ones.

mod change;
mod usage_error;
mod values;

use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};

pub use change::{Applying, Bump, History, NextTag, Pin, Selected, Undo};
pub use usage_error::usage_error;
pub use values::{
    ColorWhen, ContentName, DocumentFormat, DryRun, OutputFormat, PartName, PlanFormat, SchemeName, Shell, SortKey,
    verdict_meaning,
};

const CONNECTION: &str = "Connection (as for kubectl)";
const SELECTION: &str = "What to look at";
const CHANGE: &str = "How it is carried out";
const OUTPUT: &str = "Output";
const REGISTRIES: &str = "Registries";
const GENERAL: &str = "General";

/// kubectl's order: what it is, examples, usage, flags. One form of help for `-h` and `--help`.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Do my pods really run what their image tags stand for now?
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-freshimage",
    bin_name = "kubectl freshimage",
    version,
    help_template = TEMPLATE,
    override_usage = "kubectl freshimage COMMAND [flags]",
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 80,
    before_help = "\
A tag can be pushed again, and a node that holds the old image goes on running it, restart or not. This plugin \
compares what pods run with what the registry serves, by content and not by digest strings alone, and says what is \
proven, why, and what would help. It gives the new content a name of its own, rolls it out and proves that it runs.

Examples:
  # What runs old content in this namespace?
  kubectl freshimage diagnose

  # The proof for one deployment
  kubectl freshimage explain deployment/web

  # Give it a unique tag, and go back again
  kubectl freshimage bump deployment/web
  kubectl freshimage undo deployment/web",
    after_help = "Use \"kubectl freshimage COMMAND --help\" for the flags of a command."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: Connection,

    /// What every command has.
    #[command(flatten)]
    pub general: General,
}

/// What every command has.
#[derive(Debug, Clone, Args)]
pub struct General {
    /// Colour the output: auto (on a terminal only), always or never
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, hide_possible_values = true, hide_default_value = true, help_heading = GENERAL)]
    pub color: ColorWhen,

    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = GENERAL)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = GENERAL)]
    version: Option<bool>,
}

/// kubectl's flags that say how the cluster is reached.
#[derive(Debug, Clone, Default, Args)]
pub struct Connection {
    /// The namespace to look at; the context's if not given
    #[arg(short, long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub namespace: Option<String>,

    /// The kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub context: Option<String>,

    /// The kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub cluster: Option<String>,

    /// The kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub user: Option<String>,

    /// The kubeconfig file to use, instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = CONNECTION)]
    pub kubeconfig: Option<String>,

    /// Address and port of the Kubernetes API server
    #[arg(short, long, global = true, value_name = "URL", value_hint = ValueHint::Url, help_heading = CONNECTION)]
    pub server: Option<String>,

    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN", help_heading = CONNECTION)]
    pub token: Option<String>,

    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER", help_heading = CONNECTION)]
    pub impersonate: Option<String>,

    /// Group to impersonate; may be given several times
    #[arg(long = "as-group", global = true, value_name = "GROUP", help_heading = CONNECTION)]
    pub impersonate_groups: Vec<String>,

    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID", help_heading = CONNECTION)]
    pub impersonate_uid: Option<String>,

    /// Certificate authority of the API server
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = CONNECTION)]
    pub certificate_authority: Option<String>,

    /// Client certificate for TLS
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = CONNECTION)]
    pub client_certificate: Option<String>,

    /// Key of the client certificate
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = CONNECTION)]
    pub client_key: Option<String>,

    /// Do not verify the API server's certificate (insecure)
    #[arg(long, global = true, help_heading = CONNECTION)]
    pub insecure_skip_tls_verify: bool,

    /// Name to expect in the API server's certificate
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub tls_server_name: Option<String>,

    /// How long one request may take: 5, 30s, 1m30s; 0 is without end
    #[arg(long, global = true, value_name = "DURATION", help_heading = CONNECTION)]
    pub request_timeout: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the text of each command stands at its struct, and clap would take this one instead")]
pub enum Command {
    Diagnose(Diagnose),
    Explain(Explain),
    Bump(Bump),
    Pin(Pin),
    Undo(Undo),
    History(History),
    NextTag(NextTag),
    Completion(Completion),
}

/// Say for each container whether it runs what its tag stands for now
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "\
kubectl freshimage diagnose [flags]
       kubectl freshimage diagnose TYPE/NAME… [flags]
       kubectl freshimage diagnose TYPE[,TYPE…] [NAME…] [flags]",
    before_help = "\
Without arguments it looks at every pod of the namespace; a TYPE alone stands for all of that type. Each container of each workload gets one verdict: \
fresh, rewrapped, stale, suspect, mixed, pinned, rolling, stuck, waiting, ended, local, unpublished or unknown. \
Beside it stand findings: floating-tag, moved-tag, always-pull, pull-never, image-volume, gitops-owned, next-start-fails, injected. A table goes to stdout, the summary and hints to stderr.

Examples:
  # Every workload of the current namespace
  kubectl freshimage diagnose

  # Two workloads by name, and all that have a label
  kubectl freshimage diagnose deployment/web statefulset/db
  kubectl freshimage diagnose -l app=web

  # The whole cluster, worst first, with digests and nodes
  kubectl freshimage diagnose -A --sort-by verdict -o wide

  # The whole cluster without its own namespaces and a mesh's sidecars
  kubectl freshimage diagnose -A \\
    --exclude 'namespace=kube-*,container=istio-proxy'

  # Only what is old
  kubectl freshimage diagnose -A --only stale,mixed,suspect

  # In a CI job: exit code 10 if something is stale, 11 if something
  # could not be checked
  kubectl freshimage diagnose -n shop --fail-on stale,mixed,unknown

  # For scripts
  kubectl freshimage diagnose -o json | jq -r '.items[] | .verdict'"
)]
pub struct Diagnose {
    /// TYPE/NAME…, or a TYPE followed by NAMEs; a TYPE alone is all of them
    // The usage lines say it better than one line of a list could.
    #[arg(value_name = "TYPE/NAME", hide = true)]
    pub targets: Vec<String>,

    /// Look at all namespaces
    #[arg(short = 'A', long, help_heading = SELECTION)]
    pub all_namespaces: bool,

    /// Label selector of the pods, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", help_heading = SELECTION)]
    pub selector: Option<String>,

    /// Field selector of the pods, such as spec.nodeName=node-a
    #[arg(long, value_name = "SELECTOR", help_heading = SELECTION)]
    pub field_selector: Option<String>,

    /// Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text
    #[arg(long, value_delimiter = ',', value_name = "KEY=PATTERN", help_heading = SELECTION)]
    pub exclude: Vec<String>,

    /// Output format: json, yaml, name or wide; a table if not given
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<OutputFormat>,

    /// Leave out the table's heads
    #[arg(long, help_heading = OUTPUT)]
    pub no_headers: bool,

    /// Sort rows by workload, verdict (worst first), image, pods (most first) or age (oldest first)
    #[arg(long, value_enum, value_name = "COLUMN", hide_possible_values = true, help_heading = OUTPUT)]
    pub sort_by: Option<SortKey>,

    /// Show only these verdicts, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "VERDICT", value_parser = values::verdict(), hide_possible_values = true, help_heading = OUTPUT)]
    pub only: Vec<String>,

    /// Exit with code 10 if there is one of these verdicts or findings, separated by commas; with 11 if only
    /// unknown was found
    #[arg(long, value_delimiter = ',', value_name = "VERDICT|FINDING", value_parser = values::verdict_or_finding(), hide_possible_values = true, help_heading = OUTPUT)]
    pub fail_on: Vec<String>,

    /// How registries are asked.
    #[command(flatten)]
    pub registries: Registries,
}

/// How registries are asked.
#[derive(Debug, Clone, Default, Args)]
pub struct Registries {
    /// Registry, by host or host:port, that may be asked by plain http or with a certificate that cannot be verified; may
    /// be given several times
    #[arg(long, value_delimiter = ',', value_name = "HOST", help_heading = REGISTRIES)]
    pub insecure_registry: Vec<String>,

    /// Where to ask for what pods pull from a registry, HOST=URL, such as registry.localhost:5000=http://localhost:5001;
    /// may be given several times
    #[arg(long, value_name = "HOST=URL", help_heading = REGISTRIES)]
    pub registry_mirror: Vec<String>,
}

/// Show the whole proof for one workload
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "\
kubectl freshimage explain TYPE/NAME [flags]
       kubectl freshimage explain TYPE NAME [flags]",
    before_help = "\
One page that says what the pods ask for, what the tag serves now, what the pods run, which digests were \
looked up where and what each proved, why it is so, what would help and what would not.

Examples:
  # Why does this deployment run old content?
  kubectl freshimage explain deployment/web

  # One container of a pod
  kubectl freshimage explain pod web-5d9c7b6f4-x2k8p -c app

  # The same facts for a script
  kubectl freshimage explain deployment/web -o yaml"
)]
pub struct Explain {
    /// The workload: TYPE/NAME, or TYPE NAME
    #[arg(value_name = "TYPE/NAME", required = true, num_args = 1..=2, hide = true)]
    pub target: Vec<String>,

    /// Explain this container (or image volume) only
    #[arg(short, long, value_name = "NAME", help_heading = SELECTION)]
    pub container: Option<String>,

    /// Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text
    #[arg(long, value_delimiter = ',', value_name = "KEY=PATTERN", help_heading = SELECTION)]
    pub exclude: Vec<String>,

    /// Output format: json or yaml; a page of text if not given
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<DocumentFormat>,

    /// How registries are asked.
    #[command(flatten)]
    pub registries: Registries,
}

/// Print a completion script
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "kubectl freshimage completion SHELL",
    before_help = "\
kubectl completes its plugins by asking a program named kubectl_complete-freshimage; \"kubectl\" as the shell \
prints that one. The other scripts complete kubectl-freshimage when it is called by that name.

Examples:
  # Let kubectl complete this plugin (any folder on PATH will do)
  kubectl freshimage completion kubectl \\
    > ~/.local/bin/kubectl_complete-freshimage
  chmod +x ~/.local/bin/kubectl_complete-freshimage

  # In this bash, for kubectl-freshimage called by its own name
  source <(kubectl freshimage completion bash)"
)]
pub struct Completion {
    /// kubectl, bash, zsh, fish, powershell or elvish
    #[arg(value_enum, value_name = "SHELL", hide_possible_values = true)]
    pub shell: Shell,
}
