//! Checkpoints: what was signed about the log, so that it cannot be written anew as a whole.

use promptgate_kernel::{KeyRing, SealError, Signature, Timestamp};

use crate::EventHash;

const KIND: &str = "audit checkpoint";

/// What closes a segment of the log, signed: the rows after the checkpoint before it, up to its own
/// position.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What it says.
    pub claim: Claim,
    /// That it was this installation that said so.
    pub signature: Signature,
}

/// What a checkpoint says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// The position of the last row of the segment.
    pub position: i64,
    /// The position of the checkpoint before; 0 for the first.
    pub previous: i64,
    /// The hash of the last row.
    pub hash: EventHash,
    /// How many rows the segment had.
    pub count: i64,
    /// When the last row was written.
    pub last_at: Timestamp,
    /// When the segment was closed.
    pub closed_at: Timestamp,
    /// Since when its rows may be gone.
    pub released_at: Option<Timestamp>,
}

impl Checkpoint {
    /// Signs a claim under the key of the installation.
    pub fn sign(claim: Claim, keys: &KeyRing) -> Self {
        Self { claim, signature: keys.sign(&claim.message(), KIND) }
    }

    /// Whether this installation said so.
    pub fn verify(&self, keys: &KeyRing) -> Result<(), SealError> {
        keys.verify(&self.signature, &self.claim.message(), KIND)
    }

    /// The same checkpoint, which lets the rows go from now on.
    #[must_use]
    pub fn released(&self, at: Timestamp, keys: &KeyRing) -> Self {
        Self::sign(Claim { released_at: Some(at), ..self.claim }, keys)
    }
}

impl Claim {
    /// Every field in a width of its own.
    fn message(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(96);
        for number in [
            self.position,
            self.previous,
            self.count,
            self.last_at.as_micros(),
            self.closed_at.as_micros(),
            i64::from(self.released_at.is_some()),
            self.released_at.map_or(0, Timestamp::as_micros),
        ] {
            message.extend(number.to_be_bytes());
        }
        message.extend(self.hash.as_bytes());
        message
    }
}
