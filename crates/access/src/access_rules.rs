//! What an account may call, ready for use.

use std::sync::Arc;

use promptgate_kernel::ProviderId;
use regex::RegexSet;

use crate::{Group, Patterns, Providers};

#[cfg(test)]
mod tests;

/// What one group grants, compiled. Shared by all members.
#[derive(Debug, Clone)]
pub struct AccessRule {
    providers: Providers,
    allow: RegexSet,
    exclude: RegexSet,
}

impl AccessRule {
    /// A rule for some providers.
    pub fn new(providers: Providers, allow: &Patterns, exclude: &Patterns) -> Self {
        match (allow.compile(), exclude.compile()) {
            (Some(allow), Some(exclude)) => Self { providers, allow, exclude },
            // Nobody knows what was meant to be excluded.
            _ => Self { providers, allow: RegexSet::empty(), exclude: everything() },
        }
    }

    /// What a group grants.
    pub fn of(group: &Group) -> Self {
        Self::new(group.providers.clone(), &group.allow, &group.exclude)
    }

    /// What an account may call that is in this group alone.
    pub fn alone(self) -> AccessRules {
        AccessRules::new(vec![Arc::new(self)])
    }
}

fn everything() -> RegexSet {
    RegexSet::new([""]).expect("the empty pattern is one")
}

/// What an account may call: a rule for each of its groups. Without any it may call nothing.
#[derive(Debug, Clone, Default)]
pub struct AccessRules {
    rules: Vec<Arc<AccessRule>>,
}

impl AccessRules {
    /// The rules of these groups.
    pub const fn new(rules: Vec<Arc<AccessRule>>) -> Self {
        Self { rules }
    }

    /// Whether some group grants the provider.
    pub fn provider_allowed(&self, provider: ProviderId) -> bool {
        self.rules.iter().any(|rule| rule.providers.contains(provider))
    }

    /// Whether a model of a provider may be called. What one of the groups that have the provider
    /// excludes is denied, whatever the others allow; what none allows is denied; and so is a model
    /// without a name. Patterns of a group never act on providers of another.
    pub fn model_allowed(&self, provider: ProviderId, model: &str) -> bool {
        let model = model.trim();
        if model.is_empty() {
            return false;
        }
        let mut allowed = false;
        for rule in self.rules.iter().filter(|rule| rule.providers.contains(provider)) {
            if rule.exclude.is_match(model) {
                return false;
            }
            allowed = allowed || rule.allow.is_match(model);
        }
        allowed
    }
}
