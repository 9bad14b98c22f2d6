//! Rules from YAML.

use serde_json::{Map, Value};

use super::{Comparison, Condition, DayTime, InvalidRules, Route, RoutingRules, Rule};

const MAX_TEXT: usize = 200;

pub(super) fn rules(yaml: &str) -> Result<Vec<Rule>, InvalidRules> {
    let wrong = |message: String| InvalidRules { rule: None, message };
    if yaml.len() > RoutingRules::MAX_BYTES {
        return Err(wrong("must have at most 64 KiB".to_owned()));
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let document: Value = serde_saphyr::from_str_with_options(yaml, options)
        .map_err(|error| wrong(format!("is not valid YAML: {error}")))?;
    let Value::Object(mut document) = document else {
        return Err(wrong("must be a map with the key `rules`".to_owned()));
    };
    let Some(Value::Array(rules)) = document.remove("rules") else {
        return Err(wrong("`rules` must be a list".to_owned()));
    };
    if let Some(key) = document.keys().next() {
        return Err(wrong(format!("`{}` is not known; only `rules` is", shown(key))));
    }
    if rules.len() > RoutingRules::MAX_RULES {
        return Err(wrong("must have at most 100 rules".to_owned()));
    }
    let numbered = rules.into_iter().zip(1..);
    numbered
        .map(|(value, number)| {
            rule(value, number).map_err(|message| InvalidRules { rule: Some(number), message })
        })
        .collect()
}

fn rule(value: Value, number: usize) -> Result<Rule, String> {
    let Value::Object(mut fields) = value else { return Err("must be a map".to_owned()) };
    let when = match fields.remove("when") {
        None | Some(Value::Null) => vec![],
        Some(Value::Object(conditions)) => {
            conditions.into_iter().map(|(name, value)| condition(&name, &value)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err("`when` must be a map of conditions".to_owned()),
    };
    let Some(Value::Object(mut action)) = fields.remove("use") else {
        return Err("`use` must be a map with `template`, `credential` or `model`".to_owned());
    };
    let outer = text(&mut fields, "decision")?;
    let inner = text(&mut action, "decision")?;
    let route = Route {
        template: text(&mut action, "template")?,
        credential: text(&mut action, "credential")?,
        model: text(&mut action, "model")?,
    };
    if let Some(key) = fields.keys().next() {
        return Err(format!("`{}` is not known; a rule has `when`, `use` and `decision`", shown(key)));
    }
    if let Some(key) = action.keys().next() {
        return Err(format!(
            "`use.{}` is not known; it has `template`, `credential`, `model` and `decision`",
            shown(key)
        ));
    }
    if route == Route::default() {
        return Err("`use` must have `template`, `credential` or `model`".to_owned());
    }
    Ok(Rule { number, when, route, decision: outer.or(inner) })
}

fn condition(name: &str, value: &Value) -> Result<Condition, String> {
    let comparison = |value: &Value| {
        let comparison = match value {
            Value::Number(number) => Comparison::parse(&number.to_string()),
            Value::String(text) if name == "monthly_spend_pct" => {
                Comparison::parse(text.trim_end().trim_end_matches('%'))
            }
            Value::String(text) => Comparison::parse(text),
            _ => None,
        };
        comparison.ok_or_else(|| format!("`{name}` must be a comparison, such as \">= 1000\""))
    };
    let flag = |value: &Value| {
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if matches!(text.as_str(), "yes" | "on") => Some(true),
            Value::String(text) if matches!(text.as_str(), "no" | "off") => Some(false),
            _ => None,
        };
        flag.ok_or_else(|| format!("`{name}` must be true or false"))
    };
    Ok(match name {
        "input_tokens" => Condition::InputTokens(comparison(value)?),
        "messages_count" => Condition::MessagesCount(comparison(value)?),
        "has_output_schema" => Condition::HasOutputSchema(flag(value)?),
        "has_input_schema" => Condition::HasInputSchema(flag(value)?),
        "streaming" => Condition::Streaming(flag(value)?),
        "monthly_spend_pct" => Condition::MonthlySpendPct(comparison(value)?),
        "time_of_day" => {
            let part = value.as_str().and_then(DayTime::parse);
            Condition::TimeOfDay(part.ok_or("`time_of_day` must be `HH:MM-HH:MM` in UTC")?)
        }
        other => return Err(format!("`when.{}` is not a condition", shown(other))),
    })
}

/// Takes a text out of a map; numbers and flags, which YAML reads for bare words, are their texts.
fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    let text = match fields.remove(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => return Err(format!("`{name}` must be a text")),
    };
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT || text.contains(char::is_control) {
        return Err(format!("`{name}` must be a text of 1 to 200 bytes on one line"));
    }
    Ok(Some(text.to_owned()))
}

fn shown(key: &str) -> String {
    key.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(yaml: &str) -> String {
        rules(yaml).unwrap_err().to_string()
    }

    #[test]
    fn every_condition_is_read() {
        let yaml = "
rules:
  - when:
      input_tokens: '>=10'
      messages_count: 3
      has_output_schema: true
      has_input_schema: no
      streaming: off
      monthly_spend_pct: '> 80%'
      time_of_day: 22:00-06:00
    use: {template: big}
";
        assert_eq!(rules(yaml).unwrap()[0].when.len(), 7);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_number_of_the_rule() {
        for (yaml, told) in [
            ("", "must be a map with the key `rules`"),
            ("rules: 1", "`rules` must be a list"),
            ("rules: []\nother: 1", "`other` is not known"),
            ("rules: [{use: {model: a}}, {use: {}}]", "rule 2: `use` must have"),
            ("rules: [{when: {tokens: 1}, use: {model: a}}]", "rule 1: `when.tokens` is not a condition"),
            (
                "rules: [{when: {input_tokens: many}, use: {model: a}}]",
                "rule 1: `input_tokens` must be a comparison",
            ),
            ("rules: [{when: {streaming: 1}, use: {model: a}}]", "rule 1: `streaming` must be true or false"),
            ("rules: [{when: {time_of_day: noon}, use: {model: a}}]", "rule 1: `time_of_day` must be"),
            ("rules: [{when: [], use: {model: a}}]", "rule 1: `when` must be a map"),
            ("rules: [{then: 1, use: {model: a}}]", "rule 1: `then` is not known"),
            ("rules: [{use: {provider: a}}]", "rule 1: `use.provider` is not known"),
            ("rules: [{when: {}}]", "rule 1: `use` must be a map"),
            ("rules: [a]", "rule 1: must be a map"),
            ("rules: [{use: {model: [a]}}]", "rule 1: `model` must be a text"),
        ] {
            let message = error(yaml);
            assert!(message.starts_with(told), "{yaml}: {message}");
        }
        for broken in ["rules: [", "rules:\n\t- x", "a: b: c", "rules: []\nrules: []", "- &a [*a]"] {
            assert!(rules(broken).is_err(), "{broken}");
        }
        assert!(error(&"x".repeat(70_000)).contains("64 KiB"));
        assert!(error(&format!("rules: [{}]", "{use: {model: a}},".repeat(101))).contains("100 rules"));
    }

    #[test]
    fn aliases_cannot_blow_it_up() {
        let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = format!("*a{},", level - 1).repeat(9);
            yaml.push_str(
                &["a", &level.to_string(), ": &a", &level.to_string(), " [", &before, "]\n"].concat(),
            );
        }
        assert!(rules(&yaml).is_err());
    }
}
