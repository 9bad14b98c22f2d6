//! Asking for thinking, and what may not be asked for together with it.

use promptgate_providers::Feature;

use super::turns::Conversation;
use crate::compose::Object;
use crate::demands::Dropped;
use crate::{Block, ChatRequest, Reasoning, Role, Target, ToolChoice};

/// The smallest budget that is accepted.
const LEAST: u64 = 1_024;

/// The budget where the client leaves it to the model.
const USUAL: u64 = 16_384;

/// What is asked of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thinking {
    /// Nothing: it answers at once.
    Off,
    /// So many tokens.
    Budget(u64),
    /// As it sees fit, with an effort.
    Adaptive { effort: Option<&'static str>, shown: bool },
}

impl Thinking {
    /// What a request asks, as far as the model and the rest of the request allow. Thinking is a
    /// hint: what it does not go together with wins.
    pub(super) fn of(
        request: &ChatRequest,
        target: &Target<'_>,
        conversation: &Conversation<'_>,
        max_output: u64,
        dropped: &mut Dropped,
    ) -> Self {
        let Some(reasoning) = request.reasoning.as_ref().filter(|reasoning| !reasoning.is_off()) else {
            return Self::Off;
        };
        let forced = !request.tools.is_empty()
            && matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
        if !target.capabilities.has(Feature::Reasoning) || forced {
            dropped.note("reasoning");
            return Self::Off;
        }
        let by_budget = target.capabilities.parameter("reasoning_budget").is_some();
        if !by_budget && target.capabilities.parameter("reasoning_effort").is_some() {
            let shown = reasoning.summary.is_some();
            let highest = target.capabilities.has(Feature::HighestEfforts);
            return Self::Adaptive { effort: effort(reasoning, highest, dropped), shown };
        }
        let budget = reasoning.tokens().unwrap_or(USUAL).max(LEAST).min(max_output / 2);
        if budget < LEAST || is_amid_unexplained_calls(conversation) {
            dropped.note("reasoning");
            return Self::Off;
        }
        Self::Budget(budget)
    }

    /// Whether a sampling parameter may be sent beside it.
    pub(super) fn allows(&self, parameter: &str, value: Option<f64>) -> bool {
        match parameter {
            _ if *self == Self::Off => true,
            "temperature" => value == Some(1.0),
            "top_k" => false,
            "top_p" => value.is_some_and(|value| value >= 0.95),
            _ => true,
        }
    }

    /// Writes the member of the request.
    pub(super) fn write(&self, body: &mut Object<'_>) {
        match self {
            Self::Off => {}
            Self::Budget(budget) => body.object("thinking", |thinking| {
                thinking.set("type", "enabled");
                thinking.set("budget_tokens", budget);
            }),
            Self::Adaptive { shown, .. } => body.object("thinking", |thinking| {
                thinking.set("type", "adaptive");
                thinking.maybe("display", shown.then_some("summarized"));
            }),
        }
    }
}

/// The effort in Anthropic's words. Every model with efforts knows the first three.
fn effort(reasoning: &Reasoning, highest: bool, dropped: &mut Dropped) -> Option<&'static str> {
    match reasoning.words()? {
        "minimal" | "low" => Some("low"),
        "medium" => Some("medium"),
        "high" => Some("high"),
        "xhigh" if highest => Some("xhigh"),
        "max" if highest => Some("max"),
        "xhigh" | "max" => {
            dropped.note("reasoning_effort");
            Some("high")
        }
        _ => {
            dropped.note("reasoning_effort");
            None
        }
    }
}

/// Whether the model's own last turn calls tools without the thought that led to it. With a budget
/// such a turn must begin with its thought, and clients of other formats cannot keep it.
fn is_amid_unexplained_calls(conversation: &Conversation<'_>) -> bool {
    let last = conversation.turns.iter().rfind(|turn| turn.role == Role::Assistant);
    last.is_some_and(|turn| {
        turn.blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }))
            && !matches!(turn.blocks.first(), Some(Block::Thinking { .. } | Block::RedactedThinking { .. }))
    })
}
