//! Whole answers and errors.

use super::Reader;
use crate::gather::gather;
use crate::members::Members;
use crate::{ChatAnswer, ProviderError, Unreadable};

/// Reads a provider's answer. It has the shape of a stream's only event.
pub fn read_answer(body: &[u8]) -> Result<ChatAnswer, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable("it is not UTF-8".to_owned()))?;
    let members = Members::parse(body).map_err(|error| Unreadable(error.message))?;
    if members.get("candidates").is_none() && members.get("promptFeedback").is_none() {
        return Err(Unreadable("it has no candidates".to_owned()));
    }
    let mut events = Vec::new();
    let mut reader = Reader::new();
    reader.event(None, text, &mut events);
    reader.end(&mut events);
    Ok(gather(events))
}

/// Reads what a provider says when it fails, in an answer or in a stream. Some of its front ends put
/// it into an array.
pub fn read_error(body: &[u8]) -> Option<ProviderError> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let error = Members::of(text)?.lenient_members("error")?;
    let reason = |detail: &Members<'_>| detail.lenient_text("reason");
    let details = error.lenient_items("details");
    Some(ProviderError {
        message: error.lenient_text("message")?,
        kind: error.lenient_text("status"),
        code: details.iter().filter_map(|detail| detail.members().ok()).find_map(|detail| reason(&detail)),
        param: None,
    })
}
