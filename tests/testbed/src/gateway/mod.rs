//! What the product sees as a registry, on both beds: a server in front of the bed's registry whose answers can be
//! bent at run time, and which writes down everything that it was asked.
//!
//! The same gateway stands before the simulated registry and before the real one, so a story about a slow, dead,
//! lying or locked registry is written once. Each gateway keeps its repositories under a prefix of its own upstream:
//! two gateways are two registries, and stories that share the real registry never meet.
//! It answers any `Host`, so it can also play Docker Hub for a product that was told to look for it here.

mod authentication;
mod fault;
mod immutable;
pub(crate) mod listener;
mod options;
mod record;
mod tags;
mod upstream;

#[cfg(test)]
mod tests;

pub use authentication::{Authentication, Login, TOKEN_PATH};
pub use fault::{Answer, Effect, Match};
pub use immutable::ImmutableTags;
pub use options::GatewayOptions;
pub use record::{Asked, Authorization, Requests};
pub use tags::TagPages;
pub use upstream::Upstream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use tokio::sync::Mutex;

use crate::pause::{self, Paused, Pauses, Point};
use listener::Listener;
use record::Record;

/// Larger than any body of the test bed; a bound only so that a mistake ends in an error.
pub(crate) const BODY_LIMIT: usize = 256 << 20;

/// A registry for the eyes of the product; dropping it ends it.
#[derive(Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
    main: Mutex<Listener>,
    _annex: Listener,
    address: SocketAddr,
    ca_pem: Option<String>,
}

#[derive(Debug)]
struct Inner {
    backend: upstream::Backend,
    record: Arc<Record>,
    elsewhere: Arc<Record>,
    rules: fault::Rules,
    pauses: Pauses<Match>,
    tags: tags::Tags,
    immutability: immutable::Immutability,
    is_down: AtomicBool,
    door: authentication::Door,
    latency_micros: AtomicU64,
    redirects_blobs: AtomicBool,
    /// Scheme and authority of the gateway and of its annex. Set once, as soon as the ports are known.
    places: std::sync::OnceLock<(String, String)>,
}

impl Gateway {
    /// Starts a gateway on a free loopback port.
    ///
    /// # Errors
    /// No port could be had, or no certificate be made.
    pub async fn start(upstream: Upstream, options: GatewayOptions) -> io::Result<Self> {
        let certified = match options.tls {
            true => Some(crate::tls::certify(&options.names, &["http/1.1"]).map_err(io::Error::other)?),
            false => None,
        };
        let inner = Arc::new(Inner {
            backend: upstream::Backend::new(upstream, options.prefix.as_deref().unwrap_or_default()),
            record: Record::new(),
            elsewhere: Record::new(),
            rules: fault::Rules::default(),
            pauses: Pauses::default(),
            tags: tags::Tags::default(),
            immutability: immutable::Immutability::default(),
            is_down: AtomicBool::new(false),
            door: authentication::Door::default(),
            latency_micros: AtomicU64::new(0),
            redirects_blobs: AtomicBool::new(false),
            places: std::sync::OnceLock::new(),
        });
        let tls = certified.as_ref().map(|certified| Arc::clone(&certified.server));
        let main = Listener::start(router(&inner, Inner::answer), tls.clone()).await?;
        let annex = Listener::start(router(&inner, Inner::answer_elsewhere), tls).await?;
        let scheme = if options.tls { "https" } else { "http" };
        let address = main.address();
        // Another host *and* another port, so that a client that compares only one of them is caught too.
        let places = (format!("{scheme}://{address}"), format!("{scheme}://localhost:{}", annex.address().port()));
        inner.places.set(places).map_err(|_| io::Error::other("the places are set once"))?;
        let gateway = Self {
            inner,
            main: Mutex::new(main),
            _annex: annex,
            address,
            ca_pem: certified.map(|certified| certified.ca_pem),
        };
        gateway.set_latency(options.latency);
        gateway.require(options.authentication);
        Ok(gateway)
    }

    /// `127.0.0.1:port`, as it stands in image references.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:port`, or with https.
    #[must_use]
    pub fn url(&self) -> String {
        self.inner.places().0.clone()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority to trust, if the gateway speaks TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// `host/repository:tag`.
    #[must_use]
    pub fn image(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.address)
    }

    /// The upstream's name of a repository.
    #[must_use]
    pub fn upstream_repository(&self, repository: &str) -> String {
        format!("{}{repository}", self.inner.backend.prefix())
    }

