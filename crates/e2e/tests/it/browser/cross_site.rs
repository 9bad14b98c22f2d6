//! What a page of a stranger makes a browser send changes nothing.

use http::Method;
use promptgate_e2e::{Client, Gateway, Response};
use serde_json::{Value, json};

use super::{host_of, with};
use crate::sign_in::visitor::{COOKIE, Visitor, refused, set_cookie};
use crate::sign_in::{ADMINISTRATOR, PASSWORD};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: &str = "application/x-www-form-urlencoded";

/// Pages that are not of this installation, some of them near it.
fn strangers(gateway: &Gateway) -> Vec<String> {
    let host = host_of(&gateway.api);
    let strange =
        ["https://evil.example", "null", "", "file://", "http://localhost:3001", "http://127.0.0.1"];
    let near = [
        format!("http://{host}.evil.example"),
        format!("ftp://{host}"),
        format!("http://{host}@evil.example"),
    ];
    strange.map(str::to_owned).into_iter().chain(near).collect()
}

/// A call with exactly these headers.
async fn call(
    gateway: &Gateway,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let client = headers.iter().fold(Client::new(), |client, (name, value)| client.header(name, value));
    client.send(method.clone(), &format!("{}{path}", gateway.api), body.to_owned()).await.unwrap()
}

