//! Passwords: which are accepted, and how they are kept.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use promptgate_kernel::{Entropy, SecretString};

/// What everybody knows who has read the manual.
const WELL_KNOWN: &str = "admin";
/// bcrypt sees no more.
const MAX_BYTES: usize = 72;

/// A stored password: `$2b$`, a cost, a salt and a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a stored text. It is understood when a password is verified.
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_text(&self) -> &str {
        &self.0
    }

    fn cost(&self) -> Option<u32> {
        self.0.split('$').nth(2)?.parse().ok()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It is too short.
    #[error("password must have at least {} characters", PasswordPolicy::MIN_CHARACTERS)]
    Short,
    /// It is longer than what is compared.
    #[error("password must have at most 72 bytes, because no more of it would count")]
    Long,
    /// It has a character that ends texts in other programs.
    #[error("password must not contain the character U+0000")]
    Nul,
    /// It is the account's own e-mail or user name, or what everybody knows.
    #[error("password must not be the e-mail, the user name or a well-known password")]
    Guessable,
    /// It is the one that was to be replaced.
    #[error("the new password must differ from the old one")]
    Unchanged,
}

/// What a new password must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PasswordPolicy;

impl PasswordPolicy {
    /// How many characters a new password has at least.
    pub const MIN_CHARACTERS: usize = 12;

    /// Checks a new password. `names` are those of the account: e-mail, user name.
    pub fn check(self, password: &SecretString, names: &[&str]) -> Result<(), WeakPassword> {
        let password = password.expose().as_str();
        if password.len() > MAX_BYTES {
            return Err(WeakPassword::Long);
        }
        if password.contains('\0') {
            return Err(WeakPassword::Nul);
        }
        let plain = password.trim().to_lowercase();
        if plain == WELL_KNOWN || names.iter().any(|name| name.trim().to_lowercase() == plain) {
            return Err(WeakPassword::Guessable);
        }
        if password.chars().count() < Self::MIN_CHARACTERS || one_character(password) {
            return Err(WeakPassword::Short);
        }
        Ok(())
    }

    /// The password that a new installation has until somebody sets another.
    pub fn well_known() -> SecretString {
        SecretString::new(WELL_KNOWN.into())
    }
}

/// Whether a password is one character over and over.
fn one_character(password: &str) -> bool {
    let mut characters = password.chars();
    characters.next().is_some_and(|first| characters.all(|other| other == first))
}

/// What makes and verifies hashes. It takes a good part of a second on purpose: not on a thread
/// that serves others.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    cost: u32,
    nobody: PasswordHash,
}

/// A cost that bcrypt does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cost of bcrypt is 4 to 31, not {0}")]
pub struct InvalidCost(pub u32);

impl PasswordHasher {
    /// A hasher that makes hashes of `cost`, and does as much work for accounts that do not exist.
    pub fn new(cost: u32, entropy: &dyn Entropy) -> Result<Self, InvalidCost> {
        if !(4..=31).contains(&cost) {
            return Err(InvalidCost(cost));
        }
        let mut salt_and_hash = [0u8; 39];
        entropy.fill(&mut salt_and_hash);
        let (salt, hash) = salt_and_hash.split_at(16);
        let nobody = format!("$2b${cost:02}${}{}", bcrypt_base64(salt), bcrypt_base64(hash));
        Ok(Self { cost, nobody: PasswordHash(nobody) })
    }

    /// Hashes a password of at most 72 bytes; nothing is cut off. Whether the password is a good
    /// one says [`PasswordPolicy`].
    pub fn hash(&self, password: &SecretString, entropy: &dyn Entropy) -> Result<PasswordHash, WeakPassword> {
        if password.expose().len() > MAX_BYTES {
            return Err(WeakPassword::Long);
        }
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        let parts = bcrypt::hash_with_salt(password.expose(), self.cost, salt)
            .expect("the cost was checked when the hasher was made");
        Ok(PasswordHash(parts.format_for_version(bcrypt::Version::TwoB)))
    }

