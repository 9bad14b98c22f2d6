//! What an answer said, in short: for the record of a call, from what was kept of it.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use promptgate_providers::Shape;

use crate::stream::Heard;
use crate::{Block, ChatAnswer, Context, Opening, Stop, StreamEvent, StreamTranslator, read_answer};

mod mend;

/// Most of what is said is shorter, and what is longer grows less often.
const USUAL_LENGTH: usize = 512;

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
        let mut listener = Listener::new(shape, usize::MAX);
        listener.hear(captured);
        return listener.finish().0;
    }
    let answer = read_answer(shape, captured)
        .ok()
        .or_else(|| mend::mend(captured).and_then(|mended| read_answer(shape, &mended).ok()));
    answer.map(of_answer).unwrap_or_default()
}

/// Listens to a stream while it passes, piece by piece, and keeps no more than there is room for.
#[derive(Debug)]
pub struct Listener {
    translator: StreamTranslator,
    collector: Collector,
    is_chat: bool,
}

impl Listener {
    /// A listener at the beginning of a stream. It keeps at most `room` bytes of words, and as many
    /// of tool calls.
    pub fn new(shape: Shape, room: usize) -> Self {
        let translator = StreamTranslator::new(shape, Shape::ChatCompletions, Context::default());
        Self { translator, collector: Collector::new(room), is_chat: shape == Shape::ChatCompletions }
    }

    /// Hears the next piece, split from the others anywhere.
    pub fn hear(&mut self, piece: &[u8]) {
        let Self { translator, collector, is_chat } = self;
        translator.read_all(piece, |heard| match heard {
            Heard::Data(data) => *is_chat && plain_words(data).is_some_and(|words| collector.words(words)),
            Heard::Event(event) => {
                collector.take(event);
                true
            }
        });
    }

    /// What was said, and whether there was not room for all of it.
    pub fn finish(self) -> (Summary, bool) {
        (self.collector.summary, self.collector.is_cut)
    }
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

#[derive(Debug)]
struct Collector {
    summary: Summary,
    /// Which blocks are words, and which are which call.
    blocks: Vec<(usize, Option<usize>)>,
    room_for_words: usize,
    room_for_calls: usize,
    is_cut: bool,
}

impl Collector {
    fn new(room: usize) -> Self {
        Self {
            summary: Summary::default(),
            blocks: Vec::new(),
            room_for_words: room,
            room_for_calls: room,
            is_cut: false,
        }
    }

    fn take(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Open { index, opening } => self.open(*index, opening),
            StreamEvent::Delta { index, text } => {
                let found = self.blocks.iter().rfind(|(block, _)| block == index);
                match found {
                    Some((_, Some(call))) => {
                        let arguments = &mut self.summary.tool_calls[*call].arguments;
                        self.is_cut |= !keep(arguments, text, &mut self.room_for_calls);
                    }
                    Some((_, None)) => {
                        self.words(text);
                    }
                    None => {}
                }
            }
            StreamEvent::Stop(stop) => self.summary.stop = Some(stop.clone()),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) -> bool {
        self.is_cut |= !keep(&mut self.summary.text, text, &mut self.room_for_words);
        true
    }

