//! A provider that is asked again: what it may answer, and what becomes of that.

use std::error::Error;
use std::sync::Mutex;

use async_trait::async_trait;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::http::Response;
use openidconnect::{HttpRequest, HttpResponse, JsonWebKeyId, PrivateSigningKey};
use promptgate_auth::Role;
use promptgate_control::sign_in::{Challenge, IdentityProviders};
use promptgate_kernel::Clock;
use promptgate_kernel::testing::TestClock;
use serde_json::{Value, json};

use super::*;
use crate::{OidcHttp, OidcProvider, OidcProviders};

const ISSUER: &str = "https://a.example";
/// Two keys that sign nothing but these tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIGpiYbjl07zwpJJE88tTVGDJhl3Fi5B4AS0JL2d3Z627
-----END PRIVATE KEY-----
";
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIC6o9tvhtwabDFORPlSdsYJ3fWTR/IVZ9nlBT6tUfTr
-----END PRIVATE KEY-----
";
const NOW: i64 = 1_700_000_000;

fn key(pem: &str) -> CoreEdDsaPrivateSigningKey {
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(pem, Some(JsonWebKeyId::new("one".into()))).unwrap()
}

fn signed(pem: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "one"})), part(claims));
    let signature = key(pem).sign(&CoreJwsSigningAlgorithm::EdDsa, text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What an ID token says, with some of it changed; null takes a claim away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "me", "aud": "gate", "iat": NOW, "exp": NOW + 600, "preferred_username": "me",
        "email": "me@example.com", "name": "Me", "groups": ["staff"],
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A provider whose token endpoint and userinfo answer what a test says; what it was sent.
struct Fake {
    token: Mutex<Option<(u16, String)>>,
    user_info: Mutex<Option<Value>>,
    revokes: bool,
    sent: Mutex<Vec<(String, String, Option<String>)>>,
}

#[async_trait]
impl OidcHttp for Fake {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
        let path = request.uri().path().to_owned();
        let (status, body) = match path.as_str() {
            "/keys" => (200, json!({"keys": [key(KEY).as_verification_key()]}).to_string()),
            "/token" | "/revoke" => {
                let header = request.headers().get("authorization");
                let header = header.map(|value| value.to_str().unwrap().to_owned());
                let form = String::from_utf8(request.body().clone())?;
                self.sent.lock().unwrap().push((path.clone(), form, header));
                let answer = self.token.lock().unwrap().clone().ok_or("connection refused")?;
                if path == "/token" { answer } else { (200, String::new()) }
            }
            "/me" => match self.user_info.lock().unwrap().clone() {
                Some(said) => (200, said.to_string()),
                None => (503, String::new()),
            },
            _ => {
                let mut metadata = json!({
                    "issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/auth"),
                    "token_endpoint": format!("{ISSUER}/token"),
                    "userinfo_endpoint": format!("{ISSUER}/me"),
                    "jwks_uri": format!("{ISSUER}/keys"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["EdDSA"],
                });
                if self.revokes {
                    metadata["revocation_endpoint"] = json!(format!("{ISSUER}/revoke"));
                }
                (200, metadata.to_string())
            }
        };
        let answer = Response::builder().status(status).header("content-type", "application/json");
        Ok(answer.body(body.into_bytes())?)
    }
}

impl Fake {
    fn answers(&self, status: u16, body: impl Into<String>) {
        *self.token.lock().unwrap() = Some((status, body.into()));
    }

    fn forms(&self) -> Vec<String> {
        self.sent.lock().unwrap().drain(..).map(|(_, form, _)| form).collect()
    }
}

fn providers(issuer: &str, revokes: bool) -> (Arc<Fake>, OidcProviders) {
    let fake = Fake { token: Mutex::default(), user_info: Mutex::default(), revokes, sent: Mutex::default() };
    let fake = Arc::new(fake);
    let provider = OidcProvider {
        name: "a".into(),
        issuer: issuer.into(),
        jwks_url: None,
        client_id: "gate".into(),
        client_secret: Some(SecretString::new("se:cret".into())),
        scopes: vec![],
        audiences: vec![],
        username_claim: "preferred_username".into(),
        roles: Some(("groups".into(), vec![("staff".into(), Role::User), ("lead".into(), Role::Manager)])),
        groups_claim: Some("groups".into()),
    };
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at_millis(NOW * 1_000));
    let providers = OidcProviders::new(vec![provider], "https://gate.example", fake.clone(), &clock).unwrap();
    (fake, providers)
}

