//! A request's way through the gateway, in the order in which it happens.
//!
//! Every stage is a function that consumes what the stage before it made, and no stage can be
//! entered with anything else: a request that skipped one does not compile.
//!
//! ```text
//! Received → Authenticated → Addressed → Admitted → Inspected → Prepared → Relayed → settled
//! ```
//!
//! Beside it goes the [`Record`]: what is known of the call so far. It becomes the usage event, when
//! the call is settled or when, for whatever reason, nobody goes on with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Response};
use promptgate_audit::FailureCounts;
use promptgate_kernel::{CallId, Clock, Entropy, KeyRing};
use promptgate_usage::PriceTable;
use promptgate_wire::Surface;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::address::{address, model_project};
use crate::admit::admit;
use crate::affinity::Affinity;
use crate::allowance::Limiters;
use crate::authenticate::authenticate;
use crate::authenticator::Authenticator;
use crate::bodies::{ALL_BODIES, BodyRoom};
use crate::endpoint::{self, EndpointMemory};
use crate::forward::address_forward;
use crate::idempotency::{self, Claims, IdempotencySource};
use crate::inspect::inspect;
use crate::limits::GatewayLimits;
use crate::meter::{self, CallMeters};
use crate::models::{list_models, provider_models, show_model};
use crate::ports::{Upstream, UsageSink};
use crate::prepare::{Prepared, prepare};
use crate::readers::Readers;
use crate::receive::{Entry, IncomingRequest, Route, receive};
use crate::record::{Record, request_id};
use crate::refusal::Refusal;
use crate::relay::begin;
use crate::reply::ReplyBody;
use crate::resilience::Resilience;
use crate::settle::{answer, refuse, settle, turn_away};
use crate::snapshot::SnapshotCell;
use crate::trace_context::TraceContext;

/// What a gateway is made of.
pub struct GatewayParts {
    /// The configuration in force.
    pub snapshot: Arc<SnapshotCell>,
    /// Knows tokens.
    pub authenticator: Arc<Authenticator>,
    /// Calls providers.
    pub upstream: Arc<dyn Upstream>,
    /// Keeps usage events.
    pub sink: Arc<dyn UsageSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What ids of stored responses and kept outcomes are sealed under; all replicas have the same.
    pub keys: KeyRing,
    /// Bounds.
    pub limits: GatewayLimits,
    /// What models cost whose price nobody set.
    pub prices: Arc<PriceTable>,
    /// What goes on after an answer; a process waits for it before it ends.
    pub tasks: TaskTracker,
    /// How traces cross the gateway.
    pub trace_context: Arc<dyn TraceContext>,
    /// Keeps conversations and answers of AI endpoints.
    pub memory: Arc<dyn EndpointMemory>,
    /// Keeps the outcomes of calls that are made once.
    pub idempotency: Arc<dyn IdempotencySource>,
    /// Counts who was refused.
    pub failures: Arc<FailureCounts>,
    /// Keeps calls within their limits.
    pub limiters: Limiters,
}

/// What every call shares.
pub(crate) struct Shared {
    pub(crate) snapshot: Arc<SnapshotCell>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) sink: Arc<dyn UsageSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) affinity: Affinity,
    pub(crate) resilience: Resilience,
    pub(crate) limits: GatewayLimits,
    pub(crate) prices: Arc<PriceTable>,
    pub(crate) tasks: TaskTracker,
    pub(crate) trace_context: Arc<dyn TraceContext>,
    pub(crate) memory: Arc<dyn EndpointMemory>,
    pub(crate) idempotency: Arc<dyn IdempotencySource>,
    pub(crate) failures: Arc<FailureCounts>,
    pub(crate) limiters: Limiters,
    pub(crate) claims: Claims,
    pub(crate) keys: KeyRing,
    pub(crate) meters: CallMeters,
    pub(crate) drains: Arc<Semaphore>,
    pub(crate) bodies: BodyRoom,
    pub(crate) readers: Readers,
    pub(crate) ending: AtomicBool,
}

/// The data plane.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

