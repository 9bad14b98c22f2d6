//! Requests of 8 KiB.

use anyhow::Context;
use bytes::Bytes;
use promptgate_providers::Operation;
use promptgate_wire::{Channel, Texts};
use serde_json::json;

use super::texts::{Dice, Kind, hit};

/// How long the body of an ordinary request is.
const REQUEST: usize = 8 * 1024;
/// How many there are of each sort.
const REQUESTS: u64 = 8;
/// A line in so many holds something that is found, where hits are wanted.
const HIT_EVERY: usize = 6;

/// A request, and the texts in it.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) parts: Vec<(Channel, String)>,
}

/// Requests of one sort.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) bodies: Vec<Body>,
}

impl Load {
    /// All sorts: of every kind of text, and of all of them with hits.
    pub(super) fn all() -> anyhow::Result<Vec<Self>> {
        let plain = |kind, name| Self::new(name, &[kind], false);
        Ok(vec![
            plain(Kind::Prose, "prose")?,
            plain(Kind::Code, "code")?,
            plain(Kind::Json, "JSON")?,
            plain(Kind::Logs, "logs")?,
            Self::new("with hits", &Kind::ALL, true)?,
        ])
    }

    fn new(name: &'static str, kinds: &[Kind], hits: bool) -> anyhow::Result<Self> {
        let body = |seed| Body::new(kinds, hits, seed).with_context(|| format!("cannot make up {name}"));
        Ok(Self { name, bodies: (0..REQUESTS).map(body).collect::<anyhow::Result<_>>()? })
    }
}

/// How many KiB of text bodies hold.
pub(super) fn kib(bodies: &[Body]) -> f64 {
    let bytes: usize = bodies.iter().flat_map(|body| &body.parts).map(|(_, text)| text.len()).sum();
    bytes as f64 / 1024.0
}

impl Body {
    /// A conversation: what the operator wants, a question with the text, an answer, the rest of the
    /// text as the result of a tool.
    fn new(kinds: &[Kind], hits: bool, seed: u64) -> anyhow::Result<Self> {
        let mut dice = Dice::new(seed);
        let (mut asked, mut fetched) = (String::from("What do you make of this?\n\n"), String::new());
        let mut lines = 0;
        let mut whole = Bytes::new();
        while whole.len() < REQUEST {
            for of_tool in [false, false, true] {
                let out = if of_tool { &mut fetched } else { &mut asked };
                kinds[lines % kinds.len()].write(&mut dice, out);
                lines += 1;
                if hits && lines % HIT_EVERY == 0 {
                    hit(&mut dice, out);
                }
            }
            whole = request(&asked, &fetched)?;
        }
        let texts = Texts::of_request(Operation::ChatCompletions, &whole)?;
        let parts = texts.parts().map(|part| (part.channel, part.text.to_owned())).collect();
        Ok(Self { bytes: whole, parts })
    }
}

fn request(asked: &str, fetched: &str) -> anyhow::Result<Bytes> {
    let arguments = json!({"query": "what is known of it", "limit": 20}).to_string();
    let body = json!({
        "model": "gpt-5",
        "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. Answer briefly."},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": arguments}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": fetched},
        ],
    });
    Ok(serde_json::to_vec(&body)?.into())
}

#[cfg(test)]
mod tests {
    use promptgate_guard::{Pii, PiiKind, SecretKind, Secrets, Strictness, Text};

    use super::*;

    fn found(load: &Load) -> usize {
        let pii = Pii::new(&PiiKind::ALL, Strictness::Standard);
        let secrets = Secrets::new(&SecretKind::all().collect::<Vec<_>>(), Strictness::Standard);
        let mut found = Vec::new();
        for (_, text) in load.bodies.iter().flat_map(|body| &body.parts) {
            pii.find(&Text::read(text), &mut found);
            secrets.find(&Text::read(text), &mut found);
        }
        found.len()
    }

    #[test]
    fn only_what_is_to_have_hits_has_some_and_everything_is_the_same_each_time() {
        let loads = Load::all().unwrap();
        for load in &loads {
            assert_eq!(found(load) > 0, load.name == "with hits", "{}", load.name);
            for body in &load.bodies {
                assert!((REQUEST..REQUEST + 4096).contains(&body.bytes.len()), "{}", body.bytes.len());
                assert_eq!(body.parts.len(), 4, "{:?}", body.parts);
            }
        }
        let again = Load::all().unwrap();
        assert!(loads.iter().zip(&again).all(|(one, other)| one.bodies[7].bytes == other.bodies[7].bytes));
    }
}
