//! Somebody who calls routes, and what is asserted of each answer.

use http::Method;
use promptgate_e2e::{Client, Response};
use serde_json::{Value, json};

use super::Pass;
use super::shape::{assert_shape, page_of, refusal};

/// Calls routes as somebody.
#[derive(Clone)]
pub(super) struct Caller<'a> {
    pub(super) pass: &'a Pass,
    pub(super) client: Client,
    /// What every path begins with.
    pub(super) base: &'static str,
    /// Where the routes are.
    pub(super) server: String,
}

/// An answer, and which route gave it.
pub(super) struct Answer<'a> {
    pass: &'a Pass,
    pub(super) route: String,
    what: String,
    pub(super) response: Response,
}

impl<'a> Caller<'a> {
    /// The same below the administrators' routes.
    pub(super) fn at_admin(&self) -> Self {
        Self { base: "/api/v1/admin", ..self.clone() }
    }

    /// The same at another process.
    pub(super) fn at(&self, server: &str) -> Self {
        Self { server: server.to_owned(), ..self.clone() }
    }

    /// Calls a route: `ids` take the places of its parameters, one after another; a query may follow.
    pub(super) async fn send(&self, method: Method, path: &str, ids: &[&str], body: &Value) -> Answer<'a> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send_text(method, path, ids, body).await
    }

    pub(super) async fn send_text(
        &self,
        method: Method,
        path: &str,
        ids: &[&str],
        body: String,
    ) -> Answer<'a> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let route = format!("{method} {}{path}", self.base);
        let mut ids = ids.iter();
        let segments = path.split('/').map(|segment| {
            if segment.starts_with('{') { *ids.next().expect("an id for each parameter") } else { segment }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        assert!(ids.next().is_none(), "{route} has fewer parameters");
        let mut url = format!("{}{}{path}", self.server, self.base);
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let what = format!("{method} {url} {body}");
        let response = self.client.send(method, &url, body).await.unwrap();
        self.pass.called(&route);
        Answer { pass: self.pass, route, what, response }
    }

    pub(super) async fn get(&self, path: &str, ids: &[&str]) -> Answer<'a> {
        self.send(Method::GET, path, ids, &Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, ids: &[&str], body: Value) -> Answer<'a> {
        self.send(Method::POST, path, ids, &body).await
    }

    pub(super) async fn put(&self, path: &str, ids: &[&str], body: Value) -> Answer<'a> {
        self.send(Method::PUT, path, ids, &body).await
    }

    pub(super) async fn patch(&self, path: &str, ids: &[&str], body: Value) -> Answer<'a> {
        self.send(Method::PATCH, path, ids, &body).await
    }

    pub(super) async fn delete(&self, path: &str, ids: &[&str]) -> Answer<'a> {
        self.send(Method::DELETE, path, ids, &Value::Null).await
    }

    /// What every list does: pages that are corrected, each of its sort keys in both directions, and a
    /// refusal of all others. The first key is the list's own order, with `-` before it if that falls.
    /// The list must have two items or more.
    pub(super) async fn lists(&self, path: &str, ids: &[&str], item: &Value, keys: &[&str]) {
        let shape = page_of(item);
        let first = self.get(path, ids).await.shows(200, &shape);
        let total = first["total"].as_u64().unwrap();
        assert!(total > 1, "{path} lists too little: {first}");
        assert_eq!((&first["page"], &first["pageSize"]), (&json!(1), &json!(10)));
        assert_eq!(first["items"].as_array().unwrap().len() as u64, total.min(10));
        let sep = if path.contains('?') { '&' } else { '?' };
        for (query, page, size) in [
            ("page=x&pageSize=y", 1, 10),
            ("page=0&pageSize=0", 1, 10),
            ("page=-3&pageSize=-1", 1, 10),
            ("pageSize=101", 1, 100),
            ("page=1&pageSize=25", 1, 25),
        ] {
            let got = self.get(&format!("{path}{sep}{query}"), ids).await.shows(200, &shape);
            assert_eq!((&got["page"], &got["pageSize"]), (&json!(page), &json!(size)), "{query}");
        }
        let beyond = self.get(&format!("{path}{sep}page=1000"), ids).await.shows(200, &shape);
        assert_eq!((&beyond["items"], &beyond["total"]), (&json!([]), &json!(total)));
        if let Some(own) = keys.first() {
            let (key, falls) = own.strip_prefix('-').map_or((*own, false), |key| (key, true));
            in_order(path, first["items"].as_array().unwrap(), key, falls);
        }
        for key in keys.iter().map(|key| key.trim_start_matches('-')) {
            let ways = [("asc", false), ("DESC", true)];
            for (direction, falls) in ways {
                let query = format!("{path}{sep}sortBy={key}&sortDir={direction}&pageSize=100");
                let sorted = self.get(&query, ids).await.shows(200, &shape);
                assert_eq!(sorted["total"], total, "{query}");
                in_order(&query, sorted["items"].as_array().unwrap(), key, falls);
            }
        }
        for query in ["sortBy=nonsense", "sortDir=sideways", "sortBy=id"] {
            self.get(&format!("{path}{sep}{query}"), ids).await.refused(400, "invalid_sort");
        }
    }

    /// That bodies which are no JSON object, or have members that the route does not know, are refused.
    pub(super) async fn reads_strictly(&self, method: Method, path: &str, ids: &[&str], good: &Value) {
        let mut unknown = good.clone();
        unknown["nonsense"] = json!(1);
        for body in
            [String::new(), "{".to_owned(), "[]".to_owned(), format!("{good}{{}}"), unknown.to_string()]
        {
            self.send_text(method.clone(), path, ids, body).await.refused(400, "invalid_request_body");
        }
    }

    /// That bodies are refused each with its code.
    pub(super) async fn refuses(
        &self,
        method: Method,
        path: &str,
        ids: &[&str],
        cases: &[(Value, u16, &str)],
    ) {
        for (body, status, code) in cases {
            self.send(method.clone(), path, ids, body).await.refused(*status, code);
        }
    }
}

