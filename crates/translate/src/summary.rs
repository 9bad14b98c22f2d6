//! What an answer said, in short: for the record of a call, from what was kept of it.

use promptgate_providers::Shape;

use crate::{Block, ChatAnswer, Context, Opening, Stop, StreamEvent, StreamTranslator, read_answer};

mod mend;

/// What an answer said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Its words, refusals too. Thoughts are no part of it.
    pub text: String,
    /// The tools that the model wants called.
    pub tool_calls: Vec<ToolCallSummary>,
    /// Why it stopped, if that is known.
    pub stop: Option<Stop>,
}

/// A tool that the model wants called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCallSummary {
    /// Ties the result to the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as JSON text. It may be cut off.
    pub arguments: String,
}

/// Reads what was kept of an answer. It may be cut off anywhere; of what is no answer nothing is
/// said.
pub fn of(shape: Shape, streamed: bool, captured: &[u8]) -> Summary {
    if streamed {
        let mut summary = Collector::default();
        let mut translator = StreamTranslator::new(shape, Shape::ChatCompletions, Context::default());
        translator.read_all(captured, |event| summary.take(event));
        return summary.finish();
    }
    let answer = read_answer(shape, captured)
        .ok()
        .or_else(|| mend::mend(captured).and_then(|mended| read_answer(shape, &mended).ok()));
    answer.map(of_answer).unwrap_or_default()
}

fn of_answer(answer: ChatAnswer) -> Summary {
    let mut summary = Summary { stop: Some(answer.stop), ..Summary::default() };
    for block in answer.blocks {
        match block {
            Block::Text { text, .. } | Block::Refusal { text } => summary.text.push_str(&text),
            Block::ToolCall { id, name, arguments, .. } => {
                summary.tool_calls.push(ToolCallSummary { id, name, arguments });
            }
            _ => {}
        }
    }
    summary
}

#[derive(Debug, Default)]
struct Collector {
    summary: Summary,
    /// Which blocks are words, and which are which call.
    blocks: Vec<(usize, Option<usize>)>,
}

impl Collector {
    fn take(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Open { index, opening } => self.open(*index, opening),
            StreamEvent::Delta { index, text } => {
                let found = self.blocks.iter().rfind(|(block, _)| block == index);
                let into = match found {
                    Some((_, Some(call))) => &mut self.summary.tool_calls[*call].arguments,
                    Some((_, None)) => &mut self.summary.text,
                    None => return,
                };
                into.push_str(text);
            }
            StreamEvent::Stop(stop) => self.summary.stop = Some(stop.clone()),
            _ => {}
        }
    }

    fn open(&mut self, index: usize, opening: &Opening) {
        match opening {
            Opening::Text | Opening::Refusal => self.blocks.push((index, None)),
            Opening::ToolCall { id, name, .. } => {
                self.blocks.push((index, Some(self.summary.tool_calls.len())));
                let call = ToolCallSummary { id: id.clone(), name: name.clone(), arguments: String::new() };
                self.summary.tool_calls.push(call);
            }
            Opening::Thinking | Opening::RedactedThinking { .. } => {}
        }
    }

    fn finish(self) -> Summary {
        self.summary
    }
}
