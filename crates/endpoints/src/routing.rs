//! Routing rules: which model answers, decided by the call.

mod condition;
mod parse;

use promptgate_kernel::Timestamp;

pub use condition::{Comparison, Condition, DayTime, Operator};

/// A text that is no set of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", rule.map(|rule| format!("rule {rule}: ")).unwrap_or_default())]
pub struct InvalidRules {
    /// The rule that is wrong, from 1.
    pub rule: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

/// The rules of an endpoint, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoutingRules(Vec<Rule>);

/// One rule: where a call goes for which all conditions hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its place, from 1.
    pub number: usize,
    /// The conditions; none means always.
    pub when: Vec<Condition>,
    /// Where the call goes.
    pub route: Route,
    /// The label for the log, if it has one.
    pub decision: Option<String>,
}

/// Where a call goes, at least one of the three. A template gives provider, model and credential; a
/// credential replaces the template's, and with it the provider; a model replaces either's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The slug of a template.
    pub template: Option<String>,
    /// The name of a credential.
    pub credential: Option<String>,
    /// A model.
    pub model: Option<String>,
}

/// What is known of a call when its route is decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// The tokens of the prompt, by estimate.
    pub input_tokens: u64,
    /// How many messages it has.
    pub messages_count: u64,
    /// Whether the endpoint has an output schema.
    pub has_output_schema: bool,
    /// Whether the endpoint has an input schema.
    pub has_input_schema: bool,
    /// Whether a stream was asked for.
    pub streaming: bool,
    /// How much of the month's budget is spent, in percent; `None` without a budget.
    pub monthly_spend_pct: Option<f64>,
    /// The time of the call.
    pub now: Timestamp,
}

impl RoutingRules {
    /// The largest text.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The most rules.
    pub const MAX_RULES: usize = 100;

    /// Reads rules from YAML.
    pub fn parse(yaml: &str) -> Result<Self, InvalidRules> {
        parse::rules(yaml).map(Self)
    }

    /// The first rule whose conditions all hold; `None` means the endpoint's own target.
    pub fn decide(&self, facts: &Facts) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.when.iter().all(|condition| condition.holds(facts)))
    }

    /// The rules, in order.
    pub fn as_slice(&self) -> &[Rule] {
        &self.0
    }
}

impl Rule {
    /// What the log says about the decision: the label, or which rule it was.
    pub fn label(&self) -> String {
        self.decision.clone().unwrap_or_else(|| format!("rule {}", self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts() -> Facts {
        Facts {
            input_tokens: 100,
            messages_count: 3,
            has_output_schema: false,
            has_input_schema: true,
            streaming: false,
            monthly_spend_pct: Some(80.0),
            now: "2026-01-02T23:30:00Z".parse().unwrap(),
        }
    }

    fn label(yaml: &str) -> Option<String> {
        RoutingRules::parse(yaml).unwrap().decide(&facts()).map(Rule::label)
    }

    #[test]
    fn the_first_rule_that_holds_wins() {
        let yaml = r#"
rules:
  - when: {input_tokens: ">= 1000"}
    use: {template: large}
    decision: long
  - when:
      messages_count: "> 2"
      streaming: false
    use: {credential: "Team key", model: gpt-4o-mini, decision: inner}
  - use: {model: other}
"#;
        assert_eq!(label(yaml).as_deref(), Some("inner"));
        let rules = RoutingRules::parse(yaml).unwrap();
        assert_eq!(rules.as_slice()[1].route.credential.as_deref(), Some("Team key"));
        let long = Facts { input_tokens: 1_000, ..facts() };
        assert_eq!(rules.decide(&long).unwrap().label(), "long");
        let short = Facts { messages_count: 2, ..facts() };
        assert_eq!(rules.decide(&short).unwrap().label(), "rule 3");
        assert_eq!(label("rules: []"), None);
    }

    #[test]
    fn without_a_budget_no_condition_on_spend_holds() {
        let rules =
            RoutingRules::parse("rules: [{when: {monthly_spend_pct: '!= 5'}, use: {model: m}}]").unwrap();
        assert!(rules.decide(&facts()).is_some());
        assert!(rules.decide(&Facts { monthly_spend_pct: None, ..facts() }).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(yaml in "[ -~\n]{0,200}") {
            let _ = RoutingRules::parse(&yaml);
        }

        #[test]
        fn any_rule_like_text_is_read_or_refused(
            key in "input_tokens|streaming|time_of_day|x", value in "[-0-9<>=!: .%a-z\"']{0,12}"
        ) {
            let _ = RoutingRules::parse(&format!("rules:\n  - when:\n      {key}: {value}\n    use: {{model: m}}\n"));
        }
    }
}
