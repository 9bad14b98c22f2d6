//! Answers.

mod lines;
mod scan;
mod short;
mod usage;

use std::ops::Range;

use bytes::Bytes;
use promptgate_providers::Operation;
use promptgate_usage::TokenCounts;

use crate::problem::responses_event;
use crate::{ApiProblem, Surface, estimate, problem_event};
use lines::Lines;
use scan::{Choices, Scan, Words};
use usage::AnthropicCounts;

/// How much of one event is held back to judge it; a larger one is not withheld.
const MAX_HELD: usize = 64 * 1024;

/// What an answer was seen to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Tokens by class, as far as the provider told in a believable way.
    pub tokens: Option<TokenCounts>,
    /// Whether the answer broke off before the provider told how much it wrote, or it told zero for
    /// a text: what was read is the provider's count, what was written is estimated from the text.
    pub partial: bool,
    /// Bytes of text that the model wrote; for estimates.
    pub output_bytes: u64,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// The provider's identity of the answer.
    pub response_id: Option<String>,
    /// Whether the answer came to its proper end.
    pub ended: bool,
    /// Whether the provider reported an error inside the answer.
    pub error_event: bool,
}

/// What an answer's events and usage look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Chat completions and embeddings.
    OpenAi,
    /// Responses.
    Responses,
    /// Messages.
    Anthropic,
    /// A number that costs nothing.
    Count,
}

impl From<Operation> for Format {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::ChatCompletions | Operation::Embeddings => Self::OpenAi,
            Operation::Responses => Self::Responses,
            Operation::Messages => Self::Anthropic,
            Operation::CountTokens => Self::Count,
        }
    }
}

/// Watches an answer go by. It keeps a bounded piece of it at most, however large it is.
#[derive(Debug)]
pub struct Observer {
    format: Format,
    streamed: bool,
    scan: Scan,
    lines: Lines,
    /// Whether the event that carries nothing but usage is withheld.
    hides: bool,
    holder: Holder,
    openai: Option<TokenCounts>,
    anthropic: AnthropicCounts,
    progress: Progress,
    /// `ended` and `error_event`, as far as events told.
    seen: Observed,
}

/// How far a stream is.
#[derive(Debug, Default)]
struct Progress {
    /// Whether the provider told the final usage.
    settled: bool,
    /// Whether something was seen that a client would miss.
    content: bool,
    /// How many events were complete so far.
    events: u64,
    /// How much text there was when the last of them was.
    judged_text: u64,
}

/// What is held back of the event that is going on.
#[derive(Debug, Default)]
struct Holder {
    held: Vec<u8>,
    /// The event is too large to be judged, or its beginning went out already.
    released: bool,
    /// An event was withheld up to a CR at the end of a piece: an LF that comes next is part of it.
    withheld_to_cr: bool,
    /// The client's reader stood inside something that went out when the answer was over.
    torn: bool,
}

impl Observer {
    /// An observer of one answer. With `hide_usage` the event of an OpenAI stream that carries
    /// nothing but usage is withheld, because the client did not ask for it.
    pub fn new(operation: Operation, streamed: bool, hide_usage: bool) -> Self {
        let format = Format::from(operation);
        let words = if format == Format::Responses { Words::OfResponse } else { Words::Anywhere };
        Self {
            format,
            streamed,
            scan: Scan::new(words),
            lines: Lines::new(),
            hides: hide_usage && operation == Operation::ChatCompletions,
            holder: Holder::default(),
            openai: None,
            anthropic: AnthropicCounts::default(),
            progress: Progress::default(),
            seen: Observed::default(),
        }
    }

    /// Looks at the next piece and returns what the client gets now. Of a stream that is everything
    /// up to an event that is not complete yet, so that a client never has half an event when the
    /// stream fails; of another answer it is the piece itself. May be empty.
    pub fn observe(&mut self, chunk: Bytes) -> Bytes {
        if self.streamed {
            self.pass_events(&chunk)
        } else {
            self.scan.feed(&chunk);
            chunk
        }
    }

    /// What is still held back when the answer is over; the client gets it. Often empty.
    pub fn end(&mut self) -> Bytes {
        self.holder.torn = self.is_torn();
        let withheld = self.streamed && self.lines.finish(&mut self.scan) && self.judge();
        let held = std::mem::take(&mut self.holder.held);
        if withheld { Bytes::new() } else { held.into() }
    }

