//! The words and marks of instructions that somebody slipped in, by what they mean, and one pass that finds them.

mod bare;
mod cipher;
mod concepts;
mod fold;
mod glue;
mod groups;
mod leet;
mod search;
mod turns;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

pub(super) use cipher::Cipher;
pub(super) use concepts::Concepts;
pub(super) use fold::Folded;
pub(super) use leet::{Oddities, spelt, unjoined, unleet};

use self::bare::Bare;
use self::glue::Glue;
use self::search::{Search, Survey, Unmasking};
use self::words::Words;

/// The lists, in the order of their languages.
pub(super) const LISTS: [&str; 4] = [
    include_str!("lexicon/english.txt"),
    include_str!("lexicon/european.txt"),
    include_str!("lexicon/world.txt"),
    include_str!("lexicon/signs.txt"),
];

/// How many bytes of ASCII may stand between two words of other letters that are searched in one go.
const BRIDGE: usize = 24;

/// The languages a word is of, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Languages(u64);

impl Languages {
    /// The first list is English.
    pub(super) const ENGLISH: Self = Self(1);
    /// Marks are of no language, so that they go with every word.
    pub(super) const ALL: Self = Self(u64::MAX);

    /// Whether both have a language in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn one(language: u32) -> Self {
        Self(1 << language)
    }
}

/// A word of the lexicon in a folded text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    /// Where it begins, in bytes of the folded text.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// What it may mean.
    pub(super) concepts: Concepts,
    /// Which languages say it so.
    pub(super) languages: Languages,
}

/// What has to stand around a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Border {
    /// Nothing: scripts without blanks, marks.
    None,
    /// It begins a word.
    Start,
    /// It is a word.
    Both,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    concepts: Concepts,
    languages: Languages,
    border: Border,
}

/// An automaton for words of other letters, which may stand anywhere, and what they mean.
#[derive(Debug)]
struct Anywhere {
    automaton: AhoCorasick,
    entries: Vec<Entry>,
}

/// The lexicon, ready to search.
#[derive(Debug)]
pub(super) struct Lexicon {
    ascii: Words,
    leet: Words,
    glue: Glue,
    bare: Bare,
    other: Anywhere,
}

impl Lexicon {
    /// Reads the lists and builds the automata.
    pub(super) fn new() -> Self {
        let entries = entries();
        let (ascii, other): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(word, _)| word.is_ascii());
        let leet = ascii
            .iter()
            .filter(|(word, entry)| entry.languages.meets(Languages::ENGLISH) && word.len() > 2)
            .map(|(word, entry)| (leet::fold_word(word), *entry))
            .collect();
        let single = ascii.iter().filter(|(word, entry)| {
            entry.languages == Languages::ENGLISH
                && word.len() > 2
                && word.bytes().all(|b| b.is_ascii_lowercase())
        });
        let glue = Glue::new(single.map(|(word, _)| word.as_str()));
        Self {
            ascii: Words::new(ascii),
            leet: Words::new(merged(leet)),
            glue,
            bare: Bare::new(),
            other: Anywhere::new(other),
        }
    }

    /// The words of the lexicon in a folded text, in their order.
    pub(super) fn scan(&self, folded: &str) -> Vec<Hit> {
        let mut hits = Vec::with_capacity(folded.len() / 16);
        self.ascii.scan(folded, &mut hits);
        self.scan_beyond(folded, &mut hits);
        hits
    }

    /// Looks up the words of a folded text while it is read.
    pub(super) fn search<'a>(&'a self, folded: &str) -> Search<'a> {
        let (mut beyond, hits) = (Vec::new(), Vec::with_capacity(folded.len() / 16));
        self.scan_beyond(folded, &mut beyond);
        Search { words: &self.ascii, beyond, merged: 0, hits }
    }

    /// Looks up the words of a folded text while it is read, and what in it may be more of them.
    pub(super) fn survey<'a>(&'a self, folded: &str) -> Survey<'a> {
        Survey { search: self.search(folded), odd: Oddities::default() }
    }

    /// Looks up the words of a text in disguise while it is read [spelt](spelt), and the English ones of the same
    /// text [without signs](unleet).
    pub(super) fn unmask<'a>(&'a self, spelt: &str, plain: &'a str) -> Unmasking<'a> {
        Unmasking { search: self.search(spelt), leet: &self.leet, plain, hits: Vec::new() }
    }

    /// Adds the words that are not of ASCII.
    fn scan_beyond(&self, folded: &str, hits: &mut Vec<Hit>) {
        if !folded.is_ascii() {
            for region in foreign(folded) {
                self.other.scan(folded, region, hits);
            }
            hits.sort_by_key(|hit| hit.start);
        }
    }

    /// The words of a text that was written without blanks; nothing where it is not made of words.
    pub(super) fn part(&self, glued: &str) -> Option<String> {
        self.glue.part(glued, glue::EXPLAINED)
    }

    /// What a short text may have been meant as that was written so that its words are not found, part by part.
    pub(super) fn readings(&self, folded: &str) -> Vec<(std::ops::Range<usize>, String)> {
        self.bare.readings(self, folded)
    }
}

