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
            let message = messages.remove(turn_at + at).with_text(user);
            messages.insert(turn_at + at, message);
        }
        Ok(Prompted { messages, turn_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewEndpoint;
    use crate::samples::{compiled, templated};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn endpoint(prompt: &str, template: &str) -> CompiledEndpoint {
        let text = |text: &str| Some(text.to_owned());
        compiled(NewEndpoint { prompt: text(prompt), user_prompt_template: text(template), ..templated() })
    }

    fn with_variables(prompt: &str, template: &str, variables: Value) -> CompiledEndpoint {
        compiled(NewEndpoint {
            prompt: Some(prompt.to_owned()),
            user_prompt_template: Some(template.to_owned()),
            variables: Some(variables),
            ..templated()
        })
    }

    fn user(text: &str) -> Message {
        Message::text_of(Role::User, text)
    }

    fn said(messages: &[Message]) -> Vec<(Role, String)> {
        messages.iter().map(|message| (message.role, message.text().into_owned())).collect()
    }

    fn pairs(pairs: &[(Role, &str)]) -> Vec<(Role, String)> {
        pairs.iter().map(|(role, text)| (*role, (*text).to_owned())).collect()
    }

    #[test]
    fn the_last_message_of_the_user_is_wrapped_and_all_else_stays() {
        let turn = vec![
            user("first"),
            Message::text_of(Role::System, "client"),
            Message::text_of(Role::Assistant, "answer"),
            user("last"),
            Message::text_of(Role::Tool, "result"),
        ];
        let prompted = endpoint("About {{input}}.", "<{{input}}>").apply(turn, vec![]).unwrap();
        assert_eq!(
            said(&prompted.messages),
            pairs(&[
                (Role::System, "About last."),
                (Role::User, "first"),
                (Role::System, "client"),
                (Role::Assistant, "answer"),
                (Role::User, "<last>"),
                (Role::Tool, "result"),
            ])
        );
    }

    #[test]
    fn history_stands_between_the_prompt_and_the_turn() {
        let history = vec![user("before"), Message::text_of(Role::Assistant, "was")];
        let prompted = endpoint("Be.", "<{{input}}>").apply(vec![user("now")], history).unwrap();
        let expected =
            [(Role::System, "Be."), (Role::User, "before"), (Role::Assistant, "was"), (Role::User, "<now>")];
        assert_eq!(said(&prompted.messages), pairs(&expected));
        assert_eq!(said(prompted.turn()), pairs(&[(Role::User, "<now>")]));
    }

    #[test]
    fn without_prompts_a_conversation_stays_as_it_is() {
        let turn = vec![user("{{input}}")];
        assert_eq!(endpoint(" ", "").apply(turn.clone(), vec![]).unwrap().messages, turn);
        let only_tool = vec![Message::text_of(Role::Tool, "x")];
        let prompted = endpoint("", "<{{input}}>").apply(only_tool.clone(), vec![]).unwrap();
        assert_eq!(prompted.messages, only_tool);
    }

    #[test]
    fn variables_fill_both_prompts_and_the_json_never_goes_out() {
        let variables =
            json!([{"name": "a", "type": "string"}, {"name": "b", "type": "bool", "required": false}]);
        let endpoint = with_variables("S {{a}} {{input}}", "U {{a}}/{{b}}", variables.clone());
        let prompted = endpoint.apply(vec![user(r#"{"a":"{{b}}","b":"yes"}"#)], vec![]).unwrap();
        let expected = [(Role::System, "S {{b}} {{input}}"), (Role::User, "U {{b}}/true")];
        assert_eq!(said(&prompted.messages), pairs(&expected));
        assert!(endpoint.apply(vec![user("text")], vec![]).is_err());
        assert!(endpoint.apply(vec![Message::text_of(Role::Tool, "x")], vec![]).is_err());
        let bare = with_variables("", "", variables);
        let prompted = bare.apply(vec![user(r#"{"a":"x"}"#)], vec![]).unwrap();
        assert_eq!(said(&prompted.messages), pairs(&[(Role::User, "a: x")]));
    }

    #[test]
    fn variables_come_before_the_input_schema() {
        let schema = Some(json!({"type": "object", "required": ["city"]}));
        let input = |body: &str| ChatInput::read(body.as_bytes()).unwrap();
        let with_schema = compiled(NewEndpoint { input_schema: schema.clone(), ..templated() });
        assert_eq!(with_schema.check_input(&input(r#"{"city":"x"}"#)), Ok(()));
        let refused = with_schema.check_input(&input(r#"{"message":"x"}"#)).unwrap_err().to_string();
        assert_eq!(refused, "the body does not fit the input schema: \"city\" is a required property");
        let variables = Some(json!([{"name": "a", "type": "string"}]));
        let both = compiled(NewEndpoint { input_schema: schema, variables, ..templated() });
        assert_eq!(both.check_input(&input(r#"{"message":"x"}"#)), Ok(()));
        let neither = compiled(templated());
        assert_eq!(neither.check_input(&input(r#"{"city":"x"}"#)), Err(InputRefusal::NothingSaid));
        assert_eq!(neither.check_input(&input(r#"{"city":"x","message":"y"}"#)), Ok(()));
    }

    #[test]
    fn the_cap_refuses_what_is_above_it() {
        let capped = compiled(NewEndpoint { usage_hard_limit_tokens: Some(2), ..templated() });
        assert_eq!(capped.check_cap(&[user("12345678")]), Ok(2));
        let refused = capped.check_cap(&[user("123456789")]).unwrap_err();
        assert_eq!(refused.to_string(), "the input is about 3 tokens; this endpoint takes at most 2");
    }

    #[test]
    fn answers_that_call_tools_are_not_checked() {
        let schema = Some(json!({"type": "object"}));
        let strict = compiled(NewEndpoint { output_schema: schema, ..templated() });
        assert_eq!(strict.check_output("text", false), Err(InvalidOutput::NoJson));
        assert_eq!(strict.check_output("", true), Ok(()));
        assert!(!strict.endpoint().config.streams(true));
        assert_eq!(compiled(templated()).check_output("text", false), Ok(()));
    }

    #[test]
    fn what_cannot_be_compiled_is_told_by_field() {
        let mut endpoint = crate::samples::create(templated()).endpoint;
        endpoint.config.input_schema = Some(json!(1));
        endpoint.config.routing_rules = Some("rules: 1".to_owned());
        let errors = CompiledEndpoint::compile(endpoint).unwrap_err();
        assert_eq!(errors.by_field().into_keys().collect::<Vec<_>>(), ["input_schema", "routing_rules"]);
    }

    proptest! {
        #[test]
        fn what_users_write_is_never_expanded(text in ".{0,40}", value in "[a-z{}\" ]{0,40}") {
            let plain = endpoint("S", "<{{input}}>");
            let prompted = plain.apply(vec![user(&text)], vec![]).unwrap();
            prop_assert_eq!(prompted.messages[1].text(), format!("<{text}>"));
            let variables = json!([{"name": "a", "type": "text"}, {"name": "b", "type": "text"}]);
            let typed = with_variables("{{b}}", "{{a}}|{{b}}", variables);
            let payload = json!({"a": value, "b": "{{a}}"}).to_string();
            let prompted = typed.apply(vec![user(&payload)], vec![]).unwrap();
            prop_assert_eq!(prompted.messages[1].text(), format!("{value}|{{{{a}}}}"));
        }
    }
}
