//! The one way of saying no, before it has the shape of a surface.

use std::time::Duration;

use promptgate_kernel::Timestamp;
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, ProviderKind, UnknownModel};
use promptgate_tokens::{AccessDenied, MalformedToken, Scope, ScopeSet};
use promptgate_usage::Outcome;
use promptgate_wire::{ApiProblem, BadRequest};

use crate::fault::Fault;

/// Whose doing a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The client can change its request.
    Client,
    /// Somebody who manages the gateway decided it.
    Policy,
    /// The provider.
    Upstream,
    /// The gateway itself.
    Us,
}

/// Why a call is not, or not wholly, answered. A variant is what a caller would do differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing under the path.
    NoRoute {
        /// Method and path, shortened.
        asked: String,
    },
    /// The path is there, for other methods.
    WrongMethod {
        /// The method that was used.
        method: String,
    },
    /// What stands in the path in place of a project's id is none.
    NoProjectId {
        /// What it is, shortened.
        text: String,
    },
    /// No token came with the request.
    MissingToken,
    /// What came cannot be a token.
    MalformedToken(MalformedToken),
    /// There is no such token, or it was revoked or switched off; clients are not told which.
    InvalidToken,
    /// The token's time is over.
    ExpiredToken {
        /// Since when.
        at: Timestamp,
    },
    /// The store cannot be asked whether the token is known.
    AuthUnavailable,
    /// The token does not have the scope.
    MissingScope {
        /// What the route needs.
        required: Scope,
        /// What the token has.
        granted: ScopeSet,
    },
    /// The token belongs to another project.
    ForeignProject,
    /// The project is switched off, or deleted.
    ProjectInactive,
    /// The project is of a type that has no such route.
    WrongProjectType {
        /// What it is.
        kind: ProjectType,
    },
    /// The body is too large.
    BodyTooLarge {
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// The body did not arrive in time.
    SlowUpload {
        /// What is allowed.
        limit: Duration,
    },
    /// The body broke off.
    BrokenUpload,
    /// The body is not one that is passed on.
    BadRequest(BadRequest),
    /// Nobody answers the model.
    UnknownModel {
        /// What was asked for and which ways there are.
        message: String,
    },
    /// The provider is switched off.
    ProviderDisabled {
        /// Its name.
        provider: String,
    },
    /// No provider is switched on.
    NoProvider,
    /// The provider does not speak the protocol of the route.
    WrongRoute {
        /// Its name.
        provider: String,
        /// Its kind.
        kind: ProviderKind,
        /// What was asked for.
        operation: Operation,
    },
    /// The provider's credential cannot be opened.
    CredentialUnusable {
        /// The provider's name.
        provider: String,
    },
    /// What the call costs could not be kept.
    NoRoomForUsage,
    /// The process is about to end.
    ShuttingDown,
    /// The provider failed.
    Upstream {
        /// Its name.
        provider: String,
        /// How.
        fault: Fault,
    },
}

impl From<AccessDenied> for Refusal {
    fn from(denied: AccessDenied) -> Self {
        match denied {
            AccessDenied::Revoked => Self::InvalidToken,
            AccessDenied::Expired { at } => Self::ExpiredToken { at },
            AccessDenied::MissingScope { required, granted } => Self::MissingScope { required, granted },
            AccessDenied::ForeignProject => Self::ForeignProject,
        }
    }
}

