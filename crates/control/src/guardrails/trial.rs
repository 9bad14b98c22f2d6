//! Rules on trial: what they make of a text, without anything being called, stored or logged.

use std::time::Instant;

use bytes::Bytes;
use promptgate_firewall::guardrails::{Channel, Inspection, Part, Policy, Rules, Verdict};
use promptgate_providers::Operation;
use promptgate_wire::{Texts, Unreadable, Written};
use serde_json::Value;

/// What a request is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As one of the model APIs wants it.
    Request(Operation),
    /// As a call of an AI endpoint. Nothing of it comes back under a token: what would be redacted is
    /// masked.
    Call,
}

impl Form {
    /// The form of a body; of a text that stands alone where there is none.
    fn written(self, body: &Bytes) -> Written {
        match self {
            Self::Request(operation) => Written::request(operation, body),
            Self::Call => Written::Call,
        }
    }
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text of a request, by whoever wrote it.
    Text(Form, Channel, String),
    /// A text that a model answered.
    Answered(String),
    /// The body of a request.
    Request(Form, Bytes),
    /// The body of an answer.
    Answer(Operation, Bytes),
}

/// Which way something goes, and how it is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// To a model; texts that stand alone are by somebody of this channel.
    Asked(Form, Channel),
    /// From a model, as an answer of this operation.
    Answered(Operation),
}

impl Heard {
    /// A text that stands alone.
    pub fn text(self, text: String) -> Said {
        match self {
            Self::Asked(form, channel) => Said::Text(form, channel, text),
            Self::Answered(_) => Said::Answered(text),
        }
    }

    /// A body.
    pub fn body(self, body: Bytes) -> Said {
        match self {
            Self::Asked(form, _) => Said::Request(form, body),
            Self::Answered(operation) => Said::Answer(operation, body),
        }
    }

    /// One of several things: a text, an object with nothing but a `text`, or a body. Nothing else is
    /// anything that somebody says.
    pub fn line(self, line: Value) -> Option<Said> {
        match line {
            Value::String(text) => Some(self.text(text)),
            Value::Object(members) => match (members.get("text"), members.len()) {
                (Some(Value::String(text)), 1) => Some(self.text(text.clone())),
                _ => Some(self.body(Value::Object(members).to_string().into())),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }
}

/// What the rules make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What they decide, and why.
    pub verdict: Verdict,
    /// What would go on in its place; `None` where it stays as it is, and where it does not go on.
    pub changed: Option<Changed>,
    /// The rules that nothing is said of, because only a model can and none is asked here.
    pub unasked: Vec<String>,
    /// How many bytes were read.
    pub bytes: usize,
    /// How long that took, in microseconds.
    pub micros: u64,
}

/// What would go on in place of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A text.
    Text(String),
    /// A body, which is JSON.
    Body(Bytes),
}

/// Rules that are compiled and tried.
#[derive(Debug)]
pub struct Trial(Policy);

impl Trial {
    /// Compiles what all levels say together.
    pub fn of(rules: &Rules) -> Self {
        Self(Policy::compile(rules))
    }

    /// What the rules make of something. The time is that of reading it, as it would be on the way.
    pub fn explain(&self, said: &Said) -> Result<Explained, Unreadable> {
        let begun = Instant::now();
        let (verdict, changed, bytes) = match said {
            Said::Text(form, channel, text) => {
                let written = form.written(&Bytes::new());
                read_text(text, written.counts_as(*channel), |parts| {
                    self.0.inspect(parts, written.comes_back(), |_| "text".to_owned())
                })
            }
            Said::Answered(text) => read_text(text, Channel::Assistant, |parts| {
                self.0.inspect_answer(parts, |_| "text".to_owned())
            }),
            Said::Request(form, body) => {
                let written = form.written(body);
                let texts = written.texts(body)?;
                let inspection = written.inspect(&self.0, &texts);
                rewritten(&texts, inspection, body)
            }
            Said::Answer(operation, body) => {
                let texts = Texts::of_answer(*operation, body)?;
                let inspection = self.0.inspect_answer(&texts.answered(), |part| texts.path(part));
                rewritten(&texts, inspection, body)
            }
        };
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let unasked = match said {
            Said::Text(..) | Said::Request(..) => self.0.rules_of_model(),
            Said::Answered(_) | Said::Answer(..) => Vec::new(),
        };
        Ok(Explained { verdict, changed, unasked, bytes, micros })
    }
}

