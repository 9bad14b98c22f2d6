//! Which limits apply to what.

use promptgate_access::Plan;
use promptgate_auth::Account;
use promptgate_endpoints::Endpoint;
use promptgate_kernel::{AccountId, LimitSet, PlanId, RepositoryError};
use promptgate_limits::{Counter, Limit, Measure, Subject, Window, beside_token, configured};
use promptgate_projects::Project;
use promptgate_store::UnitOfWork;
use promptgate_tokens::Token;

use super::standings::RequestCap;

/// A limit, and what people call whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applying {
    pub(super) limit: Limit,
    pub(super) name: String,
    pub(super) plan: Option<PlanId>,
}

/// The limits that apply, those that are closest first.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) limits: Vec<Applying>,
    /// What one request may have to read, in the same order.
    pub(super) caps: Vec<RequestCap>,
    /// Whether the account needs a plan and has none.
    pub(super) lacks_plan: bool,
    /// Whether those of the account are left out.
    pub(super) leaves_account_out: bool,
}

impl Gathered {
    pub(super) fn set(&mut self, subject: Subject, name: &str, set: &LimitSet) {
        self.put(name, None, configured(subject, set));
        self.cap(subject, name, set.request_tokens);
    }

    fn cap(&mut self, subject: Subject, name: &str, tokens: Option<u64>) {
        let cap = |tokens| RequestCap { subject, name: name.to_owned(), tokens, is_tightest: false };
        self.caps.extend(tokens.map(cap));
    }

    fn put(&mut self, name: &str, plan: Option<PlanId>, limits: Vec<Limit>) {
        let applying = |limit| Applying { limit, name: name.to_owned(), plan };
        self.limits.extend(limits.into_iter().map(applying));
    }

    /// A token's own, those of the endpoint that it calls whose place it does not take, and those of the
    /// tokens that it was minted under.
    pub(super) async fn token(
        &mut self,
        work: &mut dyn UnitOfWork,
        token: &Token,
        endpoint: Option<&Endpoint>,
    ) -> Result<(), RepositoryError> {
        let mut above = Vec::new();
        if token.parent.is_some() {
            for id in work.tokens().line_above(token.id).await? {
                above.extend(work.tokens().find(id).await?);
            }
        }
        let limits_of = |token: &Token| configured(Subject::Token(token.id), &token.limits.limit_set());
        let own = limits_of(token);
        let cap_of = |token: &Token| token.limits.request_token_cap;
        let of_endpoint = endpoint.map(|endpoint| {
            let limits = configured(Subject::Endpoint(endpoint.id), &endpoint.config.limit_set());
            let issued = above.last().map(limits_of);
            (endpoint, beside_token(&own, issued.as_deref(), limits))
        });
        self.put(token.name.as_str(), None, own);
        self.cap(Subject::Token(token.id), token.name.as_str(), cap_of(token));
        if let Some((endpoint, limits)) = of_endpoint {
            self.put(&endpoint.config.name, None, limits);
            self.cap_of_endpoint(endpoint);
        }
        for above in &above {
            self.put(above.name.as_str(), None, limits_of(above));
            self.cap(Subject::Token(above.id), above.name.as_str(), cap_of(above));
        }
        Ok(())
    }

    pub(super) fn endpoint(&mut self, endpoint: &Endpoint) {
        self.set(Subject::Endpoint(endpoint.id), &endpoint.config.name, &endpoint.config.limit_set());
        self.cap_of_endpoint(endpoint);
    }

    /// No token takes the place of this one.
    fn cap_of_endpoint(&mut self, endpoint: &Endpoint) {
        let cap = endpoint.config.usage_hard_limit_tokens;
        self.cap(Subject::Endpoint(endpoint.id), &endpoint.config.name, cap);
    }

    pub(super) fn project(&mut self, project: &Project) {
        self.set(Subject::Project(project.id), project.name.as_str(), &project.limits);
    }

    /// Those of the groups that an account is in, its own, and the quotas of its plan.
    pub(super) async fn account(
        &mut self,
        work: &mut dyn UnitOfWork,
        account: &Account,
    ) -> Result<(), RepositoryError> {
        for listed in work.groups().groups_of(account.id).await? {
            let group = listed.group;
            self.set(Subject::Group(group.id), &group.display_name, &group.limits);
        }
        self.set(Subject::Owner(account.id), &account.name, &account.limits);
        match work.plans().of_account(account.id).await?.effective {
            Some(plan) => self.put(&plan.name, Some(plan.id), of_plan(account.id, &plan)),
            None => self.lacks_plan = true,
        }
        Ok(())
    }

    /// Leaves those of all models but this one out; without one they stay.
    pub(super) fn keep_model(&mut self, model: Option<&str>) {
        let Some(asked) = model else { return };
        self.limits.retain(|applying| {
            let counter = &applying.limit.counter;
            counter.model.as_deref().is_none_or(|model| model == asked)
        });
    }
}

/// The quotas of a plan, of one account.
fn of_plan(account: AccountId, plan: &Plan) -> Vec<Limit> {
    let windows = [(Window::FiveHours, plan.quota_5h_tokens), (Window::SevenDays, plan.quota_7d_tokens)];
    windows.into_iter().filter_map(|(window, quota)| Some(quota_of(account, window, quota?))).collect()
}

/// A quota of tokens of an account.
pub(crate) const fn quota_of(account: AccountId, window: Window, cap: u64) -> Limit {
    let subject = Subject::Owner(account);
    Limit { counter: Counter { subject, model: None, measure: Measure::Tokens, window }, cap }
}
