//! Requests that pass a provider's own API as they are: they name nothing that is chosen here, and
//! lead to where the thing is kept.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use promptgate_providers::{Feature, Operation, WireFormat};
use promptgate_wire::BadRequest;
use serde::de::IgnoredAny;

use crate::address::{Addressed, check_granted, check_open, model_project, named_provider};
use crate::affinity::{AnswerIds, Holder, Kept, Pin};
use crate::authenticate::Authenticated;
use crate::candidate::{Ask, Candidate, Forward};
use crate::pipeline::Shared;
use crate::receive::{Entry, Route};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::snapshot::CompiledProvider;

/// A call that is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// Reads a stored response.
    RetrieveResponse,
    /// Deletes one.
    DeleteResponse,
    /// Ends one that goes on.
    CancelResponse,
    /// Reads what one was made from.
    ListInputItems,
    /// Begins a conversation.
    CreateConversation,
    /// Reads one.
    RetrieveConversation,
    /// Changes one's metadata.
    UpdateConversation,
    /// Deletes one.
    DeleteConversation,
    /// Reads what was said in one.
    ListItems,
    /// Adds to it.
    CreateItems,
    /// Reads one thing that was said.
    RetrieveItem,
    /// Deletes it.
    DeleteItem,
    /// Takes the events that Anthropic's clients report.
    LogEvents,
}

impl Forwarded {
    /// The name in logs, metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RetrieveResponse => "response_retrieve",
            Self::DeleteResponse => "response_delete",
            Self::CancelResponse => "response_cancel",
            Self::ListInputItems => "response_input_items",
            Self::CreateConversation => "conversation_create",
            Self::RetrieveConversation => "conversation_retrieve",
            Self::UpdateConversation => "conversation_update",
            Self::DeleteConversation => "conversation_delete",
            Self::ListItems => "conversation_items",
            Self::CreateItems => "conversation_items_create",
            Self::RetrieveItem => "conversation_item_retrieve",
            Self::DeleteItem => "conversation_item_delete",
            Self::LogEvents => "event_logging",
        }
    }

    /// By which method it comes and goes on.
    pub const fn method(self) -> Method {
        match self {
            Self::RetrieveResponse
            | Self::ListInputItems
            | Self::RetrieveConversation
            | Self::ListItems
            | Self::RetrieveItem => Method::GET,
            Self::DeleteResponse | Self::DeleteConversation | Self::DeleteItem => Method::DELETE,
            Self::CancelResponse
            | Self::CreateConversation
            | Self::UpdateConversation
            | Self::CreateItems
            | Self::LogEvents => Method::POST,
        }
    }

    /// What the first id of its path names.
    const fn kept(self) -> Option<Kept> {
        match self {
            Self::RetrieveResponse | Self::DeleteResponse | Self::CancelResponse | Self::ListInputItems => {
                Some(Kept::Response)
            }
            Self::CreateConversation | Self::LogEvents => None,
            _ => Some(Kept::Conversation),
        }
    }

    /// What the `id` of its answer names.
    const fn answers(self) -> Option<Kept> {
        match self {
            Self::RetrieveResponse | Self::DeleteResponse | Self::CancelResponse => Some(Kept::Response),
            Self::CreateConversation
            | Self::RetrieveConversation
            | Self::UpdateConversation
            | Self::DeleteConversation
            // Deleting an item answers with the conversation.
            | Self::DeleteItem => Some(Kept::Conversation),
            Self::ListInputItems | Self::ListItems | Self::CreateItems | Self::RetrieveItem | Self::LogEvents => {
                None
            }
        }
    }

    /// Whether the provider gets a body.
    const fn has_body(self) -> bool {
        matches!(
            self,
            Self::CreateConversation | Self::UpdateConversation | Self::CreateItems | Self::LogEvents
        )
    }

    /// The path below the API's version.
    fn segments(self, ids: &[String]) -> Vec<&str> {
        let mut segments = match self.kept() {
            Some(Kept::Response) => vec!["responses"],
            _ => vec!["conversations"],
        };
        segments.extend(ids.first().map(String::as_str));
        match self {
            Self::CancelResponse => segments.push("cancel"),
            Self::ListInputItems => segments.push("input_items"),
            Self::ListItems | Self::CreateItems | Self::RetrieveItem | Self::DeleteItem => {
                segments.push("items");
                segments.extend(ids.get(1).map(String::as_str));
            }
            _ => {}
        }
        segments
    }

    fn url(self, provider: &CompiledProvider, ids: &[String], query: Option<&str>) -> Option<String> {
        let url = if self == Self::LogEvents {
            let mut segments = vec!["api", "event_logging"];
            segments.extend(ids.iter().map(String::as_str));
            provider.provider.root_url(&segments)
        } else {
            provider.provider.resource_url(&self.segments(ids))
        };
        let url = url.ok()?;
        Some(match query.filter(|query| !query.is_empty()) {
            Some(query) if url.contains('?') => format!("{url}&{query}"),
            Some(query) => format!("{url}?{query}"),
            None => url,
        })
    }
}

