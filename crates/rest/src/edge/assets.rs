//! The built frontend: files of a directory, and the page that stands in for every address of it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

/// A directory of files that browsers may fetch.
#[derive(Debug, Clone)]
pub struct Assets {
    root: PathBuf,
}

/// What hashed names make possible: such a file never changes.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, but asked for before each use.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// A file that is there, inside the directory.
struct Found {
    path: PathBuf,
    etag: String,
}

impl Assets {
    /// Serves what is in a directory.
    pub fn in_directory(path: &Path) -> io::Result<Self> {
        Ok(Self { root: path.canonicalize()? })
    }

    /// The file for an address, or the page that stands in for it; `None` where there is nothing.
    pub(crate) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let address = Address::of(path)?;
        let found = match self.find(&address.segments).await {
            Some(found) => Some(found),
            None if address.is_of_file() => None,
            None => match self.find(&["200.html".to_owned()]).await {
                Some(shell) => Some(shell),
                None => self.find(&["index.html".to_owned()]).await,
            },
        }?;
        served(&found, &address, headers).await
    }

    /// A regular file of this name. What leads out of the directory, links too, is not there.
    async fn find(&self, segments: &[String]) -> Option<Found> {
        let index = ["index.html".to_owned()];
        let segments = if segments.is_empty() { &index } else { segments };
        let wanted = self.root.join(segments.iter().collect::<PathBuf>());
        let path = tokio::fs::canonicalize(wanted).await.ok()?;
        let meta = tokio::fs::metadata(&path).await.ok()?;
        if !path.starts_with(&self.root) || !meta.is_file() {
            return None;
        }
        let changed = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let changed = changed.map_or(0, |since| since.as_nanos());
        Some(Found { path, etag: format!("\"{:x}-{changed:x}\"", meta.len()) })
    }
}

/// An address below `/`, taken apart.
struct Address {
    segments: Vec<String>,
}

impl Address {
    /// `None` for what the frontend never has: the API's own addresses, and ways out.
    fn of(path: &str) -> Option<Self> {
        let mut segments = Vec::new();
        for raw in path.split('/') {
            let segment = decoded(raw)?;
            match segment.as_str() {
                "" | "." => {}
                ".." => return None,
                text if text.contains(['/', '\\', '\0']) => return None,
                _ => segments.push(segment),
            }
        }
        let is_api = matches!(segments.first().map(String::as_str), Some("api" | "auth" | "health"));
        (!is_api).then_some(Self { segments })
    }

    /// Whether only a file of this very name will do.
    fn is_of_file(&self) -> bool {
        let is_bundled = self.segments.first().is_some_and(|first| first == "_nuxt");
        is_bundled || self.segments.last().is_some_and(|last| last.contains('.'))
    }

    /// Whether the name holds a hash of what is in the file. The build's own list of builds does not.
    fn is_hashed(&self) -> bool {
        let mut segments = self.segments.iter().map(String::as_str);
        segments.next() == Some("_nuxt") && segments.next().is_some_and(|second| second != "builds")
    }
}

fn decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

async fn served(found: &Found, address: &Address, headers: &HeaderMap) -> Option<Response> {
    let etag = HeaderValue::from_str(&found.etag).ok()?;
    let kept = if address.is_hashed() { IMMUTABLE } else { REVALIDATED };
    let marks = [(header::CACHE_CONTROL, kept), (header::ETAG, etag)];
    if is_known(headers, &found.etag) {
        return Some((StatusCode::NOT_MODIFIED, marks).into_response());
    }
    let bytes = match tokio::fs::read(&found.path).await {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::warn!(file = %found.path.display(), error = %error, "a file of the frontend cannot be read");
            return None;
        }
    };
    let kind: [(HeaderName, HeaderValue); 1] = [(header::CONTENT_TYPE, kind(&found.path))];
    Some((marks, kind, Body::from(bytes)).into_response())
}

