//! Runs of the bytes that tokens are made of, found without looking at every byte.

use super::class::{Class, RUN};

/// How long a run is at least: what is shorter holds no secret that its form or its key would give away.
pub(super) const SHORTEST: usize = 12;

/// A run of token bytes that no other token byte stands next to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What it is made of.
    pub(super) class: Class,
}

/// The runs of a text, in order. A run of `SHORTEST` bytes covers one of every `SHORTEST` places, so that
/// most words of a text are stepped over after one look.
#[derive(Debug, Clone)]
pub(super) struct Runs<'t> {
    bytes: &'t [u8],
    from: usize,
}

impl<'t> Runs<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Self { bytes, from: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        let bytes = self.bytes;
        let mut probe = self.from + SHORTEST - 1;
        while probe < bytes.len() {
            if !RUN.has(bytes[probe]) {
                self.from = probe + 1;
                probe += SHORTEST;
                continue;
            }
            let start = RUN.start(bytes, probe, self.from);
            let least = start + SHORTEST;
            if least > bytes.len() {
                break;
            }
            // The last gap tells most about where the next run may start.
            if let Some(gap) = (probe + 1..least).rev().find(|at| !RUN.has(bytes[*at])) {
                self.from = gap + 1;
                probe = gap + SHORTEST;
                continue;
            }
            let end = RUN.end(bytes, least, usize::MAX);
            self.from = end + 1;
            return Some(Run { start, end, class: Class::of_all(&bytes[start..end]) });
        }
        self.from = bytes.len();
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_runs_are_those_of_a_naive_search(text in "[a-z0-9/ =\"é]{0,120}|[a-c ]{0,80}") {
            let bytes = text.as_bytes();
            let mut naive = Vec::new();
            let mut at = 0;
            while at < bytes.len() {
                let end = RUN.end(bytes, at, usize::MAX);
                if end - at >= SHORTEST {
                    naive.push((at, end));
                }
                at = end + 1;
            }
            prop_assert_eq!(Runs::new(bytes).map(|run| (run.start, run.end)).collect::<Vec<_>>(), naive);
        }
    }
}
