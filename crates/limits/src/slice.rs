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
    helped: u64,
}

/// Of what is left, a process takes this part in advance, shared with all others.
const PART: u64 = 8;

impl Slice {
    /// An empty slice of a bucket.
    pub fn of(bucket: Timestamp) -> Self {
        Self { bucket, ..Self::default() }
    }

    /// Reserves for a call what the slice has of `amount`, and says what is missing. What is missing has to
    /// be taken from the store, and [added](Self::add) and reserved; else what was reserved goes
    /// [back](Self::settle).
    pub fn reserve(&mut self, amount: u64) -> u64 {
        let reserved = amount.min(self.free);
        self.free -= reserved;
        self.reserved += reserved;
        amount - reserved
    }

    /// How much to take from the store, if it has that, where `missing` is needed of a call that wants
    /// `amount`. `room` is what the store last said was left, `replicas` how many processes share it: near
    /// the limit nothing is taken in advance, so that no process sits on what another is refused.
    pub fn ahead(missing: u64, amount: u64, room: u64, replicas: u64) -> u64 {
        let ahead = room.saturating_sub(missing) / PART.saturating_mul(replicas.max(1));
        // Less than another call like this one would only lie about.
        missing.saturating_add(if ahead < amount { 0 } else { ahead })
    }

    /// Adds what the store gave.
    pub fn add(&mut self, granted: u64) {
        self.free = self.free.saturating_add(granted);
    }

    /// A call has ended that had reserved `amount` and used `spent`. The rest may be spent by another call;
    /// what it used beyond its reservation counts, too, and is taken of what is free as far as there is.
    pub fn settle(&mut self, amount: u64, spent: u64) {
        let amount = amount.min(self.reserved);
        self.reserved -= amount;
        self.free = (self.free + amount).saturating_sub(spent);
        self.spent = self.spent.saturating_add(spent);
    }

    /// A call has ended that had reserved `amount`, and whose use of `spent` whoever records it counts: as
    /// much stays held at the store until then. The rest may be spent by another call; what it used beyond
    /// its reservation is taken of what is free as far as there is. Says how much stays held.
    pub fn leave(&mut self, amount: u64, spent: u64) -> u64 {
        let amount = amount.min(self.reserved);
        self.reserved -= amount;
        let had = self.free.saturating_add(amount);
        let held = had.min(spent);
        self.free = had - held;
        held
    }

    /// What the next call may spend without asking.
    pub const fn free(&self) -> u64 {
        self.free
    }

    /// Gives back all that no call has, because it has lain about for too long.
    pub fn release(&mut self) {
        self.freed += std::mem::take(&mut self.free);
    }

    /// Forgets what no call has: whoever counted it as held counts it no longer.
    pub fn void(&mut self) {
        self.free = 0;
    }

    /// Reserves something that nobody gave, for the time in which nobody can be asked.
    pub fn help(&mut self, amount: u64) {
        self.reserved = self.reserved.saturating_add(amount);
        self.helped = self.helped.saturating_add(amount);
    }

    /// How much there was of that, all in all.
    pub const fn helped(&self) -> u64 {
        self.helped
    }

    /// What calls under way have of it.
    pub const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Takes over what another slice of the same bucket is.
    pub fn merge(&mut self, other: &Self) {
        self.free = self.free.saturating_add(other.free);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.spent = self.spent.saturating_add(other.spent);
        self.freed = self.freed.saturating_add(other.freed);
        self.helped = self.helped.saturating_add(other.helped);
    }

    /// What is to be told to the store: what was spent, and what goes back.
    pub fn take_settlement(&mut self) -> Option<(u64, u64)> {
        let told = (std::mem::take(&mut self.spent), std::mem::take(&mut self.freed));
        (told != (0, 0)).then_some(told)
    }

    /// What the store still counts as held for this slice, if no call used more than it had reserved.
    pub fn held(&self) -> u64 {
        self.free + self.reserved + self.spent + self.freed
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.held() == 0
    }
}