impl From<UnknownModel> for Refusal {
    fn from(unknown: UnknownModel) -> Self {
        match unknown {
            UnknownModel::Disabled { provider } | UnknownModel::NotAllowed { provider } => Self::ProviderDisabled { provider },
            UnknownModel::NoProvider => Self::NoProvider,
            UnknownModel::NoMatch { .. } | UnknownModel::NoAlias { .. } => Self::UnknownModel { message: unknown.to_string() },
        }
    }
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) | Self::WrongProjectType { .. } | Self::WrongRoute { .. } => 400,
            Self::BrokenUpload => 400,
            Self::MissingToken | Self::MalformedToken(_) | Self::InvalidToken | Self::ExpiredToken { .. } => {
                401
            }
            Self::MissingScope { .. } | Self::ForeignProject | Self::ProjectInactive => 403,
            Self::UnknownModel { .. } | Self::NoRoute { .. } | Self::NoProjectId { .. } => 404,
            Self::WrongMethod { .. } => 405,
            Self::SlowUpload { .. } => 408,
            Self::BodyTooLarge { .. } => 413,
            Self::AuthUnavailable
            | Self::ProviderDisabled { .. }
            | Self::NoProvider
            | Self::CredentialUnusable { .. }
            | Self::NoRoomForUsage
            | Self::ShuttingDown => 503,
            Self::Upstream { fault, .. } => fault.status(),
        }
    }

    /// The stable name for programs and records.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRoute { .. } => "route_not_found",
            Self::WrongMethod { .. } => "method_not_allowed",
            Self::NoProjectId { .. } => "project_not_found",
            Self::MissingToken => "missing_auth_credentials",
            Self::MalformedToken(_) => "malformed_token",
            Self::InvalidToken => "invalid_token",
            Self::ExpiredToken { .. } => "expired_token",
            Self::AuthUnavailable => "auth_unavailable",
            Self::MissingScope { .. } => "missing_scope",
            Self::ForeignProject => "foreign_project",
            Self::ProjectInactive => "project_inactive",
            Self::WrongProjectType { .. } => "invalid_project_type",
            Self::BodyTooLarge { .. } => "request_body_too_large",
            Self::SlowUpload { .. } => "request_timeout",
            Self::BrokenUpload => "request_body_incomplete",
            Self::BadRequest(bad) => bad.code,
            Self::UnknownModel { .. } => "model_not_found",
            Self::ProviderDisabled { .. } => "provider_disabled",
            Self::NoProvider => "no_provider",
            Self::WrongRoute { .. } => "operation_not_supported",
            Self::CredentialUnusable { .. } => "provider_credential_unusable",
            Self::NoRoomForUsage => "usage_spool_full",
            Self::ShuttingDown => "shutting_down",
            Self::Upstream { fault, .. } => fault.code(),
        }
    }

    /// Whose doing it is.
    pub const fn who(&self) -> Who {
        match self {
            Self::NoRoute { .. }
            | Self::WrongMethod { .. }
            | Self::NoProjectId { .. }
            | Self::MissingToken
            | Self::MalformedToken(_)
            | Self::InvalidToken
            | Self::ExpiredToken { .. }
            | Self::ForeignProject
            | Self::WrongProjectType { .. }
            | Self::BodyTooLarge { .. }
            | Self::SlowUpload { .. }
            | Self::BrokenUpload
            | Self::BadRequest(_)
            | Self::UnknownModel { .. }
            | Self::WrongRoute { .. } => Who::Client,
            Self::MissingScope { .. }
            | Self::ProjectInactive
            | Self::ProviderDisabled { .. }
            | Self::NoProvider => Who::Policy,
            Self::AuthUnavailable
            | Self::CredentialUnusable { .. }
            | Self::NoRoomForUsage
            | Self::ShuttingDown => Who::Us,
            Self::Upstream { .. } => Who::Upstream,
        }
    }

    /// How the call ended, for its record.
    pub const fn outcome(&self) -> Outcome {
        match self.who() {
            Who::Client | Who::Policy => Outcome::Refused,
            Who::Upstream => Outcome::UpstreamFailed,
            Who::Us => Outcome::GatewayFailed,
        }
    }

    /// Whether the same request may succeed when it is sent again.
    pub const fn may_retry(&self) -> bool {
        match self {
            Self::AuthUnavailable
            | Self::NoRoomForUsage
            | Self::ShuttingDown
            | Self::SlowUpload { .. }
            | Self::BrokenUpload => true,
            Self::Upstream { fault, .. } => fault.may_pass(),
            _ => false,
        }
    }

    /// One sentence that names what to do.
    pub fn message(&self) -> String {
        match self {
            Self::NoRoute { asked } => {
                format!("there is no route {asked}; the model API is below /api/{{project id}}/v1")
            }
            Self::WrongMethod { method } => {
                format!("the route does not answer {method}; the header `Allow` names the methods it does")
            }
            Self::NoProjectId { text } => format!(
                "`{text}` is no project id; the path is /api/{{project id}}/v1/…, the id being a UUID"
            ),
            Self::MissingToken => {
                "no token: send a PromptGate token as `Authorization: Bearer pg_live_…` or as \
                                   `x-api-key`"
                    .into()
            }
            Self::MalformedToken(reason) => format!("the token's format is invalid: {reason}"),
            Self::InvalidToken => "the token is invalid or revoked; ask for a new one".into(),
            Self::ExpiredToken { at } => format!("the token expired at {at}; ask for a new one"),
            Self::AuthUnavailable => "the token cannot be checked right now; try again shortly".into(),
            Self::MissingScope { required, granted } => {
                format!("the scope `{required}` is required; this token has: {granted}")
            }
            Self::ForeignProject => {
                "the token does not belong to this project; use the base URL of the token's \
                                     own project"
                    .into()
            }
            Self::ProjectInactive => "the project is inactive; an administrator can activate it".into(),
            Self::WrongProjectType { kind } => format!(
                "the /v1 routes belong to projects of type `ai_wrapper` or `agent_proxy`; this one is `{kind}`"
            ),
            Self::BodyTooLarge { limit } => format!("the request body may have at most {limit} bytes"),
            Self::SlowUpload { limit } => {
                format!("the request body did not arrive within {} seconds", limit.as_secs_f32())
            }
            Self::BrokenUpload => "the request body broke off before its end".into(),
            Self::BadRequest(bad) => bad.message.clone(),
            Self::UnknownModel { message } => message.clone(),
            Self::ProviderDisabled { provider } => {
                format!("the provider `{provider}` is switched off; use a model of another one")
            }
            Self::NoProvider => UnknownModel::NoProvider.to_string(),
            Self::WrongRoute { provider, kind, operation } => wrong_route(provider, *kind, *operation),
            Self::CredentialUnusable { provider } => format!(
                "the credential of the provider `{provider}` cannot be used; an administrator must store it anew"
            ),
            Self::NoRoomForUsage => {
                "usage cannot be recorded right now, so no call is answered; try again shortly".into()
            }
            Self::ShuttingDown => "this instance is shutting down; try again".into(),
            Self::Upstream { provider, fault } => fault.message(provider),
        }
    }

    /// The refusal as every surface renders it.
    pub fn problem(&self) -> ApiProblem {
        ApiProblem {
            status: self.status(),
            code: self.code(),
            message: self.message(),
            param: match self {
                Self::BadRequest(bad) => bad.field.clone(),
                Self::UnknownModel { .. } | Self::WrongRoute { .. } => Some("model".into()),
                _ => None,
            },
            retry_after: match self {
                Self::AuthUnavailable | Self::NoRoomForUsage | Self::ShuttingDown => {
                    Some(Duration::from_secs(1))
                }
                Self::Upstream { fault, .. } => fault.retry_after(),
                _ => None,
            },
        }
    }
}

