//! What the browser's frontend sends, as it sends it: with its session, from the API's own origin and
//! from port 3000, every change asked for beforehand where a browser asks. And what it reads.

mod codes;
mod screens;

use http::Method;
use promptgate_e2e::{Client, Installation, Response};
use serde_json::{Value, json};

use super::{ADMINISTRATOR, PASSWORD, Pass};

/// Where the frontend's own server is while people work on it.
const DEVELOPMENT: &str = "http://localhost:3000";

/// A page of the frontend in a browser in which an administrator is signed in.
struct Page<'a> {
    pass: &'a Pass,
    /// Where the API is for this browser.
    api: String,
    /// The origin of the page, where it is another one than the API's.
    origin: Option<&'static str>,
    cookie: String,
}

impl<'a> Page<'a> {
    async fn open(pass: &'a Pass, origin: Option<&'static str>) -> Self {
        // The cookie is for one host, whatever the port; so the page and the API share its name.
        let api = pass.gateway.api.replace("127.0.0.1", "localhost");
        let page = Self { pass, api, origin, cookie: String::new() };
        let body = json!({"email": ADMINISTRATOR, "password": PASSWORD});
        let answer = page.call(Method::POST, "/auth/password", &body).await;
        answer.expect(200).unwrap();
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self { cookie, ..page }
    }

    /// Calls as `fetch` does with `credentials: include`.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Response {
        let is_safe = method == Method::GET;
        let has_body = !body.is_null();
        let url = format!("{}{path}", self.api);
        let mut client = Client::new()
            .header("accept", "application/json")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
            .header("sec-fetch-site", if self.origin.is_some() { "same-site" } else { "same-origin" });
        if !self.cookie.is_empty() {
            client = client.header("cookie", &self.cookie);
        }
        if has_body {
            client = client.header("content-type", "application/json");
        }
        match self.origin {
            Some(origin) => {
                client = client.header("origin", origin).header("referer", &format!("{origin}/"));
                if has_body || !matches!(method, Method::GET | Method::POST) {
                    self.ask_beforehand(origin, &method, &url, has_body).await;
                }
            }
            None if !is_safe => client = client.header("origin", &self.api),
            None => {}
        }
        let body = if has_body { body.to_string() } else { String::new() };
        let answer = client.send(method, &url, body).await.unwrap();
        if let Some(origin) = self.origin {
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{url}");
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{url}");
            let vary = answer.headers.get_all("vary").iter();
            assert!(
                vary.map(|line| line.to_str().unwrap().to_lowercase()).any(|line| line.contains("origin"))
            );
        }
        answer
    }

    /// The pre-flight of a browser.
    async fn ask_beforehand(&self, origin: &str, method: &Method, url: &str, has_body: bool) {
        let mut client = Client::new()
            .header("origin", origin)
            .header("access-control-request-method", method.as_str())
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-site", "same-site");
        if has_body {
            client = client.header("access-control-request-headers", "content-type");
        }
        let answer = client.send(Method::OPTIONS, url, String::new()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{method} {url}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        let listed = |name: &str, wanted: &str| {
            let list = answer.header(name).unwrap_or_default();
            list.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted))
        };
        assert!(listed("access-control-allow-methods", method.as_str()), "{method} {url}");
        assert!(listed("access-control-allow-headers", "content-type"), "{method} {url}");
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, &Value::Null).await;
        answer.expect(200).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn send(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let answer = self.call(method.clone(), path, &body).await;
        answer.expect(status).unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"))
    }

    /// A list as its tables ask for it, in every size that they offer; the rows.
    async fn rows(&self, path: &str, sort: &str) -> Vec<Value> {
        let mut last = Vec::new();
        for size in [10, 25, 50, 100] {
            for direction in ["asc", "desc"] {
                let sep = if path.contains('?') { '&' } else { '?' };
                let query = format!("page=1&pageSize={size}&sortBy={sort}&sortDir={direction}");
                let page = self.get(&format!("{path}{sep}{query}")).await;
                assert!(page["total"].is_u64(), "{path}: {page}");
                last = page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}")).clone();
            }
        }
        last
    }
}

/// That an object has these members, of these types at least. More is fine with the frontend.
fn reads(what: &str, view: &Value, members: &Value) {
    let mut known = serde_json::Map::new();
    for name in members.as_object().unwrap().keys() {
        if let Some(value) = view.get(name.trim_end_matches('?')) {
            known.insert(name.trim_end_matches('?').to_owned(), value.clone());
        }
    }
    super::shape::assert_shape(what, members, &Value::Object(known));
}

async fn started() -> Pass {
    let installation = super::prepared(Installation::embedded().unwrap());
    let installation = installation.set("PROMPTGATE_FRONTEND_BASE_URL", DEVELOPMENT);
    let gateway = promptgate_e2e::Gateway::run_all(&installation).await.unwrap();
    Pass::over(installation, gateway).await
}

#[tokio::test]
async fn every_screen_works_from_the_origin_of_the_api() {
    let pass = started().await;
    screens::all(&Page::open(&pass, None).await).await;
}

#[tokio::test]
async fn every_screen_works_from_port_3000() {
    let pass = started().await;
    screens::all(&Page::open(&pass, Some(DEVELOPMENT)).await).await;
}

#[tokio::test]
async fn every_code_that_is_translated_comes_with_a_status_that_keeps_the_page() {
    let pass = started().await;
    codes::all(&Page::open(&pass, Some(DEVELOPMENT)).await).await;
}

#[tokio::test]
async fn other_pages_are_answered_nothing_that_they_could_read() {
    let pass = started().await;
    let page = Page::open(&pass, Some(DEVELOPMENT)).await;
    let url = format!("{}/api/v1/me", page.api);
    let stranger = Client::new().header("origin", "https://evil.example").header("cookie", &page.cookie);
    let answer = stranger.get(&url).await.unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), None, "{}", answer.text());
    let asked = stranger.header("access-control-request-method", "PUT");
    let asked = asked.send(Method::OPTIONS, &url, String::new()).await.unwrap();
    assert_eq!((asked.status.as_u16(), asked.text().trim()), (403, "origin not allowed"));
    // The three spellings of this machine are one.
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let client = Client::new().header("origin", &format!("http://{host}:3000"));
        let answer = client.get(&format!("{}/auth/session", page.api)).await.unwrap();
        let allowed = answer.header("access-control-allow-origin").map(str::to_owned);
        assert_eq!(allowed.as_deref(), Some(&*format!("http://{host}:3000")));
    }
}
