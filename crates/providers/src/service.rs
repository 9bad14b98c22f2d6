//! What a provider's configuration says about its service: where things are and what it can do.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::table::Overrides;
use crate::{CapabilityTable, InvalidProvider, ModelCapabilities, Provider, ProviderKind, Shape};

/// A model's name that cannot stand in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the model's name cannot stand in an address")]
pub struct UnaddressableModel;

impl Provider {
    /// What its models can do: the table's word on its kind, and on top of it `config.shapes`,
    /// `config.capabilities` and, by the beginning of the model's name, `config.modelCapabilities`.
    pub fn capabilities(&self, table: &CapabilityTable) -> Result<ModelCapabilities, InvalidProvider> {
        let (all, by_model) = self.overrides()?;
        Ok(table.kind(self.kind).overridden(&all, &by_model))
    }

    pub(crate) fn overrides(&self) -> Result<(Overrides, BTreeMap<String, Overrides>), InvalidProvider> {
        let mut all: Overrides = self.read("capabilities")?.unwrap_or_default();
        if let Some(shapes) = self.read::<Vec<Shape>>("shapes")? {
            all.shapes = Some(shapes);
        }
        let by_model: BTreeMap<String, Overrides> = self.read("modelCapabilities")?.unwrap_or_default();
        let own = ("capabilities", &all);
        let models = by_model.values().map(|overrides| ("modelCapabilities", overrides));
        for (field, overrides) in std::iter::once(own).chain(models) {
            if let Some(problem) = overrides.problems().into_iter().next() {
                return Err(InvalidProvider::Capabilities { field, problem });
            }
        }
        Ok((all, by_model))
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        field: &'static str,
    ) -> Result<Option<T>, InvalidProvider> {
        match self.config.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(given) => serde_json::from_value(given.clone())
                .map(Some)
                .map_err(|error| InvalidProvider::Capabilities { field, problem: error.to_string() }),
        }
    }

    /// Azure's `api-version`, from `config.apiVersion`.
    pub(crate) fn api_version(&self) -> Result<Option<&str>, InvalidProvider> {
        match self.config.get("apiVersion") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(version))
                if (1..=40).contains(&version.len())
                    && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) =>
            {
                Ok(Some(version))
            }
            Some(_) => Err(InvalidProvider::ApiVersion),
        }
    }

    /// Where a request of a shape goes. The model matters where it is a part of the address.
    pub fn url(&self, shape: Shape, model: &str, stream: bool) -> Result<String, UnaddressableModel> {
        let in_v1 = |path: &str| format!("{}/{path}", self.versioned("v1"));
        Ok(match shape {
            Shape::Messages => in_v1("messages"),
            Shape::CountTokens => in_v1("messages/count_tokens"),
            Shape::ChatCompletions => self.openai("chat/completions", model)?,
            Shape::Responses => self.openai_resource(&["responses"]),
            Shape::Embeddings => self.openai("embeddings", model)?,
            Shape::CohereChat => format!("{}/chat", self.versioned("v2")),
            Shape::CohereEmbed => format!("{}/embed", self.versioned("v2")),
            Shape::GenerateContent => {
                let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                format!("{}/{}:{method}", self.base_url.as_str(), gemini_model(model)?)
            }
        })
    }

    /// Where something lies below the API's version, such as `["responses", id, "input_items"]` or
    /// `["models"]`. Every segment is encoded.
    pub fn resource_url(&self, segments: &[&str]) -> Result<String, UnaddressableModel> {
        if segments.iter().any(|segment| is_unsafe(segment)) {
            return Err(UnaddressableModel);
        }
        Ok(match self.kind {
            ProviderKind::Anthropic => format!("{}/{}", self.versioned("v1"), path_of(segments)),
            _ => self.openai_resource(segments),
        })
    }

    /// Where all its models are listed, in the vendor's own form; `None` for a kind that has no list.
    pub fn models_url(&self) -> Option<String> {
        Some(match self.kind {
            ProviderKind::Echo => return None,
            ProviderKind::Anthropic => format!("{}/models?limit=1000", self.versioned("v1")),
            ProviderKind::Google => format!("{}/models?pageSize=1000", self.base_url.as_str()),
            // The list is a part of version 1 only: https://docs.cohere.com/reference/list-models
            ProviderKind::Cohere => {
                let base = self.base_url.as_str();
                let root = base.strip_suffix("/v2").or_else(|| base.strip_suffix("/v1")).unwrap_or(base);
                format!("{root}/v1/models?page_size=1000")
            }
            _ => self.openai_resource(&["models"]),
        })
    }

    /// The base URL without the API's version, for the few paths that have none.
    pub fn root_url(&self, segments: &[&str]) -> Result<String, UnaddressableModel> {
        if segments.iter().any(|segment| is_unsafe(segment)) {
            return Err(UnaddressableModel);
        }
        let base = self.base_url.as_str();
        Ok(format!("{}/{}", base.strip_suffix("/v1").unwrap_or(base), path_of(segments)))
    }

    /// The base URL, with a version that it may or may not include already.
    fn versioned(&self, version: &str) -> String {
        let base = self.base_url.as_str();
        let included = base.rsplit('/').next() == Some(version);
        if included { base.to_owned() } else { format!("{base}/{version}") }
    }

    fn openai(&self, path: &str, model: &str) -> Result<String, UnaddressableModel> {
        match self.azure() {
            Some(Azure::Deployments { resource, version }) => {
                if is_unsafe(model) {
                    return Err(UnaddressableModel);
                }
                let model = encoded(model);
                Ok(format!("{resource}/openai/deployments/{model}/{path}?api-version={version}"))
            }
            Some(Azure::V1 { base, query }) => Ok(format!("{base}/{path}{query}")),
            None => Ok(format!("{}/{path}", self.base_url.as_str())),
        }
    }

    fn openai_resource(&self, segments: &[&str]) -> String {
        let path = path_of(segments);
        match self.azure() {
            Some(Azure::Deployments { resource, version }) => {
                format!("{resource}/openai/{path}?api-version={version}")
            }
            Some(Azure::V1 { base, query }) => format!("{base}/{path}{query}"),
            None => format!("{}/{path}", self.base_url.as_str()),
        }
    }

    /// Which of Azure's two ways of addressing counts: the newer one without a version, unless
    /// `config.apiVersion` asks for the older one and the base URL does not say the newer one itself.
    fn azure(&self) -> Option<Azure<'_>> {
        if self.kind != ProviderKind::AzureOpenAi {
            return None;
        }
        // A stored version was checked when it was stored.
        let version = self.api_version().unwrap_or_default();
        let base = self.base_url.as_str();
        let resource =
            base.strip_suffix("/openai/v1").or_else(|| base.strip_suffix("/openai")).unwrap_or(base);
        Some(match version {
            Some(version) if !base.ends_with("/openai/v1") => Azure::Deployments { resource, version },
            _ => Azure::V1 {
                base: format!("{resource}/openai/v1"),
                query: version.map(|version| format!("?api-version={version}")).unwrap_or_default(),
            },
        })
    }
}

