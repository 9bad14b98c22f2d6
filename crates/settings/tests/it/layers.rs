//! Which layer wins, and how files are found and read.

use std::fs;

use promptgate_settings::{Settings, SettingsError};

use crate::{sources, with, within};

fn shown(settings: &Settings, name: &str) -> (Option<String>, Option<String>) {
    let entry = settings.entries().find(|entry| entry.variable.name == name).expect("a known setting");
    (entry.shown, entry.source)
}

#[test]
fn each_layer_wins_over_the_one_before_and_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let name = "PROMPTGATE_PORT";
    let env_file = directory.path().join(".env");
    let seen = |settings: &Settings| {
        let (shown, source) = shown(settings, name);
        format!("{} from {}", shown.expect("it has a value"), source.expect("it has a source"))
    };
    assert_eq!(seen(&within(directory.path(), &[])), "8080 from default");
    fs::write(directory.path().join("promptgate.toml"), "port = 1001\n").expect("written");
    assert_eq!(seen(&within(directory.path(), &[])), "1001 from promptgate.toml");
    fs::write(&env_file, "promptgate_port=1002\n").expect("written");
    assert_eq!(seen(&within(directory.path(), &[])), format!("1002 from {}", env_file.display()));
    assert_eq!(seen(&within(directory.path(), &[(name, "1003")])), "1003 from environment");
    let mut sources = sources(directory.path(), &[(name, "1003")]);
    sources.flags = vec![(name, "1004".into())];
    assert_eq!(seen(&sources.resolve().expect("readable")), "1004 from flag");
}

#[test]
fn an_empty_value_counts_as_none_in_every_layer() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("promptgate.toml"), "session_cookie_name = \"\"\n").expect("written");
    fs::write(directory.path().join(".env"), "PROMPTGATE_PORT=\nPROMPTGATE_HOST=0.0.0.0\n").expect("written");
    let settings = within(directory.path(), &[("PROMPTGATE_HOST", ""), ("PROMPTGATE_LOG_LEVEL", "")]);
    assert_eq!(shown(&settings, "PROMPTGATE_PORT").0.as_deref(), Some("8080"));
    assert_eq!(shown(&settings, "PROMPTGATE_HOST").0.as_deref(), Some("0.0.0.0"));
    assert_eq!(shown(&settings, "PROMPTGATE_LOG_LEVEL").0.as_deref(), Some("info"));
    assert_eq!(shown(&settings, "PROMPTGATE_SESSION_COOKIE_NAME").0.as_deref(), Some("promptgate_session"));
}

#[test]
fn the_nearest_dotenv_upwards_is_found() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let deep = root.path().join("a/b/c");
    fs::create_dir_all(&deep).expect("made");
    fs::write(root.path().join(".env"), "PROMPTGATE_PORT=2001\n").expect("written");
    assert_eq!(shown(&within(&deep, &[]), "PROMPTGATE_PORT").0.as_deref(), Some("2001"));
    fs::write(root.path().join("a/.env"), "PROMPTGATE_PORT=2002\n").expect("written");
    assert_eq!(shown(&within(&deep, &[]), "PROMPTGATE_PORT").0.as_deref(), Some("2002"));
}

#[test]
fn a_given_env_file_is_used_instead_of_the_search() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join(".env"), "PROMPTGATE_PORT=2001\nPROMPTGATE_HOST=0.0.0.0\n")
        .expect("written");
    fs::write(directory.path().join("other"), "PROMPTGATE_PORT=2003\n").expect("written");
    let mut given = sources(directory.path(), &[]);
    given.env_file = Some("other".into());
    let settings = given.clone().resolve().expect("readable");
    assert_eq!(shown(&settings, "PROMPTGATE_PORT").0.as_deref(), Some("2003"));
    assert_eq!(shown(&settings, "PROMPTGATE_HOST").0.as_deref(), Some("127.0.0.1"));

    given.env_file = Some("missing".into());
    let error = given.resolve().expect_err("it is not there").to_string();
    assert!(error.starts_with("load ") && error.contains("missing: "), "{error}");
}

#[test]
fn a_directory_called_dotenv_is_an_error() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(directory.path().join(".env")).expect("made");
    let error = sources(directory.path(), &[]).resolve().expect_err("refused");
    assert!(matches!(&error, SettingsError::File { problem, .. } if problem == "is a directory"), "{error}");
}

