//! What rotation leaves of the old secret.

use std::time::Duration;

use promptgate_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::token::earliest;
use crate::{InvalidToken, Token, TokenHash};

const MAX_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The secret before the last rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// SHA-256 of it.
    pub hash: TokenHash,
    /// Until when it works.
    pub until: Timestamp,
}

/// For how long the old secret works besides the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap(Duration);

impl Overlap {
    /// Not at all.
    pub const NONE: Self = Self(Duration::ZERO);

    /// At most 7 days.
    pub const fn parse(seconds: u64) -> Result<Self, InvalidToken> {
        if seconds > MAX_SECONDS {
            return Err(InvalidToken::Overlap);
        }
        Ok(Self(Duration::from_secs(seconds)))
    }

    /// When it is over; `None` if it never begins.
    pub(crate) fn until(self, at: Timestamp) -> Option<Timestamp> {
        (!self.0.is_zero()).then(|| at.plus(self.0))
    }
}

impl Token {
    /// What whoever presents the previous secret has: the token under that hash, which ends with the
    /// overlap if not before. `None` when the hash is no previous one. For deciding only, never to be
    /// saved.
    pub fn under_previous(self, hash: TokenHash) -> Option<Self> {
        let previous = self.previous.filter(|previous| previous.hash == hash)?;
        let expires_at = earliest(self.expires_at, Some(previous.until));
        Some(Self { hash, expires_at, ..self })
    }

    /// Every hash that the token may be remembered under.
    pub fn hashes(&self) -> impl Iterator<Item = TokenHash> + use<> {
        [Some(self.hash), self.previous.map(|previous| previous.hash)].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccessDenied, TokenEnv, TokenSecret, child::tests::token};
    use promptgate_kernel::testing::SeededEntropy;

    const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn secret(seed: u64) -> TokenSecret {
        TokenSecret::generate(TokenEnv::Live, &SeededEntropy::new(seed))
    }

    #[test]
    fn the_old_secret_works_until_the_overlap_ends_and_the_one_before_not_at_all() {
        let before = token();
        let overlap = Overlap::parse(60).unwrap();
        let once = before.clone().rotate(&secret(50), overlap, AT).unwrap();
        let old = once.clone().under_previous(before.hash).unwrap();
        assert_eq!((old.hash, old.usable(AT)), (before.hash, Ok(())));
        let end = AT.plus(Duration::from_mins(1));
        assert_eq!(old.usable(end), Err(AccessDenied::Expired { at: end }));
        assert_eq!(once.usable(end), Ok(()));
        assert!(once.clone().under_previous(once.hash).is_none());
        let twice = once.clone().rotate(&secret(51), overlap, AT).unwrap();
        assert!(twice.clone().under_previous(before.hash).is_none());
        assert_eq!(twice.hashes().collect::<Vec<_>>(), [secret(51).hash(), once.hash]);
        let none = twice.rotate(&secret(52), Overlap::NONE, AT).unwrap();
        assert_eq!(none.hashes().count(), 1);
    }

    #[test]
    fn an_overlap_never_prolongs_a_token_and_is_bounded() {
        let end = AT.plus(Duration::from_secs(5));
        let before = Token { expires_at: Some(end), ..token() };
        let after = before.clone().rotate(&secret(50), Overlap::parse(60).unwrap(), AT).unwrap();
        assert_eq!(after.under_previous(before.hash).unwrap().expires_at, Some(end));
        assert_eq!(Overlap::parse(604_801), Err(InvalidToken::Overlap));
        assert!(Overlap::parse(604_800).is_ok());
    }
}
