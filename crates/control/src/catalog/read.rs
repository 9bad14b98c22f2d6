//! What the lists of models that providers tell look like.

use std::collections::HashSet;

use promptgate_providers::ProviderKind;
use serde_json::Value;

/// The most models that are taken from one list.
const MAX_MODELS: usize = 5_000;
const MAX_NAME_BYTES: usize = 200;

/// The models of a list: `{"data":[…]}`, `{"models":[…]}`, both (data first) or a bare array; of each
/// entry the first of `id`, `name` and `display_name` that is not blank. `None` if it is no list.
pub(super) fn models(kind: ProviderKind, body: &[u8]) -> Option<Vec<String>> {
    let listed: Value = serde_json::from_slice(body).ok()?;
    let member = |name| listed.get(name).and_then(Value::as_array);
    let lists = match &listed {
        Value::Array(entries) => vec![entries],
        _ => [member("data"), member("models")].into_iter().flatten().collect(),
    };
    if lists.is_empty() {
        return None;
    }
    let mut seen = HashSet::new();
    let names = lists.into_iter().flatten().filter_map(name).map(|name| kind.model_name(name));
    let fits = |name: &&str| name.len() <= MAX_NAME_BYTES && !name.contains(char::is_control);
    let names = names.filter(fits).filter(|name| seen.insert(*name));
    Some(names.take(MAX_MODELS).map(str::to_owned).collect())
}

fn name(entry: &Value) -> Option<&str> {
    ["id", "name", "display_name"]
        .into_iter()
        .filter_map(|member| entry.get(member)?.as_str())
        .map(str::trim)
        .find(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendors_list_is_read() {
        let read = |kind, body: &str| models(kind, body.as_bytes());
        let openai = r#"{"object":"list","data":[{"id":"b"},{"id":" "},{"id":"a"},{"id":"b"}]}"#;
        assert_eq!(read(ProviderKind::OpenAi, openai).unwrap(), ["b", "a"], "in order, each once");
        let both = r#"{"models":[{"name":"n"},{"display_name":"d"},{}],"data":[{"id":"i","name":"x"}]}"#;
        assert_eq!(read(ProviderKind::OpenAiCompatible, both).unwrap(), ["i", "n", "d"], "data first");
        assert_eq!(read(ProviderKind::Together, r#"[{"id":"meta/llama"}]"#).unwrap(), ["meta/llama"]);
        let google = r#"{"models":[{"name":"models/gemini-2.5-pro","displayName":"Gemini"}]}"#;
        assert_eq!(read(ProviderKind::Google, google).unwrap(), ["gemini-2.5-pro"]);
        assert_eq!(
            read(ProviderKind::Cohere, r#"{"models":[{"name":"command-r"}]}"#).unwrap(),
            ["command-r"]
        );
        for wrong in ["", "x", "{}", "7", r#"{"data":7}"#, r#"{"error":"no"}"#] {
            assert_eq!(read(ProviderKind::OpenAi, wrong), None, "{wrong}");
        }
    }
}
