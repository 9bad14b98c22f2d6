//! What holds for every route: methods, bodies that nobody asked for, addresses that nobody serves.

use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, Gateway, Installation};
use serde_json::json;

use super::shape::{assert_shape, refusal};
use super::{ADMINISTRATOR, id, prepared};

#[tokio::test]
async fn methods_paths_and_bodies_are_taken_as_the_contract_says() {
    let installation = prepared(Installation::embedded().unwrap());
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let client = Client::new().header("x-admin-api-key", ADMIN_KEY);
    let url = |path: &str| format!("{}{path}", gateway.api);

    // HEAD is there wherever GET is, and says no more than how long the answer would be.
    for path in ["/health", "/api/v1/admin/users", "/api/v1/admin/pricing"] {
        let head = client.send(Method::HEAD, &url(path), "").await.unwrap();
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), Some("application/json"), "{path}");
    }
    for (path, allowed) in
        [("/api/v1/admin/users", "GET"), ("/api/v1/admin/pricing", "PUT"), ("/health", "GET")]
    {
        let answer = client.send(Method::DELETE, &url(path), "").await.unwrap();
        assert_shape(path, &refusal(), &answer.expect(405).unwrap());
        assert!(answer.header("allow").unwrap().contains(allowed), "{path}: {:?}", answer.headers);
    }
    for path in
        ["/nowhere", "/api/v1/nowhere", "/api/v1/admin/nowhere", "/api/v1/admin/users/x/y/z", "/auth/nowhere"]
    {
        let answer = client.get(&url(path)).await.unwrap();
        let said = answer.expect(404).unwrap();
        assert_shape(path, &refusal(), &said);
        assert_eq!(said["error"], "not_found", "{path}");
    }

    // A body that a route does not read does no harm, whatever it is.
    let group = client.get(&url("/api/v1/admin/groups")).await.unwrap().expect(200).unwrap();
    let user = client.get(&url(&format!("/api/v1/admin/users?search={ADMINISTRATOR}"))).await.unwrap();
    let member = format!(
        "/api/v1/admin/groups/{}/members/{}",
        id(&group["items"][0]),
        id(&user.expect(200).unwrap()["items"][0])
    );
    for method in [Method::PUT, Method::DELETE] {
        for body in ["", "{}", "no json"] {
            let answer = client.send(method.clone(), &url(&member), body.to_owned()).await.unwrap();
            assert_eq!(answer.status.as_u16(), 204, "{method} {body}: {}", answer.text());
        }
    }

    // Null stands for what is left out where a member may be left out.
    let server = json!({"name": "x", "url": "http://127.0.0.1:9", "displayName": null, "enabled": null});
    let made = client.post(&url("/api/v1/admin/mcp/servers"), &server).await.unwrap().expect(201).unwrap();
    assert_eq!((&made["enabled"], &made["displayName"]), (&json!(true), &json!("x")));

    // A body that is too large is refused by its size, whatever is in it.
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let answer = client.send(Method::POST, &url("/api/v1/admin/groups"), large).await.unwrap();
    assert_eq!(answer.expect(413).unwrap()["error"], "request_too_large");
}
