//! What goes wrong at a start is one clear line, and exit 1.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
};

use promptgate_e2e::{Ended, Gateway, Installation, User};

#[track_caller]
fn assert_one_line(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{}{}", ended.output, ended.errors);
    let lines: Vec<_> = ended.errors.lines().collect();
    assert_eq!(lines.len(), 1, "not one line:\n{}", ended.errors);
    for word in words {
        assert!(lines[0].contains(word), "`{word}` is not in: {}", lines[0]);
    }
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_PROXY_PORT", &port);
    let ended = installation.start("promptgate", &["run-all"]).unwrap().end().await.unwrap();
    assert_one_line(&ended, &[&port, "PROMPTGATE_PROXY_PORT"]);
}

#[tokio::test]
async fn a_data_directory_that_is_not_writable() {
    let installation = Installation::embedded().unwrap().run_as(User::Unprivileged);
    fs::create_dir(installation.data_directory()).unwrap();
    fs::set_permissions(installation.data_directory(), fs::Permissions::from_mode(0o555)).unwrap();
    let ended = installation.start("promptgate", &["run-all"]).unwrap().end().await.unwrap();
    assert_one_line(&ended, &["PROMPTGATE_DATA_DIR", &installation.data_directory().to_string_lossy()]);
}

#[tokio::test]
async fn a_variable_that_is_wrong() {
    for (name, value) in [
        ("PROMPTGATE_PORT", "eighty"),
        ("PROMPTGATE_PROXY_UPSTREAM_TIMEOUT", "soon"),
        ("PROMPTGATE_PROXY_TRUSTED_PROXIES", "10.0.0.1"),
        ("PROMPTGATE_DATABASE_URL", "mysql://somewhere/db"),
    ] {
        let installation = Installation::embedded().unwrap().set(name, value);
        let ended = installation.start("promptgate", &["run-all"]).unwrap().end().await.unwrap();
        assert_one_line(&ended, &[name]);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_not_repeated() {
    const WRONG: &str = "canary-of-a-wrong-length";
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_SECRETS_KEY", WRONG);
    let ended = installation.start("promptgate", &["run-all"]).unwrap().end().await.unwrap();
    assert_one_line(&ended, &["PROMPTGATE_SECRETS_KEY", "openssl rand -base64 32"]);
    assert!(!ended.errors.contains(WRONG) && !ended.output.contains(WRONG));
}

#[tokio::test]
async fn a_first_password_that_is_easy_to_guess() {
    for (weak, why) in
        [("canary", "12 characters"), ("ADMIN", "well-known"), ("admin@promptgate.dev", "e-mail")]
    {
        let installation = Installation::embedded().unwrap().set("PROMPTGATE_ADMIN_PASSWORD", weak);
        for arguments in ["run-all", "migrate"] {
            let ended = installation.start("promptgate", &[arguments]).unwrap().end().await.unwrap();
            assert_one_line(&ended, &["PROMPTGATE_ADMIN_PASSWORD", why]);
            assert!(!ended.errors.contains("canary") && !ended.output.contains("canary"));
        }
        // Nothing was begun that a better one would not find.
        let installation = installation.set("PROMPTGATE_ADMIN_PASSWORD", "admin");
        let mut gateway = Gateway::run_all(&installation).await.unwrap();
        for shown in ["/ admin, to set a password", "(shown only now; keep it)"] {
            gateway.processes[0].line(shown).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_schema_that_was_never_made() {
    let installation = Installation::on_postgres().await.unwrap();
    let ended = installation.start("promptgate-proxy", &[]).unwrap().end().await.unwrap();
    assert_one_line(&ended, &["promptgate migrate"]);
}

#[tokio::test]
async fn no_command_is_a_request_for_help() {
    let installation = Installation::embedded().unwrap();
    let ended = installation.start("promptgate", &[]).unwrap().end().await.unwrap();
    assert!(ended.status.success() && ended.output.contains("run-all"), "{}{}", ended.output, ended.errors);
}
