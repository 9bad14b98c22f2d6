//! A session that somebody else put into a browser, or saw before it opened more, is worth nothing after.

use std::process::Command;

use promptgate_e2e::{Gateway, Installation};
use serde_json::{Value, json};

use super::visitor::{Visitor, given};
use super::{ADMINISTRATOR, PASSWORD, prepared};

const MALLORY: &str = "mallory@example.com";

/// The code that a device shows for a secret now: RFC 6238 by Python's own library.
fn code(secret: &str) -> String {
    const SCRIPT: &str = "import base64, hmac, struct, sys, time; s = sys.argv[1]; \
        key = base64.b32decode(s + '=' * (-len(s) % 8)); \
        mac = hmac.digest(key, struct.pack('>Q', int(time.time()) // 30), 'sha1'); \
        at = mac[19] & 15; word = struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff; \
        print(f'{word % 1000000:06}')";
    let done = Command::new("python3").args(["-c", SCRIPT, secret]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

async fn started() -> (Installation, Gateway) {
    let installation = prepared(Installation::embedded().unwrap());
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let made = installation.operate(&["user", "create", MALLORY, "--role", "user"], PASSWORD).await.unwrap();
    assert!(made.status.success(), "{}{}", made.output, made.errors);
    (installation, gateway)
}

#[tokio::test]
async fn what_was_planted_before_a_sign_in_opens_nothing_after() {
    let (_installation, gateway) = started().await;
    let browser = Visitor::at(&gateway.api);
    // Made up, well formed, of somebody's own account, of a session that is over.
    let own = Visitor::signed_in(&gateway.api, MALLORY).await;
    let over = Visitor::signed_in(&gateway.api, MALLORY).await;
    over.post("/auth/logout", &json!({})).await.expect(204).unwrap();
    let well_formed = "A".repeat(43);
    for planted in ["x", &well_formed, own.session(), over.session()] {
        let victim = browser.with_session(planted);
        let answer = victim.sign_in(ADMINISTRATOR, PASSWORD).await;
        assert_eq!(answer.expect(200).unwrap()["status"], "signed_in");
        let fresh = given(&answer).expect("every sign-in gives a secret of its own");
        assert_ne!(fresh, planted);
        victim.is_out().await;
        let victim = browser.with_session(&fresh);
        assert_eq!(victim.get("/api/v1/me").await.json()["email"], ADMINISTRATOR);
    }
    own.is_out().await;
}

#[tokio::test]
async fn a_secret_from_before_a_step_is_dead_after_it() {
    let (_installation, gateway) = started().await;
    let before = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    let step = async |visitor: &Visitor, path: &str, body: Value| {
        let answer = visitor.post(path, &body).await;
        answer.expect(200).unwrap();
        let after = visitor.with_session_of(&answer);
        assert_ne!(visitor.session(), after.session(), "{path}");
        visitor.is_out().await;
        after
    };
    let proof = json!({"currentPassword": PASSWORD});
    let begun = before.post("/auth/totp/setup", &proof).await.expect(200).unwrap();
    let confirm = json!({"code": code(begun["secret"].as_str().unwrap())});
    let confirmed = before.post("/auth/totp/confirm", &confirm).await;
    let recovery = confirmed.expect(200).unwrap()["recoveryCodes"][0].clone();
    before.is_out().await;
    let enrolled = before.with_session_of(&confirmed);

    let half = Visitor::at(&gateway.api).sign_in(ADMINISTRATOR, PASSWORD).await;
    assert_eq!(half.expect(200).unwrap(), json!({"status": "totp_required"}));
    let half = before.with_session_of(&half);
    assert_eq!(half.status().await, 403);
    let whole = step(&half, "/auth/totp", json!({"code": recovery})).await;
    assert_eq!(whole.status().await, 200);

    let fewer = step(&enrolled, "/auth/totp/disable", proof).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": "four black horses"});
    let changed = step(&fewer, "/auth/password/change", change).await;
    assert_eq!(changed.status().await, 200);
}
