//! The format of a token, and its checksum.
//!
//! `pg_live_` or `pg_test_`, then 43 base62 characters (256 random bits), then 6 base62 characters
//! of a CRC-32 over everything before them.

use std::fmt;

use promptgate_kernel::{Entropy, KEY_TEXT_LENGTH, SecretString, is_key_text, mint_key_text};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const PREFIX_LENGTH: usize = 8;
const TOKEN_LENGTH: usize = PREFIX_LENGTH + KEY_TEXT_LENGTH;

/// Which kind of work a token is meant for. A hint for people; both behave alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenEnv {
    /// Production work: `pg_live_…`.
    #[default]
    Live,
    /// Trials: `pg_test_…`.
    Test,
}

impl TokenEnv {
    /// The first characters of every token of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "pg_live_",
            Self::Test => "pg_test_",
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for TokenEnv {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err("env must be `live` or `test`".into()),
        }
    }
}

/// SHA-256 of a token: what is stored, looked up and cached. Not secret, but not for display.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Wraps a stored hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A new token in plain text. It is shown once, when it is issued.
#[derive(Debug, Clone)]
pub struct TokenSecret(SecretString);

impl TokenSecret {
    /// Makes a token from 256 random bits.
    pub fn generate(env: TokenEnv, entropy: &dyn Entropy) -> Self {
        Self(SecretString::new(mint_key_text(env.prefix(), entropy)))
    }

    /// The plain text, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }

    /// The prefix and the first four random characters: `pg_live_Ab3d`.
    pub fn shown_prefix(&self) -> String {
        self.expose()[..PREFIX_LENGTH + 4].to_owned()
    }

    /// The last four characters, which people recognise a token by.
    pub fn last_four(&self) -> String {
        self.expose()[TOKEN_LENGTH - 4..].to_owned()
    }
}

/// A text that cannot be a token. It is refused without a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedToken {
    /// It does not start with a known prefix.
    #[error("a token starts with pg_live_ or pg_test_")]
    Prefix,
    /// Its length, alphabet or checksum is wrong: mistyped, cut off, or made up.
    #[error("the token is mistyped or cut off: its checksum does not match")]
    Checksum,
}

/// A text that has the form of a token. Whether it is one, only the store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedToken(TokenHash);

impl PresentedToken {
    /// Whether a text is meant to be a token, well-formed or not, and no credential of another kind.
    pub fn is_meant(text: &str) -> bool {
        [TokenEnv::Live, TokenEnv::Test].into_iter().any(|env| text.starts_with(env.prefix()))
    }

    /// Checks form and checksum.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let known = [TokenEnv::Live, TokenEnv::Test].map(TokenEnv::prefix);
        let prefix =
            known.into_iter().find(|prefix| text.starts_with(prefix)).ok_or(MalformedToken::Prefix)?;
        if !is_key_text(prefix, text) {
            return Err(MalformedToken::Checksum);
        }
        Ok(Self(TokenHash::of(text)))
    }

    /// The key to look it up by.
    pub const fn hash(&self) -> TokenHash {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::SeededEntropy;
    use proptest::prelude::*;

    #[test]
    fn has_the_documented_form() {
        let secret = TokenSecret::generate(TokenEnv::Test, &SeededEntropy::new(1));
        assert_eq!(secret.expose().len(), 57);
        assert!(secret.expose().starts_with("pg_test_"));
        assert!(secret.shown_prefix().len() == 12 && secret.expose().ends_with(&secret.last_four()));
        assert_eq!(format!("{secret:?}"), "TokenSecret([secret])");
    }

    proptest! {
        #[test]
        fn every_generated_token_is_accepted(seed: u64) {
            let secret = TokenSecret::generate(TokenEnv::Live, &SeededEntropy::new(seed));
            prop_assert_eq!(PresentedToken::parse(secret.expose()).unwrap().hash(), secret.hash());
        }

        #[test]
        fn one_wrong_character_is_noticed(seed: u64, position in 8usize..57, other in "[0-9A-Za-z]") {
            let secret = TokenSecret::generate(TokenEnv::Live, &SeededEntropy::new(seed));
            let mut text = secret.expose().to_owned();
            text.replace_range(position..=position, &other);
            prop_assume!(text != secret.expose());
            prop_assert_eq!(PresentedToken::parse(&text), Err(MalformedToken::Checksum));
        }

        #[test]
        fn garbage_never_panics(text in "\\PC*") {
            prop_assert!(PresentedToken::parse(&text).is_err());
            let prefixed = format!("pg_live_{text}");
            prop_assert!(PresentedToken::parse(&prefixed).is_err());
        }
    }
}
