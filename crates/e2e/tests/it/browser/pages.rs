//! The built frontend, and the headers that every answer carries.

use std::fs;

use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, Response};
use serde_json::Value;

use super::with;

const SECURITY: [(&str, &str); 5] = [
    ("content-security-policy", "frame-ancestors 'none'; base-uri 'self'; object-src 'none'"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

#[track_caller]
fn secured(answer: &Response, what: &str) {
    for (name, value) in SECURITY {
        let all: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(all, [value], "{name} of {what}");
    }
}

#[tokio::test]
async fn every_answer_of_both_ports_is_secured() {
    let (_installation, gateway) = with(&[]).await;
    let project = gateway.project().await.unwrap();
    let api = [
        "/",
        "/health",
        "/nowhere",
        "/api/v1/me",
        "/api/v1/nowhere",
        "/auth/login",
        "/auth/session",
        "/api/docs/",
        "/api/openapi.json",
        "/api/x/info",
        "/auth/logout",
    ];
    for path in api {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let answer =
                Client::new().send(method.clone(), &format!("{}{path}", gateway.api), "").await.unwrap();
            secured(&answer, &format!("{method} {path}"));
        }
    }
    let keyed = Client::new().header("x-admin-api-key", ADMIN_KEY);
    let listed = keyed.get(&format!("{}/api/v1/admin/users", gateway.api)).await.unwrap();
    secured(&listed, "a list");
    assert_eq!(listed.header("cache-control"), Some("no-store"));
    let groups = format!("{}/api/v1/admin/groups", gateway.api);
    let large = keyed.send(Method::POST, &groups, vec![b' '; 2 << 20]).await.unwrap();
    assert_eq!(large.status, 413);
    secured(&large, "a refusal of a body");

    let chat = project.chat("echo:echo").await.unwrap();
    assert_eq!(chat.status, 200, "{}", chat.text());
    secured(&chat, "a chat");
    let stream = project.stream("echo:echo").await.unwrap().whole().await.unwrap();
    secured(&stream, "a stream");
    for path in ["/health", "/nowhere", "/v1/models", &format!("/api/{}/info", project.id)] {
        let answer = Client::new().get(&format!("{}{path}", gateway.proxy)).await.unwrap();
        secured(&answer, &format!("{path} of the proxy"));
    }
}

#[tokio::test]
async fn the_frontend_is_served_and_hashed_files_are_kept_for_good() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("public");
    for directory in ["_nuxt/builds", "api", "auth"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for (file, text) in [
        ("index.html", "index"),
        ("200.html", "shell"),
        ("favicon.ico", "icon"),
        ("_nuxt/entry.abc123.js", "let x;"),
        ("_nuxt/builds/latest.json", "{}"),
        ("api/hidden.txt", "canary"),
        ("auth/hidden.txt", "canary"),
        ("../secret.txt", "canary"),
    ] {
        fs::write(root.join(file), text).unwrap();
    }
    std::os::unix::fs::symlink(outer.path().join("secret.txt"), root.join("link.txt")).unwrap();
    let (_installation, gateway) = with(&[("PROMPTGATE_STATIC_ASSETS_DIR", &root.to_string_lossy())]).await;
    let get = async |path: &str| Client::new().get(&format!("{}{path}", gateway.api)).await.unwrap();
    for (path, text, kept) in [
        ("/", "index", "no-cache"),
        ("/dashboard", "shell", "no-cache"),
        ("/admin/users?page=2", "shell", "no-cache"),
        ("/login?redirect=%2Fx", "shell", "no-cache"),
        ("/favicon.ico", "icon", "no-cache"),
        ("/_nuxt/entry.abc123.js", "let x;", FOR_GOOD),
        ("/_nuxt/builds/latest.json", "{}", "no-cache"),
    ] {
        let answer = get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, text.to_owned()), "{path}");
        assert_eq!(answer.header("cache-control"), Some(kept), "{path}");
        secured(&answer, path);
        let known = Client::new().header("if-none-match", answer.header("etag").unwrap());
        let again = known.get(&format!("{}{path}", gateway.api)).await.unwrap();
        assert_eq!((again.status.as_u16(), again.text()), (304, String::new()), "{path}");
    }
    for path in [
        "/_nuxt/missing.js",
        "/missing.png",
        "/link.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/x/../../secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/api/hidden.txt",
        "/auth/hidden.txt",
        "/%61pi/hidden.txt",
        "//api/hidden.txt",
        "/api",
        "/auth",
        "/api/v1/nowhere",
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("canary"), "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let url = format!("{}/dashboard", gateway.api);
        assert_eq!(Client::new().send(method.clone(), &url, "").await.unwrap().status, 404, "{method}");
    }
    let head = Client::new().send(Method::HEAD, &format!("{}/", gateway.api), "").await.unwrap();
    assert_eq!(
        (head.status.as_u16(), head.text(), head.header("content-length")),
        (200, String::new(), Some("5"))
    );
    // The API is where it was.
    let health: Value = get("/health").await.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(get("/api/v1/me").await.status, 401);
}
