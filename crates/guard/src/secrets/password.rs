//! Passwords that are no runs: `password: "h7!kQ#9z"`, `Pwd=…;`.

use std::ops::Range;

use super::class::{ALNUM, ALPHA, Class, DIGIT, DOT, LOWER, UPPER, URL};
use super::value::{Value, holds_any};

/// How long a password is.
const LENGTH: std::ops::RangeInclusive<usize> = 7..=100;

/// The bits that a character of a password holds at least: short ones repeat little, and still hold less.
const SHORT: f32 = 3.2;

/// The password behind a name of which a part that says so ends at `at`.
pub(super) fn after(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let name_end = URL.or(DOT).end(bytes, at, 24);
    let is_other = holds_any(
        &bytes[at..name_end],
        &[
            b"hash", b"url", b"uri", b"file", b"path", b"reset", b"field", b"policy", b"regex", b"label",
            b"hint",
        ],
    );
    let closed = skip(bytes, name_end, 4, b"\"'`]) \t\\");
    // `<add key="Password" value="…"/>`
    let value = b"value".len();
    let closed =
        if bytes[closed..].starts_with(b"value=") && closed > name_end + 1 { closed + value } else { closed };
    let operator = skip(bytes, closed, 3, b"=:>?~|");
    let comma = operator == closed && bytes.get(closed) == Some(&b',') && closed > name_end;
    let opened = skip(bytes, operator + usize::from(comma), 3, b" \t\\");
    if is_other || (operator == closed && !comma) {
        return None;
    }
    let quote = bytes.get(opened).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let start = opened + usize::from(quote.is_some());
    let limit = bytes.len().min(start + LENGTH.end() + 1);
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote || matches!(byte, b'\n' | b'\r' | b'\\'),
        None => byte.is_ascii_whitespace() || b"\"'`;,)<&|\\}".contains(byte),
    };
    let end = match bytes[start..limit].iter().position(ends) {
        Some(length) => start + length,
        None if quote.is_none() && limit == bytes.len() => limit,
        None => return None,
    };
    let is_closed = quote.is_none_or(|quote| bytes[end] == quote || bytes[end] == b'\\');
    (is_closed && is_password(&bytes[start..end], quote.is_some())).then_some(start..end)
}

fn skip(bytes: &[u8], from: usize, most: usize, of: &[u8]) -> usize {
    let limit = bytes.len().min(from + most);
    (from..limit).find(|at| !of.contains(&bytes[*at])).unwrap_or(limit.max(from))
}

/// Bytes that stand in passwords and not in names.
fn is_special(byte: u8) -> bool {
    b"!@#%^&*?+~=$".contains(&byte)
}

/// Whether a value is as passwords are: of several sorts of characters, and no code.
pub(super) fn is_password(bytes: &[u8], quoted: bool) -> bool {
    let value = Value::new(bytes);
    let special = bytes.iter().any(|byte| is_special(*byte) && (quoted || *byte != b'='));
    let code = bytes.iter().any(|byte| b"(){}[]<> \t|".contains(byte))
        || bytes.starts_with(b"$")
        || bytes.starts_with(b"%")
        || bytes.windows(2).any(|pair| matches!(pair, b"::" | b"->" | b"://" | b"==" | b"${" | b"#{"));
    let sorts = [LOWER, UPPER, DIGIT].into_iter().filter(|class: &Class| value.has(*class)).count()
        + usize::from(special);
    let name = !quoted && bytes.contains(&b'.') && !special;
    LENGTH.contains(&bytes.len())
        && bytes.is_ascii()
        && !code
        && !name
        && sorts >= 3
        && value.has(DIGIT)
        && value.has(ALPHA)
        && (special || (value.is_drawn(SHORT) && ALNUM.or(URL).holds(bytes)))
        && value.entropy() >= 2.7
        && !value.is_placeholder()
        && !holds_any(bytes, &[b"password", b"passwort", b"sha256", b"sha512", b"changeit", b"process.env"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Option<&str> {
        let at = text.to_ascii_lowercase().find("assw")? + 4;
        after(text.as_bytes(), at).map(|span| &text[span])
    }

    #[test]
    fn passwords_are_read_behind_their_names() {
        assert_eq!(password("password: \"h7!kQ#9z\""), Some("h7!kQ#9z"));
        assert_eq!(password("Server=db;Password=Tr0ub4dor!3x;Timeout=3"), Some("Tr0ub4dor!3x"));
        assert_eq!(password("os.environ['DB_PASSWORD'] = 'N4rf!zort'"), Some("N4rf!zort"));
        assert_eq!(password("<add key=\"Password\" value=\"N4rf!zort\" />"), Some("N4rf!zort"));
        assert_eq!(password("DB_PASSWORD=S3cr3t!2024"), Some("S3cr3t!2024"));
        assert_eq!(password("{\"db_passwd\":\"aB3$xY9!\"}"), Some("aB3$xY9!"));
    }

    #[test]
    fn code_and_words_are_none() {
        for text in [
            "password = getPassword(user1)",
            "password: \"Passwort!1\"",
            "password=${DB_PASS1!}",
            "password: '********1a'",
            "passwordHash = 'aB3$xY9!zz'",
            "password = config.db.pass1",
            "password: your-password-1!",
            "the password is long",
            "password: ^[a-zA-Z0-9]{8,}$",
            "password = \"changeme123!\"",
            "get_password(\"PasswordLength\", if_none=32)",
        ] {
            assert_eq!(password(text), None, "{text}");
        }
    }
}
