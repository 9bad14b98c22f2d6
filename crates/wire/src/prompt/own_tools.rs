//! Tools that the vendor itself runs while it answers: what they fetch is read, too.

use std::borrow::Cow;

use promptgate_providers::Operation;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::envelope::whole;
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

/// A tool that its vendor runs.
struct Own {
    /// How often it may be used at most.
    uses: u64,
    /// How much it may fetch, where that is said.
    fetches: Option<u64>,
    /// Whether it is all tools of a server that the request names.
    is_of_server: bool,
}

impl Own {
    /// Nothing for a tool that its client runs. What cannot be read is taken for the vendor's, and of what is said
    /// twice the larger counts: readers differ in which of the two they take.
    fn read(tool: &RawValue) -> Option<Self> {
        let Ok(members) = members::of_object(tool.get()) else {
            return Some(Self { uses: UNSAID, fetches: None, is_of_server: false });
        };
        let kinds =
            || all(&members, "type").map(|kind| serde_json::from_str::<Option<Cow<'_, str>>>(kind.get()));
        if !kinds().any(|kind| kind.map_or(true, |kind| kind.is_some_and(|kind| is_the_vendors(&kind)))) {
            return None;
        }
        Some(Self {
            uses: all(&members, "max_uses")
                .map(|most| number(most).unwrap_or(UNSAID))
                .max()
                .unwrap_or(UNSAID),
            fetches: all(&members, "max_content_tokens").filter_map(number).max(),
            is_of_server: kinds().any(|kind| kind.is_ok_and(|kind| kind.as_deref() == Some("mcp_toolset"))),
        })
    }
}

fn is_the_vendors(kind: &str) -> bool {
    let is = |own: &&str| kind == *own || (own.ends_with('_') && kind.starts_with(own));
    !OF_CLIENTS.iter().any(is)
}

/// Every member of a name.
fn all<'m, 'a: 'm>(members: &'m [Member<'a>], name: &'m str) -> impl Iterator<Item = &'a RawValue> + 'm {
    members.iter().filter(move |member| member.name == name).map(|member| member.value)
}

/// A whole number, however it is written: some read a text as a number, too.
fn number(value: &RawValue) -> Option<u64> {
    let text = serde_json::from_str::<String>(value.get());
    let json = text.as_deref().unwrap_or(value.get()).trim();
    let is_too_large = || json.parse().is_ok_and(|number: f64| number > 1e15);
    whole(json).or_else(|| is_too_large().then_some(u64::MAX))
}

/// How often tools may be used at most that the vendor runs, and how much each may fetch, where it is said.
pub(super) fn uses(operation: Operation, members: &[Member<'_>]) -> (u64, Option<u64>) {
    if matches!(operation, Operation::Embeddings | Operation::CountTokens) {
        return (0, None);
    }
    let given = |name: &'static str| all(members, name).filter(|value| value.get() != "null");
    // A provider refuses tools that are no array.
    let tools = given("tools").filter_map(|tools| serde_json::from_str::<Vec<&RawValue>>(tools.get()).ok());
    let own: Vec<Own> = tools.flatten().filter_map(Own::read).collect();
    let mut uses = sum(own.iter());
    match operation {
        Operation::ChatCompletions if given("web_search_options").next().is_some() => {
            uses = uses.saturating_add(1);
        }
        Operation::Messages if given("mcp_servers").any(|servers| !is_empty(servers)) => {
            let counted = sum(own.iter().filter(|tool| tool.is_of_server));
            uses = uses.saturating_add(UNSAID.saturating_sub(counted));
        }
        // Of all of them together.
        Operation::Responses => {
            let most = all(members, "max_tool_calls").map(|most| number(most).unwrap_or(u64::MAX)).max();
            uses = uses.min(most.unwrap_or(u64::MAX));
        }
        _ => {}
    }
    (uses, own.iter().filter_map(|tool| tool.fetches).max())
}

fn sum<'t>(tools: impl Iterator<Item = &'t Own>) -> u64 {
    tools.fold(0, |sum, tool| sum.saturating_add(tool.uses))
}

fn is_empty(list: &RawValue) -> bool {
    serde_json::from_str::<Vec<IgnoredAny>>(list.get()).is_ok_and(|list| list.is_empty())
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
            (Operation::Messages, r#"{"mcp_servers":[ ]}"#, (0, None)),
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
    #[test]
    fn a_tool_counts_however_it_is_written() {
        let search = |more: &str| {
            let body = format!(r#"{{"tools":[{{"type":"web_search_20250305","name":"s"{more}}}]}}"#);
            found(Operation::Messages, &body)
        };
        for (more, uses) in [
            (r#","max_uses":12.0"#, 12),
            (r#","max_uses":1e1"#, 10),
            (r#","max_uses":"12""#, 12),
            (r#","max_\u0075ses":12"#, 12),
            (r#","max_uses":2,"max_uses":12"#, 12),
            (r#","max_uses":2,"max_uses":null"#, 10),
            (r#","max_uses":2.5"#, 10),
            (r#","max_uses":[]"#, 10),
            (r#","max_uses":1e300"#, u64::MAX),
            (r#","max_uses":99999999999999999999"#, u64::MAX),
            (r#","type":"custom""#, 10),
            (r#","type":7"#, 10),
        ] {
            assert_eq!(search(more), (uses, None), "{more}");
        }
        assert_eq!(search(r#","max_content_tokens":5e4"#), (10, Some(50_000)));
        // One that cannot be read does not hide the others.
        for (tools, uses) in [
            ("[7]", 10),
            (r#"[{"type":["web_search"]}]"#, 10),
            (r#"[{"type":"w\u0065b_search_20250305","max_uses":3},"x",{"name":"f"}]"#, 13),
            (r#"[{"type":null},{"type":"custom","max_uses":"x"}]"#, 0),
        ] {
            assert_eq!(found(Operation::Messages, &format!(r#"{{"tools":{tools}}}"#)).0, uses, "{tools}");
        }
        let most = |most: &str| {
            found(Operation::Responses, &format!(r#"{{"tools":[{{"type":"web_search"}}]{most}}}"#)).0
        };
        for (given, uses) in [
            (r#","max_tool_calls":4.0"#, 4),
            (r#","max_tool_calls":0,"max_tool_calls":null"#, 10),
            (r#","max_tool_calls":0,"max_tool_calls":6"#, 6),
            (r#","max_tool_calls":{}"#, 10),
        ] {
            assert_eq!(most(given), uses, "{given}");
        }
    }

    #[test]
    fn servers_are_asked_beside_other_tools() {
        for (tools, uses) in [
            (r#"[{"type":"web_search_20250305","max_uses":3}]"#, 13),
            (r#"[{"type":"mcp_toolset","mcp_server_name":"a"}]"#, 10),
            (r#"[{"type":"mcp_toolset","max_uses":1}]"#, 10),
            (r#"[{"type":"mcp_toolset"},{"type":"web_search_20250305","max_uses":3}]"#, 13),
        ] {
            let body = format!(r#"{{"mcp_servers":[{{"type":"url","name":"a"}}],"tools":{tools}}}"#);
            assert_eq!(found(Operation::Messages, &body).0, uses, "{tools}");
        }
    }
}
