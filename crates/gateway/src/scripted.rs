//! A gateway over providers that answer as a test tells them to.

mod counters;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{SecretString, Timestamp};
use promptgate_limiter::{Limiter, LimiterOptions};
use promptgate_limits::{Counters, Holder, Limit, Settlement, Span};
use promptgate_projects::{Project, ProjectType};
use promptgate_providers::{
    BaseUrl, Credential, NewProvider, Operation, Provider, ProviderKind, ProviderName,
};
use promptgate_tokens::Token;
use promptgate_usage::{CallContent, FinishedCall, PriceTable, UsageEvent};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::allowance::Limiters;
use crate::authenticator::{Authenticator, AuthenticatorOptions};
use crate::endpoint::fake_memory::FakeMemory;
use crate::idempotency::fake_outcomes::FakeOutcomes;
use crate::limits::GatewayLimits;
use crate::pipeline::{Gateway, GatewayParts};
use crate::ports::{SinkError, Upstream, UpstreamError, UpstreamRequest, UpstreamResponse, UsageSink};
use crate::receive::{Entry, IncomingRequest, RequestBody, Route};
use crate::record::Record;
use crate::reply::ReplyBody;
use crate::snapshot::{Configuration, Snapshot, SnapshotCell};
use crate::testing::{FakeTokens, compiler, keys, project, same, token_for};
use crate::trace_context::PassedOn;
use counters::FakeCounters;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a provider does with one call.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// There is no connection.
    Unreachable,
    /// It does not accept the connection in time.
    SlowConnect,
    /// It accepts the call and says nothing.
    Silence,
    /// It answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, pieces: Vec<Piece> },
}

/// A piece of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Pause(Duration),
    /// The connection breaks.
    Break,
    /// Nothing more comes, and it does not end.
    Stall,
}