    /// Whether `password` is the one behind `hash`. Without a hash, and for a password that is too
    /// long to have one, the answer is no after the same work.
    pub fn verify(&self, password: &SecretString, hash: Option<&PasswordHash>) -> bool {
        let fits = password.expose().len() <= MAX_BYTES;
        let against = hash.filter(|_| fits).unwrap_or(&self.nobody);
        let same = bcrypt::verify(password.expose(), against.as_text()).unwrap_or(false);
        same && fits && hash.is_some()
    }

    /// Whether `hash` was made at another cost, so that the next sign-in should renew it.
    pub fn is_outdated(&self, hash: &PasswordHash) -> bool {
        hash.cost() != Some(self.cost)
    }
}

/// bcrypt's own base64: the usual bits, another alphabet.
fn bcrypt_base64(bytes: &[u8]) -> String {
    const USUAL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let turn = |byte: u8| USUAL.iter().position(|usual| *usual == byte).map_or('.', |at| BCRYPT[at].into());
    STANDARD_NO_PAD.encode(bytes).bytes().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::SeededEntropy;
    use proptest::prelude::*;

    fn secret(text: &str) -> SecretString {
        SecretString::new(text.into())
    }

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(4, &SeededEntropy::new(1)).unwrap()
    }

    #[test]
    fn hashes_say_how_they_were_made_and_verify() {
        let hash = hasher().hash(&secret("correct horse battery"), &SeededEntropy::new(2)).unwrap();
        assert!(hash.as_text().starts_with("$2b$04$") && hash.as_text().len() == 60, "{}", hash.as_text());
        assert!(hasher().verify(&secret("correct horse battery"), Some(&hash)));
        assert!(!hasher().verify(&secret("correct horse batterz"), Some(&hash)));
        assert!(!format!("{hash:?}").contains("$2b$"));
    }

    #[test]
    fn the_hash_of_nobody_costs_a_whole_verification() {
        let nobody = hasher().nobody;
        // An unreadable hash would be refused at once, and tell which e-mails exist.
        assert!(matches!(bcrypt::verify("anything", nobody.as_text()), Ok(false)), "{}", nobody.as_text());
        assert!(!hasher().verify(&secret("anything"), None));
    }

    #[test]
    fn nothing_is_cut_off() {
        let whole = "x1".repeat(36);
        let hash = hasher().hash(&secret(&whole), &SeededEntropy::new(3)).unwrap();
        assert!(hasher().verify(&secret(&whole), Some(&hash)));
        assert!(!hasher().verify(&secret(&format!("{whole}y")), Some(&hash)));
        let longer = secret(&format!("{whole}y"));
        assert_eq!(hasher().hash(&longer, &SeededEntropy::new(3)), Err(WeakPassword::Long));
        assert_eq!(PasswordPolicy.check(&longer, &[]), Err(WeakPassword::Long));
    }

    #[test]
    fn a_changed_cost_is_noticed() {
        let hash = hasher().hash(&secret("x"), &SeededEntropy::new(2)).unwrap();
        assert!(!hasher().is_outdated(&hash));
        assert!(PasswordHasher::new(5, &SeededEntropy::new(1)).unwrap().is_outdated(&hash));
        assert_eq!(PasswordHasher::new(32, &SeededEntropy::new(1)).unwrap_err(), InvalidCost(32));
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        let check = |text: &str| PasswordPolicy.check(&secret(text), &["Somebody@Example.com"]);
        assert_eq!(check("elevenchars"), Err(WeakPassword::Short));
        assert_eq!(check("zwölf zeiche"), Ok(()));
        assert_eq!(check("aaaaaaaaaaaaaaaa"), Err(WeakPassword::Short));
        assert_eq!(check("admin"), Err(WeakPassword::Guessable));
        assert_eq!(check("somebody@example.com"), Err(WeakPassword::Guessable));
        assert_eq!(check("twelve\0chars"), Err(WeakPassword::Nul));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_text_that_fits_verifies(text in "\\PC{0,18}", other in "\\PC{0,18}") {
            prop_assume!(text.len() <= 72);
            let hash = hasher().hash(&secret(&text), &SeededEntropy::new(5)).unwrap();
            prop_assert!(hasher().verify(&secret(&text), Some(&hash)));
            prop_assert_eq!(hasher().verify(&secret(&other), Some(&hash)), text == other);
        }
    }
}
