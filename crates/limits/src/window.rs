//! The times within which something is counted.

use std::time::Duration;

use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use promptgate_kernel::Timestamp;

/// A time within which something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// A minute of the wall clock.
    Minute,
    /// An hour of the wall clock, in UTC.
    Hour,
    /// A calendar day in the installation's time zone.
    Day,
    /// A calendar month there.
    Month,
    /// The last five hours, counted in minutes.
    FiveHours,
    /// The last seven days, counted in hours.
    SevenDays,
    /// No time: what is under way now.
    Now,
}

/// Where a window stands at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first bucket that counts.
    pub since: Timestamp,
    /// The bucket into which what is used now is counted. Windows that turn as a whole have one.
    pub bucket: Timestamp,
    /// When what is counted into that bucket counts no longer.
    pub until: Timestamp,
}

impl Window {
    /// Every window.
    pub const ALL: [Self; 7] =
        [Self::Minute, Self::Hour, Self::Day, Self::Month, Self::FiveHours, Self::SevenDays, Self::Now];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::FiveHours => "5h",
            Self::SevenDays => "7d",
            Self::Now => "now",
        }
    }

    /// Whether it is one of those that usage events are charged to: days, months and those that roll.
    pub const fn is_ledger(self) -> bool {
        matches!(self, Self::Day | Self::Month | Self::FiveHours | Self::SevenDays)
    }

    /// Where it stands at an instant. Days and months begin at midnight in `zone`, or where a day has
    /// no midnight, at its first instant.
    ///
    /// Windows that slide are counted in buckets: what was used counts until its whole bucket is older
    /// than the window, so for up to one bucket longer than the window is, never for less.
    pub fn span(self, now: Timestamp, zone: Tz) -> Span {
        match self {
            Self::Minute => turning(now, Duration::from_mins(1)),
            Self::Hour => turning(now, Duration::from_hours(1)),
            Self::FiveHours => sliding(now, Duration::from_hours(5), Duration::from_mins(1)),
            Self::SevenDays => sliding(now, Duration::from_hours(7 * 24), Duration::from_hours(1)),
            Self::Day => calendar(now, zone, |day| day, |day| day.checked_add_days(Days::new(1))),
            Self::Month => calendar(
                now,
                zone,
                |day| day.with_day(1).unwrap_or(day),
                |first| first.checked_add_months(Months::new(1)),
            ),
            Self::Now => Span {
                since: Timestamp::from_micros(0),
                bucket: Timestamp::from_micros(0),
                until: Timestamp::from_micros(i64::MAX),
            },
        }
    }
}

/// The start of the stretch of `length` that an instant lies in, counted from the epoch.
fn floor(at: Timestamp, length: Duration) -> Timestamp {
    let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.as_micros().div_euclid(length).saturating_mul(length))
}

fn turning(now: Timestamp, length: Duration) -> Span {
    let bucket = floor(now, length);
    Span { since: bucket, bucket, until: bucket.plus(length) }
}

fn sliding(now: Timestamp, window: Duration, bucket: Duration) -> Span {
    let current = floor(now, bucket);
    Span {
        since: floor(now.minus(window), bucket),
        bucket: current,
        until: current.plus(bucket).plus(window),
    }
}

fn calendar(
    now: Timestamp,
    zone: Tz,
    first: impl Fn(NaiveDate) -> NaiveDate,
    next: impl Fn(NaiveDate) -> Option<NaiveDate>,
) -> Span {
    let Some(instant) = DateTime::from_timestamp_micros(now.as_micros()) else {
        // No call arrives outside the years that a calendar has.
        return turning(now, Duration::from_hours(24));
    };
    let begins = first(instant.with_timezone(&zone).date_naive());
    let ends = next(begins).unwrap_or(begins);
    let bucket = beginning(begins, zone);
    Span { since: bucket, bucket, until: beginning(ends, zone) }
}

