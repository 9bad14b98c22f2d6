//! Runs of the bytes that tokens are made of, found in many bytes at once.

use super::class::{Class, RUN};
use crate::bits;

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

/// The runs of a text, in order.
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
        while self.from + SHORTEST <= self.bytes.len() {
            let block = bits::block(self.bytes, self.from);
            let twelve = twelve(bits::of(&block, is_of_run)) & ((1 << WHOLE) - 1);
            if twelve == 0 {
                self.from += WHOLE;
                continue;
            }
            let start = self.from + twelve.trailing_zeros() as usize;
            let (end, class) = RUN.run(self.bytes, start);
            self.from = end + 1;
            return Some(Run { start, end, class });
        }
        None
    }
}

/// So many places of a block have as many bytes from there on as a run has at least.
const WHOLE: usize = bits::BLOCK - (SHORTEST - 1);

/// From which places on twelve bits are set.
fn twelve(bits: u64) -> u64 {
    let two = bits & bits >> 1;
    let four = two & two >> 2;
    four & four >> 4 & four >> 8
}

/// Whether a run is made of such bytes: those of `RUN`.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler can look at many bytes at once"
)]
fn is_of_run(byte: u8) -> bool {
    // The dash, the dot, the slash and the digits stand in one row.
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        | (byte.wrapping_sub(b'-') < 13)
        | (byte == b'+')
        | (byte == b'_')
        | (byte == b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_are_made_of_the_bytes_of_their_class() {
        assert!((0..=u8::MAX).all(|byte| is_of_run(byte) == RUN.has(byte)));
        assert_eq!(SHORTEST, 12, "as many bits are looked for");
    }

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
