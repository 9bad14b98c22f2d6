//! Passwords in addresses: `scheme://user:password@host`.

use std::ops::Range;

use super::class::{ALNUM, DIGIT, LOWER, UPPER};
use super::value::{Value, holds_any};

/// How long user and password are at most.
const AUTHORITY: usize = 200;

/// How long a scheme is at most.
const SCHEME: usize = 24;

/// What databases and brokers are addressed by.
const STORES: [&[u8]; 22] = [
    b"postgres",
    b"mysql",
    b"mariadb",
    b"mongodb",
    b"redis",
    b"amqp",
    b"mssql",
    b"sqlserver",
    b"oracle",
    b"cassandra",
    b"clickhouse",
    b"couchbase",
    b"cockroach",
    b"rabbit",
    b"kafka",
    b"memcache",
    b"neo4j",
    b"bolt",
    b"influx",
    b"ldap",
    b"smtp",
    b"jdbc",
];

/// What documentation writes for a password.
const NOT_MEANT: [&[u8]; 29] = [
    b"password",
    b"passwd",
    b"pass",
    b"pwd",
    b"secret",
    b"user",
    b"username",
    b"test",
    b"root",
    b"admin",
    b"guest",
    b"postgres",
    b"mysql",
    b"mongo",
    b"mongodb",
    b"redis",
    b"rabbitmq",
    b"token",
    b"foo",
    b"bar",
    b"baz",
    b"qux",
    b"pw",
    b"p",
    b"pass1",
    b"password1",
    b"mypassword",
    b"mysecretpassword",
    b"x-oauth-basic",
];

/// A password in an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) password: Range<usize>,
    /// Whether it addresses a database or a broker.
    pub(super) is_store: bool,
    /// Whether the password may be a real one.
    pub(super) meant: bool,
}

/// The password of the address whose `://` stands at `at`.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Address> {
    let user = at + 3;
    let limit = bytes.len().min(user + AUTHORITY);
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/\"'`<>\\|,".contains(byte);
    let end = bytes[user..limit].iter().position(ends).map_or(limit, |length| user + length);
    let at_sign = memchr::memrchr(b'@', &bytes[user..end])? + user;
    let colon = memchr::memchr(b':', &bytes[user..at_sign])? + user;
    let password = colon + 1..at_sign;
    let scheme = scheme(bytes, at);
    let host_starts = bytes.get(at_sign + 1).is_some_and(|byte| ALNUM.has(*byte) || b"[{$".contains(byte));
    if scheme.is_empty() || password.is_empty() || !host_starts {
        return None;
    }
    let is_store = STORES.iter().any(|store| scheme.to_ascii_lowercase().starts_with(store));
    let meant = is_meant(&bytes[password.clone()], &bytes[user..colon]);
    Some(Address { password, is_store, meant })
}

fn scheme(bytes: &[u8], end: usize) -> &[u8] {
    let floor = end.saturating_sub(SCHEME);
    let is_scheme = |byte: &u8| ALNUM.has(*byte) || b"+-.".contains(byte);
    let start = (floor..end).rev().find(|at| !is_scheme(&bytes[*at])).map_or(floor, |at| at + 1);
    &bytes[start..end]
}

/// Whether a password may be one that works.
fn is_meant(password: &[u8], user: &[u8]) -> bool {
    let value = Value::new(password);
    let templates = [b"${".as_slice(), b"{{", b"%s", b"%(", b"<", b"{", b"$", b"[", b"*", b"...", b":port"];
    let template = templates.iter().any(|sign| password.starts_with(sign))
        || password.ends_with(b"}")
        || password.contains(&b'(');
    let mixed = value.has(DIGIT) || (value.has(UPPER) && value.has(LOWER));
    let plain = !mixed && ALNUM.holds(password) && password.len() < 12;
    let number = DIGIT.holds(password) && password.len() < 6;
    let words: [&[u8]; 6] = [b"example", b"placeholder", b"changeme", b"your", b"redacted", b"xxxx"];
    let written =
        NOT_MEANT.iter().any(|word| password.eq_ignore_ascii_case(word)) || holds_any(password, &words);
    let is_other = template || plain || number || written || value.is_monotonous();
    password.len() >= 5 && !password.eq_ignore_ascii_case(user) && !is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Option<(&str, bool)> {
        let found = at(text.as_bytes(), text.find("://")?)?;
        found.meant.then(|| (&text[found.password], found.is_store))
    }

    #[test]
    fn passwords_stand_between_user_and_host() {
        assert_eq!(
            password("postgres://app:4oWgwYYeBarc8vJWue@db.internal:5432/prod"),
            Some(("4oWgwYYeBarc8vJWue", true))
        );
        assert_eq!(password("redis://:Siju9hKG3V9Dq6PRCm@cache:6379/0"), Some(("Siju9hKG3V9Dq6PRCm", true)));
        assert_eq!(password("amqp://user:RQyNbT!6snfJ38Te_%@mq.local//"), Some(("RQyNbT!6snfJ38Te_%", true)));
        assert_eq!(password("https://ada:s3cr3t@Pass@example.org/x"), Some(("s3cr3t@Pass", false)));
    }

    #[test]
    fn what_documentation_writes_is_none() {
        for text in [
            "postgres://user:password@localhost/db",
            "https://user:${PASS}@host",
            "mysql://root:root@db",
            "http://localhost:8080/@x",
            "https://x:<token>@github.com",
            "redis://host:6379",
            "ftp://a:{pw}@h",
            "https://example.org:8080/a@b",
            "x://a:hunter@host",
        ] {
            assert_eq!(password(text), None, "{text}");
        }
    }
}
