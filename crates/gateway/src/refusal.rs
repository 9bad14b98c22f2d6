//! The one way of saying no, before it has the shape of a surface.

mod message;

use std::net::IpAddr;
use std::time::Duration;

use promptgate_access::StandingRefused;
use promptgate_kernel::Timestamp;
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, ProviderKind, UnknownModel};
use promptgate_tokens::{AccessDenied, MalformedToken, Scope, ScopeSet};
use promptgate_usage::Outcome;
use promptgate_wire::{ApiProblem, BadRequest};

use crate::allowance::LimitRefusal;
use crate::endpoint::EndpointRefusal;
use crate::fault::Fault;
use crate::guardrails::GuardRefusal;
use crate::idempotency::IdempotencyRefusal;

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
    /// The account that the token acts for is switched off or gone.
    AccountInactive,
    /// The account that the token acts for has no role, or its access ended.
    InsufficientRole,
    /// The network rules keep the client's address out.
    AddressDenied {
        /// The address.
        address: IpAddr,
        /// Whose rules those are: `global`, `person`, `service`, `project`, `token`.
        scope: &'static str,
    },
    /// A guardrail refuses it.
    Guardrail(GuardRefusal),
    /// Guardrails could not read it.
    GuardFailed,
    /// No group of the account allows it.
    GroupAccessDenied {
        /// What: a provider or a model.
        what: String,
    },
    /// An account names no model, so that nothing can be allowed.
    GroupModelRequired,
    /// The project is of a type that has no such route.
    WrongProjectType {
        /// What it is.
        kind: ProjectType,
    },
    /// There is no provider of the name in the path.
    UnknownProvider {
        /// The name.
        name: String,
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
    /// The project may not use the provider.
    ProviderNotAllowed {
        /// Its name.
        provider: String,
    },
    /// No provider is switched on.
    NoProvider,
    /// The provider has nothing that could answer.
    Unsupported {
        /// Its name.
        provider: String,
        /// Its kind.
        kind: ProviderKind,
        /// What was asked for.
        operation: Operation,
    },
    /// No response that the token's calls made has this id.
    NoSuchResponse,
    /// No conversation that the token's calls made has this id.
    NoSuchConversation,
    /// What is to be continued was made with a provider or credential that is no longer there.
    PinGone,
    /// What is to be continued is kept by another provider than the model is asked of.
    PinnedElsewhere {
        /// The one that keeps it.
        provider: String,
    },
    /// None of the provider's credentials can be used.
    CredentialUnusable {
        /// The provider's name.
        provider: String,
    },
    /// What the call costs could not be kept.
    NoRoomForUsage,
    /// The bodies of other calls take all the memory that there is for them.
    NoRoomForBody,
    /// The process is about to end.
    ShuttingDown,
    /// The provider failed.
    Upstream {
        /// Its name.
        provider: String,
        /// How.
        fault: Fault,
    },
    /// It may not use what it needs.
    Limit(Box<LimitRefusal>),
    /// What only calls that are to be made once are refused for.
    Idempotency(IdempotencyRefusal),
    /// What only calls of AI endpoints are refused for.
    Endpoint(Box<EndpointRefusal>),
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

impl From<StandingRefused> for Refusal {
    fn from(refused: StandingRefused) -> Self {
        match refused {
            StandingRefused::Inactive => Self::AccountInactive,
            StandingRefused::NoRole => Self::InsufficientRole,
        }
    }
}

impl From<UnknownModel> for Refusal {
    fn from(unknown: UnknownModel) -> Self {
        match unknown {
            UnknownModel::Disabled { provider } => Self::ProviderDisabled { provider },
            UnknownModel::NotAllowed { provider } => Self::ProviderNotAllowed { provider },
            UnknownModel::NoProvider => Self::NoProvider,
            UnknownModel::NoMatch { .. } | UnknownModel::NoAlias { .. } => {
                Self::UnknownModel { message: unknown.to_string() }
            }
        }
    }
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(bad) => bad.status(),
            Self::BrokenUpload
            | Self::WrongProjectType { .. }
            | Self::ProviderNotAllowed { .. }
            | Self::Unsupported { .. }
            | Self::PinnedElsewhere { .. } => 400,
            Self::MissingToken | Self::MalformedToken(_) | Self::InvalidToken | Self::ExpiredToken { .. } => {
                401
            }
            Self::MissingScope { .. }
            | Self::ForeignProject
            | Self::ProjectInactive
            | Self::AccountInactive
            | Self::InsufficientRole
            | Self::AddressDenied { .. }
            | Self::GroupAccessDenied { .. }
            | Self::GroupModelRequired => 403,
            Self::UnknownModel { .. }
            | Self::UnknownProvider { .. }
            | Self::NoSuchResponse
            | Self::NoSuchConversation
            | Self::NoRoute { .. }
            | Self::NoProjectId { .. } => 404,
            Self::WrongMethod { .. } => 405,
            Self::SlowUpload { .. } => 408,
            Self::PinGone => 410,
            Self::BodyTooLarge { .. } => 413,
            Self::AuthUnavailable
            | Self::ProviderDisabled { .. }
            | Self::NoProvider
            | Self::CredentialUnusable { .. }
            | Self::NoRoomForUsage
            | Self::NoRoomForBody
            | Self::GuardFailed
            | Self::ShuttingDown => 503,
            Self::Upstream { fault, .. } => fault.status(),
            Self::Guardrail(refusal) => refusal.status(),
            Self::Limit(refusal) => refusal.status(),
            Self::Idempotency(refusal) => refusal.status(),
            Self::Endpoint(refusal) => refusal.status(),
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
            Self::AccountInactive => "account_inactive",
            Self::InsufficientRole => "insufficient_role",
            Self::AddressDenied { .. } => "firewall_denied",
            Self::GroupAccessDenied { .. } => "group_access_denied",
            Self::GroupModelRequired => "group_model_required",
            Self::WrongProjectType { .. } => "invalid_project_type",
            Self::BodyTooLarge { .. } => "request_body_too_large",
            Self::SlowUpload { .. } => "request_timeout",
            Self::BrokenUpload => "request_body_incomplete",
            Self::BadRequest(bad) => bad.code,
            Self::UnknownModel { .. } => "model_not_found",
            Self::ProviderDisabled { .. } => "provider_disabled",
            Self::NoProvider => "no_provider",
            Self::ProviderNotAllowed { .. } => "provider_not_enabled",
            Self::UnknownProvider { .. } => "provider_not_found",
            Self::Unsupported { .. } => "unsupported_by_provider",
            Self::NoSuchResponse => "response_not_found",
            Self::NoSuchConversation => "conversation_not_found",
            Self::PinGone => "response_pin_gone",
            Self::PinnedElsewhere { .. } => "response_pinned",
            Self::CredentialUnusable { .. } => "provider_credential_unusable",
            Self::NoRoomForUsage => "usage_spool_full",
            Self::NoRoomForBody => "bodies_full",
            Self::ShuttingDown => "shutting_down",
            Self::Upstream { fault, .. } => fault.code(),
            Self::Guardrail(refusal) => refusal.code(),
            Self::GuardFailed => "guardrail_failed",
            Self::Limit(refusal) => refusal.code(),
            Self::Idempotency(refusal) => refusal.code(),
            Self::Endpoint(refusal) => refusal.code(),
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
            | Self::GroupModelRequired
            | Self::BodyTooLarge { .. }
            | Self::SlowUpload { .. }
            | Self::BrokenUpload
            | Self::BadRequest(_)
            | Self::UnknownModel { .. }
            | Self::UnknownProvider { .. }
            | Self::Unsupported { .. }
            | Self::NoSuchResponse
            | Self::NoSuchConversation
            | Self::PinnedElsewhere { .. } => Who::Client,
            Self::MissingScope { .. }
            | Self::ProjectInactive
            | Self::AccountInactive
            | Self::InsufficientRole
            | Self::AddressDenied { .. }
            | Self::GroupAccessDenied { .. }
            | Self::ProviderDisabled { .. }
            | Self::ProviderNotAllowed { .. }
            | Self::PinGone
            | Self::Guardrail(_)
            | Self::NoProvider => Who::Policy,
            Self::AuthUnavailable
            | Self::CredentialUnusable { .. }
            | Self::NoRoomForUsage
            | Self::NoRoomForBody
            | Self::ShuttingDown
            | Self::GuardFailed
            | Self::Upstream { fault: Fault::NoRoom, .. } => Who::Us,
            Self::Upstream { .. } => Who::Upstream,
            Self::Limit(refusal) => refusal.who(),
            Self::Idempotency(refusal) => refusal.who(),
            Self::Endpoint(refusal) => refusal.who(),
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
    pub fn may_retry(&self) -> bool {
        match self {
            Self::AuthUnavailable
            | Self::NoRoomForUsage
            | Self::NoRoomForBody
            | Self::ShuttingDown
            | Self::SlowUpload { .. }
            | Self::BrokenUpload => true,
            Self::Upstream { fault, .. } => fault.may_pass(),
            Self::Limit(refusal) => refusal.may_retry(),
            Self::Idempotency(refusal) => refusal.may_retry(),
            Self::Endpoint(refusal) => refusal.may_retry(),
            _ => false,
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
                Self::UnknownModel { .. } | Self::Unsupported { .. } | Self::PinnedElsewhere { .. } => {
                    Some("model".into())
                }
                Self::Idempotency(refusal) => refusal.param(),
                Self::Endpoint(refusal) => refusal.param(),
                _ => None,
            },
            retry_after: match self {
                Self::AuthUnavailable
                | Self::NoRoomForUsage
                | Self::NoRoomForBody
                | Self::ShuttingDown
                | Self::Upstream { fault: Fault::NoRoom, .. } => Some(Duration::from_secs(1)),
                Self::Upstream { fault, .. } => fault.retry_after(),
                Self::Limit(refusal) => refusal.retry_after(),
                Self::Idempotency(refusal) => refusal.retry_after(),
                Self::Endpoint(refusal) => refusal.retry_after(),
                _ => None,
            },
            kind: match self {
                Self::Limit(refusal) => refusal.kind(),
                _ => None,
            },
            details: match self {
                Self::Limit(refusal) => refusal.details(),
                _ => serde_json::Map::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_or_a_provider_cannot_do_now_may_be_tried_again() {
        let upstream = |fault| Refusal::Upstream { provider: "main".into(), fault };
        assert!(Refusal::AuthUnavailable.may_retry());
        assert!(upstream(Fault::FirstByteTimeout).may_retry());
        assert!(!upstream(Fault::AuthFailed { status: 401 }).may_retry());
        assert!(!Refusal::ProviderDisabled { provider: "main".into() }.may_retry());
    }
}
