//! What a process has of a counter, and spends without asking.

use promptgate_kernel::Timestamp;

/// What a process has taken of one counter in one bucket.
///
/// It is the process's own book: `free` may be spent by the next call, `reserved` belongs to calls under
/// way, `spent` and `freed` are to be told to the store with the next settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slice {
    /// The bucket that it was taken in.
    pub bucket: Timestamp,
    free: u64,
    reserved: u64,
    spent: u64,
    freed: u64,
}

/// What has to be taken from the store before a call may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// With less the call is refused.
    pub least: u64,
    /// With this the next calls need not ask.
    pub most: u64,
}

/// Of what is left, a process takes this part in advance, shared with all others.
const PART: u64 = 8;

impl Slice {
    /// An empty slice of a bucket.
    pub fn of(bucket: Timestamp) -> Self {
        Self { bucket, ..Self::default() }
    }

    /// Reserves something for a call if the slice holds it; else says what to take first. `room` is what
    /// the store last said was left, `replicas` how many processes share it: near the limit nothing is
    /// taken in advance, so that no process sits on what another is refused.
    pub fn reserve(&mut self, amount: u64, room: u64, replicas: u64) -> Result<(), Want> {
        if self.free >= amount {
            self.free -= amount;
            self.reserved += amount;
            return Ok(());
        }
        let least = amount - self.free;
        let ahead = room.saturating_sub(least) / PART.saturating_mul(replicas.max(1));
        // Less than another call like this one would only lie about.
        let ahead = if ahead < amount { 0 } else { ahead };
        Err(Want { least, most: least.saturating_add(ahead) })
    }

    /// Adds what the store gave.
    pub fn add(&mut self, granted: u64) {
        self.free = self.free.saturating_add(granted);
    }

    /// A call has ended that had reserved `amount` and used `spent` of it. Never more than was reserved
    /// is spent of the slice; the rest may be spent by another call.
    pub fn settle(&mut self, amount: u64, spent: u64) {
        let amount = amount.min(self.reserved);
        let spent = spent.min(amount);
        self.reserved -= amount;
        self.spent += spent;
        self.free += amount - spent;
    }

    /// Gives back all that no call has, because it has lain about for too long.
    pub fn release(&mut self) {
        self.freed += std::mem::take(&mut self.free);
    }

    /// What is to be told to the store: what was spent, and what goes back.
    pub fn take_settlement(&mut self) -> Option<(u64, u64)> {
        let told = (std::mem::take(&mut self.spent), std::mem::take(&mut self.freed));
        (told != (0, 0)).then_some(told)
    }

    /// What the store still counts as held for this slice.
    pub fn held(&self) -> u64 {
        self.free + self.reserved + self.spent + self.freed
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.held() == 0
    }
}
