//! The key that a value stands behind: `api_key: "…"`, `TOKEN=…`, `Authorization: Bearer …`.

use std::sync::LazyLock;

use super::class::{Class, DOT, URL};
use super::words::Words;

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

/// The key of the value that starts at `start`.
pub(super) fn before(bytes: &[u8], start: usize) -> Option<Key> {
    let floor = start.saturating_sub(BEHIND);
    let back = |mut at: usize, most: usize, wanted: u8| {
        let least = floor.max(at.saturating_sub(most));
        while at > least && ROLES[usize::from(bytes[at - 1])] & wanted != 0 {
            at -= 1;
        }
        at
    };
    let opened = back(start, 14, OPENS);
    let mut operator = back(opened, 5, ASSIGNS);
    if operator < opened && matches!(bytes[operator], b'|' | b'>') {
        // A block of YAML: `key: |` and the value on the next line.
        let gap = operator - usize::from(operator > floor && bytes[operator - 1] == b' ');
        let colon = gap - usize::from(gap > floor && bytes[gap - 1] == b':');
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
    let (name, closed) = if assigns {
        let closed = back(back(operator, 1, LEADS), 6, CLOSES);
        (typed(bytes, back(closed, 48, NAMES | PARTS), closed, floor), closed)
    } else {
        let word = back(operator, 40, NAMES);
        // "the token is …", and the two words of a key that is written apart.
        let apart = word > floor && bytes[word - 1] == b' ';
        (if apart { back(word - 1, 20, NAMES) } else { word }, operator)
    };
    let key = Key::new(bytes, name, closed, assigns);
    (key.length > 0).then_some(key)
}

/// What stands before a value and its quotes: space, and quotes.
const OPENS: u8 = 1;
/// Signs of assignment.
const ASSIGNS: u8 = 1 << 1;
/// The first of a sign of assignment of two: `+=`.
const LEADS: u8 = 1 << 2;
/// What stands behind a key.
const CLOSES: u8 = 1 << 3;
/// What stands in keys.
const NAMES: u8 = 1 << 4;
/// What stands between the words of a key.
const PARTS: u8 = 1 << 5;

/// What every byte may be before a value.
static ROLES: [u8; 256] = roles();

const fn roles() -> [u8; 256] {
    let mut roles = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        roles[byte as usize] = match byte {
            b' ' | b'\t' => OPENS | CLOSES | PARTS,
            b'"' | b'\'' | b'`' | b'\\' => OPENS | CLOSES,
            b'\n' | b'\r' | b'[' => OPENS,
            b'=' | b':' | b'>' | b'|' | b'?' | b',' | b'(' | b'~' => ASSIGNS,
            b'+' | b'<' | b'!' => LEADS,
            b'.' => LEADS | NAMES,
            b']' | b')' | b'}' => CLOSES,
            b'$' => PARTS,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => NAMES,
            _ => 0,
        };
        byte += 1;
    }
    roles
}

/// What stands in keys.
const NAME: Class = URL.or(DOT);

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
        let (mut joined, mut upper) = (false, false);
        for byte in &bytes[start..end] {
            let letter = byte.to_ascii_lowercase();
            let is_upper = letter != *byte;
            let counts = letter.is_ascii_lowercase() || letter.is_ascii_digit();
            if counts && key.length < BEHIND {
                key.starts |= u64::from(!joined || (is_upper && !upper)) << key.length;
                key.letters[key.length] = letter;
                key.length += 1;
            }
            (joined, upper) = (counts, is_upper);
        }
        key
    }

    fn letters(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    /// Whether a word of the key starts with this one.
    pub(super) fn names(&self, word: &str) -> bool {
        let word = word.as_bytes();
        let mut parts = self.letters().windows(word.len()).enumerate();
        parts.any(|(at, part)| part == word && self.starts(at, word))
    }

    /// Whether a word that was found there is the start of one: long words are told from others wherever they stand.
    pub(super) fn starts(&self, at: usize, word: &[u8]) -> bool {
        word.len() > 5 || (self.starts >> at) & 1 == 1
    }

    /// Tells of every word in it where it stands and what it means.
    pub(super) fn within<T: Copy>(&self, words: &Words<T>, tell: impl FnMut(usize, &'static [u8], T)) {
        words.within(self.letters(), tell);
    }

    /// Whether it says that the value is a credential.
    pub(super) fn names_credential(&self) -> bool {
        let mut says = 0;
        TELLING.within(self.letters(), |at, word, means| {
            let counts = means & STARTING == 0 || self.starts(at, word);
            says |= if counts { means } else { 0 };
        });
        let is_short = self.length <= SHORT;
        says & (CREDENTIAL | OTHER) == CREDENTIAL
            || says & (AUTH | AUTHOR | OTHER) == AUTH
            || (says & PAT != 0 && is_short)
    }

    /// Whether its last word alone says so: a key that no sign of assignment follows must be one.
    pub(super) fn ends_in_credential(&self) -> bool {
        let letters = self.letters().strip_suffix(b"is").unwrap_or(self.letters());
        let (mut ends, mut is_other) = (false, false);
        TELLING.within(letters, |at, word, means| {
            ends |= means & CREDENTIAL != 0 && at + word.len() == letters.len();
            is_other |= means & OTHER != 0;
        });
        ends && !is_other
    }
}

/// A word that credentials are called.
const CREDENTIAL: u8 = 1;
/// A word that what is none has in its name.
const OTHER: u8 = 1 << 1;
/// `auth` at the start of a word.
const AUTH: u8 = 1 << 2;
/// `author`, which is no `auth`.
const AUTHOR: u8 = 1 << 3;
/// `pat` at the start of a word, in a key of at most `SHORT` letters.
const PAT: u8 = 1 << 4;
/// What counts only at the start of a word.
const STARTING: u8 = AUTH | PAT;

/// How many letters a key has at most in which `pat` is a token.
const SHORT: usize = 12;

/// What words in keys say.
static TELLING: LazyLock<Words<u8>> = LazyLock::new(|| {
    let of = |words: &'static [&'static [u8]], means| words.iter().map(move |word| (*word, means));
    let more: [(&[u8], u8); 3] = [(b"auth", AUTH), (b"author", AUTHOR), (b"pat", PAT)];
    Words::new(of(&CREDENTIALS, CREDENTIAL).chain(of(&OTHERS, OTHER)).chain(more))
});

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
