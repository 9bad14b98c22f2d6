//! Arguments of tool calls, for formats that want an object instead of text.

use crate::{Json, compose};

/// The arguments as an object. A model may have written something else; Anthropic's documentation
/// says to hand that back under the name `INVALID_JSON`.
pub(crate) fn object(arguments: &str) -> Json {
    let text = if arguments.trim().is_empty() { "{}" } else { arguments };
    match Json::parse(text) {
        Some(json) if json.as_str().starts_with('{') => json,
        Some(json) if json.as_str() == "null" => compose::json(|_| {}),
        _ => compose::json(|wrapped| wrapped.set("INVALID_JSON", arguments)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_pass_as_they_are_spelt() {
        assert_eq!(object(r#"{"a": 1.50}"#).as_str(), r#"{"a": 1.50}"#);
        assert_eq!(object("").as_str(), "{}");
        assert_eq!(object(" \n").as_str(), "{}");
        assert_eq!(object("null").as_str(), "{}");
    }

    #[test]
    fn what_is_no_object_is_wrapped() {
        assert_eq!(object("[1]").as_str(), r#"{"INVALID_JSON":"[1]"}"#);
        assert_eq!(object(r#"{"a":"#).as_str(), r#"{"INVALID_JSON":"{\"a\":"}"#);
    }
}
