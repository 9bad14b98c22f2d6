//! The key that a value stands behind: `api_key: "…"`, `TOKEN=…`, `Authorization: Bearer …`.

use super::class::{ALPHA, Class, DIGIT, DOT, UPPER, URL};
use super::value::holds_any;

/// How far before a value its key may start.
pub(super) const BEHIND: usize = 64;

/// A key, without its separators and in small letters.
#[derive(Debug, Clone)]
pub(super) struct Key {
    letters: [u8; BEHIND],
    length: usize,
    /// Where among the letters a word starts.
    starts: u64,
    /// Whether a sign of assignment stands between the key and the value, and not only space.
    pub(super) assigns: bool,
    /// Where the key starts in the text.
    pub(super) start: usize,
}

/// What stands in keys.
const NAME: Class = URL.or(DOT);

/// The key of the value that starts at `start`.
pub(super) fn before(bytes: &[u8], start: usize) -> Option<Key> {
    let floor = start.saturating_sub(BEHIND);
    let back = |mut at: usize, most: usize, wanted: fn(u8) -> bool| {
        let least = floor.max(at.saturating_sub(most));
        while at > least && wanted(bytes[at - 1]) {
            at -= 1;
        }
        at
    };
    let opened = back(start, 14, |byte| {
        matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'\\' | b'[')
    });
    let mut operator =
        back(opened, 5, |byte| matches!(byte, b'=' | b':' | b'>' | b'|' | b'?' | b',' | b'(' | b'~'));
    if operator < opened && matches!(bytes[operator], b'|' | b'>') {
        // A block of YAML: `key: |` and the value on the next line.
        let gap = back(operator, 1, |byte| byte == b' ');
        let colon = back(gap, 1, |byte| byte == b':');
        operator = if colon < gap { colon } else { operator };
    }
    let assigns = operator < opened;
    if assigns && bytes[operator] == b',' && bytes[opened..start].contains(&b'\n') {
        // The next of a list.
        return None;
    }
    if !assigns && opened == start {
        return None;
    }
    let operator =
        if assigns { back(operator, 1, |byte| matches!(byte, b'+' | b'.' | b'<' | b'!')) } else { operator };
    let closed = if assigns {
        back(operator, 6, |byte| {
            matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\' | b']' | b')' | b'}')
        })
    } else {
        operator
    };
    let name = if assigns {
        back(closed, 48, |byte| NAME.has(byte) || matches!(byte, b' ' | b'\t' | b'$'))
    } else {
        let word = back(closed, 40, |byte| NAME.has(byte));
        // "the token is …", and the two words of a key that is written apart.
        let gap = back(word, 1, |byte| byte == b' ');
        if gap < word { back(gap, 20, |byte| NAME.has(byte)) } else { word }
    };
    let name = if assigns { typed(bytes, name, closed, floor) } else { name };
    let key = Key::new(bytes, name, closed, assigns);
    (key.length > 0).then_some(key)
}

/// Where a key starts that a type stands behind, as in `let token: String =`.
fn typed(bytes: &[u8], name: usize, closed: usize, floor: usize) -> usize {
    let is_type = name > floor
        && bytes[name - 1] == b':'
        && closed - name <= 12
        && bytes[name..closed].starts_with(b" ");
    if is_type { NAME.start(bytes, name - 1, floor) } else { name }
}

impl Key {
    fn new(bytes: &[u8], start: usize, end: usize, assigns: bool) -> Self {
        let mut key = Self { letters: [0; BEHIND], length: 0, starts: 0, assigns, start };
        let mut last = b' ';
        for byte in &bytes[start..end] {
            if ALPHA.or(DIGIT).has(*byte) && key.length < BEHIND {
                let is_start = !ALPHA.or(DIGIT).has(last) || (UPPER.has(*byte) && !UPPER.has(last));
                key.starts |= u64::from(is_start) << key.length;
                key.letters[key.length] = byte.to_ascii_lowercase();
                key.length += 1;
            }
            last = *byte;
        }
        key
    }

