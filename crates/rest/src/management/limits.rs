//! How much models may be used, with the names of the public contract.

use std::collections::BTreeMap;

use promptgate_kernel::{LimitsByModel, ModelLimits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much one model may be used; null is no limit.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ManagedModelLimits {
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    requests_per_hour: Option<u32>,
    #[schema(minimum = 1)]
    tokens_per_minute: Option<u64>,
    #[schema(minimum = 1)]
    tokens_per_hour: Option<u64>,
    #[schema(minimum = 1)]
    max_concurrent: Option<u32>,
}

/// Limits of models as they are kept. A model that nothing limits is left out.
pub(super) fn models(given: Option<BTreeMap<String, ManagedModelLimits>>) -> LimitsByModel {
    let limits = |given: ManagedModelLimits| ModelLimits {
        requests_per_minute: given.requests_per_minute,
        requests_per_hour: given.requests_per_hour,
        tokens_per_minute: given.tokens_per_minute,
        tokens_per_hour: given.tokens_per_hour,
        max_concurrent: given.max_concurrent,
    };
    let given = given.unwrap_or_default().into_iter().map(|(model, given)| (model, limits(given)));
    given.filter(|(_, limits)| !limits.is_empty()).collect()
}

/// Limits of models as they are shown.
pub(super) fn model_views(models: LimitsByModel) -> BTreeMap<String, ManagedModelLimits> {
    let view = |limits: ModelLimits| ManagedModelLimits {
        requests_per_minute: limits.requests_per_minute,
        requests_per_hour: limits.requests_per_hour,
        tokens_per_minute: limits.tokens_per_minute,
        tokens_per_hour: limits.tokens_per_hour,
        max_concurrent: limits.max_concurrent,
    };
    models.into_iter().map(|(model, limits)| (model, view(limits))).collect()
}