    /// The registry behind.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        self.inner.backend.upstream()
    }

    /// Adds a rule; it stays until it is removed. Rules apply before logins do.
    pub fn when(&self, matching: Match, effect: impl Into<Effect>) -> RuleNumber {
        RuleNumber(self.inner.rules.add(matching, effect.into(), None))
    }

    /// Adds a rule for the next `times` requests that match.
    pub fn when_next(&self, times: u32, matching: Match, effect: impl Into<Effect>) -> RuleNumber {
        RuleNumber(self.inner.rules.add(matching, effect.into(), Some(times)))
    }

    /// Adds a rule that overlooks the first `skipped` requests that match.
    pub fn when_after(&self, skipped: u32, matching: Match, effect: impl Into<Effect>) -> RuleNumber {
        RuleNumber(self.inner.rules.add_after(skipped, matching, effect.into()))
    }

    /// Holds the next request that matches before anything is done about it. Rules and logins count as they are when it
    /// goes on; it is not carried out if the registry was stopped meanwhile.
    pub fn pause_at(&self, matching: Match) -> Paused {
        self.inner.pauses.add(matching, Point::Before)
    }

    /// Holds the answer to the next request that matches: it is carried out, and its client does not know.
    pub fn pause_after(&self, matching: Match) -> Paused {
        self.inner.pauses.add(matching, Point::After)
    }

    /// Removes one rule.
    pub fn forgive(&self, rule: RuleNumber) {
        self.inner.rules.remove(rule.0);
    }

    /// Removes all rules.
    pub fn heal(&self) {
        self.inner.rules.clear();
    }

    /// How long every answer takes.
    pub fn set_latency(&self, latency: Duration) {
        self.inner.latency_micros.store(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Changes the login.
    pub fn require(&self, authentication: Authentication) {
        self.inner.door.require(authentication);
    }

    /// Makes every token that was given out worthless.
    pub fn revoke_tokens(&self) {
        self.inner.door.revoke();
    }

    /// Keeps tags that exist from being pushed again, or lets them be pushed.
    pub fn set_immutable_tags(&self, rule: Option<ImmutableTags>) {
        self.inner.immutability.set(rule);
    }

    /// How lists of tags are cut in pages.
    pub fn set_tag_pages(&self, pages: TagPages) {
        self.inner.tags.set_pages(pages);
    }

    /// Shows more tags that serve what `target` (a tag or digest) stands for, without pushing them: thousands cost
    /// nothing. One that is pushed later stands for what was pushed.
    pub fn add_tags(&self, repository: &str, target: &str, tags: impl IntoIterator<Item = String>) {
        self.inner.tags.add_aliases(repository, target, tags);
    }

    /// Sends blob reads to another host and port, as registries with object storage do.
    pub fn redirect_blobs(&self, redirects: bool) {
        self.inner.redirects_blobs.store(redirects, Ordering::SeqCst);
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.inner.record.requests()
    }

    /// What was asked of the other host: redirected blobs and, if it is there, the token server.
    #[must_use]
    pub fn requests_elsewhere(&self) -> Requests {
        self.inner.elsewhere.requests()
    }

    /// Starts counting anew.
    pub fn forget_requests(&self) {
        self.inner.record.forget();
        self.inner.elsewhere.forget();
    }

    /// The most requests that were being answered at one time.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.inner.record.max_in_flight()
    }

    /// Takes the registry down: connections are cut, new ones refused.
    pub async fn stop(&self) {
        self.inner.is_down.store(true, Ordering::SeqCst);
        self.main.lock().await.stop().await;
    }

    /// Brings it up again on the same port, with its content and its rules.
    ///
    /// # Errors
    /// The port was taken meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        self.inner.is_down.store(false, Ordering::SeqCst);
        self.main.lock().await.restart().await
    }
}

/// Marks an answer that is never sent: it hangs for as long as its client stays.
#[derive(Debug, Clone, Copy)]
struct Hangs;

/// A rule that was added to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleNumber(u64);

fn router<F, A>(inner: &Arc<Inner>, answer: A) -> Router
where
    A: Fn(Arc<Inner>, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let inner = Arc::clone(inner);
    Router::new().fallback(move |request: Request| answer(Arc::clone(&inner), request))
}

impl Inner {
    fn places(&self) -> &(String, String) {
        self.places.get().expect("set before the gateway is handed out")
    }

    async fn answer(self: Arc<Self>, request: Request) -> Response<Body> {
        self.answer_at(request, true).await
    }

