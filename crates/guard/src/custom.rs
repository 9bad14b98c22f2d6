//! Patterns that a customer wrote.

mod candidates;
mod delimiters;
mod required;
mod starts;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex_automata::meta::{Config, Regex};
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;
use thiserror::Error;

use self::candidates::{Candidates, Found};
use self::delimiters::Flags;
use self::starts::Starts;
use crate::finding::{Category, Certainty, Finding};
use crate::text::Text;

/// How large a compiled pattern may be, in bytes.
const SIZE: usize = 1 << 20;

/// Looks for regular expressions, each with a label.
///
/// They are of Rust's `regex`, whose time grows with the text alone: backtracking, and with it
/// look-around and back-references, is refused. The delimiters and flags of PCRE are understood
/// (`/ab+c/i`). A pattern runs only on texts that hold one of the literals that it needs, and one
/// without such literals only from places where a match may start by its first bytes: those of all
/// patterns are looked for in one pass.
///
/// ```
/// use promptgate_guard::{Patterns, Text};
///
/// let patterns = Patterns::new([("Employee", "/emp-\\d{4}/i")])?;
/// let mut found = Vec::new();
/// patterns.find(&Text::read("ask EMP-1234"), &mut found);
/// assert_eq!((&*found[0].kind, found[0].span.clone()), ("Employee", 4..12));
/// # Ok::<(), promptgate_guard::InvalidPattern>(())
/// ```
#[derive(Debug, Clone)]
pub struct Patterns {
    all: Vec<Pattern>,
    /// Finds the literals of all patterns at once.
    literals: Option<AhoCorasick>,
    /// The pattern of each literal.
    owners: Vec<usize>,
    /// Finds the places where those may start that have none.
    candidates: Option<Candidates>,
}

#[derive(Debug, Clone)]
struct Pattern {
    label: String,
    regex: Regex,
    /// How long a match is at most, if that is known and short.
    longest: Option<usize>,
    runs: Runs,
}

/// Where a pattern runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// Over texts that hold one of its literals.
    WithLiteral,
    /// From the places where matches of a kind may start.
    From(usize),
    /// Over every text.
    Always,
}

/// How long matches are at most that are looked for place by place.
const SHORT: usize = 256;

/// A pattern that cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot use pattern `{label}`: {reason}")]
pub struct InvalidPattern {
    /// Its label.
    pub label: String,
    /// Why not.
    pub reason: String,
}

impl Patterns {
    /// Compiles patterns, given with their labels.
    pub fn new<L: Into<String>, P: AsRef<str>>(
        patterns: impl IntoIterator<Item = (L, P)>,
    ) -> Result<Self, InvalidPattern> {
        let mut compiled = Vec::new();
        let mut literals: Vec<Vec<u8>> = Vec::new();
        let mut owners = Vec::new();
        let mut starts = Vec::new();
        for (label, pattern) in patterns {
            let label = label.into();
            match compile(pattern.as_ref()) {
                Ok(Compiled { regex, longest, needed, starts: its }) => {
                    owners.extend(needed.iter().map(|_| compiled.len()));
                    let runs = if needed.is_empty() { Runs::Always } else { Runs::WithLiteral };
                    starts.extend(its.map(|its| (compiled.len(), its)));
                    literals.extend(needed);
                    compiled.push(Pattern { label, regex, longest, runs });
                }
                Err(reason) => return Err(InvalidPattern { label, reason }),
            }
        }
        let (without, starts): (Vec<usize>, Vec<Starts>) = starts.into_iter().unzip();
        let (candidates, kinds) = Candidates::new(&starts);
        for (pattern, kind) in without.iter().zip(kinds) {
            compiled[*pattern].runs = Runs::From(kind);
        }
        let candidates = (!without.is_empty()).then_some(candidates);
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&literals);
        match automaton {
            Ok(automaton) => {
                let literals = (!owners.is_empty()).then_some(automaton);
                Ok(Self { all: compiled, literals, owners, candidates })
            }
            Err(error) => Err(InvalidPattern { label: String::new(), reason: error.to_string() }),
        }
    }

    /// Adds what the patterns match, pattern by pattern.
    pub fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        let first = findings.len();
        self.within(text.plain(), |pattern, span| findings.push(finding(pattern, text.original_span(span))));
        // Most texts hold nothing in layers.
        let mut known: Option<HashSet<Finding>> = None;
        for layer in text.layers() {
            self.within(layer.plain(), |pattern, span| {
                let Some(span) = layer.original_span(span) else { return };
                let finding = finding(pattern, span);
                let known = known.get_or_insert_with(|| findings[first..].iter().cloned().collect());
                if known.insert(finding.clone()) {
                    findings.push(finding);
                }
            });
        }
    }

    fn within(&self, plain: &str, mut found: impl FnMut(&Pattern, Range<usize>)) {
        let holds = self.literals_in(plain);
        let candidates = self.candidates.as_ref().map(|all| all.within(plain.as_bytes())).unwrap_or_default();
        for (pattern, holds) in self.all.iter().zip(holds) {
            match pattern.runs {
                Runs::Always => pattern.run(plain, 0, &mut found),
                Runs::WithLiteral if holds => pattern.run(plain, 0, &mut found),
                Runs::WithLiteral => {}
                Runs::From(kind) => pattern.run_from(plain, &candidates[kind], &mut found),
            }
        }
    }

    /// Of which patterns a literal stands in a text.
    fn literals_in(&self, plain: &str) -> Vec<bool> {
        let mut holds = vec![false; self.all.len()];
        let Some(literals) = &self.literals else { return holds };
        let mut missing = self.all.iter().filter(|pattern| pattern.runs == Runs::WithLiteral).count();
        for hit in literals.find_overlapping_iter(plain) {
            let owner = &mut holds[self.owners[hit.pattern().as_usize()]];
            missing -= usize::from(!*owner);
            *owner = true;
            if missing == 0 {
                break;
            }
        }
        holds
    }
}

