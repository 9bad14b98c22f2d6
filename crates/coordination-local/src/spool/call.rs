//! What is kept of one call.

use std::borrow::Cow;

use promptgate_usage::{CallContent, UsageEvent};

/// The record of a call, and what was said in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpooledCall {
    pub(super) event: UsageEvent,
    pub(super) content: Option<CallContent>,
}

/// The content at the length that is kept.
pub(super) fn bounded(content: &CallContent) -> Cow<'_, CallContent> {
    if content.fits() {
        return Cow::Borrowed(content);
    }
    let mut content = content.clone();
    content.trim();
    Cow::Owned(content)
}

/// The bytes that a content takes, about.
pub(super) fn size(content: &CallContent) -> usize {
    let texts = [&content.prompt, &content.request, &content.response];
    let calls = content.tool_calls.iter().map(|call| call.id.len() + call.name.len() + call.arguments.len());
    texts.into_iter().flatten().map(String::len).chain(calls).sum()
}

/// Counts a content that is not kept, because there is no room for more than the event.
pub(super) fn left_out() {
    metrics::counter!("promptgate_spool_contents_left_out_total").increment(1);
}
