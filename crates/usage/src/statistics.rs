//! What calls add up to.

use std::collections::BTreeMap;

use promptgate_kernel::{AccountId, Money};

use crate::{Day, EstimatedCost, Period, PriceBook, TokenCounts, UsageGroup, UsageKind, apportion};

/// How many entries a breakdown has.
pub const TOP: usize = 5;
/// The name of what has none.
const UNKNOWN: &str = "unknown";

/// What calls of one kind took together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UseSums {
    /// How many calls.
    pub requests: u64,
    /// How many of them ended with words of the user.
    pub prompts: u64,
    /// How many tools were called.
    pub tool_calls: u64,
    /// Tokens read, without those of prompt caches.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from prompt caches.
    pub cache_read: u64,
    /// Tokens written to prompt caches.
    pub cache_write: u64,
    /// What was booked for them.
    pub cost: Money,
    /// How long they took, each in whole milliseconds.
    pub duration_ms: u64,
}

/// What the calls have in common that a store has added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseGroup {
    /// The day they arrived on, where days are told apart.
    pub day: Option<Day>,
    /// The provider's name at that time; blank if no provider was asked.
    pub provider: String,
    /// The kind of provider; likewise.
    pub provider_kind: String,
    /// The model; likewise.
    pub model: String,
    /// What kind of calls they are.
    pub kind: UsageKind,
    /// What they took together.
    pub sums: UseSums,
}

/// What one account used of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityUse {
    /// The account.
    pub owner: AccountId,
    /// What people call it.
    pub name: String,
    /// Its user name.
    pub username: String,
    /// Its e-mail.
    pub email: String,
    /// What it used.
    pub group: UseGroup,
}

/// How far the gateway is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adoption {
    /// How many people made a call.
    pub users: u64,
    /// How many service accounts did.
    pub services: u64,
    /// How many keys of accounts can be used.
    pub keys: u64,
}

/// What a breakdown is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The model.
    Model,
    /// The provider's name.
    Provider,
    /// The kind of provider.
    ProviderKind,
}

/// Whether costs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Costs {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

/// What calls took, in the words of the dashboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotals {
    /// How many calls.
    pub requests: u64,
    /// How many of them ended with words of the user.
    pub prompts: u64,
    /// How many tools were called.
    pub tool_calls: u64,
    /// Tokens read, without those of prompt caches.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from prompt caches.
    pub cache_read: u64,
    /// Tokens written to prompt caches.
    pub cache_write: u64,
    /// Everything read by calls that write an answer, prompt caches included.
    pub completion_input: u64,
    /// Everything written by them.
    pub completion_output: u64,
    /// Both.
    pub completion: u64,
    /// Everything that was embedded.
    pub embedding: u64,
    /// Everything.
    pub total: u64,
}

/// What calls of one day took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyUse {
    /// The day.
    pub day: Day,
    /// What they took.
    pub totals: UsageTotals,
    /// What they cost; `None` on a day without calls too.
    pub cost: Option<EstimatedCost>,
}

/// One entry of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakdownEntry {
    /// Of what.
    pub name: String,
    /// How many calls.
    pub requests: u64,
    /// How many tokens.
    pub total: u64,
    /// What they cost.
    pub cost: Option<EstimatedCost>,
}

/// What calls of a period took, ready to be looked at from several sides.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// The period.
    pub period: Period,
    groups: Vec<UseGroup>,
    book: Option<PriceBook>,
}

impl UseSums {
    const fn tokens(&self) -> TokenCounts {
        TokenCounts {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write_5m: self.cache_write,
            cache_write_1h: 0,
            audio_input: 0,
            reasoning: 0,
            audio_output: 0,
        }
    }
}

impl UseGroup {
    fn usage(&self) -> UsageGroup<'_> {
        UsageGroup {
            provider: &self.provider,
            provider_kind: &self.provider_kind,
            model: &self.model,
            kind: self.kind,
            tokens: self.sums.tokens(),
        }
    }

    fn name(&self, dimension: Dimension) -> &str {
        let name = match dimension {
            Dimension::Model => &self.model,
            Dimension::Provider => &self.provider,
            Dimension::ProviderKind => &self.provider_kind,
        };
        match name.trim() {
            "" => UNKNOWN,
            name => name,
        }
    }
}

impl UsageTotals {
    /// Adds a group.
    pub fn add(&mut self, group: &UseGroup) {
        let (sums, tokens) = (&group.sums, group.sums.tokens());
        let (read, written) = (tokens.total_input(), tokens.total_output());
        for (total, more) in [
            (&mut self.requests, sums.requests),
            (&mut self.prompts, sums.prompts),
            (&mut self.tool_calls, sums.tool_calls),
            (&mut self.input, sums.input),
            (&mut self.output, sums.output),
            (&mut self.cache_read, sums.cache_read),
            (&mut self.cache_write, sums.cache_write),
            (&mut self.total, tokens.total()),
        ] {
            *total = total.saturating_add(more);
        }
        match group.kind {
            UsageKind::Embedding => self.embedding = self.embedding.saturating_add(tokens.total()),
            UsageKind::Completion => {
                self.completion_input = self.completion_input.saturating_add(read);
                self.completion_output = self.completion_output.saturating_add(written);
                self.completion = self.completion.saturating_add(tokens.total());
            }
        }
    }

