//! Issuing a key.

use promptgate_auth::{AccountKind, Actor, Forbidden, Role};
use promptgate_kernel::{AccountId, RepositoryError, TokenId};
use promptgate_projects::InvalidProject;
use promptgate_store::Access;
use promptgate_tokens::{
    InvalidKey, InvalidToken, KeyDays, KeyName, NewToken, Token, TokenEnv, TokenLimits, TokenSecret,
    key_scopes,
};
use serde_json::Map;
use tracing::instrument;

use super::project::{self, NoProject};
use super::require;
use crate::Control;
use crate::journal::Entry;
use crate::shown;
use crate::tokens::Issued;

/// The longest life of a person's key, in days.
const MOST_DAYS: u32 = 30;
/// The longest life of a service account's key, in days.
const MOST_DAYS_OF_SERVICES: u32 = 365;

/// The longest life of a key, in days.
pub(crate) const fn most_days(kind: AccountKind) -> u32 {
    match kind {
        AccountKind::Person => MOST_DAYS,
        AccountKind::Service => MOST_DAYS_OF_SERVICES,
    }
}

/// What a key is issued from.
#[derive(Debug, Clone)]
pub struct IssueKey {
    /// Whose it will be.
    pub owner: AccountId,
    /// What its owner must be, where that matters.
    pub kind: Option<AccountKind>,
    /// Its name.
    pub name: KeyName,
    /// What is said about it, as it is.
    pub description: String,
    /// How many days it lives; as the owner's role says, unless given.
    pub days: Option<i64>,
}

/// Why a key is not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueKeyError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such account.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// Something about the key is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
    /// It breaks a rule of tokens.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// There can be no project for it.
    #[error(transparent)]
    Project(#[from] InvalidProject),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl From<NoProject> for IssueKeyError {
    fn from(error: NoProject) -> Self {
        match error {
            NoProject::Invalid(error) => Self::Project(error),
            NoProject::Store(error) => Self::Store(error),
        }
    }
}

/// Issues a key of an account.
#[instrument(name = "control.keys.issue", skip_all, fields(account.id = %command.owner))]
pub async fn issue(control: &Control, actor: Actor, command: IssueKey) -> Result<Issued, IssueKeyError> {
    let owner = command.owner;
    require(actor, owner)?;
    let project_id = project::ensure(control, actor).await?;
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    let account = work.accounts().find(owner).await?;
    let fits = |kind| command.kind.is_none_or(|wanted| wanted == kind);
    let account = account.filter(|account| fits(account.kind)).ok_or(IssueKeyError::UnknownAccount(owner))?;
    let most = most_days(account.kind);
    let default = if account.role >= Role::Manager { 30 } else { 7 };
    let days = KeyDays::parse(command.days, default, most)?;
    let new = NewToken {
        project_id,
        owner: Some(owner),
        name: command.name.into_token_name(),
        env: TokenEnv::Live,
        scopes: key_scopes(),
        endpoint_ids: Vec::new(),
        limits: TokenLimits::default(),
        metadata: Map::new(),
        expires_at: Some(days.end(at)),
    };
    let secret = TokenSecret::generate(new.env, &*control.entropy);
    let id = TokenId::mint(&*control.clock, &*control.entropy);
    let token = Token { description: command.description, ..Token::issue(id, new, &secret, at)? };
    work.tokens().insert(&token).await?;
    let entry = Entry::of_token("token.created", &token)
        .detail("scopes", token.scopes.to_string())
        .detail("accountId", owner.to_string())
        .made(&shown::token(&token));
    control.audit(&mut *work, actor, entry, at).await?;
    work.commit().await?;
    Ok(Issued { token, secret })
}