enum Azure<'a> {
    Deployments { resource: &'a str, version: &'a str },
    V1 { base: String, query: String },
}

/// `models/{model}`, or `tunedModels/{model}` where that is what the model is called.
fn gemini_model(model: &str) -> Result<String, UnaddressableModel> {
    let model = ProviderKind::Google.model_name(model);
    let tuned = model.strip_prefix("tunedModels/");
    let (collection, name) = tuned.map_or(("models/", model), |name| ("tunedModels/", name));
    if is_unsafe(name) { Err(UnaddressableModel) } else { Ok(format!("{collection}{}", encoded(name))) }
}

/// Whether a text would lead elsewhere as a part of a path, also after somebody decoded it once more.
fn is_unsafe(segment: &str) -> bool {
    segment.is_empty() || segment.split(['/', '\\']).any(|part| matches!(part, "." | ".."))
}

fn path_of(segments: &[&str]) -> String {
    segments.iter().map(|segment| encoded(segment)).collect::<Vec<_>>().join("/")
}

/// Everything encoded but what RFC 3986 leaves unreserved.
fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BaseUrl, Feature, NewProvider, ProviderName};
    use promptgate_kernel::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    fn create(kind: ProviderKind, base: Option<&str>, config: Value) -> Result<Provider, InvalidProvider> {
        let Value::Object(config) = config else { panic!("an object") };
        let new = NewProvider {
            name: ProviderName::parse("main").unwrap(),
            display_name: String::new(),
            kind,
            base_url: base.map(|base| BaseUrl::parse(base).unwrap()),
            models: vec![],
            config,
            enabled: true,
        };
        Provider::create("018f4e6e-0000-7000-8000-000000000001".parse().unwrap(), new, Timestamp::default())
    }

    fn provider(kind: ProviderKind, base: Option<&str>, config: Value) -> Provider {
        create(kind, base, config).unwrap()
    }

    fn at(kind: ProviderKind, base: Option<&str>, shape: Shape) -> String {
        provider(kind, base, json!({})).url(shape, "m", false).unwrap()
    }

    #[test]
    fn every_vendor_has_its_paths() {
        use ProviderKind::{Anthropic, Cohere, Google, Groq, Ollama, OpenAi, OpenAiCompatible};
        for (kind, base, shape, url) in [
            (OpenAi, None, Shape::ChatCompletions, "https://api.openai.com/v1/chat/completions"),
            (OpenAi, None, Shape::Responses, "https://api.openai.com/v1/responses"),
            (OpenAi, Some("http://h:1/openai/v1//"), Shape::Embeddings, "http://h:1/openai/v1/embeddings"),
            (Groq, None, Shape::ChatCompletions, "https://api.groq.com/openai/v1/chat/completions"),
            (Ollama, None, Shape::ChatCompletions, "http://127.0.0.1:11434/v1/chat/completions"),
            (Anthropic, None, Shape::Messages, "https://api.anthropic.com/v1/messages"),
            (Anthropic, Some("https://a.example/v1"), Shape::Messages, "https://a.example/v1/messages"),
            (Anthropic, None, Shape::CountTokens, "https://api.anthropic.com/v1/messages/count_tokens"),
            (OpenAiCompatible, Some("http://vllm/v1"), Shape::Messages, "http://vllm/v1/messages"),
            (Cohere, None, Shape::CohereChat, "https://api.cohere.com/v2/chat"),
            (Cohere, Some("https://c.example"), Shape::CohereEmbed, "https://c.example/v2/embed"),
            (
                Google,
                None,
                Shape::GenerateContent,
                "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
            ),
        ] {
            assert_eq!(at(kind, base, shape), url);
        }
        let google = provider(ProviderKind::Google, Some("http://g"), json!({}));
        let stream = |model| google.url(Shape::GenerateContent, model, true);
        assert_eq!(
            stream("models/gemini-2.5-pro").unwrap(),
            "http://g/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        );
        assert_eq!(
            stream("tunedModels/a b").unwrap(),
            "http://g/tunedModels/a%20b:streamGenerateContent?alt=sse"
        );
        let name = |given| ProviderKind::Google.model_name(given);
        for (given, canonical) in [("m", "m"), ("models/m", "m"), ("models/models/m", "m")] {
            assert_eq!(name(given), canonical);
            assert_eq!(stream(given), stream(canonical), "what is one model has one name");
        }
        assert_eq!([name("tunedModels/m"), name("models/tunedModels/m")], ["tunedModels/m"; 2]);
        assert_eq!(stream("models/tunedModels/m"), stream("tunedModels/m"));
        assert_eq!(stream("models/"), Err(UnaddressableModel));
        assert_eq!(ProviderKind::OpenAi.model_name("models/m"), "models/m");
    }

    #[test]
    fn azure_is_addressed_in_both_ways() {
        let url = |base, config| {
            let provider = provider(ProviderKind::AzureOpenAi, Some(base), config);
            let of = |shape| provider.url(shape, "my gpt", false).unwrap();
            [of(Shape::ChatCompletions), of(Shape::Responses)]
        };
        let newer = ["https://r/openai/v1/chat/completions", "https://r/openai/v1/responses"];
        assert_eq!(url("https://r", json!({})), newer);
        assert_eq!(url("https://r/openai/v1/", json!({})), newer);
        let dated = json!({"apiVersion": "2024-10-21"});
        let older = [
            "https://r/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
            "https://r/openai/responses?api-version=2024-10-21",
        ];
        assert_eq!(url("https://r", dated.clone()), older);
        assert_eq!(url("https://r/openai", dated), older);
        let preview = url("https://r/openai/v1", json!({"apiVersion": "preview"}));
        assert_eq!(preview[0], "https://r/openai/v1/chat/completions?api-version=preview");
        let wrong = create(ProviderKind::AzureOpenAi, Some("https://r"), json!({"apiVersion": "a&b"}));
        assert_eq!(wrong.unwrap_err(), InvalidProvider::ApiVersion);
    }

    #[test]
    fn resources_lie_below_the_version() {
        let openai = provider(ProviderKind::OpenAi, None, json!({}));
        assert_eq!(
            openai.resource_url(&["responses", "resp_1/x", "input_items"]).unwrap(),
            "https://api.openai.com/v1/responses/resp_1%2Fx/input_items"
        );
        let anthropic = provider(ProviderKind::Anthropic, None, json!({}));
        assert_eq!(anthropic.resource_url(&["models"]).unwrap(), "https://api.anthropic.com/v1/models");
        assert_eq!(
            anthropic.root_url(&["api", "event_logging", "batch"]).unwrap(),
            "https://api.anthropic.com/api/event_logging/batch"
        );
        for wrong in ["", ".", "..", "a/../b", "a\\..\\b"] {
            assert_eq!(openai.resource_url(&["responses", wrong]), Err(UnaddressableModel), "{wrong}");
        }
    }

    #[test]
    fn every_kind_lists_its_models_where_it_answers() {
        use ProviderKind::{Anthropic, AzureOpenAi, Cohere, Echo, Google, OpenAi, OpenAiCompatible};
        for (kind, base, expected) in [
            (OpenAi, None, Some("https://api.openai.com/v1/models")),
            (Anthropic, None, Some("https://api.anthropic.com/v1/models?limit=1000")),
            (Anthropic, Some("http://h/v1/"), Some("http://h/v1/models?limit=1000")),
            (Cohere, None, Some("https://api.cohere.com/v1/models?page_size=1000")),
            (Google, None, Some("https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000")),
            (AzureOpenAi, Some("https://r"), Some("https://r/openai/v1/models")),
            (OpenAiCompatible, Some("http://h:1/x"), Some("http://h:1/x/models")),
            (Echo, None, None),
        ] {
            assert_eq!(provider(kind, base, json!({})).models_url().as_deref(), expected, "{kind}");
        }
    }

    #[test]
    fn a_configuration_may_say_what_a_server_can_do() {
        let table = CapabilityTable::bundled();
        let vllm = provider(
            ProviderKind::OpenAiCompatible,
            Some("http://vllm/v1"),
            json!({
                "shapes": ["chat_completions", "responses", "messages"],
                "capabilities": {"without": ["json_schema"]},
                "modelCapabilities": {"qwen": {"modalities": []}}
            }),
        );
        let can = vllm.capabilities(&table).unwrap();
        assert!(can.of("llama").speaks(Shape::Messages) && !can.of("llama").speaks(Shape::Embeddings));
        assert!(!can.of("qwen3").has(Feature::JsonSchema) && can.of("qwen3").modalities.is_empty());
        assert!(!can.of("llama").modalities.is_empty());
    }

    #[test]
    fn a_wrong_configuration_is_named() {
        for (config, field) in [
            (json!({"shapes": ["telepathy"]}), "shapes"),
            (json!({"shapes": []}), "capabilities"),
            (json!({"capabilities": {"parameters": {"heat": "t"}}}), "capabilities"),
            (json!({"modelCapabilities": {"a": {"tools": true}}}), "modelCapabilities"),
        ] {
            match create(ProviderKind::OpenAi, None, config) {
                Err(InvalidProvider::Capabilities { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_model_leaves_its_place_in_an_address(model in "(\\PC|[./\\\\%?#: ]){0,20}", stream: bool) {
            let azure = provider(ProviderKind::AzureOpenAi, Some("https://r"), json!({"apiVersion": "1"}));
            let google = provider(ProviderKind::Google, Some("https://g/v1beta"), json!({}));
            if let Ok(url) = azure.url(Shape::ChatCompletions, &model, stream) {
                let parsed = url::Url::parse(&url).unwrap();
                prop_assert_eq!(parsed.query(), Some("api-version=1"));
                let segments: Vec<_> = parsed.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 5, "{}", url);
                prop_assert_eq!((segments[1], segments[4]), ("deployments", "completions"));
            }
            if let Ok(url) = google.url(Shape::GenerateContent, &model, false) {
                let parsed = url::Url::parse(&url).unwrap();
                prop_assert_eq!(parsed.path_segments().unwrap().count(), 3, "{}", url);
                prop_assert!(parsed.path().ends_with(":generateContent") && parsed.query().is_none());
            }
        }
    }
}
