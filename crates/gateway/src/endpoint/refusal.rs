//! Why a call of an AI endpoint is not answered, besides what every call may be refused for.

use std::time::Duration;

use promptgate_endpoints::{
    CapExceeded, InputRefusal, InvalidInput, InvalidOutput, SessionRefusal, VariableError,
};
use promptgate_projects::ProjectType;

use crate::fault::Fault;
use crate::refusal::{Refusal, Who};

/// Why a call of an AI endpoint is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointRefusal {
    /// The project has no AI endpoints.
    WrongProjectType {
        /// What it is.
        kind: ProjectType,
    },
    /// The project has no endpoint of this slug, or it is switched off.
    Unknown {
        /// The slug, shortened.
        slug: String,
    },
    /// The token may call other endpoints only.
    NotForToken {
        /// The endpoint's slug.
        slug: String,
    },
    /// The body is none that can be read, in one way only.
    Input(InvalidInput),
    /// The input has more tokens than the endpoint takes in one call.
    OverCap(CapExceeded),
    /// The body does not fit the input schema.
    Schema(InputRefusal),
    /// A variable is missing, unknown or wrong.
    Variable(VariableError),
    /// The conversation does not go on.
    Session(SessionRefusal),
    /// The conversation was removed while its turn was answered.
    SessionGone,
    /// What conversations are kept in does not answer.
    SessionsAway,
    /// What the endpoint's target names has been deleted.
    NoTarget {
        /// What is missing.
        what: String,
    },
    /// The template that the endpoint's target names is switched off.
    TemplateInactive {
        /// The template's slug.
        template: String,
    },
    /// The credential that is to be used is switched off, or cannot be opened.
    CredentialUnusable {
        /// The provider's name.
        provider: String,
    },
    /// Whoever was asked last failed, and nobody else is left.
    Failed {
        /// The provider's name.
        provider: String,
        /// How.
        fault: Fault,
    },
    /// The provider does not take the request.
    Rejected {
        /// What it said.
        message: String,
        /// What it was, for programs.
        code: &'static str,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the output schema wants.
    Output(InvalidOutput),
}

impl From<EndpointRefusal> for Refusal {
    fn from(refusal: EndpointRefusal) -> Self {
        Self::Endpoint(Box::new(refusal))
    }
}

impl EndpointRefusal {
    /// What of the common refusals has a status of its own here: whatever providers do wrong is 502,
    /// so that a client never takes it for its own doing.
    pub(crate) fn of_relay(refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Upstream { provider, fault } => Self::Failed { provider, fault }.into(),
            Refusal::CredentialUnusable { provider } => Self::CredentialUnusable { provider }.into(),
            other => other,
        }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::WrongProjectType { .. } => 400,
            Self::Input(invalid) if invalid.code == "body_too_large" => 413,
            Self::Input(_) => 400,
            Self::NotForToken { .. } | Self::Session(SessionRefusal::NotYours) => 403,
            Self::Unknown { .. } => 404,
            Self::Session(SessionRefusal::Expired { .. }) | Self::SessionGone => 410,
            Self::OverCap(_) | Self::Schema(_) | Self::Variable(_) => 422,
            Self::Session(SessionRefusal::TooManyMessages { .. } | SessionRefusal::TooManyTokens { .. }) => {
                429
            }
            Self::NoTarget { .. }
            | Self::TemplateInactive { .. }
            | Self::CredentialUnusable { .. }
            | Self::Failed { .. }
            | Self::Rejected { .. }
            | Self::Output(_) => 502,
            Self::SessionsAway => 503,
        }
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::WrongProjectType { .. } => "invalid_project_type",
            Self::Unknown { .. } => "endpoint_not_found",
            Self::NotForToken { .. } => "endpoint_not_allowed",
            Self::Input(invalid) => invalid.code,
            Self::OverCap(_) => "input_too_large",
            Self::Schema(_) => "input_invalid",
            Self::Variable(_) => "variable_invalid",
            Self::Session(SessionRefusal::NotYours) => "session_forbidden",
            Self::Session(SessionRefusal::Expired { .. }) => "session_expired",
            Self::Session(SessionRefusal::TooManyMessages { .. } | SessionRefusal::TooManyTokens { .. }) => {
                "session_full"
            }
            Self::SessionGone => "session_gone",
            Self::SessionsAway => "sessions_unavailable",
            Self::NoTarget { .. } => "endpoint_without_target",
            Self::TemplateInactive { .. } => "template_inactive",
            Self::CredentialUnusable { .. } => "provider_credential_unusable",
            Self::Failed { fault, .. } => fault.code(),
            Self::Rejected { code, .. } => code,
            Self::Output(_) => "output_invalid",
        }
    }

    pub(crate) const fn who(&self) -> Who {
        match self {
            Self::WrongProjectType { .. }
            | Self::Unknown { .. }
            | Self::Input(_)
            | Self::OverCap(_)
            | Self::Schema(_)
            | Self::Variable(_)
            | Self::Session(_)
            | Self::SessionGone => Who::Client,
            Self::NotForToken { .. } => Who::Policy,
            Self::SessionsAway
            | Self::NoTarget { .. }
            | Self::TemplateInactive { .. }
            | Self::CredentialUnusable { .. } => Who::Us,
            Self::Failed { .. } | Self::Rejected { .. } | Self::Output(_) => Who::Upstream,
        }
    }

    pub(crate) fn may_retry(&self) -> bool {
        match self {
            Self::SessionsAway | Self::Output(_) => true,
            // Whoever says when to come again means it.
            Self::Rejected { retry_after, .. } => retry_after.is_some(),
            Self::Failed { fault, .. } => fault.may_pass(),
            _ => false,
        }
    }

    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed { fault, .. } => fault.retry_after(),
            Self::Rejected { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The member of the body that is wrong.
    pub(crate) fn param(&self) -> Option<String> {
        match self {
            Self::Input(invalid) => invalid.field.clone(),
            Self::Variable(wrong) => wrong.variable().map(str::to_owned),
            Self::Session(_) => Some("session_id".to_owned()),
            _ => None,
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::WrongProjectType { kind } => wrong_type(*kind),
            Self::Unknown { slug } => {
                format!(
                    "the project has no active endpoint `{slug}`; an administrator can create or activate it"
                )
            }
            Self::NotForToken { slug } => {
                format!(
                    "the token may not call the endpoint `{slug}`; its list of endpoints does not name it"
                )
            }
            Self::Input(invalid) => invalid.to_string(),
            Self::OverCap(exceeded) => exceeded.to_string(),
            Self::Schema(refused) => refused.to_string(),
            Self::Variable(wrong) => wrong.to_string(),
            Self::Session(refused) => refused.to_string(),
            Self::SessionGone => "the session was removed meanwhile; begin a new one".to_owned(),
            Self::SessionsAway => {
                "conversations cannot be read or kept right now; try again shortly".to_owned()
            }
            Self::NoTarget { what } => {
                format!(
                    "the endpoint has nobody to ask, because {what}; an administrator must set its target anew"
                )
            }
            Self::TemplateInactive { template } => {
                format!(
                    "the template `{template}` that the endpoint uses is inactive; an administrator can activate it"
                )
            }
            Self::CredentialUnusable { provider } => format!(
                "the credential of the provider `{provider}` cannot be used; an administrator must activate it or \
                 store it anew"
            ),
            Self::Failed { provider, fault } => fault.message(provider),
            Self::Rejected { message, .. } => message.clone(),
            Self::Output(invalid) => invalid.to_string(),
        }
    }
}

