//! Signing in and out, as far as the shapes and codes of its routes go. What it means is shown
//! elsewhere.

use serde_json::{Value, json};

use super::caller::Answer;
use super::shapes::profile;
use super::{ADMINISTRATOR, PASSWORD, Pass, text};

pub(super) const ROUTES: &str = "
    GET /auth/login
    GET /auth/callback
    GET /auth/logout
    GET /auth/session
    POST /auth/logout
    POST /auth/password
    POST /auth/password/change
    POST /auth/totp
    POST /auth/totp/setup
    POST /auth/totp/confirm
    POST /auth/totp/disable
    POST /auth/backchannel-logout
    GET /api/v1/me
";

const SIGN_IN: &str = "/auth/password";
const CHANGE: &str = "/auth/password/change";
const OTHER_PASSWORD: &str = "four black horses";

/// Where an answer leads.
fn leads<'a>(answer: &'a Answer<'_>) -> &'a str {
    answer.has(302);
    answer.response.header("location").unwrap()
}

/// What an answer does to the session cookie.
fn cookie<'a>(answer: &'a Answer<'_>) -> &'a str {
    answer.response.header("set-cookie").unwrap()
}

async fn pass(pass: &Pass) {
    let anybody = pass.stranger();
    anybody.get("/auth/session", &[]).await.refused(401, "not authenticated");
    let signed_in = json!({"status": "text", "user": profile()});
    let body = |email: &str, password: &str| json!({"email": email, "password": password});
    let answer = anybody.post(SIGN_IN, &[], body(ADMINISTRATOR, PASSWORD)).await;
    assert_eq!(answer.shows(200, &signed_in)["status"], "signed_in");
    for attribute in ["promptgate_session=", "Path=/", "HttpOnly", "SameSite=Lax", "Max-Age="] {
        assert!(cookie(&answer).contains(attribute), "{}", cookie(&answer));
    }
    assert!(
        !cookie(&answer).contains("Secure") && !cookie(&answer).contains("Domain"),
        "{}",
        cookie(&answer)
    );
    anybody
        .post(SIGN_IN, &[], body("nobody@example.com", PASSWORD))
        .await
        .refused(401, "invalid_credentials");
    anybody.post(SIGN_IN, &[], body(ADMINISTRATOR, "wrong")).await.refused(401, "invalid_credentials");
    anybody.reads_strictly(http::Method::POST, SIGN_IN, &[], &body("x@example.com", "y")).await;
    for _ in 0..5 {
        anybody
            .post(SIGN_IN, &[], body("ada@example.com", "wrong"))
            .await
            .refused(401, "invalid_credentials");
    }
    let sixth = anybody.post(SIGN_IN, &[], body("ada@example.com", "wrong")).await;
    sixth.refused(429, "too_many_attempts");
    let wait = sixth.response.header("retry-after").unwrap().parse::<u64>().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    sessions(pass).await;
    second_factor(pass).await;
    ways(pass).await;
}

