//! Sealing again.

use std::fmt;

use promptgate_audit::Checkpoint;
use promptgate_auth::{AccountFilter, AccountKind, AccountSort, Actor, Forbidden, Permission, Renewal};
use promptgate_kernel::{
    AccountId, CredentialId, McpServerId, PageRequest, RepositoryError, SealError, SortDirection,
};
use promptgate_mcp::{McpServerFilter, McpServerSort};
use promptgate_store::{Access, UnitOfWork};
use tracing::instrument;

use crate::Control;
use crate::journal::Entry;

/// How much is done in one transaction, so that writers never wait long.
const BATCH: usize = 50;
/// How often something that others change meanwhile is tried.
const TRIES: usize = 5;
/// How many checkpoints are read at once.
const PART: u32 = 500;

/// Why not everything was sealed again.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed; what was done is done, and doing it again is safe.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

/// Something that is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Credential(CredentialId),
    McpServer(McpServerId),
    Account(AccountId),
}

/// A value that cannot be opened. It stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub id: String,
    /// Why.
    pub reason: SealError,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.table, self.id, self.reason)
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many rows are under the newest key now and were not before.
    pub moved: u64,
    /// How many were under it already.
    pub current: u64,
    /// How many others changed again and again; the next run takes them.
    pub busy: u64,
    /// How many checkpoints of the audit log were signed again.
    pub signed: u64,
    /// What cannot be opened.
    pub unreadable: Vec<Unreadable>,
}

enum Outcome {
    Moved,
    Current,
    Changed,
    Gone,
}

/// Seals every credential, secret header of an MCP server and second factor again under the newest key,
/// what sessions ask their identity providers with too, and signs the checkpoints of the audit log again.
/// Each row is written only if it is still as it was read. What lives for a day or less, such as answers
/// that are kept for repeated calls, is left to end.
#[instrument(name = "control.secrets.reseal", skip_all)]
pub async fn reseal(control: &Control, actor: Actor) -> Result<Resealed, ResealError> {
    actor.require(Permission::ManageSettings)?;
    let mut done = Resealed::default();
    let holders = holders(control).await?;
    for batch in holders.chunks(BATCH) {
        let mut left = batch.to_vec();
        for _ in 0..TRIES {
            left = move_batch(control, &left, &mut done).await?;
            if left.is_empty() {
                break;
            }
        }
        done.busy += left.len() as u64;
    }
    move_tickets(control, &mut done).await?;
    sign_again(control, &mut done).await?;
    if done.moved + done.signed > 0 || !done.unreadable.is_empty() {
        let mut work = control.store.begin(Access::Write).await?;
        let entry = Entry::of_secrets("secrets.resealed")
            .detail("moved", done.moved.to_string())
            .detail("signed", done.signed.to_string())
            .detail("unreadable", done.unreadable.len().to_string());
        control.audit(&mut *work, actor, entry, control.clock.now()).await?;
        work.commit().await?;
    }
    Ok(done)
}

/// Everything that may have something sealed. What is made while this runs is under the newest key.
async fn holders(control: &Control) -> Result<Vec<Holder>, RepositoryError> {
    let mut work = control.store.begin(Access::Read).await?;
    let credentials = work.providers().all_credentials().await?;
    let mut holders: Vec<Holder> = credentials.iter().map(|it| Holder::Credential(it.id)).collect();
    let by_age = McpServerFilter { sort: McpServerSort::CreatedAt, direction: SortDirection::Ascending };
    for number in 1.. {
        let page = work.mcp_servers().list(&by_age, PageRequest::clamped(number, 100)).await?;
        if page.items.is_empty() {
            break;
        }
        holders.extend(page.items.iter().map(|server| Holder::McpServer(server.id)));
    }
    let people = AccountFilter {
        kind: AccountKind::Person,
        search: None,
        role: None,
        active: None,
        sort: AccountSort::CreatedAt,
        direction: SortDirection::Ascending,
    };
    for number in 1.. {
        let page = work.accounts().list(&people, PageRequest::clamped(number, 100)).await?;
        if page.items.is_empty() {
            break;
        }
        let with_factor = page.items.iter().filter(|listed| listed.account.totp.is_some());
        holders.extend(with_factor.map(|listed| Holder::Account(listed.account.id)));
    }
    Ok(holders)
}

