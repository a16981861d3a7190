//! Credential helpers: programs named `docker-credential-NAME` that read a server's name and print its
//! credential (the protocol of `docker-credential-helpers`).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::secret::Credential;
use crate::text::excerpt;

/// Helpers ask clouds and key chains; one that asks the user on a terminal would wait for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// More than any credential, little enough to hold.
const OUTPUT_CAP: u64 = 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks a helper. `Ok(None)` if it has nothing for the server; an error is a clause for a person and never
/// holds what the helper printed as a credential.
pub(super) async fn get(name: &str, server: &str, path: Option<&OsStr>) -> Result<Option<Credential>, String> {
    let shown = format!("credential helper `docker-credential-{}`", excerpt(name, 40));
    let program = find(name, path).ok_or_else(|| format!("{shown} is not on the PATH"))?;
    match tokio::time::timeout(DEADLINE, run(&program, server)).await {
        Err(_) => Err(format!("{shown} did not answer within {}s", DEADLINE.as_secs())),
        Ok(Err(error)) => Err(format!("{shown} could not be run: {}", excerpt(&error.to_string(), 120))),
        Ok(Ok((true, output))) => match serde_json::from_slice::<Answer>(&output) {
            Ok(answer) => Ok(Credential::of_parts(&answer.username, &answer.secret)),
            Err(_) => Err(format!("{shown} did not print a credential")),
        },
        Ok(Ok((false, output))) => {
            let message = excerpt(&String::from_utf8_lossy(&output), 160);
            // The protocol's way to say that there is none; it has no exit code of its own.
            if message.contains("credentials not found") || message.contains("no credentials server URL") {
                Ok(None)
            } else if message.is_empty() || message.contains('{') {
                // What may be half a credential is not repeated.
                Err(format!("{shown} failed"))
            } else {
                Err(format!("{shown} failed: {message}"))
            }
        }
    }
}

/// Finds the program in the folders of `PATH`. Relative folders are skipped: a helper must not come from
/// whatever folder the plugin was started in.
fn find(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.is_empty() || name.contains(['/', '\\', '\0']) {
        return None;
    }
    let file = format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Runs it; whether it ended well, and what it printed. Dropping the future kills it.
async fn run(program: &Path, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that knows one server only may not read its input: that is no failure.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(OUTPUT_CAP).read_to_end(&mut output).await?;
    }
    if output.len() as u64 >= OUTPUT_CAP {
        return Err(std::io::Error::other("it prints without end"));
    }
    Ok((child.wait().await?.success(), output))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::registry::secret::Secret;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn what_a_helper_says_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let scripts = [
            ("ok", r#"read server; [ "$1" = get ] && echo "{\"Username\":\"anna\",\"Secret\":\"pw@$server\"}""#),
            ("token", r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}'"#),
            ("none", "echo credentials not found in native keychain; exit 1"),
            ("broken", "echo 'key chain is locked'; exit 1"),
            ("leaky", r#"echo '{"Secret":"geheim'; exit 1"#),
            ("garbled", "echo '{\"Secret\":\"geheim'"),
            ("endless", "exec yes"),
        ];
        for (name, script) in scripts {
            let path = folder.path().join(format!("docker-credential-{name}"));
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        std::fs::write(folder.path().join("docker-credential-plain"), "no program").unwrap();
        // Another test's fork may hold a script's file open for a moment, which makes it "busy".
        tokio::time::sleep(Duration::from_millis(50)).await;
        let helper = "credential helper `docker-credential-";
        for (name, expected) in [
            ("ok", Ok(Credential::of_parts("anna", "pw@r.example.com"))),
            ("token", Ok(Some(Credential::Identity(Secret::new("t"))))),
            ("none", Ok(None)),
            ("broken", Err(format!("{helper}broken` failed: key chain is locked"))),
            ("leaky", Err(format!("{helper}leaky` failed"))),
            ("garbled", Err(format!("{helper}garbled` did not print a credential"))),
            ("endless", Err(format!("{helper}endless` could not be run: it prints without end"))),
            ("plain", Err(format!("{helper}plain` is not on the PATH"))),
            ("absent", Err(format!("{helper}absent` is not on the PATH"))),
            ("../ok", Err(format!("{helper}../ok` is not on the PATH"))),
        ] {
            assert_eq!(get(name, "r.example.com", Some(folder.path().as_os_str())).await, expected, "{name}");
        }
        assert_eq!(find("ok", Some(OsStr::new(".:relative:"))), None);
    }
}
