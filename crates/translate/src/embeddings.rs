//! Embeddings: a client of OpenAI's format, answered by Cohere's `embed`, version 2,
//! <https://docs.cohere.com/reference/embed>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use promptgate_providers::Capabilities;
use promptgate_usage::TokenCounts;

use crate::compose::{self, Array};
use crate::counts::believed;
use crate::members::{Members, Value};
use crate::{Json, Outgoing, Unreadable, Untranslatable};

const KNOWN: [&str; 6] = ["model", "input", "dimensions", "encoding_format", "input_type", "user"];

const INPUT_TYPES: [&str; 4] = ["search_document", "search_query", "classification", "clustering"];

/// How the client wants its vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As arrays of numbers.
    #[default]
    Float,
    /// As base64 of little-endian 32-bit floats, which OpenAI's own clients ask for.
    Base64,
}

/// A request that can be sent, and how its answer is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request.
    pub outgoing: Outgoing,
    /// For [`read_cohere`].
    pub encoding: Encoding,
}

/// An answer for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded {
    /// The body.
    pub body: Bytes,
    /// What it took, if the provider said so.
    pub usage: Option<TokenCounts>,
}

/// Reads a client's request and writes it for Cohere.
pub fn write_cohere(body: &[u8], model: &str, capabilities: &Capabilities) -> Result<Asked, Untranslatable> {
    let members = Members::parse(body)?;
    let texts = read_texts(&members.need("input")?)?;
    let encoding = match members.text("encoding_format")?.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => return Err(Untranslatable::invalid("encoding_format", "`float` or `base64`")),
    };
    let input_type = members.text("input_type")?.unwrap_or_else(|| INPUT_TYPES[0].to_owned());
    if !INPUT_TYPES.contains(&input_type.as_str()) {
        return Err(Untranslatable::invalid("input_type", &format!("one of {}", INPUT_TYPES.join(", "))));
    }
    let dimensions = members.count("dimensions")?;
    let dimensions_name = capabilities.parameter("dimensions");
    if dimensions.is_some() && dimensions_name.is_none() {
        let why = format!("the model `{model}` has vectors of one size only");
        return Err(Untranslatable::unsupported("dimensions", &why));
    }
    let dropped = members.iter().filter(|(name, _)| *name == "user" || !KNOWN.contains(name));
    let dropped = dropped.map(|(name, _)| name.to_owned()).collect();
    let mut body = Vec::new();
    compose::object(&mut body, |body| {
        body.set("model", model);
        body.set("texts", &texts);
        body.set("input_type", &input_type);
        body.set("embedding_types", &["float"]);
        if let (Some(name), Some(dimensions)) = (dimensions_name, dimensions) {
            body.set(name, &dimensions);
        }
    });
    Ok(Asked { outgoing: Outgoing { body: body.into(), dropped }, encoding })
}

fn read_texts(input: &Value<'_>) -> Result<Vec<String>, Untranslatable> {
    if input.is_text() {
        return Ok(vec![input.text()?]);
    }
    let items = input.items().map_err(|_| input.invalid("a string or an array of strings"))?;
    if items.is_empty() {
        return Err(input.invalid("a string or an array with at least one string"));
    }
    let text = |item: &Value<'_>| {
        item.text().map_err(|_| {
            Untranslatable::unsupported("input", "tokens are not understood, send the text instead")
        })
    };
    items.iter().map(text).collect()
}

/// Reads Cohere's answer and writes it for the client. `model` is its name for the model.
pub fn read_cohere(body: &[u8], model: &str, encoding: Encoding) -> Result<Embedded, Unreadable> {
    let members = Members::parse(body).map_err(|error| Unreadable(error.message))?;
    let vectors = members.get("embeddings").ok_or_else(|| Unreadable("it has no embeddings".to_owned()))?;
    // The first version of the API has the vectors there, the second one by their type.
    let vectors = if vectors.is_array() {
        vectors.items()
    } else {
        vectors.members().and_then(|by_type| by_type.need("float")?.items())
    };
    let vectors = vectors.map_err(|error| Unreadable(error.message))?;
    let vectors: Vec<_> = vectors.iter().map(|vector| written(vector, encoding)).collect::<Result<_, _>>()?;
    let billed = members.lenient_members("meta").and_then(|meta| meta.lenient_members("billed_units"));
    let input = billed.and_then(|billed| believed(&billed, "input_tokens").ok().flatten());
    let usage = input.map(|input| TokenCounts { input, ..TokenCounts::default() });
    let mut body = Vec::new();
    compose::object(&mut body, |body| {
        body.set("object", "list");
        body.array("data", |data| {
            for (index, vector) in vectors.iter().enumerate() {
                write_vector(index, vector, data);
            }
        });
        body.set("model", model);
        body.object("usage", |usage| {
            usage.set("prompt_tokens", &input.unwrap_or(0));
            usage.set("total_tokens", &input.unwrap_or(0));
        });
    });
    Ok(Embedded { body: body.into(), usage })
}

