//! Words of a list, anywhere in a text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::finding::{Category, Certainty, Finding};
use crate::text::{Text, fold};

/// How many bytes of words the fastest automaton is made of; with more, one that takes less memory.
const FAST: usize = 128 * 1024;

/// Looks for words, in letters of either case, also within longer words.
///
/// All words are looked for at once, so that the cost does not grow with their number.
///
/// ```
/// use promptgate_guard::{Keywords, Text};
///
/// let keywords = Keywords::new(["Straße", "secret"]);
/// let mut found = Vec::new();
/// keywords.find(&Text::read("The SECRETS of Baker STRASSE"), &mut found);
/// assert_eq!(found.iter().map(|one| &*one.kind).collect::<Vec<_>>(), ["secret", "Straße"]);
/// ```
#[derive(Debug, Clone)]
pub struct Keywords {
    words: Vec<String>,
    automaton: AhoCorasick,
}

impl Keywords {
    /// Looks for these words; blank ones do not count.
    pub fn new<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Self {
        let words: Vec<String> = words
            .into_iter()
            .map(|word| word.as_ref().trim().to_owned())
            .filter(|word| !word.is_empty())
            .collect();
        let folded: Vec<String> = words.iter().map(|word| folded(word)).collect();
        let size: usize = folded.iter().map(String::len).sum();
        let kind = if size <= FAST { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(kind))
            .build(&folded)
            .expect("a list of words is far shorter than the two thousand million bytes that are too many");
        Self { words, automaton }
    }

    /// Adds the words that stand in a text, with the word as it stands in the list for their kind. Where
    /// words overlap, the first counts, and of those that begin together the longest.
    pub fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        if self.words.is_empty() {
            return;
        }
        let first = findings.len();
        for (word, span) in self.within(text.plain()) {
            findings.push(self.finding(word, text.original_span(span)));
        }
        // Most texts hold nothing in layers.
        let mut known: Option<HashSet<Finding>> = None;
        for layer in text.layers() {
            for (word, span) in self.within(layer.plain()) {
                let Some(span) = layer.original_span(span) else { continue };
                let finding = self.finding(word, span);
                let known = known.get_or_insert_with(|| findings[first..].iter().cloned().collect());
                if known.insert(finding.clone()) {
                    findings.push(finding);
                }
            }
        }
    }

    /// Of how many parts that spaces divide the longest word is made.
    pub(crate) fn most_parts(&self) -> usize {
        self.words.iter().map(|word| word.split_whitespace().count()).max().unwrap_or(0)
    }

    /// Whether any of the words is in a text that is plain.
    pub(crate) fn are_in(&self, plain: &str) -> bool {
        !self.words.is_empty() && !self.within(plain).is_empty()
    }

    fn within(&self, plain: &str) -> Vec<(usize, Range<usize>)> {
        let found = |text: &str| {
            self.automaton.find_iter(text).map(|hit| (hit.pattern().as_usize(), hit.range())).collect()
        };
        match fold(plain) {
            None => found(plain),
            Some((folded, spans)) => {
                let hits: Vec<(usize, Range<usize>)> = found(&folded);
                hits.into_iter().map(|(word, span)| (word, spans.before(span))).collect()
            }
        }
    }

    fn finding(&self, word: usize, span: Range<usize>) -> Finding {
        let kind = Cow::Owned(self.words[word].clone());
        Finding { category: Category::Keyword, kind, span, certainty: Certainty::Certain }
    }
}

/// A word as it stands in a folded text.
fn folded(word: &str) -> String {
    let text = Text::read(word);
    fold(text.plain()).map_or_else(|| text.plain().to_owned(), |(folded, _)| folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'t>(words: &[&str], text: &'t str) -> Vec<(String, &'t str)> {
        let mut findings = Vec::new();
        Keywords::new(words).find(&Text::read(text), &mut findings);
        findings.into_iter().map(|one| (one.kind.into_owned(), &text[one.span])).collect()
    }

    #[test]
    fn words_are_found_in_either_case_and_within_others() {
        assert_eq!(found(&["bomb"], "BOMBastic"), [("bomb".to_owned(), "BOMB")]);
        assert_eq!(
            found(&["Привет", "größe"], "ПРИВЕТ, GRÖSSE"),
            [("Привет".to_owned(), "ПРИВЕТ"), ("größe".to_owned(), "GRÖSSE")]
        );
        assert_eq!(found(&["ΟΔΟΣ"], "η οδος"), [("ΟΔΟΣ".to_owned(), "οδος")]);
    }

    #[test]
    fn the_longest_of_those_that_begin_together_counts() {
        assert_eq!(found(&["new", "new york"], "in New York"), [("new york".to_owned(), "New York")]);
    }

    #[test]
    fn hidden_words_are_found() {
        assert_eq!(found(&["bomb"], "bo\u{200b}mb"), [("bomb".to_owned(), "bo\u{200b}mb")]);
        assert_eq!(found(&["bomb"], "b-o-m-b"), [("bomb".to_owned(), "b-o-m-b")]);
    }

    #[test]
    fn blank_words_do_not_count() {
        assert_eq!(found(&["", "  "], "anything"), []);
    }

    proptest! {
        #[test]
        fn a_word_is_found_wherever_it_stands(before in "[a-zA-Zé ]{0,12}", word in "[xyzäß]{2,6}", after in "[a-zA-Zé ]{0,12}") {
            let text = format!("{before}{}{after}", word.to_uppercase());
            prop_assert!(!found(&[&word], &text).is_empty());
        }
    }
}
