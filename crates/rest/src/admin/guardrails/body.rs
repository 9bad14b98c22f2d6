//! What somebody says of guardrails.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::body::Patch;

/// What a level says of guardrails. On change, a guardrail that is null says nothing any more, and what is
/// left out stays; on replace, what is left out says nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GuardrailsBody {
    /// Values that leave under tokens and come back in the answer.
    #[serde(default)]
    #[schema(value_type = Option<ReversibleRedactionBody>)]
    reversible_redaction: Patch<ReversibleRedactionBody>,
    /// Personal data.
    #[serde(default)]
    #[schema(value_type = Option<PiiFilterBody>)]
    pii_filter: Patch<PiiFilterBody>,
    /// Injected instructions and jailbreaks.
    #[serde(default)]
    #[schema(value_type = Option<PromptInjectionBody>)]
    prompt_injection: Patch<PromptInjectionBody>,
    /// Credentials.
    #[serde(default)]
    #[schema(value_type = Option<SecretScannerBody>)]
    secret_scanner: Patch<SecretScannerBody>,
    /// Words of a list.
    #[serde(default)]
    #[schema(value_type = Option<KeywordBlocklistBody>)]
    keyword_blocklist: Patch<KeywordBlocklistBody>,
    /// How long the text of a call may be.
    #[serde(default)]
    #[schema(value_type = Option<ContentLengthBody>)]
    content_length: Patch<ContentLengthBody>,
    /// From where calls may come.
    #[serde(default)]
    #[schema(value_type = Option<IpAllowlistBody>)]
    ip_allowlist: Patch<IpAllowlistBody>,
    /// When calls may come.
    #[serde(default)]
    #[schema(value_type = Option<TimeWindowBody>)]
    time_window: Patch<TimeWindowBody>,
}

/// What a level says of values that leave under tokens. A field that is null is taken back, so that the
/// level above counts again; so it is with every guardrail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReversibleRedactionBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// Kinds of data, such as `email`; an empty list means none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    types: Patch<Vec<String>>,
    /// `standard` or `lenient`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    strictness: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<CustomPatternBody>>, max_items = 100)]
    custom_patterns: Patch<Vec<CustomPatternBody>>,
}

/// What a level says of personal data.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PiiFilterBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// `audit`, `mask`, `redact` or `block`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Patch<String>,
    /// `input`, `output` or `both`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    direction: Patch<String>,
    /// `standard` or `lenient`, which takes the shape alone.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    strictness: Patch<String>,
    /// Kinds of data, such as `email`; an empty list means none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    types: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<CustomPatternBody>>, max_items = 100)]
    custom_patterns: Patch<Vec<CustomPatternBody>>,
}

/// What a level says of injected instructions and jailbreaks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PromptInjectionBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// `audit` or `block`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Patch<String>,
    /// From which score on, in thousandths, a user's words count as an attack.
    #[serde(default)]
    #[schema(value_type = Option<u16>, maximum = 1000)]
    threshold: Patch<u16>,
    /// The same for results and descriptions of tools and for documents.
    #[serde(default)]
    #[schema(value_type = Option<u16>, maximum = 1000)]
    tool_threshold: Patch<u16>,
    /// Whose words are judged: `user`, `tool`, `document`, `tool_definition` (outright attacks alone,
    /// unless they come with a call of an AI endpoint) and
    /// `assistant` (earlier answers as the client repeats them); all but the last unless given.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    channels: Patch<Vec<String>>,
}

/// What a level says of credentials.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretScannerBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// `audit`, `mask`, `redact` or `block`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Patch<String>,
    /// `input`, `output` or `both`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    direction: Patch<String>,
    /// `standard` or `lenient`, which takes the shape alone.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    strictness: Patch<String>,
    /// Kinds of credentials, such as `github_pat`; an empty list means none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    patterns: Patch<Vec<String>>,
}

/// What a level says of words of a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeywordBlocklistBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// `audit`, `mask` or `block`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Patch<String>,
    /// `input`, `output` or `both`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    direction: Patch<String>,
    /// The words; found inside of other words too, in whatever case.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20_000)]
    words: Patch<Vec<String>>,
}

/// What a level says of how long the text of a call may be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContentLengthBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// `audit` or `block`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Patch<String>,
    /// Characters, at least.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    min: Patch<u64>,
    /// Characters, at most.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    max: Patch<u64>,
}

/// What a level says of where calls may come from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IpAllowlistBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// Addresses and ranges, IPv4 or IPv6.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10_000)]
    cidrs: Patch<Vec<String>>,
}

/// What a level says of when calls may come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TimeWindowBody {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Patch<bool>,
    /// Name of a time zone, such as `Europe/Berlin`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    timezone: Patch<String>,
    /// A call must fall into one of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<WindowBody>>, max_items = 100)]
    windows: Patch<Vec<WindowBody>>,
}

