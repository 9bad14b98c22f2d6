//! How much of a body is read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use http::Method;

use super::{host_of, with};
use crate::sign_in::ADMINISTRATOR;
use crate::sign_in::visitor::{Visitor, refused};

const MOST: usize = 1 << 20;

/// A body of this length that is otherwise fine.
fn of_length(bytes: usize) -> String {
    let body = r#"{"name":"x","displayName":"X","allProviders":true}"#;
    format!("{body}{}", " ".repeat(bytes - body.len()))
}

#[tokio::test]
async fn a_mebibyte_and_not_one_byte_more() {
    let (_installation, gateway) = with(&[]).await;
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let post = async |path: &str, bytes: usize| visitor.send(Method::POST, path, &of_length(bytes)).await;
    let made = post("/api/v1/admin/groups", MOST).await;
    assert_eq!(made.status, 201, "{}", made.text());
    for path in ["/api/v1/admin/groups", "/api/v1/tokens", "/api/v1/admin/projects", "/auth/password/change"]
    {
        refused(&post(path, MOST + 1).await, 413, "request_too_large");
    }
    let stranger = Visitor::at(&gateway.api);
    let large = stranger.send(Method::POST, "/auth/password", &of_length(MOST + 1)).await;
    refused(&large, 413, "request_too_large");
    // Who may not is told so, and nothing of the body is kept for it.
    let large = stranger.send(Method::POST, "/api/v1/admin/groups", &of_length(8 * MOST)).await;
    refused(&large, 401, "missing session");
    assert_eq!(visitor.status().await, 200);
}

/// A body without a length, which never ends: it is refused when too much has come.
#[tokio::test]
async fn a_body_without_end_is_refused() {
    let (_installation, gateway) = with(&[]).await;
    let host = host_of(&gateway.api).to_owned();
    let said = tokio::task::spawn_blocking(move || {
        let mut connection = TcpStream::connect(&host).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        connection.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "POST /auth/password HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).unwrap();
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        // Sixteen fit, the rest is more than anybody needs to send.
        for _ in 0..64 {
            if connection.write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
        let mut answer = [0; 512];
        let length = connection.read(&mut answer).unwrap_or_default();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    });
    let said = said.await.unwrap();
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
}