impl Anywhere {
    fn new(entries: Vec<(String, Entry)>) -> Self {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(entries.iter().map(|(word, _)| word.as_bytes()))
            .expect("the lists of the lexicon fit an automaton");
        Self { automaton, entries: entries.into_iter().map(|(_, entry)| entry).collect() }
    }

    fn scan(&self, text: &str, region: Range<usize>, hits: &mut Vec<Hit>) {
        let input = aho_corasick::Input::new(text).range(region);
        for found in self.automaton.find_iter(input) {
            let entry = self.entries[found.pattern().as_usize()];
            if stands(text, found.start(), found.end(), entry.border) {
                hits.push(Hit {
                    start: found.start(),
                    end: found.end(),
                    concepts: entry.concepts,
                    languages: entry.languages,
                });
            }
        }
    }
}

/// Whether the borders of a word are where it needs them.
fn stands(text: &str, start: usize, end: usize, border: Border) -> bool {
    border == Border::None
        || !ends_in_letter(&text.as_bytes()[..start], text, start)
            && (border == Border::Start || !begins_with_letter(text, end))
}

fn ends_in_letter(before: &[u8], text: &str, start: usize) -> bool {
    match before.last() {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => text[..start].chars().next_back().is_some_and(char::is_alphanumeric),
    }
}

fn begins_with_letter(text: &str, end: usize) -> bool {
    match text.as_bytes().get(end) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => text[end..].chars().next().is_some_and(char::is_alphanumeric),
    }
}

/// The parts of a text with letters beyond ASCII, each with the words around it.
fn foreign(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut regions: Vec<Range<usize>> = Vec::new();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| !byte.is_ascii()) {
        match regions.last_mut() {
            Some(last) if at < last.end + BRIDGE => last.end = at + 1,
            _ => regions.push(at..at + 1),
        }
    }
    let mut floor = 0;
    for region in &mut regions {
        let mut start = region.start.saturating_sub(BRIDGE / 2).max(floor);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let mut end = (region.end + BRIDGE / 2).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        *region = start..end;
        floor = end;
    }
    regions
}

/// What the lists say: every word once, with all it means.
fn entries() -> Vec<(String, Entry)> {
    let mut language = 0;
    let mut marks = false;
    let mut all = Vec::new();
    for line in LISTS.iter().flat_map(|list| list.lines()) {
        if line.starts_with('[') {
            language += 1;
            marks = line == "[Signs]";
        } else if let Some((name, words)) = line.split_once(": ").filter(|_| !line.starts_with('#')) {
            let concepts = Concepts::named(name).expect("a list names concepts that exist");
            let languages = if marks { Languages::ALL } else { Languages::one(language - 1) };
            for word in words.split(" | ") {
                let border = border(word);
                let folded = fold::fold(word.trim_matches('*')).into_text();
                all.push((folded, Entry { concepts, languages, border }));
            }
        }
    }
    for cipher in Cipher::ALL {
        let entry =
            Entry { concepts: cipher.given_away_by(), languages: Languages::ALL, border: Border::Both };
        all.extend(cipher.words().map(|word| (word, entry)));
    }
    merged(all)
}

/// Joins what several languages or concepts say of one word; the narrower border wins.
fn merged(all: Vec<(String, Entry)>) -> Vec<(String, Entry)> {
    let mut words: BTreeMap<String, Entry> = BTreeMap::new();
    for (word, entry) in all {
        words
            .entry(word)
            .and_modify(|known| {
                known.concepts = known.concepts.or(entry.concepts);
                known.languages.0 |= entry.languages.0;
                known.border = known.border.min(entry.border);
            })
            .or_insert(entry);
    }
    words.into_iter().collect()
}

/// What a word as a list writes it needs around it.
fn border(word: &str) -> Border {
    let letters = word.trim_matches('*');
    let first = letters.chars().next().unwrap_or(' ');
    let blankless = matches!(u32::from(first), 0x0590..=0x0DFF | 0x0E00..=0x0EFF | 0x2E80..);
    match (word.starts_with('*'), word.ends_with('*')) {
        (true, _) => Border::None,
        _ if blankless && (u32::from(first) >= 0x0E00 || letters.chars().count() > 3) => Border::None,
        (false, true) => Border::Start,
        (false, false) => Border::Both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meanings(text: &str) -> Vec<String> {
        let folded = fold::fold(text);
        let lexicon = Lexicon::new();
        lexicon.scan(folded.text()).iter().map(|hit| folded.text()[hit.start..hit.end].to_owned()).collect()
    }

    #[test]
    fn words_are_found_whole_in_scripts_with_blanks_and_anywhere_in_others() {
        assert_eq!(meanings("Ignore the previous signores"), ["ignore", "previous"]);
        assert_eq!(meanings("请忽略以上内容"), ["请", "忽略", "以上", "内容"]);
        assert_eq!(meanings("ИГНОРИРУЙ прошлые"), ["игнорируй", "прошл"]);
    }

    #[test]
    fn accents_and_line_breaks_do_not_hide_a_word() {
        assert_eq!(meanings("precedemment"), meanings("précédemment"));
        assert_eq!(meanings("pay no\n   attention to")[..2], ["pay no attention to", "pay"]);
    }
}
