//! What rules may say.

use promptgate_guard::{Patterns, PiiKind, SecretKind};

use super::InvalidRules;
use super::access::{spans, zone};
use super::channel::Suspect;
use super::contextual::ContextualKind;
use super::guardrail::{Guardrail, Mode};
use super::redaction::RedactionKind;
use super::rules::{CustomPattern, Rules};
use crate::RuleAddress;

/// The most words, patterns, ranges or windows of one guardrail.
const MOST_WORDS: usize = 20_000;
const MOST_PATTERNS: usize = 100;
const MOST_RANGES: usize = 10_000;
const MOST_WINDOWS: usize = 100;
/// The longest word, pattern and label, in characters.
const LONGEST_WORD: usize = 200;
const LONGEST_PATTERN: usize = 1_000;
const LONGEST_LABEL: usize = 64;
/// What a score of certainty is.
const WHOLE: u16 = 1_000;

impl Rules {
    /// Whether everything in them can be understood and is within bounds.
    pub fn check(&self) -> Result<(), InvalidRules> {
        mode(Guardrail::PiiFilter, self.pii_filter.mode)?;
        mode(Guardrail::PromptInjection, self.prompt_injection.mode)?;
        mode(Guardrail::SecretScanner, self.secret_scanner.mode)?;
        mode(Guardrail::KeywordBlocklist, self.keyword_blocklist.mode)?;
        mode(Guardrail::ContentLength, self.content_length.mode)?;
        for list in self.lists() {
            names(&list)?;
        }
        patterns("pii_filter.custom_patterns", self.pii_filter.custom_patterns.as_deref())?;
        patterns(
            "reversible_redaction.custom_patterns",
            self.reversible_redaction.custom_patterns.as_deref(),
        )?;
        self.thresholds()?;
        self.words()?;
        self.lengths()?;
        self.ranges()?;
        self.windows()
    }

    /// What they name of what there is to be named.
    pub(super) fn lists(&self) -> impl Iterator<Item = NamedList<'_>> {
        let lists: [(_, _, IsKnown); 4] = [
            ("pii_filter.types", &self.pii_filter.types, |name| {
                PiiKind::of_name(name).is_some() || ContextualKind::named(name).is_some()
            }),
            ("prompt_injection.channels", &self.prompt_injection.channels, |name| {
                Suspect::named(name).is_some()
            }),
            ("secret_scanner.patterns", &self.secret_scanner.patterns, |name| {
                SecretKind::named(name).is_some()
            }),
            ("reversible_redaction.types", &self.reversible_redaction.types, |name| {
                RedactionKind::named(name).is_some()
            }),
        ];
        lists.into_iter().map(|(field, names, is_known)| {
            let names = names.as_deref().unwrap_or_default();
            NamedList { field, names, is_known }
        })
    }

    fn thresholds(&self) -> Result<(), InvalidRules> {
        let rule = &self.prompt_injection;
        for (name, value) in [("threshold", rule.threshold), ("tool_threshold", rule.tool_threshold)] {
            if value.is_some_and(|value| value > WHOLE) {
                return Err(wrong(format!("prompt_injection.{name}"), "must be 0 to 1000 thousandths"));
            }
        }
        Ok(())
    }

    fn words(&self) -> Result<(), InvalidRules> {
        let words = self.keyword_blocklist.words.as_deref().unwrap_or_default();
        most("keyword_blocklist.words", words.len(), MOST_WORDS)?;
        for (at, word) in words.iter().enumerate() {
            if word.trim().is_empty() || word.chars().count() > LONGEST_WORD {
                let reason = format!("must have 1 to {LONGEST_WORD} characters that are not all blanks");
                return Err(wrong(format!("keyword_blocklist.words[{at}]"), reason));
            }
        }
        Ok(())
    }

    fn lengths(&self) -> Result<(), InvalidRules> {
        match (self.content_length.min, self.content_length.max) {
            (Some(min), Some(max)) if min > max => {
                Err(wrong("content_length.max", format!("must not be less than min, which is {min}")))
            }
            _ => Ok(()),
        }
    }

    fn ranges(&self) -> Result<(), InvalidRules> {
        let cidrs = self.ip_allowlist.cidrs.as_deref().unwrap_or_default();
        most("ip_allowlist.cidrs", cidrs.len(), MOST_RANGES)?;
        match cidrs.iter().position(|cidr| RuleAddress::parse(cidr).is_err()) {
            None => Ok(()),
            Some(at) => Err(wrong(
                format!("ip_allowlist.cidrs[{at}]"),
                "must be an IPv4 or IPv6 address, or a range such as 192.0.2.0/24",
            )),
        }
    }

    fn windows(&self) -> Result<(), InvalidRules> {
        let rule = &self.time_window;
        if rule.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
            return Err(wrong("time_window.timezone", "must be a time zone's name, such as Europe/Berlin"));
        }
        let windows = rule.windows.as_deref().unwrap_or_default();
        most("time_window.windows", windows.len(), MOST_WINDOWS)?;
        match windows.iter().position(|window| spans(window).is_none()) {
            None => Ok(()),
            Some(at) => Err(wrong(
                format!("time_window.windows[{at}]"),
                "must have `from` and `to` as HH:MM, and `days` of mon, tue, wed, thu, fri, sat, sun",
            )),
        }
    }
}