impl Answer<'_> {
    /// The JSON of an answer with this status and of this shape.
    pub(super) fn shows(&self, status: u16, shape: &Value) -> Value {
        let answer = self.is(status);
        assert_shape(&self.what, shape, &answer);
        answer
    }

    /// The JSON of an answer with this status.
    pub(super) fn is(&self, status: u16) -> Value {
        self.has(status);
        let kind = self.response.header("content-type");
        assert_eq!(kind, Some("application/json"), "{}", self.what);
        self.response.json()
    }

    /// That it has this status, which is one that the document tells of.
    pub(super) fn has(&self, status: u16) {
        let (got, said) = (self.response.status, self.response.text());
        assert_eq!(got.as_u16(), status, "{}: {said}", self.what);
        assert!(self.pass.documents(&self.route, status), "{} does not document {status}", self.route);
    }

    /// That it is nothing but done.
    pub(super) fn is_done(&self) {
        self.has(204);
        assert!(self.response.body.is_empty(), "{}: {}", self.what, self.response.text());
    }

    /// That it refuses with this status and code.
    pub(super) fn refused(&self, status: u16, code: &str) -> Value {
        let answer = self.shows(status, &refusal());
        assert_eq!(answer["error"], code, "{}: {answer}", self.what);
        answer
    }
}

/// That items come in the order of a member, where they have it and it can be compared.
fn in_order(query: &str, items: &[Value], key: &str, falls: bool) {
    if key == "role" {
        return; // by what they may, not by name
    }
    let values = items.iter().filter_map(|item| rank(item.get(key)?));
    let values: Vec<_> = values.collect();
    let is_sorted = if falls { values.is_sorted_by(|a, b| a >= b) } else { values.is_sorted() };
    assert!(is_sorted, "{query}: {values:?}");
}

fn rank(value: &Value) -> Option<(i64, String)> {
    match value {
        Value::Bool(value) => Some((i64::from(*value), String::new())),
        Value::Number(value) => value.as_i64().map(|value| (value, String::new())),
        Value::String(value) => Some((0, value.to_lowercase())),
        _ => None,
    }
}
