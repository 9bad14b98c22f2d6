//! What a process has of the counters, and what it has yet to tell.

use std::collections::HashMap;

use promptgate_kernel::Timestamp;
use promptgate_limits::{Counter, Grant, Holder, Limit, Settlement, Slice, Span, Window};

/// Whose a slice is: which of the process's holders took it, or nobody, where the process helped itself
/// while nobody could be asked.
pub(crate) type Owner = Option<Holder>;

/// What a call has of one counter.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) counter: Counter,
    pub(crate) owner: Owner,
    pub(crate) bucket: Timestamp,
    pub(crate) amount: u64,
}

/// A slice, and what is known besides.
#[derive(Debug)]
struct Kept {
    slice: Slice,
    owner: Owner,
    until: Timestamp,
    /// What the counter last said was used and held by everybody.
    taken: Option<u64>,
    /// The limit that something was last given under.
    cap: u64,
    touched: Timestamp,
    /// Whether what no call needs is to go back.
    is_given_up: bool,
}

impl Kept {
    /// What was left of a limit when the counter was last asked.
    fn room(&self, cap: u64) -> Option<u64> {
        self.taken.map(|taken| cap.saturating_sub(taken))
    }
}

/// All slices.
#[derive(Debug, Default)]
pub(crate) struct Book {
    kept: HashMap<Counter, Vec<Kept>>,
}

impl Book {
    fn slot(&mut self, counter: &Counter, span: &Span, owner: Owner, now: Timestamp) -> &mut Kept {
        if !self.kept.contains_key(counter) {
            self.kept.insert(counter.clone(), Vec::with_capacity(1));
        }
        let slots = self.kept.get_mut(counter).expect("it was just put there");
        let at = slots.iter().position(|kept| kept.slice.bucket == span.bucket && kept.owner == owner);
        let at = at.unwrap_or_else(|| {
            let slice = Slice::of(span.bucket);
            slots.push(Kept {
                slice,
                owner,
                until: span.until,
                taken: None,
                cap: 0,
                touched: now,
                is_given_up: false,
            });
            slots.len() - 1
        });
        &mut slots[at]
    }

    /// Reserves what is there of `amount`; says what is missing, and what the counter last said was left. What
    /// was given under a larger limit may be more than there is now: it goes back, and is asked for anew.
    pub(crate) fn reserve(
        &mut self,
        limit: &Limit,
        span: &Span,
        owner: Owner,
        amount: u64,
        now: Timestamp,
    ) -> (u64, u64) {
        let kept = self.slot(&limit.counter, span, owner, now);
        kept.touched = now;
        if limit.cap < kept.cap {
            kept.slice.release();
        }
        // Whoever does not know how much is left takes nothing in advance.
        let room = kept.room(limit.cap).unwrap_or(0);
        (kept.slice.reserve(amount), room)
    }

    /// Adds what was given, and reserves of it what a call still misses.
    pub(crate) fn add(&mut self, limit: &Limit, span: &Span, holder: Holder, given: &Grant, missing: u64) {
        let kept = self.slot(&limit.counter, span, Some(holder), Timestamp::default());
        kept.taken = Some(given.standing.used.saturating_add(given.standing.held));
        kept.cap = limit.cap;
        kept.slice.add(given.amount);
        kept.slice.reserve(missing);
    }

    /// Takes of the process's share while nobody can be asked; says whether that had enough. Of what is
    /// counted when calls are recorded, that is a share of what was last known to be left: nothing, where
    /// nobody ever `heard` of it.
    pub(crate) fn share(
        &mut self,
        limit: &Limit,
        span: &Span,
        missing: u64,
        replicas: u64,
        heard: Option<u64>,
        now: Timestamp,
    ) -> bool {
        let counter = &limit.counter;
        let slots = || self.kept.get(counter).into_iter().flatten();
        let known = slots().filter(|kept| kept.slice.bucket == span.bucket);
        let known = known.filter_map(|kept| kept.room(limit.cap));
        let room = if counter.is_ledger() { heard.or_else(|| known.min()).unwrap_or(0) } else { limit.cap };
        // Windows that slide have many buckets. A place is taken as long as its call goes on.
        let helped = slots().filter(|kept| (span.since..=span.bucket).contains(&kept.slice.bucket));
        let helped = helped.filter(|kept| kept.owner.is_none()).map(|kept| match counter.window {
            Window::Now => kept.slice.reserved(),
            _ => kept.slice.helped(),
        });
        let helped = helped.fold(missing, u64::saturating_add);
        if helped > limit.cap.min(room) / replicas.max(1) {
            return false;
        }
        let kept = self.slot(counter, span, None, now);
        kept.touched = now;
        kept.slice.help(missing);
        true
    }

    /// Lets what the process has of a counter, and no call needs, go back as if it had lain about, though calls
    /// go on asking for it.
    pub(crate) fn surrender(&mut self, counter: &Counter) {
        for kept in self.kept.get_mut(counter).into_iter().flatten().filter(|kept| kept.owner.is_some()) {
            kept.is_given_up = true;
        }
    }

