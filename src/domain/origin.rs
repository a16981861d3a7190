//! Which template asks for a container of a pod, if any does.
//!
//! What no template above the pod has was added while the pod was created: a sidecar that a mesh or an agent injects. No
//! change of the workload's template changes its image.

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnosis::WorkloadName;
use super::inventory::{Answers, Workload};
use super::rollout;
use super::workload::{Container, Listed, Pod, Role, WorkloadState};

/// Where a container comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// No template that could be read tells.
    NotKnown,
    /// The template of this workload, the nearest to the top that has it.
    Template(WorkloadName),
    /// It was added to the pod on its way.
    Injected,
}

/// The templates that were read.
#[derive(Debug, Clone, Copy)]
pub struct Templates<'a> {
    /// Read with the lists of their kinds, by UID.
    pub listed: &'a HashMap<Arc<str>, Listed>,
    /// Read because a verdict hung on them.
    pub answers: &'a Answers,
}

impl<'a> Templates<'a> {
    /// The template and rollout of a controller; `None` if nobody has asked for it, an error if it cannot be read.
    #[must_use]
    pub fn of(&self, workload: &Workload) -> Option<Result<&'a WorkloadState, &'a str>> {
        // A list does not follow to where the template is.
        let listed = self.listed.get(&workload.reference.uid);
        if let Some(listed) =
            listed.filter(|listed| listed.state.template_of.is_none() || !listed.state.template.is_empty())
        {
            return Some(Ok(&listed.state));
        }
        Some(self.answers.workloads.get(workload)?.as_ref().map_err(String::as_str))
    }

    /// Which template the container comes from. `controllers` are those above the pod, nearest first.
    #[must_use]
    pub fn origin(&self, pod: &Pod, container: &Container, controllers: &[Workload]) -> Origin {
        let (mut read, mut under_way) = (false, false);
        for workload in controllers.iter().rev() {
            let Some(Ok(state)) = self.of(workload) else { continue };
            if has(state, container) {
                return Origin::Template(WorkloadName::of(&workload.reference));
            }
            read |= !state.template.is_empty();
            under_way |= rollout::under_way(state).is_some();
        }
        if !read || container.role == Role::Ephemeral {
            return Origin::NotKnown;
        }
        // A template that no longer has it leaves it to the pods of the one before, until they are replaced.
        match copy_of_the_template(pod, controllers).and_then(|copy| self.of(&copy)) {
            Some(Ok(state)) if has(state, container) => Origin::NotKnown,
            Some(Ok(state)) if !state.template.is_empty() => Origin::Injected,
            _ if under_way => Origin::NotKnown,
            _ => Origin::Injected,
        }
    }

    /// What else has to be read to tell: the copy that the pod was made from, where the templates above lack the container.
    #[must_use]
    pub fn lacking(&self, pod: &Pod, container: &Container, controllers: &[Workload]) -> Option<Workload> {
        let mut states = controllers.iter().filter_map(|workload| self.of(workload)?.ok()).peekable();
        states.peek()?;
        if container.role == Role::Ephemeral || states.any(|state| has(state, container)) {
            return None;
        }
        copy_of_the_template(pod, controllers).filter(|copy| self.of(copy).is_none())
    }
}

fn has(state: &WorkloadState, container: &Container) -> bool {
    state.asks_for(container.role, &container.name).is_some()
}

/// The `ReplicaSet` or Job that the pod was made from, where that only carries a copy of the template above it.
fn copy_of_the_template(pod: &Pod, controllers: &[Workload]) -> Option<Workload> {
    let above = pod.controller.as_ref()?;
    if controllers.iter().any(|workload| workload.reference.uid == above.uid) {
        return None;
    }
    Some(Workload { namespace: Arc::clone(&pod.namespace), reference: above.clone() })
}

