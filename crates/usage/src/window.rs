//! How far back statistics look.

use promptgate_kernel::Timestamp;

use crate::Day;

/// How far back statistics look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Window {
    /// Today and the six days before.
    Week,
    /// Today and the 29 days before.
    #[default]
    Month,
    /// From the first day with a call on.
    All,
}

/// A text that names no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window must be 7d, 30d or all")]
pub struct InvalidWindow;

impl Window {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
            Self::All => "all",
        }
    }

    /// The window that is asked for by its name or, in the older way, by a number of days; a month when
    /// it is by neither.
    pub fn asked(window: Option<&str>, days: Option<&str>) -> Result<Self, InvalidWindow> {
        match window.map(|window| window.trim().to_ascii_lowercase()).as_deref() {
            Some("7d") => Ok(Self::Week),
            Some("30d") => Ok(Self::Month),
            Some("all") => Ok(Self::All),
            None | Some("") => Self::asked_in_days(days),
            Some(_) => Err(InvalidWindow),
        }
    }

    /// The window that is asked for by a number of days; a month when there is none.
    pub fn asked_in_days(days: Option<&str>) -> Result<Self, InvalidWindow> {
        match days.map(str::trim) {
            None | Some("" | "30") => Ok(Self::Month),
            Some("7") => Ok(Self::Week),
            Some(_) => Err(InvalidWindow),
        }
    }

    /// How many days it has; `None` where the calls decide.
    pub const fn days(self) -> Option<i64> {
        match self {
            Self::Week => Some(7),
            Self::Month => Some(30),
            Self::All => None,
        }
    }

    /// What it covers now. `earliest` is the first day with a call and counts for [`Self::All`] alone.
    pub fn resolve(self, earliest: Option<Day>, now: Timestamp) -> Period {
        let today = Day::of(now);
        let first = match self.days() {
            Some(days) => Some(today.back(days - 1)),
            // A call from tomorrow was recorded by a clock that is ahead.
            None => earliest.map(|earliest| earliest.min(today)),
        };
        Period {
            window: self,
            starts_at: first.map_or(now, Day::starts_at),
            ends_at: now,
            days: first.map(|first| Days { first, last: today }),
        }
    }
}

/// What a window covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The window.
    pub window: Window,
    /// The midnight it begins with; its end, if there is no call in all time.
    pub starts_at: Timestamp,
    /// When it was asked for.
    pub ends_at: Timestamp,
    /// The days that count, whole; `None` if there is no call in all time.
    pub days: Option<Days>,
}

/// Days one after the other, of which there is at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first of them.
    pub first: Day,
    /// The last one, which counts too.
    pub last: Day,
}

impl Days {
    /// Each of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Day> {
        std::iter::successors(Some(self.first), |day| Some(day.next()))
            .take_while(move |day| *day <= self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        Day::of(at(&format!("{text}T12:00:00Z")))
    }

    #[test]
    fn windows_are_asked_for_by_name_and_of_old_by_days() {
        for (window, days, expected) in [
            (Some(" 7D "), None, Ok(Window::Week)),
            (Some("30d"), Some("x"), Ok(Window::Month)),
            (Some("All"), None, Ok(Window::All)),
            (None, None, Ok(Window::Month)),
            (Some(" "), Some("7"), Ok(Window::Week)),
            (None, Some("30"), Ok(Window::Month)),
            (None, Some(""), Ok(Window::Month)),
            (Some("14d"), None, Err(InvalidWindow)),
            (Some("7"), Some("7"), Err(InvalidWindow)),
            (None, Some("14"), Err(InvalidWindow)),
            (None, Some("7d"), Err(InvalidWindow)),
        ] {
            assert_eq!(Window::asked(window, days), expected, "{window:?} {days:?}");
        }
        for window in [Window::Week, Window::Month, Window::All] {
            assert_eq!(Window::asked(Some(window.as_str()), None), Ok(window));
        }
    }

    #[test]
    fn a_week_has_seven_days_over_the_end_of_a_leap_february() {
        let now = at("2024-03-03T00:00:00Z");
        let period = Window::Week.resolve(Some(day("2020-01-01")), now);
        assert_eq!((period.starts_at, period.ends_at), (at("2024-02-26T00:00:00Z"), now));
        let days: Vec<String> = period.days.unwrap().iter().map(|day| day.to_string()).collect();
        let expected = ["2024-02-26", "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"];
        assert_eq!((&days[..6], &*days[6]), (&expected.map(String::from)[..], "2024-03-03"));
        let last = Window::Month.resolve(None, at("2023-03-01T23:59:59.999999Z"));
        assert_eq!((last.days.unwrap().iter().count(), last.starts_at), (30, at("2023-01-31T00:00:00Z")));
    }

    #[test]
    fn all_time_begins_with_the_first_call() {
        let now = at("2026-01-30T08:00:00Z");
        let count =
            |earliest| Window::All.resolve(Some(earliest), now).days.map_or(0, |days| days.iter().count());
        assert_eq!(count(day("2026-01-02")), 29);
        assert_eq!((count(day("2026-01-30")), count(day("2026-02-02"))), (1, 1), "a clock may be ahead");
        let none = Window::All.resolve(None, now);
        assert_eq!((none.starts_at, none.ends_at, none.days), (now, now, None));
    }
}
