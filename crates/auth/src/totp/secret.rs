//! The secret that an account and its owner's device share.

use hmac::{Hmac, KeyInit, Mac};
use promptgate_kernel::{Entropy, Secret, SecretString};
use sha1::Sha1;
use url::Url;

/// A shared secret of 160 bits, as RFC 4226 recommends.
#[derive(Debug, Clone)]
pub struct TotpSecret(Secret<[u8; 20]>);

impl TotpSecret {
    /// Makes a secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; 20];
        entropy.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    /// Wraps what was sealed; `None` when it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Secret::new(bytes)))
    }

    /// What is sealed.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// The secret as people type it into their device: base32.
    pub fn base32(&self) -> SecretString {
        SecretString::new(base32(self.expose()))
    }

    /// The address that devices read from a picture: `otpauth://totp/…`. It is the secret itself.
    pub fn otpauth_url(&self, installation: &str, account: &str) -> SecretString {
        let mut url = Url::parse("otpauth://totp/").expect("a constant address");
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push(&format!("{installation}:{account}"));
        }
        url.query_pairs_mut()
            .append_pair("secret", self.base32().expose())
            .append_pair("issuer", installation)
            .append_pair("algorithm", "SHA1")
            .append_pair("digits", "6")
            .append_pair("period", "30");
        // Devices take a plus sign in the query for a plus sign.
        let query = url.query().unwrap_or_default().replace('+', "%20");
        url.set_query(Some(&query));
        SecretString::new(url.into())
    }

    /// The six digits of one step (RFC 6238 section 4, RFC 4226 section 5.3).
    pub(super) fn code_at(&self, step: i64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.expose()).expect("HMAC takes keys of any length");
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let offset = usize::from(digest[19] & 0x0f);
        let mut word = [0u8; 4];
        word.copy_from_slice(&digest[offset..offset + 4]);
        format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
    }
}

/// RFC 4648 base32 without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let number = u64::from_be_bytes(group);
        for digit in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from((number >> (35 - 5 * digit)) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_vectors_of_rfc_6238_hold() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        // The standard lists eight digits; ours are the last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(seconds / 30), code, "{seconds}");
        }
    }

    #[test]
    fn base32_follows_rfc_4648() {
        for (plain, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(plain.as_bytes()), text);
        }
    }

    #[test]
    fn the_address_is_what_devices_read() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(
            secret.otpauth_url("Prompt Gate", "a+b@example.com").expose(),
            "otpauth://totp/Prompt%20Gate:a+b@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Prompt%20Gate&algorithm=SHA1&digits=6&period=30"
        );
        assert!(!format!("{secret:?}").contains("49"));
        assert!(TotpSecret::from_bytes(b"short").is_none());
    }
}
