//! People of the tests, and the browsers that they sign in with.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::header::HeaderName;
use promptgate_auth::{Actor, Role};
use promptgate_control::accounts::{self, CreatePerson, SeedAdministrator};
use promptgate_kernel::{Clock, SecretString, Timestamp};
use promptgate_store::Access;
use serde_json::{Value, json};
use sha1::Sha1;

use super::{Answer, Api, PASSWORD, request};

/// A browser on a page of the API, with a cookie.
pub(crate) struct Browser<'a> {
    api: &'a Api,
    headers: Vec<(&'static str, String)>,
}

impl Api {
    /// Makes somebody with this role, who signs in with [`PASSWORD`]; the id.
    pub(crate) async fn create_person(&self, email: &str, role: &str) -> String {
        let new = CreatePerson {
            email: email.into(),
            name: String::new(),
            role: role.parse::<Role>().unwrap(),
            password: SecretString::new(PASSWORD.into()),
            must_change_password: false,
        };
        accounts::create_person(&self.control, Actor::system(), new).await.unwrap().account.id.to_string()
    }

    /// Makes the administrator of a new installation.
    pub(crate) async fn seed_administrator(&self) {
        let seeded =
            accounts::seed_administrator(&self.control, Actor::system(), SeedAdministrator::default());
        seeded.await.unwrap().unwrap();
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password}).to_string();
        self.answer(request("POST", "/auth/password", &body)).await
    }

    /// A browser with the cookie that an answer has set.
    pub(crate) fn browser(&self, set_cookie: &str) -> Browser<'_> {
        let cookie = set_cookie.split(';').next().unwrap_or_default().to_owned();
        Browser { api: self, headers: vec![("cookie", cookie)] }
    }

    pub(crate) fn advance_secs(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Everything that the audit log says.
    pub(crate) async fn audit_text(&self) -> String {
        let mut work = self.store.begin(Access::Read).await.unwrap();
        format!("{:?}", work.audit().list_after(0, 1_000).await.unwrap())
    }
}

impl Browser<'_> {
    /// The same browser, which sends another header along.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let headers = self.headers.iter().cloned().chain([(name, value.to_owned())]).collect();
        Self { api: self.api, headers }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "").await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut request = request(method, path, body);
        let headers = request.headers_mut();
        headers.insert("host", "gate.example".parse().unwrap());
        if method != "GET" {
            headers.insert("origin", "http://gate.example".parse().unwrap());
        }
        if !body.is_empty() {
            headers.insert("content-type", "application/json".parse().unwrap());
        }
        for (name, value) in &self.headers {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        self.api.answer(request).await
    }
}

/// The code that an owner's device shows for a secret: RFC 6238, told anew.
pub(crate) fn totp_code(secret: &str, at: Timestamp) -> String {
    let (mut key, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for letter in secret.bytes() {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
        bits = (bits << 5) | u32::try_from(digit).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
        bits &= (1 << held) - 1;
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(at.as_seconds() / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let start = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes(digest[start..start + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}
