//! Letters of either case as one.

use crate::text::plain::next_beyond_ascii;
use crate::text::spans::{Rewriting, Spans};

/// The text with its letters folded; nothing for a text of ASCII, where searches fold as they go.
pub(crate) fn fold(plain: &str) -> Option<(String, Spans)> {
    if plain.is_ascii() {
        return None;
    }
    let mut folded = Rewriting::default();
    let mut copied = 0;
    let mut from = 0;
    while let Some(at) = next_beyond_ascii(plain.as_bytes(), from) {
        let Some(c) = plain[at..].chars().next() else { break };
        from = at + c.len_utf8();
        let mut new = String::new();
        match c {
            'ß' | 'ẞ' => new.push_str("ss"),
            'ς' => new.push('σ'),
            'İ' => new.push('i'),
            _ => new.extend(c.to_lowercase()),
        }
        let end = from;
        if new != plain[at..end] {
            folded.copy(plain, copied..at);
            folded.put(&new, at..end);
            copied = end;
        }
    }
    folded.copy(plain, copied..plain.len());
    Some(folded.finish())
}
