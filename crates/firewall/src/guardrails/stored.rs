//! Rules as they stand where they are kept: maybe by another version, which knows more or less than this
//! one.

use serde_json::{Map, Value};

use super::rules::{
    ContentLengthRule, IpAllowlistRule, KeywordBlocklistRule, PiiFilterRule, PromptInjectionRule,
    ReversibleRedactionRule, SecretScannerRule, TimeWindowRule,
};
use super::{Guardrail, InvalidRules, Rules};

/// What is known of things in a list of a guardrail's.
const ITEMS: [(&str, &[&str]); 2] =
    [("custom_patterns", &["label", "pattern"]), ("windows", &["days", "from", "to"])];

/// Rules that were kept. What this version does not know of them says nothing here; everything else has
/// to be readable, and of a list of names at least one: a guardrail that looks at nothing would pass for
/// one that finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredRules {
    /// What they say, as far as it is understood.
    pub rules: Rules,
    /// Where there is more, such as `pii_filter.colour` and `pii_filter.types[3]`.
    pub unknown: Vec<String>,
    /// It, by guardrails, as far as it stays when the rules are changed here.
    beyond: Map<String, Value>,
}

impl StoredRules {
    /// Reads a document that was kept.
    pub fn read(document: &Map<String, Value>) -> Result<Self, InvalidRules> {
        let mut stored = Self::default();
        let mut known = Map::new();
        for (name, fields) in document {
            let guardrail = Guardrail::ALL.into_iter().find(|guardrail| guardrail.key() == name);
            match (guardrail, fields) {
                (None, _) => {
                    stored.unknown.push(name.clone());
                    stored.beyond.insert(name.clone(), fields.clone());
                }
                (Some(guardrail), Value::Object(fields)) => {
                    let fields = stored.known_fields(guardrail, fields);
                    known.insert(name.clone(), Value::Object(fields));
                }
                (Some(_), _) => drop(known.insert(name.clone(), fields.clone())),
            }
        }
        stored.rules = Rules::parse(&known)?;
        for list in stored.rules.lists() {
            let before = stored.unknown.len();
            stored.unknown.extend(list.unknown().map(|(at, _)| format!("{}[{at}]", list.field)));
            if !list.names.is_empty() && stored.unknown.len() - before == list.names.len() {
                let reason = "names nothing that this version knows".to_owned();
                return Err(InvalidRules { field: list.field.to_owned(), reason });
            }
        }
        Ok(stored)
    }

    /// The fields of a guardrail without those that are not known.
    fn known_fields(&mut self, guardrail: Guardrail, fields: &Map<String, Value>) -> Map<String, Value> {
        let (name, names) = (guardrail.key(), fields_of(guardrail));
        let (mut known, mut beyond) = (Map::new(), Map::new());
        for (field, value) in fields {
            if !names.contains(&field.as_str()) {
                self.unknown.push(format!("{name}.{field}"));
                beyond.insert(field.clone(), value.clone());
                continue;
            }
            let mut value = value.clone();
            let members = ITEMS.iter().find(|(list, _)| list == field).map(|(_, members)| *members);
            if let (Some(members), Value::Array(items)) = (members, &mut value) {
                for (at, item) in items.iter_mut().enumerate().filter(|(_, item)| item.is_object()) {
                    let Value::Object(item) = item else { continue };
                    let unknown: Vec<String> =
                        item.keys().filter(|member| !members.contains(&member.as_str())).cloned().collect();
                    for member in unknown {
                        item.remove(&member);
                        self.unknown.push(format!("{name}.{field}[{at}].{member}"));
                    }
                }
            }
            known.insert(field.clone(), value);
        }
        if !beyond.is_empty() {
            self.beyond.insert(name.to_owned(), Value::Object(beyond));
        }
        known
    }

    /// The document that is kept when other rules take the place of these: what this version does not know
    /// stays, because whoever changes the rest has not seen it.
    pub fn replaced_by(&self, rules: &Rules) -> Map<String, Value> {
        let mut document = rules.document();
        for (name, beyond) in &self.beyond {
            match (document.get_mut(name), beyond) {
                (Some(Value::Object(own)), Value::Object(beyond)) => own.extend(beyond.clone()),
                _ => drop(document.insert(name.clone(), beyond.clone())),
            }
        }
        document
    }
}

