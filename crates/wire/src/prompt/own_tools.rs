//! Tools that the vendor itself runs while it answers: what they fetch is read, too.

use std::borrow::Cow;

use promptgate_providers::Operation;
use serde::Deserialize;

use crate::members::{self, Member};

/// How often a tool is used at most, where nobody says it: after so many times Anthropic gives the turn back,
/// <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/web-search-tool>.
const UNSAID: u64 = 10;

/// Types of tools that the client runs, or that find nothing but what the request has. Those of Anthropic end in a
/// date.
const OF_CLIENTS: [&str; 13] = [
    "function",
    "custom",
    "namespace",
    "local_shell",
    "shell",
    "apply_patch",
    "computer",
    "computer_use_preview",
    "bash_",
    "text_editor_",
    "computer_",
    "memory_",
    "tool_search_tool_",
];

/// A tool of any vendor.
#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default)]
    max_uses: Option<u64>,
    #[serde(default)]
    max_content_tokens: Option<u64>,
}

impl Tool<'_> {
    fn is_the_vendors(&self) -> bool {
        let Some(kind) = &self.r#type else { return false };
        let is = |own: &&str| kind == own || (own.ends_with('_') && kind.starts_with(own));
        !OF_CLIENTS.iter().any(is)
    }
}

/// How often tools may be used at most that the vendor runs, and how much each may fetch, where it is said.
pub(super) fn uses(operation: Operation, members: &[Member<'_>]) -> (u64, Option<u64>) {
    let given = |name: &str| {
        let member = members::find(members, name).filter(|member| member.value.get() != "null");
        member.map(|member| member.value.get())
    };
    if matches!(operation, Operation::Embeddings | Operation::CountTokens) {
        return (0, None);
    }
    // A provider refuses what cannot be read.
    let tools = given("tools").and_then(|tools| serde_json::from_str::<Vec<Tool<'_>>>(tools).ok());
    let tools = tools.unwrap_or_default();
    let own = || tools.iter().filter(|tool| tool.is_the_vendors());
    let mut uses = own().fold(0, |all: u64, tool| all.saturating_add(tool.max_uses.unwrap_or(UNSAID)));
    match operation {
        Operation::ChatCompletions if given("web_search_options").is_some() => uses = uses.saturating_add(1),
        Operation::Messages if uses == 0 && given("mcp_servers").is_some_and(|servers| servers != "[]") => {
            uses = UNSAID;
        }
        // Of all of them together.
        Operation::Responses => {
            let most = given("max_tool_calls").and_then(|most| most.parse().ok());
            uses = uses.min(most.unwrap_or(u64::MAX));
        }
        _ => {}
    }
    (uses, own().filter_map(|tool| tool.max_content_tokens).max())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(operation: Operation, body: &str) -> (u64, Option<u64>) {
        uses(operation, &members::of_object(body).unwrap())
    }

    #[test]
    fn only_what_the_vendor_runs_is_counted() {
        for (operation, body, expected) in [
            (
                Operation::Messages,
                r#"{"tools":[{"name":"f","input_schema":{}},{"type":"bash_20250124"}]}"#,
                (0, None),
            ),
            (Operation::Messages, r#"{"tools":[{"type":"custom","name":"f","max_uses":9}]}"#, (0, None)),
            (Operation::Messages, r#"{"tools":[{"type":"web_search_20250305","max_uses":3}]}"#, (3, None)),
            (Operation::Messages, r#"{"tools":[{"type":"web_search_20250305"}]}"#, (10, None)),
            (
                Operation::Messages,
                r#"{"tools":[{"type":"web_search_20250305","max_uses":3},
                    {"type":"web_fetch_20250910","max_uses":2,"max_content_tokens":50000}]}"#,
                (5, Some(50_000)),
            ),
            (Operation::Messages, r#"{"mcp_servers":[{"type":"url"}]}"#, (10, None)),
            (Operation::Messages, r#"{"tools":7}"#, (0, None)),
            (Operation::Responses, r#"{"tools":[{"type":"function"},{"type":"web_search"}]}"#, (10, None)),
            (
                Operation::Responses,
                r#"{"tools":[{"type":"file_search"},{"type":"web_search_preview"}],"max_tool_calls":4}"#,
                (4, None),
            ),
            (Operation::Responses, r#"{"tools":[{"type":"custom"}],"max_tool_calls":4}"#, (0, None)),
            (
                Operation::ChatCompletions,
                r#"{"tools":[{"type":"function"}],"web_search_options":{}}"#,
                (1, None),
            ),
            (Operation::CountTokens, r#"{"tools":[{"type":"web_search_20250305"}]}"#, (0, None)),
        ] {
            assert_eq!(found(operation, body), expected, "{body}");
        }
    }
}
