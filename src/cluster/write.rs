//! Definitions, whole and raw, and the patches that change them.
//!
//! A patch is sent with a name for its fields' manager and, on request, as a dry run, which goes through rights,
//! validation and admission like the real one. Whether an answer that was lost on its way belonged to a patch that was
//! carried out is told by the object itself; the caller reads it again.

use std::sync::Arc;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::Cluster;
use super::discovery::decode;
use super::failure::Failure;
use super::intern::Interner;
use super::metadata;
use super::resource::Resource;
use super::transport::{Accept, Content, segment};
use crate::domain::diagnosis::WorkloadName;
use crate::domain::patch::{self, Operation};
use crate::domain::template::{Definition, Unchangeable};
use crate::domain::workload::{Manager, Pod};
use crate::text::excerpt;

/// A definition and who else owns it.
#[derive(Debug, Clone)]
pub struct Defined {
    /// The definition.
    pub definition: Arc<Definition>,
    /// Tools that keep rewriting it from outside.
    pub managers: Vec<Manager>,
}

/// Why there is no definition to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDefined {
    /// It is there, and its images cannot be changed.
    Unchangeable(Unchangeable),
    /// It is not there.
    Missing,
    /// It cannot be read; why.
    Unreadable(String),
    /// It may not be read: `get` on this resource is not allowed; in the server's words.
    Forbidden {
        /// Such as `deployments.apps`.
        resource: String,
        /// Why.
        why: String,
    },
}

/// How a patch is sent.
#[derive(Debug, Clone, Copy)]
pub struct Patching<'a> {
    /// `--field-manager`.
    pub manager: &'a str,
    /// The server only says what it would do.
    pub dry_run: bool,
}

/// Why a patch, or a deletion, was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPatched {
    /// The object is not as the patch takes it to be, or the patch is not valid; the server's words.
    Conflict(String),
    /// The object is gone.
    Missing,
    /// The right is missing; the server's words.
    Forbidden(String),
    /// The server, or an admission webhook, does not want it; its words.
    Refused(String),
    /// An admission webhook does not support dry runs; the server's words. Only a dry run ends so.
    NoDryRun(String),
    /// No answer came: it may have been carried out.
    Silence(String),
}

