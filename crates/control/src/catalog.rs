//! What providers say they have: asked for over the network, all at once, and remembered for a
//! short while.

mod cache;
mod fetch;
mod list;
mod port;
mod read;

pub use cache::ModelCatalog;
pub use list::{CatalogError, Offer, list};
pub use port::{ListingAnswer, ListingRequest, ModelLister, Unreachable};

pub(crate) use list::offers;
