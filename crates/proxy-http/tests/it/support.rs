//! A gateway with everything outside of it played by scripts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use promptgate_gateway::ports::{SinkError, UsageSink};
use promptgate_gateway::{
    Authenticator, AuthenticatorOptions, Compiler, Configuration, Gateway, GatewayLimits, GatewayParts,
    Limiters, PassedOn, Snapshot, SnapshotCell, TokenSource,
};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{
    AliasId, Clock, CredentialId, Entropy, KeyRing, ProjectId, ProviderId, RepositoryError, Revision,
    SecretString, SecretsKey, Timestamp, TokenId,
};
use promptgate_limiter::{Limiter, LimiterOptions};
use promptgate_limits::MemoryCounters;
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_providers::{
    Alias, BaseUrl, CapabilityTable, Credential, NewAlias, NewProvider, Preset, ProjectProvider, Provider,
    ProviderKind, ProviderName,
};
use promptgate_tokens::{
    NewToken, Scope, Token, TokenEnv, TokenHash, TokenLimits, TokenName, TokenSecret, TokenState,
};
use promptgate_usage::{CallContent, FinishedCall, PriceTable, UsageEvent};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::endpoints::NoMemory;
use crate::outcomes::Outcomes;
use crate::scripted::ScriptedUpstream;

/// Keeps events for the test.
#[derive(Default)]
pub(crate) struct CollectingSink {
    events: Mutex<Vec<UsageEvent>>,
    pub(crate) contents: Mutex<Vec<CallContent>>,
    pub(crate) full: AtomicBool,
    pub(crate) no_room: AtomicBool,
}

impl UsageSink for CollectingSink {
    fn append(&self, call: &Arc<FinishedCall>) -> Result<(), SinkError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(SinkError("no space left".into()));
        }
        self.events.lock().unwrap().push(call.event.clone());
        self.contents.lock().unwrap().extend(call.content.clone());
        Ok(())
    }

    fn has_room(&self) -> bool {
        !self.no_room.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
pub(crate) struct FakeTokens {
    tokens: Mutex<HashMap<TokenHash, Token>>,
    pub(crate) away: AtomicBool,
    pub(crate) lookups: AtomicUsize,
}

#[async_trait]
impl TokenSource for FakeTokens {
    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<Token>, RepositoryError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable { source: "switched off".into() });
        }
        Ok(self.tokens.lock().unwrap().get(&hash).cloned())
    }

    async fn line_above(&self, _: TokenId) -> Result<Vec<TokenId>, RepositoryError> {
        Ok(Vec::new())
    }

    async fn limits_of(&self, _: TokenId) -> Result<Option<TokenLimits>, RepositoryError> {
        Ok(None)
    }

    async fn touch(&self, _: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError> {
        Ok(())
    }
}

/// Bounds under which nobody is called twice, so that a script is a call.
pub(crate) fn one_call() -> GatewayLimits {
    GatewayLimits { max_attempts: 1, ..GatewayLimits::default() }
}

/// A gateway over scripts. It has the providers `main` (openai), `claude` (anthropic), `vllm`
/// (`openai_compatible`), `echo`, `off` (switched off), `sealed` (its credential does not open), `local`
/// (ollama) and `gem` (google). The wrapper project may not use `local`, and has the aliases `fast`,
/// with a preset, and `embed:fast`.
pub(crate) struct Bench {
    pub(crate) gateway: Gateway,
    pub(crate) router: Router,
    pub(crate) upstream: Arc<ScriptedUpstream>,
    pub(crate) sink: Arc<CollectingSink>,
    pub(crate) tokens: Arc<FakeTokens>,
    pub(crate) tasks: TaskTracker,
    pub(crate) wrapper: ProjectId,
    pub(crate) inactive: ProjectId,
    pub(crate) mcp: ProjectId,
    pub(crate) clock: Arc<TestClock>,
    entropy: Arc<SeededEntropy>,
    snapshot: Arc<SnapshotCell>,
    configuration: Configuration,
    compiler: Compiler,
}

