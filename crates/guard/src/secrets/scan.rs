//! One pass over a text: its long runs, and the few signs that announce what is no run.

use std::cmp::Reverse;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::class::{
    ALNUM, ALPHA, ANY_HEX, Class, DASH, DIGIT, DOT, EQUALS, LOWER, PERCENT, PLUS, RUN, SLASH, TILDE,
    UNDERSCORE, UPPER,
};
use super::form::{Form, Forms, Proof, is_escaped};
use super::key::Key;
use super::kind::SecretKind;
use super::runs::{Run, Runs};
use super::value::{Value, holds_any};
use super::{assigned, checksum, command, forms, jwt, key, password, peculiar, pem, url};
use crate::taken::Taken;
use crate::{Certainty, Strictness};

/// How long a value without a form of its own is at most.
const LONGEST_VALUE: usize = 200;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) kind: SecretKind,
    pub(super) span: Range<usize>,
    pub(super) certainty: Certainty,
    rank: Rank,
}

/// How specific a hit is; of two that overlap the higher one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Generic,
    Password,
    Address,
    Vendor,
    Shape,
    Form,
    Key,
}

impl Hit {
    pub(super) fn new(kind: &str, span: Range<usize>, certainty: Certainty, rank: Rank) -> Self {
        let kind = SecretKind::named(kind).expect("every kind that is found is in the table");
        Self { kind, span, certainty, rank }
    }
}

/// What announces something that is no run.
const SIGNS: [&str; 11] =
    ["curl ", "://", "-----BEGIN", "assw", "ASSW", "pwd", "PWD", "Pwd", "_pass", "_PASS", "assphr"];

/// Everything that is needed to scan a text.
#[derive(Debug)]
pub(super) struct Scan {
    forms: Forms,
    signs: AhoCorasick,
}

impl Scan {
    pub(super) fn new() -> Self {
        let signs = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(SIGNS);
        Self { forms: Forms::new(forms::all()), signs: signs.expect("eleven short words make an automaton") }
    }

