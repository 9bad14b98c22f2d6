//! Private keys between their BEGIN and END lines.

use super::class::{ALNUM, BASE64, Class, EQUALS};

/// How long the name between `BEGIN` and the dashes is at most.
const NAME: usize = 64;

/// How far after the first line the key itself must have started.
const LEAD: usize = 180;

/// How many bytes of the key must be seen.
const BODY: usize = 24;

/// A private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pem {
    pub(super) end: usize,
    /// Whether there is a key, and not only the line that would begin one.
    pub(super) proven: bool,
}

/// The private key whose `-----BEGIN` stands at `start`.
pub(super) fn at(bytes: &[u8], start: usize) -> Option<Pem> {
    let name = start + b"-----BEGIN".len();
    let dashes = find(&bytes[name..bytes.len().min(name + NAME)], b"-----")? + name;
    let said = &bytes[name..dashes];
    if find(said, b"PRIVATE KEY").is_none()
        || !said.iter().all(|byte| ALNUM.has(*byte) || b" -_".contains(byte))
    {
        return None;
    }
    let lead = dashes + 5;
    match body(bytes, lead) {
        Some(body) => Some(Pem { end: end(bytes, body), proven: true }),
        None => Some(Pem { end: lead, proven: false }),
    }
}

/// Where the body is proven that starts behind `lead`, after line ends and header lines.
fn body(bytes: &[u8], lead: usize) -> Option<usize> {
    let limit = bytes.len().min(lead + LEAD);
    let mut at = lead;
    while at < limit {
        let end = BASE64.end(bytes, at, BODY);
        if end - at >= BODY {
            return Some(end);
        }
        // A short word that ends a line of its own is a short line of the key or part of a header; both go on.
        at = end.max(at) + 1;
    }
    None
}

/// Where a key ends of which `from` is within.
fn end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        if bytes[at..].starts_with(b"-----END") {
            let name = at + b"-----END".len();
            return find(&bytes[name..bytes.len().min(name + NAME)], b"-----")
                .map_or(name, |found| name + found + 5);
        }
        let is_dash = *byte == b'-'
            && bytes[at..].len() < b"-----END".len()
            && bytes[at..] == b"-----END"[..bytes.len() - at];
        if !WITHIN.has(*byte) && !b" \t\r\n\\\"',".contains(byte) || is_dash {
            break;
        }
        at += 1;
    }
    from.max(bytes[..at].iter().rposition(|byte| WITHIN.has(*byte)).map_or(from, |last| last + 1))
}

const WITHIN: Class = BASE64.or(EQUALS);

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMDECAQEEIFTMRrXWwSA9VVg56kNcETcpzqbFeqsJSlkvVdCwUOCXoAoGCCqGSM49\nAwEH\n-----END EC PRIVATE KEY-----";

    #[test]
    fn a_key_reaches_to_its_last_line() {
        let text = format!("{KEY} and more");
        assert_eq!(at(text.as_bytes(), 0), Some(Pem { end: KEY.len(), proven: true }));
        let escaped = KEY.replace('\n', "\\n");
        assert_eq!(at(escaped.as_bytes(), 0), Some(Pem { end: escaped.len(), proven: true }));
    }

    #[test]
    fn a_key_that_breaks_off_reaches_to_its_last_character() {
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEILgSKkOjbnZYgPc3i2Q+ppE; more";
        assert_eq!(at(text.as_bytes(), 0).map(|pem| pem.end), text.find(';'));
    }

    #[test]
    fn header_lines_are_stepped_over() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\nMDECAQEEIFTMRrXWwSA9VVg56kNcETcpzqb\n-----END RSA PRIVATE KEY-----";
        assert_eq!(at(text.as_bytes(), 0), Some(Pem { end: text.len(), proven: true }));
    }

    #[test]
    fn the_line_alone_is_a_shape_and_a_public_key_nothing() {
        let line = "-----BEGIN RSA PRIVATE KEY-----";
        assert_eq!(
            at(format!("{line}\" in text:").as_bytes(), 0),
            Some(Pem { end: line.len(), proven: false })
        );
        assert_eq!(at(KEY.replace("PRIVATE", "PUBLIC").as_bytes(), 0), None);
    }
}
