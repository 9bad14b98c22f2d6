//! Calls that took tokens which nobody knows a price of.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use metrics::counter;
use promptgate_usage::{PriceLack, UsageEvent};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// How many models are told about within an hour.
const MOST_MODELS: usize = 1_000;

/// Which models were told about within this hour, so that each is once.
#[derive(Debug, Default)]
pub(crate) struct Unpriced(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    hour: i64,
    models: HashSet<(String, String)>,
}

impl Unpriced {
    /// Counts a call whose model has no price. That it cost nothing is said once for each model and hour.
    pub(crate) fn note(&self, event: &UsageEvent) {
        let Some(lack) = event.price_lack() else { return };
        let provider = event.provider.clone().unwrap_or_default();
        counter!("promptgate_unpriced_calls_total", "lack" => lack.as_str(), "provider" => provider.clone())
            .increment(1);
        counter!("promptgate_unpriced_tokens_total", "lack" => lack.as_str(), "provider" => provider.clone())
            .increment(event.tokens.total());
        let model = event.model.clone().unwrap_or_default();
        if lack == PriceLack::NoCost && self.is_news(event.at.as_micros().div_euclid(HOUR), &provider, &model)
        {
            tracing::warn!(
                request.id = event.request_id,
                provider,
                model,
                tokens = event.tokens.total(),
                "calls of the model {model} of {provider} take tokens and cost nothing, because it has no price"
            );
        }
    }

    fn is_news(&self, hour: i64, provider: &str, model: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hour > told.hour {
            *told = Told { hour, ..Told::default() };
        }
        // A call of the hour before that ends late is told about with this one.
        told.models.len() < MOST_MODELS && told.models.insert((provider.to_owned(), model.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_about_once_an_hour() {
        let unpriced = Unpriced::default();
        let news = |hour, model| unpriced.is_news(hour, "main", model);
        assert_eq!([news(5, "a"), news(5, "a"), news(5, "b"), news(4, "a")], [true, false, true, false]);
        assert_eq!([news(6, "a"), news(6, "a"), news(6, "b")], [true, false, true]);
        for number in 0..2 * MOST_MODELS {
            unpriced.is_news(7, "main", &number.to_string());
        }
        assert!(!news(7, "one more"));
    }
}
