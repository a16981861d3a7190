//! Who may do what: tokens, roles and bindings, evaluated with the real authorizer's wording.

use serde_json::{Value, json};

use crate::store::Store;
use crate::store::error::{ApiError, ApiResult};
use crate::store::object::{items, text};

use super::request::RequestInfo;

/// Somebody who sends requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name in bindings and messages.
    pub name: String,
    /// The groups, `system:authenticated` included.
    pub groups: Vec<String>,
}

impl User {
    /// A user with the groups given besides `system:authenticated`.
    pub fn new(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().copied().chain(["system:authenticated"]).map(str::to_owned).collect();
        Self { name: name.to_owned(), groups }
    }

    /// Who sends no token.
    pub fn anonymous() -> Self {
        Self { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()] }
    }
}

/// What is asked of the authorizer.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    /// The verb.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// The resource.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The namespace, or empty for the cluster scope.
    pub namespace: String,
    /// The object's name, or empty.
    pub name: String,
}

impl Attributes {
    fn of(info: &RequestInfo) -> Self {
        // A list of one named object counts as a request for that object, so that `resourceNames` can allow it.
        let from_selector = || match info.parameter("fieldSelector").strip_prefix("metadata.name=") {
            Some(name) if !name.contains(',') => name.to_owned(),
            _ => String::new(),
        };
        Self {
            verb: info.verb.clone(),
            group: info.group.clone(),
            resource: info.plural.clone(),
            subresource: info.subresource.clone(),
            namespace: match (&info.namespace, info.plural.as_str()) {
                (None, "namespaces") => info.name.clone().unwrap_or_default(),
                (namespace, _) => namespace.clone().unwrap_or_default(),
            },
            name: info.name.clone().unwrap_or_else(from_selector),
        }
    }

    fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

fn contains(list: &[Value], wanted: &str) -> bool {
    list.iter().filter_map(Value::as_str).any(|one| one == "*" || one == wanted)
}

fn rule_allows(rule: &Value, asked: &Attributes) -> bool {
    let resource = asked.full_resource();
    let resources = items(rule, "/resources");
    let any_with_subresource = format!("*/{}", asked.subresource);
    let names = items(rule, "/resourceNames");
    contains(items(rule, "/verbs"), &asked.verb)
        && contains(items(rule, "/apiGroups"), &asked.group)
        && (contains(resources, &resource)
            || !asked.subresource.is_empty() && resources.iter().any(|one| *one == any_with_subresource.as_str()))
        && (names.is_empty() || !asked.name.is_empty() && contains(names, &asked.name))
}

fn is_subject(binding: &Value, user: &User) -> bool {
    items(binding, "/subjects").iter().any(|subject| match text(subject, "/kind") {
        "User" => text(subject, "/name") == user.name,
        "Group" => user.groups.iter().any(|group| group == text(subject, "/name")),
        "ServiceAccount" => {
            user.name == format!("system:serviceaccount:{}:{}", text(subject, "/namespace"), text(subject, "/name"))
        }
        _ => false,
    })
}

/// The rules that a user has in a namespace (those of the cluster included), or in the cluster alone (empty).
pub fn rules(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let mut found = Vec::new();
    let rules_of = |binding: &Value| -> Vec<Value> {
        let name = text(binding, "/roleRef/name");
        let role = if text(binding, "/roleRef/kind") == "ClusterRole" {
            store.get(&format!("clusterroles.{GROUP}"), "", name)
        } else {
            store.get(&format!("roles.{GROUP}"), text(binding, "/metadata/namespace"), name)
        };
        role.map_or_else(Vec::new, |role| items(role.value(), "/rules").to_vec())
    };
    if user.groups.iter().any(|group| group == "system:masters") {
        found.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        found.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    if user.groups.iter().any(|group| group == "system:authenticated") {
        found.push(json!({
            "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        }));
        found.push(json!({
            "verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"],
        }));
        found.push(json!({"verbs": ["get"], "nonResourceURLs": [
            "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/",
        ]}));
    }
    for binding in store.list(&format!("clusterrolebindings.{GROUP}"), None).1 {
        if is_subject(binding.value(), user) {
            found.extend(rules_of(binding.value()));
        }
    }
    if !namespace.is_empty() {
        for binding in store.list(&format!("rolebindings.{GROUP}"), Some(namespace)).1 {
            if is_subject(binding.value(), user) {
                found.extend(rules_of(binding.value()));
            }
        }
    }
    found
}

/// Whether the user may do what is asked.
pub fn allows(store: &Store, user: &User, asked: &Attributes) -> bool {
    rules(store, user, &asked.namespace).iter().any(|rule| rule_allows(rule, asked))
}

/// Whether the user may ask for a path that is no resource.
pub fn allows_path(store: &Store, user: &User, verb: &str, path: &str) -> bool {
    if matches!(path, "/healthz" | "/livez" | "/readyz" | "/version") {
        return true;
    }
    rules(store, user, "").iter().any(|rule| {
        contains(items(rule, "/verbs"), verb)
            && items(rule, "/nonResourceURLs").iter().filter_map(Value::as_str).any(|allowed| {
                allowed == path || allowed.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
            })
    })
}

/// Refuses what the user may not do.
pub fn authorize(store: &Store, user: &User, info: &RequestInfo) -> ApiResult<()> {
    if info.plural.is_empty() {
        let verb = info.method.as_str().to_lowercase();
        if allows_path(store, user, &verb, &info.path) {
            return Ok(());
        }
        let message = format!("forbidden: User \"{}\" cannot {verb} path \"{}\"", user.name, info.path);
        let mut error = ApiError::new(403, "Forbidden", message);
        error.details = json!({});
        return Err(error);
    }
    let asked = Attributes::of(info);
    if allows(store, user, &asked) {
        return Ok(());
    }
    let scope = if asked.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", asked.namespace)
    };
    let why = format!(
        "User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {scope}",
        user.name,
        asked.verb,
        asked.full_resource(),
        asked.group
    );
    Err(ApiError::forbidden(&info.resource_key(), &asked.name, &why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = Store::new();
        let role = |rules: Value| json!({"metadata": {"name": "reader", "namespace": "shop"}, "rules": rules});
        let rules = json!([
            {"verbs": ["list", "get"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["pull"]},
            {"verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"]},
        ]);
        store.create("roles.rbac.authorization.k8s.io", role(rules)).unwrap();
        let binding = json!({
            "metadata": {"name": "reader", "namespace": "shop"},
            "roleRef": {"kind": "Role", "name": "reader"},
            "subjects": [{"kind": "User", "name": "pod-reader"}],
        });
        store.create("rolebindings.rbac.authorization.k8s.io", binding).unwrap();
        store
    }

    fn check(user: &User, method: &str, uri: &str) -> ApiResult<()> {
        let info =
            RequestInfo::parse(&method.parse().unwrap(), &uri.parse().unwrap(), &http::HeaderMap::new()).unwrap();
        authorize(&store(), user, &info)
    }

    #[test]
    fn a_role_counts_in_its_namespace_only() {
        let reader = User::new("pod-reader", &[]);
        assert!(check(&reader, "GET", "/api/v1/namespaces/shop/pods").is_ok());
        assert_eq!(
            check(&reader, "GET", "/api/v1/pods").unwrap_err().message,
            "pods is forbidden: User \"pod-reader\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
        );
        assert_eq!(
            check(&reader, "GET", "/apis/apps/v1/namespaces/shop/deployments/web").unwrap_err().message,
            "deployments.apps \"web\" is forbidden: User \"pod-reader\" cannot get resource \"deployments\" in API group \
             \"apps\" in the namespace \"shop\""
        );
    }

    #[test]
    fn resource_names_and_subresources_are_respected() {
        let reader = User::new("pod-reader", &[]);
        assert!(check(&reader, "GET", "/api/v1/namespaces/shop/secrets/pull").is_ok());
        assert!(check(&reader, "GET", "/api/v1/namespaces/shop/secrets/other").is_err());
        assert!(check(&reader, "GET", "/api/v1/namespaces/shop/pods/a/log").is_err());
        assert!(check(&reader, "PUT", "/apis/apps/v1/namespaces/shop/deployments/web/scale").is_ok());
    }

    #[test]
    fn masters_may_do_everything_and_strangers_nothing() {
        let admin = User::new("admin", &["system:masters"]);
        assert!(check(&admin, "DELETE", "/apis/example.com/v1/things/x").is_ok());
        assert!(check(&User::anonymous(), "GET", "/api/v1/namespaces/shop/pods").is_err());
        assert!(check(&User::new("pod-reader", &[]), "GET", "/apis").is_ok());
    }
}
