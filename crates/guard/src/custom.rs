//! Patterns that a customer wrote.

mod delimiters;
mod required;

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use thiserror::Error;

use self::delimiters::Flags;
use crate::finding::{Category, Certainty, Finding};
use crate::text::Text;

/// How large a compiled pattern may be, in bytes.
const SIZE: usize = 1 << 20;

/// Looks for regular expressions, each with a label.
///
/// They are of Rust's `regex`, whose time grows with the text alone: backtracking, and with it
/// look-around and back-references, is refused. The delimiters and flags of PCRE are understood
/// (`/ab+c/i`). A pattern runs only on texts that hold one of the literals that it needs.
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
}

#[derive(Debug, Clone)]
struct Pattern {
    label: String,
    regex: Regex,
    /// Whether it has no literal to wait for.
    always: bool,
}

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
        for (label, pattern) in patterns {
            let label = label.into();
            match compile(pattern.as_ref()) {
                Ok((regex, needed)) => {
                    owners.extend(needed.iter().map(|_| compiled.len()));
                    let always = needed.is_empty();
                    literals.extend(needed);
                    compiled.push(Pattern { label, regex, always });
                }
                Err(reason) => return Err(InvalidPattern { label, reason }),
            }
        }
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&literals);
        match automaton {
            Ok(automaton) => {
                Ok(Self { all: compiled, literals: (!owners.is_empty()).then_some(automaton), owners })
            }
            Err(error) => Err(InvalidPattern { label: String::new(), reason: error.to_string() }),
        }
    }

    /// Adds what the patterns match, pattern by pattern.
    pub fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        let first = findings.len();
        self.within(text.plain(), |pattern, span| findings.push(finding(pattern, text.original_span(span))));
        for layer in text.layers() {
            self.within(layer.plain(), |pattern, span| {
                let Some(span) = layer.original_span(span) else { return };
                let finding = finding(pattern, span);
                if !findings[first..].contains(&finding) {
                    findings.push(finding);
                }
            });
        }
    }

    fn within(&self, plain: &str, mut found: impl FnMut(&Pattern, std::ops::Range<usize>)) {
        let mut runs: Vec<bool> = self.all.iter().map(|pattern| pattern.always).collect();
        if let Some(literals) = &self.literals {
            let mut missing = runs.iter().filter(|runs| !**runs).count();
            for hit in literals.find_overlapping_iter(plain) {
                let owner = &mut runs[self.owners[hit.pattern().as_usize()]];
                missing -= usize::from(!*owner);
                *owner = true;
                if missing == 0 {
                    break;
                }
            }
        }
        for (pattern, _) in self.all.iter().zip(&runs).filter(|(_, runs)| **runs) {
            for hit in pattern.regex.find_iter(plain) {
                found(pattern, hit.range());
            }
        }
    }
}

fn finding(pattern: &Pattern, span: std::ops::Range<usize>) -> Finding {
    let kind = Cow::Owned(pattern.label.clone());
    Finding { category: Category::Pii, kind, span, certainty: Certainty::Likely }
}

/// A compiled pattern, and the literals of which any match holds one, if there are such.
fn compile(written: &str) -> Result<(Regex, Vec<Vec<u8>>), String> {
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
    let regex = RegexBuilder::new(&pattern)
        .case_insensitive(ignore_case)
        .multi_line(multi_line)
        .dot_matches_new_line(dot_all)
        .ignore_whitespace(spaced)
        .swap_greed(lazy)
        .size_limit(SIZE)
        .build()
        .map_err(|error| one_line(&error.to_string()))?;
    Ok((regex, required::literals(&parsed)))
}

/// What went wrong, without the drawing of where.
fn one_line(error: &str) -> String {
    let last = error.lines().next_back().unwrap_or(error).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_lowercase()
}

#[cfg(test)]
mod tests {
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
