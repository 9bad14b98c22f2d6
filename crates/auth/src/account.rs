//! People and service accounts.

mod anonymise;
mod change;
mod guard;
mod make;

use std::fmt;

use promptgate_kernel::{AccountId, Entropy, InvalidLimit, KeyRing, LimitSet, PlanId, SealError, Timestamp};

use crate::{PasswordHash, Role, Totp};

pub use change::AccountChanges;
pub use guard::{LastAdministrator, keep_an_administrator};
pub use make::{NewPerson, NewService, OidcPerson};

/// The longest note, in characters.
pub(crate) const MAX_NOTE: usize = 2_000;
/// The longest name, user name and e-mail, in characters.
pub(crate) const MAX_TEXT: usize = 320;

/// What kind of account one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// A human being, who signs in.
    Person,
    /// A program, which only has keys.
    Service,
}

impl AccountKind {
    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "user",
            Self::Service => "service",
        }
    }
}

/// A text that names no kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("type must be `user` or `service`")]
pub struct UnknownAccountKind;

impl std::str::FromStr for AccountKind {
    type Err = UnknownAccountKind;

    fn from_str(text: &str) -> Result<Self, UnknownAccountKind> {
        [Self::Person, Self::Service].into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownAccountKind)
    }
}

/// A person or a service account.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub struct Account {
    /// Its identity, which outlives its deletion: calls stay attributable to it.
    pub id: AccountId,
    /// A person or a service.
    pub kind: AccountKind,
    /// Whose identity provider vouches for the subject; `None` until one has.
    pub issuer: Option<String>,
    /// What the identity provider calls it; `local:<id>` and `service:<id>` without one.
    pub subject: String,
    /// A person's user name; a service account's identifier.
    pub username: String,
    /// Where mail reaches it; blank for service accounts.
    pub email: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The plan it was assigned; without one the default plan applies.
    pub plan_id: Option<PlanId>,
    /// How much it may use.
    pub limits: LimitSet,
    /// What administrators noted about it, word for word.
    pub note: String,
    /// Whether it may be used.
    pub active: bool,
    /// Whether its own network rules come before everybody's.
    pub firewall_override: bool,
    /// When its access ends; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// When it last signed in; a service account: when it was made.
    pub last_login_at: Option<Timestamp>,
    /// Its password, if it signs in with one.
    pub password: Option<PasswordHash>,
    /// Whether the password only opens "set a new password".
    pub must_change_password: bool,
    /// Whether the password is the one that every new installation has.
    pub well_known_password: bool,
    /// Its second factor.
    pub totp: Option<Totp>,
    /// When it was deleted. What named somebody is gone since then.
    pub deleted_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Grows with every change; a save of an older version does not match.
    pub version: i64,
}

/// Why a known account opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AccountRefused {
    /// It was switched off or deleted.
    #[error("the account is not active")]
    Inactive,
    /// It has no role yet.
    #[error("the account has no role")]
    RoleNone,
    /// Its access has ended, which leaves it without a role.
    #[error("the account's access has expired")]
    Expired,
}

/// What is wrong with an account that somebody wants to make or change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccount {
    /// A person's user name is blank, too long, or has control characters.
    #[error("preferredUsername must have 1 to 320 characters that are no control characters")]
    Username,
    /// A service account's identifier has a wrong form.
    #[error("identifier must be 1 to 64 lower-case letters, digits, `-` and `_`")]
    Identifier,
    /// The name is blank, too long, or has control characters.
    #[error("name must have 1 to 320 characters that are no control characters")]
    Name,
    /// The e-mail has a wrong form.
    #[error("email must be an address such as `name@example.com`, of at most 320 characters")]
    Email,
    /// The note is too long.
    #[error("note must have at most 2,000 characters")]
    Note,
    /// The end of its access is not in the future.
    #[error("expiresAt must be in the future")]
    Expiration,
    /// The role of a service account is always `user`.
    #[error("a service account always has the role `user`")]
    Role,
    /// A limit cannot be kept to.
    #[error(transparent)]
    Limit(#[from] InvalidLimit),
}

impl InvalidAccount {
    /// The field that is wrong, as the wire names it.
    pub fn field(&self) -> &str {
        match self {
            Self::Username => "preferredUsername",
            Self::Identifier => "identifier",
            Self::Name => "name",
            Self::Email => "email",
            Self::Note => "note",
            Self::Expiration => "expiresAt",
            Self::Role => "role",
            Self::Limit(wrong) => wrong.field(),
        }
    }

    /// The stable code on the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Username => "invalid_username",
            Self::Identifier => "invalid_identifier",
            Self::Name => "invalid_name",
            Self::Email => "invalid_email",
            Self::Note => "invalid_note",
            Self::Expiration => "invalid_expiration",
            Self::Role => "invalid_role",
            Self::Limit(_) => "invalid_limit",
        }
    }
}

impl Account {
    /// Whether the account opens anything now. An expired account counts as one without a role.
    pub fn usable(&self, now: Timestamp) -> Result<(), AccountRefused> {
        if !self.active || self.deleted_at.is_some() {
            return Err(AccountRefused::Inactive);
        }
        if self.role == Role::None {
            return Err(AccountRefused::RoleNone);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(AccountRefused::Expired);
        }
        Ok(())
    }

    /// The role that counts now: none for an account that may not be used.
    pub fn effective_role(&self, now: Timestamp) -> Role {
        if self.usable(now).is_ok() { self.role } else { Role::None }
    }

    /// Whether somebody can run the installation with this account now.
    ///
    /// The seeded account does not count while its password is the one that everybody knows.
    pub fn counts_as_administrator(&self, now: Timestamp) -> bool {
        self.effective_role(now) == Role::Admin
            && self.kind == AccountKind::Person
            && !self.well_known_password
    }

    /// Whether signing in with the password needs a code as well.
    pub fn needs_totp(&self) -> bool {
        self.totp.as_ref().is_some_and(|totp| totp.confirmed_at.is_some())
    }

    /// Whether the identity provider `issuer` knows it under another subject, or another one does.
    pub fn is_linked(&self) -> bool {
        self.issuer.is_some()
    }

    /// What the second factor's secret is sealed for.
    pub fn totp_context(&self) -> String {
        format!("accounts/{}/totp", self.id)
    }

    /// Seals the second factor's secret again under the key that seals now; `None` when there is nothing
    /// to do.
    pub fn reseal(&self, keys: &KeyRing, entropy: &dyn Entropy) -> Result<Option<Self>, SealError> {
        let Some(totp) = &self.totp else { return Ok(None) };
        let sealed = keys.reseal(&totp.secret, &self.totp_context(), entropy)?;
        Ok(sealed.map(|secret| Self {
            totp: Some(Totp { secret, ..totp.clone() }),
            version: self.version + 1,
            ..self.clone()
        }))
    }

    fn changed(mut self, now: Timestamp) -> Self {
        self.version += 1;
        self.updated_at = now;
        self
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Trims a text and checks that it has one to [`MAX_TEXT`] characters without control characters.
fn text(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=MAX_TEXT).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
