//! The first start, and what later starts say.

mod access;
mod overview;
mod seed;

pub use access::{SeedAccessError, seed_access};
pub use overview::{Overview, OverviewError, overview};
pub use seed::{Seed, SeedError, Seeded, seed};
