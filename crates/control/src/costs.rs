//! What calls cost: today, this month, by day, and by what they were for.

mod show;

pub use show::{CostOverview, CostsOf, DailyCost, MAX_DAYS, MAX_ENTRIES, ShowCosts, ShowCostsError, show};