    fn open(&mut self, index: usize, opening: &Opening) {
        match opening {
            Opening::Text | Opening::Refusal => self.blocks.push((index, None)),
            Opening::ToolCall { id, name, .. } => {
                let size = id.len() + name.len();
                if size > self.room_for_calls {
                    self.is_cut = true;
                    self.room_for_calls = 0;
                    return;
                }
                self.room_for_calls -= size;
                self.blocks.push((index, Some(self.summary.tool_calls.len())));
                let call = ToolCallSummary { id: id.clone(), name: name.clone(), arguments: String::new() };
                self.summary.tool_calls.push(call);
            }
            Opening::Thinking | Opening::RedactedThinking { .. } => {}
        }
    }
}

/// Keeps as much as there is room for; says whether that was all. What is cut stays cut: no later
/// word is put behind the gap.
fn keep(into: &mut String, text: &str, room: &mut usize) -> bool {
    let kept = text.floor_char_boundary(*room);
    if into.capacity() == 0 {
        into.reserve(USUAL_LENGTH.min(*room));
    }
    into.push_str(&text[..kept]);
    let is_all = kept == text.len();
    *room = if is_all { *room - kept } else { 0 };
    is_all
}

/// The words of a chunk of Chat Completions that has nothing else: most have, and reading them whole
/// is most of what listening costs. The beginning can stand in no text, because quotation marks in
/// texts have a backslash before them.
fn plain_words(data: &str) -> Option<&str> {
    const BEFORE: &str = r#""choices":[{"#;
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BEFORE));
    const EMPTY: [&str; 3] = [r#""index":0"#, r#""finish_reason":null"#, r#""logprobs":null"#];
    let mut rest = data.get(FINDER.find(data.as_bytes())? + BEFORE.len()..)?;
    let mut found = None;
    loop {
        rest = if let Some(delta) = rest.strip_prefix(r#""delta":{"#).filter(|_| found.is_none()) {
            let delta = delta.strip_prefix(r#""role":"assistant","#).unwrap_or(delta);
            let words = delta.strip_prefix(r#""content":""#)?;
            let (words, rest) = words.split_at(memchr::memchr2(b'"', b'\\', words.as_bytes())?);
            found = Some(words);
            rest.strip_prefix("\"}")?
        } else {
            EMPTY.iter().find_map(|member| rest.strip_prefix(member))?
        };
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return found.filter(|_| rest.starts_with("}]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(delta: &str) -> String {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
    }

    fn call(index: u32, id: &str, arguments: &str) -> String {
        chunk(&format!(
            r#"{{"tool_calls":[{{"index":{index},"id":"{id}","function":{{"name":"f","arguments":"{arguments}"}}}}]}}"#
        ))
    }

    #[test]
    fn a_stream_is_heard_whatever_its_pieces_are() {
        let stream =
            [chunk(r#"{"content":"grü"}"#), chunk(r#"{"content":"ß"}"#), call(0, "c1", "{}")].concat();
        let whole = of(Shape::ChatCompletions, true, stream.as_bytes());
        assert_eq!((whole.text.as_str(), whole.tool_calls.len()), ("grüß", 1));
        for size in [1, 2, 3, 7] {
            let mut listener = Listener::new(Shape::ChatCompletions, 64);
            stream.as_bytes().chunks(size).for_each(|piece| listener.hear(piece));
            assert_eq!(listener.finish(), (whole.clone(), false), "in pieces of {size}");
        }
    }

    #[test]
    fn what_has_no_room_is_cut_and_that_is_said() {
        let words = [chunk(r#"{"content":"aaaé"}"#), chunk(r#"{"content":"b"}"#)].concat();
        let mut listener = Listener::new(Shape::ChatCompletions, 4);
        listener.hear(words.as_bytes());
        listener.hear(call(0, "c1", "123").as_bytes());
        listener.hear(call(1, "c2", "123").as_bytes());
        let (said, is_cut) = listener.finish();
        assert!(is_cut);
        assert_eq!(said.text, "aaa", "nothing comes behind a gap");
        assert_eq!(said.tool_calls.len(), 1);
        assert_eq!((said.tool_calls[0].id.as_str(), said.tool_calls[0].arguments.as_str()), ("c1", "1"));
    }

    #[test]
    fn the_short_way_says_what_the_long_one_does() {
        let words =
            ["hi", "", "grüß", r#"a\"b"#, r"\n", r#"\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x"#];
        let forms = [
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"W"},"logprobs":null,"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":"W"},"finish_reason":null,"index":0}],"usage":null}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"W"}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"W"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"W"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"W"}},{"index":1,"delta":{"content":"W"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"W","tool_calls":[]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"W"}}]}"#,
        ];
        let heard = |data: &str| of(Shape::ChatCompletions, true, format!("data: {data}\n\n").as_bytes());
        let mut short = 0;
        for form in forms {
            for words in words {
                let data = form.replace('W', words);
                short += usize::from(plain_words(&data).is_some());
                let spaced = data.replace("\"choices\":[", "\"choices\": [");
                assert_eq!(plain_words(&spaced), None);
                assert_eq!(heard(&data), heard(&spaced), "{data}");
            }
        }
        assert_eq!(short, 9, "three plain words in three forms");
    }
}
