//! What the matches of a pattern start with.

use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;

/// How many bytes at the start of a match are told.
pub(super) const LENGTH: usize = 8;

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes([u64; 4]);

impl Bytes {
    const NONE: Self = Self([0; 4]);
    const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// The share of the bytes of ordinary texts that are in it, in thousandths.
    fn share(self) -> u32 {
        let of = |byte: u8| match byte {
            b'a'..=b'z' => 24,
            b' ' => 140,
            b'0'..=b'9' => 20,
            b'A'..=b'Z' => 4,
            b'\n' | b'"' | b',' | b'.' | b':' | b'-' | b'_' | b'/' => 20,
            _ => 1,
        };
        (0..=u8::MAX).filter(|byte| self.has(*byte)).map(of).sum::<u32>().min(1000)
    }
}

/// The bytes of which one stands at each of the first places of every match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Starts([Bytes; LENGTH]);

/// How rare the starts are at least that are worth looking for: one place of so many.
const RARE: f64 = 50.0;

impl Starts {
    /// What the matches of a pattern start with, if that is told from other texts.
    pub(super) fn of(pattern: &Hir, size: usize) -> Option<Self> {
        let config = NFA::config().which_captures(WhichCaptures::None).nfa_size_limit(Some(size));
        let nfa = NFA::compiler().configure(config).build_from_hir(pattern).ok()?;
        let mut starts = Self([Bytes::ALL; LENGTH]);
        let mut states = vec![nfa.start_anchored()];
        for place in &mut starts.0 {
            let Some((bytes, next)) = step(&nfa, states) else { break };
            *place = bytes;
            states = next;
        }
        starts.is_rare().then_some(starts)
    }

    /// The bytes at one of the places.
    pub(super) fn at(&self, place: usize) -> Bytes {
        self.0[place]
    }

    fn is_rare(&self) -> bool {
        self.0.iter().map(|bytes| f64::from(bytes.share()) / 1000.0).product::<f64>() * RARE <= 1.0
    }
}

/// The bytes that lead on from some states, and where to; nothing, if a match may end there.
fn step(nfa: &NFA, states: Vec<StateID>) -> Option<(Bytes, Vec<StateID>)> {
    let (mut bytes, mut next) = (Bytes::NONE, Vec::new());
    let mut seen = vec![false; nfa.states().len()];
    let mut waiting = states;
    while let Some(state) = waiting.pop() {
        if std::mem::replace(&mut seen[state.as_usize()], true) {
            continue;
        }
        let mut lead = |first: u8, last: u8, to: StateID| {
            (first..=last).for_each(|byte| bytes.add(byte));
            next.push(to);
        };
        match nfa.state(state) {
            State::ByteRange { trans } => lead(trans.start, trans.end, trans.next),
            State::Sparse(sparse) => {
                sparse.transitions.iter().for_each(|trans| lead(trans.start, trans.end, trans.next));
            }
            State::Dense(dense) => {
                for byte in 0..=u8::MAX {
                    dense.matches_byte(byte).into_iter().for_each(|to| lead(byte, byte, to));
                }
            }
            // What must stand around a place is not asked: there are more starts then than matches.
            State::Look { next: to, .. } | State::Capture { next: to, .. } => waiting.push(*to),
            State::Union { alternates } => waiting.extend(alternates.iter().copied()),
            State::BinaryUnion { alt1, alt2 } => waiting.extend([*alt1, *alt2]),
            State::Fail => {}
            State::Match { .. } => return None,
        }
    }
    next.sort_unstable();
    next.dedup();
    Some((bytes, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(pattern: &str) -> Option<Starts> {
        Starts::of(&regex_syntax::parse(pattern).expect("pattern is sound"), 1 << 20)
    }

    fn fits(pattern: &str, text: &str) -> bool {
        let starts = starts(pattern).expect("its matches start like nothing else");
        text.bytes().zip(0..LENGTH).all(|(byte, place)| starts.at(place).has(byte))
    }

    #[test]
    fn what_matches_start_with_is_told() {
        assert!(fits(r"\b[A-Z]{2}\d{4}[a-z]{2,9}\b", "AB1234xy"));
        assert!(!fits(r"\b[A-Z]{2}\d{4}[a-z]{2,9}\b", "AB123xxy"));
        assert!(fits(r"(?:[A-Z]\d|\d[A-Z])X\d", "A9X1zzzz") && fits(r"(?:[A-Z]\d|\d[A-Z])X\d", "9AX1zzzz"));
        assert!(fits(r"\d\d-\d?x", "12-x") && fits(r"\d\d-\d?x", "12-3x"));
    }

    #[test]
    fn what_starts_like_any_text_is_not_looked_for() {
        assert_eq!(starts(r"\w+@\d"), None);
        assert_eq!(starts("."), None);
        assert_eq!(starts(r"[a-z]{3,}"), None);
    }
}