impl Pattern {
    /// Tells of every match in a text from a place on.
    fn run(&self, plain: &str, from: usize, found: &mut impl FnMut(&Self, Range<usize>)) {
        for hit in self.regex.find_iter(Input::new(plain).range(from..)) {
            found(self, hit.range());
        }
    }

    /// Tells of every match in a text, of which each starts at one of these places.
    fn run_from(&self, plain: &str, places: &Found, found: &mut impl FnMut(&Self, Range<usize>)) {
        let Some(first) = places.places.first() else { return };
        let Some(longest) = self.longest else { return self.run(plain, *first, found) };
        // What is tried in vain may cost as much as running over the whole text would.
        let mut credit = plain.len();
        let mut from = 0;
        for place in &places.places {
            if *place < from {
                continue;
            }
            let end = plain.len().min(place + longest);
            let input = Input::new(plain).range(*place..end).anchored(Anchored::Yes);
            match self.regex.search(&input) {
                Some(hit) => {
                    from = hit.end();
                    found(self, hit.range());
                }
                None if credit < longest => return self.run(plain, *place, found),
                None => credit -= longest,
            }
        }
        if places.more
            && let Some(last) = places.places.last()
        {
            self.run(plain, from.max(last + 1), found);
        }
    }
}

fn finding(pattern: &Pattern, span: Range<usize>) -> Finding {
    let kind = Cow::Owned(pattern.label.clone());
    Finding { category: Category::Pii, kind, span, certainty: Certainty::Likely }
}

/// A compiled pattern, and what is known of its matches.
struct Compiled {
    regex: Regex,
    longest: Option<usize>,
    /// The literals of which any match holds one, if there are such.
    needed: Vec<Vec<u8>>,
    /// What matches start with, if there are none and it tells them.
    starts: Option<Starts>,
}

fn compile(written: &str) -> Result<Compiled, String> {
    let (pattern, flags) = delimiters::read(written)?;
    let Flags { ignore_case, multi_line, dot_all, spaced, lazy } = flags;
    let parsed = ParserBuilder::new()
        .case_insensitive(ignore_case)
        .multi_line(multi_line)
        .dot_matches_new_line(dot_all)
        .ignore_whitespace(spaced)
        .swap_greed(lazy)
        .build()
        .parse(&pattern)
        .map_err(|error| one_line(&error.to_string()))?;
    if parsed.properties().minimum_len() == Some(0) {
        return Err("it matches the empty text".to_owned());
    }
    let regex = Regex::builder()
        .configure(Config::new().nfa_size_limit(Some(SIZE)))
        .build_from_hir(&parsed)
        .map_err(|error| match error.size_limit() {
            Some(limit) => format!("compiled regex exceeds size limit of {limit} bytes"),
            None => one_line(&error.to_string()),
        })?;
    let needed = required::literals(&parsed);
    let starts = if needed.is_empty() { Starts::of(&parsed, SIZE) } else { None };
    let longest = parsed.properties().maximum_len().filter(|longest| *longest <= SHORT);
    Ok(Compiled { regex, longest, needed, starts })
}