    /// What a text holds, in order and without overlaps.
    pub(super) fn hits(&self, bytes: &[u8], strictness: Strictness) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.signs(bytes, &mut hits);
        let mut last = jwt::Last::default();
        for run in Runs::new(bytes) {
            self.run(bytes, run, &mut last, &mut hits);
        }
        hits.retain(|hit| strictness.accepts(hit.certainty) && !hit.span.is_empty());
        apart(hits)
    }

    fn signs(&self, bytes: &[u8], hits: &mut Vec<Hit>) {
        let mut done = 0;
        for sign in self.signs.find_iter(bytes) {
            if sign.start() < done {
                continue;
            }
            match sign.pattern().as_usize() {
                0 => {
                    if let Some(span) = command::password(bytes, sign.end()) {
                        hits.push(Hit::new("password", span, Certainty::Likely, Rank::Password));
                    }
                }
                1 => {
                    if let Some(found) = url::at(bytes, sign.start()) {
                        let kind = if found.is_store { "database_url" } else { "basic_auth_url" };
                        let certainty = if found.meant { Certainty::Likely } else { Certainty::Shape };
                        done = found.password.end;
                        hits.push(Hit::new(kind, found.password, certainty, Rank::Address));
                    }
                }
                2 => {
                    if let Some(found) = pem::at(bytes, sign.start()) {
                        let certainty = if found.proven { Certainty::Certain } else { Certainty::Shape };
                        let span = sign.start()..found.end;
                        done = found.end;
                        hits.push(Hit::new("private_key", span, certainty, Rank::Key));
                    }
                }
                _ if is_other_word(bytes, sign.start(), sign.end()) => {}
                _ => {
                    if let Some(span) = password::after(bytes, sign.end()) {
                        let kind = "password";
                        hits.push(Hit::new(kind, span, Certainty::Likely, Rank::Password));
                    }
                }
            }
        }
    }

    fn run(&self, bytes: &[u8], run: Run, last: &mut jwt::Last, hits: &mut Vec<Hit>) {
        let known = hits.len();
        let mut start = run.start;
        self.token(bytes, start, last, hits);
        if let Some(after) = (run.start + 1..=run.start + 2).find(|after| is_escaped(bytes, *after)) {
            start = after;
            self.token(bytes, start, last, hits);
        }
        if run.class.meets(BREAKS) {
            for at in run.start..run.end - 1 {
                if BREAKS.has(bytes[at]) {
                    self.token(bytes, at + 1, last, hits);
                }
            }
        }
        if bytes[run.start] == b'A' && bytes[..run.start].ends_with(b":") {
            hits.extend(peculiar::telegram(bytes, run.start));
        }
        if run.start > 0 && bytes[run.start - 1] == b'|' {
            hits.extend(peculiar::facebook(bytes, run));
        }
        if run.class.meets(TILDE) {
            peculiar::azure(bytes, run, hits);
        }
        if run.class.meets(DOT) && run.class.meets(DIGIT) {
            peculiar::discord(bytes, run, hits);
        }
        if hits.len() == known && run.class.meets(DIGIT) && run.class.meets(ALPHA) {
            Self::value(bytes, Run { start, ..run }, hits);
            if hits.len() == known
                && run.class.meets(SEPARATORS)
                && run.end - start <= LONGEST_VALUE
                && peculiar::names_itself(&Value::new(&bytes[start..run.end]))
            {
                let kind = "generic_secret";
                hits.push(Hit::new(kind, start..run.end, Certainty::Likely, Rank::Generic));
            }
        }
    }

    /// The token that starts at a place where one may.
    #[inline]
    fn token(&self, bytes: &[u8], at: usize, last: &mut jwt::Last, hits: &mut Vec<Hit>) {
        let Some([first, second]) = bytes.get(at..at + 2) else { return };
        for form in self.forms.starting(*first, *second) {
            if form.starts_with(*first, *second)
                && let Some(hit) = form_at(bytes, form, at)
            {
                hits.push(hit);
            }
        }
        if (*first, *second) == (b'e', b'y') && bytes[at..].starts_with(b"eyJ") {
            Self::jwt(bytes, at, last, hits);
        }
    }

    fn jwt(bytes: &[u8], at: usize, last: &mut jwt::Last, hits: &mut Vec<Hit>) {
        if let Some(found) = jwt::at(bytes, at, last) {
            let certainty = if found.proven { Certainty::Certain } else { Certainty::Shape };
            hits.push(Hit::new("jwt", at..found.end, certainty, Rank::Form));
        }
    }

    /// A value that its key gives away, or its own end.
    fn value(bytes: &[u8], run: Run, hits: &mut Vec<Hit>) {
        let start = run.start;
        let trimmed = DOT.start(bytes, run.end, start);
        let end = EQUALS.end(bytes, trimmed, 2);
        let mut value = Value { bytes: &bytes[start..end], class: run.class };
        if end != run.end {
            value = Value::new(value.bytes);
        }
        if let Some(kind) = peculiar::by_its_end(value.bytes) {
            hits.push(Hit::new(kind, start..end, Certainty::Likely, Rank::Form));
            return;
        }
        if jwt::is_encoded_again(value.bytes) {
            hits.push(Hit::new("jwt", start..end, Certainty::Certain, Rank::Form));
            return;
        }
        let wide = wide(bytes, start, end);
        let is_whole = bytes.get(end).is_none_or(|next| !ENDLESS.has(*next));
        if value.bytes.len() > LONGEST_VALUE || !(is_whole || wide.is_some()) {
            return;
        }
        let may_be_one = assigned::may_be_one(&value) || may_be_generic(&value);
        if is_whole
            && may_be_one
            && let Some(key) = key::before(bytes, start)
        {
            if let Some(kind) = vendor_of(&key, &value) {
                hits.push(Hit::new(kind, start..end, Certainty::Likely, Rank::Vendor));
                return;
            }
            if value.is_uuid() && key.names("authtoken") && is_registry(&bytes[..key.start]) {
                let kind = "npm_token";
                hits.push(Hit::new(kind, start..end, Certainty::Likely, Rank::Vendor));
                return;
            }
            if is_credential(&key, &value) && is_generic(&value) {
                let kind = "generic_secret";
                hits.push(Hit::new(kind, start..end, Certainty::Likely, Rank::Generic));
            }
        }
        if let Some(span) = wide
            && let value = Value::new(&bytes[span.clone()])
            && assigned::may_be_one(&value)
            && let Some(key) = key::before(bytes, span.start)
            && let Some(kind) = vendor_of(&key, &value)
        {
            hits.push(Hit::new(kind, span, Certainty::Likely, Rank::Vendor));
        }
    }
}

