//! Which pages of other origins may read what the API answers.

use http::Method;
use promptgate_e2e::{Client, Response};
use serde_json::{Value, json};

use super::with;
use crate::sign_in::ADMINISTRATOR;
use crate::sign_in::visitor::{Visitor, refused};

/// The frontend in development, under each name of this machine.
const PAGES: [&str; 3] = ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"];

async fn preflight(url: &str, origin: Option<&str>, method: &str) -> Response {
    let client = Client::new()
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "content-type");
    let client = origin.into_iter().fold(client, |client, origin| client.header("origin", origin));
    client.send(Method::OPTIONS, url, "").await.unwrap()
}

fn readable(answer: &Response, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn the_frontend_changes_things_from_its_own_port_under_every_name() {
    let (_installation, gateway) = with(&[("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000")]).await;
    let signed_in = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let me = signed_in.get("/api/v1/me").await.json()["id"].as_str().unwrap().to_owned();
    let groups = format!("/api/v1/admin/users/{me}/groups");
    for page in PAGES {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let asked = preflight(&format!("{}{groups}", gateway.api), Some(page), method).await;
            assert_eq!((asked.status.as_u16(), asked.text()), (204, String::new()), "{page}");
            readable(&asked, page);
            let methods = asked.header("access-control-allow-methods").unwrap();
            assert!(methods.split(", ").any(|allowed| allowed == method), "{method}: {methods}");
            let headers = asked.header("access-control-allow-headers").unwrap().to_lowercase();
            for name in ["content-type", "accept", "authorization"] {
                assert!(headers.split(", ").any(|allowed| allowed == name), "{name}: {headers}");
            }
            assert_eq!(asked.header("access-control-max-age"), Some("600"));
        }
        // What the page then sends, signed in from there as well.
        let visitor = Visitor::at(&gateway.api).with("origin", page);
        let answer = visitor.sign_in(ADMINISTRATOR, crate::sign_in::PASSWORD).await;
        readable(&answer, page);
        let visitor = visitor.with_session_of(&answer);
        let put = visitor.send(Method::PUT, &groups, r#"{"groupIds":[]}"#).await;
        readable(&put, page);
        assert_eq!(put.expect(200).unwrap(), json!([]));
        let read = visitor.get("/api/v1/me").await;
        readable(&read, page);
        assert_eq!(read.json()["id"], me.as_str());
        // A refusal can be read too.
        let refusal = Visitor::at(&gateway.api).with("origin", page).get("/api/v1/me").await;
        readable(&refusal, page);
        refused(&refusal, 401, "missing session");
    }
}

#[tokio::test]
async fn other_origins_are_told_nothing() {
    let (_installation, gateway) = with(&[("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000")]).await;
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let strangers = [
        "https://evil.example",
        "null",
        "http://localhost:3001",
        "https://localhost:3000",
        "http://localhost",
        "http://localhost:3000.evil.example",
        "http://LOCALHOST:3000",
        "http://localhost:3000/",
        "http://127.0.0.2:3000",
        "*",
    ];
    for origin in strangers.map(Some).into_iter().chain([None]) {
        for path in ["/api/v1/admin/users", "/auth/password", "/api/v1/nowhere", "/"] {
            let asked = preflight(&format!("{}{path}", gateway.api), origin, "PUT").await;
            assert_eq!(
                (asked.status.as_u16(), asked.text()),
                (403, "origin not allowed".into()),
                "{origin:?}"
            );
            assert_eq!(asked.header("access-control-allow-origin"), None, "{origin:?}");
        }
        let read = origin.into_iter().fold(visitor.clone(), |visitor, origin| visitor.with("origin", origin));
        let read = read.get("/api/v1/me").await;
        assert_eq!((read.status.as_u16(), read.header("vary")), (200, Some("Origin")));
        for name in ["access-control-allow-origin", "access-control-allow-credentials"] {
            assert_eq!(read.header(name), None, "{origin:?}");
        }
    }
}

#[tokio::test]
async fn the_list_takes_the_place_of_the_frontend() {
    let (_installation, gateway) = with(&[
        ("PROMPTGATE_FRONTEND_BASE_URL", "https://ui.example"),
        ("PROMPTGATE_CORS_ALLOWED_ORIGINS", "https://a.example http://localhost:4000"),
    ])
    .await;
    let url = format!("{}/api/v1/admin/users", gateway.api);
    for origin in ["https://a.example", "http://localhost:4000", "http://[::1]:4000"] {
        assert_eq!(preflight(&url, Some(origin), "PUT").await.status, 204, "{origin}");
    }
    for origin in ["https://ui.example", "https://b.example", "https://a.example.evil.example"] {
        assert_eq!(preflight(&url, Some(origin), "PUT").await.status, 403, "{origin}");
    }
    let users = gateway.admin(Method::GET, "/users", &Value::Null).await.unwrap();
    assert_eq!(users.status, 200, "a program sends no origin");
}