fn wrong_route(provider: &str, kind: ProviderKind, operation: Operation) -> String {
    let other = [Operation::ChatCompletions, Operation::Messages]
        .into_iter()
        .find(|other| operation != Operation::Embeddings && kind.serves(*other));
    match other {
        Some(other) => format!(
            "the provider `{provider}` does not speak the protocol of {}; send the request in the format of \
             {} to that route",
            operation.path(),
            other.path()
        ),
        None => format!(
            "the provider `{provider}` of type {kind} does not serve {}; use a model of another provider",
            operation.path()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_route_names_the_right_one() {
        let message = |kind, operation| wrong_route("main", kind, operation);
        assert!(message(ProviderKind::Anthropic, Operation::ChatCompletions).contains("/v1/messages"));
        assert!(
            message(ProviderKind::OpenAi, Operation::Messages).contains("format of /v1/chat/completions")
        );
        assert!(message(ProviderKind::Anthropic, Operation::Embeddings).contains("another provider"));
    }

    #[test]
    fn what_the_store_or_a_provider_cannot_do_now_may_be_tried_again() {
        let upstream = |fault| Refusal::Upstream { provider: "main".into(), fault };
        assert!(Refusal::AuthUnavailable.may_retry());
        assert!(upstream(Fault::FirstByteTimeout).may_retry());
        assert!(!upstream(Fault::AuthFailed { status: 401 }).may_retry());
        assert!(!Refusal::ProviderDisabled { provider: "main".into() }.may_retry());
    }
}
