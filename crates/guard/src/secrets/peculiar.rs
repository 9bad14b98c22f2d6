//! Forms that do not start with a prefix.

use super::class::{ALNUM, DIGIT, DOT, HEX, LOWER, TILDE, UPPER, URL};
use super::key;
use super::runs::Run;
use super::scan::{Hit, Rank};
use super::value::Value;
use crate::Certainty;

/// A token of a Telegram bot: its id, a colon, `A`, and 34 more, of which the first is another `A`.
pub(super) fn telegram(bytes: &[u8], at: usize) -> Option<Hit> {
    let colon = at.checked_sub(1)?;
    let start = DIGIT.start(bytes, colon, colon.saturating_sub(17));
    let before = &bytes[..start];
    let starts = before.last().is_none_or(|last| !ALNUM.has(*last)) || before.ends_with(b"/bot");
    let end = URL.end(bytes, at, 36);
    let fits = starts && (5..=16).contains(&(colon - start)) && end - at == 35;
    if !fits {
        return None;
    }
    let is_usual = (8..=10).contains(&(colon - start)) && bytes[at + 1] == b'A';
    let certainty = if is_usual { Certainty::Certain } else { Certainty::Likely };
    let is_named = || key::before(bytes, start).is_some_and(|key| key.names("telegr"));
    (is_usual || is_named()).then(|| Hit::new("telegram_bot_token", start..end, certainty, Rank::Form))
}

/// An access token of a Facebook app: its id, a bar, and 27 more.
pub(super) fn facebook(bytes: &[u8], run: Run) -> Option<Hit> {
    let bar = run.start.checked_sub(1)?;
    let start = DIGIT.start(bytes, bar, bar.saturating_sub(18));
    let end = URL.end(bytes, run.start, 28);
    let starts = bytes[..start].last().is_none_or(|last| !ALNUM.has(*last));
    let proof = Value::new(&bytes[run.start..end]);
    let fits = starts && (13..=17).contains(&(bar - start)) && end - run.start == 27;
    (fits && proof.has(UPPER) && proof.has(LOWER) && proof.has(DIGIT))
        .then(|| Hit::new("facebook_token", start..end, Certainty::Certain, Rank::Form))
}

/// A client secret of Azure: three characters, a digit, `Q~`, and 31 to 34 more.
pub(super) fn azure(bytes: &[u8], run: Run, hits: &mut Vec<Hit>) {
    let class = URL.or(DOT).or(TILDE);
    for tilde in memchr::memchr_iter(b'~', &bytes[run.start..run.end]).map(|at| at + run.start) {
        let Some(start) = tilde.checked_sub(5).filter(|start| *start >= run.start) else { continue };
        let end = class.end(bytes, tilde + 1, 35);
        let is_start = start == run.start || !class.has(bytes[start - 1]);
        let is_one =
            DIGIT.has(bytes[tilde - 2]) && bytes[tilde - 1] == b'Q' && class.holds(&bytes[start..tilde]);
        let is_made_up = Value::new(&bytes[tilde + 1..end]).is_stand_in();
        if is_start && is_one && !is_made_up && (31..=34).contains(&(end - tilde - 1)) {
            hits.push(Hit::new("azure_client_secret", start..end, Certainty::Certain, Rank::Form));
        }
    }
}

/// A token of a Discord bot: its id in base64, six characters of time, and 27 to 40 of proof.
pub(super) fn discord(bytes: &[u8], run: Run, hits: &mut Vec<Hit>) {
    for dot in memchr::memchr_iter(b'.', &bytes[run.start..run.end]).map(|at| at + run.start) {
        let start = URL.start(bytes, dot, dot.saturating_sub(27).max(run.start));
        let second = dot + 1;
        let third = second + 7;
        let is_id =
            (24..=26).any(|length| length <= dot - start && matches!(bytes[dot - length], b'M'..=b'O'));
        let fits = dot - start <= 26
            && is_id
            && bytes.get(third - 1) == Some(&b'.')
            && URL.end(bytes, second, 7) == third - 1;
        if !fits {
            continue;
        }
        let end = URL.end(bytes, third, 41);
        let proof = Value::new(&bytes[third..end]);
        if (27..=40).contains(&proof.bytes.len()) && proof.has(UPPER) && proof.has(LOWER) && proof.has(DIGIT)
        {
            hits.push(Hit::new("discord_token", start..end, Certainty::Likely, Rank::Form));
        }
    }
}

/// Words in the prefix of a token that say that it opens something.
const OPENERS: [&[u8]; 10] =
    [b"sk", b"key", b"apikey", b"secret", b"token", b"live", b"prod", b"production", b"pat", b"skey"];

/// How much is drawn at random at least behind such words.
const DRAWN: usize = 24;

/// Whether a value says of itself that it is a key: up to four short words with one such as `live` or `sk`
/// among them, and then only what is drawn at random.
pub(super) fn names_itself(value: &Value<'_>) -> bool {
    // The shortest word that opens something, a sign, and what is drawn.
    if value.bytes.len() < "sk_".len() + DRAWN {
        return false;
    }
    let mut opens = false;
    let mut rest = value.bytes;
    for _ in 0..4 {
        let Some(at) = rest.iter().take(12).position(|byte| matches!(byte, b'_' | b'-' | b'.')) else {
            break;
        };
        let word = &rest[..at];
        if word.is_empty() || !(LOWER.or(DIGIT).holds(word) || UPPER.or(DIGIT).holds(word)) {
            break;
        }
        // What everybody may see opens nothing.
        if [&b"pk"[..], b"pub", b"public", b"publishable"].iter().any(|open| open.eq_ignore_ascii_case(word))
        {
            return false;
        }
        opens |= OPENERS.iter().any(|opener| opener.eq_ignore_ascii_case(word));
        rest = &rest[at + 1..];
    }
    if !opens || rest.len() < DRAWN {
        return false;
    }
    let body = Value::new(rest);
    let in_parts = rest.iter().filter(|byte| !ALNUM.has(**byte)).count();
    in_parts * 8 <= rest.len() && !body.is_hex() && body.is_very_random()
}

/// The vendor whose values end in its own way.
pub(super) fn by_its_end(bytes: &[u8]) -> Option<&'static str> {
    if let Some(hex) = bytes.strip_suffix(b"_mmk") {
        let apart = hex.len() == 36 && hex[6] == b'_' && URL.holds(hex);
        return apart.then_some("maxmind_key");
    }
    // The data centre stands behind a key of Mailchimp.
    let (digest, centre) = bytes.split_at_checked(32)?;
    let number = centre.strip_prefix(b"-us")?;
    let is_one = HEX.holds(digest) && (1..=2).contains(&number.len()) && DIGIT.holds(number);
    is_one.then_some("mailchimp_key")
}
