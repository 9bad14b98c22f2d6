//! Rules.

use std::fmt;

use promptgate_kernel::{NetworkRuleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Namespace, Priority, RuleAddress};

/// What is wrong with a rule that somebody wants to create, change, move or try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetworkRule {
    /// It is no address and no range.
    #[error("this must be an IPv4 or IPv6 address, for rules also a range such as 10.0.0.0/8")]
    Address,
    /// The number is out of range.
    #[error("priority must be a whole number from 1 to 9999")]
    Priority,
    /// There is no such action.
    #[error("action must be allow or deny")]
    Action,
    /// There is no such direction.
    #[error("direction must be increase or decrease")]
    Direction,
}

/// What a rule does with who it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Lets them in.
    Allow,
    /// Keeps them out.
    Deny,
}

impl Action {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// Reads `allow` or `deny`.
    pub fn parse(text: &str) -> Result<Self, InvalidNetworkRule> {
        match text {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            _ => Err(InvalidNetworkRule::Action),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Lets an address or a range in, or keeps it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRule {
    /// Its identity.
    pub id: NetworkRuleId,
    /// Whose rule it is; never changes.
    pub namespace: Namespace,
    /// Who it is about.
    pub address: RuleAddress,
    /// What it is for.
    pub description: String,
    /// When its turn is; unique in the namespace.
    pub priority: Priority,
    /// What it does.
    pub action: Action,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// What a rule is made from.
#[derive(Debug, Clone)]
pub struct NewNetworkRule {
    /// Who it is about.
    pub address: RuleAddress,
    /// What it is for.
    pub description: String,
    /// When its turn is.
    pub priority: Priority,
    /// What it does.
    pub action: Action,
    /// Whether it counts.
    pub enabled: bool,
}

/// What may be changed about a rule; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct NetworkRuleChanges {
    /// Who it is about from now on.
    pub address: Option<RuleAddress>,
    /// Another description.
    pub description: Option<String>,
    /// Another turn. A rule whose turn it is takes this one's.
    pub priority: Option<Priority>,
    /// What it does from now on.
    pub action: Option<Action>,
    /// Let it count or do not.
    pub enabled: Option<bool>,
}

impl NetworkRule {
    /// Creates a rule.
    pub fn create(id: NetworkRuleId, namespace: Namespace, new: NewNetworkRule, at: Timestamp) -> Self {
        Self {
            id,
            namespace,
            address: new.address,
            description: new.description.trim().to_owned(),
            priority: new.priority,
            action: new.action,
            enabled: new.enabled,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    /// Applies changes.
    #[must_use]
    pub fn change(mut self, changes: NetworkRuleChanges, at: Timestamp) -> Self {
        if let Some(description) = changes.description {
            description.trim().clone_into(&mut self.description);
        }
        self.address = changes.address.unwrap_or(self.address);
        self.priority = changes.priority.unwrap_or(self.priority);
        self.action = changes.action.unwrap_or(self.action);
        self.enabled = changes.enabled.unwrap_or(self.enabled);
        self.updated_at = at;
        self.version += 1;
        self
    }

    /// When its turn is. Should two rules have one priority, the older one comes first, wherever they are
    /// asked.
    pub(crate) const fn turn(&self) -> (Priority, NetworkRuleId) {
        (self.priority, self.id)
    }

    /// Gives the rule the turn of another one, which gives up its own for it.
    #[must_use]
    pub fn give_way(self, priority: Priority, at: Timestamp) -> Self {
        self.change(NetworkRuleChanges { priority: Some(priority), ..NetworkRuleChanges::default() }, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_change_stays() {
        let new = NewNetworkRule {
            address: RuleAddress::parse("10.0.0.0/8").unwrap(),
            description: " office ".into(),
            priority: Priority::new(3).unwrap(),
            action: Action::Deny,
            enabled: false,
        };
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let rule = NetworkRule::create(id, Namespace::Global, new, Timestamp::default());
        assert_eq!((rule.description.as_str(), rule.enabled, rule.version), ("office", false, 1));
        let later = Timestamp::from_micros(5);
        let changes = NetworkRuleChanges { enabled: Some(true), ..NetworkRuleChanges::default() };
        let switched = rule.clone().change(changes, later);
        assert_eq!(switched, NetworkRule { enabled: true, updated_at: later, version: 2, ..rule.clone() });
        let moved = rule.give_way(Priority::new(4).unwrap(), later);
        assert_eq!((moved.priority.number(), moved.action), (4, Action::Deny));
    }

    #[test]
    fn actions_are_told_apart_by_case() {
        assert_eq!(Action::parse("allow"), Ok(Action::Allow));
        for wrong in ["", "Allow", " deny", "drop"] {
            assert_eq!(Action::parse(wrong), Err(InvalidNetworkRule::Action), "{wrong}");
        }
    }
}
