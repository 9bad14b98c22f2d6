//! Definitions of MCP servers.

use http::Method;
use serde_json::{Value, json};

use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/mcp/servers
    POST /api/v1/admin/mcp/servers
    GET /api/v1/admin/mcp/servers/{id}
    PATCH /api/v1/admin/mcp/servers/{id}
    DELETE /api/v1/admin/mcp/servers/{id}
";

const ALL: &str = "/mcp/servers";
const ONE: &str = "/mcp/servers/{id}";
const SORTS: [&str; 8] =
    ["name", "displayName", "url", "headers", "filters", "enabled", "createdAt", "updatedAt"];

fn shape() -> Value {
    json!({
        "id": "uuid", "name": "text", "displayName": "text", "url": "text", "allowPattern": "str",
        "denyPattern": "str", "enabled": "bool", "createdAt": "time", "updatedAt": "time",
        "headers": [{"name": "text", "value?": "text", "sensitive": "bool", "hasValue": "bool"}],
    })
}

fn header(name: &str, value: &str, sensitive: bool) -> Value {
    json!({"name": name, "value": value, "sensitive": sensitive})
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let shape = shape();
    let body = json!({
        "name": " Files-1 ", "displayName": "Files", "url": "https://mcp.example.com/x//", "enabled": false,
        "headers": [header(" X-Team ", " red ", false), header("Authorization", "Bearer canary", true)],
        "allowPattern": " ^read ", "denyPattern": "",
    });
    let made = api.post(ALL, &[], body).await.shows(201, &shape);
    assert_eq!((&made["name"], &made["url"]), (&json!("files-1"), &json!("https://mcp.example.com/x")));
    assert_eq!((&made["allowPattern"], &made["enabled"]), (&json!("^read"), &json!(false)));
    let plain = json!({"name": "X-Team", "value": "red", "sensitive": false, "hasValue": true});
    let secret = json!({"name": "Authorization", "sensitive": true, "hasValue": true});
    assert_eq!(made["headers"], json!([plain, secret]));
    let one = id(&made);
    let other = json!({"name": "other", "url": "http://127.0.0.1:9/mcp"});
    let other = api.post(ALL, &[], other).await.shows(201, &shape);
    assert_eq!((&other["enabled"], &other["headers"]), (&json!(true), &json!([])));
    api.lists(ALL, &[], &shape, &SORTS).await;
    let by_headers = api.get(&format!("{ALL}?sortBy=headers&sortDir=desc"), &[]).await.is(200);
    assert_eq!(by_headers["items"][0]["name"], "files-1", "by how many there are");

    let named = |name: &str| json!({"name": name, "url": "http://a.example"});
    let at = |url: &str| (json!({"name": "x", "url": url}), 400, "invalid_url");
    let with = |headers: Value| {
        (json!({"name": "x", "url": "http://a.example", "headers": headers}), 400, "invalid_header")
    };
    let wrong = [
        (named("a_b"), 400, "invalid_name"),
        (named(""), 400, "invalid_name"),
        at(""),
        at("ftp://a.example"),
        at("http://"),
        with(json!([header("", "v", false)])),
        with(json!([header("a b", "v", false)])),
        with(json!([header("a:b", "v", false)])),
        with(json!([header("a\tb", "v", false)])),
        with(json!([header("A", "v", false), header("a", "v", false)])),
        (json!({"name": "x", "url": "http://a.example", "allowPattern": "("}), 400, "invalid_regex"),
        (json!({"name": "x", "url": "http://a.example", "denyPattern": "("}), 400, "invalid_regex"),
        (named("other"), 409, "name_conflict"),
    ];
    api.refuses(Method::POST, ALL, &[], &wrong).await;
    api.refuses(Method::PATCH, ONE, &[&one], &wrong).await;
    api.reads_strictly(Method::POST, ALL, &[], &named("x")).await;
    api.reads_strictly(Method::PATCH, ONE, &[&one], &json!({"enabled": true})).await;

    let headers = |value: Value| {
        let mut secret = json!({"name": "authorization", "sensitive": true});
        if value != "keep" {
            secret["value"] = value;
        }
        json!({"headers": [secret]})
    };
    let kept = api.patch(ONE, &[&one], headers(json!("keep"))).await.shows(200, &shape);
    assert_eq!(kept["headers"], json!([{"name": "authorization", "sensitive": true, "hasValue": true}]));
    let cleared = api.patch(ONE, &[&one], headers(Value::Null)).await.shows(200, &shape);
    assert_eq!(cleared["headers"][0]["hasValue"], false);
    let set = api.patch(ONE, &[&one], headers(json!("canary"))).await.shows(200, &shape);
    assert_eq!(set["headers"][0]["hasValue"], true);
    let renamed = json!({"name": "renamed", "displayName": "Renamed", "enabled": true});
    let renamed = api.patch(ONE, &[&one], renamed).await.shows(200, &shape);
    assert_eq!((&renamed["name"], &renamed["headers"][0]["hasValue"]), (&json!("renamed"), &json!(true)));
    let read = api.get(ONE, &[&one]).await;
    assert!(!read.response.text().contains("canary"), "{}", read.response.text());
    read.shows(200, &shape);

    api.delete(ONE, &[&one]).await.is_done();
    for wrong in [NOBODY, "no-uuid", &one] {
        api.get(ONE, &[wrong]).await.refused(404, "mcp_server_not_found");
        api.patch(ONE, &[wrong], json!({"enabled": true})).await.refused(404, "mcp_server_not_found");
        api.delete(ONE, &[wrong]).await.refused(404, "mcp_server_not_found");
    }
}

#[tokio::test]
async fn mcp_servers_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn mcp_servers_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