/// What went wrong, without the drawing of where.
fn one_line(error: &str) -> String {
    let last = error.lines().next_back().unwrap_or(error).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(patterns: &[(&str, &str)], text: &str) -> Vec<(String, String)> {
        let mut findings = Vec::new();
        Patterns::new(patterns.iter().copied())
            .expect("patterns are valid")
            .find(&Text::read(text), &mut findings);
        findings.into_iter().map(|one| (one.kind.into_owned(), text[one.span].to_owned())).collect()
    }

    fn refused(pattern: &str) -> String {
        Patterns::new([("x", pattern)]).expect_err("pattern is refused").reason
    }

    #[test]
    fn patterns_match_with_and_without_their_literals() {
        let all = [("case", "/case-\\d+/i"), ("number", "\\d{3}"), ("either", "foo|bar")];
        assert_eq!(found(&all, "CASE-12 of 345: bar").len(), 3);
        assert_eq!(found(&all, "nothing"), []);
    }

    /// Patterns of nothing but classes, and what `regex` alone finds.
    fn alone(patterns: &[String], text: &str) -> Vec<(String, Range<usize>)> {
        let hits = |pattern: &String| {
            let regex = regex::Regex::new(pattern).expect("pattern is sound");
            regex.find_iter(text).map(|hit| (pattern.clone(), hit.range())).collect::<Vec<_>>()
        };
        patterns.iter().flat_map(hits).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn patterns_without_literals_match_what_they_match_alone(
            patterns in prop::collection::vec(
                "(\\\\b|\\^|)(\\[ab\\]|\\[0-9\\]|\\\\d|\\[AB\\]|\\[A-Z\\]|é|\\\\w){2,4}(\\{2\\}|\\+|\\{1,3\\}|\\+\\?|)(x|\\\\d|\\[\\.\\])(\\\\b|\\$|)",
                1..5),
            text in "([ab01AB .é\n]|1{3}|AB){0,60}",
        ) {
            let all: Vec<(String, String)> = patterns.iter().map(|one| (one.clone(), one.clone())).collect();
            let mut found = Vec::new();
            let compiled = Patterns::new(all).expect("patterns are sound");
            compiled.within(&text, |pattern, span| found.push((pattern.label.clone(), span)));
            prop_assert_eq!(found, alone(&patterns, &text));
        }
    }

    #[test]
    fn what_starts_everywhere_is_found_everywhere() {
        let patterns = [r"\d{4}[a-z]{2}\b".to_owned(), r"\b[0-9]{3}-?[0-9]+x".to_owned()];
        for text in ["1234ab ".repeat(300), "1".repeat(3000) + "ab 12345x", "9999 ".repeat(500) + "123-45x"] {
            let all = patterns.iter().map(|one| (one.clone(), one.clone()));
            let mut found = Vec::new();
            let compiled = Patterns::new(all).expect("patterns are sound");
            compiled.within(&text, |pattern, span| found.push((pattern.label.clone(), span)));
            assert_eq!(found, alone(&patterns, &text));
        }
    }

    #[test]
    fn what_is_hidden_matches_too() {
        assert_eq!(
            found(&[("x", "case-\\d+")], "ca\u{200b}se%2D12"),
            [("x".to_owned(), "ca\u{200b}se%2D12".to_owned())]
        );
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_a_reason() {
        assert_eq!(refused("a*"), "it matches the empty text");
        assert_eq!(refused("\\b"), "it matches the empty text");
        assert!(refused("(?=x)y").contains("look-around"));
        assert!(refused("(a)\\1").contains("backreferences"));
        assert!(refused("(").contains("unclosed group"));
        assert!(refused("\\w{500}{500}").contains("size limit"));
        assert!(refused("/a/q").contains("flag `q`"));
    }
}