impl Gateway {
    /// Puts a gateway together.
    pub fn new(parts: GatewayParts) -> Self {
        let limits = &parts.limits;
        let one_of_each = limits.max_request_bytes.saturating_add(limits.max_response_bytes);
        let shared = Shared {
            bodies: BodyRoom::new(ALL_BODIES.max(one_of_each)),
            readers: Readers::of_this_machine(),
            drains: Arc::new(Semaphore::new(parts.limits.max_drains)),
            snapshot: parts.snapshot,
            authenticator: parts.authenticator,
            upstream: parts.upstream,
            sink: parts.sink,
            clock: parts.clock,
            affinity: Affinity::new(parts.keys.clone(), Arc::clone(&parts.entropy)),
            resilience: Resilience::new(parts.limits.retry_budget_percent, Arc::clone(&parts.entropy)),
            entropy: parts.entropy,
            limits: parts.limits,
            prices: parts.prices,
            tasks: parts.tasks,
            trace_context: parts.trace_context,
            memory: parts.memory,
            idempotency: parts.idempotency,
            failures: parts.failures,
            limiters: parts.limiters,
            claims: Claims::default(),
            meters: CallMeters::default(),
            keys: parts.keys,
            ending: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Refuses new model calls from now on; those under way go on. For the time after the last
    /// notice to load balancers and before the end of the process.
    pub fn stop_admitting(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
    }

    /// Answers a request. Dropping the future, or later the body, means that the client left.
    pub async fn call(&self, request: IncomingRequest) -> Response<ReplyBody> {
        let record = Record::open(&self.shared, &request);
        let span = record.span.clone();
        if idempotency::is_asked(&request) {
            // What few calls go through does not make the future of all others larger.
            return Box::pin(idempotency::once(self, request, record)).instrument(span).await;
        }
        self.dispatch(request, record).instrument(span).await
    }

    /// Makes a call.
    pub(crate) async fn dispatch(
        &self,
        request: IncomingRequest,
        record: Box<Record>,
    ) -> Response<ReplyBody> {
        match request.route {
            // Nobody can ask what the gateway alone asks: it is refused as a route that there is not.
            Route::Model(_) | Route::Forward(_) | Route::Contextual => self.relayed(request, record).await,
            Route::ModelList | Route::ModelDetail => Box::pin(self.models(request, record)).await,
            Route::Endpoint | Route::EndpointDispatch => {
                Box::pin(endpoint::call(request, &self.shared, record)).await
            }
        }
    }

    /// Answers a request that is no call, because it has no route: it is neither looked at nor booked.
    pub fn turn_away(&self, headers: &HeaderMap, surface: Surface, refusal: &Refusal) -> Response<ReplyBody> {
        let id = CallId::mint(&*self.shared.clock, &*self.shared.entropy);
        meter::turned_away(refusal);
        turn_away(refusal, surface, &request_id(headers, id))
    }

    async fn relayed(&self, request: IncomingRequest, mut record: Box<Record>) -> Response<ReplyBody> {
        let prepared = match self.approach(request, &mut record).await {
            Ok(prepared) => prepared,
            Err(refusal) => return refuse(&refusal, record),
        };
        match begin(prepared, record).await {
            (record, Ok(relayed)) => settle(relayed, record),
            (record, Err(refusal)) => refuse(&refusal, record),
        }
    }

    /// Everything that comes before a provider is called.
    async fn approach(&self, request: IncomingRequest, record: &mut Record) -> Result<Prepared, Refusal> {
        let route = request.route;
        let received = receive(request, &self.shared);
        let authenticated = authenticate(received, &self.shared, record).await?;
        let addressed = match route {
            Route::Model(operation) => address(authenticated, operation, &self.shared, record).await?,
            Route::Forward(call) => {
                Box::pin(address_forward(authenticated, call, &self.shared, record)).await?
            }
            Route::ModelList
            | Route::ModelDetail
            | Route::Endpoint
            | Route::EndpointDispatch
            | Route::Contextual => {
                let asked = format!("for {}", route.name());
                return Err(Refusal::NoRoute { asked });
            }
        };
        let admitted = admit(addressed, &self.shared, record).await?;
        let inspected = inspect(admitted, record).await?;
        prepare(inspected, record).await
    }

    async fn models(&self, request: IncomingRequest, mut record: Box<Record>) -> Response<ReplyBody> {
        match self.listed(request, &mut record).await {
            Ok(body) => answer(body, record),
            Err(refusal) => refuse(&refusal, record),
        }
    }

    async fn listed(&self, request: IncomingRequest, record: &mut Record) -> Result<Bytes, Refusal> {
        let received = receive(request, &self.shared);
        let authenticated = authenticate(received, &self.shared, record).await?;
        if let Entry::Provider(name) = &authenticated.entry {
            let name = name.clone();
            return provider_models(authenticated, &name, &self.shared, record).await;
        }
        let (project, snapshot) = (&authenticated.project, &authenticated.snapshot);
        let caller = authenticated.caller.as_deref();
        model_project(project)?;
        match (authenticated.route, authenticated.ids.first()) {
            (Route::ModelDetail, Some(id)) => show_model(id, project, snapshot, caller, record.surface),
            _ => Ok(list_models(project, snapshot, caller, record.surface)),
        }
    }
}
