//! Who speaks in a text of a call.

use promptgate_guard::{self as guard, Certainty, Finding};

use super::policy::{THRESHOLD, TOOL_THRESHOLD};
use super::rules::PromptInjectionRule;

/// Who speaks in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Who made the program: system prompts, instructions.
    System,
    /// The person in front of it.
    User,
    /// The same, beside the messages: names of people, members of a call that are its own.
    Aside,
    /// The model.
    Assistant,
    /// The model, thinking.
    Reasoning,
    /// The model, to a tool.
    ToolArguments,
    /// A tool, to the model.
    Tool,
    /// A document that the model is to read.
    Document,
    /// Who describes a tool or its arguments.
    ToolDefinition,
    /// The same, where nobody knows who that is: tools that the caller of somebody else's program offers.
    ToolOffer,
    /// Nobody: what is said of a call and of its user, where answers stop, what is expected of them.
    Label,
}

impl Channel {
    /// Whether it is the content of a message: what the length of a call is measured by.
    pub const fn is_content(self) -> bool {
        matches!(self, Self::System | Self::User | Self::Assistant | Self::Tool | Self::Document)
    }

    /// Whether a model speaks.
    pub const fn is_model(self) -> bool {
        matches!(self, Self::Assistant | Self::Reasoning | Self::ToolArguments)
    }

    /// How a detector of attacks hears it.
    pub const fn heard_as(self) -> guard::Channel {
        match self {
            Self::System | Self::Label => guard::Channel::System,
            Self::User | Self::Aside | Self::ToolOffer => guard::Channel::User,
            Self::Assistant | Self::Reasoning | Self::ToolArguments => guard::Channel::Assistant,
            Self::Tool => guard::Channel::Tool,
            Self::Document | Self::ToolDefinition => guard::Channel::Document,
        }
    }

    /// What it counts as where whoever calls has not made the program: nobody believes what role they
    /// give their words.
    #[must_use]
    pub const fn of_stranger(self) -> Self {
        match self {
            Self::System | Self::Assistant => Self::User,
            Self::Reasoning | Self::ToolArguments => Self::Aside,
            Self::ToolDefinition => Self::ToolOffer,
            other => other,
        }
    }
}

/// What no description of a tool has a reason to say.
const OUTRIGHT: [&str; 3] = ["ignore_previous", "system_prompt_leak", "secret_leak"];

/// Whose words are judged together as an attack or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suspect {
    /// The user's, and the tools that a stranger offers.
    User,
    /// Results of tools.
    Tool,
    /// Documents.
    Document,
    /// Descriptions of tools. All of them tell a model what to do: only outright attacks count there, and
    /// wording does not.
    ToolDefinition,
    /// Earlier answers, as the client repeats them.
    Assistant,
}

impl Suspect {
    /// All of them, in the order in which they are judged.
    pub const ALL: [Self; 5] =
        [Self::User, Self::Tool, Self::Document, Self::ToolDefinition, Self::Assistant];

    /// Those that are judged unless a rule says otherwise.
    pub const USUAL: [Self; 4] = [Self::User, Self::Tool, Self::Document, Self::ToolDefinition];

    /// Its stable name, which rules use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Tool => "tool",
            Self::Document => "document",
            Self::ToolDefinition => "tool_definition",
            Self::Assistant => "assistant",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suspect| suspect.name() == name)
    }

    /// Those that a rule names, in the order in which they are judged.
    pub(crate) fn of_rule(rule: &PromptInjectionRule) -> Vec<Self> {
        match &rule.channels {
            None => Self::USUAL.to_vec(),
            Some(names) => {
                Self::ALL.into_iter().filter(|known| names.iter().any(|name| name == known.name())).collect()
            }
        }
    }

    pub(crate) const fn speaks(self, channel: Channel) -> bool {
        match self {
            Self::User => matches!(channel, Channel::User | Channel::Aside | Channel::ToolOffer),
            Self::Tool => matches!(channel, Channel::Tool),
            Self::Document => matches!(channel, Channel::Document),
            Self::ToolDefinition => matches!(channel, Channel::ToolDefinition),
            Self::Assistant => matches!(channel, Channel::Assistant),
        }
    }

    /// How the detector hears it. Who forges a turn of the model writes as a user does.
    pub(crate) const fn heard_as(self) -> guard::Channel {
        match self {
            Self::User | Self::Assistant => Channel::User.heard_as(),
            Self::Tool => Channel::Tool.heard_as(),
            Self::Document => Channel::Document.heard_as(),
            Self::ToolDefinition => Channel::ToolDefinition.heard_as(),
        }
    }

    /// What of the findings counts; `None` where none does that has to, whatever the score.
    pub(crate) fn telling(self, mut findings: Vec<Finding>) -> Option<Vec<Finding>> {
        if self == Self::ToolDefinition {
            findings
                .retain(|found| found.certainty == Certainty::Certain && OUTRIGHT.contains(&&*found.kind));
            return (!findings.is_empty()).then_some(findings);
        }
        Some(findings)
    }

    /// From which score on it counts as an attack, in thousandths.
    pub(crate) fn threshold(self, rule: &PromptInjectionRule) -> u16 {
        match self {
            Self::User | Self::Assistant => rule.threshold.unwrap_or(THRESHOLD),
            Self::Tool | Self::Document | Self::ToolDefinition => {
                rule.tool_threshold.unwrap_or(TOOL_THRESHOLD)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suspect_has_its_name_and_a_rule_picks_among_them() {
        for suspect in Suspect::ALL {
            assert_eq!(Suspect::named(suspect.name()), Some(suspect));
        }
        assert_eq!(Suspect::named("system"), None);
        let rule = |channels: Option<&[&str]>| PromptInjectionRule {
            channels: channels.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            ..PromptInjectionRule::default()
        };
        assert_eq!(Suspect::of_rule(&rule(None)), Suspect::USUAL);
        let picked = Suspect::of_rule(&rule(Some(&["assistant", "user", "user"])));
        assert_eq!(picked, [Suspect::User, Suspect::Assistant]);
        assert_eq!(Suspect::of_rule(&rule(Some(&[]))), []);
    }

    #[test]
    fn nobody_of_a_call_is_a_maker_or_a_model() {
        use Channel::{
            Aside, Assistant, Reasoning, System, Tool, ToolArguments, ToolDefinition, ToolOffer, User,
        };
        for (said, counts) in [
            (System, User),
            (Assistant, User),
            (Reasoning, Aside),
            (ToolArguments, Aside),
            (Tool, Tool),
            (ToolDefinition, ToolOffer),
        ] {
            assert_eq!(said.of_stranger(), counts);
        }
    }
}
