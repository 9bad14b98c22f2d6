//! The line that each request leaves: its path, and nothing that may be a secret.

use http::Method;
use promptgate_e2e::{Client, Gateway};
use serde_json::json;

use super::with;
use crate::sign_in::ADMINISTRATOR;
use crate::sign_in::visitor::Visitor;

/// In every place of a request but its path.
const CANARY: &str = "canary-0c41d2";

/// Asks in every way with the canary; the paths that were asked for.
async fn asked(gateway: &Gateway) -> Vec<(&'static str, u16)> {
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let mut paths = Vec::new();
    for (path, status) in [
        ("/auth/login", 302),
        ("/auth/callback", 302),
        ("/auth/session", 200),
        ("/api/v1/me", 200),
        ("/api/v1/me/prompts", 200),
        ("/api/v1/admin/users", 200),
        ("/api/v1/admin/users/nobody", 404),
        ("/nowhere", 404),
    ] {
        let query =
            format!("?search={CANARY}&code={CANARY}&state={CANARY}&token={CANARY}&redirect=%2F{CANARY}");
        let answer = visitor.with("x-api-key", CANARY).get(&format!("{path}{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
        paths.push((path, status));
    }
    let wrong = visitor.sign_in(&format!("{CANARY}@example.com"), CANARY).await;
    assert_eq!(wrong.status, 401);
    let change = json!({"currentPassword": CANARY, "newPassword": format!("{CANARY}-new")});
    let refused = visitor.post("/auth/password/change", &change).await;
    assert_eq!(refused.status, 400);
    let unread = visitor.send(Method::POST, "/auth/password", &format!("{{\"{CANARY}\"")).await;
    assert_eq!(unread.status, 400);
    let keyed = Client::new().header("x-admin-api-key", CANARY).bearer(CANARY);
    let keyed = keyed.get(&format!("{}/api/v1/admin/projects", gateway.api)).await.unwrap();
    assert_eq!(keyed.status, 401);
    let out = visitor.get(&format!("/auth/logout?redirect=%2F{CANARY}")).await;
    assert_eq!(out.status, 302);
    paths.extend([("/auth/password", 401), ("/auth/password/change", 400), ("/auth/logout", 302)]);
    paths
}

async fn nothing_secret(format: &str, level: &str) {
    let settings = [("PROMPTGATE_LOG_FORMAT", format), ("PROMPTGATE_LOG_LEVEL", level)];
    let (_installation, gateway) = with(&settings).await;
    let paths = asked(&gateway).await;
    let ended = { gateway }.processes.remove(0).terminate().await.unwrap();
    let said = format!("{}{}", ended.output, ended.errors);
    for line in said.lines() {
        assert!(!line.contains(CANARY), "{line}");
    }
    for (path, status) in paths {
        let method = if path.starts_with("/auth/password") { "POST" } else { "GET" };
        let line = format!("{method} {path} answered {status}");
        let line = said.lines().find(|said| said.contains(&line));
        let line = line.unwrap_or_else(|| panic!("no line for {path} in:\n{said}"));
        let expected = if status < 400 { "info" } else { "warn" };
        assert!(line.to_lowercase().contains(expected), "{line}");
        for what in ["remote_addr", "127.0.0.1", "duration_ms", "user_agent"] {
            assert!(line.contains(what), "{what}: {line}");
        }
    }
}

#[tokio::test]
async fn of_text() {
    nothing_secret("text", "debug").await;
}

#[tokio::test]
async fn of_json() {
    nothing_secret("json", "info").await;
}
