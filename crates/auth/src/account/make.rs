//! New accounts.

use promptgate_kernel::{AccountId, LimitSet, Timestamp};

use super::{Account, AccountKind, InvalidAccount, text};
use crate::{PasswordHash, Role, Totp};

/// What an identity provider says about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcPerson {
    /// The provider.
    pub issuer: String,
    /// The person's name there that never changes.
    pub subject: String,
    /// The user name.
    pub username: String,
    /// The e-mail; may be blank.
    pub email: String,
    /// The name; may be blank.
    pub name: String,
}

/// A person who will sign in with a password.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The e-mail, which the person signs in with.
    pub email: String,
    /// The user name; blank means the e-mail.
    pub username: String,
    /// The name; blank means the user name.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The password.
    pub password: PasswordHash,
    /// Whether the password must be changed before anything else.
    pub must_change_password: bool,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewService {
    /// What it is called in settings and logs.
    pub identifier: String,
    /// What people call it.
    pub name: String,
    /// Whether it may be used at once.
    pub active: bool,
    /// Whether its own network rules come before everybody's.
    pub firewall_override: bool,
    /// How much it may use, besides its plan.
    pub limits: LimitSet,
}

impl Account {
    /// The user name and e-mail of the account that every installation starts with.
    pub const SEEDED_EMAIL: &str = "admin@promptgate.dev";

    /// A person whom an identity provider vouches for, seen for the first time.
    pub fn person_by_oidc(
        id: AccountId,
        person: OidcPerson,
        role: Role,
        now: Timestamp,
    ) -> Result<Self, InvalidAccount> {
        let blank = Self::blank(id, AccountKind::Person, now);
        let account = Self { role, ..blank }.take(person)?;
        Ok(Self { last_login_at: Some(now), ..account })
    }

    /// The same person after another sign-in: what the identity provider says replaces what was
    /// known; role, plan, note, expiry and switches stay.
    pub fn signed_in_by_oidc(self, person: OidcPerson, now: Timestamp) -> Result<Self, InvalidAccount> {
        let account = self.take(person)?.changed(now);
        Ok(Self { last_login_at: Some(now), ..account })
    }

    /// The same person as the identity provider describes it now, without a sign-in; `None` if it is as
    /// it was.
    pub fn described_by_oidc(
        self,
        person: OidcPerson,
        now: Timestamp,
    ) -> Result<Option<Self>, InvalidAccount> {
        let described = self.clone().take(person)?;
        let is_same = described.issuer == self.issuer
            && described.subject == self.subject
            && described.username == self.username
            && described.email == self.email
            && described.name == self.name;
        Ok((!is_same).then(|| described.changed(now)))
    }

    /// A person who signs in with a password.
    pub fn person_by_password(id: AccountId, new: NewPerson, now: Timestamp) -> Result<Self, InvalidAccount> {
        let email = email(&new.email)?;
        let username = if new.username.trim().is_empty() { &email } else { &new.username };
        let username = text(username).ok_or(InvalidAccount::Username)?;
        let name = if new.name.trim().is_empty() { &username } else { &new.name };
        let name = text(name).ok_or(InvalidAccount::Name)?;
        Ok(Self {
            subject: format!("local:{id}"),
            username,
            email,
            name,
            role: new.role,
            password: Some(new.password),
            must_change_password: new.must_change_password,
            ..Self::blank(id, AccountKind::Person, now)
        })
    }

    /// The administrator of a new installation, `admin@promptgate.dev`. With the password that
    /// everybody knows it only opens "set a new password" and counts as nobody's administrator.
    pub fn seeded(id: AccountId, password: PasswordHash, well_known: bool, now: Timestamp) -> Self {
        Self {
            subject: format!("local:{id}"),
            username: Self::SEEDED_EMAIL.into(),
            email: Self::SEEDED_EMAIL.into(),
            name: "Administrator".into(),
            role: Role::Admin,
            password: Some(password),
            must_change_password: well_known,
            well_known_password: well_known,
            ..Self::blank(id, AccountKind::Person, now)
        }
    }

    /// A service account: role `user`, no e-mail, no way to sign in.
    pub fn service(id: AccountId, new: &NewService, now: Timestamp) -> Result<Self, InvalidAccount> {
        new.limits.check()?;
        Ok(Self {
            subject: format!("service:{id}"),
            username: identifier(&new.identifier)?,
            name: text(&new.name).ok_or(InvalidAccount::Name)?,
            role: Role::User,
            active: new.active,
            firewall_override: new.firewall_override,
            limits: new.limits.clone(),
            last_login_at: Some(now),
            ..Self::blank(id, AccountKind::Service, now)
        })
    }

    /// The account with another password; whatever was to be changed about the old one is settled.
    #[must_use]
    pub fn with_password(self, password: PasswordHash, must_change: bool, now: Timestamp) -> Self {
        Self {
            password: Some(password),
            must_change_password: must_change,
            well_known_password: false,
            ..self.changed(now)
        }
    }

    /// The account with another second factor, or without one.
    #[must_use]
    pub fn with_totp(self, totp: Option<Totp>, now: Timestamp) -> Self {
        Self { totp, ..self.changed(now) }
    }

    /// The account after a sign-in with its password.
    #[must_use]
    pub fn signed_in(self, now: Timestamp) -> Self {
        Self { last_login_at: Some(now), ..self.changed(now) }
    }

    fn take(self, person: OidcPerson) -> Result<Self, InvalidAccount> {
        let username = text(&person.username).ok_or(InvalidAccount::Username)?;
        Ok(Self {
            issuer: Some(person.issuer),
            subject: person.subject,
            // A provider's odd e-mail or name is no reason to keep somebody out; and whoever has a password
            // signs in with the e-mail that is known here.
            email: match text(&person.email) {
                Some(email) if self.password.is_none() => email,
                Some(_) | None => self.email,
            },
            name: text(&person.name).unwrap_or_else(|| username.clone()),
            username,
            ..self
        })
    }

    fn blank(id: AccountId, kind: AccountKind, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            issuer: None,
            subject: String::new(),
            username: String::new(),
            email: String::new(),
            name: String::new(),
            role: Role::None,
            plan_id: None,
            limits: LimitSet::default(),
            note: String::new(),
            active: true,
            firewall_override: false,
            expires_at: None,
            last_login_at: None,
            password: None,
            must_change_password: false,
            well_known_password: false,
            totp: None,
            deleted_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A service account's identifier, trimmed and lower-cased.
pub(super) fn identifier(given: &str) -> Result<String, InvalidAccount> {
    let identifier = given.trim().to_lowercase();
    let fits = (1..=64).contains(&identifier.len());
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if fits && identifier.bytes().all(allowed) { Ok(identifier) } else { Err(InvalidAccount::Identifier) }
}

/// An e-mail as somebody wrote it, trimmed. Only mail tells whether it exists.
pub(super) fn email(given: &str) -> Result<String, InvalidAccount> {
    let email = text(given).ok_or(InvalidAccount::Email)?;
    let whole = email.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    if whole && !email.chars().any(char::is_whitespace) { Ok(email) } else { Err(InvalidAccount::Email) }
}
