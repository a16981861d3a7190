//! Waiting for a cluster, with a deadline and with words when it passes.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::kubernetes::resource;
use super::namespace::Namespace;

/// Long enough for two beds' worth of load on a slow machine; only a failing story waits for it.
pub const DEADLINE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(50);

impl Namespace {
    /// Waits until an object is as wanted, and gives it.
    ///
    /// # Panics
    /// After [`DEADLINE`], with the object and the pods as they were last.
    pub async fn wait_for(&self, what: &str, kind: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = self.path(kind, Some(name));
        let started = Instant::now();
        let mut last = None;
        while started.elapsed() < DEADLINE {
            // A refused connection is no failure yet: the bed may be starting.
            last = self.kubernetes().find(&path).await.ok().flatten().or(last);
            if let Some(object) = last.as_ref().filter(|object| wanted(object)) {
                return object.clone();
            }
            tokio::time::sleep(PAUSE).await;
        }
        let status = last.map_or_else(|| "absent".to_owned(), |object| object["status"].to_string());
        panic!("waited in vain for {what}: {kind}/{name} is {status}\n{}", self.describe_pods().await)
    }

    /// Waits until the pods with these labels are as wanted, and gives them by name.
    ///
    /// # Panics
    /// After [`DEADLINE`], with all pods as they were last.
    pub async fn wait_for_pods(&self, what: &str, selector: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            if let Ok(mut pods) = self.try_list("pods", selector).await {
                pods.sort_by_key(|pod| pod["metadata"]["name"].to_string());
                if wanted(&pods) {
                    return pods;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("waited in vain for {what} ({selector})\n{}", self.describe_pods().await)
    }

    /// Waits until an event with this reason tells something of an object.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    pub async fn wait_for_event(&self, name: &str, reason: &str) {
        let started = Instant::now();
        let tells = |event: &Value| event["involvedObject"]["name"] == name && event["reason"] == reason;
        while !self.try_list("events", "").await.is_ok_and(|events| events.iter().any(tells)) {
            assert!(started.elapsed() < DEADLINE, "waited in vain for the event {reason} of {name}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until exactly `count` pods have these labels, all running, none going.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    pub async fn wait_running(&self, selector: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} running pods");
        self.wait_for_pods(&what, selector, |pods| pods.len() == count && pods.iter().all(is_running)).await
    }

    /// Waits until a container of a pod waits for this reason: `ImagePullBackOff`, `CrashLoopBackOff`.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    pub async fn wait_waiting(&self, selector: &str, reasons: &[&str]) -> Vec<Value> {
        self.wait_for_pods(&format!("a container waiting for {reasons:?}"), selector, |pods| {
            pods.iter().flat_map(container_statuses).any(|status| {
                status["state"]["waiting"]["reason"].as_str().is_some_and(|reason| reasons.contains(&reason))
            })
        })
        .await
    }

    /// Waits until a workload's rollout is over: all pods new and running, the old ones gone.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    pub async fn wait_rolled_out(&self, kind: &str, name: &str) -> Vec<Value> {
        let plural = resource(kind).1;
        let object = self.wait_for("its rollout", kind, name, |object| is_rolled_out(&plural, object)).await;
        let labels = match &object["spec"]["selector"]["matchLabels"] {
            Value::Null => &object["spec"]["selector"],
            labels => labels,
        };
        let selector: Vec<String> = labels.as_object().map_or_else(Vec::new, |labels| {
            labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
        });
        let wanted = match plural.as_str() {
            "daemonsets" => &object["status"]["desiredNumberScheduled"],
            _ => &object["spec"]["replicas"],
        };
        let count = wanted.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
        self.wait_running(&selector.join(","), count).await
    }

    /// All pods of the namespace in a few lines each, and what went wrong lately: for the output of a failed story.
    pub async fn describe_pods(&self) -> String {
        let mut text = format!("pods in {}:\n", self.name());
        for pod in self.try_list("pods", "").await.unwrap_or_default() {
            let going = if pod["metadata"]["deletionTimestamp"].is_null() { "" } else { ", being deleted" };
            let (name, phase) = (plain(&pod["metadata"]["name"]), plain(&pod["status"]["phase"]));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name}: {phase}{going} on {}", plain(&pod["spec"]["nodeName"]));
            for status in container_statuses(&pod) {
                let (name, state, id) = (plain(&status["name"]), &status["state"], plain(&status["imageID"]));
                let _ = writeln!(text, "    {name}: {state} image {} id {id}", plain(&status["image"]));
            }
        }
        for event in self.try_list("events", "").await.unwrap_or_default() {
            if event["type"] == "Warning" {
                let object = plain(&event["involvedObject"]["name"]);
                let _ = writeln!(text, "  {object}: {}: {}", plain(&event["reason"]), plain(&event["message"]));
            }
        }
        text
    }
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// The statuses of a pod's containers of every sort.
pub fn container_statuses(pod: &Value) -> Vec<&Value> {
    ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .filter_map(|list| pod["status"][list].as_array())
        .flatten()
        .collect()
}

/// Whether all ordinary containers of a pod run, it is ready, and nobody deletes it.
#[must_use]
pub fn is_running(pod: &Value) -> bool {
    let statuses = pod["status"]["containerStatuses"].as_array();
    let containers = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    pod["status"]["phase"] == "Running"
        && pod["metadata"]["deletionTimestamp"].is_null()
        && statuses.is_some_and(|statuses| {
            statuses.len() == containers
                && statuses.iter().all(|status| {
                    status["ready"] == true
                        && !status["state"]["running"].is_null()
                        && status["imageID"].as_str().is_some_and(|id| !id.is_empty())
                })
        })
}

fn is_rolled_out(plural: &str, object: &Value) -> bool {
    let status = |field: &str| object["status"][field].as_u64().unwrap_or(0);
    let observed = match &object["status"]["observedGeneration"] {
        // Argo writes it as a text.
        Value::String(text) => text.parse().unwrap_or(0),
        number => number.as_u64().unwrap_or(0),
    };
    let observed = observed >= object["metadata"]["generation"].as_u64().unwrap_or(0);
    let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
    observed
        && match plural {
            "deployments" => {
                status("updatedReplicas") == replicas
                    && status("replicas") == replicas
                    && status("availableReplicas") == replicas
            }
            "statefulsets" => {
                status("updatedReplicas") == replicas
                    && status("readyReplicas") == replicas
                    && object["status"]["updateRevision"] == object["status"]["currentRevision"]
            }
            "daemonsets" => {
                let wanted = status("desiredNumberScheduled");
                wanted > 0 && status("updatedNumberScheduled") == wanted && status("numberAvailable") == wanted
            }
            "rollouts" => object["status"]["phase"] == "Healthy",
            _ => status("readyReplicas") == replicas,
        }
}
