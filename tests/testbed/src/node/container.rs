//! A container as its kubelet knows it, and the rules by which a simulated process ends.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::store::object::{items, text, timestamp};

/// What a container is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Not running, with a reason and a message (both empty before the first attempt).
    Waiting(String, String),
    /// Running since.
    Running(String),
    /// Ended: the `terminated` state.
    Terminated(Value),
}

/// How the process of a container ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It runs until it is stopped.
    Never,
    /// It exits by itself.
    After(Duration, i64),
}

/// The state of one container.
#[derive(Debug, Clone)]
pub struct Container {
    /// The name.
    pub name: String,
    /// What it is doing.
    pub phase: Phase,
    /// The `terminated` state before this one.
    pub last: Option<Value>,
    /// How often it was restarted.
    pub restarts: i64,
    /// `containerd://…`, empty before the first start.
    pub id: String,
    /// `image` as reported.
    pub image: String,
    /// `imageID` as reported.
    pub image_id: String,
    /// The image of the spec from which it was started.
    pub started_from: String,
    /// When it ends by itself, and how.
    pub ends: Option<(Instant, i64)>,
    /// When the next attempt to pull or start may be made.
    pub retry_at: Option<Instant>,
    /// Failed pulls in a row.
    pub failed_pulls: u32,
    /// The message of the last failed pull.
    pub pull_message: String,
    /// References of the image volumes that it mounts, by volume, as reported.
    pub volume_references: Vec<(String, String)>,
}

impl Container {
    /// A container that has not been started.
    pub fn new(name: &str, waiting: &str) -> Self {
        Self {
            name: name.to_owned(),
            phase: Phase::Waiting(waiting.to_owned(), String::new()),
            last: None,
            restarts: 0,
            id: String::new(),
            image: String::new(),
            image_id: String::new(),
            started_from: String::new(),
            ends: None,
            retry_at: None,
            failed_pulls: 0,
            pull_message: String::new(),
            volume_references: Vec::new(),
        }
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(_))
    }

    /// The exit code, if it has ended.
    pub fn exit_code(&self) -> Option<i64> {
        match &self.phase {
            Phase::Terminated(state) => state["exitCode"].as_i64(),
            _ => None,
        }
    }

    /// Ends it.
    pub fn end(&mut self, exit_code: i64) {
        let Phase::Running(since) = &self.phase else { return };
        let reason = if exit_code == 0 { "Completed" } else { "Error" };
        self.phase = Phase::Terminated(json!({
            "containerID": self.id, "exitCode": exit_code, "reason": reason,
            "startedAt": since, "finishedAt": timestamp(jiff::Timestamp::now()),
        }));
        self.ends = None;
    }

    /// Marks it as started.
    pub fn start(&mut self, scheme: &str, ending: Ending) {
        if let Phase::Terminated(state) = &self.phase {
            self.last = Some(state.clone());
        }
        if !self.id.is_empty() {
            self.restarts += 1;
        }
        let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        self.id = format!("{scheme}://{id}");
        self.phase = Phase::Running(timestamp(jiff::Timestamp::now()));
        self.retry_at = None;
        self.ends = match ending {
            Ending::Never => None,
            Ending::After(time, code) => Some((Instant::now() + time, code)),
        };
    }
}

fn strings(list: &[Value]) -> impl Iterator<Item = String> + '_ {
    list.iter().filter_map(Value::as_str).map(str::to_owned)
}

/// How the process of a container ends, from the annotation `testbed/exit-code` of its pod (or
/// `testbed/exit-code.CONTAINER`), or from the command that it runs: `true`, `false`, `sleep N`, `sh -c "exit N"`,
/// `sh -c "sleep N; exit N"`.
/// Everything else runs for ever, but for init containers, which succeed.
pub fn ending(pod: &Value, spec: &Value, image_command: &[String], is_init: bool) -> Ending {
    let annotations = &pod["metadata"]["annotations"];
    let own = format!("testbed/exit-code.{}", text(spec, "/name"));
    let soon = Duration::from_millis(5);
    let annotated = annotations.get(&own).or_else(|| annotations.get("testbed/exit-code").filter(|_| !is_init));
    if let Some(code) = annotated.and_then(Value::as_str).and_then(|text| text.parse().ok()) {
        return Ending::After(soon, code);
    }
    let (command, arguments) = (items(spec, "/command"), items(spec, "/args"));
    let words: Vec<String> = match (command.is_empty(), arguments.is_empty()) {
        (false, _) => strings(command).chain(strings(arguments)).collect(),
        (true, false) => image_command.first().cloned().into_iter().chain(strings(arguments)).collect(),
        (true, true) => image_command.to_vec(),
    };
    let mut words = words.iter().map(|word| word.rsplit('/').next().unwrap_or_default()).peekable();
    if words.peek() == Some(&"busybox") {
        words.next();
    }
    match (words.next(), words.next(), words.next()) {
        (Some("true"), ..) => Ending::After(soon, 0),
        (Some("false"), ..) => Ending::After(soon, 1),
        (Some("sleep"), Some(seconds), _) => match seconds.parse::<f64>() {
            Ok(seconds) if seconds < 1000.0 => Ending::After(Duration::from_secs_f64(seconds.max(0.0)), 0),
            _ => Ending::Never,
        },
        (Some("sh" | "ash" | "bash"), Some("-c"), Some(script)) => {
            let (slept, rest) = slept(script).unwrap_or((soon, script));
            match rest.trim().strip_prefix("exit").and_then(|code| code.trim().parse().ok()) {
                Some(code) => Ending::After(slept, code),
                None if is_init => Ending::After(soon, 0),
                None => Ending::Never,
            }
        }
        (Some("httpd" | "nc" | "tail"), ..) => Ending::Never,
        _ if is_init => Ending::After(soon, 0),
        _ => Ending::Never,
    }
}

/// How long a script sleeps at first, and what it does then.
fn slept(script: &str) -> Option<(Duration, &str)> {
    let (seconds, rest) = script.trim().strip_prefix("sleep ")?.split_once(';')?;
    Some((Duration::from_secs(seconds.trim().parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str], is_init: bool) -> Option<i64> {
        match ending(&json!({}), &json!({"command": command}), &[], is_init) {
            Ending::Never => None,
            Ending::After(_, code) => Some(code),
        }
    }

    #[test]
    fn the_command_decides_how_a_container_ends() {
        assert_eq!(of(&["/bin/busybox", "true"], false), Some(0));
        assert_eq!(of(&["/bin/busybox", "false"], false), Some(1));
        assert_eq!(of(&["/bin/busybox", "sleep", "100000"], false), None);
        assert_eq!(of(&["sh", "-c", "exit 3"], false), Some(3));
        assert_eq!(of(&["sh", "-c", "sleep 5; exit 3"], false), Some(3));
        assert_eq!(of(&["/app"], false), None);
        assert_eq!(of(&["/app"], true), Some(0));
    }

    #[test]
    fn the_images_own_command_counts_where_the_pod_has_none() {
        let image = ["/bin/busybox".to_owned(), "false".to_owned()];
        assert!(matches!(ending(&json!({}), &json!({}), &image, false), Ending::After(_, 1)));
    }

    #[test]
    fn an_annotation_overrides_the_command() {
        let pod = json!({"metadata": {"annotations": {"testbed/exit-code": "7"}}});
        assert!(matches!(ending(&pod, &json!({"command": ["sleep", "inf"]}), &[], false), Ending::After(_, 7)));
    }
}
