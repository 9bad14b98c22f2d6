//! What a database is filled with, through the store as the gateway fills it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use promptgate_kernel::{
    AccountId, CallId, Clock, EndpointId, Money, OsEntropy, ProjectId, ProviderId, SystemClock, Timestamp,
    TokenId,
};
use promptgate_store::{Access, Store};
use promptgate_tokens::{NewToken, Scope, Token, TokenEnv, TokenLimits, TokenName, TokenSecret};
use promptgate_usage::{CallContent, Guarded, Outcome, TokenCounts, UsageEvent};
use serde::{Deserialize, Serialize};
use serde_json::Map;

/// How many tokens a transaction issues.
const ISSUED: u64 = 500;
/// Of the secrets of so many tokens calls are made.
pub(super) const CALLERS: u64 = 500;
/// How many models there are.
const MODELS: u64 = 8;
/// One call of so many is of a kind that is rare.
const RARE: u64 = 20_000;
/// How it ended.
pub(super) const RARE_OUTCOME: &str = "gateway_failed";
/// The provider that was asked.
pub(super) const RARE_PROVIDER: &str = "bench-rare";
/// From the first of the calls to the last of them.
const SPREAD: u64 = 30 * 24 * 3_600 * 1_000_000;

/// What calls name.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ids {
    /// The project of nine calls of ten.
    pub(super) project: ProjectId,
    /// The one with endpoints, of the others.
    pub(super) many: ProjectId,
    pub(super) provider: ProviderId,
    /// The account of the first of all people.
    pub(super) me: AccountId,
    /// Some token, owner and endpoint that there are calls of.
    pub(super) token: TokenId,
    pub(super) owner: AccountId,
    pub(super) endpoint: EndpointId,
    /// How many calls are recorded.
    pub(super) rows: u64,
}

/// Who calls.
#[derive(Clone, Copy)]
pub(super) struct Callers {
    pub(super) tokens: u64,
    pub(super) people: u64,
    pub(super) endpoints: u64,
}

/// What is written to.
pub(super) struct Filled {
    pub(super) store: Arc<dyn Store>,
    pub(super) ids: Ids,
    pub(super) callers: Callers,
    pub(super) batch: u64,
    pub(super) tokens: u64,
}

/// An id that is the same in each run.
fn id(kind: u128, number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x018f_4e6e_0000_7000_8000_0000_0000_0000 + (kind << 32) + u128::from(number))
}

pub(super) fn token(number: u64) -> TokenId {
    TokenId::from_uuid(id(1, number))
}

pub(super) fn endpoint(number: u64) -> EndpointId {
    EndpointId::from_uuid(id(3, number))
}

/// The owner of a token: the first of all people is the one who looks.
pub(super) fn owner(token: u64, people: u64, me: AccountId) -> AccountId {
    match token % people {
        0 => me,
        number => AccountId::from_uuid(id(2, number)),
    }
}

/// Numbers that have nothing to do with each other, always the same (splitmix64).
const fn shuffled(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Filled {
    /// Records calls until there are so many. Says how many that were, and how long it took.
    pub(super) async fn record(&mut self, until: u64) -> anyhow::Result<(u64, Duration)> {
        let (begun, before) = (Instant::now(), self.ids.rows);
        let now = SystemClock.now();
        while self.ids.rows < until {
            let numbers = self.ids.rows..until.min(self.ids.rows + self.batch);
            let batch: Vec<UsageEvent> =
                numbers.clone().map(|number| self.call(number, until, now)).collect();
            let events: Vec<&UsageEvent> = batch.iter().collect();
            // What was said in the first of a batch: those behind it are listed for it.
            let Some(first) = events.first() else { break };
            let said = CallContent::of_call(first.id, first.at, first.project_id);
            let said = CallContent { prompt: Some("Hello".to_owned()), ..said };
            let mut unit = self.store.begin(Access::Write).await?;
            unit.usage().record(&events).await?;
            unit.call_contents().record(&[&said]).await?;
            unit.commit().await?;
            self.ids.rows = numbers.end;
        }
        Ok((self.ids.rows - before, begun.elapsed()))
    }

    /// A call as there are many: each token belongs to somebody and calls three models, one call of twenty is
    /// refused. Those of a step lie in the thirty days before.
    fn call(&self, number: u64, until: u64, now: Timestamp) -> UsageEvent {
        let back = Duration::from_micros(SPREAD / until.max(1) * until.saturating_sub(number));
        let (at, chance) = (now.minus(back), shuffled(number));
        let caller = chance % self.callers.tokens;
        let is_rare = number % RARE == RARE / 2;
        let is_refused = !is_rare && (chance >> 32).is_multiple_of(20);
        let (outcome, status) = match (is_rare, is_refused) {
            (true, _) => (Outcome::GatewayFailed, 500),
            (_, true) => (Outcome::Refused, 429),
            _ => (Outcome::Completed, 200),
        };
        let has_endpoint = caller % 10 == 9;
        let project = if has_endpoint { self.ids.many } else { self.ids.project };
        let call = CallId::mint(&SystemClock, &OsEntropy);
        let event =
            UsageEvent::of_call(call, at, project, token(caller), "chat_completions", outcome, status);
        let model = (caller + (chance >> 40) % 3) % MODELS;
        let tokens = TokenCounts { input: 500 + chance % 700, output: 200, ..TokenCounts::default() };
        let provider = if is_rare { RARE_PROVIDER } else { "bench" };
        UsageEvent {
            owner: Some(owner(caller, self.callers.people, self.ids.me)),
            endpoint_id: has_endpoint.then(|| endpoint(caller % self.callers.endpoints.max(1))),
            provider_id: Some(self.ids.provider),
            provider: Some(provider.to_owned()),
            provider_kind: Some("echo".to_owned()),
            model: Some(format!("model-{model}")),
            requested_model: Some(format!("bench:model-{model}")),
            tokens: if is_refused { TokenCounts::default() } else { tokens },
            cost: Money::from_nanos(if is_refused { 0 } else { 1_500_000 }),
            price_basis: "exact".to_owned(),
            latency_us: 800_000,
            attempts: u32::from(!is_refused),
            client_ip: Some("127.0.0.1".to_owned()),
            prompted: true,
            guarded: is_rare.then(|| Guarded { outcome: "noted".to_owned(), ..Guarded::default() }),
            ..event
        }
    }

    /// Issues tokens until there are so many; the secrets of the last of them.
    pub(super) async fn issue(&mut self, until: u64) -> anyhow::Result<Vec<String>> {
        let mut secrets = Vec::new();
        while self.tokens < until {
            let mut unit = self.store.begin(Access::Write).await?;
            for _ in 0..ISSUED.min(until - self.tokens) {
                let secret = TokenSecret::generate(TokenEnv::Live, &OsEntropy);
                let new = NewToken {
                    project_id: self.ids.project,
                    owner: None,
                    name: TokenName::parse("bench")?,
                    env: TokenEnv::Live,
                    scopes: [Scope::Chat].into_iter().collect(),
                    endpoint_ids: Vec::new(),
                    limits: TokenLimits::default(),
                    metadata: Map::new(),
                    expires_at: None,
                };
                let id = TokenId::mint(&SystemClock, &OsEntropy);
                unit.tokens().insert(&Token::issue(id, new, &secret, SystemClock.now())?).await?;
                self.tokens += 1;
                if until - self.tokens < CALLERS {
                    secrets.push(secret.expose().to_owned());
                }
            }
            unit.commit().await?;
        }
        Ok(secrets)
    }
}
