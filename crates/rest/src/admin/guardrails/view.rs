//! What is shown of guardrails.

use std::collections::BTreeMap;

use promptgate_control::guardrails::{Levels, Source};
use promptgate_firewall::guardrails::{CustomPattern, Direction, Guardrail, Mode, Rules, Strictness, Window};
use serde::Serialize;
use utoipa::ToSchema;

use crate::casing::camel;

/// What guardrails say on a level, and what counts there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GuardrailsView {
    /// `global`, `project`, `endpoint` or `token`.
    level: &'static str,
    /// What the level itself says.
    own: RulesView,
    /// What counts there: all levels down to it, field by field, and where none says anything, the default.
    effective: RulesView,
    /// Where each field comes from, by guardrail and field: the name of a level, `tokenAbove`
    /// for a token that this one comes from, or `default`.
    sources: BTreeMap<String, BTreeMap<String, &'static str>>,
    /// The rules that are on there and find nothing, because the model that they need is not set up, such
    /// as `pii_filter.person_name`.
    not_configured: Vec<String>,
}

impl GuardrailsView {
    /// Where a model is set up that finds names, or none.
    pub(super) fn of(levels: &Levels, finds_names: bool) -> Self {
        let effective = levels.effective().over(&Rules::defaults());
        let source = |guardrail, field| match levels.source(guardrail, field) {
            Some(Source::Level(level)) => level.name(),
            Some(Source::TokenAbove) => "tokenAbove",
            None => "default",
        };
        let sources = Guardrail::ALL.into_iter().map(|guardrail| {
            let fields = effective.set_fields(guardrail);
            let fields = fields.into_iter().map(|field| (camel(field), source(guardrail, field)));
            (camel(guardrail.key()), fields.collect())
        });
        Self {
            level: levels.levels.last().map_or("", |(level, _)| level.name()),
            sources: sources.collect(),
            own: levels.own().into(),
            not_configured: if finds_names { Vec::new() } else { effective.rules_of_model() },
            effective: (&effective).into(),
        }
    }
}

/// What is said of guardrails. What nothing is said of is not there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RulesView {
    /// Values that leave under tokens and come back in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reversible_redaction: Option<ReversibleRedactionView>,
    /// Personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pii_filter: Option<PiiFilterView>,
    /// Injected instructions and jailbreaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_injection: Option<PromptInjectionView>,
    /// Credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_scanner: Option<SecretScannerView>,
    /// Words of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword_blocklist: Option<KeywordBlocklistView>,
    /// How long the text of a call may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<ContentLengthView>,
    /// From where calls may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_allowlist: Option<IpAllowlistView>,
    /// When calls may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_window: Option<TimeWindowView>,
}

/// What is said of values that leave under tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReversibleRedactionView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// `standard` or `lenient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    strictness: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_patterns: Option<Vec<CustomPatternView>>,
}

/// What is said of personal data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PiiFilterView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// `audit`, `mask`, `redact` or `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// `input`, `output` or `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    /// `standard` or `lenient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    strictness: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_patterns: Option<Vec<CustomPatternView>>,
}

/// What is said of injected instructions and jailbreaks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PromptInjectionView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// `audit` or `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// In thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<u16>,
    /// In thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_threshold: Option<u16>,
    /// Whose words are judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<String>>,
}

/// What is said of credentials.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SecretScannerView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// `audit`, `mask`, `redact` or `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// `input`, `output` or `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    /// `standard` or `lenient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    strictness: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patterns: Option<Vec<String>>,
}

/// What is said of words of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeywordBlocklistView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// `audit`, `mask` or `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// `input`, `output` or `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<String>>,
}

/// What is said of how long the text of a call may be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContentLengthView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    /// `audit` or `block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
}

/// What is said of where calls may come from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IpAllowlistView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidrs: Option<Vec<String>>,
}

/// What is said of when calls may come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TimeWindowView {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Vec<WindowView>>,
}

/// A kind of data of somebody's own.
#[derive(Debug, Serialize, ToSchema)]
struct CustomPatternView {
    label: String,
    pattern: String,
}

/// A time on some days of every week.
#[derive(Debug, Serialize, ToSchema)]
struct WindowView {
    /// `mon` to `sun`; none means every day.
    days: Vec<String>,
    from: String,
    to: String,
}

impl From<&Rules> for RulesView {
    fn from(rules: &Rules) -> Self {
        let Rules {
            reversible_redaction,
            pii_filter,
            prompt_injection,
            secret_scanner,
            keyword_blocklist,
            content_length,
            ip_allowlist,
            time_window,
        } = rules.clone();
        Self {
            reversible_redaction: (!reversible_redaction.is_empty()).then(|| ReversibleRedactionView {
                enabled: reversible_redaction.enabled,
                types: reversible_redaction.types,
                strictness: reversible_redaction.strictness.map(strictness),
                custom_patterns: reversible_redaction.custom_patterns.map(patterns),
            }),
            pii_filter: (!pii_filter.is_empty()).then(|| PiiFilterView {
                enabled: pii_filter.enabled,
                mode: pii_filter.mode.map(Mode::name),
                direction: pii_filter.direction.map(direction),
                strictness: pii_filter.strictness.map(strictness),
                types: pii_filter.types,
                custom_patterns: pii_filter.custom_patterns.map(patterns),
            }),
            prompt_injection: (!prompt_injection.is_empty()).then(|| PromptInjectionView {
                enabled: prompt_injection.enabled,
                mode: prompt_injection.mode.map(Mode::name),
                threshold: prompt_injection.threshold,
                tool_threshold: prompt_injection.tool_threshold,
                channels: prompt_injection.channels.clone(),
            }),
            secret_scanner: (!secret_scanner.is_empty()).then(|| SecretScannerView {
                enabled: secret_scanner.enabled,
                mode: secret_scanner.mode.map(Mode::name),
                direction: secret_scanner.direction.map(direction),
                strictness: secret_scanner.strictness.map(strictness),
                patterns: secret_scanner.patterns,
            }),
            keyword_blocklist: (!keyword_blocklist.is_empty()).then(|| KeywordBlocklistView {
                enabled: keyword_blocklist.enabled,
                mode: keyword_blocklist.mode.map(Mode::name),
                direction: keyword_blocklist.direction.map(direction),
                words: keyword_blocklist.words,
            }),
            content_length: (!content_length.is_empty()).then(|| ContentLengthView {
                enabled: content_length.enabled,
                mode: content_length.mode.map(Mode::name),
                min: content_length.min,
                max: content_length.max,
            }),
            ip_allowlist: (!ip_allowlist.is_empty())
                .then_some(IpAllowlistView { enabled: ip_allowlist.enabled, cidrs: ip_allowlist.cidrs }),
            time_window: (!time_window.is_empty()).then(|| TimeWindowView {
                enabled: time_window.enabled,
                timezone: time_window.timezone,
                windows: time_window.windows.map(windows),
            }),
        }
    }
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "input",
        Direction::Output => "output",
        Direction::Both => "both",
    }
}

const fn strictness(strictness: Strictness) -> &'static str {
    match strictness {
        Strictness::Standard => "standard",
        Strictness::Lenient => "lenient",
    }
}

fn patterns(patterns: Vec<CustomPattern>) -> Vec<CustomPatternView> {
    let view = |it: CustomPattern| CustomPatternView { label: it.label, pattern: it.pattern };
    patterns.into_iter().map(view).collect()
}

fn windows(windows: Vec<Window>) -> Vec<WindowView> {
    windows.into_iter().map(|it| WindowView { days: it.days, from: it.from, to: it.to }).collect()
}
