//! How much an event matters.

use std::fmt;
use std::str::FromStr;

/// How much an event matters to whoever looks at the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Severity {
    /// Something changed, or was looked at.
    #[default]
    Info,
    /// Something new is there, or somebody came in.
    Ok,
    /// Something is gone, switched off or replaced, or somebody was refused.
    Warn,
    /// Something failed.
    Err,
}

/// A text that names no severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a severity is info, ok, warn or err")]
pub struct UnknownSeverity;

impl Severity {
    /// Every severity.
    pub const ALL: [Self; 4] = [Self::Info, Self::Ok, Self::Warn, Self::Err];

    /// The name, in the store and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Err => "err",
        }
    }

    /// The severity of an action, by the one table; `None` for an action without a row.
    pub fn of(action: &str) -> Option<Self> {
        let row = ACTIONS.binary_search_by(|(name, _)| (*name).cmp(action)).ok()?;
        Some(ACTIONS[row].1)
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(UnknownSeverity)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

use Severity::{Info, Ok as Good, Warn};

/// Every action that is recorded, sorted by name.
const ACTIONS: &[(&str, Severity)] = &[
    ("access_group.created", Good),
    ("access_group.deleted", Warn),
    ("access_group.member_added", Info),
    ("access_group.member_removed", Info),
    ("access_group.updated", Info),
    ("account.groups_changed", Info),
    ("account.plan_changed", Info),
    ("admin_key.created", Good),
    ("admin_key.revoked", Warn),
    ("admin_key.rotated", Warn),
    ("alias.created", Good),
    ("alias.deleted", Warn),
    ("alias.updated", Info),
    ("auth.admin_key_invalid", Warn),
    ("auth.login", Good),
    ("auth.login_failed", Warn),
    ("auth.logout", Info),
    ("auth.password_accepted", Info),
    ("auth.password_changed", Warn),
    ("auth.scope_missing", Warn),
    ("auth.token_invalid", Warn),
    ("auth.token_revoked", Warn),
    ("auth.totp_begun", Info),
    ("auth.totp_disabled", Warn),
    ("auth.totp_enabled", Good),
    ("credential.activated", Info),
    ("credential.created", Info),
    ("credential.deactivated", Warn),
    ("credential.deleted", Warn),
    ("credential.rotated", Warn),
    ("credential.updated", Info),
    ("dead_letter.discarded", Warn),
    ("dead_letter.retried", Info),
    ("drill.begun", Warn),
    ("endpoint.activated", Info),
    ("endpoint.cache.purged", Info),
    ("endpoint.created", Good),
    ("endpoint.deactivated", Warn),
    ("endpoint.deleted", Warn),
    ("endpoint.updated", Info),
    ("endpoint.version.restore", Info),
    ("eval.created", Good),
    ("eval.deleted", Warn),
    ("eval.run", Info),
    ("eval.updated", Info),
    ("faq_entry.created", Good),
    ("faq_entry.deleted", Warn),
    ("faq_entry.moved", Info),
    ("faq_entry.published", Info),
    ("faq_entry.updated", Info),
    ("faq_entry.withdrawn", Info),
    ("firewall.denied", Warn),
    ("gateway.replay", Info),
    ("guardrail.blocked", Warn),
    ("guardrail.disabled", Warn),
    ("guardrail.enabled", Good),
    ("guardrail.updated", Info),
    ("job.discarded", Warn),
    ("job.paused", Warn),
    ("job.requested", Info),
    ("job.resumed", Good),
    ("job.revived", Info),
    ("mcp_server.activated", Info),
    ("mcp_server.created", Good),
    ("mcp_server.deactivated", Warn),
    ("mcp_server.deleted", Warn),
    ("mcp_server.updated", Info),
    ("member.removed", Warn),
    ("member.set", Info),
    ("monitored_service.activated", Info),
    ("monitored_service.checked", Info),
    ("monitored_service.created", Good),
    ("monitored_service.deactivated", Warn),
    ("monitored_service.deleted", Warn),
    ("monitored_service.updated", Info),
    ("network_rule.created", Good),
    ("network_rule.default_changed", Info),
    ("network_rule.deleted", Warn),
    ("network_rule.disabled", Warn),
    ("network_rule.enabled", Good),
    ("network_rule.moved", Info),
    ("network_rule.updated", Info),
    ("price.created", Good),
    ("price.deleted", Warn),
    ("price.fallback_updated", Info),
    ("price.imported", Info),
    ("price.list_deleted", Warn),
    ("price.refreshed", Info),
    ("price.replaced", Info),
    ("price.repriced", Warn),
    ("price.repricing_cancelled", Warn),
    ("price.repricing_started", Warn),
    ("price.updated", Info),
    ("project.activated", Info),
    ("project.created", Good),
    ("project.deactivated", Warn),
    ("project.deleted", Warn),
    ("project.updated", Info),
    ("provider.created", Good),
    ("provider.deleted", Warn),
    ("provider.disabled", Warn),
    ("provider.enabled", Good),
    ("provider.updated", Info),
    ("provider_setting.removed", Info),
    ("provider_setting.updated", Info),
    ("provider_template.activated", Info),
    ("provider_template.created", Good),
    ("provider_template.deactivated", Warn),
    ("provider_template.deleted", Warn),
    ("provider_template.updated", Info),
    ("secrets.resealed", Warn),
    ("service_account.access_expired", Warn),
    ("service_account.activated", Info),
    ("service_account.created", Good),
    ("service_account.deactivated", Warn),
    ("service_account.deleted", Warn),
    ("service_account.updated", Info),
    ("session.revoked", Warn),
    ("settings.management.api", Warn),
    ("settings.management.mcp", Warn),
    ("setup_guide.activated", Info),
    ("setup_guide.created", Good),
    ("setup_guide.deactivated", Warn),
    ("setup_guide.deleted", Warn),
    ("setup_guide.updated", Info),
    ("setup_guides.reordered", Info),
    ("subscription_plan.created", Good),
    ("subscription_plan.deleted", Warn),
    ("subscription_plan.made_default", Info),
    ("subscription_plan.updated", Info),
    ("token.activated", Info),
    ("token.created", Good),
    ("token.deactivated", Warn),
    ("token.revoked", Warn),
    ("token.rotated", Warn),
    ("token.updated", Info),
    ("user.access_expired", Warn),
    ("user.activated", Info),
    ("user.created", Good),
    ("user.deactivated", Warn),
    ("user.deleted", Warn),
    ("user.password_reset", Warn),
    ("user.updated", Info),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_each_action_once() {
        assert!(ACTIONS.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn it_says_what_the_reference_says() {
        for (action, severity) in [
            ("auth.login", "ok"),
            ("auth.login_failed", "warn"),
            ("project.deleted", "warn"),
            ("endpoint.updated", "info"),
            ("credential.created", "info"),
            ("token.rotated", "warn"),
        ] {
            assert_eq!(Severity::of(action).map(Severity::as_str), Some(severity), "{action}");
        }
        assert_eq!(Severity::of("made.up"), None);
    }

    #[test]
    fn names_are_read_back() {
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
        assert_eq!("INFO".parse::<Severity>(), Err(UnknownSeverity));
    }
}