fn write_vector(index: usize, vector: &Json, data: &mut Array<'_>) {
    data.object(|item| {
        item.set("object", "embedding");
        item.set("index", &index);
        item.set("embedding", vector);
    });
}

/// A vector as the client wants it. Numbers keep their spelling.
fn written(vector: &Value<'_>, encoding: Encoding) -> Result<Json, Unreadable> {
    let json = vector.json();
    let wrong = || Unreadable("a vector in it is no array of numbers".to_owned());
    let numbers: Vec<f32> = serde_json::from_str(json.as_str()).map_err(|_| wrong())?;
    match encoding {
        Encoding::Float => Ok(json),
        Encoding::Base64 => {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            Json::parse(&format!("\"{}\"", STANDARD.encode(bytes))).ok_or_else(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities() -> Capabilities {
        let parameters = [("dimensions".to_owned(), "output_dimension".to_owned())];
        Capabilities { parameters: parameters.into(), ..Capabilities::default() }
    }

    fn write(body: &str) -> Result<Asked, Untranslatable> {
        write_cohere(body.as_bytes(), "embed-v4.0", &capabilities())
    }

    const ANSWER: &[u8] = br#"{"id":"x","embeddings":{"float":[[0.10,-0.25],[1,2e-3]]},"texts":["a","b"],
        "meta":{"billed_units":{"input_tokens":5}}}"#;

    #[test]
    fn a_request_is_written_in_coheres_words() {
        let asked = write(
            r#"{"model":"x","input":["a","b"],"dimensions":256,"encoding_format":"base64","user":"u","input_type":"search_query"}"#,
        )
        .unwrap();
        assert_eq!(
            asked.outgoing.body,
            r#"{"model":"embed-v4.0","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"output_dimension":256}"#
        );
        assert_eq!(asked.outgoing.dropped, ["user"]);
        assert_eq!(asked.encoding, Encoding::Base64);
        let asked = write(r#"{"model":"x","input":"a","encoding_format":null}"#).unwrap();
        assert_eq!(
            asked.outgoing.body,
            r#"{"model":"embed-v4.0","texts":["a"],"input_type":"search_document","embedding_types":["float"]}"#
        );
    }

    #[test]
    fn what_cohere_cannot_do_is_refused_by_name() {
        for (body, field, code) in [
            (r#"{"input":[1,2]}"#, "input", "unsupported_by_provider"),
            (r#"{"input":[[1]]}"#, "input", "unsupported_by_provider"),
            (r#"{"input":[]}"#, "input", "invalid_field"),
            (r#"{"input":{}}"#, "input", "invalid_field"),
            ("{}", "input", "missing_field"),
            (r#"{"input":"a","input_type":"image"}"#, "input_type", "invalid_field"),
            (r#"{"input":"a","encoding_format":"int8"}"#, "encoding_format", "invalid_field"),
        ] {
            let error = write(body).unwrap_err();
            assert_eq!((error.field.as_deref(), error.code), (Some(field), code), "{body}");
        }
        let none = Capabilities::default();
        let error =
            write_cohere(br#"{"input":"a","dimensions":2}"#, "embed-english-v3.0", &none).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("dimensions"));
    }

    #[test]
    fn vectors_keep_their_numbers() {
        let answer = read_cohere(ANSWER, "alias", Encoding::Float).unwrap();
        assert_eq!(
            answer.body,
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-0.25]},{"object":"embedding","index":1,"embedding":[1,2e-3]}],"model":"alias","usage":{"prompt_tokens":5,"total_tokens":5}}"#
        );
        assert_eq!(answer.usage.map(|usage| usage.input), Some(5));
    }

    #[test]
    fn base64_is_what_openai_would_send() {
        let answer = read_cohere(ANSWER, "alias", Encoding::Base64).unwrap();
        let first = STANDARD.encode([0.1f32.to_le_bytes(), (-0.25f32).to_le_bytes()].concat());
        let text = std::str::from_utf8(&answer.body).unwrap();
        assert!(text.contains(&format!(r#""embedding":"{first}""#)), "{text}");
    }

    #[test]
    fn what_is_no_answer_is_said_so() {
        for body in [&b"{}"[..], b"[]", br#"{"embeddings":{"int8":[[1]]}}"#, br#"{"embeddings":[["x"]]}"#] {
            assert!(read_cohere(body, "m", Encoding::Float).is_err());
        }
    }
}
