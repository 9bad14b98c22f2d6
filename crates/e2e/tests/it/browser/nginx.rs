//! Behind nginx, over TLS and in the open, trusted and not. Each in between has an address of its own:
//! nginx connects from the one that it is given, and who asks nginx comes from [`SOMEBODY`].

use std::process::Command;
use std::time::Duration;

use promptgate_e2e::{Client, Gateway, Installation, Process, eventually};
use promptgate_testkit::nginx::Nginx;
use serde_json::{Value, json};

use super::with;
use crate::sign_in::visitor::{COOKIE, without_age};
use crate::sign_in::{ADMINISTRATOR, PASSWORD, audited, prepared};

const TRUSTED: &str = "127.0.0.2";
const STRANGER: &str = "127.0.0.4";
const SOMEBODY: &str = "127.0.0.3";
/// What nginx is told by whoever wants to be somebody else.
const SPOOFED: [&str; 5] = [
    "X-Forwarded-For: 198.51.100.66",
    "X-Real-IP: 198.51.100.66",
    "Forwarded: for=198.51.100.66;proto=https",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
];

/// What curl was answered.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The session cookie as it was set, without what it holds.
    fn cookie(&self) -> (String, String) {
        let line =
            self.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {} {}", self.status, self.body));
        let (pair, flags) = line.split_once("; ").unwrap();
        let value = pair.strip_prefix(&format!("{COOKIE}=")).unwrap();
        (value.to_owned(), flags.to_owned())
    }
}

