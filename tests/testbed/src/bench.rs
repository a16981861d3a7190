//! Side-by-side measurements: the product against kubectl and against the bare transfer, one after the other on the
//! same cluster, so that the ratios mean something on any machine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

use crate::load::real::{Access, Failure};
use crate::load::registries::Registries;

/// What is measured.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The product's binary.
    pub binary: PathBuf,
    /// kubectl, if there is one.
    pub kubectl: Option<PathBuf>,
    /// How often each command runs; the median counts.
    pub runs: usize,
    /// What the cluster is, for the table's head.
    pub cluster: String,
}

/// One row of the table.
#[derive(Debug, Clone)]
struct Row {
    what: String,
    wall: Duration,
    processor: Option<Duration>,
    memory: Option<u64>,
    requests: String,
}

/// Measures everything against one cluster that is full of pods, and prints a table.
///
/// # Errors
/// A command fails, or the cluster cannot be read.
pub async fn bench(options: &BenchOptions, kubeconfig: &Path, registries: &Registries) -> Result<(), Failure> {
    let access = Access::from_kubeconfig(kubeconfig)?;
    let mut rows = Vec::new();
    for format in ["wide", "json"] {
        let arguments = ["diagnose", "-A", "-o", format];
        let mut requests = String::new();
        let row = median(options.runs, || {
            registries.forget();
            let row = run(&options.binary, &arguments, kubeconfig)?;
            requests = asked(&registries.counts());
            Ok(row)
        })?;
        rows.push(Row { what: format!("kubectl freshimage {}", arguments.join(" ")), requests, ..row });
    }
    if let Some(kubectl) = &options.kubectl {
        for arguments in [vec!["get", "pods", "-A"], vec!["get", "pods", "-A", "-o", "json"]] {
            let row = median(options.runs, || run(kubectl, &arguments, kubeconfig))?;
            rows.push(Row { what: format!("kubectl {}", arguments.join(" ")), ..row });
        }
    }
    let mut lists = Vec::new();
    for _ in 0..options.runs {
        let start = Instant::now();
        let (pages, bytes) = access.bare_list().await?;
        lists.push(Row {
            what: format!("the bare list, {pages} pages, {} MB", bytes / 1_000_000),
            wall: start.elapsed(),
            processor: None,
            memory: None,
            requests: String::new(),
        });
    }
    rows.push(middle(lists));
    print(&options.cluster, &rows)?;
    Ok(())
}

fn median(runs: usize, mut measure: impl FnMut() -> Result<Row, Failure>) -> Result<Row, Failure> {
    let mut rows = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        rows.push(measure()?);
    }
    Ok(middle(rows))
}

fn middle(mut rows: Vec<Row>) -> Row {
    rows.sort_by_key(|row| row.wall);
    let middle = rows.len() / 2;
    rows.swap_remove(middle)
}

/// Runs a command through a process of its own, which has to be small: what a process used at most is at least what its
/// parent held when it was started, and this one holds a whole cluster.
fn run(program: &Path, arguments: &[&str], kubeconfig: &Path) -> Result<Row, Failure> {
    let home = tempfile::tempdir()?;
    let output = Command::new(std::env::current_exe()?)
        .arg("measure")
        .arg(program)
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{} {} could not be measured", program.display(), arguments.join(" ")).into());
    }
    let used: Used = serde_json::from_slice(&output.stdout)?;
    Ok(Row {
        what: String::new(),
        wall: used.wall,
        processor: Some(used.processor),
        memory: Some(used.memory),
        requests: String::new(),
    })
}

/// What a command used.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Used {
    /// From its start to its end.
    pub wall: Duration,
    /// In user and kernel mode, on all cores.
    pub processor: Duration,
    /// At its peak, in bytes.
    pub memory: u64,
}

/// Runs a command to its end, its output thrown away, and takes what it used from the kernel.
///
/// # Errors
/// It cannot be started, or it fails.
pub fn measure(command: &[std::ffi::OsString]) -> Result<Used, Failure> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let usage = child.wait4()?;
    let wall = start.elapsed();
    if !usage.status.success() {
        return Err(format!("the command ended with {}", usage.status).into());
    }
    Ok(Used { wall, processor: usage.rusage.utime + usage.rusage.stime, memory: usage.rusage.maxrss })
}

/// `HEAD 1001 (1001 tags, none twice), GET 150`.
fn asked(counts: &serde_json::Value) -> String {
    let by_kind = counts["requests"].as_object().cloned().unwrap_or_default();
    let sum = |method: &str| -> u64 {
        by_kind.iter().filter(|(kind, _)| kind.starts_with(method)).filter_map(|(_, count)| count.as_u64()).sum()
    };
    let twice = match counts["tagsAskedMoreThanOnce"].as_u64() {
        Some(0) => "none twice".to_owned(),
        Some(count) => format!("{count} more than once"),
        None => "not counted".to_owned(),
    };
    format!("{} HEAD for {} tags, {twice}; {} GET", sum("HEAD"), counts["distinctTags"], sum("GET"))
}

fn print(cluster: &str, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let widest = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    writeln!(out, "\n{cluster}")?;
    writeln!(out, "{:widest$}   {:>7}   {:>7}   {:>7}   REQUESTS TO REGISTRIES", "WHAT", "WALL", "CPU", "PEAK")?;
    for row in rows {
        let seconds = |time: Duration| format!("{:.2}s", time.as_secs_f64());
        let processor = row.processor.map_or_else(|| "-".to_owned(), seconds);
        let memory = row.memory.map_or_else(|| "-".to_owned(), |bytes| format!("{} MB", bytes / 1_000_000));
        let line = format!(
            "{:widest$}   {:>7}   {processor:>7}   {memory:>7}   {}",
            row.what,
            seconds(row.wall),
            row.requests
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