    /// The event that ends a stream that fails now; what is held back is dropped. It stands alone
    /// even when a part of something went out already: a comment, or an event too large to hold.
    pub fn fail(&mut self, surface: Surface, problem: &ApiProblem) -> Bytes {
        self.holder.held.clear();
        let event = match self.format {
            Format::Responses => responses_event(problem, self.progress.events),
            _ => problem_event(surface, problem),
        };
        if self.holder.torn || self.is_torn() { [b"\n\n", &event[..]].concat().into() } else { event }
    }

    /// Whether a part of something went out already whose end did not.
    fn is_torn(&self) -> bool {
        self.lines.in_the_middle() && (self.holder.released || !self.lines.in_event())
    }

    /// Whether something of a stream was seen that a client would miss: words, thoughts, the call of a
    /// tool or the beginning of one, or the end of an empty answer. Pings, roles and what a stream
    /// says about itself are none of it, and neither is an error.
    pub const fn has_content(&self) -> bool {
        self.progress.content
    }

    /// Bytes of text that the model wrote so far.
    pub const fn written(&self) -> u64 {
        self.scan.text_bytes
    }

    /// Whether a stream came to its proper end already.
    pub const fn has_ended(&self) -> bool {
        self.seen.ended
    }

    /// Whether the provider reported an error in the stream already.
    pub const fn has_reported(&self) -> bool {
        self.seen.error_event
    }

    /// What was seen so far; for the settlement of a call that ends here, in whichever way.
    pub fn observed(&self) -> Observed {
        let mut seen = Observed {
            output_bytes: self.scan.text_bytes,
            model: self.scan.model(),
            response_id: self.scan.id(),
            ..self.seen.clone()
        };
        let (tokens, settled, error) = if self.streamed {
            (self.tokens(), self.progress.settled, false)
        } else if self.scan.complete() {
            seen.ended = true;
            (self.tokens_of_document(), true, self.scan.marks.error || self.scan.kind() == b"error")
        } else {
            (None, false, false)
        };
        seen.error_event |= error;
        // Nothing read and nothing written is no usage of an answer that has text in it.
        seen.tokens = tokens.filter(|tokens| tokens.total() > 0 || seen.output_bytes == 0);
        let wrote_untold = |tokens: &TokenCounts| tokens.total_output() == 0 && seen.output_bytes > 0;
        if let Some(tokens) = seen.tokens.as_mut().filter(|tokens| !settled || wrote_untold(tokens)) {
            seen.partial = true;
            tokens.output = tokens.output.max(estimate::tokens_of_bytes(seen.output_bytes));
        }
        seen
    }

    /// What was seen.
    pub fn finish(mut self) -> Observed {
        self.end();
        self.observed()
    }

    fn tokens(&self) -> Option<TokenCounts> {
        match self.format {
            Format::OpenAi | Format::Responses => self.openai,
            Format::Anthropic => self.anthropic.counts(),
            Format::Count => Some(TokenCounts::default()),
        }
    }

    fn tokens_of_document(&self) -> Option<TokenCounts> {
        if self.format == Format::Count {
            return Some(TokenCounts::default());
        }
        let json = self.scan.usage()?;
        match self.format {
            Format::OpenAi | Format::Responses => usage::openai(json),
            Format::Anthropic | Format::Count => {
                let mut counts = AnthropicCounts::default();
                counts.take(json);
                counts.counts()
            }
        }
    }

    /// Takes what a complete event says; tells whether it is to be withheld.
    fn judge(&mut self) -> bool {
        let text_before = std::mem::replace(&mut self.progress.judged_text, self.scan.text_bytes);
        self.progress.events += 1;
        if self.lines.name() == b"error" {
            self.seen.error_event = true;
        }
        if self.lines.is_done() {
            self.seen.ended = true;
            return false;
        }
        if !self.scan.complete() {
            return false;
        }
        let wrote = self.scan.text_bytes > text_before;
        match self.format {
            Format::OpenAi | Format::Count => self.judge_chunk(wrote),
            Format::Responses => {
                self.judge_response();
                false
            }
            Format::Anthropic => {
                self.judge_message();
                false
            }
        }
    }

