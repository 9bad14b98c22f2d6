//! What vendors publish that their models cost.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use promptgate_kernel::{PriceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stored_price::check_model;
use crate::{InvalidPrice, ModelPrice, PriceRates, PriceTable, PriceVersionId};

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceOrigin {
    /// Somebody set it. Nothing but somebody changes it.
    Manual,
    /// It was read of a public list.
    Fetched,
    /// It came with the program.
    BuiltIn,
}

impl PriceOrigin {
    /// Every origin.
    pub const ALL: [Self; 3] = [Self::Manual, Self::Fetched, Self::BuiltIn];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Fetched => "fetched",
            Self::BuiltIn => "built_in",
        }
    }
}

impl fmt::Display for PriceOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PriceOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|origin| origin.as_str() == text);
        found.ok_or_else(|| format!("unknown origin of a price `{text}`"))
    }
}

/// A price that is to be kept for a model of every provider of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewListPrice {
    /// The kind of provider, such as `openai`.
    pub kind: String,
    /// The model, in each of its editions; `*` covers the whole kind.
    pub model: String,
    /// What it costs.
    pub rates: PriceRates,
    /// Where that comes from.
    pub origin: PriceOrigin,
    /// Which list of that origin: of later ones of the program the text is larger.
    pub edition: String,
}

impl NewListPrice {
    /// Takes names without the blanks around them.
    pub fn new(
        kind: &str,
        model: &str,
        rates: PriceRates,
        origin: PriceOrigin,
        edition: &str,
    ) -> Result<Self, InvalidPrice> {
        let (kind, model) = (kind.trim(), model.trim());
        if kind.is_empty() {
            return Err(InvalidPrice::Kind);
        }
        check_model(model)?;
        Ok(Self { kind: kind.into(), model: model.into(), rates, origin, edition: edition.into() })
    }

    /// The rows of the table of the program.
    pub fn of_table(table: &PriceTable) -> Vec<Self> {
        let of_row = |row: &ModelPrice| {
            let rates = row.rates().ok()?;
            Self::new(&row.kind, &row.model, rates, PriceOrigin::BuiltIn, table.version()).ok()
        };
        table.rows().iter().filter_map(of_row).collect()
    }

    /// Whether it may take the place of `stored`.
    fn may_replace(&self, stored: &ListPrice) -> bool {
        match (self.origin, stored.origin) {
            (PriceOrigin::Manual, _)
            | (PriceOrigin::Fetched, PriceOrigin::Fetched | PriceOrigin::BuiltIn) => true,
            // Programs of two versions do not take turns.
            (PriceOrigin::BuiltIn, PriceOrigin::BuiltIn) => self.edition > stored.edition,
            (PriceOrigin::Fetched | PriceOrigin::BuiltIn, _) => false,
        }
    }

    /// Whether it says the same as `stored`, and is no more lasting.
    fn is_known(&self, stored: &ListPrice) -> bool {
        let becomes_manual = self.origin == PriceOrigin::Manual && stored.origin != PriceOrigin::Manual;
        self.rates == stored.rates && !becomes_manual
    }
}

/// The price of a model of every provider of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPrice {
    /// Its identity.
    pub id: PriceId,
    /// The kind of provider; never changes.
    pub kind: String,
    /// The model, in each of its editions; never changes. `*` covers the whole kind.
    pub model: String,
    /// What it costs.
    pub rates: PriceRates,
    /// Where that comes from.
    pub origin: PriceOrigin,
    /// Which list of that origin.
    pub edition: String,
    /// When it was kept first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change.
    pub version: i64,
}

impl ListPrice {
    /// Keeps a price.
    pub fn create(id: PriceId, new: NewListPrice, at: Timestamp) -> Self {
        let NewListPrice { kind, model, rates, origin, edition } = new;
        Self { id, kind, model, rates, origin, edition, created_at: at, updated_at: at, version: 1 }
    }

    /// The same model at another price.
    #[must_use]
    pub fn change(self, new: NewListPrice, at: Timestamp) -> Self {
        let NewListPrice { rates, origin, edition, .. } = new;
        Self { rates, origin, edition, updated_at: at, version: self.version + 1, ..self }
    }

