//! The authentication page, from the first sign-in to the last.

use http::Method;
use promptgate_e2e::{Gateway, Installation, Response};
use serde_json::{Value, json};

use super::visitor::{Visitor, given, refused, set_cookie};
use super::{ADMINISTRATOR, PASSWORD, audited};

/// The password of a new installation, which everybody knows.
const WELL_KNOWN: &str = "admin";

async fn by_owner(gateway: &Gateway, method: Method, path: &str, body: Value) -> Response {
    gateway.admin(method, path, &body).await.unwrap()
}

/// The well-known password opens the change of it, on this machine, and nothing else; gives who signed in
/// with the new one.
async fn first_sign_in(gateway: &Gateway) -> Visitor {
    let stranger = Visitor::at(&gateway.api);
    let elsewhere = stranger.with("x-forwarded-for", "203.0.113.9");
    let answer = elsewhere.sign_in(ADMINISTRATOR, WELL_KNOWN).await;
    let message = refused(&answer, 400, "password_not_set")["message"].to_string();
    assert!(message.contains("promptgate user reset-password"), "{message}");
    assert_eq!(set_cookie(&answer), None);

    let half = stranger.sign_in(ADMINISTRATOR, WELL_KNOWN).await;
    assert_eq!(half.expect(200).unwrap(), json!({"status": "password_change_required"}));
    let waiting = stranger.with_session_of(&half);
    for path in ["/api/v1/me", "/api/v1/tokens", "/api/v1/admin/projects", "/api/v1/admin/users"] {
        refused(&waiting.get(path).await, 403, "password_change_required");
    }
    let asked = waiting.get("/auth/session").await;
    refused(&asked, 401, "not authenticated");
    assert_eq!(set_cookie(&asked), None, "the cookie is still good for the step that is missing");

    let change = async |visitor: &Visitor, current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        visitor.post("/auth/password/change", &body).await
    };
    for (current, new, code) in [
        ("wrong", PASSWORD, "invalid_current_password"),
        (WELL_KNOWN, WELL_KNOWN, "invalid_password"),
        (WELL_KNOWN, "short", "invalid_password"),
        (WELL_KNOWN, ADMINISTRATOR, "invalid_password"),
    ] {
        refused(&change(&waiting, current, new).await, 400, code);
    }
    let away = waiting.with("x-forwarded-for", "203.0.113.9");
    refused(&change(&away, WELL_KNOWN, PASSWORD).await, 400, "password_not_set");
    let changed = change(&waiting, WELL_KNOWN, PASSWORD).await;
    let body = changed.expect(200).unwrap();
    assert_eq!((&body["status"], &body["user"]["role"]), (&json!("signed_in"), &json!("admin")));
    let administrator = stranger.with_session_of(&changed);
    assert_ne!(administrator.session(), waiting.session());
    waiting.is_out().await;
    administrator.get("/api/v1/admin/users").await.expect(200).unwrap();
    let profile = administrator.get("/auth/session").await.expect(200).unwrap();
    assert_eq!(profile["email"], ADMINISTRATOR);
    refused(&stranger.sign_in(ADMINISTRATOR, WELL_KNOWN).await, 401, "invalid_credentials");
    administrator
}

/// Five wrong passwords a minute, however the e-mail is written; a right one before forgets.
async fn wrong_passwords(gateway: &Gateway) {
    let stranger = Visitor::at(&gateway.api);
    let wrong = async || {
        let answer = stranger.sign_in(" Admin@PromptGate.dev ", "wrong").await;
        refused(&answer, 401, "invalid_credentials");
        assert_eq!(set_cookie(&answer), None);
    };
    // One more than the well-known one that no longer counted.
    for _ in 0..3 {
        wrong().await;
    }
    stranger.sign_in(ADMINISTRATOR, PASSWORD).await.expect(200).unwrap();
    for _ in 0..5 {
        wrong().await;
    }
    for password in ["wrong", PASSWORD] {
        let sixth = stranger.sign_in(ADMINISTRATOR, password).await;
        refused(&sixth, 429, "too_many_attempts");
        let wait: u64 = sixth.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(set_cookie(&sixth), None);
    }
    // Somebody else is not held up.
    refused(&stranger.sign_in("nobody@example.com", "wrong").await, 401, "invalid_credentials");
}

async fn judge_the_log(gateway: &Gateway) {
    let mut failed = audited(gateway, "auth.login_failed").await;
    // Those are counted, and written every minute: see below.
    failed.retain(|row| row["metadata"]["reason"] != "unknown_account");
    let with = |reason: &str| failed.iter().filter(|row| row["metadata"]["reason"] == reason).count();
    assert_eq!(
        [with("well_known_password"), with("wrong_current_password"), with("wrong_password")],
        [1, 1, 1 + 3 + 5],
        "refused tries are no rows: {failed:?}"
    );
    for row in &failed {
        assert_eq!((&row["actorKind"], &row["targetKind"]), (&json!("system"), &json!("account")), "{row}");
        // A stranger's header moves no address in the log.
        assert_eq!(row["ipAddress"], "127.0.0.1", "{row}");
    }
    let text = format!("{failed:?}");
    for typed in ["\"wrong\"", PASSWORD, "nobody@example.com", "Admin@"] {
        assert!(!text.contains(typed), "{typed}: {text}");
    }
    let users = by_owner(gateway, Method::GET, "/users", Value::Null).await.expect(200).unwrap();
    assert!(failed.iter().all(|row| row["targetId"] == users["items"][0]["id"]), "{failed:?}");
    assert_eq!(audited(gateway, "auth.password_changed").await.len(), 1);
    assert_eq!(audited(gateway, "auth.logout").await.len(), 1);
}

async fn walk(installation: Installation, start: impl AsyncFn(&Installation) -> Gateway) {
    let installation = installation.set("PROMPTGATE_BCRYPT_COST", "4");
    let gateway = start(&installation).await;
    let administrator = first_sign_in(&gateway).await;
    wrong_passwords(&gateway).await;
    assert_eq!(administrator.status().await, 200, "whoever is in stays in");

    let out = administrator.post("/auth/logout", &json!({})).await;
    assert_eq!(out.status, 204);
    let cleared = set_cookie(&out).unwrap();
    assert!(cleared.starts_with("promptgate_session=;") && cleared.contains("Max-Age=0"), "{cleared}");
    administrator.is_out().await;
    let asked = administrator.get("/auth/session").await;
    refused(&asked, 401, "not authenticated");
    assert_eq!((given(&asked), set_cookie(&asked).is_some()), (None, true));
    judge_the_log(&gateway).await;

    // Of strangers there is a count, which is written when the process ends at the latest.
    gateway.stop().await.unwrap();
    let gateway = start(&installation).await;
    let failed = audited(&gateway, "auth.login_failed").await;
    let strangers: Vec<_> =
        failed.iter().filter(|row| row["metadata"]["reason"] == "unknown_account").collect();
    assert_eq!(strangers.len(), 1, "{failed:?}");
    assert_eq!(
        (&strangers[0]["metadata"]["count"], &strangers[0]["ipAddress"], &strangers[0]["actorKind"]),
        (&json!("1"), &json!("127.0.0.1"), &json!("anonymous"))
    );
}

#[tokio::test]
async fn the_page_in_one_process() {
    let start = async |installation: &_| Gateway::run_all(installation).await.unwrap();
    walk(Installation::embedded().unwrap(), start).await;
}

#[tokio::test]
async fn the_page_over_postgres_and_redis() {
    let start = async |installation: &_| Gateway::separate(installation).await.unwrap();
    walk(Installation::on_postgres_and_redis().await.unwrap(), start).await;
}
