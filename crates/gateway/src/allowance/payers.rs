//! Who uses what a call uses.

use std::sync::Arc;

use promptgate_endpoints::CompiledEndpoint;
use promptgate_kernel::{AccountId, EndpointId, GroupId, LimitSet, ProjectId, TokenId};
use promptgate_tokens::Token;

use super::caps::Limits;
use crate::forward::Forwarded;
use crate::receive::Route;
use crate::snapshot::{Caller, CompiledProject, Snapshot};

/// Which limits count for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// All.
    Everything,
    /// Those of tokens and money in days and longer windows: who makes it is no client.
    Budgets,
}

/// How many tokens a plan grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) five_hours: Option<u64>,
    pub(super) seven_days: Option<u64>,
}

/// Everybody whose limits count for a call.
#[derive(Debug, Clone)]
pub(crate) struct Payers {
    pub(super) token: TokenId,
    pub(super) token_limits: LimitSet,
    /// Those that the token was minted under.
    pub(super) above: Vec<(TokenId, Arc<LimitSet>)>,
    pub(super) project: Arc<CompiledProject>,
    pub(super) owner: Option<AccountId>,
    pub(super) caller: Option<Arc<Caller>>,
    /// What the plan of the owner grants; `None` where no plan counts, or there is none.
    pub(super) quota: Option<Quota>,
    /// Whether a plan counts, and the owner has none.
    pub(crate) lacks_plan: bool,
    /// The AI endpoint that is called.
    pub(super) endpoint: Option<(EndpointId, LimitSet)>,
    /// Whether the token's own limits count, and those of the ones above it.
    pub(super) is_token_limited: bool,
    pub(super) share: Share,
}

impl Payers {
    /// Those of a call of a token.
    pub(crate) fn of_token(
        token: &Token,
        above: Vec<(TokenId, Arc<LimitSet>)>,
        project: &Arc<CompiledProject>,
        caller: Option<&Arc<Caller>>,
        snapshot: &Snapshot,
        route: Route,
    ) -> Self {
        let has_quota = consumes_quota(route);
        let plan = caller.filter(|_| has_quota).map(|caller| snapshot.plan_of(caller));
        let granted = plan
            .flatten()
            .map(|plan| Quota { five_hours: plan.quota_5h_tokens, seven_days: plan.quota_7d_tokens });
        Self {
            token: token.id,
            token_limits: token.limits.limit_set(),
            above,
            project: Arc::clone(project),
            owner: token.owner,
            caller: caller.cloned(),
            quota: granted,
            lacks_plan: plan.is_some_and(|plan| plan.is_none()),
            endpoint: None,
            is_token_limited: true,
            share: Share::Everything,
        }
    }

    /// Those of a call that no client makes, booked for a token whose own limits do not count, nor those of
    /// the ones `above` it.
    pub(crate) fn of_run(
        token: TokenId,
        above: &[TokenId],
        project: &Arc<CompiledProject>,
        share: Share,
    ) -> Self {
        let unlimited = Arc::new(LimitSet::default());
        Self {
            token,
            token_limits: LimitSet::default(),
            above: above.iter().map(|id| (*id, Arc::clone(&unlimited))).collect(),
            project: Arc::clone(project),
            owner: None,
            caller: None,
            quota: None,
            lacks_plan: false,
            endpoint: None,
            is_token_limited: false,
            share,
        }
    }

    /// The same for a call of an AI endpoint.
    pub(crate) fn at(&mut self, endpoint: &CompiledEndpoint) {
        let endpoint = endpoint.endpoint();
        self.endpoint = Some((endpoint.id, endpoint.config.limit_set()));
    }

    /// The same for a call that the gateway makes beside one of a client: no call of an endpoint, and none
    /// that a rate counts.
    pub(crate) fn besides_client(&mut self) {
        (self.endpoint, self.share) = (None, Share::Budgets);
    }

    pub(super) fn project_id(&self) -> ProjectId {
        self.project.project.id
    }

    /// The counters that a call counts in although nothing is reserved of them, by their texts: those of an
    /// endpoint whose place a token takes, and those of a token that another repeats the call of, and of
    /// the ones above that.
    pub(crate) fn unheld(&self) -> Vec<String> {
        self.unheld_counters().iter().map(ToString::to_string).collect()
    }

    /// The tokens that the token was minted under.
    pub(crate) fn above(&self) -> Vec<TokenId> {
        self.above.iter().map(|(id, _)| *id).collect()
    }

    /// The groups that the owner is in.
    pub(crate) fn groups(&self) -> Vec<GroupId> {
        self.caller.iter().flat_map(|caller| &caller.groups).map(|group| group.id).collect()
    }

    /// What limits a call that asks a model first, or none.
    pub(crate) fn limits(&self, model: Option<&str>) -> Limits {
        Limits::of(self, model)
    }
}

/// Whether a plan counts for a route: it makes a model read or write, or is below one that does.
const fn consumes_quota(route: Route) -> bool {
    use promptgate_providers::Operation;
    match route {
        Route::Model(operation) => !matches!(operation, Operation::CountTokens),
        Route::Endpoint | Route::EndpointDispatch | Route::Contextual => true,
        Route::Forward(call) => matches!(call, Forwarded::CancelResponse),
        Route::ModelList | Route::ModelDetail => false,
    }
}