const fn fields_of(guardrail: Guardrail) -> &'static [&'static str] {
    match guardrail {
        Guardrail::ReversibleRedaction => ReversibleRedactionRule::FIELDS,
        Guardrail::PiiFilter => PiiFilterRule::FIELDS,
        Guardrail::PromptInjection => PromptInjectionRule::FIELDS,
        Guardrail::SecretScanner => SecretScannerRule::FIELDS,
        Guardrail::KeywordBlocklist => KeywordBlocklistRule::FIELDS,
        Guardrail::ContentLength => ContentLengthRule::FIELDS,
        Guardrail::IpAllowlist => IpAllowlistRule::FIELDS,
        Guardrail::TimeWindow => TimeWindowRule::FIELDS,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: &Value) -> Result<StoredRules, InvalidRules> {
        StoredRules::read(document.as_object().unwrap())
    }

    #[test]
    fn what_a_newer_version_wrote_is_read_as_far_as_it_is_known_and_stays() {
        let document = json!({
            "pii_filter": {"enabled": true, "colour": "blue",
                "custom_patterns": [{"label": "a", "pattern": "b", "flags": "i"}]},
            "time_window": {"windows": [{"from": "08:00", "to": "09:00", "until": "2031"}]},
            "shiny_filter": {"enabled": true},
        });
        let stored = read(&document).unwrap();
        let known = json!({
            "pii_filter": {"enabled": true, "custom_patterns": [{"label": "a", "pattern": "b"}]},
            "time_window": {"windows": [{"days": [], "from": "08:00", "to": "09:00"}]},
        });
        assert_eq!(Value::Object(stored.rules.document()), known);
        let mut unknown = stored.unknown.clone();
        unknown.sort_unstable();
        let expected = [
            "pii_filter.colour",
            "pii_filter.custom_patterns[0].flags",
            "shiny_filter",
            "time_window.windows[0].until",
        ];
        assert_eq!(unknown, expected);

        let other: Rules = serde_json::from_value(json!({"pii_filter": {"enabled": false}})).unwrap();
        let kept =
            json!({"pii_filter": {"enabled": false, "colour": "blue"}, "shiny_filter": {"enabled": true}});
        assert_eq!(Value::Object(stored.replaced_by(&other)), kept);
        assert_eq!(
            read(&kept).unwrap().replaced_by(&Rules::default())["pii_filter"],
            json!({"colour": "blue"})
        );
    }

    #[test]
    fn names_that_nobody_knows_are_told_and_stay_and_one_has_to_be_known() {
        let document = json!({
            "pii_filter": {"types": ["email", "person_name", "iban", "shoe_size"]},
            "prompt_injection": {"channels": ["user", "parrot"]},
            "secret_scanner": {"patterns": ["of_tomorrow", "github_pat"]},
            "reversible_redaction": {"types": []},
        });
        let stored = read(&document).unwrap();
        let expected = ["pii_filter.types[3]", "prompt_injection.channels[1]", "secret_scanner.patterns[0]"];
        assert_eq!(stored.unknown, expected);
        assert_eq!(Value::Object(stored.replaced_by(&stored.rules)), document);
        for (guardrail, list) in [
            ("pii_filter", "types"),
            ("prompt_injection", "channels"),
            ("secret_scanner", "patterns"),
            ("reversible_redaction", "types"),
        ] {
            let wrong = read(&json!({guardrail: {"enabled": true, list: ["x", "y"]}})).unwrap_err();
            assert_eq!(wrong.field, format!("{guardrail}.{list}"));
        }
    }

    #[test]
    fn what_is_known_has_to_be_readable() {
        for wrong in [
            json!({"pii_filter": {"mode": "shout"}}),
            json!({"pii_filter": true}),
            json!({"content_length": {"max": "long"}}),
            json!({"pii_filter": {"custom_patterns": [{"label": "a"}]}}),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(read(&json!({})).unwrap(), StoredRules::default());
    }

    #[test]
    fn every_field_that_can_be_said_is_known() {
        for guardrail in Guardrail::ALL {
            let said = Rules::defaults().document()[guardrail.key()].clone();
            for field in said.as_object().unwrap().keys() {
                assert!(fields_of(guardrail).contains(&field.as_str()), "{guardrail}.{field}");
            }
        }
    }
}
