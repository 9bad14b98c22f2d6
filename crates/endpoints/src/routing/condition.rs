//! What a rule looks at.

use std::cmp::Ordering;

use super::Facts;

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `<`
    Less,
    /// `==`, `=`, or none
    Equal,
    /// `!=`
    Unequal,
}

/// A comparison with a number, such as `>= 1000`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// How.
    pub operator: Operator,
    /// With what.
    pub number: f64,
}

/// A part of the day in UTC, such as `22:00-06:00`; in minutes since midnight, the end not included.
/// It may pass midnight; from a time to the same time is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTime {
    from: u16,
    to: u16,
}

/// Something that must hold for a rule to be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// Of the prompt's tokens, by estimate.
    InputTokens(Comparison),
    /// Of the number of messages.
    MessagesCount(Comparison),
    /// Whether the endpoint has an output schema.
    HasOutputSchema(bool),
    /// Whether the endpoint has an input schema.
    HasInputSchema(bool),
    /// Whether a stream was asked for.
    Streaming(bool),
    /// Of the percentage of the month's budget that is spent; never holds without a budget.
    MonthlySpendPct(Comparison),
    /// Of the time.
    TimeOfDay(DayTime),
}

impl Condition {
    /// Whether it holds for a call.
    pub fn holds(&self, facts: &Facts) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a count of tokens or messages is far below 2^53")]
        match self {
            Self::InputTokens(comparison) => comparison.holds(facts.input_tokens as f64),
            Self::MessagesCount(comparison) => comparison.holds(facts.messages_count as f64),
            Self::HasOutputSchema(wanted) => facts.has_output_schema == *wanted,
            Self::HasInputSchema(wanted) => facts.has_input_schema == *wanted,
            Self::Streaming(wanted) => facts.streaming == *wanted,
            Self::MonthlySpendPct(comparison) => {
                facts.monthly_spend_pct.is_some_and(|percent| comparison.holds(percent))
            }
            Self::TimeOfDay(part) => part.holds(facts.now.as_seconds()),
        }
    }
}

impl Comparison {
    /// Reads a comparison: an operator and a number, blanks between them allowed.
    pub fn parse(text: &str) -> Option<Self> {
        const OPERATORS: [(&str, Operator); 7] = [
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            (">", Operator::More),
            ("<", Operator::Less),
            ("=", Operator::Equal),
        ];
        let text = text.trim();
        let (operator, number) = OPERATORS
            .into_iter()
            .find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))
            .unwrap_or((Operator::Equal, text));
        let number = number.trim();
        let plain = number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        let number = number.parse().ok().filter(|number: &f64| plain && number.is_finite())?;
        Some(Self { operator, number })
    }

    /// Whether it holds for a number.
    pub fn holds(&self, number: f64) -> bool {
        let order = number.partial_cmp(&self.number);
        match self.operator {
            Operator::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Operator::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::More => order == Some(Ordering::Greater),
            Operator::Less => order == Some(Ordering::Less),
            Operator::Equal => order == Some(Ordering::Equal),
            Operator::Unequal => order.is_some_and(|order| order != Ordering::Equal),
        }
    }
}

impl DayTime {
    /// Reads `HH:MM-HH:MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.trim().split_once('-')?;
        Some(Self { from: minutes(from)? % 1_440, to: minutes(to)? % 1_440 })
    }

    fn holds(self, seconds: i64) -> bool {
        let minute = seconds.div_euclid(60).rem_euclid(1_440);
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse::<u16>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|_| minutes.len() == 2)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= 1_440).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_operators_compare() {
        for (text, below, equal, above) in [
            (">= 5", false, true, true),
            ("<=5", true, true, false),
            (">5", false, false, true),
            ("< 5.0", true, false, false),
            ("== 5", false, true, false),
            ("=5", false, true, false),
            (" 5 ", false, true, false),
            ("!=5", true, false, true),
        ] {
            let comparison = Comparison::parse(text).unwrap();
            let held = [4.0, 5.0, 6.0].map(|number| comparison.holds(number));
            assert_eq!(held, [below, equal, above], "{text}");
        }
        for wrong in ["", ">", "=> 5", "5k", ">= x", "> 1 2", "nan", "inf", ">= 1e3", ">> 5", "5.5.5"] {
            assert_eq!(Comparison::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_of_the_day_pass_midnight_and_exclude_their_end() {
        let holds = |part: &str, time: &str| {
            let now: promptgate_kernel::Timestamp = format!("2026-01-02T{time}Z").parse().unwrap();
            DayTime::parse(part).unwrap().holds(now.as_seconds())
        };
        assert!(holds("22:00-06:00", "23:30:00") && holds("22:00-06:00", "05:59:59"));
        assert!(holds("22:00-06:00", "22:00:00") && !holds("22:00-06:00", "06:00:00"));
        assert!(!holds("22:00-06:00", "12:00:00"));
        assert!(holds("9:00 - 17:30", "17:29:59") && !holds("9:00-17:30", "17:30:00"));
        assert!(holds("00:00-24:00", "23:59:59") && holds("08:00-08:00", "07:00:00"));
        assert!(holds("18:00-24:00", "23:59:59") && !holds("18:00-24:00", "00:00:00"));
        for wrong in
            ["", "08:00", "8-9", "25:00-26:00", "08:60-09:00", "24:01-02:00", "a:b-c:d", "08:0-09:00"]
        {
            assert_eq!(DayTime::parse(wrong), None, "{wrong}");
        }
    }
}
