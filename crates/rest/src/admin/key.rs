//! Who acts on an admin route: whoever holds the admin API key, else whoever signed in and may.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use promptgate_audit::{Culprit, Failure};
use promptgate_auth::{Actor, AdminKey, Origin, Role, Who};
use promptgate_control::accounts::{is_member_anywhere, membership};
use promptgate_control::admin_keys;
use promptgate_kernel::ProjectId;

use crate::ApiState;
use crate::error::ApiError;
use crate::session::{SignedIn, origin, unauthorized};

/// The header that carries the admin API key.
pub(crate) const HEADER: &str = "x-admin-api-key";

/// The actor of an admin request. Handlers take it first, so that nothing of a stranger's request
/// is read; without it they cannot call a use case.
pub(crate) struct Acting(pub(crate) Actor);

impl FromRequestParts<ApiState> for Acting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        // A wrong key never falls back to the cookie.
        match key(&parts.headers, state.admin_key.as_ref()) {
            Given::Nothing => by_session(parts, state).await.map(Self),
            Given::Key => Ok(Self(Actor::admin_key().coming_from(origin(parts)))),
            Given::Other(text) => {
                let origin = origin(parts);
                by_stored_key(text, state, origin).await.map(|actor| Self(actor.coming_from(origin)))
            }
        }
    }
}

/// Whoever holds a key of the store.
async fn by_stored_key(text: &str, state: &ApiState, origin: Origin) -> Result<Actor, ApiError> {
    let control = &*state.control;
    if let Some(id) = admin_keys::authenticate(control, text).await? {
        return Ok(Actor::of(Who::AdminKey(Some(id))));
    }
    let by = Culprit::Address(origin.address);
    let failure = Failure { action: "auth.admin_key_invalid", reason: "unknown", by };
    control.failures.note(failure, origin.address, control.clock.now());
    Err(unauthorized("invalid_admin_api_key").message("X-Admin-API-Key is not an admin API key"))
}

/// What a request has in the header.
#[derive(Debug, PartialEq, Eq)]
enum Given<'a> {
    Nothing,
    /// The key of the settings.
    Key,
    /// Something else, which may be a key of the store. What is there twice is blank here.
    Other(&'a str),
}

fn key<'a>(headers: &'a HeaderMap, key: Option<&AdminKey>) -> Given<'a> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(first) = given.next() else { return Given::Nothing };
    if given.next().is_some() {
        return Given::Other("");
    }
    let text = std::str::from_utf8(first.as_bytes()).map(str::trim).unwrap_or_default();
    let is_key = !text.is_empty() && key.is_some_and(|key| key.matches(text));
    if is_key { Given::Key } else { Given::Other(text) }
}

/// An administrator who signed in, or a member of the project that the address names; where it names
/// none, of any project.
async fn by_session(parts: &mut Parts, state: &ApiState) -> Result<Actor, ApiError> {
    let signed_in = SignedIn::from_request_parts(parts, state).await?;
    let SignedIn { actor, account, .. } = signed_in;
    if account.role == Role::Admin {
        return Ok(actor);
    }
    let insufficient = || {
        ApiError::new(StatusCode::FORBIDDEN, "insufficient_role")
            .message("the role admin is needed, or a membership in the project")
    };
    if is_of_some_project(&parts.method, parts.uri.path()) {
        // Which project it is, and what a member of it may, the use case finds out.
        let is_member = is_member_anywhere(&state.control, account.id).await?;
        return is_member.then_some(actor).ok_or_else(insufficient);
    }
    let project = project_of(parts.uri.path()).ok_or_else(insufficient)?;
    let membership = membership(&state.control, project, account.id).await?.ok_or_else(insufficient)?;
    Ok(actor.as_member(Some(membership)))
}

/// Whether a route is about what projects have, without naming the project in its address.
fn is_of_some_project(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/v1/admin/") else { return false };
    let is_in = |collection| rest.strip_prefix(collection).is_some_and(|id| id.starts_with('/'));
    let reads = method == Method::GET || method == Method::HEAD;
    // What a trial of guardrails is about stands in its body.
    let tries = method == Method::POST && matches!(rest, "firewall/explain" | "firewall/replay");
    reads && matches!(rest, "projects" | "calls" | "guardrails/catalogue")
        || tries
        || is_in("tokens")
        || is_in("calls")
}

