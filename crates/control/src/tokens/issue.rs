//! Issuing a token.

use promptgate_auth::{Actor, Forbidden, Permission, Who};
use promptgate_kernel::{EndpointId, ProjectId, RepositoryError, Timestamp, TokenId};
use promptgate_projects::ProjectType;
use promptgate_store::{Access, UnitOfWork};
use promptgate_tokens::{
    InvalidToken, NewToken, Scope, ScopeSet, Token, TokenEnv, TokenLimits, TokenName, TokenSecret,
};
use serde_json::{Map, Value};
use tracing::instrument;

use crate::Control;
use crate::introspection::managed;
use crate::journal::Entry;
use crate::members::actor_in;
use crate::shown;

/// What a token is issued from.
#[derive(Debug, Clone)]
pub struct IssueToken {
    /// The project it will belong to.
    pub project_id: ProjectId,
    /// Its name.
    pub name: TokenName,
    /// Live or test.
    pub env: TokenEnv,
    /// What it opens; `None` means what tokens of the project's type open at run time.
    pub scopes: Option<ScopeSet>,
    /// The endpoints it may call; empty means all.
    pub endpoint_ids: Vec<EndpointId>,
    /// What it may use.
    pub limits: TokenLimits,
    /// Free data.
    pub metadata: Map<String, Value>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// Who it is for, in the words of whoever asks; kept in the audit log alone.
    pub subject_id: Option<String>,
}

/// A token with its secret, which is shown this once.
#[derive(Debug, Clone)]
pub struct Issued {
    /// What is kept.
    pub token: Token,
    /// What is shown once.
    pub secret: TokenSecret,
}

/// Why a token is not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueTokenError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The project does not exist, or was deleted.
    #[error("there is no project {0}")]
    UnknownProject(ProjectId),
    /// A token was to get what the one that asks does not have.
    #[error(transparent)]
    Escalation(#[from] Escalation),
    /// A minted token would get out from under the one that minted it.
    #[error(transparent)]
    Escape(#[from] Escape),
    /// Something about the token is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// What a token of a project of this type opens unless said otherwise.
pub fn default_scopes(kind: ProjectType) -> ScopeSet {
    match kind {
        ProjectType::AiGateway | ProjectType::AiWrapper | ProjectType::AgentProxy => {
            [Scope::Chat, Scope::Models].into_iter().collect()
        }
        ProjectType::ApiGateway => [Scope::Proxy].into_iter().collect(),
        ProjectType::McpGateway => [Scope::Mcp].into_iter().collect(),
    }
}

/// Issues a token. Nothing that runs needs to hear of it: its secret was never presented before.
#[instrument(name = "control.tokens.issue", skip_all, fields(project.id = %command.project_id))]
pub async fn issue(control: &Control, actor: Actor, command: IssueToken) -> Result<Issued, IssueTokenError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    actor_in(&mut *work, actor, command.project_id)
        .await?
        .require_in(command.project_id, Permission::ManageTokens)?;
    let id = command.project_id;
    let project = work.projects().find(id).await?.ok_or(IssueTokenError::UnknownProject(id))?;
    let subject_id = command.subject_id.clone();
    let issued = make(control, command, project.kind, at)?;
    may_grant(actor, &issued.token.scopes)?;
    if minted(&mut *work, actor).await?.is_some() {
        return Err(Escape.into());
    }
    let entry = created(&issued.token);
    let entry = match subject_id {
        Some(subject) => entry.detail("subjectId", subject),
        None => entry,
    };
    work.tokens().insert(&issued.token).await?;
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(issued)
}

/// A token was to hand on a scope that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scope `{0}` can be given only by a token that has it")]
pub struct Escalation(pub Scope);

/// Whether the actor may hand these scopes on: tokens those that manage only if they have them.
pub(super) fn may_grant(actor: Actor, scopes: &ScopeSet) -> Result<(), Escalation> {
    let Who::Token { scopes: own, .. } = actor.who else { return Ok(()) };
    let beyond = |scope: &Scope| managed(*scope).is_some_and(|managed| !own.allow(managed));
    scopes.iter().find(beyond).map_or(Ok(()), |scope| Err(Escalation(scope)))
}

/// A minted token was to manage what is not below it, which would outlive it and do more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a minted token manages only itself and the tokens that come from it")]
pub struct Escape;

/// The minted token that acts, if one does.
async fn minted(work: &mut dyn UnitOfWork, actor: Actor) -> Result<Option<TokenId>, RepositoryError> {
    let Who::Token { id, .. } = actor.who else { return Ok(None) };
    let token = work.tokens().find(id).await?;
    Ok(token.filter(|token| token.parent.is_some()).map(|token| token.id))
}

/// Whether the token that acts may manage another one: a minted one only itself and what comes from it.
pub(super) async fn may_reach(
    work: &mut dyn UnitOfWork,
    actor: Actor,
    other: TokenId,
) -> Result<Result<(), Escape>, RepositoryError> {
    let Some(own) = minted(work, actor).await? else { return Ok(Ok(())) };
    let reaches = own == other || work.tokens().list_below(own).await?.iter().any(|token| token.id == other);
    Ok(if reaches { Ok(()) } else { Err(Escape) })
}

/// Decides: the entity and its secret.
pub(crate) fn make(
    control: &Control,
    command: IssueToken,
    kind: ProjectType,
    at: Timestamp,
) -> Result<Issued, InvalidToken> {
    let new = NewToken {
        project_id: command.project_id,
        owner: None,
        name: command.name,
        env: command.env,
        scopes: command.scopes.unwrap_or_else(|| default_scopes(kind)),
        endpoint_ids: command.endpoint_ids,
        limits: command.limits,
        metadata: command.metadata,
        expires_at: command.expires_at,
    };
    let secret = TokenSecret::generate(new.env, &*control.entropy);
    let id = TokenId::mint(&*control.clock, &*control.entropy);
    Ok(Issued { token: Token::issue(id, new, &secret, at)?, secret })
}

/// Writes the token and its audit event.
pub(crate) async fn record(
    control: &Control,
    work: &mut dyn UnitOfWork,
    actor: Actor,
    token: &Token,
    at: Timestamp,
) -> Result<(), RepositoryError> {
    work.tokens().insert(token).await?;
    control.audit(work, actor, created(token), at).await
}

fn created(token: &Token) -> Entry {
    Entry::of_token("token.created", token)
        .detail("scopes", token.scopes.to_string())
        .made(&shown::token(token))
}
