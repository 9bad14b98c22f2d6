//! What may be kept as a provider's key.

use promptgate_kernel::SecretString;

const MAX_LENGTH: usize = 8 * 1024;

/// A provider's key as it is sent upstream: printable ASCII, no blanks around it.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

/// A text that cannot be sent as a key. It is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("apiKey must be printable ASCII without blanks in it, at most 8,192 characters")]
pub struct InvalidApiKey;

impl ApiKey {
    /// Trims and checks a key; a blank text is none.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidApiKey> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        // It becomes part of a header: anything else would fail, or split it, on every call.
        if text.len() > MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidApiKey);
        }
        Ok(Some(Self(SecretString::new(text.to_owned()))))
    }

    /// The key, to be sealed and for nothing else.
    pub(crate) const fn secret(&self) -> &SecretString {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_none_and_what_breaks_a_header_is_refused() {
        assert!(ApiKey::parse(" \n").unwrap().is_none());
        assert_eq!(ApiKey::parse(" sk-1 \n").unwrap().unwrap().secret().expose(), "sk-1");
        for wrong in ["sk-1\r\nx: y", "sk 1", "schlüssel", &"x".repeat(8_193)] {
            assert!(ApiKey::parse(wrong).is_err());
        }
    }

    #[test]
    fn nothing_is_shown() {
        let key = ApiKey::parse("sk-canary").unwrap();
        assert!(!format!("{key:?}").contains("canary"));
    }
}
