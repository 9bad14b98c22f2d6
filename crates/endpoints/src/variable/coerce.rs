//! From the JSON that a caller sends to the text that stands in the prompt.

use std::borrow::Cow;
use std::cmp::Ordering;

use promptgate_kernel::Timestamp;
use serde_json::{Number, Value};

use super::definition::{VariableDefinition, VariableKind};

/// The text of a value, or what the value must be. The rule never repeats the value.
pub(super) fn coerce(definition: &VariableDefinition, value: &Value) -> Result<String, Cow<'static, str>> {
    match definition.kind {
        VariableKind::String | VariableKind::Text => text(definition, value),
        VariableKind::Int => int(definition, value),
        VariableKind::Float => float(definition, value),
        VariableKind::Bool => boolean(value),
        VariableKind::Date => date(value),
        VariableKind::Enum => option(definition, value),
    }
}

fn text(definition: &VariableDefinition, value: &Value) -> Result<String, Cow<'static, str>> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => decimal(number),
        _ => return Err("must be a text".into()),
    };
    match definition.max_length {
        Some(most) if text.chars().count() > usize::try_from(most).unwrap_or(usize::MAX) => {
            Err(format!("must have at most {most} characters").into())
        }
        _ => Ok(text),
    }
}

fn int(definition: &VariableDefinition, value: &Value) -> Result<String, Cow<'static, str>> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.ok_or("must be a whole number")?;
    within(definition, |bound| match bound.as_i64() {
        Some(bound) => Some(number.cmp(&bound)),
        #[expect(clippy::cast_precision_loss, reason = "compared with a bound that is no whole number")]
        None => bound.as_f64().and_then(|bound| (number as f64).partial_cmp(&bound)),
    })?;
    Ok(number.to_string())
}

fn float(definition: &VariableDefinition, value: &Value) -> Result<String, Cow<'static, str>> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => numeric(text.trim()),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite()).ok_or("must be a number")?;
    within(definition, |bound| bound.as_f64().and_then(|bound| number.partial_cmp(&bound)))?;
    // Zero has no sign for a reader.
    Ok(if number == 0.0 { "0".to_owned() } else { number.to_string() })
}

fn boolean(value: &Value) -> Result<String, Cow<'static, str>> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    };
    let flag = flag.ok_or("must be true or false (or 1/0, yes/no, on/off)")?;
    Ok(flag.to_string())
}

fn date(value: &Value) -> Result<String, Cow<'static, str>> {
    let text = value.as_str().filter(|text| is_date(text));
    let text = text.ok_or("must be an ISO 8601 date (2026-01-31) or timestamp (2026-01-31T12:00:00Z)")?;
    Ok(text.to_owned())
}

fn option(definition: &VariableDefinition, value: &Value) -> Result<String, Cow<'static, str>> {
    let text = value.as_str().filter(|text| definition.options.iter().any(|option| option == text));
    let text = text.ok_or_else(|| format!("must be one of: {}", definition.options.join(", ")))?;
    Ok(text.to_owned())
}

fn within(
    definition: &VariableDefinition,
    compare: impl Fn(&Number) -> Option<Ordering>,
) -> Result<(), Cow<'static, str>> {
    if let Some(min) = &definition.min
        && compare(min) == Some(Ordering::Less)
    {
        return Err(format!("must be at least {min}").into());
    }
    if let Some(max) = &definition.max
        && compare(max) == Some(Ordering::Greater)
    {
        return Err(format!("must be at most {max}").into());
    }
    Ok(())
}

/// A number in the shortest decimal form, without an exponent.
fn decimal(number: &Number) -> String {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => whole.to_string(),
        (_, Some(whole), _) => whole.to_string(),
        (_, _, Some(float)) => float.to_string(),
        _ => number.to_string(),
    }
}

/// A decimal number: digits with an optional sign, fraction and exponent; no `inf`, no `nan`.
fn numeric(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok() } else { None }
}

