//! What one level says of the guardrails.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::InvalidRules;
use super::guardrail::{Direction, Guardrail, Mode, Strictness};

/// Declares what a level may say of one guardrail. Whatever it does not say comes from the level above.
macro_rules! rule {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// Whether the guardrail is at work.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub enabled: Option<bool>,
            $($(#[$doc])*
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $field: Option<$kind>,)*
        }

        impl $name {
            /// The fields that it may say something of.
            pub const FIELDS: &'static [&'static str] = &["enabled", $(stringify!($field)),*];

            /// Whether it says nothing.
            pub fn is_empty(&self) -> bool {
                *self == Self::default()
            }

            /// This, and where it says nothing, what stands above it. Lists are replaced, never joined.
            #[must_use]
            pub fn over(&self, above: &Self) -> Self {
                Self {
                    enabled: self.enabled.or(above.enabled),
                    $($field: self.$field.clone().or_else(|| above.$field.clone()),)*
                }
            }

            /// The fields that it says something of.
            pub fn set_fields(&self) -> Vec<&'static str> {
                let mut fields = Vec::new();
                if self.enabled.is_some() {
                    fields.push("enabled");
                }
                $(if self.$field.is_some() {
                    fields.push(stringify!($field));
                })*
                fields
            }
        }
    };
}

rule! {
    /// Personal data.
    PiiFilterRule {
        /// What happens with what is found.
        mode: Mode,
        /// Which texts are read.
        direction: Direction,
        /// How much has to speak for a finding.
        strictness: Strictness,
        /// Kinds of data, such as `email`; an empty list means none, no list all that need no model.
        types: Vec<String>,
        /// Kinds of one's own.
        custom_patterns: Vec<CustomPattern>,
    }
}

rule! {
    /// Injected instructions and jailbreaks.
    PromptInjectionRule {
        /// What happens with what is found.
        mode: Mode,
        /// From which score on, in thousandths, a user's words count as an attack.
        threshold: u16,
        /// The same for results and descriptions of tools and for documents.
        tool_threshold: u16,
        /// Whose words are judged, such as `user`; an empty list means nobody's.
        channels: Vec<String>,
    }
}

rule! {
    /// Words of a list.
    KeywordBlocklistRule {
        /// What happens with what is found.
        mode: Mode,
        /// Which texts are read.
        direction: Direction,
        /// The words; found inside other words too, in whatever case.
        words: Vec<String>,
    }
}

rule! {
    /// How long the text of a call may be.
    ContentLengthRule {
        /// What happens with a text that is too short or too long.
        mode: Mode,
        /// Characters, at least.
        min: u64,
        /// Characters, at most.
        max: u64,
    }
}

rule! {
    /// Values that leave under tokens and come back.
    ReversibleRedactionRule {
        /// Kinds of data, such as `email`; an empty list means none, no list all.
        types: Vec<String>,
        /// How much has to speak for a finding.
        strictness: Strictness,
        /// Kinds of one's own.
        custom_patterns: Vec<CustomPattern>,
    }
}

rule! {
    /// Credentials.
    SecretScannerRule {
        /// What happens with what is found.
        mode: Mode,
        /// Which texts are read.
        direction: Direction,
        /// How much has to speak for a finding.
        strictness: Strictness,
        /// Kinds of credentials, such as `github_pat`; an empty list means none, no list all.
        patterns: Vec<String>,
    }
}

rule! {
    /// From where calls may come.
    IpAllowlistRule {
        /// Addresses and ranges, IPv4 or IPv6.
        cidrs: Vec<String>,
    }
}

rule! {
    /// When calls may come.
    TimeWindowRule {
        /// Name of a time zone, such as `Europe/Berlin`.
        timezone: String,
        /// The windows; a call must fall into one of them.
        windows: Vec<Window>,
    }
}

/// A kind of data of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// What it is called.
    pub label: String,
    /// A regular expression; delimiters and flags as in PCRE are understood.
    pub pattern: String,
}

/// A time on some days of every week.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// `mon` to `sun`: the days on which it begins; none means every day.
    #[serde(default)]
    pub days: Vec<String>,
    /// When it begins: `HH:MM`.
    pub from: String,
    /// When it ends, not included: `HH:MM` or `24:00`; on the next day when it is not after `from`.
    pub to: String,
}

