//! What all tests need.

use std::sync::Arc;

use promptgate_providers::{Capabilities, CapabilityTable, ProviderKind, Shape};
use promptgate_translate::{
    ChatRequest, Context, Outgoing, Target, Untranslatable, read_request, write_request,
};
use serde_json::Value;

/// What a model can do, by the bundled table.
pub(crate) fn capabilities(kind: ProviderKind, model: &str) -> Arc<Capabilities> {
    CapabilityTable::bundled().of(kind, model)
}

/// What is told about an answer.
pub(crate) fn context() -> Context {
    Context { id: "req-1".to_owned(), model: "alias".to_owned(), created: 1_700_000_000, include_usage: true }
}

/// A provider of the tests.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) shape: Shape,
    pub(crate) model: &'static str,
    pub(crate) capabilities: Arc<Capabilities>,
}

impl Provider {
    pub(crate) fn new(shape: Shape, kind: ProviderKind, model: &'static str) -> Self {
        Self { shape, model, capabilities: capabilities(kind, model) }
    }

    /// Writes a request for it.
    pub(crate) fn write(&self, request: &ChatRequest) -> Result<Outgoing, Untranslatable> {
        let target = Target { model: self.model, capabilities: &self.capabilities, stream: request.stream };
        write_request(self.shape, request, &target)
    }

    /// What a client's request becomes, and what was left out.
    pub(crate) fn translate(
        &self,
        client: Shape,
        body: &str,
    ) -> Result<(Value, Vec<String>), Untranslatable> {
        let outgoing = self.write(&read_request(client, body.as_bytes())?)?;
        let sent = serde_json::from_slice(&outgoing.body).expect("what is sent is JSON");
        Ok((sent, outgoing.dropped))
    }

    /// What a client's request becomes, when nothing is left out.
    pub(crate) fn sends(&self, client: Shape, body: &str) -> Value {
        let (sent, dropped) = self.translate(client, body).expect("it can be said");
        assert_eq!(dropped, Vec::<String>::new());
        sent
    }

    /// The field that a refusal names.
    pub(crate) fn refuses(&self, client: Shape, body: &str) -> String {
        let refused = self.translate(client, body).expect_err("it cannot be said");
        assert_eq!(refused.code, "unsupported_by_provider", "{refused}");
        refused.field.expect("a refusal names what it is about")
    }
}