fn tokens(changes: &Value) -> String {
    let mut answer = json!({"access_token": "opaque", "token_type": "Bearer", "expires_in": 300});
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer.to_string()
}

/// What somebody has after a sign-in.
async fn signed_in(fake: &Fake, providers: &OidcProviders) -> Refresh {
    let id_token = signed(KEY, &claims(&json!({"nonce": "n"})));
    fake.answers(200, tokens(&json!({"refresh_token": "first", "id_token": id_token})));
    let challenge = Challenge { state: "s".into(), nonce: "n".into(), verifier: "v".repeat(43) };
    let identity = providers.identify("a", ("code", None), &challenge).await.unwrap();
    fake.forms();
    identity.refresh.unwrap()
}

#[tokio::test]
async fn a_refresh_token_that_comes_takes_the_place_of_the_former() {
    let (fake, providers) = providers(ISSUER, false);
    let kept = signed_in(&fake, &providers).await;
    assert_eq!(kept.lasts, Some(Duration::from_mins(5)));

    let id_token = signed(KEY, &claims(&json!({"groups": ["staff", "lead"]})));
    let answer = json!({"refresh_token": "second", "id_token": id_token, "expires_in": 60});
    fake.answers(200, tokens(&answer));
    let second = providers.refresh("a", &kept.ticket).await.unwrap();
    assert_eq!(second.refresh.lasts, Some(Duration::from_mins(1)));
    let identity = second.identity.unwrap().unwrap();
    assert_eq!((identity.person.subject.as_str(), identity.role), ("me", Some(Role::Manager)));
    assert_eq!(identity.groups.unwrap(), ["staff", "lead"]);

    // Some give none, and no lifetime: then the former goes on.
    fake.answers(200, json!({"access_token": "opaque", "token_type": "Bearer"}).to_string());
    *fake.user_info.lock().unwrap() = Some(json!({"sub": "me"}));
    let third = providers.refresh("a", &second.refresh.ticket).await.unwrap();
    assert_eq!(third.refresh.lasts, None);
    providers.refresh("a", &third.refresh.ticket).await.unwrap();
    let forms = fake.forms();
    let asked = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    assert_eq!(forms, [asked("first"), asked("second"), asked("second")]);
}

#[tokio::test]
async fn without_a_refresh_token_nobody_is_asked_again() {
    let (fake, providers) = providers(ISSUER, false);
    let id_token = signed(KEY, &claims(&json!({"nonce": "n"})));
    fake.answers(200, tokens(&json!({"id_token": id_token})));
    let challenge = Challenge { state: "s".into(), nonce: "n".into(), verifier: "v".repeat(43) };
    assert!(providers.identify("a", ("code", None), &challenge).await.unwrap().refresh.is_none());
}

#[tokio::test]
async fn only_a_no_is_a_no() {
    let (fake, providers) = providers(ISSUER, false);
    let kept = signed_in(&fake, &providers).await;
    for (status, body, is_no) in [
        (400, json!({"error": "invalid_grant"}).to_string(), true),
        (400, json!({"error": "invalid_grant", "error_description": "revoked"}).to_string(), true),
        (400, json!({"error": "interaction_required"}).to_string(), true),
        (400, json!({"error": "login_required"}).to_string(), true),
        (401, json!({"error": "invalid_client"}).to_string(), false),
        (400, json!({"error": "unauthorized_client"}).to_string(), false),
        (400, json!({"error": "invalid_request"}).to_string(), false),
        (500, json!({"error": "server_error"}).to_string(), false),
        (503, String::new(), false),
        (502, "<html>bad gateway</html>".into(), false),
        (429, "{}".into(), false),
        (200, "{}".into(), false),
        (200, String::new(), false),
    ] {
        fake.answers(status, body.clone());
        match providers.refresh("a", &kept.ticket).await {
            Err(ProviderError::Refused { reason, .. }) => {
                assert!(is_no && reason == "refresh_refused", "{status} {body}");
            }
            Err(ProviderError::Unavailable { .. }) => assert!(!is_no, "{status} {body}"),
            other => panic!("{status} {body}: {other:?}"),
        }
    }
    *fake.token.lock().unwrap() = None;
    let away = providers.refresh("a", &kept.ticket).await;
    assert!(matches!(away, Err(ProviderError::Unavailable { .. })), "nobody answers");
}

