//! OpenAI's and Cohere's embeddings.

use serde_json::{Value, json};

use super::{Wrong, need, need_text, only};
use crate::upstream::{Reply, SeenRequest};

const OPENAI_MEMBERS: [&str; 5] = ["model", "input", "dimensions", "encoding_format", "user"];
const COHERE_MEMBERS: [&str; 8] = [
    "model",
    "texts",
    "input_type",
    "embedding_types",
    "truncate",
    "output_dimension",
    "max_tokens",
    "images",
];

pub(super) fn openai(request: &SeenRequest) -> Reply {
    answer(openai_vectors(&request.json()))
}

pub(super) fn cohere(request: &SeenRequest) -> Reply {
    answer(cohere_vectors(&request.json()))
}

fn answer(said: Result<Value, Wrong>) -> Reply {
    match said {
        Ok(body) => Reply::json(&body),
        Err(wrong) => Reply::status(wrong.status)
            .with_json(&json!({"error": {"message": wrong.message, "type": "invalid_request_error"}})),
    }
}

/// Four numbers that a 32-bit float holds exactly.
fn vector(text: &str) -> [f32; 4] {
    let length = u8::try_from(text.len() % 64).unwrap_or(0);
    [f32::from(length) / 64.0, 0.5, -0.25, 0.125]
}

fn openai_vectors(body: &Value) -> Result<Value, Wrong> {
    only(body, &OPENAI_MEMBERS)?;
    if body.get("encoding_format").is_some_and(Value::is_null) {
        return Err(Wrong::new("encoding_format: must be float or base64"));
    }
    let texts: Vec<String> = match need(body, "input")? {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) if texts.iter().all(Value::is_u64) => vec!["tokens".to_owned()],
        Value::Array(texts) => {
            texts.iter().map(|text| text.as_str().unwrap_or("tokens").to_owned()).collect()
        }
        _ => return Err(Wrong::new("input: must be a string or an array")),
    };
    let base64 = body["encoding_format"] == "base64";
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text);
            let embedding = if base64 { json!(encoded(&vector)) } else { json!(vector) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    Ok(json!({"object": "list", "data": data, "model": need_text(body, "model")?,
        "usage": {"prompt_tokens": 5, "total_tokens": 5}}))
}

fn cohere_vectors(body: &Value) -> Result<Value, Wrong> {
    only(body, &COHERE_MEMBERS)?;
    need_text(body, "model")?;
    need_text(body, "input_type")?;
    if body["embedding_types"][0] != "float" {
        return Err(Wrong::new("embedding_types: float is needed"));
    }
    let texts = need(body, "texts")?.as_array().ok_or_else(|| Wrong::new("texts: must be an array"))?;
    let vectors: Vec<_> = texts.iter().map(|text| vector(text.as_str().unwrap_or_default())).collect();
    Ok(json!({"id": "cohere-vendor", "embeddings": {"float": vectors}, "texts": texts,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 5}}}))
}

/// Little-endian 32-bit floats, as OpenAI packs them.
fn encoded(vector: &[f32]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let three = [group[0], group.get(1).copied().unwrap_or(0), group.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for position in 0..4 {
            if position <= group.len() {
                let index = usize::try_from((bits >> (18 - 6 * position)) & 63).unwrap_or(0);
                text.push(char::from(ALPHABET[index]));
            } else {
                text.push('=');
            }
        }
    }
    text
}