/// Names the type that has endpoints, and the path that this project has instead.
fn wrong_type(kind: ProjectType) -> String {
    let instead = match kind {
        ProjectType::AiWrapper | ProjectType::AgentProxy => {
            "call POST /api/{project id}/v1/chat/completions on this one"
        }
        ProjectType::ApiGateway => "call /api/{project id}/proxy/{slug} on this one",
        ProjectType::McpGateway => "call POST /api/{project id}/mcp on this one",
        ProjectType::AiGateway => "this one is",
    };
    format!(
        "this is not an AI gateway project: endpoints belong to projects of type `ai_gateway`; {instead} (its type is `{kind}`)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_type_is_pointed_to_its_own_path() {
        for kind in [ProjectType::AiWrapper, ProjectType::AgentProxy] {
            let refusal = Refusal::from(EndpointRefusal::WrongProjectType { kind });
            assert_eq!((refusal.status(), refusal.code()), (400, "invalid_project_type"));
            let message = refusal.message();
            assert!(message.contains("not an AI gateway project"), "{message}");
            assert!(message.contains("/v1/chat/completions"), "{message}");
        }
    }

    #[test]
    fn whatever_a_provider_does_wrong_is_502_and_keeps_its_code() {
        let limited = Fault::RateLimited { message: None, retry_after: Some(Duration::from_secs(7)) };
        for (fault, code) in [
            (Fault::FirstByteTimeout, "upstream_first_byte_timeout"),
            (Fault::Overloaded { status: 529, message: None, retry_after: None }, "upstream_overloaded"),
            (limited, "upstream_rate_limited"),
            (Fault::Unreachable, "upstream_unreachable"),
        ] {
            let after = fault.retry_after();
            let upstream = Refusal::Upstream { provider: "main".into(), fault };
            let refusal = EndpointRefusal::of_relay(upstream);
            assert_eq!((refusal.status(), refusal.code()), (502, code));
            assert_eq!(refusal.problem().retry_after, after);
            assert!(refusal.message().contains("`main`"));
        }
        let credential = EndpointRefusal::of_relay(Refusal::CredentialUnusable { provider: "main".into() });
        assert_eq!(credential.status(), 502);
        let disabled = EndpointRefusal::of_relay(Refusal::ProviderDisabled { provider: "main".into() });
        assert_eq!(disabled.status(), 503);
    }
}
