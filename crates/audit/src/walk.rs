//! Looking at the whole log, part by part.

use promptgate_kernel::{AuditEventId, KeyRing, SealError};

use crate::{Chained, Checkpoint, EventHash};

/// The first thing that is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    /// A row is not what was written.
    #[error("row {position} ({id}) was changed")]
    Changed {
        /// Where.
        position: i64,
        /// Which.
        id: AuditEventId,
    },
    /// A row is missing.
    #[error("row {position} was removed; the next one is row {next} ({id})")]
    Removed {
        /// Where it was.
        position: i64,
        /// Where the next one is.
        next: i64,
        /// The next one.
        id: AuditEventId,
    },
    /// A row stood somewhere else.
    #[error("row {position} ({id}) is not in its place: it was written after another row")]
    Misplaced {
        /// Where it is.
        position: i64,
        /// Which.
        id: AuditEventId,
    },
    /// Rows at the end are missing.
    #[error("row {position} was removed, which was at the end")]
    CutOff {
        /// Where the first of them was.
        position: i64,
    },
    /// The chain is whole, but it is another one than was signed.
    #[error("row {position} ({id}) is not the one that was signed: the log up to it was written anew")]
    Rewritten {
        /// Where the checkpoint is.
        position: i64,
        /// The row that stands there.
        id: AuditEventId,
    },
    /// A checkpoint is not what was signed.
    #[error("the checkpoint at row {position} cannot be trusted: {reason}")]
    Checkpoint {
        /// Where it is.
        position: i64,
        /// Why.
        reason: SealError,
    },
    /// A checkpoint is missing.
    #[error("the checkpoint at row {position} was removed")]
    CheckpointRemoved {
        /// Where it was.
        position: i64,
    },
}

/// A walk along the log: first all checkpoints, then all rows, in order.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// By position.
    checkpoints: Vec<(i64, EventHash)>,
    /// How many checkpoints were passed.
    passed: usize,
    /// Up to which position rows may be missing.
    released: i64,
    last: Option<(i64, EventHash)>,
    rows: u64,
}

impl Walk {
    /// Takes the next checkpoint.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint, keys: &KeyRing) -> Result<(), Altered> {
        let claim = checkpoint.claim;
        checkpoint.verify(keys).map_err(|reason| Altered::Checkpoint { position: claim.position, reason })?;
        let before = self.checkpoints.last().map_or(0, |(position, _)| *position);
        if claim.previous != before {
            return Err(Altered::CheckpointRemoved { position: claim.previous });
        }
        if claim.released_at.is_some() {
            self.released = claim.position;
        }
        self.checkpoints.push((claim.position, claim.hash));
        Ok(())
    }

    /// Takes the next row.
    pub fn row(&mut self, row: &Chained) -> Result<(), Altered> {
        let (position, id) = (row.position, row.event.id);
        let expected = self.last.map_or(1, |(last, _)| last + 1);
        let mut before = self.last.map(|(_, hash)| hash);
        let mut is_known = true;
        if position != expected {
            if position - 1 > self.released {
                return Err(Altered::Removed {
                    position: expected.max(self.released + 1),
                    next: position,
                    id,
                });
            }
            // The rows before were let go. Where a segment ends, its last hash is on record.
            let ended = self.checkpoints.iter().find(|(end, _)| *end == position - 1);
            before = ended.map(|(_, hash)| *hash);
            is_known = ended.is_some();
        }
        if is_known && row.previous != before {
            return Err(Altered::Misplaced { position, id });
        }
        if !row.is_whole() {
            return Err(Altered::Changed { position, id });
        }
        while let Some((end, hash)) = self.checkpoints.get(self.passed).filter(|(end, _)| *end <= position) {
            if *end == position && *hash != row.hash {
                return Err(Altered::Rewritten { position, id });
            }
            self.passed += 1;
        }
        self.last = Some((position, row.hash));
        self.rows += 1;
        Ok(())
    }

    /// Ends at what the store says is the end of the log; says how many rows there were.
    pub fn finish(self, head: Option<(i64, EventHash)>) -> Result<u64, Altered> {
        let (last, hash) = self.last.map_or((0, None), |(last, hash)| (last, Some(hash)));
        let signed = self.checkpoints.last().copied();
        let claimed = head.into_iter().chain(signed).max_by_key(|(position, _)| *position);
        match claimed {
            Some((end, _)) if end > last.max(self.released) => {
                Err(Altered::CutOff { position: last.max(self.released) + 1 })
            }
            // The next row would go after another one than this.
            Some((end, expected)) if end == last && hash.is_some_and(|hash| hash != expected) => {
                Err(Altered::CutOff { position: last })
            }
            _ => Ok(self.rows),
        }
    }

    /// The position of the last row, from which the next part goes on.
    pub fn position(&self) -> i64 {
        self.last.map_or(0, |(position, _)| position)
    }

    /// Position and hash of the last row.
    pub const fn last(&self) -> Option<(i64, EventHash)> {
        self.last
    }

    /// The position that the last checkpoint covers; 0 without one.
    pub fn signed_to(&self) -> i64 {
        self.checkpoints.last().map_or(0, |(position, _)| *position)
    }

    /// How many checkpoints there were.
    pub const fn checkpoints(&self) -> usize {
        self.checkpoints.len()
    }
}

#[cfg(test)]
mod tests;
