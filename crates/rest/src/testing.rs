//! The API over a database in memory, for the tests beside the endpoints.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chrono_tz::Tz;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use promptgate_auth::{Account, AdminKey, NewService, OidcPerson, PasswordHasher, Role, SignInState};
use promptgate_control::Control;
use promptgate_control::audit::write_failures;
use promptgate_control::catalog::ModelCatalog;
use promptgate_control::endpoints::{EndpointRunner, RunRequest};
use promptgate_control::limits::LimitCounters;
use promptgate_control::sign_in::SignIn;
use promptgate_coordination_local::LocalBus;
use promptgate_endpoints::{CacheKey, CachedAnswer};
use promptgate_kernel::testing::RisingEntropy;
use promptgate_kernel::testing::TestClock;
use promptgate_kernel::{AccountId, CallId, Clock, KeyRing, Money, ReplicaId, Revision, SecretsKey};
use promptgate_providers::{CapabilityCell, CapabilityTable};
use promptgate_store::{Access, Replica, Store};
use promptgate_store_sql::{Connected, SqlOptions, connect};
use promptgate_usage::{CallContent, Costs, DeadLetter, Outcome, TokenCounts, UsageEvent};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{ApiState, Edge, ProxyBaseUrl};

mod browser;
mod outside;

pub(crate) use browser::{Browser, totp_code};
use outside::{Listed, Parrot, Watched};

pub(crate) const KEY: &str = "test-admin-key";

/// What every person of the tests signs in with.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A token that a test issued.
pub(crate) struct TestToken {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) struct Api {
    router: Router,
    control: Arc<Control>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<TestClock>,
    parrot: Arc<Parrot>,
}

