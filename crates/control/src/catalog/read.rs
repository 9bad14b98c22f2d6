//! Where the kinds of providers list their models, and what the lists look like.

use std::collections::HashSet;

use promptgate_providers::{Provider, ProviderKind};
use serde_json::Value;

/// The most models that are taken from one list.
const MAX_MODELS: usize = 5_000;
const MAX_NAME_BYTES: usize = 200;

/// Where a provider lists its models; `None` for a kind that has no list.
pub(super) fn url(provider: &Provider) -> Option<String> {
    let base = provider.base_url.as_str();
    match provider.kind {
        ProviderKind::Echo => None,
        ProviderKind::Anthropic if base.ends_with("/v1") => Some(format!("{base}/models?limit=1000")),
        ProviderKind::Anthropic => Some(format!("{base}/v1/models?limit=1000")),
        ProviderKind::Google => Some(format!("{base}/models?pageSize=1000")),
        // The list is a part of version 1 only: https://docs.cohere.com/reference/list-models
        ProviderKind::Cohere => {
            let root = base.strip_suffix("/v2").or_else(|| base.strip_suffix("/v1")).unwrap_or(base);
            Some(format!("{root}/v1/models?page_size=1000"))
        }
        ProviderKind::OpenAi
        | ProviderKind::Mistral
        | ProviderKind::Groq
        | ProviderKind::Together
        | ProviderKind::Ollama
        | ProviderKind::AzureOpenAi
        | ProviderKind::OpenAiCompatible => Some(format!("{base}/models")),
    }
}

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
    let names = lists.into_iter().flatten().filter_map(name).map(|name| match kind {
        // Gemini's names are paths.
        ProviderKind::Google => name.strip_prefix("models/").unwrap_or(name),
        _ => name,
    });
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
    use promptgate_kernel::Timestamp;
    use promptgate_providers::{BaseUrl, NewProvider, ProviderName};

    fn provider(kind: ProviderKind, base_url: Option<&str>) -> Provider {
        let new = NewProvider {
            name: ProviderName::parse("main").unwrap(),
            display_name: String::new(),
            kind,
            base_url: base_url.map(|url| BaseUrl::parse(url).unwrap()),
            models: vec![],
            config: serde_json::Map::new(),
            enabled: true,
        };
        Provider::create("018f4e6e-0000-7000-8000-000000000001".parse().unwrap(), new, Timestamp::default())
            .unwrap()
    }

    #[test]
    fn every_kind_is_asked_where_it_answers() {
        for (kind, base, expected) in [
            (ProviderKind::OpenAi, None, Some("https://api.openai.com/v1/models")),
            (ProviderKind::Anthropic, None, Some("https://api.anthropic.com/v1/models?limit=1000")),
            (ProviderKind::Anthropic, Some("http://h/v1/"), Some("http://h/v1/models?limit=1000")),
            (ProviderKind::Cohere, None, Some("https://api.cohere.com/v1/models?page_size=1000")),
            (
                ProviderKind::Google,
                None,
                Some("https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000"),
            ),
            (ProviderKind::OpenAiCompatible, Some("http://h:1/x"), Some("http://h:1/x/models")),
            (ProviderKind::Echo, None, None),
        ] {
            assert_eq!(url(&provider(kind, base)).as_deref(), expected, "{kind}");
        }
    }

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
