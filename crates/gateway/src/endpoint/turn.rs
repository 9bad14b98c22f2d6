//! From a call to what a provider is asked: schema, variables, conversation, prompts, routing,
//! cache, target.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use promptgate_endpoints::{
    Cacheable, CachedAnswer, CompiledEndpoint, Condition, EndpointTimeouts, Facts, Message, estimate_tokens,
};
use promptgate_kernel::Money;
use promptgate_limits::{Counter, Limit, Measure, Subject, Window};
use promptgate_providers::Timeouts;
use promptgate_translate::ChatRequest;

use super::address::{Called, Mode};
use super::ask::Asked;
use super::cache::{Caching, look_up};
use super::conversation::Conversation;
use super::history::reread;
use super::refusal::EndpointRefusal;
use super::reply::Flat;
use super::target::{Plan, plan};
use crate::allowance::{self, Asks};
use crate::candidate::Candidate;
use crate::outgoing::Outgoing;
use crate::pipeline::Shared;
use crate::record::{Record, shortened};
use crate::refusal::Refusal;

/// A call that can be answered.
pub(crate) struct Ready {
    pub(crate) endpoint: Arc<CompiledEndpoint>,
    /// What was said in this turn, for the conversation.
    pub(crate) said: Vec<Message>,
    pub(crate) conversation: Option<Conversation>,
    pub(crate) by: By,
}

/// Who answers.
pub(crate) enum By {
    /// The cache.
    Cache(Box<(CachedAnswer, Flat)>),
    /// A provider.
    Provider(Box<Question>),
}

/// What is asked of whom.
pub(crate) struct Question {
    pub(crate) request: Arc<ChatRequest>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) timeouts: Timeouts,
    pub(crate) headers: HeaderMap,
    pub(crate) caching: Caching,
    pub(crate) outgoing: Outgoing,
}

/// Makes a call ready.
pub(crate) async fn ready(
    called: Called,
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Ready, Refusal> {
    let Called { endpoint, mut input, mode, headers, project, snapshot, caller, policy } = called;
    let config = &endpoint.endpoint().config;
    let stream = config.streams(input.stream);
    endpoint.check_input(&input).map_err(EndpointRefusal::Schema)?;
    let turn = std::mem::take(&mut input.messages);
    // Variables are checked before the conversation is looked for; its history is put in afterwards.
    let prompted = endpoint.apply(turn, Vec::new()).map_err(EndpointRefusal::Variable)?;
    let said = prompted.turn().to_vec();
    let mut conversation = match (mode, config.session_rules()) {
        (Mode::Client(token), Some(rules)) => {
            let opened = Conversation::open(input.session_id, &said, &endpoint, rules, token, shared);
            Some(opened.await?)
        }
        _ => None,
    };
    let mut messages = prompted.messages;
    if let Some(conversation) = &mut conversation {
        let at = messages.len() - said.len();
        let history = std::mem::take(&mut conversation.history);
        messages.splice(at..at, Box::pin(reread(&policy, history, record)).await?);
    }

    let facts = Facts {
        input_tokens: estimate_tokens(&messages),
        messages_count: messages.len() as u64,
        has_output_schema: config.output_schema.is_some(),
        has_input_schema: config.input_schema.is_some(),
        streaming: input.stream,
        monthly_spend_pct: spent_percent(&endpoint, record).await,
        now: shared.clock.now(),
    };
    let rule = endpoint.rules().decide(&facts);
    if let Some(rule) = rule {
        record.note(format!("routing rule {} holds: {}", rule.number, shortened(&rule.label())));
    }
    if let Some(note) = &mut record.endpoint {
        note.routing_decision = rule.map(|rule| shortened(&rule.label()));
    }
    let Plan { meant, sampling, candidates, obstacle } =
        plan(config, rule.map(|rule| &rule.route), &project, &snapshot, caller.as_deref());

    let mut caching = Caching::Off;
    let may_cache = !stream && mode != Mode::Replay;
    if let (Some(ttl), Some(meant), true) = (config.cache_ttl(), &meant, may_cache) {
        let provider = meant.provider.to_string();
        let call = Cacheable {
            endpoint_id: endpoint.endpoint().id,
            provider: &provider,
            model: &meant.model,
            sampling,
            messages: &messages,
            tools: input.tools.as_ref(),
            tool_choice: input.tool_choice.as_ref(),
            output_schema: config.output_schema.as_ref(),
            rules: policy.output_rules(),
        };
        match look_up(&call, ttl, shared).await {
            Ok(kept) => {
                record.provider = snapshot.provider(meant.provider).cloned();
                let by = By::Cache(Box::new(kept));
                return Ok(Ready { endpoint, said, conversation, by });
            }
            Err(missed) => caching = missed,
        }
    }

    let Some(first) = candidates.first() else {
        return Err(obstacle.expect("where nobody can be asked, there is a reason"));
    };
    if let Some(obstacle) = obstacle {
        record.note(format!("left out: {}", obstacle.message()));
    }
    record.provider = Some(Arc::clone(&first.provider));
    record.model = Some(shortened(&first.model));
    let asked = Asked {
        model: &first.model,
        messages: &messages,
        tools: input.tools.as_ref(),
        tool_choice: input.tool_choice.as_ref(),
        sampling,
        stream,
    };
    record.streamed = stream;
    record.prompt_bytes = asked.bytes();
    let (request, prompt) = asked.request()?;
    let request = Arc::new(request);
    let most = sampling.max_output_tokens.into();
    let asks = Asks { prompt, max_output: Some(most), choices: 1, writes: true, ..Asks::default() };
    allowance::adjust(&asks, &candidates, record).await?;
    let timeouts = timeouts(config.timeouts);
    let outgoing = Outgoing::new(&policy, None);
    let question = Question { request, candidates, timeouts, headers, caching, outgoing };
    Ok(Ready { endpoint, said, conversation, by: By::Provider(Box::new(question)) })
}

/// How much of the endpoint's budget of the month is spent, in percent. Where no rule asks for it nobody
/// finds out.
async fn spent_percent(endpoint: &CompiledEndpoint, record: &Record) -> Option<f64> {
    let budget = endpoint.endpoint().config.monthly_budget_usd?;
    let mut conditions = endpoint.rules().as_slice().iter().flat_map(|rule| &rule.when);
    if !conditions.any(|condition| matches!(condition, Condition::MonthlySpendPct(_))) {
        return None;
    }
    let counter = Counter {
        subject: Subject::Endpoint(endpoint.endpoint().id),
        model: None,
        measure: Measure::Cost,
        window: Window::Month,
    };
    let limit = Limit { counter, cap: u64::try_from(budget.as_nanos()).unwrap_or(0) };
    let standing = record.shared.limiters.budgets.standing(&limit, record.arrived_at).await?;
    let spent = Money::from_nanos(i64::try_from(standing.used).unwrap_or(i64::MAX));
    Some(spent.as_dollars() / budget.as_dollars() * 100.0)
}

fn timeouts(own: EndpointTimeouts) -> Timeouts {
    let span = |millis: Option<u32>| millis.map(|millis| Duration::from_millis(millis.into()));
    Timeouts {
        connect: span(own.connect_ms),
        first_byte: span(own.first_byte_ms),
        idle: span(own.idle_ms),
        total: span(own.total_ms),
    }
}
