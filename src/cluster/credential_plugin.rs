//! Credential plugins (`users[].user.exec`), run once.
//!
//! kube would run the plugin three times while it builds a client, and each time may open a browser or
//! cost seconds. What the plugin says is written into the user as if it had stood in the file.

use std::io::IsTerminal;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use tokio::process::Command;

use crate::error::AppError;
use crate::text::excerpt;

#[derive(Deserialize)]
struct Credential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs the user's plugin, if there is one, and puts what it says in its place.
pub(super) async fn resolve(user: &mut AuthInfo, cluster: &Cluster) -> Result<(), AppError> {
    // A token in the file goes before the plugin, as with kubectl.
    if user.token.is_some() || user.token_file.is_some() {
        user.exec = None;
        return Ok(());
    }
    let Some(plugin) = user.exec.take() else {
        return Ok(());
    };
    let status = run(&plugin, cluster).await?;
    let mut said = false;
    if let Some(token) = status.token.filter(|token| !token.is_empty()) {
        user.token = Some(token.into());
        said = true;
    }
    if let (Some(certificate), Some(key)) = (status.client_certificate_data, status.client_key_data) {
        user.client_certificate = None;
        user.client_certificate_data = Some(STANDARD.encode(certificate));
        user.client_key = None;
        user.client_key_data = Some(STANDARD.encode(key).into());
        said = true;
    }
    if said { Ok(()) } else { Err(failed(&plugin, "it printed neither a token nor a certificate with its key")) }
}

async fn run(plugin: &ExecConfig, cluster: &Cluster) -> Result<Status, AppError> {
    let Some(name) = plugin.command.as_deref().filter(|name| !name.is_empty()) else {
        return Err(AppError::failed("the kubeconfig's credential plugin has no `command`"));
    };
    let terminal = std::io::stdin().is_terminal();
    let interactive = match plugin.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !terminal => {
            return Err(failed(plugin, "it must ask something, and the standard input is no terminal"));
        }
        _ => terminal,
    };
    let mut information = serde_json::json!({
        "kind": "ExecCredential",
        "apiVersion": plugin.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1"),
        "spec": { "interactive": interactive },
    });
    if plugin.provide_cluster_info {
        let described = ExecAuthCluster::try_from(cluster)
            .ok()
            .and_then(|cluster| serde_json::to_value(cluster).ok())
            .ok_or_else(|| failed(plugin, "it asks for the cluster's certificate authority, which cannot be read"))?;
        information["spec"]["cluster"] = described;
    }
    let mut command = Command::new(name);
    command
        .args(plugin.args.iter().flatten())
        .env("KUBERNETES_EXEC_INFO", information.to_string())
        .stdin(if interactive { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        // Its questions and complaints are for the person.
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    for variable in plugin.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    // Not `output()`: it would keep what goes to stderr to itself, and a person would wait for a question or a
    // log-in's address that is never shown.
    let output = async { command.spawn()?.wait_with_output().await };
    let output = output.await.map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error =
            failed(plugin, if missing { "there is no such program on the PATH".to_owned() } else { error.to_string() });
        match plugin.install_hint.as_deref().filter(|_| missing) {
            Some(hint) => error.hint(excerpt(hint, 300)),
            None => error,
        }
    })?;
    if !output.status.success() {
        return Err(failed(plugin, output.status.to_string()).hint("run it by hand to see what it misses"));
    }
    // Plugins may write YAML, of which JSON is a part. What they wrote is never shown: it is a credential.
    serde_saphyr::from_slice::<Credential>(&output.stdout)
        .ok()
        .and_then(|credential| credential.status)
        .ok_or_else(|| failed(plugin, "it did not print an ExecCredential with a status"))
}

fn failed(plugin: &ExecConfig, why: impl AsRef<str>) -> AppError {
    let name = excerpt(plugin.command.as_deref().unwrap_or_default(), 100);
    AppError::failed(format!("the credential plugin `{name}` gave no credentials")).because(excerpt(why.as_ref(), 200))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn user(script: &str) -> AuthInfo {
        AuthInfo {
            exec: Some(ExecConfig {
                command: Some("sh".to_owned()),
                args: Some(vec!["-c".to_owned(), script.to_owned()]),
                interactive_mode: Some(ExecInteractiveMode::Never),
                ..ExecConfig::default()
            }),
            ..AuthInfo::default()
        }
    }

    #[tokio::test]
    async fn a_plugin_runs_once_and_its_token_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let script = format!("echo run >> {}; echo '{{\"status\":{{\"token\":\"t\"}}}}'", count.display());
        let mut user = user(&script);
        resolve(&mut user, &Cluster::default()).await.unwrap();
        assert!(user.token.is_some() && user.exec.is_none());
        assert_eq!(std::fs::read_to_string(count).unwrap().lines().count(), 1);
    }

    #[tokio::test]
    async fn a_plugin_that_fails_is_named() {
        let error = resolve(&mut user("exit 3"), &Cluster::default()).await.unwrap_err();
        assert_eq!(error.message, "the credential plugin `sh` gave no credentials");
        assert_eq!(error.causes, ["exit status: 3"]);
        let error = resolve(&mut user("echo secret"), &Cluster::default()).await.unwrap_err();
        assert!(!format!("{error:?}").contains("secret"));
        let mut absent = user("");
        if let Some(plugin) = &mut absent.exec {
            plugin.command = Some("no-such-plugin-here".to_owned());
            plugin.install_hint = Some("install it".to_owned());
        }
        let error = resolve(&mut absent, &Cluster::default()).await.unwrap_err();
        assert_eq!(error.hints, ["install it"]);
    }
}
