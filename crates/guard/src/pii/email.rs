//! E-mail addresses: outward from the `@`.

use super::PiiKind;
use super::scan::Scan;
use crate::finding::Certainty;

/// How long the part before the `@` may be, in bytes.
const LOCAL: usize = 64;
/// How long the domain may be.
const DOMAIN: usize = 190;

/// Endings of files that stand after an `@` in names such as `icon@2x.png`, not after a domain.
const FILES: [&str; 16] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "js", "jsx", "ts", "tsx", "css", "json", "html", "yaml",
    "yml", "lock",
];

/// Reads an address around the `@`; says where to go on.
pub(super) fn at(reading: &mut Scan<'_>, anchor: usize) -> usize {
    if !reading.wants(PiiKind::Email) {
        return anchor + 1;
    }
    let Some(start) = local_start(reading, anchor) else { return anchor + 1 };
    let Some(end) = domain_end(reading, anchor + 1) else { return anchor + 1 };
    if is_login(reading, start) || is_remote(reading, start, anchor, end) {
        return anchor + 1;
    }
    reading.push(PiiKind::Email, start..end, Certainty::Certain);
    end
}

fn local_start(reading: &Scan<'_>, anchor: usize) -> Option<usize> {
    let floor = reading.text.floor_char_boundary(anchor.saturating_sub(LOCAL));
    let mut start = anchor;
    for c in reading.text[floor..anchor].chars().rev() {
        let fits = c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'')
            || (!c.is_ascii() && c.is_alphabetic());
        if !fits {
            break;
        }
        start -= c.len_utf8();
    }
    let trimmed = reading.text[start..anchor].trim_start_matches(['.', '\'', '-', '+', '%']);
    let start = anchor - trimmed.len();
    // The first letter may belong to an escaped end of a line.
    let escaped = usize::from(trimmed.len() > 1 && reading.is_escape(start + 1));
    let (start, trimmed) = (start + escaped, &trimmed[escaped..]);
    let sound = !trimmed.is_empty() && !trimmed.ends_with('.') && !trimmed.contains("..");
    (sound && trimmed.contains(char::is_alphanumeric)).then_some(start)
}

fn domain_end(reading: &Scan<'_>, start: usize) -> Option<usize> {
    let ceiling = reading.text.floor_char_boundary((start + DOMAIN).min(reading.text.len()));
    let rest = &reading.text[start..ceiling];
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-') || (!c.is_ascii() && c.is_alphanumeric())
    };
    let length = rest.find(|c| !fits(c)).unwrap_or(rest.len());
    let mut domain = rest[..length].trim_end_matches(['.', '-']);
    // A dash after the domain may join it to a word: `ada@example.org-Office`.
    if let Some((_, last)) = domain.rsplit_once('.')
        && let Some(dash) = last.find('-')
        && !last.starts_with("xn--")
    {
        domain = &domain[..domain.len() - last.len() + dash];
    }
    let (host, top) = domain.rsplit_once('.')?;
    let labels =
        host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let sound = top.starts_with("xn--") || (top.chars().count() >= 2 && top.chars().all(char::is_alphabetic));
    let file = FILES.iter().any(|file| top.eq_ignore_ascii_case(file));
    // A package with its release: `netty-buffer@4.1.114.Final`.
    let numbered = host.contains('.') && host.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    let called = matches!(reading.text[start + domain.len()..].chars().next(), Some('(' | '_' | '@'));
    (labels && sound && !file && !numbered && !called).then_some(start + domain.len())
}

/// Whether it is the end of a password in `scheme://name:password@host`.
fn is_login(reading: &Scan<'_>, start: usize) -> bool {
    let floor = reading.text.floor_char_boundary(start.saturating_sub(64));
    let before = &reading.text[floor..start];
    let word = before
        .rfind(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '('))
        .map_or(before, |at| &before[at..]);
    word.rfind("://").is_some_and(|at| !word[at + 3..].contains(['/', '?', '#', '&']))
}

/// Whether it names a repository: `git@github.com:owner/name`.
fn is_remote(reading: &Scan<'_>, start: usize, anchor: usize, end: usize) -> bool {
    let mut rest = reading.text[end..].chars();
    &reading.text[start..anchor] == "git" && rest.next().is_some_and(|c| matches!(c, ':' | '/'))
}