/// Why no change of the workload brings another image for a container, and what does.
#[must_use]
pub fn injected_words(injector: Option<&str>) -> (String, String) {
    match injector {
        Some(tool) => (
            format!("{tool} injects it; no template has it"),
            format!(
                "set the image where {tool} is configured, then restart the pods: new ones get what is injected then"
            ),
        ),
        None => (
            "something injects it into the pods; no template has it".to_owned(),
            "set the image where it is injected, then restart the pods: new ones get what is injected then".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workload::{Asked, OwnerReference, PullPolicy, WorkloadState};

    fn above(api_version: &str, kind: &str, name: &str) -> OwnerReference {
        let uid = format!("{kind}/{name}").into();
        OwnerReference { api_version: api_version.into(), kind: kind.into(), name: name.into(), uid }
    }

    fn workload(reference: OwnerReference) -> Workload {
        Workload { namespace: "shop".into(), reference }
    }

    fn container(name: &str, role: Role) -> Container {
        Container { role, image: "reg.example.com/app:1.0".into(), ..Container::bare(name) }
    }

    fn pod(controller: OwnerReference, containers: Vec<Container>) -> Pod {
        Pod { ready: false, controller: Some(controller), containers, ..Pod::bare("web-1") }
    }

    /// A template with these containers; none of it where it is not to be read.
    fn template(names: &[&str], under_way: bool) -> Result<WorkloadState, String> {
        let asked = |name: &&str| Asked {
            role: Role::Container,
            name: (*name).into(),
            image: "reg.example.com/app:1.0".into(),
            pull_policy: PullPolicy::IfNotPresent,
        };
        let template = names.iter().map(asked).collect();
        let updated = Some(i64::from(!under_way));
        Ok(WorkloadState { template, desired: 1, existing: 1, updated, ..WorkloadState::default() })
    }

    #[test]
    fn a_container_that_no_template_has_was_injected() {
        let set = above("apps/v1", "ReplicaSet", "web-1");
        let deployment = workload(above("apps/v1", "Deployment", "web"));
        let database = workload(above("example.com/v1", "Database", "main"));
        let holder = Origin::Template(WorkloadName::of(&deployment.reference));
        let forbidden = || Err("forbidden".to_owned());
        for (what, name, role, of_set, of_deployment, of_database, expected) in [
            ("its template", "app", Role::Container, None, Some(template(&["app"], false)), None, holder.clone()),
            (
                "below an operator",
                "app",
                Role::Container,
                None,
                Some(template(&["app"], false)),
                Some(template(&[], false)),
                holder,
            ),
            ("nothing read", "proxy", Role::Container, None, None, None, Origin::NotKnown),
            ("not to be read", "proxy", Role::Container, None, Some(forbidden()), None, Origin::NotKnown),
            ("no template at all", "proxy", Role::Container, None, Some(template(&[], false)), None, Origin::NotKnown),
            (
                "a sidecar",
                "proxy",
                Role::Container,
                Some(template(&["app"], false)),
                Some(template(&["app"], false)),
                None,
                Origin::Injected,
            ),
            (
                "the same, with rights for less",
                "proxy",
                Role::Sidecar,
                Some(forbidden()),
                Some(template(&["app"], false)),
                None,
                Origin::Injected,
            ),
            ("another role", "app", Role::Init, None, Some(template(&["app"], false)), None, Origin::Injected),
            (
                "a debug container",
                "debug",
                Role::Ephemeral,
                None,
                Some(template(&["app"], false)),
                None,
                Origin::NotKnown,
            ),
            (
                "one that the template dropped",
                "proxy",
                Role::Container,
                Some(template(&["app", "proxy"], false)),
                Some(template(&["app"], true)),
                None,
                Origin::NotKnown,
            ),
            (
                "a rollout that hides it",
                "proxy",
                Role::Container,
                Some(forbidden()),
                Some(template(&["app"], true)),
                None,
                Origin::NotKnown,
            ),
            (
                "a sidecar during a rollout",
                "proxy",
                Role::Container,
                Some(template(&["app"], false)),
                Some(template(&["app"], true)),
                None,
                Origin::Injected,
            ),
        ] {
            let mut answers = Answers::default();
            for (workload, answer) in
                [(workload(set.clone()), of_set), (deployment.clone(), of_deployment), (database.clone(), of_database)]
            {
                answers.workloads.extend(answer.map(|answer| (workload, answer)));
            }
            let container = container(name, role);
            let pod = pod(set.clone(), vec![container.clone()]);
            let listed = HashMap::new();
            let templates = Templates { listed: &listed, answers: &answers };
            assert_eq!(templates.origin(&pod, &container, &[deployment.clone(), database.clone()]), expected, "{what}");
        }
    }

    #[test]
    fn the_copy_is_read_only_where_the_template_lacks_the_container() {
        let set = above("apps/v1", "ReplicaSet", "web-1");
        let deployment = workload(above("apps/v1", "Deployment", "web"));
        let mut answers = Answers::default();
        answers.workloads.insert(deployment.clone(), template(&["app"], false));
        let listed = HashMap::new();
        let asks = |name: &str, role, answers: &Answers| {
            let container = container(name, role);
            let pod = pod(set.clone(), vec![container.clone()]);
            Templates { listed: &listed, answers }.lacking(&pod, &container, std::slice::from_ref(&deployment))
        };
        assert_eq!(asks("app", Role::Container, &answers), None);
        assert_eq!(asks("debug", Role::Ephemeral, &answers), None);
        assert_eq!(asks("proxy", Role::Container, &Answers::default()), None);
        assert_eq!(asks("proxy", Role::Container, &answers), Some(workload(set.clone())));
        answers.workloads.insert(workload(set.clone()), template(&["app"], false));
        assert_eq!(asks("proxy", Role::Container, &answers), None);
    }
}
