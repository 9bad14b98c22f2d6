//! From where, and when.

use std::net::IpAddr;

use chrono::{DateTime, Datelike, Timelike, Weekday};
use chrono_tz::Tz;
use promptgate_kernel::Timestamp;

use super::rules::{IpAllowlistRule, TimeWindowRule, Window};
use crate::RuleAddress;
use crate::compiled::ByAddress;

const MINUTES_A_DAY: u32 = 24 * 60;
const MINUTES_A_WEEK: u32 = 7 * MINUTES_A_DAY;

/// Why a call may not come now, or from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The client's address is not on the allowlist.
    #[error("calls from this address are not allowed by the ip_allowlist guardrail")]
    Address,
    /// Nobody knows what the guardrails say.
    #[error("the guardrails of this endpoint cannot be read; an administrator must write them anew")]
    Unreadable,
    /// It is not within the windows.
    #[error("calls at this time are not allowed by the time_window guardrail")]
    Time,
}

/// The guardrails that look at no text: from where, and when.
#[derive(Debug, Clone, Default)]
pub struct AccessPolicy {
    allowlist: Option<ByAddress>,
    windows: Option<Windows>,
    is_closed: bool,
}

#[derive(Debug, Clone)]
struct Windows {
    zone: Tz,
    /// Minutes of the week, Monday's midnight first; ends are not included.
    spans: Vec<(u32, u32)>,
}

impl AccessPolicy {
    /// Compiles rules. What cannot be understood, which a check refuses before it is stored, lets
    /// nobody in: an allowlist with a mistake in it must not be an open door.
    pub fn compile(allowlist: &IpAllowlistRule, windows: &TimeWindowRule) -> Self {
        let enabled = |enabled: Option<bool>| enabled == Some(true);
        Self {
            allowlist: enabled(allowlist.enabled).then(|| {
                let cidrs = allowlist.cidrs.iter().flatten();
                let read: Vec<_> = cidrs.filter_map(|text| RuleAddress::parse(text).ok()).collect();
                ByAddress::new(&read)
            }),
            windows: enabled(windows.enabled).then(|| {
                let name = windows.timezone.as_deref();
                match name.map_or(Some(Tz::UTC), zone) {
                    Some(zone) => Windows {
                        zone,
                        spans: windows.windows.iter().flatten().filter_map(spans).flatten().collect(),
                    },
                    None => Windows { zone: Tz::UTC, spans: Vec::new() },
                }
            }),
            is_closed: false,
        }
    }

    /// Lets nobody in.
    pub(crate) fn closed() -> Self {
        Self { is_closed: true, ..Self::default() }
    }

    /// Whether it lets nobody in, because nobody knows what the guardrails say.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether a call may come. An address that is not known is on no list.
    pub fn check(&self, client: Option<IpAddr>, now: Timestamp) -> Result<(), AccessDenied> {
        if self.is_closed {
            return Err(AccessDenied::Unreadable);
        }
        if let Some(allowlist) = &self.allowlist
            && client.is_none_or(|client| allowlist.first(client).is_none())
        {
            return Err(AccessDenied::Address);
        }
        if let Some(windows) = &self.windows
            && !windows.hold(now)
        {
            return Err(AccessDenied::Time);
        }
        Ok(())
    }
}

impl Windows {
    fn hold(&self, now: Timestamp) -> bool {
        let Some(now) = DateTime::from_timestamp_micros(now.as_micros()) else { return false };
        let local = now.with_timezone(&self.zone);
        let minute =
            local.weekday().num_days_from_monday() * MINUTES_A_DAY + local.hour() * 60 + local.minute();
        self.spans.iter().any(|&(from, to)| from <= minute && minute < to)
    }
}

/// The time zone with a name of the IANA database.
pub(super) fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// The minutes of the week that a window covers; `None` when it is not one.
pub(super) fn spans(window: &Window) -> Option<Vec<(u32, u32)>> {
    let (from, to) = (minute_of_day(&window.from)?, minute_of_day(&window.to)?);
    if from == MINUTES_A_DAY {
        return None;
    }
    let length = if to > from { to - from } else { MINUTES_A_DAY - from + to };
    let days: Option<Vec<_>> = window.days.iter().map(|day| weekday(day)).collect();
    let mut days = days?;
    if days.is_empty() {
        days = (0..7).collect();
    }
    let mut spans = Vec::new();
    for day in days {
        let begin = day * MINUTES_A_DAY + from;
        let end = begin + length;
        spans.push((begin, end.min(MINUTES_A_WEEK)));
        if end > MINUTES_A_WEEK {
            spans.push((0, end - MINUTES_A_WEEK));
        }
    }
    Some(spans)
}

fn weekday(name: &str) -> Option<u32> {
    const NAMES: [(&str, Weekday); 7] = [
        ("mon", Weekday::Mon),
        ("tue", Weekday::Tue),
        ("wed", Weekday::Wed),
        ("thu", Weekday::Thu),
        ("fri", Weekday::Fri),
        ("sat", Weekday::Sat),
        ("sun", Weekday::Sun),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, day)| day.num_days_from_monday())
}

