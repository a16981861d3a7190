//! The newest state of one controller: what its template asks for, and how far its rollout is.
//!
//! Read by field names that all controllers share, so that a kind nobody thought of works too.

use std::sync::Arc;

use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde::{Deserialize, de};

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::intern::Interner;
use super::metadata::Metadata;
use super::pages::{self, List};
use super::pod::pull_policy;
use super::pods::Scope;
use super::resource::Resource;
use super::transport::Accept;
use crate::domain::diagnosis::WorkloadName;
use crate::domain::inventory::Workload;
use crate::domain::workload::{Access, Asked, Listed, Role, WorkloadState};
use crate::text::printable;

/// A list of objects with templates.
#[derive(Deserialize)]
pub(super) struct RawList<'b> {
    #[serde(borrow, default)]
    pub(super) items: Option<Vec<Object<'b>>>,
}

/// An object with a template.
#[derive(Deserialize, Default)]
pub(super) struct Object<'b> {
    #[serde(borrow, default)]
    pub(super) metadata: Metadata<'b>,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    replicas: Number,
    parallelism: Number,
    paused: Option<bool>,
    suspend: Option<bool>,
    strategy: Option<IgnoredAny>,
    update_strategy: Lenient<Strategy>,
    template: Option<Template>,
    job_template: Option<Box<JobTemplate>>,
    workload_ref: Option<WorkloadReference>,
    /// A bare pod's.
    #[serde(flatten)]
    pod: PodSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Strategy {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "rollingUpdate")]
    rolling_update: Option<RollingUpdate>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RollingUpdate {
    partition: Number,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template {
    spec: PodSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JobTemplate {
    spec: JobSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JobSpec {
    template: Option<Template>,
}

/// Argo Rollouts may leave the template in a Deployment and only point at it.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct WorkloadReference {
    api_version: String,
    kind: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    service_account_name: Option<Arc<str>>,
    image_pull_secrets: Option<Vec<Named>>,
    init_containers: Option<Vec<Container>>,
    containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    name: Arc<str>,
    image: Option<Arc<str>>,
    image_pull_policy: Option<String>,
    restart_policy: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    name: Arc<str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Volume {
    name: Arc<str>,
    image: Option<ImageSource>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ImageSource {
    reference: Option<Arc<str>>,
    pull_policy: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Number,
    replicas: Number,
    updated_replicas: Number,
    available_replicas: Number,
    ready_replicas: Number,
    desired_number_scheduled: Number,
    current_number_scheduled: Number,
    updated_number_scheduled: Number,
    number_available: Number,
    active: Number,
    ready: Number,
    number_ready: Number,
    current_revision: Lenient<String>,
    update_revision: Lenient<String>,
    /// Argo Rollouts': the generation of the object that the template was taken from.
    workload_observed_generation: Number,
    phase: Lenient<String>,
    message: Lenient<String>,
    conditions: Lenient<Vec<Condition>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// A number, or one in a text (Argo Rollouts' `observedGeneration`), or anything else, which is none:
/// a CronJob's `active` is a list.
#[derive(Default, Clone, Copy)]
struct Number(Option<i64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> de::Visitor<'de> for Reader {
            type Value = Number;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(number).ok()))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Number, E> {
                Ok(Number(None))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Number, E> {
                Ok(Number(None))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.parse().ok()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
                Ok(Number(None))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Number, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Number, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Number(None))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A value, or nothing where a kind of its own puts something else under that name.
#[derive(Default)]
struct Lenient<T>(Option<T>);

impl<'de, T: de::DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer).map_err(D::Error::custom)?;
        Ok(Self(serde_json::from_value(value).ok()))
    }
}

impl Cluster {
    /// Reads a controller in full.
    ///
    /// # Errors
    /// Why it cannot be read, in one sentence.
    pub async fn workload(&self, workload: &Workload) -> Result<WorkloadState, String> {
        let reference = &workload.reference;
        let read = async {
            let body = self.read_workload(workload, &reference.api_version, &reference.kind, &reference.name).await?;
            let object: Object<'_> = decode(&body)?;
            let (None, Some(target)) = (&object.spec.template, &object.spec.workload_ref) else {
                return Ok(object.state(&workload.namespace));
            };
            let body = self.read_workload(workload, &target.api_version, &target.kind, &target.name).await?;
            let referenced: Object<'_> = decode(&body)?;
            let spec = Spec { template: referenced.spec.template, ..object.spec };
            Ok(follows(
                Object { spec, ..object },
                referenced.metadata.generation.unwrap_or_default(),
                &workload.namespace,
            ))
        };
        read.await.map_err(|failure: Failure| failure.why())
    }

    async fn read_workload(
        &self,
        workload: &Workload,
        api_version: &str,
        kind: &str,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        let resource = self.resource_of(api_version, kind).await?;
        let path = resource.object_path(Some(&workload.namespace), name);
        self.inner.transport.get(&path, Accept::Whole).await
    }

    /// The Argo Rollouts that take their template from an object. None where there are no such, or they may not be listed.
    pub async fn rollouts_of(&self, namespace: &Arc<str>, template: &WorkloadName) -> Vec<(Arc<Resource>, Listed)> {
        let Ok(resource) = self.resource_of("argoproj.io/v1alpha1", "Rollout").await else { return Vec::new() };
        let scope = Scope::Namespace(Arc::clone(namespace));
        let listed = self.list_workloads(&resource, &scope, None).await.unwrap_or_default();
        let resource = Arc::new(resource);
        let takes = |listed: &Listed| listed.state.template_of.as_ref() == Some(template);
        listed.into_iter().filter(takes).map(|listed| (Arc::clone(&resource), listed)).collect()
    }

    /// The objects of these types that a selector matches, with their templates. What may not be listed is a problem,
    /// said once.
    pub async fn workloads(&self, resources: &[Arc<Resource>], scope: &Scope, labels: &str) -> Vec<Listed> {
        let lists = resources.iter().map(|resource| self.list_workloads(resource, scope, Some(labels)));
        let mut workloads = Vec::new();
        for listed in futures::future::join_all(lists).await {
            match listed {
                Ok(listed) => workloads.extend(listed),
                Err(failure) => self.inner.problems.add("workloads", &failure.why()),
            }
        }
        workloads
    }

    /// The objects of a type with their templates.
    pub(super) async fn list_workloads(
        &self,
        resource: &Resource,
        scope: &Scope,
        labels: Option<&str>,
    ) -> Result<Vec<Listed>, Failure> {
        let list =
            List { labels: labels.map(ToOwned::to_owned), ..List::of(resource.path(scope.namespace()), Accept::Whole) };
        let mut pages = pages::read(Arc::clone(&self.inner.transport), list);
        let mut interner = Interner::default();
        let mut workloads = Vec::new();
        while let Some(page) = pages.recv().await {
            let page = page?;
            if page.again {
                workloads.clear();
            }
            let list: RawList<'_> = decode(&page.body)?;
            for object in list.items.into_iter().flatten() {
                let owner = object.metadata.owner(resource, &mut interner);
                let namespace = interner.text(&object.metadata.namespace);
                let state = object.state(&namespace);
                workloads.push(Listed { namespace, owner, state });
            }
        }
        Ok(workloads)
    }
}

/// The state of an object that takes its template from another one. A new template there is none of its own generations:
/// it has seen it once it says so, and where it never does only its pods can tell.
fn follows(object: Object<'_>, generation: i64, namespace: &Arc<str>) -> WorkloadState {
    let observed = object.status.workload_observed_generation.0;
    let mut state = object.state(namespace);
    let seen_itself = state.observed_generation.is_none_or(|observed| observed >= state.generation);
    match observed {
        None => state.updated = None,
        Some(observed) if seen_itself => {
            (state.generation, state.observed_generation) = (generation, Some(observed));
        }
        Some(_) => {}
    }
    state
}

impl Object<'_> {
    pub(super) fn state(self, namespace: &Arc<str>) -> WorkloadState {
        let Self { metadata, spec, status } = self;
        let first = |numbers: &[Number]| numbers.iter().find_map(|number| number.0);
        let template = spec.template.or(spec.job_template.and_then(|job| job.spec.template));
        let pod = template.map_or(spec.pod, |template| template.spec);
        let existing = first(&[status.current_number_scheduled, status.replicas, status.active]);
        // Controllers leave a zero out: whoever has a strategy for replacing its pods and counts them has
        // updated none of them yet, and whoever is to have none has none to update.
        let replaces = spec.strategy.is_some() || spec.update_strategy.0.is_some();
        let none_updated = (replaces && (existing.is_some() || spec.replicas.0 == Some(0))).then_some(0);
        let strategy = spec.update_strategy.0.unwrap_or_default();
        let conditions = status.conditions.0.unwrap_or_default();
        let refused = |condition: &&Condition| {
            condition.kind == "ReplicaFailure" && condition.status == "True" && condition.reason == "FailedCreate"
        };
        let template_of = spec.workload_ref.map(|reference| WorkloadName {
            api_version: reference.api_version.into(),
            kind: reference.kind.into(),
            name: reference.name.into(),
        });
        let secrets = pod.image_pull_secrets.iter().flatten();
        WorkloadState {
            access: Access {
                namespace: Arc::clone(namespace),
                service_account: pod.service_account_name.clone().unwrap_or_else(|| "default".into()),
                pull_secrets: secrets.map(|secret| Arc::clone(&secret.name)).collect(),
            },
            template: pod.images(),
            template_of,
            generation: metadata.generation.unwrap_or_default(),
            observed_generation: status.observed_generation.0,
            desired: first(&[status.desired_number_scheduled, spec.replicas, spec.parallelism]).unwrap_or_default(),
            existing: existing.unwrap_or_default(),
            updated: first(&[status.updated_number_scheduled, status.updated_replicas]).or(none_updated),
            available: first(&[
                status.number_available,
                status.available_replicas,
                status.ready_replicas,
                status.ready,
            ])
            .unwrap_or_default(),
            paused: spec.paused.or(spec.suspend).unwrap_or_default(),
            ready: first(&[status.number_ready, status.ready_replicas, status.ready]).unwrap_or_default(),
            partition: strategy.rolling_update.and_then(|rolling| rolling.partition.0).unwrap_or_default(),
            update_revision: status.update_revision.0.map(Into::into),
            current_revision: status.current_revision.0.map(Into::into),
            phase: status.phase.0.map(|phase| (phase, status.message.0.unwrap_or_default())),
            on_delete: strategy.kind == "OnDelete",
            stalled: conditions
                .iter()
                .any(|condition| condition.kind == "Progressing" && condition.reason == "ProgressDeadlineExceeded"),
            refused: conditions.iter().find(refused).map(|condition| printable(&condition.message).into_owned()),
            finished: conditions.iter().any(|condition| {
                matches!(condition.kind.as_str(), "Complete" | "Failed") && condition.status == "True"
            }),
        }
    }
}

impl PodSpec {
    fn images(self) -> Vec<Asked> {
        let asked = |role, name, image: Arc<str>, policy: Option<String>| Asked {
            role,
            name,
            pull_policy: pull_policy(policy.as_deref().unwrap_or_default(), &image),
            image,
        };
        let containers = |list: Option<Vec<Container>>, role: Role| {
            list.unwrap_or_default().into_iter().filter_map(move |container| {
                let sidecar = role == Role::Init && container.restart_policy.as_deref() == Some("Always");
                let role = if sidecar { Role::Sidecar } else { role };
                Some(asked(role, container.name, container.image?, container.image_pull_policy))
            })
        };
        let volumes = self.volumes.unwrap_or_default().into_iter().filter_map(|volume| {
            let source = volume.image?;
            Some(asked(Role::Volume, volume.name, source.reference?, source.pull_policy))
        });
        containers(self.init_containers, Role::Init)
            .chain(containers(self.containers, Role::Container))
            .chain(containers(self.ephemeral_containers, Role::Ephemeral))
            .chain(volumes)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(json: &str) -> WorkloadState {
        serde_json::from_str::<Object<'_>>(json).unwrap().state(&"shop".into())
    }

    fn images(state: &WorkloadState) -> Vec<(Role, &str, &str)> {
        state.template.iter().map(|asked| (asked.role, &*asked.name, &*asked.image)).collect()
    }

    #[test]
    fn a_deployment_tells_its_rollout() {
        let state = state(
            r#"{"metadata":{"generation":3},"spec":{"replicas":2,"paused":true,"strategy":{"type":"RollingUpdate"},
            "template":{"spec":{"initContainers":[{"name":"i","image":"i:1"},{"name":"s","image":"s:1","restartPolicy":"Always"}],
              "containers":[{"name":"c","image":"c:1"}],"volumes":[{"name":"v","image":{"reference":"v:1"}},{"name":"e","emptyDir":{}}]}}},
            "status":{"observedGeneration":2,"replicas":3,"updatedReplicas":1,"availableReplicas":2,
              "conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}"#,
        );
        assert_eq!(
            images(&state),
            [
                (Role::Init, "i", "i:1"),
                (Role::Sidecar, "s", "s:1"),
                (Role::Container, "c", "c:1"),
                (Role::Volume, "v", "v:1")
            ]
        );
        assert_eq!((state.generation, state.observed_generation), (3, Some(2)));
        assert_eq!((state.desired, state.existing, state.updated, state.available), (2, 3, Some(1), 2));
        assert!(state.paused && state.stalled && !state.on_delete);
    }

    #[test]
    fn a_rollout_that_has_updated_nothing_is_told_from_a_kind_that_has_none() {
        let paused = state(
            r#"{"metadata":{"generation":3},"spec":{"replicas":2,"paused":true,"strategy":{"type":"RollingUpdate"}},
              "status":{"observedGeneration":3,"replicas":2,"readyReplicas":2,"availableReplicas":2}}"#,
        );
        assert_eq!(paused.updated, Some(0));
        assert_eq!(
            crate::domain::rollout::under_way(&paused),
            Some(crate::domain::rollout::UnderWay::Rolling("the rollout is paused"))
        );
        let daemon_set = state(
            r#"{"spec":{"updateStrategy":{"type":"OnDelete"}},
              "status":{"desiredNumberScheduled":3,"currentNumberScheduled":3,"numberAvailable":3}}"#,
        );
        assert_eq!(daemon_set.updated, Some(0));
        let new = state(r#"{"spec":{"replicas":2,"strategy":{"type":"Recreate"}},"status":{}}"#);
        assert_eq!(new.updated, None);
        let asleep = state(r#"{"spec":{"replicas":0,"strategy":{"type":"RollingUpdate"}},"status":{}}"#);
        assert_eq!(asleep.updated, Some(0));
        let replica_set = state(r#"{"spec":{"replicas":2},"status":{"replicas":2}}"#);
        assert_eq!(replica_set.updated, None);
    }

    #[test]
    fn the_other_kinds_count_in_their_own_words() {
        let daemon_set = state(
            r#"{"spec":{"updateStrategy":{"type":"OnDelete"}},"status":{"desiredNumberScheduled":3,"currentNumberScheduled":2,
              "updatedNumberScheduled":1,"numberAvailable":1}}"#,
        );
        assert_eq!(
            (daemon_set.desired, daemon_set.existing, daemon_set.updated, daemon_set.available),
            (3, 2, Some(1), 1)
        );
        assert!(daemon_set.on_delete);
        let replica_set = state(r#"{"spec":{"replicas":1},"status":{"replicas":1,"availableReplicas":1}}"#);
        assert_eq!(replica_set.updated, None);
        let cron_job = state(
            r#"{"spec":{"suspend":false,"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"c:1"}]}}}}},
              "status":{"active":[{"kind":"Job","name":"j"}]}}"#,
        );
        assert_eq!((images(&cron_job), cron_job.existing), (vec![(Role::Container, "c", "c:1")], 0));
        let job = state(r#"{"spec":{"parallelism":2},"status":{"active":1,"ready":1}}"#);
        assert_eq!((job.desired, job.existing, job.available), (2, 1, 1));
        let pod = state(r#"{"spec":{"containers":[{"name":"c","image":"c:1"}]}}"#);
        assert_eq!(images(&pod), [(Role::Container, "c", "c:1")]);
    }

    #[test]
    fn a_template_that_is_elsewhere_is_seen_once_it_is_said_to_be() {
        let read = |status: &str| {
            let json = format!(
                r#"{{"metadata":{{"generation":3}},"spec":{{"replicas":1,"workloadRef":{{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}}},
                  "status":{{"replicas":1,"updatedReplicas":1,"availableReplicas":1,{status}}}}}"#
            );
            let state = follows(serde_json::from_str::<Object<'_>>(&json).unwrap(), 7, &"shop".into());
            let unseen = state.observed_generation.is_some_and(|observed| observed < state.generation);
            (unseen, state.updated)
        };
        for (status, expected) in [
            (r#""observedGeneration":"3","workloadObservedGeneration":"7""#, (false, Some(1))),
            (r#""observedGeneration":"3","workloadObservedGeneration":"6""#, (true, Some(1))),
            (r#""observedGeneration":"2","workloadObservedGeneration":"7""#, (true, Some(1))),
            (r#""observedGeneration":"3""#, (false, None)),
        ] {
            assert_eq!(read(status), expected, "{status}");
        }
    }

    #[test]
    fn foreign_kinds_do_as_they_like() {
        let rollout = state(
            r#"{"metadata":{"generation":3},"spec":{"replicas":1,"strategy":{"canary":{}},"updateStrategy":"x",
              "template":{"spec":{"containers":[{"name":"c","image":"c:1"}]}}},
              "status":{"observedGeneration":"3","conditions":"none","replicas":1.5,"active":{"a":1}}}"#,
        );
        assert_eq!(rollout.observed_generation, Some(3));
        assert_eq!(rollout.template.len(), 1);
        assert_eq!(state("{}").template, []);
    }
}
