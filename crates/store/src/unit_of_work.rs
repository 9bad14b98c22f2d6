//! Transactions over every repository.

use async_trait::async_trait;
use promptgate_access::{GroupRepository, PlanRepository};
use promptgate_audit::AuditRepository;
use promptgate_auth::{AccountRepository, AdminKeyRepository, MembershipRepository, SwitchRepository};
use promptgate_endpoints::{EndpointRepository, EvalRepository, ResponseCacheRepository, SessionRepository};
use promptgate_firewall::NetworkRuleRepository;
use promptgate_firewall::guardrails::GuardrailRepository;
use promptgate_help::{FaqRepository, SetupGuideRepository};
use promptgate_kernel::RepositoryError;
use promptgate_mcp::McpServerRepository;
use promptgate_monitoring::ServiceRepository;
use promptgate_projects::ProjectRepository;
use promptgate_providers::{
    AliasRepository, CredentialRepository, ProjectProviderRepository, ProviderRepository, TemplateRepository,
};
use promptgate_schedule::JobRepository;
use promptgate_tokens::TokenRepository;
use promptgate_usage::{
    CallContentRepository, DeadLetterRepository, IdempotencyRepository, PriceRepository, PromptRepository,
    RepricingRepository, StatisticsRepository, UsageRepository,
};

use crate::{ChangeLog, DrillRepository, ReplicaRepository};

/// What a unit of work is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reading; a write through it is an error.
    Read,
    /// Reading and writing.
    Write,
}

/// A place where everything is kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens a transaction. Writers may have to wait for one another.
    async fn begin(&self, access: Access) -> Result<Box<dyn UnitOfWork>, RepositoryError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), RepositoryError>;
}

/// An open transaction. Dropping it rolls back; after an error, dropping it is all that is left.
/// Never open a second one while holding one.
#[async_trait]
pub trait UnitOfWork: Send {
    /// Projects.
    fn projects(&mut self) -> &mut dyn ProjectRepository;
    /// Tokens.
    fn tokens(&mut self) -> &mut dyn TokenRepository;
    /// Providers, and their credentials as a whole.
    fn providers(&mut self) -> &mut dyn ProviderRepository;
    /// Credentials, one by one.
    fn credentials(&mut self) -> &mut dyn CredentialRepository;
    /// Templates.
    fn templates(&mut self) -> &mut dyn TemplateRepository;
    /// The projects' own names for models.
    fn aliases(&mut self) -> &mut dyn AliasRepository;
    /// What projects do with providers.
    fn project_providers(&mut self) -> &mut dyn ProjectProviderRepository;
    /// AI endpoints and their versions.
    fn endpoints(&mut self) -> &mut dyn EndpointRepository;
    /// Golden sets and their runs.
    fn evals(&mut self) -> &mut dyn EvalRepository;
    /// Conversations with AI endpoints.
    fn sessions(&mut self) -> &mut dyn SessionRepository;
    /// Answers that are given again.
    fn response_cache(&mut self) -> &mut dyn ResponseCacheRepository;
    /// Usage events.
    fn usage(&mut self) -> &mut dyn UsageRepository;
    /// What was said in calls.
    fn call_contents(&mut self) -> &mut dyn CallContentRepository;
    /// What users wrote in them.
    fn prompts(&mut self) -> &mut dyn PromptRepository;
    /// Calls that could not be recorded.
    fn dead_letters(&mut self) -> &mut dyn DeadLetterRepository;
    /// What calls add up to.
    fn statistics(&mut self) -> &mut dyn StatisticsRepository;
    /// What calls cost.
    fn costs(&mut self) -> &mut dyn promptgate_usage::CostRepository;
    /// Answers that may be asked for again.
    fn idempotency(&mut self) -> &mut dyn IdempotencyRepository;
    /// Definitions of MCP servers.
    fn mcp_servers(&mut self) -> &mut dyn McpServerRepository;
    /// Services that are looked at again and again.
    fn monitored_services(&mut self) -> &mut dyn ServiceRepository;
    /// Recurring jobs and their runs.
    fn jobs(&mut self) -> &mut dyn JobRepository;
    /// The FAQ.
    fn faq(&mut self) -> &mut dyn FaqRepository;
    /// Set-up guides.
    fn setup_guides(&mut self) -> &mut dyn SetupGuideRepository;
    /// Access groups and their members.
    fn groups(&mut self) -> &mut dyn GroupRepository;
    /// Subscription plans.
    fn plans(&mut self) -> &mut dyn PlanRepository;
    /// Network rules.
    fn network_rules(&mut self) -> &mut dyn NetworkRuleRepository;
    /// Rules of guardrails.
    fn guardrails(&mut self) -> &mut dyn GuardrailRepository;
    /// Prices that an operator set.
    fn prices(&mut self) -> &mut dyn PriceRepository;
    /// Calls of the past that get other prices.
    fn repricings(&mut self) -> &mut dyn RepricingRepository;
    /// People and service accounts.
    fn accounts(&mut self) -> &mut dyn AccountRepository;
    /// Who belongs to which project.
    fn memberships(&mut self) -> &mut dyn MembershipRepository;
    /// Admin API keys.
    fn admin_keys(&mut self) -> &mut dyn AdminKeyRepository;
    /// What is switched on.
    fn switches(&mut self) -> &mut dyn SwitchRepository;
    /// The audit log.
    fn audit(&mut self) -> &mut dyn AuditRepository;
    /// Processes that run.
    fn replicas(&mut self) -> &mut dyn ReplicaRepository;
    /// Drills.
    fn drills(&mut self) -> &mut dyn DrillRepository;
    /// Configuration changes and the revision.
    fn changes(&mut self) -> &mut dyn ChangeLog;
    /// Makes everything written so far permanent, all of it or none.
    async fn commit(self: Box<Self>) -> Result<(), RepositoryError>;
}
