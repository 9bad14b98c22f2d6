//! When to ask again: what providers say about it, and what is waited when they say nothing.

use std::time::Duration;

use chrono::DateTime;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName};
use promptgate_kernel::{Entropy, Timestamp};

pub(crate) const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// Who asks for more is taken to mean this.
const LONGEST: Duration = Duration::from_hours(24);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// When the provider wants to be asked again: `retry-after-ms`, or `Retry-After` as seconds or as a
/// date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0);
    let span = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST);
    let said = text(&RETRY_AFTER_MS).and_then(number).map(|millis| span(millis / 1e3)).or_else(|| {
        let text = text(&RETRY_AFTER)?;
        number(text).map(span).or_else(|| {
            let date = DateTime::parse_from_rfc2822(text).ok()?;
            Some(Timestamp::from_micros(date.timestamp_micros()).since(now))
        })
    });
    said.map(|said| said.min(LONGEST))
}

/// How long to wait before the `retry`th repetition (from 1): longer each time, and never the same for
/// two callers.
pub(crate) fn backoff(retry: u32, entropy: &dyn Entropy) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(1 << retry.saturating_sub(1).min(10));
    doubled.min(LONGEST_BACKOFF).mul_f64(0.5 + 0.5 * fraction(entropy))
}

/// A number from 0 up to, but not, 1.
pub(super) fn fraction(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use promptgate_kernel::testing::SeededEntropy;

    fn said(headers: &[(HeaderName, &str)]) -> Option<u128> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, HeaderValue::from_str(value).unwrap());
        }
        // Wed, 21 Oct 2026 07:28:00 GMT.
        let now = Timestamp::from_micros(1_792_567_680_000_000);
        retry_after(&map, now).map(|after| after.as_millis())
    }

    #[test]
    fn every_way_of_saying_when_is_understood() {
        let date = |text| said(&[(RETRY_AFTER, text)]);
        assert_eq!(date("7"), Some(7_000));
        assert_eq!(date(" 1.5 "), Some(1_500));
        assert_eq!(date("Wed, 21 Oct 2026 07:28:09 GMT"), Some(9_000));
        assert_eq!(date("Wed, 21 Oct 2026 07:27:00 GMT"), Some(0), "the time is over");
        assert_eq!(said(&[(RETRY_AFTER, "7"), (RETRY_AFTER_MS, "1500")]), Some(1_500));
        assert_eq!(said(&[(RETRY_AFTER, "7"), (RETRY_AFTER_MS, "soon")]), Some(7_000));
        for wrong in ["soon", "-1", "NaN", ""] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
        assert_eq!(date("inf"), Some(86_400_000));
        assert_eq!(date("999999999"), Some(86_400_000));
    }

    #[test]
    fn backoffs_grow_and_differ() {
        let entropy = SeededEntropy::new(1);
        let waits: Vec<_> = (1..8).map(|retry| backoff(retry, &entropy)).collect();
        for (wait, longest) in waits.iter().zip([200, 400, 800, 1_600, 2_000, 2_000, 2_000]) {
            let longest = Duration::from_millis(longest);
            assert!(*wait >= longest / 2 && *wait <= longest, "{wait:?} of {longest:?}");
        }
        assert_ne!(backoff(1, &entropy), backoff(1, &entropy));
    }
}
