//! `testbed`: the simulated cluster as a process, and load for measurements.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::json;
use testbed::bench::{BenchOptions, bench, measure};
use testbed::demo::{DemoOptions, demo};
use testbed::load::LoadOptions;
use testbed::load::real::{Access, Failure, create};
use testbed::load::registries::Registries;
use testbed::load::synthetic;
use testbed::simulated::{Simulated, SimulatedOptions};

/// Simulated clusters and registries, for tests, the demo and measurements.
#[derive(Debug, Parser)]
#[command(name = "testbed")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a simulated cluster that is full of pods, and the registries of their images
    Serve {
        #[command(flatten)]
        load: LoadArguments,
        /// Where to write the kubeconfig (a file in the temporary directory by default)
        #[arg(long)]
        kubeconfig_out: Option<PathBuf>,
        /// No pods: an empty cluster with controllers and two nodes
        #[arg(long)]
        empty: bool,
    },
    /// Live the product's story on this terminal
    Demo {
        /// The product's binary
        #[arg(long)]
        binary: PathBuf,
        /// Leave the cluster running to play with
        #[arg(long)]
        shell: bool,
        /// Pause before each step, such as `2s`
        #[arg(long, default_value = "0s", value_parser = parse_duration)]
        pause: Duration,
    },
    /// Measure the product beside kubectl, on a cluster that is full of pods
    Bench {
        #[command(flatten)]
        load: LoadArguments,
        /// The product's binary
        #[arg(long)]
        binary: PathBuf,
        /// kubectl, to compare with
        #[arg(long)]
        kubectl: Option<PathBuf>,
        /// A real API server to fill and to measure against, instead of the simulated one
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
        /// How often each command runs; the median counts
        #[arg(long, default_value_t = 3)]
        runs: usize,
    },
    /// Run a command and tell as JSON what it used
    #[command(hide = true)]
    Measure {
        /// The command
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Create the same pods in a real API server (a control plane is enough), and serve the registries
    Load {
        #[command(flatten)]
        load: LoadArguments,
        /// The kubeconfig of the real API server; its user needs a token
        #[arg(long)]
        kubeconfig: PathBuf,
    },
}

#[derive(Debug, Args)]
struct LoadArguments {
    /// Pods in all
    #[arg(long, default_value_t = 10_000)]
    pods: usize,
    /// Distinct references besides the sidecar's
    #[arg(long, default_value_t = 1_000)]
    images: usize,
    /// Registries over which the references are spread
    #[arg(long, default_value_t = 10)]
    registries: usize,
    /// Deployments over which the pods are spread
    #[arg(long, default_value_t = 1_000)]
    deployments: usize,
    /// How long a registry takes for an answer, such as `20ms`
    #[arg(long, default_value = "20ms", value_parser = parse_duration)]
    latency: Duration,
    /// Of a hundred references, how many were pushed again since
    #[arg(long, default_value_t = 5)]
    stale_percent: usize,
}

impl LoadArguments {
    fn options(&self) -> LoadOptions {
        LoadOptions {
            pods: self.pods,
            images: self.images,
            registries: self.registries,
            deployments: self.deployments,
            latency: self.latency,
            stale_percent: self.stale_percent,
            ..LoadOptions::default()
        }
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no duration such as `20ms` or `1s`");
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(bad)?);
    let number: u64 = number.parse().map_err(|_| bad())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(bad()),
    }
}

#[expect(clippy::print_stdout, reason = "the ready line is what the caller of the process waits for")]
fn say(value: &serde_json::Value) {
    println!("{value}");
}

