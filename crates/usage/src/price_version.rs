//! Prices as they were.

use std::fmt;
use std::str::FromStr;

use promptgate_kernel::{PriceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::price::ByKind;
use crate::{PriceOrigin, PriceRates, PriceTarget};

/// Which version of which price. Its text, `<price>@<version>`, is what a call keeps of its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PriceVersionId {
    /// The price.
    pub price: PriceId,
    /// From 1 on, one more with every change; the last one of a price that is gone is its removal.
    pub version: i64,
}

impl fmt::Display for PriceVersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.price, self.version)
    }
}

/// A text that names no version of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version of a price is named `<price>@<number>`")]
pub struct InvalidPriceVersion;

impl FromStr for PriceVersionId {
    type Err = InvalidPriceVersion;

    fn from_str(text: &str) -> Result<Self, InvalidPriceVersion> {
        let (price, version) = text.split_once('@').ok_or(InvalidPriceVersion)?;
        let price = price.parse().map_err(|_| InvalidPriceVersion)?;
        let version = version.parse().ok().filter(|version| *version >= 1).ok_or(InvalidPriceVersion)?;
        Ok(Self { price, version })
    }
}

/// What a price is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceScope {
    /// Every model that has none.
    Fallback,
    /// A model of one provider.
    Provider(PriceTarget),
    /// A model of every provider of a kind.
    Kind {
        /// The kind, such as `openai`.
        kind: String,
        /// The model, in each of its editions; `*` covers the whole kind.
        model: String,
    },
}

impl PriceScope {
    /// Whether a call of this model is one that it is for, by the name and the kind of its provider.
    pub fn covers(&self, provider: &str, kind: &str, model: &str) -> bool {
        match self {
            Self::Fallback => true,
            Self::Provider(target) => target.provider == provider && target.model == model,
            Self::Kind { kind: of, model: covered } => {
                let mut list = ByKind::default();
                list.insert(of, covered, ());
                list.find(kind, model).is_some()
            }
        }
    }
}

/// A price as it was from an instant on. None of these ever changes or goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceVersion {
    /// Its identity.
    pub id: PriceVersionId,
    /// What it was for.
    pub scope: PriceScope,
    /// What it was; `None` from the instant on at which there was none any more.
    pub rates: Option<PriceRates>,
    /// Where it came from.
    pub origin: PriceOrigin,
    /// Which list of that origin.
    pub edition: String,
    /// Since when.
    pub from: Timestamp,
    /// What it was before; `None` of a first version.
    pub before: Option<PriceRates>,
    /// Until when; `None` of the one that holds.
    pub until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_for_the_calls_that_it_would_be_found_for() {
        let target = PriceTarget::new("main", "gpt-4o").unwrap();
        let list = |model: &str| PriceScope::Kind { kind: "openai".into(), model: model.into() };
        for (scope, provider, kind, model, expected) in [
            (PriceScope::Provider(target.clone()), "main", "openai", "gpt-4o", true),
            (PriceScope::Provider(target.clone()), "other", "openai", "gpt-4o", false),
            (PriceScope::Provider(target), "main", "openai", "gpt-4o-2024-08-06", false),
            (list("gpt-4o"), "main", "openai", "gpt-4o-2024-08-06", true),
            (list("gpt-4o"), "main", "azure_openai", "gpt-4o", true),
            (list("gpt-4o"), "main", "openai", "gpt-4", false),
            (list("gpt-4o"), "main", "groq", "gpt-4o", false),
            (list("*"), "main", "openai", "gpt-4", true),
            (PriceScope::Fallback, "main", "groq", "any", true),
        ] {
            assert_eq!(scope.covers(provider, kind, model), expected, "{scope:?} {provider} {kind} {model}");
        }
    }

    #[test]
    fn a_version_survives_its_text() {
        let price: PriceId = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        for version in [1, 2, i64::MAX] {
            let id = PriceVersionId { price, version };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for wrong in ["", "x@1", "018f4e6e-0000-7000-8000-000000000001", "2026-10-24"] {
            assert_eq!(wrong.parse::<PriceVersionId>(), Err(InvalidPriceVersion), "{wrong}");
        }
        for wrong in ["@0", "@-1", "@", "@1.5", "@1@2"] {
            assert!(format!("{price}{wrong}").parse::<PriceVersionId>().is_err(), "{wrong}");
        }
    }
}
