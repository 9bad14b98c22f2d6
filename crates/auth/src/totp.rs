//! The second factor: time-based one-time passwords (RFC 6238) and recovery codes.

mod recovery;
mod secret;

use promptgate_kernel::{Sealed, Timestamp};
use subtle::ConstantTimeEq;

pub use recovery::{RecoveryCodes, RecoveryHash};
pub use secret::TotpSecret;

/// How long one code is valid, in seconds.
const STEP: i64 = 30;
/// How many codes before and after the present one are accepted, for clocks that are off.
const WINDOW: i64 = 1;

/// The second factor of an account, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// The shared secret, sealed for [`Account::totp_context`](crate::Account::totp_context).
    pub secret: Sealed,
    /// When the first code proved that the owner's device has it; until then it asks for nothing.
    pub confirmed_at: Option<Timestamp>,
    /// The step of the last code that was accepted. That one and earlier ones are used up.
    pub last_step: Option<i64>,
    /// The recovery codes that are left.
    pub recovery: Vec<RecoveryHash>,
}

impl Totp {
    /// A second factor that waits for its first code.
    pub const fn begun(secret: Sealed) -> Self {
        Self { secret, confirmed_at: None, last_step: None, recovery: Vec::new() }
    }

    /// The factor after `code` was used; `None` when the code is wrong or was used before.
    /// `secret` is what [`Totp::secret`] opens to.
    pub fn use_code(&self, secret: &TotpSecret, code: &str, now: Timestamp) -> Option<Self> {
        let code = code.trim();
        let present = now.as_seconds().div_euclid(STEP);
        let unused = |step: &i64| self.last_step.is_none_or(|last| *step > last);
        // Every step is compared, so that the time says nothing about which one fits.
        let step = (present - WINDOW..=present + WINDOW)
            .filter(|step| bool::from(secret.code_at(*step).as_bytes().ct_eq(code.as_bytes())))
            .find(unused)?;
        Some(Self { last_step: Some(step), ..self.clone() })
    }

    /// The factor after its first code: confirmed, with the recovery codes it has from now on.
    pub fn confirm(
        &self,
        secret: &TotpSecret,
        code: &str,
        recovery: &RecoveryCodes,
        now: Timestamp,
    ) -> Option<Self> {
        let used = self.use_code(secret, code, now)?;
        Some(Self { confirmed_at: Some(now), recovery: recovery.hashes(), ..used })
    }

    /// The factor after a recovery code was used up; `None` when there is no such code.
    pub fn use_recovery(&self, code: &str) -> Option<Self> {
        let given = RecoveryHash::of(code);
        let left: Vec<_> = self.recovery.iter().filter(|hash| **hash != given).copied().collect();
        (left.len() < self.recovery.len()).then(|| Self { recovery: left, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::testing::SeededEntropy;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn factor() -> (Totp, TotpSecret) {
        let secret = TotpSecret::generate(&SeededEntropy::new(1));
        (Totp::begun(Sealed::from_text("sealed".into())), secret)
    }

    #[test]
    fn a_code_is_accepted_once_and_within_a_step() {
        let (totp, secret) = factor();
        let code = secret.code_at(100);
        let used = totp.use_code(&secret, &code, at(3_000)).unwrap();
        assert_eq!(used.last_step, Some(100));
        assert!(used.use_code(&secret, &code, at(3_000)).is_none(), "used up");
        assert!(totp.use_code(&secret, &code, at(3_059)).is_some(), "one step late");
        assert!(totp.use_code(&secret, &code, at(2_970)).is_some(), "one step early");
        assert!(totp.use_code(&secret, &code, at(3_060)).is_none(), "two steps late");
        assert!(totp.use_code(&secret, &code, at(2_969)).is_none(), "two steps early");
    }

    #[test]
    fn an_earlier_code_is_used_up_with_a_later_one() {
        let (totp, secret) = factor();
        let used = totp.use_code(&secret, &secret.code_at(101), at(3_000)).unwrap();
        assert!(used.use_code(&secret, &secret.code_at(100), at(3_000)).is_none());
        assert!(used.use_code(&secret, &secret.code_at(102), at(3_030)).is_some());
    }

    #[test]
    fn a_recovery_code_works_once() {
        let (totp, secret) = factor();
        let codes = RecoveryCodes::generate(&SeededEntropy::new(2));
        assert!(totp.use_recovery(codes.expose()[3].expose()).is_none());
        let totp = totp.confirm(&secret, &secret.code_at(1), &codes, at(30)).unwrap();
        assert!(totp.confirmed_at.is_some() && totp.recovery.len() == 10);
        let typed = codes.expose()[3].expose().to_uppercase().replace('-', " ");
        let left = totp.use_recovery(&typed).unwrap();
        assert_eq!(left.recovery.len(), 9);
        assert!(left.use_recovery(&typed).is_none());
        assert!(totp.use_recovery("aaaa-aaaa-aaaa-aaaa").is_none());
    }

    #[test]
    fn a_wrong_code_confirms_nothing() {
        let (totp, secret) = factor();
        let codes = RecoveryCodes::generate(&SeededEntropy::new(2));
        assert!(totp.confirm(&secret, "", &codes, at(30)).is_none());
        assert!(totp.confirm(&secret, "12345", &codes, at(30)).is_none());
    }
}