/// A request without any credential.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap()
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::behind(Edge::default()).await
    }

    /// The API of a process without a data plane.
    pub(crate) async fn without_runner() -> Self {
        let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        Self::with(connected.store(), &connected, Arc::default(), None, Edge::default(), Costs::Shown)
    }

    /// The API over a store that is not the one of the sessions.
    pub(crate) async fn over(store: Arc<dyn Store>) -> Self {
        Self::over_with(store, Edge::default()).await
    }

    /// The same, with pages of these origins before it.
    pub(crate) async fn over_with(store: Arc<dyn Store>, edge: Edge) -> Self {
        let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        let parrot = Arc::<Parrot>::default();
        Self::with(store, &connected, Arc::clone(&parrot), Some(parrot), edge, Costs::Shown)
    }

    /// The API as browsers reach it.
    pub(crate) async fn behind(edge: Edge) -> Self {
        let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        let parrot = Arc::<Parrot>::default();
        Self::with(connected.store(), &connected, Arc::clone(&parrot), Some(parrot), edge, Costs::Shown)
    }

    /// The API of an installation that shows no costs.
    pub(crate) async fn without_costs() -> Self {
        let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        Self::with(connected.store(), &connected, Arc::default(), None, Edge::default(), Costs::Hidden)
    }

    fn with(
        store: Arc<dyn Store>,
        connected: &Connected,
        parrot: Arc<Parrot>,
        runner: Option<Arc<dyn EndpointRunner>>,
        edge: Edge,
        costs: Costs,
    ) -> Self {
        let clock = Arc::new(TestClock::at_millis(1_700_000_000_000));
        let counters = connected.counters();
        let control = Control {
            store: store.clone(),
            bus: Arc::new(LocalBus::new()),
            clock: clock.clone(),
            entropy: Arc::new(RisingEntropy),
            sign_in: sign_in_over(connected.sign_in()),
            keys: KeyRing::new(SecretsKey::from_bytes([7; 32]), vec![]),
            catalog: ModelCatalog::new(Arc::new(Listed)),
            capabilities: Arc::new(CapabilityCell::new(CapabilityTable::bundled())),
            checker: Some(Arc::new(Watched)),
            destinations: None,
            failures: Arc::default(),
            limits: LimitCounters { ledger: counters.clone(), rates: counters, zone: Tz::UTC },
            finds_names: false,
            runner,
        };
        let state = ApiState {
            control: Arc::new(control),
            admin_key: AdminKey::from_text(KEY),
            proxy_base_url: ProxyBaseUrl::new("https://gate.example/"),
            edge: Arc::new(edge),
            costs,
        };
        let control = Arc::clone(&state.control);
        Self { router: crate::router(state), control, store, clock, parrot }
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Answer {
        // Time passes between requests, so that "newest first" is a definite order.
        self.clock.advance(Duration::from_millis(1));
        Answer::of(self.router.clone(), request).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut request = request(method, path, body);
        request.headers_mut().insert("x-admin-api-key", KEY.parse().unwrap());
        self.answer(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "").await
    }

    pub(crate) async fn without_key(&self, method: &str, path: &str) -> Answer {
        self.answer(request(method, path, "{")).await
    }

    pub(crate) async fn with_key(&self, method: &str, path: &str, key: &str) -> Answer {
        let mut request = request(method, path, "{");
        request.headers_mut().insert("x-admin-api-key", key.parse().unwrap());
        self.answer(request).await
    }

    pub(crate) async fn with_token(&self, path: &str, token: &str) -> Answer {
        let mut request = request("GET", path, "");
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        self.answer(request).await
    }

    pub(crate) async fn post_with_token(&self, path: &str, body: &Value, token: &str) -> Answer {
        let mut request = request("POST", path, &body.to_string());
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        self.answer(request).await
    }

    pub(crate) async fn create_project(&self, name: &str, kind: &str) -> String {
        let body = json!({"name": name, "projectType": kind});
        text(&self.post("/api/v1/admin/projects", &body).await.created()["uuid"])
    }

    pub(crate) async fn create_provider(&self, name: &str, kind: &str) -> String {
        let body = json!({"name": name, "type": kind});
        text(&self.post("/api/v1/admin/providers", &body).await.created()["id"])
    }

    pub(crate) async fn create_credential(&self, provider: &str, name: &str) -> String {
        let body = json!({"providerId": provider, "name": name, "secret": "sk-canary-0123456789-abcdef"});
        text(&self.post("/api/v1/admin/credentials", &body).await.created()["id"])
    }

    /// Creates an endpoint, with a provider and a project for it; says where it is.
    pub(crate) async fn create_endpoint(&self, name: &str) -> String {
        let provider = self.create_provider("answerer", "openai").await;
        let project = self.create_project("with an endpoint", "ai_gateway").await;
        let path = format!("/api/v1/admin/projects/{project}/endpoints");
        let body = json!({"name": name, "providerId": provider, "providerModel": "m"});
        format!("{path}/{}", text(&self.post(&path, &body).await.created()["id"]))
    }

    /// Stores a person; their id.
    pub(crate) async fn create_user(&self, name: &str) -> String {
        let person = OidcPerson {
            issuer: "https://id.example".into(),
            subject: name.into(),
            username: name.into(),
            email: String::new(),
            name: name.into(),
        };
        let id = AccountId::mint(&*self.clock, &RisingEntropy);
        self.store_account(Account::person_by_oidc(id, person, Role::User, self.clock.now()).unwrap()).await
    }

    /// Stores a service account; its id.
    pub(crate) async fn create_service(&self, identifier: &str) -> String {
        let new = NewService {
            identifier: identifier.into(),
            name: identifier.into(),
            active: true,
            firewall_override: false,
            ..NewService::default()
        };
        let id = AccountId::mint(&*self.clock, &RisingEntropy);
        self.store_account(Account::service(id, &new, self.clock.now()).unwrap()).await
    }

    async fn store_account(&self, account: Account) -> String {
        self.clock.advance(Duration::from_millis(1));
        let mut work = self.store.begin(Access::Write).await.unwrap();
        work.accounts().insert(&account).await.unwrap();
        work.commit().await.unwrap();
        account.id.to_string()
    }

    /// Stores a person with this user name; says the id.
    pub(crate) async fn stored_person(&self, username: &str) -> String {
        let person = OidcPerson {
            issuer: "https://id.example.com".into(),
            subject: username.into(),
            username: username.into(),
            email: format!("{username}@example.com"),
            name: username.to_uppercase(),
        };
        let id = AccountId::mint(&*self.clock, &RisingEntropy);
        let account = Account::person_by_oidc(id, person, Role::User, self.clock.now()).unwrap();
        let mut work = self.store.begin(Access::Write).await.unwrap();
        work.accounts().insert(&account).await.unwrap();
        work.commit().await.unwrap();
        id.to_string()
    }

    /// Gives an account a plan.
    pub(crate) async fn assign_plan(&self, account: &str, plan: Option<&str>) {
        let plan = plan.map(|plan| plan.parse().unwrap());
        let mut work = self.store.begin(Access::Write).await.unwrap();
        assert!(work.plans().assign(account.parse().unwrap(), plan, self.clock.now()).await.unwrap());
        work.commit().await.unwrap();
    }

    /// What was done, by the audit log, in order.
    pub(crate) async fn audit_actions(&self) -> Vec<String> {
        let mut work = self.store.begin(Access::Read).await.unwrap();
        let events = work.audit().list_after(0, 1_000).await.unwrap();
        events.into_iter().map(|chained| chained.event.action).collect()
    }

    /// What an account looks like, whenever its quotas were counted.
    pub(crate) async fn account(&self, path: &str) -> Value {
        timeless(self.get(path).await.ok())
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What was last written into the audit log about a change: what was there before, and after it.
    pub(crate) async fn last_change(&self) -> Value {
        let mut work = self.store.begin(Access::Read).await.unwrap();
        let events = work.audit().list_after(0, 1_000).await.unwrap();
        let event = &events.last().unwrap().event;
        json!({ "before": event.before, "after": event.after })
    }

    /// Writes down what strangers were refused, as is done every few seconds.
    pub(crate) async fn write_failures(&self) {
        let control = &self.control;
        write_failures(&control.failures, &*control.store, &*control.clock, &*control.entropy).await.unwrap();
    }

    /// How many changes the data plane was told of.
    /// Says that a process runs and what it works from; its id.
    pub(crate) async fn beat(&self, kind: &str, revision: i64) -> String {
        let id = ReplicaId::mint(&*self.clock, &RisingEntropy);
        self.beats(id, kind, revision).await;
        id.to_string()
    }

    /// Says that a proxy still runs and works from something newer.
    pub(crate) async fn beat_again(&self, id: &str, revision: i64) {
        self.beats(id.parse().unwrap(), "proxy", revision).await;
    }

    async fn beats(&self, id: ReplicaId, kind: &str, revision: i64) {
        let replica = Replica {
            id,
            kind: kind.to_owned(),
            version: "1.0.0".into(),
            host: "here".into(),
            address: "127.0.0.1:8081".into(),
            process: 7,
            answers_calls: kind == "proxy",
            started_at: self.clock.now(),
            seen_at: self.clock.now(),
            revision: Some(Revision::from_number(revision)),
        };
        let mut work = self.store.begin(Access::Write).await.unwrap();
        work.replicas().beat(&replica).await.unwrap();
        work.commit().await.unwrap();
    }

    pub(crate) async fn revision(&self) -> Revision {
        self.store.begin(Access::Read).await.unwrap().changes().revision().await.unwrap()
    }

    /// What the data plane was asked last.
    pub(crate) fn last_run(&self) -> Option<RunRequest> {
        self.parrot.last()
    }

    /// How many endpoints are stored, whatever their project.
    pub(crate) async fn count_endpoints(&self) -> usize {
        let mut work = self.store.begin(Access::Read).await.unwrap();
        work.endpoints().list_all().await.unwrap().len()
    }

    /// Puts an answer into the response cache of the endpoint at this address.
    pub(crate) async fn cache_an_answer(&self, path: &str) {
        let endpoint = self.get(path).await.ok();
        let now = self.clock.now();
        let answer = CachedAnswer {
            key: CacheKey::from_bytes([1; 32]),
            endpoint_id: text(&endpoint["id"]).parse().unwrap(),
            project_id: text(&endpoint["projectId"]).parse().unwrap(),
            provider: "answerer".into(),
            provider_model: "m".into(),
            prompt_tokens: 1,
            completion_tokens: 1,
            total_tokens: 2,
            body: "{}".into(),
            hit_count: 0,
            created_at: now,
            expires_at: now.plus(Duration::from_mins(1)),
        };
        let mut work = self.store.begin(Access::Write).await.unwrap();
        work.response_cache().put(&answer).await.unwrap();
        work.commit().await.unwrap();
    }

    pub(crate) async fn issue_token(&self, project: &str) -> TestToken {
        self.issue(project, &json!({"name": "test"})).await
    }

    pub(crate) async fn issue_scoped(&self, project: &str, scopes: &[&str]) -> TestToken {
        self.issue(project, &json!({"name": "test", "scopes": scopes})).await
    }

    async fn issue(&self, project: &str, body: &Value) -> TestToken {
        let issued = self.post(&format!("/api/v1/admin/projects/{project}/tokens"), body).await.created();
        TestToken { id: text(&issued["tokenInfo"]["id"]), secret: text(&issued["token"]) }
    }

    /// Puts a call onto the list that could not be recorded.
    pub(crate) async fn put_dead_letter(&self, letter: DeadLetter) {
        let mut work = self.store.begin(Access::Write).await.unwrap();
        work.dead_letters().put(&[letter]).await.unwrap();
        work.commit().await.unwrap();
    }

    /// Records a call, as the data plane does.
    pub(crate) async fn record_call(&self, project: &str, token: &str, request_id: &str) {
        self.record_call_with(project, token, request_id, |_, _| {}).await;
    }

    /// Records a call, and what was said in it if anything was; gives its id.
    pub(crate) async fn record_call_with(
        &self,
        project: &str,
        token: &str,
        request_id: &str,
        say: impl FnOnce(&mut UsageEvent, &mut CallContent),
    ) -> String {
        self.clock.advance(Duration::from_millis(1));
        let mut event = UsageEvent {
            request_id: request_id.to_owned(),
            requested_model: Some("echo:echo".into()),
            provider: Some("echo".into()),
            model: Some("echo".into()),
            tokens: TokenCounts { input: 4, cache_write_5m: 2, output: 6, ..TokenCounts::default() },
            cost: Money::from_nanos(2_500_000),
            price_version: "2025-09-30".into(),
            price_basis: "exact".into(),
            latency_us: 1_500,
            attempts: 1,
            revision: Revision::from_number(1),
            ..UsageEvent::of_call(
                CallId::mint(&*self.clock, &RisingEntropy),
                self.clock.now(),
                project.parse().unwrap(),
                token.parse().unwrap(),
                "chat_completions",
                Outcome::Completed,
                200,
            )
        };
        let mut content = CallContent::of_call(event.id, event.at, event.project_id);
        say(&mut event, &mut content);
        event.count_content(&content);
        let mut work = self.store.begin(Access::Write).await.unwrap();
        work.usage().record(&[&event]).await.unwrap();
        if !content.is_empty() {
            work.call_contents().record(&[&content]).await.unwrap();
        }
        work.commit().await.unwrap();
        event.id.to_string()
    }
}

/// Passwords at the lowest cost, sessions for eight hours.
fn sign_in_over(state: SignInState) -> SignIn {
    let hasher = PasswordHasher::new(4, &RisingEntropy).unwrap();
    let spans = [Duration::from_hours(8), Duration::from_hours(2)];
    SignIn::new(state, hasher, spans, NonZeroUsize::MIN)
}

/// An account, without when its quotas were counted.
pub(crate) fn timeless(mut account: Value) -> Value {
    assert!(account["quotaState"]["syncedAt"].take().is_string());
    account
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    pub(crate) async fn of(router: Router, request: Request<Body>) -> Self {
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        &self.body
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()
    }

    pub(crate) fn ok(self) -> Value {
        self.expect(200)
    }

    pub(crate) fn created(self) -> Value {
        self.expect(201)
    }

    pub(crate) fn accepted(self) -> Value {
        self.expect(202)
    }

    pub(crate) fn no_content(self) {
        assert_eq!((self.status, &*self.body), (204, ""));
    }

    /// The body of a refusal with this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(body["error"], code, "{body}");
        body
    }
}