#[test]
fn unreadable_files_say_where_and_repeat_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("promptgate.toml");
    for wrong in ["jwt_secret = canary\n", "[api]\njwt_secret = \"canary\"\n"] {
        fs::write(&path, wrong).expect("written");
        let line = sources(directory.path(), &[]).resolve().expect_err("refused").to_string();
        assert!(
            line.contains("promptgate.toml") && !line.contains("canary") && !line.contains('\n'),
            "{line}"
        );
    }
    fs::remove_file(path).expect("removed");
    fs::write(directory.path().join(".env"), "A=1\nPROMPTGATE_JWT_SECRET canary\n").expect("written");
    let line = sources(directory.path(), &[]).resolve().expect_err("refused").to_string();
    assert!(line.ends_with("/.env: line 2 is not KEY=value"), "{line}");
}

#[test]
fn unknown_names_give_a_warning_with_the_nearest_known_one() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("promptgate.toml"), "prot = 1\n").expect("written");
    let settings = within(
        directory.path(),
        &[
            ("PROMPTGATE_DATABSE_URL", "x"),
            ("PROMPTGATE_SOMETHING_ELSE_ALTOGETHER", "x"),
            ("PROMPTGATE_TEST_POSTGRES", "x"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(
        settings.warnings(),
        [
            "unknown setting prot (promptgate.toml); did you mean port?",
            "unknown setting PROMPTGATE_DATABSE_URL (environment); did you mean PROMPTGATE_DATABASE_URL?",
            "unknown setting PROMPTGATE_SOMETHING_ELSE_ALTOGETHER (environment)",
        ]
    );
}

#[test]
fn a_legacy_certificate_variable_is_ignored() {
    let settings = with(&[("PROMPTGATE_KEYCLOAK_CA_FILE", "/nowhere")]);
    assert!(settings.warnings().is_empty());
    assert!(settings.secrets().expect("valid").ca_file.is_none());
}

#[test]
fn second_names_are_understood_and_lose_against_first_ones() {
    let name = "PROMPTGATE_OIDC_CLIENT_ID";
    let settings = with(&[("PROMPTGATE_KEYCLOAK_CLIENT_ID", "second")]);
    assert_eq!(shown(&settings, name).0.as_deref(), Some("second"));
    let settings = with(&[("PROMPTGATE_KEYCLOAK_CLIENT_ID", "second"), (name, "first")]);
    assert_eq!(shown(&settings, name).0.as_deref(), Some("first"));
}

#[test]
fn secrets_and_passwords_are_never_shown() {
    let settings = with(&[
        ("PROMPTGATE_JWT_SECRET", "canary"),
        ("PROMPTGATE_SECRETS_KEY", "canary"),
        ("PROMPTGATE_ADMIN_API_KEY", "canary"),
        ("PROMPTGATE_DATABASE_URL", "postgres://user:canary@db/promptgate?password=canary"),
        ("PROMPTGATE_REDIS_URL", "redis://:canary@redis:6379/0"),
        ("OPENAI_API_KEY", "canary"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization canary"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://canary@h:4318/otlp?api_key=canary"),
        ("PROMPTGATE_PROXY_BASE_URL", "http://u:canary@h"),
        ("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000"),
        ("PROMPTGATE_CORS_ALLOWED_ORIGINS", "https://a.example https://u:canary@b.example"),
    ]);
    let everything = format!("{settings:?} {:?}", settings.entries().collect::<Vec<_>>());
    assert!(!everything.contains("canary"), "{everything}");
    assert_eq!(shown(&settings, "PROMPTGATE_REDIS_URL").0.as_deref(), Some("redis://:***@redis:6379/0"));
    assert_eq!(
        shown(&settings, "PROMPTGATE_DATABASE_URL").0.as_deref(),
        Some("postgres://user:***@db/promptgate?***")
    );
    for (name, expected) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://***@h:4318/otlp?***"),
        ("PROMPTGATE_PROXY_BASE_URL", "http://u:***@h/"),
        ("PROMPTGATE_CORS_ALLOWED_ORIGINS", "https://a.example, https://u:***@b.example/"),
        ("PROMPTGATE_FRONTEND_BASE_URL", "http://localhost:3000"),
    ] {
        assert_eq!(shown(&settings, name).0.as_deref(), Some(expected), "{name}");
    }
}
