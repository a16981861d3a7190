//! The raw flags of the commands that change something, and of `next-tag`.

use clap::Args;

use super::values::{ContentName, DocumentFormat, DryRun, PartName, PlanFormat, SchemeName};
use super::{CHANGE, OUTPUT, Registries, SELECTION, TEMPLATE};

const WAY: &str = "How it is to be changed";

/// Give workloads the served content under a name that stays
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "\
kubectl freshimage bump [flags]
       kubectl freshimage bump TYPE/NAME… --to WAY [flags]
       kubectl freshimage bump TYPE/NAME… --set CONTAINER=IMAGE… [flags]
       kubectl freshimage bump TYPE[,TYPE…] [NAME…] --to WAY [flags]",
    before_help = "\
Gives the content a name that no node, mirror or cache has an old answer to, patches the workloads, waits for their \
pods and proves by content that they run it. On a terminal it asks what is not said; elsewhere `--to`, `--yes` and \
workloads (or `--all`, `-l`) say everything. Nothing is built or pulled: a new tag is one more name for the same bytes \
in the registry.

Ways (--to):
  tag            a tag of its own, proposed by the repository's scheme (best)
  tag=NAME       a tag of this name; refused if it holds other content
  digest         the tag that it has and the digest, as `pin` does
  existing=NAME  a tag that is there, whatever it holds
  always-pull    imagePullPolicy: Always and a restart (not recommended: every
                 start then needs the registry)

`--set` gives containers any images, as `kubectl set image` does, in one rollout that is checked, waited for, proven and \
can be undone like any other.

Named workloads are changed whatever their verdict; a TYPE, `-l` or `--all` picks those that run old content.

Examples:
  # Choose among what is stale
  kubectl freshimage bump

  # See the plan, change nothing
  kubectl freshimage bump deployment/web --to tag --dry-run=server

  # In a script
  kubectl freshimage bump deployment/web --to tag=1.4.2 --yes

  # Everything stale in a namespace, back again where it fails
  kubectl freshimage bump --all -n shop --to tag --yes --rollback

  # Give what runs now a name, before it gets lost
  kubectl freshimage bump deployment/web --to tag --content running

  # Other images, in one rollout
  kubectl freshimage bump deployment/web \\
    --set app=reg.example.com/shop/web:2.0 \\
    --set proxy=reg.example.com/mesh/proxy:3.1"
)]
pub struct Bump {
    /// What is bumped.
    #[command(flatten)]
    pub selected: Selected,

    /// The way: tag, tag=NAME, digest, existing=NAME or always-pull
    #[arg(long, value_name = "WAY", help_heading = WAY)]
    pub to: Option<String>,

    /// The image of a container, init container or image volume, instead of --to; may be given several times
    #[arg(long, value_name = "CONTAINER=IMAGE", help_heading = WAY)]
    pub set: Vec<String>,

    /// How the next tag is made: auto, increment, semver, date or digest
    #[arg(long, value_enum, value_name = "SCHEME", hide_possible_values = true, help_heading = WAY)]
    pub scheme: Option<SchemeName>,

    /// Which part of a version counts up: major, minor or patch
    #[arg(long, value_enum, value_name = "PART", hide_possible_values = true, help_heading = WAY)]
    pub bump: Option<PartName>,

    /// Which content: served (what the tag stands for now) or running (what the pods run now)
    #[arg(long, value_enum, value_name = "CONTENT", hide_possible_values = true, help_heading = WAY)]
    pub content: Option<ContentName>,

    /// How it is done.
    #[command(flatten)]
    pub applying: Applying,

    /// How registries are asked.
    #[command(flatten)]
    pub registries: Registries,
}

/// Write the digest into the reference: bump --to digest
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "\
kubectl freshimage pin [flags]
       kubectl freshimage pin TYPE/NAME… [flags]",
    before_help = "\
Writes the digest behind the tag, `app:1.0@sha256:…`: the tag stays for the reader, the digest decides. It is \
the digest of the whole index, so that every platform gets its own image. The same as `bump --to digest`.