    fn letters(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    /// Whether a word of the key starts with this one.
    pub(super) fn names(&self, word: &str) -> bool {
        let word = word.as_bytes();
        let starts = |at: usize| word.len() > 5 || (self.starts >> at) & 1 == 1;
        self.letters().windows(word.len()).enumerate().any(|(at, part)| part == word && starts(at))
    }

    /// Whether it says that the value is a credential.
    pub(super) fn names_credential(&self) -> bool {
        holds_any(self.letters(), &CREDENTIALS) && !holds_any(self.letters(), &OTHERS)
            || self.names("auth")
                && !holds_any(self.letters(), &[b"author"])
                && !holds_any(self.letters(), &OTHERS)
            || self.names("pat") && self.length <= 12
    }

    /// Whether its last word alone says so: a key that no sign of assignment follows must be one.
    pub(super) fn ends_in_credential(&self) -> bool {
        let letters = self.letters().strip_suffix(b"is").unwrap_or(self.letters());
        CREDENTIALS.iter().any(|word| letters.ends_with(word)) && !holds_any(letters, &OTHERS)
    }
}

/// What credentials are called.
const CREDENTIALS: [&[u8]; 29] = [
    b"apikey",
    b"apitoken",
    b"secret",
    b"token",
    b"password",
    b"passwd",
    b"passphrase",
    b"pwd",
    b"credential",
    b"creds",
    b"accesskey",
    b"privatekey",
    b"signingkey",
    b"encryptionkey",
    b"authkey",
    b"authorization",
    b"bearer",
    b"sessionkey",
    b"masterkey",
    b"accountkey",
    b"sharedkey",
    b"licensekey",
    b"deploykey",
    b"servicekey",
    b"serverkey",
    b"adminkey",
    b"apisecret",
    b"xapikey",
    b"basic",
];

/// What has such a word in its name and is none.
const OTHERS: [&[u8]; 45] = [
    b"public",
    b"keyid",
    b"keyname",
    b"hash",
    b"sha1",
    b"sha256",
    b"sha512",
    b"md5",
    b"checksum",
    b"digest",
    b"integrity",
    b"fingerprint",
    b"etag",
    b"commit",
    b"revision",
    b"nonce",
    b"tokenid",
    b"tokentype",
    b"secretname",
    b"secretid",
    b"secretversion",
    b"filename",
    b"path",
    b"url",
    b"uri",
    b"endpoint",
    b"pagetoken",
    b"nexttoken",
    b"continuationtoken",
    b"cursor",
    b"tokenizer",
    b"tokencount",
    b"synctoken",
    b"antiforgery",
    b"csrf",
    b"xsrf",
    b"passwordreset",
    b"placeholder",
    b"invalid",
    b"expected",
    b"cancellation",
    b"arn",
    b"thumbprint",
    b"testid",
    b"publickeytoken",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The key before the `V` of a text.
    fn key(text: &str) -> Option<String> {
        let start = text.find('§').expect("the value is marked");
        before(text.as_bytes(), start).map(|key| String::from_utf8_lossy(key.letters()).into_owned())
    }

    #[test]
    fn keys_are_read_in_all_ways_of_writing_them() {
        for text in [
            "api_token = \"§\"",
            "apiToken=§",
            "\"api_token\": \"§\"",
            "\\\"api_token\\\": \\\"§\\\"",
            "<apiToken>§",
            "<apiToken>\n    §",
            "api_token: |\n  §",
            "api_token: >\n  §",
            "apiToken := `§`",
            "$apiToken .= \"§\"",
            "apiToken,§",
            "\"apiToken\" => \"§\"",
            "api_token ::= \"§\"",
            "api_token ?= §",
            "api_token += \"§\"",
            "# api_token\n§",
            "{'api token': '§'}",
            "f[\"API_TOKEN\"] = '§'",
            "setApiToken(\"§\")",
            "os.environ[\"API_TOKEN\"] = \"§\"",
        ] {
            let key = key(text).unwrap_or_else(|| panic!("{text}"));
            assert!(key.ends_with("apitoken"), "{text}: {key}");
        }
        assert_eq!(key("Authorization: Bearer §").as_deref(), Some("bearer"));
        assert_eq!(key("let token: String = \"§\"").as_deref(), Some("tokenstring"));
        assert_eq!(key("§"), None);
        assert_eq!(key("\"§"), None);
    }

    #[test]
    fn credentials_are_told_from_what_is_called_alike() {
        let names =
            |text: &str| before(text.as_bytes(), text.len()).is_some_and(|key| key.names_credential());
        for text in ["API-Key: ", "dbPassword=", "client_secret = '", "auth: ", "Authorization: Bearer "] {
            assert!(names(text), "{text}");
        }
        for text in ["author: ", "public_key=", "nextPageToken: \"", "token_sha256: ", "key=", "commit: "] {
            assert!(!names(text), "{text}");
        }
    }

    #[test]
    fn short_names_start_a_word() {
        let named =
            |text: &str, word: &str| before(text.as_bytes(), text.len()).is_some_and(|key| key.names(word));
        assert!(named("LOB_KEY=", "lob") && named("myLobKey=", "lob") && !named("global=", "lob"));
        assert!(named("my_twilio_x=", "twilio") && named("new-relic=", "newrelic"));
    }
}
