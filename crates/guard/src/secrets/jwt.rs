//! JSON Web Tokens: a header that decodes to JSON and names an algorithm.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::class::{DOT, EQUALS, URL};

/// How long a header is at most.
const HEADER: usize = 200;

/// How many bytes after the header show that a second part follows.
const SECOND: usize = 10;

/// How a token proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jwt {
    pub(super) end: usize,
    /// Whether the header is JSON with an algorithm, and not only in its place.
    pub(super) proven: bool,
}

/// The run that the last token ended in, so that it is read once, however many begin in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Last {
    run: Range<usize>,
    end: usize,
}

impl Last {
    /// Where a token ends of which the second part goes on at `from`: behind a byte that is no dot.
    fn end(&mut self, bytes: &[u8], from: usize) -> usize {
        if !self.run.contains(&from) {
            self.run = from..URL.or(DOT).end(bytes, from, usize::MAX);
            self.end = EQUALS.end(bytes, DOT.start(bytes, self.run.end, from), 2);
        }
        self.end
    }
}

/// The token that starts at `start`, where `eyJ` stands.
pub(super) fn at(bytes: &[u8], start: usize, last: &mut Last) -> Option<Jwt> {
    let dot = URL.end(bytes, start, HEADER);
    let second = dot + 1;
    let second_end = URL.end(bytes, second.min(bytes.len()), SECOND);
    if dot - start < SECOND || bytes.get(dot) != Some(&b'.') || second_end < second + SECOND {
        return None;
    }
    let header = URL_SAFE_NO_PAD.decode(&bytes[start..dot]).ok().filter(|header| is_object(header));
    let proven = header.is_some_and(|header| memchr::memmem::find(&header, b"\"alg\"").is_some());
    Some(Jwt { end: last.end(bytes, second_end), proven })
}

fn is_object(json: &[u8]) -> bool {
    let is_text = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\r' | b'\n' | b'\t');
    json.first() == Some(&b'{') && json.last() == Some(&b'}') && json.is_ascii() && json.iter().all(is_text)
}

/// Whether a run of base64 is a token that was encoded once more.
pub(super) fn is_encoded_again(bytes: &[u8]) -> bool {
    // "eyJhbGciOi" and "eyJ0eXAiOi", encoded.
    bytes.starts_with(b"ZXlKaGJHY2lPaU") || bytes.starts_with(b"ZXlKMGVYQWlPaU")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

    fn proven(text: &str) -> Option<bool> {
        at(text.as_bytes(), 0, &mut Last::default()).map(|jwt| jwt.proven)
    }

    #[test]
    fn the_header_proves_it() {
        let at = |bytes: &[u8], start| at(bytes, start, &mut Last::default());
        let whole = format!("{HEAD}.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c");
        assert_eq!(at(whole.as_bytes(), 0), Some(Jwt { end: whole.len(), proven: true }));
        assert_eq!(at(format!("{whole}. Then").as_bytes(), 0), Some(Jwt { end: whole.len(), proven: true }));
        assert_eq!(proven(&format!("{HEAD}.eyJzdWIiOiIxMjM0NTY3ODkwIn0")), Some(true));
        assert_eq!(proven("eyJ0eXAiOiJKV1QiLA0KImFsZyI6IkhTMjU2In0.eyJzdWIiOiIxMjM0NTY3ODkwIn0"), Some(true));
        assert_eq!(proven("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ.eyJzdWIiOiIxMjM0NTY3ODkwIn0"), Some(false));
        assert_eq!(proven(HEAD), None);
        assert_eq!(proven("eyJBB.eyJCC.eyJDDDD"), None);
        assert_eq!(proven(&format!("{HEAD}.q83vEjRWeJCrze8")), Some(true), "an encrypted payload is no JSON");
        assert_eq!(proven(&format!("{HEAD}.short")), None);
    }

    #[test]
    fn tokens_within_each_other_end_as_they_do_alone() {
        for text in [
            "eyJhbGciOi.eyJhbGciOi.eyJhbGciOi.eyJhbGciOi...==/eyJhbGciOi.eyJhbGciOi=",
            "eyJhbGciOi.eyJhbGciOi== eyJhbGciOi.eyJhbGciOi.eyJhbGciOi.+eyJhbGciOi.eyJhbGciO",
        ] {
            let mut last = Last::default();
            for (start, _) in text.match_indices("eyJ") {
                let alone = at(text.as_bytes(), start, &mut Last::default());
                assert_eq!(at(text.as_bytes(), start, &mut last), alone, "{start} in {text}");
            }
        }
    }
}
