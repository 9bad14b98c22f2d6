//! What is kept of one call.

use std::sync::Arc;

use promptgate_usage::{CallContent, FinishedCall};

/// The call with its content at the length that is kept.
pub(super) fn bounded(call: &Arc<FinishedCall>) -> Arc<FinishedCall> {
    match &call.content {
        Some(content) if !content.fits() => {
            let mut content = content.clone();
            content.trim();
            Arc::new(FinishedCall { event: call.event.clone(), content: Some(content) })
        }
        _ => Arc::clone(call),
    }
}

/// The call without its content, because there is no room for more than the event.
pub(super) fn without_content(call: &FinishedCall) -> Arc<FinishedCall> {
    metrics::counter!("promptgate_spool_contents_left_out_total").increment(1);
    Arc::new(FinishedCall { event: call.event.clone(), content: None })
}

/// The bytes that a content takes, about.
pub(super) fn size(content: &CallContent) -> usize {
    let texts = [&content.prompt, &content.request, &content.response];
    let calls = content.tool_calls.iter().map(|call| call.id.len() + call.name.len() + call.arguments.len());
    texts.into_iter().flatten().map(String::len).chain(calls).sum()
}
