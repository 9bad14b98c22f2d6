//! Signed tokens that are no ID tokens: what they say, and who signed them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use promptgate_kernel::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::LEEWAY;

/// The signatures that count: none that is made with a shared secret.
pub(crate) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What a token claims.
pub(crate) type Claims = Map<String, Value>;

/// A token, taken apart. Nothing of it is true before [`Jwt::is_signed_with`] has said so.
pub(crate) struct Jwt<'a> {
    /// What kind of token it says it is, in lower case.
    pub(crate) kind: String,
    pub(crate) claims: Claims,
    algorithm: CoreJwsSigningAlgorithm,
    key_id: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart; `None` if it is none, or one whose signature never counts.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, _) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.crit.is_some() || !ALGORITHMS.contains(&header.alg) {
            return None;
        }
        Some(Self {
            kind: header.typ.unwrap_or_default().to_ascii_lowercase(),
            claims: unverified_claims(text)?,
            algorithm: header.alg,
            key_id: header.kid,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Whether one of these keys signed it.
    pub(crate) fn is_signed_with(&self, keys: &CoreJsonWebKeySet) -> bool {
        let named = |key: &&openidconnect::core::CoreJsonWebKey| match &self.key_id {
            Some(wanted) => key.key_id().is_some_and(|id| id.as_str() == wanted),
            None => true,
        };
        let mut named = keys.keys().iter().filter(named);
        named
            .any(|key| key.verify_signature(&self.algorithm, self.signed.as_bytes(), &self.signature).is_ok())
    }

    /// A claim that is a text and not blank.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text(&self.claims, name)
    }

    /// Whether it is for one of these.
    pub(crate) fn is_for<'b>(&self, mut audiences: impl Iterator<Item = &'b str>) -> bool {
        let given: Vec<&str> = match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        audiences.any(|audience| given.contains(&audience))
    }

    /// When it ends.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.instant("exp")
    }

    /// Whether it counts at this time. Without an end it does not.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        let has_begun = self.instant("nbf").is_none_or(|begin| begin <= now.plus(LEEWAY));
        has_begun && self.expires_at().is_some_and(|end| now < end.plus(LEEWAY))
    }

    /// A claim that is a number of seconds since the epoch.
    pub(crate) fn instant(&self, name: &str) -> Option<Timestamp> {
        let value = self.claims.get(name)?;
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second does not count")]
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))?;
        Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
    }
}

/// What a token says about itself, which may be a lie.
pub(crate) fn unverified_claims(token: &str) -> Option<Claims> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// A claim that is a text and not blank.
pub(crate) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
    }

    #[test]
    fn what_is_no_token_or_signed_with_a_secret_is_not_taken() {
        let claims = json!({"iss": "x"});
        assert!(Jwt::parse(&token(&json!({"alg": "RS256"}), &claims)).is_some());
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS256", "crit": ["exp"]}),
            json!({"alg": "XX"}),
            json!({}),
        ] {
            assert!(Jwt::parse(&token(&header, &claims)).is_none(), "{header}");
        }
        for text in ["", "a.b", "a.b.c", "opaque", "...", "é.é.é"] {
            assert!(Jwt::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_signs_nothing() {
        let text = token(&json!({"alg": "RS256"}), &json!({}));
        assert!(!Jwt::parse(&text).unwrap().is_signed_with(&CoreJsonWebKeySet::new(vec![])));
    }

    #[test]
    fn time_and_audience_are_read_with_leeway_and_in_both_forms() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let with = |claims: Value| {
            let text = token(&json!({"alg": "ES256"}), &claims);
            let jwt = Jwt::parse(&text).unwrap();
            (jwt.is_current(at(1_000)), jwt.is_for(["me"].into_iter()))
        };
        assert_eq!(with(json!({"exp": 971, "aud": "me"})), (true, true));
        assert_eq!(with(json!({"exp": 970, "aud": ["you", "me"]})), (false, true));
        assert_eq!(with(json!({"exp": 2_000, "nbf": 1_031, "aud": ["you"]})), (false, false));
        assert_eq!(with(json!({"exp": 2_000.5, "nbf": 1_030})), (true, false));
        assert_eq!(with(json!({"aud": 7})), (false, false), "without an end it does not count");
    }
}
