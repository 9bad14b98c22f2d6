//! What is said with a refusal.

use promptgate_access::StandingRefused;
use promptgate_projects::ProjectType;
use promptgate_providers::{Operation, ProviderKind, UnknownModel};

use super::Refusal;

impl Refusal {
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
            Self::AccountInactive => StandingRefused::Inactive.to_string(),
            Self::InsufficientRole => StandingRefused::NoRole.to_string(),
            Self::AddressDenied { address, .. } => format!(
                "calls from the address {address} are kept out by the network rules of the gateway; the record \
                 of this call tells an administrator which rule that was"
            ),
            Self::GroupAccessDenied { what } => format!(
                "{what} is allowed by none of the account's access groups, or excluded by one; use another \
                 one, or let an administrator put the account into a group that allows it"
            ),
            Self::GroupModelRequired => {
                "the body names no model, which access groups are checked by; put it into `model`".into()
            }
            Self::WrongProjectType { kind } => wrong_type(*kind),
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
            Self::ProviderNotAllowed { provider } => format!(
                "the provider `{provider}` is not enabled for this project; use a model of another one, or let \
                 an administrator enable it in the project's provider settings"
            ),
            Self::UnknownProvider { name } => format!("there is no provider `{name}`"),
            Self::Unsupported { provider, kind, operation } => unsupported(provider, *kind, *operation),
            Self::NoSuchResponse => not_kept("response"),
            Self::NoSuchConversation => not_kept("conversation"),
            Self::PinGone => {
                "the provider or credential that keeps this is no longer in use; begin anew, without the id or \
                 the encrypted reasoning, or let an administrator activate it again"
                    .into()
            }
            Self::PinnedElsewhere { provider } => format!(
                "what this continues is kept by the provider `{provider}`; name a model of it, or begin anew"
            ),
            Self::CredentialUnusable { provider } => format!(
                "no credential of the provider `{provider}` can be used; an administrator must activate one or \
                 store it anew"
            ),
            Self::NoRoomForUsage => {
                "usage cannot be recorded right now, so no call is answered; try again shortly".into()
            }
            Self::NoRoomForBody => {
                "the bodies of other calls take all the memory that there is for them; try again shortly".into()
            }
            Self::ShuttingDown => "this instance is shutting down; try again".into(),
            Self::Upstream { provider, fault } => fault.message(provider),
            Self::Guardrail(refusal) => refusal.message(),
            Self::Limit(refusal) => refusal.message(),
            Self::GuardFailed => "the guardrails could not read this, and so it does not pass".into(),
            Self::Idempotency(refusal) => refusal.message(),
            Self::Endpoint(refusal) => refusal.message(),
        }
    }
}

/// Names both types that have the route, and the path that this project has instead.
fn wrong_type(kind: ProjectType) -> String {
    let instead = match kind {
        ProjectType::AiGateway => {
            "this one is not: call POST /api/{project id}/{endpoint's slug} or \
                                   /api/{project id}/chat/completions"
        }
        ProjectType::ApiGateway => "this one is not: call /api/{project id}/proxy/{slug}",
        ProjectType::McpGateway => "this one is not: call POST /api/{project id}/mcp",
        ProjectType::AiWrapper | ProjectType::AgentProxy => "this one is",
    };
    format!(
        "the model API (/v1/chat/completions and its neighbours) belongs to projects of type `ai_wrapper` or \
         `agent_proxy`; {instead} (its type is `{kind}`)"
    )
}

fn not_kept(kept: &str) -> String {
    format!("no {kept} of this token has the id; what another token made, or nobody stored, cannot be used")
}

fn unsupported(provider: &str, kind: ProviderKind, operation: Operation) -> String {
    let what = match operation {
        Operation::Embeddings => "embeddings",
        Operation::CountTokens => "token counts",
        Operation::ChatCompletions | Operation::Responses | Operation::Messages => "chats",
    };
    format!(
        "{what} are unsupported by the provider `{provider}` of type `{kind}`; use a model of another provider"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_cannot_do_is_named_with_it() {
        let message = unsupported("claude", ProviderKind::Anthropic, Operation::Embeddings);
        assert!(message.starts_with("embeddings are unsupported by the provider `claude`"), "{message}");
    }

    #[test]
    fn a_wrong_type_names_the_right_ones_and_the_way() {
        let message = wrong_type(ProjectType::AiGateway);
        for word in ["ai_wrapper", "agent_proxy", "ai_gateway", "/v1/chat/completions", "{endpoint's slug}"] {
            assert!(message.contains(word), "{message}");
        }
    }
}