fn kind(path: &Path) -> HeaderValue {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let is_text = kind.type_() == "text" || matches!(kind.subtype().as_str(), "javascript" | "json");
    let text = if is_text { format!("{}; charset=utf-8", kind.essence_str()) } else { kind.to_string() };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Edge;
    use crate::testing::{Answer, Api, request};
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Site {
        api: Api,
        _outer: tempfile::TempDir,
    }

    impl Site {
        async fn new() -> Self {
            let outer = tempfile::tempdir().unwrap();
            let root = outer.path().join("public");
            for directory in ["_nuxt/builds", "dashboard", "api"] {
                fs::create_dir_all(root.join(directory)).unwrap();
            }
            for (file, text) in [
                ("index.html", "index"),
                ("200.html", "shell"),
                ("_nuxt/entry.abc123.js", "1"),
                ("_nuxt/builds/latest.json", "{}"),
                ("a b.txt", "blank"),
                ("api/x", "hidden by the API"),
                ("../secret.txt", "canary"),
            ] {
                fs::write(root.join(file), text).unwrap();
            }
            symlink(root.join("../secret.txt"), root.join("out.txt")).unwrap();
            symlink(root.join("index.html"), root.join("in.html")).unwrap();
            let assets = Some(Assets::in_directory(&root).unwrap());
            Self { api: Api::behind(Edge { assets, ..Edge::default() }).await, _outer: outer }
        }

        async fn get(&self, path: &str) -> Answer {
            self.api.answer(request("GET", path, "")).await
        }
    }

    #[tokio::test]
    async fn files_are_served_and_addresses_of_the_frontend_get_its_page() {
        let site = Site::new().await;
        for (path, text) in [
            ("/", "index"),
            ("/index.html", "index"),
            ("/dashboard", "shell"),
            ("/dashboard/", "shell"),
            ("/admin/users?page=2", "shell"),
            ("/login", "shell"),
            ("/a%20b.txt", "blank"),
            ("/in.html", "index"),
            ("//_nuxt/./entry.abc123.js", "1"),
        ] {
            let answer = site.get(path).await;
            assert_eq!((answer.status, answer.text()), (200, text), "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY");
        }
        assert_eq!(site.get("/").await.header("content-type"), "text/html; charset=utf-8");
    }

    #[tokio::test]
    async fn what_is_not_there_or_leads_out_is_404() {
        let site = Site::new().await;
        for path in [
            "/_nuxt/missing.js",
            "/_nuxt/missing",
            "/_nuxt",
            "/favicon.ico",
            "/v1.2",
            "/out.txt",
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/x/../../secret.txt",
            "/%00",
            "/%zz",
            "/%FF",
            "/..%5csecret.txt",
            "/api",
            "/api/",
            "/api/v1/nowhere",
            "/%61pi/x",
            "//api/x",
            "/auth",
            "/auth/nowhere",
            "//health",
        ] {
            let answer = site.get(path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(site.api.answer(request(method, "/dashboard", "")).await.status, 404, "{method}");
        }
    }

    #[tokio::test]
    async fn hashed_files_are_kept_for_good_and_the_others_are_asked_about() {
        let site = Site::new().await;
        let hashed = site.get("/_nuxt/entry.abc123.js").await;
        assert_eq!(hashed.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(hashed.header("content-type"), "text/javascript; charset=utf-8");
        for path in ["/", "/dashboard", "/_nuxt/builds/latest.json", "/a%20b.txt"] {
            let first = site.get(path).await;
            assert_eq!(first.header("cache-control"), "no-cache", "{path}");
            let etag = first.header("etag").to_owned();
            for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
                let mut again = request("GET", path, "");
                again.headers_mut().insert("if-none-match", known.parse().unwrap());
                let again = site.api.answer(again).await;
                assert_eq!((again.status, again.text(), again.header("etag")), (304, "", &*etag), "{known}");
            }
        }
    }

    #[tokio::test]
    async fn a_look_at_the_head_has_no_body() {
        let site = Site::new().await;
        let head = site.api.answer(request("HEAD", "/", "")).await;
        assert_eq!((head.status, head.text(), head.header("content-length")), (200, "", "5"));
    }

    #[tokio::test]
    async fn without_a_shell_the_index_stands_in() {
        let root = tempfile::tempdir().unwrap();
        let assets = Some(Assets::in_directory(root.path()).unwrap());
        let api = Api::behind(Edge { assets, ..Edge::default() }).await;
        assert_eq!(api.answer(request("GET", "/dashboard", "")).await.status, 404);
        fs::write(root.path().join("index.html"), "index").unwrap();
        assert_eq!(api.answer(request("GET", "/dashboard", "")).await.text(), "index");
    }
}
