//! Second stage: who is calling, and whether they may call here.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use promptgate_firewall::guardrails::Policy;
use promptgate_kernel::{AccountId, ProjectId, TokenId};
use promptgate_tokens::{PresentedToken, Token};

use crate::allowance::Payers;
use crate::authenticator::AuthUnavailable;
use crate::failures;
use crate::guardrails::GuardRefusal;
use crate::network::{Visitor, admit_address};
use crate::pipeline::Shared;
use crate::receive::{Entry, Received, Route};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::snapshot::{Caller, CompiledProject, Snapshot};
use crate::upload::Upload;

/// How long a call waits for the configuration when its project is too new for the snapshot.
const CATCH_UP: Duration = Duration::from_millis(500);

/// A request of a known caller, to a project that it may call.
pub(crate) struct Authenticated {
    pub(crate) entry: Entry,
    pub(crate) route: Route,
    pub(crate) ids: Vec<String>,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) upload: Upload,
    pub(crate) token: Arc<Token>,
    pub(crate) project: Arc<CompiledProject>,
    pub(crate) snapshot: Arc<Snapshot>,
    /// The account that the token acts for; a project's own token acts for none.
    pub(crate) caller: Option<Arc<Caller>>,
    /// What guardrails say, but for an AI endpoint's.
    pub(crate) policy: Arc<Policy>,
    /// The token, and those that it comes from.
    pub(crate) line: Arc<[TokenId]>,
    _made_here: (),
}

/// Resolves the token and checks, in this order: presence, form, existence and state, expiry,
/// scope, project, whether the project is active, whether the account that owns the token may call, and
/// whether anybody may from there.
pub(crate) async fn authenticate(
    received: Received,
    shared: &Shared,
    record: &mut Record,
) -> Result<Authenticated, Refusal> {
    let mut known = None;
    let outcome = identify(received, shared, record, &mut known).await;
    if let Err(refusal) = &outcome {
        failures::note(shared, record, known.as_deref(), refusal);
    }
    outcome
}

async fn identify(
    received: Received,
    shared: &Shared,
    record: &mut Record,
    known: &mut Option<Arc<Token>>,
) -> Result<Authenticated, Refusal> {
    let text = credential(&received.headers).ok_or(Refusal::MissingToken)?;
    let presented = PresentedToken::parse(text).map_err(Refusal::MalformedToken)?;
    let token = match shared.authenticator.find(presented).await {
        Ok(found) => found.ok_or(Refusal::InvalidToken)?,
        Err(AuthUnavailable) => return Err(Refusal::AuthUnavailable),
    };
    let now = shared.clock.now();
    *known = Some(Arc::clone(&token));
    token.usable(now)?;
    record.caller = Some(Arc::clone(&token));
    let Received { entry, route, ids, query, headers, upload, .. } = received;
    let target = match &entry {
        Entry::Project(project) => *project,
        Entry::Provider(_) => token.project_id,
    };
    token.admit(target, route.scope(&entry), now)?;
    let (mut project, mut snapshot) = find_project(shared, target).await.ok_or(Refusal::ProjectInactive)?;
    let mut caller = None;
    if let Some(owner) = token.owner {
        let found = find_caller(shared, owner, snapshot).await.ok_or(Refusal::AccountInactive)?;
        snapshot = found.1;
        project = Arc::clone(snapshot.project(target).ok_or(Refusal::ProjectInactive)?);
        caller = Some(found.0);
    }
    record.revision = snapshot.revision();
    if !project.project.active {
        return Err(Refusal::ProjectInactive);
    }
    if let Some(caller) = &caller {
        caller.standing.usable(now)?;
    }
    let owner = caller.as_deref().map(|caller| &caller.standing);
    let visitor = Visitor { token: &token, project: target, owner };
    admit_address(&visitor, &snapshot, shared, record).await?;
    let line: Arc<[TokenId]> = if snapshot.has_token_guardrails() || token.parent.is_some() {
        let line = shared.authenticator.line_of(&token).await;
        line.map_err(|AuthUnavailable| Refusal::AuthUnavailable)?
    } else {
        Arc::new([token.id])
    };
    let policy = snapshot.policy(target, None, &line);
    policy.access().check(Some(record.client), now).map_err(GuardRefusal::Denied)?;
    let above = line.get(1..).unwrap_or_default();
    let above = shared.authenticator.limits_above(above).await;
    let above = above.map_err(|AuthUnavailable| Refusal::AuthUnavailable)?;
    let payers = Payers::of_token(&token, above, &project, caller.as_ref(), &snapshot, route);
    record.payers = Some(Box::new(payers));
    shared.authenticator.note_use(&token, now);
    record.timing.authenticated();
    record.transcript.keep(project.project.record_bodies.unwrap_or(shared.limits.record_bodies));
    Ok(Authenticated {
        entry,
        route,
        ids,
        query,
        headers,
        upload,
        token,
        project,
        snapshot,
        caller,
        policy,
        line,
        _made_here: (),
    })
}

/// The token of a request: a bearer in `Authorization`, else `x-api-key`.
fn credential(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.trim_start().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let api_key = || headers.get("x-api-key").and_then(|value| value.to_str().ok()).map(str::trim);
    bearer.filter(|token| !token.is_empty()).or_else(api_key).filter(|token| !token.is_empty())
}

/// A token may be known here before its new project is: then the configuration is awaited.
async fn find_project(shared: &Shared, id: ProjectId) -> Option<(Arc<CompiledProject>, Arc<Snapshot>)> {
    let find = || {
        let snapshot = shared.snapshot.load();
        let project = Arc::clone(snapshot.project(id)?);
        Some((project, snapshot))
    };
    if let Some(found) = find() {
        return Some(found);
    }
    // The first look may have begun before the project was there.
    for _ in 0..2 {
        shared.snapshot.refresh(CATCH_UP).await;
        if let Some(found) = find() {
            return Some(found);
        }
    }
    None
}

/// An account may be too new for the snapshot, as a project may.
async fn find_caller(
    shared: &Shared,
    owner: AccountId,
    snapshot: Arc<Snapshot>,
) -> Option<(Arc<Caller>, Arc<Snapshot>)> {
    if let Some(caller) = snapshot.caller(owner) {
        return Some((Arc::clone(caller), snapshot));
    }
    for _ in 0..2 {
        shared.snapshot.refresh(CATCH_UP).await;
        let snapshot = shared.snapshot.load();
        if let Some(caller) = snapshot.caller(owner) {
            return Some((Arc::clone(caller), snapshot));
        }
    }
    None
}

#[cfg(test)]
mod owners;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        credential(&map).map(str::to_owned)
    }

    #[test]
    fn both_headers_carry_a_token_and_the_bearer_comes_first() {
        assert_eq!(read(&[("authorization", "Bearer t")]).unwrap(), "t");
        assert_eq!(read(&[("authorization", "bEaReR   t ")]).unwrap(), "t");
        assert_eq!(read(&[("x-api-key", "k")]).unwrap(), "k");
        assert_eq!(read(&[("authorization", "Bearer t"), ("x-api-key", "k")]).unwrap(), "t");
        assert_eq!(read(&[("authorization", "Basic dTpw"), ("x-api-key", "k")]).unwrap(), "k");
        assert_eq!(read(&[("authorization", "Bearer "), ("x-api-key", "k")]).unwrap(), "k");
    }

    #[test]
    fn anything_else_is_no_token() {
        for wrong in [&[][..], &[("authorization", "Basic x")], &[("authorization", "Bearer")]] {
            assert_eq!(read(wrong), None);
        }
        assert_eq!(read(&[("x-api-key", " ")]), None);
    }
}
