//! What administrators change about an account.

use promptgate_kernel::{LimitChanges, PlanId, Timestamp};

use super::make::{email, identifier};
use super::{Account, AccountKind, InvalidAccount, MAX_NOTE, text};
use crate::Role;

/// What is to be changed; `None` keeps a value, `Some(None)` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChanges {
    /// Another user name; for a service account another identifier.
    pub username: Option<String>,
    /// Another e-mail.
    pub email: Option<String>,
    /// Another name.
    pub name: Option<String>,
    /// Another role; `none` ends the expiry too.
    pub role: Option<Role>,
    /// Another plan.
    pub plan_id: Option<Option<PlanId>>,
    /// What changes about how much it may use.
    pub limits: LimitChanges,
    /// Another note, kept word for word.
    pub note: Option<String>,
    /// Switch it on or off.
    pub active: Option<bool>,
    /// Whether its own network rules come before everybody's.
    pub firewall_override: Option<bool>,
    /// Another end of its access; in the future.
    pub expires_at: Option<Option<Timestamp>>,
}

impl Account {
    /// Takes the role away from an account whose access has ended, and the end with it.
    #[must_use]
    pub fn end_access(self, now: Timestamp) -> Self {
        Self { role: Role::None, expires_at: None, ..self.changed(now) }
    }

    /// Applies changes. An expiry that has passed does not stand in the way of other changes.
    pub fn change(self, changes: AccountChanges, now: Timestamp) -> Result<Self, InvalidAccount> {
        let mut account = self.changed(now);
        if let Some(username) = changes.username {
            account.username = match account.kind {
                AccountKind::Person => text(&username).ok_or(InvalidAccount::Username)?,
                AccountKind::Service => identifier(&username)?,
            };
        }
        if let Some(given) = changes.email {
            account.email = email(&given)?;
        }
        if let Some(name) = changes.name {
            account.name = text(&name).ok_or(InvalidAccount::Name)?;
        }
        if let Some(role) = changes.role {
            if account.kind == AccountKind::Service && role != Role::User {
                return Err(InvalidAccount::Role);
            }
            account.role = role;
        }
        if let Some(note) = changes.note {
            if note.chars().count() > MAX_NOTE {
                return Err(InvalidAccount::Note);
            }
            account.note = note;
        }
        account.limits = account.limits.change(changes.limits)?;
        account.plan_id = changes.plan_id.unwrap_or(account.plan_id);
        account.active = changes.active.unwrap_or(account.active);
        account.firewall_override = changes.firewall_override.unwrap_or(account.firewall_override);
        account.expire(changes.expires_at, now)?;
        Ok(account)
    }

    #[expect(clippy::option_option, reason = "the changes say it so")]
    fn expire(&mut self, given: Option<Option<Timestamp>>, now: Timestamp) -> Result<(), InvalidAccount> {
        if self.role == Role::None {
            self.expires_at = None;
            return Ok(());
        }
        match given {
            Some(Some(at)) if at <= now => Err(InvalidAccount::Expiration),
            Some(other) => {
                self.expires_at = other;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
