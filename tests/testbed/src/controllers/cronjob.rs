//! CronJobs. There is no clock in the bed: a run is asked for, by an annotation.

use serde_json::{Value, json};

use crate::store::error::ApiResult;
use crate::store::object::{annotation, is_terminating, items, name, now, object_at, text, uid};
use crate::store::owner_reference;

use super::Context;

/// A new value of this annotation is a run.
pub const RUN: &str = "testbed/run";
/// The last run that was carried out.
const DONE: &str = "testbed/ran";

/// Makes the job of a run that is asked for, and reports on those that are there.
pub fn reconcile(context: &Context, cron_job: &Value) -> ApiResult<()> {
    if is_terminating(cron_job) {
        return Ok(());
    }
    if let Some(run) = annotation(cron_job, RUN).map(str::to_owned)
        && annotation(cron_job, DONE) != Some(&run)
    {
        create(context, cron_job)?;
        context.change("cronjobs.batch", cron_job, |object| {
            object_at(object, &["metadata", "annotations"]).insert(DONE.into(), run.into());
            object_at(object, &["status"]).insert("lastScheduleTime".into(), now().into());
        })?;
    }
    let jobs = context.children(cron_job, "jobs.batch");
    let completion = |job: &Value| text(job, "/status/completionTime").to_owned();
    let is_done = |job: &Value| {
        items(job, "/status/conditions").iter().any(|one| matches!(text(one, "/type"), "Complete" | "Failed"))
    };
    let active: Vec<Value> = jobs
        .iter()
        .map(|job| job.value())
        .filter(|job| !is_done(job))
        .map(|job| {
            json!({
                "apiVersion": "batch/v1", "kind": "Job", "name": name(job),
                "namespace": job["metadata"]["namespace"], "uid": uid(job),
                "resourceVersion": job["metadata"]["resourceVersion"],
            })
        })
        .collect();
    let last_success = jobs.iter().map(|job| completion(job.value())).filter(|time| !time.is_empty()).max();
    context.change_status("cronjobs.batch", cron_job, |object| {
        let status = object_at(object, &["status"]);
        if active.is_empty() {
            status.remove("active");
        } else {
            status.insert("active".into(), active.into());
        }
        if let Some(time) = last_success {
            status.insert("lastSuccessfulTime".into(), time.into());
        }
    })?;
    Ok(())
}

fn create(context: &Context, cron_job: &Value) -> ApiResult<()> {
    let template = &cron_job["spec"]["jobTemplate"];
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert("batch.kubernetes.io/cronjob-scheduled-timestamp".into(), now().into());
    // Real names end in the minutes of the schedule; several runs in one minute must differ here.
    let number = jiff::Timestamp::now().as_second() / 60
        + i64::try_from(context.children(cron_job, "jobs.batch").len()).unwrap_or(0);
    let mut metadata = json!({
        "name": format!("{}-{number}", name(cron_job)), "namespace": cron_job["metadata"]["namespace"],
        "annotations": annotations,
        "ownerReferences": [owner_reference(cron_job, "batch/v1", "CronJob")],
    });
    if let Some(labels) = template["metadata"].get("labels") {
        metadata["labels"] = labels.clone();
    }
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]});
    context.create("jobs.batch", job)?;
    Ok(())
}
