//! `GET /api/v1/admin/guardrails/catalogue`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use promptgate_control::Control;
use promptgate_control::guardrails::{Kind, kinds};
use promptgate_firewall::guardrails::{ANSWER_HOLD_BACK, Guardrail, Mode, Rules};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::RulesView;
use crate::admin::Acting;
use crate::casing::camel;

/// What guardrails there are, and what they can look for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CatalogueView {
    /// The guardrails, in the order in which they work on a text.
    guardrails: Vec<GuardrailView>,
    /// Kinds of personal data, for `types` of `piiFilter`.
    personal_data: Vec<KindView>,
    /// Kinds of credentials, for `patterns` of `secretScanner`.
    secrets: Vec<KindView>,
    /// Kinds of what leaves under tokens, for `types` of `reversibleRedaction`.
    redactions: Vec<KindView>,
    /// What counts where no level says anything.
    defaults: RulesView,
    /// How many bytes of a streamed text wait at most for what decides about them, where a rule reads
    /// answers and nothing was found that has no end yet.
    hold_back_bytes: usize,
}

/// A guardrail.
#[derive(Debug, Serialize, ToSchema)]
struct GuardrailView {
    /// Its name in this API, such as `piiFilter`.
    name: String,
    /// Its stable id, with which the ids of its rules begin: `pii_filter`.
    id: &'static str,
    /// What it may do with what it finds; empty where there is nothing to choose.
    modes: Vec<&'static str>,
}

/// Something that a guardrail can look for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KindView {
    /// Its stable name, which rules use.
    name: &'static str,
    /// What people call it; it stands in masks and in messages.
    label: &'static str,
    /// Whether only a model finds it: a rule has to name it, and requests alone are read.
    needs_model: bool,
    /// Whether it is looked for where a rule names it. What needs a model is not where none is set up
    /// (`PROMPTGATE_PII_CONTEXTUAL_PROVIDER`).
    configured: bool,
}

impl KindView {
    fn of(kind: &Kind, finds_names: bool) -> Self {
        Self {
            name: kind.name,
            label: kind.label,
            needs_model: kind.needs_model,
            configured: finds_names || !kind.needs_model,
        }
    }
}

/// Shows what guardrails there are: what they may do, what they can look for, and what counts unless
/// something else is said.
#[utoipa::path(get, path = "/api/v1/admin/guardrails/catalogue", tag = "guardrails",
    responses((status = OK, body = CatalogueView)))]
pub(super) async fn catalogue(
    Acting(_actor): Acting,
    State(control): State<Arc<Control>>,
) -> Json<CatalogueView> {
    let all = kinds();
    let views = |kinds: Vec<Kind>| kinds.iter().map(|kind| KindView::of(kind, control.finds_names)).collect();
    let guardrails = Guardrail::ALL.into_iter().map(|guardrail| GuardrailView {
        name: camel(guardrail.key()),
        id: guardrail.key(),
        modes: guardrail.modes().iter().map(|mode: &Mode| mode.name()).collect(),
    });
    Json(CatalogueView {
        guardrails: guardrails.collect(),
        personal_data: views(all.personal_data),
        secrets: views(all.secrets),
        redactions: views(all.redactions),
        defaults: (&Rules::defaults()).into(),
        hold_back_bytes: ANSWER_HOLD_BACK,
    })
}