fn mode(guardrail: Guardrail, mode: Option<Mode>) -> Result<(), InvalidRules> {
    match mode {
        Some(mode) if !guardrail.modes().contains(&mode) => {
            let allowed: Vec<_> = guardrail.modes().iter().map(|mode| mode.name()).collect();
            Err(wrong(format!("{guardrail}.mode"), format!("must be one of {}", allowed.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Whether a name is one.
type IsKnown = fn(&str) -> bool;

/// A list of names, each of which has to be known.
pub(super) struct NamedList<'a> {
    /// Where it stands.
    pub(super) field: &'static str,
    /// Those in it.
    pub(super) names: &'a [String],
    is_known: IsKnown,
}

impl<'a> NamedList<'a> {
    /// Those in it that nobody knows here, with their places.
    pub(super) fn unknown(&self) -> impl Iterator<Item = (usize, &'a String)> {
        self.names.iter().enumerate().filter(|(_, name)| !(self.is_known)(name))
    }
}

fn names(list: &NamedList<'_>) -> Result<(), InvalidRules> {
    match list.unknown().next() {
        None => Ok(()),
        Some((at, name)) => {
            let name: String = name.chars().take(LONGEST_LABEL).collect();
            Err(wrong(format!("{}[{at}]", list.field), format!("names no known kind: `{name}`")))
        }
    }
}

fn patterns(field: &str, patterns: Option<&[CustomPattern]>) -> Result<(), InvalidRules> {
    let patterns = patterns.unwrap_or_default();
    most(field, patterns.len(), MOST_PATTERNS)?;
    for (at, pattern) in patterns.iter().enumerate() {
        let label = pattern.label.trim();
        if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.contains(is_odd) {
            let reason =
                format!("must have 1 to {LONGEST_LABEL} characters, no quotes or backslashes among them");
            return Err(wrong(format!("{field}[{at}].label"), reason));
        }
        if pattern.pattern.chars().count() > LONGEST_PATTERN {
            let reason = format!("must have at most {LONGEST_PATTERN} characters");
            return Err(wrong(format!("{field}[{at}].pattern"), reason));
        }
        if let Err(invalid) = Patterns::new([(label, pattern.pattern.as_str())]) {
            return Err(wrong(format!("{field}[{at}].pattern"), format!("is no pattern: {invalid}")));
        }
    }
    Ok(())
}

/// What would break the JSON that a label may come to stand in.
fn is_odd(character: char) -> bool {
    character.is_control() || matches!(character, '"' | '\\')
}

fn most(field: &str, count: usize, most: usize) -> Result<(), InvalidRules> {
    if count > most {
        return Err(wrong(field, format!("must have at most {most} entries")));
    }
    Ok(())
}

fn wrong(field: impl Into<String>, reason: impl Into<String>) -> InvalidRules {
    InvalidRules { field: field.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<(), String> {
        let rules: Rules = serde_json::from_str(json).unwrap();
        rules.check().map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            (r#"{"prompt_injection":{"mode":"mask"}}"#, "prompt_injection.mode must be one of audit, block"),
            (
                r#"{"pii_filter":{"types":["email","shoe_size"]}}"#,
                "pii_filter.types[1] names no known kind: `shoe_size`",
            ),
            (
                r#"{"secret_scanner":{"patterns":["x"]}}"#,
                "secret_scanner.patterns[0] names no known kind: `x`",
            ),
            (
                r#"{"reversible_redaction":{"types":["iban","x"]}}"#,
                "reversible_redaction.types[1] names no known kind: `x`",
            ),
            (
                r#"{"prompt_injection":{"channels":["user","system"]}}"#,
                "prompt_injection.channels[1] names no known kind: `system`",
            ),
            (
                r#"{"prompt_injection":{"threshold":1001}}"#,
                "prompt_injection.threshold must be 0 to 1000 thousandths",
            ),
            (
                r#"{"content_length":{"min":5,"max":4}}"#,
                "content_length.max must not be less than min, which is 5",
            ),
            (
                r#"{"time_window":{"timezone":"Berlin"}}"#,
                "time_window.timezone must be a time zone's name, such as Europe/Berlin",
            ),
            (
                r#"{"keyword_blocklist":{"words":["fine"," "]}}"#,
                "keyword_blocklist.words[1] must have 1 to 200 characters that are not all blanks",
            ),
            (
                r#"{"ip_allowlist":{"cidrs":["10.0.0.0/8","10.0.0.0/33"]}}"#,
                "ip_allowlist.cidrs[1] must be an IPv4 or IPv6 address, or a range such as 192.0.2.0/24",
            ),
            (
                r#"{"pii_filter":{"custom_patterns":[{"label":"","pattern":"x"}]}}"#,
                "pii_filter.custom_patterns[0].label must have 1 to 64 characters, no quotes or backslashes among them",
            ),
        ];
        for (rules, message) in table {
            assert_eq!(checked(rules), Err(message.to_owned()), "{rules}");
        }
        let pattern =
            checked(r#"{"reversible_redaction":{"custom_patterns":[{"label":"Order","pattern":"/(/"}]}}"#);
        assert!(
            pattern.unwrap_err().starts_with("reversible_redaction.custom_patterns[0].pattern is no pattern")
        );
    }

    #[test]
    fn what_is_right_passes() {
        let all = r#"{
            "reversible_redaction":{"enabled":true,"types":["email","ipv4"],"custom_patterns":[{"label":"Order ID","pattern":"/ORD-\\d{6}/i"}]},
            "pii_filter":{"enabled":true,"mode":"redact","direction":"both","strictness":"lenient","types":["email"]},
            "prompt_injection":{"enabled":true,"mode":"audit","threshold":800,"tool_threshold":500,"channels":["user","assistant"]},
            "secret_scanner":{"enabled":true,"mode":"block","patterns":["github_pat"]},
            "keyword_blocklist":{"enabled":true,"mode":"block","words":["zebra"]},
            "content_length":{"enabled":true,"min":1,"max":1},
            "ip_allowlist":{"enabled":true,"cidrs":["192.0.2.1","2001:db8::/32"]},
            "time_window":{"enabled":true,"timezone":"UTC","windows":[{"days":["mon"],"from":"22:00","to":"06:00"}]}
        }"#;
        assert_eq!(checked(all), Ok(()));
        assert_eq!(checked("{}"), Ok(()));
    }
}