#[tokio::test]
async fn an_id_token_must_be_of_the_same_person_issuer_client_and_sign_in() {
    let (fake, providers) = providers(ISSUER, false);
    let kept = signed_in(&fake, &providers).await;
    for (pem, changes, expected) in [
        (KEY, json!({}), None),
        (KEY, json!({"nonce": "n"}), None),
        (KEY, json!({"aud": ["gate", "other"], "azp": "gate"}), None),
        (KEY, json!({"nonce": "another"}), Some("wrong_nonce")),
        (KEY, json!({"iss": "https://b.example"}), Some("wrong_issuer")),
        (KEY, json!({"aud": "another"}), Some("wrong_audience")),
        (KEY, json!({"aud": ["gate", "other"]}), Some("wrong_audience")),
        (KEY, json!({"exp": NOW - 31}), Some("expired_token")),
        (KEY, json!({"at_hash": "another"}), Some("invalid_token")),
        (OTHER_KEY, json!({}), Some("wrong_signature")),
        // Who is not known cannot be somebody else.
        (OTHER_KEY, json!({"sub": "you"}), Some("wrong_signature")),
    ] {
        let id_token = signed(pem, &claims(&changes));
        fake.answers(200, tokens(&json!({"id_token": id_token, "refresh_token": "next"})));
        let refreshed = providers.refresh("a", &kept.ticket).await.unwrap();
        let reason = refreshed.identity.err().map(|error| error.reason());
        assert_eq!(reason, expected, "{changes}");
        // The former token may be worth nothing by now.
        assert!(refreshed.refresh.ticket.expose().contains("\"next\""), "{changes}");
    }

    let id_token = signed(KEY, &claims(&json!({"sub": "you"})));
    fake.answers(200, tokens(&json!({"id_token": id_token})));
    let of_another = providers.refresh("a", &kept.ticket).await;
    assert!(matches!(of_another, Err(ProviderError::Refused { reason: "subject_mismatch", .. })));
}

#[tokio::test]
async fn without_an_id_token_userinfo_speaks_and_nobody_must() {
    let (fake, providers) = providers(ISSUER, false);
    let kept = signed_in(&fake, &providers).await;
    fake.answers(200, tokens(&json!({})));
    let away = providers.refresh("a", &kept.ticket).await.unwrap();
    assert_eq!(away.identity.err().unwrap().reason(), "provider_unavailable");

    *fake.user_info.lock().unwrap() = Some(json!({"sub": "me", "groups": "lead"}));
    let told = providers.refresh("a", &kept.ticket).await.unwrap();
    assert_eq!(told.identity.unwrap().unwrap().role, Some(Role::Manager));

    *fake.user_info.lock().unwrap() = Some(json!({"sub": "you", "groups": "lead"}));
    let of_another = providers.refresh("a", &kept.ticket).await;
    assert!(matches!(of_another, Err(ProviderError::Refused { reason: "subject_mismatch", .. })));
}

#[tokio::test]
async fn nobody_else_is_shown_a_refresh_token() {
    let (fake, providers) = providers(ISSUER, true);
    let kept = signed_in(&fake, &providers).await;
    // The operator has given the name to another one.
    let (other, elsewhere) = self::providers("https://b.example", true);
    other.answers(200, tokens(&json!({})));
    assert!(matches!(elsewhere.refresh("a", &kept.ticket).await, Err(ProviderError::Unknown(_))));
    assert!(matches!(elsewhere.revoke("a", &kept.ticket).await, Err(ProviderError::Unknown(_))));
    for nonsense in ["", "first", "{}", "null"] {
        let nonsense = SecretString::new(nonsense.into());
        let asked = providers.refresh("a", &nonsense).await;
        assert!(matches!(asked, Err(ProviderError::Unavailable { .. })), "it says nothing about anybody");
    }
    assert!(other.forms().is_empty() && fake.forms().is_empty());
}

#[tokio::test]
async fn a_token_is_given_back_where_the_provider_wants_it() {
    let (fake, providers) = providers(ISSUER, true);
    let kept = signed_in(&fake, &providers).await;
    providers.revoke("a", &kept.ticket).await.unwrap();
    let sent = fake.sent.lock().unwrap().pop().unwrap();
    let secret = format!("Basic {}", STANDARD.encode("gate:se%3Acret"));
    let form = "token=first&token_type_hint=refresh_token".to_owned();
    assert_eq!(sent, ("/revoke".into(), form, Some(secret)));

    let (fake, providers) = self::providers(ISSUER, false);
    let kept = signed_in(&fake, &providers).await;
    providers.revoke("a", &kept.ticket).await.unwrap();
    assert!(fake.forms().is_empty());
}
