//! A project's own names for models.

use promptgate_kernel::{AliasId, ProjectId, ProviderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{is_line, is_model, is_text};

const MAX_SYSTEM_PROMPT_BYTES: usize = 64 * 1024;

/// What is wrong with an alias that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAlias {
    /// The name does not fit.
    #[error(
        "name must have 1 to 120 characters, no blanks or control characters, and must not begin with \
         `promptgate:` or end with `:*`"
    )]
    Name,
    /// The model's name is blank or too long.
    #[error("model must have 1 to 200 characters that are no control characters")]
    Model,
    /// The description is too long.
    #[error("description must have at most 4,096 bytes")]
    Description,
    /// The system prompt is too long.
    #[error("systemPrompt must have at most 65,536 bytes")]
    SystemPrompt,
    /// The temperature is out of range.
    #[error("temperature must be a number from 0 to 2, or null")]
    Temperature,
    /// `top_p` is out of range.
    #[error("topP must be a number from 0 to 1, or null")]
    TopP,
    /// The maximum is out of range.
    #[error("maxTokens must be a whole number from 1 to 10,000,000, or null")]
    MaxTokens,
}

impl InvalidAlias {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Model => "model",
            Self::Description => "description",
            Self::SystemPrompt => "system_prompt",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::MaxTokens => "max_tokens",
        }
    }
}

/// What an alias gives where the client gives nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Preset {
    /// The system prompt, where the client sends none.
    pub system_prompt: Option<String>,
    /// How the model chooses its words.
    pub temperature: Option<f64>,
    /// Likewise.
    pub top_p: Option<f64>,
    /// The most tokens it writes.
    pub max_tokens: Option<u64>,
}

impl Preset {
    /// Whether it gives nothing at all.
    pub const fn is_empty(&self) -> bool {
        self.system_prompt.is_none()
            && self.temperature.is_none()
            && self.top_p.is_none()
            && self.max_tokens.is_none()
    }
}

/// A project's own name for a model of a provider. With a preset it also says how the model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its identity.
    pub id: AliasId,
    /// The project that has it.
    pub project_id: ProjectId,
    /// The name; unique in the project, told apart by case.
    pub name: String,
    /// Who answers.
    pub provider_id: ProviderId,
    /// Which model.
    pub model: String,
    /// What it is for; shown in lists of models.
    pub description: String,
    /// What it gives where the client gives nothing.
    pub preset: Preset,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What an alias is made from.
#[derive(Debug, Clone)]
pub struct NewAlias {
    /// The project that has it.
    pub project_id: ProjectId,
    /// The name.
    pub name: String,
    /// Who answers.
    pub provider_id: ProviderId,
    /// Which model.
    pub model: String,
    /// What it is for.
    pub description: String,
    /// What it gives where the client gives nothing.
    pub preset: Preset,
}

/// What may be changed about an alias; `None` keeps a value, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct AliasChanges {
    /// Another name.
    pub name: Option<String>,
    /// Another provider.
    pub provider_id: Option<ProviderId>,
    /// Another model.
    pub model: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Another system prompt.
    pub system_prompt: Option<Option<String>>,
    /// Another temperature.
    pub temperature: Option<Option<f64>>,
    /// Another `top_p`.
    pub top_p: Option<Option<f64>>,
    /// Another maximum.
    pub max_tokens: Option<Option<u64>>,
}

impl Alias {
    /// What a client may put before an alias so that nothing else is meant. No alias begins with it.
    pub const PREFIX: &'static str = "promptgate:";

    /// Creates an alias. A blank system prompt is none.
    pub fn create(id: AliasId, new: NewAlias, at: Timestamp) -> Result<Self, InvalidAlias> {
        let alias = Self {
            id,
            project_id: new.project_id,
            name: new.name.trim().to_owned(),
            provider_id: new.provider_id,
            model: new.model.trim().to_owned(),
            description: new.description,
            preset: Preset { system_prompt: not_blank(new.preset.system_prompt), ..new.preset },
            created_at: at,
            updated_at: at,
            version: 1,
        };
        alias.check()?;
        Ok(alias)
    }

