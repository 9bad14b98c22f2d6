//! An identity provider that signs whatever a test wants, and everybody in at once.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use promptgate_e2e::{Client, Installation, Response};
use promptgate_testkit::upstream::{Reply, ScriptedUpstream, SeenRequest};
use serde_json::{Value, json};

/// Who the gateway is there.
const CLIENT: &str = "promptgate";
const KEY: &str = "the-only-one";
/// In seconds since the epoch: what is over, and what is not.
const LONG_AGO: u64 = 1_000_000_000;
const FAR_AWAY: u64 = 4_000_000_000;

/// The provider. Its codes say whom they are for, so that it keeps nothing.
pub(super) struct Issuer {
    server: ScriptedUpstream,
    key: Arc<EcdsaKeyPair>,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let server = ScriptedUpstream::start().await.unwrap();
        let key = Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let (issuer, signer) = (server.url(), Arc::clone(&key));
        server.handle(move |request| answer(&issuer, &signer, request));
        Self { server, key }
    }

    /// An installation that people sign in to here.
    pub(super) fn trusted_by(&self, installation: Installation) -> Installation {
        installation
            .set("PROMPTGATE_OIDC_ISSUER_URL", &self.server.url())
            .set("PROMPTGATE_OIDC_CLIENT_ID", CLIENT)
            .set("PROMPTGATE_OIDC_CLIENT_SECRET", "a secret that nobody looks at")
    }

    /// An access token for the gateway.
    pub(super) fn access_token(&self, subject: &str) -> String {
        self.access_token_but(subject, &json!({}))
    }

    /// The same, long over.
    pub(super) fn token_that_is_over(&self, subject: &str) -> String {
        self.access_token_but(subject, &json!({"exp": LONG_AGO}))
    }

    /// The same for somebody else than the gateway.
    pub(super) fn token_for_another(&self, subject: &str) -> String {
        self.access_token_but(subject, &json!({"aud": "another"}))
    }

    /// What only `issuer` may say, signed here.
    pub(super) fn token_in_the_name_of(&self, issuer: &Self, subject: &str) -> String {
        self.access_token_but(subject, &json!({"iss": issuer.server.url()}))
    }

    /// What browsers get, and no program shows.
    pub(super) fn id_token(&self, subject: &str) -> String {
        id_token(&self.server.url(), &self.key, subject, "nonce")
    }

    fn access_token_but(&self, subject: &str, other: &Value) -> String {
        let mut claims = json!({"iss": self.server.url(), "sub": subject, "aud": CLIENT, "exp": FAR_AWAY});
        for (name, value) in other.as_object().unwrap() {
            claims[name] = value.clone();
        }
        sign(&self.key, "at+jwt", &claims)
    }

    /// Goes through a sign-in at the gateway whose JSON API is at `api`, so that it knows the person.
    pub(super) async fn sign_in(&self, api: &str, subject: &str) {
        // The name that the provider sends browsers back to.
        let host = api.strip_prefix("http://").unwrap().replace("127.0.0.1", "localhost");
        let browser = Client::new().header("host", &host);
        let begun = browser.get(&format!("{api}/auth/login")).await.unwrap();
        let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap();
        let to = location(&begun);
        assert!(to.starts_with(&format!("{}/authorize?", self.server.url())), "{to}");
        let [state, nonce] = ["state", "nonce"].map(|name| parameter(to, name).unwrap());
        let back = format!("{api}/auth/callback?state={state}&code={subject}~{nonce}");
        let came_back = browser.header("cookie", cookie).get(&back).await.unwrap();
        assert_eq!(location(&came_back), "/dashboard");
    }
}

fn location(answer: &Response) -> &str {
    assert_eq!(answer.status, 302, "{}", answer.text());
    answer.header("location").unwrap()
}

/// A parameter of a query or a form, as it is written there.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn answer(issuer: &str, key: &EcdsaKeyPair, request: &SeenRequest) -> Reply {
    match request.path.split('?').next().unwrap_or_default() {
        "/.well-known/openid-configuration" => Reply::json(&json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })),
        "/keys" => {
            // The point as it is written plainly: a byte, then both halves.
            let point = &key.public_key().as_ref()[1..];
            let [x, y] = [&point[..32], &point[32..]].map(|half| URL_SAFE_NO_PAD.encode(half));
            let key = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY, "x": x, "y": y});
            Reply::json(&json!({"keys": [key]}))
        }
        "/token" => {
            let form = String::from_utf8_lossy(&request.body);
            let code = parameter(&form, "code").unwrap_or_default().replace("%7E", "~");
            let Some((subject, nonce)) = code.split_once('~') else { return Reply::status(400) };
            Reply::json(&json!({
                "token_type": "Bearer",
                "access_token": "opaque",
                "id_token": id_token(issuer, key, subject, nonce),
            }))
        }
        _ => Reply::status(404),
    }
}

fn id_token(issuer: &str, key: &EcdsaKeyPair, subject: &str, nonce: &str) -> String {
    let claims = json!({"iss": issuer, "sub": subject, "aud": CLIENT, "exp": FAR_AWAY, "iat": LONG_AGO,
        "nonce": nonce, "preferred_username": subject, "name": subject,
        "email": format!("{subject}@provider.example")});
    sign(key, "JWT", &claims)
}

fn sign(key: &EcdsaKeyPair, kind: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "ES256", "kid": KEY, "typ": kind});
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
