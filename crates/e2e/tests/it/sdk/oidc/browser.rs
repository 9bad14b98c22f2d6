//! As much of a browser as a sign-in needs, and the provider that it signs in at.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use http::Method;
use promptgate_e2e::{Client, Response};

/// A provider in a process of its own, which ends with it.
pub(super) struct Provider {
    child: Child,
    pub(super) issuer: String,
}

impl Provider {
    /// Starts one on a port, for the gateway at `base`.
    pub(super) fn start(port: u16, base: &str, more: &[(&str, &str)]) -> Self {
        let home = super::super::home().join("node");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk/node/provider.mjs");
        // Modules are looked for beside the script. Written under another name first: others start too.
        let [own, shared] =
            [format!("provider-{port}.mjs"), "provider.mjs".into()].map(|name| home.join(name));
        std::fs::copy(script, &own).unwrap();
        std::fs::rename(&own, &shared).unwrap();
        let mut child = Command::new("node")
            .arg(shared)
            .env("PORT", port.to_string())
            .env("BASE", base)
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let issuer = lines.map_while(Result::ok).find_map(|line| {
            let said: serde_json::Value = serde_json::from_str(&line).ok()?;
            said["issuer"].as_str().map(str::to_owned)
        });
        Self { child, issuer: issuer.expect("the provider says where it is") }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser without a window. It follows redirects only where it is told to.
#[derive(Default)]
pub(super) struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(super) async fn get(&mut self, url: &str) -> Response {
        self.send(Method::GET, url, &[], String::new()).await
    }

    pub(super) async fn submit(&mut self, url: &str, form: &str) -> Response {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send(Method::POST, url, &[kind], form.to_owned()).await
    }

    async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: String) -> Response {
        let mut client = self.client();
        for (name, value) in headers {
            client = client.header(name, value);
        }
        let answer = client.send(method, url, body).await.unwrap();
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Follows redirects until one leads to an address that begins like this, and gives that.
    pub(super) async fn follow_to(&mut self, url: &str, end: &str) -> String {
        let mut url = url.to_owned();
        for _ in 0..16 {
            let answer = self.get(&url).await;
            let location = answer.header("location");
            let location = location.unwrap_or_else(|| panic!("{url}: {} {}", answer.status, answer.text()));
            url = resolved(&url, location);
            if url.starts_with(end) {
                return url;
            }
        }
        panic!("redirects without end, lastly to {url}")
    }

    /// What sends the cookies that are there now, as often as one likes.
    pub(super) fn client(&self) -> Client {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Client::new().header("cookie", &cookies.join("; "))
    }

    /// Whether there is a cookie of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.cookies.contains_key(name)
    }
}

fn resolved(base: &str, location: &str) -> String {
    if !location.starts_with('/') {
        return location.to_owned();
    }
    let host = base.match_indices('/').nth(2).map_or(base, |(at, _)| &base[..at]);
    format!("{host}{location}")
}

/// A parameter of an address, as it stands there.
pub(super) fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let query = url.split_once('?')?.1;
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The address with another value of a parameter.
pub(super) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let old = parameter(url, name).expect("the parameter is there");
    url.replace(&format!("{name}={old}"), &format!("{name}={value}"))
}
