//! A clock that tests set and entropy that repeats.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::{Clock, Entropy, Timestamp};

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows the given milliseconds since the epoch.
    pub const fn at_millis(millis: i64) -> Self {
        Self(AtomicI64::new(millis * 1_000))
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).expect("a test span fits"), Ordering::SeqCst);
    }

    /// Sets the clock back.
    pub fn set_back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_micros()).expect("a test span fits"), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Entropy that repeats: the SplitMix64 sequence of a seed. Never for production.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// A source that starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z =
                self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Entropy whose every draw is greater than the one before: identifiers of one instant sort in the order they
/// were made, in all of a process. Never for production.
#[derive(Debug, Default)]
pub struct RisingEntropy;

/// How many draws there were.
static DRAWS: AtomicU64 = AtomicU64::new(0);

impl Entropy for RisingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let draw = DRAWS.fetch_add(1, Ordering::SeqCst);
        SeededEntropy::new(draw).fill(bytes);
        // The first bits of an identifier give way to its version and variant; these draws leave them zero.
        for (byte, digit) in bytes.iter_mut().zip(draw.to_be_bytes()) {
            *byte = digit;
        }
    }
}
