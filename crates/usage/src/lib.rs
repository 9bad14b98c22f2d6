//! What a call consumed and what it cost.
//!
//! A [`UsageEvent`] is the immutable record of one finished call; everything that is counted is
//! derived from these. [`TokenCounts`] are disjoint classes, so that nothing is counted twice, and
//! a [`PriceTable`] turns them into [`Money`](promptgate_kernel::Money), under a [`PriceBook`] of what an
//! operator set himself. [`CallContent`] is what was
//! said in the call, kept apart and for a shorter time; an [`IdempotencyRecord`] lets a client repeat
//! a call without it being made twice. The crate reads no wire format and keeps nothing;
//! [`UsageRepository`] and its like say what a store must do. [`Statistics`] is what calls of a
//! [`Window`] add up to.
//!
//! ```
//! use promptgate_usage::{PriceTable, TokenCounts};
//!
//! let prices = PriceTable::bundled();
//! let counts = TokenCounts { input: 1_000, output: 100, ..TokenCounts::default() };
//! let priced = prices.price("openai", "gpt-4o", &counts);
//! assert_eq!(priced.cost.to_string(), "0.0035");
//! ```

mod content;
mod costs;
mod day;
mod dead_letter;
mod estimate;
mod event;
mod guarded;
mod idempotency;
mod list_price;
mod long_context;
mod price;
mod price_book;
mod price_file;
mod price_refresh;
mod price_repository;
mod price_version;
mod public_list;
mod quarter;
mod repository;
mod repricing;
mod statistics;
mod statistics_repository;
mod stored_price;
mod tokens;
mod unpriced;
mod window;

pub use content::{CallContent, FinishedCall, ToolCallRecord};
pub use costs::{CostDimension, CostEntry, CostFilter, CostRepository, CostSums, Quarters};
pub use day::Day;
pub use dead_letter::{DeadLetter, DeadLetterFilter, DeadLetterRepository};
pub use estimate::{EstimatedCost, UsageGroup, UsageKind, apportion, estimate};
pub use event::{Attempt, Hold, Outcome, UsageEvent};
pub use guarded::{GuardMatch, Guarded};
pub use idempotency::{IdempotencyKey, IdempotencyRecord, IdempotencyState, RememberedAnswer, Repeated};
pub use list_price::{ListMerge, ListPrice, NewListPrice, PriceOrigin, merge_lists};
pub use price::{InvalidPriceTable, ModelPrice, PriceBasis, PriceTable, Priced};
pub use price_book::{Charge, PriceBook, Sale};
pub use price_file::{BadRow, InvalidPriceFile, PriceFile};
pub use price_refresh::{PriceRefresh, RefreshStatus};
pub use price_repository::{PriceRepository, PriceVersionFilter};
pub use price_version::{InvalidPriceVersion, PriceScope, PriceVersion, PriceVersionId};
pub use quarter::Quarter;
pub use repository::{
    CallContentRepository, CallFilter, Cursor, IdempotencyRepository, InvalidCursor, UsageFilter,
    UsageRepository,
};
pub use repricing::{Repriced, Repricing, RepricingRepository, RepricingState, WantedRepricing, reprice};
pub use statistics::{
    Adoption, BreakdownEntry, Costs, DailyUse, Dimension, IdentityUse, Statistics, TOP, UsageTotals,
    UseGroup, UseSums, top_identities,
};
pub use statistics_repository::{
    Grain, ListedPrompt, PromptFilter, PromptRepository, PromptSort, StatisticsRepository, UsageScope,
};
pub use stored_price::{
    FALLBACK_PRICE, FallbackPrice, InvalidPrice, PriceRates, PriceTarget, RateChanges, StoredPrice,
    StoredPrices,
};
pub use tokens::{TokenCounts, with_reasoning};
pub use unpriced::{PriceLack, UnpricedModel};
pub use window::{Days, InvalidWindow, Period, Window};
