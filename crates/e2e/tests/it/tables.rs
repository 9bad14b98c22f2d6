//! Who opens what, route by route, against tables that were written by hand. A route that the gateway has
//! and no table knows fails, and so does a line whose route is gone.

mod bearer;
mod cast;
mod issuer;
mod roles;
mod scopes;

use std::collections::BTreeSet;

use http::Method;
use promptgate_e2e::{Client, Gateway, Installation, Response};
use serde_json::Value;

/// What nothing is called.
const NO_ID: &str = "018f4e6e-0000-7000-8000-00000000dead";

/// One line of a table: who, and the route.
#[derive(Debug, Clone)]
struct Line {
    who: String,
    method: Method,
    path: String,
}

fn lines(table: &str) -> Vec<Line> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let read = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [who, method, path] = words[..] else { panic!("not a line of a table: {line}") };
        Line { who: who.to_owned(), method: method.parse().unwrap(), path: path.to_owned() }
    };
    lines.map(read).collect()
}

fn roles_table() -> Vec<Line> {
    lines(include_str!("tables/roles.txt"))
}

fn scopes_table() -> Vec<Line> {
    lines(include_str!("tables/scopes.txt"))
}

fn others_table() -> Vec<Line> {
    lines(include_str!("tables/others.txt"))
}

async fn document(gateway: &Gateway) -> Value {
    let answer = Client::new().get(&format!("{}/api/openapi.json", gateway.api)).await.unwrap();
    answer.expect(200).unwrap()
}

/// Every route of the API's port, by the document that it serves.
fn documented(document: &Value) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = ["get", "put", "post", "delete", "patch", "options", "head", "trace"];
        for method in item.as_object().unwrap().keys().filter(|key| methods.contains(&key.as_str())) {
            routes.insert((method.to_uppercase(), path.replace("/api/{uuid}/", "/api/{project}/")));
        }
    }
    routes
}

/// Every route of the data plane, by the page that the program prints.
async fn data_plane(installation: &Installation) -> BTreeSet<(String, String)> {
    let page = installation.operate(&["docs", "api"], "").await.unwrap();
    let (_, rows) = page.output.split_once("## Calls of models").unwrap();
    let row = |line: &str| {
        let (method, path) = line.strip_prefix("| ")?.split_once(" | `")?;
        Some((method.to_owned(), path.split('`').next()?.to_owned()))
    };
    rows.lines().filter_map(row).collect()
}

/// A call with the headers of a client, and a body if there is one.
async fn call(client: &Client, method: &Method, url: &str, body: Option<&Value>) -> Response {
    let body = body.map(ToString::to_string).unwrap_or_default();
    client.send(method.clone(), url, body).await.unwrap()
}

#[tokio::test]
async fn every_route_stands_in_one_table() {
    let installation = Installation::embedded().unwrap();
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let mut routes = documented(&document(&gateway).await);
    let of_proxy = data_plane(&installation).await;
    assert!(routes.len() > 200 && of_proxy.len() > 30, "{} and {}", routes.len(), of_proxy.len());
    routes.extend(of_proxy);

    let mut known = BTreeSet::new();
    for line in roles_table().into_iter().chain(scopes_table()).chain(others_table()) {
        let route = (line.method.to_string(), line.path);
        assert!(known.insert(route.clone()), "twice: {route:?}");
    }
    let missing: Vec<_> = routes.difference(&known).collect();
    let gone: Vec<_> = known.difference(&routes).collect();
    assert!(missing.is_empty() && gone.is_empty(), "in no table: {missing:?}; gone: {gone:?}");
}