fn minute_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| plain)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= MINUTES_A_DAY).then_some(minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[&str], from: &str, to: &str) -> Window {
        Window {
            days: days.iter().map(|&day| day.to_owned()).collect(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    fn policy(zone: &str, windows: Vec<Window>) -> AccessPolicy {
        let rule =
            TimeWindowRule { enabled: Some(true), timezone: Some(zone.to_owned()), windows: Some(windows) };
        AccessPolicy::compile(&IpAllowlistRule::default(), &rule)
    }

    fn open(policy: &AccessPolicy, at: &str) -> bool {
        policy.check(None, at.parse().unwrap()).is_ok()
    }

    #[test]
    fn a_window_is_in_its_own_time_zone_and_ends_before_its_end() {
        let office = policy("Europe/Berlin", vec![window(&["mon", "fri"], "09:00", "17:30")]);
        // 2026-11-23 is a Monday; Berlin is an hour ahead in winter and two in summer.
        assert!(!open(&office, "2026-11-23T07:59:59Z"));
        assert!(open(&office, "2026-11-23T08:00:00Z"));
        assert!(open(&office, "2026-11-23T16:29:59Z"));
        assert!(!open(&office, "2026-11-23T16:30:00Z"));
        assert!(!open(&office, "2026-11-24T12:00:00Z"));
        assert!(open(&office, "2026-07-03T07:00:00Z"));
    }

    #[test]
    fn a_window_over_midnight_ends_on_the_next_day_and_over_sunday_on_monday() {
        let night = policy("UTC", vec![window(&["sun"], "22:00", "06:00")]);
        assert!(open(&night, "2026-11-22T23:00:00Z"));
        assert!(open(&night, "2026-11-23T05:59:00Z"));
        assert!(!open(&night, "2026-11-23T06:00:00Z"));
        assert!(!open(&night, "2026-11-23T23:00:00Z"));
        let whole = policy("UTC", vec![window(&[], "00:00", "00:00")]);
        assert!(open(&whole, "2026-11-25T12:00:00Z"));
        let whole = policy("UTC", vec![window(&["wed"], "00:00", "24:00")]);
        assert!(open(&whole, "2026-11-25T23:59:59Z") && !open(&whole, "2026-11-26T00:00:00Z"));
    }

    #[test]
    fn no_window_means_never() {
        assert!(!open(&policy("UTC", Vec::new()), "2026-11-25T12:00:00Z"));
        assert!(open(&AccessPolicy::default(), "2026-11-25T12:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_no_window() {
        for (from, to) in
            [("9:00", "17:00"), ("09:60", "17:00"), ("09:00", "24:01"), ("24:00", "01:00"), ("", "")]
        {
            assert_eq!(spans(&window(&[], from, to)), None, "{from} {to}");
        }
        assert_eq!(spans(&window(&["Monday"], "09:00", "17:00")), None);
    }

    #[test]
    fn the_allowlist_knows_ranges_of_both_kinds() {
        let rule = IpAllowlistRule {
            enabled: Some(true),
            cidrs: Some(vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()]),
        };
        let policy = AccessPolicy::compile(&rule, &TimeWindowRule::default());
        let check = |client: Option<&str>| {
            policy.check(client.map(|client| client.parse().unwrap()), Timestamp::default())
        };
        assert_eq!(check(Some("192.0.2.7")), Ok(()));
        assert_eq!(check(Some("::ffff:192.0.2.7")), Ok(()));
        assert_eq!(check(Some("2001:db8::7")), Ok(()));
        assert_eq!(check(Some("198.51.100.1")), Err(AccessDenied::Address));
        assert_eq!(check(None), Err(AccessDenied::Address));
    }

    #[test]
    fn an_allowlist_may_be_long_and_its_ranges_may_overlap() {
        let singles = (0..9_000u32).map(|at| format!("10.{}.{}.7", at / 256, at % 256));
        let ranges = ["10.0.0.0/24", "10.0.0.0/16", "10.0.0.7", "::1", "2001:db8::/32", "2001:db8::/64"];
        let rule = IpAllowlistRule {
            enabled: Some(true),
            cidrs: Some(singles.chain(ranges.map(str::to_owned)).collect()),
        };
        let policy = AccessPolicy::compile(&rule, &TimeWindowRule::default());
        for (client, expected) in [
            ("10.0.200.200", true),
            ("10.1.0.7", true),
            ("10.1.0.8", false),
            ("10.35.39.7", true),
            ("10.35.40.7", false),
            ("127.0.0.1", true),
            ("::1", true),
            ("2001:db8:0:1::1", true),
            ("2001:db9::1", false),
        ] {
            let client = Some(client.parse().unwrap());
            assert_eq!(policy.check(client, Timestamp::default()).is_ok(), expected, "{client:?}");
        }
    }
}