/// Waits for Ctrl-C, a termination signal, or the end of the standard input.
async fn until_told_to_stop() -> Result<(), Failure> {
    let input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    #[cfg(unix)]
    let terminated = async {
        let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        signal.recv().await;
        Ok::<(), std::io::Error>(())
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Result<(), std::io::Error>>();
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome?,
        outcome = terminated => outcome?,
        _ = input => {}
    }
    Ok(())
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve { load, kubeconfig_out, empty } => {
            let options = load.options();
            let settings = if empty {
                SimulatedOptions::default()
            } else {
                SimulatedOptions {
                    nodes: Vec::new(),
                    controllers: false,
                    namespaces: synthetic::namespaces(&options),
                    ..SimulatedOptions::default()
                }
            };
            let cluster = Simulated::start(settings).await;
            let registries = if empty { None } else { Some(Registries::start(&options).await?) };
            if let Some(registries) = &registries {
                synthetic::fill(cluster.server(), &options, &registries.images);
            }
            let temporary = tempfile::tempdir()?;
            let path = kubeconfig_out.unwrap_or_else(|| temporary.path().join("kubeconfig"));
            cluster.write_kubeconfig(&path, "admin", "default")?;
            say(&json!({
                "kubeconfig": path, "server": cluster.plain_url(),
                "counts": registries.as_ref().map(|registries| format!("http://{}/counts", registries.control)),
                "references": registries.as_ref().map(|registries| registries.images.len()),
                "stale": registries.as_ref().map(|registries| registries.images.iter().filter(|image| image.is_stale).count()),
            }));
            until_told_to_stop().await?;
            say(&json!({"registries": registries.as_ref().map(Registries::counts)}));
            cluster.stop().await;
        }
        Command::Demo { binary, shell, pause } => {
            let options = DemoOptions { binary, shell, pause };
            // The story ends with an error or by itself; Ctrl-C drops it, and its cluster and folder with it.
            tokio::select! {
                outcome = demo(&options) => outcome.map_err(|error| Failure::from(error.to_string()))?,
                outcome = tokio::signal::ctrl_c() => {
                    outcome?;
                    // The product that runs at that moment got the Ctrl-C too, and says in what state it left things.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            }
        }
        Command::Bench { load, binary, kubectl, kubeconfig, runs } => {
            let options = load.options();
            let registries = Registries::start(&options).await?;
            let what = if kubeconfig.is_some() { "a real API server with etcd" } else { "the simulated API server" };
            let cluster = format!(
                "{} pods, {} references in {} registries that answer after {} ms, {what}",
                options.pods,
                registries.images.len(),
                options.registries,
                options.latency.as_millis()
            );
            let options_of_bench = BenchOptions { binary, kubectl, runs, cluster };
            let temporary = tempfile::tempdir()?;
            match kubeconfig {
                Some(kubeconfig) => {
                    create(&Access::from_kubeconfig(&kubeconfig)?, &options, &registries.images).await?;
                    bench(&options_of_bench, &kubeconfig, &registries).await?;
                }
                None => {
                    let settings = SimulatedOptions {
                        nodes: Vec::new(),
                        controllers: false,
                        namespaces: synthetic::namespaces(&options),
                        ..SimulatedOptions::default()
                    };
                    let cluster = Simulated::start(settings).await;
                    synthetic::fill(cluster.server(), &options, &registries.images);
                    let path = temporary.path().join("kubeconfig");
                    cluster.write_kubeconfig(&path, "admin", "default")?;
                    bench(&options_of_bench, &path, &registries).await?;
                    cluster.stop().await;
                }
            }
        }
        Command::Measure { command } => say(&serde_json::to_value(measure(&command)?)?),
        Command::Load { load, kubeconfig } => {
            let options = load.options();
            let access = Access::from_kubeconfig(&kubeconfig)?;
            let registries = Registries::start(&options).await?;
            let pods = create(&access, &options, &registries.images).await?;
            say(&json!({
                "pods": pods, "kubeconfig": kubeconfig, "references": registries.images.len(),
                "counts": format!("http://{}/counts", registries.control),
                "stale": registries.images.iter().filter(|image| image.is_stale).count(),
            }));
            until_told_to_stop().await?;
            say(&json!({"registries": registries.counts()}));
        }
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error);
            return std::process::ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(Cli::parse()));
    // The thread that waits for the standard input must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            std::process::ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "errors of the process go to its standard error")]
fn report(error: &dyn std::error::Error) {
    eprintln!("error: {error}");
}
