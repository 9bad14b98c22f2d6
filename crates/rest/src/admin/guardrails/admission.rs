//! What is shown of whether a call may come from somewhere, and then.

use promptgate_control::guardrails::{AccessSaid, Admission};
use serde::Serialize;
use utoipa::ToSchema;

use crate::casing::camel;

/// What the rules for addresses and times say of a call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionView {
    /// Whether it may come.
    allowed: bool,
    /// The rule that refuses it, `ip_allowlist` or `time_window`; null where none does.
    refused_by: Option<&'static str>,
    /// What whoever calls would be told; null where nothing refuses it.
    message: Option<String>,
    /// Every rule that is at work and was asked, in the order in which they are.
    rules: Vec<AccessSaidView>,
}

/// What one rule says.
#[derive(Debug, Serialize, ToSchema)]
struct AccessSaidView {
    /// `ip_allowlist` or `time_window`.
    guardrail: &'static str,
    /// Whether it lets the call come.
    allowed: bool,
    /// Which of its entries does, such as `ipAllowlist.cidrs[1]`; null where none does.
    entry: Option<String>,
}

impl From<&Admission> for AdmissionView {
    fn from(admission: &Admission) -> Self {
        let refusal = admission.refusal();
        Self {
            allowed: refusal.is_none(),
            refused_by: refusal.map(|(guardrail, _)| guardrail.key()),
            message: refusal.map(|(_, denied)| denied.to_string()),
            rules: admission.said.iter().map(AccessSaidView::from).collect(),
        }
    }
}

impl From<&AccessSaid> for AccessSaidView {
    fn from(said: &AccessSaid) -> Self {
        Self {
            guardrail: said.guardrail.key(),
            allowed: said.entry.is_ok(),
            entry: said.entry.as_deref().ok().map(camel),
        }
    }
}