/// Moves some in one transaction; gives back those that somebody else changed meanwhile.
async fn move_batch(
    control: &Control,
    batch: &[Holder],
    done: &mut Resealed,
) -> Result<Vec<Holder>, RepositoryError> {
    let mut tally = Resealed::default();
    let mut again = Vec::new();
    let mut work = control.store.begin(Access::Write).await?;
    for holder in batch {
        match holder.reseal(control, &mut *work).await? {
            Ok(Outcome::Moved) => tally.moved += 1,
            Ok(Outcome::Current) => tally.current += 1,
            Ok(Outcome::Changed) => again.push(*holder),
            Ok(Outcome::Gone) => {}
            Err(reason) => tally.unreadable.push(holder.unreadable(reason)),
        }
    }
    work.commit().await?;
    done.moved += tally.moved;
    done.current += tally.current;
    done.unreadable.extend(tally.unreadable);
    Ok(again)
}

impl Holder {
    async fn reseal(
        self,
        control: &Control,
        work: &mut dyn UnitOfWork,
    ) -> Result<Result<Outcome, SealError>, RepositoryError> {
        let (keys, entropy) = (&control.keys, &*control.entropy);
        let saved = match self {
            Self::Credential(id) => {
                let Some(found) = work.credentials().find(id).await? else { return Ok(Ok(Outcome::Gone)) };
                match found.reseal(keys, entropy) {
                    Ok(Some(moved)) => work.credentials().save(&moved).await?,
                    Ok(None) => return Ok(Ok(Outcome::Current)),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            Self::McpServer(id) => {
                let Some(found) = work.mcp_servers().find(id).await? else { return Ok(Ok(Outcome::Gone)) };
                match found.reseal(keys, entropy) {
                    Ok(Some(moved)) => work.mcp_servers().save(&moved).await?,
                    Ok(None) => return Ok(Ok(Outcome::Current)),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
            Self::Account(id) => {
                let Some(found) = work.accounts().find(id).await? else { return Ok(Ok(Outcome::Gone)) };
                match found.reseal(keys, entropy) {
                    Ok(Some(moved)) => work.accounts().save(&moved).await?,
                    Ok(None) => return Ok(Ok(Outcome::Current)),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
        };
        Ok(Ok(if saved { Outcome::Moved } else { Outcome::Changed }))
    }

    fn unreadable(self, reason: SealError) -> Unreadable {
        let (table, id) = match self {
            Self::Credential(id) => ("credentials", id.to_string()),
            Self::McpServer(id) => ("mcp_servers", id.to_string()),
            Self::Account(id) => ("accounts", id.to_string()),
        };
        Unreadable { table, id, reason }
    }
}

/// Moves what sessions ask their identity providers with, wherever sessions live.
async fn move_tickets(control: &Control, done: &mut Resealed) -> Result<(), RepositoryError> {
    let sessions = &control.sign_in.state().sessions;
    for (id, ticket) in sessions.list_tickets().await? {
        match control.keys.reseal(&ticket, &Renewal::context(id), &*control.entropy) {
            // One that is another by now was sealed a moment ago.
            Ok(Some(moved)) if sessions.replace_ticket(id, &ticket, &moved).await? => done.moved += 1,
            Ok(_) => done.current += 1,
            Err(reason) => {
                done.unreadable.push(Unreadable { table: "sessions", id: id.to_string(), reason });
            }
        }
    }
    Ok(())
}

/// Signs checkpoints again that an older key signed, so that the older key can be thrown away.
async fn sign_again(control: &Control, done: &mut Resealed) -> Result<(), RepositoryError> {
    let active = control.keys.active_id();
    let mut after = 0;
    loop {
        let mut work = control.store.begin(Access::Write).await?;
        let part = work.audit().checkpoints_after(after, PART).await?;
        let Some(last) = part.last() else { return Ok(()) };
        after = last.claim.position;
        let mut signed = 0;
        for checkpoint in part.iter().filter(|it| it.signature.key_id() != Some(active.as_str())) {
            match checkpoint.verify(&control.keys) {
                Ok(()) => {
                    let moved = Checkpoint::sign(checkpoint.claim, &control.keys);
                    let was = checkpoint.signature.as_text();
                    signed += u64::from(work.audit().save_checkpoint(&moved, was).await?);
                }
                Err(reason) => done.unreadable.push(Unreadable {
                    table: "audit_checkpoints",
                    id: checkpoint.claim.position.to_string(),
                    reason,
                }),
            }
        }
        work.commit().await?;
        done.signed += signed;
    }
}
