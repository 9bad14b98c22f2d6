//! What was said in a call, kept apart from its record.

use std::borrow::Cow;
use std::ops::Range;

use promptgate_kernel::{CallId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::UsageEvent;

/// A tool that the model called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallRecord {
    /// The provider's id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, as the model wrote them.
    pub arguments: String,
    /// Whether the gateway added the tool, rather than the client.
    #[serde(default)]
    pub injected: bool,
}

/// What was said in one call. It is kept for a shorter time than the [event](crate::UsageEvent), and
/// lists never read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallContent {
    /// The call.
    pub call_id: CallId,
    /// When its request arrived.
    pub at: Timestamp,
    /// The project that was called.
    pub project_id: ProjectId,
    /// What the user wrote last, if the call ends with it and it is not in the request. To read it, ask
    /// [`Self::prompt`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The bytes of the request that are the prompt, as JSON: nothing is kept twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_in_request: Option<Range<usize>>,
    /// The request's body, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The answer, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// The tools that the model called, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallRecord>,
    /// Whether something was cut to fit.
    #[serde(default)]
    pub truncated: bool,
}

/// A call that is over: its record, and what was said in it.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedCall {
    /// The record.
    pub event: UsageEvent,
    /// What was said, as far as it is kept.
    pub content: Option<CallContent>,
}

impl CallContent {
    /// The most bytes that are kept of the prompt, of the request, of the answer and of all tool calls
    /// together.
    pub const MAX_BYTES: usize = 64 << 10;

    /// Content without anything in it.
    pub const fn of_call(call_id: CallId, at: Timestamp, project_id: ProjectId) -> Self {
        Self {
            call_id,
            at,
            project_id,
            prompt: None,
            prompt_in_request: None,
            request: None,
            response: None,
            tool_calls: Vec::new(),
            truncated: false,
        }
    }

    /// What the user wrote last, wherever it is kept.
    pub fn prompt(&self) -> Option<Cow<'_, str>> {
        if let Some(prompt) = &self.prompt {
            return Some(Cow::Borrowed(prompt));
        }
        let json = self.request.as_deref()?.get(self.prompt_in_request.clone()?)?;
        serde_json::from_str(json).ok().map(Cow::Owned)
    }

    /// Whether the user wrote something last.
    pub const fn has_prompt(&self) -> bool {
        self.prompt.is_some() || self.prompt_in_request.is_some()
    }

    /// Keeps the prompt by itself, because the request will be another one.
    pub fn detach_prompt(&mut self) {
        if self.prompt_in_request.is_some() {
            self.prompt = self.prompt().map(Cow::into_owned);
            self.prompt_in_request = None;
        }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.prompt.is_none()
            && self.request.is_none()
            && self.response.is_none()
            && self.tool_calls.is_empty()
    }

    /// Whether every part is as short as it must be.
    pub fn fits(&self) -> bool {
        let texts = [&self.prompt, &self.request, &self.response];
        texts.into_iter().flatten().all(|text| text.len() <= Self::MAX_BYTES)
            && self.tool_calls.iter().map(ToolCallRecord::len).sum::<usize>() <= Self::MAX_BYTES
    }

    /// Cuts every part to its length, between characters, and says so in [`Self::truncated`].
    pub fn trim(&mut self) {
        if self.fits() {
            return;
        }
        self.truncated = true;
        if self.request.as_ref().is_some_and(|request| request.len() > Self::MAX_BYTES) {
            self.detach_prompt();
        }
        for text in [&mut self.prompt, &mut self.request, &mut self.response].into_iter().flatten() {
            cut(text, Self::MAX_BYTES);
        }
        let mut left = Self::MAX_BYTES;
        self.tool_calls.retain_mut(|call| {
            let kept = left > 0;
            for text in [&mut call.id, &mut call.name, &mut call.arguments] {
                cut(text, left);
                left -= text.len();
            }
            kept
        });
    }
}

impl ToolCallRecord {
    const fn len(&self) -> usize {
        self.id.len() + self.name.len() + self.arguments.len()
    }
}

fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = CallContent::MAX_BYTES;

    fn content() -> CallContent {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        CallContent::of_call(id.parse().unwrap(), Timestamp::default(), id.parse().unwrap())
    }

    fn tool_call(arguments: String) -> ToolCallRecord {
        ToolCallRecord { id: "1".into(), name: "n".into(), arguments, injected: false }
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let mut content = content();
        assert!(content.is_empty());
        content.prompt = Some("x".repeat(MAX));
        content.tool_calls = vec![tool_call("y".repeat(MAX - 2))];
        let before = content.clone();
        content.trim();
        assert_eq!(content, before);
        assert!(!content.truncated && !content.is_empty());
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut content = content();
        content.request = Some(format!("x{}", "日".repeat(MAX)));
        content.response = Some("short".into());
        content.trim();
        let request = content.request.as_deref().unwrap();
        assert!(request.len() <= MAX && request.len() > MAX - 3 && request.ends_with('日'));
        assert_eq!((content.response.as_deref(), content.truncated), (Some("short"), true));
    }

    #[test]
    fn tool_calls_share_their_room_and_the_last_ones_give_way() {
        let mut content = content();
        content.tool_calls =
            vec![tool_call("a".repeat(MAX - 10)), tool_call("é".repeat(100)), tool_call("b".into())];
        content.trim();
        assert!(content.fits() && content.truncated);
        assert_eq!(content.tool_calls.len(), 2);
        assert_eq!(content.tool_calls[1].arguments, "ééé");
    }

    #[test]
    fn a_prompt_in_the_request_is_read_from_there_and_outlives_it() {
        let mut content = content();
        content.request = Some(format!("[{{\"x\":\"a\\n\\u00e4\"}}]{}", " ".repeat(MAX)));
        content.prompt_in_request = Some(6..17);
        assert_eq!(content.prompt().as_deref(), Some("a\nä"));
        content.trim();
        assert_eq!((content.prompt.as_deref(), content.prompt_in_request), (Some("a\nä"), None));

        let mut nowhere = self::content();
        nowhere.prompt_in_request = Some(6..17);
        assert_eq!(nowhere.prompt(), None);
        nowhere.request = Some("é".repeat(20));
        nowhere.prompt_in_request = Some(3..7);
        assert_eq!(nowhere.prompt(), None);
    }

    #[test]
    fn what_the_spool_holds_is_read_again() {
        let mut content = content();
        content.tool_calls = vec![tool_call("{}".into())];
        let json = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<CallContent>(&json).unwrap(), content);
    }
}
