//! Asking a golden set.

use std::collections::BTreeMap;

use promptgate_auth::{Actor, Permission};
use promptgate_endpoints::{EvalItem, EvalRun, EvalSet, ItemResult, Observed, RunStart};
use promptgate_kernel::{EvalRunId, Revision};
use promptgate_store::Access;
use serde_json::{Map, Value};
use tracing::instrument;

use super::{EvalAddress, EvalError, load};
use crate::Control;
use crate::endpoints::{EndpointRunner, RunRequest, RunResult, RunSource};
use crate::journal::Entry;
use crate::members::actor_in;

/// Asks the items of a golden set, one after the other, through the present configuration of its
/// endpoint; judges the answers, and compares them with the run before.
#[instrument(name = "control.evals.run", skip_all, fields(eval.id = %address.id))]
pub async fn run(control: &Control, actor: Actor, address: EvalAddress) -> Result<EvalRun, EvalError> {
    let runner = control.runner.as_ref().ok_or(EvalError::NoRunner)?;
    let mut work = control.store.begin(Access::Read).await?;
    actor_in(&mut *work, actor, address.endpoint.project)
        .await?
        .require_in(address.endpoint.project, Permission::ManageEndpoints)?;
    let (endpoint, set) = load(&mut *work, address).await?;
    let revision = work.changes().revision().await?;
    drop(work);

    let start = RunStart {
        id: EvalRunId::mint(&*control.clock, &*control.entropy),
        endpoint_version: endpoint.latest_version,
        author: None,
        at: control.clock.now(),
    };
    let mut results = Vec::with_capacity(set.items.len());
    let mut refusals: BTreeMap<String, u64> = BTreeMap::new();
    for item in &set.items {
        let (result, refused_by) = ask(&**runner, &set, item, start.id, revision).await;
        results.push(result);
        if let Some(guardrail) = refused_by {
            *refusals.entry(guardrail).or_default() += 1;
        }
    }

    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    // It may have been deleted meanwhile.
    load(&mut *work, address).await?;
    let previous = work.evals().latest_run(set.id).await?;
    let run = EvalRun::finish(&set, start, results, previous.as_ref(), at);
    work.evals().insert_run(&run).await?;
    let summary = &run.summary;
    let entry = Entry::of_eval("eval.run", &set)
        .detail("run", summary.id.to_string())
        .detail("passed", summary.passed.to_string())
        .detail("failed", summary.failed.to_string())
        .detail("total", summary.total().to_string());
    let refused = refusals.into_iter().map(|(guardrail, count)| {
        let entry = Entry::of_refused_run(guardrail, &endpoint);
        entry.detail("run", summary.id.to_string()).detail("count", count.to_string())
    });
    for entry in std::iter::once(entry).chain(refused) {
        control.audit(&mut *work, actor, entry, at).await?;
    }
    work.commit().await?;
    Ok(run)
}

/// Asks one item, and says which guardrail refused it, if one did.
async fn ask(
    runner: &dyn EndpointRunner,
    set: &EvalSet,
    item: &EvalItem,
    run: EvalRunId,
    revision: Revision,
) -> (ItemResult, Option<String>) {
    let request = RunRequest {
        project_id: set.project_id,
        endpoint_id: set.endpoint_id,
        body: body(item),
        source: RunSource::Eval { run },
        revision,
    };
    let RunResult { status, body, call_id, refused_by, total_tokens, latency, .. } =
        runner.run(request).await;
    let duration = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    if (200..300).contains(&status) {
        let text = body.get("content").and_then(Value::as_str).unwrap_or_default();
        return (ItemResult::answered(item, Observed { text, total_tokens }, duration, call_id), refused_by);
    }
    let error = match body.get("error") {
        Some(Value::String(error)) => format!("{status}: {error}"),
        _ => format!("{status}"),
    };
    (ItemResult::not_answered(item, &error, duration, call_id), refused_by)
}

/// What is sent: an item belongs to no conversation, and its answer is judged as a whole.
fn body(item: &EvalItem) -> Map<String, Value> {
    let mut body = item.input.clone();
    for member in ["session_id", "stream", "endpoint"] {
        body.remove(member);
    }
    body
}
