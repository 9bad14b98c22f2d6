//! Calls that are over, as the gateway leaves them to be recorded.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use promptgate_kernel::{
    AccountId, CallId, Clock, CredentialId, Money, OsEntropy, ProjectId, ProviderId, SystemClock, TokenId,
};
use promptgate_limits::{
    Counter, Counters, CountersError, Demand, Holder, Limit, Measure, Subject, Taken, Window,
};
use promptgate_usage::{Attempt, CallContent, FinishedCall, Outcome, TokenCounts, UsageEvent};
use uuid::Uuid;

/// Of so many tokens the calls are.
const TOKENS: u64 = 200;
/// Of so many people these tokens are.
const OWNERS: u64 = 40;
const MODELS: u64 = 8;
/// More than all calls take.
const PLENTY: u64 = 1 << 60;
/// How long a counter may take to be made.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who calls, and what for.
pub(crate) struct Callers {
    project: ProjectId,
    provider: ProviderId,
    credential: CredentialId,
    /// The processes that hold what their calls take of budgets.
    holders: [u128; 2],
}

impl Callers {
    pub(crate) fn new() -> Self {
        Self {
            project: ProjectId::mint(&SystemClock, &OsEntropy),
            provider: ProviderId::mint(&SystemClock, &OsEntropy),
            credential: CredentialId::mint(&SystemClock, &OsEntropy),
            holders: [(); 2].map(|()| CallId::mint(&SystemClock, &OsEntropy).as_uuid().as_u128()),
        }
    }

    /// One of a kind: the same ones of a project every time.
    fn id(&self, kind: u128, number: u64) -> Uuid {
        Uuid::from_u128(self.project.as_uuid().as_u128() ^ (kind << 32) ^ u128::from(number))
    }

    fn token(&self, number: u64) -> TokenId {
        TokenId::from_uuid(self.id(1, number % TOKENS))
    }

    fn owner(&self, number: u64) -> AccountId {
        AccountId::from_uuid(self.id(2, number % OWNERS))
    }

    /// The budgets of everybody: of the day and the month, tokens and money.
    fn budgets(&self) -> Vec<Limit> {
        let tokens = (0..TOKENS).map(|number| Subject::Token(self.token(number)));
        let owners = (0..OWNERS).map(|number| Subject::Owner(self.owner(number)));
        let subjects = tokens.chain(owners).chain([Subject::Project(self.project)]);
        let of = |subject| {
            [(Measure::Cost, Window::Day), (Measure::Cost, Window::Month), (Measure::Tokens, Window::Day)]
                .map(|(measure, window)| Limit {
                    counter: Counter { subject, model: None, measure, window },
                    cap: u64::MAX >> 1,
                })
        };
        subjects.flat_map(of).collect()
    }

    /// Has what the calls take held for the processes that they come from.
    pub(crate) async fn hold_budgets(&self, counters: &dyn Counters) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let demands: Vec<Demand> = self
            .budgets()
            .into_iter()
            .map(|limit| {
                let span = limit.counter.window.span(now, Tz::UTC);
                Demand { limit, span, least: PLENTY, most: PLENTY }
            })
            .collect();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for holder in self.holders.map(Holder) {
            for demands in demands.chunks(20) {
                loop {
                    match counters.take(holder, demands, now, now.plus(Duration::from_hours(24))).await {
                        Ok(Taken::All(_)) => break,
                        Ok(Taken::Refused(refused)) => anyhow::bail!("a budget has no room: {refused:?}"),
                        Err(CountersError::Filling) if tokio::time::Instant::now() < deadline => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(())
    }

    /// A call as there are many: one of twenty refused, one of two streamed.
    pub(crate) fn call(&self, number: u64, has_content: bool) -> Arc<FinishedCall> {
        let (id, at) = (CallId::mint(&SystemClock, &OsEntropy), SystemClock.now());
        let is_refused = number.is_multiple_of(20);
        let (outcome, status) = if is_refused { (Outcome::Refused, 429) } else { (Outcome::Completed, 200) };
        let event = UsageEvent::of_call(
            id,
            at,
            self.project,
            self.token(number),
            "chat_completions",
            outcome,
            status,
        );
        let model = format!("model-{}", number % MODELS);
        let mut event = UsageEvent {
            owner: Some(self.owner(number)),
            requested_model: Some(format!("bench:{model}")),
            client_ip: Some("127.0.0.1".to_owned()),
            latency_us: 800_000,
            trace: trace(&model),
            ..event
        };
        if is_refused {
            event.error_code = Some("rate_limited".to_owned());
            event.error_message = Some("requests per minute of this token: 60 of 60".to_owned());
        } else {
            let output = 100 + number % 200;
            event = UsageEvent {
                provider_id: Some(self.provider),
                provider: Some("bench".to_owned()),
                provider_kind: Some("openai_compatible".to_owned()),
                streamed: number.is_multiple_of(2),
                tokens: TokenCounts { input: 500 + number % 700, output, ..TokenCounts::default() },
                cost: Money::from_nanos(1_500_000),
                price_version: "2026-11-01".to_owned(),
                price_basis: "exact".to_owned(),
                time_to_first_byte_us: Some(200_000),
                upstream_us: Some(790_000),
                attempts: 1,
                credential_id: Some(self.credential),
                routing_decision: Some("the only candidate".to_owned()),
                tried: vec![Attempt {
                    provider: "bench".to_owned(),
                    model: model.clone(),
                    credential_id: Some(self.credential),
                    fault: None,
                    status: Some(200),
                    duration_us: 790_000,
                }],
                provider_response_id: Some(format!("chatcmpl-{number}")),
                model: Some(model),
                holder: Some(Uuid::from_u128(self.holders[usize::from(number % 4 < 2)])),
                ..event
            };
        }
        let content = has_content.then(|| self.content(id, &event));
        if let Some(content) = &content {
            event.count_content(content);
        }
        Arc::new(FinishedCall { event, content })
    }

    /// What was said: about 1 KB each way.
    fn content(&self, id: CallId, event: &UsageEvent) -> CallContent {
        const BEFORE: &str = r#"{"model":"bench","max_tokens":500,"messages":[{"role":"user","content":"#;
        let asked = "What does a gateway between programs and models have to do, and why? ".repeat(12);
        let request = format!(r#"{BEFORE}"{asked}"}}]}}"#);
        let answered = "The gateway says who is calling, whether they may, and what it costs. ".repeat(12);
        CallContent {
            prompt_in_request: Some(BEFORE.len()..BEFORE.len() + asked.len() + 2),
            request: Some(request),
            response: (event.attempts > 0).then_some(answered),
            ..CallContent::of_call(id, event.at, self.project)
        }
    }
}

fn trace(model: &str) -> Vec<String> {
    let notes = [
        "received: chat_completions, 1039 bytes",
        "authenticated: a token of the project",
        "addressed: the project's own route",
        "admitted: 9 limits; reserved 1724 tokens, $0.0214",
        "inspected: nothing found",
    ];
    let mut trace: Vec<String> = notes.into_iter().map(str::to_owned).collect();
    trace.push(format!("prepared: bench/{model}, the only candidate"));
    trace.push("relayed: the first attempt answered".to_owned());
    trace
}
