//! A call as a stream carries it.

use std::sync::Arc;

use promptgate_kernel::CallId;
use promptgate_usage::{CallContent, FinishedCall};
use sha2::{Digest, Sha256};
use uuid::Builder;

/// What a delivery says.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A call.
    Call(Arc<FinishedCall>),
    /// No event of this version, as it came.
    Foreign(String),
}

/// A call in two parts: what was said need not be read to know which call it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireCall {
    /// The event, as JSON.
    pub event: Vec<u8>,
    /// What was said, as JSON.
    pub content: Option<Vec<u8>>,
}

impl WireCall {
    /// Writes a call.
    pub fn of(call: &FinishedCall) -> serde_json::Result<Self> {
        let content = call.content.as_ref().map(serde_json::to_vec).transpose()?;
        Ok(Self { event: serde_json::to_vec(&call.event)?, content })
    }

    /// Reads it. An event is worth more than a content of another version.
    pub fn read(&self) -> Payload {
        let Ok(event) = serde_json::from_slice(&self.event) else {
            return Payload::Foreign(String::from_utf8_lossy(&self.event).into_owned());
        };
        let content =
            self.content.as_deref().and_then(|json| serde_json::from_slice::<CallContent>(json).ok());
        Payload::Call(Arc::new(FinishedCall { event, content }))
    }
}

/// The id that a thing is kept under which is no event of this version: the one that it says, else one
/// made of what it says, so that the same thing is not kept twice.
pub(crate) fn id_of_foreign(json: &str) -> CallId {
    let said = serde_json::from_str::<serde_json::Value>(json)
        .ok()
        .and_then(|value| value.get("id")?.as_str()?.parse::<CallId>().ok());
    said.unwrap_or_else(|| {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Sha256::digest(json.as_bytes())[..16]);
        CallId::from_uuid(Builder::from_custom_bytes(bytes).into_uuid())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_call_survives() {
        for call in [testing::call(1), testing::long_call(2, 100)] {
            assert_eq!(WireCall::of(&call).unwrap().read(), Payload::Call(call));
        }
    }

    #[test]
    fn a_content_of_another_version_does_not_cost_the_event() {
        let call = testing::call(1);
        let wire = WireCall { content: Some(b"{\"later\":1}".to_vec()), ..WireCall::of(&call).unwrap() };
        assert_eq!(wire.read(), Payload::Call(call));
    }

    #[test]
    fn what_is_no_event_keeps_its_id_or_gets_one_that_stays() {
        let wire = WireCall { event: b"{\"later\":true}".to_vec(), content: None };
        assert_eq!(wire.read(), Payload::Foreign("{\"later\":true}".to_owned()));
        assert_eq!(id_of_foreign("x\u{fffd}"), id_of_foreign("x\u{fffd}"));
        assert_ne!(id_of_foreign("x"), id_of_foreign("y"));
        let id = testing::event(1).id;
        assert_eq!(id_of_foreign(&format!("{{\"id\":\"{id}\",\"later\":1}}")), id);
    }
}