/// What the server says of a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// It is there.
    Allowed,
    /// It is not.
    Denied,
    /// The server did not say.
    Unknown,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AccessReview {
    status: AccessReviewStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AccessReviewStatus {
    allowed: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SubjectReview {
    status: SubjectReviewStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SubjectReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct UserInfo {
    username: String,
}

impl Cluster {
    /// Reads an object whole, as it stands now. Where its template is in another object, the definition is that one's.
    ///
    /// # Errors
    /// Why it cannot be read or its images cannot be changed.
    pub async fn definition(&self, namespace: &str, workload: &WorkloadName) -> Result<Defined, NotDefined> {
        let (object, managers) = self.whole(namespace, workload).await?;
        let elsewhere = match Definition::read(object.clone()) {
            Ok(definition) => return Ok(Defined { definition: Arc::new(definition), managers }),
            Err(Unchangeable::Elsewhere(elsewhere)) => elsewhere,
            Err(why) => return Err(NotDefined::Unchangeable(why)),
        };
        let (template, more) = match self.whole(namespace, &elsewhere).await {
            Err(NotDefined::Missing) => return Err(NotDefined::Unchangeable(Unchangeable::Elsewhere(elsewhere))),
            other => other?,
        };
        let definition = Definition::read(template).map_err(NotDefined::Unchangeable)?.run_by(&object);
        let more = more.into_iter().filter(|manager| !managers.contains(manager)).collect::<Vec<_>>();
        Ok(Defined { definition: Arc::new(definition), managers: [managers, more].concat() })
    }

    /// Reads an object whole, whatever it is; `None` where it cannot be read.
    pub async fn object(&self, namespace: &str, workload: &WorkloadName) -> Option<Value> {
        self.whole(namespace, workload).await.ok().map(|(object, _)| object)
    }

    /// An object and the tools that keep rewriting it.
    async fn whole(&self, namespace: &str, workload: &WorkloadName) -> Result<(Value, Vec<Manager>), NotDefined> {
        let unreadable = |failure: Failure| match failure.is_not_found() {
            true => NotDefined::Missing,
            false => NotDefined::Unreadable(failure.why()),
        };
        let resource = self.resource_of(&workload.api_version, &workload.kind).await.map_err(unreadable)?;
        let path = resource.object_path(Some(namespace), &workload.name);
        let body =
            self.inner.transport.get(&path, Accept::Whole).await.map_err(|failure| match failure.is_forbidden() {
                true => NotDefined::Forbidden { resource: resource.full_name(), why: failure.why() },
                false => unreadable(failure),
            })?;
        let managers = decode::<metadata::Object<'_>>(&body).map(|object| {
            let owner = object.metadata.owner(&resource, &mut Interner::default());
            let operator = owner.operator();
            owner.managers.into_iter().chain(operator).collect()
        });
        let mut object: Value = decode(&body).map_err(unreadable)?;
        // Some servers leave these out of single objects.
        object["apiVersion"] = (*workload.api_version).into();
        object["kind"] = (*workload.kind).into();
        Ok((object, managers.unwrap_or_default()))
    }

    /// Sends a JSON patch; gives the object as it is afterwards, or as it would be.
    ///
    /// # Errors
    /// Why it was not carried out.
    pub async fn patch(
        &self,
        namespace: &str,
        workload: &WorkloadName,
        operations: &[Operation],
        how: Patching<'_>,
    ) -> Result<Value, NotPatched> {
        let path = self.object_path(namespace, workload).await.map_err(not_patched)?;
        let mut query = Serializer::new(String::new());
        query.append_pair("fieldManager", how.manager);
        if how.dry_run {
            query.append_pair("dryRun", "All");
        }
        let content = Content {
            method: Method::PATCH,
            media_type: "application/json-patch+json",
            body: patch::document(operations).to_string().into_bytes(),
        };
        let body =
            self.inner.transport.send(&format!("{path}?{}", query.finish()), &content).await.map_err(not_patched)?;
        decode(&body).map_err(not_patched)
    }

    /// Deletes a pod as somebody looked at it: another one of that name, or one that has changed since, stays.
    ///
    /// # Errors
    /// Why it was not deleted.
    pub async fn delete_pod(&self, pod: &Pod) -> Result<(), NotPatched> {
        let path = self.object_path(&pod.namespace, &WorkloadName::pod(&pod.name)).await.map_err(not_patched)?;
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": {"uid": &*pod.uid, "resourceVersion": &*pod.resource_version},
        });
        let content =
            Content { method: Method::DELETE, media_type: "application/json", body: options.to_string().into_bytes() };
        self.inner.transport.send(&path, &content).await.map(drop).map_err(not_patched)
    }

    /// Whether these credentials may do something to an object.
    pub async fn may(&self, verb: &str, namespace: &str, workload: &WorkloadName) -> Review {
        let Ok(resource) = self.resource_of(&workload.api_version, &workload.kind).await else {
            return Review::Unknown;
        };
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": &*resource.group, "resource": &*resource.plural,
                "namespace": namespace, "name": &*workload.name,
            }},
        });
        let content =
            Content { method: Method::POST, media_type: "application/json", body: review.to_string().into_bytes() };
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        match self.inner.transport.send(path, &content).await.and_then(|body| decode::<AccessReview>(&body)) {
            Ok(AccessReview { status: AccessReviewStatus { allowed: true } }) => Review::Allowed,
            Ok(_) => Review::Denied,
            Err(_) => Review::Unknown,
        }
    }

    /// The name of a workload's type in rules and messages: `deployments.apps`.
    pub async fn type_name(&self, workload: &WorkloadName) -> String {
        match self.resource_of(&workload.api_version, &workload.kind).await {
            Ok(resource) => resource.full_name(),
            Err(_) => workload.kind.to_lowercase(),
        }
    }

    /// Whether a namespace is known not to be there.
    pub async fn lacks_namespace(&self, namespace: &str) -> bool {
        let path = format!("/api/v1/namespaces/{}", segment(namespace));
        let answer = self.inner.transport.get(&path, Accept::Metadata).await;
        answer.is_err_and(|failure| failure.is_not_found())
    }

    /// Who the user is, as the API server knows them; empty where it does not say.
    pub async fn whoami(&self) -> String {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let content =
            Content { method: Method::POST, media_type: "application/json", body: review.to_string().into_bytes() };
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let answer = self.inner.transport.send(path, &content).await;
        let review = answer.and_then(|body| decode::<SubjectReview>(&body)).unwrap_or_default();
        excerpt(&review.status.user_info.username, 120)
    }

    async fn object_path(&self, namespace: &str, workload: &WorkloadName) -> Result<String, Failure> {
        let resource: Resource = self.resource_of(&workload.api_version, &workload.kind).await?;
        Ok(resource.object_path(Some(namespace), &workload.name))
    }
}

fn not_patched(failure: Failure) -> NotPatched {
    let why = excerpt(&failure.why(), 300);
    if failure.knows_no_dry_run() {
        NotPatched::NoDryRun(why)
    } else if failure.is_conflict() {
        NotPatched::Conflict(why)
    } else if failure.is_not_found() {
        NotPatched::Missing
    } else if failure.is_forbidden() {
        NotPatched::Forbidden(why)
    } else if failure.is_silence() {
        NotPatched::Silence(why)
    } else {
        NotPatched::Refused(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, message: &str) -> NotPatched {
        let body = json!({"kind": "Status", "message": message, "code": code}).to_string();
        not_patched(Failure::answered(http::StatusCode::from_u16(code).unwrap(), body.as_bytes()))
    }

    #[test]
    fn why_a_patch_was_not_carried_out_is_sorted_by_what_to_do_next() {
        let words = |text: &str| text.to_owned();
        for (code, message, expected) in [
            (409, "the object has been modified", NotPatched::Conflict(words("the object has been modified"))),
            (422, "the server rejected our request", NotPatched::Conflict(words("the server rejected our request"))),
            (403, "deployments.apps is forbidden", NotPatched::Forbidden(words("deployments.apps is forbidden"))),
            (404, "not found", NotPatched::Missing),
            (
                400,
                "admission webhook \"x\" does not support dry run",
                NotPatched::NoDryRun(words("admission webhook \"x\" does not support dry run")),
            ),
            (
                400,
                "admission webhook \"x\" denied the request",
                NotPatched::Refused(words("admission webhook \"x\" denied the request")),
            ),
            (500, "etcd is slow", NotPatched::Silence(words("etcd is slow"))),
        ] {
            assert_eq!(answered(code, message), expected, "{code}");
        }
    }
}
