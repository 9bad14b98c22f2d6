//! What is kept of passwords and sessions, looked up in the database file behind the gateway's back.

use std::path::Path;
use std::process::Command;

use aws_lc_rs::digest;
use promptgate_e2e::{Gateway, Installation};

use super::visitor::{Visitor, refused};
use super::{ADMINISTRATOR, PASSWORD, prepared};

/// Runs a statement on the database file; the first column of each row that it gives.
fn query(database: &Path, statement: &str) -> Vec<String> {
    const SCRIPT: &str = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=30); \
        [print(row[0]) for row in db.execute(sys.argv[2])]; db.commit()";
    let done = Command::new("python3").args(["-c", SCRIPT]).arg(database).arg(statement).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Moves the clock of every session by so many minutes.
fn age(database: &Path, minutes: u32) {
    let micros = u64::from(minutes) * 60_000_000;
    query(
        database,
        &format!(
            "UPDATE sessions SET created_at = created_at - {micros}, last_seen_at = last_seen_at - {micros}, \
             expires_at = expires_at - {micros}"
        ),
    );
}

#[tokio::test]
async fn a_password_is_a_bcrypt_hash_and_a_secret_is_nowhere() {
    let installation = prepared(Installation::embedded().unwrap()).unset("PROMPTGATE_BCRYPT_COST");
    let installation = installation.set("PROMPTGATE_LOG_LEVEL", "debug");
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    assert_eq!(visitor.status().await, 200);
    let again = Visitor::at(&gateway.api).sign_in(ADMINISTRATOR, "four black horses").await;
    refused(&again, 401, "invalid_credentials");

    let database = installation.data_directory().join("promptgate.db");
    let hashes = query(&database, "SELECT password_hash FROM accounts WHERE password_hash IS NOT NULL");
    assert_eq!(hashes.len(), 1);
    assert!(hashes[0].starts_with("$2b$12$") && hashes[0].len() == 60, "{}", hashes[0]);
    let session = visitor.session().to_owned();
    assert_eq!(session.len(), 43, "256 bits in base64");
    let sha256 = digest::digest(&digest::SHA256, session.as_bytes());
    let sha256 = sha256.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"));
    assert_eq!(query(&database, "SELECT hex(hash) FROM sessions"), [sha256]);

    let said = gateway.process().said();
    gateway.stop().await.unwrap();
    for secret in [PASSWORD, "four black horses", &session] {
        assert!(!said.contains(secret), "a secret is in the log");
        let mut pending = vec![installation.data_directory()];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                pending.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds a secret in the clear", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_its_end() {
    let installation = prepared(Installation::embedded().unwrap());
    let gateway = Gateway::run_all(&installation).await.unwrap();
    let database = installation.data_directory().join("promptgate.db");
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    // Eight hours less a little, in steps that are shorter than two.
    for _ in 0..4 {
        age(&database, 119);
        assert_eq!(visitor.status().await, 200, "a session that is used goes on");
    }
    age(&database, 5);
    visitor.is_out().await;

    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    age(&database, 120);
    visitor.is_out().await;
    assert_eq!(query(&database, "SELECT count(*) FROM sessions"), ["0"], "what is over is gone");
}