/// What one level says of all guardrails.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Values that leave under tokens and come back.
    #[serde(skip_serializing_if = "ReversibleRedactionRule::is_empty")]
    pub reversible_redaction: ReversibleRedactionRule,
    /// Personal data.
    #[serde(skip_serializing_if = "PiiFilterRule::is_empty")]
    pub pii_filter: PiiFilterRule,
    /// Injected instructions and jailbreaks.
    #[serde(skip_serializing_if = "PromptInjectionRule::is_empty")]
    pub prompt_injection: PromptInjectionRule,
    /// Credentials.
    #[serde(skip_serializing_if = "SecretScannerRule::is_empty")]
    pub secret_scanner: SecretScannerRule,
    /// Words of a list.
    #[serde(skip_serializing_if = "KeywordBlocklistRule::is_empty")]
    pub keyword_blocklist: KeywordBlocklistRule,
    /// How long a text may be.
    #[serde(skip_serializing_if = "ContentLengthRule::is_empty")]
    pub content_length: ContentLengthRule,
    /// From where calls may come.
    #[serde(skip_serializing_if = "IpAllowlistRule::is_empty")]
    pub ip_allowlist: IpAllowlistRule,
    /// When calls may come.
    #[serde(skip_serializing_if = "TimeWindowRule::is_empty")]
    pub time_window: TimeWindowRule,
}

impl Rules {
    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and field by field where they say nothing, those of the level above.
    #[must_use]
    pub fn over(&self, above: &Self) -> Self {
        Self {
            reversible_redaction: self.reversible_redaction.over(&above.reversible_redaction),
            pii_filter: self.pii_filter.over(&above.pii_filter),
            prompt_injection: self.prompt_injection.over(&above.prompt_injection),
            secret_scanner: self.secret_scanner.over(&above.secret_scanner),
            keyword_blocklist: self.keyword_blocklist.over(&above.keyword_blocklist),
            content_length: self.content_length.over(&above.content_length),
            ip_allowlist: self.ip_allowlist.over(&above.ip_allowlist),
            time_window: self.time_window.over(&above.time_window),
        }
    }

