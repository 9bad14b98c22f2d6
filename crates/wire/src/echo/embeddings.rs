//! Embeddings: vectors that only depend on the text, and are equal for equal texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Reply;
use crate::{BadRequest, Envelope, estimate};

const DEFAULT_DIMENSIONS: u64 = 1536;
const MAX_DIMENSIONS: u64 = 4096;
const MAX_INPUTS: usize = 2048;
/// The most numbers in one answer: some twelve megabytes.
const MAX_NUMBERS: u64 = 1 << 20;

#[derive(Deserialize)]
struct Request {
    input: Input,
    #[serde(default)]
    dimensions: Option<serde_json::Value>,
    #[serde(default)]
    encoding_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    ManyTokens(Vec<Vec<u32>>),
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Row>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Row {
    object: &'static str,
    index: usize,
    embedding: Embedding,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding {
    Numbers(Vec<f32>),
    Encoded(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

pub(super) fn whole(envelope: &Envelope, reply: &Reply<'_>) -> Result<Bytes, BadRequest> {
    let request: Request = serde_json::from_slice(envelope.body()).map_err(|_| {
        BadRequest::invalid("input", "a text, an array of texts, or one or more arrays of tokens")
    })?;
    let inputs = request.input.bytes();
    if inputs.is_empty() || inputs.len() > MAX_INPUTS || inputs.iter().any(Vec::is_empty) {
        return Err(BadRequest::invalid("input", "1 to 2048 texts or arrays of tokens, none of them empty"));
    }
    let dimensions = match request.dimensions.filter(|dimensions| !dimensions.is_null()) {
        None => DEFAULT_DIMENSIONS,
        Some(given) => given
            .as_u64()
            .filter(|given| (1..=MAX_DIMENSIONS).contains(given))
            .ok_or_else(|| BadRequest::invalid("dimensions", "a whole number from 1 to 4096"))?,
    };
    if dimensions.saturating_mul(inputs.len() as u64) > MAX_NUMBERS {
        return Err(BadRequest::invalid("input", "fewer texts: echo answers with at most 1,048,576 numbers"));
    }
    let encode: fn(Vec<f32>) -> Embedding = match request.encoding_format.as_deref() {
        None | Some("float") => Embedding::Numbers,
        Some("base64") => encoded,
        Some(_) => return Err(BadRequest::invalid("encoding_format", "`float` or `base64`")),
    };
    let row = |(index, input): (usize, &Vec<u8>)| Row {
        object: "embedding",
        index,
        embedding: encode(vector(input, dimensions)),
    };
    let tokens = estimate::tokens_of_bytes(envelope.prompt_bytes).max(1);
    Ok(crate::json(&Answer {
        object: "list",
        data: inputs.iter().enumerate().map(row).collect(),
        model: reply.model,
        usage: Usage { prompt_tokens: tokens, total_tokens: tokens },
    }))
}

impl Input {
    /// The bytes of each thing to embed.
    fn bytes(self) -> Vec<Vec<u8>> {
        let of_tokens = |tokens: Vec<u32>| tokens.into_iter().flat_map(u32::to_le_bytes).collect();
        match self {
            Self::Text(text) => vec![text.into_bytes()],
            Self::Texts(texts) => texts.into_iter().map(String::into_bytes).collect(),
            Self::Tokens(tokens) => vec![of_tokens(tokens)],
            Self::ManyTokens(inputs) => inputs.into_iter().map(of_tokens).collect(),
        }
    }
}

fn encoded(vector: Vec<f32>) -> Embedding {
    let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
    Embedding::Encoded(STANDARD.encode(bytes))
}

/// A direction that `input` decides, of length one.
fn vector(input: &[u8], dimensions: u64) -> Vec<f32> {
    let mut state = fnv1a(input);
    let numbers: Vec<f64> = (0..dimensions)
        .map(|_| {
            // SplitMix64; the upper half as a number from -1 to 1.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            let half = u32::try_from(mixed >> 32).expect("the upper half of 64 bits has 32");
            (f64::from(half) + 0.5) / f64::from(u32::MAX) * 2.0 - 1.0
        })
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "vectors have single precision on the wire")]
    numbers.into_iter().map(|number| (number / length) as f32).collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::echo::tests::REPLY;
    use promptgate_providers::Operation;
    use serde_json::Value;

    fn embed(members: &str) -> Result<Value, BadRequest> {
        let body = format!(r#"{{"model":"echo",{members}}}"#);
        let envelope = Envelope::parse(Operation::Embeddings, body.into()).unwrap();
        whole(&envelope, &REPLY).map(|answer| serde_json::from_slice(&answer).unwrap())
    }

    fn numbers(embedding: &Value) -> Vec<f32> {
        serde_json::from_value(embedding.clone()).unwrap()
    }

    #[test]
    fn equal_texts_have_equal_vectors_of_length_one() {
        let answer = embed(r#""input":["a","b","a"]"#).unwrap();
        let [a, b, again] = [0, 1, 2].map(|index| numbers(&answer["data"][index]["embedding"]));
        assert_eq!((a.len(), &a), (1536, &again));
        assert_ne!(a, b);
        let length: f32 = a.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
        assert_eq!(answer["data"][2]["index"], 2);
        assert_eq!((&answer["model"], &answer["usage"]["prompt_tokens"]), (&"echo".into(), &1.into()));
    }

    #[test]
    fn base64_is_the_same_vector_in_little_endian() {
        let encoded = embed(r#""input":"text","dimensions":3,"encoding_format":"base64""#).unwrap();
        let bytes = STANDARD.decode(encoded["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let decoded: Vec<f32> =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        let plain = embed(r#""input":"text","dimensions":3,"encoding_format":null"#).unwrap();
        assert_eq!(decoded, numbers(&plain["data"][0]["embedding"]));
    }

    #[test]
    fn tokens_are_embedded_too() {
        let one = embed(r#""input":[1,2,3],"dimensions":2"#).unwrap();
        let two = embed(r#""input":[[1,2,3],[4]],"dimensions":2"#).unwrap();
        assert_eq!(one["data"][0], two["data"][0]);
        assert_eq!(two["data"].as_array().unwrap().len(), 2);
        assert_eq!(one["usage"]["total_tokens"], 3);
    }

    #[test]
    fn what_cannot_be_embedded_is_named() {
        let too_much = format!(r#""input":[{}"a"]"#, r#""a","#.repeat(700));
        for (members, field) in [
            (r#""input":[]"#, "input"),
            (r#""input":"""#, "input"),
            (r#""input":["a",1]"#, "input"),
            (r#""input":"a","dimensions":0"#, "dimensions"),
            (r#""input":"a","dimensions":4097"#, "dimensions"),
            (r#""input":"a","encoding_format":"hex""#, "encoding_format"),
            (&too_much, "input"),
        ] {
            assert_eq!(embed(members).unwrap_err().field.as_deref(), Some(field), "{members:.60}");
        }
    }
}
