//! The API server: plain http on loopback, bearer tokens, and the verbs, forms and wordings of a real one.

pub mod admission;
pub mod defaults;
pub mod discovery;
pub mod faults;
pub mod fields;
pub mod json_patch;
pub mod patch;
pub mod rbac;
pub mod read;
pub mod request;
pub mod respond;
pub mod reviews;
pub mod table;
pub mod write;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

use crate::pause::{self, Pauses, Point};
use crate::store::Store;
use crate::store::error::{ApiError, ApiResult};

use faults::{Cut, Faults, Logged, RequestLog, RequestMatch};
use rbac::User;
use request::RequestInfo;
use respond::{error_response, json_response, json_response_as};

/// Larger than any body of the test bed; a bound only so that a mistake ends in an error.
const BODY_LIMIT: usize = 64 << 20;

/// The content type of aggregated discovery.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The server's state.
#[derive(Debug)]
pub struct ApiServer {
    /// The objects.
    pub store: Arc<Store>,
    /// What was asked.
    pub log: Arc<RequestLog>,
    /// Faults on purpose.
    pub faults: Arc<Faults>,
    /// Requests that wait for a story.
    pub(crate) pauses: Pauses<RequestMatch>,
    /// Whether the server was stopped: then what waits is not carried out.
    pub(crate) is_down: AtomicBool,
    /// Pages of lists that clients are in the middle of.
    pub pages: read::Pages,
    tokens: RwLock<HashMap<String, User>>,
}

impl ApiServer {
    /// A server over the store, with the users `admin` and `pod-reader`.
    pub fn new(store: Arc<Store>) -> Arc<Self> {
        let server = Self {
            store,
            log: Arc::default(),
            faults: Arc::default(),
            pauses: Pauses::default(),
            is_down: AtomicBool::new(false),
            pages: read::Pages::default(),
            tokens: RwLock::default(),
        };
        server.add_user("admin", User::new("admin", &["system:masters"]));
        server.add_user("pod-reader", User::new("pod-reader", &[]));
        Arc::new(server)
    }

