//! Chromium, by the protocol that its driver speaks.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use promptgate_e2e::{Client, eventually, free_port};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

/// The member of an element that holds its id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one page. It ends with this.
pub(super) struct Browser {
    driver: Child,
    session: String,
    client: Client,
}

impl Browser {
    /// A browser of its own, which keeps its things below a directory.
    pub(super) async fn start(directory: &Path) -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`cargo xtask test` sees to it that there is a chromedriver");
        let base = format!("http://127.0.0.1:{port}");
        let mut browser = Self { driver, session: String::new(), client: Client::new() };
        eventually("a driver that is ready", PATIENCE, || async {
            let status = browser.client.get(&format!("{base}/status")).await.ok()?;
            (status.json()["value"]["ready"] == true).then_some(())
        })
        .await
        .unwrap();
        let profile = format!("--user-data-dir={}", directory.join("chromium").display());
        // As root it runs without a sandbox only; and it is to speak to nobody but the page.
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,2000",
            &profile,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let begun = browser.client.post(&format!("{base}/session"), &wanted).await.unwrap();
        let begun = begun.expect(200).unwrap();
        browser.session = format!("{base}/session/{}", begun["value"]["sessionId"].as_str().unwrap());
        browser
    }

    async fn command(&self, path: &str, body: &Value) -> Result<Value, String> {
        let answer = self.client.post(&format!("{}/{path}", self.session), body).await;
        let answer = answer.map_err(|error| format!("{error:#}"))?;
        let value = answer.json()["value"].clone();
        if answer.status == 200 { Ok(value) } else { Err(value["message"].to_string()) }
    }

    /// Opens an address.
    pub(super) async fn open(&self, url: &str) {
        self.command("url", &json!({"url": url})).await.unwrap();
    }

    /// Runs a script until it calls its last argument; what it calls it with.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.command("execute/async", &json!({"script": script, "args": []})).await.unwrap()
    }

    /// The element that is found in a way: a selector, or a path that begins with `//`.
    async fn look(&self, way: &str) -> Option<String> {
        let using = if way.starts_with("//") { "xpath" } else { "css selector" };
        let found = self.command("element", &json!({"using": using, "value": way})).await.ok()?;
        found[ELEMENT].as_str().map(str::to_owned)
    }

    /// Whether there is such an element now.
    pub(super) async fn has(&self, way: &str) -> bool {
        self.look(way).await.is_some()
    }

    /// Waits for an element.
    pub(super) async fn find(&self, way: &str) -> String {
        eventually(&format!("an element `{way}`"), PATIENCE, || self.look(way)).await.unwrap()
    }

    /// Clicks on an element, as soon as nothing is before it.
    pub(super) async fn click(&self, way: &str) {
        eventually(&format!("a click on `{way}`"), PATIENCE, || async {
            let element = self.look(way).await?;
            self.command(&format!("element/{element}/click"), &json!({})).await.ok()
        })
        .await
        .unwrap();
    }

    /// Writes into an element what it does not hold yet.
    pub(super) async fn write(&self, way: &str, text: &str) {
        let element = self.find(way).await;
        self.command(&format!("element/{element}/clear"), &json!({})).await.unwrap();
        self.command(&format!("element/{element}/value"), &json!({"text": text})).await.unwrap();
    }

    /// The text of an element, as soon as it has one.
    pub(super) async fn text(&self, way: &str) -> String {
        eventually(&format!("a text in `{way}`"), PATIENCE, || async {
            let element = self.look(way).await?;
            let url = format!("{}/element/{element}/text", self.session);
            let answer = self.client.send(Method::GET, &url, String::new()).await.ok()?.json();
            answer["value"].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
        })
        .await
        .unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver does not take the browser along, unless it is told to.
        let _ = Command::new("curl").args(["--silent", "--request", "DELETE", &self.session]).output();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
