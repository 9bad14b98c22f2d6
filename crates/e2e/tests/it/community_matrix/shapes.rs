//! Item 19: the four shapes of agents, answered by an OpenAI-like and by an Anthropic-like provider.

use serde_json::{Value, json};

use crate::stage::{Stage, and, chat, events, messages, response};

#[tokio::test]
async fn item_19_every_shape_is_answered_by_either_type_of_provider() {
    let stage =
        Stage::with(&[("openai-like", "openai_compatible", "/v1"), ("anthropic-like", "anthropic", "")])
            .await;
    for (provider, format) in [("openai-like", "chat_completions"), ("anthropic-like", "messages")] {
        let model = format!("{provider}:m-1");
        let said = format!("Hello from {format}: Hello");

        let body = chat(&model, "Hello");
        let answer = stage.post("/v1/chat/completions", &body).await.expect(200).unwrap();
        assert_eq!(answer["object"], "chat.completion", "{answer}");
        assert!(answer["id"].is_string() && answer["created"].is_i64(), "{answer}");
        let choices = answer["choices"].as_array().unwrap();
        assert_eq!((choices.len(), &choices[0]["index"]), (1, &json!(0)), "{answer}");
        assert_eq!(choices[0]["message"]["role"], "assistant", "{answer}");
        assert_eq!(choices[0]["message"]["content"], said.as_str(), "{answer}");
        assert_eq!(
            (&choices[0]["finish_reason"], &answer["model"]),
            (&json!("stop"), &json!("m-1")),
            "{answer}"
        );
        assert_eq!(answer["usage"]["total_tokens"], 21, "{answer}");
        let streamed = stage.post("/v1/chat/completions", &and(body, &json!({"stream": true}))).await;
        let told = events(&streamed.text());
        assert!(told.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"), "{}", streamed.text());
        assert!(streamed.text().ends_with("data: [DONE]\n\n"), "{}", streamed.text());

        let body = response(&model, "Hello");
        let answer = stage.post("/v1/responses", &body).await.expect(200).unwrap();
        assert_eq!(
            (&answer["object"], &answer["status"]),
            (&json!("response"), &json!("completed")),
            "{answer}"
        );
        let item = &answer["output"][0];
        assert_eq!((&item["type"], &item["role"]), (&json!("message"), &json!("assistant")), "{answer}");
        assert_eq!(item["content"][0]["type"], "output_text", "{answer}");
        assert_eq!(item["content"][0]["text"], said.as_str(), "{answer}");
        let usage = &answer["usage"];
        assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(14), &json!(7)), "{answer}");
        let streamed = stage.post("/v1/responses", &and(body, &json!({"stream": true}))).await;
        let told = events(&streamed.text());
        assert_eq!(told.last().unwrap()["type"], "response.completed", "{}", streamed.text());

        let body = messages(&model, "Hello");
        let answer = stage.post("/v1/messages", &body).await.expect(200).unwrap();
        assert_eq!((&answer["type"], &answer["role"]), (&json!("message"), &json!("assistant")), "{answer}");
        assert_eq!(answer["content"][0], json!({"type": "text", "text": said}), "{answer}");
        assert_eq!(
            (&answer["stop_reason"], &answer["stop_sequence"]),
            (&json!("end_turn"), &Value::Null),
            "{answer}"
        );
        assert_eq!(answer["usage"]["output_tokens"], 7, "{answer}");
        let streamed = stage.post("/v1/messages", &and(body, &json!({"stream": true}))).await;
        let text = streamed.text();
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(names.first(), Some(&"message_start"), "{text}");
        assert_eq!(names.last(), Some(&"message_stop"), "{text}");
        assert!(!text.contains("[DONE]"), "{text}");

        let answer = stage.post("/v1/embeddings", &response(&model, "Hello")).await;
        if provider == "openai-like" {
            let body = answer.expect(200).unwrap();
            assert_eq!(
                (&body["object"], &body["data"][0]["object"]),
                (&json!("list"), &json!("embedding")),
                "{body}"
            );
            assert_eq!(body["usage"], json!({"prompt_tokens": 5, "total_tokens": 5}), "{body}");
        } else {
            let body = answer.expect(400).unwrap();
            let message = body["error"]["message"].as_str().unwrap();
            assert!(
                message.contains(provider) && message.contains("embeddings are unsupported"),
                "{message}"
            );
        }
    }
    // Newest first: seven calls of each provider, after the set-up's list of models.
    let calls = stage.gateway.usage(&stage.project, 15).await.unwrap();
    let operations: Vec<_> = calls.iter().map(|call| call["operation"].as_str().unwrap()).collect();
    let each = ["embeddings", "messages", "messages", "responses", "responses"];
    let each = [&each[..], &["chat_completions"; 2]].concat();
    assert_eq!(operations[..14], [&each[..], &each[..]].concat(), "every shape is on record");
}
