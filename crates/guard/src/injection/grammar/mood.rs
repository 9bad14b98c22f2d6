//! How a sentence puts its words: as an order, a question, a quotation, a report, or denied.

use std::ops::Range;

use super::rules::{Put, Rule};
use crate::injection::Channel;
use crate::injection::lexicon::{Concepts, Hit, Languages};

/// How far around a match its sentence is looked at, in bytes.
const SIGHT: usize = 200;
/// How close before a verb the word stands that denies it.
const DENIAL: usize = 14;

/// How much of a rule's weight counts where its verb is `head` and all of it spans `span`.
pub(super) fn of(
    text: &str,
    hits: &[Hit],
    head: &Hit,
    span: &Range<usize>,
    rule: &Rule,
    channel: Channel,
) -> f32 {
    let mention = mention(text, hits, span.clone(), channel);
    if rule.put != Put::Said && is_denied(text, hits, head, span) {
        return 0.05;
    }
    if rule.put != Put::Order {
        return mention;
    }
    let sentence = sentence(text, span);
    let asked = if is_question(text, hits, &sentence, head) { 0.25 } else { 1.0 };
    let english = head.languages.meets(Languages::ENGLISH);
    let order = if head.languages.meets(Languages::ENGLISH) {
        order(text, &sentence, head.start)
    } else {
        told(text, head)
    };
    let between = text.get(head.end..span.end).unwrap_or_default();
    let mine = match english {
        true if between.starts_with(" my ") && !between.contains("instruction") => 0.3,
        false if is_mine(text, head.end..span.end) => 0.3,
        _ => 1.0,
    };
    let code = if between.contains(['(', ')', '{', '}', '=', ';']) { 0.4 } else { 1.0 };
    mention * asked * order * mine * code
}

/// How much counts of a word that is a sign by itself.
pub(super) fn of_mention(text: &str, hits: &[Hit], hit: &Hit, channel: Channel) -> f32 {
    let span = hit.start..hit.end;
    let sentence = sentence(text, &span);
    let asked = if is_question(text, hits, &sentence, hit) { 0.3 } else { 1.0 };
    mention(text, hits, span, channel) * asked
}

/// Whether what follows an object says no more of it.
pub(super) fn is_bare(after: &str) -> bool {
    let more = after.trim_start_matches(['"', '\'', ')', ']', '*', '`']);
    let Some(first) = more.chars().next() else { return true };
    if first != ' ' {
        return !first.is_alphanumeric();
    }
    let next = more.trim_start().split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    GOING_ON.contains(&next)
}

/// Words that begin something new behind an object.
const GOING_ON: [&str; 27] = [
    "",
    "and",
    "but",
    "now",
    "then",
    "instead",
    "please",
    "just",
    "say",
    "print",
    "write",
    "tell",
    "output",
    "you",
    "your",
    "that",
    "given",
    "from",
    "above",
    "before",
    "i",
    "so",
    "because",
    "as",
    "or",
    "verbatim",
    "immediately",
];

/// Whether a sentence ends in there.
pub(super) fn has_stop(between: &str) -> bool {
    let bytes = between.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| STOP[usize::from(*byte)] && stops(bytes, at))
}

/// Bytes that may end a sentence.
static STOP: [bool; 256] = {
    let mut stops = [false; 256];
    let mut at = 0;
    while at < STOPS.len() {
        stops[STOPS[at] as usize] = true;
        at += 1;
    }
    stops
};

/// The last three begin the full stops of Chinese and Japanese, of Devanagari, and Arabic's question mark.
const STOPS: [u8; 8] = [b'\n', b'.', b'!', b'?', b';', 0xE3, 0xE0, 0xD8];

fn stops(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'\n' => true,
        b'.' | b'!' | b'?' | b';' => {
            bytes.get(at + 1).is_none_or(|next| matches!(next, b' ' | b'"' | b'\'' | b'\n' | b'<' | b')'))
        }
        _ => ["。", "।", "؟"].iter().any(|stop| bytes[at..].starts_with(stop.as_bytes())),
    }
}

/// How much counts of what is only mentioned: quoted, or within talk about attacks.
fn mention(text: &str, hits: &[Hit], span: Range<usize>, channel: Channel) -> f32 {
    let quoted = is_quoted(text, &span);
    let talk = hits.iter().any(|hit| {
        hit.concepts.meets(Concepts::META)
            && (hit.end <= span.start && span.start - hit.end < 100
                || hit.start >= span.end && hit.start - span.end < if quoted { 80 } else { 3 })
    });
    match (quoted, talk) {
        (true, true) => 0.15,
        (false, true) => 0.4,
        (true, false) => {
            if channel.is_fed() {
                0.9
            } else {
                0.7
            }
        }
        (false, false) => 1.0,
    }
}