/// Asks with curl, which is content with the certificate, from [`SOMEBODY`]'s address. With a body it is a
/// POST.
async fn ask(url: &str, headers: &[&str], body: Option<&Value>) -> Answer {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--insecure", "--http1.1", "--max-time", "30", "--path-as-is"]);
    command.args(["--noproxy", "*", "--interface", SOMEBODY, "--dump-header", "-"]);
    for header in headers {
        command.args(["--header", header]);
    }
    if let Some(body) = body {
        command.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
    }
    command.arg(url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Answer { status, headers, body: body.to_owned() }
}

async fn sign_in(base: &str, headers: &[&str]) -> Answer {
    let origin = format!("Origin: {base}");
    let headers: Vec<_> = headers.iter().copied().chain([origin.as_str()]).collect();
    ask(
        &format!("{base}/auth/password"),
        &headers,
        Some(&json!({"email": ADMINISTRATOR, "password": PASSWORD})),
    )
    .await
}

async fn in_front_of(gateway: &Gateway, from: &str) -> Nginx {
    let port = gateway.api.rsplit_once(':').unwrap().1.parse().unwrap();
    Nginx::in_front_of(port, from).await.unwrap()
}

/// The address of the latest sign-in, in the log and in the list of sessions.
async fn came_from(gateway: &Gateway, base: &str, session: &str) -> [Value; 2] {
    let logged = audited(gateway, "auth.login").await[0]["ipAddress"].clone();
    let cookie = format!("Cookie: {COOKIE}={session}");
    let listed = ask(&format!("{base}/api/v1/me/sessions"), &[&cookie], None).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    [logged, listed.json()["items"][0]["address"].clone()]
}

#[tokio::test]
async fn a_trusted_one_is_looked_through() {
    let (_installation, gateway) = with(&[("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.2/32")]).await;
    let nginx = in_front_of(&gateway, TRUSTED).await;
    for (base, flags) in [
        (nginx.https(), "Path=/; HttpOnly; SameSite=Lax; Secure"),
        (nginx.http(), "Path=/; HttpOnly; SameSite=Lax"),
    ] {
        for spoofed in [&[][..], &SPOOFED] {
            let answer = sign_in(base, spoofed).await;
            assert_eq!(answer.status, 200, "{base}: {}", answer.body);
            let (session, given) = answer.cookie();
            assert_eq!(without_age(&given), flags, "{base} {spoofed:?}");
            assert_eq!(came_from(&gateway, base, &session).await, [json!(SOMEBODY), json!(SOMEBODY)]);

            // Only pages of the address that the browser knows change anything.
            let cookie = format!("Cookie: {COOKIE}={session}");
            let out = format!("{base}/auth/logout");
            for page in ["https://evil.example", "http://evil.example", &base.replace("http", "ftp")] {
                let origin = format!("Origin: {page}");
                let refused = ask(&out, &[&cookie, &origin], Some(&json!({}))).await;
                assert_eq!((refused.status, &refused.json()["error"]), (403, &json!("cross_site_request")));
            }
            let origin = format!("Origin: {base}");
            let left = ask(&out, &[&cookie, &origin], Some(&json!({}))).await;
            let gone = flags.replace("SameSite=Lax", "SameSite=Lax; Max-Age=0");
            assert_eq!((left.status, left.cookie()), (204, (String::new(), gone)));
        }
    }
    // A page that somebody on the way could have altered has no say over TLS.
    let open = nginx.https().replace("https", "http");
    let origin = format!("Origin: {open}");
    let body = json!({"email": ADMINISTRATOR, "password": PASSWORD});
    let refused = ask(&format!("{}/auth/password", nginx.https()), &[&origin], Some(&body)).await;
    assert_eq!((refused.status, &refused.json()["error"]), (403, &json!("cross_site_request")));
}

#[tokio::test]
async fn one_that_is_not_trusted_is_the_client() {
    let (_installation, gateway) = with(&[("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.2/32")]).await;
    let nginx = in_front_of(&gateway, STRANGER).await;
    for base in [nginx.https(), nginx.http()] {
        // Nobody believes it which host was asked for, so no page of that one counts either.
        assert_eq!(sign_in(base, &SPOOFED).await.status, 403);
        let direct = format!("Origin: {}", gateway.api);
        let headers: Vec<_> = SPOOFED.iter().copied().chain([direct.as_str()]).collect();
        let body = json!({"email": ADMINISTRATOR, "password": PASSWORD});
        let answer = ask(&format!("{base}/auth/password"), &headers, Some(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let (session, flags) = answer.cookie();
        assert_eq!(without_age(&flags), "Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(came_from(&gateway, base, &session).await, [json!(STRANGER), json!(STRANGER)]);
    }
}

/// A gateway that browsers reach by TLS at `localhost`, through nginx.
async fn known_by_tls() -> (Installation, Process, Nginx) {
    let installation = prepared(Installation::embedded().unwrap());
    let port = installation.setting("PROMPTGATE_PORT").unwrap().to_owned();
    let nginx = Nginx::in_front_of(port.parse().unwrap(), TRUSTED).await.unwrap();
    let known = nginx.https().replace("127.0.0.1", "localhost");
    let installation = installation
        .set("PROMPTGATE_PROXY_TRUSTED_PROXIES", "127.0.0.2/32")
        .set("PROMPTGATE_BACKEND_BASE_URL", &known)
        .set("PROMPTGATE_FRONTEND_BASE_URL", &known);
    let process = installation.start("promptgate", &["run-all"]).unwrap();
    let ready = format!("http://127.0.0.1:{port}/readyz");
    eventually("a gateway that is ready", Duration::from_mins(1), || async {
        Client::new().get(&ready).await.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await
    .unwrap();
    (installation, process, nginx)
}

#[tokio::test]
async fn links_lead_back_over_tls() {
    let (_installation, _process, nginx) = known_by_tls().await;
    let known = nginx.https().replace("127.0.0.1", "localhost");
    let lead = async |base: &str, path: &str, headers: &[&str]| {
        let answer = ask(&format!("{base}{path}"), headers, None).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        answer.header("location").unwrap().to_owned()
    };
    // Under the other name of this machine, which nginx tells: to the one that is known, over TLS.
    let path = "/auth/login?redirect=%2Fhome";
    assert_eq!(lead(nginx.https(), path, &[]).await, format!("{known}{path}"));
    assert_eq!(lead(&known, path, &[]).await, format!("{known}/login?redirect=%2Fhome"));
    for spoofed in ["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http"] {
        assert_eq!(lead(&known, "/auth/logout", &[spoofed]).await, format!("{known}/login"), "{spoofed}");
    }
    let answer = sign_in(&known, &[]).await;
    assert!(answer.cookie().1.ends_with("; Secure"), "{:?}", answer.cookie());
}