/// Finds where the thing is that a request names.
pub(crate) async fn address_forward(
    authenticated: Authenticated,
    call: Forwarded,
    shared: &Arc<Shared>,
    record: &mut Record,
) -> Result<Addressed, Refusal> {
    let Authenticated {
        entry,
        route,
        mut ids,
        query,
        headers,
        upload,
        token,
        project,
        snapshot,
        caller,
        policy,
        ..
    } = authenticated;
    model_project(&project)?;
    let holder = Holder { project: token.project_id, token: token.id };
    let named = match &entry {
        Entry::Provider(name) => Some(named_provider(name, route, &snapshot, record)?),
        Entry::Project(_) => None,
    };
    let (provider, pin, known) = match call.kept() {
        Some(kept) => {
            let id = ids.first_mut().ok_or(kept.missing())?;
            let opened = shared.affinity.open(kept, id, holder);
            let (pin, own) = opened.ok_or(kept.missing())?;
            if named.is_some_and(|named| named.provider.id != pin.provider) {
                return Err(kept.missing());
            }
            let known = vec![(own.clone(), std::mem::replace(id, own))];
            let provider = snapshot.provider(pin.provider).ok_or(Refusal::PinGone)?;
            if provider.provider.kind.is_built_in() {
                return Err(kept.missing());
            }
            (provider, Some(pin), known)
        }
        None => (named.ok_or(Refusal::NoProvider)?, None, Vec::new()),
    };
    check_granted(provider, caller.as_deref())?;
    check_open(provider, &project)?;
    let credential = match pin {
        Some(Pin { credential, .. }) => credential,
        None => project.credential(provider.provider.id),
    };
    let name = provider.provider.name.as_str();
    match credential {
        Some(id) if provider.credential(id).is_none() && pin.is_some() => return Err(Refusal::PinGone),
        Some(id) if provider.credential(id).is_none() => {
            return Err(Refusal::CredentialUnusable { provider: name.to_owned() });
        }
        None if pin.is_some() && provider.credentials.iter().all(|credential| credential.id.is_some()) => {
            return Err(Refusal::PinGone);
        }
        None if provider.credentials.is_empty() => {
            return Err(Refusal::CredentialUnusable { provider: name.to_owned() });
        }
        _ => {}
    }
    let body = if call.has_body() { upload.read(record).await? } else { Bytes::new() };
    // What Anthropic's clients report is not read by anybody.
    if call != Forwarded::LogEvents && !body.is_empty() {
        serde_json::from_slice::<IgnoredAny>(&body).map_err(|error| {
            let message = format!("the body is not valid JSON: {error}");
            Refusal::BadRequest(BadRequest { field: None, message, code: "invalid_json" })
        })?;
    }
    let url = call.url(provider, &ids, query.as_deref());
    let asked = || Refusal::NoRoute { asked: format!("{} for {}", call.method(), route.name()) };
    let forward = Forward { method: call.method(), url: url.ok_or_else(asked)?, body };
    record.note(format!("{} goes to `{name}`, where it is kept", call.name()));
    record.provider = Some(Arc::clone(provider));
    let candidate = Candidate::new(provider, "", credential);
    let ids = (call != Forwarded::LogEvents).then_some(AnswerIds { holder, names: call.answers(), known });
    let operation = match call {
        Forwarded::LogEvents => Operation::Messages,
        _ => Operation::Responses,
    };
    Ok(Addressed::new(operation, headers, Ask::Forward(forward), vec![candidate], ids, policy))
}

