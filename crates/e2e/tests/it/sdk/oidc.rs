//! Signing in at an OpenID Connect provider, as browsers do.

mod browser;
mod claims;
mod refresh;

use std::time::Duration;

use browser::{Browser, Provider, parameter, with_parameter};
use futures_util::future::join_all;
use http::Method;
use promptgate_e2e::{ADMIN_KEY, Client, Installation, Process, Response, eventually, free_port};
use serde_json::{Value, json};

const SESSION: &str = "promptgate_session";
const PATIENCE: Duration = Duration::from_mins(1);

/// A gateway whose only provider is at a port.
struct Gate {
    base: String,
    port: u16,
    _processes: Vec<Process>,
    installation: Installation,
}

impl Gate {
    async fn start(more: &[(&str, &str)]) -> Self {
        let port = free_port();
        let installation = Installation::embedded().unwrap();
        let base = format!("http://127.0.0.1:{}", installation.setting("PROMPTGATE_PORT").unwrap());
        let installation = configured(installation, &base, port, more);
        let process = installation.start("promptgate", &["run-all"]).unwrap();
        ready(&base).await;
        Self { base, port, _processes: vec![process], installation }
    }

    /// Two control planes over PostgreSQL and Redis, and where the second answers.
    async fn replicated(more: &[(&str, &str)]) -> (Self, String) {
        let port = free_port();
        let installation = Installation::on_postgres_and_redis().await.unwrap();
        let base = format!("http://127.0.0.1:{}", installation.setting("PROMPTGATE_PORT").unwrap());
        let installation = configured(installation, &base, port, more);
        installation.migrate().await.unwrap();
        let other = free_port().to_string();
        let first = installation.start("promptgate-api", &[]).unwrap();
        let second = installation.start_with("promptgate-api", &[], &[("PROMPTGATE_PORT", &other)]).unwrap();
        let other = format!("http://127.0.0.1:{other}");
        ready(&base).await;
        ready(&other).await;
        (Self { base, port, _processes: vec![first, second], installation }, other)
    }

    fn provider(&self, more: &[(&str, &str)]) -> Provider {
        Provider::start(self.port, &self.base, more)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Where the provider is asked to sign somebody in.
    async fn begin(&self, browser: &mut Browser, name: &str) -> String {
        let begun = browser.get(&self.url("/auth/login?redirect=%2Fhome%3Fa%3Db")).await;
        assert_eq!(begun.status, 302, "{}", begun.text());
        let url = begun.header("location").unwrap();
        assert!(url.starts_with(&format!("http://127.0.0.1:{}/auth?", self.port)), "{url}");
        assert_eq!(parameter(url, "code_challenge_method"), Some("S256"));
        format!("{url}&login_hint={name}")
    }

    /// The address that the provider sends the browser back to.
    async fn callback(&self, browser: &mut Browser, name: &str) -> String {
        let url = self.begin(browser, name).await;
        browser.follow_to(&url, &self.url("/auth/callback")).await
    }

    async fn sign_in(&self, browser: &mut Browser, name: &str) -> Response {
        let url = self.callback(browser, name).await;
        browser.get(&url).await
    }

    async fn signed_in(&self, browser: &mut Browser, name: &str) {
        let answer = self.sign_in(browser, name).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, Some("/home?a=b")));
        assert!(browser.has(SESSION));
    }

    async fn profile(&self, browser: &mut Browser) -> Value {
        browser.get(&self.url("/auth/session")).await.json()
    }

    async fn people(&self) -> Vec<Value> {
        let admin = Client::new().header("x-admin-api-key", ADMIN_KEY);
        let url = self.url("/api/v1/admin/users?pageSize=100");
        let listed = admin.get(&url).await.unwrap().expect(200).unwrap();
        listed["items"].as_array().unwrap().clone()
    }

    async fn grant(&self, name: &str, role: &str) {
        let people = self.people().await;
        let person = people.iter().find(|person| person["preferredUsername"] == name).unwrap();
        let url = self.url(&format!("/api/v1/admin/users/{}", person["id"].as_str().unwrap()));
        let admin = Client::new().header("x-admin-api-key", ADMIN_KEY);
        admin
            .send(Method::PATCH, &url, json!({"role": role}).to_string())
            .await
            .unwrap()
            .expect(200)
            .unwrap();
    }
}

fn configured(installation: Installation, base: &str, port: u16, more: &[(&str, &str)]) -> Installation {
    let installation = installation
        .set("PROMPTGATE_BACKEND_BASE_URL", base)
        .set("PROMPTGATE_OIDC_ISSUER_URL", &format!("http://127.0.0.1:{port}"))
        .set("PROMPTGATE_OIDC_CLIENT_ID", "promptgate")
        .set("PROMPTGATE_OIDC_CLIENT_SECRET", "promptgate-test-secret");
    more.iter().fold(installation, |installation, (name, value)| installation.set(name, value))
}

