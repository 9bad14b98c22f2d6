//! Looking words up while a text is read, so that it is gone through once.

use std::ops::Range;

use super::Hit;
use super::leet::Oddities;
use super::words::Words;
use crate::injection::eight::{Word, load};
use crate::injection::features::Lookup;

/// A search for the words of a text.
#[derive(Debug)]
pub(in crate::injection) struct Search<'a> {
    pub(super) words: &'a Words,
    /// The words that are not of ASCII, which were found before.
    pub(super) beyond: Vec<Hit>,
    /// How many of them stand among the others.
    pub(super) merged: usize,
    pub(super) hits: Vec<Hit>,
}

impl Search<'_> {
    /// All words.
    fn end(mut self) -> Vec<Hit> {
        self.merge(usize::MAX);
        self.hits
    }

    /// Puts the words that are not of ASCII and begin before a place where they stand, behind others that begin
    /// there.
    #[cold]
    fn merge(&mut self, end: usize) {
        let more = self.beyond[self.merged..].iter().take_while(|hit| hit.start < end);
        let from = more.clone().next().map_or(self.hits.len(), |first| {
            self.hits.iter().rposition(|hit| hit.start < first.start).map_or(0, |last| last + 1)
        });
        self.merged += more.clone().count();
        self.hits.extend(more);
        self.hits[from..].sort_by_key(|hit| hit.start);
    }
}

impl Lookup for Search<'_> {
    #[inline]
    fn word(&mut self, text: &str, at: usize, ahead: u64, word: Word) {
        self.words.at_word(text, at, ahead, word, &mut self.hits);
    }

    #[inline]
    fn sign(&mut self, text: &str, at: usize) {
        self.words.at_sign(text, at, &mut self.hits);
    }

    fn beyond(&mut self, text: &str, range: Range<usize>) -> usize {
        self.words.each(text, range, &mut self.hits, |_, _| {})
    }

    #[inline]
    fn hits(&mut self, end: usize) -> &[Hit] {
        if self.beyond.get(self.merged).is_some_and(|hit| hit.start < end) {
            self.merge(end);
        }
        &self.hits
    }
}

/// A search for the words of a text and for what may be more of them.
#[derive(Debug)]
pub(in crate::injection) struct Survey<'a> {
    pub(super) search: Search<'a>,
    pub(super) odd: Oddities,
}

impl Survey<'_> {
    /// The words of the lexicon, and what may be more of them.
    pub(in crate::injection) fn end(mut self) -> (Vec<Hit>, Oddities) {
        self.odd.finish();
        (self.search.end(), self.odd)
    }
}

impl Lookup for Survey<'_> {
    #[inline]
    fn word(&mut self, text: &str, at: usize, ahead: u64, word: Word) {
        self.search.word(text, at, ahead, word);
        self.odd.word(text.as_bytes(), at, word);
    }

    #[inline]
    fn sign(&mut self, text: &str, at: usize) {
        self.search.sign(text, at);
    }

    fn beyond(&mut self, text: &str, range: Range<usize>) -> usize {
        let odd = &mut self.odd;
        let tell = |at, word| odd.word(text.as_bytes(), at, word);
        self.search.words.each(text, range, &mut self.search.hits, tell)
    }

    #[inline]
    fn hits(&mut self, end: usize) -> &[Hit] {
        self.search.hits(end)
    }
}

/// A search for the words of a text in disguise, read in two ways that part it alike.
#[derive(Debug)]
pub(in crate::injection) struct Unmasking<'a> {
    pub(super) search: Search<'a>,
    pub(super) leet: &'a Words,
    /// The text in the letters of those words, byte for byte.
    pub(super) plain: &'a str,
    pub(super) hits: Vec<Hit>,
}

impl Unmasking<'_> {
    /// The English words of the text in the letters of disguises.
    pub(in crate::injection) fn end(self) -> Vec<Hit> {
        self.hits
    }
}

impl Lookup for Unmasking<'_> {
    #[inline]
    fn word(&mut self, text: &str, at: usize, ahead: u64, word: Word) {
        self.search.word(text, at, ahead, word);
        let ahead = load(&self.plain.as_bytes()[at..]);
        self.leet.at_word(self.plain, at, ahead, word, &mut self.hits);
    }

    #[inline]
    fn sign(&mut self, text: &str, at: usize) {
        self.search.sign(text, at);
        self.leet.at_sign(self.plain, at, &mut self.hits);
    }

    fn beyond(&mut self, text: &str, range: Range<usize>) -> usize {
        self.leet.each(self.plain, range.clone(), &mut self.hits, |_, _| {});
        self.search.beyond(text, range)
    }

    #[inline]
    fn hits(&mut self, end: usize) -> &[Hit] {
        self.search.hits(end)
    }
}