/// The project that an admin route is about, by its address.
fn project_of(path: &str) -> Option<ProjectId> {
    path.strip_prefix("/api/v1/admin/projects/")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Api, PASSWORD};
    use serde_json::json;

    fn refused(configured: Option<&str>, sent: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(HEADER, value.parse().unwrap());
        }
        let configured = configured.and_then(AdminKey::from_text);
        match key(&headers, configured.as_ref()) {
            Given::Key => None,
            Given::Nothing => Some("nothing"),
            Given::Other(_) => Some("invalid_admin_api_key"),
        }
    }

    #[test]
    fn only_the_right_key_given_once_opens() {
        let invalid = Some("invalid_admin_api_key");
        assert_eq!(refused(Some("k"), &["k"]), None);
        assert_eq!(refused(Some("k"), &[]), Some("nothing"));
        assert_eq!(refused(None, &[]), Some("nothing"));
        assert_eq!(refused(None, &["k"]), invalid, "switched off");
        assert_eq!(refused(None, &[""]), invalid, "switched off and empty");
        assert_eq!(refused(Some("schlüssel"), &["schlüssel"]), None);
        for sent in [&["x"] as &[&str], &[""], &["k", "k"], &["k", "x"], &["k,k"]] {
            assert_eq!(refused(Some("k"), sent), invalid, "{sent:?}");
        }
    }

    #[tokio::test]
    async fn a_wrong_key_beats_a_good_session_and_a_right_one_a_bad_session() {
        let api = Api::new().await;
        api.create_person("a@example.com", "admin").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let path = "/api/v1/admin/projects";
        browser.get(path).await.ok();
        browser.with(HEADER, "wrong").get(path).await.refused(401, "invalid_admin_api_key");
        browser.with(HEADER, "").get(path).await.refused(401, "invalid_admin_api_key");
        api.browser("promptgate_session=bad").get(path).await.refused(401, "invalid session");
        api.browser("promptgate_session=bad").with(HEADER, "test-admin-key").get(path).await.ok();
    }

    #[tokio::test]
    async fn members_act_in_their_own_project_alone() {
        let api = Api::new().await;
        let [own, other] =
            [api.create_project("a", "ai_gateway").await, api.create_project("b", "ai_gateway").await];
        let id = api.create_person("a@example.com", "user").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let path = |project: &str| format!("/api/v1/admin/projects/{project}");
        for path in [path(&own), path("x"), "/api/v1/admin/projects".into(), "/api/v1/admin/users".into()] {
            browser.get(&path).await.refused(403, "insufficient_role");
        }
        let member = format!("{}/members/{id}", path(&own));
        api.put(&member, &serde_json::json!({"role": "viewer"})).await.ok();
        browser.get(&path(&own)).await.ok();
        browser.get(&path(&other)).await.refused(403, "insufficient_role");
        browser.patch(&path(&own), &serde_json::json!({"name": "c"})).await.refused(403, "forbidden");
        browser.get("/api/v1/admin/users").await.refused(403, "insufficient_role");
    }

    #[tokio::test]
    async fn members_list_their_own_projects_and_find_what_is_theirs_by_its_id() {
        let api = Api::new().await;
        let [own, other] =
            [api.create_project("a", "ai_gateway").await, api.create_project("b", "ai_gateway").await];
        let id = api.create_person("a@example.com", "manager").await;
        let browser = api.browser(api.sign_in("a@example.com", PASSWORD).await.header("set-cookie"));
        let admin = "/api/v1/admin";
        let [mine, foreign] = [api.issue_token(&own).await, api.issue_token(&other).await];
        let call = api.record_call_with(&own, &mine.id, "req", |_, _| {}).await;
        let foreign_call = api.record_call_with(&other, &foreign.id, "req", |_, _| {}).await;
        let [call, foreign_call] = [call, foreign_call].map(|id| format!("{admin}/calls/{id}"));
        let doors = [
            format!("{admin}/projects"),
            format!("{admin}/projects/{own}/tokens"),
            format!("{admin}/tokens/{}", mine.id),
            format!("{admin}/calls?projectId={own}"),
            call.clone(),
        ];
        for path in &doors {
            browser.get(path).await.refused(403, "insufficient_role");
        }
        let member = format!("{admin}/projects/{own}/members/{id}");
        // What each role opens: the call, which holds what was said, and a change of a token.
        for (role, says, changes) in [("viewer", 403, 403), ("developer", 200, 403), ("admin", 200, 200)] {
            api.put(&member, &json!({"role": role})).await.ok();
            let projects = browser.get(&doors[0]).await.ok();
            assert_eq!(
                (&projects["total"], &projects["items"][0]["uuid"]),
                (&json!(1), &json!(own)),
                "{role}"
            );
            for path in &doors[1..4] {
                browser.get(path).await.ok();
            }
            assert_eq!(browser.get(&call).await.status, says, "{role}");
            let renamed = browser.patch(&doors[2], &json!({"name": role})).await;
            assert_eq!(renamed.status, changes, "{role}");
            for path in [
                format!("{admin}/tokens/{}", foreign.id),
                format!("{admin}/calls?projectId={other}"),
                format!("{admin}/calls"),
                foreign_call.clone(),
            ] {
                browser.get(&path).await.refused(403, "forbidden");
            }
            let new = json!({"name": "c", "projectType": "ai_gateway"});
            browser.post(&doors[0], &new).await.refused(403, "insufficient_role");
        }
        let search = browser.get(&format!("{}?search=b", doors[0])).await.ok();
        assert_eq!((&search["total"], &search["items"]), (&json!(0), &json!([])));
        api.delete(&member).await.no_content();
        browser.get(&doors[0]).await.refused(403, "insufficient_role");
    }
}
