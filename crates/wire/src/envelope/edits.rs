//! What changes of a request on its way to a provider.

use bytes::Bytes;
use promptgate_providers::{Capabilities, Operation, Preset, Shape};
use serde::Deserialize;
use serde_json::Value;

use super::{Edit, Envelope};
use crate::members::{self, Member};

/// What changes of a request on its way to a provider that speaks its format. Everything else stays
/// byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct Edits<'a> {
    /// The model, as the provider knows it.
    pub model: &'a str,
    /// Whether a stream of chat completions is to end with usage.
    pub ask_usage: bool,
    /// What an alias gives where the client gives nothing, and what the model can do with it.
    pub preset: Option<(&'a Preset, &'a Capabilities)>,
    /// The most tokens to write where neither the client nor a preset says how many, and what the model
    /// calls them.
    pub most_output: Option<(u64, &'a Capabilities)>,
}

impl<'a> Edits<'a> {
    /// Nothing but the model's name.
    pub const fn model(model: &'a str) -> Self {
        Self { model, ask_usage: false, preset: None, most_output: None }
    }
}

impl Envelope {
    /// The body for the provider. When nothing changes it is the same bytes, not even copied.
    pub fn outgoing(&self, edits: &Edits<'_>) -> Bytes {
        let mut all = Vec::new();
        if edits.model != self.model {
            all.push(Edit::new(self.model_span.clone(), Value::from(edits.model).to_string()));
        }
        if edits.ask_usage
            && let Some(edit) = &self.usage_edit
        {
            all.push(edit.clone());
        }
        if let Some((preset, capabilities)) = edits.preset.filter(|(preset, _)| !preset.is_empty()) {
            self.preset_edits(preset, capabilities, &mut all);
        }
        let has_preset = edits.preset.is_some_and(|(preset, _)| preset.max_tokens.is_some());
        if let Some((most, capabilities)) = edits.most_output.filter(|_| !has_preset) {
            all.extend(self.most_output(most, capabilities));
        }
        self.edited(all)
    }

    /// Reads the body once more: only calls that nobody else bounds pay for it.
    fn most_output(&self, most: u64, capabilities: &Capabilities) -> Option<Edit> {
        if !matches!(self.operation, Operation::ChatCompletions | Operation::Responses | Operation::Messages)
        {
            return None;
        }
        let members = members::of_object(std::str::from_utf8(&self.body).ok()?).ok()?;
        let filling = Filling { members: &members, behind_model: self.model_span.end };
        let (name, others) = max_output(self.operation, capabilities);
        let is_free = others.iter().all(|other| filling.given(other).is_none());
        if is_free { filling.member(name, &most.to_string()) } else { None }
    }

    fn edited(&self, mut edits: Vec<Edit>) -> Bytes {
        if edits.is_empty() {
            return self.body.clone();
        }
        // Several insertions may stand at one place, also directly behind a replaced text.
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let grown: usize = edits.iter().map(|edit| edit.text.len()).sum();
        let mut outgoing = Vec::with_capacity(self.body.len() + grown);
        let mut copied = 0;
        for edit in edits {
            outgoing.extend_from_slice(&self.body[copied..edit.span.start]);
            outgoing.extend_from_slice(edit.text.as_bytes());
            copied = edit.span.end;
        }
        outgoing.extend_from_slice(&self.body[copied..]);
        outgoing.into()
    }

    /// Reads the body once more: only calls through a preset pay for it.
    fn preset_edits(&self, preset: &Preset, capabilities: &Capabilities, edits: &mut Vec<Edit>) {
        let text = std::str::from_utf8(&self.body).unwrap_or_default();
        let Ok(members) = members::of_object(text) else { return };
        let filling = Filling { members: &members, behind_model: self.model_span.end };
        if let Some(prompt) = &preset.system_prompt {
            edits.extend(filling.system_prompt(self.operation, prompt));
        }
        // What counts tokens takes no parameters, and embeddings have none that a preset has.
        if !Shape::from(self.operation).is_chat() {
            return;
        }
        for (name, given) in [("temperature", preset.temperature), ("top_p", preset.top_p)] {
            let Some(given) = given.filter(|_| capabilities.parameter(name).is_some()) else { continue };
            let most = capabilities.maximum(name).and_then(|most| u32::try_from(most).ok());
            let given = most.map_or(given, |most| given.min(f64::from(most)));
            edits.extend(filling.member(name, &Value::from(given).to_string()));
        }
        if let Some(most) = preset.max_tokens {
            let (name, others) = max_output(self.operation, capabilities);
            if others.iter().all(|other| filling.given(other).is_none()) {
                edits.extend(filling.member(name, &most.to_string()));
            }
        }
    }
}

/// What the most tokens to write are called, and what else a client may have called them.
fn max_output(operation: Operation, capabilities: &Capabilities) -> (&str, &'static [&'static str]) {
    match operation {
        Operation::Responses => ("max_output_tokens", &[]),
        Operation::ChatCompletions => {
            let name = capabilities.parameter("max_output").unwrap_or("max_tokens");
            (name, &["max_tokens", "max_completion_tokens"])
        }
        _ => ("max_tokens", &[]),
    }
}

