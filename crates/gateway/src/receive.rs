//! First stage: what has arrived, before anything is known of who sent it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;
use promptgate_firewall::guardrails::CONTEXTUAL_CALL;
use promptgate_kernel::ProjectId;
use promptgate_providers::Operation;
use promptgate_tokens::Scope;
use promptgate_wire::Surface;

use crate::forward::Forwarded;
use crate::pipeline::Shared;
use crate::upload::Upload;

/// The body of a request, as the server reads it.
pub type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// By which door a request came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A project's own API, `/api/{project}/…`.
    Project(ProjectId),
    /// A provider's API, `/{provider}/…`. The project is the token's.
    Provider(String),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// An answer of a model.
    Model(Operation),
    /// The list of models.
    ModelList,
    /// One model of the list.
    ModelDetail,
    /// Something that a provider keeps.
    Forward(Forwarded),
    /// An AI endpoint, which the path names.
    Endpoint,
    /// An AI endpoint, which the body names.
    EndpointDispatch,
    /// What of a client's words is names and addresses. No client asks that: the gateway does.
    Contextual,
}

impl Route {
    /// The name in logs, metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model(operation) => operation.as_str(),
            Self::ModelList => "models",
            Self::ModelDetail => "model",
            Self::Forward(call) => call.name(),
            Self::Endpoint | Self::EndpointDispatch => "endpoint",
            Self::Contextual => CONTEXTUAL_CALL,
        }
    }

    /// Whether the route embeds, and writes nothing.
    pub(crate) const fn embeds(self) -> bool {
        matches!(self, Self::Model(Operation::Embeddings))
    }

    /// How the route speaks to the client. Lists of models speak Anthropic's way to those who send
    /// Anthropic's version header.
    pub fn surface(self, headers: &HeaderMap) -> Surface {
        match self {
            Self::Model(operation) => operation.wire_format().into(),
            Self::Forward(Forwarded::LogEvents) => Surface::Anthropic,
            Self::Forward(_) => Surface::OpenAi,
            Self::ModelList | Self::ModelDetail if headers.contains_key("anthropic-version") => {
                Surface::Anthropic
            }
            Self::ModelList | Self::ModelDetail | Self::Contextual => Surface::OpenAi,
            Self::Endpoint | Self::EndpointDispatch => Surface::Community,
        }
    }

    /// What a token must be allowed to do. A project's list of models belongs to its chats; the list
    /// of a provider is more than that.
    pub(crate) const fn scope(self, entry: &Entry) -> Scope {
        match (self, entry) {
            (Self::ModelList | Self::ModelDetail, Entry::Provider(_)) => Scope::Models,
            _ => Scope::Chat,
        }
    }

    /// The operation as OpenTelemetry names it.
    pub(crate) const fn gen_ai_operation(self) -> &'static str {
        match self {
            Self::Model(Operation::ChatCompletions | Operation::Responses | Operation::Messages)
            | Self::Endpoint
            | Self::EndpointDispatch
            | Self::Contextual => "chat",
            Self::Model(Operation::CountTokens) => "count_tokens",
            Self::Model(Operation::Embeddings) => "embeddings",
            Self::ModelList | Self::ModelDetail => "list_models",
            Self::Forward(call) => call.name(),
        }
    }
}

/// A request as the HTTP server hands it over: routed, its body unread.
pub struct IncomingRequest {
    /// By which door it came in.
    pub entry: Entry,
    /// What is asked for.
    pub route: Route,
    /// What the path names, decoded: a model, a response, a conversation and its item.
    pub ids: Vec<String>,
    /// The query, as it came.
    pub query: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// The body.
    pub body: RequestBody,
}

/// A request whose sender is not known yet.
pub(crate) struct Received {
    pub(crate) entry: Entry,
    pub(crate) route: Route,
    pub(crate) ids: Vec<String>,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) upload: Upload,
    _made_here: (),
}

/// Puts bounds on the body. It is read only after its sender is known, so that strangers cannot
/// make the gateway keep anything.
pub(crate) fn receive(request: IncomingRequest, shared: &Arc<Shared>) -> Received {
    let IncomingRequest { entry, route, ids, query, headers, body, .. } = request;
    let upload = Upload::new(body, &headers, shared);
    Received { entry, route, ids, query, headers, upload, _made_here: () }
}