fn is_date(text: &str) -> bool {
    let Some((day, rest)) = text.split_at_checked(10) else { return false };
    let shape = day.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    let instant = match rest {
        "" => format!("{day}T00:00:00Z"),
        _ if !rest.starts_with('T') => return false,
        _ if rest.ends_with('Z') || rest[1..].contains(['+', '-']) => text.to_owned(),
        _ => format!("{text}Z"),
    };
    shape && instant.parse::<Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn of(kind: VariableKind, value: &Value) -> Option<String> {
        let options = vec!["a".to_owned(), "b c".to_owned()];
        coerce(&VariableDefinition { options, ..VariableDefinition::new("x", kind) }, value).ok()
    }

    #[test]
    fn the_table_of_coercions_holds() {
        use VariableKind::{Bool, Date, Enum, Float, Int, String, Text};
        for (kind, value, text) in [
            (String, json!("a"), Some("a")),
            (Text, json!(12), Some("12")),
            (String, json!(1.50), Some("1.5")),
            (String, json!(true), None),
            (String, json!(["a"]), None),
            (Text, json!({"a": 1}), None),
            (Int, json!(-7), Some("-7")),
            (Int, json!(" 42 "), Some("42")),
            (Int, json!("+4"), Some("4")),
            (Int, json!(3.0), None),
            (Int, json!("3.0"), None),
            (Int, json!(true), None),
            (Int, json!("9223372036854775808"), None),
            (Float, json!(3), Some("3")),
            (Float, json!(0.1), Some("0.1")),
            (Float, json!("1e3"), Some("1000")),
            (Float, json!(1e21), Some("1000000000000000000000")),
            (Float, json!(-0.0), Some("0")),
            (Float, json!("inf"), None),
            (Float, json!("1e999"), None),
            (Float, json!("nan"), None),
            (Float, json!(""), None),
            (Bool, json!(true), Some("true")),
            (Bool, json!("Yes"), Some("true")),
            (Bool, json!("on"), Some("true")),
            (Bool, json!("1"), Some("true")),
            (Bool, json!("0"), Some("false")),
            (Bool, json!("off"), Some("false")),
            (Bool, json!(1), None),
            (Bool, json!("maybe"), None),
            (Date, json!("2026-02-28"), Some("2026-02-28")),
            (Date, json!("2024-02-29T12:00:00Z"), Some("2024-02-29T12:00:00Z")),
            (Date, json!("2026-01-02T03:04:05.5+01:00"), Some("2026-01-02T03:04:05.5+01:00")),
            (Date, json!("2026-01-02T03:04:05"), Some("2026-01-02T03:04:05")),
            (Date, json!("2026-02-29"), None),
            (Date, json!("2026-13-01"), None),
            (Date, json!("26-01-01"), None),
            (Date, json!("+2026-1-01"), None),
            (Date, json!("2026-01-02 03:04:05Z"), None),
            (Date, json!("2026-01-02T25:00:00Z"), None),
            (Date, json!("tomorrow is ö"), None),
            (Date, json!(20_260_102), None),
            (Enum, json!("b c"), Some("b c")),
            (Enum, json!("B C"), None),
            (Enum, json!(1), None),
        ] {
            assert_eq!(of(kind, &value).as_deref(), text, "{kind:?} {value}");
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        let bounded = |kind| VariableDefinition {
            min: Number::from_f64(0.5),
            max: Some(2.into()),
            ..VariableDefinition::new("x", kind)
        };
        let fits = |kind, value: Value| coerce(&bounded(kind), &value).is_ok();
        assert!(fits(VariableKind::Float, json!(0.5)) && fits(VariableKind::Float, json!("2")));
        assert!(!fits(VariableKind::Float, json!(0.49)) && !fits(VariableKind::Float, json!(2.01)));
        assert!(fits(VariableKind::Int, json!(1)) && fits(VariableKind::Int, json!(2)));
        assert!(!fits(VariableKind::Int, json!(0)) && !fits(VariableKind::Int, json!(3)));
    }

    proptest! {
        #[test]
        fn any_text_is_coerced_or_refused(text in ".{0,40}") {
            for kind in [VariableKind::Int, VariableKind::Float, VariableKind::Bool, VariableKind::Date] {
                let _ = of(kind, &Value::from(text.clone()));
            }
            prop_assert_eq!(of(VariableKind::Text, &Value::from(text.clone())), Some(text));
        }

        #[test]
        fn numbers_keep_their_value(whole in any::<i64>(), float in proptest::num::f64::NORMAL) {
            prop_assert_eq!(of(VariableKind::Int, &json!(whole.to_string())), Some(whole.to_string()));
            let text = of(VariableKind::Float, &json!(float)).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), float.to_bits());
        }
    }
}