/// Bytes of a run behind which a token may start.
const BREAKS: Class = SLASH.or(DOT).or(PLUS).or(TILDE);

/// Bytes that stand between words.
const SEPARATORS: Class = DASH.or(UNDERSCORE).or(DOT);

/// Bytes of the values of some vendors that stand in no run.
const WIDE: Class = RUN.or(EQUALS).or(PERCENT);

/// Bytes that go on with something that is no value.
const ENDLESS: Class = ALNUM.or(PERCENT);

/// Whether a sign of a password is the start of another word: `_passive`, `pwdLastSet`.
fn is_other_word(bytes: &[u8], start: usize, end: usize) -> bool {
    let says_so = |rest: &[u8]| {
        let starts = |word: &[u8]| rest.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word));
        starts(b"word") || starts(b"wd") || starts(b"phrase") || starts(b"code")
    };
    let goes_on = bytes.get(end).is_some_and(|next| ALPHA.has(*next));
    !matches!(bytes[start], b'a' | b'A') && goes_on && !says_so(&bytes[end..])
}

/// The token of a form whose prefix may stand at `at`.
fn form_at(bytes: &[u8], form: &Form, at: usize) -> Option<Hit> {
    let end = form.end(bytes, at)?;
    let start = form.start(bytes, at)?;
    let body = Value::new(&bytes[at + form.prefix.len()..end]);
    // Words that are joined by dashes have neither digits nor capitals, or few.
    let varied = body.has(DIGIT) || body.has(UPPER) || !body.has(SEPARATORS);
    let made_up = body.is_monotonous()
        || holds_any(body.bytes, &[b"example", b"placeholder", b"xxxxxxxx", b"your-", b"your_"]);
    // Letters of one case alone are the name of something, and two characters in turn stand for others.
    let worded = body.bytes.len() >= 20 && (LOWER.holds(body.bytes) || UPPER.holds(body.bytes));
    if body.is_one_thing() && (!form.any_body || form.prefix.starts_with("AKIA") && body.is_monotonous()) {
        return None;
    }
    if !form.any_body && (made_up || worded || !varied) || holds_any(&bytes[start..end], &[b"example"]) {
        return None;
    }
    let certainty = match form.proof {
        Proof::Certain => Certainty::Certain,
        Proof::Crc if checksum::is_right(&bytes[start..end], form.prefix.len()) => Certainty::Certain,
        Proof::Crc => Certainty::Likely,
        Proof::Mixed if body.is_very_random() => Certainty::Likely,
        Proof::Mixed => Certainty::Shape,
        Proof::Key if body.is_name() && !body.has(DIGIT) => Certainty::Shape,
        Proof::Key => match key::before(bytes, start) {
            Some(key) if is_credential(&key, &body) || key.names(vendor(form)) => Certainty::Likely,
            _ => Certainty::Shape,
        },
    };
    let rank = if certainty == Certainty::Shape { Rank::Shape } else { Rank::Form };
    // The address of a webhook is the secret, with its scheme.
    let start =
        if form.prefix.contains('/') && bytes[..start].ends_with(b"https://") { start - 8 } else { start };
    Some(Hit::new(form.kind, start + form.lead..end, certainty, rank))
}

