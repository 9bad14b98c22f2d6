//! Which tool calls: what it says about itself in its headers, or in its body.
//!
//! The table below holds what tools were seen to send; it decides nothing but a column of the record.

use http::HeaderMap;
use http::header::USER_AGENT;
use serde::Deserialize;

/// More than the longest session id of any tool.
const MAX_SESSION: usize = 200;
/// What of a `User-Agent` is looked at.
const MAX_AGENT: usize = 64;

/// How a tool is recognised.
struct Tool {
    name: &'static str,
    /// How its `User-Agent` begins, in lower case.
    agents: &'static [&'static str],
    /// Headers that only it sends, and how their values begin, in lower case.
    marks: &'static [(&'static str, &'static str)],
    /// Where it names its session, the best first.
    sessions: &'static [&'static str],
}

/// Known tools. The first that fits counts: most tools call through an SDK, so SDKs come last.
const TOOLS: &[Tool] = &[
    Tool {
        name: "claude_code",
        agents: &["claude-cli/", "claude-code/", "claude-vscode/"],
        marks: &[("x-claude-code-session-id", "")],
        sessions: &["x-claude-code-session-id"],
    },
    Tool {
        name: "codex",
        agents: &["codex_", "codex-", "codex/"],
        marks: &[("originator", "codex")],
        sessions: &["session_id", "session-id", "conversation_id", "thread-id"],
    },
    Tool {
        name: "cursor",
        agents: &["cursor/"],
        marks: &[("x-cursor-client-version", "")],
        sessions: &["x-cursor-session-id", "x-session-id"],
    },
    Tool { name: "zed", agents: &["zed/"], marks: &[], sessions: &[] },
    Tool {
        name: "github_copilot",
        agents: &["githubcopilotchat/", "copilot/", "github-copilot"],
        marks: &[("copilot-integration-id", "")],
        sessions: &["x-client-session-id", "vscode-sessionid", "x-interaction-id"],
    },
    Tool {
        name: "kilo_code",
        agents: &["kilo-code/", "kilocode/"],
        marks: &[
            ("x-kilocode-taskid", ""),
            ("x-kilocode-version", ""),
            ("originator", "kilo"),
            ("x-title", "kilo code"),
        ],
        sessions: &["x-kilocode-taskid"],
    },
    Tool {
        name: "roo_code",
        agents: &["roocode/", "roo-code/"],
        marks: &[
            ("originator", "roo"),
            ("x-title", "roo code"),
            ("http-referer", "https://github.com/roovet"),
        ],
        sessions: &["x-roo-task-id", "session_id"],
    },
    Tool {
        name: "cline",
        agents: &["cline/"],
        marks: &[("x-title", "cline"), ("http-referer", "https://cline.bot")],
        sessions: &["x-task-id"],
    },
    Tool {
        name: "aider",
        agents: &["aider/"],
        marks: &[("x-title", "aider"), ("http-referer", "https://aider.chat")],
        sessions: &[],
    },
    Tool {
        name: "continue",
        agents: &["continue/"],
        marks: &[("x-title", "continue"), ("http-referer", "https://www.continue.dev")],
        sessions: &["x-continue-session-id"],
    },
    Tool {
        name: "opencode",
        agents: &["opencode/"],
        marks: &[("originator", "opencode"), ("x-title", "opencode")],
        sessions: &["x-opencode-session", "x-session-id", "session-id", "session_id"],
    },
    Tool {
        name: "goose",
        agents: &["goose/"],
        marks: &[("x-title", "goose")],
        sessions: &["agent-session-id"],
    },
    Tool { name: "gemini_cli", agents: &["geminicli/"], marks: &[], sessions: &[] },
    Tool { name: "qwen_code", agents: &["qwencode/"], marks: &[], sessions: &["x-qwen-code-session-id"] },
    Tool { name: "crush", agents: &["charm crush/", "charm-crush/", "crush/"], marks: &[], sessions: &[] },
    Tool { name: "mux", agents: &["mux/"], marks: &[], sessions: &["x-mux-workspace-id"] },
    Tool { name: "coder_agents", agents: &["coder-agents/"], marks: &[], sessions: &["x-coder-chat-id"] },
    Tool {
        name: "open_webui",
        agents: &["open webui", "open-webui"],
        marks: &[("x-openwebui-chat-id", ""), ("x-title", "open webui")],
        sessions: &["x-openwebui-chat-id"],
    },
    Tool { name: "litellm", agents: &["litellm/"], marks: &[], sessions: &["x-litellm-session-id"] },
    Tool { name: "vercel_ai_sdk", agents: &["ai-sdk/", "ai/"], marks: &[], sessions: &[] },
    Tool { name: "anthropic_sdk", agents: &["anthropic/", "asyncanthropic/"], marks: &[], sessions: &[] },
    Tool { name: "openai_sdk", agents: &["openai/", "asyncopenai/"], marks: &[], sessions: &[] },
    Tool { name: "mistral_sdk", agents: &["mistral-client-", "speakeasy-sdk/"], marks: &[], sessions: &[] },
];

/// The tool that calls, as far as it says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientTool {
    /// The tool; `None` for one that is not known.
    pub(crate) name: Option<&'static str>,
    /// Its own id of its session.
    pub(crate) session: Option<String>,
}

