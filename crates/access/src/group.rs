//! Groups of accounts, and what they may call.

use promptgate_kernel::{GroupId, InvalidLimit, LimitChanges, LimitSet, ProviderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{is_kebab, is_line, is_text};
use crate::{InvalidPattern, Patterns};

/// What is wrong with a group that somebody wants to create or change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroup {
    /// The name does not fit.
    #[error("name must be lower-case letters and digits with single hyphens, at most 120 characters")]
    Name,
    /// The name for people is blank or too long.
    #[error("displayName must have 1 to 120 characters that are no control characters")]
    DisplayName,
    /// The description is too long.
    #[error("description must have at most 2,000 characters")]
    Description,
    /// No provider is named.
    #[error("providerIds must name at least one provider")]
    NoProvider,
    /// A pattern of allowed models is wrong.
    #[error("modelPatterns: {0}")]
    Allow(#[source] InvalidPattern),
    /// A pattern of excluded models is wrong.
    #[error("excludedModelPatterns: {0}")]
    Exclude(#[source] InvalidPattern),
    /// A limit cannot be kept to.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
}

impl InvalidGroup {
    /// The field that is wrong, as the wire names it.
    pub fn field(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::DisplayName => "displayName",
            Self::Description => "description",
            Self::NoProvider => "providerIds",
            Self::Allow(_) => "modelPatterns",
            Self::Exclude(_) => "excludedModelPatterns",
            Self::Limit(wrong) => wrong.field(),
        }
    }
}

/// The providers that a group grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Providers {
    /// Every one, also those that come later.
    All,
    /// These. None is left when all of them were deleted: then the group grants nothing.
    Some(Vec<ProviderId>),
}

impl Providers {
    /// Whether a provider is among them.
    pub fn contains(&self, provider: ProviderId) -> bool {
        match self {
            Self::All => true,
            Self::Some(providers) => providers.contains(&provider),
        }
    }

    fn checked(self) -> Result<Self, InvalidGroup> {
        match self {
            Self::All => Ok(Self::All),
            Self::Some(mut providers) => {
                providers.sort_unstable();
                providers.dedup();
                if providers.is_empty() { Err(InvalidGroup::NoProvider) } else { Ok(Self::Some(providers)) }
            }
        }
    }
}

/// A group of accounts: its members may call the models that its patterns match, at its providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its identity.
    pub id: GroupId,
    /// Its name for programs; unique, and never changes.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Whose models. Named ones are sorted.
    pub providers: Providers,
    /// Models that are allowed; never empty.
    pub allow: Patterns,
    /// Models that are denied, whatever this or another group allows.
    pub exclude: Patterns,
    /// Whether accounts are put into it when they are made.
    pub for_new_accounts: bool,
    /// How much its members may use, all of them together.
    pub limits: LimitSet,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed. Its members are no part of it.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a group is made from.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Its name for programs; trimmed and lower-cased.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Whose models; at least one.
    pub providers: Providers,
    /// Models that are allowed; empty allows all.
    pub allow: Patterns,
    /// Models that are denied.
    pub exclude: Patterns,
    /// Whether accounts are put into it when they are made.
    pub for_new_accounts: bool,
    /// How much its members may use.
    pub limits: LimitSet,
}

/// What may be changed about a group; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct GroupChanges {
    /// Another name for people.
    pub display_name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Other providers, all of them.
    pub providers: Option<Providers>,
    /// Other allowed models, all of them; empty allows all.
    pub allow: Option<Patterns>,
    /// Other denied models, all of them.
    pub exclude: Option<Patterns>,
    /// Put new accounts into it, or do not.
    pub for_new_accounts: Option<bool>,
    /// What changes about how much its members may use.
    pub limits: LimitChanges,
}