/// What a session opens and how it ends.
async fn sessions(pass: &Pass) {
    let anybody = pass.stranger();
    let page = pass.signed_in(ADMINISTRATOR).await;
    let shown = page.get("/auth/session", &[]).await.shows(200, &profile());
    assert_eq!(shown, page.get("/api/v1/me", &[]).await.shows(200, &profile()));
    let id = pass.person("none@example.com", "none").await;
    let none = pass.signed_in("none@example.com").await;
    assert_eq!(
        none.get("/auth/session", &[]).await.shows(200, &profile())["role"],
        "none",
        "the page decides"
    );
    none.get("/api/v1/me", &[]).await.refused(403, "account_role_none");
    let off = json!({"isActive": false});
    let path = format!("/users/{id}");
    pass.gateway.admin(http::Method::PATCH, &path, &off).await.unwrap().expect(200).unwrap();
    assert_eq!(none.get("/auth/session", &[]).await.shows(200, &profile())["isActive"], false);
    none.get("/api/v1/me", &[]).await.refused(403, "account_inactive");

    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    anybody.post(CHANGE, &[], change(PASSWORD, OTHER_PASSWORD)).await.refused(401, "missing session");
    page.post(CHANGE, &[], change("wrong", OTHER_PASSWORD)).await.refused(400, "invalid_current_password");
    page.post(CHANGE, &[], change(PASSWORD, "short")).await.refused(400, "invalid_password");
    page.reads_strictly(http::Method::POST, CHANGE, &[], &change(PASSWORD, OTHER_PASSWORD)).await;
    let changed = page.post(CHANGE, &[], change(PASSWORD, OTHER_PASSWORD)).await;
    let shape = json!({"status": "'signed_in'", "user": profile()});
    changed.shows(200, &shape);
    page.get("/auth/session", &[]).await.refused(401, "not authenticated");
    let fresh = cookie(&changed).split(';').next().unwrap().to_owned();
    let client = pass.stranger().client.header("origin", &pass.gateway.api).header("cookie", &fresh);
    let page = pass.caller(client, "");
    page.post(CHANGE, &[], change(OTHER_PASSWORD, PASSWORD)).await.shows(200, &shape);

    let page = pass.signed_in(ADMINISTRATOR).await;
    let foreign = page.client.clone();
    let stranger = pass.caller(foreign.header("origin", "https://evil.example"), "");
    stranger.post("/auth/logout", &[], Value::Null).await.refused(403, "cross_site_request");
    let out = page.post("/auth/logout", &[], Value::Null).await;
    out.is_done();
    assert!(cookie(&out).starts_with("promptgate_session=;"), "{}", cookie(&out));
    page.get("/auth/session", &[]).await.refused(401, "not authenticated");
    let page = pass.signed_in(ADMINISTRATOR).await;
    let out = page.get("/auth/logout?redirect=/faq", &[]).await;
    assert!(leads(&out).ends_with("/faq"), "{}", leads(&out));
    page.get("/auth/session", &[]).await.refused(401, "not authenticated");
}

async fn second_factor(pass: &Pass) {
    let page = pass.signed_in(ADMINISTRATOR).await;
    let proof = json!({"currentPassword": PASSWORD});
    page.post("/auth/totp/disable", &[], proof.clone()).await.refused(400, "totp_not_enabled");
    page.post("/auth/totp/confirm", &[], json!({"code": "000000"})).await.refused(400, "totp_not_enabled");
    page.post("/auth/totp", &[], json!({"code": "000000"})).await.refused(400, "totp_not_required");
    let wrong = json!({"currentPassword": "wrong"});
    page.post("/auth/totp/setup", &[], wrong).await.refused(400, "invalid_current_password");
    let begun = page.post("/auth/totp/setup", &[], proof).await;
    let begun = begun.shows(200, &json!({"secret": "text", "otpauthUrl": "text"}));
    assert!(text(&begun["otpauthUrl"]).starts_with("otpauth://totp/"), "{begun}");
    page.post("/auth/totp/confirm", &[], json!({"code": "0"})).await.refused(400, "invalid_code");
    for path in ["/auth/totp", "/auth/totp/setup", "/auth/totp/confirm", "/auth/totp/disable"] {
        let body = if matches!(path, "/auth/totp" | "/auth/totp/confirm") {
            json!({"code": "1"})
        } else {
            json!({"currentPassword": "x"})
        };
        pass.stranger().post(path, &[], body).await.refused(401, "missing session");
    }
}

/// The ways over an identity provider, where there is none.
async fn ways(pass: &Pass) {
    let anybody = pass.stranger();
    let login = anybody.get("/auth/login?redirect=/faq", &[]).await;
    assert!(leads(&login).contains("/login"), "{}", leads(&login));
    let out = anybody.get("/auth/logout", &[]).await;
    assert!(leads(&out).ends_with("/login"), "without a session: {}", leads(&out));
    let failed = anybody.get("/auth/callback?state=x&code=y&redirect=/faq", &[]).await;
    assert!(leads(&failed).contains("authError=authentication_failed"), "{}", leads(&failed));
    assert!(leads(&failed).contains("redirect=%2Fdashboard"), "the path of a sign-in that named none");
    // What a provider is said to have said counts only for a sign-in that was begun.
    let refused = anybody.get("/auth/callback?error=access_denied&error_description=No", &[]).await;
    assert!(leads(&refused).contains("authError=authentication_failed"), "{}", leads(&refused));
    let form = anybody.client.clone().header("content-type", "application/x-www-form-urlencoded");
    let form = pass.caller(form, "");
    let token = "logout_token=nonsense".to_owned();
    form.send_text(http::Method::POST, "/auth/backchannel-logout", &[], token)
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn sign_in_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn sign_in_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