    /// Applies changes.
    pub fn change(mut self, changes: AliasChanges, at: Timestamp) -> Result<Self, InvalidAlias> {
        if let Some(name) = changes.name {
            name.trim().clone_into(&mut self.name);
        }
        if let Some(model) = changes.model {
            model.trim().clone_into(&mut self.model);
        }
        self.provider_id = changes.provider_id.unwrap_or(self.provider_id);
        self.description = changes.description.unwrap_or(self.description);
        if let Some(prompt) = changes.system_prompt {
            self.preset.system_prompt = not_blank(prompt);
        }
        self.preset.temperature = changes.temperature.unwrap_or(self.preset.temperature);
        self.preset.top_p = changes.top_p.unwrap_or(self.preset.top_p);
        self.preset.max_tokens = changes.max_tokens.unwrap_or(self.preset.max_tokens);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), InvalidAlias> {
        let name_fits = is_line(&self.name, 1, 120)
            && !self.name.contains(char::is_whitespace)
            && !self.name.starts_with(Self::PREFIX)
            && self.name != "*"
            && !self.name.ends_with(":*");
        let preset = &self.preset;
        let prompt = preset.system_prompt.as_deref().unwrap_or_default();
        let checks = [
            (name_fits, InvalidAlias::Name),
            (is_model(&self.model), InvalidAlias::Model),
            (is_text(&self.description, 4_096), InvalidAlias::Description),
            (is_text(prompt, MAX_SYSTEM_PROMPT_BYTES), InvalidAlias::SystemPrompt),
            (preset.temperature.is_none_or(|given| (0.0..=2.0).contains(&given)), InvalidAlias::Temperature),
            (preset.top_p.is_none_or(|given| (0.0..=1.0).contains(&given)), InvalidAlias::TopP),
            (preset.max_tokens.is_none_or(|most| (1..=10_000_000).contains(&most)), InvalidAlias::MaxTokens),
        ];
        match checks.into_iter().find(|(fits, _)| !fits) {
            Some((_, wrong)) => Err(wrong),
            None => Ok(()),
        }
    }
}

fn not_blank(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str) -> NewAlias {
        NewAlias {
            project_id: "018f4e6e-0000-7000-8000-000000000001".parse().unwrap(),
            name: name.to_owned(),
            provider_id: "018f4e6e-0000-7000-8000-000000000002".parse().unwrap(),
            model: "gpt-4o-mini".to_owned(),
            description: String::new(),
            preset: Preset::default(),
        }
    }

    fn create(new: NewAlias) -> Result<Alias, InvalidAlias> {
        Alias::create("018f4e6e-0000-7000-8000-000000000003".parse().unwrap(), new, Timestamp::default())
    }

    #[test]
    fn names_may_have_colons_and_slashes() {
        for name in ["fast", "embed:fast", "team/fast", "schnell-ü", "a:b:c", "x*"] {
            assert_eq!(create(new(name)).unwrap().name, name);
        }
        for wrong in ["", " ", "a b", "a\tb", "promptgate:fast", "openai:*", &"x".repeat(121)] {
            assert_eq!(create(new(wrong)).unwrap_err(), InvalidAlias::Name, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |preset| NewAlias { preset, ..new("a") };
        let prompt = Some("x".repeat(65_537));
        for (wrong, field) in [
            (NewAlias { model: String::new(), ..new("a") }, "model"),
            (NewAlias { description: "x".repeat(4_097), ..new("a") }, "description"),
            (with(Preset { system_prompt: prompt, ..Preset::default() }), "system_prompt"),
            (with(Preset { temperature: Some(-1.0), ..Preset::default() }), "temperature"),
            (with(Preset { top_p: Some(f64::INFINITY), ..Preset::default() }), "top_p"),
            (with(Preset { max_tokens: Some(0), ..Preset::default() }), "max_tokens"),
        ] {
            assert_eq!(create(wrong).unwrap_err().field(), field);
        }
    }

    #[test]
    fn a_preset_gives_something() {
        let blank = Preset { system_prompt: Some(" \n".into()), ..Preset::default() };
        let alias = create(NewAlias { preset: blank, ..new("a") }).unwrap();
        assert!(alias.preset.is_empty());
        let changes = AliasChanges { max_tokens: Some(Some(5)), ..AliasChanges::default() };
        let preset = alias.change(changes, Timestamp::default()).unwrap();
        assert!(!preset.preset.is_empty());
        let changes = AliasChanges { max_tokens: Some(None), ..AliasChanges::default() };
        assert!(preset.change(changes, Timestamp::default()).unwrap().preset.is_empty());
    }
}
