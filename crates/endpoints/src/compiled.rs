//! An endpoint as the gateway works with it.

use crate::variable::Variables;
use crate::{
    ChatInput, Endpoint, FieldErrors, InvalidOutput, Message, Role, RoutingRules, Schema, SchemaViolation,
    Spoken, VariableError, estimate_tokens, placeholder,
};

/// An endpoint with everything compiled that a call needs. Put it behind an `Arc`.
#[derive(Debug, Clone)]
pub struct CompiledEndpoint {
    endpoint: Endpoint,
    variables: Variables,
    input: Option<Schema>,
    output: Option<Schema>,
    rules: RoutingRules,
}

/// The input is larger than the endpoint allows. A client gets it as 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the input is about {estimated} tokens; this endpoint takes at most {cap}")]
pub struct CapExceeded {
    /// Its tokens, by estimate.
    pub estimated: u64,
    /// The most that is allowed.
    pub cap: u64,
}

/// A body that the endpoint does not take. A client gets it as 422.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputRefusal {
    /// It has members of its own only, and the endpoint has neither variables nor an input schema.
    #[error("`messages` is required; `message` is its short form for one text")]
    NothingSaid,
    /// It does not fit the input schema.
    #[error("the body does not fit the input schema: {0}")]
    Schema(#[source] SchemaViolation),
}

/// A conversation as the model is to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompted {
    /// The endpoint's system prompt, what was said before, and this turn.
    pub messages: Vec<Message>,
    turn_at: usize,
}

impl Prompted {
    /// This turn alone: what a conversation remembers of it besides the answer.
    pub fn turn(&self) -> &[Message] {
        &self.messages[self.turn_at..]
    }
}

impl CompiledEndpoint {
    /// Compiles an endpoint. One that was created or changed by this crate compiles.
    pub fn compile(endpoint: Endpoint) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut schema = |field: &str, schema: Option<&serde_json::Value>| {
            let compiled = schema.map(Schema::compile).transpose();
            compiled.map_err(|error| errors.add(field, error.to_string())).ok().flatten()
        };
        let input = schema("input_schema", endpoint.config.input_schema.as_ref());
        let output = schema("output_schema", endpoint.config.output_schema.as_ref());
        let rules = endpoint.config.routing_rules.as_deref().map(RoutingRules::parse).transpose();
        let rules = rules.map_err(|error| errors.add("routing_rules", error.to_string())).ok().flatten();
        let variables = Variables::compile(&endpoint.config.variables).unwrap_or_else(|wrong| {
            errors.append(wrong);
            Variables::default()
        });
        errors.unless(Self { endpoint, variables, input, output, rules: rules.unwrap_or_default() })
    }

    /// The endpoint.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where calls go besides the endpoint's own target.
    pub const fn rules(&self) -> &RoutingRules {
        &self.rules
    }

    /// Checks the input against the cap of one call, and says its estimate.
    pub fn check_cap(&self, messages: &[Message]) -> Result<u64, CapExceeded> {
        let estimated = estimate_tokens(messages);
        match self.endpoint.config.usage_hard_limit_tokens {
            Some(cap) if estimated > cap => Err(CapExceeded { estimated, cap }),
            _ => Ok(estimated),
        }
    }

    /// Checks the body against the input schema. Where variables are declared, they are checked by
    /// [`Self::apply`] instead.
    pub fn check_input(&self, input: &ChatInput) -> Result<(), InputRefusal> {
        match &self.input {
            _ if !self.variables.is_empty() => Ok(()),
            Some(schema) => schema.check(&input.payload()).map_err(InputRefusal::Schema),
            None if input.spoken == Spoken::OwnMembers => Err(InputRefusal::NothingSaid),
            None => Ok(()),
        }
    }

    /// Checks the text of an answer against the output schema. Answers that call tools are not checked.
    pub fn check_output(&self, text: &str, calls_tools: bool) -> Result<(), InvalidOutput> {
        match &self.output {
            Some(schema) if !calls_tools => schema.check_text(text),
            _ => Ok(()),
        }
    }

    /// Puts a turn into the endpoint's prompts, behind the `history` of its conversation.
    ///
    /// The last message of the user is what the template wraps, or what fills in the variables. The
    /// client's own system messages stay where they are, after the endpoint's.
    pub fn apply(&self, turn: Vec<Message>, history: Vec<Message>) -> Result<Prompted, VariableError> {
        let config = &self.endpoint.config;
        let prompt = config.prompt.as_deref().filter(|prompt| !prompt.trim().is_empty());
        let template = config.user_prompt_template.as_deref().filter(|template| !template.trim().is_empty());
        let asked = turn.iter().rposition(|message| message.role == Role::User);
        let text = asked.map(|at| turn[at].text()).unwrap_or_default();
        let (system, user) = if self.variables.is_empty() {
            let fill = |template| placeholder::fill(template, |name| (name == "input").then_some(&*text));
            (prompt.map(fill), template.map(fill))
        } else {
            let values = self.variables.read(&text)?;
            let user = template.map_or_else(|| self.variables.lines(&values), |text| values.fill(text));
            (prompt.map(|prompt| values.fill(prompt)), Some(user))
        };
        drop(text);
        let mut messages = Vec::with_capacity(1 + history.len() + turn.len());
        messages.extend(system.map(|system| Message::text_of(Role::System, system)));
        messages.extend(history);
        let turn_at = messages.len();
        messages.extend(turn);
        if let (Some(at), Some(user)) = (asked, user) {
            let place = &mut messages[turn_at + at];
            *place = place.clone().with_text(user);
        }
        Ok(Prompted { messages, turn_at })
    }
}
