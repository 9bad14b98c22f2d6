//! Rows of checkpoints.

use promptgate_audit::{Checkpoint, Claim};
use promptgate_kernel::{RepositoryError, Signature, Timestamp};
use sqlx::FromRow;

use super::event_hash;

pub(super) const SELECT: &str = "SELECT position, previous, hash, row_count, last_at, closed_at, released_at, \
     signature FROM audit_checkpoints";

#[derive(FromRow)]
pub(super) struct CheckpointRow {
    position: i64,
    previous: i64,
    hash: Vec<u8>,
    row_count: i64,
    last_at: i64,
    closed_at: i64,
    released_at: Option<i64>,
    signature: String,
}

impl TryFrom<CheckpointRow> for Checkpoint {
    type Error = RepositoryError;

    fn try_from(row: CheckpointRow) -> Result<Self, RepositoryError> {
        let claim = Claim {
            position: row.position,
            previous: row.previous,
            hash: event_hash("audit_checkpoints", row.position, &row.hash)?,
            count: row.row_count,
            last_at: Timestamp::from_micros(row.last_at),
            closed_at: Timestamp::from_micros(row.closed_at),
            released_at: row.released_at.map(Timestamp::from_micros),
        };
        Ok(Self { claim, signature: Signature::from_text(row.signature) })
    }
}