    /// Lets a token in as a user.
    pub fn add_user(&self, token: &str, user: User) {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), user);
    }

    /// Whether a token is somebody's.
    pub fn knows_token(&self, token: &str) -> bool {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).contains_key(token)
    }

    fn authenticate(&self, headers: &HeaderMap) -> ApiResult<User> {
        let authorization = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let user = match authorization.and_then(|value| value.strip_prefix("Bearer ")) {
            None => User::anonymous(),
            Some(token) => self
                .tokens
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(token.trim())
                .cloned()
                .ok_or_else(ApiError::unauthorized)?,
        };
        let Some(name) = headers.get("Impersonate-User").and_then(|value| value.to_str().ok()) else {
            return Ok(user);
        };
        let asked = rbac::Attributes {
            verb: "impersonate".into(),
            resource: "users".into(),
            name: name.into(),
            ..rbac::Attributes::default()
        };
        if !rbac::allows(&self.store, &user, &asked) {
            let why = format!(
                "User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
                user.name
            );
            return Err(ApiError::forbidden("users", name, &why));
        }
        let groups: Vec<&str> =
            headers.get_all("Impersonate-Group").iter().filter_map(|value| value.to_str().ok()).collect();
        Ok(User::new(name, &groups))
    }

    /// The routes.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        axum::Router::new()
            .fallback(handle)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(self))
    }

    fn answer(&self, info: &RequestInfo, user: &User, body: &[u8]) -> ApiResult<Response> {
        rbac::authorize(&self.store, user, info)?;
        if info.plural.is_empty() {
            return self.answer_discovery(info);
        }
        let resource =
            self.store.find_type(&info.group, &info.version, &info.plural).ok_or_else(ApiError::no_such_path)?;
        if resource.namespaced && info.namespace.is_none() && !matches!(info.verb.as_str(), "list" | "watch" | "create")
        {
            return Err(ApiError::no_such_path());
        }
        if !info.subresource.is_empty() && !resource.subresources.contains(&info.subresource) {
            return Err(ApiError::no_such_path());
        }
        if resource.review {
            return reviews::answer(self, info, user, &resource, body);
        }
        match info.verb.as_str() {
            "get" => read::get(self, info, &resource),
            "list" => read::list(self, info, &resource),
            "watch" => read::watch(self, info, &resource),
            "create" => write::create(self, info, &resource, body),
            "update" => write::update(self, info, &resource, body),
            "patch" => write::patch(self, info, &resource, body),
            "delete" => write::delete(self, info, &resource, body),
            "deletecollection" => write::delete_collection(self, info, &resource, body),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn answer_discovery(&self, info: &RequestInfo) -> ApiResult<Response> {
        let aggregated = info.accept.contains("as=APIGroupDiscoveryList") && info.accept.contains("v=v2");
        let segments: Vec<&str> = info.path.split('/').filter(|segment| !segment.is_empty()).collect();
        let store = &self.store;
        let value = match segments.as_slice() {
            ["version"] => Some(discovery::version()),
            ["healthz" | "livez" | "readyz"] => {
                return Ok(Response::new(axum::body::Body::from("ok")));
            }
            ["api"] if aggregated => {
                return Ok(json_response_as(info, 200, AGGREGATED, &discovery::aggregated(store, true)));
            }
            ["apis"] if aggregated => {
                return Ok(json_response_as(info, 200, AGGREGATED, &discovery::aggregated(store, false)));
            }
            ["api"] => Some(discovery::core_versions()),
            ["apis"] => Some(discovery::group_list(store)),
            ["api", version] => discovery::resource_list(store, "", version),
            ["apis", group] => discovery::one_group(store, group),
            ["apis", group, version] => discovery::resource_list(store, group, version),
            ["openapi", "v3"] => Some(discovery::openapi_paths(store)),
            ["openapi", "v3", "api", version] => discovery::openapi(store, "", version),
            ["openapi", "v3", "apis", group, version] => discovery::openapi(store, group, version),
            _ => None,
        };
        value.map(|value| json_response(info, 200, &value)).ok_or_else(ApiError::no_such_path)
    }
}

async fn handle(State(server): State<Arc<ApiServer>>, request: Request) -> Response {
    let info = match RequestInfo::parse(request.method(), request.uri(), request.headers()) {
        Ok(info) => info,
        Err(error) => return error_response(&RequestInfo::default(), &error),
    };
    let user = server.authenticate(request.headers());
    let body = match axum::body::to_bytes(request.into_body(), BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return error_response(&info, &ApiError::bad_request(error.to_string())),
    };
    // A task of its own: what was read is carried out although its client may be gone.
    let answering = tokio::spawn(async move { server.carry_out(info, user, body).await });
    answering.await.unwrap_or_else(|_| pause::cut())
}

impl ApiServer {
    /// One request with its faults and pauses, written down.
    async fn carry_out(&self, info: RequestInfo, user: ApiResult<User>, body: Bytes) -> Response {
        let name = user.as_ref().map(|user| user.name.clone()).unwrap_or_default();
        let response = self.bent(&info, &name, user, &body).await;
        self.log.add(Logged {
            verb: info.verb.clone(),
            path: info.path.clone(),
            query: info.query.clone().into_iter().collect(),
            accept: info.accept.clone(),
            user: name,
            status: response.as_ref().map_or(0, |response| response.status().as_u16()),
        });
        response.unwrap_or_else(pause::cut)
    }

    /// The answer, or none where the connection is to be cut.
    async fn bent(&self, info: &RequestInfo, name: &str, user: ApiResult<User>, body: &Bytes) -> Option<Response> {
        let hold = async |point| self.pauses.hold(point, |matching: &RequestMatch| matching.matches(info, name)).await;
        if let Some(goes_on) = hold(Point::Before).await
            && (!goes_on || self.is_down.load(Ordering::SeqCst))
        {
            return None;
        }
        let fault = self.faults.take(info, name);
        if !fault.delay.is_zero() {
            tokio::time::sleep(fault.delay).await;
        }
        if fault.cut == Some(Cut::Before) {
            return None;
        }
        let outcome = match (fault.error, user) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(user)) => self.answer(info, &user, body),
        };
        let response = outcome.unwrap_or_else(|error| {
            let mut response = error_response(info, &error);
            if error.code == 429 || error.code == 503 {
                response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
            }
            response
        });
        let goes_on = hold(Point::After).await != Some(false) && fault.cut.is_none();
        goes_on.then_some(response)
    }
}