    /// Notes what the counter said was used and held.
    pub(crate) fn note(&mut self, counter: &Counter, span: &Span, owner: Owner, taken: u64, now: Timestamp) {
        self.slot(counter, span, owner, now).taken = Some(taken);
    }

    /// What of a limit is left, as far as is known here.
    pub(crate) fn left(&self, limit: &Limit, span: &Span, owner: Owner) -> Option<u64> {
        let mut slots = self.kept.get(&limit.counter)?.iter();
        let kept = slots.find(|kept| kept.slice.bucket == span.bucket && kept.owner == owner)?;
        Some(kept.room(limit.cap)?.saturating_add(kept.slice.free()).min(limit.cap))
    }

    /// A call is over with what it had of a counter. Says how much of that its owner holds until the call is
    /// recorded.
    pub(crate) fn settle(&mut self, part: &Part, spent: u64, now: Timestamp) -> u64 {
        let is_ledger = part.counter.is_ledger();
        let Some(kept) = self.kept_of(part) else { return 0 };
        kept.touched = now;
        if !is_ledger {
            kept.slice.settle(part.amount, spent);
            return 0;
        }
        let held = kept.slice.leave(part.amount, spent);
        if kept.owner.is_some() { held } else { 0 }
    }

    /// A call needs less than it had of a counter.
    pub(crate) fn give_back(&mut self, part: &Part, amount: u64, now: Timestamp) {
        if let Some(kept) = self.kept_of(part) {
            kept.slice.leave(amount, 0);
            kept.touched = now;
        }
    }

    fn kept_of(&mut self, part: &Part) -> Option<&mut Kept> {
        let slots = self.kept.get_mut(&part.counter)?;
        let of = |owner: Owner| move |kept: &Kept| kept.slice.bucket == part.bucket && kept.owner == owner;
        // Where its owner was forgotten, nobody owns it.
        let at = slots.iter().position(of(part.owner)).or_else(|| slots.iter().position(of(None)))?;
        Some(&mut slots[at])
    }

    /// Notes what was used and could not be told.
    pub(crate) fn owe(&mut self, settlement: &Settlement, now: Timestamp) {
        let Settlement { counter, bucket, until, spent, .. } = settlement;
        if *spent > 0 {
            let span = Span { since: *bucket, bucket: *bucket, until: *until };
            self.slot(counter, &span, None, now).slice.settle(0, *spent);
        }
    }

    /// What is to be told of a holder's slices, and of those that nobody gave. What lies about since
    /// `idle_since` goes back, places of calls at once; slices that are empty and over are forgotten.
    pub(crate) fn tell(&mut self, holder: Holder, idle_since: Timestamp, now: Timestamp) -> Vec<Settlement> {
        let mut told = Vec::new();
        self.kept.retain(|counter, slots| {
            slots.retain_mut(|kept| {
                if kept.owner.is_some_and(|owner| owner != holder) {
                    return true;
                }
                let is_over = kept.until <= now;
                // Where the clock was set back, nobody knows when it was touched.
                let is_idle = kept.touched <= idle_since || kept.touched > now;
                let is_given_up = std::mem::take(&mut kept.is_given_up);
                if is_over || is_idle || is_given_up || counter.window == Window::Now {
                    kept.slice.release();
                }
                let (spent, freed) = kept.slice.take_settlement().unwrap_or_default();
                // What nobody gave cannot go back to anybody.
                let freed = if kept.owner.is_some() { freed } else { 0 };
                if (spent, freed) != (0, 0) {
                    let (bucket, until) = (kept.slice.bucket, kept.until);
                    told.push(Settlement { counter: counter.clone(), bucket, until, spent, freed });
                }
                // How much the process helped itself to counts until the bucket is over, or its calls are.
                let is_idle = kept.owner.is_some() && is_idle;
                let is_left = kept.owner.is_none() && counter.window == Window::Now;
                !(kept.slice.is_empty() && (is_over || is_idle || is_left))
            });
            !slots.is_empty()
        });
        told
    }

    /// Forgets what a holder has free, who is not known any more; calls under way keep what they have.
    pub(crate) fn void(&mut self, holder: Holder) {
        for slots in self.kept.values_mut() {
            while let Some(at) = slots.iter().position(|kept| kept.owner == Some(holder)) {
                let mut kept = slots.swap_remove(at);
                kept.slice.void();
                kept.owner = None;
                let is_same =
                    |other: &&mut Kept| other.owner.is_none() && other.slice.bucket == kept.slice.bucket;
                match slots.iter_mut().find(is_same) {
                    Some(other) => other.slice.merge(&kept.slice),
                    None => slots.push(kept),
                }
            }
        }
    }

    /// Whether a holder has nothing left, and nothing to tell.
    pub(crate) fn is_done(&self, holder: Holder) -> bool {
        self.kept.values().flatten().all(|kept| kept.owner != Some(holder) || kept.slice.is_empty())
    }
}