/// A kind of data of one's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CustomPatternBody {
    /// What it is called.
    #[schema(max_length = 64)]
    label: String,
    /// A regular expression; delimiters and flags as in PCRE are understood.
    #[schema(max_length = 1000)]
    pattern: String,
}

/// A time on some days of every week.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WindowBody {
    /// `mon` to `sun`: the days on which it begins; none means every day.
    #[serde(default)]
    days: Vec<String>,
    /// When it begins: `HH:MM`.
    from: String,
    /// When it ends, not included: `HH:MM` or `24:00`; on the next day when it is not after `from`.
    to: String,
}

/// Members of a document with the names of the domain.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    /// With one more member: null where it is taken back, nothing where it stays.
    fn with<T: Into<Value>>(mut self, name: &str, patch: Patch<T>) -> Self {
        match patch {
            Patch::Keep => {}
            Patch::Clear => drop(self.0.insert(name.to_owned(), Value::Null)),
            Patch::Set(value) => drop(self.0.insert(name.to_owned(), value.into())),
        }
        self
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

impl GuardrailsBody {
    /// What is said, in the words of the domain: null takes back.
    pub(super) fn document(self) -> Map<String, Value> {
        let fields = Fields::default()
            .with("reversible_redaction", self.reversible_redaction)
            .with("pii_filter", self.pii_filter)
            .with("prompt_injection", self.prompt_injection)
            .with("secret_scanner", self.secret_scanner)
            .with("keyword_blocklist", self.keyword_blocklist)
            .with("content_length", self.content_length)
            .with("ip_allowlist", self.ip_allowlist)
            .with("time_window", self.time_window);
        fields.0
    }

    /// What is said, where nothing was said before: what is taken back is as good as nothing.
    pub(super) fn whole(self) -> Map<String, Value> {
        let mut document = self.document();
        document.retain(|_, fields| !fields.is_null());
        for fields in document.values_mut().filter_map(Value::as_object_mut) {
            fields.retain(|_, value| !value.is_null());
        }
        document
    }
}

impl From<ReversibleRedactionBody> for Value {
    fn from(body: ReversibleRedactionBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("types", body.types)
            .with("strictness", body.strictness)
            .with("custom_patterns", body.custom_patterns)
            .into()
    }
}

impl From<PiiFilterBody> for Value {
    fn from(body: PiiFilterBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("mode", body.mode)
            .with("direction", body.direction)
            .with("strictness", body.strictness)
            .with("types", body.types)
            .with("custom_patterns", body.custom_patterns)
            .into()
    }
}

impl From<PromptInjectionBody> for Value {
    fn from(body: PromptInjectionBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("mode", body.mode)
            .with("threshold", body.threshold)
            .with("tool_threshold", body.tool_threshold)
            .with("channels", body.channels)
            .into()
    }
}

impl From<SecretScannerBody> for Value {
    fn from(body: SecretScannerBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("mode", body.mode)
            .with("direction", body.direction)
            .with("strictness", body.strictness)
            .with("patterns", body.patterns)
            .into()
    }
}

impl From<KeywordBlocklistBody> for Value {
    fn from(body: KeywordBlocklistBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("mode", body.mode)
            .with("direction", body.direction)
            .with("words", body.words)
            .into()
    }
}

impl From<ContentLengthBody> for Value {
    fn from(body: ContentLengthBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("mode", body.mode)
            .with("min", body.min)
            .with("max", body.max)
            .into()
    }
}

impl From<IpAllowlistBody> for Value {
    fn from(body: IpAllowlistBody) -> Self {
        Fields::default().with("enabled", body.enabled).with("cidrs", body.cidrs).into()
    }
}

impl From<TimeWindowBody> for Value {
    fn from(body: TimeWindowBody) -> Self {
        Fields::default()
            .with("enabled", body.enabled)
            .with("timezone", body.timezone)
            .with("windows", body.windows)
            .into()
    }
}

impl From<CustomPatternBody> for Value {
    fn from(body: CustomPatternBody) -> Self {
        json!({"label": body.label, "pattern": body.pattern})
    }
}

impl From<WindowBody> for Value {
    fn from(body: WindowBody) -> Self {
        json!({"days": body.days, "from": body.from, "to": body.to})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_takes_back_and_what_is_left_out_is_not_there() {
        let body = json!({"piiFilter": {"mode": null, "customPatterns": [{"label": "a", "pattern": "b"}]},
            "timeWindow": null, "promptInjection": {"toolThreshold": 5}});
        let read = || serde_json::from_value::<GuardrailsBody>(body.clone()).unwrap();
        let expected = json!({
            "pii_filter": {"mode": null, "custom_patterns": [{"label": "a", "pattern": "b"}]},
            "time_window": null, "prompt_injection": {"tool_threshold": 5},
        });
        assert_eq!(Value::Object(read().document()), expected);
        let expected = json!({"pii_filter": {"custom_patterns": [{"label": "a", "pattern": "b"}]},
            "prompt_injection": {"tool_threshold": 5}});
        assert_eq!(Value::Object(read().whole()), expected);
    }
}
