//! Lists of models.

use bytes::Bytes;
use promptgate_kernel::Timestamp;
use serde::Serialize;

use crate::Surface;

/// One model of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRow {
    /// What a client puts into `model` to reach it.
    pub id: String,
    /// Who has it: the provider's name.
    pub owned_by: String,
    /// Since when it is there.
    pub created_at: Timestamp,
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

/// The list of models in the shape of a surface. The community surface has OpenAI's.
pub fn models_list(surface: Surface, rows: &[ModelRow]) -> Bytes {
    match surface {
        Surface::OpenAi | Surface::Community => crate::json(&OpenAiList {
            object: "list",
            data: rows
                .iter()
                .map(|row| OpenAiModel {
                    id: &row.id,
                    object: "model",
                    created: row.created_at.as_seconds(),
                    owned_by: &row.owned_by,
                    is_alias: false,
                })
                .collect(),
        }),
        Surface::Anthropic => crate::json(&AnthropicList {
            data: rows
                .iter()
                .map(|row| AnthropicModel {
                    r#type: "model",
                    id: &row.id,
                    display_name: &row.id,
                    created_at: row.created_at,
                })
                .collect(),
            has_more: false,
            first_id: rows.first().map(|row| row.id.as_str()),
            last_id: rows.last().map(|row| row.id.as_str()),
        }),
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
}