/// What keeps calls of one process within their limits.
fn limiters(clock: &Arc<TestClock>, tasks: &TaskTracker) -> Limiters {
    let limiter = |seed| {
        let (counters, entropy) = (Arc::new(MemoryCounters::default()), Arc::new(SeededEntropy::new(seed)));
        Limiter::new(counters, clock.clone(), entropy, tasks.clone(), LimiterOptions::default())
    };
    Limiters { rates: limiter(31), budgets: limiter(32) }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(one_call(), true)
    }

    pub(crate) fn with_limits(limits: GatewayLimits) -> Self {
        Self::with(limits, true)
    }

    pub(crate) fn without_providers() -> Self {
        Self::with(one_call(), false)
    }

    fn with(limits: GatewayLimits, has_providers: bool) -> Self {
        let clock = Arc::new(TestClock::at_millis(1_700_000_000_000));
        let entropy = Arc::new(SeededEntropy::new(1));
        let keys = KeyRing::new(SecretsKey::generate(&*entropy), vec![]);
        let mut configuration =
            Configuration { revision: Revision::from_number(7), ..Configuration::default() };
        let mut project = |kind, active| {
            let id = ProjectId::mint(&*clock, &*entropy);
            let new = NewProject {
                name: ProjectName::parse("Search").unwrap(),
                kind,
                env: ProjectEnv::default(),
                default_provider: None,
                record_bodies: None,
                limits: promptgate_kernel::LimitSet::default(),
                metadata: serde_json::Map::new(),
                active,
            };
            configuration.projects.push(Project::create(id, new, clock.now()).unwrap());
            id
        };
        let wrapper = project(ProjectType::AiWrapper, true);
        let inactive = project(ProjectType::AiWrapper, false);
        let mcp = project(ProjectType::McpGateway, true);
        if has_providers {
            add_providers(&mut configuration, &keys, &*clock, &*entropy);
            add_names(&mut configuration, wrapper, &*clock, &*entropy);
        }
        let compiler = Compiler { keys: keys.clone(), capabilities: Arc::new(CapabilityTable::bundled()) };
        let (snapshot, _) = Snapshot::compile(configuration.clone(), &compiler);
        let snapshot = Arc::new(SnapshotCell::new(snapshot));
        let (upstream, sink) = (Arc::<ScriptedUpstream>::default(), Arc::<CollectingSink>::default());
        let (tokens, tasks) = (Arc::<FakeTokens>::default(), TaskTracker::new());
        let authenticator =
            Authenticator::new(tokens.clone(), clock.clone(), AuthenticatorOptions::default());
        let gateway = Gateway::new(GatewayParts {
            snapshot: snapshot.clone(),
            authenticator: Arc::new(authenticator),
            upstream: upstream.clone(),
            sink: sink.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            keys,
            limits,
            prices: Arc::new(PriceTable::bundled()),
            tasks: tasks.clone(),
            trace_context: Arc::new(PassedOn),
            memory: Arc::new(NoMemory),
            idempotency: Arc::new(Outcomes::default()),
            failures: Arc::default(),
            limiters: limiters(&clock, &tasks),
        });
        let router = promptgate_proxy_http::router(gateway.clone());
        Self {
            gateway,
            router,
            upstream,
            sink,
            tokens,
            tasks,
            wrapper,
            inactive,
            mcp,
            clock,
            entropy,
            snapshot,
            configuration,
            compiler,
        }
    }

    /// Puts another configuration in force.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Configuration)) {
        change(&mut self.configuration);
        let (snapshot, _) = Snapshot::compile(self.configuration.clone(), &self.compiler);
        self.snapshot.store(snapshot);
    }

    /// A request of the wrapper project with a token that has every runtime scope.
    pub(crate) fn at(&self, method: Method, path: &str, body: &str) -> Request<Body> {
        let token = self.token_with(self.wrapper, |token| {
            token.scopes = [Scope::Chat, Scope::Models].into_iter().collect();
        });
        self.by(&token, method, path, body)
    }

    /// A request with a token. `{p}` in the path stands for the wrapper project's API.
    pub(crate) fn by(&self, token: &str, method: Method, path: &str, body: &str) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path.replace("{p}", &format!("/api/{}", self.wrapper)))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    /// A token with the scope `chat`, in plain text.
    pub(crate) fn token(&self, project: ProjectId) -> String {
        self.token_with(project, |_| {})
    }

    pub(crate) fn token_with(&self, project: ProjectId, change: impl FnOnce(&mut Token)) -> String {
        let secret = TokenSecret::generate(TokenEnv::Live, &*self.entropy);
        let new = NewToken {
            project_id: project,
            owner: None,
            name: TokenName::parse("ci").unwrap(),
            env: TokenEnv::Live,
            scopes: [Scope::Chat].into_iter().collect(),
            endpoint_ids: vec![],
            limits: TokenLimits::default(),
            metadata: serde_json::Map::new(),
            expires_at: None,
        };
        let id = TokenId::mint(&*self.clock, &*self.entropy);
        let mut token = Token::issue(id, new, &secret, self.clock.now()).unwrap();
        change(&mut token);
        self.tokens.tokens.lock().unwrap().insert(token.hash, token);
        secret.expose().to_owned()
    }

    pub(crate) fn revoked(&self, project: ProjectId) -> String {
        let at = self.clock.now();
        self.token_with(project, |token| token.state = TokenState::Revoked { at })
    }

    /// A request of the wrapper project with a token.
    pub(crate) fn request(&self, operation: &str, body: &str) -> Request<Body> {
        Request::post(format!("/api/{}/v1/{operation}", self.wrapper))
            .header("authorization", format!("Bearer {}", self.token(self.wrapper)))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    /// Sends a request and returns as soon as the head of the answer is there.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        Answer::read(self.send(request).await).await
    }

    pub(crate) async fn chat(&self, body: &str) -> Answer {
        self.ask(self.request("chat/completions", body)).await
    }

    pub(crate) fn events(&self) -> Vec<UsageEvent> {
        self.sink.events.lock().unwrap().clone()
    }

    /// The one event that there is.
    pub(crate) fn event(&self) -> UsageEvent {
        let events = self.events();
        assert_eq!(events.len(), 1, "{events:#?}");
        events.into_iter().next().unwrap()
    }

    /// Waits until nothing goes on in the background.
    pub(crate) async fn settled(&self) {
        self.tasks.close();
        tokio::time::timeout(Duration::from_hours(1), self.tasks.wait()).await.expect("tasks end");
    }
}