async fn ready(base: &str) {
    let ready = format!("{base}/readyz");
    eventually("a gateway that is ready", PATIENCE, || async {
        Client::new().get(&ready).await.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await
    .unwrap();
}

fn failed(answer: &Response) {
    let location = answer.header("location").unwrap_or_default();
    assert!(location.starts_with("/login?authError=authentication_failed&"), "{} {location}", answer.status);
    assert!(
        answer.headers.get_all("set-cookie").iter().all(|line| !line.to_str().unwrap().starts_with(SESSION))
    );
}

#[tokio::test]
async fn the_first_person_runs_the_installation_and_comes_back_as_the_same() {
    let gate = Gate::start(&[]).await;
    let provider = gate.provider(&[]);
    let mut browser = Browser::default();
    gate.signed_in(&mut browser, "alice").await;
    let alice = gate.profile(&mut browser).await;
    assert_eq!((&alice["sub"], &alice["role"]), (&json!("alice"), &json!("admin")));
    assert_eq!((&alice["email"], &alice["name"]), (&json!("alice@example.test"), &json!("Name of alice")));
    browser.get(&gate.url("/api/v1/admin/users")).await.expect(200).unwrap();

    let mut other = Browser::default();
    gate.signed_in(&mut other, "bob").await;
    assert_eq!(gate.profile(&mut other).await["role"], "none");
    let refused = other.get(&gate.url("/api/v1/me")).await.expect(403).unwrap();
    assert_eq!(refused["error"], "account_role_none");

    let mut again = Browser::default();
    gate.signed_in(&mut again, "alice").await;
    assert_eq!(gate.profile(&mut again).await["id"], alice["id"]);
    assert_eq!(gate.people().await.len(), 3, "two and the seeded one");

    // Signing out leads through the provider and back.
    let left = browser.get(&gate.url("/auth/logout")).await;
    let url = left.header("location").unwrap();
    assert!(url.starts_with(&format!("{}/session/end?id_token_hint=", provider.issuer)), "{url}");
    assert!(!browser.has(SESSION));
    let page = browser.get(url).await;
    assert_eq!(page.status, 200, "the provider knows the ID token and the way back: {}", page.text());
}

#[tokio::test]
async fn what_is_wrong_signs_nobody_in() {
    let gate = Gate::start(&[]).await;
    let _provider = gate.provider(&[]);
    let mut browser = Browser::default();

    let url = gate.callback(&mut browser, "alice").await;
    failed(&browser.get(&with_parameter(&url, "state", "another")).await);
    failed(&Browser::default().get(&url).await);
    failed(&browser.get(&url).await);

    let begun = gate.begin(&mut browser, "alice").await;
    let begun = with_parameter(&begun, "nonce", "another");
    let url = browser.follow_to(&begun, &gate.url("/auth/callback")).await;
    failed(&browser.get(&url).await);

    let url = gate.callback(&mut browser, "alice").await;
    failed(&browser.get(&with_parameter(&url, "code", "another")).await);

    // The provider still knows the other browser.
    let mut denied = Browser::default();
    let url = gate.callback(&mut denied, "deny").await;
    let denied = denied.get(&url).await;
    let location = denied.header("location").unwrap();
    assert_eq!(
        location,
        "/login?authError=access_denied&authErrorDescription=said+no&redirect=%2Fhome%3Fa%3Db"
    );

    assert_eq!(gate.people().await.len(), 1, "only the seeded one is there");
    let url = gate.callback(&mut browser, "alice").await;
    assert_eq!(browser.get(&url).await.header("location"), Some("/home?a=b"));
    failed(&browser.get(&url).await);
}

#[tokio::test]
async fn a_token_that_is_over_does_not_count() {
    let gate = Gate::start(&[]).await;
    let _provider = gate.provider(&[("CLOCK", "-660")]);
    failed(&gate.sign_in(&mut Browser::default(), "alice").await);
}

#[tokio::test]
async fn a_provider_may_come_late_and_change_its_keys() {
    let gate = Gate::start(&[]).await;
    let mut browser = Browser::default();
    let begun = browser.get(&gate.url("/auth/login")).await;
    let location = begun.header("location").unwrap();
    assert!(location.starts_with("/login?authError=provider_unavailable&"), "{location}");
    assert!(!location.contains("127.0.0.1"), "{location}");

    let provider = gate.provider(&[]);
    eventually("a provider that is there", PATIENCE, || async {
        let begun = Client::new().get(&gate.url("/auth/login")).await.ok()?;
        begun.header("location")?.starts_with("http://").then_some(())
    })
    .await
    .unwrap();
    gate.signed_in(&mut browser, "alice").await;

    drop(provider);
    assert_eq!(gate.profile(&mut browser).await["sub"], "alice", "sessions go on without the provider");
    let _provider = gate.provider(&[]);
    gate.signed_in(&mut Browser::default(), "alice").await;
}

#[tokio::test]
async fn the_provider_ends_the_session_that_it_opened_and_no_other() {
    let gate = Gate::start(&[]).await;
    let provider = gate.provider(&[]);
    let [mut one, mut other] = [Browser::default(), Browser::default()];
    gate.signed_in(&mut one, "alice").await;
    gate.signed_in(&mut other, "alice").await;

    // The person signs out at the provider itself.
    let page = one.get(&format!("{}/session/end", provider.issuer)).await.text();
    let xsrf = page.split("name=\"xsrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let confirm = format!("{}/session/end/confirm", provider.issuer);
    let confirmed = one.submit(&confirm, &format!("xsrf={xsrf}&logout=yes")).await;
    assert!(confirmed.status.is_redirection(), "{}", confirmed.text());
    one.get(&gate.url("/api/v1/me")).await.expect(401).unwrap();
    other.get(&gate.url("/api/v1/me")).await.expect(200).unwrap();
}

#[tokio::test]
async fn claims_come_from_userinfo_too_and_give_roles() {
    let gate = Gate::start(&[
        ("PROMPTGATE_OIDC_ROLE_CLAIM", "groups"),
        ("PROMPTGATE_OIDC_ROLES", "staff=user, lead=manager"),
    ])
    .await;
    let _provider = gate.provider(&[("CLAIMS", "userinfo")]);
    for (name, role) in
        [("first", "admin"), ("a-staff", "user"), ("b-staff-lead", "manager"), ("c-x", "none")]
    {
        let mut browser = Browser::default();
        gate.signed_in(&mut browser, name).await;
        assert_eq!(gate.profile(&mut browser).await["role"], role, "{name}");
    }
}

#[tokio::test]
async fn of_twenty_who_come_at_once_one_runs_the_installation() {
    let gate = Gate::start(&[]).await;
    let _provider = gate.provider(&[]);
    let mut ready = Vec::new();
    for number in 0..20 {
        let mut browser = Browser::default();
        let url = gate.callback(&mut browser, &format!("person{number}")).await;
        ready.push((browser, url));
    }
    let answers = join_all(ready.iter_mut().map(|(browser, url)| browser.get(url))).await;
    for answer in &answers {
        assert_eq!(answer.header("location"), Some("/home?a=b"), "{}", answer.status);
    }
    let people = gate.people().await;
    let came: Vec<_> =
        people.iter().filter(|person| person["sub"].as_str().unwrap().starts_with("person")).collect();
    assert_eq!(came.len(), 20);
    assert_eq!(came.iter().filter(|person| person["role"] == "admin").count(), 1);
}

#[tokio::test]
async fn an_access_token_opens_the_json_api_to_its_owner() {
    let gate = Gate::start(&[]).await;
    let provider = gate.provider(&[("ACCESS_TOKEN", "jwt")]);
    let (access, id) = tokens(&gate, &provider, "bob").await;
    let me = gate.url("/api/v1/me");
    let with = |token: &str| Client::new().bearer(token);
    let unknown = with(&access).get(&me).await.unwrap().expect(401).unwrap();
    assert_eq!(unknown["error"], "invalid_token", "nobody has signed in yet");

    gate.signed_in(&mut Browser::default(), "alice").await;
    gate.signed_in(&mut Browser::default(), "bob").await;
    assert_eq!(with(&access).get(&me).await.unwrap().expect(403).unwrap()["error"], "account_role_none");
    gate.grant("bob", "user").await;
    assert_eq!(with(&access).get(&me).await.unwrap().expect(200).unwrap()["sub"], "bob");
    let users = gate.url("/api/v1/admin/users");
    with(&access).get(&users).await.unwrap().expect(403).unwrap();
    gate.grant("bob", "admin").await;
    with(&access).get(&users).await.unwrap().expect(200).unwrap();

    let mut forged = access.clone();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    for token in [forged.as_str(), id.as_str(), "opaque"] {
        assert_eq!(with(token).get(&me).await.unwrap().expect(401).unwrap()["error"], "invalid_token");
    }
}

/// An access token and an ID token that somebody got at the provider without the gateway.
async fn tokens(gate: &Gate, provider: &Provider, name: &str) -> (String, String) {
    // The pair of RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let mut browser = Browser::default();
    let url = with_parameter(&gate.begin(&mut browser, name).await, "code_challenge", challenge);
    let url = browser.follow_to(&url, &gate.url("/auth/callback")).await;
    let form = format!(
        "grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={verifier}",
        parameter(&url, "code").unwrap(),
        gate.url("/auth/callback"),
    );
    // promptgate:promptgate-test-secret
    let client = Client::new()
        .header("authorization", "Basic cHJvbXB0Z2F0ZTpwcm9tcHRnYXRlLXRlc3Qtc2VjcmV0")
        .header("content-type", "application/x-www-form-urlencoded");
    let given = client.send(Method::POST, &format!("{}/token", provider.issuer), form).await.unwrap();
    let given = given.expect(200).unwrap();
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    (text("access_token"), text("id_token"))
}
