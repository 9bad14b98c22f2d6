//! First stage: what has arrived, before anything is known of who sent it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;
use promptgate_kernel::ProjectId;
use promptgate_providers::Operation;
use promptgate_wire::Surface;

use crate::pipeline::Shared;
use crate::upload::Upload;

/// The body of a request, as the server reads it.
pub type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// An answer of a model.
    Model(Operation),
    /// The list of models.
    ModelList,
}

impl Route {
    /// The name in logs, metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model(operation) => operation.as_str(),
            Self::ModelList => "models",
        }
    }

    /// How the route speaks to the client. The list of models speaks Anthropic's way to those who
    /// send Anthropic's version header.
    pub fn surface(self, headers: &HeaderMap) -> Surface {
        match self {
            Self::Model(operation) => operation.wire_format().into(),
            Self::ModelList if headers.contains_key("anthropic-version") => Surface::Anthropic,
            Self::ModelList => Surface::OpenAi,
        }
    }

    /// The operation as OpenTelemetry names it.
    pub(crate) const fn gen_ai_operation(self) -> &'static str {
        match self {
            Self::Model(Operation::ChatCompletions | Operation::Messages) => "chat",
            Self::Model(Operation::Embeddings) => "embeddings",
            Self::ModelList => "list_models",
        }
    }
}

/// A request as the HTTP server hands it over: routed, its body unread.
pub struct IncomingRequest {
    /// The project of the path.
    pub project: ProjectId,
    /// What is asked for.
    pub route: Route,
    /// All headers.
    pub headers: HeaderMap,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// The body.
    pub body: RequestBody,
}

/// A request whose sender is not known yet.
pub(crate) struct Received {
    pub(crate) project: ProjectId,
    pub(crate) headers: HeaderMap,
    pub(crate) upload: Upload,
    _made_here: (),
}

/// Puts bounds on the body. It is read only after its sender is known, so that strangers cannot
/// make the gateway keep anything.
pub(crate) fn receive(request: IncomingRequest, shared: &Arc<Shared>) -> Received {
    let upload = Upload::new(request.body, &request.headers, shared);
    Received { project: request.project, headers: request.headers, upload, _made_here: () }
}