    /// What levels say together, the topmost first.
    pub fn merged<'a>(levels: impl IntoIterator<Item = &'a Self>) -> Self {
        levels.into_iter().fold(Self::default(), |above, level| level.over(&above))
    }

    /// Reads rules that stand in a document by their guardrails' names.
    pub fn parse(document: &Map<String, Value>) -> Result<Self, InvalidRules> {
        let document = Value::Object(document.clone());
        serde_path_to_error::deserialize(document).map_err(|error| {
            let field = error.path().to_string();
            let field = if field == "." { "guardrails".to_owned() } else { field };
            InvalidRules { field, reason: format!("cannot be read: {}", error.into_inner()) }
        })
    }

    /// These rules with what a document says in place of it: a field that is `null` there is taken
    /// back, so that the level above counts again, and a guardrail that is `null` with all its fields.
    pub fn patched(&self, patch: &Map<String, Value>) -> Result<Self, InvalidRules> {
        let mut document = self.document();
        for (guardrail, fields) in patch {
            match fields {
                Value::Null => drop(document.remove(guardrail)),
                Value::Object(fields) => {
                    let own = document.entry(guardrail).or_insert_with(|| Value::Object(Map::new()));
                    let Value::Object(own) = own else { continue };
                    own.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                    own.retain(|_, value| !value.is_null());
                }
                _ => {
                    let reason = "must be an object of fields, or null".to_owned();
                    return Err(InvalidRules { field: guardrail.clone(), reason });
                }
            }
        }
        Self::parse(&document)
    }

    /// The rules by their guardrails' names; only what they say.
    pub fn document(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(document)) => document,
            _ => Map::new(),
        }
    }

    /// The fields that a guardrail has of its own here.
    pub fn set_fields(&self, guardrail: Guardrail) -> Vec<&'static str> {
        match guardrail {
            Guardrail::ReversibleRedaction => self.reversible_redaction.set_fields(),
            Guardrail::PiiFilter => self.pii_filter.set_fields(),
            Guardrail::PromptInjection => self.prompt_injection.set_fields(),
            Guardrail::SecretScanner => self.secret_scanner.set_fields(),
            Guardrail::KeywordBlocklist => self.keyword_blocklist.set_fields(),
            Guardrail::ContentLength => self.content_length.set_fields(),
            Guardrail::IpAllowlist => self.ip_allowlist.set_fields(),
            Guardrail::TimeWindow => self.time_window.set_fields(),
        }
    }

    /// Whether a guardrail is at work, when these are the rules of all levels together.
    pub fn enabled(&self, guardrail: Guardrail) -> bool {
        let said = match guardrail {
            Guardrail::ReversibleRedaction => self.reversible_redaction.enabled,
            Guardrail::PiiFilter => self.pii_filter.enabled,
            Guardrail::PromptInjection => self.prompt_injection.enabled,
            Guardrail::SecretScanner => self.secret_scanner.enabled,
            Guardrail::KeywordBlocklist => self.keyword_blocklist.enabled,
            Guardrail::ContentLength => self.content_length.enabled,
            Guardrail::IpAllowlist => self.ip_allowlist.enabled,
            Guardrail::TimeWindow => self.time_window.enabled,
        };
        said.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Rules {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_lower_level_replaces_fields_and_inherits_the_others() {
        let global = rules(
            r#"{"pii_filter":{"enabled":true,"mode":"mask","types":["email","iban"]},
                "keyword_blocklist":{"enabled":true,"words":["alpha","beta"]}}"#,
        );
        let endpoint = rules(r#"{"pii_filter":{"mode":"block"},"keyword_blocklist":{"words":["gamma"]}}"#);
        let token = rules(r#"{"pii_filter":{"enabled":false}}"#);

        let merged = Rules::merged([&global, &Rules::default(), &endpoint]);
        assert_eq!(merged.pii_filter.mode, Some(Mode::Block));
        assert_eq!(merged.pii_filter.types.as_deref(), Some(&["email".to_owned(), "iban".to_owned()][..]));
        assert_eq!(merged.keyword_blocklist.words.as_deref(), Some(&["gamma".to_owned()][..]));
        assert!(merged.enabled(Guardrail::PiiFilter) && !merged.enabled(Guardrail::SecretScanner));
        assert!(!Rules::merged([&global, &endpoint, &token]).enabled(Guardrail::PiiFilter));
    }

    #[test]
    fn an_empty_list_is_something_said() {
        let merged = Rules::merged([
            &rules(r#"{"pii_filter":{"types":["email"]}}"#),
            &rules(r#"{"pii_filter":{"types":[]}}"#),
        ]);
        assert_eq!(merged.pii_filter.types, Some(Vec::new()));
    }

    #[test]
    fn a_patch_replaces_adds_and_takes_back() {
        let own = rules(r#"{"pii_filter":{"enabled":true,"mode":"mask"},"content_length":{"max":5}}"#);
        let patch =
            |json: &str| own.patched(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap());
        let patched =
            patch(r#"{"pii_filter":{"mode":null,"types":["email"]},"content_length":null}"#).unwrap();
        assert_eq!(patched, rules(r#"{"pii_filter":{"enabled":true,"types":["email"]}}"#));
        assert_eq!(patch("{}").unwrap(), own);

        let wrong = |json: &str| patch(json).unwrap_err().field;
        assert_eq!(wrong(r#"{"pii_filter":{"mode":"shout"}}"#), "pii_filter.mode");
        assert_eq!(wrong(r#"{"pii_filter":{"types":["email",1]}}"#), "pii_filter.types[1]");
        assert_eq!(wrong(r#"{"pii_filter":true}"#), "pii_filter");
        assert!(patch(r#"{"pii":{}}"#).unwrap_err().reason.contains("unknown field `pii`"));
    }

    #[test]
    fn what_is_stored_holds_only_what_was_said() {
        let some = rules(r#"{"content_length":{"enabled":true,"max":50}}"#);
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"{"content_length":{"enabled":true,"max":50}}"#);
        assert_eq!(serde_json::to_string(&Rules::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<Rules>(r#"{"pii_filter":{"types":1}}"#).is_err());
        assert!(serde_json::from_str::<Rules>(r#"{"pii":{}}"#).is_err());
    }
}
