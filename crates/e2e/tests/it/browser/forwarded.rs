//! Forwarded headers of whoever is not trusted, without a proxy in between.

use promptgate_e2e::{Client, Gateway};
use serde_json::json;

use super::with;
use crate::sign_in::visitor::{Visitor, flags, refused};
use crate::sign_in::{ADMINISTRATOR, PASSWORD, audited};

/// Everything that a client could write to be taken for somebody else.
const SPOOFED: [(&str, &str); 7] = [
    ("x-forwarded-for", "198.51.100.66"),
    ("x-real-ip", "198.51.100.66"),
    ("forwarded", "for=198.51.100.66;proto=https;host=evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-ssl", "on"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-scheme", "https"),
];

fn spoofing(visitor: Visitor) -> Visitor {
    SPOOFED.iter().fold(visitor, |visitor, (name, value)| visitor.with(name, value))
}

/// Where the newest session of the visitor, and the newest sign-in of the log, come from.
async fn addresses(gateway: &Gateway, visitor: &Visitor) -> [serde_json::Value; 2] {
    let sessions = visitor.get("/api/v1/me/sessions").await.expect(200).unwrap();
    let logged = audited(gateway, "auth.login").await;
    [sessions["items"][0]["address"].clone(), logged[0]["ipAddress"].clone()]
}

async fn nothing_is_believed(settings: &[(&str, &str)]) {
    let (_installation, gateway) = with(settings).await;
    let visitor = spoofing(Visitor::at(&gateway.api));
    let answer = visitor.sign_in(ADMINISTRATOR, PASSWORD).await;
    answer.expect(200).unwrap();
    assert_eq!(flags(&answer), "Path=/; HttpOnly; SameSite=Lax");
    let visitor = visitor.with_session_of(&answer);
    assert_eq!(addresses(&gateway, &visitor).await, [json!("127.0.0.1"), json!("127.0.0.1")]);
    // The host that it names is not the API's, so its pages are not either.
    for origin in ["https://evil.example", "http://evil.example"] {
        let stranger = visitor.with("origin", origin);
        refused(&stranger.post("/auth/logout", &json!({})).await, 403, "cross_site_request");
    }
    // Who hides behind a proxy is not on this machine: its numbers are not for everybody.
    let metrics = format!("{}/metrics", gateway.api);
    let shown = Client::new().get(&metrics).await.unwrap();
    assert_eq!(shown.status, 200);
    let hidden = Client::new().header("x-forwarded-for", "127.0.0.1").get(&metrics).await.unwrap();
    assert_eq!(hidden.status, 401, "{}", hidden.text());
}

#[tokio::test]
async fn nobody_is_believed_unless_told() {
    nothing_is_believed(&[]).await;
}

#[tokio::test]
async fn others_than_the_trusted_are_not_believed() {
    nothing_is_believed(&[("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.2/32, 10.0.0.0/8")]).await;
}

#[tokio::test]
async fn the_trusted_are_believed() {
    let (_installation, gateway) = with(&[("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    let visitor = spoofing(Visitor::at(&gateway.api)).with("origin", "https://evil.example");
    let answer = visitor.sign_in(ADMINISTRATOR, PASSWORD).await;
    answer.expect(200).unwrap();
    assert_eq!(flags(&answer), "Path=/; HttpOnly; SameSite=Lax; Secure");
    let visitor = visitor.with_session_of(&answer);
    assert_eq!(addresses(&gateway, &visitor).await, [json!("198.51.100.66"), json!("198.51.100.66")]);
    // Over TLS, a page counts that came over TLS.
    let told = [("x-forwarded-proto", "https"), ("x-forwarded-host", "gate.example")];
    let told =
        told.iter().fold(Visitor::at(&gateway.api), |visitor, (name, value)| visitor.with(name, value));
    let sign_in = async |origin: &str| told.with("origin", origin).sign_in(ADMINISTRATOR, PASSWORD).await;
    refused(&sign_in("http://gate.example").await, 403, "cross_site_request");
    sign_in("https://gate.example").await.expect(200).unwrap();
}

#[tokio::test]
async fn an_api_that_is_known_by_https_always_has_secure_cookies() {
    let (_installation, gateway) = with(&[("PROMPTGATE_BACKEND_BASE_URL", "https://gate.example")]).await;
    let visitor = Visitor::at(&gateway.api).with("origin", "https://gate.example");
    let answer = visitor.sign_in(ADMINISTRATOR, PASSWORD).await;
    answer.expect(200).unwrap();
    assert_eq!(flags(&answer), "Path=/; HttpOnly; SameSite=Lax; Secure");
    // Nor does a page count that somebody on the way could have altered.
    for origin in ["http://gate.example", &gateway.api] {
        let answer = Visitor::at(&gateway.api).with("origin", origin).sign_in(ADMINISTRATOR, PASSWORD).await;
        refused(&answer, 403, "cross_site_request");
    }
}
