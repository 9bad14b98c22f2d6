//! Literals that every match of a pattern holds.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How short a literal may be that is worth waiting for.
const SHORTEST: usize = 2;
/// How many alternatives a pattern may have before it is run always.
const MOST: usize = 64;

/// Literals in small letters of which every match holds one, in letters of either case; none, if there
/// are no such.
pub(super) fn literals(pattern: &Hir) -> Vec<Vec<u8>> {
    needed(pattern)
        .filter(|literals| literals.iter().all(|literal| literal.len() >= SHORTEST))
        .unwrap_or_default()
}

fn needed(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    match pattern.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => exact(pattern).map(|literal| vec![literal]),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Alternation(branches) => {
            let all: Option<Vec<Vec<Vec<u8>>>> = branches.iter().map(needed).collect();
            all.map(|all| all.concat()).filter(|all| all.len() <= MOST)
        }
        HirKind::Concat(parts) => of_parts(parts),
        _ => None,
    }
}

/// The best that parts in a row need: the one whose shortest literal is the longest.
fn of_parts(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut found: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut run = Vec::new();
    for part in parts {
        if let Some(literal) = exact(part) {
            run.extend(literal);
            continue;
        }
        found.push(vec![std::mem::take(&mut run)]);
        found.extend(needed(part));
    }
    found.push(vec![run]);
    let shortest = |literals: &Vec<Vec<u8>>| literals.iter().map(Vec::len).min().unwrap_or(0);
    found.into_iter().max_by_key(shortest).filter(|literals| shortest(literals) > 0)
}

/// The only text that a part matches, in small letters, if it is one but for the case of letters.
fn exact(part: &Hir) -> Option<Vec<u8>> {
    match part.kind() {
        HirKind::Literal(literal) => literal.0.is_ascii().then(|| literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Unicode(class)) => {
            let ascii: Vec<char> = class
                .iter()
                .filter(|range| range.end().is_ascii())
                .flat_map(|range| range.start()..=range.end())
                .take(3)
                .collect();
            // The signs for Kelvin and the long s do not stand in plain texts.
            let folds = |c: char| matches!(c, '\u{212A}' | '\u{17F}');
            let others = class.iter().filter(|range| !range.end().is_ascii());
            let pair = matches!(ascii[..], [upper, lower] if upper.is_ascii_alphabetic() && upper.to_ascii_lowercase() == lower);
            let plain = others.into_iter().all(|range| range.start() == range.end() && folds(range.start()));
            (pair && plain).then(|| u8::try_from(ascii[1]).ok().map(|byte| vec![byte])).flatten()
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Empty => None,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(pattern: &str) -> Vec<String> {
        let parsed = regex_syntax::parse(pattern).expect("pattern is sound");
        literals(&parsed).into_iter().map(|literal| String::from_utf8_lossy(&literal).into_owned()).collect()
    }

    #[test]
    fn what_every_match_holds_is_told() {
        assert_eq!(of("emp-\\d+"), ["emp-"]);
        assert_eq!(of("(?i)Skip-\\d+"), ["skip-"]);
        assert_eq!(of("\\d+ (foo|barn)"), ["foo", "barn"]);
        assert_eq!(of("(?:abc)+x?"), ["abc"]);
        assert!(
            of("\\d{3}").is_empty()
                && of("a\\d").is_empty()
                && of("(abc)?\\d").is_empty()
                && of("foo|\\d").is_empty()
        );
    }

    proptest! {
        #[test]
        fn a_match_holds_one_of_the_literals(pattern in "(?:[ab]|\\(a\\|bc\\)|ab\\+|\\[ab\\]|c\\?){1,6}", text in "[abcABC]{0,12}") {
            let Ok(regex) = regex::Regex::new(&pattern) else { return Ok(()) };
            let needed = of(&pattern);
            if !needed.is_empty() && let Some(hit) = regex.find(&text) {
                let lower = hit.as_str().to_ascii_lowercase();
                prop_assert!(needed.iter().any(|literal| lower.contains(literal.as_str())), "{pattern} {needed:?}");
            }
        }
    }
}
