//! The first start, and what later starts say.

mod overview;
mod seed;

pub use overview::{Overview, OverviewError, overview};
pub use seed::{Seed, SeedError, Seeded, seed};