impl Script {
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer { status, headers, pieces: vec![Piece::Text(body.into())] }
    }

    pub(crate) fn sse(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let headers = vec![("content-type", "text/event-stream".to_owned())];
        Self::Answer { status: 200, headers, pieces: pieces.into_iter().collect() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    /// The same, and then something else.
    pub(crate) fn with(mut self, piece: Piece) -> Self {
        if let Self::Answer { pieces, .. } = &mut self {
            pieces.push(piece);
        }
        self
    }

    /// An answer in the shape of chat completions.
    pub(crate) fn said(text: &str) -> Self {
        Self::json(200, completion(text))
    }

    /// A failure in the shape of OpenAI.
    pub(crate) fn fails(status: u16) -> Self {
        Self::json(status, format!(r#"{{"error":{{"message":"no {status}","type":"server_error"}}}}"#))
    }

    /// The same, as events.
    pub(crate) fn streams(text: &str) -> Self {
        Self::sse([chunk(""), chunk(text), finish(), done()])
    }
}

fn completion(text: &str) -> String {
    format!(
        r#"{{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}}}"#
    )
}

pub(crate) fn event(json: &str) -> Piece {
    Piece::Text(format!("data: {json}\n\n"))
}

/// A chunk of a stream; without words it says who speaks.
pub(crate) fn chunk(words: &str) -> Piece {
    let delta = if words.is_empty() {
        r#"{"role":"assistant","content":""}"#.to_owned()
    } else {
        format!(r#"{{"content":"{words}"}}"#)
    };
    event(&format!(
        r#"{{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#
    ))
}

pub(crate) fn finish() -> Piece {
    event(
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    )
}

pub(crate) fn done() -> Piece {
    Piece::Text("data: [DONE]\n\n".to_owned())
}

/// A call as a provider saw it.
#[derive(Debug, Clone)]
pub(crate) struct SeenCall {
    pub(crate) host: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl SeenCall {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Providers by the host of their address: what each does next, and in the end always.
#[derive(Default)]
pub(crate) struct ScriptedUpstream {
    scripts: Mutex<HashMap<String, VecDeque<Script>>>,
    always: Mutex<HashMap<String, Script>>,
    seen: Mutex<Vec<SeenCall>>,
    /// One for every answer that is still open.
    open: Arc<()>,
}

impl ScriptedUpstream {
    pub(crate) fn next(&self, host: &str, script: Script) {
        lock(&self.scripts).entry(host.to_owned()).or_default().push_back(script);
    }

    pub(crate) fn always(&self, host: &str, script: Script) {
        lock(&self.always).insert(host.to_owned(), script);
    }

    pub(crate) fn seen(&self) -> Vec<SeenCall> {
        lock(&self.seen).clone()
    }

    /// How often a provider was called.
    pub(crate) fn calls(&self, host: &str) -> usize {
        lock(&self.seen).iter().filter(|call| call.host == host).count()
    }

    /// How many answers are being given.
    pub(crate) fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }
}

#[async_trait]
impl Upstream for ScriptedUpstream {
    async fn call(&self, request: UpstreamRequest) -> Result<UpstreamResponse, UpstreamError> {
        let host = request.url.strip_prefix("http://").unwrap().split('.').next().unwrap().to_owned();
        let script = lock(&self.scripts).get_mut(&host).and_then(VecDeque::pop_front);
        let script = script.or_else(|| lock(&self.always).get(&host).cloned());
        lock(&self.seen).push(SeenCall { headers: request.headers, body: request.body, host });
        let open = Arc::clone(&self.open);
        match script.expect("the test says what the provider does") {
            Script::Unreachable => Err(UpstreamError::Connect("nobody there".into())),
            Script::SlowConnect => {
                sleep(request.connect_timeout).await;
                Err(UpstreamError::ConnectTimeout)
            }
            Script::Silence => {
                sleep(request.first_byte_timeout).await;
                drop(open);
                Err(UpstreamError::FirstByteTimeout)
            }
            Script::Answer { status, headers, pieces } => {
                let body = stream::iter(pieces).filter_map(move |piece| {
                    let open = Arc::clone(&open);
                    async move {
                        let _open = open;
                        match piece {
                            Piece::Text(text) => Some(Ok(Bytes::from(text))),
                            Piece::Pause(pause) => {
                                sleep(pause).await;
                                None
                            }
                            Piece::Break => Some(Err(UpstreamError::Broken("reset".into()))),
                            Piece::Stall => std::future::pending().await,
                        }
                    }
                });
                let mut map = HeaderMap::new();
                for (name, value) in headers {
                    map.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
                }
                let status = StatusCode::from_u16(status).unwrap();
                Ok(UpstreamResponse { status, headers: map, body: body.boxed(), waited: Duration::ZERO })
            }
        }
    }
}

/// Keeps usage events, and what was said, for a test to look at.
#[derive(Default)]
pub(crate) struct Events(Mutex<Vec<(UsageEvent, Option<CallContent>)>>);

impl UsageSink for Events {
    fn append(&self, call: &Arc<FinishedCall>) -> Result<(), SinkError> {
        lock(&self.0).push((call.event.clone(), call.content.clone()));
        Ok(())
    }
}

/// A provider at `http://{name}.test` that lists the model `m`.
pub(crate) fn provider_at(name: &str, kind: ProviderKind) -> Provider {
    let made = crate::testing::provider(name, kind);
    let new = NewProvider {
        name: ProviderName::parse(name).unwrap(),
        display_name: String::new(),
        kind,
        base_url: Some(BaseUrl::parse(&format!("http://{name}.test/v1")).unwrap()),
        models: vec!["m".to_owned()],
        config: serde_json::Map::new(),
        enabled: true,
    };
    Provider::create(made.id, new, Timestamp::default()).unwrap()
}

/// A credential of a provider with an id of its own.
pub(crate) fn credential_of(provider: &Provider, secret: &str) -> Credential {
    let seed = secret.bytes().fold(11, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let entropy = SeededEntropy::new(seed);
    let id = same(seed);
    let secret = SecretString::new(secret.to_owned());
    Credential::seal(id, provider.id, &secret, &keys(1), &entropy, Timestamp::default())
}

/// What keeps calls of one process within their limits.
fn limiters(counters: &Arc<FakeCounters>, clock: &Arc<TestClock>, tasks: &TaskTracker) -> Limiters {
    let limiter = |seed, name| {
        let entropy = Arc::new(SeededEntropy::new(seed));
        let options = LimiterOptions { name, ..LimiterOptions::default() };
        Limiter::new(counters.clone(), clock.clone(), entropy, tasks.clone(), options)
    };
    Limiters { rates: limiter(31, "limits"), budgets: limiter(32, "budgets") }
}

/// A gateway, its providers and what it wrote down.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Arc<ScriptedUpstream>,
    pub(crate) snapshot: Arc<SnapshotCell>,
    pub(crate) tasks: TaskTracker,
    pub(crate) memory: Arc<FakeMemory>,
    pub(crate) outcomes: Arc<FakeOutcomes>,
    limits: GatewayLimits,
    pub(crate) limiters: Limiters,
    pub(crate) counters: Arc<FakeCounters>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) tokens: Arc<FakeTokens>,
    events: Arc<Events>,
    pub(crate) project: Project,
    pub(crate) secret: String,
    pub(crate) token: Token,
}

/// An answer as the client has it.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Scene {
    pub(crate) fn new(providers: Vec<Provider>, credentials: Vec<Credential>) -> Self {
        Self::with_limits(providers, credentials, GatewayLimits::default())
    }

    pub(crate) fn with_limits(
        providers: Vec<Provider>,
        credentials: Vec<Credential>,
        limits: GatewayLimits,
    ) -> Self {
        let project = project(ProjectType::AgentProxy);
        let projects = vec![project.clone()];
        let configuration = Configuration { projects, providers, credentials, ..Configuration::default() };
        Self::over(project, configuration, limits)
    }

    /// A gateway under a configuration, and a token of one of its projects.
    pub(crate) fn over(project: Project, configuration: Configuration, limits: GatewayLimits) -> Self {
        let (_, token) = token_for(&project, 5);
        let secret = crate::testing::secret_of(5);
        let tokens = Arc::new(FakeTokens::default());
        tokens.put(token.clone());
        let clock = Arc::new(TestClock::at_millis(1_000));
        let (snapshot, unusable) = Snapshot::compile(configuration, &compiler());
        assert!(unusable.is_empty());
        let snapshot = Arc::new(SnapshotCell::new(snapshot));
        let (upstream, events) = (Arc::new(ScriptedUpstream::default()), Arc::new(Events::default()));
        let (tasks, memory) = (TaskTracker::new(), Arc::new(FakeMemory::default()));
        let outcomes = Arc::new(FakeOutcomes::default());
        let options = AuthenticatorOptions::default();
        let counters = Arc::<FakeCounters>::default();
        let limiters = limiters(&counters, &clock, &tasks);
        let gateway = Gateway::new(GatewayParts {
            snapshot: Arc::clone(&snapshot),
            authenticator: Arc::new(Authenticator::new(tokens.clone(), clock.clone(), options)),
            upstream: upstream.clone(),
            sink: events.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(9)),
            keys: keys(1),
            limits: limits.clone(),
            prices: Arc::new(PriceTable::bundled()),
            tasks: tasks.clone(),
            trace_context: Arc::new(PassedOn),
            memory: memory.clone(),
            idempotency: outcomes.clone(),
            failures: Arc::default(),
            limiters: limiters.clone(),
        });
        Self {
            gateway,
            upstream,
            snapshot,
            tasks,
            memory,
            outcomes,
            limits,
            limiters,
            counters,
            clock,
            tokens,
            events,
            project,
            secret,
            token,
        }
    }

    /// Another process of the same installation.
    pub(crate) fn replica(&self) -> Gateway {
        let options = AuthenticatorOptions::default();
        Gateway::new(GatewayParts {
            snapshot: Arc::clone(&self.snapshot),
            authenticator: Arc::new(Authenticator::new(self.tokens.clone(), self.clock.clone(), options)),
            upstream: self.upstream.clone(),
            sink: self.events.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(10)),
            keys: keys(1),
            limits: self.limits.clone(),
            prices: Arc::new(PriceTable::bundled()),
            tasks: self.tasks.clone(),
            trace_context: Arc::new(PassedOn),
            memory: self.memory.clone(),
            idempotency: self.outcomes.clone(),
            failures: Arc::default(),
            limiters: self.limiters.clone(),
        })
    }

    /// Somebody else uses so much of a limit, and it is recorded.
    pub(crate) async fn spend(&self, limit: &Limit, span: Span, spent: u64) {
        let (somebody, now) = (Holder(7), Timestamp::from_micros(1_000_000));
        let settlement = Settlement {
            counter: limit.counter.clone(),
            bucket: span.bucket,
            until: span.until,
            spent,
            freed: 0,
        };
        self.counters.take(somebody, &[], now, span.until).await.unwrap();
        self.counters.settle(somebody, 1, &[settlement], now).await.unwrap();
    }

    /// Sends a request, and returns as soon as the head of the answer is there.
    pub(crate) async fn begin(&self, operation: Operation, body: &str) -> Response<ReplyBody> {
        self.send(operation, body, &[]).await
    }

    pub(crate) async fn send(
        &self,
        operation: Operation,
        body: &str,
        more: &[(&'static str, &'static str)],
    ) -> Response<ReplyBody> {
        self.gateway.call(self.request(operation, body, more)).await
    }

    pub(crate) fn request(
        &self,
        operation: Operation,
        body: &str,
        more: &[(&'static str, &'static str)],
    ) -> IncomingRequest {
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", self.secret);
        headers.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
        for (name, value) in more {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        IncomingRequest {
            entry: Entry::Project(self.project.id),
            route: Route::Model(operation),
            ids: Vec::new(),
            query: None,
            headers,
            peer: IpAddr::from([127, 0, 0, 1]),
            body: RequestBody::new(body.map_err(|never| match never {})),
        }
    }

    /// A record of a call, for what is tested below the surface.
    pub(crate) fn record(&self, operation: Operation) -> Box<Record> {
        Record::open(self.gateway.shared(), &self.request(operation, "{}", &[]))
    }

    pub(crate) async fn chat(&self, body: &str) -> Got {
        read(self.begin(Operation::ChatCompletions, body).await).await
    }

    /// The calls that were booked since the last look, and what was said in them.
    pub(crate) fn booked(&self) -> Vec<(UsageEvent, Option<CallContent>)> {
        std::mem::take(&mut *lock(&self.events.0))
    }

    /// The calls that were booked since the last look.
    pub(crate) fn events(&self) -> Vec<UsageEvent> {
        self.booked().into_iter().map(|(event, _)| event).collect()
    }

    /// The only call that was booked since the last look.
    pub(crate) fn event(&self) -> UsageEvent {
        let events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.into_iter().next().unwrap()
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(response: Response<ReplyBody>) -> Got {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Got { status: head.status.as_u16(), headers: head.headers, body }
}
