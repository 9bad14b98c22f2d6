//! Reusable choices of provider, model and settings.

use promptgate_kernel::{CredentialId, ProviderId, TemplateId, Timestamp, slug_of};
use serde::{Deserialize, Serialize};

use crate::limits::{is_line, is_model, is_slug, is_text};

const MAX_TAGS: usize = 20;

/// What is wrong with a template that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// The name is blank or too long.
    #[error("name must have 1 to 120 characters that are no control characters")]
    Name,
    /// The slug does not fit.
    #[error("slug must be lower-case letters and digits with single hyphens, at most 120 characters")]
    Slug,
    /// The description is too long.
    #[error("description must have at most 4,096 bytes")]
    Description,
    /// A tag is blank or too long, or there are too many.
    #[error("tags must be at most 20 different texts of 1 to 40 characters that are no control characters")]
    Tags,
    /// The model's name is blank or too long.
    #[error("model must have 1 to 200 characters that are no control characters")]
    Model,
    /// The temperature is out of range.
    #[error("temperature must be a number from 0 to 2, or null")]
    Temperature,
    /// `top_p` is out of range.
    #[error("topP must be a number from 0 to 1, or null")]
    TopP,
    /// The maximum is out of range.
    #[error("maxOutputTokens must be a whole number from 1 to 10,000,000, or null")]
    MaxOutputTokens,
}

impl InvalidTemplate {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Slug => "slug",
            Self::Description => "description",
            Self::Tags => "tags",
            Self::Model => "model",
            Self::Temperature => "temperature",
            Self::TopP => "topP",
            Self::MaxOutputTokens => "maxOutputTokens",
        }
    }
}

/// A provider, a model and settings that AI endpoints share. A change acts at once on all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its identity.
    pub id: TemplateId,
    /// Its name for people.
    pub name: String,
    /// Its name in addresses; unique.
    pub slug: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who answers.
    pub provider_id: ProviderId,
    /// Which model.
    pub model: String,
    /// With which credential; `None` leaves it to the provider's own.
    pub credential_id: Option<CredentialId>,
    /// `None` leaves it to the endpoint, and then to the provider.
    pub temperature: Option<f64>,
    /// Likewise.
    pub top_p: Option<f64>,
    /// Likewise.
    pub max_output_tokens: Option<u64>,
    /// Whether it may be used; endpoints of an inactive one fail over or fail.
    pub active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a template is made from.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// Its name for people.
    pub name: String,
    /// Its name in addresses; `None` makes one of the name.
    pub slug: Option<String>,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who answers.
    pub provider_id: ProviderId,
    /// Which model.
    pub model: String,
    /// With which credential.
    pub credential_id: Option<CredentialId>,
    /// How the model chooses its words.
    pub temperature: Option<f64>,
    /// Likewise.
    pub top_p: Option<f64>,
    /// The most tokens it writes.
    pub max_output_tokens: Option<u64>,
    /// Whether it may be used.
    pub active: bool,
}

/// What may be changed about a template; `None` keeps a value, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct TemplateChanges {
    /// Another name for people.
    pub name: Option<String>,
    /// Another name in addresses.
    pub slug: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Other tags, whole.
    pub tags: Option<Vec<String>>,
    /// Another provider. A credential of the old one is cleared unless another is given.
    pub provider_id: Option<ProviderId>,
    /// Another model.
    pub model: Option<String>,
    /// Another credential.
    pub credential_id: Option<Option<CredentialId>>,
    /// Another temperature.
    pub temperature: Option<Option<f64>>,
    /// Another `top_p`.
    pub top_p: Option<Option<f64>>,
    /// Another maximum.
    pub max_output_tokens: Option<Option<u64>>,
    /// Use it or do not.
    pub active: Option<bool>,
}

