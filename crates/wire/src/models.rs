//! Lists of models.

use bytes::Bytes;
use promptgate_kernel::Timestamp;
use promptgate_providers::Preset;
use serde::Serialize;

use crate::Surface;

/// One model of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    /// What a client puts into `model` to reach it.
    pub id: String,
    /// Who has it: the provider's name.
    pub owned_by: String,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// What it stands for, if it is a project's own name.
    pub alias: Option<AliasRow>,
}

/// What a project's own name for a model stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct AliasRow {
    /// The name without its prefix.
    pub name: String,
    /// The name of the provider that answers.
    pub provider: String,
    /// The model's name there.
    pub model: String,
    /// What it is for; may be blank.
    pub description: String,
    /// What it gives where the client gives nothing.
    pub preset: Preset,
}

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'static str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
    is_alias: bool,
    #[serde(flatten)]
    alias: Option<OpenAiAlias<'a>>,
}

/// Both documented ways of showing an alias.
#[derive(Serialize)]
struct OpenAiAlias<'a> {
    alias: &'a str,
    provider: &'a str,
    provider_model: &'a str,
    is_preset: bool,
    resolved: Resolved<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preset: Option<PresetMembers<'a>>,
}

#[derive(Serialize)]
struct Resolved<'a> {
    provider: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct PresetMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: Timestamp,
}

impl<'a> From<&'a ModelRow> for OpenAiModel<'a> {
    fn from(row: &'a ModelRow) -> Self {
        Self {
            id: &row.id,
            object: "model",
            created: row.created_at.as_seconds(),
            owned_by: &row.owned_by,
            is_alias: row.alias.is_some(),
            alias: row.alias.as_ref().map(OpenAiAlias::from),
        }
    }
}

impl<'a> From<&'a AliasRow> for OpenAiAlias<'a> {
    fn from(alias: &'a AliasRow) -> Self {
        let preset = &alias.preset;
        Self {
            alias: &alias.name,
            provider: &alias.provider,
            provider_model: &alias.model,
            is_preset: !preset.is_empty(),
            resolved: Resolved { provider: &alias.provider, model: &alias.model },
            description: &alias.description,
            preset: (!preset.is_empty()).then_some(PresetMembers {
                system_prompt: preset.system_prompt.as_deref(),
                temperature: preset.temperature,
                top_p: preset.top_p,
                max_tokens: preset.max_tokens,
            }),
        }
    }
}

impl<'a> From<&'a ModelRow> for AnthropicModel<'a> {
    fn from(row: &'a ModelRow) -> Self {
        Self {
            r#type: "model",
            id: &row.id,
            display_name: row.alias.as_ref().map_or(&row.id, |alias| &alias.name),
            created_at: row.created_at,
        }
    }
}

/// The list of models in the shape of a surface. The community surface has OpenAI's.
pub fn models_list(surface: Surface, rows: &[ModelRow]) -> Bytes {
    match surface {
        Surface::OpenAi | Surface::Community => {
            crate::json(&OpenAiList { object: "list", data: rows.iter().map(OpenAiModel::from).collect() })
        }
        Surface::Anthropic => crate::json(&AnthropicList {
            data: rows.iter().map(AnthropicModel::from).collect(),
            has_more: false,
            first_id: rows.first().map(|row| row.id.as_str()),
            last_id: rows.last().map(|row| row.id.as_str()),
        }),
    }
}

/// One model in the shape of a surface.
pub fn model_detail(surface: Surface, row: &ModelRow) -> Bytes {
    match surface {
        Surface::OpenAi | Surface::Community => crate::json(&OpenAiModel::from(row)),
        Surface::Anthropic => crate::json(&AnthropicModel::from(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> ModelRow {
        ModelRow {
            id: id.to_owned(),
            owned_by: "main".to_owned(),
            created_at: Timestamp::from_micros(1_700_000_000_000_000),
            alias: None,
        }
    }

    #[test]
    fn each_surface_has_its_vendors_list() {
        assert_eq!(
            models_list(Surface::OpenAi, &[row("gpt-4o")]),
            r#"{"object":"list","data":[{"id":"gpt-4o","object":"model","created":1700000000,"owned_by":"main","is_alias":false}]}"#
        );
        assert_eq!(
            models_list(Surface::Anthropic, &[row("a"), row("b")]),
            r#"{"data":[{"type":"model","id":"a","display_name":"a","created_at":"2023-11-14T22:13:20.000000Z"},{"type":"model","id":"b","display_name":"b","created_at":"2023-11-14T22:13:20.000000Z"}],"has_more":false,"first_id":"a","last_id":"b"}"#
        );
        assert_eq!(
            models_list(Surface::Anthropic, &[]),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
    }

    #[test]
    fn an_alias_says_what_it_stands_for() {
        let alias = |preset| ModelRow {
            alias: Some(AliasRow {
                name: "fast".to_owned(),
                provider: "main".to_owned(),
                model: "gpt-4o-mini".to_owned(),
                description: "quick".to_owned(),
                preset,
            }),
            owned_by: "promptgate-alias".to_owned(),
            ..row("promptgate:fast")
        };
        let preset =
            Preset { system_prompt: Some("Be brief.".to_owned()), top_p: Some(0.5), ..Preset::default() };
        assert_eq!(
            model_detail(Surface::OpenAi, &alias(preset)),
            concat!(
                r#"{"id":"promptgate:fast","object":"model","created":1700000000,"owned_by":"promptgate-alias","#,
                r#""is_alias":true,"alias":"fast","provider":"main","provider_model":"gpt-4o-mini","is_preset":true,"#,
                r#""resolved":{"provider":"main","model":"gpt-4o-mini"},"description":"quick","#,
                r#""preset":{"system_prompt":"Be brief.","top_p":0.5}}"#
            )
        );
        let plain: serde_json::Value =
            serde_json::from_slice(&model_detail(Surface::OpenAi, &alias(Preset::default()))).unwrap();
        assert_eq!((&plain["is_preset"], plain.get("preset")), (&false.into(), None));
        let anthropic = model_detail(Surface::Anthropic, &alias(Preset::default()));
        assert!(anthropic.starts_with(br#"{"type":"model","id":"promptgate:fast","display_name":"fast""#));
    }
}