    fn judge_chunk(&mut self, wrote: bool) -> bool {
        self.seen.error_event |= self.scan.marks.error;
        self.progress.content |= (wrote || self.scan.marks.acts) && !self.scan.marks.error;
        let Some(json) = self.scan.usage() else { return false };
        self.openai = usage::openai(json);
        self.progress.settled = true;
        self.hides && self.scan.choices != Choices::Filled && !self.scan.marks.error
    }

    fn judge_response(&mut self) {
        let kind = self.scan.kind();
        let failed = matches!(kind, b"response.failed" | b"error");
        let last = matches!(kind, b"response.completed" | b"response.incomplete" | b"response.failed");
        let opening = matches!(kind, b"response.created" | b"response.queued" | b"response.in_progress");
        self.progress.content |= kind.starts_with(b"response.") && !opening && !failed;
        self.seen.ended |= last;
        self.seen.error_event |= failed || self.scan.marks.error;
        if let Some(json) = self.scan.usage().filter(|_| last) {
            self.openai = usage::openai(json);
            self.progress.settled = true;
        }
    }

    fn judge_message(&mut self) {
        let kind = self.scan.kind();
        self.progress.content |=
            matches!(kind, b"content_block_start" | b"content_block_delta" | b"message_delta");
        self.seen.ended |= kind == b"message_stop";
        self.seen.error_event |= kind == b"error";
        self.progress.settled |= kind == b"message_delta" && self.scan.usage().is_some();
        if let Some(json) = self.scan.usage() {
            self.anthropic.take(json);
        }
    }

    /// Passes on what is complete and not to be withheld.
    fn pass_events(&mut self, chunk: &Bytes) -> Bytes {
        let mut out = Passed { chunk, before: Vec::new(), ranges: Vec::new() };
        // Up to where the chunk is dealt with, and where the event that is going on begins in it.
        let (mut dealt, mut event) = (0, 0);
        if let Some(first) = chunk.first()
            && std::mem::take(&mut self.holder.withheld_to_cr)
            && *first == b'\n'
        {
            dealt = 1;
        }
        let mut at = 0;
        while at < chunk.len() {
            let fed = self.lines.feed(&chunk[at..], &mut self.scan);
            if let Some(began) = fed.began {
                event = at + began;
                // What does not begin like a field of an event is no event.
                self.holder.released = !matches!(chunk[event], b'd' | b'e' | b'i' | b'r');
            }
            at += fed.upto;
            if !fed.ended {
                break;
            }
            if self.judge() && !self.holder.released {
                self.holder.held.clear();
                self.holder.withheld_to_cr = chunk[..at].ends_with(b"\r") && at == chunk.len();
                out.ranges.push(dealt..event.max(dealt));
                dealt = at;
            } else if !self.holder.held.is_empty() {
                out.before = std::mem::take(&mut self.holder.held);
            }
        }
        let hold_from =
            if self.lines.in_event() && !self.holder.released { event.max(dealt) } else { chunk.len() };
        out.ranges.push(dealt..hold_from);
        let held_back = &chunk[hold_from..];
        if self.holder.held.len() + held_back.len() > MAX_HELD {
            self.holder.released = true;
            out.ranges.push(hold_from..chunk.len());
            out.before = std::mem::take(&mut self.holder.held);
        } else {
            self.holder.held.extend_from_slice(held_back);
        }
        out.into_bytes()
    }
}

/// What the client gets of a chunk.
struct Passed<'c> {
    chunk: &'c Bytes,
    /// What was held back before it.
    before: Vec<u8>,
    /// Which parts of it.
    ranges: Vec<Range<usize>>,
}

impl Passed<'_> {
    fn into_bytes(mut self) -> Bytes {
        self.ranges.retain(|range| !range.is_empty());
        match (&self.before[..], &self.ranges[..]) {
            ([], []) => Bytes::new(),
            ([], [range]) => self.chunk.slice(range.clone()),
            _ => {
                let mut bytes = self.before;
                for range in self.ranges {
                    bytes.extend_from_slice(&self.chunk[range]);
                }
                bytes.into()
            }
        }
    }
}

/// What an answer is that is there as a whole.
pub fn observe_whole(operation: Operation, body: &[u8]) -> Observed {
    let mut observer = Observer::new(operation, false, false);
    observer.scan.feed(body);
    observer.observed()
}
