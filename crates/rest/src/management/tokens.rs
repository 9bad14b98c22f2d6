//! `/api/{uuid}/admin/tokens` and `/api/{uuid}/tokens/children`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use promptgate_control::Control;
use promptgate_control::tokens::{self, IssueToken, Issued, MintTokenError, TokenAddress};
use promptgate_kernel::{ProjectId, Timestamp};
use promptgate_tokens::{AccessDenied, NewChild, Overlap, Scope, ScopeSet, TokenEnv, TokenLimits, TokenName};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body;
use super::door::{Admitted, Knock};
use super::limits::{ManagedModelLimits, models};
use super::view::{IssuedView, RevokedView};
use crate::admin::tokens::{dollars, parse_endpoints, parse_scopes};
use crate::body::or_default;
use crate::error::ApiError;
use crate::introspection::{Answer, Problem, ProjectError};

const MAX_SUBJECT: usize = 200;

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ManagedTokenBody)]
pub(super) struct TokenBody {
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required, min_length = 1, max_length = 120)]
    name: String,
    /// `live` (default) or `test`. A minted token has that of its parent.
    env: Option<String>,
    /// What it opens; by default what the project's type needs at run time, or what the parent has of
    /// that. What manages only if the token that asks has it.
    scopes: Option<Vec<String>>,
    /// `self` mints the token below the one that asks: it has nothing that one does not have, and ends
    /// with it.
    parent: Option<String>,
    /// Who it is for; kept in the audit log.
    #[schema(max_length = 200)]
    subject_id: Option<String>,
    /// The endpoints it may call; empty or null means all.
    #[schema(max_items = 1000)]
    endpoint_ids: Option<Vec<String>>,
    #[schema(minimum = 1)]
    rate_limit_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    rate_limit_per_hour: Option<u32>,
    /// In US dollars.
    #[schema(minimum = 0)]
    monthly_budget_usd_cap: Option<f64>,
    /// In US dollars.
    #[schema(minimum = 0)]
    daily_budget_usd_cap: Option<f64>,
    #[schema(minimum = 1)]
    daily_token_cap: Option<u64>,
    #[schema(minimum = 1)]
    monthly_token_cap: Option<u64>,
    #[schema(minimum = 1)]
    token_rate_limit_per_minute: Option<u64>,
    #[schema(minimum = 1)]
    token_rate_limit_per_hour: Option<u64>,
    #[schema(minimum = 1)]
    max_concurrent_requests: Option<u32>,
    #[schema(minimum = 1)]
    request_token_cap: Option<u64>,
    /// How much single models may be used, besides, by their exact ids.
    model_limits: Option<BTreeMap<String, ManagedModelLimits>>,
    /// Free data, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// When it stops working; never, or with its parent, unless given.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
}

/// How a secret is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ManagedRotationBody)]
pub(super) struct RotationBody {
    /// For how long the old secret works besides the new one; not at all unless given.
    #[schema(maximum = 604_800)]
    overlap_seconds: Option<u64>,
}

/// Issues a token of the project. Needs the scope `tokens:write`. What a minted token issues is minted
/// below it.
#[utoipa::path(post, path = "/api/{uuid}/admin/tokens", tag = "management", operation_id = "issue_token",
    params(("uuid" = String, Path, description = "The project")),
    request_body = TokenBody,
    responses(
        (status = CREATED, body = Answer<IssuedView>),
        (status = UNPROCESSABLE_ENTITY, description = "The body is wrong, by `errors`", body = Problem),
    ))]