    async fn answer_elsewhere(self: Arc<Self>, request: Request) -> Response<Body> {
        self.answer_at(request, false).await
    }

    async fn answer_at(self: Arc<Self>, request: Request, locked: bool) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let record = if locked { &self.record } else { &self.elsewhere };
        let (asked, in_flight) = record.begin(&parts);
        let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        // A task of its own: what was read is carried out although its client may be gone.
        let answering = tokio::spawn(async move {
            let response = self.paused(&asked, parts, body, locked).await;
            if response.extensions().get::<Hangs>().is_none() {
                in_flight.answered(response.status());
            }
            (response, in_flight)
        });
        let Ok((response, _in_flight)) = answering.await else { return pause::cut() };
        if response.extensions().get::<Hangs>().is_some() {
            std::future::pending::<()>().await;
        }
        response
    }

    async fn paused(&self, asked: &Asked, parts: Parts, body: Bytes, locked: bool) -> Response<Body> {
        let hold = async |point| self.pauses.hold(point, |matching: &Match| matching.matches(asked)).await;
        if let Some(goes_on) = hold(Point::Before).await
            && (!goes_on || self.is_down.load(Ordering::SeqCst))
        {
            return pause::cut();
        }
        let response = self.bent(asked, parts, body, locked).await;
        if hold(Point::After).await == Some(false) { pause::cut() } else { response }
    }

    async fn bent(&self, asked: &Asked, parts: Parts, body: Bytes, locked: bool) -> Response<Body> {
        let (delay, effect) = self.rules.take(asked);
        let wait = delay + Duration::from_micros(self.latency_micros.load(Ordering::SeqCst));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        match &effect {
            Some(Effect::Answer(answer)) => return answer.response(),
            Some(Effect::HangUp) => return pause::cut(),
            Some(Effect::Hang) => {
                let mut response = pause::cut();
                response.extensions_mut().insert(Hangs);
                return response;
            }
            _ => {}
        }
        let response = self.plain(asked, parts, body, locked).await;
        match effect {
            Some(effect) if !effect.is_answer() => fault::bend(&effect, response).await,
            _ => response,
        }
    }

    /// The answer without any rule. The annex is not `locked`: its URLs are as good as signed.
    async fn plain(&self, asked: &Asked, parts: Parts, body: Bytes, locked: bool) -> Response<Body> {
        if asked.path == TOKEN_PATH {
            return self.door.token(asked, &body);
        }
        let (here, elsewhere) = self.places();
        if locked {
            if let Err(refusal) = self.door.enter(asked, here, elsewhere) {
                return *refusal;
            }
            if self.redirects_blobs.load(Ordering::SeqCst) && asked.method == Method::GET && asked.blob().is_some() {
                let target = format!("{elsewhere}{}?signature=testbed", asked.path);
                let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
                let target = HeaderValue::from_str(&target).expect("paths are valid header values");
                response.headers_mut().insert(header::LOCATION, target);
                return response;
            }
        }
        self.stored(asked, parts, body).await
    }

    /// The upstream's answer, as far as tags go by this gateway's rules.
    async fn stored(&self, asked: &Asked, mut parts: Parts, body: Bytes) -> Response<Body> {
        let repository = asked.repository().unwrap_or_default().to_owned();
        if asked.method == Method::GET && asked.is_tag_list() {
            parts.uri = asked.path.parse().expect("a part of a URI is one");
            let whole = self.backend.ask(parts, body).await;
            return self.tags.page(&repository, &asked.query, &self.places().0, whole).await;
        }
        let Some(tag) = asked.reference().filter(|reference| !reference.contains(':')).map(str::to_owned) else {
            return self.backend.ask(parts, body).await;
        };
        let target = self.tags.target(&repository, &tag);
        if asked.method != Method::PUT {
            if let Some(target) = target {
                let path = format!("/v2/{repository}/manifests/{target}");
                parts.uri = path.parse().expect("a story's references are valid in paths");
            }
            return self.backend.ask(parts, body).await;
        }
        if let Some(rule) = self.immutability.of(&repository) {
            let present = self.backend.digest(&repository, target.as_deref().unwrap_or(&tag)).await;
            let pushed = crate::image::digest_of(&body);
            let refusal = present.and_then(|present| rule.judge(&repository, &tag, &present, &pushed));
            if let Some(refusal) = refusal {
                return refusal;
            }
        }
        let response = self.backend.ask(parts, body).await;
        if response.status().is_success() {
            self.tags.forget_alias(&repository, &tag);
        }
        response
    }
}