impl ClientTool {
    /// Recognises a tool by the headers of its request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let agent = text(USER_AGENT.as_str()).unwrap_or_default();
        let agent = agent.get(..MAX_AGENT).unwrap_or(agent).to_ascii_lowercase();
        let begins = |name: &str, start: &str| {
            let value = text(name)?;
            let value = value.get(..start.len())?;
            value.eq_ignore_ascii_case(start).then_some(())
        };
        // Looking a header up costs more than looking at them all, and most clients send no mark.
        let is_marked = headers.keys().any(|name| may_be_mark(name.as_str()));
        let found = TOOLS.iter().find(|tool| {
            tool.agents.iter().any(|start| agent.starts_with(start))
                || is_marked && tool.marks.iter().any(|(name, start)| begins(name, start).is_some())
        });
        let Some(tool) = found else { return Self::default() };
        let session = tool.sessions.iter().find_map(|name| sane(text(name)?));
        Self { name: Some(tool.name), session }
    }

    /// Whether the session may be named in the body, and nowhere else.
    pub(crate) fn may_be_in_body(&self) -> bool {
        self.name == Some("claude_code") && self.session.is_none()
    }

    /// Looks for the session in the body.
    pub(crate) fn look_into(&mut self, body: &[u8]) {
        if self.may_be_in_body() {
            self.session = of_metadata(body);
        }
    }
}

/// Whether a header may be one of the [marks](Tool::marks).
fn may_be_mark(name: &str) -> bool {
    name.starts_with("x-") || matches!(name, "originator" | "copilot-integration-id" | "http-referer")
}

/// What Anthropic's tools put into `metadata.user_id`: `user_…_account_…_session_{id}`, later an
/// object as text with a `session_id`.
fn of_metadata(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        metadata: Option<Metadata>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        user_id: Option<String>,
    }
    #[derive(Deserialize)]
    struct Named {
        session_id: String,
    }
    let user = serde_json::from_slice::<Body>(body).ok()?.metadata?.user_id?;
    match serde_json::from_str::<Named>(&user) {
        Ok(named) => sane(&named.session_id),
        Err(_) => sane(user.rsplit_once("_session_")?.1),
    }
}

fn sane(session: &str) -> Option<String> {
    let fits = (1..=MAX_SESSION).contains(&session.len());
    (fits && session.bytes().all(|byte| byte.is_ascii_graphic())).then(|| session.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn tool(headers: &[(&'static str, &'static str)]) -> (Option<&'static str>, Option<String>) {
        let headers = headers.iter();
        let headers = headers
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let ClientTool { name, session } = ClientTool::of(&headers);
        (name, session)
    }

    #[test]
    fn every_mark_is_looked_for() {
        let marks = TOOLS.iter().flat_map(|tool| tool.marks);
        assert!(marks.clone().count() > 10);
        marks.for_each(|(name, _)| assert!(may_be_mark(name), "{name}"));
    }

    #[test]
    fn tools_are_recognised_by_what_they_send() {
        for (headers, name, session) in [
            (
                &[("user-agent", "claude-cli/2.1.2 (external, cli)"), ("x-claude-code-session-id", "s-1")][..],
                "claude_code",
                "s-1",
            ),
            (&[("user-agent", "codex_cli_rs/0.38.0 (Ubuntu)"), ("session_id", "s-2")], "codex", "s-2"),
            (&[("originator", "codex_vscode"), ("user-agent", "x")], "codex", ""),
            (&[("user-agent", "Zed/0.201.0 (linux)")], "zed", ""),
            (&[("user-agent", "OpenAI/JS 5.0"), ("x-cursor-client-version", "1.7")], "cursor", ""),
            (&[("user-agent", "GitHubCopilotChat/0.37"), ("vscode-sessionid", "v")], "github_copilot", "v"),
            (&[("user-agent", "Kilo-Code/4.1"), ("x-kilocode-taskid", "t")], "kilo_code", "t"),
            (&[("user-agent", "RooCode/3.28")], "roo_code", ""),
            (&[("user-agent", "OpenAI/JS 4.1"), ("x-title", "Cline")], "cline", ""),
            (&[("user-agent", "litellm/1.7"), ("http-referer", "https://aider.chat/")], "aider", ""),
            (&[("user-agent", "Continue/1.0")], "continue", ""),
            (&[("user-agent", "opencode/0.6.3"), ("x-session-id", "o")], "opencode", "o"),
            (&[("user-agent", "AsyncOpenAI/Python 1.99")], "openai_sdk", ""),
            (&[("user-agent", "Anthropic/JS 0.60")], "anthropic_sdk", ""),
        ] {
            let session = (!session.is_empty()).then(|| session.to_owned());
            assert_eq!(tool(headers), (Some(name), session), "{headers:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_nobody() {
        assert_eq!(tool(&[]), (None, None));
        assert_eq!(tool(&[("user-agent", "curl/8.5.0"), ("session_id", "s")]), (None, None));
        assert_eq!(tool(&[("user-agent", "not-codex_cli_rs/1")]), (None, None));
        let strange = tool(&[("user-agent", "codex_cli_rs/1"), ("session_id", "two words")]);
        assert_eq!(strange, (Some("codex"), None));
    }

    #[test]
    fn a_session_in_the_body_is_found_where_the_headers_have_none() {
        let found = |user: &str| {
            let mut tool = ClientTool { name: Some("claude_code"), session: None };
            let body = serde_json::json!({"messages": [], "metadata": {"user_id": user}});
            tool.look_into(body.to_string().as_bytes());
            tool.session
        };
        assert_eq!(found("user_ab_account_12_session_34-56").as_deref(), Some("34-56"));
        assert_eq!(found(r#"{"device_id":"d","account_uuid":"","session_id":"78"}"#).as_deref(), Some("78"));
        assert_eq!(found("somebody"), None);
        let mut other = ClientTool { name: Some("openai_sdk"), session: None };
        other.look_into(br#"{"metadata":{"user_id":"a_session_1"}}"#);
        assert_eq!(other.session, None);
    }
}