pub(super) async fn issue(
    State(control): State<Arc<Control>>,
    knock: Knock,
    request: Request,
) -> Result<(StatusCode, Json<Answer<IssuedView>>), ProjectError> {
    let admitted = knock.manage(&control, Scope::TokensWrite).await?;
    let body: TokenBody = body::read(request).await?;
    let issued = match body.parent.as_deref() {
        // What a minted token makes has no more than it has, and ends with it.
        None if admitted.caller.token.parent.is_some() => mint_below(&control, &admitted, body).await?,
        None => {
            let command = body.into_command(admitted.caller.project.id)?;
            tokens::issue(&control, admitted.actor(), command).await.map_err(ApiError::from)?
        }
        Some("self") => mint_below(&control, &admitted, body).await?,
        Some(_) => return Err(ProjectError::of_field("parent", "parent must be `self`, or left out")),
    };
    Ok((StatusCode::CREATED, Json(Answer::of(issued.into()))))
}

/// Mints a token below the one that asks: it has nothing that one does not have, and ends with it. Every
/// token may.
#[utoipa::path(post, path = "/api/{uuid}/tokens/children", tag = "management", operation_id = "mint_token",
    params(("uuid" = String, Path, description = "The project")),
    request_body = TokenBody,
    responses(
        (status = CREATED, body = Answer<IssuedView>),
        (status = UNPROCESSABLE_ENTITY, description = "The body is wrong, by `errors`", body = Problem),
    ))]
pub(super) async fn mint(
    State(control): State<Arc<Control>>,
    knock: Knock,
    request: Request,
) -> Result<(StatusCode, Json<Answer<IssuedView>>), ProjectError> {
    let admitted = knock.mint(&control).await?;
    let body: TokenBody = body::read(request).await?;
    if body.parent.as_deref().is_some_and(|parent| parent != "self") {
        return Err(ProjectError::of_field("parent", "parent must be `self`, or left out"));
    }
    let issued = mint_below(&control, &admitted, body).await?;
    Ok((StatusCode::CREATED, Json(Answer::of(issued.into()))))
}

async fn mint_below(control: &Control, admitted: &Admitted, body: TokenBody) -> Result<Issued, ProjectError> {
    let wanted = body.into_command(admitted.caller.project.id)?;
    let new = NewChild {
        name: wanted.name,
        scopes: wanted.scopes,
        endpoint_ids: wanted.endpoint_ids,
        limits: wanted.limits,
        metadata: wanted.metadata,
        expires_at: wanted.expires_at,
    };
    Ok(tokens::mint(control, admitted.origin, &admitted.caller, new).await?)
}

/// Gives a token of the project a new secret. Needs the scope `tokens:write`, and whatever the token may
/// manage.
#[utoipa::path(post, path = "/api/{uuid}/admin/tokens/{tokenUuid}/rotate", tag = "management",
    operation_id = "rotate_token",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("tokenUuid" = String, Path, description = "The token"),
    ),
    request_body = Option<RotationBody>,
    responses(
        (status = OK, body = Answer<IssuedView>),
        (status = NOT_FOUND, description = "The project has no such token", body = Problem),
        (status = CONFLICT, description = "It was revoked, or is being changed", body = Problem),
        (status = UNPROCESSABLE_ENTITY, description = "The body is wrong, by `errors`", body = Problem),
    ))]
pub(super) async fn rotate(
    State(control): State<Arc<Control>>,
    knock: Knock,
    request: Request,
) -> Result<Json<Answer<IssuedView>>, ProjectError> {
    let admitted = knock.manage(&control, Scope::TokensWrite).await?;
    let body: RotationBody = body::read_optional(request).await?;
    let overlap = Overlap::parse(body.overlap_seconds.unwrap_or_default()).map_err(ApiError::from)?;
    let address = address(&knock, &admitted)?;
    let rotated = tokens::rotate(&control, admitted.actor(), address, overlap).await;
    Ok(Json(Answer::of(rotated.map_err(ApiError::from)?.into())))
}