Examples:
  # What the tag stands for now
  kubectl freshimage pin deployment/web

  # What runs now, whatever the tag stands for
  kubectl freshimage pin deployment/web --content running --yes"
)]
pub struct Pin {
    /// What is pinned.
    #[command(flatten)]
    pub selected: Selected,

    /// Which content: served (what the tag stands for now) or running (what the pods run now)
    #[arg(long, value_enum, value_name = "CONTENT", default_value_t, hide_possible_values = true, hide_default_value = true, help_heading = WAY)]
    pub content: ContentName,

    /// How it is done.
    #[command(flatten)]
    pub applying: Applying,

    /// How registries are asked.
    #[command(flatten)]
    pub registries: Registries,
}

/// Go back to exactly the content that ran before the last bump
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "kubectl freshimage undo [TYPE/NAME…|TYPE] [flags]",
    before_help = "\
Takes the last bump or pin back, to the very content that ran before, by its digest: its tag may stand for something \
else by now. Changes that were never proven to run are skipped on the way back. Given again it goes back one more; an \
undo that was interrupted is finished first. If the registry no longer has that content, it says so and changes nothing.

Examples:
  # Back
  kubectl freshimage undo deployment/web

  # To a revision that `kubectl freshimage history deployment/web` lists
  kubectl freshimage undo deployment/web --to-revision 2

  # Everything that one run of bump changed, wherever it is
  kubectl freshimage undo --all -A --run 3f2c1d0a9b

  # What would be done
  kubectl freshimage undo deployment/web --dry-run=client"
)]
pub struct Undo {
    /// TYPE/NAME…, or a TYPE followed by NAMEs; a TYPE alone is all of them that were changed
    #[arg(value_name = "TYPE/NAME", hide = true)]
    pub targets: Vec<String>,

    /// Everything that was changed
    #[arg(long, help_heading = SELECTION)]
    pub all: bool,

    /// Look at all namespaces
    #[arg(short = 'A', long, help_heading = SELECTION)]
    pub all_namespaces: bool,

    /// Label selector, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", help_heading = SELECTION)]
    pub selector: Option<String>,

    /// Only what this run of a command changed last; the outcome of each run names it
    #[arg(long, value_name = "ID", help_heading = SELECTION)]
    pub run: Option<String>,

    /// Go to this revision; 0 is what ran before the first change that is known
    #[arg(long, value_name = "NUMBER", help_heading = CHANGE)]
    pub to_revision: Option<u32>,

    /// How it is done.
    #[command(flatten)]
    pub applying: Applying,

    /// How registries are asked.
    #[command(flatten)]
    pub registries: Registries,
}

/// Show what bump, pin and undo changed in a workload
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "kubectl freshimage history TYPE/NAME [flags]",
    before_help = "\
Lists the changes of a workload that are kept: when, by whom, from which image to which, and whether the pods were proven \
to run it. `undo --to-revision NUMBER` goes to any of them.

Examples:
  kubectl freshimage history deployment/web
  kubectl freshimage history deployment/web -o json"
)]
pub struct History {
    /// TYPE/NAME, or a TYPE followed by a NAME
    #[arg(value_name = "TYPE/NAME", required = true, hide = true)]
    pub target: Vec<String>,

    /// Format: json or yaml; a table if not given
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<DocumentFormat>,
}

/// Print the next unique tag of an image
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    override_usage = "kubectl freshimage next-tag IMAGE [flags]",
    before_help = "\
Prints one tag that is free in the image's repository, and nothing else, for scripts. The scheme is the one that the \
repository's tags around the image's own follow, unless `--scheme` says otherwise. Where the image's labels name a \
version or a commit that fits, that goes first:

  increment   v7 → v8, 1.4.2-debian-12-r3 → 1.4.2-debian-12-r4
  semver      1.4.2 → 1.4.3, v1.0-alpine → v1.1-alpine; --bump major|minor|patch
  date        2026.11.23 in the form of the repository, and -2 for the second
  digest      1.0- and twelve digits of the content: the same content always
              gets the same tag, so that this one may be there already