    /// What groups took together.
    pub fn of<'a>(groups: impl IntoIterator<Item = &'a UseGroup>) -> Self {
        let mut totals = Self::default();
        groups.into_iter().for_each(|group| totals.add(group));
        totals
    }
}

/// What groups were booked with; the rates are those of the first one, or of models without a price.
fn cost(groups: &[&UseGroup], book: &PriceBook) -> EstimatedCost {
    let shares = groups.iter().map(|group| (group.usage(), group.sums.cost));
    let cost = apportion(shares, book);
    groups
        .first()
        .map_or(cost, |first| cost.at_rates(book.rates(&first.provider, &first.provider_kind, &first.model)))
}

impl Statistics {
    /// Calls of a period. Without a book, nothing of it says a cost.
    pub const fn new(period: Period, groups: Vec<UseGroup>, book: Option<PriceBook>) -> Self {
        Self { period, groups, book }
    }

    /// Everything together.
    pub fn totals(&self) -> UsageTotals {
        UsageTotals::of(&self.groups)
    }

    /// How long all calls took together, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.groups.iter().fold(0, |sum, group| group.sums.duration_ms.saturating_add(sum))
    }

    /// What everything cost, by the rates of models without a price; nothing costs nothing.
    pub fn cost(&self) -> Option<EstimatedCost> {
        let book = self.book.as_ref()?;
        Some(apportion(self.groups.iter().map(|group| (group.usage(), group.sums.cost)), book))
    }

    /// The same beside the totals, where an installation without any call has no cost.
    pub fn cost_of_totals(&self) -> Option<EstimatedCost> {
        self.cost().filter(|_| self.period.days.is_some())
    }

    /// Every day of the period, with calls or not. The groups must tell days apart.
    pub fn daily(&self) -> Vec<DailyUse> {
        let mut days: BTreeMap<Day, Vec<&UseGroup>> = BTreeMap::new();
        for group in &self.groups {
            if let Some(day) = group.day {
                days.entry(day).or_default().push(group);
            }
        }
        let daily = |day| {
            let groups = days.get(&day).map(Vec::as_slice).unwrap_or_default();
            let book = self.book.as_ref().filter(|_| !groups.is_empty());
            DailyUse {
                day,
                totals: UsageTotals::of(groups.iter().copied()),
                cost: book.map(|book| cost(groups, book)),
            }
        };
        self.period.days.into_iter().flat_map(crate::Days::iter).map(daily).collect()
    }

    /// The [`TOP`] that took the most.
    pub fn top(&self, dimension: Dimension) -> Vec<BreakdownEntry> {
        let named = self.groups.iter().map(|group| {
            let name = group.name(dimension);
            (name, name.to_owned(), group)
        });
        breakdown(named, self.book.as_ref())
    }
}

/// The [`TOP`] accounts that took the most, under the first name that they have.
pub fn top_identities(uses: &[IdentityUse], book: Option<&PriceBook>) -> Vec<BreakdownEntry> {
    let named = uses.iter().map(|used| (used.owner, identity_name(used), &used.group));
    breakdown(named, book)
}

fn identity_name(used: &IdentityUse) -> String {
    let names = [&used.name, &used.username, &used.email].map(|name| name.trim());
    names.into_iter().find(|name| !name.is_empty()).map_or_else(|| used.owner.to_string(), str::to_owned)
}

fn breakdown<'a, K: Ord>(
    groups: impl Iterator<Item = (K, String, &'a UseGroup)>,
    book: Option<&PriceBook>,
) -> Vec<BreakdownEntry> {
    let mut entries: BTreeMap<K, (String, Vec<&UseGroup>)> = BTreeMap::new();
    for (key, name, group) in groups {
        entries.entry(key).or_insert_with(|| (name, Vec::new())).1.push(group);
    }
    let entry = |(name, groups): (String, Vec<&UseGroup>)| {
        let totals = UsageTotals::of(groups.iter().copied());
        let cost = book.map(|book| cost(&groups, book));
        BreakdownEntry { name, requests: totals.requests, total: totals.total, cost }
    };
    let mut entries: Vec<BreakdownEntry> =
        entries.into_values().map(entry).filter(|entry| entry.requests > 0 || entry.total > 0).collect();
    entries
        .sort_by(|a, b| (b.total, b.requests).cmp(&(a.total, a.requests)).then_with(|| a.name.cmp(&b.name)));
    entries.truncate(TOP);
    entries
}

#[cfg(test)]
mod tests;