impl Group {
    /// Creates a group.
    pub fn create(id: GroupId, new: NewGroup, at: Timestamp) -> Result<Self, InvalidGroup> {
        let group = Self {
            id,
            name: new.name.trim().to_lowercase(),
            display_name: new.display_name.trim().to_owned(),
            description: new.description.trim().to_owned(),
            providers: Providers::All,
            allow: new.allow.or_everything(),
            exclude: new.exclude,
            for_new_accounts: new.for_new_accounts,
            limits: new.limits,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        group.check()?;
        Ok(Self { providers: new.providers.checked()?, ..group })
    }

    /// Applies changes.
    pub fn change(mut self, changes: GroupChanges, at: Timestamp) -> Result<Self, InvalidGroup> {
        if let Some(name) = changes.display_name {
            name.trim().clone_into(&mut self.display_name);
        }
        if let Some(description) = changes.description {
            description.trim().clone_into(&mut self.description);
        }
        if let Some(providers) = changes.providers {
            self.providers = providers.checked()?;
        }
        self.allow = changes.allow.map_or(self.allow, Patterns::or_everything);
        self.exclude = changes.exclude.unwrap_or(self.exclude);
        self.for_new_accounts = changes.for_new_accounts.unwrap_or(self.for_new_accounts);
        self.limits = self.limits.change(changes.limits)?;
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), InvalidGroup> {
        if !is_kebab(&self.name) {
            return Err(InvalidGroup::Name);
        }
        if !is_line(&self.display_name, 1, 120) {
            return Err(InvalidGroup::DisplayName);
        }
        if !is_text(&self.description, 2_000) {
            return Err(InvalidGroup::Description);
        }
        self.limits.check()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(number: u8) -> ProviderId {
        format!("018f4e6e-0000-7000-8000-0000000000{number:02}").parse().unwrap()
    }

    fn new() -> NewGroup {
        NewGroup {
            name: " Research-2 ".into(),
            display_name: " Research ".into(),
            description: String::new(),
            providers: Providers::Some(vec![provider(2), provider(1), provider(2)]),
            allow: Patterns::default(),
            exclude: Patterns::default(),
            for_new_accounts: false,
            limits: LimitSet::default(),
        }
    }

    fn create(new: NewGroup) -> Result<Group, InvalidGroup> {
        Group::create("018f4e6e-0000-7000-8000-000000000099".parse().unwrap(), new, Timestamp::default())
    }

    #[test]
    fn names_are_trimmed_and_nothing_allowed_means_everything() {
        let group = create(new()).unwrap();
        assert_eq!((group.name.as_str(), group.display_name.as_str()), ("research-2", "Research"));
        assert_eq!(group.providers, Providers::Some(vec![provider(1), provider(2)]));
        assert_eq!((group.allow.as_slice(), group.exclude.as_slice().len()), (&[".*".to_owned()][..], 0));
        let narrowed = GroupChanges {
            allow: Some(Patterns::parse(["^gpt"]).unwrap()),
            exclude: Some(Patterns::parse(["x"]).unwrap()),
            ..GroupChanges::default()
        };
        let narrowed = group.change(narrowed, Timestamp::from_micros(5)).unwrap();
        assert_eq!((narrowed.allow.as_slice(), narrowed.version), (&["^gpt".to_owned()][..], 2));
        let widened = GroupChanges { allow: Some(Patterns::default()), ..GroupChanges::default() };
        let widened = narrowed.change(widened, Timestamp::from_micros(6)).unwrap();
        assert_eq!((widened.allow.as_slice(), widened.exclude.as_slice().len()), (&[".*".to_owned()][..], 1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, field) in [
            (NewGroup { name: "a--b".into(), ..new() }, "name"),
            (NewGroup { name: " ".into(), ..new() }, "name"),
            (NewGroup { name: "a_b".into(), ..new() }, "name"),
            (NewGroup { name: "a".repeat(121), ..new() }, "name"),
            (NewGroup { display_name: " ".into(), ..new() }, "displayName"),
            (NewGroup { description: "x".repeat(2_001), ..new() }, "description"),
            (NewGroup { providers: Providers::Some(vec![]), ..new() }, "providerIds"),
        ] {
            assert_eq!(create(wrong).unwrap_err().field(), field);
        }
    }

    #[test]
    fn a_group_that_lost_its_providers_can_be_changed_but_not_emptied() {
        let lost = Group { providers: Providers::Some(vec![]), ..create(new()).unwrap() };
        let renamed = GroupChanges { display_name: Some("x".into()), ..GroupChanges::default() };
        assert!(lost.clone().change(renamed, Timestamp::default()).is_ok());
        let emptied = GroupChanges { providers: Some(Providers::Some(vec![])), ..GroupChanges::default() };
        assert_eq!(lost.change(emptied, Timestamp::default()), Err(InvalidGroup::NoProvider));
    }
}
