//! Somebody with a browser: on a page of the API, with at most one session.

use http::Method;
use promptgate_e2e::{Client, Response};
use serde_json::{Value, json};

use super::PASSWORD;

/// The name of the session cookie.
pub(crate) const COOKIE: &str = "promptgate_session";

/// A browser on a page of the API at `base`.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    base: String,
    session: Option<String>,
    headers: Vec<(String, String)>,
}

impl Visitor {
    /// Somebody who has not signed in.
    pub(crate) fn at(base: &str) -> Self {
        Self { base: base.to_owned(), session: None, headers: Vec::new() }
    }

    /// Somebody who signed in.
    pub(crate) async fn signed_in(base: &str, email: &str) -> Self {
        let visitor = Self::at(base);
        let answer = visitor.sign_in(email, PASSWORD).await;
        assert_eq!(answer.expect(200).unwrap()["status"], "signed_in");
        visitor.with_session_of(&answer)
    }

    /// The same with the session that an answer has opened.
    pub(crate) fn with_session_of(&self, answer: &Response) -> Self {
        self.with_session(&given(answer).expect("the answer opens a session"))
    }

    /// The same with another session.
    pub(crate) fn with_session(&self, secret: &str) -> Self {
        Self { session: Some(secret.to_owned()), ..self.clone() }
    }

    /// The same at another door.
    pub(crate) fn moved(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// The same with one more header on every call; `origin` takes the place of the page's own.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { headers, ..self.clone() }
    }

    /// What the cookie holds.
    pub(crate) fn session(&self) -> &str {
        self.session.as_deref().expect("there is a session")
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &str) -> Response {
        let mut client = Client::new();
        if let Some(session) = &self.session {
            client = client.header("cookie", &format!("{COOKIE}={session}"));
        }
        let has_origin = self.headers.iter().any(|(name, _)| name == "origin");
        if method != Method::GET && !has_origin {
            client = client.header("origin", &self.base);
        }
        for (name, value) in &self.headers {
            client = client.header(name, value);
        }
        client.send(method, &format!("{}{path}", self.base), body.to_owned()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, &body.to_string()).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Response {
        self.post("/auth/password", &json!({"email": email, "password": password})).await
    }

    /// Whether the session opens something here, as the status of one's own profile.
    pub(crate) async fn status(&self) -> u16 {
        self.get("/api/v1/me").await.status.as_u16()
    }

    /// The session is one that nobody knows.
    pub(crate) async fn is_out(&self) {
        refused(&self.get("/api/v1/me").await, 401, "invalid session");
    }
}

/// The session that an answer opens, if it opens one.
pub(crate) fn given(answer: &Response) -> Option<String> {
    let line = set_cookie(answer)?;
    let value = line.strip_prefix(COOKIE)?.strip_prefix('=')?.split(';').next()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// What an answer does to the session cookie.
pub(crate) fn set_cookie(answer: &Response) -> Option<&str> {
    answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .find(|line| line.starts_with(&format!("{COOKIE}=")))
}

/// The flags of the session cookie that an answer sets, but for its age, which is a working day's.
#[track_caller]
pub(crate) fn flags(answer: &Response) -> String {
    without_age(set_cookie(answer).expect("the answer sets the cookie").split_once("; ").unwrap().1)
}

/// The flags of a cookie without its age, which is eight hours or a second less.
#[track_caller]
pub(crate) fn without_age(flags: &str) -> String {
    let (age, rest): (Vec<_>, Vec<_>) = flags.split("; ").partition(|flag| flag.starts_with("Max-Age="));
    assert!(matches!(age[..], ["Max-Age=28800" | "Max-Age=28799" | "Max-Age=28798"]), "{flags}");
    rest.join("; ")
}

/// The answer has this status and error code.
#[track_caller]
pub(crate) fn refused(answer: &Response, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["error"]), (status, &json!(code)), "{}", answer.text());
    body
}
