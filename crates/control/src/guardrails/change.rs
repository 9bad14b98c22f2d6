//! Changing guardrails.

use promptgate_auth::{Actor, Permission};
use promptgate_firewall::guardrails::{Guardrail, Rules};
use promptgate_store::Access;
use serde_json::{Map, Value};
use tracing::instrument;

use super::find::levels;
use super::{GuardrailError, Levels, Whose, check};
use crate::Control;
use crate::journal::Entry;
use crate::shown;

/// What is to become of a level's guardrails.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A document of fields that takes the place of theirs; `null` takes back, so that the level above
    /// counts again.
    Patch(Map<String, Value>),
    /// All of it is replaced.
    Replace(Map<String, Value>),
}

/// Changes what a level says. Each guardrail that changes has an audit row of its own, and so has that
/// rules which nobody could read are replaced, which opens what they closed; a change that changes nothing
/// has none.
#[instrument(name = "control.guardrails.change", skip_all)]
pub async fn change(
    control: &Control,
    actor: Actor,
    whose: Whose,
    change: Change,
) -> Result<Levels, GuardrailError> {
    let at = control.clock.now();
    let mut work = control.store.begin(Access::Write).await?;
    check(&mut *work, actor, whose, Permission::ManageGuardrails).await?;
    let holder = whose.holder();
    let before = work.guardrails().find(holder).await?;
    let rules = match &change {
        // Nobody can say what would be left of it.
        Change::Patch(_) if before.stored.is_err() => return Err(GuardrailError::unreadable(holder)),
        Change::Patch(patch) => before.rules.patched(patch)?,
        Change::Replace(document) => Rules::parse(document)?,
    };
    rules.check()?;
    let is_same = rules == before.rules && before.stored.is_ok();
    if !is_same && !work.guardrails().save(holder, &before, &rules, at).await? {
        return Err(GuardrailError::Changed);
    }
    let after = levels(&mut *work, whose.into()).await?;
    // Bounds that were fine apart may contradict one another together.
    after.effective().check()?;
    if is_same {
        return Ok(after);
    }
    if before.stored.is_err() {
        control.audit(&mut *work, actor, repaired(whose), at).await?;
    }
    for guardrail in Guardrail::ALL {
        if let Some(entry) = entry(guardrail, whose, &before.rules, &rules) {
            control.audit(&mut *work, actor, entry, at).await?;
        }
    }
    let revision = work.changes().record(promptgate_store::Change::Guardrails, at).await?;
    control.commit(work, revision).await?;
    Ok(after)
}

fn entry(guardrail: Guardrail, whose: Whose, before: &Rules, after: &Rules) -> Option<Entry> {
    let (before, after) = (shown::guardrail(guardrail, before), shown::guardrail(guardrail, after));
    if before == after {
        return None;
    }
    let switch = |shown: &Map<String, Value>| shown.get("enabled").and_then(Value::as_bool);
    let action = match (switch(&before), switch(&after)) {
        (before, Some(true)) if before != Some(true) => "guardrail.enabled",
        (before, Some(false)) if before != Some(false) => "guardrail.disabled",
        (Some(true), None) => "guardrail.disabled",
        _ => "guardrail.updated",
    };
    let entry = Entry::of_guardrail(action, guardrail, whose.project()).between(&before, &after);
    Some(on_level(entry, whose))
}

/// Rules that nobody could read are replaced, whatever by.
fn repaired(whose: Whose) -> Entry {
    let rules = |state: &str| Map::from_iter([("rules".to_owned(), Value::from(state))]);
    let entry = Entry::of_guardrails("guardrail.updated", whose.project());
    on_level(entry.between(&rules("unreadable"), &rules("replaced")), whose)
}

fn on_level(entry: Entry, whose: Whose) -> Entry {
    let entry = entry.detail("level", whose.holder().level().name());
    match whose {
        Whose::Token(_, id) => entry.detail("tokenId", id.to_string()),
        Whose::Installation | Whose::Project(_) => entry,
    }
}