Examples:
  # Build under a tag of its own
  tag=$(kubectl freshimage next-tag reg.example.com/shop/web:1.4)
  docker build -t reg.example.com/shop/web:$tag ."
)]
pub struct NextTag {
    /// The image, with the tag that it has now
    #[arg(value_name = "IMAGE", hide = true)]
    pub image: String,

    /// How the next tag is made: auto, increment, semver, date or digest
    #[arg(long, value_enum, value_name = "SCHEME", hide_possible_values = true, help_heading = WAY)]
    pub scheme: Option<SchemeName>,

    /// Which part of a version counts up: major, minor or patch
    #[arg(long, value_enum, value_name = "PART", hide_possible_values = true, help_heading = WAY)]
    pub bump: Option<PartName>,

    /// Say on stderr which tags decided, and why
    #[arg(long, help_heading = WAY)]
    pub explain: bool,

    /// How registries are asked.
    #[command(flatten)]
    pub registries: Registries,
}

/// What is changed.
#[derive(Debug, Clone, Default, Args)]
pub struct Selected {
    /// TYPE/NAME…, or a TYPE followed by NAMEs; a TYPE alone is all of them that run old content
    #[arg(value_name = "TYPE/NAME", hide = true)]
    pub targets: Vec<String>,

    /// Everything that runs old content
    #[arg(long, help_heading = SELECTION)]
    pub all: bool,

    /// Look at all namespaces
    #[arg(short = 'A', long, help_heading = SELECTION)]
    pub all_namespaces: bool,

    /// Label selector of the pods, such as app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", help_heading = SELECTION)]
    pub selector: Option<String>,

    /// Change only these containers or image volumes; may be given several times
    #[arg(short, long, value_delimiter = ',', value_name = "NAME", help_heading = SELECTION)]
    pub container: Vec<String>,

    /// Leave out what fits KEY=PATTERN, separated by commas: container, kind, namespace or image; * is any text
    #[arg(long, value_delimiter = ',', value_name = "KEY=PATTERN", help_heading = SELECTION)]
    pub exclude: Vec<String>,
}

/// How a change is carried out.
#[derive(Debug, Clone, Args)]
pub struct Applying {
    /// Print the plan and stop: client by itself, server after the API server has judged each patch; none does it
    #[arg(long, value_enum, value_name = "MODE", num_args = 0..=1, require_equals = true, default_value_t, default_missing_value = "client", hide_possible_values = true, hide_default_value = true, help_heading = CHANGE)]
    pub dry_run: DryRun,

    /// Do it without asking
    #[arg(short, long, help_heading = CHANGE)]
    pub yes: bool,

    /// Change also what another tool or an operator will put back
    #[arg(long, help_heading = CHANGE)]
    pub force: bool,

    /// Do what can be done where a part is refused; otherwise nothing is done then
    #[arg(long, help_heading = CHANGE)]
    pub keep_going: bool,

    /// How long a workload may take until its new pods run: 90s, 5m; 0 is without end
    #[arg(long, value_name = "DURATION", default_value = "5m", help_heading = CHANGE)]
    pub timeout: String,

    /// How long new containers have to run without a restart before they count; at least minReadySeconds [default: 2s]
    #[arg(long, value_name = "DURATION", help_heading = CHANGE)]
    pub settle: Option<String>,

    /// Do not wait for the pods, and prove nothing
    #[arg(long, help_heading = CHANGE)]
    pub no_wait: bool,

    /// Go back by itself where the new content does not come to run
    #[arg(long, help_heading = CHANGE)]
    pub rollback: bool,

    /// How many workloads are changed at once
    #[arg(long, value_name = "NUMBER", default_value_t = 10, help_heading = CHANGE)]
    pub max_parallel: u16,

    /// Name of the manager of the fields that are changed
    #[arg(long, value_name = "NAME", default_value = "kubectl-freshimage", hide_default_value = true, help_heading = CHANGE)]
    pub field_manager: String,

    /// Format: json or yaml (the outcome, or with --dry-run the plan), diff or name; text if not given
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<PlanFormat>,
}