/// Fills in what a client left out.
struct Filling<'m> {
    members: &'m [Member<'m>],
    behind_model: usize,
}

impl Filling<'_> {
    /// A member that is there and not null.
    fn given(&self, name: &str) -> Option<&Member<'_>> {
        members::find(self.members, name).filter(|member| member.value.get() != "null")
    }

    /// Sets a member, unless the client did.
    fn member(&self, name: &str, json: &str) -> Option<Edit> {
        if self.given(name).is_some() {
            return None;
        }
        Some(match members::find(self.members, name) {
            Some(null) => Edit::new(null.span.clone(), json.to_owned()),
            None => Edit::new(self.behind_model..self.behind_model, format!(",\"{name}\":{json}")),
        })
    }

    /// Sets the system prompt, unless the client sent one: there are never two.
    fn system_prompt(&self, operation: Operation, prompt: &str) -> Option<Edit> {
        let json = Value::from(prompt).to_string();
        match operation {
            Operation::Messages | Operation::CountTokens => self.member("system", &json),
            Operation::Responses => self.member("instructions", &json),
            Operation::ChatCompletions => {
                let messages = members::find(self.members, "messages")?;
                let said = messages.value.get();
                if has_system_message(said) {
                    return None;
                }
                let alone = said[1..].trim_start().starts_with(']');
                let comma = if alone { "" } else { "," };
                let at = messages.span.start + 1;
                Some(Edit::new(at..at, format!("{{\"role\":\"system\",\"content\":{json}}}{comma}")))
            }
            Operation::Embeddings => None,
        }
    }
}

