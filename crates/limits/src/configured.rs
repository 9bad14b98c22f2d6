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

/// What an AI endpoint still limits beside a token that calls it: what the token says of a measure in a
/// window, of everything or of one model, takes the place of what the endpoint says of the same, also where
/// it is looser. What a minted token says does so only where the `issued` one at the top of its line says
/// something of the same; `None` where the token was issued itself.
pub fn beside_token(token: &[Limit], issued: Option<&[Limit]>, mut endpoint: Vec<Limit>) -> Vec<Limit> {
    let says = |limits: &[Limit], of: &Counter| {
        let same =
            |own: &Counter| (own.measure, own.window, &own.model) == (of.measure, of.window, &of.model);
        limits.iter().any(|limit| same(&limit.counter))
    };
    endpoint.retain(|Limit { counter, .. }| {
        !(says(token, counter) && issued.is_none_or(|issued| says(issued, counter)))
    });
    endpoint
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
    fn a_token_takes_the_endpoints_place_one_by_one() {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let (token, endpoint) = (Subject::Token(id.parse().unwrap()), Subject::Endpoint(id.parse().unwrap()));
        let of = |requests, tokens, of_model| LimitSet {
            requests_per_minute: requests,
            daily_tokens: tokens,
            models: [(
                "m".to_owned(),
                ModelLimits { requests_per_minute: of_model, ..ModelLimits::default() },
            )]
            .into(),
            ..LimitSet::default()
        };
        let below = |issued: Option<LimitSet>, own: LimitSet, other: LimitSet| {
            let issued = issued.map(|issued| configured(token, &issued));
            let left =
                beside_token(&configured(token, &own), issued.as_deref(), configured(endpoint, &other));
            left.into_iter().map(|limit| (limit.counter.to_string(), limit.cap)).collect::<Vec<_>>()
        };
        let told = |own, other| below(None, own, other);
        let name = |rest: &str| format!("endpoint:{id}:{rest}");
        // Looser than the endpoint's: it counts alone all the same.
        let left = told(of(Some(99), None, None), of(Some(1), Some(2), Some(3)));
        assert_eq!(left, [(name("tokens:day"), 2), (name("requests:minute:m"), 3)]);
        let left = told(of(None, Some(1), Some(9)), of(Some(1), Some(2), Some(3)));
        assert_eq!(left, [(name("requests:minute"), 1)]);
        // A minted token: only where the issued one above it says something, too.
        let left = below(
            Some(of(Some(50), None, None)),
            of(Some(9), Some(9), Some(9)),
            of(Some(1), Some(2), Some(3)),
        );
        assert_eq!(left, [(name("tokens:day"), 2), (name("requests:minute:m"), 3)]);
    }

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
            request_tokens: None,
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
