//! Jobs: pods until enough of them have succeeded.

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{flag, is_terminating, items, name, now, number, object_at, text};

use super::Context;
use super::pods::{from_template, is_active, is_ready, set_count};

fn is_finished(job: &Value) -> bool {
    items(job, "/status/conditions")
        .iter()
        .any(|one| matches!(text(one, "/type"), "Complete" | "Failed") && text(one, "/status") == "True")
}

/// Moves a job one step on.
pub fn reconcile(context: &Context, job: &Value) -> ApiResult<()> {
    if is_terminating(job) || is_finished(job) {
        return Ok(());
    }
    let count = |pointer: &str, default: i64| usize::try_from(number(job, pointer).unwrap_or(default)).unwrap_or(0);
    let pods = context.children(job, "pods");
    let in_phase = |phase: &str| pods.iter().filter(|pod| text(pod.value(), "/status/phase") == phase).count();
    let (succeeded, failed) = (in_phase("Succeeded"), in_phase("Failed"));
    let active: Vec<_> = pods.iter().filter(|pod| is_active(pod.value())).collect();
    let completions = count("/spec/completions", 1);
    let is_done = succeeded >= completions;
    let has_failed = failed > count("/spec/backoffLimit", 6);
    let suspended = flag(job, "/spec/suspend");

    if is_done || has_failed || suspended {
        for pod in &active {
            context.delete("pods", pod.value());
        }
    } else {
        let missing = (completions - succeeded).min(count("/spec/parallelism", 1)).saturating_sub(active.len());
        for _ in 0..missing {
            let mut pod = from_template(&job["spec"]["template"], job, "batch/v1", "Job");
            pod["metadata"]["generateName"] = format!("{}-", name(job)).into();
            context.create_pod(job, pod)?;
        }
    }

    let active = context.children(job, "pods").into_iter().filter(|pod| is_active(pod.value())).collect::<Vec<_>>();
    let ready = active.iter().filter(|pod| is_ready(pod.value())).count();
    context.change_status("jobs.batch", job, |object| {
        let status = object_at(object, &["status"]);
        set_count(status, "succeeded", succeeded);
        set_count(status, "failed", failed);
        set_count(status, "active", active.len());
        status.insert("ready".into(), ready.into());
        status.insert("terminating".into(), 0.into());
        status.insert("uncountedTerminatedPods".into(), json!({}));
        if !suspended {
            status.entry("startTime").or_insert_with(|| now().into());
        }
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": "True", "reason": reason, "message": message,
                "lastProbeTime": now(), "lastTransitionTime": now(),
            })
        };
        if is_done {
            let message = "Reached expected number of succeeded pods";
            status.insert("completionTime".into(), now().into());
            status.insert(
                "conditions".into(),
                json!([
                    condition("SuccessCriteriaMet", "CompletionsReached", message),
                    condition("Complete", "CompletionsReached", message),
                ]),
            );
        } else if has_failed {
            let message = "Job has reached the specified backoff limit";
            status.insert(
                "conditions".into(),
                json!([
                    condition("FailureTarget", "BackoffLimitExceeded", message),
                    condition("Failed", "BackoffLimitExceeded", message),
                ]),
            );
        }
    })?;
    Ok(())
}