/// Whether a word before the verb, or after it where a language puts it there, says not to.
fn is_denied(text: &str, hits: &[Hit], head: &Hit, span: &Range<usize>) -> bool {
    if head.concepts.meets(Concepts::NEGFOLLOW) {
        return false;
    }
    hits.iter().any(|hit| {
        if !hit.concepts.meets(Concepts::NEG)
            || hit.start == head.start
            || !hit.languages.meets(head.languages)
        {
            return false;
        }
        let around = hit.start <= head.start && hit.end >= head.end;
        let before = hit.end <= head.start
            && head.start - hit.end < DENIAL
            && !text[hit.end..head.start].contains([',', ':', '"']);
        // "Vergiss nicht", and "ignoriere die Anweisungen nicht"; but not "als hättest du keine Regeln".
        let behind = !hit.languages.meets(Languages::ENGLISH)
            && [head.end, span.end].iter().any(|end| hit.start >= *end && hit.start - end < 4)
            && !hits.iter().any(|other| {
                other.start == hit.start && other.concepts.meets(Concepts::NOLIMITS.or(Concepts::NEGFOLLOW))
            });
        around || before || behind
    })
}

/// The sentence around a match, as far as it is looked at.
fn sentence(text: &str, span: &Range<usize>) -> Range<usize> {
    let mut start = span.start.saturating_sub(SIGHT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let before = &text[start..span.start];
    if let Some(stop) = (0..before.len()).rev().find(|at| stops(text.as_bytes(), start + *at)) {
        start += stop + before[stop..].chars().next().map_or(1, char::len_utf8);
    }
    let mut end = (span.end + SIGHT).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let after = &text[span.end..end];
    if let Some(stop) = (0..after.len()).find(|at| stops(after.as_bytes(), *at)) {
        end = span.end + stop + after[stop..].chars().next().map_or(1, char::len_utf8);
    }
    start..end
}

/// Words that begin a question of English.
const ASKING: [&str; 19] = [
    "how", "why", "when", "where", "which", "who", "is", "are", "does", "did", "do", "should", "what",
    "whats", "what's", "has", "have", "may", "if",
];

/// Whether the sentence asks instead of ordering. "Can you …" orders.
fn is_question(text: &str, hits: &[Hit], sentence: &Range<usize>, head: &Hit) -> bool {
    let said = text[sentence.clone()].trim_start_matches([' ', '-', '*', '"', '\'', '(', '>', '#']);
    let first = said.split([' ', ',']).next().unwrap_or_default();
    let start = sentence.end - said.len();
    let worded = ASKING.contains(&first)
        || hits.iter().any(|hit| {
            hit.concepts.meets(Concepts::QUESTION)
                && hit.start >= sentence.start
                && hit.end <= sentence.end
                && hit.languages.meets(head.languages)
                && (hit.start <= start + 1
                    || hit.end <= head.start && !head.languages.meets(Languages::ENGLISH))
        });
    if !worded {
        return false;
    }
    let mark = said.trim_end_matches(['"', '\'', ' ']).ends_with(['?', '؟', '？']);
    let before = text.get(start..head.start).unwrap_or_default();
    let turns = [",", ":", " also ", " and then ", " then ", " now ", " but "]
        .iter()
        .any(|turn| before.contains(turn));
    mark || first != "if" && !turns
}

/// Words after which a verb is an order.
const ORDERING: [&str; 36] = [
    "please",
    "now",
    "then",
    "and",
    "just",
    "must",
    "should",
    "will",
    "shall",
    "always",
    "simply",
    "also",
    "kindly",
    "immediately",
    "so",
    "but",
    "or",
    "completely",
    "entirely",
    "totally",
    "fully",
    "instead",
    "hereby",
    "first",
    "here",
    "pls",
    "ok",
    "okay",
    "hey",
    "hi",
    "hello",
    "assistant",
    "immediatly",
    "firstly",
    "can",
    "ahead",
];
/// Words that allow what follows.
const ALLOWING: [&str; 6] = ["free", "okay", "ok", "allowed", "permitted", "fine"];
/// Words of which somebody else asks.
const ASKED: [&str; 9] =
    ["asks", "tells", "asked", "told", "wants", "tries", "says", "instructs", "attempts"];
/// Words after which a verb tells what somebody does.
const TELLING: [&str; 42] = [
    "i",
    "we",
    "they",
    "people",
    "users",
    "who",
    "which",
    "that",
    "could",
    "would",
    "might",
    "did",
    "does",
    "he",
    "she",
    "it",
    "developers",
    "students",
    "may",
    "often",
    "sometimes",
    "drivers",
    "not",
    "cannot",
    "can't",
    "of",
    "the",
    "a",
    "an",
    "in",
    "on",
    "with",
    "for",
    "this",
    "my",
    "git",
    "css",
    "method",
    "function",
    "--",
    "user",
    "usually",
];

/// How much an English verb in its plain form is an order, by the words before it.
fn order(text: &str, sentence: &Range<usize>, head: usize) -> f32 {
    let before = text[sentence.start..head].trim_end();
    let Some(last) = before.chars().next_back() else { return 1.0 };
    if !last.is_alphanumeric() && !matches!(last, '\'' | '`' | '.' | '_' | '/') {
        return 1.0;
    }
    let mut words =
        before.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '-').rev();
    let previous = words.next().unwrap_or_default();
    let earlier: Vec<&str> = words.take(4).collect();
    let told = |word: &&str| matches!(*word, "you" | "u" | "must");
    match previous {
        "" => 1.0,
        "to" if earlier.iter().any(|word| ASKED.contains(word)) && !earlier.contains(&"i") => 0.3,
        "to" if earlier.iter().take(2).any(|word| ALLOWING.contains(word)) => 0.8,
        "to" if earlier.iter().any(told) && !earlier.contains(&"how") => 0.9,
        "to" => 0.35,
        "you"
            if earlier.iter().any(|word| {
                matches!(
                    *word,
                    "that" | "demand" | "want" | "suggest" | "should" | "can" | "could" | "will" | "would"
                )
            }) =>
        {
            0.9
        }
        "you" => 0.5,
        "could" | "would" | "can" | "may" | "might" if earlier.first() == Some(&"you") => 0.7,
        word if ORDERING.contains(&word) => 1.0,
        word if TELLING.contains(&word) => 0.3,
        word if word.ends_with('s') && word.len() > 3 => 0.4,
        _ => 0.75,
    }
}