#[tokio::test]
async fn the_cookie_counts_on_own_pages_alone() {
    let (_installation, gateway) = with(&[("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000")]).await;
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let cookie = format!("other=1; {COOKIE}={}", visitor.session());
    let cookie = ("cookie", cookie.as_str());
    let made = visitor
        .post("/api/v1/admin/groups", &json!({"name": "kept", "displayName": "Kept", "allProviders": true}))
        .await
        .expect(201)
        .unwrap();
    let group = format!("/api/v1/admin/groups/{}", made["id"].as_str().unwrap());
    let me = visitor.get("/api/v1/me").await.json()["id"].as_str().unwrap().to_owned();
    let changes = [
        (
            Method::POST,
            "/api/v1/admin/groups".to_owned(),
            r#"{"name":"x","displayName":"X","allProviders":true}"#,
        ),
        (Method::PATCH, group.clone(), r#"{"name":"x"}"#),
        (Method::PUT, format!("/api/v1/admin/users/{me}/groups"), r#"{"groupIds":[]}"#),
        (Method::DELETE, group.clone(), ""),
        (Method::POST, "/api/v1/tokens".to_owned(), r#"{"name":"x"}"#),
        (Method::DELETE, "/api/v1/me/sessions/x".to_owned(), ""),
        (Method::POST, "/auth/logout".to_owned(), ""),
        (Method::POST, "/auth/password/change".to_owned(), "{}"),
        (Method::POST, "/auth/totp/setup".to_owned(), "{}"),
    ];
    let state = async || {
        let groups = visitor.get("/api/v1/admin/groups").await.expect(200).unwrap();
        let own = visitor.get(&format!("/api/v1/admin/users/{me}/groups")).await.expect(200).unwrap();
        let keys = visitor.get("/api/v1/tokens").await.expect(200).unwrap();
        (groups, own, keys["total"].clone())
    };
    let before = state().await;
    for (method, path, body) in &changes {
        let refuse = async |headers: &[(&str, &str)], code: &str| {
            let all: Vec<_> = [cookie].iter().chain(headers).copied().collect();
            let status = if code == "cross_site_request" { 403 } else { 415 };
            let answer = call(&gateway, method, path, &all, body).await;
            refused(&answer, status, code);
            assert_eq!((set_cookie(&answer), answer.header("access-control-allow-origin")), (None, None));
        };
        for stranger in &strangers(&gateway) {
            refuse(&[JSON, ("origin", stranger), ("sec-fetch-site", "same-origin")], "cross_site_request")
                .await;
        }
        for site in ["cross-site", "same-site", ""] {
            refuse(&[JSON, ("sec-fetch-site", site)], "cross_site_request").await;
        }
        refuse(&[JSON], "cross_site_request").await;
        refuse(&[("content-type", FORM)], "cross_site_request").await;
        refuse(&[("content-type", "text/plain")], "cross_site_request").await;
        let twice = [JSON, ("origin", &*gateway.api), ("origin", "https://evil.example")];
        refuse(&twice, "cross_site_request").await;
        // A page of its own host does not send what a form could.
        for kind in ["text/plain", FORM, "multipart/form-data; boundary=x", "application/json-patch+json"] {
            let own = [("content-type", kind), ("origin", &*gateway.api)];
            refuse(&own, "unsupported_content_type").await;
        }
    }
    assert_eq!(state().await, before, "nothing has changed");
    assert_eq!(visitor.status().await, 200, "nobody was signed out");

    let pages = [&*gateway.api, "http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"];
    for (number, own) in pages.into_iter().enumerate() {
        let headers = [cookie, JSON, ("origin", own)];
        let body =
            json!({"name": format!("g{number}"), "displayName": own, "allProviders": true}).to_string();
        call(&gateway, &Method::POST, "/api/v1/admin/groups", &headers, &body).await.expect(201).unwrap();
    }
    let navigated = [cookie, JSON, ("sec-fetch-site", "same-origin")];
    call(&gateway, &Method::DELETE, &group, &navigated, "").await.expect(204).unwrap();
}

#[tokio::test]
async fn a_stranger_signs_no_browser_in_or_out() {
    let (_installation, gateway) = with(&[]).await;
    let body = json!({"email": ADMINISTRATOR, "password": PASSWORD}).to_string();
    let sign_in = async |headers: &[(&str, &str)]| {
        call(&gateway, &Method::POST, "/auth/password", headers, &body).await
    };
    for stranger in &strangers(&gateway) {
        for kind in ["application/json", "text/plain", FORM] {
            let answer = sign_in(&[("origin", stranger), ("content-type", kind)]).await;
            refused(&answer, 403, "cross_site_request");
            assert_eq!(set_cookie(&answer), None);
        }
    }
    let own = ("origin", &*gateway.api);
    refused(&sign_in(&[own, ("content-type", "text/plain")]).await, 415, "unsupported_content_type");
    sign_in(&[own, JSON]).await.expect(200).unwrap();
    // A program has no page.
    sign_in(&[JSON]).await.expect(200).unwrap();

    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let led = visitor.with("sec-fetch-site", "cross-site").get("/auth/logout").await;
    assert_eq!((led.status.as_u16(), set_cookie(&led)), (302, None));
    assert_eq!(visitor.status().await, 200);
    let read = visitor.with("origin", "https://evil.example").get("/api/v1/me").await;
    assert_eq!(read.header("access-control-allow-origin"), None, "its page cannot read the answer");
}

#[tokio::test]
async fn without_the_cookie_the_page_does_not_matter() {
    let (_installation, gateway) = with(&[]).await;
    let key = ("x-admin-api-key", promptgate_e2e::ADMIN_KEY);
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let cookie = format!("{COOKIE}={}", visitor.session());
    // No page of a stranger has the key, and with it the cookie counts for nothing.
    for (name, more) in [("x", ("accept", "*/*")), ("y", ("cookie", &*cookie))] {
        let headers = [key, ("origin", "https://evil.example"), ("content-type", "text/plain"), more];
        let body = json!({"name": name, "displayName": name, "allProviders": true}).to_string();
        let made = call(&gateway, &Method::POST, "/api/v1/admin/groups", &headers, &body).await;
        assert_eq!(made.expect(201).unwrap()["name"], name);
    }
    let nobody = [("origin", "https://evil.example"), JSON];
    let answer = call(&gateway, &Method::POST, "/api/v1/tokens", &nobody, "{}").await;
    refused(&answer, 401, "missing session");
    let listed = gateway.admin(Method::GET, "/groups", &Value::Null).await.unwrap().expect(200).unwrap();
    assert!(listed["total"].as_u64().unwrap() >= 1);
}
