//! Usage as the vendors' documentation shows it: classes do not overlap, and their sum is the vendor's.

use promptgate_usage::TokenCounts;

use super::{AnthropicCounts, openai};

fn anthropic(json: &str) -> TokenCounts {
    let mut counts = AnthropicCounts::default();
    counts.take(json.as_bytes());
    counts.counts().unwrap()
}

/// <https://platform.openai.com/docs/api-reference/chat/object>
#[test]
fn a_chat_completion() {
    let counts = openai(
        br#"{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
            "prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,
            "accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
    );
    assert_eq!(counts, Some(TokenCounts { input: 19, output: 10, ..TokenCounts::default() }));
}

/// <https://platform.openai.com/docs/guides/prompt-caching>: what was cached is inside of what was read.
#[test]
fn a_prompt_that_was_cached_before() {
    let counts = openai(
        br#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
            "prompt_tokens_details":{"cached_tokens":1920},
            "completion_tokens_details":{"reasoning_tokens":0,
            "accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
    )
    .unwrap();
    assert_eq!((counts.input, counts.cache_read, counts.output, counts.total()), (86, 1_920, 300, 2_306));
}

/// <https://platform.openai.com/docs/guides/reasoning>: reasoning is inside of what was written.
#[test]
fn a_response_that_was_thought_about() {
    let counts = openai(
        br#"{"input_tokens":75,"input_tokens_details":{"cached_tokens":0},"output_tokens":1186,
            "output_tokens_details":{"reasoning_tokens":1024},"total_tokens":1261}"#,
    )
    .unwrap();
    assert_eq!((counts.input, counts.output, counts.reasoning, counts.total()), (75, 162, 1_024, 1_261));
}

/// <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>: what was cached is beside what was read,
/// and what was written to the cache for an hour beside what was for five minutes.
#[test]
fn a_message_with_both_lifetimes_of_a_cache() {
    let counts = anthropic(
        r#"{"input_tokens":2048,"cache_read_input_tokens":1800,"cache_creation_input_tokens":248,
            "output_tokens":503,
            "cache_creation":{"ephemeral_5m_input_tokens":148,"ephemeral_1h_input_tokens":100}}"#,
    );
    let expected = TokenCounts {
        input: 2_048,
        cache_read: 1_800,
        cache_write_5m: 148,
        cache_write_1h: 100,
        output: 503,
        ..TokenCounts::default()
    };
    assert_eq!((counts, counts.total_input()), (expected, 2_048 + 1_800 + 248));
}

/// <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool>: what a search brought is among
/// what was read and cached.
#[test]
fn a_message_that_searched_the_web() {
    let counts = anthropic(
        r#"{"input_tokens":105,"output_tokens":6039,"cache_read_input_tokens":7123,
            "cache_creation_input_tokens":7345,"server_tool_use":{"web_search_requests":1}}"#,
    );
    assert_eq!((counts.cache_write_5m, counts.total()), (7_345, 105 + 6_039 + 7_123 + 7_345));
}