/// Words of other languages than English that stand before a verb where somebody tells what was done: "has", "who".
const HAVING: [&str; 30] = [
    "ai", "avons", "habe", "he", "ho", "hemos", "hat", "haben", "hatte", "ont", "avait", "ha", "han",
    "habia", "hanno", "heeft", "hebben", "har", "hade", "on", "quien", "quienes", "quem", "wer", "kto",
    "kdo", "кто", "хто", "tko", "chi",
];
/// Endings behind a verb that tell what was done or is done, where a language puts them there.
const ENDINGS: [&str; 12] = [
    "ました",
    "しています",
    "すると",
    "します",
    "した",
    "했는데",
    "했어요",
    "했다",
    "해요",
    "하면 ",
    "了",
    "yor",
];

/// Words of other languages than English that say something is the writer's own.
const MINE: [&str; 42] = [
    "mein",
    "meine",
    "meinen",
    "meiner",
    "mon",
    "ma",
    "mes",
    "je",
    "j'ai",
    "mi",
    "mis",
    "dije",
    "mio",
    "mia",
    "miei",
    "mie",
    "meu",
    "minha",
    "meus",
    "disse",
    "mijn",
    "min",
    "mitt",
    "mina",
    "mine",
    "moj",
    "moja",
    "moje",
    "muj",
    "mou",
    "мой",
    "мое",
    "мою",
    "мои",
    "моето",
    "мій",
    "мого",
    "saya",
    "toi",
    "benim",
    "ich",
    "jag",
];
/// The same where nothing parts words.
const MINE_ANYWHERE: [&str; 6] = ["我的", "我昨天", "私の", "제 메일", "내 메일", "제 메시지"];

/// Whether what a verb is done to is the writer's own: "my last message".
fn is_mine(text: &str, object: Range<usize>) -> bool {
    let end = text.ceil_char_boundary((object.end + 12).min(text.len()));
    let said = &text[object.start..end];
    said.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').any(|word| MINE.contains(&word))
        || MINE_ANYWHERE.iter().any(|mine| said.contains(mine))
}

/// How much a verb of another language than English is an order.
fn told(text: &str, head: &Hit) -> f32 {
    // No word of `HAVING` is longer; some scripts part no words at all.
    let from = text.floor_char_boundary(head.start.saturating_sub(40));
    let before = text[from..head.start].trim_end();
    let last = before.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    let behind = &text[head.end..];
    let ended = ENDINGS.iter().any(|ending| behind.starts_with(ending));
    if ended || HAVING.contains(&last) { 0.3 } else { 1.0 }
}

/// From here on letters are of scripts that part no words.
const BLANKLESS: u32 = 0x2E80;

/// Whether more than a mark or two follows a quotation.
fn goes_on(after: &str, mark: &str) -> bool {
    after
        .split_once(mark)
        .is_some_and(|(_, rest)| rest.chars().filter(|letter| letter.is_alphanumeric()).count() > 3)
}

/// Whether a match stands in quotes that open and close around it.
fn is_quoted(text: &str, span: &Range<usize>) -> bool {
    let mut from = span.start.saturating_sub(80);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let mut to = (span.end + SIGHT).min(text.len());
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    let (before, after) = (&text[from..span.start], &text[span.end..to]);
    ["\"", "'", "`", "「", "『", "„"].into_iter().any(|open| {
        let close = match open {
            "「" => "」",
            "『" => "』",
            "„" => "\"",
            same => same,
        };
        // What is quoted as a whole is said, not mentioned.
        let opened = before.rfind(open).filter(|at| from + at > 0 || goes_on(after, open)).filter(|at| {
            let outside = before[..*at].chars().next_back();
            let inside = &before[at + open.len()..];
            outside.is_none_or(|letter| !letter.is_alphanumeric())
                && !inside.starts_with(' ')
                && !has_stop(inside)
        });
        opened.is_some()
            && after.match_indices(close).any(|(at, _)| {
                after[at + close.len()..]
                    .chars()
                    .next()
                    .is_none_or(|letter| !letter.is_alphanumeric() || u32::from(letter) >= BLANKLESS)
            })
    })
}
