//! Nobody may lock everybody out.

use promptgate_kernel::Timestamp;

use super::Account;

/// The change would leave nobody who can run the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is the last administrator; make somebody else an administrator first")]
pub struct LastAdministrator;

/// Refuses a change from `before` to `after` that takes the last administrator away, or lets its
/// access end later. `others` is how many other accounts count as administrators now.
pub fn keep_an_administrator(
    before: &Account,
    after: &Account,
    others: u64,
    now: Timestamp,
) -> Result<(), LastAdministrator> {
    let lasts = after.expires_at.is_none() || after.expires_at == before.expires_at;
    let stays = after.counts_as_administrator(now) && lasts;
    if others == 0 && before.counts_as_administrator(now) && !stays { Err(LastAdministrator) } else { Ok(()) }
}
