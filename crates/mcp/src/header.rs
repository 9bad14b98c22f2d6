//! The headers that are sent to a server.

use promptgate_kernel::{Entropy, KeyRing, McpServerId, SealError, Sealed, SecretString};

use crate::InvalidMcpServer;

const MAX_HEADERS: usize = 50;
const MAX_NAME_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// A header that is sent with every call to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name; unique in its server whatever the case.
    pub name: String,
    /// What it says.
    pub value: HeaderValue,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// A text that may be read; empty for none.
    Plain(String),
    /// A secret, sealed for this header of this server; `None` when there is no value yet.
    Sensitive(Option<Sealed>),
}

/// A header as somebody wants it. Together they replace the list.
#[derive(Debug, Clone)]
pub struct HeaderChange {
    /// Its name.
    pub name: String,
    /// What is to happen to its value.
    pub value: ValueChange,
    /// Whether the value is a secret.
    pub sensitive: bool,
}

/// What is to happen to a header's value.
#[derive(Debug, Clone)]
pub enum ValueChange {
    /// It stays: that of the header with the same name, whatever the case. A new header has none.
    Keep,
    /// It goes.
    Clear,
    /// It becomes this text, without blanks around it.
    Set(SecretString),
}

impl Header {
    /// Whether the value is a secret.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.value, HeaderValue::Sensitive(_))
    }

    /// Whether there is a value.
    pub fn has_value(&self) -> bool {
        match &self.value {
            HeaderValue::Plain(text) => !text.is_empty(),
            HeaderValue::Sensitive(sealed) => sealed.is_some(),
        }
    }

    /// What may be shown of the value: nothing of a secret, and nothing where there is nothing.
    pub fn shown(&self) -> Option<&str> {
        match &self.value {
            HeaderValue::Plain(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            HeaderValue::Sensitive(_) => None,
        }
    }

    /// Opens the value, to be sent to the server and nowhere else. Empty where there is none.
    pub fn open(&self, server: McpServerId, keys: &KeyRing) -> Result<SecretString, SealError> {
        match &self.value {
            HeaderValue::Plain(text) => Ok(SecretString::new(text.clone())),
            HeaderValue::Sensitive(None) => Ok(SecretString::new(String::new())),
            HeaderValue::Sensitive(Some(sealed)) => {
                let opened = keys.open(sealed, &context(server, &self.name))?;
                String::from_utf8(opened.expose().clone())
                    .map(SecretString::new)
                    .map_err(|_| SealError::Malformed)
            }
        }
    }
}

/// What sealing again under the key that seals now made of headers.
pub(crate) fn reseal(
    server: McpServerId,
    headers: &[Header],
    keys: &KeyRing,
    entropy: &dyn Entropy,
) -> Result<Option<Vec<Header>>, SealError> {
    let mut moved = headers.to_vec();
    let mut is_moved = false;
    let mut failure = None;
    for header in &mut moved {
        let HeaderValue::Sensitive(Some(sealed)) = &header.value else { continue };
        match keys.reseal(sealed, &context(server, &header.name), entropy) {
            Ok(None) => {}
            Ok(Some(sealed)) => {
                header.value = HeaderValue::Sensitive(Some(sealed));
                is_moved = true;
            }
            Err(error) => failure = Some(error),
        }
    }
    match (is_moved, failure) {
        (true, _) => Ok(Some(moved)),
        (false, Some(error)) => Err(error),
        (false, None) => Ok(None),
    }
}

/// The headers that take the place of `old`.
pub(crate) fn replace(
    server: McpServerId,
    old: &[Header],
    wanted: Vec<HeaderChange>,
    keys: &KeyRing,
    entropy: &dyn Entropy,
) -> Result<Vec<Header>, InvalidMcpServer> {
    if wanted.len() > MAX_HEADERS {
        return Err(InvalidMcpServer::Header);
    }
    let mut headers: Vec<Header> = Vec::with_capacity(wanted.len());
    for change in wanted {
        let name = change.name.trim().to_owned();
        let same = |header: &&Header| header.name.eq_ignore_ascii_case(&name);
        if !is_name(&name) || headers.iter().any(|header| same(&header)) {
            return Err(InvalidMcpServer::Header);
        }
        let seal = |text: &str| {
            let sealed = || keys.seal(text.as_bytes(), &context(server, &name), entropy);
            HeaderValue::Sensitive((!text.is_empty()).then(sealed))
        };
        let value = |text: &str| {
            if change.sensitive { seal(text) } else { HeaderValue::Plain(text.to_owned()) }
        };
        let value = match &change.value {
            ValueChange::Clear => value(""),
            ValueChange::Set(text) => {
                let text = text.expose().trim();
                if !is_value(text) {
                    return Err(InvalidMcpServer::Header);
                }
                value(text)
            }
            ValueChange::Keep => match old.iter().find(same) {
                None => value(""),
                // What stays as it is need not be opened, and may be one that cannot be.
                Some(header) if header.is_sensitive() == change.sensitive => header.value.clone(),
                Some(header) => {
                    let opened = header.open(server, keys);
                    value(opened.map_err(|_| InvalidMcpServer::Unreadable)?.expose())
                }
            },
        };
        headers.push(Header { name, value });
    }
    Ok(headers)
}

