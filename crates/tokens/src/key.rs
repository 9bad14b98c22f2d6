//! Keys: tokens that a person or a service account has.

use std::time::Duration;

use promptgate_kernel::Timestamp;

use crate::{InvalidToken, Scope, ScopeSet, Token, TokenName, TokenState};

const DAY: Duration = Duration::from_hours(24);

/// What is wrong with a key that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The name.
    #[error("name must be 1 to 64 lower-case letters, digits, `-` and `_`")]
    Name,
    /// How long it is to live.
    #[error("expiresInDays must be 1 to {most}")]
    Days {
        /// The longest life.
        most: i64,
    },
}

/// The name of a key: 1 to 64 lower-case letters, digits, `-` and `_`, taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(TokenName);

impl KeyName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if text.len() > 64 || !text.bytes().all(allowed) {
            return Err(InvalidKey::Name);
        }
        TokenName::parse(text).map(Self).map_err(|_| InvalidKey::Name)
    }

    /// The same as a token's name.
    pub fn into_token_name(self) -> TokenName {
        self.0
    }
}

/// How many days a key lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDays(u32);

impl KeyDays {
    /// What was asked for, which must be 1 to `most`; else `default`.
    pub fn parse(wanted: Option<i64>, default: u32, most: u32) -> Result<Self, InvalidKey> {
        let Some(wanted) = wanted else { return Ok(Self(default)) };
        u32::try_from(wanted)
            .ok()
            .filter(|days| (1..=most).contains(days))
            .map(Self)
            .ok_or(InvalidKey::Days { most: i64::from(most) })
    }

    /// When a key that is issued now stops working.
    pub fn end(self, now: Timestamp) -> Timestamp {
        now.plus(DAY * self.0)
    }
}

impl Token {
    /// Whether the key of an account opens what such keys open, and ends within `most` days of its making.
    pub fn stay_a_key(&self, most: u32) -> Result<(), InvalidToken> {
        let opens = key_scopes();
        if !self.scopes.iter().all(|scope| opens.allows(scope)) {
            return Err(InvalidToken::BeyondKey { field: "scopes" });
        }
        let last = self.created_at.plus(DAY * most);
        if self.expires_at.is_none_or(|end| end > last) {
            return Err(InvalidToken::BeyondKey { field: "expiresAt" });
        }
        Ok(())
    }
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyStatus {
    /// Neither of the others.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked, before or after its time was over.
    Revoked,
}

impl KeyStatus {
    /// Every status, in the order they are sorted in.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Revoked];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The status of a key.
    pub fn of(key: &Token, now: Timestamp) -> Self {
        if matches!(key.state, TokenState::Revoked { .. }) {
            Self::Revoked
        } else if key.expired_at.is_some() || key.expires_at.is_some_and(|at| at <= now) {
            Self::Expired
        } else {
            Self::Active
        }
    }
}

/// What every key opens.
pub fn key_scopes() -> ScopeSet {
    [Scope::Chat, Scope::Models, Scope::Mcp].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::tests::token;
    use proptest::prelude::*;

    const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    #[test]
    fn names_are_neither_trimmed_nor_lowered() {
        for right in ["a", "my-key_2", &"x".repeat(64)] {
            assert_eq!(KeyName::parse(right).unwrap().into_token_name().as_str(), right);
        }
        for wrong in ["", " a", "a ", "A", "a.b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(KeyName::parse(wrong), Err(InvalidKey::Name), "{wrong:?}");
        }
    }

    #[test]
    fn days_are_bounded_and_have_a_default() {
        assert_eq!(KeyDays::parse(None, 7, 30).unwrap().end(AT), AT.plus(DAY * 7));
        assert_eq!(KeyDays::parse(Some(30), 7, 30).unwrap().end(AT), AT.plus(DAY * 30));
        for wrong in [0, -1, 31, i64::MAX, i64::MIN] {
            assert_eq!(KeyDays::parse(Some(wrong), 7, 30), Err(InvalidKey::Days { most: 30 }));
        }
    }

    #[test]
    fn revoked_comes_before_expired() {
        let key = Token { expires_at: Some(AT), ..token() };
        assert_eq!(KeyStatus::of(&key, AT.minus(DAY)), KeyStatus::Active);
        assert_eq!(KeyStatus::of(&key, AT), KeyStatus::Expired);
        let marked = Token { expired_at: Some(AT), ..key.clone() };
        assert_eq!(KeyStatus::of(&marked, AT.minus(DAY)), KeyStatus::Expired);
        assert_eq!(KeyStatus::of(&key.revoke(AT).unwrap(), AT), KeyStatus::Revoked);
    }

    proptest! {
        #[test]
        fn what_is_taken_matches_the_pattern(text in "\\PC{0,70}") {
            let fits = (1..=64).contains(&text.len())
                && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'));
            prop_assert_eq!(KeyName::parse(&text).is_ok(), fits);
        }
    }
}
