//! Keeping the counters informed.

use promptgate_kernel::{Entropy, Timestamp};
use promptgate_limits::{Holder, Settlement};

use crate::inner::{Inner, State};

/// Before how many former holders another one may take the place of one in doubt: while nobody answers, none of
/// them goes.
const MOST_FORMER: usize = 8;

/// Before anything was ever held.
pub(crate) const NEVER: Timestamp = Timestamp::from_micros(0);

/// A holder, and what the counters know of it.
pub(crate) struct Told {
    pub(crate) holder: Holder,
    step: u64,
    /// What was last told, as long as it is not known to have arrived.
    pending: Vec<Settlement>,
    /// Until when it is held; the beginning of time for one who never took anything.
    pub(crate) until: Timestamp,
    /// Whether it may have been given something that it does not know of.
    pub(crate) is_in_doubt: bool,
    /// Whether calls that are not recorded yet may be held by it. It is not ended then: what nobody
    /// needs goes back when its time is over.
    pub(crate) has_ledger: bool,
    /// How many asks for it are under way. It is not ended before they are over: what comes of them would be
    /// held by nobody.
    pub(crate) asking: usize,
}

impl Told {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self::of(Holder(u128::from_le_bytes(bytes)))
    }

    pub(crate) const fn of(holder: Holder) -> Self {
        Self {
            holder,
            step: 0,
            pending: Vec::new(),
            until: NEVER,
            is_in_doubt: false,
            has_ledger: false,
            asking: 0,
        }
    }

    /// Whether it never had anything, and nothing is on its way.
    const fn has_nothing(&self) -> bool {
        matches!(self.until, NEVER) && self.asking == 0
    }

    /// Whether nobody ever heard of it.
    const fn is_unused(&self) -> bool {
        self.has_nothing() && self.step == 0 && self.pending.is_empty() && !self.is_in_doubt
    }
}

/// What is to be told of a holder next.
struct Next {
    step: u64,
    settlements: Vec<Settlement>,
    is_former: bool,
    until: Timestamp,
    has_ledger: bool,
}

impl Inner {
    fn holders(&self) -> Vec<Holder> {
        let state = self.state();
        state.former.iter().chain([&state.holder]).map(|told| told.holder).collect()
    }

    pub(crate) async fn tell(&self) {
        for holder in self.holders() {
            self.resolve(holder).await;
            self.tell_of(holder, false).await;
        }
    }

    /// Tells everything, gives back what no call has, and goes.
    pub(crate) async fn leave(&self) {
        for holder in self.holders() {
            self.tell_of(holder, true).await;
            let (has_ledger, has_any) = {
                let mut state = self.state();
                let told = state.known(holder);
                (told.has_ledger, told.until > NEVER)
            };
            if has_ledger || !has_any {
                continue;
            }
            if !matches!(self.within(self.counters.end(holder)).await, Some(Ok(()))) {
                tracing::warn!("what this process holds of limits goes back when its time is over");
            }
        }
    }

    /// Puts another holder in the place of one that may hold what it does not know of.
    async fn resolve(&self, holder: Holder) {
        {
            let mut state = self.state();
            let State { holder: current, former, .. } = &mut *state;
            if current.holder != holder || !current.is_in_doubt || former.len() >= MOST_FORMER {
                return;
            }
            // First, so that nothing is asked for it any more.
            let told = std::mem::replace(current, Told::new(&*self.entropy));
            let has_nothing = told.has_nothing();
            former.push(told);
            if !has_nothing {
                return;
            }
        }
        // Who never knew of anything that he was given has nothing but what he does not know of.
        let is_ended = matches!(self.within(self.counters.end(holder)).await, Some(Ok(())));
        let mut state = self.state();
        let State { holder: current, former, .. } = &mut *state;
        let Some(at) = former.iter().position(|told| told.holder == holder) else { return };
        if is_ended && former[at].pending.is_empty() {
            former.remove(at);
        } else if !is_ended && current.is_unused() {
            // Nobody answers: it is tried again, and the other one was not needed.
            *current = former.remove(at);
        }
    }

    fn replace(&self, holder: Holder) {
        let mut state = self.state();
        if state.holder.holder == holder {
            let former = std::mem::replace(&mut state.holder, Told::new(&*self.entropy));
            state.former.push(former);
        }
    }

    async fn tell_of(&self, holder: Holder, is_last: bool) {
        let now = self.clock.now();
        let Some(next) = self.next_step(holder, is_last, now) else { return };
        let Next { step, settlements, is_former, until, has_ledger } = next;
        let life = now.plus(self.options.life);
        if !settlements.is_empty() {
            if until == NEVER {
                // Who never took anything is not known yet.
                if !matches!(self.within(self.counters.take(holder, &[], now, life)).await, Some(Ok(_))) {
                    return;
                }
                self.extended(holder, life);
            }
            match self.within(self.counters.settle(holder, step, &settlements, now)).await {
                Some(Ok(true)) => self.arrived(holder, step),
                Some(Ok(false)) => return self.forgotten(holder, settlements),
                // It is told again, as the same step.
                Some(Err(_)) | None => return,
            }
            self.answered();
        }
        if is_former && self.is_over(holder) {
            let is_ended = has_ledger || matches!(self.within(self.counters.end(holder)).await, Some(Ok(())));
            if is_ended {
                self.state().former.retain(|told| told.holder != holder);
            }
        } else if until > NEVER && until.since(now) < self.options.life / 2 {
            match self.within(self.counters.extend(holder, life, now)).await {
                Some(Ok(true)) => self.extended(holder, life),
                Some(Ok(false)) => self.forgotten(holder, Vec::new()),
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Whether no call has anything of a former holder, and none is given anything.
    fn is_over(&self, holder: Holder) -> bool {
        let state = self.state();
        let is_asked = state.former.iter().any(|told| told.holder == holder && told.asking > 0);
        !is_asked && state.book.is_done(holder)
    }

    fn next_step(&self, holder: Holder, is_last: bool, now: Timestamp) -> Option<Next> {
        let mut state = self.state();
        let State { book, holder: current, former } = &mut *state;
        let is_former = current.holder != holder;
        let told = if is_former { former.iter_mut().find(|told| told.holder == holder)? } else { current };
        if told.pending.is_empty() {
            let idle_since = if is_former || is_last { now } else { now.minus(self.options.idle) };
            told.pending = book.tell(holder, idle_since, now);
            told.step += u64::from(!told.pending.is_empty());
        }
        Some(Next {
            step: told.step,
            settlements: told.pending.clone(),
            is_former,
            until: told.until,
            has_ledger: told.has_ledger,
        })
    }

    fn arrived(&self, holder: Holder, step: u64) {
        let mut state = self.state();
        let State { holder: current, former, .. } = &mut *state;
        let told = former.iter_mut().chain([current]).find(|told| told.holder == holder && told.step == step);
        if let Some(told) = told {
            told.pending.clear();
        }
    }

    fn extended(&self, holder: Holder, until: Timestamp) {
        let mut state = self.state();
        let State { holder: current, former, .. } = &mut *state;
        if let Some(told) = former.iter_mut().chain([current]).find(|told| told.holder == holder) {
            told.until = until;
        }
    }

    /// The counters know a holder no longer. What it has in hand is void; what was used of it is told by
    /// the next one.
    fn forgotten(&self, holder: Holder, told: Vec<Settlement>) {
        self.replace(holder);
        let now = self.clock.now();
        let mut state = self.state();
        state.book.void(holder);
        for settlement in told {
            state.book.owe(&settlement, now);
        }
        state.former.retain(|told| told.holder != holder);
    }
}
