//! What a provider says about somebody else counts for nobody.

use std::sync::Mutex;

use async_trait::async_trait;
use openidconnect::http::Response;
use openidconnect::{HttpRequest, HttpResponse};
use promptgate_control::sign_in::IdentityProviders;
use promptgate_kernel::testing::TestClock;
use serde_json::{Value, json};

use super::*;
use crate::{OidcHttp, OidcProviders};

/// Providers at `https://a.example` and `https://b.example`, and what they say of whoever asks.
#[derive(Default)]
struct Fake {
    user_info: Mutex<Option<Value>>,
}

#[async_trait]
impl OidcHttp for Fake {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
        let uri = request.uri();
        let base = format!("https://{}", uri.host().unwrap_or_default());
        let body = match uri.path() {
            "/keys" => json!({"keys": []}),
            "/me" => match self.user_info.lock().unwrap().clone() {
                Some(said) => said,
                None => return Ok(Response::builder().status(503).body(Vec::new())?),
            },
            _ => json!({
                "issuer": base,
                "authorization_endpoint": format!("{base}/auth"),
                "token_endpoint": format!("{base}/token"),
                "userinfo_endpoint": format!("{base}/me"),
                "end_session_endpoint": format!("{base}/end"),
                "jwks_uri": format!("{base}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        };
        let answer = Response::builder().header("content-type", "application/json");
        Ok(answer.body(body.to_string().into_bytes())?)
    }
}

fn options(name: &str) -> OidcProvider {
    OidcProvider {
        name: name.into(),
        issuer: format!("https://{name}.example"),
        jwks_url: None,
        client_id: format!("gate-at-{name}"),
        client_secret: None,
        scopes: vec!["email".into()],
        audiences: vec![],
        username_claim: "preferred_username".into(),
        roles: None,
        groups_claim: None,
    }
}

fn providers() -> (Arc<Fake>, OidcProviders) {
    let fake = Arc::<Fake>::default();
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at_millis(1_700_000_000_000));
    let all = vec![options("a"), options("b")];
    let providers = OidcProviders::new(all, "https://gate.example/", fake.clone(), &clock).unwrap();
    (fake, providers)
}

fn challenge() -> Challenge {
    Challenge { state: "s".into(), nonce: "n".into(), verifier: "v".repeat(43) }
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_refused() {
    let (fake, providers) = providers();
    let provider = providers.named("a").unwrap();
    let known = provider.known().await.unwrap();
    for (said, expected) in [
        (json!({"sub": "me", "email": "a@example.com"}), Ok(Some("a@example.com"))),
        (json!({"sub": "another", "email": "a@example.com"}), Err("subject_mismatch")),
        (json!({"sub": "ME", "email": "a@example.com"}), Err("subject_mismatch")),
        (json!({"email": "a@example.com"}), Err("subject_mismatch")),
        (json!({"sub": ["me"], "email": "a@example.com"}), Err("subject_mismatch")),
        (json!("signed elsewhere"), Ok(None)),
    ] {
        *fake.user_info.lock().unwrap() = Some(said.clone());
        let told = provider.user_info(&known, "opaque", "me").await;
        let told = match &told {
            Ok(claims) => Ok(claims.as_ref().and_then(|claims| text(claims, "email"))),
            Err(ProviderError::Refused { reason, .. }) => Err(*reason),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(told, expected, "{said}");
    }
    *fake.user_info.lock().unwrap() = None;
    let away = provider.user_info(&known, "opaque", "me").await;
    assert!(matches!(away, Err(ProviderError::Unavailable { .. })), "it is away, and says nothing wrong");
}

#[tokio::test]
async fn each_of_several_providers_is_asked_for_its_own() {
    let (_, providers) = providers();
    assert_eq!(providers.names(), ["a", "b"]);
    for name in ["a", "b"] {
        let url = providers.authorization_url(name, &challenge()).await.unwrap();
        assert!(url.starts_with(&format!("https://{name}.example/auth?")), "{url}");
        assert!(url.contains(&format!("client_id=gate-at-{name}")), "{url}");
        let url = providers.end_session_url(name, None, "/login").await.unwrap().unwrap();
        assert!(url.starts_with(&format!("https://{name}.example/end?client_id=gate-at-{name}&")), "{url}");
    }
    let unknown = providers.authorization_url("c", &challenge()).await;
    assert!(matches!(unknown, Err(ProviderError::Unknown(name)) if name == "c"));
    // An answer that says it is from the other one, as an attacker's provider might.
    let mixed = providers.identify("a", ("code", Some("https://b.example")), &challenge()).await;
    assert!(matches!(mixed, Err(ProviderError::Refused { reason: "wrong_issuer", .. })));
}
