//! Reading a provider's stream. Each event is an answer of its own, with the parts that are new.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use promptgate_usage::TokenCounts;

use super::{answer, usage};
use crate::maker::Maker;
use crate::members::{Members, Value};
use crate::{Opening, ProviderError, Stop, StreamEvent};

/// Reads a provider's stream, event by event.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    failed: bool,
    /// The block that goes on, and whether it is a thought.
    open: Option<(usize, bool)>,
    next: usize,
    calls: usize,
    response: Option<String>,
    stop: Option<Stop>,
}

impl Reader {
    /// A reader at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an event.
    pub fn event(&mut self, _name: Option<&str>, data: &str, out: &mut Vec<StreamEvent>) {
        if self.failed || data.trim() == "[DONE]" {
            return;
        }
        if let Some(error) = answer::read_error(data.as_bytes()) {
            self.failed = true;
            out.push(StreamEvent::Error(error));
            return;
        }
        let Some(members) = Members::of(data) else {
            self.failed = true;
            let message = "an event of the stream is not JSON".to_owned();
            out.push(StreamEvent::Error(ProviderError { message, ..ProviderError::default() }));
            return;
        };
        if !std::mem::replace(&mut self.started, true) {
            self.response = members.lenient_text("responseId");
            let model = members.lenient_text("modelVersion");
            out.push(StreamEvent::Start { id: self.response.clone(), model });
        }
        let counts: Option<TokenCounts> =
            members.lenient_members("usageMetadata").as_ref().and_then(usage::read);
        out.extend(counts.map(StreamEvent::Usage));
        if let Some(candidate) = members.lenient_items("candidates").first()
            && let Ok(candidate) = candidate.members()
        {
            let parts = candidate
                .lenient_members("content")
                .map_or_else(Vec::new, |content| content.lenient_items("parts"));
            for part in &parts {
                self.part(part, data, out);
            }
            if let Some(reason) = candidate.lenient_text("finishReason") {
                self.stop = Some(stop_of(&reason));
            }
        }
        let feedback = members.lenient_members("promptFeedback");
        if feedback.is_some_and(|feedback| feedback.get("blockReason").is_some()) {
            self.stop = Some(Stop::ContentFilter);
        }
    }

    /// The stream is over. The format has no mark for its end, and older models give a reason to
    /// stop with every event, so it is complete if the last event gave one.
    pub fn end(&mut self, out: &mut Vec<StreamEvent>) {
        self.close(out);
        if self.failed {
            return;
        }
        if let Some(stop) = self.stop.take() {
            let stop = if stop == Stop::End && self.calls > 0 { Stop::ToolUse } else { stop };
            out.push(StreamEvent::Stop(stop));
            out.push(StreamEvent::End);
        }
    }

    fn part(&mut self, part: &Value<'_>, data: &str, out: &mut Vec<StreamEvent>) {
        let Ok(members) = part.members() else { return };
        let signature = members.lenient_text("thoughtSignature").filter(|signature| !signature.is_empty());
        let signature = signature.map(|signature| Maker::Gemini.sign(&signature));
        if let Some(call) = members.lenient_members("functionCall") {
            self.call(&call, signature, data, out);
            return;
        }
        let is_thought = members.flag("thought").ok().flatten().unwrap_or(false);
        let text = members.lenient_text("text").unwrap_or_default();
        if let Some(signature) = signature {
            self.sign(signature, out);
        }
        if !text.is_empty() {
            let index = self.block(is_thought, out);
            out.push(StreamEvent::Delta { index, text });
        }
    }

    fn call(
        &mut self,
        call: &Members<'_>,
        signature: Option<String>,
        data: &str,
        out: &mut Vec<StreamEvent>,
    ) {
        self.close(out);
        let index = self.next;
        self.next += 1;
        let id = call.lenient_text("id").filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| self.made_up_id(data));
        self.calls += 1;
        let name = call.lenient_text("name").unwrap_or_default();
        out.push(StreamEvent::Open { index, opening: Opening::ToolCall { id, name, signature } });
        let arguments = call.json("args");
        let text = arguments.map_or_else(|| "{}".to_owned(), |json| json.as_str().to_owned());
        out.push(StreamEvent::Delta { index, text });
        out.push(StreamEvent::Close { index });
    }

    /// An id for a call that has none, unlike those of other answers in the conversation.
    fn made_up_id(&self, data: &str) -> String {
        let answer = self.response.as_deref().unwrap_or_default();
        let answer: String = answer.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        if answer.is_empty() {
            let mut hasher = DefaultHasher::new();
            data.hash(&mut hasher);
            return format!("call_{:016x}_{}", hasher.finish(), self.calls);
        }
        format!("call_{answer}_{}", self.calls)
    }

    /// Keeps a signature with the thought that it belongs to, or as a thought without words.
    fn sign(&mut self, signature: String, out: &mut Vec<StreamEvent>) {
        let index = self.block(true, out);
        out.push(StreamEvent::Signature { index, signature });
        self.close(out);
    }

    /// The block that goes on, or a new one.
    fn block(&mut self, is_thought: bool, out: &mut Vec<StreamEvent>) -> usize {
        if let Some((index, open)) = self.open
            && open == is_thought
        {
            return index;
        }
        self.close(out);
        let index = self.next;
        self.next += 1;
        self.open = Some((index, is_thought));
        let opening = if is_thought { Opening::Thinking } else { Opening::Text };
        out.push(StreamEvent::Open { index, opening });
        index
    }

    fn close(&mut self, out: &mut Vec<StreamEvent>) {
        if let Some((index, _)) = self.open.take() {
            out.push(StreamEvent::Close { index });
        }
    }
}

/// Why the model stopped. Whoever calls functions says `STOP`, too.
fn stop_of(reason: &str) -> Stop {
    match reason {
        "MAX_TOKENS" => Stop::MaxTokens,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Stop::ContentFilter,
        "STOP" | "FINISH_REASON_UNSPECIFIED" => Stop::End,
        _ => Stop::Error,
    }
}