    /// Which version of which price it is.
    pub const fn version_id(&self) -> PriceVersionId {
        PriceVersionId { price: self.id, version: self.version }
    }
}

/// What a list changes of the prices that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListMerge {
    /// Prices of models that have none.
    pub added: Vec<NewListPrice>,
    /// Prices of models that have another one, behind those.
    pub changed: Vec<(ListPrice, NewListPrice)>,
    /// How many say what is known.
    pub unchanged: u64,
    /// How many may not replace what is kept: somebody set that, or it is from a better source.
    pub kept: u64,
}

/// Compares a list with what is kept. Models that it does not name stay as they are: calls of the past
/// were made at their prices.
pub fn merge_lists(stored: &[ListPrice], list: Vec<NewListPrice>) -> ListMerge {
    let stored: HashMap<(&str, &str), &ListPrice> =
        stored.iter().map(|price| ((price.kind.as_str(), price.model.as_str()), price)).collect();
    let mut merge = ListMerge::default();
    for new in list {
        match stored.get(&(new.kind.as_str(), new.model.as_str())) {
            None => merge.added.push(new),
            Some(price) if new.is_known(price) => merge.unchanged += 1,
            Some(price) if new.may_replace(price) => merge.changed.push(((*price).clone(), new)),
            Some(_) => merge.kept += 1,
        }
    }
    merge
}

#[cfg(test)]
mod tests {
    use super::*;
    use PriceOrigin::{BuiltIn, Fetched, Manual};
    use promptgate_kernel::PricePerMillion;

    fn new(origin: PriceOrigin, edition: &str, dollars: f64) -> NewListPrice {
        let input = PricePerMillion::from_dollars(dollars).unwrap();
        let rates = PriceRates { input, ..PriceRates::default() };
        NewListPrice::new(" openai ", " m ", rates, origin, edition).unwrap()
    }

    fn stored(origin: PriceOrigin, edition: &str) -> ListPrice {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        ListPrice::create(id, new(origin, edition, 1.0), Timestamp::default())
    }

    #[test]
    fn what_somebody_set_is_changed_by_nobody_else() {
        for (kept, list, replaces) in [
            (stored(Manual, ""), new(BuiltIn, "2099", 2.0), false),
            (stored(Manual, ""), new(Fetched, "x", 2.0), false),
            (stored(Manual, ""), new(Manual, "", 2.0), true),
            (stored(Fetched, "x"), new(BuiltIn, "2099", 2.0), false),
            (stored(Fetched, "x"), new(Fetched, "w", 2.0), true),
            (stored(Fetched, "x"), new(Manual, "", 2.0), true),
            (stored(BuiltIn, "2026-01-01"), new(BuiltIn, "2026-02-01", 2.0), true),
            (stored(BuiltIn, "2026-01-01"), new(BuiltIn, "2025-12-01", 2.0), false),
            (stored(BuiltIn, "2026-01-01"), new(Fetched, "", 2.0), true),
            // To set what is published keeps it from being changed.
            (stored(BuiltIn, "2026-01-01"), new(Manual, "", 1.0), true),
        ] {
            let merge = merge_lists(std::slice::from_ref(&kept), vec![list.clone()]);
            let expected = if replaces {
                ListMerge { changed: vec![(kept, list)], ..ListMerge::default() }
            } else {
                ListMerge { kept: 1, ..ListMerge::default() }
            };
            assert_eq!(merge, expected);
        }
    }

    #[test]
    fn a_list_twice_changes_nothing_the_second_time() {
        let table = PriceTable::bundled();
        let first = merge_lists(&[], NewListPrice::of_table(&table));
        assert_eq!(first.added.len(), table.rows().len());
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let stored: Vec<ListPrice> =
            first.added.into_iter().map(|new| ListPrice::create(id, new, Timestamp::default())).collect();
        let again = merge_lists(&stored, NewListPrice::of_table(&table));
        let unchanged = table.rows().len() as u64;
        assert_eq!(again, ListMerge { unchanged, ..ListMerge::default() });
    }
}