/// What a value is sealed for: this header of this server.
fn context(server: McpServerId, name: &str) -> String {
    format!("mcp_server:{server}:{}", name.to_ascii_lowercase())
}

/// Whether a text can be the name of a header (RFC 9110 section 5.1).
fn is_name(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(is_token)
}

fn is_value(text: &str) -> bool {
    text.len() <= MAX_VALUE_BYTES
        && !text.contains(|character: char| character.is_control() && character != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use promptgate_kernel::SecretsKey;
    use promptgate_kernel::testing::SeededEntropy;
    use proptest::prelude::*;

    fn id() -> McpServerId {
        "018f4e6e-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn ring(seed: u64) -> KeyRing {
        KeyRing::new(SecretsKey::generate(&SeededEntropy::new(seed)), vec![])
    }

    fn change(name: &str, value: ValueChange, sensitive: bool) -> HeaderChange {
        HeaderChange { name: name.into(), value, sensitive }
    }

    fn set(text: &str) -> ValueChange {
        ValueChange::Set(SecretString::new(text.into()))
    }

    fn replaced(old: &[Header], wanted: Vec<HeaderChange>) -> Result<Vec<Header>, InvalidMcpServer> {
        replace(id(), old, wanted, &ring(1), &SeededEntropy::new(2))
    }

    #[test]
    fn a_value_is_kept_cleared_and_set() {
        let first =
            replaced(&[], vec![change(" X-Key ", set(" canary "), true), change("X-Plain", set("v"), false)])
                .unwrap();
        assert_eq!(first[0].open(id(), &ring(1)).unwrap().expose(), "canary");
        assert!(!format!("{first:?}").contains("canary"));
        assert_eq!((first[0].shown(), first[1].shown()), (None, Some("v")));
        let kept = replaced(&first, vec![change("x-key", ValueChange::Keep, true)]).unwrap();
        assert_eq!(kept[0].value, first[0].value, "whatever the case, and sealed as it was");
        let flags =
            vec![change("X-Key", ValueChange::Keep, false), change("X-Plain", ValueChange::Keep, true)];
        let turned = replaced(&first, flags).unwrap();
        assert_eq!(turned[0].value, HeaderValue::Plain("canary".into()));
        assert_eq!((turned[1].shown(), turned[1].has_value()), (None, true));
        let gone = vec![change("X-Key", ValueChange::Clear, true), change("X-New", ValueChange::Keep, false)];
        let cleared = replaced(&first, gone).unwrap();
        assert_eq!((cleared[0].has_value(), cleared[1].has_value()), (false, false));
    }

    #[test]
    fn what_cannot_be_opened_stays_and_only_opening_it_fails() {
        let first = replaced(&[], vec![change("X-Key", set("a"), true)]).unwrap();
        let with = |sensitive| {
            let wanted = vec![change("X-Key", ValueChange::Keep, sensitive)];
            replace(id(), &first, wanted, &ring(9), &SeededEntropy::new(2))
        };
        assert_eq!(with(true).unwrap(), first);
        assert_eq!(with(false).unwrap_err(), InvalidMcpServer::Unreadable);
        let other = "018f4e6e-0000-7000-8000-000000000002".parse().unwrap();
        assert_eq!(first[0].open(other, &ring(1)).unwrap_err(), SealError::Forged);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for name in ["", " ", "a b", "a\tb", "a\rb", "a\nb", "a:b", "é", &"x".repeat(129)] {
            let wanted = vec![change(name, set("v"), false)];
            assert_eq!(replaced(&[], wanted).unwrap_err(), InvalidMcpServer::Header, "{name:?}");
        }
        let twice = vec![change("X-a", set("v"), false), change("x-A", set("w"), true)];
        assert_eq!(replaced(&[], twice).unwrap_err(), InvalidMcpServer::Header);
        let many = (0..51).map(|number| change(&format!("x{number}"), set(""), false)).collect();
        assert_eq!(replaced(&[], many).unwrap_err(), InvalidMcpServer::Header);
        for value in ["a\r\nb: c", "a\0", &"x".repeat(8_193)] {
            let wanted = vec![change("x", set(value), false)];
            assert_eq!(replaced(&[], wanted).unwrap_err(), InvalidMcpServer::Header, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_opens_again_and_never_splits_a_request(
            name in ".{0,12}", value in ".{0,40}", sensitive: bool
        ) {
            if let Ok(headers) = replaced(&[], vec![change(&name, set(&value), sensitive)]) {
                let opened = headers[0].open(id(), &ring(1)).unwrap();
                prop_assert_eq!(opened.expose(), value.trim());
                prop_assert!(!opened.expose().contains(['\r', '\n', '\0']));
                prop_assert!(!headers[0].name.contains([' ', '\t', '\r', '\n', ':']));
                prop_assert_eq!(headers[0].is_sensitive(), sensitive);
            }
        }
    }
}