fn read_text(
    text: &str,
    channel: Channel,
    read: impl FnOnce(&[Part<'_>]) -> Inspection,
) -> (Verdict, Option<Changed>, usize) {
    let inspection = read(&[Part { channel, text, is_fixed: false }]);
    let mut changed = text.to_owned();
    for change in inspection.replacements.iter().rev() {
        changed.replace_range(change.span.clone(), &change.text);
    }
    let changed = (!inspection.replacements.is_empty()).then_some(Changed::Text(changed));
    (inspection.verdict, changed, text.len())
}

fn rewritten(texts: &Texts<'_>, inspection: Inspection, body: &Bytes) -> (Verdict, Option<Changed>, usize) {
    (inspection.verdict, texts.replaced(inspection.replacements).map(Changed::Body), body.len())
}

#[cfg(test)]
mod tests {
    use promptgate_firewall::guardrails::Outcome;
    use serde_json::json;

    use super::*;

    fn trial(rules: serde_json::Value) -> Trial {
        Trial::of(&serde_json::from_value(rules).unwrap())
    }

    const HEARD: Heard = Heard::Asked(Form::Request(Operation::ChatCompletions), Channel::User);

    fn user(text: &str) -> Said {
        HEARD.text(text.to_owned())
    }

    #[test]
    fn a_text_is_shown_as_it_would_go_on() {
        let trial = trial(
            json!({"pii_filter": {"enabled": true}, "keyword_blocklist": {"enabled": true, "words": ["zebra"]}}),
        );
        let masked = trial.explain(&user("Ada: ada@example.org, bob@example.org!")).unwrap();
        let expected = "Ada: [E-Mail REDACTED], [E-Mail REDACTED]!";
        assert_eq!(masked.changed, Some(Changed::Text(expected.to_owned())));
        assert_eq!((masked.verdict.outcome, masked.verdict.matches.len()), (Outcome::Changed, 2));
        assert_eq!(
            (&*masked.verdict.matches[0].part, masked.verdict.matches[0].span.clone()),
            ("text", 5..20)
        );
        let blocked = trial.explain(&user("ada@example.org has a zebra")).unwrap();
        assert_eq!((blocked.verdict.outcome, blocked.changed), (Outcome::Blocked, None));
        let fine = trial.explain(&user("nothing")).unwrap();
        assert_eq!((fine.verdict.outcome, fine.changed, fine.bytes), (Outcome::Passed, None, 7));
        let answered = trial.explain(&Said::Answered("ada@example.org".to_owned())).unwrap();
        assert_eq!(answered.verdict.outcome, Outcome::Passed, "rules for answers are others");
    }

    #[test]
    fn a_body_keeps_everything_but_what_is_replaced() {
        let trial = trial(json!({"reversible_redaction": {"enabled": true}}));
        let body = Bytes::from(r#"{"x":1.0,"messages":[{"role":"user","content":"I am ada@example.org"}]}"#);
        let request = Said::Request(Form::Request(Operation::ChatCompletions), body.clone());
        let explained = trial.explain(&request).unwrap();
        assert_eq!(explained.verdict.matches[0].part, "messages[0].content");
        let expected = r#"{"x":1.0,"messages":[{"role":"user","content":"I am [[EMAIL_001]]"}]}"#;
        assert_eq!(explained.changed, Some(Changed::Body(Bytes::from(expected))));
        let call = trial.explain(&Said::Request(Form::Call, body)).unwrap();
        let Some(Changed::Body(call)) = call.changed else { panic!("nothing was masked") };
        assert!(!call.windows(5).any(|bytes| bytes == b"EMAIL"), "nothing comes back to callers: {call:?}");
        let broken = Said::Request(Form::Call, Bytes::from("{"));
        assert_eq!(trial.explain(&broken), Err(Unreadable::NotJson));
    }

    #[test]
    fn an_answer_goes_through_the_rules_for_answers() {
        let trial =
            trial(json!({"secret_scanner": {"enabled": true, "direction": "output", "mode": "mask"}}));
        let said = "take ghp_0123456789abcdefghijABCDEFGHIJ4dWWYt";
        let body = json!({"choices": [{"message": {"role": "assistant", "content": said}}]}).to_string();
        let explained = trial.explain(&Said::Answer(Operation::ChatCompletions, body.into())).unwrap();
        assert_eq!(explained.verdict.outcome, Outcome::Changed);
        assert_eq!(trial.explain(&user(said)).unwrap().verdict.outcome, Outcome::Passed);
    }

    #[test]
    fn what_only_a_model_finds_is_said_to_be_left_out() {
        let trial = trial(json!({"pii_filter": {"enabled": true, "types": ["email", "person_name"]}}));
        let explained = trial.explain(&user("I am Ada")).unwrap();
        assert_eq!(explained.verdict.outcome, Outcome::Passed);
        assert_eq!(explained.unasked, ["pii_filter.person_name"]);
        assert_eq!(trial.explain(&Said::Answered("Ada".to_owned())).unwrap().unasked, [""; 0]);
    }

    #[test]
    fn a_line_is_a_text_or_a_body() {
        assert_eq!(HEARD.line(json!("x")), Some(user("x")));
        assert_eq!(HEARD.line(json!({"text": "x"})), Some(user("x")));
        let body = json!({"text": "x", "model": "m"});
        assert_eq!(HEARD.line(body.clone()), Some(HEARD.body(body.to_string().into())));
        for nothing in [json!(null), json!(1), json!(true), json!(["x"])] {
            assert_eq!(HEARD.line(nothing), None);
        }
    }
}