/// The first instant of a day. Where clocks are set over midnight, that is the first one after the gap;
/// where midnight comes twice, the first of the two.
fn beginning(day: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    let instant = (0..24 * 4).find_map(|quarters| {
        let local = midnight + chrono::Duration::minutes(15 * quarters);
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
            LocalResult::None => None,
        }
    });
    let micros = instant.map_or_else(|| midnight.and_utc().timestamp_micros(), |at| at.timestamp_micros());
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Europe, UTC};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(window: Window, now: &str, zone: Tz) -> (String, String) {
        let span = window.span(at(now), zone);
        assert_eq!(span.since, span.bucket);
        (span.since.to_string(), span.until.to_string())
    }

    #[test]
    fn minutes_and_hours_turn_on_the_wall_clock() {
        let (since, until) = span(Window::Minute, "2026-11-22T10:59:59.999999Z", UTC);
        assert_eq!(
            (since.as_str(), until.as_str()),
            ("2026-11-22T10:59:00.000000Z", "2026-11-22T11:00:00.000000Z")
        );
        let (since, until) = span(Window::Hour, "2026-11-22T11:00:00Z", UTC);
        assert_eq!(
            (since.as_str(), until.as_str()),
            ("2026-11-22T11:00:00.000000Z", "2026-11-22T12:00:00.000000Z")
        );
    }

    #[test]
    fn days_and_months_turn_right_with_summer_time() {
        // The day on which Berlin's clocks go forward has 23 hours, the one on which they go back 25.
        let (since, until) = span(Window::Day, "2026-03-29T12:00:00Z", Europe::Berlin);
        assert_eq!(
            (since.as_str(), until.as_str()),
            ("2026-03-28T23:00:00.000000Z", "2026-03-29T22:00:00.000000Z")
        );
        let (since, until) = span(Window::Day, "2026-10-25T12:00:00Z", Europe::Berlin);
        assert_eq!(
            (since.as_str(), until.as_str()),
            ("2026-10-24T22:00:00.000000Z", "2026-10-25T23:00:00.000000Z")
        );
        let (since, until) = span(Window::Month, "2026-03-31T22:30:00Z", Europe::Berlin);
        assert_eq!(
            (since.as_str(), until.as_str()),
            ("2026-03-31T22:00:00.000000Z", "2026-04-30T22:00:00.000000Z")
        );
        let (since, until) = span(Window::Month, "2026-12-31T23:59:59Z", America::New_York);
        assert_eq!(
            (since.as_str(), until.as_str()),
            ("2026-12-01T05:00:00.000000Z", "2027-01-01T05:00:00.000000Z")
        );
    }

    #[test]
    fn a_day_without_midnight_begins_with_its_first_instant() {
        // Beirut's clocks go from 00:00 to 01:00.
        let (since, _) = span(Window::Day, "2026-03-29T12:00:00Z", Asia::Beirut);
        assert_eq!(since, "2026-03-28T22:00:00.000000Z");
        // Havana's go back from 01:00 to 00:00: midnight comes twice.
        let (since, _) = span(Window::Day, "2026-11-01T12:00:00Z", America::Havana);
        assert_eq!(since, "2026-11-01T04:00:00.000000Z");
    }

    #[test]
    fn nothing_counts_for_less_than_a_window_that_slides() {
        let span = Window::FiveHours.span(at("2026-11-22T10:30:30Z"), UTC);
        assert_eq!(span.bucket, at("2026-11-22T10:30:00Z"));
        assert_eq!(span.since, at("2026-11-22T05:30:00Z"));
        assert_eq!(span.until, at("2026-11-22T15:31:00Z"));
    }

    proptest! {
        #[test]
        fn an_instant_lies_in_its_own_span_and_the_next_begins_where_it_ends(
            micros in 0i64..4_000_000_000_000_000,
            zone in prop::sample::select(vec![UTC, Europe::Berlin, America::Havana, Asia::Beirut, Asia::Kathmandu]),
        ) {
            let now = Timestamp::from_micros(micros);
            for window in [Window::Minute, Window::Hour, Window::Day, Window::Month] {
                let span = window.span(now, zone);
                prop_assert!(span.since <= now && now < span.until, "{window:?}: {now} {span:?}");
                let last = Timestamp::from_micros(span.until.as_micros() - 1);
                prop_assert_eq!(window.span(last, zone), span);
                prop_assert_eq!(window.span(span.until, zone).since, span.until);
            }
            for (window, length) in [(Window::FiveHours, 5), (Window::SevenDays, 7 * 24)] {
                let length = Duration::from_hours(length);
                let span = window.span(now, zone);
                // Just as long as a use has to count, its bucket counts.
                prop_assert!(window.span(now.plus(length), zone).since <= span.bucket);
                prop_assert!(window.span(span.until, zone).since > span.bucket);
            }
        }
    }
}
