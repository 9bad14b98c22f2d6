//! Row 13: embeddings are what the provider makes of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promptgate_e2e::Client;
use serde_json::{Value, json};

use crate::stage::{Stage, and};

#[tokio::test]
async fn row_13_vectors_are_those_that_the_provider_gives_directly() {
    let stage = Stage::with(&[("up", "openai_compatible", "/v1")]).await;
    let direct = Client::new().bearer("a-key-of-the-vendor");
    let direct_url = format!("{}/v1/embeddings", stage.upstream.url());
    for input in [
        json!("one"),
        json!(["one", "three", "Grüße 😀"]),
        json!([9906, 1917, 0]),
        json!([[9906, 1917], [0]]),
    ] {
        for more in [
            json!({}),
            json!({"encoding_format": "base64"}),
            json!({"encoding_format": "float", "dimensions": 4}),
            json!({"user": "somebody"}),
        ] {
            let asked = and(json!({"model": "e-1", "input": input}), &more);
            let expected = direct.post(&direct_url, &asked).await.unwrap();
            let mut through = asked.clone();
            through["model"] = "up:e-1".into();
            let answer = stage.post("/v1/embeddings", &through).await;
            assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
            assert_eq!(answer.text(), expected.text(), "{asked}");
            let seen = stage.upstream.last_request().unwrap();
            assert_eq!(seen.json(), asked, "what is absent stays absent");
        }
    }
    // Null is not absent, and is the provider's to refuse.
    let null = json!({"model": "up:e-1", "input": "one", "encoding_format": null});
    stage.post("/v1/embeddings", &null).await.expect(400).unwrap();
    assert_eq!(stage.upstream.last_request().unwrap().json()["encoding_format"], Value::Null);
}

fn floats(embedding: &Value) -> Vec<f32> {
    if let Some(packed) = embedding.as_str() {
        return unpacked(packed);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the vendor's vectors are of 32-bit floats")]
    let single = |number: &Value| number.as_f64().unwrap() as f32;
    embedding.as_array().unwrap().iter().map(single).collect()
}

/// Base64 of little-endian 32-bit floats.
fn unpacked(packed: &str) -> Vec<f32> {
    let bytes = STANDARD.decode(packed).unwrap();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

#[tokio::test]
async fn row_13_coheres_vectors_come_in_openais_shape() {
    let stage = Stage::with(&[("cohere", "cohere", "")]).await;
    let expected = vec![vec![3.0 / 64.0, 0.5, -0.25, 0.125], vec![5.0 / 64.0, 0.5, -0.25, 0.125]];
    for (encoding, is_packed) in [(Value::Null, false), (json!("float"), false), (json!("base64"), true)] {
        let mut body =
            json!({"model": "cohere:embed-v4.0", "input": ["one", "three"], "input_type": "search_query"});
        if !encoding.is_null() {
            body["encoding_format"] = encoding.clone();
        }
        let answer = stage.post("/v1/embeddings", &body).await.expect(200).unwrap();
        assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("embed-v4.0")));
        assert_eq!(answer["usage"], json!({"prompt_tokens": 5, "total_tokens": 5}));
        let data = answer["data"].as_array().unwrap();
        for (index, item) in data.iter().enumerate() {
            assert_eq!((&item["object"], &item["index"]), (&json!("embedding"), &json!(index)));
            assert_eq!(item["embedding"].is_string(), is_packed, "{encoding}: {item}");
        }
        let vectors: Vec<_> = data.iter().map(|item| floats(&item["embedding"])).collect();
        assert_eq!(vectors, expected, "{encoding}");
        let seen = stage.upstream.last_request().unwrap().json();
        assert_eq!((&seen["texts"], &seen["input_type"]), (&json!(["one", "three"]), &json!("search_query")));
    }
    let asked = stage.upstream.counts().requests;
    let tokens = json!({"model": "cohere:embed-v4.0", "input": [[1, 2]]});
    let refused = stage.post("/v1/embeddings", &tokens).await.expect(400).unwrap();
    assert_eq!(refused["error"]["code"], "unsupported_by_provider", "{refused}");
    assert_eq!(stage.upstream.counts().requests, asked);
}

#[tokio::test]
async fn row_13_providers_without_embeddings_are_named() {
    let kinds =
        [("claude", "anthropic", ""), ("gemini", "google", "/v1beta"), ("fast", "groq", "/openai/v1")];
    let stage = Stage::with(&kinds).await;
    for (name, ..) in kinds {
        let body = json!({"model": format!("{name}:m-1"), "input": "one"});
        let refused = stage.post("/v1/embeddings", &body).await.expect(400).unwrap();
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(name) && message.contains("embeddings are unsupported"), "{message}");
    }
    assert_eq!(stage.upstream.counts().requests, 0);
}
