//! The story that the product exists for, told on a terminal: real output of the real binary, against the simulated
//! cluster.
//!
//! Everything happens in this process and in a temporary folder, so that nothing is left behind.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::bed::Bed;
use crate::bed::workload::PodTemplate;
use crate::gateway::GatewayOptions;

/// How the demo is told.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The product's binary.
    pub binary: PathBuf,
    /// Keep the cluster running afterwards.
    pub shell: bool,
    /// Pause between the steps, for somebody who reads along.
    pub pause: Duration,
}

const REPOSITORY: &str = "cp-enablement/awesomeapp";

/// Tells the story.
///
/// # Errors
/// The product cannot be started, or did not say what the story needs.
pub async fn demo(options: &DemoOptions) -> Result<(), Box<dyn std::error::Error>> {
    let bed = Bed::start("demo").await;
    let registry = bed.gateway(GatewayOptions::new()).await;
    let image = registry.image(REPOSITORY, "1.0");
    let stage = Stage { bed: &bed, binary: std::path::absolute(&options.binary)?, pause: options.pause };

    stage.print(
        "A cluster with two nodes and a registry are simulated in this process. The docker and kubectl lines show\n\
         what you would type; what `kubectl freshimage` says is the real program's output.\n",
    )?;
    stage.say("1. awesomeapp:1.0 is built, pushed and deployed with the default pull policy.")?;
    let old = bed.image("Hello from the first build").created("2026-11-17T09:12:00Z").revision("1a2b3c");
    let first = bed.push(&registry, REPOSITORY, "1.0", old).await;
    stage.command(&format!("docker push {image}"))?;
    stage.print(&format!("1.0: digest: {first}\n"))?;
    stage.command(&format!("kubectl create deployment awesomeapp --replicas=2 --image={image}"))?;
    let mut deployment = PodTemplate::new("app", &image).deployment("awesomeapp", 2);
    // As kubectl sends it: the default policy is the server's to fill in.
    if let Some(container) = deployment.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut) {
        container.remove("imagePullPolicy");
    }
    bed.create(&deployment).await;
    stage.pods(&bed.wait_rolled_out("deployment", "awesomeapp").await)?;
    stage.freshimage(&["diagnose"]).await?;

    stage.say("2. The code changes. 1.0 is built and pushed again, and the deployment is restarted.")?;
    let new = bed.image("Hello from the fixed build").created("2026-11-20T16:40:00Z").revision("3c4d9e");
    let second = bed.push(&registry, REPOSITORY, "1.0", new).await;
    stage.command(&format!("docker push {image}"))?;
    stage.print(&format!("1.0: digest: {second}\n"))?;
    stage.command("kubectl rollout restart deployment/awesomeapp")?;
    stage.pods(&bed.restart("deployment", "awesomeapp").await)?;
    stage.print("New pods, and still the first build's digest: no event tells, and no restart helps.\n")?;

    stage.say("3. Which pods run old content?")?;
    stage.freshimage(&["diagnose"]).await?;

    stage.say("4. What is the proof, why is it so, and what would help?")?;
    stage.freshimage(&["explain", "deployment/awesomeapp"]).await?;

    if options.shell {
        stage.say("The cluster goes on running. In another terminal:")?;
        let kubeconfig = bed.kubeconfig();
        stage.print(&format!("  export KUBECONFIG={}\n", kubeconfig.display()))?;
        stage.print(&format!("  {} diagnose\n", stage.binary.display()))?;
        stage.print("  kubectl get pods        (if you have kubectl)\n\nCtrl-C ends it.\n")?;
        // Whoever called this ends it.
        std::future::pending::<()>().await;
    }
    bed.finish().await;
    Ok(())
}

struct Stage<'a> {
    bed: &'a Bed,
    binary: PathBuf,
    pause: Duration,
}

impl Stage<'_> {
    fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn say(&self, text: &str) -> io::Result<()> {
        std::thread::sleep(self.pause);
        self.print(&format!("\n{text}\n\n"))
    }

    fn command(&self, words: &str) -> io::Result<()> {
        self.print(&format!("$ {words}\n"))
    }

    /// What `kubectl get pods` would be asked for: names and what they run.
    fn pods(&self, pods: &[Value]) -> io::Result<()> {
        self.command(
            "kubectl get pods -o custom-columns=NAME:.metadata.name,RUNS:.status.containerStatuses[0].imageID",
        )?;
        for pod in pods {
            let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or("<none>");
            let runs = text("/status/containerStatuses/0/imageID");
            let runs = runs.rsplit_once('@').map_or(runs, |(_, digest)| digest);
            self.print(&format!("{}   …@{}…\n", text("/metadata/name"), runs.get(..19).unwrap_or(runs)))?;
        }
        self.print("\n")
    }

    /// Runs the product on this terminal, so that its colours and widths are the real ones.
    async fn freshimage(&self, arguments: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
        self.command(&format!("kubectl freshimage {}", arguments.join(" ")))?;
        let home: &Path = self.bed.home();
        let status = tokio::process::Command::new(&self.binary)
            .args(arguments)
            .env("KUBECONFIG", self.bed.kubeconfig())
            .env("HOME", home)
            .env_remove("DOCKER_CONFIG")
            .env_remove("REGISTRY_AUTH_FILE")
            .status()
            .await
            .map_err(|error| format!("{} cannot be started: {error}", self.binary.display()))?;
        self.print("\n")?;
        if !status.success() {
            return Err(format!("`{}` ended with {status}", arguments.join(" ")).into());
        }
        Ok(())
    }
}