/// Whether a provider's own API has a path. What is translated is there as well; what would have to
/// be kept is only where the provider keeps it.
pub(crate) fn has_route(provider: &CompiledProvider, route: Route) -> bool {
    let kind = provider.provider.kind;
    let can = |feature| provider.capabilities("").has(feature);
    match route {
        Route::ModelList | Route::ModelDetail => true,
        Route::Model(operation) => kind.shows(operation),
        // Endpoints are a project's.
        Route::Endpoint | Route::EndpointDispatch | Route::Contextual => false,
        Route::Forward(Forwarded::LogEvents) => kind.wire_format() == WireFormat::Anthropic,
        Route::Forward(call) => match call.kept() {
            Some(Kept::Response) => can(Feature::StoredResponses),
            _ => can(Feature::Conversations),
        },
    }
}

#[cfg(test)]
mod tests {
    use promptgate_providers::ProviderKind;

    use super::*;
    use crate::snapshot::{Configuration, Snapshot};
    use crate::testing::{compiler, provider};

    const ALL: [Forwarded; 13] = [
        Forwarded::RetrieveResponse,
        Forwarded::DeleteResponse,
        Forwarded::CancelResponse,
        Forwarded::ListInputItems,
        Forwarded::CreateConversation,
        Forwarded::RetrieveConversation,
        Forwarded::UpdateConversation,
        Forwarded::DeleteConversation,
        Forwarded::ListItems,
        Forwarded::CreateItems,
        Forwarded::RetrieveItem,
        Forwarded::DeleteItem,
        Forwarded::LogEvents,
    ];

    fn compiled(kind: ProviderKind) -> Arc<CompiledProvider> {
        let configuration =
            Configuration { providers: vec![provider("main", kind)], ..Configuration::default() };
        let (snapshot, _) = Snapshot::compile(configuration, &compiler());
        Arc::clone(snapshot.provider_named("main").unwrap())
    }

    #[test]
    fn every_call_leads_to_the_vendors_path() {
        let openai = compiled(ProviderKind::OpenAi);
        let ids = ["a".to_owned(), "b".to_owned()];
        let url = |call: Forwarded, ids: &[String], query| call.url(&openai, ids, query).unwrap();
        let base = "http://upstream.test/v1";
        assert_eq!(
            url(Forwarded::RetrieveResponse, &ids[..1], Some("include[]=x")),
            format!("{base}/responses/a?include[]=x")
        );
        assert_eq!(url(Forwarded::CancelResponse, &ids[..1], None), format!("{base}/responses/a/cancel"));
        assert_eq!(url(Forwarded::CreateConversation, &[], Some("")), format!("{base}/conversations"));
        assert_eq!(url(Forwarded::RetrieveItem, &ids, None), format!("{base}/conversations/a/items/b"));
        assert_eq!(
            url(Forwarded::LogEvents, &["batch".to_owned()], None),
            "http://upstream.test/api/event_logging/batch"
        );
    }

    #[test]
    fn each_family_has_its_own_paths() {
        let has = |kind, route| has_route(&compiled(kind), route);
        for call in ALL {
            let anthropic = call == Forwarded::LogEvents;
            assert_eq!(has(ProviderKind::Anthropic, Route::Forward(call)), anthropic, "{call:?}");
            assert_eq!(has(ProviderKind::OpenAi, Route::Forward(call)), !anthropic, "{call:?}");
            assert!(!has(ProviderKind::Ollama, Route::Forward(call)), "{call:?}");
        }
        assert!(!has(ProviderKind::OpenAi, Route::Model(Operation::Messages)));
        assert!(!has(ProviderKind::Ollama, Route::Model(Operation::Responses)));
        assert!(!has(ProviderKind::Anthropic, Route::Model(Operation::ChatCompletions)));
        assert!(has(ProviderKind::Google, Route::Model(Operation::Responses)), "by translation");
    }
}