/// The vendor in the name of a form's kind.
fn vendor(form: &Form) -> &'static str {
    form.kind.split('_').next().unwrap_or(form.kind)
}

/// The vendor's kind of a value that its key gives away.
fn vendor_of(key: &Key, value: &Value<'_>) -> Option<&'static str> {
    let rule = assigned::vendor(key, value)?;
    let meant = (key.assigns || value.is_very_random())
        && !value.is_stand_in()
        && (value.is_uuid() || !value.is_name());
    meant.then_some(rule.kind)
}

/// A value with the signs of assignment and percent that stand in it, if quotes or space say where it ends.
fn wide(bytes: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let is_wide = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| WIDE.has(*byte));
    if !is_wide(Some(end)) && !is_wide(start.checked_sub(1)) {
        return None;
    }
    let least = start.saturating_sub(LONGEST_VALUE);
    let from = WIDE.start(bytes, start, least);
    let to = WIDE.end(bytes, end, LONGEST_VALUE);
    let opens = from > 0 && b"\"'` >\n".contains(&bytes[from - 1]);
    let closes = bytes.get(to).is_none_or(|next| b"\"'` <\n;,\\".contains(next));
    let is_wider = to > end || (from < start && opens);
    let from = if opens { from } else { start };
    (is_wider && closes && to - from <= LONGEST_VALUE).then_some(from..to)
}

/// Whether a key stands behind the address of a registry, as in `//registry.npmjs.org/:_authToken`.
fn is_registry(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(key::BEHIND)..];
    near.strip_suffix(b"/:").is_some_and(|host| {
        memchr::memmem::find(host, b"//").is_some() && host.last().is_some_and(|byte| ALNUM.has(*byte))
    })
}

/// Whether a key says that its value is a credential, as surely as the value needs it.
fn is_credential(key: &Key, value: &Value<'_>) -> bool {
    if key.assigns {
        key.names_credential()
    } else {
        value.is_long() && key.ends_in_credential() && value.is_very_random()
    }
}

/// Whether a value behind the key of a credential is one.
fn is_generic(value: &Value<'_>) -> bool {
    may_be_generic(value) && value.is_random()
}

/// Whether a value is no digest and no path.
fn may_be_generic(value: &Value<'_>) -> bool {
    let bytes = value.bytes;
    let is_digest = bytes.len() < 24 && ANY_HEX.covers(value.class);
    // Paths and names with dots hold slashes and dots among words.
    let parts = || bytes.iter().filter(|byte| matches!(byte, b'.' | b'/')).count();
    let is_rooted = matches!(bytes.first(), Some(b'/' | b'.' | b'-' | b'+' | b'~'));
    let is_path =
        !value.has(EQUALS) && (is_rooted || (value.has(DOT.or(SLASH)) && parts() * 12 > bytes.len()));
    !is_digest && !is_path
}

/// The hits in order, of those that overlap only the most specific one, and of the same kind the longest.
fn apart(mut hits: Vec<Hit>) -> Vec<Hit> {
    if hits.len() < 2 {
        return hits;
    }
    hits.sort_by_key(|hit| (Reverse((hit.rank, hit.certainty, hit.span.len())), hit.span.start));
    let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
    let mut taken = Taken::default();
    for hit in hits {
        if !taken.meets(&(), &hit.span) {
            taken.add((), &hit.span);
            kept.push(hit);
        }
    }
    kept.sort_by_key(|hit| hit.span.start);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_hits_are_told_apart_as_fast_as_few() {
        let hit = |start: usize, length: usize| {
            Hit::new("password", start..start + length, Certainty::Likely, Rank::Password)
        };
        let many = 150_000;
        let hits = (0..many).flat_map(|at| [hit(at * 10, 8), hit(at * 10 + 5, 4)]).collect();
        assert_eq!(apart(hits), (0..many).map(|at| hit(at * 10, 8)).collect::<Vec<_>>());
    }
}