/// Revokes a token of the project, and every token that it minted, for good; repeating it changes nothing.
/// Needs the scope `tokens:write`. No token revokes itself.
#[utoipa::path(delete, path = "/api/{uuid}/admin/tokens/{tokenUuid}", tag = "management",
    operation_id = "revoke_token",
    params(
        ("uuid" = String, Path, description = "The project"),
        ("tokenUuid" = String, Path, description = "The token"),
    ),
    responses(
        (status = OK, body = Answer<RevokedView>),
        (status = NOT_FOUND, description = "The project has no such token", body = Problem),
        (status = CONFLICT, description = "It is being changed", body = Problem),
        (status = UNPROCESSABLE_ENTITY, description = "It is the token that asks, or one that it comes from",
            body = Problem),
    ))]
pub(super) async fn revoke(
    State(control): State<Arc<Control>>,
    knock: Knock,
) -> Result<Json<Answer<RevokedView>>, ProjectError> {
    let admitted = knock.manage(&control, Scope::TokensWrite).await?;
    let address = address(&knock, &admitted)?;
    tokens::revoke(&control, admitted.actor(), address).await.map_err(ApiError::from)?;
    Ok(Json(Answer::of(RevokedView { uuid: address.id, is_active: false })))
}

fn address(knock: &Knock, admitted: &Admitted) -> Result<TokenAddress, ProjectError> {
    let missing = |_| ProjectError::new(StatusCode::NOT_FOUND, "the project has no such token");
    let id = knock.segment("tokenUuid").parse().map_err(missing)?;
    Ok(TokenAddress { id, project: Some(admitted.caller.project.id) })
}

impl TokenBody {
    fn into_command(self, project_id: ProjectId) -> Result<IssueToken, ProjectError> {
        let env = self.env.as_deref().map(str::parse::<TokenEnv>).transpose();
        if self.subject_id.as_ref().is_some_and(|subject| subject.chars().count() > MAX_SUBJECT) {
            return Err(ProjectError::of_field("subject_id", "subject_id must have at most 200 characters"));
        }
        let amount = |field, cap: Option<f64>| cap.map(|cap| dollars(field, cap)).transpose();
        let scopes: Option<ScopeSet> = self.scopes.as_deref().map(parse_scopes).transpose()?;
        Ok(IssueToken {
            project_id,
            name: TokenName::parse(&self.name).map_err(ApiError::from)?,
            env: env.map_err(|error| ProjectError::of_field("env", error))?.unwrap_or_default(),
            scopes,
            endpoint_ids: parse_endpoints(&self.endpoint_ids.unwrap_or_default())?,
            limits: TokenLimits {
                rate_limit_per_minute: self.rate_limit_per_minute,
                rate_limit_per_hour: self.rate_limit_per_hour,
                monthly_budget_usd_cap: amount("monthlyBudgetUsdCap", self.monthly_budget_usd_cap)
                    .map_err(ApiError::from)?,
                daily_budget_usd_cap: amount("dailyBudgetUsdCap", self.daily_budget_usd_cap)
                    .map_err(ApiError::from)?,
                daily_token_cap: self.daily_token_cap,
                monthly_token_cap: self.monthly_token_cap,
                token_rate_limit_per_minute: self.token_rate_limit_per_minute,
                token_rate_limit_per_hour: self.token_rate_limit_per_hour,
                max_concurrent_requests: self.max_concurrent_requests,
                request_token_cap: self.request_token_cap,
                model_limits: models(self.model_limits),
            },
            metadata: self.metadata.unwrap_or_default(),
            expires_at: self.expires_at,
            subject_id: self.subject_id,
        })
    }
}

impl From<MintTokenError> for ProjectError {
    fn from(error: MintTokenError) -> Self {
        match error {
            MintTokenError::Refused(error @ (AccessDenied::Revoked | AccessDenied::Expired { .. })) => {
                Self::new(StatusCode::UNAUTHORIZED, error.to_string())
            }
            MintTokenError::Refused(
                error @ (AccessDenied::MissingScope { .. } | AccessDenied::ForeignProject),
            ) => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            MintTokenError::Invalid(error) => ApiError::from(error).into(),
            MintTokenError::Store(error) => error.into(),
        }
    }
}
