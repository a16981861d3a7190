//! The story that the product exists for, told on a terminal: real output of the real binary, against the simulated
//! cluster.
//!
//! Everything happens in this process and in a temporary folder, so that nothing is left behind.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::bed::Bed;
use crate::bed::workload::PodTemplate;
use crate::gateway::GatewayOptions;
use crate::terminal::{Terminal, keys};

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
        "A cluster with two nodes and a registry are simulated in this process. The\n\
         docker and kubectl lines show what you would type; what `kubectl freshimage`\n\
         says is the real program's output.\n",
    )?;
    stage.say("1. awesomeapp:1.0 is built, pushed and deployed with the default pull policy.").await?;
    // Its repository has a scheme of its own: the builds before it.
    for (tag, day) in [("0.8", "2026-11-03"), ("0.9", "2026-11-10")] {
        let build = bed.image(&format!("Hello from {tag}")).created(&format!("{day}T09:12:00Z"));
        bed.push(&registry, REPOSITORY, tag, build).await;
    }
    let old = bed.image("Hello from the first build").created("2026-11-17T09:12:00Z").revision("1a2b3c");
    let first = bed.push(&registry, REPOSITORY, "1.0", old).await;
    stage.command(&format!("docker push {image}"))?;
    stage.print(&format!("1.0: digest: {first}\n"))?;
    stage.command(&format!("kubectl create deployment awesomeapp --replicas=2 \\\n    --image={image}"))?;
    let mut deployment = PodTemplate::new("app", &image).deployment("awesomeapp", 2);
    // As kubectl sends it: the default policy is the server's to fill in.
    if let Some(container) = deployment.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut) {
        container.remove("imagePullPolicy");
    }
    bed.create(&deployment).await;
    stage.pods(&bed.wait_rolled_out("deployment", "awesomeapp").await)?;
    stage.freshimage(&["diagnose"]).await?;

    stage.say("2. The code changes. 1.0 is pushed again, and the deployment is restarted.").await?;
    let new = bed.image("Hello from the fixed build").created("2026-11-20T16:40:00Z").revision("3c4d9e");
    let second = bed.push(&registry, REPOSITORY, "1.0", new).await;
    stage.command(&format!("docker push {image}"))?;
    stage.print(&format!("1.0: digest: {second}\n"))?;
    stage.command("kubectl rollout restart deployment/awesomeapp")?;
    stage.pods(&bed.restart("deployment", "awesomeapp").await)?;
    stage.print("New pods, and still the first build's digest: no event tells, and no restart\nhelps.\n")?;

    stage.say("3. Which pods run old content?").await?;
    stage.freshimage(&["diagnose"]).await?;

    stage.say("4. What is the proof, why is it so, and what would help?").await?;
    stage.freshimage(&["explain", "deployment/awesomeapp"]).await?;
    if options.shell {
        return keep_running(&stage).await;
    }

    stage
        .say(
            "5. The ways out, as `bump` offers them on a terminal. A unique tag is the best.\n   \
             `latest` is not among them: it would move like 1.0 did. Esc leaves everything\n   as it is.",
        )
        .await?;
    stage.ways(&["bump", "deployment/awesomeapp"]).await?;

    stage.say("6. The new bytes get a name that no node has an old answer to.").await?;
    stage.freshimage(&["bump", "deployment/awesomeapp", "--to", "tag", "--yes"]).await?;

    stage.say("7. Is it right now?").await?;
    stage.freshimage(&["diagnose"]).await?;

    stage.say("8. Was the fix wrong? Back to exactly what ran before, whatever 1.0 means now.").await?;
    stage.freshimage(&["undo", "deployment/awesomeapp", "--yes"]).await?;

    stage.say("9. And forward again, by digest: nothing is written in the registry for that.").await?;
    stage.freshimage(&["pin", "deployment/awesomeapp", "--yes"]).await?;
    stage.print(
        "\nYour own deployment.yml still says 1.0: write the new reference there too, or\n\
         the next `kubectl apply` puts the old one back.\n",
    )?;
    bed.finish().await;
    Ok(())
}

/// The cluster is left to whoever wants to play with it.
async fn keep_running(stage: &Stage<'_>) -> Result<(), Box<dyn std::error::Error>> {
    stage.say("The cluster goes on running. In another terminal:").await?;
    stage.print(&format!("  export KUBECONFIG={}\n", stage.bed.kubeconfig().display()))?;
    for words in ["bump", "diagnose", "undo deployment/awesomeapp"] {
        stage.print(&format!("  {} {words}\n", stage.binary.display()))?;
    }
    stage.print("  kubectl get pods        (if you have kubectl)\n\nCtrl-C ends it.\n")?;
    // Whoever called this ends it.
    std::future::pending::<()>().await;
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

    async fn say(&self, text: &str) -> io::Result<()> {
        tokio::time::sleep(self.pause).await;
        self.print(&format!("\n{text}\n\n"))
    }

    fn command(&self, words: &str) -> io::Result<()> {
        self.print(&format!("$ {words}\n"))
    }

    /// What `kubectl get pods` would be asked for: names and what they run.
    fn pods(&self, pods: &[Value]) -> io::Result<()> {
        self.command(
            "kubectl get pods -o custom-columns=\\\n    NAME:.metadata.name,RUNS:.status.containerStatuses[0].imageID",
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
        let status = tokio::process::Command::from(self.product(arguments))
            .status()
            .await
            .map_err(|error| format!("{} cannot be started: {error}", self.binary.display()))?;
        if !status.success() {
            return Err(format!("`{}` ended with {status}", arguments.join(" ")).into());
        }
        Ok(())
    }

    /// Lets the product ask in which way, shows the question, and answers with Esc.
    async fn ways(&self, arguments: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
        self.command(&format!("kubectl freshimage {}", arguments.join(" ")))?;
        let mut product = self.product(arguments);
        product.arg("--color=never");
        let asked = tokio::task::spawn_blocking(move || -> io::Result<String> {
            let mut terminal = Terminal::start(&product, 24, 80)?;
            terminal.wait_for("not recommended")?;
            let asked = terminal.screen().text();
            terminal.press(keys::ESCAPE)?;
            let ended = terminal.end()?;
            if ended.code != 0 || !ended.is_as_found() {
                return Err(io::Error::other(format!("Esc did not leave everything as it was: {ended:?}")));
            }
            Ok(format!("{asked}\n{}", ended.screen))
        })
        .await??;
        self.print(&format!("{asked}\n"))?;
        Ok(())
    }

    fn product(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env("KUBECONFIG", self.bed.kubeconfig())
            .env("HOME", self.bed.home())
            .env_remove("DOCKER_CONFIG")
            .env_remove("REGISTRY_AUTH_FILE");
        command
    }
}