impl Template {
    /// Creates a template.
    pub fn create(id: TemplateId, new: NewTemplate, at: Timestamp) -> Result<Self, InvalidTemplate> {
        let name = new.name.trim().to_owned();
        let template = Self {
            id,
            slug: new.slug.unwrap_or_else(|| Self::slug_of(&name)),
            name,
            description: new.description,
            tags: new.tags,
            provider_id: new.provider_id,
            model: new.model.trim().to_owned(),
            credential_id: new.credential_id,
            temperature: new.temperature,
            top_p: new.top_p,
            max_output_tokens: new.max_output_tokens,
            active: new.active,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        template.check()?;
        Ok(template)
    }

    /// The slug of a name; `template` for a name without letters and digits.
    pub fn slug_of(name: &str) -> String {
        // Room for a number behind it.
        let slug = slug_of(name, 110);
        if slug.is_empty() { "template".to_owned() } else { slug }
    }

    /// Applies changes.
    pub fn change(mut self, changes: TemplateChanges, at: Timestamp) -> Result<Self, InvalidTemplate> {
        if let Some(name) = changes.name {
            name.trim().clone_into(&mut self.name);
        }
        if let Some(provider) = changes.provider_id.filter(|provider| *provider != self.provider_id) {
            self.provider_id = provider;
            self.credential_id = None;
        }
        if let Some(model) = changes.model {
            model.trim().clone_into(&mut self.model);
        }
        self.slug = changes.slug.unwrap_or(self.slug);
        self.description = changes.description.unwrap_or(self.description);
        self.tags = changes.tags.unwrap_or(self.tags);
        self.credential_id = changes.credential_id.unwrap_or(self.credential_id);
        self.temperature = changes.temperature.unwrap_or(self.temperature);
        self.top_p = changes.top_p.unwrap_or(self.top_p);
        self.max_output_tokens = changes.max_output_tokens.unwrap_or(self.max_output_tokens);
        self.active = changes.active.unwrap_or(self.active);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), InvalidTemplate> {
        let tag_fits = |tag: &String| is_line(tag, 1, 40);
        let twice = |(index, tag): (usize, &String)| self.tags[..index].contains(tag);
        let tags_fit = self.tags.len() <= MAX_TAGS
            && self.tags.iter().all(tag_fits)
            && !self.tags.iter().enumerate().any(twice);
        let max_fits = self.max_output_tokens.is_none_or(|most| (1..=10_000_000).contains(&most));
        let checks = [
            (is_line(&self.name, 1, 120), InvalidTemplate::Name),
            (is_slug(&self.slug), InvalidTemplate::Slug),
            (is_text(&self.description, 4_096), InvalidTemplate::Description),
            (tags_fit, InvalidTemplate::Tags),
            (is_model(&self.model), InvalidTemplate::Model),
            (self.temperature.is_none_or(|given| (0.0..=2.0).contains(&given)), InvalidTemplate::Temperature),
            (self.top_p.is_none_or(|given| (0.0..=1.0).contains(&given)), InvalidTemplate::TopP),
            (max_fits, InvalidTemplate::MaxOutputTokens),
        ];
        match checks.into_iter().find(|(fits, _)| !fits) {
            Some((_, wrong)) => Err(wrong),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> NewTemplate {
        NewTemplate {
            name: " Fast & cheap ".into(),
            slug: None,
            description: String::new(),
            tags: vec!["a".into(), "b".into()],
            provider_id: "018f4e6e-0000-7000-8000-000000000001".parse().unwrap(),
            model: "gpt-4o-mini".into(),
            credential_id: Some("018f4e6e-0000-7000-8000-000000000002".parse().unwrap()),
            temperature: Some(0.5),
            top_p: None,
            max_output_tokens: Some(1_000),
            active: true,
        }
    }

    fn create(new: NewTemplate) -> Result<Template, InvalidTemplate> {
        let id = "018f4e6e-0000-7000-8000-000000000003".parse().unwrap();
        Template::create(id, new, Timestamp::default())
    }

    #[test]
    fn a_slug_is_made_of_the_name() {
        let template = create(new()).unwrap();
        assert_eq!((template.name.as_str(), template.slug.as_str()), ("Fast & cheap", "fast-cheap"));
        let spelled = NewTemplate { name: "Größe".into(), ..new() };
        assert_eq!(create(spelled).unwrap().slug, "groesse");
        let nothing_left = NewTemplate { name: "日本".into(), ..new() };
        assert_eq!(create(nothing_left).unwrap().slug, "template");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let tags = vec!["a".to_owned(), "a".to_owned()];
        for (wrong, field) in [
            (NewTemplate { name: " ".into(), ..new() }, "name"),
            (NewTemplate { slug: Some("A".into()), ..new() }, "slug"),
            (NewTemplate { description: "x".repeat(4_097), ..new() }, "description"),
            (NewTemplate { tags, ..new() }, "tags"),
            (NewTemplate { model: " ".into(), ..new() }, "model"),
            (NewTemplate { temperature: Some(2.1), ..new() }, "temperature"),
            (NewTemplate { temperature: Some(f64::NAN), ..new() }, "temperature"),
            (NewTemplate { top_p: Some(-0.1), ..new() }, "topP"),
            (NewTemplate { max_output_tokens: Some(0), ..new() }, "maxOutputTokens"),
        ] {
            assert_eq!(create(wrong).unwrap_err().field(), field);
        }
    }

    #[test]
    fn another_provider_takes_no_foreign_credential_along() {
        let template = create(new()).unwrap();
        let other: ProviderId = "018f4e6e-0000-7000-8000-000000000009".parse().unwrap();
        let moved = TemplateChanges { provider_id: Some(other), ..TemplateChanges::default() };
        let elsewhere = template.clone().change(moved, Timestamp::default()).unwrap();
        assert_eq!((elsewhere.provider_id, elsewhere.credential_id, elsewhere.version), (other, None, 2));
        let cooled = TemplateChanges { temperature: Some(None), ..TemplateChanges::default() };
        let kept = template.change(cooled, Timestamp::default()).unwrap();
        assert_eq!((kept.temperature, kept.credential_id.is_some()), (None, true));
    }
}
