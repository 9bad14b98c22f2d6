//! From what people configure to what is counted.

use std::sync::Arc;

use promptgate_kernel::{LimitSet, Money};

use crate::{Counter, Limit, Measure, Subject, Window};

/// Every limit that somebody or something has, those of everything first, then those of models.
pub fn configured(subject: Subject, set: &LimitSet) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut put = |model: Option<&str>, measure, window, cap: Option<u64>| {
        if let Some(cap) = cap {
            let counter = Counter { subject, model: model.map(Arc::from), measure, window };
            limits.push(Limit { counter, cap });
        }
    };
    put(None, Measure::Requests, Window::Minute, set.requests_per_minute.map(u64::from));
    put(None, Measure::Requests, Window::Hour, set.requests_per_hour.map(u64::from));
    put(None, Measure::Tokens, Window::Minute, set.tokens_per_minute);
    put(None, Measure::Tokens, Window::Hour, set.tokens_per_hour);
    put(None, Measure::Requests, Window::Now, set.max_concurrent.map(u64::from));
    put(None, Measure::Tokens, Window::Day, set.daily_tokens);
    put(None, Measure::Tokens, Window::Month, set.monthly_tokens);
    put(None, Measure::Cost, Window::Day, set.daily_cost.map(nanos));
    put(None, Measure::Cost, Window::Month, set.monthly_cost.map(nanos));
    for (model, own) in &set.models {
        let model = Some(model.as_str());
        put(model, Measure::Requests, Window::Minute, own.requests_per_minute.map(u64::from));
        put(model, Measure::Requests, Window::Hour, own.requests_per_hour.map(u64::from));
        put(model, Measure::Tokens, Window::Minute, own.tokens_per_minute);
        put(model, Measure::Tokens, Window::Hour, own.tokens_per_hour);
        put(model, Measure::Requests, Window::Now, own.max_concurrent.map(u64::from));
    }
    limits
}

/// An amount as counters keep it; one below nothing is nothing.
fn nanos(amount: Money) -> u64 {
    u64::try_from(amount.as_nanos()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::ModelLimits;

    use super::*;

    #[test]
    fn each_limit_that_is_set_is_counted_by_itself() {
        let subject = Subject::Token("018f4e6e-0000-7000-8000-000000000001".parse().unwrap());
        assert!(configured(subject, &LimitSet::default()).is_empty());
        let model = ModelLimits {
            requests_per_minute: Some(11),
            requests_per_hour: Some(12),
            tokens_per_minute: Some(13),
            tokens_per_hour: Some(14),
            max_concurrent: Some(15),
        };
        let set = LimitSet {
            requests_per_minute: Some(1),
            requests_per_hour: Some(2),
            tokens_per_minute: Some(3),
            tokens_per_hour: Some(4),
            max_concurrent: Some(5),
            daily_tokens: Some(6),
            monthly_tokens: Some(7),
            daily_cost: Some(Money::from_nanos(8)),
            monthly_cost: Some(Money::from_nanos(9)),
            models: [("m".to_owned(), model)].into(),
        };
        let told: Vec<_> = configured(subject, &set)
            .into_iter()
            .map(|limit| {
                let text = limit.counter.to_string();
                (text.splitn(3, ':').nth(2).unwrap().to_owned(), limit.cap)
            })
            .collect();
        let expected = [
            ("requests:minute", 1),
            ("requests:hour", 2),
            ("tokens:minute", 3),
            ("tokens:hour", 4),
            ("requests:now", 5),
            ("tokens:day", 6),
            ("tokens:month", 7),
            ("cost:day", 8),
            ("cost:month", 9),
            ("requests:minute:m", 11),
            ("requests:hour:m", 12),
            ("tokens:minute:m", 13),
            ("tokens:hour:m", 14),
            ("requests:now:m", 15),
        ];
        assert_eq!(told, expected.map(|(text, cap)| (text.to_owned(), cap)));
    }
}