fn add_providers(
    configuration: &mut Configuration,
    keys: &KeyRing,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) {
    let other_keys = KeyRing::new(SecretsKey::generate(entropy), vec![]);
    let rows = [
        ("main", ProviderKind::OpenAi, true, &["gpt-4o", "gpt-4o-mini"][..], Some(keys)),
        ("claude", ProviderKind::Anthropic, true, &["claude-sonnet-4-20250514"], Some(keys)),
        ("vllm", ProviderKind::OpenAiCompatible, true, &[], None),
        ("echo", ProviderKind::Echo, true, &["echo"], None),
        ("off", ProviderKind::OpenAiCompatible, false, &["hidden"], None),
        ("sealed", ProviderKind::OpenAiCompatible, true, &[], Some(&other_keys)),
        ("local", ProviderKind::Ollama, true, &["llama3:8b"], None),
        ("gem", ProviderKind::Google, true, &["gemini-2.5-pro"], Some(keys)),
    ];
    for (name, kind, enabled, models, sealed_under) in rows {
        let new = NewProvider {
            name: ProviderName::parse(name).unwrap(),
            display_name: String::new(),
            kind,
            base_url: Some(BaseUrl::parse(&format!("http://{name}.test/v1")).unwrap()),
            models: models.iter().map(|model| (*model).to_owned()).collect(),
            config: serde_json::Map::new(),
            enabled,
        };
        let id = ProviderId::mint(clock, entropy);
        configuration.providers.push(Provider::create(id, new, clock.now()).unwrap());
        if let Some(keys) = sealed_under {
            let credential = CredentialId::mint(clock, entropy);
            let secret = SecretString::new(format!("sk-{name}"));
            let credential = Credential::seal(credential, id, &secret, keys, entropy, clock.now());
            configuration.credentials.push(credential);
        }
    }
}

fn add_names(
    configuration: &mut Configuration,
    project_id: ProjectId,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) {
    let id = |name: &str| {
        let found = configuration.providers.iter().find(|provider| provider.name.as_str() == name);
        found.unwrap().id
    };
    let (main, local) = (id("main"), id("local"));
    let barred = ProjectProvider { enabled: false, ..ProjectProvider::unset(project_id, local) };
    let preset =
        Preset { system_prompt: Some("Be brief.".to_owned()), temperature: Some(0.2), ..Preset::default() };
    for (name, model, preset) in
        [("fast", "gpt-4o-mini", preset), ("embed:fast", "text-embedding-3-small", Preset::default())]
    {
        let (name, model, description) = (name.to_owned(), model.to_owned(), "quick".to_owned());
        let new = NewAlias { project_id, name, provider_id: main, model, description, preset };
        let alias = Alias::create(AliasId::mint(clock, entropy), new, clock.now()).unwrap();
        configuration.aliases.push(alias);
    }
    configuration.project_providers.push(barred);
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn next_piece(body: &mut Body) -> Option<String> {
    let frame = body.frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

/// What a chat of the usual kind looks like.
pub(crate) const CHAT: &str = r#"{"model":"main:gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;
pub(crate) const CHAT_STREAM: &str =
    r#"{"model":"main:gpt-4o","stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
pub(crate) const MESSAGES: &str =
    r#"{"model":"claude:claude-sonnet-4","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}"#;

pub(crate) const DELTA: &str = concat!(
    r#"data: {"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","#,
    r#""choices":[{"index":0,"delta":{"content":"Hello there"}}]}"#,
    "\n\n"
);
pub(crate) const USAGE: &str = concat!(
    r#"data: {"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[],"#,
    r#""usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
    "\n\n"
);
pub(crate) const DONE: &str = "data: [DONE]\n\n";
