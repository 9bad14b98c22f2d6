//! Of which sums a time is made: those of days and hours where they are kept, those of quarters of an hour
//! at its ends.

/// Microseconds of a quarter of an hour.
pub(crate) const QUARTER: i64 = 900_000_000;
/// Microseconds of an hour.
pub(crate) const HOUR: i64 = 4 * QUARTER;
/// Microseconds of a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// By the quarter, with everything that calls are told apart by.
pub(crate) const QUARTERS: &str = "usage_quarters";
/// By the hour, without tokens and owners.
pub(crate) const HOURS: &str = "usage_hours";
/// By the day, without tokens.
pub(crate) const DAYS: &str = "usage_days";
/// By the day, with everything.
pub(crate) const TOKEN_DAYS: &str = "usage_token_days";

/// A table, and from when to when it is read.
pub(crate) type Stretch = (&'static str, i64, i64);

/// What sums must be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The token, and whatever else.
    Token,
    /// The owner, and what is not the token.
    Owner,
    /// Neither of them.
    Neither,
}

impl Detail {
    /// The table that has whole days.
    pub(crate) const fn days(self) -> &'static str {
        match self {
            Self::Token => TOKEN_DAYS,
            Self::Owner | Self::Neither => DAYS,
        }
    }

    /// The stretches of a time, each in the table that has it in the fewest rows.
    pub(crate) fn stretches(self, from: i64, until: i64) -> Vec<Stretch> {
        let levels: &[(&'static str, i64)] = match self {
            Self::Token => &[(TOKEN_DAYS, DAY)],
            Self::Owner => &[(DAYS, DAY)],
            Self::Neither => &[(DAYS, DAY), (HOURS, HOUR)],
        };
        let mut stretches = Vec::with_capacity(2 * levels.len() + 1);
        cut(levels, from, until, &mut stretches);
        stretches
    }
}

fn cut(levels: &[(&'static str, i64)], from: i64, until: i64, stretches: &mut Vec<Stretch>) {
    if from >= until {
        return;
    }
    let Some(((table, length), finer)) = levels.split_first() else {
        return stretches.push((QUARTERS, from, until));
    };
    let first = from.saturating_add(length - 1).div_euclid(*length) * length;
    let last = until.div_euclid(*length) * length;
    if first >= last {
        return cut(finer, from, until, stretches);
    }
    cut(finer, from, first, stretches);
    stretches.push((table, first, last));
    cut(finer, last, until, stretches);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_is_read_where_it_has_the_fewest_rows() {
        let (from, until) = (2 * HOUR + QUARTER, 3 * DAY + HOUR + QUARTER);
        assert_eq!(
            Detail::Neither.stretches(from, until),
            [
                (QUARTERS, from, 3 * HOUR),
                (HOURS, 3 * HOUR, DAY),
                (DAYS, DAY, 3 * DAY),
                (HOURS, 3 * DAY, 3 * DAY + HOUR),
                (QUARTERS, 3 * DAY + HOUR, until)
            ]
        );
        let ends = |days| [(QUARTERS, from, DAY), (days, DAY, 3 * DAY), (QUARTERS, 3 * DAY, until)];
        assert_eq!(Detail::Owner.stretches(from, until), ends(DAYS));
        assert_eq!(Detail::Token.stretches(from, until), ends(TOKEN_DAYS));
        assert_eq!(Detail::Neither.stretches(DAY, 2 * DAY), [(DAYS, DAY, 2 * DAY)]);
        assert_eq!(Detail::Neither.stretches(HOUR, DAY + HOUR), [(HOURS, HOUR, DAY + HOUR)]);
        assert_eq!(Detail::Owner.stretches(HOUR, DAY + HOUR), [(QUARTERS, HOUR, DAY + HOUR)]);
        assert_eq!(Detail::Neither.stretches(QUARTER, HOUR + QUARTER), [(QUARTERS, QUARTER, HOUR + QUARTER)]);
        assert_eq!(Detail::Neither.stretches(DAY, DAY), []);
        assert_eq!(Detail::Neither.stretches(2 * DAY, DAY), []);
        assert_eq!(Detail::Neither.stretches(DAY, i64::MAX)[0].0, DAYS);
    }
}