/// What cannot be read has no system message; the provider judges it.
fn has_system_message(messages: &str) -> bool {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        role: std::borrow::Cow<'a, str>,
    }
    let messages: Vec<Message<'_>> = serde_json::from_str(messages).unwrap_or_default();
    messages.iter().any(|message| matches!(&*message.role, "system" | "developer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_providers::{CapabilityTable, ProviderKind};

    fn preset() -> Preset {
        Preset {
            system_prompt: Some("Be \"brief\".".into()),
            temperature: Some(1.5),
            top_p: Some(0.25),
            max_tokens: Some(99),
        }
    }

    fn filled(operation: Operation, kind: ProviderKind, model: &str, body: &str) -> String {
        let envelope = Envelope::parse(operation, Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let capabilities = CapabilityTable::bundled().of(kind, model);
        let preset = preset();
        let edits = Edits { preset: Some((&preset, &capabilities)), ..Edits::model(model) };
        let outgoing = envelope.outgoing(&edits);
        serde_json::from_slice::<Value>(&outgoing).expect("still JSON");
        String::from_utf8(outgoing.to_vec()).unwrap()
    }

    #[test]
    fn a_preset_gives_what_the_client_left_out() {
        let chat = filled(
            Operation::ChatCompletions,
            ProviderKind::OpenAi,
            "gpt-4o",
            r#"{"model":"fast" ,"messages":[ {"role":"user","content":"hi"}],"x":1.0}"#,
        );
        assert_eq!(
            chat,
            r#"{"model":"gpt-4o","temperature":1.5,"top_p":0.25,"max_completion_tokens":99 ,"messages":[{"role":"system","content":"Be \"brief\"."}, {"role":"user","content":"hi"}],"x":1.0}"#
        );
        let responses =
            filled(Operation::Responses, ProviderKind::OpenAi, "gpt-4o", r#"{"model":"fast","input":"hi"}"#);
        assert_eq!(
            responses,
            r#"{"model":"gpt-4o","instructions":"Be \"brief\".","temperature":1.5,"top_p":0.25,"max_output_tokens":99,"input":"hi"}"#
        );
        let messages = filled(
            Operation::Messages,
            ProviderKind::Anthropic,
            "claude-sonnet-4-5",
            r#"{"model":"fast","messages":[],"temperature":null}"#,
        );
        assert_eq!(
            messages,
            r#"{"model":"claude-sonnet-4-5","system":"Be \"brief\".","top_p":0.25,"max_tokens":99,"messages":[],"temperature":1.0}"#,
            "null is nothing, and the vendor takes no more than 1"
        );
        let nothing_said =
            filled(Operation::ChatCompletions, ProviderKind::Groq, "m", r#"{"model":"m","messages":[ ]}"#);
        assert_eq!(
            nothing_said,
            r#"{"model":"m","temperature":1.5,"top_p":0.25,"max_tokens":99,"messages":[{"role":"system","content":"Be \"brief\"."} ]}"#
        );
    }

    #[test]
    fn what_the_client_says_counts() {
        for (operation, kind, body) in [
            (
                Operation::ChatCompletions,
                ProviderKind::OpenAi,
                r#"{"model":"m","temperature":0,"top_p":1,"max_tokens":5,"messages":[{"role":"user"},{"role":"system","content":""}]}"#,
            ),
            (
                Operation::ChatCompletions,
                ProviderKind::Mistral,
                r#"{"model":"m","temperature":0,"top_p":1,"max_completion_tokens":5,"messages":[{"role":"developer"}]}"#,
            ),
            (
                Operation::Responses,
                ProviderKind::OpenAi,
                r#"{"model":"m","temperature":0,"top_p":1,"max_output_tokens":5,"instructions":"","input":[]}"#,
            ),
            (
                Operation::Messages,
                ProviderKind::Anthropic,
                r#"{"model":"m","temperature":0,"top_p":1,"max_tokens":5,"system":[],"messages":[]}"#,
            ),
            (Operation::Embeddings, ProviderKind::OpenAi, r#"{"model":"m","input":"x"}"#),
        ] {
            assert_eq!(filled(operation, kind, "m", body), body);
        }
    }

    #[test]
    fn nothing_is_given_that_the_model_does_not_take() {
        let reasoning = filled(
            Operation::Responses,
            ProviderKind::OpenAi,
            "o3",
            r#"{"model":"o3","input":"x","instructions":"y"}"#,
        );
        assert_eq!(reasoning, r#"{"model":"o3","max_output_tokens":99,"input":"x","instructions":"y"}"#);
        let count =
            filled(Operation::CountTokens, ProviderKind::Anthropic, "m", r#"{"model":"m","messages":[]}"#);
        assert_eq!(count, r#"{"model":"m","system":"Be \"brief\".","messages":[]}"#);
    }

    #[test]
    fn a_bound_is_put_where_nobody_gave_one() {
        use Operation::{ChatCompletions, Embeddings, Messages, Responses};
        let bounded = |operation, kind, preset: Option<&Preset>, body: &str| {
            let envelope = Envelope::parse(operation, Bytes::copy_from_slice(body.as_bytes())).unwrap();
            let capabilities = CapabilityTable::bundled().of(kind, "m");
            let preset = preset.map(|preset| (preset, &*capabilities));
            let edits = Edits { most_output: Some((9, &capabilities)), preset, ..Edits::model("m") };
            String::from_utf8(envelope.outgoing(&edits).to_vec()).unwrap()
        };
        for (operation, kind, body, sent) in [
            (
                ChatCompletions,
                ProviderKind::OpenAi,
                r#"{"model":"m","messages":[]}"#,
                r#"{"model":"m","max_completion_tokens":9,"messages":[]}"#,
            ),
            (
                ChatCompletions,
                ProviderKind::Groq,
                r#"{"model":"m","messages":[],"max_tokens":null}"#,
                r#"{"model":"m","messages":[],"max_tokens":9}"#,
            ),
            (
                Responses,
                ProviderKind::OpenAi,
                r#"{"model":"m","input":"x"}"#,
                r#"{"model":"m","max_output_tokens":9,"input":"x"}"#,
            ),
            (
                Messages,
                ProviderKind::Anthropic,
                r#"{"model":"m","messages":[]}"#,
                r#"{"model":"m","max_tokens":9,"messages":[]}"#,
            ),
            (
                ChatCompletions,
                ProviderKind::OpenAi,
                r#"{"model":"m","messages":[],"max_tokens":5}"#,
                r#"{"model":"m","messages":[],"max_tokens":5}"#,
            ),
            (
                Embeddings,
                ProviderKind::OpenAi,
                r#"{"model":"m","input":"x"}"#,
                r#"{"model":"m","input":"x"}"#,
            ),
        ] {
            assert_eq!(bounded(operation, kind, None, body), sent);
        }
        let preset = Preset { max_tokens: Some(3), ..Preset::default() };
        let body = r#"{"model":"m","max_tokens":3,"messages":[]}"#;
        let sent =
            bounded(Messages, ProviderKind::Anthropic, Some(&preset), r#"{"model":"m","messages":[]}"#);
        assert_eq!(sent, body);
    }

    #[test]
    fn usage_and_a_preset_go_together() {
        let body = r#"{"model":"a","messages":[],"stream":true}"#;
        let envelope = Envelope::parse(Operation::ChatCompletions, body.into()).unwrap();
        let capabilities = CapabilityTable::bundled().of(ProviderKind::OpenAi, "b");
        let preset = Preset { max_tokens: Some(1), ..Preset::default() };
        let edits = Edits { ask_usage: true, preset: Some((&preset, &capabilities)), ..Edits::model("b") };
        assert_eq!(
            envelope.outgoing(&edits),
            r#"{"model":"b","stream_options":{"include_usage":true},"max_completion_tokens":1,"messages":[],"stream":true}"#
        );
        let empty = Preset::default();
        let edits = Edits { preset: Some((&empty, &capabilities)), ..Edits::model("a") };
        assert_eq!(envelope.outgoing(&edits).as_ptr(), envelope.body().as_ptr(), "not even a copy");
    }
}
