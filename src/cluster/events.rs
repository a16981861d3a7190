//! What events tell that no status does: that the pods of an object cannot be created.
//!
//! Deployments, ReplicaSets and ReplicationControllers have a condition for it; DaemonSets, StatefulSets and Jobs only
//! say it in events. The right to read them is optional, and whoever lacks it is told nothing more than before.

use jiff::Timestamp;
use serde::Deserialize;

use super::Cluster;
use super::discovery::decode;
use super::pages::List;
use super::transport::{Accept, segment};
use crate::domain::inventory::Workload;
use crate::domain::rollout;
use crate::domain::workload::WorkloadState;
use crate::text::printable;

/// That pods could not be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, in the words of whoever refused it.
    pub why: String,
    /// When it was said last.
    pub last: Timestamp,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Events {
    items: Option<Vec<Event>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    reason: String,
    message: String,
    event_time: Option<String>,
    last_timestamp: Option<String>,
    series: Option<Series>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    last_observed_time: Option<String>,
}

impl Event {
    /// When it happened last: where it is counted, each time moves one of these on.
    fn last(&self) -> Option<Timestamp> {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
        let times = [series, self.last_timestamp.as_ref(), self.event_time.as_ref()];
        times.into_iter().flatten().filter_map(|time| time.parse().ok()).max()
    }
}

/// The refusal that stands: no pod was created since. Controllers try again until one is.
fn standing(events: &[Event]) -> Option<Refused> {
    let newest = |reason: &str| {
        let events = events.iter().filter(|event| event.reason == reason);
        events.filter_map(|event| Some((event.last()?, event))).max_by_key(|(last, _)| *last)
    };
    let (last, failed) = newest("FailedCreate")?;
    if newest("SuccessfulCreate").is_some_and(|(created, _)| created > last) {
        return None;
    }
    let message = failed.message.as_str();
    let why = ["Error creating: ", "failed error: "].into_iter().find_map(|lead| Some(message.split_once(lead)?.1));
    Some(Refused { why: printable(why.unwrap_or(message)).into_owned(), last })
}

impl Cluster {
    /// Whether events say that the pods of an object cannot be created. Nothing is known where they cannot be read.
    pub async fn refused(&self, workload: &Workload) -> Option<Refused> {
        let list = List {
            fields: Some(format!("involvedObject.uid={}", workload.reference.uid)),
            ..List::of(format!("/api/v1/namespaces/{}/events", segment(&workload.namespace)), Accept::Whole)
        };
        let body = self.inner.transport.get(&list.url(false, None), list.accept).await.ok()?;
        standing(decode::<Events>(&body).ok()?.items.as_deref().unwrap_or_default())
    }

    /// Reads a controller in full, with what only events tell of it.
    ///
    /// # Errors
    /// Why it cannot be read, in one sentence.
    pub async fn workload_and_events(&self, workload: &Workload) -> Result<WorkloadState, String> {
        let mut state = self.workload(workload).await?;
        let lacks_pods = state.existing < state.desired || rollout::under_way(&state).is_some();
        if lacks_pods && rollout::events_tell_refusals(&workload.reference.kind, &state) {
            state.refused = self.refused(workload).await.map(|refused| refused.why);
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &str, message: &str, times: [Option<&str>; 3]) -> Event {
        let [event_time, last_timestamp, observed] = times.map(|time| time.map(ToOwned::to_owned));
        let series = observed.map(|time| Series { last_observed_time: Some(time) });
        Event { reason: reason.to_owned(), message: message.to_owned(), event_time, last_timestamp, series }
    }

    #[test]
    fn a_refusal_stands_until_a_pod_is_created() {
        let (early, middle, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:02:00.5Z");
        let at = |time| [None, Some(time), None];
        let failed = |times| {
            event("FailedCreate", "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden", times)
        };
        let created = |time| event("SuccessfulCreate", "create Pod db-0 in StatefulSet db successful", at(time));
        for (name, events, stands) in [
            ("nothing", vec![], false),
            ("refused", vec![failed(at(early))], true),
            ("created since", vec![failed(at(early)), created(middle)], false),
            ("created before", vec![created(early), failed(at(middle))], true),
            ("refused again since", vec![failed([Some(early), None, Some(late)]), created(middle)], true),
            ("deleted only", vec![event("SuccessfulDelete", "delete", at(late)), failed(at(early))], true),
            ("without any time", vec![failed([None, None, None])], false),
        ] {
            let why = standing(&events).map(|refused| refused.why);
            assert_eq!(why.as_deref(), stands.then_some("pods \"db-0\" is forbidden"), "{name}");
        }
        let daemon = event("FailedCreate", "Error creating: pods \"a-\" is\nforbidden", at(early));
        assert_eq!(standing(&[daemon]).unwrap().why, "pods \"a-\" is forbidden");
        assert_eq!(standing(&[event("FailedCreate", "odd", at(early))]).unwrap().why, "odd");
    }
}
